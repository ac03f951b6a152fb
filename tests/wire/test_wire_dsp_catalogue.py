"""The catalogue on the wire: pages, links, errors, a constant number of queries, and reading a peer's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from datong.catalogue import service as catalogue
from datong.ground.db import NODE
from datong.ground.refusal import Kind, Refusal
from datong.negotiate import service as negotiate
from datong.terms.policy import Policy, from_json, policy_hash
from datong.wire.dsp import catalogue as dsp_catalogue
from datong.wire.dsp.catalogue import fetched, next_link, read_catalogue
from datong.wire.dsp.messages import problems, typed
from datong.wire.http import Answer
from statements import asked_of
from two_nodes import DATASET, OFFER, POLICY, TERMS, Loop, Node, _Caller, listed, two_nodes

BASE = "http://provider.test/dsp/2025-1"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Node, Node, Loop]]:
    provider, consumer = two_nodes(tmp_path)
    yield provider, consumer, Loop(provider, consumer)
    provider.store.dispose()
    consumer.store.dispose()


def list_many(provider: Node, count: int) -> None:
    for number in range(count):
        name = f"d-{number:03d}"
        listed(provider, name, policy=Policy(f"offer-{name}", POLICY.permissions), terms={**TERMS, "product": name})


def asked(loop: Loop, consumer: Node, url: str = f"{BASE}/catalog/request", **members):
    return loop.call(consumer, "POST", url, typed("CatalogRequestMessage", **members))


def test_a_listing_is_shown_as_a_valid_catalogue(pair):
    provider, consumer, loop = pair
    listed(provider)
    answer = asked(loop, consumer)
    value = answer.json()
    assert answer.status == 200
    assert problems(value) == []
    assert value["participantId"] == provider.code
    assert value["service"][0]["endpointURL"] == BASE
    (dataset,) = value["dataset"]
    (offer,) = dataset["hasPolicy"]
    assert (dataset["@id"], offer["@id"], offer["datong:terms"]) == (DATASET, OFFER, TERMS)
    assert "target" not in offer
    assert dataset["distribution"][0]["format"] == "DeltaSharing-PULL"


def test_an_empty_catalogue_leaves_its_datasets_out(pair):
    _, consumer, loop = pair
    value = asked(loop, consumer).json()
    assert "dataset" not in value
    assert problems(value) == []


def test_only_live_listings_are_shown(pair):
    provider, consumer, loop = pair
    listed(provider, state="suspended")
    assert "dataset" not in asked(loop, consumer).json()
    answer = loop.call(consumer, "GET", f"{BASE}/catalog/datasets/{DATASET}")
    assert (answer.status, answer.json()["@type"]) == (404, "CatalogError")
    assert problems(answer.json()) == []


def test_one_dataset(pair):
    provider, consumer, loop = pair
    listed(provider)
    for slash in ("", "/"):
        answer = loop.call(consumer, "GET", f"{BASE}/catalog/datasets/{DATASET}{slash}")
        assert answer.status == 200
        assert answer.json()["@type"] == "Dataset"
        assert problems(answer.json()) == []
    assert loop.call(consumer, "GET", f"{BASE}/catalog/datasets/none").status == 404


def test_pages_are_linked_both_ways_by_post_and_get(pair):
    provider, consumer, loop = pair
    list_many(provider, 5)
    seen, url = [], f"{BASE}/catalog/request"
    for number in range(3):
        answer = asked(loop, consumer, url)
        assert [d["@id"] for d in loop.call(consumer, "GET", url).json()["dataset"]] == [
            d["@id"] for d in answer.json()["dataset"]
        ]
        assert problems(answer.json()) == []
        seen += [dataset["@id"] for dataset in answer.json()["dataset"]]
        link = answer.headers.get("link", "")
        assert ('rel="previous"' in link) is (number > 0)
        url = next_link(link)
        assert bool(url) is (number < 2)
    assert seen == [f"d-{n:03d}" for n in range(5)]


@pytest.mark.parametrize(("members", "url", "code"), [
    ({"filter": [{"x": 1}]}, f"{BASE}/catalog/request", "DSP-406"),
    ({}, f"{BASE}/catalog/request?continuationToken=zzz", "DSP-404"),
    ({"filter": "x"}, f"{BASE}/catalog/request", "DSP-400"),
])  # fmt: skip
def test_what_is_not_supported_is_a_400_catalogue_error(pair, members, url, code):
    _, consumer, loop = pair
    answer = asked(loop, consumer, url, **members)
    assert (answer.status, answer.json()["@type"], answer.json()["code"]) == (400, "CatalogError", code)
    assert problems(answer.json()) == []


EDC = "https://w3id.org/edc/v0.0.1/ns/"


@pytest.mark.parametrize(
    ("asked_for", "shown"),
    [
        ([], ["d-000", "d-001"]),
        (
            [{"@type": "QuerySpec", "offset": 0, "limit": 50, "filterExpression": [], "sortOrder": "ASC"}],
            ["d-000", "d-001"],
        ),
        ([{f"{EDC}offset": {"@value": 1}, f"{EDC}limit": {"@value": 1}}], ["d-001"]),
        ([{"edc:offset": 4, "edc:limit": -5}], ["d-004"]),
    ],
)
def test_a_query_that_only_pages_is_followed(pair, asked_for, shown):
    provider, consumer, loop = pair
    list_many(provider, 5)
    answer = asked(loop, consumer, filter=asked_for)
    assert [dataset["@id"] for dataset in answer.json()["dataset"]] == shown


@pytest.mark.parametrize("selects", [
    {"offset": 0, "filterExpression": [{"operandLeft": "id", "operator": "=", "operandRight": "d-001"}]},
    {"limit": 5, "sortField": "id"}, {"offset": "0"}, "id = 1", 7,
])  # fmt: skip
def test_a_query_that_selects_is_refused(pair, selects):
    _, consumer, loop = pair
    assert asked(loop, consumer, filter=[selects]).json()["code"] in ("DSP-406", "DSP-400")


def test_without_authorization_there_is_nothing(pair):
    _, _, loop = pair
    assert loop.call(None, "POST", f"{BASE}/catalog/request", typed("CatalogRequestMessage")).status == 404


def test_a_page_takes_a_constant_number_of_queries(pair):
    provider, consumer, loop = pair

    def queries() -> int:
        with asked_of(provider.store) as found:
            assert asked(loop, consumer).status == 200
        return len(found)

    listed(provider)
    few = queries()
    list_many(provider, 60)
    assert queries() == few > 0


def test_a_consumer_reads_all_pages_harvests_and_requests_what_it_found(pair):
    provider, consumer, loop = pair
    list_many(provider, 5)
    found = fetched(consumer.store, _Caller(loop, consumer), provider.code)
    assert [item["id"] for item in found] == [f"d-{n:03d}" for n in range(5)]
    assert found[0]["title"] == "Mobility flows 出行流量"
    assert found[0]["quality"] == {"rows": 3}
    assert policy_hash(from_json(found[0]["offers"][0]["policy"])) == policy_hash(Policy("x", POLICY.permissions))
    with consumer.store.begin(NODE, "catalogue") as tx:
        assert catalogue.harvested(tx, sender=provider.code, datasets=found)["kept"] == 5
    with consumer.as_("analyst") as tx:
        negotiate.request(
            tx, provider=provider.code, dataset="d-003", offer_id="offer-d-003", purpose="industry_development"
        )  # fmt: skip
    loop.run()
    assert consumer.negotiation()["state"] == "FINALIZED"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"@type": "Catalog"}'])
def test_a_bad_catalogue_is_refused(body):
    with pytest.raises(Refusal) as refused:
        read_catalogue(body, "node")
    assert refused.value.code == "DSP-422"


def test_offers_that_cannot_be_understood_are_left_out(pair):
    provider, consumer, loop = pair
    listed(provider)
    value = asked(loop, consumer)
    text = value.body.replace(b'"operator":"lt"', b'"operator":"term-lteq"')
    assert text != value.body
    assert read_catalogue(text, "node") == []


class Linked:
    """The provider, whose pages link to what `link` says of the address asked for."""

    def __init__(self, caller, link):
        self.caller, self.link, self.asked = caller, link, []

    def get(self, url):
        return self.caller.get(url)

    def post(self, to, url, body):
        self.asked.append(url)
        answer = self.caller.post(to, url, body)
        answer.headers["link"] = f'<{self.link(url)}>; rel="next"'
        return answer


def test_a_catalogue_without_an_end_is_not_kept_in_part(pair, monkeypatch):
    provider, consumer, loop = pair
    list_many(provider, 3)
    page = f"{provider.address}/dsp/2025-1/catalog/request?continuationToken=0"
    circle = Linked(_Caller(loop, consumer), lambda _url: page)
    endless = Linked(_Caller(loop, consumer), lambda _url: f"{page}&n={len(endless.asked)}")
    monkeypatch.setattr(dsp_catalogue, "PAGES_MAX", 4)
    for caller, asked_for, why in ((circle, 2, "circle"), (endless, 4, "goes on")):
        with pytest.raises(Refusal, match=why) as refused:
            fetched(consumer.store, caller, provider.code)
        assert (refused.value.code, len(caller.asked)) == ("DSP-422", asked_for)


def test_a_catalogue_is_asked_for_again_when_its_node_says_later(pair):
    provider, consumer, loop = pair
    list_many(provider, 1)

    class Later(Linked):
        def post(self, to, url, body):
            return Answer(429, {}, b"")

    with pytest.raises(Refusal) as refused:
        fetched(consumer.store, Later(_Caller(loop, consumer), None), provider.code)
    assert refused.value.kind is Kind.unavailable


@pytest.mark.parametrize(
    ("header", "link"),
    [
        ("<http://a/x?c=1>; rel=next", "http://a/x?c=1"),
        ("</x?c=1,2>; title=\"a, b\"; REL=\"last NEXT\"", "/x?c=1,2"),
        ("<x>; rel=\"previous\", <?page=2>; rel='next'", "?page=2"),
        ("<x>; rel=\"previous\"", ""), ("<é>; rel=x", ""), ("no link", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_next_page_is_found_as_http_writes_links(header, link):
    """What its address looks like is its node's affair (Dataspace Protocol, Pagination)."""
    assert next_link(header) == link


def test_every_page_of_a_catalogue_is_read_whatever_its_links_look_like(pair):
    """A catalogue of which only the first page was kept would look whole."""
    provider, consumer, loop = pair
    list_many(provider, 5)
    caller = _Caller(loop, consumer)

    class Otherwise(Linked):
        def post(self, to, url, body):
            self.asked.append(url)
            answer = caller.post(to, url.replace("cursor", "continuationToken"), body)
            link = next_link(answer.headers.get("link", "")).removeprefix(provider.address)
            answer.headers["link"] = f"<{link.replace('continuationToken', 'cursor')}>; rel=next" if link else ""
            return answer

    peer = Otherwise(caller, None)
    assert len(fetched(consumer.store, peer, provider.code)) == 5
    assert len(peer.asked) == 3


def test_a_next_link_elsewhere_is_not_followed(pair):
    provider, consumer, loop = pair
    list_many(provider, 3)
    caller = _Caller(loop, consumer)
    posted = []

    class Elsewhere:
        def get(self, url):
            return caller.get(url)

        def post(self, to, url, body):
            posted.append(urlsplit(url).netloc)
            answer = caller.post(to, url, body)
            answer.headers["link"] = '<http://elsewhere.test/catalog?continuationToken=2>; rel="next"'
            return answer

    with pytest.raises(Refusal, match="another address") as refused:
        fetched(consumer.store, Elsewhere(), provider.code)
    assert refused.value.code == "DSP-422"
    assert posted == ["provider.test"]

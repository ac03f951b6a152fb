"""Tokens, file addresses and usage events; and the attacks on them that must fail."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

import delivery_case as case
from datong.authorise import store as authorise_rows
from datong.catalogue import store as catalogue_rows
from datong.deliver import rules
from datong.deliver import service as deliver
from datong.deliver import store as rows
from datong.deliver.service import files, granting
from datong.ground.crypto import hashing
from datong.ground.db import NODE, Store, Tx
from datong.ground.refusal import Refusal
from datong.meter import service as meter
from datong.register import store as register_rows


def ready(store: Store, agreement: str = "agr-1", **agreed: Any) -> str:
    """The token of a granted share with one table."""
    with store.begin(NODE, "deliver") as tx:
        case.agree(tx, agreement, **agreed)
        case.lay_out(tx, agreement)
        return case.grant(tx, agreement)[1]


def query(store: Store, token: str) -> dict[str, Any]:
    with store.read() as tx:
        grant = deliver.holder_of(tx, token)
    with store.begin(grant["actor"], "deliver") as tx:
        table = deliver.table_of(tx, grant, "Product", "Mobility-Flows")
        return deliver.grant_files(tx, grant, table)


def opened(store: Store, file: str, address: str) -> dict[str, Any]:
    with store.read() as tx:
        return deliver.open_file(tx, file, dict(parse_qsl(address)))


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(Refusal) as refusal:
        call()
    return refusal.value.code


def test_a_granted_file_is_the_one_that_was_released(provider: Store) -> None:
    given = query(provider, ready(provider))
    (file,) = given["files"]
    found = opened(provider, file["id"], file["query"])
    assert hashing.file_digest(found["path"]) == found["digest"] == file["digest"]
    assert found["path"].stat().st_size == file["bytes"] == found["bytes"]


def test_only_digests_of_tokens_are_kept(provider: Store) -> None:
    token = ready(provider)
    with provider.read(case.person()) as tx:
        assert token not in str(rows.rows(tx, rows.grants))
        assert "token_hash" not in deliver.grants(tx)[0]


@pytest.mark.parametrize("state", ["suspended", "revoked"])
def test_the_token_of_a_node_that_is_no_member_shows_nothing(provider: Store, state: str) -> None:
    token = ready(provider)
    with provider.begin(NODE) as tx:
        tx.change(register_rows.nodes, case.BUYER_NODE, state=state)
    with provider.read() as tx, pytest.raises(Refusal) as refusal:
        deliver.holder_of(tx, token)
    assert refusal.value.code == "USE-410" and state in str(refusal.value)


def withdrawn_right(tx: Tx) -> None:
    tx.change(authorise_rows.instruments, "ins-1", state="WITHDRAWN")


def withdrawn_licence(tx: Tx) -> None:
    row = tx.get(register_rows.ledger, case.RESOURCE)
    assert row is not None
    thing = {**row["entry"]["object"], "licence": {"name": "none", "commercial": False, "derivatives": False}}
    tx.change(register_rows.ledger, case.RESOURCE, entry={**row["entry"], "object": thing})


def withdrawn_listing(tx: Tx) -> None:
    blank = {c.name: {} if str(c.type) == "JSON" else "" for c in catalogue_rows.listings.columns}
    tx.add(catalogue_rows.listings, {**blank, "id": "lst-1", "dataset": case.RESOURCE, "state": "withdrawn"})


@pytest.mark.parametrize(
    ("take", "step"),
    [(withdrawn_right, "clearance"), (withdrawn_licence, "clearance"), (withdrawn_listing, "listing")],
)
def test_an_address_handed_out_ends_with_its_right(provider: Store, take: Callable[[Tx], None], step: str) -> None:
    (file,) = query(provider, ready(provider))["files"]
    opened(provider, file["id"], file["query"])
    with provider.begin(NODE) as tx:
        take(tx)
    with pytest.raises(Refusal) as refusal:
        opened(provider, file["id"], file["query"])
    assert (refusal.value.code, refusal.value.facts["step"]) == ("USE-403", step)
    with provider.read(case.person()) as tx:
        kept = next(row for row in deliver.decisions(tx) if row["id"] == refusal.value.facts["decision"])
        assert (kept["outcome"], kept["step"], kept["action"]) == ("denied", step, "delivery")


def test_a_denial_that_is_asked_for_again_and_again_is_kept_once(provider: Store) -> None:
    """By files and by queries; what is denied for another reason, or long after, is another."""
    token = ready(provider)
    (file,) = query(provider, token)["files"]

    def denied() -> list[str]:
        for ask in (lambda: opened(provider, file["id"], file["query"]), lambda: query(provider, token)):
            with pytest.raises(Refusal) as refusal:
                ask()
        with provider.read(case.person()) as tx:
            assert refusal.value.facts["decision"] in [row["id"] for row in deliver.decisions(tx)]
            return [row["step"] for row in deliver.decisions(tx) if row["outcome"] == "denied"]

    with provider.begin(NODE) as tx:
        withdrawn_right(tx)
    first = denied()
    assert set(first) == {"clearance"} and denied() == denied() == first
    with provider.begin(NODE) as tx:
        tx.execute(rows.decisions.update().values(wall_at="2026-01-01T00:00:00Z"))
    assert len(denied()) == 2 * len(first)


def test_opening_a_file_leaves_no_record_and_does_not_count_against_itself(provider: Store) -> None:
    """One use allowed, and used: its files are still opened, dozens of times; a second query is refused."""
    once = {**case.OPEN_POLICY, "permissions": [case.permission("delivery", count="1")]}
    token = ready(provider, policy_json=once)
    (file,) = query(provider, token)["files"]
    with provider.read(case.person()) as tx:
        before = len(deliver.decisions(tx))
    for _ in range(30):
        opened(provider, file["id"], file["query"])
    with provider.read(case.person()) as tx:
        assert len(deliver.decisions(tx)) == before
    with provider.begin(NODE, "deliver") as tx, pytest.raises(AssertionError):
        case.grant(tx)


def test_many_requests_and_a_refreshed_query_are_one_event(provider: Store, hand: case.Hand) -> None:
    token = ready(provider)
    first = query(provider, token)
    hand.at += timedelta(seconds=600)
    again = query(provider, token)
    assert again["event"] == first["event"]
    assert again["until"] == first["until"] + 600, "addresses of a repeated query live their full time"
    with provider.begin(NODE, "deliver") as tx:
        for _ in range(40):
            deliver.served(tx, first["event"], 1000)
        assert deliver.reconcile(tx, "agr-1") == 1
    with provider.read(case.person()) as tx:
        (event,) = meter.events(tx, "agr-1")
        assert event["bytes_served"] == 40_000
    hand.at += timedelta(seconds=901)
    assert query(provider, token)["event"] != first["event"]


def test_an_address_dies_with_its_time(provider: Store, hand: case.Hand) -> None:
    (file,) = query(provider, ready(provider))["files"]
    hand.at += timedelta(seconds=901)
    assert refused(lambda: opened(provider, file["id"], file["query"])) == "USE-402"


def test_a_count_in_the_policy_is_held_under_threads(provider: Store, hand: case.Hand) -> None:
    """Oversell: two uses allowed, many clients at once, each with its own grant and so its own file set."""
    twice = {**case.OPEN_POLICY, "permissions": [case.permission("delivery", count="2")]}
    with provider.begin(NODE, "deliver") as tx:
        case.agree(tx, policy_json=twice)
        case.lay_out(tx)
        tokens = []
        for _ in range(8):
            tokens.append(case.grant(tx)[1])
    outcomes: list[str] = []

    def one(token: str) -> None:
        try:
            outcomes.append(query(provider, token)["event"])
        except Refusal as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=one, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes).count("USE-403") == 6
    assert len({outcome for outcome in outcomes if outcome != "USE-403"}) == 2
    with provider.read(case.person()) as tx:
        assert len(meter.events(tx, "agr-1")) == 2


def test_a_token_of_one_agreement_opens_no_other_share(provider: Store) -> None:
    mine = ready(provider)
    with provider.begin(NODE) as tx:
        case.grant_use(tx, case.OTHER)
    theirs = ready(provider, "agr-2", consumer=case.OTHER_NODE)
    (other,) = query(provider, theirs)["files"]
    with provider.read() as tx:
        grant = deliver.holder_of(tx, mine)
        assert {table["share"] for table in deliver.share_of(tx, grant)} == {"agr-1"}
    (own,) = query(provider, mine)["files"]
    assert refused(lambda: opened(provider, other["id"], own["query"])) == "USE-402"
    with provider.begin(NODE) as tx:  # even a signature made with the right key for the wrong file
        grant = deliver.holder_of(tx, mine)
        key = files.url_key(tx.store, grant["key_id"])
        assert key is not None
        address = granting._address(key, other["id"], grant["id"], "use-1", 9_999_999_999)
    assert refused(lambda: opened(provider, other["id"], address)) == "USE-404"


@pytest.mark.parametrize("name", ["grant", "event", "until", rules.SIGNATURE])
def test_an_altered_address_is_refused(provider: Store, name: str) -> None:
    (file,) = query(provider, ready(provider))["files"]
    parts = dict(parse_qsl(file["query"]))
    for value in ("", "0", "9999999999", parts[name][:-1] + ("0" if parts[name][-1] != "0" else "1")):
        altered = "&".join(f"{k}={value if k == name else v}" for k, v in parts.items())
        assert refused(lambda address=altered: opened(provider, file["id"], address)) == "USE-402"


@pytest.mark.parametrize("file", ["../../keys/node.pem", "..%2f..%2fdatong.db", "/etc/passwd", "a\x00b", ""])
def test_a_file_id_is_never_a_path(provider: Store, file: str) -> None:
    token = ready(provider)
    query(provider, token)
    with provider.read() as tx:
        grant = deliver.holder_of(tx, token)
        key = files.url_key(tx.store, grant["key_id"])
        assert key is not None
    address = granting._address(key, file, grant["id"], "use-1", 9_999_999_999)
    assert refused(lambda: opened(provider, file, address)) == "USE-404"


@pytest.mark.parametrize("token", ["", "dt_", "dt_" + "x" * 43, "x" * 10_000, "é"])
def test_a_token_that_is_none(provider: Store, token: str) -> None:
    ready(provider)
    assert refused(lambda: query(provider, token)) == "USE-401"


def test_a_new_token_voids_the_old_one(provider: Store) -> None:
    old = ready(provider)
    with provider.begin(NODE, "deliver") as tx:
        grant = deliver.holder_of(tx, old)
        new = granting.new_token(tx, grant["id"])
    assert refused(lambda: query(provider, old)) == "USE-401"
    assert query(provider, new)["files"]


def test_revocation_works_at_once_and_replay_fails(provider: Store) -> None:
    token = ready(provider)
    (file,) = query(provider, token)["files"]
    with provider.begin(case.person(), "deliver") as tx:
        deliver.suspend(tx, agreement="agr-1", reason="check")
    assert refused(lambda: query(provider, token)) == "USE-410"
    assert refused(lambda: opened(provider, file["id"], file["query"])) == "USE-410"
    with provider.begin(case.person(), "deliver") as tx:
        deliver.resume(tx, agreement="agr-1")
        deliver.end_agreement(tx, agreement="agr-1", reason="withdrawn")
    assert refused(lambda: opened(provider, file["id"], file["query"])) == "USE-410"
    assert refused(lambda: query(provider, token)) == "USE-401", "the token's digest is gone"


def test_the_business_clock_ends_tokens_and_addresses(provider: Store) -> None:
    token = ready(provider)
    (file,) = query(provider, token)["files"]
    with provider.begin(NODE) as tx:
        case.move_business_clock(tx, "2026-10-01T00:00:00Z")
    assert refused(lambda: query(provider, token)) == "USE-410"
    assert refused(lambda: opened(provider, file["id"], file["query"])) == "USE-410"
    with provider.begin(NODE, "deliver") as tx:
        assert deliver.ENDS[0].all(tx) == 1
        assert deliver.ENDS[0].all(tx) == 0
        ending = tx.get(rows.endings, "agr-1")
        assert ending is not None and "到期" in ending["reason"]


def test_versions_and_names(provider: Store, hand: case.Hand) -> None:
    token = ready(provider)
    with provider.begin(NODE, "deliver") as tx:
        assert case.lay_out(tx)["version"] == 1, "the same file again is no new version"
        hand.at += timedelta(hours=1)
    with provider.begin(NODE, "deliver") as tx:
        assert case.lay_out(tx, table=case.counts(50))["version"] == 2
        grant = deliver.holder_of(tx, token)
        assert deliver.table_of(tx, grant, "PRODUCT", "mobility-FLOWS")["version"] == 2
        assert deliver.table_of(tx, grant, "product", "mobility-flows", version=1)["rows"] == 100
        assert deliver.table_of(tx, grant, "product", "mobility-flows", at="2026-11-23T12:30:00Z")["version"] == 1
        assert (
            deliver.table_of(tx, grant, "product", "mobility-flows", from_time="2026-11-23T12:30:00Z")["version"] == 2
        )
        assert refused(lambda: deliver.table_of(tx, grant, "product", "mobility-flows", version=3)) == "USE-404"
        assert refused(lambda: deliver.table_of(tx, grant, "product", "x' OR 1=1 --")) == "USE-404"

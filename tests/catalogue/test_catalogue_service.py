"""Listing behind its gates, offers that can be agreed, harvest of peers and search, on real stores and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from datong.authorise import store as authorise_store
from datong.catalogue import rules, store
from datong.catalogue import service as catalogue
from datong.catalogue.model import Searched
from datong.catalogue.service import finding, gates
from datong.compose import service as compose
from datong.compose import store as compose_store
from datong.ground import evidence
from datong.ground.canonical import digest_bytes
from datong.ground.crypto.hashing import file_digest
from datong.ground.db import settings
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.store import builds as harmonise_builds
from datong.harmonise.store import files as harmonise_files
from datong.negotiate import service as negotiate
from datong.negotiate import store as negotiate_store
from datong.negotiate.service.binding import uncontractable
from datong.price import store as price_store
from datong.register import store as register_store
from datong.terms.policy import from_json as policy_from_json
from datong.terms.policy import policy_hash
from neighbours import PARTIES, Neighbours, node_code
from statements import asked_of

GROUP, BIKE, BUREAU, BODY = (
    PARTIES[name][0] for name in ("data-group", "bike-company", "traffic-bureau", "data-bureau")
)
FLOWS, GATES, TRIPS = "P-FLOWS", "R-GATES", "R-TRIPS"
NOW = "2026-03-02T00:00:00Z"
LAB = node_code("city-lab")
SPLIT = [
    {"party": GROUP, "weight": 1, "payee_kind": "company", "account": "g"},
    {"party": BUREAU, "weight": 1, "payee_kind": "treasury", "account": "t"},
]


@pytest.fixture
def world(tmp_path: Path) -> Neighbours:
    world = Neighbours(tmp_path, "data-group", "bike-company", "city-lab")
    world.register("resource", GATES, "traffic-bureau", public_data=True)
    world.register("resource", TRIPS, "bike-company")
    world.register("product", FLOWS, "data-group", inputs=[GATES, TRIPS])
    for name, opened in world.stores.items():
        harmonise.install(opened, tmp_path / name)
        compose.install(opened, tmp_path / name)
    return world


def right(world: Neighbours, at: str, kind: str, grantor: str, grantee: str = "", **changes: Any) -> None:
    row = {
        "id": f"ins-{kind}-{grantor}", "kind": kind, "state": "IN_FORCE", "title": "t", "grantor_party": grantor,
        "grantee_party": grantee, "grantee_node": "", "resources": [GATES, TRIPS],
        "purposes": ["industry_development", "public_welfare"], "acts": [], "items": {}, "parents": [],
        "from_at": "2026-03-01T00:00:00Z", "until_at": "2027-03-01T00:00:00Z", "copies_to": [], "value": {}, "digest": "",
        "serial": 1, "drafted_by": "", "drafter_let_in_by": "", "changed_at": NOW, **changes,
    }  # fmt: skip
    with world.as_person(at) as tx:
        tx.add(authorise_store.instruments, row)


def rights(world: Neighbours) -> None:
    right(world, "data-group", "agreement", BODY, GROUP)
    right(world, "data-group", "consent", BUREAU, BODY)
    right(world, "data-group", "data_use", BIKE, GROUP)
    right(world, "data-group", "legal_basis", BIKE)
    right(world, "data-group", "legal_basis", BUREAU)
    right(world, "bike-company", "data_use", BIKE, GROUP)
    right(world, "bike-company", "legal_basis", BIKE)


RECIPE: dict[str, Any] = {
    "name": "mobility-flows", "zone": "Asia/Shanghai", "period": {"from": "2026-01-01", "until": "2026-02-01"},
    "origin": {"lat": 26.0, "lon": 106.0}, "area": {"south": 26.0, "west": 106.0, "north": 27.0, "east": 107.0},
    "levels": [{"km": "whole", "hours": "whole"}], "k": 5, "form": "controlled", "purposes": ["industry_development"],
    "parts": [{"part": "bike", "resource": TRIPS, "standard": "trip", "measures": [
        {"name": "starts", "subject": "rider_id", "time": "at", "lat": "lat", "lon": "lon", "events_as": "starts",
         "subjects_as": "riders"}]}],
}  # fmt: skip


def version(world: Neighbours, folder: Path, riders: int = 100) -> None:
    """A version of the product as a build leaves it: a file and its row. 100 riders in one group: R = 1 % at CR = 1."""
    place = folder / "data-group" / "products" / "v1.parquet"
    place.parent.mkdir(parents=True, exist_ok=True)
    row = {"group_id": "0:*:*", "starts": 200, "riders": riders, "suppressed_types": ""}
    pq.write_table(pa.Table.from_pylist([row]), place)
    known = {
        "id": "ver-1", "product": FLOWS, "version": 1, "partition": "p", "recipe": RECIPE, "path": "products/v1.parquet",
        "digest": digest_bytes(place.read_bytes()), "rows": 1, "recipient_group": "g", "kept": {"1 km": 0.2}, "account": {},
        "risk": {"overall_risk": 0.03}, "inputs": [], "at": NOW,
    }  # fmt: skip
    with world.as_person("data-group") as tx:
        if tx.get(compose_store.versions, "ver-1") is None:
            tx.add(compose_store.versions, known)
        else:
            tx.change(compose_store.versions, "ver-1", digest=known["digest"])


def fee(world: Neighbours, purpose: str, amount_fen: int) -> None:
    ceiling = {
        "id": "ceil", "survey": "s", "product": FLOWS, "cap_fen": 1000, "forecast_count": 1, "unit": "per_delivery", "issuer": "i", "serial": 1,
        "value": {}, "state": "IN_FORCE", "at": NOW,
    }  # fmt: skip
    row = {"id": f"fee-{purpose}", "product": FLOWS, "purpose": purpose, "amount_fen": amount_fen, "unit": "per_delivery",
           "state": "PUBLISHED", "set_by": "p", "set_at": NOW, "published_at": NOW}  # fmt: skip
    with world.as_person("data-group") as tx:
        if tx.get(price_store.ceilings, "ceil") is None:
            tx.add(price_store.ceilings, ceiling)
        tx.add(price_store.fees, row)


def build(world: Neighbours, folder: Path) -> None:
    """A harmonised build of the trips as harmonise leaves it."""
    place = harmonise_files.place(folder / "bike-company", TRIPS, "build-1") / harmonise_files.HARMONISED
    place.parent.mkdir(parents=True)
    place.write_bytes(b"parquet")
    row = {
        "id": "build-1", "seq": 1, "resource": TRIPS, "source": "s", "mapping": "m", "standard": "trip", "state": "built",
        "read": 2, "harmonised": 2, "quarantined": 0, "reasons": {}, "reasons_by_column": [], "repairs": [],
        "quality": {"completeness": 1.0}, "elements": [{"name": "started_at", "zh": "开始时间", "en": "start time"}],
        "files": {harmonise_files.HARMONISED: {"digest": file_digest(place), "bytes": 7, "rows": 2}},
        "digest": "d", "source_digest": "d", "standard_digest": "d", "mapping_digest": "d", "plan_digest": "d", "by": "p",
        "at": NOW,
    }  # fmt: skip
    with world.as_person("bike-company") as tx:
        tx.add(harmonise_builds.builds, row)
        harmonise_builds.point_to(tx, TRIPS, "build-1")


def publish(world: Neighbours, at: str = "data-group", **changes: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "dataset": FLOWS, "title": "城市出行流量 Mobility flows", "description": "单车与车辆的联合计数",
        "purposes": ["industry_development", "public_welfare"], "from_at": "2026-03-02", "until_at": "2027-03-01",
        "split": SPLIT, **changes,
    }  # fmt: skip
    with world.as_person(at) as tx:
        return catalogue.publish(tx, **asked)


@pytest.fixture
def ready(world: Neighbours, tmp_path: Path) -> Neighbours:
    rights(world)
    version(world, tmp_path)
    fee(world, "industry_development", 900)
    fee(world, "public_welfare", 0)
    return world


def refusal_of(call: Any, *args: Any, **named: Any) -> Refusal:
    with pytest.raises(Refusal) as refused:
        call(*args, **named)
    return refused.value


def test_a_listing_tells_no_rows_of_the_product(world: Neighbours, tmp_path: Path) -> None:
    rights(world)
    version(world, tmp_path)
    fee(world, "industry_development", 900)
    shown = publish(world, purposes=["industry_development"])
    assert shown["risk"]["overall_risk"] == 0.01
    with world.stores["data-group"].read() as tx:
        said = str(catalogue.datasets(tx))
    assert "worst" not in said and "0:*:*" not in said, "the smallest groups by name"
    assert "assessment" not in said


def test_what_is_listed_can_be_reported(ready: Neighbours) -> None:
    """With one text that is too long for a report all of a node's listings would be missing in the merged catalogue."""
    for said in ({"description": "计" * 2001}, {"title": "t" * 201}):
        assert refusal_of(publish, ready, **said).code == "GEN-413"
    (problem,) = refusal_of(publish, ready, title=" ").problems
    assert problem.where == "title"
    publish(ready, description="计" * 2000, title="t" * 200)
    with ready.as_person("data-group") as tx:
        assert catalogue.report_catalogue(tx, function_node=node_code("data-bureau"))["entries"] == 1
    (message,) = ready.outgoing("data-group")
    with ready.as_person("city-lab") as tx:
        tx.add(settings, {"id": "register.area", "value": "5201"})
    ready.deliver("city-lab", "data-group", message["type"], message["body"])
    with ready.as_person("city-lab") as tx:
        assert len(catalogue.merged_catalogue(tx)) == 1


def test_a_products_listing_has_its_own_quality(ready: Neighbours) -> None:
    assert publish(ready)["quality"]["completeness"] == {
        "group_id": 1.0, "starts": 1.0, "riders": 1.0, "suppressed_types": 1.0,
    }  # fmt: skip


def test_a_listing_has_one_offer_per_purpose_with_terms_and_words(ready: Neighbours) -> None:
    shown = publish(ready)
    assert shown["state"] == "live"
    assert shown["risk"]["overall_risk"] == 0.01, "as the gate finds it now, not as the build did"
    assert [column["name"] for column in shown["schema"]] == ["group_id", "starts", "riders", "suppressed_types"]
    offers = {offer["purpose"]: offer for offer in shown["offers"]}
    assert offers["industry_development"]["terms"]["tariff"] == {"kind": "per_delivery", "amount_fen": 900}
    assert offers["public_welfare"]["terms"]["tariff"] == {"kind": "free", "amount_fen": 0}
    assert set(offers["public_welfare"]["terms"]) == {
        "product", "purpose", "delivery_form", "tariff", "split", "inputs", "from", "until",
    }  # fmt: skip
    assert "禁止" in offers["public_welfare"]["words"]["zh"]
    for one in offers.values():
        assert one["policy"]["id"] == one["id"]
        assert policy_hash(policy_from_json(one["policy"])) == one["policy_hash"]
    with ready.as_person("data-group") as tx:
        live = catalogue.offers_of(tx, FLOWS)
        assert [o["state"] for o in live] == ["live", "live"]
        assert catalogue.offer(tx, live[0]["id"])["listing"]["agree"] == "node"
        assert catalogue.published_dataset(tx, FLOWS, to=LAB)["id"] == FLOWS
        assert [d["id"] for d in catalogue.published_page(tx, to=LAB, offset=0, limit=5)] == [FLOWS]
        assert catalogue.published_page(tx, to=LAB, offset=1, limit=5) == []


def test_all_gaps_are_told_at_once(world: Neighbours) -> None:
    world.register("product", FLOWS, "data-group", inputs=[GATES, TRIPS], state="REVIEWED")
    refused = refusal_of(publish, world, policy={"id": "x", "permissions": [{"action": "read"}]})
    assert refused.code == "CAT-403"
    gates = {problem.where.split(":")[0] for problem in refused.problems}
    assert gates == {"registered", "cleared", "quality", "risk", "price", "policy"}


NO_DERIVATIVES = {"name": "CC BY-ND 4.0", "commercial": True, "derivatives": False}


def test_a_product_over_what_must_stay_unchanged_is_refused_by_the_name_of_the_licence(ready: Neighbours) -> None:
    ready.register("resource", TRIPS, "bike-company", licence=NO_DERIVATIVES)
    refused = refusal_of(publish, ready)
    assert (refused.code, {p.where for p in refused.problems}) == ("CAT-403", {f"cleared: {TRIPS}"})
    assert all("(CC BY-ND 4.0) do not allow derived works" in p.en for p in refused.problems)
    assert all("「CC BY-ND 4.0」不允许演绎" in p.zh for p in refused.problems)


def test_what_must_stay_unchanged_is_listed_and_not_handed_out(world: Neighbours, tmp_path: Path) -> None:
    rights(world)
    build(world, tmp_path)
    world.register("resource", TRIPS, "bike-company", licence=NO_DERIVATIVES)
    shown = publish(world, "bike-company", dataset=TRIPS, purposes=["industry_development"], split=[])
    assert shown["state"] == "live"
    assert shown["licence"] == NO_DERIVATIVES
    with world.stores["bike-company"].read() as tx:
        told = catalogue.listing(tx, dataset=TRIPS)
    assert not told["offered"]
    assert ["do not allow derived works" in m["en"] for m in told["offers"][0]["missing"]] == [True]


@pytest.mark.parametrize("core", [FLOWS, TRIPS, GATES])
def test_core_data_are_neither_listed_nor_made_into_a_product_that_is(ready: Neighbours, core: str) -> None:
    owner = {FLOWS: "data-group", TRIPS: "bike-company", GATES: "traffic-bureau"}[core]
    more = {"inputs": [GATES, TRIPS]} if core == FLOWS else {}
    ready.register("product" if core == FLOWS else "resource", core, owner, level="core",
                   public_data=core == GATES, **more)  # fmt: skip
    refused = refusal_of(publish, ready)
    assert (refused.code, {p.where.split(": ")[1] for p in refused.problems}) == ("CAT-403", {core})
    assert all("core data" in p.en for p in refused.problems)


@pytest.mark.parametrize("missing", ["agreement", "consent", "data_use", "legal_basis"])
def test_a_missing_right_keeps_it_off_the_list(ready: Neighbours, missing: str) -> None:
    with ready.as_person("data-group") as tx:
        tx.execute(authorise_store.instruments.delete().where(authorise_store.instruments.c.kind == missing))
    refused = refusal_of(publish, ready)
    assert {problem.where.split(":")[0] for problem in refused.problems} == {"cleared"}


def test_a_listing_of_which_nothing_is_offered_any_more_is_on_no_road(ready: Neighbours) -> None:
    """As little in the answers of the national rail and the report to the function node as in the Dataspace Protocol's."""
    publish(ready)
    of = authorise_store.instruments
    with ready.as_person("data-group") as tx:
        assert [one["dataset"] for one in catalogue.listings_for(tx, LAB)] == [FLOWS]
        assert catalogue.listing_for(tx, FLOWS, LAB)["dataset"] == FLOWS
        assert catalogue.report_catalogue(tx, function_node=node_code("data-bureau"))["entries"] == 1
        tx.execute(of.update().where(of.c.kind == "data_use").values(state="WITHDRAWN"))
        assert catalogue.listings_for(tx, LAB) == []
        assert catalogue.report_catalogue(tx, function_node=node_code("data-bureau"))["entries"] == 0
        for find in (lambda: catalogue.listing_for(tx, FLOWS, LAB),
                     lambda: catalogue.published_dataset(tx, FLOWS, to=LAB)):  # fmt: skip
            with pytest.raises(Refusal) as refused:
                find()
            assert refused.value.code == "CAT-404"


@pytest.mark.parametrize("lost", ["agreement", "consent", "data_use", "legal_basis"])
def test_an_offer_whose_right_is_gone_is_not_offered_and_the_owner_sees_why(ready: Neighbours, lost: str) -> None:
    publish(ready)
    of = authorise_store.instruments
    with ready.as_person("data-group") as tx:
        tx.execute(of.update().where(of.c.kind == lost, of.c.resources != []).values(purposes=["public_welfare"]))
        shown = catalogue.listing(tx, dataset=FLOWS)
        assert shown["offered"]
        missing = {one["purpose"]: one["missing"] for one in shown["offers"]}
        assert missing["public_welfare"] == []
        assert any(
            "does not allow the purpose industry_development" in each["en"] for each in missing["industry_development"]
        )
        (page,) = catalogue.published_page(tx, to=LAB, offset=0, limit=5)
        assert [one["purpose"] for one in page["offers"]] == ["public_welfare"]
        assert not {"missing", "offered"} & {*page, *page["offers"][0]}
        tx.execute(of.update().where(of.c.kind == lost).values(state="WITHDRAWN"))
        assert catalogue.listing(tx, dataset=FLOWS)["offered"] is False
        assert all("WITHDRAWN" in one["missing"][0]["en"] for one in catalogue.listing(tx, dataset=FLOWS)["offers"])
        assert [page["offers"] for page in catalogue.published_page(tx, to=LAB, offset=0, limit=5)] == [[]]
        assert catalogue.find(tx) == []
    assert refusal_of(lambda: published(ready)).code == "CAT-404"


@pytest.mark.parametrize(
    ("gone", "entry", "why"),
    [
        (FLOWS, {"state": "ENDED"}, "cancelled or revoked"),
        (FLOWS, {"valid_until": "2026-03-01"}, "was valid until 2026-03-01"),
        (TRIPS, {"state": "ENDED"}, "cancelled or revoked"),
    ],
    ids=["product cancelled", "product lapsed", "input cancelled"],
)
def test_what_is_not_registered_any_more_is_offered_to_nobody(
    ready: Neighbours, gone: str, entry: dict[str, str], why: str
) -> None:
    publish(ready)
    with ready.as_person("data-group") as tx:
        assert catalogue.listing(tx, dataset=FLOWS)["offered"] is True
        known = tx.get(register_store.ledger, gone)
        assert known is not None
        tx.change(register_store.ledger, gone, entry={**known["entry"], **entry}, state=entry.get("state", "CODED"))
        shown = catalogue.listing(tx, dataset=FLOWS)
        assert shown["offered"] is False
        assert all(any(m["where"] == gone and why in m["en"] for m in one["missing"]) for one in shown["offers"])
        assert catalogue.find(tx) == []
    assert refusal_of(lambda: published(ready)).code == "CAT-404"


def published(world: Neighbours) -> dict[str, Any]:
    with world.as_person("data-group") as tx:
        return catalogue.published_dataset(tx, FLOWS, to=LAB)


def test_a_split_that_no_supply_contract_promises_is_told_when_the_product_is_listed(
    ready: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "unpromised", [negotiate.unpromised])  # as app gives it
    free = {"tariff": {"kind": "free", "amount_fen": 0}, "product": TRIPS}
    row = {
        "id": "agr-supply", "code": "c", "negotiation": "n", "dataset": TRIPS, "offer_id": "o",
        "provider": node_code("bike-company"), "consumer": node_code("data-group"), "provider_party": BIKE,
        "consumer_party": GROUP, "policy_hash": "h", "policy": {"id": "p", "permissions": []},
        "terms": {**free, "split": [{**SPLIT[0], "weight": 3}, SPLIT[1]]}, "from": NOW, "until": None, "agreed_at": NOW,
        "signatures": [], "keys": {}, "signed": "both", "digest": "d", "state": "FINALIZED",
    }  # fmt: skip
    with ready.as_person("data-group") as tx:
        tx.add(negotiate_store.agreements, row)
        tx.change(compose_store.versions, "ver-1", inputs=[{"resource": TRIPS, "agreement": "agr-supply"}])
    refused = refusal_of(publish, ready)
    assert [problem.en for problem in refused.problems] == ["is not the split that supply contract agr-supply has"]
    assert publish(ready, purposes=["public_welfare"])["state"] == "live", "what is free has no revenue to split"
    with ready.as_person("data-group") as tx:
        tx.change(negotiate_store.agreements, "agr-supply", terms={**free, "split": SPLIT})
    assert publish(ready)["state"] == "live"


def test_price_risk_and_split_gates(ready: Neighbours, tmp_path: Path) -> None:
    assert "price" in str(refusal_of(publish, ready, tariffs={"industry_development": 901}))
    assert "treasury" in str(refusal_of(publish, ready, split=[{**part, "payee_kind": "company"} for part in SPLIT]))
    assert "split" in str(refusal_of(publish, ready, split=[]))
    version(ready, tmp_path, riders=10)
    assert "risk" in str(refusal_of(publish, ready)) and "DID-412" in str(refusal_of(publish, ready))
    version(ready, tmp_path)
    assert "DID-415" in str(refusal_of(publish, ready, delivery_form="public")), "the recipe is of another form"
    with ready.as_person("data-group") as tx:
        tx.change(price_store.fees, "fee-public_welfare", state="SET")
    assert "PRC-605" in str(refusal_of(publish, ready))
    refused = refusal_of(
        publish,
        ready,
        purposes=[],
        delivery_form="enclave",
        template="gift",
        agree="maybe",
        from_at="soon",
        max_count=0,
    )
    assert len(refused.problems) == 6
    assert refusal_of(publish, ready, dataset="nothing").code == "REG-419"


def test_what_would_go_without_effect_is_told(ready: Neighbours) -> None:
    """A fee for a misspelt purpose left a resource free; a count beside own rules counted nothing."""
    told = refusal_of(publish, ready, tariffs={"industry_develpment": 900})
    assert [problem.where for problem in told.problems] == ["tariffs.industry_develpment"]
    own = publish(ready, purposes=["industry_development"])["offers"][0]["policy"]
    told = refusal_of(publish, ready, purposes=["industry_development"], policy=own, max_count=3)
    assert [problem.where for problem in told.problems] == ["max_count"]
    assert publish(ready, purposes=["industry_development"], policy=own)["state"] == "live"


def test_publishing_twice_is_publishing_once_and_a_change_replaces(ready: Neighbours) -> None:
    first = publish(ready)
    assert publish(ready) == first
    changed = publish(ready, title="Mobility flows 2")
    with ready.as_person("data-group") as tx:
        assert [row["listing"] for row in catalogue.listings(tx, state="live")] == [changed["listing"]]
        assert len(catalogue.listings(tx)) == 2
    assert publish(ready)["listing"] == first["listing"]  # back again


def test_an_offer_is_what_it_was_when_the_terms_are_the_same(ready: Neighbours) -> None:
    first = {offer["purpose"]: offer["id"] for offer in publish(ready)["offers"]}
    second = {offer["purpose"]: offer["id"] for offer in publish(ready, download=False)["offers"]}
    assert set(first.values()).isdisjoint(second.values())


def test_a_template_makes_the_policy_of_an_offer(ready: Neighbours) -> None:
    shown = publish(ready, purposes=["industry_development"], template="count-limited", max_count=3)
    [offer] = shown["offers"]
    assert "number of uses is at most 3" in offer["words"]["en"]
    refusal = refusal_of(publish, ready, purposes=["industry_development"], template="count-limited")
    assert "max_count" in str(refusal)


def test_suspend_restore_withdraw(ready: Neighbours) -> None:
    offer = publish(ready)["offers"][0]["id"]
    with ready.as_person("data-group") as tx:
        catalogue.suspend(tx, dataset=FLOWS, reason="check")
        assert catalogue.listing_state(tx, FLOWS) == "suspended"
        assert catalogue.offer(tx, offer)["state"] == "suspended"
        assert catalogue.offers_of(tx, FLOWS) == catalogue.datasets(tx) == []
        assert refusal_of(catalogue.published_dataset, tx, FLOWS, to=LAB).code == "CAT-404"
        catalogue.restore(tx, dataset=FLOWS, reason="fine")
        assert catalogue.offer(tx, offer)["state"] == "live"
        catalogue.withdraw(tx, dataset=FLOWS, reason="over")
        assert catalogue.listing_state(tx, FLOWS) == "withdrawn"
        assert catalogue.offer(tx, offer)["state"] == "withdrawn"
        assert refusal_of(catalogue.restore, tx, dataset=FLOWS, reason="x").code == "CAT-404"
        assert catalogue.listing_state(tx, "never") == ""


DIMENSIONS = [
    {"dimension": "completeness", "zh": "完整性", "indicator": "completeness", "formula": "f", "a": 1170, "b": 1171,
     "value": 1170 / 1171},
    {"dimension": "accuracy", "zh": "准确性", "indicator": "accuracy", "formula": "f", "a": 59, "b": 60, "value": 59 / 60},
    {"dimension": "accuracy", "zh": "准确性", "indicator": "uniqueness", "formula": "f", "a": 7, "b": 8, "value": 7 / 8},
    {"dimension": "timeliness", "zh": "时效性", "indicator": "freshness", "formula": "f", "a": 0, "b": 0, "value": None},
]  # fmt: skip


def test_what_a_peer_reads_of_rows_that_never_leave_tells_of_no_single_one(world: Neighbours, tmp_path: Path) -> None:
    """Listed again after one more joined: exact numbers told that, a digest of the rows whether a guess of them is
    right. People of the node read both."""
    rights(world)
    build(world, tmp_path)
    told = []
    for rows, digest in ((411, "d-1"), (412, "d-2")):
        quality = {"grade": "A", "score": 0.98, "dimensions": DIMENSIONS, "rule": "GB/T 36344-2018", "measured_on": "s"}
        change = {"harmonised": rows, "digest": digest, "quality": quality}
        with world.as_person("bike-company") as tx:
            tx.execute(harmonise_builds.builds.update().values(**change))
        at_home = publish(world, "bike-company", dataset=TRIPS, purposes=["industry_development"], split=[])
        assert (at_home["rows"], at_home["digest"], at_home["quality"]) == (rows, digest, quality)
        with world.as_person("bike-company") as tx:
            (page,) = catalogue.published_page(tx, to=LAB, offset=0, limit=5)
            assert page == catalogue.published_dataset(tx, TRIPS, to=LAB)
        told.append({name: page.get(name) for name in ("rows", "digest", "quality")})
    assert told[0] == told[1]
    assert (told[0]["rows"], told[0]["digest"]) == (420, None)
    assert told[0]["quality"]["grade"] == "A" and "score" not in told[0]["quality"]
    assert [one["value"] for one in told[0]["quality"]["dimensions"]] == [1.0, 1.0, None, None]
    assert not any({"a", "b"} & set(one) for one in told[0]["quality"]["dimensions"])


def test_a_resource_is_listed_for_the_group_to_count_on(world: Neighbours, tmp_path: Path) -> None:
    rights(world)
    resource: dict[str, Any] = {"dataset": TRIPS, "purposes": ["industry_development"], "split": []}
    assert "STD-421" in str(refusal_of(publish, world, "bike-company", **resource))
    build(world, tmp_path)
    shown = publish(world, "bike-company", **resource)
    assert shown["kind"] == "resource"
    assert shown["quality"] == {"completeness": 1.0}
    (offer,) = shown["offers"]
    assert offer["terms"]["tariff"]["kind"] == "free"
    assert offer["terms"]["k"] == 5, "the floor of the form, where the owner asks for no more"
    (strict,) = publish(world, "bike-company", **resource, k=12)["offers"]
    assert strict["terms"]["k"] == 12 and "p" not in strict["terms"]
    (of_sums,) = publish(world, "bike-company", **resource, p=10)["offers"]
    assert of_sums["terms"]["p"] == 10
    assert "should be 1 to 100" in str(refusal_of(publish, world, "bike-company", **resource, p=0))
    assert "at least 5" in str(refusal_of(publish, world, "bike-company", **resource, k=4))
    assert "goes with counts" in str(refusal_of(publish, world, "bike-company", **resource, delivery_form="noisy", k=5))
    (noisy,) = publish(world, "bike-company", **resource, delivery_form="noisy")["offers"]
    assert noisy["terms"]["delivery_form"] == "noisy" and "k" not in noisy["terms"], "noise has no threshold"
    assert {rule["action"] for rule in offer["policy"]["permissions"]} == {
        "compute",
        "delivery",
        "jointDevelop",
        "process",
    }


@pytest.mark.parametrize(("public", "code"), [(True, "PRC-601"), (False, "")])
def test_public_resources_are_free_for_governance_and_welfare(
    world: Neighbours, tmp_path: Path, public: bool, code: str
) -> None:
    """As their products are, whether a listing names the price or a contract would."""
    right(world, "bike-company", "agreement", BIKE, GROUP)
    right(world, "bike-company", "data_use", BIKE, GROUP)
    right(world, "bike-company", "legal_basis", BIKE)
    build(world, tmp_path)
    world.register("resource", TRIPS, "bike-company", public_data=public)
    asked: dict[str, Any] = {"dataset": TRIPS, "purposes": ["public_welfare"],
                             "split": [{**SPLIT[0], "party": BIKE}]}  # fmt: skip
    shown = publish(world, "bike-company", **asked)
    terms = shown["offers"][0]["terms"]
    paid = {**terms, "tariff": {"kind": "per_delivery", "amount_fen": 1}}
    with world.as_person("bike-company") as tx:
        assert uncontractable(tx, TRIPS, terms) is None
        refused = uncontractable(tx, TRIPS, paid)
    assert (refused.code if refused else "") == code
    if code:
        told = refusal_of(publish, world, "bike-company", **asked, tariffs={"public_welfare": 1})
        assert [code in p.en for p in told.problems] == [True]
    else:
        assert publish(world, "bike-company", **asked, tariffs={"public_welfare": 1})["state"] == "live"


def test_every_listing_and_offer_has_a_leaf_that_fits_it(ready: Neighbours) -> None:
    publish(ready)
    publish(ready, title="other")
    with ready.stores["data-group"].read() as tx:
        for table in (store.listings, store.offers):
            for row in tx.all(select(table)):
                of = (evidence.leaves.c.table_name == table.name) & (evidence.leaves.c.record_id == row.id)
                last = tx.all(select(evidence.leaves).where(of).order_by(evidence.leaves.c.seq))[-1]
                assert last.record_digest == evidence.row_digest(tx, table, dict(row._mapping))


# --- search and harvest ----------------------------------------------------------------------------------------


def harvested(world: Neighbours, datasets: list[dict[str, Any]], sender: str = "data-group") -> dict[str, Any]:
    with world.as_person("city-lab") as tx:
        return catalogue.harvested(tx, node_code(sender), datasets)


def found(world: Neighbours, at: str, q: str, **more: Any) -> list[str]:
    with world.as_person(at) as tx:
        return [hit["dataset"] for hit in catalogue.find(tx, q=q, **more)]


def test_a_buyer_finds_the_product_and_its_offer(ready: Neighbours) -> None:
    publish(ready)
    with ready.as_person("data-group") as tx:
        said = catalogue.datasets(tx)
    assert harvested(ready, said) == {
        "source": node_code("data-group"),
        "stated": 1,
        "kept": 1,
        "changed": 1,
        "gone": 0,
    }
    assert harvested(ready, said)["changed"] == 0
    for query in ("出行流量", "mobility", "starts", "industry", "产业发展", FLOWS, ""):
        assert found(ready, "city-lab", query) == [FLOWS], query
        assert found(ready, "data-group", query) == [FLOWS], query
    assert found(ready, "city-lab", "地铁") == []
    assert found(ready, "city-lab", "", purpose="credit_scoring") == []
    with ready.as_person("city-lab") as tx:
        (hit,) = catalogue.find(tx, q="mobility")
        assert hit["source"] == node_code("data-group")
        assert hit["prices_fen"] == {"industry_development": 900, "public_welfare": 0}
        offer = catalogue.found_offer(tx, provider=node_code("data-group"), dataset=FLOWS, offer=hit["offers"][0]["id"])
        assert offer["dataset"] == FLOWS
        assert {"policy", "terms"} <= set(offer)
        for other in ({"provider": node_code("bike-company")}, {"dataset": "P-OTHER"}, {"offer": "o-none"}):
            asked = {"provider": node_code("data-group"), "dataset": FLOWS, "offer": offer["id"], **other}
            assert refusal_of(catalogue.found_offer, tx, **asked).code == "CAT-404"


@pytest.mark.parametrize("entry", [{"state": "ENDED"}, {"valid_until": "2026-03-01"}], ids=["ended", "lapsed"])
def test_a_buyer_does_not_find_what_its_ledger_says_is_over(ready: Neighbours, entry: dict[str, str]) -> None:
    """The ledger's entry comes at once, the provider's catalogue with the next harvest."""
    publish(ready)
    with ready.as_person("data-group") as tx:
        said = catalogue.datasets(tx)
    harvested(ready, [*said, item(1)])
    assert sorted(found(ready, "city-lab", "")) == sorted([FLOWS, "d-1"])
    with ready.as_person("city-lab") as tx:
        known = tx.get(register_store.ledger, FLOWS)
        assert known is not None
        tx.change(register_store.ledger, FLOWS, entry={**known["entry"], **entry}, state=entry.get("state", "CODED"))
    assert found(ready, "city-lab", "") == ["d-1"]


def item(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"d-{number}", "title": f"t {number}", "description": "", "offers": [], **changes}


def test_harvest_counts_are_equal_and_what_is_gone_goes(world: Neighbours) -> None:
    assert harvested(world, [item(n) for n in range(5)])["kept"] == 5
    counts = harvested(world, [item(1), item(2, title="new"), item(9)])
    assert (counts["stated"], counts["kept"], counts["changed"], counts["gone"]) == (3, 3, 2, 3)
    harvested(world, [item(1)], sender="bike-company")
    assert sorted(found(world, "city-lab", "")) == ["d-1", "d-1", "d-2", "d-9"]
    with world.as_person("city-lab") as tx:
        assert [(p["stated"], p["kept"]) for p in sorted(catalogue.peers(tx), key=lambda p: p["stated"])] == [
            (1, 1),
            (3, 3),
        ]


def test_a_wrong_harvest_takes_nothing(world: Neighbours) -> None:
    harvested(world, [item(1)])
    refused = refusal_of(harvested, world, [item(2), {"id": 5}])
    assert (refused.code, refused.facts["number"]) == ("CAT-422", 2)
    assert found(world, "city-lab", "") == ["d-1"]


WORDS = [
    "", "流量", "flow", "Flows 3", "单车 共享", "公益", "welfare", "单", "started", "STARTED_AT", "d-7", "100%", "_", "\\u6d41",
    "城市出行流量与" * 40, "no such thing",
]  # fmt: skip
"""What people look for: words of both languages, halves of them, codes, signs that a database reads otherwise."""


@pytest.mark.parametrize("q", WORDS)
def test_what_is_found_is_what_looking_through_everything_finds(ready: Neighbours, q: str) -> None:
    """Only what holds a word is read, and of that only what is asked for: no hit is lost by it, and none comes in."""
    publish(ready)
    offer = {"id": "o", "policy": {}, "terms": {"purpose": "public_welfare", "tariff": {"amount_fen": 0}}}
    column = {"name": "started_at", "title": "流量开始时间"}
    items = [item(1, title="共享单车 Flows"), item(2, description="100% of 城市流量"), item(3, offers=[offer]),
             item(4, schema=[column]), item(5, keywords=["单车"], standard="trip"), item(7)]  # fmt: skip
    with ready.as_person("data-group") as tx:
        catalogue.harvested(tx, node_code("bike-company"), items)
    with ready.as_person("data-group") as tx:
        cards = {"own": catalogue.find(tx, id=FLOWS)[0], **{i["id"]: catalogue.find(tx, id=i["id"])[0] for i in items}}
        whole = {
            f"{card['source']}/{card['dataset']}": finding._card(card["source"], card["dataset"], {**value, **card})
            for (name, card), value in zip(cards.items(), [catalogue.datasets(tx)[0], *items], strict=True)
        }
        things = [Searched(key, finding._fields(card)) for key, card in whole.items()]
        wanted = [(key.partition("/")[2], score, why) for key, score, why in rules.ranked(q, things)]
        hits = catalogue.find(tx, q=q)
        assert [(hit["dataset"], hit["score"], hit["why"]) for hit in hits] == wanted
        for size in (1, 2, 3):
            pages = [catalogue.find(tx, q=q, limit=size, offset=at) for at in range(0, len(hits) + 1, size)]
            assert [hit for page in pages for hit in page] == hits
        assert catalogue.find(tx, q=q, purpose="no\0ne") == catalogue.find(tx, q=q, id="no\0ne") == []


@pytest.mark.parametrize(("q", "purpose"), [("", None), ("title", None), ("", "public_welfare")])
def test_a_page_of_hits_reads_few_of_many_whole(world: Neighbours, q: str, purpose: str | None) -> None:
    terms = {"purpose": "public_welfare", "tariff": {"amount_fen": 0}}
    many = [item(n, title=f"title {n}", offers=[{"id": "o", "policy": {}, "terms": terms}]) for n in range(500)]
    asked = []
    for number in (250, 500):
        harvested(world, many[:number])
        with asked_of(world.stores["city-lab"]) as queries, world.stores["city-lab"].read() as tx:
            assert len(catalogue.find(tx, q=q, purpose=purpose, limit=5)) == 5
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_a_page_takes_the_same_number_of_queries_whatever_it_holds(ready: Neighbours) -> None:
    publish(ready)
    counts = []
    opened = ready.stores["data-group"]
    for extra in range(3):
        with ready.as_person("data-group") as tx:
            (row, *_) = store.all_listings(tx, "live")
            tx.add(store.listings, {**row, "id": f"listing-{extra}", "dataset": f"P-{extra}"})
        with asked_of(opened) as queries, opened.read() as tx:
            assert len(catalogue.published_page(tx, to=LAB, offset=0, limit=50)) == extra + 2
        counts.append(len(queries))
    assert len(set(counts)) == 1 and counts[0] > 0


def test_beside_exact_sums_the_number_of_all_rows_is_the_remainder(world: Neighbours, tmp_path: Path) -> None:
    """All groups of a partition have exact numbers of events; what the p% rule held back is the total but for these."""
    rights(world)
    build(world, tmp_path)
    for asked, told in (({}, 10), ({"p": 10}, None)):
        publish(world, "bike-company", dataset=TRIPS, purposes=["industry_development"], split=[], **asked)
        with world.as_person("bike-company") as tx:
            (page,) = catalogue.published_page(tx, to=LAB, offset=0, limit=5)
        assert page.get("rows") == told, asked

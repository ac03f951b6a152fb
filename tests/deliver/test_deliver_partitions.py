"""A provider's way from harmonised rows to a released table: rounds under the agreement, counts, gate, share.

The rows, the rounds, the counts and the gate are real; the group is played by hand at the other end.
"""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

import delivery_case as case
from datong.authorise import store as authorise_rows
from datong.catalogue import service as catalogue
from datong.catalogue import store as catalogue_rows
from datong.compose import service as compose
from datong.compose import store as compose_rows
from datong.deidentify import service as deidentify
from datong.deidentify import store as deidentify_rows
from datong.deidentify.rules.finding.grading import PUBLIC_OBJECTS
from datong.deidentify.rules.recipe import recipe_digest
from datong.deliver import service as deliver
from datong.deliver import store as rows
from datong.deliver.service import files
from datong.ground import jobs
from datong.ground.crypto import hashing
from datong.ground.db import NODE, Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.store import builds
from datong.harmonise.store import files as harmonised_files
from datong.meter import service as meter
from datong.register import store as register_rows

LEVELS = [{"km": 2, "hours": 24}, {"km": "whole", "hours": 24}, {"km": "whole", "hours": "whole"}]
RECIPE: dict[str, Any] = {
    "name": "mobility-flows", "zone": "America/New_York", "period": {"from": "2019-09-01", "until": "2019-09-04"},
    "origin": {"lat": 42.0, "lon": -72.8}, "area": {"south": 42.0, "west": -72.8, "north": 42.2, "east": -72.6},
    "levels": LEVELS, "k": 5, "form": "controlled", "purposes": [case.PURPOSE],
    "parts": [{"part": "bike", "resource": case.RESOURCE, "standard": "trip", "measures": [
        {"name": "starts", "subject": "rider_id", "time": "started_at", "lat": "start_lat", "lon": "start_lon",
         "events_as": "starts", "subjects_as": "start_riders"}]}],
}  # fmt: skip
GOOD = (
    "purpose_limited", "no_reidentification", "no_onward", "penalty", "linkable_data", "training",
    "separate_environment", "access_control", "logging", "encryption", "breach_history", "retention",
)  # fmt: skip


def trips(count: int = 60, riders: int = 14) -> pa.Table:
    rng = random.Random(7)
    begin = datetime(2019, 9, 1, 5, tzinfo=UTC)
    return pa.table(
        {
            "rider_id": [f"r{rng.randrange(riders)}" for _ in range(count)],
            "started_at": pa.array([begin + timedelta(minutes=rng.randrange(68 * 60)) for _ in range(count)], pa.timestamp("us", "UTC")),
            "start_lat": [42.001 + rng.random() * 0.01 for _ in range(count)],
            "start_lon": [-72.799 + rng.random() * 0.01 for _ in range(count)],
        }
    )  # fmt: skip


@pytest.fixture
def bike(provider: Store) -> Store:
    """The provider with a harmonised build of its resource and an agreement with the group."""
    folder = files.place(provider).folder
    harmonise.install(provider, folder)
    place = harmonised_files.place(folder, case.RESOURCE, "build-1")
    place.mkdir(parents=True)
    path = place / harmonised_files.HARMONISED
    pq.write_table(trips(), path)
    digest = hashing.file_digest(path)
    elements = [{"name": name, "personal": name == "rider_id"} for name in trips().column_names]
    with provider.begin(NODE, "harmonise") as tx:
        known = {"id": "build-1", "seq": 1, "resource": case.RESOURCE, "state": "built", "harmonised": 60,
                 "read": 60, "quarantined": 0, "elements": elements, "digest": digest, "at": case.NOW,
                 "files": {harmonised_files.HARMONISED: {"digest": digest}}}  # fmt: skip
        blank = {c.name: {} if str(c.type) == "JSON" else "" for c in builds.builds.columns}
        tx.add(builds.builds, {**blank, **known})
        builds.point_to(tx, case.RESOURCE, "build-1")
    with provider.begin(case.person("data_engineer"), "deidentify") as tx:
        deidentify.propose_classification(tx, dataset=case.RESOURCE)
        impacts = dict.fromkeys(PUBLIC_OBJECTS, "none")
        deidentify.confirm_classification(tx, dataset=case.RESOURCE, rest=True, impacts=impacts)
    offer = listed(provider)
    with provider.begin(NODE, "negotiate") as tx:
        case.agree(tx, terms=offer["terms"], policy_json=offer["policy"])
    return provider


def listed(store: Store, **more: Any) -> dict[str, Any]:
    """The offer of the resource as its owner lists it, through every gate."""
    with store.begin(case.person("product_manager"), "catalogue") as tx:
        (offer,) = catalogue.publish(
            tx, dataset=case.RESOURCE, title="trips", description="counts only", purposes=[case.PURPOSE],
            from_at=case.FROM, until_at=case.UNTIL, **more,
        )["offers"]  # fmt: skip
    return dict(offer)


def ask(store: Store, level: int, passed: list[str], sender: str = case.BUYER_NODE, **changed: Any) -> None:
    body = {"partition": "partition-1", "product": "P-1", "level": level, "recipe": RECIPE,
            "recipe_digest": recipe_digest(RECIPE), "resource": case.RESOURCE, "agreement": "agr-1",
            "passed": passed, **changed}  # fmt: skip
    with store.begin(case.peer(sender), "compose") as tx:
        deliver.received_partition_ask(tx, sender=sender, body=body)


def sent(store: Store) -> list[dict[str, Any]]:
    with store.read() as tx:
        found = tx.all(select(jobs.jobs.c.payload).where(jobs.jobs.c.kind == "node.send"))
        return [row.payload for row in found]


def agreed(store: Store) -> list[list[str]]:
    """Play the group through all rounds; the passed nodes per level."""
    passed: list[list[str]] = []
    for level in range(len(LEVELS)):
        ask(store, level, passed[-1] if passed else [])
        ask(store, level, passed[-1] if passed else [])  # delivered twice
        holds = [m["body"] for m in sent(store) if m["body"].get("level") == level]
        assert len(holds) == 1 and sent(store)[-1]["to"] == case.BUYER_NODE
        passed.append(sorted(holds[0]["nodes"]))
    body = {"partition": "partition-1", "resource": case.RESOURCE, "agreement": "agr-1",
            "recipe_digest": recipe_digest(RECIPE), "passed": passed[-1],
            "digest": deidentify.groups_digest(recipe_digest(RECIPE), passed)}  # fmt: skip
    with store.begin(case.peer(case.BUYER_NODE), "compose") as tx:
        deliver.received_partition_agreed(tx, sender=case.BUYER_NODE, body=body)
    return passed


def assess(store: Store, folder: Path, subject: str = case.RESOURCE, **worse: str) -> dict[str, Any]:
    """A person of the function node assesses; the provider's node receives the signed record."""
    assessor = case.open_node(folder / f"assessor-{len(list(folder.iterdir()))}", case.OTHER_NODE)
    with assessor.begin(case.person("assessor", case.OTHER), "deidentify") as tx:
        record = deidentify.assess(
            tx, provider_parties=[case.OWNER], recipient_group=case.BUYER, subject=subject,
            answers={**dict.fromkeys(GOOD, "good"), **worse}, expires="2026-06-30", nodes=[],
        )  # fmt: skip
    assessor.dispose()
    with store.begin(case.peer(case.OTHER_NODE), "deidentify") as tx:
        deidentify.received_assessment(tx, sender=case.OTHER_NODE, body=record)
    return record


def withdraw(store: Store, record: dict[str, Any]) -> None:
    """As received_assessment_withdrawn does, whose own tests stand in tests/deidentify."""
    with store.begin(NODE, "deidentify") as tx:
        notice = {"assessment": record["id"], "reason": "x", "withdrawn_at": tx.now}
        tx.change(deidentify_rows.assessments, record["id"], withdrawal=notice)


def release(store: Store) -> dict[str, Any]:
    with store.begin(case.person(), "deliver") as tx:
        return deliver.release_supply(tx, agreement="agr-1")


def test_rounds_are_answered_under_the_agreement_and_the_groups_kept(bike: Store) -> None:
    assert any(agreed(bike))
    with bike.read(case.person()) as tx:
        assert {row["action"] for row in deliver.decisions(tx)} == {"compute"}
        assert deidentify.partition_part(tx, agreement="agr-1")["state"] == "agreed"


def test_a_stranger_or_another_recipe_gets_no_answer(bike: Store) -> None:
    for hostile, code in (
        ({"sender": case.OTHER_NODE}, "USE-416"),
        ({"agreement": "agr-9"}, "CTR-408"),
        ({"agreement": None}, "USE-400"),
        ({"resource": "RES-0002"}, "USE-403"),
        ({"recipe": {**RECIPE, "k": 2}, "recipe_digest": recipe_digest({**RECIPE, "k": 2})}, "DID"),
        ({"level": "0"}, "DID"),
    ):
        with pytest.raises(Refusal) as refused:
            ask(bike, **{"level": 0, "passed": [], **hostile})
        assert refused.value.code.startswith(code), hostile
    assert sent(bike) == []


def test_what_is_no_name_of_anybody_is_not_counted_by_though_the_standard_calls_it_personal(bike: Store) -> None:
    """Every start has its own latitude: five of them may be one rider's."""
    elements = [{"name": name, "personal": True} for name in trips().column_names]
    with bike.begin(NODE, "harmonise") as tx:
        tx.change(builds.builds, "build-1", elements=elements)
    for subject in ("start_lat", "started_at"):
        (part,) = RECIPE["parts"]
        value = {**RECIPE, "parts": [{**part, "measures": [{**part["measures"][0], "subject": subject}]}]}
        with pytest.raises(Refusal) as refused:
            ask(bike, 0, [], recipe=value, recipe_digest=recipe_digest(value))
        assert refused.value.code == "DID-425"
    ask(bike, 0, [])
    assert len(sent(bike)) == 1


def test_of_data_that_nobody_confirmed_no_round_is_answered(bike: Store) -> None:
    with bike.begin(case.person("data_engineer"), "deidentify") as tx:
        elements = [{"name": name, "personal": name == "rider_id"} for name in (*trips().column_names, "remark")]
        tx.change(builds.builds, "build-1", elements=elements)
    with pytest.raises(Refusal) as refused:
        ask(bike, 0, [])
    assert refused.value.code == "DID-463"
    assert sent(bike) == []


def test_before_the_partition_is_agreed_nothing_is_released(bike: Store) -> None:
    ask(bike, 0, [])
    with pytest.raises(Refusal) as refused:
        release(bike)
    assert refused.value.code == "USE-411"
    assert not list((files.place(bike).folder / "data" / "staging").glob("*"))


def test_the_gate_refuses_and_nothing_is_left(bike: Store) -> None:
    agreed(bike)
    with pytest.raises(Refusal) as refused:  # without an assessment record CR = 1
        release(bike)
    assert refused.value.code.startswith("DID-41")
    with bike.read(case.person()) as tx:
        assert deliver.shares(tx) == []
    assert not list(files.place(bike).folder.glob("data/released/**/*.parquet"))
    assert not list((files.place(bike).folder / "data" / "staging").glob("*.parquet"))


def test_the_released_table_is_what_the_gate_saw(bike: Store, tmp_path: Path) -> None:
    agreed(bike)
    assess(bike, tmp_path)
    shown = release(bike)
    assert (shown["share"], shown["schema_name"], shown["table_name"], shown["version"]) == (
        "agr-1", "supply", "trip", 1,
    )  # fmt: skip
    (file,) = shown["files"]
    path = files.place(bike).folder / file["path"]
    table = pq.ParquetFile(path).read()
    assert hashing.file_digest(path) == file["digest"] and table.num_rows == shown["rows"] > 0
    assert min(table["start_riders"].to_pylist()) >= 5
    assert "rider_id" not in table.column_names
    with bike.read(case.person()) as tx:
        record = deidentify.releases(tx)[0]
        assert shown["source"]["release"] == record["id"] and record["file_digest"] == file["digest"]
        assert {row["action"] for row in deliver.decisions(tx)} == {"compute", "delivery"}
    assert release(bike)["version"] == 1, "the same counts are no new version"
    with bike.begin(NODE) as tx:
        case.move_business_clock(tx, "2026-07-15T00:00:00Z")  # the assessment has expired, the agreement has not
    with pytest.raises(Refusal) as refused:
        release(bike)
    assert refused.value.code.startswith("DID-41")


def test_a_withdrawn_right_stops_rounds_and_release(bike: Store, tmp_path: Path) -> None:
    agreed(bike)
    assess(bike, tmp_path)
    with bike.begin(NODE) as tx:
        tx.change(authorise_rows.instruments, "ins-1", state="WITHDRAWN")
    with pytest.raises(Refusal) as refused:
        release(bike)
    assert refused.value.code == "USE-403" and refused.value.facts["step"] == "clearance"
    with bike.read() as tx:
        assert [row["outcome"] for row in rows.rows(tx, rows.decisions)][-1] == "denied"


def test_own_staff_see_rows_only_by_a_recorded_decision(bike: Store) -> None:
    with bike.begin(case.person(), "deliver") as tx:
        shown = deliver.own_rows(tx, resource=case.RESOURCE, kind="harmonised", limit=3)
    assert shown["total"] == 60 and len(shown["rows"]) == 3 and shown["rows"][0]["started_at"].startswith("2019-09")
    with bike.read(case.person()) as tx:
        (decision,) = deliver.decisions(tx)
        assert (decision["id"], decision["purpose"], decision["outcome"]) == (shown["decision"], "own_work", "allowed")


PRODUCT = "P-0001"


@pytest.fixture
def group(bike: Store, tmp_path: Path) -> Store:
    """The same node as a group: a product version made of the counts, assessed, agreed with the buyer."""
    folder = files.place(bike).folder
    compose.install(bike, folder)
    passed = agreed(bike)
    groups = [str(g.node) for g in deidentify.groups_of(deidentify.recipe_from(RECIPE), passed)]
    data = harmonised_files.place(folder, case.RESOURCE, "build-1") / harmonised_files.HARMONISED
    table = deidentify.counts(data=data, recipe=RECIPE, resource=case.RESOURCE, groups=groups)
    path = folder / "products" / PRODUCT / "1.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(table, path)
    assess(bike, tmp_path, PRODUCT)
    described = {
        "id": "prod-1",
        "name_en": "Mobility flows",
        "standard": "mobility-flows",
        "inputs": [case.RESOURCE],
        "public_data": False,
        "personal": False,
    }
    entry = {"object": described, "code": PRODUCT, "registrants": [{"party": case.OWNER, "name": "owner"}]}
    known = {"id": f"{PRODUCT}/1", "product": PRODUCT, "version": 1, "recipe": RECIPE, "rows": table.num_rows,
             "path": f"products/{PRODUCT}/1.parquet", "digest": hashing.file_digest(path), "at": case.NOW}  # fmt: skip
    with bike.begin(NODE, "compose") as tx:
        tx.add(
            register_rows.ledger,
            {"id": PRODUCT, "version": 2, "kind": "product", "state": "CODED", "entry": entry, "at": case.NOW},
        )
        blank = {c.name: {} if str(c.type) == "JSON" else "" for c in compose_rows.versions.columns}
        tx.add(compose_rows.versions, {**blank, **known})
        case.agree(tx, "agr-p", dataset=PRODUCT)
    return bike


def test_a_product_is_laid_ready_when_its_buyer_asks(group: Store) -> None:
    ask = {
        "sender": case.BUYER_NODE,
        "agreement_id": "agr-p",
        "format": "DeltaSharing-PULL",
        "callback": "http://buyer0000.test",
    }
    for number in (1, 2):  # a second transfer uses the same version
        with group.begin(case.peer(case.BUYER_NODE), "deliver") as tx:
            told = deliver.transfer_requested(tx, consumer_pid=f"cp-{number}", **ask)
        assert told["state"] == "STARTED"
    with group.read(case.person()) as tx:
        (share,) = deliver.shares(tx)
        assert (share["schema_name"], share["table_name"], share["source"]["version"]) == (
            "product", "mobility-flows", f"{PRODUCT}/1",
        )  # fmt: skip
        assert share["files"][0]["digest"] == compose.version(tx, product=PRODUCT)["digest"]
        assert len(deliver.grants(tx)) == 2
    with group.begin(case.person(), "deliver") as tx:
        assert deliver.offer_product(tx, agreement="agr-p")["version"] == 1


def test_a_product_the_gate_refuses_ends_the_request_with_the_reason(group: Store) -> None:
    with group.begin(NODE) as tx:
        case.move_business_clock(tx, "2026-07-15T00:00:00Z")  # the assessment has expired
    with group.begin(case.peer(case.BUYER_NODE), "deliver") as tx:
        told = deliver.transfer_requested(
            tx, sender=case.BUYER_NODE, consumer_pid="cp-1", agreement_id="agr-p", format="DeltaSharing-PULL",
            callback="http://buyer0000.test",
        )  # fmt: skip
    assert told["state"] == "TERMINATED"
    with group.read(case.person()) as tx:
        (process,) = deliver.transfers(tx)
        assert process["code"].startswith("DID-41") and deliver.shares(tx) == [] and deliver.grants(tx) == []
        reason = " ".join(process["reason"])
    assert "was not released" in reason
    assert "f = " not in reason, "the sizes of its smallest classes did not pass the gate either"
    assert not re.search(r"(?<![\w-])[0-9.]+(?![\w-])", reason.partition("]")[2].rstrip(".")), "nor any other figure"


def test_a_suspended_listing_stops_delivery(group: Store) -> None:
    blank = {c.name: {} if str(c.type) == "JSON" else "" for c in catalogue_rows.listings.columns}
    with group.begin(NODE) as tx:
        tx.add(catalogue_rows.listings, {**blank, "id": "lst-1", "dataset": PRODUCT, "state": "suspended"})
        decision = deliver.decide(tx, agreement="agr-p", action="delivery")
        assert decision.verdict.step == "listing" and not decision.allowed


def test_a_product_with_a_column_delta_cannot_name_leaves_nothing_behind(group: Store) -> None:
    """The refusal ends the request; neither a release nor a staged file remains."""
    path = files.place(group).folder / "products" / PRODUCT / "1.parquet"
    table = pq.ParquetFile(path).read()
    pq.write_table(table.set_column(1, "starts", table["starts"].cast(pa.uint64())), path)
    with group.begin(NODE) as tx:
        before = len(deidentify_rows.all_releases(tx))
        tx.change(compose_rows.versions, f"{PRODUCT}/1", digest=hashing.file_digest(path))
    with group.begin(case.peer(case.BUYER_NODE), "deliver") as tx:
        told = deliver.transfer_requested(
            tx, sender=case.BUYER_NODE, consumer_pid="cp-1", agreement_id="agr-p", format="DeltaSharing-PULL",
            callback="http://buyer0000.test",
        )  # fmt: skip
    assert told["state"] == "TERMINATED"
    with group.read(case.person()) as tx:
        assert len(deidentify_rows.all_releases(tx)) == before and deliver.shares(tx) == []
        assert deliver.transfers(tx)[0]["code"] == "USE-412"
    assert not list((files.place(group).folder / "data" / "staging").glob("*"))


# --- the gate, asked again at every way to what lies ready --------------------------------------------------------


def expired(store: Store, _record: dict[str, Any], _folder: Path) -> None:
    with store.begin(NODE) as tx:
        case.move_business_clock(tx, "2026-07-15T00:00:00Z")


def gone(store: Store, record: dict[str, Any], _folder: Path) -> None:
    withdraw(store, record)


def outdone(store: Store, _record: dict[str, Any], folder: Path) -> None:
    assess(store, folder, logging="none", no_reidentification="none")


def pulled(store: Store, token: str) -> dict[str, Any]:
    with store.read() as tx:
        grant = deliver.holder_of(tx, token)
    with store.begin(grant["actor"], "deliver") as tx:
        table = deliver.share_of(tx, grant)[0]
        return deliver.grant_files(tx, grant, deliver.table_of(tx, grant, table["schema_name"], table["table_name"]))


def opened(store: Store, file: dict[str, Any]) -> dict[str, Any]:
    with store.read() as tx:
        return deliver.open_file(tx, file["id"], dict(parse_qsl(file["query"])))


def transfer(store: Store, number: int) -> Any:
    with store.begin(case.peer(case.BUYER_NODE), "deliver") as tx:
        return deliver.transfer_requested(
            tx, sender=case.BUYER_NODE, consumer_pid=f"cp-{number}", agreement_id="agr-1", format="DeltaSharing-PULL",
            callback="http://buyer0000.test",
        )["state"]  # fmt: skip


@pytest.mark.parametrize("worsened", [expired, gone, outdone])
def test_what_passed_the_gate_once_is_not_delivered_when_its_record_no_longer_lets_it(
    bike: Store, tmp_path: Path, worsened: Any
) -> None:
    agreed(bike)
    record = assess(bike, tmp_path)
    release(bike)
    with bike.begin(NODE, "deliver") as tx:
        token = case.grant(tx)[1]
    (file,) = pulled(bike, token)["files"]
    opened(bike, file)
    assert transfer(bike, 1) == "STARTED"
    worsened(bike, record, tmp_path)
    for way in (lambda: pulled(bike, token), lambda: opened(bike, file)):
        with pytest.raises(Refusal) as refused:
            way()
        facts = refused.value.facts
        assert (refused.value.code, facts["step"], facts["rule"]) == ("USE-403", "gate", "DID-412")
        with bike.read() as tx:
            kept = tx.get(rows.decisions, facts["decision"])
            assert kept is not None and kept["outcome"] == "denied", "the denial is recorded, from a read too"
    assert transfer(bike, 2) == "TERMINATED"
    with bike.read(case.person()) as tx:
        assert len(meter.events(tx, "agr-1")) == 1, "nothing more was counted"


def test_what_is_laid_ready_anew_is_not_held_against_what_lies_there(bike: Store, tmp_path: Path) -> None:
    """The verbs that count again ask the gate themselves, and their refusal names the change that would pass."""
    agreed(bike)
    record = assess(bike, tmp_path)
    release(bike)
    withdraw(bike, record)
    with pytest.raises(Refusal) as refused:
        release(bike)
    assert refused.value.code == "DID-412"
    assess(bike, tmp_path)
    assert release(bike)["version"] == 1


def test_neither_a_smaller_k_nor_another_form_than_listed_is_counted(bike: Store) -> None:
    offer = listed(bike, k=8)
    with bike.begin(NODE, "negotiate") as tx:
        case.agree(tx, "agr-8", terms=offer["terms"], policy_json=offer["policy"])
        terms = {**offer["terms"], "delivery_form": "public"}
        case.agree(tx, "agr-public", terms=terms, policy_json=offer["policy"])
        case.agree(tx, "agr-enclave", terms={**terms, "delivery_form": "enclave"}, policy_json=offer["policy"])
    for agreement, code, where in (
        ("agr-8", "DID-425", "k"), ("agr-public", "DID-425", "form"), ("agr-enclave", "USE-403", ""),
    ):  # fmt: skip
        with pytest.raises(Refusal) as refused:
            ask(bike, 0, [], agreement=agreement)
        assert refused.value.code == code and where in {"", *(p.where for p in refused.value.problems)}
    strict = {**RECIPE, "k": 8}
    ask(bike, 0, [], agreement="agr-8", recipe=strict, recipe_digest=recipe_digest(strict))


def test_the_p_rule_of_the_offer_is_kept_whatever_a_recipe_says(bike: Store) -> None:
    offer = listed(bike, p=10)
    with bike.begin(NODE, "negotiate") as tx:
        case.agree(tx, "agr-p", terms=offer["terms"], policy_json=offer["policy"])
    with pytest.raises(Refusal) as refused:
        ask(bike, 0, [], agreement="agr-p")
    assert refused.value.code == "DID-425" and [one.where for one in refused.value.problems] == ["p"]
    strict = {**RECIPE, "p": 10}
    ask(bike, 0, [], agreement="agr-p", recipe=strict, recipe_digest=recipe_digest(strict))


def test_a_cancelled_partition_frees_the_resource(bike: Store) -> None:
    ask(bike, 0, [])
    body = {"partition": "partition-1", "resource": case.RESOURCE, "agreement": "agr-1"}
    with pytest.raises(Refusal), bike.begin(case.peer(case.OTHER_NODE), "compose") as tx:
        deliver.received_partition_cancelled(tx, sender=case.OTHER_NODE, body=body)
    for _ in range(2):
        with bike.begin(case.peer(case.BUYER_NODE), "compose") as tx:
            deliver.received_partition_cancelled(tx, sender=case.BUYER_NODE, body=body)
    ask(bike, 0, [], partition="partition-2")
    with bike.read(case.person()) as tx:
        assert deidentify.partition_part(tx, agreement="agr-1")["partition"] == "partition-2"


def test_why_two_may_hold_theirs_apart_is_no_engineers_word(bike: Store) -> None:
    with pytest.raises(Refusal) as refused, bike.begin(case.person("data_engineer"), "deliver") as tx:
        deliver.release_supply(tx, agreement="agr-1", reason="they will not talk to each other")
    assert refused.value.code == "GEN-403" and "legal" in str(refused.value)
    with pytest.raises(Refusal) as not_ready, bike.begin(case.person("legal"), "deliver") as tx:
        deliver.release_supply(tx, agreement="agr-1", reason="they will not talk to each other")
    assert not_ready.value.code != "GEN-403", "a legal officer's goes on to everything else that is asked"


def both_hats(person: str, *, issued_by: str = "") -> Actor:
    roles = frozenset({"data_engineer", "legal", "reviewer"})
    return Actor(person=person, role="legal", party=case.OWNER, roles=roles, issued_by=issued_by)


def beside_another(bike: Store, folder: Path) -> None:
    """Groups are agreed for the buyer of which another recipient holds others: what went to the buyer before is given
    to a friend of its in the store."""
    agreed(bike)
    assess(bike, folder)
    release(bike)
    with bike.begin(NODE, "deidentify") as tx:
        for of in (deidentify_rows.releases, deidentify_rows.parts):
            for row in tx.rows(select(of)):
                tx.change(of, row["id"], recipient_group="91520100FRIEND0001", agreement="agr-friend")
        for row in rows.rows(tx, rows.share_tables):
            tx.change(rows.share_tables, row["id"], agreement="agr-friend")
    smaller = {**RECIPE, "area": {**RECIPE["area"], "north": 42.0105}, "levels": LEVELS[-1:]}
    changed = {"partition": "partition-2", "recipe": smaller, "recipe_digest": recipe_digest(smaller)}
    ask(bike, 0, [], **changed)
    passed = [sorted([m["body"] for m in sent(bike) if m["body"].get("partition") == "partition-2"][-1]["nodes"])]
    assert passed[0]
    body = {"partition": "partition-2", "resource": case.RESOURCE, "agreement": "agr-1", "passed": passed[0],
            "recipe_digest": recipe_digest(smaller),
            "digest": deidentify.groups_digest(recipe_digest(smaller), passed)}  # fmt: skip
    with bike.begin(case.peer(case.BUYER_NODE), "compose") as tx:
        deliver.received_partition_agreed(tx, sender=case.BUYER_NODE, body=body)


def test_nobody_lets_out_by_their_own_reason_what_they_asked_for(bike: Store, tmp_path: Path) -> None:
    """One person in both roles, or two of whom one let the other in, are one hand."""
    beside_another(bike, tmp_path)

    def released(who: Actor, reason: str = "") -> str:
        try:
            with bike.begin(who, "deliver") as tx:
                deliver.release_supply(tx, agreement="agr-1", reason=reason)
        except Refusal as refusal:
            return refusal.code
        return ""

    why = "neither contract lets it be passed on"
    assert released(both_hats("p-1"), why) == "DID-560", "nobody asked"
    assert released(both_hats("p-1")) == "DID-458"
    with bike.read(case.person()) as tx:
        (held,) = [row for row in deliver.decisions(tx, agreement="agr-1") if row["rule"] == "DID-458"]
    assert (held["outcome"], held["step"]) == ("denied", "gate"), "that it was asked for and held is kept"
    assert released(both_hats("p-1"), why) == "DID-560"
    assert released(both_hats("p-2", issued_by="p-1"), why) == "DID-560", "the asker let that one in"
    with bike.read() as tx:
        assert not rows.newest_tables(tx, "agr-1"), "nothing left"
    assert released(both_hats("p-2"), why) == ""
    with bike.begin(both_hats("p-1"), "deidentify") as tx, pytest.raises(Refusal) as own:
        deidentify.sign_report(tx, release=deidentify.releases(tx)[-1]["id"])
    assert own.value.code == "DID-493", "who asked first signs no report of it either"


def test_a_receiver_is_told_no_figure_of_the_risk(bike: Store, tmp_path: Path) -> None:
    """What the gate measured is its owner's: how few are in a class, and how near the limit the whole is."""
    agreed(bike)
    record = assess(bike, tmp_path)
    release(bike)
    with bike.begin(NODE, "deliver") as tx:
        token = case.grant(tx)[1]
    withdraw(bike, record)
    with pytest.raises(Refusal) as refused:
        pulled(bike, token)
    assert refused.value.facts["rule"] == "DID-412"
    with bike.read(case.person()) as tx:
        (one,) = deidentify.releases(tx)
        told = deidentify.release_report(tx, release=one["id"])
    texts = " ".join(text.zh + text.en for text in refused.value.texts()) + str(refused.value.facts)
    assert one["id"] in texts
    figures = {f"{told['today']['overall_risk']:.4f}", "0.05", "CR", "DR", f"{told['today']['cr']:.2f}"}
    assert not {figure for figure in figures if figure in texts}

"""A provider's side of a partition: rounds once, in order, of one recipe; probing and differencing refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from deidentify_provider import GROUP, PEER, Provider, ask
from deidentify_world import PASSAGE, TRIP, passages, recipe_value, trips, written
from sqlalchemy import func, select

from datong.deidentify import service as deidentify
from datong.deidentify import store as store_tables
from datong.deidentify.model.finding import Identifying
from datong.deidentify.rules.recipe import recipe_digest
from datong.ground import evidence
from datong.ground.db import Store
from datong.ground.refusal import Refusal
from datong.harmonise.store import builds

World = Callable[..., dict[str, Path]]


@pytest.fixture
def provider(store: Store, world: World) -> Provider:
    return Provider(store, world()["R-BIKE"])


def leaves(store: Store) -> int:
    with store.read() as tx:
        return int(tx.execute(select(func.count()).select_from(evidence.leaves)).scalar_one())


def test_rounds_agreement_and_counts(provider: Provider) -> None:
    passed = provider.all_rounds()
    assert sum(map(len, passed)) > 10
    part = provider.keep(passed)
    assert part["state"] == "agreed"
    with provider.store.begin(PEER, "deliver") as tx:
        table = deidentify.supply(tx, part=part["id"], data=provider.data)
        assert deidentify.partition_part(tx, agreement="agreement-1")["account"]
    assert sorted(table["group_id"].to_pylist()) == sorted(node for level in passed for node in level)
    assert min(table["start_riders"].to_pylist()) >= 5


def test_the_same_ask_gives_the_same_answer_and_writes_nothing(provider: Provider) -> None:
    first = provider.answer(ask(0, []))
    second = provider.answer(ask(1, first))
    written_so_far = leaves(provider.store)
    assert provider.answer(ask(0, [])) == first
    assert provider.answer(ask(1, list(reversed(first)))) == second
    assert leaves(provider.store) == written_so_far


def test_probing_another_set_for_an_answered_round_is_refused(provider: Provider) -> None:
    first = provider.answer(ask(0, []))
    provider.answer(ask(1, first))
    assert provider.refused(ask(1, first[1:])).code == "DID-422"
    assert provider.refused(ask(1, [])).code == "DID-422"


def test_rounds_go_in_order(provider: Provider) -> None:
    assert provider.refused(ask(1, [])).code == "DID-424"
    first = provider.answer(ask(0, []))
    assert provider.refused(ask(2, first)).code == "DID-424"


def test_a_node_that_was_not_told_cannot_have_passed(provider: Provider) -> None:
    first = provider.answer(ask(0, []))
    strange = provider.refused(ask(1, [*first, "0:50,50:2019-09-01T04"]))
    assert strange.code == "DID-423"
    assert provider.answer(ask(1, first[:3]))  # a smaller set is what an intersection gives


def test_a_second_partition_over_the_same_data_is_the_differencing_attack(provider: Provider) -> None:
    provider.all_rounds()
    assert provider.refused(ask(0, [], partition="partition-2")).code == "DID-421"
    coarser = recipe_value(levels=[{"km": 3, "hours": 1}, {"km": "whole", "hours": "whole"}])
    assert provider.refused(ask(0, [], coarser, partition="partition-2", agreement="agreement-2")).code == "DID-421"
    shifted = recipe_value(period={"from": "2019-09-03", "until": "2019-09-06"})
    assert provider.refused(ask(0, [], shifted, partition="partition-2")).code == "DID-421"
    later = recipe_value(period={"from": "2019-09-04", "until": "2019-09-06"})
    provider.answer(ask(0, [], later, partition="partition-2"))
    provider.answer(ask(0, [], partition="partition-3"), group="another recipient")


@pytest.mark.parametrize(
    ("agreed", "subjects", "code"),
    [
        ({"recipe_digest": "sha256:00"}, None, "DID-425"),
        ({"k": 10}, None, "DID-425"),
        ({"k": 5, "recipe_digest": recipe_digest(recipe_value())}, ["rider_id"], ""),
        ({}, ["trip_id"], "DID-425"),
        ({}, [], "DID-425"),
    ],
)
def test_only_the_agreed_recipe_and_persons(
    provider: Provider, agreed: dict[str, Any], subjects: list[str] | None, code: str
) -> None:
    if code:
        assert provider.refused(ask(0, []), agreed=agreed, subjects=subjects).code == code
    else:
        assert provider.answer(ask(0, []), agreed=agreed, subjects=subjects)


def test_counting_trips_as_persons_is_refused(provider: Provider) -> None:
    """The attack: every trip its own subject, so that any place with five trips of one rider would pass."""
    value = recipe_value()
    for measure in value["parts"][0]["measures"]:
        measure["subject"] = "trip_id"
    assert provider.refused(ask(0, [], value), subjects=["rider_id"]).code == "DID-425"


def test_the_recipe_stays_the_one_of_the_first_round(provider: Provider) -> None:
    first = provider.answer(ask(0, []))
    assert provider.refused(ask(1, first, recipe_value(k=6))).code == "DID-425"
    assert provider.refused(ask(1, first, recipe_digest="sha256:00")).code == "DID-425"


def test_another_agreement_or_group_cannot_go_on_with_a_partition(provider: Provider) -> None:
    first = provider.answer(ask(0, []))
    assert provider.refused(ask(1, first, agreement="agreement-9")).code == "DID-404"
    assert provider.refused(ask(1, first), group="somebody else").code == "DID-404"


def test_data_that_changed_under_the_partition_are_refused(provider: Provider, tmp_path: Path) -> None:
    passed = provider.all_rounds()
    part = provider.keep(passed)
    rows = pq.ParquetFile(provider.data).read().to_pylist()
    changed = written(tmp_path / "changed.parquet", rows[1:], TRIP)
    with provider.store.begin(PEER, "deliver") as tx, pytest.raises(Refusal) as refusal:
        deidentify.supply(tx, part=part["id"], data=changed)
    assert refusal.value.code == "DID-426"


def test_data_that_change_between_rounds_are_refused(provider: Provider, tmp_path: Path) -> None:
    first = provider.answer(ask(0, []))
    provider.data = written(tmp_path / "other.parquet", trips(8, 300, 20), TRIP)
    assert provider.refused(ask(1, first)).code == "DID-426"


def test_agreement_only_after_the_last_round_on_what_was_derived(provider: Provider) -> None:
    first = provider.answer(ask(0, []))
    for passed, items, code in (([first], {}, "DID-424"), ([first], {"partition": "partition-7"}, "DID-404")):
        with pytest.raises(Refusal) as refusal:
            provider.keep(passed, **items)
        assert refusal.value.code == code
    rest = [first]
    for level in range(1, 5):
        rest.append(provider.answer(ask(level, rest[-1])))
    for passed, items, code in (
        (rest, {"digest": "sha256:00"}, "DID-420"),
        ([*rest[:-1], ["4:*:*", "0:9,9:2019-09-01T04"]], {}, "DID-423"),
        ([[], *rest[1:]], {}, "DID-420"),
        (rest, {"agreement": "agreement-9"}, "DID-404"),
    ):
        with pytest.raises(Refusal) as refusal:
            provider.keep(passed, **items)
        assert refusal.value.code == code
    kept = provider.keep(rest)
    assert provider.keep(rest) == kept
    assert provider.refused(ask(5, [])).code == "DID-420"


def test_counts_only_after_the_agreement(provider: Provider) -> None:
    provider.all_rounds()
    with provider.store.begin(PEER, "deliver") as tx, pytest.raises(Refusal) as refusal:
        part = deidentify.partition_part(tx, agreement="agreement-1")
        deidentify.supply(tx, part=part["id"], data=provider.data)
    assert refusal.value.code == "DID-424"


@pytest.mark.parametrize(
    ("items", "where"),
    [
        ({"level": "0"}, "level"),
        ({"level": True}, "level"),
        ({"level": 99}, "level"),
        ({"level": -1}, "level"),
        ({"passed": None}, "passed"),
        ({"passed": [1]}, "passed"),
        ({"partition": "x" * 200}, "partition"),
        ({"partition": {"a": 1}}, "partition"),
        ({"agreement": "'; DROP"}, "agreement"),
        ({"resource": "R-OTHER"}, "resource"),
        ({"recipe": {"k": 1}}, "recipe.name"),
        ({"recipe": None}, "recipe.recipe"),
    ],
)
def test_malformed_asks_name_the_field(provider: Provider, items: dict[str, Any], where: str) -> None:
    refusal = provider.refused({**ask(0, []), **items})
    assert refusal.code == "DID-420"
    assert where in {problem.where for problem in refusal.problems}


def test_columns_the_data_do_not_have_are_told_together(provider: Provider) -> None:
    value = recipe_value()
    value["parts"][0]["measures"][0]["time"] = "trip_id"
    value["parts"][0]["measures"][1]["lat"] = "no_such"
    refusal = provider.refused(ask(0, [], value))
    assert refusal.code == "DID-425"
    assert {p.where for p in refusal.problems} == {"starts.trip_id", "ends.no_such"}


def test_without_an_other_class_the_classes_add_up_whatever_values_there_are(store: Store, tmp_path: Path) -> None:
    """What is in no class is not counted, and no refusal says that there is such a value: who asks could try values,
    a plate or an illness, until one is there."""
    rows = [{**row, "vehicle_type": row["vehicle_type"] or "H11"} for row in passages(3, 300, 40)]
    data = written(tmp_path / "passage.parquet", rows, PASSAGE)
    value = recipe_value()
    for number, classes in enumerate(({"car": ["K33"], "bus": ["K11"], "truck": ["H11", "H21"]}, {"car": ["K33"]},
                                      {"car": ["K33"], "ghost": ["K99"]})):  # fmt: skip
        value["parts"][1]["types"] |= {"classes": classes, "other": None}
        message = ask(0, [], value, resource="R-GATE", partition=f"partition-{number}")
        assert Provider(store, data).answer(message, group=f"recipient-{number}")
        table = deidentify.counts(data=data, recipe=value, resource="R-GATE", groups=["4:*:*"])
        assert "vehicles_other" not in table.column_names
        (row,) = table.to_pylist()
        named = {of_class for values in classes.values() for of_class in values}
        seen = {r["plate"] for r in rows if r["vehicle_type"] in named and inside(r, value)}
        assert row["vehicles"] == len(seen)
        shown = [row[f"vehicles_{name}"] for name in classes]
        assert None in shown or row["vehicles"] == sum(shown)
        account = json.loads(table.schema.metadata[b"datong"])["account"]["vehicles"]
        assert (account["unplaced"] > 0.2) == (number > 0), "roughly how many are in no class is told with the counts"


def inside(row: dict[str, Any], value: dict[str, Any]) -> bool:
    local, area = row["passed_at"].astimezone(ZoneInfo(value["zone"])), value["area"]
    return (
        value["period"]["from"] <= local.date().isoformat() < value["period"]["until"]
        and area["south"] <= row["latitude"] < area["north"] and area["west"] <= row["longitude"] < area["east"]
    )  # fmt: skip


@pytest.mark.parametrize(("other", "guess"), [(None, "v17"), (None, "v999"), ("other", "v17"), ("other", "v999")])
def test_nobodys_plate_can_be_tried_as_a_class(store: Store, tmp_path: Path, other: str | None, guess: str) -> None:
    gates = Provider(store, written(tmp_path / "passage.parquet", passages(3, 300, 40), PASSAGE))
    value = recipe_value()
    value["parts"][1]["types"] = {"column": "plate", "of": "vehicles", "classes": {"x": [guess]}, "other": other}
    kinds = {"plate": Identifying.direct, "vehicle_type": Identifying.other}
    refusal = gates.refused(ask(0, [], value, resource="R-GATE"), subjects=["plate"], kinds=kinds)
    assert (refusal.code, [(p.where, p.en) for p in refusal.problems]) == (
        "DID-425", [("types.plate", "names somebody, and makes no classes")],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("column", "kind", "said"),
    [
        ("latitude", Identifying.quasi, None),
        ("latitude", Identifying.sensitive, "is confirmed as sensitive, no place"),
        ("latitude", Identifying.direct, "is confirmed as direct identifier, no place"),
        ("vehicle_type", Identifying.other, "holds no numbers"),
    ],
)
def test_groups_are_of_places_and_not_of_what_is_known_of_persons(
    store: Store, tmp_path: Path, column: str, kind: Identifying, said: str | None
) -> None:
    """A weight or a number that is taken for a latitude would make groups of weights."""
    gates = Provider(store, written(tmp_path / "passage.parquet", passages(3, 300, 40), PASSAGE))
    value = recipe_value()
    value["parts"][1]["measures"][0]["lat"] = column
    message, kinds = ask(0, [], value, resource="R-GATE"), {"plate": Identifying.direct, column: kind}
    if said is None:
        assert gates.answer(message, subjects=["plate"], kinds=kinds)
        return
    refusal = gates.refused(message, subjects=["plate"], kinds=kinds)
    assert [(p.where, p.en) for p in refusal.problems] == [(f"vehicles.{column}", said)]


def test_nodes_below_k_are_not_told_apart_from_empty_ones(store: Store, tmp_path: Path) -> None:
    """Two worlds that differ only in places with fewer than k riders answer every round alike."""
    rows = trips(4, 900, 60)
    lonely = [
        {**rows[0], "trip_id": f"x{n}", "rider_id": f"lonely{n}", "start_lat": 42.155, "end_lat": 42.155,
         "start_lon": -72.65, "end_lon": -72.65, "started_at": rows[1]["started_at"], "ended_at": rows[1]["started_at"]}
        for n in range(4)
    ]  # fmt: skip
    without = Provider(store, written(tmp_path / "a.parquet", rows, TRIP))
    with_them = Provider(store, written(tmp_path / "b.parquet", rows + lonely, TRIP))
    first = without.all_rounds(partition="partition-a", agreement="a")
    second: list[list[str]] = []
    for level in range(len(first)):
        message = ask(level, second[-1] if second else [], partition="partition-b", agreement="b")
        second.append(with_them.answer(message, group="other"))
    assert first[:3] == second[:3]


def cancel(provider: Provider, group: str = GROUP, agreement: str = "agreement-1") -> None:
    with provider.store.begin(PEER, "compose") as tx:
        deidentify.cancel_part(
            tx, partition="partition-1", resource="R-BIKE", agreement=agreement, recipient_group=group
        )


def test_a_cancelled_partition_blocks_none_on_the_same_grid(provider: Provider) -> None:
    first = provider.answer(ask(0, []))
    again = ask(0, [], partition="partition-2", agreement="agreement-2")
    assert provider.refused(again).code == "DID-421"
    for wrong in ({"group": "recipient-2"}, {"agreement": "agreement-9"}):
        with pytest.raises(Refusal):
            cancel(provider, **wrong)
    cancel(provider)
    cancel(provider)
    assert provider.answer(again) == first, "the same question of the same data has the same answer"
    assert provider.refused(ask(1, first)).code == "DID-424", "the cancelled one goes no further"


def test_a_cancelled_partition_still_blocks_a_shifted_grid(provider: Provider) -> None:
    """Ask, cancel, shift, ask: which nodes hold would close in on single persons, without any count."""
    provider.answer(ask(0, []))
    cancel(provider)
    for shifted in (recipe_value(origin={"lat": 42.001, "lon": -72.8}), recipe_value(k=6)):
        assert provider.refused(ask(0, [], shifted, partition="partition-2")).code == "DID-421"


def test_a_cancelled_partition_still_blocks_other_rows(provider: Provider, tmp_path: Path) -> None:
    """Ask, cancel, wait for a new build, ask: a node that holds now and did not before tells of whom was added."""
    first = provider.answer(ask(0, []))
    cancel(provider)
    same, rows = provider.data, trips(7, 900, 60)
    provider.data = written(tmp_path / "one-more.parquet", [*rows, {**rows[0], "trip_id": "t-new"}], TRIP)
    again = ask(0, [], partition="partition-2", agreement="agreement-2")
    assert provider.refused(again).code == "DID-421"
    provider.data = same
    assert provider.answer(again) == first


def test_another_resource_of_the_same_source_is_the_same_persons(provider: Provider, world: World) -> None:
    """One source under two names: the second partition would be of the same trips, all but those a mapping leaves out."""
    for seq, (resource, mapping, source) in enumerate(
        [("R-BIKE", "trips", "s1"), ("R-TWIN", "trips-2", "s1"), ("R-OTHER", "trips-3", "s2")], 1
    ):
        built(provider.store, seq, resource, mapping, source)
    provider.answer(ask(0, []))
    for resource, code in (("R-TWIN", "DID-421"), ("R-OTHER", "")):
        value = recipe_value()
        value["parts"][0]["resource"] = resource
        message = ask(0, [], value, resource=resource, partition=f"partition-{resource}", agreement="agreement-2")
        if code:
            assert provider.refused(message).code == code
            assert provider.answer({**message, "agreement": "agreement-3"}, group="recipient-2")
        else:
            assert provider.answer(message)


def test_two_resources_of_one_source_are_no_two_parts_of_a_partition(provider: Provider) -> None:
    """In each group the one count would be the other less the rows that a mapping leaves out: a difference of one row."""
    for seq, resource in enumerate(("R-BIKE", "R-TWIN"), 1):
        built(provider.store, seq, resource, f"trips-{seq}", "s1")
    value, bike = recipe_value(), recipe_value()["parts"][0]
    measures = [{**bike["measures"][0], "events_as": "twin_starts", "subjects_as": "twin_riders"}]
    value["parts"][1] = {**bike, "part": "twin", "resource": "R-TWIN", "measures": measures}
    provider.answer(ask(0, [], value))
    refused = provider.refused(ask(0, [], value, resource="R-TWIN", agreement="agreement-2"))
    assert refused.code == "DID-427" and "R-BIKE" in str(refused)
    assert provider.answer(ask(0, [], value)), "the first one goes on"


def built(store: Store, seq: int, resource: str, mapping: str, source_digest: str) -> None:
    """A build of a resource as harmonise keeps it."""
    texts = dict.fromkeys(("standard", "digest", "standard_digest", "mapping_digest", "plan_digest", "by"), "x")
    row = {
        "id": f"build-{seq}", "seq": seq, "resource": resource, "source": mapping, "mapping": mapping, "state": "built",
        "read": 1, "harmonised": 1, "quarantined": 0, "reasons": {}, "reasons_by_column": [], "repairs": [], "quality": {},
        "elements": [], "files": {}, "source_digest": source_digest, "at": "2026-03-01T00:00:00Z", **texts,
    }  # fmt: skip
    with store.begin(PEER, "harmonise") as tx:
        tx.add(builds.builds, row)
        tx.add(builds.currents, {"id": resource, "build": row["id"], "at": row["at"]})


def test_an_agreed_partition_is_not_cancelled(provider: Provider) -> None:
    provider.keep(provider.all_rounds())
    with pytest.raises(Refusal) as refusal:
        cancel(provider)
    assert refusal.value.code == "DID-424"


def test_periods_are_compared_as_instants(provider: Provider) -> None:
    """3 September in New York ends at noon of the 4th in Shanghai: adjacent as text, twelve hours in common."""
    provider.answer(ask(0, []))
    for zone, since, until, code in (
        ("Asia/Shanghai", "2019-09-04", "2019-09-05", "DID-421"),
        ("Asia/Shanghai", "2019-08-31", "2019-09-01", ""),  # ends twelve hours before the 1st begins in New York
        ("Asia/Shanghai", "2019-09-05", "2019-09-06", ""),
        ("America/New_York", "2019-09-04", "2019-09-05", ""),
    ):
        value = recipe_value(zone=zone, period={"from": since, "until": until})
        message = ask(0, [], value, partition=f"partition-{zone}-{since}", agreement="agreement-2")
        if code:
            assert provider.refused(message).code == code, (zone, since)
        else:
            provider.answer(message, group=f"{GROUP}")
            with provider.store.begin(PEER) as tx:
                tx.execute(store_tables.parts.delete().where(store_tables.parts.c.partition == message["partition"]))


def test_a_recipe_of_another_form_than_agreed_is_refused(provider: Provider) -> None:
    controlled = {"form": "controlled"}
    enclave = recipe_value(k=3)
    assert enclave["form"] == "enclave"
    refusal = provider.refused(ask(0, [], enclave), agreed=controlled)
    assert refusal.code == "DID-425" and "form" in {p.where for p in refusal.problems}
    refusal = provider.refused(ask(0, []), agreed={**controlled, "k": 6})
    assert {p.where for p in refusal.problems} == {"k"}
    provider.answer(ask(0, []), agreed={**controlled, "k": 5})

"""Supplies and builds: joined by group, checked against the partition, gated, cleared, written whole."""

from __future__ import annotations

import json
import tracemalloc
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from compose_world import GROUP, LAB, PARTIES, PRODUCT, Three, cleared
from deidentify_world import actor, recipe_value, withdrawn
from sqlalchemy import delete

from datong.authorise.store import instruments
from datong.compose import service as compose
from datong.ground.canonical import digest_bytes
from datong.ground.refusal import Refusal


def build(three: Three, **items: Any) -> dict[str, Any]:
    with three.group.begin(actor("product_manager", GROUP), "compose") as tx:
        return compose.build(tx, product=PRODUCT, recipient_group=LAB, **items)


def refused(three: Three, **items: Any) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        build(three, **items)
    return refusal.value


@pytest.fixture
def ready(three: Three) -> Three:
    """Partition agreed, rights there, both supplies received, the buyer assessed."""
    three.agreed()
    cleared(three)
    for resource in PARTIES:
        three.receive(resource, three.supplied(resource))
    three.assess()
    return three


def test_a_product_is_built(ready: Three) -> None:
    made = build(ready)
    file = Path(made["path"])
    assert file.is_file() and digest_bytes(file.read_bytes()) == made["digest"]
    table = pq.ParquetFile(file).read()
    assert table.column_names == [
        "group_id", "level", "area_km", "cell_x", "cell_y", "window_start", "window_end", "rest", "starts", "ends",
        "start_riders", "end_riders", "vehicles", "vehicles_bus", "vehicles_car", "vehicles_other", "suppressed_types",
    ]  # fmt: skip
    assert made["rows"] == table.num_rows == ready.partition()["groups"]
    assert table.schema.field("window_start").type == pa.timestamp("us", "UTC")
    assert made["risk"]["level"] == 3 and made["risk"]["overall_risk"] < 0.05
    supplied = {r: {row["group_id"]: row for row in pq.ParquetFile(ready.folder / "group" / f"{r}.parquet").read().to_pylist()}
                for r in PARTIES}  # fmt: skip
    for row in table.to_pylist():
        for resource in PARTIES:
            figures = supplied[resource][row["group_id"]]
            assert {name: row[name] for name in figures if name != "suppressed_types"} == {
                name: value for name, value in figures.items() if name != "suppressed_types"
            }
        assert row["suppressed_types"] == supplied["R-GATE"][row["group_id"]]["suppressed_types"]
    assert [i["resource"] for i in made["inputs"]] == sorted(PARTIES)


def test_every_column_of_a_product_is_traced(ready: Three) -> None:
    """Each column of the file has its field; figures come of subjects and times, of the elements the recipe names."""
    made = build(ready)
    with ready.group.read(actor("product_manager", GROUP)) as tx:
        told = compose.lineage(tx, product=PRODUCT)
        with pytest.raises(Refusal) as caught:
            compose.lineage(tx, product="none")
    assert caught.value.code == "CMP-404"
    assert {f["element"] for f in told["fields"]} == set(pq.ParquetFile(Path(made["path"])).schema_arrow.names)
    assert (told["build"], set(told["tables"])) == (made["id"], set(PARTIES))
    fields = {f["element"]: f for f in told["fields"]}
    parts = {part["resource"]: part for part in made["recipe"]["parts"]}
    for resource, part in parts.items():
        for measure in part["measures"]:
            direct = [i for i in fields[measure["subjects_as"]]["inputs"] if i["kind"] == "DIRECT"]
            assert [(i["table"], i["column"]) for i in direct] == [(resource, measure["subject"])]
    bus = fields["vehicles_bus"]["inputs"]
    assert [i["part"] for i in bus if i["kind"] == "INDIRECT"] == ["FILTER", "GROUP_BY", "GROUP_BY", "GROUP_BY"]
    assert all(i["from"] == [] for i in bus), "others built it: their source columns are not ours to tell"


def test_groups_never_overlap_but_as_rest_of_a_parent(ready: Three) -> None:
    """Two groups of one level never meet; a coarser group that holds a finer one says it is a rest."""
    rows = pq.ParquetFile(Path(build(ready)["path"])).read().to_pylist()
    by_level = defaultdict(list)
    for row in rows:
        by_level[row["level"]].append(row)
    for level, some in by_level.items():
        places = [(r["cell_x"], r["cell_y"], r["window_start"]) for r in some]
        assert len(set(places)) == len(places)
        for r in some:
            assert r["window_end"] > r["window_start"]
            inner = [
                f for finer in by_level if finer < level for f in by_level[finer]
                if r["window_start"] <= f["window_start"] and f["window_end"] <= r["window_end"]
                and (r["area_km"] is None or (f["cell_x"] * f["area_km"] // r["area_km"],
                                              f["cell_y"] * f["area_km"] // r["area_km"]) == (r["cell_x"], r["cell_y"]))
            ]  # fmt: skip
            assert r["rest"] == bool(inner)
    hours = {r["window_end"] - r["window_start"] for r in by_level[0]}
    assert hours == {timedelta(hours=1)}


def test_shares_kept_per_resolution(ready: Three) -> None:
    made = build(ready)
    assert next(iter(made["kept"])) == "1 km x 1 h"
    suppressed = made["account"]["starts"]["suppressed"]
    assert sum(made["kept"].values()) == pytest.approx(1 - suppressed, abs=1e-5)
    assert made["kept"] == pytest.approx(made["account"]["starts"]["kept"], abs=0.003), (
        "rounded to what the size allows"
    )


def test_building_again_gives_the_same_version(ready: Three) -> None:
    first = build(ready)
    assert build(ready) == first
    with ready.group.read(actor("product_manager", GROUP)) as tx:
        assert compose.version(tx, product=PRODUCT) == first
        assert len(compose.versions(tx)) == 1
    assert list((ready.folder / "group" / "products").rglob("*.staged")) == []


def test_withdrawing_a_right_stops_the_build(ready: Three) -> None:
    with ready.group.begin(actor("node", GROUP)) as tx:
        tx.execute(delete(instruments).where(instruments.c.id == "use-R-BIKE"))
    refusal = refused(ready)
    assert refusal.code.startswith("AUT-")
    assert {p.where for p in refusal.problems} == {"R-BIKE"}
    assert not (ready.folder / "group" / "products").exists()


def test_a_purpose_that_is_not_cleared_stops_the_build(ready: Three) -> None:
    assert refused(ready, purpose="public_welfare").code.startswith("AUT-")


def test_without_a_record_or_with_a_worse_one_nothing_is_left_behind(three: Three) -> None:
    three.agreed()
    cleared(three)
    for resource in PARTIES:
        three.receive(resource, three.supplied(resource))
    assert refused(three).code == "DID-412"
    assert list((three.folder / "group" / "products").rglob("*.parquet*")) == []
    worse = three.assess(logging="none", encryption="none")
    assert refused(three).code == "DID-412"
    three.assess()
    assert refused(three).code == "DID-412", "a good record cannot whitewash"
    withdrawn(three.bureau, three.group, worse)
    assert build(three)["version"] == 1


def test_an_assessor_must_be_independent_of_the_owners_of_the_inputs_too(three: Three) -> None:
    """They earn from the product: a record that is only said to be independent of the group does not count."""
    three.agreed()
    cleared(three)
    for resource in PARTIES:
        three.receive(resource, three.supplied(resource))
    three.assess(of=[GROUP])
    refusal = refused(three)
    assert refusal.code == "DID-412" and "no valid assessment record" in str(refusal)
    three.assess(of=[GROUP, *list(PARTIES.values())[:1]])
    assert refused(three).code == "DID-412"
    three.assess()
    assert build(three)["version"] == 1


def test_what_is_missing_is_named(three: Three) -> None:
    three.define()
    assert refused(three).code == "CMP-404"
    three.propose()
    waits = refused(three)
    assert waits.code == "CMP-411" and {p.where for p in waits.problems} == set(PARTIES)
    three.carry()
    three.receive("R-BIKE", three.supplied("R-BIKE"))
    lacks = refused(three)
    assert lacks.code == "CMP-411" and [p.where for p in lacks.problems] == ["R-GATE"]


def edited(path: Path, name: str, **items: Any) -> Path:
    table = pq.ParquetFile(path).read()
    rows = table.to_pylist()
    rows[0] |= items
    made = path.with_name(name)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), made)
    return made


@pytest.mark.parametrize("broken", ["missing", "extra", "unmarked", "other", "rows"])
def test_a_supply_that_does_not_fit_is_refused(three: Three, broken: str) -> None:
    three.agreed()
    path = three.supplied("R-GATE")
    table = pq.ParquetFile(path).read()
    bad = path.with_name("bad.parquet")
    if broken == "missing":
        pq.write_table(table.slice(1), bad)
    elif broken == "extra":
        pq.write_table(table.append_column("plate", pa.array(["x"] * table.num_rows)), bad)
    elif broken == "unmarked":
        bad = edited(path, "bad.parquet", suppressed_types="vehicles_car,vehicles_bus,vehicles_other", vehicles_car=7)
    elif broken == "other":
        pq.write_table(table.replace_schema_metadata({b"datong": b'{"groups_digest": "sha256:00"}'}), bad)
    else:
        pq.write_table(table, bad)
    with pytest.raises(Refusal) as refusal:
        three.receive("R-GATE", bad, **({"rows": 1} if broken == "rows" else {}))
    assert refusal.value.code == "CMP-403"


def bombs(path: Path, table: pa.Table) -> dict[str, Path]:
    """Files of some thousand bytes that stand for much more than they are, and tables of another form."""
    made = {name: path.with_name(f"{name}.parquet") for name in ("rows", "texts", "types", "twice")}
    many = pa.array([0] * 1_000_000)
    pq.write_table(table.take(many), made["rows"], compression="zstd")
    marks = pa.DictionaryArray.from_arrays(pa.array([0] * table.num_rows, pa.int32()), pa.array(["x" * 200_000]))
    place = table.schema.get_field_index("suppressed_types")
    pq.write_table(table.set_column(place, "suppressed_types", marks), made["texts"], compression="zstd")
    texts = pa.array(["7"] * table.num_rows)
    pq.write_table(table.set_column(table.schema.get_field_index("vehicles"), "vehicles", texts), made["types"])
    pq.write_table(table.append_column("vehicles", table["vehicles"]), made["twice"])
    return made


@pytest.mark.parametrize(
    ("name", "where"),
    [("rows", "rows"), ("texts", "suppressed_types"), ("types", "vehicles"), ("twice", "vehicles")],
)
def test_a_few_bytes_that_stand_for_gigabytes_are_refused_before_they_are_read(
    three: Three, name: str, where: str
) -> None:
    """A supplier could end its customer's node, at each try anew: by a thousand million rows, or a long text in each."""
    three.agreed()
    path = three.supplied("R-GATE")
    bomb = bombs(path, pq.ParquetFile(path).read())[name]
    assert bomb.stat().st_size < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(Refusal) as refusal:
            three.receive("R-GATE", bomb)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refusal.value.code == "CMP-403"
    assert where in [problem.where for problem in refusal.value.problems]
    assert most < 20_000_000


@pytest.mark.parametrize(
    "told",
    [
        "all",
        {"vehicles": 5},
        {"vehicles": {"outside": 0, "unplaced": 0, "suppressed": "none", "kept": {}}},
        {"starts": "the shares of another owner"},
        "below 0",
        "of another owner",
    ],
)
def test_shares_that_a_provider_cannot_have_counted_are_refused(three: Three, told: Any) -> None:
    """They go into the product's listing; one of another owner's events would take the place of what that owner told."""
    three.agreed()
    path = three.supplied("R-GATE")
    table = pq.ParquetFile(path).read()
    facts = json.loads(table.schema.metadata[b"datong"])
    own = facts["account"]["vehicles"]
    of_shares = {"below 0": {"vehicles": {**own, "suppressed": -4}}, "of another owner": {"starts": own}}
    facts["account"] = of_shares.get(str(told), told)
    bad = path.with_name("bad.parquet")
    pq.write_table(table.replace_schema_metadata({b"datong": json.dumps(facts).encode()}), bad)
    with pytest.raises(Refusal) as refusal:
        three.receive("R-GATE", bad)
    assert refusal.value.code == "CMP-403"
    assert all(problem.where.startswith("account") for problem in refusal.value.problems)


def test_a_supply_that_is_not_what_its_digest_says_is_refused(three: Three) -> None:
    three.agreed()
    path = three.supplied("R-BIKE")
    for items in ({"digest": "sha256:00"}, {"stored": "no-such.parquet"}):
        with pytest.raises(Refusal) as refusal:
            three.receive("R-BIKE", path, **items)
        assert refusal.value.code == "CMP-412"
    with pytest.raises(Refusal) as refusal:
        three.receive("R-BIKE", path, agreement="agr-other")
    assert refusal.value.code == "CMP-404"


def test_a_supply_received_twice_is_one(three: Three) -> None:
    three.agreed()
    path = three.supplied("R-BIKE")
    assert three.receive("R-BIKE", path) == three.receive("R-BIKE", path)


def test_a_supply_changed_after_receipt_stops_the_build(ready: Three) -> None:
    path = ready.folder / "group" / "R-GATE.parquet"
    edited(path, path.name, vehicles=99)
    assert refused(ready).code == "CMP-412"


def test_a_crash_between_commit_and_rename_is_mended(ready: Three) -> None:
    made = build(ready)
    file = Path(made["path"])
    file.rename(f"{file}.staged")
    stray = file.with_name("9.parquet.staged")
    stray.write_bytes(b"of a transaction that was never committed")
    with ready.group.read() as tx:
        compose.sweep(tx)
    assert digest_bytes(file.read_bytes()) == made["digest"]
    assert not stray.exists()


def test_an_altered_product_file_is_not_given(ready: Three) -> None:
    file = Path(build(ready)["path"])
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(Refusal) as refusal, ready.group.read(actor("product_manager", GROUP)) as tx:
        compose.version(tx, product=PRODUCT)
    assert refusal.value.code == "CMP-412"


def test_two_owners_build_a_product_of_days_and_nights_with_a_marginal(three: Three) -> None:
    """Rounds go on after the levels; both owners' rests are told where neither's forces anything; sums leave them out."""
    value = recipe_value(
        levels=[{"km": 1, "hours": 3}, {"km": 1, "hours": "day_or_night"},
                {"km": "whole", "hours": "whole", "over": "week"}, {"km": "whole", "hours": "whole"}],
        marginals=[{"groups_of": 1, "km": "whole", "times_of": 0}],
    )  # fmt: skip
    value["parts"][1]["measures"][0]["events_as"] = "passages"
    three.define(value)
    three.propose()
    three.carry()
    agreed = three.partition()
    assert agreed["state"] == "agreed" and len(agreed["levels"]) == 5
    assert agreed["levels"][4]["label"] == "groups of 1 km x day or night, all together by 3 h"
    cleared(three)
    for resource in PARTIES:
        three.receive(resource, three.supplied(resource))
    three.assess()
    made = build(three)
    table = pq.ParquetFile(made["path"]).read()
    rows = table.to_pylist()
    told = [row for row in rows if row["rest_of_level"] is not None]
    assert told and all(row["rest_of_level"] == 1 and row["level"] == 4 and row["area_km"] is None for row in told)
    assert all(row["start_riders"] is None and row["vehicles_bus"] is None and row["starts"] >= 5 for row in told)
    groups = [row for row in rows if row["rest_of_level"] is None]
    of_level = [row for row in groups if row["level"] == 1]
    assert {(row["window_from_hour"], row["window_until_hour"]) for row in of_level} <= {(6, 21), (21, 6)}
    assert sum(row["passages"] for row in told) <= sum(row["passages"] for row in of_level)
    assert {row["window_days"] for row in rows} == {None}
    kept = made["account"]["starts"]["suppressed"]
    assert sum(made["kept"].values()) == pytest.approx(1 - kept, abs=1e-5), "a start counts once"
    with three.group.read(actor("product_manager", GROUP)) as tx:
        assert {f["element"] for f in compose.lineage(tx, product=PRODUCT)["fields"]} == set(table.column_names)

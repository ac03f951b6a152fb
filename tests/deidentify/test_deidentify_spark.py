"""A node that counts on Spark: rounds, counts and differences as on DuckDB. `make test-matrix`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deidentify_provider import Provider
from deidentify_world import TRIP, recipe_value, trips, written

from datong.deidentify import service as deidentify
from datong.deidentify.rules import counting
from datong.deidentify.rules.recipe import recipe_of
from datong.deidentify.service.partitions import node_table
from datong.engine import service as engine
from datong.engine import spark
from datong.engine.model import Engine
from datong.engine.service import DUCKDB
from datong.ground.db import NODE, Store
from on_spark import MARKS, MASTER

pytestmark = MARKS


def test_a_node_on_spark_answers_and_counts_as_one_on_duckdb(store: Store, tmp_path: Path) -> None:
    engine.use(store, spark.opened(MASTER))
    value, data = recipe_value(), written(tmp_path / "trip.parquet", trips(7, 150, 20), TRIP)
    provider = Provider(store, data)
    passed = provider.all_rounds()
    groups: list[str] = []
    for level, there in enumerate(passed):
        here = deidentify.holding(data=data, recipe=value, resource="R-BIKE", level=level, released=groups)
        assert there == here, level
        groups += here
    part = provider.keep(passed)
    with store.begin(NODE, "deliver") as tx:
        counted = deidentify.supply(tx, part=part["id"], data=data)
        agreed = sorted(counted["group_id"].to_pylist())
    on_duckdb = deidentify.counts(data=data, recipe=value, resource="R-BIKE", groups=agreed)
    assert counted.num_rows > 3
    assert counted.equals(on_duckdb)


def test_like_days_and_marginals(tmp_path: Path) -> None:
    """The windows of weeks, like days, days and nights are the same text; the rests that may be told are the same."""
    levels = [
        {"km": 1, "hours": 3}, {"km": 1, "hours": "day_or_night"},
        {"km": 1, "hours": "day_or_night", "over": "week", "days": "alike"}, {"km": 1, "hours": "whole", "over": "week", "days": "alike"},
        {"km": "whole", "hours": "whole", "over": "period", "days": "alike"}, {"km": "whole", "hours": "whole"},
    ]  # fmt: skip
    value = recipe_value(3, levels=levels, marginals=[{"groups_of": 1, "km": "whole", "times_of": 0}])
    value["parts"] = value["parts"][:1]
    value["parts"][0]["measures"] = value["parts"][0]["measures"][:1]
    data = written(tmp_path / "trip.parquet", trips(7, 600, 150), TRIP)
    groups: list[str] = []
    for number in range(7):
        held = deidentify.holding(data=data, recipe=value, resource="R-BIKE", level=number, released=groups)
        if number in {2, 4, 6}:  # like days of a week, of the period, the rests: each other round is one of these again
            there = deidentify.holding(
                data=data, recipe=value, resource="R-BIKE", level=number, released=groups, engine=spark.at(MASTER)
            )
            assert there == held, number
        groups += held
    assert {group[0] for group in groups} >= {"0", "1", "2", "3", "4", "6"}
    here, there_counted = (
        deidentify.counts(data=data, recipe=value, resource="R-BIKE", groups=groups, engine=e)
        for e in (DUCKDB, spark.at(MASTER))
    )
    assert there_counted.equals(here)


def test_differences_of_two_releases(tmp_path: Path) -> None:
    value, shifted = recipe_value(), recipe_value(origin={"lat": 42.005, "lon": -72.805})
    data = written(tmp_path / "trip.parquet", trips(7, 150, 20), TRIP)
    both = [(recipe_of(v), recipe_of(v).part_of("R-BIKE")) for v in (value, shifted)]
    groups = [
        deidentify.holding(data=data, recipe=v, resource="R-BIKE", level=1, released=[]) for v in (value, shifted)
    ]
    inputs = {"harmonised": data, **{f"released_{n}": node_table(nodes) for n, nodes in enumerate(groups)}}
    here, there = (
        e.run(counting.atoms_plan(both), inputs, want=("atoms", "class_atoms")) for e in (DUCKDB, spark.at(MASTER))
    )
    assert here["atoms"].num_rows > 5
    for name in ("atoms", "class_atoms"):
        assert there[name].equals(here[name]), name


def test_nobody_dominates_there_either(tmp_path: Path) -> None:
    value = {**recipe_value(3), "p": 60}
    data = written(tmp_path / "trip.parquet", trips(7, 250, 12), TRIP)
    groups: list[str] = []
    for level in (1, 2, 3):
        here, there = (
            deidentify.holding(data=data, recipe=value, resource="R-BIKE", level=level, released=groups, engine=e)
            for e in (DUCKDB, spark.at(MASTER))
        )
        assert there == here, level
        without = {name: item for name, item in value.items() if name != "p"}
        loose = deidentify.holding(data=data, recipe=without, resource="R-BIKE", level=level, released=groups)
        assert set(here) < set(loose) or level > 1
        groups += here
    everything = sorted({*groups, "4:*:*"})
    here_counted, there_counted = (
        deidentify.counts(data=data, recipe=value, resource="R-BIKE", groups=everything, engine=e)
        for e in (DUCKDB, spark.at(MASTER))
    )
    assert there_counted.equals(here_counted, check_metadata=True)
    recipe = recipe_of(value)
    inputs = {"harmonised": data, "released": node_table(loose)}
    plan = counting.dominance_plan(recipe, recipe.part_of("R-BIKE"))
    found, told = (e.run(plan, inputs, want=("dominated",))["dominated"] for e in (DUCKDB, spark.at(MASTER)))
    assert found.equals(told)
    both = [(recipe, recipe.part_of("R-BIKE"))] * 2
    inputs = {"harmonised": data, "released_0": node_table(groups), "released_1": node_table(loose)}
    atoms, same = (
        e.run(counting.atoms_plan(both), inputs, want=("atoms",))["atoms"] for e in (DUCKDB, spark.at(MASTER))
    )
    assert atoms.equals(same)


def test_several_counts_at_once(tmp_path: Path) -> None:
    """A node answers several partners at the same time; the steps of one plan are not those of another."""
    value = recipe_value(3)
    files = [written(tmp_path / f"{seed}.parquet", trips(seed, 150, 20), TRIP) for seed in range(4)]

    def held(data: Path, on: Engine) -> list[str]:
        return deidentify.holding(data=data, recipe=value, resource="R-BIKE", level=0, released=[], engine=on)

    with ThreadPoolExecutor(4) as several:
        there = list(several.map(lambda data: held(data, spark.at(MASTER)), files))
    here = [held(data, DUCKDB) for data in files]
    assert there == here
    assert len({tuple(nodes) for nodes in here}) > 1

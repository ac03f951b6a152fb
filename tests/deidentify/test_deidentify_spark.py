"""A product's counting plans on Spark: the groups that hold, the counts, the account, the atoms. `make test-matrix`."""

from __future__ import annotations

from pathlib import Path

from deidentify_world import TRIP, recipe_value, trips, written

from datong.deidentify import service as deidentify
from datong.deidentify.rules import counting
from datong.deidentify.rules.recipe import recipe_of
from datong.deidentify.service.partitions import node_table
from datong.engine import spark
from datong.engine.service import DUCKDB
from on_spark import MARKS, MASTER

pytestmark = MARKS


def test_the_plans_of_a_product_recipe_run_unchanged(tmp_path: Path) -> None:
    value = recipe_value(3)
    recipe = recipe_of(value)
    part = recipe.part_of("R-BIKE")
    data = written(tmp_path / "trip.parquet", trips(7, 150, 20), TRIP)
    groups: list[str] = []
    for level in range(len(value["levels"])):
        groups += deidentify.holding(data=data, recipe=value, resource="R-BIKE", level=level, released=groups)
    for plan, released, want in (
        (counting.holding_plan(recipe, part, 1), [], ("held",)),
        (counting.counts_plan(recipe, part), groups, ("counts", "account", "kept")),
    ):
        inputs = {"harmonised": data, "released": node_table(released)}
        here, there = (engine.run(plan, inputs, want=want) for engine in (DUCKDB, spark.at(MASTER)))
        for name in want:
            assert there[name].equals(here[name]), name
            assert here[name].num_rows > 0

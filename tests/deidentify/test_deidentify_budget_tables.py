"""A noisy answer as a table: types, what is written of its noise, and that it says nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from datong.deidentify.rules.budget.reading import query_of
from datong.deidentify.rules.budget.tables import NOISE, facts_in, table_of

FACTS = {"privacy_unit": "rider_id", "rho": "0.01", "epsilon": "0.74", "delta": "0.000001"}
KINDS = {"classes": {"column": "kind", "values": ["bike", "car"]}}


def table(figures: dict[str, list[int]], **query: Any) -> pa.Table:
    told = {"rows_per_unit": 5, "by": [KINDS], "spend": {"rho": "0.01"}, **query}
    read, found = query_of(told)
    assert read is not None, found.problems
    return table_of(read, figures, FACTS)


def test_counts_stay_whole_and_groups_are_texts() -> None:
    made = table({"count": [7, -3]}, kind="count")
    assert made.schema.names == ["kind", "count"]
    assert [str(field.type) for field in made.schema] == ["string", "int64"]
    assert made.to_pylist() == [{"kind": "bike", "count": 7}, {"kind": "car", "count": -3}]


@pytest.mark.parametrize("kind", ["sum", "mean"])
def test_figures_with_a_step_are_exact_decimals(kind: str) -> None:
    value = {"column": "fare", "lower": 0, "upper": 10, "step": "0.01"}
    made = table({"sum": [1050, -25], "count": [2, 0]}, kind=kind, value=value)
    assert str(made.schema.field(kind).type) == "decimal128(38, 2)"
    expected = [Decimal("10.50"), Decimal("-0.25")] if kind == "sum" else [Decimal("10.00"), None]
    assert made.column(kind).to_pylist() == expected


def test_each_figure_says_how_noisy_it_is_and_what_it_cost() -> None:
    made = table({"count": [7, -3]}, kind="count")
    said = made.schema.field("count").metadata[b"comment"].decode()
    assert said == (
        "noisy; count within 95: 70; one rider_id is protected with epsilon 0.74 at delta 0.000001 (rho 0.01)"
    )
    assert made.schema.field("kind").metadata is None
    told = facts_in(made)
    assert {name: told[name] for name in FACTS} == FACTS
    assert told["query"]["rows_per_unit"] == 5
    assert list(made.schema.metadata) == [NOISE]
    assert facts_in(pa.table({"a": [1]})) == {}

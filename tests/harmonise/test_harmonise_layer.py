"""The layer of repairs as a plan: within the plan language, nothing lost, each row repaired once."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from harmonise_desk import files, mapped, prop, rows_of

from datong.engine import rules as plans
from datong.engine import service as engine
from datong.harmonise.model.mappings import Mapping
from datong.harmonise.model.reading import BROKEN
from datong.harmonise.model.repairs import Repair
from datong.harmonise.rules import layer

MAPPING = mapped(
    files(
        {"id": "id", "n": {"from": "n", "as": "number"}}, prop("id", required=True), prop("n", "integer", required=True)
    )
)
ROWS = rows_of({"id": "a", "n": "1"}, {"id": "b", "n": "x"}, {"id": "b", "n": "x"}, {"id": "c", "n": None}, "17")


def of_row(number: int, column: str, text: str, record: dict[str, str | None]) -> Repair:
    return Repair(number, {BROKEN: None, **record}, column, text)


B = of_row(1, "n", "2", {"id": "b", "n": "x"})
C = of_row(2, "n", "3", {"id": "c", "n": None})


def run(*repairs: Repair, mapping: Mapping = MAPPING) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(the input as the mapping's own plan reads it, the step `layered`)."""
    given: dict[str, Any] = {layer.source_name(mapping): ROWS}
    for n, (known, of) in enumerate(layer.groups(mapping, repairs)):
        columns = layer.held_rows(known, of)
        kinds = {name: pa.int64() if name == "number" else pa.string() for name in columns}
        given[layer.held_name(n)] = pa.table({k: pa.array(v, kinds[k]) for k, v in columns.items()})
    result = engine.run(layer.layer_plan(mapping, repairs), given, want=("in_things", "layered"), threads=1)
    rows = result["in_things"].to_pylist()
    assert [row["_row"] for row in rows] == ROWS["_row"].to_pylist(), "every row, in the order of the source"
    return rows, result["layered"].to_pylist()


def test_the_layer_is_within_the_plan_language_whatever_the_names() -> None:
    odd = mapped(files({"id": 'a"b;--', "n": "to"}, prop("id"), prop("n")))
    repair = of_row(1, "to", "2", {'a"b;--': "1", "to": "'"})
    assert plans.problems(layer.layer_plan(odd, (repair,))) == []


def test_rows_are_known_by_what_stands_in_them_also_nothing() -> None:
    rows, told = run(B, C)
    assert [(r["id"], r["n"]) for r in rows] == [("a", "1"), ("b", "2"), ("b", "2"), ("c", "3"), (None, None)]
    assert [(t["row"], t["number"], t["repeats"]) for t in told] == [(2, 1, False), (3, 1, False), (4, 2, False)]


def test_what_was_no_record_becomes_one() -> None:
    broken = {BROKEN: "17", "id": None, "n": None}
    rows, _ = run(Repair(1, broken, "id", "e"), Repair(2, broken, "n", "17"))
    assert rows[4] == {"_row": 5, BROKEN: None, "id": "e", "n": "17"}


def test_a_row_whose_repair_is_there_already_is_left() -> None:
    rows, told = run(of_row(1, "id", "a", {"id": "c", "n": None}), of_row(2, "n", "1", {"id": "c", "n": None}))
    assert (rows[3]["id"], rows[3]["n"]) == ("c", None)
    assert all(t["repeats"] for t in told)
    assert layer.counted(told, {}) == {"rows": 0, "held": 0, "superseded": 1}


def test_of_two_repairs_of_one_value_the_later_wins() -> None:
    rows, _ = run(C, of_row(9, "n", "4", {"id": "c", "n": None}))
    assert rows[3]["n"] == "4"


def test_repairs_made_under_other_columns_fit_as_far_as_they_know() -> None:
    older = Repair(1, {BROKEN: None, "id": "c", "gone": "z"}, "n", "5")
    strange = Repair(2, {"gone": "z"}, "n", "6")
    other = Repair(3, {BROKEN: None, "id": "c"}, "gone", "6")
    assert layer.fitting(MAPPING, (older, strange, other)) == (older,)
    rows, _ = run(*layer.fitting(MAPPING, (older, B)))
    assert rows[3]["n"] == "5"

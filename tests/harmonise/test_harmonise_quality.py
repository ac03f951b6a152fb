"""Quality figures: each is A / B of what was read; what was not measured is said to be not measured."""

from __future__ import annotations

import pytest
from harmonise_desk import files, mapped, prop, rows_of, run

from datong.harmonise.rules import quality

CONTENTS = files(
    {
        "id": "id", "n": {"from": "n", "as": "number", "thousands": ","}, "name": "name",
        "seen_at": {"from": "t", "as": "timestamp", "zone": "offset", "between": ["2019-01-01", "2020-01-01"]},
    },
    prop("id", required=True), prop("n", "integer", required=True), prop("name"), prop("seen_at", "timestamp"),
    unique=[{"columns": ["id"]}], checks=[{"reason": "too_small", "when": "n < 0"}],
)  # fmt: skip


def test_each_dimension_is_what_its_formula_says() -> None:
    rows = rows_of(
        {"id": "a", "n": "1", "name": "x", "t": "2019-06-01 00:00:00Z"},
        {"id": "a", "n": "1", "name": "x", "t": "2019-06-01 00:00:00Z"},  # repeats
        {"id": "b", "n": "1,000", "name": None, "t": "1980-06-01 00:00:00Z"},  # repaired; outside the period
        {"id": "c", "n": None, "name": "y", "t": "soon"},  # missing; invalid
        {"id": "d", "n": "-5", "name": "y", "t": None},  # fails the check
    )
    mapping = mapped(CONTENTS)
    found = quality.quality_of(mapping, run(mapping, things=rows)["measured"].to_pylist()[0])
    figures = {f["indicator"]: (f["a"], f["b"], f["value"]) for f in found["dimensions"]}
    assert figures == {
        "normativity": (5, 8, 0.625),
        "completeness": (9, 10, 0.9),
        "accuracy": (15, 17, round(15 / 17, 6)),
        "uniqueness": (4, 5, 0.8),
        "consistency": (3, 4, 0.75),
        "timeliness": (2, 3, round(2 / 3, 6)),
        "freshness": (0, 0, None),
        "accessibility": (0, 0, None),
    }
    expected = (0.625 + 0.9 + (15 / 17 + 0.8) / 2 + 0.75 + 2 / 3) / 5
    assert found["score"] == pytest.approx(expected, abs=1e-5)
    assert (found["grade"], found["rule"]) == ("D", "GB/T 36344-2018")


def test_perfect_rows_are_grade_a() -> None:
    mapping = mapped(CONTENTS)
    rows = rows_of({"id": "a", "n": "1", "name": None, "t": "2019-06-01 00:00:00Z"})
    found = quality.quality_of(mapping, run(mapping, things=rows)["measured"].to_pylist()[0])
    assert (found["grade"], found["score"]) == ("A", 1.0)


@pytest.mark.parametrize(("bad", "grade"), [(0, "A"), (6, "B"), (15, "C"), (45, "D")])
def test_grades_fall_with_the_score(bad: int, grade: str) -> None:
    mapping = mapped(files({"n": {"from": "n", "as": "number"}}, prop("n", "integer", required=True)))
    rows = rows_of(*({"n": "x" if k < bad else "1"} for k in range(100)))
    assert quality.quality_of(mapping, run(mapping, things=rows)["measured"].to_pylist()[0])["grade"] == grade


def test_each_column_has_figures_of_its_own() -> None:
    rows = rows_of(
        {"id": "a", "n": "1", "name": "x", "t": "2019-06-01 00:00:00Z"},
        {"id": "b", "n": "1,000", "name": None, "t": "1980-06-01 00:00:00Z"},
        {"id": "c", "n": "-5", "name": "y", "t": "soon"},
        {"id": None, "n": "x", "name": "y", "t": None},
    )
    mapping = mapped(CONTENTS)
    counts = run(mapping, things=rows)["measured"].to_pylist()[0]
    found = quality.quality_of(mapping, counts, readings=(1, 2))
    of_columns = quality.columns_of(mapping, counts)
    columns = {
        c["element"]: {f["dimension"]: (f["a"], f["b"]) for f in c["dimensions"] if f["b"]} for c in found["columns"]
    }
    assert columns == {
        "id": {"completeness": (3, 4), "accuracy": (3, 3)},
        "n": {"normativity": (2, 4), "completeness": (4, 4), "accuracy": (3, 4), "consistency": (2, 3)},
        "name": {"completeness": (3, 4), "accuracy": (3, 3)},
        "seen_at": {"normativity": (1, 3), "completeness": (3, 4), "accuracy": (1, 3), "timeliness": (1, 2)},
    }
    assert next(c["grade"] for c in of_columns if c["element"] == "id") == "C"
    access = next(f for f in found["dimensions"] if f["dimension"] == "accessibility")
    assert (access["a"], access["b"], access["value"]) == (1, 2, 0.5)

"""Quality figures in the six dimensions of GB/T 36344-2018, from the counts of one build.

Measured on the source as it was read, before anything was repaired or held back: figures of the harmonised rows
would only repeat that bad rows were removed. Every figure is A / B with both numbers shown. What one reading cannot
measure is said to be not measured, and does not enter the grade. Grade thresholds are a choice of this project [D].
Must never know: data. Contract: tests/harmonise/test_harmonise_quality.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Map
from typing import Any

from datong.harmonise.model.mappings import Column, How, Mapping

GRADES = (("A", 0.98), ("B", 0.95), ("C", 0.85))
"""Grade by least score; below the last it is D [D]."""

RULE = "GB/T 36344-2018"
FORMULAS = {
    "normativity": "values written as the standard says, unrepaired / values under a format rule",
    "completeness": "required values present / required values",
    "accuracy": "values not invalid / values present",
    "consistency": "relations that hold / relations tested",
    "timeliness": "times inside the declared period / times read",
}
NOT_DECLARED = "not measured: the mapping declares no freshness"


def quality_of(
    mapping: Mapping, counts: Map[str, int], *, fresh: tuple[int, int] = (0, 0), readings: tuple[int, int] = (0, 0)
) -> dict[str, Any]:
    """{grade, score, rule, measured_on, dimensions: [{dimension, zh, indicator, formula, a, b, value}]}.

    counts: the row of the plan's step `measured`. fresh: (values within the days that the mapping declares, values).
    readings: (attempts that read the source to its end, attempts). score: mean of the dimensions measured; a dimension
    is the mean of its indicators.
    """
    indicators = _indicators(mapping, counts, fresh, readings)
    return {
        **_graded(indicators),
        "rule": RULE,
        "measured_on": "the source as read, before repair and quarantine; rows repaired by hand as repaired",
    }


def columns_of(mapping: Mapping, counts: Map[str, int]) -> list[dict[str, Any]]:
    """The same figures for each element that is read: [{element, zh, en, grade, score, dimensions}]."""
    return [
        {"element": c.element.name, "zh": c.element.zh, "en": c.element.en, **_graded(_of_column(mapping, c, counts))}
        for c in mapping.columns
        if c.constant is None
    ]


def means_of(indicators: Iterable[Map[str, Any]]) -> dict[str, float]:
    """dimension -> mean of its indicators, of those that were measured."""
    by_dimension: dict[str, list[float]] = {}
    for indicator in indicators:
        if indicator["value"] is not None:
            by_dimension.setdefault(str(indicator["dimension"]), []).append(float(indicator["value"]))
    return {dimension: sum(values) / len(values) for dimension, values in by_dimension.items()}


def _graded(indicators: list[dict[str, Any]]) -> dict[str, Any]:
    means = list(means_of(indicators).values())
    score = round(sum(means) / len(means), 6) if means else 0.0
    grade = next((name for name, least in GRADES if score >= least), "D")
    return {"grade": grade if means else "", "score": score, "dimensions": indicators}


def _of_column(mapping: Mapping, column: Column, counts: Map[str, int]) -> list[dict[str, Any]]:
    """The figures of one element. What only speaks of whole rows (keys, accessibility) is not measured of it."""
    name, rows = column.element.name, counts["rows"]
    filled = counts[f"filled:{name}"]
    checks = [check for check in mapping.checks if name in check.columns]
    tested = sum(counts[f"checked:{check.reason}"] for check in checks)
    failed = sum(counts[f"failed:{check.reason}"] for check in checks)
    times, late = (counts[f"{what}:{name}"] if column.timed else 0 for what in ("read", "outside_period"))
    return [
        _figure("normativity", "规范性", FORMULAS["normativity"],
                (counts[f"plain:{name}"], filled) if _ruled(column) else (0, 0)),
        _figure("completeness", "完整性", "values present / rows" if not column.element.required else
                FORMULAS["completeness"], (filled, rows)),
        _figure("accuracy", "准确性", FORMULAS["accuracy"], (filled - counts[f"invalid:{name}"], filled)),
        _figure("consistency", "一致性", FORMULAS["consistency"], (tested - failed, tested)),
        _figure("timeliness", "时效性", FORMULAS["timeliness"], (times - late, times)),
    ]  # fmt: skip


def _ruled(column: Column) -> bool:
    """Whether a rule says how the column's values are written."""
    return column.how is not How.text or bool(column.element.pattern or column.element.values)


def _indicators(
    mapping: Mapping, counts: Map[str, int], fresh: tuple[int, int], readings: tuple[int, int]
) -> list[dict[str, Any]]:
    read = [c for c in mapping.columns if c.constant is None]
    ruled = [c for c in read if _ruled(c)]
    timed = [c for c in read if c.timed]
    required = [c for c in read if c.element.required]
    rows = counts["rows"]
    filled = _sum(counts, "filled", read)
    related = [(f"asked:{j.table}", f"lost:{j.table}") for j in mapping.joins]
    related += [(f"checked:{c.reason}", f"failed:{c.reason}") for c in mapping.checks]
    tested = sum(counts[asked] for asked, _ in related)
    held = tested - sum(counts[lost] for _, lost in related)
    unique = (rows - counts["repeated"], rows) if mapping.unique else (0, 0)
    times = _sum(counts, "read", timed)
    days = mapping.freshness.within_days if mapping.freshness else 0
    return [
        _figure("normativity", "规范性", FORMULAS["normativity"],
                (_sum(counts, "plain", ruled), _sum(counts, "filled", ruled))),
        _figure("completeness", "完整性", FORMULAS["completeness"],
                (_sum(counts, "filled", required), len(required) * rows)),
        _figure("accuracy", "准确性", FORMULAS["accuracy"],
                (filled - _sum(counts, "invalid", read), filled)),
        _figure("accuracy", "准确性", "rows that repeat no other / rows", unique, indicator="uniqueness"),
        _figure("consistency", "一致性", FORMULAS["consistency"], (held, tested)),
        _figure("timeliness", "时效性", FORMULAS["timeliness"],
                (times - _sum(counts, "outside_period", timed), times)),
        _figure("timeliness", "时效性", f"values of the last {days} days / values" if days else NOT_DECLARED, fresh,
                indicator="freshness"),
        _figure("accessibility", "可访问性", "attempts that read the source to its end / attempts", readings),
    ]  # fmt: skip


def _sum(counts: Map[str, int], what: str, columns: list[Column]) -> int:
    return sum(counts[f"{what}:{column.element.name}"] for column in columns)


def _figure(dimension: str, zh: str, formula: str, share: tuple[int, int], *, indicator: str = "") -> dict[str, Any]:
    a, b = share
    return {
        "dimension": dimension,
        "zh": zh,
        "indicator": indicator or dimension,
        "formula": formula,
        "a": a,
        "b": b,
        "value": round(a / b, 6) if b else None,
    }

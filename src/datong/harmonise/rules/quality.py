"""Quality figures in the six dimensions of GB/T 36344-2018, from the counts of one build.

Measured on the source as it was read, before anything was repaired or held back: figures of the harmonised rows
would only repeat that bad rows were removed. Every figure is A / B with both numbers shown. What one reading cannot
measure is said to be not measured, and does not enter the grade. Grade thresholds are a choice of this project [D].
Must never know: data. Contract: tests/harmonise/test_harmonise_quality.py.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from typing import Any

from datong.harmonise.model.mappings import Column, How, Mapping

GRADES = (("A", 0.98), ("B", 0.95), ("C", 0.85))
"""Grade by least score; below the last it is D [D]."""

RULE = "GB/T 36344-2018"


def quality_of(mapping: Mapping, counts: Map[str, int]) -> dict[str, Any]:
    """{grade, score, rule, measured_on, dimensions: [{dimension, zh, indicator, formula, a, b, value}]}.

    counts: the row of the plan's step `measured`. score: mean of the dimensions measured; a dimension is the mean
    of its indicators.
    """
    indicators = _indicators(mapping, counts)
    by_dimension: dict[str, list[float]] = {}
    for indicator in indicators:
        if indicator["value"] is not None:
            by_dimension.setdefault(str(indicator["dimension"]), []).append(float(indicator["value"]))
    means = [sum(values) / len(values) for values in by_dimension.values()]
    score = round(sum(means) / len(means), 6) if means else 0.0
    grade = next((name for name, least in GRADES if score >= least), "D")
    return {
        "grade": grade,
        "score": score,
        "rule": RULE,
        "measured_on": "the source as read, before repair and quarantine",
        "dimensions": indicators,
    }


def _indicators(mapping: Mapping, counts: Map[str, int]) -> list[dict[str, Any]]:
    read = [c for c in mapping.columns if c.constant is None]
    ruled = [c for c in read if c.how is not How.text or c.element.pattern or c.element.values]
    timed = [c for c in read if c.how is How.timestamp and c.between is not None]
    required = [c for c in read if c.element.required]
    rows = counts["rows"]
    filled = _sum(counts, "filled", read)
    related = [(f"asked:{j.table}", f"lost:{j.table}") for j in mapping.joins]
    related += [(f"checked:{c.reason}", f"failed:{c.reason}") for c in mapping.checks]
    tested = sum(counts[asked] for asked, _ in related)
    held = tested - sum(counts[lost] for _, lost in related)
    unique = (rows - counts["repeated"], rows) if mapping.unique else (0, 0)
    times = _sum(counts, "read", timed)
    return [
        _figure("normativity", "规范性", "values written as the standard says, unrepaired / values under a format rule",
                (_sum(counts, "plain", ruled), _sum(counts, "filled", ruled))),
        _figure("completeness", "完整性", "required values present / required values",
                (_sum(counts, "filled", required), len(required) * rows)),
        _figure("accuracy", "准确性", "values not invalid / values present",
                (filled - _sum(counts, "invalid", read), filled)),
        _figure("accuracy", "准确性", "rows that repeat no other / rows", unique, indicator="uniqueness"),
        _figure("consistency", "一致性", "relations that hold / relations tested", (held, tested)),
        _figure("timeliness", "时效性", "times inside the declared period / times read",
                (times - _sum(counts, "outside_period", timed), times)),
        _figure("accessibility", "可访问性", "not measured: one reading says nothing of it", (0, 0)),
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

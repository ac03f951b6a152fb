"""Many texts under one conversion, in one run of a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harmonise_desk import files, mapped, prop, rows_of, run

Outcome = tuple[Any, str]


def outcomes(
    texts: Sequence[str | None], column: Mapping[str, Any], kind: str = "string", unit: str = "", **more: Any
) -> list[Outcome]:
    """(value, "" | "fixed:rule" | "suspect:rule" | "invalid:reason") of each text; originals are held to stay."""
    if unit:
        more["customProperties"] = [{"property": "unit", "value": unit}]
    contents = files({"x": {"from": "a", **column}}, prop("x", kind, **more))
    return outcomes_of(contents, [{"a": text} for text in texts], "x")


def outcomes_of(contents: Mapping[str, Any], rows: Sequence[Mapping[str, str | None]], name: str) -> list[Outcome]:
    result = run(mapped(contents), things=rows_of(*rows))
    found: dict[int, Outcome] = {row["source_row"]: (row[name], "") for row in result["harmonised"].to_pylist()}
    for repair in result["repairs"].to_pylist():
        if repair["column"] == name:
            number = repair["row"]
            found[number] = (found[number][0], f"{repair['state']}:{repair['rule']}")
            assert repair["original"] in rows[number - 1].values()
    for held in result["quarantined"].to_pylist():
        found[held["row"]] = (None, f"invalid:{held['reason']}")
        assert held["original"] in rows[held["row"] - 1].values()
    assert len(found) == len(rows)
    return [found[number] for number in range(1, len(rows) + 1)]


def told(
    table: Sequence[tuple[str | None, Any, str]], column: Mapping[str, Any], kind: str = "string", **more: Any
) -> None:
    """Hold a table of (text, value, verdict) to be what comes out."""
    got = outcomes([text for text, _, _ in table], column, kind, **more)
    wrong = [(row, out) for row, out in zip(table, got, strict=True) if out != row[1:]]
    assert not wrong, wrong

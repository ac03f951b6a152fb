"""Repairs as a layer over the source: a plan run before a mapping's own, which then reads the source as repaired.

    source_<table>   given: the table as the source has it
    held_<n>         given: the rows that repairs were made for, by their texts, with the texts to put there
    matched          rows of the source that say the same in every column known of them, with the repair of each column
    mended           those rows, repaired
    repeats          mended rows that the source holds elsewhere as well: they are left as they were
    layered          which rows were repaired, which were left, with their texts as the source has them
    in_<table>       what the mapping's plan reads: the rows of the source, the repaired ones among them

Nothing is lost by the layer: in_<table> has the rows of source_<table>, and the plan's balances say so.
Must never know: engines, files, who repairs. Contract: tests/harmonise/test_harmonise_layer.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Map

from datong.engine.model import Balance, Plan, Step, literal, quoted
from datong.harmonise.model.mappings import Mapping
from datong.harmonise.model.reading import BROKEN, ROW
from datong.harmonise.model.repairs import Repair
from datong.harmonise.rules import lineage
from datong.harmonise.rules.plan import input_name, is_main

LAYERED = "layered"


def main_columns(mapping: Mapping) -> tuple[str, ...]:
    """The columns of the main table that the mapping reads, by their names in that table."""
    return tuple(lineage.plain(mapping, path) for path in mapping.paths if is_main(mapping, path))


def source_name(mapping: Mapping) -> str:
    return f"source_{mapping.main.lower()}"


def fitting(mapping: Mapping, repairs: Iterable[Repair]) -> tuple[Repair, ...]:
    """The repairs that this mapping has a use for: their column is read, and so is something to know the row by."""
    columns = {*main_columns(mapping), BROKEN}
    return tuple(r for r in repairs if r.column in columns and columns & r.record.keys())


def groups(mapping: Mapping, repairs: Sequence[Repair]) -> tuple[tuple[tuple[str, ...], tuple[Repair, ...]], ...]:
    """Repairs by the columns that their rows are known by (they differ when the mapping was changed in between)."""
    columns = (BROKEN, *main_columns(mapping))
    found: dict[tuple[str, ...], list[Repair]] = {}
    for repair in repairs:
        found.setdefault(tuple(c for c in columns if c in repair.record), []).append(repair)
    return tuple((known, tuple(of)) for known, of in found.items())


def held_name(number: int) -> str:
    return f"held_{number}"


def held_rows(known: Sequence[str], repairs: Sequence[Repair]) -> dict[str, list[str | int | None]]:
    """The columns of one `held` input: a line a row and column repaired, the latest where there are several."""
    latest = {(tuple(r.record[c] for c in known), r.column): r for r in sorted(repairs, key=lambda r: r.number)}
    rows = list(latest.values())
    by: dict[str, list[str | int | None]] = {f"is:{c}": [r.record[c] for r in rows] for c in known}
    return {**by, "number": [r.number for r in rows], "of": [r.column for r in rows], "to": [r.text for r in rows]}


def layer_plan(mapping: Mapping, repairs: Sequence[Repair]) -> Plan:
    """The plan from the source's rows to the rows as repaired, in the order of the source."""
    main, source, columns = input_name(mapping.main), source_name(mapping), main_columns(mapping)
    found = groups(mapping, repairs)
    steps = (
        Step("matched", " UNION ALL ".join(_matched(source, n, known) for n, (known, _) in enumerate(found))),
        Step("mended", _mended(source, columns, {r.column for r in repairs})),
        Step("repeats", _repeats(source, columns)),
        Step(LAYERED, _layered(source, columns)),
        Step(main, _source_as_repaired(source, columns)),
    )
    return Plan(steps, (source, *(held_name(n) for n in range(len(found)))), (), (Balance(source, (main,)),))


def _matched(source: str, number: int, known: Sequence[str]) -> str:
    same = " AND ".join(f"s.{quoted(c)} IS NOT DISTINCT FROM h.{quoted(f'is:{c}')}" for c in known)
    picked = f'SELECT s.{quoted(ROW)} AS of_row, h.number, h."of", h."to"'
    return f"{picked} FROM {quoted(source)} AS s JOIN {quoted(held_name(number))} AS h ON {same}"


def _mended(source: str, columns: Sequence[str], repaired: Iterable[str]) -> str:
    """One row per matched row, its columns as repaired. What was no record is one as soon as a column was given."""
    wanted = set(repaired)
    texts = []
    for column in columns:
        mine = f'm."of" = {literal(column)}'
        given = f'arg_max(m."to", m.number) FILTER ({mine})'
        there = f"any_value(s.{quoted(column)})"
        text = f"CASE WHEN count(*) FILTER ({mine}) > 0 THEN {given} ELSE {there} END" if column in wanted else there
        texts.append(f"{text} AS {quoted(column)}")
    read = f"FROM matched AS m JOIN {quoted(source)} AS s ON s.{quoted(ROW)} = m.of_row GROUP BY m.of_row"
    return f"SELECT m.of_row AS of_row, CAST(NULL AS VARCHAR) AS {quoted(BROKEN)}, {', '.join(texts)} {read}"


def _repeats(source: str, columns: Sequence[str]) -> str:
    same = " AND ".join(f"s.{quoted(c)} IS NOT DISTINCT FROM m.{quoted(c)}" for c in (BROKEN, *columns))
    other = f"s.{quoted(ROW)} <> m.of_row"
    return f"SELECT DISTINCT m.of_row AS of_row FROM mended AS m JOIN {quoted(source)} AS s ON {same} AND {other}"


def _layered(source: str, columns: Sequence[str]) -> str:
    before = ", ".join(f"{literal(c)}: s.{quoted(c)}" for c in (BROKEN, *columns))
    return (
        f'SELECT m.of_row AS {quoted("row")}, m.number, m."of" AS {quoted("column")}, r.of_row IS NOT NULL AS repeats, '
        f"CAST(to_json({{{before}}}) AS VARCHAR) AS source_record "
        f"FROM matched AS m JOIN {quoted(source)} AS s ON s.{quoted(ROW)} = m.of_row "
        f"LEFT JOIN repeats AS r ON r.of_row = m.of_row ORDER BY 1, 2"
    )


def _source_as_repaired(source: str, columns: Sequence[str]) -> str:
    # two ways a row can go, and none both: a join that kept every row would need a mark of what was repaired
    picked = ", ".join(quoted(c) for c in (BROKEN, *columns))
    taken = "SELECT of_row FROM mended WHERE of_row NOT IN (SELECT of_row FROM repeats)"
    return (
        f"SELECT {quoted(ROW)}, {picked} FROM {quoted(source)} WHERE {quoted(ROW)} NOT IN ({taken}) "
        f"UNION ALL SELECT of_row AS {quoted(ROW)}, {picked} FROM mended "
        f"WHERE of_row NOT IN (SELECT of_row FROM repeats) ORDER BY 1"
    )


def counted(told: Sequence[Map[str, object]], held: Map[int, str]) -> dict[str, int]:
    """What the repairs came to, in rows. told: the step `layered`; held: row -> reason of the rows quarantined."""
    applied = {int(str(t["row"])) for t in told if not t["repeats"]}
    return {
        "rows": len(applied - held.keys()),
        "held": len(applied & held.keys()),
        "superseded": len({t["row"] for t in told if t["repeats"]}),
    }

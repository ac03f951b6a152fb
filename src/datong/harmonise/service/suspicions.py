"""Looking at the first rows of a source for traps that no rule of a value finds: told with figures, never acted on.

Where a mapping declares a zone, its times are held to it. Where another mapping of the workspace has points, addresses
that both name are held against each other, and a systematic offset is explained by the datum step it is.
Contract: tests/harmonise/suspicions/test_suspicions_service.py.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection
from collections.abc import Mapping as Map
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow as pa

from datong.engine import service as engine
from datong.engine.model import Plan, Step
from datong.ground.db import Tx
from datong.ground.refusal import Problem, Refusal
from datong.harmonise.model.mappings import How, Mapping, Source
from datong.harmonise.model.reading import Reading, Sample, SampleColumn
from datong.harmonise.model.refusals import BAD_WORKSPACE
from datong.harmonise.model.suspicions import KINDS, Suspicion
from datong.harmonise.rules import datums
from datong.harmonise.rules import suspicions as rules
from datong.harmonise.rules.workspace import mapping_names, mapping_of, source_of
from datong.harmonise.service.folders import folders_of, require_not_own
from datong.harmonise.service.sampling import first_rows
from datong.harmonise.store import sources
from datong.harmonise.store import workspace as texts
from datong.terms.roles import Role
from datong.terms.verbs import view

ROWS = 10_000
_DATUMS = ("WGS84", "GCJ-02", "BD-09")


@view(Role.data_engineer)
def suspicions(
    tx: Tx,
    *,
    workspace: str,
    mapping: str | None = None,
    source: str | None = None,
    against: str | None = None,
    data: str | None = None,
) -> list[dict[str, Any]]:
    """What the first 10,000 rows of a source make one suspect: {kind, columns, evidence, zh, en} each.

    Name a mapping, or a source that has none yet. against: a mapping with points and addresses of reference; without it
    every other mapping of the workspace is tried. Changes nothing; what is suspected refuses nothing.
    """
    folder, given = folders_of(tx, workspace, data)
    files, problems = texts.files_of(folder)
    if (mapping is None) == (source is None):
        problems = [
            Problem("mapping", "mapping 与 source 须且只须其一", "name either a mapping or a source"),
            *problems,
        ]
        raise BAD_WORKSPACE(problems, workspace=workspace, count=len(problems))
    if source is not None:
        found, wrong = source_of(files, source)
        if found is None:
            raise BAD_WORKSPACE([*problems, *wrong], workspace=workspace, count=len(problems) + len(wrong))
        require_not_own(tx, found, given)
        return as_json(_suspected(found, tuple(found.tables), sources.sample(found, given, rows=ROWS), {}))
    named, wrong = mapping_of(files, str(mapping))
    if named is None:
        raise BAD_WORKSPACE([*problems, *wrong], workspace=workspace, count=len(problems) + len(wrong))
    return as_json(of_mapping(tx, files, named, given, [against] if against else None))


def of_mapping(
    tx: Tx,
    files: Any,
    mapping: Mapping,
    data: Path,
    against: list[str] | None = None,
    reading: Reading | None = None,
    *,
    only_files: bool = False,
) -> tuple[Suspicion, ...]:
    """The suspicions of a mapping's source, its points held against those of other mappings.

    reading: what was read of it, which spares another look at most sources. only_files: of the other sources only those
    that lie here are looked at, so that no build waits for a host that has nothing to do with it."""
    require_not_own(tx, mapping.source, data)
    sample = first_rows(mapping, data, reading, ROWS)
    alone = [column for column in mapping.columns if not column.then]  # half a value is none of its kind
    zones = {path: column.zone for column in alone if column.how is How.timestamp for path in column.paths}
    read = (mapping.main, *(join.table for join in mapping.joins)) if mapping.source.tables else ()
    numbers = {path for column in mapping.columns if column.how is How.number for path in column.paths}
    numbers -= {path for column in mapping.columns for path in column.then}
    minded = {  # what the mapping minds already
        "leading_zeros": {path for column in mapping.columns if column.meaning.digits for path in column.paths},
        "renamed": {path for column in mapping.columns if column.others for path in column.paths},
        "mixed_units": {c.path for c in mapping.columns if c.how not in (How.number, How.text)},
        "unit_left_out": {c.path for c in mapping.columns if c.meaning.unit or not c.meaning.carries_unit},
    }
    every = _suspected(mapping.source, read, sample, zones, numbers)
    none = {(path, text) for column in mapping.columns for path in column.paths for text in column.missing}
    found = [
        one
        for one in every
        if not minded.get(one.kind, set()).issuperset(one.columns)
        and (one.columns[0], one.evidence.get("value")) not in none
    ]
    bare = [c for c in mapping.columns if c.how is How.number and not (c.meaning.unit or c.meaning.percent)]
    found += [
        one
        for c in bare
        if not c.meaning.carries_unit
        for path in c.paths
        for one in rules.unit_unread(path, c.element.unit)
    ]
    here = _points(mapping)
    names = [name for name in mapping_names(files) if name != mapping.name] if against is None else against
    for name in names if here else []:
        other, wrong = mapping_of(files, name)
        if other is None:
            if against is not None:
                raise BAD_WORKSPACE(wrong, workspace=mapping.name, count=len(wrong))
            continue
        if other.source.name == mapping.source.name or not _points(other) or (only_files and other.source.elsewhere):
            continue
        try:
            require_not_own(tx, other.source, data)
            reference = sources.sample(other.source, data, rows=ROWS)
        except Refusal:
            if against is not None:
                raise
            continue  # that source is checked under its own mapping
        found += _held(here, _by_path(mapping, sample), _points(other), _by_path(other, reference))
    return tuple(found)


def _suspected(
    source: Source, tables: tuple[str, ...], sample: Sample, zones: Map[str, str], numbers: Collection[str] = ()
) -> tuple[Suspicion, ...]:
    """Table by table: only rows of one table are beside each other. tables: those looked at; none: it has no tables."""
    found: list[Suspicion] = []
    for table in tables or ("",):
        prefix = f"{table}." if table else ""
        columns = [column for column in sample.columns if column.path.startswith(prefix)]
        found += rules.suspected(columns, zones, numbers)
        unnest = source.of_table(table).unnest if table in source.apart else source.unnest
        if unnest and columns:
            found += rules.no_list(prefix + unnest, columns)
    return tuple(found)


def as_json(found: tuple[Suspicion, ...]) -> list[dict[str, Any]]:
    return [
        {
            "kind": one.kind, "title_zh": KINDS[one.kind].zh, "title_en": KINDS[one.kind].en,
            "columns": list(one.columns), "evidence": dict(one.evidence), "zh": one.told.zh, "en": one.told.en,
        }
        for one in found
    ]  # fmt: skip


# --- points ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pair:
    """The paths of a point's two halves, and the datum they are declared in."""

    longitude: str
    latitude: str
    datum: str


def _points(mapping: Mapping) -> list[_Pair]:
    """The points of a mapping: halves that name each other, else in the order in which they stand."""
    decimal = [column for column in mapping.columns if column.path and column.notation == "decimal"]
    east = [column for column in decimal if column.how is How.longitude]
    north = [column for column in decimal if column.how is How.latitude]
    pairs = []
    for number, column in enumerate(east):
        partner = next((other for other in north if other.element.name == column.meaning.partner), None)
        other = partner or (north[number] if number < len(north) else None)
        if other is not None:
            pairs.append(_Pair(column.path, other.path, column.meaning.datum))
    return pairs


def _held(
    here: list[_Pair], ours: Map[str, SampleColumn], there: list[_Pair], theirs: Map[str, SampleColumn]
) -> list[Suspicion]:
    found = []
    for pair in here:
        for points in there:
            labelled = _labelled(points, theirs)
            for label in sorted(ours):
                offsets, places = _offsets(pair, label, ours, labelled)
                if len(offsets) < rules.PAIRS:
                    continue
                at = (statistics.median(p[0] for p in places), statistics.median(p[1] for p in places))
                expected = _step(at, points.datum, pair.datum)
                left = [(x - expected[0], y - expected[1]) for x, y in offsets]
                steps = {f"{a} -> {b}": _step(at, a, b) for a, b in permutations(_DATUMS, 2)}
                columns = (pair.longitude, pair.latitude, label)
                of = (points.longitude, points.latitude)
                found += rules.datum_step(columns, left, steps, of, latitude=at[1])
    return found


def _by_path(mapping: Mapping, sample: Sample) -> dict[str, SampleColumn]:
    """The columns of the mapping's own table: rows of another are not beside them."""
    prefix = f"{mapping.main}." if mapping.source.tables else ""
    return {column.path: column for column in sample.columns if column.path.startswith(prefix)}


def _labelled(points: _Pair, columns: Map[str, SampleColumn]) -> dict[str, rules.Point]:
    """Address -> where it is, for addresses that are in one place only."""
    if points.longitude not in columns or points.latitude not in columns:
        return {}
    places: dict[str, list[rules.Point]] = {}
    at = [_number(v) for v in columns[points.longitude].values], [_number(v) for v in columns[points.latitude].values]
    for column in columns.values():
        for x, y, text in zip(*at, column.values, strict=True):
            if x is not None and y is not None and text and (street := rules.street(text)):
                places.setdefault(street, []).append((x, y))
    return {street: found[0] for street, found in places.items() if rules.one_place(found)}


def _offsets(
    pair: _Pair, label: str, columns: Map[str, SampleColumn], labelled: Map[str, rules.Point]
) -> tuple[list[rules.Point], list[rules.Point]]:
    """Point minus reference for each row whose label the reference has, and where the reference is."""
    if not labelled or pair.longitude not in columns or pair.latitude not in columns:
        return [], []
    offsets, places = [], []
    rows = zip(columns[pair.longitude].values, columns[pair.latitude].values, columns[label].values, strict=True)
    for east, north, text in rows:
        place = labelled.get(rules.street(text)) if text else None
        x, y = _number(east), _number(north)
        if place is not None and x is not None and y is not None:
            offsets.append((x - place[0], y - place[1]))
            places.append(place)
    return offsets, places


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _step(at: rules.Point, source: str, target: str) -> rules.Point:
    """By how much a point moves there from one datum to another."""
    steps, end = datums.stages(("x", "y"), source, target, "to_{}")
    sql = "SELECT * FROM given"
    for number, step in enumerate(steps):
        named = ", ".join(f"{text} AS {name}" for name, text in step.items())
        sql = f"SELECT *, {named} FROM ({sql}) AS stage_{number}"
    plan = Plan((Step("moved", f"SELECT {end[0]} - x AS dx, {end[1]} - y AS dy FROM ({sql}) AS every"),), ("given",))
    row = engine.run(plan, {"given": pa.table({"x": [at[0]], "y": [at[1]]})}, threads=1)["moved"].to_pylist()[0]
    return float(row["dx"]), float(row["dy"])

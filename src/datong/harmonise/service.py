"""The verbs of harmonise: check a workspace, build a resource, and look at what came of it.

A build is named by what it is made of (source content, mapping, standard, plan), so building the same again gives
the same build and adds nothing. Must never know: policies, prices, who will use the data.
Contract: tests/harmonise/test_harmonise_service.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datong.engine import rules as plans
from datong.engine import service as engine
from datong.engine.model import Plan, Result
from datong.ground import evidence, signing
from datong.ground.canonical import digest, plain
from datong.ground.db import Actor, Store, Tx
from datong.ground.refusal import Problem, Refusal
from datong.harmonise.model import (
    BAD_ELEMENTS,
    BAD_WORKSPACE,
    BROKEN,
    COLUMNS_MISSING,
    FILES_CHANGED,
    NO_BUILD,
    NO_ROWS,
    NOT_THE_OWNER,
    NOTES,
    ROW,
    TOO_MANY_QUARANTINED,
    Library,
    Mapping,
    Reading,
    SourceKind,
    State,
)
from datong.harmonise.rules import elements as dictionary
from datong.harmonise.rules import plan as planning
from datong.harmonise.rules import quality, standards
from datong.harmonise.rules.workspace import mapping_names, mapping_of, nearest
from datong.harmonise.store import builds as kept
from datong.harmonise.store import elements as packs
from datong.harmonise.store import files, sources
from datong.harmonise.store import workspace as texts
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

QUARANTINED_MAX = 0.5
"""A build that would quarantine a greater share of its rows is refused."""
ROWS_SHOWN_MAX = 500
NODE_ONLY = ("keys", "evidence", "data")
"""Folders of a node that no source may lie in: a source's text can be shown to its engineer."""
RESOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,78}\*?")  # the check character of a code may be an asterisk

_FOLDERS: dict[int, Path] = {}


def install(store: Store, folder: Path) -> None:
    """Tell this process in which folder the node of `store` keeps its files (once, by app or a test)."""
    _FOLDERS[id(store)] = folder


def sweep(tx: Tx) -> list[str]:
    """At the start of a node: finish moving files of committed builds, delete what no build names."""
    return files.swept(_FOLDERS[id(tx.store)], kept.committed(tx))


def library(folder: Path | None = None) -> Library:
    """The data elements that ship with Datong, with those of `folder` (elements/, codes/) added; STD-440 if any is
    wrong. A file of the folder takes the place of a shipped one with the same name."""
    contents, problems = packs.files_of(packs.shipped())
    if folder is not None:
        own, wrong = packs.files_of(folder)
        if not own and not wrong:
            wrong = [Problem(str(folder), "没有 elements 或 codes 目录", "holds no files in elements/ or codes/")]
        contents, problems = {**contents, **own}, problems + wrong
    found, wrong = dictionary.library_of(contents)
    if problems or wrong:
        raise BAD_ELEMENTS([*problems, *wrong], count=len(problems) + len(wrong))
    return found


# --- check and build ---------------------------------------------------------------------------------------


@view(Role.data_engineer)
def check(tx: Tx, *, workspace: str, mapping: str | None = None, data: str | None = None) -> dict[str, Any]:
    """Check a workspace: its files, that its sources answer, and that the columns mapped are there.

    workspace: folder, relative to the node's or absolute. data: folder where the sources' paths begin (the workspace
    itself when not given). Tells all problems at once and changes nothing.
    """
    folder, given = _folders(tx, workspace, data)
    contents, problems = texts.files_of(folder)
    names = [mapping] if mapping else mapping_names(contents)
    if not names and not problems:
        problems = [Problem("mappings", "没有任何映射", "there is no mapping")]
    checked = []
    for name in names:
        found, wrong = mapping_of(contents, name)
        problems += wrong
        if found is None:
            continue
        try:
            reading, plan = _read(found, given), planning.plan_of(found)
            problems += plans.problems(plan)
            rows = reading.tables[found.main].num_rows
            checked.append(
                {"mapping": name, "source": found.source.name, "standard": found.standard.name, "rows": rows}
            )
        except Refusal as refusal:
            what, why, _ = refusal.texts()
            said = Problem(f"sources/{found.source.name}.yaml", what.zh + why.zh, what.en + " " + why.en)
            problems += refusal.problems or (said,)
    unique = list(dict.fromkeys(problems))
    return {
        "accepted": not unique,
        "mappings": checked,
        "problems": [{"where": p.where, "zh": p.zh, "en": p.en} for p in unique],
    }


@verb(Role.data_engineer)
def build(tx: Tx, *, resource: str, workspace: str, mapping: str, data: str | None = None) -> dict[str, Any]:
    """Build a resource: read its source, harmonise it by a mapping, quarantine what cannot be.

    resource: the code under which the result is found. Building the same content again returns the same build.
    Refuses without leaving files: STD-410 to 413, STD-420 when more than half of the rows would be quarantined (that
    refusal is recorded as a build in state refused).
    """
    folder, given = _folders(tx, workspace, data)
    found = _mapping(folder, mapping)
    if not RESOURCE.fullmatch(resource):
        said = "should be a resource code: letters, digits, - and _, with * only at its end"
        problem = Problem("resource", "应为资源标识码", said)
        raise BAD_WORKSPACE([problem], workspace=workspace, count=1)
    reading, plan = _read(found, given), planning.plan_of(found)
    if reading.tables[found.main].num_rows == 0:
        raise NO_ROWS(source=found.source.name)
    made = _Made(resource, found, reading, plan)
    known = tx.get(kept.builds, made.id)
    if known is not None and known["state"] == State.built.value:
        _make_current(tx, resource, made.id)
        return _shown(known)
    result = _run(found, reading, plan)
    row = _row(tx, made, result)
    if row["quarantined"] > QUARANTINED_MAX * row["read"]:
        raise _refuse(tx, row, recorded=known is not None)
    return _keep(tx, row, result, plan)


@dataclass(frozen=True)
class _Made:
    """What a build is made of; its id is a digest of that."""

    resource: str
    mapping: Mapping
    reading: Reading
    plan: Plan

    @property
    def id(self) -> str:
        mapping, plan = self.mapping, plans.digest_of(self.plan)
        made_of = [self.resource, self.reading.digest, mapping.digest, mapping.standard.digest, plan]
        return f"build-{digest(made_of).removeprefix('sha256:')[:32]}"


def _folders(tx: Tx, workspace: str, data: str | None) -> tuple[Path, Path]:
    """(workspace folder, folder in which the sources' paths begin); never the node's own keys, store or files."""
    node = _FOLDERS[id(tx.store)].resolve()
    folder = (node / workspace).resolve()  # an absolute path stays as it is
    given = folder if data is None else (node / data).resolve()
    for name, path in (("workspace", folder), ("data", given)):
        inside = path.relative_to(node).parts if path.is_relative_to(node) else ()
        if node.is_relative_to(path) or (inside and inside[0] in NODE_ONLY):
            problem = Problem(name, "这是节点自己的目录", "this folder is the node's own; name one below or beside it")
            raise BAD_WORKSPACE([problem], workspace=workspace, count=1)
    return folder, given


def _mapping(folder: Path, name: str) -> Mapping:
    contents, problems = texts.files_of(folder)
    found, wrong = mapping_of(contents, name)
    if found is None or problems:
        every = [*problems, *wrong]
        raise BAD_WORKSPACE(every, workspace=folder.name, count=len(every))
    return found


def _read(mapping: Mapping, data: Path) -> Reading:
    """Read the source; COLUMNS_MISSING names every path that is not there, with the nearest names."""
    wanted: dict[str, list[str]] = {}
    if mapping.source.kind is SourceKind.database:
        for path in mapping.paths:
            table, column = path.split(".", 1)
            wanted.setdefault(table, []).append(column)
        there = sources.columns_of(mapping.source, data)
        known = [f"{table}.{column}" for table, columns in there.items() for column in columns]
        _require(mapping, known, [table for table in wanted if not there[table]])
        return sources.read(mapping.source, data, wanted)
    reading = sources.read(mapping.source, data, wanted)
    table = reading.tables[mapping.main]
    if table.num_rows:
        _require(mapping, table.column_names[2:], [])
    return reading


def _require(mapping: Mapping, known: list[str], no_tables: list[str]) -> None:
    problems = [Problem(table, "没有这张表", "there is no such table") for table in no_tables]
    for path in mapping.paths:
        if path not in known and path.split(".")[0] not in no_tables:
            near = nearest(path, known)
            zh = f"数据源没有此列；相近：{'、'.join(near) or '无'}"
            problems.append(Problem(path, zh, f"the source has no such column; nearest: {', '.join(near) or 'none'}"))
    if problems:
        raise COLUMNS_MISSING(problems, source=mapping.source.name, count=len(problems))


def _run(mapping: Mapping, reading: Reading, plan: Plan) -> Result:
    inputs = {planning.input_name(name): table for name, table in reading.tables.items()}
    result = engine.run(plan, inputs, want=("harmonised", "quarantined", "repairs", "measured"))
    if mapping.source.kind is SourceKind.database:
        return result  # its rows stand in the database, under their keys
    held = _with_whole_records(result["quarantined"], reading.tables[mapping.main])
    return replace(result, tables={**result.tables, "quarantined": held})


def _with_whole_records(held: pa.Table, source: pa.Table) -> pa.Table:
    """Quarantined rows of a file, their records with the fields that no mapping names too."""
    rows = source.drop_columns([ROW, BROKEN]).take(pc.subtract(held["row"], 1)).to_pylist()
    records = [
        {**{path: text for path, text in row.items() if text is not None}, **json.loads(mapped)}
        for row, mapped in zip(rows, held["record"].to_pylist(), strict=True)
    ]
    whole = pa.array([json.dumps(record, ensure_ascii=False) for record in records], pa.string())
    return held.set_column(held.schema.get_field_index("record"), "record", whole)


def _row(tx: Tx, made: _Made, result: Result) -> dict[str, Any]:
    mapping = made.mapping
    by_column = _counted(result["quarantined"], ("reason", "column"))
    reasons: dict[str, int] = {}
    for entry in by_column:
        reasons[entry["reason"]] = reasons.get(entry["reason"], 0) + entry["rows"]
    return {
        "id": made.id,
        "seq": kept.next_seq(tx),
        "resource": made.resource,
        "source": mapping.source.name,
        "mapping": mapping.name,
        "standard": mapping.standard.name,
        "state": State.built.value,
        "read": result.rows[planning.input_name(mapping.main)],
        "harmonised": result.rows["harmonised"],
        "quarantined": result.rows["quarantined"],
        "reasons": dict(sorted(reasons.items(), key=lambda entry: (-entry[1], entry[0]))),
        "reasons_by_column": by_column,
        "repairs": [
            {("values" if key == "rows" else key): value for key, value in entry.items()}
            for entry in _counted(result["repairs"], ("state", "rule", "column"))
        ],
        "quality": quality.quality_of(mapping, result["measured"].to_pylist()[0]),
        "elements": standards.as_json(mapping.standard)["elements"],
        "files": {},
        "digest": "",
        "source_digest": made.reading.digest,
        "standard_digest": mapping.standard.digest,
        "mapping_digest": mapping.digest,
        "plan_digest": plans.digest_of(made.plan),
        "by": tx.actor.person,
        "at": tx.now,
    }


def _counted(table: pa.Table, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows per combination of `keys`, most first."""
    counted = table.group_by(list(keys)).aggregate([([], "count_all")]).to_pylist()
    named = [{**{key: entry[key] or "" for key in keys}, "rows": entry["count_all"]} for entry in counted]
    return sorted(named, key=lambda entry: (-entry["rows"], *(entry[key] for key in keys)))


def _keep(tx: Tx, row: dict[str, Any], result: Result, plan: Plan) -> dict[str, Any]:
    """Write the files aside and the row with their digests; they move into place after the commit."""
    folder, build_id, resource = _FOLDERS[id(tx.store)], row["id"], row["resource"]
    tx.after_rollback.append(lambda: files.unstage(folder, build_id))
    tables = {
        files.HARMONISED: result["harmonised"],
        files.QUARANTINE: result["quarantined"],
        files.REPAIRS: result["repairs"],
    }
    written = files.staged(folder, build_id, tables, plans.printed(plan))
    row = {**row, "files": written, "digest": written[files.HARMONISED]["digest"]}
    tx.add(kept.builds, row)
    _witness(tx, "harmonise.built", row)
    _make_current(tx, resource, build_id)
    tx.after_commit.append(lambda: files.put_in_place(folder, resource, build_id))
    return _shown(row)


def _make_current(tx: Tx, resource: str, build_id: str) -> None:
    if kept.point_to(tx, resource, build_id):
        evidence.append(tx, "harmonise.made_current", kept.currents, resource, build=build_id)


def _refuse(tx: Tx, row: dict[str, Any], *, recorded: bool) -> Refusal:
    """The refusal of a build; its record is written in a transaction of its own, after this one is undone."""
    if not recorded:
        tx.after_rollback.append(_recorder(tx.store, tx.actor, tx.link, row))
    problems = [
        Problem(entry["column"] or "row", f"{entry['rows']} 行：{_note(entry['reason'])[0]}",
                f"{entry['rows']} rows: {entry['reason']} ({_note(entry['reason'])[1]})")
        for entry in row["reasons_by_column"]
    ]  # fmt: skip
    facts = {key: row[key] for key in ("resource", "read", "quarantined", "reasons")}
    return TOO_MANY_QUARANTINED(problems, build=row["id"], **facts)


def _recorder(store: Store, actor: Actor, link: str, row: dict[str, Any]) -> Callable[[], None]:
    def record() -> None:
        with store.begin(actor, link) as tx:
            if tx.get(kept.builds, row["id"]) is None:
                refused = {**row, "state": State.refused.value, "seq": kept.next_seq(tx), "at": tx.now}
                tx.add(kept.builds, refused)
                _witness(tx, "harmonise.refused", refused)

    return record


def _witness(tx: Tx, act: str, row: dict[str, Any]) -> None:
    told = (
        "resource", "source", "standard", "read", "harmonised", "quarantined", "reasons", "digest", "source_digest",
        "standard_digest", "mapping_digest", "plan_digest",
    )  # fmt: skip
    evidence.append(tx, act, kept.builds, row["id"], **{name: row[name] for name in told})


def _note(reason: str) -> tuple[str, str]:
    """What a reason means, in both languages."""
    if reason in NOTES:
        return NOTES[reason].zh, NOTES[reason].en
    if reason.startswith("no_"):
        return (
            f"在 {reason[3:]} 中没有对应行，或未通过同名的行检查",
            f"has no row in {reason[3:]}, or fails the check of that name",
        )
    return reason, "a row check of the mapping"


# --- views -------------------------------------------------------------------------------------------------

_LONG = ("elements", "files", "quality")


@view()
def builds(tx: Tx, *, resource: str | None = None) -> list[dict[str, Any]]:
    """Builds of this node, newest first: figures, reasons, digests."""
    shown = [_shown(row) for row in kept.all_builds(tx, resource)]
    return [{**{k: v for k, v in row.items() if k not in _LONG}, "grade": row["quality"]["grade"]} for row in shown]


@view()
def build_of(tx: Tx, *, build: str) -> dict[str, Any]:
    """One build with its quality figures, elements and files."""
    row = tx.get(kept.builds, build)
    if row is None:
        raise NO_BUILD(what=build)
    return _shown(row)


@view()
def quarantine_summary(tx: Tx, *, build: str | None = None) -> list[dict[str, Any]]:
    """What was quarantined and why: counts per build, reason and column; never a value."""
    rows = kept.all_builds(tx) if build is None else [build_of(tx, build=build)]
    return [
        {
            "build": row["id"], "resource": row["resource"], "state": row["state"], "reason": entry["reason"],
            "column": entry["column"], "rows": entry["rows"], "zh": _note(entry["reason"])[0],
            "en": _note(entry["reason"])[1],
        }
        for row in rows
        for entry in row["reasons_by_column"]
    ]  # fmt: skip


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "seq"}


# --- for other rooms ---------------------------------------------------------------------------------------


def current(tx: Tx, resource: str) -> dict[str, Any]:
    """The current build of a resource: {build, path, rows, digest, standard, quality, schema, at}.

    path: the harmonised Parquet file (raw rows: it never leaves the node). Refuses: STD-421 when there is none,
    STD-422 when the file is missing or is not what was recorded.
    """
    row = kept.current_build(tx, resource)
    if row is None:
        raise NO_BUILD(what=resource)
    path = _intact(tx, row, files.HARMONISED)
    return {
        "build": row["id"],
        "path": path,
        "rows": row["harmonised"],
        "digest": row["digest"],
        "standard": row["standard"],
        "quality": row["quality"],
        "schema": row["elements"],
        "at": row["at"],
    }


def quarantined_rows(
    tx: Tx, *, build: str, decision: str, reason: str | None = None, offset: int = 0, limit: int = 100
) -> dict[str, Any]:
    """Quarantined rows with their originals, for a data engineer of the owner; called by deliver alone.

    decision: id of the usage decision (purpose "own work") under which deliver asks; no verb, so that no door leads
    past deliver. Returns {build, decision, total, rows: [{source, row, column, reason, original, suggestion,
    record}]}. Refuses: STD-430, STD-421, STD-422.
    """
    _require_owner(tx)
    if not decision:
        raise NOT_THE_OWNER()
    row = tx.get(kept.builds, build)
    if row is None or row["state"] != State.built.value:
        raise NO_BUILD(what=build)
    table = pq.ParquetFile(_intact(tx, row, files.QUARANTINE)).read()
    if reason is not None:
        table = table.filter(pc.equal(table["reason"], reason))
    return {"build": build, "decision": decision, "total": table.num_rows, "rows": _plain_rows(table, offset, limit)}


def own_rows(tx: Tx, *, resource: str, kind: str, limit: int) -> list[dict[str, Any]]:
    """Rows of the current build for the owner's own work: kind "quarantined" or "raw" (harmonised); see deliver."""
    _require_owner(tx)
    row = kept.current_build(tx, resource)
    if row is None:
        raise NO_BUILD(what=resource)
    name = files.QUARANTINE if kind == "quarantined" else files.HARMONISED
    return _plain_rows(pq.ParquetFile(_intact(tx, row, name)).read(), 0, limit)


def _require_owner(tx: Tx) -> None:
    """Only a data engineer of this node's own party: what a node harmonises is its owner's."""
    if not tx.actor.has(Role.data_engineer) or tx.actor.party != signing.me(tx).party:
        raise NOT_THE_OWNER()


def _plain_rows(table: pa.Table, offset: int, limit: int) -> list[dict[str, Any]]:
    shown = table.slice(max(offset, 0), min(max(limit, 0), ROWS_SHOWN_MAX))
    return [plain(row) for row in shown.to_pylist()]


def _intact(tx: Tx, row: dict[str, Any], name: str) -> Path:
    path = files.place(_FOLDERS[id(tx.store)], row["resource"], row["id"]) / name
    if not path.is_file() or files.digest_of(path) != row["files"][name]["digest"]:
        raise FILES_CHANGED(resource=row["resource"], build=row["id"], file=name)
    return path

"""Building a resource: its source read, harmonised by a mapping, what cannot be quarantined, and the files kept.

A build is named by what it is made of (source content, mapping, standard, plan), so building the same again gives
the same build and adds nothing. Contract: tests/harmonise/test_harmonise_service.py.
"""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from datong import __version__
from datong.engine import rules as plans
from datong.engine.model import STEP_FAILED, Engine, Plan, Result
from datong.engine.service import DUCKDB
from datong.ground.canonical import digest, hexdigest, plain
from datong.ground.db import Tx
from datong.ground.refusal import Problem, Refusal
from datong.harmonise.model import lineage as lineage_values
from datong.harmonise.model.builds import State
from datong.harmonise.model.mappings import Mapping, SourceKind
from datong.harmonise.model.reading import Reading
from datong.harmonise.model.refusals import BAD_WORKSPACE, NO_ROWS, NO_SPACE
from datong.harmonise.model.repairs import Repair
from datong.harmonise.model.texts import Texts
from datong.harmonise.rules import contracts, layer, quality, standards
from datong.harmonise.rules import lineage as lineages
from datong.harmonise.rules import plan as planning
from datong.harmonise.rules.places import placed
from datong.harmonise.rules.workspace import RESOURCE, mapping_of, sound_part
from datong.harmonise.service import checking, drifting, layering, loading, matching, measuring, recording, ruling, runs
from datong.harmonise.service import reading as reading_of
from datong.harmonise.service import suspicions as traps
from datong.harmonise.service.folders import folder_of, folders_of, require_not_own
from datong.harmonise.service.repairing import standing
from datong.harmonise.service.showing import shown
from datong.harmonise.store import accounts, files, rereading, scanned
from datong.harmonise.store import builds as kept
from datong.harmonise.store import workspace as texts
from datong.terms.roles import Role
from datong.terms.verbs import verb

QUARANTINED_MAX = 0.5
"""A build that would quarantine a greater share of its rows is refused."""


@verb(Role.data_engineer)
def build(
    tx: Tx,
    *,
    workspace: str,
    mapping: str,
    resource: str | None = None,
    data: str | None = None,
    full: bool = False,
    accept_changes: bool = False,
) -> dict[str, Any]:
    """Build a resource: read its source, harmonise it by a mapping, quarantine what cannot be.

    resource: the code under which the result is found (the mapping's, when not given). Building the same content again
    with the same software returns the same build. full: where the source says how it is loaded again (`load`), read it
    from its beginning, which also finds removed rows. accept_changes: build though the types of mapped columns
    changed (STD-480). The answer tells what changed (`changes`), what was loaded (`load`), what became of repairs
    (`repaired`) and what the rows make one suspect (`suspicions`), where there is any.
    Refuses without leaving files: STD-410 to 413, STD-420 when more than half of the rows would be quarantined (that
    refusal is recorded as a build in state refused).
    """
    return build_on(DUCKDB, tx, workspace, mapping, resource, data, full=full, accept_changes=accept_changes)


def build_on(
    engine: Engine,
    tx: Tx,
    workspace: str,
    mapping: str,
    resource: str | None = None,
    data: str | None = None,
    *,
    full: bool = False,
    accept_changes: bool = False,
) -> dict[str, Any]:
    """`build` by another engine: the same rows, quarantine, reasons and figures, and so the same build.

    No verb: the rows of the source are sent to where the engine is, which is for the owner of the node to name, not
    for whoever may ask for a build.
    """
    attempt = runs.began(tx, resource, mapping)
    try:
        with files.aside(folder_of(tx)) as aside:
            made = _build(tx, attempt, engine, workspace, data, aside, full=full, accept_changes=accept_changes)
    except Refusal as refusal:
        runs.failed(tx, attempt, refusal)
        raise
    except OSError as error:  # no attempt is kept of it: there may be no room for that either
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise NO_SPACE(mapping=mapping) from None
    runs.completed(tx, attempt, made["id"])
    return made


def _build(
    tx: Tx,
    attempt: runs.Attempt,
    engine: Engine,
    workspace: str,
    data: str | None,
    aside: Path,
    *,
    full: bool,
    accept_changes: bool,
) -> dict[str, Any]:
    folder, given = folders_of(tx, workspace, data)
    contents, found = _mapping(folder, attempt.mapping)
    resource = found.resource if attempt.resource is None else attempt.resource
    attempt.resource, attempt.source = resource, found.source.name
    if not RESOURCE.fullmatch(resource):
        said = "should be a resource code: letters, digits, - and _, with * only at its end"
        problem = Problem("resource", "应为资源标识码", said)
        raise BAD_WORKSPACE([problem], workspace=workspace, count=1)
    require_not_own(tx, found.source, given)
    with tx.reading():  # others may write to the store meanwhile, but nobody builds
        tx.closing.enter_context(files.building(folder_of(tx)))
        checking.require_version(tx, resource, found.standard)
        attempt.read_whole = False
        repairs = layer.fitting(found, standing(tx, resource, found.source.name))
        reading, load = _read(tx, folder, found, given, aside, resource, full=full, scan=not repairs)
        attempt.read_whole = True
        if rereading.count(reading.tables[found.main]) == 0:
            raise NO_ROWS(source=found.source.name)
        found = reading_of.as_there(found, reading)
        repairs = layer.fitting(found, repairs)
        drift = drifting.noticed(tx, folder, found, given, reading)
        made = _Made(resource, found, reading, reading_of.plan_for(found, reading), repairs)
        more = {
            **({"load": load.account} if load is not None else {}),
            **({"changes": told} if (told := drift.told()) else {}),
            **_suspected(tx, contents, found, given, reading),
        }
        known = tx.get(kept.builds, made.id)
        outcome = None if _stands(tx, known) else _outcome(tx, made, given, aside, engine, drift.problems(), known)
        if not accept_changes and (changed := drift.refusal()) is not None:
            raise changed
        written = None if outcome is None else _written(tx, outcome, (workspace, data))
    if load is not None:
        load.keep(tx, made.id)
    drift.keep(tx)
    row = known if written is None else recording.record(tx, *written, engine)
    assert row is not None
    node, build_id = folder_of(tx), row["id"]
    if recording.make_current(tx, resource, build_id) or written is not None:  # so is what its columns mean
        matching.remember_mapping(tx, found)
    tx.after_commit.append(lambda: files.put_in_place(node, resource, build_id))
    account = accounts.of(tx, build_id)
    if account is not None and account["repaired"]:
        more["repaired"] = account["repaired"]
    return {**shown(row), **more}


def _stands(tx: Tx, known: dict[str, Any] | None) -> bool:
    """Whether the build was made before, and its files are what they were."""
    if known is None or known["state"] != State.built.value:
        return False
    return files.stands(folder_of(tx), known["resource"], known["id"], known["files"])


def _outcome(
    tx: Tx, made: _Made, data: Path, aside: Path, engine: Engine, changed: list[Problem], known: dict[str, Any] | None
) -> _Outcome:
    """Run the plan. Refused (STD-420) when more than half of the rows would be held; changed: see recording."""
    try:
        result, repaired = _run(made, aside, engine)
    except Refusal as refusal:
        if refusal.code != STEP_FAILED.code or not isinstance(made.reading.tables[made.mapping.main], scanned.Lines):
            raise
        # what a scan stumbles over (not UTF-8, say) is for the text reader to explain, or to read
        reading = reading_of.read(made.mapping, data, scan=False, aside=aside)
        made = replace(made, reading=reading, plan=reading_of.plan_for(made.mapping, reading))
        result, repaired = _run(made, aside, engine)
    row = _row(tx, made, result)
    if row["quarantined"] > QUARANTINED_MAX * row["read"]:
        raise recording.refusal(tx, row, changed, recorded=known is not None)
    return _Outcome(made, result, repaired, row)


def _written(tx: Tx, outcome: _Outcome, place: tuple[str, str | None]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(row, account) of a build whose files are written aside."""
    folder, result, row = folder_of(tx), outcome.result, outcome.row
    account = _account(outcome.made, result, outcome.repaired, place)
    tx.after_rollback.append(lambda: files.unstage(folder, row["id"]))
    tables = {
        files.HARMONISED: result["harmonised"],
        files.QUARANTINE: result["quarantined"],
        files.REPAIRS: result["repairs"],
    }
    written = files.staged(folder, row["id"], tables, plans.printed(outcome.made.plan))
    return {**row, "files": written, "digest": written[files.HARMONISED]["digest"]}, account


def _read(
    tx: Tx, folder: Path, found: Mapping, data: Path, aside: Path, resource: str, *, full: bool, scan: bool
) -> tuple[Reading, loading.Loaded | None]:
    """The source as it stands, and what a load brought where it is loaded."""
    try:
        load = loading.loaded(tx, resource, found, data, aside, full=full)
    except Refusal as refusal:
        raise drifting.explained(tx, folder, found, data, refusal) from None
    if load is not None:
        return load.reading, load
    return reading_of.explained(tx, folder, found, data, scan=scan, aside=aside), None


@dataclass(frozen=True)
class _Made:
    """What a build is made of; its id is a digest of that, with the version of the software: another one may read the
    same bytes better."""

    resource: str
    mapping: Mapping
    reading: Reading
    plan: Plan
    repairs: tuple[Repair, ...]

    @property
    def id(self) -> str:
        mapping, plan = self.mapping, plans.digest_of(self.plan)
        made_of = [__version__, self.resource, self.reading.digest, mapping.digest, mapping.standard.digest, plan]
        if self.repairs:
            made_of.append(digest([[r.record, r.column, r.text] for r in self.repairs]))
        return f"build-{hexdigest(made_of)[:32]}"


@dataclass(frozen=True)
class _Outcome:
    """What a run gave, and the row that tells of it."""

    made: _Made
    result: Result
    repaired: dict[str, int]
    row: dict[str, Any]


def _mapping(folder: Path, name: str) -> tuple[Texts, Mapping]:
    contents, problems = texts.files_of(folder)
    found, wrong = mapping_of(contents, name)
    if not problems:
        wrong += placed(checking.tried(found or sound_part(contents, name)), contents)
    if found is None or problems or wrong:
        every = [*problems, *wrong]
        raise BAD_WORKSPACE(every, workspace=folder.name, count=len(every))
    return contents, found


def _suspected(tx: Tx, contents: Texts, found: Mapping, data: Path, reading: Reading) -> dict[str, Any]:
    """What its rows make one suspect, where they do. A source that was read and now does not answer raises none."""
    try:
        told = traps.as_json(traps.of_mapping(tx, contents, found, data, reading=reading, only_files=True))
    except Refusal:
        return {}
    return {"suspicions": told} if told else {}


def _run(made: _Made, aside: Path, engine: Engine) -> tuple[Result, dict[str, int]]:
    mapping, reading = made.mapping, made.reading
    result, repaired = layering.run(mapping, reading, made.plan, made.repairs, aside, engine)
    if mapping.source.kind is SourceKind.database:
        return result, repaired  # its rows stand in the database, under their keys
    prefix = f"{mapping.main}." if mapping.source.tables else ""
    held = _with_whole_records(result["quarantined"], reading.tables[mapping.main], prefix)
    return replace(result, tables={**result.tables, "quarantined": held}), repaired


def _account(made: _Made, result: Result, repaired: dict[str, int], place: tuple[str, str | None]) -> dict[str, Any]:
    lineage = lineages.lineage_of(made.mapping)
    return {
        "id": made.id,
        "workspace": place[0],
        "data": place[1],
        "contract": contracts.contract_of(made.mapping, lineage, made.resource),
        "lineage": plain(lineage_values.as_json(lineage)),
        "columns": quality.columns_of(made.mapping, result["measured"].to_pylist()[0]),
        "rules": plain(ruling.results(made.mapping, result["harmonised"])),
        "repaired": repaired,
    }


def _with_whole_records(held: pa.Table, source: rereading.Table, prefix: str) -> pa.Table:
    """Quarantined rows of a file, their records with the fields that no mapping names too."""
    rows = rereading.records(source, held["row"].to_pylist())
    records = [
        {**{prefix + path: text for path, text in row.items() if text is not None}, **json.loads(mapped)}
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
        "quality": quality.quality_of(
            mapping,
            result["measured"].to_pylist()[0],
            fresh=measuring.fresh(tx, mapping, result["harmonised"]),
            readings=measuring.readings(tx, mapping, made.resource),
        ),
        "elements": standards.as_json(mapping.standard)["elements"],
        "files": {},
        "digest": "",
        "source_digest": made.reading.digest,
        "standard_digest": mapping.standard.digest,
        "mapping_digest": mapping.digest,
        "plan_digest": plans.digest_of(made.plan),
        "by": tx.actor.person,
    }


def _counted(table: pa.Table, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows per combination of `keys`, most first."""
    counted = table.group_by(list(keys)).aggregate([([], "count_all")]).to_pylist()
    named = [{**{key: entry[key] or "" for key in keys}, "rows": entry["count_all"]} for entry in counted]
    return sorted(named, key=lambda entry: (-entry["rows"], *(entry[key] for key in keys)))

"""Repairing what was quarantined: give a text, take it back, build again with what stands.

A repair is kept with the row's own texts, so that it finds the row in every later load; the source is never changed.
Originals stay in the quarantine and are shown by deliver alone; nothing here answers with one.
Contract: tests/harmonise/test_harmonise_repairs.py.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Any

from datong.ground import evidence
from datong.ground.canonical import digest
from datong.ground.db import Tx, Window, new_id
from datong.ground.refusal import Problem
from datong.harmonise.model.builds import State as BuildState
from datong.harmonise.model.lineage import Kind
from datong.harmonise.model.mappings import How
from datong.harmonise.model.reading import BROKEN
from datong.harmonise.model.refusals import BAD_REPAIRS, NO_BUILD, NO_REPAIR, REPAIR_STANDS
from datong.harmonise.model.repairs import AT_ONCE_MAX, NO_RECORDS, NOT_REPAIRED, TEXT_MAX, Repair, State
from datong.harmonise.rules import repairs_csv
from datong.harmonise.rules.plan import also_said
from datong.harmonise.service.rows import quarantine, require_owner
from datong.harmonise.service.runs import account_of
from datong.harmonise.store import builds as kept
from datong.harmonise.store import repairs as given
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

Held = dict[str, Any]
"""A quarantined row: {row, column, reason, original, suggestion, record, also}, and `paths`: the columns that stand
behind what is said against it, the one it is held for first, each with the reason."""


def standing(tx: Tx, resource: str, source: str) -> tuple[Repair, ...]:
    """The repairs that hold for a resource, in the order they were given."""
    rows = given.of_resource(tx, resource, standing=True)
    return tuple(
        Repair(row["seq"], row["record"], row["column"], row["text"]) for row in rows if row["source"] == source
    )


@verb(Role.data_engineer)
def repair(
    tx: Tx,
    *,
    build: str,
    column: str,
    text: str | None = None,
    row: int | None = None,
    reason: str | None = None,
    original: str | None = None,
    accept: bool = False,
    note: str = "",
) -> dict[str, Any]:
    """Give a text for a column of quarantined rows; the original is kept, the source is not changed.

    column: a column of the source, or the element that reads it. row: one row of the build; without it every row held
    for `reason` in that column, with the text `original` there when that is given. text: what to put there; accept
    takes the suggestion of each row instead. It has effect with the next build or replay. Refuses: STD-421, STD-430,
    STD-500, STD-501.
    """
    held = _quarantine(tx, build)
    problems = _said_rightly(text, accept=accept, row=row, reason=reason, note=note)
    meant = [h for h in held.rows if (row is None or h["row"] == row) and (reason is None or h["reason"] == reason)]
    found = [(h, held.path(column, h["texts"])) for h in map(held.known, meant)]
    found = [(h, path) for h, path in found if original is None or _now(h, path) == original]
    chosen = [(h, path) for h, path in found if row is not None or _held_for(h, path)]
    if not chosen:
        problems.append(Problem("row", "隔离区中没有这样的行", "no row of the quarantine is meant by this"))
    if len(chosen) > AT_ONCE_MAX:
        problems.append(Problem("row", f"一次至多 {AT_ONCE_MAX} 行", f"{len(chosen)} rows; at most {AT_ONCE_MAX}"))
    wanted = [(h, path, _suggested(h, path) if accept else text) for h, path in chosen]
    return _give(tx, held.made, wanted, problems, note)


@verb(Role.data_engineer)
def import_repairs(tx: Tx, *, build: str, csv: str, note: str = "") -> dict[str, Any]:
    """Take a batch of repairs for a build: the text of a CSV file as `export_repairs` gives it, new_text filled in.

    All or none: every line is held against the quarantine and its original_digest first. Lines without new_text are
    passed over. Refuses: STD-421, STD-430, STD-500, STD-501.
    """
    held = _quarantine(tx, build)
    lines, problems = repairs_csv.read(csv)
    asked = {line.row for line in lines}
    by_row = {h["row"]: held.known(h) for h in held.rows if h["row"] in asked}
    wanted: list[tuple[Held, str, str | None]] = []
    seen: set[tuple[int, str]] = set()
    for line in lines:
        at, found = f"row {line.row}, {line.column}", by_row.get(line.row)
        path = held.path(line.column, found["texts"] if found else {})
        if found is None:
            problems.append(Problem(at, "该行不在隔离区", "this row is not in the quarantine"))
        elif _digest(held.made, found, path) != line.original_digest:
            said = "original_digest is not that of the text there: the file is of another build, or was changed"
            problems.append(Problem(at, "original_digest 与该处原文不符", said))
        elif (line.row, path) in seen:
            problems.append(Problem(at, "同一值给出两次", "is given twice"))
        else:
            seen.add((line.row, path))
            wanted.append((found, path, line.text))
    if not lines and not problems:
        problems.append(Problem("repairs.csv", "没有填写 new_text 的行", "no line gives a new_text"))
    return _give(tx, held.made, wanted, problems, note)


@view(Role.data_engineer)
def export_repairs(tx: Tx, *, build: str) -> dict[str, Any]:
    """The quarantined values of a build as a CSV text to fill in: row, column, reason, digest of the original.

    new_text holds the repair that stands already. No original is in it. Refuses: STD-421, STD-430.
    """
    held = _quarantine(tx, build)
    texts = {(r["record_digest"], r["column"]): r["text"] for r in _of(tx, held.made, standing=True)}
    lines = [
        repairs_csv.Line(h["row"], path, _digest(held.made, h, path), texts.get((_known_by(h), path), ""), why)
        for h in map(held.known, held.rows)
        for path, why in h["paths"].items()
    ]
    return {"build": build, "lines": len(lines), "csv": repairs_csv.written(lines)}


@verb(Role.data_engineer)
def withdraw_repair(tx: Tx, *, repair: str) -> dict[str, Any]:
    """Take a repair back; the next build or replay leaves the row as the source has it. Refuses: STD-430, STD-502."""
    require_owner(tx)
    row = tx.get(given.repairs, repair)
    if row is None or row["state"] != State.standing.value:
        raise NO_REPAIR(repair=repair[:80])
    changed = {"state": State.withdrawn.value, "withdrawn_by": tx.actor.person, "withdrawn_at": tx.now}
    tx.change(given.repairs, repair, **changed)
    evidence.append(tx, "harmonise.repair_withdrawn", given.repairs, repair, **_facts(row))
    return _shown({**row, **changed})


@view()
def repairs(
    tx: Tx, *, resource: str | None = None, id: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """Repairs of quarantined rows, newest first: which row and column, why it was held, by whom; never a text.

    id: one alone. limit, offset: how many, after how many.
    """
    return [_shown(row) for row in given.of_resource(tx, resource, newest=Window(id, limit, offset))]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    hidden = ("seq", "record", "record_digest", "original", "text")
    return {key: value for key, value in row.items() if key not in hidden}


@dataclass(frozen=True)
class _Quarantine:
    """A build with its quarantined rows. paths: element -> the columns of the main table that it is read from."""

    made: dict[str, Any]
    main: str
    paths: dict[str, list[str]]
    rows: list[Held]

    def path(self, name: str, texts: Map[str, str | None]) -> str:
        """The source column that `name` means: an element's (of several names the first that has a text in the row), or
        the column itself, with or without its table."""
        columns = self.paths.get(name) or [name.removeprefix(f"{self.main}.")]
        return next((column for column in columns if (texts.get(column) or "").strip()), columns[0])

    def known(self, row: Held) -> Held:
        """The row with its texts by column, and the columns behind what it was held for."""
        record = json.loads(row["record"])
        prefix = f"{self.main}."
        of_table = {path.removeprefix(prefix): text for path, text in record.items() if path.startswith(prefix)}
        texts = {**(of_table or record), BROKEN: row["original"] if row["reason"] in NO_RECORDS else None}
        held_for = [] if row["reason"] in NOT_REPAIRED else [(row["column"] or "", row["reason"])]
        held_for += [(column, reason) for column, state, reason in also_said(row["also"]) if not state and held_for]
        paths: dict[str, str] = {}
        for columns, reason in held_for:
            for name in columns.split(","):
                paths.setdefault(self.path(name.strip(), texts), reason)
        return {**row, "texts": texts, "paths": {path: why for path, why in paths.items() if path in texts}}


def _quarantine(tx: Tx, build: str) -> _Quarantine:
    """For a data engineer of the owner: a build's quarantine."""
    require_owner(tx)
    made = tx.get(kept.builds, build)
    if made is None or made["state"] != BuildState.built.value:
        raise NO_BUILD(what=build[:80])
    lineage = account_of(tx, made["resource"], build)[1]["lineage"]
    main = lineage["tables"][0]
    direct = {field["element"]: _own_columns(field, main) for field in lineage["fields"]}
    return _Quarantine(made, main, direct, quarantine(tx, made).to_pylist())


def _own_columns(field: Map[str, Any], main: str) -> list[str]:
    """The columns of the main table that an element is read from, as a field may have several names."""
    point = field["how"].startswith((How.latitude, How.longitude))  # its other half follows, and is another element's
    inputs = field["inputs"][:1] if point else field["inputs"]
    return [i["column"] for i in inputs if i["kind"] == Kind.direct.value and i["table"] == main]


def _now(held: Held, path: str) -> str | None:
    return held["texts"].get(path)  # type: ignore[no-any-return]


def _held_for(held: Held, path: str) -> bool:
    """Whether the row is held for what stands in this column: one that is held for another has a right text there."""
    somewhere = held["reason"] in (*NO_RECORDS, *NOT_REPAIRED) or not held["paths"] or path not in held["texts"]
    return somewhere or held["paths"].get(path) == held["reason"]


def _suggested(held: Held, path: str) -> str | None:
    return held["suggestion"] if path in list(held["paths"])[:1] else None


def _known_by(held: Held) -> str:
    return digest(held["texts"])


def _digest(made: dict[str, Any], held: Held, path: str) -> str:
    return repairs_csv.original_digest(made["id"], held["row"], path, _now(held, path))


def _said_rightly(text: str | None, *, accept: bool, row: int | None, reason: str | None, note: str) -> list[Problem]:
    found = []
    if (text is None) is not accept:
        found.append(Problem("text", "text 与 accept 须且只须其一", "give either a text, or accept"))
    if row is None and reason is None:
        found.append(Problem("row", "须给出 row 或 reason", "give a row, or a reason"))
    if len(note) > 500 or not _writable(note):
        found.append(Problem("note", "备注过长或含控制字符", "the note is too long, or holds control characters"))
    return found


def _text_problem(at: str, text: str | None) -> Problem | None:
    if text is None:
        return Problem(at, "没有建议可采纳", "there is no suggestion to accept")
    if len(text) > TEXT_MAX:
        return Problem(at, f"文字超过 {TEXT_MAX} 个字符", f"the text has more than {TEXT_MAX} characters")
    if not _writable(text):
        return Problem(at, "文字含控制字符", "the text holds control characters")
    return None


def _writable(text: str) -> bool:
    """No control characters but tab and line ends, no lone surrogates: what every database and file can keep."""
    return not any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\r\n" for c in text)


def _give(
    tx: Tx, made: dict[str, Any], wanted: Iterable[tuple[Held, str, str | None]], problems: list[Problem], note: str
) -> dict[str, Any]:
    """Keep the repairs, all or none."""
    known = {(r["record_digest"], r["column"]): r for r in _of(tx, made, standing=True)}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    clashes: list[Problem] = []
    seq, stood = given.next_seq(tx), 0
    for held, path, text in wanted:
        at = f"row {held['row']}, {path}"
        problem = _text_problem(at, text)
        if held["reason"] in NOT_REPAIRED:
            said = "repeats an earlier row word for word: it cannot be told from the good one; mend it at the source"
            problem = Problem(at, "与前一行逐字相同，无法区分；请在数据源更正", said)
        elif path not in held["texts"] and held["reason"] not in NO_RECORDS:
            said = "is no column that the mapping reads of this row's own table"
            problem = Problem(at, "不是映射从本表读取的列", said)
        elif problem is None and text == _now(held, path):
            problem = Problem(at, "与原文相同", "is the text that stands there already")
        if problem is not None or text is None:
            problems += [problem] if problem else []
            continue
        key = (_known_by(held), path)
        before = known.get(key, rows.get(key))
        if before is None:
            rows[key] = _row(tx, made, held, (path, text, note), seq + len(rows))
        elif before["text"] == text:
            stood += 1
        else:
            clashes.append(Problem(at, f"已有修复 {before['id']}", f"{before['id']} stands"))
    if problems:
        raise BAD_REPAIRS(problems[:100], count=len(problems))
    if clashes:
        raise REPAIR_STANDS(clashes[:100], count=len(clashes))
    for row in rows.values():
        tx.add(given.repairs, row)
        evidence.append(tx, "harmonise.repaired", given.repairs, row["id"], **_facts(row))
    return {
        "build": made["id"], "resource": made["resource"], "given": len(rows), "stood_already": stood,
        "repairs": [row["id"] for row in rows.values()],
    }  # fmt: skip


def _row(tx: Tx, made: dict[str, Any], held: Held, said: tuple[str, str, str], seq: int) -> dict[str, Any]:
    path, text, note = said
    return {
        "id": new_id("repair"), "seq": seq, "resource": made["resource"], "source": made["source"], "column": path,
        "record": held["texts"], "record_digest": _known_by(held), "original": _now(held, path), "text": text,
        "build": made["id"], "row": held["row"], "reason": held["reason"][:80], "note": note,
        "state": State.standing.value, "by": tx.actor.person, "at": tx.now, "withdrawn_by": "", "withdrawn_at": "",
    }  # fmt: skip


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("resource", "build", "row", "column", "reason")}


def _of(tx: Tx, made: dict[str, Any], *, standing: bool) -> list[dict[str, Any]]:
    return given.of_resource(tx, made["resource"], standing=standing)

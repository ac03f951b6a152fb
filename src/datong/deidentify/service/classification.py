"""The classification of a dataset at its node: proposed from its data, confirmed by persons, lowered by two.

A version holds what was found, with evidence by column and never a value; words are only ever added to it, each with
its leaf in the same transaction. Whoever lets something of the dataset out asks `require_classified`: what nobody has
confirmed does not leave (default deny). Must never know: who receives.
Contract: tests/deidentify/finding/test_finding_classification.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from datong.authorise import service as authorise
from datong.deidentify.model.classification import (
    BAD_WORD,
    CORE_DATA,
    NO_CLASSIFICATION,
    NOT_CLASSIFIED,
    NOT_OPEN,
    NOT_PROPOSED,
    SAME_HAND,
    About,
    Confirmed,
    Said,
    Word,
)
from datong.deidentify.model.finding import Finding, Identifying, Level, PersonalType
from datong.deidentify.rules.finding import grading, standing
from datong.deidentify.rules.finding.amounts import says_how_much
from datong.deidentify.rules.finding.types import types_in_force
from datong.deidentify.rules.recipe import CODE
from datong.deidentify.service.classifying import Looked, look_at
from datong.deidentify.store import classification as store
from datong.ground import evidence
from datong.ground.crypto import hashing
from datong.ground.db import Tx, Window
from datong.ground.refusal import Problem, Text
from datong.harmonise import service as harmonise
from datong.register import service as register
from datong.terms.roles import Role, one_hand
from datong.terms.verbs import verb, view

COLUMN_LONGEST = 200
MARKED_SCORE = 0.9
"""How sure the mark of a standard makes that a column is of a person."""
OF_SOMEBODY = frozenset(("number", "timestamp", "date", "boolean"))
"""Types of elements that are no names or numbers of anybody."""
ATTRIBUTE = Text("个人的属性", "attribute of a person")


@dataclass(frozen=True)
class _Version:
    """A version with its words, and how its columns stand."""

    row: dict[str, Any]
    findings: list[Finding]
    words: list[Word]

    @property
    def now(self) -> standing.Subjects:
        return standing.stood(self.findings, self.row["carried"], self.words)

    @property
    def whole(self) -> dict[str, Any]:
        now = self.now
        found = standing.findings_as_they_stand(self.findings, now)
        return grading.proposal(found, int(self.row["rows"]), standing.impacts_as_they_stand(now))


@verb(Role.data_engineer)
def propose_classification(tx: Tx, *, dataset: str, file: str = "") -> dict[str, Any]:
    """Propose what the columns of a dataset are and their grades, with evidence by column and never a value.

    The data are the current build of the dataset, or `file`, a table below or beside the node's folder. What was
    confirmed of an earlier version is carried over, unless more was found now. The same data again add nothing.
    Refuses: DID-461, DID-455, STD-410.
    """
    if not CODE.fullmatch(dataset):
        raise NOT_PROPOSED(dataset=dataset[:80], why="名称应为 1 至 80 个字母、数字与 . _ : / -。",
                           why_en="Its name should have 1 to 80 letters, digits and . _ : / -.")  # fmt: skip
    data = _data_of(tx, dataset, harmonise.table_file(tx, file) if file else None)
    looked = _looked(tx, data)
    long = [finding.column for finding in looked.findings if len(finding.column) > COLUMN_LONGEST]
    if long:
        raise NOT_PROPOSED(dataset=dataset, why=f"{len(long)} 个列名超过 200 个字符。",
                           why_en=f"{len(long)} names of columns have more than 200 characters.")  # fmt: skip
    earlier = _newest(tx, dataset, locked=True)
    told = [finding.as_json() for finding in looked.findings]
    carried: dict[str, dict[str, str | int]] = {}
    if earlier is not None:
        if earlier.row["source_digest"] == data.digest and earlier.row["findings"] == told:
            return _shown(earlier)
        carried = standing.carried_over(looked.findings, earlier.findings, earlier.now)
    row = {
        "dataset": dataset, "version": earlier.row["version"] + 1 if earlier else 1, "source": data.name,
        "source_digest": data.digest, "rows": looked.rows, "whole": looked.whole, "findings": told,
        "carried": carried,
    }  # fmt: skip
    key = store.add_version(tx, row)
    kinds = [finding.kind for finding in looked.findings]
    evidence.append(tx, "deidentify.classification_proposed", store.classifications, key, dataset=dataset,
                    version=row["version"], columns=len(told), direct=kinds.count(Identifying.direct),
                    quasi=kinds.count(Identifying.quasi), carried=len(carried),
                    source_digest=data.digest)  # fmt: skip
    made = _of(tx, {**row, "id": key, "proposed_by": tx.actor.person, "at": tx.now})
    if earlier is not None:
        made = _impacts_carried(tx, made, earlier)
    return _shown(made)


@verb(Role.data_engineer)
def confirm_classification(
    tx: Tx,
    *,
    dataset: str,
    columns: dict[str, Any] | None = None,
    impacts: dict[str, str] | None = None,
    reason: str = "",
    rest: bool = False,
) -> dict[str, Any]:
    """Confirm what the columns of a dataset are, one by one, or with `rest` all that nobody has confirmed yet.

    columns: {column: {} as it stands, a level, or {kind, level, reason}}; kind: direct, quasi, sensitive or other.
    impacts: {impact object: none, general, serious or especially serious}, where the whole is to be judged. What raises
    stands at once; what lowers needs a reason and waits for approve_lowering. Refuses: DID-462, DID-464.
    """
    version = _require(tx, dataset, locked=True)
    deeds, problems = standing.deeds(version.now, columns or {}, impacts or {}, reason, rest=rest)
    if problems:
        raise BAD_WORD(problems, dataset=dataset, count=len(problems))
    words = list(version.words)
    for deed in deeds:
        words.append(_say(tx, version, len(words) + 1, deed))
    return _shown(replace(version, words=words))


@verb(Role.legal, Role.reviewer)
def approve_lowering(tx: Tx, *, lowering: str) -> dict[str, Any]:
    """Approve a lowering that another person asked for: from here on the lower kind and level count.

    Refuses: DID-465 (the same hand asked for it), DID-466.
    """
    version, asked = _open(tx, lowering)
    if one_hand(tx.actor.person, tx.actor.issued_by, asked.by, asked.let_in_by):
        raise SAME_HAND()
    return _answered(tx, version, asked, Said.lowering_approved, "")


@verb(Role.legal, Role.reviewer)
def refuse_lowering(tx: Tx, *, lowering: str, reason: str) -> dict[str, Any]:
    """Refuse a lowering, with the reason; the column stays as it stood. Refuses: DID-466."""
    version, asked = _open(tx, lowering)
    return _answered(tx, version, asked, Said.lowering_refused, reason.strip())


@view()
def classification(tx: Tx, *, dataset: str, version: int = 0) -> dict[str, Any]:
    """The classification of a dataset (its newest version, or `version`): columns as they stand, lowerings that are
    open, the grade of the whole, and its history. Refuses: DID-464."""
    rows = store.versions(tx, dataset)
    row = next((row for row in reversed(rows) if version in (0, row["version"])), None)
    if row is None:
        raise NO_CLASSIFICATION(dataset=dataset[:80])
    shown = _shown(_of(tx, row))
    versions = [{name: one[name] for name in ("version", "source", "proposed_by", "at")} for one in rows]
    return {**shown, "versions": versions}


@view()
def classifications(tx: Tx, *, id: str = "", limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """The datasets of this node that were classified, by name: grade and level of each, and what is open.

    id: of one dataset. limit, offset: how many, after how many.
    """
    found = []
    for dataset in store.datasets(tx, Window(id, limit, offset)):
        shown = _shown(_require(tx, dataset))
        columns = shown["columns"]
        found.append({
            **{name: shown[name] for name in ("dataset", "version", "state", "grade", "level", "source", "rows", "at")},
            "columns": len(columns), "direct": sum(one["kind"] == "direct" for one in columns),
            "quasi": sum(one["kind"] == "quasi" for one in columns),
            "unconfirmed": sum(not one["confirmed"] for one in columns), "lowerings": len(shown["lowerings"]),
        })  # fmt: skip
    return found


# --- for whoever lets something out --------------------------------------------------------------------------------


def confirmed(tx: Tx, dataset: str) -> Confirmed | None:
    """What of the newest classification of a dataset binds; None where it has none. Refuses: AUT-520."""
    version = _newest(tx, dataset)
    return None if version is None else _bound(tx, version)


def require_classified(tx: Tx, dataset: str, columns: Iterable[str], data: Path | None = None) -> Confirmed:
    """The classification that binds, when people have confirmed every one of `columns` and judged the whole; DID-463
    naming all that is open, DID-467 for core data, AUT-520 for persons without a legal basis.

    data: the table that something is let out of; by default the current build, where there is one. Where it is not the
    one that was classified it is looked at as well, and what shows more of persons than people were shown is open.
    """
    version = _newest(tx, dataset)
    if version is None:
        problems = [Problem(dataset, "没有分级", "has no classification")]
        raise NOT_CLASSIFIED(problems, dataset=dataset, count=len(problems))
    found = _bound(tx, version)
    strange = [name for name in columns if name not in found.kinds]
    problems = [Problem(name, "不在分级之内", "is not in the classification; propose it anew") for name in strange]
    problems += [Problem(name, "尚无人确认", "nobody has confirmed it") for name in found.unconfirmed]
    problems += [Problem(name, "整体影响尚未判断", "the whole is not judged for it") for name in found.unjudged]
    problems += _shown_since(tx, version, data)
    if problems:
        raise NOT_CLASSIFIED(problems, dataset=dataset, count=len(problems))
    if found.grade is Level.core:
        raise CORE_DATA(dataset=dataset)
    return found


# --- inside ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Data:
    """A table that is classified. rows: how many, where a build knows it. elements: {column: what its standard says of
    it} of a build, whose file has columns of its own besides; None of any other file."""

    path: Path
    digest: str
    name: str
    rows: int | None = None
    elements: Mapping[str, Mapping[str, Any]] | None = None


def _data_of(tx: Tx, dataset: str, file: Path | None) -> _Data:
    """`file`, or else the current build of the dataset; DID-461 where it has none."""
    if file is not None:
        there = file.is_file()  # look_at tells what is wrong with it
        return _Data(file, hashing.file_digest(file) if there else "", file.name[:COLUMN_LONGEST])
    if not harmonise.is_built(tx, dataset):
        raise NOT_PROPOSED(dataset=dataset, why="本节点没有它的构建。", why_en="This node has no build of it.")
    current = harmonise.current(tx, dataset)
    elements = {element["name"]: element for element in current["schema"]}
    return _Data(Path(current["path"]), str(current["digest"]), str(current["build"]), int(current["rows"]), elements)


def _looked(tx: Tx, data: _Data) -> Looked:
    """What is found in the data, every row of a build counted; nobody waits for the look, which lasts."""
    looked = tx.beforehand(("looked", str(data.path), data.digest), lambda: _look(data.path, data.digest))
    if data.elements is None or data.rows is None:
        return looked
    subject = next(one for one in types_in_force() if one.name == "subject_id")
    findings = [
        _marked(finding, subject, element) if element["personal"] else finding
        for finding in looked.findings if (element := data.elements.get(finding.column)) is not None
    ]  # fmt: skip
    return Looked(findings, data.rows, looked.whole)


@lru_cache(maxsize=16)
def _look(path: Path, _digest: str) -> Looked:
    """Once per content: who is let something out of data that are newer than their classification asks again."""
    return look_at(path)


def _bound(tx: Tx, version: _Version) -> Confirmed:
    """What binds, beside what the owner registered: the higher level counts (就高从严), and who was found in data that
    are registered as nobody's is handled on a legal basis (AUT-520)."""
    found, dataset = _binding(version), version.row["dataset"]
    authorise.require_basis(tx, resource=dataset, columns=found.direct(found.kinds))
    return replace(found, grade=max(found.grade, Level[register.level_of(tx, dataset)]))


def _binding(version: _Version) -> Confirmed:
    now, whole = version.now, version.whole
    return Confirmed(
        version.row["version"],
        {name: one.kind for (about, name), one in now.items() if about is About.column},
        tuple(name for (about, name), one in now.items() if about is About.column and not one.confirmed),
        tuple(whole["judge_anew"]),
        Level[whole["grade"]],
    )


def _shown_since(tx: Tx, version: _Version, file: Path | None) -> list[Problem]:
    """Columns of which the data show more now than when people confirmed them."""
    if file is None and not harmonise.is_built(tx, version.row["dataset"]):
        return []
    data = _data_of(tx, version.row["dataset"], file)
    if data.digest == version.row["source_digest"]:
        return []
    return [
        Problem(one.column, f"现有数据显示它是{one.title.zh}，分级时并非如此",
                f"the data show now that it is {one.title.en}, which they did not when it was classified; "
                "propose it anew")
        for one in standing.showing_more(_looked(tx, data).findings, version.findings, version.now)
    ]  # fmt: skip


def _marked(finding: Finding, subject: PersonalType, element: Mapping[str, Any]) -> Finding:
    """A column that its standard calls personal is not proposed as nothing, whatever name and values say: a measure, a
    time or a yes is of somebody, and of one person there are many; so is a whole number that says how many of
    something (`amounts`); anything else may name one."""
    facts = {**finding.evidence, "standard": "the standard of the dataset classifies it as personal"}
    if finding.kind is not Identifying.other:
        return replace(finding, evidence=facts)
    if element.get("type") in OF_SOMEBODY or (element.get("type") == "integer" and _is_amount(finding, element)):
        return replace(finding, kind=Identifying.quasi, title=ATTRIBUTE, score=MARKED_SCORE, level=subject.level,
                       evidence=facts)  # fmt: skip
    return Finding(finding.column, subject.kind, subject.name, subject.title, MARKED_SCORE, subject.tags, subject.level,
                   facts)  # fmt: skip


def _is_amount(finding: Finding, element: Mapping[str, Any]) -> bool:
    names = (finding.column, str(element.get("zh") or ""), str(element.get("en") or ""))
    unit, facts = str(element.get("unit") or ""), finding.evidence
    return says_how_much(names, unit, facts["distinct"], facts["filled"])


def _newest(tx: Tx, dataset: str, *, locked: bool = False) -> _Version | None:
    row = store.newest(tx, dataset, locked=locked)
    return None if row is None else _of(tx, row)


def _require(tx: Tx, dataset: str, *, locked: bool = False) -> _Version:
    found = _newest(tx, dataset, locked=locked)
    if found is None:
        raise NO_CLASSIFICATION(dataset=dataset[:80])
    return found


def _of(tx: Tx, row: dict[str, Any]) -> _Version:
    findings = [Finding.of_json(told) for told in row["findings"]]
    return _Version(row, findings, [_word(said) for said in store.words_of(tx, row["id"])])


def _word(row: Mapping[str, Any]) -> Word:
    return Word(
        row["id"], About(row["about"]), row["subject"], Said(row["said"]), row["kind"], row["level"], row["reason"],
        row["by"], row["let_in_by"], row["answers"], row["at"],
    )  # fmt: skip


def _say(tx: Tx, version: _Version, seq: int, deed: standing.Deed, answers: str = "") -> Word:
    """Keep one word with its leaf; the reason stays in the row, which the leaf has a digest of."""
    row = store.add_word(tx, version.row["id"], seq, {
        "about": deed.about.value, "subject": deed.subject, "said": deed.said.value, "kind": deed.kind,
        "level": deed.level, "reason": deed.reason, "answers": answers,
    })  # fmt: skip
    act = "classification_confirmed" if deed.said is Said.confirmed else deed.said.value
    evidence.append(tx, f"deidentify.{act}", store.words, row["id"], dataset=version.row["dataset"],
                    version=version.row["version"], about=deed.about.value, subject=deed.subject, kind=deed.kind,
                    level=deed.level, **({"answers": answers} if answers else {}))  # fmt: skip
    return _word(row)


def _impacts_carried(tx: Tx, made: _Version, earlier: _Version) -> _Version:
    """The new version with the degrees that people gave the whole before, said once more as theirs."""
    words = list(made.words)
    for (about, subject), one in earlier.now.items():
        if about is About.impact:
            reason = f"carried over from version {earlier.row['version']}, judged by {one.by}"
            deed = standing.Deed(about, subject, Said.confirmed, "", one.level, reason)
            words.append(_say(tx, made, len(words) + 1, deed))
    return replace(made, words=words)


def _open(tx: Tx, lowering: str) -> tuple[_Version, Word]:
    row = tx.get(store.words, lowering)
    of = None if row is None else tx.get(store.classifications, row["classification"])
    version = None if of is None else _newest(tx, of["dataset"], locked=True)
    asked = None if version is None else standing.open_lowering(version.now, lowering)
    if version is None or asked is None:
        raise NOT_OPEN(lowering=lowering[:80])
    return version, asked


def _answered(tx: Tx, version: _Version, asked: Word, said: Said, reason: str) -> dict[str, Any]:
    deed = standing.Deed(asked.about, asked.subject, said, asked.kind, asked.level, reason)
    word = _say(tx, version, len(version.words) + 1, deed, answers=asked.id)
    return _shown(replace(version, words=[*version.words, word]))


def _shown(version: _Version) -> dict[str, Any]:
    """A version as it is answered: names, evidence, words; never a value of the data."""
    row, now, whole = version.row, version.now, version.whole
    columns = [_column_shown(finding, now) for finding in version.findings]
    lowerings = [
        {"lowering": one.asked.id, "about": about.value, "subject": subject, "kind": one.asked.kind,
         "level": one.asked.level, "now_kind": one.kind.name if about is About.column else "", "now_level": one.level,
         "reason": one.asked.reason, "by": one.asked.by, "at": one.asked.at}
        for (about, subject), one in now.items() if one.asked is not None
    ]  # fmt: skip
    done = all(column["confirmed"] for column in columns) and not whole["judge_anew"]
    return {
        **{name: row[name] for name in ("id", "dataset", "version", "source", "source_digest", "rows", "proposed_by",
                                        "at")},
        "state": "confirmed" if done else "proposed", "grade": whole["grade"], "level": whole["level"],
        "rule_path": whole["rule_path"], "why": whole["why"], "judge_anew": whole["judge_anew"],
        "impacts": standing.impacts_as_they_stand(now), "columns": columns, "lowerings": lowerings,
        "history": [_said(word) for word in version.words],
    }  # fmt: skip


def _column_shown(finding: Finding, now: standing.Subjects) -> dict[str, Any]:
    stands = now[About.column, finding.column]
    found = finding.as_json()
    return {
        "column": finding.column, "kind": stands.kind.name, "level": stands.level, "confirmed": stands.confirmed,
        "by": stands.by, "at": stands.at, "found_kind": finding.kind.name, "found_level": finding.level,
        **{name: found[name] for name in ("type", "zh", "en", "score", "tags", "evidence")},
    }  # fmt: skip


def _said(word: Word) -> dict[str, Any]:
    return {
        "id": word.id, "about": word.about.value, "subject": word.subject, "said": word.said.value, "kind": word.kind,
        "level": word.level, "reason": word.reason, "by": word.by, "answers": word.answers, "at": word.at,
    }  # fmt: skip

"""Proposing what the columns of a source mean, and remembering what people say to it.

A confirmed column is a synonym of this node: the next match of a column of that name finds its element with full
score. A rejected one is not proposed again. Each saying is a row with its evidence in the same transaction, and can be
taken back. Samples never leave this module: what is answered holds names, scores and reasons, never a value.
Contract: tests/harmonise/matching/test_matching_service.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, replace
from typing import Any

from datong.ground import evidence
from datong.ground.canonical import digest_bytes
from datong.ground.db import Tx, Window
from datong.ground.refusal import Problem
from datong.harmonise.model.elements import DataElement, Library
from datong.harmonise.model.mappings import Mapping
from datong.harmonise.model.matching import Proposal
from datong.harmonise.model.reading import Sample, SampleColumn
from datong.harmonise.model.refusals import NO_SYNONYM, NOT_CONFIRMED, NOT_MATCHED
from datong.harmonise.rules import matching
from datong.harmonise.rules.elements import key_of
from datong.harmonise.rules.found import nearest
from datong.harmonise.rules.matching.telling import GIVEN
from datong.harmonise.rules.places import placed
from datong.harmonise.rules.standards import standard_of
from datong.harmonise.rules.workspace import source_of
from datong.harmonise.service.folders import folders_of, require_not_own
from datong.harmonise.service.library import of_workspace, shipped
from datong.harmonise.service.sampling import over_files
from datong.harmonise.store import synonyms as kept
from datong.harmonise.store import workspace as texts
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

WHOLE_LIBRARY = "library"
CONFIRMED, REJECTED = "confirmed", "rejected"
BY_PERSON, BY_BUILD = "by_person", "by_build"
_NAMED_LONGEST = 40


@dataclass(frozen=True)
class Target:
    """What columns are matched against: the candidates, and the library that holds their code tables."""

    name: str
    candidates: tuple[DataElement, ...]
    library: Library


@view(Role.data_engineer)
def match(tx: Tx, *, workspace: str, source: str, standard: str, data: str | None = None) -> list[dict[str, Any]]:
    """Propose for each column of a source what it means, with a score, a verdict and the reason in words.

    standard: a standard of the workspace, a pack of the element library (with its common pack), or library for every
    element. Of the source only its first rows are read. verdict: accept (sure), ask (a person decides), leave. others:
    what else a column may mean. Changes nothing; refuses with STD-460 when source or standard are not there, STD-411
    when the source cannot be read.
    """
    folder, given = folders_of(tx, workspace, data)
    contents, problems = texts.files_of(folder)
    found, wrong = source_of(contents, source)
    target, more = target_of(standard, contents)
    if problems or found is None or target is None:
        every = [*problems, *wrong, *more]
        raise NOT_MATCHED(every, count=len(every))
    require_not_own(tx, found, given)
    sample = over_files(found, given).sample
    return [shown(proposal) for proposal in propose(tx, sample, target, tables=found.tables)]


@verb(Role.data_engineer)
def confirm(
    tx: Tx, *, pairs: dict[str, str], standard: str = "", source: str = "", workspace: str = "", rejected: bool = False
) -> list[dict[str, Any]]:
    """Confirm what columns mean, or with rejected say that they do not mean it; the next match knows it.

    pairs: {column: element}. The element is one of the library, or of `standard` in `workspace`. A later word on the
    same column and element takes the place of the earlier one. Refuses with STD-461, naming every pair that is wrong.
    """
    problems = [Problem("pairs", "没有任何配对", "there are no pairs")] if not pairs else []
    candidates = shipped().elements
    if workspace and standard:
        contents, unread = texts.files_of(folders_of(tx, workspace, None)[0])
        target, wrong = target_of(standard, contents)
        candidates = target.candidates if target else candidates
        problems += [*unread, *wrong]
    problems += list(_wrong_pairs(pairs, candidates, standard, source))
    if problems:
        raise NOT_CONFIRMED(problems, count=len(problems))
    said = REJECTED if rejected else CONFIRMED
    return [_say(tx, column, element, standard, source, said, BY_PERSON) for column, element in pairs.items()]


@verb(Role.data_engineer)
def withdraw_synonym(tx: Tx, *, synonym: str) -> dict[str, Any]:
    """Take back what was said about a column; the matcher no longer heeds it. The row and its evidence stay."""
    row = tx.get(kept.synonyms, synonym)
    if row is None or row["withdrawn_at"] is not None:
        raise NO_SYNONYM(synonym=synonym[:80])
    _take_back(tx, [row])
    return _told(tx.get(kept.synonyms, synonym) or row)


@view()
def synonyms(
    tx: Tx, *, column: str | None = None, limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:  # fmt: skip
    """What people said columns mean, newest first; with `column` what stands for columns of that name.

    limit, offset: how many, after how many.
    """
    window = Window(limit=limit, offset=offset)
    rows = kept.all_said(tx, window) if column is None else kept.standing(tx, key_of(column), window)
    return [_told(row) for row in rows]


# --- for the other services of the room --------------------------------------------------------------------------


def target_of(standard: str, contents: Map[str, Any]) -> tuple[Target | None, list[Problem]]:
    """What `standard` names: one of the workspace's standards, a pack (with the common one), or the whole library; the
    packs are those that ship and those in `elements` of the workspace."""
    every, wrong = of_workspace(contents)
    if wrong:
        return None, placed(wrong, contents)
    file = f"standards/{standard}.odcs.yaml"
    if file in contents:
        found, problems = standard_of(file, contents[file])
        if found is None:
            return None, problems
        candidates, known = matching.candidates_of(found, every)
        return Target(standard, candidates, known), []
    if standard == WHOLE_LIBRARY:
        return Target(standard, every.elements, every), []
    packs = [pack for pack in every.packs if pack.name in (standard, "common")]
    if standard in (pack.name for pack in packs):
        return Target(standard, tuple(e for pack in packs for e in pack.elements), every), []
    own = [path[len("standards/") : -len(".odcs.yaml")] for path in contents if path.endswith(".odcs.yaml")]
    known_names = [*sorted(own), *(pack.name for pack in every.packs), WHOLE_LIBRARY]
    near = ", ".join(nearest(standard, known_names) or known_names)
    return None, [Problem("standard", f"没有 {standard}；可用：{near}", f"there is no {standard}; there are: {near}")]


def propose(
    tx: Tx, sample: Sample, target: Target, tables: Collection[str] = (), given: Map[str, str] | None = None
) -> tuple[Proposal, ...]:
    """One proposal per column of the sample, with what people said before. tables: of a database; each is matched by
    itself, so that two tables may both have a plate. given: {column: element} that stands in a mapping already; it
    counts more than what was said of a name, and makes the other columns surer."""
    known = {element.name for element in target.candidates}
    learned, rejected = said_before(tx, known)
    stands = {column: element for column, element in (given or {}).items() if element in known}
    learned = {**{name: e for name, e in learned.items() if key_of(name) not in map(key_of, stands)}, **stands}
    found: dict[str, Proposal] = {}
    for columns in _by_table(sample.columns, tables):
        for proposal in _matched(columns, target, learned, rejected):
            sure = proposal.element is not None and stands.get(proposal.column) == proposal.element.name
            found[proposal.column] = replace(proposal, reason=GIVEN) if sure else proposal
    return tuple(found[column.path] for column in sample.columns)


_KEPT: dict[str, tuple[Proposal, ...]] = {}
_KEPT_MOST = 16


def _matched(
    columns: Sequence[SampleColumn], target: Target, learned: Map[str, str], rejected: Collection[tuple[str, str]]
) -> tuple[Proposal, ...]:
    """What columns mean, once for all that it depends on: who turns the pages of a long source waits but once. Kept are
    a digest of that and the proposals, which hold no value of the source; the newest few, in this process."""
    asked = (columns, target.candidates, target.library, list(learned.items()), sorted(rejected))
    key = digest_bytes(repr(asked).encode("utf-8", "surrogatepass"))
    found = _KEPT.pop(key, None)
    if found is None:
        found = matching.matched(columns, target.candidates, target.library, learned, rejected)
    _KEPT[key] = found
    for old in list(_KEPT)[:-_KEPT_MOST]:
        _KEPT.pop(old, None)
    return found


def said_before(tx: Tx, elements: Collection[str]) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """({column: element} confirmed, {(column, element)} rejected) as far as it speaks of `elements`; of several
    meanings confirmed for one name the newest counts."""
    learned: dict[str, str] = {}
    rejected: set[tuple[str, str]] = set()
    for row in kept.standing(tx):
        if row["element"] not in elements:
            continue
        if row["said"] == REJECTED:
            rejected.add((row["column"], row["element"]))
        elif row["key"] not in {key_of(name) for name in learned}:
            learned[row["column"]] = row["element"]
    return learned, rejected


def remember_mapping(tx: Tx, mapping: Mapping) -> None:
    """Remember the pairs of a mapping that was built, as far as it says something else than when it was built last."""
    confirmed = [row for row in kept.standing(tx) if row["said"] == CONFIRMED]
    known = {(row["key"], row["element"]) for row in confirmed}
    last_said: dict[str, str] = {}
    for row in confirmed:
        if (row["standard"], row["source"]) == (mapping.standard.name, mapping.source.name):
            last_said.setdefault(row["key"], row["element"])
    whole = [column for column in mapping.columns if not column.then]  # half a value is no name of the element
    for path, element in ((path, c.element.name) for c in whole for path in c.paths):
        key, last = key_of(path), key_of(path.rsplit(".", 1)[-1])
        fits = key and len(path) <= kept.NAME_LONGEST and len(element) <= kept.ELEMENT_LONGEST
        said = (key, element) in known and last_said.get(key, element) == element
        if not fits or key_of(element) in (key, last) or said:
            continue
        _say(tx, path, element, mapping.standard.name, mapping.source.name, CONFIRMED, BY_BUILD)


def shown(proposal: Proposal) -> dict[str, Any]:
    """A proposal as it is answered; never a value of the source."""
    element = proposal.element
    return {
        "source_column": proposal.column,
        "element": element.name if element else None,
        "zh": element.zh if element else "",
        "en": element.en if element else "",
        "score": round(proposal.score, 4),
        "verdict": proposal.verdict.value,
        "reason": {"zh": proposal.reason.zh, "en": proposal.reason.en},
        "others": [
            {"element": other.name, "zh": other.zh, "en": other.en, "score": round(score, 4)}
            for other, score in proposal.others
        ],
    }


def _by_table(columns: Sequence[SampleColumn], tables: Collection[str]) -> Iterable[list[SampleColumn]]:
    groups: dict[str, list[SampleColumn]] = {}
    for column in columns:
        table = column.path.split(".", 1)[0] if tables else ""
        groups.setdefault(table if table in tables else "", []).append(column)
    return groups.values()


def _wrong_pairs(
    pairs: Map[str, str], candidates: Sequence[DataElement], standard: str, source: str
) -> Iterable[Problem]:
    names = {element.name for element in candidates}
    for what, text in (("standard", standard), ("source", source)):
        if len(text) > _NAMED_LONGEST:
            yield Problem(what, "过长（不超过 40 个字符）", "is too long (up to 40 characters)")
    for column, element in pairs.items():
        at = f"pairs.{column[:60]}"
        if not key_of(column) or len(column) > kept.NAME_LONGEST:
            yield Problem(at, "列名应为 1 至 200 个字符", "the column's name should have 1 to 200 characters")
        if element not in names:
            near = ", ".join(nearest(element, sorted(names)))
            yield Problem(
                at, f"没有数据元 {element[:60]}；相近：{near or '无'}",
                f"there is no element {element[:60]}; nearest: {near or 'none'}",
            )  # fmt: skip


def _say(tx: Tx, column: str, element: str, standard: str, source: str, said: str, told_by: str) -> dict[str, Any]:
    """Remember one saying; what was said before about the same column and element is taken back. What was confirmed
    before something else was is said anew: of several meanings the newest counts."""
    standing = kept.standing(tx, key_of(column))
    before = [row for row in standing if row["element"] == element]
    newest = next((row["element"] for row in standing if row["said"] == CONFIRMED), element)
    if before and before[0]["said"] == said and (said == REJECTED or newest == element):
        return _told(before[0])
    _take_back(tx, before)
    row = {
        "column": column, "key": key_of(column), "element": element, "standard": standard, "source": source,
        "said": said, "told_by": told_by, "by": tx.actor.person, "at": tx.now,
    }  # fmt: skip
    id = kept.added(tx, row)
    facts = {name: row[name] for name in ("column", "element", "standard", "source", "told_by")}
    evidence.append(tx, f"harmonise.synonym_{said}", kept.synonyms, id, **facts)
    return _told({**row, "id": id, "withdrawn_at": None, "withdrawn_by": ""})


def _take_back(tx: Tx, rows: list[dict[str, Any]]) -> None:
    kept.withdraw(tx, [row["id"] for row in rows])
    for row in rows:
        facts = {"column": row["column"], "element": row["element"], "said": row["said"]}
        evidence.append(tx, "harmonise.synonym_withdrawn", kept.synonyms, row["id"], **facts)


def _told(row: Map[str, Any]) -> dict[str, Any]:
    return {
        **{
            name: row[name] for name in ("id", "column", "element", "said", "standard", "source", "told_by", "by", "at")
        },
        "state": "withdrawn" if row["withdrawn_at"] else "standing",
    }

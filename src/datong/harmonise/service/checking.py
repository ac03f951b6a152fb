"""Checking a workspace: everything that a build of it would refuse, told at once, and what may be wrong besides.

Contract: tests/harmonise/test_harmonise_service.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datong.engine import rules as plans
from datong.ground.db import Tx
from datong.ground.refusal import Problem, Refusal
from datong.harmonise.model.drift import DRIFTED
from datong.harmonise.model.mappings import Mapping, Standard
from datong.harmonise.rules import changes, standards
from datong.harmonise.rules.places import asked, listed, place_of
from datong.harmonise.rules.workspace import asking, mapping_names, mapping_of, sound_part, unnamed
from datong.harmonise.service import drifting, trying
from datong.harmonise.service import reading as reading_of
from datong.harmonise.service import suspicions as traps
from datong.harmonise.service.folders import folder_of, folders_of, require_not_own
from datong.harmonise.service.library import mistakes_in
from datong.harmonise.store import accounts, files, rereading
from datong.harmonise.store import builds as kept
from datong.harmonise.store import workspace as texts
from datong.terms.roles import Role
from datong.terms.verbs import view


@view(Role.data_engineer)
def mappings(tx: Tx, *, workspace: str) -> list[str]:
    """The mappings of a workspace, by name."""
    return mapping_names(texts.files_of(folders_of(tx, workspace, None)[0])[0])


@view(Role.data_engineer)
def check(tx: Tx, *, workspace: str, mapping: str | None = None, data: str | None = None) -> dict[str, Any]:
    """Check a workspace: its files, that its sources answer, and that the columns mapped are there.

    workspace: folder, relative to the node's or absolute. data: folder where the sources' paths begin (the workspace
    itself when not given). Tells all problems at once and changes nothing; of each mapping also the suspicions its
    first rows raise, and the columns it neither maps nor names in `left` (`unmapped`).
    """
    folder, given = folders_of(tx, workspace, data)
    contents, problems = texts.files_of(folder)
    names = [mapping] if mapping else mapping_names(contents)
    if not names and not problems:
        problems = [Problem("mappings", "没有任何映射", "there is no mapping")]
    checked, warnings = [], []
    problems += [] if mapping else [*unnamed(contents), *mistakes_in(contents)]
    for name in names:
        found, wrong = mapping_of(contents, name)
        problems += wrong
        if found is None:
            problems += [*tried(sound_part(contents, name)), *_not_there(tx, asking(contents, name), given)]
            continue
        problems += [*trying.tried(found), *_hidden(tx, found)]
        try:
            require_not_own(tx, found.source, given)
            with files.aside(folder_of(tx)) as aside:
                reading = reading_of.explained(tx, folder, found, given, aside=aside)
                found = reading_of.as_there(found, reading)
                drift = drifting.noticed(tx, folder, found, given, reading)
                suspected = traps.as_json(traps.of_mapping(tx, contents, found, given, reading=reading))
            warnings += [{"mapping": name, **told} for told in drift.told()]
            problems += [
                *plans.problems(reading_of.plan_for(found, reading)),
                *(_in_file(found, Problem(d.path, d.said.zh, d.said.en)) for d in drift.differences if d.breaking),
            ]
            checked.append(
                {
                    "mapping": name,
                    "source": found.source.name,
                    "standard": found.standard.name,
                    "rows": rereading.count(reading.tables[found.main]),
                    "unmapped": drift.unmapped(found),
                    "suspicions": suspected,
                }
            )
        except Refusal as refusal:
            problems += _of_source(found, refusal)
            if refusal.code == DRIFTED.code:
                drift = drifting.noticed(tx, folder, found, given, None)
                warnings += [{"mapping": name, **told} for told in drift.told()]
    return {"accepted": not problems, "mappings": checked, "problems": listed(problems, contents), "changes": warnings}


def tried(mapping: Mapping | None) -> list[Problem]:
    """trying.tried of what could be read of a mapping, where anything could."""
    return trying.tried(mapping) if mapping is not None else []


def _not_there(tx: Tx, asked: Mapping | None, data: Path) -> list[Problem]:
    """What a mapping that is wrong elsewhere asks of its source and does not find."""
    if asked is None:
        return []
    try:
        require_not_own(tx, asked.source, data)
        with files.aside(folder_of(tx)) as aside:
            reading_of.read(asked, data, aside=aside)
    except Refusal as refusal:
        return _of_source(asked, refusal)
    return []


def _of_source(mapping: Mapping, refusal: Refusal) -> list[Problem]:
    """Why a source could not be read, as problems of the workspace."""
    what, why, _ = refusal.texts()
    said = Problem(f"sources/{mapping.source.name}.yaml", what.zh + why.zh, what.en + " " + why.en)
    stops = len(refusal.problems) if refusal.code != DRIFTED.code else int(refusal.facts["count"])
    wrong = [p for number, p in enumerate(refusal.problems) if number < stops or place_of(p, {})[0]]
    return [_in_file(mapping, problem) for problem in wrong] or [said]


def _in_file(mapping: Mapping, problem: Problem) -> Problem:
    """A problem of a column of the source, with the file that names it: the mapping where it reads it."""
    if place_of(problem, {})[0]:
        return problem
    at = next((at for at, path in asked(mapping) if path == problem.where), "")
    where = f"{mapping.file}: {at}" if at else f"sources/{mapping.source.name}.yaml"
    return Problem(where, f"{problem.where}：{problem.zh}", f"{problem.where}: {problem.en}")


def require_version(tx: Tx, resource: str, standard: Standard) -> None:
    """A standard that breaks what readers of the current build rely on must say so in its version (STD-441)."""
    now = kept.current_build(tx, resource)
    account = accounts.of(tx, now["id"]) if now is not None else None
    if now is None or account is None or now["standard_digest"] == standard.digest or now["standard"] != standard.name:
        return
    before, _ = standards.standard_of("contract", account["contract"])
    if before is not None and any(change.breaking for change in changes.changes(before, standard)):
        changes.accepted(before, standard)


def _hidden(tx: Tx, found: Mapping) -> list[Problem]:
    """What a build would refuse of the standard's version, as problems of the mapping."""
    try:
        require_version(tx, found.resource, found.standard)
    except Refusal as refusal:
        at, (what, why, fix) = f"{found.file}: standard", refusal.texts()
        whole = Problem(at, f"{what.zh}{why.zh}{fix.zh}", f"{what.en} {why.en} {fix.en}")
        return [whole, *(Problem(at, f"{p.where} {p.zh}", f"{p.where} {p.en}") for p in refusal.problems)]
    return []

"""The contract of what was built, and what changed between two versions of a standard.

Contract: tests/harmonise/test_harmonise_contracts.py.
"""

from __future__ import annotations

from typing import Any

from datong.ground import signing
from datong.ground.db import Tx
from datong.ground.refusal import Refusal
from datong.harmonise.model.mappings import Standard
from datong.harmonise.model.refusals import BAD_WORKSPACE, NOTHING_TO_COMPARE
from datong.harmonise.rules import changes, contracts
from datong.harmonise.rules.standards import standard_of
from datong.harmonise.service.folders import folders_of
from datong.harmonise.service.runs import account_of
from datong.harmonise.store import files
from datong.harmonise.store import workspace as texts
from datong.terms.roles import Role
from datong.terms.verbs import view


@view()
def contract(tx: Tx, *, resource: str) -> dict[str, Any]:
    """The data contract of a built resource as an Open Data Contract Standard 3.2 document, and what its quality rules
    came to: {build, contract, rules, version}. Refuses: STD-421, STD-507.
    """
    row, account = account_of(tx, resource)
    facts = {
        "build": row["id"], "sourceDigest": row["source_digest"], "dataDigest": row["digest"],
        "rows": row["harmonised"], "qualityGrade": row["quality"]["grade"], "qualityRule": row["quality"]["rule"],
        "builtAt": row["at"],
    }  # fmt: skip
    path = f"data/harmonised/{row['resource']}/{row['id']}/{files.HARMONISED}"
    document = contracts.with_place(account["contract"], path=path, team=signing.me(tx).party, facts=facts)
    return {"build": row["id"], "contract": document, "rules": account["rules"], "version": document["version"]}


@view(Role.data_engineer)
def compare(
    tx: Tx, *, workspace: str, standard: str, before: str | None = None, resource: str | None = None
) -> dict[str, Any]:
    """What changed in a standard of a workspace: against another of its standards, or against a built resource.

    standard, before: names of standards/NAME.odcs.yaml (NAME#OBJECT where it holds several). Tells each change, whether
    it breaks readers of older data, and the version number that would show it. Refuses: STD-410, STD-503.
    """
    new = _of_workspace(tx, workspace, standard)
    if (before is None) == (resource is None):
        raise NOTHING_TO_COMPARE(what=standard)
    old = _of_workspace(tx, workspace, before) if before is not None else _of_build(tx, str(resource))
    found = changes.changes(old, new)
    needed = changes.next_version(old.version, found)
    try:
        changes.accepted(old, new)
        shows = True
    except Refusal:
        shows = False
    return {
        "standard": new.name, "old": old.version, "new": new.version, "needed": needed, "shown": shows,
        "breaking": sum(change.breaking for change in found),
        "changes": [
            {"what": c.what, "element": c.where, "level": c.level.name, "zh": c.told.zh, "en": c.told.en} for c in found
        ],
    }  # fmt: skip


def _of_workspace(tx: Tx, workspace: str, name: str) -> Standard:
    folder, _ = folders_of(tx, workspace, None)
    contents, problems = texts.files_of(folder)
    stem, _, thing = name.partition("#")
    file = f"standards/{stem}.odcs.yaml"
    if file not in contents and not problems:
        raise NOTHING_TO_COMPARE(what=name)
    found, wrong = standard_of(file, contents[file], thing) if file in contents else (None, [])
    if found is None:
        every = [*problems, *wrong]
        raise BAD_WORKSPACE(every, workspace=workspace, count=len(every))
    return found


def _of_build(tx: Tx, resource: str) -> Standard:
    found, _ = standard_of("contract", account_of(tx, resource)[1]["contract"])
    if found is None:
        raise NOTHING_TO_COMPARE(what=resource)
    return found

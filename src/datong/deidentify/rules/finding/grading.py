"""Grades after GB/T 43697-2024 clause 6.5: impact object by degree, item and whole, the higher counts; and what people
confirmed of a proposal.

The matrix is read second-hand (policy.md 5.1). One person's or one organisation's interests alone make general data;
its sub-levels 1-4 are annex H's, for reference. Where many persons are meant, the four public objects are to be judged
anew by a person: that is said, not guessed. Must never know: files.
Contract: tests/deidentify/finding/test_finding_grading.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datong.deidentify.model.finding import Finding, Identifying, Level
from datong.ground.refusal import Problem

DEGREES = ("especially serious", "serious", "general")
_PUBLIC = (Level.core, Level.important, Level.general)
MATRIX: Mapping[str, tuple[Level, Level, Level]] = {
    "national security": (Level.core, Level.core, Level.important),
    "economic operation": _PUBLIC,
    "social order": _PUBLIC,
    "public interest": _PUBLIC,
    "organisational rights": (Level.general,) * 3,
    "personal rights": (Level.general,) * 3,
}
"""Impact object -> the level by degree, in the order of DEGREES."""
NO_IMPACT = "none"
"""A degree that a person gives where an object is not hit at all; no column of the matrix."""
PUBLIC_OBJECTS = ("national security", "economic operation", "social order", "public interest")
SENSITIVE_LEAST = 3
"""From this level on a column with a tag counts as sensitive beside others; one that was lowered below it, with two
persons and a reason (rounded, say), does no more."""
MANY_PERSONS, MANY_SENSITIVE = 1_000_000, 10_000
"""From so many persons on (or so many with sensitive data) the public objects are to be judged anew. Own choice, after
the thresholds of the rules on data leaving the country (policy.md 6)."""


def graded(impacts: Mapping[str, str]) -> tuple[Level, tuple[str, ...]]:
    """(the highest level of the impacts {object: degree}, the cells of the matrix that gave it); ValueError when an
    object or degree is unknown."""
    if not impacts:
        return Level.general, ()
    cells = {}
    for target, degree in impacts.items():
        if target not in MATRIX or degree not in DEGREES:
            raise ValueError(f"the matrix has no cell {target!r}, {degree!r}")
        cells[f"6.5: {target}, {degree}"] = MATRIX[target][DEGREES.index(degree)]
    highest = max(cells.values())
    return highest, tuple(cell for cell, level in cells.items() if level is highest)


def proposal(findings: Sequence[Finding], rows: int, impacts: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The grade of the whole table: the highest item, and higher where its columns together say more (take the higher).

    rows: how many there are; as many persons at most. impacts: {object: degree} as people judged the whole, NO_IMPACT
    for an object that is not hit; what is still to be judged is told."""
    kinds = [finding.kind for finding in findings]
    highest = max((finding.level for finding in findings), default=1)
    identifies = Identifying.direct in kinds or kinds.count(Identifying.quasi) >= 3
    tagged = any(finding.tags and finding.level >= SENSITIVE_LEAST for finding in findings)
    whole, why = highest, []
    if highest > 1:
        why.append(f"the highest item is {highest}")
    if identifies and tagged and whole < 4:
        whole = 4
        why.append("sensitive information stands beside what identifies its person")
    elif identifies and Identifying.quasi in kinds and whole < 3:
        whole = 3
        why.append("the columns together single persons out")
    degree = {4: DEGREES[0], 3: DEGREES[1]}.get(whole, DEGREES[2])
    judged = dict(impacts or {})
    hit = {target: degree for target, degree in judged.items() if degree != NO_IMPACT}
    if whole > 1:
        hit.setdefault("personal rights", degree)
    level, path = graded(hit)
    many = rows >= (MANY_SENSITIVE if tagged else MANY_PERSONS) and whole > 1
    return {
        "grade": level.name, "level": whole, "rule_path": list(path), "why": why,
        "judge_anew": [target for target in PUBLIC_OBJECTS if many and target not in judged],
    }  # fmt: skip


def settled(
    findings: Sequence[Finding], confirmed: Any, lines: Mapping[str, int], file: str
) -> tuple[dict[str, int], list[Problem]]:
    """({column: its level}, everything wrong with what was confirmed).

    A confirmed level above the proposal stands; one below it needs `reason`, `by` and `approved_by`, two persons. A
    column that nobody confirmed keeps the proposal, so that raising needs nobody.
    """
    problems: list[Problem] = []

    def say(at: str, zh: str, en: str) -> None:
        line = lines.get(at, lines.get(at.rpartition(".")[0], 1))
        problems.append(Problem(f"{file}:{line}: {at}", zh, en))

    given = confirmed.get("columns") if isinstance(confirmed, dict) else None
    if not isinstance(given, dict):
        say("columns", "应为 列: {level}", "should be column: {level}")
        return {}, problems
    levels = {finding.column: finding.level for finding in findings}
    for column, value in given.items():
        at = f"columns.{column}"
        if column not in levels:
            say(at, "表中没有这一列", "is no column of the table")
            continue
        level = value.get("level") if isinstance(value, dict) else value
        if not isinstance(level, int) or isinstance(level, bool) or not 1 <= level <= 4:
            say(at, "level 应为 1 至 4", "level should be 1 to 4")
            continue
        if level < levels[column]:
            more = value if isinstance(value, dict) else {}
            reason, by, approved = (str(more.get(key) or "").strip() for key in ("reason", "by", "approved_by"))
            if not reason or not by or not approved:
                say(at, f"低于建议的 {levels[column]}：缺少 reason、by 或 approved_by",
                    f"is below the proposed {levels[column]}: reason, by or approved_by is missing")  # fmt: skip
                continue
            if by.casefold() == approved.casefold():
                say(at, "降级须由另一人批准", "lowering must be approved by another person than who asked for it")
                continue
        levels[column] = level
    return levels, problems

"""How the columns of a dataset stand after all that people said of them; what a new word does, what is wrong with it.

The higher counts: a word that raises a level, or makes a column identify more, stands at once; one that lowers either
is only asked for until another person approves it (GB/T 43697-2024: take the higher; lowering needs approval). The same
holds for the degrees by which the whole is judged for the impact objects of the matrix.
Must never know: who may say what. Contract: tests/deidentify/finding/test_finding_standing.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from datong.deidentify.model.classification import About, Said, Standing, Word
from datong.deidentify.model.finding import Finding, Identifying
from datong.deidentify.rules.finding.grading import DEGREES, MATRIX, NO_IMPACT
from datong.ground.refusal import Problem

IDENTIFIES = (Identifying.other, Identifying.sensitive, Identifying.quasi, Identifying.direct)
"""From what says least of who somebody is to what says it outright."""
KINDS = {kind.name: kind for kind in Identifying}
REASON_LONGEST = 500
SHOWN_MAX = 60
NAMES_TOLD = 10

Subjects = Mapping[tuple[About, str], Standing]


@dataclass(frozen=True)
class Deed:
    """What a word will do once it is kept."""

    about: About
    subject: str
    said: Said
    kind: str
    level: int
    reason: str


def stood(findings: Iterable[Finding], carried: Mapping[str, Mapping[str, Any]], words: Sequence[Word]) -> Subjects:
    """Each column as it stands: as found, as an earlier version had it (`carried`: {column: {kind, level, by, at}}), as
    the words, in their order, made it; and each impact object that was judged."""
    now: dict[tuple[About, str], Standing] = {}
    for one in findings:
        before = carried.get(one.column)
        now[About.column, one.column] = (
            Standing(KINDS[before["kind"]], int(before["level"]), str(before["by"]), str(before["at"]))
            if before is not None
            else Standing(one.kind, one.level, "", "")
        )
    for word in words:
        now[word.about, word.subject] = after(now.get((word.about, word.subject)), word)
    return now


def after(before: Standing | None, word: Word) -> Standing:
    """How a subject stands after a word; `before` is None where nobody has judged an impact object yet."""
    kind = KINDS.get(word.kind, Identifying.other)
    if before is None:
        return Standing(kind, word.level, word.by, word.at)
    if word.said is Said.lowering_refused:
        return replace(before, asked=None)
    if word.said is Said.lowering_asked:
        return Standing(_more(kind, before.kind), max(word.level, before.level), word.by, word.at, asked=word)
    return Standing(kind, word.level, word.by, word.at)


def open_lowering(now: Subjects, key: str) -> Word | None:
    return next((one.asked for one in now.values() if one.asked is not None and one.asked.id == key), None)


def findings_as_they_stand(findings: Iterable[Finding], now: Subjects) -> list[Finding]:
    """The findings with the kinds and levels that count now, for the grade of the whole."""
    return [
        replace(one, kind=now[About.column, one.column].kind, level=now[About.column, one.column].level)
        for one in findings
    ]


def impacts_as_they_stand(now: Subjects) -> dict[str, str]:
    """{impact object: degree}, NO_IMPACT where it was judged that there is none."""
    return {
        subject: NO_IMPACT if not one.level else DEGREES[len(DEGREES) - one.level]
        for (about, subject), one in now.items() if about is About.impact
    }  # fmt: skip


def carried_over(
    findings: Iterable[Finding], earlier: Iterable[Finding], now: Subjects
) -> dict[str, dict[str, str | int]]:
    """What of an earlier version holds for new findings: confirmed columns of which nothing more was found now."""
    findings = list(findings)
    more = {one.column for one in showing_more(findings, earlier, now)}
    kept: dict[str, dict[str, str | int]] = {}
    for one in findings:
        stands = now.get((About.column, one.column))
        if stands is not None and stands.confirmed and one.column not in more:
            kept[one.column] = {"kind": stands.kind.name, "level": stands.level, "by": stands.by, "at": stands.at}
    return kept


def showing_more(findings: Iterable[Finding], earlier: Iterable[Finding], now: Subjects) -> list[Finding]:
    """Those of new `findings` that identify more, or are of a higher level, than was found `earlier` and than stands
    `now`; columns that were not there earlier are not among them."""
    known = {one.column: one for one in earlier}
    more = []
    for one in findings:
        before, stands = known.get(one.column), now.get((About.column, one.column))
        if before is None or stands is None:
            continue
        kind = max(IDENTIFIES.index(before.kind), IDENTIFIES.index(stands.kind))
        if one.level > max(before.level, stands.level) or IDENTIFIES.index(one.kind) > kind:
            more.append(one)
    return more


def deeds(
    now: Subjects, columns: Mapping[str, Any], impacts: Mapping[str, Any], reason: str, *, rest: bool
) -> tuple[list[Deed], list[Problem]]:
    """What these words do, or everything wrong with them.

    columns: {column: {} | level | {kind, level, reason}}; what is not said stays as it stands. impacts: {object: degree
    or none}. reason: where a word has none of its own. rest: confirm also every column nobody has confirmed, as it is.
    """
    found: list[Deed] = []
    problems: list[Problem] = []
    for column, value in columns.items():
        _column(now, column, value, reason, found, problems)
    for subject, degree in impacts.items():
        _impact(now, subject, degree, reason, found, problems)
    if rest:
        said = set(columns)
        found += [
            Deed(About.column, name, Said.confirmed, one.kind.name, one.level, "")
            for (about, name), one in now.items()
            if about is About.column and not one.confirmed and name not in said
        ]
    if not found and not problems:
        problems.append(Problem("columns", "没有可确认的内容", "there is nothing to confirm in it"))
    return found, problems


def _column(now: Subjects, column: str, value: Any, reason: str, found: list[Deed], problems: list[Problem]) -> None:
    at = f"columns.{column[:SHOWN_MAX]}"
    stands = now.get((About.column, column))
    if stands is None:
        names = [name for about, name in now if about is About.column]
        zh = "、".join(names[:NAMES_TOLD])
        problems.append(
            Problem(at, f"没有这一列；有：{zh}", f"is no column of it; there are {', '.join(names[:NAMES_TOLD])}")
        )
        return
    given = {"level": value} if not isinstance(value, dict) else value
    strange = sorted(map(str, set(given) - {"kind", "level", "reason"}))
    if strange:
        listed = ", ".join(strange)[:SHOWN_MAX]
        problems.append(Problem(at, f"没有这些键：{listed}", f"has no keys {listed}; there are kind, level, reason"))
    level, kind = given.get("level", stands.level), given.get("kind", stands.kind.name)
    if not isinstance(level, int) or isinstance(level, bool) or not 1 <= level <= 4:
        problems.append(Problem(f"{at}.level", "应为 1 至 4", "should be 1 to 4"))
    if kind not in KINDS:
        listed = ", ".join(KINDS)
        problems.append(Problem(f"{at}.kind", f"应为其中之一：{listed}", f"should be one of {listed}"))
    why = _reason(at, given.get("reason", reason), problems)
    if any(problem.where.startswith(at) for problem in problems):
        return
    _say(Deed(About.column, column, Said.confirmed, kind, level, why), stands, at, found, problems)


def _impact(now: Subjects, subject: str, degree: Any, reason: str, found: list[Deed], problems: list[Problem]) -> None:
    at = f"impacts.{subject[:SHOWN_MAX]}"
    if subject not in MATRIX:
        problems.append(Problem(at, "矩阵中没有这一对象", f"is no object of the matrix; there are {', '.join(MATRIX)}"))
        return
    if degree not in (*DEGREES, NO_IMPACT):
        listed = ", ".join((NO_IMPACT, *DEGREES))
        problems.append(Problem(at, f"应为其中之一：{listed}", f"should be one of {listed}"))
        return
    why = _reason(at, reason, problems)
    level = 0 if degree == NO_IMPACT else len(DEGREES) - DEGREES.index(degree)
    deed = Deed(About.impact, subject, Said.confirmed, "", level, why)
    _say(deed, now.get((About.impact, subject)), at, found, problems)


def _reason(at: str, given: Any, problems: list[Problem]) -> str:
    if isinstance(given, str) and len(given) <= REASON_LONGEST:
        return given.strip()
    problems.append(Problem(f"{at}.reason", "应为文字，不超过 500 个字符", "should be a text of up to 500 characters"))
    return ""


def _say(deed: Deed, stands: Standing | None, at: str, found: list[Deed], problems: list[Problem]) -> None:
    """Keep the deed, as a lowering that is asked for where it lowers; a lowering needs a reason."""
    lowers = stands is not None and (
        deed.level < stands.level
        or (deed.about is About.column and IDENTIFIES.index(KINDS[deed.kind]) < IDENTIFIES.index(stands.kind))
    )
    if lowers and not deed.reason:
        problems.append(Problem(f"{at}.reason", "降低须写明理由", "is missing; a lowering needs a reason"))
        return
    found.append(replace(deed, said=Said.lowering_asked) if lowers else deed)


def _more(one: Identifying, other: Identifying) -> Identifying:
    return max(one, other, key=IDENTIFIES.index)

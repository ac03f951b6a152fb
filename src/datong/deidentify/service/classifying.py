"""Finding personal data in a file: read its first rows, judge each column, propose grades; hold what people confirmed.

No verb: it works on files of whoever stands in front of them (cli.classifying). Without a node what is confirmed is a
text beside the standards of a workspace (classification/NAME.yaml), and git shows who changed what; a node keeps the
words of its own people (service.classification). Contract: tests/deidentify/finding/test_finding_classifying.py.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datong.deidentify.model.finding import NOT_CONFIRMED, ColumnLook, Finding, NameSaid, PersonalType
from datong.deidentify.model.treatments import NO_TABLE, WOULD_OVERWRITE
from datong.deidentify.rules.finding import deciding, grading, values
from datong.deidentify.rules.finding.types import types_in_force
from datong.harmonise import service as harmonise

ROWS_LOOKED_AT = 50_000
ENDING = 0.8
"""How much the end of a name says."""


def classify(table: Path, *, confirmed: Path | None = None, write: Path | None = None) -> dict[str, Any]:
    """What each column of the file `table` is, with evidence, and the grades proposed.

    confirmed: a classification that people confirmed; its levels count where they may (DID-460 names what is wrong).
    write: a new file for the proposal, for a person to confirm. Refuses with DID-455 where the table cannot be read.
    """
    looked = look_at(table)
    findings = looked.findings
    proposal = grading.proposal(findings, looked.rows)
    told: dict[str, Any] = {
        "table": table.name, "rows_looked_at": looked.rows, "whole": looked.whole,
        "columns": [finding.as_json() for finding in findings], "proposal": proposal,
    }  # fmt: skip
    if confirmed is not None:
        levels = _confirmed(confirmed, findings)
        told["confirmed"] = levels
        settled = [replace(finding, level=levels[finding.column]) for finding in findings]
        told["confirmed_whole"] = grading.proposal(settled, looked.rows)
    if write is not None:
        _write(write, table.name, findings, proposal)
    return told


@dataclass(frozen=True)
class Looked:
    """What a look at the first rows of a table found. rows: how many those were; whole: there are no others."""

    findings: list[Finding]
    rows: int
    whole: bool


def look_at(table: Path) -> Looked:
    """The findings of the file `table`; DID-455 where it cannot be read as one table with rows."""
    if not table.is_file():
        raise NO_TABLE(table=table.name, why="没有这个文件。", why_en="There is no such file.")
    sample = harmonise.first_rows_at(table, ROWS_LOOKED_AT)
    if isinstance(sample, harmonise.Unfit):
        raise NO_TABLE(table=table.name, why=sample.why.zh, why_en=sample.why.en)
    if not sample.rows_seen:
        raise NO_TABLE(table=table.name, why="其中没有行。", why_en="There are no rows in it.")
    return Looked(
        findings_of({column.path: column.values for column in sample.columns}), sample.rows_seen, sample.whole
    )


def findings_of(columns: Mapping[str, Sequence[str | None]]) -> list[Finding]:
    """One finding for each column {name: values}; nothing of a value is in it."""
    types = types_in_force()
    own = tuple((one.own, _words_of(one)) for one in types)
    words = (*harmonise.element_words(), *((one.own, (one.title.zh, one.title.en, *one.names)) for one in types))
    near = harmonise.names_near(tuple(columns), words)
    found = [
        deciding.found(
            name,
            [*(NameSaid(one.of, one.score, one.said, one.way) for one in said), *_ending(name, own)],
            look_of(cells),
            types,
        )
        for (name, cells), said in zip(columns.items(), near, strict=True)
    ]
    return deciding.in_context(found, types)


@functools.cache
def _words_of(one: PersonalType) -> tuple[str, ...]:
    """Every word of a type: its own and those of its elements."""
    known = dict(harmonise.element_words())
    return (one.title.zh, one.title.en, *one.names, *(word for name in one.elements for word in known.get(name, ())))


def _ending(column: str, words: harmonise.Words) -> list[NameSaid]:
    """What the end of a name says, where the head of a Chinese or English compound stands: 户主手机号, cust_age."""
    last = column.rpartition(".")[2].strip(" _").casefold()
    tail = re.split(r"[_\s-]", last)[-1]
    found = []
    for of, said in words:
        for word in said:
            plain = word.casefold()
            chinese = len(plain) > 1 and not plain.isascii()
            if plain != last and (last.endswith(plain) if chinese else plain == tail != last and len(plain) > 2):
                found.append(NameSaid(of, ENDING, word, "ending"))
    return found


def look_of(cells: Sequence[str | None]) -> ColumnLook:
    there = values.there(cells)
    counted = Counter(there)
    distinct = list(counted)
    return ColumnLook(
        len(cells), len(there), len(distinct), values.shares(counted), values.sequential(distinct),
        values.true_sexes(distinct), values.shape(distinct), len(distinct) == len(there) and values.series(distinct),
        values.within(cells),
    )  # fmt: skip


def _confirmed(file: Path, findings: Sequence[Finding]) -> dict[str, int]:
    value, lines, problems = harmonise.read_yaml(file)
    levels: dict[str, int] = {}
    if not problems:
        levels, problems = grading.settled(findings, value, lines, file.name)
    if problems:
        raise NOT_CONFIRMED(problems, file=file.name, count=len(problems))
    return levels


def _write(file: Path, table: str, findings: Sequence[Finding], proposal: Mapping[str, Any]) -> None:
    """The proposal as a text to confirm: one line per column, in the words of the rule file."""
    if file.exists() or not file.parent.is_dir():
        raise WOULD_OVERWRITE(out=file)
    lines = [
        f"# Proposed for {table}: {proposal['grade']}, level {proposal['level']}. Raise a level freely; to lower one",
        "# write {level: 2, reason: ..., by: who asks, approved_by: another person}.",
        "columns:",
    ]
    for finding in findings:
        name = "'" + finding.column.replace("'", "''") + "'"
        lines.append(f"  {name}: {{level: {finding.level}}}  # {finding.kind.value}: {finding.title.en}")
    with file.open("x", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")

"""The risk of a table that is to leave, before it leaves: of the file, and of all that its recipients hold already.

No verb: it works on files of whoever stands in front of them; the gate of a node is service.releases.
Contract: tests/deidentify/test_deidentify_table_risk.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datong.deidentify.model.joint import Form
from datong.deidentify.model.refusals import DIRECT_IDENTIFIER, RISK_TOO_HIGH, SMALL_CLASS
from datong.deidentify.model.risk_report import (
    BAD_QUESTION,
    LINKED_ROWS,
    NOT_IN_POPULATION,
    Class,
    Population,
    RiskReport,
    Together,
)
from datong.deidentify.rules import assessment
from datong.deidentify.rules import risk as risks
from datong.deidentify.rules.changes import for_table, left_out, set_apart
from datong.deidentify.rules.finding.deciding import names_somebody
from datong.deidentify.rules.linking import PERSON, classes_plan, together_plan
from datong.deidentify.rules.printing import class_words, table_facts
from datong.deidentify.rules.reporting import outside_population, reported
from datong.deidentify.rules.treatments.columns import persons_of, written
from datong.deidentify.rules.treatments.tokens import are_tokens
from datong.deidentify.service.classifying import ROWS_LOOKED_AT, findings_of
from datong.deidentify.service.printing import as_pdf
from datong.deidentify.service.treating import table_of
from datong.engine.service import DUCKDB
from datong.ground.canonical import digest_bytes
from datong.ground.refusal import Problem, Refusal, Text

__all__ = ["class_words", "pdf_of_table", "risk_of_table"]

MOST_SHOWN = 10


@dataclass(frozen=True)
class Coarsest:
    """Persons in each class that would be left if every quasi-identifier said nothing; `here`: of this release."""

    sizes: list[int]
    here: list[int]


def risk_of_table(
    table: Path,
    quasi_identifiers: Sequence[str],
    *,
    person: str = "",
    form: Form = Form.controlled,
    earlier: Sequence[Path] = (),
    population: Path | None = None,
    gate: bool = False,
    worst: int = 5,
) -> dict[str, Any]:
    """Risk figures of releasing `table`, whose columns `quasi_identifiers` somebody could know of a person.

    person: the column that says who a row is about, which stays at its owner ("" = every row is another person).
    earlier: what the same recipients hold already, each with `person` and any of the quasi-identifiers. population: a
    table of everybody who could be in `table`, one row a person, with the same columns. gate: refuse as the gate of a
    node would, DID-410 to DID-412, and DID-438 where another column puts the rows of one person together. Refuses:
    DID-455 (a file), DID-490 (columns), DID-491 (the population).
    """
    rows = table_of(table)
    before = [table_of(path) for path in earlier]
    everybody = None if population is None else table_of(population)
    columns = list(quasi_identifiers)
    problems = _problems(rows, columns, person, dict(zip(earlier, before, strict=True)), everybody)
    if problems:
        raise BAD_QUESTION(problems, table=table.name, count=len(problems))
    known = [[c for c in columns if c in one.column_names] for one in before]
    classes, coarsest = _classes(rows, columns, person, before, known, everybody)
    if everybody is not None and (strange := outside_population(classes)):
        raise NOT_IN_POPULATION(strange[:MOST_SHOWN], table=table.name, count=len(strange))
    among = Population.unknown if everybody is None else Population.given
    others = [name for name in rows.column_names if name not in columns and name != person]
    direct = _direct(rows, others)
    alone = _alone(classes)
    found = reported(
        classes, form, population=among, worst=worst, direct_identifiers=bool(direct), alone=list(alone.values())
    )
    together, linked = _together(rows, columns, person, others, form)
    passes = risks.passes(found.standard) and not linked
    lowest = max(assessment.rules_in_force()["rest"].values())
    change = None
    if not risks.harmless(found.standard):
        change = for_table(classes, alone, coarsest.sizes, sum(coarsest.here), found.standard, lowest)
    if gate and direct:
        raise DIRECT_IDENTIFIER(dataset=table.name, columns=", ".join(direct))
    if gate and change is not None:
        raise _refused(table.name, classes, found, change)
    if gate and linked and together is not None:
        raise LINKED_ROWS(dataset=table.name, **{**together.as_json(), "columns": ", ".join(together.columns)})
    if linked and together is not None:
        change = set_apart(together.columns, change)
    if direct:
        change = left_out(direct, change)
    return {
        "table": table.name, "digest": digest_bytes(table.read_bytes()),
        "quasi_identifiers": columns, "person": person, "releases": 1 + len(before),
        "earlier": [_in_common(rows, person, path.name, one) for path, one in zip(earlier, before, strict=True)],
        "not_measured": others, "direct_identifiers": direct,
        "persons": sum(coarsest.here),
        "together": None if together is None else together.as_json(),
        **found.as_json(columns), **({"level": 2} if linked and not direct else {}),
        "limit": risks.LIMIT, "passes": passes,
        "change": None if change is None else {"zh": change.zh, "en": change.en},
    }  # fmt: skip


def pdf_of_table(told: Mapping[str, Any]) -> bytes:
    """What `risk_of_table` told, as a PDF to sign; needs the extra privacy."""
    return as_pdf(told, table_facts(told))


def _problems(
    rows: pa.Table, columns: list[str], person: str, before: dict[Path, pa.Table], everybody: pa.Table | None
) -> list[Problem]:
    """Everything that is wrong with what was asked."""
    problems = [] if columns else [Problem("quasi-identifiers", "未给出", "none is given")]
    for name in sorted({c for c in columns if columns.count(c) > 1}):
        problems.append(Problem(name, "重复", "is given twice"))
    if person in columns:
        problems.append(Problem(person, "既是个体列又是准标识符", "is both the person, and no quasi-identifier"))
    if rows.num_rows == 0:
        problems.append(Problem("rows", "表中没有行", "the table has no rows"))
    else:
        problems += _of_table(rows, dict.fromkeys([*columns, *([person] if person else [])]))
        problems += _nobody(person, rows, person)
    for path, one in before.items():
        if not person or person not in one.column_names:
            en = "an earlier release is linked by --person, a column of both"
            problems.append(Problem(path.name, "先前放行的表须以 --person 所指的列关联", en))
        elif not set(columns) & set(one.column_names):
            problems.append(Problem(path.name, "没有任何准标识符", "has none of the quasi-identifiers"))
        problems += _nobody(f"{path.name}: {person}", one, person)
    if everybody is not None:
        if before:
            problems.append(Problem("population", "不能与先前放行并用", "cannot be combined with earlier releases"))
        problems += [
            Problem(f"population.{name}", "总体中没有这一列", "is no column of the population")
            for name in dict.fromkeys(columns) if name not in everybody.column_names
        ]  # fmt: skip
    return problems


def _of_table(rows: pa.Table, wanted: Iterable[str]) -> list[Problem]:
    problems = []
    for name in wanted:
        if name not in rows.column_names:
            problems.append(_missing(name, rows.column_names))
        elif not _is_plain(rows[name].type):
            problems.append(Problem(name, "是列表、结构或字节", "holds lists, structures or bytes, no plain values"))
    return problems


def _missing(name: str, known: Sequence[str]) -> Problem:
    """A column that is not there, and the one that was meant: only a name like it, for a first line may be data."""
    folded = {"".join(one.casefold().split()).replace("_", ""): one for one in known}
    wanted = "".join(name.casefold().split()).replace("_", "")
    near = get_close_matches(wanted, folded, n=1, cutoff=0.6) or [one for one in folded if wanted and wanted in one][:1]
    if not near:
        return Problem(
            name, f"表中没有这一列（共 {len(known)} 列）", f"is no column of the table, which has {len(known)}"
        )
    meant = folded[near[0]]
    quoted, quoted_en = (
        ("；含逗号的列名须加双引号", "; a name with a comma is written in double quotes") if "," in meant else ("", "")
    )
    return Problem(name, f"表中没有这一列；是否指「{meant}」{quoted}",
                   f"is no column of the table; did you mean {meant!r}{quoted_en}?")  # fmt: skip


def _nobody(where: str, rows: pa.Table, person: str) -> list[Problem]:
    missing = rows[person].null_count if person in rows.column_names else 0
    if not missing:
        return []
    return [Problem(
        where, f"有 {missing} 行缺少，不知关于何人；请补全，或略去这些行",
        f"is empty in {missing} rows, so nobody knows who they are about: fill it in, or leave these rows out",
    )]  # fmt: skip


def _direct(rows: pa.Table, others: Sequence[str]) -> list[str]:
    """Which of the columns that nothing measures name persons by what stands in them."""
    first = rows.slice(0, ROWS_LOOKED_AT)
    plain = {name: written(first[name]).to_pylist() for name in others if _is_plain(first[name].type)}
    told = {name: values for name, values in plain.items() if not are_tokens(values)}
    return [finding.column for finding in findings_of(told) if names_somebody(finding)]


def _together(
    rows: pa.Table, columns: list[str], person: str, others: Sequence[str], form: Form
) -> tuple[Together | None, bool]:
    """What is seen of persons with the rows of each put together, None where each has one; and whether a column that
    leaves does put them together and too few are alike then. Such a column, a token above all, has values of one person
    each, some on several rows; one whose values are many and fall together by chance has those of several persons."""
    given = _given(rows, columns, person)
    if pc.count_distinct(given[PERSON]).as_py() == given.num_rows:
        return None, False
    found = DUCKDB.run(together_plan(columns), {"released": given}, want=["together"])["together"]
    sizes = [int(size) for size in found["persons"].to_pylist()]
    by = []
    for name in others:
        if not _is_plain(rows[name].type):
            continue
        of_value = pa.table({"value": written(rows[name]), "who": given[PERSON]}).drop_null().group_by("value")
        counted = of_value.aggregate([("who", "count_distinct"), ("who", "count")])
        whose, many = counted["who_count_distinct"].to_pylist(), counted["who_count"].to_pylist()
        if max(whose, default=0) == 1 and max(many) > 1:
            by.append(name)
    figures = risks.risk((("", size) for size in sizes), form, 1.0)
    return Together(tuple(by), min(sizes), sizes.count(1)), bool(by) and not risks.harmless(figures)


def _in_common(rows: pa.Table, person: str, name: str, earlier: pa.Table) -> dict[str, Any]:
    """How many of an earlier release's persons are in this one too: where ids were made under another key, nobody is,
    and what both tell together was not measured."""
    here, there = (set(persons_of(written(one[person])).to_pylist()) for one in (rows, earlier))
    return {"table": name, "persons": len(there), "here": len(here & there)}


def _is_plain(kind: pa.DataType) -> bool:
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return not (pa.types.is_nested(kind) or binary)


def _classes(
    rows: pa.Table,
    columns: list[str],
    person: str,
    before: Sequence[pa.Table],
    known: Sequence[list[str]],
    everybody: pa.Table | None,
) -> tuple[list[Class], Coarsest]:
    inputs = {"released": _given(rows, columns, person)}
    inputs |= {f"earlier_{n}": _given(one, known[n], person) for n, one in enumerate(before)}
    if everybody is not None:
        inputs["population"] = _given(everybody, columns, "")
    plan = classes_plan(columns, known, population=everybody is not None)
    found = DUCKDB.run(plan, inputs, want=["classes", "coarsest"])
    seen = [f"seen_{n}" for n in range(len(before))]
    classes = [
        Class(
            None if row["tuple"] is None else tuple(json.loads(row["tuple"])),
            tuple(row[name] for name in seen), row["persons"], row["rows"], row["population"],
        )
        for row in found["classes"].to_pylist()
    ]  # fmt: skip
    left = [(row["here"], row["persons"]) for row in found["coarsest"].to_pylist()]
    return classes, Coarsest([n for _, n in left], [n for here, n in left if here])


def _alone(classes: Sequence[Class]) -> dict[tuple[str | None, ...], int]:
    """The classes of this release by itself, values -> persons: of all that is held, each of its persons in a class is
    in one of those with its values."""
    sizes: dict[tuple[str | None, ...], int] = {}
    for one in classes:
        if one.values is not None:
            sizes[one.values] = sizes.get(one.values, 0) + one.persons
    return sizes


def _given(rows: pa.Table, columns: Sequence[str], person: str) -> pa.Table:
    """The columns as text, with who each row is about: a number of its own where no column says it."""
    texts = {name: written(rows[name]) for name in columns}
    who = persons_of(written(rows[person])) if person else pa.array(range(rows.num_rows), pa.int64())
    return pa.table({PERSON: who, **texts})


def _refused(table: str, classes: Sequence[Class], found: RiskReport, change: Text) -> Refusal:
    figures = found.standard
    smallest = found.worst or reported(classes, figures.form).worst
    worst = [Problem(one.name, f"个体 {one.persons}", f"{one.persons} persons") for one in smallest]
    if figures.f_min < figures.floor:
        small = sum(one.persons < figures.floor for one in classes)
        return SMALL_CLASS(
            worst, dataset=table, floor=figures.floor, count=small, change=change.zh, change_en=change.en
        )
    cr_why, cr_why_en = ("完全公开", "fully public") if figures.form is Form.public else (
        "文件没有评估记录", "no assessment record stands behind a file")  # fmt: skip
    return RISK_TOO_HIGH(
        worst, dataset=table, risk=f"{figures.overall_risk:.4f}", limit=risks.LIMIT,
        dr=f"{risks.dr_of(figures):.4f}", cr=f"{figures.cr:.2f}", cr_why=cr_why, cr_why_en=cr_why_en,
        change=change.zh, change_en=change.en,
    )  # fmt: skip

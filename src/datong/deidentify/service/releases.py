"""The release gate: measured risk of a table of joint counts for one recipient group, on the union with all before.

Every table that leaves towards a recipient group passes here, and what left is remembered: the gate looks at
what the group would hold in all. Must never know: who buys, what a contract says beyond the delivery form.
Contract: tests/deidentify/test_deidentify_gate.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from heapq import nsmallest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datong.deidentify import store
from datong.deidentify.model.joint import Form, Part, Recipe, Risk
from datong.deidentify.model.joint_refusals import DOMINATED, FORCED, OTHERS_HOLD
from datong.deidentify.model.refusals import (
    DIFFERENCE,
    DIRECT_IDENTIFIER,
    NOT_THE_GROUPS,
    OTHER_FORM,
    RISK_TOO_HIGH,
    SMALL_CLASS,
    UNKNOWN,
)
from datong.deidentify.model.risk_report import Class, Population, RiskReport
from datong.deidentify.rules import assessment, changes, counting, rests
from datong.deidentify.rules import release as rules
from datong.deidentify.rules import risk as risks
from datong.deidentify.rules.budget.tables import FORM as NOISY
from datong.deidentify.rules.nodes import is_rest, node_of
from datong.deidentify.rules.recipe import (
    RESERVED,
    RESERVED_OF_PATTERNS,
    figure_columns,
    geometry,
    periods_meet,
    recipe_of,
    type_columns,
)
from datong.deidentify.rules.reporting import reported
from datong.deidentify.service import leaving, noisy_gate, reports
from datong.deidentify.service.assessments import assessment_for
from datong.deidentify.service.partitions import agreed_groups, node_table, partition_part, recipe_from, rests_in
from datong.engine.model import Engine
from datong.engine.service import engine_of
from datong.ground import evidence
from datong.ground.canonical import digest, digest_bytes
from datong.ground.db import Tx, Window, new_id
from datong.ground.refusal import Problem
from datong.harmonise import service as harmonise
from datong.terms.verbs import view


@dataclass(frozen=True)
class Candidate:
    """A table about to leave: its rows and what it was counted by."""

    dataset: str
    recipe_value: Mapping[str, Any]
    recipe: Recipe
    parts: tuple[Part, ...]
    rows: list[dict[str, Any]]
    columns: list[str]
    groups: list[str]
    file_digest: str

    @property
    def geometry(self) -> str:
        """Digest of what decides which events a group id stands for and how they are counted."""
        return geometry(self.recipe_value, {part.resource for part in self.parts})


def gate(
    tx: Tx,
    *,
    dataset: str,
    recipient_group: str,
    form: str,
    path: Path,
    providers: Sequence[str],
    part: str = "",
    data: Path | None = None,
    recipe: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The risk figures of the table at `path` if it may leave; a DID-41x refusal otherwise. Remembers nothing.

    part: the partition part it was counted for (a provider's supply, with `data` to test differences), or
    recipe: the recipe of a composed product. Without a valid assessment record CR = 1.
    """
    candidate = _candidate(tx, dataset, path, part, recipe)
    passed = _gated(tx, candidate, recipient_group, data, form=form, providers=providers)
    return {**passed.report.standard.as_json(), "assessment": passed.assessment}


def release(
    tx: Tx,
    *,
    dataset: str,
    recipient_group: str,
    agreement: str,
    form: str,
    path: Path,
    providers: Sequence[str],
    part: str = "",
    data: Path | None = None,
    recipe: Mapping[str, Any] | None = None,
    reason: str = "",
    asked: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """Pass the gate and remember the release; the same file to the same group again re-checks and adds nothing.

    reason: why it may leave although others hold other groups of the same people (DID-458 without one). asked: who
    asked for it before, {person, let_in_by} each: none of them signs its report.
    Returns {id, dataset, recipient_group, form, groups_digest, file_digest, risk, assessment, at}.
    """
    candidate = _candidate(tx, dataset, path, part, recipe)
    passed = _gated(tx, candidate, recipient_group, data, form=form, providers=providers)
    used, risk = passed.assessment, passed.report.standard
    for earlier in store.releases_of_file(tx, recipient_group, candidate.file_digest):
        same = (dataset, candidate.file_digest, form, used, risk.as_json(), agreement, sorted(providers))
        names = ("dataset", "file_digest", "form", "assessment", "risk", "agreement", "providers")
        if tuple(earlier[name] for name in names) == same:
            reports.keep(tx, earlier, passed.report, [one for one in passed.earlier if one != earlier["id"]])
            return _told(earlier)
    beside = _require_nobody_between(tx, candidate, recipient_group, data, reason)
    row: dict[str, Any] = {
        "id": new_id("release"), "dataset": dataset, "sources": sorted(p.resource for p in candidate.parts),
        "recipient_group": recipient_group, "agreement": agreement, "form": form,
        "since": candidate.recipe.since.isoformat(), "until": candidate.recipe.until.isoformat(),
        "recipe": dict(candidate.recipe_value), "geometry": candidate.geometry,
        "groups_digest": digest(candidate.groups), "figures": rules.figures_of(candidate.rows, candidate.parts),
        "file_digest": candidate.file_digest, "providers": sorted(providers), "risk": risk.as_json(),
        "assessment": used, "at": tx.now,
    }  # fmt: skip
    tx.add(store.releases, row)
    evidence.append(tx, "deidentify.released", store.releases, row["id"], dataset=dataset, form=form,
                    recipient_group=recipient_group, classes=risk.classes, overall_risk=risk.overall_risk,
                    level=risk.level, groups_digest=row["groups_digest"], file_digest=row["file_digest"],
                    **({"beside": beside, "reason": reason} if beside else {}))  # fmt: skip
    reports.keep(tx, row, passed.report, passed.earlier, beside, reason, asked)
    return _told(row)


def require_still_low(tx: Tx, release: str) -> None:
    """DID-411 or DID-412 when what was released would not pass today: its figures, the record that counts now. DID-410
    or DID-467 when people have said since that it shows direct identifiers, or that a source is core data. Of a noisy
    answer, DID-479 or DID-484 when its debit does not stand in the ledger any more, DID-467, DID-468 or DID-495 when
    the classification of its data forbids it by now."""
    row = store.release_facts(tx, release)
    if row is None:
        raise UNKNOWN(thing="release", id=release[:80])
    if row["form"] == NOISY:
        noisy_gate.require_still(tx, row)
        return
    leaving.require_still_classified(tx, row)
    figures, record = reports.today(tx, row)
    if not risks.passes(figures):
        whole = tx.get(store.releases, release)
        assert whole is not None
        plan = recipe_of(whole["recipe"])
        parts = [part for part in plan.parts if part.resource in whole["sources"]]
        own = rules.remembered_classes(whole["figures"], parts, plan.k)
        _require_low(row["dataset"], own, figures, own, record)


@view()
def releases(tx: Tx, *, id: str = "", limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """What this node released to whom, oldest first, with the risk figures.

    id: one alone. limit, offset: how many, after how many.
    """
    return [_told(row) for row in store.all_releases(tx, Window(id, limit, offset))]


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "dataset", "recipient_group", "agreement", "form", "groups_digest", "file_digest", "risk",
             "assessment", "at")  # fmt: skip
    return {name: row[name] for name in names}


@dataclass(frozen=True)
class Passed:
    """What went through the gate: its report, the earlier releases it was measured with, the record behind its CR."""

    report: RiskReport
    earlier: list[str]
    assessment: str


def _gated(
    tx: Tx, candidate: Candidate, recipient_group: str, data: Path | None, *, form: str, providers: Sequence[str]
) -> Passed:
    delivered = candidate.recipe.form
    if form != delivered.value:
        raise OTHER_FORM(dataset=candidate.dataset, form=form, recipe_form=candidate.recipe.form.value)
    grade = leaving.require_sources_classified(tx, candidate.dataset, candidate.parts, candidate.columns, data)
    _require_nothing_forced(tx, candidate, data)
    _require_nobody_dominates(tx, candidate, data)
    own = rules.classes_of(candidate.rows, candidate.parts, candidate.recipe.k)
    classes, earlier = _union(tx, candidate, own, recipient_group, data)
    record = None
    if delivered is not Form.public:
        record = assessment_for(tx, recipient_group=recipient_group, subject=candidate.dataset, providers=providers)
    leaving.require_assessed(candidate.dataset, grade, record)
    report = reported(classes, delivered, cr=record["cr"] if record else 1.0, k=candidate.recipe.k,
                      population=Population.census, alone=[one.persons for one in own])  # fmt: skip
    _require_low(candidate.dataset, classes, report.standard, own, record)
    return Passed(report, earlier, record["id"] if record else "")


def _candidate(tx: Tx, dataset: str, path: Path, part: str, recipe: Mapping[str, Any] | None) -> Candidate:
    table = pq.ParquetFile(path).read()
    if part:
        row = partition_part(tx, part=part)
        value, groups = row["recipe"], agreed_groups(tx, row)
        plan = recipe_of(value)
        parts: tuple[Part, ...] = (plan.part_of(row["resource"]),)
    else:
        assert recipe is not None, "a release is of a partition part or of a recipe"
        plan, value = recipe_from(recipe), recipe
        parts, groups = plan.parts, []
    return _checked(
        Candidate(dataset, value, plan, parts, [], table.column_names, groups, digest_bytes(path.read_bytes())), table
    )


def _checked(candidate: Candidate, table: pa.Table) -> Candidate:
    """The candidate with its rows, when columns, groups and suppression are as they must be."""
    places = RESERVED | RESERVED_OF_PATTERNS if candidate.recipe.patterned else RESERVED
    strange = rules.undeclared_columns(candidate.columns, candidate.parts, places)
    if strange:
        raise DIRECT_IDENTIFIER(dataset=candidate.dataset, columns=", ".join(strange))
    missing = {"group_id", "suppressed_types"} - set(candidate.columns)
    problems = [Problem(name, "缺少该列", "the column is missing") for name in sorted(missing)]
    rows = [] if problems else table.to_pylist()
    groups = candidate.groups or sorted({str(row["group_id"]) for row in rows})
    told: set[str] = set()
    for group in groups:
        try:
            if is_rest(candidate.recipe, node_of(candidate.recipe, group)):
                told.add(group)
        except ValueError as wrong:
            problems.append(Problem(group[:80], "不是该配方的分组", f"is no group of the recipe: {wrong}"))
    problems += rules.table_problems(rows, candidate.parts, groups, candidate.recipe.k, told)
    if not rows:
        problems.append(Problem("rows", "没有任何分组", "there are no groups"))
    if problems:
        raise NOT_THE_GROUPS(problems[: rules.MOST_SHOWN], dataset=candidate.dataset, count=len(problems))
    return Candidate(**{**candidate.__dict__, "rows": rows, "groups": groups})


def _require_nothing_forced(tx: Tx, candidate: Candidate, data: Path | None) -> None:
    """DID-436 when the rests of a table force, with its groups, figures of fewer than k persons.

    At its owner, who has the events; a composed product tells no more than the tables it is joined of.
    """
    if data is None or not candidate.recipe.marginals:
        return
    engine = engine_of(tx.store)
    wrong = tx.beforehand(
        ("forced", str(data), digest(candidate.recipe_value), candidate.parts[0].resource, tuple(candidate.groups)),
        lambda: _forced(candidate, data, engine),
    )
    if wrong:
        problems = [Problem(node, "与分组合看会露出少数个体", "tells, with the groups, of too few") for node in wrong]
        raise FORCED(problems[: rules.MOST_SHOWN], dataset=candidate.dataset, k=candidate.recipe.k, count=len(wrong))


def _forced(candidate: Candidate, data: Path, engine: Engine) -> list[str]:
    """Nodes of the marginals that tell too much together with the groups."""
    recipe, part = candidate.recipe, candidate.parts[0]
    number = len(recipe.levels)
    told = [group for group in candidate.groups if int(group.partition(":")[0]) >= number]
    groups = sorted(set(candidate.groups) - set(told))
    measures = [m.name for m in part.measures]
    wrong = []
    for marginal in range(len(recipe.marginals)):
        rows = rests_in(data, recipe, part, marginal, groups, engine)
        wrong += rests.forced(recipe, marginal, groups, told, rows, measures)
    return wrong


def _require_nobody_dominates(tx: Tx, candidate: Candidate, data: Path | None) -> None:
    """DID-457 when a number of events that the table tells is nearly all one contributor's, by the p% rule of its
    recipe. At its owner, who has the events; a composed product tells no more than the tables it is joined of."""
    if data is None or not candidate.recipe.p:
        return
    engine, plan = engine_of(tx.store), counting.dominance_plan(candidate.recipe, candidate.parts[0])
    inputs = {"harmonised": data, "released": node_table(candidate.groups)}
    wrong = tx.beforehand(
        ("dominated", str(data), digest(candidate.recipe_value), candidate.parts[0].resource, tuple(candidate.groups)),
        lambda: engine.run(plan, inputs, want=["dominated"])["dominated"],
    )["node"].to_pylist()
    if wrong:
        problems = [Problem(node, "几乎全属一个贡献者", "nearly all of it is one contributor's") for node in wrong]
        raise DOMINATED(problems[: rules.MOST_SHOWN], dataset=candidate.dataset, p=candidate.recipe.p, count=len(wrong))


def _union(
    tx: Tx, candidate: Candidate, own: list[Class], recipient_group: str, data: Path | None
) -> tuple[list[Class], list[str]]:
    """The classes the recipient group would hold in all, and the earlier releases that speak of the same events;
    DID-413 when a difference singles somebody out. `own`: those of this release alone."""
    problems: list[Problem] = []
    met, different = [], []
    for earlier in store.releases_to(tx, recipient_group):
        if not _overlaps(candidate, earlier):
            continue
        met.append(earlier["id"])
        before = store.figures(tx, earlier["id"])
        if earlier["geometry"] == candidate.geometry and sorted(before) == candidate.groups:
            figures = rules.figures_of(candidate.rows, candidate.parts)
            problems += rules.changed_figures(before, figures, candidate.parts, candidate.recipe.k, candidate.recipe.p)
        else:
            different.append({**earlier, "figures": before})
    classes = own
    with_rests = [e for e in different if candidate.recipe.marginals or recipe_of(e["recipe"]).marginals]
    if with_rests:
        zh = "先前放行的分组不同而重叠，其一含边际；三张表相减无法计算"
        en = (
            "an earlier release has other, overlapping groups, and one of both has marginals: "
            "what three tables tell together cannot be computed"
        )
        problems += [Problem(earlier["id"], zh, en) for earlier in with_rests]
    elif different and data is None:
        problems.append(
            Problem(
                different[0]["id"],
                "先前放行的分组不同而重叠，无原始数据可检验其差异",
                "an earlier release has other, overlapping groups, and there are no events here to test the difference",
            )
        )
    elif different and data is not None:
        engine, others = engine_of(tx.store), [earlier["id"] for earlier in different]
        found, classes = tx.beforehand(
            ("refined", str(data), candidate.file_digest, digest(candidate.recipe_value), *others),
            lambda: _refined(candidate, different, data, engine),
        )
        problems += found
    if problems:
        raise DIFFERENCE(
            problems[: rules.MOST_SHOWN], dataset=candidate.dataset, k=candidate.recipe.k, count=len(problems)
        )
    return classes, met


OTHERS_MAX = 8
"""So many partitions of others are laid over one's own at a time; beyond, what they tell together is not computed."""


def _require_nobody_between(
    tx: Tx, candidate: Candidate, recipient_group: str, data: Path | None, reason: str
) -> list[str]:
    """The releases to other recipients that, put together with this one, single somebody out; DID-458 without a reason.

    The gate is of what one recipient holds; that two do not put theirs together is for contracts. What both would see
    the owner can compute, who has the events, and a person decides by it before the second one leaves.
    """
    if data is None:
        return []
    resource = candidate.parts[0].resource
    same = {resource, *harmonise.of_one_source(tx, resource)}
    problems: list[Problem] = []
    different: dict[tuple[str, str], dict[str, Any]] = {}
    told: list[str] = []
    plan, day = candidate.recipe, timedelta(days=1)  # dates of two zones may be a day apart and meet
    since, until = (plan.since - day).isoformat(), (plan.until + day).isoformat()
    for one in store.releases_beside(tx, recipient_group, since, until):
        met = one["form"] != NOISY and bool(same & set(one["sources"]))
        if not (met and periods_meet(one["recipe"], candidate.recipe_value)):
            continue
        whole = tx.get(store.releases, one["id"])
        assert whole is not None
        if one["geometry"] == candidate.geometry and sorted(whole["figures"]) == candidate.groups:
            figures = rules.figures_of(candidate.rows, candidate.parts)
            found = rules.changed_figures(
                whole["figures"], figures, candidate.parts, candidate.recipe.k, candidate.recipe.p
            )
            problems += found
            told += [one["id"]] if found else []
        else:
            different.setdefault((one["geometry"], one["groups_digest"]), whole)
    if different:
        found = _between(tx, candidate, list(different.values()), data)
        problems += found
        told += [one["id"] for one in different.values()] if found else []
    if problems and not reason.strip():
        raise OTHERS_HOLD(problems[: rules.MOST_SHOWN], dataset=candidate.dataset, k=candidate.recipe.k,
                          count=len(problems), releases=", ".join(told[: rules.MOST_SHOWN]))  # fmt: skip
    return told


def _between(tx: Tx, candidate: Candidate, others: Sequence[Mapping[str, Any]], data: Path) -> list[Problem]:
    """Where this release and those of others, on other groups, together single somebody out, or cannot be computed."""
    resource = candidate.parts[0].resource
    strange = [one for one in others if resource not in one["sources"] or recipe_of(one["recipe"]).marginals]
    if candidate.recipe.marginals or strange or len(others) > OTHERS_MAX:
        zh, en = "与之合看会露出什么无法计算", "what both tell together cannot be computed"
        return [Problem(one["id"], zh, en) for one in strange or others]
    engine, before = engine_of(tx.store), [one["id"] for one in others]
    found, _ = tx.beforehand(
        ("refined", str(data), candidate.file_digest, digest(candidate.recipe_value), *before),
        lambda: _refined(candidate, others, data, engine),
    )
    return found


SUPPLY_BYTES_MAX = 1024**3
"""Of a provider's table, all columns together, unpacked but for the texts that occur again and again."""
ID_MAX = 2000
"""Signs of a group's id or its marks: fewer than a hundred, and the names of the hidden classes."""


def read_supply(
    path: Path, recipe: Mapping[str, Any], resource: str, groups: Sequence[str]
) -> tuple[pa.Table | None, list[Problem]]:
    """A provider's table in the Parquet file `path`, for the one who receives it, and what of it does not fit the
    recipe and the agreed groups. None where it cannot be one, which is seen before its rows are: a few bytes of such a
    file may stand for thousands of millions of rows, and each of those for a text as long as the file."""
    plan = recipe_from(recipe)
    part = plan.part_of(resource)
    read = pq.ParquetFile(path, read_dictionary=sorted(TEXTS))
    told, schema = read.metadata, read.schema_arrow
    problems = _form_problems(schema, part)
    if told.num_rows > len(groups):
        zh, en = (
            f"有 {told.num_rows} 行，商定的分组为 {len(groups)} 个",
            f"has {told.num_rows} rows; agreed were {len(groups)} groups",
        )
        problems.append(Problem("rows", zh, en))
    if sum(told.row_group(n).total_byte_size for n in range(told.num_row_groups)) > SUPPLY_BYTES_MAX:
        problems.append(
            Problem("rows", f"展开后超过 {SUPPLY_BYTES_MAX} 字节", f"is larger than {SUPPLY_BYTES_MAX} bytes")
        )
    if problems:
        return None, problems
    table = read.read()
    long = [name for name in sorted(TEXTS) if _longest(table[name]) > ID_MAX]
    if long:
        return None, [Problem(name, f"文本超过 {ID_MAX} 字", f"has texts of more than {ID_MAX} signs") for name in long]
    return table, supply_problems(table, recipe, resource, groups)


TEXTS = frozenset({"group_id", "suppressed_types"})


def _form_problems(schema: pa.Schema, part: Part) -> list[Problem]:
    """Columns that a provider's table has and should not, lacks, has twice or in another type."""
    strange = rules.undeclared_columns(schema.names, [part], [])
    problems = [Problem(column, "未声明的列", "is no column of the recipe") for column in strange]
    for column in sorted({*TEXTS, *figure_columns(part)}):
        kinds = [schema.field(n).type for n in schema.get_all_field_indices(column)]
        if not kinds:
            problems.append(Problem(column, "缺少该列", "the column is missing"))
        elif len(kinds) > 1:
            problems.append(Problem(column, "该列出现多次", "the column occurs more than once"))
        elif not _is_of_kind(kinds[0], text=column in TEXTS):
            en = f"is of type {kinds[0]}; it should be {'a text' if column in TEXTS else 'int64'}"
            zh = f"类型为 {kinds[0]}，应为{'文本' if column in TEXTS else ' int64'}"
            problems.append(Problem(column, zh[:200], en[:200]))
    return problems


def _is_of_kind(kind: pa.DataType, *, text: bool) -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain) if text else kind == pa.int64())


def _longest(texts: pa.ChunkedArray) -> int:
    """Bytes of the longest text of a column, which is looked at once however often it occurs."""
    kept = [chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk for chunk in texts.chunks]
    return max((pc.max(pc.binary_length(chunk)).as_py() or 0 for chunk in kept), default=0)


def supply_problems(table: pa.Table, recipe: Mapping[str, Any], resource: str, groups: Sequence[str]) -> list[Problem]:
    """What of a provider's table does not fit the recipe and the agreed groups; for the one who receives it."""
    plan = recipe_from(recipe)
    part = plan.part_of(resource)
    if problems := _form_problems(table.schema, part):
        return problems
    rows = table.to_pylist()
    told = {group for group in groups if is_rest(plan, node_of(plan, group))}
    return rules.table_problems(rows, [part], groups, plan.k, told) + rules.small_figures(rows, [part], plan.k)


def _overlaps(candidate: Candidate, earlier: Mapping[str, Any]) -> bool:
    """Whether an earlier release may speak of the same events: a common source, and periods that meet."""
    if not {part.resource for part in candidate.parts} & set(earlier["sources"]):
        return False
    return periods_meet(earlier["recipe"], candidate.recipe_value)


def _refined(
    candidate: Candidate, different: Sequence[Mapping[str, Any]], data: Path, engine: Engine
) -> tuple[list[Problem], list[Class]]:
    """The common refinement of this and the different releases over the events: unsafe atoms, and its classes."""
    resource = candidate.parts[0].resource
    counted = [(candidate.recipe, candidate.parts[0])]
    groups, shown = [candidate.groups], [_shown(candidate.rows, candidate.parts[0])]
    for earlier in different:
        recipe = recipe_of(earlier["recipe"])
        part = recipe.part_of(resource)
        counted.append((recipe, part))
        groups.append(sorted(earlier["figures"]))
        shown.append(_shown_of_figures(earlier["figures"], part))
    if any(part.types != counted[0][1].types for _, part in counted):
        return [Problem("types", "先前放行的类别划分不同", "an earlier release divides the types otherwise")], []
    inputs = {f"released_{n}": node_table(nodes) for n, nodes in enumerate(groups)}
    found = engine.run(counting.atoms_plan(counted), {"harmonised": data, **inputs}, want=["atoms", "class_atoms"])
    atoms, by_class = found["atoms"].to_pylist(), found["class_atoms"].to_pylist()
    unsafe = rules.small_atoms(atoms, by_class, shown, candidate.recipe.k)
    return unsafe, rules.union_classes(atoms, by_class, shown)


def _shown(rows: Sequence[Mapping[str, Any]], part: Part) -> dict[str, set[str]]:
    """group -> the classes whose figure is shown."""
    classes = type_columns(part)
    return {
        str(row["group_id"]): {name for name, column in classes.items() if row.get(column) is not None} for row in rows
    }


def _shown_of_figures(figures: Mapping[str, Sequence[int | None]], part: Part) -> dict[str, set[str]]:
    classes = type_columns(part)
    return {
        group: {
            name
            for name, value in zip(classes, list(values)[len(values) - len(classes) :], strict=True)
            if value is not None
        }
        for group, values in figures.items()
    }


def _require_low(
    dataset: str, classes: Sequence[Class], figures: Risk, own: Sequence[Class], record: Mapping[str, Any] | None
) -> None:
    """Refuse (DID-411, then DID-412) naming the worst classes and the cheapest change that passes.

    classes, figures: of all that the recipient group would hold; own: the classes of this release alone.
    """
    if risks.passes(figures):
        return
    alone = risks.risk(((one.name, one.persons) for one in own), figures.form, figures.cr, k=figures.k)
    lowest = max(assessment.rules_in_force()["rest"].values())
    change = changes.for_counts(figures, alone, record=record is not None, lowest_cr=lowest)
    smallest = nsmallest(risks.WORST_SHOWN, classes, key=lambda one: (one.persons, one.name))
    if figures.f_min < figures.floor:
        # How few they are is what must not leave, and this may be told to the other node.
        worst = [Problem(one.name, f"小于 {figures.floor}", f"below {figures.floor}")
                 for one in smallest if one.persons < figures.floor]  # fmt: skip
        small = sum(one.persons < figures.floor for one in classes)
        raise SMALL_CLASS(worst, dataset=dataset, floor=figures.floor, count=small, change=change.zh,
                          change_en=change.en)  # fmt: skip
    worst = [Problem(one.name, f"最小人数 {one.persons}", f"f = {one.persons}") for one in smallest]
    cr_why, cr_why_en = ("无有效评估记录", "no valid assessment record")
    if figures.form is Form.public:
        cr_why, cr_why_en = ("完全公开", "fully public")
    elif record is not None:
        worse = ", ".join(assessment.worse_than_good(record["answers"]))
        cr_why, cr_why_en = (f"未达良好：{worse or '无'}", f"not good: {worse or 'none'}")
    raise RISK_TOO_HIGH(
        worst, dataset=dataset, risk=f"{figures.overall_risk:.4f}", limit=risks.LIMIT,
        dr=f"{risks.dr_of(figures):.4f}", cr=f"{figures.cr:.2f}", cr_why=cr_why, cr_why_en=cr_why_en,
        change=change.zh, change_en=change.en,
    )  # fmt: skip

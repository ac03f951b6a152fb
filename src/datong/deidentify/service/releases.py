"""The release gate: measured risk of a table of joint counts for one recipient group, on the union with all before.

Every table that leaves towards a recipient group passes here, and what left is remembered: the gate looks at
what the group would hold in all. Must never know: who buys, what a contract says beyond the delivery form.
Contract: tests/deidentify/test_deidentify_gate.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datong.deidentify import store
from datong.deidentify.model.joint import Form, Part, Recipe, Risk
from datong.deidentify.model.refusals import (
    DIFFERENCE,
    DIRECT_IDENTIFIER,
    NOT_THE_GROUPS,
    OTHER_FORM,
    RISK_TOO_HIGH,
    SMALL_CLASS,
    UNKNOWN,
)
from datong.deidentify.rules import assessment, counting
from datong.deidentify.rules import release as rules
from datong.deidentify.rules import risk as risks
from datong.deidentify.rules.nodes import node_of
from datong.deidentify.rules.recipe import RESERVED, figure_columns, geometry, periods_meet, recipe_of, type_columns
from datong.deidentify.service import leaving
from datong.deidentify.service.assessments import assessment_for
from datong.deidentify.service.partitions import agreed_groups, node_table, partition_part, recipe_from
from datong.engine.model import Engine
from datong.engine.service import engine_of
from datong.ground import evidence
from datong.ground.canonical import digest, digest_bytes
from datong.ground.db import Tx, new_id
from datong.ground.refusal import Problem
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
    risk, record = _gated(tx, candidate, recipient_group, data, form=form, providers=providers)
    return {**risk.as_json(), "assessment": record["id"] if record else ""}


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
) -> dict[str, Any]:
    """Pass the gate and remember the release; the same file to the same group again re-checks and adds nothing.

    Returns {id, dataset, recipient_group, form, groups_digest, file_digest, risk, assessment, at}.
    """
    candidate = _candidate(tx, dataset, path, part, recipe)
    risk, record = _gated(tx, candidate, recipient_group, data, form=form, providers=providers)
    used = record["id"] if record else ""
    for earlier in store.releases_to(tx, recipient_group):
        same = (dataset, candidate.file_digest, form, used, risk.as_json(), agreement, sorted(providers))
        names = ("dataset", "file_digest", "form", "assessment", "risk", "agreement", "providers")
        if tuple(earlier[name] for name in names) == same:
            return _told(earlier)
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
                    level=risk.level, groups_digest=row["groups_digest"], file_digest=row["file_digest"])  # fmt: skip
    return _told(row)


def require_still_low(tx: Tx, release: str) -> None:
    """DID-411 or DID-412 when what was released would not pass today: its figures, the record that counts now. DID-410
    or DID-467 when people have said since that it shows direct identifiers, or that a source is core data."""
    row = store.release_facts(tx, release)
    if row is None:
        raise UNKNOWN(thing="release", id=release[:80])
    leaving.require_still_classified(tx, row)
    record = None
    if row["form"] != Form.public:
        record = assessment_for(
            tx, recipient_group=row["recipient_group"], subject=row["dataset"], providers=row["providers"]
        )
    figures = risks.again(row["risk"], record["cr"] if record else 1.0)
    if figures.level < 3 or figures.f_min < figures.floor:
        whole = tx.get(store.releases, release)
        assert whole is not None
        plan = recipe_of(whole["recipe"])
        parts = [part for part in plan.parts if part.resource in whole["sources"]]
        _require_low(row["dataset"], rules.sizes_of(whole["figures"], parts), figures, record)


@view()
def releases(tx: Tx) -> list[dict[str, Any]]:
    """What this node released to whom, with the risk figures."""
    return [_told(row) for row in store.all_releases(tx)]


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "dataset", "recipient_group", "agreement", "form", "groups_digest", "file_digest", "risk",
             "assessment", "at")  # fmt: skip
    return {name: row[name] for name in names}


def _gated(
    tx: Tx, candidate: Candidate, recipient_group: str, data: Path | None, *, form: str, providers: Sequence[str]
) -> tuple[Risk, Mapping[str, Any] | None]:
    delivered = Form(form)
    if delivered is not candidate.recipe.form:
        raise OTHER_FORM(dataset=candidate.dataset, form=form, recipe_form=candidate.recipe.form.value)
    grade = leaving.require_sources_classified(tx, candidate.dataset, candidate.parts, candidate.columns, data)
    sizes = _union_sizes(tx, candidate, recipient_group, data)
    record = None
    if delivered is not Form.public:
        record = assessment_for(tx, recipient_group=recipient_group, subject=candidate.dataset, providers=providers)
    leaving.require_assessed(candidate.dataset, grade, record)
    figures = risks.risk(sizes, delivered, record["cr"] if record else 1.0, k=candidate.recipe.k)
    _require_low(candidate.dataset, sizes, figures, record)
    return figures, record


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
    strange = rules.undeclared_columns(candidate.columns, candidate.parts, RESERVED)
    if strange:
        raise DIRECT_IDENTIFIER(dataset=candidate.dataset, columns=", ".join(strange))
    missing = {"group_id", "suppressed_types"} - set(candidate.columns)
    problems = [Problem(name, "缺少该列", "the column is missing") for name in sorted(missing)]
    rows = [] if problems else table.to_pylist()
    groups = candidate.groups or sorted({str(row["group_id"]) for row in rows})
    problems += rules.table_problems(rows, candidate.parts, groups, candidate.recipe.k)
    for group in groups:
        try:
            node_of(candidate.recipe, group)
        except ValueError as wrong:
            problems.append(Problem(group[:80], "不是该配方的分组", f"is no group of the recipe: {wrong}"))
    if not rows:
        problems.append(Problem("rows", "没有任何分组", "there are no groups"))
    if problems:
        raise NOT_THE_GROUPS(problems[: rules.MOST_SHOWN], dataset=candidate.dataset, count=len(problems))
    return Candidate(**{**candidate.__dict__, "rows": rows, "groups": groups})


def _union_sizes(tx: Tx, candidate: Candidate, recipient_group: str, data: Path | None) -> dict[str, int]:
    """f_j of the classes the recipient group would hold in all; DID-413 when a difference singles somebody out."""
    problems: list[Problem] = []
    different: list[dict[str, Any]] = []
    for earlier in store.releases_to(tx, recipient_group):
        if not _overlaps(candidate, earlier):
            continue
        if earlier["geometry"] == candidate.geometry and sorted(earlier["figures"]) == candidate.groups:
            figures = rules.figures_of(candidate.rows, candidate.parts)
            problems += rules.changed_figures(earlier["figures"], figures, candidate.parts, candidate.recipe.k)
        else:
            different.append(earlier)
    sizes = rules.class_sizes(candidate.rows, candidate.parts)
    if different and data is None:
        problems.append(
            Problem(
                different[0]["id"],
                "先前放行的分组不同而重叠，无原始数据可检验其差异",
                "an earlier release has other, overlapping groups, and there are no events here to test the difference",
            )
        )
    elif different and data is not None:
        found, atoms = _refined(candidate, different, data, engine_of(tx.store))
        problems += found
        sizes = {name: min(size, sizes.get(name, size)) for name, size in atoms.items()}
    if problems:
        raise DIFFERENCE(
            problems[: rules.MOST_SHOWN], dataset=candidate.dataset, k=candidate.recipe.k, count=len(problems)
        )
    return sizes


def supply_problems(table: pa.Table, recipe: Mapping[str, Any], resource: str, groups: Sequence[str]) -> list[Problem]:
    """What of a provider's table does not fit the recipe and the agreed groups; for the one who receives it."""
    plan = recipe_from(recipe)
    part = plan.part_of(resource)
    strange = rules.undeclared_columns(table.column_names, [part], [])
    problems = [Problem(column, "未声明的列", "is no column of the recipe") for column in strange]
    missing = {"group_id", "suppressed_types", *figure_columns(part)} - set(table.column_names)
    problems += [Problem(column, "缺少该列", "the column is missing") for column in sorted(missing)]
    if problems:
        return problems
    rows = table.to_pylist()
    return rules.table_problems(rows, [part], groups, plan.k) + rules.small_figures(rows, [part], plan.k)


def _overlaps(candidate: Candidate, earlier: Mapping[str, Any]) -> bool:
    """Whether an earlier release may speak of the same events: a common source, and periods that meet."""
    if not {part.resource for part in candidate.parts} & set(earlier["sources"]):
        return False
    return periods_meet(earlier["recipe"], candidate.recipe_value)


def _refined(
    candidate: Candidate, different: Sequence[Mapping[str, Any]], data: Path, engine: Engine
) -> tuple[list[Problem], dict[str, int]]:
    """The common refinement of this and the different releases over the events: unsafe atoms, and class sizes."""
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
        return [Problem("types", "先前放行的类别划分不同", "an earlier release divides the types otherwise")], {}
    inputs = {f"released_{n}": node_table(nodes) for n, nodes in enumerate(groups)}
    found = engine.run(counting.atoms_plan(counted), {"harmonised": data, **inputs}, want=["atoms", "class_atoms"])
    atoms, by_class = found["atoms"].to_pylist(), found["class_atoms"].to_pylist()
    unsafe = rules.small_atoms(atoms, by_class, shown, candidate.recipe.k)
    return unsafe, rules.atom_sizes(atoms, len(counted))


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


def _require_low(dataset: str, sizes: Mapping[str, int], figures: Risk, record: Mapping[str, Any] | None) -> None:
    """Refuse (DID-411, then DID-412) naming the worst classes and the cheapest change that passes."""
    rest = assessment.rules_in_force()["rest"]
    if figures.level >= 3 and figures.f_min >= figures.floor:
        return
    change = risks.cheapest_change(sizes, figures, record=record is not None, lowest_cr=max(rest.values())).words
    worst = [Problem(name, f"最小人数 {size}", f"f = {size}") for name, size in figures.worst if size >= figures.floor]
    if figures.f_min < figures.floor:
        small = [name for name, size in sorted(sizes.items(), key=lambda item: item[1]) if size < figures.floor]
        worst = [
            Problem(name, f"小于 {figures.floor}", f"below {figures.floor}") for name in small[: risks.WORST_SHOWN]
        ]
        raise SMALL_CLASS(
            worst, dataset=dataset, floor=figures.floor, count=len(small), change=change.zh, change_en=change.en
        )
    cr_why, cr_why_en = ("无有效评估记录", "no valid assessment record")
    if figures.form is Form.public:
        cr_why, cr_why_en = ("完全公开", "fully public")
    elif record is not None:
        worse = ", ".join(assessment.worse_than_good(record["answers"]))
        cr_why, cr_why_en = (f"未达良好：{worse or '无'}", f"not good: {worse or 'none'}")
    raise RISK_TOO_HIGH(
        worst,
        dataset=dataset,
        risk=f"{figures.overall_risk:.4f}",
        limit=risks.LIMIT,
        dr=f"{risks.dr_of(figures):.4f}",
        cr=f"{figures.cr:.2f}",
        cr_why=cr_why,
        cr_why_en=cr_why_en,
        change=change.zh,
        change_en=change.en,
    )

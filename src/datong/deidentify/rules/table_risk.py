"""Risk of releasing a table: three attackers, and the figures of GB/T 42460 over distinct persons.

prosecutor, journalist, marketer: El Emam and Dankar, "Protecting Privacy Using k-Anonymity", JAMIA 15(5) 2008, and
El Emam, "Guide to the De-Identification of Personal Health Information" (2013), chapters 16 and 17. Records here are
persons in their class: somebody with two rows in a class is one. The rest is rules.risk.
Must never know: files, who receives. Contract: tests/deidentify/test_deidentify_table_risk.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from datong.deidentify.model.joint import Form
from datong.deidentify.model.table_risk import Attack, Class, TableRisk
from datong.deidentify.rules import risk as risks
from datong.ground.refusal import Problem, Text


def table_risk(
    classes: Sequence[Class], form: Form, *, cr: float = 1.0, direct_identifiers: bool = False, worst: int = 5
) -> TableRisk:
    """The risk of `classes` (at least one), delivered as `form` at the contextual risk `cr`."""
    sizes = {one.name: one.persons for one in classes}
    figures = risks.risk(sizes, form, cr, direct_identifiers=direct_identifiers)
    persons = sum(sizes.values())
    with_population = all(one.population for one in classes if one.values is not None)
    present = [one for one in classes if one.values is not None]
    linked = sum(one.persons / one.population for one in present) if with_population else float(len(classes))
    return TableRisk(
        rows=sum(one.rows for one in classes),
        sample_uniques=sum(one.persons == 1 for one in classes),
        prosecutor=_attack([(one.persons, one.persons) for one in classes], figures.tau),
        journalist=_attack([(one.persons, one.population) for one in present], figures.tau)
        if with_population
        else None,
        marketer=linked / (sum(one.persons for one in present) if with_population else persons),
        standard=figures,
        worst=tuple(sorted(classes, key=lambda one: (one.persons, one.name))[:worst]),
        rows_below_floor=sum(one.rows for one in classes if one.persons < figures.floor),
    )


def _attack(groups: Sequence[tuple[int, int]], tau: float) -> Attack:
    """groups: (records, how many persons each of them could be)."""
    records = sum(n for n, _ in groups)
    return Attack(
        highest=max(1 / among for _, among in groups),
        average=sum(n / among for n, among in groups) / records,
        beyond_tau=sum(n for n, among in groups if 1 / among > tau) / records,
    )


def outside_population(classes: Sequence[Class]) -> list[Problem]:
    """Classes of which the population has fewer persons than the table."""
    return [
        Problem(one.name, f"表中 {one.persons}，总体中 {one.population}",
                f"{one.persons} in the table, {one.population} in the population")
        for one in classes if one.values is not None and one.population < one.persons
    ]  # fmt: skip


def cheapest(classes: Sequence[Class], found: TableRisk, lowest_cr: float) -> Text:
    """The change that costs the fewest rows: a signed assessment where that alone passes, else rows left out."""
    figures = found.standard
    needed = risks.LIMIT / risks.dr_of(figures)
    if figures.f_min >= figures.floor and figures.form is not Form.public and needed > lowest_cr:
        return Text(
            f"由独立评估人签署 CR 小于 {needed:.3f} 的评估记录；数据不变。",
            f"an assessment record with CR below {needed:.3f}, signed by an independent assessor; the data stay.",
        )
    cr = figures.cr if figures.form is Form.public or figures.cr < 1 else lowest_cr
    sizes = {one.name: one.persons for one in classes}
    floor = risks.smallest_floor(sizes, figures.form, cr, figures.floor)
    gone = any(one.values is None for one in classes if floor is None or one.persons < floor)
    if floor is None or gone:
        zh, en = (
            ("，或改用受控、领地交付", ", or controlled or enclave delivery")
            if figures.form is Form.public
            else ("", "")
        )
        return Text(
            f"更粗的泛化{zh}；仅略去行不能通过。",
            f"coarser generalisation{en}; leaving out rows alone does not pass.",
        )
    lost = sum(one.rows for one in classes if one.persons < floor)
    share = lost / found.rows
    return Text(
        f"略去个体少于 {floor} 的类（{lost} 行，{share:.1%}），CR 取 {cr:.2f}；或泛化后再算。",
        f"leave out the classes below {floor} persons ({lost} rows, {share:.1%}) at CR {cr:.2f}; or generalise first.",
    )

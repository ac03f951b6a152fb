"""The risk report of a release, be it a table or joint counts: three attackers beside the figures of GB/T 42460.

prosecutor, journalist, marketer: El Emam and Dankar, "Protecting Privacy Using k-Anonymity", JAMIA 15(5) 2008, and
El Emam, "Guide to the De-Identification of Personal Health Information" (2013), chapters 16 and 17. Records here are
persons in their class: somebody with two rows in a class is one. The rest is rules.risk.
Must never know: files, who receives. Contract: tests/deidentify/test_deidentify_table_risk.py and
test_deidentify_reports.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest

from datong.deidentify.model.joint import Form
from datong.deidentify.model.risk_report import Attack, Class, Population, RiskReport
from datong.deidentify.rules import risk as risks
from datong.deidentify.rules.recipe import FLOORS
from datong.ground.refusal import Problem


def reported(
    classes: Sequence[Class],
    form: Form,
    *,
    cr: float = 1.0,
    k: int | None = None,
    population: Population = Population.unknown,
    direct_identifiers: bool = False,
    worst: int = risks.WORST_SHOWN,
    alone: Sequence[int] = (),
) -> RiskReport:
    """The report on `classes` (at least one), delivered as `form` at the contextual risk `cr` and the agreed `k`.

    population: what Class.population means. Of a census nobody is missing, so who is known to be in the population is
    known to be in the release: its journalist is a prosecutor. alone: f_j of this release by itself, see rules.risk.
    """
    figures = risks.risk(((one.name, one.persons) for one in classes), form, cr, k=k,
                         direct_identifiers=direct_identifiers, alone=alone)  # fmt: skip
    prosecutor = _attack([(one.persons, one.persons) for one in classes], figures.tau)
    journalist, marketer = prosecutor if population is Population.census else None, figures.marketer_risk
    if population is Population.given:
        present = [(one.persons, one.population) for one in classes if one.values is not None]
        journalist = _attack(present, figures.tau)
        marketer = journalist.average
    return RiskReport(
        rows=sum(one.rows for one in classes),
        sample_uniques=sum(one.persons == 1 for one in classes),
        prosecutor=prosecutor,
        journalist=journalist,
        marketer=marketer,
        population=population,
        standard=figures,
        floors_met=tuple(one for one, floor in FLOORS.items() if figures.f_min >= floor),
        worst=tuple(nsmallest(worst, classes, key=lambda one: (one.persons, one.name))),
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

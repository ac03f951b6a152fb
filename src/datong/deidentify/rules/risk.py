"""The figures of GB/T 42460-2023 for classes of persons, and whether they are low enough.

As policy.md 5.5 quotes the standard from a guide (clauses 4, D.1.4, D.2-D.5); every threshold is a value with that
source. f_j is the number of distinct persons (or vehicles) of a class: for a table those whose rows look alike, for
joint counts the fewest behind any figure shown of a group, because each figure can be attacked alone. Counts over
persons are not waved through as level 4. This is the only place that computes them: for releases of a node and for
tables in files. Must never know: recipients, databases. Contract: tests/deidentify/test_deidentify_risk.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest
from typing import Any

from datong.deidentify.model.joint import Form, Risk
from datong.deidentify.rules.recipe import FLOORS

THRESHOLDS = {Form.public: 1 / 20, Form.controlled: 1 / 5, Form.enclave: 1 / 3}
"""tau by delivery form (policy.md 5.5)."""
LIMIT = 0.05
"""Overall risk must be strictly below (policy.md 5.5: the recommended overall threshold)."""
WORST_SHOWN = 5
ROUNDING = 1e-12
"""A risk that differs from the limit by no more than this share is the limit, rounded: 0.15 x 1/3 is not below 0.05."""


def risk(
    sizes: Iterable[tuple[str, int]],
    form: Form,
    cr: float,
    *,
    k: int | None = None,
    direct_identifiers: bool = False,
    alone: Sequence[int] = (),
) -> Risk:
    """The figures for classes (name, f_j >= 1), at least one, delivered as `form` at contextual risk `cr`.

    k: the agreed threshold (default: the floor of the form); no class may be below either. Public delivery has
    CR = 1. Names need not differ. alone: f_j of this release by itself, where `sizes` are of all that is held: DR_c is
    a mean, which classes of long ago lower, and whoever is in this release is no safer for them.
    """
    classes = list(sizes)
    if not classes:
        raise ValueError("a release without classes has no risk to compute")
    tau, count = THRESHOLDS[form], len(classes)
    if form is Form.public:
        cr = 1.0
    thetas = [1 / max(size, 1) for _, size in classes]
    over = sum(theta > tau for theta in thetas) / count
    highest, average = max(thetas), math.fsum(thetas) / count
    by_itself = math.fsum(1 / max(size, 1) for size in alone) / len(alone) if alone else average
    dr = highest if form is Form.public else max(average, by_itself)
    overall, at_1 = (1.0 if over > 0 else dr * c for c in (cr, 1.0))
    return Risk(
        form=form,
        k=FLOORS[form] if k is None else k,
        floor=max(FLOORS[form], k or 0),
        classes=count,
        f_min=min(size for _, size in classes),
        over_threshold=over,
        max_class_risk=highest,
        average_risk=average,
        marketer_risk=count / sum(size for _, size in classes),
        tau=tau,
        cr=cr,
        overall_risk=overall,
        overall_risk_at_cr_1=at_1,
        level=1 if direct_identifiers else (3 if is_low(overall) else 2),
        worst=tuple(nsmallest(WORST_SHOWN, classes, key=lambda item: (item[1], item[0]))),
        at_threshold=sum(theta == tau for theta in thetas),
        average_alone=by_itself,
    )


def is_low(overall_risk: float) -> bool:
    """Whether R is strictly below the limit; a figure that is the limit but for its rounding is not."""
    return overall_risk < LIMIT and not math.isclose(overall_risk, LIMIT, rel_tol=ROUNDING)


def harmless(figures: Risk) -> bool:
    """Whether R is below the limit and no class below the floor; a direct identifier is another matter."""
    return is_low(figures.overall_risk) and figures.f_min >= figures.floor


def passes(figures: Risk) -> bool:
    """Whether the gate lets it through: level 3, and no class below the floor."""
    return figures.level >= 3 and harmless(figures)


def again(told: Mapping[str, Any], cr: float) -> Risk:
    """The figures of an earlier release (Risk.as_json) at the contextual risk `cr` of today."""
    form = Form(told["form"])
    cr = 1.0 if form is Form.public else cr
    average = max(told["average_risk"], told.get("average_alone", 0.0))
    dr = told["max_class_risk"] if form is Form.public else average
    overall = 1.0 if told["over_threshold"] > 0 else dr * cr
    given = {name: told[name] for name in told if name not in ("form", "worst", "cr", "overall_risk", "level")}
    return Risk(
        **given, form=form, cr=cr, overall_risk=overall,
        level=3 if is_low(overall) else 2,
        worst=tuple((name, size) for name, size in told["worst"]),
    )  # fmt: skip


def dr_of(figures: Risk) -> float:
    """DR as the form wants it: the highest class risk in public, the average otherwise."""
    return figures.max_class_risk if figures.form is Form.public else average_of(figures)


def average_of(figures: Risk) -> float:
    """DR_c that counts: of all that is held, or of the release by itself, the higher."""
    return max(figures.average_risk, figures.average_alone)


def smallest_floor(sizes: Sequence[int], form: Form, cr: float, floor: int = 0) -> int | None:
    """The smallest class size m, at least `floor`, such that the classes of at least m, alone, would pass, or None.

    The average of 1/f falls as m grows, so the first m that passes is found by halving.
    """
    candidates = sorted({max(size, FLOORS[form], floor) for size in sizes})
    low, high = 0, len(candidates)
    while low < high:
        middle = (low + high) // 2
        kept = [("", size) for size in sizes if size >= candidates[middle]]
        # A floor above the largest class keeps nothing; so does every larger one.
        if not kept or passes(risk(kept, form, cr, k=floor)):
            high = middle
        else:
            low = middle + 1
    if low == len(candidates) or max(sizes) < candidates[low]:
        return None
    return candidates[low]

"""Re-identification risk of a release of joint counts, and what to change when it does not pass.

GB/T 42460-2023 as policy.md 5.5 quotes it from a guide (clauses 4, D.1.4, D.2-D.5); every threshold is a value
of THRESHOLDS with that source. A class is a released group; f_j is the smallest number of distinct persons or
vehicles behind any figure shown of it, because each figure can be attacked alone. Counts over persons are not
waved through as level 4. Must never know: recipients, databases. Contract: tests/deidentify/test_deidentify_risk.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datong.deidentify.model.joint import Form, Risk
from datong.deidentify.rules.recipe import FLOORS
from datong.ground.refusal import Text

THRESHOLDS = {Form.public: 1 / 20, Form.controlled: 1 / 5, Form.enclave: 1 / 3}
"""tau by delivery form (policy.md 5.5)."""
LIMIT = 0.05
"""Overall risk must be strictly below (policy.md 5.5: the recommended overall threshold)."""
WORST_SHOWN = 5


def risk(
    sizes: Mapping[str, int], form: Form, cr: float, *, k: int | None = None, direct_identifiers: bool = False
) -> Risk:
    """The figures for classes of `sizes` {class id: f_j >= 1} delivered as `form` at contextual risk `cr`.

    k: the agreed threshold (default: the floor of the form); no class may be below either. Public delivery has
    CR = 1.
    """
    if not sizes:
        raise ValueError("a release without classes has no risk to compute")
    tau, count = THRESHOLDS[form], len(sizes)
    if form is Form.public:
        cr = 1.0
    thetas = [1 / max(size, 1) for size in sizes.values()]
    over = sum(theta > tau for theta in thetas) / count
    highest, average = max(thetas), sum(thetas) / count
    dr = highest if form is Form.public else average
    overall, at_1 = (1.0 if over > 0 else dr * c for c in (cr, 1.0))
    worst = sorted(sizes.items(), key=lambda item: (item[1], item[0]))[:WORST_SHOWN]
    return Risk(
        form=form,
        k=FLOORS[form] if k is None else k,
        floor=max(FLOORS[form], k or 0),
        classes=count,
        f_min=min(sizes.values()),
        over_threshold=over,
        max_class_risk=highest,
        average_risk=average,
        marketer_risk=count / sum(sizes.values()),
        tau=tau,
        cr=cr,
        overall_risk=overall,
        overall_risk_at_cr_1=at_1,
        level=1 if direct_identifiers else (3 if overall < LIMIT else 2),
        worst=tuple(worst),
        at_threshold=sum(theta == tau for theta in thetas),
    )


def again(told: Mapping[str, Any], cr: float) -> Risk:
    """The figures of an earlier release (Risk.as_json) at the contextual risk `cr` of today."""
    form = Form(told["form"])
    cr = 1.0 if form is Form.public else cr
    dr = told["max_class_risk"] if form is Form.public else told["average_risk"]
    overall = 1.0 if told["over_threshold"] > 0 else dr * cr
    given = {name: told[name] for name in told if name not in ("form", "worst", "cr", "overall_risk", "level")}
    return Risk(
        **given, form=form, cr=cr, overall_risk=overall,
        level=3 if overall < LIMIT else 2,
        worst=tuple((name, size) for name, size in told["worst"]),
    )  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One change that would let the release pass, and the share of classes it costs."""

    words: Text
    classes_lost: float


def dr_of(figures: Risk) -> float:
    """DR as the form wants it: the highest class risk in public, the average otherwise."""
    return figures.max_class_risk if figures.form is Form.public else figures.average_risk


def cheapest_change(sizes: Mapping[str, int], figures: Risk, *, record: bool, lowest_cr: float) -> Change:
    """The change that costs the fewest classes: a lower CR where one can be reached, else coarser small classes.

    record: whether a valid assessment record stands behind the CR; lowest_cr: what all good answers give.
    """
    large_enough = figures.over_threshold == 0 and figures.f_min >= figures.floor
    needed = LIMIT / dr_of(figures)
    if large_enough and figures.form is not Form.public and needed > lowest_cr:
        if not record:
            zh = f"提交由独立评估人签署的有效评估记录，CR 小于 {needed:.3f}；数据不变。"
            en = f"bring a valid assessment record, signed by an independent assessor, with CR below {needed:.3f}."
            return Change(Text(zh, en), 0.0)
        zh = f"改善合同与环境，使 CR 由 {figures.cr:.2f} 降到 {needed:.3f} 以下并重新评估；数据不变。"
        en = f"mend contract and environment until CR falls from {figures.cr:.2f} below {needed:.3f}; assess again."
        return Change(Text(zh, en), 0.0)
    cr = figures.cr if figures.form is Form.public or figures.cr < 1 else lowest_cr
    smallest = smallest_floor(sizes, figures.form, cr, figures.floor)
    if smallest is None:
        zh = "没有任何分组可在此条件下放行；请改用受控或领地交付，或更粗的层级。"
        en = "no group passes under these conditions; use controlled or enclave delivery, or coarser levels."
        return Change(Text(zh, en), 1.0)
    lost = sum(size < smallest for size in sizes.values()) / len(sizes)
    zh = f"以 k = {smallest} 重新商定分区（{lost:.1%} 的类并入上级），CR 取 {cr:.2f}。"
    en = (
        f"agree the partition at k = {smallest} ({lost:.1%} of the classes go up into their parents), with CR {cr:.2f}."
    )
    return Change(Text(zh, en), lost)


def smallest_floor(sizes: Mapping[str, int], form: Form, cr: float, floor: int = 0) -> int | None:
    """The smallest class size m, at least `floor`, such that the classes of at least m, alone, would pass, or None."""
    for size in sorted({max(value, FLOORS[form], floor) for value in sizes.values()}):
        kept = {name: value for name, value in sizes.items() if value >= size}
        if kept and risk(kept, form, cr).level >= 3:
            return size
    return None

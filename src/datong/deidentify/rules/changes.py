"""What to change when a release does not pass, the cheapest first; whoever does what is said passes the gate.

Three kinds, by what they cost: a better assessed context (nothing of the data), classes left out (rows), coarser
classes (detail). Each is computed with rules.risk, so nothing is proposed that would not pass; where nothing would,
that is said. Must never know: recipients, files. Contract: tests/deidentify/test_deidentify_changes.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor as whole

from datong.deidentify.model.joint import Form, Risk
from datong.deidentify.model.risk_report import Class
from datong.deidentify.rules import risk as risks
from datong.deidentify.rules.recipe import FLOORS
from datong.ground.refusal import Text

NOWHERE = "-"
"""What an earlier release shows of persons it has not (rules.linking)."""


def for_counts(figures: Risk, own: Risk, *, record: bool, lowest_cr: float) -> Text:
    """The cheapest change for joint counts that do not pass.

    figures: of all that the recipient group would hold; own: of this release alone. record: whether a valid assessment
    record stands behind the CR; lowest_cr: what all good answers give.
    """
    if own.f_min < own.floor:
        return Text(
            f"在商定的分组上重新统计：商定的每一组都有至少 {own.k} 个不同个体，不足者不显示。",
            f"count again on exactly the agreed groups: each of them holds at least {own.k} distinct persons or "
            "vehicles, and what holds fewer is not shown.",
        )
    if (better := _better_context(figures, record=record, lowest_cr=lowest_cr)) is not None:
        return better
    if risks.passes(own) or (_better_context(own, record=record, lowest_cr=lowest_cr) is not None):
        return Text(
            "不交付本次统计：沿用先前放行的分组，或改用与先前放行不重叠的时段；单独看本次统计并无不妥。",
            "leave this release, harmless alone, out: deliver on the groups of the earlier release, or for a period "
            "that does not overlap it.",
        )
    cr = figures.cr if figures.form is Form.public or record else lowest_cr
    k = k_that_passes(figures.form, cr, figures.floor)
    return Text(
        f"为尚未商定分区的时段以 k = {k} 商定分区，CR 取 {cr:.2f}：不论数据如何都能通过；"
        "同一时段不能再商定第二套分区。",
        f"agree the partition at k = {k} for a period that has none yet, with CR {cr:.2f}: that passes whatever the "
        "data are. A period is partitioned once, because two partitions of it could be subtracted.",
    )


def k_that_passes(form: Form, cr: float, floor: int = 0) -> int:
    """The least k, at least `floor`, at which every release passes: at worst all of its classes hold exactly k."""
    k = max(FLOORS[form], floor, whole((1.0 if form is Form.public else cr) / risks.LIMIT))
    while not risks.passes(risks.risk([("", k)], form, cr, k=k)):
        k += 1
    return k


def for_table(
    classes: Sequence[Class],
    alone: Mapping[tuple[str | None, ...], int],
    coarsest: Sequence[int],
    persons: int,
    figures: Risk,
    lowest_cr: float,
) -> Text:
    """The cheapest change for a table in a file that does not pass.

    classes: of all that the recipients hold; alone: of this release by itself, values -> persons, `persons` in all.
    coarsest: persons in each class that would remain if every quasi-identifier were generalised to nothing; more than
    one where the recipients hold earlier releases.
    """
    if (better := _better_context(figures, record=False, lowest_cr=lowest_cr)) is not None:
        return better
    cr = figures.cr if figures.form is Form.public or figures.cr < 1 else lowest_cr
    first = _rows_left_out(classes, alone, figures, cr) or _coarser(coarsest, persons, figures, cr)
    other = _other_form(figures, lowest_cr)
    if first is None and other is None:
        return _nothing(coarsest)
    if first is None or other is None:
        found = first or other
        assert found is not None
        return found
    return Text(f"{first.zh.removesuffix('。')}；或{other.zh}", f"{first.en.removesuffix('.')}; or {other.en}")


def left_out(direct: Sequence[str], other: Text | None) -> Text:
    """The direct identifiers of a table left out, beside what else it takes."""
    zh, en = "、".join(direct), ", ".join(direct)
    here = Text(
        f"略去直接标识符列（{zh}），或先处理为假名（datong treat）",
        f"leave out the columns of direct identifiers ({en}), or make tokens of them first (datong treat)",
    )
    return _besides(here, other)


def set_apart(columns: Sequence[str], other: Text | None) -> Text:
    """The columns that put the rows of one person together left out, beside what else it takes."""
    zh, en = "、".join(columns), ", ".join(columns)
    here = Text(
        f"略去把同一人各行连在一起的列（{zh}），或先并为每人一行再算",
        f"leave out the columns that put the rows of one person together ({en}), or make one row of each person first",
    )
    return _besides(here, other)


def _besides(here: Text, other: Text | None) -> Text:
    if other is None:
        return Text(f"{here.zh}。", f"{here.en}.")
    return Text(f"{here.zh}；此外：{other.zh}", f"{here.en}; besides, {other.en}")


def _rows_left_out(
    classes: Sequence[Class], alone: Mapping[tuple[str | None, ...], int], figures: Risk, cr: float
) -> Text | None:
    """The small classes left out, where what stays passes, by itself as well, and nobody stands out by missing."""
    least = risks.smallest_floor([one.persons for one in classes], figures.form, cr, figures.floor)
    by_itself = risks.smallest_floor(list(alone.values()), figures.form, cr, figures.floor)
    if least is None or by_itself is None:
        return None
    least = max(least, by_itself)
    if figures.average_alone > figures.average_risk and any(_linked(one) for one in classes if one.values is not None):
        return None  # classes of this release by itself are then others than those that would be left out
    if any(_linked(one) for one in classes if one.persons < least):
        return None
    lost, rows = sum(one.rows for one in classes if one.persons < least), sum(one.rows for one in classes)
    return Text(
        f"略去个体少于 {least} 的类（{lost} 行，{lost / rows:.1%}），CR 取 {cr:.2f}；或泛化后再算。",
        f"leave out the classes below {least} persons ({lost} rows, {lost / rows:.1%}) at CR {cr:.2f}; or generalise "
        "first.",
    )


def _coarser(coarsest: Sequence[int], persons: int, figures: Risk, cr: float) -> Text | None:
    if not risks.passes(risks.risk((("", size) for size in coarsest), figures.form, cr, alone=[persons])):
        return None
    return Text(
        f"更粗的泛化，CR 取 {cr:.2f}；仅略去行不能通过。",
        f"coarser generalisation, at CR {cr:.2f}; leaving out rows alone does not pass.",
    )


def _nothing(coarsest: Sequence[int]) -> Text:
    if len(coarsest) == 1:
        return Text(
            f"没有；表中只有 {coarsest[0]} 个不同个体，任何泛化都不够。",
            f"none; the table holds only {coarsest[0]} distinct persons, too few for any generalisation.",
        )
    return Text(
        "不向同一接收方交付：对照其已持有的放行，少数个体的去留本身即可被识别，任何泛化都不够。",
        "do not give it to these recipients: against what they hold already, who joined or left stands out however "
        "coarse it is.",
    )


def _better_context(figures: Risk, *, record: bool, lowest_cr: float) -> Text | None:
    """An assessed context in which these very figures pass, where there can be one."""
    if figures.form is Form.public or figures.f_min < figures.floor or figures.over_threshold > 0:
        return None
    if not _passes_at(figures, lowest_cr):
        return None
    needed = risks.LIMIT / risks.dr_of(figures)
    if record:
        return Text(
            f"改善合同与环境，使 CR 由 {figures.cr:.2f} 降到 {needed:.3f} 以下并重新评估；数据不变。",
            f"mend contract and environment until CR falls from {figures.cr:.2f} below {needed:.3f}, and have it "
            "assessed again; the data stay.",
        )
    return Text(
        f"由独立评估人签署 CR 小于 {needed:.3f} 的有效评估记录；数据不变。",
        f"an assessment record with CR below {needed:.3f}, signed by an independent assessor; the data stay.",
    )


def _other_form(figures: Risk, lowest_cr: float) -> Text | None:
    """Delivery in a more guarded form, where a table refused to the public passes in it with an assessment."""
    if figures.form is not Form.public:
        return None
    for form, zh, en in ((Form.controlled, "受控", "controlled"), (Form.enclave, "领地", "enclave")):
        average = risks.average_of(figures)
        if figures.f_min >= FLOORS[form] and risks.is_low(average * lowest_cr):
            needed = risks.LIMIT / average
            return (
                Text(
                    f"改以{zh}方式交付，并有 CR 小于 {needed:.3f} 的评估记录；数据不变。",
                    f"{en} delivery under an assessment record with CR below {needed:.3f}; the data stay.",
                )
                if needed <= 1
                else Text(f"改以{zh}方式交付；数据不变。", f"{en} delivery; the data stay.")
            )
    return None


def _passes_at(figures: Risk, cr: float) -> bool:
    return risks.is_low(risks.dr_of(figures) * cr)


def _linked(one: Class) -> bool:
    """Whether its rows cannot simply be left out: its persons are seen elsewhere, and would stand out by missing."""
    return one.values is None or any(seen != NOWHERE for seen in one.seen)

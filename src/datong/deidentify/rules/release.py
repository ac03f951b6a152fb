"""What a table of joint counts must be, the size of its classes, and differences against earlier releases.

A row is one group: `group_id`, figures, `suppressed_types` (the columns of hidden classes, joined by commas).
Must never know: where tables lie, who receives.
Contract: tests/deidentify/test_deidentify_release.py (attacks included).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from datong.deidentify.model.joint import Part
from datong.deidentify.model.risk_report import Class
from datong.deidentify.rules.recipe import figure_columns, type_columns
from datong.ground.refusal import Problem

Row = Mapping[str, Any]
MOST_SHOWN = 10


def undeclared_columns(columns: Iterable[str], parts: Sequence[Part], place_columns: Iterable[str]) -> list[str]:
    """Columns that are no figure of the recipe and no place or mark of a group: they may identify somebody."""
    declared = {"group_id", "suppressed_types", *place_columns, *(c for part in parts for c in figure_columns(part))}
    return sorted(set(columns) - declared)


def table_problems(
    rows: Sequence[Row], parts: Sequence[Part], groups: Iterable[str], k: int, rests: Collection[str] = ()
) -> list[Problem]:
    """What does not fit: groups that are not exactly the agreed ones, missing figures, revealing suppression.

    rests: the ids of `groups` that are nodes of a marginal: they tell numbers of events and nothing else.
    """
    problems = []
    ids = [str(row["group_id"]) for row in rows]
    agreed = set(groups)
    for group in sorted(set(ids) ^ agreed)[:MOST_SHOWN]:
        words = ("缺少该分组", "the group is missing") if group in agreed else ("不是商定的分组", "is no agreed group")
        problems.append(Problem(group, *words))
    if len(ids) != len(set(ids)):
        problems.append(Problem("group_id", "分组重复", "a group occurs twice"))
    for row in rows:
        for part in parts:
            problems += _rest_problems(row, part, k) if row["group_id"] in rests else _row_problems(row, part, k)
    return problems


def _rest_problems(row: Row, part: Part, k: int) -> list[Problem]:
    group, events = str(row["group_id"]), [m.events_as for m in part.measures]
    problems = [
        Problem(f"{group}.{column}", f"缺少数值或少于 {k}", f"has no value, or one below {k}")
        for column in events
        if (row.get(column) or 0) < k
    ]
    for column in figure_columns(part):
        if column not in events and row.get(column) is not None:
            en = "tells subjects of a marginal; only numbers of events may be told"
            problems.append(Problem(f"{group}.{column}", "边际只能给出事件数，不能给出个体数", en))
    return problems


def _row_problems(row: Row, part: Part, k: int) -> list[Problem]:
    group, problems = str(row["group_id"]), []
    classes = type_columns(part)
    for column in figure_columns(part):
        if row.get(column) is None and column not in classes.values():
            problems.append(Problem(f"{group}.{column}", "缺少数值", "has no value"))
    for m in part.measures:
        if m.events_as and (row.get(m.events_as) or 0) < (row.get(m.subjects_as) or 0):
            problems.append(Problem(f"{group}.{m.events_as}", "少于不同个体数", "is less than its distinct subjects"))
    if not classes or problems:
        return problems
    marked = set(str(row.get("suppressed_types") or "").split(",")) & set(classes.values())
    empty = {column for column in classes.values() if row.get(column) is None}
    if marked != empty:
        problems.append(Problem(f"{group}.suppressed_types", "标记与空值不符", "marks and empty figures differ"))
    of = next(m.subjects_as for m in part.measures if part.types is not None and m.name == part.types.of)
    hidden = row[of] - sum(row[column] for column in classes.values() if column not in empty)
    if len(empty) == 1 or hidden < 0 or 0 < hidden < k or (not empty and hidden):
        problems.append(
            Problem(f"{group}.suppressed_types", "相减可得被隐藏的数值", "a difference reveals what is hidden")
        )
    return problems


def small_figures(rows: Iterable[Row], parts: Sequence[Part], k: int) -> list[Problem]:
    """Figures shown of fewer than k distinct persons or vehicles."""
    return [
        Problem(f"{row['group_id']}.{column}", f"小于约定的 {k}", f"is below the agreed threshold of {k}")
        for row in rows
        for column in _subject_columns(parts)
        if row.get(column) is not None and row[column] < k
    ]


def _subject_columns(parts: Sequence[Part]) -> list[str]:
    columns = [m.subjects_as for part in parts for m in part.measures]
    return columns + [column for part in parts for column in type_columns(part).values()]


def classes_of(rows: Iterable[Row], parts: Sequence[Part], k: int = 1) -> list[Class]:
    """The groups as classes: f_j is the smallest number of distinct persons or vehicles behind any figure shown.

    Of a rest, which shows none of them, the k that it is known to hold.
    """
    columns = _subject_columns(parts)
    sizes = (
        (str(row["group_id"]), min((row[c] for c in columns if row.get(c) is not None), default=k)) for row in rows
    )
    return [Class((group,), (), size, 1) for group, size in sizes]


def figures_of(rows: Iterable[Row], parts: Sequence[Part]) -> dict[str, list[int | None]]:
    """{group id: figures in the order of the recipe}: what is remembered of a release."""
    columns = [c for part in parts for c in figure_columns(part)]
    return {str(row["group_id"]): [row.get(c) for c in columns] for row in rows}


def remembered_classes(figures: Mapping[str, Sequence[int | None]], parts: Sequence[Part], k: int = 1) -> list[Class]:
    """The classes of an earlier release, from what is remembered of it (`figures_of`)."""
    columns = [c for part in parts for c in figure_columns(part)]
    rows = [{"group_id": group, **dict(zip(columns, values, strict=True))} for group, values in figures.items()]
    return classes_of(rows, parts, k)


def changed_figures(
    earlier: Mapping[str, Sequence[int | None]],
    now: Mapping[str, Sequence[int | None]],
    parts: Sequence[Part],
    k: int,
    p: int = 0,
) -> list[Problem]:
    """Figures of the same groups that differ from an earlier release by what too few persons can explain.

    A changed number of events whose number of persons changed by less than k may be the doing of one person;
    so may a class shown now and hidden then. Under a p% rule (`p`) every changed number of events may: who gave how
    much of the difference is not remembered. Nothing is said when all figures are equal.
    """
    columns = [c for part in parts for c in figure_columns(part)]
    pairs = [(m.events_as or m.subjects_as, m.subjects_as) for part in parts for m in part.measures]
    classes = [(c, c) for part in parts for c in type_columns(part).values()]
    problems = []
    for group in sorted(set(earlier) & set(now)):
        before, after = (dict(zip(columns, figures[group], strict=True)) for figures in (earlier, now))
        for events, subjects in pairs + classes:
            if (before[events], before[subjects]) == (after[events], after[subjects]):
                continue
            was, is_now = before[subjects], after[subjects]
            if p and events != subjects and before[events] != after[events]:
                en = "changed between the releases, and whose events make the difference is not known"
                problems.append(Problem(f"{group}.{events}", "两次放行之间有变，其差由谁的事件构成不得而知", en))
            elif was is None or is_now is None or abs(was - is_now) < k:
                en = f"changed between the releases by fewer than {k} persons or vehicles, or was hidden in one"
                problems.append(Problem(f"{group}.{events}", f"两次放行之差少于 {k} 个个体或一次被隐藏", en))
    return problems


def small_atoms(
    atoms: Iterable[Row], class_atoms: Iterable[Row], shown: Sequence[Mapping[str, set[str]]], k: int
) -> list[Problem]:
    """Atoms of the common refinement that hold 1 to k - 1 subjects: differences that single somebody out.

    Or whose events break the p% rule. atoms: rows g0, g1, …, kind, subjects, dominated; class_atoms also class.
    shown: per release, group -> classes shown; a class matters where one of the atom's groups shows it.
    """
    problems = []
    for row in atoms:
        if 0 < row["subjects"] < k:
            problems.append(_atom_problem(row, len(shown), k))
        elif row.get("dominated"):
            en = "one person or vehicle has nearly all events of the difference"
            problems.append(Problem(_where(row, len(shown)), "差异中的事件几乎全属一个个体", en))
    for row in class_atoms:
        if _visible(row, shown) and 0 < row["subjects"] < k:
            problems.append(_atom_problem(row, len(shown), k))
    return problems


def _visible(row: Row, shown: Sequence[Mapping[str, set[str]]]) -> bool:
    return any(row["class"] in shown[n].get(row[f"g{n}"] or "", set()) for n in range(len(shown)))


def _where(row: Row, releases: int) -> str:
    return " | ".join(str(row[f"g{n}"] or "-") for n in range(releases))


def _atom_problem(row: Row, releases: int, k: int) -> Problem:
    # The number itself is what must not be told: only where it is.
    where = _where(row, releases)
    return Problem(where, f"差异中的个体少于 {k}", f"the difference holds fewer than {k} persons or vehicles")


def union_classes(
    atoms: Iterable[Row], class_atoms: Iterable[Row], shown: Sequence[Mapping[str, set[str]]]
) -> list[Class]:
    """The classes of the union of several releases: the atoms of their common refinement, this release first.

    f_j is the smallest number of subjects behind any kind of event, and behind any class that one of them shows. A row
    of this release is as exposed as the smallest of its atoms: that one is counted as its row.
    """
    releases, sizes = len(shown), dict[tuple[str | None, ...], int]()
    for row in [*atoms, *(row for row in class_atoms if _visible(row, shown))]:
        groups = tuple(None if row[f"g{n}"] is None else str(row[f"g{n}"]) for n in range(releases))
        sizes[groups] = min(row["subjects"], sizes.get(groups, row["subjects"]))
    counted: set[str | None] = {None}
    classes = []
    for groups, size in sorted(sizes.items(), key=lambda item: (item[1], str(item[0]))):
        here, seen = groups[0], tuple(group or "-" for group in groups[1:])
        classes.append(Class(None if here is None else (here,), seen, size, int(here not in counted)))
        counted.add(here)
    return classes

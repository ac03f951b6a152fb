"""Composing, pure: who is still to answer, what every provider holds, rows joined by group, shares kept, lineage.

Must never know: stores, files, prices. Contract: tests/compose/test_compose_rules.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from datong.deidentify.model.joint import Measure, Part, Recipe
from datong.ground.refusal import Problem

Row = dict[str, Any]


def supply_problems(resources: Sequence[str], supplies: Any) -> list[Problem]:
    """What is wrong with {resource, agreement, node} items that should cover `resources`, once each."""
    if not isinstance(supplies, list) or not all(isinstance(s, Mapping) for s in supplies):
        return [Problem("supplies", "应为列表", "should be a list of {resource, agreement, node}")]
    problems = []
    for number, supply in enumerate(supplies):
        for key in ("resource", "agreement", "node"):
            if not (isinstance(supply.get(key), str) and 0 < len(supply[key]) <= 80):
                problems.append(Problem(f"supplies[{number}].{key}", "缺少", "is missing"))
    given = [str(supply.get("resource")) for supply in supplies]
    problems += [Problem(r, "没有供给", "has no supply") for r in resources if r not in given]
    problems += [Problem(r, "不在配方之内", "is not in the recipe") for r in sorted(set(given) - set(resources))]
    problems += [Problem(r, "出现两次", "occurs twice") for r in sorted({r for r in given if given.count(r) > 1})]
    agreements = [str(supply.get("agreement")) for supply in supplies]
    if len(set(agreements)) < len(agreements):
        problems.append(Problem("supplies", "合约重复", "two supplies have the same agreement"))
    return problems


def waiting_on(supplies: Iterable[Mapping[str, Any]], answered: Iterable[str]) -> list[dict[str, Any]]:
    """The supplies whose resource has not answered the round that is open."""
    there = set(answered)
    return [dict(supply) for supply in supplies if supply["resource"] not in there]


def held_by_all(held: Iterable[Iterable[str]]) -> list[str]:
    """Nodes that every provider told, sorted: the groups that pass at this level."""
    first, *others = (set(nodes) for nodes in held)
    return sorted(first.intersection(*others))


def joined(places: Sequence[Row], tables: Sequence[Sequence[Row]]) -> list[Row]:
    """One row per group: its place and window, the figures of every provider, all suppressed types.

    Each table has exactly the groups of `places`; figures are put side by side and never added.
    """
    by_group = [{str(row["group_id"]): row for row in table} for table in tables]
    rows = []
    for place in places:
        row: Row = dict(place)
        marks: list[str] = []
        for table in by_group:
            figures = table[place["group_id"]]
            marks += [mark for mark in str(figures["suppressed_types"] or "").split(",") if mark]
            row |= {name: value for name, value in figures.items() if name not in {"group_id", "suppressed_types"}}
        rows.append({**row, "suppressed_types": ",".join(marks)})
    return rows


def account_problems(account: Any, measures: Sequence[str], labels: Sequence[str]) -> list[Problem]:
    """What is wrong with the shares that a provider tells of its events: {measure: {outside, unplaced, suppressed,
    kept: {resolution: share}}}, of its own measures alone; None is a share that it may not tell."""
    if not isinstance(account, Mapping):
        return [Problem("account", "应为对象", "should be an object")]
    problems = []
    for name, told in account.items():
        sound = (
            name in measures
            and isinstance(told, Mapping)
            and set(told) == {"outside", "unplaced", "suppressed", "kept"}
            and isinstance(told["kept"], Mapping)
            and set(told["kept"]) == set(labels)
            and all(
                share is None or _is_number(share, 0, 1) for share in (*told["kept"].values(), *map(told.get, _SHARES))
            )
        )
        if not sound:
            en = "is no measure of this part, or its shares are not between 0 and 1"
            problems.append(Problem(f"account.{str(name)[:80]}", "不是该部分的量，或份额不在 0 至 1 之间", en))
    return problems


_SHARES = ("outside", "unplaced", "suppressed")


def shares_kept(rows: Iterable[Row], events: str, labels: Sequence[str], suppressed: float) -> dict[str, float]:
    """{resolution: share of the events kept at it}, finest first; `suppressed` is the share in no group."""
    by_level = [0] * len(labels)
    for row in rows:
        if row["level"] < len(labels):  # the numbers above are of marginals: the same events once more
            by_level[row["level"]] += row[events]
    total = sum(by_level)
    return {
        label: round(count / total * (1 - suppressed), 6) if total else 0.0
        for label, count in zip(labels, by_level, strict=True)
    }


# --- the frontier of a product ------------------------------------------------------------------------------------

_POINT = {"release", "k", "epsilon", "cost", "interval", "attack", "attack_is"}
POINTS_MAX = 40


def frontier_problems(value: Any) -> list[Problem]:
    """What is wrong with a measured frontier {measured_by, measured_on, data, target, points}; empty when it is one.

    A point: release, cost (added share of the error), and of these what was measured: interval [low, high], k or
    epsilon, attack (share of right guesses) with attack_is (which attack).
    """
    if not isinstance(value, Mapping):
        return [Problem("frontier", "应为对象", "should be an object")]
    problems = [Problem(str(key)[:80], "没有这一项", "no such item")
                for key in value if key not in {"measured_by", "measured_on", "data", "target", "points"}]  # fmt: skip
    for name in ("measured_by", "data", "target"):
        if not _is_text(value.get(name)):
            problems.append(Problem(name, "应为 1 至 300 字的文本", "should be a text of 1 to 300 characters"))
    try:
        date.fromisoformat(value.get("measured_on") or "")
    except (TypeError, ValueError):
        problems.append(Problem("measured_on", "应为日期", "should be a date"))
    points = value.get("points")
    if not (isinstance(points, list) and 1 <= len(points) <= POINTS_MAX):
        return [*problems, Problem("points", f"应为 1 至 {POINTS_MAX} 点", f"should list 1 to {POINTS_MAX} points")]
    for number, point in enumerate(points):
        problems += _point_problems(point, f"points[{number}]")
    return problems


def _point_problems(point: Any, where: str) -> list[Problem]:
    if not (isinstance(point, Mapping) and _is_text(point.get("release")) and set(point) <= _POINT):
        en = f"should have release and cost, and may have {', '.join(sorted(_POINT - {'release', 'cost'}))}"
        return [Problem(where, "应有 release 与 cost，其余见参考页", en)]
    problems = []
    if not _is_number(point.get("cost"), -1, 1000):
        problems.append(Problem(f"{where}.cost", "应为 -1 以上的数", "should be a number above -1"))
    interval = point.get("interval")
    if interval is not None and not (
        isinstance(interval, list)
        and len(interval) == 2
        and all(_is_number(end, -1, 1000) for end in interval)
        and interval[0] <= interval[1]
    ):
        problems.append(Problem(f"{where}.interval", "应为 [下限, 上限]", "should be [low, high]"))
    k, epsilon, attack = (point.get(name) for name in ("k", "epsilon", "attack"))
    if k is not None and not (isinstance(k, int) and _is_number(k, 1, 10**6)):
        problems.append(Problem(f"{where}.k", "应为正整数", "should be a whole number from 1"))
    if epsilon is not None and not (_is_number(epsilon, 0, 1000) and epsilon > 0):
        problems.append(Problem(f"{where}.epsilon", "应为正数", "should be a number above 0"))
    if attack is not None and not (_is_number(attack, 0, 1) and _is_text(point.get("attack_is"))):
        en = "should be a share from 0 to 1, with attack_is saying which attack"
        problems.append(Problem(f"{where}.attack", "应为 0 至 1 的比例，并以 attack_is 写明何种攻击", en))
    return problems


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= 300


def _is_number(value: Any, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most  # NaN is neither


# --- lineage -----------------------------------------------------------------------------------------------------

_PLACED: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "group_id": ("组", "group", "string", ("time", "lat", "lon")),
    "level": ("层级", "level", "integer", ()),
    "area_km": ("格网边长", "side of a cell", "integer", ()),
    "cell_x": ("格网列", "cell, to the east", "integer", ("lat", "lon")),
    "cell_y": ("格网行", "cell, to the north", "integer", ("lat", "lon")),
    "window_start": ("时段起", "begin of the window", "timestamp", ("time",)),
    "window_end": ("时段止", "end of the window", "timestamp", ("time",)),
    "rest": ("余组", "rest of a coarser group", "boolean", ()),
    "suppressed_types": ("未给出的类别", "classes not told", "string", ()),
}
"""Columns of every product that say where and when a group is: (zh, en, type, what of an event they are made of); which
events there are at a place and time decides them all."""

_PATTERNED: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "window_days": ("日类", "kind of days", "string", ("time",)),
    "window_from_hour": ("每日起始时", "first hour of each day", "integer", ("time",)),
    "window_until_hour": ("每日终止时", "hour after the last of each day", "integer", ("time",)),
    "rest_of_level": ("边际所属层级", "level that a marginal tells once more", "integer", ()),
}
"""Besides, where a recipe is patterned."""


def lineage_of(recipe: Recipe) -> dict[str, Any]:
    """Column by column what a product is made of: elements of its resources, counted by place and time.

    In the shape of `harmonise.lineage`: a resource is the table, its element the column.
    """
    every = [(part, m) for part in recipe.parts for m in part.measures]
    whole = _once(i for part, m in every for i in _grouping(part, m))
    fields = []
    for name, (zh, en, kind, made_of) in (_PLACED | (_PATTERNED if recipe.patterned else {})).items():
        direct = [_used(part, getattr(m, of), "DIRECT", "TRANSFORMATION") for part, m in every for of in made_of]
        inputs = _once([*direct, *whole])
        fields.append({"element": name, "zh": zh, "en": en, "type": kind, "how": "grouping", "inputs": inputs})
    for part in recipe.parts:
        for m in part.measures:
            subject = _used(part, m.subject, "DIRECT", "AGGREGATION")
            grouped = _grouping(part, m)
            if m.events_as:
                inputs = [_used(part, m.time, "DIRECT", "AGGREGATION"), *grouped]
                fields.append(_figure(m.events_as, f"{m.name} 的事件数", f"events of {m.name}", "count", inputs))
            said = f"{m.name} 的主体数", f"subjects of {m.name}"
            fields.append(_figure(m.subjects_as, *said, "count(distinct)", [subject, *grouped]))
            if part.types is not None and part.types.of == m.name:
                kinds = _used(part, part.types.column, "INDIRECT", "FILTER")
                fields += [
                    _figure(
                        f"{m.subjects_as}_{name}", f"{said[0]}：{name}", f"{said[1]}: {name}",
                        f"count(distinct, {part.types.column}={name})", [subject, kinds, *grouped],
                    )
                    for name in part.types.names
                ]  # fmt: skip
    return {
        "source": recipe.name,
        "standard": recipe.name,
        "tables": [part.resource for part in recipe.parts],
        "fields": fields,
        "whole": whole,
    }


def _figure(name: str, zh: str, en: str, how: str, inputs: list[dict[str, str]]) -> dict[str, Any]:
    return {"element": name, "zh": zh, "en": en, "type": "integer", "how": how, "inputs": _once(inputs)}


def _grouping(part: Part, measure: Measure) -> list[dict[str, str]]:
    """What says to which group an event belongs."""
    return [_used(part, name, "INDIRECT", "GROUP_BY") for name in (measure.time, measure.lat, measure.lon)]


def _used(part: Part, column: str, kind: str, what: str) -> dict[str, str]:
    return {"table": part.resource, "column": column, "kind": kind, "part": what}


def _once(inputs: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    return [dict(pairs) for pairs in dict.fromkeys(tuple(used.items()) for used in inputs)]


def traced(lineage: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The lineage with, at each input, the source columns its element was made of, where that is known.

    known: resource -> its own lineage; of resources that others built there is none, and theirs is not ours to tell."""
    made = {
        (resource, field["element"]): [
            {"source": of["source"], "table": used["table"], "column": used["column"]}
            for used in field["inputs"] if used["kind"] == "DIRECT"
        ]
        for resource, of in known.items() for field in of["fields"]
    }  # fmt: skip

    def with_sources(used: Mapping[str, str]) -> dict[str, Any]:
        return {**used, "from": made.get((used["table"], used["column"]), [])}

    fields = [{**field, "inputs": [with_sources(used) for used in field["inputs"]]} for field in lineage["fields"]]
    return {**lineage, "fields": fields}

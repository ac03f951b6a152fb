"""Reading a recipe: every mistake told at once, and its digest.

The text comes from another organisation as well as from our own workspace, so names are checked strictly:
they become quoted SQL identifiers and product columns. Must never know: data, stores.
Contract: tests/deidentify/test_deidentify_recipe.py.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from datong.deidentify.model.joint import DAY_OR_NIGHT, Form, Level, Marginal, Measure, Over, Part, Recipe, Types
from datong.deidentify.rules.windows import EVENING, MORNING, hours_in, nests, window_at
from datong.ground.canonical import digest
from datong.ground.refusal import Problem

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,78}\*?")  # the check character of a code may be an asterisk
RESERVED = {
    "group_id", "level", "area_km", "cell_x", "cell_y", "window_start", "window_end", "rest", "suppressed_types",
}  # fmt: skip
RESERVED_OF_PATTERNS = {"window_days", "window_from_hour", "window_until_hour", "rest_of_level"}
"""Columns of the table besides, where a recipe is patterned (`Recipe.patterned`)."""
FLOORS = {Form.public: 21, Form.controlled: 5, Form.enclave: 3}
"""Class-size floors, policy.md 5.5."""
HOURS = (1, 2, 3, 4, 6, 8, 12, 24)
LEVELS_MAX, PARTS_MAX, DAYS_MAX = 12, 10, 1100
CLASSES_MAX, VALUES_MAX, VALUE_LONGEST = 100, 5000, 200
"""Of a part, its values of all classes together: each class is a column of the product and a condition of the plan at
the owner, which a counterparty could otherwise keep at it for minutes."""
YEARS = (1900, 2999)
P_MAX = 100
"""The strictest p% rule: all but the two largest contributors together gave as much as the largest."""
TIMES_MAX = 8
"""Times of a marginal in one group: the gate looks at every set of them (2 to the power of 8)."""


class Found:
    """Problems found so far, each with its place."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def say(self, where: str, zh: str, en: str) -> None:
        self.problems.append(Problem(where, zh, en))

    def name(self, value: Any, where: str) -> None:
        if not (isinstance(value, str) and NAME.fullmatch(value)):
            self.say(where, "应为小写字母开头的名称", "should be a name: a-z, 0-9 and _, at most 40 characters")


def recipe_problems(value: Any) -> list[Problem]:
    """Everything wrong with the JSON form of a recipe; empty when `recipe_of` may read it."""
    found = Found()
    if not isinstance(value, Mapping):
        found.say("recipe", "应为对象", "should be an object")
        return found.problems
    allowed = {"name", "zone", "period", "origin", "area", "levels", "marginals", "k", "p", "parts", "purposes",
               "form"}  # fmt: skip
    for key in value:
        if key not in allowed:
            found.say(str(key), "没有这一项", "no such item")
    if not (isinstance(value.get("name"), str) and re.fullmatch(r"[a-z][a-z0-9-]{0,39}", value["name"])):
        found.say("name", "应为小写名称", "should be a name: a-z, 0-9 and -")
    _place_and_time(value, found)
    _levels(value.get("levels"), found)
    if "marginals" in value:
        _marginals(value, found)
    form = value.get("form")
    if not isinstance(form, str) or form not in set(Form):
        found.say("form", f"应为 {', '.join(Form)} 之一", f"should be one of {', '.join(Form)}")
    elif not (_is_int(value.get("k")) and value["k"] >= FLOORS[Form(form)]):
        floor = FLOORS[Form(form)]
        found.say("k", f"{form} 交付不得小于 {floor}", f"should be a whole number of at least {floor} for {form}")
    if "p" in value:
        _dominance(value, found)
    purposes = value.get("purposes")
    if not (isinstance(purposes, list) and purposes and all(isinstance(p, str) for p in purposes)):
        found.say("purposes", "应为至少一个用途", "should list at least one purpose")
    _parts(value.get("parts"), found, RESERVED | RESERVED_OF_PATTERNS if _may_be_patterned(value) else RESERVED)
    return found.problems


def _place_and_time(value: Mapping[str, Any], found: Found) -> None:
    try:
        ZoneInfo(value.get("zone") or "")
    except (KeyError, ValueError, TypeError, OSError):
        found.say("zone", "没有这个时区", "no such time zone; write e.g. Asia/Shanghai")
    try:
        since, until = (date.fromisoformat(value["period"][key]) for key in ("from", "until"))
        if not 0 < (until - since).days <= DAYS_MAX:
            found.say("period", f"应为 1 至 {DAYS_MAX} 天", f"should be 1 to {DAYS_MAX} days, until excluded")
        elif not YEARS[0] <= since.year <= until.year <= YEARS[1]:  # in some zone the year 1 begins before time does
            zh, en = f"应在 {YEARS[0]} 至 {YEARS[1]} 年之间", f"should lie in the years {YEARS[0]} to {YEARS[1]}"
            found.say("period", zh, en)
    except (KeyError, TypeError, ValueError):
        found.say("period", "应有日期 from 与 until", "should have the dates from and until")
    origin, area = value.get("origin"), value.get("area")
    if not (_numbers(origin, ("lat", "lon")) and origin and abs(origin["lat"]) < 85 and abs(origin["lon"]) <= 180):
        found.say("origin", "应有经纬度 lat、lon", "should have lat and lon in degrees")
    sides = ("south", "west", "north", "east")
    if not (
        _numbers(area, sides)
        and area
        and -90 <= area["south"] < area["north"] <= 90
        and -180 <= area["west"] < area["east"] <= 180
    ):  # a wider one would take in incomes or debts that a recipe names for a longitude
        en = "should have south < north within 90 degrees and west < east within 180"
        found.say("area", "应有 south < north（±90 度以内）、west < east（±180 度以内）", en)


def _levels(value: Any, found: Found) -> None:
    if not (isinstance(value, list) and 1 <= len(value) <= LEVELS_MAX):
        found.say("levels", f"应为 1 至 {LEVELS_MAX} 级", f"should list 1 to {LEVELS_MAX} levels, finest first")
        return
    before = len(found.problems)
    for number, level in enumerate(value):
        _level(level, f"levels[{number}]", found)
    if len(found.problems) > before:
        return
    levels = [_level_of(level) for level in value]
    for number, (fine, coarse) in enumerate(pairwise(levels), 1):
        where = f"levels[{number}]"
        if coarse.km is not None and (fine.km is None or coarse.km % fine.km):
            found.say(f"{where}.km", "应为上一级的整数倍", "should be a multiple of the level before")
        if not nests(fine, coarse):
            _say_how_times_nest(where, fine, coarse, found)
        if fine == coarse:
            found.say(where, "与上一级相同", "is the same as the level before")
    if not (levels[-1].km is None and levels[-1].whole):
        found.say("levels", "最后一级应为 whole、whole", "the last level should be whole, whole")


def _level(level: Any, where: str, found: Found) -> None:
    if not (isinstance(level, Mapping) and {"km", "hours"} <= set(level) <= {"km", "hours", "over", "days"}):
        found.say(where, "应有 km 与 hours，可有 over 与 days", "should have km and hours, and may have over and days")
        return
    hours, over, days = level["hours"], level.get("over"), level.get("days")
    if not (level["km"] == "whole" or (_is_int(level["km"]) and 1 <= level["km"] <= 1000)):
        found.say(f"{where}.km", "应为整公里或 whole", "should be whole kilometres, or whole")
    if not (hours in ("whole", DAY_OR_NIGHT) or (_is_int(hours) and hours in HOURS)):
        zh, en = f"应整除 24，或 {DAY_OR_NIGHT}，或 whole", f"should divide 24, or be {DAY_OR_NIGHT} or whole"
        found.say(f"{where}.hours", zh, en)
    elif hours == 24 and "over" in level:
        found.say(f"{where}.hours", "合并多日的整天应写 whole", "all hours of several days are written as whole")
    if "over" in level and not (isinstance(over, str) and over in set(Over)):
        found.say(
            f"{where}.over", f"应为 {', '.join(Over)} 之一，或不写", f"should be {' or '.join(Over)}, or be left out"
        )
    if "days" in level and days != "alike":
        found.say(f"{where}.days", "应为 alike，或不写", "should be alike, or be left out")
    if "days" in level and "over" not in level:
        found.say(f"{where}.days", "须写明 over", "needs over: like days are taken together over a week or the period")
    if (hours, over, days) == ("whole", Over.period, None):
        found.say(f"{where}.over", "整个时段只写 hours: whole", "the whole period is written as hours: whole alone")


def _say_how_times_nest(where: str, fine: Level, coarse: Level, found: Found) -> None:
    """Why the windows of a level do not nest in those of the next."""
    if coarse.hours == DAY_OR_NIGHT and isinstance(fine.hours, int) and fine.over is None:
        zh = f"昼为 {MORNING} 至 {EVENING} 时；上一级应为 1 或 3 小时"
        en = f"day is {MORNING} to {EVENING} h; the level before should have hours 1 or 3"
        found.say(f"{where}.hours", zh, en)
    elif fine.over == coarse.over and fine.alike == coarse.alike:
        found.say(f"{where}.hours", "应为上一级的整数倍", "should be a multiple of the level before")
    else:
        zh = f"上一级的时间（{fine.times}）不都落在本级的一个时间（{coarse.times}）之内"
        found.say(where, zh, f"the times of the level before ({fine.times}) do not nest in its own ({coarse.times})")


def _level_of(value: Mapping[str, Any]) -> Level:
    km, hours = (None if value[unit] == "whole" else value[unit] for unit in ("km", "hours"))
    return Level(km, hours, Over(value["over"]) if "over" in value else None, "days" in value)


def _marginals(value: Mapping[str, Any], found: Found) -> None:
    """Exactly those whose joint disclosure with the groups the gate can compute (rules.rests says why)."""
    given = value["marginals"]
    if not (isinstance(given, list) and 1 <= len(given) <= LEVELS_MAX and all(isinstance(m, Mapping) for m in given)):
        found.say("marginals", f"应为 1 至 {LEVELS_MAX} 项，或不写", f"should list 1 to {LEVELS_MAX}, or be left out")
        return
    if any(problem.where.startswith(("levels", "period", "zone")) for problem in found.problems):
        return  # they are said by the levels
    levels = [_level_of(level) for level in value["levels"]]
    taken: set[int] = set()
    for number, marginal in enumerate(given):
        where = f"marginals[{number}]"
        if set(marginal) != {"groups_of", "km", "times_of"}:
            found.say(where, "应有 groups_of、km、times_of", "should have groups_of, km and times_of")
            continue
        of, by = marginal["groups_of"], marginal["times_of"]
        if not (_is_int(of) and 1 <= of < len(levels)):
            en = f"should be the number of a level from 1 to {len(levels) - 1}, the finest being 0"
            found.say(f"{where}.groups_of", f"应为 1 至 {len(levels) - 1} 的层级号", en)
            continue
        if of in taken:
            zh, en = (
                "同一层级的分组只能再给出一次",
                "names a level twice; the gate cannot compute three tables of one level",
            )
            found.say(f"{where}.groups_of", zh, en)
        taken.add(of)
        if marginal["km"] != "whole":
            found.say(f"{where}.km", "只能为 whole", "should be whole; the gate cannot compute others")
        if not _is_int(by) or by != of - 1:
            zh = f"只能为 {of - 1}：放行检查只能计算相邻层级的时间"
            found.say(
                f"{where}.times_of", zh, f"should be {of - 1}: the gate can compute the times of the level before"
            )
        _measurable(value, levels, of, where, found)


def _measurable(value: Mapping[str, Any], levels: list[Level], of: int, where: str, found: Found) -> None:
    if len({level.km for level in levels[: of + 1]}) > 1:
        zh = f"第 0 至 {of} 级应有相同的 km"
        en = f"the levels 0 to {of} should have the same km; the gate can compute no coarser cells"
        found.say(f"{where}.groups_of", zh, en)
    since, until = (date.fromisoformat(value["period"][key]) for key in ("from", "until"))
    times: dict[Any, set[Any]] = {}
    for day, hour in hours_in(value["zone"], since, until):
        times.setdefault(window_at(levels[of], day, hour), set()).add(window_at(levels[of - 1], day, hour))
    most = max(map(len, times.values()), default=0)
    if most > TIMES_MAX:
        zh = f"第 {of} 级的一个时间含第 {of - 1} 级的 {most} 个时间，至多 {TIMES_MAX} 个；请在其间加一级"
        en = (f"a time of level {of} has {most} of level {of - 1}, and the gate can compute {TIMES_MAX}; "
              "put a level between them")  # fmt: skip
        found.say(f"{where}.groups_of", zh, en)
    for part in value.get("parts") or []:
        for measure in (part.get("measures") or []) if isinstance(part, Mapping) else []:
            if isinstance(measure, Mapping) and not measure.get("events_as"):
                en = f"needs events_as of measure {measure.get('name')}: numbers of subjects do not add up over times"
                found.say(where, f"统计项 {measure.get('name')} 须有 events_as", en)


def _dominance(value: Mapping[str, Any], found: Found) -> None:
    """The p% rule of a recipe: of numbers of events, and not of what nobody can check it of."""
    p = value["p"]
    if not (_is_int(p) and 1 <= p <= P_MAX):
        en = f"should be whole per cent from 1 to {P_MAX}, or be left out"
        found.say("p", f"应为 1 至 {P_MAX} 的整数（百分数），或不写", en)
    if "marginals" in value:
        en = "does not go with marginals: whose events their rows and columns together give away cannot be computed"
        found.say("p", "不能与 marginals 并用：行列合看会露出谁的事件无法计算", en)
    parts = value.get("parts")
    listed = [part for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
    measures = [m for part in listed if isinstance(part.get("measures"), list) for m in part["measures"]]
    if not any(isinstance(m, Mapping) and m.get("events_as") for m in measures):
        found.say("p", "没有统计项给出事件数", "is of numbers of events, and no measure has events_as")


def _may_be_patterned(value: Mapping[str, Any]) -> bool:
    levels = value.get("levels")
    given = [level for level in levels if isinstance(level, Mapping)] if isinstance(levels, list) else []
    return "marginals" in value or any("over" in level or level.get("hours") == DAY_OR_NIGHT for level in given)


def _parts(value: Any, found: Found, reserved: Collection[str]) -> None:
    if not (isinstance(value, list) and 1 <= len(value) <= PARTS_MAX and all(isinstance(p, Mapping) for p in value)):
        found.say("parts", f"应为 1 至 {PARTS_MAX} 个提供方", f"should list 1 to {PARTS_MAX} parts")
        return
    columns: Counter[str] = Counter()
    for number, part in enumerate(value):
        where = f"parts[{number}]"
        found.name(part.get("part"), f"{where}.part")
        found.name(part.get("standard"), f"{where}.standard")
        if not (isinstance(part.get("resource"), str) and CODE.fullmatch(part["resource"])):
            found.say(f"{where}.resource", "缺少资源编码", "the resource code is missing")
        columns.update(_measures(part.get("measures"), where, found))
        if part.get("types") is not None:
            columns.update(_types(part, where, found))
    for column, times in columns.items():
        if times > 1 or column in reserved:
            found.say("parts", f"列名 {column} 重复或被保留", f"the product column {column} is used twice or reserved")
    for key in ("part", "resource"):
        names = [str(part.get(key)) for part in value]
        if len(set(names)) < len(names):
            found.say("parts", f"{key} 重复", f"two parts have the same {key}")


def _measures(value: Any, where: str, found: Found) -> list[str]:
    if not (isinstance(value, list) and 1 <= len(value) <= 10 and all(isinstance(m, Mapping) for m in value)):
        found.say(f"{where}.measures", "应为 1 至 10 项", "should list 1 to 10 measures")
        return []
    columns = []
    for number, measure in enumerate(value):
        for key in ("name", "subject", "time", "lat", "lon", "subjects_as"):
            found.name(measure.get(key), f"{where}.measures[{number}].{key}")
        if measure.get("events_as"):
            found.name(measure["events_as"], f"{where}.measures[{number}].events_as")
        columns += [str(measure.get("subjects_as")), *([str(measure["events_as"])] if measure.get("events_as") else [])]
    if len({str(m.get("name")) for m in value}) < len(value):
        found.say(f"{where}.measures", "名称重复", "two measures have the same name")
    return columns


def _types(part: Mapping[str, Any], where: str, found: Found) -> list[str]:
    types = part["types"]
    if not isinstance(types, Mapping) or not isinstance(types.get("classes"), Mapping) or not types["classes"]:
        found.say(f"{where}.types", "应有 column、of、classes", "should have column, of and classes")
        return []
    found.name(types.get("column"), f"{where}.types.column")
    measures = part["measures"] if isinstance(part.get("measures"), list) else []
    subjects = {str(m.get("name")): m.get("subjects_as") for m in measures if isinstance(m, Mapping)}
    if types.get("of") not in list(subjects):
        found.say(f"{where}.types.of", "没有这一项统计", "no such measure")
    other = types.get("other", "other")
    names = [*types["classes"], *([] if other is None else [other])]
    values = [v for given in types["classes"].values() for v in (given if isinstance(given, list) else [None])]
    if len(names) > CLASSES_MAX or len(values) > VALUES_MAX:
        en = f"should be at most {CLASSES_MAX} classes and {VALUES_MAX} values"
        found.say(f"{where}.types.classes", f"应至多 {CLASSES_MAX} 类、{VALUES_MAX} 个取值", en)
        return []
    for name in names:
        found.name(name, f"{where}.types.classes.{name}")
    if any(isinstance(v, str) and len(v) > VALUE_LONGEST for v in values):
        en = f"should be texts of at most {VALUE_LONGEST} signs"
        found.say(f"{where}.types.classes", f"取值至多 {VALUE_LONGEST} 字", en)
    if not all(isinstance(v, str) for v in values) or len(set(values)) < len(values):
        found.say(f"{where}.types.classes", "取值应为不重复的文本列表", "values should be lists of texts, none twice")
    return [f"{subjects.get(str(types.get('of')))}_{name}" for name in names]


def recipe_of(value: Mapping[str, Any]) -> Recipe:
    """The recipe of a JSON value without problems."""
    origin, area, period = value["origin"], value["area"], value["period"]
    return Recipe(
        name=value["name"],
        zone=value["zone"],
        since=date.fromisoformat(period["from"]),
        until=date.fromisoformat(period["until"]),
        origin=(float(origin["lat"]), float(origin["lon"])),
        area=(float(area["south"]), float(area["west"]), float(area["north"]), float(area["east"])),
        levels=tuple(_level_of(level) for level in value["levels"]),
        marginals=tuple(Marginal(m["groups_of"], m["times_of"]) for m in value.get("marginals") or ()),
        k=value["k"],
        parts=tuple(_part(part) for part in value["parts"]),
        purposes=tuple(value["purposes"]),
        form=Form(value["form"]),
        p=value.get("p", 0),
    )


def _part(value: Mapping[str, Any]) -> Part:
    types = value.get("types")
    return Part(
        value["part"],
        value["resource"],
        value["standard"],
        tuple(
            Measure(m["name"], m["subject"], m["time"], m["lat"], m["lon"], m["subjects_as"], m.get("events_as") or "")
            for m in value["measures"]
        ),
        types
        and Types(
            types["column"],
            types["of"],
            {name: tuple(types["classes"][name]) for name in sorted(types["classes"])},  # whatever order JSON had
            types.get("other", "other") or "",
        ),
    )


def period_of(value: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """First and last instant (excluded) of a recipe's period: its dates are days of its own zone.

    Where midnight falls into a change of the clocks, the longer reading counts.
    """
    zone = ZoneInfo(value["zone"])
    since, until = (date.fromisoformat(str(value["period"][name])) for name in ("from", "until"))
    return (
        datetime(since.year, since.month, since.day, tzinfo=zone).astimezone(UTC),
        datetime(until.year, until.month, until.day, tzinfo=zone, fold=1).astimezone(UTC),
    )


def periods_meet(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the periods of two recipes have an instant in common; text of dates says nothing across zones."""
    (begins, ends), (other_begins, other_ends) = period_of(one), period_of(other)
    return begins < other_ends and other_begins < ends


def geometry(value: Mapping[str, Any], resources: Collection[str]) -> str:
    """Digest of what decides which events of these resources a group id stands for and how they are counted."""
    names = ("zone", "period", "origin", "area", "levels", "k", *(name for name in ("marginals", "p") if name in value))
    parts = [part for part in value["parts"] if part["resource"] in resources]
    return digest({**{name: value[name] for name in names}, "parts": parts})


def recipe_digest(value: Mapping[str, Any]) -> str:
    """ "<algorithm>:<hex>" over the canonical JSON of a recipe: what the parties agree on."""
    return digest(dict(value))


def type_columns(part: Part) -> dict[str, str]:
    """class name -> product column, e.g. bus -> vehicles_bus; empty when the part has no types."""
    if part.types is None:
        return {}
    of = next(m.subjects_as for m in part.measures if m.name == part.types.of)
    return {name: f"{of}_{name}" for name in part.types.names}


def figure_columns(part: Part) -> list[str]:
    """The columns of figures that a provider's table has, in order: events, subjects, subjects by class."""
    events = [m.events_as for m in part.measures if m.events_as]
    return [*events, *(m.subjects_as for m in part.measures), *type_columns(part).values()]


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _numbers(value: Any, keys: tuple[str, ...]) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) == set(keys)
        and all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in value.values())
    )

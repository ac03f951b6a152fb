"""Reading a question: every mistake told at once, and the one canonical form that makes two requests the same.

    {kind: flow, rows_per_unit: 20, spend: {rho: 0.05}, by: [
       {cells: {name: origin, lat: start_lat, lon: start_lon, km: 4, origin: {...}, area: {...}}},
       {cells: {name: destination, lat: end_lat, lon: end_lon, km: 4, origin: {...}, area: {...}}},
       {windows: {column: started_at, zone: America/New_York, from: 2019-09-01, until: 2019-10-01, hours: 3}}]}

Keys: docs/reference/noisy-queries.md. Must never know: data, budgets.
Contract: tests/deidentify/test_deidentify_budget_query.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from datong.deidentify.model.budget import (
    NORM_STEPS,
    Bins,
    Cells,
    Classes,
    Dimension,
    Kind,
    Norm,
    Query,
    Value,
    Windows,
)
from datong.deidentify.rules.budget import zcdp
from datong.deidentify.rules.budget.sensitivity import could_overflow
from datong.deidentify.rules.nodes import KM_PER_DEGREE
from datong.deidentify.rules.recipe import DAYS_MAX, HOURS, Found

ROWS_MAX = 1_000_000
GROUPS_MAX = 500_000
CANDIDATES_MAX = 10_000
RANKED_MAX = 5_000_000
"""Groups times candidates of a quantile."""
CLASSES_MAX = 1000
DIMENSIONS_MAX = 5
STEPS_MAX = 1 << 53
"""Up to here a double counts whole steps exactly."""
NORM_MAX = 1_000_000
QUERY_KEYS = {"kind", "rows_per_unit", "rows_per_group", "norm_per_unit", "value", "by", "levels", "spend"}
VALUE_KEYS = {"column", "lower", "upper", "step"}
CLASSES_KEYS = {"column", "values"}
BINS_KEYS = {"column", "edges"}
CELLS_KEYS = {"name", "lat", "lon", "km", "origin", "area"}
NORM_KEYS = {"most", "share"}
WINDOWS_KEYS = {"column", "zone", "from", "until", "hours", "clock", "weekends", "days", "name"}
SPEND_KEYS = {"rho", "epsilon", "delta"}
SIDES = ("south", "west", "north", "east")


class Reader(Found):
    """Reads parts of a question; what is wrong is said and read as None."""

    def keys(self, value: Any, allowed: set[str], where: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.say(where, "应为对象", "should be an object")
            return {}
        for key in value:
            if key not in allowed:
                self.say(f"{where}.{key}"[:120], "没有这一项", f"no such item; there are {', '.join(sorted(allowed))}")
        return value

    def whole(self, value: Any, where: str, most: int) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            self.say(where, f"应为 1 至 {most} 的整数", f"should be a whole number from 1 to {most}")
            return None
        return value

    def number(self, value: Any, where: str) -> Decimal | None:
        """A finite number, exact as it was written."""
        try:
            read = Decimal(str(value)) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
        except InvalidOperation:
            read = None
        if read is None or not read.is_finite() or abs(read.adjusted()) > 18 or len(read.as_tuple().digits) > 20:
            self.say(where, "应为有限的数", "should be a finite number (no NaN, no infinity) of at most 20 digits")
            return None
        return read

    def column(self, value: Any, where: str, columns: Collection[str] | None) -> str:
        if not isinstance(value, str) or not value:
            self.say(where, "应为列名", "should be the name of a column")
        elif columns is not None and value not in columns:
            self.say(
                where, "数据中没有这一列", f"the data have no such column; they have {', '.join(sorted(columns)[:40])}"
            )
        return str(value)


def query_of(value: Any, columns: Collection[str] | None = None) -> tuple[Query | None, Found]:
    """The question, or None with everything that is wrong with it. columns: those of the data, where they are known."""
    found = Reader()
    told = found.keys(value, QUERY_KEYS, "query")
    kind = told.get("kind")
    if not isinstance(kind, str) or kind not in set(Kind):
        found.say("kind", f"应为 {', '.join(Kind)} 之一", f"should be one of {', '.join(Kind)}")
    norm = _norm(told, found) if "norm_per_unit" in told else None
    rows, per_group = (0, 0) if "norm_per_unit" in told else _rows(told, found)
    spend = spend_of(told.get("spend"), found)
    by = _by(told.get("by", []), found, columns)
    measure = _value(told.get("value"), found, columns) if "value" in told else None
    levels = _levels(told.get("levels"), found) if "levels" in told else ()
    if isinstance(kind, str) and kind in set(Kind):
        _fits(Kind(kind), told, by, measure, found)
        if norm is not None:
            _fits_norm(Kind(kind), norm, by, found)
    if found.problems:
        return None, found
    assert rows is not None and per_group is not None and spend and by is not None
    query = Query(Kind(str(kind)), rows, per_group, measure, by, levels, spend, {}, norm)
    if spend < max(1, len(levels), 2 if query.kind is Kind.mean else 1):
        found.say("spend", "过小", "is too small to be divided among what is asked")
    elif could_overflow(query):
        found.say("value", "上下界与 rows_per_unit 之积会使合计超出 64 位整数",
                  "bounds times rows_per_unit may overflow 64 bits: narrow them, or take coarser steps")  # fmt: skip
    return (None if found.problems else _with_form(query)), found


def _rows(told: Mapping[str, Any], found: Reader) -> tuple[int | None, int | None]:
    """(rows_per_unit, rows_per_group)."""
    rows = found.whole(told.get("rows_per_unit"), "rows_per_unit", ROWS_MAX)
    per_group = (
        rows if told.get("rows_per_group") is None else found.whole(told["rows_per_group"], "rows_per_group", ROWS_MAX)
    )
    if rows and per_group and per_group > rows:
        found.say("rows_per_group", "不应大于 rows_per_unit", "should not be more than rows_per_unit")
    return rows, per_group


def _norm(asked: Mapping[str, Any], found: Reader) -> Norm | None:
    for name in ("rows_per_unit", "rows_per_group"):
        if name in asked:
            found.say(name, "与 norm_per_unit 只取其一", "does not go with norm_per_unit: state one bound")
    told = found.keys(asked["norm_per_unit"], NORM_KEYS, "norm_per_unit")
    most = found.number(told.get("most"), "norm_per_unit.most")
    share = None if told.get("share") is None else found.number(told["share"], "norm_per_unit.share")
    if most is not None and (not 0 < most <= NORM_MAX or most * NORM_STEPS % 1):
        found.say("norm_per_unit.most", f"应大于 0，至多 {NORM_MAX}，至多三位小数",
                  f"should be above 0 and at most {NORM_MAX}, in thousandths")  # fmt: skip
        return None
    if share is not None and not Decimal("0.001") <= share <= Decimal("0.999"):
        found.say("norm_per_unit.share", "应为 0.001 至 0.999", "should be from 0.001 to 0.999")
        return None
    return None if most is None else Norm(most, share)


def _fits_norm(kind: Kind, norm: Norm, by: tuple[Dimension, ...] | None, found: Reader) -> None:
    if kind in (Kind.sum, Kind.mean, Kind.quantile):
        found.say(
            "norm_per_unit", f"{kind} 不用长度界限，请用 rows_per_unit", f"goes with counts; a {kind} has rows_per_unit"
        )
    in_time = [dimension for dimension in by or () if isinstance(dimension, Windows) and not dimension.clock]
    if by is not None and norm.share is not None and len(in_time) != 1:
        found.say("norm_per_unit.share", "须有且只有一个按时间先后的 windows",
                  "needs one windows in order of time, which has no clock, and one only")  # fmt: skip


def spend_of(value: Any, found: Reader, where: str = "spend") -> int | None:
    """The cost in nano-rho of {rho} or {epsilon, delta}."""
    told = found.keys(value, SPEND_KEYS, where)
    rho, delta = _cost(told, found, where)
    if rho is None:
        return None
    if "rho" in told:
        return zcdp.nanorho_up(rho)
    nanorho = zcdp.nanorho_of(float(rho), float(delta or zcdp.DELTA_DEFAULT))
    if nanorho < 1:
        found.say(
            f"{where}.epsilon", "过小：不足 rho 0.000000001", "is too small: it comes to less than rho 0.000000001"
        )
        return None
    return nanorho


def _cost(told: Mapping[str, Any], found: Reader, where: str) -> tuple[Decimal | None, Decimal | None]:
    if ("rho" in told) == ("epsilon" in told) or ("rho" in told and "delta" in told and where == "spend"):
        found.say(where, "应给出 rho，或 epsilon 与 delta", "should give rho, or epsilon with delta")
        return None, None
    name = "rho" if "rho" in told else "epsilon"
    amount = found.number(told[name], f"{where}.{name}")
    delta = delta_of(told, found, where, needed=name == "epsilon")
    if amount is not None and not 0 < amount <= zcdp.RHO_MAX:
        found.say(f"{where}.{name}", f"应大于 0，至多 {zcdp.RHO_MAX}", f"should be above 0 and at most {zcdp.RHO_MAX}")
        return None, None
    if amount is None or (name == "epsilon" and delta is None):
        return None, None
    if name == "rho" and zcdp.nanorho_down(amount) < 1:
        found.say(f"{where}.rho", "至少 0.000000001", "should be at least 0.000000001")
        return None, None
    return amount, delta


def delta_of(told: Mapping[str, Any], found: Reader, where: str, *, needed: bool) -> Decimal | None:
    if told.get("delta") is None:
        if needed:
            found.say(f"{where}.delta", "epsilon 须与 delta 同给", "should be given with epsilon")
            return None
        return zcdp.DELTA_DEFAULT
    delta = found.number(told["delta"], f"{where}.delta")
    if delta is not None and not Decimal("1e-18") <= delta <= zcdp.DELTA_MAX:
        found.say(f"{where}.delta", f"应为 1e-18 至 {zcdp.DELTA_MAX}",
                  f"should be from 1e-18 to {zcdp.DELTA_MAX}, and well below one over the number of units")  # fmt: skip
        return None
    return delta


def cap_of(told: Mapping[str, Any]) -> tuple[int, Decimal, Found]:
    """(cap in nano-rho rounded down, delta, problems) of {rho, [delta]} or {epsilon, delta}."""
    found = Reader()
    amount, delta = _cost({name: given for name, given in told.items() if given is not None}, found, "cap")
    if amount is None or delta is None:
        return 0, zcdp.DELTA_DEFAULT, found
    cap = zcdp.nanorho_down(amount) if told.get("rho") is not None else zcdp.nanorho_of(float(amount), float(delta))
    if cap < 1:
        found.say("cap", "过小", "is below one nano-rho")
    return cap, delta, found


def _value(value: Any, found: Reader, columns: Collection[str] | None) -> Value | None:
    told = found.keys(value, VALUE_KEYS, "value")
    column = found.column(told.get("column"), "value.column", columns)
    lower, upper = (found.number(told.get(name), f"value.{name}") for name in ("lower", "upper"))
    step = found.number(told.get("step", 1), "value.step")
    if step is not None and step <= 0:
        found.say("value.step", "应大于 0", "should be above 0")
        step = None
    if lower is None or upper is None or step is None:
        return None
    if lower >= upper:
        found.say("value.upper", "应大于 lower", "should be above lower")
        return None
    if lower % step or upper % step:
        found.say("value", "lower 与 upper 应为 step 的整数倍", "lower and upper should be whole multiples of step")
        return None
    low, high = int(lower / step), int(upper / step)
    if max(abs(low), abs(high)) > STEPS_MAX:
        found.say("value", f"至多 {STEPS_MAX} 步", f"should have bounds of at most {STEPS_MAX} steps")
        return None
    return Value(column, low, high, step)


def _levels(value: Any, found: Reader) -> tuple[int, ...]:
    read = [found.number(level, f"levels[{n}]") for n, level in enumerate(value)] if isinstance(value, list) else []
    thousandths = [level * 1000 for level in read if level is not None]
    if not thousandths or len(thousandths) > 20 or any(t % 1 or not 1 <= t <= 999 for t in thousandths):
        found.say(
            "levels",
            "应为 0.001 至 0.999，至多三位小数",
            "should list 1 to 20 levels from 0.001 to 0.999, in thousandths",
        )
        return ()
    return tuple(sorted({int(t) for t in thousandths}))


def _by(value: Any, found: Reader, columns: Collection[str] | None) -> tuple[Dimension, ...] | None:
    if not isinstance(value, list) or len(value) > DIMENSIONS_MAX:
        found.say("by", f"应为至多 {DIMENSIONS_MAX} 项的列表", f"should list at most {DIMENSIONS_MAX} dimensions")
        return None
    before = len(found.problems)
    read = [_dimension(entry, f"by[{n}]", found, columns) for n, entry in enumerate(value)]
    if len(found.problems) > before:
        return None
    by = tuple(dimension for dimension in read if dimension is not None)
    groups = math.prod(size_of(dimension) for dimension in by)
    if groups > GROUPS_MAX:
        found.say(
            "by", f"共 {groups} 个组，至多 {GROUPS_MAX}", f"makes {groups} groups; at most {GROUPS_MAX} are answered"
        )
    names = [name_of(dimension) for dimension in by]
    if len(set(names)) < len(names):
        found.say("by", "各维度的名称应不同", "should have dimensions of different names")
    return by


def _dimension(entry: Any, where: str, found: Reader, columns: Collection[str] | None) -> Dimension | None:
    readers: dict[str, Callable[[Any, str, Reader, Collection[str] | None], Dimension | None]]
    readers = {"classes": _classes, "bins": _bins, "cells": _cells, "windows": _windows}
    if not (isinstance(entry, Mapping) and len(entry) == 1 and (name := next(iter(entry))) in readers):
        found.say(where, f"应为 {', '.join(readers)} 之一", f"should have one item of {', '.join(readers)}")
        return None
    return readers[str(name)](entry[name], f"{where}.{name}", found, columns)


def _classes(value: Any, where: str, found: Reader, columns: Collection[str] | None) -> Classes:
    told = found.keys(value, CLASSES_KEYS, where)
    column, values = found.column(told.get("column"), f"{where}.column", columns), told.get("values")
    if not (isinstance(values, list) and 1 <= len(values) <= CLASSES_MAX and all(isinstance(v, str) for v in values)
            and len(set(values)) == len(values)):  # fmt: skip
        found.say(
            f"{where}.values",
            f"应为 1 至 {CLASSES_MAX} 个不同的文字",
            f"should list 1 to {CLASSES_MAX} different texts",
        )
        return Classes(column, ())
    return Classes(column, tuple(sorted(values)))


def _bins(value: Any, where: str, found: Reader, columns: Collection[str] | None) -> Bins:
    told = found.keys(value, BINS_KEYS, where)
    column, edges = found.column(told.get("column"), f"{where}.column", columns), told.get("edges")
    given = (
        [found.number(edge, f"{where}.edges[{n}]") for n, edge in enumerate(edges)] if isinstance(edges, list) else []
    )
    read = [edge for edge in given if edge is not None]
    if len(read) == len(given) and (not 2 <= len(read) <= CLASSES_MAX + 1 or any(a >= b for a, b in pairwise(read))):
        found.say(f"{where}.edges", "应为至少两个递增的数", f"should list 2 to {CLASSES_MAX + 1} rising numbers")
    return Bins(column, tuple(read))


def _cells(value: Any, where: str, found: Reader, columns: Collection[str] | None) -> Cells | None:
    told = found.keys(value, CELLS_KEYS, where)
    found.name(told.get("name"), f"{where}.name")
    lat, lon = (found.column(told.get(name), f"{where}.{name}", columns) for name in ("lat", "lon"))
    km = found.whole(told.get("km"), f"{where}.km", 1000)
    origin_told = found.keys(told.get("origin"), {"lat", "lon"}, f"{where}.origin")
    area_told = found.keys(told.get("area"), set(SIDES), f"{where}.area")
    origin = [found.number(origin_told.get(name), f"{where}.origin.{name}") for name in ("lat", "lon")]
    area = [found.number(area_told.get(name), f"{where}.area.{name}") for name in SIDES]
    if km is None or None in origin or None in area:
        return None
    place, sides = tuple(x for x in origin if x is not None), tuple(x for x in area if x is not None)
    south, west, north, east = sides
    if not (-85 < south < north < 85 and -180 <= west < east <= 180 and abs(place[0]) < 85 and abs(place[1]) <= 180):
        found.say(where, "应有 south < north、west < east，纬度小于 85 度",
                  "should have south < north and west < east, in degrees, latitudes below 85")  # fmt: skip
        return None
    cells = Cells(str(told.get("name")), lat, lon, km, (place[0], place[1]), (south, west, north, east))
    if size_of(cells) > GROUPS_MAX:
        found.say(where, f"格网过细：{size_of(cells)} 格", f"has {size_of(cells)} cells; take larger ones")
        return None
    return cells


def _windows(value: Any, where: str, found: Reader, columns: Collection[str] | None) -> Windows | None:
    told = found.keys(value, WINDOWS_KEYS, where)
    column, zone = found.column(told.get("column"), f"{where}.column", columns), told.get("zone")
    try:
        ZoneInfo(zone if isinstance(zone, str) else "")
    except (KeyError, ValueError, OSError):
        found.say(f"{where}.zone", "没有这个时区", "no such time zone; write e.g. Asia/Shanghai")
    days = []
    for name in ("from", "until"):
        try:
            days.append(date.fromisoformat(str(told.get(name))))
        except ValueError:
            found.say(f"{where}.{name}", "应为日期", "should be a date, YYYY-MM-DD")
    days_long = 0 if told.get("days") is None else found.whole(told["days"], f"{where}.days", DAYS_MAX) or 0
    if days_long and ("hours" in told or told.get("clock")):
        found.say(f"{where}.days", "与 hours、clock 只取其一", "goes without hours and clock")
    if not days_long and (isinstance(told.get("hours"), bool) or told.get("hours") not in HOURS):
        found.say(
            f"{where}.hours",
            f"应为 {', '.join(map(str, HOURS))} 之一",
            f"should be one of {', '.join(map(str, HOURS))}",
        )
    for name in ("clock", "weekends"):
        if not isinstance(told.get(name, False), bool):
            found.say(f"{where}.{name}", "应为 true 或 false", "should be true or false")
    if told.get("weekends") is True and told.get("clock") is not True:
        found.say(f"{where}.weekends", "须与 clock 同用", "goes with clock: true")
    if told.get("name") is not None:
        found.name(told["name"], f"{where}.name")
    if len(days) < 2:
        return None
    if not 0 < (days[1] - days[0]).days <= DAYS_MAX:
        found.say(where, f"应为 1 至 {DAYS_MAX} 天", f"should be 1 to {DAYS_MAX} days, until excluded")
        return None
    if days_long and (days[1] - days[0]).days % days_long:
        found.say(f"{where}.days", "应整除 from 至 until 的天数", "should divide the days from `from` until `until`")
    hours = told["hours"] if told.get("hours") in HOURS else 24
    return Windows(column, str(zone), days[0], days[1], hours, told.get("clock") is True, told.get("weekends") is True,
                   days_long, str(told.get("name") or ""))  # fmt: skip


def _fits(
    kind: Kind, told: Mapping[str, Any], by: tuple[Dimension, ...] | None, value: Value | None, found: Reader
) -> None:
    """Whether the parts are those of this kind of question."""
    needs_value = kind in (Kind.sum, Kind.mean, Kind.quantile)
    if needs_value and "value" not in told:
        found.say("value", f"{kind} 须有 value", f"is needed by a {kind}")
    if not needs_value and "value" in told:
        found.say("value", f"{kind} 没有 value", f"a {kind} has none")
    if (kind is Kind.quantile) != ("levels" in told):
        found.say("levels", "只与 quantile 同用，且必须有", "goes with a quantile, and a quantile needs it")
    if by is None:
        return
    shape = sorted(type(dimension).__name__ for dimension in by)
    if kind is Kind.histogram and "Bins" not in shape:
        found.say("by", "histogram 须有 bins", "a histogram needs bins")
    if kind is Kind.flow and shape != ["Cells", "Cells", "Windows"]:
        found.say("by", "flow 须有两个 cells 与一个 windows", "a flow needs two cells (from, to) and one windows")
    if kind is Kind.quantile and value is not None:
        candidates = value.upper - value.lower + 1
        groups = math.prod(size_of(dimension) for dimension in by)
        if candidates > CANDIDATES_MAX or candidates * groups > RANKED_MAX:
            found.say(
                "value.step",
                f"候选值 {candidates} 个，组 {groups} 个：过多",
                f"{candidates} candidates, {groups} groups: at most {CANDIDATES_MAX}, all {RANKED_MAX}",
            )


# --- the public partition ----------------------------------------------------------------------------------------


def size_of(dimension: Dimension) -> int:
    """How many groups a dimension has."""
    match dimension:
        case Classes():
            return len(dimension.values)
        case Bins():
            return max(len(dimension.edges) - 1, 0)
        case Cells():
            west, east, south, north = cell_range(dimension)
            return (east - west + 1) * (north - south + 1)
        case Windows(days=long) if long:
            return (dimension.until - dimension.since).days // long
        case Windows():
            a_day = 24 // dimension.hours
            if dimension.weekends:
                return 2 * a_day
            return a_day if dimension.clock else a_day * (dimension.until - dimension.since).days


def name_of(dimension: Dimension) -> str:
    if isinstance(dimension, Windows):
        return dimension.name or dimension.column
    return dimension.name if isinstance(dimension, Cells) else dimension.column


def cell_range(cells: Cells) -> tuple[int, int, int, int]:
    """(first x, last x, first y, last y) of the cells that touch the area."""
    east, north = km_factors(cells)
    lat, lon = (float(x) for x in cells.origin)
    south, west, upper, right = (float(x) for x in cells.area)

    def x_of(at: float) -> int:
        return math.floor((at - lon) * east / cells.km)

    def y_of(at: float) -> int:
        return math.floor((at - lat) * north / cells.km)

    last = [math.nextafter(side, -math.inf) for side in (right, upper)]
    return x_of(west), x_of(last[0]), y_of(south), y_of(last[1])


def km_factors(cells: Cells) -> tuple[float, float]:
    """(km per degree east, km per degree north) at the origin, as joint partitions have them."""
    return KM_PER_DEGREE * math.cos(math.radians(float(cells.origin[0]))), KM_PER_DEGREE


# --- the canonical form ------------------------------------------------------------------------------------------


def _with_form(query: Query) -> Query:
    """The question with dimensions in one order and the JSON form of all that decides the answer."""
    forms = sorted(((form_of(dimension), n) for n, dimension in enumerate(query.by)), key=lambda pair: repr(pair[0]))
    by = tuple(query.by[n] for _, n in forms)
    asked = {
        "kind": query.kind.value, **_bound_form(query),
        "by": [form for form, _ in forms], "spend": {"rho": zcdp.rho_text(query.cost_nanorho)},
        **({"value": _value_form(query.value)} if query.value else {}),
        **({"levels": [f"{level / 1000:.3f}" for level in query.levels]} if query.levels else {}),
    }  # fmt: skip
    return Query(query.kind, query.rows_per_unit, query.rows_per_group, query.value, by, query.levels,
                 query.cost_nanorho, asked, query.norm)  # fmt: skip


def _bound_form(query: Query) -> dict[str, Any]:
    if query.norm is None:
        return {"rows_per_unit": query.rows_per_unit, "rows_per_group": query.rows_per_group}
    share = {} if query.norm.share is None else {"share": plain(query.norm.share)}
    return {"norm_per_unit": {"most": plain(query.norm.most), **share}}


def _value_form(value: Value) -> dict[str, str]:
    bounds = {"lower": value.lower * value.step, "upper": value.upper * value.step, "step": value.step}
    return {"column": value.column, **{name: plain(bound) for name, bound in bounds.items()}}


def form_of(dimension: Dimension) -> dict[str, Any]:
    """A dimension as JSON, numbers as plain decimal texts."""
    match dimension:
        case Classes():
            return {"classes": {"column": dimension.column, "values": list(dimension.values)}}
        case Bins():
            return {"bins": {"column": dimension.column, "edges": [plain(edge) for edge in dimension.edges]}}
        case Cells():
            return {"cells": {
                "name": dimension.name, "lat": dimension.lat, "lon": dimension.lon, "km": dimension.km,
                "origin": dict(zip(("lat", "lon"), map(plain, dimension.origin), strict=True)),
                "area": dict(zip(SIDES, map(plain, dimension.area), strict=True)),
            }}  # fmt: skip
        case Windows():
            return {"windows": {
                "column": dimension.column, "zone": dimension.zone, "from": dimension.since.isoformat(),
                "until": dimension.until.isoformat(),
                **({"days": dimension.days} if dimension.days else {}),
                **({} if dimension.days else {"hours": dimension.hours, "clock": dimension.clock}),
                **({"weekends": True} if dimension.weekends else {}),
                **({"name": dimension.name} if dimension.name else {}),
            }}  # fmt: skip


def plain(number: Decimal) -> str:
    """A decimal in its one spelling, without an exponent."""
    return format(number.normalize(), "f") if number else "0"

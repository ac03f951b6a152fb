"""Units: which can be turned into which, by exact fractions.

Elements name their unit in UCUM (https://ucum.org), as the library of data elements does; a source may also name it by
its Chinese word. y = x * factor + offset, kept as whole numbers: (x * n + m) / d rounds once.
度 is a kilowatt-hour where energy is meant, a degree Celsius or of arc where those are: the element's unit decides.
Must never know: columns, SQL. Contract: tests/harmonise/meaning/test_meaning_conversions.py.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass
from fractions import Fraction
from math import lcm


@dataclass(frozen=True)
class Unit:
    """One unit: x of it are x * factor + offset of the first unit of its kind."""

    kind: str
    factor: Fraction
    offset: Fraction = Fraction(0)


@dataclass(frozen=True)
class Step:
    """(x * n + m) / d."""

    n: int
    m: int
    d: int


_INCH, _POUND, _MILE = Fraction("0.0254"), Fraction("0.45359237"), Fraction("1609.344")
_MU = Fraction(2000, 3)
_PSI = _POUND * Fraction("9.80665") / _INCH**2

_KINDS: Map[str, Map[str, Fraction | int | str]] = {
    "length": {"m": 1, "km": 1000, "dm": "0.1", "cm": "0.01", "mm": "0.001", "um": "0.000001", "nm": "0.000000001",
               "[in_i]": _INCH, "[ft_i]": 12 * _INCH, "[mi_i]": _MILE, "[nmi_i]": 1852,
               "米": 1, "公里": 1000, "千米": 1000, "里": 500, "厘米": "0.01", "毫米": "0.001", "海里": 1852,
               "英寸": _INCH, "英尺": 12 * _INCH, "英里": _MILE},
    "area": {"m2": 1, "km2": 10**6, "cm2": "0.0001", "har": 10**4, "平方米": 1, "平方公里": 10**6, "公顷": 10**4,
             "亩": _MU, "万亩": 10**4 * _MU, "平方英尺": (12 * _INCH) ** 2, "英亩": 43_560 * (12 * _INCH) ** 2},
    "volume": {"m3": 1, "L": "0.001", "dm3": "0.001", "mL": "0.000001", "立方米": 1, "万立方米": 10**4, "升": "0.001",
               "亿立方米": 10**8, "方": 1, "立方": 1, "万方": 10**4, "毫升": "0.000001"},
    "mass": {"kg": 1, "g": "0.001", "mg": "0.000001", "t": 1000, "[lb_av]": _POUND, "千克": 1, "公斤": 1, "克": "0.001",
             "斤": "0.5", "吨": 1000, "万吨": 10**7, "毫克": "0.000001", "公担": 100, "磅": _POUND},
    "time": {"s": 1, "ms": "0.001", "us": "0.000001", "min": 60, "h": 3600, "d": 86400, "wk": 604800, "秒": 1,
             "毫秒": "0.001", "分": 60, "分钟": 60, "时": 3600, "小时": 3600, "天": 86400, "日": 86400, "周": 604800},
    "months": {"mo": 1, "a": 12, "月": 1, "个月": 1, "年": 12, "岁": 12, "周岁": 12},
    "speed": {"m/s": 1, "km/h": "1000/3600", "cm/s": "0.01", "mm/s": "0.001", "[mi_i]/h": _MILE / 3600,
              "[kn_i]": "1852/3600", "米/秒": 1, "公里/小时": "1000/3600", "千米/小时": "1000/3600",
              "节": "1852/3600"},
    "flow": {"m3/s": 1, "m3/h": "1/3600", "m3/d": "1/86400", "L/s": "0.001", "L/min": "1/60000", "立方米/秒": 1,
             "立方米/小时": "1/3600"},
    "mass_flow": {"kg/s": 1, "kg/h": "1/3600", "t/h": "1000/3600", "[lb_av]/s": _POUND},
    "frequency": {"Hz": 1, "kHz": 1000, "MHz": 10**6, "/min": "1/60", "{rev}/min": "1/60", "转/分": "1/60", "赫": 1},
    "energy": {"J": 1, "kJ": 1000, "MJ": 10**6, "GJ": 10**9, "W.h": 3600, "kW.h": 3_600_000, "MW.h": 3_600_000_000,
               "GW.h": 3_600_000_000_000, "cal_th": "4.184", "kcal_th": 4184, "千瓦时": 3_600_000, "度": 3_600_000,
               "万千瓦时": 36_000_000_000, "亿千瓦时": 360_000_000_000_000, "兆焦": 10**6, "万度": 36_000_000_000,
               "千卡": 4184, "大卡": 4184},
    "power": {"W": 1, "kW": 1000, "MW": 10**6, "GW": 10**9, "[HP]": 550 * 12 * _INCH * _POUND * Fraction("9.80665"),
              "瓦": 1, "千瓦": 1000, "万千瓦": 10**7, "兆瓦": 10**6},
    "apparent_power": {"V.A": 1, "kV.A": 1000, "MV.A": 10**6, "千伏安": 1000},
    "voltage": {"V": 1, "mV": "0.001", "kV": 1000, "伏": 1, "千伏": 1000},
    "current": {"A": 1, "mA": "0.001", "kA": 1000, "安": 1},
    "pressure": {"Pa": 1, "hPa": 100, "kPa": 1000, "MPa": 10**6, "bar": 10**5, "mbar": 100, "[psi]": _PSI,
                 "mm[Hg]": Fraction("133.322387415"), "atm": 101325, "帕": 1, "百帕": 100, "千帕": 1000, "兆帕": 10**6,
                 "毫米汞柱": Fraction("133.322387415")},
    "irradiance": {"W/m2": 1, "kW/m2": 1000},
    "angle": {"deg": 1, "'": "1/60", "''": "1/3600", "度": 1, "分": "1/60", "秒": "1/3600"},
    "money": {"CNY": 1, "元": 1, "角": "0.1", "分": "0.01", "千元": 1000, "万元": 10**4, "百万元": 10**6,
              "亿元": 10**8},
    "dollars": {"USD": 1, "美元": 1, "千美元": 1000, "万美元": 10**4, "百万美元": 10**6, "亿美元": 10**8},
    "euros": {"EUR": 1, "欧元": 1, "千欧元": 1000, "万欧元": 10**4, "百万欧元": 10**6, "亿欧元": 10**8},
    "hong_kong_dollars": {"HKD": 1, "港元": 1, "港币": 1, "千港元": 1000, "万港元": 10**4, "百万港元": 10**6,
                          "亿港元": 10**8},
    "yen": {"JPY": 1, "日元": 1, "千日元": 1000, "万日元": 10**4, "百万日元": 10**6, "亿日元": 10**8},
    "price_of_area": {"CNY/m2": 1, "CNY/har": "0.0001", "元/平方米": 1, "万元/平方米": 10**4, "元/亩": 1 / _MU,
                      "万元/亩": 10**4 / _MU, "元/公顷": "0.0001", "万元/公顷": 1},
    "price_of_mass": {"CNY/kg": 1, "CNY/t": "0.001", "元/千克": 1, "元/公斤": 1, "元/斤": 2, "元/吨": "0.001",
                      "万元/吨": 10},
    "price": {"CNY/kW.h": 1, "CNY/MW.h": "1/1000", "元/千瓦时": 1, "元/度": 1, "分/千瓦时": "0.01",
              "元/兆瓦时": "1/1000"},
    "data": {"By": 1, "kBy": 1000, "MBy": 10**6, "GBy": 10**9, "KiBy": 1024, "MiBy": 1024**2, "GiBy": 1024**3,
             "字节": 1},
    "share": {"1": 1, "%": "0.01", "[ppth]": "0.001", "[ppm]": "0.000001", "百分比": "0.01", "千分比": "0.001"},
}  # fmt: skip
_TEMPERATURES = {
    "K": Unit("temperature", Fraction(1)),
    "Cel": Unit("temperature", Fraction(1), Fraction("273.15")),
    "[degF]": Unit("temperature", Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
    "[degR]": Unit("temperature", Fraction(5, 9)),
    "摄氏度": Unit("temperature", Fraction(1), Fraction("273.15")),
    "度": Unit("temperature", Fraction(1), Fraction("273.15")),
    "华氏度": Unit("temperature", Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
}
_COUNTED = (
    "人", "人次", "户", "家", "辆", "辆次", "台", "套", "件", "个", "次", "只", "头", "张", "笔",
    "座", "栋", "所", "艘", "架",
)  # fmt: skip
_SCALES = {"": 1, "百": 100, "千": 1000, "万": 10**4, "十万": 10**5, "百万": 10**6, "千万": 10**7, "亿": 10**8}
_COUNTS = {noun: {scale + noun: many for scale, many in _SCALES.items()} for noun in _COUNTED}
"""What tables count, each a kind of its own: a person is no household. 万人 is 10,000 of 人."""
_ALL = {**_KINDS, **_COUNTS}
UNITS: Map[str, tuple[Unit, ...]] = {
    name: tuple(
        [Unit(kind, Fraction(names[name])) for kind, names in _ALL.items() if name in names]
        + ([_TEMPERATURES[name]] if name in _TEMPERATURES else [])
    )
    for name in {*_TEMPERATURES, *(name for names in _ALL.values() for name in names)}
}
"""Every unit by its UCUM code or Chinese word, in each of the meanings it has."""
ALSO = {
    "°c": "Cel", "c": "Cel", "°f": "[degF]", "wh": "W.h", "kwh": "kW.h", "mwh": "MW.h", "gwh": "GW.h", "kva": "kV.A",
    "mva": "MV.A", "mmhg": "mm[Hg]", "psi": "[psi]", "rpm": "{rev}/min", "r/min": "{rev}/min", "kmh": "km/h",
    "kph": "km/h", "mph": "[mi_i]/h", "kn": "[kn_i]", "knots": "[kn_i]", "mile": "[mi_i]", "miles": "[mi_i]",
    "meters": "m", "metres": "m", "ft": "[ft_i]", "feet": "[ft_i]", "lb": "[lb_av]", "lbs": "[lb_av]", "rmb": "CNY",
    "yuan": "CNY", "ha": "har", "hr": "h", "hour": "h", "hours": "h", "sec": "s", "secs": "s", "seconds": "s",
    "mins": "min", "minutes": "min", "day": "d", "days": "d", "ton": "t", "tons": "t",
    "‰": "[ppth]", "°": "deg", "kw·h": "kW.h", "元/kwh": "CNY/kW.h", "元/kw·h": "CNY/kW.h",
    "kcal": "kcal_th", "元/m2": "CNY/m2", "元/kg": "CNY/kg", "元/t": "CNY/t",
}  # fmt: skip
"""How people write units whose UCUM code is another, in lower case."""
_IN_VALUES = {
    "℃": "Cel", "C": "Cel", "℉": "[degF]", "F": "[degF]", "㎡": "m2", "m²": "m2", "㎥": "m3", "m³": "m3", "km²": "km2",
    "㎏": "kg", "㎎": "mg", "㎜": "mm", "㎝": "cm", "㎞": "km", "㎾": "kW", "㎾h": "kW.h", "l": "L", "次/分": "/min",
    "次/分钟": "/min", "bpm": "/min", "公里/时": "km/h", "千米/时": "km/h", "平米": "m2",
}  # fmt: skip
"""What stands behind a number, and hardly in a heading."""


def step(source: str, target: str) -> Step | None:
    """How a number in `source` becomes one in `target`; None when they are not of one kind."""
    for there in UNITS.get(target, ()):
        for here in UNITS.get(source, ()):
            if here.kind == there.kind:
                factor = here.factor / there.factor
                offset = (here.offset - there.offset) / there.factor
                d = lcm(factor.denominator, offset.denominator)
                return Step(int(factor * d), int(offset * d), d)
    return None


def written(target: str, *, same: bool = False) -> dict[str, Step]:
    """How units that can be turned into `target` are written behind a number (as `key` has them), each with its step;
    same: those alone in which a number is the same number."""
    steps = {target: Step(1, 0, 1)}
    for unit in like(target):
        turn = step(unit, target)
        if turn is not None and (not same or (turn.n, turn.m) == (turn.d, 0)):
            steps[unit] = turn
    others = {(f"M{word[1:]}" if unit.startswith("M") else word): unit for word, unit in ALSO.items()}
    found = {key(word): steps[unit] for word, unit in (others | _IN_VALUES).items() if unit in steps}
    return found | {key(unit): turn for unit, turn in steps.items()}


def key(unit: str) -> str:
    """A unit whatever its capitals are (KM, kwh), but of a letter alone and of a first M: mW is no MW."""
    return unit if len(unit) == 1 else f"M{unit[1:].lower()}" if unit.startswith("M") else unit.lower()


def known(said: str) -> bool:
    """Whether what stands behind a number is the writing of some unit."""
    return key(said) in _KNOWN


def counts(unit: str) -> bool:
    """Whether a number in `unit` is a plain count: 人, not 万人."""
    return unit in _COUNTED


def scaled(scale: str, unit: str) -> str:
    """The word for so many of `unit`: 万元 for 万 of CNY; "" where there is none."""
    many = _SCALES.get(scale, 1)
    words = (word for word in like(unit) if word.startswith(scale) and step(word, unit) == Step(many, 0, 1))
    return next(words, "") if many > 1 else ""


def like(unit: str) -> list[str]:
    """The units that can be turned into `unit`."""
    kinds = {one.kind for one in UNITS.get(unit, ())}
    return sorted(name for name, ones in UNITS.items() if kinds & {one.kind for one in ones})


_KNOWN = {key(word) for word in (*UNITS, *ALSO, *_IN_VALUES, *(f"M{word[1:]}" for word in ALSO if word[:1] == "m"))}

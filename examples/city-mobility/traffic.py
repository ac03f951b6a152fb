"""The traffic half of the example: a made-up month of gate passages, with dirt planted at known counts.

No public table of plates with passages exists, so this one is generated. The gates stand near real streets
of the towns where the bikes of data/bike-company ride; every vehicle, plate and passage is invented and drawn
from a seed. The same seed gives the same rows on every machine.

    python examples/city-mobility/traffic.py OUT.sqlite [--seed 20190901]

writes OUT.sqlite (schema: traffic.sql) and OUT.truth.json: what was planted where, so that a test can hold a
quarantine against the truth. Standard library only. Contract: tests/examples/test_traffic.py.
"""

from __future__ import annotations

import argparse
import json
import math
import sqlite3
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

SEED = 20190901
VEHICLES = 9_000
DAYS = 30
FIRST_WEEKDAY = 6  # 2019-09-01 was a Sunday
HOLIDAYS = {2}  # Labor Day
DAY_SECONDS = 86_400

SCHEMA = Path(__file__).with_name("traffic.sql")

ROUTES = {
    "R-09": "Route 9 (Northampton - Hadley - Amherst)",
    "R-116": "Route 116 (Amherst - South Hadley - Holyoke)",
    "R-NP": "North Pleasant Street, Amherst",
    "R-UM": "University loop, Amherst",
    "R-05": "Route 5 (Northampton - Holyoke - Springfield)",
    "R-10": "Route 10 (Northampton - Easthampton)",
    "R-66": "Route 66, West Street, Northampton",
    "R-KS": "King Street - State Street, Northampton",
    "R-141": "Route 141 (Easthampton - Holyoke)",
    "R-202": "Route 202, Holyoke",
    "R-HD": "Maple Street - Main Street, Holyoke",
    "R-20": "Route 20, Plainfield Street, Springfield",
    "R-MS": "Main Street, Springfield",
    "R-ST": "State Street, Springfield",
}

AMHERST, NORTHAMPTON, EASTHAMPTON, HOLYOKE, SOUTH_HADLEY, SPRINGFIELD = range(6)


@dataclass(frozen=True)
class Gate:
    """A camera over a road. weight: how much traffic it sees, 1 = an ordinary street."""

    route: str
    name: str
    town: int
    latitude: float
    longitude: float
    weight: float


GATES = (
    Gate("R-NP", "North Pleasant Street at Governors Drive", AMHERST, 42.39073, -72.52612, 2.6),
    Gate("R-UM", "Massachusetts Avenue at University Drive", AMHERST, 42.38491, -72.53088, 2.6),
    Gate("R-UM", "Commonwealth Avenue at Haigis Mall", AMHERST, 42.38640, -72.52760, 2.0),
    Gate("R-NP", "North Pleasant Street at Amity Street", AMHERST, 42.37556, -72.51960, 2.4),
    Gate("R-UM", "East Pleasant Street at Eastman Lane", AMHERST, 42.38979, -72.51950, 1.7),
    Gate("R-NP", "North Pleasant Street at Pine Street", AMHERST, 42.40333, -72.52944, 1.5),
    Gate("R-UM", "East Pleasant Street at Triangle Street", AMHERST, 42.38012, -72.51956, 1.9),
    Gate("R-09", "Northampton Road at University Drive", AMHERST, 42.36736, -72.53010, 1.9),
    Gate("R-116", "Route 116 at East Hadley Road", AMHERST, 42.35207, -72.52621, 1.4),
    Gate("R-116", "South Pleasant Street at College Street", AMHERST, 42.36492, -72.51940, 1.2),
    Gate("R-UM", "University Drive at Amity Street", AMHERST, 42.37400, -72.53200, 1.3),
    Gate("R-09", "Russell Street, Hadley Common", AMHERST, 42.34180, -72.58850, 1.8),
    Gate("R-09", "Bridge Street at Market Street", NORTHAMPTON, 42.31960, -72.62760, 2.6),
    Gate("R-09", "Main Street at Crafts Avenue", NORTHAMPTON, 42.31830, -72.63300, 2.2),
    Gate("R-05", "Pleasant Street at Conz Street", NORTHAMPTON, 42.31520, -72.62790, 2.0),
    Gate("R-09", "Main Street, Florence", NORTHAMPTON, 42.33510, -72.66932, 1.8),
    Gate("R-KS", "State Street at Trumbull Road", NORTHAMPTON, 42.32832, -72.63560, 1.7),
    Gate("R-09", "Elm Street at North Elm Street", NORTHAMPTON, 42.32708, -72.64866, 1.8),
    Gate("R-KS", "King Street at Jackson Street", NORTHAMPTON, 42.33721, -72.63880, 1.6),
    Gate("R-66", "West Street at Village Hill Road", NORTHAMPTON, 42.31199, -72.64746, 1.2),
    Gate("R-09", "Locust Street at Cooley Dickinson", NORTHAMPTON, 42.33143, -72.65323, 1.2),
    Gate("R-10", "Union Street at Payson Avenue", EASTHAMPTON, 42.26666, -72.67017, 1.6),
    Gate("R-10", "Ferry Street at Lovefield Street", EASTHAMPTON, 42.27429, -72.65895, 1.4),
    Gate("R-141", "Main Street at Cottage Street", EASTHAMPTON, 42.27138, -72.67212, 1.1),
    Gate("R-05", "Route 5 at Mount Tom Junction", EASTHAMPTON, 42.27930, -72.61750, 1.0),
    Gate("R-202", "Pine Street at Beech Street", HOLYOKE, 42.20178, -72.62085, 1.5),
    Gate("R-202", "Beech Street at Crosier Field", HOLYOKE, 42.19945, -72.63320, 1.4),
    Gate("R-HD", "Main Street at South Street", HOLYOKE, 42.19625, -72.60387, 1.4),
    Gate("R-141", "Appleton Street at Pleasant Street", HOLYOKE, 42.21095, -72.62067, 1.3),
    Gate("R-HD", "Chestnut Street at Hampden Street", HOLYOKE, 42.20436, -72.61193, 1.4),
    Gate("R-HD", "Maple Street at Lyman Street", HOLYOKE, 42.20840, -72.60870, 1.4),
    Gate("R-HD", "Main Street at Depot Square", HOLYOKE, 42.20451, -72.60290, 1.2),
    Gate("R-05", "Route 5 at Springdale Park", HOLYOKE, 42.19060, -72.62154, 1.2),
    Gate("R-202", "Homestead Avenue at Community College", HOLYOKE, 42.19527, -72.65262, 1.0),
    Gate("R-116", "Bridge Street, South Hadley Falls", SOUTH_HADLEY, 42.21448, -72.59180, 1.2),
    Gate("R-116", "Woodbridge Street at College Street", SOUTH_HADLEY, 42.25904, -72.57510, 1.2),
    Gate("R-116", "Newton Street at Lyman Street", SOUTH_HADLEY, 42.23700, -72.58280, 1.2),
    Gate("R-MS", "Main Street at Court Square", SPRINGFIELD, 42.10195, -72.58900, 2.0),
    Gate("R-ST", "State Street at Mason Square", SPRINGFIELD, 42.11057, -72.56616, 1.8),
    Gate("R-MS", "Main Street at Union Street", SPRINGFIELD, 42.09632, -72.58430, 1.7),
    Gate("R-ST", "Chestnut Street at Cass Street", SPRINGFIELD, 42.11470, -72.59160, 1.5),
    Gate("R-MS", "Main Street at Frank B. Murray Street", SPRINGFIELD, 42.10638, -72.59640, 1.7),
    Gate("R-20", "Plainfield Street at Kenefick Park", SPRINGFIELD, 42.11530, -72.61331, 1.3),
    Gate("R-MS", "Chestnut Street at Baystate", SPRINGFIELD, 42.11909, -72.60404, 1.4),
    Gate("R-ST", "State Street at Federal Street", SPRINGFIELD, 42.10926, -72.57781, 1.4),
    Gate("R-MS", "Main Street, Brightwood", SPRINGFIELD, 42.12400, -72.61036, 1.2),
    Gate("R-MS", "Main Street, South End", SPRINGFIELD, 42.09360, -72.57773, 1.1),
)

# A journey between two towns also passes one of these.
_ON_THE_WAY = {
    (AMHERST, NORTHAMPTON): "Russell Street, Hadley Common",
    (NORTHAMPTON, HOLYOKE): "Route 5 at Mount Tom Junction",
    (NORTHAMPTON, SPRINGFIELD): "Route 5 at Mount Tom Junction",
    (EASTHAMPTON, HOLYOKE): "Main Street at Cottage Street",
    (AMHERST, HOLYOKE): "Woodbridge Street at College Street",
    (AMHERST, SPRINGFIELD): "Newton Street at Lyman Street",
    (HOLYOKE, SPRINGFIELD): "Route 5 at Springdale Park",
    (SOUTH_HADLEY, HOLYOKE): "Bridge Street, South Hadley Falls",
}
_NUMBERS = {gate.name: number for number, gate in enumerate(GATES)}
CORRIDOR = {frozenset(towns): _NUMBERS[name] for towns, name in _ON_THE_WAY.items()}

TOWN_WEIGHTS = (0.33, 0.25, 0.07, 0.13, 0.05, 0.17)

#: vehicle type code (GA/T 24.4), share, activity, commuters
TYPES = (
    ("K33", 0.560, 1.0, 0.60),  # 小型轿车
    ("K31", 0.130, 1.0, 0.55),  # 小型普通客车
    ("K21", 0.020, 2.2, 0.00),  # 中型普通客车
    ("K11", 0.030, 3.4, 0.00),  # 大型普通客车
    ("H31", 0.120, 1.3, 0.15),  # 轻型普通货车
    ("H21", 0.025, 1.4, 0.00),  # 中型普通货车
    ("H11", 0.045, 1.5, 0.00),  # 重型普通货车
    ("M21", 0.070, 0.8, 0.50),  # 普通二轮摩托车
)

# Errands by hour of day: never quite nothing at night, because hospitals, students and freight are awake.
WORKDAY = (
    *(5.0, 4.2, 3.4, 3.0, 3.4, 3.8, 4.2, 4.6, 5.0, 5.4, 6.0, 6.6),
    *(7.0, 6.8, 6.8, 7.0, 7.2, 7.4, 7.6, 7.6, 7.2, 6.8, 6.2, 5.6),
)
FREE_DAY = (
    *(6.4, 5.6, 4.6, 3.6, 3.0, 2.8, 3.0, 3.6, 4.8, 6.2, 7.4, 8.2),
    *(8.6, 8.6, 8.4, 8.2, 8.0, 7.8, 7.6, 7.4, 7.2, 7.2, 7.0, 6.8),
)

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # I and O never stand in a serial
HEADS = (("贵A", 0.80), ("贵B", 0.05), ("贵C", 0.05), ("贵J", 0.05), ("渝A", 0.02), ("川A", 0.02), ("湘A", 0.01))

#: what is planted: kind -> rows. `repairable` rows survive with a note, the others belong in a quarantine.
PLANTED = {
    "plate_full_width": 400,
    "plate_spaced": 600,
    "plate_lower_case": 300,
    "plate_letter_o_or_i": 120,
    "plate_missing": 200,
    "gate_unknown": 150,
    "vehicle_unknown": 180,
    "time_impossible": 90,
    "time_slashes": 800,
    "time_full_width": 200,
    "duplicate": 250,
}
REPAIRABLE = ("plate_full_width", "plate_spaced", "plate_lower_case", "time_slashes", "time_full_width")

Row = tuple[Any, ...]


@dataclass
class Traffic:
    """The rows of the four tables, in the order of their columns, and what was planted in them."""

    seed: int
    vehicles: list[Row] = field(default_factory=list)
    routes: list[Row] = field(default_factory=list)
    gates: list[Row] = field(default_factory=list)
    passages: list[Row] = field(default_factory=list)
    planted: dict[str, list[int]] = field(default_factory=dict)

    def tables(self) -> Iterator[tuple[str, list[Row]]]:
        yield from (
            ("vehicle", self.vehicles),
            ("route", self.routes),
            ("gate", self.gates),
            ("passage", self.passages),
        )

    def truth(self) -> dict[str, Any]:
        """What a reader must find: rows per table, planted rows per kind and their passage ids."""
        return {
            "generator": "examples/city-mobility/traffic.py",
            "seed": self.seed,
            "rows": {name: len(rows) for name, rows in self.tables()},
            "planted": {kind: len(ids) for kind, ids in self.planted.items()},
            "repairable": list(REPAIRABLE),
            "passage_ids": self.planted,
        }


def generated(seed: int = SEED) -> Traffic:
    """The whole database of one seed."""
    rng = Random(seed)
    traffic = Traffic(seed)
    traffic.routes = sorted(ROUTES.items())
    traffic.gates = [
        (gate_id(n), g.route, g.name, dms(g.latitude, "NS"), dms(g.longitude, "EW")) for n, g in enumerate(GATES)
    ]
    drivers = [_driver(rng, code, activity, commuter) for code, activity, commuter in _fleet(rng)]
    plates = _plates(rng, [driver.code for driver in drivers])
    traffic.vehicles = [
        (plate, driver.code, _fuel(rng, plate, driver.code), _registered_on(rng, plate))
        for plate, driver in zip(plates, drivers, strict=True)
    ]
    seen = sorted(_sightings(rng, drivers))
    clean = [(plates[v], gate_id(g), _local(second)) for second, v, g in seen]
    _plant(rng, clean, traffic)
    return traffic


def gate_id(number: int) -> str:
    return f"G-{number + 1:03d}"


def dms(degrees: float, signs: str) -> str:
    """Degrees, minutes and seconds to a tenth (3 m), e.g. 42°22'31.6"N. signs: "NS" or "EW"."""
    tenths = round(abs(degrees) * 36_000)
    whole, rest = divmod(tenths, 36_000)
    minutes, seconds = divmod(rest, 600)
    return f"{whole}°{minutes:02d}'{seconds / 10:04.1f}\"{signs[degrees < 0]}"


# --- the fleet ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Driver:
    """A vehicle's habits. way_out: gates from home to work; haunts: gates of its errands, cumulative weights."""

    code: str
    way_out: tuple[int, ...]
    commute_chance: float
    errand_chance: float
    leaves_at: float
    returns_at: float
    haunts: tuple[int, ...]
    haunt_weights: tuple[float, ...]


def _fleet(rng: Random) -> list[tuple[str, float, bool]]:
    kinds = list(accumulate(share for _, share, _, _ in TYPES))
    fleet = []
    for _ in range(VEHICLES):
        code, _, activity, commuters = TYPES[bisect(kinds, rng.random() * kinds[-1])]
        fleet.append((code, activity, rng.random() < commuters))
    return fleet


def _driver(rng: Random, code: str, activity: float, commuter: bool) -> _Driver:
    home = _pick(rng, TOWN_WEIGHTS)
    work = home if rng.random() < 0.55 else _pick(rng, TOWN_WEIGHTS)
    start, goal = _gate_in(rng, home), _gate_in(rng, work)
    middle = CORRIDOR.get(frozenset({home, work}))
    way = [start, *([middle] if middle is not None else []), goal]
    way_out = tuple(gate for n, gate in enumerate(way) if n == 0 or gate != way[n - 1])
    eager = activity * (0.35 + 1.3 * rng.random())
    haunts = tuple(
        sorted({start, goal, *(_gate_in(rng, home) for _ in range(3)), _gate_in(rng, _pick(rng, TOWN_WEIGHTS))})
    )
    return _Driver(
        code=code,
        way_out=way_out,
        commute_chance=min(0.9, 0.155 * eager) if commuter else 0.0,
        errand_chance=min(0.8, 0.12 * eager if commuter else 0.19 * eager),
        leaves_at=7.75 * 3600 + 2400 * _bell(rng),
        returns_at=17.1 * 3600 + 3000 * _bell(rng),
        haunts=haunts,
        haunt_weights=tuple(accumulate(GATES[g].weight for g in haunts)),
    )


_TOWN_GATES = [[n for n, g in enumerate(GATES) if g.town == town] for town in range(6)]
_TOWN_GATE_WEIGHTS = [list(accumulate(GATES[n].weight for n in gates)) for gates in _TOWN_GATES]


def _gate_in(rng: Random, town: int) -> int:
    weights = _TOWN_GATE_WEIGHTS[town]
    return _TOWN_GATES[town][bisect(weights, rng.random() * weights[-1])]


def _pick(rng: Random, weights: tuple[float, ...]) -> int:
    cumulative = list(accumulate(weights))
    return bisect(cumulative, rng.random() * cumulative[-1])


def _bell(rng: Random) -> float:
    """About normal, mean 0, deviation 1, from `random()` alone: the same on every Python."""
    total = -3.0
    for _ in range(6):  # not sum(): Python 3.12 rounds it differently
        total += rng.random()
    return total * math.sqrt(2.0)


def _plates(rng: Random, codes: list[str]) -> list[str]:
    """One plate a vehicle in the national form; about one in nine in the new-energy form."""
    taken: dict[str, None] = {}
    for code in codes:
        while True:
            plate = _plate(rng, code)
            if plate not in taken:
                taken[plate] = None
                break
    return list(taken)


def _plate(rng: Random, code: str) -> str:
    heads = list(accumulate(share for _, share in HEADS))
    head = HEADS[bisect(heads, rng.random() * heads[-1])][0]
    digits = f"{int(rng.random() * 100_000):05d}"
    form = rng.random()
    if code == "K11" and form < 0.6:
        return head + digits + "D"
    if code in {"K31", "K33"} and form < 0.13:
        return head + ("D" if form < 0.10 else "F") + digits
    if form < 0.40:
        return head + digits
    letter, other = LETTERS[int(rng.random() * 24)], LETTERS[int(rng.random() * 24)]
    if form < 0.70:
        return head + letter + digits[:4]
    if form < 0.85:
        return head + digits[0] + letter + digits[1:4]
    return head + letter + other + digits[:3]


def _fuel(rng: Random, plate: str, code: str) -> str:
    if len(plate) == 8:
        return "O" if plate[2] == "F" else "C"
    if code in {"H11", "H21", "K11"}:
        return "B" if rng.random() < 0.85 else "E"
    return "B" if code in {"H31", "K21"} and rng.random() < 0.6 else "A"


def _registered_on(rng: Random, plate: str) -> str:
    first = 2016 if len(plate) == 8 else 2006
    year = first + int((2019 - first) * rng.random() ** 0.7 + 0.5)
    month = 1 + int(rng.random() * (12 if year < 2019 else 8))
    return f"{year}-{month:02d}-{1 + int(rng.random() * 28):02d}"


# --- the month ---------------------------------------------------------------------------------------------


Sighting = tuple[int, int, int]  # second of the month, vehicle, gate


def _sightings(rng: Random, drivers: list[_Driver]) -> set[Sighting]:
    """{(second of the month, vehicle, gate)}; never the same vehicle twice at a gate in one second."""
    seen: set[Sighting] = set()
    workday, free_day = list(accumulate(WORKDAY)), list(accumulate(FREE_DAY))
    for day in range(1, DAYS + 1):
        free = (FIRST_WEEKDAY + day - 1) % 7 >= 5 or day in HOLIDAYS
        hours = free_day if free else workday
        midnight = (day - 1) * DAY_SECONDS
        for number, driver in enumerate(drivers):
            if not free and rng.random() < driver.commute_chance:
                _drive(rng, seen, number, driver.way_out, midnight + driver.leaves_at + 900 * _wobble(rng))
                _drive(rng, seen, number, driver.way_out[::-1], midnight + driver.returns_at + 1500 * _wobble(rng))
            while rng.random() < driver.errand_chance:
                hour = bisect(hours, rng.random() * hours[-1])
                gates = tuple(_haunt(rng, driver) for _ in range(1 + int(rng.random() * 2.6)))
                _drive(rng, seen, number, gates, midnight + (hour + rng.random()) * 3600)
    return seen


def _wobble(rng: Random) -> float:
    return rng.random() + rng.random() - 1.0


def _haunt(rng: Random, driver: _Driver) -> int:
    return driver.haunts[bisect(driver.haunt_weights, rng.random() * driver.haunt_weights[-1])]


def _drive(rng: Random, seen: set[Sighting], vehicle: int, gates: tuple[int, ...], second: float) -> None:
    """One journey past `gates` in order, beginning at `second` of the month."""
    for number, gate in enumerate(gates):
        if number:
            second += 240 + 900 * rng.random()
        at = int(second)
        if 0 <= at < DAYS * DAY_SECONDS:
            seen.add((at, vehicle, gate))


_CLOCK = [f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440)]
_SECONDS = [f"{second:02d}" for second in range(60)]


def _local(second: int) -> str:
    day, rest = divmod(second, DAY_SECONDS)
    minute, left = divmod(rest, 60)
    return f"2019-09-{day + 1:02d} {_CLOCK[minute]}{_SECONDS[left]}"


# --- the dirt ----------------------------------------------------------------------------------------------

Seen = tuple[str, str, str]  # plate, gate_id, passed_at
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_WIDE_DIGITS = {ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"}


def _spaced(rng: Random, row: Seen) -> Seen:
    plate = row[0]
    form = int(rng.random() * 4)
    spoiled = (f"{plate[:2]}·{plate[2:]}", f"{plate[:2]} {plate[2:]}", f"{plate[:2]}.{plate[2:]}", f" {plate} ")[form]
    return spoiled, row[1], row[2]


def _letters_for_digits(rng: Random, row: Seen) -> Seen:
    places = [n for n, sign in enumerate(row[0]) if sign in "01"]
    at = places[int(rng.random() * len(places))]
    return row[0][:at] + {"0": "O", "1": "I"}[row[0][at]] + row[0][at + 1 :], row[1], row[2]


def _impossible(rng: Random, row: Seen) -> Seen:
    clock = row[2][11:]
    forms = (f"2019-09-31 {clock}", f"{row[2][:11]}25:61:{clock[6:]}")
    return row[0], row[1], forms[int(rng.random() * 2)]


def _slashes(_: Random, row: Seen) -> Seen:
    at = row[2]
    return row[0], row[1], f"2019/9/{int(at[8:10])} {int(at[11:13])}:{at[14:16]}"


def _never_registered(rng: Random, row: Seen) -> Seen:
    """A plate in due form that no vehicle has: the head 贵Z is given to none of the fleet."""
    return f"贵Z{int(rng.random() * 100_000):05d}", row[1], row[2]


SPOIL: dict[str, Callable[[Random, Seen], Row]] = {
    "plate_full_width": lambda _, row: (row[0].translate(_WIDE), row[1], row[2]),
    "plate_spaced": _spaced,
    "plate_lower_case": lambda _, row: (row[0].lower(), row[1], row[2]),
    "plate_letter_o_or_i": _letters_for_digits,
    "plate_missing": lambda rng, row: (None if rng.random() < 0.5 else "", row[1], row[2]),
    "gate_unknown": lambda rng, row: (row[0], f"G-9{int(rng.random() * 100):02d}", row[2]),
    "vehicle_unknown": _never_registered,
    "time_impossible": _impossible,
    "time_slashes": _slashes,
    "time_full_width": lambda _, row: (row[0], row[1], row[2].translate(_WIDE_DIGITS)),
}


def _plant(rng: Random, clean: list[Seen], traffic: Traffic) -> None:
    """Spoil rows of `clean`, each at most once, and repeat others: the camera sent its record twice."""
    chosen: set[int] = set()
    spoiled: dict[int, tuple[str, Row]] = {}
    repeated: set[int] = set()
    for kind, count in PLANTED.items():
        planted = 0
        while planted < count:
            at = int(rng.random() * len(clean))
            row = clean[at]
            if at in chosen or (kind == "plate_letter_o_or_i" and not {"0", "1"} & set(row[0])):
                continue
            chosen.add(at)
            planted += 1
            if kind == "duplicate":
                repeated.add(at)
            else:
                spoiled[at] = (kind, SPOIL[kind](rng, row))
    traffic.planted = {kind: [] for kind in PLANTED}
    for at, row in enumerate(clean):
        kind, told = spoiled.get(at, ("", row))
        traffic.passages.append((len(traffic.passages) + 1, *told))
        if kind:
            traffic.planted[kind].append(len(traffic.passages))
        if at in repeated:
            traffic.passages.append((len(traffic.passages) + 1, *row))
            traffic.planted["duplicate"].append(len(traffic.passages))


# --- the files ---------------------------------------------------------------------------------------------


def write_sqlite(traffic: Traffic, path: Path) -> Path:
    """Write the database and, beside it, the truth; both appear only when complete. Returns the truth's path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    truth = path.with_suffix(".truth.json")
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    connection = sqlite3.connect(unfinished)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(SCHEMA.read_text(encoding="utf-8"))
        for name, rows in traffic.tables():
            places = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {name} VALUES ({places})", rows)
        connection.commit()
    finally:
        connection.close()
    truth.write_text(json.dumps(traffic.truth(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)
    return truth


def generate(path: Path, seed: int = SEED) -> Traffic:
    """Write the database of a seed to `path` and its truth beside it; what was written."""
    traffic = generated(seed)
    write_sqlite(traffic, path)
    return traffic


def main() -> None:
    reading = argparse.ArgumentParser(description="Generate the traffic bureau's database (fictional).")
    reading.add_argument("out", type=Path, help="the SQLite file to write")
    reading.add_argument("--seed", type=int, default=SEED)
    asked = reading.parse_args()
    traffic = generate(asked.out, asked.seed)
    print(f"{asked.out}: {len(traffic.passages):,} passages of {len(traffic.vehicles):,} vehicles")


if __name__ == "__main__":
    main()

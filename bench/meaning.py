"""`python bench/meaning.py`: values per second of the value checks and the datums, on one core, and the same in plain
Python beside them. Writes bench/results/meaning.json. CPU seconds, the best of several runs. Nothing here is a test.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "harmonise" / "checks"))

import by_the_book as book
from run import machine

from datong.harmonise.rules import datums
from datong.harmonise.rules.checks import CHECKS

ROOT = Path(__file__).parents[1]
VALUES, RUNS, PLAIN = 200_000, 3, 10_000


def main() -> None:
    chance = random.Random(1)  # noqa: S311
    results = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "values": VALUES,
        "threads": 1,
        "measure": f"values per CPU second, best of {RUNS} runs; plain Python: one run over {PLAIN}",
        "checks": {name: check(name, make, rule, chance) for name, (make, rule) in VALUES_OF.items()},
        "datums": {f"{a} -> {b}": datum(a, b, chance) for a, b in STEPS},
        "load_after": os.getloadavg()[0],
    }
    (ROOT / "bench" / "results" / "meaning.json").write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


# --- checks ------------------------------------------------------------------------------------------------------

Make = Callable[[random.Random], str]


def resident(chance: random.Random) -> str:
    first = f"{chance.choice([110105, 520102, 310101, 440305])}{chance.randrange(1940, 2020)}"
    first += f"{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}{chance.randrange(1000):03}"
    return first + book.resident_check(first)


def credit(chance: random.Random) -> str:
    first = f"91{chance.randrange(10**6):06}" + "".join(chance.choices(book.CREDIT, k=9))
    return first + book.credit_check(first)


def vin(chance: random.Random) -> str:
    drawn = "".join(chance.choices(sorted(book.VIN), k=13)) + f"{chance.randrange(10**4):04}"
    return drawn[:8] + book.vin_check(drawn) + drawn[9:]


def card(chance: random.Random) -> str:
    first = f"622848{chance.randrange(10**12):012}"
    return next(first + last for last in book.DIGITS if book.luhn(first + last))


VALUES_OF: dict[str, tuple[Make, Callable[[str], bool] | None]] = {
    "resident_id": (resident, book.resident_id),
    "credit_code": (credit, book.credit_code),
    "vin": (vin, book.vin),
    "luhn": (card, book.luhn),
    "iso_date": (lambda c: f"{c.randrange(1950, 2030)}-{c.randrange(1, 13):02}-{c.randrange(1, 29):02}", book.iso_date),
    "division_code": (lambda c: f"52{c.randrange(1, 20):02}{c.randrange(1, 30):02}", book.division_code),
    "plate": (lambda c: f"贵A{c.randrange(10**5):05}", None),
    "phone": (lambda c: f"13{c.randrange(10**9):09}", None),
    "email": (lambda c: f"user{c.randrange(10**6)}@example.com", None),
    "url": (lambda c: f"https://example.com/{c.randrange(10**6)}?x=1", None),
    "uuid": (lambda c: f"{c.randrange(16**8):08x}-e89b-12d3-a456-426614174000", None),
    "longitude": (lambda c: f"{c.uniform(73, 135):.6f}", None),
    "latitude": (lambda c: f"{c.uniform(3, 54):.6f}", None),
}


def check(name: str, make: Make, rule: Callable[[str], bool] | None, chance: random.Random) -> dict[str, Any]:
    texts = [make(chance) for _ in range(VALUES // 5)] * 5
    table = pa.table({"a": pa.array(texts, pa.string())})
    sql = f"SELECT count(*) FILTER (ok), count(*) FROM (SELECT {CHECKS[name].sql('a')} AS ok FROM given)"
    seconds, row = timed(table, sql)
    assert row == (VALUES, VALUES), (name, row)
    found: dict[str, Any] = {"per_second": round(VALUES / seconds)}
    if rule is not None:
        began = time.process_time()
        assert all(map(rule, texts[:PLAIN]))
        found["plain_python_per_second"] = round(PLAIN / (time.process_time() - began))
        found["times_as_fast"] = round(found["per_second"] / found["plain_python_per_second"], 1)
    return found


def timed(table: pa.Table, sql: str) -> tuple[float, Any]:
    """Least CPU seconds of a query over a table that DuckDB holds, on one thread."""
    connection = duckdb.connect(config={"threads": 1})
    connection.register("arrow", table)
    connection.execute("CREATE TABLE given AS SELECT * FROM arrow")
    best, row = math.inf, None
    for _ in range(RUNS):
        began = time.process_time()
        row = connection.execute(sql).fetchone()
        best = min(best, time.process_time() - began)
    connection.close()
    return best, row


# --- datums ------------------------------------------------------------------------------------------------------

STEPS = [
    ("WGS84", "GCJ-02"),
    ("WGS84", "BD-09"),
    ("GCJ-02", "BD-09"),
    ("GCJ-02", "WGS84"),
    ("BD-09", "GCJ-02"),
    ("BD-09", "WGS84"),
]


def datum(source: str, target: str, chance: random.Random) -> dict[str, Any]:
    points = [(chance.uniform(74, 134), chance.uniform(4, 53)) for _ in range(VALUES // 5)] * 5
    table = pa.table({"x": [p[0] for p in points], "y": [p[1] for p in points]})
    steps, end = datums.stages(("x", "y"), source, target, "to_{}")
    sql = "SELECT * FROM given"
    for number, step in enumerate(steps):
        sql = (
            f"SELECT *, {', '.join(f'{text} AS {name}' for name, text in step.items())} FROM ({sql}) AS stage_{number}"
        )
    seconds, _ = timed(table, f"SELECT sum({end[0]}), sum({end[1]}) FROM ({sql})")
    found: dict[str, Any] = {"points_per_second": round(VALUES / seconds)}
    if (source, target) in PLAINLY:
        began = time.process_time()
        for x, y in points[:PLAIN]:
            PLAINLY[source, target](x, y)
        found["plain_python_per_second"] = round(PLAIN / (time.process_time() - began))
        found["times_as_fast"] = round(found["points_per_second"] / found["plain_python_per_second"], 1)
    return found


def to_gcj(lng: float, lat: float) -> tuple[float, float]:
    """As the common libraries write it."""
    x, y, pi = lng - 105.0, lat - 35.0, math.pi
    shared = (20.0 * math.sin(6.0 * x * pi) + 20.0 * math.sin(2.0 * x * pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + shared
    north += (20.0 * math.sin(y * pi) + 40.0 * math.sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * math.sin(y / 12.0 * pi) + 320.0 * math.sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + shared
    east += (20.0 * math.sin(x * pi) + 40.0 * math.sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * math.sin(x / 12.0 * pi) + 300.0 * math.sin(x / 30.0 * pi)) * 2.0 / 3.0
    angle = lat / 180.0 * pi
    magic = 1 - datums.E2 * math.sin(angle) ** 2
    root = math.sqrt(magic)
    north = north * 180.0 / ((datums.AXIS * (1 - datums.E2)) / (magic * root) * pi)
    east = east * 180.0 / (datums.AXIS / root * math.cos(angle) * pi)
    return lng + east, lat + north


def from_gcj(lng: float, lat: float) -> tuple[float, float]:
    x, y = lng, lat
    for _ in range(datums.ROUNDS[1]):
        there = to_gcj(x, y)
        x, y = x - (there[0] - lng), y - (there[1] - lat)
    return x, y


PLAINLY = {("WGS84", "GCJ-02"): to_gcj, ("GCJ-02", "WGS84"): from_gcj}


if __name__ == "__main__":
    main()

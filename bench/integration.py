"""Integration: nested JSON trips harmonised, tokenised, joined to vehicles, aggregated, against hand-written SQL.

    python bench/integration.py [ROWS ...] [--peers]      default 1000000 10000000; writes bench/results/integration.json

Each contender runs in a process of its own, which reads the same file and must give the same aggregate and the same
counts of quarantined rows; up to ten million rows, the run in the middle of three by its CPU is told, the contenders
taking turns, as what else the machine does changes a run's CPU by half (a build of ten million runs once). What is not
measured now stays in the results with the day of its measurement. --peers: hand-written Spark SQL as well, and for the load alone a build of a workspace (every row and its
quality written) beside dlt, of a million rows (bench/peers, an environment of their own; Spark needs Java 17). CPU seconds are of a
process and its children (wait4); on a shared machine they say more than the wall clock. Nothing here is a test.
"""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pyarrow as pa

from datong.engine import service as engine
from datong.engine.model import Plan, Step
from datong.ground.crypto import hashing
from datong.harmonise.rules import plain
from datong.harmonise.rules import plan as planning
from datong.harmonise.rules.workspace import mapping_of
from datong.harmonise.store import rereading, scanned
from datong.harmonise.store import workspace as texts

ROOT = Path(__file__).parents[1]
WORKSPACE = ROOT / "examples" / "city-mobility" / "workspaces" / "bike-company"
RESULTS = ROOT / "bench" / "results" / "integration.json"
VEHICLES = 200_000
KEY = "a key of the bench"
AREA = (41.9, 42.6, -72.9, -72.3)


BLOCK = 1_000_000


def write_trips(path: Path, rows: int) -> None:
    """Trips like those of bike_valleybike, about 3 in 100 of them dirty in the ways of that set.

    Beyond a million they come in blocks, which differ in the ids of the trips.
    """
    block = io.BytesIO()
    _write_block(block, min(rows, BLOCK))
    lines = block.getvalue()
    with path.open("wb") as out:
        for number in range(-(-rows // BLOCK)):
            out.write(lines.replace(b"route_09_2019@", b"route_%04d_19@" % number))


def _write_block(out: io.BytesIO, rows: int) -> None:
    chance = random.Random(20_190_901)  # noqa: S311 - made-up trips
    riders = [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(20_000)]
    first = datetime(2019, 9, 1, tzinfo=UTC)
    before = ""
    for _ in range(rows):
        start = first + timedelta(seconds=chance.randrange(29 * 86_400))
        end = start + timedelta(seconds=chance.randrange(60, 4_000))
        bike = chance.randrange(VEHICLES)
        line = json.dumps({
            "tripId": f"route_09_2019@{uuid.UUID(int=chance.getrandbits(128))}", "bike": str(bike),
            "userId": chance.choice(riders),
            "start": {"lat": round(chance.uniform(42, 42.5), 9), "lng": round(chance.uniform(-72.8, -72.4), 14), "at": f"{start:%Y-%m-%d %H:%M:%S}+00"},
            "end": {"lat": round(chance.uniform(42, 42.5), 9), "lng": round(chance.uniform(-72.8, -72.4), 14), "at": f"{end:%Y-%m-%d %H:%M:%S}+00"},
        })  # fmt: skip
        dirt = chance.random()
        if dirt < 0.005 and before:
            line = before  # sent twice
        elif dirt < 0.015:
            line = line.replace(f'"at": "{start:%Y-%m-%d %H:%M:%S}+00"', '"at": "-"')
        elif dirt < 0.02:
            line = line.replace('"lat": 42', '"lat": 12', 1)
        elif dirt < 0.03:
            line = line.replace(f'"bike": "{bike}"', f'"bike": "{bike:,}"')
        before = line
        out.write(line.encode() + b"\n")


def vehicles() -> pa.Table:
    numbers = range(VEHICLES)
    return pa.table(
        {"bike_id": [str(n) for n in numbers], "kind": [("city", "cargo", "electric")[n % 3] for n in numbers]}
    )


AGGREGATE = """SELECT kind, count(*) AS trips, count(DISTINCT token) AS bikes,
  sum(epoch(ended_at) - epoch(started_at)) AS seconds FROM {trips} GROUP BY kind ORDER BY kind"""


def datong(path: Path) -> tuple[list[Any], dict[str, int]]:
    """A mapping's plan with the product's steps behind it, run as one plan."""
    contents, _ = texts.files_of(WORKSPACE)
    contents["sources/trips.yaml"] = {"kind": "ndjson", "path": path.name}
    mapping, _ = mapping_of(contents, "trips")
    reading = scanned.reading(mapping, path.parent, plain.needs(mapping))
    main = reading.tables["trips"]
    plan = planning.plan_of(mapping, main.numbers, scanned=True)
    more = (
        Step(
            "tokens",
            "SELECT bike_id, sha256($key || bike_id) AS token FROM (SELECT DISTINCT bike_id FROM harmonised) AS keys",
        ),
        Step(
            "trips",
            "SELECT token, kind, started_at, ended_at FROM harmonised JOIN tokens USING (bike_id) JOIN vehicles USING (bike_id)",
            kept=False,
        ),
        Step("figures", AGGREGATE.format(trips="trips")),
        Step("held", "SELECT reason, count(*) AS n FROM quarantined GROUP BY reason"),
    )
    whole = Plan((*plan.steps, *more), (*plan.inputs, "vehicles"), ("key",), plan.balances, plan.late)
    again = rereading.again(main)
    inputs = {"in_trips": main, "vehicles": vehicles(), **{late.name: again for late in plan.late}}
    result = engine.run(whole, inputs, {"key": KEY}, want=("figures", "held"))
    return result["figures"].to_pylist(), {row["reason"]: row["n"] for row in result["held"].to_pylist()}


def by_hand(path: Path) -> tuple[list[Any], dict[str, int]]:
    """What somebody who knows the file would write; no originals, no repairs, no quality figures, no digest."""
    south, north, west, east = AREA
    fields = 'STRUCT(lat DOUBLE, lng DOUBLE, "at" VARCHAR)'
    columns = (
        "{'tripId': 'VARCHAR', 'bike': 'VARCHAR', 'userId': 'VARCHAR', 'start': '"
        + fields
        + "', 'end': '"
        + fields
        + "'}"
    )
    database = duckdb.connect(config={"threads": 2, "memory_limit": "2GB"})
    database.execute("SET TimeZone = 'UTC'")
    database.register("vehicles", vehicles())
    period = "BETWEEN TIMESTAMPTZ '2019-08-31 00:00:00+00' AND TIMESTAMPTZ '2019-10-02 00:00:00+00'"
    database.execute(f"""CREATE TEMP TABLE typed AS SELECT *, CASE
      WHEN trip_id IS NULL OR rider_id IS NULL THEN 'missing_value' WHEN TRY_CAST(bike_id AS BIGINT) IS NULL THEN 'not_a_number'
      WHEN missing OR started_at IS NULL OR ended_at IS NULL THEN CASE WHEN missing THEN 'missing_value' ELSE 'not_a_time' END
      WHEN started_at NOT {period} OR ended_at NOT {period} THEN 'outside_period'
      WHEN slat NOT BETWEEN {south} AND {north} OR elat NOT BETWEEN {south} AND {north}
        OR slng NOT BETWEEN {west} AND {east} OR elng NOT BETWEEN {west} AND {east} THEN 'outside_area'
      WHEN ended_at < started_at THEN 'ends_before_start'
      WHEN started_at = ended_at AND slat = elat AND slng = elng THEN 'no_movement' END AS reason
      FROM (SELECT row_number() OVER () AS n, tripId AS trip_id, replace(bike, ',', '') AS bike_id, userId AS rider_id,
        start."at" = '-' OR "end"."at" = '-' AS missing, TRY_CAST(start."at" AS TIMESTAMPTZ) AS started_at, start.lat AS slat,
        start.lng AS slng, TRY_CAST("end"."at" AS TIMESTAMPTZ) AS ended_at, "end".lat AS elat, "end".lng AS elng
        FROM read_json('{path}', format = 'newline_delimited', columns = {columns}))""")
    database.execute(
        "CREATE TEMP TABLE shared AS SELECT trip_id FROM typed WHERE reason IS NULL GROUP BY 1 HAVING count(*) > 1"
    )
    database.execute("""CREATE TEMP TABLE again AS SELECT n FROM (SELECT n, row_number() OVER (PARTITION BY trip_id ORDER BY n) AS copy
      FROM typed SEMI JOIN shared USING (trip_id) WHERE reason IS NULL) WHERE copy > 1""")
    database.execute("CREATE TEMP VIEW good AS SELECT * FROM typed ANTI JOIN again USING (n) WHERE reason IS NULL")
    database.execute(
        "CREATE TEMP TABLE tokens AS SELECT bike_id, sha256(? || bike_id) AS token FROM (SELECT DISTINCT bike_id FROM good)",
        [KEY],
    )
    database.execute(
        "CREATE TEMP VIEW trips AS SELECT * FROM good JOIN tokens USING (bike_id) JOIN vehicles USING (bike_id)"
    )
    figures = database.sql(AGGREGATE.format(trips="trips")).to_arrow_table().to_pylist()
    held = dict(database.sql("SELECT reason, count(*) FROM typed WHERE reason IS NOT NULL GROUP BY 1").fetchall())
    copies = database.sql("SELECT count(*) FROM again").fetchone()[0]
    return figures, held | ({"duplicate": copies} if copies else {})


def build(path: Path) -> dict[str, int]:
    """`datong build` of the trips in a new folder, as a user runs it."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        node = Path(folder) / "n"
        run = [sys.executable, "-m", "datong"]
        subprocess.run([*run, "init", str(node)], check=True, stdout=subprocess.DEVNULL)
        for kind in ("standards", "mappings"):
            for file in (WORKSPACE / kind).glob("trip*"):
                (node / kind / file.name).write_bytes(file.read_bytes())
        (node / "sources" / "trips.yaml").write_text(f"kind: ndjson\npath: {path.name}\n", "utf-8")
        command = [*run, "build", "--workspace", str(node), "--data", str(path.parent), "--json"]
        made = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)[0]
    return {key: made[key] for key in ("read", "written", "quarantined")}


PARTS = {
    "digest": (), "look": (), "typed": ("typed",), "twins": ("twins_0",), "product": ("tokens", "trips", "figures", "held"),
}  # fmt: skip
"""Part -> the steps it is made of; "close" are the other steps: those for rows that need a closer look, and what is told
of all rows. "digest" and "look" are the one pass over the file's bytes."""


def parts(path: Path) -> dict[str, float]:
    """CPU seconds of the plan by what they were spent on; what is left of a run is its start."""
    spent: dict[str, float] = dict.fromkeys([*PARTS, "again", "close"], 0.0)
    of_step = {step: part for part, steps in PARTS.items() for step in steps}

    def counted(part_of: Callable[..., str], do: Callable[..., Any]) -> Callable[..., Any]:
        def doing(*given: Any) -> Any:
            begun = time.process_time()
            try:
                return do(*given)
            finally:
                spent[part_of(*given)] += time.process_time() - begun

        return doing

    def part_of_step(_connection: Any, step: Any, *_: Any) -> str:
        return of_step.get(step.name, "close")

    with ExitStack() as undone:
        for module, name in ((engine, "_make"), (engine, "_counted"), (engine, "_fetched")):
            undone.enter_context(patch.object(module, name, counted(part_of_step, getattr(module, name))))
        undone.enter_context(patch.object(scanned, "_survey", counted(lambda _: "look", scanned._survey)))
        come = counted(lambda *_: "close", engine._come)
        undone.enter_context(patch.object(engine, "_come", come))
        again = scanned.Lines.again
        undone.enter_context(
            patch.object(scanned.Lines, "again", lambda lines: counted(lambda _: "again", again(lines)))
        )
        datong(path)
    begun, hashed = time.process_time(), hashing.hasher()
    with path.open("rb", buffering=0) as opened:
        while block := opened.read(scanned.CHUNK):
            hashed.update(block)
    spent["digest"] = min(time.process_time() - begun, spent["look"])
    spent["look"] -= spent["digest"]
    return {part: round(seconds, 2) for part, seconds in spent.items()}


CONTENDERS: dict[str, Callable[[Path], Any]] = {"datong": datong, "by hand": by_hand, "datong build": build}
PEERS = ROOT / "bench" / "peers"
SCRIPTS = {"spark local[2]": ("spark_trips.py", "local[2]", "3g"), "dlt": ("dlt_load.py", "parquet")}
SAME_RESULT = ("datong", "by hand", "spark local[2]")


def measured(name: str, path: Path) -> dict[str, Any]:
    if name in SCRIPTS:
        script, *options = SCRIPTS[name]
        command = [str(PEERS / "env/.venv/bin/python"), str(PEERS / script), str(path), *options]
        said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        return {key: said[key] for key in ("cpu_seconds", "wall_seconds", "peak_mb", "result")}
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, __file__, "one", name, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    result = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    assert status == 0, name
    return {
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2), "wall_seconds": round(time.perf_counter() - began, 2),
        "peak_mb": round(used.ru_maxrss / 1024), "result": json.loads(result),
    }  # fmt: skip


def turns(names: Sequence[str], path: Path, times: int, once: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Per contender its run in the middle by CPU, with the CPU of all its runs; the slow ones run once."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for turn in range(times):
        for name in names:
            if turn == 0 or name not in once:
                found[name].append(measured(name, path))
    ordered = {name: sorted(runs, key=lambda run: run["cpu_seconds"]) for name, runs in found.items()}
    return {
        name: {**runs[len(runs) // 2], "cpu_of_runs": [run["cpu_seconds"] for run in runs]}
        for name, runs in ordered.items()
    }


def with_kept(runs: list[dict[str, Any]], before: dict[str, Any]) -> list[dict[str, Any]]:
    """`runs`, and from the results `before` the sizes and the contenders that were not measured this time.

    A contender that stays in a run measured anew keeps the day, the load and the CPU by hand of its own measurement.
    """
    by_rows = {run["rows"]: {"at": before["at"], **run} for run in before["runs"]}
    told = []
    for run in runs:
        old = by_rows.pop(run["rows"], {})
        others = {name: old[name] for name in (*CONTENDERS, *SCRIPTS) if name in old and name not in run}
        kept = {
            name: {"at": old["at"], "load": old["load"], "hand": old["by hand"]["cpu_seconds"], **other}
            for name, other in others.items()
        }
        told.append({**run, **kept})
    return sorted([*told, *by_rows.values()], key=lambda run: int(run["rows"]))


def main() -> None:
    if sys.argv[1:2] == ["one"]:
        what = parts if sys.argv[2] == "parts" else CONTENDERS[sys.argv[2]]
        print(json.dumps(what(Path(sys.argv[3]))))
        return
    every = [*CONTENDERS, *(SCRIPTS if "--peers" in sys.argv else ())]
    results = []
    for rows in [int(given) for given in sys.argv[1:] if given.isdigit()] or [1_000_000, 10_000_000]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trips.ndjson"
            write_trips(path, rows)
            load = os.getloadavg()[0]
            names = [name for name in every if name != "dlt" or rows <= BLOCK]
            once = [*SCRIPTS, *(["datong build"] if rows > BLOCK else [])]
            found = turns(names, path, 3 if rows <= 10 * BLOCK else 1, once)
            size = path.stat().st_size
            of_parts = [measured("parts", path)["result"] for _ in range(3 if rows <= BLOCK else 1)]
            found["datong"]["parts"] = sorted(of_parts, key=lambda spent: sum(spent.values()))[len(of_parts) // 2]
        first, *others = (found[name]["result"] for name in SAME_RESULT if name in found)
        assert all(other == first for other in others), found
        ratio = found["datong"]["cpu_seconds"] / found["by hand"]["cpu_seconds"]
        at = datetime.now(UTC).isoformat(timespec="seconds")
        results.append({"rows": rows, "at": at, "bytes": size, "load": load, "cpu_ratio": round(ratio, 2), **found})
        print(json.dumps(results[-1], indent=1))
    runs = with_kept(results, json.loads(RESULTS.read_text("utf-8"))) if RESULTS.exists() else results
    told = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "duckdb": duckdb.__version__, "runs": runs}
    RESULTS.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""The same mapping, the same build, the same counts on Spark: rows, quarantine, reasons, repairs, figures.

`make test-matrix` runs this.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import harmonise_desk as desk
import pyarrow as pa
import pyarrow.parquet as pq
from harmonise_desk import WANTED, files, mapped, prop, rows_of
from test_harmonise_conversions import DEGREES
from test_harmonise_plan import PASSAGES, TABLES, database
from test_harmonise_quick import PIECES, things

from datong.engine import spark
from datong.engine.service import DUCKDB
from datong.harmonise.model.mappings import Mapping
from on_spark import MARKS, MASTER

pytestmark = MARKS


def same(mapping: Mapping, *, digits: int = 17, **tables: pa.Table) -> Any:
    """digits: to which doubles are compared; sines and roots of two libraries may differ in the last bits."""
    here, there = (desk.run(mapping, on=engine, **tables) for engine in (DUCKDB, spark.at(MASTER)))
    for name in WANTED:
        assert there[name].schema == here[name].schema
        assert told(there[name], digits) == told(here[name], digits), name
    assert there.rows == here.rows
    return there


def told(table: pa.Table, digits: int) -> list[list[Any]]:
    return [
        [float(f"{value:.{digits}g}") if isinstance(value, float) else value for value in row.values()]
        for row in table.to_pylist()
    ]


def test_every_odd_text_of_every_column() -> None:
    """Alone beside plain values, all together at random, doubled keys, a row that is no record, an empty one."""
    chance = random.Random(5)
    plain = {path: pieces[0] for path, pieces in PIECES.items()}
    alone = [
        {**plain, "a": f"{path}{n}", "b": str(n), "f": "999", path: text}
        for path, pieces in PIECES.items()
        for n, text in enumerate(pieces)
    ]
    mixed = [
        {
            path: chance.choice([*pieces, None]) if chance.random() < 0.1 else pieces[0]
            for path, pieces in PIECES.items()
        }
        | {"a": f"r{chance.randrange(100)}"}
        for _ in range(200)
    ]
    result = same(things(slow=True), things=rows_of(*alone, *mixed, "not {a record", dict.fromkeys(PIECES)))
    reasons = set(result["quarantined"]["reason"].to_pylist())
    assert reasons >= {"duplicate", "no_such_local_time", "not_a_number", "odd"}


def test_lookups() -> None:
    same(mapped(database(missing="keep"), "db"), main=PASSAGES, **TABLES)


def test_units_datums_days_words_and_identifiers() -> None:
    def half(name: str, other: str, path: str) -> dict[str, Any]:
        return {"from": path, "as": name, "notation": "decimal", "datum": "BD-09", "with": other}

    columns = {
        "v": {"from": "v", "as": "number", "unit": "km/h"}, "w": {"from": "w", "as": "number", "multipliers": ["万"], "accounting": True},
        "share": {"from": "share", "as": "number", "percent": True}, "longitude": half("longitude", "latitude", "x"),
        "latitude": half("latitude", "longitude", "y"), "day": {"from": "day", "as": "date", "formats": ["%Y年%m月%d日", "%Y%m%d", "excel"]},
        "yes": {"from": "yes", "as": "boolean", "when_true": ["是"], "when_false": ["否"]}, "person": {"from": "person", "as": "resident_id"},
        "born": {"from": "person", "as": "birth_date", "of": "resident_id"}, "firm": {"from": "firm", "as": "credit_code"},
        "vin": {"from": "vin", "as": "vin"}, "phone": {"from": "phone", "as": "phone"},
        "ms": {"from": "ms", "as": "timestamp", "zone": "UTC", "formats": ["epoch_ms"]},
        "s": {"from": "s", "as": "timestamp", "zone": "UTC", "formats": ["epoch_s", "%Y-%m-%d"]},
        "cell": {"from": "cell", "as": "timestamp", "zone": "Asia/Shanghai", "formats": ["%Y-%m-%d %H:%M:%S", "excel"]},
        "mixed": {"from": "mixed", "as": "timestamp", "zone": "Asia/Shanghai", "formats": ["%Y-%m-%d %H:%M:%S", "epoch_s"]},
        "tight": {"from": "tight", "as": "timestamp", "zone": "Asia/Shanghai", "formats": ["%Y%m%d%H%M%S", "%Y%m%d %H:%M"]},
        "whole": {"from": "whole", "as": "number", "thousands": ","}, "comma": {"from": "comma", "as": "number", "decimal": ",", "thousands": "."},
        "behind": {"from": "behind", "as": "number", "thousands": ",", "carries_unit": True}, "years": {"from": "years", "as": "number", "carries_unit": True},
        "area": {"from": "area", "digits": 6}, "named": {"from": ["old", "new"], "as": "number", "thousands": ","},
        "yuan": {"from": "yuan", "as": "number", "thousands": ",", "currency": "CNY", "accounting": True, "negative": "debit"},
    }  # fmt: skip
    contents = files(
        columns, prop("v", "number", customProperties=[{"property": "unit", "value": "m/s"}]), prop("w", "number"),
        prop("share", "number", customProperties=[{"property": "unit", "value": "1"}]), prop("longitude", "number"),
        prop("latitude", "number"), prop("day", "date"), prop("yes", "boolean"), prop("person"), prop("born", "date"),
        prop("firm"), prop("vin"), prop("phone"), prop("ms", "timestamp"), prop("s", "timestamp"), prop("cell", "timestamp"),
        prop("whole", "integer"), prop("comma", "number"), prop("mixed", "timestamp"), prop("tight", "timestamp"),
        prop("area"), prop("named", "number"), prop("behind", "number", customProperties=[{"property": "unit", "value": "kW.h"}]),
        prop("yuan", "number"), prop("years", "integer", customProperties=[{"property": "unit", "value": "a"}]),
    )  # fmt: skip
    pieces = {
        "old": ["1", None, "2", "1,000", "-", ""], "new": [None, "1", "3", "1000"],
        "behind": ["1,250 kWh", "5MWh", "5mwh", "3.5度", "0.3万千瓦时", "5 km", "12", "1e3KWH", "\u00a05度", "5度\n", None],
        "years": ["45岁", "45.0 周岁", "45", "24月", "45.5岁", "", "1e1岁"],
        "yuan": ["￥12,345.00", "-¥ 3", "RMB1,000CR", "借：12", "1,2.5元DR", "￥(1,012.5)", "￥3-", "12 Dr.", "3元\n", "$3", "CR 12 DR", "￥\u00a05", "港币3", None],
        "area": ["010106", "10106", " 106", "10106.0", "110106.", "1010106", "1010A", "１０１０６", None],
        "mixed": ["2026-02-01 08:00:00", "1769904000", "-0.5", "20260201", None],
        "tight": ["20260201080000", "2026020108000", "20260201 8:00", "2026021 08:00", "1761010100123"],
        "whole": ["3", "3.0", "-3.", "1,023.00", "3.5", "9223372036854775807.0", "9223372036854775808.0", "3,0"],
        "comma": ["1.234,56", "-12,5", "12", "1.5", "1.234", "1,234.56"],
        "v": ["36", "1e2", "x", None], "w": ["1.2万", "(12)", "12-", "0.1万", "万"], "share": ["12.5%", "5‰", "12.5", ""],
        "x": ["121.5", "121.512345", "0", "200", None], "y": ["31.2", "31.198765", "0", "x"],
        "day": ["2019年9月1日", "20190901", "43709", "60", "2019-09-01", "20190229"], "yes": ["是", "否", "yes", " 是"],
        "person": ["11010519491231002X", "110105491231002", "110105194912310021", "11010519490231002X", "1101051949123100２X", ""],
        "firm": ["91350100M000100Y43", "91350100M000100Y44", "9135O1OOM000100Y43"], "vin": ["LSVAM4187C2184841", "1M8GDM9AXKP042788", "I"],
        "phone": ["13812345678", "+86 138-1234-5678", "010-62345678", "12"],
        "ms": ["1769904000123", "-1", "0.001", "99999999999999", None], "cell": ["46054.335543981484", "2026-02-01 08:03:11", "61", "60.5", "46054.3"], "s": ["1769904000.1234567", "-0.5", "2026-02-01", "99999999999"],
    }  # fmt: skip
    rows = [{path: texts[n % len(texts)] for path, texts in pieces.items()} for n in range(24)]
    same(mapped(contents), digits=13, things=rows_of(*rows))


def test_what_offices_write() -> None:
    """Tabs behind numbers, codes as numbers, units behind numbers, rows of totals."""
    columns = {
        "id": {"from": "id", "missing": ["", "622"]},
        "area": {"from": "area", "digits": 6},
        "n": {"from": "n", "as": "number"},
    }
    kwh = [{"property": "unit", "value": "kW.h"}]
    mapping = mapped(files(columns, prop("id"), prop("area"), prop("n", "number", customProperties=kwh)))
    pieces = {
        "id": [
            "622\t",
            "\t622",
            "贵阳\r\n",
            "\u3000\t贵阳 \t",
            "a\u00a0\u2028",
            "a\tb",
            "\t",
            "\x0b7\x0c",
            "8\n",
            None,
        ],
        "area": ["10106.0", "110106.", "0.0", "1010106.0", "106\t", "10106", "1010.00", "10106.00"],
        "n": ["5度\t", "5 MWh", "5mwh", "5", "5 \tkWh", "五度", "5\n"],
    }
    rows = [{path: texts[n % len(texts)] for path, texts in pieces.items()} for n in range(20)]
    totals = [
        "合计,5",
        "全市 合 计\t5",
        " |小 计：|5",
        "Sub-Total;5",
        "合计科,5",
        "GRAND TOTAL",
        '"total"',
        "云岩区,小计,5",
        "2,小计,5",
        "1号公变小计,5",
        "云岩区\t工业 小 计：\t5",
        "小计科,5",
    ]
    result = same(mapping, things=rows_of(*rows, *totals))
    assert [row["reason"] for row in result["quarantined"].to_pylist()][-12:].count("total_row") == 8


def test_degrees_as_people_write_them() -> None:
    mapping = mapped(
        files({"lat": {"from": "lat", "as": "latitude", "notation": "dms", "datum": "WGS84"}}, prop("lat", "number"))
    )
    result = same(mapping, things=rows_of(*({"lat": text} for text, *_ in DEGREES), {"lat": None}))
    assert result["harmonised"].num_rows > 9


def test_a_build_by_the_command_line_is_the_same_build(tmp_path: Path) -> None:
    """datong build --engine spark: the same id, the same files byte by byte, the engine in the evidence."""
    told = {}
    for name in ("duckdb", "spark"):
        node = tmp_path / name
        datong("init", str(node), "--name", name)
        for folder in ("sources", "standards", "mappings"):
            shutil.copytree(desk.TRIPS / folder, node / folder, dirs_exist_ok=True)
        more = ("--engine", "spark", "--master", MASTER) if name == "spark" else ()
        said = datong("build", "trips", "--workspace", str(node), "--data", str(desk.TRIPS_DATA), "--json", *more)
        told[name] = json.loads(said)[0]
    assert told["spark"].pop("engine") == "spark"
    assert {**told["spark"], "seconds": 0} == {**told["duckdb"], "seconds": 0}
    assert told["spark"]["read"] == told["spark"]["written"] + told["spark"]["quarantined"] > 0
    here, there = (sorted((tmp_path / name).glob("**/build-*/*")) for name in ("duckdb", "spark"))
    assert [path.relative_to(tmp_path / "spark") for path in there] == [
        path.relative_to(tmp_path / "duckdb") for path in here
    ]
    assert len(here) >= 4
    for one, other in zip(here, there, strict=True):
        if one.suffix == ".parquet":
            assert pq.read_table(one).equals(pq.read_table(other)), one.name


def datong(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "datong", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_table_of_many_codes_is_looked_up() -> None:
    contents = files({"x": {"from": "a", "as": "code", "codes": "cc"}, "n": "n"}, prop("x"), prop("n"))
    contents["standards/cc.codes.yaml"] = {"codes": {f"c{n}": f"it's {n % 7}" for n in range(40)}}
    texts = ["c0", " c39", "c40", "", None, "c7", "c7"]
    result = same(mapped(contents), things=rows_of(*({"a": text, "n": str(n)} for n, text in enumerate(texts))))
    assert result["harmonised"]["x"].to_pylist() == ["it's 0", "it's 4", None, None, "it's 0", "it's 0"]

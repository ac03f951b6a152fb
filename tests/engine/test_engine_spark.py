"""Plans on Spark: value by value what DuckDB gives, and the same refusals. `make test-matrix` runs this."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import re
import socket
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import golden
import pyarrow as pa
import pytest

import servers
from datong.engine import service as engine
from datong.engine import spark
from datong.engine.model import Balance, Late, Plan, Step
from datong.ground.refusal import Refusal
from on_spark import MARKS, MASTER

pytestmark = MARKS


def test_golden_values() -> None:
    """Every case with a form gives what DuckDB gives; which have none, test_engine_golden says."""
    cases = [case for case in golden.CASES if case not in golden.SPARK_LACKS]
    plan, columns = golden.packed(cases)
    result = spark.run(plan, golden.TABLES, master=MASTER, want=list(columns))
    found: dict[str, object] = {}
    for name, mine in columns.items():
        found |= golden.unpacked(result[name], mine)
    expected = json.loads(golden.FILE.read_text("utf-8"))
    assert found.keys() == {*cases}
    assert {case: (rows, expected[case]) for case, rows in found.items() if rows != expected[case]} == {}


@pytest.mark.parametrize("case", golden.LOUD)
def test_where_duckdb_ends_with_an_error_spark_does(case: str) -> None:
    plan = Plan((Step("out", golden.LOUD[case]),), ("t",))
    for run in (engine.run, spark.at(MASTER).run):
        with pytest.raises(Refusal) as refused:
            run(plan, {"t": golden.TABLE})
        assert refused.value.code == "ENG-500"


def test_texts_that_nobody_thought_of_are_read_alike() -> None:
    """Golden texts with a sign put in, taken out or changed, as values of every type and by formats of times."""
    chance = random.Random(2019)
    known = [text for text in golden.TEXTS["s"].to_pylist() if text and not text.lower().startswith(("epo", "inf"))]
    odd = []
    for _ in range(400):
        text, sign = chance.choice(known), chance.choice("0159 -:/.+TZe_\t")
        at = chance.randrange(len(text))
        odd.append(text[:at] + sign + text[at + chance.randrange(2) :])
    table = pa.table({"k": pa.array(range(len(odd)), pa.int64()), "s": pa.array(odd)})
    asked = [text for part in ("try_cast", "try_strptime") for text in golden.OTHER_ROWS["texts"][part]]
    columns = {f"v{n}": text for n, text in enumerate(asked)}
    plan = Plan((Step("out", golden.query("texts", columns)),), ("texts",))
    here, there = (run(plan, {"texts": table})["out"] for run in (engine.run, spark.at(MASTER).run))
    for name, text in columns.items():
        both = zip(odd, golden.seen(here.select(["k", name])), golden.seen(there.select(["k", name])), strict=True)
        assert [entry for entry in both if entry[1] != entry[2]] == [], text


def test_local_times_around_every_change_of_the_clocks() -> None:
    """1970 to 2025. Rules that lie ahead are as new as the zone data each engine has, and older ones are still mended
    there: of São Paulo in 1965 a Java of November 2026 knows what the ICU in DuckDB does not."""
    plan = Plan(
        (Step("out", golden.query("t", {f"v{n}": f"timezone('{zone}', {x})" for n, (zone, x) in enumerate(_ZONES)})),),
        ("t",),
    )
    table = pa.table({"k": pa.array(range(len(_LOCAL)), pa.int64()), "t": pa.array(_LOCAL, pa.timestamp("us"))})
    table = table.append_column("z", table["t"].cast(pa.timestamp("us", tz="UTC")))
    here, there = (run(plan, {"t": table})["out"] for run in (engine.run, spark.at(MASTER).run))
    assert there.equals(here)


def _changes(zone: str) -> list[dt.datetime]:
    """Local times from a day and a half before to a day after each change of `zone`."""
    there, found = ZoneInfo(zone), []
    hours = [dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=12 * n) for n in range(56 * 730)]
    offsets = [hour.astimezone(there).utcoffset() for hour in hours]
    for hour, before, after in zip(hours, offsets, offsets[1:], strict=False):
        if before != after and before is not None:
            local = (hour + before).replace(tzinfo=None)
            found += [local + dt.timedelta(minutes=30 * step) for step in range(-2, 74)]
    return found


_ZONES = [
    (zone, column)
    for zone in ("America/New_York", "Asia/Shanghai", "Europe/London", "Australia/Lord_Howe", "America/Sao_Paulo")
    for column in "tz"
]
_LOCAL = sorted({time for zone in dict.fromkeys(zone for zone, _ in _ZONES) for time in _changes(zone)})


def test_balances_late_inputs_and_parameters() -> None:
    people = pa.table({"name": ["ann", "bob", None], "age": ["31", "x", "7"]})
    plan = Plan(
        (
            Step("asked", "SELECT name FROM people WHERE age = $odd"),
            Step("seen", "SELECT name FROM told", kept=False),
            Step("out", "SELECT name FROM seen"),
        ),
        ("people",), ("odd",), (Balance("asked", ("told",)),), (Late("told", "asked"),),
    )  # fmt: skip

    def doubled(table: pa.Table) -> pa.Table:
        return pa.concat_tables([table, table])

    for run in (engine.run, spark.at(MASTER).run):
        result = run(plan, {"people": people, "told": lambda table: table}, {"odd": "x"})
        assert result["out"].to_pylist() == [{"name": "bob"}]
        assert result.rows == {"people": 3, "asked": 1, "told": 1, "out": 1}
        with pytest.raises(Refusal) as refused:
            run(plan, {"people": people, "told": doubled}, {"odd": "x"})
        assert refused.value.code == "ENG-501"


def test_a_run_leaves_nothing_in_the_session() -> None:
    plan = Plan((Step("out", "SELECT name FROM people"),), ("people",))
    spark.run(plan, {"people": pa.table({"name": ["ann"]})}, master=MASTER)
    assert spark._session(MASTER).catalog.listTables() == []


def test_steps_that_read_one_another_twice_are_read_once_each() -> None:
    """Were a step read over the forms of those before it, the last of these would be of 2 to the 24 tables."""
    twice = "SELECT a.n FROM {0} AS a JOIN {0} AS b ON a.n = b.n"
    steps = [Step(f"s{k + 1}", twice.format(f"s{k}")) for k in range(24)]
    plan = Plan((Step("s0", "SELECT n FROM t"), *steps), ("t",))
    result = spark.run(plan, {"t": pa.table({"n": [7]})}, master=MASTER)
    assert result["s24"].to_pylist() == [{"n": 7}]


def test_errors_never_echo_values(capfd: pytest.CaptureFixture[str]) -> None:
    people = pa.table({"name": ["secret-ann"], "n": [4567891]})
    for text in (
        "CAST(n AS TINYINT)",
        "CAST(n * 1e300 AS DECIMAL(12, 2))",
        "CAST(name AS BIGINT)",
        "chr(CAST(length(name) + 2000000 AS INTEGER)) || name",
    ):
        with pytest.raises(Refusal) as refused:
            spark.run(
                Plan((Step("out", f"SELECT {text} AS n FROM people"),), ("people",)), {"people": people}, master=MASTER
            )
        assert refused.value.code == "ENG-500"
        assert not {"secret", "4567891"} & {*re.findall(r"secret|4567891", str(refused.value))}
    assert re.findall(r"secret|4567891", "".join(capfd.readouterr())) == []


def test_no_event_log_keeps_a_key(tmp_path: Path) -> None:
    """Its plans would quote what is bound, where an operator has asked for one."""
    text = (
        "import pyarrow as pa\nfrom datong.engine import spark\nfrom datong.engine.model import Plan, Step\n"
        "plan = Plan((Step('out', 'SELECT sha256($key || s) AS h FROM t'),), ('t',), ('key',))\n"
        "print(spark.run(plan, {'t': pa.table({'s': ['a']})}, {'key': 'secret-key'}, master='local[1]')['out'].num_rows)"
    )
    asked = f"--conf spark.eventLog.enabled=true --conf spark.eventLog.dir=file://{tmp_path} pyspark-shell"
    done = subprocess.run([sys.executable, "-c", text], env={**os.environ, "PYSPARK_SUBMIT_ARGS": asked}, text=True,
                          capture_output=True, check=True)  # fmt: skip
    assert done.stdout.split()[-1] == "1"
    assert [*tmp_path.rglob("*")] == []
    assert "secret-key" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "text",
    ["SELECT CASE WHEN n THEN 1 END AS v FROM people", "SELECT max(name ORDER BY n) AS v FROM people",
     "WITH c AS MATERIALIZED (SELECT n FROM people) SELECT n FROM c", "SELECT INTERVAL '1 month 2 days' AS v FROM people",
     "SELECT TIMESTAMP '2020-01-01' + INTERVAL '1.5' DAY AS v FROM people"],
)  # fmt: skip
def test_what_spark_cannot_read_is_refused_before_anything_runs(text: str) -> None:
    """The first step would end with an error if it ran."""
    plan = Plan((Step("first", "SELECT CAST(name AS BIGINT) AS n FROM people"), Step("second", text)), ("people",))
    with pytest.raises(Refusal) as refused:
        spark.run(plan, {"people": pa.table({"name": ["ann"], "n": [1]})}, master=MASTER)
    assert (refused.value.code, [p.where for p in refused.value.problems]) == ("ENG-410", ["second"])


@pytest.mark.parametrize(
    "master", ["spark://127.0.0.1:{port}", "spark://127.0.0.1:{port},[::1]:{port}", "spark://", "spark://h:x"]
)
def test_a_master_where_nothing_answers_is_told_before_spark_tries_it(master: str) -> None:
    address = master.format(port=servers.free_port())
    assert not spark._answers(address)
    with socket.create_server(("127.0.0.1", 0)) as there:
        assert spark._answers(f"spark://127.0.0.1:1,127.0.0.1:{there.getsockname()[1]}"), "one of several is enough"
    said = f"from datong.engine import spark; spark.opened({address!r})"
    tried = subprocess.run([sys.executable, "-c", said], check=False, capture_output=True, text=True)
    assert (
        f"[ENG-411] The plan was not run. The Spark engine is not there: nothing answers at {address}" in tried.stderr
    )


def test_another_master_while_one_is_in_use_is_refused() -> None:
    spark._session(MASTER)
    with pytest.raises(Refusal) as refused:
        spark.run(Plan((Step("out", "SELECT 1 AS n"),), ()), {}, master="local[1]")
    assert refused.value.code == "ENG-411"

"""Running plans on a real DuckDB: results, the closed database, balances, and errors without values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datong.engine import rules
from datong.engine import service as engine
from datong.engine.model import Balance, Late, Plan, Scan, Step
from datong.ground.refusal import Refusal

PEOPLE = pa.table({"name": ["secret-ann", "secret-bob", None], "age": ["31", "x", "7"]})


def test_steps_build_on_each_other() -> None:
    plan = Plan(
        (
            Step("aged", "SELECT name, TRY_CAST(age AS BIGINT) AS age FROM people"),
            Step("known", "SELECT * FROM aged WHERE age IS NOT NULL"),
            Step("unknown", "SELECT * FROM aged WHERE age IS NULL"),
        ),
        ("people",),
        balances=(Balance("people", ("aged",)), Balance("aged", ("known", "unknown"))),
    )
    result = engine.run(plan, {"people": PEOPLE}, want=("known", "unknown"))
    assert result["known"].column("age").to_pylist() == [31, 7]
    assert result.rows == {"people": 3, "aged": 3, "known": 2, "unknown": 1}


def test_words_that_only_duckdb_has_are_its_own_affair() -> None:
    plain = Plan((Step("figures", "SELECT n FROM numbers WHERE n > 1"),), ("numbers",))
    quick = replace(
        plain, steps=(replace(plain.steps[0], on_duckdb="SELECT n FROM numbers WHERE n > 1 AND hash(n) > 0"),)
    )
    result = engine.run(quick, {"numbers": pa.table({"n": [1, 2, 3]})})
    assert result["figures"]["n"].to_pylist() == [2, 3]
    assert (rules.digest_of(quick), rules.problems(quick)) == (rules.digest_of(plain), [])
    asked = replace(plain, steps=(Step("figures", quick.steps[0].on_duckdb),))
    assert [problem.en for problem in rules.problems(asked)] == ["the function hash is not allowed"]


def test_lost_rows_are_found() -> None:
    plan = Plan(
        (Step("some", "SELECT * FROM people WHERE age <> 'x'"),), ("people",), balances=(Balance("people", ("some",)),)
    )
    with pytest.raises(Refusal) as refused:
        engine.run(plan, {"people": PEOPLE})
    assert refused.value.code == "ENG-501"
    assert refused.value.facts["rows_parts"] == 2


def test_parameters_are_bound_per_step() -> None:
    plan = Plan(
        (Step("one", "SELECT $k AS k, sha256($k || name) AS h FROM people"), Step("two", "SELECT k FROM one LIMIT 1")),
        ("people",),
        ("k",),
    )
    assert engine.run(plan, {"people": PEOPLE}, {"k": "pepper"})["two"].to_pylist() == [{"k": "pepper"}]


def test_parquet_in_and_utc_out(tmp_path: Path) -> None:
    pq.write_table(pa.table({"seen": ["2019-09-01 04:08:00+00"]}), tmp_path / "in.parquet")
    plan = Plan((Step("out", "SELECT CAST(seen AS TIMESTAMPTZ) AS seen FROM t"),), ("t",))
    table = engine.run(plan, {"t": tmp_path / "in.parquet"})["out"]
    assert table.schema.field("seen").type == pa.timestamp("us", tz="UTC")


@pytest.mark.parametrize(
    ("inputs", "parameters"),
    [
        ({}, {"k": 1}),
        ({"people": PEOPLE}, {}),
        ({"people": PEOPLE, "more": PEOPLE}, {"k": 1}),
        ({"people": PEOPLE}, {"k": 1, "l": 2}),
    ],
)
def test_inputs_and_parameters_must_be_the_declared_ones(
    inputs: dict[str, pa.Table], parameters: dict[str, int]
) -> None:
    with pytest.raises(Refusal) as refused:
        engine.run(Plan((Step("out", "SELECT $k FROM people"),), ("people",), ("k",)), inputs, parameters)
    assert refused.value.code == "ENG-404"


def test_a_file_that_is_no_parquet(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("not parquet")
    with pytest.raises(Refusal) as refused:
        engine.run(Plan((Step("out", "SELECT 1 FROM t"),), ("t",)), {"t": tmp_path / "x.parquet"})
    assert refused.value.code == "ENG-404"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CAST(name AS BIGINT) FROM people",
        "SELECT strptime(name, '%Y') FROM people",
        "SELECT name + 1 FROM people",
        "SELECT no_such_column FROM people",
    ],
)
def test_errors_never_echo_values(sql: str) -> None:
    with pytest.raises(Refusal) as refused:
        engine.run(Plan((Step("out", sql),), ("people",)), {"people": PEOPLE})
    assert refused.value.code == "ENG-500"
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.facts["step"] == "out"


@pytest.mark.parametrize(
    "attack",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "COPY (SELECT 1) TO '{folder}/leak.csv'",
        "ATTACH '{folder}/leak.db'",
        "SELECT * FROM '{folder}/x.parquet'",
        "SET enable_external_access = true",
        "SET threads = 8",
        "LOAD httpfs",
        "INSTALL httpfs",
        "SELECT * FROM people_in_this_frame",
    ],
)
def test_the_database_is_closed_even_without_the_check(attack: str, tmp_path: Path) -> None:
    people_in_this_frame = PEOPLE  # must not be found by the engine's name look-up
    assert people_in_this_frame.num_rows == 3
    pq.write_table(PEOPLE, tmp_path / "x.parquet")
    database = engine._closed_database({"people": PEOPLE}, 1, "200MB")
    with pytest.raises(Exception, match=r"(?i)disabled|locked|cannot|not exist"):
        database.execute(attack.format(folder=tmp_path)).fetchall()
    database.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.parquet"]


def test_a_late_input_is_read_by_what_a_step_asks_for() -> None:
    plan = Plan(
        (
            Step("asked", "SELECT name FROM people WHERE age = 'x'"),
            Step("seen", "SELECT name FROM told", kept=False),
            Step("out", "SELECT name FROM seen"),
        ),
        ("people",),
        balances=(Balance("asked", ("told",)),),
        late=(Late("told", "asked"),),
    )
    asked: list[list[str]] = []

    def told(table: pa.Table) -> pa.Table:
        asked.append(table["name"].to_pylist())
        return table

    assert engine.run(plan, {"people": PEOPLE, "told": told})["out"].num_rows == 1
    assert asked == [["secret-bob"]]
    with pytest.raises(Refusal) as refused:
        engine.run(plan, {"people": PEOPLE, "told": lambda table: table.slice(0, 0)})
    assert refused.value.code == "ENG-501"


def test_rows_are_put_in_the_promised_order_only_when_they_are_not() -> None:
    sql = "SELECT * FROM (SELECT CAST(age AS BIGINT) AS n FROM people WHERE age <> 'x') AS every ORDER BY n"
    for order in ("", " DESC"):
        plan = Plan((Step("out", sql + order, kept=False, ordered_by="n"),), ("people",))
        assert engine.run(plan, {"people": PEOPLE})["out"]["n"].to_pylist() == [7, 31]


def test_a_scan_opens_its_file_and_no_other(tmp_path: Path) -> None:
    pq.write_table(PEOPLE, tmp_path / "it's.parquet")
    pq.write_table(PEOPLE, tmp_path / "other.parquet")
    scan = Scan(tmp_path / "it's.parquet", "SELECT * FROM read_parquet($file)", 3)
    plan = Plan((Step("out", "SELECT name FROM t"),), ("t",), balances=(Balance("t", ("out",)),))
    assert engine.run(plan, {"t": scan})["out"].num_rows == 3
    with pytest.raises(Refusal) as refused:
        engine.run(plan, {"t": Scan(scan.path, scan.sql, 4)})
    assert refused.value.code == "ENG-501"
    database = engine._closed_database({"t": scan}, 1, "200MB")
    for attack in (f"SELECT * FROM '{tmp_path}/other.parquet'", f"SELECT * FROM read_text('{tmp_path}/../other')"):
        with pytest.raises(Exception, match=r"(?i)disabled"):
            database.execute(attack).fetchall()
    database.close()


def test_a_scan_that_fails_is_read_otherwise(tmp_path: Path) -> None:
    pq.write_table(PEOPLE, tmp_path / "people.parquet")
    path, sound = tmp_path / "people.parquet", "SELECT name, age FROM read_parquet($file)"
    fails = "SELECT name, CAST(CAST(age AS INTEGER) AS VARCHAR) AS age FROM read_parquet($file)"
    steps = (Step("all_of_them", "SELECT * FROM t", kept=False), Step("out", "SELECT age FROM all_of_them"))
    plan = Plan(steps, ("t",), balances=(Balance("t", ("out",)),))
    found = engine.run(plan, {"t": Scan(path, fails, 3, otherwise=sound)})["out"]
    assert found["age"].to_pylist() == PEOPLE["age"].to_pylist()
    assert engine.scanned(Scan(path, fails, 3, otherwise=sound)).equals(engine.scanned(Scan(path, sound, 3)))
    for scan in (Scan(path, fails, 3), Scan(path, fails, 3, otherwise=fails)):
        with pytest.raises(Refusal) as refused:
            engine.run(plan, {"t": scan})
        assert refused.value.code == "ENG-500"


def test_what_does_not_fit_in_memory_goes_to_a_folder_that_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sql = "SELECT x, md5(CAST(x AS VARCHAR)) || md5(CAST(-x AS VARCHAR)) AS y FROM (SELECT unnest(range(1500000)) AS x) AS r"
    plan = Plan((Step("many", sql), Step("out", "SELECT count(DISTINCT y) AS n FROM many")), ("people",))
    result = engine.run(plan, {"people": PEOPLE}, threads=1, memory="100MB")
    assert result["out"].to_pylist() == [{"n": 1_500_000}]
    assert list(tmp_path.iterdir()) == []


NUMBERED = pa.table({"n": list(range(1000)), "text": [f"row {n}" for n in range(1000)]})


@pytest.mark.parametrize("order", ["n", "-n"])
def test_a_large_table_goes_aside_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    """What is wanted and large is written while it comes; a promise of order that does not hold is made true."""
    monkeypatch.setattr(engine, "STREAMED_ROWS", 64)
    plan = Plan((Step("out", f"SELECT * FROM t ORDER BY {order}", ordered_by="n"),), ("t",))
    path = tmp_path / "new" / "out.parquet"
    held = engine.run(plan, {"t": NUMBERED}, aside={"out": path})
    assert isinstance(held["out"], pa.Table)
    assert not path.exists()
    for held_bytes in (0, 10_000):
        monkeypatch.setattr(engine, "HELD_BYTES", held_bytes)
        large = engine.run(plan, {"t": NUMBERED}, aside={"out": path})
        assert large.rows["out"] == large["out"].rows == 1000
        assert pq.read_table(path).equals(held["out"])
        again = engine.run(Plan((Step("s", "SELECT sum(n) AS s FROM r"),), ("r",)), {"r": large["out"]})
        assert again["s"].to_pylist() == [{"s": 499_500}]


def test_what_fails_on_the_way_aside_is_told_without_its_value(tmp_path: Path) -> None:
    given = pa.table({"a": [*("1" for _ in range(3000)), "secret-ann"]})
    plan = Plan((Step("out", "SELECT CAST(a AS BIGINT) AS a FROM t", kept=False),), ("t",))
    with pytest.raises(Refusal) as refused:
        engine.run(plan, {"t": given}, aside={"out": tmp_path / "out.parquet"})
    assert refused.value.code == "ENG-500"
    assert "Conversion" in str(refused.value) and "secret-ann" not in str(refused.value)


def test_memory_that_is_not_enough_is_told_as_that_and_asked_for_once(tmp_path: Path) -> None:
    """A scan's other text takes no less memory: the plan was run once more for it, to the same end."""
    file = tmp_path / "n.parquet"
    pq.write_table(pa.table({"n": range(200)}), file)
    scan = Scan(file, "SELECT n FROM read_parquet($file)", 200, otherwise="SELECT 'the other text was read' AS n")
    held = "SELECT count(DISTINCT repeat('secret', 1000000) || n) AS x FROM a"  # streamed too, all are in memory
    long = Plan((Step("long", held, kept=True),), ("a",))
    with pytest.raises(Refusal) as refused:
        engine.run(long, {"a": scan}, memory="32MB")
    assert refused.value.code == "ENG-520"
    assert "secret" not in str(refused.value)
    streamed = replace(long, steps=(replace(long.steps[0], kept=False),))
    with pytest.raises(Refusal) as refused:
        engine.run(streamed, {"a": scan}, memory="32MB", want=("long",), aside={"long": tmp_path / "x.parquet"})
    assert refused.value.code == "ENG-520"

"""Reading sources: text as it was, row numbers, and a refusal that says where when it cannot be read to its end."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine

import postgresql
from datong.ground.refusal import Refusal
from datong.harmonise.model.mappings import Source, SourceKind
from datong.harmonise.model.reading import BROKEN, ROW, Reading
from datong.harmonise.store import sources
from datong.harmonise.store.sources import databases, opening


def source(kind: str, path: str = "x", **more: object) -> Source:
    return Source("things", SourceKind(kind), path, **more)  # type: ignore[arg-type]


def rows(reading: Reading, table: str = "things") -> list[dict[str, object]]:
    return reading.tables[table].to_pylist()


def refused(given: Source, data: Path) -> Refusal:
    with pytest.raises(Refusal) as caught:
        sources.read(given, data, {})
    assert caught.value.code == "STD-411"
    return caught.value


def test_json_keeps_numbers_as_they_were_written(tmp_path: Path) -> None:
    text = '[{"id": 1, "at": {"x": 42.100, "y": -1.50e1}}, {"id": "2", "at": null, "tags": [1, "a"]}, 7, {"ok": true}]'
    (tmp_path / "x").write_text(text)
    found = rows(sources.read(source("json"), tmp_path, {}))
    assert found[0] == {
        ROW: 1,
        BROKEN: None,
        "id": "1",
        "at.x": "42.100",
        "at.y": "-1.50e1",
        "at": None,
        "tags": None,
        "ok": None,
    }
    assert (found[1]["id"], found[1]["at.x"], found[1]["tags"]) == ("2", None, '[1, "a"]')
    assert (found[2][ROW], found[2][BROKEN]) == (3, "7")
    assert found[3]["ok"] == "true"


def test_json_under_a_path_gzipped_with_a_mark(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(gzip.compress(b"\xef\xbb\xbf" + b'{"a": {"b": [{"c": "d"}]}}'))
    assert rows(sources.read(source("json", records="a.b"), tmp_path, {}))[0]["c"] == "d"
    assert "array of objects" in str(refused(source("json", records="a.z"), tmp_path))
    assert "array of objects" in str(refused(source("json"), tmp_path))


@pytest.mark.parametrize(
    "item",
    [
        '{"id": "1", "n": 1.50, "id": "2"}',
        '{"at": {"x": 1, "x": 2}, "id": "1"}',
        '{"at.x": "1", "at": {"x": "2"}}',
        '{"tags": [{"a": 1, "a": 2}], "at": {"x": 1, "x": 2}}',
    ],
)
@pytest.mark.parametrize("kind", ["json", "ndjson"])
def test_no_field_of_an_object_is_lost(tmp_path: Path, kind: str, item: str) -> None:
    """Two values at one path: the row is kept whole, as no record."""
    (tmp_path / "x").write_text(f"[{item}]" if kind == "json" else item)
    found = rows(sources.read(source(kind), tmp_path, {}))
    assert [row[BROKEN] for row in found] == [item]


@pytest.mark.parametrize("kind", ["json", "ndjson"])
@pytest.mark.parametrize(
    ("at", "wanted", "held"),
    [
        ("51.5", ["at.x"], True), ('"N/A"', ["at.x"], True), ("[1, 2]", ["id", "at.x.y"], True),
        ("51.5", ["id"], False), ("51.5", ["at", "at.x"], False), ('{"y": 1}', ["at.x"], False),
        ("null", ["at.x"], False), ('""', ["at.x"], False), ("[]", ["at.x"], False), ("false", ["at.x"], False),
    ],
)  # fmt: skip
def test_a_value_where_an_object_should_be(tmp_path: Path, kind: str, at: str, wanted: list[str], held: bool) -> None:
    """From 0.5 on, say, a device sends `at` as a number: what is wanted from inside it is not silently empty."""
    item = f'{{"id": "1", "at": {at}}}'
    (tmp_path / "x").write_text(f"[{item}]" if kind == "json" else item)
    found = rows(sources.read(source(kind), tmp_path, {"things": wanted}))
    assert [row[BROKEN] for row in found] == [item if held else None]


def test_a_repeated_field_inside_a_list_is_written_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "x").write_text('[{"id": "1", "tags": [{"a": 1, "a": 2}]}]')
    assert rows(sources.read(source("json"), tmp_path, {}))[0]["tags"] == '[{"a": 1, "a": 2}]'


def test_a_line_with_other_fields_is_kept_as_it_stands(tmp_path: Path) -> None:
    lines = ["id,n", '"a,b",c,"d ""q"""', 'x,"two', 'lines",z', "ok,1"]
    (tmp_path / "x").write_text("\n".join(lines) + "\n")
    found = rows(sources.read(source("csv"), tmp_path, {}))
    assert [row[BROKEN] for row in found] == [lines[1], lines[2] + "\n" + lines[3], None]


def test_codes_that_are_kept_from_being_numbers(tmp_path: Path) -> None:
    """="00012" is how an export keeps a spreadsheet from making 12 of it."""
    lines = ['="编号",v', '="00012",1', '"=""00013""",2', '="a""b",3', '="1"x,4', "=1+1,5"]
    (tmp_path / "x").write_text("\n".join(lines), "utf-8")
    found = [row["编号"] for row in rows(sources.read(source("csv"), tmp_path, {}))]
    assert found[:2] == ["00012", "00013"] and found[4] == "=1+1"
    first = next(iter(rows(sources.read(source("csv", quote=""), tmp_path, {}))))
    assert first['="编号"'] == '="00012"'


@pytest.mark.parametrize(("lines", "broken"), [
    (["1,a,1", '2,"b,2', "3,c,3", '4,"d,4', "5,e,5"], [1, 2, 3]),  # two stray quotes, and what they would swallow
    (["1,a,1", '2,"b,2', '3,"c,3', "4,d,4"], [1, 2]),
    (['1,"12" tube",1', '2,12" tube,2', '3,"12"" tube",3'], [0]),
    ([r'1,"a \"b\" c",1', '2,"two', 'lines",2', '3,""x,3', '4,"",4', '5,"a""b",5'], [0, 2]),
    (['1,"a" ,1', '2, "b",2'], [0]),
])  # fmt: skip
def test_quotations_behind_which_a_field_goes_on(tmp_path: Path, lines: list[str], broken: list[int]) -> None:
    """No line is lost in a field of another, and no quote in a field is dropped without a word."""
    (tmp_path / "x").write_text("id,name,n\n" + "\n".join(lines) + "\n")
    found = rows(sources.read(source("csv"), tmp_path, {}))
    whole = [row[BROKEN] for row in found]
    assert [at for at, text in enumerate(whole) if text is not None] == broken
    assert all(text in lines for text in whole if text is not None)


def test_empty_fields_too_many_are_none_and_a_header_that_comes_again_is_no_record(tmp_path: Path) -> None:
    lines = ["1,a,", "2,b,,", "3,c,x", "id,name", "\ufeffid,name,", "id,Name", "4,d"]
    (tmp_path / "x").write_text("id,name\n" + "\n".join(lines) + "\n", "utf-8")
    found = rows(sources.read(source("csv"), tmp_path, {}))
    assert [row[BROKEN] for row in found] == [None, None, "3,c,x", "id,name", "\ufeffid,name,", None, None]
    assert [row["id"] for row in found] == ["1", "2", None, None, None, "id", "4"]


@pytest.mark.parametrize(("kind", "text"), [("csv", "id,_row\na,b\n"), ("json", '[{"id": "a", "_broken": "b"}]')])
def test_names_of_ours_in_a_source_are_refused_not_overwritten(tmp_path: Path, kind: str, text: str) -> None:
    (tmp_path / "x").write_text(text)
    assert "rename it in the source" in str(refused(source(kind), tmp_path))


@pytest.mark.parametrize("cut", [1, 9, 25, 40, 59])
def test_truncated_json_says_where_and_how_much_was_read(tmp_path: Path, cut: int) -> None:
    text = json.dumps([{"id": f"r{n}", "name": "secret"} for n in range(3)])
    whole = json.dumps([{"id": "r0", "name": "secret"}])[:-1]
    (tmp_path / "x").write_text(text[:cut])
    refusal = refused(source("json"), tmp_path)
    assert refusal.facts["read"] == (cut >= len(whole)) + (cut >= 2 * len(whole))
    assert f"of {cut})" in refusal.facts["place"]
    assert "secret" not in str(refusal)


def test_deep_json_is_refused_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "x").write_text('[{"a":' * 100_000)
    refused(source("json"), tmp_path)


def test_ndjson(tmp_path: Path) -> None:
    (tmp_path / "x").write_text('{"a": {"b": 1}}\n\nbroken {\n{"a": {"b": 2}}\n[1]\n')
    found = rows(sources.read(source("ndjson"), tmp_path, {}))
    assert [(row["a.b"], row[BROKEN]) for row in found] == [("1", None), (None, "broken {"), ("2", None), (None, "[1]")]


def test_csv_with_junk_lines_and_shifted_rows(tmp_path: Path) -> None:
    text = 'Routes,,\n,,\nid;"n ";t\n1;"1,023";"two\nlines"\n2;3\n\n4;5;6;7\n8;;9\n'
    (tmp_path / "x").write_bytes(gzip.compress(text.encode()))
    found = rows(sources.read(source("csv", skip_lines=2, delimiter=";"), tmp_path, {}))
    assert [(row["id"], row["n"], row["t"], row[BROKEN]) for row in found] == [
        ("1", "1,023", "two\nlines", None), (None, None, None, "2;3"), (None, None, None, "4;5;6;7"), ("8", "", "9", None),
    ]  # fmt: skip


def test_csv_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes("号牌\n贵A12345\n".encode("gb18030"))
    assert rows(sources.read(source("csv", encoding="gb18030"), tmp_path, {}))[0]["号牌"] == "贵A12345"
    refusal = refused(source("csv"), tmp_path)
    assert "byte 0" in refusal.facts["place"]


@pytest.mark.parametrize(
    ("text", "said"), [("", "has no header"), ("a,b,a\n1,2,3\n", "columns 1 and 3 have one name"), ("a,,\n", "2 and 3")]
)
def test_csv_needs_a_header(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x").write_text(text)
    refusal = str(refused(source("csv"), tmp_path))
    assert said in refusal and ("`columns`" in refusal) == bool(text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "no such file" in str(refused(source("json"), tmp_path))
    (tmp_path / "x").write_bytes(gzip.compress(b"[1, 2, 3]" * 1000)[:-20])
    assert "cut short" in str(refused(source("json"), tmp_path))
    (tmp_path / "folder").mkdir()
    refused(source("json", "folder"), tmp_path)


def test_a_gzip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "UNPACKED_FREE_BYTES", 10_000)
    (tmp_path / "x").write_bytes(gzip.compress(b" " * 3_000_000))
    assert "unpacks to more" in str(refused(source("json"), tmp_path))


def test_a_link_out_of_the_data_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "out.json").write_text("[]")
    (tmp_path / "data" / "x").symlink_to(tmp_path / "out.json")
    assert "out of the data folder" in str(refused(source("json"), tmp_path / "data"))
    assert "out of the data folder" in str(refused(source("database", tables={"t": "id"}), tmp_path / "data"))


# --- databases ---------------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Source:
    connection = sqlite3.connect(tmp_path / "x")
    connection.executescript(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v, extra TEXT); CREATE VIEW w AS SELECT id, v FROM t;"
        "INSERT INTO t VALUES (2, 'two', 'e'), (1, 1.5, 'e'), (3, NULL, 'e');"
    )
    connection.close()
    return source("database", tables={"t": "id", "w": "id", "gone": "id"})


def test_a_database_in_the_order_of_its_key(tmp_path: Path, database: Source) -> None:
    assert sources.columns_of(database, tmp_path) == {"t": ["id", "v", "extra"], "w": ["id", "v"], "gone": []}
    reading = sources.read(database, tmp_path, {"t": ["id", "v", "nope"], "w": ["v"]})
    assert [(row[ROW], row["id"], row["v"]) for row in rows(reading, "t")] == [
        (1, "1", "1.5"),
        (2, "2", "two"),
        (3, "3", None),
    ]
    assert reading.tables["t"].column_names == [ROW, BROKEN, "id", "v"]
    assert reading.digest == sources.read(database, tmp_path, {"t": ["id", "v"], "w": ["v"]}).digest


def test_a_database_is_opened_read_only(tmp_path: Path, database: Source) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        databases.sqlite_opener(database, tmp_path)().execute("DELETE FROM t")


def test_what_is_no_database(tmp_path: Path, database: Source) -> None:
    whole = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_text("this is no database, but long enough to look like one" * 100)
    assert "no SQLite database" in str(refused(database, tmp_path))
    (tmp_path / "x").write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    refusal = refused(database, tmp_path)
    assert "cannot be read" in str(refusal)


def test_text_that_is_no_text(tmp_path: Path, database: Source) -> None:
    connection = sqlite3.connect(tmp_path / "x")
    connection.execute("INSERT INTO t VALUES (4, CAST(x'ff' AS TEXT), 'e')")
    connection.commit()
    connection.close()
    with pytest.raises(Refusal) as caught:
        sources.read(database, tmp_path, {"t": ["v"]})
    assert caught.value.code == "STD-411"
    assert (caught.value.facts["place"], caught.value.facts["read"]) == ("t.v", 3)
    assert "row 4 holds text that is no text" in str(caught.value)
    assert len(rows(sources.read(database, tmp_path, {"t": ["id", "extra"]}), "t")) == 4
    found = {column.path: column.values for column in sources.sample(database, tmp_path).columns}
    assert found["t.v"] == ("1.5", "two", None, "\\xff")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("123456789.12345678", "123456789.12345678"), ("106.63030007287485", "106.63030007287485"),
        ("1000000000000000.2", "1000000000000000.2"), ("0.1", "0.1"), ("2.0", "2"), ("-1e300", "-1e+300"), ("13812345678.0", "13812345678"), ("1e15", "1000000000000000"), ("1e16", "1e+16"),
        ("9223372036854775807", "9223372036854775807"), ("'007'", "007"), ("'1.50'", "1.50"), ("x'00ff'", "\\x00ff"),
        ("x''", "\\x"), ("''", ""), ("NULL", None),
    ],
)  # fmt: skip
def test_sqlite_values_have_one_text_each(tmp_path: Path, database: Source, value: str, text: str | None) -> None:
    connection = sqlite3.connect(tmp_path / "x")
    connection.executescript(f"UPDATE t SET v = {value} WHERE id = 2")
    connection.close()
    assert rows(sources.read(database, tmp_path, {"t": ["v"]}), "t")[1]["v"] == text


def test_a_database_url_stays_out_of_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = Source("things", SourceKind.database, url_from="THINGS_URL", tables={"t": "id"})
    assert "is not set" in str(refused(given, tmp_path))
    monkeypatch.setenv("THINGS_URL", "postgresql+psycopg://me:secret@127.0.0.1:1/none?connect_timeout=1")
    with pytest.raises(Refusal) as caught:
        sources.columns_of(given, tmp_path)
    assert caught.value.code == "STD-411"
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("THINGS_URL", "no url at all secret")
    assert "secret" not in str(refused(given, tmp_path))


def test_a_database_by_url(tmp_path: Path, database: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINGS_URL", f"sqlite:///{tmp_path / 'x'}")
    given = Source("things", SourceKind.database, url_from="THINGS_URL", tables={"t": "id"})
    assert [row["v"] for row in rows(sources.read(given, tmp_path, {"t": ["v"]}), "t")] == ["1.5", "two", None]


@pytest.mark.postgresql
def test_postgresql_reads_like_sqlite(tmp_path: Path, database: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = create_engine(postgresql.fresh_database())
    wanted = {"t": ["id", "v"]}
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS t")
            connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, extra TEXT)")
            connection.exec_driver_sql("INSERT INTO t VALUES (2, 'two', 'e'), (1, '1.5', 'e'), (3, NULL, 'e')")
        monkeypatch.setenv("THINGS_URL", engine.url.render_as_string(hide_password=False))
        given = Source("things", SourceKind.database, url_from="THINGS_URL", tables={"t": "id"})
        there, here = sources.read(given, tmp_path, wanted), sources.read(database, tmp_path, wanted)
        assert there.tables["t"].equals(here.tables["t"])
        assert there.digest == here.digest
        with engine.connect() as connection:
            databases.begin_reading(connection)
            with pytest.raises(Exception, match="read-only"):
                connection.exec_driver_sql("DELETE FROM t")
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS t")
        engine.dispose()

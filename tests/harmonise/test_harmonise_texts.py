"""Texts of a workspace that mean harm or were written in haste: refused with their line, all at once, and in time."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from harmonise_desk import EXAMPLE, files, prop, write
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.ground.refusal import Problem
from datong.harmonise.model.texts import Texts
from datong.harmonise.rules.places import line_of, listed, placed
from datong.harmonise.rules.workspace import mapping_names, mapping_of, unnamed
from datong.harmonise.store import texts
from datong.harmonise.store.workspace import FILE_BYTES_MAX, files_of, written

BOMB = "a: &a [x, x]\n" + "".join(
    f"{n}: &{n} [*{p}, *{p}, *{p}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
)


def read(text: str | bytes) -> tuple[Any, Any, list[tuple[str, str]]]:
    data = text.encode() if isinstance(text, str) else text
    value, lines, problems = texts.read("f.yaml", data, FILE_BYTES_MAX)
    assert all(problem.zh for problem in problems)
    return value, lines, [(problem.where, problem.en) for problem in problems]


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        (BOMB, "f.yaml:2", "aliases"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "f.yaml:3", "aliases"),
        ("[" * 5000, "f.yaml:1", "nested too deeply"),
        ("a:\n" + "".join(f"{' ' * n}- \n" for n in range(1, 40)), "f.yaml:21", "nested too deeply"),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3", "twice"),
        ("a: 1\n'a': 3\n", "f.yaml:2", "twice"),
        ("a:\n  ? [1]\n  : 2\n", "f.yaml:2", "a key should be a text"),
        ("a: !!python/object/apply:os.system ['true']", "f.yaml:1", "no YAML"),
        ("a: 1\n---\nb: 1\n", "f.yaml:2", "no YAML"),
        ('a: 1\nb: "x\\0y"\n', "f.yaml:2", "character"),
        ('"x\\0": 1\n', "f.yaml:1", "character"),
        (b"a: x\0y", "f.yaml", "no YAML"),
        (b"\xff\xfea", "f.yaml:1", "not UTF-8"),
        ("a: 1\ntitle: 名称\n".encode("gb18030"), "f.yaml:2", "save it as UTF-8"),
        ("a:\n  b: 1\n\tc: 2\n", "f.yaml:3", "not by tabs"),
        ("codes:\n  A：甲\n  B: 乙\n", "f.yaml:3", "write : half-width"),
        ("a: -\n", "f.yaml:1", "no YAML that can be read: block sequence"),
        (" a: 1\nb: 2\n", "f.yaml:2", "no YAML that can be read: "),
        ("a: 9007199254740993", "f.yaml:1", "too large"),
        ("a: " + "9" * 5000, "f.yaml:1", "too large"),
        ("a:\n  - 2019-02-30\n", "f.yaml:2", "no date"),
        ("a: b: c\n", "f.yaml:1", "no YAML that can be read: mapping values are not allowed"),
        ("x" * (FILE_BYTES_MAX + 1), "f.yaml", "too large"),
    ],
)
def test_a_text_that_is_refused(text: str | bytes, where: str, said: str) -> None:
    began = time.process_time()
    value, _, problems = read(text)
    assert value is None
    assert problems, text
    assert problems[0][0] == where
    assert said in problems[0][1]
    assert time.process_time() - began < 5


def test_every_mistake_of_a_file_is_told() -> None:
    assert [where for where, _ in read('a: 1\na: 2\nb: {c: 1, c: 2}\nd: "\\0"\n')[2]] == [
        "f.yaml:2",
        "f.yaml:3",
        "f.yaml:4",
    ]


def test_words_are_what_they_look_like() -> None:
    text = "on: {no: yes, off: NO}\ncode: 0100\ntime: 12:30\nhex: 0x1F\nbig: 1_000\nmerge: {<<: x}\nsign: =\n"
    assert read(text)[0] == {
        "on": {"no": "yes", "off": "NO"}, "code": "0100", "time": "12:30", "hex": "0x1F", "big": "1_000",
        "merge": {"<<": "x"}, "sign": "=",
    }  # fmt: skip
    plain = "a: 1\nb: -2.5\nc: true\nd: False\ne:\nf: ~\ng: 2019-09-01\nh: 1.0e3\ni: 0\nj: 0.5\n"
    assert read(plain)[0] == {
        "a": 1, "b": -2.5, "c": True, "d": False, "e": None, "f": None, "g": date(2019, 9, 1), "h": 1000.0, "i": 0, "j": 0.5,
    }  # fmt: skip
    assert read("")[0] is None


def test_every_key_knows_its_line() -> None:
    _, lines, _ = read("a:\n  b: 1\n  c:\n    - x\n    - {name: n, d: 1}\n")
    assert lines == {
        "": 1,
        "a": 1,
        "a.b": 2,
        "a.c": 3,
        "a.c.0": 4,
        "a.c.1": 5,
        "a.c.1.name": 5,
        "a.c.1.d": 5,
        "a.c.n": 5,
    }
    assert line_of(lines, "a.c[1].d.deeper") == 5
    assert line_of(lines, "a.gone") == 1
    assert line_of(lines, "nowhere") == 1


def test_ten_thousand_keys_in_time() -> None:
    text = "columns:\n" + "".join(f"  c{n}: {{from: a{n}, as: number}}\n" for n in range(10_000))
    began = time.process_time()
    value, lines, problems = read(text)
    assert problems == []
    assert len(value["columns"]) == 10_000
    assert lines["columns.c9999.as"] == 10_001
    assert time.process_time() - began < 20


def test_problems_get_their_line() -> None:
    known = Texts({"mappings/t.yaml": {}}, {"mappings/t.yaml": {"": 1, "columns": 3, "columns.a": 4, "checks.0": 9}})
    given = [
        Problem("mappings/t.yaml: columns.a.zone", "", "one"), Problem("mappings/t.yaml: checks[0].when", "", "two"),
        Problem("mappings/t.yaml", "", "three"), Problem("mappings/t.yaml:7", "", "four"),
        Problem("mappings/other.yaml: x", "", "five"), Problem("no file", "", "six"),
    ]  # fmt: skip
    told = placed(given, known)
    assert [p.where for p in told] == [
        "mappings/t.yaml:4: columns.a.zone", "mappings/t.yaml:9: checks[0].when", "mappings/t.yaml:1", "mappings/t.yaml:7",
        "mappings/other.yaml: x", "no file",
    ]  # fmt: skip
    assert placed(told, known) == told, "placing again changes nothing"
    assert [(p["file"], p["line"], p["where"]) for p in listed([*given, given[0]], known)] == [
        ("mappings/t.yaml", 4, "columns.a.zone"), ("mappings/t.yaml", 9, "checks[0].when"), ("mappings/t.yaml", 1, ""),
        ("mappings/t.yaml", 7, ""), ("mappings/other.yaml", None, "x"), ("", None, "no file"),
    ]  # fmt: skip


# --- a folder -------------------------------------------------------------------------------------------------


def workspace(folder: Path) -> Path:
    columns = {"id": "id", "at": {"from": "at", "as": "timestamp", "zone": "UTC"}}
    return write(folder, files(columns, prop("id"), prop("at", "timestamp")))


def test_every_problem_of_a_folder_has_file_and_line(tmp_path: Path) -> None:
    folder = workspace(tmp_path)
    (folder / "sources/things.yaml").write_text("kind: json\n\npath: ../x\nskip_lines: many\n")
    (folder / "standards/other.odcs.yaml").write_text("kind: Wish\n")
    (folder / "sources/other.yaml").write_text("# one\nkind: xml\n")
    (folder / "mappings/things.yaml").write_text(
        "source: things\nstandard: thing\ncolumns:\n  id: id\n  at:\n    from: at\n    as: timestamp\nleft: {a: b}\nresource: ../x\n"
        "checks:\n- reason: x\n  when: idd = 1\n"
    )
    found, problems = files_of(folder)
    told = listed([*problems, *mapping_of(found, "things")[1], *unnamed(found)], found)
    places = {(p["file"], p["line"]) for p in told}
    assert {
        ("sources/things.yaml", 3), ("sources/things.yaml", 4), ("mappings/things.yaml", 5), ("mappings/things.yaml", 8),
        ("mappings/things.yaml", 9), ("mappings/things.yaml", 12), ("sources/other.yaml", 2), ("standards/other.odcs.yaml", 1),
    } <= places  # fmt: skip
    assert all(line for _, line in places), told


def test_links_out_of_the_workspace_are_not_followed(tmp_path: Path) -> None:
    folder = workspace(tmp_path / "work")
    (tmp_path / "secret.yaml").write_text("password: x\n")
    (folder / "sources/a.yaml").symlink_to(tmp_path / "secret.yaml")
    (folder / "sources/b.yaml").symlink_to("b.yaml")
    (folder / "sources/c.yaml").mkdir()
    os.mkfifo(folder / "sources/d.yaml")
    (folder / "sources/e.yml").write_text("kind: csv\n")
    (folder / "standards/f.yaml").write_text("kind: DataContract\n")
    (folder / "sources/g.yaml").symlink_to(folder / "sources/things.yaml")
    found, problems = files_of(folder)
    assert [(p.where, p.en.split(";")[0]) for p in problems] == [
        ("sources/a.yaml", "leads out of the workspace"), ("sources/b.yaml", "is a link to itself"),
        ("sources/c.yaml", "is no file"), ("sources/d.yaml", "is no file"),
        ("sources/e.yml", "the name should end in .yaml"), ("standards/f.yaml", "the name should end in .odcs.yaml or .codes.yaml"),
    ]  # fmt: skip
    assert set(found) == {"sources/things.yaml", "sources/g.yaml", "standards/thing.odcs.yaml", "mappings/things.yaml"}


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    assert written(tmp_path, {"sources/a.yaml": "kind: csv\n"}) == (["sources/a.yaml"], [])
    assert written(tmp_path, {"sources/a.yaml": "kind: json\n", "mappings/a.yaml": "x"}) == (
        ["mappings/a.yaml"],
        ["sources/a.yaml"],
    )
    assert (tmp_path / "sources/a.yaml").read_text() == "kind: csv\n"


# --- wrong types at every key ---------------------------------------------------------------------------------

ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12) | st.dates() | st.sampled_from(["number", "timestamp", "latitude", "plate", "code", "things", "id", "("]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.booleans() | st.integers(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def every_path(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in entries:
        yield from every_path(below, (*at, key))


def full() -> dict[str, Any]:
    """A workspace in which every key that is read is there."""
    columns = {
        "id": {"from": "t.id", "as": "text", "note": "n"},
        "n": {"from": "t.n", "as": "number", "thousands": ",", "between": [0, 9]},
        "at": {"from": "t.at", "as": "timestamp", "zone": "UTC", "formats": ["%Y"], "ambiguous": "earlier", "between": [date(2019, 1, 1), "2020-01-01"]},
        "lat": {"from": "u.y", "as": "latitude", "notation": "decimal", "datum": "WGS84", "between": [1, 2]},
        "c": {"from": "t.c", "as": "code", "codes": "cc"},
        "k": {"constant": "x"},
    }  # fmt: skip
    contents = files(
        columns, prop("id"), prop("n", "number"), prop("at", "timestamp"), prop("lat", "number"), prop("c"), prop("k"),
        table="t", missing=["", "-"], joins=[{"table": "u", "on": {"t.k": "u.k"}, "as": "text", "missing": "keep", "note": "n"}],
        checks=[{"reason": "bad", "when": "n > 1", "note": "n"}], unique=[{"columns": ["id"], "apart_from": ["n"], "note": "n"}],
        left=["t.z"], resource="r-1", note="n",
    )  # fmt: skip
    contents["sources/things.yaml"] = {
        "kind": "database", "path": "a.sqlite", "tables": {"t": "id", "u": "k"}, "title": {"zh": "名", "en": "n"}, "note": "n",
    }  # fmt: skip
    contents["sources/csv.yaml"] = {
        "kind": "csv", "path": "a.csv", "encoding": "utf-8", "delimiter": ",", "quote": '"', "skip_lines": 0, "member": "a",
        "columns": ["a", "b"], "load": {"by": "snapshot", "key": ["a"]},
    }  # fmt: skip
    contents["sources/excel.yaml"] = {
        "kind": "excel",
        "path": "a.xlsx",
        "sheet": "s",
        "skip_lines": 0,
        "header_rows": 1,
    }
    contents["sources/http.yaml"] = {
        "kind": "http", "url": "https://example.org/x", "records": "rows", "token_from": "T", "token_header": "X-Token",
        "paging": {"by": "page", "parameter": "p", "first": 1, "size_parameter": "n", "size": 10, "pages_max": 5},
        "load": {"by": "watermark", "column": "at", "key": ["id"], "parameter": "since"},
    }  # fmt: skip
    contents["sources/s3.yaml"] = {
        "kind": "s3", "endpoint": "https://s3.example.org", "bucket": "bucket", "key": "a.csv", "region": "r", "format": "csv",
        "access_key_from": "A", "secret_key_from": "S", "delimiter": ";",
    }  # fmt: skip
    contents["standards/cc.codes.yaml"] = {
        "title": {"zh": "名", "en": "n"},
        "source": "own",
        "match": "whole",
        "codes": {"1": "a", "2": {"to": "b"}},
        "note": "n",
    }
    return contents


def test_a_standard_of_several_objects_is_no_mistake() -> None:
    contents = full()
    standard = contents["standards/thing.odcs.yaml"]
    other = {**copy.deepcopy(standard["schema"][0]), "name": "other"}
    contents["standards/two.odcs.yaml"] = {**standard, "schema": [standard["schema"][0], other]}
    assert unnamed(contents) == []  # that no mapping names
    other["properties"][0]["logicalType"] = "array"
    assert [problem.where for problem in unnamed(contents)] == ["standards/two.odcs.yaml: schema.properties.id"]
    del contents["standards/two.odcs.yaml"]["version"]
    assert len(unnamed(contents)) == len(set(unnamed(contents))) == 2  # what is wrong with the whole is told once
    contents["standards/two.odcs.yaml"]["version"] = "1.0.0"
    contents["mappings/things.yaml"]["standard"] = "two#thing"
    assert mapping_of(contents, "things")[1] == unnamed(contents) == []  # the other object is nobody's


PATHS = [path for path in every_path(full()) if len(path) > 0]


def test_the_full_workspace_is_accepted() -> None:
    assert mapping_of(full(), "things")[1] == []
    assert unnamed(full()) == []
    assert len(PATHS) > 100


@settings(max_examples=300, deadline=None)
@given(path=st.sampled_from(PATHS), value=ANY)
def test_anything_at_any_key_is_taken_or_told(path: tuple[Any, ...], value: Any) -> None:
    """No value at any place makes the reader fail: it gives a mapping, or problems in both languages."""
    contents = copy.deepcopy(full())
    place: Any = contents
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    mapping, problems = mapping_of(contents, "things")
    assert (mapping is None) == bool(problems)
    assert all(problem.where and problem.zh and problem.en for problem in problems)
    assert all(problem.en for problem in unnamed(contents))


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_told(data: bytes) -> None:
    value, _, problems = texts.read("f.yaml", data, 1000)
    assert value is None or not problems


def test_the_example_reads_the_same_without_lines() -> None:
    found, _ = files_of(EXAMPLE / "workspaces" / "bike-company")
    for name in mapping_names(found):
        with_lines, without = mapping_of(found, name)[0], mapping_of(dict(found), name)[0]
        assert with_lines == without
        assert with_lines is not None
        assert with_lines.resource == name

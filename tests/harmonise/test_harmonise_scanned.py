"""A scan gives what the text reader gives: the same hostile lines through both, to the end of the plan."""

from __future__ import annotations

import itertools
import json
import re
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from harmonise_desk import WANTED, files, mapped, prop, run
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.engine.model import Result
from datong.ground.refusal import Refusal
from datong.harmonise.model.mappings import Mapping
from datong.harmonise.model.reading import Reading
from datong.harmonise.rules import plain
from datong.harmonise.store import rereading, scanned, sources

NEEDED = {"required": True}
GOOD = {"id": "r%d", "n": 12, "at": {"lat": 42.1, "t": "2019-09-01 04:08:00+00"}, "x": "42.5", "note": "fine"}


def trips(encoding: str = "utf-8") -> Mapping:
    contents = files(
        {
            "id": "id", "n": {"from": "n", "as": "number"},
            "y": {"from": "at.lat", "as": "latitude", "notation": "decimal", "datum": "WGS84"},
            "t": {"from": "at.t", "as": "timestamp", "zone": "offset"}, "x": {"from": "x", "as": "number"}, "note": "note",
        },
        prop("id", **NEEDED), prop("n", "integer"), prop("y", "number"), prop("t", "timestamp"), prop("x", "number"),
        prop("note"), missing=["-"], unique=[{"columns": ["id"]}],
    )  # fmt: skip
    contents["sources/things.yaml"] = {"kind": "ndjson", "path": "things.ndjson", "encoding": encoding}
    return mapped(contents)


def scan_of(mapping: Mapping, folder: Path, scan_from: int = 0) -> Reading | None:
    return scanned.reading(mapping, folder, plain.needs(mapping), scan_from)


def line(number: int) -> str:
    return json.dumps({**GOOD, "id": f"r{number}"})


def good(count: int) -> list[str]:
    return [line(number) for number in range(count)]


def both(folder: Path, lines: list[str], end: str = "\n") -> tuple[Result, Result]:
    mapping = trips()
    (folder / "things.ndjson").write_text("\n".join(lines) + end, "utf-8", newline="")
    reading = scan_of(mapping, folder)
    assert reading is not None
    text = sources.read(mapping.source, folder, {"things": list(mapping.paths)})
    assert reading.digest == text.digest
    return run(mapping, things=reading.tables["things"]), run(mapping, things=text.tables["things"])


def equal(scan: Result, text: Result) -> None:
    for name in WANTED:
        assert scan[name].schema == text[name].schema
        assert scan[name].to_pylist() == text[name].to_pylist(), name


def changed(**fields: Any) -> str:
    return json.dumps({**GOOD, "id": "odd", **fields}, ensure_ascii=False)


def raw(old: str, new: str) -> str:
    assert old in line(0)
    return line(0).replace('"r0"', '"odd"').replace(old, new)


HOSTILE = [
    raw("42.1,", "42.100,"), raw("42.1,", "4.21e1,"), raw("42.1,", '"42.1",'), raw("42.1,", '" 42.1",'),
    raw("42.1,", '"\\t42.1",'), raw("42.1,", '"42.1 ",'), raw("42.1,", "true,"), raw("42.1,", "false,"), raw("42.1,", "1,"),
    raw("42.1,", "NaN,"), raw("42.1,", "Infinity,"), raw("42.1,", "1e999,"), raw("42.1,", "1e-9999,"), raw("42.1,", "[42.1],"),
    raw("42.1,", "-0.0,"), raw("42.1,", '"4_2.1",'), raw("42.1,", '"nan",'), raw("42.1,", "null,"), raw("42.1,", "91,"),
    raw("12,", "12.0,"), raw("12,", "1e3,"), raw("12,", '"1e3",'), raw("12,", "-0,"), raw("12,", "123456789012345678901234,"),
    raw("12,", "9007199254740993,"), raw("12,", '"007",'), raw("12,", "true,"), raw("12,", "[1, 2],"), raw("12,", '{"a": 1},'),
    raw('"42.5"', "42.500"), raw('"42.5"', "1e-9999"), raw('"42.5"', '"0.0"'), raw('"42.5"', "nan"), raw('"42.5"', "-Infinity"),
    changed(note=" a"), changed(note="-"), changed(note=""), changed(note=None), changed(note="42.100"), changed(note="[1,2]"),
    changed(note="NaN"), changed(note="Infinity"), changed(note="{}"), changed(note="\u0000"), changed(note="中文"),
    raw('"fine"', "42.100"), raw('"fine"', "123456789012345678901234567890"), raw('"fine"', "-0"), raw('"fine"', "1E5"),
    raw('"fine"', "[1,  2]"), raw('"fine"', '{"b":  1}'), raw('"fine"', "NaN"), raw('"fine"', "nan"), raw('"fine"', "true"),
    raw('"fine"', '"\\ud83d"'), raw('"fine"}', '"fine", "more": "\\ud83d"}'), raw('"fine"', '"\\ud83d\\ude00"'),
    raw('"fine"', '"\\u4e2d"'), raw('"fine"', '"a\\u0000b"'), raw('"fine"', '"\\"q\\""'), raw('"fine"', '"a\tb"'),
    raw('"fine"}', '"fine",}'), raw('"fine"}', '"fine" , }'), raw('"fine"}', '"fine"} x'), raw('"fine"}', '"fine"'),
    raw('"fine"}', '"fine", "note": "twice"}'), raw('"lat"', '"lat": 1, "lat"'), raw('"fine"}', '"fine", "more": {"a": 1}}'),
    raw('"fine"}', '"fine", "Note": "other"}'), raw('"note"', '"NOTE": "other", "note"'), raw('"fine"}', '"fine" /* c */}'), raw('"note"', "note"), raw('"note": "fine"', '"note": \'fine\''), raw('"note"', '"Note"'),
    raw(', "note": "fine"', ""), raw('{"lat": 42.1, "t": "2019-09-01 04:08:00+00"}', "null"),
    raw('{"lat": 42.1, "t": "2019-09-01 04:08:00+00"}', "7"), raw('{"lat": 42.1, "t": "2019-09-01 04:08:00+00"}', "[]"),
    raw('{"lat": 42.1, "t": "2019-09-01 04:08:00+00"}', '""'), raw('{"lat": 42.1, "t": "2019-09-01 04:08:00+00"}', "[1]"),
    raw('"lat": 42.1, ', ""),
    "[1]", "null", "7", '"text"', "{}", "not json", "{", '{"id": "r1"}',
]  # fmt: skip


@pytest.mark.parametrize("twins", ['"ID": "up", "id": "r%d"', '"id": "r%d", "ID": "up"', '"id": "r%d", "Note": 1'])
def test_fields_that_differ_in_case_alone_are_for_the_text_reader(tmp_path: Path, twins: str) -> None:
    """A scan would give the first of them, whichever is mapped."""
    lines = [line(n).replace(f'"id": "r{n}"', twins % n) for n in range(30)]
    (tmp_path / "things.ndjson").write_text("\n".join(lines), "utf-8")
    assert scan_of(trips(), tmp_path) is None


@pytest.mark.parametrize("odd", HOSTILE)
def test_one_odd_line_among_good_ones(tmp_path: Path, odd: str) -> None:
    equal(*both(tmp_path, [*good(25), odd, line(30)]))


def test_a_value_where_an_object_was_is_not_lost(tmp_path: Path) -> None:
    """What is mapped from inside it would be empty without a word."""
    odd = raw('{"lat": 42.1, "t": "2019-09-01 04:08:00+00"}', "42.1")
    for result in both(tmp_path, [odd, *good(25)]):
        assert [(row["reason"], row["original"]) for row in result["quarantined"].to_pylist()] == [
            ("not_a_record", odd)
        ]


def test_all_odd_lines_at_once_and_no_line_end(tmp_path: Path) -> None:
    scan, text = both(tmp_path, [*good(1500), *HOSTILE, *good(40)], end="")
    equal(scan, text)
    assert scan.rows["asked"] < 1540 - 1300


def test_good_lines_are_not_read_again(tmp_path: Path) -> None:
    scan, text = both(tmp_path, good(100))
    equal(scan, text)
    assert scan.rows["asked"] == 0


def reads(folder: Path, lines: list[str]) -> tuple[str, str]:
    (folder / "things.ndjson").write_text("\n".join(lines), "utf-8", newline="")
    reading = scan_of(trips(), folder)
    assert reading is not None
    scan = reading.tables["things"]
    return tuple("read_json" if "read_json(" in sql else sql and "read_csv" for sql in (scan.sql, scan.otherwise))


def test_records_are_read_whole_where_their_lines_need_no_look(tmp_path: Path) -> None:
    assert reads(tmp_path, good(100)) == ("read_json", "read_csv")
    assert reads(tmp_path, [*good(100), raw('"fine"}', '"fine",}')]) == ("read_csv", "")
    assert reads(tmp_path, [*good(scanned.SAMPLE), raw("42.1,", '" 42.1",')]) == ("read_csv", "")
    assert reads(tmp_path, [raw("42.1,", "0.0,")] * 100) == ("read_csv", "")


@pytest.mark.parametrize("twice", ['"other": 1, "other": 2', '"under": {"a": 1, "a": 2}'])
def test_a_field_named_twice_is_seen_though_no_mapping_reads_it(tmp_path: Path, twice: str) -> None:
    usual = raw('"fine"}', '"fine", "other": 1, "under": {"a": 1}}')
    odd = raw('"fine"}', f'"fine", {twice}}}')
    scan, text = both(tmp_path, [*(usual.replace("odd", f"r{n}") for n in range(50)), odd])
    equal(scan, text)
    assert [row["reason"] for row in scan["quarantined"].to_pylist()] == ["not_a_record"]


def test_any_rows_are_found_again(tmp_path: Path) -> None:
    lines = [changed(id=f"r{n}", note="é" * (n % 7)) for n in range(200)]
    (tmp_path / "things.ndjson").write_text("\n".join(lines), "utf-8")
    reading = scan_of(trips(), tmp_path)
    assert reading is not None
    for rows in ([1], [200], [16, 17], [1, 16, 32, 33, 199], list(range(1, 201)), list(range(5, 201, 13))):
        found = reading.tables["things"].again()(pa.table({"_row": rows}))
        assert found["id"].to_pylist() == [f"r{row - 1}" for row in rows]
        assert found["note"].to_pylist() == ["é" * ((row - 1) % 7) for row in rows]


def test_quarantined_records_keep_fields_that_no_mapping_names(tmp_path: Path) -> None:
    lines = [*good(30), changed(id=None, extra="42.100")]
    (tmp_path / "things.ndjson").write_text("\n".join(lines))
    reading = scan_of(trips(), tmp_path)
    assert reading is not None
    assert rereading.records(reading.tables["things"], [31])[0]["extra"] == "42.100"
    assert rereading.count(reading.tables["things"]) == 31


@pytest.mark.parametrize(
    "content",
    [
        "\r\n".join(good(5)), "\n\n".join(good(5)), "\ufeff" + "\n".join(good(5)), "\n".join([*good(5), changed(note="a\u2028b")]),
        "\n".join([*good(5), changed(note="a\u0085b")]), "\n".join([*good(5), '{"a.b": 1}']), "[1]\n" * 5, "",
        "\n".join([*good(3), changed(note="x" * 2_500_000)]), json.dumps([GOOD]), "\n".join(good(5)) + "\n \n",
    ],
    ids=range(11),
)  # fmt: skip
def test_files_left_to_the_text_reader(tmp_path: Path, content: str) -> None:
    (tmp_path / "things.ndjson").write_text(content, "utf-8", newline="")
    assert scan_of(trips(), tmp_path) is None


@pytest.mark.parametrize(
    "odd",
    [line(1), " " + line(1), "", raw('"fine"}', '"fine",}'), raw('"fine"}', '"fine" ]'), raw("42.1,", '" 42.1",'), "a\u2028b", "é\u0085"],
    ids=range(8),
)  # fmt: skip
def test_a_sign_that_lies_across_two_chunks_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    path = tmp_path / "things.ndjson"
    path.write_text("\n".join([line(0), odd, line(2)]), "utf-8")
    whole = scanned._survey(path)
    for chunk in range(5, 60):
        monkeypatch.setattr(scanned, "CHUNK", chunk)
        assert scanned._survey(path) == whole


PLAIN = st.sampled_from([b'{"a": 1}', b', "b"', b"]", b"}", b",", b'"', b" ", b"$", b"(", b"x", "é".encode(), b"\n{"])
ODD = st.sampled_from([b"\t", b"\r", b"\x00", b"\x1f", b'"\\', b"\n", "\u0085".encode(), "\u2028".encode()])
CONTENT = st.tuples(st.lists(PLAIN, min_size=1, max_size=12), st.lists(ODD, max_size=1), st.lists(PLAIN, max_size=12))


@settings(max_examples=300, deadline=None)
@given(CONTENT.map(lambda parts: b"".join(itertools.chain(*parts))), st.integers(1, 70))
def test_the_quick_look_finds_what_the_patterns_find(content: bytes, chunk: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        path = Path(folder) / "any.ndjson"
        path.write_bytes(content)
        patched.setattr(scanned, "CHUNK", chunk)
        survey = scanned._survey(path)
    before = scanned._BEFORE + content
    odd, ends, starts = (
        re.search(pattern.encode("latin-1"), before)
        for pattern in (scanned._NOT_SCANNED, scanned._LOOSE_ENDS, scanned._LOOSE_STARTS)
    )
    if odd:
        assert survey is None
        return
    assert survey is not None
    lines = content.removesuffix(b"\n").split(b"\n")
    begins = [
        sum(len(line) + 1 for line in lines[:n])
        for n in range(0, len(lines) + content.endswith(b"\n"), scanned.BLOCK_LINES)
    ]
    assert (survey.lines, survey.loose_ends, survey.loose_starts) == (len(lines), bool(ends), bool(starts))
    assert list(survey.starts) == [*begins, len(content)]


def test_a_line_without_end_is_not_read_to_see_what_it_is(tmp_path: Path) -> None:
    """As one list of a million numbers is: read as values it is thirty times as large, and a file can be all one line."""
    endless = '{"id": "r1", "n": [' + "1," * 4_000_000 + "1]}"
    (tmp_path / "things.ndjson").write_text("\n".join([*good(50), endless, line(51)]), "utf-8")
    tracemalloc.start()
    try:
        assert scan_of(trips(), tmp_path) is None
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 10_000_000
    (tmp_path / "things.ndjson").write_text("\n".join(json.dumps({"id": "x" * 100_000}) for _ in range(900)), "utf-8")
    tracemalloc.start()
    try:
        scan_of(trips(), tmp_path)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 120_000_000  # SAMPLE_BYTES, twice or thrice


def test_small_files_and_other_encodings_are_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "things.ndjson").write_text("\n".join(good(5)))
    assert scan_of(trips(), tmp_path, scanned.SCAN_FROM) is None
    assert scan_of(trips("gb18030"), tmp_path) is None


def test_what_is_not_utf8_stops_the_scan(tmp_path: Path) -> None:
    (tmp_path / "things.ndjson").write_bytes("\n".join(good(50)).encode() + b'\n{"id": "\xff"}\n')
    reading = scan_of(trips(), tmp_path)
    assert reading is not None
    with pytest.raises(Refusal) as refused:
        run(trips(), things=reading.tables["things"])
    assert refused.value.code == "ENG-500"


@pytest.mark.parametrize("batch", [1, 10_000])
def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(scanned, "BATCH_ROWS", batch)
    path = tmp_path / "things.ndjson"
    path.write_text("\n".join([*good(25), "{"]))
    reading = scan_of(trips(), tmp_path)
    assert reading is not None
    again = rereading.again(reading.tables["things"])
    path.write_text("\n".join([*good(25), "}"]))
    with pytest.raises(Refusal, match="changed while it was read"):
        again(pa.table({"_row": [26]}))

"""Bad input of every kind of source ends in one clear refusal or in quarantined rows: nothing lost, nothing half written.

What a kind of source needs a server for is in test_harmonise_databases.py, test_harmonise_http.py and
test_harmonise_s3.py; workbooks and Parquet are in test_harmonise_typed_files.py.
"""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from harmonise_desk import files, prop, write
from sources_desk import read, refused, source, told
from test_harmonise_bad_builds import content

from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.model.reading import BROKEN, Reading
from datong.harmonise.store import sources, staged
from datong.harmonise.store.sources import delimited, documents, gathering, opening

Act = Callable[..., Actor]

# --- encodings ---------------------------------------------------------------------------------------------

MIXED = {
    "csv": ("号牌\n贵A12345\n".encode() + "京B54321\n".encode("gb18030"), 3),
    "ndjson": ('{"p": "贵"}\n{"p": "A"}\n'.encode() + '{"p": "京"}\n'.encode("gb18030"), 3),
    "json": ('[{"p": "贵"},\n'.encode() + '{"p": "京"}]\n'.encode("gb18030"), 2),
}


@pytest.mark.parametrize("kind", MIXED)
def test_a_file_that_mixes_encodings_is_refused_at_the_line(tmp_path: Path, kind: str) -> None:
    content, line = MIXED[kind]
    (tmp_path / "x").write_bytes(content)
    refusal = refused(source(kind), tmp_path)
    assert f"line {line}" in refusal.facts["place"]
    assert "reads as gb18030, so the file mixes encodings" in str(refusal)
    byte = int(refusal.facts["place"].split("byte ")[1].split(",")[0])
    with pytest.raises(UnicodeDecodeError) as caught:
        content.decode()
    assert caught.value.start == byte


@pytest.mark.parametrize("piece", [7, opening.PIECE])
@pytest.mark.parametrize("encoding", ["gb18030", "GBK"])
def test_lines_of_utf8_in_a_file_of_another_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, piece: int
) -> None:
    """GB18030 reads them as well, to other characters."""
    monkeypatch.setattr(opening, "PIECE", piece)
    lines = ["id,v", *(f"{n},北京市朝阳区" for n in range(40))]
    encoded = [line.encode("gb18030" if n % 10 or not n else "utf-8") for n, line in enumerate(lines)]
    (tmp_path / "x").write_bytes(b"\n".join(encoded))
    refusal = refused(source("csv", encoding=encoding), tmp_path)
    at = sum(len(line) + 1 for line in encoded[:10])
    assert refusal.facts["place"] == f"x @ byte {at}, line 11"
    assert "mixes encodings" in str(refusal)
    (tmp_path / "x").write_bytes(b"\n".join([*encoded[:10], encoded[10]]))
    assert "line 11" in refused(source("csv", encoding=encoding), tmp_path).facts["place"]


@pytest.mark.parametrize("kind", ["csv", "ndjson", "json"])
def test_whole_files_of_several_encodings(tmp_path: Path, kind: str) -> None:
    """Each is read in its own; a mark at its beginning is its word whatever the source says."""
    rows = {"csv": "a,b\n{},1\n", "ndjson": '{{"a": "{}", "b": "1"}}\n', "json": '[{{"a": "{}", "b": "1"}}]'}[kind]
    for name, encoding in (("x1", "gb18030"), ("x2", "utf-8"), ("x3", "utf-8-sig"), ("x4", "ascii")):
        (tmp_path / name).write_bytes(rows.format("plain" if encoding == "ascii" else "云岩区").encode(encoding))
    several = source(kind, path="x*", encoding="utf-8", encodings=("utf-8", "gb18030"))
    assert told(kind=kind, path="x*", encoding=["gb18030", "utf-8"]).encodings == several.encodings
    assert [row["a"] for row in read(several, tmp_path)] == ["云岩区", "云岩区", "云岩区", "plain"]
    (tmp_path / "x2").unlink()
    assert [row["a"] for row in read(source(kind, path="x*", encoding="gb18030"), tmp_path)][:2] == ["云岩区"] * 2
    (tmp_path / "x2").write_bytes(rows.format("云岩区").encode() + rows.format("云岩区").encode("gb18030"))
    assert "mixes encodings" in str(refused(several, tmp_path)) or kind == "json"
    (tmp_path / "x2").write_bytes(rows.format("云岩区").encode())
    assert "encoding: [utf-8, gb18030]" in str(refused(source(kind, path="x*", encoding="gb18030"), tmp_path))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("kind", ["csv", "json", "ndjson"])
def test_utf16_is_told_with_what_to_say(tmp_path: Path, kind: str, encoding: str) -> None:
    """As spreadsheet programs save "Unicode text"."""
    (tmp_path / "x").write_bytes(("\ufeff" + content(kind, [{"id": "1", "n": "2"}]).decode()).encode(encoding))
    assert "is not utf-8 but UTF-16: say `encoding: utf-16`" in str(refused(source(kind), tmp_path))
    assert read(source(kind, encoding="utf-16"), tmp_path)[0]["id"] == "1"


@pytest.mark.parametrize("words", [range(0xB0, 0xD7), range(0xB0, 0xF7)])
def test_chinese_is_not_taken_for_utf8(tmp_path: Path, words: range) -> None:
    """Some words are UTF-8 too, such as 联通: none of those of GB 2312 is refused."""
    draw = random.Random(7)
    signs = [bytes((a, b)).decode("gb2312") for a in words for b in range(0xA1, 0xFA)]
    lines = ["联通", *("".join(draw.choices(signs, k=draw.randint(1, 6))) for _ in range(50_000))]
    (tmp_path / "x").write_text("\n".join(["v", *lines]), "gb18030")
    assert [row["v"] for row in read(source("csv", encoding="gb18030"), tmp_path)] == lines


@pytest.mark.parametrize("at", [1, opening.PIECE - 1, opening.PIECE, opening.PIECE + 1, 3 * opening.PIECE + 7])
def test_the_byte_at_fault_is_named_wherever_it_stands(tmp_path: Path, at: int) -> None:
    text = ("id\n" + "号" * (at // 3 + 1)).encode()[: at - at % 3]
    (tmp_path / "x").write_bytes(text + b"\xff\n")
    assert f"byte {len(text)}," in refused(source("csv"), tmp_path).facts["place"]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "utf-8-sig", "big5"])
def test_characters_across_pieces_are_whole(tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "PIECE", 5)
    (tmp_path / "x").write_bytes("號牌,數\r\n貴甲一,一\r\n京乙二,二\r\n".encode(encoding))
    found = read(source("csv", encoding=encoding), tmp_path)
    assert [(row["號牌"], row["數"]) for row in found] == [("貴甲一", "一"), ("京乙二", "二")]


@pytest.mark.parametrize("kind", ["csv", "excel"])
def test_a_file_of_several_that_holds_an_error_instead_of_a_table_is_refused(tmp_path: Path, kind: str) -> None:
    """It has no rows, and so those of its table would be missing without a word; a header alone is a table."""
    rows = [{"id": "1", "n": "2"}]
    (tmp_path / "x1").write_bytes(content(kind, rows))
    several = source(kind, path="x*")
    header_alone = {"csv": b"id,n\n", "excel": workbook_of(["id", "n"])}[kind]
    (tmp_path / "x2").write_bytes(header_alone)
    assert len(read(several, tmp_path, things=["id"])) == 1
    (tmp_path / "x2").write_bytes({"csv": b"error: quota exceeded\n", "excel": workbook_of(["error"])}[kind])
    refusal = refused(several, tmp_path, things=["id"])
    assert refusal.facts["place"] == "x2: id"


def workbook_of(*rows: list[str]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


# --- size --------------------------------------------------------------------------------------------------

LARGE = """
import resource, sys
from pathlib import Path
from datong.harmonise.model.mappings import Source, SourceKind
from datong.harmonise.store import sources
from datong.harmonise.store import staged
staged.STAGED_BYTES = 20_000_000
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
folder = Path(sys.argv[1])
reading = sources.read(Source("things", SourceKind(sys.argv[2]), "x"), folder, {}, folder / "aside")
rows = reading.tables["things"].rows
print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("kind", ["json", "ndjson", "csv"])
def test_a_large_file_is_read_in_bounded_memory(tmp_path: Path, kind: str) -> None:
    """A single-line JSON of 60 MB (of 1 GB with DATONG_LARGE=1), and the other kinds: memory follows the batch."""
    size = 1_000_000_000 if os.environ.get("DATONG_LARGE") else 60_000_000
    record = '{"id": "trip-000000000", "at": {"x": 106.630153, "y": 26.647661}, "note": "' + "x" * 120 + '"}'
    between, before, after = {"json": (",", "[", "]"), "ndjson": ("\n", "", "\n"), "csv": ("\n", "id,note\n", "\n")}[
        kind
    ]
    row = record if kind != "csv" else "trip-000000000," + "x" * 190
    count = size // (len(row) + 1)
    with (tmp_path / "x").open("w") as out:
        out.write(before)
        for start in range(0, count, 10_000):
            block = between.join([row] * min(10_000, count - start))
            out.write((between if start else "") + block)
        out.write(after)
    ran = subprocess.run([sys.executable, "-c", LARGE, str(tmp_path), kind], check=True, capture_output=True, text=True)
    rows, grown_mb = map(int, ran.stdout.split())
    print(f"{kind}: {size // 1_000_000} MB, {rows} rows, memory grew by {grown_mb} MB")
    assert rows == count
    assert grown_mb < 220
    assert [p.name for p in (tmp_path / "aside").iterdir()] == ["things.parquet"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [("json", '[{"a": "' + "x" * 5000), ("ndjson", '{"a": "' + "x" * 5000), ("csv", "a\n" + "x" * 5000)],
)
def test_one_record_without_end_is_refused_before_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, text: str
) -> None:
    for module in (opening, documents, delimited):
        monkeypatch.setattr(module, "LINE_CHARS_MAX", 1000)
    monkeypatch.setattr(opening, "PIECE", 100)
    (tmp_path / "x").write_text(text)
    assert "longer than" in str(refused(source(kind), tmp_path))


@pytest.mark.parametrize("kind", ["json", "ndjson"])
def test_one_record_of_very_many_values_is_refused_before_they_are_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A line of 60 million characters that is one list of numbers took 6 GB; a text with as many commas takes none."""
    monkeypatch.setattr(documents, "RECORD_VALUES_MAX", 1000)
    monkeypatch.setattr(opening, "PIECE", 100)
    before, after = ("[", "]") if kind == "json" else ("", "\n")
    commas = json.dumps({"id": 1, "note": ',"\\' * 2000})
    (tmp_path / "x").write_text(f"{before}{commas}{after}")
    assert read(source(kind), tmp_path)[0]["note"] == ',"\\' * 2000
    separator = "," if kind == "json" else "\n"
    (tmp_path / "x").write_text(f"{before}{commas}{separator}{json.dumps({'id': 2, 'a': [7] * 2000})}{after}")
    assert "holds more than 1000 values" in str(refused(source(kind), tmp_path))


def test_the_fields_before_the_records_may_be_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "PIECE", 7)
    envelope = {
        "meta": {"note": 'a "quoted" ] } note', "list": [1, [2, {}]]},
        "data": {"n": 2, "rows": [{"id": 1}, {"id": 2.50}]},
    }
    (tmp_path / "x").write_text(json.dumps(envelope, indent=2))
    assert [row["id"] for row in read(source("json", records="data.rows"), tmp_path)] == ["1", "2.5"]


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 8, 64])
def test_json_means_the_same_whatever_pieces_it_comes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(opening, "PIECE", piece)
    text = '[{"a": -1.50e+10, "b": "\\u53f7\\n\\"", "c": [true, null]} ,\n 12 ,{"a": 7, "d": {"e": "号"}}]\n'
    (tmp_path / "x").write_text(text)
    first, second, third = read(source("json"), tmp_path)
    assert (first["a"], first["b"], first["c"]) == ("-1.50e+10", '号\n"', "[true, null]")
    assert (second[BROKEN], third["a"], third["d.e"]) == ("12", "7", "号")
    (tmp_path / "x").write_text(text + "{}")
    refused(source("json"), tmp_path)
    (tmp_path / "x").write_text(text.replace("12", "nul"))
    assert "@ 2:2" in refused(source("json"), tmp_path).facts["place"]


HALF = (
    r'{"id": "9", "v": "\ud83d"}',
    r'{"\udc00号": "1"}',
    r'{"v": {"号": ["a", "\ud83d\ud83d"]}}',
    r'["\uDC00"]',
    r'"\ud83d"',
)


@pytest.mark.parametrize("item", HALF)
@pytest.mark.parametrize("kind", ["json", "ndjson"])
def test_half_a_character_is_in_no_text(tmp_path: Path, kind: str, item: str) -> None:
    """An unpaired surrogate: the row is kept as it stands, and the others are read."""
    whole = r'{"id": "1", "v": "\ud83d\ude00 号"}'
    (tmp_path / "x").write_text(f"[{whole}, {item}]" if kind == "json" else f"{whole}\n{item}\n")
    first, second = read(source(kind), tmp_path)
    assert (first["v"], first[BROKEN], second[BROKEN].lower()) == ("😀 号", None, item.lower())
    assert sources.sample(source(kind), tmp_path).rows_seen == 2


# --- shape -------------------------------------------------------------------------------------------------


def test_a_record_that_is_nested_too_deeply(tmp_path: Path) -> None:
    """Deep enough for what is read and too deep for what is written of it, too."""
    for depth in (600, 100_000):
        (tmp_path / "x").write_text('[{"a": 1}, {"a": ' + "[" * depth + "]" * depth + "}]")
        refusal = refused(source("json"), tmp_path, things=["a"])
        assert (refusal.facts["read"], refusal.facts["en"]) == (1, "the JSON is nested too deeply")


def test_a_pattern_that_names_nothing(tmp_path: Path) -> None:
    assert "no file is called so" in str(refused(source("csv", "a**/x*.csv"), tmp_path))


def test_a_csv_with_shifted_columns_keeps_every_line(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("id,n,t\n1,2,3\n1,2\n1,2,3,4\n\n,,\n")
    assert [row[BROKEN] for row in read(source("csv"), tmp_path)] == [None, "1,2", "1,2,3,4", None]


def test_a_quotation_that_never_ends_does_not_swallow_the_rest(tmp_path: Path) -> None:
    (tmp_path / "x").write_text('id,n\n1,a\n2,"b\n3,c\n4,d\n')
    refusal = refused(source("csv"), tmp_path)
    assert "@ line 3" in refusal.facts["place"]
    assert "never ends" in str(refusal)
    assert refusal.facts["read"] == 1
    found = read(source("csv", quote=""), tmp_path)
    assert [row["n"] for row in found] == ["a", '"b', "c", "d"]


@pytest.mark.parametrize("kind", ["json", "csv", "parquet", "excel"])
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    import openpyxl
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "x"
    if kind == "parquet":
        pq.write_table(pa.table({"id": ["1"]}), path)
    elif kind == "excel":
        book = openpyxl.Workbook()
        book.active.append(["id"])
        book.active.append([1])
        book.save(path)
    else:
        path.write_text('[{"id": 1}]' if kind == "json" else "id\n1\n")
    real = gathering.Gathered.add

    def add(*given: Any) -> None:
        real(*given)
        path.write_bytes(path.read_bytes() + b"\n")

    monkeypatch.setattr(gathering.Gathered, "add", add)
    assert "changed while it was read" in str(refused(source(kind), tmp_path))


# --- nothing half written, no secret anywhere --------------------------------------------------------------

SECRET = "sesame-4711-open"
ADDRESS = "postgresql://reader:sesame-4711-open@127.0.0.1:1/parking"
WAL = {"datong.db-shm", "datong.db-wal"}
"""What the store itself lays beside its file while it is open."""
SOURCES: dict[str, dict[str, Any]] = {
    "database": {"kind": "database", "url_from": "A_SECRET", "tables": {"t": "id"}},
    "http": {"kind": "http", "url": "http://127.0.0.1:1/trips", "token_from": "A_SECRET"},
    "s3": {
        "kind": "s3", "endpoint": "http://127.0.0.1:1", "bucket": "b", "key": "k", "format": "csv",
        "access_key_from": "A_SECRET", "secret_key_from": "A_SECRET",
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", SOURCES)
def test_a_source_that_does_not_answer_leaves_nothing_and_no_secret(
    store: Store,
    node_folder: Path,
    act: Act,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    monkeypatch.setattr("datong.harmonise.store.sources.web.TRIES", 1)
    monkeypatch.setenv("A_SECRET", ADDRESS if kind == "database" else SECRET)
    harmonise.install(store, node_folder)
    path = "t.id" if kind == "database" else "id"
    texts = files({"id": path}, prop("id", required=True), **({"table": "t"} if kind == "database" else {}))
    texts["sources/things.yaml"] = SOURCES[kind]
    write(node_folder / "work", texts)
    before = sorted(node_folder.rglob("*"))
    for _ in range(2):
        with pytest.raises(Refusal) as caught, store.begin(act("data_engineer"), "harmonise") as tx:
            harmonise.build(tx, resource="things-1", workspace="work", mapping="things")
        assert caught.value.code == "STD-411"
        assert "cannot be reached" in str(caught.value)
    with store.read(act("data_engineer")) as tx:
        checked = json.dumps(harmonise.check(tx, workspace="work"))
    assert SECRET not in checked + json.dumps(caught.value.as_json())
    assert [p for p in sorted(node_folder.rglob("*")) if p not in before and p.name not in WAL] == []
    printed = capfd.readouterr()
    assert SECRET not in printed.out + printed.err
    for file in node_folder.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file


def test_what_was_read_well_holds_no_secret_either(
    store: Store, node_folder: Path, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Build, plan, files, evidence of a source behind a token: the token is in none of them."""
    from test_harmonise_http import Api, page

    api = Api()
    api.answers = lambda *_: page([{"id": "a"}, {"id": "b"}, {"id": None}])
    monkeypatch.setenv("A_SECRET", SECRET)
    harmonise.install(store, node_folder)
    texts = files({"id": "id"}, prop("id", required=True))
    texts["sources/things.yaml"] = {
        "kind": "http",
        "url": f"{api.url}/x",
        "records": "data.items",
        "token_from": "A_SECRET",
    }
    write(node_folder / "work", texts)
    with store.begin(act("data_engineer"), "harmonise") as tx:
        made = harmonise.build(tx, resource="things-1", workspace="work", mapping="things")
    api.server.shutdown()
    api.server.server_close()
    assert (made["read"], made["harmonised"], made["quarantined"]) == (3, 2, 1)
    assert SECRET not in json.dumps(made)
    for file in node_folder.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file


def test_staged_and_held_tables_are_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put aside as Parquet because it is large is what would have been held."""
    monkeypatch.setattr(gathering, "BATCH_ROWS", 3)
    (tmp_path / "x").write_text("\n".join(json.dumps({f"c{n % 3}": n, "id": n}) for n in range(20)) + "\nbroken\n")
    held: Reading = sources.read(source("ndjson"), tmp_path, {})
    monkeypatch.setattr(staged, "STAGED_BYTES", 1)
    aside = sources.read(source("ndjson"), tmp_path, {}, tmp_path / "aside")
    assert aside.tables["things"].head(100).equals(held.tables["things"])
    assert aside.digest == held.digest

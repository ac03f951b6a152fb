"""Bad input through whole builds, for every kind of source: one refusal and nothing left behind, or rows held.

`CELLS` says for each kind of source and each evil which test shows it, here or in the files of its kind; a cell without
a test says why the evil cannot happen there.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harmonise_desk import files, prop, write
from sources_desk import DATABASES, FILES
from sqlalchemy import create_engine
from test_harmonise_http import Answer, Api

import mariadb
import postgresql
from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.store.sources import apis, buckets, gathering, opening, web
from storage import ACCESS, S3, SECRET, send

Act = Callable[..., Actor]
Rows = list[dict[str, Any]]
ROWS: Rows = [{"id": n, "n": n * 10} for n in range(1, 21)]


def content(kind: str, rows: Rows) -> bytes:
    """A file of the kind, its values of their own types where the kind has any."""
    names = list(rows[0])
    if kind == "csv":
        return "\n".join([",".join(names), *(",".join(map(str, r.values())) for r in rows)]).encode()
    if kind == "json":
        return json.dumps(rows).encode()
    if kind == "ndjson":
        return "\n".join(map(json.dumps, rows)).encode()
    out = io.BytesIO()
    if kind == "parquet":
        pq.write_table(pa.table({name: [r[name] for r in rows] for name in names}), out)
    else:
        book = openpyxl.Workbook()
        for row in (names, *(list(r.values()) for r in rows)):
            book.active.append(row)
        book.save(out)
    return out.getvalue()


class Desk:
    """A workspace with one source of a kind, over a file, a database, an API or a bucket."""

    def __init__(self, store: Store, folder: Path, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.folder, self.actor, self.monkeypatch = store, folder, actor, monkeypatch
        self.api, self.s3, self.url = Api(), S3(), ""
        harmonise.install(store, folder)
        monkeypatch.setenv("A_TOKEN", SECRET)
        monkeypatch.setenv("A_KEY", ACCESS)
        monkeypatch.setattr(web, "TRIES", 1)

    def give(self, kind: str, given: Rows | bytes, **more: Any) -> None:
        """Put rows (or the bytes of a file) where the source of this kind is read, and write the workspace."""
        path, source = "id", dict[str, Any]()
        if kind in FILES:
            (self.folder / "work").mkdir(exist_ok=True)
            data = given if isinstance(given, bytes) else content(kind, given)
            (self.folder / "work/x").write_bytes(data)
            source = {"kind": kind, "path": "x"}
        elif kind.startswith("s3 "):
            data = given if isinstance(given, bytes) else content(kind[3:], given)
            self.s3.objects = {"x/1": data}
            source = {"kind": "s3", "endpoint": self.s3.url, "bucket": "lake", "prefix": "x/", "format": kind[3:],
                      "access_key_from": "A_KEY", "secret_key_from": "A_TOKEN"}  # fmt: skip
        elif kind == "http":
            body = given if isinstance(given, bytes) else json.dumps({"d": given}).encode()
            self.api.answers = lambda *_: (200, {}, body)
            source = {"kind": "http", "url": f"{self.api.url}/x", "records": "d", "token_from": "A_TOKEN"}
        else:
            assert not isinstance(given, bytes)
            path, source = "t.id", self._database(kind, given)
        mapped = {"id": path, "n": path.replace("id", "n")}
        texts = files(mapped, prop("id", required=True), prop("n"), **({"table": "t"} if path == "t.id" else {}))
        texts["sources/things.yaml"] = {**source, **more}
        write(self.folder / "work", texts)

    def _database(self, kind: str, rows: Rows) -> dict[str, Any]:
        (self.folder / "work").mkdir(exist_ok=True)
        source: dict[str, Any] = {"kind": "database", "tables": {"t": "id"}}
        if kind == "sqlite":
            self.url, source = f"sqlite:///{self.folder / 'work/x.db'}", {**source, "path": "x.db"}
        else:
            self.url = self.url or {"postgresql": postgresql, "mariadb": mariadb}[kind].fresh_database()
            self.monkeypatch.setenv("A_URL", self.url)
            source = {**source, "url_from": "A_URL"}
        kinds = ", ".join(f"{c} {'integer' if isinstance(v, int) else 'varchar(20)'}" for c, v in rows[0].items())
        values = ", ".join("(" + ", ".join(f"'{v}'" for v in row.values()) + ")" for row in rows)
        engine = create_engine(self.url.replace("mysql:", "mysql+pymysql:"))
        with engine.begin() as connection:
            for statement in ("DROP TABLE IF EXISTS t", f"CREATE TABLE t ({kinds})", f"INSERT INTO t VALUES {values}"):
                connection.exec_driver_sql(statement)
        engine.dispose()
        return source

    def built(self, **more: Any) -> dict[str, Any]:
        with self.store.begin(self.actor, "harmonise") as tx:
            made = harmonise.build(tx, resource="things-1", workspace="work", mapping="things", **more)
        assert made["read"] == made["harmonised"] + made["quarantined"]
        return made

    def refused(self) -> Refusal:
        """One refusal that holds no secret, and not a file more or fewer than before."""
        before = {p: p.stat().st_size for p in (self.folder / "data").rglob("*") if p.is_file()}
        with pytest.raises(Refusal) as caught:
            self.built()
        assert {p: p.stat().st_size for p in (self.folder / "data").rglob("*") if p.is_file()} == before
        assert SECRET not in json.dumps(caught.value.as_json())
        return caught.value


@pytest.fixture
def desk(store: Store, node_folder: Path, act: Act, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(store, node_folder, act("data_engineer"), monkeypatch)
    yield made
    made.api.server.shutdown()
    made.api.server.server_close()
    with suppress(OSError):
        made.s3.stop()


@pytest.mark.parametrize("kind", [*FILES, "sqlite"])
def test_a_file_that_is_not_there(desk: Desk, kind: str) -> None:
    desk.give(kind, ROWS)
    (desk.folder / "work" / ("x.db" if kind == "sqlite" else "x")).unlink()
    refusal = desk.refused()
    assert (refusal.code, refusal.facts["en"]) == ("STD-411", "there is no such file")


@pytest.mark.parametrize("kind", ["csv", "json", "ndjson"])
def test_an_archive_with_a_password(desk: Desk, kind: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x", content(kind, ROWS))
    packed = bytearray(out.getvalue())
    packed[6] |= 1  # the flag of encryption, of the file and in the list of files
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    desk.give(kind, bytes(packed))
    assert "has a password" in str(desk.refused())


def test_a_workbook_that_is_no_archive_as_encrypted_ones_are(desk: Desk) -> None:
    desk.give("excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4096)
    assert "no workbook that can be read" in str(desk.refused())


@pytest.mark.parametrize("kind", [*FILES, *DATABASES, "http", "s3 csv"])
def test_a_type_that_changed_between_loads(desk: Desk, kind: str) -> None:
    load = {"load": {"by": "snapshot", "key": ["id"]}} if kind != "http" else {}
    desk.give(kind, ROWS, **load)
    assert desk.built()["harmonised"] == 20
    desk.give(kind, [{"id": row["id"], "n": f"far {row['n']}"} for row in ROWS], **load)
    refusal = desk.refused()
    path = "t.n" if kind in ("sqlite", "postgresql", "mariadb") else "n"
    assert (refusal.code, refusal.problems[0].where) == ("STD-480", path)
    assert desk.built(accept_changes=True)["harmonised"] == 20


def test_mixed_encodings_from_elsewhere(desk: Desk) -> None:
    desk.give("s3 csv", "id,n\n1,贵\n".encode() + "2,京\n".encode("gb18030"))
    assert "the file mixes encodings" in str(desk.refused())
    desk.give("http", '{"d": [{"id": 1, "n": "贵"}, '.encode() + '{"id": 2, "n": "京"}]}'.encode("gb18030"))
    assert "no JSON" in str(desk.refused())


@pytest.mark.parametrize("kind", ["http", "s3 json", "s3 csv"])
def test_a_line_without_end_from_elsewhere(desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    from datong.harmonise.store.sources import delimited, documents

    for module in (opening, documents, delimited):
        monkeypatch.setattr(module, "LINE_CHARS_MAX", 10_000)
    monkeypatch.setattr(opening, "PIECE", 1_000)
    monkeypatch.setattr(apis, "PAGE_BYTES_MAX", 10_000)
    endless = {"http": b'{"d": [{"id": "', "s3 json": b'[{"id": "', "s3 csv": b"id,n\n"}[kind]
    desk.give(kind, endless + b"x" * 50_000)
    said = str(desk.refused())
    assert "longer than 10000" in said or "larger than 10000" in said


def test_bombs_in_parquet_and_in_a_bucket(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "UNPACKED_FREE_BYTES", 100_000)
    out = io.BytesIO()
    pq.write_table(
        pa.table({"id": ["x" * 200] * 20_000, "n": [1] * 20_000}), out, compression="zstd", use_dictionary=False
    )
    desk.give("parquet", out.getvalue())
    assert "unpacks to more" in str(desk.refused())
    desk.give("s3 csv", gzip.compress(b"id,n\n" + b"1,1\n" * 200_000))
    assert "unpacks to more" in str(desk.refused())
    desk.give("ndjson", gzip.compress(b'{"id": 1, "n": 1}\n' * 100_000))
    assert "unpacks to more" in str(desk.refused())


def test_shifted_columns_are_held_row_by_row(desk: Desk) -> None:
    for kind, shifted in (
        ("csv", b"id,n\n1,10\n2\n3,30,300\n4,40\n5,50\n"), ("s3 csv", b"id,n\n1,10\n2\n3,30,300\n4,40\n5,50\n"),
    ):  # fmt: skip
        desk.give(kind, shifted)
        made = desk.built()
        assert (made["read"], made["harmonised"], made["reasons"]) == (5, 3, {"not_a_record": 2})
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in (["id", "n"], [1, 10], [2, 20, 200], [3, 30]):
        book.active.append(row)
    book.save(out)
    desk.give("excel", out.getvalue())
    assert desk.built()["reasons"] == {"not_a_record": 1}
    for kind in ("json", "ndjson", "http"):  # fields have names: one under another name is missing under its own
        desk.give(kind, [*ROWS, {"n": 1, "ident": 21}])
        assert desk.built()["reasons"] == {"missing_value": 1}


def test_merged_headers_in_a_bucket(desk: Desk) -> None:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in (["id", "n"], [1, 10]):
        book.active.append(row)
    book.active.merge_cells("A1:B1")
    book.save(out)
    for kind in ("excel", "s3 excel"):
        desk.give(kind, out.getvalue())
        assert "the header has merged cells" in str(desk.refused())


def test_a_list_of_objects_without_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage whose next page is the same, or is always another and holds nothing."""
    desk.give("s3 csv", ROWS)
    asked: list[dict[str, str]] = []
    same = True

    def listed(query: dict[str, str]) -> bytes:
        asked.append(query)
        token = "again" if same else f"t{len(asked)}"
        return f"<ListBucketResult><NextContinuationToken>{token}</NextContinuationToken></ListBucketResult>".encode()

    monkeypatch.setattr(desk.s3, "listed", listed)
    monkeypatch.setattr(buckets, "LISTS_MAX", 30)
    assert "does not end" in str(desk.refused())
    same = False
    assert "does not end" in str(desk.refused())
    assert len(asked) <= 40


def test_a_list_of_objects_that_is_cut_short_or_names_one_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage that knows version 1 of lists alone gives a thousand objects and no token, and would lose the rest."""
    desk.give("s3 csv", ROWS)
    desk.s3.objects["x/2"] = desk.s3.objects["x/1"]
    desk.s3.page = 1
    whole = desk.s3.listed
    monkeypatch.setattr(desk.s3, "listed", lambda query: re.sub(b"<Next.*Token>", b"", whole(query)))
    assert "cut short" in str(desk.refused())

    def again(query: dict[str, str]) -> bytes:
        return whole({}) if "continuation-token" not in query else whole(query).replace(b"x/2", b"x/1")

    monkeypatch.setattr(desk.s3, "listed", again)
    assert "names one twice" in str(desk.refused())
    monkeypatch.setattr(desk.s3, "listed", whole)
    assert desk.built()["read"] == 40


@pytest.mark.parametrize("kind", [*FILES, "http", "s3 csv", "s3 parquet"])
def test_a_web_page_instead_of_data(desk: Desk, kind: str) -> None:
    desk.give(kind, b"<!doctype html>\n<html><body>Please log in, now</body></html>\n")
    assert desk.refused().code in ("STD-411", "STD-412")


def test_a_parquet_of_ten_thousand_columns_is_checked_and_built(desk: Desk) -> None:
    desk.give("parquet", [{f"c{n}": 1 for n in range(10_000)} | {"id": 1, "n": 2}])
    with desk.store.read(desk.actor) as tx:
        assert harmonise.check(tx, workspace="work")["accepted"]
    assert desk.built()["harmonised"] == 1


@pytest.mark.parametrize("kind", ["csv", "json", "ndjson", "excel", "http", "s3 csv"])
def test_more_columns_than_a_table_has(desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(gathering, "COLUMNS_MAX", 60)
    desk.give(kind, [{f"c{n}": 1 for n in range(100)} | {"id": 1, "n": 2}])
    assert "more than 60 columns" in str(desk.refused())


@pytest.mark.parametrize("kind", [*FILES, "s3 csv", "http"])
def test_what_changes_while_it_is_read_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    desk.give(kind, ROWS)
    assert desk.built()["read"] == 20
    if kind == "http":
        pages = iter([{"d": ROWS[:10], "total": 20}, {"d": ROWS[11:], "total": 20}, {"d": [], "total": 20}])
        desk.give(kind, ROWS, paging={"by": "page", "parameter": "p", "total": "total"})

        def answers(*_: Any) -> Answer:
            return 200, {}, json.dumps(next(pages)).encode()

        desk.api.answers = answers
        assert "tells of 20 records and gave 19" in str(desk.refused())
        return
    if kind == "s3 csv":
        desk.s3.before = lambda method, _key: (
            desk.s3.objects.update({"x/1": b"id,n\n9,9\n"}) if method == "GET" and _key else None
        )
    else:
        real = gathering.Gathered.add

        def add(*given: Any) -> None:
            real(*given)
            (desk.folder / "work/x").write_bytes(b"id,n\n9,9\n")

        monkeypatch.setattr(gathering.Gathered, "add", add)
    assert "changed while it was read" in str(desk.refused())


def test_a_server_that_breaks_off_in_mid_object(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.give("s3 csv", ROWS)

    def give(request: Any, data: bytes) -> None:
        send(request, 206, data[:10], {"ETag": '"x"', "Content-Length": str(len(data))})
        request.close_connection = True

    monkeypatch.setattr(desk.s3, "give", give)
    monkeypatch.setattr(
        buckets.Storage, "objects", lambda _self: [buckets.Listed("x/1", '"x"', len(desk.s3.objects["x/1"]))]
    )
    assert "broke off" in str(desk.refused())


# --- the table -----------------------------------------------------------------------------------------------

KINDS = ("sqlite", "postgresql", "mariadb", "csv", "json", "ndjson", "parquet", "excel", "http", "s3")
HERE, FILE, TYPED = "test_harmonise_bad_builds", "test_harmonise_bad_input", "test_harmonise_typed_files"
DB, HTTP, BUCKET, SOURCES = (
    "test_harmonise_databases",
    "test_harmonise_http",
    "test_harmonise_s3",
    "test_harmonise_sources",
)
NO_LINES, NO_PAGES, NO_HEADER = "none: it has no lines of text", "none: it has no pages", "none: it has no header cells"
ARCHIVE, TYPE = f"{HERE}::test_an_archive_with_a_password", f"{HERE}::test_a_type_that_changed_between_loads"
NOT_THERE, WHILE = (
    f"{HERE}::test_a_file_that_is_not_there",
    f"{HERE}::test_what_changes_while_it_is_read_leaves_nothing",
)
HTML, SHIFTED = f"{HERE}::test_a_web_page_instead_of_data", f"{HERE}::test_shifted_columns_are_held_row_by_row"
WIDER, BOMBS = f"{HERE}::test_more_columns_than_a_table_has", f"{HERE}::test_bombs_in_parquet_and_in_a_bucket"
MIXED, ELSEWHERE = (
    f"{FILE}::test_a_file_that_mixes_encodings_is_refused_at_the_line",
    f"{HERE}::test_mixed_encodings_from_elsewhere",
)
LINE, ENDLESS = (
    f"{FILE}::test_a_large_file_is_read_in_bounded_memory",
    f"{HERE}::test_a_line_without_end_from_elsewhere",
)
NO_DB_TEXT = "none: the server's own encoding holds for every value"

CELLS: dict[str, tuple[str, ...]] = {
    "wrong password": (
        "none: a SQLite file has none", f"{DB}::test_a_wrong_password_or_user", f"{DB}::test_a_wrong_password_or_user",
        ARCHIVE, ARCHIVE, ARCHIVE, f"{TYPED}::test_a_parquet_that_is_cut_short",
        f"{HERE}::test_a_workbook_that_is_no_archive_as_encrypted_ones_are",
        f"{HTTP}::test_what_is_no_answer_is_one_refusal_without_the_secret",
        f"{BUCKET}::test_wrong_keys_are_told_by_the_names_of_their_variables",
    ),
    "unreachable host": (
        NOT_THERE, f"{DB}::test_an_unreachable_host", f"{DB}::test_an_unreachable_host", *[NOT_THERE] * 5,
        f"{HTTP}::test_an_unreachable_host", f"{BUCKET}::test_what_is_no_storage",
    ),
    "gone in mid-read": (
        f"{DB}::test_sqlite_that_loses_a_table", f"{DB}::test_a_table_that_goes_away",
        f"{DB}::test_a_connection_that_breaks_in_mid_read", *[WHILE] * 5,
        f"{HTTP}::test_a_break_in_the_middle_says_how_far_it_came", f"{HERE}::test_a_server_that_breaks_off_in_mid_object",
    ),
    "type changed between loads": (TYPE,) * 10,
    "mixed encodings in one file": (
        f"{SOURCES}::test_text_that_is_no_text", NO_DB_TEXT, NO_DB_TEXT, MIXED, MIXED, MIXED,
        "none: its texts are UTF-8 by its format", "none: its texts are UTF-8 by its format", ELSEWHERE, ELSEWHERE,
    ),
    "1 GB single-line JSON": (
        NO_LINES, NO_LINES, NO_LINES, LINE, LINE, LINE, NO_LINES, NO_LINES, ENDLESS, ENDLESS,
    ),
    "zip bomb": (
        *["none: nothing of it is packed"] * 3, f"{TYPED}::test_a_zip_that_is_a_bomb_or_broken",
        f"{SOURCES}::test_a_gzip_bomb_is_refused", BOMBS, BOMBS, f"{TYPED}::test_a_workbook_that_is_a_bomb",
        f"{HTTP}::test_what_is_no_answer_is_one_refusal_without_the_secret", BOMBS,
    ),
    "shifted columns": (
        *["none: values stand in named columns"] * 3, SHIFTED, SHIFTED, SHIFTED,
        "none: values stand in named columns", SHIFTED, SHIFTED, SHIFTED,
    ),
    "merged headers": (
        *[NO_HEADER] * 7, f"{TYPED}::test_merged_header_cells_are_refused_with_what_to_do", NO_HEADER,
        f"{HERE}::test_merged_headers_in_a_bucket",
    ),
    "pages for ever": (
        *[NO_PAGES] * 8, f"{HTTP}::test_pages_without_end_are_refused", f"{HERE}::test_a_list_of_objects_without_end",
    ),
    "answers HTML": (
        f"{SOURCES}::test_what_is_no_database", "none: it speaks its own protocol", "none: it speaks its own protocol",
        *[HTML] * 7,
    ),
    "10,000 columns": (
        *["none: the database has a limit below it"] * 3, WIDER, WIDER, WIDER,
        f"{HERE}::test_a_parquet_of_ten_thousand_columns_is_checked_and_built", WIDER, WIDER, WIDER,
    ),
    "changes while read": (
        f"{DB}::test_nothing_can_be_written_and_all_tables_are_of_one_moment",
        f"{DB}::test_nothing_can_be_written_and_all_tables_are_of_one_moment",
        f"{DB}::test_nothing_can_be_written_and_all_tables_are_of_one_moment", *[WHILE] * 7,
    ),
}  # fmt: skip
"""Evil -> its cell for each of KINDS."""


@pytest.mark.parametrize("evil", CELLS)
def test_every_cell_has_its_test(evil: str) -> None:
    assert len(CELLS[evil]) == len(KINDS)
    for cell in CELLS[evil]:
        file, _, name = cell.partition("::")
        if not cell.startswith("none: "):
            text = (Path(__file__).parent / f"{file}.py").read_text("utf-8")
            assert re.search(rf"^def {name}\(", text, re.MULTILINE), cell

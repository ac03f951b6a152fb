"""Quarantine repaired and replayed: the row is there once, the source untouched, nothing lost; and what is refused."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from harmonise_desk import files, prop, write
from sqlalchemy import select

from datong.ground.db import Actor, Store
from datong.ground.evidence import leaves
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.store import files as stored
from datong.harmonise.store import repairs as tables

Act = Callable[..., Actor]
COLUMNS = {"id": "id", "n": {"from": "n", "as": "number"}, "plate": {"from": "plate", "as": "plate"}}
PROPERTIES = (prop("id", required=True), prop("n", "integer", required=True), prop("plate"))
ROWS = [
    {"id": "a", "n": "1", "plate": "贵A12345"},
    {"id": "b", "n": "x", "plate": "贵A12346"},
    {"id": "c", "n": "3", "plate": "贵AO2347"},  # the letter O where a nought is meant
    {"id": "d", "n": "4", "plate": ""},
]


@pytest.fixture
def folder(store: Store, node_folder: Path) -> Path:
    harmonise.install(store, node_folder)
    write(node_folder / "work", files(COLUMNS, *PROPERTIES, unique=[{"columns": ["id"]}]))
    load(node_folder, ROWS)
    return node_folder


def load(folder: Path, rows: Any) -> None:
    (folder / "work" / "things.json").write_text(json.dumps(rows, ensure_ascii=False), "utf-8")


def built(store: Store, act: Act) -> dict[str, Any]:
    with store.begin(act("data_engineer"), "harmonise") as tx:
        return harmonise.build(tx, resource="things-1", workspace="work", mapping="things")


def repaired(store: Store, act: Act, build: str, **given: Any) -> dict[str, Any]:
    with store.begin(act("data_engineer"), "harmonise") as tx:
        return harmonise.repair(tx, build=build, **given)


def replayed(store: Store, act: Act) -> dict[str, Any]:
    with store.begin(act("data_engineer"), "harmonise") as tx:
        made = harmonise.replay(tx, resource="things-1")
    assert made["read"] == made["harmonised"] + made["quarantined"]
    return made


def held(store: Store, act: Act, build: str) -> list[dict[str, Any]]:
    with store.read(act("data_engineer")) as tx:
        return harmonise.quarantined_rows(tx, build=build, decision="d-1")["rows"]  # type: ignore[no-any-return]


def result(store: Store) -> list[dict[str, Any]]:
    with store.read() as tx:
        return pq.ParquetFile(harmonise.current(tx, "things-1")["path"]).read().to_pylist()  # type: ignore[no-any-return]


def refused(store: Store, act: Act, code: str, build: str, **given: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        repaired(store, act, build, **given)
    assert caught.value.code == code
    with store.read() as tx:
        assert not tx.all(select(tables.repairs.c.id).where(tables.repairs.c.note == "refused"))
    return caught.value


def test_a_repaired_row_is_there_once_and_the_source_is_not_touched(store: Store, folder: Path, act: Act) -> None:
    first = built(store, act)
    assert (first["harmonised"], first["reasons"]) == (2, {"not_a_number": 1, "plate_format": 1})
    before = (folder / "work" / "things.json").read_bytes()
    assert repaired(store, act, first["id"], row=2, column="n", text="2", note="电话核实")["given"] == 1
    assert repaired(store, act, first["id"], reason="plate_format", column="plate", accept=True)["given"] == 1
    made = replayed(store, act)
    assert (made["read"], made["harmonised"], made["quarantined"]) == (4, 4, 0)
    assert made["repaired"] == {"rows": 2, "held": 0, "superseded": 0, "conflicting": 0, "not_found": 0}
    assert made["before"] == first["id"]
    assert [(r["id"], r["n"], r["plate"], r["source_row"]) for r in result(store)] == [
        ("a", 1, "贵A12345", 1), ("b", 2, "贵A12346", 2), ("c", 3, "贵A02347", 3), ("d", 4, None, 4),
    ]  # fmt: skip
    assert (folder / "work" / "things.json").read_bytes() == before
    assert made["repairs"] == [
        {"state": "repaired", "rule": "by_hand", "column": "n", "values": 1},
        {"state": "repaired", "rule": "by_hand", "column": "plate", "values": 1},
    ]
    kept = pq.ParquetFile(stored.place(folder, "things-1", made["id"]) / stored.REPAIRS).read().to_pylist()
    assert [(k["row"], k["original"]) for k in kept] == [(2, "x"), (3, "贵AO2347")]  # the originals are kept
    assert replayed(store, act)["id"] == made["id"], "replaying the same again adds nothing"
    assert built(store, act)["id"] == made["id"], "a plain build keeps the repairs"


def test_it_finds_its_row_wherever_a_later_load_puts_it(store: Store, folder: Path, act: Act) -> None:
    first = built(store, act)
    repaired(store, act, first["id"], row=2, column="n", text="2")
    load(folder, [{"id": "z", "n": "26", "plate": ""}, *reversed(ROWS)])
    made = replayed(store, act)
    assert (made["read"], made["harmonised"]) == (5, 4)
    assert [r["id"] for r in result(store)] == ["z", "d", "b", "a"]


def test_a_row_corrected_at_the_source_is_there_once(store: Store, folder: Path, act: Act) -> None:
    first = built(store, act)
    repaired(store, act, first["id"], row=2, column="n", text="2")
    corrected = {"id": "b", "n": "2", "plate": "贵A12346"}
    load(folder, [ROWS[0], corrected, *ROWS[2:]])  # in place
    made = replayed(store, act)
    assert [r["id"] for r in result(store)] == ["a", "b", "d"]
    assert made["repaired"]["not_found"] == 1
    load(folder, [*ROWS, corrected])  # beside the bad one
    made = replayed(store, act)
    assert [(r["id"], r["source_row"]) for r in result(store)] == [("a", 1), ("d", 4), ("b", 5)]
    assert (made["repaired"]["superseded"], made["reasons"]["not_a_number"]) == (1, 1)


def test_without_a_key_too(store: Store, folder: Path, act: Act) -> None:
    write(folder / "work", files(COLUMNS, *PROPERTIES))
    repaired(store, act, built(store, act)["id"], row=2, column="n", text="2")
    load(folder, [*ROWS, {"id": "b", "n": "2", "plate": "贵A12346"}])
    assert replayed(store, act)["repaired"]["superseded"] == 1
    assert [r["id"] for r in result(store)] == ["a", "d", "b"]


def test_a_repair_never_takes_a_good_row_away(store: Store, folder: Path, act: Act) -> None:
    first = built(store, act)
    repaired(store, act, first["id"], row=2, column="id", text="a")  # row 2 is still bad
    repaired(store, act, first["id"], row=2, column="n", text="7")  # and now a second, different "a"
    made = replayed(store, act)
    assert made["repaired"] == {"rows": 0, "held": 0, "superseded": 0, "conflicting": 1, "not_found": 0}
    assert [(r["id"], r["n"]) for r in result(store)] == [("a", 1), ("d", 4)]
    assert made["reasons"] == {"not_a_number": 1, "plate_format": 1}


def test_a_repair_that_is_no_better_is_told_and_the_original_stays(store: Store, folder: Path, act: Act) -> None:
    first = built(store, act)
    repaired(store, act, first["id"], row=2, column="n", text="many")
    made = replayed(store, act)
    assert (made["harmonised"], made["repaired"]["held"]) == (2, 1)
    (row,) = [h for h in held(store, act, made["id"]) if h["row"] == 2]
    assert json.loads(row["record"])["n"] == "x", "the record is the source's"
    with store.begin(act("data_engineer"), "harmonise") as tx:
        one = harmonise.repairs(tx, resource="things-1")[0]
        harmonise.withdraw_repair(tx, repair=one["id"])
        harmonise.repair(tx, build=made["id"], row=2, column="n", text="2")
    assert replayed(store, act)["harmonised"] == 3


def test_a_withdrawn_repair_has_no_effect(store: Store, folder: Path, act: Act) -> None:
    first = built(store, act)
    made = repaired(store, act, first["id"], row=2, column="n", text="2")
    assert replayed(store, act)["harmonised"] == 3
    with store.begin(act("data_engineer"), "harmonise") as tx:
        shown = harmonise.withdraw_repair(tx, repair=made["repairs"][0])
        assert (shown["state"], shown["withdrawn_by"]) == ("withdrawn", "p-1")
        with pytest.raises(Refusal, match="STD-502"):
            harmonise.withdraw_repair(tx, repair=made["repairs"][0])
        with pytest.raises(Refusal, match="STD-502"):
            harmonise.withdraw_repair(tx, repair="repair-\0none")
    assert replayed(store, act)["id"] == first["id"]


def test_a_text_for_a_reason_goes_to_the_rows_held_for_that_column_alone(store: Store, folder: Path, act: Act) -> None:
    load(folder, [ROWS[0], {"id": "", "n": "7", "plate": ""}, {"id": "c", "n": "", "plate": ""}, ROWS[3]])
    first = built(store, act)
    assert first["reasons"] == {"missing_value": 2}
    assert repaired(store, act, first["id"], reason="missing_value", column="n", text="3")["given"] == 1
    assert repaired(store, act, first["id"], reason="missing_value", column="id", text="b")["given"] == 1
    replayed(store, act)
    assert sorted((r["id"], r["n"]) for r in result(store)) == [("a", 1), ("b", 7), ("c", 3), ("d", 4)]


def test_what_is_no_record_can_be_made_one(store: Store, folder: Path, act: Act) -> None:
    load(folder, [ROWS[0], ROWS[3], 17])
    first = built(store, act)
    assert first["reasons"] == {"not_a_record": 1}
    for column, text in (("id", "e"), ("n", "17")):
        repaired(store, act, first["id"], row=3, column=column, text=text)
    replayed(store, act)
    assert [(r["id"], r["n"]) for r in result(store)] == [("a", 1), ("d", 4), ("e", 17)]


def test_two_repairs_of_one_value_conflict(store: Store, folder: Path, act: Act) -> None:
    first = built(store, act)["id"]
    repaired(store, act, first, row=2, column="n", text="2")
    assert repaired(store, act, first, row=2, column="n", text="2")["stood_already"] == 1
    refusal = refused(store, act, "STD-501", first, row=2, column="n", text="3")
    assert "stands" in refusal.problems[0].en


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"row": 2, "column": "n", "text": "2\0"}, "control characters"),
        ({"row": 2, "column": "n", "text": "\x1b[2J"}, "control characters"),
        ({"row": 2, "column": "n", "text": "\ud800"}, "control characters"),
        ({"row": 2, "column": "n", "text": "9" * 10_001}, "more than 10000"),
        ({"row": 2, "column": "n", "text": "x"}, "stands there already"),
        ({"row": 1, "column": "n", "text": "2"}, "no row of the quarantine"),
        ({"row": -1, "column": "n", "text": "2"}, "no row of the quarantine"),
        ({"row": 2, "column": "none", "text": "2"}, "no column"),
        ({"row": 2, "column": "_row", "text": "2"}, "no column"),
        ({"row": 2, "column": "n", "accept": True}, "no suggestion"),
        ({"row": 2, "column": "n", "text": "2", "accept": True}, "either"),
        ({"column": "n", "text": "2"}, "a row, or a reason"),
        ({"row": 2, "column": "n", "text": "2", "note": "n\0"}, "note"),
    ],
)
def test_bad_repairs_are_refused(store: Store, folder: Path, act: Act, *, given: dict[str, Any], said: str) -> None:
    refusal = refused(store, act, "STD-500", built(store, act)["id"], **given)
    assert any(said in p.en and p.zh for p in refusal.problems), refusal.problems
    assert "贵A" not in json.dumps(refusal.as_json(), ensure_ascii=False)


def test_a_word_for_word_repeat_is_mended_at_the_source(store: Store, folder: Path, act: Act) -> None:
    load(folder, [ROWS[0], ROWS[3], ROWS[0]])
    refusal = refused(store, act, "STD-500", built(store, act)["id"], row=3, column="id", text="e")
    assert "cannot be told from the good one" in refusal.problems[0].en


def test_only_the_owners_engineer_repairs(store: Store, folder: Path, act: Act) -> None:
    first = built(store, act)["id"]
    for stranger in (act("data_engineer", party="91520100MA6OTHERX0"), act("analyst"), act("auditor")):
        with store.begin(stranger) as tx, pytest.raises(Refusal, match=r"STD-430|GEN-403"):
            harmonise.repair(tx, build=first, row=2, column="n", text="2")
    with store.read(act("data_engineer", party="91520100MA6OTHERX0")) as tx, pytest.raises(Refusal, match="STD-430"):
        harmonise.export_repairs(tx, build=first)
    for unknown in ("build-of-another-node", "build-\0", ""):
        refused(store, act, "STD-421", unknown, row=2, column="n", text="2")


def test_lists_and_leaves_hold_no_text(store: Store, folder: Path, act: Act) -> None:
    repaired(store, act, built(store, act)["id"], row=3, column="plate", text="贵A99999")
    with store.read(act("auditor")) as tx:
        shown = harmonise.repairs(tx)
        bodies = [row.body for row in tx.all(select(leaves.c.body))]
    assert shown[0]["column"] == "plate"
    assert "harmonise.repaired" in bodies[-1].decode()
    assert "贵A" not in json.dumps(shown, ensure_ascii=False) + "".join(body.decode() for body in bodies)


def filled(text: str, **by_row: str) -> str:
    rows = list(csv.DictReader(io.StringIO(text)))
    for row in rows:
        row["new_text"] = by_row.get(f"r{row['row']}", row["new_text"])
    out = io.StringIO()
    table = csv.DictWriter(out, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()


def test_a_batch_goes_out_and_comes_back(store: Store, folder: Path, act: Act) -> None:
    first = built(store, act)["id"]
    with store.begin(act("data_engineer"), "harmonise") as tx:
        sheet = harmonise.export_repairs(tx, build=first)["csv"]
        assert "贵A" not in sheet
        assert "x" not in [cell for row in csv.reader(io.StringIO(sheet)) for cell in row]
        taken = harmonise.import_repairs(tx, build=first, csv="\ufeff" + filled(sheet, r2="2", r3="贵A02347"))
        assert taken["given"] == 2
        assert harmonise.export_repairs(tx, build=first)["csv"].count("贵A02347") == 1
    assert replayed(store, act)["harmonised"] == 4


def test_all_that_is_wrong_with_a_row_is_mended_from_one_sheet(store: Store, folder: Path, act: Act) -> None:
    more = [{"id": key, "n": "7", "plate": ""} for key in "fgh"]
    load(folder, [*ROWS, {"id": "e", "n": "five", "plate": "贵A?"}, {"id": "a", "n": "6?", "plate": "贵A12350"}, *more])
    first = built(store, act)["id"]
    assert [row["also"] for row in held(store, act, first)] == ["", "", "plate: plate_format", "id: suspect:repeated"]
    with store.begin(act("data_engineer"), "harmonise") as tx:
        rows = list(csv.DictReader(io.StringIO(harmonise.export_repairs(tx, build=first)["csv"])))
        assert [(r["row"], r["column"], r["reason"]) for r in rows] == [
            ("2", "n", "not_a_number"), ("3", "plate", "plate_format"),
            ("5", "n", "not_a_number"), ("5", "plate", "plate_format"), ("6", "n", "not_a_number"),
        ]  # fmt: skip
        out = io.StringIO()
        table = csv.DictWriter(out, list(rows[0]))
        table.writeheader()
        table.writerows(
            {**r, "new_text": {"n": "5", "plate": "贵A12349"}[r["column"]]} for r in rows if r["row"] == "5"
        )
        assert harmonise.import_repairs(tx, build=first, csv=out.getvalue())["given"] == 2
    assert ("e", 5, "贵A12349") in [(r["id"], r["n"], r["plate"]) for r in replayed(store, act) and result(store)]


def test_formulas_do_not_leave_and_come_back_as_they_were(store: Store, folder: Path, act: Act) -> None:
    first = built(store, act)["id"]
    for text in ('=HYPERLINK("http://x")', "-5", "@x", "'=x"):
        with store.begin(act("data_engineer"), "harmonise") as tx:
            one = harmonise.repair(tx, build=first, row=2, column="n", text=text)["repairs"][0]
            sheet = harmonise.export_repairs(tx, build=first)["csv"]
            cells = [row["new_text"] for row in csv.DictReader(io.StringIO(sheet)) if row["row"] == "2"]
            assert cells == [f"'{text}"]
            assert harmonise.import_repairs(tx, build=first, csv=sheet)["stood_already"] == 1
            harmonise.withdraw_repair(tx, repair=one)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: "", "header lacks"),
        (lambda text: text.replace("new_text", "text"), "header lacks new_text"),
        (lambda text: text.replace("sha256:", "sha256:0"), "original_digest is not"),
        (lambda text: text.replace("\n3,", "\n1,"), "not in the quarantine"),
        (lambda text: text.replace("\n3,", "\n=1+1,"), "number of a row"),
        (lambda text: text + text.splitlines()[1] + "\n", "given twice"),
        (lambda text: text + "1,2\n", "fields"),
        (lambda text: text + '"open', "is no CSV"),
        (lambda text: text.replace(",2", ",").replace(",贵A02347", ","), "no line gives"),
        (lambda text: text.replace("贵A02347", "\0"), "control characters|is no CSV"),
    ],
)
def test_bad_files_are_refused_whole(
    store: Store, folder: Path, act: Act, *, spoil: Callable[[str], str], said: str
) -> None:
    first = built(store, act)["id"]
    with store.begin(act("data_engineer"), "harmonise") as tx:
        sheet = filled(harmonise.export_repairs(tx, build=first)["csv"], r2="2", r3="贵A02347").replace("\r", "")
        with pytest.raises(Refusal) as caught:
            harmonise.import_repairs(tx, build=first, csv=spoil(sheet))
        assert caught.value.code == "STD-500"
        assert any(part in p.en for part in said.split("|") for p in caught.value.problems), caught.value.problems
        assert harmonise.repairs(tx) == []


def test_repairs_of_a_joined_database(store: Store, node_folder: Path, act: Act) -> None:
    """Columns of the main table can be repaired, the key of a look-up too; those of the looked-up table cannot."""
    harmonise.install(store, node_folder)
    contents = files({"id": "trips.id", "name": "bikes.name"}, prop("id", required=True), prop("name", required=True))
    contents["sources/things.yaml"] = {"kind": "database", "path": "d.db", "tables": {"trips": "id", "bikes": "no"}}
    contents["mappings/things.yaml"] |= {
        "table": "trips",
        "joins": [{"table": "bikes", "on": {"trips.bike": "bikes.no"}}],
    }
    write(node_folder / "work", contents)
    with sqlite3.connect(node_folder / "work" / "d.db") as db:
        db.executescript(
            "create table trips(id, bike); create table bikes(no, name);"
            "insert into trips values ('t1','b1'),('t2','b9'),('t3','b1'); insert into bikes values ('b1','red'),('b2','blue');"
        )
    db.close()
    first = built(store, act)
    assert first["reasons"] == {"no_bikes": 1}
    repaired(store, act, first["id"], row=2, column="trips.bike", text="b2")
    assert "no column" in refused(store, act, "STD-500", first["id"], row=2, column="name", text="blue").problems[0].en
    assert replayed(store, act)["harmonised"] == 3
    assert [(r["id"], r["name"]) for r in result(store)] == [("t1", "red"), ("t2", "blue"), ("t3", "red")]

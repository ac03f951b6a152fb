"""Sources of several files and files without a header line: read as tables, joined, refused where they are wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from harmonise_desk import prop, standard, write

from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.model.mappings import BLANKS, Source, SourceKind
from datong.harmonise.rules.workspace import mapping_of
from datong.harmonise.store import sources

Act = Callable[..., Actor]
SOURCE = {"kind": "csv", "delimiter": ";", "tables": {"loans": "loans.csv", "districts": "more/districts.csv"}}
MAPPING = {
    "source": "bank", "standard": "thing", "table": "loans",
    "joins": [{"table": "districts", "on": {"loans.district": "districts.no. of it"}}],
    "columns": {"id": "loans.id", "place": "districts.name"},
}  # fmt: skip


def bank(source: Any = SOURCE, mapping: Any = MAPPING) -> dict[str, Any]:
    return {
        "sources/bank.yaml": source, "mappings/loans.yaml": mapping,
        "standards/thing.odcs.yaml": standard(prop("id", required=True), prop("place")),
    }  # fmt: skip


def wrong(source: Any, mapping: Any = MAPPING) -> str:
    found, problems = mapping_of(bank(source, mapping), "loans")
    assert found is None
    return "\n".join(f"{p.where} {p.en}" for p in problems)


@pytest.fixture
def folder(store: Store, node_folder: Path) -> Path:
    harmonise.install(store, node_folder)
    work = write(node_folder / "work", bank())
    (work / "more").mkdir()
    (work / "loans.csv").write_text("id;district;note\n1;18;a\n2;99;b\n3;1;c\n", "utf-8")
    (work / "more" / "districts.csv").write_text("no. of it;name\n1;Praha\n18;Pisek\n", "utf-8")
    return work


def built(store: Store, actor: Actor) -> dict[str, Any]:
    with store.begin(actor, "harmonise") as tx:
        return harmonise.build(tx, resource="loans-1", workspace="work", mapping="loans", data="work")


def test_files_join_as_tables_of_a_database_do(store: Store, folder: Path, act: Act) -> None:
    made = built(store, act("data_engineer"))
    assert (made["read"], made["harmonised"], made["reasons"]) == (3, 2, {"no_districts": 1})
    with store.read(act("data_engineer")) as tx:
        (held,) = harmonise.quarantined_rows(tx, build=made["id"], decision="d-1")["rows"]
    record = json.loads(held["record"])
    with store.read(act("analyst")) as tx:
        (thing,) = harmonise.contract(tx, resource="loans-1")["contract"]["schema"]
    of = {p["name"]: p["transformSourceObjects"] for p in thing["properties"]}
    assert of == {"id": ["bank.loans.id"], "place": ["bank.districts.name"]}
    assert (held["row"], record["loans.id"], record["loans.note"]) == (2, "2", "b")  # also what no mapping names


def test_a_change_in_a_looked_up_file_is_a_new_build(store: Store, folder: Path, act: Act) -> None:
    before = built(store, act("data_engineer"))
    assert built(store, act("data_engineer"))["id"] == before["id"]
    with (folder / "more" / "districts.csv").open("a") as opened:
        opened.write("99;Brno\n")
    after = built(store, act("data_engineer"))
    assert after["id"] != before["id"]
    assert after["quarantined"] == 0


@pytest.mark.parametrize(
    ("file", "text", "code", "said"),
    [
        ("more/districts.csv", "no. of it;names\n1;Praha\n", "STD-412", "nearest: districts.names"),
        ("more/districts.csv", "no. of it;name\n", "STD-413", "districts"),
        ("loans.csv", "id;district\n", "STD-413", "bank"),
        ("more/districts.csv", None, "STD-411", "more/districts.csv"),
    ],
)
def test_what_is_wrong_with_one_of_the_files_is_told(
    store: Store, folder: Path, act: Act, file: str, text: str | None, code: str, said: str
) -> None:
    if text is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(text, "utf-8")
    with pytest.raises(Refusal) as caught:
        built(store, act("data_engineer"))
    assert caught.value.code == code
    assert said in str(caught.value) + " ".join(p.en for p in caught.value.problems)


def test_a_link_out_of_the_data_and_a_file_of_the_node_are_refused(store: Store, folder: Path, act: Act) -> None:
    (folder / "loans.csv").unlink()
    (folder / "loans.csv").symlink_to("/etc/passwd")
    with pytest.raises(Refusal) as caught:
        built(store, act("data_engineer"))
    assert "leads out of the data folder" in str(caught.value)
    (folder.parent / "keys").mkdir(exist_ok=True)
    (folder / "loans.csv").unlink()
    (folder / "loans.csv").symlink_to(folder.parent / "keys" / "node.pem")
    with pytest.raises(Refusal) as caught:
        built(store, act("data_engineer"))
    assert "the node's own" in " ".join(p.en for p in caught.value.problems)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({**SOURCE, "path": "x.csv"}, "either `path` (one file) or `tables`"),
        ({**SOURCE, "tables": ["a"]}, "should name each table with its file"),
        ({**SOURCE, "tables": {"loans": "../a", "districts": "b"}}, "inside the data folder"),
        ({**SOURCE, "tables": {"loans": {"columns": ["id"]}, "districts": "b"}}, "each table with its file"),
        ({**SOURCE, "tables": {"loans": {"path": "a", "file": 1}, "districts": "b"}}, "there is no such item"),
        ({**SOURCE, "tables": {"loans": {"path": "a", "columns": ["x", "x"]}, "districts": "b"}}, "every column once"),
        ({**SOURCE, "tables": {"lo.ans": "a", "districts": "b"}}, "a table's name has no dot"),
        ({**SOURCE, "columns": ["x"]}, "belongs under each table"),
        ({**SOURCE, "kind": "json", "tables": {"loans": {"path": "a", "numbered": "n"}}}, "csv files only"),
        ({**SOURCE, "kind": "http", "tables": {"loans": "a"}}, "takes no tables"),
        ({"kind": "csv"}, "there is no path"),
    ],
)
def test_wrong_tables_are_told(source: Any, said: str) -> None:
    assert said in wrong(source)


def test_paths_and_joins_are_held_to_the_tables() -> None:
    assert "should be one of the source's tables" in wrong(SOURCE, {**MAPPING, "table": "districts2"})
    assert "should be table.column" in wrong(SOURCE, {**MAPPING, "columns": {"id": "id"}})
    assert "declares no tables" in wrong({"kind": "csv", "path": "x"}, {**MAPPING, "columns": {"id": "id"}})


def test_the_sheets_of_one_workbook_join_as_tables(store: Store, node_folder: Path, act: Act) -> None:
    """Each with what is its own above it: a title here, a header of two rows there."""
    harmonise.install(store, node_folder)
    source = {
        "kind": "excel",
        "tables": {
            "loans": {"path": "bank.xlsx", "sheet": "贷款", "skip_lines": 1},
            "districts": {"path": "bank.xlsx", "sheet": "地区", "header_rows": 2},
        },
    }
    mapping = {
        **MAPPING, "joins": [{"table": "districts", "on": {"loans.district": "districts.地区.no"}}],
        "columns": {"id": "loans.id", "place": "districts.地区.name"},
    }  # fmt: skip
    work = write(node_folder / "work", bank(source, mapping))
    book = openpyxl.Workbook()
    for sheet, table in {
        "贷款": [["二月贷款"], ["id", "district"], [1, 18], [2, 99]],
        "地区": [["地区", None], ["no", "name"], [1, "Praha"], [18, "Pisek"]],
    }.items():
        page = book.create_sheet(sheet)
        for row in table:
            page.append(row)
    book["地区"].merge_cells("A1:B1")
    del book["Sheet"]
    book.save(work / "bank.xlsx")
    made = built(store, act("data_engineer"))
    assert (made["read"], made["harmonised"], made["reasons"]) == (2, 1, {"no_districts": 1})


# --- files without a header line -------------------------------------------------------------------------------


def named(path: str = "x", **more: Any) -> Source:
    return Source("things", SourceKind.csv, path, **more)


def rows(source: Source, folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = sources.read(source, folder, {}).tables["things"].to_pylist()
    return [{name: value for name, value in row.items() if value is not None and name != "_row"} for row in rows]


def test_blanks_part_fields_and_a_line_of_another_length_is_kept(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("1 1  -0.0007\t518.67  \n2 2 100.0\n\n  3 3 0.1 5 \n")
    found = rows(named(delimiter=BLANKS, columns={"": ("unit", "cycle", "a", "b")}), tmp_path)
    assert found == [
        {"unit": "1", "cycle": "1", "a": "-0.0007", "b": "518.67"},
        {"_broken": "2 2 100.0"},
        {"unit": "3", "cycle": "3", "a": "0.1", "b": "5"},
    ]


def test_the_number_of_a_record_is_a_column_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("112 \n98,1\n69 \n")
    found = rows(named(columns={"": ("rul",)}, numbered={"": "unit"}), tmp_path)
    assert found == [{"rul": "112 ", "unit": "1"}, {"_broken": "98,1"}, {"rul": "69 ", "unit": "3"}]
    with pytest.raises(Refusal, match="is a column already"):
        rows(named(numbered={"": "112"}), tmp_path)


def test_a_sample_shows_the_first_rows_of_every_table(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("id,n\n1,2\n3,4\n")
    (tmp_path / "b").write_text("x\n9\n")
    source = named("", tables={"a": "a", "b": "b"}, numbered={"b": "no"})
    shown = sources.sample(source, tmp_path, rows=1)
    assert [(c.path, c.values) for c in shown.columns] == [
        ("a.id", ("1",)), ("a.n", ("2",)), ("b.x", ("9",)), ("b.no", ("1",)),
    ]  # fmt: skip
    assert (shown.rows_seen, shown.whole) == (1, False)


@pytest.mark.parametrize(("columns", "refused"), [
    (("id", "in", "out"), "`columns` says that in is column 2; in the header that is skipped it is 3"),
    (("out", "x"), "`columns` says that out is column 1; in the header that is skipped it is 2"),
    (("id", "out", "in"), ""), (("id", "a", "b"), ""), (("id", "out", "x"), ""),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["csv", "excel"])
def test_names_given_are_held_against_the_header_that_is_skipped(
    columns: tuple[str, ...], refused: str, kind: str, tmp_path: Path
) -> None:
    lines = [["a title", "", ""], [" id", "out ", "in"], ["1", "2", "3"]]
    if kind == "csv":
        (tmp_path / "x").write_text("\n".join(",".join(line) for line in lines) + "\n", "utf-8")
    else:
        book = openpyxl.Workbook()
        for line in lines:
            book.active.append([text or None for text in line])
        book.save(tmp_path / "x.xlsx")
        (tmp_path / "x.xlsx").rename(tmp_path / "x")
    source = replace(named(), kind=SourceKind(kind), skip_lines=2, columns={"": columns})
    if refused:
        with pytest.raises(Refusal) as told:
            rows(source, tmp_path)
        assert told.value.code == "STD-411" and refused in told.value.texts()[1].en
    else:
        assert len(rows(source, tmp_path)) == 1

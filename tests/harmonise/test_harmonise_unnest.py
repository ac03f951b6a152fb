"""Lists inside a record become rows: every item once, with what else the record holds, in whatever kind of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harmonise_desk import files, prop, write
from hypothesis import given
from hypothesis import strategies as st
from sources_desk import read, refused, told
from test_harmonise_http import Api

from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.model.reading import BROKEN, ROW
from datong.harmonise.rules.workspace import _source, mapping_of
from datong.harmonise.store import scanned, sources
from datong.harmonise.store.sources import documents
from datong.harmonise.store.sources.opening import Content
from storage import ACCESS, S3, SECRET

ORDERS: list[dict[str, Any]] = [
    {"order": {"no": "L1"}, "results": [{"item": "WBC", "value": 4.50}, {"item": "HGB", "value": None}]},
    {"order": {"no": "L2"}, "results": []},
    {"order": {"no": "L3"}},
    {"order": {"no": "L4"}, "results": {"item": "GLU", "value": "<0.5"}},
    {"order": {"no": "L5"}, "results": [{"item": "ALT", "value": 7}]},
]
LONG = [
    ("L1", "WBC", "4.5"), ("L1", "HGB", None), ("L2", None, None), ("L3", None, None), ("L4", "GLU", "<0.5"),
    ("L5", "ALT", "7"),
]  # fmt: skip


def long(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(row.get(name) for name in ("order.no", "results.item", "results.value")) for row in found]


def rows(folder: Path, lines: list[str], unnest: str) -> list[dict[str, Any]]:
    (folder / "x").write_text("\n".join(lines), "utf-8")
    return read(told(kind="ndjson", path="x", unnest=unnest), folder)


@pytest.mark.parametrize("kind", ["json", "ndjson", "http", "s3", "records"])
def test_each_item_is_a_row(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    api, s3 = Api(), S3()
    keys: dict[str, Any] = {"kind": "json", "path": "x"}
    if kind == "http":
        api.answers = lambda *_: (200, {}, json.dumps({"d": ORDERS, "n": len(ORDERS)}).encode())
        keys = {"kind": "http", "url": f"{api.url}/x", "records": "d", "paging": {"by": "none", "total": "n"}}
    elif kind == "s3":
        monkeypatch.setenv("A_KEY", ACCESS)
        monkeypatch.setenv("A_SECRET", SECRET)
        s3.objects = {"x": json.dumps(ORDERS).encode()}
        keys = {"kind": "s3", "endpoint": s3.url, "bucket": "lake", "key": "x", "format": "json",
                "access_key_from": "A_KEY", "secret_key_from": "A_SECRET"}  # fmt: skip
    elif kind == "ndjson":
        keys["kind"] = kind
        (tmp_path / "x").write_text("\n".join(map(json.dumps, ORDERS)), "utf-8")
    elif kind == "records":
        keys["records"] = "d.all"
        (tmp_path / "x").write_text(json.dumps({"d": {"all": ORDERS}}), "utf-8")
    else:
        (tmp_path / "x").write_text(json.dumps(ORDERS), "utf-8")
    source = told(**keys, unnest="results")
    found = read(source, tmp_path)
    assert long(found) == LONG
    assert [row[ROW] for row in found] == list(range(1, 7))
    seen = [column.path for column in sources.sample(source, tmp_path).columns]
    assert seen == ["order.no", "results.item", "results.value"]  # an empty list is no column
    api.server.shutdown()
    api.server.server_close()
    s3.stop()


def test_lists_in_lists_and_below_objects(tmp_path: Path) -> None:
    one = {"id": 1, "visit": {"stays": [{"ward": "A", "doses": [{"mg": 5}, {"mg": 7}]}, {"ward": "B", "doses": []}]}}
    found = rows(tmp_path, [json.dumps(one)], "visit.stays.doses")
    assert [(r["id"], r["visit.stays.ward"], r["visit.stays.doses.mg"]) for r in found] == [
        ("1", "A", "5"), ("1", "A", "7"), ("1", "B", None),
    ]  # fmt: skip
    assert [r["tags"] for r in rows(tmp_path, ['{"id": 1, "tags": ["a", "b", null]}'], "tags")] == ["a", "b", None]


def test_what_is_no_record_is_kept_once_and_an_item_that_is_none_alone(tmp_path: Path) -> None:
    twice = '{"id": 2, "id": 3, "a": [{"x": 1}, {"x": 2}]}'
    inside = '{"id": 4, "a": [{"x": 1}, {"x": 1, "x": 2}, {"x": 3}]}'
    found = rows(tmp_path, ['{"id": 1, "a": [{"x": 1', twice, inside, "[1]"], "a")
    assert [(row[BROKEN], row.get("a.x")) for row in found] == [
        ('{"id": 1, "a": [{"x": 1', None), (twice, None),
        (None, "1"), ('{"id": 4, "a": {"x": 1, "x": 2}}', None), (None, "3"), ("[1]", None),
    ]  # fmt: skip


ITEM = st.dictionaries(st.sampled_from("xy"), st.integers() | st.none(), max_size=2) | st.integers()


@given(st.lists(st.lists(ITEM, max_size=4) | ITEM, max_size=6))
def test_as_many_rows_as_items(records: list[Any]) -> None:
    source = told(kind="json", path="x", unnest="a")
    for number, given_ in enumerate(records):
        found = list(documents.rows_of(source, {"id": str(number), "a": given_}))
        items = given_ if isinstance(given_, list) else [given_]
        assert len(found) == max(1, len(items))
        for (values, broken), item in zip(found, items, strict=False):
            assert (values["id"], broken) == (str(number), None)
            wanted = documents.flat({"a": item})
            assert wanted is not None
            assert values.items() >= wanted.items()


def test_a_list_that_would_be_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "UNNESTED_CHARS_MAX", 10_000)
    (tmp_path / "x").write_text(json.dumps({"note": "n" * 1000, "a": [0] * 20}), "utf-8")
    assert "in the rows that `unnest` makes" in str(refused(told(kind="ndjson", path="x", unnest="a"), tmp_path))


def test_a_list_in_the_depths_is_told(tmp_path: Path) -> None:
    deep = '{"id": 1, "a": [1, ' + "[" * 3000 + "]" * 3000 + "]}"
    found = rows(tmp_path, [deep, '{"id": 2, "a": [5]}'], "a")
    assert [(row["id"], row["a"]) for row in found if row[BROKEN] is None][-1] == ("2", "5")
    assert [row[BROKEN] for row in found if row[BROKEN]] == [deep]


def test_a_big_file_of_lines_is_left_to_the_reader_that_does_it(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("\n".join(map(json.dumps, ORDERS)), "utf-8")
    texts = files({"id": "order.no"}, prop("id"))
    texts["sources/things.yaml"] = {"kind": "ndjson", "path": "x", "unnest": "results"}
    mapping, problems = mapping_of(texts, "things")
    assert mapping is not None, problems
    assert scanned.reading(mapping, tmp_path, {}, scan_from=0) is None


@pytest.mark.parametrize(
    ("given", "at", "said"),
    [
        ({"kind": "csv", "path": "x", "unnest": "a"}, "unnest", "takes no unnest"),
        ({"kind": "json", "path": "x", "unnest": ["a"]}, "unnest", "should be a text"),
        ({"kind": "json", "path": "x", "unnest": ""}, "unnest", "path of a list"),
        ({"kind": "json", "path": "x", "unnest": "a..b"}, "unnest", "path of a list"),
        ({"kind": "json", "path": "x", "unnest": ".a"}, "unnest", "path of a list"),
        ({"kind": "json", "tables": {"t": "x"}, "unnest": "a"}, "unnest", "under each table"),
        ({"kind": "csv", "tables": {"t": {"path": "x", "unnest": "a"}}}, "tables.t.unnest", "takes no unnest"),
        ({"kind": "json", "tables": {"t": {"path": "x", "sheet": "a"}}}, "tables.t.sheet", "takes no sheet"),
        ({"kind": "excel", "tables": {"t": {"path": "x", "header_rows": 0}}}, "tables.t.header_rows", "1 or more"),
    ],
)  # fmt: skip
def test_each_mistake_of_the_key_is_named(given: dict[str, Any], at: str, said: str) -> None:
    problems = [(p.where.partition(": ")[2], p.en) for p in _source("sources/things.yaml", given)[1]]
    assert any(where == at and said in en for where, en in problems), problems


def test_two_tables_of_one_file_are_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"kind": "json", "tables": {"items": {"path": "x", "unnest": "a"}, "heads": "x"}}
    source = told(**keys)
    (tmp_path / "x").write_text('[{"id": 1, "a": [1, 2]}]', "utf-8")
    wanted = {"items": ["a"], "heads": ["id"]}
    assert len(sources.read(source, tmp_path, wanted).tables["items"]) == 2
    finish = Content.finish

    def finished(content: Content) -> str:
        digest = finish(content)
        (tmp_path / "x").write_text('[{"id": 1, "a": [1]}]', "utf-8")
        return digest

    monkeypatch.setattr(Content, "finish", finished)
    with pytest.raises(Refusal, match="changed while it was read"):
        sources.read(source, tmp_path, wanted)


@pytest.mark.parametrize(("unnest", "told_of"), [
    ("results", False), ("result", True), ("order", False), ("order.results", True), ("results.item", False), ("order.no", False),
])  # fmt: skip
def test_a_list_that_no_record_has_is_told(
    store: Store, node_folder: Path, act: Callable[..., Actor], unnest: str, told_of: bool
) -> None:
    """Though nothing is mapped from it: each record would stay one row without a word."""
    harmonise.install(store, node_folder)
    texts = files({"id": "order.no"}, prop("id"))
    texts["sources/things.yaml"] = {"kind": "json", "path": "x", "unnest": unnest}
    write(node_folder / "work", texts)
    (node_folder / "work" / "x").write_text(json.dumps(ORDERS), "utf-8")
    with store.begin(act("data_engineer"), "harmonise") as tx:
        (checked,) = harmonise.check(tx, workspace="work")["mappings"]
        by_source = harmonise.suspicions(tx, workspace="work", source="things")
        built = harmonise.build(tx, resource="things-1", workspace="work", mapping="things").get("suspicions", [])
    for suspected in (checked["suspicions"], by_source, built):
        found = [one for one in suspected if one["kind"] == "no_list"]
        assert [one["columns"] for one in found] == ([[unnest]] if told_of else [])
        assert not told_of or ("results" in found[0]["en"] and "results" in found[0]["zh"])


def test_a_list_that_no_record_of_one_table_has_is_told(
    store: Store, node_folder: Path, act: Callable[..., Actor]
) -> None:
    harmonise.install(store, node_folder)
    texts = files({"id": "heads.order.no"}, prop("id"), table="heads")
    tables = {"heads": "x", "items": {"path": "x", "unnest": "result"}}
    texts["sources/things.yaml"] = {"kind": "json", "tables": tables}
    write(node_folder / "work", texts)
    (node_folder / "work" / "x").write_text(json.dumps(ORDERS), "utf-8")
    with store.read(act("data_engineer")) as tx:
        found = harmonise.suspicions(tx, workspace="work", source="things")
    assert [one["columns"] for one in found if one["kind"] == "no_list"] == [["items.result"]]


def test_records_and_their_lists_join_as_two_tables(store: Store, node_folder: Path, act: Callable[..., Actor]) -> None:
    """One file twice: what a record is, and what its list holds; loaded again by a key that has both."""
    harmonise.install(store, node_folder)
    texts = files(
        {"id": "results.order.no", "n": {"from": "results.results.value", "as": "number"}, "at": "orders.at"},
        prop("id", required=True), prop("n", "number"), prop("at"), table="results",
        joins=[{"table": "orders", "on": {"results.order.no": "orders.order.no"}}],
    )  # fmt: skip
    texts["sources/things.yaml"] = {
        "kind": "json",
        "tables": {"results": {"path": "x", "records": "labs", "unnest": "results"}, "orders": {"path": "x", "records": "heads"}},
        "load": {"by": "snapshot", "key": ["order.no", "results.item"]},
    }  # fmt: skip
    write(node_folder / "work", texts)
    made = []
    for value in (4.5, 4.75):
        labs = [{"order": {"no": "L1"}, "results": [{"item": "WBC", "value": value}, {"item": "HGB", "value": "x"}]}]
        document = {"labs": labs, "heads": [{"order": {"no": "L1"}, "at": "Monday"}]}
        (node_folder / "work" / "x").write_text(json.dumps(document), "utf-8")
        with store.begin(act("data_engineer"), "harmonise") as tx:
            build = harmonise.build(tx, resource="things-1", workspace="work", mapping="things")
        assert (build["read"], build["harmonised"], build["reasons"]) == (2, 1, {"not_a_number": 1})
        made.append(tuple(build["load"][part] for part in ("added", "changed", "unchanged", "removed")))
    assert made == [(2, 0, 0, 0), (0, 1, 1, 0)]

"""A source that changed its shape: told as a list, refused where a mapped column is touched, never swallowed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harmonise_desk import files, prop, write

from datong.audit import service as audit
from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.model.drift import ColumnSeen
from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.rules import drift as rules

Act = Callable[..., Actor]


def column(path: str, *values: str | None, type_: str = "", codes: tuple[str, ...] = ()) -> ColumnSeen:
    return rules.seen(SampleColumn(path, "", values, type_), codes)


def told(before: list[ColumnSeen], now: list[ColumnSeen], *mapped: str) -> list[tuple[str, str, bool]]:
    return [(d.kind, d.path, d.breaking) for d in rules.differences(before, now, mapped)]


@pytest.mark.parametrize(
    ("values", "looks"),
    [
        (("1", "-20", None), "integer"), (("1", "2.5", "1,023"), "number"), (("2026-02-01", "2026/2/3", "20260201"), "date"),
        (("2026-02-01 08:00", "2026/2/1 8:00:01.5"), "time"), (("是", "否"), "boolean"), (("a", "b", "1"), "text"),
        ((None, "", " "), "empty"), (("1", "?", "2", "x"), "integer"),
    ],
)  # fmt: skip
def test_what_values_look_like(values: tuple[str | None, ...], looks: str) -> None:
    assert rules.looks_like(values) == looks


PLATES = tuple(f"贵A{n:05}" for n in range(200))


def test_a_renamed_column_is_found_by_its_values_or_its_name() -> None:
    before = [
        column("plate", *PLATES),
        column("start_time", "2026-02-01 08:00", "2026-02-01 09:00"),
        column("n", "1", "2"),
    ]
    now = [
        column("x", "1", "2"),
        column("号牌", *PLATES[:180]),
        column("startTime", "2026-03-01 08:00", "2026-03-01 09:00"),
    ]
    found = {d.path: d.said.en for d in rules.differences(before, now, ["plate", "start_time"]) if d.kind == "renamed"}
    assert found == {
        "plate": "is gone; it is probably called 号牌 now",
        "start_time": "is gone; it is probably called startTime now",
        "n": "is gone; it is probably called x now",
    }


@pytest.mark.parametrize(("was", "now", "also"), [
    ("毛重(千克)", "毛重(吨)", ", and says 吨, not 千克: make sure of its `unit`, too"), ("毛重(千克)", "毛重(KG)", ""),
    ("毛重(千克)", "毛重", ""), ("毛重", "毛重(吨)", ""), ("金额（元）", "金额（万元）", ", and says 万元, not 元: make sure of its `unit`, too"),
])  # fmt: skip
def test_a_new_name_that_says_another_unit_is_told_so(was: str, now: str, also: str) -> None:
    """Who gives the mapping the new name alone would read tons as kilograms."""
    values = [str(n / 7) for n in range(50)]
    (found,) = rules.differences([column(was, *values)], [column(now, *values)], [was])
    assert found.said.en == f"is gone; it is probably called {now} now{also}"


def test_a_column_that_is_gone_is_not_matched_with_anything() -> None:
    before = [column("plate", *PLATES), column("n", "1")]
    assert told(before, [column("n", "1"), column("weather", "雨", "晴")], "plate") == [
        ("removed", "plate", True),
        ("added", "weather", False),
    ]


@pytest.mark.parametrize(
    ("old", "new", "kind", "breaking"),
    [
        ("integer", "varchar(20)", "type", True), ("integer", "integer not null", "nullable", False),
        ("integer not null", "bigint", "type", True),
    ],
)  # fmt: skip
def test_declared_types(old: str, new: str, kind: str, breaking: bool) -> None:
    assert told([column("n", "1", type_=old)], [column("n", "x", type_=new)], "n") == [(kind, "n", breaking)]
    assert told([column("n", "1", type_=old)], [column("n", "x", type_=new)]) == [(kind, "n", False)]


@pytest.mark.parametrize(
    ("old", "new", "breaking"),
    [("1", "x", True), ("1", "1.5", False), ("x", "1", False), ("1", "", False), ("", "1", False), ("1", "2026-01-01", True),
     ("1.5", "1", True)],
)  # fmt: skip
def test_what_a_text_file_holds_may_widen_but_not_turn(old: str, new: str, breaking: bool) -> None:
    assert told([column("n", old)], [column("n", new)], "n") == [("looks", "n", breaking)]


def test_order_and_new_codes_are_told() -> None:
    before = [column("a", "1"), column("s", "1", codes=("1", "2"))]
    now = [column("s", "1", codes=("1", "3")), column("a", "1")]
    found = rules.differences(before, now, ["s"])
    assert [(d.kind, d.breaking) for d in found] == [("codes", False), ("order", False)]
    assert found[0].said.en == "has new code values: 3"


# --- with builds -------------------------------------------------------------------------------------------


@pytest.fixture
def folder(store: Store, node_folder: Path) -> Path:
    harmonise.install(store, node_folder)
    properties = (prop("id", required=True), prop("n", "integer", required=True))
    texts = files({"id": "id", "n": {"from": "n", "as": "number"}}, *properties)
    write(node_folder / "work", texts)
    return node_folder


def records(folder: Path, *given: dict[str, Any]) -> None:
    (folder / "work" / "things.json").write_text(json.dumps(given))


def built(store: Store, actor: Actor, **more: Any) -> dict[str, Any]:
    with store.begin(actor, "harmonise") as tx:
        return harmonise.build(tx, resource="things-1", workspace="work", mapping="things", **more)


def checked(store: Store, actor: Actor) -> dict[str, Any]:
    with store.read(actor) as tx:
        return harmonise.check(tx, workspace="work")


MANY = [{"id": f"id-{n}", "n": n, "note": "x"} for n in range(30)]


def test_a_renamed_column_refuses_the_build_and_the_check_with_its_new_name(
    store: Store, folder: Path, act: Act
) -> None:
    person = act("data_engineer")
    records(folder, *MANY)
    assert "changes" not in built(store, person)
    records(folder, *({"id": r["id"], "anzahl": r["n"], "note": "x", "weather": "雨"} for r in MANY))
    with pytest.raises(Refusal) as caught:
        built(store, person)
    assert caught.value.code == "STD-480"
    assert ("n", "is gone; it is probably called anzahl now") in [(p.where, p.en) for p in caught.value.problems]
    result = checked(store, person)
    assert not result["accepted"]
    (told,) = result["problems"]
    assert "probably called anzahl" in told["en"] and told["file"] == "mappings/things.yaml"
    assert ("added", "weather", False) in {(c["kind"], c["path"], c["breaking"]) for c in result["changes"]}


def test_what_touches_no_mapped_column_is_told_once(store: Store, folder: Path, act: Act) -> None:
    person = act("data_engineer")
    records(folder, *MANY)
    built(store, person)
    records(folder, *({"id": r["id"], "n": r["n"], "weather": "雨"} for r in MANY))
    result = checked(store, person)
    assert result["accepted"]
    assert {(c["kind"], c["path"]) for c in result["changes"]} == {("removed", "note"), ("added", "weather")}
    made = built(store, person)
    assert {(c["kind"], c["path"]) for c in made["changes"]} == {("removed", "note"), ("added", "weather")}
    assert "changes" not in built(store, person)


def test_a_type_that_turned_must_be_accepted(store: Store, folder: Path, act: Act) -> None:
    person = act("data_engineer")
    records(folder, *MANY)
    first = built(store, person)
    records(folder, *({**r, "id": n} for n, r in enumerate(MANY)))
    second = built(store, person)  # text may turn into anything: nothing is lost
    assert second["changes"][0]["kind"] == "looks"
    records(folder, *MANY)
    with pytest.raises(Refusal) as caught:
        built(store, person)
    assert caught.value.code == "STD-480"
    assert "looked like integer and now like text" in str(caught.value)
    assert built(store, person, accept_changes=True)["id"] == first["id"]
    assert "changes" not in built(store, person)


def test_a_database_column_that_changes_its_type(store: Store, folder: Path, act: Act) -> None:
    person = act("data_engineer")
    properties = (prop("id", required=True), prop("n", "integer", required=True))
    texts = files({"id": "t.id", "n": {"from": "t.n", "as": "number"}}, *properties, table="t")
    texts["sources/things.yaml"] = {"kind": "database", "path": "x.db", "tables": {"t": "id"}}
    write(folder / "work", texts)

    def table(kind: str) -> None:
        with sqlite3.connect(folder / "work" / "x.db") as connection:
            connection.executescript(
                f"DROP TABLE IF EXISTS t; CREATE TABLE t (id INTEGER, n {kind}); INSERT INTO t VALUES (1, 5), (2, 7);"
            )

    table("INTEGER")
    built(store, person)
    table("VARCHAR(9)")
    with pytest.raises(Refusal) as caught:
        built(store, person)
    assert (caught.value.code, caught.value.problems[0].where) == ("STD-480", "t.n")
    assert "was integer and is varchar(9)" in str(caught.value)
    assert built(store, person, accept_changes=True)["harmonised"] == 2


def test_a_source_that_changed_leaves_every_kept_shape_as_its_leaf_says(store: Store, folder: Path, act: Act) -> None:
    """Of an honest node audit finds nothing, also when values look new without a change of the shape."""
    person = act("data_engineer")
    for given in (
        MANY,
        [{**r, "weather": "雨"} for r in MANY],
        [{"id": f"other-{n}", "n": n + 500, "note": "y", "weather": "晴"} for n in range(30)],
    ):
        records(folder, *given)
        built(store, person)
    other = files({"id": "id", "n": {"from": "n", "as": "number"}}, prop("id", required=True), prop("n", "integer"))
    write(folder / "second", other)
    (folder / "second" / "things.json").write_text(json.dumps(MANY))
    with store.begin(person, "harmonise") as tx:
        harmonise.build(tx, resource="things-2", workspace="second", mapping="things")
    with store.read() as tx:
        found = audit.checked(tx)
    assert [(p.fault, p.table) for p in found.problems if p.table == "source_schema"] == []

"""The verbs: match a source, confirm and reject, take back, remember what was built; evidence with each, never a value."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harmonise_desk import files, prop, write
from sqlalchemy import select
from values_for import values

from datong.ground.db import Actor, Store
from datong.ground.evidence import leaves
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.rules import matching
from datong.harmonise.service import matching as service_matching

Act = Callable[..., Actor]
COLUMNS = {"id": "zdy_bh", "n": {"from": "n", "as": "number"}}
PROPERTIES = (prop("id", required=True), prop("n", "integer", required=True))
SECRET = "贵A4F7K2"


@pytest.fixture
def engineer(store: Store, node_folder: Path, act: Act) -> Actor:
    harmonise.install(store, node_folder)
    work = write(node_folder / "work", files(COLUMNS, *PROPERTIES))
    (work / "sources" / "cars.yaml").write_text("kind: csv\npath: cars.csv\n", "utf-8")
    rows = zip(values("plate", "s", 60), values("person", "s", 60), values("date8", "s", 60), strict=True)
    text = "cph,syr_mc,gmrq_x,col4\n" + f"{SECRET},王伟,20240105,贵A12345\n"
    (work / "cars.csv").write_text(text + "\n".join(f"{a},{b},{c},{a}" for a, b, c in rows) + "\n", "utf-8")
    (work / "things.json").write_text(json.dumps([{"zdy_bh": f"r{k}", "n": k} for k in range(5)]), "utf-8")
    return act("data_engineer")


def proposed(store: Store, actor: Actor, **more: Any) -> dict[str, dict[str, Any]]:
    with store.read(actor) as tx:
        given = {"workspace": "work", "source": "cars", "standard": "transport", **more}
        return {row["source_column"]: row for row in harmonise.match(tx, **given)}


def said(store: Store, actor: Actor, pairs: dict[str, str], **more: Any) -> list[dict[str, Any]]:
    with store.begin(actor, "harmonise") as tx:
        return harmonise.confirm(tx, pairs=pairs, **more)


def acts(store: Store, actor: Actor) -> list[str]:
    with store.read(actor) as tx:
        return [
            row.act for row in tx.all(select(leaves.c.act).where(leaves.c.act.like("%synonym%")).order_by(leaves.c.seq))
        ]


def test_a_match_tells_element_score_reason_and_never_a_value(store: Store, engineer: Actor) -> None:
    found = proposed(store, engineer)
    assert found["cph"]["element"] == "vehicle_plate"
    assert found["cph"]["verdict"] == "accept"
    assert "车牌号" in found["cph"]["reason"]["zh"]
    assert "plates" in found["cph"]["reason"]["en"]
    assert all(0 <= row["score"] <= 1 for row in found.values())
    assert SECRET not in json.dumps(found, ensure_ascii=False)
    assert "王伟" not in json.dumps(found, ensure_ascii=False)


def test_a_match_changes_nothing(store: Store, engineer: Actor) -> None:
    proposed(store, engineer)
    with store.read(engineer) as tx:
        assert harmonise.synonyms(tx) == []
        assert tx.all(select(leaves)) == []


def test_the_same_is_matched_once_and_anything_else_anew(
    store: Store, engineer: Actor, node_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages of a long source are turned without a wait; what a match depends on is looked at each time."""
    whole, asked = matching.matched, []

    def noted(*given: Any) -> Any:
        asked.append(given)
        return whole(*given)

    monkeypatch.setattr(matching, "matched", noted)
    monkeypatch.setattr(service_matching, "_KEPT", {})
    first = proposed(store, engineer)
    assert proposed(store, engineer) == first
    assert len(asked) == 1
    for changes, deed in enumerate(
        (
            lambda: said(store, engineer, {"col4": "vin"}),
            lambda: said(store, engineer, {"col4": "vin"}, rejected=True),
            lambda: (node_folder / "work" / "cars.csv").write_text("cph,col4\n贵A12345,x\n", "utf-8"),
        )
    ):
        deed()
        assert proposed(store, engineer) == proposed(store, engineer)
        assert len(asked) == 2 + changes
    assert proposed(store, engineer, standard="finance") != first
    assert len(asked) == 5
    assert SECRET not in repr(service_matching._KEPT)
    for n in range(40):
        (node_folder / "work" / "cars.csv").write_text(f"cph\n贵A1234{n}\n", "utf-8")
        proposed(store, engineer)
    assert len(service_matching._KEPT) <= 16, "the newest few"


def test_a_confirmed_column_is_found_with_full_score_however_it_is_written(store: Store, engineer: Actor) -> None:
    assert proposed(store, engineer)["gmrq_x"]["score"] < 1
    made = said(store, engineer, {"GMRQ-X": "registration_date"}, standard="transport", source="cars")
    row = proposed(store, engineer)["gmrq_x"]
    assert (row["element"], row["score"], row["verdict"]) == ("registration_date", 1.0, "accept")
    assert "确认过" in row["reason"]["zh"]
    assert "confirmed at this node" in row["reason"]["en"]
    assert acts(store, engineer) == ["harmonise.synonym_confirmed"]
    with store.read(engineer) as tx:
        kept = harmonise.synonyms(tx, column="gmrq_x")
    assert [(k["id"], k["element"], k["told_by"], k["state"]) for k in kept] == [
        (made[0]["id"], "registration_date", "by_person", "standing")
    ]
    assert kept[0]["by"] == engineer.person


def test_a_rejected_pair_is_not_proposed_again(store: Store, engineer: Actor) -> None:
    said(store, engineer, {"cph": "vehicle_plate"}, rejected=True)
    row = proposed(store, engineer)["cph"]
    assert row["element"] != "vehicle_plate"
    assert "vehicle_plate" not in [other["element"] for other in row["others"]]
    assert acts(store, engineer) == ["harmonise.synonym_rejected"]


def test_the_later_word_counts_and_the_earlier_stays_on_record(store: Store, engineer: Actor) -> None:
    said(store, engineer, {"cph": "vehicle_plate"}, rejected=True)
    said(store, engineer, {"cph": "vehicle_plate"})
    assert proposed(store, engineer)["cph"]["score"] == 1.0
    said(store, engineer, {"cph": "vehicle_plate"})  # once more says nothing new
    assert acts(store, engineer) == [
        "harmonise.synonym_rejected", "harmonise.synonym_withdrawn", "harmonise.synonym_confirmed",
    ]  # fmt: skip
    with store.read(engineer) as tx:
        assert [(row["said"], row["state"]) for row in harmonise.synonyms(tx)] == [
            ("confirmed", "standing"), ("rejected", "withdrawn"),
        ]  # fmt: skip


def test_of_two_meanings_confirmed_the_newest_counts(store: Store, engineer: Actor) -> None:
    said(store, engineer, {"gmrq_x": "registration_date"})
    said(store, engineer, {"gmrq_x": "inspection_valid_until"})
    assert proposed(store, engineer)["gmrq_x"]["element"] == "inspection_valid_until"


def test_what_was_said_can_be_taken_back_once(store: Store, engineer: Actor) -> None:
    made = said(store, engineer, {"gmrq_x": "registration_date"})[0]["id"]
    with store.begin(engineer, "harmonise") as tx:
        assert harmonise.withdraw_synonym(tx, synonym=made)["state"] == "withdrawn"
    assert proposed(store, engineer)["gmrq_x"]["score"] < 1
    assert acts(store, engineer)[-1] == "harmonise.synonym_withdrawn"
    for key in (made, "syn-unknown"):
        with pytest.raises(Refusal) as caught, store.begin(engineer, "harmonise") as tx:
            harmonise.withdraw_synonym(tx, synonym=key)
        assert caught.value.code == "STD-462"


def test_a_confirmation_that_is_wrong_names_every_pair_and_remembers_none(store: Store, engineer: Actor) -> None:
    with pytest.raises(Refusal) as caught:
        said(store, engineer, {"cph": "vehicle_plat", " ": "vehicle_plate", "x" * 201: "vin", "ok": "vin"})
    assert caught.value.code == "STD-461"
    assert len(caught.value.problems) == 3
    assert "vehicle_plate" in caught.value.problems[0].en
    with pytest.raises(Refusal) as empty:
        said(store, engineer, {})
    assert empty.value.code == "STD-461"
    with store.read(engineer) as tx:
        assert harmonise.synonyms(tx) == []


def test_a_match_of_nothing_names_source_and_standard_at_once(store: Store, engineer: Actor) -> None:
    with pytest.raises(Refusal) as caught:
        proposed(store, engineer, source="car", standard="transprot")
    assert caught.value.code == "STD-460"
    assert [problem.en for problem in caught.value.problems] == [
        "there is no such source; nearest: cars", "there is no transprot; there are: transport",
    ]  # fmt: skip


def test_a_workspace_standard_is_matched_and_confirmed(store: Store, engineer: Actor, node_folder: Path) -> None:
    properties = [
        {
            **prop("licence_mark"),
            "synonyms": [{"synonym": "车牌号", "locale": "zh-CN"}],
            "businessName": "licence mark",
        },
        {
            **prop("since", "date"),
            "synonyms": [{"synonym": "购买日期", "locale": "zh-CN"}],
            "businessName": "bought on",
        },
    ]
    write(node_folder / "work", {"standards/car.odcs.yaml": {**files({}, *properties)["standards/thing.odcs.yaml"]}})
    found = proposed(store, engineer, standard="car")
    assert {row["element"] for row in found.values()} <= {"licence_mark", "since", None}
    assert found["cph"]["element"] == "licence_mark"
    said(store, engineer, {"cph": "licence_mark"}, standard="car", workspace="work")
    assert proposed(store, engineer, standard="car")["cph"]["score"] == 1.0
    assert proposed(store, engineer)["cph"]["element"] == "vehicle_plate", (
        "what is confirmed for one standard stays there"
    )


def test_what_a_build_maps_is_remembered_in_its_transaction(store: Store, engineer: Actor) -> None:
    for _ in range(2):
        with store.begin(engineer, "harmonise") as tx:
            harmonise.build(tx, resource="things-1", workspace="work", mapping="things")
    with store.read(engineer) as tx:
        rows = harmonise.synonyms(tx)
    assert [(row["column"], row["element"], row["told_by"]) for row in rows] == [("zdy_bh", "id", "by_build")]
    assert acts(store, engineer) == ["harmonise.synonym_confirmed"]


def test_two_tables_of_a_database_may_both_have_a_plate(store: Store, engineer: Actor, node_folder: Path) -> None:
    (node_folder / "work" / "sources" / "db.yaml").write_text(
        "kind: database\npath: two.db\ntables: {cars: id, trucks: id}\n", "utf-8"
    )
    with sqlite3.connect(node_folder / "work" / "two.db") as db:
        for table in ("cars", "trucks"):
            db.execute(f"create table {table} (id integer primary key, hphm text)")
            db.executemany(f"insert into {table} (hphm) values (?)", [(v,) for v in values("plate", table, 50)])
    found = proposed(store, engineer, source="db")
    assert found["cars.hphm"]["element"] == found["trucks.hphm"]["element"] == "vehicle_plate"


@pytest.mark.parametrize("role", ["finance", "auditor"])
def test_only_a_data_engineer_confirms(store: Store, engineer: Actor, act: Act, role: str) -> None:
    with pytest.raises(Refusal) as caught:
        said(store, act(role), {"cph": "vehicle_plate"})
    assert caught.value.code == "GEN-403"


def test_a_mapping_that_goes_back_to_what_it_said_is_heeded_again(
    store: Store, engineer: Actor, node_folder: Path
) -> None:
    """And building what says the same again adds nothing."""
    properties = (*PROPERTIES, prop("code"), prop("batch"))

    def built(element: str) -> None:
        write(node_folder / "work", files({"id": "id", element: "zdy_bh", "n": COLUMNS["n"]}, *properties))
        with store.begin(engineer, "harmonise") as tx:
            harmonise.build(tx, resource="things-1", workspace="work", mapping="things")

    (node_folder / "work" / "things.json").write_text(
        json.dumps([{"id": f"i{k}", "zdy_bh": f"r{k}", "n": k} for k in range(5)]), "utf-8"
    )
    for element in ("code", "batch", "code"):
        built(element)
        assert proposed(store, engineer, source="things", standard="thing")["zdy_bh"]["element"] == element
    said_so_far = len(acts(store, engineer))
    for _ in range(2):
        built("code")
    assert len(acts(store, engineer)) == said_so_far

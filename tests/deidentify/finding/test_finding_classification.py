"""The classification at a node: proposed from its build or a file, confirmed with a leaf each, lowered by two people."""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import postgresql
from budget_world import ENGINEER, LEGAL, PARTY, built
from datong.deidentify import service as deidentify
from datong.deidentify.model.finding import Identifying, Level
from datong.deidentify.store import classification as kept
from datong.ground.db import NODE, Actor, Store, settings, sqlite_url
from datong.ground.evidence.leaves import leaves
from datong.ground.refusal import Refusal

OTHER_LEGAL = Actor(person="p-law-2", role="legal", party=PARTY, roles=frozenset({"legal"}))
COLUMNS = ["ride_id", "rider_id", "payer_id", "fare", "kind"]
OBJECTS = ["national security", "economic operation", "social order", "public interest"]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def rides(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("node")
    url = postgresql.fresh_database() if request.param == "postgresql" else sqlite_url(folder / "datong.db")
    made = built(url, folder, classified=False)
    (folder / "people.csv").write_text(
        "姓名,年龄,体重\n" + "".join(f"王{'伟芳娜敏静'[n % 5]},{20 + n},{50 + n}\n" for n in range(60)), "utf-8"
    )
    yield made
    made.dispose()


def do(store: Store, verb: str, actor: Actor = ENGINEER, **arguments: Any) -> Any:
    with store.begin(actor, "deidentify") as tx:
        return getattr(deidentify, verb)(tx, **arguments)


def refused(store: Store, code: str, verb: str, actor: Actor = ENGINEER, **arguments: Any) -> Refusal:
    before = acts(store)
    with pytest.raises(Refusal) as told:
        do(store, verb, actor, **arguments)
    assert told.value.code == code
    assert acts(store) == before, "a refusal leaves nothing"
    return told.value


def acts(store: Store) -> list[str]:
    with store.read(NODE) as tx:
        return [str(row[0]).removeprefix("deidentify.") for row in tx.all(select(leaves.c.act).order_by(leaves.c.seq))]


def people(store: Store, name: str) -> dict[str, Any]:
    found: dict[str, Any] = do(store, "propose_classification", dataset=name, file="people.csv")
    return found


def column(shown: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in shown["columns"] if one["column"] == name)


def test_a_build_is_proposed_with_evidence_and_no_value(rides: Store) -> None:
    shown = do(rides, "propose_classification", dataset="rides")
    assert [one["column"] for one in shown["columns"]] == COLUMNS
    assert (shown["state"], shown["version"], shown["rows"]) == ("proposed", 1, 400)
    payer = column(shown, "payer_id")
    assert (payer["kind"], payer["level"], payer["confirmed"]) == ("direct", 3, False)
    assert "standard" in payer["evidence"], "the standard marks it as personal, whatever its name says"
    assert "r17" not in json.dumps(shown)
    before = acts(rides)
    assert do(rides, "propose_classification", dataset="rides")["version"] == 1
    assert acts(rides) == before, "the same data again add nothing"


def test_every_word_has_its_leaf_and_the_view_its_history(rides: Store) -> None:
    people(rides, "d-leaf")
    before = len(acts(rides))
    shown = do(rides, "confirm_classification", dataset="d-leaf", columns={"年龄": 3}, rest=True)
    assert shown["state"] == "confirmed"
    assert acts(rides)[before:] == ["classification_confirmed"] * 3
    with rides.read(ENGINEER) as tx:
        told = deidentify.classification(tx, dataset="d-leaf")
        listed = {one["dataset"]: one for one in deidentify.classifications(tx)}["d-leaf"]
    assert [(word["subject"], word["level"], word["by"]) for word in told["history"]] == [
        ("年龄", 3, "p-eng"), ("姓名", 3, "p-eng"), ("体重", 4, "p-eng"),
    ]  # fmt: skip
    assert (listed["state"], listed["unconfirmed"], listed["direct"], listed["level"]) == ("confirmed", 0, 1, 4)
    assert "王伟" not in json.dumps(told, ensure_ascii=False)


def test_lowering_needs_a_second_person_of_another_role(rides: Store) -> None:
    people(rides, "d-low")
    asked = {"体重": {"level": 2, "reason": "rounded to five"}}
    shown = do(rides, "confirm_classification", dataset="d-low", columns=asked, rest=True)
    assert (column(shown, "体重")["level"], shown["level"]) == (4, 4), "the higher counts until it is approved"
    (open_,) = shown["lowerings"]
    assert (open_["subject"], open_["level"], open_["now_level"], open_["by"]) == ("体重", 2, 4, "p-eng")
    refused(rides, "GEN-403", "approve_lowering", lowering=open_["lowering"])
    both = replace(ENGINEER, roles=frozenset({"data_engineer", "legal"}))
    refused(rides, "DID-465", "approve_lowering", both, lowering=open_["lowering"])
    let_in = replace(LEGAL, issued_by="p-eng")
    refused(rides, "DID-465", "approve_lowering", let_in, lowering=open_["lowering"])
    shown = do(rides, "approve_lowering", LEGAL, lowering=open_["lowering"])
    assert (column(shown, "体重")["level"], shown["level"], shown["lowerings"]) == (2, 3, [])
    assert acts(rides)[-1] == "lowering_approved"
    refused(rides, "DID-466", "approve_lowering", LEGAL, lowering=open_["lowering"])
    refused(rides, "DID-466", "refuse_lowering", OTHER_LEGAL, lowering="word-nowhere", reason="x")


def test_a_refused_lowering_leaves_the_column_as_it_stood(rides: Store) -> None:
    people(rides, "d-no")
    asked = {"姓名": {"kind": "other", "reason": "of shops"}}
    shown = do(rides, "confirm_classification", dataset="d-no", columns=asked)
    key = shown["lowerings"][0]["lowering"]
    assert refused(rides, "GEN-420", "refuse_lowering", LEGAL, lowering=key, reason=" ").problems[0].where == "reason"
    shown = do(rides, "refuse_lowering", LEGAL, lowering=key, reason="they are people")
    assert (column(shown, "姓名")["kind"], shown["lowerings"]) == ("direct", [])
    assert shown["history"][-1]["reason"] == "they are people"


def test_default_deny_names_everything_that_nobody_confirmed(rides: Store) -> None:
    told = refused(rides, "DID-463", "require_classified", dataset="d-deny", columns=COLUMNS)
    assert [problem.en for problem in told.problems] == ["has no classification"]
    people(rides, "d-deny")
    do(rides, "confirm_classification", dataset="d-deny", columns={"年龄": {}})
    told = refused(rides, "DID-463", "require_classified", dataset="d-deny", columns=["年龄", "fresh"])
    assert [(problem.where, problem.en[:16]) for problem in told.problems] == [
        ("fresh", "is not in the cl"), ("姓名", "nobody has confi"), ("体重", "nobody has confi"),
    ]  # fmt: skip
    do(rides, "confirm_classification", dataset="d-deny", rest=True)
    found = do(rides, "require_classified", dataset="d-deny", columns=["年龄"])
    assert (found.direct(["年龄", "姓名"]), found.grade) == (["姓名"], Level.general)


def test_what_newer_data_show_of_persons_is_open_until_it_is_confirmed(rides: Store, tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    plain = "note,fare\n" + "".join(f"late by {n} minutes,{n}\n" for n in range(60))
    file.write_text(plain, "utf-8")
    do(rides, "propose_classification", dataset="d-newer", file=str(file))
    do(rides, "confirm_classification", dataset="d-newer", rest=True)
    asked = {"dataset": "d-newer", "columns": ["note", "fare"], "data": file}
    assert do(rides, "require_classified", **asked).direct(["note"]) == []
    file.write_text(plain + "late by 60 minutes,60\n", "utf-8")
    assert do(rides, "require_classified", **asked).direct(["note"]) == [], "more rows of the same kind"
    file.write_text(
        "note,fare\n" + "".join(f"139{n * 7919 % 10_000:04}{n * 31_337 % 10_000:04},{n}\n" for n in range(60)), "utf-8"
    )
    told = refused(rides, "DID-463", "require_classified", **asked)
    assert [problem.where for problem in told.problems] == ["note"]
    assert "phone" in told.problems[0].en.casefold() and "1397919" not in str(told)
    do(rides, "propose_classification", dataset="d-newer", file=str(file))
    assert [problem.en for problem in refused(rides, "DID-463", "require_classified", **asked).problems] == [
        "nobody has confirmed it"
    ]
    do(rides, "confirm_classification", dataset="d-newer", rest=True)
    assert do(rides, "require_classified", **asked).direct(["note", "fare"]) == ["note"]


def test_many_sensitive_rows_must_be_judged_as_a_whole_and_core_data_stay(rides: Store, tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    file.write_text("姓名,体重\n" + "".join(f"王伟{'一二三四五'[n % 5]},{n % 90}\n" for n in range(10_000)), "utf-8")
    do(rides, "propose_classification", dataset="d-many", file=str(file))
    shown = do(rides, "confirm_classification", dataset="d-many", rest=True)
    assert (shown["state"], shown["judge_anew"]) == ("proposed", OBJECTS)
    told = refused(rides, "DID-463", "require_classified", dataset="d-many", columns=["姓名"])
    assert [problem.where for problem in told.problems] == OBJECTS
    impacts = {**dict.fromkeys(OBJECTS, "none"), "social order": "serious"}
    shown = do(rides, "confirm_classification", dataset="d-many", impacts=impacts)
    assert (shown["state"], shown["grade"]) == ("confirmed", "important")
    assert "6.5: social order, serious" in shown["rule_path"]
    do(rides, "confirm_classification", dataset="d-many", impacts={"national security": "serious"})
    refused(rides, "DID-467", "require_classified", dataset="d-many", columns=["姓名"])
    file.write_text(
        "姓名,体重,年龄\n" + "".join(f"王伟{'一二三四五'[n % 5]},{n % 90},{n % 80}\n" for n in range(10_000))
    )
    again = do(rides, "propose_classification", dataset="d-many", file=str(file))
    assert (again["version"], again["grade"]) == (2, "core"), "what was judged of the whole is carried over"
    assert {one["column"]: one["confirmed"] for one in again["columns"]} == {"姓名": True, "体重": True, "年龄": False}


def test_bad_input_is_told_at_once(rides: Store, tmp_path: Path) -> None:
    refused(rides, "DID-461", "propose_classification", dataset="nowhere")
    refused(rides, "DID-461", "propose_classification", dataset="a b")
    refused(rides, "DID-455", "propose_classification", dataset="d-bad", file="nowhere.csv")
    refused(rides, "STD-410", "propose_classification", dataset="d-bad", file="keys/node.pem")
    refused(rides, "DID-464", "confirm_classification", dataset="d-bad", rest=True)
    people(rides, "d-bad")
    told = refused(rides, "DID-462", "confirm_classification", dataset="d-bad",
                   columns={"姓名": {"kind": "other"}, "年龄": 7, "x": 1}, impacts={"x": "none"})  # fmt: skip
    assert [problem.where for problem in told.problems] == [
        "columns.姓名.reason", "columns.年龄.level", "columns.x", "impacts.x",
    ]  # fmt: skip
    refused(rides, "DID-462", "confirm_classification", dataset="d-bad")
    refused(rides, "GEN-403", "confirm_classification", LEGAL, dataset="d-bad", rest=True)
    with rides.read(ENGINEER) as tx, pytest.raises(Refusal) as unknown:
        deidentify.classification(tx, dataset="nowhere")
    assert unknown.value.code == "DID-464"
    wide = tmp_path / "wide.csv"
    wide.write_text("x" * 201 + "\n1\n2\n")
    refused(rides, "DID-461", "propose_classification", dataset="d-wide", file=str(wide))


def test_rows_are_only_ever_added(rides: Store) -> None:
    with rides.read(NODE) as tx:
        rows = [dict(row._mapping) for row in tx.all(select(kept.words))]
    assert {row["said"] for row in rows} >= {"confirmed", "lowering_asked", "lowering_approved", "lowering_refused"}
    by_version: dict[str, list[int]] = {}
    for row in rows:
        by_version.setdefault(row["classification"], []).append(row["seq"])
    assert all(sorted(found) == list(range(1, len(found) + 1)) for found in by_version.values())
    assert {kind.name for kind in Identifying} >= {row["kind"] for row in rows if row["about"] == "column"}


def test_others_write_while_the_rows_are_looked_at(node_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = built(sqlite_url(node_folder / "datong.db"), node_folder, classified=False)
    looking = importlib.import_module("datong.deidentify.service.classification")
    really, wrote = looking.look_at, list[bool]()

    def writing(path: Path) -> Any:
        def write() -> None:
            with store.begin(NODE, "test") as tx:
                tx.add(settings, {"id": "written", "value": 1})

        other = threading.Thread(target=write, daemon=True)
        other.start()
        other.join(20)
        wrote.append(not other.is_alive())
        return really(path)

    monkeypatch.setattr(looking, "look_at", writing)
    shown = store.does(
        ENGINEER, "deidentify", lambda tx: deidentify.propose_classification(tx, dataset="rides", file="")
    )
    assert (wrote, shown["version"], acts(store).count("classification_proposed")) == ([True], 1, 1)
    store.dispose()

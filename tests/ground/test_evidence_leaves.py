"""Leaves: what they cover, personal values, forgetting."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Float, MetaData, String, Table

from datong.ground import canonical, evidence
from datong.ground.db import NODE, Actor, Store, Tx
from datong.ground.evidence.leaves import FORGOTTEN, LEAF_BYTES_MAX, covered, leaves, salts

person = Table(
    "evidence_case_person",
    MetaData(),
    Column("id", String(80), primary_key=True),
    Column("name", String(80), info={"personal": True}),
    Column("password", String(80), info={"secret": True}),
    Column("weight", Float),
)
ROW = {"id": "p-1", "name": "张三", "password": "scrypt:…", "weight": 1.5}


@pytest.fixture
def tx(store: Store) -> Iterator[Tx]:
    person.create(store.engine)
    with store.begin(Actor("p-9", "operator", "party"), "register") as opened:
        opened.add(person, ROW)
        yield opened


def body(tx: Tx, leaf: str) -> dict[str, object]:
    row = tx.get(leaves, leaf)
    assert row is not None
    assert canonical.canonical(json.loads(row["body"])) == bytes(row["body"])
    return dict(json.loads(row["body"]))


def test_a_leaf_says_who_did_what_to_which_record(tx: Tx) -> None:
    leaf = body(tx, evidence.append(tx, "register.enrolled", person, "p-1", department="d-1"))
    assert leaf["by"] == {"person": "p-9", "role": "operator", "party": "party"}
    assert (leaf["act"], leaf["link"], leaf["facts"]) == ("register.enrolled", "register", {"department": "d-1"})
    digest = evidence.row_digest(tx, person, ROW)
    assert leaf["record"] == {"table": person.name, "id": "p-1", "digest": digest}
    assert digest != evidence.row_digest(tx, person, {**ROW, "weight": 1.25})
    assert digest != evidence.row_digest(tx, person, {**ROW, "name": "李四"})


def test_no_personal_or_secret_value_enters(tx: Tx) -> None:
    evidence.append(tx, "register.enrolled", person, "p-1")
    salt = tx.get(salts, f"{person.name}/p-1")
    assert salt is not None
    text = json.dumps(covered(person, ROW, salt["salt"]), ensure_ascii=False)
    assert "张三" not in text and "scrypt" not in text
    assert covered(person, ROW, salt["salt"])["weight"] == 1.5
    other = covered(person, {**ROW, "id": "p-2"}, "another salt")
    assert other["name"] != covered(person, ROW, salt["salt"])["name"], "equal names must not look equal"


def test_forgetting_leaves_the_rest_provable(tx: Tx) -> None:
    first = body(tx, evidence.append(tx, "register.enrolled", person, "p-1"))
    tx.change(person, "p-1", name="")
    evidence.forget(tx, person, "p-1")
    row = tx.get(person, "p-1")
    assert row is not None
    digest = evidence.row_digest(tx, person, row)
    assert digest != first["record"]["digest"]  # type: ignore[index]
    assert covered(person, row, "")["name"] == FORGOTTEN
    last = tx.all(leaves.select().order_by(leaves.c.seq.desc()).limit(1))[0]
    assert (last.act, last.record_digest) == ("evidence.forgotten", digest)


def test_a_vanished_salt_is_no_forgetting(tx: Tx) -> None:
    evidence.append(tx, "register.enrolled", person, "p-1")
    assert covered(person, ROW, None) != covered(person, ROW, "")


def test_a_leaf_too_long_for_a_bundle_is_not_written(tx: Tx) -> None:
    with pytest.raises(ValueError, match="put large facts into the record"):
        evidence.append(tx, "register.enrolled", person, "p-1", text="x" * LEAF_BYTES_MAX)


def test_a_rolled_back_deed_leaves_no_leaf(store: Store) -> None:
    person.create(store.engine)
    with pytest.raises(RuntimeError), store.begin(NODE) as tx:
        tx.add(person, ROW)
        evidence.append(tx, "register.enrolled", person, "p-1")
        raise RuntimeError
    with store.read() as tx:
        assert tx.all(leaves.select()) == []

"""Prepared statements: what goes straight to the driver gives and refuses what the usual way does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    String,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from datong.ground.db import NODE, Store, table
from datong.ground.prepared import Prepared

things = table(
    "test_thing",
    Column("text", String(40)),
    Column("whole", Integer),
    Column("real", Float),
    Column("so", Boolean),
    Column("value", JSON),
    Column("data", LargeBinary),
)

BY_ID = Prepared(select(things).where(things.c.id == bindparam("wanted")))
INTO = Prepared(insert(things))
CHARACTERS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ROW = st.fixed_dictionaries({
    "text": st.none() | CHARACTERS,
    "whole": st.none() | st.integers(-(2**31), 2**31 - 1),
    "real": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "so": st.none() | st.booleans(),
    "value": st.none() | st.lists(CHARACTERS) | st.dictionaries(CHARACTERS, st.integers() | st.booleans()),
    "data": st.none() | st.binary(),
})  # fmt: skip


@given(row=ROW)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_kept_and_given_as_by_the_usual_way(store: Store, row: dict[str, Any]) -> None:
    with store.begin(NODE) as tx:
        tx.execute(delete(things))
        tx.add(things, {"id": "straight", **row})
        tx.execute(insert(things), {"id": "usual", **row})
        straight, usual = (tx.get(things, key) for key in ("straight", "usual"))
        assert straight == {"id": "straight", **row} == {**(usual or {}), "id": "straight"}
        told = tx.execute(select(things).where(things.c.id == "straight")).mappings().one()
        assert dict(told) == straight
        assert list(map(type, told.values())) == list(map(type, straight.values()))


def test_a_change_says_how_many_rows_it_was_and_gives_them_back(store: Store) -> None:
    raised = (
        update(things)
        .where(things.c.id == bindparam("wanted"), things.c.text.in_(["a", "b"]))
        .values(whole=things.c.whole + 1)
    )
    giving = Prepared(raised.returning(things.c.id, things.c.value, things.c.whole))
    of_text = Prepared(delete(things).where(things.c.text == bindparam("of")))
    with store.begin(NODE) as tx:
        for key, text in (("1", "a"), ("2", "b"), ("3", "c")):
            tx.add(things, {"id": key, "text": text, "whole": 1, "value": [key]})
        assert tx.found(giving, wanted="2") == [{"id": "2", "value": ["2"], "whole": 2}]
        assert tx.found(giving, wanted="3") == []
        assert Prepared(raised).changed(tx.conn, {"wanted": "1"}) == 1
        assert of_text.changed(tx.conn, {"of": "c"}) == 1
        assert of_text.changed(tx.conn, {"of": "c"}) == 0
        counted = Prepared(select(func.count().label("n"), func.max(things.c.whole).label("most")))
        assert tx.first(counted) == {"n": 2, "most": 2}


def test_one_statement_takes_other_columns_each_time(store: Store) -> None:
    with store.begin(NODE) as tx:
        tx.add(things, {"id": "1", "text": "a"})
        tx.add(things, {"whole": 2, "id": "2"})
        tx.change(things, "2", text="b")
        tx.change(things, "2", whole=3, text="c")
        assert [(r["id"], r["text"], r["whole"]) for key in "12" if (r := tx.get(things, key))] == [
            ("1", "a", None), ("2", "c", 3)
        ]  # fmt: skip


def test_what_fails_is_told_as_ever_without_the_values(store: Store) -> None:
    with store.begin(NODE) as tx:
        tx.add(things, {"id": "1", "text": "kept"})
    with pytest.raises(IntegrityError) as caught, store.begin(NODE) as tx:
        tx.change(things, "1", text="undone")
        tx.add(things, {"id": "1", "text": "a secret"})
    assert "a secret" not in str(caught.value)
    with store.read() as tx:
        row = tx.get(things, "1")
        assert row is not None and row["text"] == "kept"
        with pytest.raises(SQLAlchemyError, match="wanted"):
            BY_ID.rows(tx.conn, {})
        assert tx.first(BY_ID, wanted="2") is None


def test_it_stands_within_a_savepoint(store: Store) -> None:
    with store.begin(NODE) as tx:
        with pytest.raises(RuntimeError), tx.conn.begin_nested():
            tx.add(things, {"id": "1"})
            raise RuntimeError("no")
        assert tx.get(things, "1") is None
        with tx.conn.begin_nested():
            INTO.changed(tx.conn, {"id": "2"})
        assert tx.get(things, "2") is not None


def test_many_at_once_are_all_there_or_none(store: Store) -> None:
    raised = Prepared(update(things).where(things.c.id == bindparam("of")).values(whole=bindparam("to")))
    with store.begin(NODE) as tx:
        INTO.each(tx.conn, [])
        INTO.each(tx.conn, [{"id": str(n), "value": {"n": n}, "data": b"%d" % n} for n in range(3)])
        raised.each(tx.conn, [{"of": str(n), "to": n} for n in range(3)])
    with pytest.raises(IntegrityError), store.begin(NODE) as tx:
        INTO.each(tx.conn, [{"id": "3"}, {"id": "1"}, {"id": "4"}])
    with store.read() as tx:
        assert [tx.get(things, str(n)) for n in range(5)] == [
            *({"id": str(n), "text": None, "whole": n, "real": None, "so": None, "value": {"n": n}, "data": b"%d" % n}
              for n in range(3)), None, None,
        ]  # fmt: skip

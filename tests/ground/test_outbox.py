"""The outbox and the inbox: sent once per key, received once per id, tokens worth one use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from datong.ground import outbox
from datong.ground.db import NODE, Store, sqlite_url
from datong.ground.jobs import claim
from datong.ground.refusal import Refusal
from stores import with_tables

A, B = "5" + "A" * 31, "5" + "B" * 31


def first(store: Store, message: str, body: Any, sender: str = A, type: str = "t") -> bool:
    with store.begin(NODE) as tx:
        return outbox.first_time(tx, message, sender, type, body)


def test_a_message_is_a_job_of_its_transaction(store: Store) -> None:
    with store.begin(NODE, "negotiate") as tx:
        sent = outbox.send(tx, to=B, type="x.y", body={"a": 1}, key="k-1")
        assert outbox.send(tx, to=B, type="x.y", body={"a": 1}, key="k-1") == sent
    job = claim(store)
    assert job is not None
    assert job.payload == {"id": "k-1", "to": B, "type": "x.y", "body": {"a": 1}}
    assert claim(store) is None


def test_a_repetition_is_known_and_other_content_under_its_id_refused(store: Store) -> None:
    assert first(store, "m-1", {"a": 1})
    assert not first(store, "m-1", {"a": 1})
    assert first(store, "m-1", {"a": 1}, sender=B), "ids are each sender's own"
    for body, type in (({"a": 2}, "t"), ({"a": 1}, "u")):
        with pytest.raises(Refusal) as caught:
            first(store, "m-1", body, type=type)
        assert caught.value.code == "MSG-409"


def test_long_ids_that_differ_only_at_the_end_are_different_messages(store: Store) -> None:
    stem = "register.case_state/" + "case-" + "0" * 32 + "/"
    assert first(store, stem + "ACCEPTED", {"a": 1})
    assert first(store, stem + "REVIEWED", {"a": 2})
    assert not first(store, stem + "ACCEPTED", {"a": 1})


def test_an_undone_reception_is_received_anew(store: Store) -> None:
    with pytest.raises(RuntimeError), store.begin(NODE) as tx:
        assert outbox.first_time(tx, "m-1", A, "t", {})
        raise RuntimeError("no")
    assert first(store, "m-1", {})


def test_a_token_works_once_until_it_has_expired(tmp_path: Path) -> None:
    at = [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(microseconds=1)]
    store = Store(sqlite_url(tmp_path / "n.db"), lambda: at[0])
    with_tables(store)

    def use(token: str) -> None:
        with store.begin(NODE) as tx:
            outbox.fresh_token(tx, token, at[0] + timedelta(seconds=120))

    use("j-1")
    use("j-" + "x" * 200 + "1")
    use("j-" + "x" * 200 + "2")
    use("\ud800")
    with pytest.raises(Refusal) as caught:
        use("j-1")
    assert caught.value.code == "MSG-401"
    at[0] += timedelta(seconds=119)
    with pytest.raises(Refusal):
        use("j-1")
    at[0] += timedelta(seconds=2)
    use("j-2")
    with store.read() as tx:
        assert len(tx.all(outbox.seen_tokens.select())) == 1, "what has expired is not kept"
    store.dispose()

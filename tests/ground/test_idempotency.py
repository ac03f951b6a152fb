"""A request with a key is done once; its answer is kept sealed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from datong.ground.db import Actor, Store
from datong.ground.idempotency import answered, once, requests
from datong.ground.refusal import Refusal


def test_done_once_and_answered_again(store: Store, act: Callable[..., Actor]) -> None:
    made: list[int] = []

    def call() -> dict[str, int]:
        made.append(1)
        return {"number": len(made)}

    for _ in range(3):
        with store.begin(act("operator")) as tx:
            assert once(tx, "k", {"a": 1}, call) == {"number": 1}
    assert made == [1]


def test_sent_again_while_the_first_takes_long_both_have_one_answer(store: Store, act: Callable[..., Actor]) -> None:
    def again() -> None:
        with store.begin(act("operator")) as tx:
            once(tx, "k", {}, lambda: {"by": "the second"})

    with store.begin(act("operator")) as tx:

        def call() -> dict[str, str]:
            with tx.reading():
                second = threading.Thread(target=again)
                second.start()
                second.join()
            return {"by": "the first"}

        assert once(tx, "k", {}, call) == {"by": "the second"}


def test_the_same_key_for_another_request_is_refused(store: Store, act: Callable[..., Actor]) -> None:
    with store.begin(act("operator")) as tx:
        once(tx, "k", {"a": 1}, dict)
    with store.begin(act("operator")) as tx, pytest.raises(Refusal) as refused:
        once(tx, "k", {"a": 2}, dict)
    assert refused.value.code == "GEN-409"


def test_keys_of_different_people_do_not_meet(store: Store, act: Callable[..., Actor]) -> None:
    with store.begin(act("operator", person="p-1")) as tx:
        once(tx, "k", {}, lambda: {"of": "p-1"})
    with store.begin(act("operator", person="p-2")) as tx:
        assert once(tx, "k", {}, lambda: {"of": "p-2"}) == {"of": "p-2"}


def test_an_answer_is_read_again_by_whom_it_was_given_and_does_nothing(store: Store, act: Callable[..., Actor]) -> None:
    with store.begin(act("operator", person="p-1")) as tx:
        once(tx, "k", {"a": 1}, lambda: {"token": "t"})
    for person, key, told in (("p-1", "k", {"token": "t"}), ("p-2", "k", None), ("p-1", "other", None)):
        with store.read(act("operator", person=person)) as tx:
            assert answered(tx, key) == told, (person, key)


def test_what_is_undone_leaves_no_key(store: Store, act: Callable[..., Actor]) -> None:
    with pytest.raises(RuntimeError), store.begin(act("operator")) as tx:
        once(tx, "k", {}, dict)
        raise RuntimeError
    with store.begin(act("operator")) as tx:
        assert once(tx, "k", {}, lambda: {"second": True}) == {"second": True}


def test_a_secret_answer_cannot_be_read_from_the_store(store: Store, act: Callable[..., Actor]) -> None:
    with store.begin(act("operator")) as tx:
        once(tx, "random key", {}, lambda: {"token": "very secret"})
    with store.read() as tx:
        row = tx.all(requests.select())[0]
    assert b"very secret" not in bytes(row.answer)
    assert "random key" not in str(row)

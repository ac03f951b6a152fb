"""What is asked of every verb before it does anything."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datong.app.doors import routes
from datong.ground.db import NODE, Store, sqlite_url
from datong.ground.refusal import Refusal
from datong.terms.verbs import SAID, VERBS, Verb
from stores import with_tables

assert routes, "every room has declared its verbs"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = with_tables(Store(sqlite_url(tmp_path / "n.db")))
    yield made
    made.dispose()


def asked(verb: Verb) -> list[str]:
    """What this verb has to be told in words."""
    found = inspect.signature(verb.call).parameters.values()
    return [one.name for one in found if one.name in SAID and one.default is one.empty]


ASKING = sorted(name for name, verb in VERBS.items() if verb.changes and asked(verb))


def test_whoever_stops_ends_or_undoes_something_says_why() -> None:
    assert {
        "deliver.suspend",
        "deliver.end_agreement",
        "negotiate.end",
        "negotiate.terminate",
        "settle.void_invoice",
    } <= set(ASKING)
    assert len(ASKING) >= 35


@pytest.mark.parametrize("blank", ["", "   ", "\t\n", "\u3000", "\u200b\ufeff"], ids=ascii)
@pytest.mark.parametrize("name", ASKING)
def test_a_blank_is_no_reason(store: Store, name: str, blank: str) -> None:
    verb = VERBS[name]
    given: dict[str, Any] = {of: "x" for of in inspect.signature(verb.call).parameters if of != "tx"}
    with pytest.raises(Refusal) as refused, store.begin(NODE, "test") as tx:
        verb.call(tx, **given | dict.fromkeys(asked(verb), blank))
    assert refused.value.code == "GEN-420"
    assert [problem.where for problem in refused.value.problems] == asked(verb)


@pytest.mark.parametrize("said", ["x", "停", " 已核实 ", "."])
def test_a_word_is_one(store: Store, said: str) -> None:
    with pytest.raises(Refusal) as refused, store.begin(NODE, "test") as tx:
        VERBS["deliver.end_agreement"].call(tx, agreement="nowhere", reason=said)
    assert refused.value.code != "GEN-420"

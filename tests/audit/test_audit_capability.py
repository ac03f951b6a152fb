"""The checklist: all 70 items, none claimed without a command that answered, none of its commands made up."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

import datong.app.running
from datong.audit import service as audit
from datong.audit.service.capability import _checklist
from datong.ground import evidence
from datong.ground.db import NODE, Actor, Store, settings
from datong.terms.verbs import VERBS

SOURCE = Path(datong.__file__).parent
AUDITOR = Actor("p-1", "auditor", "p", roles=frozenset({"auditor"}))


def asked(store: Store) -> dict:
    with store.read(AUDITOR) as tx:
        return audit.capability(tx)


def test_the_checklist_is_whole() -> None:
    items = _checklist()["items"]
    assert (len(items), sum(item["basic"] for item in items)) == (70, 38)
    assert len({item["id"] for item in items}) == 70
    by_aspect = {aspect: sum(i["aspect"] == aspect for i in items) for aspect in ("platform", "connector", "security")}
    assert by_aspect == {"platform": 41, "connector": 19, "security": 10}
    for item in items:
        assert bool(item.get("waits_for")) != bool(item.get("views") or item.get("acts")), item["id"]


@pytest.mark.parametrize("item", _checklist()["items"], ids=lambda item: item["id"])
def test_every_command_is_there_and_every_deed_is_done_somewhere(item) -> None:
    for view in item.get("views", []):
        ((name, given),) = [(view, {})] if isinstance(view, str) else view.items()
        importlib.import_module(f"datong.{name.partition('.')[0]}.service")
        assert not VERBS[name].changes
        assert set(given) <= set(inspect.signature(VERBS[name].call).parameters)
    for act in item.get("acts", []):
        room, _, deed = act.partition(".")
        written = "".join(file.read_text("utf-8") for file in (SOURCE / room).rglob("*.py"))
        stem = deed.rsplit("_", 1)
        assert act in written or re.search(rf"{room}\.{stem[0]}_\{{", written), act


def test_an_empty_node_claims_nothing_that_needs_a_deed(store: Store) -> None:
    told = asked(store)
    shown = {item["id"] for item in told["items"] if item["state"] == "shown"}
    assert shown <= {"6.10.b", "8.3.c", "8.3.d"}, "an empty log verifies; nothing else can be shown"
    assert told["counts"]["all"]["waits"] == sum(bool(i.get("waits_for")) for i in _checklist()["items"])
    assert sum(told["counts"]["all"].values()) == 70
    assert all(item["waits_for"] for item in told["items"] if item["state"] == "waits")


def test_an_item_is_shown_once_its_deeds_have_left_evidence(store: Store) -> None:
    def state(id: str) -> dict:
        return next(item for item in asked(store)["items"] if item["id"] == id)

    assert state("6.1.b")["state"] == "not shown here"
    with store.begin(NODE) as tx:
        tx.add(settings, {"id": "x", "value": "1"})
        evidence.append(tx, "register.session_opened", settings, "x")
    shown = state("6.1.b")
    assert shown["state"] == "shown"
    (by,) = shown["shown_by"]
    assert by["command"] == "datong audit leaves --act register.session_opened --json"
    assert by["answered"]["count"] == 1


def test_a_deed_is_found_however_many_came_after_it(store: Store) -> None:
    """The leaves that a command lists are the newest: among all of them the deed would not be."""
    with store.begin(NODE) as tx:
        tx.add(settings, {"id": "x", "value": "1"})
        evidence.append(tx, "register.session_opened", settings, "x")
        for _ in range(600):
            evidence.append(tx, "test.later", settings, "x")
    item = next(item for item in asked(store)["items"] if item["id"] == "6.1.b")
    assert (item["state"], item["shown_by"][0]["answered"]["count"]) == ("shown", 1)
    with store.read(AUDITOR) as tx:
        (leaf,) = audit.leaves(tx, act="register.session_opened")
    assert leaf["act"] == "register.session_opened"

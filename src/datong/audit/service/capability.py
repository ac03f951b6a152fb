"""The capability checklist of TC609-6-2025-16: 70 items, each shown by commands of this node, or not claimed.

An item is shown when every command named for it answers something and every deed named for it left evidence here;
else it says what its commands answered, or which work it waits for. A node answers for itself: a platform's items are
shown at a platform, a connector's at a connector. Contract: tests/audit/test_audit_capability.py.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from typing import Any

import yaml

from datong.ground.canonical import digest, plain
from datong.ground.db import NODE, Tx
from datong.ground.refusal import Refusal
from datong.terms.roles import Role
from datong.terms.verbs import VERBS, view

DATA = "capability-2025.yaml"
SHOWN, NOT_YET, WAITS = "shown", "not shown here", "waits"


@functools.cache
def _checklist() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(resources.files("datong.audit").joinpath("data", DATA).read_text("utf-8"))
    return found


@view(Role.auditor, Role.operator)
def capability(tx: Tx) -> dict[str, Any]:
    """Go through the capability checklist (能力评价): each item with its commands and what they answered 能力自查.

    {document, items: [{id, aspect, zh, module_zh, module_en, basic, state, shown_by: [{command, answered}],
    waits_for}], counts: {shown, not shown here, waits} over all and over the basic items}. answered: how many rows, a
    digest of the whole answer, and of a single answer, which counts as one, its short members.
    """
    asked = _Asked(tx)
    items = [asked.item(item) for item in _checklist()["items"]]
    basic = [item for item in items if item["basic"]]
    return {
        "document": _checklist()["document"],
        "items": items,
        "counts": {"all": _counts(items), "basic": _counts(basic)},
    }


def _counts(items: list[dict[str, Any]]) -> dict[str, int]:
    return {state: sum(item["state"] == state for item in items) for state in (SHOWN, NOT_YET, WAITS)}


class _Asked:
    """The answers of this node's views, each asked once."""

    def __init__(self, tx: Tx) -> None:
        self.tx = replace(tx, actor=NODE)
        self.known: dict[str, dict[str, Any]] = {}

    def item(self, item: Mapping[str, Any]) -> dict[str, Any]:
        told = {name: item[name] for name in ("id", "aspect", "zh", "module_zh", "module_en", "basic")}
        if waits := item.get("waits_for"):
            return {**told, "state": WAITS, "shown_by": [], "waits_for": waits}
        deeds = [{"audit.leaves": {"act": act}} for act in item.get("acts", [])]
        shown_by = [self.view(one) for one in [*item.get("views", []), *deeds]]
        state = SHOWN if all(one["answered"].get("count") for one in shown_by) else NOT_YET
        return {**told, "state": state, "shown_by": shown_by, "waits_for": ""}

    def view(self, named: str | Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """A view by its name, or {name: its arguments}."""
        ((name, given),) = [(named, {})] if isinstance(named, str) else named.items()
        command = _command(name, given)
        if command not in self.known:
            self.known[command] = self.answered(name, given)
        return {"command": command, "answered": self.known[command]}

    def answered(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = plain(VERBS[name].call(self.tx, **given))
        except Refusal as refusal:
            return {"count": 0, "refused": refusal.code}
        if isinstance(answer, list):
            return {"count": len(answer), "digest": digest(answer)}
        short = {key: value for key, value in answer.items() if isinstance(value, bool | int | str) and value != ""}
        return {
            "count": int(answer.get("ok") is not False),
            "digest": digest(answer),
            "first": dict(list(short.items())[:6]),
        }


def _command(view: str, given: Mapping[str, Any]) -> str:
    """How a view with its arguments is asked at a shell."""
    room, _, verb = view.partition(".")
    options = [f" --{name.replace('_', '-')}{'' if value is True else f' {value}'}" for name, value in given.items()]
    return f"datong {room} {verb.replace('_', '-')}{''.join(options)} --json"

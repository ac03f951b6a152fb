"""One request of a logged-in person: who asks, what they may read, how values look to them.

Contract: tests/web/test_console.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from starlette.requests import Request

from datong.ground.canonical import plain
from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal, Text
from datong.terms.verbs import VERBS, Verb
from datong.web.pages import TOLD_TO_OTHERS
from datong.web.values import Values

Answer = tuple[str, dict[str, Any], int]
"""(template, what it shows, status)."""
NAMED_BY = (
    ("register.parties", "code", "name", "name"),
    ("register.directory", "code", "party_name", "party_name"),
    ("register.resources", "id", "name_zh", "name_en"),
    ("register.resources", "code", "name_zh", "name_en"),
    ("register.products", "id", "name_zh", "name_en"),
    ("register.products", "code", "name_zh", "name_en"),
    ("register.people", "id", "name", "name"),
    ("register.spaces", "id", "name", "name"),
)
"""(view, key, Chinese name, English name): what codes and ids are called, as far as the person may see it."""


@dataclass(frozen=True)
class Visit:
    """A request with its person; `form` holds the fields of a POST."""

    store: Store
    request: Request
    actor: Actor
    lang: str
    form: dict[str, str] = field(default_factory=dict)

    def view(self, name: str, **arguments: Any) -> Any:
        """The answer of a view in plain JSON; the room's Refusal."""
        return self.read(VERBS[name], **arguments)

    def read(self, verb: Verb, **arguments: Any) -> Any:
        with self.store.read(self.actor) as tx:
            return plain(verb.call(tx, **arguments))

    def may(self, name: str) -> bool:
        verb = VERBS[name]
        return self.actor.has(*verb.roles, *(() if verb.changes else ("auditor",)))

    @property
    def first(self) -> int:
        """Where the page of a list begins, by `from` of the form or of the address; 0 for what is no such number."""
        given = self.form.get("from") or self.request.query_params.get("from", "")
        return int(given) if given.isascii() and given.isdigit() and len(given) < 8 else 0

    @cached_property
    def values(self) -> Values:
        return Values(self.lang, self._names(), cache(self._is_here))

    def _is_here(self, record: str) -> bool:
        """Whether this node has the record: each that it made or took in has its leaf."""
        table = TOLD_TO_OTHERS.get(record.partition("-")[0])
        return table is None or bool(self.view("audit.leaves", table=table, record=record, limit=1))

    def _names(self) -> dict[str, Text]:
        names: dict[str, Text] = {}
        for name, key, zh, en in NAMED_BY:
            if not self.may(name):
                continue
            try:
                rows = self.view(name)
            except Refusal:
                continue
            names |= {str(row[key]): Text(row[zh], row[en] or row[zh]) for row in rows if row.get(key) and row.get(zh)}
        for entry in self.view("register.ledger")["entries"]:
            thing = entry["object"]
            names.setdefault(entry["code"], Text(thing["name_zh"], thing.get("name_en") or thing["name_zh"]))
        for agreement in self.view("negotiate.agreements"):
            if agreement["dataset"] in names:
                names[agreement["id"]] = names[agreement["dataset"]]
        return names

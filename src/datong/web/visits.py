"""One request of a logged-in person: who asks, what they may read, how values look to them.

Contract: tests/web/test_console.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from starlette.requests import Request

from datong.ground import signing
from datong.ground.canonical import plain
from datong.ground.db import Actor, Store, metadata
from datong.ground.refusal import Refusal, Text
from datong.register import service as register
from datong.terms.verbs import VERBS, Verb
from datong.web import words
from datong.web.outcomes import Outcome
from datong.web.pages import COUNTED, PAGE_OF_PREFIX, TOLD_TO_OTHERS, Counted
from datong.web.values import Values

SHOW = "_show"
"""The field by which a form is to be shown in a language with what it holds, not done: zh or en."""
KEPT = "_kept"
"""The field in which a login keeps what was filled in before it, as JSON."""
SECRETS = frozenset({"old", "new", "password"})
"""Fields that nothing shows or keeps."""
Answer = tuple[str, dict[str, Any], int]
"""(template, what it shows, status)."""
NAMED_BY = (
    ("register.parties", "code", "name", "name"),
    ("register.directory", "code", "party_name", "party_name"),
    ("register.people", "id", "name", "name"),
)
"""(view, key, Chinese name, English name): what codes and ids are called, as far as the person may see it."""
THINGS = ("register.resources", "register.products")
SPACES = "register.spaces"
SUGGESTED_MOST = 200
KEY = re.compile(r"(?=[^ ]*[0-9-])[A-Za-z0-9][\w.-]{4,119}\*?", re.ASCII)
"""An id or code; a code may end in the star of its check character (GB/T 17710 MOD 37-2)."""
NAMELESS = frozenset(PAGE_OF_PREFIX) - {"agr", "res", "prod", "space"}
"""Beginnings of ids of records that have no name."""


class Names(Mapping[str, Text]):
    """What codes and ids are called: of parties, nodes and people all at once, when the first is asked for; of spaces,
    things and contracts, of which there may be many, one by one."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._found: dict[str, Text | None] = {}

    @cached_property
    def few(self) -> dict[str, Text]:
        with self._visit.store.read(self._visit.actor) as tx:  # one knows oneself, whoever else one may see
            own = register.person_card(tx, self._visit.actor.person)
        names = {own["id"]: Text(own["name"], own["name"])}
        for view, key, zh, en in NAMED_BY:
            try:
                rows = self._visit.view(view) if self._visit.may(view) else []
            except Refusal:
                continue
            names |= {row[key]: Text(row[zh], row[en] or row[zh]) for row in rows if row.get(zh)}
        return names

    def __getitem__(self, key: str) -> Text:
        if key not in self._found:
            self._found[key] = self._asked(key) if KEY.fullmatch(key) else None
        found = self._found[key]
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.few)

    def __len__(self) -> int:
        return len(self.few)

    def _asked(self, key: str) -> Text | None:
        if key in self.few:
            return self.few[key]
        if key.partition("-")[0] in NAMELESS:
            return None
        if key.startswith("space-"):
            return next((Text(row["name"], row["name"]) for row in self._visit.view(SPACES, id=key)), None)
        things = [thing for view in THINGS for thing in self._visit.view(view, id=key)]
        with self._visit.store.read(self._visit.actor) as tx:
            entered = None if things else register.described(tx, key)
        for thing in (*things, *([entered] if entered else ())):
            self._keep(thing, key)
        if key in self._found:
            return self._found[key]
        contracts = self._visit.view("negotiate.agreements", id=key)
        return self.get(contracts[0]["dataset"]) if contracts else None

    @cached_property
    def suggested(self) -> dict[str, Text]:
        """What a form may offer: the few, and the newest of the things and contracts."""
        for view in THINGS:
            for row in self._newest(view):
                self._keep(row, row["id"], row["code"])
        for entry in self._newest("register.ledger", "entries"):
            if not self._found.get(entry["code"]):
                self._keep(entry["object"], entry["code"])
        self._found |= {row["id"]: Text(row["name"], row["name"]) for row in self._newest(SPACES)}
        contracts = {row["id"]: self._with_whom(row) for row in self._newest("negotiate.agreements")}
        return {**self.few, **{key: name for key, name in self._found.items() if name is not None}, **contracts}

    def _with_whom(self, contract: dict[str, Any]) -> Text:
        """A contract's data, the other side and the purpose: many buy the same, and one contract is meant."""
        sold = contract["provider_party"] in self._visit.sides
        other, purpose = contract["consumer_party" if sold else "provider_party"], contract["terms"].get("purpose", "")
        said = [self.get(code) or Text(code, code) for code in (contract["dataset"], other)]
        said += [Text(*(words.code(purpose, "purpose", lang) for lang in ("zh", "en")))] if purpose else []
        return Text(" · ".join(one.zh for one in said), " · ".join(one.en for one in said))

    def _newest(self, view: str, part: str = "") -> list[dict[str, Any]]:
        total = self._visit.counted(COUNTED[view]) or 0
        answer = self._visit.view(view, limit=SUGGESTED_MOST, offset=max(total - SUGGESTED_MOST, 0))
        found: list[dict[str, Any]] = answer[part] if part else answer
        return found[::-1]

    def _keep(self, thing: dict[str, Any], *keys: str | None) -> None:
        if name := thing.get("name_zh"):
            self._found |= {key: Text(name, thing.get("name_en") or name) for key in keys if key}


@dataclass(frozen=True)
class Visit:
    """A request with its person. form: the fields of a POST, or of the form sent before whose `outcome` is told; lost:
    the address names an outcome that is kept no more."""

    store: Store
    request: Request
    actor: Actor
    lang: str
    form: dict[str, str] = field(default_factory=dict)
    outcome: Outcome | None = None
    lost: bool = False

    def view(self, name: str, **arguments: Any) -> Any:
        """The answer of a view in plain JSON; the room's Refusal."""
        return self.read(VERBS[name], **arguments)

    def read(self, verb: Verb, **arguments: Any) -> Any:
        with self.store.read(self.actor) as tx:
            return plain(verb.call(tx, **arguments))

    def counted(self, rows: Counted | None, *, q: str = "", **of: str) -> int | None:
        """How many rows a list has, of those that contain `q` and have what is given, counted in the database; None
        where they are no table's."""
        if rows is None:
            return None
        with self.store.read(self.actor) as tx:
            of = {**rows.equal, **of}
            return tx.count(metadata.tables[rows.table], each=rows.each, sought=register.sought(q), **of)

    def may(self, name: str) -> bool:
        verb = VERBS[name]
        return self.actor.has(*verb.roles, *(() if verb.changes else ("auditor",)))

    @property
    def shows(self) -> bool:
        """Whether the form was sent to be seen again: in another language, after a login, with more rows."""
        return SHOW in self.form

    @property
    def first(self) -> int:
        """Where the page of a list begins, by `from` of the form or of the address; 0 for what is no such number."""
        return _place(self.form.get("from") or self.request.query_params.get("from", "")) or 0

    @property
    def turns_to(self) -> int | None:
        """The page of a long form to which a button of it turns, saving what this one says; None for other buttons."""
        return _place(self.form.get("turn", ""))

    def turned(self, decided: int) -> int:
        """Where the page begins to which one turns: what was decided stands behind the rest now, and what came after
        it has moved up by as many."""
        there = self.turns_to or 0
        return max(there - decided, 0) if there > self.first else there

    @cached_property
    def values(self) -> Values:
        return Values(self.lang, self.names, cache(self._is_here))

    @cached_property
    def sides(self) -> frozenset[str]:
        """What this side of a deal is called: its party and its node."""
        with self.store.read() as tx:
            me = signing.me(tx)
        return frozenset({me.party, me.code} - {""})

    @cached_property
    def roles_held(self) -> frozenset[str]:
        """The roles that somebody at this node has."""
        with self.store.read(self.actor) as tx:
            return register.roles_held(tx)

    @cached_property
    def names(self) -> Names:
        return Names(self)

    def _is_here(self, record: str) -> bool:
        """Whether this node has the record: each that it made or took in has its leaf."""
        table = TOLD_TO_OTHERS.get(record.partition("-")[0])
        return table is None or bool(self.view("audit.leaves", table=table, record=record, limit=1))


def _place(given: str) -> int | None:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 8 else None


def own_address(there: str) -> str:
    """An address of this console to go to after the login; the overview for anything else."""
    own = there.startswith("/") and not there.startswith(("//", "/\\", "/enter", "/login")) and "\\" not in there
    return there if own and there.isprintable() else "/"

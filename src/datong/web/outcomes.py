"""What came of a form that was sent, kept for the page that tells it: Back and reload of a browser then ask for a page
and send nothing again.

Kept in the memory of the process (one serves a node: docs/decisions/0007) for half an hour, for the person who sent the
form and at the address it was sent to; never in an address, a cookie or the store. What a deed was answered stays
sealed where `ground.idempotency` keeps it, and is opened by the key of the form. Must never know: what a form asks for.
Contract: tests/web/test_outcomes.py.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

TOLD = "_told"
"""The argument of an address, and the field of a form, that names what came of the form sent before."""
KEPT_FOR = timedelta(minutes=30)
EACH, ALL = 20, 2_000
"""Outcomes kept of one person, and of all; the oldest go first."""
SIGNS_OF_ALL = 32_000_000
"""Characters of all forms together."""


@dataclass(frozen=True)
class Outcome:
    """What came of a form. form: its fields, without what is secret; error: the refusal as JSON, with its HTTP status;
    done: whether it was done or asked, not only to be seen again; at: what else the address of its page says."""

    form: Mapping[str, str]
    error: Mapping[str, Any] | None = None
    status: int = 200
    done: bool = False
    at: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Kept:
    person: str
    path: str
    until: datetime
    signs: int
    outcome: Outcome


class Outcomes:
    """The outcomes of one node's console."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def keep(self, person: str, path: str, outcome: Outcome, now: datetime) -> str:
        """The name under which this person finds it at `path`."""
        name = secrets.token_urlsafe(12)
        signs = sum(len(field) + len(value) for field, value in outcome.form.items())
        with self._lock:
            self._kept = {one: kept for one, kept in self._kept.items() if kept.until > now}
            self._kept[name] = _Kept(person, path, now + KEPT_FOR, signs, outcome)
            self._drop([one for one, kept in self._kept.items() if kept.person == person][:-EACH])
            self._drop([*self._kept][:-ALL])
            while len(self._kept) > 1 and sum(kept.signs for kept in self._kept.values()) > SIGNS_OF_ALL:
                self._drop([next(iter(self._kept))])
        return name

    def of(self, name: str, person: str, path: str, now: datetime) -> Outcome | None:
        """None where it is kept no more, or was never this person's at this address."""
        with self._lock:
            kept = self._kept.get(name)
        there = kept is not None and (kept.person, kept.path) == (person, path) and kept.until > now
        return kept.outcome if kept is not None and there else None

    def forget(self, person: str) -> None:
        """Who logs out leaves nothing."""
        with self._lock:
            self._drop([one for one, kept in self._kept.items() if kept.person == person])

    def _drop(self, names: list[str]) -> None:
        for name in names:
            del self._kept[name]

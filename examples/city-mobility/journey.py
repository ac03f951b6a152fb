"""The journey of the demonstration: what the people of five organisations do, link by link.

Every step is a sequence of calls by named people at their own nodes (world.Person). A step returns the sentence the
screen shows; what later steps need is kept in `Journey`. Calls are idempotent, so a step may run again after a stop.
The steps stand in chapters: rights, making, trading, national, proving. Contract: tests/journey/.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from making import compose, deidentify, harmonise
from national import national
from paperwork import GROUP, facts, logins, parties
from proving import audit, model
from reporting import report, summary
from rights import authorise, register
from telling import story
from trading import catalogue, deliver, negotiate, price, settle, supply
from world import Person, Refused, World


@dataclass
class Journey:
    """What the steps find out, and who does what."""

    world: World
    folder: Path
    codes: dict[str, str] = field(default_factory=dict)
    """Names like node:bike-company, party:bike-company, passages, trips, product -> the codes of this run."""
    known: dict[str, Any] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    edc: str = ""
    """The version of Eclipse EDC that comes to the space; "": none does."""

    def who(self, slug: str, role: str, number: int = 0) -> Person:
        return self.world.person(slug, logins(slug, role)[number])

    def facts(self, name: str) -> Any:
        return facts(name, self.codes)

    def until(self, person: Person, view: str, good: Callable[[Any], Any], what: str, **arguments: Any) -> Any:
        """The first answer of `view` that is `good`."""

        def ask() -> Any:
            try:
                answer = person.ask(view, **arguments)
            except Refused as refused:
                if refused.error.get("kind") == "unknown":
                    return None
                raise
            return answer if good(answer) else None

        return self.world.wait_for(ask, what)

    def report(self, seconds: dict[str, float]) -> dict[str, Any]:
        return report(self, seconds)

    def summary(self, made: dict[str, Any]) -> list[str]:
        return summary(self, made)

    def write_story(self, seconds: dict[str, float]) -> None:
        told = story(self, seconds)
        (self.folder / GROUP / "story.json").write_text(json.dumps(told, ensure_ascii=False), "utf-8")

    def login_links(self, slug: str) -> list[dict[str, str]]:
        """A fresh one-time link per person of a node."""
        operator = self.who(slug, "operator")
        found = []
        for person in operator.ask("register.people"):
            link = operator.do("register.login_link", person=person["id"], again=str(datetime.now(UTC)))
            told = next(p for p in parties()[slug]["people"] if p["login"] == person["login"])
            found.append({"name": told["name_en"], "roles": ", ".join(told["roles"]), "link": link["token"]})
        return found

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo("Asia/Shanghai")

    def to_day(self, day: str | date, hour: int = 9) -> None:
        """All nodes stand at this hour of this day, Beijing time (never backwards)."""
        given = date.fromisoformat(day) if isinstance(day, str) else day
        at = datetime(given.year, given.month, given.day, hour, tzinfo=self.zone)
        self.known["today"] = given
        self.world.move_clock(at)


STEPS: list[tuple[str, Callable[[Journey], str]]] = [
    ("register", register),
    ("authorise", authorise),
    ("harmonise", harmonise),
    ("supply", supply),
    ("deidentify", deidentify),
    ("compose", compose),
    ("price", price),
    ("catalogue", catalogue),
    ("negotiate", negotiate),
    ("deliver", deliver),
    ("settle", settle),
    ("national", national),
    ("audit", audit),
    ("model", model),
]

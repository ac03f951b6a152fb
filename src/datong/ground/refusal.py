"""Refusals: what happened, why, and the next step, in Chinese and English, with a stable code.

    Refusal                       the only exception a caller of Datong is meant to catch
      kind invalid                the request itself is wrong; repeat it mended
      kind denied                 this person, role, party or policy may not
      kind unknown                no such thing here (or not yours to see)
      kind conflict               the thing is in a state that does not allow it
      kind unavailable            something this needs does not answer now; try again

A `Reason` is declared once per room, at module level, and is a line of the reference
(docs/reference/refusals.md, held equal by tests/docs). Raising it fills its sentences with facts.
Facts may be names, codes, counts and states, never a personal value or a secret.
Must never know: HTTP, exit codes (web, wire and cli translate the kind). Contract: tests/ground/test_refusal.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from string import Formatter
from typing import Any, TypeVar


class Kind(StrEnum):
    invalid = "invalid"
    denied = "denied"
    unknown = "unknown"
    conflict = "conflict"
    unavailable = "unavailable"


@dataclass(frozen=True)
class Text:
    """One sentence in both languages; `{names}` are filled with the refusal's facts."""

    zh: str
    en: str

    def filled(self, facts: dict[str, Any]) -> Text:
        known = _Lenient(facts)
        return Text(self.zh.format_map(known), self.en.format_map(known))


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


@dataclass(frozen=True)
class Problem:
    """One of the things wrong, with its place (a field, a file and line, a row and column)."""

    where: str
    zh: str
    en: str


T = TypeVar("T")
ALL: dict[str, Reason] = {}


@dataclass(frozen=True)
class Reason:
    """A kind of refusal: `raise REASON(fact=..., ...)`.

    code: stable, e.g. "REG-404". rule, article: the document and clause it applies, where one does.
    """

    code: str
    kind: Kind
    what: Text
    why: Text
    fix: Text
    rule: str = ""
    article: str = ""

    def __post_init__(self) -> None:
        if ALL.get(self.code, self) != self:
            raise ValueError(f"two refusals share the code {self.code}")
        ALL[self.code] = self

    def __call__(self, problems: Sequence[Problem] = (), **facts: Any) -> Refusal:
        return Refusal(self, facts, tuple(problems))


@dataclass(eq=False)
class Refusal(Exception):
    """We will not do what was asked. `str()` is the English text; `as_json()` is the one shape of errors."""

    reason: Reason
    facts: dict[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def __post_init__(self) -> None:
        super().__init__(str(self))

    @property
    def code(self) -> str:
        return self.reason.code

    @property
    def kind(self) -> Kind:
        return self.reason.kind

    def texts(self) -> tuple[Text, Text, Text]:
        """(what, why, next step), filled."""
        return (
            self.reason.what.filled(self.facts),
            self.reason.why.filled(self.facts),
            self.reason.fix.filled(self.facts),
        )

    def __str__(self) -> str:
        lines = [f"[{self.code}] " + " ".join(text.en for text in self.texts())]
        lines += [f"  - {p.where}: {p.en}" for p in self.problems]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        what, why, fix = self.texts()
        return {
            "code": self.code,
            "kind": self.kind.value,
            "what": {"zh": what.zh, "en": what.en},
            "why": {"zh": why.zh, "en": why.en},
            "next": {"zh": fix.zh, "en": fix.en},
            "rule": self.reason.rule,
            "article": self.reason.article,
            "problems": [{"where": p.where, "zh": p.zh, "en": p.en} for p in self.problems],
            "facts": {name: _plain(value) for name, value in self.facts.items()},
        }


def refusal_in(ask: Callable[[], object]) -> Refusal | None:
    """Why what is asked is refused, or None; a refusal that may pass by itself (unavailable) goes on: there is no
    answer yet."""
    try:
        ask()
    except Refusal as refusal:
        if refusal.kind is Kind.unavailable:
            raise
        return refusal
    return None


def unless_unknown(ask: Callable[[], T]) -> T | None:
    """What is asked for; None where it is not known. Any other refusal goes on."""
    try:
        return ask()
    except Refusal as refusal:
        if refusal.kind is not Kind.unknown:
            raise
        return None


def in_both(text: str) -> Text:
    """What was kept as the English text of a refusal (`str`), in both languages; as it is, where it is no such text."""
    told = re.match(r"\[([A-Z]+-[0-9]+)\] ", text)
    reason = ALL.get(told[1]) if told else None
    first, _, more = text.partition("\n")
    found = _sentences(reason).fullmatch(first) if reason is not None else None
    if found is None or reason is None:
        return Text(text, text)
    facts = {name: value for name, value in found.groupdict().items() if value is not None}
    said = "".join(part.filled(facts).zh for part in (reason.what, reason.why, reason.fix))
    return Text(f"[{reason.code}] {said}" + (f"\n{more}" if more else ""), text)


@cache
def _sentences(reason: Reason) -> re.Pattern[str]:
    """The English text of a refusal for this reason, its facts as groups."""
    pattern, known = "", set()
    for words, name, _, _ in Formatter().parse(" ".join(part.en for part in (reason.what, reason.why, reason.fix))):
        pattern += re.escape(words)
        if name:
            pattern += f"(?P={name})" if name in known else f"(?P<{name}>.*?)"
            known.add(name)
    return re.compile(re.escape(f"[{reason.code}] ") + pattern)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)

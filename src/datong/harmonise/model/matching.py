"""What a match says: which element (or which column of another table) a column means, how sure that is, and why.

Must never know: where the columns come from, how scores are made. Contract: tests/harmonise/matching/.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from enum import StrEnum

from datong.ground.refusal import Text
from datong.harmonise.model.elements import DataElement


class Verdict(StrEnum):
    """accept: sure enough to take unless someone objects; ask: a person decides; leave: proposed to nobody."""

    accept = "accept"
    ask = "ask"
    leave = "leave"


@dataclass(frozen=True)
class Proposal:
    """What one column is proposed to mean. others: what else it may be, best first, with scores."""

    column: str
    element: DataElement | None
    score: float
    verdict: Verdict
    reason: Text
    others: tuple[tuple[DataElement, float], ...] = ()


@dataclass(frozen=True)
class Pairing:
    """What one column of a table is proposed to be in another. ranked: every column of the other table that has
    any score, best first; right: the one it is assigned, if any."""

    left: str
    right: str | None
    score: float
    verdict: Verdict
    reason: Text
    ranked: tuple[tuple[str, float], ...] = ()


class Way(StrEnum):
    """By what the name of a column was understood, the surest first."""

    word = "word"
    sound = "sound"
    initials = "initials"
    mixed = "mixed"
    parts = "parts"
    spelling = "spelling"


@dataclass(frozen=True)
class Named:
    """How near a column's name (or comment) is to one word of a candidate, and in which way."""

    score: float
    way: Way
    said: str
    by_comment: bool = False


@dataclass(frozen=True)
class Profile:
    """What the values of a column look like: shares of its values that are there, never a value itself.

    `texts` holds the distinct values that code tables and other columns are compared with; it stays in the process.
    """

    seen: int
    filled: int
    distinct: int
    shortest: int
    longest: int
    usual_length: float
    shares: Map[str, float]
    low: float | None
    high: float | None
    middle: float | None
    patterns: Map[str, float] = field(default_factory=dict)
    beginnings: Map[str, float] = field(default_factory=dict)
    """The first three signs of codes and numbers of five signs and more, with their shares."""
    heaps: tuple[float, ...] = ()
    """How often the most usual values stand, the most usual first, as shares."""
    texts: frozenset[str] = frozenset()

    def share(self, kind: str) -> float:
        return self.shares.get(kind, 0.0)

    @property
    def distinct_share(self) -> float:
        return self.distinct / self.filled if self.filled else 0.0

    @property
    def empty_share(self) -> float:
        return 1 - self.filled / self.seen if self.seen else 1.0

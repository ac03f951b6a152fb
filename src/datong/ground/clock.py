"""The two clocks: the wall clock for tokens, URLs and leases; the business clock for deadlines and terms.

The wall clock is real. The business clock is the wall clock too, unless the node was told a business time
(a demonstration moves all its nodes together by signed messages): then it stands at that instant until it
is moved again, never backwards. Must never know: what a deadline is for. Contract: tests/ground/test_clock.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

WallClock = Callable[[], datetime]


def wall_clock() -> datetime:
    """Now, in UTC, to the microsecond."""
    return datetime.now(UTC)


def text(instant: datetime) -> str:
    """ISO 8601 in UTC with a `Z`, the form kept in stores, leaves and messages."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def begins(value: str) -> datetime:
    """The instant a text names: one with an offset, or that with which a day (YYYY-MM-DD) begins in China."""
    return instant(f"{value}T00:00:00+08:00" if len(value) == 10 else value)


def edge(whole_second: str) -> str:
    """The text that all kept instants from this one on sort after, and all before it sort before.

    A text with a fraction ("…:00.5Z") sorts before the whole second's own ("…:00Z"); held against it as it is, an
    instant of that second would be taken for an earlier one.
    """
    return whole_second.removesuffix("Z") + "."


def instant(value: str) -> datetime:
    """The aware datetime of an ISO 8601 text; a text without an offset is refused (ValueError)."""
    parsed = datetime.fromisoformat(value)
    if parsed.tzinfo is None:
        raise ValueError(f"{value!r} has no offset from UTC")
    try:
        return parsed.astimezone(UTC)
    except OverflowError as broken:
        raise ValueError(f"{value!r} lies outside the calendar in UTC") from broken

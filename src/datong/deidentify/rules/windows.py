"""When a node is: windows of a day, the same hours of like days, days or nights, weeks; how they nest and are written.

    a window of one day        2019-09-07T18                     {hours: 3}
    day or night of one day    2019-09-07-night                  {hours: day_or_night}
    like days of a week        week-2019-09-02-weekdays-T18      {hours: 3, over: week, days: alike}
    of the whole period        weekend-day                       {hours: day_or_night, over: period, days: alike}
    a week                     week-2019-09-02                   {hours: whole, over: week}

Hours are local wall-clock hours. A week begins on Monday (ISO 8601) and is named by that day; the day is 6 to 21 h, the
night the rest of the same date. Must never know: places, events. Contract: tests/deidentify/test_deidentify_nodes.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from datong.deidentify.model.joint import DAY_OR_NIGHT, Level, Over

MORNING, EVENING = 6, 21
"""The day of `day_or_night` in local hours, the end excluded; multiples of three, so windows of 1 or 3 h nest."""
WEEKDAYS, WEEKEND = "weekdays", "weekend"
_TEXT = re.compile(
    r"(?:(\d{4}-\d\d-\d\d)T(\d\d)|(?:(week-)?(\d{4}-\d\d-\d\d))?-?(weekdays|weekend)?-?(?:(day|night)|T(\d\d))?)"
)


@dataclass(frozen=True)
class Window:
    """One time of a level: day = the date, or the Monday of the week, or None over the whole period.

    days: "" or weekdays or weekend; part: its first hour, or "day" or "night", or None for all hours.
    """

    day: date | None
    week: bool
    days: str
    part: int | str | None

    def __str__(self) -> str:
        if self.day is not None and not self.week and isinstance(self.part, int):
            return f"{self.day.isoformat()}T{self.part:02d}"
        day = "" if self.day is None else f"{'week-' if self.week else ''}{self.day.isoformat()}"
        part = f"T{self.part:02d}" if isinstance(self.part, int) else self.part
        return "-".join(token for token in (day, self.days, part) if token)


def window_at(level: Level, day: date, hour: int) -> Window | None:
    """The window of `level` that holds a local hour; None where the level has the whole period."""
    return coarser(level, Window(day, False, "", hour))


def coarser(level: Level, window: Window) -> Window | None:
    """The window of a coarser (or the same) level that holds `window`."""
    if level.whole:
        return None
    day, week = window.day, level.over is Over.week
    if level.over is Over.period:
        day = None
    elif week and day is not None:
        day -= timedelta(days=day.weekday())
    days = ""
    if level.alike:
        assert window.days or window.day is not None
        days = window.days or (WEEKEND if window.day is not None and window.day.weekday() >= 5 else WEEKDAYS)
    part = window.part
    if level.hours is None:
        part = None
    elif isinstance(part, int):
        in_the_day = MORNING <= part < EVENING
        part = ("day" if in_the_day else "night") if level.hours == DAY_OR_NIGHT else part // _int(level) * _int(level)
    return Window(day, week, days, part)


def nests(fine: Level, coarse: Level) -> bool:
    """Whether every window of `fine` lies in one window of `coarse`."""
    spans = {None: 0, Over.week: 1, Over.period: 2}
    if coarse.whole:
        return True
    if fine.whole or spans[fine.over] > spans[coarse.over]:
        return False
    if coarse.alike and fine.over is not None and not fine.alike:
        return False
    if coarse.hours is None or fine.hours == coarse.hours:
        return True
    if fine.hours is None or fine.hours == DAY_OR_NIGHT:
        return fine.hours == DAY_OR_NIGHT and coarse.hours == 24
    if coarse.hours == DAY_OR_NIGHT:
        return MORNING % _int(fine) == 0 and EVENING % _int(fine) == 0
    return _int(coarse) % _int(fine) == 0


def window_of_text(level: Level, text: str, since: date, until: date) -> Window:
    """The window that a node id names; ValueError when `level` has no such window in [since, until)."""
    match = _TEXT.fullmatch(text)
    if match is None or not text:
        raise ValueError("not a node id")
    at, at_hour, week, day, days, half, hour = match.groups()
    named = at or day
    number = at_hour or hour
    window = Window(
        date.fromisoformat(named) if named else None, bool(week), days or "", int(number) if number else half or None
    )
    if str(window) != text:
        raise ValueError("not in its one spelling")
    if not _is_of(level, window):
        raise ValueError("not a node of its level")
    if not _has_a_day(window, since, until):
        raise ValueError("not a window of its level and period")
    return window


def hull(level: Level, window: Window | None, since: date, until: date) -> tuple[datetime, datetime]:
    """From when to when, as local wall-clock times, the window reaches; like days have others between them."""
    if window is None or window.day is None:
        return datetime.combine(since, time()), datetime.combine(until, time())
    if window.week:
        begin = window.day + timedelta(days=5 if window.days == WEEKEND else 0)
        end = window.day + timedelta(days=5 if window.days == WEEKDAYS else 7)
        return datetime.combine(max(begin, since), time()), datetime.combine(min(end, until), time())
    first, last = 0, 24
    if window.part != "night" and (hours := hours_of(level, window)) is not None:
        first, last = hours
    midnight = datetime.combine(window.day, time())  # wall-clock arithmetic: naive local times
    return midnight + timedelta(hours=first), midnight + timedelta(hours=last)


def hours_of(level: Level, window: Window | None) -> tuple[int, int] | None:
    """(first local hour, hour after the last) of each of its days, of a night (21, 6); None: all hours."""
    if window is None or window.part is None:
        return None
    if isinstance(window.part, str):
        return (MORNING, EVENING) if window.part == "day" else (EVENING, MORNING)
    return window.part, window.part + _int(level)


@lru_cache(maxsize=64)
def hours_in(zone: str, since: date, until: date) -> tuple[tuple[date, int], ...]:
    """Every local hour (date, hour) of the period that there is: one is missing where the clocks go forward."""
    there = []
    for number in range((until - since).days):
        day = since + timedelta(days=number)
        for hour in range(24):
            local = datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(zone))
            if (local + timedelta(minutes=59)).astimezone(ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).hour == hour:
                there.append((day, hour))
    return tuple(there)


def _is_of(level: Level, window: Window) -> bool:
    if level.whole or (window.day is None) != (level.over is Over.period) or window.week != (level.over is Over.week):
        return False
    if bool(window.days) != level.alike or (window.week and window.day is not None and window.day.weekday()):
        return False
    if level.hours is None or window.part is None:
        return level.hours is None and window.part is None
    if level.hours == DAY_OR_NIGHT or isinstance(window.part, str):
        return level.hours == DAY_OR_NIGHT and isinstance(window.part, str)
    return window.part < 24 and window.part % _int(level) == 0


def _has_a_day(window: Window, since: date, until: date) -> bool:
    day, count = (since, (until - since).days) if window.day is None else (window.day, 7 if window.week else 1)
    days = (day + timedelta(days=number) for number in range(min(count, 7)))
    return any(
        since <= d < until and window.days in ("", WEEKEND if d.weekday() >= 5 else WEEKDAYS) for d in days
    )  # fmt: skip


def _int(level: Level) -> int:
    assert isinstance(level.hours, int)
    return level.hours

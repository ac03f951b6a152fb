"""Working days (工作日) of the State Council's calendar, with make-up days (调休), and deadlines counted on them.

The calendar is a dated, signed data file. One is shipped (data/workdays-2026.json, all years published so far);
an operator loads a newer one offline (`load`), with the publisher's key given to him by another way. A
deadline that is counted past the published years is provisional: it shows its earliest date, nothing may lapse
or be approved on it, and because deadlines are counted when read, a newer calendar recomputes it.
Must never know: what a deadline is for. Contract: tests/ground/test_workdays.py.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from datong.ground import evidence
from datong.ground.db import Tx, settings
from datong.ground.keys import PublicKey
from datong.ground.refusal import Kind, Reason, Text

SCHEMA = "datong.workdays/1"
SHIPPED = "workdays-2026.json"
SHIPPED_KEY = "Ed25519:ctcKMsKAsEcgODY52FmWehcItRUrdApbTFyKHk3Exd4"
"""The key the shipped file is signed with; its private half was used once and not kept (tools/make_workdays.py)."""
SETTING = "workdays.calendar"
CHINA = ZoneInfo("Asia/Shanghai")
_DAY = timedelta(days=1)

NOT_A_CALENDAR = Reason(
    "CAL-400",
    Kind.invalid,
    Text("工作日历未载入。", "The working-day calendar was not loaded."),
    Text("{why_zh}", "{why}"),
    Text(
        "请使用发布方签名的日历文件，并核对其公钥。", "Use a calendar file signed by its publisher and check the key."
    ),
)


@dataclass(frozen=True)
class Calendar:
    """Which days are worked in the years `first`..`last`; exceptions to Monday-to-Friday are listed."""

    first: int
    last: int
    issued: str
    days_off: frozenset[date]
    """Weekdays that are holidays."""
    made_up: frozenset[date]
    """Saturdays and Sundays that are worked."""

    def covers(self, day: date) -> bool:
        return self.first <= day.year <= self.last

    def is_working_day(self, day: date) -> bool:
        """Whether `day` is worked; outside the published years Monday to Friday count."""
        return day in self.made_up or (day.weekday() < 5 and day not in self.days_off)


@dataclass(frozen=True)
class Deadline:
    """The last day of a period. provisional: counted past the published years, so it may still move later."""

    earliest: date
    provisional: bool

    def is_past(self, day: date) -> bool:
        """Whether the period has surely run out on `day`; never for a provisional deadline."""
        return not self.provisional and day > self.earliest


def china_date(instant: datetime) -> date:
    """The calendar day in China at an aware instant."""
    return instant.astimezone(CHINA).date()


def add_working_days(day: date, n: int, calendar: Calendar | None = None) -> Deadline:
    """The n-th working day after `day` (the day itself is not counted), n >= 1.

    Beyond the published years Monday to Friday are counted; holidays not yet announced will move it later.
    """
    if n < 1:
        raise ValueError("a period has at least one working day")
    using = calendar or shipped()
    provisional, at, left = False, day, n
    while left:
        at += _DAY
        provisional = provisional or not using.covers(at)
        left -= using.is_working_day(at)
    return Deadline(at, provisional)


def verified(text: str, keys: Collection[str]) -> Calendar:
    """The calendar in a file's text; NOT_A_CALENDAR unless it is well-formed and signed by one of `keys`."""
    try:
        value = json.loads(text)
        content = {name: part for name, part in value.items() if name not in ("public_key", "signature")}
        signed = value["public_key"] in keys and PublicKey(value["public_key"]).verifies_value(
            str(value["signature"]), content
        )
    except (ValueError, KeyError, TypeError, AttributeError) as broken:
        raise NOT_A_CALENDAR(why_zh="文件不是日历。", why="The file is no calendar.") from broken
    if not signed:
        raise NOT_A_CALENDAR(why_zh="签名与所给公钥不符。", why="Its signature is not by the key given.")
    return _read(content)


def _read(content: Mapping[str, Any]) -> Calendar:
    try:
        if content["schema"] != SCHEMA:
            raise ValueError("schema")
        first, last = int(content["years"]["first"]), int(content["years"]["last"])
        days_off = frozenset(date.fromisoformat(text) for text in content["days_off"])
        made_up = frozenset(date.fromisoformat(text) for text in content["made_up"])
        if first > last or any(not first <= day.year <= last for day in days_off | made_up):
            raise ValueError("a day outside the years")
        if any(day.weekday() > 4 for day in days_off) or any(day.weekday() < 5 for day in made_up):
            raise ValueError("an exception that is none")
        return Calendar(first, last, str(content["issued"]), days_off, made_up)
    except (ValueError, KeyError, TypeError) as broken:
        raise NOT_A_CALENDAR(
            why_zh=f"内容不符合 {SCHEMA}：{broken}。", why=f"It does not follow {SCHEMA}: {broken}."
        ) from broken


@functools.cache
def shipped() -> Calendar:
    """The calendar in the package, its signature checked."""
    text = resources.files("datong.ground").joinpath("data", SHIPPED).read_text("utf-8")
    return verified(text, {SHIPPED_KEY})


@functools.lru_cache(maxsize=4)
def _loaded(text: str, key: str) -> Calendar:
    return verified(text, {key})


def load(tx: Tx, text: str, key: str) -> Calendar:
    """Take a newer calendar file into use: signed by `key`, reaching at least as far as the one in force."""
    calendar = verified(text, {key})
    now = in_force(tx)
    if (calendar.last, calendar.issued) < (now.last, now.issued) or calendar.first > now.last + 1:
        raise NOT_A_CALENDAR(
            why_zh=f"现用日历已发布至 {now.last} 年（{now.issued}）。",
            why=f"The calendar in force is newer: published to {now.last}, issued {now.issued}.",
        )
    row = {"text": text, "key": key}
    if tx.get(settings, SETTING) is None:
        tx.add(settings, {"id": SETTING, "value": row})
    else:
        tx.change(settings, SETTING, value=row)
    evidence.append(
        tx,
        "ground.calendar_loaded",
        settings,
        SETTING,
        first=calendar.first,
        last=calendar.last,
        issued=calendar.issued,
    )
    return in_force(tx)


def in_force(tx: Tx) -> Calendar:
    """The calendar to count with at this node: the shipped one, continued by the loaded one where it speaks."""
    row = tx.get(settings, SETTING)
    base = shipped()
    if row is None:
        return base
    newer = _loaded(str(row["value"]["text"]), str(row["value"]["key"]))
    if (newer.last, newer.issued) < (base.last, base.issued):
        return base
    return Calendar(
        min(base.first, newer.first),
        newer.last,
        newer.issued,
        newer.days_off | frozenset(day for day in base.days_off if not newer.covers(day)),
        newer.made_up | frozenset(day for day in base.made_up if not newer.covers(day)),
    )

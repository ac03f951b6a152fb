"""Times that are not what they seem: of another place, or rounded.

Must never know: which zone a mapping declares but by its name. Contract: tests/harmonise/suspicions/test_suspicions.py.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from datong.ground.refusal import Text
from datong.harmonise.model.suspicions import Suspicion
from datong.harmonise.rules.suspicions.enough import LEAST

_TIME = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}[ T](\d{1,2}):(\d{2})(?::(\d{2}))?")
_RHYTHM = 500
_QUIET_HOURS = 5
_QUIETEST = 0.45
"""Of what an even day would have in them: above that the day has no night."""
_NIGHT = (0.5, 6.5)
"""Where the middle of the quiet hours of people lies, in local time."""


def not_local_time(path: str, values: Sequence[str], zone: str) -> list[Suspicion]:
    """The day's curve: people are quiet at night. Where the quietest hours, as written, lie at another time of the day,
    the times are not local; the shift that would put them in the night is offered."""
    hours = Counter(int(form[1]) % 24 for value in values if (form := _TIME.match(value)))
    total = hours.total()
    if total < max(_RHYTHM, 0.9 * len(values)) or len(hours) < 12:
        return []
    quiet = [sum(hours[(first + n) % 24] for n in range(_QUIET_HOURS)) for first in range(24)]
    least = min(quiet)
    if least > _QUIETEST * total * _QUIET_HOURS / 24:
        return []
    firsts = [first for first, count in enumerate(quiet) if count <= least + total * 0.01]
    middle = _circular_mean([first + (_QUIET_HOURS - 1) / 2 for first in firsts])
    if _NIGHT[0] <= middle <= _NIGHT[1]:
        return []
    shift = round(3.5 - middle)
    shift = shift + 24 if shift < -12 else shift
    busiest = max(hours, key=lambda hour: hours[hour])
    first, last = round(middle - 2) % 24, round(middle + 2) % 24
    evidence = {
        "times": total,
        "quiet_from_hour": first,
        "quiet_to_hour": last,
        "share_in_quiet_hours": round(least / total, 4),
        "share_if_even": round(_QUIET_HOURS / 24, 4),
        "busiest_hour": busiest,
        "shift_hours_to_night": shift,
    }
    as_zone = f"（声明为 {zone}）" if zone else ""
    zh = (
        f"按所写时刻{as_zone}，最安静的时段为 {first}—{last} 时（仅占 {least / total:.1%}），最繁忙为 {busiest} 时："
        f"当地生活不会如此。若为 UTC，当地约为 UTC{shift:+d}；请核对 zone。"
    )
    said = f" (declared {zone})" if zone else ""
    en = (
        f"as written{said}, the quietest hours are {first} to {last} ({least / total:.1%} of all) and the busiest is "
        f"{busiest}: no local day is like that. If they are UTC, the place lies about UTC{shift:+d}; look at `zone`"
    )
    return [Suspicion("not_local_time", (path,), evidence, Text(zh, en))]


def _circular_mean(hours: Sequence[float]) -> float:
    angle = math.atan2(
        sum(math.sin(hour * math.pi / 12) for hour in hours), sum(math.cos(hour * math.pi / 12) for hour in hours)
    )
    return angle * 12 / math.pi % 24


def rounded(path: str, values: Sequence[str]) -> list[Suspicion]:
    """Times of which nearly all stand on whole hours or on every fifth minute or more, though a day has many."""
    forms = [form for value in values if (form := _TIME.match(value))]
    if len(forms) < 0.9 * len(values) or len({form[0] for form in forms}) < LEAST // 2:
        return []
    minutes = Counter(int(form[2]) for form in forms)
    seconds = Counter(int(form[3] or 0) for form in forms)
    days = all(form[1] in ("0", "00") for form in forms) and minutes[0] == len(forms)
    if days:
        return _rounded(path, forms, "day", "整日", 1.0)
    for step, zh in ((60, "整点"), (30, "半小时"), (15, "一刻钟"), (10, "十分钟"), (5, "五分钟")):
        share = sum(n for minute, n in minutes.items() if minute % step == 0) / len(forms)
        if share >= 0.98 and seconds[0] >= 0.98 * len(forms):
            return _rounded(path, forms, f"{step} minutes", zh, share)
    return []


def _rounded(path: str, forms: Sequence[object], to: str, zh: str, share: float) -> list[Suspicion]:
    told = Text(
        f"{share:.1%} 的时刻落在{zh}上：原始时刻可能已取整，或是按期采样；按时刻关联前请确认。",
        f"{share:.1%} of the times stand on whole steps of one {to}: rounded, or sampled at that pace; "
        "make sure before joining by time",
    )
    return [Suspicion("rounded", (path,), {"times": len(forms), "step": to, "share": round(share, 4)}, told)]

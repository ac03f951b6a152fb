"""The State Council calendar: make-up days, deadlines, provisional ones, and a file nobody can change unnoticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Any

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.ground import workdays
from datong.ground.db import NODE, Actor, Store
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Refusal
from datong.ground.workdays import Deadline, add_working_days

FILE = resources.files("datong.ground").joinpath("data", workdays.SHIPPED).read_text("utf-8")
IN_2026 = st.dates(date(2026, 1, 1), date(2026, 10, 1))


def test_every_published_day_is_as_the_library_has_it() -> None:
    calendar = workdays.shipped()
    day, last = date(calendar.first, 1, 1), date(calendar.last, 12, 31)
    assert (calendar.first, calendar.last) == (2004, 2026)
    while day <= last:
        assert calendar.is_working_day(day) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


def test_spring_festival_2026_by_hand() -> None:
    """Holiday 15-23 February; worked Saturdays 14 and 28 February (国办发明电〔2025〕7号)."""
    calendar = workdays.shipped()
    assert calendar.is_working_day(date(2026, 2, 14))
    assert not any(calendar.is_working_day(date(2026, 2, day)) for day in range(15, 24))
    assert calendar.is_working_day(date(2026, 2, 28))
    assert add_working_days(date(2026, 2, 13), 2) == Deadline(date(2026, 2, 24), False)


@pytest.mark.parametrize(
    ("start", "n", "end"),
    [("2026-03-02", 3, "2026-03-05"), ("2026-03-02", 10, "2026-03-16"), ("2026-03-02", 20, "2026-03-30"), ("2026-04-30", 1, "2026-05-06"), ("2026-05-06", 3, "2026-05-09")],
)  # fmt: skip
def test_deadlines_of_the_scenario(start: str, n: int, end: str) -> None:
    assert add_working_days(date.fromisoformat(start), n) == Deadline(date.fromisoformat(end), False)


@given(IN_2026, st.integers(1, 30), st.integers(1, 15))
def test_periods_add_up(day: date, m: int, n: int) -> None:
    assert add_working_days(add_working_days(day, m).earliest, n) == add_working_days(day, m + n)


@given(IN_2026, st.integers(1, 40))
def test_a_deadline_is_the_nth_working_day(day: date, n: int) -> None:
    end = add_working_days(day, n).earliest
    between = [day + timedelta(days=i) for i in range(1, (end - day).days + 1)]
    assert sum(map(workdays.shipped().is_working_day, between)) == n
    assert workdays.shipped().is_working_day(end)


def test_beyond_the_published_years_nothing_is_certain() -> None:
    end = add_working_days(date(2026, 12, 25), 10)
    assert end == Deadline(date(2027, 1, 8), True)
    assert not end.is_past(date(2030, 1, 1))
    assert add_working_days(date(2026, 12, 30), 1) == Deadline(date(2026, 12, 31), False)


def test_a_period_has_a_day() -> None:
    with pytest.raises(ValueError, match="at least one"):
        add_working_days(date(2026, 3, 2), 0)


def test_a_certain_deadline_is_past_only_after_its_day() -> None:
    end = add_working_days(date(2026, 3, 2), 3)
    assert [end.is_past(date(2026, 3, d)) for d in (4, 5, 6)] == [False, False, True]


def test_the_day_in_china_turns_at_sixteen_utc() -> None:
    assert workdays.china_date(datetime(2026, 3, 2, 15, 59, tzinfo=UTC)) == date(2026, 3, 2)
    assert workdays.china_date(datetime(2026, 3, 2, 16, 0, tzinfo=UTC)) == date(2026, 3, 3)


def test_the_file_says_where_it_comes_from_and_that_its_key_is_gone() -> None:
    value = json.loads(FILE)
    assert value["public_key"] == workdays.SHIPPED_KEY
    assert "not kept" in value["key_note"]
    assert "State Council" in value["source"]


SPOILED: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("a holiday less", lambda v: v["days_off"].pop()),
    ("a make-up day more", lambda v: v["made_up"].append("2026-03-07")),
    ("another year", lambda v: v["years"].update(last=2030)),
    ("no signature", lambda v: v.pop("signature")),
    ("an empty signature", lambda v: v.update(signature="")),
    ("another key", lambda v: v.update(public_key=PrivateKey.new().public.text)),
]


@pytest.mark.parametrize(("what", "spoil"), SPOILED, ids=[what for what, _ in SPOILED])
def test_a_changed_file_is_refused(what: str, spoil: Callable[[dict[str, Any]], Any]) -> None:
    value = json.loads(FILE)
    spoil(value)
    with pytest.raises(Refusal) as caught:
        workdays.verified(json.dumps(value), {workdays.SHIPPED_KEY})
    assert caught.value.code == "CAL-400"


@pytest.mark.parametrize("text", ["", "[]", "7", "null", "{}", '{"public_key": [], "signature": 1}'])
def test_what_is_no_file_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        workdays.verified(text, {workdays.SHIPPED_KEY})


def calendar_file(key: PrivateKey, **changes: Any) -> str:
    content = {
        "schema": workdays.SCHEMA, "issued": "2026-11-30", "years": {"first": 2027, "last": 2027},
        "days_off": ["2027-01-01", "2027-01-04"], "made_up": ["2027-01-09"], **changes,
    }  # fmt: skip
    return json.dumps({**content, "public_key": key.public.text, "signature": key.sign_value(content)})


def test_an_operator_loads_a_newer_file_and_deadlines_become_certain(store: Store, act: Callable[..., Actor]) -> None:
    key = PrivateKey.new()
    with store.begin(act("operator")) as tx:
        assert workdays.in_force(tx) == workdays.shipped()
        workdays.load(tx, calendar_file(key), key.public.text)
    with store.read() as tx:
        calendar = workdays.in_force(tx)
    end = add_working_days(date(2026, 12, 31), 5, calendar)
    assert end == Deadline(date(2027, 1, 9), False), "1 and 4 January off, Saturday the 9th worked"
    assert not calendar.is_working_day(date(2026, 2, 16)), "the earlier years stay"


def test_older_unsigned_or_senseless_files_are_not_loaded(store: Store) -> None:
    key = PrivateKey.new()
    wrong = [
        (calendar_file(key), PrivateKey.new().public.text),
        (calendar_file(key, years={"first": 2025, "last": 2025}, days_off=[], made_up=[]), key.public.text),
        (calendar_file(key, years={"first": 2030, "last": 2030}, days_off=[], made_up=[]), key.public.text),
        (calendar_file(key, days_off=["2027-01-02"]), key.public.text),
        (calendar_file(key, made_up=["2027-01-04"]), key.public.text),
        (calendar_file(key, schema="other/1"), key.public.text),
        (calendar_file(key, days_off=["2026-01-01"]), key.public.text),
    ]
    for text, with_key in wrong:
        with store.begin(NODE) as tx, pytest.raises(Refusal) as caught:
            workdays.load(tx, text, with_key)
        assert caught.value.code == "CAL-400"
    with store.read() as tx:
        assert workdays.in_force(tx) == workdays.shipped()

"""Instants as text, and the business clock that stands where it was put."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.ground import clock
from datong.ground.db import NODE, Store, business_clock

CHINA = timezone(timedelta(hours=8))


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.sampled_from([UTC, CHINA])))  # noqa: DTZ001
def test_text_and_instant_are_inverse(at: datetime) -> None:
    assert clock.instant(clock.text(at)) == at
    assert clock.text(at).endswith("Z")
    assert len(clock.text(at)) <= 32


def test_a_text_without_offset_is_refused() -> None:
    for text in (
        "2026-03-02T00:00:00",
        "2026-03-02",
        "yesterday",
        "",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ):
        with pytest.raises(ValueError, match=r"."):
            clock.instant(text)
    assert clock.instant("2026-03-02T09:00:00+08:00") == datetime(2026, 3, 2, 1, tzinfo=UTC)


def test_a_day_begins_at_midnight_in_china() -> None:
    for said in ("2026-03-02", "2026-03-02T00:00:00+08:00", "2026-03-01T16:00:00Z"):
        assert clock.begins(said) == datetime(2026, 3, 1, 16, tzinfo=UTC)
    for said in ("2026-13-02", "2026-03-02T00:00:00", "", "2026/03/02"):
        with pytest.raises(ValueError, match=r"."):
            clock.begins(said)


def test_the_wall_clock_is_real_and_in_utc() -> None:
    assert abs(clock.wall_clock() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.wall_clock().utcoffset() == timedelta(0)


def test_business_time_is_wall_time_until_it_is_put_somewhere(store: Store) -> None:
    with store.begin(NODE) as tx:
        assert tx.business_now == tx.wall_now
        tx.add(business_clock, {"id": "now", "at": "2026-03-02T01:00:00Z", "seq": 1})
    with store.begin(NODE) as tx:
        assert tx.now == "2026-03-02T01:00:00Z"
        assert tx.wall != tx.now


def test_a_moved_clock_stands_there_at_once_and_from_then_on(store: Store) -> None:
    for number, at in enumerate(("2026-03-02T01:00:00Z", "2026-03-03T01:00:00Z"), 1):
        with store.begin(NODE) as tx:
            assert tx.now != at
            tx.move_clock(clock.instant(at), number)
            assert tx.now == at
        with store.read() as tx:
            assert (tx.now, tx.get(business_clock, "now")) == (at, {"id": "now", "at": at, "seq": number})

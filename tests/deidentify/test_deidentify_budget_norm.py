"""A norm: one unit's counts are a vector of bounded length, in time order where a share is stated; exact neighbours."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import budget_world as world
from datong.deidentify.model.budget import NORM_STEPS, Classes, Query, Windows
from datong.deidentify.rules.budget import answers
from datong.deidentify.rules.budget.reading import query_of
from datong.deidentify.rules.budget.sensitivity import could_overflow, enough, parts
from datong.deidentify.service import noise
from datong.deidentify.service.budgets import aggregated
from datong.ground.db import sqlite_url
from datong.ground.refusal import Refusal

MONDAY = datetime(2019, 9, 2, 12, tzinfo=UTC)
SCHEMA = pa.schema([("unit", pa.string()), ("kind", pa.string()), ("at", pa.timestamp("us", "UTC"))])
KINDS = {"classes": {"column": "kind", "values": ["x", "y", "z"]}}
WEEKS = {"column": "at", "zone": "UTC", "from": "2019-09-02", "until": "2019-09-30", "days": 7, "name": "week"}
CLOCK = {"column": "at", "zone": "UTC", "from": "2019-09-02", "until": "2019-09-30", "hours": 12, "clock": True,
         "weekends": True}  # fmt: skip
LOT = st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz"), st.integers(0, 27), st.integers(1, 9))


def asked(most: str, share: str | None = "0.25", **more: Any) -> Query:
    bound = {"most": most} if share is None else {"most": most, "share": share}
    query, found = query_of({"kind": "count", "norm_per_unit": bound, "by": [KINDS, {"windows": WEEKS}],
                             "spend": {"rho": "0.1"}, **more})  # fmt: skip
    assert query is not None, found.problems
    return query


def held(query: Query, lots: list[tuple[str, str, int, int]]) -> npt.NDArray[np.int64]:
    """Figures in steps by group, before noise. lots: (unit, kind, day, rows)."""
    rows = [
        {"unit": unit, "kind": kind, "at": MONDAY + timedelta(days=day)}
        for unit, kind, day, n in lots
        for _ in range(n)
    ]
    found = aggregated(query, "unit", pa.Table.from_pylist(rows, SCHEMA))
    return answers.spread(answers.groups_in(query), found, "n")


WORLDS = 6
"""Tables that one run holds: they share no unit and no group, so each is bounded as if it were alone."""
APART = {"classes": {"column": "kind", "values": [f"{n}{kind}" for n in range(WORLDS) for kind in "xyz"]}}


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.lists(LOT, max_size=12), min_size=WORLDS, max_size=WORLDS),
    st.sampled_from(["0.5", "1", "2.236", "7"]),
    st.sampled_from([None, "0.25", "0.9"]),
)
def test_one_unit_changes_the_figures_by_at_most_the_length(
    worlds: list[list[tuple[str, str, int, int]]], most: str, share: str | None
) -> None:
    query = asked(most, share, by=[APART, {"windows": WEEKS}])
    (part,) = parts(query)
    lots = [(f"{n}{unit}", f"{n}{kind}", day, rows) for n, of in enumerate(worlds) for unit, kind, day, rows in of]
    change = held(query, lots) - held(query, [lot for lot in lots if lot[0][1] != "a"])
    (kinds, weeks) = (next(i for i, d in enumerate(query.by) if isinstance(d, of)) for of in (Classes, Windows))
    by_kind = np.moveaxis(change.reshape([3 * WORLDS, 4] if kinds < weeks else [4, 3 * WORLDS]), kinds, 0)
    for n in range(WORLDS):
        squares = sum(int(one) ** 2 for one in by_kind[3 * n : 3 * n + 3].ravel())
        assert squares <= part.squared == round(float(most) * NORM_STEPS) ** 2
    assert change.any() == any(lot[0][1] == "a" for lot in lots), "the figures are those of the units taken away"
    assert enough(part.scale, part.squared, part.cost_nanorho)


def test_what_is_short_enough_counts_whole_and_what_is_longer_keeps_its_direction() -> None:
    query = asked("5.001", None)
    assert held(query, [("a", "x", 0, 3), ("a", "y", 0, 4)]).tolist()[::4] == [3000, 4000, 0]
    longer = held(asked("5", None), [("a", "x", 0, 6), ("a", "y", 7, 8)])
    assert sorted(longer[longer > 0].tolist()) == [2999, 3999], "halved, cut to whole steps from below"


def test_a_window_looks_at_no_later_one() -> None:
    """The k-th active week may have the share 0.25 * 0.75^(k - 1) of the square; what comes later changes nothing."""
    query, week = asked("2"), [("a", "x", 0, 9)]
    first, both = held(query, week), held(query, [*week, ("a", "x", 15, 9)])
    assert first[0] == both[0] == 999
    assert both[2] == math.floor(2000 * math.sqrt(0.25 * 0.75)), "the second active week, though the third of all"
    assert both[[1, 3]].tolist() == [0, 0]


def test_weeks_and_weekends_have_names() -> None:
    query = asked("2", by=[{"windows": WEEKS}, {"windows": CLOCK}])
    names = [row["week"] for row in answers.rows_of(query, {"count": [0] * 16})]
    assert sorted(set(names)) == ["2019-09-02", "2019-09-09", "2019-09-16", "2019-09-23"]
    rows = list(answers.rows_of(query, {"count": held(query, [("a", "x", 5, 1), ("b", "x", 7, 1)]).tolist()}))
    counted = {(row["week"], row["at"]): row["count"] for row in rows if row["count"] != "0"}
    assert counted == {("2019-09-02", "weekend T12"): "0.999", ("2019-09-09", "weekday T12"): "0.999"}


def test_a_weekend_starts_on_saturday_whatever_day_the_windows_start() -> None:
    tuesday = {**CLOCK, "from": "2019-09-03"}
    query = asked("99", None, by=[{"windows": tuesday}])
    assert held(query, [(f"u{day}", "x", day, 1) for day in range(28)]).tolist() == [0, 19000, 0, 8000]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"norm_per_unit": {"most": 0}}, "norm_per_unit.most"),
        ({"norm_per_unit": {"most": "nan"}}, "norm_per_unit.most"),
        ({"norm_per_unit": {"most": "0.0001"}}, "norm_per_unit.most"),
        ({"norm_per_unit": {"most": 10_000_000}}, "norm_per_unit.most"),
        ({"norm_per_unit": {}}, "norm_per_unit.most"),
        ({"norm_per_unit": 3}, "norm_per_unit"),
        ({"norm_per_unit": {"most": 1, "share": 1}}, "norm_per_unit.share"),
        ({"norm_per_unit": {"most": 1, "share": -0.2}}, "norm_per_unit.share"),
        ({"norm_per_unit": {"most": 1, "weight": 2}}, "norm_per_unit.weight"),
        ({"rows_per_unit": 3}, "rows_per_unit"),
        ({"rows_per_group": 3}, "rows_per_group"),
        ({"kind": "sum", "value": {"column": "fare", "lower": 0, "upper": 1}}, "norm_per_unit"),
        ({"by": [KINDS]}, "norm_per_unit.share"),
        ({"by": [{"windows": CLOCK}]}, "norm_per_unit.share"),
        ({"by": [{"windows": WEEKS}, {"windows": {**WEEKS, "name": "again"}}]}, "norm_per_unit.share"),
        ({"by": [{"windows": WEEKS}, {"windows": WEEKS}]}, "by"),
        ({"by": [{"windows": {**WEEKS, "hours": 3}}]}, "by[0].windows.days"),
        ({"by": [{"windows": {**WEEKS, "days": 6}}]}, "by[0].windows.days"),
        ({"by": [{"windows": {**WEEKS, "weekends": True}}]}, "by[0].windows.weekends"),
        ({"by": [{"windows": {**WEEKS, "name": "a name"}}]}, "by[0].windows.name"),
    ],
)
def test_what_a_norm_may_not_be(change: dict[str, Any], where: str) -> None:
    good = {"kind": "count", "norm_per_unit": {"most": 2, "share": "0.25"}, "by": [KINDS, {"windows": WEEKS}],
            "spend": {"rho": "0.1"}}  # fmt: skip
    query, found = query_of({**good, **change})
    assert query is None
    assert where in {problem.where for problem in found.problems}, found.problems


def test_the_form_is_read_back_as_the_same_question() -> None:
    query = asked("2.50", by=[{"windows": WEEKS}, {"windows": CLOCK}])
    again, _ = query_of(query.asked)
    assert again == query
    assert query.asked["norm_per_unit"] == {"most": "2.5", "share": "0.25"}
    assert not could_overflow(asked("1000000"))


def test_the_noise_has_the_variance_that_the_length_asks_for() -> None:
    pytest.importorskip("opendp")
    query = asked("2", spend={"rho": "0.02"})
    (part,) = parts(query)
    drawn = np.array(noise.gaussian([0] * 4000, part)) / NORM_STEPS
    wanted = 2**2 / (2 * 0.02)
    assert abs(drawn.var() / wanted - 1) < 7 * math.sqrt(2 / 4000)
    assert answers.accuracy(query) == {"count": {"within_95": "19.6"}}


def test_a_bounded_count_is_debited_drawn_and_kept_like_any_answer(node_folder: Path) -> None:
    pytest.importorskip("opendp")
    store = world.built(sqlite_url(node_folder / "datong.db"), node_folder)
    world.cap(store, "0.02")
    question = {"kind": "count", "norm_per_unit": {"most": "2.5"}, "spend": {"rho": "0.02"},
                "by": [{"classes": {"column": "kind", "values": ["bike", "car"]}}]}  # fmt: skip
    first, again = world.asked(store, question, "lab-1"), world.asked(store, question, "lab-2")
    assert first["rows"] == again["rows"]
    assert (first["cost_rho"], again["free"], world.stands(store)["left_rho"]) == ("0.02", True, "0")
    assert all(Decimal(row["count"]) % Decimal("0.001") == 0 for row in first["rows"])
    with pytest.raises(Refusal) as over:
        world.paid(store, {**question, "norm_per_unit": {"most": "2.6"}})
    assert over.value.code == "DID-473"
    store.dispose()

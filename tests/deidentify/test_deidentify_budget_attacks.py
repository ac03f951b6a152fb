"""Attacks on noisy answers that must fail: averaging, differencing, many names, asking again for other noise."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from budget_world import COUNT, asked, built, cap, costing, paid, stands
from datong.deidentify import service as deidentify
from datong.deidentify.model.budget import Query
from datong.deidentify.rules.budget.plan import plan_of
from datong.deidentify.rules.budget.reading import query_of
from datong.deidentify.rules.budget.sensitivity import parts
from datong.deidentify.service import noise
from datong.engine import service as engine
from datong.ground.db import Store, sqlite_url
from datong.ground.refusal import Refusal

pytest.importorskip("opendp")


@pytest.fixture
def rides(node_folder: Path) -> Iterator[Store]:
    made = built(sqlite_url(node_folder / "datong.db"), node_folder)
    yield made
    made.dispose()


def test_averaging_the_same_question_under_many_names_averages_nothing(rides: Store) -> None:
    cap(rides, "0.05")
    told = {json.dumps(asked(rides, COUNT, f"buyer-{n}")["rows"]) for n in range(12)}
    assert len(told) == 1
    assert stands(rides)["spent_rho"] == "0.01"


def test_the_same_question_written_otherwise_draws_no_other_noise(rides: Store) -> None:
    cap(rides, "1")
    first = asked(rides, COUNT)["rows"]
    for otherwise in (
        {**COUNT, "by": [{"classes": {"values": ["car", "bike"], "column": "kind"}}]},
        {**COUNT, "spend": {"rho": 0.010}},
        {**COUNT, "rows_per_group": 5},
        dict(reversed(list(COUNT.items()))),
    ):
        assert asked(rides, otherwise)["rows"] == first
    assert stands(rides)["spent_rho"] == "0.01"


def test_averaging_questions_that_differ_costs_what_it_wins(rides: Store) -> None:
    """Two questions that mean the same but are not: each is paid for, and rho adds up as the variance falls."""
    cap(rides, "0.02")
    other = {**COUNT, "by": [{"classes": {"column": "kind", "values": ["bike", "car", "nothing"]}}]}
    assert asked(rides, COUNT)["rows"] != asked(rides, other)["rows"][:2]
    assert stands(rides)["left_rho"] == "0"
    with pytest.raises(Refusal, match="DID-473"):
        paid(rides, {**COUNT, "rows_per_unit": 4})


def test_buyers_together_cannot_pass_the_cap(rides: Store) -> None:
    cap(rides, "0.05")
    for n in range(5):
        paid(rides, costing("0.01", rows_per_unit=n + 1), f"buyer-{n}")
    for n in range(5, 8):
        with pytest.raises(Refusal, match="DID-473"):
            paid(rides, costing("0.01", rows_per_unit=n + 1), f"buyer-{n}")
    row = stands(rides)
    assert (row["spent_rho"], len(row["consumers"])) == ("0.05", 5)


def test_differencing_by_one_rider_tells_little_more_than_a_coin() -> None:
    """Who knows everybody else's rides and subtracts them: how much better than guessing whether one rider is there.

    Without noise always right. With rho, the advantage is at most sqrt(rho / 2) (Pinsker: the divergence is at most rho).
    """
    query, _ = query_of(costing("0.1", rows_per_unit=1, by=[]))
    assert query is not None
    draws, rho = 6000, 0.1
    with_rider, without = (figures_of(query, [n] * draws) for n in (41, 40))
    guessed = sum(n >= 41 for n in with_rider) / draws - sum(n >= 41 for n in without) / draws
    assert 0 < guessed < math.sqrt(rho / 2) + 6.5 * math.sqrt(0.5 / draws)


def figures_of(query: Query, counts: list[int]) -> list[int]:
    (part,) = parts(query)
    return noise.gaussian(counts, part)


def test_a_retry_brings_no_other_noise(rides: Store) -> None:
    cap(rides, "1")
    release = paid(rides, COUNT)["release"]
    first = deidentify.draw(rides, release)
    assert all(deidentify.draw(rides, release) == first for _ in range(3))
    assert paid(rides, COUNT)["answer"] == first["answer"]


def test_a_value_no_bound_holds_moves_a_sum_no_further_than_the_bound() -> None:
    """An outlier put there to be seen is clamped: the true sum moves by the bound, not by the value."""
    query, _ = query_of(
        {"kind": "sum", "rows_per_unit": 2, "value": {"column": "fare", "lower": 0, "upper": 50}, "spend": {"rho": 1}}
    )
    assert query is not None
    for fare in (1e300, float("inf"), float("nan"), -1e300):
        table = pa.table({"unit": ["a", "a", "a", "b"], "fare": [fare, fare, fare, 7.0]})
        (row,) = engine.run(plan_of(query, "unit"), {"harmonised": table}, want=["figures"])["figures"].to_pylist()
        assert 7 <= row["s"] <= 107


def test_the_time_that_one_rider_wrote_moves_nobody_elses(rides: Store) -> None:
    """Read as times, a text that names its zone gave that zone to the texts after it that name none: one rider moved
    all the others. So only what was read as a time when it was harmonised makes windows."""
    cap(rides, "1")
    dates = {"zone": "UTC", "from": "2019-09-01", "until": "2019-09-08", "hours": 6}
    with pytest.raises(Refusal, match="DID-470") as told:
        paid(rides, {**COUNT, "by": [{"windows": {"column": "kind", **dates}}]})
    assert [problem.where for problem in told.value.problems] == ["windows.column"]
    assert stands(rides)["spent_rho"] == "0"

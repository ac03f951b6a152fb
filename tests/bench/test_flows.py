"""bench/flows.py: every group holds k riders, nothing is told twice, a rest never tells a group's own; the page."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def flows() -> ModuleType:
    spec = importlib.util.spec_from_file_location("flows", ROOT / "bench" / "flows.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made(flows: ModuleType, seed: int, trips: int = 600):
    chance = np.random.default_rng(seed)
    areas = chance.choice(5, trips, p=[0.5, 0.25, 0.15, 0.07, 0.03])
    windows = np.minimum(chance.poisson(20, trips), 55)
    return flows.Trips(chance.integers(0, 90, trips), areas, np.zeros(trips, int), windows, 5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [5, 21])
def test_groups_hold_k_and_give_every_start_once(flows: ModuleType, seed: int, k: int) -> None:
    trips = made(flows, seed)
    for levels in (flows.PATTERN, flows.NAIVE):
        told, riders, shares = flows.partition(trips, k, levels)
        assert min(riders) >= k
        assert told.sum() == pytest.approx(sum(shares) * len(trips.rider))
        _, with_rests, _ = flows.partition(trips, k, levels, with_rests=True)
        assert min(with_rests) >= k
        assert len(with_rests) > len(riders)


@pytest.mark.parametrize("seed", range(5))
def test_a_told_rest_forces_nothing_of_a_group(flows: ModuleType, seed: int) -> None:
    """The best an attacker can do with rests and group totals: fill all other groups of the window to the brim."""
    trips = made(flows, seed, 300)
    left = np.ones(len(trips.rider), bool)
    rest = flows.rests(trips, left, 5, flows.PATTERN)
    group = flows.PATTERN[1](trips.area, trips.window)
    for window in np.flatnonzero(np.isfinite(rest)):
        around = {int(flows.PATTERN[1](np.array(a), np.array(window))) for a in range(trips.areas)}
        sizes = {g: int((group == g).sum()) for g in around}
        for size in sizes.values():
            if size:
                assert rest[window] <= sum(sizes.values()) - size
        assert len(set(trips.rider[trips.window == window])) >= 5


def test_resampling_draws_riders_with_all_their_trips(flows: ModuleType) -> None:
    trips = made(flows, 1)
    drawn = trips.resampled(np.random.default_rng(2))
    sizes = {tuple(sorted(zip(trips.area[trips.rider == r], trips.window[trips.rider == r], strict=True)))
             for r in range(trips.rider.max() + 1)}  # fmt: skip
    for rider in range(trips.rider.max() + 1):
        own = drawn.rider == rider
        assert tuple(sorted(zip(drawn.area[own], drawn.window[own], strict=True))) in sizes


def test_the_page_is_the_results(flows: ModuleType) -> None:
    assert flows.PAGE.read_text("utf-8") == flows.page(json.loads(flows.RESULTS.read_text("utf-8")))

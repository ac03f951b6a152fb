"""bench/flows.py: every group holds k riders, nothing is told twice, the node's own rounds give it; bench/flows_page.py."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from datong.compose.rules import frontier_problems
from datong.deidentify.rules.fitting import flows_of
from datong.deidentify.rules.recipe import recipe_of
from scripts import loaded

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def flows() -> ModuleType:
    return loaded(ROOT / "bench" / "flows.py", "flows")


@pytest.fixture(scope="module")
def flows_page() -> Iterator[ModuleType]:
    sys.path.append(str(ROOT / "bench"))  # it imports flows_dp, which lies beside it
    yield loaded(ROOT / "bench" / "flows_page.py", "flows_page")
    sys.path.remove(str(ROOT / "bench"))


def made(flows: ModuleType, seed: int, trips: int = 900, riders: int = 400):
    """One week of trips in twelve areas, as unequal as those of a town."""
    chance = np.random.default_rng(seed)
    areas = chance.choice(12, trips, p=np.array([6, 5, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1]) / 36)
    hours = chance.choice(8, trips, p=[0.02, 0.03, 0.1, 0.2, 0.15, 0.2, 0.2, 0.1])
    windows = chance.integers(0, 7, trips) * 8 + hours
    drawn = flows.Trips(chance.integers(0, riders, trips), areas, np.full(trips, flows.TEST[0]), windows, 12)
    drawn.cells = [(number % 4, number // 4) for number in range(12)]
    return drawn


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [5, 21])
def test_groups_hold_k_and_give_every_start_once(flows: ModuleType, seed: int, k: int) -> None:
    trips = made(flows, seed)
    for levels, also in ((flows.PATTERN, ()), (flows.PATTERN, flows.RESTS), (flows.NAIVE, ())):
        release = flows.released(trips, k, levels, also)
        assert min(release.riders) >= k
        assert release.read().sum() == pytest.approx(sum(release.shares) * len(trips.rider))


@pytest.mark.parametrize(("seed", "k"), [(1, 5), (2, 3)])
def test_the_node_releases_and_the_buyer_reads_what_is_measured(
    flows: ModuleType, tmp_path: Path, seed: int, k: int
) -> None:
    """The recipe's rounds in SQL give the groups and rests of the arrays; the delivered rows fit to the same flows."""
    trips, first = made(flows, seed), flows.TEST[0]
    recipe = {**flows.recipe_for(k, first, 1), "form": "enclave"}
    there = flows.by_the_node(flows.written(trips, tmp_path / "trips.parquet"), recipe)
    here = flows.by_the_arrays(trips, k, first, 1)
    assert there == here
    assert {int(group.partition(":")[0]) for group in here} >= {0, 1, 2, 3, 6, 7, 8}, "rests are told too"
    rows = [{"group_id": group, "starts": starts} for group, starts in there.items()]
    read = flows_of(recipe_of(recipe), rows, "starts")
    order = [read.cells.index(cell) for cell in trips.cells]
    assert read.events[order] == pytest.approx(flows.released(trips, k, flows.PATTERN, flows.RESTS).read(), abs=1e-6)


def test_resampling_draws_riders_with_all_their_trips(flows: ModuleType) -> None:
    trips = made(flows, 1)
    drawn = trips.resampled(np.random.default_rng(2))
    sizes = {tuple(sorted(zip(trips.area[trips.rider == r], trips.window[trips.rider == r], strict=True)))
             for r in range(trips.rider.max() + 1)}  # fmt: skip
    for rider in range(trips.rider.max() + 1):
        own = drawn.rider == rider
        assert tuple(sorted(zip(drawn.area[own], drawn.window[own], strict=True))) in sizes


def test_the_page_is_the_results(flows_page: ModuleType) -> None:
    for path, text in flows_page.texts().items():
        assert path.read_text("utf-8") == text, path
    front = json.loads((flows_page.RESULTS / "frontier.json").read_text("utf-8"))
    assert frontier_problems(front) == [], "a product's owner can attach it"

"""Marginals: what the groups and their rests tell together forces nothing of fewer than k persons.

The attackers here share no code with the rule: on small tables they try every table of whole numbers with the told
sums; on the real trips they look for one by augmenting paths, for every set of persons in a row or a column they meet.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib import import_module
from itertools import combinations, product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deidentify_world import PROVIDER, actor, recipe_value
from hypothesis import given, settings
from hypothesis import strategies as st
from test_deidentify_gate import Scene, edited, real_trips

from datong.deidentify import service as deidentify
from datong.deidentify.rules import rests
from datong.deidentify.rules.nodes import node_at
from datong.deidentify.rules.recipe import recipe_of
from datong.deidentify.service.partitions import agreed_groups, rests_in

Event = tuple[int, int, int]
"""row, column, person."""

PATTERN = [
    {"km": 4, "hours": 3},
    {"km": 4, "hours": 3, "over": "week", "days": "alike"},
    {"km": 4, "hours": "day_or_night", "over": "week", "days": "alike"},
    {"km": 4, "hours": "whole", "over": "week"},
    {"km": "whole", "hours": "whole", "over": "week"},
    {"km": "whole", "hours": "whole"},
]
MARGINALS = [{"groups_of": n, "km": "whole", "times_of": n - 1} for n in (1, 2, 3)]
STARTS = {"part": "bike", "resource": "R-BIKE", "standard": "trip", "measures": [
    {"name": "starts", "subject": "rider_id", "time": "started_at", "lat": "start_lat", "lon": "start_lon",
     "events_as": "starts", "subjects_as": "start_riders"}]}  # fmt: skip


def value_of(k: int = 5, **items: Any) -> dict[str, Any]:
    asked = {
        "levels": PATTERN, "marginals": MARGINALS, "parts": [STARTS], "period": {"from": "2019-09-01", "until": "2019-10-01"},
        "area": {"south": 42.0, "west": -72.8, "north": 42.5, "east": -72.4},
    }  # fmt: skip
    return recipe_value(k, **{**asked, **items})


def one_table(events: list[Event], opened: list[list[bool]]) -> rests.Tables:
    counted = Counter(events)
    row, column, person = (np.array([e[n] for e in counted], np.int64) for n in range(3))
    bits = np.array([sum(1 << c for c, there in enumerate(line) if there) for line in opened], np.int64)
    return rests.Tables(
        np.zeros(len(opened), np.int64), bits, np.array([len(opened[0])]), row, column, person,
        np.array(list(counted.values()), np.int64),
    )  # fmt: skip


def fillings(row_sums: list[int], column_sums: list[int | None], opened: list[list[bool]]) -> Iterator[list[list[int]]]:
    """Every table of whole numbers with these sums; a column of None may hold anything."""

    def ways(total: int, columns: list[int]) -> Iterator[list[int]]:
        if not columns:
            if total == 0:
                yield []
            return
        for here in range(total + 1):
            for more in ways(total - here, columns[1:]):
                yield [here, *more]

    lines = []
    for total, line in zip(row_sums, opened, strict=True):
        columns = [c for c, there in enumerate(line) if there]
        lines.append([dict(zip(columns, way, strict=True)) for way in ways(total, columns)])
    for chosen in product(*lines):
        table = [[line.get(c, 0) for c in range(len(column_sums))] for line in chosen]
        if all(s is None or sum(r[c] for r in table) == s for c, s in enumerate(column_sums)):
            yield table


def exposed(events: list[Event], opened: list[list[bool]], told: Iterable[int], k: int) -> bool:
    """Whether the sums tell that some of fewer than k persons must have been in a set of inner figures."""
    told = set(told)
    rows, columns = len(opened), len(opened[0])
    row_sums = [sum(e[0] == r for e in events) for r in range(rows)]
    column_sums = [sum(e[1] == c for e in events) if c in told else None for c in range(columns)]
    there = list(fillings(row_sums, column_sums, opened))
    behind: dict[tuple[int, int], set[int]] = defaultdict(set)
    for r, c, person in events:
        behind[r, c].add(person)
    everybody = sorted({e[2] for e in events})
    for size in range(1, k):
        for few in combinations(everybody, size):
            theirs = [(r, c) for r in range(rows) for c in range(columns) if behind[r, c] <= set(few)]
            if not any(all(table[r][c] == 0 for r, c in theirs) for table in there):
                return True
    return False


SMALL = st.integers(2, 3).flatmap(
    lambda rows: st.integers(2, 3).flatmap(
        lambda columns: st.tuples(
            st.lists(st.lists(st.booleans(), min_size=columns, max_size=columns), min_size=rows, max_size=rows),
            st.lists(st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1), st.integers(0, 5)), min_size=4, max_size=11),
        )
    )
)  # fmt: skip


@given(SMALL, st.integers(2, 3))
@settings(max_examples=150, deadline=None)
def test_nothing_of_fewer_than_k_is_forced(case: tuple[list[list[bool]], list[Event]], k: int) -> None:
    opened, events = case
    for row in {e[0] for e in events}:  # what is not a group of k persons is in no row
        if len({e[2] for e in events if e[0] == row}) < k:
            events = [e for e in events if e[0] != row]
    if not events:
        return
    kept = sorted({e[0] for e in events})
    events = [(kept.index(r), c, p) for r, c, p in events]
    opened = [
        [opened[r][c] or any(e[:2] == (n, c) for e in events) for c in range(len(opened[0]))]
        for n, r in enumerate(kept)
    ]
    tables = one_table(events, opened)
    bad = rests.forcing(tables, k)
    for told in range(1 << len(opened[0])):
        columns = [c for c in range(len(opened[0])) if told >> c & 1]
        if not bad[0, told]:
            assert not exposed(events, opened, columns, k)
            assert all(len({e[2] for e in events if e[1] == c}) >= k for c in columns)
    (best,) = rests.most_told(bad, tables.column_sums())
    assert not bad[0, best]


def test_what_is_told_and_what_is_not() -> None:
    """Three groups over three times, twelve persons a group: told when spread; not when sums pin few persons down."""
    opened = [[True] * 3] * 3
    spread = [(r, c, 100 * r + 10 * c + n) for r in range(3) for c in range(3) for n in range(4)]
    assert not rests.forcing(one_table(spread, opened), 5)[0, 0b111]
    alone = [(0, 0, n) for n in range(12)] + [(1, 1, 20 + n) for n in range(12)] + [(1, 0, 40), (0, 1, 41)]
    told = rests.forcing(one_table(alone, [[True, True], [True, True]]), 5)
    assert not told[0, 0b01] and not told[0, 0b11], "any swap of two starts is another table"
    full = [(0, 0, n) for n in range(20)] + [(1, 0, 30 + n) for n in range(2)] + [(1, 1, 40 + n) for n in range(4)]
    assert exposed(full, [[True, False], [True, True]], [0], 5)
    assert rests.forcing(one_table(full, [[True, False], [True, True]]), 5)[0, 0b01], "22 less the 20 that others hold"
    last = [(r, 0, 10 * r + n) for r in range(2) for n in range(8)] + [(0, 1, 50), (1, 1, 51)]
    assert rests.forcing(one_table(last, [[True] * 2] * 2), 5)[0, 0b01], "the column not told is the difference"


# --- the recipe, the rounds, the table ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real_trips(tmp_path_factory.mktemp("rests") / "trips.parquet")


def rounds_of(value: dict[str, Any], data: Path) -> list[list[str]]:
    passed: list[list[str]] = []
    for number in range(len(recipe_of(value).rounds)):
        released = [node for nodes in passed for node in nodes]
        passed.append(deidentify.holding(data=data, recipe=value, resource="R-BIKE", level=number, released=released))
    return passed


class Flow:
    """Whether rows of `held` can be emptied into columns of exactly `told` over these edges; by augmenting paths."""

    def __init__(self, held: list[int], told: list[int | None]) -> None:
        self.held, self.told = held, told

    def fills(self, edges: set[tuple[int, int]]) -> bool:
        return self._moved(edges, self.held, [10**9 if t is None else t for t in self.told]) == sum(self.held) and (
            self._moved(edges, self.held, [t or 0 for t in self.told]) == sum(t or 0 for t in self.told)
        )

    def _moved(self, edges: set[tuple[int, int]], supply: list[int], room: list[int]) -> int:
        rows, columns = len(supply), len(room)
        capacity: dict[tuple[Any, Any], int] = defaultdict(int)
        near: dict[Any, set[Any]] = defaultdict(set)
        for a, b, most in [
            *((-1, r, supply[r]) for r in range(rows)), *((r, rows + c, 10**9) for r, c in edges),
            *((rows + c, -2, room[c]) for c in range(columns)),
        ]:  # fmt: skip
            capacity[a, b] = most
            near[a].add(b)
            near[b].add(a)
        moved = 0
        while True:
            came: dict[Any, Any] = {-1: -1}
            queue = deque([-1])
            while queue and -2 not in came:
                here = queue.popleft()
                for there in near[here]:
                    if there not in came and capacity[here, there] > 0:
                        came[there] = here
                        queue.append(there)
            if -2 not in came:
                return moved
            path, there = [], -2
            while there != -1:
                path.append((came[there], there))
                there = came[there]
            least = min(capacity[edge] for edge in path)
            for a, b in path:
                capacity[a, b] -= least
                capacity[b, a] += least
            moved += least


def test_real_trips_no_few_riders_of_a_group_or_a_time_are_singled_out(real: Path) -> None:
    """September of the example: for every group and every time, the fewest riders that an attacker may aim at."""
    value = value_of(5)
    recipe, passed = recipe_of(value), rounds_of(value, real)
    groups = [node for nodes in passed[: len(PATTERN)] for node in nodes]
    assert all(nodes for number, nodes in enumerate(passed) if number != 5), "only the whole period has nothing left"
    attacks = told_in_all = 0
    for marginal, told in enumerate(passed[len(PATTERN) :]):
        grid = rests.grid_of(recipe, marginal, groups)
        rows = rests_in(real, recipe, recipe.parts[0], marginal, groups)
        by_table: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            by_table[grid.column_of[row["node"]][0]].append(row)
        for table, own in by_table.items():
            told_here = {grid.column_of[node][1] for node in told if grid.column_of[node][0] == table}
            told_in_all += len(told_here)
            if not told_here:
                continue
            members = sorted({row["group_id"] for row in own})
            width = len(grid.nodes[table])
            edges = {(n, c) for n, g in enumerate(members) for c in range(width) if grid.open[grid.row_of[g]] >> c & 1}
            held, sums = [0] * len(members), [0] * width
            behind: dict[tuple[int, int], set[str]] = defaultdict(set)
            for row in own:
                at = members.index(row["group_id"]), grid.column_of[row["node"]][1]
                held[at[0]] += row["events"]
                sums[at[1]] += row["events"]
                behind[at].add(row["subject"])
                assert at in edges
            flow = Flow(held, [s if c in told_here else None for c, s in enumerate(sums)])
            assert flow.fills(edges)
            aims = {frozenset(sorted(riders)[:4]) for riders in behind.values()}
            for line in range(len(members)):  # the riders least seen elsewhere, of one group and of one time
                aims.add(frozenset(sorted(set().union(*(b for at, b in behind.items() if at[0] == line)))[:4]))
            for few in aims:
                theirs = {edge for edge in edges if behind[edge] <= few}
                assert flow.fills(edges - theirs), (table, few)
                attacks += 1
    assert attacks > 500 and told_in_all > 30


TEN = value_of(10, period={"from": "2019-09-01", "until": "2019-09-17"})


@pytest.fixture
def scene(tmp_path: Path, real: Path) -> Iterator[Scene]:
    made = Scene(tmp_path, {"R-BIKE": real}, "R-BIKE", TEN)
    yield made
    made.bureau.dispose()
    made.node.dispose()


def test_a_supply_with_marginals_passes_the_gate_and_is_what_the_events_say(scene: Scene, real: Path) -> None:
    scene.assess()
    risk = scene.release()["risk"]
    assert risk["level"] == 3 and risk["f_min"] >= 10
    recipe = recipe_of(TEN)
    rows = {row["group_id"]: row for row in scene.table.to_pylist()}
    nodes = {group: deidentify.node_of(recipe, group) for group in rows}
    told = {group for group, node in nodes.items() if deidentify.is_rest(recipe, node)}
    assert told and len(told) < len(rows)
    truth: Counter[str] = Counter()
    riders: dict[str, set[str]] = defaultdict(set)
    zone = ZoneInfo(recipe.zone)
    for trip in pq.read_table(real).to_pylist():
        at, lat, lon = trip["started_at"], trip["start_lat"], trip["start_lon"]
        if at is None or not (42.0 <= lat < 42.5 and -72.8 <= lon < -72.4):
            continue
        local: datetime = at.astimezone(zone).replace(tzinfo=None)
        if not recipe.since <= local.date() < recipe.until:
            continue
        mine = [str(node_at(recipe, n, lat, lon, local)) for n in range(len(recipe.rounds))]
        group = next((node for node in mine[: len(PATTERN)] if node in rows), None)
        if group is None:
            continue
        truth[group] += 1
        riders[group].add(trip["rider_id"])
        for number, marginal in enumerate(recipe.marginals, len(PATTERN)):
            if nodes[group].level == marginal.of:
                truth[mine[number]] += 1
                riders[mine[number]].add(trip["rider_id"])
    assert {group: row["starts"] for group, row in rows.items()} == {group: truth[group] for group in rows}
    for group, row in rows.items():
        assert row["start_riders"] == (None if group in told else len(riders[group]))
        assert len(riders[group]) >= 10
    number = next(n for n, row in enumerate(scene.table.to_pylist()) if row["start_riders"] is None)
    for change in ({"start_riders": 12}, {"starts": 9}, {"starts": None}):  # numbers of events and nothing else
        wrong = edited(scene.table, lambda row, change=change: row.update(change), number)
        assert scene.refused(scene.write(wrong, "wrong.parquet")).code == "DID-414"


def test_the_gate_refuses_rests_that_force_something(scene: Scene, real: Path) -> None:
    """The rounds would not tell these; the gate, which has the events, finds them itself: every time of a table told."""
    scene.assess()
    recipe = recipe_of(TEN)
    with scene.node.read() as tx:
        agreed = agreed_groups(tx, deidentify.partition_part(tx, part=scene.part))
    grid = rests.grid_of(
        recipe, 0, [g for g in agreed if not deidentify.is_rest(recipe, deidentify.node_of(recipe, g))]
    )
    everything = sorted({*agreed, *(node for own in grid.nodes for node in own)})
    table = deidentify.counts(data=real, recipe=TEN, resource="R-BIKE", groups=everything)
    table = table.filter(pa.array([row["starts"] >= 10 for row in table.to_pylist()]))
    with pytest.MonkeyPatch.context() as patch:
        groups = sorted(table["group_id"].to_pylist())
        patch.setattr(import_module("datong.deidentify.service.releases"), "agreed_groups", lambda tx, row: groups)
        refusal = scene.refused(scene.write(table, "all.parquet"))
    assert refusal.code == "DID-436" and refusal.problems[0].where.startswith("6:*:2019-")
    assert not any(f"{n} " in problem.en for problem in refusal.problems for n in range(10)), "no figure is told"


def test_beside_other_overlapping_groups_it_is_refused(scene: Scene) -> None:
    """What three tables tell together is not computed, so it does not leave."""
    scene.assess()
    scene.release()
    other = value_of(10, period=TEN["period"], origin={"lat": 42.01, "lon": -72.81})
    del other["marginals"]
    scene.part = scene.agree(other, "partition-2", group="a friend of the same recipient")
    with scene.node.begin(actor("data_engineer", PROVIDER), "deliver") as tx:
        table = deidentify.supply(tx, part=scene.part, data=scene.data)
    refusal = scene.refused(scene.write(table, "other.parquet"))
    assert refusal.code == "DID-413" and "three tables" in str(refusal)

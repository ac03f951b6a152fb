"""Reading questions: every mistake at once, one canonical form, the public partition by name."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from budget_world import COUNT, costing
from datong.deidentify.model.budget import Query
from datong.deidentify.rules.budget import answers, reading
from datong.deidentify.rules.budget.reading import query_of
from datong.deidentify.rules.budget.sensitivity import parts
from datong.deidentify.service.budgets import aggregated

ROOT = Path(__file__).parents[2]
AREA = {"south": 42.0, "west": -72.8, "north": 42.2, "east": -72.6}
CELLS = {"km": 4, "origin": {"lat": 42.0, "lon": -72.8}, "area": AREA}
WINDOWS = {"column": "at", "zone": "America/New_York", "from": "2019-09-01", "until": "2019-09-03", "hours": 3}
FARE = {"column": "fare", "lower": 0, "upper": 50, "step": 0.01}


def cells(name: str) -> dict[str, Any]:
    return {"cells": {"name": name, "lat": f"{name}_lat", "lon": f"{name}_lon", **CELLS}}


FLOW = {
    "kind": "flow", "rows_per_unit": 20, "by": [cells("origin"), cells("destination"), {"windows": WINDOWS}],
    "spend": {"epsilon": 1, "delta": 1e-6},
}  # fmt: skip


def good(value: Any) -> Query:
    query, found = query_of(value)
    assert query is not None, found.problems
    return query


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"kind": "median"}, "kind"),
        ({"rows_per_unit": 0}, "rows_per_unit"),
        ({"rows_per_unit": True}, "rows_per_unit"),
        ({"rows_per_group": 9}, "rows_per_group"),
        ({"spend": {"rho": 0}}, "spend.rho"),
        ({"spend": {"rho": -1}}, "spend.rho"),
        ({"spend": {"rho": "nan"}}, "spend.rho"),
        ({"spend": {"rho": float("nan")}}, "spend.rho"),
        ({"spend": {"rho": float("inf")}}, "spend.rho"),
        ({"spend": {"rho": "0.0000000001"}}, "spend.rho"),
        ({"spend": {"epsilon": "0.00000001", "delta": 1e-6}}, "spend.epsilon"),  # less than one nano-rho
        ({"spend": {"epsilon": 0, "delta": 1e-6}}, "spend.epsilon"),
        ({"spend": {"epsilon": -2, "delta": 1e-6}}, "spend.epsilon"),
        ({"spend": {"epsilon": 1}}, "spend.delta"),
        ({"spend": {"epsilon": 1, "delta": 0}}, "spend.delta"),
        ({"spend": {"epsilon": 1, "delta": 0.5}}, "spend.delta"),
        ({"spend": {"rho": 1, "epsilon": 1, "delta": 1e-6}}, "spend"),
        ({"spend": None}, "spend"),
        ({"value": FARE}, "value"),
        ({"kind": "sum"}, "value"),
        ({"kind": "sum", "value": {**FARE, "upper": "nan"}}, "value.upper"),
        ({"kind": "sum", "value": {**FARE, "lower": float("-inf")}}, "value.lower"),
        ({"kind": "sum", "value": {**FARE, "upper": 0}}, "value.upper"),
        ({"kind": "sum", "value": {**FARE, "upper": 0.005}}, "value"),
        ({"kind": "sum", "value": {**FARE, "step": 0}}, "value.step"),
        ({"kind": "sum", "value": {**FARE, "upper": 1e17}}, "value"),
        ({"kind": "sum", "rows_per_unit": 1_000_000, "value": {**FARE, "upper": 90_000}}, "value"),
        ({"kind": "quantile", "value": FARE}, "levels"),
        ({"kind": "quantile", "value": FARE, "levels": [0, 0.5]}, "levels"),
        ({"kind": "quantile", "value": {**FARE, "upper": 500}, "levels": [0.5]}, "value.step"),
        ({"levels": [0.5]}, "levels"),
        ({"kind": "histogram"}, "by"),
        ({"kind": "flow"}, "by"),
        ({"by": "kind"}, "by"),
        ({"by": [{"bins": {"column": "fare", "edges": [5, 5]}}]}, "by[0].bins.edges"),
        ({"by": [{"bins": {"column": "fare", "edges": [0, "nan"]}}]}, "by[0].bins.edges[1]"),
        ({"by": [{"classes": {"column": "kind", "values": ["a", "a"]}}]}, "by[0].classes.values"),
        ({"by": [{"windows": {**WINDOWS, "zone": "Mars/Base"}}]}, "by[0].windows.zone"),
        ({"by": [{"windows": {**WINDOWS, "hours": 5}}]}, "by[0].windows.hours"),
        ({"by": [{"cells": {**cells("a")["cells"], "area": {**AREA, "north": 41}}}]}, "by[0].cells"),
        ({"by": [{"cells": {**cells("a")["cells"], "km": 0}}]}, "by[0].cells.km"),
        ({"by": COUNT["by"] * 2}, "by"),
        ({"by": [{"sql": "drop"}]}, "by[0]"),
        ({"also": 1}, "query.also"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(change: dict[str, Any], where: str) -> None:
    query, found = query_of({**COUNT, **change})
    assert query is None
    assert where in [problem.where for problem in found.problems]
    assert all(problem.zh and problem.en for problem in found.problems)


@pytest.mark.parametrize(
    "value", [None, [], "count", 3, {}, {"by": [[]]}, {"kind": {}, "spend": [], "value": 1, "levels": 2}]
)
def test_nonsense_is_refused_and_breaks_nothing(value: Any) -> None:
    assert query_of(value)[0] is None


def test_all_mistakes_at_once() -> None:
    _, found = query_of({"kind": "sum", "rows_per_unit": -1, "value": {"column": 3}, "spend": {"rho": "x"}, "by": {}})
    assert {"rows_per_unit", "value.column", "value.lower", "spend.rho", "by"} <= {p.where for p in found.problems}
    _, found = query_of(COUNT, ["rider_id", "fare"])
    assert [p.where for p in found.problems] == ["by[0].classes.column"]


def test_the_same_question_has_one_form() -> None:
    first = good({**FLOW, "rows_per_group": 20, "spend": {"epsilon": "1.0", "delta": "0.000001"}})
    turned = dict(reversed(list(FLOW.items()))) | {"by": list(reversed(FLOW["by"]))}  # type: ignore[call-overload]
    assert good(turned).asked == first.asked
    assert good(first.asked).asked == first.asked, "the form is a question itself"
    assert good(costing("0.010")).asked == good(costing("0.01")).asked == good({**COUNT, "spend": {"rho": 1e-2}}).asked
    classes = {"classes": {"column": "kind", "values": ["car", "bike"]}}
    assert good({**COUNT, "by": [classes]}).asked == good(COUNT).asked
    assert good({**COUNT, "rows_per_unit": 6}).asked != good(COUNT).asked


def test_costs_of_parts_never_add_up_to_more() -> None:
    quantiles = {"kind": "quantile", "value": {**FARE, "step": 1}, "levels": [0.1, 0.5, 0.9]}
    for value in (COUNT, {**COUNT, "kind": "mean", "value": FARE}, costing("0.000000007", **quantiles)):
        query = good(value)
        assert 0 < sum(part.cost_nanorho for part in parts(query)) <= query.cost_nanorho


def test_every_event_falls_into_the_group_its_label_names() -> None:
    """The SQL that numbers groups and the labels of the numbers, on random events, some on the edges."""
    chance = random.Random(3)
    begin = datetime(2019, 8, 31, 20, tzinfo=UTC)
    rows = [
        {
            "unit": f"u{n}", "at": begin + timedelta(minutes=30 * chance.randrange(150)),
            "origin_lat": chance.choice([42.0, 42.2, 41.99, 42.0 + chance.random() / 4]),
            "origin_lon": chance.choice([-72.8, -72.6, -72.8 + chance.random() / 4]),
            "destination_lat": 42.1, "destination_lon": -72.7,
        }
        for n in range(600)
    ]  # fmt: skip
    query = good({**FLOW, "rows_per_unit": 1})
    held = aggregated(query, "unit", pa.Table.from_pylist(rows))
    counts = answers.spread(answers.groups_in(query), held, "n").tolist()
    told = {tuple(row.values())[:-1]: row["count"] for row in answers.rows_of(query, {"count": counts}) if row["count"]}
    assert sum(told.values()) > 80
    origin = next(d for d in query.by if reading.name_of(d) == "origin")
    assert isinstance(origin, reading.Cells)
    east, north = reading.km_factors(origin)
    expected: dict[tuple[Any, ...], int] = {}
    for row in rows:
        local = row["at"].astimezone(tz=reading.ZoneInfo("America/New_York"))
        if not (42.0 <= row["origin_lat"] < 42.2 and -72.8 <= row["origin_lon"] < -72.6):
            continue
        if not datetime(2019, 9, 1) <= local.replace(tzinfo=None) < datetime(2019, 9, 3):  # noqa: DTZ001 - local
            continue
        cell = f"{int((row['origin_lon'] + 72.8) * east // 4)},{int((row['origin_lat'] - 42.0) * north // 4)}"
        to = f"{int((-72.7 + 72.8) * east // 4)},{int((42.1 - 42.0) * north // 4)}"
        labels = {"origin": cell, "destination": to, "at": f"{local:%Y-%m-%d}T{local.hour // 3 * 3:02d}"}
        group = tuple(labels[reading.name_of(d)] for d in query.by)
        expected[group] = expected.get(group, 0) + 1
    assert told == expected


def test_figures_are_told_in_the_units_of_the_value() -> None:
    query = good({**COUNT, "kind": "mean", "value": FARE})
    (bike, car) = answers.rows_of(query, {"sum": [-1_000, 7], "count": [100, -2]})
    assert (bike["mean"], car["mean"]) == ("24.9", None)
    (total,) = answers.rows_of(good({**COUNT, "kind": "sum", "value": FARE, "by": []}), {"sum": [-1234]})
    assert total == {"sum": "-12.34"}
    assert Decimal(answers.accuracy(query)["sum"]["within_95"]) > 0
    (few,) = answers.rows_of(good({**COUNT, "kind": "mean", "value": FARE, "by": []}), {"sum": [0], "count": [1]})
    assert few == {"mean": "25", "count": 1}
    (quantiles,) = answers.rows_of(
        good({**COUNT, "kind": "quantile", "value": {**FARE, "step": 0.5}, "levels": [0.25, 0.9], "by": []}),
        {"level250": [3], "level900": [90]},
    )
    assert quantiles == {"q250": "1.5", "q900": "45"}


def test_how_far_a_figure_may_be_off_is_told_in_rows_or_in_its_unit() -> None:
    count, total = good(COUNT), good({**COUNT, "kind": "sum", "value": FARE})
    (rows,), (steps,) = parts(count), parts(total)
    assert answers.accuracy(count) == {"count": {"within_95": math.ceil(answers.NORMAL_95 * rows.scale)}}
    within = math.ceil(answers.NORMAL_95 * steps.scale)
    assert Decimal(answers.accuracy(total)["sum"]["within_95"]) == within * Decimal("0.01")
    mean = answers.accuracy(good({**COUNT, "kind": "mean", "value": FARE}))
    assert [type(mean[name]["within_95"]) for name in ("sum", "count")] == [str, int]
    asked = good({**COUNT, "kind": "quantile", "value": {**FARE, "step": 1}, "levels": [0.5]})
    (level,) = parts(asked)
    lost = level.scale * math.log(51 * 20)  # of the 51 values from 0 to 50 each may win by its noise
    assert answers.accuracy(asked) == {"q500": {"rank_within_95": math.ceil(lost / 1000)}}


@pytest.mark.parametrize("group", [0, 1, 2])
def test_the_scores_of_a_quantile_are_those_of_counting_one_by_one(group: int) -> None:
    asked = good(
        {**COUNT, "kind": "quantile", "value": {"column": "fare", "lower": -2, "upper": 3, "step": 1}, "levels": [0.3]}
    )
    rows = [(0, -2, 2), (0, 1, 1), (0, 3, 4), (2, 0, 3), (2, 1, 1)]
    held = dict(zip(("g", "v", "n"), np.array(rows).T, strict=True))
    mine = [v for g, v, n in rows for _ in range(n) if g == group]
    expected = [abs(700 * sum(v < at for v in mine) - 300 * sum(v >= at for v in mine)) for at in range(-2, 4)]
    assert answers.scores(asked, held, 300, group).tolist() == expected


def test_the_reference_page_lists_the_keys_that_are_read() -> None:
    text = (ROOT / "docs/reference/noisy-queries.md").read_text("utf-8")
    for keys in ("QUERY", "NORM", "VALUE", "CLASSES", "BINS", "CELLS", "WINDOWS", "SPEND"):
        section = text.split(f"## {keys.capitalize()}\n")[1].split("\n## ")[0]
        told = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}
        assert told == getattr(reading, f"{keys}_KEYS"), keys
    for constant in ("GROUPS_MAX", "CANDIDATES_MAX", "CLASSES_MAX", "ROWS_MAX"):
        assert f"{getattr(reading, constant):,}" in text, constant

"""The page, the picture and the frontier of what bench/flows.py and bench/flows_dp.py measured.

    python bench/flows_page.py   writes docs/reference/flows.md and its picture, bench/results/frontier.json

Nothing is measured here, and nothing here is a test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows_dp import ALIKE, DELTA, SHARE

from datong.web.frontier import STYLE, svg

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "reference" / "flows.md"
NOISE = [f"noise, epsilon = {epsilon}" for epsilon in (1, 2, 4)]
"""Rows that bench/flows_dp.py computes."""
GOALS = {"noise, epsilon = 1": 0.08, "pattern and rests, k = 5": 0.03, "pattern and rests, k = 10": 0.05}


def texts() -> dict[Path, str]:
    """Every file that is written here, and what stands in it."""
    found, noisy, attacks, membership = (
        json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
        for name in ("flows", "flows_dp", "attacks", "attacks_noise")
    )
    front = frontier(found, noisy, attacks, membership)
    return {
        RESULTS / "frontier.json": json.dumps(front, indent=1) + "\n",
        PAGE.with_suffix(".svg"): svg(front, zh=False, style=STYLE) + "\n",
        PAGE: page(found, noisy, front),
    }


def frontier(
    found: Mapping[str, Any], noisy: Mapping[str, Any], attacks: Mapping[str, Any], membership: Mapping[str, Any]
) -> dict[str, Any]:
    """What `compose.attach_frontier` takes and the page draws, from the results of those names (membership: those of
    attacks_noise)."""
    releases, points = found["20 weeks"]["releases"], []
    rows = attacks["trajectory"]
    points.append({
        "release": "trip rows", "cost": 0.0, "attack": round(rows["before"], 4),
        "attack_is": f"{rows['points']} known points of a month find the rider's rows",
    })  # fmt: skip
    for k, risk in found["risk"].items():
        points.append({
            "release": "pattern and rests", "k": int(k), **_cost(releases[f"pattern and rests, k = {k}"]),
            "attack": round(risk["r_at_cr_1"], 4), "attack_is": "one known point: best guess among a group's riders, mean over groups",
        })  # fmt: skip
    noise = noisy["20 weeks"]["releases"]
    for name in NOISE:
        of = membership["epsilon"][name[-1]]
        points.append({
            "release": "noise", "epsilon": int(name[-1]), **_cost(noise[name]), "attack": round(max(of["most exposed"], 0.0), 4),
            "attack_is": "is the rider most exposed in the data, all others known: right minus wrong (0 % is a coin; "
            f"bound {of['bound']:.1%}); of a rider by lot {of['anybody']:.1%}",
        })  # fmt: skip
    return {
        "measured_by": "bench/flows.py", "measured_on": found["measured_on"],
        "data": f"ValleyBike, {found['trips']:,} trips of {found['riders']:,} riders, {found['20 weeks']['weeks']} weeks of 2019",
        "target": "WAPE of starts per 4 km area and 3 h window, over that of the same model on trip rows",
        "points": points,
    }  # fmt: skip


def _cost(one: Mapping[str, Any]) -> dict[str, Any]:
    interval = {} if one["interval"] is None else {"interval": [round(end, 4) for end in one["interval"]]}
    return {"cost": round(one["cost"], 4), **interval}


def page(found: Mapping[str, Any], noisy: Mapping[str, Any], front: Mapping[str, Any]) -> str:
    lines = [
        "# What privacy costs a forecast", "",
        f"Written by `bench/flows_page.py` from `bench/results/flows.json` (`bench/flows.py`), measured on {found['measured_on']}. {found['trips']:,} trips of {found['riders']:,} riders "
        f"(ValleyBike, found by `DATONG_DATA`), {found['areas']} areas of 4 km, windows of 3 h, zeros included. The same model is fed "
        "with each release; the cost is its WAPE over that on trip rows, with the 95 % interval of "
        f"{found['resamples']} resamples of riders where one stands.", "",
    ]  # fmt: skip
    for name in ("20 weeks", "September"):
        of = found[name]
        lines += [
            f"## {name}, forecast week by week",
            "",
            "| Release | WAPE | Cost | 95 % interval | Goal for its upper end |",
            "|---|---:|---:|---:|---|",
        ]
        noisy_rows = {name: one for name, one in noisy[name]["releases"].items() if name in NOISE}
        for release, one in (of["releases"] | noisy_rows).items():
            goal = GOALS.get(release) if name == "20 weeks" else None
            spread, reached = "", "its upper end is not measured yet"
            if one["interval"] is not None and release != "trip rows":
                low, high = one["interval"]
                spread, reached = f"{low:+.1%} to {high:+.1%}", "reached" if high <= (goal or 0) else "missed"
            said = "" if goal is None else f"+{goal:.0%}: {reached}"
            cost = "" if release == "trip rows" else f"{one['cost']:+.1%}"
            lines.append(f"| {release} | {one['wape']:.3f} | {cost} | {spread} | {said} |")
        lines.append("")
    lines += [
        "## The frontier", "",
        "![What each release costs a forecast, against how often an attacker is right; on the right against epsilon](flows.svg)", "",
        "| Release | Cost | An attacker is right | Which attack |", "|---|---:|---:|---|",
    ]  # fmt: skip
    for point in front["points"]:
        name = "".join([point["release"], *(f", {n} = {point[n]}" for n in ("k", "epsilon") if n in point)])
        right = f"{point['attack']:.1%}" if "attack" in point else "not measured"
        lines.append(f"| {name} | {point['cost']:+.1%} | {right} | {point.get('attack_is', '')} |")
    lines += [
        "", "Attacks: [before and after](attacks.md). The same, as `bench/results/frontier.json`, is what a product's owner attaches",
        "to the product ([how](product-recipe.md#the-frontier-on-the-products-page)).", "",
        "## What the releases are", "",
        "*Pattern and rests*: the recipe with levels and marginals of [the reference](product-recipe.md#a-marginal), week by week: the",
        "weekday pattern, and how the groups of each level lie over the times of the level before, all areas together, where that",
        "forces nothing of fewer than k riders. Every run first holds the arrays measured here against the node's own rounds over",
        "all weeks. The buyer's fit is `datong flows fit`, the same for all releases. What the rests bring is the difference to the line",
        "below: little at k = 5 and 10, where like days are alike, more at k = 21. *Weekday pattern*: each week is a partition of its own. A start is told in its area and window where that holds k riders, else",
        "in the same hour of the week's weekdays or weekend, else in their days or nights, else in the week, always of its area;",
        "only then in the region. *Windows only*: area and window, area and day, region and day, week. *Two",
        "marginals*: the region by window and the shares of the areas over four weeks; their joint disclosure is not gated here.",
        "", "The interval is the basic bootstrap's. A rider drawn twice is two riders in a group, so resamples lose less than the data do",
        "and the interval leans to the expensive side; where that is large (the coarser releases) it does not hold the cost itself.", "",
        *_noisy_lines(noisy), "## Risk of the pattern and rests", "", "| k | Groups | Fewest riders | R at CR = 1 | CR that would pass | Starts by level, finest first |", "|---:|---:|---:|---:|---:|---|",
    ]  # fmt: skip
    for k, one in found["risk"].items():
        lines.append(
            f"| {k} | {one['groups']:,} | {one['f_min']} | {one['r_at_cr_1']:.3f} | {one['cr_needed']:.2f} "
            f"| {', '.join(f'{share:.1%}' for share in one['levels'])} |"
        )
    lines += [
        "", "R must be below 0.05: without a signed assessment CR is 1 and only large classes pass. A rest counts with the k it is known",
        "to hold.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _noisy_lines(found: Mapping[str, Any]) -> list[str]:
    """The section of the rows under differential privacy."""
    lines = [
        "## Under differential privacy", "",
        f"All that a rider does in these weeks and the four before them is (epsilon, {DELTA:g})-private. Of each week leave rides by area, rides",
        "by hour of weekdays and of weekends, and rides: three questions of a privacy budget ([norm_per_unit](noisy-queries.md#norm)). A rider's counts of all weeks are a vector whose length is at most "
        + ", ".join(f"{bound:g} ({name})" for name, bound in found["bounds"].items())
        + "; a",
        f"k-th active week has the share {SHARE} x {1 - SHARE}^(k - 1) of its square. A buyer follows areas and hours with a Kalman filter from the",
        "operator's list of stations on, and feeds the model with what it knows before each week. Script: `bench/flows_dp.py`.", "",
    ]  # fmt: skip
    for name in ("20 weeks", "September"):
        lines += [
            f"{name}:", "",
            "| Release | WAPE | Cost | 95 % interval | Around the cost | Over trip rows read alike | Forecast over true rides | Over trip rows at that level |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
        ]  # fmt: skip
        for release, one in found[name]["releases"].items():
            low, high = one["interval"]
            nearer, farther = one["around the cost"]
            alike = (
                ""
                if release == ALIKE
                else f"{one['over alike']:+.1%} ({one['over alike interval'][0]:+.1%} to {one['over alike interval'][1]:+.1%})"
            )
            lines.append(
                f"| {release} | {one['wape']:.3f} | {one['cost']:+.1%} | {low:+.1%} to {high:+.1%} | {nearer:+.1%} to {farther:+.1%} "
                f"| {alike} | {one['level']:.2f} | {one['over the same level']:+.1%} |"
            )
        lines.append("")
    one = found["20 weeks"]["releases"]["noise, epsilon = 1"]
    lines += [
        f"Noisy rows are the mean of {found['draws']} draws; one draw is off by {one['draws']:.1%} (standard deviation, epsilon 1). They are bounded by the",
        "question's plan and drawn by OpenDP; resamples are bounded and drawn in NumPy, after the two were held equal. *Trip rows, read alike*:",
        "exact counts read as the noisy ones are. *Bounded, no noise*: what the bounds alone cost. *Level of trip rows*: the noisy shares at",
        "the level of the last two true weeks; no release, it shows what the level does. Heavy riders count less, so forecasts are low, and WAPE",
        "rewards low forecasts: the last column holds each row against the model on trip rows with every forecast as low.", "",
        "*Around the cost* lays the spread of the resamples around the cost itself. A rider drawn twice rides in step with a twin: that",
        "hurts a mean of four weeks more than what is smoothed over many, so resamples find noise cheaper than it is, and the basic interval",
        "turns that into dearer. The goal is held against the basic one.", "",
        "Bounds, split and drifts are round numbers taken on the season of 2018 at epsilon 2, where noise and rides stand about as in 2019 at 1.",
        "While this was built the 20 weeks were looked at too. Costs with one bound halved or doubled:", "",
        "| Season | Bound | Rides | Cost | At the level of trip rows | Forecast over true rides |", "|---|---|---:|---:|---:|---:|",
    ]  # fmt: skip
    lines += [
        f"| {season} | {row['bound']} | {row['rides'] or '':} | {row['cost']:+.1%} | {row['at the level of trip rows']:+.1%} | {row['level']:.2f} |"
        for season, rows in found["sensitivity"].items()
        for row in rows
    ]
    return [*lines, ""]


def main() -> None:
    for path, text in texts().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()

"""Membership against the noisy flow tables: is this rider in the data? What the best attacker gets, beside the bound.

    DATONG_DATA=... python bench/attacks_noise.py [--draws 1000] [--page]
                                     writes bench/results/attacks_noise.json, docs/reference/attacks.md and flows.md

The release is the one of bench/flows_dp.py: three questions of a privacy budget over 24 weeks. The attacker knows every other
rider's trips and the target's own, and what noise is drawn: so both tables, with and without the target, are known to it but for
the noise, and the likelihood ratio of the figures told is the best there is (Neyman and Pearson). It says "in" above 1.
The two tables are counted by the product's plan, the noise is drawn by OpenDP, DRAWS releases with the target and as many
without. A drawing is shared by all targets; each is held against its own two tables.

Bounds on right minus wrong. Gaussian noise of rho in all: 2 Phi(sqrt(2 rho) / 2) - 1, which a rider reaches who fills every
bound. Of anything (epsilon, delta)-private: (e^epsilon - 1 + 2 delta) / (e^epsilon + 1) (Kairouz, Oh and Viswanath 2015,
arXiv:1311.0776). Nothing here is a test; tests on made-up rides: tests/bench/test_attacks_noise.py.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import flows
import flows_dp
import numpy as np
from flows import DATA, HISTORY, TEST, Array
from flows_dp import BOUNDS, DELTA, EPSILONS, Rides

from datong.deidentify.model.budget import NANO, Part
from datong.deidentify.rules.budget.answers import groups_in, spread
from datong.deidentify.rules.budget.sensitivity import parts
from datong.deidentify.service import noise
from datong.deidentify.service.budgets import aggregated

RESULTS = flows.ROOT / "bench" / "results" / "attacks_noise.json"
DRAWS = 1000
"""Releases with the target, and as many without."""
EXPOSED, ANYBODY = 20, 40
"""Targets: riders who change the figures most, and others drawn by lot."""
SEED = 20_190_903
FEW = 0.01
"""Share of wrong accusations that a careful attacker allows itself."""


def figures(rides: Rides, name: str) -> Array:
    """What the question would tell without noise, in steps, by group; counted by the product's plan."""
    query = flows_dp.question(rides, name, BOUNDS[name], EPSILONS[0])
    return spread(groups_in(query), aggregated(query, "rider", flows_dp.rows_of(rides)), "n")


def without(rides: Rides, rider: int) -> Rides:
    left = rides.rider != rider
    return replace(
        rides, rider=rides.rider[left], area=rides.area[left], week=rides.week[left], window=rides.window[left]
    )


def differences(rides: Rides, targets: Sequence[int]) -> dict[str, Array]:
    """Question -> (targets, groups): the figures with each target less those without, in steps.

    Only groups that some target changes: the noise of each is independent, so the others tell nothing.
    """
    found = {}
    for name in BOUNDS:
        whole = figures(rides, name)
        change = np.array([whole - figures(without(rides, target), name) for target in targets])
        found[name] = change[:, change.any(0)]
    return found


def part_of(rides: Rides, name: str, epsilon: float) -> Part:
    (part,) = parts(flows_dp.question(rides, name, BOUNDS[name], epsilon))
    return part


def exposed(changes: Mapping[str, Array], scales: Mapping[str, float]) -> Array:
    """By target, how far apart its two tables are in standard deviations of the noise, all figures together."""
    return np.sqrt(sum((change.astype(float) ** 2).sum(1) / scales[name] ** 2 for name, change in changes.items()))


def targets_of(rides: Rides, chance: np.random.Generator) -> list[int]:
    """The riders of the longest bounded vectors, by NumPy's twin of the plan, then others by lot."""
    riders = np.unique(rides.rider)
    scales = {name: part_of(rides, name, EPSILONS[0]).scale / flows_dp.NORM_STEPS for name in BOUNDS}
    apart = np.zeros(len(riders))
    for n, rider in enumerate(riders):
        own = rides.rider == rider
        one = replace(
            rides, rider=rides.rider[own], area=rides.area[own], week=rides.week[own], window=rides.window[own]
        )
        apart[n] = sum((flows_dp.bounded(one, name, BOUNDS[name]) ** 2).sum() / scales[name] ** 2 for name in BOUNDS)
    order = np.argsort(-apart, kind="stable")
    most = riders[order[:EXPOSED]]
    others = chance.choice(np.sort(riders[order[EXPOSED:]]), min(ANYBODY, len(riders) - len(most)), replace=False)
    return [int(rider) for rider in (*most, *others)]


def drawn(part: Part, groups: int, draws: int) -> Array:
    """(draws, groups) noise as a release draws it, in steps."""
    return np.array([noise.gaussian([0] * groups, part) for _ in range(draws)], dtype=np.int64)


def ratios(change: Array, noises: Array, scale: float) -> tuple[Array, Array]:
    """(targets, draws) log likelihood ratios of releases with, and without, each target; the first half of `noises` is
    drawn onto the tables with it, the second onto those without.

    Of figures y = table + noise: (|y - without|^2 - |y - with|^2) / (2 scale^2).
    """
    half = len(noises) // 2
    change = change.astype(float)
    length = (change**2).sum(1)[:, None]
    inside, outside = change @ noises[:half].T + length, change @ noises[half:].T
    return (2 * inside - length) / (2 * scale**2), (2 * outside - length) / (2 * scale**2)


def attacked(changes: Mapping[str, Array], rides: Rides, epsilon: float, draws: int) -> dict[str, Any]:
    """What the attacker gets at one epsilon; `changes`: the exposed targets first."""
    count = len(next(iter(changes.values())))
    told, told_out = np.zeros((count, draws)), np.zeros((count, draws))
    scales = {}
    for name, change in changes.items():
        part = part_of(rides, name, epsilon)
        scales[name] = part.scale
        one, other = ratios(change, drawn(part, change.shape[1], 2 * draws), part.scale)
        told, told_out = told + one, told_out + other
    gain = (told > 0).mean(1) - (told_out > 0).mean(1)
    careful = (told > np.quantile(told_out, 1 - FEW, axis=1, keepdims=True)).mean(1)
    rho = flows_dp.whole_rho(epsilon) / NANO
    apart = exposed(changes, scales)
    worst = int(np.argmax(apart))
    error = 1.96 * math.sqrt(0.5 / draws)
    return {
        "rho": rho, "anybody": float(gain[EXPOSED:].mean()), "exposed": float(gain[:EXPOSED].mean()),
        "most exposed": float(gain[worst]), "most exposed, expected": gained(float(apart[worst])), "error": error,
        "most exposed, right at few wrong": float(careful[worst]),
        "bound": gained(math.sqrt(2 * rho)), "bound of epsilon": bound_of(epsilon, DELTA),
    }  # fmt: skip


def gained(apart: float) -> float:
    """Right minus wrong between two Gaussians that are so many standard deviations apart."""
    return 2 * NormalDist().cdf(apart / 2) - 1


def bound_of(epsilon: float, delta: float) -> float:
    return (math.exp(epsilon) - 1 + 2 * delta) / (math.exp(epsilon) + 1)


def measured(draws: int) -> dict[str, Any]:
    rides = flows_dp.rides_of(flows.valleybike(DATA), min(TEST) - HISTORY, max(TEST))
    targets = targets_of(rides, np.random.default_rng(SEED))
    changes = differences(rides, targets)
    return {
        "riders": len(np.unique(rides.rider)), "rides": len(rides.rider), "weeks": rides.weeks, "draws": draws,
        "exposed": EXPOSED, "anybody": ANYBODY, "few": FEW, "delta": DELTA,
        "epsilon": {str(epsilon): attacked(changes, rides, epsilon, draws) for epsilon in EPSILONS},
    }  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    import attacks

    if "--page" not in arguments:
        draws = int(arguments[arguments.index("--draws") + 1]) if "--draws" in arguments else DRAWS
        RESULTS.write_text(json.dumps(measured(draws), indent=1) + "\n", "utf-8")
    attacks.main(["--page"])
    flows.main(["--page"])


if __name__ == "__main__":
    main(sys.argv[1:])

"""`python bench/policy.py`: policy decisions per second on one core. Writes bench/results/policy.json and
docs/reference/policy-measures.md.

100 policies drawn from a seed, three to eight rules of two to four constraints each, all 18 kinds of the national list
among them; every request is another one, and no answer is kept. CPU seconds of this process, the best of several runs.
Nothing here is a test. Goal: at least 20,000 decisions per second.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from run import machine

from datong.ground.refusal import Refusal
from datong.terms.policy import CONSTRAINTS, OPERATORS, Constraint, Policy, Rule, checked, compiled, decide
from datong.terms.policy.bounds import satisfying
from datong.terms.policy.vocabulary import ACTIONS, ORDERED

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "bench/results/policy.json", ROOT / "docs/reference/policy-measures.md"
POLICIES, REQUESTS, RUNS, GOAL = 100, 100, 5, 20_000
"""REQUESTS: of each policy."""
NATIONAL = [left for left in CONSTRAINTS if left != "purpose"]
USED = ("read", "compute", "process", "delivery", "download")
"""The actions of the rules: few, so that rules meet; requests also ask for others."""
WORDS = [f"name-{number}" for number in range(12)]


def main() -> None:
    rng = random.Random(20260302)  # noqa: S311 - a seed, no secret
    policies = [_policy(rng, number) for number in range(POLICIES)]
    asked = [(policy, *_request(rng, policy)) for policy in policies for _ in range(REQUESTS)]
    rng.shuffle(asked)
    ready = [(compiled(policy), action, context) for policy, action, context in asked]
    outcomes = Counter(str(one.decide(action, context).outcome) for one, action, context in ready)
    load = os.getloadavg()[0]
    cases: list[tuple[str, Callable[[], Any]]] = [
        ("Decision: outcome, deciding rule, party", lambda: [_short(one.decide(a, c)) for one, a, c in ready]),
        ("The same by `decide(policy, …)`", lambda: [_short(decide(policy, a, c)) for policy, a, c in asked]),
        ("With the reason in Chinese and English", lambda: [_told(one.decide(a, c)) for one, a, c in ready]),
        ("With the smallest change that would pass too", lambda: [_advised(one.decide(a, c)) for one, a, c in ready]),
    ]
    results = [{"case": name, "decisions_per_second": round(len(ready) / _best(work))} for name, work in cases]
    told = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "load_before": load,
        "runs": RUNS, "goal": GOAL, "policies": POLICIES, "requests": len(ready), "rules": _spread(policies),
        "kinds": sorted({c.left for p in policies for _, r in p.rules() for c in r.constraints}),
        "outcomes": dict(outcomes), "results": results,
    }  # fmt: skip
    RESULTS.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(told), encoding="utf-8")
    print(page(told))


def _short(decision: Any) -> tuple[str, str, str]:
    return decision.outcome, decision.rule, decision.party


def _told(decision: Any) -> tuple[str, str]:
    return decision.zh, decision.en


def _advised(decision: Any) -> Any:
    return decision.zh, decision.en, decision.change


def _best(work: Callable[[], Any]) -> float:
    seconds = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def _value(rng: random.Random, left: str) -> str:
    operand = CONSTRAINTS[left]
    if operand.codes:
        return rng.choice(operand.codes)[0]
    day = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=rng.randrange(0, 17_520))
    drawn = {
        "time": day.isoformat().replace("+00:00", "Z"), "timeWindow": f"P{rng.randint(1, 60)}D",
        "region": rng.choice(["52", "5201", "5202", "520102", "31", "3101"]),
        "networkAddress": rng.choice(["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "192.168.1.0/24", "node.example"]),
        "count": str(rng.randint(1, 200)), "frequency": f"{rng.randint(1, 90)}/{rng.choice(['minute', 'hour', 'day'])}",
        "dataSize": f"{rng.randint(1, 50)}{rng.choice('KMG')}", "dataRecord": str(rng.randint(1, 10**6)),
        "payAmount": f"{rng.randint(0, 900)}.{rng.randint(0, 99):02} CNY",
        "purpose": rng.choice(["public_governance", "public_welfare", "industry_development", "credit_scoring"]),
    }  # fmt: skip
    return drawn.get(left) or rng.choice(WORDS)


def _constraint(rng: random.Random, left: str) -> Constraint:
    ordered = CONSTRAINTS[left].family in ORDERED
    names = [n for n, op in OPERATORS.items() if op.ordered in (None, ordered) and not (ordered and n in ("eq", "neq"))]
    op = rng.choice([name for name in names if OPERATORS[name].takes_list or ordered or name != "neq"])
    if OPERATORS[op].takes_list:
        return Constraint(left, op, tuple(_value(rng, left) for _ in range(rng.randint(1, 4))))
    return Constraint(left, op, _value(rng, left))


def _rule(rng: random.Random, kinds: list[str]) -> Rule:
    lefts = rng.sample(kinds, rng.randint(2, 4))
    duties = (Rule("anonymize"),) if rng.random() < 0.2 else ()
    return Rule(rng.choice(USED), tuple(_constraint(rng, left) for left in lefts), duties)


def _policy(rng: random.Random, number: int) -> Policy:
    kinds = list(CONSTRAINTS)
    while True:
        rules = [_rule(rng, kinds) for _ in range(rng.randint(3, 8))]
        barred = rng.randint(0, max(1, len(rules) // 3))
        owed = rng.randint(0, 1)
        may = rules[: len(rules) - barred - owed]
        try:
            return checked(
                Policy(f"policy-{number}", tuple(may), tuple(rules[len(may) : len(may) + barred]),
                       tuple(rules[len(may) + barred :]))
            )  # fmt: skip
        except Refusal:
            continue  # a contradiction was drawn


def _request(rng: random.Random, policy: Policy) -> tuple[str, dict[str, Any]]:
    """An action and a context that gives every operand; two of three aimed at a permission of the policy."""
    context: dict[str, Any] = {left: _value(rng, left) for left in CONSTRAINTS}
    if rng.random() < 0.34:
        return rng.choice([*USED, *ACTIONS]), context
    rule = rng.choice(policy.permissions)
    for constraint in rule.constraints:
        assert isinstance(constraint, Constraint)
        values = satisfying(constraint.left, [(constraint.op, constraint.values)], None)
        if values and rng.random() < 0.95:
            context[constraint.left] = values[0]
    if rule.duties and rng.random() < 0.5:
        context["done"] = ["anonymize"]
    return rule.action, context


def _spread(policies: list[Policy]) -> dict[str, int]:
    rules = [len(p.permissions) + len(p.prohibitions) + len(p.obligations) for p in policies]
    bounds = [len(rule.constraints) for p in policies for rule in (*p.permissions, *p.prohibitions, *p.obligations)]
    return {"fewest_rules": min(rules), "most_rules": max(rules), "rules": sum(rules), "fewest_constraints": min(bounds),
            "most_constraints": max(bounds), "constraints": sum(bounds)}  # fmt: skip


def page(told: dict[str, Any]) -> str:
    where, spread = told["machine"], told["rules"]
    lines = [
        "# Measures of policy decisions", "", "<!-- made by bench/policy.py; do not edit -->", "",
        f"Measured {told['measured_at']}, one core, decisions per CPU second, best of {told['runs']} runs; load of the",
        f"machine before: {told['load_before']:.1f}. Machine: {where['cores']} cores, {where['cpu']}, "
        f"Python {where['python']}; one core did {where['sha256_mb_per_second']:,} MB/s of SHA-256 meanwhile.", "",
        "| What is asked of each decision | Decisions per second |", "|---|---:|",
        *(f"| {one['case']} | {one['decisions_per_second']:,} |" for one in told["results"]), "",
        f"{told['policies']} policies drawn from a seed: {spread['fewest_rules']} to {spread['most_rules']} rules each,",
        f"{spread['fewest_constraints']} to {spread['most_constraints']} constraints a rule, {len(told['kinds'])} kinds of",
        f"constraint among them (the 18 of the national list, and the purpose). {told['requests']:,} requests, no two alike,",
        "each giving every operand as text; no answer is kept. Answers: "
        + ", ".join(f"{count:,} {name}" for name, count in sorted(told["outcomes"].items())) + ".",
        f"The goal is {told['goal']:,} decisions per second. A policy is compiled to closures once, before.", "",
        "Words and advice cost more because they are made of the policy's text; they are made when they are read.",
        "[How a decision is made](../explanation/decisions.md).", "",
    ]  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    main()

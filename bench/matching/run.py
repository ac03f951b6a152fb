"""`make bench-matching`: every matcher on every pair; writes bench/results/matching.json and the page made from it.

    .venv/bin/python bench/matching/run.py [--only NAME,NAME] [--pairs PREFIX]

`--only` runs these matchers and keeps the figures of the others from the last results, if the pairs are the same to the
byte; `--pairs` is for a look at some pairs, prints, and writes nothing. Same tables for all; the baselines run in their
own environment (env/). Real pairs join in where `DATONG_DATA` is set. What is counted: metrics.py.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import metrics
import ours
from make import apart
from metrics import Matching
from page import page
from pairs import HERE, Columns, Table, frozen_as_text, pairs, tables
from real import real_pairs

ROOT = HERE.parents[1]
RESULTS, PAGE = ROOT / "bench" / "results" / "matching.json", ROOT / "docs" / "reference" / "matching-benchmark.md"
ENVIRONMENT = HERE / "env" / ".venv" / "bin" / "python"
BASELINES = (
    "levenshtein", "pinyin", "valentine-coma", "valentine-coma-instances", "valentine-cupid",
    "valentine-similarity-flooding", "valentine-jaccard", "valentine-distribution",
)  # fmt: skip
LIMIT_SECONDS = 60.0
OPEN = ("known", "real")
"""Splits whose errors are told one by one; those of the held-out ones are counted and not shown."""


@dataclass(frozen=True)
class Case:
    """A pair as it is run and counted, whichever ground it comes from."""

    id: str
    domain: str
    split: str
    difficulty: str
    left: Table
    right: Table
    truth: tuple[Columns, ...]
    debatable: tuple[Columns, ...]


def cases(prefix: str = "") -> tuple[Case, ...]:
    found = [
        Case(p.id, p.domain, p.split, p.difficulty, *tables(p), p.truth, tuple(d[:2] for d in p.debatable))
        for p in pairs()
    ]
    found += [
        Case(f"{p.id} apart", p.domain, "apart", p.difficulty, *apart(p), p.truth, tuple(d[:2] for d in p.debatable))
        for p in pairs()
        if p.split != "known" and not p.left.file
    ]
    data = os.environ.get("DATONG_DATA")
    if data:
        found += [
            Case(p.id, "statistics" if p.id.startswith("nbs") else "real", "real", "real", p.left, p.right, p.truth,
                 tuple(d[:2] for d in p.debatable))
            for p in real_pairs(Path(data))
        ]  # fmt: skip
    return tuple(case for case in found if case.id.startswith(prefix))


def baseline(name: str, staged: Path) -> dict[str, Any]:
    """The worker's answer for every pair; the hash seed is fixed, since some of them iterate over sets."""
    out = staged.with_name(f"{name}.json")
    command = [str(ENVIRONMENT), str(HERE / "baselines.py"), name, str(staged), str(out), str(LIMIT_SECONDS)]
    ended = subprocess.run(
        command, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        sys.exit(
            f"{name} did not run: {ended.stderr.strip().splitlines()[-1:]}. Is bench/matching/env set up (make bench-matching)?"
        )
    return dict(json.loads(out.read_text("utf-8")))


def own(match: Any, found: Sequence[Case]) -> dict[str, Any]:
    answers = {}
    for case in found:
        began = time.process_time()
        said = match(case.left, case.right)
        answers[case.id] = {
            "scores": [[a, b, s] for (a, b), s in said.scores.items()],
            "assigned": [[a, b, s] for (a, b), s in said.assigned.items()],
            "verdicts": dict(said.verdicts), "seconds": round(time.process_time() - began, 3),
        }  # fmt: skip
    return answers


def matching(answer: Mapping[str, Any], case: Case) -> Matching:
    said = Matching(
        {(a, b): s for a, b, s in answer["scores"]},
        {(a, b): s for a, b, s in answer["assigned"]},
        answer.get("verdicts", {}),
    )
    return metrics.without(said, case.debatable)


def counted(answers: Mapping[str, Any], found: Sequence[Case], *, told: bool = True) -> dict[str, Any]:
    """The figures of one matcher, pair by pair; thresholds of a matcher without verdicts are fitted on the known split."""
    said = {case.id: matching(answers[case.id], case) for case in found if "scores" in answers.get(case.id, {})}
    has_verdicts = any(one.verdicts for one in said.values())
    known = [(said[case.id].assigned, case.truth) for case in found if case.split == "known" and case.id in said]
    leave = 0.0 if has_verdicts else metrics.best_threshold(known)
    accept = 0.0 if has_verdicts else max(leave, metrics.accept_threshold(known))
    by_pair: dict[str, Any] = {}
    for case in found:
        if case.id not in said:
            by_pair[case.id] = {
                "not_finished": answers.get(case.id, {}).get("not_finished", "not tried: it failed on the pairs before")
            }
            continue
        one = said[case.id]
        if not has_verdicts:
            verdicts = metrics.given(one.assigned, case.left.names(), accept, leave)
            one = Matching(one.scores, {p: s for p, s in one.assigned.items() if s >= leave}, verdicts)
        by_pair[case.id] = (
            figures(case, one)
            | (told_of(case, one) if told and case.split in OPEN else {})
            | {"seconds": answers[case.id]["seconds"]}
        )
    shown = {"accept": accept if accept != float("inf") else None, "leave": leave}
    return {
        "verdicts": "its own" if has_verdicts else "two thresholds fitted on the known split",
        "thresholds": shown,
        "pairs": by_pair,
    }


def figures(case: Case, one: Matching) -> dict[str, Any]:
    ranks = metrics.reciprocal_ranks(one.scores, case.truth)
    left, right = case.left.names(), case.right.names()
    # a column of a debatable pair that has no other partner asks nothing of anybody
    moot = {a for a, _ in case.debatable} - {a for a, _ in case.truth}
    acts = metrics.acts(one, case.truth, [name for name in left if name not in moot], right)
    return {
        "recall_at_truth": round(metrics.recall_at_truth(one.scores, case.truth), 4),
        "mrr": round(sum(ranks) / len(ranks), 4),
        "precision": round(metrics.precision(one.assigned, case.truth), 4),
        "recall": round(metrics.recall(one.assigned, case.truth), 4),
        "proposed": len(one.assigned),
        "hits": sum(pair in case.truth for pair in one.assigned),
        "truth": len({a for a, _ in case.truth}),
        **{
            name: value if isinstance(value, int) else round(value, 2)
            for name, value in acts.items()
            if name != "seconds"
        },
        "person_seconds": round(acts["seconds"], 1),
    }


def told_of(case: Case, one: Matching) -> dict[str, Any]:
    return {
        "wrong": sorted([a, b] for a, b in one.assigned if (a, b) not in case.truth),
        "missed": sorted([a, b] for a, b in case.truth if (a, b) not in one.assigned),
    }


def machine() -> dict[str, Any]:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "",
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }


def commit() -> str:
    """Of the code that was measured."""
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip()


def described(found: Sequence[Case]) -> dict[str, Any]:
    return {
        case.id: {
            "domain": case.domain, "split": case.split, "difficulty": case.difficulty, "left": len(case.left.columns),
            "right": len(case.right.columns), "truth": len(case.truth),
            "by_hand_seconds": round(metrics.by_hand(case.left.names(), case.right.names()), 1),
        }
        for case in found
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--pairs", default="")
    asked = parser.parse_args()
    found, in_process = cases(asked.pairs), ours.matchers()
    order = (*in_process, *BASELINES)
    wanted = asked.only.split(",") if asked.only else order
    digest = hashlib.sha256((frozen_as_text() + str(len(found))).encode()).hexdigest()
    kept: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if asked.only and RESULTS.is_file() else {}
    matchers = dict(kept.get("matchers", {})) if kept.get("digest") == digest else {}
    earlier = {"at": kept.get("at"), "load_before": kept.get("machine", {}).get("load_before")}
    matchers = {name: {"earlier": earlier, **told} for name, told in matchers.items() if name not in wanted}
    if kept and kept.get("digest") != digest:
        print("The last results are of other pairs (or DATONG_DATA differs): none of them is kept.", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder) / "staged.json"
        both = {c.id: {"left": c.left.columns, "right": c.right.columns} for c in found}
        staged.write_text(json.dumps(both, ensure_ascii=False), "utf-8")
        for name in (name for name in order if name in wanted):
            began = time.perf_counter()
            matchers[name] = counted(
                own(in_process[name], found) if name in in_process else baseline(name, staged),
                found,
                told=name == ours.OURS,
            )
            print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    shown = {name: matchers[name] for name in (ours.OURS, *order) if name in matchers}
    results = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "digest": digest, "commit": commit(), "ours": ours.OURS,
        "limit_seconds": LIMIT_SECONDS, "person": dict(metrics.PERSON), "described": described(found), "matchers": shown,
    }  # fmt: skip
    if asked.pairs:
        print(page(results))
        return
    RESULTS.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", "utf-8")
    PAGE.write_text(page(results), "utf-8")
    print(f"{RESULTS.relative_to(ROOT)}, {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

"""What the benchmark counts, as pure functions over one matching and its truth.

- recall at ground truth, as Valentine defines it (Koutras et al., ICDE 2021): of the |truth| best-scored pairs of columns,
  the share that is true. Ties go against the matcher; a pair without a score is never among them.
- reciprocal rank: for each left column that has a partner, 1 / the rank of its best true partner among the right columns,
  ties against the matcher, 0 where it has no score.
- precision and recall of the assignment: of the one-to-one pairs proposed, the true ones; of the left columns that have
  a partner, those given a true one (one column against several: any part counts).
- a person's time: see `PERSON`.

Debatable pairs are taken out before anything is counted. Never known here: which matcher it was, any file, any clock.
Held to hand-made cases in tests/bench/test_matching_metrics.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Columns = tuple[str, str]
Verdict = Literal["accept", "ask", "leave"]

# Seconds by the keystroke-level model (Card, Moran, Newell 1980): M 1.35 a mental step, P 1.10 pointing, B 0.20 a click,
# K 0.20 a key. How many of each an act takes is our count, and the 60 s to find and mend a wrong one later is an
# assumption; the raw counts stand beside the minutes, so that anyone may put in their own.
M, P, B, K = 1.35, 1.10, 0.20, 0.20
PERSON: Mapping[str, float] = {
    "accepted": 2 * M,  # read both names
    "asked_first": 4 * M + P + B,  # read names and values, confirm
    "asked_other": 6 * M + 2 * (P + B),  # the right one is among the next four
    "chosen": 4 * M + 2 * (P + B),  # found by reading the whole list, plus `per_header`
    "per_header": 0.5 * M,  # one name of the list
    "mended": 60.0,  # a wrong one, accepted, found at the check or in the data
    "typed": 20 * K,  # one line of a mapping written by hand
}


@dataclass(frozen=True)
class Matching:
    """What a matcher said of one pair of tables: scores of pairs, and at most one proposal a left column."""

    scores: Mapping[Columns, float]
    assigned: Mapping[Columns, float]
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)


def without(matching: Matching, debatable: Collection[Columns]) -> Matching:
    return Matching(
        {pair: score for pair, score in matching.scores.items() if pair not in debatable},
        {pair: score for pair, score in matching.assigned.items() if pair not in debatable},
        matching.verdicts,
    )


def recall_at_truth(scores: Mapping[Columns, float], truth: Collection[Columns]) -> float:
    ranking = sorted((pair for pair, score in scores.items() if score > 0), key=lambda p: (-scores[p], p in truth))
    return sum(pair in truth for pair in ranking[: len(truth)]) / len(truth)


def reciprocal_ranks(scores: Mapping[Columns, float], truth: Collection[Columns]) -> list[float]:
    """One figure per left column that has a partner."""
    found = []
    for left in dict.fromkeys(left for left, _ in truth):
        best = max((scores.get(pair, 0.0) for pair in truth if pair[0] == left), default=0.0)
        ahead = sum(1 for pair, score in scores.items() if pair[0] == left and pair not in truth and score >= best)
        found.append(1 / (ahead + 1) if best > 0 else 0.0)
    return found


def precision(assigned: Collection[Columns], truth: Collection[Columns]) -> float:
    """1 where nothing is proposed: nothing wrong was said."""
    return sum(pair in truth for pair in assigned) / len(assigned) if assigned else 1.0


def recall(assigned: Collection[Columns], truth: Collection[Columns]) -> float:
    wanted = {left for left, _ in truth}
    return len({left for left, right in assigned if (left, right) in truth}) / len(wanted)


def best_threshold(runs: Sequence[tuple[Mapping[Columns, float], Collection[Columns]]]) -> float:
    """The score at and above which the assigned pairs of all runs have the best F1."""
    wanted = sum(len({left for left, _ in truth}) for _, truth in runs)
    scored = sorted(
        ((score, pair in truth) for assigned, truth in runs for pair, score in assigned.items()), reverse=True
    )
    best, threshold, hits = 0.0, 0.0, 0
    for number, (score, true) in enumerate(scored, 1):
        hits += true
        if (number == len(scored) or scored[number][0] != score) and 2 * hits / (number + wanted) > best:
            best, threshold = 2 * hits / (number + wanted), score
    return threshold


def accept_threshold(
    runs: Sequence[tuple[Mapping[Columns, float], Collection[Columns]]], wanted: float = 0.97, least: int = 20
) -> float:
    """The lowest score at and above which the assigned pairs are true at the wanted share; above all scores if none."""
    scored = sorted(
        ((score, pair in truth) for assigned, truth in runs for pair, score in assigned.items()), reverse=True
    )
    threshold, hits = float("inf"), 0
    for number, (score, true) in enumerate(scored, 1):
        hits += true
        if number >= least and hits / number >= wanted and (number == len(scored) or scored[number][0] != score):
            threshold = score
    return threshold


def given(assigned: Mapping[Columns, float], columns: Iterable[str], accept: float, leave: float) -> dict[str, Verdict]:
    """Verdicts by two thresholds, for a matcher that has none of its own."""
    best = {left: score for (left, _), score in assigned.items()}

    def verdict(name: str) -> Verdict:
        if name not in best or best[name] < leave:
            return "leave"
        return "accept" if best[name] >= accept else "ask"

    return {name: verdict(name) for name in columns}


def acts(matching: Matching, truth: Collection[Columns], left: Sequence[str], right: Sequence[str]) -> dict[str, float]:
    """What a person does with the proposals of one table: counts of acts, and the seconds they take by `PERSON`."""
    count = dict.fromkeys(
        ("accepted", "accepted_wrong", "asked_first", "asked_other", "asked_none", "left", "left_wrong"), 0
    )
    whole_list = PERSON["chosen"] + PERSON["per_header"] * len(right)
    seconds = 0.0
    proposed = dict(matching.assigned.keys())
    partners = {name: {b for a, b in truth if a == name} for name in left}
    for name in left:
        verdict, first = matching.verdicts.get(name, "leave"), proposed.get(name)
        if verdict == "accept" and first is not None:
            true = first in partners[name]
            count["accepted" if true else "accepted_wrong"] += 1
            seconds += PERSON["accepted"] + (0 if true else PERSON["mended"])
        elif verdict == "ask" and first is not None:
            others = sorted(
                (b for a, b in matching.scores if a == name), key=lambda b, a=name: (-matching.scores[a, b], b)
            )
            if first in partners[name]:
                count["asked_first"] += 1
                seconds += PERSON["asked_first"]
            elif partners[name] & set(others[:5]):
                count["asked_other"] += 1
                seconds += PERSON["asked_other"]
            else:
                count["asked_none"] += 1
                seconds += whole_list
        else:
            count["left_wrong" if partners[name] else "left"] += 1
            seconds += whole_list
    return {**count, "seconds": seconds}


def by_hand(left: Sequence[str], right: Sequence[str]) -> float:
    """Seconds for the same table with no matcher: every column looked up in half the list and its line typed."""
    return len(left) * (PERSON["chosen"] + PERSON["per_header"] * len(right) / 2 + PERSON["typed"])

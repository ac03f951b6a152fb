"""Other matchers on the same tables, in their own locked environment (bench/matching/env); nothing of Datong is here.

    env/.venv/bin/python baselines.py MATCHER staged.json out.json SECONDS

staged.json: {pair: {"left": {column: [text, ...]}, "right": ...}}. out.json: {pair: {"scores": [[l, r, s], ...],
"assigned": the same after SciPy's one-to-one assignment, "seconds"}} or {pair: {"not_finished": reason}}; each pair is
written as it ends. A pair that takes more than SECONDS of CPU (or three times that by the clock, which counts a solver it started) is told as not
finished. Every matcher reads the same text.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from pypinyin import Style, lazy_pinyin
from rapidfuzz.distance import Levenshtein
from scipy.optimize import linear_sum_assignment
from valentine import valentine_match
from valentine.algorithms import Coma, Cupid, DistributionBased, JaccardDistanceMatcher, SimilarityFlooding

Tables = dict[str, list[str]]
Scores = dict[tuple[str, str], float]


def valentines(matcher: object) -> Callable[[Tables, Tables], Scores]:
    def match(left: Tables, right: Tables) -> Scores:
        frames = [pd.DataFrame(table).replace("", None) for table in (left, right)]
        found = valentine_match(frames, matcher, df_names=["left", "right"])
        scores: Scores = {}
        for pair, score in found.items():
            one, other = pair.source_column, pair.target_column
            if pair.source_table == "right":
                one, other = other, one
            scores[one, other] = max(float(score), scores.get((one, other), 0.0))
        return scores

    return match


def plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def levenshtein(left: Tables, right: Tables) -> Scores:
    """Normalised similarity of the names as they stand."""
    return {(a, b): Levenshtein.normalized_similarity(plain(a), plain(b)) for a in left for b in right}


def spellings(name: str) -> set[str]:
    """The name, its whole pinyin, and the pinyin's first letters; a unit in brackets is left away."""
    bare = re.sub(r"[(（].*?[)）]", "", name)
    return {plain(bare), plain("".join(lazy_pinyin(bare))), plain("".join(lazy_pinyin(bare, style=Style.FIRST_LETTER)))}


def pinyin(left: Tables, right: Tables) -> Scores:
    """The best normalised similarity of any two spellings."""
    return {
        (a, b): max(Levenshtein.normalized_similarity(x, y) for x in spellings(a) for y in spellings(b))
        for a in left
        for b in right
    }


MATCHERS: dict[str, Callable[[], Callable[[Tables, Tables], Scores]]] = {
    "levenshtein": lambda: levenshtein,
    "pinyin": lambda: pinyin,
    "valentine-coma": lambda: valentines(Coma()),
    "valentine-coma-instances": lambda: valentines(Coma(use_instances=True)),
    "valentine-cupid": lambda: valentines(Cupid()),
    "valentine-similarity-flooding": lambda: valentines(SimilarityFlooding()),
    "valentine-jaccard": lambda: valentines(JaccardDistanceMatcher()),
    "valentine-distribution": lambda: valentines(DistributionBased()),
}


def assigned(scores: Scores, left: Tables, right: Tables) -> list[tuple[str, str, float]]:
    """At most one partner each, the sum of scores greatest; a pair without a score is no pair."""
    a, b = list(left), list(right)
    grid = np.array([[scores.get((x, y), 0.0) for y in b] for x in a])
    rows, columns = linear_sum_assignment(-grid)
    return [(a[i], b[j], float(grid[i, j])) for i, j in zip(rows, columns, strict=True) if grid[i, j] > 0]


def too_long(*_: object) -> None:
    end_children()
    raise TimeoutError


def end_children() -> None:
    """The solver that Valentine's distribution matcher starts would go on alone."""
    for number in Path(f"/proc/self/task/{os.getpid()}/children").read_text("utf-8").split():
        os.kill(int(number), signal.SIGKILL)


def main(name: str, staged: Path, out: Path, limit: float) -> None:
    match, found = MATCHERS[name](), {}
    signal.signal(signal.SIGPROF, too_long)
    signal.signal(signal.SIGALRM, too_long)
    for pair, both in json.loads(staged.read_text("utf-8")).items():
        began = time.process_time()
        try:
            signal.setitimer(signal.ITIMER_PROF, limit)
            signal.setitimer(signal.ITIMER_REAL, limit * 3)
            scores = match(both["left"], both["right"])
            signal.setitimer(signal.ITIMER_PROF, 0)
        except TimeoutError:
            found[pair] = {"not_finished": f"longer than {limit:g} s of CPU, or three times that by the clock"}
        except Exception as problem:  # noqa: BLE001 a matcher that fails is told, with its own words
            found[pair] = {"not_finished": f"{type(problem).__name__}: {' '.join(str(problem).split())[:160]}"}
        else:
            found[pair] = {
                "scores": [[a, b, s] for (a, b), s in scores.items()],
                "assigned": assigned(scores, both["left"], both["right"]),
                "seconds": round(time.process_time() - began, 3),
            }
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        out.write_text(json.dumps(found, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))

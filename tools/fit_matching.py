"""Makes src/datong/harmonise/data/matching/weights.json again, and says what the thresholds stand for.

    PYTHONPATH=tests/harmonise/matching:tests/harmonise/elements \
        .venv/bin/uv run --with numpy --with scipy python tools/fit_matching.py [elements | tables]

Elements: from tests/harmonise/matching/development.yaml (made tables, three ways of writing headers, clean and dirty
values) and the real tables of tests/harmonise/elements/coverage.yaml that are in DATONG_DATA, each seen in several ways:
as it is; without the words of the dictionary that its headers are; with a third of the right elements taken out of the
library, so that there is nothing right to propose; without headers. Tables: from the same made tables, from statistics as
two offices head them (development_tables.yaml), and from the open pairs of bench/matching, never from a held-out one.

Weights by maximum posterior (softmax over candidates and none) around PRIOR, signs kept: the set is small and of the same
hand as the dictionary, so it may correct what was thought, not replace it. What the other columns say (order, kin) depends
on the weights, so both are made in turn. Scores and thresholds from predictions for tables left out of the fit, open
pairs a whole domain at a time.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from columns_of import values_of
from scipy.optimize import minimize
from values_for import values

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench" / "matching"))

import make as benchmark
import pairs as open_pairs

from datong.harmonise import service
from datong.harmonise.model.elements import DataElement, Library
from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.rules.matching import deciding, looks
from datong.harmonise.rules.matching import proposals as p
from datong.harmonise.rules.matching import scores as s
from datong.harmonise.rules.matching import tables as t2
from datong.harmonise.rules.matching import words as w
from datong.harmonise.rules.matching.evidence import FEATURES, TABLE_FEATURES
from datong.harmonise.rules.matching.order import before, support

HERE = Path(__file__).resolve().parents[1]
OUT = HERE / "src/datong/harmonise/data/matching/weights.json"
DATA = Path(os.environ.get("DATONG_DATA") or HERE / "../shared/data").resolve()
NONE = -1
HARD = 40
ROUNDS = 3
SEEN = 0.002
LEAST = -2.0
STATISTICS = 4
FOLDS = 5
ACCEPT_RIGHT, ACCEPT_NEAR, ASK_MOST = 0.98, 0.95, 0.4
ASK_RIGHT = {"elements": 0.5, "tables": 0.35}
MODELS = {name: replace(model, least=LEAST) for name, model in s.models().items()}


@dataclass
class Asked:
    """A column to be matched: features of its candidates (rows), which of them are right (NONE: none)."""

    group: str
    view: str
    numbers: list[int]
    features: np.ndarray
    right: set[int]


@dataclass
class Table:
    """told: for strengths of the columns' candidates what the other columns say of them."""

    group: str
    view: str
    asked: list[Asked]
    told: Callable[[list[dict[int, float]]], p.Told]


PRIOR = {
    "elements": {
        "bias": -4.0, "word": 5.0, "sound": 4.5, "parts": 4.0, "spelling": 1.0, "comment": 4.0, "best_name": 2.0,
        "crowd": 1.0, "nameless": 0.5, "no_values": 0.3, "wanted": 3.0, "unwanted": -2.0, "foreign": -2.0,
        "type_bad": -2.0, "length_bad": -1.5, "codes": 3.0, "codes_bad": -1.5, "sameness": 0.5, "declared": 1.0,
        "ends": 1.5, "swapped": -1.0, "order": 2.0, "kin": 0.7, "half": -0.7,
    },
    "tables": {
        "bias": -4.5, "word": 4.0, "sound": 4.0, "parts": 4.5, "spelling": 1.5, "comment": 4.0, "best_name": 2.0,
        "nameless": 0.7, "no_values": 0.7, "same_kind": 2.5, "other_kind": -2.5, "type_bad": -1.0, "alike": 3.0,
        "shared_values": 2.5, "same_range": 1.0, "same_codes": 2.5, "meaning": 3.5, "both_blank": 0.2,
        "same_beginning": 1.0, "same_heaps": 1.0, "scaled": 1.0, "contained": 1.5, "declared": 0.7, "ends": 2.0,
        "swapped": -1.5, "order": 2.0,
    },
}  # fmt: skip
"""What was thought before anything was fitted; the sign of each weight stays."""
HELD = 6e-3
"""How strongly the weights are held to PRIOR."""


def main() -> None:
    library = service.library()
    known = json.loads(OUT.read_text("utf-8"))["models"]
    wanted = sys.argv[1:] or ["elements", "tables"]
    if "elements" in wanted:
        known["elements"] = fitted("elements", FEATURES, [*development(library), *coverage(library)])
    if "tables" in wanted:
        known["tables"] = fitted("tables", TABLE_FEATURES, list(pairs(library)))
    about = "made by tools/fit_matching.py from the development set; what the thresholds stand for: docs/explanation/matching.md"
    OUT.write_text(json.dumps({"about": about, "models": known}, indent=1, ensure_ascii=False) + "\n")


# --- the development set -----------------------------------------------------------------------------------------


def written() -> dict[str, list[list[str]]]:
    file = HERE / "tests/harmonise/matching/development.yaml"
    return {t: [[str(x) for x in c] for c in cols] for t, cols in yaml.safe_load(file.read_text("utf-8")).items()}


def columns(
    table: str, given: list[list[str]], header: int, side: int, dirt: float, rows: int = 200
) -> list[SampleColumn]:
    return [
        SampleColumn(c[header] if header else f"col{n}", "", values(c[side], f"{table}/{n}/{side}", rows, dirt), "")
        for n, c in enumerate(given, 1)
    ]


def development(library: Library):
    for table, given in written().items():
        truth = [set(c[0].split("|")) for c in given]
        for header in (3, 4, 5):
            for side, dirt in ((1, 0.0), (2, 0.3)):
                yield from asked(
                    table, columns(table, given, header, side, dirt), truth, library, left_out=side == 1 and header < 5
                )
        yield from asked(table, columns(table, given, 0, 1, 0.0), truth, library, view="no header")


def coverage(library: Library):
    given = yaml.safe_load((HERE / "tests/harmonise/elements/coverage.yaml").read_text("utf-8"))
    for file, truth in given.items():
        if not (DATA / file).exists() or not file.endswith((".csv", ".csv.gz", ".jsonl.gz")) or "hierarchy_" in file:
            continue
        found: dict[str, list[str | None]] = {}
        for column, value in values_of(DATA, file, 120):
            found.setdefault(column, []).append(value)
        sample = [SampleColumn(c, "", tuple(v), "") for c, v in found.items() if c in truth]
        right = [{"-" if truth[c.path].startswith("none") else truth[c.path]} for c in sample]
        if sample:
            yield from asked(file.split("/")[0], sample, right, library)


def asked(
    group: str,
    sample: list[SampleColumn],
    truth: list[set[str]],
    library: Library,
    view: str = "as it is",
    *,
    left_out: bool = False,
):
    """The table seen in several ways."""
    whole = seen(group, view, sample, truth, library.elements, library)
    yield whole
    if view == "as it is":
        r = random.Random(f"{group}/{sample[0].path}")
        gone = {name for t in truth if r.random() < 0.34 for name in t} - {"-"}
        places = {n for n, e in enumerate(library.elements) if e.name in gone}
        yield Table(group, "right left out", [bereft(a, places) for a in whole.asked], whole.told)
    if left_out:
        headers, right = {w.key(c.path) for c in sample}, {name for t in truth for name in t}
        elements = tuple(without(e, headers) if e.name in right else e for e in library.elements)
        yield seen(group, "words left out", sample, truth, elements, library)


def seen(
    group: str,
    view: str,
    sample: list[SampleColumn],
    truth: list[set[str]],
    elements: tuple[DataElement, ...],
    library: Library,
) -> Table:
    places = {e.id: n for n, e in enumerate(elements)}
    ids = {e.name: e.id for e in library.elements}
    look = looks.columns_of(sample, p.words_of(elements), looks.profiles(sample))
    evidence = p.elements_evidence(look, elements, library)
    rows = [
        row(
            group,
            view,
            [f.features for f in found],
            {places[ids[n]] if n != "-" else NONE for n in t},
            MODELS["elements"],
        )
        for found, t in zip(evidence, truth, strict=True)
    ]
    paths, order = [c.path for c in sample], before([c.values for c in sample])

    def told(strengths: list[dict[int, float]]) -> p.Told:
        return p.told_by_others(MODELS["elements"], paths, order, elements, library, strengths, {})

    return Table(group, view, rows, told)


def bereft(a: Asked, gone: set[int]) -> Asked:
    """The same column when some elements were not there; how near the best name is, is counted anew."""
    kept = [at for at, n in enumerate(a.numbers) if n not in gone]
    features = a.features[kept].copy()
    if kept:
        named = features[:, :5].max(axis=1)
        features[:, FEATURES.index("best_name")] = named - named.max()
    return Asked(a.group, "right left out", [a.numbers[at] for at in kept], features, (a.right - gone) or {NONE})


def without(element: DataElement, headers: set[str]) -> DataElement:
    """The element without the words that are headers, by any way of writing; at least one word stays."""
    kept = tuple(x for x in element.synonyms if not forms(x) & headers)
    zh = element.zh if not forms(element.zh) & headers else (next((x for x in kept if w.CHINESE.search(x)), "无"))
    en = element.en if not forms(element.en) & headers else "-"
    name = element.name if not forms(element.name) & headers else f"{element.name}_"
    return replace(element, synonyms=kept, zh=zh, en=en, **({} if name == element.name else {"id": element.id}))


def forms(word: str) -> set[str]:
    return {w.key(word), *(w.sound(word) if w.CHINESE.search(word) else ())}


def row(group: str, view: str, features: list[tuple[float, ...]], right: set[int], model: s.Model) -> Asked:
    strengths = [model.strength(f) for f in features]
    order = sorted(range(len(features)), key=lambda n: -strengths[n])
    numbers = sorted({*order[:HARD], *(n for n in right if n != NONE)})
    return Asked(group, view, numbers, np.array([features[n] for n in numbers]), right)


def pairs(library: Library):
    """Every table in two ways of writing, with other rows on the other side, some columns missing on either side; then
    statistics, and the open pairs of the benchmark, both ways round, as they are and with no row in common."""
    for table, given in written().items():
        for left_header, right_header in ((3, 4), (4, 5), (5, 3), (0, 4)):
            for dirt in (0.0, 0.3):
                r = random.Random(f"{table}/{left_header}/{right_header}/{dirt}")
                left, right = columns(table, given, left_header, 1, 0.0), columns(table, given, right_header, 2, dirt)
                here = [n for n in range(len(given)) if r.random() > 0.15]
                there = [n for n in range(len(given)) if r.random() > (0.15 if left_header != 4 else 0.5)]
                r.shuffle(there)
                view = (", dirty" if dirt else "") + (", no header" if not left_header else "")
                right_of = {k: {there.index(n)} for k, n in enumerate(here) if n in there}
                yield from held(table, view, [left[n] for n in here], [right[n] for n in there], right_of, library)
    for table, left, right, right_of in statistics():
        yield from held(table, ", statistics", left, right, right_of, library)
    for pair in open_pairs.pairs():
        if pair.split != "known":
            continue
        given = [("", *open_pairs.tables(pair))]
        if not pair.left.file and not pair.right.file:
            given.append((", no row in common", *benchmark.apart(pair)))
        for view, left, right in given:
            names = list(left.columns), list(right.columns)
            moot = {(a, b) for a, b, _ in pair.debatable}
            samples = [[SampleColumn(n, "", tuple(c or None for c in cells), "") for n, cells in side.columns.items()]
                       for side in (left, right)]  # fmt: skip
            for way in (1, -1):
                truth: dict[int, set[int]] = {}
                for a, b in (*pair.truth, *moot):
                    one, other = names[0].index(a), names[1].index(b)
                    truth.setdefault(one if way == 1 else other, set()).add(other if way == 1 else one)
                yield from held(f"bench {pair.domain}", f", open pairs{view}", *samples[::way], truth, library)


def statistics():
    """Tables of growing series: the first office has the odd years, the second the even ones, and not every column."""
    file = HERE / "tests/harmonise/matching/development_tables.yaml"
    for table, lines in yaml.safe_load(file.read_text("utf-8")).items():
        for turn in range(STATISTICS):
            sides: tuple[list[SampleColumn], list[SampleColumn]] = ([], [])
            truth = {}
            for number, (one, other) in enumerate(lines):
                r = random.Random(f"{table}/{number}/{turn}")
                amount, growth, places = 10 ** r.uniform(1.5, 5.5), r.uniform(0.99, 1.12), r.choice((0, 0, 1, 2))
                series = [f"{amount * growth**year * r.uniform(0.97, 1.03):.{places}f}" for year in range(36)]
                there = other if turn == 0 or r.random() < 0.5 else None
                if one and there:
                    truth[len(sides[0])] = {len(sides[1])}
                for side, name, cells in zip(sides, (one, there), (series[::2], series[1::2]), strict=True):
                    if name:
                        side.append(SampleColumn(name, "", tuple(cells), ""))
            yield table, *sides, truth


def held(
    group: str, view: str, left: list[SampleColumn], right: list[SampleColumn], truth: dict[int, set[int]],
    library: Library,
):  # fmt: skip
    """One table against another, with the library and without it. truth: left column -> its right columns."""
    evidence = t2.tables_evidence(left, right, library)
    paths = [c.path for c in left]
    mine, theirs = (before([c.values for c in side]) for side in (left, right))

    def told(strengths: list[dict[int, float]]) -> p.Told:
        found = support(mine, theirs, deciding.shares_of(MODELS["tables"], paths, strengths, {}))
        return {pair: {"order": value} for pair, value in found.items()}

    for known in (True, False):
        named = ("library" if known else "no library") + view
        rows = [
            row(group, named, [f.features for f in found], truth.get(k, {NONE}), MODELS["tables"])
            for k, (_, found) in enumerate(evidence)
        ]
        for a in rows if not known else ():
            a.features[:, TABLE_FEATURES.index("meaning")] = 0
        yield Table(group, named, rows, told)


# --- fitting -----------------------------------------------------------------------------------------------------


def fitted(name: str, features: tuple[str, ...], given: list[Table]) -> dict[str, object]:
    groups = sorted({t.group for t in given})
    random.Random(7).shuffle(groups)
    folds = [set(groups[at::FOLDS]) for at in range(FOLDS)]
    told: list[tuple[float, float, bool, str]] = []
    every_share: list[tuple[float, float, bool]] = []
    missed: list[str] = []
    every = [a for t in given for a in t.asked]
    weights = np.array([PRIOR[name][f] for f in ("bias", *features)])
    for _ in range(ROUNDS):
        for table in given:
            in_context(table, weights, features)
        weights = weights_of(name, every, features)
    for fold in folds:
        fitted_without = weights_of(name, [a for t in given if t.group not in fold for a in t.asked], features)
        for table in given:
            if table.group in fold:
                proposed(table, fitted_without, told, every_share, missed)
    curve = calibration(every_share)
    plain = s.Model(0, (), **curve, accept=1, ask=0, least=LEAST)
    scored = sorted(((plain.score(share, named), right, view) for share, named, right, view in told), reverse=True)
    accept, ask = accepted_from(scored), min(asked_from(scored, ASK_RIGHT[name]), ASK_MOST)
    report(name, scored, missed, accept, ask, [t.view for t in given for a in t.asked if NONE not in a.right])
    numbers = {"bias": weights[0], **curve, "accept": accept, "ask": ask, "least": LEAST}
    return {
        **{k: round(float(v), 4) for k, v in numbers.items()},
        "weights": {f: round(float(x), 4) for f, x in zip(features, weights[1:], strict=True)},
    }


def weights_of(name: str, given: list[Asked], features: tuple[str, ...]) -> np.ndarray:
    prior = np.array([PRIOR[name][f] for f in ("bias", *features)])
    given = [a for a in given if a.numbers]
    sizes = [len(a.numbers) for a in given]
    x = np.vstack([np.hstack([np.ones((len(a.numbers), 1)), a.features]) for a in given])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    column = np.repeat(np.arange(len(given)), sizes)
    good = np.concatenate([[float(n in a.right) for n in a.numbers] for a in given])
    none = np.array([float(NONE in a.right) for a in given])

    def loss(b: np.ndarray) -> tuple[float, np.ndarray]:
        z = np.clip(x @ b, -40, 40)
        e = np.exp(z)
        total, right = np.add.reduceat(e, starts) + 1, np.add.reduceat(e * good, starts) + none
        value = float(np.sum(np.log(total) - np.log(np.maximum(right, 1e-300)))) / len(given)
        gradient = x.T @ (e / total[column] - e * good / np.maximum(right, 1e-300)[column]) / len(given)
        away = (b - prior) * np.concatenate([[0], np.ones(len(b) - 1)])
        return value + HELD * float(away @ away), gradient + 2 * HELD * away

    bounds = [(None, None), *((0.1, None) if x > 0 else (None, -0.1) for x in prior[1:])]
    return minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300}).x


def rows_of(table: Table, weights: np.ndarray) -> list[dict[int, float]]:
    found = []
    for a in table.asked:
        strengths = zip(a.numbers, (weights[0] + a.features @ weights[1:]).tolist(), strict=True)
        found.append(dict(sorted(strengths, key=lambda pair: (-pair[1], pair[0]))[: deciding.TRIED]))
    return found


def in_context(table: Table, weights: np.ndarray, features: tuple[str, ...]) -> None:
    """Put into the evidence what the other columns say by these weights."""
    told = table.told(rows_of(table, weights))
    for at, a in enumerate(table.asked):
        for k, number in enumerate(a.numbers):
            for feature in ("order", "kin", "half"):
                if feature in features:
                    says = deciding.named(a.features[k].tolist()) if feature == "kin" else 1.0
                    a.features[k, features.index(feature)] = told.get((at, number), {}).get(feature, 0.0) * says


def proposed(table: Table, weights: np.ndarray, told: list, every: list, missed: list[str]) -> None:
    """What the fitted model proposes for a table it has not seen: (share, how far the name says it, right, view); every:
    the same of all candidates, proposed or not."""
    rows = rows_of(table, weights)
    paths = [str(at) for at in range(len(rows))]
    shares = deciding.shares_of(MODELS["elements"], paths, rows, {})
    for a, row, number in zip(table.asked, shares, deciding.chosen(MODELS["elements"], paths, rows, {}), strict=True):
        for n, got in row.items():
            if got > SEEN:
                named = deciding.named(a.features[a.numbers.index(n)].tolist())
                every.append((got, named, n in a.right))
        if number is not None:
            evidence = a.features[a.numbers.index(number)]
            told.append((row[number], deciding.named(evidence.tolist()), number in a.right, a.view))
        elif NONE not in a.right:
            missed.append(a.view)


def calibration(told: list[tuple[float, float, bool]]) -> dict[str, float]:
    """A share as a score: logistic in log(share) and log(1 - share) (beta calibration, Kull et al. 2017), and in how far
    the name says it."""
    share, named, y = np.array(told, dtype=float).T
    kept, left = np.log(np.maximum(share, s.EDGE)), np.log(np.maximum(1 - share, s.EDGE))

    def loss(b: np.ndarray) -> float:
        z = np.clip(b[0] * kept - b[1] * left + b[2] - b[3] * (1 - named), -40, 40)
        return float(np.mean(np.log1p(np.exp(z)) - y * z))

    bounds = [(0.05, None), (0.05, None), (None, None), (0.0, None)]
    found = minimize(loss, np.array([0.5, 0.5, 0.0, 0.5]), method="L-BFGS-B", bounds=bounds).x
    return dict(zip(("rise", "fall", "shift", "unsaid"), map(float, found), strict=True))


def accepted_from(scored: list[tuple[float, bool, str]]) -> float:
    """The lowest score above which ACCEPT_RIGHT of all proposals are right, and ACCEPT_NEAR of the last 100 that it
    lets in: many sure ones shall not pay for doubtful ones."""
    right, best = 0, 0.99
    for number, (score, good, _) in enumerate(scored, 1):
        right += good
        near = scored[max(0, number - 100) : number]
        if right / number >= ACCEPT_RIGHT and sum(g for _, g, _ in near) / len(near) >= ACCEPT_NEAR:
            best = min(best, score)
    return best


def asked_from(scored: list[tuple[float, bool, str]], wanted: float) -> float:
    """The lowest score such that of the 60 proposals above it the wanted share is right."""
    best = 0.99
    for number, (score, _, _) in enumerate(scored, 1):
        near = scored[max(0, number - 60) : number]
        if sum(g for _, g, _ in near) / len(near) >= wanted:
            best = min(best, score)
    return best


def report(name: str, scored: list, missed: list[str], accept: float, ask: float, views: list[str]) -> None:
    print(f"\n== {name}: accept from {accept:.3f}, ask from {ask:.3f} (tables held out)")
    for view in sorted(set(views)):
        mine = [(x, g) for x, g, v in scored if v == view]
        taken = [g for x, g in mine if x >= accept]
        shown = [g for x, g in mine if accept > x >= ask]
        left = sum(g for x, g in mine if x < ask)
        total = views.count(view)
        print(
            f"  {view:28} columns with a partner {total:4}; accepted {len(taken):4}, of them right {share(taken)};"
            f" asked {len(shown):4}, right {share(shown)}; right but left {left:3}; unmatched {missed.count(view):3};"
            f" found {(sum(taken) + sum(shown)) / max(total, 1):.3f}"
        )
    taken, shown = [g for x, g, _ in scored if x >= accept], [g for x, g, _ in scored if accept > x >= ask]
    print(f"  all: accepted {len(taken)}, right {share(taken)}; asked {len(shown)}, right {share(shown)}")
    for low in (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95):
        high = {0.8: 0.9, 0.9: 0.95, 0.95: 1.01}.get(low, low + 0.2)
        bucket = [g for x, g, _ in scored if low <= x < high]
        print(f"    score {low:.2f}-{min(high, 1):.2f}: {len(bucket):5} proposals, right {share(bucket)}")


def share(good: list[bool]) -> str:
    return f"{sum(good) / len(good):.3f}" if good else "  -  "


if __name__ == "__main__":
    sys.exit(main())

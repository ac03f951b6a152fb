# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy>=2", "scipy>=1.14"]
# ///
"""Makes src/datong/harmonise/data/matching/weights.json again, and says what the thresholds stand for.

    PYTHONPATH=src:tests/harmonise/matching:tests/harmonise/elements uv run --with-editable . tools/fit_matching.py

From the development set: tests/harmonise/matching/development.yaml (made tables, three ways of writing headers, clean
and dirty values) and the real tables of tests/harmonise/elements/coverage.yaml that are in DATONG_DATA, each seen four
ways: as it is; without the words of the dictionary that its headers are; without headers; and with a third of the
right elements taken out of the library, so that there is nothing right to propose. Weights by maximum likelihood
(softmax over candidates and none); scores and thresholds from predictions for tables that were left out of the fit.
Coverage and dictionary are of one hand: without the words left out, its figures would only say that lists are equal.
"""

from __future__ import annotations

import json
import os
import random
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from columns_of import values_of
from scipy.optimize import minimize
from values_for import values

from datong.harmonise import service
from datong.harmonise.model.elements import DataElement, Library
from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.rules.matching import proposals as p
from datong.harmonise.rules.matching import scores as s
from datong.harmonise.rules.matching import words as w
from datong.harmonise.rules.matching.assignment import assigned
from datong.harmonise.rules.matching.evidence import FEATURES, TABLE_FEATURES

HERE = Path(__file__).resolve().parents[1]
OUT = HERE / "src/datong/harmonise/data/matching/weights.json"
DATA = Path(os.environ.get("DATONG_DATA") or HERE / "../shared/data").resolve()
NONE = -1
HARD = 60
FOLDS = 7
ACCEPT_RIGHT, ASK_RIGHT = 0.98, 0.35
MODELS = s.models()


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
    group: str
    view: str
    asked: list[Asked]


def main() -> None:
    library = service.library()
    made = [*development(library), *coverage(library)]
    elements = fitted("elements", FEATURES, made)
    tables = fitted("tables", TABLE_FEATURES, list(pairs(library)))
    about = "made by tools/fit_matching.py from the development set; what the thresholds stand for: docs/explanation/matching.md"
    OUT.write_text(
        json.dumps({"about": about, "models": {"elements": elements, "tables": tables}}, indent=1, ensure_ascii=False)
        + "\n"
    )


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
                sample = columns(table, given, header, side, dirt)
                for view in ("as it is", "words left out", "right left out"):
                    yield asked(table, view, sample, truth, library)
        yield asked(table, "no header", columns(table, given, 0, 1, 0.0), truth, library)


def coverage(library: Library):
    given = yaml.safe_load((HERE / "tests/harmonise/elements/coverage.yaml").read_text("utf-8"))
    for file, truth in given.items():
        if not (DATA / file).exists() or not file.endswith((".csv", ".csv.gz", ".jsonl.gz")) or "hierarchy_" in file:
            continue
        found: dict[str, list[str | None]] = {}
        for column, value in values_of(DATA, file, 300):
            found.setdefault(column, []).append(value)
        sample = [SampleColumn(c, "", tuple(v), "") for c, v in found.items() if c in truth]
        right = [{"-" if truth[c.path].startswith("none") else truth[c.path]} for c in sample]
        group = file.split("/")[0]
        for view in ("as it is", "words left out", "right left out", "no header"):
            shown = sample if view != "no header" else [replace(c, path=f"col{n}") for n, c in enumerate(sample, 1)]
            yield asked(group, view, shown, right, library, name=file)


def asked(
    group: str, view: str, sample: list[SampleColumn], truth: list[set[str]], library: Library, name: str = ""
) -> Table:
    elements, right = library.elements, truth
    r = random.Random(f"{group}/{name}/{view}")
    if view == "words left out":
        headers = {w.key(c.path) for c in sample}
        elements = tuple(without(e, headers) if any(e.name in t for t in truth) else e for e in elements)
    if view == "right left out":
        gone = {name for t in truth if r.random() < 0.34 for name in t}
        elements = tuple(e for e in elements if e.name not in gone)
        right = [(t - gone) or {"-"} for t in truth]
    places = {e.name: n for n, e in enumerate(elements)}
    looked = p.columns_of(sample, p.words_of(elements))
    evidence = p.elements_evidence(looked, elements, library)
    rows = [
        row(group, view, [f.features for f in found], {places[n] if n != "-" else NONE for n in t}, MODELS["elements"])
        for found, t in zip(evidence, right, strict=True)
    ]
    return Table(group, view, rows)


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
    """Every table in two ways of writing, with other rows on the other side, some columns missing on either side."""
    bare = Library((), library.tables)
    for table, given in written().items():
        for left_header, right_header in ((3, 4), (4, 5), (3, 5), (5, 4), (5, 3), (0, 4)):
            for dirt in (0.0, 0.3):
                for known in (library, bare):
                    r = random.Random(f"{table}/{left_header}/{right_header}/{dirt}")
                    left = columns(table, given, left_header, 1, 0.0)
                    right = columns(table, given, right_header, 2, dirt)
                    here = [n for n in range(len(given)) if r.random() > 0.15]
                    there = [n for n in range(len(given)) if r.random() > 0.15]
                    r.shuffle(there)
                    evidence = p.tables_evidence([left[n] for n in here], [right[n] for n in there], known)
                    view = ("library" if known is library else "no library") + (", dirty" if dirt else "")
                    view += ", no header" if not left_header else ""
                    yield Table(
                        table,
                        view,
                        [
                            row(
                                table,
                                view,
                                [f.features for f in found],
                                {there.index(n) if n in there else NONE},
                                MODELS["tables"],
                            )
                            for (_, found), n in zip(evidence, here, strict=True)
                        ],
                    )


# --- fitting -----------------------------------------------------------------------------------------------------


def fitted(name: str, features: tuple[str, ...], given: list[Table]) -> dict[str, object]:
    groups = sorted({t.group for t in given})
    random.Random(7).shuffle(groups)
    folds = [set(groups[at::FOLDS]) for at in range(FOLDS)]
    told: list[tuple[float, bool, str]] = []
    missed: list[str] = []
    least = -1.0
    for fold in folds:
        weights = weights_of([a for t in given if t.group not in fold for a in t.asked], features)
        for table in given:
            if table.group in fold:
                proposed(table, weights, least, told, missed)
    slope, shift = calibration([(x, right) for x, right, _ in told])
    scored = sorted(((s.logistic(slope * x + shift), right, view) for x, right, view in told), reverse=True)
    accept, ask = threshold(scored, ACCEPT_RIGHT), threshold(scored, ASK_RIGHT)
    report(name, scored, missed, accept, ask, [t.view for t in given for a in t.asked if NONE not in a.right])
    weights = weights_of([a for t in given for a in t.asked], features)
    numbers = {"bias": weights[0], "slope": slope, "shift": shift, "accept": accept, "ask": ask, "least": least}
    return {
        **{k: round(float(v), 4) for k, v in numbers.items()},
        "weights": {f: round(float(x), 4) for f, x in zip(features, weights[1:], strict=True)},
    }


def weights_of(given: list[Asked], features: tuple[str, ...]) -> np.ndarray:
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
        return value + 2e-4 * float(b[1:] @ b[1:]), gradient + 4e-4 * np.concatenate([[0], b[1:]])

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 400}).x


def proposed(table: Table, weights: np.ndarray, least: float, told: list, missed: list[str]) -> None:
    """What the fitted model proposes for a table it has not seen: (log share, right, view)."""
    strengths = [
        dict(zip(a.numbers, (weights[0] + a.features @ weights[1:]).tolist(), strict=True)) for a in table.asked
    ]
    gains = [
        {n: z - least for n, z in sorted(row.items(), key=lambda pair: -pair[1])[:12] if z > least} for row in strengths
    ]
    chosen = assigned(gains)
    given = {n for n in chosen if n is not None}
    for a, row, number in zip(table.asked, strengths, chosen, strict=True):
        if number is None:
            if NONE not in a.right:
                missed.append(a.view)
            continue
        top = sorted(row.items(), key=lambda pair: -pair[1])[:12]
        rivals = [z for n, z in top if n != number and n not in given]
        share = np.exp(min(60.0, row[number])) / (1 + sum(np.exp(min(60.0, z)) for z in rivals))
        told.append((float(np.log(share)), number in a.right, a.view))


def calibration(told: list[tuple[float, bool]]) -> tuple[float, float]:
    x, y = np.array([t[0] for t in told]), np.array([float(t[1]) for t in told])

    def loss(b: np.ndarray) -> float:
        z = np.clip(b[0] * x + b[1], -40, 40)
        return float(np.mean(np.log1p(np.exp(z)) - y * z))

    found = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(found[0]), float(found[1])


def threshold(scored: list[tuple[float, bool, str]], wanted: float) -> float:
    """The lowest score such that of the proposals around it (the next 60) `wanted` are right; for accept: of all above."""
    right, best = 0, 0.99
    for number, (score, good, _) in enumerate(scored, 1):
        right += good
        near = scored[max(0, number - 60) : number]
        share = right / number if wanted > 0.5 else sum(g for _, g, _ in near) / len(near)
        if share >= wanted and score < best:
            best = score
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

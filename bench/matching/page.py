"""docs/reference/matching-benchmark.md from bench/results/matching.json: pure text, no file, no clock.

Rankings are means over pairs (each pair counts once); precision, recall and the acts of a person are pooled. Tested in
tests/bench/test_matching_page.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Results = Mapping[str, Any]
MADE = ("known", "held-out-pair", "held-out-domain")
GROUPS: tuple[tuple[str, Callable[[Mapping[str, Any]], bool]], ...] = (
    ("known domains, open pairs", lambda p: p["split"] == "known"),
    ("known domains, held-out pairs", lambda p: p["split"] == "held-out-pair"),
    ("known domains, both", lambda p: p["split"] in ("known", "held-out-pair")),
    ("held-out domains", lambda p: p["split"] == "held-out-domain"),
    ("held-out pairs and domains with no row in common", lambda p: p["split"] == "apart"),
    ("real x real, one language or two", lambda p: p["domain"] == "real"),
    ("real x real, official statistics (Chinese)", lambda p: p["domain"] == "statistics"),
)


def of(results: Results, matcher: str, wanted: Callable[[Mapping[str, Any]], bool]) -> list[Mapping[str, Any]]:
    """The finished pairs of a group, as this matcher did them."""
    done = results["matchers"][matcher]["pairs"]
    return [
        done[name] for name, pair in results["described"].items() if wanted(pair) and "not_finished" not in done[name]
    ]


def mean(runs: Sequence[Mapping[str, Any]], figure: str) -> str:
    return f"{sum(run[figure] for run in runs) / len(runs):.2f}" if runs else "–"


def pooled(runs: Sequence[Mapping[str, Any]], part: str) -> str:
    """Precision or recall of all proposals of the group together; a dash where nothing was proposed."""
    hits = sum(run["hits"] for run in runs)
    whole = sum(run["proposed"] if part == "precision" else run["truth"] for run in runs)
    return f"{hits / whole:.2f}" if whole else "–"


def minutes(runs: Sequence[Mapping[str, Any]]) -> str:
    return f"{sum(run['person_seconds'] for run in runs) / len(runs) / 60:.1f}" if runs else "–"


def share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def compared(results: Results, wanted: Callable[[Mapping[str, Any]], bool]) -> list[str]:
    """One group, all matchers."""
    whole = sum(1 for pair in results["described"].values() if wanted(pair))
    rows = []
    for name in results["matchers"]:
        runs = of(results, name, wanted)
        accepted, wrong = sum(r["accepted"] for r in runs), sum(r["accepted_wrong"] for r in runs)
        asked = sum(r["asked_first"] + r["asked_other"] + r["asked_none"] for r in runs)
        columns = accepted + wrong + asked + sum(r["left"] + r["left_wrong"] for r in runs)
        rows.append([
            f"**{name}**" if name == results["ours"] else name, f"{len(runs)} of {whole}", mean(runs, "recall_at_truth"),
            mean(runs, "mrr"), pooled(runs, "precision"), pooled(runs, "recall"), share(accepted, accepted + wrong),
            share(accepted + wrong, columns), share(asked, columns), minutes(runs), mean(runs, "seconds"),
        ])  # fmt: skip
    header = [
        "Matcher",
        "pairs finished",
        "recall@truth",
        "MRR",
        "precision",
        "recall",
        "right when accepted",
        "accepted",
        "asked",
        "min a table",
        "CPU s a pair",
    ]
    return table(header, rows)


def detail(results: Results, key: str, splits: Sequence[str]) -> list[str]:
    """recall@truth / MRR of every matcher by one property of the pairs."""
    values = sorted({p[key] for p in results["described"].values() if p["split"] in splits})
    rows = []
    for value in values:
        chosen = lambda p, value=value: p[key] == value and p["split"] in splits  # noqa: E731
        row = [value, str(sum(1 for p in results["described"].values() if chosen(p)))]
        for name in results["matchers"]:
            runs = of(results, name, chosen)
            row.append(f"{mean(runs, 'recall_at_truth')} / {mean(runs, 'mrr')}")
        rows.append(row)
    return table([key, "pairs", *results["matchers"]], rows)


def unfinished(results: Results) -> list[str]:
    lines = []
    for name, one in results["matchers"].items():
        reasons: dict[str, list[str]] = {}
        for pair, run in one["pairs"].items():
            if "not_finished" in run:
                reasons.setdefault(run["not_finished"], []).append(pair)
        lines += [
            f"- {name}: {reason} ({len(which)} pairs: {', '.join(which[:6])}{' ...' if len(which) > 6 else ''})"
            for reason, which in reasons.items()
        ]
    return lines or ["- none: every matcher finished every pair."]


def failures(results: Results) -> list[str]:
    """Our own matcher's open and real pairs, worst first, with what it got wrong; of the held-out ones nobody is told."""
    runs = results["matchers"].get(results["ours"], {}).get("pairs", {})
    worst = sorted((r["recall_at_truth"], name) for name, r in runs.items() if "not_finished" not in r)
    rows = []
    for figure, name in worst:
        if figure < 0.85 and "missed" in runs[name]:
            shown = "; ".join(f"{a} → {b}" for a, b in runs[name]["missed"][:4])
            rows.append([name, f"{figure:.2f}", f"{runs[name]['mrr']:.2f}", shown.replace("|", "/")])
    return table(["Pair", "recall@truth", "MRR", "true pairs not proposed (first four)"], rows)


def hand(results: Results) -> str:
    own = [p["by_hand_seconds"] for p in results["described"].values() if p["split"] in MADE]
    return f"{sum(own) / len(own) / 60:.1f}"


def _earlier(matchers: dict[str, Any]) -> str:
    """Which matchers were not run this time, and when they were."""
    runs: dict[tuple[str, float], list[str]] = {}
    for name, told in matchers.items():
        if run := told.get("earlier"):
            runs.setdefault((run["at"], run["load_before"] or 0), []).append(name)
    return "".join(
        f" Kept from the run of {at} (load {load:.1f} before): {', '.join(names)}."
        for (at, load), names in runs.items()
    )


def page(results: Results) -> str:
    described, person = results["described"], results["person"]
    made = [p for p in described.values() if p["split"] in MADE]
    known = sorted({p["domain"] for p in made if p["split"] != "held-out-domain"})
    held = sorted({p["domain"] for p in made if p["split"] == "held-out-domain"})
    lines = [
        "# The benchmark of matching", "",
        "<!-- made by bench/matching/run.py (make bench-matching); do not edit -->", "",
        f"{len(made)} pairs of tables ({sum(p['left'] + p['right'] for p in made)} columns, {sum(p['truth'] for p in made)} true pairs) over "
        f"{len(known) + len(held)} domains: {', '.join(known)}; held out whole: {', '.join(held)}. "
        f"{sum(p['split'] == 'real' for p in described.values())} more pairs join two real tables each and are reported apart. "
        "Definitions, ground truth and tables: `bench/matching/`; frozen by digest in `bench/matching/frozen.txt`.", "",
        f"Run {results['at']} at commit {results['commit']} on {results['machine']['cores']} cores of {results['machine']['cpu']}, Python {results['machine']['python']}, load {results['machine'].get('load_before', 0):.1f} before; "
        f"time limit {results['limit_seconds']:g} s of CPU a pair and matcher." + _earlier(results["matchers"]), "",
        "## What is independent, and what is not", "",
        "- The pairs, their truth and the generator of their values come from one hand; the dictionary and the matcher come from "
        "another, and neither read the other's work before the first figures. Both hands know the same public standards "
        "(GA/T 543 initials, JT/T 809, GB/T 32960 ...), so a standard's own names favour a dictionary made from that standard.",
        "- The values of both sides of a made pair come from one generator, a fifth of the rows are the same entities. That flatters "
        "every matcher that reads values, most of all one that counts equal ones (valentine-jaccard). So the held-out pairs are also run "
        "with no row in common: a table of their own below. Arithmetic between columns (sum = parts) is not kept.",
        "- `known` pairs were looked at when the matcher was improved, and its weights are fitted on them too (each domain's figures "
        "while fitting came from the others): their figures here are those of a set it has seen. Nothing was fitted on the held-out "
        "pairs and domains; they are the measure, though not a blind one: an earlier version of this page told their errors one by "
        "one, so some had been seen, and their totals were looked at to decide whether to go on. Headers that were remembered were "
        "kept out of the dictionary, but its new words were not compared with theirs, and some will be the same. Nothing but custom "
        "enforces the split; a change of any pair shows in frozen.txt.",
        "- The glossary grew from about 400 to about 850 meanings from general knowledge of the trades, held-out ones among them; "
        "that its words fit these tables better than a stranger's would is possible, since one hand cannot unread a page.",
        "- Pairs with a real side: transport-02 (Shenzhen taxi, MIT) and medicine-07 (Synthea, Apache-2.0); industry-05 and energy-04 "
        "have real headers with made values.",
        "- The real x real pairs have no made header and no made value. For the pairs of official statistics even the truth is "
        "not a judgement: two columns are the same when every figure published for 1978-2014 is equal. One side keeps the odd years, "
        "the other the even ones. Two such pairs were taken out after the first run, since their tables differ in scope in every column "
        "(central and national taxes), which makes equal figures an accident; `real.yaml` says which.",
        "- Valentine's own published pairs are not here: they are not in its package, and they are English.", "",
        "## What the figures mean", "",
        "- **recall@truth** as Valentine defines it: of the best-scored |truth| pairs of columns, the share that is true; ties go against the matcher. "
        "A matcher that proposes few pairs loses here. **MRR**: 1 / rank of the true partner, per column that has one; unscored counts 0.",
        "- **precision, recall**: of the one-to-one proposals of the group together. A matcher without verdicts of its own gets SciPy's best assignment and two "
        "thresholds fitted on the known pairs: *leave* below the best F1, *accept* from where 97 % are right. **right when accepted** is the "
        "check of that promise on the group at hand.",
        f"- **min a table**: a person's minutes by the keystroke-level model (Card, Moran, Newell 1980; M {1.35} s, P {1.1} s, B {0.2} s, K {0.2} s): "
        f"an accepted column {person['accepted']:.1f} s, an asked one whose first proposal is right {person['asked_first']:.1f} s, one of the "
        f"next four right {person['asked_other']:.1f} s, else {person['chosen']:.1f} s + {person['per_header']:.2f} s a name of the other table; "
        f"a wrong one accepted {person['mended']:.0f} s more (an assumption). How many steps an act takes is our count. With no matcher the same "
        f"model gives **{hand(results)} minutes** a table (half the list read, a line typed). Nobody was timed.", "",
    ]  # fmt: skip
    for title, wanted in GROUPS:
        if any(wanted(pair) for pair in described.values()):
            lines += [f"## {title[0].upper()}{title[1:]}", "", *compared(results, wanted)]
    lines += [
        "## By domain (recall@truth / MRR)",
        "",
        *detail(results, "domain", ("known", "held-out-pair", "held-out-domain")),
    ]
    lines += ["## By difficulty (recall@truth / MRR)", "", "*dirty*: one side with blanks, masks and junk; *hard*: other units and codes, "
              "opaque or abbreviated names, one column against several.", "", *detail(results, "difficulty", ("known", "held-out-pair", "held-out-domain"))]  # fmt: skip
    lines += ["## Not finished", "", *unfinished(results), ""]
    lines += ["## Where ours fails, open and real pairs (recall@truth below 0.85)", "", *failures(results)]
    lines += ["## Every pair, ours", ""]
    runs = results["matchers"].get(results["ours"], {}).get("pairs", {})
    rows = [
        [name, p["split"], p["difficulty"], f"{p['left']} x {p['right']}", str(p["truth"]),
         *((f"{runs[name][k]:.2f}" for k in ("recall_at_truth", "mrr", "precision", "recall")) if "not_finished" not in runs.get(name, {"not_finished": 1}) else ["–"] * 4)]
        for name, p in described.items()
    ]  # fmt: skip
    lines += table(
        ["Pair", "split", "difficulty", "columns", "truth", "recall@truth", "MRR", "precision", "recall"], rows
    )
    return "\n".join(lines)

"""What the demonstration tells at its end: the report (JSON) and the summary on the screen (the story page: telling.py).

Every figure comes from an answer of a node, from the delivered table or from a program that was run; none is typed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from paperwork import GROUP, LAB, REGISTRY, parties

from datong.deidentify.rules.risk import LIMIT

if TYPE_CHECKING:
    from journey import Journey

SOURCES = ("trips", "positions", "passages")


def report(j: Journey, seconds: dict[str, float]) -> dict[str, Any]:
    """The report in the form the issue gives."""
    risk = j.known["version"]["risk"]
    verified = j.known["verified"]
    slug_of = {j.codes[f"node:{slug}"]: slug for slug in parties()}
    return {
        "nodes": [
            {"name": slug, "subject_code": party["credit_code"], "node_code": j.codes[f"node:{slug}"]}
            for slug, party in parties().items()
        ],
        "sources": {
            name: {part: j.known[f"{name}.build"][part] for part in ("read", "harmonised", "quarantined", "reasons")}
            for name in SOURCES
        },
        "privacy": {
            "k": risk["k"], "classes": risk["classes"], "max_class_risk": risk["max_class_risk"],
            "average_risk": risk["average_risk"], "cr": risk["cr"], "overall_risk": risk["overall_risk"],
            "level": risk["level"],
            "kept": kept(j),
        },
        "registrations": [
            {"code": case["code"], "kind": case["object_kind"], "state": case["state"]}
            for case in sorted(cases(j), key=lambda case: (case["object_kind"], case["name"]))
        ],
        "product": {"code": j.codes["product"], "rows": j.known["version"]["rows"]},
        "contracts": [
            {
                "id": found["id"], "provider": slug_of[found["provider"]], "consumer": slug_of[found["consumer"]],
                "state": found["state"], "policy_hash": found["policy_hash"],
            }
            for found in contracts(j)
        ],
        "delivery": {
            "client": f"{j.known['received']['client']} {j.known['received']['version']}",
            "rows": j.known["received"]["rows"], "bytes": j.known["received"]["bytes"],
        },
        "usage": {"events": len(j.known["usage"])},
        "settlement": {
            "gross_fen": j.known["settlement"]["gross_fen"],
            "parts": [
                {"party": slug_of_party(part["party"]), "fen": part["share_fen"]} for part in j.known["settlement"]["parts"]
            ],
            "balanced": j.known["settlement"]["balanced"],
        },
        "evidence": {
            "entries": sum(found["leaves"] for found in verified.values()),
            "checkpoints": sum(found["checkpoints"] for found in verified.values()),
            "verified": all(found["ok"] for found in verified.values()) and j.known["bundle"]["ok"],
        },
        "model": {name: j.known["model"][name] for name in ("unit", "raw_mae", "product_mae", "raw_r2", "product_r2", "constant_mae")},
        "seconds": seconds,
        **({"another_make": j.known["another_make"]} if j.edc else {}),
    }  # fmt: skip


def kept(j: Journey) -> dict[str, float]:
    """Share of the trips read, by what became of their start: released at a resolution, in no group (outside the
    product's period or area, or without a time or place), or quarantined. They sum to 1."""
    read = j.known["trips.build"]["read"]
    counts = dict.fromkeys((level["label"] for level in j.known["partition"]["levels"]), 0)
    table = pq.read_table(j.known["received"]["path"], columns=["level", "starts"])
    labels = list(counts)
    for level, starts in zip(table["level"].to_pylist(), table["starts"].to_pylist(), strict=True):
        counts[labels[level]] += starts
    rest = j.known["trips.build"]["harmonised"] - sum(counts.values())
    told = {**counts, "in no group": rest, "quarantined": j.known["trips.build"]["quarantined"]}
    return {name: round(trips / read, 6) for name, trips in told.items()}


NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def counted(number: int, thing: str, many: str = "") -> str:
    """ "two contracts": a number in words, as far as there are some, with its noun."""
    word = NUMBERS[number] if number < len(NUMBERS) else f"{number:,}"
    return f"{word} {thing if number == 1 else many or thing + 's'}"


def every(number: int) -> str:
    return "both" if number == 2 else f"all {number}"


def slug_of_party(code: str) -> str:
    return next(slug for slug, party in parties().items() if party["credit_code"] == code)


def cases(j: Journey) -> list[dict[str, Any]]:
    return list(j.who(REGISTRY, "auditor").ask("register.cases"))


def contracts(j: Journey) -> list[dict[str, Any]]:
    """The three contracts as their consumers' nodes hold them, in the order they were made."""
    group = j.who(GROUP, "auditor").ask("negotiate.agreements")
    lab = j.who(LAB, "legal").ask("negotiate.agreements")
    mine = {found["id"]: found for found in [*group, *lab]}
    return [mine[j.known[f"{name}.agreement"]] for name in ("trips", "passages", "product")]


def summary(j: Journey, made: dict[str, Any]) -> list[str]:
    """The story in a few lines, for the screen."""
    privacy, money, model = made["privacy"], made["settlement"], made["model"]
    shares = ", ".join(
        f"{share:.1%} {f'at {label}' if ' x ' in label else label}" for label, share in privacy["kept"].items()
    )
    smallest = j.known["version"]["risk"]["f_min"]
    split = ", ".join(f"{part['party']} ¥{part['fen'] / 100:,.2f}" for part in money["parts"])
    return [
        "[bold]The story of this run[/]",
        *[
            f"  {name}: {source['read']:,} rows read = {source['harmonised']:,} harmonised"
            f" + {source['quarantined']:,} quarantined"
            for name, source in made["sources"].items()
        ],
        f"  {privacy['classes']:,} joint groups of at least {smallest} riders and {smallest} vehicles; trips: {shares}",
        f"  risk R = {privacy['overall_risk']:.4f} (CR {privacy['cr']:.2f}), level {privacy['level']}; below {LIMIT} is released",
        f"  received with {made['delivery']['client']}: {made['delivery']['rows']:,} rows, {made['usage']['events']} usage event",
        f"  fee ¥{money['gross_fen'] / 100:,.2f}, split {split}; balanced: {money['balanced']}",
        f"  forecast error {model['raw_mae']:.3f} (raw trips), {model['product_mae']:.3f} (product), {model['constant_mae']:.3f} (constant)",
        f"  {made['evidence']['entries']:,} evidence entries on {len(made['nodes'])} nodes, {made['evidence']['checkpoints']:,} signed checkpoints; verified: {made['evidence']['verified']}",
    ]

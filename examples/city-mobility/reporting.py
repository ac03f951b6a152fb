"""What the demonstration tells at its end: the report (JSON), the story page's data, the summary on the screen.

Every figure comes from an answer of a node, from the delivered table or from a program that was run; none is typed in.
"""

from __future__ import annotations

import csv
import math
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
from paperwork import HERE, parties

if TYPE_CHECKING:
    from journey import Journey

SOURCES = ("trips", "positions", "passages")
KM_PER_DEGREE = 111.32

PARTS = {
    "bike-company": ("提供骑行行程；数据不出本节点", "supplies bike trips; they stay at its node"),
    "traffic-bureau": ("提供卡口过车数据，出具同意书", "supplies gate passages, under its recorded consent"),
    "data-bureau": ("登记机构、实施机构、价格主管、评估", "registry, implementing body, price authority, assessor"),
    "data-group": ("授权运营，汇成产品并上架", "operates the platform, composes and sells the product"),
    "city-lab": ("购买产品，训练预测模型", "buys the product and trains a forecast"),
}
LINKS = {
    "register": ("登记", "Register"), "authorise": ("授权", "Authorise"), "harmonise": ("归一", "Harmonise"),
    "supply": ("供数合约", "Supply contracts"), "deidentify": ("去标识化", "De-identify"), "compose": ("汇成产品", "Compose"),
    "price": ("定价", "Price"), "catalogue": ("上架", "List"), "negotiate": ("签约", "Negotiate"),
    "deliver": ("交付与计量", "Deliver, meter"), "settle": ("结算分账", "Settle"), "audit": ("审计", "Audit"),
    "model": ("使用", "Use"),
}  # fmt: skip


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
            "overall_risk_at_cr_1": risk["overall_risk_at_cr_1"], "level": risk["level"],
            "kept": j.known["version"]["kept"],
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
            "checkpoints": sum(1 for found in j.known["health"].values() if found["checkpoint_size"] == found["leaves"]),
            "verified": all(found["ok"] for found in verified.values()) and j.known["bundle"]["ok"],
        },
        "model": {name: j.known["model"][name] for name in ("unit", "raw_mae", "product_mae", "raw_r2", "product_r2", "constant_mae")},
        "seconds": seconds,
    }  # fmt: skip


def slug_of_party(code: str) -> str:
    return next(slug for slug, party in parties().items() if party["credit_code"] == code)


def cases(j: Journey) -> list[dict[str, Any]]:
    return list(j.who("data-bureau", "auditor").ask("register.cases"))


def contracts(j: Journey) -> list[dict[str, Any]]:
    """The three contracts as their consumers' nodes hold them, in the order they were made."""
    group = j.who("data-group", "auditor").ask("negotiate.agreements")
    lab = j.who("city-lab", "legal").ask("negotiate.agreements")
    mine = {found["id"]: found for found in [*group, *lab]}
    return [mine[j.known[f"{name}.agreement"]] for name in ("trips", "passages", "product")]


def story(j: Journey, seconds: dict[str, float]) -> dict[str, Any]:
    """What the story page shows, beside the report."""
    made = report(j, seconds)
    names = {slug: (party["name"], party["name_en"]) for slug, party in parties().items()}
    return {
        "report": made,
        "business_from": "2026-03-02",
        "business_until": j.known["today"].isoformat(),
        "total_read": sum(source["read"] for source in made["sources"].values()),
        "risk_at_cr_1": made["privacy"]["overall_risk_at_cr_1"],
        "parties": [
            {
                "slug": slug, "name_zh": names[slug][0], "name_en": names[slug][1], "part_zh": PARTS[slug][0],
                "part_en": PARTS[slug][1], "node_code": j.codes[f"node:{slug}"],
            }
            for slug in parties()
        ],
        "links": [
            {"zh": LINKS[name][0], "en": LINKS[name][1], "said_zh": j.said.get(f"{name}.zh", said), "said_en": said,
             "seconds": seconds.get(name, 0.0)}
            for name, said in j.said.items()
            if name in LINKS
        ],
        "map": flows(j),
        "registrations": [registration(case) for case in cases(j)],
        "contracts": [
            {"provider": names[found["provider"]][0], "consumer": names[found["consumer"]][0], "state": found["state"],
             "policy_hash": found["policy_hash"]}
            for found in made["contracts"]
        ],
        "split": [
            {"party": part["party"], "fen": part["fen"], "name_zh": names[part["party"]][0],
             "name_en": names[part["party"]][1], "treasury": parties()[part["party"]]["payee"] == "treasury"}
            for part in made["settlement"]["parts"]
        ],
        "evidence": [
            {
                "name_zh": names[slug][0], "name_en": names[slug][1], "leaves": found["leaves"],
                "checkpoints": found["checkpoints"], "root": j.known["health"][slug]["checkpoint"].splitlines()[2],
                "witnesses": j.known["health"][slug]["cosignatures"], "ok": found["ok"],
            }
            for slug, found in j.known["verified"].items()
        ],
        "walk": [
            {"step": step["step"], "id": step["id"], "position": step.get("index"), "node": node}
            for node, steps in [
                ("data-group", j.known["walk"]["steps"]),
                *[(slug, found["steps"]) for slug, found in sorted(j.known["walk_on"].items())],
            ]
            for step in steps
        ],
    }  # fmt: skip


def registration(case: dict[str, Any]) -> dict[str, Any]:
    voluntary = case["basis"] == "voluntary"
    joint = len(case["registrants"]) > 1
    zh = [text for text, said in (("自愿登记，非公共数据", voluntary), ("与实施机构联合申报", joint)) if said]
    en = [text for text, said in (("voluntary; not public data", voluntary), ("filed jointly with the implementing body", joint)) if said]
    reviewer = case["reviewer"] or {}
    return {
        "code": case["code"], "name": case["name"], "state": case["state"],
        "registrants": [registrant["name"] for registrant in case["registrants"]],
        "departments": [
            *[f"{entry['department']}" for entry in case["applicant_departments"]],
            str(reviewer.get("department", "")) if isinstance(reviewer, dict) else str(reviewer),
        ],
        "note_zh": "；".join(zh), "note_en": "; ".join(en),
    }  # fmt: skip


def flows(j: Journey) -> dict[str, Any]:
    """Cells and stations of the map, in the product's grid, out of the delivered table only."""
    recipe = j.known["version"]["recipe"]
    zone = ZoneInfo(recipe["zone"])
    table = pq.read_table(Path(j.known["received"]["path"])).to_pylist()
    cells = [
        {
            "km": row["area_km"], "x": row["cell_x"], "y": row["cell_y"], "hour": local_window(row["window_start"], zone),
            "starts": row["starts"], "ends": row["ends"], "vehicles": row["vehicles"] or 0,
        }
        for row in table
        if row["area_km"] and row["area_km"] <= 10 and spans_hours(row) <= 3
    ]
    return {"cells": merged(cells), "stations": stations(recipe["origin"])}


def spans_hours(row: dict[str, Any]) -> float:
    return float((row["window_end"] - row["window_start"]).total_seconds() / 3600)


def local_window(start: datetime, zone: ZoneInfo) -> int:
    return start.astimezone(zone).hour // 3 * 3


def merged(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Trips of the same cell and window of the day added up (trips add; vehicles keep their largest window)."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for cell in cells:
        key = (cell["km"], cell["x"], cell["y"], cell["hour"])
        known = found.setdefault(key, {**cell, "starts": 0, "ends": 0, "vehicles": 0})
        known["starts"] += cell["starts"]
        known["ends"] += cell["ends"]
        known["vehicles"] = max(known["vehicles"], cell["vehicles"])
    return list(found.values())


def stations(origin: dict[str, float]) -> list[list[Any]]:
    """The bike stations in kilometres from the product's origin."""
    east = KM_PER_DEGREE * math.cos(math.radians(origin["lat"] + 0.25))
    with (HERE / "data" / "bike-company" / "stations.csv").open(encoding="utf-8") as file:
        return [
            [
                round((float(row["longitude"]) - origin["lon"]) * east, 3),
                round((float(row["latitude"]) - origin["lat"]) * KM_PER_DEGREE, 3),
                row["name"],
            ]
            for row in csv.DictReader(file)
        ]


def summary(j: Journey, made: dict[str, Any]) -> list[str]:
    """The story in a few lines, for the screen."""
    privacy, money, model = made["privacy"], made["settlement"], made["model"]
    kept = ", ".join(f"{share:.1%} at {label}" for label, share in privacy["kept"].items())
    split = ", ".join(f"{part['party']} ¥{part['fen'] / 100:,.2f}" for part in money["parts"])
    return [
        "[bold]The story of this run[/]",
        *[
            f"  {name}: {source['read']:,} rows read = {source['harmonised']:,} harmonised"
            f" + {source['quarantined']:,} quarantined"
            for name, source in made["sources"].items()
        ],
        f"  {privacy['classes']:,} joint groups of at least {privacy['k']} riders and {privacy['k']} vehicles;"
        f" trips kept: {kept}",
        f"  risk R = {privacy['overall_risk']:.4f} (CR {privacy['cr']:.2f}), level {privacy['level']}; below 0.05 is released",
        f"  received with {made['delivery']['client']}: {made['delivery']['rows']:,} rows, {made['usage']['events']} usage event",
        f"  fee ¥{money['gross_fen'] / 100:,.2f}, split {split}; balanced: {money['balanced']}",
        f"  forecast error {model['raw_mae']:.3f} (raw trips), {model['product_mae']:.3f} (product), {model['constant_mae']:.3f} (constant)",
        f"  {made['evidence']['entries']:,} evidence entries on {made['evidence']['checkpoints']} nodes; verified: {made['evidence']['verified']}",
    ]

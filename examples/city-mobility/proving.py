"""Audit: every node verifies itself, the money is walked back to its sources; and what privacy cost, by a forecast.

Contract: tests/journey/test_journey_evidence.py.
"""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from paperwork import BIKE, GROUP, HERE, LAB, ROOT, parties
from reporting import counted

if TYPE_CHECKING:
    from journey import Journey


def audit(j: Journey) -> str:
    """Every node verifies itself; the invoice line is walked back to its sources; a bundle is checked offline."""
    time_to_settle(j)
    with ThreadPoolExecutor() as nodes:
        found = list(nodes.map(lambda slug: verified(j, slug), parties()))
    j.known["verified"] = dict(zip(parties(), found, strict=True))
    auditor = j.who(GROUP, "auditor")
    line = j.known["invoice"]["lines"][0]["id"]
    j.known["walk"] = auditor.ask("audit.walk", invoice_line=line)
    slugs = {j.codes[f"node:{slug}"]: slug for slug in parties()}
    j.known["walk_on"] = {
        slugs[onward["node"]]: j.who(slugs[onward["node"]], "operator").ask(onward["call"], **onward["arguments"])
        for onward in j.known["walk"]["continues"]
    }
    broken = {
        slug: found["problems"]
        for slug, found in ((GROUP, j.known["walk"]), *j.known["walk_on"].items())
        if not found["ok"]
    }
    if broken:
        raise TimeoutError(f"the invoice line does not lead back to its sources: {broken}")
    bundle = auditor.do("audit.export_bundle", name="demonstration")
    checked = subprocess.run(
        ["python3", ROOT / "tools/verify_evidence.py", bundle["file"], "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    j.known["bundle"] = (
        json.loads(checked.stdout) if checked.stdout.startswith("{") else {"ok": False, "said": checked.stderr[-800:]}
    )
    wrong = [slug for slug, found in j.known["verified"].items() if not found["ok"]]
    if wrong or not j.known["bundle"].get("ok"):
        raise TimeoutError(
            f"evidence does not verify: {wrong} {j.known['bundle']} {[j.known['verified'][s] for s in wrong]}"
        )
    entries = sum(found["leaves"] for found in j.known["verified"].values())
    return f"{entries:,} entries on {counted(len(j.known['verified']), 'node')} verified; the invoice line leads back through {len(j.known['walk']['steps'])} steps; the bundle passed the one-file verifier"


def verified(j: Journey, slug: str) -> dict[str, Any]:
    """What the node finds; asked again when it finds something, for one that was just started again mends its files."""
    operator = j.who(slug, "operator")
    found = operator.ask("audit.verify")
    if not found["ok"]:
        time.sleep(2)
        found = operator.ask("audit.verify")
    return dict(found)


def time_to_settle(j: Journey) -> None:
    """Wait until no node has an open job or a leaf without its place: then the logs stand still."""
    sizes: list[list[int]] = []

    def quiet() -> bool:
        """Twice in a row, with nothing written in between: a node looked at first may have heard from a later one."""
        resting = all(at_rest(j, slug) for slug in parties())
        sizes.append([j.known["health"][slug]["leaves"] for slug in parties()] if resting else [])
        return resting and len(sizes) > 1 and sizes[-1] == sizes[-2]

    j.world.wait_for(quiet, "the nodes to finish their messages")


def at_rest(j: Journey, slug: str) -> bool:
    health = j.who(slug, "operator").ask("audit.health")
    j.known.setdefault("health", {})[slug] = health
    return health["pending"] == 0 and health["open_jobs"] == 0 and health["cosignatures"] > 0


def model(j: Journey) -> str:
    """A small forecast, trained once on the raw trips (which only the example may see), once on the product."""
    raw = j.folder / BIKE / "sources" / "trips_2019_09.json"
    product = next((j.folder / LAB / "received").rglob("*.parquet"))
    done = subprocess.run(
        [ROOT / "clients/.venv/bin/python", HERE / "forecast.py", "--raw", raw, "--product", product],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    j.known["model"] = json.loads(done.stdout.strip().splitlines()[-1])
    found = j.known["model"]
    return (
        f"mean error {found['raw_mae']:.3f} on raw trips, {found['product_mae']:.3f} on the product,"
        f" {found['constant_mae']:.3f} for a constant"
    )

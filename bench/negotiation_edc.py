"""The same negotiation between two EDC connectors on this machine: the peer beside bench/negotiation.py.

Both run in memory with EDC's identity mock, so they neither sign nor flush to a disk; their state machines look for work
every `wait` milliseconds (EDC's own setting; 1000 as it ships). Timed by the consumer's management API, asked every
5 ms. Needs Maven, Java 17 and a Maven repository that has EDC; without, the reason is given instead.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "conformance"))

from conform import lacking, resolved
from edc_process import HERE, PROTOCOL, Manager, Provider, running

VERSIONS = ("0.18.0", "0.15.1")
WAITS = (50, 1000)
ENDED = ("FINALIZED", "TERMINATED")
ASKED_SECONDS = 0.005


def had(folder: Path) -> tuple[str, Path | None, str]:
    """(version, its jars, "") of the newest EDC that can be had, or ("", None, why none can)."""
    reasons = [lacking()]
    for version in VERSIONS if not reasons[0] else ():
        lib = folder / f"edc-{version}"
        if not (why := resolved(HERE / "edc" / "pom.xml", lib, f"edc.version={version}")):
            return version, lib, ""
        reasons.append(f"{version}: {why}")
    return "", None, "; ".join(reason for reason in reasons if reason)


def measured(folder: Path, port: int, count: int) -> dict[str, Any]:
    """{"version", "wait_50": {"count", "terminated", "p50_ms", "p95_ms"}, "wait_1000": ...}, or {"not_run": why}."""
    version, lib, why = had(folder)
    if lib is None:
        return {"not_run": why}
    found: dict[str, Any] = {"version": version}
    for wait in WAITS:
        work = folder / f"wait-{wait}"
        work.mkdir()
        with (
            running(lib, work, port, name="edc-provider", wait=wait) as provider,
            running(lib, work, port + 10, name="edc-consumer", wait=wait) as consumer,
        ):
            Manager(provider["management"]).furnish()
            asking = Manager(consumer["management"])
            offer = Provider(asking, "edc-provider", f"{provider['root']}/2025-1").datasets()[0]["offers"][0]
            asked = [_negotiated(asking, provider["root"], offer) for _ in range(count + 3)][3:]
        times = [one for one in asked if one is not None]
        found[f"wait_{wait}"] = {
            "count": count, "terminated": count - len(times), "p50_ms": round(statistics.median(times), 1),
            "p95_ms": round(sorted(times)[min(len(times) - 1, len(times) * 95 // 100)], 1),
        }  # fmt: skip
    return found


def _negotiated(asking: Manager, root: str, offer: dict[str, Any]) -> float | None:
    """Milliseconds from the request of a person to FINALIZED at the consumer; None where EDC ended it by itself."""
    policy = {
        "@context": "http://www.w3.org/ns/odrl.jsonld", "@type": "Offer", "@id": offer["@id"],
        "assigner": "edc-provider", "target": "asset-1", "permission": [{"action": "use"}],
    }  # fmt: skip
    address = {"counterPartyId": "edc-provider", "counterPartyAddress": f"{root}/2025-1", "protocol": PROTOCOL}
    begun = time.perf_counter()
    asked = asking.post("contractnegotiations", **{"@type": "ContractRequest"}, **address, policy=policy)
    while (row := asking.get(f"contractnegotiations/{asked['@id']}"))["state"] not in ENDED:
        time.sleep(ASKED_SECONDS)
    return (time.perf_counter() - begun) * 1000 if row["state"] == "FINALIZED" else None


if __name__ == "__main__":
    import json
    import tempfile

    with tempfile.TemporaryDirectory() as made:
        print(json.dumps(measured(Path(made), 9800, int(sys.argv[1]) if len(sys.argv) > 1 else 10), indent=1))

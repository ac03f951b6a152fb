"""Negotiations between two real nodes on loopback, and the first page of a large catalogue.

    request -> finalized   the person's request is committed at the consumer -> its contract is FINALIZED and committed
    in parallel            100 requests at once, until the last contract is concluded
    catalogue              POST /catalog/request of 10,000 offers over HTTP, first page of 100

Both nodes are what `datong serve` runs, each in a process of its own, with signed requests, SQLite, synchronous=FULL and
evidence; the consumer's process is this one, which takes the times. Beside it, in the same run, two EDC connectors
(negotiation_edc.py) where Maven has them; --no-edc leaves them out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "conformance"))

import negotiation_edc
import uvicorn
from run import machine
from sqlalchemy import event, insert

from datong import app
from datong.ground import codes
from datong.ground.config import load
from datong.ground.crypto.profile import DEFAULT
from datong.ground.db import NODE, Actor, Tx
from datong.ground.keys import PrivateKey
from datong.negotiate import service as negotiate
from datong.terms.policy import Policy, to_json
from seed import PURPOSE, RULES, introduced, listing, own_code, resource, terms

PARTIES = {
    "provider": codes.credit_code("9", "1", "520100", "MA6BENCH"),
    "consumer": codes.credit_code("9", "1", "520100", "MA6BENCK"),
}
CODES = {name: codes.node_code("5", party, "5201", f"BENCH{name[0].upper()}00") for name, party in PARTIES.items()}
DATASET, OFFER = "BENCH", "offer-bench"
PAGE = ROOT / "docs" / "reference" / "negotiation-measures.md"
RESULTS = ROOT / "bench" / "results" / "negotiation.json"
ROUNDS = 5
"""Of single negotiations: what else the host does changes with the minutes, and their medians show by how much."""
EARLIER = 20
"""Runs whose median is kept beside the newest."""


def prepared(folder: Path, ports: dict[str, int]) -> None:
    """Configuration and key of both nodes."""
    for name, port in ports.items():
        app.init(folder / name, name=name, party=PARTIES[name], port=port, region="5201", kind="connector")
        file = folder / name / "datong.toml"
        file.write_text(file.read_text("utf-8") + "[peers]\nallow_private = true\n", "utf-8")


def opened(folder: Path, name: str, ports: dict[str, int], offers: int) -> app.Node:
    """One of the nodes, knowing both; the provider with what it offers."""
    node = app.open_node(load(folder / name))
    with node.store.begin(NODE, "seed") as tx:
        own_code(tx, CODES[name])
        for other, port in ports.items():
            key = PrivateKey.at(folder / other / "keys" / "node.pem", DEFAULT).public.text
            introduced(tx, CODES[other], PARTIES[other], f"http://127.0.0.1:{port}", key)
        if name == "provider":
            furnished(tx, offers)
    return node


def furnished(tx: Tx, offers: int) -> None:
    resource(tx, PARTIES["provider"], "91520100MA6BIKE00X", PARTIES["consumer"])
    listing(tx, DATASET, OFFER, PARTIES["provider"], agree="node", policy=Policy("", RULES))
    many = _Collected()
    for number in range(offers - 1):
        listing(many, f"D{number:05d}", f"offer-{number:05d}", PARTIES["provider"], agree="node")  # type: ignore[arg-type]
    for table, rows in many.rows.items():
        tx.execute(insert(table), rows)


class _Collected:
    """Takes what a transaction would add, to be added at once."""

    def __init__(self) -> None:
        self.rows: dict[Any, list[dict[str, Any]]] = {}

    def add(self, to: Any, values: dict[str, Any]) -> None:
        self.rows.setdefault(to, []).append(values)


def serve(node: app.Node, port: int) -> uvicorn.Server:
    server = uvicorn.Server(uvicorn.Config(node.asgi, host="127.0.0.1", port=port, log_level="error", access_log=False))
    node.start()
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    return server


class Consumer:
    """The consumer's side: asks, and knows when each contract is concluded."""

    def __init__(self, node: app.Node) -> None:
        self.node, self.ended = node, threading.Condition()
        self.at: dict[str, float] = {}
        negotiate.on_finalized.append(self._finalized)

    def _finalized(self, tx: Tx, agreement: Any) -> None:
        if tx.store is self.node.store:
            tx.after_commit.append(lambda: self._note(str(agreement["negotiation"])))

    def _note(self, negotiation: str) -> None:
        with self.ended:
            self.at[negotiation] = time.perf_counter()
            self.ended.notify_all()

    def ask(self) -> tuple[str, float]:
        person = Actor("p-1", "analyst", PARTIES["consumer"], "bench", frozenset({"analyst"}))
        offer = {"policy": to_json(Policy(OFFER, RULES)), "terms": terms(DATASET, PARTIES["provider"])}
        with self.node.store.begin(person, "negotiate") as tx:
            asked = negotiate.request(
                tx, provider=CODES["provider"], dataset=DATASET, offer_id=OFFER, purpose=PURPOSE, offer=offer
            )
        return str(asked["id"]), time.perf_counter()

    def concluded(self, *negotiations: str, seconds: float = 60) -> None:
        with self.ended:
            if not self.ended.wait_for(lambda: all(one in self.at for one in negotiations), seconds):
                with self.node.store.read(NODE) as tx:
                    open_or_failed = [(row["state"], row["reason"]) for row in negotiate.negotiations(tx)][-1:]
                raise TimeoutError(f"not all were concluded: {open_or_failed}")


def one_by_one(consumer: Consumer, count: int) -> list[float]:
    """Milliseconds of each."""
    found = []
    for _ in range(count):
        negotiation, begun = consumer.ask()
        consumer.concluded(negotiation)
        found.append((consumer.at[negotiation] - begun) * 1000)
    return found


def at_once(consumer: Consumer, count: int) -> dict[str, float]:
    """All asked by one thread as fast as it can, until the last is concluded."""
    begun = time.perf_counter()
    asked = [consumer.ask() for _ in range(count)]
    consumer.concluded(*(negotiation for negotiation, _ in asked))
    seconds = time.perf_counter() - begun
    times = [(consumer.at[negotiation] - at) * 1000 for negotiation, at in asked]
    return {"count": count, "seconds": round(seconds, 3), "per_second": round(count / seconds, 1),
            "p50_ms": round(statistics.median(times), 1), "p95_ms": percentile(times, 95)}  # fmt: skip


def cpu_ms(pid: int) -> float:
    """Processor time of a process so far: what it costs whatever else the machine does."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def percentile(times: list[float], part: int) -> float:
    return round(sorted(times)[min(len(times) - 1, len(times) * part // 100)], 1)


def statements(consumer: Consumer, count: int) -> float:
    """SQL statements of the consumer for one negotiation, its log and its idle looks for work left out."""
    found: list[str] = []

    def note(statement: str) -> None:
        if threading.current_thread().name != "datong-evidence" and "FROM job" not in statement:
            found.append(statement)

    def traced(connection: Any, *_: Any) -> None:
        connection.set_trace_callback(note)

    engine = consumer.node.store.engine
    event.listen(engine, "checkout", traced)
    one_by_one(consumer, count)
    event.remove(engine, "checkout", traced)
    return round(len([one for one in found if not one.startswith(("BEGIN", "COMMIT", "ROLLBACK"))]) / count, 1)


def first_pages(consumer: Consumer, port: int, offers: int, count: int) -> list[float]:
    """Milliseconds of a signed request of the first page, over HTTP."""
    url = f"http://127.0.0.1:{port}/dsp/2025-1/catalog/request"
    asked = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": "CatalogRequestMessage"}
    found = []
    for _ in range(count + 3):
        begun = time.perf_counter()
        answer = consumer.node.client.post(CODES["provider"], url, asked)
        found.append((time.perf_counter() - begun) * 1000)
        assert answer.status == 200
        assert len(json.loads(answer.body)["dataset"]) == min(offers, 100)
    return found[3:]


def measured(count: int, parallel: int, offers: int, port: int) -> dict[str, Any]:
    ports, on = {"provider": port, "consumer": port + 1}, machine()
    with tempfile.TemporaryDirectory(prefix="datong-bench-") as made:
        folder = Path(made)
        prepared(folder, ports)
        arguments = [sys.executable, __file__, "--provider", made, "--port", str(port), "--offers", str(offers)]
        provider = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        assert provider.stdout is not None
        assert provider.stdout.readline().strip() == "ready"
        node = opened(folder, "consumer", ports, 0)
        server = serve(node, ports["consumer"])
        consumer = Consumer(node)
        try:
            load_before = os.getloadavg()[0]
            one_by_one(consumer, 3)  # the version documents are read, the code is warm
            spent = [cpu_ms(os.getpid()), cpu_ms(provider.pid)]
            rounds = [one_by_one(consumer, count) for _ in range(ROUNDS)]
            single = [ms for each in rounds for ms in each]
            spent = [round((cpu_ms(pid) - before) / len(single), 1)
                     for pid, before in zip((os.getpid(), provider.pid), spent, strict=True)]  # fmt: skip
            asked = statements(consumer, min(count, 10))
            together = at_once(consumer, parallel)
            first_pages(consumer, port, offers, 3)
            of_pages = cpu_ms(provider.pid)
            pages = first_pages(consumer, port, offers, 20)
            page_ms = round((cpu_ms(provider.pid) - of_pages) / 23, 1)
        finally:
            server.should_exit = True
            node.stop()
            provider.terminate()
            provider.wait(timeout=20)
    return {
        "machine": on, "store": "sqlite", "load_before": round(load_before, 1), "cores": os.cpu_count(),
        "negotiation": {"count": len(single), "p50_ms_of_rounds": [round(statistics.median(each), 1) for each in rounds],
                        "p50_ms": round(statistics.median(single), 1), "p95_ms": percentile(single, 95),
                        "min_ms": round(min(single), 1), "consumer_cpu_ms": spent[0], "provider_cpu_ms": spent[1],
                        "consumer_statements": asked},
        "parallel": together,
        "catalogue": {"offers": offers, "p50_ms": round(statistics.median(pages), 1), "p95_ms": percentile(pages, 95),
                      "provider_cpu_ms": page_ms},
    }  # fmt: skip


def page(found: dict[str, Any]) -> str:
    """docs/reference/negotiation-measures.md of one result."""
    single, together, pages = found["negotiation"], found["parallel"], found["catalogue"]
    busy = found["load_before"] > found["cores"]
    how = (
        f"The machine was **not quiet** (load {found['load_before']} on {found['cores']} cores before the run): the figures\n"
        "say what was measured, not what the node can do. The aims are not shown to be met by them;\n"
        "the processor times say more."
        if busy
        else f"Load before the run: {found['load_before']} on {found['cores']} cores."
    )
    on = found["machine"]
    how += (
        f"\n\nMachine: {on['cores']} cores, {on['cpu']}, Python {on['python']}; one core hashes {on['sha256_mb_per_second']:,} MB/s\n"
        "(SHA-256). It is a rented one: what its host does besides shows in the fifths below, and in the earlier runs."
    )
    return f"""# Negotiation measures

Two real nodes on loopback, each a process as `datong serve` runs it: signed requests, SQLite with `synchronous=FULL`
(but for the marks of tokens and the leases of jobs, which reach the disk with what follows them), evidence. `python bench/negotiation.py --write` measures and writes this page. {how}

| What | Aim | Measured |
|---|---|---|
| request → FINALIZED at the consumer, p50 of {single["count"]} | 30 ms | {single["p50_ms"]} ms |
| the same, p95 | 80 ms | {single["p95_ms"]} ms |
| the same, p50 of each fifth of them | | {", ".join(map(str, single["p50_ms_of_rounds"]))} ms |
| the same p50 in earlier runs that were written, oldest first | | {", ".join(map(str, found["earlier_p50_ms"]))} ms |
| the same, fastest | | {single["min_ms"]} ms |
| processor time of one, consumer | | {single["consumer_cpu_ms"]} ms |
| processor time of one, provider | | {single["provider_cpu_ms"]} ms |
| SQL statements of one, consumer | | {single["consumer_statements"]} |
| {together["count"]} requested at once, all concluded | | {together["seconds"]} s |
| negotiations per second of these | | {together["per_second"]} |
| catalogue of {pages["offers"]:,} offers, first page of 100, p50 | 50 ms | {pages["p50_ms"]} ms |
| the same, p95 | | {pages["p95_ms"]} ms |
| processor time of a page, provider | | {pages["provider_cpu_ms"]} ms |

{beside(found)}
"""


def beside(found: dict[str, Any]) -> str:
    """The lines about the peer."""
    peer, ours = found["edc"], found["negotiation"]["p50_ms"]
    if "not_run" in peer:
        return f"The same between two EDC connectors was **not run**: {peer['not_run']}"
    rows = [
        f"| {wait} ms | {one['count']} | {one['terminated']} | {one['p50_ms']} ms | {one['p95_ms']} ms | {one['p50_ms'] / ours:.1f} |"
        for wait in negotiation_edc.WAITS
        if (one := peer[f"wait_{wait}"])
    ]
    return "\n".join([
        f"## The same between two EDC connectors ({peer['version']})", "",
        "In the same run on the same machine, in memory, with EDC's identity mock: neither signed nor flushed to a disk.", "",
        "| EDC looks for work every | asked | ended by EDC itself | p50 | p95 | p50 over ours |", "|---|---|---|---|---|---|", *rows,
    ])  # fmt: skip


def write(found: dict[str, Any]) -> None:
    """Keep a result and its page; of those before it the p50, as one run says little of a machine whose host is shared."""
    last = json.loads(RESULTS.read_text("utf-8"))
    found["earlier_p50_ms"] = [*last.get("earlier_p50_ms", []), last["negotiation"]["p50_ms"]][-EARLIER:]
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    PAGE.write_text(page(found), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--provider", help="(used by this script) run the provider in this folder")
    parser.add_argument("--port", type=int, default=int(os.environ.get("DATONG_TEST_PORT", "9780")))
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--parallel", type=int, default=100)
    parser.add_argument("--offers", type=int, default=10_000)
    parser.add_argument("--no-edc", action="store_true", help="without the two EDC connectors beside it")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)} and its page")
    given = parser.parse_args()
    if given.provider:
        ports = {"provider": given.port, "consumer": given.port + 1}
        node = opened(Path(given.provider), "provider", ports, given.offers)
        serve(node, given.port)
        print("ready", flush=True)
        threading.Event().wait()
    found = measured(given.count, given.parallel, given.offers, given.port)
    found["edc"] = {"not_run": "it was left out"}
    if not given.no_edc:
        with tempfile.TemporaryDirectory(prefix="datong-edc-") as made:
            found["edc"] = negotiation_edc.measured(Path(made), given.port + 10, min(given.count, 30))
    print(json.dumps(found, indent=1))
    if given.write:
        write(found)


if __name__ == "__main__":
    main()

"""The connector under test: a real Datong node over sockets, and what the compatibility kit asks to stand beside it.

The node is opened as `datong serve` opens it, configured to leave agreeing, finalising and starting to persons
(negotiate.by_hand, deliver.by_hand). `Player` is that person: it does the step that the kit's scenario wants next,
by the same verbs as the console. Two webhooks let the kit ask for a negotiation or a transfer. Identity is the kit's:
whoever speaks is TCK_PARTICIPANT. None of this is in the product's package.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from datong import app
from datong.deliver import service as deliver
from datong.deliver import store as deliver_rows
from datong.ground import codes, jobs, signing
from datong.ground.config import load
from datong.ground.db import NODE, Actor, Store
from datong.ground.identity import KeyRing
from datong.ground.refusal import Refusal
from datong.negotiate import service as negotiate
from datong.negotiate import store as negotiate_rows
from datong.terms.policy import Policy, Rule, to_json
from datong.wire import http
from datong.wire.dcp.did import did_of
from datong.wire.dcp.verifying import access_for, own_token
from seed import PURPOSE, RULES, agreement, introduced, laid_out, listing, own_code, resource
from seed import terms as terms_of

KIT, KIT_PARTY = "TCK_PARTICIPANT", "91520100MA6TCK004G"
PARTY, SUPPLIER = "91520100MA6DATPN0Y", "91520100MA6BIKE00X"
CODE = codes.node_code("5", PARTY, "5201", "CONFORM0")
ROLES = frozenset({"analyst", "data_engineer", "legal", "product_manager"})
PERSON = Actor("p-player", "product_manager", PARTY, "conformance", ROLES)
USE = Policy("use", (Rule("use"),))

Steps = tuple[tuple[str, str], ...]
OFFER, AGREE, END = ("REQUESTED", "offer"), ("REQUESTED", "agree"), ("REQUESTED", "terminate")
FINAL = ("VERIFIED", "finalize")
START = ("REQUESTED", "start")

PLAYED: dict[str, Steps] = {
    "ACN0101": (OFFER,),
    "ACN0102": (OFFER, END),
    "ACN0103": (OFFER, ("ACCEPTED", "agree"), FINAL),
    "ACN0104": (AGREE, FINAL),
    "ACN0201": (END,),
    "ACN0203": (AGREE,),
    "ACN0204": (OFFER,),
    "ACN0205": (OFFER, ("OFFERED", "terminate")),
    "ACN0206": (OFFER, ("ACCEPTED", "terminate")),
    "ACN0207": (AGREE, ("VERIFIED", "terminate")),
    "ACN0301": (AGREE, FINAL),
    "ACN0302": (OFFER,),
    "ACN0303": (OFFER,),
    "ACN0304": (OFFER,),
    "ACNC0101": (("OFFERED", "accept"), ("AGREED", "verify")),
    "ACNC0102": (("OFFERED", "counter"),),
    "ACNC0103": (("OFFERED", "terminate"),),
    "ACNC0104": (("AGREED", "verify"),),
    "ACNC0202": (END,),
    "ACNC0203": (("AGREED", "terminate"),),
    "ACNC0205": (("OFFERED", "accept"),),
    "ACNC0206": (("AGREED", "verify"),),
    "ACNC0304": (("OFFERED", "accept"),),
    "ACNC0305": (("OFFERED", "accept"),),
    "ACNC0306": (("OFFERED", "accept"),),
    "ATP0101": (START, ("STARTED", "terminate")),
    "ATP0102": (START, ("STARTED", "complete")),
    "ATP0103": (START, ("STARTED", "suspend"), ("SUSPENDED", "terminate")),
    "ATP0104": (START, ("STARTED", "suspend"), ("SUSPENDED", "start"), ("STARTED", "complete")),
    "ATP0105": (END,),
    **{f"ATP{n}": (START,) for n in ("0201", "0202", "0203", "0204", "0303", "0304", "0305", "0306")},
    "ATPC0201": (("STARTED", "terminate"),),
    "ATPC0202": (("STARTED", "complete"),),
    "ATPC0203": (("STARTED", "suspend"), ("SUSPENDED", "terminate")),
    "ATPC0204": (("STARTED", "suspend"), ("SUSPENDED", "start"), ("STARTED", "complete")),
    "ATPC0205": (END,),
}
"""Dataset or agreement of a scenario -> (state it waits for, step it then does); no entry: it stays silent."""

NUMBERS = {
    "ACN": ("0101", "0102", "0103", "0104", "0201", "0202", "0203", "0204", "0205", "0206", "0207", "0301", "0302",
            "0303", "0304"),
    "ATP": ("0101", "0102", "0103", "0104", "0105", "0201", "0202", "0203", "0204", "0205", "0301", "0302", "0303",
            "0304", "0305", "0306"),
}  # fmt: skip


class KitDoor(http.Door):
    """Takes every request for one of the kit's: it sends a fixed token and has no key."""

    def sender(self, authorization: str, body: bytes) -> Actor:
        if len(body) > http.MESSAGE_BYTES_MAX:
            raise http.TOO_LARGE(limit=http.MESSAGE_BYTES_MAX)
        return Actor("", "peer", KIT_PARTY, KIT)


class Player:
    """The person beside the node: a thread that does each scenario's next step `delay` seconds after it is due."""

    def __init__(self, store: Store, delay: float, tick: float = 0.02) -> None:
        self.store, self.delay, self.tick = store, delay, tick
        self.done: dict[str, int] = {}
        self.due: dict[str, float] = {}
        self.faults: list[str] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="conformance-player", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._end.wait(self.tick):
            for process in self._open():
                self._play(process)

    def _open(self) -> list[dict[str, Any]]:
        """Processes that are not over and whose own messages have all arrived: id, scenario, state, kind, side."""
        with self.store.read(PERSON) as tx:
            waiting = {str(job["payload"].get("pid")) for job in jobs.open_jobs(tx) if job["kind"].startswith("dsp.")}
            found = [
                {"id": row["id"], "key": row["dataset"], "state": row["state"], "kind": "negotiation"}
                for row in negotiate_rows.listed(tx, open_only=True)
                if not row["pending"] and row["peer_pid"]
            ]
            open_transfers = deliver_rows.processes.c.state.in_(("REQUESTED", "STARTED", "SUSPENDED"))
            found += [
                {"id": row["id"], "key": row["agreement"], "state": row["state"], "kind": "transfer"}
                for row in deliver_rows.rows(tx, deliver_rows.processes, open_transfers)
                if row["id"] not in waiting and row["peer_pid"]
            ]
        return found

    def _play(self, process: dict[str, Any]) -> None:
        steps, at = PLAYED.get(process["key"], ()), self.done.get(process["id"], 0)
        if at >= len(steps) or steps[at][0] != process["state"]:
            return
        if time.monotonic() < self.due.setdefault(f"{process['id']}/{at}", time.monotonic() + self.delay):
            return
        self.done[process["id"]] = at + 1
        try:
            (self._negotiates if process["kind"] == "negotiation" else self._transfers)(process["id"], steps[at][1])
        except Refusal as refusal:
            self.faults.append(f"{process['key']} {steps[at]}: {refusal}")

    def _negotiates(self, negotiation: str, step: str) -> None:
        with self.store.begin(PERSON, "negotiate") as tx:
            match step:
                case "offer":
                    row = negotiate.negotiation(tx, id=negotiation)
                    terms = terms_of(row["dataset"], PARTY)
                    negotiate.offer(tx, negotiation=negotiation, policy=to_json(USE), terms=terms)
                case "terminate":
                    negotiate.terminate(tx, negotiation=negotiation, reason_text="the scenario wants it")
                case _:
                    getattr(negotiate, step)(tx, negotiation=negotiation)

    def _transfers(self, transfer: str, step: str) -> None:
        with self.store.begin(PERSON, "deliver") as tx:
            match step:
                case "start":
                    deliver.start_transfer(tx, transfer=transfer)
                case "complete":
                    deliver.complete_transfer(tx, transfer=transfer)
                case "suspend":
                    deliver.suspend_transfer(tx, transfer=transfer, reason="the scenario wants it")
                case _:
                    deliver.terminate(tx, transfer=transfer, reason="the scenario wants it")


@dataclass
class Connector:
    """The node under test with its player, served on `address` until `stop`."""

    node: app.Node
    address: str
    player: Player | None
    server: uvicorn.Server
    kit_port: int = 0
    _thread: threading.Thread = field(init=False)

    def start(self) -> None:
        self.node.start()
        self._thread = threading.Thread(target=self.server.run, name="conformance-server", daemon=True)
        self._thread.start()
        while not self.server.started:
            time.sleep(0.01)
        if self.player is not None:
            self.player.start()

    def stop(self) -> None:
        if self.player is not None:
            self.player.stop()
        self.server.should_exit = True
        self._thread.join(timeout=10)
        self.node.stop()


def opened(folder: Path, port: int, kit: str, *, delay: float = 0.5) -> Connector:
    """The connector in a fresh `folder`; `kit` is the address at which the compatibility kit listens."""
    by_hand = '[negotiate]\nby_hand = ["agree", "finalize"]\n[deliver]\nby_hand = ["start"]\n'
    node, address = opened_node(folder, port, by_hand, KitDoor, http.Client)
    seeded(node.store, kit)
    node.asgi.router.routes[:0] = webhooks(node.store)
    return served(node, address, Player(node.store, delay))


def opened_node(
    folder: Path, port: int, settings: str, door: type[http.Door], client: type[http.Client]
) -> tuple[app.Node, str]:
    """A fresh node that may call loopback, with a door and a client of a kit's or peer's manners; and its address."""
    app.init(folder, name="conformance", party=PARTY, port=port, region="5201", kind="connector")
    file = folder / "datong.toml"
    customs = "[peers]\nallow_private = true\ndata_elsewhere = true\n"
    file.write_text(file.read_text("utf-8") + customs + settings, "utf-8")

    def peers(store: Store) -> tuple[http.Client, http.Door]:
        made = client(store, allow_private=True)
        return made, door(store, made, ("", ""))

    node, address = app.open_node(load(folder), peers=peers), f"http://127.0.0.1:{port}"
    with node.store.begin(NODE, "seed") as tx:
        own_code(tx, CODE)
        introduced(tx, CODE, PARTY, address, signing.node_key(tx).public.text)
    return node, address


def served(node: app.Node, address: str, player: Player | None = None) -> Connector:
    port = int(address.rpartition(":")[2])
    config = uvicorn.Config(node.asgi, host="127.0.0.1", port=port, log_level="error", access_log=False)
    return Connector(node, address, player, uvicorn.Server(config))


@dataclass(frozen=True)
class Told:
    """What a kit of credentials is told of the node: its DID, where a message makes it ask for a presentation, and who
    gives out the tokens by which the node's own credentials may be asked for."""

    did: str
    trigger: str
    tokens: str


def credential_node(folder: Path, port: int, kit: str) -> tuple[Connector, Told]:
    """A node in a space of membership credentials whose issuer is the kit at `kit`, and whose one member the kit plays."""
    settings = f'identity = "dcp"\nbelieved_seconds = 0\nissuers = ["{did_of(f"{kit}/issuer")}"]\n'
    node, address = opened_node(folder, port, settings, http.Door, http.Client)
    with node.store.begin(NODE, "seed") as tx:
        introduced(tx, KIT, KIT_PARTY, f"{kit}/holder", "")
    KeyRing(folder).rotate("ES256")  # the kit reads keys of elliptic curves only
    node.asgi.router.routes[:0] = [
        Route("/tck/dcp/catalog", asked_in_full(address), methods=["POST"]),
        Route("/tck/dcp/sts/token", token_service(node.store), methods=["POST"]),
    ]
    return served(node, address), Told(did_of(address), f"{address}/tck/dcp/catalog", f"{address}/tck/dcp/sts")


def token_service(store: Store) -> Any:
    """The node makes its tokens itself; the kit wants to be given them, for an audience and scopes that it names."""

    def token(audience: str, scope: str) -> str:
        with store.read() as tx:
            return own_token(tx, audience, access=access_for(tx, audience, scope))

    async def endpoint(request: Request) -> JSONResponse:
        asked = dict(parse_qsl((await request.body()).decode()))
        made = await run_in_threadpool(token, asked["audience"], asked["bearer_access_scope"])
        return JSONResponse({"access_token": made, "token_type": "Bearer"})

    return endpoint


def asked_in_full(address: str) -> Any:
    """The kit asks for the catalogue in expanded JSON-LD, which the schemas of DSP 2025-1 do not allow: the same
    question in their form, under the sender's own token, to the node's own door."""
    said = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": "CatalogRequestMessage"}

    def ask(authorization: str) -> httpx.Response:
        headers = {"authorization": authorization} if authorization else {}
        return httpx.post(f"{address}/dsp/2025-1/catalog/request", json=said, headers=headers, trust_env=False)

    async def endpoint(request: Request) -> Response:
        answer = await run_in_threadpool(ask, request.headers.get("authorization", ""))
        return Response(answer.content, answer.status_code, media_type="application/json")

    return endpoint


def seeded(store: Store, kit: str) -> None:
    """Everything the kit's sample configuration names."""
    with store.begin(NODE, "seed") as tx:
        introduced(tx, KIT, KIT_PARTY, kit, "")
        negotiate.learned_peer(tx, node=KIT, base=kit, signs=False)
        resource(tx, PARTY, SUPPLIER, KIT_PARTY)
        for dataset in ("CAT0101", "CAT0102"):
            listing(tx, dataset, f"CD123:{dataset}:456", PARTY)
        for number in NUMBERS["ACN"]:
            listing(tx, f"ACN{number}", f"CD123:ACN{number}:456", PARTY)
        listing(tx, "TRANSFERRED", "CD123:TRANSFERRED:456", PARTY, policy=Policy("", RULES))
        for number in NUMBERS["ATP"]:
            agreement(tx, f"ATP{number}", "TRANSFERRED", (CODE, PARTY), (KIT, KIT_PARTY))
            agreement(tx, f"ATPC{number}", "THEIRS", (KIT, KIT_PARTY), (CODE, PARTY))
            laid_out(tx, f"ATP{number}")


def webhooks(store: Store) -> list[Route]:
    """The two doors by which the kit asks this connector, as a consumer, to begin."""

    def negotiation(asked: dict[str, Any]) -> None:
        with store.begin(PERSON, "negotiate") as tx:
            _here(tx, asked["connectorAddress"])
            offer = {"policy": to_json(USE), "terms": {}}
            negotiate.request(
                tx, provider=asked["providerId"], dataset=asked["datasetId"], offer_id=asked["offerId"],
                purpose=PURPOSE, offer=offer, sign=False,
            )  # fmt: skip

    def transfer(asked: dict[str, Any]) -> None:
        with store.begin(PERSON, "deliver") as tx:
            _here(tx, asked["connectorAddress"])
            deliver.request_transfer(tx, agreement=asked["agreementId"], into="person", format=asked["format"])

    def _here(tx: Any, address: str) -> None:
        negotiate.learned_peer(tx, node=KIT, base=address.rstrip("/"), signs=False)

    def route(path: str, begin: Any) -> Route:
        async def endpoint(request: Request) -> JSONResponse:
            await run_in_threadpool(begin, await request.json())
            return JSONResponse({})

        return Route(path, endpoint, methods=["POST"])

    return [route("/tck/negotiations/requests", negotiation), route("/tck/transfers/requests", transfer)]


def main() -> None:
    """Serve the connector until Ctrl-C: FOLDER PORT KIT [DELAY]."""
    folder, port, kit = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    shutil.rmtree(folder, ignore_errors=True)
    connector = opened(folder, port, kit, delay=float(sys.argv[4]) if len(sys.argv) > 4 else 0.5)
    connector.start()
    print(f"connector {CODE} at {connector.address}, pid {os.getpid()}", flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        connector.stop()


if __name__ == "__main__":
    main()

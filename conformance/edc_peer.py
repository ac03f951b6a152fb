"""A live EDC connector against ours, over sockets: catalogue, negotiation and transfer, each in both directions.

EDC runs in memory with its identity mock (the Authorization header is raw JSON that names the client). Its data plane is
`Plane`, a few lines that answer EDC's signalling and hold or take a file: EDC's control plane has none of its own.
What was checked is returned as rows (name, "ok" | "failed", what happened). See README.md for which version was run.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import httpx

from connector import CODE, PARTY, PERSON, SUPPLIER, Connector, opened_node, served
from datong.deliver import service as deliver
from datong.ground.db import NODE, Actor
from datong.ground.refusal import Kind, Reason, Text
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.wire import http
from datong.wire.dsp import catalogue as dsp_catalogue
from datong.wire.dsp.versions import Caller
from edc_process import EDC, NAMES, SECONDS, Manager, Provider, running, until
from seed import PURPOSE, SALE, introduced, laid_out, listing, resource
from wallet import Telling, serving, stopped

EDC_PARTY = "91520100MA6TCK004G"
CONTENT = b'{"rows": [1, 2, 3]}'

NOT_KNOWN = Reason(
    "CON-401", Kind.denied, Text("未知的对方。", "Unknown peer."), Text("无此身份。", "No such identity."),
    Text("请核对。", "Check it."),
)  # fmt: skip


class MockDoor(http.Door):
    """Takes the client that the identity mock's header names, when the directory has it."""

    def sender(self, authorization: str, body: bytes) -> Actor:
        try:
            client = str(json.loads(authorization)["clientId"])
            with self.store.read() as tx:
                party = str(register.node(tx, client)["party"])
        except Exception as broken:
            raise NOT_KNOWN() from broken
        return Actor("", "peer", party, client)


class MockClient(http.Client):
    """Says who it is as the identity mock wants it."""

    def post(self, to: str, url: str, body: Any) -> http.Answer:
        who = json.dumps({"audience": to, "clientId": CODE, "region": "any"})
        data = json.dumps(body, ensure_ascii=False).encode()
        headers = {"authorization": who, "content-type": "application/json"}
        return self.request("POST", url, content=data, headers=headers)


class Plane:
    """EDC's data plane for this test: answers its signalling, serves CONTENT, takes what is pushed to /sink."""

    def __init__(self, port: int, control: str) -> None:
        self.address, self.control = f"http://127.0.0.1:{port}", control
        self.taken: list[bytes] = []
        self.held_up = False
        self.flows: list[tuple[str, dict[str, Any]]] = []
        self.kinds: dict[str, str] = {}
        plane = self

        class Handler(Telling):
            def got(self) -> bytes:
                return CONTENT

            def posted(self, body: bytes) -> bytes:
                if self.path == "/sink":
                    plane.taken.append(body)
                    return b"{}"
                message = json.loads(body or b"{}")
                plane.flows.append((self.path, message))
                return json.dumps(plane.answered(self.path, message)).encode()

        self.server = serving(port, Handler)

    def answered(self, path: str, message: dict[str, Any]) -> dict[str, Any]:
        """What EDC's signalling client wants to hear: a pull has an address, a push is done and reported.

        EDC 0.15 speaks the older signalling, in JSON-LD, and 0.18 the newer, in plain JSON, which also asks the
        consumer's side to prepare, and names the kind of a transfer in its first message only.
        """
        newer = "@context" not in message
        begins = path.endswith(("/start", "/prepare"))
        if begins:
            self.kinds[str(message["processId"])] = json.dumps(message)
        flow = str(message["processId"]) if begins else path.split("/")[-2]
        pulled = "PULL" in self.kinds.get(flow, "")
        if path.endswith("/start") and not pulled and not self.held_up:
            threading.Thread(target=self._push, args=(message,), daemon=True).start()
        given = pulled and path.endswith(("/start", "/resume") if newer else "/start")
        address = {"dataAddress": self._address(newer)} if given else {}
        if not newer:
            return {"@context": NAMES, "@type": "DataFlowResponseMessage", **address}
        state = {"prepare": "PREPARED", "start": "STARTED", "resume": "STARTED"}.get(path.rpartition("/")[2])
        return {**({"state": state} if state else {}), **address}

    def _address(self, newer: bool) -> dict[str, Any]:
        dsp = "" if newer else "https://w3id.org/dspace/v0.8/"
        listed = {"authorization": "t" * 20, "endpoint": f"{self.address}/data/1"}
        return {
            "@type": f"{dsp}DataAddress", f"{dsp}endpointType": "https://w3id.org/idsa/v4.1/HTTP",
            f"{dsp}endpoint": f"{self.address}/data/1",
            f"{dsp}endpointProperties": [
                {"@type": f"{dsp}EndpointProperty", f"{dsp}name": name, f"{dsp}value": value}
                for name, value in listed.items()
            ],
        }  # fmt: skip

    def _push(self, message: dict[str, Any]) -> None:
        """Push CONTENT where the consumer said, then report the end of the flow to EDC."""
        goal = message.get("destinationDataAddress") or message["dataAddress"]
        if "-v" in os.sys.argv:
            print("FLOW", json.dumps(message), flush=True)
        plain = {name.removeprefix("dspace:"): value for name, value in goal.items()}
        listed = [
            {name.removeprefix("dspace:"): value for name, value in one.items()} for one in plain["endpointProperties"]
        ]
        properties = {str(one["name"]).rpartition("/")[2]: one["value"] for one in listed}
        named = plain.get("endpoint") or properties["baseUrl"]
        scheme = "Bearer " if properties.get("authType") == "bearer" else ""
        headers = {"authorization": f"{scheme}{properties['authorization']}", "content-type": "application/json"}
        # the consumer takes it once it has heard of the start, and EDC hears of the end once it has written the start
        self._until_taken(lambda: httpx.post(str(named), content=CONTENT, headers=headers))
        process = message["processId"]
        if "@context" in message:
            httpx.post(f"{self.control}/transferprocess/{process}/complete")
        else:
            done = f"{str(message['callbackAddress']).rstrip('/')}/transfers/{process}/dataflow/completed"
            self._until_taken(lambda: httpx.post(done, json={}))

    @staticmethod
    def _until_taken(post: Callable[[], httpx.Response]) -> None:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            answer = post()
            if "-v" in os.sys.argv:
                print("POSTED", answer.url, answer.status_code, answer.text[:300], flush=True)
            if answer.is_success:
                return
            time.sleep(0.2)

    def stop(self) -> None:
        stopped(self.server)


def ours(folder: Path, port: int, peer_root: str) -> Connector:
    """Our node, which answers by itself, with a listing for EDC."""
    node, address = opened_node(folder, port, "", MockDoor, MockClient)
    with node.store.begin(NODE, "seed") as tx:
        introduced(tx, EDC, EDC_PARTY, peer_root, "")
        resource(tx, PARTY, SUPPLIER, EDC_PARTY)
        listing(tx, "OURS", "offer-ours", PARTY, agree="node", policy=SALE)
    return served(node, address)


def checked(lib: Path, folder: Path, port: int, said: Callable[[str], None] = print) -> list[tuple[str, str, str]]:
    """All checks, in order."""
    with running(lib, folder, port) as edc:
        plane = Plane(port + 10, edc["control"])
        offered_plane(plane)
        manager = Manager(edc["management"])
        manager.furnish()
        connector = ours(folder / "node", port + 11, edc["root"])
        connector.start()
        try:
            return told([They(connector, manager, plane), We(connector, manager, plane)], said)
        finally:
            connector.stop()
            plane.stop()


def offered_plane(plane: Plane) -> None:
    """EDC told of the data plane beside it."""
    httpx.post(f"{plane.control}/v1/dataplanes", json={
        "@context": NAMES, "@id": "plane", "@type": "DataPlaneInstance", "url": f"{plane.address}/dataflows",
        "allowedSourceTypes": ["HttpData"], "allowedTransferTypes": ["HttpData-PULL", "HttpData-PUSH"],
    }).raise_for_status()  # fmt: skip


def told(directions: list[Direction], said: Callable[[str], None]) -> list[tuple[str, str, str]]:
    """What every check came to, one after the other."""
    found = []
    for direction in directions:
        for name, check in direction.checks():
            try:
                outcome = (f"{direction.title}: {name}", "ok", str(check() or ""))
            except Exception as broken:  # noqa: BLE001 - whatever it was, it is told
                outcome = (f"{direction.title}: {name}", "failed", f"{type(broken).__name__}: {broken}"[:300])
            said(f"{outcome[1]:7}{outcome[0]}  {outcome[2]}")
            found.append(outcome)
    return found


class Direction(Protocol):
    """One of the two ways in which data go: its name, and its checks in order."""

    title: str

    def checks(self) -> list[tuple[str, Callable[[], Any]]]: ...


class We:
    """Datong consumes from EDC."""

    title = "Datong consumer, EDC provider"

    def __init__(
        self, connector: Connector, manager: Manager, plane: Plane, *, peer: str = EDC, caller: Caller | None = None
    ) -> None:
        self.node, self.manager, self.plane = connector.node, manager, plane
        self.peer, self.caller = peer, caller or connector.node.client
        self.offer: dict[str, Any] = {}
        self.agreement = ""

    def checks(self) -> list[tuple[str, Callable[[], Any]]]:
        return [("catalogue", self.catalogue), ("negotiation", self.negotiation), ("pull", self.pull),
                ("suspend, resume, terminate", self.course), ("push", self.push)]  # fmt: skip

    def catalogue(self) -> str:
        found = dsp_catalogue.fetched(self.node.store, self.caller, self.peer)
        self.offer = found[0]["offers"][0]
        return f"{len(found)} dataset, offer {self.offer['id'][:20]}…"

    def negotiation(self) -> str:
        begun = time.monotonic()
        with self.node.store.begin(PERSON, "negotiate") as tx:
            asked = negotiate.request(tx, provider=self.peer, dataset="asset-1", offer_id=self.offer["id"], purpose=PURPOSE,
                                      offer={"policy": self.offer["policy"], "terms": {}})  # fmt: skip
        row = until(lambda: self._negotiation(asked["id"]))
        if row["state"] != "FINALIZED":
            raise RuntimeError(str(row["reason"]))
        self.agreement = row["agreement"]
        return f"FINALIZED in {time.monotonic() - begun:.2f} s"

    def _negotiation(self, negotiation: str) -> Any:
        with self.node.store.read(PERSON) as tx:
            row = negotiate.negotiation(tx, id=negotiation)
        return row if row["state"] in ("FINALIZED", "TERMINATED") else None

    def _transfer(self, format: str, into: str) -> str:
        with self.node.store.begin(PERSON, "deliver") as tx:
            made = deliver.request_transfer(tx, agreement=self.agreement, into=into, format=format)
        return str(made["id"])

    def _state(self, transfer: str, *wanted: str) -> Any:
        def reached() -> Any:
            with self.node.store.read(PERSON) as tx:
                (row,) = [row for row in deliver.transfers(tx) if row["id"] == transfer]
            if row["state"] in ("TERMINATED", "COMPLETED") and row["state"] not in wanted:
                raise RuntimeError(f"{row['state']}: {row['reason']}")
            return row if row["state"] in wanted else None

        return until(reached)

    def _held(self, before: int) -> list[dict[str, Any]]:
        with self.node.store.read(PERSON) as tx:
            rows = deliver.held(tx, agreement=self.agreement)
        return rows[before:]

    def _over(self, theirs: str, state: str) -> bool:
        found = self.manager.get(f"transferprocesses/{theirs}")["state"]
        return found == state or (state == "TERMINATED" and found == "DEPROVISIONED")  # EDC's own state after it

    def pull(self) -> str:
        self._state(self._transfer("HttpData-PULL", "node"), "COMPLETED")
        (row,) = self._held(0)
        assert row["bytes"] == len(CONTENT)
        return f"COMPLETED, {row['bytes']} bytes kept, {row['path'].rpartition('.')[2]}"

    def push(self) -> str:
        self.plane.held_up = False
        self._state(self._transfer("HttpData-PUSH", "node"), "COMPLETED")
        (row,) = self._held(1)
        assert row["bytes"] == len(CONTENT)
        return f"COMPLETED, {row['bytes']} bytes kept"

    def course(self) -> str:
        self.plane.held_up = True  # a push that does not come leaves the transfer started
        transfer = self._transfer("HttpData-PUSH", "node")
        self._state(transfer, "STARTED")
        for act, state in ((deliver.suspend_transfer, "SUSPENDED"), (deliver.resume_transfer, "STARTED"),
                           (deliver.terminate, "TERMINATED")):  # fmt: skip
            with self.node.store.begin(PERSON, "deliver") as tx:
                act(tx, transfer=transfer, **({} if state == "STARTED" else {"reason": "a trial"}))
            theirs = self._state(transfer, state)["peer_pid"]
            try:
                until(lambda: self._over(theirs, state))  # noqa: B023
            except TimeoutError:
                raise RuntimeError(f"EDC is {self.manager.get(f'transferprocesses/{theirs}')}, ours {state}") from None
        return "STARTED, SUSPENDED, STARTED, TERMINATED on both sides"


class They:
    """EDC consumes from Datong."""

    title = "EDC consumer, Datong provider"

    def __init__(self, connector: Connector, manager: Manager, plane: Plane, *, known_as: str = CODE) -> None:
        self.node, self.manager, self.plane = connector.node, manager, plane
        self.provider = Provider(manager, known_as, f"{connector.address}/dsp/2025-1")
        self.agreement, self.known_here = "", ""
        self.offer: dict[str, Any] = {}

    def checks(self) -> list[tuple[str, Callable[[], Any]]]:
        return [("catalogue", self.catalogue), ("negotiation", self.negotiation), ("pull", self.pull),
                ("suspend, resume, terminate", self.course), ("push", self.push)]  # fmt: skip

    def catalogue(self) -> str:
        dataset = self.provider.datasets()[0]
        self.offer = dataset["offers"][0]
        return f"dataset {dataset['@id']}, offer {self.offer['@id']}"

    def negotiation(self) -> str:
        begun = time.monotonic()
        row = self.provider.negotiated("OURS", self.offer)
        if row["state"] != "FINALIZED":
            with self.node.store.read(PERSON) as tx:
                ours = [(one["state"], one["reason"]) for one in negotiate.negotiations(tx)]
            raise RuntimeError(f"{row.get('errorDetail')}; ours: {ours[-1:]}")
        self.agreement = row["contractAgreementId"]
        with self.node.store.begin(NODE, "seed") as tx:  # EDC has an id of its own for the agreement
            (self.known_here,) = [row["id"] for row in negotiate.agreements(tx, dataset="OURS")]
            laid_out(tx, self.known_here)
        return f"FINALIZED in {time.monotonic() - begun:.2f} s"

    def pull(self) -> str:
        transfer = self.provider.transfer(self.agreement, "HttpData-PULL")
        self.provider.transferred(transfer, "STARTED")
        with self.node.store.begin(PERSON, "deliver") as tx:
            (process,) = [
                row for row in deliver.transfers(tx, agreement=self.known_here) if row["peer_pid"] == transfer
            ]
            deliver.complete_transfer(tx, transfer=process["id"])
        self.provider.transferred(transfer, "COMPLETED")
        return "STARTED, COMPLETED"

    def course(self) -> str:
        transfer = self.provider.transfer(self.agreement, "HttpData-PULL")
        self.provider.transferred(transfer, "STARTED")
        for act, state in ((deliver.suspend_transfer, "SUSPENDED"), (deliver.resume_transfer, "STARTED")):
            with self.node.store.begin(PERSON, "deliver") as tx:
                extra = {"reason": "a pause"} if state == "SUSPENDED" else {}
                act(tx, transfer=self._ours(transfer)["id"], **extra)
            self.provider.transferred(transfer, state)
        self.manager.post(f"transferprocesses/{transfer}/suspend", **{"@type": "SuspendTransfer"}, reason="a pause")
        self.provider.transferred(transfer, "SUSPENDED")
        until(lambda: self._ours(transfer)["state"] == "SUSPENDED")
        self.manager.post(f"transferprocesses/{transfer}/terminate", **{"@type": "TerminateTransfer"}, reason="enough")
        until(lambda: self._ours(transfer)["state"] == "TERMINATED")
        return "STARTED, SUSPENDED, STARTED by us; SUSPENDED, TERMINATED by EDC; on both sides"

    def _ours(self, transfer: str) -> dict[str, Any]:
        with self.node.store.read(PERSON) as tx:
            (row,) = [row for row in deliver.transfers(tx, agreement=self.known_here) if row["peer_pid"] == transfer]
        return row

    def push(self) -> str:
        goal = {"@type": "DataAddress", "type": "HttpData", "baseUrl": f"{self.plane.address}/sink"}
        transfer = self.provider.transfer(self.agreement, "HttpData-PUSH", dataDestination=goal)
        self.provider.transferred(transfer, "COMPLETED")
        assert self.plane.taken, "nothing was pushed"
        assert self.plane.taken[-1][:4] == b"PAR1", "what was pushed is no Parquet file"
        return f"COMPLETED, {len(self.plane.taken[-1])} bytes pushed"


if __name__ == "__main__":
    import sys
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        rows = checked(Path(sys.argv[1]), Path(folder), int(os.environ.get("PORT", "9750")))
        print((Path(folder) / f"{EDC}.log").read_text()[-3000:] if "-v" in sys.argv else "")

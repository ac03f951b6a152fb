"""Two real nodes over sockets: one joins the other, its heart is heard, and they conclude and file a contract."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from datong import app
from datong.ground import codes, signing
from datong.ground.config import load
from datong.ground.db import Actor, business_clock
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.wire import node
from servers import free_port
from two_nodes import DATASET, OFFER, listed, supplied

PARTIES = {"bureau": codes.credit_code("1", "1", "520100", "MB0DB001"),
           "lab": codes.credit_code("9", "1", "520100", "MA0LB005")}  # fmt: skip
SECONDS = 90


@dataclass
class Running:
    opened: app.Node
    party: str
    address: str

    @property
    def store(self) -> Any:
        return self.opened.store

    @property
    def code(self) -> str:
        with self.store.read() as tx:
            return signing.me(tx).code

    @contextmanager
    def as_(self, role: str) -> Iterator[Any]:
        with self.store.begin(Actor("p-1", role, self.party, "sales", frozenset({role})), "test") as tx:
            yield tx


def until(what: str, condition: Any) -> Any:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited for {what}")


@contextmanager
def up(folder: Path, name: str, *sections: str, kind: str = "connector") -> Iterator[Running]:
    port = free_port()
    made = app.init(folder, name=name, party=PARTIES[name], port=port, region="5201", kind=kind)
    text = made.file.read_text("utf-8") + "\n".join(["", "[peers]", "allow_private = true", *sections, ""])
    made.file.write_text(text, "utf-8")
    opened = app.open_node(load(folder))
    server = uvicorn.Server(uvicorn.Config(opened.asgi, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    opened.start()
    until("the server", lambda: server.started)
    try:
        yield Running(opened, PARTIES[name], f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join(20)
        opened.stop()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Running, Running]]:
    with up(tmp_path / "bureau", "bureau", kind="regional") as bureau:
        key = httpx.get(f"{bureau.address}/node").json()["key"]
        function_node = ["[function_node]", f'address = "{bureau.address}"', f'key = "{key}"']
        with up(tmp_path / "lab", "lab", *function_node) as lab:
            with lab.as_("operator") as tx:
                register.apply_to_join(tx, function_node=bureau.address)

            def applied() -> Any:
                with bureau.as_("registrar") as tx:
                    return register.join_applications(tx)

            (application,) = until("the application", applied)
            with bureau.as_("registrar") as tx:
                register.admit_node(tx, application=application["id"])
            until("the code", lambda: lab.code)
            yield bureau, lab


def test_a_heart_is_heard_and_a_contract_is_concluded_and_filed_over_sockets(pair) -> None:
    bureau, lab = pair
    assert node.Heart(lab.store, lab.opened.client, bureau.address, 5).beat()
    with bureau.as_("auditor") as tx:
        assert [(row["node"], row["state"]) for row in register.connectors(tx)] == [(lab.code, "running")]
    resolved = httpx.get(f"{bureau.address}/node/resolve/{lab.code}").json()
    assert (resolved["address"], resolved["state"]) == (lab.address, "active")

    supplied(bureau)  # type: ignore[arg-type]
    offer = listed(bureau)  # type: ignore[arg-type]
    for running in pair:  # the offer's term begins on a day in 2026 and ends within it
        with running.store.begin(Actor("", "node", running.party)) as tx:
            tx.add(business_clock, {"id": "now", "at": "2026-03-02T00:00:00Z", "seq": 1})
    with lab.as_("analyst") as tx:
        negotiate.request(tx, provider=bureau.code, dataset=DATASET, offer_id=OFFER, purpose="industry_development",
                          offer=offer, rail="national")  # fmt: skip

    def filed() -> Any:
        with lab.as_("auditor") as tx:
            found = negotiate.agreements(tx)
            card = found and negotiate.contract(tx, id=found[0]["code"])["national"]
            return card and card["filing"] == "filed"

    until("the filing", filed)
    with bureau.as_("auditor") as tx:
        (row,) = negotiate.filings(tx)
        assert negotiate.in_force(tx, row["contract"])["signed"] == "both"
        assert negotiate.filing(tx, contract=row["contract"])["versions"][-1]["level"] == 3
    with lab.as_("analyst") as tx:
        negotiate.end(tx, agreement=row["contract"], reason="done")

    def ended() -> Any:
        with bureau.as_("auditor") as tx:
            return negotiate.filings(tx)[-1]["status"] == "06" and negotiate.agreements(tx)[0]["state"] == "TERMINATED"

    until("the end", ended)

"""The chapter of a connector of another make 异构连接器: a company with an Eclipse EDC finds, contracts and receives the
product, in a space whose five nodes keep their keys.

Only with --edc (make demo EDC=0.15.1): it needs Java 17, javac, and EDC's jars from Maven or EDC_DCP_LIB. The function
node and the group take it by its credential (peers.identity = "either"); EDC takes them by theirs. EDC's wallet is played
(conformance/wallet.py), and so is the company's program: it is told by EDC where the data lie, and fetches them with httpx.
Contract: the part "EDC on the demonstration" of make conformance.
"""

from __future__ import annotations

import json
import queue
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow.parquet as pq
from paperwork import parties

from conform import jars, lacking
from datong.ground.canonical import digest_bytes
from datong.wire.dcp.did import did_of
from edc_process import EDC, Manager, Provider, compiled, membership, running
from wallet import Telling, Wallet, serving, stopped

if TYPE_CHECKING:
    from journey import Journey

BIKE, BUREAU, PLATFORM, GROUP, LAB = parties()
ITEM = "6.2.d"
"""异构接入连接器接入能力, the item of the capability checklist that nothing else in the demonstration shows."""


def ports(last: int) -> range:
    """Where EDC (seven ports), its wallet and the company's program listen. last: port of the last of the five nodes."""
    return range(last + 5, last + 14)


def prepared(version: str, folder: Path) -> str:
    """EDC's jars and what it wants in code, in `folder`; why they cannot be had, or ""."""
    if why := lacking():
        return why
    lib, why = jars("edc-dcp", folder / "lib", version)
    if why:
        return why
    (folder / "lib.txt").write_text(str(lib), "utf-8")
    shutil.rmtree(folder / "classes", ignore_errors=True)
    return compiled(lib, folder / "classes")


def another_make(j: Journey) -> str:
    """It is admitted by its DID and given its credential; its EDC reads the group's catalogue, contracts, and is told
    where the data lie; what it fetched is what the group metered."""
    try:
        return came(j, f"Eclipse EDC {j.edc}", j.folder / "edc")
    except (RuntimeError, TimeoutError, httpx.HTTPError, queue.Empty) as broken:
        log = j.folder / "edc" / f"{EDC}.log"
        raise TimeoutError(f"{type(broken).__name__} {broken} (EDC's log: {log})") from broken


def came(j: Journey, make: str, folder: Path) -> str:
    paper, (port, *_, wallet_port, told_port) = j.facts("another-make"), ports(j.world.nodes[LAB].port)
    with ExitStack() as stack:
        wallet = Wallet(folder / "wallet", wallet_port)
        stack.callback(stopped, wallet.server)
        told = Told(told_port)
        stack.callback(stopped, told.server)
        own = membership(wallet, did_of(j.world.nodes[PLATFORM].address))
        lib = Path((folder / "lib.txt").read_text("utf-8"))
        edc = stack.enter_context(running(lib, folder, port, more=own, beside=folder / "classes"))
        code = admitted(j, wallet, address=edc["root"], make=make, **paper["connector"])
        assessed(j, paper)
        group = j.world.nodes[GROUP].address
        provider = Provider(Manager(edc["management"]), did_of(group), f"{group}/dsp/2025-1")
        contract = contracted(j, provider, paper["purpose"])
        received = fetched(j, provider, contract, told)
    shown = j.who(GROUP, "auditor").ask("audit.capability")["items"]
    item = next(one for one in shown if one["id"] == ITEM)
    if item["state"] != "shown":
        raise TimeoutError(f"{ITEM} is not shown: {item}")
    j.known["another_make"] = {"make": make, "connector": code, **received, "capability": item}
    return (
        f"{make} admitted as {code}, contracted by the Dataspace Protocol in {contract['seconds']:.1f} s, fetched"
        f" {received['rows']:,} rows, {received['bytes']:,} bytes, as metered"
    )


class Told:
    """What EDC tells the company's program: the events of its transfers, with the address of the data."""

    def __init__(self, port: int) -> None:
        self.address, self.events = f"http://127.0.0.1:{port}", queue.Queue[dict[str, Any]]()
        events = self.events

        class Handler(Telling):
            def posted(self, body: bytes) -> bytes:
                events.put(json.loads(body))
                return b"{}"

        self.server = serving(port, Handler)


def admitted(j: Journey, wallet: Wallet, **facts: str) -> str:
    """Its node code, once it holds its membership credential, and the group holds one to show it."""
    registrar = j.who(PLATFORM, "registrar")
    code = str(registrar.do("register.admit_connector", did=wallet.did, **facts)["code"])
    for member in (code, j.codes[f"node:{GROUP}"]):  # anew in a resumed run: what EDC held is gone with its process
        registrar.do("register.issue_membership", code=member, again=str(time.time_ns()))
    j.until(j.who(GROUP, "operator"), "register.held_credentials", len, "the group's credential")
    j.world.wait_for(lambda: wallet.held, "the credential at its wallet")
    return code


def assessed(j: Journey, paper: dict[str, Any]) -> None:
    """What the assessor found of contract and environment at the company, without which nothing is released to it."""
    party = {slug: j.codes[f"party:{slug}"] for slug in parties()}
    made = j.who(PLATFORM, "assessor").do(
        "deidentify.assess", provider_parties=[party[GROUP], party[BIKE], party[BUREAU]],
        recipient_group=paper["connector"]["party"], subject=j.codes["product"], answers=paper["answers"],
        expires="2027-03-01", nodes=[j.codes[f"node:{GROUP}"]],
    )  # fmt: skip
    j.until(
        j.who(GROUP, "operator"), "deidentify.assessments", lambda rows: any(row["id"] == made["id"] for row in rows),
        "the assessment at the group",
    )  # fmt: skip


def contracted(j: Journey, provider: Provider, purpose: str) -> dict[str, Any]:
    """{id, theirs, seconds}: the contract as the group has it, EDC's id of it, and how long it took."""
    began, product = time.monotonic(), j.codes["product"]
    listed = next(dataset for dataset in provider.datasets() if dataset["@id"] == product)
    listing = j.who(GROUP, "product_manager").ask("catalogue.listing", dataset=product)
    wanted = next(one["id"] for one in listing["offers"] if one["purpose"] == purpose)
    offer = next(one for one in listed["offers"] if one["@id"] == wanted)
    ended = provider.negotiated(product, offer)
    if ended["state"] != "FINALIZED":
        raise TimeoutError(f"the negotiation of the EDC ended: {ended.get('errorDetail')}")
    rows = j.who(GROUP, "legal").ask("negotiate.negotiations")
    mine = next(row["agreement"] for row in rows if row["peer_pid"] == ended["@id"])
    return {"id": mine, "theirs": ended["contractAgreementId"], "seconds": time.monotonic() - began}


def fetched(j: Journey, provider: Provider, contract: dict[str, Any], told: Told) -> dict[str, Any]:
    """{contract, rows, bytes, sha256, events}: laid out by the group, asked for by EDC, fetched by the company's program,
    ended by the group."""
    manager, agreement = j.who(GROUP, "product_manager"), contract["id"]
    manager.do("deliver.offer_product", agreement=agreement)
    callback = {"uri": told.address, "events": ["transfer.process.started"], "transactional": False}
    transfer = provider.transfer(contract["theirs"], "HttpData-PULL", callbackAddresses=[callback])
    provider.transferred(transfer, "STARTED")
    event = told.events.get(timeout=60)
    properties = event["payload"]["dataAddress"]["properties"]
    given = {name.rpartition("/")[2]: value for name, value in properties.items()}
    answer = httpx.get(given["baseUrl"], headers={"authorization": f"Bearer {given['authorization']}"}, trust_env=False)
    answer.raise_for_status()
    path = j.folder / "edc" / "mobility-flows.parquet"
    path.write_bytes(answer.content)
    mine = next(row for row in manager.ask("deliver.transfers", agreement=agreement) if row["peer_pid"] == transfer)
    manager.do("deliver.complete_transfer", transfer=mine["id"])
    provider.transferred(transfer, "COMPLETED")
    events = j.until(
        j.who(GROUP, "finance"), "meter.usage", lambda rows: rows and all(row["reconciled_at"] for row in rows),
        "the bytes to be reconciled", agreement=agreement,
    )  # fmt: skip
    if sum(row["bytes_served"] for row in events) != len(answer.content):
        raise TimeoutError(f"{len(answer.content)} bytes were fetched, {events} metered")
    return {"contract": agreement, "rows": pq.read_metadata(path).num_rows, "bytes": len(answer.content),
            "sha256": digest_bytes(answer.content), "events": len(events)}  # fmt: skip

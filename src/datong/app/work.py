"""What a node does by itself: the handlers of its jobs, and what falls due. Contract: tests/journey/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from datong.app.national import national_tables
from datong.app.peering import Peering
from datong.authorise import service as authorise
from datong.catalogue import service as catalogue
from datong.deidentify import service as deidentify
from datong.deliver import service as deliver
from datong.ground import jobs, outbox
from datong.ground.config import Config
from datong.ground.db import NODE, Store, Tx
from datong.negotiate import service as negotiate
from datong.negotiate.service import platforms
from datong.register import service as register
from datong.wire import http, http_data, node
from datong.wire.dcp import routes as dcp_routes
from datong.wire.dcp.verifying import Verifier
from datong.wire.delta_sharing import client as delta_client
from datong.wire.dsp import catalogue as dsp_catalogue
from datong.wire.dsp import sending as dsp_sending
from datong.wire.dsp.versions import Caller
from datong.wire.ndi import sending as ndi_sending

HOURLY = "app.hourly"
SPEAKING = ("dsp.send", "dsp.transfer.send", outbox.SEND)
"""Jobs that wait for one peer's answer, each of them about a process of its own or in the lane of one or of a peer."""
CARRYING = ("deliver.fetch", "deliver.push", catalogue.HARVEST)
"""Jobs that last as long as a peer takes to give or take what may be large."""


def handlers(
    store: Store, client: http.Client, function_node: tuple[str, str], verifier: Verifier, peering: Peering,
    config: Config,
) -> dict[str, jobs.Handler]:  # fmt: skip
    """What does which job."""
    caller = peering.caller

    def fetch(profile: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
        return delta_client.fetch_tables(client, profile, folder)

    national_sender = ndi_sending.Sender(store, client, national_tables(config), str(config["ndi.prefix"]))
    return {
        outbox.SEND: node.sender_job(store, client, function_node),
        "register.identity_send": node.identity_job(store, client, function_node),
        "dsp.send": dsp_sending.negotiation_job(store, caller, peering.participants),
        "dsp.transfer.send": dsp_sending.transfer_job(store, caller, deliver),
        "ndi.send": ndi_sending.negotiation_job(national_sender),
        platforms.CALL: ndi_sending.call_job(national_sender),
        deidentify.DRAW: deidentify.draw_job(store),
        "deliver.fetch": deliver.fetch_job(store, fetch, http_data.fetcher(client)),
        "deliver.push": deliver.push_job(store, http_data.pusher(client)),
        "deliver.destroy": deliver.destroy_job(store),
        deliver.ON_SIGNING: deliver.signed_job(store),
        HOURLY: hourly_job(store),
        catalogue.HARVEST: harvest_job(store, caller, client, function_node),
        register.ISSUE_JOB: dcp_routes.issue_job(store, verifier, str(config["peers.credential_profile"])),
    }


def falls_due(tx: Tx) -> None:
    """What the business clock brings about: overdue cases, terms that end, contracts that expire."""
    if register.is_registry(tx):
        register.escalate_overdue(tx)
    authorise.expire_due(tx)
    negotiate.lapse(tx)
    deliver.expire_due(tx)


def hourly_job(store: Store) -> jobs.Handler:
    """Looks once an hour what fell due, and asks for the next hour."""

    def look(_job: jobs.Job) -> None:
        with store.begin(NODE, "start") as tx:
            falls_due(tx)
            _next_hour(tx)

    return look


def _next_hour(tx: Tx) -> None:
    hour = tx.wall_now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    wait = (hour - tx.wall_now).total_seconds()
    jobs.enqueue(tx, HOURLY, {}, key=f"hourly/{hour:%Y-%m-%dT%H}", delay_seconds=wait)


def ended(tx: Tx, agreement: Any) -> None:
    """A contract that ended ends its delivery, where one began: keys and copies go, with proof."""
    contract, node_itself = str(agreement["id"]), replace(tx, actor=NODE)
    if not (deliver.shares(node_itself, agreement=contract) or deliver.transfers(node_itself, agreement=contract)):
        return
    reason = agreement.get("reason") or {}
    deliver.end(tx, agreement=contract, reason=str(reason.get("en") or agreement["state"]))


def harvest_job(store: Store, caller: Caller, client: http.Client, function_node: tuple[str, str]) -> jobs.Handler:
    """Reads the catalogue of a peer by DSP and keeps what it said."""

    def harvest(job: jobs.Job) -> None:
        peer = str(job.payload["node"])
        http.peer_key(client, store, peer, function_node)  # learns a node not met before from the directory
        found = dsp_catalogue.fetched(store, caller, peer)
        with store.begin(NODE, "catalogue") as tx:
            catalogue.harvested(tx, sender=peer, datasets=found)

    return harvest

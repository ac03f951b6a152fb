"""What a node does by itself: the handlers of its jobs, and what falls due. Contract: tests/journey/,
tests/cli/test_app_work.py."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from datong.app.national import national_tables
from datong.app.peering import Peering
from datong.authorise import service as authorise
from datong.catalogue import service as catalogue
from datong.deidentify import service as deidentify
from datong.deliver import service as deliver
from datong.ground import jobs, outbox, overtaken
from datong.ground.config import Config
from datong.ground.db import NODE, Store, Tx
from datong.ground.refusal import Refusal
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

log = logging.getLogger("datong")

LOOK_SECONDS = 60.0
"""How often it is looked whether another hour has begun."""
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
        catalogue.HARVEST: harvest_job(store, caller, client, function_node),
        register.ISSUE_JOB: dcp_routes.issue_job(store, verifier, str(config["peers.credential_profile"])),
    }


DUE: tuple[overtaken.Ends, ...] = (*register.ENDS, *authorise.ENDS, *negotiate.ENDS, *deliver.ENDS)
"""What the business clock brings about: overdue cases, terms that end, contracts that expire, their deliveries."""


def falls_due(tx: Tx) -> None:
    """All of it, in the transaction in which the business clock is moved."""
    for kind in DUE:
        kind.all(tx)


class Hourly:
    """A thread that looks at the start and once an hour what fell due, and forgets jobs and failed logins of long ago:
    neither by a clock that stands far ahead (`ground.overtaken`), and each thing in a transaction of its own, so that
    none holds up the others. An hour is told by the clock as it stands, so one that was wrong and is put right holds
    nothing up either."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="datong-hourly", daemon=True)
        self._warned: datetime | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        looked: datetime | None = None
        while not self._stop.is_set():
            hour = self._hour()
            if hour != looked and self.look():
                looked = hour
            self._stop.wait(LOOK_SECONDS)

    def look(self) -> bool:
        """Look once; False when the store was away or busy for long, or the clock is not believed, and it should be
        looked again soon."""
        try:
            jobs.due_again(self.store)
            with self.store.begin(NODE, "start") as tx:
                if (far_ahead := overtaken.far_ahead(tx)) is None:
                    overtaken.saw(tx)
                    register.forget_attempts(tx)
            if far_ahead is not None:
                self._warn(far_ahead)
                return False
            jobs.forget_done(self.store)
        except Refusal as refusal:
            log.warning("what fell due waits: %s", refusal)
            return False
        return overtaken.looked_through(self.store, DUE)

    def _warn(self, far_ahead: Refusal) -> None:
        if (hour := self._hour()) != self._warned:
            log.warning("%s", far_ahead)
            self._warned = hour

    def _hour(self) -> datetime:
        return self.store.wall_clock().replace(minute=0, second=0, microsecond=0)


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

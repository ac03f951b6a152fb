"""A transfer driven at random from both sides, over the real routes between two stores, with lost answers, crashes,
copies, and messages that arrive long after others: an error changes nothing, data leave only while it is STARTED, each
change of state has one leaf, what is over stays as it ended, and when all has been said both sides agree."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import func, select
from starlette.applications import Starlette

from datong.deliver import service as deliver
from datong.deliver import store as rows
from datong.deliver.model import FORMAT, HTTP_PULL, HTTP_PUSH, TRANSFER_MOVES
from datong.deliver.service import granting
from datong.ground import jobs, signing
from datong.ground.db import Actor, Store, sqlite_url
from datong.ground.evidence.leaves import leaves
from datong.ground.refusal import Refusal
from datong.wire import http_data
from datong.wire.delta_sharing import server
from datong.wire.dsp import routes, sending
from datong.wire.dsp.versions import NOT_ANSWERED
from datong.wire.http import Answer
from delivery_case import (
    BUYER,
    BUYER_NODE,
    DOWNLOAD_POLICY,
    KEYS,
    OWNER_NODE,
    PARTIES,
    SIDES,
    Hand,
    agree,
    authenticate,
    lay_out,
    open_node,
    person,
)
from whole import whole

NAMES = {"provider": OWNER_NODE, "consumer": BUYER_NODE}
OVER = {"COMPLETED", "TERMINATED"}
STEPS = {(at.value, after.value) for (at, _), (_, after) in TRANSFER_MOVES.items()}


class Crashed(Exception):
    """The process ended after the message had arrived and before it knew."""


@cache
def laid_ready() -> Path:
    """Both nodes under a contract with a table laid ready, made once and copied for each run."""
    folder = Path(tempfile.mkdtemp(prefix="datong-transfer-"))
    for code in SIDES:
        store = open_node(folder / code[-9:], code, Hand())
        with store.begin(person(), "test") as tx:
            agree(tx, policy_json=DOWNLOAD_POLICY)
            if code == OWNER_NODE:
                lay_out(tx)
        store.dispose()
    return folder


def opened(folder: Path, code: str, wall: Hand, by_hand: list[str]) -> Store:
    store = Store(sqlite_url(folder / "datong.db"), wall=wall)
    signing.install(store, KEYS[code], signing.Me(code, PARTIES[code], code[-9:], f"http://{code[-9:].lower()}.test"))
    deliver.install(store, folder, url_seconds=900, by_hand=by_hand)
    return store


class Transferring(RuleBasedStateMachine):
    """Both nodes, each with persons who do what is open or what is not; the wire between them misbehaves."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="datong-machine-"))
        shutil.copytree(laid_ready(), self.folder / "nodes")
        self.wall = Hand()
        self.said: list[tuple[str, str, dict[str, Any]]] = []
        self.held: list[tuple[str, str, dict[str, Any]]] = []
        self.tokens: list[str] = []
        self.lost = self.away = 0
        self.over: dict[str, str] = {}
        self.stores: dict[str, Store] = {}

    @initialize(by_hand=st.booleans(), format=st.sampled_from([FORMAT, FORMAT, HTTP_PULL, HTTP_PUSH]))
    def asked(self, by_hand: bool, format: str) -> None:
        self.format = format
        for code in SIDES:
            hand = ["start"] if by_hand and code == OWNER_NODE else []
            self.stores[code] = opened(self.folder / "nodes" / code[-9:], code, self.wall, hand)
        provider, consumer = self.stores[OWNER_NODE], self.stores[BUYER_NODE]
        self.doors = {
            f"http://{code[-9:].lower()}.test": httpx.ASGITransport(
                Starlette(routes=[
                    *routes.routes(store, authenticate, deliver), *http_data.routes(store), *server.routes(store)
                ])
            )
            for code, store in self.stores.items()
        }  # fmt: skip
        self.workers = {code: jobs.Worker(store, self.handlers(code, store)) for code, store in self.stores.items()}
        assert provider is not consumer
        self.requested()

    def handlers(self, code: str, store: Store) -> dict[str, jobs.Handler]:
        def post(_to: str, url: str, body: dict[str, Any]) -> Answer:
            return self.posted(code, url, body)

        caller = SimpleNamespace(post=post, get=lambda url: self.call(code, "GET", url))
        client = SimpleNamespace(request=self.pushed)
        return {
            "dsp.transfer.send": sending.transfer_job(store, caller, deliver),
            "deliver.push": deliver.push_job(store, http_data.pusher(client)),
        }

    def teardown(self) -> None:
        if self.stores:
            self.lost = self.away = 0
            self.settled()
            while self.held:
                self.arrives(0)
            for message in self.said[::-1]:  # the network has kept a copy of everything, and hands the oldest out last
                self.heard(*message)
            self.settled()
            self.what_is_over_stays_as_it_ended()
            self.both_agree()
            self.every_change_has_one_leaf()
            for store in self.stores.values():
                store.dispose()
        shutil.rmtree(self.folder, ignore_errors=True)

    def settled(self) -> None:
        for _ in range(60):
            for store in self.stores.values():
                jobs.recover(store)
            if not sum(worker.run_due() for worker in self.workers.values()) and not self.waiting():
                return
            self.later()
        raise AssertionError("the jobs do not come to an end")

    def waiting(self) -> bool:
        for store in self.stores.values():
            with store.read() as tx:
                if any(job["state"] != "failed" for job in jobs.open_jobs(tx) if job["kind"] in KINDS):
                    return True
        return False

    # ---- what is looked at

    def processes(self, code: str) -> list[dict[str, Any]]:
        with self.stores[code].read() as tx:
            return rows.rows(tx, rows.processes, order=rows.processes.c.seq)

    def both_agree(self) -> None:
        theirs = {row["peer_pid"]: row for row in self.processes(OWNER_NODE)}
        for mine in self.processes(BUYER_NODE):
            its = theirs.pop(mine["id"], None)
            event(f"ended {its and its['state']} {mine['state']}")
            if its is None:
                assert mine["state"] == "TERMINATED", "a request that never went out"
            elif its["state"] != mine["state"]:
                assert {its["state"], mine["state"]} <= OVER, (its, mine, self.told())
        assert not theirs, "one request makes one process"

    def told(self) -> list[Any]:
        return [(sender[-9:], body["@type"], body.get("datong:number")) for sender, _, body in self.said]

    def every_change_has_one_leaf(self) -> None:
        for code, store in self.stores.items():
            with store.read() as tx:
                for row in self.processes(code):
                    query = select(leaves.c.act).where(
                        leaves.c.record_id == row["id"], leaves.c.table_name == rows.processes.name
                    ).order_by(leaves.c.seq)  # fmt: skip
                    acts = [act.removeprefix("deliver.transfer_") for (act,) in tx.all(query)]
                    states = [act.upper() for act in acts if act != "matched"]
                    assert states[0] == "REQUESTED"
                    assert states[-1] == row["state"]
                    for step in pairwise(states):
                        assert step in STEPS, states
                    assert acts.count("matched") <= 1

    @invariant()
    def what_is_over_stays_as_it_ended(self) -> None:
        for code in self.stores:
            for row in self.processes(code):
                assert self.over.get(row["id"]) in (None, row["state"])
                if row["state"] in OVER:
                    self.over[row["id"]] = row["state"]

    @invariant()
    def a_token_opens_nothing_outside_started(self) -> None:
        if not self.stores:
            return
        states = {row["id"]: row["state"] for row in self.processes(OWNER_NODE)}
        with self.stores[OWNER_NODE].read() as tx:
            for token in self.tokens:
                with contextlib.suppress(Refusal):
                    grant = granting.holder_of(tx, token)
                    assert states[grant["transfer"]] == "STARTED", "a token works beyond its transfer"

    # ---- what persons do

    def requested(self) -> None:
        into = "node" if self.format == HTTP_PUSH else "person"
        with self.stores[BUYER_NODE].begin(person("analyst", BUYER), "deliver") as tx:
            deliver.request_transfer(tx, agreement="agr-1", into=into, format=self.format)

    @rule(really=st.integers(0, 4))
    def asked_again(self, really: int) -> None:
        if really == 0 and len(self.processes(BUYER_NODE)) < 3:
            self.requested()

    def tried(self, who: str, verb: Callable[..., Any], which: int, **arguments: Any) -> None:
        code = NAMES[who]
        known = self.processes(code)
        if not known:
            return
        before = whole(self.stores[code])
        actor = Actor("p-1", "legal", SIDES[code], roles=frozenset({"legal", "analyst", "data_engineer"}))
        try:
            with self.stores[code].begin(actor, "deliver") as tx:
                verb(tx, transfer=known[which % len(known)]["id"], **arguments)
        except Refusal:
            assert whole(self.stores[code]) == before, "an error changed the store"

    @rule(
        who=st.sampled_from(sorted(NAMES)),
        verb=st.sampled_from(["start_transfer", "resume_transfer"]),
        which=st.integers(-2, -1),
    )
    def one_starts_it(self, who: str, verb: str, which: int) -> None:
        self.tried(who, getattr(deliver, verb), which)

    @rule(who=st.sampled_from(sorted(NAMES)), which=st.integers(-2, -1))
    def one_suspends_it(self, who: str, which: int) -> None:
        self.tried(who, deliver.suspend_transfer, which, reason="a moment")

    @rule(who=st.sampled_from(sorted(NAMES)), which=st.integers(-2, -1), how=st.integers(0, 11))
    def one_ends_it(self, who: str, which: int, how: int) -> None:
        if how == 0:
            self.tried(who, deliver.terminate, which, reason="enough")
        elif how == 1:
            self.tried(who, deliver.complete_transfer, which)

    @rule(who=st.sampled_from(sorted(NAMES)))
    def one_suspends_it_for_a_while(self, who: str) -> None:
        self.all_is_said()
        self.tried(who, deliver.suspend_transfer, -1, reason="a moment")
        self.all_is_said()
        self.tried(who, deliver.resume_transfer, -1)

    # ---- what the wire does

    def call(self, sender: str, method: str, url: str, body: Any = None, **headers: str) -> Answer:
        root = next(root for root in self.doors if url.startswith(root + "/"))
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self.doors[root]) as client:
                return await client.request(
                    method, url, content=content, headers={"authorization": sender, **headers}
                )  # fmt: skip

        response = asyncio.run(ask())
        return Answer(response.status_code, dict(response.headers), response.content)

    def heard(self, sender: str, url: str, body: dict[str, Any]) -> Answer:
        """A message arrives; an error changes nothing of the whole store."""
        receiver = self.stores[next(code for code in SIDES if code != sender)]
        before = whole(receiver)
        answer = self.call(sender, "POST", url, body)
        assert answer.status < 500
        if answer.status >= 400:
            assert whole(receiver) == before, "an error changed the store"
        return answer

    def posted(self, sender: str, url: str, body: dict[str, Any]) -> Answer:
        body = json.loads(json.dumps(body))
        for listed in body.get("dataAddress", {}).get("endpointProperties", []):
            if listed["name"] == "authorization":
                self.tokens = [*dict.fromkeys([*self.tokens, listed["value"]])]
        if self.away > 0:  # the sender gives up on it, and it is on its way all the same
            self.away -= 1
            self.held.append((sender, url, body))
            raise NOT_ANSWERED(node=sender, status="nothing")
        self.said.append((sender, url, body))
        answer = self.heard(sender, url, body)
        if self.lost > 0:
            self.lost -= 1
            raise NOT_ANSWERED(node=sender, status="nothing")
        return answer

    def pushed(self, method: str, url: str, *, content: Any = None, headers: Any = None, **_limits: Any) -> Answer:
        """The provider pushes a file: it is taken only while both sides have it STARTED."""
        given = dict(headers or {})
        data = content if content is None or isinstance(content, bytes) else b"".join(content)
        answer = self.call(given.pop("authorization", ""), method, url, data, **given)
        if 200 <= answer.status < 300:
            pid = url.rsplit("/", 1)[-1]
            (mine,) = [row["state"] for row in self.processes(BUYER_NODE) if row["id"] == pid]
            assert mine == "STARTED"
            event("a file was pushed")
        return answer

    @rule()
    def somebody_pulls(self) -> None:
        """With every token there ever was: rows and a usage event only where the transfer is STARTED."""
        for token in self.tokens:
            states = [row["state"] for row in self.processes(OWNER_NODE)]
            before = self.usage()
            if self.format == FORMAT:
                url = "http://provide00.test/delta-sharing/shares/agr-1/schemas/product/tables/mobility-flows/query"
                answer = self.call(f"Bearer {token}", "POST", url, {})
            else:
                answer = self.call(f"Bearer {token}", "GET", "http://provide00.test/http-data/shares/agr-1")
            assert answer.status < 500
            if answer.status == 200:
                assert "STARTED" in states, "data left outside STARTED"
                event("data were pulled")
            else:
                assert self.usage() == before, "a usage event of nothing"

    def usage(self) -> int:
        with self.stores[OWNER_NODE].read() as tx:
            return int(tx.execute(select(func.count()).select_from(rows.file_sets)).scalar() or 0)

    @rule(who=st.sampled_from(sorted(NAMES)))
    def messages_go_out(self, who: str) -> None:
        self.workers[NAMES[who]].run_due()

    @rule()
    def all_is_said(self) -> None:
        while sum(worker.run_due() for worker in self.workers.values()):
            pass

    @rule(who=st.sampled_from(sorted(NAMES)))
    def the_answer_is_lost(self, who: str) -> None:
        self.lost = 1
        self.workers[NAMES[who]].run_due()
        self.lost = 0
        self.later()

    @rule(who=st.sampled_from(sorted(NAMES)))
    def a_message_is_long_on_its_way(self, who: str) -> None:
        self.away = 1
        self.workers[NAMES[who]].run_due()
        self.away = 0
        self.later()

    def arrives(self, which: int) -> None:
        sender, url, body = self.held.pop(which % len(self.held))
        self.said.append((sender, url, body))
        self.heard(sender, url, body)

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 3))
    def it_arrives_at_last(self, which: int) -> None:
        self.arrives(which)

    @precondition(lambda self: self.said)
    @rule(which=st.integers(0, 20))
    def an_old_message_comes_again(self, which: int) -> None:
        self.heard(*self.said[which % len(self.said)])

    @rule(who=st.sampled_from(sorted(NAMES)), arrived=st.booleans())
    def it_crashes_while_sending(self, who: str, arrived: bool) -> None:
        """Of the sender's process nothing is left but what it had committed: before the message went, or after."""
        code = NAMES[who]
        job = jobs.claim(self.stores[code])
        if job is None:
            return
        if arrived:
            heard = self.heard

            def cut(*given: Any) -> Answer:
                heard(*given)
                raise Crashed

            self.heard = cut  # type: ignore[method-assign]
            try:
                with contextlib.suppress(Crashed, Refusal):
                    self.workers[code].handlers[job.kind](job)
            finally:
                self.heard = heard  # type: ignore[method-assign]
        jobs.recover(self.stores[code])

    @rule()
    def later(self) -> None:
        self.wall.at += timedelta(seconds=70)


KINDS = {"dsp.transfer.send", "deliver.push"}

Transferring.TestCase.settings = settings(
    max_examples=10, stateful_step_count=25, deadline=None, derandomize=True,
    phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False, suppress_health_check=list(HealthCheck),
)  # fmt: skip
TestTransferring = Transferring.TestCase

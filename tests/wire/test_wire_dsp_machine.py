"""A negotiation driven at random from both sides, with lost answers, crashes, copies and messages out of their order:
whatever happens, an error changes nothing, and when all has been said both sides are in the same state."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from datong.ground import jobs
from datong.ground.refusal import Refusal
from datong.negotiate import service as negotiate
from datong.terms.policy import to_json
from two_nodes import DATASET, OFFER, POLICY, TERMS, Loop, Node, listed, two_nodes

OVER = {"FINALIZED", "TERMINATED"}


class Crashed(Exception):
    """The process ended after the message had arrived and before it knew."""


class Negotiating(RuleBasedStateMachine):
    """Both nodes, each with a person who does what is open or what is not; the wire between them misbehaves."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="datong-machine-"))
        self.provider, self.consumer = two_nodes(self.folder)
        self.loop = Loop(self.provider, self.consumer)
        self.over: dict[str, str] = {}

    def teardown(self) -> None:
        self.loop.lost = 0
        self.recovered()
        self.loop.run()
        self.recovered()
        states = [self.state(node) for node in (self.provider, self.consumer)]
        event(f"ended {states}")
        if None not in states:
            assert states[0] == states[1], states
        concluded = [[row["digest"] for row in node.agreements() if row["state"] == "FINALIZED"]
                     for node in (self.provider, self.consumer)]  # fmt: skip
        assert concluded[0] == concluded[1], "both hold the same contract or none"
        assert len(concluded[0]) <= 1
        for node in (self.provider, self.consumer):
            negotiate.install(node.store)
            node.store.dispose()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what is looked at

    def row(self, node: Node) -> dict[str, Any] | None:
        with node.store.read(node.by("auditor")) as tx:
            found = negotiate.negotiations(tx)
        assert len(found) <= 1, "one opening makes one negotiation"
        return found[0] if found else None

    def state(self, node: Node) -> str | None:
        row = self.row(node)
        return None if row is None else str(row["state"])

    @invariant()
    def what_is_over_stays_as_it_ended(self) -> None:
        for node in (self.provider, self.consumer):
            state = self.state(node)
            assert self.over.get(node.name) in (None, state)
            if state in OVER:
                self.over[node.name] = state

    # ---- what persons do

    @initialize(by_hand=st.booleans(), sign=st.booleans(), agree=st.sampled_from(["node", "person"]))
    def asked(self, by_hand: bool, sign: bool, agree: str) -> None:
        negotiate.install(self.provider.store, ["agree", "finalize"] if by_hand else [])
        published = listed(self.provider, agree=agree)
        with self.consumer.as_("analyst") as tx:
            negotiate.request(
                tx, provider=self.provider.code, dataset=DATASET, offer_id=OFFER, purpose="industry_development",
                offer=published, sign=sign,
            )  # fmt: skip

    def tried(self, node: Node, call: Callable[..., Any], **arguments: Any) -> None:
        row = self.row(node)
        if row is None:
            return
        try:
            with node.as_("analyst", "legal", "product_manager") as tx:
                call(tx, negotiation=row["id"], **arguments)
        except Refusal:
            after = self.row(node)
            assert after == row, "an error changed the negotiation"

    @rule(verb=st.sampled_from(["accept", "counter", "verify"]))
    def consumer_does(self, verb: str) -> None:
        self.tried(self.consumer, getattr(negotiate, verb))

    @rule(verb=st.sampled_from(["agree", "finalize"]))
    def provider_does(self, verb: str) -> None:
        self.tried(self.provider, getattr(negotiate, verb))

    @rule()
    def provider_offers(self) -> None:
        self.tried(self.provider, negotiate.offer, policy=to_json(POLICY), terms=TERMS)

    @rule(who=st.sampled_from(["provider", "consumer"]), really=st.integers(0, 3))
    def one_ends_it(self, who: str, really: int) -> None:
        if really == 0:
            self.tried(getattr(self, who), negotiate.terminate, reason_text="enough")

    # ---- what the wire does

    def worked(self, who: str) -> None:
        self.loop.workers[who].run_due()

    @rule(who=st.sampled_from(["provider", "consumer"]))
    def messages_go_out(self, who: str) -> None:
        self.worked(who)

    @rule(who=st.sampled_from(["provider", "consumer"]))
    def the_answer_is_lost(self, who: str) -> None:
        self.loop.lost = 1
        self.worked(who)
        self.loop.lost = 0
        self.later()

    @rule(who=st.sampled_from(["provider", "consumer"]))
    def it_crashes_while_sending(self, who: str) -> None:
        """The message arrives; of the sender's process nothing is left but what it had committed."""
        node = getattr(self, who)
        job = jobs.claim(node.store)
        if job is None:
            return
        answered = self.loop.call

        def cut(*given: Any, **named: Any) -> Any:
            answer = answered(*given, **named)
            if given[1] == "POST":
                raise Crashed
            return answer

        self.loop.call = cut  # type: ignore[method-assign]
        try:
            with contextlib.suppress(Crashed, Refusal):
                self.loop.workers[who].handlers[job.kind](job)
        finally:
            self.loop.call = answered  # type: ignore[method-assign]
        jobs.recover(node.store)

    @rule(who=st.sampled_from(["provider", "consumer"]))
    def they_speak_at_once(self, who: str) -> None:
        """Both messages are on their way, and both arrive, before either is answered."""
        other, plain = "consumer" if who == "provider" else "provider", self.loop.call
        answers: list[Any] = []

        def first(*given: Any, **named: Any) -> Any:
            if given[1] != "POST":
                return plain(*given, **named)

            def second(*theirs: Any, **more: Any) -> Any:
                answer = plain(*theirs, **more)
                if theirs[1] == "POST" and not answers:
                    answers.append(plain(*given, **named))
                return answer

            self.loop.call = second  # type: ignore[method-assign]
            self.worked(other)
            self.loop.call = plain  # type: ignore[method-assign]
            return answers[0] if answers else plain(*given, **named)

        self.loop.call = first  # type: ignore[method-assign]
        try:
            self.worked(who)
        finally:
            self.loop.call = plain  # type: ignore[method-assign]

    @rule(data=st.data())
    def an_old_message_comes_again(self, data: st.DataObject) -> None:
        if not self.loop.said:
            return
        sender, url, body = data.draw(st.sampled_from(self.loop.said))
        before = [self.row(node) for node in (self.provider, self.consumer)]
        answer = self.loop.call(sender, "POST", url, body)
        assert answer.status < 500
        if answer.status >= 400:
            assert [self.row(node) for node in (self.provider, self.consumer)] == before

    def recovered(self) -> None:
        for node in (self.provider, self.consumer):
            jobs.recover(node.store)

    @rule()
    def later(self) -> None:
        for node in (self.provider, self.consumer):
            node.wall += timedelta(seconds=120)


Negotiating.TestCase.settings = settings(
    max_examples=8, stateful_step_count=18, deadline=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
TestNegotiating = Negotiating.TestCase

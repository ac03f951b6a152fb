"""What persons do in a negotiation and a transfer: counter, agree, finalise, start; what waits says why and until when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from datong.ground.jobs import Worker
from datong.ground.refusal import Refusal
from datong.negotiate import service as negotiate
from datong.terms.policy import Policy, Rule, to_json
from datong.wire.dsp import sending
from datong.wire.http import Answer
from two_nodes import DATASET, OFFER, POLICY, TERMS, Loop, Node, listed, two_nodes

Pair = tuple[Node, Node, Loop]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    provider, consumer = two_nodes(tmp_path)
    yield provider, consumer, Loop(provider, consumer)
    for node in (provider, consumer):
        negotiate.install(node.store)
        node.store.dispose()


def ask(pair: Pair, agree: str = "person") -> str:
    provider, consumer, loop = pair
    published = listed(provider, agree=agree)
    with consumer.as_("analyst") as tx:
        asked = negotiate.request(
            tx, provider=provider.code, dataset=DATASET, offer_id=OFFER, purpose="industry_development", offer=published
        )
    loop.run()
    return str(asked["id"])


def do(node: Node, verb: str, **arguments: object) -> None:
    with node.as_("product_manager", "legal", "analyst") as tx:
        getattr(negotiate, verb)(tx, negotiation=node.negotiation()["id"], **arguments)


def states(pair: Pair) -> list[str]:
    return [node.negotiation()["state"] for node in pair[:2]]


def test_offers_go_back_and_forth_until_one_is_accepted(pair: Pair) -> None:
    provider, consumer, loop = pair
    ask(pair)
    dearer = {**TERMS, "tariff": {"kind": "per_delivery", "amount_fen": 150_000}}
    cheaper = {**TERMS, "tariff": {"kind": "per_delivery", "amount_fen": 130_000}}
    do(provider, "offer", policy=to_json(POLICY), terms=dearer)
    loop.run()
    assert states(pair) == ["OFFERED", "OFFERED"]
    do(consumer, "counter", terms={"tariff": cheaper["tariff"]})
    loop.run()
    assert states(pair) == ["REQUESTED", "REQUESTED"]
    assert provider.negotiation()["offer"]["terms"]["tariff"]["amount_fen"] == 130_000
    do(provider, "offer", policy=to_json(POLICY), terms=cheaper)
    loop.run()
    do(consumer, "accept")
    loop.run()
    assert states(pair) == ["FINALIZED", "FINALIZED"]
    assert [node.agreements()[0]["terms"]["tariff"]["amount_fen"] for node in (provider, consumer)] == [130_000] * 2


def test_at_the_provider_nobody_who_only_buys_ends_anything(pair: Pair) -> None:
    """An analyst may end what they asked for, not what their organisation sells."""
    provider, consumer, loop = pair
    ask(pair)
    with pytest.raises(Refusal) as refused, provider.as_("analyst") as tx:
        negotiate.terminate(tx, negotiation=provider.negotiation()["id"], reason_text="no")
    assert refused.value.code == "GEN-403"
    do(provider, "agree")
    loop.run()
    agreement = provider.agreements()[0]["id"]
    with pytest.raises(Refusal) as refused, provider.as_("analyst") as tx:
        negotiate.end(tx, agreement=agreement, reason="no")
    assert refused.value.code == "GEN-403" and provider.agreements()[0]["state"] != "TERMINATED"
    with consumer.as_("analyst") as tx:
        assert negotiate.end(tx, agreement=consumer.agreements()[0]["id"], reason="no")["state"] == "TERMINATED"


def test_a_provider_that_gives_no_ids_may_insist_on_its_offer(pair: Pair) -> None:
    """The same offer in answer to our counter is no repetition; said twice in a row, it is one."""
    provider, consumer, loop = pair
    ask(pair)
    do(provider, "offer", policy=to_json(POLICY), terms=TERMS)
    loop.run()
    _, url, offered = next(said for said in loop.said if said[2]["@type"] == "ContractOfferMessage")
    negotiation = consumer.negotiation()["id"]

    def rounds() -> int:
        with consumer.store.read() as tx:
            return len(negotiate.negotiation(tx, id=negotiation)["messages"])

    class Taking:
        """The provider as it takes our counters."""

        def post(self, _to: str, _url: str, _body: object) -> Answer:
            return Answer(200, {}, b"")

    worker = Worker(consumer.store, {"dsp.send": sending.negotiation_job(consumer.store, Taking())})
    insisting = {name: part for name, part in offered.items() if name != "@id"}
    insisting |= {"offer": {**offered["offer"], "@id": "mine"}}
    for _ in range(2):
        do(consumer, "counter", terms={"from": "2026-04-01T00:00:00Z"})
        worker.run_due()
        assert states(pair)[1] == "REQUESTED"
        before = rounds()
        for _ in range(3):
            answer = loop.call(provider, "POST", url, insisting)
            assert (answer.status, answer.json()["state"]) == (200, "OFFERED")
            assert rounds() == before + 1
    assert consumer.negotiation()["offer"]["id"] == "mine"


def test_a_counter_keeps_what_it_leaves_out_and_may_change_the_policy(pair: Pair) -> None:
    provider, consumer, loop = pair
    ask(pair)
    do(provider, "offer", policy=to_json(POLICY), terms=TERMS)
    loop.run()
    wider = to_json(Policy("x", (*POLICY.permissions, Rule("download")), POLICY.prohibitions, POLICY.obligations))
    do(consumer, "counter", policy=wider)
    loop.run()
    on_table = provider.negotiation()["offer"]
    assert on_table["terms"] == TERMS
    assert [rule["action"] for rule in on_table["policy"]["permissions"]][-1] == "download"


@pytest.mark.parametrize("state", ["REQUESTED", "FINALIZED"])
def test_a_counter_answers_an_offer_only(pair: Pair, state: str) -> None:
    ask(pair, agree="person" if state == "REQUESTED" else "node")
    assert states(pair) == [state] * 2
    with pytest.raises(Refusal) as refused:
        do(pair[1], "counter")
    assert refused.value.code == "CTR-401"


def test_a_counter_with_an_unknown_purpose_is_refused_before_it_is_sent(pair: Pair) -> None:
    provider, consumer, loop = pair
    ask(pair)
    do(provider, "offer", policy=to_json(POLICY), terms=TERMS)
    loop.run()
    said = len(loop.said)
    with pytest.raises(Refusal) as refused:
        do(consumer, "counter", terms={"purpose": "anything"})
    loop.run()
    assert (refused.value.code, len(loop.said), states(pair)) == ("CTR-400", said, ["OFFERED", "OFFERED"])


def test_a_node_may_leave_agreeing_and_finalising_to_persons(pair: Pair) -> None:
    provider, consumer, loop = pair
    negotiate.install(provider.store, ["agree", "finalize"])
    ask(pair, agree="node")
    assert states(pair) == ["REQUESTED", "REQUESTED"]
    do(provider, "offer", policy=to_json(POLICY), terms=TERMS)
    loop.run()
    do(consumer, "accept")
    loop.run()
    assert states(pair) == ["ACCEPTED", "ACCEPTED"]
    (waits,) = waiting(provider)
    assert (waits["ours"], waits["open_verbs"]) == (True, ["agree", "terminate"])
    assert waits["why"]["en"] == "a person has to draw up the agreement"
    do(provider, "agree")
    loop.run()
    assert states(pair) == ["VERIFIED", "VERIFIED"]
    assert waiting(provider)[0]["open_verbs"] == ["finalize", "terminate"]
    with pytest.raises(Refusal):
        do(consumer, "finalize")
    do(provider, "finalize")
    loop.run()
    assert states(pair) == ["FINALIZED", "FINALIZED"]
    assert waiting(provider) == []


def waiting(node: Node) -> list[dict]:
    with node.store.read(node.by("auditor")) as tx:
        return list(negotiate.waiting(tx))


def test_what_is_under_way_says_when_it_is_tried_next_and_why_it_was_not_taken(pair: Pair) -> None:
    provider, consumer, loop = pair
    loop.outages = 1
    published = listed(provider)
    with consumer.as_("analyst") as tx:
        negotiate.request(
            tx, provider=provider.code, dataset=DATASET, offer_id=OFFER, purpose="industry_development", offer=published
        )
    loop.workers["consumer"].run_due()
    (waits,) = waiting(consumer)
    assert (waits["tries"], waits["deadline"] is not None) == (1, True)
    assert waits["next_try"] > waits["since"] or waits["next_try"]
    assert "DSP-503" in waits["last_error"]
    loop.run()
    assert states(pair) == ["FINALIZED", "FINALIZED"]
    assert "next_try" not in {**negotiation(consumer)}


def negotiation(node: Node) -> dict:
    with node.store.read(node.by("auditor")) as tx:
        return dict(negotiate.negotiation(tx, id=node.negotiation()["id"]))


def test_an_offer_without_a_purpose_leaves_the_one_that_was_asked_for(pair: Pair) -> None:
    provider, consumer, loop = pair
    ask(pair)

    def plain(_url: str, body: dict) -> dict:
        if body["@type"] == "ContractOfferMessage":
            body["offer"].pop("datong:terms")
        return body

    loop.tamper = plain
    do(provider, "offer", policy=to_json(POLICY), terms=TERMS)
    loop.run()
    assert negotiation(consumer)["purpose"] == "industry_development"
    loop.tamper = lambda _url, body: body
    do(consumer, "counter", terms={"delivery_form": "controlled"})
    loop.run()
    assert provider.negotiation()["offer"]["terms"]["purpose"] == "industry_development"

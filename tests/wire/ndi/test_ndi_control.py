"""Performance and usage control told between the sides of a contract and its platform."""

from __future__ import annotations

import copy
import json

import pytest
from ndi_world import Country
from sqlalchemy import select
from test_ndi_access import by_hand

from datong.deliver import service as deliver
from datong.deliver import store as delivered
from datong.ground import jobs, outbox
from datong.ground.db import Actor
from datong.ground.refusal import Refusal
from datong.meter import service as meter
from datong.negotiate import service as negotiate
from datong.wire.ndi import contracts


@pytest.fixture(scope="module")
def country(tmp_path_factory):
    """One contract, concluded and filed, on which every test tells something."""
    made = Country(tmp_path_factory.mktemp("country"))
    made.contract = made.concluded()["code"]
    yield made
    for node in made.nodes:
        node.store.dispose()


def told(country, node, interface, direction="in"):
    with country.reads(node) as tx:
        found = deliver.control_messages(tx, contract=country.contract)
    return [row for row in found if (row["interface"], row["direction"]) == (interface, direction)]


def test_the_control_instruction_of_the_platform_reached_both_connectors(country):
    for node in (country.provider, country.consumer):
        (row,) = told(country, node, "strategySend")
        assert row["peer"] == country.platform.code
        assert row["body"]["strategyId"] == deliver.strategy_id(country.contract)
        assert row["body"]["transactionExecutionStrategy"]["contractId"] == country.contract


def test_a_report_counts_the_uses_since_the_last_one(country):
    decision = {"id": "dec-1", "outcome": "allowed"}
    given = {"agreement": country.contract, "grant": "g", "kind": "file_set", "table": "t", "decision": decision}
    with country.consumer.as_("analyst") as tx:
        meter.take(tx, version=1, rows=10, bytes_granted=100, files=[], **given)
        first = deliver.report_performance(tx, agreement=country.contract)
    with country.consumer.as_("analyst") as tx:
        second = deliver.report_performance(tx, agreement=country.contract)
    assert (first["executionDetails"]["events"], second["executionDetails"]["events"]) == (1, 0)
    assert (first["executedActions"], second["executionResult"]) == (["download"], "no use")
    country.run()
    for node in (country.platform, country.provider):
        reports = told(country, node, "contractExecution")
        details = [json.loads(r["body"]["executedStrategy"]["executionDetails"]) for r in reports]
        assert sorted(one["events"] for one in details) == [0, 1]
    assert {r["state"] for r in told(country, country.consumer, "contractExecution", "out")} == {"arrived"}


def test_the_provider_stops_all_use_at_the_consumer(country):
    with country.provider.as_("legal") as tx:
        deliver.stop_use(tx, agreement=country.contract, reason="安全事件")
    country.run()
    with country.reads(country.consumer) as tx:
        hold = delivered.hold_of(tx, country.contract)
    assert (hold["state"], hold["reason"], hold["by"]) == ("suspended", "安全事件", "")
    assert len(told(country, country.platform, "abnormalTermination")) == 1
    with country.consumer.as_("legal") as tx, pytest.raises(Refusal):
        deliver.stop_use(tx, agreement=country.contract, reason="not mine to stop")


def held(country, node):
    with country.reads(node) as tx:
        return "lifted" if delivered.hold_of(tx, country.contract) is None else "suspended"


def peer(node):
    return Actor("", "peer", node.party, node.code)


def lifted_on_its_way(country):
    """What the provider has queued for the consumer, by the node protocol, about stops that are lifted."""
    with country.reads(country.provider) as tx:
        found = [job.payload for job in tx.all(select(jobs.jobs).where(jobs.jobs.c.kind == outbox.SEND))]
    return [one for one in found if one["type"] == "deliver.stop_lifted"]


def test_a_stop_of_the_provider_is_lifted_by_the_provider_alone(country):
    """The consumer neither resumes it nor takes it over by a stop of its own; it hears when the provider resumes."""
    for resumed_before in (False, True):
        with country.provider.as_("legal") as tx:
            deliver.stop_use(tx, agreement=country.contract, reason=f"again {resumed_before}")
        if resumed_before:  # while the stop is on its way
            with country.provider.as_("legal") as tx:
                deliver.resume(tx, agreement=country.contract)
        before = len(lifted_on_its_way(country))
        country.run()
        assert held(country, country.consumer) == "suspended"
        with country.consumer.as_("legal") as tx:
            deliver.suspend(tx, agreement=country.contract, reason="ours")
        with country.consumer.as_("legal") as tx:
            assert deliver.resume(tx, agreement=country.contract)["state"] == "suspended"
        with country.consumer.as_("legal") as tx, pytest.raises(Refusal) as refused:
            deliver.resume(tx, agreement=country.contract)
        assert refused.value.code == "USE-416"
        if not resumed_before:
            assert lifted_on_its_way(country)[before:] == []
            with country.provider.as_("legal") as tx:
                deliver.resume(tx, agreement=country.contract)
        told_now = lifted_on_its_way(country)[before:]
        assert {(one["to"], one["body"]["agreement"]) for one in told_now} == {
            (country.consumer.code, country.contract)
        }
        for sender in (country.platform, country.consumer):
            with country.consumer.store.begin(peer(sender)) as tx, pytest.raises(Refusal):
                deliver.received_stop_lifted(tx, sender=sender.code, body=told_now[0]["body"])
        with country.consumer.store.begin(peer(country.provider)) as tx:
            deliver.received_stop_lifted(tx, sender=country.provider.code, body=told_now[0]["body"])
        assert held(country, country.consumer) == held(country, country.provider) == "lifted"


def decided(country):
    """Why nothing may be read at the consumer, and what would change it."""
    with country.consumer.as_("data_engineer") as tx:
        verdict = deliver.decide(tx, agreement=country.contract, action="read").verdict
    return verdict.en, verdict.change_en


def test_each_side_lifts_its_own_stop_whichever_came_first(country):
    with country.consumer.as_("legal") as tx:
        deliver.suspend(tx, agreement=country.contract, reason="ours")
    with country.provider.as_("legal") as tx:
        deliver.stop_use(tx, agreement=country.contract, reason="theirs")
    country.run()
    assert decided(country) == ("Delivery is suspended: theirs", "Wait until the provider resumes delivery.")
    with country.provider.as_("legal") as tx:
        deliver.resume(tx, agreement=country.contract)
    for _ in range(2):  # said again it changes nothing
        with country.consumer.store.begin(peer(country.provider)) as tx:
            deliver.received_stop_lifted(tx, sender=country.provider.code, body={"agreement": country.contract})
        with country.reads(country.consumer) as tx:
            assert delivered.hold_of(tx, country.contract)["reason"] == "ours"
        assert decided(country) == ("Delivery is suspended: ours", "Resume it here: datong deliver resume.")
    with country.consumer.as_("legal") as tx:
        deliver.resume(tx, agreement=country.contract)
    assert held(country, country.consumer) == "lifted"


@pytest.mark.parametrize(("sender", "at"), [("platform", "provider"), ("consumer", "platform")])
def test_a_stop_that_is_not_the_providers_holds_nothing(country, sender, at):
    speaker, node = getattr(country, sender), getattr(country, at)
    message = {
        "connectorId": speaker.code, "terminationId": "t-1", "contractId": country.contract,
        "strategyId": "s", "reason": "r", "triggeredBy": "provider", "timestamp": "2026-03-02T00:00:00Z",
    }  # fmt: skip
    before = len(told(country, node, "abnormalTermination"))
    answer = country.call(node, "/abnormalTermination", message, by_hand(speaker, "abnormalTermination", message))
    assert (answer.status_code, answer.json()["status"]) == (403, "1")
    assert answer.json()["error"]["code"] == "USE-416"
    assert len(told(country, node, "abnormalTermination")) == before


@pytest.mark.parametrize("at", ["provider", "platform"])
def test_a_report_is_about_the_contract_it_names(country, at):
    node = getattr(country, at)
    sent = next(body for _, url, body, _ in country.said if url.endswith("/contractExecution"))
    before = len(told(country, node, "contractExecution"))
    for group, name in (("subjectInfo", "dataProductId"), ("executionNodeInfo", "providerNodeId")):
        other = copy.deepcopy(sent)
        for one in other["strategy"]:
            one[group][name] = "another"
        headers = by_hand(country.consumer, "contractExecution", other)
        answer = country.call(node, "/contractExecution", other, headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "NDI-419")
        assert [problem["where"] for problem in answer.json()["error"]["problems"]] == [f"strategy.{group}.{name}"]
    assert len(told(country, node, "contractExecution")) == before


def test_the_end_brings_the_proof_of_destruction_to_provider_and_platform(country):
    with country.consumer.as_("legal") as tx:
        deliver.end_agreement(tx, agreement=country.contract, reason="到期")
    country.run()
    for node in (country.provider, country.platform):
        (row,) = told(country, node, "fulfillmentProof")
        proof = row["body"]["log"]["destruction"]
        assert (proof["node"], proof["agreement"]) == (country.consumer.code, country.contract)
        assert proof["signatures"][0]["key"] == country.consumer.key.public.text


def feedback(country, node, **change):
    message = {"connectorId": node.code, "contractId": country.contract, "strategyId": "s", "result": "denied",
               "timestamp": "2026-03-02T00:00:00Z", "details": {"action": "read"}, **change}  # fmt: skip
    return contracts.signed_message(node.key, message)


def test_feedback_written_by_hand_is_kept_once(country):
    for _ in range(2):
        answer = country.call(country.provider, "/executionFeedback", feedback(country, country.consumer))
        assert (answer.status_code, answer.json()) == (200, {"status": "0"})
    assert len(told(country, country.provider, "executionFeedback")) == 1


@pytest.mark.parametrize(
    ("change", "status", "where"),
    [
        ({"result": "perhaps"}, 400, "result"),
        ({"result": "default_denied"}, 400, "result"),
        ({"timestamp": "yesterday"}, 400, "timestamp"),
        ({"strategyId": "s" * 37}, 400, "strategyId"),
        ({"details": 5}, 400, "details"),
    ],
)
def test_feedback_that_does_not_fit_its_table(country, change, status, where):
    answer = country.call(country.provider, "/executionFeedback", feedback(country, country.consumer, **change))
    assert (answer.status_code, answer.json()["status"]) == (status, "1")
    assert [problem["where"] for problem in answer.json()["error"]["problems"]] == [where]


def test_the_instruction_of_another_than_the_platform_is_not_kept(country):
    message = {
        "contractId": country.contract, "strategyId": "s", "strategyVersion": "1", "issuedAt": "2026-03-02T00:00:00Z",
        "transactionExecutionStrategy": {},
    }  # fmt: skip
    message = contracts.signed_message(country.provider.key, message)
    answer = country.call(
        country.consumer, "/strategySend", message, by_hand(country.provider, "strategySend", message)
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "CTR-444")


def test_a_contract_that_is_on_no_platform_has_nobody_to_report_to(country):
    with country.consumer.as_("analyst") as tx, pytest.raises(Refusal) as caught:
        deliver.report_performance(tx, agreement="agr-none")
    assert caught.value.code == "CTR-408"
    with country.consumer.as_("analyst") as tx:
        assert negotiate.contract(tx, id=country.contract)["national"]["filing"] == "filed"


def test_what_is_told_names_the_policy_as_the_platform_named_it(country):
    """A platform of another make names a contract's policy as it likes, and reads its own name in what it is told."""
    (kept,) = told(country, country.consumer, "strategySend")
    sent = {"contractId": country.contract, **kept["body"], "strategyId": "its-own", "strategyVersion": "2"}
    sent = contracts.signed_message(country.platform.key, sent)
    headers = by_hand(country.platform, "strategySend", sent)
    assert country.call(country.consumer, "/strategySend", sent, headers).status_code == 200
    with country.consumer.as_("analyst") as tx:
        report = deliver.report_performance(tx, agreement=country.contract)
        deliver.prove_fulfilment(tx, agreement=country.contract)
    assert report["executedStrategyId"] == "its-own"
    country.run()
    assert told(country, country.platform, "fulfillmentProof")[-1]["body"]["strategyId"] == "its-own"

"""The digital contract between two nodes and a platform: concluded, filed, reported, ended; and what is refused."""

from __future__ import annotations

import copy
import json

import pytest
from ndi_world import Country
from ndi_world import country as country  # noqa: PLC0414 - its fixture
from test_ndi_access import by_hand

from datong.audit import service as audit
from datong.deliver import service as deliver
from datong.deliver import store as delivered
from datong.ground import codes
from datong.ground.db import NODE
from datong.ground.refusal import Kind, Refusal
from datong.negotiate import service as negotiate
from datong.negotiate.service import national, platforms
from datong.terms.policy import Constraint, Policy, Rule, policy_hash
from datong.wire.ndi import contracts
from two_nodes import DATASET, NOW, OFFER, POLICY, TERMS, UNTIL, Loop, listed


def test_two_connectors_conclude_under_the_platforms_id_and_it_is_filed(country):
    agreed = country.concluded()
    contract = agreed["code"]
    assert (len(contract), contract[1], contract[2:20]) == (47, "4", country.platform.party)
    assert agreed["id"] == contract
    assert [node.negotiation()["state"] for node in (country.provider, country.consumer)] == ["FINALIZED"] * 2
    assert agreed["terms"] == TERMS
    assert (agreed["from"], agreed["until"], agreed["policy_hash"]) == (NOW, UNTIL, policy_hash(POLICY))
    for node in (country.provider, country.consumer):
        with country.reads(node) as tx:
            held = negotiate.in_force(tx, contract)
            card = negotiate.contract(tx, id=contract)["national"]
        assert held["signed"] == "both"
        assert [s["over"]["contractId"] for s in held["signatures"]] == [contract] * 2
        assert card["platform"] == country.platform.code
        assert card["status"] == "05"
    cards = []
    for node in (country.provider, country.consumer):  # who filed it, and who hears of it from the platform
        with country.reads(node) as tx:
            cards.append(negotiate.contract(tx, id=contract)["national"])
    assert [(card["filing"], len(card["hash"])) for card in cards] == [("filed", 64)] * 2
    assert cards[0]["hash"] == cards[1]["hash"]
    assert {path for _, path in country.paths()} == {
        "contractCreate", "contractNegotiate", "contractRegistrate", "strategySend",
    }  # fmt: skip
    assert all(status == 200 for *_, status in country.said)


def test_the_same_asked_for_twice_in_one_second_is_two_contracts(country):
    country.ask("national")
    country.ask("national")
    country.run()
    first, second = (agreement["code"] for agreement in country.consumer.agreements())
    assert first != second
    with country.reads(country.platform) as tx:
        assert {filing["contract"] for filing in negotiate.filings(tx)} == {first, second}


def test_every_message_fits_its_table_as_printed(country):
    from datong.wire.ndi import reading

    country.concluded()
    for _, url, body, _ in country.said:
        interface = country.tables.interface(url.rsplit("/", 1)[-1])
        found = reading.read(country.tables, interface, "request", body)
        assert (found.faults, found.odd) == ((), ())


def test_one_rule_is_written_as_the_one_object_that_is_printed(country):
    policy = Policy("offer-one", (Rule("delivery", (Constraint("time", "lt", UNTIL),)),), (), ())
    offer = listed(country.provider, "one-rule", policy=policy, terms={**TERMS, "product": "one-rule"})
    with country.consumer.as_("analyst") as tx:
        negotiate.request(tx, provider=country.provider.code, dataset="one-rule", rail="national", offer=offer,
                          offer_id="offer-one", purpose="industry_development")  # fmt: skip
    country.run()
    sent = [body["strategy"] for _, _, body, _ in country.said if "strategy" in body]
    assert len(sent) == 5
    assert {type(strategy) for strategy in sent} == {dict}
    (agreed,) = country.consumer.agreements()
    with country.reads(country.consumer) as tx:
        assert negotiate.contract(tx, id=agreed["id"])["national"]["filing"] == "filed"


def test_what_is_filed_is_sealed_and_shown_by_level(country):
    contract = country.concluded()["code"]
    with country.platform.store.engine.connect() as raw:
        kept = raw.exec_driver_sql("select content from national_filing").scalar()
    assert kept.startswith("AES-256-GCM:")
    assert "industry_development" not in kept

    def level(*roles):
        with country.reads(country.platform, *roles) as tx:
            return negotiate.filing(tx, contract=contract)["versions"][-1]

    assert (level("auditor")["level"], level("registrar")["level"], level("analyst")["level"]) == (3, 2, 1)
    assert "message" not in level("analyst")
    assert "policyExpansion" not in json.dumps(level("registrar"))
    assert "signatoryEntities" in level("legal")["message"]
    with country.platform.heard(country.consumer) as tx:
        assert platforms.level_of(tx, {"provider": country.provider.code, "consumer": country.consumer.code}) == 3
    with country.platform.heard(country.platform) as tx:
        assert platforms.level_of(tx, {"provider": "x", "consumer": "y"}) == 1


def test_the_platform_takes_part_and_every_round_is_kept_there(country):
    agreed = country.concluded("national_assisted")
    assert [node.negotiation()["state"] for node in (country.provider, country.consumer)] == ["FINALIZED"] * 2
    with country.reads(country.platform) as tx:
        seen = negotiate.filing(tx, contract=agreed["code"])
    assert [row["signatures"] for row in seen["rounds"]] == [0, 1, 2, 2]
    senders = {sender for sender, path in country.paths() if path == "contractNegotiate"}
    assert senders == {"consumer", "provider", "platform"}


@pytest.mark.parametrize(("rail", "heard"), [("national", False), ("national_assisted", True)])
def test_a_platform_speaks_for_a_party_only_where_it_was_asked_to_take_part(country, rail, heard):
    country.ask(rail)
    country.workers["consumer"].run_due()  # its first words reach the provider, or the platform that passes them on
    country.workers["platform"].run_due()
    first = next(body for _, url, body, _ in country.said if url.endswith("/contractNegotiate"))
    other = {**first, "dataUsageDescription": "said by the platform", "issuerId": country.consumer.code}
    answer = country.call(
        country.provider, "/contractNegotiate", other, by_hand(country.platform, "contractNegotiate", other)
    )
    refused = "NDI" in answer.text or "CTR-44" in answer.text
    assert refused != heard, answer.text


@pytest.mark.parametrize("rail", ["national", "national_assisted"])
def test_what_the_provider_refuses_ends_at_the_consumer_too_with_its_words(country, rail):
    """Through the platform the refusal answers the platform's message: it has to reach who asked."""
    country.ask(rail, offer_id="offer-withdrawn")
    country.run()
    for node in (country.provider, country.consumer):
        assert node.negotiation()["state"] == "TERMINATED"
    assert "CTR-407" in str(country.consumer.negotiation()["reason"])


def test_a_stranger_or_a_platform_that_takes_no_part_ends_no_negotiation(country):
    country.ask("national")
    country.workers["consumer"].run_due()
    begun = next(body for _, url, body, _ in country.said if url.endswith("/contractCreate") and "contractId" in body)
    for node in (country.platform, country.provider):
        request = {**begun, "contractName": "n", "activationTime": NOW, "endTime": UNTIL}
        ends = {"contract": begun["contractId"], "kind": "01", "at": NOW, "node": node.code, "party": node.party}
        message = contracts.termination(node.key, request, **ends)
        answer = country.call(
            country.consumer, "/contractTerminate", message, by_hand(node, "contractTerminate", message)
        )
        assert (answer.status_code == 200) == (node is country.provider), answer.text
    assert country.consumer.negotiation()["state"] == "TERMINATED"


@pytest.mark.parametrize("copies", [1, 2])
def test_outages_and_repetitions_change_nothing(country, copies):
    country.copies, country.outages = copies, 3
    country.concluded()
    with country.reads(country.platform) as tx:
        assert len(negotiate.filings(tx)) == 1
    with country.reads(country.consumer) as tx:
        acts = [m["act"] for m in negotiate.negotiation(tx, id=country.consumer.negotiation()["id"])["messages"]]
    assert acts == ["request", "agree", "verify", "finalize"]


@pytest.mark.parametrize("rail", ["national", "national_assisted"])
def test_what_follows_from_a_round_may_be_heard_before_its_answer(country, rail):
    """The provider's agreement overtakes its answer to the request: one negotiation, not a second one of its own."""
    country.late_answers = True
    country.concluded(rail)
    with country.reads(country.consumer) as tx:
        (only,) = negotiate.negotiations(tx)
        acts = [m["act"] for m in negotiate.negotiation(tx, id=only["id"])["messages"]]
    assert (only["state"], acts) == ("FINALIZED", ["request", "agree", "verify", "finalize"])


def test_a_refusal_may_be_heard_before_the_answer_to_the_request(country):
    country.late_answers = True
    country.ask("national", offer_id="offer-withdrawn")
    country.run()
    with country.reads(country.consumer) as tx:
        (only,) = negotiate.negotiations(tx)
    assert (only["state"], country.provider.negotiation()["state"]) == ("TERMINATED", "TERMINATED")


def test_a_message_of_the_other_rail_opens_nothing_on_this_one(country):
    """The Dataspace Protocol's callbackAddress is the sender's word; what marks this rail must not be said in it."""
    contract = country.concluded()["code"]
    offer = {"id": OFFER, "dataset": DATASET, **country.offer}
    stranger = country.platform
    with pytest.raises(Refusal, match="CTR-410"), country.consumer.heard(stranger) as tx:
        opening = {"sender": stranger.code, "message": "m-1", "peer_pid": contract, "callback": "ndi:01"}
        negotiate.received_offer(tx, offer=offer, **opening)
    with country.reads(country.consumer) as tx:
        assert [row["state"] for row in negotiate.negotiations(tx)] == ["FINALIZED"]


def test_early_termination_reaches_the_other_side_and_the_filing(country):
    contract = country.concluded()["code"]
    with country.consumer.as_("analyst") as tx:
        negotiate.end(tx, agreement=contract, reason="用途结束")
    country.run()
    for node in (country.provider, country.consumer):
        assert node.agreements()[0]["state"] == "TERMINATED"
        with country.reads(node) as tx:
            assert negotiate.contract(tx, id=contract)["national"]["status"] == "06"
    with country.reads(country.platform) as tx:
        last = negotiate.filing(tx, contract=contract)["versions"][-1]
    assert (last["status"], last["ending"]["kind"], last["ending"]["reason"]) == ("06", "01", "用途结束")
    assert last["ending"]["notice"]["agreedEndTime"]
    ended = country.provider.agreements()[0]["reason"]
    assert ended["message"] == last["ending"]["notice"], "what the other side signed is kept where it proves something"
    own = country.consumer.agreements()[0]["reason"]
    assert own["message"] == ended["message"], "and by whom signed it: it proves when it ended the contract, and why"


def test_a_contract_that_runs_out_is_ended_everywhere(country):
    from two_nodes import business_time

    contract = country.concluded()["code"]
    for node in country.nodes:
        business_time(node, 400)
    for node in (country.consumer, country.provider):
        with node.store.begin(node.by("node")) as tx:
            negotiate.ENDS[0].all(tx)
    country.run()
    with country.reads(country.platform) as tx:
        last = negotiate.filing(tx, contract=contract)["versions"][-1]
    assert (last["status"], last["ending"]["kind"]) == ("06", "02")


def by_dsp(country):
    """A contract the same two nodes concluded by the Dataspace Protocol."""
    with country.consumer.as_("analyst") as tx:
        negotiate.request(tx, provider=country.provider.code, dataset=DATASET, offer_id=OFFER,
                          purpose="industry_development", offer=country.offer)  # fmt: skip
    Loop(country.provider, country.consumer).run()
    for node in country.nodes:  # the loop moved the clocks of the two it knows
        node.wall = max(node.wall for node in country.nodes)
    return country.consumer.agreements()[0]


def test_a_contract_of_the_dataspace_protocol_is_filed_at_the_platform_by_the_bridge(country):
    agreed = by_dsp(country)
    assert agreed["id"].startswith("agr-")
    with country.consumer.as_("analyst") as tx:
        shown = negotiate.carried(tx, agreement=agreed["id"])
        with pytest.raises(Refusal, match="'pigeon' is not known"):  # of which nothing is lost
            negotiate.carried(tx, agreement=agreed["id"], rail="pigeon")
        negotiate.file_contract(tx, agreement=agreed["id"])
    assert shown["lost"] == []
    assert [p["where"] for p in shown["noted"]] == [
        "permissions[0].constraints[0]", "permissions[1].constraints[0]", "prohibitions[0]", "obligations[0]", "terms",
    ]  # fmt: skip
    country.run()
    with country.reads(country.consumer) as tx:
        card = negotiate.contract(tx, id=agreed["id"])["national"]
        assert negotiate.in_force(tx, agreed["id"])["signed"] == "both"
    assert (card["filing"], card["why_not"]) == ("filed", "")
    assert card["contract_id"] != agreed["code"], "the platform gives the id under which it is filed"
    with country.reads(country.platform) as tx:
        filed = negotiate.filing(tx, contract=card["contract_id"])["versions"][-1]
    assert filed["hash"] == card["hash"]
    item = json.loads(filed["message"]["contractExpansionItem"])
    assert item["agreement"]["id"] == agreed["id"]
    with country.consumer.as_("analyst") as tx:
        negotiate.end(tx, agreement=agreed["id"], reason="done")
    country.run()
    with country.reads(country.platform) as tx:
        assert negotiate.filing(tx, contract=card["contract_id"])["versions"][-1]["status"] == "06"


def test_a_contract_that_one_side_signed_is_not_sent_to_be_filed(country):
    """As a connector of another make leaves it: it is said before anything goes out."""
    with country.provider.store.begin(NODE) as tx:
        base = f"{country.consumer.address}/dsp/2025-1"
        negotiate.learned_peer(tx, node=country.consumer.code, base=base, signs=False)
    loop = Loop(country.provider, country.consumer)
    loop.tamper = lambda _url, body: {name: part for name, part in body.items() if name != "datong:signatures"}
    with country.consumer.as_("analyst") as tx:
        negotiate.request(tx, provider=country.provider.code, dataset=DATASET, offer_id=OFFER,
                          purpose="industry_development", offer=country.offer)  # fmt: skip
    loop.run()
    (agreed,) = country.provider.agreements()
    with country.provider.as_("legal") as tx:
        assert [one["where"] for one in negotiate.carried(tx, agreement=agreed["id"])["lost"]] == ["signatures"]
        with pytest.raises(Refusal) as refused:
            negotiate.file_contract(tx, agreement=agreed["id"])
    assert [one.where for one in refused.value.problems] == ["signatures"]
    with country.reads(country.platform) as tx:
        assert negotiate.filings(tx) == []


def test_a_bridged_filing_that_says_other_clauses_than_were_signed_is_refused(country):
    agreed = by_dsp(country)
    with country.consumer.as_("analyst") as tx:
        negotiate.file_contract(tx, agreement=agreed["id"])
    country.run()
    (message,) = [body for _, url, body, _ in country.said if url.endswith("/contractRegistrate")]
    widened = copy.deepcopy(message)
    widened["strategy"] = [s for s in widened["strategy"] if s["actions"] != ["distribute"]]
    forged = copy.deepcopy(message)
    forged["signatoryEntities"][0]["signature"] = forged["signatoryEntities"][1]["signature"]
    for changed, places in ((widened, ["strategy"]), (forged, ["signatoryEntities"])):
        headers = by_hand(country.consumer, "contractRegistrate", changed)
        answer = country.call(country.platform, "/contractRegistrate", changed, headers)
        assert (answer.status_code, answer.json()["status"]) == (409, "1")
        assert answer.json()["error"]["code"] == "CTR-443"
        assert [p["where"] for p in answer.json()["error"]["problems"]] == places
    with country.reads(country.platform) as tx:
        assert len(negotiate.filings(tx)) == 1


def odd(strategy):
    """A strategy in the names of annex C."""
    nodes = strategy["executionNodeInfo"]
    rest = {name: part for name, part in strategy.items() if name not in ("executionNodeInfo", "policyExpansion")}
    assigned = {"assignerId": nodes["providerNodeId"], "assigneeId": nodes["consumerNodeId"]}
    return {**rest, "executionNodeInfo": assigned, "expansionItem": strategy["policyExpansion"]}


ODD = {
    "contractPolicies": lambda given: {"contractPolicies": given},
    "annex C within": lambda given: {"strategy": [odd(one) for one in given]},
    "all of annex C": lambda given: {"contractPolicies": [odd(one) for one in given]},
    "JSON text": lambda given: {"strategy": json.dumps(given)},
    "annex C in JSON text": lambda given: {"contractPolicies": json.dumps([odd(one) for one in given])},
    "both, alike": lambda given: {"strategy": given, "contractPolicies": given},
    "printed as null": lambda given: {"strategy": None, "contractPolicies": given},
}


@pytest.fixture(scope="module")
def filed(tmp_path_factory):
    """A country with a filing, and the message that filed it."""
    made = Country(tmp_path_factory.mktemp("filed"))
    made.concluded()
    (message,) = [body for _, url, body, _ in made.said if url.endswith("/contractRegistrate")]
    yield made, message
    for node in made.nodes:
        node.store.dispose()


@pytest.mark.parametrize("spelt", ODD)
def test_signatures_cover_the_strategy_whatever_it_is_called(filed, spelt):
    """Signed over the printed names; the same signatures under another strategy are a forgery."""
    country, message = filed
    rest = {name: part for name, part in message.items() if name != "strategy"}
    right = message["strategy"]
    other = [{**right[0], "actions": [*right[0]["actions"], "transform"]}, *right[1:]]
    with_right, with_other = ({**rest, **ODD[spelt](strategy)} for strategy in (right, other))
    assert contracts.over_of(with_right) == contracts.over_of(message)
    assert contracts.over_of(with_other)["strategy"][0]["actions"] == other[0]["actions"]
    told = []
    for changed in (with_right, with_other):
        headers = by_hand(country.consumer, "contractRegistrate", changed)
        answer = country.call(country.platform, "/contractRegistrate", changed, headers)
        told.append((answer.status_code, answer.json().get("error", {}).get("code")))
    assert told == [(200, None), (409, "CTR-443")]


@pytest.mark.parametrize("spelt", ODD)
def test_a_message_as_it_is_kept_and_shown_has_the_printed_names(filed, spelt):
    country, message = filed
    rest = {name: part for name, part in message.items() if name != "strategy"}
    sent = {**rest, **ODD[spelt](message["strategy"])}
    for interface in (None, country.tables.interface("contractRegistrate")):
        assert contracts.as_printed(sent, interface) == message
    assert contracts.nodes_of(sent, country.consumer.code) == (country.provider.code, country.consumer.code)
    assert contracts.as_printed(message) == message


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("subjectInfo", "dataProductId"),
        ("executionNodeInfo", "providerNodeId"),
        ("executionNodeInfo", "consumerNodeId"),
    ],
)
def test_strategies_about_several_products_or_nodes_are_refused_by_name(filed, group, name):
    country, message = filed
    first, *rest = message["strategy"]
    other = {**first, group: {**first[group], name: "591310000MA000000053100CN000123M"}}
    several = {**message, "strategy": [first, other, *rest]}
    several = {name: several[name] for name in ("contractId", "contractName", "strategy")}
    headers = by_hand(country.consumer, "contractNegotiate", several)
    answer = country.call(country.provider, "/contractNegotiate", several, headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "NDI-420")
    assert [p["where"] for p in answer.json()["error"]["problems"]] == [f"strategy[1].{group}.{name}"]


@pytest.mark.parametrize("rail", ["national", "dsp"])
def test_a_node_may_perform_only_what_is_filed(country, rail):
    """By its own setting; what asks for it meanwhile is told to try again (TC609-6-2025-14 leaves the order open)."""
    country.unserved.add("contractRegistrate")
    agreed = country.concluded() if rail == "national" else by_dsp(country)
    with country.reads(country.provider) as tx:
        assert negotiate.in_force(tx, agreed["id"])["id"] == agreed["id"]
    negotiate.install(country.provider.store, filed_first=True)
    with country.reads(country.provider) as tx, pytest.raises(Refusal) as refused:
        negotiate.in_force(tx, agreed["id"])
    assert (refused.value.code, refused.value.kind) == ("CTR-506", Kind.unavailable)
    country.unserved.clear()
    with country.consumer.as_("analyst") as tx:
        negotiate.file_contract(tx, agreement=agreed["id"])
    country.run()
    with country.reads(country.provider) as tx:
        assert negotiate.in_force(tx, agreed["id"])["id"] == agreed["id"]
    negotiate.install(country.provider.store)


def test_what_cannot_be_carried_is_named_before_anything_is_signed(country):
    country.offer["terms"] = {**TERMS, "until": None}
    with pytest.raises(Refusal) as caught:
        country.ask()
    assert caught.value.code == "CTR-440"
    assert [p.where for p in caught.value.problems] == ["terms.until"]
    assert country.said == []


def test_without_a_platform_nothing_begins(country):
    platforms.use_platform(country.consumer.store, "")
    with country.consumer.store.begin(NODE) as tx:
        assert platforms.platform(tx) == "", "no function node is known to it either"
    with pytest.raises(Refusal) as caught:
        country.ask()
    assert caught.value.code == "CTR-442"


def test_a_contract_of_the_national_rail_opens_a_transfer_by_the_dataspace_protocol(country):
    contract = country.concluded()["code"]
    with country.consumer.as_("analyst") as tx:
        asked = deliver.request_transfer(tx, agreement=contract, into="node")
    loop = Loop(country.provider, country.consumer)
    loop.run()
    request = next(body for _, url, body in loop.said if url.endswith("/transfers/request"))
    assert request["agreementId"] == contract
    with country.reads(country.provider) as tx:
        (provided,) = deliver.transfers(tx, agreement=contract)
    with country.reads(country.consumer) as tx:
        (received,) = deliver.transfers(tx, agreement=contract)
    assert received["id"] == asked["id"]
    assert provided["state"] == received["state"]
    assert provided["state"] in ("STARTED", "TERMINATED")
    if provided["state"] == "TERMINATED":  # nothing was laid ready; the contract itself was taken
        assert "CTR-" not in str(provided["reason"])


def test_who_did_not_file_hears_of_it_and_may_report_and_end(country):
    """The platform's control instruction carries the filed contract whole: its id and hash are both sides' then."""
    agreed = by_dsp(country)
    with country.consumer.as_("analyst") as tx:
        negotiate.file_contract(tx, agreement=agreed["id"])
    country.run()
    cards = []
    for node in (country.consumer, country.provider):
        with country.reads(node) as tx:
            cards.append(negotiate.contract(tx, id=agreed["id"])["national"])
    ours, theirs = cards
    assert theirs == ours
    assert theirs["filing"] == "filed"
    with country.provider.as_("legal") as tx:
        assert negotiate.file_contract(tx, agreement=agreed["id"])["contract"] == ours["contract_id"]
    country.run()
    with country.provider.as_("legal") as tx:
        negotiate.end(tx, agreement=agreed["id"], reason="done")
    country.run()
    with country.reads(country.platform) as tx:
        (version,) = negotiate.filing(tx, contract=ours["contract_id"])["versions"]
    assert version["status"] == "06"


def test_a_stop_reaches_the_consumer_of_a_filed_contract_of_the_dataspace_protocol(country):
    """stop_use says that it stops all use at the consumer; the platform alone was told."""
    agreed = by_dsp(country)
    with country.consumer.as_("analyst") as tx:
        negotiate.file_contract(tx, agreement=agreed["id"])
    country.run()
    with country.provider.as_("legal") as tx:
        told = deliver.stop_use(tx, agreement=agreed["id"], reason="安全事件")
    country.run()
    assert told["to"] == [country.consumer.code, country.platform.code]
    with country.reads(country.consumer) as tx:
        hold = delivered.hold_of(tx, agreed["id"])
    assert (hold["state"], hold["reason"], hold["by"]) == ("suspended", "安全事件", "")


def filed_by_both(country, agreed, *, at_once):
    """The one filing that there is after both sides asked for it, together or one after the other."""
    for node, role in ((country.consumer, "analyst"), (country.provider, "legal")):
        with node.as_(role) as tx:
            negotiate.file_contract(tx, agreement=agreed["id"])
        if not at_once:
            country.run()
    country.run()
    with country.reads(country.platform) as tx:
        (filed,) = negotiate.filings(tx)
    return filed


def test_both_sides_file_at_once_and_it_is_filed_once(country):
    agreed = by_dsp(country)
    filed = filed_by_both(country, agreed, at_once=True)
    for node in (country.consumer, country.provider):
        with country.reads(node) as tx:
            card = negotiate.contract(tx, id=agreed["id"])["national"]
            changed = [one for one in audit.verify(tx)["problems"] if one["kind"] == "record.changed"]
        assert (card["contract_id"], card["filing"], card["hash"]) == (filed["contract"], "filed", filed["hash"])
        assert changed == [], "an id that was let go has its leaf"


@pytest.mark.parametrize("spoilt", ["another term", "another clause", "no agreement", "another id", "a member's word"])
def test_only_the_platform_tells_of_a_filing_and_only_of_what_was_signed(country, spoilt):
    agreed = by_dsp(country)
    country.unserved = {"strategySend"}
    with country.consumer.as_("analyst") as tx:
        negotiate.file_contract(tx, agreement=agreed["id"])
    country.run()
    with country.reads(country.platform) as tx:
        (filed,) = negotiate.filings(tx)
        whole = platforms.filed_message(tx, f"{filed['contract']}/1")
    message = {"contractId": filed["contract"], "strategyId": "1", "strategyVersion": "1", "issuedAt": NOW,
               "transactionExecutionStrategy": whole}  # fmt: skip
    item = json.loads(whole["contractExpansionItem"])
    sender = country.platform
    if spoilt == "another clause":
        whole["strategy"] = [one for one in whole["strategy"] if one["actions"] != ["distribute"]]
    elif spoilt == "another term":
        item["agreement"]["until"] = "2031-01-01T00:00:00+00:00"
    elif spoilt == "no agreement":
        del item["agreement"]
    elif spoilt == "another id":
        message["contractId"] = whole["contractId"] = filed["contract"][:-1] + (
            "1" if filed["contract"].endswith("0") else "0"
        )
    else:
        sender = country.consumer
    message["transactionExecutionStrategy"] = {**whole, "contractExpansionItem": json.dumps(item)}
    message = contracts.signed_message(sender.key, message)
    answer = country.call(country.provider, "/strategySend", message, by_hand(sender, "strategySend", message))
    assert answer.status_code in (404, 409), answer.text
    with country.reads(country.provider) as tx:
        assert negotiate.contract(tx, id=agreed["id"])["national"] is None


def test_an_id_that_comes_after_the_other_side_filed_is_let_go(country):
    agreed = by_dsp(country)
    with country.consumer.as_("analyst") as tx:
        negotiate.file_contract(tx, agreement=agreed["id"])
    country.run()
    with country.provider.store.begin(NODE, "ndi") as tx:  # as its own bridge ends, begun before it heard
        row = negotiate.agreement(tx, agreed["id"])
        request = contracts.asked_for(row, node=country.provider.code, party=country.provider.party)
        late = codes.contract_code("4", country.platform.code[1:19], "5201", tx.business_now, "LATELATE")
        national.bridged(tx, agreement=row["id"], contract=late, request=request, platform=country.platform.code)
    country.run()
    with country.reads(country.platform) as tx:
        (filed,) = negotiate.filings(tx)
    with country.reads(country.provider) as tx:
        card = negotiate.contract(tx, id=agreed["id"])["national"]
    assert (card["contract_id"], card["filing"]) == (filed["contract"], "filed")


def test_a_contract_filed_already_is_not_filed_under_another_id(country):
    """Where the other side never heard of it: what both signed tells the platform, and the refusal says the id."""
    agreed = by_dsp(country)
    country.unserved = {"strategySend"}
    filed = filed_by_both(country, agreed, at_once=False)
    with country.reads(country.provider) as tx:
        card = negotiate.contract(tx, id=agreed["id"])["national"]
    assert card["filing"] == "refused"
    assert f"filed already, as {filed['contract']}" in card["why_not"]

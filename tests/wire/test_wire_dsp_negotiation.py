"""Two nodes negotiate over the real routes: the whole course, every attack, every loss and repetition."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from datong.authorise import store as authorise_rows
from datong.compose import store as compose_rows
from datong.ground import signing
from datong.ground.db import NODE, Tx
from datong.ground.evidence.leaves import leaves, row_digest
from datong.ground.jobs import open_jobs
from datong.ground.refusal import Kind, Refusal
from datong.negotiate import service as negotiate
from datong.negotiate import store as rows
from datong.negotiate.rules import agreement_content
from datong.negotiate.service import course as negotiate_course
from datong.price import store as price_rows
from datong.register import store as register_rows
from datong.terms.policy import Constraint, Policy, Rule, from_json, policy_hash, to_json
from datong.wire.dsp.forms import agreement_message
from datong.wire.dsp.messages import problems
from datong.wire.dsp.versions import SIGNS, WELL_KNOWN
from two_nodes import (
    CAP,
    DATASET,
    NOW,
    OFFER,
    POLICY,
    SUPPLIER,
    TERMS,
    UNTIL,
    Loop,
    Node,
    business_time,
    granted,
    listed,
    registered,
    two_nodes,
)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Node, Node, Loop]]:
    provider, consumer = two_nodes(tmp_path)
    yield provider, consumer, Loop(provider, consumer)
    provider.store.dispose()
    consumer.store.dispose()


def ask(consumer: Node, provider: Node, offer: dict, *, purpose: str = "industry_development", **more) -> dict:
    with consumer.as_("analyst") as tx:
        return negotiate.request(
            tx, provider=provider.code, dataset=DATASET, offer_id=OFFER, purpose=purpose, offer=offer, **more
        )  # fmt: skip


def concluded(pair) -> dict:
    provider, consumer, loop = pair
    ask(consumer, provider, listed(provider))
    loop.run()
    return consumer.agreements()[0]


def states(*nodes: Node) -> list[str]:
    return [node.negotiation()["state"] for node in nodes]


def test_request_to_finalized_on_both_sides_with_both_signatures(pair):
    provider, consumer, loop = pair
    agreed = concluded(pair)
    assert states(provider, consumer) == ["FINALIZED", "FINALIZED"]
    kinds = [body["@type"].removeprefix("Contract") for _, _, body in loop.said]
    assert kinds == ["RequestMessage", "AgreementMessage", "AgreementVerificationMessage", "NegotiationEventMessage"]
    for _, _, body in loop.said:
        assert problems(body) == []
    assert agreed["terms"] == TERMS
    assert (agreed["from"], agreed["until"], len(agreed["code"])) == (NOW, UNTIL, 47)
    assert agreed["policy_hash"] == policy_hash(POLICY)
    for node in (provider, consumer):
        with node.store.read() as tx:
            contract = negotiate.in_force(tx, agreed["id"])
        assert contract["signed"] == "both"
        assert [s["node"] for s in contract["signatures"]] == [provider.code, consumer.code]
        assert contract["digest"] == agreed["digest"]
        assert [s["by"] for s in contract["signatures"]] == ["", "p-1"]
        assert (contract["provider_party"], contract["consumer_party"]) == (provider.party, consumer.party)


def test_the_address_comes_from_the_version_document_which_is_read_once(pair):
    _provider, _consumer, loop = pair
    concluded(pair)
    assert loop.versions == 2  # once by each side


def test_every_round_is_kept_and_every_change_has_its_leaf(pair):
    provider, consumer, _ = pair
    concluded(pair)
    with consumer.store.read(consumer.by("auditor")) as tx:
        shown = negotiate.negotiation(tx, id=consumer.negotiation()["id"])
        acts = [act for (act,) in tx.all(select(leaves.c.act).order_by(leaves.c.seq))]
    assert [(m["direction"], m["act"]) for m in shown["messages"]] == [
        ("out", "request"), ("in", "agree"), ("out", "verify"), ("in", "finalize"),
    ]  # fmt: skip
    assert "May receive by delivery" in shown["words"]["en"]
    assert acts.count("negotiate.finalized") == 1
    assert acts.count("negotiate.contract_finalized") == 1
    assert acts.count("negotiate.message_sent") == 2
    with provider.store.read(provider.by("auditor")) as tx:
        assert negotiate.waiting(tx) == []


PURPOSE_CASES = [
    ("credit_scoring", "CTR-405", "Allowed purposes: industry_development, public_welfare."),
    ("public_welfare", "CTR-406", "terms.purpose: industry_development is offered, public_welfare was asked."),
]


@pytest.mark.parametrize(("purpose", "code", "words"), PURPOSE_CASES)
def test_a_purpose_that_is_not_allowed_ends_it_naming_those_that_are(pair, purpose, code, words):
    provider, consumer, loop = pair
    ask(consumer, provider, listed(provider), purpose=purpose)
    loop.run()
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    for node in (provider, consumer):
        assert node.negotiation()["reason"]["code"] == code
        assert words in node.negotiation()["reason"]["en"]
        assert node.agreements() == []


def widened(offer: dict) -> dict:
    changed = copy.deepcopy(offer)
    changed["policy"]["prohibitions"] = []
    return changed


def joined(offer: dict) -> dict:
    """Constraints that are joined made the comparison a fault of the node's own, and the message came again for ever."""
    changed = copy.deepcopy(offer)
    rule = changed["policy"]["permissions"][0]
    rule["constraints"] = [{"or": [*rule["constraints"], {"left": "count", "op": "lteq", "right": "3"}]}]
    return changed


def unbound(offer: dict) -> dict:
    changed = copy.deepcopy(offer)
    changed["policy"]["prohibitions"][0]["assignee"] = "91X"
    return changed


def cheaper(offer: dict) -> dict:
    return {**offer, "terms": {**offer["terms"], "tariff": {"kind": "free", "amount_fen": 0}}}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (widened, "policy.prohibitions[0]: Must not distribute to third parties is offered, no rule was asked"),
        (joined, "policy.permissions[0]: May receive by delivery if purpose is any of industry development, public welfare"),
        (unbound, "policy.prohibitions[0]: Must not distribute to third parties is offered, 91X: Must not distribute to"),
        (cheaper, "terms.tariff"),
    ],
)  # fmt: skip
def test_a_request_that_differs_from_the_published_offer_is_refused_at_its_first_difference(pair, change, where):
    provider, consumer, loop = pair
    ask(consumer, provider, change(listed(provider)))
    loop.run()
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    assert provider.negotiation()["reason"]["code"] == "CTR-406"
    assert where in consumer.negotiation()["reason"]["en"]


@pytest.mark.parametrize("state", ["suspended", "withdrawn"])
def test_an_offer_that_is_not_live_is_refused(pair, state):
    provider, consumer, loop = pair
    ask(consumer, provider, listed(provider, state=state))
    loop.run()
    assert consumer.negotiation()["reason"]["code"] == "CTR-407"


def test_a_listing_may_leave_the_answer_to_a_person(pair):
    provider, consumer, loop = pair
    ask(consumer, provider, listed(provider, agree="person"), sign=False)
    loop.run()
    assert states(provider, consumer) == ["REQUESTED", "REQUESTED"]
    with provider.as_("product_manager", person="p-7") as tx:
        (waits,) = negotiate.waiting(tx)
        assert (waits["held_by"], waits["ours"], waits["why"]["en"]) == (
            provider.code, True, "the listing leaves the answer to a person",
        )  # fmt: skip
        assert waits["deadline"] > NOW
        negotiate.agree(tx, negotiation=waits["negotiation"])
    loop.run()
    assert states(provider, consumer) == ["AGREED", "AGREED"]
    with consumer.as_("legal", person="p-3") as tx:
        negotiate.verify(tx, negotiation=consumer.negotiation()["id"])
    loop.run()
    assert states(provider, consumer) == ["FINALIZED", "FINALIZED"]
    with provider.store.read() as tx:
        signed = negotiate.in_force(tx, provider.agreements()[0]["id"])["signatures"]
    assert [s["by"] for s in signed] == ["p-7", "p-3"]


def test_a_counter_offer_is_accepted_and_agreed(pair):
    provider, consumer, loop = pair
    ask(consumer, provider, listed(provider, agree="person"))
    loop.run()
    dearer = {**TERMS, "tariff": {"kind": "per_delivery", "amount_fen": 150_000}}
    with provider.as_("product_manager") as tx:
        negotiate.offer(tx, negotiation=provider.negotiation()["id"], policy=to_json(POLICY), terms=dearer)
    loop.run()
    assert states(provider, consumer) == ["OFFERED", "OFFERED"]
    with consumer.as_("analyst") as tx:
        negotiate.accept(tx, negotiation=consumer.negotiation()["id"])
    loop.run()
    assert states(provider, consumer) == ["FINALIZED", "FINALIZED"]
    assert consumer.agreements()[0]["terms"]["tariff"]["amount_fen"] == 150_000


def test_a_provider_may_open_with_an_offer(pair):
    provider, consumer, loop = pair
    listed(provider)
    with provider.as_("product_manager") as tx:
        negotiate.offer(tx, consumer=consumer.code, dataset=DATASET, policy=to_json(POLICY), terms=TERMS)
    loop.run()
    assert states(provider, consumer) == ["OFFERED", "OFFERED"]
    with consumer.as_("analyst") as tx:
        negotiate.accept(tx, negotiation=consumer.negotiation()["id"])
    loop.run()
    assert states(provider, consumer) == ["FINALIZED", "FINALIZED"]


# --- a contract is made while the rights stand, not once they are gone -------------------------------------------

BODY, BUREAU = "11520000MB1234567X", "11520000009390180H"


def with_public_data(provider: Node) -> None:
    """RES-1 is the bureau's, public and personal: agreement, consent and legal basis besides RES-2's data-use."""
    with provider.store.begin(NODE) as tx:
        tx.execute(register_rows.ledger.delete().where(register_rows.ledger.c.id == "RES-1"))
        registered(tx, "RES-1", "resource", BUREAU, public_data=True, personal=True)
        tx.add(register_rows.parties, {"id": BODY, "name": "数据局", "kind": "0", "own": False, "added_at": NOW})
        granted(tx, "agreement", BODY, provider.party, ["RES-1"])
        granted(tx, "consent", BUREAU, BODY, ["RES-1"])
        granted(tx, "legal_basis", BUREAU, "", ["RES-1"])


def withdrawn(kind: str) -> Callable[[Tx], None]:
    return lambda tx: tx.change(authorise_rows.instruments, f"ins-{kind}", state="WITHDRAWN")


def entered(code: str, *, state: str = "CODED", **facts: Any) -> Callable[[Tx], None]:
    """The registry's entry changes."""

    def change(tx: Tx) -> None:
        row = tx.get(register_rows.ledger, code)
        assert row is not None
        thing = {**row["entry"]["object"], **facts.pop("object", {})}
        tx.change(register_rows.ledger, code, state=state, entry={**row["entry"], "object": thing, **facts})

    return change


LOST = {
    "agreement": (withdrawn("agreement"), ("RES-1", "ins-agreement", "WITHDRAWN", f"数据局 ({BODY}) must renew it")),
    "consent": (withdrawn("consent"), ("RES-1", "ins-consent", "WITHDRAWN", f"({BUREAU}) must renew it")),
    "legal basis": (withdrawn("legal_basis"), ("RES-1", "ins-legal_basis", f"({BUREAU}) must renew it")),
    "data use": (withdrawn("data_use"), ("RES-2", "ins-data_use", f"({SUPPLIER}) must renew it")),
    "licence": (
        entered("RES-2", object={"licence": {"name": "NC", "commercial": False, "derivatives": True}}),
        ("RES-2", "(NC) do not allow commercial use", f"({SUPPLIER}) must change them"),
    ),
    "registration of an input": (
        entered("RES-1", valid_until="2020-01-01"), ("RES-1", "valid until 2020-01-01", f"({BUREAU}) must register anew"),
    ),
    "registration of the product": (entered(DATASET, state="ENDED"), (DATASET, "was cancelled or revoked", "must register anew")),
}  # fmt: skip


@pytest.mark.parametrize("what", LOST)
def test_a_request_is_refused_once_a_right_is_gone(pair, what):
    provider, consumer, loop = pair
    with_public_data(provider)
    offer = listed(provider)
    lose, words = LOST[what]
    with provider.store.begin(NODE) as tx:
        lose(tx)
    ask(consumer, provider, offer)  # as it stood in the catalogue read before
    loop.run()
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    assert consumer.agreements() == provider.agreements() == []
    reason = consumer.negotiation()["reason"]
    assert reason["code"] == "CTR-413"
    for word in words:
        assert word in reason["en"], reason


def test_with_all_rights_the_same_request_is_agreed(pair):
    provider, consumer, loop = pair
    with_public_data(provider)
    ask(consumer, provider, listed(provider))
    loop.run()
    assert states(provider, consumer) == ["FINALIZED", "FINALIZED"]


def test_of_public_data_all_have_a_product_at_the_published_fee(pair):
    """Neither dearer nor cheaper, by whoever offers it; of company data alone the two agree on what they like."""
    provider, consumer, loop = pair
    with_public_data(provider)
    ask(consumer, provider, listed(provider, agree="person"))
    loop.run()
    for amount_fen in (119_999, 120_001):
        other = {**TERMS, "tariff": {"kind": "per_delivery", "amount_fen": amount_fen}}
        with provider.as_("product_manager") as tx, pytest.raises(Refusal) as refused:
            negotiate.offer(tx, negotiation=provider.negotiation()["id"], policy=to_json(POLICY), terms=other)
        assert refused.value.code == "PRC-611" and "120000 fen" in str(refused.value)
    with provider.as_("product_manager") as tx:
        tx.change(price_rows.fees, f"fee-{DATASET}", state="SUPERSEDED")
        with pytest.raises(Refusal) as refused:
            negotiate.agree(tx, negotiation=provider.negotiation()["id"])
    assert refused.value.code == "PRC-605"


MAKING = replace(POLICY, permissions=(*POLICY.permissions, Rule("process", (Constraint("time", "lt", UNTIL),))))
MIDDLE = SUPPLIER
REDEVELOPED = [
    ("held through another", MAKING, {"held": "30", "holds": "0.5"}, "AUT-505"),
    ("nothing is made of it", POLICY, {"held": "30", "holds": "100"}, ""),
    ("sold in the meantime", MAKING, {"held": "30", "holds": "0"}, ""),
]


@pytest.mark.parametrize(("why", "policy", "shares", "code"), REDEVELOPED, ids=[row[0] for row in REDEVELOPED])
def test_an_operator_has_no_part_in_what_is_made_of_its_products(pair, why, policy, shares, code):
    """Of products over public data under an agreement with the implementing body (27号 art. 6)."""
    provider, consumer, loop = pair
    with_public_data(provider)
    with provider.store.begin(NODE) as tx:
        for number, (owner, owned) in enumerate([(provider.party, MIDDLE), (MIDDLE, consumer.party)]):
            percent = shares["held" if number == 0 else "holds"]
            row = {"owner_party": owner, "owned_party": owned, "percent": percent, "declared_at": NOW}
            tx.add(authorise_rows.holdings, {"id": f"hold-{number}", **row})
    ask(consumer, provider, listed(provider, policy=policy))
    loop.run()
    if not code:
        assert states(provider, consumer) == ["FINALIZED", "FINALIZED"]
        return
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    assert provider.agreements() == []
    reason = consumer.negotiation()["reason"]
    assert (reason["code"], consumer.party in reason["en"], "permits process" in reason["en"]) == (code, True, True)
    with provider.as_("product_manager") as tx, pytest.raises(Refusal) as refused:
        negotiate.offer(tx, consumer=consumer.code, dataset=DATASET, policy=to_json(policy), terms=TERMS)
    assert (refused.value.code, refused.value.reason.article) == (code, "第六条")


def test_of_data_of_its_own_anybody_may_make_something(pair):
    provider, consumer, loop = pair  # RES-1 and RES-2 are a company's here: no implementing body, no operator
    with provider.store.begin(NODE) as tx:
        row = {"owner_party": provider.party, "owned_party": consumer.party, "percent": "100", "declared_at": NOW}
        tx.add(authorise_rows.holdings, {"id": "hold-1", **row})
    ask(consumer, provider, listed(provider, policy=MAKING))
    loop.run()
    assert states(provider, consumer) == ["FINALIZED", "FINALIZED"]


def test_an_offer_that_is_accepted_after_a_right_was_lost_is_not_agreed(pair):
    provider, consumer, loop = pair
    listed(provider)
    with provider.as_("product_manager") as tx:
        negotiate.offer(tx, consumer=consumer.code, dataset=DATASET, policy=to_json(POLICY), terms=TERMS)
    loop.run()
    with provider.store.begin(NODE) as tx:
        withdrawn("data_use")(tx)
    with consumer.as_("analyst") as tx:
        negotiate.accept(tx, negotiation=consumer.negotiation()["id"])
    loop.run()
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    assert consumer.negotiation()["reason"]["code"] == "CTR-413"


def test_a_person_neither_offers_nor_agrees_without_the_rights(pair):
    provider, consumer, loop = pair
    ask(consumer, provider, listed(provider, agree="person"))
    loop.run()
    with provider.store.begin(NODE) as tx:
        withdrawn("data_use")(tx)
    held = provider.negotiation()["id"]
    bare = {name: part for name, part in TERMS.items() if name != "inputs"}  # silence about them is no way round
    for ask_for in (
        lambda tx: negotiate.agree(tx, negotiation=held),
        lambda tx: negotiate.offer(tx, negotiation=held, policy=to_json(POLICY), terms=bare),
        lambda tx: negotiate.offer(tx, consumer=consumer.code, dataset=DATASET, policy=to_json(POLICY), terms=bare),
    ):
        with provider.as_("product_manager") as tx, pytest.raises(Refusal) as refused:
            ask_for(tx)
        assert refused.value.code == "CTR-413"


def of(amount_fen: int, **more: Any) -> dict:
    tariff = {"kind": "per_delivery" if amount_fen else "free", "amount_fen": amount_fen}
    return {**TERMS, "tariff": tariff, **more}


CASH = [{"party": "11520000009390180H", "weight": 1, "payee_kind": "company", "account": "A"}]
NOT_CONTRACTED = [
    (of(CAP + 1), "PRC-602"),
    (of(10**12, purpose="public_welfare"), "PRC-601"),
    (of(1, split=CASH), "CTR-414"),
    (of(1, split=[]), "CTR-414"),
    (of(1, product="another"), "CTR-414"),
    (of(1, purpose=""), "CTR-414"),
    (of(1, until="some day"), "CTR-414"),
    (of(1, **{"from": "2026-03-02T00:00:00"}), "CTR-414"),
    (of(1, penalty="the consumer pays one million"), "CTR-414"),
    ({**TERMS, "tariff": {"kind": "per_gib", "amount_fen": 1}}, "CTR-414"),
    ({}, "CTR-414"),
]


@pytest.mark.parametrize(("terms", "code"), NOT_CONTRACTED)
@pytest.mark.parametrize("to", ["opening", "counter"])
def test_terms_that_could_not_be_published_cannot_be_offered(pair, terms, code, to):
    provider, consumer, loop = pair
    with_public_data(provider)  # so that its price is under a ceiling
    offered = listed(provider, agree="person")
    where = {"consumer": consumer.code, "dataset": DATASET}
    if to == "counter":
        ask(consumer, provider, offered)
        loop.run()
        where = {"negotiation": provider.negotiation()["id"]}
    with provider.as_("product_manager") as tx, pytest.raises(Refusal) as refused:
        negotiate.offer(tx, policy=to_json(POLICY), terms=terms, **where)
    assert refused.value.code == code


SHARED = [
    {"party": "91520000MA6GROUP01", "weight": 7, "payee_kind": "company", "account": "A"},
    {"party": SUPPLIER, "weight": 3, "payee_kind": "company", "account": "B"},
]
OWN = [{**SHARED[0], "weight": 1}]


def supplied_under(node: Node, split: list, *, paid_fen: int = 0) -> None:
    """A version of the product, made of what came under a supply contract with this split."""
    version = {
        "id": f"{DATASET}/1", "product": DATASET, "version": 1, "partition": "p", "recipe": {}, "path": "x", "digest": "d",
        "rows": 1, "recipient_group": "g", "risk": {}, "kept": {}, "account": {}, "at": NOW,
        "inputs": [{"resource": "RES-2", "agreement": "agr-supply", "digest": "d", "rows": 1}],
    }  # fmt: skip
    contract = {
        "id": "agr-supply", "code": "c", "negotiation": "n", "dataset": "RES-2", "offer_id": "o", "provider": "x",
        "consumer": node.code, "provider_party": SUPPLIER, "consumer_party": node.party, "policy_hash": "h",
        "policy": to_json(POLICY), "terms": of(paid_fen, product="RES-2", split=split), "from": NOW,
        "until": None, "agreed_at": NOW, "signatures": [], "keys": {}, "signed": "both", "digest": "d",
        "state": "FINALIZED",
    }  # fmt: skip
    with node.store.begin(NODE) as tx:
        tx.add(compose_rows.versions, version)
        tx.add(rows.agreements, contract)


@pytest.mark.parametrize(
    ("amount", "promised", "paid_fen", "split", "code"),
    [
        (1, SHARED, 0, OWN, "CTR-414"),
        (1, SHARED, 0, [SHARED[0], {**SHARED[1], "account": "C"}], "CTR-414"),
        (1, SHARED, 0, SHARED[::-1], ""),
        (0, SHARED, 0, OWN, ""),  # nothing to share
        (1, [], 0, OWN, ""),
        (1, [{**SHARED[1], "weight": 1}], 500, OWN, ""),  # paid by the supply; what the product earns is not its
    ],
)
def test_what_a_supplier_was_promised_of_a_product_is_what_its_buyers_sign(
    pair, amount, promised, paid_fen, split, code
):
    provider, consumer, _loop = pair
    with_public_data(provider)
    listed(provider, terms=of(amount, split=split))
    supplied_under(provider, promised, paid_fen=paid_fen)
    offered = {"consumer": consumer.code, "dataset": DATASET, "policy": to_json(POLICY)}
    with provider.as_("product_manager") as tx, contextlib.ExitStack() as refused:
        raised = refused.enter_context(pytest.raises(Refusal)) if code else None
        negotiate.offer(tx, terms=of(amount, split=split), **offered)
    if raised is not None:
        assert raised.value.code == code
        assert ["agr-supply" in problem.en for problem in raised.value.problems] == [True]


@pytest.mark.parametrize(
    ("amount", "second", "code"), [(1, OWN, "CTR-530"), (1, SHARED, ""), (0, OWN, ""), (1, [], "")]
)
def test_a_product_whose_supplies_promise_different_splits_is_not_laid_ready(pair, amount, second, code):
    """One supply contract was renewed and the other not: what a buyer of before pays could not be split as both say."""
    provider, _consumer, _loop = pair
    supplied_under(provider, SHARED)
    with provider.store.begin(NODE) as tx:
        first = tx.get(rows.agreements, "agr-supply")
        tx.add(
            rows.agreements, {**first, "id": "agr-other", "code": "c2", "terms": {**first["terms"], "split": second}}
        )
        inputs = [
            {"resource": "RES", "agreement": one, "digest": "d", "rows": 1} for one in ("agr-supply", "agr-other")
        ]
        tx.change(compose_rows.versions, f"{DATASET}/1", inputs=inputs)
    sold = {"dataset": DATASET, "terms": of(amount)}
    with provider.as_("product_manager") as tx, contextlib.ExitStack() as refused:
        raised = refused.enter_context(pytest.raises(Refusal)) if code else None
        negotiate.require_one_split(tx, sold)
    if raised is not None:
        assert raised.value.code == code
        assert {problem.where for problem in raised.value.problems} == {"agr-supply", "agr-other"}


def test_a_dataset_without_a_live_listing_cannot_be_offered(pair):
    provider, consumer, _loop = pair
    listed(provider, state="suspended")
    for dataset in (DATASET, "never-listed"):
        terms = {**TERMS, "product": dataset}
        with provider.as_("product_manager") as tx, pytest.raises(Refusal) as refused:
            negotiate.offer(tx, consumer=consumer.code, dataset=dataset, policy=to_json(POLICY), terms=terms)
        assert refused.value.code == "CTR-415"


def test_an_offer_accepted_after_the_ceiling_fell_is_not_signed(pair):
    provider, consumer, loop = pair
    with_public_data(provider)
    listed(provider)
    with provider.as_("product_manager") as tx:
        negotiate.offer(tx, consumer=consumer.code, dataset=DATASET, policy=to_json(POLICY), terms=TERMS)
    loop.run()
    with provider.store.begin(NODE) as tx:
        tx.change(price_rows.ceilings, f"ceil-{DATASET}", cap_fen=1)
    with consumer.as_("analyst") as tx:
        negotiate.accept(tx, negotiation=consumer.negotiation()["id"])
    loop.run()
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    assert consumer.negotiation()["reason"]["code"] == "PRC-602"
    assert provider.agreements() == []


def test_a_person_cannot_agree_to_terms_the_asker_wrote(pair):
    provider, consumer, loop = pair
    ask(consumer, provider, cheaper(listed(provider, agree="person")))
    loop.run()
    with provider.as_("product_manager") as tx, pytest.raises(Refusal) as refused:
        negotiate.agree(tx, negotiation=provider.negotiation()["id"])
    assert refused.value.code == "CTR-406"


def test_an_end_that_overtakes_the_last_acknowledgement_is_said_again(pair):
    """The provider's finalisation arrived, the answer to it was lost, and the consumer ends the contract at once."""
    provider, consumer, loop = pair
    ask(consumer, provider, listed(provider))

    def lose(_url: str, body: dict) -> dict:
        loop.lost = int(body["@type"] == "ContractNegotiationEventMessage")
        return body

    loop.tamper = lose
    while sum(worker.run_due() for worker in loop.workers.values()):
        pass
    assert states(provider, consumer) == ["VERIFIED", "FINALIZED"]
    agreed = consumer.agreements()[0]["id"]
    with consumer.as_("legal") as tx:
        for blank in ("", "  \n"):
            with pytest.raises(Refusal, match="GEN-420"):
                negotiate.end(tx, agreement=agreed, reason=blank)
        negotiate.end(tx, agreement=agreed, reason="no longer needed")
        notice = signing.signed(tx, {"agreement": agreed, "kind": "01", "reason": "no longer needed", "at": tx.now})
    with provider.heard(consumer) as tx, pytest.raises(Refusal) as refused:
        negotiate.received_ended(tx, sender=consumer.code, body=notice)
    assert (refused.value.code, refused.value.kind) == ("CTR-504", Kind.unavailable)
    loop.tamper = lambda _url, body: body
    with contextlib.suppress(AssertionError):
        loop.run(most=5)  # the notice itself is not carried by this loop and stays open
    with provider.heard(consumer) as tx:
        negotiate.received_ended(tx, sender=consumer.code, body=notice)
    assert provider.agreements()[0]["state"] == consumer.agreements()[0]["state"] == "TERMINATED"
    for side in (provider, consumer):  # who declared it is told by what it signed, at the other side too
        kept = side.agreements()[0]["reason"]["notice"]
        assert kept == notice
        assert signing.signed_by(kept, consumer.party, kept["signatures"][0]["key"])


@pytest.mark.parametrize("changes", [{"more": "x" * 10_000}, {"reason": "x" * 300}])
def test_a_notice_is_kept_as_it_was_signed_or_not_at_all(pair, changes):
    provider, consumer, loop = pair
    ask(consumer, provider, listed(provider))
    loop.run()
    agreed = provider.agreements()[0]["id"]
    with consumer.as_("legal") as tx:
        told = {"agreement": agreed, "kind": "01", "reason": "no", "at": tx.now, **changes}
        notice = signing.signed(tx, told)
    with provider.heard(consumer) as tx:
        negotiate.received_ended(tx, sender=consumer.code, body=notice)
    ended = provider.agreements()[0]
    assert ended["state"] == "TERMINATED"
    assert set(ended["reason"]) == {"code", "zh", "en"}
    assert len(ended["reason"]["en"]) < 300


def test_an_end_and_a_finalisation_that_cross_leave_both_sides_in_one_state(pair):
    """Each is on its way before the other has arrived: what the consumer has ended is not concluded any more."""
    provider, consumer, loop = pair
    ask(consumer, provider, listed(provider))
    really, held = loop.call, []

    def crossing(sender, method, url, body=None):
        if sender is provider and body and body.get("eventType") == "FINALIZED" and not held:
            held.append(True)
            with consumer.as_("analyst") as tx:
                negotiate.terminate(tx, negotiation=consumer.negotiation()["id"], reason_text="no budget")
            taken = []

            def answered_late(*given):
                answer = really(*given)
                if given[2].endswith("/termination") and not taken:
                    assert states(provider, consumer) == ["TERMINATED", "VERIFIED"]
                    taken.append(really(sender, method, url, body))
                return answer

            loop.call = answered_late
            loop.workers["consumer"].run_due()
            loop.call = really
            assert taken
            return taken[0]
        return really(sender, method, url, body)

    loop.call = crossing
    loop.run()
    assert held
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    assert [row["state"] for node in (provider, consumer) for row in node.agreements()] == ["TERMINATED"] * 2


def test_a_finalisation_that_was_sent_is_not_taken_back(pair):
    """It may have arrived: the provider's person waits for the answer, and then ends the contract."""
    provider, consumer, loop = pair
    ask(consumer, provider, listed(provider))

    def lose(_url: str, body: dict) -> dict:
        loop.lost = int(body.get("eventType") == "FINALIZED")
        return body

    loop.tamper = lose
    while sum(worker.run_due() for worker in loop.workers.values()):
        pass
    assert states(provider, consumer) == ["VERIFIED", "FINALIZED"]
    sent = provider.negotiation()["id"]
    with provider.as_("product_manager") as tx:
        assert negotiate.negotiation(tx, id=sent)["open_verbs"] == []
    with provider.as_("product_manager") as tx, pytest.raises(Refusal) as refused:
        negotiate.terminate(tx, negotiation=sent, reason_text="no longer")
    assert refused.value.code == "CTR-401"
    loop.tamper = lambda _url, body: body
    loop.run()
    assert states(provider, consumer) == ["FINALIZED", "FINALIZED"]


@pytest.mark.parametrize("who", ["provider", "consumer"])
def test_either_side_may_end_it_while_it_is_open(pair, who):
    provider, consumer, loop = pair
    ask(consumer, provider, listed(provider, agree="person"))
    loop.run()
    node = {"provider": provider, "consumer": consumer}[who]
    with node.as_("product_manager") as tx:
        negotiate.terminate(tx, negotiation=node.negotiation()["id"], reason_text="no budget")
    loop.run()
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    assert "no budget" in provider.negotiation()["reason"]["en"]
    assert "no budget" in consumer.negotiation()["reason"]["en"]


def test_a_person_without_the_role_may_not(pair):
    provider, consumer, _ = pair
    offer = listed(provider)
    with pytest.raises(Refusal) as refused, consumer.as_("finance") as tx:
        negotiate.request(
            tx, provider=provider.code, dataset=DATASET, offer_id=OFFER, purpose="public_welfare", offer=offer
        )  # fmt: skip
    assert refused.value.code == "GEN-403"


# ---- altered and unsigned agreements


def in_agreement(change):
    def tamper(_url, body):
        if body["@type"] == "ContractAgreementMessage":
            change(body["agreement"])
        return body

    return tamper


def cheap(agreement):
    agreement["datong:terms"]["tariff"]["amount_fen"] = 999_999


def wide(agreement):
    agreement["permission"].append({"action": "odrl:sell"})


def longer(agreement):
    agreement["datong:contract"]["until"] = "2099-01-01T00:00:00Z"


def other_dataset(agreement):
    agreement["target"] = "another"


def other_party(agreement):
    agreement["datong:contract"]["consumer_party"] = "91520100MA6EVIL001"


def unsigned(agreement):
    agreement["datong:signatures"] = []


def long_id(agreement):
    agreement["@id"] = "a" * 81


def badly_signed(agreement):
    signature = agreement["datong:signatures"][0]["signature"]
    agreement["datong:signatures"][0]["signature"] = signature[:-4] + "AAAA"


def other_code(agreement):
    agreement["datong:contract"]["code"] = "9" * 47


ALTERED = [
    (cheap, "CTR-411"), (wide, "CTR-411"), (longer, "CTR-411"), (other_dataset, "CTR-411"), (other_party, "CTR-411"),
    (unsigned, "CTR-412"), (badly_signed, "CTR-412"), (other_code, "DSP-400"),
    (long_id, "DSP-400"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code"), ALTERED)
def test_an_altered_or_unsigned_agreement_is_never_signed(pair, change, code):
    provider, consumer, loop = pair
    loop.tamper = in_agreement(change)
    ask(consumer, provider, listed(provider))
    loop.run()
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    assert consumer.negotiation()["reason"]["code"] == code
    assert provider.negotiation()["reason"]["code"] == code
    assert consumer.agreements() == []
    (drawn,) = provider.agreements()
    with pytest.raises(Refusal) as refused, provider.store.read() as tx:
        negotiate.in_force(tx, drawn["id"])
    assert refused.value.code == "CTR-404"


# ---- what a hostile provider signs itself


def signed_anew(provider: Node, **changed: Any) -> Callable[[str, dict], dict]:
    """The provider writes other things into its agreement, signs those, and keeps them: nothing betrays it but the
    request. terms: added to those agreed."""

    def tamper(_url, body):
        if body["@type"] != "ContractAgreementMessage":
            return body
        with provider.store.begin(NODE) as tx:
            (drawn,) = rows.agreements_of(tx)
            content = agreement_content(drawn)
            content |= {**changed, "terms": {**content["terms"], **changed.get("terms", {})}}
            signed = signing.signed(tx, content)
            tx.change(rows.agreements, drawn["id"], **{k: v for k, v in signed.items() if k != "id"})
        return {**body, "agreement": agreement_message(signed)}

    return tamper


WRITTEN = [
    ({"until": "2026-03-03T00:00:00Z"}, "CTR-411"),
    ({"until": "2099-03-03T00:00:00Z"}, "CTR-411"),
    ({"until": "never"}, "DSP-400"),
    ({"from": "2026-02-30T00:00:00Z"}, "DSP-400"),
    ({"from": "2026-03-02T00:00:00"}, "DSP-400"),
    ({"from": "0001-01-01T00:00:00+14:00"}, "DSP-400"),
    ({"terms": {"penalty": "the consumer pays one million"}}, "CTR-411"),
    ({"terms": {"k": 1}}, "CTR-411"),
    ({"code": "x" * 47}, "DSP-400"),
]


@pytest.mark.parametrize(("changed", "code"), WRITTEN)
def test_what_a_provider_adds_and_signs_itself_is_not_signed(pair, changed, code):
    provider, consumer, loop = pair
    loop.tamper = signed_anew(provider, **changed)
    ask(consumer, provider, listed(provider, terms={k: v for k, v in TERMS.items() if k not in ("from", "until")}))
    loop.run()
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    assert provider.negotiation()["reason"]["code"] == code
    assert consumer.agreements() == []
    with consumer.store.begin(NODE) as tx:
        assert [kind.all(tx) for kind in negotiate.ENDS] == [0, 0]


def test_signatures_of_others_are_not_kept_nor_sent_on_as_ours(pair):
    provider, consumer, loop = pair

    def forged(agreement):
        agreement["datong:signatures"] += [{}, {"party": "x"}, {"node": consumer.code, "by": "p-7", "signature": "x"}]

    loop.tamper = in_agreement(forged)
    ask(consumer, provider, listed(provider))
    loop.run()
    assert states(provider, consumer) == ["FINALIZED", "FINALIZED"]
    for node in (provider, consumer):
        with node.store.read() as tx:
            (contract,) = rows.agreements_of(tx)
        assert sorted(s["node"] for s in contract["signatures"]) == sorted([provider.code, consumer.code])


def test_a_code_that_another_contract_has_is_not_signed(pair):
    provider, consumer, loop = pair
    offer = listed(provider)
    ask(consumer, provider, offer)
    loop.run()
    (first,) = consumer.agreements()

    def same_code(_url, body):
        if body["@type"] == "ContractAgreementMessage":
            body["agreement"]["datong:contract"]["code"] = first["code"]
        return body

    loop.tamper = same_code
    second = ask(consumer, provider, offer)
    loop.run()
    with consumer.store.read(consumer.by("auditor")) as tx:
        ended = negotiate.negotiation(tx, id=second["id"])
    assert (ended["state"], ended["reason"]["code"]) == ("TERMINATED", "CTR-411")


@pytest.mark.parametrize(
    ("stamp", "kept"),
    [
        ("2026-03-02T00:00:00", "2026-03-02T00:00:00Z"),
        ("2026-03-02T08:00:00.123456789+08:00", "2026-03-02T00:00:00.123456Z"),
    ],
)
def test_a_timestamp_as_other_makes_write_it_is_an_instant(pair, stamp, kept):
    provider, consumer, loop = pair
    for node, other in ((provider, consumer), (consumer, provider)):
        with node.store.begin(node.by("node")) as tx:
            negotiate.learned_peer(tx, node=other.code, base=f"{other.address}/dsp/2025-1", signs=False)

    def plain(_url, body):
        body = {k: v for k, v in body.items() if k != "datong:signatures"}
        agreement = {k: v for k, v in body.get("agreement", {}).items() if not k.startswith("datong:")}
        return {**body, "agreement": {**agreement, "timestamp": stamp}} if agreement else body

    loop.tamper = plain
    ask(consumer, provider, listed(provider, terms={k: v for k, v in TERMS.items() if k not in ("from", "until")}))
    loop.run()
    (contract,) = consumer.agreements()
    assert (contract["agreed_at"], contract["from"], contract["state"]) == (kept, kept, "FINALIZED")


def test_a_verification_without_the_announced_signature_is_not_finalized(pair):
    provider, consumer, loop = pair

    def tamper(_url, body):
        body.pop("datong:signatures", None)
        return body

    loop.tamper = tamper
    ask(consumer, provider, listed(provider))
    loop.run()
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    assert provider.negotiation()["reason"]["code"] == "CTR-412"


def test_a_peer_that_does_not_announce_signatures_gets_a_contract_signed_by_one_side(pair):
    provider, consumer, loop = pair
    with provider.store.begin(provider.by("node")) as tx:
        learned = {"base": f"{consumer.address}/dsp/2025-1", "signs": False}
        negotiate.learned_peer(tx, node=consumer.code, **learned)

    def plain(_url, body):
        if body["@type"] == "ContractAgreementVerificationMessage":
            body.pop("datong:signatures")
        return body

    loop.tamper = plain
    ask(consumer, provider, listed(provider))
    loop.run()
    assert states(provider, consumer) == ["FINALIZED", "FINALIZED"]
    with provider.store.read() as tx:
        contract = negotiate.in_force(tx, provider.agreements()[0]["id"])
    assert contract["signed"] == "one side"
    assert [s["node"] for s in contract["signatures"]] == [provider.code]


def test_a_policy_only_peer_without_our_terms_is_served(pair):
    """A peer of another make sends and returns the policy alone."""
    provider, consumer, loop = pair
    for node in (provider, consumer):
        other = consumer if node is provider else provider
        with node.store.begin(node.by("node")) as tx:
            negotiate.learned_peer(tx, node=other.code, base=f"{other.address}/dsp/2025-1", signs=False)

    def plain(_url, body):
        stripped = json.loads(json.dumps(body))
        for part in (stripped, stripped.get("offer", {}), stripped.get("agreement", {})):
            for name in [name for name in part if name.startswith("datong:")]:
                part.pop(name)
        return stripped

    loop.tamper = plain
    ask(consumer, provider, listed(provider))
    loop.run()
    assert states(provider, consumer) == ["FINALIZED", "FINALIZED"]
    assert provider.agreements()[0]["terms"] == TERMS
    assert consumer.agreements()[0]["signed"] == "one side"


def test_a_peer_of_another_make_that_asks_first_is_sent_the_policy_it_sent_and_nothing_else(pair, monkeypatch):
    """Whether it signs is read just before the agreement goes out; it compares that with what it asked for."""
    provider, consumer, loop = pair
    real = loop.call

    def call(sender, method, url, body=None):
        answer = real(sender, method, url, body)
        if "/.well-known/" not in url:
            return answer
        told = json.loads(answer.body)
        for entry in told["protocolVersions"]:
            entry.pop("datongSignatures")
        return replace(answer, body=json.dumps(told).encode())

    def plain(_url, body):
        for part in (body, body.get("offer", {})):
            for name in [name for name in part if name.startswith("datong:")]:
                part.pop(name)
        return body

    monkeypatch.setattr(loop, "call", call)
    loop.tamper = lambda url, body: plain(url, body) if url.startswith(provider.address) else body
    ask(consumer, provider, listed(provider))
    loop.run()
    assert states(provider, consumer) == ["FINALIZED", "FINALIZED"]
    (agreement,) = [body["agreement"] for _, _, body in loop.said if body["@type"] == "ContractAgreementMessage"]
    assert [name for name in agreement if name.startswith("datong:")] == []
    assert provider.agreements()[0]["signed"] == "one side"


# ---- strangers, wrong states, repetition, loss


def replayed(loop: Loop, sender: Node | None, index: int, change=None):
    _, url, body = loop.said[index]
    body = json.loads(json.dumps(body))
    if change:
        change(body)
    return loop.call(sender, "POST", url, body)


def test_a_repeated_message_is_answered_and_has_no_second_effect(pair):
    provider, consumer, loop = pair
    concluded(pair)
    before = [_rows(node) for node in (provider, consumer)]
    for index, (sender, _, _) in enumerate(list(loop.said)):
        answer = replayed(loop, sender, index)
        assert answer.status in (200, 201)
        assert answer.json()["state"] == "FINALIZED"
    loop.run()
    assert [_rows(node) for node in (provider, consumer)] == before


def _rows(node: Node) -> list[int]:
    def count(tx: Tx, table) -> int:
        return tx.execute(select(func.count()).select_from(table)).scalar()

    with node.store.read() as tx:
        tables = (rows.negotiations, rows.messages, rows.agreements, leaves)
        return [count(tx, table) for table in tables] + [len(open_jobs(tx))]


def test_an_id_reused_for_other_content_is_refused(pair):
    _provider, consumer, loop = pair
    concluded(pair)
    for index in (0, 2):

        def change(body):
            body["datong:signatures"] = [{"node": "x"}]
            body.get("offer", {})["datong:terms"] = {"purpose": "public_welfare"}

        answer = replayed(loop, consumer, index, change)
        assert (answer.status, answer.json()["code"]) == (400, "CTR-409")
        assert problems(answer.json()) == []


def test_a_stranger_and_an_unknown_id_get_the_same_404(pair):
    provider, consumer, loop = pair
    concluded(pair)
    pid = provider.negotiation()["id"]
    base = f"{provider.address}/dsp/2025-1/negotiations"
    answers = [
        loop.call(provider, "GET", f"{base}/{pid}"),  # authenticated, but no party to it on this side
        loop.call(consumer, "GET", f"{base}/neg-unknown"),
        loop.call(None, "GET", f"{base}/{pid}"),
        loop.call(provider, "POST", loop.said[2][1], loop.said[2][2]),
    ]
    assert [answer.status for answer in answers] == [404] * 4
    for answer in answers:
        assert answer.json()["@type"] == "ContractNegotiationError"
        assert problems(answer.json()) == []
    assert loop.call(consumer, "GET", f"{base}/{pid}/").json()["state"] == "FINALIZED"
    theirs = f"{consumer.address}/dsp/2025-1/negotiations/{consumer.negotiation()['id']}"
    assert loop.call(provider, "GET", theirs).json()["state"] == "FINALIZED"


def test_the_other_pid_in_the_body_must_be_the_right_one(pair):
    _provider, consumer, loop = pair
    concluded(pair)
    for name in ("providerPid", "consumerPid"):
        answer = replayed(loop, consumer, 2, lambda body, name=name: body.update({name: "neg-other", "@id": "m-new"}))
        assert answer.status == 404


def test_a_message_in_the_wrong_state_is_400_and_changes_nothing(pair):
    provider, consumer, loop = pair
    concluded(pair)
    before = [_rows(node) for node in (provider, consumer)]
    for index, (sender, _, body) in enumerate(list(loop.said)[1:], start=1):
        answer = replayed(loop, sender, index, lambda body: body.update({"@id": "urn:uuid:new"}))
        assert (answer.status, answer.json()["code"]) == (400, "CTR-401"), body["@type"]
    pids = {name: loop.said[3][2][name] for name in ("providerPid", "consumerPid")}
    late = {
        "@context": loop.said[0][2]["@context"], "@type": "ContractNegotiationTerminationMessage", **pids, "code": "1",
        "reason": ["changed my mind"],
    }  # fmt: skip
    url = f"{provider.address}/dsp/2025-1/negotiations/{pids['providerPid']}/termination"
    answer = loop.call(consumer, "POST", url, late)
    assert (answer.status, answer.json()["code"]) == (400, "CTR-401")
    assert [_rows(node) for node in (provider, consumer)] == before


def test_a_callback_to_a_third_host_is_refused(pair):
    provider, consumer, loop = pair
    loop.tamper = lambda _url, body: {**body, "callbackAddress": "http://elsewhere.test/dsp"}
    ask(consumer, provider, listed(provider))
    loop.run()
    assert consumer.negotiation()["state"] == "TERMINATED"
    assert consumer.negotiation()["reason"]["code"] == "CTR-410"
    with provider.store.read(provider.by("auditor")) as tx:
        assert negotiate.negotiations(tx) == []


def test_one_peer_has_so_many_negotiations_open_and_no_more(pair):
    """Each takes a row, its messages and jobs, for ten days; what this node opens itself does not count."""
    provider, consumer, loop = pair
    offer = listed(provider, agree="person")
    negotiate.install(provider.store, open_per_peer=2)
    with provider.as_("product_manager") as tx:
        negotiate.offer(tx, consumer=consumer.code, dataset=DATASET, policy=to_json(POLICY), terms=TERMS)
    loop.run()
    for _ in range(2):
        ask(consumer, provider, offer)
        loop.run()
    body = next(body for _, url, body in loop.said if url.endswith("/negotiations/request"))
    url = f"{provider.address}/dsp/2025-1/negotiations/request"
    third = {**body, "@id": "urn:uuid:3", "consumerPid": "urn:uuid:3"}
    answer = loop.call(consumer, "POST", url, third)
    assert (answer.status, answer.json()["@type"]) == (503, "ContractNegotiationError")
    assert (answer.json()["code"], problems(answer.json())) == ("CTR-505", [])
    assert loop.call(consumer, "POST", url, body).status == 201, "one that is known is answered as before"
    with provider.as_("product_manager") as tx:
        heard = negotiate.negotiations(tx, state="REQUESTED")
        assert len(heard) == 2
        negotiate.terminate(tx, negotiation=heard[0]["id"], reason_text="no")
    loop.run()
    assert loop.call(consumer, "POST", url, third).status == 201
    negotiate.install(provider.store)


def test_what_one_peer_opens_and_ends_again_and_again_has_an_end(pair, monkeypatch):
    """Each leaves its row, its messages and its evidence, for good."""
    provider, consumer, loop = pair
    offer = listed(provider, agree="person")
    monkeypatch.setattr(negotiate_course, "BEGUN_PER_OPEN", 2)
    negotiate.install(provider.store, open_per_peer=2)

    def opened_and_ended() -> None:
        ask(consumer, provider, offer)
        loop.run()
        with consumer.as_("analyst") as tx:
            for row in negotiate.negotiations(tx, state="REQUESTED"):
                negotiate.terminate(tx, negotiation=row["id"], reason_text="no")
        loop.run()

    for _ in range(4):
        opened_and_ended()
    assert len(heard(provider)) == 4
    body = next(body for _, url, body in loop.said if url.endswith("/negotiations/request"))
    fifth = {**body, "@id": "urn:uuid:5", "consumerPid": "urn:uuid:5"}
    url = f"{provider.address}/dsp/2025-1/negotiations/request"
    answer = loop.call(consumer, "POST", url, fifth)
    assert (answer.status, answer.json()["code"]) == (503, "CTR-505")
    assert len(heard(provider)) == 4
    business_time(provider, 2)
    assert loop.call(consumer, "POST", url, fifth).status == 201
    negotiate.install(provider.store)


def heard(node):
    with node.store.read(node.by("auditor")) as tx:
        return negotiate.negotiations(tx)


def test_an_unreachable_peer_is_tried_again_until_it_answers(pair):
    provider, consumer, loop = pair
    loop.outages = 3
    ask(consumer, provider, listed(provider))
    loop.workers["consumer"].run_due()
    with consumer.store.read() as tx:
        (job,) = open_jobs(tx)
    assert "DSP-503" in job["last_error"]
    assert consumer.negotiation()["pending"] == "request"
    loop.run()
    assert states(provider, consumer) == ["FINALIZED", "FINALIZED"]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_loss_and_repetition_at_any_step_ends_in_the_same_state(tmp_path_factory, data):
    """A crash after the peer's commit looks like a lost acknowledgement: the message is sent again."""
    provider, consumer = two_nodes(tmp_path_factory.mktemp("pair"))
    loop = Loop(provider, consumer)
    loop.copies = data.draw(st.integers(1, 3), "copies")
    asked = data.draw(st.sampled_from(["industry_development", "credit_scoring"]), "purpose")
    ask(consumer, provider, listed(provider), purpose=asked)
    for _ in range(30):
        loop.outages = data.draw(st.integers(0, 1), "outage")
        loop.lost = data.draw(st.integers(0, 1), "lost")
        loop.workers[data.draw(st.sampled_from(["provider", "consumer"]), "who")].run_due()
        if loop.said and data.draw(st.booleans(), "replay"):
            index = data.draw(st.integers(0, len(loop.said) - 1), "which")
            assert replayed(loop, loop.said[index][0], index).status in (200, 201, 400)
        for node in (provider, consumer):
            node.wall += timedelta(seconds=120)
    loop.outages = loop.lost = 0
    loop.run()
    expected = "FINALIZED" if asked == "industry_development" else "TERMINATED"
    assert states(provider, consumer) == [expected] * 2
    kept = [[(a["id"], a["digest"], a["signed"]) for a in node.agreements()] for node in (provider, consumer)]
    assert kept[0] == kept[1]
    assert len(kept[0]) == (1 if expected == "FINALIZED" else 0)
    for node in (provider, consumer):
        with node.store.read() as tx:
            assert not [job for job in open_jobs(tx) if job["state"] != "done"]
    provider.store.dispose()
    consumer.store.dispose()


# ---- the term and the end of a contract


def test_a_contract_is_in_force_in_its_term_only(pair):
    provider, consumer, loop = pair
    later = {**TERMS, "from": "2026-04-01T00:00:00Z"}
    ask(consumer, provider, listed(provider, terms=later))
    loop.run()
    agreed = provider.agreements()[0]["id"]

    def outcome() -> str:
        try:
            with provider.store.read() as tx:
                negotiate.in_force(tx, agreed)
        except Refusal as refusal:
            return refusal.code
        return "in force"

    found = []
    for days in (0, 31, 300, 366):
        business_time(provider, days)
        found.append(outcome())
    assert found == ["CTR-402", "in force", "in force", "CTR-404"]
    with provider.store.begin(provider.by("node")) as tx:
        assert negotiate.ENDS[0].all(tx) == 1
        assert negotiate.ENDS[0].all(tx) == 0
        assert negotiate.agreement(tx, agreed)["state"] == "EXPIRED"


def test_in_force_refuses_a_contract_altered_in_the_store(pair):
    provider, _consumer, _ = pair
    agreed = concluded(pair)
    for change in (
        {"until": "2099-01-01T00:00:00Z"},
        {"terms": {**TERMS, "tariff": {"kind": "free", "amount_fen": 0}}},
        {"signatures": []},
    ):
        with provider.store.begin(provider.by("node")) as tx:
            before = negotiate.agreement(tx, agreed["id"])
            tx.change(rows.agreements, agreed["id"], **change)
            with pytest.raises(Refusal) as refused:
                negotiate.in_force(tx, agreed["id"])
            assert refused.value.code == "CTR-403"
            tx.change(rows.agreements, agreed["id"], **{name: before[name] for name in change})


def test_an_early_end_is_a_signed_notice(pair):
    provider, consumer, _ = pair
    agreed = concluded(pair)["id"]
    with provider.as_("product_manager") as tx:
        negotiate.end(tx, agreement=agreed, reason="breach")
        notice = next(job for job in open_jobs(tx) if job["kind"] == "node.send")["payload"]
    assert (notice["to"], notice["type"]) == (consumer.code, "negotiate.ended")
    forged = {**notice["body"], "reason": "something else"}
    with pytest.raises(Refusal) as refused, consumer.heard(provider) as tx:
        negotiate.received_ended(tx, sender=provider.code, body=forged)
    assert refused.value.code == "CTR-412"
    for _ in range(2):
        with consumer.heard(provider) as tx:
            negotiate.received_ended(tx, sender=provider.code, body=notice["body"])
    with pytest.raises(Refusal) as refused, consumer.store.read() as tx:
        negotiate.in_force(tx, agreed)
    assert refused.value.code == "CTR-404"


def test_rooms_are_told_once_of_conclusion_and_end(pair):
    provider, _consumer, _ = pair
    told = []
    negotiate.on_finalized.append(lambda tx, agreement: told.append((tx.store is provider.store, agreement["state"])))
    negotiate.on_terminated.append(lambda tx, agreement: told.append((tx.store is provider.store, agreement["state"])))
    try:
        agreed = concluded(pair)["id"]
        with provider.as_("product_manager") as tx:
            negotiate.end(tx, agreement=agreed, reason="done")
    finally:
        negotiate.on_finalized.pop()
        negotiate.on_terminated.pop()
    assert sorted(told) == [(False, "FINALIZED"), (True, "FINALIZED"), (True, "TERMINATED")]


def test_a_negotiation_past_its_deadline_lapses_on_both_sides(pair):
    provider, consumer, loop = pair
    ask(consumer, provider, listed(provider, agree="person"))
    loop.run()
    business_time(provider, 30)
    with provider.store.begin(provider.by("node")) as tx:
        assert negotiate.ENDS[1].all(tx) == 1
    loop.run()
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    assert consumer.negotiation()["reason"]["code"] == "DEADLINE"


def test_a_counterparty_that_takes_no_end_is_not_waited_for_for_ever(pair):
    provider, consumer, loop = pair
    ask(consumer, provider, listed(provider, agree="person"))
    loop.run()
    loop.outages = 10**6
    business_time(provider, 11)
    for days, ended in ((11, 1), (20, 0), (22, 1)):
        business_time(provider, days)
        with provider.store.begin(provider.by("node")) as tx:
            assert negotiate.ENDS[1].all(tx) == ended
            waits = negotiate.waiting(tx)
        loop.workers["provider"].run_due()
        if days < 22:
            assert waits[0]["why"]["en"] == "the end is on its way to the other side"
            assert (waits[0]["deadline"], waits[0]["ours"]) == ("2026-03-23T00:00:00Z", False)
    assert waits == []
    assert (provider.negotiation()["state"], provider.negotiation()["reason"]["code"]) == ("TERMINATED", "DEADLINE")
    provider.wall += timedelta(days=1)
    assert loop.workers["provider"].run_due() == 1
    with provider.store.read() as tx:
        assert open_jobs(tx) == [], "and nothing is sent any more"


def test_the_version_document_is_open_to_all(pair):
    provider, _, loop = pair
    answer = loop.call(None, "GET", provider.address + WELL_KNOWN)
    assert answer.status == 200
    assert problems(answer.json(), "common/protocol-version") == []
    (entry,) = answer.json()["protocolVersions"]
    assert (entry["version"], entry["path"], entry["binding"], entry[SIGNS]) == ("2025-1", "/dsp/2025-1", "HTTPS", True)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\x00", b"x" * (3 * 1024 * 1024)], ids=range(5))
def test_bad_bodies_are_400_with_a_typed_error(pair, data):
    provider, consumer, loop = pair
    for path in ("negotiations/request", "negotiations/x/termination", "transfers/request", "transfers/x/start"):
        answer = loop.call(consumer, "POST", f"{provider.address}/dsp/2025-1/{path}", data)
        assert answer.status == 400
        assert answer.json()["@type"] == ("TransferError" if path.startswith("t") else "ContractNegotiationError")
        assert problems(answer.json()) == []


def test_a_purpose_longer_than_any_is_refused(pair):
    provider, consumer, _loop = pair
    asked = {"id": OFFER, "dataset": DATASET, **listed(provider)}
    asked["terms"] = {**asked["terms"], "purpose": "p" * 61}
    opening = {"message": "m-1", "peer_pid": "c-1", "callback": consumer.address, "offer": asked}
    with provider.heard(consumer) as tx, pytest.raises(Refusal) as refused:
        negotiate.received_request(tx, sender=consumer.code, **opening)
    assert (refused.value.code, refused.value.problems[0].where) == ("CTR-400", "terms.purpose")


UNPERFORMABLE = {
    "until": "never", "from": 5, "tariff": {"kind": "per_delivery"}, "split": [1], "product": 7, "inputs": "RES-1",
    "k": [], "delivery_form": {},
}  # fmt: skip


@pytest.mark.parametrize("name", UNPERFORMABLE)
def test_terms_that_nobody_could_perform_are_refused_whoever_says_them(pair, name):
    """A contract with such a tariff or term would be signed, and break what meters, settles and ends contracts."""
    provider, consumer, _loop = pair
    offer = listed(provider)
    bad = {**offer, "terms": {**TERMS, name: UNPERFORMABLE[name]}}
    asked = {"message": "m-1", "offer": {"id": OFFER, "dataset": DATASET, **bad}}
    calls = [lambda: ask(consumer, provider, bad)]
    for node, other, hear in ((provider, consumer, "received_request"), (consumer, provider, "received_offer")):

        def heard(node=node, other=other, hear=hear):
            with node.heard(other) as tx:
                getattr(negotiate, hear)(tx, sender=other.code, peer_pid="p-1", callback=other.address, **asked)

        calls.append(heard)
    for call in calls:
        with pytest.raises(Refusal) as refused:
            call()
        assert refused.value.code == "CTR-400"
        places = [problem.where.partition("[")[0].split(".") for problem in refused.value.problems]
        assert {place[1] for place in places} == {name}
    bare = {**offer, "terms": {}}
    ask(consumer, provider, bare)  # what is left out, as by peers of another make, is no fault


def test_an_offer_with_a_logical_constraint_is_refused_at_the_door(pair):
    provider, consumer, loop = pair

    def tamper(_url, body):
        body["offer"]["permission"] = [{"action": "use", "constraint": [{"or": []}]}]
        return body

    loop.tamper = tamper
    ask(consumer, provider, listed(provider))
    loop.run()
    assert consumer.negotiation()["reason"]["code"] == "POL-400"


def test_unknown_purposes_and_empty_offers_are_refused_before_anything_is_sent(pair):
    provider, consumer, _ = pair
    with pytest.raises(Refusal) as refused:
        ask(consumer, provider, {"policy": to_json(POLICY), "terms": TERMS}, purpose="fun")
    assert refused.value.code == "CTR-400"
    with pytest.raises(Refusal) as refused:
        ask(consumer, provider, {})
    assert refused.value.code == "CTR-400"


def test_the_agreed_policy_is_the_offered_one_under_its_own_id(pair):
    agreed = concluded(pair)
    provider, _, _ = pair
    with provider.store.read() as tx:
        policy = from_json(negotiate.agreement(tx, agreed["id"])["policy"])
    assert policy.id == agreed["id"]
    assert policy == Policy(agreed["id"], POLICY.permissions, POLICY.prohibitions, POLICY.obligations)
    assert Rule("delete") in policy.obligations
    assert Constraint("time", "lt", UNTIL) in policy.permissions[0].constraints


def test_every_row_stands_as_its_last_leaf_says(pair):
    provider, consumer, _ = pair
    concluded(pair)
    for node in (provider, consumer):
        with node.store.read() as tx:
            for table in (rows.negotiations, rows.messages, rows.agreements):
                for row in tx.all(select(table)):
                    of = (leaves.c.table_name == table.name) & (leaves.c.record_id == row.id)
                    last = tx.all(select(leaves.c.record_digest).where(of).order_by(leaves.c.seq.desc()))[0][0]
                    assert row_digest(tx, table, dict(row._mapping)) == last


def owned(node: Node, grantee: str) -> None:
    """The dataset is a registered resource of the node, and `grantee` alone may use it."""
    thing = {"id": "res-1", "public_data": False, "personal": False, "grade": 2,
             "licence": {"name": "MIT", "commercial": True, "derivatives": True}}  # fmt: skip
    entry = {"object": thing, "code": DATASET, "registrants": [{"party": node.party, "name": node.name}]}
    with node.as_("operator") as tx:
        tx.execute(register_rows.ledger.delete().where(register_rows.ledger.c.id == DATASET))
        tx.add(
            register_rows.ledger,
            {"id": DATASET, "version": 1, "kind": "resource", "state": "CODED", "entry": entry, "at": NOW},
        )
        blank = {c.name: [] if str(c.type) == "JSON" else "" for c in authorise_rows.instruments.columns}
        tx.add(
            authorise_rows.instruments,
            {
                **blank, "id": "ins-1", "kind": "data_use", "state": "IN_FORCE", "grantor_party": node.party,
                "grantee_party": grantee, "resources": [DATASET], "purposes": ["industry_development"],
                "from_at": "2026-03-01T00:00:00Z", "until_at": UNTIL, "serial": 1, "items": {}, "value": {},
            },
        )  # fmt: skip


@pytest.mark.parametrize("agree", ["node", "person"])
def test_nobody_contracts_for_a_resource_without_a_right_to_it(pair, agree: str) -> None:
    provider, consumer, loop = pair
    offer = listed(provider, agree=agree)
    owned(provider, "91520100MA6SOMEBODY")
    ask(consumer, provider, offer)
    loop.run()
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    assert consumer.negotiation()["reason"]["code"] == "AUT-507"
    assert provider.agreements() == consumer.agreements() == []


def test_who_was_granted_a_resource_contracts_for_it(pair) -> None:
    provider, consumer, loop = pair
    offer = listed(provider)
    owned(provider, consumer.party)
    ask(consumer, provider, offer)
    loop.run()
    assert states(provider, consumer) == ["FINALIZED", "FINALIZED"]

"""The choke point: each check can be the one that denies, every answer is kept with evidence, default is no."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

import delivery_case as case
from datong.authorise import store as authorise_rows
from datong.compose import store as compose_rows
from datong.deliver import service as deliver
from datong.deliver import store as rows
from datong.ground import codes
from datong.ground.db import NODE, Store, Tx
from datong.ground.evidence.leaves import leaves
from datong.ground.refusal import Refusal
from datong.negotiate import store as negotiate_rows
from datong.price import store as price_rows
from datong.register import store as register_rows


def decide(store: Store, **ask: Any) -> Any:
    with store.begin(NODE, "deliver") as tx:
        return deliver.decide(tx, **{"agreement": "agr-1", "action": "delivery", **ask})


def test_allowed_when_everything_holds(provider: Store) -> None:
    with provider.begin(NODE) as tx:
        case.agree(tx)
    decision = decide(provider)
    assert decision.allowed, decision.verdict
    assert decision.verdict.step == "policy" and decision.verdict.rule == "permissions[1]"


def tampered(tx: Tx) -> None:
    row = tx.get(negotiate_rows.agreements, "agr-1")
    assert row is not None
    tx.change(negotiate_rows.agreements, "agr-1", terms={**row["terms"], "delivery_form": "public"})


def withdrawn(tx: Tx) -> None:
    tx.change(authorise_rows.instruments, "ins-1", state="WITHDRAWN")


def lapsed(tx: Tx) -> None:
    row = tx.get(register_rows.ledger, case.RESOURCE)
    assert row is not None
    tx.change(register_rows.ledger, case.RESOURCE, entry={**row["entry"], "valid_until": "2026-03-01"})


def product(tx: Tx, **entry: Any) -> None:
    """A product of ours over RESOURCE, as the ledger has it."""
    thing = {"id": "prod-1", "name_en": "flows", "inputs": [case.RESOURCE], "public_data": False, "personal": False}
    said = {"object": thing, "code": "P-1", "registrants": [{"party": case.OWNER, "name": "owner"}], **entry}
    state = entry.get("state", "CODED")
    row = {"id": "P-1", "version": 2, "kind": "product", "state": state, "entry": said, "at": case.NOW}
    tx.add(register_rows.ledger, row)


def of_another(tx: Tx) -> None:
    """The right to use it names another organisation than the contract."""
    tx.change(authorise_rows.instruments, "ins-1", grantee_party=case.OTHER)


def member(state: str) -> Callable[[Tx], None]:
    return lambda tx: tx.change(register_rows.nodes, case.BUYER_NODE, state=state)


DENIALS = [
    ("a consumer suspended by the registry", {}, member("suspended"), "contract"),
    ("a consumer revoked by the registry", {}, member("revoked"), "contract"),
    ("unknown agreement", {"agreement": "agr-9"}, None, "contract"),
    ("expired by the business clock", {}, lambda tx: case.move_business_clock(tx, "2026-10-01T00:00:00Z"), "contract"),
    ("content changed after signing", {}, tampered, "contract"),
    ("another dataset", {"dataset": "RES-0002"}, None, "contract"),
    ("another purpose", {"purpose": "credit_scoring"}, None, "contract"),
    ("another recipient", {"subject": case.OTHER}, None, "contract"),
    ("a right withdrawn", {}, withdrawn, "clearance"),
    ("a registration past its last day", {}, lapsed, "clearance"),
    ("a right of somebody else", {}, of_another, "clearance"),
    ("a right of somebody else, to compute", {"action": "compute"}, of_another, "clearance"),
    ("an action nobody permitted", {"action": "download"}, None, "policy"),
    ("an action that does not exist", {"action": "everything"}, None, "policy"),
]


@pytest.mark.parametrize(("why", "ask", "prepare", "step"), DENIALS, ids=[d[0] for d in DENIALS])
def test_each_check_denies(provider: Store, why: str, ask: dict[str, str], prepare: Any, step: str) -> None:
    with provider.begin(NODE) as tx:
        case.agree(tx)
        if prepare:
            prepare(tx)
    decision = decide(provider, **ask)
    assert not decision.allowed
    assert decision.verdict.step == step, decision.verdict
    assert decision.verdict.zh and decision.verdict.en and decision.verdict.change_en


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({}, ""),
        ({"state": "ENDED"}, "P-1: the registration was cancelled or revoked; owner"),
        ({"valid_until": "2026-03-01"}, "P-1: the registration was valid until 2026-03-01; owner"),
    ],
    ids=["registered", "ended", "lapsed"],
)
def test_a_product_is_delivered_while_its_own_registration_stands(
    provider: Store, entry: dict[str, str], words: str
) -> None:
    with provider.begin(NODE) as tx:
        product(tx, **entry)
        case.agree(tx, dataset="P-1")
    decision = decide(provider)
    assert decision.allowed is not bool(words)
    assert words in decision.verdict.en
    assert ("end the contract (negotiate end)" in decision.verdict.change_en) is bool(words)


def test_what_its_operator_holds_by_now_gets_nothing_more_to_make_something_of(provider: Store) -> None:
    """27号 art. 6 is asked while a contract is performed, as when it is signed: shares are bought later, too."""
    making = {**case.OPEN_POLICY, "permissions": [*case.OPEN_POLICY["permissions"], case.permission("process")]}
    with provider.begin(NODE) as tx:
        product(tx)
        case.agree(tx, "agr-1", dataset="P-1", policy_json=making)
        case.agree(tx, "agr-2", dataset="P-1")  # nothing may be made of it
        known = tx.get(register_rows.ledger, case.RESOURCE)
        assert known is not None
        entry = known["entry"]
        public = {**entry["object"], "public_data": True}
        of_body = {**entry, "object": public, "registrants": [{"party": case.OTHER, "name": "body"}]}
        tx.change(register_rows.ledger, case.RESOURCE, entry=of_body)
        tx.change(authorise_rows.instruments, "ins-1", kind="agreement", grantor_party=case.OTHER,
                  grantee_party=case.OWNER)  # fmt: skip
    assert decide(provider).allowed
    with provider.begin(NODE) as tx:
        row = {"owner_party": case.OWNER, "owned_party": case.BUYER, "percent": "10", "declared_at": tx.now}
        tx.add(authorise_rows.holdings, {"id": "hold-1", **row})
    verdict = decide(provider).verdict
    assert (verdict.outcome, verdict.step, verdict.rule) == ("denied", "clearance", "AUT-505")
    assert decide(provider, agreement="agr-2").allowed


def test_terms_that_leave_an_input_out_are_no_way_round_its_withdrawal(provider: Store) -> None:
    """What a product is registered over is cleared, whatever its contract names."""
    both = [case.RESOURCE, "RES-0002"]
    with provider.begin(NODE) as tx:
        thing = {"id": "prod-1", "name_en": "flows", "inputs": both, "public_data": False, "personal": False}
        product(tx, object=thing)
        known = tx.get(register_rows.ledger, case.RESOURCE)
        assert known is not None
        other = {**known, "id": "RES-0002", "version": 3, "entry": {**known["entry"], "code": "RES-0002"}}
        tx.add(register_rows.ledger, other)
        tx.change(authorise_rows.instruments, "ins-1", resources=both)
        case.agree(tx, dataset="P-1", terms={"inputs": [case.RESOURCE]})
    assert decide(provider).allowed
    with provider.begin(NODE) as tx:
        tx.change(register_rows.ledger, "RES-0002", state="ENDED")
    verdict = decide(provider).verdict
    assert (verdict.step, "RES-0002: the registration was cancelled or revoked" in verdict.en) == ("clearance", True)


def product_of(tx: Tx, supply: str, laid: bool) -> None:
    """A product with counts got under the contract `supply`, ready to be delivered."""
    product(tx)
    case.agree(tx, dataset="P-1")
    inputs = [{"resource": case.RESOURCE, "agreement": supply, "digest": "sha256:00", "rows": 1}]
    if laid:
        case.lay_out(tx, inputs=inputs)
    else:
        built(tx, inputs)


def built(tx: Tx, inputs: list[dict[str, Any]]) -> None:
    """The newest version of the product, not laid ready yet."""
    tx.add(
        compose_rows.versions,
        {"id": "P-1/1", "product": "P-1", "version": 1, "partition": "part-1", "recipe": {}, "path": "products/P-1/1.parquet",
         "digest": "sha256:00", "rows": 1, "recipient_group": case.BUYER, "risk": {}, "kept": {}, "account": {},
         "inputs": inputs, "at": case.NOW},
    )  # fmt: skip


OVER = [
    ("stopped", lambda tx: stopped(tx, "agr-2"), "安全事件"),
    ("ended by a person", lambda tx: ended(tx, "agr-2"), "no longer needed"),
    ("terminated", lambda tx: tx.change(negotiate_rows.agreements, "agr-2", state="TERMINATED"), "agr-2"),
    ("past its term", lambda tx: case.move_business_clock(tx, "2026-06-01T00:00:00Z"), "agr-2"),
]


def stopped(tx: Tx, agreement: str) -> None:
    """As its provider's abnormal stop leaves it, and a hold of our own."""
    tx.add(rows.holds, {"id": agreement, "state": "suspended", "reason": "安全事件", "by": "", "at": tx.now})


def ended(tx: Tx, agreement: str) -> None:
    end = {"reason": "no longer needed", "by": "p", "at": tx.now, "state": "ending", "proof": None, "peer_proof": None}
    tx.add(rows.endings, {"id": agreement, **end})


@pytest.mark.parametrize("laid", [True, False], ids=["laid ready", "not yet"])
@pytest.mark.parametrize(("why", "end", "words"), OVER, ids=[row[0] for row in OVER])
def test_a_product_goes_out_while_the_contract_of_its_supply_lasts(
    provider: Store, why: str, end: Callable[[Tx], None], words: str, laid: bool
) -> None:
    with provider.begin(NODE) as tx:
        case.agree(tx, "agr-2", until="2026-05-31T16:00:00Z")
        product_of(tx, "agr-2", laid)
    assert decide(provider).allowed
    with provider.begin(NODE) as tx:
        end(tx)
    decision = decide(provider)
    assert not decision.allowed and (decision.verdict.step, decision.verdict.rule) == ("supply", "agr-2")
    assert words in decision.verdict.en and words in decision.verdict.zh and case.RESOURCE in decision.verdict.en


def inherited(*permissions: dict[str, Any], prohibitions: Sequence[dict[str, Any]] = (), **more: Any) -> dict[str, Any]:
    return {
        **case.OPEN_POLICY,
        "permissions": list(permissions),
        "prohibitions": list(prohibitions),
        "inherit": True,
    } | more


DELIVERY = case.permission("delivery", purpose=[case.PURPOSE])
ELSEWHERE = {**DELIVERY, "constraints": [{"left": "region", "op": "isPartOf", "right": ["31"]}]}
SUPPLIED = [
    ("as the supply allows", inherited(DELIVERY), ""),
    ("rules of the resource and of its consumer", inherited({**DELIVERY, "target": case.RESOURCE, "assignee": case.OWNER}), ""),
    ("not inherited", inherited(case.permission("compute"), inherit=False), ""),
    ("another purpose", inherited(case.permission("delivery", purpose=["public_welfare"])), "agr-2 permissions[0].constraints[0]"),
    ("another place", inherited(ELSEWHERE), "agr-2 permissions[0].constraints[0]"),
    ("the first alone", inherited(case.permission("delivery", count="0")), "agr-2 permissions[0].constraints[0]"),
    ("not written", inherited(case.permission("compute")), "agr-2"),
    ("forbidden to the buyer", inherited(DELIVERY, prohibitions=[{"action": "delivery", "assignee": case.BUYER}]), "agr-2 prohibitions[0]"),
    ("forbidden of the resource", inherited(DELIVERY, prohibitions=[{"action": "delivery", "target": case.RESOURCE}]), "agr-2 prohibitions[0]"),
    ("duties first", inherited({**DELIVERY, "duties": [{"action": "anonymize"}]}), "agr-2 permissions[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "supply", "rule"), SUPPLIED, ids=[row[0] for row in SUPPLIED])
def test_a_product_is_delivered_as_the_policies_allow_that_it_inherits(
    provider: Store, why: str, supply: dict[str, Any], rule: str
) -> None:
    """The supply's consumer is the product's provider: here the same parties stand on both sides of both contracts."""
    with provider.begin(NODE) as tx:
        case.agree(tx, "agr-2", policy_json=supply, consumer=case.OWNER_NODE)
        product_of(tx, "agr-2", laid=True)
    verdict = decide(provider).verdict
    assert (verdict.outcome != "allowed", verdict.rule) == (bool(rule), rule or "permissions[1]")
    if rule:
        assert verdict.step == "supply" and "agr-2" in verdict.en and "agr-2" in verdict.change_zh


@pytest.mark.parametrize("state", ["REQUESTED", "AGREED", "VERIFIED", "TERMINATED"])
def test_only_a_finalised_agreement_is_in_force(provider: Store, state: str) -> None:
    with provider.begin(NODE) as tx:
        case.agree(tx, state=state)
    assert not decide(provider).allowed


@pytest.mark.parametrize("name", [case.BUYER, case.BUYER_NODE, "did:web:yer0000.test"], ids=["party", "node", "did"])
def test_a_prohibition_is_for_whom_it_names_by_whatever_name(provider: Store, name: str) -> None:
    """A counterparty writes the participant id of the protocol, which is a node code or a DID, not our party's code."""
    barred = {**case.OPEN_POLICY, "prohibitions": [{"action": "delivery", "assignee": name}]}
    with provider.begin(NODE) as tx:
        row = tx.get(register_rows.nodes, case.BUYER_NODE)
        assert row is not None
        tx.change(register_rows.nodes, case.BUYER_NODE, address="http://yer0000.test")
        case.agree(tx, policy_json=barred)
    verdict = decide(provider).verdict
    assert (verdict.step, verdict.outcome.value, verdict.rule) == ("policy", "denied", "prohibitions[0]")


def test_a_node_whose_address_is_none_has_no_did_and_is_decided_about_all_the_same(provider: Store) -> None:
    with provider.begin(NODE) as tx:
        case.agree(tx)
        tx.change(register_rows.nodes, case.BUYER_NODE, address="http://buyer.test:99999")
    assert decide(provider).allowed


def test_without_a_permission_the_default_is_no(provider: Store) -> None:
    silent = {**case.OPEN_POLICY, "permissions": [case.permission("read")]}
    with provider.begin(NODE) as tx:
        case.agree(tx, policy_json=silent)
    assert decide(provider).verdict.outcome == "default_denied"


def test_a_purpose_the_policy_does_not_allow(provider: Store) -> None:
    welfare = {**case.OPEN_POLICY, "permissions": [case.permission("delivery", purpose=["public_welfare"])]}
    with provider.begin(NODE) as tx:
        case.agree(tx, policy_json=welfare)
    verdict = decide(provider).verdict
    assert verdict.outcome == "denied" and verdict.rule == "permissions[0].constraints[0]"


@pytest.mark.parametrize(
    ("area", "within", "outcome"),
    [("5201", "5201", "allowed"), ("5201", "52", "allowed"), ("1101", "52", "denied"), ("5201", "520102", "denied"),
     ("", "52", "denied"), ("0054", "52", "denied")],
    ids=["there", "in its province", "elsewhere", "closer than a code tells", "a code that tells none", "a sector"],
)  # fmt: skip
def test_a_policy_bounded_to_a_region_asks_the_receiving_nodes_code(
    provider: Store, monkeypatch: pytest.MonkeyPatch, area: str, within: str, outcome: str
) -> None:
    node = codes.node_code("5", case.BUYER, area, "BUYER000") if area else "connector-of-elsewhere"
    monkeypatch.setitem(case.PARTIES, node, case.BUYER)
    monkeypatch.setitem(case.KEYS, node, case.KEYS[case.BUYER_NODE])
    bounded = case.permission("delivery")
    bounded["constraints"].append({"left": "region", "op": "isPartOf", "right": within})
    with provider.begin(NODE) as tx:
        row = tx.get(register_rows.nodes, case.BUYER_NODE)
        assert row is not None
        tx.add(register_rows.nodes, {**row, "id": node})
        case.agree(tx, policy_json={**case.OPEN_POLICY, "permissions": [bounded]}, consumer=node)
    verdict = decide(provider).verdict
    assert (verdict.step, verdict.outcome.value) == ("policy", outcome), verdict


def test_suspended_and_ended_deny_before_the_policy(provider: Store) -> None:
    with provider.begin(case.person()) as tx:
        case.agree(tx)
        deliver.suspend(tx, agreement="agr-1", reason="invoice unpaid")
    assert decide(provider).verdict.rule == "suspended"
    with provider.begin(case.person()) as tx:
        deliver.resume(tx, agreement="agr-1")
    assert decide(provider).allowed
    with provider.begin(case.person()) as tx:
        deliver.end_agreement(tx, agreement="agr-1", reason="over")
    assert decide(provider).verdict.rule == "ended"


def test_a_denial_outlives_the_transaction_it_denied(provider: Store) -> None:
    with provider.begin(NODE) as tx:
        case.agree(tx)
    with pytest.raises(Refusal) as refused, provider.begin(NODE, "deliver") as tx:
        tx.add(rows.holds, {"id": "half done", "state": "lifted", "reason": "", "by": "", "at": case.NOW})
        deliver.require(tx, agreement="agr-1", action="download")
    assert refused.value.code == "USE-403"
    with provider.read() as tx:
        assert tx.get(rows.holds, "half done") is None
        kept = tx.get(rows.decisions, refused.value.facts["decision"])
        assert kept is not None and kept["outcome"] == "default_denied"
        assert tx.one(leaves.select().where(leaves.c.record_id == kept["id"])) is not None


def test_every_decision_has_a_row_and_a_leaf(provider: Store) -> None:
    with provider.begin(NODE) as tx:
        case.agree(tx)
    for action in ("delivery", "compute", "download"):
        decide(provider, action=action)
    with provider.read(case.person()) as tx:
        found = deliver.decisions(tx, agreement="agr-1")
        assert {row["action"]: row["outcome"] for row in found} == {
            "delivery": "allowed", "compute": "allowed", "download": "default_denied",
        }  # fmt: skip
        acts = [row.act for row in tx.all(leaves.select())]
        assert acts.count("deliver.decided") == 3
        paged = [deliver.decisions(tx, limit=2, offset=offset) for offset in (0, 2, 4)]
        assert [len(page) for page in paged] == [2, 1, 0]
        assert [row for page in paged for row in page] == found
        assert deliver.decisions(tx, limit=-1) == []


def test_own_rows_only_for_the_owners_engineer(provider: Store, consumer: Store) -> None:
    for store, actor in (
        (consumer, case.person(party=case.BUYER)),  # another party's resource
        (provider, case.person(party=case.OTHER)),  # a guest at the owner's node
    ):
        with pytest.raises(Refusal) as refused, store.begin(actor, "deliver") as tx:
            deliver.own_rows(tx, resource=case.RESOURCE, kind="harmonised")
        assert refused.value.code == "USE-417"
        with store.read() as tx:
            (kept,) = rows.rows(tx, rows.decisions)
            assert (kept["purpose"], kept["outcome"]) == ("own_work", "denied")
    with pytest.raises(Refusal) as refused, provider.begin(case.person("analyst")) as tx:
        deliver.own_rows(tx, resource=case.RESOURCE)
    assert refused.value.code == "GEN-403"


@pytest.mark.parametrize("action", ["compute", "delivery"])
def test_a_contract_is_no_right(provider: Store, action: str) -> None:
    """OTHER has a contract signed by both and was never granted anything; BUYER's grant does not serve it."""
    with provider.begin(NODE) as tx:
        case.agree(tx, consumer=case.OTHER_NODE)
    assert decide(provider, action=action).verdict.step == "clearance"
    with provider.begin(NODE) as tx:
        case.grant_use(tx, case.OTHER)
    assert decide(provider, action=action).allowed


def test_enclave_delivery_does_not_exist(provider: Store) -> None:
    with provider.begin(NODE) as tx:
        case.agree(tx, terms={"delivery_form": "enclave"})
    assert decide(provider).verdict.rule == "delivery_form"


def capped(tx: Tx, cap_fen: int, serial: int) -> None:
    """The ceiling of P-1 in force, as the authorising body set it."""
    for row in tx.all(price_rows.ceilings.select()):
        tx.change(price_rows.ceilings, row.id, state="SUPERSEDED")
    row = {
        "id": f"ceil-{serial}", "survey": "s", "product": "P-1", "cap_fen": cap_fen, "forecast_count": 1,
        "unit": "per_delivery", "issuer": "i", "serial": serial, "value": {}, "state": "IN_FORCE", "at": case.NOW,
    }  # fmt: skip
    tx.add(price_rows.ceilings, row)


@pytest.mark.parametrize(("public", "amount", "allowed"), [(True, 800, False), (True, 700, True), (False, 800, True)])
def test_nothing_of_public_data_goes_out_above_a_ceiling_that_was_lowered(
    provider: Store, public: bool, amount: int, allowed: bool
) -> None:
    """A contract keeps its price while the ceiling falls below it: what is used from then on would be overcharged."""
    with provider.begin(NODE) as tx:
        product(tx)
        known = tx.get(register_rows.ledger, case.RESOURCE)
        assert known is not None
        thing = {**known["entry"]["object"], "public_data": public}
        of_body = {**known["entry"], "object": thing, "registrants": [{"party": case.OTHER, "name": "body"}]}
        if public:
            tx.change(register_rows.ledger, case.RESOURCE, entry=of_body)
            tx.change(authorise_rows.instruments, "ins-1", kind="agreement", grantor_party=case.OTHER,
                      grantee_party=case.OWNER)  # fmt: skip
        case.agree(tx, dataset="P-1", terms={"tariff": {"kind": "per_delivery", "amount_fen": amount}})
        capped(tx, 900, 1)
    before = decide(provider)
    assert before.allowed, before.verdict
    with provider.begin(NODE) as tx:
        capped(tx, 700, 2)
    after = decide(provider)
    assert after.allowed is allowed, after.verdict
    if not allowed:
        assert "700" in after.verdict.en and "publish a fee of 700" in after.verdict.change_en

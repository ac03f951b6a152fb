"""Whether this node may bind itself to terms, whoever wrote them: asked before a provider offers, answers or signs; and
whether terms are such that a contract over them could be performed, asked of everything either side says.

Contract: tests/wire/test_wire_dsp_negotiation.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.authorise import service as authorise
from datong.catalogue import service as catalogue
from datong.compose import service as compose
from datong.ground import clock
from datong.ground.db import Tx
from datong.ground.refusal import Kind, Problem, Refusal, refusal_in, unless_unknown
from datong.negotiate import store
from datong.negotiate.model import BAD_TERMS, NOT_CLEARED, NOT_LISTED, SPLITS_DIFFER
from datong.negotiate.rules import TERMS
from datong.price import service as pricing
from datong.register import service as register
from datong.terms.policy import PURPOSES, compiled, from_json
from datong.terms.tariffs import revenue_problems, split_problems, tariff_problems, weights


def refusal_to_bind(tx: Tx, row: Mapping[str, Any], offer: Mapping[str, Any]) -> Refusal | None:
    """Why this node may not contract the dataset of a negotiation as offered with its counterparty, or None.

    row: {"dataset", "peer" (node code), "peer_party"}. offer: {"terms", "policy"}. A dataset the counterparty may not
    see is none that is listed.
    """
    dataset, consumer_party, terms = str(row["dataset"]), str(row["peer_party"]), offer["terms"]
    if not catalogue.is_shown(tx, dataset, str(row["peer"])):
        return NOT_LISTED(dataset=dataset[:80])
    return (
        uncontractable(tx, dataset, terms)
        or uncleared(tx, dataset, terms)
        or ungranted(tx, dataset, terms, consumer_party)
        or uninherited(tx, dataset, terms, consumer_party)
        or redeveloped(tx, dataset, offer, consumer_party)
    )


def require_bindable(tx: Tx, row: Mapping[str, Any], offer: Mapping[str, Any]) -> None:
    """The same for a person of this node, who is told when the counterparty is no member of the listing's spaces."""
    catalogue.require_shown(tx, str(row["dataset"]), str(row["peer"]))
    if (refusal := refusal_to_bind(tx, row, offer)) is not None:
        raise refusal


def uncontractable(tx: Tx, dataset: str, terms: Mapping[str, Any]) -> Refusal | None:
    """Why this node may not bind itself to these terms, whoever wrote them; or None.

    Not for a dataset that is not listed, not with a tariff or split that settling would refuse, and neither a product
    nor public data for money where the purpose is free; a product not above its ceiling in force, nor, where public
    data are among its inputs, at another fee than the published one, nor with another split than its suppliers have.
    """
    try:
        kind = catalogue.live_kind(tx, dataset)
        if not kind:
            return NOT_LISTED(dataset=dataset[:80])
        problems = revenue_problems(terms.get("tariff"), terms.get("split") or []) or terms_problems(terms)
        if terms.get("product") != dataset:
            problems.append(Problem("product", f"应为 {dataset}", f"should be {dataset}"))
        if terms.get("purpose") not in PURPOSES:
            known = ", ".join(PURPOSES)
            problems.append(Problem("purpose", f"应为 {known} 之一", f"should be one of {known}"))
        problems += [Problem(name[:80], "未知条款", "is no term") for name in terms if name not in TERMS]
        if problems:
            return BAD_TERMS(problems, dataset=dataset[:80], count=len(problems))
        amount, purpose = terms["tariff"]["amount_fen"], terms["purpose"]
        if kind == "resource":
            pricing.check_supplied(tx, resource=dataset, purpose=purpose, amount_fen=amount)
        if kind == "product":
            pricing.check_tariff(tx, product=dataset, purpose=purpose, amount_fen=amount)
            pricing.check_contracted(tx, product=dataset, purpose=purpose, amount_fen=amount)
            if amount and (problems := unpromised(tx, dataset, terms["split"])):
                return BAD_TERMS(problems, dataset=dataset[:80], count=len(problems))
    except Refusal as refused:
        if refused.kind is Kind.unavailable:
            raise
        return NOT_LISTED(dataset=dataset[:80]) if refused.kind is Kind.unknown else refused
    return None


def unpromised(tx: Tx, product: str, split: list[dict[str, Any]]) -> list[Problem]:
    """The supply contracts of a product that promise another split of its revenue than this one: their suppliers would
    refuse the statement, or never get one. A supply that is paid itself promises none of what the product earns."""
    problems = []
    for supply in compose.supplied(tx, product=product):
        promised = promised_split(tx, supply["agreement"])
        if promised is None:
            continue
        if split_problems(promised) or weights(promised) != weights(split):
            zh = f"与供给合约 {supply['agreement']} 所载的分配不同"
            problems.append(Problem("split", zh, f"is not the split that supply contract {supply['agreement']} has"))
    return problems


def require_one_split(tx: Tx, contract: Mapping[str, Any]) -> None:
    """SPLITS_DIFFER where a product is paid for whose supply contracts promise different splits of it: one of them was
    renewed, and not the others."""
    found = [supply["agreement"] for supply in compose.supplied(tx, product=contract["dataset"])]
    promised = {supply: split for supply in found if (split := promised_split(tx, supply))}
    splits = {tuple(weights(split)) for split in promised.values()}
    if contract["terms"]["tariff"]["amount_fen"] and len(splits) > 1:
        told = {
            supply: ", ".join(f"{part['party']} {part['weight']}" for part in promised[supply]) for supply in promised
        }
        problems = [Problem(supply, f"载明 {said}", f"promises {said}") for supply, said in told.items()]
        raise SPLITS_DIFFER(problems, product=contract["dataset"])


def promised_split(tx: Tx, supply: str) -> list[dict[str, Any]] | None:
    """Who gets which weight of what a product earns, by one of its supply contracts; None where that says nothing."""
    of = (tx.get(store.agreements, supply) or {}).get("terms") or {}
    return None if (of.get("tariff") or {}).get("amount_fen") else of.get("split") or None


def terms_problems(terms: Mapping[str, Any]) -> list[Problem]:
    """What of some terms nobody could perform, settle or end by the clock, whoever wrote them; what they leave out is
    no problem: a peer of another make says the policy alone."""
    said = {name: value for name, value in terms.items() if value is not None}
    problems = tariff_problems(said["tariff"]) if "tariff" in said else []
    problems += split_problems(said["split"]) if said.get("split") not in (None, []) else []
    problems += [
        Problem(name, "应为带时区的时间", "should be an instant with its offset from UTC")
        for name in ("from", "until")
        if name in said and not _is_instant(said[name])
    ]
    problems += [
        Problem(name, "应为文本", "should be a text")
        for name in ("product", "purpose", "delivery_form")
        if name in said and not isinstance(said[name], str)
    ]
    inputs = said.get("inputs", [])
    if not isinstance(inputs, list) or not all(isinstance(one, str) for one in inputs):
        problems.append(Problem("inputs", "应为文本列表", "should be a list of texts"))
    for name in ("k", "p"):
        if type(said.get(name, 0)) is not int:
            problems.append(Problem(name, "应为整数", "should be a whole number"))
    return problems


def _is_instant(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(clock.instant(value))
    except ValueError:
        return False


def uncleared(tx: Tx, dataset: str, terms: Mapping[str, Any]) -> Refusal | None:
    """NOT_CLEARED with everything that is missing of what an offer stands on: rights, registrations, licences."""
    inputs = stands_on(tx, dataset, terms)
    problems = [] if dataset in inputs else authorise.unregistered(tx, dataset)
    problems += authorise.clearance(tx, inputs=inputs, purpose=str(terms.get("purpose") or ""), act="list")
    return NOT_CLEARED(problems, dataset=dataset, count=len(problems)) if problems else None


def over(tx: Tx, dataset: str, terms: Mapping[str, Any]) -> list[Problem]:
    """Those registrations that a contract stands on which ended or lapsed, in words: nothing is delivered under it."""
    codes = list(dict.fromkeys([dataset, *stands_on(tx, dataset, terms)]))
    gone = register.over(tx, codes)
    return [problem for code in codes if code in gone for problem in authorise.unregistered(tx, code)]


def stands_on(tx: Tx, dataset: str, terms: Mapping[str, Any]) -> list[str]:
    """The resources an offer or a contract stands on: those its terms name, and those a product is registered over
    besides; the dataset itself where there are none."""
    product = unless_unknown(lambda: register.product(tx, dataset)) or {}
    return list(dict.fromkeys([*(terms.get("inputs") or ()), *(product.get("inputs") or ())])) or [dataset]


def ungranted(tx: Tx, dataset: str, terms: Mapping[str, Any], consumer_party: str) -> Refusal | None:
    """Why that party may not have a resource of ours: an offer is for all to read, a right is for whom it names."""
    if not register.is_own_resource(tx, dataset):
        return None
    purpose = str(terms.get("purpose") or "")
    return refusal_in(
        lambda: authorise.require_clearance(
            tx, inputs=[dataset], purpose=purpose, act="deliver", operator=consumer_party
        )
    )


def uninherited(tx: Tx, dataset: str, terms: Mapping[str, Any], consumer_party: str) -> Refusal | None:
    """NOT_CLEARED where a supply of the product's newest version keeps its results under a policy that lets none of it
    go to that party for that purpose: it would be signed, and never delivered."""
    purpose, problems = str(terms.get("purpose") or ""), []
    for supply in compose.supplied(tx, product=dataset):
        contract = tx.get(store.agreements, supply["agreement"])
        if contract is None:
            continue
        inherited = from_json(contract["policy"])
        context = {"purpose": purpose, "target": [dataset, supply["resource"]],
                   "assignee": [consumer_party, contract["consumer_party"]]}  # fmt: skip
        if inherited.inherit and not compiled(inherited).may_pass("delivery", context):
            id, owner = contract["id"], contract["provider_party"]
            zh = (
                f"供给合同 {id} 约定结果数据仍受其策略约束，该策略不允许为「{purpose}」"
                f"向 {consumer_party} 交付；由 {owner} 处理"
            )
            en = (
                f"contract {id} keeps its results under its policy, which permits no delivery"
                f" to {consumer_party} for {purpose}; {owner}"
            )
            problems.append(Problem(supply["resource"], zh, en))
    return NOT_CLEARED(problems, dataset=dataset, count=len(problems)) if problems else None


def overpriced(tx: Tx, contract: Mapping[str, Any]) -> Refusal | None:
    """Why a product may not be delivered at what its contract charges for it: its ceiling was lowered since."""
    amount, purpose = contract["terms"]["tariff"]["amount_fen"], str(contract["terms"].get("purpose") or "")
    product = str(contract["dataset"])
    return refusal_in(lambda: pricing.check_delivered(tx, product=product, purpose=purpose, amount_fen=amount))


def redeveloped(tx: Tx, dataset: str, offer: Mapping[str, Any], consumer_party: str) -> Refusal | None:
    """Why a product may not go to that party to make something of it: its operator has no part in re-development."""
    if register.is_own_resource(tx, dataset):
        return None
    policy, inputs = from_json(offer["policy"]), stands_on(tx, dataset, offer["terms"])
    return refusal_in(lambda: authorise.guard_redevelopment(tx, inputs=inputs, policy=policy, developer=consumer_party))

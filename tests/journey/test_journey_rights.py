"""Withdraw any one right and build, listing and delivery stop, each saying what is missing, whose it is and the
smallest fix; granted again, everything goes on where it stood."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from typing import Any

import pytest
from paperwork import BIKE, BUREAU, GROUP, LAB, PURPOSE, REGISTRY, parties

from demo_run import Run
from living import Living, deeds, refusal, says


def test_a_finished_run_taken_up_again_does_nothing_twice(living: Living, finished: Run) -> None:
    """All calls of the journey were just made again, under their idempotency keys."""
    before = {}
    for slug in parties():
        with closing(sqlite3.connect(finished.folder / slug / "datong.db")) as store:
            before[slug] = deeds(store)
    assert living.all_leaves() == before
    assert living.code("product") == finished.report["product"]["code"]


@pytest.fixture(scope="module")
def profile(living: Living) -> dict[str, Any]:
    """A delivery that runs while rights come and go."""
    opened = living.profile()
    assert living.pull(opened).status_code == 200
    return opened


def refused_at_the_group(living: Living, profile: dict[str, Any], *words: str) -> None:
    """Build, listing and delivery are refused at the group in the same words; running deliveries stop too."""
    build, listing = refusal(living.build), refusal(living.publish)
    offer, pulled = refusal(living.offer), living.pull(profile)
    assert (build.code, listing.code, offer.code) == ("AUT-507", "CAT-403", "USE-403")
    assert pulled.status_code == 403 and pulled.json()["errorCode"] == "USE-403"
    ended = living.transfer()
    assert ended["state"] == "TERMINATED"
    for said in (says(build), says(listing), says(offer), pulled.json()["message"], " ".join(ended["reason"])):
        for word in words:
            assert word in said, said


def all_goes_on(living: Living, version: str) -> dict[str, Any]:
    """Everything is allowed again, and nothing had to be made anew; returns a running delivery."""
    assert living.build()["id"] == version
    assert living.publish()["state"] == "live"
    profile = living.profile()
    assert living.pull(profile).status_code == 200
    return profile


RIGHTS = {
    "agreement": (
        REGISTRY,
        "steward",
        BUREAU,
        "operation agreement",
        "范例市数据局 (11520100MBXDT00351) must renew it",
    ),
    "consent": (
        BUREAU,
        "legal",
        BUREAU,
        "consent of the supplying unit",
        "范例市交通局 (11520100MBXDT00276) must renew it",
    ),
    "data_use": (
        BIKE,
        "legal",
        BIKE,
        "data-use authorisation",
        "范例市轻骑共享单车有限公司 (91520100MAXDT0015L) must renew it",
    ),
    "legal_basis of the bureau": (
        BUREAU,
        "legal",
        BUREAU,
        "legal basis",
        "范例市交通局 (11520100MBXDT00276) must renew it",
    ),
    "legal_basis of the company": (
        BIKE,
        "legal",
        BIKE,
        "legal basis",
        "范例市轻骑共享单车有限公司 (91520100MAXDT0015L) must renew it",
    ),
}
"""right: (whose, who withdraws it, whose data it covers, what it is called, the fix)"""


def test_body_and_operator_each_disclose_their_part_of_the_authorised_operation(living: Living) -> None:
    """27号 articles 18 and 19; who is neither has nothing to disclose."""
    body, operator = (living.who(slug, "auditor").ask("audit.disclosure") for slug in (REGISTRY, GROUP))
    (granted,), (received,) = body["granted"], operator["received"]
    assert granted["id"] == received["id"]
    assert granted["operator"]["code"] == operator["party"] == parties()[GROUP]["credit_code"]
    assert received["body"]["code"] == body["party"]
    assert [one["code"] for one in granted["resources"]] == [living.code("passages")]
    assert all(one["name"] for one in (*granted["resources"], granted["operator"], received["body"]))
    assert granted["from"] < granted["until"] and granted["selection"] and granted["filing_ref"]
    (product,) = operator["products"]
    assert {one["code"] for one in product["resources"]} == {living.code("trips"), living.code("passages")}
    caps = {one["product"]: one["cap_fen"] for one in body["ceilings"]}
    assert [(one["from_year"], one["to_year"]) for one in body["ceilings"]] == [(2026, 2028)]
    assert operator["fees"] and all(one["amount_fen"] <= caps[one["product"]] for one in operator["fees"])
    assert (body["received"], body["products"], body["fees"]) == ([], [], [])
    assert (operator["granted"], operator["ceilings"]) == ([], [])
    buyer = living.who(LAB, "operator").ask("audit.disclosure")
    assert [buyer[name] for name in ("granted", "ceilings", "received", "products", "fees")] == [[], [], [], [], []]


@pytest.mark.parametrize("right", RIGHTS)
def test_a_right_that_is_withdrawn_stops_everything_until_it_is_granted_again(
    living: Living, profile: dict[str, Any], right: str
) -> None:
    whose, role, covers, called, fix = RIGHTS[right]
    kind = right.partition(" ")[0]
    holder = living.who(whose, role)
    known = holder.ask("authorise.instruments", kind=kind)
    party = parties()[whose]["credit_code"]
    (instrument,) = [row for row in known if row["grantor_party"] == party and row["state"] == "IN_FORCE"]
    resource = living.code("trips" if covers == BIKE else "passages")
    supply = living.agreement("trips" if covers == BIKE else "passages")
    version = living.build()["id"]

    holder.do("authorise.withdraw", instrument=instrument["id"], reason="演示撤回", again=right)
    try:
        living.until(lambda: not cleared(living, GROUP), "the withdrawal to arrive at the group")
        refused_at_the_group(living, profile, resource, called, "it is WITHDRAWN", fix)
        if kind == "agreement":
            assert living.who(REGISTRY, "auditor").ask("audit.disclosure")["granted"] == []
        living.until(lambda: not cleared(living, covers, "deliver"), f"the withdrawal to arrive at {covers}")
        engineer = living.who(covers, "data_engineer")
        owner = refusal(lambda: engineer.do("deliver.release_supply", agreement=supply, again=right))
        assert owner.code == "USE-403" and called in says(owner)
    finally:
        granted_again(living, right)
    living.until(lambda: cleared(living, GROUP) and cleared(living, covers, "deliver"), "the new right to arrive")
    profile.update(all_goes_on(living, version))


def cleared(living: Living, slug: str, act: str = "build") -> bool:
    """What a node says of the rights over its own resource, or at the group over both."""
    own = {BIKE: [living.code("trips")], BUREAU: [living.code("passages")]}
    lawyer = living.who(slug, "operator")
    return bool(
        lawyer.ask("authorise.cleared", inputs=own.get(slug, living.inputs), purpose=PURPOSE, act=act)["cleared"]
    )


def granted_again(living: Living, right: str) -> None:
    whose, role, *_ = RIGHTS[right]
    holder, kind, again = living.who(whose, role), right.partition(" ")[0], uuid.uuid4().hex
    if kind == "agreement":
        agreed_again(living, again)
        return
    told = living.journey.facts(kind.replace("_", "-"))
    drafter = living.who(whose, "product_manager")
    drafted = drafter.do("authorise.draft", **(told[whose] if kind == "legal_basis" else told), again=again)
    holder.do("authorise.sign", instrument=drafted["id"], again=again)


def agreed_again(living: Living, again: str) -> None:
    """A new operation agreement, decided collectively, signed by both, filed."""
    steward, lawyer = living.who(REGISTRY, "steward"), living.who(GROUP, "legal")
    told = living.journey.facts("agreement")
    decision, filing = told.pop("decision"), told.pop("filing_ref")
    (plan,) = [row["id"] for row in steward.ask("authorise.instruments", kind="plan") if row["state"] == "FILED"]
    persons = [living.person_id(REGISTRY, "steward", number) for number in (0, 1)]
    made = steward.do("authorise.draft", **told, parents=[plan], again=again)["id"]
    steward.do("authorise.decide_collectively", instrument=made, minutes=decision["minutes"], persons=persons)
    living.who(REGISTRY, "steward", 1).do("authorise.sign", instrument=made)
    living.journey.until(lawyer, "authorise.instrument", lambda found: found["state"], "the agreement", instrument=made)
    lawyer.do("authorise.countersign", instrument=made)
    living.journey.until(
        steward,
        "authorise.instrument",
        lambda found: found["state"] == "SIGNED",
        "the group's signature",
        instrument=made,
    )
    steward.do("authorise.file", instrument=made, filing_ref=filing)


def test_an_agreement_that_is_suspended_stops_everything_until_it_is_resumed(
    living: Living, profile: dict[str, Any]
) -> None:
    steward = living.who(REGISTRY, "steward")
    (made,) = [r["id"] for r in steward.ask("authorise.instruments", kind="agreement") if r["state"] == "IN_FORCE"]
    version = living.build()["id"]
    steward.do("authorise.suspend", instrument=made, reason="检查")
    try:
        living.until(lambda: not cleared(living, GROUP), "the suspension to arrive")
        refused_at_the_group(
            living, profile, made, "it is SUSPENDED", "范例市数据局 (11520100MBXDT00351) must resume it"
        )
    finally:
        steward.do("authorise.resume", instrument=made, reason="检查完毕")
    living.until(lambda: cleared(living, GROUP), "the resumption to arrive")
    profile.update(all_goes_on(living, version))


ENDED = {
    "trips": (BIKE, "范例市轻骑共享单车有限公司 (91520100MAXDT0015L) must register anew"),
    "passages": (BUREAU, "范例市交通局 (11520100MBXDT00276) must register anew"),
}


@pytest.mark.parametrize("name", ENDED)
def test_a_registration_that_ends_in_the_ledger_stops_everything(
    living: Living, profile: dict[str, Any], name: str
) -> None:
    """The signed entry that arrives when the registry cancels or revokes it (`register end-registration`)."""
    owner, fix = ENDED[name]
    ledger = living.who(GROUP, "auditor").ask("register.ledger")["entries"]
    entry = next(entry for entry in ledger if entry["code"] == living.code(name))
    version = living.build()["id"]

    entered(living, {**entry, "state": "ENDED", "version": entry["version"] + 1}, GROUP, owner)
    try:
        refused_at_the_group(living, profile, living.code(name), "the registration was cancelled or revoked", fix)
        engineer, supply = living.who(owner, "data_engineer"), living.agreement(name)
        at_home = refusal(lambda: engineer.do("deliver.release_supply", agreement=supply, again=f"ended {name}"))
        assert at_home.code == "USE-403" and "the registration was cancelled or revoked" in says(at_home)
    finally:
        entered(living, {**entry, "version": entry["version"] + 2}, GROUP, owner)
    profile.update(all_goes_on(living, version))


LICENCES = {
    "commercial": (
        "trips", BIKE, "do not allow commercial use",
        "范例市轻骑共享单车有限公司 (91520100MAXDT0015L) must change them, or use a public purpose",
    ),
    "derivatives": ("passages", BUREAU, "do not allow derived works", "范例市交通局 (11520100MBXDT00276) must change them"),
}  # fmt: skip
"""term that is withdrawn: (the resource, its owner, the words)"""


@pytest.mark.parametrize("term", LICENCES)
def test_licence_terms_that_are_withdrawn_stop_everything_until_they_are_given_again(
    living: Living, profile: dict[str, Any], term: str
) -> None:
    name, owner, *words = LICENCES[term]
    lawyer, version = living.who(owner, "legal"), living.build()["id"]
    (held,) = [r for r in lawyer.ask("register.resources") if r["code"] == living.code(name)]
    title, terms = held["licence"]["name"], {n: v for n, v in held["licence"].items() if n != "name"}

    def change(again: str, **narrowed: bool) -> None:
        lawyer.do(
            "register.change_licence", of=held["code"], licence=title, licence_terms={**terms, **narrowed},
            reason="演示", again=f"{term} {again}",
        )  # fmt: skip

    change("withdrawn", **{term: False})
    assert not cleared(living, owner, "deliver")
    try:
        living.until(lambda: not cleared(living, GROUP), "the new terms to arrive at the group")
        refused_at_the_group(living, profile, living.code(name), *words)
        if term == "commercial":
            welfare = {"inputs": living.inputs, "purpose": "public_welfare", "act": "build"}
            found = living.who(GROUP, "operator").ask("authorise.cleared", **welfare)
            assert found["cleared"], "a public purpose is what the fix proposes, and it is allowed"
    finally:
        change("given again")
    living.until(lambda: cleared(living, GROUP) and cleared(living, owner, "deliver"), "the terms to arrive")
    profile.update(all_goes_on(living, version))


def entered(living: Living, entry: dict[str, Any], *at: str) -> None:
    for slug in at:
        answer = living.message(REGISTRY, slug, "register.ledger_entry", {"entry": living.signed(REGISTRY, entry)})
        assert answer.status_code == 200, answer.text


def test_a_party_that_is_not_granted_the_right_cannot_use_another_ones(living: Living) -> None:
    """The lab holds a contract for the product; over its inputs it has no right of its own."""
    found = living.who(LAB, "analyst").ask("authorise.cleared", inputs=living.inputs, purpose=PURPOSE, act="build")
    assert not found["cleared"] and found["problems"]


def test_one_who_does_not_hold_a_right_cannot_withdraw_it(living: Living) -> None:
    lawyer = living.who(GROUP, "legal")
    for kind in ("consent", "data_use", "agreement"):
        held = [r for r in lawyer.ask("authorise.instruments", kind=kind) if r["state"] == "IN_FORCE"]
        refused = refusal(lambda held=held: lawyer.do("authorise.withdraw", instrument=held[0]["id"], reason="x"))
        assert refused.code == "AUT-403", kind
    assert cleared(living, GROUP)


def test_after_all_of_it_the_evidence_of_every_node_verifies(living: Living) -> None:
    living.at_rest()
    for slug in parties():
        found = living.who(slug, "operator").ask("audit.verify")
        assert found["ok"], (slug, found["problems"])


def test_a_purchase_for_a_purpose_that_is_not_allowed_is_refused(living: Living) -> None:
    analyst, node = living.who(LAB, "analyst"), living.code(f"node:{GROUP}")
    offers = analyst.ask("catalogue.find", q="出行流量")[0]["offers"]
    offer = next(offer for offer in offers if offer["terms"]["purpose"] == PURPOSE)
    for purpose in ("credit_scoring", "personal_profiling"):
        before = len(analyst.ask("negotiate.agreements"))
        asked = analyst.do(
            "negotiate.request", provider=node, dataset=living.code("product"), offer_id=offer["id"], purpose=purpose
        )
        ended = living.until(
            lambda asked=asked: settled(analyst.ask("negotiate.negotiation", id=asked["id"])), "the group to refuse"
        )
        assert ended["state"] == "TERMINATED" and ended["reason"]["en"] and ended["reason"]["code"], ended
        assert "purpose" in ended["reason"]["en"], ended["reason"]
        assert len(analyst.ask("negotiate.agreements")) == before


def settled(negotiation: dict[str, Any]) -> dict[str, Any] | None:
    return negotiation if negotiation["state"] in ("TERMINATED", "FINALIZED") else None


def test_a_fee_above_the_ceiling_is_refused_and_the_old_one_stands(living: Living) -> None:
    manager, told = living.who(GROUP, "product_manager"), living.journey.facts("price")
    fees = manager.ask("price.fees", product=living.code("product"))
    refused = refusal(lambda: manager.do("price.set_fee", product=living.code("product"), **told["refused_fee"]))
    assert refused.code == "PRC-602" and "1280000" in says(refused).replace(",", "").replace(".", ""), says(refused)
    assert manager.ask("price.fees", product=living.code("product")) == fees
    free = refusal(
        lambda: manager.do("price.set_fee", product=living.code("product"), purpose="public_welfare", amount_fen=1)
    )
    assert free.code.startswith("PRC-"), says(free)

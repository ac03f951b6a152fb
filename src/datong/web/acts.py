"""What may be done with a record from its own page: buttons that lead to the form of a verb, filled with the record.

A button is an offer, no permission: the verb itself looks at role, side and state once more, writes the evidence and
refuses in its own words. What cannot be undone says so on its form, and wants a tick. Must never know: the store.
Contract: tests/web/test_acts.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from datong.terms.verbs import VERBS, Verb
from datong.web.visits import Visit

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Act:
    """A verb that a record's page offers: which argument is the record, what else is known, and when it is open.

    states: those of the record in which it is offered, any where there are none. ours: the field that holds this party
    or node where only one side may. when: what else must be so. more: other arguments, from the row. at: the page that
    does it, where that is not the form of the verb.
    """

    verb: str
    argument: str
    states: frozenset[str] = frozenset()
    ours: str = ""
    more: Callable[[Row], Mapping[str, Any]] = field(default=lambda row: {})
    key: str = "id"
    when: Callable[[Row], Any] = field(default=lambda row: True)
    at: str = ""


@dataclass(frozen=True)
class Elsewhere:
    """What is open of a record and not this person's to do: a verb of other roles here, or of another party; nobody:
    that no person here has such a role yet."""

    verb: Verb
    party: str = ""
    nobody: bool = False


@dataclass(frozen=True)
class Button:
    """about: a purpose, where one verb is offered for several."""

    verb: Verb
    address: str
    about: str = ""

    @property
    def seldom(self) -> bool:
        """Whether it stands folded, behind what is done every day."""
        return f"{self.verb.room}.{self.verb.name}" in SELDOM


def _in(*states: str) -> frozenset[str]:
    return frozenset(states)


def _open_amount(total: str) -> Callable[[Row], Mapping[str, Any]]:
    return lambda row: {"amount_fen": row[total] - row["credited_fen"] - row["paid_fen"]}


def _member(row: Row) -> Mapping[str, Any]:
    return {"node": row["node"], "admit": "true" if row["state"] == "applied" else "false"}


def _owed(row: Row) -> bool:
    """Whether a share is to be paid out, or, where some was credited after it was, to be given back."""
    owed = row["share_fen"] != row["paid_fen"] + row["credited_fen"]
    return row["direction"] != "own" and row["gross_fen"] > 0 and bool(owed)


def _paid_too_much(row: Row) -> bool:
    """Whether some was credited after it was paid, and is to be paid back."""
    return bool(0 < row["gross_fen"] < row["paid_fen"] + row["credited_fen"])


def _charges(row: Row) -> bool:
    """Whether an invoice charges what is not credited yet."""
    return bool(row["gross_fen"] > row["credited_fen"])


def _was_paid(row: Row) -> bool:
    return row["kind"] in ("payment", "payout", "refund", "payout_refund") and not row["reverses"]


def _at(side: str, act: str) -> Callable[[Row], Any]:
    """side: applicant or registry; a node that is both has cases of both."""
    return lambda row: row["side"] in (side, "both") and act in row["open"]


def _held_by_us(row: Row) -> bool:
    return bool((row.get("hold") or {}).get("ours"))


def _open(deed: str) -> Callable[[Row], Any]:
    """Where a record names the deeds that its state allows."""
    return lambda row: deed in row["open"]


def _of_kind(begins: str) -> Callable[[Row], Any]:
    """6: products, 7: resources, by their code."""
    return lambda row: row["dataset"].startswith(begins)


def _priced(row: Row) -> Mapping[str, Any]:
    return {"purpose": row["purpose"]}


_BEFORE_FILING = _in("UNREGISTERED", "DRAFT", "SUPPLEMENT_REQUESTED", "ENDED")
DESCRIBED = (
    Act("register.preserve_evidence", "of", _BEFORE_FILING, "owner"),
    Act("register.amend_description", "of", _BEFORE_FILING, "owner"),
    Act("register.draft_case", "of", _BEFORE_FILING - {"SUPPLEMENT_REQUESTED"}, "owner"),
    Act("register.preserve_evidence", "of", _in("CODED"), "owner"),
    Act("register.draft_case", "of", _in("CODED"), "owner", more=lambda row: {"type": "change"}),
    Act("register.change_licence", "of", _in("CODED"), "owner"),
    Act("catalogue.publish", "dataset", _in("CODED"), "owner", key="code"),
)
"""Of resources and products alike, by the state of their registration."""

ACTS: dict[str, tuple[Act, ...]] = {
    "settle.invoices": (
        Act("settle.accept_invoice", "invoice", _in("ISSUED", "RECEIVED", "DISPUTED"), "buyer_party"),
        Act("settle.dispute_invoice", "invoice", _in("ISSUED", "RECEIVED"), "buyer_party"),
        Act("settle.dispute_invoice", "invoice", _in("ACCEPTED", "PAID"), "buyer_party",
            when=lambda row: _charges(row) and not row["objection"]),
        Act("settle.dispute_invoice", "invoice", _in("ACCEPTED", "PAID"), "seller_party",
            when=lambda row: row["objection"]),
        Act("settle.record_payment", "invoice", _in("ACCEPTED"), more=_open_amount("gross_fen")),
        Act("settle.record_payment", "invoice", _in("PAID"), more=_open_amount("gross_fen"), when=_paid_too_much),
        Act("settle.void_invoice", "invoice", _in("ISSUED", "DISPUTED"), "seller_party"),
        Act("settle.credit_invoice", "invoice", _in("ACCEPTED", "PAID"), "seller_party", when=_charges),
    ),
    "settle.statements": (Act("settle.record_payout", "statement", more=_open_amount("share_fen"), when=_owed),),
    "settle.ledger": (Act("settle.reverse_entry", "entry", _in("POSTED"), when=_was_paid),),
    "register.identities": (
        Act("register.decide_identity", "application", _in("applied"), "decider"),
        Act("register.authorise_identity", "identity", _in("active"), key="identity_code"),
    ),
    "register.people": (
        Act("register.login_link", "person", _in("active")),
        Act("register.set_roles", "person", _in("active"), more=lambda row: {"roles": "\n".join(row["roles"])}),
        Act("register.issue_service_token", "person", _in("active")),
        Act("register.disable_person", "person", _in("active")),
    ),
    "register.service_tokens": (
        Act("register.revoke_service_token", "token_id", when=lambda row: row["revoked_at"] is None),
    ),
    "register.directory": (
        Act("register.issue_membership", "code", _in("active"), key="code"),
        Act("register.suspend_node", "code", _in("active"), key="code"),
        Act("register.reinstate_node", "code", _in("suspended"), key="code"),
        Act("register.revoke_node", "code", _in("active", "suspended"), key="code"),
    ),
    "register.join_applications": (Act("register.admit_node", "application", _in("applied", "refused")),),
    "register.issued_credentials": (Act("register.revoke_credential", "credential", _in("issued")),),
    "register.spaces": (
        Act("register.change_space", "space", _in("open"), "platform",
            more=lambda row: {"name": row["name"], "description": row.get("description") or ""}),
        Act("register.leave_space", "space", _in("open"), more=lambda row: {"platform": row["platform"]}),
        Act("register.close_space", "space", _in("open"), "platform"),
    ),
    "register.resources": DESCRIBED,
    "register.products": DESCRIBED,
    "register.ledger": (
        Act("register.draft_case", "of", key="code", more=lambda row: {"type": "correction"}),
    ),
    "register.cases": (
        Act("register.submit_case", "case", when=_at("applicant", "submit")),
        Act("register.join_filing", "case", when=_open("join")),
        Act("register.apply_to_renew", "case", when=_at("applicant", "apply_to_renew")),
        Act("register.apply_to_cancel", "case", when=_at("applicant", "apply_to_cancel")),
        *(
            Act(f"register.{verb}", "case", when=_at("registry", act))
            for verb, act in (
                ("request_supplement", "request_supplement"), ("accept_case", "accept"), ("reject_case", "reject"),
                ("review_case", "review"), ("publicise_case", "publicise"), ("object_to_case", "object"),
                ("code_case", "code"), ("code_case", "enter"), ("review_case", "renew"), ("end_registration", "revoke"),
            )
        ),
        Act("register.settle_objection", "objection", key="open_objection",
            when=lambda row: row["side"] in ("registry", "both")),
    ),
    "authorise.instruments": (
        *(
            Act(f"authorise.{deed}", "instrument", ours="grantor_party", when=_open(deed))
            for deed in (
                "decide_collectively", "approve", "sign", "file", "commence", "suspend", "resume", "change", "close",
                "withdraw",
            )
        ),
        Act("authorise.countersign", "instrument", ours="grantee_party", when=_open("countersign")),
    ),
    "price.prices": (
        Act("price.set_ceiling", "survey", when=lambda row: "mpr_fen" in row),
        Act("price.set_fee", "product", _in("SET", "PUBLISHED"), key="product", more=_priced),
        Act("price.publish_fees", "product", _in("SET"), key="product"),
    ),
    "catalogue.listings": (
        Act("catalogue.show_in_spaces", "dataset", _in("live"), key="dataset"),
        Act("catalogue.suspend", "dataset", _in("live"), key="dataset"),
        Act("catalogue.restore", "dataset", _in("suspended"), key="dataset"),
        Act("catalogue.withdraw", "dataset", _in("live", "suspended"), key="dataset"),
    ),
    "negotiate.agreements": (
        Act("settle.invoice", "agreement", _in("FINALIZED", "TERMINATED", "EXPIRED"), "provider_party"),
        Act("deliver.request_transfer", "agreement", _in("FINALIZED"), "consumer_party"),
        Act("deliver.offer_product", "agreement", _in("FINALIZED"), "provider_party", when=_of_kind("6")),
        Act("deliver.release_supply", "agreement", _in("FINALIZED"), "provider_party", when=_of_kind("7")),
        Act("negotiate.file_contract", "agreement", _in("FINALIZED")),
        Act("deliver.give_feedback", "agreement", _in("FINALIZED"), "consumer_party"),
        Act("deliver.prove_fulfilment", "agreement", ours="consumer_party"),
        Act("deliver.report_performance", "agreement"),
        Act("deliver.suspend", "agreement", _in("FINALIZED"), when=lambda row: not _held_by_us(row)),
        Act("deliver.resume", "agreement", _in("FINALIZED"), when=_held_by_us),
        Act("deliver.stop_use", "agreement", _in("FINALIZED"), "provider_party"),
        Act("negotiate.end", "agreement", _in("FINALIZED")),
        Act("deliver.end_agreement", "agreement"),
    ),
    "compose.partitions": (
        Act("compose.build", "product", _in("agreed"), key="product"),
        Act("compose.cancel_partition", "id", _in("asking")),
    ),
    "harmonise.repairs": (Act("harmonise.withdraw_repair", "repair", _in("standing")),),
    "deidentify.classifications": (
        Act("deidentify.confirm_classification", "dataset", _in("proposed"), key="dataset", at="/classify"),
        Act("deidentify.approve_lowering", "dataset", key="dataset", at="/classify", when=lambda row: row["lowerings"]),
    ),
    "deidentify.assessments": (
        Act("deidentify.withdraw_assessment", "assessment", ours="assessor_party"),
    ),
}  # fmt: skip
"""View of a list -> what the page of one of its records offers, beside the verbs that the record itself names."""

OWN_PAGES = {
    "deidentify.propose_classification": "/classify", "deidentify.confirm_classification": "/classify",
    "deidentify.approve_lowering": "/classify", "harmonise.confirm": "/match",
}  # fmt: skip
"""Verb -> the page that shows what it is about, thing by thing, and does it."""
SELDOM = frozenset(
    {
        "negotiate.file_contract", "negotiate.end", "deliver.give_feedback", "deliver.prove_fulfilment",
        "deliver.report_performance", "deliver.suspend", "deliver.resume", "deliver.stop_use", "deliver.end_agreement",
    }
)  # fmt: skip
"""Of a contract, what is done once in its life, or never."""
FOUND = "catalogue.find"
"""View of what others offer."""
MEMBER_ACTS = (Act("register.decide_member", "space", _in("applied", "member"), more=_member, key="space"),)

STEPS = frozenset(
    {
        "register.admit_node", "register.decide_identity", "register.submit_case", "register.join_filing",
        "register.accept_case", "register.review_case", "register.publicise_case", "register.code_case",
        "register.apply_to_renew", "register.end_registration",
        "register.settle_objection", "register.decide_member", "deidentify.confirm_classification",
        "deidentify.approve_lowering", "price.publish_fees",
        "authorise.decide_collectively", "authorise.approve", "authorise.sign", "authorise.countersign",
        "authorise.file", "authorise.commence",
        "negotiate.agree", "negotiate.accept", "negotiate.verify", "negotiate.finalize",
        "negotiate.offer", "negotiate.counter", "deliver.start_transfer", "settle.accept_invoice",
        "settle.dispute_invoice", "settle.record_payment", "settle.record_payout",
    }
)  # fmt: skip
"""Verbs that take a record onwards; those that stop, end or undo are on its own page only."""
FINAL = frozenset(
    {
        "settle.void_invoice", "settle.accept_invoice", "register.revoke_node", "register.revoke_credential",
        "register.revoke_service_token", "register.close_space", "register.disable_person", "register.reject_case",
        "register.decide_identity", "negotiate.end", "negotiate.terminate", "deliver.end_agreement",
        "deliver.terminate", "authorise.withdraw", "authorise.close", "catalogue.withdraw",
        "compose.cancel_partition", "deidentify.withdraw_assessment", "settle.reverse_entry",
        "register.apply_to_cancel", "register.end_registration",
    }
)  # fmt: skip
"""Verbs whose deed nothing undoes."""


def buttons(visit: Visit, view: str, row: Row) -> list[Button]:
    """What the page of `row` offers the person: the verbs that the record names as open, and the acts of its list."""
    return [button for button in _here(visit, view, row) if visit.may(f"{button.verb.room}.{button.verb.name}")]


def elsewhere(visit: Visit, view: str, row: Row) -> list[Elsewhere]:
    """What is open of `row` now and offered to others: to other roles that somebody here has, and what takes it onwards
    though nobody here has the role, or at the other side."""
    here = [button.verb for button in _here(visit, view, row) if not button.seldom]
    found = list[Elsewhere]()
    for verb in here:
        name, nobody = f"{verb.room}.{verb.name}", not visit.roles_held & set(verb.roles)
        if not visit.may(name) and (name in STEPS or not nobody):
            found.append(Elsewhere(verb, nobody=nobody))
    for act in ACTS.get(view, ()):
        party = row.get(act.ours) if act.ours and act.verb in STEPS else ""
        if party and party not in visit.sides and _is_open(act, row):
            found.append(Elsewhere(VERBS[act.verb], str(party)))
    return list(dict.fromkeys(found))


def _here(visit: Visit, view: str, row: Row) -> list[Button]:
    """What is open of `row` at this node, to whichever role."""
    room = view.partition(".")[0]
    named = [f"{room}.{name}" for name in row.get("open_verbs") or []]
    argument = "negotiation" if room == "negotiate" else "transfer"
    seen = {"seen": row["offer_digest"]} if row.get("offer_digest") else {}
    asked = {"_back": visit.request.url.path, **seen}
    own = [Button(VERBS[name], _address(name, {argument: row["id"], **asked})) for name in named if name in VERBS]
    return [*own, *_offered(visit, ACTS.get(view, ()), row), *(_requests(visit, row) if view == FOUND else ())]


def _requests(visit: Visit, row: Row) -> list[Button]:
    """A request for each offer of another node, filled with it, however a peer wrote it."""
    if row["source"] in visit.sides:
        return []
    name, back = "negotiate.request", {"_back": visit.request.url.path}
    found = []
    for offer in row["offers"]:
        terms = offer.get("terms")
        purpose = str(terms.get("purpose") or "") if isinstance(terms, dict) else ""
        asked = {"provider": row["source"], "dataset": row["dataset"], "offer_id": offer["id"], "purpose": purpose}
        found.append(Button(VERBS[name], _address(name, {**asked, **back}), purpose))
    return found


def of_members(visit: Visit, row: Row) -> list[tuple[Row, list[Button]]]:
    """Of the members of a space that this node runs, what may be decided of each."""
    if row.get("platform") not in visit.sides:
        return []
    found = [(member, _offered(visit, MEMBER_ACTS, member)) for member in row.get("space_members") or []]
    return [(member, acts) for member, acts in found if acts and visit.may("register.decide_member")]


def _offered(visit: Visit, acts: tuple[Act, ...], row: Row) -> list[Button]:
    back = {"_back": visit.request.url.path}
    return [
        Button(
            VERBS[act.verb], _address(act, {act.argument: row[act.key], **act.more(row), **({} if act.at else back)})
        )
        for act in acts
        if (not act.ours or row.get(act.ours) in visit.sides) and _is_open(act, row)
    ]


def _is_open(act: Act, row: Row) -> bool:
    return bool(
        act.verb in VERBS and row.get(act.key) and (not act.states or row.get("state") in act.states) and act.when(row)
    )


def _address(act: Act | str, arguments: Mapping[str, Any]) -> str:
    verb, page = (act, "") if isinstance(act, str) else (act.verb, act.at)
    return f"{page or '/do/' + verb.replace('.', '/')}?{urlencode(dict(arguments))}"

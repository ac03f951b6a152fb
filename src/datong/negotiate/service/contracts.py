"""Concluded contracts: reading them, whether they are in force, and their end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.ground import clock, evidence, outbox, signing
from datong.ground.canonical import digest
from datong.ground.db import Tx, Window
from datong.ground.overtaken import Ends
from datong.ground.refusal import Refusal
from datong.negotiate import rules, store
from datong.negotiate.model import (
    BAD_SIGNATURE,
    ENDED,
    FINAL,
    FINALISING,
    NO_SUCH,
    NOT_IN_FORCE,
    UNSIGNED,
    Act,
    Party,
    State,
)
from datong.negotiate.model.national import NOT_FILED, NOT_YOURS, Filing
from datong.negotiate.service import binding, national, signatures
from datong.negotiate.service.course import filed_first, on_terminated
from datong.negotiate.service.received import received_termination
from datong.negotiate.service.verbs import CONSUMER_ROLES, lapsed, require_seller
from datong.register import service as register
from datong.terms.policy import from_json, in_words
from datong.terms.verbs import verb, view

EXPIRED = "EXPIRED"
LATE = ("TERMINATED", EXPIRED)
ENDING = {"01": ("提前解除", "ended early"), "02": ("到期解除", "ended on expiry")}
"""terminateType of TC609-6-2025-14."""
NOTICE = {"agreement", "kind", "reason", "at", "signatures"}
REASON_MAX = 256
"""Characters of the reason that its message holds."""


def agreement(tx: Tx, id: str) -> dict[str, Any]:
    """The agreement with this id; NO_SUCH otherwise.

    {id, code, dataset, offer_id, provider, consumer (node codes), provider_party, consumer_party, policy, policy_hash,
    terms, from, until, agreed_at, state, signatures, signed ("both" | "one side"), digest, negotiation, ...}
    """
    row = tx.get(store.agreements, id)
    if row is None:
        raise NO_SUCH(id=id[:80])
    return row


def in_force(tx: Tx, id: str) -> dict[str, Any]:
    """The agreement, when it may be performed now: concluded, in its term, not ended, signatures verified.

    Refusals: CTR-402 not concluded or not begun, CTR-403 signatures, CTR-404 ended or expired, CTR-408 unknown,
    CTR-504 while our finalisation is on its way, CTR-506 while it is not filed and this node wants it filed first (try
    again).
    """
    row = agreement(tx, id)
    if row["state"] in LATE:
        zh, en = ("已到期", "it has expired") if row["state"] == EXPIRED else ("已终止", "it was ended")
        raise ENDED(agreement=id, why_zh=zh, why_en=en)
    if row["state"] != State.FINALIZED.value:
        state = row["state"]
        _not_while_finalising(tx, row)  # a counterparty that has it already may ask before we hear so
        zh, en = f"尚未成立（协商状态 {state}）", f"It is not concluded yet (its negotiation is {state})"
        raise NOT_IN_FORCE(agreement=id, why_zh=zh, why_en=en)
    if tx.business_now < clock.instant(row["from"]):
        begins = f"It begins on {row['from']}"
        raise NOT_IN_FORCE(agreement=id, why_zh=f"自 {row['from']} 起生效", why_en=begins)
    if row["until"] and tx.business_now > clock.instant(row["until"]):
        raise ENDED(agreement=id, why_zh=f"已于 {row['until']} 到期", why_en=f"It expired on {row['until']}")
    _verify_signatures(row)
    if filed_first(tx):
        _require_filed(tx, row)
    return row


def _require_filed(tx: Tx, row: dict[str, Any]) -> None:
    filed = national.of_agreement(tx, row["id"])
    if filed is None or filed["filing"] != Filing.filed.value:
        raise NOT_FILED(agreement=row["id"])


def signed_by_both(row: dict[str, Any]) -> bool:
    """Whether a contract says what both its parties signed."""
    try:
        _verify_signatures(row)
    except Refusal:
        return False
    return bool(row["signed"] == "both")


def _verify_signatures(row: dict[str, Any]) -> None:
    content = rules.agreement_content(row)
    if digest(content) != row["digest"]:
        raise BAD_SIGNATURE(agreement=row["id"], who="content (内容)")
    parties = {row["provider"]: row["provider_party"], row["consumer"]: row["consumer_party"]}
    valid = [
        node for node, key in row["keys"].items()
        if signatures.signed_by(content, row["signatures"], parties.get(node, "?"), key)
    ]  # fmt: skip
    needed = len(parties) if row["signed"] == "both" else 1
    if len(valid) != len(row["keys"]) or len(valid) < needed:
        raise BAD_SIGNATURE(agreement=row["id"], who=", ".join(sorted(set(parties) - set(valid))))


@view()
def agreements(
    tx: Tx, *, dataset: str | None = None, id: str = "", q: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """List the contracts of this node, oldest first.

    id: one alone, by its id or its code. q: those whose dataset, code or party contains it. limit, offset: how many,
    after how many.
    """
    hidden, window = {"signatures", "keys", "policy"}, Window(id, limit, offset, register.sought(q))
    return [{k: v for k, v in row.items() if k not in hidden} for row in store.agreements_of(tx, dataset, window)]


def provided_to(tx: Tx, consumer: str) -> list[dict[str, Any]]:
    """{id, from, until, ended_at, terms} of the contracts signed by both in which this node is the provider and
    `consumer` the consumer, whatever became of them."""
    return store.between(tx, signing.me(tx).code, consumer)


@view()
def contract(tx: Tx, *, id: str) -> dict[str, Any]:
    """Show a contract by its id, its code, or the id a platform filed it under: parties, policy in words, terms,
    signatures, filing, and those registrations under it that are over."""
    filed = national.find(tx, id)
    row = agreement(tx, store.agreement_of_code(tx, id) or (filed or {}).get("agreement") or id)
    words = in_words(from_json(row["policy"]))
    over = binding.over(tx, row["dataset"], row["terms"]) if row["state"] not in LATE else []
    return {
        **row, "words": {"zh": words.zh, "en": words.en}, "national": national.national_card(tx, row),
        "over": [{"where": p.where, "zh": p.zh, "en": p.en} for p in over],
    }  # fmt: skip


@verb(*CONSUMER_ROLES, longest={"reason": REASON_MAX})
def end(tx: Tx, *, agreement: str, reason: str) -> dict[str, Any]:
    """End a concluded contract early, by a signed notice to the other party (提前解除), which both keep."""
    row = tx.get(store.agreements, agreement)
    if row is None:
        raise NO_SUCH(id=agreement[:80])
    mine = signing.me(tx)
    require_seller(tx, "negotiate.end", Party.provider if row["provider"] == mine.code else Party.consumer)
    if row["state"] in LATE:
        return row
    if row["state"] != State.FINALIZED.value:
        raise NOT_IN_FORCE(
            agreement=agreement, why_zh="尚未成立，请终止其协商", why_en="It is not concluded; end its negotiation"
        )
    if national.told_of_end(tx, row, kind="01", reason=reason, to_peer=True):
        return _ended(tx, row, "TERMINATED", "01", reason)
    notice = signing.signed(tx, {"agreement": agreement, "kind": "01", "reason": reason, "at": tx.now})
    peer = row["consumer"] if row["provider"] == mine.code else row["provider"]
    outbox.send(tx, to=peer, type="negotiate.ended", body=notice, key=f"ended-{agreement}"[:80])
    return _ended(tx, row, "TERMINATED", "01", reason, notice=notice)


def received_ended(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """The counterparty ended the contract early: {"agreement", "kind", "reason", "at", "signatures"}."""
    row = tx.get(store.agreements, str(body.get("agreement"))[:80])
    if row is None or sender not in (row["provider"], row["consumer"]):
        raise NO_SUCH(id=str(body.get("agreement"))[:80])
    party = row["provider_party"] if sender == row["provider"] else row["consumer_party"]
    if not signing.signed_by(body, party, str(register.node(tx, sender)["public_key"])):
        raise UNSIGNED(who=sender)
    if row["state"] in LATE:
        return
    if row["state"] != State.FINALIZED.value:
        _not_while_finalising(tx, row)  # the sender is to say it again once we know that it is concluded
        raise NOT_IN_FORCE(agreement=row["id"], why_zh="尚未成立", why_en="It is not concluded")
    signed = {"notice": body} if _is_notice(body) else {}
    _ended(tx, row, "TERMINATED", "01", str(body.get("reason"))[:REASON_MAX], **signed)


def _is_notice(body: dict[str, Any]) -> bool:
    """Whether a notice can be kept as it was signed, once: its reason tells who declared what, if it comes to that."""
    told, signed = str(body.get("reason")), body.get("signatures")
    return body.keys() == NOTICE and len(told) <= REASON_MAX and isinstance(signed, list) and len(signed) == 1


def received_national_end(
    tx: Tx, *, sender: str, contract: str, kind: str, reason: str, signed: dict[str, Any]
) -> None:
    """The counterparty ended a contract on the national rail (contractTerminate); told again, nothing changes.
    signed: its message as it was signed, which is kept.

    A contract that is not concluded yet ends as a negotiation; so it does when a platform that takes part tells that
    the counterparty refused the round it was to pass on.
    """
    course = national.course_of(tx, contract)
    row = tx.get(store.agreements, contract)
    concluded = row is not None and row["state"] in (*LATE, State.FINALIZED.value)
    told_by_platform = not concluded and national.speaks_for(tx, contract, sender)
    if course is None or (course["peer"] != sender and not told_by_platform):
        raise NOT_YOURS(contract=contract[:60])
    if row is None or row["state"] not in (*LATE, State.FINALIZED.value):
        message = digest(["contractTerminate", contract, reason])
        ids = {"sender": course["peer"], "message": message, "pid": course["id"], "peer_pid": contract}
        if State(course["state"]) not in FINAL:
            received_termination(tx, code=kind, reasons=[reason], **ids)
        return
    if row["state"] not in LATE:
        _ended(tx, row, "TERMINATED" if kind == "01" else EXPIRED, kind, reason[:REASON_MAX], message=signed)


def _not_while_finalising(tx: Tx, row: dict[str, Any]) -> None:
    course = tx.get(store.negotiations, row["negotiation"])
    if course is not None and course["pending"] == Act.finalize.value:
        raise FINALISING(agreement=row["id"])


def _ended(tx: Tx, row: dict[str, Any], state: str, kind: str, why: str, **signed: dict[str, Any]) -> dict[str, Any]:
    """signed: the notice, or the message of the national rail, as the side that ended it signed it; the other side
    proves by it that it did not."""
    zh, en = ENDING[kind]
    reason: dict[str, Any] = {"code": kind, "zh": f"{zh}：{why}", "en": f"{en}: {why}"}
    reason |= signed
    tx.change(store.agreements, row["id"], state=state, ended_at=tx.now, reason=reason)
    evidence.append(tx, f"negotiate.contract_{state.lower()}", store.agreements, row["id"], kind=kind, state=state)
    ended = agreement(tx, row["id"])
    for hook in on_terminated:
        hook(tx, ended)
    return ended


def _is_over(tx: Tx, row: Mapping[str, Any]) -> bool:
    return clock.instant(row["until"]) < tx.business_now


def _expired(tx: Tx, over: Mapping[str, Any]) -> None:
    row = agreement(tx, str(over["id"]))
    national.told_of_end(tx, row, kind="02", reason=f"until {row['until']}", to_peer=False)
    _ended(tx, row, EXPIRED, "02", f"until {row['until']}")


ENDS = (
    Ends("negotiate.contract", store.terms_in_force, _is_over, _expired),
    Ends("negotiate.negotiation", store.overdue, lambda _tx, _row: True, lapsed),
)
"""What the business clock overtakes: contracts past their term, negotiations past their deadline."""

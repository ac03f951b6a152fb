"""Usage control told between nodes (使用控制): performance reports, feedback, abnormal stop, proof of fulfilment.

    report_performance    contractExecution     to the platform and the other side, from what meter counted
    give_feedback         executionFeedback     to the provider, from the last decision
    stop_use              abnormalTermination   by the provider: held here at once, and there until it resumes
    prove_fulfilment      fulfillmentProof      by the consumer, with the proof of destruction when delivery has ended
    received_control      each of them, and the platform's control instruction (strategySend)

Contracts are the national rail's (negotiate.national); messages and signatures are wire.ndi's.
Contract: tests/wire/ndi/test_ndi_control.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.deliver import rules
from datong.deliver import store as rows
from datong.deliver.service import deciding, holding
from datong.deliver.service.holding import STOP
from datong.ground import evidence, jobs, signing
from datong.ground.canonical import digest
from datong.ground.db import Tx, new_id
from datong.meter import service as meter
from datong.negotiate import service as negotiate
from datong.negotiate.model.national import NOT_NATIONAL, NOT_YOURS
from datong.negotiate.service import national, platforms
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

REASON_MAX = 256
EXECUTION, FEEDBACK, PROOF = "contractExecution", "executionFeedback", "fulfillmentProof"
INSTRUCTION = "strategySend"
ACTION_OF = {"supply": "delivery", "file_set": "download", "query": "read"}
"""Kind of a usage event -> action of TC609-6-2025-14."""


def strategy_id(contract: str) -> str:
    """策略ID: the policy instance of a contract, 36 characters, the same at every node."""
    return digest(["strategy", contract]).partition(":")[2][:36]


def instructions(tx: Tx, contract: str) -> list[dict[str, Any]]:
    """The platform's control instructions (strategySend) for a contract, as they were heard."""
    return [dict(row["body"]) for row in _of(tx, contract, INSTRUCTION) if row["direction"] == "in"]


def strategy_in_force(tx: Tx, contract: str) -> str:
    """策略ID of what we tell: as the platform's control instruction said it last, else our own."""
    said = [row for row in _of(tx, contract, INSTRUCTION) if row["direction"] == "in"]
    newest = max(said, key=lambda row: (row["at"], len(v := str(row["body"]["strategyVersion"])), v), default=None)
    return str(newest["body"]["strategyId"]) if newest is not None else strategy_id(contract)


@verb(Role.product_manager, Role.legal, Role.data_engineer, Role.analyst)
def report_performance(tx: Tx, *, agreement: str) -> dict[str, Any]:
    """Report the performance of a filed contract to its platform and the other side: the uses since last time."""
    contract, card = _national(tx, agreement, "report_performance")
    sent = [row["body"] for row in _of(tx, card["id"], EXECUTION) if row["direction"] == "out"]
    reported = max((body["executionDetails"]["events_so_far"] for body in sent), default=0)
    counted_all = meter.events(tx, agreement)
    events = counted_all[reported:]
    states = sorted({event["state"] for event in events})
    counted = ", ".join(f"{sum(e['state'] == state for e in events)} {state}" for state in states) or "no use"
    details = {"events": len(events), "rows": sum(e["rows"] for e in events),
               "bytes_granted": sum(e["bytes_granted"] for e in events), "events_so_far": len(counted_all),
               "until": tx.now}  # fmt: skip
    actions = sorted({ACTION_OF.get(event["kind"], "access") for event in events}) or ["access"]
    body = {
        "executedStrategyId": strategy_in_force(tx, card["id"]), "executedActions": actions, "executionResult": counted,
        "executionDetails": details, "status": national.status(tx, card),
    }  # fmt: skip
    return _told(tx, EXECUTION, card, agreement, _receivers(tx, contract, card), body)


@verb(Role.analyst, Role.data_engineer, Role.product_manager)
def give_feedback(tx: Tx, *, agreement: str) -> dict[str, Any]:
    """Tell the provider the last usage-control decision under a contract (策略执行情况反馈)."""
    contract, card = _national(tx, agreement, "give_feedback")
    made = deciding.decisions(tx, agreement=agreement, limit=1)
    if not made:
        raise NOT_NATIONAL(contract=card["id"], why_zh="尚无判定", why_en="No use was decided under it yet")
    last = made[0]
    result = "denied" if last["outcome"] == "default_denied" else str(last["outcome"])
    details = {"action": last.get("action", ""), "decision": last["id"], "outcome": last["outcome"]}
    return _told(tx, FEEDBACK, card, agreement, [contract["provider"]], {"result": result, "details": details})


@verb(Role.data_engineer, Role.product_manager, Role.legal)
def stop_use(tx: Tx, *, agreement: str, reason: str) -> dict[str, Any]:
    """Stop every use under a contract at once, here and at the consumer (异常终止), until `resume` here lifts it."""
    contract, card = _national(tx, agreement, "stop_use")
    if contract["provider"] != signing.me(tx).code:
        raise rules.not_ours("stop_use", agreement, "provider")
    holding.suspend(tx, agreement=agreement, reason=reason[:REASON_MAX])
    body = {"reason": reason[:REASON_MAX], "triggeredBy": "provider"}
    to = list(dict.fromkeys([str(contract["consumer"]), *_receivers(tx, contract, card)]))
    return _told(tx, STOP, card, agreement, to, body)


@verb(Role.analyst, Role.data_engineer, Role.product_manager, Role.legal)
def prove_fulfilment(tx: Tx, *, agreement: str) -> dict[str, Any]:
    """Send the proof of fulfilment (履约证明), with the proof of destruction where delivery has ended."""
    contract, card = _national(tx, agreement, "prove_fulfilment")
    return proven(tx, contract, card)


def proven(tx: Tx, contract: Mapping[str, Any], card: Mapping[str, Any]) -> dict[str, Any]:
    """The same for the end of a delivery."""
    agreement = str(contract["id"])
    ending = tx.get(rows.endings, agreement)
    log = {"usage": meter.totals(tx, agreement), "destruction": ending["proof"] if ending else None}
    return _told(tx, PROOF, card, agreement, _receivers(tx, contract, card), {"log": log})


def _national(tx: Tx, agreement: str, act: str) -> tuple[dict[str, Any], dict[str, Any]]:
    contract = holding.our_side(tx, agreement, act)
    card = national.of_agreement(tx, agreement)
    if card is None:
        raise NOT_NATIONAL(contract=agreement, why_zh="尚未在服务平台备案", why_en="It is not filed at a platform")
    return contract, card


def _receivers(tx: Tx, contract: Mapping[str, Any], card: Mapping[str, Any]) -> list[str]:
    """The other side, when the contract was made on this rail, and the platform; never ourselves."""
    mine = signing.me(tx).code
    other = contract["consumer"] if contract["provider"] == mine else contract["provider"]
    found = [other] if card["id"] == contract["code"] else []
    return [code for code in dict.fromkeys([*found, card["platform"]]) if code not in ("", mine)]


def _told(
    tx: Tx, interface: str, card: Mapping[str, Any], agreement: str, to: list[str], body: Mapping[str, Any]
) -> dict[str, Any]:
    if not to:
        raise NOT_NATIONAL(contract=card["id"], why_zh="没有接收方", why_en="There is nobody to tell")
    for peer in to:
        key = new_id("ctl")
        row = {
            "id": key, "direction": "out", "interface": interface, "contract": card["id"], "agreement": agreement,
            "peer": peer, "digest": digest(body), "body": dict(body), "state": "sent", "answer": "", "at": tx.now,
        }  # fmt: skip
        tx.add(rows.control_messages, row)
        evidence.append(tx, "deliver.control_sent", rows.control_messages, key, interface=interface, peer=peer)
        jobs.enqueue(tx, platforms.CALL, {"what": "control", "message": key})
    return {"contract": card["id"], "interface": interface, "to": to, **body}


def outgoing_control(tx: Tx, key: str) -> dict[str, Any]:
    """A message of ours, with the agreement's row and the contract's, for the wire to write."""
    row = tx.get(rows.control_messages, key)
    assert row is not None, "only kept messages are sent"
    contract = negotiate.agreement(tx, row["agreement"])
    return {**row, "of": contract, "card": national.national(tx, row["contract"])}


def control_answered(tx: Tx, key: str, *, arrived: bool, answer: str) -> None:
    tx.change(rows.control_messages, key, state="arrived" if arrived else "refused", answer=answer[:2000])
    evidence.append(tx, "deliver.control_answered", rows.control_messages, key, arrived=arrived)
    row = tx.get(rows.control_messages, key)
    if arrived and row is not None and row["interface"] == STOP:
        holding.tell_lifted(tx, row["agreement"])


def received_control(tx: Tx, *, sender: str, interface: str, contract: str, body: Mapping[str, Any]) -> None:
    """Keep what a party or the platform says of a contract, and act on it; said again, nothing changes.

    An abnormal stop of the provider holds all use here. A stranger and an unknown contract get the same refusal.
    """
    known = national.find(tx, contract)
    agreement = str(known["agreement"]) if known is not None else ""
    parties = _parties(tx, contract, known)
    if sender not in parties:
        raise NOT_YOURS(contract=contract[:60])
    if interface == STOP and sender != _provider(tx, contract, agreement):
        raise rules.not_ours(STOP, contract[:60], "provider")
    said = digest([sender, interface, body])
    where = (rows.control_messages.c.contract == contract, rows.control_messages.c.digest == said)
    if rows.first(tx, rows.control_messages, *where) is not None:
        return
    key = new_id("ctl")
    row = {
        "id": key, "direction": "in", "interface": interface, "contract": contract, "agreement": agreement,
        "peer": sender, "digest": said, "body": dict(body), "state": "kept", "answer": "", "at": tx.now,
    }  # fmt: skip
    tx.add(rows.control_messages, row)
    evidence.append(tx, "deliver.control_received", rows.control_messages, key, interface=interface, peer=sender)
    if interface == STOP and agreement:
        holding.hold(tx, agreement, "suspended", str(body.get("reason") or "")[:REASON_MAX], provider=True)


def _provider(tx: Tx, contract: str, agreement: str) -> str:
    """The provider of a contract, at a side of it or at its platform."""
    return str(negotiate.agreement(tx, agreement)["provider"]) if agreement else platforms.filed_provider(tx, contract)


def _parties(tx: Tx, contract: str, known: Mapping[str, Any] | None) -> set[str]:
    """Who may speak about a contract: its two sides, and its platform."""
    found: set[str] = set()
    if known is not None and known["agreement"]:
        row = negotiate.agreement(tx, str(known["agreement"]))
        found |= {row["provider"], row["consumer"], known["platform"]}
    return (found | platforms.filed_sides(tx, contract)) - {""}


def _of(tx: Tx, contract: str, interface: str) -> list[dict[str, Any]]:
    messages = rows.control_messages
    return rows.rows(tx, messages, messages.c.contract == contract, messages.c.interface == interface)


@view()
def control_messages(tx: Tx, *, contract: str = "") -> list[dict[str, Any]]:
    """List what was told about the performance of contracts: reports, feedback, stops, proofs, instructions."""
    messages = rows.control_messages
    conditions = [messages.c.contract == contract] if contract else []
    return rows.rows(tx, messages, *conditions, order=messages.c.at)

"""Assessment records: signed by an assessor of a function node, who is neither provider nor recipient, sent to the
nodes that need them, and withdrawn the same way. Of several records that last, the worst counts.

Must never know: contracts; a recipient group is an opaque id that, for a contract, happens to be a party code.
Contract: tests/deidentify/test_deidentify_assessment.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datong.deidentify import store
from datong.deidentify.model.refusals import (
    BAD_ASSESSMENT,
    BAD_SIGNATURE,
    NO_ASSESSOR,
    NOT_HERE,
    NOT_INDEPENDENT,
    NOT_THE_SIGNER,
    NOT_YET,
    UNKNOWN,
    WITHDRAWN,
)
from datong.deidentify.rules import assessment as rules
from datong.ground import evidence, outbox, signing
from datong.ground.db import Tx, Window, new_id
from datong.ground.refusal import Problem
from datong.register import service as register
from datong.terms.roles import Role
from datong.terms.verbs import verb, view


def questionnaire() -> dict[str, Any]:
    """The questions on contract and environment and the steps of an answer, as this version of Datong has them."""
    return rules.rules_in_force()


@view()
def questions(tx: Tx) -> dict[str, Any]:
    """The questionnaire on contract and environment, with the dated rules that make CR out of its answers."""
    in_force = questionnaire()
    return {**in_force, "digest": rules.rules_digest(in_force), "answers": list(rules.ANSWERS)}


@verb(Role.assessor)
def assess(
    tx: Tx,
    *,
    provider_parties: list[str],
    recipient_group: str,
    subject: str,
    answers: dict[str, str],
    expires: str,
    nodes: list[str],
) -> dict[str, Any]:
    """Assess contract and environment of a recipient group; sign the record and send it to the nodes that need it.

    provider_parties: of a resource its owner, of a product who sells it and the owners of its inputs. subject: code of
    the resource or product; answers: {question: good | partial | none}; expires: date.
    """
    in_force = rules.rules_in_force()
    problems = rules.answer_problems(in_force, answers) + rules.expiry_problems(tx.now, expires)
    if not provider_parties:
        problems.append(Problem("provider_parties", "应列出提供方", "should list the providers' subject codes"))
    if problems:
        raise BAD_ASSESSMENT(problems, count=len(problems))
    mine = signing.me(tx)
    _require_assessor(tx, mine.code)
    _require_independent({mine.party, tx.actor.party} - {""}, provider_parties, recipient_group)
    threats = rules.threats(in_force, answers)
    earlier = store.assessments_of(tx, subject, recipient_group)
    record = signing.signed(
        tx,
        {
            "id": new_id("assessment"), "subject": subject, "recipient_group": recipient_group,
            "provider_parties": sorted(provider_parties), "answers": answers, "t1": threats.t1, "t2": threats.t2,
            "t3": threats.t3, "cr": threats.cr, "rules": rules.rules_digest(in_force),
            "assessor": tx.actor.person, "assessor_party": mine.party,
            "serial": 1 + max((r["serial"] for r in earlier), default=0), "assessed_at": tx.now, "expires": expires,
        },
    )  # fmt: skip
    others = [node for node in nodes if node != mine.code]
    _keep(tx, record, "deidentify.assessed", sent_to=others)
    for node in others:
        key = f"assessment-{record['id'][-16:]}-{node[-24:]}"
        outbox.send(tx, to=node, type="deidentify.assessment", body=record, key=key)
    return record


@verb(Role.assessor)
def withdraw_assessment(tx: Tx, *, assessment: str, reason: str) -> dict[str, Any]:
    """Withdraw a record this node signed; what it let pass is refused from now on, at every node that holds it."""
    row = tx.get(store.assessments, assessment[:80])
    if row is None:
        raise UNKNOWN(thing="assessment", id=assessment[:80])
    if row["record"]["assessor_party"] != signing.me(tx).party:
        raise NOT_THE_SIGNER(assessment=assessment)
    if row["withdrawal"] is not None:
        raise WITHDRAWN(assessment=assessment, at=row["withdrawal"]["withdrawn_at"])
    notice = signing.signed(tx, {"assessment": assessment, "reason": reason, "withdrawn_at": tx.now})
    _withdraw(tx, row, notice)
    for node in row["sent_to"]:
        key = f"assessment-withdrawn-{assessment[-16:]}-{node[-24:]}"
        outbox.send(tx, to=node, type="deidentify.assessment_withdrawn", body=notice, key=key)
    return notice


def received_assessment_withdrawn(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """Take a record out of force on the signed word of the node that signed it; the same again changes nothing."""
    if problems := rules.withdrawal_problems(body):
        raise BAD_ASSESSMENT(problems, count=len(problems))
    row = tx.get(store.assessments, body["assessment"][:80])
    if row is None:
        raise NOT_HERE(assessment=body["assessment"][:80])  # never let a record outlive a notice that overtook it
    node = register.node(tx, sender)
    party = row["record"]["assessor_party"]
    if node["party"] != party or not signing.signed_by(body, party, node["public_key"]):
        raise BAD_SIGNATURE(node=sender)
    if row["withdrawal"] is None:
        _withdraw(tx, row, body)


def _withdraw(tx: Tx, row: Mapping[str, Any], notice: Mapping[str, Any]) -> None:
    tx.change(store.assessments, row["id"], withdrawal=dict(notice))
    evidence.append(tx, "deidentify.assessment_withdrawn", store.assessments, row["id"], subject=row["subject"],
                    recipient_group=row["recipient_group"], reason=notice["reason"])  # fmt: skip


def received_assessment(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """Check and keep an assessment record from the assessor's node; refuse one that is not what it says."""
    problems = rules.record_problems(body)
    if problems:
        raise BAD_ASSESSMENT(problems, count=len(problems))
    in_force = rules.rules_in_force()
    if body["rules"] != rules.rules_digest(in_force):
        problems.append(Problem("rules", "本节点没有这一版评估规则", "this node does not have these assessment rules"))
    problems += rules.answer_problems(in_force, body["answers"])
    if not problems:
        threats = rules.threats(in_force, body["answers"])
        if (body["t1"], body["t2"], body["t3"], body["cr"]) != (threats.t1, threats.t2, threats.t3, threats.cr):
            problems.append(Problem("cr", "与回答算出的不同", "is not what the answers give"))
    if problems:
        raise BAD_ASSESSMENT(problems, count=len(problems))
    _require_independent({body["assessor_party"]}, body["provider_parties"], body["recipient_group"])
    _require_assessor(tx, sender)
    node = register.node(tx, sender)
    signer = [s.get("by") for s in body["signatures"] if isinstance(s, dict) and s.get("key") == node["public_key"]]
    if (
        node["state"] != "active"
        or node["party"] != body["assessor_party"]
        or body["assessor"] not in signer
        or not signing.signed_by(body, body["assessor_party"], node["public_key"])
    ):
        raise BAD_SIGNATURE(node=sender)
    if body["assessed_at"] > tx.now:
        raise NOT_YET(assessed_at=body["assessed_at"], now=tx.now)
    known = tx.get(store.assessments, body["id"])
    if known is None:
        _keep(tx, body, "deidentify.assessment_received")
    elif known["record"] != body:
        problem = Problem("id", "已用于另一份记录", "was already used for another record")
        raise BAD_ASSESSMENT([problem], count=1)


def assessment_for(tx: Tx, *, recipient_group: str, subject: str, providers: Iterable[str]) -> Mapping[str, Any] | None:
    """The record that counts now (business clock) for these providers and recipient group, or None: then CR = 1."""
    standing = [row["record"] for row in store.assessments_of(tx, subject, recipient_group) if not row["withdrawal"]]
    return rules.in_force(standing, providers, tx.now)


@view()
def assessments(tx: Tx, *, id: str = "", limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """The assessment records this node keeps, oldest first, with CR, expiry and, where it was withdrawn, when.

    id: one alone. limit, offset: how many, after how many.
    """
    return [
        {**row["record"], "withdrawn_at": (row["withdrawal"] or {}).get("withdrawn_at", "")}
        for row in store.all_assessments(tx, Window(id, limit, offset))
    ]


def _require_assessor(tx: Tx, node: str) -> None:
    """Assessors are those of a function node: so no stranger's record can whitewash a release, or spoil one."""
    if not register.is_function_node(tx, node):
        raise NO_ASSESSOR(node=node)


def _require_independent(parties: Iterable[str], providers: Iterable[str], recipient_group: str) -> None:
    concerned = {*providers, recipient_group}
    for party in sorted(set(parties) & concerned):
        raise NOT_INDEPENDENT(party=party)


def _keep(tx: Tx, record: Mapping[str, Any], act: str, sent_to: Sequence[str] = ()) -> None:
    row = {
        name: record[name] for name in ("id", "subject", "recipient_group", "serial", "cr", "assessed_at", "expires")
    }
    tx.add(store.assessments, {**row, "record": dict(record), "sent_to": list(sent_to), "withdrawal": None})
    evidence.append(tx, act, store.assessments, row["id"], subject=row["subject"], cr=row["cr"],
                    recipient_group=row["recipient_group"], expires=row["expires"], rules=record["rules"])  # fmt: skip

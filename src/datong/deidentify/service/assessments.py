"""Assessment records: signed by a person of neither provider nor recipient, sent to the nodes that need them.

Must never know: contracts; a recipient group is an opaque id that, for a contract, happens to be a party code.
Contract: tests/deidentify/test_deidentify_assessment.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from datong.deidentify import store
from datong.deidentify.model import BAD_ASSESSMENT, BAD_SIGNATURE, NOT_INDEPENDENT
from datong.deidentify.rules import assessment as rules
from datong.ground import evidence, outbox, signing
from datong.ground.db import Tx, new_id
from datong.ground.refusal import Problem
from datong.register import service as register
from datong.terms.roles import Role
from datong.terms.verbs import verb, view


@view()
def questions(tx: Tx) -> dict[str, Any]:
    """The questionnaire on contract and environment, with the dated rules that make CR out of its answers."""
    in_force = rules.rules_in_force()
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

    subject: code of the resource or product; answers: {question: good | partial | none}; expires: date.
    """
    in_force = rules.rules_in_force()
    problems = rules.answer_problems(in_force, answers) + rules.expiry_problems(tx.now, expires)
    if not provider_parties:
        problems.append(Problem("provider_parties", "应列出提供方", "should list the providers' subject codes"))
    if problems:
        raise BAD_ASSESSMENT(problems, count=len(problems))
    mine = signing.me(tx)
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
    _keep(tx, record, "deidentify.assessed")
    for node in nodes:
        if node != mine.code:
            key = f"assessment-{record['id'][-16:]}-{node[-24:]}"
            outbox.send(tx, to=node, type="deidentify.assessment", body=record, key=key)
    return record


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
    node = register.node(tx, sender)
    signer = [s.get("by") for s in body["signatures"] if isinstance(s, dict) and s.get("key") == node["public_key"]]
    if (
        node["state"] != "active"
        or node["party"] != body["assessor_party"]
        or body["assessor"] not in signer
        or not signing.signed_by(body, body["assessor_party"], node["public_key"])
    ):
        raise BAD_SIGNATURE(node=sender)
    known = tx.get(store.assessments, body["id"])
    if known is None:
        _keep(tx, body, "deidentify.assessment_received")
    elif known["record"] != body:
        problem = Problem("id", "已用于另一份记录", "was already used for another record")
        raise BAD_ASSESSMENT([problem], count=1)


def assessment_for(tx: Tx, *, recipient_group: str, subject: str, providers: Iterable[str]) -> Mapping[str, Any] | None:
    """The record in force now (business clock) for these providers and recipient group, or None: then CR = 1."""
    return rules.in_force(store.assessments_of(tx, subject, recipient_group), providers, tx.now)


@view()
def assessments(tx: Tx) -> list[dict[str, Any]]:
    """The assessment records this node keeps, with CR and expiry."""
    return [row["record"] for row in store.all_assessments(tx)]


def _require_independent(parties: Iterable[str], providers: Iterable[str], recipient_group: str) -> None:
    concerned = {*providers, recipient_group}
    for party in sorted(set(parties) & concerned):
        raise NOT_INDEPENDENT(party=party)


def _keep(tx: Tx, record: Mapping[str, Any], act: str) -> None:
    row = {
        name: record[name] for name in ("id", "subject", "recipient_group", "serial", "cr", "assessed_at", "expires")
    }
    tx.add(store.assessments, {**row, "record": dict(record)})
    evidence.append(tx, act, store.assessments, row["id"], subject=row["subject"], cr=row["cr"],
                    recipient_group=row["recipient_group"], expires=row["expires"], rules=record["rules"])  # fmt: skip

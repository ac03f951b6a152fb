"""From draft to force and to its end: draft, decide, approve, sign, counter-sign, file, withdraw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.authorise import rules, store
from datong.authorise.model import (
    BAD_INSTRUMENT,
    DECIDERS_MIN,
    GRANTS,
    MOVES,
    NO_CONSENT,
    NOT_BEGUN,
    NOT_REGISTERED,
    NOT_YOURS,
    OUTSIDE_PLAN,
    SAME_PERSON,
    TOO_FEW,
    Deed,
    InstrumentKind,
    State,
)
from datong.authorise.service import clearing, exchange, records
from datong.ground import clock, evidence, outbox, signing, workdays
from datong.ground.db import Tx, new_id
from datong.ground.overtaken import Ends
from datong.ground.refusal import Problem
from datong.register import service as register
from datong.terms.policy import PURPOSES
from datong.terms.roles import Role, one_hand
from datong.terms.verbs import verb


@verb(Role.steward, Role.legal, Role.product_manager)
def draft(
    tx: Tx, *, kind: str, resources: list[str], purposes: list[str], from_at: str, until_at: str,
    grantee_party: str = "", grantee_node: str = "", acts: list[str] | None = None, title: str = "",
    items: dict[str, Any] | None = None, parents: list[str] | None = None, copies_to: list[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Draft an instrument (权利文件) granted by this node's party, for another person to sign; every gap is told.

    kind: plan, agreement, consent, data_use or legal_basis. from_at, until_at: ISO date (Beijing midnight) or
    instant. copies_to: codes of the nodes that must know it.
    """
    problems = [] if kind in MOVES else [Problem("kind", f"没有「{kind}」类", f"no kind {kind!r}")]
    starts, ends = _instant("from_at", from_at, problems), _instant("until_at", until_at, problems)
    if problems:
        raise BAD_INSTRUMENT(problems, count=len(problems))
    content: dict[str, Any] = {
        "id": new_id("ins"), "kind": kind, "title": title or rules.KIND_ZH[kind],
        "grantor_party": signing.me(tx).party, "grantee_party": grantee_party, "grantee_node": grantee_node,
        "resources": list(resources), "purposes": list(purposes), "acts": list(acts or []),
        "from": starts, "until": ends, "items": dict(items or {}), "parents": list(parents or []),
        "copies_to": list(copies_to or []),
    }  # fmt: skip
    bound = kind in (InstrumentKind.consent, InstrumentKind.data_use)
    strange = rules.not_owned(content["resources"], _owned(tx, content["resources"])) if bound else []
    rules.require_sound(content, PURPOSES, [*strange, *_over(tx, ends)])
    records.insert(tx, content, State.DRAFT, drafter=tx.actor)
    evidence.append(
        tx, "authorise.drafted", store.instruments, content["id"], kind=kind, resources=len(content["resources"])
    )
    return records.instrument(tx, instrument=content["id"])


def _over(tx: Tx, until: str) -> list[Problem]:
    over = tx.business_now >= clock.instant(until)
    return [Problem("until_at", "期限已过", "is over already")] if over else []


def _owned(tx: Tx, resources: list[str]) -> set[str]:
    """The codes of those of `resources` that are this party's."""
    return {register.resource(tx, one)["code"] for one in resources if register.is_own_resource(tx, one)}


@verb(Role.steward, Role.legal)
def decide_collectively(tx: Tx, *, instrument: str, minutes: str, persons: list[str]) -> dict[str, Any]:
    """Record the collective decision (三重一大集体决策) on a plan or an agreement: minutes and who decided.

    persons: at least two people of this node, each by login or id.
    """
    row = records.mine(tx, instrument, Deed.decide_collectively)
    after = rules.moved(row["id"], row["kind"], row["state"], Deed.decide_collectively)
    known = {person: register.active_person(tx, person.strip()) for person in persons}
    problems = [
        Problem(person[:80], "不是本单位在册人员", "is no active person of this organisation")
        for person in sorted(known)
        if not known[person]
    ]
    decided = sorted(set(known.values()))
    if len(decided) < DECIDERS_MIN or problems:
        raise TOO_FEW(problems, least=DECIDERS_MIN)
    return records.move(tx, row, after, "decided", decision={"minutes": minutes, "persons": decided})


@verb(Role.steward, Role.reviewer)
def approve(tx: Tx, *, instrument: str) -> dict[str, Any]:
    """Approve a plan that was decided collectively; never by the person who drafted it."""
    row = records.mine(tx, instrument, Deed.approve)
    after = rules.moved(row["id"], row["kind"], row["state"], Deed.approve)
    _require_other_hand(tx, row, Deed.approve)
    return records.move(tx, row, after, "approved", approved_by=tx.actor.person)


@verb(Role.steward, Role.legal)
def sign(tx: Tx, *, instrument: str) -> dict[str, Any]:
    """Sign as grantor, not as the drafter: a consent or data-use authorisation is then in force (as is a legal basis,
    which its drafter may sign); an agreement goes to the grantee for its counter-signature."""
    row = records.mine(tx, instrument, Deed.sign)
    after = rules.moved(row["id"], row["kind"], row["state"], Deed.sign)
    if row["kind"] in GRANTS:
        _require_other_hand(tx, row, Deed.sign)
    if problems := _over(tx, row["until_at"]):
        raise BAD_INSTRUMENT(problems, count=len(problems))
    if row["kind"] == InstrumentKind.agreement:
        _check_agreement(tx, row)
    changed = records.move(tx, row, after, "signed", value=signing.signed(tx, row["value"]))
    exchange.tell(tx, row["id"])
    return changed


@verb(Role.steward, Role.legal)
def countersign(tx: Tx, *, instrument: str) -> dict[str, Any]:
    """Counter-sign an agreement as grantee; the signature goes back to the grantor."""
    row = records.known(tx, instrument)
    if row["grantee_party"] != signing.me(tx).party:
        raise NOT_YOURS(deed=Deed.countersign.value, party=row["grantee_party"])
    after = rules.moved(row["id"], row["kind"], row["state"], Deed.countersign)
    rules.require_sound(row["value"], PURPOSES)
    value = signing.signed(tx, row["value"])
    changed = records.move(tx, row, after, "countersigned", value=value)
    grantor_node = str(row["value"]["signatures"][0]["node"])
    body = {"instrument": value, "notice": None}
    outbox.send(tx, to=grantor_node, type="authorise.instrument", body=body, key=f"{row['id']}-countersigned")
    return changed


@verb(Role.steward, Role.legal, longest={"filing_ref": 200})
def file(tx: Tx, *, instrument: str, filing_ref: str) -> dict[str, Any]:
    """File (备案) a plan, which is signed by that, or a signed agreement, which is in force once its term has begun."""
    row = records.mine(tx, instrument, Deed.file)
    after = rules.moved(row["id"], row["kind"], row["state"], Deed.file)
    agreed = row["kind"] == InstrumentKind.agreement
    value = row["value"] if agreed else signing.signed(tx, row["value"])
    changed = records.move(tx, row, after, "filed", filing_ref=filing_ref, value=value)
    if agreed and tx.business_now >= clock.instant(row["from_at"]):
        return commence(tx, instrument=row["id"])
    exchange.tell(tx, row["id"])
    return changed


@verb(Role.steward, Role.legal)
def commence(tx: Tx, *, instrument: str) -> dict[str, Any]:
    """Bring a filed agreement into force once its term has begun."""
    row = records.mine(tx, instrument, Deed.commence)
    after = rules.moved(row["id"], row["kind"], row["state"], Deed.commence)
    begins = clock.instant(row["from_at"])
    if tx.business_now < begins:
        raise NOT_BEGUN(id=row["id"], day=workdays.china_date(begins).isoformat())
    changed = records.move(tx, row, after, "commenced")
    exchange.tell(tx, row["id"])
    return changed


@verb(Role.steward, Role.legal)
def suspend(tx: Tx, *, instrument: str, reason: str) -> dict[str, Any]:
    """Suspend an agreement in force; every node that holds a copy is told."""
    return _end(tx, instrument, Deed.suspend, reason)


@verb(Role.steward, Role.legal)
def resume(tx: Tx, *, instrument: str, reason: str) -> dict[str, Any]:
    """Bring a suspended agreement back into force."""
    return _end(tx, instrument, Deed.resume, reason)


@verb(Role.steward, Role.legal)
def withdraw(tx: Tx, *, instrument: str, reason: str) -> dict[str, Any]:
    """Withdraw an instrument; build, listing and delivery that need it are refused from now on."""
    return _end(tx, instrument, Deed.withdraw, reason)


@verb(Role.steward)
def change(
    tx: Tx, *, instrument: str, reason: str, resources: list[str] | None = None, purposes: list[str] | None = None,
    until_at: str = "", items: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Open a major change of a filed plan; it must be decided collectively, approved and filed again.

    resources, purposes: all of them, as they are to be. until_at: the new end. items: those of the plan's items that
    change. What is not given stays.
    """
    row = records.mine(tx, instrument, Deed.change)
    rules.moved(row["id"], row["kind"], row["state"], Deed.change)
    problems: list[Problem] = []
    given = {"resources": resources, "purposes": purposes, "items": {**row["items"], **items} if items else None}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if until_at:
        changes["until"] = _instant("until_at", until_at, problems)
    if problems:
        raise BAD_INSTRUMENT(problems, count=len(problems))
    content = {**signing.unsigned(row["value"]), **changes}
    rules.require_sound(content, PURPOSES, _over(tx, content["until"]) if until_at else [])
    changed = _end(tx, instrument, Deed.change, reason)  # the copies keep what was filed until the change is
    return records.rewrite(tx, changed["id"], content, sorted(changes)) if changes else changed


@verb(Role.steward)
def close(tx: Tx, *, instrument: str, reason: str) -> dict[str, Any]:
    """Close a filed plan."""
    return _end(tx, instrument, Deed.close, reason)


def _in_term(tx: Tx, id: str) -> list[dict[str, Any]]:
    """This party's instruments, or one of them, that could expire."""
    mine = signing.me(tx).party
    return [
        row
        for row in (store.of_kinds(tx) if not id else [records.known(tx, id)])
        if row["grantor_party"] == mine and (State(row["state"]), Deed.expire) in MOVES[InstrumentKind(row["kind"])]
    ]


def _is_over(tx: Tx, row: Mapping[str, Any]) -> bool:
    return tx.business_now >= clock.instant(row["until_at"])


def _expired(tx: Tx, row: Mapping[str, Any]) -> None:
    _end(tx, str(row["id"]), Deed.expire, "term over")


ENDS = (Ends("authorise.instrument", _in_term, _is_over, _expired),)
"""This party's instruments whose term is over are marked as expired and their copies told. Clearance does not wait for
it: it reads the term itself."""


def _end(tx: Tx, instrument_id: str, deed: Deed, reason: str) -> dict[str, Any]:
    row = records.mine(tx, instrument_id, deed)
    after = rules.moved(row["id"], row["kind"], row["state"], deed)
    changed = records.move(tx, row, after, PAST[deed], reason=reason)
    exchange.tell(tx, row["id"])
    return changed


PAST = {
    Deed.suspend: "suspended", Deed.resume: "resumed", Deed.withdraw: "withdrawn",
    Deed.change: "change_opened", Deed.close: "closed", Deed.expire: "expired",
}  # fmt: skip


def _require_other_hand(tx: Tx, row: dict[str, Any], deed: Deed) -> None:
    """AUT-510 when whoever acts drafted the instrument, or one of the two let the other in."""
    if one_hand(tx.actor.person, tx.actor.issued_by, row["drafted_by"], row["drafter_let_in_by"]):
        raise SAME_PERSON(deed=deed.value)


def _check_agreement(tx: Tx, row: dict[str, Any]) -> None:
    """AUT-502 to AUT-504, in this order."""
    if problems := rules.outside(row, store.of_kinds(tx, InstrumentKind.plan), tx.now):
        raise OUTSIDE_PLAN(problems, count=len(problems))
    facts = [clearing.resource_facts(tx, code) for code in row["resources"]]
    if problems := rules.not_registered(facts, tx.now):
        raise NOT_REGISTERED(problems, count=len(problems))
    if problems := rules.without_consent(facts, store.rights(tx), row["grantor_party"], row["purposes"], tx.now):
        raise NO_CONSENT(problems, count=len(problems))


def _instant(where: str, text: str, problems: list[Problem]) -> str:
    try:
        return clock.text(clock.begins(text))
    except ValueError:
        problems.append(Problem(where, "不是日期或带时区的时刻", "is no date and no instant with an offset"))
        return ""

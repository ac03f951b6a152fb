"""The registry (登记机构): acceptance, review, publicity, objections, code; renewals reviewed.

Every step checks the state table, writes its leaf and sends the case to its registrants. Nothing happens by
time alone: an overdue step is escalated, never approved. Contract: tests/register/test_register_cases.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from datong.ground import clock, codes, evidence, overtaken, signing, workdays
from datong.ground.canonical import is_digest_of
from datong.ground.crypto import hashing
from datong.ground.db import Tx, new_id
from datong.ground.overtaken import Ends
from datong.ground.refusal import Problem
from datong.register import rules, store
from datong.register.model.cases import CHANGE, FIRST, LAST_ACTS, MATERIALS, TYPES, Act, State
from datong.register.model.refusals import (
    BAD_FILING,
    BAD_OBJECTION,
    NO_REASONS,
    NOT_FUNCTION_NODE,
    NOT_JOINED,
    OPEN_OBJECTION,
    PUBLICITY_OPEN,
    SAME_DEPARTMENT,
    SAME_PERSON,
    SUPPLEMENT_ONCE,
    UNKNOWN_CASE,
    WRONG_STATE,
)
from datong.register.rules import changes
from datong.register.service import changing, following, nodes
from datong.register.service.filing import confirm, require_fileable, require_no_second, require_not_joined
from datong.register.service.holdings import declarer
from datong.register.service.ledger import enter, enter_again, publish
from datong.register.service.persons import EVERYBODY
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

_DATA_TYPES = {"product": "6", "resource": "7"}


# --- filings arrive ----------------------------------------------------------------------------------------------


def received_case_filed(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.case_filed: a signed filing from an applicant's node, new or supplemented."""
    nodes.area(tx, "register.case_filed")
    filing = body.get("filing")
    fault = rules.filing_fault(filing) if isinstance(filing, dict) else ("没有申请", "holds no filing")
    applicant = nodes.node(tx, sender)
    if fault is None and isinstance(filing, dict):
        fault = _sender_fault(applicant, filing)
    if fault is not None or not isinstance(filing, dict):
        raise BAD_FILING(why_zh=(fault or ("", ""))[0], why=(fault or ("", ""))[1])
    require_fileable(tx, filing)
    require_no_second(tx, applicant["party"], filing)
    row = tx.get(store.cases, filing["case"])
    if row is None:
        _add_filed(tx, sender, filing)
    elif row["filing"]["signatures"] == filing["signatures"]:
        return
    else:
        _add_supplemented(tx, sender, row, filing)
    following.tell(tx, filing["case"])


def _sender_fault(applicant: Mapping[str, Any], filing: Mapping[str, Any]) -> codes.Fault | None:
    who = filing["applicant"]
    if (who["node"], who["party"]) != (applicant["code"], applicant["party"]):
        return "申请人不是发送方", "names an applicant that is not its sender"
    if not signing.signed_by(filing, applicant["party"], applicant["public_key"]):
        return "签名无效", "is not signed by its applicant"
    if not filing["case"].startswith("case-"):
        return "案件编号不符", "has a case id of the wrong form"
    return None


def _add_filed(tx: Tx, sender: str, filing: Mapping[str, Any]) -> None:
    who, thing = filing["applicant"], filing["object"]
    row = {
        "id": filing["case"], "side": "registry", "registry": signing.me(tx).code, "applicant_node": sender,
        "applicant_party": who["party"], "object_kind": filing["object_kind"], "object_id": thing["id"],
        "evidence_digest": thing["evidence_digest"], "type": filing["type"], "basis": filing["basis"],
        "public_data": filing["public_data"], "filing": filing, "registrants": rules.registrants(filing, tx.now),
        "state": State.SUBMITTED.value, "version": 1, "since": tx.now, "history": [_filed(tx, who)],
    }  # fmt: skip
    tx.add(store.cases, row)
    evidence.append(tx, "register.case_received", store.cases, row["id"], applicant=who["party"], basis=row["basis"])


def _add_supplemented(tx: Tx, sender: str, row: Mapping[str, Any], filing: Mapping[str, Any]) -> None:
    same = (row["object_kind"], row["object_id"]) == (filing["object_kind"], filing["object"]["id"])
    if row["applicant_node"] != sender or row["type"] != filing["type"] or not same:
        raise BAD_FILING(why_zh="案件编号已被使用", why="uses the id of another case")
    following.require_open(row, Act.submit)
    tx.change(
        store.cases, row["id"], filing=filing, registrants=rules.registrants(filing, tx.now),
        evidence_digest=filing["object"]["evidence_digest"], basis=filing["basis"], public_data=filing["public_data"],
        state=State.SUBMITTED.value, version=row["version"] + 1, since=tx.now, escalated_at=None,
        history=[*row["history"], _filed(tx, filing["applicant"])],
    )  # fmt: skip
    evidence.append(tx, "register.case_supplemented", store.cases, row["id"])


def _filed(tx: Tx, who: Mapping[str, Any]) -> dict[str, Any]:
    line = following.deed(tx, Act.submit, State.SUBMITTED)
    return {**line, "party": who["party"], "person": who["person"], "department": who["department"]}


def received_filing_joined(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.filing_joined: a co-registrant's node confirms a joint filing, by its digest: what was filed anew
    meanwhile it has not read."""
    nodes.area(tx, "register.filing_joined")
    peer, who = nodes.node(tx, sender), body.get("joined")
    row = tx.get(store.cases, str(body.get("case"))[:80])
    if row is None:
        raise UNKNOWN_CASE(case=str(body.get("case"))[:80])
    sound = (
        isinstance(who, dict)
        and set(who) == {"node", "party", "person", "department"}
        and all(isinstance(value, str) and len(value) <= 100 for value in who.values())
        and (who["node"], who["party"]) == (sender, peer["party"])
        and bool(who["person"])
        and isinstance(body.get("signatures"), list)
    )
    if not sound or not isinstance(who, dict) or not signing.signed_by(body, peer["party"], peer["public_key"]):
        raise BAD_FILING(why_zh="确认格式或签名不符", why="confirms in a wrong form, or is not signed")
    if peer["party"] not in {r["party"] for r in row["registrants"]}:
        raise BAD_FILING(why_zh="发送方不是共同登记主体", why="comes from nobody who is a co-registrant")
    if row["state"] not in following.JOINABLE:
        raise WRONG_STATE(case=row["id"], act="join_filing", state=row["state"], open="—")
    if not is_digest_of(body.get("filing"), row["filing"]):
        raise BAD_FILING(why_zh="确认的不是现在的申请", why="confirms another filing than the one that stands now")
    if not any(r["party"] == peer["party"] and r.get("person") == who["person"] for r in row["registrants"]):
        require_not_joined(row, peer["party"])
        confirm(tx, row, who)


# --- steps -------------------------------------------------------------------------------------------------------


def at_registry(tx: Tx, case: str, doing: str) -> dict[str, Any]:
    row = following.known_case(tx, case)
    if row["side"] not in ("registry", "both"):
        raise NOT_FUNCTION_NODE(verb=doing)
    return row


def step(
    tx: Tx, row: Mapping[str, Any], act: Act, *, note: str = "", line: Mapping[str, Any] | None = None, **values: Any
) -> dict[str, Any]:
    """Move a case, with its leaf and a word to its registrants. line: what else its history says of the deed."""
    after = following.require_open(row, act)
    tx.change(
        store.cases, row["id"], state=after.value, version=row["version"] + 1, since=tx.now, escalated_at=None,
        history=[*row["history"], following.deed(tx, act, after, note, **(line or {}))], **values,
    )  # fmt: skip
    evidence.append(tx, f"register.case_{_PAST[act]}", store.cases, row["id"], state=after.value)
    following.tell(tx, row["id"])
    return following.whole(tx, row["id"])


_PAST = {
    Act.request_supplement: "supplement_requested", Act.accept: "accepted", Act.reject: "rejected",
    Act.review: "reviewed", Act.publicise: "publicised", Act.object: "objected",
    Act.dismiss_objection: "objection_dismissed", Act.uphold_objection: "objection_upheld", Act.code: "coded",
    Act.apply_to_renew: "renewal_filed", Act.renew: "renewed", Act.apply_to_cancel: "cancellation_filed",
    Act.cancel: "cancelled", Act.revoke: "revoked", Act.enter: "entered", Act.lapse: "lapsed",
}  # fmt: skip


@verb(Role.registrar, longest={"items": 500})
def request_supplement(tx: Tx, *, case: str, items: list[str]) -> dict[str, Any]:
    """Tell the applicant once, all together, what is missing; the clock starts anew when it is filed again."""
    row = at_registry(tx, case, "request_supplement")
    following.require_open(row, Act.request_supplement)
    if row["supplement"] is not None:
        raise SUPPLEMENT_ONCE(case=case)
    found = [MATERIALS[problem.where] for problem in rules.missing_materials(row["filing"])]
    wanted = list(dict.fromkeys([*found, *(item.strip() for item in items if item.strip())]))
    if not wanted:
        raise NO_REASONS(act="request_supplement")
    supplement = {"items": wanted, "asked_at": tx.now, "by": tx.actor.person}
    return step(tx, row, Act.request_supplement, note="; ".join(wanted), supplement=supplement)


@verb(Role.registrar)
def accept_case(tx: Tx, *, case: str) -> dict[str, Any]:
    """Accept a complete case whose registrants have all confirmed, or the renewal or cancellation applied for.

    A correction is accepted upon the registrants' confirmation or upon the proof of an error (art. 9(3)).
    """
    row = at_registry(tx, case, "accept_case")
    following.require_open(row, Act.accept)
    if row["state"] != State.SUBMITTED:
        return step(tx, row, Act.accept)
    require_fileable(tx, row["filing"])
    if row["type"] != FIRST:
        changing.require_alone(tx, row)
    open_ones = [
        Problem(r["party"], f"{r['name']} 尚未确认", f"{r['name'] or r['party']} has not confirmed")
        for r in row["registrants"]
        if not r.get("confirmed_at") and not changing.needs_no_consent(row["filing"])
    ]
    if open_ones:
        raise NOT_JOINED(open_ones, case=case, count=len(open_ones))
    return step(tx, row, Act.accept)


@verb(Role.registrar)
def reject_case(tx: Tx, *, case: str, reasons: str) -> dict[str, Any]:
    """Refuse to accept a case, with reasons; of a coded one its renewal or cancellation, and it stands as it was."""
    row = at_registry(tx, case, "reject_case")
    if row["state"] != State.SUBMITTED:
        following.require_open(row, Act.accept)
    return _rejected(tx, row, reasons)


def _rejected(tx: Tx, row: Mapping[str, Any], reasons: str) -> dict[str, Any]:
    if not reasons.strip():
        raise NO_REASONS(act="reject")
    return step(tx, row, Act.reject, note=reasons)


@verb(Role.reviewer)
def review_case(tx: Tx, *, case: str, passed: bool = True, remarks: str = "") -> dict[str, Any]:
    """Formal review (形式审核) by somebody who did not apply; in another department where the body is the same.

    A renewal that passes holds with it, for at most three years from the last day before (art. 15).
    """
    row = at_registry(tx, case, "review_case")
    renewal = row["state"] == State.RENEWAL_ACCEPTED
    following.require_open(row, Act.renew if renewal else Act.review)
    applicants = rules.applied(row["registrants"], row["history"], declarer(tx, row))
    if rules.same_person(applicants, tx.actor.person, tx.actor.issued_by):
        raise SAME_PERSON(case=case)
    mine = signing.me(tx).party
    clash = rules.same_department(applicants, mine, tx.actor.department)
    if clash is not None:
        raise SAME_DEPARTMENT(case=case, reviewer=tx.actor.department or "—", applicant=clash)
    if not passed:
        return _rejected(tx, row, remarks)
    reviewer = {
        "person": tx.actor.person, "department": tx.actor.department, "party": mine, "issued_by": tx.actor.issued_by,
    }  # fmt: skip
    if renewal:
        return _renewed(tx, row, remarks, reviewer)
    return step(tx, row, Act.review, note=remarks, reviewer=reviewer)


def _renewed(tx: Tx, row: Mapping[str, Any], remarks: str, reviewer: Mapping[str, Any]) -> dict[str, Any]:
    """The day before is told with the deed: registrants hold the new last day against it."""
    last = row["valid_until"]
    asked = next(line for line in reversed(row["history"]) if line["act"] == Act.apply_to_renew)
    until = rules.valid_until(date.fromisoformat(last), asked["term_until"]).isoformat()
    enter_again(tx, row["code"], "register.ledger_renewed", type="renewal", valid_until=until)
    return step(
        tx, row, Act.renew, note=remarks, line={"renewed_from": last}, reviewer=dict(reviewer), valid_until=until
    )


@verb(Role.registrar)
def publicise_case(tx: Tx, *, case: str) -> dict[str, Any]:
    """Begin the publicity (公示) of 10 working days."""
    row = at_registry(tx, case, "publicise_case")
    return step(tx, row, Act.publicise, publicised_at=tx.now)


@verb(*EVERYBODY)
def object_to_case(tx: Tx, *, case: str, name: str, grounds: str, evidence_digest: str) -> dict[str, Any]:
    """Object to a case in publicity, under a real name and with evidence (the digest of its file)."""
    row = at_registry(tx, case, "object_to_case")
    following.require_open(row, Act.object)
    problems = [
        Problem(where, "不得为空", "must not be empty")
        for where, value in (("name", name), ("grounds", grounds))
        if not value.strip()
    ]
    if not hashing.is_accepted(evidence_digest):
        problems.append(rules.digest_problem("evidence_digest"))
    if len(name) > 100:
        problems.append(Problem("name", "至多 100 字", "should have at most 100 characters"))
    if problems:
        raise BAD_OBJECTION(problems, count=len(problems))
    key = new_id("objection")
    tx.add(
        store.objections,
        {
            "id": key, "case_id": case, "name": name.strip(), "grounds": grounds, "evidence_digest": evidence_digest,
            "state": "open", "taken_by": tx.actor.person, "raised_at": tx.now,
        },
    )  # fmt: skip
    evidence.append(tx, "register.objection_raised", store.objections, key, case=case, evidence=evidence_digest)
    step(tx, row, Act.object)
    return {"id": key, "case": case, "state": "open"}


@verb(Role.registrar)
def settle_objection(tx: Tx, *, objection: str, upheld: bool, reason: str) -> dict[str, Any]:
    """Settle an objection after re-checking: upheld ends the registration, else publicity goes on.

    Of a change or correction it ends that: what is registered stays as it was.
    """
    known = tx.get(store.objections, objection)
    if known is None or known["state"] != "open":
        raise UNKNOWN_CASE(case=objection[:80])
    row = at_registry(tx, known["case_id"], "settle_objection")
    state = "upheld" if upheld else "dismissed"
    tx.change(store.objections, objection, state=state, settled_by=tx.actor.person, reason=reason)
    evidence.append(tx, f"register.objection_{state}", store.objections, objection, case=row["id"])
    if upheld and row["state"] == State.OBJECTED:
        return step(tx, row, Act.uphold_objection, note=reason)
    if not _open_objections(tx, row["id"]) and row["state"] == State.OBJECTED:
        return step(tx, row, Act.dismiss_objection, note=reason)
    return following.case(tx, case=row["id"])


def _open_objections(tx: Tx, case: str) -> list[dict[str, Any]]:
    return store.rows(
        tx, store.objections, where=(store.objections.c.case_id == case) & (store.objections.c.state == "open")
    )


@view(Role.registrar, Role.reviewer)
def objections(tx: Tx, *, case: str = "") -> list[dict[str, Any]]:
    """The objections taken at this registry, oldest first, or those to one case."""
    of = store.objections.c
    return store.rows(tx, store.objections, of.raised_at, of.id, where=of.case_id == case if case else None)


@verb(Role.registrar)
def code_case(tx: Tx, *, case: str) -> dict[str, Any]:
    """Assign the data code (赋码) after the publicity, without open objection, and enter it in the ledger.

    A change or correction is entered under the code there is; its last day stays.
    """
    row = at_registry(tx, case, "code_case")
    if row["state"] in (State.CODED, State.ENTERED):
        return following.case(tx, case=case)
    if still_open := _open_objections(tx, case):
        raise OPEN_OBJECTION(case=case, count=len(still_open))
    following.require_open(row, LAST_ACTS[row["type"]])
    today = workdays.china_date(tx.business_now)
    _require_publicity_over(tx, row)
    if row["type"] != FIRST:
        return _entered(tx, row)
    code = _new_data_code(tx, row)
    until = rules.valid_until(today, row["filing"]["term_until"]).isoformat()
    entry = enter(tx, {**row, "code": code, "valid_until": until}, today.isoformat())
    shown = step(tx, row, Act.code, code=code, valid_until=until)
    following.give_code(tx, following.known_case(tx, case))
    publish(tx, entry)
    return shown


def _entered(tx: Tx, row: Mapping[str, Any]) -> dict[str, Any]:
    """Enter what was asked for over what the entry says now; the registration's own case tells of it."""
    filing = row["filing"]
    entry, registered = changing.require_changeable(tx, filing), changing.registered_case(tx, filing)
    assert registered is not None
    wanted = changes.asked(filing)[1]
    enter_again(
        tx, entry["code"], f"register.ledger_{'changed' if row['type'] == CHANGE else 'corrected'}", type=row["type"],
        object={**entry["object"], **wanted}, basis=filing["basis"], public_data=filing["public_data"],
        registrants=filing["registrants"],
    )  # fmt: skip
    line = following.deed(tx, row["type"], State(registered["state"]), changes.stated(filing))
    whose = row if row["type"] == CHANGE else registered  # a correction leaves the registrants, and who confirmed
    tx.change(
        store.cases, registered["id"], version=registered["version"] + 1, registrants=whose["registrants"],
        evidence_digest=filing["object"]["evidence_digest"], basis=filing["basis"], public_data=filing["public_data"],
        history=[*registered["history"], {**line, "by_case": row["id"], "fields": sorted(wanted)}],
    )  # fmt: skip
    evidence.append(tx, f"register.case_{line['act']}", store.cases, registered["id"], by_case=row["id"])
    following.tell(tx, registered["id"])
    shown = step(tx, row, Act.enter)
    following.take_changes(tx, following.known_case(tx, row["id"]))
    return shown


def _require_publicity_over(tx: Tx, row: Mapping[str, Any]) -> None:
    since = workdays.china_date(clock.instant(row["publicised_at"]))
    last = rules.deadline(State.PUBLICISED, since, workdays.in_force(tx))
    assert last is not None
    if last.is_past(workdays.china_date(tx.business_now)):
        return
    note = (
        ("（暂定，日历尚未发布）", " (provisional: that year's calendar is not published)")
        if last.provisional
        else ("", "")
    )
    raise PUBLICITY_OPEN(case=row["id"], until=last.earliest.isoformat(), note_zh=note[0], note=note[1])


def _new_data_code(tx: Tx, row: Mapping[str, Any]) -> str:
    region = nodes.area(tx, "code_case")
    while True:
        code = codes.data_code(_DATA_TYPES[row["object_kind"]], row["applicant_party"], region, nodes.random_part())
        if tx.get(store.ledger, code) is None:
            return code


@verb(Role.registrar)
def escalate_overdue(tx: Tx) -> list[str]:
    """Mark every case whose step is overdue as escalated; nothing is approved by time. Returns their ids."""
    overdue = [row for row in _unescalated(tx) if _is_overdue(tx, row)]
    for row in overdue:
        _escalate(tx, row)
    return [str(row["id"]) for row in overdue]


def _unescalated(tx: Tx, case: str = "") -> list[dict[str, Any]]:
    """The cases, or one of them, that a registry has and that were not escalated."""
    if not nodes.is_registry(tx):
        return []
    of = store.cases.c
    where = of.escalated_at.is_(None) & of.side.in_(("registry", "both"))
    return store.rows(tx, store.cases, where=where & (of.id == case) if case else where)


def _is_overdue(tx: Tx, row: Mapping[str, Any]) -> bool:
    last = following.deadline_of(tx, row)
    return last is not None and bool(last["overdue"]) and last["holder"] in ("registrar", "reviewer")


def _escalate(tx: Tx, row: Mapping[str, Any]) -> None:
    last = following.deadline_of(tx, row)
    assert last is not None
    tx.change(store.cases, row["id"], escalated_at=tx.now, version=row["version"] + 1)
    evidence.append(tx, "register.case_escalated", store.cases, row["id"], due=last["day"], holder=last["holder"])
    following.tell(tx, row["id"])


ENDS = (Ends("register.case", _unescalated, _is_overdue, _escalate),)
"""Cases whose step is overdue: they do not end, somebody above is told."""


@view()
def publicity(tx: Tx) -> list[dict[str, Any]]:
    """The cases in publicity: registrant, registration type, data name, short description, and nothing else."""
    open_states = (State.PUBLICISED.value, State.OBJECTED.value)
    where = store.cases.c.state.in_(open_states) & store.cases.c.side.in_(("registry", "both"))
    return [
        {
            "registrant": "、".join(r["name"] for r in row["registrants"]),
            "type": TYPES[row["type"]],
            "name": row["filing"]["object"]["name_zh"],
            "description": row["filing"]["object"]["abstract"],
        }
        for row in store.rows(tx, store.cases, store.cases.c.publicised_at, where=where)
    ]


@verb(Role.operator)
def confirm_clock(tx: Tx, *, today: str) -> dict[str, Any]:
    """Say what day it is, where the node does not believe its clock because it stands far ahead of the last time seen.

    today: the day in Beijing (YYYY-MM-DD), from your own calendar. What the time has overtaken then ends within a
    minute, for good. {"clock", "seen"}: where the clock stands, and the time seen last. Refuses: CLK-405.
    """
    return overtaken.confirm(tx, today)


@verb(Role.operator)
def load_calendar(tx: Tx, *, file: str, key: str) -> dict[str, Any]:
    """Load a newer working-day calendar offline: the file's text and its publisher's public key."""
    calendar = workdays.load(tx, file, key)
    return {"first": calendar.first, "last": calendar.last, "issued": calendar.issued}

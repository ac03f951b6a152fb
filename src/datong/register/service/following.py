"""Registration cases as everybody sees them: the signed states that travel, views, deadlines.

From the filing on the registry's copy leads; every step comes to the registrants' nodes as a signed state
(register.case_state) with a rising version. Contract: tests/register/test_register_cases.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.ground import clock, codes, evidence, outbox, signing, workdays
from datong.ground.db import Tx, Window
from datong.register import rules, store
from datong.register.model.cases import CHANGE, CORRECTION, OVER, PERIODS, WITH_CODE, Act, State
from datong.register.model.refusals import BAD_FILING, UNKNOWN_CASE, WRONG_STATE
from datong.register.model.values import CASE_SCHEMA, FUNCTION_KINDS
from datong.register.rules import changes
from datong.register.service import nodes
from datong.terms.verbs import view

CASE_FIELDS = frozenset(
    {
        "schema", "case", "version", "state", "filing", "registrants", "registry", "reviewer", "supplement", "history",
        "since", "publicised_at", "escalated_at", "code", "valid_until", "signatures",
    }
)  # fmt: skip
_COPIED = ("state", "version", "registrants", "reviewer", "supplement", "history", "since", "publicised_at",
           "escalated_at", "code", "valid_until")  # fmt: skip


def require_open(row: Mapping[str, Any], act: Act) -> State:
    """The state after `act`, or WRONG_STATE with what may be done now."""
    after = rules.moved(row["state"], act)
    if after is None:
        raise WRONG_STATE(case=row["id"], act=act.value, state=row["state"], open=open_words(row))
    return after


def open_words(row: Mapping[str, Any]) -> str:
    return ", ".join(dict.fromkeys(act.value for act in rules.open_acts(row["state"], row["type"]))) or "—"


def known_case(tx: Tx, case: str) -> dict[str, Any]:
    row = tx.get(store.cases, case)
    if row is None:
        raise UNKNOWN_CASE(case=case[:80])
    return row


JOINABLE = (State.SUBMITTED, State.SUPPLEMENT_REQUESTED)
"""Until it is accepted, those who did not file it confirm it."""
NOTE_MAX = 1_000
"""Characters of a line of a history; what is longer stands whole with its deed, and the line says that it goes on."""


# --- states that travel ------------------------------------------------------------------------------------------


def deed(tx: Tx, act: str, state: State, note: str = "", **also: Any) -> dict[str, Any]:
    """One line of a case's history: who did what, when, and the state after; and what else belongs to the deed."""
    return {
        "act": str(act), "state": state.value, "at": tx.now, "party": tx.actor.party, "person": tx.actor.person,
        "department": tx.actor.department if tx.actor.role != "peer" else "", "issued_by": tx.actor.issued_by,
        "note": note if len(note) <= NOTE_MAX else f"{note[: NOTE_MAX - 1]}…", **also,
    }  # fmt: skip


def tell(tx: Tx, case: str) -> None:
    """Send the case as it stands to the nodes of all its registrants."""
    row = known_case(tx, case)
    value = {"schema": CASE_SCHEMA, "case": case, "filing": row["filing"], "registry": row["registry"]}
    body = signing.signed(tx, {**value, **{name: row[name] for name in _COPIED}})
    to = {row["applicant_node"]}
    for registrant in row["registrants"]:
        if registrant["party"] != row["applicant_party"]:
            to |= {node["id"] for node in store.nodes_of_party(tx, registrant["party"])[:1]}
    for node in sorted(to - {signing.me(tx).code}):
        outbox.send(tx, to=node, type="register.case_state", body=body)


def received_case_state(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.case_state: the registry's copy of a case of ours, as it stands now."""
    fault = _state_fault(tx, sender, body)
    if fault is not None:
        raise BAD_FILING(why_zh=fault[0], why=fault[1])
    row = tx.get(store.cases, body["case"])
    values = {name: body[name] for name in _COPIED}
    if row is None:
        filing = body["filing"]
        values |= {
            "id": body["case"], "side": "joint", "registry": sender, "applicant_node": filing["applicant"]["node"],
            "applicant_party": filing["applicant"]["party"], "object_kind": filing["object_kind"],
            "object_id": filing["object"]["id"], "evidence_digest": filing["object"]["evidence_digest"],
            "type": filing["type"], "basis": filing["basis"], "public_data": filing["public_data"], "filing": filing,
        }  # fmt: skip
        tx.add(store.cases, values)
    elif body["version"] <= row["version"]:
        return
    else:
        tx.change(store.cases, row["id"], **values, filing=body["filing"])
    evidence.append(tx, "register.case_state_received", store.cases, body["case"], state=body["state"])
    if body["state"] == State.CODED:
        give_code(tx, known_case(tx, body["case"]))
    if body["state"] == State.ENTERED:
        take_changes(tx, known_case(tx, body["case"]))


def _state_fault(tx: Tx, sender: str, body: Mapping[str, Any]) -> codes.Fault | None:
    registry = nodes.node(tx, sender)
    if set(body) != CASE_FIELDS or body["schema"] != CASE_SCHEMA or not isinstance(body["filing"], dict):
        return f"不是 {CASE_SCHEMA}", f"is no {CASE_SCHEMA}"
    if rules.filing_fault(body["filing"]) is not None or body["filing"]["case"] != body["case"]:
        return "所附申请有误", "holds a filing that is not sound"
    if registry["kind"] not in FUNCTION_KINDS or body["registry"] != sender:
        return "不是由登记机构发来", "does not come from the registry"
    typed = {"version": int, "state": str, "registrants": list, "history": list, "since": str}
    if any(type(body[name]) is not kind for name, kind in typed.items()) or body["state"] not in set(State):
        return "字段类型不符", "has fields of the wrong type"
    texts = ("publicised_at", "escalated_at", "code", "valid_until")
    if any(not isinstance(body[name], str | None) or len(body[name] or "") > 65 for name in texts):
        return "字段类型不符", "has fields of the wrong type"
    if not all(_is_time(body[name]) for name in ("since", "publicised_at", "escalated_at") if body[name] is not None):
        return "时刻有误", "has a time that is none"
    if any(not isinstance(body[name], dict | None) for name in ("reviewer", "supplement")):
        return "字段类型不符", "has fields of the wrong type"
    if not all(isinstance(item, dict) and isinstance(item.get("party"), str) for item in body["registrants"]):
        return "登记主体格式不符", "names registrants in a wrong form"
    if not signing.signed_by(body, registry["party"], registry["public_key"]):
        return "签名无效", "is not signed by the registry"
    return _known_fault(tx, sender, body) or _code_fault(body)


def _is_time(text: str) -> bool:
    """Whether it is an instant, and one from which the days of a step can be counted."""
    try:
        return clock.instant(text).year <= rules.LAST_YEAR
    except ValueError:
        return False


def _known_fault(tx: Tx, sender: str, body: Mapping[str, Any]) -> codes.Fault | None:
    row = tx.get(store.cases, body["case"])
    if row is None:
        others = {one["party"] for one in body["registrants"]} - {body["filing"]["applicant"]["party"]}
        if signing.me(tx).party not in others:
            return "与本主体无关", "is no case of this organisation"
        return None
    if row["registry"] != sender or row["side"] in ("registry", "both"):
        return "不是该案件的登记机构", "does not come from the registry of that case"
    if (
        body["filing"]["object"]["id"] != row["object_id"]
        or body["filing"]["applicant"]["party"] != row["applicant_party"]
    ):
        return "登记对象不符", "is about another object"
    return None


def _code_fault(body: Mapping[str, Any]) -> codes.Fault | None:
    if (body["state"] in WITH_CODE) != (body["code"] is not None):
        return "赋码状态不符", "has a code before it is coded, or none after"
    if body["code"] is None:
        return None
    fault = codes.data_code_fault(body["code"])
    if fault is not None:
        return f"数据标识{fault[0]}", f"bears a data code that {fault[1]}"
    coded_on = workdays.china_date(clock.instant(body["since"])).isoformat()
    if (wrong := rules.validity_fault(body["valid_until"], max(coded_on, _renewed_from(body)))) is not None:
        return wrong
    parsed = codes.parse_data_code(body["code"])
    if parsed.kind != body["filing"]["object_kind"] or parsed.subject != body["filing"]["applicant"]["party"]:
        return "数据标识与对象不符", "bears the code of another kind or party"
    return None


def _renewed_from(body: Mapping[str, Any]) -> str:
    """The last day before the latest renewal that the registry's history tells of, or ""."""
    last = [line["renewed_from"] for line in body["history"] if isinstance(line, dict) and "renewed_from" in line]
    return str(last[-1]) if last else ""


def give_code(tx: Tx, row: Mapping[str, Any]) -> None:
    """Write the assigned code on the resource or product, when it is of this node; in place of one that is over."""
    found = store.holding(tx, row["object_id"])
    if found is None or row["applicant_party"] != signing.me(tx).party or found[1]["code"] == row["code"]:
        return
    held = found[1]["code"]
    if held and any(case["state"] not in OVER for case in store.cases_of(tx, held)):
        return
    tx.change(found[0], found[1]["id"], code=row["code"])
    evidence.append(tx, "register.code_given", found[0], found[1]["id"], code=row["code"], case=row["id"])


def take_changes(tx: Tx, row: Mapping[str, Any]) -> None:
    """Write on the resource or product, when it is of this node, what was entered of it."""
    found = store.holding(tx, row["object_id"])
    if found is None or row["registrants"][0]["party"] != signing.me(tx).party:
        return
    values = {name: value for name, value in changes.asked(row["filing"])[1].items() if name not in changes.EVIDENCE}
    if values:
        tx.change(found[0], found[1]["id"], **values)
        evidence.append(tx, "register.changes_taken", found[0], found[1]["id"], fields=sorted(values), case=row["id"])


# --- views -------------------------------------------------------------------------------------------------------


@view()
def cases(tx: Tx, *, id: str = "", q: str = "", limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """The registration cases at this node: state, deadline, who holds it, departments on both sides.

    id: one alone, by its id or the code it was given. q: those whose name, code or applicant contains it. limit,
    offset: how many, after how many.
    """
    order, window = (store.cases.c.since, store.cases.c.id), Window(id, limit, offset, store.sought(q))
    return [case_view(tx, row) for row in store.rows(tx, store.cases, *order, window=window)]


@view()
def case(tx: Tx, *, case: str) -> dict[str, Any]:
    """One registration case with its filing, its history and the objection to settle next."""
    return whole(tx, case)


def whole(tx: Tx, case: str) -> dict[str, Any]:
    """The same, also where a peer's message moved it."""
    row = known_case(tx, case)
    told = {"filing": row["filing"], "history": row["history"], "supplement": row["supplement"]}
    return {**case_view(tx, row), **told, "open_objection": _open_objection(tx, case), "changes": _changes(tx, row)}


def _changes(tx: Tx, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a change or correction asks for, [{item, was, wanted}]; what it was is told while the case is open."""
    if row["type"] not in (CHANGE, CORRECTION):
        return []
    code, asked = changes.asked(row["filing"])
    known = tx.get(store.ledger, code) if row["state"] not in OVER else None
    entry = known["entry"] if known is not None else {"object": {}}
    told = [{"item": name, "was": entry["object"].get(name), "wanted": value} for name, value in asked.items()]
    beside = [(name, entry.get(name), row["filing"][name]) for name in ("basis", "registrants")] if known else []
    return told + [{"item": name, "was": was, "wanted": wanted} for name, was, wanted in beside if was != wanted]


def _open_objection(tx: Tx, case: str) -> str:
    """The objection that has to be settled next; "" where none is open."""
    of = store.objections.c
    waiting = tx.longest(store.objections, "raised_at", (of.case_id == case) & (of.state == "open"), 1)
    return waiting[0] if waiting else ""


def case_view(tx: Tx, row: Mapping[str, Any]) -> dict[str, Any]:
    applicant = [r for r in row["registrants"] if r.get("person")]
    unconfirmed = {r["party"] for r in row["registrants"] if not r.get("confirmed_at")}
    joins = row["state"] in JOINABLE and signing.me(tx).party in unconfirmed
    return {
        "id": row["id"], "name": row["filing"]["object"]["name_zh"], "object_kind": row["object_kind"],
        "object_id": row["object_id"], "type": row["type"], "basis": row["basis"], "public_data": row["public_data"],
        "state": row["state"], "side": row["side"], "code": row["code"], "valid_until": row["valid_until"],
        "registrants": row["registrants"],
        "applicant_departments": [{"party": r["party"], "department": r.get("department", "")} for r in applicant],
        "reviewer": row["reviewer"], "deadline": deadline_of(tx, row), "publicised_at": row["publicised_at"],
        "open": [*(act.value for act in rules.open_acts(row["state"], row["type"])), *(["join"] if joins else [])],
        "version": row["version"],
    }  # fmt: skip


def deadline_of(tx: Tx, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """{day, provisional, holder, zh, en, article, overdue, escalated_at} of the state the case waits in, or None."""
    since = row["publicised_at"] if row["state"] == State.PUBLICISED else row["since"]
    day = workdays.china_date(clock.instant(since))
    last = rules.deadline(row["state"], day, workdays.in_force(tx))
    if last is None:
        return None
    period = PERIODS[State(row["state"])]
    return {
        "day": last.earliest.isoformat(), "provisional": last.provisional, "holder": period.holder, "zh": period.zh,
        "en": period.en, "article": period.article, "overdue": last.is_past(workdays.china_date(tx.business_now)),
        "escalated_at": row["escalated_at"],
    }  # fmt: skip

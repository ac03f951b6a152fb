"""Filing a case: what the applicant and the co-registrants do, and what a filing must hold on both sides.

Contract: tests/register/test_register_cases.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.ground import evidence, outbox, signing, workdays
from datong.ground.canonical import digest
from datong.ground.crypto import hashing
from datong.ground.db import Tx, new_id
from datong.ground.refusal import Problem
from datong.register import rules, store
from datong.register.model.cases import CORRECTION, FIRST, LAST_ACTS, Act, State
from datong.register.model.refusals import (
    ALREADY_JOINED,
    BAD_FILING,
    CREDIT_CODE,
    MATERIALS_MISSING,
    NO_EVIDENCE,
    NO_REGISTRY,
    NOT_CHANGEABLE,
    NOT_PUBLIC,
    TWICE,
    TYPE_NOT_OFFERED,
    WRONG_STATE,
)
from datong.register.model.values import FILING_SCHEMA
from datong.register.rules import changes as change_rules
from datong.register.service import changing, holdings, nodes
from datong.register.service.following import JOINABLE, case_view, deed, known_case, open_words, require_open, tell
from datong.register.service.persons import party as known_party
from datong.terms.roles import Role
from datong.terms.verbs import verb

APPLICANTS = (Role.data_engineer, Role.product_manager, Role.steward)


# --- the applicant -----------------------------------------------------------------------------------------------


@verb(*APPLICANTS)
def draft_case(
    tx: Tx,
    *,
    of: str,
    co_registrants: list[str] | None = None,
    type: str = FIRST,
    basis: str = "",
    materials: dict[str, Any] | None = None,
    term_until: str | None = None,
    changes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Draft the registration of a resource or product; drafted again, it takes the place of the draft there is.

    type: first; change of one's own registration that is coded; correction of anybody's, by its data code.
    co_registrants: subject codes that file jointly; of a change, those that come in. basis: mandatory or voluntary
    (data that are not public are always voluntary). materials: {"products": text, ...}; of a change or correction
    {"reason": text}, of a correction also {"proof": digest of the file that proves the error}. term_until: last day of
    the authorised operation of a product (YYYY-MM-DD). changes: {item of its description: new value}.
    """
    if type not in LAST_ACTS:
        raise TYPE_NOT_OFFERED(type=type[:40])
    mine = signing.me(tx)
    entry = changing.standing_entry(tx, of) if type != FIRST else None
    thing, asked = _asked(tx, of, entry, changes or {})
    before = next((one for one in _own_cases(tx, thing["id"]) if one["state"] == State.DRAFT), None)
    case = before["id"] if before else new_id("case")
    registered = [one["party"] for one in entry["registrants"]] if entry else [mine.party]
    everybody = list(dict.fromkeys([*registered, *(co_registrants or [])]))
    if problems := rules.registrant_problems([{"party": code} for code in everybody]):
        raise CREDIT_CODE(problems, count=len(problems))
    same = entry is not None and entry["public_data"] == thing["public_data"]
    kept = entry["basis"] if entry is not None and same else "mandatory" if thing["public_data"] else "voluntary"
    filing = {
        "schema": FILING_SCHEMA, "case": case, "type": type, "basis": basis or kept,
        "public_data": thing["public_data"], "object_kind": thing["kind"], "object": _described(thing),
        "registrants": [{"party": code, "name": _name(tx, code, type, entry)} for code in everybody],
        "applicant": me_acting(tx), "materials": {**(materials or {}), **asked}, "term_until": term_until,
        "filed_at": tx.now, "signatures": [],
    }  # fmt: skip
    require_no_second(tx, mine.party, filing)
    if entry:
        changing.require_changeable(tx, filing)
    _require_sound(filing)
    _require_term(tx, filing)
    row = {
        "side": "applicant", "registry": "", "applicant_node": mine.code,
        "applicant_party": mine.party, "object_kind": thing["kind"], "object_id": thing["id"],
        "evidence_digest": thing["evidence_digest"], "type": type, "basis": filing["basis"],
        "public_data": thing["public_data"], "filing": filing, "registrants": filing["registrants"],
        "state": State.DRAFT.value, "version": 0, "since": tx.now,
        "history": [*(before["history"] if before else []), deed(tx, "draft", State.DRAFT)],
    }  # fmt: skip
    if before:
        tx.change(store.cases, case, **row)
    else:
        tx.add(store.cases, {"id": case, **row})
    evidence.append(tx, "register.case_drafted", store.cases, case, of=thing["id"], basis=filing["basis"])
    return case_view(tx, known_case(tx, case))


@verb(*APPLICANTS)
def submit_case(
    tx: Tx, *, case: str, materials: dict[str, Any] | None = None, changes: dict[str, Any] | None = None
) -> dict[str, Any]:
    """File a drafted case at the registry, or file it again with what the supplement asked for.

    changes: of a change or correction, what is to change besides, or otherwise, than was drafted.
    """
    row = known_case(tx, case)
    require_open(row, Act.submit)
    if row["side"] not in ("applicant", "both"):
        raise WRONG_STATE(case=case, act=Act.submit.value, state=row["state"], open="—")
    code, drafted = change_rules.asked(row["filing"])
    entry = changing.standing_entry(tx, code) if row["type"] != FIRST else None
    wanted = {name: value for name, value in drafted.items() if name not in change_rules.EVIDENCE} if entry else {}
    thing, asked = _asked(tx, row["object_id"], entry, {**wanted, **(changes or {})})
    registry = entry["registry"] if entry else _registry(tx, case)
    filing = {
        **row["filing"], "object": _described(thing), "public_data": thing["public_data"], "applicant": me_acting(tx),
        "materials": {**row["filing"]["materials"], **(materials or {}), **asked}, "filed_at": tx.now, "signatures": [],
    }  # fmt: skip
    _require_sound(filing)
    require_fileable(tx, filing)
    require_no_second(tx, signing.me(tx).party, filing)
    signed = signing.signed(tx, filing)
    here = registry == signing.me(tx).code
    tx.change(
        store.cases, case, filing=signed, registrants=rules.registrants(signed, tx.now), registry=registry,
        state=State.SUBMITTED.value, evidence_digest=thing["evidence_digest"], public_data=thing["public_data"],
        since=tx.now, applicant_node=signing.me(tx).code, side="both" if here else "applicant", escalated_at=None,
        version=row["version"] + (1 if here else 0), history=[*row["history"], deed(tx, Act.submit, State.SUBMITTED)],
    )  # fmt: skip
    evidence.append(tx, "register.case_submitted", store.cases, case, registry=registry)
    if here:
        tell(tx, case)
    else:
        outbox.send(tx, to=registry, type="register.case_filed", body={"filing": signed})
    return case_view(tx, known_case(tx, case))


@verb(Role.steward, Role.legal)
def join_filing(tx: Tx, *, case: str) -> dict[str, Any]:
    """Confirm for this organisation, a registrant, what another filed: jointly, or as a correction; before it is
    accepted."""
    row = known_case(tx, case)
    mine = signing.me(tx)
    if row["state"] not in JOINABLE:
        raise WRONG_STATE(case=case, act="join_filing", state=row["state"], open=open_words(row))
    if mine.party not in {registrant["party"] for registrant in row["registrants"]}:
        raise BAD_FILING(why_zh="本主体不是共同登记主体", why="is no joint filing of this organisation")
    require_not_joined(row, mine.party)
    if row["side"] in ("registry", "both"):
        confirm(tx, row, me_acting(tx))
    else:
        said = {"case": case, "joined": me_acting(tx), "filing": digest(row["filing"])}
        value = signing.signed(tx, {**said, "at": tx.now, "signatures": []})
        outbox.send(tx, to=row["registry"], type="register.filing_joined", body=value)
    return case_view(tx, known_case(tx, case))


def require_not_joined(row: Mapping[str, Any], party: str) -> None:
    """REG-425: a party confirms a filing once, so that a later person cannot take the place of the first."""
    if any(r["party"] == party and r.get("confirmed_at") for r in row["registrants"]):
        raise ALREADY_JOINED(case=row["id"], party=party)


def confirm(tx: Tx, row: Mapping[str, Any], who: Mapping[str, Any]) -> None:
    """Note in the registry's copy that a co-registrant confirmed, and tell everybody."""
    registrants = [rules.confirmed(registrant, who, tx.now) for registrant in row["registrants"]]
    line = {**deed(tx, "join", State(row["state"])), "party": who["party"], "person": who["person"]}
    line["department"] = who["department"]
    tx.change(
        store.cases, row["id"], registrants=registrants, version=row["version"] + 1, history=[*row["history"], line]
    )
    evidence.append(tx, "register.filing_joined", store.cases, row["id"], by=who["party"])
    tell(tx, row["id"])


def me_acting(tx: Tx) -> dict[str, str]:
    mine = signing.me(tx)
    return {
        "node": mine.code,
        "party": mine.party,
        "person": tx.actor.person,
        "department": tx.actor.department,
    }


def _thing(tx: Tx, code_or_id: str) -> dict[str, Any]:
    found = store.holding(tx, code_or_id)
    if found is None or holdings.kind_of(found[0]) == "resource":
        return holdings.resource(tx, code_or_id)
    return holdings.product(tx, code_or_id)


def _asked(
    tx: Tx, of: str, entry: Mapping[str, Any] | None, wanted: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """What is to be registered, and what the materials say of it: of an entry that is changed, its code and changes."""
    if entry is None:
        thing = _thing(tx, of)
        if wanted:
            why = ("首次登记不带 changes", "a first registration has no changes")
            raise NOT_CHANGEABLE(name=thing["name_zh"], why_zh=why[0], why=why[1])
        return thing, {}
    asked = changing.asked_of(tx, entry, wanted)
    thing = {**entry["object"], **asked, "kind": entry["kind"]}
    return thing, {"registration": {"code": entry["code"], "changes": asked}}


def _own_cases(tx: Tx, thing: str) -> list[dict[str, Any]]:
    return [one for one in store.cases_of(tx, thing) if one["side"] in ("applicant", "both")]


def _described(thing: Mapping[str, Any]) -> dict[str, Any]:
    own = ("source_kind", "source_statement") if thing["kind"] == "resource" else ("inputs", "delivery_forms")
    return {name: thing[name] for name in ("id", *rules.DESCRIPTION, *own, "evidence_digest", "evidence_at")}


def _name(tx: Tx, code: str, type: str, entry: Mapping[str, Any] | None) -> str:
    """Its name now, which a change takes in; of others, and in a correction, as it is registered."""
    mine = signing.me(tx)
    registered = {one["party"]: one["name"] for one in entry["registrants"]} if entry else {}
    if code == mine.party and type != CORRECTION:
        return mine.name
    return str(registered[code] if code in registered else known_party(tx, code)["name"])


def _registry(tx: Tx, case: str) -> str:
    mine = signing.me(tx)
    if nodes.is_registry(tx):
        return mine.code
    row = tx.get(store.nodes, mine.code) if mine.code else None
    if row is None:
        raise NO_REGISTRY(case=case)
    return str(row["record"]["issuer"])


# --- checks on both sides ----------------------------------------------------------------------------------------


def _require_sound(filing: Mapping[str, Any]) -> None:
    fault = rules.filing_fault(filing)
    if fault is not None:
        raise BAD_FILING(why_zh=fault[0], why=fault[1])


def _require_term(tx: Tx, filing: Mapping[str, Any]) -> None:
    """REG-420 where the authorised operation is over: the registration would be valid to no day (art. 15)."""
    term = filing["term_until"]
    if term is not None and term < workdays.china_date(tx.business_now).isoformat():
        raise BAD_FILING(why_zh=f"授权期限 {term} 已过", why=f"states a term that was over on {term}")


def require_fileable(tx: Tx, filing: Mapping[str, Any]) -> None:
    """REG-401, -404, -413, -414, -420, -430, of a change REG-433 and -434: what a filing must hold, on both sides."""
    if filing["type"] not in LAST_ACTS:
        raise TYPE_NOT_OFFERED(type=filing["type"])
    if filing["type"] != FIRST:
        changing.require_changeable(tx, filing)
    _require_term(tx, filing)
    if problems := rules.registrant_problems(filing["registrants"]):
        raise CREDIT_CODE(problems, count=len(problems))
    thing = filing["object"]
    preserved = thing.get("evidence_digest")
    if not isinstance(preserved, str) or not hashing.is_accepted(preserved):
        raise NO_EVIDENCE(name=thing["name_zh"])
    if problems := rules.missing_materials(filing):
        raise MATERIALS_MISSING(problems, count=len(problems))
    if not filing["public_data"] and (public := _public_inputs(tx, thing)):
        problems = [Problem(code, "属于公共数据", "is of public data") for code in public]
        raise NOT_PUBLIC(problems, name=thing["name_zh"], count=len(public))


def _public_inputs(tx: Tx, thing: Mapping[str, Any]) -> list[str]:
    """Those inputs of a product that are registered as public data; of what is not known here nothing is said."""
    known = {code: tx.get(store.ledger, str(code)) for code in thing.get("inputs") or ()}
    return [code for code, row in known.items() if row is not None and row["entry"]["object"].get("public_data")]


def require_no_second(tx: Tx, party: str, filing: Mapping[str, Any]) -> None:
    """REG-409 when the thing, or a resource of the same source files, has a case already, besides the registration that
    is changed and what others ask of it."""
    thing, besides = filing["object"], {filing["case"]}
    if filing["type"] != FIRST:
        code = change_rules.asked(filing)[0]
        known = store.cases_of(tx, thing["id"])
        besides |= {one["id"] for one in known if one["code"] == code or one["applicant_party"] != party}
    other = store.open_or_coded(tx, party, thing["id"], thing.get("evidence_digest"), besides)
    if other is not None:
        raise TWICE(name=thing["name_zh"], case=other["id"], state=other["state"])

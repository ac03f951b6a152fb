"""Resources and products: what their owner says of them, evidence preserved, and how others look them up.

Declared at the owner's node; other nodes know a registered one by the ledger's signed entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table

from datong.ground import evidence, signing
from datong.ground.canonical import digest
from datong.ground.db import Tx, Window, new_id
from datong.ground.refusal import Problem, unless_unknown
from datong.register import rules, store
from datong.register.model.cases import FIRST, OVER, WITH_CODE, State
from datong.register.model.refusals import ALREADY_REGISTERED, INCOMPLETE_DESCRIPTION, NOT_FIT, UNKNOWN_THING
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

UNREGISTERED = "UNREGISTERED"
_AMENDABLE = {State.DRAFT, State.SUPPLEMENT_REQUESTED, *OVER}


@verb(Role.data_engineer)
def declare_resource(
    tx: Tx,
    *,
    name_zh: str,
    name_en: str,
    abstract: str,
    standard: str,
    source_kind: str,
    source_statement: str,
    licence: str,
    licence_terms: dict[str, Any],
    public_data: bool,
    personal: bool,
    grade: int,
    update_frequency: str,
    area: str,
    level: str = "general",
    industry: str = "",
    scenario: str = "",
    security_assessment: str = "",
) -> dict[str, Any]:
    """Declare a data resource: description, lawful source (001-004), licence {commercial, derivatives, attribution}."""
    facts = {
        "name_zh": name_zh, "name_en": name_en, "abstract": abstract, "standard": standard, "source_kind": source_kind,
        "source_statement": source_statement, "licence": {"name": licence, **licence_terms},
        "public_data": public_data, "personal": personal, "grade": grade, "level": level,
        "update_frequency": update_frequency, "area": area, "industry": industry, "scenario": scenario,
        "security_assessment": security_assessment,
    }  # fmt: skip
    return _declare(tx, store.resources, facts)


@verb(Role.product_manager)
def declare_product(
    tx: Tx,
    *,
    name_zh: str,
    name_en: str,
    abstract: str,
    standard: str,
    inputs: list[str],
    scenario: str,
    delivery_forms: list[str],
    licence: str,
    licence_terms: dict[str, Any],
    public_data: bool,
    personal: bool,
    grade: int,
    update_frequency: str,
    area: str,
    level: str = "general",
    industry: str = "",
    security_assessment: str = "",
) -> dict[str, Any]:
    """Declare a data product made of resources (their codes); public_data: public resources are among them."""
    facts = {
        "name_zh": name_zh, "name_en": name_en, "abstract": abstract, "standard": standard, "inputs": inputs,
        "scenario": scenario, "delivery_forms": delivery_forms, "licence": {"name": licence, **licence_terms},
        "public_data": public_data, "personal": personal, "grade": grade, "level": level,
        "update_frequency": update_frequency, "area": area, "industry": industry,
        "security_assessment": security_assessment,
    }  # fmt: skip
    return _declare(tx, store.products, facts)


def _declare(tx: Tx, of: Table, facts: dict[str, Any]) -> dict[str, Any]:
    _check(of, facts)
    key = new_id("res" if of is store.resources else "prod")
    own = {"id": key, "owner": signing.me(tx).party, "declared_by": tx.actor.person, "declared_at": tx.now}
    tx.add(of, {**facts, **own})
    evidence.append(tx, f"register.{kind_of(of)}_declared", of, key, name=facts["name_zh"], grade=facts["grade"])
    return _by_id(tx, key)


def _check(of: Table, facts: Mapping[str, Any]) -> None:
    find = rules.resource_problems if of is store.resources else rules.product_problems
    problems = find(facts)
    if problems:
        raise INCOMPLETE_DESCRIPTION(problems, name=str(facts.get("name_zh"))[:80], count=len(problems))


@verb(Role.data_engineer, Role.product_manager)
def amend_description(tx: Tx, *, of: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Change the description of a resource or product that is neither filed nor coded (or is being supplemented)."""
    table, row = _own(tx, of)
    states = {case["state"] for case in store.cases_of(tx, row["id"])}
    if states - _AMENDABLE:
        raise ALREADY_REGISTERED(name=row["name_zh"])
    allowed = {*rules.DESCRIPTION, "source_kind", "source_statement", "inputs", "delivery_forms"} & {*table.c.keys()}
    if unknown := sorted(set(changes) - allowed):
        raise INCOMPLETE_DESCRIPTION(
            [Problem(name[:80], "没有这一项", "no such item") for name in unknown],
            name=row["name_zh"], count=len(unknown),
        )  # fmt: skip
    _check(table, {**row, **changes})
    tx.change(table, row["id"], **changes)
    evidence.append(tx, f"register.{kind_of(table)}_amended", table, row["id"], fields=sorted(changes))
    return _by_id(tx, row["id"])


@verb(Role.data_engineer, Role.product_manager)
def preserve_evidence(tx: Tx, *, of: str, files: dict[str, str]) -> dict[str, Any]:
    """Preserve evidence (存证) of the source files of a resource or product: {file name: "sha256:..."}.

    Of one that is coded it is entered by a change (`draft_case`, type change).
    """
    table, row = _own(tx, of)
    problems = rules.evidence_problems(files)
    if problems:
        raise NOT_FIT(problems, count=len(problems))
    value = digest(sorted(files.items()))
    if row["evidence_digest"] == value:
        return _by_id(tx, row["id"])
    own = [case for case in store.cases_of(tx, row["id"]) if case["side"] in ("applicant", "both")]
    if {case["state"] for case in own} - _AMENDABLE - WITH_CODE:  # what others ask to have corrected holds up nothing
        raise ALREADY_REGISTERED(name=row["name_zh"])
    tx.change(table, row["id"], evidence_digest=value, evidence_files=files, evidence_at=tx.now)
    evidence.append(tx, "register.evidence_preserved", table, row["id"], digest=value, files=len(files))
    return _by_id(tx, row["id"])


def _own(tx: Tx, code_or_id: str) -> tuple[Table, dict[str, Any]]:
    found = store.holding(tx, code_or_id)
    if found is None:
        raise UNKNOWN_THING(kind_zh="数据资源或产品", kind="resource or product", code=code_or_id[:80])
    return found


def _by_id(tx: Tx, key: str) -> dict[str, Any]:
    table, row = _own(tx, key)
    return _shown(tx, table, row)


def kind_of(of: Table) -> str:
    return "resource" if of is store.resources else "product"


def _shown(tx: Tx, of: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """What the owner says of it; while it is coded, what the ledger says. Of two licences the narrower holds."""
    party = tx.get(store.parties, row["owner"])
    name = party["name"] if party else signing.me(tx).name
    entry = tx.get(store.ledger, row["code"]) if row["code"] else None
    if entry is not None and entry["state"] == State.CODED:
        entered = {name: value for name, value in entry["entry"]["object"].items() if name in rules.DESCRIPTION}
        row = {**row, **entered, "licence": rules.narrower_licence(entered["licence"], row["licence"])}
    return {**row, "kind": kind_of(of), "owner_name": name, "local": True, "state": registration_state(tx, row["id"])}


def declarer(tx: Tx, case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Who declared the object of a case at this node, as {person, party, department}; empty for another node's."""
    found = store.holding(tx, case["object_id"])
    if found is None or case["applicant_party"] != signing.me(tx).party:
        return []
    person = tx.get(store.people, found[1]["declared_by"])
    department = person["department"] if person else ""
    return [{"person": found[1]["declared_by"], "party": case["applicant_party"], "department": department}]


# --- looking up --------------------------------------------------------------------------------------------------


def resource(tx: Tx, code_or_id: str) -> dict[str, Any]:
    """A data resource, own or from the ledger: {id, code, owner, owner_name, local, name_zh, ..., licence, state}.

    licence: {name, commercial, derivatives, attribution}. UNKNOWN_THING when neither knows it.
    """
    return _thing(tx, code_or_id, "resource", "数据资源")


def product(tx: Tx, code_or_id: str) -> dict[str, Any]:
    """A data product, own or from the ledger, with its `inputs` (resource codes)."""
    return _thing(tx, code_or_id, "product", "数据产品")


def _thing(tx: Tx, code_or_id: str, kind: str, kind_zh: str) -> dict[str, Any]:
    found = store.holding(tx, code_or_id)
    if found is not None and kind_of(found[0]) == kind:
        return _shown(tx, *found)
    entry = tx.get(store.ledger, code_or_id)
    if found is None and entry is not None and entry["kind"] == kind:
        value = entry["entry"]
        owner = value["registrants"][0]
        return {
            **value["object"], "id": value["object"]["id"], "code": value["code"], "kind": kind,
            "owner": owner["party"], "owner_name": owner["name"], "local": False, "state": entry["state"],
        }  # fmt: skip
    raise UNKNOWN_THING(kind_zh=kind_zh, kind=kind, code=code_or_id[:80])


def is_own_resource(tx: Tx, code_or_id: str) -> bool:
    """Whether this is a resource of this node's party."""
    known = unless_unknown(lambda: resource(tx, code_or_id))
    return known is not None and bool(known["owner"] == signing.me(tx).party)


def level_of(tx: Tx, code_or_id: str) -> str:
    """ "general", "important" or "core" as a resource is registered; general where it is not known here."""
    known = unless_unknown(lambda: resource(tx, code_or_id)) or {}
    return str(known.get("level") or "general")


def registration_state(tx: Tx, code_or_id: str) -> str:
    """State of the registration of a resource or product ("CODED" when registered), UNREGISTERED without one."""
    return registration(tx, code_or_id)[0]


def registration(tx: Tx, code_or_id: str) -> tuple[str, str]:
    """(state, last day of validity or ""): what the ledger says of a code, else its latest case."""
    found = store.cases_of(tx, code_or_id)
    local = store.holding(tx, code_or_id)
    if local is not None and not found:
        found = store.cases_of(tx, local[1]["id"])
    entry = tx.get(store.ledger, (local and local[1]["code"]) or code_or_id)
    if entry is not None:
        return str(entry["state"]), str(entry["entry"].get("valid_until") or "")
    if not found:
        return UNREGISTERED, ""
    first = [case for case in found if case["type"] == FIRST] or found
    case = ([case for case in first if case["state"] not in OVER] or first)[-1]
    return str(case["state"]), str(case["valid_until"] or "")


@view()
def resources(tx: Tx, *, id: str = "", q: str = "", limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """The data resources of this node.

    id: one alone, by its id or its code. q: those whose name, code or owner contains it. limit, offset: how many, after
    how many.
    """
    window = Window(id, limit, offset, store.sought(q))
    found = store.rows(tx, store.resources, store.resources.c.declared_at, window=window)
    return [_shown(tx, store.resources, row) for row in found]


@view()
def products(tx: Tx, *, id: str = "", q: str = "", limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """The data products of this node.

    id: one alone, by its id or its code. q: those whose name, code or owner contains it. limit, offset: how many, after
    how many.
    """
    window = Window(id, limit, offset, store.sought(q))
    found = store.rows(tx, store.products, store.products.c.declared_at, window=window)
    return [_shown(tx, store.products, row) for row in found]

"""The one ledger (一本账): an entry per registered resource or product, signed by its registry.

Entries are upserted by code and version, so that an incremental export can be replayed; other nodes keep the
entries sent to them. Contract: tests/register/test_register_ledger.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datong.ground import codes, evidence, outbox, signing, workdays
from datong.ground.db import Tx, Window
from datong.register import rules, store
from datong.register.model.cases import FIRST, State
from datong.register.model.refusals import BAD_FILING, INCOMPLETE_DESCRIPTION, NOT_CODED, UNKNOWN_THING
from datong.register.model.values import ENTRY_SCHEMA, FUNCTION_KINDS
from datong.register.service import nodes
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

ENTRY_FIELDS = frozenset(
    {
        "schema", "code", "version", "kind", "type", "basis", "public_data", "state", "object", "registrants",
        "coded_on", "valid_until", "registry", "signatures",
    }
)  # fmt: skip


def enter(tx: Tx, row: Mapping[str, Any], coded_on: str) -> dict[str, Any]:
    """Enter a coded case in the ledger of this registry; the signed entry."""
    entry = signing.signed(
        tx,
        {
            "schema": ENTRY_SCHEMA, "code": row["code"], "version": store.next_ledger_version(tx),
            "kind": row["object_kind"], "type": row["type"], "basis": row["basis"], "public_data": row["public_data"],
            "state": State.CODED.value, "object": row["filing"]["object"],
            "registrants": [{"party": r["party"], "name": r["name"]} for r in row["registrants"]],
            "coded_on": coded_on, "valid_until": row["valid_until"], "registry": signing.me(tx).code, "signatures": [],
        },
    )  # fmt: skip
    _keep_entry(tx, entry, "register.ledger_entered")
    return entry


def enter_again(tx: Tx, code: str, act: str, *, kept: Mapping[str, Any] | None = None, **changes: Any) -> None:
    """Enter what changed of a code under a new version and send the entry to every other member."""
    row = tx.get(store.ledger, code)
    assert row is not None
    bare = {**row["entry"], **changes, "version": store.next_ledger_version(tx), "signatures": []}
    entry = signing.signed(tx, bare)
    _keep_entry(tx, entry, act, **(kept or {}))
    publish(tx, entry)


def publish(tx: Tx, entry: Mapping[str, Any]) -> None:
    """Send an entry to every other member."""
    for member in store.listening_nodes(tx):
        if member["id"] != signing.me(tx).code:
            outbox.send(tx, to=member["id"], type="register.ledger_entry", body={"entry": entry})


def _keep_entry(tx: Tx, entry: Mapping[str, Any], act: str, **also: Any) -> None:
    values = {
        **also,
        "version": entry["version"],
        "kind": entry["kind"],
        "state": entry["state"],
        "entry": entry,
        "at": tx.now,
    }
    if tx.get(store.ledger, entry["code"]) is None:
        tx.add(store.ledger, {"id": entry["code"], **values})
    else:
        tx.change(store.ledger, entry["code"], **values)
    evidence.append(tx, act, store.ledger, entry["code"], version=entry["version"], kind=entry["kind"])


def received_ledger_entry(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.ledger_entry: a registered resource or product, signed by its registry."""
    registry, entry = nodes.node(tx, sender), body.get("entry")
    fault = _entry_fault(registry, entry)
    if fault is not None or not isinstance(entry, dict):
        raise BAD_FILING(why_zh=(fault or ("", ""))[0], why=(fault or ("", ""))[1])
    known = tx.get(store.ledger, entry["code"])
    if known is not None and known["entry"]["registry"] != sender:
        raise BAD_FILING(why_zh="该标识属于另一登记机构", why="is about a code of another registry")
    before = known["entry"]["valid_until"] if known is not None else entry["valid_until"]
    if (wrong := rules.validity_fault(entry["valid_until"], before)) is not None:
        raise BAD_FILING(why_zh=wrong[0], why=wrong[1])
    if known is None or known["version"] < entry["version"]:
        _keep_entry(tx, entry, "register.ledger_entry_received")


def _entry_fault(registry: Mapping[str, Any], entry: Any) -> codes.Fault | None:
    if not isinstance(entry, dict) or set(entry) != ENTRY_FIELDS or entry["schema"] != ENTRY_SCHEMA:
        return f"不是 {ENTRY_SCHEMA}", f"is no {ENTRY_SCHEMA}"
    if entry["state"] not in (State.CODED, State.ENDED):
        return "状态有误", "has a state that no entry has"
    if registry["kind"] not in FUNCTION_KINDS or entry["registry"] != registry["code"]:
        return "不是由登记机构发来", "does not come from the registry"
    texts = ("code", "kind", "type", "basis", "state", "coded_on", "valid_until")
    if any(not isinstance(entry[name], str) for name in texts) or type(entry["version"]) is not int:
        return "字段类型不符", "has fields of the wrong type"
    fault = codes.data_code_fault(entry["code"])
    if fault is not None or codes.parse_data_code(entry["code"]).kind != entry["kind"]:
        return "数据标识有误", "bears a wrong data code"
    if entry["type"] == FIRST and (wrong := rules.validity_fault(entry["valid_until"], entry["coded_on"])) is not None:
        return wrong
    registrants, thing = entry["registrants"], entry["object"]
    sound = isinstance(registrants, list) and bool(registrants) and all(map(rules.is_registrant, registrants))
    find = rules.resource_problems if entry["kind"] == "resource" else rules.product_problems
    if not sound or not isinstance(thing, dict) or not isinstance(thing.get("id"), str) or find(thing):
        return "描述有误", "describes its object wrongly"
    if not signing.signed_by(entry, registry["party"], registry["public_key"]):
        return "签名无效", "is not signed by the registry"
    return None


# --- licence terms -----------------------------------------------------------------------------------------------


@verb(Role.legal, Role.data_engineer, Role.product_manager)
def change_licence(
    tx: Tx, *, of: str, licence: str, licence_terms: dict[str, Any], reason: str
) -> dict[str, Any]:  # fmt: skip
    """Change or withdraw the licence terms of one's own registered resource or product; the ledger follows.

    licence_terms: {"commercial": bool, "derivatives": bool, "attribution": text}. What is narrowed holds here at once
    and elsewhere with the ledger's entry; what is widened holds once it is entered.
    """
    found = store.holding(tx, of)
    if found is None:
        raise UNKNOWN_THING(kind_zh="数据资源或产品", kind="resource or product", code=of[:80])
    table, row = found
    terms = {"name": licence, **licence_terms}
    if problems := rules.licence_problems(terms):
        raise INCOMPLETE_DESCRIPTION(problems, name=row["name_zh"], count=len(problems))
    entered = tx.get(store.ledger, row["code"]) if row["code"] else None
    if row["code"] is None or (entered is not None and entered["state"] != State.CODED):
        raise NOT_CODED(name=row["name_zh"])
    tx.change(table, row["id"], licence=terms)
    evidence.append(tx, "register.licence_changed", table, row["id"], code=row["code"], licence=terms,
                    reason=reason)  # fmt: skip
    bare = {"code": row["code"], "licence": terms, "reason": reason, "at": tx.wall, "signatures": []}
    word, registry = signing.signed(tx, bare), _registry_of(tx, row["code"])
    if registry == signing.me(tx).code:
        _enter_licence(tx, word)
    else:
        outbox.send(tx, to=registry, type="register.licence_changed", body=word)
    return {"code": row["code"], "licence": terms, "registry": registry}


def _registry_of(tx: Tx, code: str) -> str:
    entry = tx.get(store.ledger, code)
    return str(entry["entry"]["registry"] if entry is not None else store.cases_of(tx, code)[-1]["registry"])


def received_licence_changed(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.licence_changed: the owner's signed word on the licence terms of what is entered here."""
    nodes.area(tx, "register.licence_changed")
    owner = nodes.node(tx, sender)
    fault = _word_fault(tx, owner, body)
    if fault is not None:
        raise BAD_FILING(why_zh=fault[0], why=fault[1])
    _enter_licence(tx, body)


def _word_fault(tx: Tx, owner: Mapping[str, Any], word: Mapping[str, Any]) -> codes.Fault | None:
    if set(word) != WORD_FIELDS or not all(isinstance(word[name], str) for name in ("code", "reason", "at")):
        return "格式不符", "is of a wrong form"
    if not isinstance(word["licence"], dict) or rules.licence_problems(word["licence"]):
        return "许可条款有误", "states wrong licence terms"
    row = tx.get(store.ledger, word["code"])
    if row is None or row["state"] != State.CODED or row["entry"]["registry"] != signing.me(tx).code:
        return "该标识未在本台账", "is about nothing that is entered here"
    if row["entry"]["registrants"][0]["party"] != owner["party"]:
        return "发送方不是登记主体", "does not come from the registrant"
    if not signing.signed_by(word, owner["party"], owner["public_key"]):
        return "签名无效", "is not signed by its sender"
    return None


def _enter_licence(tx: Tx, word: Mapping[str, Any]) -> None:
    """Enter the terms under a new version and send the entry; an older word changes nothing."""
    row = tx.get(store.ledger, word["code"])
    assert row is not None
    if row["licence_word"] is not None and row["licence_word"]["at"] >= word["at"]:
        return
    thing = {**row["entry"]["object"], "licence": word["licence"]}
    enter_again(tx, word["code"], "register.licence_entered", kept={"licence_word": dict(word)}, object=thing)


WORD_FIELDS = frozenset({"code", "licence", "reason", "at", "signatures"})


@view()
def ledger(
    tx: Tx, *, since_version: int = 0, code: str = "", q: str = "", limit: int | None = None, offset: int = 0
) -> dict[str, Any]:
    """The one ledger (一本账) after a version: {version, entries (upsert by code), tombstones, counts}.

    code: of that one alone. q: entries whose name or code contains it. limit, offset: how many entries, after how many;
    a part of them comes without counts.
    """
    later, window = store.ledger.c.version > since_version, Window(code, limit, offset, store.sought(q))
    coded = store.ledger.c.state == State.CODED
    entries = store.rows(tx, store.ledger, store.ledger.c.version, where=later & coded, window=window)
    return {
        "version": store.next_ledger_version(tx) - 1,
        "entries": [row["entry"] for row in entries],
        "tombstones": store.ids(tx, store.ledger, store.ledger.c.version, where=later & ~coded, window=Window(code)),
        "counts": store.ledger_counts(tx, coded, Window(code)) if limit is None and not offset and not q else [],
    }


def described(tx: Tx, code: str) -> dict[str, Any] | None:
    """What the ledger here says a code stands for, also where its registration is over; None where it knows none."""
    row = tx.get(store.ledger, code)
    thing = row["entry"].get("object") if row else None
    return dict(thing) if thing else None


def over(tx: Tx, data_codes: Sequence[str]) -> frozenset[str]:
    """Those of these codes of which the ledger here says that their registration ended or lapsed."""
    found: set[str] = set()
    today = workdays.china_date(tx.business_now).isoformat()
    for start in range(0, len(data_codes), 500):
        found |= store.not_in_force(tx, data_codes[start : start + 500], today)
    return frozenset(found)


def registered_to(tx: Tx, code: str) -> frozenset[str]:
    """The parties for whom a code stands in the ledger now; none when it does not."""
    row = tx.get(store.ledger, code)
    if row is None or row["state"] != State.CODED:
        return frozenset()
    return frozenset(one["party"] for one in row["entry"]["registrants"])

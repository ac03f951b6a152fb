"""Nodes: how one joins, what the function node assigns, and the signed directory others rely on.

    apply_to_join     the new node sends its self-signed application (register.join)
    admit_node        the registrar assigns the code and signs the membership record (register.admitted), or refuses
    admit_connector   the same for a connector of another make, which sends no application: the registrar enters its DID
    suspend / ...     a new record with a higher serial goes to every member (register.membership_changed)
    learn_node        any node keeps a record after checking the function node's signature

Codes never change once assigned; the node assigns, the client never invents one (NDI-TR-2025-04).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from datong.ground import codes, evidence, outbox, signing
from datong.ground.canonical import hexdigest
from datong.ground.crypto.profile import require_accepted
from datong.ground.db import Tx, settings
from datong.ground.keys import PublicKey
from datong.ground.refusal import Problem
from datong.register import rules, store
from datong.register.model.refusals import (
    ALREADY_CODED,
    APPLICATIONS_FULL,
    BAD_APPLICATION,
    BAD_RECORD,
    NODE_STATE,
    NOT_FUNCTION_NODE,
    UNKNOWN_NODE,
)
from datong.register.model.values import (
    APPLICATION_SCHEMA,
    FUNCTION_KINDS,
    JOINING_KINDS,
    MEMBERSHIP_SCHEMA,
    SETTING_AREA,
    SETTING_CODE,
    TYPE_CODES,
    Membership,
    NodeKind,
)
from datong.register.service.credentials import revoke_credentials_of
from datong.register.service.persons import party, remember_party
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

_NODE_FIELDS = ("schema", "party", "name", "address", "public_key", "kind", "signatures")
RECORD_FIELDS = frozenset({*_NODE_FIELDS, "code", "state", "serial", "issued_at", "issuer"})
ADDRESS_MAX = 2000
NODE_ADDRESS_MAX, NAME_MAX = 300, 200
APPLICATIONS_MAX = 1_000
"""Applications that wait at once: anybody can make a key and apply, and each takes room until somebody decides it."""
APPLICATION_FIELDS = frozenset({*_NODE_FIELDS, "at"})
OTHER_MAKE_FIELDS = frozenset({"did", "make"})
"""What a record has besides where the connector is of another make, and then no public_key: it has none of ours."""


# --- the function node -------------------------------------------------------------------------------------------


def found(tx: Tx, *, area: str) -> dict[str, Any]:
    """Make this node the function node of `area` (4 digits) and give it its own code; not a verb.

    Repeated with the same facts it answers as before.
    """
    mine = signing.me(tx)
    known = tx.get(settings, SETTING_AREA)
    if known is not None and mine.code:
        return membership(tx, mine.code)
    if mine.code:
        raise ALREADY_CODED(verb="found", code=mine.code)
    problems = rules.code_problem("party", codes.credit_code_fault(mine.party))
    if not (len(area) == 4 and area.isascii() and area.isdigit()):
        problems.append(Problem("area", "应为 4 位数字", "should have four digits"))
    if problems:
        raise BAD_APPLICATION(problems, count=len(problems))
    tx.add(settings, {"id": SETTING_AREA, "value": area})
    evidence.append(tx, "register.area_set", settings, SETTING_AREA, area=area)
    code = _new_code(tx, NodeKind.regional, mine.party, area)
    _take_code(tx, code)
    key = signing.node_key(tx).public.text
    facts = {"party": mine.party, "name": mine.name, "address": mine.address, "public_key": key,
             "kind": str(NodeKind.regional)}  # fmt: skip
    record = _record(tx, code, facts, Membership.active, 1)
    _keep(tx, record, "register.function_node_founded")
    return record


def is_registry(tx: Tx) -> bool:
    """Whether this node is a function node: assigns codes, keeps the ledger."""
    return tx.get(settings, SETTING_AREA) is not None


def is_function_node(tx: Tx, code: str) -> bool:
    """Whether the directory knows this node as an active function node, of whatever level."""
    row = tx.get(store.nodes, code)
    return row is not None and row["kind"] in FUNCTION_KINDS and row["state"] == "active"


def area(tx: Tx, doing: str) -> str:
    """Area of this function node; NOT_FUNCTION_NODE when it is none."""
    row = tx.get(settings, SETTING_AREA)
    if row is None:
        raise NOT_FUNCTION_NODE(verb=doing)
    return str(row["value"])


def random_part() -> str:
    """Eight random digits and capital letters."""
    return "".join(secrets.choice(codes.CODE_ALPHABET[:36]) for _ in range(8))


def _new_code(tx: Tx, kind: NodeKind, subject: str, region: str) -> str:
    while True:
        code = codes.node_code(TYPE_CODES[kind], subject, region, random_part())
        if tx.get(store.nodes, code) is None:
            return code


def _take_code(tx: Tx, code: str) -> None:
    tx.add(settings, {"id": SETTING_CODE, "value": code})
    evidence.append(tx, "register.code_received", settings, SETTING_CODE, code=code)


def _record(tx: Tx, code: str, facts: Mapping[str, Any], state: str, serial: int) -> dict[str, Any]:
    names = ("party", "name", "address", "public_key", "kind", *(n for n in sorted(OTHER_MAKE_FIELDS) if n in facts))
    value = {
        "schema": MEMBERSHIP_SCHEMA, "code": code, **{name: facts[name] for name in names}, "state": str(state),
        "serial": serial, "issued_at": tx.now, "issuer": signing.me(tx).code,
    }  # fmt: skip
    return signing.signed(tx, value)


# --- joining -----------------------------------------------------------------------------------------------------


@verb(Role.operator)
def apply_to_join(tx: Tx, *, function_node: str, kind: str = "connector") -> dict[str, Any]:
    """Apply to the function node at this address for a node code; kind is connector or business."""
    mine = signing.me(tx)
    if mine.code:
        raise ALREADY_CODED(verb="apply_to_join", code=mine.code)
    application = signing.signed(
        tx,
        {
            "schema": APPLICATION_SCHEMA, "party": mine.party, "name": mine.name, "address": mine.address,
            "public_key": signing.node_key(tx).public.text, "kind": kind, "at": tx.now,
        },
    )  # fmt: skip
    problems = _application_problems(application)
    if (wrong := rules.address_problem(function_node)) is not None:
        problems.append(Problem("function_node", wrong.zh, wrong.en))
    if problems:
        raise BAD_APPLICATION(problems, count=len(problems))
    outbox.send(tx, to=function_node, type="register.join", body=application)
    return {"sent_to": function_node, "public_key": application["public_key"]}


def _application_problems(body: Mapping[str, Any]) -> list[Problem]:
    """Everything wrong with an application, which anybody may have written."""
    if set(body) != APPLICATION_FIELDS or body["schema"] != APPLICATION_SCHEMA:
        return [Problem("application", f"应为 {APPLICATION_SCHEMA}", f"should follow {APPLICATION_SCHEMA}")]
    texts = [name for name in APPLICATION_FIELDS - {"signatures"} if not isinstance(body[name], str)]
    if texts or not isinstance(body["signatures"], list):
        return [Problem(name, "应为文本", "should be a text") for name in sorted(texts) or ["signatures"]]
    problems = _facts_problems(body)
    if body["kind"] not in JOINING_KINDS:
        problems.append(Problem("kind", "应为 business 或 connector", "should be business or connector"))
    require_accepted(body["public_key"])
    if not _is_key(body["public_key"]):
        problems.append(Problem("public_key", "不是公钥", "is no public key"))
    elif not signing.signed_by(body, body["party"], body["public_key"]):
        problems.append(Problem("signatures", "未以申请的密钥签名", "not signed with the key applied for"))
    return problems


def _facts_problems(facts: Mapping[str, str]) -> list[Problem]:
    """Everything wrong with the party, name and address of a node."""
    problems = rules.code_problem("party", codes.credit_code_fault(facts["party"]))
    if not 1 <= len(facts["name"].strip()) <= NAME_MAX:
        problems.append(Problem("name", f"应为 1 至 {NAME_MAX} 字", f"should have 1 to {NAME_MAX} characters"))
    wrong = rules.address_problem(facts["address"])
    if wrong is not None or len(facts["address"]) > NODE_ADDRESS_MAX:
        problems.append(wrong or Problem("address", "过长", "is too long"))
    return problems


def _is_key(text: str) -> bool:
    try:
        return bool(PublicKey(text).raw) and len(text) <= 100
    except ValueError:
        return False


def received_join(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.join: keep the application of a new node for the registrar."""
    area(tx, "register.join")
    problems = _application_problems(body)
    if problems:
        raise BAD_APPLICATION(problems, count=len(problems))
    key = "application-" + hexdigest(body["public_key"])[:32]
    known = tx.get(store.applications, key)
    if known is not None and known["state"] != "refused":
        return  # sent again, perhaps under the code it was given meanwhile
    if sender not in (body["party"], body["address"]):
        raise BAD_APPLICATION([Problem("party", "与发送方不符", "is not the sender")], count=1)
    if tx.count(store.applications, state="applied") >= APPLICATIONS_MAX:
        raise APPLICATIONS_FULL(most=APPLICATIONS_MAX)
    names = ("party", "name", "address", "public_key", "kind")
    row = {**{name: body[name] for name in names}, "state": "applied", "applied_at": tx.now}
    if known is None:
        tx.add(store.applications, {"id": key, **row})
    else:
        tx.change(store.applications, key, **row)
    evidence.append(tx, "register.join_applied", store.applications, key, applicant=body["party"], kind=body["kind"])


@view(Role.registrar, Role.operator)
def join_applications(tx: Tx) -> list[dict[str, Any]]:
    """Applications to join this function node, the open ones first."""
    of = store.applications.c
    return store.rows(tx, store.applications, of.state != "applied", of.applied_at)


@verb(Role.registrar)
def admit_node(tx: Tx, *, application: str, admit: bool = True, reason: str = "") -> dict[str, Any]:
    """Admit a node: assign its code, sign its membership record and send it; or refuse its application (admit: no).

    Who was refused may apply again. To end a membership: `revoke_node`.
    """
    region = area(tx, "admit_node")
    row = tx.get(store.applications, application)
    if row is None:
        raise UNKNOWN_NODE(code=application[:80])
    if not admit:
        return _refused(tx, row, reason)
    if row["state"] == "admitted":
        return membership(tx, str(row["code"]))
    code = _new_code(tx, NodeKind(row["kind"]), row["party"], region)
    record = _record(tx, code, row, Membership.active, 1)
    tx.change(store.applications, application, state="admitted", code=code)
    evidence.append(tx, "register.application_admitted", store.applications, application, code=code)
    _keep(tx, record, "register.node_admitted")
    outbox.send(tx, to=row["address"], type="register.admitted", body={"record": record}, key=f"admitted/{code}")
    return record


def _refused(tx: Tx, row: Mapping[str, Any], reason: str) -> dict[str, Any]:
    if row["state"] == "admitted":
        raise NODE_STATE(code=row["code"], state=row["state"], wanted="refused")
    if row["state"] != "refused":
        tx.change(store.applications, row["id"], state="refused")
        evidence.append(tx, "register.application_refused", store.applications, row["id"], reason=reason)
    return {"application": row["id"], "state": "refused"}


@verb(Role.registrar)
def admit_connector(tx: Tx, *, name: str, party: str, address: str, did: str, make: str) -> dict[str, Any]:
    """Admit a connector of another make 接纳异构连接器, which proves itself by credentials under its DID.

    address: where it speaks the Dataspace Protocol; did: its did:web, on whatever host; make: product and version. It
    deals with nodes that take credentials (peers.identity = dcp, either). The same DID again enters what has changed.
    """
    region = area(tx, "admit_connector")
    facts = {"party": party, "name": name, "address": address, "did": did, "make": make, "public_key": "",
             "kind": str(NodeKind.connector)}  # fmt: skip
    problems = _facts_problems(facts)
    if not codes.is_did_web(did):
        problems.append(Problem("did", "应为 did:web", "should be a did:web"))
    if not 1 <= len(make.strip()) <= NAME_MAX:
        problems.append(Problem("make", f"应为 1 至 {NAME_MAX} 字", f"should have 1 to {NAME_MAX} characters"))
    members = [row for row in store.rows(tx, store.nodes) if row["public_key"] == "" and row["state"] != "revoked"]
    known = next((row for row in members if row["record"].get("did") == did), None)
    if known is not None and known["party"] != party:
        problems.append(Problem("did", "属于另一主体的连接器", "is of a connector of another party"))
    if problems:
        raise BAD_APPLICATION(problems, count=len(problems))
    if known is None:
        code, state, serial = _new_code(tx, NodeKind.connector, party, region), Membership.active, 1
    elif all(known["record"][field] == value for field, value in facts.items()):
        return membership(tx, str(known["id"]))
    else:
        code, state, serial = known["id"], Membership(known["state"]), known["serial"] + 1
    record = _record(tx, code, facts, state, serial)
    _keep(tx, record, "register.connector_admitted")
    if known is not None:
        _tell_members(tx, record)
    return record


def received_admitted(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.admitted: this node's own record, from the function node it applied to."""
    issuer = node(tx, sender)
    record = body.get("record")
    if issuer["kind"] not in FUNCTION_KINDS or not isinstance(record, dict):
        raise BAD_RECORD(why_zh="不是由功能节点发来", why="does not come from a function node")
    learned = learn_node(tx, record=record, function_key=issuer["public_key"])
    mine = signing.me(tx)
    if (learned["public_key"], learned["party"]) != (signing.node_key(tx).public.text, mine.party):
        raise BAD_RECORD(why_zh="不是本节点的记录", why="is not this node's")
    if record["issuer"] != sender:
        raise BAD_RECORD(why_zh="签发方与发送方不符", why="was not issued by its sender")
    if mine.code not in ("", learned["code"]):
        raise ALREADY_CODED(verb="register.admitted", code=mine.code)
    if not mine.code:
        _take_code(tx, learned["code"])


# --- the directory -----------------------------------------------------------------------------------------------


def learn_node(tx: Tx, *, record: Mapping[str, Any], function_key: str) -> dict[str, Any]:
    """Keep a membership record signed with the function node's key; BAD_RECORD when it is not."""
    why = _record_fault(record, function_key)
    if why is not None:
        raise BAD_RECORD(why_zh=why[0], why=why[1])
    known = tx.get(store.nodes, record["code"])
    if known is None or known["serial"] < record["serial"]:
        if known is not None and (known["party"], known["kind"]) != (record["party"], record["kind"]):
            raise BAD_RECORD(why_zh="改变了不可变更的内容", why="changes what never changes")
        _keep(tx, dict(record), "register.node_learned")
    return node(tx, str(record["code"]))


def _record_fault(record: Mapping[str, Any], function_key: str) -> codes.Fault | None:
    other = isinstance(record, Mapping) and set(record) == RECORD_FIELDS | OTHER_MAKE_FIELDS
    if not other and (not isinstance(record, Mapping) or set(record) != RECORD_FIELDS):
        return f"不是 {MEMBERSHIP_SCHEMA}", f"does not follow {MEMBERSHIP_SCHEMA}"
    if record["schema"] != MEMBERSHIP_SCHEMA:
        return f"不是 {MEMBERSHIP_SCHEMA}", f"does not follow {MEMBERSHIP_SCHEMA}"
    texts = set(record) - {"serial", "signatures"}
    if any(not isinstance(record[name], str) for name in texts) or type(record["serial"]) is not int:
        return "字段类型不符", "has fields of the wrong type"
    fault = codes.node_code_fault(record["code"])
    if fault is not None:
        return f"标识{fault[0]}", f"bears a node code that {fault[1]}"
    parsed = codes.parse_node_code(record["code"])
    if parsed.kind != record["kind"] or parsed.subject != record["party"]:
        return "标识与类型或主体不符", "bears a code of another kind or party"
    keyed = record["public_key"] == "" and codes.is_did_web(record["did"]) if other else _is_key(record["public_key"])
    if record["state"] not in set(Membership) or not keyed or len(record["name"]) > NAME_MAX:
        return "内容不符", "has a wrong state, key or name"
    if rules.address_problem(record["address"]) is not None or len(record["address"]) > NODE_ADDRESS_MAX:
        return "地址不符", "has a wrong address"
    if codes.node_code_fault(record["issuer"]) is not None:
        return "签发节点标识不符", "names an issuer whose code is none"
    issuer_party = codes.parse_node_code(record["issuer"]).subject
    signatures = record["signatures"]
    by_issuer = isinstance(signatures, list) and any(
        isinstance(s, dict) and s.get("node") == record["issuer"]
        and signing.signed_by({**record, "signatures": [s]}, issuer_party, function_key)
        for s in signatures
    )  # fmt: skip
    if not by_issuer:
        return "没有功能节点的有效签名", "is not signed with the function node's key"
    if record["code"] == record["issuer"] and record["public_key"] != function_key:
        return "功能节点的公钥不符", "names another key for the function node"
    return None


def _keep(tx: Tx, record: dict[str, Any], act: str) -> None:
    names = ("party", "name", "address", "public_key", "kind", "state", "serial")
    values = {**{name: record[name] for name in names}, "record": record, "learned_at": tx.now}
    if tx.get(store.nodes, record["code"]) is None:
        tx.add(store.nodes, {"id": record["code"], **values})
    else:
        tx.change(store.nodes, record["code"], **values)
    remember_party(tx, record["party"], record["name"], own=record["party"] == signing.me(tx).party)
    evidence.append(tx, act, store.nodes, record["code"], state=record["state"], serial=record["serial"])


def node(tx: Tx, code: str) -> dict[str, Any]:
    """{code, party, name, address, public_key, kind, state, serial, did, make} of a known node; UNKNOWN_NODE otherwise.

    did and make are "" but for a connector of another make, whose public_key is "".
    """
    return _shown(_known(tx, code))


def _known(tx: Tx, code: str) -> dict[str, Any]:
    row = tx.get(store.nodes, code)
    if row is None:
        raise UNKNOWN_NODE(code=code[:40])
    return row


def known_nodes(tx: Tx) -> list[dict[str, Any]]:
    """Every node known here, each as `node` tells of it."""
    return [_shown(row) for row in store.rows(tx, store.nodes)]


def lies_at(tx: Tx, code: str, address: str) -> bool:
    """Whether `address` lies at the address registered for the node `code`: a peer may not send us to a third host."""
    return len(address) <= ADDRESS_MAX and rules.same_origin(str(node(tx, code)["address"]), address)


def node_of_party(tx: Tx, subject: str) -> dict[str, Any]:
    """The node of an organisation (an active one first); UNKNOWN_NODE when none is known here."""
    found_nodes = store.nodes_of_party(tx, subject)
    if not found_nodes:
        raise UNKNOWN_NODE(code=subject[:40])
    return _shown(found_nodes[0])


def active_codes(tx: Tx) -> list[str]:
    """The codes of all active nodes known here, in order."""
    return sorted(str(row["id"]) for row in store.active_nodes(tx))


def membership(tx: Tx, code: str) -> dict[str, Any]:
    """The signed membership record of a node, for others to fetch and verify."""
    return dict(_known(tx, code)["record"])


@view()
def directory(tx: Tx) -> list[dict[str, Any]]:
    """The nodes known here with their state."""
    return [{**_shown(row), "party_name": party(tx, row["party"])["name"]} for row in store.rows(tx, store.nodes)]


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "code": row["id"],
        **{name: row[name] for name in ("party", "name", "address", "public_key", "kind", "state", "serial")},
        **{name: row["record"].get(name, "") for name in sorted(OTHER_MAKE_FIELDS)},
    }


# --- membership over time ----------------------------------------------------------------------------------------

_MAY_BECOME = {
    Membership.active: {Membership.suspended, Membership.revoked},
    Membership.suspended: {Membership.active, Membership.revoked},
    Membership.revoked: set[Membership](),
}


@verb(Role.registrar)
def suspend_node(tx: Tx, *, code: str, reason: str) -> dict[str, Any]:
    """Suspend a member; the other nodes stop accepting its messages."""
    return _change_membership(tx, code, Membership.suspended, reason)


@verb(Role.registrar)
def reinstate_node(tx: Tx, *, code: str, reason: str) -> dict[str, Any]:
    """End the suspension of a member."""
    return _change_membership(tx, code, Membership.active, reason)


@verb(Role.registrar)
def revoke_node(tx: Tx, *, code: str, reason: str) -> dict[str, Any]:
    """Revoke a member for good; it must apply again with a new key."""
    return _change_membership(tx, code, Membership.revoked, reason)


def _change_membership(tx: Tx, code: str, wanted: Membership, reason: str) -> dict[str, Any]:
    area(tx, "membership")
    row = _known(tx, code)
    if wanted not in _MAY_BECOME[Membership(row["state"])] or code == signing.me(tx).code:
        raise NODE_STATE(code=code, state=row["state"], wanted=str(wanted))
    record = _record(tx, code, {**row["record"], **row}, wanted, row["serial"] + 1)
    _keep(tx, record, f"register.node_{wanted}")
    evidence.append(tx, "register.membership_reason", store.nodes, code, reason=reason)
    if wanted is not Membership.active:
        revoke_credentials_of(tx, code, reason)
    _tell_members(tx, record)
    return record


def _tell_members(tx: Tx, record: Mapping[str, Any]) -> None:
    code = record["code"]
    for member in store.listening_nodes(tx):
        if member["id"] not in (code, signing.me(tx).code):
            key = f"member/{hexdigest([code, record['serial'], member['id']])[:40]}"
            outbox.send(tx, to=member["id"], type="register.membership_changed", body={"record": record}, key=key)


def received_membership_changed(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.membership_changed: a member's new record from the function node."""
    issuer, record = node(tx, sender), body.get("record")
    if issuer["kind"] not in FUNCTION_KINDS or not isinstance(record, dict) or record.get("issuer") != sender:
        raise BAD_RECORD(why_zh="不是由功能节点发来", why="does not come from a function node")
    learn_node(tx, record=record, function_key=issuer["public_key"])

"""The interfaces of identity (NDI-TR-2025-03) and of a connector's catalogue (NDI-TR-2025-05), answered by the rooms.

Of an identity a table's members are told and nothing else. Root credentials are the function node's signed membership
record and key: this house has no X.509 (docs/reference/national-rail.md says so).
Contract: tests/wire/ndi/test_ndi_identity.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from datong.catalogue import service as catalogue
from datong.ground import signing
from datong.ground.db import Tx
from datong.ground.refusal import Kind, Problem, Reason, Text
from datong.register import service as register
from datong.wire.ndi import reading
from datong.wire.ndi.reading import Fault
from datong.wire.ndi.routes import Answering, Call
from datong.wire.ndi.tables import Field, Interface, Tables

NOT_FUNCTION_NODE = Reason(
    "NDI-407",
    Kind.denied,
    Text("接口 {interface} 的请求未被接受。", "The request to {interface} was not accepted."),
    Text("发送方不是功能节点。", "Its sender is no function node."),
    Text("请由功能节点上报。", "Let a function node report it."),
)
KIND_OF = {"Person": "person", "Enterprise": "organisation", "Operator": "agent"}
LIMIT_MAX = 1000


def serving(tables: Tables) -> dict[str, Answering]:
    read = {
        f"Get{name}{part}": _identity(kind, part, tables.interface(f"Get{name}{part}"))
        for name, kind in KIND_OF.items()
        for part in ("Info", "BaseInfo")
    }
    return {
        "GetToken": _token,
        **read,
        "GetIdentityProviderList": _roots,
        "SyncConnectorInfo": _connector,
        "SyncLogoffInfo": _logged_off,
        "GetOperatorStatus": _status,
        "catalogueSearch": _search,
        "productDetail": _detail,
    }


# --- identity ----------------------------------------------------------------------------------------------------


def _token(tx: Tx, call: Call) -> dict[str, Any]:
    return {"token": register.token_for(tx, auth_code=str(call.message["authCode"]), node=call.node)}


def _identity(kind: str, part: str, interface: Interface) -> Answering:
    def answering(tx: Tx, call: Call) -> dict[str, Any]:
        known = register.identity_of_token(tx, token=str(call.message["token"]), node=call.node, kind=kind)
        (data,) = (row for row in interface.response if row.name == "data")
        if kind == "agent":  # N8: authStatus of an agent is the state of the identity
            known = {**known, "authStatus": known["identityStatus"]}
        if part == "BaseInfo":
            return _members(data.children, known)
        groups = {group.name: _members(group.children, known) for group in data.children}
        return {name: members for name, members in groups.items() if members}

    return answering


def misfits(tables: Tables, kind: str, attributes: Mapping[str, str]) -> list[Problem]:
    """What of an identity's attributes its interface has no room for: too long, in no code table, no date."""
    (name,) = (name for name, of in KIND_OF.items() if of == kind)
    rows = {row.name: row for row in tables.interface(f"Get{name}Info").rows("response") if row.path.count(".") == 2}
    found = [
        fault for one, value in attributes.items() if one in rows for fault in reading.of_row(tables, rows[one], value)
    ]
    return [fault.problem() for fault in found]


def _members(rows: tuple[Field, ...], known: Mapping[str, Any]) -> dict[str, Any]:
    return {row.name: known[row.name] for row in rows if row.name in known}


def _roots(tx: Tx, _call: Call) -> dict[str, Any]:
    mine = signing.me(tx).code
    record = register.membership(tx, mine)
    return {"rootCertList": [json.dumps(record, ensure_ascii=False, sort_keys=True)]}


def _connector(tx: Tx, call: Call) -> dict[str, Any]:
    """Another function node reports a connector: kept as a report, for the registrar to see."""
    _from_function_node(tx, call)
    if "baseInfo" not in call.message:  # the table marks it optional, and what it consists of mandatory
        fault = Fault("missing", "baseInfo", "1", "必填参数为空", "is mandatory and missing")
        raise reading.refusal(call.interface, "request", (fault,))
    register.received_connector_report(tx, sender=call.node, body={"kind": "running", "reported": call.message})
    return {}


def _logged_off(tx: Tx, call: Call) -> dict[str, Any]:
    _from_function_node(tx, call)
    register.agent_logged_off(tx, code=str(call.message["identityCode"]))
    return {}


def _status(tx: Tx, call: Call) -> dict[str, Any]:
    return {"authStatus": "1" if register.agent_is_valid(tx, str(call.message["identityCode"])) else "0"}


def _from_function_node(tx: Tx, call: Call) -> None:
    if not register.is_function_node(tx, call.node):
        raise NOT_FUNCTION_NODE(interface=call.interface.id)


# --- a connector's catalogue -------------------------------------------------------------------------------------


def _search(tx: Tx, call: Call) -> dict[str, Any]:
    """Own live listings that the caller may see, newest first unless asked otherwise; every keyword must occur. Numbers
    are texts."""
    offset, limit = int(call.message["offset"]), min(int(call.message["limit"]), LIMIT_MAX)
    words = str(call.message.get("keywords") or "").lower().split()
    rows = sorted(catalogue.listings_for(tx, call.node), key=lambda row: str(row["published_at"]))
    if call.message.get("order") != "asc":
        rows.reverse()
    found = [
        row for row in rows if all(w in f"{row['title']} {row['description']} {row['dataset']}".lower() for w in words)
    ]
    page = [
        {"productId": row["dataset"], "productName": str(row["title"])[:128], "dscription": row["description"]}
        for row in found[offset : offset + limit]
    ]
    return {"total": str(len(found)), "resultData": page}


def _detail(tx: Tx, call: Call) -> dict[str, Any]:
    row = catalogue.listing_for(tx, str(call.message["productId"]), call.node)
    names = ("dataset", "title", "description", "kind", "delivery_form")
    return {"product": {one: row[one] for one in names}}

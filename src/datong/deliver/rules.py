"""Pure rules of delivery: transfer moves, names of shares, file addresses, Delta types, the proof of an end.

Must never know: databases, files, HTTP, clocks. Contract: tests/deliver/test_deliver_moves.py and
tests/deliver/test_deliver_rules.py.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from datong.deliver.model import (
    BAD_MESSAGE,
    DSP_CONTEXT,
    EDC,
    ENDPOINT_TYPE,
    HTTP_ENDPOINT,
    NOT_DELIVERABLE,
    NOT_NOW,
    NOT_OURS,
    REPEATS,
    TRANSFER_MOVES,
    TYPES,
    Act,
    Address,
    Side,
    State,
)
from datong.ground.canonical import digest_bytes
from datong.ground.crypto import hashing
from datong.ground.refusal import Problem, Refusal

SIGNATURE = "X-Databricks-Signature"
"""Name of the signature parameter of a file address. The Rust Delta kernel reads an http address as presigned
only when its query has a marker it knows (delta-kernel-rs PR 760, 2398); this is one of them."""

SIDES_ZH = {"provider": "提供方", "consumer": "需求方", "side": "一方", "pair of sides": "合同双方"}
NAME_MAX, EXPIRES_MAX = 200, 40
PID_MAX = 200


def moved(state: State, act: Act, by: Side, transfer: str) -> State:
    """The state after `act` sent by `by`; NOT_NOW names what is open to that side."""
    who, after = TRANSFER_MOVES.get((state, act), (frozenset(), state))
    if by in who:
        return after
    open_acts = [a for (s, a), (sides, _) in TRANSFER_MOVES.items() if s is state and by in sides]
    raise NOT_NOW(
        id=transfer, act=act.value, state=state.value, side=by.value,
        side_zh=SIDES_ZH[by.value], open=", ".join(open_acts) or "—",
    )  # fmt: skip


def not_ours(act: str, agreement: str, side: str) -> Refusal:
    """What is told where this node is not the `side` of an agreement that does `act`: a key of SIDES_ZH."""
    return NOT_OURS(act=act, agreement=agreement, zh=SIDES_ZH[side], en=side)


def repeated(state: State, act: Act) -> bool:
    """True when a message of `act` finds the process where it would have brought it."""
    return REPEATS.get(act) is state


def share_name(text: str) -> str:
    """A Delta Sharing name of `text`: lower case, no space, slash, dot or control character, at most 200 long."""
    name = re.sub(r"[^0-9a-z_\-]+", "-", text.lower()).strip("-")
    return name[:NAME_MAX].rstrip("-") or "unnamed"


def form_of(contract: Mapping[str, Any]) -> str:
    """The delivery form of a contract: controlled where its terms say none."""
    return str(contract["terms"].get("delivery_form", "controlled"))


# ---- file addresses


def address_signature(key: bytes, *, file: str, grant: str, event: str, until: int) -> str:
    """HMAC (hex) over everything a file address says. until: Unix seconds of the wall clock."""
    text = json.dumps(["datong file address v1", file, grant, event, until])
    return hashing.mac(key, text.encode()).hex()


def address_fault(
    key: bytes, *, file: str, grant: str, event: str, until: str, signature: str, now: float
) -> tuple[str, str] | None:
    """What is wrong with a file address (Chinese, English), or None. The signature is checked first."""
    if not until.isascii() or not until.isdigit() or len(until) > 12:
        return "的签名无效", "has no valid signature"
    good = address_signature(key, file=file, grant=grant, event=event, until=int(until))
    if not hmac.compare_digest(good.encode(), signature.encode()):
        return "的签名无效", "has no valid signature"
    if now > int(until):
        return "已过期", "has expired"
    return None


def token_hash(token: str) -> str:
    """What is kept of a bearer token. It has 256 random bits, so a plain digest is enough."""
    return digest_bytes(token.encode())


# ---- types


def schema_string(schema: pa.Schema) -> str:
    """The Delta schema (JSON text) of an Arrow schema, with the comments of its columns; NOT_DELIVERABLE lists every
    column without a Delta type."""
    fields, problems = [], []
    for column in schema:
        name = delta_type(column.type)
        if name is None:
            problems.append(
                Problem(column.name, f"类型 {column.type} 不能交付", f"the type {column.type} cannot be delivered")
            )
            continue
        said = {key.decode(): text.decode() for key, text in (column.metadata or {}).items() if key == b"comment"}
        fields.append({"name": column.name, "type": name, "nullable": column.nullable, "metadata": said})
    if problems:
        raise NOT_DELIVERABLE(problems, count=len(problems))
    return json.dumps({"type": "struct", "fields": fields}, ensure_ascii=False, separators=(",", ":"))


_SIMPLE = {
    pa.int8(): "byte", pa.int16(): "short", pa.int32(): "integer", pa.int64(): "long", pa.float32(): "float",
    pa.float64(): "double", pa.string(): "string", pa.large_string(): "string", pa.bool_(): "boolean",
    pa.binary(): "binary", pa.large_binary(): "binary", pa.date32(): "date",
}  # fmt: skip


def delta_type(kind: pa.DataType) -> Any:
    """Delta's name of an Arrow type, or None. A time without a zone has none on purpose: the stock Python client
    cannot read `timestamp_ntz` in parquet format (delta-sharing issue 745)."""
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if pa.types.is_timestamp(kind) and kind.tz in ("UTC", "Etc/UTC", "+00:00") and kind.unit in ("us", "ms"):
        return "timestamp"
    if pa.types.is_decimal128(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_list(kind):
        element = delta_type(kind.value_type)
        return None if element is None else {"type": "array", "elementType": element, "containsNull": True}
    return None


# ---- messages


def process_message(consumer_pid: str, provider_pid: str, state: str) -> dict[str, Any]:
    """TransferProcess, compact."""
    return {
        "@context": [DSP_CONTEXT], "@type": "TransferProcess", "providerPid": provider_pid,
        "consumerPid": consumer_pid, "state": state,
    }  # fmt: skip


def move_message(act: Act, consumer_pid: str, provider_pid: str, code: str, reason: Sequence[str]) -> dict[str, Any]:
    """The message of `act` on an existing process, compact; empty members are left out (minItems 1)."""
    message: dict[str, Any] = {
        "@context": [DSP_CONTEXT], "@type": TYPES[act], "providerPid": provider_pid, "consumerPid": consumer_pid,
    }  # fmt: skip
    if act in (Act.suspend, Act.terminate):
        message |= {"code": code} if code else {}
        message |= {"reason": list(reason)} if reason else {}
    return message


def data_address(address: Address, kind: str = ENDPOINT_TYPE) -> dict[str, Any]:
    """The DataAddress of a start message (in a push: of the request). kind: its endpointType."""
    properties = {
        "authorization": address.token,
        "authType": "bearer",
        "expirationTime": address.expires,
        "share": address.share,
        # where to push to: Eclipse EDC hands its data plane the properties only
        **({f"{EDC}baseUrl": address.endpoint} if kind == HTTP_ENDPOINT else {}),
    }
    return {
        "@type": "DataAddress",
        "endpointType": kind,
        "endpoint": address.endpoint,
        "endpointProperties": [
            {"@type": "EndpointProperty", "name": name, "value": value} for name, value in properties.items() if value
        ],
    }


def read_address(value: Any, kind: str = ENDPOINT_TYPE) -> Address:
    """The Address in a DataAddress that a peer sent; BAD_MESSAGE lists what is wrong with it.

    kind: the endpointType it should have. One file by HTTP may lie open; a share never does.
    """
    given = value if isinstance(value, dict) else {}
    listed = given.get("endpointProperties")
    properties = {
        str(item.get("name")).removeprefix(EDC): item.get("value")
        for item in (listed if isinstance(listed, list) else [])
        if isinstance(item, dict)
    }
    endpoint, token = given.get("endpoint"), properties.get("authorization")
    kinds = {kind}
    if kind == HTTP_ENDPOINT:  # other connectors give their own name of it, and the address as a property
        kinds.add("HttpData")
        endpoint = endpoint or properties.get("endpoint") or properties.get("baseUrl")
    problems = []
    if given.get("endpointType") not in kinds:
        problems.append(Problem("dataAddress.endpointType", f"应为 {kind}", f"should be {kind}"))
    if not isinstance(endpoint, str) or not web_address(endpoint):
        problems.append(Problem("dataAddress.endpoint", "应为 http(s) 地址", "should be an http(s) address"))
    open_file = token is None and kind == HTTP_ENDPOINT
    if not open_file and not (isinstance(token, str) and 0 < len(token) <= 4096 and _goes_in_a_header(token)):
        problems.append(Problem("dataAddress.authorization", "缺少令牌，或令牌含有不可用字符",
                                "the token is missing, or has characters that cannot be sent"))  # fmt: skip
    scheme = properties.get("authType", "bearer")
    if token is not None and " " not in str(token) and str(scheme).lower() != "bearer":
        problems.append(Problem("dataAddress.authType", "只支持 bearer", "is not bearer, the only one supported"))
    for name, most in (("expirationTime", EXPIRES_MAX), ("share", NAME_MAX)):
        if len(str(properties.get(name) or "")) > most:
            problems.append(Problem(f"dataAddress.{name}", f"超过 {most} 字", f"is longer than {most} characters"))
    if problems:
        raise BAD_MESSAGE(problems, count=len(problems))
    return Address(
        str(endpoint)
        if kind == HTTP_ENDPOINT
        else str(endpoint).rstrip("/"),  # of a file its address is meant as it is
        str(token or ""),
        str(properties.get("expirationTime") or ""),
        str(properties.get("share") or ""),
    )


def _goes_in_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def bearer(token: str) -> str:
    """The Authorization header of a token; one that names its scheme already stays as it came."""
    return token if " " in token else f"Bearer {token}"


def web_address(text: str) -> bool:
    """True for an absolute http or https address without credentials in it."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and len(text) <= 2000


def texts(fields: Mapping[str, Any], names: Iterable[str], limit: int = 2000) -> dict[str, str]:
    """The named fields of a hostile message as texts; BAD_MESSAGE lists those that are none."""
    names = list(names)
    problems = [
        Problem(name, "应为非空文本", "should be a text that is not empty")
        for name in names
        if not isinstance(fields.get(name), str) or not 0 < len(fields[name]) <= limit
    ]
    if problems:
        raise BAD_MESSAGE(problems, count=len(problems))
    return {name: fields[name] for name in names}


def digests(proof: Mapping[str, Any]) -> set[str]:
    """The digests of files that a proof of destruction names."""
    named = proof.get("files")
    files = [file for file in named if isinstance(file, dict)] if isinstance(named, list) else []
    return {str(file.get("digest")) for file in files}


def destruction_proof(
    *, agreement: str, node: str, reason: str, at: str, by: str, keys: Sequence[str],
    files: Sequence[Mapping[str, Any]], download_allowed: bool,
) -> dict[str, Any]:  # fmt: skip
    """What was destroyed at the end of a delivery, to be signed. files: {"digest", "bytes", "role"}."""
    proof: dict[str, Any] = {
        "kind": "destruction_proof", "version": 1, "agreement": agreement, "node": node, "reason": reason, "at": at,
        "by": by, "keys": sorted(keys), "files": sorted((dict(f) for f in files), key=lambda f: str(f["digest"])),
        "control": "complete",
    }  # fmt: skip
    if download_allowed:
        proof["control"] = "ends at download"
        proof["note"] = {
            "zh": "合同策略允许下载：已下载的副本不在本系统控制之内。",
            "en": "The policy allowed download: copies that were downloaded are beyond the control of this system.",
        }
    return proof

"""DSP messages: the official JSON schemas, checks of what comes in and goes out, error bodies."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

from jsonschema_rs import Draft201909, Draft201909Validator, Registry, ValidationError

from datong.ground.canonical import canonical, named_once, without_nul
from datong.ground.refusal import Kind, Problem, Reason, Refusal, Text

VERSION = "2025-1"
CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
SCHEMAS = "https://w3id.org/dspace/2025/1/"

SCHEMA_OF = {
    "CatalogRequestMessage": "catalog/catalog-request-message",
    "DatasetRequestMessage": "catalog/dataset-request-message",
    "Catalog": "catalog/catalog",
    "Dataset": "catalog/dataset",
    "CatalogError": "catalog/catalog-error",
    "ContractRequestMessage": "negotiation/contract-request-message",
    "ContractOfferMessage": "negotiation/contract-offer-message",
    "ContractAgreementMessage": "negotiation/contract-agreement-message",
    "ContractAgreementVerificationMessage": "negotiation/contract-agreement-verification-message",
    "ContractNegotiationEventMessage": "negotiation/contract-negotiation-event-message",
    "ContractNegotiationTerminationMessage": "negotiation/contract-negotiation-termination-message",
    "ContractNegotiation": "negotiation/contract-negotiation",
    "ContractNegotiationError": "negotiation/contract-negotiation-error",
    "TransferRequestMessage": "transfer/transfer-request-message",
    "TransferStartMessage": "transfer/transfer-start-message",
    "TransferCompletionMessage": "transfer/transfer-completion-message",
    "TransferSuspensionMessage": "transfer/transfer-suspension-message",
    "TransferTerminationMessage": "transfer/transfer-termination-message",
    "TransferProcess": "transfer/transfer-process",
    "TransferError": "transfer/transfer-error",
}
"""@type -> schema; the version document has no @type and is checked as "protocol-version"."""

PROBLEMS_MAX = 20
LARGE = 2000
"""Values of a message (a long text counts as several) up to which all its faults are looked for. The validator collects
every one before it gives the first: of a megabyte of wrong items that took minutes and gigabytes."""
PID_MAX = 200

BAD_MESSAGE = Reason(
    "DSP-400",
    Kind.invalid,
    Text("消息未被接受。", "The message was not accepted."),
    Text(
        "不符合数据空间协议 2025-1：{count} 处有误。", "It does not follow Dataspace Protocol 2025-1: {count} faults."
    ),
    Text("请按官方 JSON Schema 修改后重新发送。", "Mend it by the official JSON schema and send it again."),
    rule="Dataspace Protocol 2025-1",
)


@functools.cache
def _registry() -> Registry:
    folder = resources.files("datong.wire.dsp") / "schemas"
    found = []
    for part in ("catalog", "common", "negotiation", "transfer"):
        for file in (folder / part).iterdir():
            # three transfer schemas lack the slash of the JSON pointer (upstream slip)
            schema = json.loads(file.read_text("utf-8").replace(".json#definitions", ".json#/definitions"))
            found.append((str(schema["$id"]), schema))
    return Registry(found, draft=Draft201909)


@functools.cache
def _validator(name: str) -> Draft201909Validator:
    return Draft201909Validator({"$ref": f"{SCHEMAS}{name}-schema.json"}, registry=_registry(), offline=True)


def problems(message: Any, name: str = "") -> list[Problem]:
    """What the official schema of the message's @type (or the schema `name`) has against it."""
    if not name:
        kind = message.get("@type") if isinstance(message, dict) else None
        if not isinstance(kind, str) or kind not in SCHEMA_OF:
            return [Problem("@type", "未知的消息类型", f"no message type of the protocol: {str(kind)[:80]!r}")]
        name = SCHEMA_OF[kind]
    try:
        if (validator := _validator(name)).is_valid(message):
            return []
        found = [_first(validator, message)] if _is_large(message) else validator.iter_errors(message)
        faults = sorted(([str(step) for step in fault.instance_path], fault.message) for fault in found)
    except ValueError as broken:  # the validator takes 255 levels, and no halves of surrogate pairs
        return [Problem("message", "嵌套过深，或含有不能编码的文本", f"cannot be checked: {broken}"[:300])]
    return [Problem(".".join(path) or "message", "不符合结构", text[:300]) for path, text in faults[:PROBLEMS_MAX]]


def _first(validator: Draft201909Validator, message: Any) -> ValidationError:
    try:
        validator.validate(message)
    except ValidationError as fault:
        return fault
    raise ValueError("it is valid and is not")  # the validator contradicts itself


def _is_large(message: Any) -> bool:
    left, waiting = LARGE, [message]
    while waiting and left > 0:
        value = waiting.pop()
        left -= 1 + (len(value) // 100 if isinstance(value, str) else 0)
        if isinstance(value, dict):
            left -= sum(len(name) for name in value) // 100
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return left <= 0


def read(data: bytes, *kinds: str) -> dict[str, Any]:
    """The message in `data`, of one of `kinds`, valid by its schema and representable (RFC 8785); BAD_MESSAGE else."""
    try:
        message = json.loads(data, parse_constant=_no_constant, object_pairs_hook=named_once)
        canonical(message)
        without_nul(data)
    except (ValueError, RecursionError) as broken:
        raise BAD_MESSAGE([Problem("message", "不是 JSON", f"not usable as JSON: {broken}"[:300])], count=1) from broken
    if not isinstance(message, dict) or message.get("@type") not in kinds:
        raise BAD_MESSAGE([Problem("@type", f"应为 {kinds}", f"expected here: {', '.join(kinds)}")], count=1)
    if found := problems(message) or _unusable_pids(message):
        raise BAD_MESSAGE(found, count=len(found))
    return message


def _unusable_pids(message: dict[str, Any]) -> list[Problem]:
    """Pids that the schema lets pass, and by which no process can be kept or answered."""
    return [
        Problem(name, f"应为 1 至 {PID_MAX} 字", f"should have 1 to {PID_MAX} characters")
        for name in ("consumerPid", "providerPid")
        if name in message and not 0 < len(str(message[name])) <= PID_MAX
    ]


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def out(message: dict[str, Any]) -> dict[str, Any]:
    """`message`, checked before it leaves this node: an invalid one is a fault of ours."""
    found = problems(message)
    assert not found, f"our own {message.get('@type')} is invalid: {found[0].where}: {found[0].en}"
    return message


def typed(kind: str, **members: Any) -> dict[str, Any]:
    """A message of this @type with the DSP context."""
    return {"@context": [CONTEXT], "@type": kind, **members}


def negotiation_state(status: dict[str, str]) -> dict[str, Any]:
    """ContractNegotiation, the acknowledgement."""
    return typed("ContractNegotiation", providerPid=status["provider_pid"], consumerPid=status["consumer_pid"],
                 state=status["state"])  # fmt: skip


def error(kind: str, refusal: Refusal, provider_pid: str = "", consumer_pid: str = "") -> dict[str, Any]:
    """The typed error body of a refusal: ContractNegotiationError, TransferError or CatalogError."""
    texts = refusal.texts()
    lines = [" ".join(text.en for text in texts), "".join(text.zh for text in texts)]
    lines += [f"{problem.where}: {problem.en}" for problem in refusal.problems]
    pids = {} if kind == "CatalogError" else {"providerPid": provider_pid, "consumerPid": consumer_pid}
    return typed(kind, **pids, code=refusal.code, reason=lines)


def answered(body: bytes) -> Any:
    """The JSON value of an answer that a counterparty gave; None when it is none, or has a text that no store keeps."""
    try:
        value = json.loads(body or b"null", parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()
        without_nul(body)
    except (ValueError, RecursionError):
        return None
    return value


def error_text(body: bytes) -> tuple[str, str]:
    """(code, reasons) of a counterparty's error answer, as far as it can be read."""
    value = answered(body)
    if not isinstance(value, dict):
        return "", "" if value is not None else body[:200].decode("utf-8", "replace").replace("\0", "\ufffd")
    return str(value.get("code", ""))[:60], "; ".join(plain_reasons(value.get("reason", [])))


def plain_reasons(reasons: Any) -> list[str]:
    """Reasons of a message as texts: plain strings, language-tagged values or small objects."""
    found = []
    for reason in reasons[:PROBLEMS_MAX] if isinstance(reasons, list) else []:
        value = reason.get("@value", reason.get("message", reason)) if isinstance(reason, dict) else reason
        found.append(value[:500] if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:500])
    return found

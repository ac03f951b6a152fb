"""The ten interfaces of contract and usage control, answered by the rooms.

    contracting    a contract is begun, negotiated, filed
    terminating    it ends
    controlling    its use is controlled, and its performance told
    heard          what each of them looks at first

A node answers as a party; a business or function node also as the platform that issues ids, files contracts and passes
rounds on. Contract: tests/wire/ndi/test_ndi_contracts.py, test_ndi_control.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from datong.ground.db import Store, Tx
from datong.ground.refusal import Kind, Reason, Text
from datong.negotiate.service import national, platforms
from datong.register import service as register
from datong.wire.http import is_for_now
from datong.wire.ndi import answers, reading
from datong.wire.ndi.routes import Answering, Before, Call
from datong.wire.ndi.serving.contracting import contract_create, contract_negotiate, contract_registrate, request_of
from datong.wire.ndi.serving.controlling import contract_execution, strategy_send, told
from datong.wire.ndi.serving.terminating import contract_terminate
from datong.wire.ndi.tables import Tables
from datong.wire.ndi.templates import templates

PLATFORM_SILENT = Reason(
    "NDI-503",
    Kind.unavailable,
    Text("合约未发起。", "The contract was not begun."),
    Text("服务平台 {platform} 没有给出合约标识码：{answer}。", "The platform {platform} gave no id: {answer}."),
    Text("请稍后重试，或检查 ndi.platform。", "Try again later, or check ndi.platform."),
)
PLATFORM_REFUSED = Reason(
    "NDI-409",
    Kind.conflict,
    Text("合约未发起。", "The contract was not begun."),
    Text("服务平台 {platform} 拒绝给出合约标识码：{answer}。", "The platform {platform} gives no id: {answer}."),
    Text("请按其答复修改后重新发起。", "Mend what its answer names and begin again."),
)


class Caller(Protocol):
    def post(self, to: str, url: str, body: Mapping[str, Any]) -> Any: ...


def serving(tables: Tables) -> dict[str, Answering]:
    return {
        "contractTemplate": _template,
        "contractCreate": contract_create,
        "contractNegotiate": contract_negotiate,
        "contractRegistrate": contract_registrate,
        "contractExecution": contract_execution,
        "contractTerminate": contract_terminate,
        "strategySend": strategy_send,
        "executionFeedback": told(signed=True),
        "abnormalTermination": told(),
        "fulfillmentProof": told(signed=True),
    }


def before(store: Store, caller: Caller, tables: Tables, prefix: str) -> dict[str, Before]:
    """contractCreate at a connector: its own platform is asked for the id, when the creator has not said one."""

    def ask(call: Call) -> Call:
        if call.sent.get("contractId"):
            return call
        with store.read() as tx:
            if platforms.is_platform(tx):
                return call
            known = national.by_request(tx, request_of(call.sent))
            platform = platforms.platform(tx)
            address = str(register.node(tx, platform)["address"]) if platform else ""
        if known is not None:
            return replace(call, sent={**call.sent, "contractId": known["id"]})
        if not platform:
            raise PLATFORM_SILENT(platform="—", answer="ndi.platform is not set")
        contract = issued_id(caller, tables, platform, address + prefix, call.sent)
        return replace(call, sent={**call.sent, "contractId": contract})

    return {"contractCreate": ask}


def issued_id(caller: Caller, tables: Tables, platform: str, base: str, request: Mapping[str, Any]) -> str:
    """The id that a platform gives for a contractCreate."""
    interface = tables.interface("contractCreate")
    answer = caller.post(platform, base + interface.path, dict(request))
    if is_for_now(answer.status):
        raise PLATFORM_SILENT(platform=platform, answer=f"HTTP {answer.status}")
    value = answers.json_object(answer.body)
    if not 200 <= answer.status < 300 or not answers.succeeded(tables, interface, value):
        code, text = answers.error_in(value)
        raise PLATFORM_REFUSED(platform=platform, answer=f"HTTP {answer.status} {code} {text}"[:500])
    return str(reading.checked(tables, interface, "response", value)["contractId"])


def _template(tx: Tx, call: Call) -> dict[str, Any]:
    return {"template": templates(str(call.message.get("templateId") or ""))}

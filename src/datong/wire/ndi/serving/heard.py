"""What every answer to a message of the national rail looks at first: who sent it, and what was signed.

Must never know: what the message asks for. Contract: tests/wire/ndi/test_ndi_contracts.py.
"""

from __future__ import annotations

from typing import Any

from datong.ground.db import Tx
from datong.ground.refusal import Kind, Reason, Text
from datong.register import service as register
from datong.wire.ndi import contracts
from datong.wire.ndi.routes import Call

BAD_SIGNATURE = Reason(
    "NDI-403",
    Kind.denied,
    Text("接口 {interface} 的请求未被接受。", "The request to {interface} was not accepted."),
    Text("签名与登记的密钥不符：{who}。", "Its signature is not that of the key registered for {who}."),
    Text("请对其余全部成员的 RFC 8785 形式签名后重新发送。",
         "Sign the RFC 8785 form of all other members and send it again."),
)  # fmt: skip
NOT_THE_SENDER = Reason(
    "NDI-405",
    Kind.denied,
    Text("接口 {interface} 的请求未被接受。", "The request to {interface} was not accepted."),
    Text("{name} 不是发送方。", "{name} is not its sender."),
    Text("请以发送方自己的标识填写。", "Fill in the sender's own code."),
)


def printed(call: Call) -> dict[str, Any]:
    """The message as it was sent, by the printed names: what is kept, passed on and shown."""
    return contracts.as_printed(call.sent, call.interface)


def key_of(tx: Tx, code: str) -> str:
    return str(register.node(tx, code)["public_key"])


def require_signed(tx: Tx, call: Call, code: str, *without: str) -> None:
    if not contracts.is_signed(call.sent, key_of(tx, code), *without) and not contracts.is_signed(
        call.sent, key_of(tx, code)
    ):
        raise BAD_SIGNATURE(interface=call.interface.id, who=code)


def require_its_party(tx: Tx, call: Call, issuer: str) -> None:
    if str(register.node(tx, issuer)["party"]) != call.message["issuerEntityId"]:
        raise NOT_THE_SENDER(interface=call.interface.id, name="issuerEntityId")

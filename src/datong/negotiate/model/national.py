"""The digital contract on the national rail: its status codes, filing states, levels of access, refusals.

Source: TC609-6-2025-14 (status table; clause 7.4 filing and its multi-level access; O7: there is no code for filed).
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from datong.ground.refusal import Kind, Reason, Text
from datong.negotiate.model import State

STATUS = {
    "01": "发起",
    "02": "协商",
    "03": "签订",
    "0301": "签订成功",
    "0302": "签订失败",
    "05": "履行中",
    "06": "终止",
}
"""contractStatus, annex C.1."""
STATUS_OF = {
    State.REQUESTED: "01", State.OFFERED: "02", State.ACCEPTED: "03", State.AGREED: "03", State.VERIFIED: "03",
    State.FINALIZED: "0301", State.TERMINATED: "0302",
}  # fmt: skip
"""State of a negotiation -> contractStatus; of a concluded contract see service.national.status."""
POINT_TO_POINT, ASSISTED = "01", "02"
"""signMode."""


class Filing(StrEnum):
    """Where the filing (备案) of a contract stands at a party."""

    none = ""
    sent = "sent"
    filed = "filed"
    refused = "refused"


class Level(IntEnum):
    """What of a filed contract somebody may see (7.4.b, 8.4.c)."""

    existence = 1
    """id, hash, status, times"""
    clauses = 2
    """and object, parties, strategies"""
    whole = 3
    """and extension with the commercial terms, signatures, performance reports"""


NOT_NATIONAL = Reason(
    "CTR-440",
    Kind.conflict,
    Text("合约 {contract} 未处理。", "Nothing was done with the contract {contract}."),
    Text("{why_zh}。", "{why_en}."),
    Text("请先完成所缺的一步，见 docs/reference/national-rail.md。",
         "Do the missing step first; docs/reference/national-rail.md has the order."),
)  # fmt: skip
NOT_PLATFORM = Reason(
    "CTR-441",
    Kind.unknown,
    Text("本节点不受理合约备案与标识。", "This node issues no contract ids and files no contracts."),
    Text("它不是服务平台（业务节点或功能节点）。", "It is no service platform (business or function node)."),
    Text("请向 ndi.platform 所指的平台提出。", "Ask the platform that the setting ndi.platform names."),
)
NO_PLATFORM = Reason(
    "CTR-442",
    Kind.conflict,
    Text("合约未发起。", "The contract was not begun."),
    Text("本节点没有配置服务平台，无法取得 47 位合约标识码。",
         "This node has no service platform configured, so there is nobody to issue the 47-character id."),
    Text("请在 datong.toml 中设置 ndi.platform（平台的节点代码）。",
         "Set ndi.platform (the platform's node code) in datong.toml."),
)  # fmt: skip
NOT_FILED = Reason(
    "CTR-506",
    Kind.unavailable,
    Text("合约 {agreement} 暂不能履行。", "The contract {agreement} cannot be performed yet."),
    Text("合约未备案，本节点规定先备案后履行。", "It is not filed, and this node performs contracts that are filed."),
    Text("请待其在服务平台备案（datong negotiate file-contract）后重试。",
         "Try again once it is filed at a service platform (datong negotiate file-contract)."),
    rule="TC609-6-2025-14",
    article="7.4.a",
)  # fmt: skip
FILING_REFUSED = Reason(
    "CTR-443",
    Kind.conflict,
    Text("合约 {contract} 未备案。", "The contract {contract} was not filed."),
    Text("有 {count} 处不符。", "{count} things in it do not hold."),
    Text("请按下列各项修改后重新备案。", "Mend the items listed and file it again."),
    rule="TC609-6-2025-14",
    article="7.4",
)
NOT_YOURS = Reason(
    "CTR-444",
    Kind.unknown,
    Text("未找到合约 {contract}。", "There is no contract {contract} here."),
    Text("没有这一合约，或者贵方不是其当事人。", "No such contract, or you are no party to it."),
    Text("请核对合约标识码。", "Check the contract's id."),
)
ID_TAKEN = Reason(
    "CTR-445",
    Kind.conflict,
    Text("消息未被接受。", "The message was not accepted."),
    Text("合约标识码 {contract} 已属于另一份合约。", "The contract id {contract} belongs to another contract."),
    Text("请向平台取得新的标识码。", "Ask the platform for a new id."),
)

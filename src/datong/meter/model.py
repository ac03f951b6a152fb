"""The states of a usage event and why one is refused.

After the Snowflake marketplace's paid-usage view: every event lands in exactly one state, for good.
Must never know: the database. Contract: tests/meter/.
"""

from __future__ import annotations

from enum import StrEnum

from datong.ground.refusal import Kind, Reason, Text


class UsageState(StrEnum):
    MONETIZABLE = "MONETIZABLE"
    """计费: the first delivery of a version under a paid tariff; exactly these are billed."""
    INCLUDED = "INCLUDED"
    """已含: the same version again under the same agreement; paid with the first."""
    FREE = "FREE"
    """免费: a delivery under a free tariff."""
    NON_MONETIZABLE = "NON_MONETIZABLE"
    """不计费: the owner's own work, previews, samples."""


class UsageKind(StrEnum):
    query = "query"
    file_set = "file_set"
    supply = "supply"
    """Counts that a provider delivers into a joint product."""
    preview = "preview"
    own_work = "own_work"


UNBILLED_KINDS = frozenset({UsageKind.preview, UsageKind.own_work})

COUNT_USED_UP = Reason(
    "MTR-429",
    Kind.denied,
    Text("合约 {agreement} 的本次使用未执行。", "This use under agreement {agreement} was not granted."),
    Text("合约允许的 {limit} 次使用已用完。", "The {limit} uses that the contract allows are used up."),
    Text("请协商新的合约或增加次数。", "Negotiate a new contract or a higher count."),
    rule="TC609-6-2025-14",
    article="count 使用次数",
)
BAD_EVENT = Reason(
    "MTR-400",
    Kind.invalid,
    Text("使用事件未被接受。", "The usage event was not accepted."),
    Text("{field} 的值 {value} 不符合要求。", "{field} may not be {value}."),
    Text("请改正后重试。", "Correct it and try again."),
)
UNKNOWN = Reason(
    "MTR-404",
    Kind.unknown,
    Text("没有使用事件 {id}。", "There is no usage event {id} here."),
    Text("本节点未保存该编号的事件。", "This node holds none of that id."),
    Text("用 meter usage 查看已有事件。", "List those held with `meter usage`."),
)
OTHER_USE = Reason(
    "MTR-409",
    Kind.conflict,
    Text("使用事件 {id} 未被接受。", "The usage event {id} was not accepted."),
    Text("该编号已用于内容不同的事件。", "Its key was already used for another use."),
    Text("请为新的使用使用新的键。", "Use a new key for a new use."),
)

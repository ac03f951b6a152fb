"""Code tables of the register and its frozen values.

Sources: NDI-TR-2025-03 (kinds of organisations), NDI-TR-2025-04 (kinds of nodes), NDI-TR-2025-06 7.1 (sources,
update frequency, delivery forms), GB/T 43697-2024 (levels).
"""

from __future__ import annotations

from enum import StrEnum

PARTY_KINDS = {"0": "机关法人", "1": "企事业单位法人", "2": "社会团体法人", "3": "非法人组织", "4": "其它"}
SOURCE_KINDS = {"001": "原始取得", "002": "收集取得", "003": "交易取得", "004": "其他"}
FREQUENCIES = {
    "001": "实时", "002": "每日", "003": "每周", "004": "每月", "005": "每季度",
    "006": "每半年", "007": "每年", "008": "不定期", "009": "历史存量",
}  # fmt: skip
LEVELS = {"general": "一般数据", "important": "重要数据", "core": "核心数据"}
DELIVERY_FORMS = ("public", "controlled", "enclave")
BASES = {"mandatory": "应当登记", "voluntary": "自愿登记"}


class NodeKind(StrEnum):
    """What a node is in the national layout; `TYPE_CODES` has the first character of its code."""

    global_ = "global"
    regional = "regional"
    sector = "sector"
    business = "business"
    connector = "connector"


TYPE_CODES = {
    NodeKind.global_: "1",
    NodeKind.regional: "2",
    NodeKind.sector: "3",
    NodeKind.business: "4",
    NodeKind.connector: "5",
}
FUNCTION_KINDS = frozenset({NodeKind.global_, NodeKind.regional, NodeKind.sector})
"""Function nodes (功能节点): they assign codes and keep the ledger."""
JOINING_KINDS = frozenset({NodeKind.business, NodeKind.connector})
"""What may join a function node by application; function nodes themselves are set up by the level above."""


class Membership(StrEnum):
    active = "active"
    suspended = "suspended"
    revoked = "revoked"


MEMBERSHIP_SCHEMA = "datong.membership/1"
APPLICATION_SCHEMA = "datong.application/1"
FILING_SCHEMA = "datong.filing/1"
CASE_SCHEMA = "datong.case/1"
ENTRY_SCHEMA = "datong.ledger-entry/1"

SETTING_CODE = "node.code"
SETTING_AREA = "register.area"
"""Present on a function node only: its region or sector code (4 digits) and kind."""

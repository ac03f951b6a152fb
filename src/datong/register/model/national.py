"""Identities, connectors and logical spaces on the national rail: what they hold, their states, refusals.

Source: NDI-TR-2025-03 tables 1, 4, 7, 10 (attributes by their wire names), TC609-6-2025-11 7.2.2.g (heartbeat),
TC609-6-2025-16 6.5 (spaces). Attributes of persons are kept sealed and never leave but through a token.
"""

from __future__ import annotations

from enum import StrEnum

from datong.ground.refusal import Kind, Reason, Text

OVERDUE_SECONDS = 15
"""Three missed beats, one every five seconds: the node counts as stopped."""


class Identity(StrEnum):
    person = "person"
    organisation = "organisation"
    agent = "agent"


NEEDED: dict[Identity, tuple[str, ...]] = {
    Identity.person: ("fullName", "certType", "certCode", "certEffdate", "certExpdate", "phone", "authLevel",
                      "authType", "authTime"),
    Identity.organisation: ("enterpriseName", "enterpriseCode", "enterpriseType", "operatingPeriodBegin",
                            "operatingPeriodEnd", "authType", "authStatus", "authDate", "legalPerson",
                            "legalPersonCertno", "legalPersonAuthLevel", "legalPersonAuthType"),
    Identity.agent: ("operator", "operatorIdType", "operatorId", "operatorAuthLevel", "operatorAuthType",
                     "authorizationType", "enterpriseCode", "authTime"),
}  # fmt: skip
"""The base attributes that the applicant states; the node adds identityCode and the state."""
KEY = {Identity.person: ("certType", "certCode"), Identity.organisation: ("enterpriseCode",),
       Identity.agent: ("enterpriseCode", "operatorId")}  # fmt: skip
"""unique_key of each kind."""
ACTS = ("register", "update", "cancel")
ACCESS_MINUTES = 10


class IdentityState(StrEnum):
    applied = "applied"
    active = "active"
    refused = "refused"
    cancelled = "cancelled"
    done = "done"  # of an application to change or cancel an identity


class SpaceState(StrEnum):
    open = "open"
    closed = "closed"


class MemberState(StrEnum):
    applied = "applied"
    member = "member"
    refused = "refused"
    left = "left"


BAD_IDENTITY = Reason(
    "IDN-440",
    Kind.invalid,
    Text("身份申请未被接受。", "The application for an identity was not accepted."),
    Text("{count} 项信息有误。", "{count} of the facts given are wrong."),
    Text("请按下列各项修改后重新申请。", "Mend the items listed and apply again."),
    rule="NDI-TR-2025-03",
    article="5.2",
)
IDENTITY_TWICE = Reason(
    "IDN-441",
    Kind.conflict,
    Text("身份未登记。", "The identity was not registered."),
    Text("同一主体已登记（{kind}）。", "The same subject is registered already ({kind})."),
    Text("请更新原有身份，不重复登记。", "Update the identity there is; it is not registered twice."),
)
NO_IDENTITY = Reason(
    "IDN-442",
    Kind.unknown,
    Text("未找到身份 {identity}。", "There is no identity {identity} here."),
    Text("没有这一身份，或者它已失效。", "No such identity, or it is no longer valid."),
    Text("请核对身份标识。", "Check the identity code."),
)
AGENTS_FIRST = Reason(
    "IDN-443",
    Kind.conflict,
    Text("身份 {identity} 未注销。", "The identity {identity} was not cancelled."),
    Text("其下还有 {count} 名经办人有效。", "{count} of its agents are still valid."),
    Text("请先注销这些经办人。", "Cancel these agents first."),
    rule="NDI-TR-2025-03",
    article="7.1.3.1",
)
BAD_ACCESS = Reason(
    "IDN-444",
    Kind.denied,
    Text("身份信息未提供。", "The identity was not shown."),
    Text("授权码或令牌无效、已用或已过期。", "The code or token is not valid, was used, or has expired."),
    Text("请由本人在功能节点重新授权。", "Let the subject authorise again at the function node."),
)
NO_SPACE = Reason(
    "IDN-450",
    Kind.unknown,
    Text("未找到空间 {space}。", "There is no space {space} here."),
    Text("没有这一逻辑空间，或者它已关闭。", "No such logical space, or it is closed."),
    Text("请核对空间编号。", "Check the id of the space."),
)
BAD_SPACE = Reason(
    "IDN-451",
    Kind.invalid,
    Text("空间未保存。", "The space was not saved."),
    Text("{count} 项信息有误。", "{count} of the facts given are wrong."),
    Text("请按下列各项修改后重试。", "Mend the items listed and try again."),
)
MEMBER_STATE = Reason(
    "IDN-452",
    Kind.conflict,
    Text("成员 {node} 未变更。", "The member {node} was not changed."),
    Text("其状态为 {state}。", "It is {state}."),
    Text("只有待审批的申请可以批准或驳回。", "Only an open application can be decided."),
)
UNRESOLVED = Reason(
    "IDN-453",
    Kind.unknown,
    Text("标识 {code} 未解析。", "The identifier {code} was not resolved."),
    Text("本节点没有登记，上级节点 {upper}。", "It is not registered here; the node above: {upper}."),
    Text("请核对标识，或向其登记地的功能节点查询。", "Check it, or ask the function node where it was registered."),
)
BAD_REPORT = Reason(
    "IDN-454",
    Kind.invalid,
    Text("上报未被接受。", "The report was not accepted."),
    Text("{why_zh}。", "{why}."),
    Text("请按 docs/reference/national-rail.md 的格式上报。", "Send it as docs/reference/national-rail.md has it."),
)

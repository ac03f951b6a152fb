"""What an instrument is, its states, and why one is refused.

Sources: 公共数据资源授权运营实施规范（试行） (发改数据规〔2025〕27号) articles 5-21 for plans and agreements;
PIPL articles 13 and 55 for legal bases. Must never know: the database. Contract: tests/authorise/.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from datong.ground.refusal import Kind, Reason, Text

RULE = "公共数据资源授权运营实施规范（试行）"


class InstrumentKind(StrEnum):
    plan = "plan"
    """实施方案 of authorised operation, 12 items (art. 9)."""
    agreement = "agreement"
    """运营协议, 13 items (art. 14): implementing body -> operator."""
    consent = "consent"
    """供数单位同意 (art. 5): supplying unit -> implementing body."""
    data_use = "data_use"
    """数据使用授权 of a company over its own data."""
    legal_basis = "legal_basis"
    """PIPL art. 13 ground, purpose and impact assessment (art. 55) of the handler of personal data."""


class State(StrEnum):
    DRAFT = "DRAFT"
    COLLECTIVE_DECISION = "COLLECTIVE_DECISION"
    APPROVED = "APPROVED"
    OFFERED = "OFFERED"
    """Signed by the grantor, waiting for the counter-signature of the grantee."""
    SIGNED = "SIGNED"
    FILED = "FILED"
    IN_FORCE = "IN_FORCE"
    SUSPENDED = "SUSPENDED"
    MAJOR_CHANGE = "MAJOR_CHANGE"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    CLOSED = "CLOSED"


class Deed(StrEnum):
    decide_collectively = "decide_collectively"
    approve = "approve"
    sign = "sign"
    countersign = "countersign"
    file = "file"
    commence = "commence"
    suspend = "suspend"
    resume = "resume"
    change = "change"
    withdraw = "withdraw"
    expire = "expire"
    close = "close"


_UNILATERAL = {
    (State.DRAFT, Deed.sign): State.IN_FORCE,
    (State.IN_FORCE, Deed.withdraw): State.WITHDRAWN,
    (State.IN_FORCE, Deed.expire): State.EXPIRED,
}

# kind -> (state now, deed) -> state after
MOVES: dict[InstrumentKind, dict[tuple[State, Deed], State]] = {
    InstrumentKind.plan: {
        (State.DRAFT, Deed.decide_collectively): State.COLLECTIVE_DECISION,
        (State.COLLECTIVE_DECISION, Deed.approve): State.APPROVED,
        (State.APPROVED, Deed.file): State.FILED,
        (State.FILED, Deed.change): State.MAJOR_CHANGE,
        (State.MAJOR_CHANGE, Deed.decide_collectively): State.COLLECTIVE_DECISION,
        (State.FILED, Deed.close): State.CLOSED,
        (State.FILED, Deed.withdraw): State.WITHDRAWN,
        (State.FILED, Deed.expire): State.EXPIRED,
    },
    InstrumentKind.agreement: {
        (State.DRAFT, Deed.decide_collectively): State.COLLECTIVE_DECISION,
        (State.COLLECTIVE_DECISION, Deed.sign): State.OFFERED,
        (State.OFFERED, Deed.countersign): State.SIGNED,
        (State.OFFERED, Deed.withdraw): State.WITHDRAWN,
        (State.SIGNED, Deed.file): State.FILED,
        (State.SIGNED, Deed.withdraw): State.WITHDRAWN,
        (State.FILED, Deed.commence): State.IN_FORCE,
        (State.FILED, Deed.withdraw): State.WITHDRAWN,
        (State.IN_FORCE, Deed.suspend): State.SUSPENDED,
        (State.SUSPENDED, Deed.resume): State.IN_FORCE,
        (State.IN_FORCE, Deed.withdraw): State.WITHDRAWN,
        (State.SUSPENDED, Deed.withdraw): State.WITHDRAWN,
        (State.IN_FORCE, Deed.expire): State.EXPIRED,
        (State.SUSPENDED, Deed.expire): State.EXPIRED,
    },
    InstrumentKind.consent: _UNILATERAL,
    InstrumentKind.data_use: _UNILATERAL,
    InstrumentKind.legal_basis: _UNILATERAL,
}

GRANTS = frozenset({InstrumentKind.agreement, InstrumentKind.consent, InstrumentKind.data_use})
"""Kinds that give a right to somebody else: drafted by one person, signed by another."""

DECIDERS_MIN = 2
"""People of the deciding body that a collective decision names at least."""

OVER = frozenset({State.WITHDRAWN, State.EXPIRED, State.CLOSED})
RUNNING = frozenset({State.OFFERED, State.SIGNED, State.FILED, State.IN_FORCE, State.SUSPENDED})
"""States of an agreement that is signed and not over."""
LIVE = frozenset({State.IN_FORCE})
"""States in which an instrument carries rights (a plan carries none; it is FILED)."""

PLAN_ITEMS = {
    "name": "授权运营名称",
    "necessity_feasibility": "必要性和可行性",
    "operator_selection": "运营机构选择条件",
    "mode": "授权运营模式",
    "resources": "数据资源范围、目录、更新频率和质量",
    "term_construction": "期限、建设、技术支撑、进度、评估、退出和资产管理",
    "products": "产品和服务清单",
    "accounting_distribution": "成本收入核算和收益分配机制",
    "security": "数据安全、个人信息保护和应急措施",
    "rights_duties": "各方权利义务",
    "supervision": "监督管理和考核评价",
    "other": "其他",
}
AGREEMENT_ITEMS = {
    "resources": "资源范围和目录",
    "term": "期限",
    "products": "产品和服务清单、技术标准、安全审查和合规审查",
    "platform": "支撑平台",
    "ownership": "资产和产品权属",
    "disclosure_no_redevelopment": "信息披露和不得参与再开发条款",
    "accounting_distribution": "成本收入核算和收益分配",
    "security": "数据安全、个人信息保护、监测和应急",
    "evaluation_exit": "效果评价、续期和退出",
    "breach": "违约责任",
    "disputes": "争议解决",
    "change_termination": "变更和终止",
    "other": "其他",
}
SELECTIONS = ("public_tender", "invited_tender", "negotiation", "other_competition")
"""How an operator may be chosen (art. 12)."""

GROUNDS = ("consent", "contract_or_hr", "statutory_duty", "emergency", "public_interest_news", "disclosed", "other_law")
"""PIPL art. 13 (1)-(7)."""

COLUMNS = (
    "kind", "title", "grantor_party", "grantee_party", "grantee_node", "resources", "purposes", "acts", "items",
    "parents", "copies_to",
)  # fmt: skip
"""What of an instrument is signed under the name it is kept under; besides its id, and its term as `from`, `until`."""

ACTS = ("build", "list", "deliver")
MAX_AGREEMENT_YEARS = 5


@dataclass(frozen=True)
class ResourceFacts:
    """What clearance must know of an input, as its registration says it.

    licence: {"commercial": bool, "derivatives": bool, "name": text}.
    """

    code: str
    owner_party: str
    owner_name: str
    public_data: bool
    personal: bool
    registration_state: str
    licence: dict[str, Any] = field(default_factory=dict)
    grade: str = ""
    valid_until: str = ""
    """Last day (Beijing) of the registration, YYYY-MM-DD; "" = none is stated."""
    level: str = "general"
    """GB/T 43697-2024: general, important or core."""


@dataclass(frozen=True)
class Instrument:
    """One right as clearance reads it: who grants whom what, for which purposes and acts, from when until when."""

    id: str
    kind: str
    state: str
    grantor_party: str
    grantee_party: str
    resources: tuple[str, ...]
    purposes: tuple[str, ...]
    acts: tuple[str, ...]
    from_at: str
    until_at: str


@dataclass(frozen=True)
class Use:
    """A use to be covered: of one resource, for a purpose, by an act ("" = any), at an instant (UTC text)."""

    resource: str
    purpose: str
    act: str
    now: str


def _reason(
    code: str, kind: Kind, what: tuple[str, str], why: tuple[str, str], fix: tuple[str, str], *, art: str = ""
) -> Reason:
    rule = "个人信息保护法" if art.startswith("PIPL") else (RULE if art else "")
    return Reason(code, kind, Text(*what), Text(*why), Text(*fix), rule=rule, article=art.removeprefix("PIPL "))


UNKNOWN = _reason(
    "AUT-404", Kind.unknown,
    ("没有权利文件 {id}。", "There is no instrument {id} here."),
    ("本节点未保存该编号的权利文件。", "This node holds none of that id."),
    ("用 authorise instruments 查看已有文件。", "List those held with `authorise instruments`."),
)  # fmt: skip
BAD_INSTRUMENT = _reason(
    "AUT-400", Kind.invalid,
    ("权利文件未被接受。", "The instrument was not accepted."),
    ("其中 {count} 处不符合要求。", "{count} things in it do not meet the rules."),
    ("请按下列各项补正后重试。", "Mend the items listed and try again."),
    art="第九条、第十四条",
)  # fmt: skip
BAD_HOLDING = _reason(
    "AUT-402", Kind.invalid,
    ("持股关系未记录。", "The holding was not declared."),
    ("其中 {count} 处有误。", "Mistakes in it: {count}."),
    ("请按下列各项补正后重试。", "Mend the items listed and try again."),
    art="第六条",
)  # fmt: skip
NOT_NOW = _reason(
    "AUT-409", Kind.conflict,
    ("权利文件 {id} 不能执行「{deed}」。", "Instrument {id} cannot {deed}."),
    ("其状态为 {state}。", "Its state is {state}."),
    ("现在可以：{open}。", "Open now: {open}."),
)  # fmt: skip
TERM_TOO_LONG = _reason(
    "AUT-501", Kind.invalid,
    ("运营协议期限未被接受。", "The term of the operation agreement was not accepted."),
    ("{from_at} 至 {until_at} 超过 5 年上限。", "{from_at} to {until_at} is longer than the limit of 5 years."),
    ("请将终止日期改为 {latest} 或更早。", "Set the end to {latest} or earlier."),
    art="第十四条",
)  # fmt: skip
OUTSIDE_PLAN = _reason(
    "AUT-502", Kind.denied,
    ("运营协议未签署。", "The operation agreement was not signed."),
    ("{count} 项资源不在本主体已备案且未到期的实施方案内。",
     "{count} of its resources are not in a filed plan of this body whose term runs."),
    ("请缩小协议范围，或变更实施方案并重新集体决策。",
     "Narrow the agreement, or change the plan by a new collective decision."),
    art="第九条、第十一条",
)  # fmt: skip
NOT_REGISTERED = _reason(
    "AUT-503", Kind.denied,
    ("运营协议未签署。", "The operation agreement was not signed."),
    ("{count} 项资源尚未登记赋码或未分类分级。",
     "{count} of its resources are not registered with a code, or not graded."),
    ("请先完成登记和分类分级。", "Register and grade them first."),
    art="第五条、第十六条",
)  # fmt: skip
NO_CONSENT = _reason(
    "AUT-504", Kind.denied,
    ("运营协议未签署。", "The operation agreement was not signed."),
    ("{count} 项资源缺少供数单位同意。", "{count} of its resources lack the consent of the supplying unit."),
    ("请供数单位签署同意书并送达本节点。", "Let the supplying unit sign a consent and send it here."),
    art="第五条",
)  # fmt: skip
REDEVELOPMENT = _reason(
    "AUT-505", Kind.denied,
    ("再开发未被接受。", "The re-development was refused."),
    ("{developer} 是该授权范围的运营机构，或由其直接、间接持有权益，而策略允许加工：「{actions}」。",
     "{developer} is the operator of that scope, or is held by it directly or indirectly, and the policy permits "
     "{actions}."),
    ("请由与运营机构无持股关系的主体进行再开发，或采用不允许上述行为的策略。",
     "Let a party in which the operator holds nothing do it, or offer a policy that does not permit it."),
    art="第六条",
)  # fmt: skip
NOT_CLEARED = _reason(
    "AUT-507", Kind.denied,
    ("权利核验未通过：「{act}」，用途 {purpose}。", "The rights for {act}, purpose {purpose}, are not cleared."),
    ("缺少 {count} 项权利。", "{count} rights are missing."),
    ("请按下列各项由相应主体补齐。", "Let the party named at each item mend it."),
    art="第五条、第十四条",
)  # fmt: skip
NOT_PROVEN = _reason(
    "AUT-508", Kind.denied,
    ("收到的权利文件未被接受。", "The instrument received was not accepted."),
    ("{why}", "{why_en}"),
    ("请发送方核对签名和状态后重新发送。", "Let the sender check signatures and state and send it again."),
)  # fmt: skip
TOO_FEW = _reason(
    "AUT-509", Kind.invalid,
    ("集体决策未记录。", "The collective decision was not recorded."),
    ("至少需要本单位 {least} 名不同的在册决策人和会议纪要编号。",
     "It needs at least {least} different active people of this organisation and the reference of the minutes."),
    ("请补充决策人和纪要编号。", "Name the persons and the minutes."),
    art="第十一条、第十三条",
)  # fmt: skip
NOT_BEGUN = _reason(
    "AUT-410", Kind.conflict,
    ("协议 {id} 未生效。", "The agreement {id} was not brought into force."),
    ("其期限自 {day} 起。", "Its term begins on {day}."),
    ("请在该日或之后执行 commence。", "Do it on that day or later (commence)."),
    art="第十四条",
)  # fmt: skip
NOT_YOURS = _reason(
    "AUT-403", Kind.denied,
    ("「{deed}」未执行。", "{deed} was not done."),
    ("该文件由主体 {party} 掌握，本节点不是该主体。",
     "The instrument is held by {party}, which is not this node's party."),
    ("请在该主体的节点上执行。", "Do it at that party's node."),
)  # fmt: skip
SAME_PERSON = _reason(
    "AUT-510", Kind.denied,
    ("「{deed}」未执行。", "{deed} was not done."),
    ("起草人不得批准或签署自己的文件；登录凭据由起草人签发者、为起草人签发者亦同。",
     "Who drafted an instrument may neither approve nor sign it, nor may whoever let the drafter in or was let in "
     "by the drafter."),
    ("请由另一人办理。", "Let another person do it."),
)  # fmt: skip
NO_BASIS = _reason(
    "AUT-520", Kind.denied,
    ("「{resource}」未放行。", "{resource} was not let out."),
    ("其登记称不含个人信息，而已确认能识别个人的列：{columns}；没有生效的合法性基础。",
     "Its registration says that it holds no personal data, and people confirmed that these columns name persons: "
     "{columns}. No legal basis for it is in force."),
    ("请由所有者签署合法性基础（authorise draft，kind 为 legal_basis），附影响评估编号。",
     "Let its owner sign a legal basis (`authorise draft` of kind legal_basis) with its impact assessment."),
    art="PIPL 第十三条、第五十五条",
)  # fmt: skip
NOT_YET_KNOWN = _reason(
    "AUT-511", Kind.unavailable,
    ("收到的权利文件暂不能核验。", "The instrument received cannot be checked yet."),
    ("本节点还不认识节点 {node}。", "This node does not know the node {node} yet."),
    ("待节点目录同步后将自动重试。", "It is tried again once the list of nodes has arrived."),
)  # fmt: skip

"""The registration case: its states, moves and deadlines, as policy has them.

Source: 公共数据资源登记管理暂行办法 (发改数据规〔2025〕26号) art. 8-15, 20. A case begins with a first
registration (首次登记); once it is coded it is renewed (续展), cancelled (注销) or revoked (撤销). A change (变更) or a
correction (更正) of it is a case of its own, which goes the same way to its end: it is entered under the code there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FIRST, CHANGE, CORRECTION = "first", "change", "correction"
TYPES = {"first": "首次登记", "change": "变更登记", "correction": "更正登记", "cancellation": "注销登记"}


class State(StrEnum):
    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    SUPPLEMENT_REQUESTED = "SUPPLEMENT_REQUESTED"
    ACCEPTED = "ACCEPTED"
    REVIEWED = "REVIEWED"
    PUBLICISED = "PUBLICISED"
    OBJECTED = "OBJECTED"
    ENDED = "ENDED"
    CODED = "CODED"
    ENTERED = "ENTERED"
    RENEWAL_FILED = "RENEWAL_FILED"
    RENEWAL_ACCEPTED = "RENEWAL_ACCEPTED"
    CANCELLATION_FILED = "CANCELLATION_FILED"
    CANCELLATION_ACCEPTED = "CANCELLATION_ACCEPTED"
    CANCELLED = "CANCELLED"
    REVOKED = "REVOKED"


OVER = frozenset({State.ENDED, State.ENTERED, State.CANCELLED, State.REVOKED})
"""It holds up nothing: what it was about may be registered, or changed, anew."""
WITH_CODE = frozenset(
    {
        State.CODED, State.RENEWAL_FILED, State.RENEWAL_ACCEPTED, State.CANCELLATION_FILED,
        State.CANCELLATION_ACCEPTED, State.CANCELLED, State.REVOKED,
    }
)  # fmt: skip


UNDER_REVIEW = frozenset({State.ACCEPTED, State.REVIEWED, State.PUBLICISED, State.OBJECTED})
"""Of one registration one change at a time is in these: the next is written upon what it leaves."""
FILED = UNDER_REVIEW | {State.SUBMITTED, State.SUPPLEMENT_REQUESTED}


class Act(StrEnum):
    submit = "submit"
    request_supplement = "request_supplement"
    accept = "accept"
    reject = "reject"
    review = "review"
    publicise = "publicise"
    object = "object"
    dismiss_objection = "dismiss_objection"
    uphold_objection = "uphold_objection"
    code = "code"
    enter = "enter"
    lapse = "lapse"
    apply_to_renew = "apply_to_renew"
    renew = "renew"
    apply_to_cancel = "apply_to_cancel"
    cancel = "cancel"
    revoke = "revoke"


class Who(StrEnum):
    applicant = "applicant"
    registry = "registry"
    anybody = "anybody"
    nobody = "nobody"
    """It follows from what becomes of another case."""


MOVES: dict[tuple[State, Act], tuple[Who, State]] = {
    (State.DRAFT, Act.submit): (Who.applicant, State.SUBMITTED),
    (State.SUBMITTED, Act.request_supplement): (Who.registry, State.SUPPLEMENT_REQUESTED),
    (State.SUBMITTED, Act.accept): (Who.registry, State.ACCEPTED),
    (State.SUBMITTED, Act.reject): (Who.registry, State.ENDED),
    (State.SUPPLEMENT_REQUESTED, Act.submit): (Who.applicant, State.SUBMITTED),
    (State.ACCEPTED, Act.review): (Who.registry, State.REVIEWED),
    (State.ACCEPTED, Act.reject): (Who.registry, State.ENDED),
    (State.REVIEWED, Act.publicise): (Who.registry, State.PUBLICISED),
    (State.PUBLICISED, Act.object): (Who.anybody, State.OBJECTED),
    (State.PUBLICISED, Act.code): (Who.registry, State.CODED),
    (State.PUBLICISED, Act.enter): (Who.registry, State.ENTERED),
    (State.OBJECTED, Act.object): (Who.anybody, State.OBJECTED),
    (State.OBJECTED, Act.dismiss_objection): (Who.registry, State.PUBLICISED),
    (State.OBJECTED, Act.uphold_objection): (Who.registry, State.ENDED),
    **{(now, Act.lapse): (Who.nobody, State.ENDED) for now in FILED},
    (State.CODED, Act.apply_to_renew): (Who.applicant, State.RENEWAL_FILED),
    (State.RENEWAL_FILED, Act.accept): (Who.registry, State.RENEWAL_ACCEPTED),
    (State.RENEWAL_FILED, Act.reject): (Who.registry, State.CODED),
    (State.RENEWAL_ACCEPTED, Act.renew): (Who.registry, State.CODED),
    (State.RENEWAL_ACCEPTED, Act.reject): (Who.registry, State.CODED),
    (State.CODED, Act.apply_to_cancel): (Who.applicant, State.CANCELLATION_FILED),
    (State.CANCELLATION_FILED, Act.accept): (Who.registry, State.CANCELLATION_ACCEPTED),
    (State.CANCELLATION_FILED, Act.reject): (Who.registry, State.CODED),
    (State.CANCELLATION_ACCEPTED, Act.cancel): (Who.registry, State.CANCELLED),
    (State.CODED, Act.cancel): (Who.registry, State.CANCELLED),
    (State.CODED, Act.revoke): (Who.registry, State.REVOKED),
    (State.RENEWAL_FILED, Act.revoke): (Who.registry, State.REVOKED),
    (State.RENEWAL_ACCEPTED, Act.revoke): (Who.registry, State.REVOKED),
    (State.CANCELLATION_FILED, Act.revoke): (Who.registry, State.REVOKED),
    (State.CANCELLATION_ACCEPTED, Act.revoke): (Who.registry, State.REVOKED),
}
"""(state now, act) -> (who may, state after). Several objections may be open: the last dismissal moves back. While a
renewal or a cancellation is applied for, the registration stands as the ledger has it. A first registration is coded, a
change or correction of one entered; where the registration ends first, it lapses."""
LAST_ACTS = {FIRST: Act.code, CHANGE: Act.enter, CORRECTION: Act.enter}
"""By type, the registry's deed after the publicity (art. 13); of the two the other is not open."""


@dataclass(frozen=True)
class Ground:
    """Why a registration ends: by which act, whether its registrant may apply for it, and whether the registry may act
    on it without being asked."""

    act: Act
    applied: bool
    own_motion: bool
    zh: str
    en: str
    article: str


GROUNDS: dict[str, Ground] = {
    "lost": Ground(Act.cancel, True, False, "资源灭失或无法恢复", "it is lost and irrecoverable", "art. 9(4)"),
    "given_up": Ground(Act.cancel, True, False, "权利放弃或期满", "the rights were given up or expired", "art. 9(4)"),
    "dissolved": Ground(
        Act.cancel, True, True, "登记主体解散、被撤销、破产等终止", "the registrant was dissolved or ended otherwise",
        "art. 9(4)",
    ),
    "other_lawful": Ground(Act.cancel, True, True, "法律法规规定的其他情形", "another case the law names", "art. 9(4)"),
    "not_renewed": Ground(Act.cancel, False, True, "期满未续展", "it expired and was not renewed", "art. 15"),
    "false_materials": Ground(Act.revoke, False, True, "隐瞒事实或提交虚假材料", "facts hidden or false", "art. 20"),
    "tampering": Ground(Act.revoke, False, True, "篡改登记结果", "its results were tampered with", "art. 20"),
    "unlawful_use": Ground(Act.revoke, False, True, "非法使用或牟利", "used or profited from unlawfully", "art. 20"),
    "other_misconduct": Ground(Act.revoke, False, True, "其他违法违规行为", "other misconduct", "art. 20"),
}  # fmt: skip


@dataclass(frozen=True)
class Period:
    """How long a state may last: working days, who holds it, for what, by which article ("[D]" = house rule)."""

    working_days: int
    holder: str
    zh: str
    en: str
    article: str


PERIODS: dict[State, Period] = {
    State.SUBMITTED: Period(3, "registrar", "待受理", "to be accepted", "art. 10"),
    State.SUPPLEMENT_REQUESTED: Period(20, "applicant", "待补正", "to be supplemented", "[D]"),
    State.ACCEPTED: Period(20, "reviewer", "待形式审核", "to be reviewed", "art. 11"),
    State.REVIEWED: Period(3, "registrar", "待公示", "to be publicised", "[D]"),
    State.PUBLICISED: Period(10, "public", "公示期", "open to objections", "art. 12"),
    State.OBJECTED: Period(10, "registrar", "异议复核", "objection being re-checked", "[D]"),
    State.RENEWAL_FILED: Period(3, "registrar", "续展待受理", "renewal to be accepted", "art. 10"),
    State.RENEWAL_ACCEPTED: Period(20, "reviewer", "续展待审核", "renewal to be reviewed", "art. 11"),
    State.CANCELLATION_FILED: Period(3, "registrar", "注销待受理", "cancellation to be accepted", "art. 10"),
    State.CANCELLATION_ACCEPTED: Period(10, "registrar", "待注销", "to be cancelled", "art. 9(4)"),
}
VALID_YEARS = 3
"""From the code; for a product of an authorised operation with a shorter term, that term (art. 15)."""
RENEWAL_DAYS = 60
"""Renewal is applied for within so many days before the last one (art. 15)."""
MATERIALS = {
    "registrant": "登记主体 registrant",
    "source": "数据来源合法性 lawful source",
    "description": "资源情况 description",
    "evidence": "存证情况 preserved evidence",
    "products": "产品和服务信息 products and services",
    "scenario": "应用场景 application scenario",
    "security": "数据安全风险评估 data-security risk assessment",
}
"""What a first registration needs (art. 9(1))."""

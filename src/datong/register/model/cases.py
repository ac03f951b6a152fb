"""The registration case: its states, moves and deadlines, as policy has them.

Source: 公共数据资源登记管理暂行办法 (发改数据规〔2025〕26号) art. 8-15. First registration (首次登记) only;
the other types are known by name and refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FIRST = "first"
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


class Who(StrEnum):
    applicant = "applicant"
    registry = "registry"
    anybody = "anybody"


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
    (State.OBJECTED, Act.object): (Who.anybody, State.OBJECTED),
    (State.OBJECTED, Act.dismiss_objection): (Who.registry, State.PUBLICISED),
    (State.OBJECTED, Act.uphold_objection): (Who.registry, State.ENDED),
}
"""(state now, act) -> (who may, state after). Several objections may be open: the last dismissal moves back."""


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
}
VALID_YEARS = 3
"""From the code; for a product of an authorised operation with a shorter term, that term (art. 15)."""
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
PUBLIC_FIELDS = ("registrant", "type", "name", "description")
"""What the publicity shows, exactly (art. 12)."""

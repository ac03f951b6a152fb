"""What a form asks an argument as, where a line of text would make a person guess: choices by their words, a structure
by its parts, an example of what is written. The verb checks what it is given, whoever gave it; so nothing here permits.

Must never know: HTTP, the store. Contract: tests/web/test_forms.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from datong.authorise.model import ACTS, AGREEMENT_ITEMS, GROUNDS, PLAN_ITEMS, SELECTIONS, InstrumentKind
from datong.catalogue.service import DELIVERY_FORMS as LISTED_FORMS
from datong.deidentify import service as deidentify
from datong.ground import clock
from datong.ground.refusal import Text
from datong.price.model import CHARGED_PURPOSES, COST_CATEGORIES, FREE_PURPOSES, UNITS
from datong.register.model import cases, national, values
from datong.terms.policy import ACTIONS, CONSTRAINTS, OPERATORS, PURPOSES
from datong.terms.policy.model import KINDS
from datong.terms.policy.vocabulary import Family
from datong.terms.roles import PERSON_ROLES, Role
from datong.terms.tariffs import PAYEE_KINDS, TARIFF_KINDS
from datong.web import words

T = TypeVar("T")

CHOICES: Mapping[str, Sequence[str]] = {
    name: tuple(found)
    for name, found in {
        "source_kind": values.SOURCE_KINDS, "update_frequency": values.FREQUENCIES, "level": values.LEVELS,
        "grade": "12345", "delivery_forms": values.DELIVERY_FORMS, "basis": values.BASES, "purpose": PURPOSES,
        "purposes": PURPOSES, "acts": ACTS, "delivery_form": LISTED_FORMS, "agree": ("node", "person"),
        "into": ("node", "person"),
        "rail": ("dsp", "national"), "roles": [role for role in Role if role in PERSON_ROLES],
        "price.set_fee.purpose": [one for one in PURPOSES if one in FREE_PURPOSES | CHARGED_PURPOSES],
        "price.set_fee.unit": UNITS, "price.set_ceiling.unit": UNITS,
        "register.add_party.kind": values.PARTY_KINDS, "register.apply_to_join.kind": sorted(values.JOINING_KINDS),
        "register.apply_identity.kind": national.Identity, "register.apply_identity.act": national.ACTS,
        "register.apply_to_cancel.ground": [name for name, ground in cases.GROUNDS.items() if ground.applied],
        "register.end_registration.ground": [name for name, ground in cases.GROUNDS.items() if ground.own_motion],
        "authorise.draft.kind": InstrumentKind, "register.draft_case.type": cases.LAST_ACTS,
    }.items()
}  # fmt: skip
"""Argument, or verb and argument -> the codes that it takes, in the order of their table."""


@dataclass(frozen=True)
class Part:
    """One part of a structure, or a structure: kind list is texts, dict a structure of `parts`, and where it is `many`,
    any number of such. title: what is asked, where that is more than its name; codes: what may be answered, called
    what the column `word` calls it; money: fen, asked for in yuan; instant: a day may be said, its Beijing midnight;
    needed: of a structure that is; kept: also where nothing is said of it, as an empty text. made: the structure that
    the verb takes, of what the fields say, where that is another one; taken: the way back, None for what no field says.
    """

    kind: type = str
    title: Text | None = None
    codes: tuple[str, ...] = ()
    word: str = ""
    money: bool = False
    instant: bool = False
    needed: bool = False
    kept: bool = False
    example: str = ""
    suggested: str = ""
    long: bool = False
    parts: Mapping[str, Part] = field(default_factory=dict)
    many: bool = False
    made: Callable[[dict[str, Any]], Any] | None = None
    taken: Callable[[Any], Any] | None = None


APART = re.compile(r"[\n,，、;；]")
"""What stands between the texts of a list."""
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def instant(value: str) -> str:
    """A day as its Beijing midnight; any other text as it is."""
    try:
        return clock.text(clock.instant(f"{value.strip()}T00:00:00+08:00")) if DAY.fullmatch(value.strip()) else value
    except ValueError:
        return value


def _policy(said: dict[str, Any]) -> dict[str, Any]:
    """The policy of clauses, each an action that is permitted, prohibited or owed, with one condition at most; the
    conditions of one action hold together. It has no id: an offer gives it its own."""
    rules: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for clause in said.get("clauses") or ():
        conditions = rules.setdefault((clause.get("rule", KINDS[0]), clause.get("action", "")), [])
        if {"left", "op", "right"} & clause.keys():
            conditions.append(_condition(*(clause.get(name, "") for name in ("left", "op", "right"))))
    found = {kind: [{"action": action, "constraints": of} for (one, action), of in rules.items() if one == kind]
             for kind in KINDS}  # fmt: skip
    return {"id": "", **found, "inherit": said.get("inherit", False)}


def _condition(left: str, op: str, right: str) -> dict[str, Any]:
    texts = [word for word in map(str.strip, APART.split(right)) if word]
    known = CONSTRAINTS.get(left)
    if known and known.family is Family.instant:
        texts = [instant(one) for one in texts]
    as_list = op in OPERATORS and OPERATORS[op].takes_list
    return {"left": left, "op": op, "right": texts if as_list else texts[0] if len(texts) == 1 else right}


def _clauses(policy: Any) -> dict[str, Any] | None:
    """The clauses of a policy, as `_policy` makes it of them; None where it says more than they can."""
    if not isinstance(policy, dict):
        return None
    clauses: list[dict[str, str]] = []
    try:
        for kind in KINDS:
            for rule in policy.get(kind, ()):
                conditions: list[dict[str, Any]] = rule.get("constraints") or [{}]
                clauses += [{"rule": kind, "action": rule["action"], **_written(one)} for one in conditions]
    except (AttributeError, KeyError, TypeError):
        return None
    said = {"clauses": clauses, "inherit": policy.get("inherit", False)}
    return said if _policy(said) == _plain(policy) else None


def _written(condition: dict[str, Any]) -> dict[str, str]:
    right = condition.get("right", "")
    return {**condition, "right": ", ".join(right) if isinstance(right, list) else right} if condition else {}


def _plain(policy: dict[str, Any]) -> dict[str, Any]:
    """The policy with what is absent written out, and without what is empty."""
    rules = {kind: [{"action": "", "constraints": [], **{name: said for name, said in rule.items() if said}}
                    for rule in policy.get(kind, ())] for kind in KINDS}  # fmt: skip
    return {"inherit": False, **policy, **rules, "id": ""}


NUMBER = re.compile(r"[-+]?\d{1,15}(\.\d{1,15})?", re.ASCII)


def _number(said: str) -> Any:
    """A number as it was written; any other text as it is, for the verb to say what it thinks of it."""
    found = said.strip()
    return said if not NUMBER.fullmatch(found) else float(found) if "." in found else int(found)


def _frontier(said: dict[str, Any]) -> dict[str, Any]:
    """The frontier of points, each with the two ends of its interval in one."""
    points = []
    for row in said.get("points") or ():
        point = {name: row[name] if name in ("release", "attack_is") else _number(row[name])
                 for name in row if name not in ("low", "high")}  # fmt: skip
        if {"low", "high"} & row.keys():
            point["interval"] = [_number(row.get(end, "")) for end in ("low", "high")]
        points.append(point)
    return {**said, "points": points}


def _points(frontier: Any) -> dict[str, Any] | None:
    """The frontier as the fields ask it; None where it says what they cannot."""
    try:
        rows = [
            {
                **{name: str(value) for name, value in point.items() if name != "interval"},
                **dict(zip(("low", "high"), map(str, point.get("interval") or ()), strict=False)),
            }
            for point in frontier["points"]
        ]
        said = {**frontier, "points": rows}
    except (AttributeError, KeyError, TypeError):
        return None
    return said if _frontier(said) == frontier else None


def _fen(*, needed: bool = False) -> Part:
    return Part(int, money=True, needed=needed)


POLICY = Part(dict, made=_policy, taken=_clauses, parts={
    "clauses": Part(dict, many=True, parts={
        "rule": Part(codes=KINDS, word="rule"), "action": Part(codes=tuple(ACTIONS)),
        "left": Part(codes=tuple(CONSTRAINTS)), "op": Part(codes=tuple(OPERATORS)),
        "right": Part(suggested="purpose", example="…, …"),
    }),
    "inherit": Part(bool),
})  # fmt: skip
_SPLIT = Part(dict, many=True, parts={
    "party": Part(suggested="party"), "weight": Part(int), "payee_kind": Part(codes=PAYEE_KINDS), "account": Part(),
})  # fmt: skip
_STRUCTURES: Mapping[str, Part] = {
    "licence_terms": Part(dict, parts={
        "commercial": Part(bool, needed=True), "derivatives": Part(bool, needed=True), "attribution": Part(kept=True),
    }),
    "tariffs": Part(dict, parts={purpose: _fen() for purpose in PURPOSES}),
    "split": _SPLIT, "policy": POLICY,
    "frontier": Part(dict, made=_frontier, taken=_points, parts={
        "measured_by": Part(title=Text("测量者", "measured by"), needed=True),
        "measured_on": Part(title=Text("测量日期", "measured on"), needed=True, example="2026-03-31"),
        "data": Part(title=Text("在何数据上测得", "on which data"), needed=True),
        "target": Part(title=Text("预测什么、误差如何计", "what is forecast, and its error"), needed=True),
        "points": Part(dict, many=True, parts={
            "release": Part(title=Text("放行方式", "release")),
            "cost": Part(title=Text("误差增加（0.05 即 5%）", "error added (0.05 is 5 %)"), example="0.05"),
            "low": Part(title=Text("95% 区间下限", "95 % interval from"), example="0.02"),
            "high": Part(title=Text("至", "to"), example="0.08"),
            "k": Part(example="5"), "epsilon": Part(example="1.0"),
            "attack": Part(title=Text("攻击者猜中（0 至 1）", "attacker right (0 to 1)"), example="0.04"),
            "attack_is": Part(title=Text("何种攻击", "which attack")),
        }),
    }),
    "supplies": Part(dict, many=True, parts={
        "resource": Part(suggested="resource"), "agreement": Part(suggested="agreement"),
        "node": Part(suggested="node"),
    }),
    "materials": Part(dict, parts={
        "products": Part(title=Text("产品和服务信息", "products and services"), long=True),
        "scenarios": Part(title=Text("应用场景", "application scenarios"), long=True),
        "reason": Part(title=Text("变更或更正的理由", "reason of a change or correction"), long=True),
        "proof": Part(title=Text("更正：证明文件的摘要", "of a correction: digest of the proof")),
    }),
    "terms": Part(dict, parts={
        "product": Part(suggested="dataset"), "purpose": Part(codes=tuple(PURPOSES)),
        "delivery_form": Part(codes=tuple(LISTED_FORMS)),
        "tariff": Part(dict, parts={"kind": Part(codes=TARIFF_KINDS), "amount_fen": _fen()}),
        "split": _SPLIT, "inputs": Part(list),
        "from": Part(instant=True, example="2026-03-31"), "until": Part(instant=True, example="2027-03-31"),
        "k": Part(int),
    }),
    "survey": Part(dict, parts={
        "operator": Part(needed=True, suggested="party"),
        "period": Part(dict, parts={
            "from_year": Part(int, needed=True, example="2026"), "years": Part(int, needed=True, example="3"),
        }),
        "costs": Part(dict, many=True, parts={
            "item": Part(), "category": Part(codes=tuple(COST_CATEGORIES)), "amount_fen": _fen(),
            "charged": Part(bool),
        }),
        "subsidy_fen": _fen(needed=True), "bond_yield": Part(needed=True, example="0.0172"),
        "profit_rate": Part(needed=True, example="0.0500"), "tax_fen": _fen(needed=True),
        "complete_year": Part(bool, needed=True), "trial": Part(bool, needed=True),
        "operating_cost_fen": _fen(),
        "previous": Part(dict, parts={
            "mpr_fen": _fen(), "actual_fen": _fen(), "carried_fen": _fen(), "spread_periods": Part(int),
        }),
    }),
}  # fmt: skip


BY_KIND = {"items": InstrumentKind, "attributes": national.Identity}
"""Structures whose parts hang on the kind of what is asked for."""


def of_kind(argument: str, kind: str) -> Part | None:
    """What the articles ask of an instrument of this kind (items), and the national documents of an identity
    (attributes); None for one of which they ask nothing."""
    if argument == "attributes":
        needed = national.NEEDED.get(national.Identity(kind), ()) if kind in set(national.Identity) else ()
        agent = {"operator": Part(title=Text("经办人姓名", "name of the agent"), needed=True)}
        parts = {name: agent.get(name, Part(needed=True)) for name in needed}
        return Part(dict, parts=parts) if parts else None
    said = {"plan": PLAN_ITEMS, "agreement": AGREEMENT_ITEMS}.get(kind, {})
    asked = {name: Part(title=Text(zh, words.column(name, "en")), long=True, needed=True) for name, zh in said.items()}
    if kind == "agreement":
        asked["selection"] = Part(codes=SELECTIONS, needed=True)
    if kind == "legal_basis":
        asked = {"ground": Part(codes=GROUNDS, needed=True), "impact_assessment": Part(needed=True)}
    return Part(dict, parts=asked) if asked else None


@cache
def structure(argument: str) -> Part | None:
    """What a form asks by its parts, each a field of its own; None for any other argument."""
    if argument == "answers":
        asked = deidentify.questionnaire()
        return Part(dict, parts={
            one["id"]: Part(title=Text(one["zh"], one["en"]), codes=tuple(asked["steps"]), word="answers", needed=True)
            for one in asked["questions"]
        })  # fmt: skip
    if argument in BY_KIND:  # of whichever kind: which are asked, `of_kind` says
        found = [one for kind in BY_KIND[argument] if (one := of_kind(argument, kind))]
        return Part(dict, parts={name: part for one in found for name, part in one.parts.items()})
    return _STRUCTURES.get(argument)


def part_of(name: str) -> Part | None:
    """The part that a field asks: survey.costs.0.item, licence_terms.commercial; None for what is none."""
    argument, *path = name.split(".")
    found = structure(argument)
    for step in path:
        if found is not None and not (found.many and step.isdecimal()):
            found = found.parts.get(step)
    return found if path else None


TOLD_OF = {"licence.name": "licence", "licence.": "licence_terms.", **{kind: f"policy.{kind}" for kind in KINDS}}
"""Where a verb finds a problem -> the argument or part that a form asked, where they are called otherwise."""

_RULE = re.compile(rf"policy\.({'|'.join(KINDS)})\[(\d+)\](?:\.constraints\[(\d+)\])?(?:\.(\w+))?", re.ASCII)
_CLAUSE = re.compile(r"policy\.clauses\.(\d+)\.", re.ASCII)


def clause_of(where: str, given: Mapping[str, str]) -> str:
    """The field that says what stands at this place of the policy that `_policy` makes of the clauses in `given`; empty
    where none does."""
    if (found := _RULE.match(where)) is None:
        return ""
    kind, rule, condition, part = found[1], int(found[2]), found[3], found[4] or ""
    said: dict[tuple[str, str], list[int]] = {}
    for number in sorted({int(one[1]) for name in given if (one := _CLAUSE.match(name))}):
        at = f"policy.clauses.{number}"
        said.setdefault((given.get(f"{at}.rule", KINDS[0]), given.get(f"{at}.action", "")), []).append(number)
    clauses = [of for (one, _), of in said.items() if one == kind][rule : rule + 1]
    if condition is not None:
        parts = [f"policy.clauses.{number}.{{}}" for of in clauses for number in of
                 if any(f"policy.clauses.{number}.{name}" in given for name in ("left", "op", "right"))]  # fmt: skip
        return parts[int(condition)].format(part or "left") if int(condition) < len(parts) else ""
    return f"policy.clauses.{clauses[0][0]}.action" if clauses else ""


LONG = frozenset({"abstract", "source_statement", "scenario", "description", "security_assessment"})
"""Texts of some sentences."""

FLAT = frozenset({"materials", "changes", "items"})
"""Structures of anything that have one level."""

EXAMPLES: Mapping[str, str] = {
    **dict.fromkeys(("from_at", "until_at", "term_until", "expires"), "2026-03-31"),
    "area": "520100",
    "period": "2026-03",
    "percent": "51",
    "address": "https://",
    "files": "trips.csv: …",
    "materials": "products: …",
    "changes": "abstract: …",
    "values": "purpose: industry_development",
    "policy": """permissions:
  - action: compute
    constraints: [purpose isAnyOf industry_development]
    duties: [anonymize]
prohibitions: [{action: distribute}]""",
    "query": """kind: count
rows_per_unit: 1
by:
  - classes: {column: …, values: […, …]}
spend: {rho: 0.01}""",
    "columns": "…: {kind: direct, level: 4}",
    "offer": '{"policy": {…}, "terms": {…}}',
}
"""Argument -> what a field shows while it is empty: how its value is written, no value of anybody's."""


_WRITTEN: Mapping[str, str] = {
    "query": """kind: count  # 或 sum, mean, quantile, histogram, flow | or sum, mean, quantile, histogram, flow
rows_per_unit: 4  # 每人至多计入的行数 | rows of one person that count at most
rows_per_group: 1  # 其中每组至多一行：即计人数 | and one in each group: persons are counted
by:  # 分组，至多 5 维；不写即全部合计 | the groups, at most 5 dimensions; without it all rows together
  - classes: {column: district, values: [A, B]}
  - windows: {column: started_at, zone: Asia/Shanghai, from: 2026-03-02, until: 2026-03-09, hours: 24}
spend: {rho: 0.01}  # 或 {epsilon: 0.5, delta: 0.000001} | or {epsilon: 0.5, delta: 0.000001}
# 其他维度： | other dimensions:
#  - bins: {column: distance, edges: [0, 1000, 5000]}
#  - cells: {name: area, lat: latitude, lon: longitude, km: 2,
#            origin: {lat: 26.0, lon: 106.0}, area: {south: 26.4, west: 106.5, north: 26.8, east: 107.0}}
# sum、mean、quantile 另写求什么： | for sum, mean and quantile, what is added up or ranked:
# value: {column: amount, lower: 0, upper: 100, step: 0.1}
# quantile 另写分位： | the levels of a quantile:
# levels: [0.25, 0.5, 0.75]
""",
    "recipe": """name: city-flows
zone: Asia/Shanghai  # 所有本地时间的时区 | of all local times
period: {from: 2026-03-02, until: 2026-03-09}  # 不含最后一日 | the last day is excluded
origin: {lat: 26.0, lon: 106.0}  # 网格起点 | where the grid begins
area: {south: 26.4, west: 106.5, north: 26.8, east: 107.0}
levels:  # 由细到粗，最后为全域全周期 | finest first; the last is the whole
  - {km: 1, hours: 1}
  - {km: 2, hours: 3}
  - {km: whole, hours: whole}
k: 5  # 每组最少人数：公开 21、受控 5、隔离 3 | persons of a group: at least 21 public, 5 controlled, 3 enclave
form: controlled  # 或 public, enclave | or public, enclave
purposes: [public_governance]
parts:  # 每个提供方一项 | one for each provider
  - part: trips
    standard: trip
    # 资源编码写在下面一栏：trips: 编码 | the code of its resource stands in the next field, as trips: CODE
    measures:
      - {name: starts, subject: rider_id, time: started_at, lat: start_latitude, lon: start_longitude,
         subjects_as: riders, events_as: starts}
""",
}
"""Argument -> an example of the whole, with what else may be said, for a text that has a form of its own: what a
comment says in Chinese and in English stands apart by a bar. What it names is nobody's."""
_COMMENT = re.compile(r"#([^|\n]*?) \| (.*)$", re.MULTILINE)


def written(argument: str, lang: str) -> str:
    """How the text of this argument is written, in one language; empty for one that is asked for by fields."""
    return _COMMENT.sub(r"#\1" if lang == "zh" else r"# \2", _WRITTEN.get(argument, ""))


def of(kind: Mapping[str, T], verb: str, argument: str, none: T) -> T:
    """What `kind` holds for this argument of this verb, or of any; else `none`."""
    return kind.get(f"{verb}.{argument}") or kind.get(argument, none)

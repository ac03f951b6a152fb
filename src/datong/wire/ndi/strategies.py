"""TC609 strategy objects <-> policies, and what either cannot carry.

A strategy (合约策略) holds one object, its execution nodes, actions, constraints and an extension; no field says
whether it permits, forbids or obliges. Datong writes one strategy per rule and says the kind in the extension, which
is JSON in a string: {"kind", "duties", "inherit", "constraints"}. What stands only there is noted: a peer that
does not read it does not enforce it. What cannot be written or understood at all is lost, and nothing is signed while
something is lost. Source: TC609-6-2025-14 tables 4 and 5.1, annexes C.2 to C.6 and D.
Must never know: messages, contracts. Contract: tests/wire/ndi/test_ndi_strategies.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datong.ground import clock
from datong.ground.refusal import Kind, Problem, Reason, Refusal, Text
from datong.terms.policy import ACTIONS, BAD_POLICY, CONSTRAINTS, OPERATORS, Constraint, Logical, Policy, Rule, checked
from datong.wire.ndi.reading import instant_of, loaded

LOST = Reason(
    "NDI-420",
    Kind.conflict,
    Text("合约 {contract} 未在两种轨道之间转换。", "The contract {contract} was not carried over to the other rail."),
    Text("有 {count} 项内容对方的格式无法承载。", "{count} things in it cannot be written in the other's form."),
    Text("请修改下列各项后重新协商；不会悄悄丢弃任何条款。",
         "Change the items listed and negotiate again; no clause is dropped silently."),
)  # fmt: skip

KINDS = {"permission": "permissions", "prohibition": "prohibitions", "obligation": "obligations"}
"""Kind said in the extension -> list of the policy (annex C.2: permissionPolicies, prohibitionPolicies, ...)."""
PRINTED = {"policyTransmit": "plicyTransmit", "dataRecord": "dateRecord"}
"""Words of the policy model -> misprints of the document, which are written."""
READ = {printed: word for word, printed in PRINTED.items()}
OWN_ACTIONS = frozenset({"use"})
OWN_CONSTRAINTS = frozenset({"purpose"})
"""Words of the model that the national list lacks."""
LENGTHS = {"timeWindow": 10, "region": 10, "networkAddress": 45, "physicalAddress": 20, "count": 16, "frequency": 16,
           "dataSize": 64, "dataRecord": 16, "valueExpression": 128, "application": 1024, "algorithm": 1024,
           "machineLearningModels": 1024, "executionEnv": 2, "encryptMode": 2, "deliveryMethod": 2,
           "payAmount": 128}  # fmt: skip
"""Longest value in characters, annex C.6."""
VALUE_MAX = max(LENGTHS.values())
LIST_MAX = 512 * 1024
"""Characters of a value, and of a list of them, which is one text in the national form."""
ACTIONS_AS_CONSTRAINTS = frozenset({"logRecordSend", "compensate"})
"""Annex D writes these two actions as constraints: a duty of the rule."""
RECORDS_GO_TO = frozenset({"provider", "data provider", "数据提供方", "platform", "service platform", "服务平台"})
"""Recipients that table 4 itself means by logRecordSend: whom else annex D names, the duty here would not tell."""
EXTENSION_MEMBERS = ("kind", "duties", "inherit", "constraints", "contract")
DUTY_MEMBERS = ("actions", "constraints", "own", "duties")
STRATEGY_MEMBERS = ("subjectInfo", "executionNodeInfo", "actions", "constraints", "policyExpansion", "kind")
CONSTRAINT_MEMBERS = ("constraintName", "constraintOperator", "constraintValue")
GROUPS = ("permissionPolicies", "prohibitionPolicies", "obligationPolicies")
"""Annex C.2 has groups of policies, which no interface of annex B carries: beside a strategy they are lost."""
RANGE_OPERATORS = frozenset({"eq", "isA", "isPartOf", "isAnyOf"})
"""Of a range in one value, annex D's `isA` and what else means: within it."""
DEPTH_MAX = 8
_SEVERAL = re.compile(r"[,，、;；]|^\s*\[.*\]\s*$", re.DOTALL)
"""What is no list of texts and hardly one name: read as one, a restriction to none of them would never bite."""
_RANGE = re.compile(r"^(.+?)\s*(?:--|/|至|~)\s*(.+)$")
_COUNTED = re.compile(r"^(\d+)\s*(?:times|calls|次)?\s*(?:per|/|每)\s*(minute|hour|day|分钟|小时|天|日)$")
_UNITS = {"分钟": "minute", "小时": "hour", "天": "day", "日": "day"}


@dataclass(frozen=True)
class Carried:
    """strategies: as written. noted: stands in the extension only, or was read with an assumption. lost: could not be
    carried at all."""

    strategies: list[dict[str, Any]]
    noted: tuple[Problem, ...]
    lost: tuple[Problem, ...]


@dataclass(frozen=True)
class Understood:
    """A policy read from strategies, with what was assumed and what could not be read."""

    policy: Policy | None
    noted: tuple[Problem, ...]
    lost: tuple[Problem, ...]


def require_whole(contract: str, lost: Iterable[Problem]) -> None:
    """LOST with every item, when there is one."""
    if problems := list(lost):
        raise LOST(problems, contract=contract[:80], count=len(problems))


# --- policy -> strategies


def written(policy: Policy, subject: Mapping[str, Any], nodes: Mapping[str, Any]) -> Carried:
    """One strategy for each rule. subject: dataProductId, ...; nodes: providerNodeId, consumerNodeId, ..."""
    strategies: list[dict[str, Any]] = []
    noted: list[Problem] = []
    lost: list[Problem] = []
    for kind, of in KINDS.items():
        for number, rule in enumerate(getattr(policy, of)):
            place = f"{of}[{number}]"
            body = _written_rule(place, rule, noted, lost)
            extension: dict[str, Any] = {"kind": kind}
            if kind != "permission":
                noted.append(_only_extension(place, f"策略类别 {kind}", f"that it is a {kind}"))
            if rule.duties:
                noted.append(_only_extension(f"{place}.duties", "义务、补救或责任", "its duties"))
                extension["duties"] = [_written_duty(f"{place}.duties[{n}]", d, noted, lost)
                                       for n, d in enumerate(rule.duties)]  # fmt: skip
            if policy.inherit:
                extension["inherit"] = True
            extension |= body.pop("extension")
            strategies.append({"subjectInfo": dict(subject), "executionNodeInfo": dict(nodes), **body,
                               "policyExpansion": _text(extension)})  # fmt: skip
    if policy.inherit:
        noted.append(_only_extension("inherit", "策略继承", "that results inherit the policy"))
    return Carried(strategies, tuple(noted), tuple(lost))


def _only_extension(place: str, zh: str, en: str) -> Problem:
    return Problem(place, f"{zh}只写在扩展信息中，不读取它的对方不会执行",
                   f"{en}: in the extension only; a peer that does not read it does not enforce it")  # fmt: skip


def _written_rule(place: str, rule: Rule, noted: list[Problem], lost: list[Problem]) -> dict[str, Any]:
    """actions, constraints, and what of them stands in the extension."""
    extension: dict[str, Any] = {}
    for name, zh, of in (("target", "标的", rule.target), ("assignee", "使用方", rule.assignee)):
        if of:
            lost.append(Problem(f"{place}.{name}", f"规则另有{zh}：国家接口的策略适用于整个合约",
                                f"it has its own {name}: a national strategy is of the whole contract"))  # fmt: skip
    action: Any = PRINTED.get(rule.action, rule.action)
    if rule.action in OWN_ACTIONS:
        noted.append(_only_extension(f"{place}.action", f"操作 {rule.action}", f"the action {rule.action!r}"))
        action = {"expansionItem": {"action": rule.action}}
    constraints, own = [], []
    for number, constraint in enumerate(rule.constraints):
        where = f"{place}.constraints[{number}]"
        if isinstance(constraint, Logical):
            lost.append(Problem(where, f"{constraint.how} 组合的约束：国家接口的约束只能同时成立",
                                f"joined by {constraint.how}: in the national form all hold together"))  # fmt: skip
        elif constraint.left in OWN_CONSTRAINTS:
            noted.append(_only_extension(where, f"约束 {constraint.left}", f"the constraint on {constraint.left}"))
            own.append({"at": number, **_own(constraint)})
        else:
            constraints.append(_written_constraint(where, constraint, lost))
    if own:
        extension["constraints"] = own
    body: dict[str, Any] = {"actions": [action], "extension": extension}
    return {**body, "constraints": constraints} if constraints else body


def _own(constraint: Constraint) -> dict[str, Any]:
    right = constraint.right if isinstance(constraint.right, str) else list(constraint.right)
    return {"left": constraint.left, "op": constraint.op, "right": right}


def _written_constraint(place: str, constraint: Constraint, lost: list[Problem]) -> dict[str, str]:
    takes_list = OPERATORS[constraint.op].takes_list
    value = json.dumps(list(constraint.values), ensure_ascii=False) if takes_list else constraint.values[0]
    lost += _too_long(place, constraint)
    if len(value) > LIST_MAX:
        lost.append(Problem(place, f"取值超过 {LIST_MAX} 字符", f"its values have more than {LIST_MAX} characters"))
    if not takes_list and _list_in(value) is not None:
        lost.append(Problem(place, f"{value[:40]!r} 在国家接口中会读作列表", f"{value[:40]!r} would be read as a list"))
    return {"constraintName": PRINTED.get(constraint.left, constraint.left),
            "constraintOperator": OPERATORS[constraint.op].code, "constraintValue": value}  # fmt: skip


def _too_long(place: str, constraint: Constraint) -> list[Problem]:
    longest = LENGTHS.get(constraint.left, VALUE_MAX)
    if all(len(one) <= longest for one in constraint.values):
        return []
    return [Problem(place, f"{constraint.left} 的值超过 {longest} 字符（附录 C.6）",
                    f"the value of {constraint.left} is longer than {longest} (annex C.6)")]  # fmt: skip


def _written_duty(place: str, rule: Rule, noted: list[Problem], lost: list[Problem]) -> dict[str, Any]:
    body = _written_rule(place, rule, noted, lost)
    extension = body.pop("extension")
    duties = [_written_duty(f"{place}.duties[{n}]", duty, noted, lost) for n, duty in enumerate(rule.duties)]
    own = {"own": extension["constraints"]} if extension else {}
    return {**body, **own, **({"duties": duties} if duties else {})}


def _text(extension: Mapping[str, Any]) -> str:
    return json.dumps(extension, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


# --- strategies -> policy


def understood(strategies: Iterable[Mapping[str, Any]], policy_id: str) -> Understood:
    """The policy that strategies say, whoever wrote them; `policy` is None when something is lost."""
    reader = _Reader()
    lists: dict[str, list[Rule]] = {of: [] for of in KINDS.values()}
    inherit = False
    for number, strategy in enumerate(strategies):
        place = f"strategy[{number}]"
        extension = extension_of(strategy)
        kind = extension.get("kind", strategy.get("kind"))
        if not isinstance(kind, str) or kind not in KINDS:
            if kind is not None:
                said = repr(str(kind)[:40])
                reader.lose(f"{place}.policyExpansion.kind", f"未知策略类别 {said}", f"unknown kind {said}")
            reader.note(place, "未说明策略类别，按允许策略读取", "does not say its kind; read as a permission")
            kind = "permission"
        reader.unread(place, _said(strategy), STRATEGY_MEMBERS)
        for part in ("subjectInfo", "executionNodeInfo"):
            info = strategy.get(part)
            if isinstance(info, Mapping) and "expansionItem" in _said(info):
                reader.unread(f"{place}.{part}", {"expansionItem": info["expansionItem"]}, ())
        reader.extension(f"{place}.policyExpansion", strategy.get("policyExpansion"))
        lists[KINDS[kind]] += reader.rules(place, {**strategy, **_in_extension(extension)}, 0)
        inherit = inherit or extension.get("inherit") is True
    if reader.lost:
        return Understood(None, tuple(reader.noted), tuple(reader.lost))
    permissions, prohibitions, obligations = (tuple(lists[of]) for of in KINDS.values())
    made = Policy(policy_id, permissions, prohibitions, obligations, inherit)
    try:
        return Understood(checked(made), tuple(reader.noted), ())
    except Refusal as refusal:
        if refusal.reason != BAD_POLICY:
            raise
        return Understood(None, tuple(reader.noted), refusal.problems)


def extension_of(strategy: Mapping[str, Any]) -> dict[str, Any]:
    """The extension of a strategy as a mapping, {} when there is none or it is a text in words."""
    given = _extension(strategy.get("policyExpansion"))
    return dict(given) if isinstance(given, Mapping) else {}


def _extension(given: Any) -> Any:
    """What stands in an extension: a mapping, None when nothing does, else what cannot be read as clauses."""
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    try:
        return loaded(given) if isinstance(given, str) else given
    except ValueError:
        return given


def _said(given: Mapping[str, Any]) -> dict[str, Any]:
    """The members that are not empty."""
    return {name: one for name, one in given.items() if one not in (None, "", [], {})}


def _in_extension(extension: Mapping[str, Any]) -> dict[str, Any]:
    return {"own": extension.get("constraints", []), "duties": extension.get("duties", [])}


class _Reader:
    def __init__(self) -> None:
        self.noted: list[Problem] = []
        self.lost: list[Problem] = []

    def note(self, place: str, zh: str, en: str) -> None:
        self.noted.append(Problem(place, zh, en))

    def lose(self, place: str, zh: str, en: str) -> None:
        self.lost.append(Problem(place, zh, en))

    def extension(self, place: str, given: Any) -> None:
        """Loses what of an extension nothing here reads: each member may change what the strategy permits."""
        read = _extension(given)
        if read is not None and not isinstance(read, Mapping):
            self.lose(place, "扩展信息不是可读的条款", "is a text in words, which no node can enforce")
        elif read is not None:
            self.unread(place, read, EXTENSION_MEMBERS)
            if not isinstance(read.get("inherit", False), bool):
                self.lose(f"{place}.inherit", "应为 true 或 false", "should be true or false")

    def unread(self, place: str, given: Mapping[Any, Any], known: Iterable[str]) -> None:
        for name in given.keys() - set(known):
            self.lose(f"{place}.{str(name)[:40]}", "本节点无法理解这一项", "is understood by no node here")

    def rules(self, place: str, body: Mapping[str, Any], depth: int) -> list[Rule]:
        """A rule for each action of a strategy or duty, all under its constraints."""
        constraints: list[Constraint] = []
        duties: list[Rule] = []
        for number, one in enumerate(_listed(body.get("constraints"))):
            self.constraint(f"{place}.constraints[{number}]", one, constraints, duties)
        for number, own in enumerate(_listed(body.get("own"))):
            self.own(f"{place}.policyExpansion.constraints[{number}]", own, constraints)
        given = _listed(body.get("duties"))
        if depth >= DEPTH_MAX and given:
            self.lose(f"{place}.duties", "嵌套过深", "are nested too deeply")
            given = []
        for number, duty in enumerate(given):
            where = f"{place}.duties[{number}]"
            if not isinstance(duty, Mapping):
                self.lose(where, "不是对象", "is no object")
                continue
            self.unread(where, duty, DUTY_MEMBERS)
            duties += self.rules(where, duty, depth + 1)
        actions = [self.action(f"{place}.actions[{n}]", one) for n, one in enumerate(_listed(body.get("actions")))]
        if not actions:
            self.lose(f"{place}.actions", "未列出操作", "names no action")
        return [Rule(action, tuple(constraints), tuple(duties)) for action in actions if action]

    def action(self, place: str, given: Any) -> str:
        if isinstance(given, Mapping):
            inner = given.get("expansionItem")
            self.unread(place, _said(given), ("expansionItem",))
            self.unread(f"{place}.expansionItem", _said(inner) if isinstance(inner, Mapping) else {}, ("action",))
            given = inner.get("action") if isinstance(inner, Mapping) else inner
        word = READ.get(given, given) if isinstance(given, str) else ""
        if word not in ACTIONS:
            self.lose(place, f"操作 {str(given)[:40]!r} 不在 20 项之内，本节点无法执行",
                      f"the action {str(given)[:40]!r} is none of the 20; no node here could enforce it")  # fmt: skip
            return ""
        return word

    def own(self, place: str, given: Any, into: list[Constraint]) -> None:
        if not _is_own(given):
            self.lose(place, "不是约束", "is no constraint")
            return
        right = given["right"]
        values = tuple(map(str, right)) if isinstance(right, list) else str(right)
        made = Constraint(given["left"], str(given["op"]), values)
        self.lost += _too_long(place, made)
        at = given.get("at")
        into.insert(at if type(at) is int and 0 <= at <= len(into) else len(into), made)

    def constraint(self, place: str, given: Any, into: list[Constraint], duties: list[Rule]) -> None:
        if not isinstance(given, Mapping):
            self.lose(place, "不是对象", "is no object")
            return
        self.unread(place, _said(given), CONSTRAINT_MEMBERS)
        name = given.get("constraintName")
        name = READ.get(name, name) if isinstance(name, str) else ""
        code, value = given.get("constraintOperator"), given.get("constraintValue")
        op = next((word for word, one in OPERATORS.items() if code in (one.code, word)), "")
        if not isinstance(value, str) or not op:
            self.lose(place, "运算符或取值有误", "has no known operator, or a value that is no string")
        elif len(value) > (most := LIST_MAX if OPERATORS[op].takes_list else VALUE_MAX):  # before patterns are tried
            self.lose(place, f"取值超过 {most} 字符", f"has a value of more than {most} characters")
        elif name in ACTIONS_AS_CONSTRAINTS:
            duties += self.duty(place, name, op, value)
        elif name not in CONSTRAINTS:
            self.lose(place, f"约束 {name!r} 不在 18 项之内", f"the constraint {name[:40]!r} is none of the 18")
        else:
            made = self.measured(place, name, op, value)
            for one in made:
                self.lost += _too_long(place, one)
            into += made

    def duty(self, place: str, name: str, op: str, value: str) -> list[Rule]:
        """annex D: the two actions that stand where a constraint should."""
        if name == "compensate":
            amount = Constraint("payAmount", op, value)
            self.lost += _too_long(place, amount)
            return [Rule(name, (amount,))]
        if op not in RANGE_OPERATORS:
            self.lose(place, f"{op} 不能说明接收方", f"{op} says no recipient")
            return []
        said = value.strip()[:60]
        if said not in RECORDS_GO_TO:
            known = ", ".join(sorted(RECORDS_GO_TO))
            self.lose(
                place,
                f"行为记录不能发送给“{said}”：策略中没有接收方；可用：{known}",
                f"names {said!r} to be sent usage records, and a policy has no recipient; read are: {known}",
            )
            return []
        self.note(place, f"行为记录发送给“{said}”按义务读取", f"read as the duty to send usage records to {said!r}")
        return [Rule(name)]

    def measured(self, place: str, name: str, op: str, value: str) -> list[Constraint]:
        """One constraint, or two where the document writes a range into one value."""
        if name in ("time", "timeWindow") and (both := _RANGE.match(value)) is not None:
            ends = [instant_of(end.strip()) for end in both.groups()]
            if all(end is not None for end in ends) and op not in RANGE_OPERATORS:
                self.lose(place, f"{op} 不能用于起止时间", f"has a range of two instants, which {op} does not take")
                return []
            if all(end is not None for end in ends):
                self.note(place, "起止时间读作两条约束", "a range of two instants, read as two constraints")
                texts = [clock.text(end) for end in ends if end is not None]
                return [Constraint("time", "gteq", texts[0]), Constraint("time", "lteq", texts[1])]
        if name == "count" and (rate := _COUNTED.match(value)) is not None:
            self.note(place, "带单位的次数读作使用频次", "a number with a unit of time, read as frequency")
            return [Constraint("frequency", op, f"{rate[1]}/{_UNITS.get(rate[2], rate[2])}")]
        if name == "count" and (plain := re.fullmatch(r"(\d+)\s*(?:times|次)", value)) is not None:
            return [Constraint(name, op, plain[1])]
        if name == "time" and not OPERATORS[op].takes_list:
            if (at := instant_of(value)) is None:
                self.lose(place, "不是历法之内的时间", "names no instant, or one that leaves the calendar")
                return []
            return [Constraint(name, op, clock.text(at) if len(value) == 14 else value)]
        values = _list_in(value)
        if op == "isA" and values is not None:
            self.note(place, "isA 与列表读作“属于部分”", "isA with a list, read as: lies within it")
            return [Constraint(name, "isPartOf", tuple(values))]
        if values is not None and not OPERATORS[op].takes_list:  # one name that no value will ever be: neq would permit
            self.lose(place, f"{op} 不能用于列表", f"has a list, which {op} does not take")
            return []
        if values is None and OPERATORS[op].takes_list and _SEVERAL.search(value):
            self.lose(place, f"{value[:40]!r} 似有多个取值，请写成 [a, b]", f"seems to list several in {value[:40]!r}; "
                      "write [a, b]")  # fmt: skip
            return []
        if OPERATORS[op].takes_list:
            return [Constraint(name, op, tuple(values if values is not None else [value]))]
        return [Constraint(name, op, value)]


def _is_own(value: Any) -> bool:
    if not isinstance(value, Mapping) or not {"left", "op", "right"} <= set(value):
        return False
    return isinstance(value["left"], str) and value["left"] in CONSTRAINTS


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def _list_in(value: str) -> list[str] | None:
    """The texts of "[a, b]", as JSON or as annex D writes it; None when `value` is no list."""
    text = value.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        found = loaded(text)
    except ValueError:
        found = [part.strip() for part in text[1:-1].split(",")]
    return [str(one) for one in found] if found and all(isinstance(one, str | int) for one in found) else None

"""Policies as ODRL in the compact JSON of the Dataspace Protocol 2025-1, and back without loss.

Words with the same meaning in ODRL 2.2 are written as its terms: bare where the DSP context defines them
(`use`, operators), else with the prefix `odrl:` it defines (`odrl:purpose`), so that a JSON-LD peer expands
them; the other words of the national list are absolute IRIs under OWN. Values are text or lists of text (the
schema admits no bare numbers). Duties stand where ODRL puts them: duty, remedy, consequence. What a policy or a rule
says and the model has no place for is refused by name: to drop it would change what is permitted.
Must never know: negotiations, transport. Contract: tests/wire/test_wire_odrl.py, tests/wire/test_wire_odrl_shapes.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from datong.ground.refusal import Kind, Problem, Reason, Text
from datong.terms.policy import BAD_POLICY, Condition, Constraint, Logical, Policy, Rule, checked
from datong.terms.policy.checking import CONDITIONS_MAX, RULES_MAX
from datong.terms.policy.model import KINDS as LISTS
from datong.terms.policy.vocabulary import LOGIC

OWN = "urn:datong:ns:"
ODRL = "http://www.w3.org/ns/odrl/2/"
INHERIT = "datong:inherit"

NOT_CARRIED = Reason(
    "POL-422",
    Kind.invalid,
    Text("策略 {id} 未写成数据空间协议的要约或合约。", "The policy {id} was not written for DSP."),
    Text("其中 {count} 处在该协议中没有位置。", "{count} things in it have no place in that protocol."),
    Text("请为每个标的各写一份策略，或改用 Turtle 导出。", "Write one policy a data set, or export it as Turtle."),
    rule="Dataspace Protocol 2025-1",
    article="Contract Offer",
)  # fmt: skip

SAME_ACTIONS = {
    "transform": "transform",
    "anonymize": "anonymize",
    "read": "read",
    "reproduce": "reproduce",
    "distribute": "distribute",
    "grantUse": "grantUse",
    "policyTransmit": "nextPolicy",
    "sell": "sell",
    "delete": "delete",
    "compensate": "compensate",
}
"""Datong's action -> the ODRL action of the same meaning."""

SAME_OPERANDS = {
    "time": "dateTime",
    "region": "spatial",
    "count": "count",
    "payAmount": "payAmount",
    "purpose": "purpose",
}
IN_CONTEXT = frozenset({"use"})
"""Terms the DSP context defines without a prefix."""

AFTER = {"permissions": "duty", "prohibitions": "odrl:remedy", "obligations": "odrl:consequence"}
"""Where ODRL puts what follows a rule of each kind."""
KINDS = tuple((name, name.removesuffix("s"), AFTER[name]) for name in LISTS)
"""(Datong's list, ODRL's list, where ODRL puts what follows)."""
MAX_DEPTH = 8

NO_PLACE = {
    "inheritFrom": ("不支持继承其他策略", "policies it inherits from are not followed; write the rules out"),
    "refinement": ("不支持限定（refinement）", "refinements are not understood; write them as constraints"),
    "rightOperandReference": (
        "不获取 rightOperandReference",
        "rightOperandReference is not fetched; write the value out",
    ),
    "unit": ("不支持 unit，请写入取值", "units are not read; write them into the value"),
    "dataType": ("不支持 dataType", 'dataType is not read; write {"@value", "@type"}'),
    "output": ("不支持 output", "outputs are not understood"),
    "relation": ("不支持 relation", "other relations than target are not understood"),
    "function": ("不支持 function", "other functions than assigner and assignee are not understood"),
}
"""Members of ODRL that change what a policy permits and that the model has no place for."""


def to_offer(policy: Policy, *, target: str = "") -> dict[str, Any]:
    """An Offer; with `target` (a dataset id) as messages carry it, without as a catalogue does."""
    return {"@id": policy.id, "@type": "Offer", **({"target": target} if target else {}), **_rules(policy, target)}


def to_agreement(policy: Policy, *, target: str, assigner: str, assignee: str, timestamp: str) -> dict[str, Any]:
    """An Agreement whose `@id` is the policy's id."""
    parties = {"target": target, "assigner": assigner, "assignee": assignee, "timestamp": timestamp}
    return {"@id": policy.id, "@type": "Agreement", **parties, **_rules(policy, target)}


def _rules(policy: Policy, target: str) -> dict[str, Any]:
    """NOT_CARRIED names the rules about another data set than `target`: DSP's rules have no target of their own."""
    lost = [
        Problem(f"{place}.target", f"规则针对 {rule.target}", f"the rule is about {rule.target}")
        for place, rule in policy.rules()
        if rule.target not in ("", target)
    ]
    if lost:
        raise NOT_CARRIED(lost, id=policy.id[:80], count=len(lost))
    return written(policy, targets=False)


def written(policy: Policy, *, targets: bool) -> dict[str, Any]:
    """The rules as ODRL's lists. targets: whether rules say which data set they are about."""
    lists = {name: [_rule(rule, then, targets) for rule in getattr(policy, kind)] for kind, name, then in KINDS}
    inherited = {INHERIT: True} if policy.inherit else {}
    return {**{name: rules for name, rules in lists.items() if rules}, **inherited}


def _rule(rule: Rule, then: str, targets: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"action": _term(rule.action, SAME_ACTIONS)}
    if rule.target and targets:
        told["target"] = rule.target
    if rule.assignee:
        told["assignee"] = rule.assignee
    if rule.constraints:
        told["constraint"] = [_condition(condition) for condition in rule.constraints]
    if rule.duties:
        told[then] = [_rule(duty, "odrl:consequence", targets) for duty in rule.duties]
    return told


def _condition(condition: Condition) -> dict[str, Any]:
    if isinstance(condition, Logical):
        return {condition.how: [_condition(part) for part in condition.parts]}
    return {
        "leftOperand": _term(condition.left, SAME_OPERANDS),
        "operator": condition.op,
        "rightOperand": condition.right if isinstance(condition.right, str) else list(condition.right),
    }


def _term(word: str, same: Mapping[str, str]) -> str:
    if word in IN_CONTEXT:
        return word
    return f"odrl:{same[word]}" if word in same else OWN + word


# --- reading -------------------------------------------------------------------------------------------------------


def from_odrl(value: Any) -> Policy:
    """The policy of a Set, Offer or Agreement; BAD_POLICY names every part that has no equal in the model.

    Terms are read bare, with `odrl:` or as full IRIs. A rule's own target or assignee that is the policy's is not
    repeated. `odrl:conflict` other than prohibit is refused: here a prohibition always wins.
    """
    if not isinstance(value, Mapping):
        raise BAD_POLICY([Problem("policy", "应为对象", "should be an object")], id="?", count=1)
    reader = _Reader(value)
    lists = {kind: tuple(reader.rules(value, name, then, "", 0)) for kind, name, then in KINDS}
    policy_id = _own(value, "@id", "uid")
    if not isinstance(policy_id, str):
        reader.wrong("@id", "应为文本", "should be text")
    reader.refuse_unplaced(value, "", ("inheritFrom",))
    conflict = _bare(_own(value, "conflict"))
    if conflict not in (None, "prohibit"):
        reader.wrong("conflict", "本系统中禁止优先（prohibit）", "a prohibition wins here (prohibit)")
    inherit = value.get(INHERIT, value.get(f"{OWN}inherit", False))
    if inherit not in (True, False, "true", "false"):
        reader.wrong(INHERIT, "应为 true 或 false", "should be true or false")
    if reader.problems:
        raise BAD_POLICY(reader.problems, id=str(policy_id)[:80], count=len(reader.problems))
    return checked(Policy(str(policy_id), **lists, inherit=inherit in (True, "true")))


class _Reader:
    """One policy being read: what is said of all its rules, and the problems found so far."""

    def __init__(self, policy: Mapping[str, Any]) -> None:
        self.problems: list[Problem] = []
        self.shared = {name: _named(_own(policy, name)) for name in ("target", "assignee", "assigner")}

    def wrong(self, place: str, zh: str, en: str) -> None:
        self.problems.append(Problem(place, zh, en))

    def refuse_unplaced(self, value: Mapping[str, Any], place: str, names: Iterable[str] = NO_PLACE) -> None:
        for name in names:
            if _own(value, name) is not None:
                self.wrong(f"{place}.{name}".lstrip("."), *NO_PLACE[name])

    def rules(self, value: Mapping[str, Any], name: str, then: str, place: str, depth: int) -> Iterator[Rule]:
        given = _own(value, name.removeprefix("odrl:"))
        if given == [] and not place:  # some peers write out all three lists
            return
        for below, one in self.items(given, f"{place}.{name}".lstrip("."), RULES_MAX, empty=True):
            yield self.rule(one, below, then, depth)

    def items(self, given: Any, place: str, most: int, *, empty: bool = False) -> Iterator[tuple[str, Any]]:
        """The items of a list, one value being a list of one, with their places. empty: a list of none says nothing, as
        in JSON-LD; EDC and the conformance kit write such lists."""
        if given is None:
            return
        items = given if isinstance(given, list) else [given]
        if not items and not empty:
            self.wrong(place, "列表为空", "is an empty list")
        if len(items) > most:
            self.wrong(place, f"超过 {most} 项", f"has more than {most} items")
            return
        for number, one in enumerate(items):
            yield f"{place}[{number}]", one

    def rule(self, value: Any, place: str, then: str, depth: int) -> Rule:
        if not isinstance(value, Mapping) or depth > MAX_DEPTH:
            zh, en = ("不是规则", "is no rule") if depth <= MAX_DEPTH else ("嵌套过深", "is nested too deeply")
            self.wrong(place, zh, en)
            return Rule("")
        self.refuse_unplaced(value, place)
        for name in ("duty", "remedy", "consequence"):
            if name != then.removeprefix("odrl:") and _own(value, name) is not None:
                self.wrong(f"{place}.{name}", "此处不能有该项", "has no place there")
        action = _own(value, "action")
        if isinstance(action, list) and len(action) == 1:
            action = action[0]
        if isinstance(action, Mapping):
            self.refuse_unplaced(action, f"{place}.action")
        named = _named(action)
        if not named:
            self.wrong(f"{place}.action", "应为一个操作", "should be one action")
        conditions = [
            condition
            for below, one in self.items(_own(value, "constraint"), f"{place}.constraint", CONDITIONS_MAX, empty=True)
            for condition in self.condition(one, below, 0)
        ]
        duties = tuple(self.rules(value, then, "odrl:consequence", place, depth + 1))
        target, assignee = self.scope(value, "target", place), self.scope(value, "assignee", place)
        self.scope(value, "assigner", place, kept=False)
        return Rule(_word(named, SAME_ACTIONS), tuple(conditions), duties, target, assignee)

    def scope(self, value: Mapping[str, Any], name: str, place: str, *, kept: bool = True) -> str:
        """What a rule says of its target or a party, "" when the policy says the same of all its rules."""
        given = _own(value, name)
        if given is None:
            return ""
        said = _named(given[0] if isinstance(given, list) and len(given) == 1 else given)
        if not said:
            self.wrong(f"{place}.{name}", "应为一个标识", "should be one id")
        elif not kept and said != self.shared[name]:
            self.wrong(f"{place}.{name}", "规则不能另有授予方", "a rule has no assigner of its own here")
        return "" if said == self.shared[name] else said

    def condition(self, value: Any, place: str, depth: int) -> list[Condition]:
        if not isinstance(value, Mapping) or depth > MAX_DEPTH:
            zh, en = ("不是约束", "is no constraint") if depth <= MAX_DEPTH else ("嵌套过深", "is nested too deeply")
            self.wrong(place, zh, en)
            return []
        self.refuse_unplaced(value, place)
        hows = [how for how in LOGIC if _own(value, how) is not None]
        if len(hows) > 1 or (hows and _own(value, "leftOperand") is not None):
            self.wrong(place, "一个约束只能有一种逻辑", "mixes more than one logic in one constraint")
        elif hows:
            given = _own(value, hows[0])
            listed = given.get("@list", given) if isinstance(given, Mapping) else given
            parts = [
                part
                for below, one in self.items(listed, f"{place}.{hows[0]}", CONDITIONS_MAX)
                for part in self.condition(one, below, depth + 1)
            ]
            return [Logical(hows[0], tuple(parts))]
        else:
            return self.constraint(value, place)
        return []

    def constraint(self, value: Mapping[str, Any], place: str) -> list[Condition]:
        found = {}
        for name in ("leftOperand", "operator"):
            found[name] = _named(_own(value, name))
            if not found[name]:
                self.wrong(f"{place}.{name}", "应为文本", "should be text")
        right = _own(value, "rightOperand")
        listed = right.get("@list", right) if isinstance(right, Mapping) else right
        if listed is None:
            self.wrong(f"{place}.rightOperand", "缺少", "is missing")
        values = [
            self.value(one, f"{place}.rightOperand" if not isinstance(listed, list) else below)
            for below, one in self.items(listed, f"{place}.rightOperand", CONDITIONS_MAX)
        ]
        if not all(found.values()) or not values:
            return []
        operator = _bare(found["operator"]) or ""
        kept = tuple(values) if isinstance(listed, list) else values[0]
        return [Constraint(_word(found["leftOperand"], SAME_OPERANDS), operator, kept)]

    def value(self, given: Any, place: str) -> str:
        plain = given
        if isinstance(given, Mapping):
            plain = given.get("@value", given.get("@id", ""))
        if isinstance(plain, str):
            return plain
        self.wrong(place, f"应为文本，实际为 {type(plain).__name__}；数字请写成 \"3\"",
                   f"should be text, is {type(plain).__name__}; write a number as \"3\"")  # fmt: skip
        return "0"


def _own(value: Mapping[str, Any], *names: str) -> Any:
    """The value of the first of ODRL's members that is there, written bare, with a prefix or as an IRI."""
    return next(
        (value[spelt] for name in names for spelt in (name, f"odrl:{name}", ODRL + name) if spelt in value), None
    )


def _named(value: Any) -> str:
    """The text of an id, written plain or as {"@id"}; "" of everything else."""
    if isinstance(value, Mapping):
        value = value.get("@id", "")
    return value if isinstance(value, str) else ""


def _bare(term: Any) -> str | None:
    named = _named(term)
    return named.removeprefix("odrl:").removeprefix(ODRL) if named else None


def _word(term: str, same: Mapping[str, str]) -> str:
    """Datong's word for a term; a term it does not know stays as it is and is refused by `checked`."""
    if term.startswith(OWN):
        return term.removeprefix(OWN)
    bare = term.removeprefix("odrl:").removeprefix(ODRL)
    back = {theirs: ours for ours, theirs in same.items()}
    return back.get(bare, bare)

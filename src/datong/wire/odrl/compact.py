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
from dataclasses import replace
from typing import Any

from datong.ground.refusal import Kind, Problem, Reason, Text
from datong.terms.policy import BAD_POLICY, Condition, Constraint, Logical, Policy, Rule, checked
from datong.terms.policy.checking import CONDITIONS_MAX, RULES_MAX, meant, tidied
from datong.terms.policy.literals import XSD
from datong.terms.policy.model import KINDS as LISTS
from datong.terms.policy.vocabulary import LOGIC, OPERATORS
from datong.wire.odrl.graphs import is_nearly_odrl

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
    "source": ("不支持集合（source）", "collections are not followed to their source; name the target or party itself"),
    "output": ("不支持 output", "outputs are not understood"),
    "relation": ("不支持 relation", "other relations than target are not understood"),
    "function": ("不支持 function", "other functions than assigner and assignee are not understood"),
}
"""Members of ODRL that change what a policy permits and that the model has no place for."""

SHARED = ("target", "assignee", "assigner", "action")
"""What a policy may say of all its rules."""
FOLLOWS = ("duty", "remedy", "consequence")
ATOMIC = ("leftOperand", "operator", "rightOperand")
POLICY_MEMBERS = ("permission", "prohibition", "obligation", *SHARED, "profile", "conflict", "timestamp")
RULE_MEMBERS = (*SHARED, "constraint", *FOLLOWS)
CONSTRAINT_MEMBERS = (*ATOMIC, *LOGIC)
ACTION_MEMBERS = ("includedIn",)
NAME_MEMBERS = ("partOf", "@value")
"""Of what is only called by its name: a target, a party, an operand, an operator."""
WORDS = frozenset({
    *POLICY_MEMBERS, *RULE_MEMBERS, *CONSTRAINT_MEMBERS, *OPERATORS, *SAME_ACTIONS.values(), *SAME_OPERANDS.values(),
    *IN_CONTEXT,
})  # fmt: skip
"""Bare words that are taken for ODRL's."""
BINDING = frozenset({"permission", "prohibition", "obligation", *FOLLOWS, "constraint", "refinement", "action",
                     "conflict", "inheritFrom", *ATOMIC, *LOGIC})  # fmt: skip
"""Words of ODRL that say what is permitted: under a prefix that nothing here explains they may be ODRL's own."""
RDF_VALUE = ("rdf:value", "http://www.w3.org/1999/02/22-rdf-syntax-ns#value")
TYPES = {"duty": "Permission", "odrl:remedy": "Prohibition", "odrl:consequence": "Duty"}
"""What follows a rule -> the ODRL class of the rule."""
KEYWORDS = ("@id", "@type", "@context", "@index")
ALIASES = {"uid": "@id", "type": "@type"}
"""As ODRL's own context has them."""


def to_offer(policy: Policy, *, target: str = "") -> dict[str, Any]:
    """An Offer; with `target` (a dataset id) as messages carry it, without as a catalogue does."""
    return {"@id": policy.id, "@type": "Offer", **({"target": target} if target else {}), **_rules(policy, target)}


def to_agreement(policy: Policy, *, target: str, assigner: str, assignee: str, timestamp: str) -> dict[str, Any]:
    """An Agreement whose `@id` is the policy's id."""
    parties = {"target": target, "assigner": assigner, "assignee": assignee, "timestamp": timestamp}
    return {"@id": policy.id, "@type": "Agreement", **parties, **_rules(policy, target)}


def _rules(policy: Policy, target: str) -> dict[str, Any]:
    """NOT_CARRIED names the rules about another data set than `target`: DSP's rules have no target of their own; and
    what would be refused of the policy once all its rules are about `target`."""
    lost = [
        Problem(f"{place}.target", f"规则针对 {rule.target}", f"the rule is about {rule.target}")
        for place, rule in policy.rules()
        if rule.target not in ("", target)
    ]
    if not lost and any(rule.target for _, rule in policy.rules()):
        lost = tidied(_of_any_target(policy))[1]
    if lost:
        raise NOT_CARRIED(lost, id=policy.id[:80], count=len(lost))
    return written(policy, targets=False)


def _of_any_target(policy: Policy) -> Policy:
    def freed(rule: Rule) -> Rule:
        return replace(rule, target="", duties=tuple(map(freed, rule.duties)))

    may, must_not, must = (tuple(map(freed, getattr(policy, kind))) for kind in LISTS)
    return Policy(policy.id, may, must_not, must, policy.inherit)


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


def from_odrl(value: Any, *, alone: bool = False) -> Policy:
    """The policy of a Set, Offer or Agreement; BAD_POLICY names every part that has no equal in the model.

    Members and terms are read bare, with `odrl:` or as full IRIs; an unknown member of ODRL is refused, one of another
    vocabulary passed over. A rule's own target or assignee that is the policy's is not repeated, since a contract has
    both; alone: there is no contract (a file), and the policy's own are put into each rule that has none.
    `odrl:conflict` other than prohibit is refused: here a prohibition always wins.
    """
    if not isinstance(value, Mapping):
        raise BAD_POLICY([Problem("policy", "应为对象", "should be an object")], id="?", count=1)
    reader = _Reader(value, alone=alone)
    told = reader.told
    lists = {kind: tuple(reader.rules(told, name, then, "", 0)) for kind, name, then in KINDS}
    policy_id = told.get("@id")
    if not isinstance(policy_id, str):
        reader.wrong("@id", "应为文本", "should be text")
    if "Request" in [reader.bare(one) for one in _listed(told.get("@type")) if isinstance(one, str)]:
        reader.wrong("@type", "是请求（Request），不是策略", "is a Request, which is no policy")
    if _listed(told.get("conflict")) and reader.term(told, "conflict", "") != "prohibit":
        reader.wrong("conflict", "本系统中禁止优先（prohibit）", "a prohibition wins here (prohibit)")
    for number, rule in enumerate(lists["prohibitions"]):
        if rule.action == "use":  # a permission that is read narrower is safe, a prohibition is not
            reader.wrong(
                f"prohibition[{number}].action",
                "ODRL 的 use 涵盖其他操作，本系统中仅指其自身；请逐项写明所禁止的操作",
                "use covers other actions in ODRL and only itself here; write out what is prohibited",
            )
    inherits = [given for spelt, given in value.items() if reader.is_inherit(str(spelt))]
    if any(one not in (True, False, "true", "false") for one in inherits):
        reader.wrong(INHERIT, "应为 true 或 false", "should be true or false")
    if reader.problems:
        raise BAD_POLICY(reader.problems, id=str(policy_id)[:80], count=len(reader.problems))
    return checked(Policy(str(policy_id), **lists, inherit=any(one in (True, "true") for one in inherits)))


class _Reader:
    """One policy being read: what is said of all its rules, and the problems found so far."""

    def __init__(self, policy: Mapping[str, Any], *, alone: bool) -> None:
        self.problems: list[Problem] = []
        self.alone = alone
        self.terms: dict[str, str] = {"odrl": ODRL}
        for context in _listed(policy.get("@context")):
            if isinstance(context, Mapping):
                self.defined(context)
        self.told = self.members(policy, "", POLICY_MEMBERS)
        self.shared = {name: self.scope(self.told, name, "") for name in ("target", "assignee", "assigner")}
        self.action = self.action_of(self.told, "") if "action" in self.told else ""

    def wrong(self, place: str, zh: str, en: str) -> None:
        self.problems.append(Problem(place.lstrip("."), zh, en))

    def defined(self, context: Mapping[Any, Any]) -> None:
        """Take in what a policy's own context calls by which name; one that gives a word of ODRL another meaning, or
        words a meaning that depends on where they stand, is refused: they are read here as ODRL's."""
        said = {str(name): one.get("@id", "") if isinstance(one, Mapping) else one for name, one in context.items()}
        self.terms |= {name: meant for name, meant in said.items() if isinstance(meant, str) and name[:1] != "@"}
        self.terms |= {name: self.iri(name) for name in said if name in self.terms}  # no later context changes it
        for name, one in context.items():
            scoped = isinstance(one, Mapping) and not one.keys().isdisjoint(("@context", "@reverse"))
            if scoped or (name in WORDS and self.iri(str(name)) != ODRL + name) or self.terms["odrl"] != ODRL:
                zh, en = "改变了 ODRL 词语的含义", "gives a word of ODRL another meaning"
                self.wrong(f"@context.{str(name)[:80]}", zh, en)

    def iri(self, name: str, depth: int = 0) -> str:
        """What a name stands for by the policy's own context."""
        if depth < MAX_DEPTH and self.terms.get(name, name) != name:
            return self.iri(self.terms[name], depth + 1)
        prefix, colon, rest = name.partition(":")
        if colon and prefix in self.terms and not rest.startswith("//") and depth < MAX_DEPTH:
            return self.iri(self.terms[prefix], depth + 1) + rest
        return name

    def bare(self, name: str) -> str:
        iri = self.iri(name) if ":" in name else name
        return iri.removeprefix(ODRL) if iri.startswith(ODRL) else name

    def members(self, value: Mapping[Any, Any], place: str, known: Iterable[str]) -> dict[str, Any]:
        """What a node says, by ODRL's bare names. A name without a prefix is taken for ODRL's, but for `x-…`, which by
        custom extends what it stands in."""
        found: dict[str, Any] = {}
        for spelt, given in value.items():
            name = self.bare(str(spelt))
            key = ALIASES.get(name, name)
            of_others = name == spelt and (":" in name or name.startswith("x-"))
            if given is None or (of_others and not self.is_doubtful(name, place)):
                continue
            if name == "@context" and place:
                self.wrong(f"{place}.@context", "此处的 @context 不读取", "a context is read at the policy alone")
            if name in NO_PLACE:
                self.wrong(f"{place}.{name}", *NO_PLACE[name])
            elif name not in (*known, *KEYWORDS, *ALIASES):
                hint = meant(name, ("@id", *known))
                self.wrong(f"{place}.{str(spelt)[:80]}", f"本系统不读取这一项{hint.zh}", f"is not read here{hint.en}")
            elif key not in found:
                found[key] = given
            elif not isinstance(given, str) or given != found[key]:
                self.wrong(f"{place}.{name}", "以两种写法写了两次", "is written twice, under two spellings")
        return found

    def is_inherit(self, spelt: str) -> bool:
        return spelt == INHERIT or self.iri(spelt) == f"{OWN}inherit"

    def is_doubtful(self, spelt: str, place: str) -> bool:
        """Whether a member of another vocabulary may be meant for one that changes what is permitted: by a name that
        stands for a keyword, a slip in ODRL's address, a prefix that only a context by address could explain; or one
        that is read in its place alone."""
        iri, (prefix, _, rest) = self.iri(spelt), spelt.partition(":")
        own = iri.removeprefix(OWN) if iri.startswith(OWN) else rest if prefix == "datong" else ""
        return (
            iri.startswith("@")
            or is_nearly_odrl(iri)
            or (prefix not in self.terms and rest in BINDING)
            or (own.lower().startswith("inherit") and (bool(place) or not self.is_inherit(spelt)))
            or iri in RDF_VALUE
        )

    def named(self, given: Any, place: str, known: Iterable[str]) -> str:
        """The name of the one node given, "" when it is none or several; what the node says besides is checked."""
        nodes = _listed(given)
        told = [self.members(one, place, known) if isinstance(one, Mapping) else {"@id": one} for one in nodes]
        said = [one.get("@id", one.get("@value")) for one in told]
        return said[0] if len(said) == 1 and isinstance(said[0], str) else ""

    def term(self, told: Mapping[str, Any], name: str, place: str, known: Iterable[str] = NAME_MEMBERS) -> str:
        """The one word of ODRL that a member says, bare; "" when there is none or several."""
        return self.bare(self.named(told.get(name), f"{place}.{name}", known))

    def rules(self, told: Mapping[str, Any], name: str, then: str, place: str, depth: int) -> Iterator[Rule]:
        given = told.get(name.removeprefix("odrl:"))
        for below, one in self.items(given, f"{place}.{name}".lstrip("."), RULES_MAX, empty=True):
            yield self.rule(one, below, then, depth)

    def items(self, given: Any, place: str, most: int, *, empty: bool = False) -> Iterator[tuple[str, Any]]:
        """The items of a list, one value being a list of one, with their places. empty: a list of none says nothing, as
        in JSON-LD; EDC and the conformance kit write such lists."""
        items = _listed(given)
        if given is not None and not items and not empty:
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
        told = self.members(value, place, RULE_MEMBERS)
        classes = {self.bare(one) for one in _listed(told.get("@type")) if isinstance(one, str)}
        if other := classes.intersection(TYPES.values()) - {TYPES[then]}:
            self.wrong(f"{place}.@type", f"此处不能是 {min(other)}", f"is no place for a {min(other)}")
        for name in FOLLOWS:
            if name != then.removeprefix("odrl:") and name in told:
                self.wrong(f"{place}.{name}", "此处不能有该项", "has no place there")
        shared = "" if depth or "action" in told else self.action  # a duty is another action than its rule's
        action = shared or self.action_of(told, place)
        conditions = [
            condition
            for below, one in self.items(told.get("constraint"), f"{place}.constraint", CONDITIONS_MAX, empty=True)
            for condition in self.condition(one, below, 0)
        ]
        duties = tuple(self.rules(told, then, "odrl:consequence", place, depth + 1))
        said = {name: self.scope(told, name, place) for name in self.shared}
        if said["assigner"] not in ("", self.shared["assigner"]):
            self.wrong(f"{place}.assigner", "规则不能另有授予方", "a rule has no assigner of its own here")
        target, assignee = (self.kept(said[name], self.shared[name], depth) for name in ("target", "assignee"))
        return Rule(action, tuple(conditions), duties, target, assignee)

    def action_of(self, told: Mapping[str, Any], place: str) -> str:
        said = self.term(told, "action", place, ACTION_MEMBERS)
        if not said:
            self.wrong(f"{place}.action", "应为一个操作", "should be one action")
        return _word(self.iri(said), SAME_ACTIONS)

    def scope(self, told: Mapping[str, Any], name: str, place: str) -> str:
        """What a policy or a rule says of its target or a party, "" when it says nothing."""
        given = told.get(name)
        if not _listed(given):
            return ""
        said = self.named(given, f"{place}.{name}", NAME_MEMBERS)
        if not said or said.startswith("_:"):
            self.wrong(f"{place}.{name}", "应为一个标识", "should be one id")
        return self.iri(said)

    def kept(self, said: str, shared: str, depth: int) -> str:
        """What the model keeps of a rule's target or assignee beside the policy's."""
        if self.alone:
            return said or ("" if depth else shared)
        return "" if said == shared else said

    def condition(self, value: Any, place: str, depth: int) -> list[Condition]:
        if not isinstance(value, Mapping) or depth > MAX_DEPTH:
            zh, en = ("不是约束", "is no constraint") if depth <= MAX_DEPTH else ("嵌套过深", "is nested too deeply")
            self.wrong(place, zh, en)
            return []
        told = self.members(value, place, CONSTRAINT_MEMBERS)
        hows = [how for how in LOGIC if how in told]
        if len(hows) > 1 or (hows and not told.keys().isdisjoint(ATOMIC)):
            self.wrong(place, "一个约束只能有一种逻辑", "mixes more than one logic in one constraint")
        elif hows:
            parts = [
                part
                for below, one in self.items(told[hows[0]], f"{place}.{hows[0]}", CONDITIONS_MAX)
                for part in self.condition(one, below, depth + 1)
            ]
            return [Logical(hows[0], tuple(parts))]
        else:
            return self.constraint(told, place)
        return []

    def constraint(self, told: Mapping[str, Any], place: str) -> list[Condition]:
        found = {}
        for name in ("leftOperand", "operator"):
            found[name] = self.term(told, name, place)
            if not found[name]:
                self.wrong(f"{place}.{name}", "应为文本", "should be text")
        right = told.get("rightOperand")
        if right is None:
            self.wrong(f"{place}.rightOperand", "缺少", "is missing")
        values = [self.value(one, below) for below, one in self.items(right, f"{place}.rightOperand", CONDITIONS_MAX)]
        if not all(found.values()) or not values:
            return []
        left = _word(self.iri(found["leftOperand"]), SAME_OPERANDS)
        return [Constraint(left, found["operator"], tuple(values))]

    def value(self, given: Any, place: str) -> str:
        plain = given
        if isinstance(given, Mapping):
            told = self.members(given, place, ("@value", "@language"))
            plain = told.get("@value", told.get("@id"))
            if "@value" in told and "@id" in told:
                self.wrong(place, "不能兼有 @value 与 @id", "has both @value and @id")
            for one in _listed(told.get("@type")) if "@value" in told else ():  # thousands, dollars: a unit it may be
                if not isinstance(one, str) or not one.startswith(("xsd:", XSD)):
                    self.wrong(f"{place}.@type", "只读取 XML Schema 的类型", "is no type of XML Schema")
            if "@value" not in told and isinstance(plain, str):
                plain = self.iri(plain)
        if isinstance(plain, str):
            return plain
        self.wrong(place, f"应为文本，实际为 {type(plain).__name__}；数字请写成 \"3\"",
                   f"should be text, is {type(plain).__name__}; write a number as \"3\"")  # fmt: skip
        return "0"


def _listed(given: Any) -> list[Any]:
    """A value as the list JSON-LD takes it for: one value is a list of one, @list and @set are what they hold."""
    found: list[Any] = []
    for one in given if isinstance(given, list) else [given] if given is not None else []:
        held = one.get("@list", one.get("@set", one)) if isinstance(one, Mapping) and len(one) == 1 else one
        found += held if isinstance(held, list) and held is not one else [held]
    return found


def _word(term: str, same: Mapping[str, str]) -> str:
    """Datong's word for a bare term; a term it does not know stays as it is and is refused by `checked`."""
    if term.startswith(OWN):
        return term.removeprefix(OWN)
    back = {theirs: ours for ours, theirs in same.items()}
    return back.get(term, term)

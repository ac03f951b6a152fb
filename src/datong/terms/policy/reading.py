"""The JSON form of a policy, kept in stores and signed in agreements, and its hash.

A value of the wrong shape is refused with every place where it is wrong; members there are none of are refused too,
because a misspelt `prohibitions` that is passed over permits what was forbidden.
Must never know: files, wire formats. Contract: tests/terms/test_policy_reading.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from datong.ground.canonical import digest
from datong.ground.refusal import Problem
from datong.terms.policy.checking import (
    CONDITIONS_MAX,
    DEPTH_MAX,
    RULES_MAX,
    TOO_MANY,
    meant,
    refused,
    rule_problems,
    tidied,
)
from datong.terms.policy.model import KINDS, Condition, Constraint, Logical, Policy, Rule
from datong.terms.policy.vocabulary import LOGIC

MEMBERS = ("id", *KINDS, "inherit")
RULE_MEMBERS = ("action", "constraints", "duties", "target", "assignee")
DEEP = "嵌套过深"
CONSTRAINT_MEMBERS = ("left", "op", "right")


def to_json(policy: Policy) -> dict[str, Any]:
    """The one JSON form; target and assignee of a rule are written where they are set."""
    return {
        "id": policy.id,
        "permissions": [_rule_json(rule) for rule in policy.permissions],
        "prohibitions": [_rule_json(rule) for rule in policy.prohibitions],
        "obligations": [_rule_json(rule) for rule in policy.obligations],
        "inherit": policy.inherit,
    }


def _rule_json(rule: Rule) -> dict[str, Any]:
    return {
        "action": rule.action,
        "constraints": [_condition_json(condition) for condition in rule.constraints],
        "duties": [_rule_json(duty) for duty in rule.duties],
        **({"target": rule.target} if rule.target else {}),
        **({"assignee": rule.assignee} if rule.assignee else {}),
    }


def _condition_json(condition: Condition) -> dict[str, Any]:
    if isinstance(condition, Logical):
        return {condition.how: [_condition_json(part) for part in condition.parts]}
    right = condition.right if isinstance(condition.right, str) else list(condition.right)
    return {"left": condition.left, "op": condition.op, "right": right}


def policy_hash(policy: Policy) -> str:
    """ "sha256:…" over the rules without the id: an offer and the agreement made of it have the same."""
    return digest({name: part for name, part in to_json(policy).items() if name != "id"})


def from_json(value: Any) -> Policy:
    """The checked policy of a JSON value (as `to_json` writes it; absent lists are empty)."""
    policy, problems = read(value)
    if policy is None:
        raise refused(problems, value.get("id", "?") if isinstance(value, Mapping) else "?")
    return policy


def read(value: Any) -> tuple[Policy | None, list[Problem]]:
    """(the policy, []) or (None, all that is wrong: the shape, and the words wherever the shape lets them be read)."""
    problems = list(_shape(value))
    if problems:
        told = isinstance(value, Mapping) and len(problems) <= CONDITIONS_MAX and all(p.zh != DEEP for p in problems)
        return None, [*problems, *(_words(value, {problem.where for problem in problems}) if told else ())]
    lists = {kind: tuple(_rule(rule) for rule in value.get(kind, ())) for kind in KINDS}
    policy, problems = tidied(Policy(value["id"], **lists, inherit=value.get("inherit", False)))
    return (None, problems) if problems else (policy, [])


def _words(value: Mapping[str, Any], wrong: Set[str]) -> Iterator[Problem]:
    """What is wrong with the words of the rules that can be read beside places of a wrong shape."""
    unread: list[str] = []
    may, must_not, must = (
        tuple(_readable(rule, place, wrong, unread) for place, rule in _items(value, kind, "")) for kind in KINDS
    )
    rules = list(Policy("", may, must_not, must).rules())
    if len(rules) > RULES_MAX:
        yield TOO_MANY
        return
    for place, rule in rules:
        for problem in rule_problems(place, rule):
            if problem.where not in wrong and not problem.where.startswith(tuple(unread)):
                yield problem


def _readable(value: Any, place: str, wrong: Set[str], unread: list[str]) -> Rule:
    """A rule with what could not be read replaced; the places of that are added to `unread`."""
    if not isinstance(value, Mapping):
        unread.append(place)
        return Rule("")
    conditions: list[Condition] = []
    for below, one in _items(value, "constraints", place):
        sound = not any(where.startswith(below) for where in wrong)
        conditions.append(_condition(one) if sound else Constraint("", "", ()))
        unread += [] if sound else [below]
    duties = tuple(_readable(duty, below, wrong, unread) for below, duty in _items(value, "duties", place))
    texts = [
        given if isinstance(given := value.get(name, ""), str) else "" for name in ("action", "target", "assignee")
    ]
    return Rule(texts[0], tuple(conditions), duties, *texts[1:])


def _rule(value: Mapping[str, Any]) -> Rule:
    return Rule(
        value["action"],
        tuple(_condition(one) for one in value.get("constraints", ())),
        tuple(_rule(duty) for duty in value.get("duties", ())),
        value.get("target", ""),
        value.get("assignee", ""),
    )


def _condition(value: Mapping[str, Any]) -> Condition:
    for how in LOGIC:
        if how in value:
            return Logical(how, tuple(_condition(part) for part in value[how]))
    right = value["right"]
    return Constraint(value["left"], value["op"], right if isinstance(right, str) else tuple(right))


# --- the shape -----------------------------------------------------------------------------------------------------


def _shape(value: Any) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield _is_no("policy", "对象", "object", value)
        return
    yield from _members(value, "", MEMBERS, required=("id",))
    yield from _text(value, "id", "")
    if not isinstance(value.get("inherit", False), bool):
        yield _is_no("inherit", "true 或 false", "true or false", value["inherit"])
    yield from _lengths(value, "", KINDS, RULES_MAX)
    for kind in KINDS:
        for place, rule in _items(value, kind, ""):
            yield from _rule_shape(rule, place, 0)


def _rule_shape(value: Any, place: str, depth: int) -> Iterator[Problem]:
    if not isinstance(value, Mapping) or depth > DEPTH_MAX:
        yield _is_no(place, "规则", "rule", value) if depth <= DEPTH_MAX else _deep(place)
        return
    yield from _members(value, place, RULE_MEMBERS, required=("action",))
    for name in ("action", "target", "assignee"):
        yield from _text(value, name, place)
    yield from _lengths(value, place, ("constraints", "duties"), CONDITIONS_MAX)
    for below, condition in _items(value, "constraints", place):
        yield from _condition_shape(condition, below, 0)
    for below, duty in _items(value, "duties", place):
        yield from _rule_shape(duty, below, depth + 1)


def _condition_shape(value: Any, place: str, depth: int) -> Iterator[Problem]:
    if not isinstance(value, Mapping) or depth > DEPTH_MAX:
        yield _is_no(place, "约束", "constraint", value) if depth <= DEPTH_MAX else _deep(place)
        return
    hows = [how for how in LOGIC if how in value]
    if hows:
        yield from _members(value, place, (hows[0],))
        yield from _lengths(value, place, hows[:1], CONDITIONS_MAX)
        for below, part in _items(value, hows[0], place):
            yield from _condition_shape(part, below, depth + 1)
        return
    yield from _members(value, place, CONSTRAINT_MEMBERS, required=CONSTRAINT_MEMBERS)
    yield from _text(value, "left", place)
    yield from _text(value, "op", place)
    right = value.get("right", "")
    texts = right if isinstance(right, list | tuple) else [right]
    if not all(isinstance(one, str) for one in texts):
        yield _is_no(f"{place}.right", "文本或文本列表", "text or list of texts", right)
    elif len(texts) > CONDITIONS_MAX:
        yield Problem(f"{place}.right", f"取值超过 {CONDITIONS_MAX} 个", f"has more than {CONDITIONS_MAX} values")


def _members(
    value: Mapping[str, Any], place: str, known: Sequence[str], required: Sequence[str] = ()
) -> Iterator[Problem]:
    for name in value:
        if name not in known:
            hint = meant(str(name), known)
            yield Problem(_below(place, str(name)[:80]), f"没有这一项{hint.zh}", f"there is no such member{hint.en}")
    for name in required:
        if name not in value:
            yield Problem(_below(place, name), "缺少", "is missing")


def _items(value: Mapping[str, Any], name: str, place: str) -> Iterator[tuple[str, Any]]:
    """The items of a list with their places; none of what is no list."""
    given = value.get(name, ())
    for number, item in enumerate(given if isinstance(given, list | tuple) else ()):
        yield f"{_below(place, name)}[{number}]", item


def _lengths(value: Mapping[str, Any], place: str, names: Sequence[str], most: int) -> Iterator[Problem]:
    for name in names:
        given = value.get(name, ())
        if not isinstance(given, list | tuple):
            yield _is_no(_below(place, name), "列表", "list", given)
        elif len(given) > most:
            yield Problem(_below(place, name), f"超过 {most} 项", f"has more than {most} items")


def _text(value: Mapping[str, Any], name: str, place: str) -> Iterator[Problem]:
    if name in value and not isinstance(value[name], str):
        yield _is_no(_below(place, name), "文本", "text", value[name])


def _is_no(place: str, zh: str, en: str, value: Any) -> Problem:
    kind = {dict: "object", list: "list", int: "number", float: "number", bool: "boolean", type(None): "null"}
    said = kind.get(type(value), type(value).__name__)
    return Problem(place, f"应为{zh}，实际为 {said}", f"should be {_article(en)}, is {said}")


def _article(noun: str) -> str:
    return noun if noun.startswith(("text", "true")) else f"an {noun}" if noun[0] in "aeio" else f"a {noun}"


def _deep(place: str) -> Problem:
    return Problem(place, DEEP, "is nested too deeply")


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name

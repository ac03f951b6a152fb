"""ODRL policies in a graph: rules with their targets, parties, actions and constraints.

Must never know: requests, worlds, how a premise is judged. Contract: tests/wire/test_wire_odrl_graphs.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.ground.refusal import Problem
from datong.terms.policy import LOGIC, OPERATORS
from datong.terms.policy.checking import meant
from datong.terms.policy.compliance import CLOCK, ODRL, Atomic, Joined, OdrlPolicy, OdrlRule
from datong.terms.policy.literals import INSTANTS, XSD
from datong.wire.odrl.graphs import AFTER, KINDS, RDF, Reader, iri

CONFLICTS = ("perm", "prohibit", "invalid")


def policies(reader: Reader) -> list[OdrlPolicy]:
    nodes = policy_nodes(reader)
    if not nodes:
        reader.told(Problem(reader.file, "没有 ODRL 策略", "holds no ODRL policy"))
    require_linked(reader)
    return [_policy(reader, node) for node in nodes]


def policy_nodes(reader: Reader) -> list[Any]:
    """What is typed as a policy, and what has rules and a uid and is no rule itself."""
    typed = reader.of_type("Set", "Offer", "Agreement", "Policy", "Assertion", "Privacy", "Ticket")
    ruled = {s for name in KINDS for s in reader.graph.subjects(iri(ODRL + name))}
    uids = set(reader.graph.subjects(iri(ODRL + "uid")))
    rules = {o for name in (*KINDS, *AFTER.values()) for o in reader.graph.objects(None, iri(ODRL + name))}
    others = {*reader.of_type("Request", "Rule", *AFTER), *rules, *typed}
    return sorted([*typed, *((ruled & uids) - others)], key=reader.order)


def require_linked(reader: Reader) -> None:
    """A rule by its type that stands in no policy is told: what it was meant to forbid would not be forbidden."""
    ways = [*(ODRL + name for name in (*KINDS, *AFTER.values())), RDF + "first"]
    linked = {one for way in ways for one in reader.graph.objects(None, iri(way))}
    for kind in AFTER:
        for node in reader.of_type(kind):
            if node not in linked:
                reader.wrong(node, f"是 odrl:{kind}，但不在任何策略中", f"is an odrl:{kind} and stands in no policy")


def _policy(reader: Reader, node: Any) -> OdrlPolicy:
    reader.known(node, "policy")
    shared = {name: _parts(reader, node, name) for name in ("target", "assignee", "action")}
    rules = [_rule(reader, one, kind, shared) for name, kind in KINDS.items() for one in reader.all(node, name)]
    if not rules:
        reader.wrong(node, "没有规则", "has no rule")
    conflict = [reader.id(one) for one in reader.all(node, "conflict")] or [ODRL + "prohibit"]
    if len(conflict) > 1:
        reader.wrong(node, "只能有一个 odrl:conflict", f"needs one odrl:conflict, has {len(conflict)}")
    for one in conflict:
        if one not in (ODRL + name for name in CONFLICTS):
            hint = meant(one.removeprefix(ODRL), CONFLICTS)
            reader.wrong(node, f"未知的 odrl:conflict {one[:80]}{hint.zh}",
                       f"has the unknown odrl:conflict {one[:80]}{hint.en}")  # fmt: skip
    return OdrlPolicy(reader.id(node), tuple(rules), conflict[0].removeprefix(ODRL))


def _rule(reader: Reader, node: Any, kind: str, shared: Mapping[str, Any]) -> OdrlRule:
    """A rule; what follows it is read for its mistakes."""
    name = reader.id(node)
    reader.known(node, kind)
    for other in set(AFTER) - {kind}:
        if (node, iri(RDF + "type"), iri(ODRL + other)) in reader.graph:
            reader.wrong(node, f"此处不能是 odrl:{other}", f"is an odrl:{other}, and stands as an odrl:{kind}")
    own = {part: _parts(reader, node, part) or shared.get(part, ()) for part in ("target", "assignee", "action")}
    if not own["action"] and kind != "Duty" and not _empty(reader, node, kind, shared):
        reader.wrong(node, "缺少 odrl:action", "has no odrl:action")
    followed = reader.all(node, AFTER[kind])
    for one in followed:
        with reader.inside(one) as ends:
            if ends:
                _rule(reader, one, "Duty", {})
    return OdrlRule(
        name, kind, own["target"], own["assignee"], own["action"],
        tuple(_constraint(reader, one) for one in reader.all(node, "constraint")),
        tuple(reader.id(duty) for duty in followed if kind == "Permission"),
    )  # fmt: skip


def _empty(reader: Reader, node: Any, kind: str, shared: Mapping[str, Any]) -> bool:
    """Whether nothing but its type is said of a rule, which the ODRL Test Suite has reported on (cases 1 to 6)."""
    said = {str(one) for one in reader.graph.predicates(node)} - {ODRL + "uid"}
    typed = (node, iri(RDF + "type"), iri(ODRL + kind)) in reader.graph
    return typed and not any(shared.values()) and not any(one.startswith(ODRL) for one in said)


def _parts(reader: Reader, node: Any, name: str) -> tuple[tuple[str, tuple[Atomic | Joined, ...]], ...]:
    """Targets, parties or actions by each of their names, with their refinements."""
    found = []
    for one in reader.all(node, name):
        refined = tuple(_constraint(reader, part) for part in reader.all(one, "refinement"))
        found += [(called, refined) for called in reader.names(one, name, node)]
    return tuple(found)


def _constraint(reader: Reader, node: Any) -> Atomic | Joined:
    with reader.inside(node) as ends:
        if not ends:
            return Joined(reader.id(node), "and", ())
        reader.known(node, "constraint")
        hows = [how for how in LOGIC if reader.all(node, how)]
        if len(hows) > 1 or (hows and reader.all(node, "leftOperand")):
            reader.wrong(node, "一个约束只能有一种逻辑", "mixes more than one logic in one constraint")
        if hows:
            if reader.all(node, "unit"):
                reader.wrong(node, "逻辑约束没有 odrl:unit", "joins constraints and has no odrl:unit of its own")
            joined = tuple(_constraint(reader, one) for one in reader.all(node, hows[0]))
            return Joined(reader.id(node), hows[0], joined)
        return _atomic(reader, node)


def _atomic(reader: Reader, node: Any) -> Atomic:
    left, op = reader.all(node, "leftOperand"), reader.all(node, "operator")
    right = reader.values(node)
    for name, given in (("leftOperand", left), ("operator", op)):
        if len(given) != 1:
            reader.wrong(node, f"需要恰好一个 odrl:{name}", f"needs one odrl:{name}, has {len(given)}")
        if any(type(one).__name__ == "Literal" for one in given):
            reader.wrong(node, f"odrl:{name} 应为 IRI", f"odrl:{name} should be an IRI")
    operator = reader.id(op[0]).removeprefix(ODRL) if op else ""
    if op and operator not in OPERATORS:
        reader.wrong(node, f"未知运算符 {operator}", f"has the unknown operator {operator}")
    if left and reader.id(left[0]) == CLOCK:
        for one in right:
            if one.datatype.removeprefix(XSD) not in INSTANTS:
                reader.wrong(node, f"{one.text[:80]!r} 不是 xsd:dateTime 或 xsd:date",
                           f"compares the time with {one.text[:80]!r}, no xsd:dateTime or xsd:date")  # fmt: skip
    return Atomic(reader.id(node), reader.id(left[0]) if left else "", operator, right)

"""The policy model as an ODRL Set in Turtle, and back without loss. Needs datong[odrl].

RDF knows no order, and duties have one: rules and constraints are named by their places, and read back in the order of
their names. Ids that are no IRIs are written below urn:datong:. Must never know: how a policy is decided.
Contract: tests/wire/test_wire_odrl_turtle.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from datong.ground.refusal import Problem
from datong.terms.policy import BAD_POLICY, CONSTRAINTS, Policy
from datong.terms.policy.values import instant
from datong.terms.policy.vocabulary import LOGIC, Family
from datong.wire.odrl.compact import INHERIT, MAX_DEPTH, ODRL, OWN, SAME_OPERANDS, from_odrl, written
from datong.wire.odrl.graphs import NO_ODRL_EXTRA, as_written, iri, node_reader, read_turtle

IDS = "urn:datong:id:"
XSD = "http://www.w3.org/2001/XMLSchema#"
NESTED = frozenset(
    {"permission", "prohibition", "obligation", "duty", "remedy", "consequence", "constraint", "refinement", *LOGIC}
)
"""Properties of ODRL whose values are described themselves."""
NAMED = ("target", "assignee", "assigner", "action", "leftOperand", "operator")
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*")
FAMILIES = {f"odrl:{theirs}": CONSTRAINTS[ours].family for ours, theirs in SAME_OPERANDS.items()}
FAMILIES |= {OWN + left: operand.family for left, operand in CONSTRAINTS.items() if left not in SAME_OPERANDS}


def to_turtle(policy: Policy) -> str:
    """An odrl:Set with every rule, the targets and parties of rules among them."""
    try:
        import rdflib  # noqa: PLC0415 - the extra `odrl`
    except ImportError as missing:
        raise NO_ODRL_EXTRA() from missing
    graph = rdflib.Graph(bind_namespaces="none")
    graph.bind("odrl", ODRL)
    graph.bind("datong", OWN)
    with as_written():
        node = iri(_as_iri(policy.id))
        graph.add((node, rdflib.RDF.type, iri(ODRL + "Set")))
        graph.add((node, iri(ODRL + "uid"), node))
        told = written(policy, targets=True)
        if told.pop(INHERIT, False):
            graph.add((node, iri(OWN + "inherit"), rdflib.Literal("true", datatype=iri(XSD + "boolean"))))
        _describe(graph, node, told)
        return str(graph.serialize(format="turtle")).strip() + "\n"


def _describe(graph: Any, node: Any, told: Mapping[str, Any]) -> None:
    for spelt, value in told.items():
        name = spelt.removeprefix("odrl:")
        predicate = iri(ODRL + name)
        if name in NESTED:
            for number, one in enumerate(value):
                below = iri(f"{node}/{name}/{number:04}" if "#" in node else f"{node}#{name}/{number:04}")
                graph.add((node, predicate, below))
                _describe(graph, below, one)
        elif name in NAMED:
            graph.add(
                (node, predicate, iri(_term_iri(value) if name not in ("target", "assignee") else _as_iri(value)))
            )
        else:
            for one in value if isinstance(value, list) else [value]:
                graph.add((node, predicate, _literal(told["leftOperand"], one)))


def _term_iri(term: str) -> str:
    if term.startswith("odrl:"):
        return ODRL + term.removeprefix("odrl:")
    return term if term.startswith(OWN) else ODRL + term


def _as_iri(name: str) -> str:
    return name if _IRI.fullmatch(name) and not name.startswith(IDS) else IDS + quote(name, safe="")


def _literal(operand: str, value: str) -> Any:
    import rdflib  # noqa: PLC0415 - the extra `odrl`

    family = FAMILIES[operand]
    if family is Family.number:
        return rdflib.Literal(value, datatype=iri(XSD + "integer"))
    if family is Family.instant and "T" in value:
        instant(value)
        return rdflib.Literal(value, datatype=iri(XSD + "dateTime"))
    return rdflib.Literal(value)


def from_turtle(name: str, data: bytes) -> Policy:
    """The one policy of a Turtle text; BAD_POLICY names what the model has no place for."""
    reader = node_reader(name, read_turtle(name, data))
    nodes = reader.policy_nodes()
    if len(nodes) != 1:
        problem = Problem(
            name, f"应有一份 ODRL 策略，实际有 {len(nodes)} 份", f"should hold one ODRL policy, holds {len(nodes)}"
        )
        raise BAD_POLICY([problem], id=name[:80], count=1)
    told = _told(reader, nodes[0], 0)
    inherit = [str(one) for one in reader.all(nodes[0], "inherit", OWN)]
    return from_odrl({"@id": _as_id(str(nodes[0])), **told, **({INHERIT: inherit[0]} if inherit else {})})


def _told(reader: Any, node: Any, depth: int) -> dict[str, Any]:
    """What a graph says of a node in ODRL's words, in the compact form."""
    told: dict[str, Any] = {}
    names = {str(p).removeprefix(ODRL) for p in reader.graph.predicates(node) if str(p).startswith(ODRL)} - {"uid"}
    for name in sorted(names):
        values = reader.all(node, name)
        if name in NESTED:
            nested = [_told(reader, one, depth + 1) if depth <= 2 * MAX_DEPTH else None for one in values]
            told[name] = nested
        elif name in ("target", "assignee", "assigner"):
            told[name] = [_as_id(str(one)) for one in values]
        else:
            texts = [str(one) for one in values]
            told[name] = texts if len(texts) > 1 else texts[0] if texts else []
    return told


def _as_id(name: str) -> str:
    return unquote(name.removeprefix(IDS)) if name.startswith(IDS) else name

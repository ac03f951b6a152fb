"""The policy model as an ODRL Set in Turtle, and back without loss. Needs datong[odrl].

RDF knows no order but that of lists, and duties have one: rules and constraints are named by their places, and read
back in the order of their names. Ids that are no IRIs are written below urn:datong:. Must never know: how a policy is
decided.
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
from datong.wire.odrl.graphs import NO_ODRL_EXTRA, RDF, Reader, as_written, iri, read_turtle
from datong.wire.odrl.policies import policy_nodes, require_linked

IDS = "urn:datong:id:"
XSD = "http://www.w3.org/2001/XMLSchema#"
NESTED = frozenset(
    {"permission", "prohibition", "obligation", "duty", "remedy", "consequence", "constraint", "refinement", *LOGIC}
)
"""Properties of ODRL whose values are described themselves."""
REFINED = ("target", "assignee", "assigner", "action")
"""Properties whose values are names that may be narrowed."""
NAMED = (*REFINED, "leftOperand", "operator")
NODES_MAX = 10_000
"""Descriptions beyond one a statement: nodes that stand in many places are described in each."""
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
    if family is Family.number and value == str(int(value)):  # 0005 would be read back as 5
        return rdflib.Literal(value, datatype=iri(XSD + "integer"))
    if family is Family.instant and "T" in value:
        instant(value)
        return rdflib.Literal(value, datatype=iri(XSD + "dateTime"))
    return rdflib.Literal(value)


def from_turtle(name: str, data: bytes) -> Policy:
    """The one policy of a Turtle text; BAD_POLICY names what the model has no place for."""
    reader = Reader(name, read_turtle(name, data))
    nodes = policy_nodes(reader)
    if len(nodes) != 1:
        raise _bad(
            name,
            name,
            f"应有一份 ODRL 策略，实际有 {len(nodes)} 份",
            f"should hold one ODRL policy, holds {len(nodes)}",
        )
    require_linked(reader)
    told = _Telling(name, reader).told(nodes[0], 0)
    inherit = [str(one) for one in reader.all(nodes[0], "inherit", OWN)]
    whole = {"@id": _as_id(str(nodes[0])), **told, **({INHERIT: inherit[0]} if inherit else {})}
    return from_odrl(whole, alone=True)


def _bad(file: str, place: str, zh: str, en: str) -> Exception:
    return BAD_POLICY([Problem(place, zh, en)], id=file[:80], count=1)


class _Telling:
    """A graph told in ODRL's words, in the compact form. What has no name there has none here either: the labels of
    blank nodes are chance, so that from_odrl refuses a node that only has one where a name should be."""

    def __init__(self, file: str, reader: Any) -> None:
        self.file, self.reader, self.graph = file, reader, reader.graph
        self.left = NODES_MAX + len(reader.graph)

    def told(self, node: Any, depth: int) -> dict[str, Any]:
        """What the graph says of a node."""
        self.left -= 1
        if self.left < 0:
            raise _bad(
                self.file, self.file, "各节点相互包含，无法写出", "its nodes stand inside each other without end"
            )
        told: dict[str, Any] = {str(p): True for p in self.graph.predicates(node) if str(p).startswith(OWN)}
        if depth == 0:
            told.pop(f"{OWN}inherit", None)
        if types := [str(one) for one in self.graph.objects(node, iri(RDF + "type")) if str(one).startswith(ODRL)]:
            told["@type"] = sorted(types)
        names = {str(p).removeprefix(ODRL) for p in self.graph.predicates(node) if str(p).startswith(ODRL)} - {"uid"}
        for name in sorted(names):
            values = self.values(node, name)
            if name in NESTED:
                told[name] = [self.told(one, depth + 1) if depth <= 2 * MAX_DEPTH else None for one in values]
            elif name in REFINED:
                told[name] = [self.named(one, name) for one in values]
            else:
                told[name] = [_value(one) for one in values]
        return told

    def values(self, node: Any, name: str) -> list[Any]:
        """The values of a property: of an RDF list its items in their order, which andSequence means something by."""
        given = list(self.graph.objects(node, iri(ODRL + name)))
        if not any((one, iri(RDF + "first"), None) in self.graph for one in given):
            return list(self.reader.all(node, name))
        found: list[Any] = []
        seen, here = set(), given[0]
        while len(given) == 1 and here not in seen and here != iri(RDF + "nil"):
            seen.add(here)
            item, rest = (list(self.graph.objects(here, iri(RDF + part))) for part in ("first", "rest"))
            if len(item) != 1 or len(rest) != 1:
                break
            found.append(item[0])
            here = rest[0]
        if here != iri(RDF + "nil"):
            raise _bad(self.file, f"odrl:{name}", "应为一个有头有尾的列表", "should be one list with an end")
        return found

    def named(self, node: Any, name: str) -> Any:
        """A target, a party or an action, with what would narrow it; an action without a name has a value that has."""
        named = [*self.graph.objects(node, iri(RDF + "value"))] if _is_blank(node) and name == "action" else [node]
        names = [str(one) if name == "action" else _as_id(str(one)) for one in named if not _is_blank(one)]
        narrowed = {part: True for part in ("refinement", "source") if (node, iri(ODRL + part), None) in self.graph}
        if name == "action" and not _is_blank(node) and (node, iri(RDF + "value"), None) in self.graph:
            narrowed[RDF + "value"] = True
        return {**({"@id": names[0]} if len(names) == 1 else {}), **narrowed}


def _is_blank(node: Any) -> bool:
    return type(node).__name__ == "BNode"


def _value(node: Any) -> Any:
    """A name or a literal's text; with its type where that is not of XML Schema, which from_odrl does not read."""
    kind = str(getattr(node, "datatype", None) or "")
    if kind and not kind.startswith(XSD):
        return {"@value": str(node), "@type": kind}
    return {} if _is_blank(node) else str(node)


def _as_id(name: str) -> str:
    return unquote(name.removeprefix(IDS)) if name.startswith(IDS) else name

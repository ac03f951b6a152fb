"""Requests in a graph: who asks to do what with what, as an odrl:Request or in the words of the formal semantics.

Must never know: policies, how a premise is judged. Contract: tests/wire/test_wire_odrl_graphs.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datong.ground.refusal import Problem
from datong.terms.policy.checking import meant
from datong.terms.policy.compliance import CLOCK, ODRL, Asked, Term
from datong.wire.odrl.graphs import RDF, SOTW, Reader, iri

EVALUATED = {
    "target": ("evaluatedTarget", "requestedTarget"),
    "assignee": ("evaluatedParty", "requestingParty"),
    "action": ("evaluatedAction", "requestedAction"),
}
"""What an evaluation request says, now and before, of what a rule of a request says."""
PARAMETERS = ("requestParameter", "requestParameters")
OF_EVALUATION = (*(name for names in EVALUATED.values() for name in names), *PARAMETERS, "context")
OPERANDS = (
    "absolutePosition", "absoluteSize", "absoluteSpatialPosition", "absoluteTemporalPosition", "count", "dateTime",
    "delayPeriod", "deliveryChannel", "device", "elapsedTime", "event", "fileFormat", "industry", "language", "media",
    "meteredTime", "payAmount", "percentage", "product", "purpose", "recipient", "relativePosition", "relativeSize",
    "relativeSpatialPosition", "relativeTemporalPosition", "resolution", "spatial", "spatialCoordinates", "system",
    "systemDevice", "timeInterval", "unitOfCount", "version", "virtualLocation",
)  # fmt: skip
"""The left operands of ODRL 2.2."""
FEATURES = {
    "TemporalData": CLOCK,
    "CurrentXSDDateTime": CLOCK,
    **{name[0].upper() + name[1:]: ODRL + name for name in OPERANDS},
}
"""What a request parameter describes -> the left operand that it gives a value."""


def requests(reader: Reader) -> list[tuple[str, list[Asked]]]:
    nodes = reader.of_type("Request")
    evaluations = sorted(reader.graph.subjects(iri(RDF + "type"), iri(SOTW + "EvaluationRequest")), key=reader.order)
    if not nodes and not evaluations:
        reader.told(
            Problem(
                reader.file,
                "没有 odrl:Request 或 sotw:EvaluationRequest",
                "holds no odrl:Request and no sotw:EvaluationRequest",
            )
        )
    found = [(reader.id(node), [_evaluated(reader, node)]) for node in evaluations]
    for node in nodes:
        reader.known(node, "request")
        rules = reader.all(node, "permission")
        if not rules:
            reader.wrong(node, "请求缺少 odrl:permission", "asks for nothing: it has no odrl:permission")
        found.append((reader.id(node), [_asked(reader, one, node) for one in rules]))
    return found


def _asked(reader: Reader, node: Any, request: Any) -> Asked:
    """One rule of a request. What refines its action, target or party is stated like a constraint."""
    reader.known(node, "asked")
    own: dict[str, tuple[str, ...]] = {}
    facts = reader.all(node, "context", SOTW) + reader.all(node, "constraint") + reader.all(request, "context", SOTW)
    for name in EVALUATED:
        things = reader.all(node, name) or reader.all(request, name)
        own[name] = tuple(reader.names(one, name, node)[0] for one in things)
        facts += [part for one in things for part in reader.all(one, "refinement")]
    return Asked(reader.id(node), own["target"], own["assignee"], own["action"], stated(reader, facts))


def _evaluated(reader: Reader, node: Any) -> Asked:
    """An evaluation request: one action by one party on one target, with what its parameters state."""
    reader.known_words(node, OF_EVALUATION)
    own: dict[str, tuple[str, ...]] = {}
    facts = reader.all(node, "context", SOTW)
    for name, spelt in EVALUATED.items():
        things = [one for word in spelt for one in reader.all(node, word, SOTW)]
        own[name] = tuple(reader.names(one, name, node)[0] for one in things)
        facts += [part for one in things for part in reader.all(one, "refinement")]
    if not own["action"]:
        reader.wrong(node, "缺少 sotw:evaluatedAction", "has no sotw:evaluatedAction")
    given = stated(reader, facts)
    for parameter in [one for word in PARAMETERS for one in reader.all(node, word, SOTW)]:
        for operand, values in _parameter(reader, parameter):
            given[operand] = given.get(operand, ()) + values
    return Asked(reader.id(node), own["target"], own["assignee"], own["action"], given)


def _parameter(reader: Reader, node: Any) -> Iterator[tuple[str, tuple[Term, ...]]]:
    """(left operand, its values) of a request parameter."""
    reader.known_words(node, ("value", "describesFeature"))
    features, values = reader.all(node, "describesFeature", SOTW), reader.all(node, "value", SOTW)
    for name, given in (("describesFeature", features[:2]), ("value", values[:1])):
        if len(given) != 1:
            reader.wrong(node, f"需要一个 sotw:{name}", f"needs one sotw:{name}, has {len(given)}")
    for one in features:
        word = reader.id(one).removeprefix(SOTW)
        if word != reader.id(one) and word not in FEATURES:
            hint = meant(word, FEATURES)
            reader.wrong(node, f"未知的 sotw:{word[:80]}{hint.zh}", f"describes the unknown sotw:{word[:80]}{hint.en}")
        operand = FEATURES.get(word, word) if word != reader.id(one) else word
        yield operand, tuple(reader.term(node, value) for value in values)


def stated(reader: Reader, nodes: list[Any]) -> dict[str, tuple[Term, ...]]:
    """left operand -> values, of constraints that state a fact (operator eq, or none)."""
    given: dict[str, tuple[Term, ...]] = {}
    for node in nodes:
        reader.known(node, "constraint")
        ops = [reader.id(op).removeprefix(ODRL) for op in reader.all(node, "operator")]
        if ops not in ([], ["eq"], ["isAnyOf"]):
            reader.wrong(node, "请求中的事实应以 odrl:eq 给出", "states a fact by another operator than odrl:eq")
        left, values = reader.all(node, "leftOperand"), reader.values(node)
        if len(left) != 1:
            reader.wrong(node, "需要恰好一个 odrl:leftOperand", f"needs one odrl:leftOperand, has {len(left)}")
        for one in left:
            given[reader.id(one)] = given.get(reader.id(one), ()) + values
    return given

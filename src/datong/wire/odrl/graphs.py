"""ODRL graphs in Turtle: read into the values a compliance report is made of (terms/policy/compliance.py).

Needs datong[odrl] (rdflib, BSD-3-Clause). Every mistake of a file is told at once; nothing is fetched: what a graph
only refers to (odrl:rightOperandReference, odrl:inheritFrom) is refused by name, as leaving it out would change what
is permitted. Must never know: how a premise is judged. Contract: tests/wire/test_wire_odrl_graphs.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datong.ground.refusal import Kind, Problem, Reason, Text
from datong.terms.policy import LOGIC, OPERATORS
from datong.terms.policy.compliance import (
    ODRL,
    Asked,
    Atomic,
    DutyState,
    Joined,
    OdrlPolicy,
    OdrlRule,
    Term,
    World,
)

NO_ODRL_EXTRA = Reason(
    "POL-420",
    Kind.unavailable,
    Text("未读取 Turtle。", "No Turtle was read."),
    Text("缺少用于 RDF 的 rdflib。", "rdflib, which reads RDF, is not installed."),
    Text("请执行 pip install 'datong[odrl]'。", "Run pip install 'datong[odrl]'."),
)  # fmt: skip
BAD_GRAPH = Reason(
    "POL-421",
    Kind.invalid,
    Text("未评估该策略。", "The policy was not evaluated."),
    Text("输入中 {count} 处有误。", "{count} things in the input are wrong."),
    Text("请按下列各项修改文件。", "Mend the files as listed."),
    rule="ODRL Information Model 2.2",
)  # fmt: skip

BYTES_MAX = 4 * 1024 * 1024
DEPTH_MAX = 16
"""Logical constraints and duties inside each other."""
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
DCT = "http://purl.org/dc/terms/"
REPORT = "https://w3id.org/force/compliance-report#"
CONTEXT = "https://w3id.org/force/sotw#context"
NOW = "http://example.com/request/currentTime"
"""The world's clock: `temp:currentTime dct:issued "…"^^xsd:dateTime` (ODRL Compliance Report Model)."""

KINDS = {"permission": "Permission", "prohibition": "Prohibition", "obligation": "Duty", "duty": "Duty"}


def read_turtle(name: str, data: bytes) -> Any:
    """The rdflib Graph of a Turtle text; NO_ODRL_EXTRA without rdflib, BAD_GRAPH with the line of a mistake."""
    try:
        import rdflib  # noqa: PLC0415 - the extra `odrl`, and heavy
        from rdflib.plugins.parsers.notation3 import BadSyntax  # noqa: PLC0415
    except ImportError as missing:
        raise NO_ODRL_EXTRA() from missing
    if len(data) > BYTES_MAX:
        raise _bad(Problem(name, f"超过 {BYTES_MAX} 字节", f"is larger than {BYTES_MAX} bytes"))
    graph = rdflib.Graph(bind_namespaces="none")
    try:
        with as_written():
            graph.parse(data=data.decode("utf-8"), format="turtle", publicID="urn:datong:input")
    except UnicodeDecodeError:
        raise _bad(Problem(name, "不是 UTF-8", "is not UTF-8")) from None
    except RecursionError:
        raise _bad(Problem(name, "嵌套过深", "is nested too deeply")) from None
    except BadSyntax as wrong:
        line = getattr(wrong, "lines", 0) + 1
        raise _bad(Problem(f"{name}:{line}", "不是 Turtle", "is not Turtle")) from None
    except Exception as wrong:  # noqa: BLE001 - the parser lets its own errors through: an IndexError, a ValueError
        said = type(wrong).__name__
        raise _bad(Problem(name, f"不是 Turtle（{said}）", f"is not Turtle ({said})")) from None
    return graph


@contextmanager
def as_written() -> Iterator[None]:
    """Literals keep the form they were written in: a report repeats values, a policy is signed with them."""
    import rdflib  # noqa: PLC0415 - the extra `odrl`

    kept = rdflib.NORMALIZE_LITERALS
    rdflib.NORMALIZE_LITERALS = False
    try:
        yield
    finally:
        rdflib.NORMALIZE_LITERALS = kept


def as_turtle(json_ld: Any) -> str:
    """A report, as reports.as_json_ld gives it, in Turtle."""
    import json  # noqa: PLC0415
    import warnings  # noqa: PLC0415

    import rdflib  # noqa: PLC0415 - the extra `odrl`

    graph = rdflib.Graph()
    with warnings.catch_warnings(), as_written():
        warnings.simplefilter("ignore", DeprecationWarning)  # rdflib's own reader of JSON-LD uses what it deprecates
        graph.parse(data=json.dumps(json_ld), format="json-ld")
    return str(graph.serialize(format="turtle")).strip()


def _bad(*problems: Problem) -> Exception:
    return BAD_GRAPH(problems, count=len(problems))


def inputs(policy: Path, request: Path, world: Path) -> tuple[list[OdrlPolicy], list[tuple[str, list[Asked]]], World]:
    """What three Turtle files say; BAD_GRAPH lists all that is wrong in all of them.

    Statements about members, types and wider actions may stand in any of the three.
    """
    problems: list[Problem] = []
    graphs = []
    for path in (policy, request, world):
        try:
            with path.open("rb") as opened:
                data = opened.read(BYTES_MAX + 1)
        except OSError as error:
            said = error.strerror or "error"
            problems.append(Problem(str(path), f"不能读取（{said}）", f"cannot be read ({said})"))
            continue
        graphs.append(read_turtle(path.name, data))
    if problems:
        raise _bad(*problems)
    ruled, asked, known = graphs
    reader = _Reader(policy.name, ruled, problems)
    policies = reader.policies()
    requests = _Reader(request.name, asked, problems).requests()
    state = _world(world.name, known, ruled + asked + known, problems)
    if problems:
        raise _bad(*problems)
    return policies, requests, state


def node_reader(name: str, graph: Any) -> _Reader:
    """A reader of one graph for who makes something else of it."""
    return _Reader(name, graph, [])


class _Reader:
    """One graph, and the problems found in it so far."""

    def __init__(self, file: str, graph: Any, problems: list[Problem]) -> None:
        self.file, self.graph, self.problems = file, graph, problems
        self.blank: dict[Any, str] = {}

    def id(self, node: Any) -> str:
        """A node's IRI; blank nodes are numbered as they are met."""
        if type(node).__name__ == "BNode":
            return self.blank.setdefault(node, f"_:b{len(self.blank) + 1}")
        return str(node)

    def all(self, node: Any, name: str, space: str = ODRL) -> list[Any]:
        """The objects of a property, the items of a list in its place, in a stable order."""
        found = []
        for one in self.graph.objects(node, iri(space + name)):
            found += list(self.graph.items(one)) if (one, iri(RDF + "first"), None) in self.graph else [one]
        return sorted(found, key=self._order)

    def _order(self, node: Any) -> tuple[str, ...]:
        """By name; of a node without one, by what is said of it."""
        if type(node).__name__ != "BNode":
            return "1", str(node)
        return "2", *sorted(
            f"{p} {'' if type(o).__name__ == 'BNode' else o}" for p, o in self.graph.predicate_objects(node)
        )

    def wrong(self, node: Any, zh: str, en: str) -> None:
        self.problems.append(Problem(f"{self.file}: {self.id(node)}", zh, en))

    def of_type(self, *names: str) -> list[Any]:
        found = {one for name in names for one in self.graph.subjects(iri(RDF + "type"), iri(ODRL + name))}
        return sorted(found, key=self._order)

    # --- policies

    def policies(self) -> list[OdrlPolicy]:
        nodes = self.policy_nodes()
        if not nodes:
            self.problems.append(Problem(self.file, "没有 ODRL 策略", "holds no ODRL policy"))
        return [self.policy(node) for node in nodes]

    def policy_nodes(self) -> list[Any]:
        """What is typed as a policy, else what has rules and a uid."""
        nodes = self.of_type("Set", "Offer", "Agreement", "Policy", "Assertion", "Privacy", "Ticket")
        if not nodes:
            requests = set(self.of_type("Request"))
            ruled = {s for name in KINDS for s in self.graph.subjects(iri(ODRL + name))}
            uids = set(self.graph.subjects(iri(ODRL + "uid")))
            nodes = sorted((ruled & uids) - requests, key=self._order)
        return nodes

    def policy(self, node: Any) -> OdrlPolicy:
        for name in ("inheritFrom", "inheritAllowed"):
            if self.all(node, name):
                self.wrong(node, f"不支持 odrl:{name}，请写出规则", f"odrl:{name} is not followed; write the rules out")
        shared = {name: self.parts(node, name) for name in ("target", "assignee", "action")}
        rules = [self.rule(one, kind, shared, 0) for name, kind in KINDS.items() for one in self.all(node, name)]
        if not rules:
            self.wrong(node, "没有规则", "has no rule")
        conflict = [self.id(one).removeprefix(ODRL) for one in self.all(node, "conflict")]
        return OdrlPolicy(self.id(node), tuple(rules), conflict[0] if conflict else "prohibit")

    def rule(self, node: Any, kind: str, shared: Mapping[str, Any], depth: int) -> OdrlRule:
        own = {name: self.parts(node, name) or shared.get(name, ()) for name in ("target", "assignee", "action")}
        duties = self.all(node, "duty") if kind == "Permission" else []
        return OdrlRule(
            self.id(node), kind, own["target"], own["assignee"], own["action"],
            tuple(self.constraint(one, depth) for one in self.all(node, "constraint")),
            tuple(self.id(duty) for duty in duties),
        )  # fmt: skip

    def parts(self, node: Any, name: str) -> tuple[tuple[str, tuple[Atomic | Joined, ...]], ...]:
        """Targets, parties or actions with their refinements; those with a refinement name what they refine by
        rdf:value or odrl:source."""
        found = []
        for one in self.all(node, name):
            refined = tuple(self.constraint(part, 0) for part in self.all(one, "refinement"))
            named = [*self.all(one, "value", RDF), *self.all(one, "source")] if refined else []
            if type(one).__name__ == "Literal":
                self.wrong(node, f"odrl:{name} 应为 IRI", f"odrl:{name} should be an IRI")
            found.append((self.id(named[0]) if named else self.id(one), refined))
        return tuple(found)

    def constraint(self, node: Any, depth: int) -> Atomic | Joined:
        if depth > DEPTH_MAX:
            self.wrong(node, "嵌套过深", "is nested too deeply")
            return Joined(self.id(node), "and", ())
        hows = [how for how in LOGIC if self.all(node, how)]
        if len(hows) > 1 or (hows and self.all(node, "leftOperand")):
            self.wrong(node, "一个约束只能有一种逻辑", "mixes more than one logic in one constraint")
        if hows:
            parts = tuple(self.constraint(one, depth + 1) for one in self.all(node, hows[0]))
            return Joined(self.id(node), hows[0], parts)
        return self.atomic(node)

    def atomic(self, node: Any) -> Atomic:
        left, op = self.all(node, "leftOperand"), self.all(node, "operator")
        right = tuple(_term(one) for one in self.all(node, "rightOperand"))
        for name, given in (("leftOperand", left), ("operator", op)):
            if len(given) != 1:
                self.wrong(node, f"需要恰好一个 odrl:{name}", f"needs one odrl:{name}, has {len(given)}")
        if self.all(node, "rightOperandReference"):
            self.wrong(node, "不获取 odrl:rightOperandReference，请写出取值",
                       "odrl:rightOperandReference is not fetched; write the value out")  # fmt: skip
        elif not right:
            self.wrong(node, "缺少 odrl:rightOperand", "has no odrl:rightOperand")
        operator = self.id(op[0]).removeprefix(ODRL) if op else ""
        if op and operator not in OPERATORS:
            self.wrong(node, f"未知运算符 {operator}", f"has the unknown operator {operator}")
        return Atomic(self.id(node), self.id(left[0]) if left else "", operator, right)

    # --- requests

    def requests(self) -> list[tuple[str, list[Asked]]]:
        nodes = self.of_type("Request")
        if not nodes:
            self.problems.append(Problem(self.file, "没有 odrl:Request", "holds no odrl:Request"))
        found = []
        for node in nodes:
            rules = self.all(node, "permission")
            if not rules:
                self.wrong(node, "请求缺少 odrl:permission", "asks for nothing: it has no odrl:permission")
            found.append((self.id(node), [self.asked(one, node) for one in rules]))
        return found

    def asked(self, node: Any, request: Any) -> Asked:
        own = {
            name: tuple(self.id(one) for one in self.all(node, name) or self.all(request, name))
            for name in ("target", "assignee", "action")
        }
        stated = [*self.all(node, "context", CONTEXT.removesuffix("context")), *self.all(node, "constraint"),
                  *self.all(request, "context", CONTEXT.removesuffix("context"))]  # fmt: skip
        return Asked(self.id(node), own["target"], own["assignee"], own["action"], self.stated(stated))

    def stated(self, nodes: list[Any]) -> dict[str, tuple[Term, ...]]:
        """left operand -> values, of constraints that state a fact (operator eq, or none)."""
        given: dict[str, tuple[Term, ...]] = {}
        for node in nodes:
            ops = [self.id(op).removeprefix(ODRL) for op in self.all(node, "operator")]
            if ops not in ([], ["eq"], ["isAnyOf"]):
                self.wrong(node, "请求中的事实应以 odrl:eq 给出", "states a fact by another operator than odrl:eq")
            for left in self.all(node, "leftOperand"):
                values = tuple(_term(one) for one in self.all(node, "rightOperand"))
                given[self.id(left)] = given.get(self.id(left), ()) + values
        return given


def _world(file: str, known: Any, everything: Any, problems: list[Problem]) -> World:
    reader = _Reader(file, known, problems)
    now = [_term(one) for one in known.objects(iri(NOW), iri(DCT + "issued"))]
    if len(now) != 1:
        problems.append(
            Problem(file, "需要恰好一个 temp:currentTime dct:issued", "needs one temp:currentTime dct:issued, "
                    f"has {len(now)}")
        )  # fmt: skip
    whole = _Reader(file, everything, [])
    facts = [one for one in known.subjects(iri(ODRL + "leftOperand")) if not reader.all(one, "and")]
    return World(
        now[0] if now else Term(""),
        reader.stated(sorted(set(facts), key=reader._order)),
        _pairs(everything, [ODRL + "partOf", DCT + "isPartOf"], [DCT + "hasPart"]),
        _pairs(everything, [RDF + "type", RDFS + "subClassOf", SKOS + "broader"], [SKOS + "narrower"]),
        dict(_collections(whole)),
        _pairs(everything, [ODRL + "includedIn", ODRL + "implies", SKOS + "exactMatch"], []),
        dict(_duties(reader)),
    )


def _pairs(graph: Any, forward: list[str], backward: list[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name in forward:
        for subject, value in graph.subject_objects(iri(name)):
            found.setdefault(str(subject), set()).add(str(value))
    for name in backward:
        for subject, value in graph.subject_objects(iri(name)):
            found.setdefault(str(value), set()).add(str(subject))
    return {one: frozenset(wider) for one, wider in found.items()}


def _collections(reader: _Reader) -> Iterator[tuple[str, frozenset[str]]]:
    for node in reader.of_type("AssetCollection", "PartyCollection"):
        yield reader.id(node), frozenset({reader.id(node), *(reader.id(one) for one in reader.all(node, "source"))})


def _duties(reader: _Reader) -> Iterator[tuple[str, DutyState]]:
    """What reports in the world say of duties. One that says Performed without a deontic state is Fulfilled."""
    graph = reader.graph
    for node in graph.subjects(iri(RDF + "type"), iri(REPORT + "DutyReport")):
        performance = _state(graph, node, "performanceState") or "Unknown"
        deontic = _state(graph, node, "deonticState") or {"Performed": "Fulfilled", "Unperformed": "Violated"}.get(
            performance, "NonSet"
        )
        for rule in graph.objects(node, iri(REPORT + "rule")):
            yield reader.id(rule), DutyState(reader.id(node), performance, deontic)


def _state(graph: Any, node: Any, name: str) -> str:
    return next((str(one).removeprefix(REPORT) for one in graph.objects(node, iri(REPORT + name))), "")


def _term(node: Any) -> Term:
    if type(node).__name__ != "Literal":
        return Term(str(node))
    kind = str(node.datatype or "") or (f"@{node.language}" if node.language else "")
    return Term(str(node), "" if kind == "http://www.w3.org/2001/XMLSchema#string" else kind)


def iri(text: str) -> Any:
    from rdflib import URIRef  # noqa: PLC0415 - the extra `odrl`

    return URIRef(text)

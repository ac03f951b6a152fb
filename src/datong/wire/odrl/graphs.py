"""ODRL graphs in Turtle: read into the values a compliance report is made of (terms/policy/compliance.py).

Needs datong[odrl] (rdflib, BSD-3-Clause). Every mistake of a file is told at once; nothing is fetched: what a graph
only refers to (odrl:rightOperandReference, odrl:inheritFrom), and every member of ODRL's namespace that has no place
where it stands, is refused by name, as leaving it out would change what is permitted. Must never know: how a premise is
judged. Contract: tests/wire/test_wire_odrl_graphs.py.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from datong.ground.refusal import Kind, Problem, Reason, Text
from datong.terms.policy import LOGIC, OPERATORS
from datong.terms.policy.checking import meant
from datong.terms.policy.compliance import (
    CLOCK,
    ODRL,
    Asked,
    Atomic,
    DutyState,
    Joined,
    OdrlPolicy,
    OdrlRule,
    Term,
    World,
    same,
)
from datong.terms.policy.literals import INSTANTS, XSD, measured

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
NODES_MAX = 10_000
"""Constraints and duties of a file, each counted wherever it is used: a few nodes can be a tree without end."""
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
DCT = "http://purl.org/dc/terms/"
REPORT = "https://w3id.org/force/compliance-report#"
SOTW = "https://w3id.org/force/sotw#"
"""The words of evaluation requests and of the state of the world (ODRL Formal Semantics)."""
NOW = "http://example.com/request/currentTime"
"""The world's clock: `temp:currentTime dct:issued "…"^^xsd:dateTime` (ODRL Compliance Report Model)."""

WITHIN = (ODRL + "partOf", DCT + "isPartOf")
READS_MAX = 20_000
"""Members that a reader of its own makes read more than once, beside those of the graph."""

KINDS = {"permission": "Permission", "prohibition": "Prohibition", "obligation": "Duty", "duty": "Duty"}
CONFLICTS = ("perm", "prohibit", "invalid")
AFTER = {"Permission": "duty", "Prohibition": "remedy", "Duty": "consequence"}
"""What follows a rule of each kind."""
_SCOPE = (
    "uid", "target", "action", "assigner", "assignee", "attributedParty", "attributingParty", "compensatedParty",
    "compensatingParty", "consentedParty", "consentingParty", "contractedParty", "contractingParty", "informedParty",
    "informingParty", "trackedParty", "trackingParty",
)  # fmt: skip
MEMBERS: dict[str, tuple[str, ...]] = {
    "policy": (*_SCOPE, "profile", "conflict", *KINDS),
    "request": (*_SCOPE, "profile", "permission"),
    "asked": (*_SCOPE, "constraint"),
    **{kind: (*_SCOPE, "constraint", after) for kind, after in AFTER.items()},
    "constraint": ("uid", "leftOperand", "operator", "rightOperand", "unit", *LOGIC),
    "named": ("uid", "source", "refinement", "partOf", "includedIn", "implies", "hasPolicy", "assignerOf",
              "assigneeOf"),
}  # fmt: skip
"""What is read, or changes nothing that is permitted, of each kind of node. named: actions, targets, parties."""
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
UNREAD = {
    "inheritFrom": ("请写出规则", "is not followed; write the rules out"),
    "inheritAllowed": ("请写出规则", "is not followed; write the rules out"),
    "rightOperandReference": ("不予获取，请写出取值", "is not fetched; write the value out"),
    "dataType": ('请写成 "…"^^类型', 'is not read; write "…"^^type'),
    "status": ("请在世界状态中给出", "is not read; state it in the world"),
    "output": ("无法评估", "is not understood"),
    "relation": ("仅支持 odrl:target", "is not read; odrl:target is"),
    "function": ("仅支持 odrl:assignee", "is not read; odrl:assignee is"),
    "constraint": ("请写入各规则", "is read in rules only; write it into each"),
    "refinement": ("请写入操作、标的或参与方", "is read in actions, targets and parties only"),
}
"""Members of ODRL that are known and have no place here, or none where they stand."""
PERFORMANCES = ("Unperformed", "Unknown", "Performed")
DEONTICS = ("Violated", "NonSet", "Fulfilled")
"""States that reports tell of duties, the worst first."""


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
    """Literals keep the form they were written in: a report repeats values, a policy is signed with them. One that is
    not of its type is told by who reads it, not by rdflib's log."""
    import rdflib  # noqa: PLC0415 - the extra `odrl`

    log = logging.getLogger("rdflib.term")
    kept, silent = rdflib.NORMALIZE_LITERALS, log.disabled
    rdflib.NORMALIZE_LITERALS, log.disabled = False, True
    try:
        yield
    finally:
        rdflib.NORMALIZE_LITERALS, log.disabled = kept, silent


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
    problems: dict[Problem, None] = {}
    graphs = []
    for path in (policy, request, world):
        try:
            with path.open("rb") as opened:
                data = opened.read(BYTES_MAX + 1)
        except OSError as error:
            said = error.strerror or "error"
            problems[Problem(str(path), f"不能读取（{said}）", f"cannot be read ({said})")] = None
            continue
        graphs.append(read_turtle(path.name, data))
    if problems:
        raise _bad(*problems)
    ruled, asked, known = graphs
    reader = _Reader(policy.name, ruled, problems)
    policies = reader.policies()
    requests = reader.beside(request.name, asked).requests()
    whole = reader.beside("", ruled + asked + known)
    whole.problems = {}  # each file has told its own
    state = _world(reader.beside(world.name, known), whole)
    for _, rules in requests or [("", [])]:
        _timed(reader.beside(request.name, asked), world.name, rules, state)
    if problems:
        raise _bad(*problems)
    return policies, requests, state


def node_reader(name: str, graph: Any) -> _Reader:
    """A reader of one graph for who makes something else of it; it refuses at the first mistake."""
    return _Reader(name, graph, None)


class _Reader:
    """One graph, and the problems found so far; without a place for them the first is raised."""

    def __init__(self, file: str, graph: Any, problems: dict[Problem, None] | None) -> None:
        self.file, self.graph, self.problems = file, graph, problems
        self.blank: dict[Any, str] = {}
        self.way: list[Any] = []
        """The constraints or duties that the one now read is inside of."""
        self.nodes = 0
        self.reads = 0

    def beside(self, file: str, graph: Any) -> _Reader:
        """A reader of another graph, with the same problems; no blank node has the number of another's."""
        other = _Reader(file, graph, self.problems)
        other.blank = self.blank
        return other

    def id(self, node: Any) -> str:
        """A node's IRI; blank nodes are numbered as they are met."""
        if type(node).__name__ == "BNode":
            return self.blank.setdefault(node, f"_:b{len(self.blank) + 1}")
        return str(node)

    def all(self, node: Any, name: str, space: str = ODRL) -> list[Any]:
        """The objects of a property, the items of a list in its place, in a stable order."""
        self.reads += 1
        if self.problems is None and self.reads > len(self.graph) + READS_MAX:
            self.told(Problem(self.file, "节点互相引用过多", "has nodes that refer to each other too often"))
        found = []
        for one in self.graph.objects(node, iri(space + name)):
            listed = any((one, iri(RDF + part), None) in self.graph for part in ("first", "rest"))
            found += self.items(one) if listed else [one]
        return sorted(found, key=self._order)

    def items(self, head: Any) -> list[Any]:
        found, met, here = [], set(), head
        while here != iri(RDF + "nil"):
            first = list(self.graph.objects(here, iri(RDF + "first")))
            rest = list(self.graph.objects(here, iri(RDF + "rest")))
            if here in met or len(first) != 1 or len(rest) != 1:
                self.wrong(head, "列表没有终点或残缺", "is a list that runs in a circle or is broken")
                break
            met.add(here)
            found += first
            here = rest[0]
        return found

    def _order(self, node: Any) -> tuple[str, ...]:
        """By name; of a node without one, by what is said of it."""
        if type(node).__name__ != "BNode":
            return "1", str(node)
        return "2", *sorted(
            f"{p} {'' if type(o).__name__ == 'BNode' else o}" for p, o in self.graph.predicate_objects(node)
        )

    def wrong(self, node: Any, zh: str, en: str) -> None:
        self.told(Problem(f"{self.file}: {self.id(node)}", zh, en))

    def told(self, problem: Problem) -> None:
        """Each problem once, however often its node is used."""
        if self.problems is None:
            raise _bad(problem)
        self.problems[problem] = None

    def known(self, node: Any, kind: str) -> None:
        """Every member of ODRL's namespace has to have a place in a node of this kind."""
        names = {str(one).removeprefix(ODRL) for one in self.graph.predicates(node) if str(one).startswith(ODRL)}
        for name in sorted(names.difference(MEMBERS[kind])):
            if name in UNREAD:
                zh, en = UNREAD[name]
                self.wrong(node, f"不支持 odrl:{name}：{zh}", f"odrl:{name} {en}")
            else:
                hint = meant(name, MEMBERS[kind])
                self.wrong(node, f"此处不能有 odrl:{name[:80]}{hint.zh}", f"has no place for odrl:{name[:80]}{hint.en}")

    @contextmanager
    def inside(self, node: Any) -> Iterator[bool]:
        """Whether there is an end to what `node` is part of; else it is refused, and not to be read further."""
        self.nodes += 1
        if node in self.way:
            self.wrong(node, "嵌套过深：包含自身", "is nested too deeply: within itself")
        elif len(self.way) > DEPTH_MAX:
            self.wrong(node, "嵌套过深", "is nested too deeply")
        elif self.nodes > NODES_MAX:
            self.told(
                Problem(
                    self.file, f"约束和义务超过 {NODES_MAX} 个", f"has more than {NODES_MAX} constraints and duties"
                )
            )
        else:
            self.way.append(node)
            yield True
            self.way.pop()
            return
        yield False

    def of_type(self, *names: str) -> list[Any]:
        found = {one for name in names for one in self.graph.subjects(iri(RDF + "type"), iri(ODRL + name))}
        return sorted(found, key=self._order)

    # --- policies

    def policies(self) -> list[OdrlPolicy]:
        nodes = self.policy_nodes()
        if not nodes:
            self.told(Problem(self.file, "没有 ODRL 策略", "holds no ODRL policy"))
        return [self.policy(node) for node in nodes]

    def policy_nodes(self) -> list[Any]:
        """What is typed as a policy, and what has rules and a uid and is no rule itself."""
        typed = self.of_type("Set", "Offer", "Agreement", "Policy", "Assertion", "Privacy", "Ticket")
        ruled = {s for name in KINDS for s in self.graph.subjects(iri(ODRL + name))}
        uids = set(self.graph.subjects(iri(ODRL + "uid")))
        rules = {o for name in (*KINDS, *AFTER.values()) for o in self.graph.objects(None, iri(ODRL + name))}
        others = {*self.of_type("Request", "Rule", *AFTER), *rules, *typed}
        return sorted([*typed, *((ruled & uids) - others)], key=self._order)

    def policy(self, node: Any) -> OdrlPolicy:
        self.known(node, "policy")
        shared = {name: self.parts(node, name) for name in ("target", "assignee", "action")}
        rules = [self.rule(one, kind, shared) for name, kind in KINDS.items() for one in self.all(node, name)]
        if not rules:
            self.wrong(node, "没有规则", "has no rule")
        conflict = [self.id(one) for one in self.all(node, "conflict")] or [ODRL + "prohibit"]
        if len(conflict) > 1:
            self.wrong(node, "只能有一个 odrl:conflict", f"needs one odrl:conflict, has {len(conflict)}")
        for one in conflict:
            if one not in (ODRL + name for name in CONFLICTS):
                hint = meant(one.removeprefix(ODRL), CONFLICTS)
                self.wrong(node, f"未知的 odrl:conflict {one[:80]}{hint.zh}",
                           f"has the unknown odrl:conflict {one[:80]}{hint.en}")  # fmt: skip
        return OdrlPolicy(self.id(node), tuple(rules), conflict[0].removeprefix(ODRL))

    def rule(self, node: Any, kind: str, shared: Mapping[str, Any]) -> OdrlRule:
        """A rule; what follows it is read for its mistakes."""
        name = self.id(node)
        self.known(node, kind)
        own = {part: self.parts(node, part) or shared.get(part, ()) for part in ("target", "assignee", "action")}
        if not own["action"] and kind != "Duty" and not self.empty(node, kind, shared):
            self.wrong(node, "缺少 odrl:action", "has no odrl:action")
        followed = self.all(node, AFTER[kind])
        for one in followed:
            with self.inside(one) as ends:
                if ends:
                    self.rule(one, "Duty", {})
        return OdrlRule(
            name, kind, own["target"], own["assignee"], own["action"],
            tuple(self.constraint(one) for one in self.all(node, "constraint")),
            tuple(self.id(duty) for duty in followed if kind == "Permission"),
        )  # fmt: skip

    def empty(self, node: Any, kind: str, shared: Mapping[str, Any]) -> bool:
        """Whether nothing but its type is said of a rule, which the ODRL Test Suite has reported on (cases 1 to 6)."""
        said = {str(one) for one in self.graph.predicates(node)} - {ODRL + "uid"}
        typed = (node, iri(RDF + "type"), iri(ODRL + kind)) in self.graph
        return typed and not any(shared.values()) and not any(one.startswith(ODRL) for one in said)

    def parts(self, node: Any, name: str) -> tuple[tuple[str, tuple[Atomic | Joined, ...]], ...]:
        """Targets, parties or actions by each of their names, with their refinements."""
        found = []
        for one in self.all(node, name):
            refined = tuple(self.constraint(part) for part in self.all(one, "refinement"))
            found += [(called, refined) for called in self.names(one, name, node)]
        return tuple(found)

    def names(self, node: Any, name: str, owner: Any) -> list[str]:
        """What a target, party or action goes by: an action by its rdf:value, a collection by its odrl:source too."""
        if type(node).__name__ == "Literal" or node == iri(RDF + "nil"):
            self.wrong(owner, f"odrl:{name} 应为 IRI", f"odrl:{name} should be an IRI")
            return [self.id(node)]
        self.known(node, "named")
        blank = type(node).__name__ == "BNode"
        if name == "action":
            other = self.all(node, "value", RDF)
            if len(other) > 1 or (blank and not other):
                self.wrong(
                    node, "操作需要恰好一个 rdf:value", f"is an action and needs one rdf:value, has {len(other)}"
                )
            return [self.id(one) for one in other or [node]]
        other = self.all(node, "source") or (self.all(node, "uid") if blank else [])
        if blank and not other and not self.related(node):
            zh, en = "没有名称：缺少 odrl:source 或 odrl:uid", "goes by no name: it has no odrl:source or odrl:uid"
            self.wrong(node, zh, en)
        return [*(self.id(one) for one in other), self.id(node)] if blank else [self.id(one) for one in (node, *other)]

    def related(self, node: Any) -> bool:
        """Whether a node without a name is told of as a part or as a whole, by which it can still be found."""
        ways = [iri(way) for way in WITHIN]
        return (node, iri(DCT + "hasPart"), None) in self.graph or any(
            (node, way, None) in self.graph or (None, way, node) in self.graph for way in ways
        )

    def constraint(self, node: Any) -> Atomic | Joined:
        with self.inside(node) as ends:
            if not ends:
                return Joined(self.id(node), "and", ())
            self.known(node, "constraint")
            hows = [how for how in LOGIC if self.all(node, how)]
            if len(hows) > 1 or (hows and self.all(node, "leftOperand")):
                self.wrong(node, "一个约束只能有一种逻辑", "mixes more than one logic in one constraint")
            if hows:
                if self.all(node, "unit"):
                    self.wrong(node, "逻辑约束没有 odrl:unit", "joins constraints and has no odrl:unit of its own")
                return Joined(self.id(node), hows[0], tuple(self.constraint(one) for one in self.all(node, hows[0])))
            return self.atomic(node)

    def atomic(self, node: Any) -> Atomic:
        left, op = self.all(node, "leftOperand"), self.all(node, "operator")
        right = self.values(node)
        for name, given in (("leftOperand", left), ("operator", op)):
            if len(given) != 1:
                self.wrong(node, f"需要恰好一个 odrl:{name}", f"needs one odrl:{name}, has {len(given)}")
            if any(type(one).__name__ == "Literal" for one in given):
                self.wrong(node, f"odrl:{name} 应为 IRI", f"odrl:{name} should be an IRI")
        operator = self.id(op[0]).removeprefix(ODRL) if op else ""
        if op and operator not in OPERATORS:
            self.wrong(node, f"未知运算符 {operator}", f"has the unknown operator {operator}")
        if left and self.id(left[0]) == CLOCK:
            for one in right:
                if one.datatype.removeprefix(XSD) not in INSTANTS:
                    self.wrong(node, f"{one.text[:80]!r} 不是 xsd:dateTime 或 xsd:date",
                               f"compares the time with {one.text[:80]!r}, no xsd:dateTime or xsd:date")  # fmt: skip
        return Atomic(self.id(node), self.id(left[0]) if left else "", operator, right)

    def values(self, node: Any) -> tuple[Term, ...]:
        """The right operands of a constraint in its unit; each literal has to be of the type it claims."""
        units = self.all(node, "unit")
        unit = self.id(units[0]) if units else ""
        if len(units) > 1 or any(type(one).__name__ == "Literal" for one in units):
            self.wrong(node, "odrl:unit 应为一个 IRI", "odrl:unit should be one IRI")
        found = tuple(replace(self.term(node, one), unit=unit) for one in self.all(node, "rightOperand"))
        if not found and not self.all(node, "rightOperandReference"):
            self.wrong(node, "缺少 odrl:rightOperand", "has no odrl:rightOperand")
        return found

    def instant(self, node: Any, value: Any) -> Term:
        """The current time, as the world or a request says it."""
        made = self.term(node, value)
        if made.datatype.removeprefix(XSD) not in INSTANTS - {"date"}:
            self.wrong(node, f"当前时间应为 xsd:dateTime：{made.text[:80]!r}",
                       f"says {made.text[:80]!r}, which is no xsd:dateTime")  # fmt: skip
        return made

    def term(self, node: Any, value: Any) -> Term:
        if type(value).__name__ != "Literal":
            return Term(self.id(value))
        kind = str(value.datatype or "") or (f"@{value.language}" if value.language else "")
        made = Term(str(value), "" if kind == f"{XSD}string" else kind)
        try:
            measured(made.text, made.datatype)
        except ValueError:
            type_ = f"xsd:{kind.removeprefix(XSD)}"
            self.wrong(node, f"{made.text[:80]!r} 不是 {type_}", f"says {made.text[:80]!r}, which is no {type_}")
        return made

    # --- requests

    def requests(self) -> list[tuple[str, list[Asked]]]:
        nodes = self.of_type("Request")
        evaluations = sorted(self.graph.subjects(iri(RDF + "type"), iri(SOTW + "EvaluationRequest")), key=self._order)
        if not nodes and not evaluations:
            self.told(
                Problem(
                    self.file,
                    "没有 odrl:Request 或 sotw:EvaluationRequest",
                    "holds no odrl:Request and no sotw:EvaluationRequest",
                )
            )
        found = [(self.id(node), [self.evaluated(node)]) for node in evaluations]
        for node in nodes:
            self.known(node, "request")
            rules = self.all(node, "permission")
            if not rules:
                self.wrong(node, "请求缺少 odrl:permission", "asks for nothing: it has no odrl:permission")
            found.append((self.id(node), [self.asked(one, node) for one in rules]))
        return found

    def asked(self, node: Any, request: Any) -> Asked:
        """One rule of a request. What refines its action, target or party is stated like a constraint."""
        self.known(node, "asked")
        own: dict[str, tuple[str, ...]] = {}
        stated = [*self.all(node, "context", SOTW), *self.all(node, "constraint"),
                  *self.all(request, "context", SOTW)]  # fmt: skip
        for name in EVALUATED:
            things = self.all(node, name) or self.all(request, name)
            own[name] = tuple(self.names(one, name, node)[0] for one in things)
            stated += [part for one in things for part in self.all(one, "refinement")]
        return Asked(self.id(node), own["target"], own["assignee"], own["action"], self.stated(stated))

    def evaluated(self, node: Any) -> Asked:
        """An evaluation request: one action by one party on one target, with what its parameters state."""
        self.known_words(node, OF_EVALUATION)
        own: dict[str, tuple[str, ...]] = {}
        stated = self.all(node, "context", SOTW)
        for name, spelt in EVALUATED.items():
            things = [one for word in spelt for one in self.all(node, word, SOTW)]
            own[name] = tuple(self.names(one, name, node)[0] for one in things)
            stated += [part for one in things for part in self.all(one, "refinement")]
        if not own["action"]:
            self.wrong(node, "缺少 sotw:evaluatedAction", "has no sotw:evaluatedAction")
        given = self.stated(stated)
        for parameter in [one for word in PARAMETERS for one in self.all(node, word, SOTW)]:
            for operand, values in self.parameter(parameter):
                given[operand] = given.get(operand, ()) + values
        return Asked(self.id(node), own["target"], own["assignee"], own["action"], given)

    def parameter(self, node: Any) -> Iterator[tuple[str, tuple[Term, ...]]]:
        """(left operand, its values) of a request parameter."""
        self.known_words(node, ("value", "describesFeature"))
        features, values = self.all(node, "describesFeature", SOTW), self.all(node, "value", SOTW)
        for name, given in (("describesFeature", features[:2]), ("value", values[:1])):
            if len(given) != 1:
                self.wrong(node, f"需要一个 sotw:{name}", f"needs one sotw:{name}, has {len(given)}")
        for one in features:
            word = self.id(one).removeprefix(SOTW)
            if word != self.id(one) and word not in FEATURES:
                hint = meant(word, FEATURES)
                self.wrong(
                    node, f"未知的 sotw:{word[:80]}{hint.zh}", f"describes the unknown sotw:{word[:80]}{hint.en}"
                )
            operand = FEATURES.get(word, word) if word != self.id(one) else word
            yield operand, tuple(self.term(node, value) for value in values)

    def known_words(self, node: Any, words: tuple[str, ...]) -> None:
        """Every member of the vocabulary of evaluation requests has to have a place where it stands."""
        said = [str(one).removeprefix(SOTW) for one in self.graph.predicates(node) if str(one).startswith(SOTW)]
        for name in sorted(set(said).difference(words)):
            hint = meant(name, words)
            self.wrong(node, f"此处不能有 sotw:{name[:80]}{hint.zh}", f"has no place for sotw:{name[:80]}{hint.en}")

    def stated(self, nodes: list[Any]) -> dict[str, tuple[Term, ...]]:
        """left operand -> values, of constraints that state a fact (operator eq, or none)."""
        given: dict[str, tuple[Term, ...]] = {}
        for node in nodes:
            self.known(node, "constraint")
            ops = [self.id(op).removeprefix(ODRL) for op in self.all(node, "operator")]
            if ops not in ([], ["eq"], ["isAnyOf"]):
                self.wrong(node, "请求中的事实应以 odrl:eq 给出", "states a fact by another operator than odrl:eq")
            left, values = self.all(node, "leftOperand"), self.values(node)
            if len(left) != 1:
                self.wrong(node, "需要恰好一个 odrl:leftOperand", f"needs one odrl:leftOperand, has {len(left)}")
            for one in left:
                given[self.id(one)] = given.get(self.id(one), ()) + values
        return given


def _world(reader: _Reader, whole: _Reader) -> World:
    """whole: a reader of all three graphs. A time that the world does not give is a Term without text."""
    clocks = {iri(NOW), *reader.graph.objects(None, iri(SOTW + "currentTime"))}
    now: dict[Term, None] = {}
    for clock in sorted(clocks, key=reader._order):
        told = [clock] if type(clock).__name__ == "Literal" else reader.graph.objects(clock, iri(DCT + "issued"))
        now |= {reader.instant(iri(NOW), one): None for one in told}
    if len(now) > 1:
        reader.told(_no_clock(reader.file, len(now)))
    facts = [one for one in reader.graph.subjects(iri(ODRL + "leftOperand")) if not reader.all(one, "and")]
    return World(
        next(iter(now), Term("")),
        reader.stated(sorted(set(facts), key=reader._order)),
        duties=_duties(reader),
        wholes=_pairs(whole, WITHIN, [DCT + "hasPart"]),
        kinds=_pairs(whole, [RDF + "type", RDFS + "subClassOf", SKOS + "broader"], [SKOS + "narrower"]),
        collections=dict(_collections(whole)),
        wider=_pairs(whole, [ODRL + "includedIn", ODRL + "implies", SKOS + "exactMatch"], []),
    )


def _no_clock(file: str, count: int) -> Problem:
    what = "temp:currentTime dct:issued"
    return Problem(file, f"需要恰好一个 {what}", f"needs one {what}, has {count}")


def _timed(reader: _Reader, world: str, rules: Sequence[Asked], state: World) -> None:
    """A request has one time: the world's, its own only where the world gives none. Another one is refused: who asks
    does not say what time it is."""
    own = {term for one in rules for term in one.given.get(CLOCK, ())}
    known = [state.now] if state.now.text else sorted(own)[:1]
    if not known:
        reader.told(_no_clock(world, 0))
    for one in own:
        if not state.now.text and one.datatype.removeprefix(XSD) not in INSTANTS - {"date"}:
            reader.told(Problem(reader.file, f"当前时间应为 xsd:dateTime：{one.text[:80]!r}",
                                f"says {one.text[:80]!r}, which is no xsd:dateTime"))  # fmt: skip
        elif not same(one, known[0]):
            reader.told(Problem(reader.file, f"请求的时间 {one.text[:80]} 与 {known[0].text[:80]} 不一致",
                                f"is of the time {one.text[:80]}, not {known[0].text[:80]}"))  # fmt: skip


def _pairs(reader: _Reader, forward: Sequence[str], backward: Sequence[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name in forward:
        for subject, value in reader.graph.subject_objects(iri(name)):
            found.setdefault(reader.id(subject), set()).add(reader.id(value))
    for name in backward:
        for subject, value in reader.graph.subject_objects(iri(name)):
            found.setdefault(reader.id(value), set()).add(reader.id(subject))
    return {one: frozenset(wider) for one, wider in found.items()}


def _collections(reader: _Reader) -> Iterator[tuple[str, frozenset[str]]]:
    """What is declared a collection, and what has an odrl:source, which only collections have."""
    for node in {*reader.of_type("AssetCollection", "PartyCollection"), *reader.graph.subjects(iri(ODRL + "source"))}:
        yield reader.id(node), frozenset({reader.id(node), *(reader.id(one) for one in reader.all(node, "source"))})


def _duties(reader: _Reader) -> dict[str, DutyState]:
    """What reports in the world say of duties; of several reports on one duty the worst, whatever their order."""
    found: dict[str, DutyState] = {}
    for node in sorted(reader.graph.subjects(iri(RDF + "type"), iri(REPORT + "DutyReport")), key=reader._order):
        performance = _state(reader, node, "performanceState", PERFORMANCES) or "Unknown"
        told = DutyState(reader.id(node), performance, _state(reader, node, "deonticState", DEONTICS))
        for rule in reader.all(node, "rule", REPORT):
            name = reader.id(rule)
            found[name] = min(found.get(name, told), told, key=_badness)
    return found


def _badness(state: DutyState) -> tuple[int, int]:
    """For the order of reports, one without a deontic state counts as what its performance makes of a duty in force."""
    performed = PERFORMANCES.index(state.performance)
    return DEONTICS.index(state.deontic) if state.deontic else performed, performed


def _state(reader: _Reader, node: Any, name: str, known: tuple[str, ...]) -> str:
    """One of the states a report may tell, "" when it tells none."""
    found = [reader.id(one).removeprefix(REPORT) for one in reader.all(node, name, REPORT)]
    if len(found) > 1 or any(one not in known for one in found):
        said = ", ".join(found)[:80]
        reader.wrong(node, f"报告的 {name} 有误：{said}", f"needs one {name} of {', '.join(known)}, has {said}")
        return ""
    return found[0] if found else ""


def iri(text: str) -> Any:
    from rdflib import URIRef  # noqa: PLC0415 - the extra `odrl`

    return URIRef(text)

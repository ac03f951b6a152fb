"""Turtle, and a reader of the nodes of an ODRL graph: policies, requests, worlds and turtle, beside this, read by it.

Needs datong[odrl] (rdflib, BSD-3-Clause). Every mistake of a file is told at once; nothing is fetched: what a graph
only refers to (odrl:rightOperandReference, odrl:inheritFrom), and every member of ODRL's namespace that has no place
where it stands, is refused by name, as leaving it out would change what is permitted. Must never know: what a node
is read for. Contract: tests/wire/test_wire_odrl_graphs.py.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from datong.ground.refusal import Kind, Problem, Reason, Text
from datong.terms.policy import LOGIC
from datong.terms.policy.checking import meant
from datong.terms.policy.compliance import ODRL, Term
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
    Text("输入中 {count} 处有误。", "Mistakes in the input: {count}."),
    Text("请按下列各项修改文件。", "Mend the files as listed."),
    rule="ODRL Information Model 2.2",
)  # fmt: skip

BYTES_MAX = 4 * 1024 * 1024
DEPTH_MAX = 16
"""Logical constraints and duties inside each other."""
NODES_MAX = 10_000
"""Constraints and duties of a file, each counted wherever it is used: a few nodes can be a tree without end."""
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DCT = "http://purl.org/dc/terms/"
SOTW = "https://w3id.org/force/sotw#"
"""The words of evaluation requests and of the state of the world (ODRL Formal Semantics)."""

WITHIN = (ODRL + "partOf", DCT + "isPartOf")
READS_MAX = 20_000
"""Members that a reader of its own makes read more than once, beside those of the graph."""

_LIKE_ODRL = re.compile(r"https?://(?:www\.)?w3\.org/ns/odrl\b", re.IGNORECASE)

KINDS = {"permission": "Permission", "prohibition": "Prohibition", "obligation": "Duty", "duty": "Duty"}
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


def read_turtle(name: str, data: bytes) -> Any:
    """The rdflib Graph of a Turtle text; NO_ODRL_EXTRA without rdflib, BAD_GRAPH with the line of a mistake."""
    try:
        import rdflib  # noqa: PLC0415 - the extra `odrl`, and heavy
        from rdflib.plugins.parsers.notation3 import BadSyntax  # noqa: PLC0415
    except ImportError as missing:
        raise NO_ODRL_EXTRA() from missing
    if len(data) > BYTES_MAX:
        raise bad(Problem(name, f"超过 {BYTES_MAX} 字节", f"is larger than {BYTES_MAX} bytes"))
    graph = rdflib.Graph(bind_namespaces="none")
    try:
        with as_written():
            graph.parse(data=data.decode("utf-8"), format="turtle", publicID="urn:datong:input")
    except UnicodeDecodeError:
        raise bad(Problem(name, "不是 UTF-8", "is not UTF-8")) from None
    except RecursionError:
        raise bad(Problem(name, "嵌套过深", "is nested too deeply")) from None
    except BadSyntax as wrong:
        line = getattr(wrong, "lines", 0) + 1
        raise bad(Problem(f"{name}:{line}", "不是 Turtle", "is not Turtle")) from None
    except Exception as wrong:  # noqa: BLE001 - the parser lets its own errors through: an IndexError, a ValueError
        said = type(wrong).__name__
        raise bad(Problem(name, f"不是 Turtle（{said}）", f"is not Turtle ({said})")) from None
    _require_no_near_miss(name, graph)
    return graph


def _require_no_near_miss(name: str, graph: Any) -> None:
    """BAD_GRAPH for ODRL's address with a slip: what it names would be passed over as another vocabulary's."""
    said = set(graph.predicates())
    own = {p for p in said if str(p).startswith(ODRL) and str(p) != f"{ODRL}profile"} | {iri(f"{RDF}type")}
    said |= {value for _, p, value in graph if p in own}
    found = sorted(str(one) for one in said if type(one).__name__ == "URIRef" and is_nearly_odrl(str(one)))
    if found:
        zh, en = "不是 ODRL 的词语；是否指", "is no word of ODRL; its words begin with"
        raise bad(*(Problem(f"{name}: {one[:120]}", f"{zh} {ODRL}…？", f"{en} {ODRL}") for one in found))


def is_nearly_odrl(address: str) -> bool:
    return _LIKE_ODRL.match(address) is not None and not address.startswith(ODRL)


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


def bad(*problems: Problem) -> Exception:
    """BAD_GRAPH with all `problems`, to be raised."""
    return BAD_GRAPH(problems, count=len(problems))


class Reader:
    """One graph, and the problems found so far; without a place for them the first is raised."""

    def __init__(self, file: str, graph: Any, problems: dict[Problem, None] | None = None) -> None:
        self.file, self.graph, self.problems = file, graph, problems
        self.blank: dict[Any, str] = {}
        self.way: list[Any] = []
        """The constraints or duties that the one now read is inside of."""
        self.nodes = 0
        self.reads = 0

    def beside(self, file: str, graph: Any) -> Reader:
        """A reader of another graph, with the same problems; no blank node has the number of another's."""
        other = Reader(file, graph, self.problems)
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
        return sorted(found, key=self.order)

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

    def order(self, node: Any) -> tuple[str, ...]:
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
            raise bad(problem)
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
        return sorted(found, key=self.order)

    # --- what stands in several kinds of nodes

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

    def known_words(self, node: Any, words: tuple[str, ...]) -> None:
        """Every member of the vocabulary of evaluation requests has to have a place where it stands."""
        said = [str(one).removeprefix(SOTW) for one in self.graph.predicates(node) if str(one).startswith(SOTW)]
        for name in sorted(set(said).difference(words)):
            hint = meant(name, words)
            self.wrong(node, f"此处不能有 sotw:{name[:80]}{hint.zh}", f"has no place for sotw:{name[:80]}{hint.en}")


def iri(text: str) -> Any:
    from rdflib import URIRef  # noqa: PLC0415 - the extra `odrl`

    return URIRef(text)

"""The state of the world in a graph: the time, facts, what was reported of duties, what is part or kind of what.

Must never know: policies, how a premise is judged. Contract: tests/wire/test_wire_odrl_graphs.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datong.ground.refusal import Problem
from datong.terms.policy.compliance import CLOCK, ODRL, Asked, DutyState, Term, World, same
from datong.terms.policy.literals import INSTANTS, XSD
from datong.wire.odrl.graphs import DCT, RDF, SOTW, WITHIN, Reader, iri
from datong.wire.odrl.requests import stated

RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
REPORT = "https://w3id.org/force/compliance-report#"
NOW = "http://example.com/request/currentTime"
"""The world's clock: `temp:currentTime dct:issued "…"^^xsd:dateTime` (ODRL Compliance Report Model)."""
PERFORMANCES = ("Unperformed", "Unknown", "Performed")
DEONTICS = ("Violated", "NonSet", "Fulfilled")
"""States that reports tell of duties, the worst first."""


def world_of(reader: Reader, whole: Reader) -> World:
    """whole: a reader of all three graphs. A time that the world does not give is a Term without text."""
    clocks = {iri(NOW), *reader.graph.objects(None, iri(SOTW + "currentTime"))}
    now: dict[Term, None] = {}
    for clock in sorted(clocks, key=reader.order):
        told = [clock] if type(clock).__name__ == "Literal" else reader.graph.objects(clock, iri(DCT + "issued"))
        now |= {reader.instant(iri(NOW), one): None for one in told}
    if len(now) > 1:
        reader.told(_no_clock(reader.file, len(now)))
    facts = [one for one in reader.graph.subjects(iri(ODRL + "leftOperand")) if not reader.all(one, "and")]
    return World(
        next(iter(now), Term("")),
        stated(reader, sorted(set(facts), key=reader.order)),
        duties=_duties(reader),
        wholes=_pairs(whole, WITHIN, [DCT + "hasPart"]),
        kinds=_pairs(whole, [RDF + "type", RDFS + "subClassOf", SKOS + "broader"], [SKOS + "narrower"]),
        collections=dict(_collections(whole)),
        wider=_pairs(whole, [ODRL + "includedIn", ODRL + "implies", SKOS + "exactMatch"], []),
    )


def _no_clock(file: str, count: int) -> Problem:
    what = "temp:currentTime dct:issued"
    return Problem(file, f"需要恰好一个 {what}", f"needs one {what}, has {count}")


def hold_to_the_time(reader: Reader, world: str, rules: Sequence[Asked], state: World) -> None:
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


def _pairs(reader: Reader, forward: Sequence[str], backward: Sequence[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name in forward:
        for subject, value in reader.graph.subject_objects(iri(name)):
            found.setdefault(reader.id(subject), set()).add(reader.id(value))
    for name in backward:
        for subject, value in reader.graph.subject_objects(iri(name)):
            found.setdefault(reader.id(value), set()).add(reader.id(subject))
    return {one: frozenset(wider) for one, wider in found.items()}


def _collections(reader: Reader) -> Iterator[tuple[str, frozenset[str]]]:
    """What is declared a collection, and what has an odrl:source, which only collections have."""
    for node in {*reader.of_type("AssetCollection", "PartyCollection"), *reader.graph.subjects(iri(ODRL + "source"))}:
        yield reader.id(node), frozenset({reader.id(node), *(reader.id(one) for one in reader.all(node, "source"))})


def _duties(reader: Reader) -> dict[str, DutyState]:
    """What reports in the world say of duties; of several reports on one duty the worst, whatever their order."""
    found: dict[str, DutyState] = {}
    for node in sorted(reader.graph.subjects(iri(RDF + "type"), iri(REPORT + "DutyReport")), key=reader.order):
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


def _state(reader: Reader, node: Any, name: str, known: tuple[str, ...]) -> str:
    """One of the states a report may tell, "" when it tells none."""
    found = [reader.id(one).removeprefix(REPORT) for one in reader.all(node, name, REPORT)]
    if len(found) > 1 or any(one not in known for one in found):
        said = ", ".join(found)[:80]
        reader.wrong(node, f"报告的 {name} 有误：{said}", f"needs one {name} of {', '.join(known)}, has {said}")
        return ""
    return found[0] if found else ""

"""Columns against elements: what each column of a source is proposed to mean.

Every pair is looked at by itself first; then, knowing what the table is likely to hold, once more with its other
columns: which comes first row by row, and from which pack the table is. Nothing depends on the order of the columns.
Must never know: files, databases. Contract: tests/harmonise/matching/test_matching_proposals.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Mapping as Map
from dataclasses import replace

from datong.harmonise.model.elements import DataElement, Library
from datong.harmonise.model.matching import Proposal, Verdict
from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.rules.elements import key_of
from datong.harmonise.rules.matching import names, telling
from datong.harmonise.rules.matching.deciding import Strengths, chosen, named, scored, shares_of, strengths_of
from datong.harmonise.rules.matching.evidence import (
    FEATURES,
    Column,
    Found,
    Wish,
    fit_of,
    for_element,
    in_context,
    wish_of,
)
from datong.harmonise.rules.matching.looks import columns_of, profiles
from datong.harmonise.rules.matching.order import Order, before, support
from datong.harmonise.rules.matching.qualifiers import turn
from datong.harmonise.rules.matching.scores import Model, models

OTHERS = 5
"""So many other candidates are told for each column."""
COMMON = "common"
LITTLE = 0.1
"""A share under which a column says nothing of the others."""


def matched(
    columns: Sequence[SampleColumn],
    candidates: Sequence[DataElement],
    library: Library,
    learned: Map[str, str],
    rejected: Collection[tuple[str, str]] = (),
) -> tuple[Proposal, ...]:
    """One proposal per column, in the order of the columns; no element is proposed twice.

    learned: what people confirmed, {column's name: element's name}; rejected: (column's name, element's name) that
    they said no to. Both by any way of writing the name. What is confirmed of one column counts for the others.
    """
    model = models()["elements"]
    looked = columns_of(columns, words_of(candidates), profiles(columns))
    places = {element.name: number for number, element in enumerate(candidates)}
    known = {key_of(name): places[element] for name, element in learned.items() if element in places}
    refused = {(key_of(name), places[element]) for name, element in rejected if element in places}
    learned_as = [_learned_as(column.path, known) for column in columns]
    sure = {at: number for at, number in enumerate(learned_as) if number is not None}
    unwanted = [{number for name, number in refused if name in _names(column.path)} for column in columns]
    evidence = elements_evidence(looked, candidates, library)
    rows = [strengths_of(model, found, no) for found, no in zip(evidence, unwanted, strict=True)]
    order = before([column.values for column in columns])
    told = told_by_others(model, [column.path for column in columns], order, candidates, library, rows, sure)
    weighed(model, evidence, rows, told)
    paths = [column.path for column in columns]
    shares = shares_of(model, paths, rows, sure)
    given = chosen(model, paths, rows, sure)
    first = [
        _proposal(model, column, candidates, library, evidence[at], shares[at], given[at], sure=at in sure)
        for at, column in enumerate(looked)
    ]
    taken = {proposal.element.name for proposal in first if proposal.element is not None}
    return tuple(
        proposal
        if proposal.element is not None
        else replace(proposal, reason=telling.left(proposal.others, _wanted(model, row, candidates), taken))
        for proposal, row in zip(first, rows, strict=True)
    )


# --- evidence ----------------------------------------------------------------------------------------------------


def words_of(candidates: Sequence[DataElement]) -> names.Words:
    """The Chinese name first: of words that say the same it is the one a person is told."""
    return tuple((element.zh, element.name, element.en, *element.synonyms) for element in candidates)


def elements_evidence(
    columns: Sequence[Column], candidates: Sequence[DataElement], library: Library
) -> list[list[Found]]:
    """For each column its evidence for every candidate. Elements that wish for the same are looked at once, and those
    that the name has nothing to do with share what is found."""
    places: dict[Wish, int] = {}
    wished = [places.setdefault(wish_of(element), len(places)) for element in candidates]
    found = []
    for column in columns:
        fits = [fit_of(column, wish, library.tables.get(wish.codes)) for wish in places]
        unnamed = [for_element(column, -1, fit) for fit in fits]
        told = column.names.keys() | column.comments.keys()
        found.append(
            [
                for_element(column, number, fits[place], (candidates[number].zh, candidates[number].en))
                if number in told
                else unnamed[place]
                for number, place in enumerate(wished)
            ]
        )
    return found


Told = Map[tuple[int, int], Map[str, float]]
"""(column, candidate) -> what the other columns say of it."""


def told_by_others(
    model: Model, paths: Sequence[str], order: Order, candidates: Sequence[DataElement], library: Library,
    rows: Sequence[Strengths], sure: Map[int, int],
) -> Told:  # fmt: skip
    """What the other columns of the table say of each column's candidates, as far as they are known already.

    order: does it stand before or after them, as a beginning or an end should? kin: how much of them is of its pack;
    the common pack is nobody's. half: is it a beginning or an end whose counterpart is in no other column?
    """
    shares = [{n: share for n, share in row.items() if share > LITTLE} for row in shares_of(model, paths, rows, sure)]
    turns = _turns(candidates, rows)
    followed = support(order, turns, shares)
    other_ends: dict[int, list[int]] = {}
    for one, other in turns:
        other_ends.setdefault(one, []).append(other)
    owners = {element.id: pack.name for pack in library.packs for element in pack.elements}
    packs = [owners.get(candidate.id, COMMON) for candidate in candidates]
    kin = [_kin(row, packs) for row in shares]
    whole: dict[str, float] = {}
    for amounts in kin:
        for pack, amount in amounts.items():
            whole[pack] = whole.get(pack, 0.0) + amount
    found = {}
    for at, row in enumerate(rows):
        others = {pack: amount - kin[at].get(pack, 0.0) for pack, amount in whole.items()}
        total = sum(others.values()) + 1.0
        for number in row:
            half = 1 - _there(shares, at, other_ends[number]) if number in other_ends else 0.0
            near = others.get(packs[number], 0.0) / total
            found[at, number] = {"order": followed.get((at, number), 0.0), "kin": near, "half": half}
    return found


def _turns(candidates: Sequence[DataElement], rows: Sequence[Strengths]) -> Order:
    """The order in which elements that are beginnings and ends follow each other, of those that are in question."""
    asked = sorted({number for row in rows for number in row})
    said = {number: turn((candidates[number].zh, candidates[number].en)) for number in asked}
    starts, ends = ([number for number in asked if said[number] == way] for way in (-1, 1))
    kinds = {number: (candidates[number].type, candidates[number].check) for number in (*starts, *ends)}
    pairs = [(start, end) for start in starts for end in ends if kinds[start] == kinds[end]]
    return {**dict.fromkeys(pairs, 1), **{(end, start): -1 for start, end in pairs}}


def _there(shares: Sequence[Map[int, float]], but: int, numbers: Sequence[int]) -> float:
    """How far one of these candidates is in a column other than `but`."""
    return min(1.0, sum(row.get(number, 0.0) for at, row in enumerate(shares) if at != but for number in numbers))


def _kin(row: Map[int, float], packs: Sequence[str]) -> dict[str, float]:
    """Pack -> how much of a column's candidates is of it."""
    found: dict[str, float] = {}
    for number, share in row.items():
        if packs[number] != COMMON:
            found[packs[number]] = found.get(packs[number], 0.0) + share
    return found


def weighed(model: Model, evidence: Sequence[list[Found]], rows: Sequence[Strengths], told: Told) -> None:
    """The rows' candidates weighed again with what the other columns say; their evidence holds it from now on. Kin
    counts as far as the name says something: it chooses among meanings, it makes none."""
    for at, row in enumerate(rows):
        for number in list(row):
            found = evidence[at][number]
            said = {**told[at, number], "kin": told[at, number]["kin"] * named(found.features)}
            evidence[at][number] = found = in_context(found, FEATURES, **said)
            row[number] = model.strength(found.features)


# --- proposing ---------------------------------------------------------------------------------------------------


def _proposal(
    model: Model, column: Column, candidates: Sequence[DataElement], library: Library, evidence: Sequence[Found],
    shares: Map[int, float], number: int | None, *, sure: bool,
) -> Proposal:  # fmt: skip
    scores = scored(model, shares, evidence)
    others = tuple((candidates[n], round(score, 4)) for score, n in scores if n != number)[:OTHERS]
    if sure and number is not None:
        reason = telling.filled(telling.CONFIRMED, name=column.path)
        return Proposal(column.path, candidates[number], 1.0, Verdict.accept, reason, others)
    score = next((score for score, n in scores if n == number and not sure), 0.0)
    verdict = model.verdict(score) if number is not None else Verdict.leave
    if number is not None and verdict is not Verdict.leave:
        element = candidates[number]
        reason = telling.of_element(column, evidence[number], library.tables.get(element.codes))
        return Proposal(column.path, element, round(score, 4), verdict, reason, others)
    every = tuple((candidates[n], round(score, 4)) for score, n in scores)[:OTHERS]
    return Proposal(column.path, None, 0.0, Verdict.leave, telling.NOTHING, every)


def _wanted(model: Model, row: Strengths, candidates: Sequence[DataElement]) -> DataElement | None:
    """What a column would mean if no other column were there."""
    number = max(row, key=lambda number: (row[number], -number), default=None)
    return None if number is None or row[number] <= model.least else candidates[number]


def _names(path: str) -> set[str]:
    return {key_of(path), key_of(path.rsplit(".", 1)[-1])}


def _learned_as(path: str, known: Map[str, int]) -> int | None:
    """What a person confirmed for this path, or else for its last part."""
    return known.get(key_of(path), known.get(key_of(path.rsplit(".", 1)[-1])))

"""The columns of one table against those of another.

As in `proposals` every pair is looked at by itself, and once more knowing which other pairs are likely: columns that
follow each other row by row in one table do so in the other.
Must never know: files, databases. Contract: tests/harmonise/matching/test_matching_proposals.py.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass

from datong.harmonise.model.elements import CodeTable, Library
from datong.harmonise.model.matching import Pairing, Profile, Verdict
from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.rules.matching import declared, names, qualifiers, telling, values
from datong.harmonise.rules.matching.deciding import Strengths, chosen, scored, shares_of, strengths_of
from datong.harmonise.rules.matching.evidence import (
    SPECIFIC,
    TABLE_FEATURES,
    Column,
    Found,
    code_fit,
    in_context,
    name_of,
)
from datong.harmonise.rules.matching.looks import columns_of, comments_of, profiles
from datong.harmonise.rules.matching.order import Order, before, support
from datong.harmonise.rules.matching.proposals import elements_evidence, words_of
from datong.harmonise.rules.matching.scores import Model, models
from datong.harmonise.rules.matching.values import SELECTIVE
from datong.harmonise.rules.matching.words import readings


@dataclass(frozen=True)
class Other:
    """A column of the other table: what it is called, what its values look like."""

    texts: tuple[str, ...]
    profile: Profile
    nameless: bool
    declared: str


def match_tables(left: Sequence[SampleColumn], right: Sequence[SampleColumn], library: Library) -> tuple[Pairing, ...]:
    """One pairing per left column, in their order: its ranked partners in the right table, and the one assigned."""
    model = models()["tables"]
    paths = [column.path for column in left]
    evidence = tables_evidence(left, right, library)
    founds = [found for _, found in evidence]
    rows = [strengths_of(model, found) for found in founds]
    orders = [before([column.values for column in columns]) for columns in (left, right)]
    followed_by(model, paths, orders[0], orders[1], founds, rows)
    shares = shares_of(model, paths, rows, {})
    pairings = []
    for at, number in enumerate(chosen(model, paths, rows, {})):
        scores = scored(model, shares[at], founds[at])
        told = tuple((right[other].path, round(score, 4)) for score, other in scores)
        score = next((score for score, other in scores if other == number), 0.0)
        verdict = model.verdict(score) if number is not None else Verdict.leave
        if number is None or verdict is Verdict.leave:
            pairings.append(Pairing(paths[at], None, 0.0, Verdict.leave, telling.NOTHING, told))
            continue
        reason = telling.of_column(evidence[at][0], founds[at][number])
        pairings.append(Pairing(paths[at], right[number].path, round(score, 4), verdict, reason, told))
    return tuple(pairings)


def followed_by(
    model: Model, paths: Sequence[str], mine: Order, theirs: Order, founds: Sequence[list[Found]],
    rows: Sequence[Strengths],
) -> None:  # fmt: skip
    """Evidence and rows with what the order of columns says; twice, since it makes the pairs it is told by surer."""
    if not mine or not theirs:
        return
    for _ in range(2):
        told = support(mine, theirs, shares_of(model, paths, rows, {}))
        for at, row in enumerate(rows):
            for number in row:
                founds[at][number] = in_context(founds[at][number], TABLE_FEATURES, order=told.get((at, number), 0.0))
                row[number] = model.strength(founds[at][number].features)


def tables_evidence(
    left: Sequence[SampleColumn], right: Sequence[SampleColumn], library: Library
) -> list[tuple[Column, list[Found]]]:
    """Each left column with its evidence for every right column."""
    prefix = names.shared_prefix(tuple(sorted(column.path for column in right)))
    my_looks, looks = profiles(left), profiles(right)
    others = [_other(column, look, prefix) for column, look in zip(right, looks, strict=True)]
    lefts = columns_of(left, tuple(other.texts for other in others), my_looks)
    mine, theirs = _meanings(left, library, my_looks), _meanings(right, library, looks)
    tables = list(library.tables.values())
    left_codes, right_codes = ([_coded(look, tables) for look in each] for each in (my_looks, looks))
    return [
        (column, [
            for_column(
                column, number, other, _both(left_codes[at], right_codes[number]), _both(mine[at], theirs[number])
            )
            for number, other in enumerate(others)
        ])
        for at, column in enumerate(lefts)
    ]  # fmt: skip


def _other(column: SampleColumn, look: Profile, prefix: str) -> Other:
    said = [text for text, _ in names.texts_of(column.path, prefix)]
    texts = tuple(dict.fromkeys([*said, *comments_of(column.comment)]))
    return Other(texts, look, not any(readings(text) for text in texts), column.declared_type)


def _coded(look: Profile, tables: Sequence[CodeTable]) -> dict[str, float]:
    """Code tables that the values plainly belong to."""
    fits = {table.name: code_fit(look, table)[0] for table in tables} if look.distinct <= 200 else {}
    return {name: fit for name, fit in fits.items() if fit >= 0.2}


def _meanings(columns: Sequence[SampleColumn], library: Library, looks: Sequence[Profile]) -> list[dict[str, float]]:
    """For each column the elements of the library it may mean, with their scores."""
    if not library.packs:
        return [{} for _ in columns]
    model, elements = models()["elements"], library.elements
    found = elements_evidence(columns_of(columns, words_of(elements), looks), elements, library)
    rows = [strengths_of(model, evidence) for evidence in found]
    alone = [shares_of(model, [""], [row], {})[0] for row in rows]
    return [
        {elements[at].name: score for score, at in scored(model, row, evidence) if score >= 0.2}
        for row, evidence in zip(alone, found, strict=True)
    ]


def _both(one: Map[str, float], other: Map[str, float]) -> float:
    return max((min(score, other[name]) for name, score in one.items() if name in other), default=0.0)


def for_column(left: Column, number: int, other: Other, same_codes: float, meaning: float) -> Found:
    """Evidence that `left` is the column of that number in the other table. same_codes: both fit one code table;
    meaning: both mean one element of the library. What the other columns say is not known yet."""
    best, named = name_of(left, number)
    score = max(named)
    look, right = left.profile, other.profile
    both = bool(look.filled and right.filled)
    same = max(SELECTIVE, key=lambda kind: min(look.share(kind), right.share(kind)))
    same_share = min(look.share(same), right.share(same)) if both else 0.0
    clash = max(abs(look.share(kind) - right.share(kind)) for kind in SELECTIVE) if both else 0.0
    numbers = abs(look.share("number") - right.share("number")) if both else 0.0
    close = values.ranges_alike(look, right)
    ends, swapped = qualifiers.compared(left.texts, other.texts)
    features = {
        "best_name": score - left.best if left.best else 0.0,
        "nameless": float(left.nameless or other.nameless),
        "no_values": float(not both),
        "same_kind": same_share * SPECIFIC.get(same, 0.25),
        "other_kind": clash,
        "type_bad": numbers,
        "alike": values.alike(look, right),
        "shared_values": values.overlap(look, right) if both and _tells(look, right) else 0.0,
        "same_range": close if close is not None else 0.0,
        "same_codes": same_codes,
        "meaning": meaning,
        "both_blank": 1 - abs(look.empty_share - right.empty_share),
        "same_beginning": values.beginnings_alike(look, right),
        "same_heaps": values.heaps_alike(look, right),
        "scaled": values.scaled(look, right),
        "contained": values.contained(look, right),
        "declared": declared.alike(left.declared, other.declared),
        "ends": ends,
        "swapped": swapped,
        "order": 0.0,
    }
    every = (*named, *(features[name] for name in TABLE_FEATURES[5:]))
    more = {"shared_values": features["shared_values"], "alike": features["alike"]}
    return Found(every, best, same if same_share > 0.5 else "", same_share, same_codes, "", more)


def _tells(left: Profile, right: Profile) -> bool:
    """Whether equal values tell anything: small whole numbers are equal everywhere."""
    common = left.texts & right.texts
    return any(values.number_of(text) is None or len(text) > 4 for text in common)

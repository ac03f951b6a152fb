"""All of matching together: columns against elements, columns against the columns of another table.

Nothing depends on the order of the columns: they are assigned in the order of their names.
Must never know: files, databases. Contract: tests/harmonise/matching/test_matching_proposals.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Mapping as Map
from dataclasses import replace

from datong.ground.refusal import Text
from datong.harmonise.model.elements import CodeEntry, CodeTable, DataElement, Library, Sensitivity
from datong.harmonise.model.mappings import Element, Standard, Type
from datong.harmonise.model.matching import Named, Pairing, Profile, Proposal, Verdict, Way
from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.rules.elements import format_of, pinyin_of
from datong.harmonise.rules.matching import names, telling
from datong.harmonise.rules.matching.assignment import assigned
from datong.harmonise.rules.matching.evidence import (
    Column,
    Found,
    Wish,
    code_fit,
    fit_of,
    for_column,
    for_element,
    wish_of,
)
from datong.harmonise.rules.matching.scores import Model, models
from datong.harmonise.rules.matching.values import profile
from datong.harmonise.rules.matching.words import key, readings

OTHERS = 5
"""So many other candidates are told for each column."""
_TRIED = 12
"""So many candidates of a column take part in the assignment."""
_COMMENT_TRUST = 0.95

Strengths = list[tuple[float, int]]


def matched(
    columns: Sequence[SampleColumn],
    candidates: Sequence[DataElement],
    library: Library,
    learned: Map[str, str],
    rejected: Collection[tuple[str, str]] = (),
) -> tuple[Proposal, ...]:
    """One proposal per column, in the order of the columns; no element is proposed twice.

    learned: what people confirmed, {column's name: element's name}; rejected: (column's name, element's name) that
    they said no to. Both by any way of writing the name.
    """
    model = models()["elements"]
    looked = columns_of(columns, words_of(candidates))
    places = {element.name: number for number, element in enumerate(candidates)}
    known = {key(name): places[element] for name, element in learned.items() if element in places}
    refused = {(key(name), places[element]) for name, element in rejected if element in places}
    learned_as = [_learned_as(column.path, known) for column in columns]
    sure = {at: number for at, number in enumerate(learned_as) if number is not None}
    evidence = elements_evidence(looked, candidates, library)
    ranked = [
        _ranked(model, found, {number for name, number in refused if name in _names(column.path)})
        for column, found in zip(columns, evidence, strict=True)
    ]
    chosen = _chosen(model, [column.path for column in columns], ranked, sure)
    given = {number for number in chosen if number is not None}
    return tuple(
        _proposal(model, looked[at], candidates, library, evidence[at], ranked[at], chosen[at], given, sure=at in sure)
        for at in range(len(columns))
    )


def match_tables(left: Sequence[SampleColumn], right: Sequence[SampleColumn], library: Library) -> tuple[Pairing, ...]:
    """One pairing per left column, in their order: its ranked partners in the right table, and the one assigned."""
    model = models()["tables"]
    evidence = tables_evidence(left, right, library)
    ranked = [_ranked(model, found, set()) for _, found in evidence]
    chosen = _chosen(model, [column.path for column in left], ranked, {})
    given = {number for number in chosen if number is not None}
    pairings = []
    for (column, found), strengths, number in zip(evidence, ranked, chosen, strict=True):
        told = tuple((right[at].path, round(score, 4)) for score, at in _scores(model, strengths))
        score = _score_among_free(model, strengths, number, given - {number}) if number is not None else 0.0
        verdict = model.verdict(score) if number is not None else Verdict.leave
        if number is None or verdict is Verdict.leave:
            pairings.append(Pairing(column.path, None, 0.0, Verdict.leave, telling.NOTHING, told))
            continue
        reason = telling.of_column(column, found[number])
        pairings.append(Pairing(column.path, right[number].path, round(score, 4), verdict, reason, told))
    return tuple(pairings)


# --- evidence ----------------------------------------------------------------------------------------------------


def words_of(candidates: Sequence[DataElement]) -> names.Words:
    return tuple((element.name, element.zh, element.en, *element.synonyms) for element in candidates)


def columns_of(columns: Sequence[SampleColumn], words: names.Words) -> list[Column]:
    """The columns with what their names and comments are near to, and the look of their values."""
    known = names.index(words)
    prefix = names.shared_prefix(tuple(sorted(column.path for column in columns)))
    return [_column(column, known, prefix) for column in columns]


def _column(column: SampleColumn, known: names.Index, prefix: str) -> Column:
    ways: dict[int, dict[Way, Named]] = {}
    texts = names.texts_of(column.path, prefix)
    for text, trust in texts:
        for number, found in names.named(known, text, trust).items():
            mine = ways.setdefault(number, {})
            for way, named in found.items():
                if way not in mine or named.score > mine[way].score:
                    mine[way] = named
    comments: dict[int, Named] = {}
    for text in _comments(column.comment):
        for number, found in names.named(known, text, _COMMENT_TRUST).items():
            best = max(found.values(), key=lambda named: named.score)
            if number not in comments or best.score > comments[number].score:
                comments[number] = replace(best, by_comment=True)
    scores = [named.score for found in ways.values() for named in found.values()]
    scores += [named.score for named in comments.values()]
    exact = sum(1 for found in ways.values() if Way.word in found)
    nameless = not any(readings(text) for text, _ in texts) and max(scores, default=0.0) < 0.5
    return Column(
        column.path, ways, comments, profile(column.values), nameless, column.declared_type, max(scores, default=0.0),
        exact,
    )  # fmt: skip


def _comments(comment: str) -> tuple[str, ...]:
    """A comment, and its part before the first sign that begins an explanation: 性别：1男 2女."""
    whole = comment.strip()
    if not whole or len(whole) > 200:
        return (whole[:40],) if whole else ()
    first = whole
    for sign in ("：", ":", "，", ",", "。", "；", ";", "（", "("):
        first = first.split(sign, 1)[0]
    return tuple(dict.fromkeys(text for text in (whole, first.strip()) if text))


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
                for_element(column, number, fits[place]) if number in told else unnamed[place]
                for number, place in enumerate(wished)
            ]
        )
    return found  # fmt: skip


def tables_evidence(
    left: Sequence[SampleColumn], right: Sequence[SampleColumn], library: Library
) -> list[tuple[Column, list[Found]]]:
    """Each left column with its evidence for every right column."""
    prefix = names.shared_prefix(tuple(sorted(column.path for column in right)))
    words = tuple(
        tuple(
            dict.fromkeys([text for text, _ in names.texts_of(column.path, prefix)] + list(_comments(column.comment)))
        )
        for column in right
    )
    lefts = columns_of(left, words)
    looks = [profile(column.values) for column in right]
    nameless = [not any(readings(word) for word in said) for said in words]
    mine, theirs = _meanings(left, library), _meanings(right, library)
    tables = list(library.tables.values())
    left_codes = [_coded(column.profile, tables) for column in lefts]
    right_codes = [_coded(look, tables) for look in looks]
    return [
        (column, [
            for_column(
                column, number, look, nameless[number], _both(left_codes[at], right_codes[number]),
                _both(mine[at], theirs[number]),
            )
            for number, look in enumerate(looks)
        ])
        for at, column in enumerate(lefts)
    ]  # fmt: skip


def _coded(look: Profile, tables: Sequence[CodeTable]) -> dict[str, float]:
    """Code tables that the values plainly belong to."""
    fits = {table.name: code_fit(look, table)[0] for table in tables} if look.distinct <= 200 else {}
    return {name: fit for name, fit in fits.items() if fit >= 0.2}


def _meanings(columns: Sequence[SampleColumn], library: Library) -> list[dict[str, float]]:
    """For each column the elements of the library it may mean, with their scores."""
    if not library.packs:
        return [{} for _ in columns]
    model, elements = models()["elements"], library.elements
    found = []
    for evidence in elements_evidence(columns_of(columns, words_of(elements)), elements, library):
        ranked = _ranked(model, evidence, set())
        found.append({elements[at].name: score for score, at in _scores(model, ranked) if score >= 0.2})
    return found


def _both(one: Map[str, float], other: Map[str, float]) -> float:
    return max((min(score, other[name]) for name, score in one.items() if name in other), default=0.0)


# --- deciding ----------------------------------------------------------------------------------------------------


def _ranked(model: Model, evidence: Sequence[Found], refused: set[int]) -> Strengths:
    """The strongest candidates, best first."""
    known = {id(found): model.strength(found.features) for found in {id(f): f for f in evidence}.values()}
    strengths = [(known[id(found)], number) for number, found in enumerate(evidence)]
    return sorted((pair for pair in strengths if pair[1] not in refused), key=lambda pair: (-pair[0], pair[1]))[:_TRIED]


def _scores(model: Model, ranked: Strengths) -> list[tuple[float, int]]:
    """Scores of the strongest candidates, best first."""
    return [
        (model.score(strength, [other for other, at in ranked if at != number]), number) for strength, number in ranked
    ]


def _score_among_free(model: Model, ranked: Strengths, number: int, taken: Collection[int]) -> float:
    """The score of a column's candidate among those that no other column has been given."""
    strength = next(strength for strength, at in ranked if at == number)
    return model.score(strength, [other for other, at in ranked if at != number and at not in taken])


def _chosen(model: Model, paths: Sequence[str], ranked: Sequence[Strengths], sure: Map[int, int]) -> list[int | None]:
    """For each column its candidate; those in `sure` have theirs before the others are assigned."""
    taken = set(sure.values())
    order = sorted(range(len(paths)), key=lambda at: paths[at])
    gains = [
        {} if at in sure else {n: s - model.least for s, n in ranked[at] if n not in taken and s > model.least}
        for at in order
    ]
    result: list[int | None] = [None] * len(paths)
    for at, number in zip(order, assigned(gains), strict=True):
        result[at] = number
    seen: set[int] = set()
    for at in order:
        if at in sure and sure[at] not in seen:
            result[at] = sure[at]
            seen.add(sure[at])
    return result


def _proposal(
    model: Model, column: Column, candidates: Sequence[DataElement], library: Library, evidence: Sequence[Found],
    ranked: Strengths, number: int | None, given: set[int], *, sure: bool,
) -> Proposal:  # fmt: skip
    scores = _scores(model, ranked)
    others = tuple((candidates[at], round(score, 4)) for score, at in scores if at != number)[:OTHERS]
    if sure and number is not None:
        reason = telling.filled(telling.CONFIRMED, name=column.path)
        return Proposal(column.path, candidates[number], 1.0, Verdict.accept, reason, others)
    score = _score_among_free(model, ranked, number, given - {number}) if number is not None and not sure else 0.0
    verdict = model.verdict(score) if number is not None else Verdict.leave
    if number is not None and verdict is not Verdict.leave:
        element = candidates[number]
        reason = telling.of_element(column, evidence[number], library.tables.get(element.codes))
        return Proposal(column.path, element, round(score, 4), verdict, reason, others)
    every = tuple((candidates[at], round(score, 4)) for score, at in scores)[:OTHERS]
    return Proposal(column.path, None, 0.0, Verdict.leave, _why_left(model, every), every)


def _why_left(model: Model, others: tuple[tuple[DataElement, float], ...]) -> Text:
    if others and others[0][1] >= model.ask:
        return Text(telling.BETTER.zh.format(said=others[0][0].zh), telling.BETTER.en.format(said=others[0][0].en))
    return telling.NOTHING


def _names(path: str) -> set[str]:
    return {key(path), key(path.rsplit(".", 1)[-1])}


def _learned_as(path: str, known: Map[str, int]) -> int | None:
    """What a person confirmed for this path, or else for its last part."""
    return known.get(key(path), known.get(key(path.rsplit(".", 1)[-1])))


# --- a standard's elements as candidates -------------------------------------------------------------------------


def candidates_of(standard: Standard, library: Library) -> tuple[tuple[DataElement, ...], Library]:
    """The elements of a workspace's standard as candidates, and the library with their lists of values as tables.

    An element that the library knows by its name or one of its names has the library's synonyms, check and codes too.
    """
    known = {key(element.name): element for element in reversed(library.elements)}
    called: dict[str, list[DataElement]] = {}
    for entry in library.elements:
        for word in dict.fromkeys(map(key, (entry.zh, entry.en, *entry.synonyms))):
            called.setdefault(word, []).append(entry)
    tables = dict(library.tables)
    found = []
    for element in standard.elements:
        kins = [called.get(key(word), []) for word in (element.zh, element.en)]
        kin = known.get(key(element.name)) or next((kin[0] for kin in kins if len(kin) == 1), None)
        codes = ""
        if element.values:
            codes = f"{standard.name}.{element.name}"
            entries = {value: CodeEntry(value, "", "") for value in element.values}
            tables[codes] = CodeTable(
                codes, standard.version, Text(element.zh, element.en), standard.name, "high", entries
            )
        found.append(_candidate(standard, element, kin, codes))
    return tuple(found), replace(library, tables=tables)


_FORMATS = {
    Type.integer: "n..18", Type.number: "n..18,6", Type.date: "d8", Type.timestamp: "d14", Type.boolean: "b",
    Type.string: "u",
}  # fmt: skip


def _candidate(standard: Standard, element: Element, kin: DataElement | None, codes: str) -> DataElement:
    full, initials = pinyin_of(element.zh)
    length = element.max_length
    written = f"c..{length}" if element.type is Type.string and length else _FORMATS[element.type]
    shape = format_of(written)
    assert shape is not None
    same = kin is not None and kin.type is element.type
    words = dict.fromkeys((kin.zh, kin.en, *kin.synonyms) if kin else ())
    return DataElement(
        id=f"{standard.name}.{element.name}", name=element.name, zh=element.zh, en=element.en, pinyin=full,
        initials=initials, synonyms=tuple(words), type=element.type, format=written, shape=shape,
        sensitivity=Sensitivity.personal if element.personal else Sensitivity.business, source=standard.name,
        check=kin.check if kin and same else "", codes=codes or (kin.codes if kin and same else ""), unit=element.unit,
    )  # fmt: skip

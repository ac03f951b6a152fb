"""Finding candidates by a column's name: exactly, by sound, by initials, by its parts, by spelling.

A candidate is a number and the words it goes by (an element's names and synonyms; another table's column). `index`
reads all words once; `named` tells for one name how near it is to every candidate that it has anything to do with.
Must never know: values. Contract: tests/harmonise/matching/test_matching_names.py.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Protocol, TypeVar

from datong.harmonise.model.matching import Named, Way
from datong.harmonise.rules.elements import key_of
from datong.harmonise.rules.matching import words
from datong.harmonise.rules.matching.words import CHINESE, REMARK, Reading, Unit

T = TypeVar("T")
Words = tuple[tuple[str, ...], ...]
"""For each candidate the words it goes by."""
NEAREST = 40
"""So many candidates per way are kept for one name."""
_INITIALS_TRUST = {2: 0.6, 3: 0.85, 4: 0.95}
_SPELLING_LEAST = 0.45
_PLAIN = (Way.word, Way.sound, Way.initials, Way.mixed)


@dataclass(frozen=True)
class Entry:
    candidate: int
    word: str


class Say(Protocol):
    def __call__(self, entry: Entry, way: Way, score: float, /) -> None: ...


@dataclass(frozen=True)
class Index:
    exact: Map[str, tuple[Entry, ...]]
    sounds: Map[str, tuple[Entry, ...]]
    initials: Map[str, tuple[tuple[Entry, float], ...]]
    spoken: Map[str, tuple[tuple[Entry, tuple[str, ...]], ...]]
    """Chinese words by the first letter of their first and their last syllable."""
    latin: Map[str, tuple[tuple[Entry, str], ...]]
    """Other words by their first letter."""
    readings: tuple[tuple[Entry, Reading], ...]
    by_meaning: Map[str, tuple[tuple[int, float], ...]]
    by_signs: Map[str, tuple[int, ...]]
    entries: tuple[Entry, ...]
    own: frozenset[Entry]
    """Letters that are the pinyin or the initials of a Chinese word of the same candidate: cysj beside 出院时间. They
    stand for that word alone, so 采样时间 does not mean them."""


@functools.lru_cache(maxsize=16)
def index(candidates: Words) -> Index:
    exact: dict[str, list[Entry]] = {}
    sounds: dict[str, list[Entry]] = {}
    initials: dict[str, list[tuple[Entry, float]]] = {}
    spoken: dict[str, list[tuple[Entry, tuple[str, ...]]]] = {}
    latin: dict[str, list[tuple[Entry, str]]] = {}
    read: list[tuple[Entry, Reading]] = []
    by_meaning: dict[str, list[tuple[int, float]]] = {}
    by_signs: dict[str, list[int]] = {}
    entries: list[Entry] = []
    for number, said in enumerate(candidates):
        for word in dict.fromkeys(said):
            entry = Entry(number, word)
            key = key_of(word)
            if not key:
                continue
            for one in dict.fromkeys((key, key_of(REMARK.sub("", word)))):
                exact.setdefault(one, []).append(entry)
            for pair in words.pairs_of_signs(word):
                by_signs.setdefault(pair, []).append(len(entries))
            entries.append(entry)
            if CHINESE.search(word):
                full, _ = words.sound(word)
                sounds.setdefault(full, []).append(entry)
                for letters, trust in words.initials_of(word).items():
                    initials.setdefault(letters, []).append((entry, trust))
                syllables = words.spoken(word)
                if len(syllables) > 1:
                    spoken.setdefault(syllables[0][0], []).append((entry, syllables))
            else:
                latin.setdefault(key[0], []).append((entry, key))
            for reading in words.readings(word):
                for unit in reading.units:
                    for meaning in unit.meanings:
                        by_meaning.setdefault(meaning, []).append((len(read), unit.weight))
                read.append((entry, reading))
    return Index(
        _frozen(exact), _frozen(sounds), _frozen(initials), _frozen(spoken), _frozen(latin), tuple(read),
        _frozen(by_meaning), _frozen(by_signs), tuple(entries),
        _own(candidates),
    )  # fmt: skip


def _own(candidates: Words) -> frozenset[Entry]:
    found: set[Entry] = set()
    for number, said in enumerate(candidates):
        sounds: set[str] = set()
        for word in said:
            if CHINESE.search(word):
                sounds.update((*words.sound(word), *words.initials_of(word)))
        found.update(Entry(number, word) for word in said if key_of(word) in sounds)
    return frozenset(found)


def _frozen(lists: dict[str, list[T]]) -> dict[str, tuple[T, ...]]:
    return {key: tuple(items) for key, items in lists.items()}


def named(known: Index, text: str, trust: float = 1.0) -> dict[int, dict[Way, Named]]:
    """Candidate -> how near `text` is to it, in each way it is near at all. trust: times every score."""
    found: dict[int, dict[Way, Named]] = {}

    def say(entry: Entry, way: Way, score: float) -> None:
        ways = found.setdefault(entry.candidate, {})
        if way not in ways or score * trust > ways[way].score:
            ways[way] = Named(score * trust, way, entry.word)

    without = REMARK.sub("", text)
    for key, sure in ((key_of(text), 1.0), (key_of(without), 0.97)):
        for entry in known.exact.get(key, ()):
            say(entry, Way.word, sure)
    if CHINESE.search(without):
        _by_sound_of_chinese(known, without, say)
    else:
        _by_letters(known, key_of(without), say)
    _by_parts(known, text, say)
    _by_spelling(known, without, say)
    return found


def best_of(ways: Iterable[Named]) -> Named | None:
    """The best of the ways; of two nearly as good ones that which is told more plainly."""
    return max(ways, key=lambda named: named.score + (0.1 if named.way in _PLAIN else 0.0), default=None)


def _by_sound_of_chinese(known: Index, text: str, say: Say) -> None:
    full, _ = words.sound(text)
    for entry in known.sounds.get(full, ()):
        say(entry, Way.sound, 0.9)
    for entry in known.exact.get(full, ()):
        say(entry, Way.sound, 0.95)
    for letters, sure in words.initials_of(text).items():
        for entry in known.exact.get(letters, ()):
            if entry in known.own:
                continue
            say(entry, Way.initials, sure * _INITIALS_TRUST.get(len(letters), 1.0))
    syllables = words.spoken(text)
    for entry, key in known.latin.get(syllables[0][0], ()) if len(syllables) > 1 else ():
        if len(syllables) < len(key) and entry not in known.own and words.mixed(key, syllables):
            say(entry, Way.mixed, 0.9)


def _by_letters(known: Index, key: str, say: Say) -> None:
    for entry in known.sounds.get(key, ()):
        say(entry, Way.sound, 0.97)
    for entry, sure in known.initials.get(key, ()):
        say(entry, Way.initials, sure * _INITIALS_TRUST.get(len(key), 1.0))
    for entry, syllables in known.spoken.get(key[:1], ()):
        if len(syllables) < len(key) and words.mixed(key, syllables):
            say(entry, Way.mixed, 0.92)


def _by_parts(known: Index, text: str, say: Say) -> None:
    spoken = CHINESE.search(text) is not None
    for reading in words.readings(text):
        near: dict[int, float] = {}
        for unit in reading.units:
            for number, weight in _of_unit(known, unit):
                near[number] = near.get(number, 0.0) + weight
        most = {
            number: both / (reading.weight + known.readings[number][1].weight + 1e-9) for number, both in near.items()
        }
        for number in sorted(most, key=lambda number: (-most[number], number))[:NEAREST]:
            entry, other = known.readings[number]
            if spoken and entry in known.own:
                continue
            score = words.likeness(reading, other)
            if score > 0.2:
                say(entry, Way.parts, score)


def _of_unit(known: Index, unit: Unit) -> list[tuple[int, float]]:
    """Readings that hold a meaning of the unit, each once, with the weight they share."""
    best: dict[int, float] = {}
    for meaning in unit.meanings:
        for number, weight in known.by_meaning.get(meaning, ()):
            both = min(weight, unit.weight)
            if both > best.get(number, 0.0):
                best[number] = both
    return list(best.items())


def _by_spelling(known: Index, text: str, say: Say) -> None:
    signs = words.pairs_of_signs(text)
    if len(signs) < (4 if CHINESE.search(text) else 6):  # short letters are initials: jgsj is not nearly tgsj
        return
    common: dict[int, int] = {}
    for pair in signs:
        for number in known.by_signs.get(pair, ()):
            common[number] = common.get(number, 0) + 1
    for number, both in common.items():
        entry = known.entries[number]
        score = 2 * both / (len(signs) + len(words.pairs_of_signs(entry.word)))
        if score >= _SPELLING_LEAST:
            say(entry, Way.spelling, score)


def texts_of(path: str, shared_prefix: str = "") -> tuple[tuple[str, float], ...]:
    """What of a path is a name, each with how much it is to be trusted: its last part, and with the parts above it.

    shared_prefix: the first word that most columns of the table begin with (cust_ in cust_no, cust_name).
    """
    parts = [part.removesuffix("[]") for part in path.split(".") if part.strip("[]")]
    if not parts:
        return ()
    found = {parts[-1]: 1.0}
    if len(parts) > 1:
        found.setdefault(" ".join(parts[-2:]), 1.0)
        found[parts[-1]] = 0.93
        found.setdefault(path, 1.0)
    if shared_prefix:
        for text, sure in list(found.items()):
            if text.casefold().startswith(shared_prefix) and len(text) > len(shared_prefix) + 1:
                found.setdefault(text[len(shared_prefix) :], sure * 0.95)
    return tuple(found.items())


def shared_prefix(paths: tuple[str, ...]) -> str:
    """The first word, with the sign after it, that at least four columns and six of ten begin with: `cust_`."""
    heads = [part.casefold() for path in paths if "_" in (part := path.rsplit(".", 1)[-1])[1:]]
    firsts = [head.partition("_")[0] + "_" for head in heads]
    best = max(sorted(set(firsts)), key=firsts.count, default="")
    return best if best and firsts.count(best) >= max(4, 0.6 * len(paths)) else ""

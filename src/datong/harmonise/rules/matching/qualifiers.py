"""What sets two names apart though they share most words: the other end of a scale (start and end, planned and actual,
payer and payee), or another word in the place of one (本科毕业生, 专科毕业生).

Must never know: values, elements. Contract: tests/harmonise/matching/test_matching_qualifiers.py.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from collections.abc import Mapping as Map

from datong.harmonise.rules.matching.glossary import glossary
from datong.harmonise.rules.matching.words import Reading, Unit, readings, shared

Ends = Map[int, int]
"""Scale -> the one of its ends that a name says."""
_PLAIN = 3
"""Letters that may be more words than this (initials: qs = 起始, 签收, 去世) say an end only when half of them do."""
_READ = 3
"""So many readings of a name are compared."""


def compared(lefts: Iterable[str], rights: Iterable[str]) -> tuple[float, float]:
    """(ends, swapped) of two names, each of them given in one or more ways of writing.

    ends: 1 both say the same end of a scale, -1 other ends of one, 0 neither. swapped: 0..1, how much each of them says
    that the other does not. The way that has most in common counts, of ends the plainest.
    """
    found = [_names(left, right) for left in lefts for right in rights]
    if not found:
        return 0.0, 0.0
    ends = max((told for told, _ in found), key=abs)
    return ends, min(swapped for _, swapped in found)


@functools.lru_cache(maxsize=100_000)
def _names(left: str, right: str) -> tuple[float, float]:
    best, told, swapped = -1.0, 0.0, 0.0
    for one in readings(left)[:_READ]:
        for other in readings(right)[:_READ]:
            mine, theirs = _unshared(one.units, other.units), _unshared(other.units, one.units)
            common = 2 * shared(one.units, other.units)
            trust = one.trust * other.trust
            if (common + 0.5) * trust > best:
                best = (common + 0.5) * trust
                told = _held(ends_of(one), ends_of(other)) * trust
                swapped = 2 * min(mine, theirs) / max(one.weight + other.weight, 0.1) * trust
    return told, swapped


def _unshared(units: Iterable[Unit], others: Iterable[Unit]) -> float:
    """The weight of the words the glossary knows that the others do not have."""
    free = list(others)
    total = 0.0
    for unit in units:
        same = next((u for u in free if u.meanings & unit.meanings), None)
        if same is not None:
            free.remove(same)
        elif any(meaning.startswith(("w", "h:")) for meaning in unit.meanings):
            total += unit.weight
    return total


@functools.lru_cache(maxsize=20_000)
def ends_of(reading: Reading) -> Ends:
    """The ends that a reading says. A word with several meanings says one only when all of them on a scale agree; a
    scale of which the name says two ends (进出口) is left out."""
    said: dict[int, set[int]] = {}
    for unit in reading.units:
        for scale, ends in _of_word(unit.meanings).items():
            said.setdefault(scale, set()).update(ends)
    return {scale: next(iter(ends)) for scale, ends in said.items() if len(ends) == 1}


@functools.lru_cache(maxsize=20_000)
def _of_word(meanings: frozenset[str]) -> Map[int, frozenset[int]]:
    found: dict[int, list[int]] = {}
    for meaning in meanings:
        for scale, end in glossary().ends.get(meaning, ()):
            found.setdefault(scale, []).append(end)
    least = 0.0 if len(meanings) <= _PLAIN else len(meanings) / 2
    return {scale: frozenset(ends) for scale, ends in found.items() if len(set(ends)) == 1 and len(ends) >= least}


def turn(names: Iterable[str]) -> int:
    """-1: the names say a beginning (start, entry, departure, planned is none); 1: an end; 0: neither or both."""
    said = {
        end for name in names for reading in readings(name)[:1] for scale, end in ends_of(reading).items()
        if scale in _IN_TIME
    }  # fmt: skip
    return 0 if len(said) != 1 else 1 if said == {1} else -1


_IN_TIME = (0, 1)
"""The scales of opposites.tsv whose ends follow each other in time: a stay, a journey."""


def _held(one: Ends, other: Ends) -> float:
    both = one.keys() & other.keys()
    if not both:
        return 0.0
    return 1.0 if all(one[scale] == other[scale] for scale in both) else -1.0

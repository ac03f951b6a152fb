"""Reading the name of a column: which words it is made of, in Chinese, English, pinyin, initials, or all at once.

    客户编号   CustomerNo   cust_id   kehubianhao   khbh   che_pai_hm   VEH_TYPE_CD

A reading is a tuple of units; a unit is a set of meanings (lines of data/matching/words.tsv, or the sign itself when
no line knows it) and a weight. Two readings are as near as the weights of the units they share (`likeness`).
Must never know: elements, values. Contract: tests/harmonise/matching/test_matching_words.py.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass

from datong.harmonise.rules.elements import key_of, normalised, pinyin_of, syllables_of
from datong.harmonise.rules.matching.abbreviations import meant
from datong.harmonise.rules.matching.glossary import WEIGHTS, glossary, stem, syllables

CHINESE = re.compile(r"[\u3400-\u9fff]")
REMARK = re.compile(r"[（(\[【<《].*?[）)\]】>》]")
_RUNS = re.compile(r"[\u3400-\u9fff]+|[a-z]+|[0-9]+")
ABBREVIATED = 0.8
"""The weight of a word that letters are guessed to be short for."""
_INITIALS_MAX = 10
_READINGS_MAX = 6


@dataclass(frozen=True)
class Unit:
    """One word of a name. meanings: it is any of these; head: it says what kind of thing it is (编号, 名称, 时间)."""

    meanings: frozenset[str]
    weight: float
    head: bool = False


@dataclass(frozen=True)
class Reading:
    """One way of reading a name. trust: how seldom this way of reading is wrong."""

    units: tuple[Unit, ...]
    trust: float

    @property
    def weight(self) -> float:
        return sum(unit.weight for unit in self.units)


@functools.lru_cache(maxsize=50_000)
def sound(text: str) -> tuple[str, str]:
    """Full pinyin and initials of a Chinese text, both in lower case; remarks in brackets left out."""
    full, initials = pinyin_of(REMARK.sub("", text))
    return full, initials.lower()


@functools.lru_cache(maxsize=50_000)
def readings(text: str) -> tuple[Reading, ...]:
    """How a name can be read, the surest first; none when it says nothing (col1, 字段3, F_07)."""
    plain = normalised(REMARK.sub("", text) or text)
    runs = [run for token in plain.split("_") for run in _RUNS.findall(token)]
    if not runs or _says_nothing(runs):
        return ()
    found: list[Reading] = []
    english = _english(runs)
    if english is not None:
        found.append(Reading(english, 1.0))
    if not any(CHINESE.search(run) for run in runs):
        joined = "".join(run for run in runs if run.isalpha())
        spoken = _pinyin(joined)
        if spoken is not None:
            found.append(Reading(spoken, 0.95))
        found += [Reading(units, 0.75) for units in _initials(runs)]
        blended = _blended(runs) if len(runs) > 1 else None
        if blended is not None:
            found.append(Reading(blended, 0.8))
    return tuple(found[:_READINGS_MAX])


_NOTHING = frozenset(
    ("col", "column", "field", "fld", "f", "c", "v", "var", "x", "unnamed", "attr", "attribute", "zd", "ziduan", "字段",
     "列", "属性", "变量", "栏", "数据项", "第", "feature")
)  # fmt: skip


def _says_nothing(runs: list[str]) -> bool:
    """Names that only number the columns."""
    words = [run for run in runs if not run.isdigit()]
    return all(word in _NOTHING for word in words) and (len(words) < len(runs) or len(words) != 1 or len(words[0]) > 1)


# --- Chinese and English -----------------------------------------------------------------------------------------


def _english(runs: list[str]) -> tuple[Unit, ...] | None:
    """Runs of Chinese signs, English words and digits, each read by the glossary; None when nothing is known."""
    units: list[Unit] = []
    known = False
    at = 0
    while at < len(runs):
        run = runs[at]
        if CHINESE.search(run):
            units += _chinese(run)
            known, at = True, at + 1
        elif run.isdigit():
            units.append(Unit(frozenset((f"n:{run.lstrip('0') or '0'}",)), 0.3))
            at += 1
        else:
            taken, unit = _phrase(runs, at)
            if unit is not None:
                units.append(unit)
                known, at = True, at + taken
                continue
            parts = _run_together(run)
            if parts:
                units += parts
                known = True
            else:
                short = meant(run)
                weight = ABBREVIATED if short else 1.0 if len(run) > 2 else 0.5
                units.append(Unit(short | {f"e:{stem(run)}"}, weight))
                known = known or len(run) > 3 or bool(short)
            at += 1
    return tuple(units) if known and any(unit.weight for unit in units) else None


@functools.cache
def _unit(meanings: frozenset[str]) -> Unit:
    weight = max(glossary().weights[meaning] for meaning in meanings)
    return Unit(meanings, weight, head=any(glossary().weights[meaning] == WEIGHTS["h"] for meaning in meanings))


def _phrase(runs: list[str], at: int) -> tuple[int, Unit | None]:
    """The longest way of the glossary that begins at `at`."""
    words = glossary()
    for length in range(min(words.longest_english, len(runs) - at), 0, -1):
        said = " ".join(stem(run) for run in runs[at : at + length])
        if said in words.english:
            return length, _unit(words.english[said])
    return 0, None


def _run_together(run: str) -> list[Unit]:
    """Words written as one, such as `vehicletype` or `orderid`; none unless the glossary knows every part."""
    words = glossary().english
    if not 5 <= len(run) <= 30:
        return []
    best: list[tuple[float, tuple[str, ...]] | None] = [(0.0, ()), *([None] * len(run))]
    for end in range(1, len(run) + 1):
        for start in range(max(0, end - 14), end):
            before = best[start]
            if before is None or end - start < 2 or (part := stem(run[start:end])) not in words:
                continue
            cost = before[0] + (1.0 if end - start > 2 else 1.6)
            now = best[end]
            if now is None or cost < now[0]:
                best[end] = (cost, (*before[1], part))
    whole = best[-1]
    long_enough = whole is not None and any(len(part) > 3 for part in whole[1])
    return [_unit(words[part]) for part in whole[1]] if whole is not None and long_enough else []


@functools.lru_cache(maxsize=50_000)
def _chinese(run: str) -> tuple[Unit, ...]:
    """A run of Chinese signs cut into words of the glossary, as few as cover it; an unknown sign stands for itself."""
    words = glossary()
    best: list[tuple[float, tuple[Unit, ...]]] = [(0.0, ())]
    for end in range(1, len(run) + 1):
        sign = run[end - 1]
        cost, units = best[end - 1]
        choice = (cost + 1.3, (*units, Unit(frozenset((f"h:{sign}",)), 0.6)))
        for start in range(max(0, end - words.longest_chinese), end):
            part = run[start:end]
            if part in words.chinese and best[start][0] + 1 < choice[0]:
                choice = (best[start][0] + 1, (*best[start][1], _unit(words.chinese[part])))
        best.append(choice)
    return best[-1][1]


# --- pinyin and initials -----------------------------------------------------------------------------------------


def _cut(text: str) -> tuple[str, ...] | None:
    """Letters cut into syllables, as few as cover them; None when they are no pinyin."""
    best: list[tuple[str, ...] | None] = [(), *([None] * len(text))]
    for end in range(1, len(text) + 1):
        for start in range(max(0, end - 6), end):
            before, now = best[start], best[end]
            if before is None or text[start:end] not in syllables():
                continue
            if now is None or len(before) + 1 < len(now):
                best[end] = (*before, text[start:end])
    return best[-1]


def _pinyin(text: str) -> tuple[Unit, ...] | None:
    """Full pinyin read by the glossary, `chepaihao`; None when it is none, or too short to be taken for it."""
    if not 4 <= len(text) <= 60:
        return None
    cut = _cut(text)
    if cut is None or len(cut) < 2 or min(len(text) / len(cut), 6) < 1.8:
        return None
    words = glossary().pinyin
    best: list[tuple[float, tuple[Unit, ...]]] = [(0.0, ())]
    for end in range(1, len(cut) + 1):
        cost, units = best[end - 1]
        choice = (cost + 1.3, (*units, Unit(frozenset((f"p:{cut[end - 1]}",)), 0.6)))
        for start in range(max(0, end - 6), end):
            part = "".join(cut[start:end])
            if part in words and best[start][0] + 1 < choice[0]:
                choice = (best[start][0] + 1, (*best[start][1], _unit(words[part])))
        best.append(choice)
    return best[-1][1]


def _initials(runs: list[str]) -> Iterator[tuple[Unit, ...]]:
    """Letters read as initials of words of the glossary: khmc = kh + mc = 客户 + 名称. All shortest cuts."""
    letters = [run for run in runs if run.isalpha()]
    joined = "".join(letters)
    if not 2 <= len(joined) <= _INITIALS_MAX or len(letters) > 3 or _mostly_vowels(joined):
        return
    words = glossary().initials
    ways: list[list[tuple[str, ...]]] = [[()], *([] for _ in joined)]
    for end in range(1, len(joined) + 1):
        for start in range(max(0, end - 4), end):
            part = joined[start:end]
            if part in words and (end - start > 1 or end == len(joined)):
                ways[end] += [(*way, part) for way in ways[start]]
        ways[end] = sorted(ways[end], key=lambda way: (len(way), way))[:_READINGS_MAX]
    shortest = min((len(way) for way in ways[-1]), default=0)
    for way in ways[-1]:
        if len(way) == shortest:
            yield tuple(_unit(words[part]) for part in way)


def _blended(runs: list[str]) -> tuple[Unit, ...] | None:
    """Words of a name each in its own way: che_pai_hm, ry_date, kh_name. None unless every word can be read."""
    units: list[Unit] = []
    at = 0
    while at < len(runs):
        if runs[at].isdigit():
            units.append(Unit(frozenset((f"n:{runs[at].lstrip('0') or '0'}",)), 0.3))
            at += 1
            continue
        taken, unit = _phrase(runs, at)
        if unit is not None:
            units.append(unit)
            at += taken
            continue
        end = at
        while end < len(runs) and runs[end] in syllables():
            end += 1
        read = _pinyin("".join(runs[at:end])) if end > at else _pinyin(runs[at])
        if read is None:
            end = at + 1
            read = next(_initials([runs[at]]), None)
        if read is None:
            return None
        units += read
        at = max(end, at + 1)
    return tuple(units)


def _mostly_vowels(text: str) -> bool:
    return sum(letter in "aeiou" for letter in text) > len(text) / 2


@functools.lru_cache(maxsize=50_000)
def initials_of(text: str) -> Map[str, float]:
    """The initials by which a Chinese word may be written, each with how sure that is: with its last word said
    otherwise too, so that CPH, CPHM and CPBH are all 车牌号码."""
    _, whole = sound(text)
    plain = key_of(REMARK.sub("", text))
    found = {whole: 1.0} if len(whole) > 1 else {}
    for head in sorted(glossary().heads, key=len, reverse=True):
        if plain.endswith(head) and len(plain) - len(head) >= 2:
            stem_letters = sound(plain[: -len(head)])[1]
            for letters in sorted(glossary().heads[head]):
                found.setdefault(stem_letters + letters, 0.8)
            found.setdefault(stem_letters, 0.7)
            break
    return found


@functools.lru_cache(maxsize=50_000)
def spoken(text: str) -> tuple[str, ...]:
    """The syllables of a Chinese word; none when it holds anything else than Chinese signs."""
    plain = key_of(REMARK.sub("", text))
    return syllables_of(plain) if plain and all(CHINESE.match(sign) for sign in plain) else ()


def mixed(letters: str, said: tuple[str, ...]) -> bool:
    """Whether letters are these syllables, each written out or only by its initial: chepaihm, chphm, cpaihao."""
    ends = {0}
    for syllable in said:
        nexts = set()
        for at in ends:
            for piece in {syllable, syllable[0], *((syllable[:2],) if syllable[1:2] == "h" else ())}:
                if letters.startswith(piece, at):
                    nexts.add(at + len(piece))
        ends = nexts
        if not ends:
            return False
    return len(letters) in ends


# --- comparing ---------------------------------------------------------------------------------------------------


def shared(left: Iterable[Unit], right: Iterable[Unit]) -> float:
    """The weight of the units of `left` that `right` has too, each counted once."""
    free = list(right)
    total = 0.0
    for unit in left:
        best = max((u for u in free if u.meanings & unit.meanings), key=lambda u: u.weight, default=None)
        if best is not None:
            free.remove(best)
            total += min(unit.weight, best.weight)
    return total


def likeness(left: Reading, right: Reading) -> float:
    """0..1: the weight of what two readings share against all they say; less when they end in different kinds."""
    both = left.weight + right.weight
    if not both:
        return 0.0
    alike = 2 * shared(left.units, right.units) / both
    if alike and _heads_differ(left, right):
        alike *= 0.6
    return min(1.0, alike) * left.trust * right.trust


def _heads_differ(left: Reading, right: Reading) -> bool:
    one, other = left.units[-1], right.units[-1]
    return one.head and other.head and not one.meanings & other.meanings


@functools.lru_cache(maxsize=50_000)
def pairs_of_signs(text: str) -> frozenset[str]:
    """Pairs of neighbouring signs of a key, with its ends: what spelling is compared by."""
    plain = f"^{key_of(text)}$"
    return frozenset(plain[at : at + 2] for at in range(len(plain) - 1))


def spelling(left: str, right: str) -> float:
    """0..1: how far two names are spelt alike (Dice of their pairs of signs)."""
    one, other = pairs_of_signs(left), pairs_of_signs(right)
    return 2 * len(one & other) / (len(one) + len(other))

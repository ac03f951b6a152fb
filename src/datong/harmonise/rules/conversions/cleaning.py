"""A text without what is merely another way of writing: spaces, full-width and unseen signs, odd dashes, separators.

Looks first, as most texts are ordinary; what is looked for is what is told as fixed (judging).
"""

from __future__ import annotations

import re
from itertools import combinations

from datong.engine.model import literal
from datong.ground.signs import NARROW, UNSEEN, WIDE
from datong.harmonise.model.mappings import PLAIN, Column, How, Meaning
from datong.harmonise.rules import amounts, identifiers
from datong.harmonise.rules.conversions import coordinates
from datong.harmonise.rules.conversions.names import clean, differs, original, part, raw_text

_WIDE_SIGNS = r"\x{FF01}-\x{FF5E}\x{3000}"
ANY_WIDE = f"[{_WIDE_SIGNS}]"
"""Full-width signs."""
_NO_WIDTH = r"\x{200B}\x{2060}\x{FEFF}"
"""Around a value they are nothing: a byte order mark stands there where a file was put behind another."""
_SPACES = (
    r"\x{0009}-\x{000D}\x{0020}\x{0085}\x{00A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"
    + _NO_WIDTH
)
_DASHES = "‐‑‒–—―−﹣"
"""Signs that stand for a hyphen or a minus."""
_ODD = f"[{_WIDE_SIGNS}{UNSEEN}{_DASHES}]"
_TO_NARROW = str.maketrans(WIDE + _DASHES, NARROW + "-" * len(_DASHES))
_SEEN_BY_NONE = re.compile("[{}]".format(re.sub(r"\\x{(\w{4})}", r"\\u\1", UNSEEN)))
_LOOK_ALIKES = ("АВЕКМНОРСТУХ", "ABEKMHOPCTYX")
"""Cyrillic letters, and the Latin ones they look like."""
CYRILLIC = f"[{_LOOK_ALIKES[0]}]"


def half_width(word: str) -> str:
    """A word of a mapping or code table as cleaned texts write it, with which it is compared."""
    return _SEEN_BY_NONE.sub("", word.translate(_TO_NARROW))


def cleaned_text(
    text: str, how: How, missing: tuple[str, ...] = (), thousands: str = "", meaning: Meaning = PLAIN
) -> str:
    """`text` (an expression) without other ways of writing; NULL when it is empty or a marker of missing values."""
    return _as_written(_there(text, how, missing), text, how, thousands, meaning)


def cleanings(column: Column) -> list[dict[str, str]]:
    """cleaned_text of a column's text as columns, level over level: what is named more than once stands once."""
    name, text, how = column.element.name, raw_text(column), column.how
    narrow, there = part(name, "narrow"), _there(text, how, column.missing)
    if how is How.phone:
        bare = part(name, "bare")
        return [
            {narrow: there}, {bare: identifiers.bare(narrow, how)}, {clean(name): identifiers.written(bare, how)}
        ]  # fmt: skip
    written = _as_written(narrow, text, how, column.thousands, column.meaning)
    if written.count(narrow) == 1:
        return [{clean(name): written.replace(narrow, there)}]
    return [{narrow: there}, {clean(name): written}]


def of_several(column: Column) -> dict[str, str]:
    """The text of a column that is made of several of the source, over from:<path>."""
    return _together(column) if column.then else _of_names(column)


def _together(column: Column) -> dict[str, str]:
    """The parts of a value behind each other; of none where a row has no part."""
    texts = list(map(original, column.paths))
    parts = ", ".join(cleaned_text(text, How.text, column.missing) for text in texts)
    return {raw_text(column): f"COALESCE(NULLIF(concat_ws(' ', {parts}), ''), {', '.join(texts)})"}


def _of_names(column: Column) -> dict[str, str]:
    """The text of a field that has several names, and whether they contradict each other: values are compared as they
    are cleaned, and a name that has none in a row has no say."""
    found = [
        (original(path), cleaned_text(original(path), column.how, column.missing, column.thousands, column.meaning))
        for path in column.paths
    ]
    first = " ".join(f"WHEN {cleaned} IS NOT NULL THEN {text}" for text, cleaned in found)
    none = f"COALESCE({', '.join(text for text, _ in found)})"
    other = " OR ".join(f"COALESCE({one[1]} <> {two[1]}, FALSE)" for one, two in combinations(found, 2))
    return {raw_text(column): f"CASE {first} ELSE {none} END", differs(column): f"({other})"}


def _there(text: str, how: How, missing: tuple[str, ...]) -> str:
    """`text` made narrow; NULL when it is empty or a marker of missing values.

    Of many markers a pattern is made: of a NULLIF the engine makes a CASE that names its text twice, so that each one
    in another doubles all of it.
    """
    narrow = narrowed(text, how)
    as_read = [marker for marker in missing if how is not How.text and half_width(marker) != marker]
    if as_read:  # the narrow text is another than these
        narrow = f"CASE WHEN NOT {amounts.is_one_of(_stripped(text), as_read)} THEN {narrow} END"
    markers = list(dict.fromkeys(marker for marker in missing if marker))
    if len(markers) > 2:
        none = literal(f"^({'|'.join(map(amounts.escaped, markers))})$")
        narrow, markers = f"regexp_replace({narrow}, {none}, '')", []
    for marker in ("", *markers):
        narrow = f"NULLIF({narrow}, {literal(marker)})"
    return narrow


def _as_written(narrow: str, text: str, how: How, thousands: str, meaning: Meaning) -> str:
    """`narrow`, which was made of `text`, as a column of its kind is written."""
    if how is How.plate:
        bare = rf"upper(regexp_replace({narrow}, '[\s·•‧・.\-]', '', 'g'))"
        there = f"regexp_matches({bare}, {literal(CYRILLIC)})"
        alike, latin = map(literal, _LOOK_ALIKES)
        return f"CASE WHEN {there} THEN translate({bare}, {alike}, {latin}) ELSE {bare} END"
    if how in identifiers.CHECKED:
        return identifiers.cleaned(narrow, how)
    if how in {How.birth_date, How.sex}:
        return rf"upper(regexp_replace({narrow}, '[\s/\-]', '', 'g'))"
    if how in {How.latitude, How.longitude}:
        signs = coordinates.in_signs(narrow)
        return f"upper(replace(CASE WHEN {_is_ascii(text)} THEN {narrow} ELSE {signs} END, ' ', ''))"
    if how is How.number:
        return amounts.cleaned(narrow, thousands, meaning)
    if meaning.digits:
        # 10106.0, as of a number
        kept = f"regexp_full_match({narrow}, '[0-9]{{1,{meaning.digits}}}({amounts.ZEROS})?')"
        # 85423190.00 of ten digits is no 85423190 that lost two: it is written with a point, as customs do
        whole = f"regexp_full_match({narrow}, '[0-9.]*[.]00+') AND length({narrow}) = {meaning.digits + 1}"
        nought = f"regexp_full_match({narrow}, '0+{amounts.ZEROS}')"  # which stands for none, as often as not
        put_back = f"lpad(split_part({narrow}, '.', 1), {meaning.digits}, '0')"
        return f"CASE WHEN {kept} AND NOT {nought} AND NOT ({whole}) THEN {put_back} ELSE {narrow} END"
    return narrow


def all_digits(text: str, digits: int) -> str:
    """Whether `text` is so many digits and nothing else."""
    return f"regexp_full_match({text}, '[0-9]{{{digits}}}')"


def trimmed(text: str) -> str:
    """Whether `text` neither begins nor ends with a space of any script, a tab or a line end: to strip is dear.

    Between these signs of CJK, and among the signs of ASCII that are seen, there is none.
    """
    last = f"substr({text}, -1)"
    seen, han = ("!", "~"), ("\u3400", "\u9fff")
    begins = " OR ".join(f"({text} >= '{low}' AND {text} < '{high}')" for low, high in (seen, han))
    ends = " OR ".join(f"{last} BETWEEN '{low}' AND '{high}'" for low, high in (seen, han))
    return (
        f"CASE WHEN {_is_ascii(text)} THEN {text} >= '!' AND NOT {_ends_blank(text)} "
        f"WHEN ({begins}) AND ({ends}) THEN TRUE ELSE {text} = {_stripped(text)} END"
    )


def _ends_blank(text: str) -> str:
    """Whether a text of ASCII ends with a blank: banks put a tab behind a long number, so that it stays a text."""
    return f"({' OR '.join(f'ends_with({text}, chr({code}))' for code in (0x20, 0x09, 0x0A, 0x0D))})"


def _stripped(text: str) -> str:
    return f"regexp_replace({text}, '^[{_SPACES}]+|[{_SPACES}]+$', '', 'g')"


def _is_ascii(text: str) -> str:
    return f"strlen({text}) = length({text})"


def is_odd(text: str) -> str:
    """Whether there are full-width or invisible signs, or odd dashes, in `text`; none of them is of ASCII."""
    return f"CASE WHEN {_is_ascii(text)} THEN FALSE ELSE regexp_matches({text}, '{_ODD}') END"


def narrowed(text: str, how: How) -> str:
    """`text` without spaces around it; unless it is free text, full-width signs made half-width, dashes made hyphens,
    invisible signs taken out. Looks first, as most texts are ordinary."""
    other = text
    if how is not How.text:
        narrow = f"translate({text}, {literal(WIDE + _DASHES)}, {literal(NARROW + '-' * len(_DASHES))})"
        seen = f"regexp_replace({narrow}, '[{UNSEEN}]', '', 'g')"
        other = f"CASE WHEN regexp_matches({text}, '{_ODD}') THEN {seen} ELSE {text} END"
    plain = f"{_is_ascii(text)} AND {text} >= '!' AND NOT {_ends_blank(text)}"
    return f"CASE WHEN {plain} THEN {text} ELSE {_stripped(other)} END"

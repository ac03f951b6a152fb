"""Conversions as SQL text: from the text of a source to a value of the standard, with a verdict.

Each conversion says four things about a column, as expressions over the step before:
    cleaned    the text without what is merely another way of writing (full-width, spaces, separators)
    parts      intermediate values, level over level, where the value needs several (local time; a point's datum)
    value      the value of the standard's type, or NULL
    verdict    NULL = ok, "fixed:<rule>", "suspect:<rule>" or "invalid:<reason>"; NULL and no text = empty
The original stays beside them. Nothing is guessed: what could be meant is offered as a suggestion at most.
Numbers with units and dates are in `amounts`, identifiers in `identifiers`, datums in `datums`.
Must never know: tables, engines. Contract: tests/harmonise/test_harmonise_conversions.py, tests/harmonise/meaning.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from zoneinfo import ZoneInfo

from datong.engine.model import literal, quoted
from datong.ground.signs import NARROW, UNSEEN, WIDE
from datong.harmonise.model.mappings import PLAIN, Code, Codes, Column, Element, How, Meaning, Type
from datong.harmonise.rules import amounts, datums, identifiers
from datong.harmonise.rules.checks import PLATE

_WIDE_SIGNS = r"\x{FF01}-\x{FF5E}\x{3000}"
_ANY_WIDE = f"[{_WIDE_SIGNS}]"
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

_SECONDS = rf"{amounts.YEAR}-\d{{2}}-\d{{2}}[ T]\d{{2}}:\d{{2}}:\d{{2}}"
_OFFSET = r"\s?([zZ]|[+-]((0\d|1[0-3])(:?[0-5]\d)?|14(:?00)?))"
"""No clock is more than 14 hours from UTC."""
_NANOSECONDS = r"\.\d{6}\d*[1-9]"
"""A fraction with more than microseconds, which is what a timestamp holds."""
WITH_OFFSET = rf"{_SECONDS}(\.\d{{1,9}})?{_OFFSET}"
TO_THE_MICROSECOND = rf"{_SECONDS}(\.\d{{1,6}})?{_OFFSET}"
NUMBER = amounts.NUMBER
WHOLE, ZEROS = amounts.WHOLE, amounts.ZEROS
_DMS = r"([NSEW]?)(\d{1,3})°(\d{1,2}(?:\.\d+)?)''(?:(\d{1,2}(?:\.\d+)?)\")?([NSEW]?)"  # the quote is doubled for SQL
_DMS_WORDS = ("′’＇″”＂º度分秒东西南北经纬", "''''''\"\"\"°°''\"EWSN")
"""Signs of degrees as people write them, in SQL, and what each is read as: 东经121度28分 is E121°28'; 经 and 纬 go."""


def half_width(word: str) -> str:
    """A word of a mapping or code table as cleaned texts write it, with which it is compared."""
    return _SEEN_BY_NONE.sub("", word.translate(_TO_NARROW))


def original(path: str) -> str:
    return quoted(f"from:{path}")


def raw_text(column: Column) -> str:
    """The text that a column's conversion reads: of the source, or its constant."""
    if column.others:
        return quoted(f"text:{column.element.name}")
    return original(column.path) if column.constant is None else f"CAST({literal(column.constant)} AS VARCHAR)"


def told_text(column: Column) -> str:
    """What the source has of a column as it is told: of several names that contradict each other, all they have."""
    if not column.others:
        return raw_text(column)
    every = f"concat_ws(' | ', {', '.join(map(original, column.paths))})"
    return f"CASE WHEN {differs(column)} THEN {every} ELSE {raw_text(column)} END"


def differs(column: Column) -> str:
    """Whether the names of one field have different values in a row."""
    return quoted(f"differs:{column.element.name}")


def of_names(column: Column) -> dict[str, str]:
    """The text of a field that has several names, over from:<path>, and whether they contradict each other: values are
    compared as they are cleaned, and a name that has none in a row has no say."""
    found = [
        (original(path), cleaned_text(original(path), column.how, column.missing, column.thousands, column.meaning))
        for path in column.paths
    ]
    first = " ".join(f"WHEN {cleaned} IS NOT NULL THEN {text}" for text, cleaned in found)
    none = f"COALESCE({', '.join(text for text, _ in found)})"
    other = " OR ".join(f"COALESCE({one[1]} <> {two[1]}, FALSE)" for one, two in combinations(found, 2))
    return {raw_text(column): f"CASE {first} ELSE {none} END", differs(column): f"({other})"}


def clean(name: str) -> str:
    return quoted(f"clean:{name}")


def part(name: str, what: str) -> str:
    return quoted(f"part:{name}.{what}")


def value(name: str) -> str:
    return quoted(f"value:{name}")


def verdict(name: str) -> str:
    return quoted(f"verdict:{name}")


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


def _there(text: str, how: How, missing: tuple[str, ...]) -> str:
    """`text` made narrow; NULL when it is empty or a marker of missing values.

    Of many markers a pattern is made: of a NULLIF the engine makes a CASE that names its text twice, so that each one
    in another doubles all of it.
    """
    narrow = _narrow(text, how)
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
        there = f"regexp_matches({bare}, {literal(_any_of(_LOOK_ALIKES[0]))})"
        alike, latin = map(literal, _LOOK_ALIKES)
        return f"CASE WHEN {there} THEN translate({bare}, {alike}, {latin}) ELSE {bare} END"
    if how in identifiers.CHECKED:
        return identifiers.cleaned(narrow, how)
    if how in {How.birth_date, How.sex}:
        return rf"upper(regexp_replace({narrow}, '[\s/\-]', '', 'g'))"
    if how in {How.latitude, How.longitude}:
        signs, read = _DMS_WORDS
        quotes = f"translate({narrow}, '{signs}', '{read}')"
        return f"upper(replace(CASE WHEN {_ascii(text)} THEN {narrow} ELSE {quotes} END, ' ', ''))"
    if how is How.number:
        return amounts.cleaned(narrow, thousands, meaning)
    if meaning.digits:
        kept = f"regexp_full_match({narrow}, '[0-9]{{1,{meaning.digits}}}({ZEROS})?')"  # 10106.0, as of a number
        # 85423190.00 of ten digits is no 85423190 that lost two: it is written with a point, as customs do
        whole = f"regexp_full_match({narrow}, '[0-9.]*[.]00+') AND length({narrow}) = {meaning.digits + 1}"
        nought = f"regexp_full_match({narrow}, '0+{ZEROS}')"  # which stands for none, as often as not
        put_back = f"lpad(split_part({narrow}, '.', 1), {meaning.digits}, '0')"
        return f"CASE WHEN {kept} AND NOT {nought} AND NOT ({whole}) THEN {put_back} ELSE {narrow} END"
    return narrow


def parts(column: Column) -> list[dict[str, str]]:
    """Intermediate expressions by name, level over level: a level may name the cleaned text and the levels before."""
    name, text = column.element.name, clean(column.element.name)
    if column.how is How.timestamp and column.zone != "offset":
        tried = ", ".join(_local(text, form, column.zone) for form in column.formats)
        return [{part(name, "local"): f"COALESCE({tried})" if len(column.formats) > 1 else tried}]
    if column.how in identifiers.CHECKED:
        return identifiers.parts(text, column.how, part(name, "{}"))
    if column.how in {How.birth_date, How.sex} and column.meaning.of == How.resident_id:
        whole = f"CASE WHEN {part(name, 'sound')} THEN {text} ELSE {part(name, 'long')} END"
        return [*identifiers.parts(text, How.resident_id, part(name, "{}")), {part(name, "whole"): whole}]
    if column.how in {How.latitude, How.longitude}:
        return _point_parts(column)
    if column.meaning.carries_unit:
        number, said = amounts.with_unit(text)
        return [
            {part(name, "number"): number, part(name, "said"): said},
            {part(name, "unit"): amounts.unit_key(part(name, "said"))},
        ]
    return []


def converted(column: Column) -> str:
    """The value of the standard's type, or NULL, as an expression over cleaned texts and parts."""
    name, text = column.element.name, clean(column.element.name)
    if column.how is How.number:
        return _number(text, column)
    if column.how is How.timestamp:
        if column.zone == "offset":
            tight = rf"regexp_replace(upper({text}), '\s?(Z|[+-][0-9:]+)$', '\1')"  # as the engine reads it
            return f"CASE WHEN regexp_full_match({text}, '{WITH_OFFSET}') THEN TRY_CAST({tight} AS TIMESTAMPTZ) END"
        if column.ambiguous == "earlier":
            return _earlier(column)
        return f"timezone({literal(column.zone)}, {part(name, 'local')})"
    if column.how in {How.latitude, How.longitude}:
        if column.meaning.partner:
            return _point(column)[1][0 if column.how is How.longitude else 1]
        return _degrees(column)
    if column.how is How.date:
        return amounts.day(text, column.formats, column.meaning)
    if column.how is How.boolean:
        return amounts.truth(text, column.meaning)
    if column.how is How.code and column.codes is not None:
        return _decoded(text, column.codes)
    return _identifier(column)


def _identifier(column: Column) -> str:
    name, text = column.element.name, clean(column.element.name)
    if column.how is How.plate:
        return f"CASE WHEN regexp_full_match({text}, {literal(PLATE)}) THEN {text} END"
    if column.how in identifiers.CHECKED:
        return identifiers.value(text, column.how, part(name, "sound"), part(name, "long"))
    if column.how in {How.birth_date, How.sex}:
        if column.meaning.of == How.resident_id:
            return identifiers.told_by_resident(part(name, "whole"), column.how)
        return identifiers.told_by_birth_number(text, column.how, column.meaning.century or 1900)
    return text


def judged(column: Column) -> str:
    """The verdict on a column, as an expression over the original, the cleaned text, the parts and the value."""
    name = column.element.name
    empty = "'invalid:missing_value'" if column.element.required else "NULL"
    cases = [f"WHEN {differs(column)} THEN 'invalid:names_differ'"] if column.others else []
    cases.append(f"WHEN {clean(name)} IS NULL THEN {empty}")
    cases += [
        f"WHEN {condition} THEN {what if what.startswith('CASE ') else literal(what)}"
        for condition, what in (*_invalid(column), *_suspect(column), *_fixed(column))
    ]
    return "CASE " + " ".join(cases) + " END"


def suggested(column: Column) -> str:
    """What could be meant by an invalid text, or NULL: for a person to confirm, never applied."""
    text = clean(column.element.name)
    if column.how is not How.plate:
        return identifiers.suggested(text, column.how)
    meant = f"left({text}, 2) || translate(substr({text}, 3), 'OI', '01')"
    return f"CASE WHEN regexp_full_match({meant}, {literal(PLATE)}) THEN {meant} END"


def sql_type(kind: Type) -> str:
    return {
        Type.string: "VARCHAR", Type.integer: "BIGINT", Type.number: "DOUBLE", Type.boolean: "BOOLEAN",
        Type.date: "DATE", Type.timestamp: "TIMESTAMPTZ",
    }[kind]  # fmt: skip


Cases = list[tuple[str, str]]
_OUTSIDE = {
    How.timestamp: "outside_period", How.date: "outside_period", How.birth_date: "outside_period",
    How.number: "outside_range",
}  # fmt: skip


def _invalid(column: Column) -> Cases:
    name, it = column.element.name, value(column.element.name)
    cases: Cases = []
    if column.how is How.timestamp and column.zone == "offset":
        bare = rf"regexp_full_match({clean(name)}, '{_SECONDS}(\.\d{{1,9}})?')"
        cases.append((f"{it} IS NULL AND {bare}", "invalid:no_offset"))
    if column.how in identifiers.CHECKED:
        cases += [
            (f"{it} IS NULL AND {condition}", f"invalid:{reason}")
            for condition, reason in identifiers.invalid(clean(name), column.how, part(name, "check"))
        ]
    if column.meaning.partner:
        cases.append((f"{it} IS NULL AND {part(name, 'degrees')} IS NOT NULL", "invalid:no_other_coordinate"))
    if column.meaning.percent:
        bare = f"regexp_full_match({clean(name)}, '{NUMBER}')"
        cases.append((f"{it} IS NULL AND {bare}", "invalid:no_percent_sign"))
    if column.meaning.carries_unit:
        other = f"{part(name, 'unit')} <> '' AND NOT {_with_unit(column)}"
        cases.append((f"{it} IS NULL AND {other}", "invalid:other_unit"))
    unreadable = {
        How.number: "not_a_number", How.timestamp: "not_a_time", How.latitude: "not_a_coordinate",
        How.longitude: "not_a_coordinate", How.plate: "plate_format", How.code: "unknown_code",
        How.text: "missing_value", How.date: "not_a_date", How.boolean: "neither_true_nor_false",
        How.birth_date: "not_an_identifier", How.sex: "not_an_identifier",
    }.get(column.how)  # fmt: skip
    if column.meaning.digits:
        cases.append((f"NOT {all_digits(clean(name), column.meaning.digits)}", "invalid:not_so_many_digits"))
    if unreadable:
        cases.append((f"{it} IS NULL", f"invalid:{unreadable}"))
    if column.how is How.timestamp and column.zone != "offset":
        local, zone = part(name, "local"), literal(column.zone)
        cases.append((f"timezone({zone}, {it}) <> {local}", "invalid:no_such_local_time"))
        if column.ambiguous == "quarantine":
            cases.append((_twice(column, "-"), "invalid:ambiguous_local_time"))
    if column.how is How.number and column.element.type is Type.number:
        cases.append((f"NOT isfinite({it})", "invalid:not_a_number"))
    cases += [(condition, f"invalid:{_OUTSIDE.get(column.how, 'outside_area')}") for condition in _outside(column)]
    cases += _out_of_time(column, early=True)
    cases += [(condition, "invalid:outside_standard") for condition in _standard_broken(column)]
    return cases


def fits(column: Column) -> list[str]:
    """Conditions that a value itself must meet, however it was written: what a coordinate can be, the mapping's bounds
    and the standard's rules. Of several bounds on a number only the narrowest is asked. All are unknown of NULL.
    """
    element, it = column.element, value(column.element.name)
    if element.type is not Type.number:
        return [f"NOT ({condition})" for condition in (*_outside(column), *_standard_broken(column))]
    lows: list[tuple[float, str]] = []
    highs: list[tuple[float, str]] = []
    if column.between is not None:
        lows, highs = ([(float(end), _bound(column, end))] for end in column.between)
    if column.how in {How.latitude, How.longitude}:
        lows.append((-limit(column), f"-{limit(column)}"))
        highs.append((limit(column), f"{limit(column)}"))
    if element.minimum is not None:
        lows.append((element.minimum, repr(element.minimum)))
    if element.maximum is not None:
        highs.append((element.maximum, repr(element.maximum)))
    if lows and highs:
        bounds = [f"{it} BETWEEN {max(lows)[1]} AND {min(highs)[1]}"]
    else:
        bounds = [*(f"{it} >= {low}" for _, low in lows), *(f"{it} <= {high}" for _, high in highs)]
    return [*bounds, *(f"NOT ({condition})" for condition in _not_one_of(element, it))]


def _outside(column: Column) -> list[str]:
    if column.between is None:
        return []
    low, high = (_bound(column, end) for end in column.between)
    return [f"{value(column.element.name)} NOT BETWEEN {low} AND {high}"]


def _suspect(column: Column) -> Cases:
    name = column.element.name
    if column.how is How.timestamp and column.zone != "offset" and column.ambiguous == "earlier":
        return [(_twice(column, "+"), "suspect:ambiguous_local_time")]
    if column.meaning.partner:
        return [(f"NOT {datums.in_china(_point(column)[0])}", "suspect:outside_china")]
    if column.how is How.plate:
        raw = raw_text(column)
        alike = f"regexp_matches(upper({raw}), {literal(_any_of(_LOOK_ALIKES[0]))})"
        return [(f"{raw} <> {clean(name)} AND {alike}", "suspect:look_alike")]
    if column.how in identifiers.CHECKED:
        found = identifiers.suspect(clean(name), column.how, part(name, "sound"))
        return [(condition, f"suspect:{rule}") for condition, rule in found]
    if column.how is How.number and column.element.type is Type.number:
        text = clean(name)
        if column.meaning.carries_unit:
            text = f"CASE WHEN {_with_unit(column)} THEN {part(name, 'number')} ELSE {text} END"
        return [(amounts.changed(text, column.meaning), "suspect:precision")]
    return _out_of_time(column, early=False)


def _with_unit(column: Column) -> str:
    """Whether a unit that the element's can be made of stands behind the number."""
    return amounts.is_one_of(part(column.element.name, "unit"), amounts.words_of(column.element))


def _fixed(column: Column) -> Cases:
    name, raw = column.element.name, raw_text(column)
    spaced = (f"NOT ({trimmed(raw)})", "fixed:spaces")
    narrow, zeros = _narrow(raw, column.how), []
    if column.meaning.digits:
        zeros = [
            (f"contains({narrow}, '.')", "fixed:zero_fraction"),
            (f"{narrow} <> {clean(name)}", "fixed:leading_zeros"),
        ]
    if column.how is How.text:
        return [*zeros, spaced]
    which = f"WHEN regexp_matches({raw}, '{_ANY_WIDE}') THEN 'fixed:full_width' "
    which += f"WHEN regexp_matches({raw}, '[{UNSEEN}]') THEN 'fixed:invisible'"
    cases = [*zeros, (_odd(raw), f"CASE {which} ELSE 'fixed:dashes' END")]
    if column.how is How.plate:
        cases += [(f"upper({raw}) <> {raw}", "fixed:lower_case"), (f"{raw} <> {clean(name)}", "fixed:separators")]
        return cases
    if column.how in identifiers.CHECKED:
        found = identifiers.fixed(raw, clean(name), column.how)
        return [*cases, *((condition, f"fixed:{rule}") for condition, rule in found)]
    cases.append(spaced)
    if column.how is How.number:
        if column.meaning.carries_unit:
            cases.append((_with_unit(column), "fixed:unit"))
        found = amounts.fixed(raw, clean(name), column.thousands, column.meaning)
        if column.element.type is Type.integer:
            found.append((f"contains({clean(name)}, '.')", "zero_fraction"))
        cases += [(condition, f"fixed:{rule}") for condition, rule in found]
    if column.how is How.timestamp and (column.zone == "offset" or any(map(_with_fraction, column.formats))):
        cases.append((f"regexp_matches({clean(name)}, '{_NANOSECONDS}')", "fixed:nanoseconds"))
    if column.how is How.timestamp and column.zone != "offset" and column.formats != LOCAL_FORMATS:
        main = _local(clean(name), column.formats[0], column.zone)
        cases.append((f"{main} IS NULL", "fixed:other_format"))
    if column.how is How.date and len(column.formats) > 1:
        main = amounts.day(clean(name), column.formats[:1], column.meaning)
        cases.append((f"{main} IS NULL", "fixed:other_format"))
    return cases


LOCAL_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")
"""Of local times, where the mapping names none: with or without a fraction, one as good as the other."""
EPOCHS = {"epoch_s": (1_000_000, r"-?\d{1,11}(\.\d+)?"), "epoch_ms": (1_000, r"-?\d{1,14}(\.\d{1,3})?")}
"""Formats of times that are counted from 1970-01-01 00:00 UTC: the microseconds of one, and how it is written."""
HALVES = {"上午": "AM", "下午": "PM"}
"""What %p reads besides: 下午12:30 is half past noon, as spreadsheets write it."""
_SIGNS = {"%b": r"\w+", "%B": r"\w+", "%a": r"\w+", "%A": r"\w+", "%p": r"\w+", "%%": "%"}


def _local(text: str, form: str, zone: str) -> str:
    """The local time of `zone` in a cleaned text by one format, or NULL. Of years all four digits must be there: the
    engine would take 19 for the year 19. Of fractions it takes six digits at most; more are cut, and told
    (_NANOSECONDS)."""
    for half, said in HALVES.items() if "%p" in form else ():
        text = f"replace({text}, '{half}', '{said}')"
    read = f"regexp_replace({text}, '(\\.\\d{{6}})\\d+', '\\1')" if _with_fraction(form) else text
    if form in EPOCHS:
        micros, written = EPOCHS[form]
        counted = f"make_timestamp(CAST(round(TRY_CAST({read} AS DOUBLE) * {micros}) AS BIGINT))"
        if zone != "UTC":
            counted = f"timezone({literal(zone)}, timezone('UTC', {counted}))"
        return f"CASE WHEN regexp_full_match({text}, '{written}') THEN {counted} END"
    if form == amounts.EXCEL:
        days = f"TRY_CAST({text} AS DOUBLE)"
        there = rf"regexp_full_match({text}, '[1-9]\d{{1,6}}(\.\d+)?') AND {days} >= 61 AND {days} < 2958466"
        return f"CASE WHEN {there} THEN make_timestamp(CAST(round(({days} - 25569) * 86400000) * 1000 AS BIGINT)) END"
    written = f"regexp_matches({text}, {literal(_written(form))})"
    return f"CASE WHEN {written} THEN TRY_STRPTIME({read}, {literal(form)}) END"


def _written(form: str) -> str:
    """A pattern of the year with all four digits where it stands; and of the whole where nothing divides the digits of
    two signs, as then all of them must be there: of 2026020108000 nobody knows which one is missing."""
    pieces = re.split(r"(%-?.)", form)
    numbers = {at for at, piece in enumerate(pieces) if re.fullmatch("%-?[YmdHIMSf]", piece)}
    tight = {at for at in numbers for other in (at - 2, at + 2) if other in numbers and not pieces[(at + other) // 2]}
    found = "^"
    for at, piece in enumerate(pieces):
        if at % 2 == 0:
            found += re.sub(" +", lambda _: r"\s*", amounts.escaped(piece))
        elif piece == "%Y":
            found += amounts.YEAR
            if not tight:
                return found
        else:
            found += r"\d{2}" if at in tight and piece[-1] in "mdHIMS" else _SIGNS.get(piece, r"\s*\d+")
    return found + "$"


def only_digits(form: str) -> bool:
    """Whether a time by `form` is digits and nothing else."""
    return form == amounts.EXCEL or (form not in EPOCHS and not re.sub("%-?[YmdHMSf]", "", form))


def _with_fraction(form: str) -> bool:
    return form.endswith("%S.%f") or form == "epoch_s"


def _twice(column: Column, sign: str) -> str:
    """True where the clocks showed this local time twice: one step back (or on) in time they read the same."""
    it, zone, local = value(column.element.name), literal(column.zone), part(column.element.name, "local")
    same = [f"timezone({zone}, {it} {sign} {_interval(step)}) = {local}" for step in steps_back(column.zone)]
    return f"({' OR '.join(same)})" if same else "FALSE"


def _earlier(column: Column) -> str:
    """The first of two instants with this local time (of two the engine takes the later: ICU's rule, see the tests)."""
    local, zone = part(column.element.name, "local"), literal(column.zone)
    later = f"timezone({zone}, {local})"
    befores = [f"{later} - {_interval(step)}" for step in steps_back(column.zone)]
    whens = " ".join(f"WHEN timezone({zone}, {before}) = {local} THEN {before}" for before in befores)
    return f"CASE {whens} ELSE {later} END" if whens else later


def _interval(minutes: int) -> str:
    return f"INTERVAL '{minutes} minutes'"


@functools.cache
def steps_back(zone: str) -> tuple[int, ...]:
    """By how many minutes the clocks of `zone` were ever put back between 1970 and 2040, e.g. (60,)."""
    start, there = datetime(1970, 1, 1, 12, tzinfo=UTC), ZoneInfo(zone)
    offsets = [(start + timedelta(days=day)).astimezone(there).utcoffset() or timedelta() for day in range(25_567)]
    minutes = {round((before - after).total_seconds() / 60) for before, after in pairwise(offsets) if after < before}
    return tuple(sorted(minutes, reverse=True))


def _standard_broken(column: Column) -> list[str]:
    element, it = column.element, value(column.element.name)
    broken = []
    if element.minimum is not None:
        broken.append(f"{it} < {element.minimum!r}")
    if element.maximum is not None:
        broken.append(f"{it} > {element.maximum!r}")
    if element.max_length is not None:
        broken.append(f"length({it}) > {element.max_length}")
    if element.pattern:
        broken.append(f"NOT regexp_full_match({it}, {literal(element.pattern)})")
    return broken + _not_one_of(element, it)


def _not_one_of(element: Element, it: str) -> list[str]:
    if not element.values:
        return []
    if element.type is Type.string:
        return [f"NOT {amounts.is_one_of(it, element.values)}"]
    return [f"{it} NOT IN ({', '.join(literal(v) for v in element.values)})"]


def _bound(column: Column, end: str) -> str:
    if column.how is How.timestamp:
        # a bound without offset is meant in the column's zone, or in UTC
        aware = "T" in end and ("+" in end or end.endswith("Z") or "-" in end.split("T")[1])
        zone = "UTC" if column.zone == "offset" else column.zone
        return (
            f"CAST({literal(end)} AS TIMESTAMPTZ)" if aware else f"timezone({literal(zone)}, TIMESTAMP {literal(end)})"
        )
    if column.element.type is Type.date:
        return f"CAST({literal(end[:10])} AS DATE)"
    return f"CAST({end} AS DOUBLE)"


def _number(text: str, column: Column) -> str:
    kind = column.element.type
    if kind is Type.string:
        return f"CASE WHEN regexp_full_match({text}, '{WHOLE}') THEN {text} END"
    number = amounts.number(text, column.meaning, column.element.unit)
    read = number if kind is Type.number else amounts.whole(text)
    if not column.meaning.carries_unit:
        return read
    name = column.element.name
    return amounts.in_its_unit(part(name, "number"), part(name, "unit"), column.element, read)


def _point(column: Column) -> tuple[datums.Pair, datums.Pair, list[dict[str, str]]]:
    """The point a coordinate belongs to: as it was read, as the standard wants it, and the stages between."""
    names = (column.element.name, column.meaning.partner)
    east, north = names if column.how is How.longitude else names[::-1]
    read = (part(east, "degrees"), part(north, "degrees"))
    steps, end = datums.stages(read, column.meaning.datum, column.element.datum, part(east, "{}"))
    return read, end, steps


def _point_parts(column: Column) -> list[dict[str, str]]:
    name = column.element.name
    dms = {part(name, "dms"): f"regexp_extract({clean(name)}, '^{_DMS}$', ['before', 'd', 'm', 's', 'behind'])"}
    levels = [dms] if column.notation == "dms" else []
    if not column.meaning.partner:
        return levels
    # both columns of a point stand on the same level, whatever their notation, so that the next may name both
    levels = [*(levels or [{}]), {part(name, "degrees"): _degrees(column)}]
    return [*levels, *_point(column)[2]] if column.how is How.longitude else levels


def limit(column: Column) -> int:
    """The greatest number of degrees of a latitude or longitude."""
    return 90 if column.how is How.latitude else 180


def _degrees(column: Column) -> str:
    name, most = column.element.name, limit(column)
    if column.notation == "decimal":
        number = f"TRY_CAST({clean(name)} AS DOUBLE)"
        return f"CASE WHEN regexp_full_match({clean(name)}, '{NUMBER}') AND abs({number}) <= {most} THEN {number} END"
    found = part(name, "dms")
    degrees, minutes = (f"TRY_CAST({found}.{field} AS DOUBLE)" for field in "dm")
    seconds = f"CASE WHEN {found}.s = '' THEN 0 ELSE TRY_CAST({found}.s AS DOUBLE) END"
    plus, minus = ("N", "S") if column.how is How.latitude else ("E", "W")
    whole, half = f"({degrees} + {minutes} / 60 + {seconds} / 3600)", f"concat({found}.before, {found}.behind)"
    sound = f"({found}.s = '' OR {found}.m NOT LIKE '%.%')"  # parts of a minute are told once
    inside = f"{half} IN ('{plus}', '{minus}') AND {sound} AND {minutes} < 60 AND {seconds} < 60 AND {whole} <= {most}"
    return f"CASE WHEN {inside} THEN CASE {half} WHEN '{minus}' THEN -1 ELSE 1 END * {whole} END"


def _decoded(text: str, codes: Codes) -> str:
    whens = []
    for code in codes.entries:
        whens.append(f"WHEN {_is_code(text, code, codes)} THEN {_meant(codes, _succession(codes, code))}")
    return f"CASE {' '.join(whens)} END"


def _succession(codes: Codes, code: Code) -> list[Code]:
    """The code, the one that took its place, the one that took that one's place, and so on."""
    line = [code]
    while codes.on and line[-1].valid_to and len(line[-1].successor) == 1:
        following = codes.entry(line[-1].successor[0])
        if following in line:
            break
        line.append(following)
    return line


def _meant(codes: Codes, line: list[Code]) -> str:
    """What a code of a succession means on the day of its row."""
    to = literal(line[0].to)
    if len(line) == 1:
        return to
    return f"CASE WHEN {_day_of(codes)} >= DATE '{line[0].valid_to}' THEN {_meant(codes, line[1:])} ELSE {to} END"


def _is_code(text: str, code: Code, codes: Codes) -> str:
    return f"{text} = {literal(code.starts)}" if codes.whole else f"starts_with({text}, {literal(code.starts)})"


def _day_of(codes: Codes) -> str:
    day = value(codes.on)
    return f"CAST(timezone({literal(codes.zone)}, {day}) AS DATE)" if codes.zone else day


def _out_of_time(column: Column, *, early: bool) -> Cases:
    """Codes that were not yet, or no longer, in use on the day of their row; the longest that fits is the code."""
    codes = column.codes
    if codes is None or not codes.on:
        return []
    text, day, cases = clean(column.element.name), _day_of(codes), []
    for code in codes.entries:
        here = _is_code(text, code, codes)
        longer = [
            c for c in codes.entries if not codes.whole and c.starts != code.starts and c.starts.startswith(code.starts)
        ]
        here += "".join(f" AND NOT {_is_code(text, other, codes)}" for other in longer)
        if early and code.valid_from:
            cases.append((f"{here} AND {day} < DATE '{code.valid_from}'", "invalid:code_not_yet_valid"))
        if not early and code.valid_to:
            line = _succession(codes, code)
            if line[-1].valid_to:  # the last of them is no more either, and nothing took its place
                ended = max(one.valid_to for one in line if one.valid_to)
                cases.append((f"{here} AND {day} >= DATE '{ended}'", "suspect:code_withdrawn"))
            if len(line) > 1:
                cases.append((f"{here} AND {day} >= DATE '{code.valid_to}'", "fixed:code_replaced"))
    return cases


def all_digits(text: str, digits: int) -> str:
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
        f"CASE WHEN {_ascii(text)} THEN {text} >= '!' AND NOT {_ends_blank(text)} "
        f"WHEN ({begins}) AND ({ends}) THEN TRUE ELSE {text} = {_stripped(text)} END"
    )


def _ends_blank(text: str) -> str:
    """Whether a text of ASCII ends with a blank: banks put a tab behind a long number, so that it stays a text."""
    return f"({' OR '.join(f'ends_with({text}, chr({code}))' for code in (0x20, 0x09, 0x0A, 0x0D))})"


def _stripped(text: str) -> str:
    return f"regexp_replace({text}, '^[{_SPACES}]+|[{_SPACES}]+$', '', 'g')"


def _ascii(text: str) -> str:
    return f"strlen({text}) = length({text})"


def _odd(text: str) -> str:
    """Whether there are full-width or invisible signs, or odd dashes, in `text`; none of them is of ASCII."""
    return f"CASE WHEN {_ascii(text)} THEN FALSE ELSE regexp_matches({text}, '{_ODD}') END"


def _narrow(text: str, how: How) -> str:
    """`text` without spaces around it; unless it is free text, full-width signs made half-width, dashes made hyphens,
    invisible signs taken out. Looks first, as most texts are ordinary."""
    other = text
    if how is not How.text:
        narrow = f"translate({text}, {literal(WIDE + _DASHES)}, {literal(NARROW + '-' * len(_DASHES))})"
        seen = f"regexp_replace({narrow}, '[{UNSEEN}]', '', 'g')"
        other = f"CASE WHEN regexp_matches({text}, '{_ODD}') THEN {seen} ELSE {text} END"
    plain = f"{_ascii(text)} AND {text} >= '!' AND NOT {_ends_blank(text)}"
    return f"CASE WHEN {plain} THEN {text} ELSE {_stripped(other)} END"


def _any_of(signs: str) -> str:
    return f"[{signs}]"

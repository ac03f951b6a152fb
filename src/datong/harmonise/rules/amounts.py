"""Numbers, days and yes or no as they are written, and what they amount to.

    1,234.50   1.234,50   (1,234.50)   12.5%   1.2万   45岁   ￥12   12CR   2019年9月1日   20190901   43709 (Excel)   是

Every way of writing but the plain one must be declared by the mapping. A shift by a power of ten is made in the text
("1.1" and 万 become 1.1e4), so that the number is the nearest there is; other units are (x * n + m) / d.
Must never know: tables, engines. Contract: tests/harmonise/meaning/test_meaning_conversions.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from datong.engine.model import literal
from datong.harmonise.model.mappings import Element, Meaning, Type
from datong.harmonise.rules import units

YEAR = r"([1-9]\d{3}|0[1-9]\d{2}|00[1-9]\d|000[1-9])"
"""Four digits; there is no year 0, which the engine takes for 1 BC."""
NUMBER = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?"
WHOLE = r"[+-]?\d{1,19}"
ZEROS = r"\.0*"
"""Behind a whole number it loses nothing: 3.0 is 3."""
_WORD = r"[^\s\d.,:;/+\-*()<>|~_]\S{0,20}"
"""A unit, or what stands where one would: 岁, km/h, m2."""
MULTIPLIERS = {"百": 2, "千": 3, "万": 4, "十万": 5, "百万": 6, "千万": 7, "亿": 8, "万亿": 12, "K": 3, "M": 6}
"""Signs that may follow a number, and the power of ten they stand for."""
PERCENT = {"%": -2, "‰": -3}
CURRENCY = {
    "CNY": ("(?:(?:[Rr][Mm][Bb]|[Cc][Nn][Yy])[¥￥]?|[¥￥]|人民币)", "(?:元|人民币|[Rr][Mm][Bb]|[Cc][Nn][Yy])"),
    "USD": (r"(?:[Uu][Ss][Dd]|(?:US)?\$|美元)", "(?:美元|[Uu][Ss][Dd])"),
    "EUR": ("(?:[Ee][Uu][Rr]|€|欧元)", "(?:欧元|€|[Ee][Uu][Rr])"),
    "HKD": (r"(?:[Hh][Kk][Dd]|HK\$|港[币元])", "(?:港[币元]|[Hh][Kk][Dd])"),
}
"""How a currency is written before a number, and behind it."""
ONE_OF = {
    "CNY": ("", "CNY", "元"), "USD": ("", "USD", "美元"), "EUR": ("", "EUR", "欧元"),
    "HKD": ("", "HKD", "港元", "港币"),
}  # fmt: skip
"""Units of numbers behind which the word for a currency says nothing else."""
SIDES = {"debit": r"(?:[Dd][Rr]\.?|借方?|支出)", "credit": r"(?:[Cc][Rr]\.?|贷方?|收入)"}
"""How a number says, before or behind it, on which side of the books it stands."""
_ALONE = {"debit": "[Dd支]", "credit": "[Cc收]"}
"""What says so in a column of its own; behind a number it may be anything: 2支 are two vials."""
EXCEL = "excel"
"""The format of a day that Excel counts from 1899-12-30, 1900-02-29 being a day that never was."""


SPACES = r"[ \x{00A0}\x{2009}\x{202F}]"
"""A blank between thousands, as people type it and as programs write it, who keep it at the end of a line."""


# --- numbers -----------------------------------------------------------------------------------------------------


def cleaned(text: str, thousands: str, meaning: Meaning) -> str:
    """`text` with its minus before it, a point as its decimal sign, and without thousands separators, the
    sign of its currency and its side of the books."""
    for side, written in _sides(meaning).items() if meaning.negative else ():
        to = r"-\1\2" if side == meaning.negative else r"\1\2"
        text = f"regexp_replace({text}, {literal(with_side(written))}, {literal(to)})"
    if meaning.currency:
        text = f"regexp_replace({text}, {literal(before_it(meaning.currency))}, '\\1')"
        if meaning.unit in ONE_OF[meaning.currency] and not meaning.carries_unit:
            text = f"regexp_replace({text}, {literal(behind_it(meaning.currency))}, '\\1')"
    if meaning.accounting:
        for written in (r"^\((.*)\)$", "^(.+)-$"):
            text = f"regexp_replace({text}, {literal(written)}, '-\\1')"
    if meaning.decimal != ".":  # both signs change places, so that a point is none: 1.5 is no number where 1,5 is one
        text = f"translate({text}, {literal(meaning.decimal + '.')}, {literal('.' + meaning.decimal)})"
        thousands = meaning.decimal if thousands == "." else thousands
    signs = "|".join(_signs(meaning))
    if signs:
        text = f"regexp_replace({text}, '{SPACES}+({signs})$', '\\1')"
    if not thousands:
        return text
    if thousands == " ":
        text = f"regexp_replace({text}, '{SPACES}', ' ', 'g')"
    behind = f"({signs})?" if signs else ""
    behind = rf"({signs or ''}|\s*{_WORD})?" if meaning.carries_unit else behind
    group, fraction = rf"({escaped(thousands)}\d{{3}})", r"(\.\d+)"
    groups = rf"({group}+{fraction}|{group}{{2,}})" if meaning.typed else f"{group}+{fraction}?"
    grouped = literal(rf"[+-]?\d{{1,3}}{groups}{behind}")
    return (
        f"CASE WHEN regexp_full_match({text}, {grouped}) THEN replace({text}, {literal(thousands)}, '') ELSE {text} END"
    )


def with_side(written: str) -> str:
    """A pattern of an amount, without a minus, before or behind which its side is `written`."""
    before = "|".join(before for before, _ in CURRENCY.values())
    amount = rf"((?:{before})?\s*[\d.][^CcDd借贷支收]*?)"
    return rf"^(?:{written}\s*:?\s*{amount}|{amount}\s*{written})$"


def on_a_side(text: str, meaning: Meaning) -> str:
    """Whether an amount in `text` says on which side of the books it stands."""
    return f"regexp_matches({text}, {literal('|'.join(map(with_side, _sides(meaning).values())))})"


def _sides(meaning: Meaning) -> dict[str, str]:
    return {side: f"(?:{word}|{_ALONE[side]})" if meaning.marked else word for side, word in SIDES.items()}


def before_it(currency: str) -> str:
    """A pattern of the sign of a currency before a number; its minus or bracket may stand before or behind that."""
    return rf"^([+(-]?)\s*{CURRENCY[currency][0]}\s*"


def behind_it(currency: str) -> str:
    """A pattern of what says a currency behind a number, its sign of ten thousands or a bracket."""
    return rf"([\d.)十百千万亿-])\s*{CURRENCY[currency][1]}$"


def number(text: str, meaning: Meaning, unit: str) -> str:
    """The number in the element's `unit`, or NULL, of a cleaned text."""
    step = units.step(meaning.unit, unit) if meaning.unit else None
    if meaning.percent:
        step = units.step("1", unit or "1")
    whens = []
    for sign, more in sorted(_signs(meaning).items(), key=lambda entry: -len(entry[0])):
        before = f"left({text}, length({text}) - {len(sign)})"
        whens.append(f"WHEN ends_with({text}, {literal(sign)}) THEN {_read(before, more + (_power(step) or 0))}")
    if not meaning.percent:
        whens.append(f"WHEN TRUE THEN {_read(text, _power(step) or 0)}" if whens else "")
    read = f"CASE {' '.join(whens)} END" if any(whens) else _read(text, _power(step) or 0)
    return _turned(read, step)


def in_its_unit(number: str, said: str, element: Element, otherwise: str) -> str:
    """The number in the element's unit where a unit that is known is `said` behind it, else `otherwise`."""
    alike: dict[units.Step, list[str]] = {}
    for word, step in words_of(element).items():
        alike.setdefault(step, []).append(word)
    whens = []
    for step, words in alike.items():
        read = whole(number) if element.type is Type.integer else _turned(_read(number, _power(step) or 0), step)
        whens.append(f"WHEN {is_one_of(said, words)} THEN {read}")
    return f"CASE {' '.join(whens)} ELSE {otherwise} END"


FEW_WORDS = 4
"""Of an IN with more words DuckDB makes a join: a table of sixty columns with units had no memory left for its plan."""


def is_one_of(text: str, words: Iterable[str]) -> str:
    """Whether `text` is one of `words`; NULL for NULL."""
    given = list(words)
    if len(given) <= FEW_WORDS:
        return f"{text} IN ({', '.join(map(literal, given))})"
    return f"regexp_full_match({text}, {literal('|'.join(map(escaped, given)))})"


def words_of(element: Element) -> dict[str, units.Step]:
    """The units that may stand behind a number of the element; whole ones are turned into no other."""
    return units.written(element.unit, same=element.type is Type.integer)


def with_unit(text: str) -> tuple[str, str]:
    """The number, and what stands behind it where its unit would, of a cleaned text; both empty where nothing does."""
    form = literal(rf"^({NUMBER})\s*({_WORD})$")
    return f"regexp_extract({text}, {form}, 1)", f"regexp_extract({text}, {form}, 5)"


def unit_key(said: str) -> str:
    """units.key of what stands behind a number."""
    first = f"WHEN starts_with({said}, 'M') THEN concat('M', lower(substr({said}, 2)))"
    return f"CASE WHEN length({said}) = 1 THEN {said} {first} ELSE lower({said}) END"


def whole(text: str) -> str:
    """A whole number, or NULL; behind its point are noughts alone."""
    digits = f"split_part({text}, '.', 1)"
    return f"CASE WHEN regexp_full_match({text}, '{WHOLE}({ZEROS})?') THEN TRY_CAST({digits} AS BIGINT) END"


def _turned(read: str, step: units.Step | None) -> str:
    """A number that was read, by the rest of a step that is no power of ten."""
    if step is None or _power(step) is not None:
        return read
    plus = f" + {step.m}" if step.m > 0 else f" - {-step.m}" if step.m else ""
    return f"({read} * CAST({step.n} AS DOUBLE){plus}) / {step.d}"


def fixed(raw: str, narrow: str, text: str, thousands: str, meaning: Meaning) -> list[tuple[str, str]]:
    """What was mended of `raw` to come by way of `narrow` to `text`."""
    cases = []
    if meaning.accounting:
        cases.append((rf"regexp_matches({raw}, '^\s*[(（]|-\s*$')", "accounting"))
    if meaning.negative:
        cases.append((on_a_side(narrow, meaning), "debit_credit"))
    if meaning.currency:
        cases.append((f"regexp_matches({raw}, {literal('|'.join(CURRENCY[meaning.currency]))})", "currency"))
    if thousands:
        there = f"regexp_matches({raw}, '{SPACES}')" if thousands == " " else f"contains({raw}, {literal(thousands)})"
        cases.append((there, "thousands_separator"))
    if meaning.multipliers:
        cases.append((f"NOT regexp_full_match({text}, '{NUMBER}%?')", "multiplier"))
    return cases


EXACT_BELOW = 2**53
"""Whole numbers below this are doubles; what stands behind the point keeps the 15 to 17 digits of a double."""


def changed(text: str, meaning: Meaning) -> str:
    """Whether the double in a cleaned text is another number: from 2^53 on its digits are compared with those of the
    text, and nought must have been nought. A sign behind the number changes its power of ten alone."""
    if signs := "|".join(_signs(meaning)):
        text = f"regexp_replace({text}, '({signs})$', '')"
    read = f"TRY_CAST({text} AS DOUBLE)"
    return (  # the digits of nought are none
        f"({read} = 0 OR abs({read}) >= {EXACT_BELOW}) AND {_digits(text)} <> {_digits(f'CAST({read} AS VARCHAR)')}"
    )


def _digits(number: str) -> str:
    """The digits of a number that count, without its power of ten and the noughts around them."""
    bare = f"regexp_replace(regexp_replace(lower({number}), 'e.*$', '', 'g'), '[^0-9]', '', 'g')"
    return f"regexp_replace({bare}, '^0+|0+$', '', 'g')"


def _signs(meaning: Meaning) -> dict[str, int]:
    return (PERCENT if meaning.percent else {}) | {sign: MULTIPLIERS[sign] for sign in meaning.multipliers}


def _read(text: str, power: int) -> str:
    plain = f"TRY_CAST({text} AS DOUBLE)"
    if power:
        shifted = f"TRY_CAST(concat({text}, 'e{power}') AS DOUBLE)"
        plain = f"CASE WHEN contains(lower({text}), 'e') THEN {plain} * CAST('1e{power}' AS DOUBLE) ELSE {shifted} END"
    return f"CASE WHEN regexp_full_match({text}, '{NUMBER}') THEN {plain} END"


def _power(step: units.Step | None) -> int | None:
    """The power of ten that a step is, or None."""
    if step is None or step.m or not re.fullmatch(r"10*", str(step.n)) or not re.fullmatch(r"10*", str(step.d)):
        return None
    return len(str(step.n)) - len(str(step.d))


def escaped(marks: str) -> str:
    return re.sub(r"([.^$*+?()\[\]{}|\\/])", r"\\\1", marks)


# --- days --------------------------------------------------------------------------------------------------------


def day(text: str, formats: tuple[str, ...], meaning: Meaning) -> str:
    """The day in a cleaned text by the first format that fits, or NULL."""
    tried = [_excel(text) if form == EXCEL else _by_format(text, form, meaning.century) for form in formats]
    return f"COALESCE({', '.join(tried)})" if len(tried) > 1 else tried[0]


def _by_format(text: str, form: str, century: int | None) -> str:
    tight = re.search(r"%[Yymd]%", form) is not None  # digits that nothing divides: all of them must be there
    pattern = escaped(form).replace("%Y", YEAR)
    for sign, digits in (("%y", "2"), ("%m", "2" if tight else "1,2"), ("%d", "2" if tight else "1,2")):
        pattern = pattern.replace(sign, rf"\d{{{digits}}}")
    read = f"TRY_STRPTIME({text}, {literal(form)})"
    if century is not None and "%y" in form:
        read = f"TRY_STRPTIME(concat('{century // 100}', {text}), {literal(form.replace('%y', '%Y'))})"
    return f"CASE WHEN regexp_full_match({text}, {literal(pattern)}) THEN CAST({read} AS DATE) END"


def _excel(text: str) -> str:
    serial = f"TRY_CAST(split_part({text}, '.', 1) AS INTEGER)"
    first = f"CASE WHEN {serial} < 60 THEN DATE '1899-12-31' WHEN {serial} > 60 THEN DATE '1899-12-30' END"
    counted = f"CAST({first} + to_days({serial}) AS DATE)"
    return rf"CASE WHEN regexp_full_match({text}, '[1-9]\d{{0,6}}(\.0+)?') AND {serial} < 2958466 THEN {counted} END"


# --- yes or no ---------------------------------------------------------------------------------------------------


def truth(text: str, meaning: Meaning) -> str:
    true, false = (is_one_of(f"lower({text})", map(str.lower, said)) for said in (meaning.true, meaning.false))
    return f"CASE WHEN {true} THEN TRUE WHEN {false} THEN FALSE END"

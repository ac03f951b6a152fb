"""Identifiers with a standard of their own: how they are cleaned, what is wrong with them, what could be meant.

Resident ids, credit codes, VINs and telephone numbers. Whether a cleaned text is right comes from `checks`; here is
what surrounds that. Each function gives text of SQL; `sound` and `long` name columns that were computed before.
Must never know: tables, engines. Contract: tests/harmonise/meaning/test_meaning_conversions.py.
"""

from __future__ import annotations

from datong.engine.model import literal
from datong.harmonise.model.mappings import How
from datong.harmonise.rules import checks

CHECKED = {How.resident_id, How.credit_code, How.vin, How.phone}
_BETWEEN_SIGNS = {
    How.resident_id: r"[\s\-]",
    How.credit_code: r"[\s\-]",
    How.vin: r"[\s\-]",
    How.phone: r"[\s\-()]",
}
_FORMS = {
    How.resident_id: r"\d{17}[0-9X]",
    How.credit_code: rf"[1-9ANY][1-9]\d{{6}}[{checks.CREDIT_ALPHABET}]{{10}}",
    How.vin: r"[A-HJ-NPR-Z0-9]{13}\d{4}",
}
_LOOK_ALIKES = {How.credit_code: ("OISZ", "0152"), How.vin: ("OIQ", "010"), How.resident_id: ("OI", "01")}
_COUNTRY = r"(\+|00)86(0?1[3-9]\d{9}|0?[1-9]\d{8,10}(#\d{1,6})?)"
_EXTENDED = (
    r"^((?:(?:\+|00)86[ -]?)?\(?0\d{2,3}\)?[ -]?[2-9]\d{6,7}|(?:\+|00)86[ -]?\(?[1-9]\d{1,2}\)?[ -]?[2-9]\d{6,7})"
    r"[ -]+(\d{1,6})$"
)
"""A fixed line and its extension, which is no part of the number: marked by # until all other signs are taken out."""


def cleaned(text: str, how: How) -> str:
    """`text`, already half-width, as the standard writes it."""
    return written(bare(text, how), how)


def bare(text: str, how: How) -> str:
    """`text`, already half-width, without what stands between its signs."""
    if how is How.phone:
        text = f"regexp_replace({text}, '{_EXTENDED}', '\\1#\\2', 'g')"
    return f"upper(regexp_replace({text}, '{_BETWEEN_SIGNS[how]}', '', 'g'))"


def written(bare: str, how: How) -> str:
    """A bare text as the standard writes it."""
    if how is not How.phone:
        return bare
    inside = f"ltrim(substr({bare}, CASE WHEN starts_with({bare}, '+') THEN 4 ELSE 5 END), '0')"
    mobile = rf"CASE WHEN regexp_full_match({inside}, '1\d{{10}}') THEN {inside} ELSE concat('0', {inside}) END"
    return f"replace(CASE WHEN regexp_full_match({bare}, '{_COUNTRY}') THEN {mobile} ELSE {bare} END, '#', '-')"


def parts(text: str, how: How, name: str) -> list[dict[str, str]]:
    """What is computed once of a cleaned text, level over level: is it right (`sound`)? And `long`, what else it stands
    for. name: makes the names of the columns, by `{}`.

    A check character names the number it is of some forty times: forty times the text of a column that holds it is
    what a plan of many such columns can be, of the expression it cannot.
    """
    if how is not How.resident_id:
        return [{name.format("sound"): checks.CHECKS[how.value].sql(text)}]
    number, check, number_15, check_15 = map(name.format, ("number", "check", "number_15", "check_15"))
    return [
        {number: checks.digits_of(text, 1, 17), number_15: checks.resident_number_from_15(text)},
        {check: checks.resident_check(number), check_15: checks.resident_check(number_15)},
        {
            name.format("sound"): checks.resident_sound(text, number, check),
            name.format("long"): f"CAST({number_15} AS VARCHAR) || {check_15}",
        },
    ]


def value(text: str, how: How, sound: str, long: str) -> str:
    if how is How.vin:  # a maker outside of China need not use the check character: kept, and suspect
        return f"CASE WHEN regexp_full_match({text}, '{_FORMS[how]}') THEN {text} END"
    other = f" ELSE {long}" if how is How.resident_id else ""
    return f"CASE WHEN {sound} THEN {text}{other} END"


def invalid(text: str, how: How, check: str) -> list[tuple[str, str]]:
    """(condition, reason) for texts that gave no value: the form is told apart from the check character. check: the
    column of the one a resident id should have."""
    if how is How.phone:
        return [("TRUE", "phone_format")]
    if how is How.vin:
        return [("TRUE", "vin_format")]
    formed = f"regexp_full_match({text}, '{_FORMS[how]}')"
    if how is How.credit_code:
        return [(formed, "check_character"), ("TRUE", "credit_code_format")]
    return [
        (f"{formed} AND {check} IS NULL", "no_such_birth"),
        (f"{formed} AND NOT (substr({text}, 18, 1) = {check})", "check_character"),
        ("TRUE", "resident_id_format"),
    ]


def suspect(text: str, how: How, sound: str) -> list[tuple[str, str]]:
    if how is How.vin:
        return [(f"NOT {sound}", "check_character")]
    if how is How.credit_code:
        return [(f"NOT {checks.organisation_check(f'substr({text}, 9, 9)')}", "organisation_code")]
    return []


def fixed(raw: str, text: str, how: How) -> list[tuple[str, str]]:
    cases = [(rf"length({text}) = 15", "fifteen_digits")] if how is How.resident_id else []
    cases.append((f"upper({raw}) <> {raw}", "lower_case"))
    if how is How.phone:
        cases.append((rf"regexp_matches({raw}, '^\s*(\+|00)') AND NOT starts_with({text}, '+')", "country_code"))
    return [*cases, (f"{raw} <> {text}", "separators")]


def suggested(text: str, how: How) -> str:
    """What could be meant by an invalid text: letters that are in no such identifier read as the digits they look
    like, when the check character then fits."""
    if how not in _LOOK_ALIKES:
        return "CAST(NULL AS VARCHAR)"
    meant = f"translate({text}, {', '.join(literal(signs) for signs in _LOOK_ALIKES[how])})"
    return f"CASE WHEN {checks.CHECKS[how.value].sql(meant)} THEN {meant} END"


def told_by_resident(whole: str, how: How) -> str:
    """What a resident id of 18 signs says of its holder: the day of birth; sex, 1 male or 2 female (GB/T 2261.1)."""
    if how is How.birth_date:
        return f"CAST(TRY_STRPTIME(substr({whole}, 7, 8), '%Y%m%d') AS DATE)"
    return f"CASE WHEN instr('13579', substr({whole}, 17, 1)) > 0 THEN '1' WHEN {whole} IS NOT NULL THEN '2' END"


def told_by_birth_number(text: str, how: How, century: int) -> str:
    """The same of a Czech or Slovak birth number: YYMMDD, the month of women raised by 50."""
    month = f"TRY_CAST(substr({text}, 3, 2) AS INTEGER)"
    plain = f"lpad(CAST({month} % 50 AS VARCHAR), 2, '0')"
    written = f"concat('{century // 100}', left({text}, 2), {plain}, substr({text}, 5, 2))"
    born = f"TRY_STRPTIME({written}, '%Y%m%d')"
    if how is How.birth_date:
        said = f"CAST({born} AS DATE)"
    else:
        said = f"CASE WHEN {born} IS NOT NULL THEN CASE WHEN {month} > 50 THEN '2' ELSE '1' END END"
    return rf"CASE WHEN regexp_full_match({text}, '\d{{6}}(\d{{3,4}})?') THEN {said} END"

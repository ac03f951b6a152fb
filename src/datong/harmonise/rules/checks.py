"""Value checks as SQL: is this text a value of that kind, by its form and its own check characters?

    CHECKS["resident_id"].sql('"a"')   a boolean expression over the text "a"; NULL for NULL, never an error

One check for each name that a data element may give. A check says yes or no of one text as it stands: what could be
cleaned or repaired is for conversions, and whether the thing exists in the world no text can say.

Speed. Texts are never cut into lists, and no table is joined. A resident id is read as one integer; its weighted sum
comes from Σ dᵢ·2ⁱ = n − 8·Σ 2ᵏ⁻¹·(n // 10ᵏ), for n = Σ dᵢ·10ⁱ. The one comparison at its end also proves that the text
was written with these very digits. There is no AND or CASE around it on purpose: DuckDB computes an expression that is
named twice once only where it stands outside of them. Letters are read by their place in an alphabet (`instr`).
Must never know: tables, engines. Contract: tests/harmonise/checks/test_checks.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as Map
from dataclasses import dataclass
from itertools import pairwise

from datong.engine.model import literal
from datong.ground import codes
from datong.ground.refusal import Text

PROVINCES = " ".join(sorted(codes.PROVINCES - {"83"}))
"""The first two digits of GB/T 2260 codes."""
RESIDENT_AREAS = " ".join(sorted(codes.PROVINCES))
"""Of resident ids: also 83, under which Taiwan residents get residence permits (with 81 and 82, since 2018)."""

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100-2015: digits and letters without I, O, S, V, Z."""
ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
VIN_ROWS = "0123456789" + ".ABCDEFGH." + ".JKLMN.P.R" + "..STUVWXYZ"
"""ISO 3779: a sign is worth its column. I, O and Q are in no VIN."""
VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
VIN_CHECK_PLACE = 9

PLATE_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
PLATE = (
    f"[{PLATE_PROVINCES}][A-HJ-NP-Z]"
    r"([A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳]|[A-HJK][A-HJ-NP-Z0-9]\d{4}|\d{5}[A-HJK])"
)
"""GA 36-2018: ordinary, small and large new-energy plates."""
PHONE = (
    r"((\+|00)86[ -]?)?(1[3-9]\d[ -]?\d{4}[ -]?\d{4}|\(?0\d{2,3}\)?[ -]?[2-9]\d{6,7}([ -]\d{1,6})?)"
    r"|[48]00[ -]?\d{3}[ -]?\d{4}|\+[1-9]\d{0,2}[ -]?\d(?:[ -]?\d){5,13}"
)
"""Chinese mobile and fixed lines (an extension stands behind a sign of its own), service numbers, and numbers of ITU-T
E.164 with their +."""
EMAIL = (
    r"[A-Za-z0-9!#$%&''*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&''*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)
URL = r"[hH][tT][tT][pP][sS]?://([^\s/?#@]+@)?([^\s/?#:@\[\]]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?([/?#]\S*)?"
UUID = r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}"
DEGREES = r"[+-]?\d{1,3}(\.\d+)?"


@dataclass(frozen=True)
class Check:
    """One kind of value. rule: where the kind is defined."""

    name: str
    rule: Text
    form: Callable[[str], str]

    def sql(self, text: str) -> str:
        """A boolean expression over `text` (an expression of type VARCHAR); NULL where that is NULL."""
        return f"({self.form(text)})"


def digits_of(text: str, start: int, count: int) -> str:
    """`count` digits of `text` as an integer, or NULL. What else can be read as a number (" 12", "1e9") is let
    through, cut to so many digits that nothing overflows: look at the text besides."""
    return f"(TRY_CAST(substr({text}, {start}, {count}) AS BIGINT) % {10**count})"


def true_day(year: str, month: str, day: str) -> str:
    """1 where this is a day of the calendar, else 0, by integers alone."""
    leap = f"CAST({year} % 4 = 0 AS INTEGER) - CAST({year} % 100 = 0 AS INTEGER) + CAST({year} % 400 = 0 AS INTEGER)"
    lengths = "[0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]"
    last = f"list_extract({lengths}, {month} + 1) + CAST({month} = 2 AS INTEGER) * ({leap})"
    return f"CAST({day} > 0 AS INTEGER) * CAST({day} <= {last} AS INTEGER)"


def resident_check(number: str) -> str:
    """The check character of GB 11643 (ISO 7064 MOD 11-2) for an integer of 17 digits; NULL when its area or its day
    of birth cannot be."""
    sums = " + ".join(f"{-(2 ** (k + 3)) % 11} * ({number} // {10**k})" for k in range(1, 17))
    year, month, day = f"({number} // 10000000 % 10000)", f"({number} // 100000 % 100)", f"({number} // 1000 % 100)"
    areas = {int(area) for area in RESIDENT_AREAS.split()}
    provinces = "".join(str(int(area in areas)) for area in range(100))
    known = f"CAST(substr('{provinces}', CAST({number} // {10**15} + 1 AS BIGINT), 1) = '1' AS INTEGER)"
    born = f"CAST({year} BETWEEN 1850 AND 2100 AS INTEGER) * {true_day(year, month, day)}"
    # a number below nought has a rest below it: 22, so that no place is left for what is not known or born
    place = f"1 + (2 * {number} + {sums}) % 11 + 22 * (1 - {known} * {born})"
    return f"nullif(substr('10X98765432', CAST({place} AS BIGINT), 1), '')"


def resident_number_from_15(text: str) -> str:
    """The first 17 digits of the 18-digit id that an old one of 15 digits became, the century put in; NULL when `text`
    is no such id. Until 1999; nobody born before 1900 or after 1999 had one."""
    number = f"TRY_CAST({text} AS BIGINT)"
    long = f"({number} // 1000000000 * 100000000000 + 19000000000 + {number} % 1000000000)"
    return rf"CASE WHEN regexp_full_match({text}, '\d{{15}}') THEN {long} END"


def organisation_check(text: str) -> str:
    """True where characters 1-9 of `text` are an organisation code with the right check character (GB 11714)."""
    terms = [
        f"{weight} * (instr('{ORGANISATION_ALPHABET}', substr({text}, {place}, 1)) - 1)"
        for place, weight in enumerate(ORGANISATION_WEIGHTS, 1)
    ]
    last = f"instr('0123456789X', substr({text}, 9, 1)) - 1"
    return f"({' + '.join(terms)} + {last}) % 11 = 0"


def _sure(condition: str, text: str) -> str:
    """`condition`, FALSE where it is neither true nor false; NULL where the text is NULL."""
    return f"coalesce({condition}, {text} <> {text})"


def resident_sound(text: str, number: str, check: str) -> str:
    """Whether `text` is its first 17 digits, `number`, and the check character of these; NULL for NULL."""
    return _sure(f"CAST({number} AS VARCHAR) || {check} = {text}", text)


def _resident_id(text: str) -> str:
    number = digits_of(text, 1, 17)
    return resident_sound(text, number, resident_check(number))


def _credit_code(text: str) -> str:
    alphabet = literal(CREDIT_ALPHABET)
    weights = {place: pow(3, place - 1, 31) for place in range(1, 18)} | {18: 1}
    signs = [f"{weights[p]} * (instr({alphabet}, substr({text}, {p}, 1)) - 1)" for p in (1, *range(9, 19))]
    # places 2 to 8 are digits, read as one number n: the digit of 10^k is n // 10^k - 10 * (n // 10^(k+1))
    digits = digits_of(text, 2, 7)
    factors = [(weights[8 - k] - (10 * weights[9 - k] if k else 0)) % 31 for k in range(7)]
    divided = [f"{factor} * ({digits} // {10**k})" for k, factor in enumerate(factors)]
    form = rf"regexp_full_match({text}, '[1-9ANY][1-9]\d{{6}}[{CREDIT_ALPHABET}]{{10}}')"
    return _sure(f"({' + '.join(signs + divided)}) % 31 + 31 * CAST(NOT {form} AS INTEGER) = 0", text)


def _vin(text: str) -> str:
    def worth(place: int) -> str:
        return f"(instr('{VIN_ROWS}', substr({text}, {place}, 1)) - 1) % 10"

    sums = [f"{weight} * ({worth(place)})" for place, weight in enumerate(VIN_WEIGHTS[:13], 1) if weight]
    # the last four are digits, read as one number n: the digit of 10^k is n // 10^k - 10 * (n // 10^(k+1))
    number, weights = digits_of(text, 14, 4), VIN_WEIGHTS[:12:-1]
    sums += [
        f"{last - 10 * before} * ({number} // {10**k})" for k, (before, last) in enumerate(pairwise((0, *weights)))
    ]
    check = f"instr('0123456789X', substr({text}, {VIN_CHECK_PLACE}, 1)) - 1"
    form = r"[A-HJ-NPR-Z0-9]{8}[0-9X][A-HJ-NPR-Z0-9]{4}\d{4}"
    formed = f"regexp_full_match({text}, '{form}')"
    return _sure(f"({' + '.join(sums)}) % 11 + 22 * CAST(NOT {formed} AS INTEGER) = {check}", text)


def _luhn(text: str) -> str:
    """By whole numbers alone: a pair p of digits a, b adds b + 2a, less 9 where a > 4, which is p - 8a + p // 50 (mod
    10); each of these comes from n by divisions, as pairs do: p = n // 100^k - 100 (n // 100^(k + 1))."""
    before, last = digits_of(f"left({text}, length({text}) - 2)", 1, 17), digits_of(f"substr({text}, -2)", 1, 2)
    terms = [before, *(f"9 * ({before} // {100**k})" for k in range(1, 9))]
    terms += [f"2 * ({before} // {10 * 100**k})" for k in range(9)]
    terms += [f"{before} // {50 * 100**k}" for k in range(9)]
    terms += [last, f"2 * ({last} // 10)", f"{last} // 50"]
    form = rf"regexp_full_match({text}, '\d{{12,19}}')"
    return _sure(f"({' + '.join(terms)}) % 10 + 10 * CAST(NOT {form} AS INTEGER) = 0", text)


def _division_code(text: str) -> str:
    areas = "|".join(PROVINCES.split())
    inner = r"00(00)?|(0[1-9]|[1-6]\d|70|90)\d{2}"
    return f"regexp_full_match({text}, '({areas})({inner})') AND length({text}) = 6"


def _iso_date(text: str) -> str:
    plain = f"TRY_CAST(replace({text}, '-', '') AS BIGINT)"
    real = true_day(f"({plain} // 10000)", f"({plain} // 100 % 100)", f"({plain} % 100)")
    return rf"regexp_full_match({text}, '\d{{4}}(-\d{{2}}-\d{{2}}|\d{{4}})') AND {_sure(f'{real} = 1', text)}"


def _degrees(limit: int) -> Callable[[str], str]:
    def form(text: str) -> str:
        inside = _sure(f"abs(TRY_CAST({text} AS DOUBLE)) <= {limit}", text)
        return f"regexp_full_match({text}, '{DEGREES}') AND {inside}"

    return form


def _written(pattern: str, longest: int | None = None) -> Callable[[str], str]:
    def form(text: str) -> str:
        short = f" AND length({text}) <= {longest}" if longest else ""
        return f"regexp_full_match({text}, '{pattern}'){short}"

    return form


def _named(checks: Iterable[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


CHECKS: Map[str, Check] = _named(
    (
        Check("plate", Text("GA 36-2018 号牌", "number plate of GA 36-2018"), _written(PLATE)),
        Check("resident_id", Text("GB 11643-1999 公民身份号码（18 位）", "resident id of GB 11643-1999, 18 signs"),
              _resident_id),
        Check("credit_code", Text("GB 32100-2015 统一社会信用代码", "unified social credit code of GB 32100-2015"),
              _credit_code),
        Check("vin", Text("GB 16735 / ISO 3779 车辆识别代号", "vehicle identification number of ISO 3779"), _vin),
        Check("phone", Text("中国电话号码或 E.164 号码", "Chinese or E.164 phone number"), _written(PHONE, 24)),
        Check("division_code", Text("GB/T 2260 行政区划代码（仅格式）", "division code of GB/T 2260 (its form alone)"),
              _division_code),
        Check("luhn", Text("GB/T 15694 (Luhn) 校验的 12 至 19 位卡号", "card number of 12-19 digits with a Luhn check"),
              _luhn),
        Check("email", Text("RFC 5321 电子邮箱", "e-mail address of RFC 5321"), _written(EMAIL, 254)),
        Check("url", Text("http(s) 网址", "http(s) address"), _written(URL, 2048)),
        Check("uuid", Text("RFC 9562 UUID", "UUID of RFC 9562"), _written(UUID)),
        Check("iso_date", Text("GB/T 7408 日期（存在的一天）", "date of ISO 8601, a day that exists"), _iso_date),
        Check("longitude", Text("十进制经度", "longitude in decimal degrees"), _degrees(180)),
        Check("latitude", Text("十进制纬度", "latitude in decimal degrees"), _degrees(90)),
    )
)  # fmt: skip

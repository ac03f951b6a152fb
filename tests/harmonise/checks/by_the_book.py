"""The standards of the value checks in plain Python, as slow and as literal as they are written."""

from __future__ import annotations

import re
from datetime import date

AREAS = {11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62,
         63, 64, 65, 71, 81, 82, 83}  # fmt: skip
DIGITS = "0123456789"
ALPHABET = DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _digits(text: str) -> bool:
    return all(sign in DIGITS for sign in text)


def resident_check(first: str) -> str:
    """GB 11643-1999, 7.1 and ISO 7064 MOD 11-2: weights are 2 to the power of (place from the right - 1)."""
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return "10X98765432"[sum(int(sign) * weight for sign, weight in zip(first, weights, strict=True)) % 11]


def resident_id(text: str) -> bool:
    if len(text) != 18 or not _digits(text[:17]) or int(text[:2]) not in AREAS:
        return False
    year, month, day = int(text[6:10]), int(text[10:12]), int(text[12:14])
    return 1850 <= year <= 2100 and real_day(year, month, day) and text[17] == resident_check(text[:17])


def real_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def credit_check(first: str) -> str:
    """GB 32100-2015, 4.2: 31 - (sum of value times 3^(place-1) mod 31)."""
    total = sum(CREDIT.index(sign) * 3**place for place, sign in enumerate(first))
    return CREDIT[(31 - total % 31) % 31]


def credit_code(text: str) -> bool:
    if len(text) != 18 or any(sign not in CREDIT for sign in text) or not _digits(text[2:8]):
        return False
    return text[0] in "123456789ANY" and text[1] in "123456789" and text[17] == credit_check(text[:17])


def organisation_check(first: str) -> str:
    """GB 11714-1997: 11 - (sum of value times weight mod 11); 10 is X, 11 is 0. Values of letters: A 10 ... Z 35."""
    weights = [3, 7, 9, 10, 5, 8, 4, 2]
    left = 11 - sum(int(sign, 36) * weight for sign, weight in zip(first, weights, strict=True)) % 11
    return {10: "X", 11: "0"}.get(left, str(left))


LETTERS = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9],
                   strict=True))  # fmt: skip
VIN = LETTERS | {sign: int(sign) for sign in DIGITS}


def vin_check(text: str) -> str:
    """GB 16735 annex, ISO 3779: place 9 is the check."""
    weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]
    left = sum(VIN[sign] * weight for sign, weight in zip(text, weights, strict=True)) % 11
    return "X" if left == 10 else str(left)


def vin(text: str) -> bool:
    if len(text) != 17 or any(sign not in VIN for sign in text) or not _digits(text[13:]):
        return False
    return text[8] == vin_check(text)


def luhn(text: str) -> bool:
    if not (12 <= len(text) <= 19 and _digits(text) and text):
        return False
    total = 0
    for place, sign in enumerate(reversed(text)):
        doubled = int(sign) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def iso_date(text: str) -> bool:
    form = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})|([0-9]{4})([0-9]{2})([0-9]{2})", text)
    return bool(form) and real_day(*(int(part) for part in form.groups() if part is not None))


def division_code(text: str) -> bool:
    """GB/T 2260-2007, clause 4: province, prefecture (01-20 and 51-70 cities, 21-50 areas, 90 direct), county."""
    if len(text) != 6 or not _digits(text) or int(text[:2]) not in AREAS - {83}:
        return False
    prefecture, county = int(text[2:4]), int(text[4:])
    return county == 0 if prefecture == 0 else prefecture <= 70 or prefecture == 90

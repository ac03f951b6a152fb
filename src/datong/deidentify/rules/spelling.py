"""Texts that a reader takes for the same: full-width signs, spaces around and between, signs that are not seen.

Two ways of writing one illness are one sensitive value, and two of one id are one person; counted apart they would make
a class look more diverse, or larger, than it is. Case is left alone: codes may differ by it. Must never know: tables.
Contract: tests/deidentify/test_recoding_refusals.py, test_deidentify_table_risk.py and
treatments/test_treatments_values.py.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

from datong.engine.model import literal
from datong.ground.signs import NARROW, UNSEEN, WIDE


def one_spelling(text: str) -> str:
    """The text in the one way of writing that all its twins share (Unicode NFKC, no signs of category Cf)."""
    if text.isascii():
        return " ".join(text.split())
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return " ".join(seen.split())


def in_sql(text: str) -> str:
    """The same of an SQL text for ids: full-width signs narrow, unseen ones out, none around. Looks first, as most ids
    are ASCII; of those spaces around were taken when they were harmonised."""
    narrow = f"trim(regexp_replace(translate({text}, {literal(WIDE)}, {literal(NARROW)}), '[{UNSEEN}]', '', 'g'))"
    return f"CASE WHEN strlen({text}) = length({text}) THEN {text} ELSE {narrow} END"


def twins(values: Iterable[str]) -> list[str]:
    """Those of different texts that differ from another one in how they are written alone."""
    given = list(values)
    times = Counter(map(one_spelling, given))
    return [value for value in given if times[one_spelling(value)] > 1]

"""Code tables: what a code means, and the codes that were not yet, or no longer, in use on the day of their row."""

from __future__ import annotations

from datong.engine.model import literal
from datong.harmonise.model.mappings import Code, Codes, Column
from datong.harmonise.rules.conversions.names import Cases, clean, value

LOOKED_UP_FROM = 20
"""Codes from which a table is looked up: of a CASE every row is asked for one code after the other."""


def decoded(text: str, codes: Codes) -> str:
    """What the code in a cleaned text means, or NULL."""
    if codes.whole and not codes.on and len(codes.entries) >= LOOKED_UP_FROM:
        rows = ", ".join(f"({literal(code.starts)}, {literal(code.to)})" for code in codes.entries)
        return f"(SELECT min(meant) FROM (VALUES {rows}) AS codes(code, meant) WHERE code = {text})"
    whens = [
        f"WHEN {_is_code(text, code, codes)} THEN {_meant(codes, _succession(codes, code))}" for code in codes.entries
    ]
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


def out_of_time(column: Column, *, early: bool) -> Cases:
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

"""The treatments by the names a plan gives them: their options, what they leave behind, and how they are applied.

Must never know: plans' texts, files.
Contract: tests/deidentify/treatments/test_treatments_plan.py, docs/reference/treatments.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from datong.deidentify.model.treatments import BadValues, Remains
from datong.deidentify.rules.recoding.hierarchy import Hierarchy
from datong.deidentify.rules.treatments import cells, dates, numbers, places, tokens
from datong.deidentify.rules.treatments.columns import Column, texts
from datong.deidentify.rules.treatments.ff1 import FF1, ff1_column
from datong.deidentify.rules.treatments.generalising import GENERALISED, generalised
from datong.deidentify.rules.treatments.small_domains import PERMUTED, permuted_column
from datong.ground.refusal import Text

ALPHABETS = {
    "digits": "0123456789",
    "letters": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "alphanumeric": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}
"""Alphabets that have a name; a plan may also write the signs themselves."""


@dataclass(frozen=True)
class Option:
    """One option. kind: number | whole | word | text | column | columns; low: the least number, itself allowed unless
    `above`; words: what may stand there."""

    kind: str
    needed: bool = False
    low: float | None = None
    high: float | None = None
    above: bool = False
    words: tuple[str, ...] = ()
    default: Any = None


@dataclass(frozen=True)
class Given:
    """What a treatment gets: its column, the options, the whole original table, a way to keys by their use, and the
    hierarchies by the files that the plan names."""

    column: Column
    options: Mapping[str, Any]
    table: Mapping[str, Column]
    key: Callable[[str], bytes]
    hierarchies: Mapping[str, Hierarchy] = field(default_factory=dict)


@dataclass(frozen=True)
class Treatment:
    title: Text
    remains: Callable[[Mapping[str, Any]], Remains]
    does: Callable[[Given], Column | None]
    options: Mapping[str, Option] = field(default_factory=dict)
    keyed: bool = False


def alphabet_of(said: str) -> str:
    return ALPHABETS.get(said, said)


def _always(remains: Remains) -> Callable[[Mapping[str, Any]], Remains]:
    return lambda _: remains


def _token(given: Given) -> Column:
    by = given.options["by"]
    make = {"aes": tokens.aes_tokens, "sm4": tokens.sm4_tokens, "hmac": tokens.hmac_tokens}
    return make[by](texts(given.column), given.key(f"token {by}"))


def _ff1(given: Given) -> Column:
    alphabet, tweak = alphabet_of(given.options["alphabet"]), given.options["tweak"].encode()
    return ff1_column(texts(given.column), alphabet, given.key("ff1"), tweak)


def _permuted(given: Given) -> Column:
    return permuted_column(texts(given.column), alphabet_of(given.options["alphabet"]), given.key("permuted"))


def _generalised(given: Given) -> Column:
    return generalised(texts(given.column), given.hierarchies[given.options["hierarchy"]], given.options["level"])


def _rounded(given: Given) -> Column:
    return numbers.rounded(given.column, given.options["step"])


def _coded(given: Given) -> Column:
    bottom, top = given.options["bottom"], given.options["top"]
    if bottom is None and top is None:
        raise BadValues("bottom 与 top 至少写一个", "at least one of bottom and top should be given")
    if bottom is not None and top is not None and bottom > top:
        raise BadValues("bottom 大于 top", "bottom is above top")
    return numbers.coded(given.column, bottom, top)


def _noise(given: Given) -> Column:
    said = given.options
    whose = given.table[said["subject"]] if said["subject"] else None
    return numbers.noised(given.column, said["scale"], said["distribution"], given.key("noise"), whose)


def _micro(given: Given) -> Column:
    others = [given.table[name] for name in given.options["with"]]
    whose = given.table[given.options["persons"]] if given.options["persons"] else None
    return numbers.micro_aggregated([given.column, *others], given.options["k"], given.options["p"] or 0, whose)[0]


def _shifted(given: Given) -> Column:
    subjects, days = given.table[given.options["subject"]], given.options["days"]
    return dates.shifted(given.column, subjects, days, given.key("shift"), given.options["format"])


def _coarser(given: Given) -> Column:
    return dates.coarser(given.column, given.options["unit"], given.options["format"])


def _grid(given: Given) -> Column:
    return places.grid_cells(given.column, given.table[given.options["latitude"]], given.options["metres"])


def _h3(given: Given) -> Column:
    return places.h3_cells(given.column, given.table[given.options["latitude"]], given.options["resolution"])


_DOMAIN = {"domain": Option("text", default="")}
_FORMAT = {"format": Option("text", default="")}
_ALPHABET = {"alphabet": Option("text", needed=True)}

KNOWN: Mapping[str, Treatment] = {
    "keep": Treatment(Text("原样保留", "kept as it is"), _always(cells.KEPT), lambda given: given.column),
    "drop": Treatment(Text("删去该列", "left out"), _always(cells.DROPPED), lambda given: None),
    "masked": Treatment(
        Text("遮盖", "every value masked"), _always(cells.CONSTANT), lambda given: cells.masked(given.column)
    ),
    "token": Treatment(
        Text("带密钥的假名", "keyed tokens"),
        lambda options: tokens.HMAC if options["by"] == "hmac" else tokens.AES, _token,
        {"by": Option("word", words=("hmac", "aes", "sm4"), default="hmac"), **_DOMAIN}, keyed=True,
    ),
    "ff1": Treatment(
        Text("保形加密（NIST SP 800-38G FF1）", "format-preserving encryption (NIST SP 800-38G FF1)"), _always(FF1),
        _ff1, {**_ALPHABET, "tweak": Option("text", default=""), **_DOMAIN}, keyed=True,
    ),
    "permuted": Treatment(
        Text("小取值域上带密钥的随机置换", "a keyed random permutation of a small domain"), _always(PERMUTED),
        _permuted, {**_ALPHABET, **_DOMAIN}, keyed=True,
    ),
    "generalised": Treatment(
        Text("按层级文件泛化", "generalised by a hierarchy file"), _always(GENERALISED), _generalised,
        {"hierarchy": Option("text", needed=True), "level": Option("whole", needed=True, low=1)},
    ),
    "rounded": Treatment(
        Text("数值取整", "numbers rounded"), _always(numbers.ROUNDED), _rounded,
        {"step": Option("number", needed=True, low=0, above=True)},
    ),
    "coded": Treatment(
        Text("首尾编码", "top and bottom coding"), _always(numbers.CODED), _coded,
        {"bottom": Option("number"), "top": Option("number")},
    ),
    "noise": Treatment(
        Text("加噪声（非差分隐私）", "noise (not differential privacy)"), _always(numbers.NOISE), _noise,
        {"scale": Option("number", needed=True, low=0, above=True),
         "distribution": Option("word", words=("normal", "laplace"), default="normal"),
         "subject": Option("column", default="")}, keyed=True,
    ),
    "micro_aggregated": Treatment(
        Text("微聚集", "micro-aggregation"), _always(numbers.MICRO), _micro,
        {"k": Option("whole", needed=True, low=2), "with": Option("columns", default=()),
         "p": Option("whole", low=1, high=100), "persons": Option("column", default="")},
    ),
    "shifted": Treatment(
        Text("按主体带密钥平移日期", "dates shifted by a keyed offset per subject"), _always(dates.SHIFTED), _shifted,
        {"subject": Option("column", needed=True), "days": Option("whole", needed=True, low=1, high=36_500),
         **_FORMAT, **_DOMAIN}, keyed=True,
    ),
    "coarser": Treatment(
        Text("较粗的时间单位", "times to a coarser unit"), _always(dates.COARSER), _coarser,
        {"unit": Option("word", needed=True, words=dates.UNITS), **_FORMAT},
    ),
    "grid": Treatment(
        Text("方格网", "cells of a square grid"), _always(places.CELLS), _grid,
        {"latitude": Option("column", needed=True), "metres": Option("number", needed=True, low=1, high=1_000_000)},
    ),
    "h3": Treatment(
        Text("H3 网格", "H3 cells"), _always(places.CELLS), _h3,
        {"latitude": Option("column", needed=True), "resolution": Option("whole", needed=True, low=0, high=15)},
    ),
    "rare_blanked": Treatment(
        Text("少见的值置空", "rare values left empty"), _always(cells.BLANKED),
        lambda given: cells.rare_blanked(given.column, given.options["fewest"]),
        {"fewest": Option("whole", needed=True, low=2)},
    ),
}  # fmt: skip

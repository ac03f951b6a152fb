"""Evidence that a column means a candidate, as numbers between 0 and 1 each of which can be said in words.

What a name says comes from `names`, what values say from `values`; here both are held against what a candidate wants:
an element its check, type, lengths and code table, a column of another table the look of its own values.
Must never know: how evidence is weighed (scores). Contract: tests/harmonise/matching/test_matching_proposals.py.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from datong.harmonise.model.elements import CodeTable, DataElement, Format
from datong.harmonise.model.mappings import Type
from datong.harmonise.model.matching import Named, Profile, Way
from datong.harmonise.rules.matching import declared, qualifiers
from datong.harmonise.rules.matching.glossary import glossary
from datong.harmonise.rules.matching.names import best_of
from datong.harmonise.rules.matching.values import SELECTIVE
from datong.harmonise.rules.matching.words import readings

FEATURES = (
    "word", "sound", "parts", "spelling", "comment", "best_name", "crowd", "nameless", "no_values",
    "wanted", "unwanted", "foreign", "type_bad", "length_bad", "codes", "codes_bad", "sameness", "declared",
    "ends", "swapped", "order", "kin", "half",
)  # fmt: skip
"""Evidence for (column, element), in the order of the weights."""
TABLE_FEATURES = (
    "word", "sound", "parts", "spelling", "comment", "best_name", "nameless", "no_values", "same_kind",
    "other_kind", "type_bad", "alike", "shared_values", "same_range", "same_codes", "meaning", "both_blank",
    "same_beginning", "same_heaps", "scaled", "contained", "declared", "ends", "swapped", "order",
)  # fmt: skip
"""Evidence for (column, column of another table), in the order of the weights."""

NAMED = 5
"""So many of them, the first ones, are what the name and the comment say."""

CHECKED = {
    "plate": ("plate",), "resident_id": ("resident_id",), "credit_code": ("credit_code",), "vin": ("vin",),
    "phone": ("phone", "landline"), "division_code": ("division_code",), "luhn": ("luhn",), "email": ("email",),
    "url": ("url",), "uuid": ("uuid",), "iso_date": ("date", "timestamp"), "longitude": ("longitude",),
    "latitude": ("latitude",),
}  # fmt: skip
"""The checks of the library by the kinds of values that pass them."""
TYPED = {
    Type.date: ("date", "timestamp"), Type.timestamp: ("timestamp", "date", "time"), Type.integer: ("integer",),
    Type.number: ("number",), Type.boolean: ("boolean",),
}  # fmt: skip
SPECIFIC = {
    **dict.fromkeys(("plate", "resident_id", "credit_code", "vin", "email", "uuid"), 1.0),
    **dict.fromkeys(("phone", "landline", "url", "address", "person", "organisation", "luhn", "ip"), 0.8),
    **dict.fromkeys(("date", "timestamp", "division_code"), 0.6),
    **dict.fromkeys(("longitude", "latitude", "time"), 0.5),
    **dict.fromkeys(("boolean", "number", "integer"), 0.25),
}  # fmt: skip
"""How much being of a kind says about what a column means."""
_WORDLESS = 0.8
_SPOKEN = (
    (("人", "员", "者", "姓名", "代表"), ("person", "organisation", "words")),
    (("地址", "住址", "地", "坐落"), ("address",)),
    (("单位名称", "机构名称", "企业名称", "公司名称", "医院名称"), ("organisation",)),
)
"""What the end of a Chinese name lets one expect of the values, where type and check say nothing."""


@dataclass(frozen=True)
class Column:
    """A column as it is matched: what its name and comment are near to, and what its values look like."""

    path: str
    names: Map[int, Map[Way, Named]]
    comments: Map[int, Named]
    profile: Profile
    nameless: bool
    declared: str = ""
    texts: tuple[str, ...] = ()
    """What of its path and its comment is a name."""
    best: float = 0.0
    exact: int = 0
    """How many candidates its name is a word of."""


@dataclass(frozen=True)
class Found:
    """The evidence of one pair, and the parts of it that a person is told."""

    features: tuple[float, ...]
    name: Named | None = None
    kind: str = ""
    share: float = 0.0
    code_share: float = 0.0
    against: str = ""
    more: Map[str, float] = field(default_factory=dict)


def name_of(column: Column, candidate: int) -> tuple[Named | None, list[float]]:
    """The best of what the name says, and [word, sound, parts, spelling, comment]."""
    ways = column.names.get(candidate, {})
    told = {way: named.score for way, named in ways.items()}
    comment = column.comments.get(candidate)
    word = told.get(Way.word, 0.0)
    sound = max(told.get(Way.sound, 0.0), told.get(Way.initials, 0.0), told.get(Way.mixed, 0.0))
    parts, spelling = told.get(Way.parts, 0.0), told.get(Way.spelling, 0.0)
    best = best_of(ways.values())
    if comment is not None and (best is None or comment.score > best.score):
        best = comment
    return best, [word, sound, parts, spelling, comment.score if comment else 0.0]


@dataclass(frozen=True)
class Wish:
    """What an element lets one expect of values. strict: values of another kind are plainly wrong."""

    kinds: tuple[str, ...]
    strict: bool
    type: Type
    format: Format
    codes: str
    heads: frozenset[str]
    spoken: bool = False
    """It is a name or an address, by the end of its own name."""


@dataclass(frozen=True)
class Fit:
    """What the values say for and against one wish: part of the features, and what a person is told."""

    features: tuple[float, ...]
    kind: str
    share: float
    code_share: float
    against: str


def wish_of(element: DataElement) -> Wish:
    kinds, strict = _wanted(element)
    spoken = bool({"person", "organisation", "address"} & set(kinds))
    return Wish(kinds, strict, element.type, element.shape, element.codes, heads_of(element.zh), spoken)


def for_element(column: Column, number: int, fit: Fit, said: Sequence[str] = ()) -> Found:
    """Evidence that `column` means the candidate of that number, whose wish its values fit so. said: the candidate's
    own names. What the other columns say is not known yet (`in_context`)."""
    best, named = name_of(column, number)
    score = max(named)
    by_name = (
        *named,
        score - column.best if column.best else 0.0,
        1 / column.exact if column.exact and named[0] else 0.0,
    )
    beside = (*qualifiers.compared(column.texts, said), 0.0, 0.0, 0.0)
    return Found((*by_name, *fit.features, *beside), best, fit.kind, fit.share, fit.code_share, fit.against)


def in_context(found: Found, features: Sequence[str], **told: float) -> Found:
    """The same evidence with what the other columns of the table say: order, kin, half."""
    values = list(found.features)
    for name, value in told.items():
        values[features.index(name)] = value
    return replace(found, features=tuple(values))


def fit_of(column: Column, wish: Wish, table: CodeTable | None) -> Fit:
    """What the values of `column` say for and against `wish`."""
    look = column.profile
    kind = max(wish.kinds, key=look.share, default="")
    share = look.share(kind)
    foreign_kind, foreign = _foreign(look, wish)
    spoken, known = code_fit(look, table)
    listed = table is not None and bool(table.entries) and not table.partial and look.filled > 0
    features = {
        "nameless": float(column.nameless),
        "no_values": float(not look.filled),
        "wanted": share * SPECIFIC.get(kind, 0.25) if look.filled else 0.0,
        "unwanted": _unwanted(look, wish, share),
        "foreign": foreign,
        "type_bad": _type_bad(look, wish),
        "length_bad": _length_bad(look, wish),
        "codes": spoken,
        "codes_bad": float(listed) * (1 - known),
        "sameness": _sameness(look, wish),
        "declared": declared.of_element(column.declared, wish.type, wish.format) if column.declared else 0.0,
    }
    return Fit(
        tuple(features[name] for name in FEATURES[7:18]), kind if share > 0.5 else "", share, known if spoken else 0.0,
        foreign_kind if foreign > 0.6 else "",
    )  # fmt: skip


def _wanted(element: DataElement) -> tuple[tuple[str, ...], bool]:
    """The kinds of values an element wants, and whether others are plainly wrong."""
    if element.check:
        return CHECKED[element.check], True
    if element.type in TYPED:
        return TYPED[element.type], element.type is not Type.boolean
    if element.codes or element.shape.kind == "n":
        return (), False
    return next((kinds for ends, kinds in _SPOKEN if element.zh.endswith(ends)), ()), False


def _unwanted(look: Profile, wish: Wish, share: float) -> float:
    """How far the values are not what the element must have; of names and addresses only that they are words at all
    (the 单位 of a laboratory holds mg/L and is no organisation)."""
    if not look.filled:
        return 0.0
    if wish.strict:
        return 1 - share
    worded = look.share("chinese") + look.share("words") + share
    return _WORDLESS * (worded < 0.1) if wish.spoken else 0.0


def _foreign(look: Profile, wish: Wish) -> tuple[str, float]:
    """The kind that the values are plainly of and that the element does not want."""
    if not look.filled or (wish.type is Type.string and not wish.kinds and wish.format.kind == "u"):
        return "", 0.0
    welcome = set(wish.kinds)
    if {"date", "timestamp"} & welcome:
        welcome |= {"date", "timestamp", "landline"}
    kind = max((kind for kind in SELECTIVE if kind not in welcome), key=look.share)
    weight = 0.5 if kind in ("person", "organisation", "address", "date") and not wish.kinds else 1.0
    return kind, look.share(kind) * weight


def _type_bad(look: Profile, wish: Wish) -> float:
    if not look.filled:
        return 0.0
    if wish.type is Type.number:
        return 1 - look.share("number")
    if wish.type is Type.integer:
        return max(1 - look.share("number"), 0.7 * look.share("fraction"))
    if wish.type in (Type.date, Type.timestamp):
        return 1 - max(look.share("date"), look.share("timestamp"), look.share("time") * 0.8)
    if wish.type is Type.boolean:
        return float(look.distinct > 4)
    return 0.6 * look.share("fraction") if wish.format.kind == "c" and not wish.codes else 0.0


def _length_bad(look: Profile, wish: Wish) -> float:
    """How far the lengths leave what the element's format allows."""
    shape = wish.format
    if not look.filled or wish.type is not Type.string or wish.codes or shape.longest is None:
        return 0.0
    if shape.shortest == shape.longest and look.usual_length:
        return min(1.0, abs(look.usual_length - shape.longest) / shape.longest)
    if look.usual_length > shape.longest:
        return min(1.0, (look.usual_length - shape.longest) / shape.longest)
    return min(1.0, max(0.0, shape.shortest - look.usual_length) / max(shape.shortest, 1))


def code_fit(look: Profile, table: CodeTable | None) -> tuple[float, float]:
    """(how much the values speak for the table, share of distinct values it knows). Bare digits fit many tables and
    say little; words say much."""
    if table is None or not table.entries or not look.texts:
        return 0.0, 0.0
    codes, ways = table.ways
    texts = look.texts
    begins = tuple(codes)
    coded = texts & codes if table.whole else frozenset(text for text in texts if text.startswith(begins))
    worded = texts & ways
    known = len(coded | worded) / len(texts)
    bare = all(len(text) <= 2 and text.isdigit() for text in coded | worded)
    few = look.distinct <= 2 * len(codes) + 3
    return known * (0.25 if bare else 0.7 if all(len(text) <= 1 for text in coded | worded) else 1.0) * few, known


def _sameness(look: Profile, wish: Wish) -> float:
    """-1..1: whether the values repeat as the element's last word lets one expect: ids seldom, kinds often."""
    if look.filled < 10 or not wish.heads:
        return 0.0
    return 2 * look.distinct_share - 1 if "id" in wish.heads else 1 - 2 * look.distinct_share


@functools.lru_cache(maxsize=5_000)
def heads_of(zh: str) -> frozenset[str]:
    """id: ends in 编号, 号码; kind: ends in 类型, 状态, 代码."""
    read = readings(zh)
    if not read:
        return frozenset()
    last, known = read[0].units[-1].meanings, glossary().chinese
    ids, kinds = known["编号"], known["类型"] | known["状态"] | known["代码"] | known["性别"]
    return frozenset(name for name, lines in (("id", ids), ("kind", kinds)) if last & lines)

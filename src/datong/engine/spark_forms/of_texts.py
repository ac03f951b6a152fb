"""Forms of what is done to texts.

Must never know: what the steps mean, sessions. Contract: tests/engine/test_engine_spark.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from datong.engine import spark_texts as texts
from datong.engine.spark_forms.kinds import Lacks, kind_of
from datong.engine.spark_forms.of_casts import as_text
from datong.engine.spark_forms.writing import formed, is_text, once, quoted, raised, spark_sql


def _pattern(node: Any) -> str:
    if not is_text(node):
        raise Lacks("regular expressions", "only written out")
    return str(node.this)


def _java(pattern: str, **how: bool) -> Any:
    try:
        return quoted(texts.java(pattern, **how))
    except LookupError as lacking:
        raise Lacks(str(lacking.args[0]), "Spark's regular expressions are others") from None


def _regexp_options(node: Any, options: Any) -> dict[str, bool]:
    given = options.name if options is not None else ""
    if set(given) - set("csig"):
        raise Lacks(f"{node.key} with {given}", "an option without a counterpart")
    return {"fold": "i" in given, "dot_all": "s" in given}


def regexp_matches(node: Any) -> Any:
    how = _regexp_options(node, node.args.get("flag"))
    return spark_sql("_0 RLIKE _1", formed(node.this), _java(_pattern(node.expression), **how))


def regexp_full_match(node: Any) -> Any:
    how = _regexp_options(node, node.args.get("options"))
    pattern = rf"^(?:{_pattern(node.expression)})\z"
    return spark_sql("_0 RLIKE _1", formed(node.this), _java(pattern, **how))


def regexp_extract(node: Any) -> Any:
    group = node.args.get("group")
    pattern = _java(_pattern(node.expression), **_regexp_options(node, node.args.get("parameters")))
    if isinstance(group, exp.Array):
        names = [one.name for one in group.expressions]
        fields = ", ".join(f"'{name}', regexp_extract(_0, _1, {n})" for n, name in enumerate(names, 1))
        there = f"CASE WHEN _0 IS NOT NULL THEN named_struct({fields}) END"
        return once(formed(node.this), lambda it: spark_sql(there, it, pattern))
    if group is not None and not (isinstance(group, exp.Literal) and group.is_int):
        raise Lacks("regexp_extract", "only with a group written out")
    if group is not None and int(group.name) > texts.groups(_pattern(node.expression)):
        raise Lacks("regexp_extract", "of a group that the pattern does not have")
    return spark_sql(f"regexp_extract(_0, _1, {group.name if group is not None else 0})", formed(node.this), pattern)


def regexp_replace(node: Any) -> Any:
    """Of every match (g), or of the first: then all that stands before it is matched, and put back, too."""
    pattern, to = _pattern(node.expression), node.args["replacement"]
    modifiers = node.args.get("modifiers")
    how = _regexp_options(node, modifiers)
    if not is_text(to):
        raise Lacks("regexp_replace", "only by a text written out")
    everywhere = modifiers is not None and "g" in modifiers.name
    try:
        if everywhere:
            if texts.may_be_empty(pattern):
                raise Lacks("regexp_replace", "of matches that may be empty")
            return spark_sql("regexp_replace(_0, _1, _2)", formed(node.this), _java(pattern, **how),
                        quoted(texts.replacement(to.name)))  # fmt: skip
        first = quoted("\\A((?s:.*?))(" + texts.java(pattern, **how) + ")")
        put = quoted("$1" + texts.replacement(to.name, 2))
        return spark_sql("regexp_replace(_0, _1, _2)", formed(node.this), first, put)
    except Lacks:
        raise
    except LookupError as lacking:
        raise Lacks(str(lacking.args[0]), "Spark's regular expressions are others") from None


def _count(node: Any) -> int | None:
    """A whole number that is written out."""
    sign, value = (-1, node.this) if isinstance(node, exp.Neg) else (1, node)
    return sign * int(value.name) if isinstance(value, exp.Literal) and value.is_int else None


def side(name: str) -> Callable[[Any], Any]:
    """left and right: below 0, all but so many signs. Spark would give none."""

    def change(node: Any) -> Any:
        count, number = _count(node.expression), formed(node.expression)
        if count is not None and count >= 0:
            return spark_sql(f"{name}(_0, _1)", formed(node.this), number)
        most = "CASE WHEN _1 < 0 THEN greatest(char_length(_0) + _1, 0) WHEN _1 < 2147483647 THEN _1 "
        text = f"{name}(_0, CAST({most} WHEN _1 IS NOT NULL THEN 2147483647 END AS INT))"
        return once(formed(node.this), lambda it: once(number, lambda n: spark_sql(text, it, n)))

    return change


def substring(node: Any) -> Any:
    """Place 0 stands before the first sign and counts; backwards (a length below 0) only DuckDB goes."""
    text, start = formed(node.this), formed(node.args["start"])
    if (length := node.args.get("length")) is None:
        return spark_sql("substring(_0, _1)", text, start)
    place, count, number = _count(node.args["start"]), _count(length), formed(length)
    if count is not None and count < 0:
        raise Lacks("substring", "of a length below 0")
    if place and count is not None:
        return spark_sql("substring(_0, _1, _2)", text, start, number)
    told = raised("substring of a length below 0", "INT")
    there = "CASE WHEN _2 < 0 THEN _3 WHEN _1 = 0 AND _2 > 0 THEN _2 - 1 ELSE _2 END"
    whole = f"substring(_0, CAST(_1 AS INT), CAST({there} AS INT))"
    return once(start, lambda at: once(number, lambda n: spark_sql(whole, text, at, n, told)))


def split_part(node: Any) -> Any:
    """Part 0 is empty."""
    delimiter, part = node.args["delimiter"], node.args["part_index"]
    if not is_text(delimiter) or not delimiter.name:
        raise Lacks("split_part", "only at a text written out")
    given = formed(node.this), formed(delimiter), formed(part)
    if _count(part):
        return spark_sql("split_part(_0, _1, _2)", *given)
    text = "CASE WHEN _2 <> 0 THEN split_part(_0, _1, _2) WHEN _2 = 0 THEN left(_0, 0) END"
    return once(given[2], lambda n: spark_sql(text, given[0], given[1], n))


def split(node: Any) -> Any:
    if not is_text(node.expression) or not node.expression.name or r"\E" in node.expression.name:
        raise Lacks("string_split", "only at a text written out")


def padded(node: Any) -> Any:
    """With nothing, DuckDB ends with an error."""
    sign = node.args.get("fill_pattern")
    if sign is None or not is_text(sign) or not sign.name:
        raise Lacks("lpad, rpad", "only with signs written out")


def joined(node: Any) -> Any:
    """||, concat, concat_ws: of what is no text, the text that DuckDB writes."""
    if isinstance(node, exp.DPipe):
        return spark_sql("_0 || _1", as_text(node.this), as_text(node.expression))
    node.set("expressions", [as_text(one) for one in node.expressions])
    return node


def trimmed(node: Any) -> Any:
    """DuckDB trims the spaces of all scripts, Spark only the one of ASCII."""
    if node.args.get("expression") is not None:
        return None
    side = str(node.args.get("position") or "").upper()
    spaces = [r"^\p{Zs}+"] * (side != "TRAILING") + [r"\p{Zs}+\z"] * (side != "LEADING")
    return spark_sql("regexp_replace(_0, _1, '')", formed(node.this), quoted("|".join(spaces)))


_NEWER = "".join(
    map(
        chr,
        [
            *range(0x1C89, 0x1C8B),
            *range(0xA7CB, 0xA7D0),
            *range(0xA7D2, 0xA7D6),
            *range(0xA7DA, 0xA7DD),
            *range(0x10D50, 0x10D86),
            *range(0x16EA0, 0x16ED4),
        ],
    )
)
"""Letters of Unicode 16 and later, which DuckDB leaves as they are."""
_SEVERAL = "".join(c for c in map(chr, [*range(0x80, 0x2000), *range(0xFB00, 0xFB18)]) if len(c.upper()) > 1)
_ODD_CASES = {
    "upper": (_SEVERAL + "ɤƛ" + _NEWER, "".join(
        "ẞ" if c == "ß" else c.title() if len(c.title()) == 1 else c for c in _SEVERAL) + "ɤƛ" + _NEWER),
    "lower": ("İΣ" + _NEWER, "iσ" + _NEWER),
}  # fmt: skip
"""Letters that Spark makes several letters of, or another one at the end of a word, and what DuckDB makes of them."""


def cased(to: str) -> Callable[[Any], Any]:
    """Texts with odd letters are gone through sign by sign, all others are left to Spark."""
    odd, others = _ODD_CASES[to]
    text = (
        f"CASE WHEN _0 RLIKE _1 THEN array_join(transform(regexp_extract_all(_0, '(?s).', 0), "
        f"c -> CASE WHEN c RLIKE _1 THEN translate(c, _2, _3) ELSE {to}(c) END), '') ELSE {to}(_0) END"
    )

    def change(node: Any) -> Any:
        arguments = (quoted(f"[{odd}]"), quoted(odd), quoted(others))
        return once(formed(node.this), lambda it: spark_sql(text, it, *arguments))

    return change


_TOGETHER = r"[\\p{M}\\p{Cf}\\p{Cn}\\p{Sk}\r\\x{1100}-\\x{11FF}\\x{1F1E6}-\\x{1F1FF}]"
"""Signs that may be one with the sign before them."""


def turned_round(node: Any) -> Any:
    """Signs that belong together are turned around together by DuckDB: such texts are an error."""
    told = raised("reverse of signs that belong together", "STRING")
    return once(
        formed(node.this),
        lambda it: spark_sql(
            f"CASE WHEN _0 RLIKE '{_TOGETHER}' THEN _1 ELSE reverse(_0) END",
            it,
            told,
        ),
    )


def like(node: Any) -> Any:
    """A backslash is a sign like others for DuckDB."""
    pattern = str(node.expression.name)
    if isinstance(node.parent, exp.Escape):
        return None
    node.set("this", formed(node.this))
    node.set("expression", quoted(pattern.replace("\\", "\\\\")))
    if isinstance(node, exp.ILike):
        raise Lacks("ILIKE", "letters are folded otherwise")
    return node


def glob(node: Any) -> Any:
    """Of signs and sets of signs: what stands for any signs counts bytes for DuckDB."""
    pattern = str(node.expression.name) if is_text(node.expression) else "*"
    if not re.fullmatch(r"(\[-?[A-Za-z0-9 +]+(-[A-Za-z0-9])?\]|[A-Za-z0-9 :.+-])*", pattern):
        raise Lacks("GLOB", "only of signs and sets of signs")
    signs = re.sub(r"\[[^]]*\]|.", lambda part: part[0] if len(part[0]) > 1 else re.escape(part[0]), pattern)
    return spark_sql("_0 RLIKE _1", formed(node.this), quoted(rf"^(?:{signs})\z"))


def to_json(node: Any) -> Any:
    """Of texts, whole numbers, yes and no: other values are written otherwise."""
    inner = node.expressions[0] if isinstance(node, exp.Anonymous) else node.this
    if not kind_of(inner).startswith("STRUCT"):
        raise Lacks("to_json", "only of a struct")
    kinds = set(
        re.findall(r"(?:^| )([A-Z][A-Z]+)\b", re.sub(r'"(?:[^"]|"")*"', '" "', kind_of(inner)).replace("(", " "))
    )
    if not kinds or kinds - {"STRUCT", "BIGINT", "INTEGER", "VARCHAR", "BOOLEAN"}:
        raise Lacks("to_json", "of other values than texts, whole numbers, yes and no")
    return spark_sql("to_json(_0, map('ignoreNullFields', 'false'))", formed(inner))


def chr(node: Any) -> Any:
    return spark_sql("decode(unhex(lpad(hex(CAST(_0 AS BIGINT)), 8, '0')), 'UTF-32')", formed(node.expressions[0]))

"""The columns of a source as they are matched: what their names and comments are near to, what their values look like.

Must never know: elements, how evidence is weighed. Contract: tests/harmonise/matching/test_matching_proposals.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from datong.harmonise.model.matching import Named, Profile, Way
from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.rules.matching import names
from datong.harmonise.rules.matching.evidence import Column
from datong.harmonise.rules.matching.values import profile
from datong.harmonise.rules.matching.words import readings

_COMMENT_TRUST = 0.95


def profiles(columns: Sequence[SampleColumn]) -> list[Profile]:
    return [profile(column.values) for column in columns]


def columns_of(columns: Sequence[SampleColumn], words: names.Words, looks: Sequence[Profile]) -> list[Column]:
    """The columns with what their names and comments are near to, and the look of their values."""
    known = names.index(words)
    prefix = names.shared_prefix(tuple(sorted(column.path for column in columns)))
    return [_column(column, known, prefix, look) for column, look in zip(columns, looks, strict=True)]


def _column(column: SampleColumn, known: names.Index, prefix: str, look: Profile) -> Column:
    ways: dict[int, dict[Way, Named]] = {}
    texts = names.texts_of(column.path, prefix)
    for text, trust in texts:
        for number, found in names.named(known, text, trust).items():
            mine = ways.setdefault(number, {})
            for way, named in found.items():
                if way not in mine or named.score > mine[way].score:
                    mine[way] = named
    comments: dict[int, Named] = {}
    for text in comments_of(column.comment):
        for number, found in names.named(known, text, _COMMENT_TRUST).items():
            best = max(found.values(), key=lambda named: named.score)
            if number not in comments or best.score > comments[number].score:
                comments[number] = replace(best, by_comment=True)
    scores = [named.score for found in ways.values() for named in found.values()]
    scores += [named.score for named in comments.values()]
    exact = sum(1 for found in ways.values() if Way.word in found)
    nameless = not any(readings(text) for text, _ in texts) and max(scores, default=0.0) < 0.5
    said = (*(text for text, _ in texts), *comments_of(column.comment))
    return Column(
        column.path, ways, comments, look, nameless, column.declared_type, said,
        max(scores, default=0.0), exact,
    )  # fmt: skip


def comments_of(comment: str) -> tuple[str, ...]:
    """A comment, and its part before the first sign that begins an explanation: 性别：1男 2女."""
    whole = comment.strip()
    if not whole or len(whole) > 200:
        return (whole[:40],) if whole else ()
    first = whole
    for sign in ("：", ":", "，", ",", "。", "；", ";", "（", "("):
        first = first.split(sign, 1)[0]
    return tuple(dict.fromkeys(text for text in (whole, first.strip()) if text))

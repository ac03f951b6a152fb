"""Precision and recall per type, of findings against labels. Nothing here knows how they were found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

Pair = tuple[str, str]
"""(what a column is, what it was found to be); "other" is neither personal."""


def measured(pairs: Iterable[Pair]) -> dict[str, Any]:
    """Per type: columns that are of it, found as it, both; over all types micro figures, and how many other columns
    were left alone."""
    both, is_, found = Counter[str](), Counter[str](), Counter[str]()
    whole = list(pairs)
    for label, said in whole:
        is_[label] += 1
        found[said] += 1
        both[label] += label == said
    types = sorted({*is_, *found} - {"other"})
    per = {
        name: {
            "columns": is_[name], "found": found[name], "right": both[name],
            "precision": _share(both[name], found[name]), "recall": _share(both[name], is_[name]),
        }
        for name in types
    }  # fmt: skip
    right = sum(both[name] for name in types)
    personal = [(label, said) for label, said in whole if label != "other"]
    return {
        "columns": len(whole), "types": per,
        "precision": _share(right, sum(found[name] for name in types)),
        "recall": _share(right, sum(is_[name] for name in types)),
        "personal_recall": _share(sum(said != "other" for _, said in personal), len(personal)),
        "others": is_["other"], "others_left_alone": both["other"],
    }  # fmt: skip


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None

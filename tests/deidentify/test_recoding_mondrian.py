"""Mondrian: every class meets the model, the classes part the rows, the loss is that of their ranges."""

from __future__ import annotations

from collections import Counter
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.deidentify.model.recoding import Close, Diverse, Diversity, Loss, Method, Models

pytest.importorskip("numba", reason="the extra privacy is not installed")

from numba import njit

from datong.deidentify.rules.recoding import running

MODELS = [
    Models(k=2),
    Models(k=3, diverse=Diverse(2)),
    Models(k=2, diverse=Diverse(1.8, Diversity.entropy)),
    Models(k=2, close=Close(0.3)),
]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 60), st.sampled_from(MODELS))
def test_every_class_meets_the_model(seed: int, n: int, models: Models) -> None:
    rng = np.random.default_rng(seed)
    ranks = rng.integers(0, 9, (3, n)).astype(np.int32)
    senses = rng.integers(0, 3, (1, n)).astype(np.int32)
    counts = np.bincount(senses[0], minlength=3)
    asked = [running.Sensitive(counts, np.zeros((0, 0), np.int32))] if models.diverse or models.close else []
    parts = running.parted(ranks, [9, 9, 9], senses[: len(asked)], asked, models)
    ends = [*parts.starts[1:], n]
    assert sorted(parts.rows) == list(range(n))
    width = 0.0
    for c, (begin, end) in enumerate(zip(parts.starts, ends, strict=True)):
        rows = parts.rows[begin:end]
        assert len(rows) >= min(models.k, n)
        assert (ranks[:, rows].min(axis=1) == parts.low[c]).all()
        assert (ranks[:, rows].max(axis=1) == parts.high[c]).all()
        width += float((ranks[:, rows].max(axis=1) - ranks[:, rows].min(axis=1)).sum()) / 8 / 3 * len(rows)
        if len(parts.starts) > 1:  # one class is the table as it came, which the verb judges before
            here = Counter(senses[0, rows].tolist())
            shares = [x / len(rows) for x in here.values()]
            if models.diverse and models.diverse.kind is Diversity.distinct:
                assert len(here) >= 2
            if models.diverse and models.diverse.kind is Diversity.entropy:
                assert -sum(s * log(s) for s in shares) >= log(1.8) - 1e-9
            if models.close:
                assert sum(abs(here[v] / len(rows) - counts[v] / n) for v in range(3)) / 2 <= 0.3 + 1e-9
    assert running.parts_loss(parts, [9, 9, 9], Loss.ncp, n) == pytest.approx(width / n)
    assert running.parts_loss(parts, [9, 9, 9], Loss.aecs, n) == pytest.approx(n / len(parts.starts))


def test_the_first_use_says_that_it_compiles_and_no_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, told = njit(lambda x: x + 1), njit(lambda x: x + 2), []
    monkeypatch.setattr(running, "parted", lambda *_: (one(1), other(1)))
    for _ in range(2):
        running.warm(Method.mondrian, lambda: told.append("compiling"))
    assert told == ["compiling"]

"""What a refusal proposes: whoever does it passes the gate, for joint counts and for tables."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.deidentify.model.joint import Form
from datong.deidentify.rules.changes import for_counts, k_that_passes
from datong.deidentify.rules.recipe import FLOORS
from datong.deidentify.rules.risk import passes, risk

LOWEST = 0.25
FORMS = st.sampled_from(Form)


def counts(sizes: list[int], form: Form, cr: float, k: int, *, record: bool) -> str:
    figures = risk([("", size) for size in sizes], form, cr, k=k)
    return for_counts(figures, figures, record=record, lowest_cr=LOWEST).en


@given(
    sizes=st.lists(st.integers(3, 60), min_size=1, max_size=20), form=FORMS, cr=st.sampled_from([0.25, 0.4, 0.75, 1])
)
def test_what_is_proposed_for_counts_passes(sizes: list[int], form: Form, cr: float) -> None:
    k = FLOORS[form]
    sizes = [max(size, k) for size in sizes]
    now = risk([("", size) for size in sizes], form, cr, k=k)
    if passes(now):
        return
    said = counts(sizes, form, cr, k, record=cr < 1)
    if below := re.search(r"below (\d\.\d{3})", said):  # a better context, the data stay
        better = min(float(below[1]) - 0.001, 1.0)
        assert better >= LOWEST
        assert passes(risk([("", size) for size in sizes], form, better, k=k))
    else:
        new_k, at = re.search(r"k = (\d+) .* with CR (\d\.\d\d)", said).groups()  # type: ignore[union-attr]
        coarser = [max(size, int(new_k)) for size in sizes]
        for any_data in (coarser, [int(new_k)], [int(new_k)] * 50):
            assert passes(risk([("", size) for size in any_data], form, float(at), k=int(new_k)))


@pytest.mark.parametrize(("form", "cr", "k"), [
    (Form.public, 0.25, 21), (Form.controlled, 0.25, 6), (Form.controlled, 0.4, 9), (Form.controlled, 1.0, 21),
    (Form.enclave, 0.1, 3), (Form.enclave, 0.15, 4),
])  # fmt: skip
def test_the_least_k_at_which_every_release_passes(form: Form, cr: float, k: int) -> None:
    assert k_that_passes(form, cr) == k
    assert k == FLOORS[form] or not passes(risk([("", k - 1)], form, cr))


def test_a_record_then_better_answers_then_another_period() -> None:
    sizes = [5, 10, 20]
    assert "record with CR below 0.429" in counts(sizes, Form.controlled, 1.0, 5, record=False)
    assert "falls from 0.55 below 0.429" in counts(sizes, Form.controlled, 0.55, 5, record=True)
    assert "k = 6 for a period that has none yet, with CR 0.25" in counts([5, 5], Form.controlled, 1.0, 5, record=False)
    assert "count again on exactly the agreed groups" in counts([4, 9], Form.controlled, 0.25, 5, record=True)


def test_where_only_the_union_is_too_much_this_release_is_left_out() -> None:
    own, union = ([("", size)] for size in (30, 5))
    figures = risk(union, Form.controlled, 0.25)
    said = for_counts(figures, risk(own, Form.controlled, 0.25), record=True, lowest_cr=LOWEST)
    assert "groups of the earlier release" in said.en

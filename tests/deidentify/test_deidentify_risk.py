"""Risk by GB/T 42460-2023 as policy.md 5.5 has it, with figures worked by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.deidentify.model.joint import Form
from datong.deidentify.rules.recipe import FLOORS
from datong.deidentify.rules.risk import again, average_of, dr_of, harmless, passes, risk, smallest_floor

SIZES = {"a": 5, "b": 10, "c": 20}
"""theta 0.2, 0.1, 0.05: DR_b = 0.2, DR_c = 0.35 / 3."""


def test_worked_by_hand() -> None:
    found = risk(SIZES.items(), Form.controlled, 0.25)
    assert found.over_threshold == 0  # 0.2 is not above 1/5
    assert found.at_threshold == 1
    assert found.max_class_risk == 0.2
    assert found.average_risk == pytest.approx(0.35 / 3)
    assert found.marketer_risk == pytest.approx(3 / 35)
    assert found.overall_risk == pytest.approx(0.35 / 3 * 0.25)
    assert found.overall_risk_at_cr_1 == pytest.approx(0.35 / 3)
    assert found.level == 3
    assert found.worst == (("a", 5), ("b", 10), ("c", 20))


@pytest.mark.parametrize(
    ("sizes", "form", "cr", "level"),
    [
        ({"a": 20, "b": 400}, "public", 0.1, 2),  # k = 20: 0.05 is not below 0.05, and CR is 1 in public
        ({"a": 21, "b": 400}, "public", 0.1, 3),
        ({"a": 19, "b": 400}, "public", 0.1, 2),  # above tau: R = 1
        ({"a": 5}, "controlled", 0.25, 2),  # exactly 0.05
        ({"a": 5, "b": 6}, "controlled", 0.25, 3),
        ({"a": 4, "b": 4000}, "controlled", 0.01, 2),  # one class above tau: R = 1 whatever the CR
        ({"a": 5, "b": 6}, "controlled", 1.0, 2),
        ({"a": 20}, "controlled", 0.999, 3),
        ({"a": 3}, "enclave", 0.14, 3),
        ({"a": 2}, "enclave", 0.01, 2),
    ],
)
def test_levels(sizes: dict[str, int], form: str, cr: float, level: int) -> None:
    assert risk(sizes.items(), Form(form), cr).level == level


def test_direct_identifiers_are_level_1_and_aggregates_never_level_4() -> None:
    assert risk(SIZES.items(), Form.enclave, 0.0, direct_identifiers=True).level == 1
    assert risk({"a": 10_000}.items(), Form.controlled, 0.01).level == 3


SOME = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(1, 60), min_size=1, max_size=12)


@given(sizes=SOME, form=st.sampled_from(Form), cr=st.floats(0.01, 1))
def test_the_floor_told_is_enough_and_the_least(sizes: dict[str, int], form: Form, cr: float) -> None:
    least = smallest_floor(list(sizes.values()), form, cr)
    for floor in range(FLOORS[form], 61):
        kept = {name: size for name, size in sizes.items() if size >= floor}
        passes = bool(kept) and risk(kept.items(), form, cr).level >= 3
        if least is not None and floor == least:
            assert passes
        elif least is None and kept:
            assert not passes or floor < min(kept.values())
    assert risk(sizes.items(), form, cr).overall_risk >= 0


@given(sizes=SOME, cr=st.fractions("1/100", 1, max_denominator=100))
def test_accepted_is_exactly_below_the_limit(sizes: dict[str, int], cr: Fraction) -> None:
    """Held against fractions, which do not round."""
    found = risk(sizes.items(), Form.controlled, float(cr))
    thetas = [Fraction(1, size) for size in sizes.values()]
    expected = Fraction(1) if max(thetas) > Fraction(1, 5) else sum(thetas) / len(thetas) * cr
    assert found.overall_risk == pytest.approx(float(expected))
    assert (found.level == 3) == (expected < Fraction(1, 20))


@pytest.mark.parametrize(("size", "count", "form", "cr"), [
    (5, 10, "controlled", 0.25), (3, 1, "enclave", 0.15), (3, 7, "enclave", 0.15), (20, 1, "public", 1.0),
])  # fmt: skip
def test_what_is_the_limit_but_for_its_rounding_is_not_below_it(size: int, count: int, form: str, cr: float) -> None:
    """Ten fifths add up to 1.9999999999999998, and 0.15 / 3 is 0.049999999999999996."""
    assert risk([("g", size)] * count, Form(form), cr).level == 2


@pytest.mark.parametrize(("form", "size"), [("public", 20), ("controlled", 5), ("enclave", 3)])
def test_a_class_of_the_forms_own_size_is_at_its_threshold_and_a_smaller_one_over_it(form: str, size: int) -> None:
    found = risk([("", size), ("", size - 1), ("", 100), ("", 200)], Form(form), 0.1)
    assert (found.tau, found.at_threshold, found.over_threshold) == (1 / size, 1, 0.25)
    assert (found.overall_risk, found.overall_risk_at_cr_1, found.level) == (1.0, 1.0, 2)
    assert found.cr == (1.0 if form == "public" else 0.1)


def test_the_agreed_threshold_raises_the_floor_and_never_lowers_it() -> None:
    classes = list(SIZES.items())
    for k, told, floor, passed in ((None, 5, 5, True), (2, 2, 5, True), (6, 6, 6, False)):
        found = risk(classes, Form.controlled, 0.25, k=k)
        assert (found.k, found.floor, passes(found), harmless(found)) == (told, floor, passed, passed)
    named = risk(classes, Form.controlled, 0.25, direct_identifiers=True)
    assert (passes(named), harmless(named)) == (False, True)
    risky = risk(classes, Form.controlled, 1.0)
    assert (passes(risky), harmless(risky)) == (False, False)


def test_the_five_worst_are_shown_smallest_first_and_by_name() -> None:
    sizes = {"f": 9, "b": 7, "a": 7, "g": 8, "e": 30, "d": 6, "c": 12}
    assert risk(sizes.items(), Form.controlled, 0.1).worst == (("d", 6), ("a", 7), ("b", 7), ("g", 8), ("f", 9))


def test_of_nothing_there_is_no_risk() -> None:
    with pytest.raises(ValueError, match="without classes"):
        risk([], Form.controlled, 0.1)


def test_what_is_delivered_publicly_is_as_risky_as_its_smallest_class() -> None:
    public, other = (risk(SIZES.items(), form, 0.1, alone=[1]) for form in (Form.public, Form.controlled))
    assert (dr_of(public), dr_of(other), average_of(other)) == (0.2, 1.0, 1.0)
    assert other.average_risk < other.average_alone == 1.0
    assert average_of(risk(SIZES.items(), Form.controlled, 0.1, alone=[100])) == pytest.approx(0.35 / 3)
    for one, cr, overall in ((public, 0.5, 1.0), (other, 0.5, 0.5)):
        assert again(one.as_json(), cr).overall_risk == overall
    few = risk({"a": 30, "b": 40}.items(), Form.public, 0.1)
    assert again(few.as_json(), 0.5).overall_risk == few.overall_risk == pytest.approx(1 / 30)
    assert again(few.as_json(), 0.5) == few


def test_no_floor_below_the_agreed_one_is_proposed() -> None:
    sizes = [5, 6, 9, 30]
    assert smallest_floor(sizes, Form.controlled, 0.1) == 5
    assert smallest_floor(sizes, Form.controlled, 0.1, 7) == 7
    assert smallest_floor(sizes, Form.controlled, 0.1, 31) is None
    assert smallest_floor(sizes, Form.controlled, 0.1, 30) == 30


def test_classes_of_one_name_are_all_counted() -> None:
    assert risk([("x", 1)], Form.controlled, 1.0).max_class_risk == 1.0
    found = risk([("x", 1), ("x", 30)], Form.controlled, 1.0)
    assert (found.classes, found.f_min, found.over_threshold) == (2, 1, 0.5)


def test_what_is_held_already_does_not_lower_the_risk_of_a_release_at_any_context() -> None:
    """Kept with the release: at another CR, too, R is that of the release alone where the union's is lower."""
    held = [("", 5)] * 4 + [("", 100)] * 400
    both = risk(held, Form.controlled, 0.2, alone=[5] * 4)
    assert both.average_risk < 0.02 < both.average_alone == pytest.approx(0.2)
    assert (both.overall_risk, both.overall_risk_at_cr_1) == (pytest.approx(0.04), pytest.approx(0.2))
    assert both.level == 3 and again(both.as_json(), 0.25).level == 2
    older = {name: value for name, value in both.as_json().items() if name != "average_alone"}
    assert again(older, 1.0).overall_risk == both.average_risk, "a release from before this was kept stands as it was"
    assert risk(held, Form.controlled, 0.2).average_alone == risk(held, Form.controlled, 0.2).average_risk

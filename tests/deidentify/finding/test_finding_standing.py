"""What words do to a classification: raising at once, lowering only by approval, nothing lost between versions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.deidentify.model.classification import About, Said, Word
from datong.deidentify.model.finding import Finding, Identifying
from datong.deidentify.rules.finding.grading import proposal
from datong.deidentify.rules.finding.standing import (
    IDENTIFIES,
    Deed,
    Subjects,
    carried_over,
    deeds,
    findings_as_they_stand,
    impacts_as_they_stand,
    open_lowering,
    stood,
)
from datong.ground.refusal import Text


def finding(column: str, kind: Identifying, level: int, tags: tuple[str, ...] = ()) -> Finding:
    return Finding(column, kind, "t", Text("类", "t"), 1.0, tags, level, {})


PHONE, AGE, ILL = (
    finding("phone", Identifying.direct, 3),
    finding("age", Identifying.quasi, 2),
    finding("ill", Identifying.sensitive, 4, ("sensitive@45574-2025",)),
)
FOUND = (PHONE, AGE, ILL)


def after(*said: Deed | Said, found: tuple[Finding, ...] = FOUND) -> Subjects:
    """The columns after these deeds; an answer (Said) is to the deed before it."""
    words: list[Word] = []
    for number, one in enumerate(said):
        if isinstance(one, Said):
            asked = words[-1]
            words.append(Word(f"w{number}", asked.about, asked.subject, one, asked.kind, asked.level, "", "law", "",
                              asked.id, "2026-03-02"))  # fmt: skip
        else:
            words.append(Word(f"w{number}", one.about, one.subject, one.said, one.kind, one.level, one.reason, "eng",
                              "", "", "2026-03-01"))  # fmt: skip
    return stood(found, {}, words)


def only(now: Subjects, columns: dict[str, Any], impacts: dict[str, Any] | None = None, reason: str = "") -> Deed:
    found, problems = deeds(now, columns, impacts or {}, reason, rest=False)
    assert problems == []
    (deed,) = found
    return deed


def problems_of(columns: dict[str, Any], impacts: dict[str, Any] | None = None, reason: Any = "") -> list[str]:
    _, problems = deeds(after(), columns, impacts or {}, reason, rest=False)
    assert problems
    return [f"{problem.where}: {problem.en}" for problem in problems]


def stands(now: Subjects, column: str) -> tuple[str, int, bool, bool]:
    one = now[About.column, column]
    return one.kind.name, one.level, one.confirmed, one.asked is not None


def test_nothing_said_is_as_found_and_not_confirmed() -> None:
    assert stands(after(), "phone") == ("direct", 3, False, False)
    confirmed = after(only(after(), {"phone": {}}))
    assert stands(confirmed, "phone") == ("direct", 3, True, False)
    assert stands(confirmed, "age") == ("quasi", 2, False, False)


def test_raising_stands_at_once_and_lowering_waits_for_approval() -> None:
    raised = only(after(), {"age": {"kind": "direct", "level": 4}})
    assert raised.said is Said.confirmed
    assert stands(after(raised), "age") == ("direct", 4, True, False)
    lower = only(after(), {"ill": {"level": 2, "reason": "rounded"}})
    assert lower.said is Said.lowering_asked
    assert stands(after(lower), "ill") == ("sensitive", 4, True, True), "the higher counts until it is approved"
    assert stands(after(lower, Said.lowering_approved), "ill") == ("sensitive", 2, True, False)
    assert stands(after(lower, Said.lowering_refused), "ill") == ("sensitive", 4, True, False)


def test_to_identify_less_is_a_lowering_and_going_back_after_a_raise_is_one_too() -> None:
    assert only(after(), {"phone": {"kind": "other", "reason": "of a shop"}}).said is Said.lowering_asked
    raised = only(after(), {"age": 4})
    assert only(after(raised), {"age": {"level": 2, "reason": "x"}}).said is Said.lowering_asked
    both = only(after(), {"age": {"kind": "other", "level": 4, "reason": "x"}})
    assert stands(after(both), "age") == ("quasi", 4, True, True), "the level rises now, the kind waits"


def test_a_new_word_on_a_column_closes_its_open_lowering() -> None:
    lower = only(after(), {"ill": {"level": 2, "reason": "rounded"}})
    asked = after(lower)
    assert open_lowering(asked, "w0") is not None
    again = only(asked, {"ill": {}})
    assert again.said is Said.confirmed
    assert open_lowering(after(lower, again), "w0") is None


def test_impacts_are_judged_freely_once_and_lowered_by_two() -> None:
    first = only(after(), {}, {"social order": "serious"})
    assert impacts_as_they_stand(after(first)) == {"social order": "serious"}
    none = only(after(), {}, {"public interest": "none"})
    assert impacts_as_they_stand(after(first, none)) == {"social order": "serious", "public interest": "none"}
    assert only(after(first), {}, {"social order": "none"}, "it is not").said is Said.lowering_asked
    assert proposal(FOUND, 100, {"social order": "serious", "public interest": "none"})["grade"] == "important"
    assert proposal(FOUND, 100, {"national security": "serious"})["grade"] == "core"


def test_the_whole_takes_the_higher_of_items_and_aggregate_after_what_was_confirmed() -> None:
    assert proposal(FOUND, 100)["level"] == 4
    low = after(only(after(), {"ill": {"level": 2, "reason": "rounded"}}), Said.lowering_approved)
    assert proposal(findings_as_they_stand(FOUND, low), 100)["level"] == 3, "it still singles out by phone and age"
    three = [finding(name, Identifying.quasi, 2) for name in ("age", "sex", "zip")]
    assert proposal(three, 100)["level"] == 3
    assert max(one.level for one in three) == 2


def test_what_is_to_be_judged_for_many_is_told_until_somebody_did() -> None:
    objects = proposal(FOUND, 10_000)["judge_anew"]
    assert objects == ["national security", "economic operation", "social order", "public interest"]
    assert proposal(FOUND, 10_000, dict.fromkeys(objects, "none"))["judge_anew"] == []
    assert proposal(FOUND, 10_000, {"social order": "general"})["judge_anew"] == [
        "national security", "economic operation", "public interest",
    ]  # fmt: skip


def test_everything_wrong_is_told_at_once() -> None:
    assert problems_of({"phone": 9, "nowhere": 2, "age": {"kind": "personal", "grade": 3}, "ill": 2}) == [
        "columns.phone.level: should be 1 to 4",
        "columns.nowhere: is no column of it; there are phone, age, ill",
        "columns.age: has no keys grade; there are kind, level, reason",
        "columns.age.kind: should be one of direct, quasi, sensitive, other",
        "columns.ill.reason: is missing; a lowering needs a reason",
    ]
    assert problems_of({}) == ["columns: there is nothing to confirm in it"]
    assert problems_of({"phone": True}) == ["columns.phone.level: should be 1 to 4"]
    assert "impacts.weather" in problems_of({}, {"weather": "none", "social order": "mild"})[0]
    assert problems_of({"phone": {"reason": "x" * 501}})[0].startswith("columns.phone.reason: should be a text")


def test_the_rest_confirms_only_what_nobody_has() -> None:
    now = after(only(after(), {"age": 4}))
    found, problems = deeds(now, {"ill": 4}, {}, "", rest=True)
    assert problems == []
    assert [(deed.subject, deed.level) for deed in found] == [("ill", 4), ("phone", 3)]


def test_a_new_version_keeps_what_was_confirmed_unless_more_was_found() -> None:
    lower = only(after(), {"ill": {"level": 2, "reason": "rounded"}})
    now = after(lower, Said.lowering_approved, only(after(), {"age": {}}))
    kept = carried_over(FOUND, FOUND, now)
    assert {name: (one["kind"], one["level"]) for name, one in kept.items()} == {
        "ill": ("sensitive", 2), "age": ("quasi", 2),
    }  # fmt: skip
    more = (PHONE, finding("age", Identifying.direct, 3), ILL, finding("fresh", Identifying.other, 1))
    kept = carried_over(more, FOUND, now)
    assert set(kept) == {"ill"}
    raised = after(only(after(), {"age": {"kind": "direct", "level": 3}}))
    assert set(carried_over(more, FOUND, raised)) == {"age"}, "what people said of it already is no more than they said"
    again = stood(more, kept, [])
    assert stands(again, "ill") == ("sensitive", 2, True, False)
    assert stands(again, "age") == ("direct", 3, False, False)


KINDS = st.sampled_from([kind.name for kind in Identifying])
SAYING = st.tuples(KINDS, st.integers(1, 4))


@given(st.lists(SAYING, min_size=1, max_size=8))
def test_without_an_approval_nothing_ever_comes_down(sayings: list[tuple[str, int]]) -> None:
    said: list[Deed] = []
    kind, level = AGE.kind, AGE.level
    for next_kind, next_level in sayings:
        said.append(only(after(*said), {"age": {"kind": next_kind, "level": next_level, "reason": "why"}}))
        now = after(*said)[About.column, "age"]
        assert now.level >= level
        assert IDENTIFIES.index(now.kind) >= IDENTIFIES.index(kind)
        kind, level = now.kind, now.level


@pytest.mark.parametrize("wrong", [None, [], "high", {"level": "3"}, {"level": 2.5}])
def test_what_is_no_word_is_refused(wrong: Any) -> None:
    assert problems_of({"phone": wrong})

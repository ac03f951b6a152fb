"""Grades: the matrix of clause 6.5, items and the whole, and four eyes for every lowering."""

from __future__ import annotations

from typing import Any

import pytest

from datong.deidentify.model.finding import Finding, Identifying, Level
from datong.deidentify.rules.finding.grading import DEGREES, MATRIX, graded, proposal, settled
from datong.ground.refusal import Text


def finding(column: str, kind: Identifying, level: int, tags: tuple[str, ...] = ()) -> Finding:
    return Finding(column, kind, "t", Text("类", "t"), 1.0, tags, level, {})


SSN = finding("ssn", Identifying.direct, 4, ("sensitive@35273-2020",))
AGE, SEX, ZIP = (finding(name, Identifying.quasi, 2) for name in ("age", "sex", "zip"))
ILL = finding("ill", Identifying.sensitive, 3, ("sensitive@45574-2025",))
COUNT = finding("count", Identifying.other, 1)


@pytest.mark.parametrize("target", MATRIX)
@pytest.mark.parametrize("degree", DEGREES)
def test_the_matrix_is_that_of_the_standard(target: str, degree: str) -> None:
    expected = {
        "national security": {"especially serious": "core", "serious": "core", "general": "important"},
        "organisational rights": dict.fromkeys(DEGREES, "general"),
        "personal rights": dict.fromkeys(DEGREES, "general"),
    }.get(target, {"especially serious": "core", "serious": "important", "general": "general"})
    level, path = graded({target: degree})
    assert level.name == expected[degree]
    assert path == (f"6.5: {target}, {degree}",)


def test_of_several_impacts_the_highest_counts_with_its_path() -> None:
    level, path = graded({"personal rights": "especially serious", "social order": "serious"})
    assert (level, path) == (Level.important, ("6.5: social order, serious",))
    assert graded({}) == (Level.general, ())
    for wrong in ({"weather": "serious"}, {"social order": "mild"}):
        with pytest.raises(ValueError, match="no cell"):
            graded(wrong)


@pytest.mark.parametrize(
    ("findings", "level"),
    [([COUNT], 1), ([AGE], 2), ([AGE, COUNT], 2), ([SSN], 4), ([AGE, SEX, ZIP], 3), ([AGE, SEX, ZIP, ILL], 4), ([], 1)],
)
def test_the_whole_is_at_least_its_highest_item(findings: list[Finding], level: int) -> None:
    told = proposal(findings, 100)
    assert told["level"] == level >= max((one.level for one in findings), default=1)
    assert told["grade"] == "general"


def test_many_persons_are_to_be_judged_anew_by_a_person() -> None:
    assert proposal([SSN], 9_999)["judge_anew"] == []
    assert "social order" in proposal([SSN], 10_000)["judge_anew"]
    assert proposal([AGE], 10_000)["judge_anew"] == []
    assert proposal([COUNT], 10**9)["judge_anew"] == []


def settle(columns: Any) -> tuple[dict[str, int], list[str]]:
    levels, problems = settled([SSN, AGE], {"columns": columns}, {"columns": 1, "columns.ssn": 2}, "c.yaml")
    return levels, [f"{problem.where}: {problem.en}" for problem in problems]


def test_raising_needs_nobody_and_lowering_two_persons() -> None:
    assert settle({"age": 4}) == ({"ssn": 4, "age": 4}, [])
    assert settle({}) == ({"ssn": 4, "age": 2}, []), "what nobody confirmed keeps the proposal"
    lowered = {"level": 3, "reason": "test data", "by": "A", "approved_by": "B"}
    assert settle({"ssn": lowered}) == ({"ssn": 3, "age": 2}, [])
    assert settle({"ssn": 3})[1] == [
        "c.yaml:2: columns.ssn: is below the proposed 4: reason, by or approved_by is missing"
    ]
    assert settle({"ssn": {**lowered, "approved_by": " a "}})[1] == [
        "c.yaml:2: columns.ssn: lowering must be approved by another person than who asked for it"
    ]


@pytest.mark.parametrize("columns", [None, [], {"nowhere": 3}, {"age": 5}, {"age": "high"}, {"age": True}])
def test_what_is_no_classification_is_refused(columns: Any) -> None:
    assert settle(columns)[1]

"""bench/matching/metrics.py against cases worked out by hand."""

import metrics
import pytest
from metrics import Matching

TRUTH = {("a", "x"), ("b", "y")}


def test_recall_at_truth_takes_as_many_as_the_truth_has() -> None:
    assert metrics.recall_at_truth({("a", "x"): 0.9, ("b", "x"): 0.8, ("b", "y"): 0.7}, TRUTH) == 0.5
    assert metrics.recall_at_truth({("a", "x"): 0.9, ("b", "y"): 0.7}, TRUTH) == 1
    assert metrics.recall_at_truth({}, TRUTH) == 0


def test_ties_and_zeros_go_against_the_matcher() -> None:
    assert metrics.recall_at_truth({("a", "x"): 0.5, ("a", "y"): 0.5, ("b", "x"): 0.5, ("b", "y"): 0.5}, TRUTH) == 0
    assert metrics.recall_at_truth({("a", "x"): 0.0, ("b", "y"): 0.0}, TRUTH) == 0
    assert metrics.reciprocal_ranks({("a", "x"): 0.5, ("a", "y"): 0.5}, {("a", "x")}) == [0.5]


def test_reciprocal_ranks_are_per_column_that_has_a_partner() -> None:
    scores = {("a", "y"): 0.9, ("a", "x"): 0.8, ("b", "y"): 0.4, ("c", "x"): 1.0}
    assert metrics.reciprocal_ranks(scores, [("a", "x"), ("b", "y")]) == [0.5, 1.0]
    assert metrics.reciprocal_ranks(scores, [("d", "x")]) == [0.0]


def test_one_column_against_several_counts_once_in_the_assignment() -> None:
    split = {("name", "first"), ("name", "last")}
    assert metrics.recall({("name", "last"): 1}, split) == 1 and metrics.precision({("name", "last"): 1}, split) == 1
    assert metrics.reciprocal_ranks({("name", "last"): 0.9, ("name", "first"): 0.1}, split) == [1.0]


def test_precision_and_recall_of_proposals() -> None:
    assert metrics.precision({("a", "x"): 1, ("b", "x"): 1}, TRUTH) == 0.5
    assert metrics.recall({("a", "x"): 1, ("b", "x"): 1}, TRUTH) == 0.5
    assert metrics.precision({}, TRUTH) == 1 and metrics.recall({}, TRUTH) == 0


def test_a_debatable_pair_counts_neither_way() -> None:
    said = Matching({("a", "x"): 0.5, ("a", "z"): 0.9}, {("a", "z"): 0.9, ("b", "y"): 0.8})
    kept = metrics.without(said, {("a", "z")})
    assert kept.scores == {("a", "x"): 0.5} and kept.assigned == {("b", "y"): 0.8}


def test_thresholds_are_where_they_should_be() -> None:
    run = ({("a", "x"): 0.9, ("b", "y"): 0.8, ("c", "z"): 0.3}, {("a", "x"), ("b", "y")})
    assert metrics.best_threshold([run]) == 0.8
    assert metrics.accept_threshold([run], wanted=1.0, least=1) == 0.8
    assert metrics.accept_threshold([run], wanted=1.0, least=3) == float("inf")
    assert metrics.given(run[0], "abcd", accept=0.9, leave=0.8) == {
        "a": "accept",
        "b": "ask",
        "c": "leave",
        "d": "leave",
    }


def test_a_persons_acts_are_counted_and_timed() -> None:
    truth = {("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", "5")}
    scores = {("a", "1"): 0.9, ("b", "1"): 0.8, ("c", "3"): 0.5, ("d", "1"): 0.5, ("d", "4"): 0.4}
    assigned = {("a", "1"): 0.9, ("b", "1"): 0.8, ("c", "3"): 0.5, ("d", "1"): 0.5}
    said = Matching(
        scores, assigned, {"a": "accept", "b": "accept", "c": "ask", "d": "ask", "e": "leave", "f": "leave"}
    )
    acts = metrics.acts(said, truth, "abcdef", "12345")
    counts = {name: value for name, value in acts.items() if name != "seconds"}
    assert counts == {
        "accepted": 1, "accepted_wrong": 1, "asked_first": 1, "asked_other": 1, "asked_none": 0, "left": 1, "left_wrong": 1,
    }  # fmt: skip
    p = metrics.PERSON
    whole = p["chosen"] + 5 * p["per_header"]
    assert acts["seconds"] == pytest.approx(
        2 * p["accepted"] + p["mended"] + p["asked_first"] + p["asked_other"] + 2 * whole
    )


def test_by_hand_reads_half_the_list_and_types_a_line() -> None:
    p = metrics.PERSON
    assert metrics.by_hand("ab", "1234") == pytest.approx(2 * (p["chosen"] + 2 * p["per_header"] + p["typed"]))

"""The page of the benchmark: what is not finished is told, pooled figures are right, the committed page is the results'."""

import json
from dataclasses import replace
from typing import Any

import page
import pytest
from pairs import Table, frozen_as_text
from run import PAGE, RESULTS, Case, counted, described

CASES = [
    Case("t-1", "t", "known", "easy", Table({"a": ("1",), "b": ("2",)}), Table({"x": ("1",), "y": ("2",)}), (("a", "x"), ("b", "y")), ()),
    Case("t-2", "t", "known", "easy", Table({"a": ("1",)}), Table({"x": ("1",)}), (("a", "x"),), ()),
]  # fmt: skip


def results(answers: dict[str, Any]) -> dict[str, Any]:
    return {
        "at": "now", "commit": "abc", "machine": {"cores": 2, "cpu": "c", "python": "3"}, "ours": "m", "limit_seconds": 1.0,
        "person": {"accepted": 1.0, "asked_first": 1.0, "asked_other": 1.0, "chosen": 1.0, "per_header": 1.0, "mended": 60.0},
        "described": described(CASES), "matchers": {"m": counted(answers, CASES)},
    }  # fmt: skip


def test_a_pair_that_did_not_end_is_told_and_not_counted() -> None:
    answers = {
        "t-1": {
            "scores": [["a", "x", 0.9]],
            "assigned": [["a", "x", 0.9]],
            "verdicts": {"a": "accept"},
            "seconds": 0.1,
        },
        "t-2": {"not_finished": "longer than 1 s"},
    }
    text = page.page(results(answers))
    assert "| **m** | 1 of 2 | 0.50 | 0.50 | 1.00 | 0.50 | 100 % | 50 % | 0 % |" in text
    assert "- m: longer than 1 s (1 pairs: t-2)" in text


def test_a_matcher_that_stopped_is_told_for_the_pairs_it_never_tried() -> None:
    text = page.page(results({"t-1": {"not_finished": "LookupError: Resource"}}))
    assert "0 of 2" in text and "LookupError: Resource" in text and "not tried" in text


def test_the_committed_page_is_made_from_the_committed_results() -> None:
    if not RESULTS.is_file():
        pytest.fail("bench/results/matching.json is not committed: make bench-matching")
    assert page.page(json.loads(RESULTS.read_text("utf-8"))) == PAGE.read_text("utf-8")


def test_the_committed_results_are_of_the_frozen_pairs() -> None:
    import hashlib

    kept = json.loads(RESULTS.read_text("utf-8"))
    digest = hashlib.sha256((frozen_as_text() + str(len(kept["described"]))).encode()).hexdigest()
    assert kept["digest"] == digest


def test_errors_of_held_out_pairs_are_counted_and_not_told() -> None:
    wrong = {"scores": [["a", "y", 0.9]], "assigned": [["a", "y", 0.9]], "verdicts": {"a": "ask"}, "seconds": 0.1}
    known, other = (
        counted({"t-1": wrong}, [replace(CASES[0], split=split)])["pairs"]["t-1"]
        for split in ("known", "held-out-domain")
    )
    assert known["missed"] == [["a", "x"], ["b", "y"]]
    assert "missed" not in other and "wrong" not in other
    assert other["hits"] == 0

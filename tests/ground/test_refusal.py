"""Refusals: both languages, all problems, one shape, codes that mean one thing."""

from __future__ import annotations

import json

import pytest

from datong.ground import refusal
from datong.ground.refusal import Kind, Problem, Reason, Refusal, Text, in_both, refusal_in, unless_unknown

DOOR = Reason(
    "TST-401", Kind.denied, Text("门 {door} 未开。", "The door {door} was not opened."),
    Text("缺钥匙。", "The key {key} is missing."), Text("请取钥匙。", "Fetch the key."), "房规", "第 3 条",
)  # fmt: skip


def test_a_refusal_says_what_why_and_next_in_both_languages() -> None:
    refused = DOOR(door="A", key="K")
    what, why, fix = refused.texts()
    assert (what.zh, why.en, fix.en) == ("门 A 未开。", "The key K is missing.", "Fetch the key.")
    assert str(refused) == "[TST-401] The door A was not opened. The key K is missing. Fetch the key."


def test_all_problems_are_listed_with_their_place() -> None:
    refused = DOOR([Problem("a.b", "错", "wrong"), Problem("c", "缺", "missing")], door="A", key="K")
    assert str(refused).splitlines()[1:] == ["  - a.b: wrong", "  - c: missing"]
    assert [p["where"] for p in refused.as_json()["problems"]] == ["a.b", "c"]


def test_the_shape_is_json_and_complete() -> None:
    value = json.loads(json.dumps(DOOR(door=Kind.denied, key=object()).as_json()))
    assert set(value) == {"code", "kind", "what", "why", "next", "rule", "article", "problems", "facts"}
    assert (value["code"], value["kind"], value["article"]) == ("TST-401", "denied", "第 3 条")


@pytest.mark.parametrize("value", ["{key}", "{0}", "{door.__class__}", "{", "}"])
def test_facts_are_never_read_as_patterns(value: str) -> None:
    assert str(DOOR(door=value, key="K")).startswith(f"[TST-401] The door {value} was")


def test_a_fact_that_was_forgotten_does_not_hide_the_refusal() -> None:
    assert "The door ? was not opened." in str(DOOR())


@pytest.mark.parametrize("door", ["A", "(a)+ {b}", "x\\y [z]", "The door", ""])
def test_a_refusal_kept_in_english_is_told_in_both_languages(door: str) -> None:
    kept = str(DOOR([Problem("a", "错", "wrong")], door=door, key="K"))
    assert in_both(kept) == Text(f"[TST-401] 门 {door} 未开。缺钥匙。请取钥匙。\n  - a: wrong", kept)


@pytest.mark.parametrize("text", ["", "a text", "[TST-999] not one of ours", "[TST-401] other words"])
def test_what_is_no_refusal_is_told_as_it_is(text: str) -> None:
    assert in_both(text) == Text(text, text)


def test_a_code_means_one_thing() -> None:
    Reason("TST-401", DOOR.kind, DOOR.what, DOOR.why, DOOR.fix, DOOR.rule, DOOR.article)
    with pytest.raises(ValueError, match="TST-401"):
        Reason("TST-401", Kind.invalid, DOOR.what, DOOR.why, DOOR.fix)
    assert refusal.ALL["TST-401"] == DOOR


def test_refusals_are_caught_as_such_and_are_not_equal() -> None:
    with pytest.raises(Refusal) as caught:
        raise DOOR(door="A")
    assert caught.value.code == "TST-401"
    assert caught.value.kind is Kind.denied
    assert DOOR(door="A") != DOOR(door="A")


def kind_of(kind: Kind) -> Reason:
    return Reason(f"TST-{kind}", kind, Text("未。", "Not."), Text("因。", "As."), Text("改。", "Mend."))


def asked(kind: Kind | None) -> str:
    if kind is not None:
        raise kind_of(kind)()
    return "done"


@pytest.mark.parametrize("kind", [None, *Kind])
def test_what_may_pass_by_itself_is_no_answer_to_whether_something_is_refused(kind: Kind | None) -> None:
    if kind is Kind.unavailable:
        with pytest.raises(Refusal):
            refusal_in(lambda: asked(kind))
    else:
        found = refusal_in(lambda: asked(kind))
        assert (found.kind if found is not None else None) == kind


@pytest.mark.parametrize("kind", [None, *Kind])
def test_only_what_is_not_known_is_none(kind: Kind | None) -> None:
    if kind in (None, Kind.unknown):
        assert unless_unknown(lambda: asked(kind)) == (None if kind else "done")
    else:
        with pytest.raises(Refusal):
            unless_unknown(lambda: asked(kind))

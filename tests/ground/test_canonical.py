"""Canonical JSON: equal values have equal bytes; what cannot be written is refused."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from datong.ground.canonical import canonical, digest, digest_bytes, plain

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


class Colour(StrEnum):
    red = "red"


def test_the_example_of_rfc_8785() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3],
        "string": '€$\u000f\nA\'B"\\"/',
        "literals": [None, True, False],
    }
    assert canonical(value) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\"/"}'
    )


def test_keys_are_sorted_by_utf_16_code_units() -> None:
    """U+1F600 (surrogates D83D...) sorts before U+FB33, although its code point is greater."""
    assert list(json.loads(canonical({"\ufb33": 1, "\U0001f600": 2, "1": 3}))) == ["1", "\U0001f600", "\ufb33"]


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.characters(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_the_quick_way_writes_and_refuses_what_the_standards_does(value: Any) -> None:
    try:
        wanted = rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        with pytest.raises(type(error)):
            canonical(value)
    else:
        assert canonical(value) == wanted


@given(JSON)
def test_reading_it_back_and_writing_it_again_gives_the_same_bytes(value: object) -> None:
    assert canonical(json.loads(canonical(value))) == canonical(value)


@given(st.dictionaries(st.text("abc", max_size=3), JSON, max_size=5))
def test_the_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))


def test_values_of_python_are_written_plainly() -> None:
    value = {
        "d": date(2026, 3, 2),
        "t": datetime(2026, 3, 2, tzinfo=UTC),
        "m": Decimal("1.10"),
        "c": Colour.red,
        "s": {2, 1},
        "p": (1, 2),
        "b": b"\x01",
    }
    assert plain(value) == {
        "d": "2026-03-02", "t": "2026-03-02T00:00:00+00:00", "m": "1.10", "c": "red", "s": [1, 2], "p": [1, 2], "b": "01",
    }  # fmt: skip


@pytest.mark.parametrize("value", [2**53, float("nan"), float("inf"), object(), "\ud800", {"a": 2**70}])
def test_what_json_cannot_say_exactly_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(value)


def test_digests_name_their_algorithm() -> None:
    assert digest_bytes(b"x") == "sha256:" + hashlib.sha256(b"x").hexdigest()
    assert digest({"b": 1, "a": 2}) == digest_bytes(b'{"a":2,"b":1}')

"""A line read by its form has the values that a reader of JSON gives it, or no form at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datong.harmonise.store.sources import documents, forms

GOOD = '{"id": "r1", "n": 12, "at": {"lat": 42.10, "t": "04:08"}, "x": "-1e5", "Name, \'x\'": -0.0}'


def read(line: str) -> dict[str, str | None] | None:
    try:
        return documents.flat(documents.DECODER.decode(line))
    except ValueError:
        return None


FORM = forms.form_of(GOOD)


def test_the_values_of_a_line_as_they_are_written() -> None:
    assert FORM is not None
    assert FORM.values(GOOD) == read(GOOD)
    assert FORM.values(GOOD)["at.lat"] == "42.10"  # type: ignore[index]
    other = GOOD.replace("r1", "车 42").replace("42.10", "-7E-03")
    assert FORM.values(other) == read(other) is not None


def test_lines_of_one_form_by_columns_and_nothing_where_one_has_another() -> None:
    assert FORM is not None
    lines = [GOOD.replace("r1", f"r{n}").replace("42.10", f"{n}.0") for n in range(3)]
    found = FORM.columns("\n".join(lines), 3)
    assert found is not None
    assert [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)] == [
        *map(read, lines)
    ]
    assert FORM.columns("\n".join([lines[0], "{}", lines[2]]), 3) is None
    assert FORM.columns("\n".join([lines[0], lines[1][:9], lines[1][9:], lines[2]]), 4) is None
    of_one = forms.form_of('{"a": 1}')
    assert of_one is not None
    assert of_one.columns('{"a": 2}\n{"a": 30}', 2) == {"a": ("2", "30")}


@pytest.mark.parametrize(
    "line",
    ["", "7", "[1]", "{", "{}", '{"a": [1]}', '{"a": null}', '{"a": true}', '{"a": "\\n"}', '{"a": NaN}', '{"a": 1, "a": 2}',
     '{"a.b": 1, "a": {"b": 2}}', json.dumps({str(n): n for n in range(forms.FIELDS_MAX + 1)})],
)  # fmt: skip
def test_what_has_no_form(line: str) -> None:
    assert forms.form_of(line) is None


SIGNS = st.sampled_from(
    [*'"\\{}[]:,+-.eE0129 \t\n\x00\x1f', "é", "車", "٣", "\u2028", "null", "true", "NaN", '", "', '\\"']
)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(GOOD)), st.integers(0, 4), st.lists(SIGNS, max_size=3).map("".join))
@example(GOOD.index("12"), 2, "012")
@example(GOOD.index("12"), 2, "1.")
@example(GOOD.index("12"), 2, "٣")
@example(GOOD.index("r1"), 2, 'r", "id": "x')
@example(len(GOOD), 0, "\n")
def test_a_line_that_was_changed_anywhere_is_read_to_the_same_values_or_not_at_all(at: int, cut: int, put: str) -> None:
    line = GOOD[:at] + put + GOOD[at + cut :]
    assert FORM is not None
    values = FORM.values(line)
    assert values is None or values == read(line)
    of_its_own = forms.form_of(line)
    assert of_its_own is None or of_its_own.values(line) == read(line)


NAMES = st.text(st.characters(exclude_characters=".", exclude_categories=["Cs"]), max_size=5)
OBJECTS: Any = st.recursive(
    st.dictionaries(
        NAMES, st.text(max_size=5) | st.integers() | st.floats(allow_nan=False, allow_infinity=False), max_size=4
    ),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(OBJECTS, st.sampled_from([(", ", ": "), (",", ":"), (" , ", " : ")]), st.booleans())
def test_any_record_is_read_by_its_own_form(record: Any, separators: tuple[str, str], ascii_only: bool) -> None:
    line = json.dumps(record, separators=separators, ensure_ascii=ascii_only)
    form = forms.form_of(line)
    assert form is None or form.values(line) == read(line)
    if read(line) and "\\" not in line:
        assert form is not None

"""Identifier codes against the published vectors, and every single-character mistake."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.ground import codes

ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TODAY = date(2026, 3, 2)

# NDI-TR-2025-04 annex B, computed from its rule with invented subjects
NODE_VECTORS = [
    ("global", "191110000MA00000001110000000001T"),
    ("regional", "291310000MA000000023100A1B2C3D4Y"),
    ("sector", "391440000MA00000003006500000009Q"),
    ("business", "491310000MA0000000431007K2M9Q0ZA"),
    ("connector", "591310000MA000000053100CN000123M"),
]
DATA_VECTORS = [
    ("product", "691310000MA000000063100PRD00001W"),
    ("product", "691310000MA00000006310000000039*"),
    ("resource", "791310000MA000000070065RES00001A"),
]


@pytest.mark.parametrize(("kind", "code"), NODE_VECTORS)
def test_node_codes_of_the_annex(kind: str, code: str) -> None:
    parsed = codes.parse_node_code(code)
    assert parsed.kind == kind
    assert codes.node_code(parsed.type, parsed.subject, parsed.area, parsed.random) == code
    assert codes.data_code_fault(code) is not None


@pytest.mark.parametrize(("kind", "code"), DATA_VECTORS)
def test_data_codes_of_the_annex(kind: str, code: str) -> None:
    parsed = codes.parse_data_code(code)
    assert (parsed.kind, parsed.base, parsed.extension) == (kind, code, "")
    assert codes.data_code(parsed.type, parsed.subject, parsed.area, parsed.random) == code
    assert codes.node_code_fault(code) is not None


def test_the_wrong_vector_is_refused_and_says_what_it_should_be() -> None:
    fault = codes.data_code_fault("691310000MA000000063100PRD00001X")
    assert fault is not None
    assert "should be W" in fault[1]


def test_published_values() -> None:
    assert codes.mod37_2("691350100M000100Y435201A1B2C3D4") == "V"
    assert codes.credit_check("91350100M000100Y4") == "3"
    assert codes.organisation_check("M000100Y") == "4"
    assert codes.resident_check("11010519491231002") == "X"
    assert codes.credit_code_fault("91350100M000100Y43") is None


def test_the_recursive_check_is_the_weighted_sum_of_the_document() -> None:
    weights = [1, 2, 4, 8, 16, 32, 27, 17, 34, 31, 25, 13, 26, 15, 30, 23, 9, 18, 36, 35, 33, 29, 21, 5, 10, 20, 3, 6, 12, 24, 11, 22]  # fmt: skip
    for _kind, code in NODE_VECTORS + DATA_VECTORS:
        total = sum(w * codes.CODE_ALPHABET.index(c) for w, c in zip(weights, reversed(code), strict=True))
        assert total % 37 == 1


@given(st.sampled_from([code for _k, code in NODE_VECTORS + DATA_VECTORS]), st.integers(0, 31), st.sampled_from(ALNUM))
def test_every_single_wrong_character_is_found(code: str, place: int, char: str) -> None:
    spoiled = code[:place] + char + code[place + 1 :]
    check = codes.node_code_fault if code[0] in "12345" else codes.data_code_fault
    assert (check(spoiled) is None) == (spoiled == code)


@given(st.sampled_from([code for _k, code in NODE_VECTORS + DATA_VECTORS]), st.integers(0, 30))
def test_every_swap_of_neighbours_is_found(code: str, place: int) -> None:
    spoiled = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    check = codes.node_code_fault if code[0] in "12345" else codes.data_code_fault
    assert (check(spoiled) is None) == (spoiled == code)


def test_the_extension_takes_an_older_code_with_either_dot() -> None:
    parsed = codes.parse_data_code("691310000MA000000063100PRD00001W")
    legacy = "12" + "15" + "20250228" + "1BH95JZY"
    code = codes.data_code("6", parsed.subject, parsed.area, parsed.random, legacy)
    assert code.endswith("•" + legacy)
    assert codes.parse_data_code(code.replace("•", "·")).extension == legacy
    assert codes.data_code_fault(code + "x" * 13) is not None, "33 characters"
    assert codes.data_code_fault(parsed.base + "•") is not None
    assert codes.data_code_fault(parsed.base + "•a•b") is not None
    assert len(codes.data_code("6", parsed.subject, parsed.area, parsed.random, "x" * 32)) == 65


@given(st.text(max_size=70))
def test_no_text_breaks_a_check(text: str) -> None:
    for check in (
        codes.credit_code_fault, codes.node_code_fault, codes.data_code_fault, codes.contract_code_fault,
        codes.subject_code_fault,
    ):  # fmt: skip
        fault = check(text)
        assert fault is None or all(fault)


@pytest.mark.parametrize("digit", ["٣", "³", "３"])
def test_digits_of_other_scripts_are_none(digit: str) -> None:
    assert codes.node_code_fault("591310000MA00000005310" + digit + "CN000123M") is not None
    assert codes.credit_code_fault("9135010" + digit + "M000100Y43") is not None


CREDIT = "91350100M000100Y43"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (CREDIT[:-1], "18 characters"),
        (CREDIT[:-1] + "O", "character 'O' in place 18"),
        (CREDIT.lower(), "not allowed"),
        ("8" + CREDIT[1:], "check character"),
        ("B" + CREDIT[1:], "registration authority"),
        (CREDIT[:2] + "99" + CREDIT[4:], "region"),
        (CREDIT[:16] + "5" + CREDIT[17:], "organisation code's check character (place 17) should be 4"),
        (CREDIT[:17] + "4", "(place 18) should be 3"),
    ],
)
def test_a_credit_code_says_what_is_wrong(code: str, word: str) -> None:
    fault = codes.credit_code_fault(code)
    assert fault is not None
    assert word in fault[1]


@given(st.integers(0, 17), st.sampled_from(codes.CREDIT_ALPHABET))
def test_a_single_wrong_character_of_a_credit_code_is_found(place: int, char: str) -> None:
    spoiled = CREDIT[:place] + char + CREDIT[place + 1 :]
    assert (codes.credit_code_fault(spoiled) is None) == (spoiled == CREDIT)


@given(st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=8, max_size=8), st.sampled_from("1592AN"))
def test_credit_codes_made_for_examples_are_sound(organisation: str, authority: str) -> None:
    code = codes.credit_code(authority, "1", "520100", organisation)
    assert codes.credit_code_fault(code) is None
    assert code[8:16] == organisation


@pytest.mark.parametrize(
    "parts", [("9", "1", "5201", "MA0BK003"), ("9", "1", "520100", "MAOBK003"), ("9", "1", "990100", "MA0BK003")]
)
def test_parts_that_do_not_fit_are_refused(parts: tuple[str, str, str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        codes.credit_code(*parts)


def test_contract_codes() -> None:
    at = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)
    code = codes.contract_code("4", CREDIT, "5201", at, "A1B2C3D4")
    assert codes.contract_code_fault(code) is None
    assert len(code) == 47
    assert code[24:38] == "20260302090203", "written in China time"
    assert (code[2:20], code[20:24], code[38:46]) == (CREDIT, "5201", "A1B2C3D4")
    for spoiled in (code[:-1] + "?", code[:-1], "C9" + code[2:], code[:24] + "20261302090203" + code[38:]):
        assert codes.contract_code_fault(spoiled) is not None
    with pytest.raises(ValueError, match="offset"):
        codes.contract_code("4", CREDIT, "5201", datetime(2026, 3, 2), "A1B2C3D4")  # noqa: DTZ001


@pytest.mark.parametrize(
    "parts", [("6", CREDIT, "5201", "A1B2C3D4"), ("5", "short", "5201", "A1B2C3D4"), ("5", CREDIT, "520", "A1B2C3D4"), ("5", CREDIT, "5201", "a1b2c3d4")]
)  # fmt: skip
def test_node_codes_are_not_made_of_wrong_parts(parts: tuple[str, str, str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        codes.node_code(*parts)

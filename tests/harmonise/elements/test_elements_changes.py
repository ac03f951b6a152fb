"""Two versions of a pack, a code table or a standard: what breaks, what the number must be, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.ground.refusal import Refusal, Text
from datong.harmonise.model.elements import Change, CodeEntry, CodeTable, DataElement, Level, Pack, Sensitivity
from datong.harmonise.model.mappings import Element, Standard, Type
from datong.harmonise.rules.changes import KINDS, accepted, changes, next_version
from datong.harmonise.rules.elements import format_of

SHAPE = format_of("c..10")
assert SHAPE is not None
PLATE = DataElement(
    "DT-TR-0001", "vehicle_plate", "机动车号牌号码", "vehicle plate number", "jidongchehaopaihaoma", "JDCHPHM",
    ("车牌号", "plate"), Type.string, "c..10", SHAPE, Sensitivity.personal, "GA 36-2018", check="plate",
    codes="plate_kind", unit="m",
)  # fmt: skip
OTHER = replace(PLATE, id="DT-TR-0002", name="vin", zh="车辆识别代号", en="VIN", synonyms=("车架号",))
PACK = Pack("transport", "1.2.3", Text("交通", "Transport"), "", (PLATE, OTHER))
COLUMN = Element(
    "weight", "重量", "weight", Type.integer, "kg", minimum=0, maximum=100, max_length=5, values=("1", "2")
)
STANDARD = Standard("freight", "1.2.3", (COLUMN,), "sha256:0")
TABLE = CodeTable(
    "fuel", "1.2.3", Text("燃料", "Fuel"), "own", "high",
    {"A": CodeEntry("A", "汽油", "petrol"), "B": CodeEntry("B", "柴油", "diesel")},
)  # fmt: skip


def packed(**new: Any) -> Pack:
    if "format" in new:
        new["shape"] = format_of(new["format"])
    return replace(PACK, elements=(replace(PLATE, **new), OTHER))


def standard(**new: Any) -> Standard:
    return replace(STANDARD, elements=(replace(COLUMN, **new),))


def kinds(found: tuple[Change, ...]) -> list[str]:
    return [change.what for change in found]


@pytest.mark.parametrize(
    ("new", "what"),
    [
        ({"name": "plate"}, ["renamed"]),
        ({"zh": "车身颜色", "en": "colour"}, ["meaning_changed", "synonyms_removed"]),
        ({"zh": "号牌", "en": "plate", "synonyms": ("机动车号牌号码", "车牌号", "plate")}, ["synonyms_removed"]),
        ({"type": Type.integer}, ["type_changed"]),
        ({"format": "c..8"}, ["format_narrowed"]),
        ({"format": "c7..10"}, ["format_narrowed"]),
        ({"format": "n..10"}, ["format_narrowed"]),
        ({"format": "c..12"}, ["format_widened"]),
        ({"format": "u"}, ["format_widened"]),
        ({"check": "vin"}, ["check_added"]),
        ({"check": ""}, ["check_dropped"]),
        ({"codes": "fuel_type"}, ["codes_changed"]),
        ({"codes": ""}, ["codes_dropped"]),
        ({"unit": "km"}, ["unit_changed"]),
        ({"unit": ""}, ["unit_changed"]),
        ({"sensitivity": Sensitivity.business}, ["sensitivity_lowered"]),
        ({"sensitivity": Sensitivity.sensitive}, ["sensitivity_raised"]),
        ({"synonyms": ("车牌号",)}, ["synonyms_removed"]),
        ({"synonyms": ("车牌号", "plate", "牌照")}, ["wording"]),
        ({"en": "number plate"}, ["synonyms_removed"]),
        ({}, []),
    ],
)
def test_changes_of_a_pack(new: dict[str, Any], what: list[str]) -> None:
    assert kinds(changes(PACK, packed(**new))) == what


@pytest.mark.parametrize(
    ("new", "what"),
    [
        ({"type": Type.number}, "type_widened"),
        ({"type": Type.string}, "type_changed"),
        ({"minimum": 1}, "range_narrowed"),
        ({"minimum": None}, "range_widened"),
        ({"maximum": 99}, "range_narrowed"),
        ({"maximum": 101}, "range_widened"),
        ({"max_length": 4}, "range_narrowed"),
        ({"pattern": "^[0-9]+$"}, "pattern_narrowed"),
        ({"values": ("1",)}, "code_removed"),
        ({"values": ("1", "2", "3")}, "code_added"),
        ({"values": ()}, "codes_dropped"),
        ({"required": True}, "now_required"),
        ({"unit": "t"}, "unit_changed"),
        ({"datum": "GCJ-02"}, "datum_changed"),
        ({"datum": "CGCS2000"}, "wording"),
        ({"zh": "毛重"}, "wording"),
        ({"zh": "高度", "en": "height"}, "meaning_changed"),
        ({"personal": True}, "sensitivity_raised"),
    ],
)
def test_changes_of_a_standard(new: dict[str, Any], what: str) -> None:
    assert kinds(changes(STANDARD, standard(**new))) == [what]
    turned = {"minimum": "range", "maximum": "range", "max_length": "range", "required": "no_longer_required"}
    back = kinds(changes(standard(**new), STANDARD))
    assert len(back) == 1
    assert back[0].startswith(turned.get(next(iter(new)), ""))


def test_elements_that_come_and_go() -> None:
    more = replace(STANDARD, elements=(COLUMN, replace(COLUMN, name="height")))
    needed = replace(STANDARD, elements=(COLUMN, replace(COLUMN, name="height", required=True)))
    assert kinds(changes(STANDARD, more)) == ["added"]
    assert kinds(changes(STANDARD, needed)) == ["new_required"]
    assert kinds(changes(more, STANDARD)) == ["removed"]
    assert changes(more, STANDARD)[0].breaking
    assert changes(more, STANDARD)[0].where == "height"


def test_changes_of_a_code_table() -> None:
    def with_codes(**codes: CodeEntry) -> CodeTable:
        return replace(TABLE, entries=codes)

    a, b = TABLE.entries["A"], TABLE.entries["B"]
    assert kinds(changes(TABLE, with_codes(A=a))) == ["code_removed"]
    assert kinds(changes(TABLE, with_codes(A=a, B=b, C=CodeEntry("C", "电", "electricity")))) == ["code_added"]
    assert kinds(changes(TABLE, with_codes(A=a, B=replace(b, zh="电", en="electricity")))) == ["code_meaning_changed"]
    assert kinds(changes(TABLE, with_codes(A=a, B=replace(b, zh="轻柴油", also=("柴油",))))) == ["wording"]
    renamed = changes(TABLE, with_codes(A=a, B=replace(b, zh="轻柴油")))
    assert kinds(renamed) == ["code_words_removed"]  # a source that writes 柴油 is not understood any more
    assert renamed[0].breaking
    ended = replace(b, valid_to=date(2020, 1, 1), successor=("A",))
    assert kinds(changes(TABLE, with_codes(A=a, B=ended))) == ["code_ended"]
    other = replace(ended, successor=("C",))
    assert kinds(changes(with_codes(A=a, B=ended), with_codes(A=a, B=other))) == ["code_successor_changed"]
    begun = replace(b, valid_from=date(2020, 1, 1))
    assert kinds(changes(TABLE, with_codes(A=a, B=begun))) == ["code_begins_later"]
    assert kinds(changes(with_codes(A=a, B=begun), TABLE)) == ["wording"]
    assert kinds(changes(TABLE, replace(TABLE, whole=False))) == ["codes_changed"]
    assert changes(TABLE, TABLE) == ()


def test_breaking_changes_stand_first_and_say_what_they_break() -> None:
    found = changes(PACK, packed(unit="km", format="c..12", sensitivity=Sensitivity.public))
    assert [change.breaking for change in found] == [True, True, False]
    for change in found:
        assert change.where == "DT-TR-0001"
        assert "{" not in change.told.zh + change.told.en
    assert "no longer in m" in next(change.told.en for change in found if change.what == "unit_changed")


def test_unlike_things_are_not_compared() -> None:
    with pytest.raises(TypeError):
        changes(PACK, STANDARD)
    with pytest.raises(TypeError):
        changes(TABLE, PACK)


LEVELS = {level: Change("x", "y", level, Text("", "")) for level in Level}


@pytest.mark.parametrize(
    ("old", "levels", "new"),
    [
        ("1.2.3", [], "1.2.3"),
        ("1.2.3", [Level.patch], "1.2.4"),
        ("1.2.3", [Level.patch, Level.minor], "1.3.0"),
        ("1.2.3", [Level.minor, Level.major], "2.0.0"),
        ("0.2.3", [Level.major], "0.3.0"),
        ("9.9.9", [Level.major], "10.0.0"),
    ],
)
def test_the_next_version(old: str, levels: list[Level], new: str) -> None:
    assert next_version(old, [LEVELS[level] for level in levels]) == new


@given(st.lists(st.sampled_from(list(Level))))
def test_more_changes_never_ask_for_a_lower_version(levels: list[Level]) -> None:
    def numbers(found: list[Level]) -> list[int]:
        return [int(part) for part in next_version("1.2.3", [LEVELS[level] for level in found]).split(".")]

    assert numbers(levels) == numbers(sorted(levels))
    assert all(numbers(levels) >= numbers(levels[:count]) for count in range(len(levels)))


@pytest.mark.parametrize("version", ["1.2.3", "1.2.4", "1.9.0", "0.9.0"])
def test_a_number_that_hides_a_breaking_change_is_refused(version: str) -> None:
    new = replace(packed(unit="km"), version=version)
    with pytest.raises(Refusal, match="STD-441") as refused:
        accepted(PACK, new)
    assert [problem.where for problem in refused.value.problems] == ["DT-TR-0001"]
    assert refused.value.facts["needed"] == "2.0.0"


def test_a_number_that_shows_it_is_accepted() -> None:
    assert kinds(accepted(PACK, replace(packed(unit="km"), version="2.0.0"))) == ["unit_changed"]
    assert kinds(accepted(PACK, packed(synonyms=("车牌号", "plate", "牌照")))) == ["wording"]
    assert kinds(accepted(STANDARD, replace(standard(maximum=101), version="1.3.0"))) == ["range_widened"]


@pytest.mark.parametrize("version", ["1", "v1.0.0", "1.0", "latest", ""])
def test_a_version_that_is_no_number_is_refused(version: str) -> None:
    with pytest.raises(Refusal, match="STD-442"):
        accepted(PACK, replace(packed(unit="km"), version=version))


def test_every_kind_speaks_both_languages() -> None:
    for what, (_, text) in KINDS.items():
        assert text.zh, what
        assert text.en, what

"""The library of data elements: what ships is right, mistakes in a pack are told together, and words find elements."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.ground.refusal import Refusal
from datong.harmonise import service
from datong.harmonise.model.elements import By, Format, Library, Sensitivity
from datong.harmonise.rules.elements import (
    CHECKS,
    WAYS,
    WRITES,
    Index,
    current,
    format_of,
    found,
    index_of,
    library_of,
    normalised,
    pinyin_of,
)
from datong.harmonise.store import elements as store

FEWEST = {"common": 60, "transport": 35, "finance": 35, "medicine": 35, "energy": 35, "industry": 35}


@pytest.fixture(scope="module")
def library() -> Library:
    return service.library()


@pytest.fixture(scope="module")
def index(library: Library) -> Index:
    return index_of(library)


# --- what ships ----------------------------------------------------------------------------------------------------


def test_the_shipped_library_is_right(library: Library) -> None:
    counts = {pack.name: len(pack.elements) for pack in library.packs}
    assert set(counts) == set(FEWEST)
    assert all(counts[name] >= fewest for name, fewest in FEWEST.items()), counts
    assert library.packs[0].name == "common"


def test_every_element_has_the_words_in_use(library: Library) -> None:
    few = {e.name: e.synonyms for e in library.elements if len(e.synonyms) < 4}
    assert not few
    without = [e.name for e in library.elements if not any(re.search("[一-鿿]", s) for s in e.synonyms)]
    assert not without, "no other Chinese word"
    for element in library.elements:
        own = {element.name, element.zh}
        assert not own & set(element.synonyms), element.name


def test_a_word_in_use_is_not_another_elements_name(library: Library) -> None:
    """Within a pack, and against `common`; two domains may use one word for two things (流量 of cars, of a pipe)."""
    common = library.packs[0].elements
    for pack in library.packs:
        owns = {normalised(w): e.name for e in (*common, *pack.elements) for w in (e.name, e.zh, e.en)}
        used: dict[str, str] = {}
        for element in pack.elements:
            for word in {normalised(s) for s in element.synonyms}:
                assert owns.get(word, element.name) == element.name, f"{element.name}: {word} is {owns[word]}"
                assert used.setdefault(word, element.name) == element.name, f"{word}: {element.name}, {used[word]}"


def test_pinyin_is_what_pypinyin_says_or_the_reason_stands_beside_it(library: Library) -> None:
    for element in library.elements:
        said = (element.pinyin, element.initials)
        if element.pinyin_note:
            assert said != pinyin_of(element.zh), f"{element.name} needs no pinyin_note any more"
        else:
            assert said == pinyin_of(element.zh), element.name


def test_only_the_references_give_numbers_of_ga_t_543(library: Library) -> None:
    numbered = {e.name for e in library.elements if re.search(r"\bDE\d", e.source)}
    assert numbered == {"resident_id"}


def test_every_code_table_and_check_is_used(library: Library) -> None:
    assert {e.codes for e in library.elements if e.codes} == set(library.tables)
    assert {e.check for e in library.elements if e.check} == set(CHECKS)


def test_what_tells_of_a_person_is_not_business(library: Library) -> None:
    """Elements whose names say that they are about one person are at least personal."""
    persons = re.compile(r"^(person|patient|rider|client|driver|passenger|resident|passport|birth|death|given|family)_")
    low = [e.name for e in library.elements if persons.match(e.name) and e.sensitivity.rank < Sensitivity.personal.rank]
    assert set(low) <= {"client_type", "passenger_flow", "passenger_status", "rider_count"}  # kinds and counts
    health = [e for e in library.elements if e.name.startswith(("diagnosis_", "allerg", "encounter_", "observation_"))]
    assert health
    assert all(e.sensitivity is Sensitivity.sensitive for e in health)


def test_licensed_code_systems_are_named_and_not_copied(library: Library) -> None:
    for name in ("icd10", "snomed_ct", "loinc", "cvx", "country", "language"):
        assert library.tables[name].system
        assert not library.tables[name].entries


# --- codes over time -----------------------------------------------------------------------------------------------


def test_a_division_is_resolved_by_the_day_of_the_event(library: Library) -> None:
    division = library.tables["division"]
    assert [e.zh for e in current(division, "310108", date(2015, 1, 1))] == ["闸北区"]
    assert [e.zh for e in current(division, "310108", date(2016, 8, 1))] == ["静安区"]
    assert [e.zh for e in current(division, "341400", date(2012, 1, 1))] == ["合肥市", "芜湖市", "马鞍山市"]
    assert current(division, "520500", date(2010, 1, 1)) == ()  # Bijie was the prefecture 522400 then
    assert [e.code for e in current(division, "522400", date(2020, 1, 1))] == ["520500"]
    assert current(division, "999999", date(2020, 1, 1)) == ()
    assert division.partial


def test_successors_that_go_in_a_circle_end(library: Library) -> None:
    entry = {"zh": "甲", "valid_to": date(2000, 1, 1)}
    files = {"codes/c.yaml": table("c", {"1": entry | {"successor": ["2"]}, "2": entry | {"successor": ["1"]}})}
    made, problems = library_of(files)
    assert not problems
    assert current(made.tables["c"], "1", date(2020, 1, 1)) == ()


# --- reading -------------------------------------------------------------------------------------------------------

ELEMENT = {
    "name": "water_depth", "zh": "水深", "en": "water depth", "pinyin": "shuishen", "initials": "SS",
    "synonyms": ["深度", "depth"], "type": "number", "format": "n..6,2", "unit": "m", "sensitivity": "public",
    "source": "own",
}  # fmt: skip


def pack(name: str, elements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"pack": name, "version": "1.0.0", "title": {"zh": "水", "en": "Water"}, "elements": elements} | more


def table(name: str, codes: dict[Any, Any], **more: Any) -> dict[str, Any]:
    title = {"zh": "表", "en": "Table"}
    return {
        "table": name, "version": "1.0.0", "title": title, "source": "own", "confidence": "high", "codes": codes,
    } | more  # fmt: skip


def told(files: dict[str, Any]) -> set[str]:
    return {problem.where for problem in library_of(files)[1]}


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"name": "Water Depth"}, "name"),
        ({"zh": "depth"}, "zh"),
        ({"en": ""}, "en"),
        ({"pinyin": "shui shen"}, "pinyin"),
        ({"initials": "ss"}, "initials"),
        ({"synonyms": []}, "synonyms"),
        ({"synonyms": ["深度", "深度"]}, "synonyms"),
        ({"synonyms": [1]}, "synonyms"),
        ({"type": "object"}, "type"),
        ({"format": "x9"}, "format"),
        ({"format": "c..6"}, "format"),
        ({"type": "integer"}, "format"),
        ({"check": "platte"}, "check"),
        ({"codes": "none_such"}, "codes"),
        ({"sensitivity": "secret"}, "sensitivity"),
        ({"sensitivity": "sensitive"}, "sensitivity_reason"),
        ({"sensitivity_reason": "because"}, "sensitivity_reason"),
        ({"source": ""}, "source"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_mistake_is_told_with_pack_and_id(change: dict[str, Any], at: str) -> None:
    files = {"elements/water.yaml": pack("water", {"OW-WA-0001": ELEMENT | change})}
    assert told(files) == {f"elements/water.yaml: OW-WA-0001.{at}"}


def test_all_mistakes_of_all_files_are_told_at_once() -> None:
    files = {
        "elements/water.yaml": pack("water", {"OW-WA-0001": ELEMENT | {"type": "x"}, "two": ELEMENT}, version="1"),
        "elements/wind.yaml": pack("water", {}),
        "elements/odd.yaml": ["no pack"],
        "codes/c.yaml": table(
            "c",
            {
                0: {"zh": "零"},
                "1": {"zh": "一", "also": ["x"], "valid_from": date(2001, 1, 1), "valid_to": date(2000, 1, 1)},
                "2": {"zh": "", "also": ["x"], "successor": ["9"]},
            },
            confidence="sure",
        ),
    }  # fmt: skip
    assert {
        "elements/water.yaml: OW-WA-0001.type", "elements/water.yaml: two", "elements/water.yaml: version",
        "elements/wind.yaml: pack", "elements/wind.yaml: elements", "elements/odd.yaml: pack",
        "codes/c.yaml: codes.0", "codes/c.yaml: codes.1.valid_to", "codes/c.yaml: codes.2.zh",
        "codes/c.yaml: codes.2.also", "codes/c.yaml: codes.2.successor", "codes/c.yaml: codes.2.valid_to",
        "codes/c.yaml: confidence",
    } <= told(files)  # fmt: skip


@pytest.mark.parametrize("what", ["id", "name", "zh"])
def test_two_packs_cannot_share_an_id_or_a_name(what: str) -> None:
    other = copy.deepcopy(ELEMENT) | {"name": "other", "zh": "其他"}
    id = "OW-WB-0001"
    if what == "id":
        id = "OW-WA-0001"
    else:
        other[what] = ELEMENT[what]
    files = {"elements/wa.yaml": pack("wa", {"OW-WA-0001": ELEMENT}), "elements/wb.yaml": pack("wb", {id: other})}
    assert told(files) == {f"elements/wb.yaml: {id}"}


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("c18", Format("c", 18, 18)),
        ("c..50", Format("c", 0, 50)),
        ("c5..10", Format("c", 5, 10)),
        ("n4", Format("n", 4, 4)),
        ("n..18,2", Format("n", 0, 18, 2)),
        ("d8", Format("d8")),
        ("d14", Format("d14")),
        ("u", Format("u")),
        *[(wrong, None) for wrong in ("", "c", "n", "c..", "c10..5", "n..2,3", "c..9,2", "d9", "18", "c..50 ")],
    ],
)
def test_ways_of_writing(text: str, format: Format | None) -> None:
    assert format_of(text) == format


def test_every_way_of_writing_that_is_told_is_read_and_used(library: Library) -> None:
    assert all(format_of(way) for way in WAYS)
    assert {shape.kind for way in WAYS if (shape := format_of(way))} == set(WRITES)
    assert {e.shape.kind for e in library.elements} <= set(WRITES)


def test_own_packs_are_added_and_wrong_ones_refused(tmp_path: Path) -> None:
    (tmp_path / "elements").mkdir()
    file = tmp_path / "elements/water.yaml"
    file.write_text(
        "pack: water\nversion: 1.0.0\ntitle: {zh: 水务, en: Water}\nelements:\n  OW-WA-0001:\n"
        "    {name: water_depth, zh: 水深, en: water depth, pinyin: shuishen, initials: SS, synonyms: [深度],\n"
        "     type: number, format: 'n..6,2', unit: m, sensitivity: public, source: own}\n"
    )
    assert service.library(tmp_path).element("water_depth").zh == "水深"
    file.write_text("pack: water\nelements:\n  A: {}\n  A: {}\n")
    with pytest.raises(Refusal, match="STD-440") as refused:
        service.library(tmp_path)
    assert [p.where for p in refused.value.problems] == ["elements/water.yaml:4"]
    with pytest.raises(Refusal, match="STD-440"):
        service.library(tmp_path / "elements")


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes/a.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "codes/b.yaml").write_text("a: [")
    (tmp_path / "codes/c.txt").write_text("no table")
    (tmp_path / "codes/d.yaml").write_text("? [a, b]\n: c\n")
    (tmp_path / "codes/e.yaml").write_text("[" * 100_000)
    (tmp_path / "codes/f.yaml").write_text("a: !!python/object/apply:os.system [id]")
    (tmp_path / "codes/g.yaml").write_text("a: !!map [1]")
    (tmp_path / "codes/h.yaml").write_text("#" * (store.FILE_BYTES_MAX + 1))
    files, problems = store.files_of(tmp_path)
    assert not files
    assert [p.where.partition(":")[0] for p in problems] == [f"codes/{letter}.yaml" for letter in "abdefgh"]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=5,
)


@given(st.data(), JUNK)
def test_junk_anywhere_is_a_problem_and_no_fault(data: st.DataObject, junk: Any) -> None:
    files = {
        "elements/water.yaml": pack("water", {"OW-WA-0001": dict(ELEMENT)}),
        "codes/c.yaml": table("c", {"1": {"zh": "一", "also": ["x"], "successor": [], "valid_to": date(2000, 1, 1)}}),
    }
    assert library_of(files)[1] == []
    file = files[data.draw(st.sampled_from(sorted(files)))]
    places = [(file, key) for key in file]
    places += [
        (inner, key)
        for outer in ("elements", "codes")
        for inner in file.get(outer, {}).values()
        for key in inner
    ]  # fmt: skip
    where, key = data.draw(st.sampled_from(places))
    where[key] = junk
    library_of(files)


# --- finding -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "one"),
    [
        ("VehicleNum", "vehicle_num"),
        ("vehicle-num", "vehicle_num"),
        ("ＶＥＨＩＣＬＥ＿ＮＵＭ", "vehicle_num"),
        ("\ufeff vehicle  num ", "vehicle_num"),
        ("HTTPServerName", "http_server_name"),
        ("[].start.lat", "start_lat"),
        ("车牌号（必填）", "车牌号_必填"),
        ("T24", "t24"),
        ("__", ""),
    ],
)
def test_one_way_of_writing_a_name(text: str, one: str) -> None:
    assert normalised(text) == one
    assert normalised(one) == one


@pytest.mark.parametrize(
    ("text", "name", "by"),
    [
        ("vehicle_plate", "vehicle_plate", By.standard_name),
        ("VehiclePlate", "vehicle_plate", By.standard_name),
        ("机动车号牌号码", "vehicle_plate", By.zh),
        ("Vehicle Plate Number", "vehicle_plate", By.en),
        ("车牌号", "vehicle_plate", By.synonym),
        ("车牌号（必填）", "vehicle_plate", By.synonym),
        ("车牌号码(GA36)", "vehicle_plate", By.synonym),
        ("jidongchehaopaihaoma", "vehicle_plate", By.pinyin),
        ("JDCHPHM", "vehicle_plate", By.initials),
        ("gmsfhm", "resident_id", By.initials),
        ("chepaihao", "vehicle_plate", By.synonym_pinyin),
        ("车排号", "vehicle_plate", By.synonym_pinyin),
        ("公民身分号码", "resident_id", By.pinyin),
        ("jmsfzh", "resident_id", By.synonym_initials),
        ("unemploymant rate '95 ", "unemployment_rate_1995", By.synonym),
        ("VEHICLENUM", "vehicle_id", By.synonym),
    ],
)
def test_a_word_finds_its_element(index: Index, text: str, name: str, by: By) -> None:
    hit = found(index, text)[0]
    assert (hit.element.name, hit.by) == (name, by)


def test_a_word_of_several_meanings_finds_all_the_surest_first(index: Index) -> None:
    hits = found(index, "流量")
    assert hits[0].element.name == "flow_rate"
    assert {"flow_rate", "traffic_volume"} == {hit.element.name for hit in hits}
    assert [hit.by for hit in hits] == sorted(hit.by for hit in hits)


@pytest.mark.parametrize("text", ["", "___", "（）", "zzzq", "不存在的列名", "💧", "a" * 10_000])
def test_an_unknown_word_finds_nothing(index: Index, text: str) -> None:
    assert found(index, text) == ()


def test_every_name_finds_itself_first(library: Library, index: Index) -> None:
    for element in library.elements:
        for word in (element.name, element.zh, element.pinyin):
            assert element in [hit.element for hit in found(index, word)], word
        assert found(index, element.name)[0].element is element
        assert found(index, element.zh)[0].element is element


def test_pinyin_is_loaded_only_for_those_who_look_words_up() -> None:
    code = "import sys, datong.harmonise.service as s; s.library(); sys.exit('pypinyin' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("pack", "words"),
    [
        ("transport", {"毛重": "gross_weight", "皮重": "tare_weight", "净重": "net_weight", "运距": "haul_distance",
                       "过磅单号": "weighing_ticket", "发货单位": "consignor", "收货单位": "consignee", "司机姓名": "driver_name"}),
        ("medicine", {"挂号费": "registration_fee", "医生工号": "provider_id", "科室名称": "clinical_department",
                      "科室代码": "clinical_department_code", "号别": "registration_type", "床号": "bed_number"}),
        ("energy", {"尖电量": "sharp_consumption", "峰电量": "peak_consumption", "平段电量": "flat_consumption",
                    "谷电量": "valley_consumption", "上期示数": "previous_reading", "倍率": "meter_multiplier",
                    "力调电费": "power_factor_charge"}),
    ],
)  # fmt: skip
def test_words_of_the_weighbridge_the_registration_desk_and_the_electricity_bill(
    index: Index, pack: str, words: dict[str, str]
) -> None:
    first = {word: next((hit.element for hit in found(index, word)), None) for word in words}
    assert {word: element and element.name for word, element in first.items()} == words
    ids = {"transport": "DT-TR-", "medicine": "DT-ME-", "energy": "DT-EN-"}
    assert all(element and element.id.startswith(ids[pack]) for element in first.values())

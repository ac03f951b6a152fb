"""Drafted texts: what the values tell is written, what they cannot tell waits for a person, and all of it reads back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from harmonise_desk import prop, standard, write
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.ground import signing
from datong.ground.db import Actor, Store, sqlite_url
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Refusal, Text
from datong.harmonise import service as harmonise
from datong.harmonise.model.mappings import Source, SourceKind, Type
from datong.harmonise.model.matching import Proposal, Verdict
from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.rules import drafting
from datong.harmonise.rules.standards import standard_of
from datong.harmonise.store import texts
from stores import with_tables

LIBRARY = harmonise.library()


def read(text: str) -> Any:
    value, _, problems = texts.read("f.yaml", text.encode(), 1_000_000)
    assert problems == [], text
    return value


def entry(
    element: str, values: list[str | None], verdict: Verdict = Verdict.accept, kind: Type | None = None
) -> tuple[Any, Type]:
    found = Proposal("col", LIBRARY.element(element), 0.9, verdict, Text("因", "why"))
    missing = drafting.missing_of([SampleColumn("col", "", tuple(values), "")])
    return drafting.entry_of(found, SampleColumn("col", "", tuple(values), ""), missing, kind)


@pytest.mark.parametrize(
    ("element", "values", "keys", "confirm", "made"),
    [
        ("vehicle_plate", ["贵A12345"], {"as": "plate"}, False, "string"),
        ("vehicle_id", ["1"], {}, False, "string"),
        ("trip_distance", ["1.5", "2"], {"as": "number"}, True, "number"),
        ("trip_distance", ["1,015.5", "2", "-", None], {"as": "number", "thousands": ","}, True, "number"),
        ("trip_distance", ["１２", "3"], {"as": "number"}, True, "number"),
        ("trip_distance", ["1", "2", "3", "x"], {"as": "number"}, True, "number"),
        ("trip_distance", ["far", "near", "1"], {}, True, "string"),
        ("urbanisation_rate", ["63.39 %", "7 %"], {"as": "number", "percent": True}, False, "number"),
        ("urbanisation_rate", ["63.39%", "7％", "-"], {"as": "number", "percent": True}, False, "number"),
        ("urbanisation_rate", ["63.39%", "7%", "0.56"], {"as": "number", "percent": True}, True, "number"),
        ("urbanisation_rate", ["63.39", "7"], {"as": "number"}, True, "number"),
        ("population", ["1.2万", "3,400", "2亿"], {"as": "number", "thousands": ",", "multipliers": ["亿", "万"]}, False, "number"),
        ("trip_distance", ["63%", "7%"], {}, True, "string"),
        ("trip_distance", ["1.5km", "800 m", "1,200米"], {"as": "number", "carries_unit": True, "thousands": ","}, False, "number"),
        ("trip_distance", ["1.5km", "800 m", "3"], {"as": "number", "carries_unit": True}, True, "number"),
        ("trip_distance", ["1.5kg", "800 kg"], {}, True, "string"),
        ("credit_limit", ["￥12,345.00", "-¥3", "RMB 12"], {"as": "number", "currency": "CNY", "thousands": ","}, False, "number"),
        ("credit_limit", ["￥1.2万", "12", "3元"], {"as": "number", "currency": "CNY", "multipliers": ["万"], "carries_unit": True}, True, "number"),
        ("credit_limit", ["￥(12.5)", "￥3"], {"as": "number", "currency": "CNY", "accounting": True}, False, "number"),
        ("credit_limit", ["225,902.50CR", "12.00DR"], {"as": "number", "negative": "debit", "thousands": ","}, True, "number"),
        ("credit_limit", ["借 12", "￥3贷"], {"as": "number", "negative": "debit", "currency": "CNY"}, True, "number"),
        ("credit_limit", ["2支", "3支"], {}, True, "string"),
        ("credit_limit", ["12.00", "5.00CR", "7.00"], {"as": "number", "negative": "credit"}, True, "number"),
        ("transaction_amount", ["￥12", "￥3.5", "$4"], {"as": "number", "currency": "CNY"}, True, "number"),
        ("transaction_amount", ["12,345.00元", "3元"], {"as": "number", "currency": "CNY", "thousands": ","}, False, "number"),
        ("transaction_amount", ["$12", "US$3.5"], {"as": "number", "currency": "USD"}, False, "number"),
        ("trip_distance", ["￥12", "￥3"], {}, True, "string"),
        ("age", ["45岁", "3岁"], {"as": "number", "carries_unit": True}, False, "integer"),
        ("age", ["45岁", "3月"], {"as": "number", "carries_unit": True}, False, "number"),
        ("trip_distance", ["1", "(12)", "(1,234.50)", "5-"], {"as": "number", "thousands": ",", "accounting": True}, True, "number"),
        ("trip_distance", ["1", "2", "3", "(x)"], {"as": "number"}, True, "number"),
        ("trip_distance", ["1.234,56", "12,5", "7"], {"as": "number", "decimal": ",", "thousands": "."}, True, "number"),
        ("trip_distance", ["12,5", "7,25", "8"], {"as": "number", "decimal": ","}, True, "number"),
        ("day_of_month", ["1.0", "2.0", "3"], {"as": "number"}, False, "integer"),
        ("day_of_month", ["1", "2"], {"as": "number"}, False, "integer"),
        ("day_of_month", ["1.5", "2"], {"as": "number"}, False, "number"),
        ("latitude", ["26.6", "26.7"], {"as": "latitude", "notation": "decimal", "datum": "WGS84"}, True, "number"),
        ("longitude", ["106°42'30\"E"], {"as": "longitude", "notation": "dms", "datum": "WGS84"}, True, "number"),
        ("longitude", ["东经106度42分", "E106°42.5′"], {"as": "longitude", "notation": "dms", "datum": "WGS84"}, True, "number"),
        ("latitude", ["north", "south"], {}, True, "string"),
        ("updated_at", ["2026-02-01 08:00:00+08", "2026-02-01T08:00:00Z"], {"as": "timestamp", "zone": "offset"}, False, "timestamp"),
        ("updated_at", ["2026-02-01 08:00:00"], {"as": "timestamp", "zone": "Asia/Shanghai"}, True, "timestamp"),
        ("updated_at", ["2026/2/1 8:00", "20260201080000"],
         {"as": "timestamp", "zone": "Asia/Shanghai", "formats": ["%Y/%m/%d %H:%M", "%Y%m%d%H%M%S"]}, True, "timestamp"),
        ("updated_at", ["2026-02-01T08:00:00.123456"],
         {"as": "timestamp", "zone": "Asia/Shanghai", "formats": ["%Y-%m-%dT%H:%M:%S.%f"]}, True, "timestamp"),
        ("updated_at", ["01.02.2026", "02.02.2026"], {}, True, "string"),
        ("updated_at", ["1769904000123", "1769904000456.0"], {"as": "timestamp", "zone": "UTC", "formats": ["epoch_ms"]}, False, "timestamp"),
        ("updated_at", ["2026-02-01 08:00:00", "1769904000"],
         {"as": "timestamp", "zone": "Asia/Shanghai", "formats": ["%Y-%m-%d %H:%M:%S", "epoch_s"]}, True, "timestamp"),
        ("updated_at", ["20260201080000", "20260201080001", "1769904000123"],
         {"as": "timestamp", "zone": "Asia/Shanghai", "formats": ["%Y%m%d%H%M%S"]}, True, "timestamp"),
        ("updated_at", ["1769904000", "1769904001.5"], {"as": "timestamp", "zone": "UTC", "formats": ["epoch_s"]}, False, "timestamp"),
        ("updated_at", ["17699040", "1769904000"], {}, True, "string"),
        ("updated_at", ["2026年2月1日 08:00", "2026/2/1 8:00"],
         {"as": "timestamp", "zone": "Asia/Shanghai", "formats": ["%Y年%m月%d日 %H:%M", "%Y/%m/%d %H:%M"]}, True, "timestamp"),
        ("updated_at", ["46082.375", "46083", "2026/3/1 8:30"],
         {"as": "timestamp", "zone": "Asia/Shanghai", "formats": ["excel", "%Y/%m/%d %H:%M"]}, True, "timestamp"),
        ("birth_date", ["30451", "1983-05-16", "30453"], {"as": "date", "formats": ["excel", "%Y-%m-%d"]}, True, "date"),
        ("birth_date", ["1983-05-16 00:00:00"] * 19 + ["1986-05-16 01:00:00"],
         {"as": "date", "formats": ["%Y-%m-%d 00:00:00"]}, False, "date"),
        ("birth_date", ["1983-05-16T00:00:00", "1983/5/16 0:00", "1983.5.16"],
         {"as": "date", "formats": ["%Y-%m-%dT00:00:00", "%Y/%m/%d 0:00", "%Y.%m.%d"]}, False, "date"),
        ("birth_date", ["1983-05-16 00:00:00", "1986-05-16 01:00:00"], {"as": "timestamp", "zone": "Asia/Shanghai"}, True, "timestamp"),
        ("updated_at", ["2026年3月1日 上午9时05分", "2026年3月1日 下午2时30分", "2026/3/1 上午 9:05:00"],
         {"as": "timestamp", "zone": "Asia/Shanghai", "formats": ["%Y年%m月%d日 %p%I时%M分", "%Y/%m/%d %p %I:%M:%S"]}, True, "timestamp"),
        ("birth_date", ["304", "305"], {}, True, "string"),
        ("division_code", ["520102", "５２０１００"], {}, False, "string"),
        ("division_code", ["520102", "99999X"], {}, True, "string"),
        ("division_code", ["520102001001"], {}, True, "string"),
        ("updated_at", [None, ""], {"as": "timestamp", "zone": "Asia/Shanghai"}, True, "timestamp"),
    ],
)  # fmt: skip
def test_the_conversion_is_told_from_the_values(
    element: str, values: list[str | None], keys: dict[str, Any], confirm: bool, made: str
) -> None:
    found, kind = entry(element, values)
    assert (dict(found.keys), found.confirm, kind.value) == (keys, confirm, made)


def test_a_drafted_standard_holds_codes_to_their_form() -> None:
    elements = [LIBRARY.element("division_code"), LIBRARY.element("vehicle_id")]
    drafted = read(drafting.standard_text("places", [(element, Type.string) for element in elements]))
    codes, plain = drafted["schema"][0]["properties"]
    assert codes["logicalTypeOptions"] == {"pattern": r"[1-9]\d{5}"} and "logicalTypeOptions" not in plain


@pytest.mark.parametrize(
    ("element", "values", "keys"),
    [
        ("sex", ["男", "女", "M", None], {"as": "code", "codes": "sex"}), ("sex", ["1", "2", "9"], {"as": "code", "codes": "sex"}),
        ("sex", ["男", "x"], {}), ("sex", [None, ""], {}), ("vehicle_id", ["1"], {}),
    ],
)  # fmt: skip
def test_values_that_are_all_codes_of_the_library_are_read_as_codes(
    element: str, values: list[str | None], keys: dict[str, Any]
) -> None:
    from datong.harmonise.service.drafting import _codes_of

    found = Proposal("col", LIBRARY.element(element), 0.9, Verdict.accept, Text("因", "why"))
    column = SampleColumn("col", "", tuple(values), "")
    made, _ = drafting.entry_of(found, column, (), codes=_codes_of(LIBRARY.element(element), {}))
    assert dict(made.keys) == keys


@pytest.mark.parametrize(
    ("name", "element", "keys", "confirm"),
    [
        ("用电量(万千瓦时)", "electricity_consumption", {"unit": "万千瓦时"}, False),
        ("电量（单位：MWh）", "electricity_consumption", {"unit": "MW.h"}, False),
        ("电价(元/kWh)", "electricity_price", {}, False), ("电量（kW·h）", "electricity_consumption", {}, False),
        ("里程(KM)", "trip_distance", {"unit": "km"}, False), ("里程（公里）", "trip_distance", {"unit": "公里"}, False),
        ("里程（米）", "trip_distance", {}, False), ("行程.distance_km (m)", "trip_distance", {}, False),
        ("tripDistanceMiles", "trip_distance", {"unit": "[mi_i]"}, True), ("里程km", "trip_distance", {"unit": "km"}, True),
        ("里程（吨）", "trip_distance", {}, True), ("里程（含空驶）", "trip_distance", {}, True),
        ("用电量/万千瓦时", "electricity_consumption", {"unit": "万千瓦时"}, False), ("用电量.万千瓦时", "electricity_consumption", {"unit": "万千瓦时"}, False),
        ("里程/km", "trip_distance", {"unit": "km"}, False), ("里程：公里", "trip_distance", {"unit": "公里"}, False),
        ("里程（英里）", "trip_distance", {"unit": "英里"}, False), ("里程（站/次）", "trip_distance", {}, True), ("里程/次", "trip_distance", {}, True), ("trip.km", "trip_distance", {"unit": "km"}, True), ("人口/万人", "population", {}, True), ("人口/人", "population", {}, False),
        ("总费用（万元）", "healthcare_expenses", {}, True), ("trip_min", "trip_distance", {}, True), ("plan_m", "trip_distance", {}, True),
        ("distance", "trip_distance", {}, True), ("age", "age", {}, False), ("航向", "heading", {}, False),
        ("常住人口（万人）", "population", {}, True), ("常住人口（人）", "population", {}, False), ("人口", "population", {}, False),
    ],
)  # fmt: skip
def test_the_unit_that_a_heading_says_is_turned_into_the_elements(
    name: str, element: str, keys: dict[str, Any], confirm: bool
) -> None:
    found = Proposal(name, LIBRARY.element(element), 0.99, Verdict.accept, Text("因", "why"))
    made, kind = drafting.entry_of(found, SampleColumn(name, "", ("1", "2"), ""), ())
    assert (dict(made.keys), made.confirm) == ({"as": "number", **keys}, confirm)
    assert kind is LIBRARY.element(element).type


def test_the_comment_of_a_column_may_say_its_unit() -> None:
    found = Proposal("lc", LIBRARY.element("trip_distance"), 0.99, Verdict.accept, Text("因", "why"))
    made, _ = drafting.entry_of(found, SampleColumn("lc", "里程（公里）", ("1", "2"), ""), ())
    assert (dict(made.keys), made.confirm) == ({"as": "number", "unit": "公里"}, False)


def test_a_standard_that_asks_for_whole_numbers_keeps_their_signs() -> None:
    found, kind = entry("trip_distance", ["1,015.5", "2"], kind=Type.integer)
    assert (found.keys, kind, found.confirm) == ({"as": "number", "thousands": ","}, Type.integer, True)


def test_na_is_no_missing_value_among_codes_of_two_letters() -> None:
    countries = SampleColumn("country", "", ("CN", "NA", "DE", "FR", "NA"), "")
    amounts = SampleColumn("amount", "", ("1.5", "NA", "－", "2"), "")
    assert drafting.missing_of([countries]) == ()
    assert drafting.missing_of([countries, amounts]) == ("NA", "－")


def test_a_dash_among_findings_is_a_finding() -> None:
    """Of a laboratory `-` is negative: taken for no value it would be lost without a word."""
    protein = ["-", "1+", "+-", "NA"]
    assert drafting.missing_of([SampleColumn("protein", "", tuple(protein), "")]) == ("NA",)
    found = Proposal("col", LIBRARY.element("remark"), 0.9, Verdict.accept, Text("因", "why"))
    drafted, _ = drafting.entry_of(found, SampleColumn("col", "", tuple(protein), ""), ("-", "NA"), None)
    assert (drafted.keys, drafted.confirm) == ({"missing": ["", "NA"]}, True)
    assert "a dash is a finding" in drafted.said
    for others in (["-", "12"], ["-", "阴天"], ["-", "A+"], ["-"]):
        column = SampleColumn("col", "", tuple(others), "")
        assert drafting.entry_of(found, column, ("-",), None)[0].keys.get("missing") is None, others


def test_an_asked_column_waits_and_a_standard_keeps_its_type() -> None:
    assert entry("vehicle_id", ["1"], Verdict.ask)[0].confirm
    found, kind = entry("trip_distance", ["far", "near"], kind=Type.number)
    assert (kind, found.keys, found.confirm) == (Type.number, {"as": "number"}, True)
    assert "asks for a number" in found.said


def test_no_value_stands_in_a_text() -> None:
    secret = "SECRET-110101199003074514"
    found, _ = entry("trip_distance", [secret, "1"])
    assert secret not in repr(found)


@pytest.mark.parametrize(
    ("stem", "name"),
    [("trips 2019-09", "trips_2019_09"), ("车辆信息", "cheliangxinxi"), ("ETTh1", "etth1"), ("2019年-账户", "t_2019_nian_zhanghu"),
     ("ＡＢ（１）", "ab_1"), ("///", "t"), ("x" * 99, "x" * 40), ("Ünï", "n")],
)  # fmt: skip
def test_the_name_of_a_source(stem: str, name: str) -> None:
    assert drafting.name_of(stem) == name


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_stem_makes_a_name(stem: str) -> None:
    from datong.harmonise.model.texts import NAME

    assert NAME.fullmatch(drafting.name_of(stem))


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
        | st.booleans()
        | st.integers(-(2**53) + 1, 2**53 - 1),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=3
            )
        ),
        max_leaves=8,
    )
)
def test_whatever_is_written_reads_back(value: Any) -> None:
    """Column names come from files that strangers made: none of them may become another YAML than it is."""
    assert read(f"key: {drafting.inline(value)}\n") == {"key": value}


@settings(max_examples=200, deadline=None)
@given(
    column=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30),
    said=st.text(max_size=60),
)
def test_a_hostile_column_name_stays_a_name(column: str, said: str) -> None:
    from datong.harmonise.model.drafts import Entry

    source = Source("x", SourceKind.csv, "x.csv")
    lines = [
        Entry("vehicle_id", column, {}, said, confirm=False),
        Entry("amount", column, {"as": "number"}, said, confirm=True),
    ]
    value = read(drafting.mapping_text(source, "s", "", lines, left=[column, "no"], missing=["-"]))
    assert value["columns"] == {"vehicle_id": column, "amount": {"from": column, "as": "number", "confirm": True}}
    assert value["left"] == [column, "no"]
    assert value["missing"] == ["", "-"]


def test_every_element_of_the_library_makes_a_valid_standard() -> None:
    elements = [(element, element.type) for element in LIBRARY.elements]
    found, problems = standard_of("s.yaml", read(drafting.standard_text("all", elements)))
    assert problems == []
    assert found is not None
    assert len(found.elements) == len(elements) > 500
    personal = {element.name for element in found.elements if element.personal}
    assert {"vehicle_plate", "vehicle_id"} <= personal and "trip_distance" in {e.name for e in found.elements}


# --- the whole of it --------------------------------------------------------------------------------------------

CSV = "车牌号,更新时间,离场时间,停车费,zzqx\n" + "".join(
    f"贵A{n:05},2026-02-{n % 27 + 1:02} 08:03:11,2026-02-{n % 27 + 1:02} 09:40:02,{n % 40}.5,{n * 7919 % 13}\n"
    for n in range(40)
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """draft(source, standard, ...) at a node whose folder is the workspace."""
    store = Store(sqlite_url(tmp_path / "datong.db"))
    with_tables(store)
    signing.install(store, PrivateKey.at(tmp_path / "keys" / "node.pem"), signing.Me("", "", "n", ""))
    harmonise.install(store, tmp_path)
    person = Actor(person="local", role="data_engineer", roles=frozenset({"data_engineer"}))

    def draft(source: str, name: str = "transport", **more: Any) -> Any:
        with store.begin(person, "harmonise") as tx:
            return harmonise.draft(tx, workspace=".", source=source, standard=name, **more)

    def checked() -> dict[str, Any]:
        with store.read(person) as tx:
            return harmonise.check(tx, workspace=".")

    draft.checked = checked  # type: ignore[attr-defined]
    yield draft
    store.dispose()


def test_from_a_file_to_texts_that_wait_for_a_person(desk: Any, tmp_path: Path) -> None:
    (tmp_path / "停车.csv").write_bytes(CSV.encode("gb18030"))
    told = desk(str(tmp_path / "停车.csv"))
    assert told.written == ["sources/tingche.yaml", "standards/tingche.odcs.yaml", "mappings/tingche.yaml"]
    source = read((tmp_path / "sources/tingche.yaml").read_text("utf-8"))
    assert source == {"kind": "csv", "path": "停车.csv", "encoding": "gb18030"}
    by_column = {proposal.column: proposal for proposal in told.proposals}
    assert by_column["车牌号"].element.name == "vehicle_plate"
    waiting = desk.checked()["problems"]
    assert waiting and all(problem["line"] and problem["where"].endswith(".confirm") for problem in waiting), waiting
    assert len(waiting) == len(told.confirm)
    mapping = tmp_path / "mappings/tingche.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace(", confirm: true", ""), "utf-8")
    assert desk.checked()["accepted"]
    again = desk(str(tmp_path / "停车.csv"))
    assert (again.written, again.there) == ([], ["standards/tingche.odcs.yaml", "mappings/tingche.yaml"])
    assert again.confirm == [], "nothing waits in a mapping that a person went through"
    assert ", confirm: true" not in mapping.read_text("utf-8"), "what a person did stays"


def test_what_a_mapping_says_is_given_when_its_source_is_matched_again(desk: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV, "utf-8")
    first = {proposal.column: proposal for proposal in desk(str(tmp_path / "a.csv")).proposals}
    mapping = tmp_path / "mappings/a.yaml"
    columns = read(mapping.read_text("utf-8"))["columns"]
    waiting = [e["from"] for e in columns.values() if isinstance(e, dict) and e.get("confirm")]
    assert waiting, "something is left to a person"
    text = mapping.read_text("utf-8")
    mapping.write_text(text.replace(", confirm: true", "", 1), "utf-8")
    again = {proposal.column: proposal for proposal in desk(str(tmp_path / "a.csv")).proposals}
    given = {c for c, proposal in again.items() if proposal.reason.en == "the mapping says so already"}
    assert waiting[0] in given and not given & set(waiting[1:])
    assert all(again[column].score == 1 and again[column].element == first[column].element for column in given)


def test_an_object_that_is_null_now_and_then_is_no_column(desk: Any, tmp_path: Path) -> None:
    rows = [{"vehicle": {"plateNo": f"贵A{n:05}", "owner": None}, "place": None} for n in range(40)]
    rows[3]["vehicle"] = None
    (tmp_path / "trips.json").write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
    columns = [proposal.column for proposal in desk(str(tmp_path / "trips.json")).proposals]
    assert sorted(columns) == ["place", "vehicle.owner", "vehicle.plateNo"]


def test_of_a_mapping_what_waits_and_what_is_of_another_source_is_not_given() -> None:
    columns = {"a": "x", "b": {"from": "y", "confirm": True}, "c": {"from": "z", "as": "number"}, "d": {"value": "1"}}
    contents = {
        "mappings/m.yaml": {"source": "s", "columns": columns},
        "mappings/n.yaml": {"source": "t", "columns": {"e": "x"}},
        "mappings/o.yaml": {"source": "s", "table": "u", "columns": {"f": "v"}},
        "mappings/p.yaml": None, "mappings/q.yaml": {"source": "s", "columns": ["x"]}, "sources/s.yaml": {"source": "s"},
    }  # fmt: skip
    assert drafting.given_in(contents, "s") == {"x": "a", "z": "c", "v": "f"}
    assert drafting.given_in(contents, "s", "u") == {"v": "f"}


def test_against_a_standard_of_the_workspace(desk: Any, tmp_path: Path) -> None:
    plate = prop(
        "plate", required=True, businessName="Number plate", synonyms=[{"synonym": "号牌号码", "locale": "zh-CN"}]
    )
    paid = prop("paid", "number", businessName="Parking fee", synonyms=[{"synonym": "停车费", "locale": "zh-CN"}])
    late = prop(
        "owner_name",
        required=True,
        businessName="Name of the owner",
        synonyms=[{"synonym": "机动车所有人", "locale": "zh-CN"}],
    )
    write(tmp_path, {"standards/visit.odcs.yaml": standard(plate, paid, late)})
    (tmp_path / "a.csv").write_text(CSV, "utf-8")
    told = desk(str(tmp_path / "a.csv"), "visit")
    assert told.written == ["sources/a.yaml", "mappings/a.yaml"], "the standard is there"
    columns = read((tmp_path / "mappings/a.yaml").read_text("utf-8"))["columns"]
    assert columns["paid"] in ({"from": "停车费", "as": "number"}, {"from": "停车费", "as": "number", "confirm": True})
    assert any("owner_name" in doubt.en for doubt in told.doubts)


def test_a_database_names_its_main_table(desk: Any, tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "p.db") as store:
        store.executescript(
            "create table visit (id integer primary key, plate text); create table gate (gate_id text); insert into visit values (1, '贵A12345');"
        )
    store.close()
    with pytest.raises(Refusal, match=r"STD-452.*gate, visit"):
        desk(str(tmp_path / "p.db"))
    assert not (tmp_path / "sources").exists(), "a refusal leaves nothing behind"
    told = desk(str(tmp_path / "p.db"), table="visit")
    assert told.written == ["sources/p.yaml", "standards/p_visit.odcs.yaml", "mappings/p_visit.yaml"]
    mapping = read((tmp_path / "mappings/p_visit.yaml").read_text("utf-8"))
    assert mapping["table"] == "visit"
    assert "visit.plate" in str(mapping["columns"])


@pytest.mark.parametrize(
    ("source", "code"),
    [("none", "STD-453"), ("{folder}/none.csv", "STD-453"), ("{folder}/keys/node.pem", "STD-410"), ("{folder}/datong.db", "STD-410"),
     ("{folder}/x.pdf", "STD-450"), ("{folder}/../outside.csv", "STD-451"), ("{folder}/link.csv", "STD-451"), ("{folder}", "STD-453"),
     ("{folder}/header.csv", "STD-413")],
)  # fmt: skip
def test_what_is_refused_leaves_nothing(desk: Any, tmp_path: Path, source: str, code: str) -> None:
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.7 ...")
    (tmp_path / "header.csv").write_text("编号,金额\n", "utf-8")
    outside = tmp_path.parent / "outside.csv"
    outside.write_text(CSV, "utf-8")
    (tmp_path / "link.csv").symlink_to(outside)
    with pytest.raises(Refusal, match=code):
        desk(source.format(folder=tmp_path))
    assert not (tmp_path / "sources").exists()
    assert not (tmp_path / "mappings").exists()


def test_a_sheet_of_a_workbook_is_taken_by_its_name(desk: Any, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "一月"
    for sheet, header in ((book.active, "停车费"), (book.create_sheet("二月"), "车牌号")):
        sheet.append([header, "离场时间"])
        for n in range(9):
            sheet.append([f"贵A1234{n}" if header == "车牌号" else n, f"2026-02-0{n + 1} 08:03:11"])
    book.save(tmp_path / "gate.xlsx")
    file = str(tmp_path / "gate.xlsx")
    first = desk(file)
    assert first.written[0] == "sources/gate.yaml" and "--table takes another" in first.doubts[0].en
    second = desk(file, table="二月")
    assert second.written == ["sources/gate_eryue.yaml", "standards/gate_eryue.odcs.yaml", "mappings/gate_eryue.yaml"]
    assert "车牌号" in {proposal.column for proposal in second.proposals}
    assert "sheet: 二月" in (tmp_path / "sources/gate_eryue.yaml").read_text("utf-8")
    assert desk(file, table="二月").there == ["standards/gate_eryue.odcs.yaml", "mappings/gate_eryue.yaml"]
    with pytest.raises(Refusal, match=r"STD-452.*一月, 二月"):
        desk(file, table="三月")


MONTHS = {  # month -> (header, the time of row n)
    1: ("车牌号,更新时间,离场时间,停车费(元)", "2026-01-{:02} 08:03:11"),
    2: ("车牌号,更新时间,离场时间,停车费(元)", "2026/02/{:02} 08:03"),
    3: ("车牌号码,更新时间,离场时间,停车费(元),车场", "2026-03-{:02} 08:03:11"),
    4: ("车场,车牌号码,更新时间,离场时间,收费金额", "2026-04-{:02} 08:03:11"),
}


def months(folder: Path) -> None:
    folder.mkdir()
    for month, (header, form) in MONTHS.items():
        lines = [header]
        for n in range(1, 29):
            row = {"车场": "N7", "停车费(元)": f"{n}.5", "收费金额": f"{n * 9}.25"}
            names = header.split(",")
            plate = f"贵A{month}{n:04}"
            lines.append(",".join(row.get(name, plate if "车牌" in name else form.format(n)) for name in names))
        (folder / f"2026-{month:02}.csv").write_text("\n".join(lines), "utf-8")


def test_a_table_in_several_files_is_drafted_over_all_of_them(desk: Any, tmp_path: Path) -> None:
    """Headers change in March, ways of writing in February: the first file tells of neither."""
    months(tmp_path / "parking")
    told = desk(f"{tmp_path}/parking/2026-*.csv")
    assert told.written == ["sources/parking.yaml", "standards/parking.odcs.yaml", "mappings/parking.yaml"]
    mapping = yaml.safe_load((tmp_path / "mappings" / "parking.yaml").read_text("utf-8"))["columns"]
    plate = next(entry for entry in mapping.values() if "车牌号" in str(entry))
    assert (plate["from"], plate["confirm"]) == (["车牌号", "车牌号码"], True)
    time = next(entry for entry in mapping.values() if "离场时间" in str(entry))
    assert time["formats"] == ["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M"]
    said = [doubt.en for doubt in told.doubts]
    assert "The header of parking/2026-03.csv is another: it has also 车场." in said
    assert "The header of parking/2026-04.csv is another: it lacks 停车费(元) and has also 收费金额, 车场." in said


def encoded(folder: Path, *gb18030: int) -> None:
    for month in gb18030:
        file = folder / f"2026-{month:02}.csv"
        file.write_bytes(file.read_text("utf-8").encode("gb18030"))


@pytest.mark.parametrize("gb18030", [(1, 2, 4), (3,)])
def test_files_of_several_encodings_are_read_each_in_its_own(
    desk: Any, tmp_path: Path, gb18030: tuple[int, ...]
) -> None:
    months(tmp_path / "parking")
    encoded(tmp_path / "parking", *gb18030)
    told = desk(f"{tmp_path}/parking/2026-*.csv")
    source = yaml.safe_load((tmp_path / "sources" / "parking.yaml").read_text("utf-8"))
    assert source["encoding"] == ["utf-8", "gb18030"]
    assert "Its files are in several encodings: each is read in its own." in [doubt.en for doubt in told.doubts]
    assert "The header of parking/2026-03.csv is another: it has also 车场." in [doubt.en for doubt in told.doubts]


def test_a_file_of_several_that_cannot_be_read_is_told(desk: Any, tmp_path: Path) -> None:
    months(tmp_path / "parking")
    encoded(tmp_path / "parking", 1, 2, 4)
    with (tmp_path / "parking" / "2026-03.csv").open("ab") as file:
        file.write("\n贵A31806,停车".encode("gb18030"))
    told = desk(f"{tmp_path}/parking/2026-*.csv")
    assert "parking/2026-03.csv" in next(doubt.en for doubt in told.doubts if "mixes encodings" in doubt.en)
    assert "mappings/parking.yaml" in told.written


def test_fields_that_json_files_may_leave_out_are_those_of_the_table(desk: Any, tmp_path: Path) -> None:
    for number, field in enumerate(("车牌号", "停车费")):
        lines = [json.dumps({"离场时间": "2026-02-01 08:03:11", field: f"贵A1234{n}"}) for n in range(9)]
        (tmp_path / f"visit-{number}.ndjson").write_text("\n".join(lines), "utf-8")
    told = desk(f"{tmp_path}/visit-*.ndjson")
    assert {proposal.column for proposal in told.proposals} == {"离场时间", "车牌号", "停车费"}


def test_lists_are_told_with_what_makes_rows_of_them(desk: Callable[..., Any], tmp_path: Path) -> None:
    visits = [
        {"plate": "贵A12345", "stops": [{"at": "N1"}] * (n % 3), "tags": ["a"], "note": "[{" if n else "x"}
        for n in range(9)
    ]
    (tmp_path / "visits.ndjson").write_text("\n".join(map(json.dumps, visits)), "utf-8")
    said = [doubt.en for doubt in desk(f"{tmp_path}/visits.ndjson").doubts]
    assert [text for text in said if text.startswith("stops")] == [
        "stops holds lists of objects, read as one text: `unnest: stops` in the source makes each item a row; then match "
        "again."
    ]
    assert not any(text.startswith("tags") for text in said)
    with (tmp_path / "sources" / "visits.yaml").open("a") as source:
        source.write("unnest: stops\n")
    (tmp_path / "mappings" / "visits.yaml").unlink()
    again = desk("visits")
    assert "stops.at" in [proposal.column for proposal in again.proposals]
    assert not any("unnest" in doubt.en for doubt in again.doubts)


def test_two_names_in_one_file_are_no_renaming(desk: Any, tmp_path: Path) -> None:
    for name, header in (("1", "车牌号,停车费"), ("2", "车牌号码,停车费"), ("3", "车牌号,车牌号码,停车费")):
        row = ",".join(["贵A12345"] * header.count("牌") + ["5"])
        (tmp_path / f"v-{name}.csv").write_text(f"{header}\n" + f"{row}\n" * 9, "utf-8")
    desk(f"{tmp_path}/v-*.csv")
    assert "车牌号码" not in (tmp_path / "mappings" / "v.yaml").read_text("utf-8")


def test_an_unknown_standard_is_refused_and_nothing_that_fits_is_said(desk: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV, "utf-8")
    with pytest.raises(Refusal, match="transport"):
        desk(str(tmp_path / "a.csv"), "transprot")
    (tmp_path / "b.csv").write_text("qqqx,wwwy\n\u2603,\u2604\n\u2605,\u2606\n", "utf-8")
    told = desk(str(tmp_path / "b.csv"), "medicine")
    if all(p.verdict is Verdict.leave for p in told.proposals):
        assert told.written == ["sources/b.yaml"]
        assert "No column was matched" in told.doubts[-1].en


PACK = """
pack: water
version: 1.0.0
title: {zh: 水务, en: Water}
elements:
  MY-WA-0001: {name: river_level, zh: 河道水位, en: river level, pinyin: hedaoshuiwei, initials: HDSW, synonyms: [河水位],
               type: number, format: "n..8,3", unit: m, sensitivity: public, source: own}
  MY-WA-0002: {name: water_grade, zh: 水质类别, en: grade of the water, pinyin: shuizhileibie, initials: SZLB,
               synonyms: [水质等级], type: string, format: c..2, codes: water_grade, sensitivity: public, source: own}
"""
GRADES = """
table: water_grade
version: 1.0.0
title: {zh: 水质类别, en: Grades}
source: GB 3838-2002
confidence: high
codes:
  "1": {zh: Ⅰ类, en: grade I}
  "2": {zh: Ⅱ类, en: grade II, also: [II]}
"""


def test_a_pack_and_a_code_table_of_the_workspace_are_matched_and_built_with(desk: Any, tmp_path: Path) -> None:
    for folder, text in (("elements/water.yaml", PACK), ("codes/water_grade.yaml", GRADES)):
        (tmp_path / folder).parent.mkdir()
        (tmp_path / folder).write_text(text, "utf-8")
    (tmp_path / "r.csv").write_text("河水位（厘米）,水质等级\n" + "201,Ⅰ类\n205,II\n" * 20, "utf-8")
    desk(str(tmp_path / "r.csv"), "water")
    columns = read((tmp_path / "mappings/r.yaml").read_text("utf-8"))["columns"]
    assert columns == {
        "river_level": {"from": "河水位（厘米）", "as": "number", "unit": "厘米"},
        "water_grade": {"from": "水质等级", "as": "code", "codes": "water_grade"},
    }
    assert desk.checked()["accepted"]
    (tmp_path / "codes/water_grade.yaml").write_text(GRADES.replace("confidence: high", "confidence: sure"), "utf-8")
    (tmp_path / "elements/water.yaml").write_text(PACK.replace("sensitivity: public", "sensitivity: pubic", 1), "utf-8")
    told = {(problem["file"], problem["line"], problem["where"]) for problem in desk.checked()["problems"]}
    assert told == {("elements/water.yaml", 7, "MY-WA-0001.sensitivity"), ("codes/water_grade.yaml", 6, "confidence")}
    with pytest.raises(Refusal, match="STD-460"):
        desk(str(tmp_path / "r.csv"), "water")
    (tmp_path / "elements/water.yaml").unlink()
    (tmp_path / "elements/water.yaml").symlink_to(tmp_path.parent / "elsewhere.yaml")
    assert any("leads out of the workspace" in problem["en"] for problem in desk.checked()["problems"])

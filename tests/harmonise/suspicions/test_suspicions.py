"""Each suspicion on columns that hold the trap, and on ones that look like it and do not."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.model.suspicions import KINDS, Suspicion
from datong.harmonise.rules import suspicions as rules

CHANCE = random.Random(17)


def look(**columns: list[str]) -> list[Suspicion]:
    found = rules.suspected([SampleColumn(path, "", tuple(values), "") for path, values in columns.items()])
    assert all(one.kind in KINDS and one.told.zh and one.told.en for one in found)
    return list(found)


def kinds(**columns: list[str]) -> set[str]:
    return {one.kind for one in look(**columns)}


DAY = [6, 4, 2, 1, 1, 1, 3, 12, 30, 22, 20, 22, 25, 24, 22, 24, 30, 40, 34, 24, 16, 10, 6, 3]
"""How a city's trips spread over its local day."""


def times(shift: int, rows: int = 3000, curve: list[int] = DAY) -> list[str]:
    start = datetime(2019, 6, 1, tzinfo=UTC)
    hours = random.Random(5).choices(range(24), weights=curve, k=rows)
    chance = random.Random(6)
    moments = [
        start + timedelta(days=n % 60, hours=hour + shift, minutes=chance.randrange(60), seconds=chance.randrange(60))
        for n, hour in enumerate(hours)
    ]
    return [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in moments]


@pytest.mark.parametrize("shift", [0, 1, -1])
def test_a_local_day_is_no_suspicion(shift: int) -> None:
    assert "not_local_time" not in kinds(at=times(shift))


@pytest.mark.parametrize(("shift", "back"), [(4, -4), (5, -5), (8, -8), (-8, 8), (12, 12), (-5, 5)])
def test_a_shifted_day_is_told_with_the_shift(shift: int, back: int) -> None:
    (found,) = [one for one in look(at=times(shift)) if one.kind == "not_local_time"]
    assert abs((int(found.evidence["shift_hours_to_night"]) - back + 12) % 24 - 12) <= 1
    assert found.evidence["share_in_quiet_hours"] < 0.1
    assert f"UTC{found.evidence['shift_hours_to_night']:+d}" in found.told.en


def test_times_without_a_night_or_with_a_declared_offset_are_left_alone() -> None:
    assert "not_local_time" not in kinds(at=times(5, curve=[1] * 24))
    assert "not_local_time" not in kinds(at=times(5, rows=200))
    column = SampleColumn("at", "", tuple(times(5)), "")
    assert rules.suspected([column], {"at": "offset"}) == ()
    (found,) = rules.suspected([column], {"at": "America/New_York"})
    assert "declared America/New_York" in found.told.en


def test_office_hours_are_no_trap() -> None:
    assert "not_local_time" not in kinds(at=times(0, curve=[0] * 8 + [5] * 10 + [0] * 6))


def test_a_birth_number_hides_sex() -> None:
    chance = random.Random(3)
    women = [
        f"{chance.randrange(20, 99)}{50 + chance.randrange(1, 13)}{chance.randrange(1, 29):02}" for _ in range(200)
    ]
    men = [f"{chance.randrange(20, 99)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}" for _ in range(200)]
    (found,) = [one for one in look(n=women + men) if one.kind == "hidden_sex"]
    assert (found.evidence["share_dates"], found.evidence["share_dates_month_plus_50"]) == (0.5, 0.5)
    assert "hidden_sex" not in kinds(n=men)
    assert "hidden_sex" not in kinds(n=[f"{chance.randrange(10**6):06}" for _ in range(500)])


def test_leading_zeros() -> None:
    chance = random.Random(4)
    codes = [f"{chance.randrange(10**6):06}" for _ in range(2000)]
    assert "leading_zeros" not in kinds(code=codes)
    (found,) = [
        one for one in look(code=[str(int(code)) for code in codes if int(code) > 9999]) if one.kind == "leading_zeros"
    ]
    assert 0.05 < float(found.evidence["share_short"]) < 0.15
    assert "leading_zeros" not in kinds(n=[str(n) for n in range(1, 15_000)])
    assert "leading_zeros" not in kinds(n=[str(int(10 ** chance.uniform(2, 6))) for _ in range(2000)])
    amounts = [str(chance.randrange(1000, 49_000, 25)) for _ in range(800)]
    assert "leading_zeros" not in kinds(loan=amounts), "a loan is a round sum"
    short = [str(int(code)) for code in codes if int(code) > 9999]
    assert rules.suspected([SampleColumn("n", "", tuple(short), "")], numbers={"n"}) == (), "declared a number"
    assert "leading_zeros" in kinds(ZIP=[str(chance.randrange(1001, 2791)) for _ in range(300)])


def test_zeros_lost_in_a_short_report_with_a_total_and_a_note() -> None:
    codes = [f"{n:06d}" if n % 2 else str(n) for n in range(1, 29)]
    (found,) = (one for one in look(code=[*codes, "合计", "填表人：张三"]) if one.kind == "leading_zeros")
    assert found.evidence["length"] == 6
    assert "leading_zeros" not in kinds(code=[f"{n:06d}" for n in range(30)])
    assert "leading_zeros" not in kinds(code=codes[:10])


def test_columns_renamed_in_the_middle() -> None:
    half, none = [f"106.{n:03d}" for n in range(30)], [""] * 30
    (found,) = (one for one in look(jd=[*half, *none], wd=[*half, *none], lng=[*none, *half]) if one.kind == "renamed")
    assert (found.columns, dict(found.evidence)) == (("jd", "wd", "lng"), {"row": 31})
    assert "renamed" not in kinds(jd=[*half, *none], lng=[*[""] * 40, *half[:20]]), "ten rows have neither"
    assert "renamed" not in kinds(jd=half + half, note=[*none, *half])


def test_leading_zeros_lost_in_some_cells() -> None:
    chance = random.Random(5)
    numbers = [f"{n:08}" for n in range(770_000, 771_000)]
    assert "leading_zeros" not in kinds(no=numbers)
    (found,) = [
        one
        for one in look(no=[n if chance.random() < 0.8 else str(int(n)) for n in numbers])
        if one.kind == "leading_zeros"
    ]
    assert (found.evidence["length"], 0.15 < float(found.evidence["share_short"]) < 0.25) == (8, True)
    phones = [f"0851{chance.randrange(10**7, 10**8)}" for _ in range(300)] + [
        f"13{chance.randrange(10**8, 10**9)}" for _ in range(200)
    ]
    assert "leading_zeros" not in kinds(phone=phones), "a mobile number is a digit shorter than a landline"
    assert "leading_zeros" not in kinds(x=[*numbers, *map(str, range(10_000, 10_200))])


def test_two_units_in_one_column() -> None:
    chance = random.Random(8)
    metres = [f"{chance.gauss(1500, 80):.1f}" for _ in range(300)]
    kilometres = [f"{chance.gauss(1.5, 0.08):.4f}" for _ in range(300)]
    (found,) = [one for one in look(length=metres + kilometres) if one.kind == "mixed_units"]
    assert found.evidence["factor"] == 1000
    assert "mixed_units" not in kinds(length=metres)
    assert "mixed_units" not in kinds(price=[f"{10 ** chance.uniform(0, 4):.2f}" for _ in range(1000)])


def test_numbers_without_the_unit_that_others_carry() -> None:
    weights = [
        SampleColumn("weight", "", tuple([f"{n}.5kg" for n in range(40)] + [f"{n}" for n in range(300, 320)]), "")
    ]
    (found,) = rules.suspected(weights, numbers={"weight"})
    assert (found.kind, found.columns) == ("unit_left_out", ("weight",))
    assert found.evidence == {"values": 60, "unit": "kg", "share": 0.3333}
    assert not rules.suspected(weights), "of what is not read as a number"
    every = [SampleColumn("weight", "", tuple(f"{n}kg" for n in range(60)), "")]
    assert not rules.suspected(every, numbers={"weight"})


@pytest.mark.parametrize(("heading", "wanted", "said"), [
    ("用水量（吨）", "m3", "吨"), ("能耗（吨标准煤）", "kW.h", "吨标准煤"), ("单价（元/箱）", "CNY", "元/箱"), ("价格(美元/桶)", "CNY", "美元/桶"),
    ("血糖（mmol/L）", "mg", "mmol/L"), ("amount (GBP)", "CNY", "GBP"), ("用电量（百万度）", "kW.h", "百万度"), ("金额（港元）", "CNY", "港元"),
    ("用水量（方）", "m3", ""), ("里程（英里）", "km", ""), ("电量（MWh）", "kW.h", ""), ("金额（元）", "CNY", ""), ("金额（元）", "", ""),
    ("金额（含税）", "CNY", ""), ("金额（个人）", "CNY", ""), ("速度（平均）", "km/h", ""), ("功率(max)", "kW", ""), ("电压（A）", "km", ""),
    ("距离(Y/N)", "km", ""), ("时长（时:分）", "s", ""), ("用水量（吨）", "{unknown}", ""),
])  # fmt: skip
def test_a_unit_in_a_heading_that_is_not_turned(heading: str, wanted: str, said: str) -> None:
    found = rules.unit_unread(heading, wanted)
    assert [one.evidence for one in found] == ([{"unit": said, "element_unit": wanted}] if said else [])


def test_values_that_stand_for_none() -> None:
    chance = random.Random(9)
    ages = [str(chance.randrange(18, 80)) for _ in range(500)]
    found = {one.evidence["value"] for one in look(age=[*ages, *["9999"] * 20]) if one.kind == "sentinel"}
    assert found == {"9999"}
    assert "sentinel" in kinds(age=[*ages, *["-1"] * 20])
    assert "sentinel" not in kinds(age=ages)
    for none in ("999.9", "-99.99", "999990", "999017", "32766", "65535", "2147483647", "9999999", "999999.0"):
        assert [one.evidence["value"] for one in look(t=[*ages, *[none] * 9]) if one.kind == "sentinel"] == [none]
    weather = [*ages, *["999999"] * 20, *["999999.0"] * 6, *["32766"] * 30, *["-999.9"] * 5]
    each = {one.evidence["value"] for one in look(t=weather) if one.kind == "sentinel"}
    assert each == {"999999", "999999.0", "32766", "-999.9"}, "one hides behind another"
    assert "sentinel" not in kinds(t=[str(n) for n in range(32_000, 33_000)] + ["32766"] * 9)
    assert "sentinel" not in kinds(amount=[str(n) for n in range(9000, 11_000)] + ["9999"] * 9)
    days = [f"2019-0{chance.randrange(1, 10)}-11" for _ in range(300)]
    assert "sentinel" in kinds(born=[*days, *["1900-01-01"] * 9])
    assert "sentinel" not in kinds(born=days)


def test_ids_that_a_spreadsheet_damaged() -> None:
    whole = [str(520102199001010000 + n) for n in range(200)]
    assert "exponent" in kinds(id=[*whole, *["5.20102E+17"] * 20])
    assert "exponent" in kinds(id=[repr(float(6222020200112233445 + 12345 * n)) for n in range(200)])
    assert "exponent" not in kinds(id=whole)
    lettered = [f"G5201{n:014d}" for n in range(200)]
    assert "exponent" in kinds(id=[*lettered, *[f"2.0260000000{n:04d}e+16" for n in range(90)]]), "some with letters"
    assert "exponent" not in kinds(load=[*["<20"] * 100, *[f"{n}.5E+07" for n in range(1, 10)] * 2, *["TND"] * 50])
    assert "exponent" not in kinds(
        x=[f"{CHANCE.random() * 1e12:.3E}" for _ in range(20)] + [str(n / 7) for n in range(300)]
    )


def test_another_table_below_the_first() -> None:
    """Its industries would be counties."""
    names = [*(f"县{n}" for n in range(12)), "表二 行业用电", "行业", *(f"业{n}" for n in range(12))]
    used = [*(str(n * 1.5) for n in range(12)), "", "用电量(万千瓦时)", *(str(n * 2.5) for n in range(12))]
    (found,) = (one for one in look(**{"区县": names, "用电量(万千瓦时)": used}) if one.kind == "second_table")
    assert (found.columns, found.evidence) == (("用电量(万千瓦时)",), {"row": 14, "rows_below": 12})
    assert "second_table" not in kinds(area=["area", *(f"a{n}" for n in range(40))], n=[str(n) for n in range(41)])
    assert "second_table" not in kinds(n=[str(n) for n in range(100)])


def test_text_in_a_wrong_encoding() -> None:
    names = ["贵州省贵阳市", "上海市浦东新区", "青云路小学", "人民医院", "数据集团"] * 40
    wrong = [name.encode().decode("gb18030", "replace") for name in names]
    assert "mojibake" in kinds(name=wrong)
    assert "mojibake" in kinds(name=[name.encode().decode("latin-1") for name in names])
    assert "mojibake" in kinds(name=[name.encode("gbk").decode("latin-1") for name in names])
    assert "mojibake" in kinds(name=[name.encode("gbk").decode("utf-8", "replace") for name in names])
    assert "mojibake" not in kinds(name=names)
    assert "mojibake" not in kinds(name=["José", "Müller", "Señora Ångström", "Zoë", "Łódź"] * 40)


def test_columns_that_belong_together() -> None:
    chance = random.Random(2)
    net = [round(chance.uniform(1, 90), 2) for _ in range(300)]
    tax = [round(chance.uniform(0.1, 9), 2) for _ in range(300)]
    columns = {
        "net": list(map(str, net)),
        "tax": list(map(str, tax)),
        "gross": [f"{n + t:.2f}" for n, t in zip(net, tax, strict=True)],
    }
    (found,) = [one for one in look(**columns) if one.kind == "sum"]
    assert found.columns == ("gross", "net", "tax")
    columns["gross"][:30] = ["1"] * 30
    assert "sum" not in kinds(**columns)


def test_swapped_coordinates_constants_and_rounded_times() -> None:
    chance = random.Random(1)
    east = [f"{chance.uniform(121, 122):.5f}" for _ in range(200)]
    north = [f"{chance.uniform(31, 32):.5f}" for _ in range(200)]
    (found,) = [one for one in look(lat=east, lng=north) if one.kind == "swapped"]
    assert found.columns == ("lat", "lng")
    assert "swapped" not in kinds(lat=north, lng=east)
    assert "constant" in kinds(a=["x"] * 200)
    assert "constant" not in kinds(a=["x"] * 200 + ["y"])
    assert "constant" not in kinds(marked=["√"] * 120 + [""] * 100), "a column of marks has two values"
    assert "constant" in kinds(a=["x"] * 200 + [""] * 5)
    start = datetime(2019, 1, 1, tzinfo=UTC)
    hourly = [f"{start + timedelta(hours=n):%Y-%m-%d %H:%M:%S}" for n in range(500)]
    (found,) = [one for one in look(at=hourly) if one.kind == "rounded"]
    assert found.evidence["step"] == "60 minutes"
    assert "rounded" not in kinds(at=times(0))


def test_one_offset_that_is_a_datum_step_and_others_that_are_none() -> None:
    steps = {
        "WGS84 -> GCJ-02": (0.0046, -0.0019),
        "WGS84 -> BD-09": (0.0111, 0.0041),
        "GCJ-02 -> BD-09": (0.0065, 0.006),
    }
    chance = random.Random(4)

    def offsets(dx: float, dy: float, wide: float = 0.0005) -> list[tuple[float, float]]:
        return [(chance.gauss(dx, wide), chance.gauss(dy, wide)) for _ in range(60)]

    stray = [(chance.uniform(-0.04, 0.04), chance.uniform(-0.04, 0.04)) for _ in range(40)]
    columns, reference = ("x", "y", "address"), ("lon", "lat")
    (found,) = rules.datum_step(columns, offsets(0.011, 0.0042) + stray, steps, reference, latitude=31.2)
    assert found.evidence["step"] == "WGS84 -> BD-09"
    assert 40 <= int(found.evidence["pairs_that_agree"]) <= 70
    assert 1100 < int(found.evidence["metres"]) < 1200
    (north,) = rules.datum_step(columns, offsets(0.011, 0.0042), steps, reference, latitude=60.0)
    assert 730 < int(north.evidence["metres"]) < 810  # a degree of longitude is shorter there
    assert rules.datum_step(columns, offsets(0, 0) + stray, steps, reference, latitude=31.2) == []
    assert rules.datum_step(columns, offsets(-0.008, 0.007), steps, reference, latitude=31.2) == []
    assert rules.datum_step(columns, stray, steps, reference, latitude=31.2) == []
    assert rules.datum_step(columns, offsets(0.011, 0.0042)[:10], steps, reference, latitude=31.2) == []


@pytest.mark.parametrize(
    ("label", "street"),
    [
        ("上海市闸北区青云路360号", "青云路360号"), ("青云路360号", "青云路360号"), ("上海市静安区昌平路68弄-2号楼", "昌平路68弄"),
        ("上海市普陀区富水路", ""), ("人民广场", ""), ("", ""), ("贵州省贵阳市观山湖区长岭北路8号", "长岭北路8号"),
    ],
)  # fmt: skip
def test_what_two_addresses_share(label: str, street: str) -> None:
    assert rules.street(label) == street


def test_few_rows_say_nothing() -> None:
    assert look(a=["x"] * 50, at=times(5)[:50]) == []


def test_names_of_groups_in_their_first_rows_alone() -> None:
    """As in a workbook whose merged cells were taken apart: the rows below have no group any more."""
    sector = ["工业", "建筑业", "商业"] * 2
    (found,) = look(
        region=["贵阳", "", "", "", "遵义", "", ""],
        sector=[*sector[:3], "", *sector[3:]],
        fee=["1", "2", "4", "", "4", "5", ""],
    )
    assert (found.kind, found.columns, found.evidence) == ("named_once", ("region",), {"groups": 2, "rows": 4})
    for region in (
        ["贵阳", "", "", "贵阳", "", ""],  # a value as another
        ["", "贵阳", "", "", "遵义", ""],  # no group in the first row
        ["贵阳", "遵义", "安顺", "", "", "毕节"],  # a few that have none
        ["贵阳", "", "", "", "", ""],
    ):
        assert not kinds(region=region, sector=sector)
    assert not kinds(region=["贵阳", "", "", "遵义", "", ""], sector=["工业", "", "", "商业", "", ""])


def test_totals_among_the_records() -> None:
    """Few rows are enough: a total is wrong whatever the others are."""
    (found,) = look(ward=["骨科", "儿科", "合 计：", "眼科", "总计"], fee=["1", "2", "3", "4", "7"])
    assert (found.kind, found.columns, found.evidence) == ("total_row", ("ward",), {"rows": 2, "first_row": 3})
    assert kinds(no=["", "1"], ward=["Total", "x"]) == {"total_row"}
    (found,) = look(ward=["贵阳", "贵阳", "遵义"], kind=["骨科", "小计", "儿科"], fee=["1", "2", "3"])
    assert (found.columns, found.evidence) == (("kind",), {"rows": 1, "first_row": 2})
    (found,) = look(ward=["工业", "工业", "工业合计", "税收合计"], fee=["1", "2", "3", "4"])
    assert (found.columns, found.evidence) == (("ward",), {"rows": 1, "first_row": 3})
    (found,) = look(ward=["工业", "其中：国有", "建筑业"], fee=["5", "2", "3"])
    assert (found.kind, found.columns, found.evidence) == ("part_row", ("ward",), {"rows": 1, "first_row": 2})
    assert not kinds(ward=["其中国有", "其中"], fee=["1", ""])
    assert not kinds(no=["1", "2"], what=["合计", "Total"]), "a word in a record is no total"
    assert not kinds(ward=["合计科", "totals"], fee=["1", "2"])

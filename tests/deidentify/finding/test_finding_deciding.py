"""What a column is: names and values weighed, hard negatives left alone, evidence told, no value shown."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from datong.deidentify.model.finding import Finding, Identifying
from datong.deidentify.rules.finding.types import types_in_force
from datong.deidentify.rules.finding.values import CHECKS
from datong.deidentify.service.classifying import findings_of
from datong.harmonise import service as harmonise

DRAWN = random.Random(17)


def mobile() -> str:
    return DRAWN.choice(("138", "159", "186")) + f"{DRAWN.randrange(10**8):08}"


def column(make: Callable[[], str], count: int = 120) -> list[str]:
    return [make() for _ in range(count)]


def one(name: str, cells: list[str]) -> Finding:
    return findings_of({name: cells})[0]


@pytest.mark.parametrize("name", ["手机号", "sjh", "shoujihao", "mobile_phone", "联系人手机号", "c7"])
def test_a_phone_is_found_under_any_name(name: str) -> None:
    found = one(name, column(mobile))
    assert (found.type, found.kind.value) == ("phone", "direct identifier")
    assert found.evidence["check"]["share"] == 1.0
    assert found.evidence["check"]["decided"]


def test_values_decide_only_by_share_and_by_enough_of_them() -> None:
    assert one("c7", column(mobile, 49)).type == "other"
    mixed = [*column(mobile, 120), *column(lambda: f"X{DRAWN.random()}", 60)]
    assert one("c7", mixed).type == "other", "two of three are not enough"
    assert one("手机号", column(mobile, 6)).type == "phone", "few values confirm a name"


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("订单编号", mobile),
        ("order_no", mobile),
        ("c3", iter(str(13_800_000_000 + number) for number in range(500)).__next__),
        ("运单号", lambda: str(DRAWN.randrange(10**17, 10**18))),
        ("商品名称", lambda: DRAWN.choice(["黄瓜", "白菜", "马克杯"]) + str(DRAWN.randrange(1000))),
        ("温度", lambda: f"{DRAWN.gauss(60, 9):.3f}"),
        ("是否启用", lambda: DRAWN.choice("01")),
        ("状态", lambda: DRAWN.choice("ABC")),
        ("id", lambda: str(DRAWN.randrange(10**9))),
    ],
)
def test_what_only_looks_like_it_is_left_alone(name: str, make: Callable[[], str]) -> None:
    found = one(name, column(make))
    assert (found.type, found.kind.value, found.tags) == ("other", "other", ())


def test_a_name_that_the_values_deny_is_not_enough() -> None:
    assert one("年龄", column(lambda: f"value {DRAWN.random()}")).type == "other"
    assert one("email", column(lambda: str(DRAWN.randrange(10**6)))).type == "other"


def test_columns_known_by_their_names_alone() -> None:
    found = findings_of({"宗教信仰": ["x"] * 5, "月收入": ["1"] * 5, "诊断名称": ["a"] * 5, "指纹": [None] * 5})
    assert [finding.type for finding in found] == ["religion", "income", "health", "biometric"]
    assert "sensitive@45574-2025" in found[2].tags
    assert "sensitive@35273-2020" in found[2].tags


def test_dates_say_that_there_are_times_and_names_say_of_what() -> None:
    days = [f"19{50 + n % 50}-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(120)]
    found = findings_of({"c1": days, "出生日期": days, "death_date": days})
    assert [finding.type for finding in found] == ["event_time", "birth_date", "death_date"]
    assert one("c1", [str(1_600_000_000 + n) for n in range(120)]).type == "other"


def test_a_key_of_the_rows_numbers_the_person_beside_an_identifier() -> None:
    keys = [f"k{number}" for number in range(120)]
    assert findings_of({"id": keys, "手机号": column(mobile)})[0].type == "subject_id"
    assert findings_of({"id": keys, "温度": ["1"] * 120})[0].type == "other"
    assert findings_of({"id": ["k1"] * 120, "手机号": column(mobile)})[0].type == "other"


def test_names_of_nothing_said_are_of_persons_beside_a_column_of_a_person() -> None:
    """A school's table with the header `name` was told as nothing personal; stations are called by surnames, too."""
    names = column(
        lambda: (
            DRAWN.choice("王李张刘陈杨黄赵吴周")
            + DRAWN.choice("伟芳娜敏静丽强磊军洋")
            + DRAWN.choice("明超霞平刚英华玉兰桂")
        )
    )
    births = [f"20{12 + n % 6}-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(120)]
    for header in ("name", "名称"):
        found = findings_of({header: names, "dob": births})[0]
        assert (found.type, found.level) == ("name", 3)
        assert findings_of({header: names, **PLACES})[0].type == "other", "places and what lies at them"
        assert findings_of({header: [f"{name}三" for name in "甲乙丙丁" * 30], "dob": births})[0].type == "other"


@pytest.mark.parametrize(
    ("type_", "headers"),
    [
        ("subject_id", ["学籍号", "家庭编号", "电表资产号", "student_no", "household_id", "meter_id", "pupil_id"]),
        ("education", ["班级", "年级", "就读学校", "school_name"]),
        ("health", ["健康状况", "过敏史", "health", "health_status"]),
        ("specific_identity", ["是否留守", "建档立卡", "left_behind"]),
    ],
)
def test_what_a_school_and_a_meter_call_their_columns(type_: str, headers: list[str]) -> None:
    found = findings_of({header: [f"x{n}" for n in range(60)] for header in headers})
    assert {finding.column: finding.type for finding in found} == dict.fromkeys(headers, type_)


FIRMS = [f"南明{n}路{'人民医院' if n % 2 else '药房有限公司'}" for n in range(120)]
PLACES = {"地址": ["x"] * 120, "经度": [f"106.{n:04}" for n in range(120)], "邮编": [f"55{n:04}" for n in range(120)]}


def test_contacts_and_places_of_organisations_are_no_persons() -> None:
    landlines = [f"0851-8{n:07}" for n in range(120)]
    found = findings_of({"医院名称": FIRMS, **PLACES, "电话": landlines})
    assert {finding.type for finding in found} == {"other"}
    assert "rows are organisations" in found[1].evidence["context"]
    with_person = findings_of(
        {"医院名称": FIRMS, **PLACES, "法定代表人": [f"王{'伟芳娜敏静'[n % 5]}" for n in range(120)]}
    )
    assert [finding.type for finding in with_person[1:]] == ["address", "location", "postcode", "name"]
    few = findings_of({"雇主": ["人民医院", "药房有限公司"] * 60, **PLACES})
    assert [finding.type for finding in few[1:]] == ["address", "location", "postcode"], "those are two employers"


def test_mobile_phones_are_somebodys_even_of_organisations() -> None:
    found = findings_of({"医院名称": FIRMS, **PLACES, "联系电话": column(mobile)[:120]})
    assert [finding.type for finding in found][1:] == ["other", "other", "other", "phone"]


def test_general_words_are_of_what_the_table_registers() -> None:
    codes, money = [str(n % 40) for n in range(120)], [f"{n * 7}.50" for n in range(120)]
    visits = findings_of({"就诊号": [f"v{n}" for n in range(120)], "code": codes, "amount": money})
    assert [finding.type for finding in visits] == ["medical_record", "health", "other"]
    loans = findings_of({"account_id": codes, "amount": money, "code": codes})
    assert [finding.type for finding in loans] == ["account", "finance", "other"]
    assert findings_of({"order_no": codes, "amount": money})[1].type == "other"


def test_times_at_one_distance_are_a_meters_and_no_persons() -> None:
    hours = [f"2026-01-{1 + n // 24:02} {n % 24:02}:00:00" for n in range(240)]
    assert one("date", hours).type == "other"
    assert one("date", sorted(hours[::2] + hours[1::7])).type == "event_time", "some hours are missing"
    assert one("date", hours + hours).type == "event_time", "each hour twice"


def test_a_loose_name_that_the_values_deny_is_not_enough() -> None:
    assert one("station", [f"{n}站" for n in range(40)]).type == "other"
    assert one("route_id", [f"r{n}-x" for n in range(400)]).type == "other"
    assert one("route_id", [f"r{n % 9}-x" for n in range(400)]).type == "other"
    assert one("machine_sn", [f"SN{n}A" for n in range(400)]).type == "other"


def test_birth_dates_of_any_century_are_birth_dates_by_their_name() -> None:
    assert one("dob", [f"17{n % 100:02}-03-0{1 + n % 9}" for n in range(300)]).type == "birth_date"


def test_no_value_is_in_what_is_told() -> None:
    cells = column(mobile)
    said = json.dumps([finding.as_json() for finding in findings_of({"手机号": cells, "备注": cells[::-1]})])
    assert not [cell for cell in cells if cell in said]


def test_the_rule_file_names_what_there_is() -> None:
    elements = {name for name, _ in harmonise.element_words()}
    for known in types_in_force():
        assert known.elements <= elements, known.name
        assert not known.check or known.check in CHECKS, known.name
        assert set(known.tags) <= {"sensitive@35273-2020", "sensitive@45574-2025"}
        assert known.check or not known.decides
        assert 1 <= known.level <= 4
    every = [element for known in types_in_force() for element in known.elements]
    assert len(every) == len(set(every)), "an element is of one type"


PHONE, ID = "138{:08d}", "11010519491231002X"


def texts(form: str, rows: int = 200) -> list[str]:
    """The same sentence with another number in each row."""
    return [form.format(PHONE.format((n * 7_654_321) % 10**8)) for n in range(rows)]


@pytest.mark.parametrize(
    ("cells", "type_"),
    [
        (texts("请联系李先生，电话{}，下午送"), "phone"),
        ([f"{'按时' * 200}，tel:{phone}" for phone in texts("{}")], "phone"),  # behind what a value check looks at
        ([f'{{"phone": "{phone}", "n": 1}}' for phone in texts("{}")], "phone"),
        (["已发货"] * 150 + texts("找{}", 50), "phone"),
        ([f"身份证{ID}已核，第{n}次" for n in range(60)], "resident_id"),
        ([f"write to m{n}@mail.example.com, please" for n in range(60)], "email"),
        ([*texts("单号 {}，已签收", 4), *(f"已签收第{n}件货" for n in range(196))], "other"),  # four in 200 is chance
        (texts("DD{}"), "other"),
        (texts("2026/{}/单"), "other"),
        (texts("重量 0.{} 公斤"), "other"),
        ([f"编号{n:018d}已核" for n in range(60)], "other"),
    ],
)
def test_the_numbers_of_persons_are_found_within_texts(cells: list[str], type_: str) -> None:
    (found,) = findings_of({"remark": cells})
    assert found.type == type_
    if type_ != "other":
        assert found.kind is Identifying.direct
        assert found.evidence["within"]["share"] > 0
        assert not any(text in str(found) for text in ("7654321", ID, "m7@mail"))


def test_a_text_of_an_illness_that_names_a_phone_identifies_directly_and_keeps_its_level() -> None:
    plain, told = one("诊断", texts("高血压，复诊")), one("诊断", texts("高血压，家属电话{}"))
    assert (plain.type, plain.kind, plain.level) == ("health", Identifying.sensitive, 4)
    assert (told.type, told.kind, told.level) == ("phone", Identifying.direct, 4)

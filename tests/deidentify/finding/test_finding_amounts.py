"""Whole numbers of persons: what says how many is an attribute, what may name somebody stays a direct identifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from budget_world import ENGINEER, opened, workspace
from datong.deidentify import service as deidentify
from datong.deidentify.rules.finding.amounts import says_how_much
from datong.ground.db import sqlite_url
from datong.harmonise import service as harmonise
from stores import with_tables

AMOUNTS = [
    "trips_in_total", "visit_count", "tripCount", "number_of_children", "num_trips", "n_rides", "Number of trips", "step_count",
    "days", "sick_days", "household_size", "orders_cnt", "total_points", "screen_minutes", "出行次数", "月骑行次数", "子女数",
    "家庭人口数", "住院天数", "缺勤天数（天）", "积分", "工龄", "就诊次数", "用水量", "借书册数", "登录次数(次)",
]  # fmt: skip
"""Words that no list of the detector has as a whole, but 次数 and count."""
NUMBERS = [
    "account", "account_number", "accountNo", "customer_number", "customer no", "phone", "phone_number", "mobile", "meter",
    "meter_no", "meter_number", "member_id", "rider", "staff", "card_no", "policy_ref", "户号", "电表号", "表号", "手机号", "手机号码",
    "工号", "学号", "会员编号", "客户代码", "证件号码", "车次", "批次", "用户", "id", "编号", "no", "number", "num", "n", "序号",
    "bus", "status", "count_id", "数量编号", "total_account", "num_client", "n_status",
]  # fmt: skip


@pytest.mark.parametrize("name", AMOUNTS)
def test_an_amount_by_its_name(name: str) -> None:
    assert says_how_much([name, "", ""], "", 30, 400)
    assert not says_how_much([name], "", 400, 400), "a key of the rows is none, whatever it is called"


@pytest.mark.parametrize("name", NUMBERS)
def test_what_may_name_somebody(name: str) -> None:
    assert not says_how_much([name, "", ""], "", 300, 400)


def test_names_that_contradict_each_other_and_units() -> None:
    assert not says_how_much(["visit_count", "会员编号", ""], "", 30, 400), "the more telling counts"
    assert says_how_much(["x1", "", ""], "km", 30, 400), "a number that names somebody has no unit"
    assert not says_how_much(["x1", "", ""], "", 30, 400)
    assert not says_how_much(["meter_no", "", ""], "kWh", 300, 400)


def classified(folder: Path, properties: str, columns: dict[str, str], rows: list[str]) -> dict[str, dict[str, Any]]:
    """The columns of a build as they are proposed, of a standard with these properties besides."""
    store = opened(sqlite_url(folder / "datong.db"), workspace(folder))
    standard, mapping, table = (
        folder / name for name in ("standards/ride.odcs.yaml", "mappings/rides.yaml", "rides.csv")
    )
    standard.write_text(standard.read_text("utf-8") + properties, "utf-8")
    added = "".join(f"  {name}: {{from: {name}, as: number}}\n" for name in columns)
    mapping.write_text(mapping.read_text("utf-8") + added, "utf-8")
    lines = table.read_text("utf-8").splitlines()
    lines = [",".join((lines[0], *columns)), *(f"{line},{row}" for line, row in zip(lines[1:], rows, strict=True))]
    table.write_text("\n".join(lines) + "\n", "utf-8")
    with_tables(store)
    with store.begin(ENGINEER, "harmonise") as tx:
        harmonise.build(tx, workspace=str(folder), mapping="rides", resource="rides")
    with store.begin(ENGINEER, "deidentify") as tx:
        shown = deidentify.propose_classification(tx, dataset="rides")
    store.dispose()
    return {one["column"]: one for one in shown["columns"]}


def test_a_number_of_trips_is_of_somebody_and_a_number_of_a_meter_names_one(node_folder: Path) -> None:
    properties = "".join(
        f"      - {{name: {name}, businessName: {en}, synonyms: [{{synonym: {zh}, locale: zh-CN}}], logicalType: integer, classification: personal}}\n"
        for name, en, zh in (
            ("rode", "Rides of the month", "月骑行次数"),
            ("gauge", "Gauge", "燃气表"),
            ("sat", "Kept", "会员编号"),
        )
    )
    rows = [f"{n % 23},{100 + n % 60},{n % 23}" for n in range(400)]
    found = classified(node_folder, properties, dict.fromkeys(("rode", "gauge", "sat"), ""), rows)
    assert (found["rode"]["kind"], found["rode"]["level"]) == ("quasi", 3)
    assert found["gauge"]["kind"] == found["sat"]["kind"] == "direct"

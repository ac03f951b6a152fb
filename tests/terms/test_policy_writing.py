"""The form a person writes, in Chinese or English, becomes the JSON form; templates are that form with blanks."""

from importlib.resources import files

import pytest

from datong.ground.refusal import Refusal
from datong.harmonise.store.texts import read
from datong.terms.policy import decide, from_json, to_json
from datong.terms.policy.templates import filled, template
from datong.terms.policy.writing import plain

CHINESE = """
编号: 研究
允许:
  - 操作: 读取
    约束: [使用目的 任意属于 公益事业、公共治理, 使用次数 <= 100, {或: [time < 2027-01-01, 执行环境 = 数据沙箱]}]
    前置义务: [匿名化]
禁止:
  - {操作: 交易, 补救措施: [异常提醒]}
义务:
  - {操作: 删除, 约束: [{约束名称: 时间范围, 运算符: 大于或等于, 取值: 2027-01-01}], 违约责任: [补偿]}
策略继承: true
"""
ENGLISH = """
id: 研究
permissions:
  - action: read
    constraints:
      - purpose isAnyOf public_welfare, public_governance
      - {left: count, op: "≤", right: 100}
      - {or: [time lt 2027-01-01, executionEnv eq sandbox]}
    prerequisites: [{action: anonymize}]
prohibitions:
  - {action: sell, remedies: [{action: alert}]}
obligations:
  - {action: delete, constraints: [time >= 2027-01-01], liabilities: [{action: compensate}]}
inherit: true
"""


def written(text):
    value, _, problems = read("p.yaml", text.encode(), 10**6)
    assert problems == []
    return plain(value)


def test_both_languages_say_the_same():
    (zh, wrong_zh), (en, wrong_en) = written(CHINESE), written(ENGLISH)
    assert wrong_zh == wrong_en == []
    policy = from_json(zh)
    assert policy == from_json(en)
    assert to_json(policy)["permissions"][0]["constraints"] == [
        {"left": "purpose", "op": "isAnyOf", "right": ["public_governance", "public_welfare"]},
        {"left": "count", "op": "lteq", "right": "100"},
        {"or": [{"left": "time", "op": "lt", "right": "2027-01-01T00:00:00+08:00"},
                {"left": "executionEnv", "op": "eq", "right": "02"}]},
    ]  # fmt: skip
    assert from_json(to_json(policy)) == policy


WRONG = [
    (
        "id: p\npermissions: [{action: read, remedies: [{action: alert}]}]",
        "permissions[0].remedies",
        "belongs to prohibitions",
    ),
    ("id: p\npermissions: [{action: read, 操作: sell}]", "permissions[0].action", "is written twice"),
    (
        "id: p\npermissions: [{action: read, constraints: [{or: [count < 3], 或: [count < 9]}]}]",
        "permissions[0].constraints[0].or",
        "is written twice",
    ),
    (
        "id: p\npermissions: [{action: read, constraints: [{and: [{left: count, op: lt, right: 3, 取值: 9}]}]}]",
        "permissions[0].constraints[0].and[0].right",
        "is written twice",
    ),
    (
        "id: p\npermissions: [{action: read, constraints: ['application != a, b']}]",
        "permissions[0].constraints[0].right",
        "has one value",
    ),
    (
        "id: p\npermissions: [{action: read, 前置义务: [{action: anonymize, 约束: ['算法 等于 甲、乙']}]}]",
        "permissions[0].duties[0].constraints[0].right",
        "has one value",
    ),
]


@pytest.mark.parametrize(("text", "where", "said"), WRONG)
def test_wrong_writing_is_told(text, where, said):
    [problem] = written(text)[1]
    assert problem.where == where
    assert said in problem.en


@pytest.mark.parametrize("line", ["count", "count <=", "", "3", "count <= 3 or region = 52"])
def test_a_line_that_is_no_constraint_is_refused(line):
    value, _ = plain({"id": "p", "permissions": [{"action": "read", "constraints": [line]}]})
    with pytest.raises(Refusal):
        from_json(value)


SHIPPED = {
    file.name.removesuffix(".yaml"): file.read_bytes()
    for file in files("datong.terms.policy").joinpath("library").iterdir()
    if file.name.endswith(".yaml")
}


def shipped(name):
    value, _, problems = read(name, SHIPPED[name], 10**6)
    assert problems == []
    return template(name, value)


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_shipped_template_makes_a_policy_that_permits_delivery(name):
    made = shipped(name)
    policy = filled(made, {key: one.example for key, one in made.parameters.items()}, "p")
    assert any(rule.action == "delivery" for rule in policy.permissions)
    assert made.title.zh != made.title.en


def test_a_filled_template_decides():
    policy = filled(shipped("count-limited"), {"purpose": "public_welfare", "max_count": 3}, "p")
    assert decide(policy, "delivery", {"purpose": "public_welfare", "count": 3}).allowed
    assert decide(policy, "delivery", {"purpose": "public_welfare", "count": 4}).rule == "permissions[0].constraints[1]"


def test_missing_and_unknown_parameters_are_told_at_once():
    with pytest.raises(Refusal) as refused:
        filled(shipped("count-limited"), {"purpos": "public_welfare"}, "p")
    assert refused.value.code == "POL-431"
    told = {p.where: p.en for p in refused.value.problems}
    assert set(told) == {"purpose", "max_count", "purpos"}
    assert "did you mean purpose?" in told["purpos"]


def test_a_value_does_not_become_structure():
    with pytest.raises(Refusal) as refused:
        filled(shipped("count-limited"), {"purpose": "public_welfare, credit_scoring }", "max_count": "1\n- x"}, "p")
    assert refused.value.code == "POL-400"


HEAD = "template: {zh: 一, en: one, parameters: {%s}}\npermissions: [{action: read, constraints: ['%s']}]\n"
BAD = [
    ("permissions: [{action: read}]", "template: is missing"),
    (HEAD % ("p: {zh: a, en: b, example: '3'}", "count <= 3"), "template.parameters.p: is not used"),
    (HEAD % ("", "count <= ${n}"), "${n}: this parameter is not declared"),
    (HEAD % ("n: {zh: a, en: b}", "count <= ${n}"), "template.parameters.n: needs the texts zh, en, example"),
    (
        HEAD % ("n: {zh: a, en: b, example: many}", "count <= ${n}"),
        "the value 'many' is not of the form a whole number",
    ),
    ("[1]", "template: is missing"),
]


@pytest.mark.parametrize(("text", "said"), BAD)
def test_a_wrong_template_is_refused_when_it_is_written(text, said):
    value, _, _ = read("t", text.encode(), 10**6)
    with pytest.raises(Refusal) as refused:
        template("t", value)
    assert refused.value.code == "POL-430"
    assert said in "\n".join(f"{p.where}: {p.en}" for p in refused.value.problems)

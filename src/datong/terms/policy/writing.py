"""The form in which a person writes a policy: Chinese or English words, constraints on one line, dates.

    id: research-2026
    permissions:
      - action: read
        constraints:
          - purpose isAnyOf public_welfare, 公共治理
          - count <= 100
          - or: [time < 2027-01-01, region isPartOf 5201]
        prerequisites: [{action: anonymize}]

`plain` makes of it the JSON form that is checked, stored and signed. Must never know: files.
Contract: tests/terms/test_policy_writing.py, docs/how-to/write-a-policy.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from datong.ground.refusal import Problem
from datong.terms.policy.checking import DEPTH_MAX
from datong.terms.policy.vocabulary import ACTIONS, BY_NAME, CONSTRAINTS, LOGIC, OPERATORS, SPELLINGS, Family

MEMBERS = {
    "编号": "id", "允许": "permissions", "禁止": "prohibitions", "义务": "obligations", "必须": "obligations",
    "策略继承": "inherit", "操作": "action", "约束": "constraints", "约束条件": "constraints", "标的": "target",
    "使用方": "assignee", "约束名称": "left", "运算符": "op", "约束运算符": "op", "取值": "right", "约束值": "right",
    "前置义务": "prerequisites", "补救措施": "remedies", "违约责任": "liabilities",
    **{text.zh: how for how, text in LOGIC.items()},
}  # fmt: skip
"""The Chinese name of a member -> the member."""
FOLLOWS = {"prerequisites": "permissions", "remedies": "prohibitions", "liabilities": "obligations"}
"""What a rule's duties are called by the kind of the rule (TC609-6-2025-14: 前置义务, 补救措施, 违约责任)."""
SIGNS = {"=": "eq", "==": "eq", "!=": "neq", "≠": "neq", ">": "gt", ">=": "gteq", "≥": "gteq", "<": "lt", "<=": "lteq",
         "≤": "lteq"}  # fmt: skip
_LINE = re.compile(r"\s*(\S+)\s+(\S+)\s+(.*\S)\s*", re.DOTALL)
_SEVERAL = re.compile("[,，、]")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def plain(value: Any) -> tuple[Any, list[Problem]]:
    """(the JSON form of what was written, what is wrong in the writing); the words are checked with the JSON form."""
    problems: list[Problem] = []
    if not isinstance(value, Mapping):
        return value, problems
    told = {}
    for name, given in _members(value, "", problems).items():
        if name in ("permissions", "prohibitions", "obligations") and isinstance(given, list):
            told[name] = [_rule(one, f"{name}[{n}]", name, problems, 0) for n, one in enumerate(given)]
        else:
            told[name] = given
    return told, problems


def member(name: str) -> str:
    """The member of the JSON form that a written name stands for."""
    meant = MEMBERS.get(name, name)
    return "duties" if meant in FOLLOWS else meant


def _members(value: Mapping[Any, Any], place: str, problems: list[Problem]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, given in value.items():
        meant = MEMBERS.get(str(name), str(name))
        if meant in found:
            problems.append(Problem(f"{place}.{meant}".lstrip("."), "写了两次", "is written twice"))
        found[meant] = given
    return found


def _rule(value: Any, place: str, kind: str, problems: list[Problem], depth: int) -> Any:
    if not isinstance(value, Mapping) or depth > DEPTH_MAX:
        return {"action": _word(value, ACTIONS)} if isinstance(value, str) else value
    told: dict[str, Any] = {}
    for name, given in _members(value, place, problems).items():
        kept = name
        if name in FOLLOWS:
            if FOLLOWS[name] != kind:
                problems.append(
                    Problem(f"{place}.{name}", f"只能写在 {FOLLOWS[name]} 中", f"belongs to {FOLLOWS[name]} only")
                )
            kept = "duties"
        if kept == "action" and isinstance(given, str):
            told[kept] = _word(given, ACTIONS)
        elif kept == "constraints" and isinstance(given, list):
            told[kept] = [_condition(one, f"{place}.constraints[{n}]", problems, 0) for n, one in enumerate(given)]
        elif kept == "duties" and isinstance(given, list):
            below = [
                _rule(one, f"{place}.duties[{n}]", "obligations", problems, depth + 1) for n, one in enumerate(given)
            ]
            told[kept] = told.get(kept, []) + below
        else:
            told[kept] = given
    return told


def _condition(value: Any, place: str, problems: list[Problem], depth: int) -> Any:
    if isinstance(value, str):
        return _line(value, place, problems)
    if not isinstance(value, Mapping) or depth > DEPTH_MAX:
        return value
    told = _members(value, place, problems)
    for how in LOGIC:
        if isinstance(told.get(how), list):
            parts = enumerate(told[how])
            told[how] = [_condition(one, f"{place}.{how}[{n}]", problems, depth + 1) for n, one in parts]
    if isinstance(told.get("left"), str):
        told["left"] = _word(told["left"], CONSTRAINTS)
    if isinstance(told.get("op"), str):
        told["op"] = _operator(told["op"])
    if "right" in told:
        right = told["right"]
        left = told.get("left", "")
        told["right"] = [_value(left, one) for one in right] if isinstance(right, list) else _value(left, right)
    return told


def _line(text: str, place: str, problems: list[Problem]) -> Any:
    """ "count <= 100", "purpose isAnyOf public_welfare, 公共治理"; a text of another form is refused by its shape."""
    found = _LINE.fullmatch(text)
    if found is None:
        return text
    left, op, right = _word(found[1], CONSTRAINTS), _operator(found[2]), found[3]
    if op in OPERATORS and OPERATORS[op].takes_list:
        values = [one.strip() for one in _SEVERAL.split(right)]
        return {"left": left, "op": op, "right": [_value(left, one) for one in values if one]}
    if left in CONSTRAINTS and CONSTRAINTS[left].family is Family.name and _SEVERAL.search(right):
        zh = "此运算符只有一个取值；多个取值请用 isAnyOf 或 isNoneOf，含逗号的名称请写成 {left, op, right}"
        en = "has one value; for several write isAnyOf or isNoneOf, for a name with a comma {left, op, right}"
        problems.append(Problem(f"{place}.right", zh, en))
    return {"left": left, "op": op, "right": _value(left, right)}


def _word(given: str, known: Mapping[str, Any]) -> str:
    word = SPELLINGS.get(given, given)
    return word if word in known or BY_NAME.get(word) not in known else BY_NAME[word]


def _operator(given: str) -> str:
    return SIGNS.get(given, _word(given, OPERATORS))


def _value(left: str, given: Any) -> Any:
    """A value as text: numbers as they are written, a date as the Beijing midnight that begins it, a purpose and a code
    also by name."""
    if isinstance(given, bool):
        return given
    if isinstance(given, int | float):
        return str(given)
    if isinstance(given, datetime | date):
        given = given.isoformat()
    if not isinstance(given, str):
        return given
    if left == "time" and _DATE.fullmatch(given):
        return f"{given}T00:00:00+08:00"
    if left == "purpose":
        return BY_NAME.get(given, given)
    codes = CONSTRAINTS[left].codes if left in CONSTRAINTS else ()
    return next((code for code, zh, en in codes if given in (zh, en)), given)

"""Reading a treatment plan: a value of YAML to a TreatmentPlan, everything wrong with it at once, each with its line.

    agreement: AGR-2026-001          # with `purpose` part of every key; needed where a treatment is keyed
    purpose: research
    columns:                         # every column of the table, else the plan is refused
      name: drop
      patient_id: {as: token, by: hmac, domain: patient}
      age: {as: rounded, step: 5}
    rows: {columns: [age, sex], fewest: 5, persons: patient_id}

Must never know: the table's values, keys, files. Contract: tests/deidentify/treatments/test_treatments_plan.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from math import isfinite
from typing import Any

from datong.deidentify.model.treatments import Sparse, Step, TreatmentPlan
from datong.deidentify.rules.treatments.known import KNOWN, Option, alphabet_of
from datong.ground.refusal import Problem

KEYS = ("table", "agreement", "purpose", "columns", "rows", "note")
NAMED_LONGEST = 200


class _Found:
    def __init__(self, file: str, lines: Mapping[str, int]) -> None:
        self.file, self.lines = file, lines
        self.problems: list[Problem] = []

    def line(self, at: str) -> int:
        """Where `at` stands, or the nearest thing above it that has a line."""
        while at and at not in self.lines:
            at = at.rpartition(".")[0]
        return self.lines.get(at, 1)

    def say(self, at: str, zh: str, en: str) -> None:
        self.problems.append(Problem(f"{self.file}:{self.line(at)}: {at}" if at else self.file, zh, en))


def plan_of(
    value: Any, lines: Mapping[str, int], file: str, columns: Sequence[str]
) -> tuple[TreatmentPlan | None, list[Problem]]:
    """The plan for a table of these columns, or everything wrong with it."""
    found = _Found(file, lines)
    if not isinstance(value, dict):
        found.say("", "应为一组 键: 值", "should be a set of key: value")
        return None, found.problems
    for key in value:
        if key not in KEYS:
            found.say(
                str(key), f"没有这个键；可用：{'、'.join(KEYS)}", f"is no key of a plan; there are: {', '.join(KEYS)}"
            )
    agreement, purpose = (_name(found, value, key) for key in ("agreement", "purpose"))
    steps = _steps(found, value.get("columns"), columns)
    sparse = _sparse(found, value.get("rows"), columns, steps)
    keyed = [step.column for step in steps if KNOWN[step.treatment].keyed]
    for key, given in (("agreement", agreement), ("purpose", purpose)):
        if keyed and not given:
            said = ", ".join(keyed)
            found.say(key, f"缺少；{said} 的密钥由它派生", f"is missing; the keys of {said} are derived from it")
    if found.problems:
        return None, found.problems
    return TreatmentPlan(agreement, purpose, tuple(steps), sparse), []


def _name(found: _Found, value: Mapping[str, Any], key: str) -> str:
    given = value.get(key, "")
    if isinstance(given, str) and len(given) <= NAMED_LONGEST:
        return given
    found.say(key, "应为文字，不超过 200 个字符", "should be a text of up to 200 characters")
    return ""


def _steps(found: _Found, given: Any, columns: Sequence[str]) -> list[Step]:
    if not isinstance(given, dict):
        found.say("columns", "应写明每一列的处理方式", "should say for every column how it is treated")
        return []
    steps = []
    for column, said in given.items():
        at = f"columns.{column}"
        if column not in columns:
            found.say(at, f"表中没有这一列{_near(str(column), columns, '；相近：')}",
                      f"is no column of the table{_near(str(column), columns, '; nearest: ')}")  # fmt: skip
        step = _step(found, at, str(column), said, columns)
        if step is not None:
            steps.append(step)
    for column in columns:
        if column not in given:
            zh, en = "未写处理方式；不写即不放行", "is given no treatment; what is not mentioned is not let out"
            found.say("columns", f"{column}：{zh}", f"{column} {en}")
    return steps


def _step(found: _Found, at: str, column: str, said: Any, columns: Sequence[str]) -> Step | None:
    options = {"as": said} if isinstance(said, str) else said
    if not isinstance(options, dict) or not isinstance(options.get("as"), str):
        found.say(at, "应为处理方式之名，或 {as: 名, …}", "should be the name of a treatment, or {as: name, ...}")
        return None
    name = options["as"]
    if name not in KNOWN:
        near = _near(name, list(KNOWN), "") or ", ".join(KNOWN)
        found.say(at, f"没有处理方式 {name[:40]}；可用：{near}", f"there is no treatment {name[:40]}; there is: {near}")
        return None
    known, before = KNOWN[name].options, len(found.problems)
    for key in options:
        if key != "as" and key not in known:
            listed = ", ".join(known) or "none"
            found.say(
                f"{at}.{key}", f"{name} 没有这个选项；有：{listed}", f"is no option of {name}; there are: {listed}"
            )
    read = {key: _option(found, f"{at}.{key}", option, options.get(key), columns) for key, option in known.items()}
    if len(found.problems) > before:
        return None
    return Step(column, name, read, found.line(at))


def _option(found: _Found, at: str, option: Option, given: Any, columns: Sequence[str]) -> Any:
    """The option's value, its default where it is not given; what is wrong is said."""
    if given is None:
        if option.needed:
            found.say(at, "缺少", "is missing")
        return option.default
    if option.kind in ("number", "whole"):
        return _number(found, at, option, given)
    if option.kind == "columns":
        if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
            found.say(at, "应为列名的列表", "should be a list of columns")
            return ()
        for name in given:
            _column(found, at, name, columns)
        return tuple(given)
    if not isinstance(given, str):
        found.say(at, "应为文字（数字请加引号）", "should be a text (numbers in quotes)")
        return option.default
    if option.kind == "word" and given not in option.words:
        listed = ", ".join(option.words)
        found.say(at, f"应为其中之一：{listed}", f"should be one of {listed}")
    if option.kind == "column":
        _column(found, at, given, columns)
    if at.endswith(".alphabet") and not 2 <= len(set(alphabet_of(given))) == len(alphabet_of(given)) <= 1 << 16:
        found.say(at, "应有 2 至 65536 个互不相同的字符", "should have 2 to 65536 different signs")
    return given


def _column(found: _Found, at: str, name: str, columns: Sequence[str]) -> None:
    if name not in columns:
        found.say(at, f"表中没有 {name[:60]} 这一列{_near(name, columns, '；相近：')}",
                  f"there is no column {name[:60]}{_near(name, columns, '; nearest: ')}")  # fmt: skip


def _number(found: _Found, at: str, option: Option, given: Any) -> Any:
    low, high = option.low, option.high
    good = isinstance(given, int | float) and not isinstance(given, bool) and isfinite(given)
    good = good and (option.kind == "number" or isinstance(given, int))
    if good and (low is None or given > low or (given == low and not option.above)) and (high is None or given <= high):
        return given
    word, zh = ("a whole number", "整数") if option.kind == "whole" else ("a number", "数")
    from_, ab = ("above", "大于") if option.above else ("at least", "不小于")
    bounds = [f"{from_} {low:g}"] if low is not None else []
    bounds += [f"at most {high:g}"] if high is not None else []
    said = [f"{ab} {low:g}"] if low is not None else []
    said += [f"不大于 {high:g}"] if high is not None else []
    found.say(at, f"应为{'、'.join([*said])}的{zh}" if said else f"应为{zh}", " ".join(["should be", word, " and ".join(
        bounds)]).strip())  # fmt: skip
    return option.default


def _sparse(found: _Found, given: Any, columns: Sequence[str], steps: Sequence[Step]) -> Sparse | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        found.say("rows", "应为 {columns, fewest}", "should be {columns, fewest}")
        return None
    before = len(found.problems)
    known = {
        "columns": Option("columns", needed=True),
        "fewest": Option("whole", needed=True, low=2),
        "persons": Option("column", default=""),
    }
    for key in given:
        if key not in known:
            found.say(
                f"rows.{key}",
                "没有这个键；有：columns, fewest, persons",
                "is no key; there are: columns, fewest, persons",
            )
    read = {key: _option(found, f"rows.{key}", option, given.get(key), columns) for key, option in known.items()}
    gone = {step.column for step in steps if step.treatment == "drop"}
    for name in read["columns"] or ():
        if name in gone:
            found.say("rows.columns", f"{name} 已被删去", f"{name} is left out of the table")
    if given.get("columns") == []:
        found.say("rows.columns", "应至少有一列", "should have at least one column")
    if len(found.problems) > before:
        return None
    return Sparse(tuple(read["columns"]), read["fewest"], read["persons"], found.line("rows"))


def _near(name: str, known: Sequence[str], before: str) -> str:
    near = get_close_matches(name, known, n=3)
    return before + ", ".join(near) if near else ""

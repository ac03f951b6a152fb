"""What of a mapping can be tried before a row is read: its constants, its conditions on ordinary values, its patterns.

Contract: tests/harmonise/test_harmonise_trying.py.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from datong.engine import service as engine
from datong.engine.model import STEP_FAILED
from datong.ground.refusal import Problem, Refusal
from datong.harmonise.model.mappings import Check, Mapping, Type
from datong.harmonise.model.reading import ROW
from datong.harmonise.rules import plan as planning
from datong.harmonise.service.showing import note_of

ORDINARY: dict[Type, tuple[pa.DataType, Any]] = {
    Type.string: (pa.string(), "x"),
    Type.integer: (pa.int64(), 1),
    Type.number: (pa.float64(), 1.0),
    Type.boolean: (pa.bool_(), True),
    Type.date: (pa.date32(), date(2000, 1, 1)),
    Type.timestamp: (pa.timestamp("us", tz="UTC"), datetime(2000, 1, 1, tzinfo=UTC)),
}
"""A value of each type that says nothing: a condition that it stops would stop a build."""


def tried(mapping: Mapping) -> list[Problem]:
    """Constants that would hold every row, conditions and patterns that would stop a build."""
    found = [*_of_constants(mapping), *_of_patterns(mapping)]
    for check in mapping.checks:
        if (said := _of_condition(mapping, check)) is not None:
            found.append(Problem(f"{mapping.file}: checks[{check.number}].when", *said))
    return found


def _of_constants(mapping: Mapping) -> list[Problem]:
    plan, names = planning.constants_of(mapping)
    if not names:
        return []
    (said,) = engine.run(plan, {"rows_read": pa.table({ROW: pa.array([1], pa.int64())})})["said"].to_pylist()
    found = []
    for name, verdict in zip(names, said.values(), strict=True):
        if verdict is not None and verdict.startswith("invalid:"):
            zh, en = note_of(verdict.removeprefix("invalid:"))
            where = f"{mapping.file}: columns.{name}.constant"
            found.append(Problem(where, f"每一行都会被隔离：{zh}", f"would hold every row: it {en}"))
    return found


def _of_patterns(mapping: Mapping) -> list[Problem]:
    found = []
    for name, pattern in ((c.element.name, c.element.pattern) for c in mapping.columns if c.element.pattern):
        plan = planning.trial_of_pattern(pattern)
        try:
            engine.run(plan, {"rows_read": pa.table({ROW: pa.array([1], pa.int64())})})
        except Refusal as refusal:
            if refusal.code != STEP_FAILED.code:
                raise
            zh = f"标准中的正则 {pattern} 不可用：须为 RE2 的写法（没有前瞻 (?=…) 和反向引用）"
            en = f"the standard's pattern {pattern} cannot be used: write it as RE2 reads it, without (?=…) and \\1"
            found.append(Problem(f"{mapping.file}: columns.{name}", zh, en))
    return found


def _of_condition(mapping: Mapping, check: Check) -> tuple[str, str] | None:
    columns = {}
    for name in check.columns:
        kind, value = ORDINARY[mapping.standard.element(name).type]
        columns[f"value:{name}"] = pa.array([value, None], kind)
    try:
        held = engine.run(planning.trial_of(check), {"rows_read": pa.table(columns)})["asked"].schema.field("held")
    except Refusal as refusal:
        if refusal.code != STEP_FAILED.code:
            raise
        told = str(refusal.facts["error"])
        zh = f"遇到普通的值就会中止（{told}）；要把文字读作数或日期，请用 try_cast"
        return zh, f"stops at ordinary values ({told}); to read a text as a number or a day, use try_cast"
    if not pa.types.is_boolean(held.type):
        return "不是条件：结果应为真或假", "is no condition: it should come to true or false"
    return None

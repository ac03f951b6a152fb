"""What a treatment is, as values: what it was given, what it leaves behind, what is wrong with a column.

Must never know: how a value is treated, files, keys' places. Contract: tests/deidentify/treatments/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from datong.ground.refusal import Kind, Reason, Text


class Trace(StrEnum):
    """What of the original a treated column still shows to whoever holds it without the key."""

    value = "value"
    equality = "equality"
    frequency = "frequency"
    order = "order"
    intervals = "intervals"
    distribution = "distribution"
    length = "length"
    neighbourhood = "neighbourhood"
    presence = "presence"


@dataclass(frozen=True)
class Remains:
    """What a treatment leaves behind. reversible: whoever has the key can make the originals again."""

    traces: frozenset[Trace]
    told: Text
    reversible: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "traces": sorted(trace.value for trace in self.traces),
            "reversible_with_key": self.reversible,
            "zh": self.told.zh,
            "en": self.told.en,
        }


class BadValues(Exception):
    """A column that a treatment cannot treat; `told` names counts and the first row, never a value."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.told = Text(zh, en)


@dataclass(frozen=True)
class Step:
    """One column of a plan: the treatment's name and its options. line: where it stands in the plan's text."""

    column: str
    treatment: str
    options: Mapping[str, Any]
    line: int


@dataclass(frozen=True)
class Sparse:
    """Which rows are left out at the end: those whose treated `columns` together are held by fewer than `fewest` rows,
    or, where `persons` names an original column, by fewer than that many different values of it."""

    columns: tuple[str, ...]
    fewest: int
    persons: str
    line: int


@dataclass(frozen=True)
class TreatmentPlan:
    """A plan read and checked. agreement, purpose: part of every key; empty where no treatment needs one."""

    agreement: str
    purpose: str
    steps: tuple[Step, ...]
    sparse: Sparse | None


BAD_PLAN = Reason(
    "DID-450",
    Kind.invalid,
    Text("处理计划 {plan} 未被接受，什么也没有写出。", "The plan {plan} was not accepted; nothing was written."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改后重试；每一列都须写明处理方式。",
         "Mend the items listed and try again; every column must be given a treatment."),
    rule="GB/T 37964-2019",
    article="6.4",
)  # fmt: skip
NOT_TREATED = Reason(
    "DID-451",
    Kind.invalid,
    Text("表 {table} 未处理，什么也没有写出。", "The table {table} was not treated; nothing was written."),
    Text("有 {count} 列的值不能按计划处理。", "The values of {count} columns cannot be treated as planned."),
    Text(
        "请先清洗这些值，或为该列换一种处理方式。", "Clean those values first, or plan another treatment of the column."
    ),
)
NO_KEY = Reason(
    "DID-452",
    Kind.invalid,
    Text("没有可用的密钥，什么也没有写出。", "There is no key to treat with; nothing was written."),
    Text("{why}", "{why_en}"),
    Text("请用 --key-file 指定一个仅本人可读、含 64 个十六进制数字的文件（openssl rand -hex 32 可生成），"
         "或在节点目录中执行，由节点按协议保管密钥。",
         "Name by --key-file a file that only you may read with 64 hexadecimal digits (openssl rand -hex 32 makes "
         "them), or work in a node's folder, which keeps one key per agreement."),
)  # fmt: skip
KEY_DESTROYED = Reason(
    "DID-453",
    Kind.denied,
    Text("协议 {agreement} 的处理密钥已销毁，什么也没有写出。",
         "The treatment key of agreement {agreement} was destroyed; nothing was written."),
    Text("该协议的交付已终止；同样的假名不能再次生成。",
         "Delivery under it has ended; the same tokens cannot be made again."),
    Text("请订立新的协议，并以其密钥处理。", "Conclude a new agreement and treat under its key."),
    rule="GB/T 37964-2019",
    article="6.4",
)  # fmt: skip
NO_TABLE = Reason(
    "DID-455",
    Kind.invalid,
    Text("表 {table} 未被读取。", "The table {table} was not read."),
    Text("{why}", "{why_en}"),
    Text("请给出 CSV、Parquet、NDJSON 或 Excel 文件。", "Give a CSV, Parquet, NDJSON or Excel file."),
)
WOULD_OVERWRITE = Reason(
    "DID-456",
    Kind.invalid,
    Text("什么也没有写出。", "Nothing was written."),
    Text("{out} 已经存在，或就是原表。", "{out} is there already, or is the table itself."),
    Text("请为 --out 给出一个新文件名，以 .csv 或 .parquet 结尾。",
         "Name by --out a file that does not exist yet, ending in .csv or .parquet."),
)  # fmt: skip

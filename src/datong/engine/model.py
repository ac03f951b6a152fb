"""What a plan is, what it may say, and how it is refused.

Must never know: what the steps mean. Contract: tests/engine/test_engine_rules.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datong.ground.refusal import Kind, Reason, Text

NOT_ALLOWED = Reason(
    "ENG-400",
    Kind.invalid,
    Text("计划未运行。", "The plan was not run."),
    Text("其中 {count} 处超出计划语言的范围。", "{count} things in it are outside the plan language."),
    Text("请按下列各项修改；允许的函数见 docs/reference。",
         "Mend the items listed; the functions a plan may use are in the reference."),
)  # fmt: skip
STEP_FAILED = Reason(
    "ENG-500",
    Kind.invalid,
    Text("计划在步骤 {step} 中止，未产生任何结果。", "The plan stopped in step {step}; nothing came of it."),
    Text("引擎报告：{error}。为避免泄露数据，不显示单元格的值。",
         "The engine says: {error}. Values of cells are not shown."),
    Text("请检查该步骤所用的列及其类型。", "Check the columns that the step uses, and their types."),
)  # fmt: skip
SPARK_LACKS = Reason(
    "ENG-410",
    Kind.invalid,
    Text("计划未运行。", "The plan was not run."),
    Text("其中 {count} 处在 Spark 上没有等价形式。", "{count} things in it have no equal on Spark."),
    Text("请改写下列各项，或用 DuckDB 引擎运行。", "Write the items listed another way, or run it on DuckDB."),
)  # fmt: skip
SPARK_MISSING = Reason(
    "ENG-411",
    Kind.invalid,
    Text("计划未运行。", "The plan was not run."),
    Text("Spark 引擎不可用：{what}。", "The Spark engine is not there: {what}."),
    Text("请执行 pip install 'datong[spark]' 并安装 Java 17，检查 --master 的地址。",
         "Install datong[spark] and Java 17, and look at the address given as --master."),
)  # fmt: skip
OUT_OF_MEMORY = Reason(
    "ENG-520",
    Kind.invalid,
    Text("计划在步骤 {step} 中止，未产生任何结果。", "The plan stopped in step {step}; nothing came of it."),
    Text("该步骤所需内存超出引擎的上限：多因个别单元格的文本极长，或列极多。",
         "It needs more memory than the engine may take: most often for single cells with very long texts, or for "
         "very many columns."),
    Text("请在来源中去掉或截短这样的文本，或把各列分到多个映射中。",
         "Leave such texts out of the source or cut them, or part the columns among several mappings."),
)  # fmt: skip
ROWS_LOST = Reason(
    "ENG-501",
    Kind.conflict,
    Text("计划在步骤 {step} 中止，未产生任何结果。", "The plan stopped after step {step}; nothing came of it."),
    Text("{whole} 有 {rows_whole} 行，而 {parts} 合计 {rows_parts} 行：有行丢失或重复。",
         "{whole} has {rows_whole} rows, {parts} together {rows_parts}: rows were lost or doubled."),
    Text("这是计划的缺陷，请连同计划摘要一并报告。", "This is a fault of the plan; report it with the plan's digest."),
)  # fmt: skip
BAD_INPUT = Reason(
    "ENG-404",
    Kind.invalid,
    Text("计划未运行。", "The plan was not run."),
    Text("输入或参数与计划声明的不一致。", "The inputs or parameters are not those the plan declares."),
    Text("请提供计划声明的输入和参数。", "Give the inputs and parameters that the plan declares."),
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One named SELECT in DuckDB SQL. Its name becomes a table that later steps may read.

    sql may read the plan's inputs and earlier steps and use bound parameters (`$name`); keys and other secrets
    are always parameters, because the text of a plan is printed and kept in evidence.
    kept: its rows are made once and kept until the last step that reads them. False: its text stands in the steps
    that read it; right where one step reads it, or where its rows are cheaper to make again than to keep.
    ordered_by: a column of whole numbers by which its rows come in rising order. A promise that is checked where the
    rows leave the engine and made true there when it is not, so that no sort is paid for rows already in order.
    on_duckdb: the same rows of the same tables in words that only DuckDB has, where it comes to them sooner so; "" = it
    runs sql as well. Written by our code, never by a user, and no part of what a plan says: sql alone defines the rows.
    """

    name: str
    sql: str
    kept: bool = True
    ordered_by: str = ""
    on_duckdb: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class Balance:
    """A promise checked while the plan runs: the rows of `whole` are the rows of `parts` together."""

    whole: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Late:
    """An input that is read when the step `asked` has run, by what that step holds: most often rows of another input
    that need a slower and closer look."""

    name: str
    asked: str


@dataclass(frozen=True)
class Plan:
    """Steps in order, over the named inputs; nothing else can be read.

    parameters: names of the values bound at run time. balances: row counts that must add up. late: inputs besides
    `inputs` that come while the plan runs.
    """

    steps: tuple[Step, ...]
    inputs: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    balances: tuple[Balance, ...] = ()
    late: tuple[Late, ...] = ()


GROUP_ROWS = 524_288
"""Rows of a row group of a Parquet file, so that a reader never holds more of it."""

FILE = "$file"
"""Stands in the text of a Scan for the path of its file."""


@dataclass(frozen=True)
class Scan:
    """An input that the database reads itself from a file: `sql` is a SELECT over readers of the file `$file`.

    The database can reach that file and no other. rows: how many it must give, counted by whoever made the scan, so
    that the balances of a plan hold from the file on. sql is written by our code, never by a user.
    otherwise: a SELECT with the same columns, rows and values, which is used instead where `sql` meets something in the
    file that it cannot read; "" = there is none.
    """

    path: Path
    sql: str
    rows: int
    otherwise: str = field(default="", kw_only=True)


Reread = Callable[[Any], Any]
"""What a late input is given as: from the rows of the step that asks (a pyarrow Table) to the rows of the input."""


@dataclass(frozen=True)
class Result:
    """What a run gave: the asked tables as pyarrow Tables, the rows of every input and kept step, the time it took."""

    tables: Mapping[str, Any]
    rows: Mapping[str, int]
    seconds: float

    def __getitem__(self, name: str) -> Any:
        return self.tables[name]


@dataclass(frozen=True)
class Engine:
    """What runs plans: run(plan, inputs, parameters, want=…) -> Result, with the same refusals whatever it is."""

    name: str
    run: Callable[..., Result]


FUNCTION_GROUPS: Mapping[str, str] = {
    "aggregates": "any_value arg_max arg_min avg bool_and bool_or count count_if first last list array_agg max median "
    "min mode quantile_cont stddev_pop stddev_samp string_agg sum var_pop var_samp approx_count_distinct",
    "windows": "dense_rank first_value lag last_value lead ntile percent_rank rank row_number",
    "numbers": "abs acos asin atan atan2 ceil ceiling cos degrees exp floor greatest least ln log10 mod pi power "
    "radians round sign sin sqrt tan trunc isnan isfinite",
    "texts": "chr concat concat_ws contains ends_with instr left length lower lpad ltrim prefix regexp_extract "
    "regexp_full_match regexp_matches regexp_replace repeat replace reverse right rpad rtrim split_part starts_with "
    "string_split strip_accents strlen substr substring suffix translate trim upper hex unhex from_hex to_hex md5 "
    "sha256",
    "times": "date_add date_diff date_part date_sub date_trunc day dayofweek epoch epoch_ms epoch_us extract hour "
    "isodow last_day make_date make_timestamp minute month quarter second strftime strptime time_bucket timezone "
    "to_days to_hours to_minutes to_seconds to_timestamp try_strptime week weekday year date timestamp time",
    "choices": "case cast coalesce if ifnull nullif try_cast typeof",
    "lists and structs": "array_length element_at flatten generate_series len list_aggregate list_concat "
    "list_contains list_distinct list_extract list_filter list_has_any list_position list_reduce list_slice list_sort "
    "list_transform list_value map map_extract range row struct_extract struct_pack to_json unnest",
}
"""The functions a plan may use, by their DuckDB names.

Only functions of (argument) -> (value): none reads files, settings, the clock, chance or the network, so equal
inputs give equal results. Each has golden values, and a Spark form or a reason why there is none (spark_forms).
"""

FUNCTIONS = frozenset(name for group in FUNCTION_GROUPS.values() for name in group.split())


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"

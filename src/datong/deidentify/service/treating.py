"""Treating a table by a plan: read both, refuse with everything that is wrong, write what may be written.

No verb: it works on files of whoever stands in front of them (cli.treating), on no state of the node but its keys.
What is not written stays as it was. Contract: tests/deidentify/treatments/test_treatments_treating.py.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from datong.deidentify.model.classification import KEPT_DIRECT, Confirmed
from datong.deidentify.model.refusals import NO_EXTRA
from datong.deidentify.model.treatments import (
    BAD_PLAN,
    NO_KEY,
    NO_TABLE,
    NOT_TREATED,
    WOULD_OVERWRITE,
    TreatmentPlan,
)
from datong.deidentify.rules.recoding.hierarchy import Hierarchy
from datong.deidentify.rules.treatments.applying import Treated, needs_key, treated
from datong.deidentify.rules.treatments.classified import direct_let_out
from datong.deidentify.rules.treatments.keys import key_id
from datong.deidentify.rules.treatments.plan import plan_of
from datong.deidentify.rules.treatments.tokens import as_hex
from datong.deidentify.service.tables import hierarchy_in
from datong.deidentify.service.treatment_keys import key_in, key_of_agreement
from datong.ground.refusal import Problem
from datong.ground.staging import whole_file
from datong.harmonise import service as harmonise

SUFFIXES = (".csv", ".parquet")
PARQUET_MAGIC = b"PAR1"
BROKEN_SHOWN = 10
LOT = "datong lot"


def treat(
    table: Path,
    plan: Path,
    *,
    key_file: Path | None = None,
    node: Path | None = None,
    out: Path | None = None,
    classified: Callable[[Sequence[str]], Confirmed] | None = None,
) -> dict[str, Any]:
    """Treat the file `table` by the file `plan` and write `out` (nothing where it is None); what was done and remains.

    key_file: holds the secret of the agreement; node: a node's folder that keeps it instead. classified: what the
    node's people confirmed of the dataset that the table is of, asked with the table's columns. Refuses with DID-450
    (the plan), 451 (values), 452 and 453 (keys), 454 (the extra privacy), 455 (the table), 456 (out), 463 (columns that
    nobody confirmed), 469 (direct identifiers let out), naming everything.
    """
    if out is not None:
        _require_writable(out, table)
    rows = table_of(table)
    if not rows.num_rows:
        raise NO_TABLE(table=table.name, why="其中没有行。", why_en="There are no rows in it.")
    value, lines, unread = harmonise.read_yaml(plan)
    read, wrong = (None, unread) if unread else plan_of(value, lines, plan.name, rows.column_names)
    if read is None:
        raise BAD_PLAN(wrong, plan=plan.name, count=len(wrong))
    hierarchies, wrong = _hierarchies(read, plan)
    if wrong:
        raise BAD_PLAN(wrong, plan=plan.name, count=len(wrong))
    if classified is not None:
        let_out = direct_let_out(read, plan.name, classified(rows.column_names), hierarchies)
        if let_out:
            raise KEPT_DIRECT(let_out, table=table.name, count=len(let_out))
    root = b""
    if needs_key(read):
        root = _root(key_file, node, read.agreement)
    try:
        done, bad = treated(rows, read, root, plan.name, hierarchies)
    except ModuleNotFoundError as missing:
        raise NO_EXTRA(package=str(missing.name).partition(".")[0]) from None
    if done is None:
        raise NOT_TREATED(bad, table=table.name, count=len(bad))
    if out is not None:
        _require_flat(done.table, table, out)
        write(in_order_of_content(done.table), out)
    return _told(table, done, rows.num_rows, out, key_id(root) if root else "")


def _hierarchies(read: TreatmentPlan, plan: Path) -> tuple[dict[str, Hierarchy], list[Problem]]:
    """The hierarchies that the plan names, their paths relative to it, or everything that is wrong with them."""
    found: dict[str, Hierarchy] = {}
    problems: list[Problem] = []
    for step in read.steps:
        if step.treatment != "generalised":
            continue
        name, level = step.options["hierarchy"], step.options["level"]
        if name not in found:
            hierarchy, wrong = hierarchy_in(plan.parent / name, name)
            problems += wrong
            if hierarchy is None:
                continue
            found[name] = hierarchy
        if level > (height := found[name].height):
            where = f"{plan.name}:{step.line}: columns.{step.column}.level"
            problems.append(Problem(where, f"{name} 只有 {height} 级", f"{name} has {height} levels only"))
    return found, problems


def table_of(path: Path) -> pa.Table:
    """The table in the file at `path`; nothing written stands for null. Parquet keeps its types, all else is text."""
    if not path.is_file():
        raise NO_TABLE(table=path.name, why="没有这个文件。", why_en="There is no such file.")
    with path.open("rb") as opened:
        if opened.read(4) == PARQUET_MAGIC:
            return _parquet(path)
    found = harmonise.table_at(path)
    if isinstance(found, harmonise.Unfit):
        raise NO_TABLE(table=path.name, why=found.why.zh, why_en=found.why.en)
    table, broken = found
    if broken:
        lines = [
            Problem(f"{path.name}, {row}", "不是完整的记录", "is no whole record") for row in broken[:BROKEN_SHOWN]
        ]
        raise NO_TABLE(lines, table=path.name, why=f"其中 {len(broken)} 行不是完整的记录，按表头以下的行号列于下方。",
                       why_en=f"{len(broken)} rows of it are no whole records; they are listed, counted below the "
                       "header.")  # fmt: skip
    columns = {name: _nothing_to_null(table[name]) for name in table.column_names}
    return pa.table(columns)


def _parquet(path: Path) -> pa.Table:
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowInvalid, OSError):
        raise NO_TABLE(table=path.name, why="Parquet 文件损坏。", why_en="The Parquet file is damaged.") from None
    if len(set(table.column_names)) < table.num_columns:
        raise NO_TABLE(table=path.name, why="有列重名。", why_en="Two of its columns have one name.")
    return pa.table({n: pc.cast(c, _plain(c.type)) for n, c in _columns(table)})


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type without dictionaries: one is kept whole, with the values of rows that were left out, and with those that
    no row ever had. A column of nothing but nulls is text, which every treatment takes."""
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_plain(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_plain(kind.key_type), _plain(kind.item_type))
    if pa.types.is_large_list(kind):
        return pa.large_list(_plain(kind.value_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_plain(kind.value_type), kind.list_size)
    return pa.list_(_plain(kind.value_type)) if pa.types.is_list(kind) else kind


def _nothing_to_null(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def in_order_of_content(table: pa.Table) -> pa.Table:
    """The rows in an order that says nothing but what they show. In that of the original, a list in the same order says
    who is who, and row 7 of one recipient's table is row 7 of another's, whatever tokens stand on them. What is of no
    order (lists, structs) goes by lot."""
    keys = {name: column for name, column in _columns(table) if _has_order(column.type)}
    keys[LOT] = pa.array(np.frombuffer(secrets.token_bytes(8 * table.num_rows), dtype=np.uint64))
    order = pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in keys])
    return table.take(order)


def _has_order(kind: pa.DataType) -> bool:
    of_number = pa.types.is_integer(kind) or pa.types.is_decimal(kind) or kind in (pa.float32(), pa.float64())
    of_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_fixed_size_binary(kind)
    return of_number or of_text or pa.types.is_temporal(kind) or pa.types.is_boolean(kind)


def write(table: pa.Table, out: Path) -> None:
    """The table as a new file; in CSV tokens are 32 hexadecimal digits. A file half written is never left."""
    with whole_file(out) as fresh:
        if out.suffix == ".parquet":
            pq.write_table(table, fresh, compression="zstd")
        else:
            binary = pa.types.is_fixed_size_binary
            texts = {n: as_hex(c.combine_chunks()) if binary(c.type) else c for n, c in _columns(table)}
            pacsv.write_csv(pa.table(texts), fresh)


def _columns(table: pa.Table) -> list[tuple[str, pa.ChunkedArray]]:
    return [(name, table[name]) for name in table.column_names]


def _root(key_file: Path | None, node: Path | None, agreement: str) -> bytes:
    if key_file is not None:
        return key_in(key_file)
    if node is not None:
        return key_of_agreement(node, agreement)
    raise NO_KEY(why="计划中有带密钥的处理方式。", why_en="The plan has keyed treatments.")


def _require_flat(treated_table: pa.Table, table: Path, out: Path) -> None:
    """CSV has no lists or structs: refused where the plan keeps any."""
    nested = [name for name, column in _columns(treated_table) if pa.types.is_nested(column.type)]
    if nested and out.suffix == ".csv":
        zh, en = "含列表或结构，CSV 不能写出", "holds lists or structs, which CSV cannot hold"
        raise NOT_TREATED([Problem(name, zh, en) for name in nested], table=table.name, count=len(nested))


def _require_writable(out: Path, table: Path) -> None:
    if out.exists() or out.resolve() == table.resolve() or out.suffix not in SUFFIXES or not out.parent.is_dir():
        raise WOULD_OVERWRITE(out=out)


def _told(table: Path, done: Treated, rows: int, out: Path | None, key: str) -> dict[str, Any]:
    return {
        "table": table.name,
        "rows_read": rows,
        "rows_written": done.table.num_rows,
        "rows_left_out": done.rows_left_out,
        "key_id": key,
        "out": str(out) if out else "",
        "columns": [dict(column) for column in done.told],
    }

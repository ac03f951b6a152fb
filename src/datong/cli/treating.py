"""The commands on one table in a file, with no running node: treat it by a plan.

Must never know: how anything is treated. Contract: tests/deidentify/treatments/test_treatments_treating.py,
docs/how-to/find-and-treat-personal-data.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click
from rich.table import Table

from datong.cli import said
from datong.cli.printing import NAME_LONGEST, cell, console, node_of, print_json
from datong.deidentify.model.classification import Confirmed
from datong.deidentify.service.classification import require_classified
from datong.deidentify.service.treating import treat
from datong.ground.refusal import Text


def treated(
    table: Path, plan: Path, *, key_file: Path | None, folder: Path, out: Path | None, dataset: str, as_json: bool
) -> None:
    node = node_of(folder)
    classified = _classified(node or folder, dataset, table)
    told = treat(table, plan, key_file=key_file, node=node, out=out, classified=classified)
    if as_json:
        print_json(told)
        return
    shown = Table("column", "treatment", "distinct", said(Text("留下什么", "what remains")))
    for column in told["columns"]:
        after = "" if column["distinct_after"] is None else f" -> {column['distinct_after']:,}"
        remains = said(Text(column["remains"]["zh"], column["remains"]["en"]))
        before = "" if column["distinct_before"] is None else f"{column['distinct_before']:,}"
        shown.add_row(cell(column["column"], NAME_LONGEST), column["treatment"], f"{before}{after}", remains)
    console().print(shown)
    rows, left = told["rows_read"], told["rows_left_out"]
    click.echo(said(Text(f"读取 {rows:,} 行，略去 {left:,} 行。", f"{rows:,} rows read, {left:,} left out.")))
    wrote = f"{told['out']} written." if told["out"] else "Nothing was written: name a file by --out."
    click.echo(said(Text(f"已写出 {told['out']}。" if told["out"] else "未写出：请用 --out 指定文件。", wrote)))


def _classified(node: Path, dataset: str, table: Path) -> Callable[[Sequence[str]], Confirmed] | None:
    """Asks the node in the folder what its people confirmed of the dataset that the table is of; None where no dataset
    is named."""
    if not dataset:
        return None

    def ask(columns: Sequence[str]) -> Confirmed:
        from datong.app import open_here  # noqa: PLC0415 - heavy, and only needed here

        with open_here(node) as here, here.store.read(here.person) as tx:
            return require_classified(tx, dataset, columns, table)

    return ask

"""The command that finds personal data in one table in a file, with no running node.

Must never know: how anything is judged. Contract: tests/deidentify/finding/test_finding_classifying.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.table import Table

from datong.cli import said
from datong.cli.printing import NAME_LONGEST, cell, console, print_json
from datong.deidentify.service.classifying import classify
from datong.ground.refusal import Text


def classified(table: Path, *, confirmed: Path | None, write: Path | None, as_json: bool) -> None:
    told = classify(table, confirmed=confirmed, write=write)
    if as_json:
        print_json(told)
        return
    shown = Table("column", "kind", "type", "score", "level", "evidence")
    for column in told["columns"]:
        level = told.get("confirmed", {}).get(column["column"], column["level"])
        kind = "" if column["kind"] == "other" else column["kind"]
        shown.add_row(
            cell(column["column"], NAME_LONGEST), kind, said(Text(column["zh"], column["en"])),
            f"{column['score']:.2f}", str(level), _why(column["evidence"]),
        )  # fmt: skip
    console().print(shown)
    proposal = told.get("confirmed_whole", told["proposal"])
    why = "; ".join(proposal["why"]) or "nothing personal was found"
    click.echo(f"{proposal['grade']}, level {proposal['level']} ({why}).")
    if proposal["judge_anew"]:
        click.echo(f"Many persons: judge anew for {', '.join(proposal['judge_anew'])}.")
    if not told["whole"]:
        click.echo(f"Only the first {told['rows_looked_at']:,} rows were looked at.")


def _why(evidence: dict[str, Any]) -> str:
    parts = []
    if "name" in evidence:
        parts.append(cell(f"name means {evidence['name']['means']} ({evidence['name']['by']})", NAME_LONGEST))
    if "check" in evidence and evidence["check"]["share"]:
        parts.append(f"{evidence['check']['share']:.0%} pass {evidence['check']['name']}")
    if "within" in evidence:
        parts.append(f"{evidence['within']['share']:.0%} of its texts hold a {evidence['within']['name']}")
    return "; ".join([*parts, f"{evidence['distinct']:,} distinct"])

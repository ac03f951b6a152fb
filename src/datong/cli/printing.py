"""How commands print what they tell: JSON, tables, and what stands in a cell of one.

Must never know: what is told. Contract: tests/cli/test_cli_workspace.py.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

NAME_LONGEST = 80
"""Signs of a column's name that a table shows."""


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


def console() -> Console:
    """The terminal; where there is none, as wide as a page of text."""
    from rich.console import Console  # noqa: PLC0415 - only for those who draw a table

    return Console(width=None if sys.stdout.isatty() else 120, highlight=False)


def cell(value: Any, most: int = 200) -> str:
    """A name or value on one line of at most so many signs, with nothing in it that a terminal or Rich would obey."""
    text = "" if value is None else str(value)
    shown = "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)
    return shown.replace("[", r"\[")[:most]


def node_of(folder: Path) -> Path | None:
    """The node that a folder is of or belongs to: where datong.toml lies; None where it is of none."""
    here = folder.resolve()
    return next((place for place in (here, here.parent) if (place / "datong.toml").is_file()), None)

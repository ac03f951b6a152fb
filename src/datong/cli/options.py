"""Options that several commands of the command line take, each said once. Contract: docs/reference/cli.md."""

from __future__ import annotations

from pathlib import Path

import click

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
HERE = click.option(
    "--workspace", "folder", default=".", show_default=True, type=click.Path(path_type=Path),
    help="Folder of the workspace; datong.toml lies in it, or beside it in the folder above.",
)  # fmt: skip

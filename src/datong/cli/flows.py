"""`datong flows fit TABLE --recipe RECIPE --figure starts`: what a buyer reads from a product of joint counts.

Runs here, without a node. Must never know: how it is fitted. Contract: tests/cli/test_cli_flows.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from datong.cli.options import AS_JSON


@click.group("flows")
def flows() -> None:
    """Read a product of joint counts as flows, without a node."""


@flows.command("fit")
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--recipe", required=True, type=click.Path(path_type=Path), help="The product's recipe, YAML.")
@click.option("--figure", required=True, help="The number of events to fit: an events_as of the recipe.")
@click.option("--out", type=click.Path(path_type=Path), help="Write cell, date, hour and expected events here as CSV.")
@AS_JSON
def fit_(table: Path, recipe: Path, figure: str, out: Path | None, as_json: bool) -> None:
    """Expected events by finest cell and window from the groups and marginals of TABLE, a delivered parquet file."""
    from datong.deidentify.service.fitting import fit  # noqa: PLC0415 - heavy

    answer = fit(table, recipe, figure, out=out)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    for name, value in answer.items():
        click.echo(f"{name:<9} {value if value is not None else '-'}")

"""`datong deidentify [TABLE] --spec SPEC`: recode a table here, without a node; without --spec, the room's verbs.

Must never know: how a table is recoded. Contract: tests/cli/test_cli_deidentify.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from datong.cli.options import AS_JSON


class Deidentify(click.Group):
    """The room's group, made only when a verb of it is asked for; with --spec the command that recodes a table."""

    def __init__(self, room: Callable[[], click.Group]) -> None:
        super().__init__("deidentify")
        self.room = room

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if any(word == "--spec" or word.startswith("--spec=") for word in args):
            return recode.make_context(info_name, args, parent, **extra)
        room = self.room()
        room.help = (
            f"{room.help}\n\nTo recode a table here, without a node: datong deidentify [TABLE] --spec SPEC --help."
        )
        return room.make_context(info_name, args, parent, **extra)


@click.command("deidentify")
@click.argument("table", required=False, type=click.Path(path_type=Path))
@click.option(
    "--spec", required=True, type=click.Path(path_type=Path),
    help="YAML: table, quasi-identifiers with their hierarchy files, model; paths relative to it.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="Write the recoded table here [default: figures only].")
@AS_JSON
def recode(table: Path | None, spec: Path, out: Path | None, as_json: bool) -> None:
    """Recode a table until its privacy model holds, with the least loss; say levels, loss and what was suppressed.

    TABLE: instead of the spec's `table`. Needs the extra privacy: pip install 'datong[privacy]'.
    """
    from datong.deidentify.service.recoding import recoded  # noqa: PLC0415 - heavy

    def compiling() -> None:
        click.echo("首次使用：正在编译，约半分钟。 First use: compiling, about half a minute.", err=True)

    answer = recoded(spec, table=table, out=out, compiling=compiling)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    for name, value in answer.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        click.echo(f"{name:<18} {shown}")

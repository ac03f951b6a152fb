"""`datong policy …`: a policy in a file, with no running node. What each does is imported when it is called.

Must never know: how anything is judged. Contract: tests/cli/test_cli_policy.py, docs/how-to/write-a-policy.md.
"""

from __future__ import annotations

from pathlib import Path

import click

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
FILE = click.Path(path_type=Path, dir_okay=False)
HERE = click.option(
    "--workspace", "folder", default=".", show_default=True, type=click.Path(path_type=Path),
    help="The node's folder, for its templates and for ids of its offers and agreements.",
)  # fmt: skip


@click.group()
def policy() -> None:
    """Policies in files: check, explain, decide, compare, convert, evaluate."""


@policy.command()
@click.option("--policy", "policy_file", required=True, type=FILE, help="The policy, in Turtle.")
@click.option("--request", required=True, type=FILE, help="The odrl:Request, in Turtle.")
@click.option("--world", required=True, type=FILE, help="The state of the world, in Turtle: at least the current time.")
@click.option("--turtle", is_flag=True, help="Print the report as Turtle.")
@AS_JSON
def evaluate(policy_file: Path, request: Path, world: Path, turtle: bool, as_json: bool) -> None:
    """Evaluate an ODRL policy of any vocabulary: a compliance report, rule by rule.

    The JSON is JSON-LD in the terms of the ODRL Compliance Report Model.
    Needs the extra odrl: pip install 'datong[odrl]'.
    """
    from datong.cli.policy_work import evaluated  # noqa: PLC0415 - heavy

    evaluated(policy_file, request, world, turtle=turtle, as_json=as_json)

"""`datong policy …`: a policy in a file, with no running node. What each does is imported when it is called.

Must never know: how anything is judged. Contract: tests/cli/test_cli_policy.py, docs/how-to/write-a-policy.md.
"""

from __future__ import annotations

from pathlib import Path

import click

from datong.cli.options import AS_JSON

FILE = click.Path(path_type=Path, dir_okay=False)
HERE = click.option(
    "--workspace", "folder", default=".", show_default=True, type=click.Path(path_type=Path),
    help="The node's folder, for its templates and for the ids of its offers and agreements.",
)  # fmt: skip


@click.group()
def policy() -> None:
    """Policies in files: check, explain, decide, compare, convert, evaluate."""


@policy.command()
@click.argument("file", type=FILE)
@AS_JSON
def check(file: Path, as_json: bool) -> None:
    """Check a policy: every mistake with its line, and where its own rules meet.

    FILE: YAML or JSON as a person writes it, the JSON form, ODRL as JSON of the Dataspace Protocol, or Turtle (.ttl).
    """
    from datong.cli.policy_work import checked_file  # noqa: PLC0415 - heavy

    checked_file(file, as_json=as_json)


@policy.command()
@click.argument("policy_named", metavar="FILE|ID")
@HERE
@AS_JSON
def explain(policy_named: str, folder: Path, as_json: bool) -> None:
    """Explain a policy in words, rule by rule. ID: of an offer or agreement of the node."""
    from datong.cli.policy_work import explained_file  # noqa: PLC0415 - heavy

    explained_file(policy_named, folder, as_json=as_json)


@policy.command()
@click.argument("policy_named", metavar="FILE|ID")
@click.option("--action", required=True, help="What is asked for, e.g. read or 读取.")
@click.option(
    "--with", "given", multiple=True, metavar="NAME=VALUE",
    help="What is known of the request: time, purpose, region, assignee, target, done, …; a list with commas.",
)  # fmt: skip
@HERE
@AS_JSON
def decide(policy_named: str, action: str, given: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Decide a request: allowed, conditional, denied or default denied, by which rule, and the smallest change."""
    from datong.cli.policy_work import decided_file  # noqa: PLC0415 - heavy

    decided_file(policy_named, action, given, folder, as_json=as_json)


@policy.command()
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@HERE
@AS_JSON
def conflicts(one: str, other: str, folder: Path, as_json: bool) -> None:
    """Show the pairs of rules of two policies that meet, and which of them decides. A, B: files or ids."""
    from datong.cli.policy_work import compared  # noqa: PLC0415 - heavy

    compared(one, other, folder, as_json=as_json)


@policy.command()
@click.argument("policy_named", metavar="FILE|ID")
@click.option("--to", type=click.Choice(["json", "odrl", "turtle"]), required=True, help="odrl: JSON of the DSP.")
@HERE
def convert(policy_named: str, to: str, folder: Path) -> None:
    """Write a policy in another form; what that form has no place for is refused by name."""
    from datong.cli.policy_work import converted  # noqa: PLC0415 - heavy

    click.echo(converted(policy_named, to, folder))


@policy.command()
@HERE
@AS_JSON
def templates(folder: Path, as_json: bool) -> None:
    """List the templates: those that come with Datong, and the node's own in policies/templates/*.yaml."""
    from datong.cli.policy_work import listed_templates  # noqa: PLC0415 - heavy

    listed_templates(folder, as_json=as_json)


@policy.command()
@click.argument("name")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="A parameter of the template.")
@click.option("--id", "policy_id", default="", help="Id of the policy [default: NAME].")
@click.option("--out", type=FILE, help="Write the policy there; a file that is there is kept.")
@click.option("--edit", is_flag=True, help="Copy the template into the node's folder instead, to edit it.")
@HERE
def template(name: str, given: tuple[str, ...], policy_id: str, out: Path | None, edit: bool, folder: Path) -> None:
    """Make a policy of the template NAME."""
    from datong.cli.policy_work import of_template  # noqa: PLC0415 - heavy

    click.echo(of_template(name, given, policy_id or name, out, edit=edit, folder=folder))


@policy.command()
@click.option("--policy", "policy_file", required=True, type=FILE, help="The policy, in Turtle.")
@click.option("--request", required=True, type=FILE, help="odrl:Request or sotw:EvaluationRequest, in Turtle.")
@click.option("--world", required=True, type=FILE, help="The state of the world, in Turtle: the time at least.")
@click.option("--turtle", is_flag=True, help="Print the report as Turtle.")
@AS_JSON
def evaluate(policy_file: Path, request: Path, world: Path, turtle: bool, as_json: bool) -> None:
    """Evaluate an ODRL policy of any vocabulary: a compliance report, rule by rule.

    The JSON is JSON-LD in the terms of the ODRL Compliance Report Model.
    Needs the extra odrl: pip install 'datong[odrl]'.
    """
    from datong.cli.policy_work import evaluated  # noqa: PLC0415 - heavy

    evaluated(policy_file, request, world, turtle=turtle, as_json=as_json)

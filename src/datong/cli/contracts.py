"""`datong contract show ID`: one contract, by its id or its 47-character contract code, from a running node.

Must never know: what a contract says. Contract: tests/cli/test_cli_ndi.py.
"""

from __future__ import annotations

import click

from datong.cli.options import AS_JSON


@click.group(no_args_is_help=True)
def contract() -> None:
    """Contracts of a running node 合约."""


@contract.command()
@click.argument("id")
@click.option("--node", envvar="DATONG_NODE", default="http://127.0.0.1:8400", help="Address of the node.")
@click.option("--token", envvar="DATONG_TOKEN", default="", help="Service token.")
@AS_JSON
def show(id: str, node: str, token: str, as_json: bool) -> None:
    """Parties, policy in words, terms, signatures, and where it is filed."""
    from datong.cli.rooms import asked  # noqa: PLC0415 - as every command

    asked("negotiate.contract", node, token, as_json, {"id": id})

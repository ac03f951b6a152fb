"""`datong identity show | rotate | retire`: the keys by which a node proves itself to other spaces, in its folder.

Works beside the running node, which reads the files each time. Each change is a leaf in the node's evidence, by
`local`. Must never know: what the keys sign. Contract: tests/cli/test_cli_identity.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from datong.cli.options import AS_JSON

FOLDER = click.argument("folder", type=click.Path(path_type=Path))


@click.group()
def identity() -> None:
    """The DID of a node and the keys it is proven by."""


@identity.command()
@FOLDER
@AS_JSON
def show(folder: Path, as_json: bool) -> None:
    """Show the DID of the node in FOLDER, where its document lies, and its keys; the last one signs."""
    from datong.ground.config import load  # noqa: PLC0415 - light commands stay light
    from datong.ground.identity import KeyRing  # noqa: PLC0415

    config = load(folder)
    _told(str(config["node.address"]), [key.name for key in KeyRing(folder).published()], as_json)


@identity.command()
@FOLDER
@click.option(
    "--algorithm", type=click.Choice(["EdDSA", "ES256"]), default="EdDSA", show_default=True,
    help="EdDSA is Ed25519; ES256 is P-256, for peers that ask for it.",
)  # fmt: skip
@AS_JSON
def rotate(folder: Path, algorithm: str, as_json: bool) -> None:
    """Make a new key, which signs from now on; earlier ones stay published until they are retired."""
    _changed(folder, lambda ring: ring.rotate(algorithm).name, "made", as_json)


@identity.command()
@FOLDER
@click.argument("key")
@AS_JSON
def retire(folder: Path, key: str, as_json: bool) -> None:
    """Stop publishing KEY, e.g. 1-EdDSA: what it signed, credentials too, is worthless from now on."""

    def ended(ring: Any) -> str:
        ring.retire(key)
        return key

    _changed(folder, ended, "retired", as_json)


def _changed(folder: Path, change: Any, what: str, as_json: bool) -> None:
    from datong.app import open_here  # noqa: PLC0415 - heavy
    from datong.ground import identity as keys  # noqa: PLC0415
    from datong.register import service as register  # noqa: PLC0415

    with open_here(folder) as here, here.store.begin(here.person, "register") as tx:
        ring = keys.ring(tx)
        name = change(ring)
        register.identity_key_changed(tx, key=name, what=what)
        address, names = str(here.config["node.address"]), [key.name for key in ring.published()]
    _told(address, names, as_json)


def _told(address: str, names: list[str], as_json: bool) -> None:
    from datong.wire.dcp import did  # noqa: PLC0415

    mine = did.did_of(address)
    said = {"did": mine, "document": did.document_url(mine, address.partition("://")[0]), "keys": names}
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    for name, value in said.items():
        click.echo(f"{name:<12} {' '.join(value) if isinstance(value, list) else value}")

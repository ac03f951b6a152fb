"""A live EDC in a space of membership credentials: the checks of edc_peer.py under the identities both have in earnest.

The node is a function node, which admits the EDC as a connector of another make and gives it its credential; nothing is
mocked at the node. EDC has no place of its own for a DID, credentials and tokens (its identity hub is a product beside
it): wallet.py stands in for it, and gives to whoever asks. `edc-dcp/` holds the jars' pom and what EDC wants in code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connector import PARTY, SUPPLIER, Connector, served
from datong import app
from datong.ground import signing
from datong.ground.config import load
from datong.ground.db import NODE, Actor
from datong.register import service as register
from datong.terms.roles import Role
from datong.wire.dcp import credentials
from datong.wire.dcp.did import did_of
from edc_peer import EDC_PARTY, Direction, Plane, They, We, offered_plane, told
from edc_process import Manager, membership, running, until
from seed import SALE, listing, resource
from wallet import Wallet, stopped

REGISTRAR = Actor("p-1", "registrar", PARTY, "registry", frozenset({Role.registrar.value}))


@contextmanager
def function_node(folder: Path, port: int) -> Iterator[Connector]:
    """A function node in a space of credentials, which holds one itself."""
    app.init(folder, name="conformance", party=PARTY, port=port, region="5201", kind="regional")
    file = folder / "datong.toml"
    customs = f'[peers]\nidentity = "dcp"\ncredential_profile = "{credentials.OLDER}"\n'
    private = "allow_private = true\ndata_elsewhere = true\n"
    file.write_text(file.read_text("utf-8") + customs + private, "utf-8")
    connector = served(app.open_node(load(folder)), f"http://127.0.0.1:{port}")
    connector.start()
    try:
        store = connector.node.store
        with store.begin(REGISTRAR, "register") as tx:
            register.issue_membership(tx, code=signing.me(tx).code)

        def held() -> Any:
            with store.read() as tx:
                return register.held_credentials(tx)

        until(held)
        yield connector
    finally:
        connector.stop()


def checked(lib: Path, folder: Path, port: int, said: Callable[[str], None] = print) -> list[tuple[str, str, str]]:
    """All checks, in order, as edc_peer.checked does them."""
    wallet = Wallet(folder / "wallet", port + 12)
    try:
        with function_node(folder / "node", port + 11) as connector:
            own = membership(wallet, did_of(connector.address))
            with running(lib, folder, port, name="edc-member", more=own, beside=folder / "classes") as edc:
                plane = Plane(port + 10, edc["control"])
                try:
                    return told(_directions(connector, wallet, edc, plane), said)
                finally:
                    plane.stop()
    finally:
        stopped(wallet.server)


def _directions(connector: Connector, wallet: Wallet, edc: dict[str, str], plane: Plane) -> list[Direction]:
    node = connector.node
    facts = {"party": EDC_PARTY, "address": edc["root"], "did": wallet.did, "make": "Eclipse EDC"}
    with node.store.begin(REGISTRAR, "register") as tx:
        code = register.admit_connector(tx, name="EDC", **facts)["code"]
        register.issue_membership(tx, code=code)
    until(lambda: wallet.held)
    with node.store.begin(NODE, "seed") as tx:
        resource(tx, PARTY, SUPPLIER, EDC_PARTY)
        listing(tx, "OURS", "offer-ours", PARTY, agree="node", policy=SALE)
    offered_plane(plane)
    manager = Manager(edc["management"])
    manager.furnish()
    return [
        They(connector, manager, plane, known_as=did_of(connector.address)),
        We(connector, manager, plane, peer=code, caller=node.verifier),
    ]

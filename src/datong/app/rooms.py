"""Every room on the store of a node. Contract: tests/cli/test_cli.py, tests/journey."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from datong.app.opening import Here, for_one_command, open_up_to_harmonise, whose
from datong.catalogue import service as catalogue
from datong.compose import service as compose
from datong.deliver import service as deliver
from datong.ground.config import Config, load
from datong.ground.db import NODE, Store
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.wire import openlineage


def open_here(folder: Path) -> AbstractContextManager[Here]:
    """The store of the node in `folder`, for one command; the person is a data engineer of the node by being there."""
    return for_one_command(folder, open_store)


def open_store(config: Config) -> Store:
    """The store of a node, brought up to date, with all its rooms; this process signs for it, and runs its crypto
    profile."""
    store = open_up_to_harmonise(config)
    compose.install(store, config.folder)
    compose.on_version(
        store, lambda made: openlineage.keep(config.folder, openlineage.version_events(made, whose(store)))
    )
    negotiate.install(
        store, config["negotiate.by_hand"], open_per_peer=int(config["negotiate.open_per_peer"]),
        begun_per_peer=int(config["negotiate.begun_per_peer"]), filed_first=bool(config["negotiate.filed_first"]),
    )  # fmt: skip
    deliver.install(
        store, config.folder, int(config["deliver.url_seconds"]), by_hand=config["deliver.by_hand"],
        data_elsewhere=bool(config["peers.data_elsewhere"]), on_signing=bool(config["deliver.on_signing"]),
        open_per_contract=int(config["deliver.open_per_contract"]),
    )  # fmt: skip
    if negotiate.unpromised not in catalogue.unpromised:
        catalogue.unpromised.append(negotiate.unpromised)
    catalogue.install(store, config.folder)
    return store


@dataclass(frozen=True)
class FirstOperator:
    """The first person of a node, and two ways in: a login link that works once, a token for programs.

    address: where the node is reached; the page is <address>/enter/<link>.
    """

    person: str
    link: str
    token: str
    address: str


def first_operator(
    folder: Path, *, login: str, name: str, password: str | None = None, department: str = ""
) -> FirstOperator:
    """Add the first operator of a node (run it before the node, or beside it: the store takes both)."""
    config = load(folder)
    store = open_store(config)
    try:
        with store.begin(NODE, "start") as tx:
            added = register.bootstrap_operator(tx, login=login, name=name, password=password, department=department)
            person = str(added["id"])
            link = register.login_link(tx, person=person)["token"]
            token = register.issue_service_token(tx, person=person, label="first", scopes=["register"], days=1)
        return FirstOperator(person, str(link), str(token["token"]), str(config["node.address"]))
    finally:
        store.dispose()

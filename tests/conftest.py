"""Fixtures every room's tests share: a fresh real store, an actor, a node that can sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import postgresql
from datong.ground import signing
from datong.ground.db import Actor, Store, sqlite_url
from datong.ground.keys import PrivateKey


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-faults", action="store_true", help="every node, link and point (make faults)")


PARTY = "91520100MA6DATONG5"


@pytest.fixture
def node_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "node"
    folder.mkdir()
    return folder


BOTH_DATABASES = {"ground", "register", "authorise", "price", "meter", "settle"}
"""Rooms whose store tests run on SQLite and on PostgreSQL."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "store" in metafunc.fixturenames and metafunc.definition.path.parent.name in BOTH_DATABASES:
        params = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
        metafunc.parametrize("store", params, indirect=True)


@pytest.fixture
def store(node_folder: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store with all tables of the rooms imported so far; its node can sign."""
    if getattr(request, "param", "sqlite") == "postgresql":
        opened = Store(postgresql.fresh_database())
    else:
        opened = Store(sqlite_url(node_folder / "datong.db"))
    opened.create()
    signing.install(
        opened, PrivateKey.new(), signing.Me("5" + PARTY + "5201" + "TESTNODE0", PARTY, "test node", "http://test")
    )
    yield opened
    opened.dispose()


@pytest.fixture
def act() -> Callable[..., Actor]:
    def actor(*roles: str, person: str = "p-1", party: str = PARTY, department: str = "") -> Actor:
        return Actor(person=person, role=roles[0], party=party, department=department, roles=frozenset(roles))

    return actor

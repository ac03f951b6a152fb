"""Fixtures every room's tests share: a fresh real store, an actor, a node that can sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import postgresql
from datong.ground import signing
from datong.ground.db import Actor, Store, sqlite_url
from datong.ground.keys import PrivateKey

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-faults", action="store_true", help="every node, link and point (make faults)")


LIVING = ("living", "demo")
"""Fixtures that bring the demonstration's five nodes to life. They are bound to their addresses, so one worker has all
tests on them: others would only wait for the ports."""
LONG = ("deidentify", "bench", "cli", "examples", "faults", "docs")
"""Folders whose tests take longest: begun first, so that no worker ends with minutes of work alone."""


@pytest.hookimpl(tryfirst=True)  # before xdist writes the group of a test into its name
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` hands out tests in groups (--dist loadgroup): those on the living nodes are one, else a file is one."""
    waits: dict[str, int] = {}
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            lives = any(name in getattr(item, "fixturenames", ()) for name in LIVING)
            item.add_marker(pytest.mark.xdist_group("living" if lives else str(item.path.relative_to(HERE))))
        folder, living = item.path.parent.name, item.get_closest_marker("xdist_group").args == ("living",)
        waits[item.nodeid] = -1 if living else LONG.index(folder) if folder in LONG else len(LONG)
    items.sort(key=lambda item: waits[item.nodeid])


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

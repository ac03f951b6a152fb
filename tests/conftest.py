"""Fixtures every room's tests share: a fresh real store, an actor, a node that can sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from datong.ground import signing
from datong.ground.db import Actor, Store, sqlite_url
from datong.ground.keys import PrivateKey
from stores import on_postgresql, with_tables


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-faults", action="store_true", help="every node, link and point (make faults)")
    parser.addoption("--raw", action="store_true", help="the five domains on their raw files (make test-matrix)")


LIVING = (
    "tests/journey/", "tests/faults/test_faults_console.py", "tests/docs/test_how_to.py::test_a_page_on_the_living",
    "tests/docs/test_how_to.py::test_the_commands_and_the_ten_lines",
)  # fmt: skip
"""Tests on the demonstration's five living nodes. Those are bound to their addresses, so one worker has all tests on
them: others would only wait for the ports."""
LONG = ("deidentify", "bench", "cli", "examples", "faults", "docs")
"""Folders whose tests take longest: begun first, so that no worker ends with minutes of work alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the order in which `make test` hands them out."""

    def place(item: pytest.Item) -> int:
        folder = item.path.parent.name
        return -1 if item.nodeid.startswith(LIVING) else LONG.index(folder) if folder in LONG else len(LONG)

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile`, with the living demonstration as one more file."""
    return Handing(config, log) if config.getvalue("dist") == "loadfile" else None


class Handing(LoadFileScheduling):
    """Which tests a worker gets together."""

    def _split_scope(self, nodeid: str) -> str:
        return "living" if nodeid.startswith(LIVING) else super()._split_scope(nodeid)


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
        opened = on_postgresql()
    else:
        opened = with_tables(Store(sqlite_url(node_folder / "datong.db")))
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

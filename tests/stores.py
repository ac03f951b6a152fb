"""Stores with all tables of the rooms imported so far, which tests start from; a node migrates instead
(ground.migrations). Tables are made once for each set of them and then copied: making them takes thirty times as long.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
import uuid
from pathlib import Path

from sqlalchemy import create_engine

import postgresql
from datong.ground.db import Store, metadata, sqlite_url


def with_tables(store: Store) -> Store:
    """`store`, whose database holds nothing yet, with its tables."""
    file = store.engine.url.database
    if store.engine.dialect.name == "sqlite" and file and not Path(file).stat().st_size:
        shutil.copyfile(_file(frozenset(metadata.tables)), file)
    else:
        metadata.create_all(store.engine)
    return store


def on_postgresql() -> Store:
    """A store of its own on the server of the tests, with its tables; skips or fails where there is none."""
    return Store(postgresql.fresh_database(template=_database(frozenset(metadata.tables))))


@functools.cache
def _file(_tables: frozenset[str]) -> Path:
    """A database file with the tables imported by now, which nobody has open."""
    folder = tempfile.mkdtemp(prefix="datong-tables-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = Path(folder) / "tables.db"
    _made(sqlite_url(file))
    return file


@functools.cache
def _database(_tables: frozenset[str]) -> str:
    """The same on PostgreSQL, by name."""
    name = f"tables{uuid.uuid4().hex}"
    _made(postgresql.fresh_database(name))
    return name


def _made(url: str) -> None:
    engine = create_engine(url)
    metadata.create_all(engine)
    engine.dispose()

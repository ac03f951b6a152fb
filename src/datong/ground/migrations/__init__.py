"""Migrations of a node's store (Alembic). A node brings its store up to date when it starts.

Revision ids are the numbers in front of the files in versions/. Alembic itself is imported only when there is
something to do. Contract: tests/ground/test_migrations.py (up, down, equal to the tables the rooms declare).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import inspect, text

from datong.ground.db import Store

FOLDER = Path(__file__).parent


def newest() -> str:
    return max(file.name[:4] for file in (FOLDER / "versions").glob("[0-9]*.py"))


def current(store: Store) -> str | None:
    """The revision of the store, or None for an empty one."""
    with store.engine.connect() as conn:
        if not inspect(conn).has_table("alembic_version"):
            return None
        return str(conn.execute(text("select version_num from alembic_version")).scalar())


def upgrade(store: Store) -> bool:
    """Bring the store to the newest revision; False when it was there already."""
    if current(store) == newest():
        return False
    run(store, "upgrade", "head")
    return True


def run(store: Store, command: str, revision: str) -> None:
    """Alembic's `command` (upgrade, downgrade) to `revision` on this store, in one transaction."""
    from alembic import command as commands  # noqa: PLC0415 - heavy, and seldom needed

    with store.engine.begin() as conn:
        getattr(commands, command)(config(conn), revision)


def config(conn: Any = None) -> Any:
    """Alembic's configuration for this folder, bound to an open connection."""
    from alembic.config import Config  # noqa: PLC0415 - heavy, and seldom needed

    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = conn
    return made

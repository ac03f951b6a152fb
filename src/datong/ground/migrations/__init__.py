"""Migrations of a node's store (Alembic). A node brings its store up to date when it starts.

Revision ids are the numbers in front of the files in versions/. Alembic itself is imported only when there is
something to do. Contract: tests/ground/test_migrations.py (up, down, equal to the tables the rooms declare).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import inspect, text

from datong.ground.db import Store
from datong.ground.refusal import Kind, Reason, Text

FOLDER = Path(__file__).parent

NEWER = Reason(
    "GND-412",
    Kind.conflict,
    Text("数据库未打开，也未作任何改动。", "The store was not opened, and nothing in it was changed."),
    Text("其版本为 {found}，本软件只认识到 {newest}：它由较新的 Datong 写入。",
         "It is of revision {found}, and this software knows up to {newest}: a newer Datong has written it."),
    Text("请安装该较新的版本，或恢复升级前的备份。",
         "Install that newer Datong, or restore the backup from before the upgrade."),
)  # fmt: skip


def known() -> list[str]:
    """Every revision, oldest first."""
    return sorted(file.name[:4] for file in (FOLDER / "versions").glob("[0-9]*.py"))


def newest() -> str:
    return known()[-1]


def current(store: Store) -> str | None:
    """The revision of the store, or None for an empty one."""
    with store.engine.connect() as conn:
        if not inspect(conn).has_table("alembic_version"):
            return None
        return str(conn.execute(text("select version_num from alembic_version")).scalar())


def upgrade(store: Store) -> bool:
    """Bring the store to the newest revision; False when it was there already."""
    found = current(store)
    if found == newest():
        return False
    if found is not None and found not in known():
        raise NEWER(found=found, newest=newest())
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

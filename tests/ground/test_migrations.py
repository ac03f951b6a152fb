"""Migrations: up to what the rooms declare, down to nothing, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

import datong.app.running
import postgresql
from datong.ground import migrations
from datong.ground.db import Store, metadata, sqlite_url
from datong.ground.refusal import Refusal


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(postgresql.fresh_database() if request.param == "postgresql" else sqlite_url(tmp_path / "n.db"))


def test_up_makes_what_the_rooms_declare_and_down_leaves_nothing(empty: Store) -> None:
    assert migrations.current(empty) is None
    assert migrations.upgrade(empty)
    assert migrations.current(empty) == migrations.newest()
    with empty.engine.connect() as conn:
        ours = {name for name in metadata.tables if name in inspect(conn).get_table_names()}
        assert compare(conn) == []
    assert len(ours) > 60
    assert not migrations.upgrade(empty), "a second time there is nothing to do"
    migrations.run(empty, "downgrade", "base")
    assert inspect(empty.engine).get_table_names() == ["alembic_version"]
    empty.dispose()


def test_a_store_of_a_newer_datong_is_left_alone(empty: Store) -> None:
    migrations.upgrade(empty)
    with empty.engine.begin() as conn:
        conn.execute(text("update alembic_version set version_num = '0999'"))
    with pytest.raises(Refusal, match=r"GND-412.*0999"):
        migrations.upgrade(empty)
    empty.dispose()


def compare(conn: object) -> list[object]:
    """What differs, test tables of other test files left out."""
    found = compare_metadata(MigrationContext.configure(conn), metadata)  # type: ignore[arg-type]
    rooms = {name for name in metadata.tables if not name.startswith(("test_", "t_"))}
    return [entry for entry in found if getattr(entry[1], "name", "") in rooms and entry[0] != "add_table"] + [
        entry for entry in found if entry[0] == "add_table" and declared_by_a_room(entry[1].name)
    ]


def declared_by_a_room(table: str) -> bool:
    source = Path(datong.__file__).parent
    return any(
        f'"{table}"' in file.read_text("utf-8") for file in source.rglob("*.py") if "migrations" not in file.parts
    )

"""Migrations: up to what the rooms declare, down to nothing, on both databases."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, Table, inspect, select, text

import datong.app.running
import postgresql
from datong.ground import evidence, migrations, signing
from datong.ground.db import NODE, Store, metadata, sqlite_url
from datong.ground.evidence.leaves import leaves
from datong.ground.keys import PrivateKey
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


def test_what_was_filed_before_a_column_was_added_is_still_what_its_leaf_says(empty: Store) -> None:
    """Else `audit verify` would name every older row of an upgraded node as changed."""
    migrations.run(empty, "upgrade", "0011")
    party = "91520100MA6DATONG5"
    signing.install(empty, PrivateKey.new(), signing.Me(f"5{party}5201TESTNODE0", party, "test node", "http://test"))
    before = Table("national_filing", MetaData(), autoload_with=empty.engine)
    row = {
        "id": "c/1", "contract": "c", "version": 1, "filer": "f", "provider": "p", "consumer": "q", "content": "x",
        "hash": "h", "status": "0301", "filed_at": "2026-03-01T00:00:00Z", "ended_at": None, "ending": None,
    }  # fmt: skip
    with empty.begin(NODE) as tx:
        tx.add(before, row)
        evidence.append(tx, "negotiate.contract_filed", before, "c/1")
    migrations.upgrade(empty)
    filings = metadata.tables["national_filing"]
    with empty.read() as tx:
        (leaf,) = tx.all(select(leaves).where(leaves.c.table_name == "national_filing"))
        now = tx.get(filings, "c/1")
        assert now is not None and now["signed"] == ""
        assert evidence.row_digest(tx, filings, now) == leaf.record_digest
        assert evidence.row_digest(tx, filings, {**now, "signed": "sha256:1"}) != leaf.record_digest
    empty.dispose()


def test_a_column_that_a_migration_added_says_what_older_rows_have_in_it() -> None:
    for file in sorted((migrations.FOLDER / "versions").glob("0*.py")):
        table = ""
        for line in file.read_text("utf-8").splitlines():
            table = found[1] if (found := re.search(r'batch_alter_table\("(\w+)"', line)) else table
            if found := re.search(r'add_column\(sa\.Column\("(\w+)"', line):
                assert "added" in metadata.tables[table].c[found[1]].info, f"{file.name}: {table}.{found[1]}"


def test_a_migration_that_others_stand_on_is_never_edited() -> None:
    """A store that has gone past it would never see the change: its rows would lack the column, and `audit verify` would
    name them. migrations.sha256 has a line for each but the newest, which gets one when the next is added."""
    kept = Path(__file__).with_name("migrations.sha256").read_text("ascii")
    digests = {name: digest for digest, name in map(str.split, kept.splitlines())}
    files = sorted((migrations.FOLDER / "versions").glob("0*.py"))
    assert {file.name for file in files[:-1]} <= set(digests)
    for file in files:
        if file.name in digests:
            assert hashlib.sha256(file.read_bytes()).hexdigest() == digests[file.name], f"{file.name} was edited"


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

"""Every table of the migrations has rows with leaves, or is named among those that have none, with the reason."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Table

import datong
from datong.audit.store import VOLATILE
from datong.ground import migrations
from datong.ground.db import Store, sqlite_url

SOURCE = Path(str(datong.__file__)).parent
OF_SEVERAL = {"register_product", "register_resource"}
"""Tables whose leaves are written by a function that is handed the table."""


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    store = Store(sqlite_url(tmp_path_factory.mktemp("tables") / "n.db"))
    migrations.upgrade(store)
    found = set(sqlalchemy.inspect(store.engine).get_table_names()) - {"alembic_version"}
    store.dispose()
    return found


def modules() -> list[ModuleType]:
    names = [".".join(path.relative_to(SOURCE.parent).with_suffix("").parts) for path in SOURCE.rglob("*.py")]
    kept = [name for name in names if not name.endswith("__main__") and ".migrations." not in name]
    return [importlib.import_module(name.removesuffix(".__init__")) for name in sorted(kept)]


def appended(module: ModuleType) -> set[str]:
    """The tables that calls of `append` (of evidence) in a module name outright, or choose between."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and "append" in ast.unparse(node.func) and len(node.args) >= 4:
            for part in ast.walk(node.args[2]):
                if isinstance(part, ast.Name | ast.Attribute):
                    value = resolved(module, part)
                    found |= {value.name} if isinstance(value, Table) else set()
    return found


def resolved(module: ModuleType, part: ast.expr) -> Any:
    if isinstance(part, ast.Name):
        return getattr(module, part.id, None)
    return getattr(resolved(module, part.value), part.attr, None) if isinstance(part, ast.Attribute) else None


def test_every_table_has_leaves_or_a_reason_for_none(migrated: set[str]) -> None:
    leafed = set[str]().union(*(appended(module) for module in modules())) | OF_SEVERAL
    assert len(leafed) > 60
    assert migrated - leafed - set(VOLATILE) == set(), "write a leaf with each change, or name it in VOLATILE with why"
    assert leafed & set(VOLATILE) == set(), "it has leaves, and audit does not look for them"
    assert set(VOLATILE) | leafed <= migrated, "no such table is there any more"
    assert all(reason.strip() for reason in VOLATILE.values())


def test_a_table_that_nobody_writes_a_leaf_for_is_seen() -> None:
    """The search finds what is written, and only that."""
    assert appended(importlib.import_module("datong.settle.service.statements")) == {"statement"}
    assert appended(importlib.import_module("datong.meter.store")) == set()

"""Fixtures of the register's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from register_country import Country


@pytest.fixture
def country(tmp_path: Path) -> Iterator[Country]:
    """Four nodes with real stores, not joined yet, standing at Monday 2026-03-02."""
    made = Country(tmp_path)
    yield made
    for store in made.stores.values():
        store.dispose()

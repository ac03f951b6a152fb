"""Nodes for the tests of deliver."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import delivery_case as case
from datong.ground.db import Store


@pytest.fixture
def hand() -> case.Hand:
    return case.Hand()


@pytest.fixture
def provider(tmp_path: Path, hand: case.Hand) -> Iterator[Store]:
    opened = case.open_node(tmp_path / "provider", case.OWNER_NODE, hand)
    yield opened
    opened.dispose()


@pytest.fixture
def consumer(tmp_path: Path, hand: case.Hand) -> Iterator[Store]:
    opened = case.open_node(tmp_path / "consumer", case.BUYER_NODE, hand)
    yield opened
    opened.dispose()

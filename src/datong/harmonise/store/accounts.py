"""What is kept beside a build: where it was made from, its contract, its lineage, what its rules and repairs came to.

A table of its own, because the row of a build is covered by its leaf as it was written; the leaf names the digest of
the account. Contract: tests/harmonise/test_harmonise_lineage.py.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Text

from datong.ground.db import Tx, table

accounts = table(
    "build_account",
    Column("workspace", Text, nullable=False),
    Column("data", Text),
    Column("contract", JSON, nullable=False),  # the standard as an ODCS document
    Column("lineage", JSON, nullable=False),
    Column("columns", JSON, nullable=False),  # quality figures of each element
    Column("rules", JSON, nullable=False),  # what became of the contract's quality rules
    Column("repaired", JSON, nullable=False),  # {rows, values, held, superseded, conflicting, not_found}
)
"""id = build."""


def of(tx: Tx, build: str) -> dict[str, Any] | None:
    return tx.get(accounts, build)

"""Tables of risk reports: one report a release, computed at the gate, and who signed it.

Must never know: rules. Contract: tests/deidentify/test_deidentify_reports.py.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, String, select

from datong.ground.db import Instant, Tx, table

reports = table(
    "deidentify_risk_report",  # id = the release
    Column("report", JSON, nullable=False),
    Column("report_digest", String(80), nullable=False),
    Column("askers", JSON, nullable=False),  # [{person, let_in_by}] of everybody who asked for the release
    Column("at", Instant, nullable=False),
)

signatures = table(
    "deidentify_report_signature",
    Column("release", String(80), nullable=False, index=True),
    Column("report_digest", String(80), nullable=False),
    Column("person", String(80), nullable=False),
    Column("note", String(500), nullable=False),
    Column("at", Instant, nullable=False),
)


def signatures_of(tx: Tx, release: str) -> list[dict[str, Any]]:
    """The signatures under the report of a release, oldest first."""
    found = select(signatures).where(signatures.c.release == release).order_by(signatures.c.at, signatures.c.id)
    return tx.rows(found)

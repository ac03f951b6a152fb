"""Tables of delivery and the queries on them.

Contract: tests/deliver/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table, Text, UniqueConstraint, func, select

from datong.deliver.model import FINISHED, Side
from datong.ground.canonical import hexdigest
from datong.ground.db import EVERY, Instant, Tx, Window, table

decisions = table(
    "decision",
    Column("agreement", String(120), nullable=False, index=True),
    Column("dataset", String(120), nullable=False),
    Column("action", String(40), nullable=False),
    Column("purpose", String(60), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("step", String(20), nullable=False),  # which check decided
    Column("rule", String(120), nullable=False),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("change_zh", Text, nullable=False),
    Column("change_en", Text, nullable=False),
    Column("context", JSON, nullable=False),
    Column("policy_hash", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("wall_at", Instant, nullable=False),
    Index("ix_decision_wall_at", "wall_at", "id"),
    Index("ix_decision_since", "agreement", "wall_at"),
)

grants = table(
    "delivery_grant",
    Column("agreement", String(120), nullable=False, index=True),
    Column("transfer", String(80), nullable=False, index=True),
    Column("holder", String(80), nullable=False),  # node code of the consumer
    Column("holder_party", String(40), nullable=False),
    Column("token_hash", String(80), unique=True),
    Column("key_id", String(80), nullable=False),
    Column("expires", Instant, nullable=False),  # business time: the end of the agreement's term
    Column("issued_at", Instant, nullable=False),
    Column("state", String(12), nullable=False),
    Column("reason", Text, nullable=False),
    Column("decision", String(80), nullable=False),
)

share_tables = table(
    "share_table",
    Column("agreement", String(120), nullable=False, index=True),
    Column("share", String(200), nullable=False),
    Column("schema_name", String(200), nullable=False),
    Column("table_name", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    Column("dataset", String(120), nullable=False),
    Column("schema_string", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("source", JSON, nullable=False),  # release record, product version: what it was made from
    Column("at", Instant, nullable=False),
    Column("wall_at", Instant, nullable=False),
    Column("state", String(12), nullable=False),  # open | destroyed
    UniqueConstraint("agreement", "schema_name", "table_name", "version"),
)

share_files = table(
    "share_file",
    Column("share_table", String(80), nullable=False, index=True),
    Column("path", Text, nullable=False),  # below the node's folder
    Column("digest", String(80), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("state", String(12), nullable=False),
)

file_sets = table(
    "file_set",
    Column("grant_id", String(80), nullable=False, index=True),
    Column("agreement", String(120), nullable=False, index=True),
    Column("share_table", String(80), nullable=False),
    Column("event", String(80), nullable=False, index=True),
    Column("decision", String(80), nullable=False),
    Column("until", Instant, nullable=False),  # wall time: a query before it belongs to the same event
)

processes = table(
    "transfer_process",
    Column("side", String(10), nullable=False),
    Column("agreement", String(120), nullable=False, index=True),
    Column("peer", String(80), nullable=False),  # node code of the counterparty
    Column("peer_pid", String(200), nullable=False),
    Column("callback", Text, nullable=False),
    Column("format", String(60), nullable=False),
    Column("into", String(10), nullable=False),  # consumer: node (fetched) | person (profile)
    Column("state", String(12), nullable=False),
    Column("code", String(60), nullable=False),
    Column("reason", JSON, nullable=False),
    Column("suspended_by", String(10), nullable=False),
    Column("by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("seq", Integer, nullable=False, unique=True),  # order of making; a business clock may stand still
    Index("ix_transfer_process_peer", "peer", "peer_pid"),
)

addresses = table(
    "transfer_address",
    Column("endpoint", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("expires", String(40), nullable=False),
    Column("share", String(200), nullable=False),
)
"""id = our pid as consumer. Holds a live token, so it is deleted when shown, fetched or ended, and has no leaf."""

transfer_numbers = table(
    "transfer_number",
    Column("said", Integer, nullable=False),
    Column("heard", Integer, nullable=False),
)
"""id = our pid. The newest number we gave a message about it, and the newest its counterparty gave one that counted; no
leaf, because they only keep messages in order."""

received = table(
    "received",
    Column("agreement", String(120), nullable=False, index=True),
    Column("transfer", String(80), nullable=False, index=True),
    Column("dataset", String(120), nullable=False),
    Column("share", String(200), nullable=False),
    Column("schema_name", String(200), nullable=False),
    Column("table_name", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    Column("path", Text, nullable=False),
    Column("digest", String(80), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("state", String(12), nullable=False),  # held | destroyed
)

holds = table(
    "delivery_hold",
    Column("state", String(12), nullable=False),  # suspended | lifted
    Column("reason", Text, nullable=False),
    Column("by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
)
"""id = agreement: what this node holds; `providers_word`: at the consumer, what the provider stopped."""

endings = table(
    "delivery_end",
    Column("reason", Text, nullable=False),
    Column("by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("state", String(12), nullable=False),  # ending | destroyed
    Column("proof", JSON),  # ours, signed
    Column("peer_proof", JSON),  # the consumer's, signed
)
"""id = agreement."""

control_messages = table(
    "control_message",
    Column("direction", String(3), nullable=False),  # in | out
    Column("interface", String(30), nullable=False),  # of TC609-6-2025-15, or contractExecution of -14
    Column("contract", String(47), nullable=False, index=True),
    Column("agreement", String(120), nullable=False),  # "" at a platform
    Column("peer", String(80), nullable=False),
    Column("digest", String(80), nullable=False),
    Column("body", JSON, nullable=False),
    Column("state", String(10), nullable=False),  # kept | sent | arrived | refused
    Column("answer", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_control_message_digest", "contract", "digest"),
)
"""What execution nodes told each other and the platform about the performance of a contract."""


def rows(tx: Tx, of: Table, *conditions: Any, order: Any = None, window: Window = EVERY) -> list[dict[str, Any]]:
    """Rows of `of` under all `conditions`, as dicts."""
    query = select(of).where(*conditions)
    query = query if order is None else query.order_by(order)
    return tx.rows(window.of(query, of.c.id))


def newest_decisions(tx: Tx, *conditions: Any, limit: int, offset: int) -> list[dict[str, Any]]:
    query = select(decisions).where(*conditions).order_by(decisions.c.wall_at.desc(), decisions.c.id.desc())
    return tx.rows(query.limit(limit).offset(offset))


SAME = ("agreement", "dataset", "action", "purpose", "subject", "outcome", "step", "rule", "zh", "en", "policy_hash")


def same_decision(tx: Tx, row: Mapping[str, Any], since: str) -> str | None:
    """The id of the newest decision since then on the same question, with the same answer for the same reason."""
    same = (decisions.c[name] == row[name] for name in SAME)
    query = select(decisions.c.id).where(decisions.c.wall_at >= since, *same)
    found = tx.all(query.order_by(decisions.c.wall_at.desc()).limit(1))
    return str(found[0].id) if found else None


def first(tx: Tx, of: Table, *conditions: Any, order: Any = None) -> dict[str, Any] | None:
    found = rows(tx, of, *conditions, order=order)
    return found[0] if found else None


def providers_word(agreement: str) -> str:
    """Id of the hold that a provider's word puts on an agreement at its consumer, beside the consumer's own."""
    return "provider-" + hexdigest(agreement)


def hold_of(tx: Tx, agreement: str) -> dict[str, Any] | None:
    """The hold in force on an agreement, the provider's word first; None when nobody holds it."""
    found = (tx.get(holds, id) for id in (providers_word(agreement), agreement))
    return next((row for row in found if row is not None and row["state"] == "suspended"), None)


def granted_before(tx: Tx, agreement: str) -> int:
    """How many file sets were granted under the agreement so far."""
    return int(tx.execute(select(func.count()).where(file_sets.c.agreement == agreement)).scalar() or 0)


def open_under(tx: Tx, agreement: str) -> int:
    """How many transfers that a consumer asked for under a contract of ours are open."""
    of = processes.c
    asked = (of.agreement == agreement) & (of.side == Side.provider) & of.state.not_in(FINISHED)
    return int(tx.execute(select(func.count()).where(asked)).scalar_one())


def begun_under(tx: Tx, agreement: str, since: str) -> int:
    """How many transfers that a consumer asked for under a contract of ours began, or went on, since then."""
    of = processes.c
    asked = (of.agreement == agreement) & (of.side == Side.provider) & (of.at >= since)
    return int(tx.execute(select(func.count()).where(asked)).scalar_one())


def next_process(tx: Tx) -> int:
    return int(tx.execute(select(func.max(processes.c.seq))).scalar() or 0) + 1


def next_number(tx: Tx, pid: str) -> int:
    """The number of the next message about our process `pid`."""
    said, heard = _numbers(tx, pid)
    tx.change(transfer_numbers, pid, said=said + 1, heard=heard)
    return said + 1


def is_newer(tx: Tx, pid: str, number: int) -> bool:
    """Whether no message about `pid` with this number or a later one was heard yet; remembered when it is so."""
    said, heard = _numbers(tx, pid)
    if number <= heard:
        return False
    tx.change(transfer_numbers, pid, said=said, heard=number)
    return True


def _numbers(tx: Tx, pid: str) -> tuple[int, int]:
    row = tx.get(transfer_numbers, pid)
    if row is None:
        row = {"id": pid, "said": 0, "heard": 0}
        tx.add(transfer_numbers, row)
    return int(row["said"]), int(row["heard"])


def newest_tables(tx: Tx, agreement: str) -> list[dict[str, Any]]:
    """The newest open version of every table of the agreement's share."""
    found = rows(
        tx, share_tables, share_tables.c.agreement == agreement, share_tables.c.state == "open",
        order=share_tables.c.version,
    )  # fmt: skip
    newest = {(row["schema_name"], row["table_name"]): row for row in found}
    return [newest[name] for name in sorted(newest)]


def sources_of(tx: Tx, events: Sequence[str]) -> list[Any]:
    """(event, source) of the tables that usage events let out."""
    found: list[Any] = []
    for start in range(0, len(events), 500):
        query = select(file_sets.c.event, share_tables.c.source).join(
            share_tables, share_tables.c.id == file_sets.c.share_table
        )
        found += tx.all(query.where(file_sets.c.event.in_(events[start : start + 500])))
    return found


def files_of(tx: Tx, share_table: str) -> list[dict[str, Any]]:
    return rows(tx, share_files, share_files.c.share_table == share_table, order=share_files.c.id)

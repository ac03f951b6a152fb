"""Tables of negotiations, their messages (every round and version is kept), agreements and known peers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)

from datong.ground.db import EVERY, SOUGHT, Instant, Tx, Window, table
from datong.ground.prepared import Prepared
from datong.negotiate.model import FINAL, Party, State

negotiations = table(
    "negotiation",  # id = our own pid
    Column("version", Integer, nullable=False),  # raised by every change
    Column("side", String(10), nullable=False),  # consumer | provider: what this node is
    Column("peer", String(80), nullable=False),  # node code of the counterparty
    Column("peer_party", String(40), nullable=False, info=SOUGHT),
    Column("peer_pid", String(200), nullable=False),  # "" until the counterparty has acknowledged
    Column("callback", Text, nullable=False),  # base address for messages to the peer; "" = from its version document
    Column("dataset", String(200), nullable=False, info=SOUGHT),
    Column("offer_id", String(200), nullable=False),
    Column("purpose", String(60), nullable=False),
    Column("offer", JSON, nullable=False),  # the offer now on the table: id, dataset, policy, terms
    Column("state", String(12), nullable=False),
    Column("pending", String(12)),  # our act that is not acknowledged yet
    Column("pending_message", String(80)),
    Column("person", String(80), nullable=False),  # who of this node stands behind it
    Column("department", String(80), nullable=False),
    Column("sign", Boolean, nullable=False),  # consumer: sign as soon as the agreement equals the request
    Column("agreement", String(200)),
    Column("held_by", String(10)),  # consumer | provider | None
    Column("wait_zh", Text, nullable=False),
    Column("wait_en", Text, nullable=False),
    Column("deadline", Instant),
    Column("reason", JSON),  # why it ended: {"code", "zh", "en"}
    Column("started_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Index(
        "uq_negotiation_peer_pid",
        "side",
        "peer",
        "peer_pid",
        unique=True,
        sqlite_where=text("peer_pid <> ''"),
        postgresql_where=text("peer_pid <> ''"),
    ),  # two copies of one opening at the same moment make one negotiation
    Index("ix_negotiation_state", "state", "deadline"),
)

messages = table(
    "negotiation_message",
    Column("negotiation", String(80), nullable=False),
    Column("round", Integer, nullable=False),
    Column("direction", String(4), nullable=False),  # out | in
    Column("act", String(12), nullable=False),
    Column("body", JSON, nullable=False),
    Column("message_id", String(200), nullable=False),  # the sender's id of the message
    Column("digest", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("negotiation", "round"),
    Index("ix_negotiation_message_id", "negotiation", "direction", "message_id"),
)

agreements = table(
    "agreement",
    Column("code", String(47), nullable=False, info=SOUGHT),  # 合约标识码
    Column("negotiation", String(80), nullable=False),
    Column("dataset", String(200), nullable=False, index=True, info=SOUGHT),
    Column("offer_id", String(200), nullable=False),
    Column("provider", String(80), nullable=False),
    Column("consumer", String(80), nullable=False),
    Column("provider_party", String(40), nullable=False, info=SOUGHT),
    Column("consumer_party", String(40), nullable=False, info=SOUGHT),
    Column("policy", JSON, nullable=False),
    Column("policy_hash", String(80), nullable=False),
    Column("terms", JSON, nullable=False),
    Column("from", Instant, nullable=False),
    Column("until", Instant),
    Column("agreed_at", Instant, nullable=False),
    Column("signatures", JSON, nullable=False),
    Column("keys", JSON, nullable=False),  # node code -> public key under which its signature was accepted
    Column("signed", String(10), nullable=False),  # both | one side
    Column("digest", String(80), nullable=False),
    Column("state", String(12), nullable=False),  # state of the negotiation; TERMINATED also when ended later
    Column("ended_at", Instant),
    Column("reason", JSON),
    Index("ix_agreement_agreed_at", "agreed_at", "id"),
    Index("ix_agreement_code", "code"),
    Index("ix_agreement_consumer", "consumer", "provider"),
    Index("ix_agreement_state", "state", "until", "id"),  # whose term is over is told by the index alone
)

peers = table(
    "protocol_peer",
    Column("base", Text, nullable=False),
    Column("signs", Boolean, nullable=False),
    Column("learned_at", Instant, nullable=False),
)
"""id = node code. What a peer's version document announced; a cache, so it has no leaf."""


_IS_OPEN = or_(*(negotiations.c.state == state.value for state in State if state not in FINAL))


def by_peer_pid(tx: Tx, side: str, peer: str, peer_pid: str) -> dict[str, Any] | None:
    return tx.first(_BY_PEER_PID, side=side, peer=peer, peer_pid=peer_pid)


_BY_PEER_PID = Prepared(
    select(negotiations).where(*(negotiations.c[name] == bindparam(name) for name in ("side", "peer", "peer_pid")))
)


def changed(tx: Tx, row: dict[str, Any], **values: Any) -> dict[str, Any] | None:
    """The row with `values`, its version raised by a compare-and-set; None when it was changed meanwhile."""
    known = {"known_id": row["id"], "known_version": row["version"]}
    return tx.first(_CHANGED, **values, version=row["version"] + 1, changed_at=tx.now, **known)


_CHANGED = Prepared(
    update(negotiations)
    .where(negotiations.c.id == bindparam("known_id"), negotiations.c.version == bindparam("known_version"))
    .returning(negotiations)
)


def next_round(tx: Tx, negotiation: str) -> int:
    (last,) = tx.found(_LAST_ROUND, negotiation=negotiation)
    return int(last["round"] or 0) + 1


_LAST_ROUND = Prepared(
    select(func.max(messages.c.round).label("round")).where(messages.c.negotiation == bindparam("negotiation"))
)


def known_message(tx: Tx, negotiation: str, message_id: str) -> dict[str, Any] | None:
    """The incoming message of this id, or None."""
    return tx.first(_KNOWN, negotiation=negotiation, message_id=message_id)


_KNOWN = Prepared(
    select(messages).where(
        messages.c.negotiation == bindparam("negotiation"),
        messages.c.direction == "in",
        messages.c.message_id == bindparam("message_id"),
    )
)


def offered_here(tx: Tx, negotiation: str, offer: str) -> bool:
    """Whether this node made the offer of this id itself in the negotiation."""
    sent = tx.all(
        select(messages.c.body).where(
            messages.c.negotiation == negotiation, messages.c.direction == "out", messages.c.act == "offer"
        )
    )
    return any(row.body.get("id") == offer for row in sent)


def messages_of(tx: Tx, negotiation: str) -> list[dict[str, Any]]:
    return tx.rows(select(messages).where(messages.c.negotiation == negotiation).order_by(messages.c.round))


def listed(
    tx: Tx, state: str | None = None, *, open_only: bool = False, window: Window = EVERY
) -> list[dict[str, Any]]:
    query = select(negotiations).order_by(negotiations.c.started_at, negotiations.c.id)
    if state is not None:
        query = query.where(negotiations.c.state == state)
    if open_only:
        query = query.where(_IS_OPEN)
    return tx.rows(window.of(query, negotiations.c.id))


def overdue(tx: Tx, id: str = "") -> list[dict[str, Any]]:
    """The open negotiations whose deadline has passed, the oldest first, or one of them."""
    query = select(negotiations).where(_IS_OPEN, negotiations.c.deadline < tx.now)
    query = query.where(negotiations.c.id == id) if id else query
    return tx.rows(query.order_by(negotiations.c.started_at, negotiations.c.id))


def opened_by(tx: Tx, peer: str) -> int:
    """How many negotiations are open that `peer` opened: no person of this node stands behind them."""
    (counted,) = tx.found(_OPENED_BY, peer=peer)
    return int(counted["open"])


_OPENED_BY = Prepared(
    select(func.count().label("open")).where(
        _IS_OPEN,
        negotiations.c.peer == bindparam("peer"),
        negotiations.c.person == "",
    )
)


def begun_by(tx: Tx, peer: str, since: str) -> int:
    """How many negotiations `peer` has opened since then, ended or not."""
    (counted,) = tx.found(_BEGUN_BY, peer=peer, since=since)
    return int(counted["begun"])


_BEGUN_BY = Prepared(
    select(func.count().label("begun")).where(
        negotiations.c.side.in_([side.value for side in Party]),
        negotiations.c.peer == bindparam("peer"),
        negotiations.c.peer_pid != "",
        negotiations.c.person == "",
        negotiations.c.started_at >= bindparam("since"),
    )
)


def agreement_of_code(tx: Tx, code: str) -> str | None:
    """The id of the agreement with this contract code, or None."""
    found = tx.all(select(agreements.c.id).where(agreements.c.code == code).limit(1))
    return str(found[0][0]) if found else None


def terms_in_force(tx: Tx, id: str = "") -> list[dict[str, Any]]:
    """{id, until} of the concluded contracts that have an end, or of one: an end may be written in any form of an
    instant, so that the database cannot say which are over."""
    of = agreements.c
    query = select(of.id, of.until).where(of.state == State.FINALIZED.value, of.until.is_not(None), of.until != "")
    query = query.where(of.id == id) if id else query
    return tx.rows(query.order_by(of.agreed_at, of.id))


def between(tx: Tx, provider: str, consumer: str) -> list[dict[str, Any]]:
    """{id, from, until, ended_at, terms} of the contracts of these two nodes, in these roles, that both have signed."""
    of = agreements.c
    query = select(of.id, of["from"], of.until, of.ended_at, of.terms)
    query = query.where(of.consumer == consumer, of.provider == provider, of.signed == "both").order_by(of.id)
    return tx.rows(query)


def agreements_of(tx: Tx, dataset: str | None = None, window: Window = EVERY) -> list[dict[str, Any]]:
    query = select(agreements).order_by(agreements.c.agreed_at, agreements.c.id)
    if dataset is not None:
        query = query.where(agreements.c.dataset == dataset)
    return tx.rows(window.of(query, agreements.c.id, agreements.c.code))

"""Tables of privacy budgets: the cap of each dataset, its ledger that is only ever added to, the answers given.

What is spent is the running total of the ledger's last line, not a counter of its own. `locked` is taken before the
ledger is read for writing, so that two debits of one dataset stand one after the other on either database.
Must never know: rules. Contract: tests/deidentify/test_deidentify_budget_ledger.py, on both databases.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, UniqueConstraint, func, select, update

from datong.deidentify.model.budget import Line, ReleaseState
from datong.ground.db import Instant, Tx, Window, new_id, table

budgets = table(
    "deidentify_budget",  # id = the dataset
    Column("unit", String(200), nullable=False),
    Column("cap_nanorho", BigInteger, nullable=False),
    Column("delta", String(30), nullable=False),
    Column("given", JSON, nullable=False),  # as the owner said it: {rho} or {epsilon, delta}
    Column("set_by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
)

ledger = table(
    "deidentify_budget_line",
    Column("dataset", String(80), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("kind", String(10), nullable=False),  # cap | debit | again
    Column("consumer", String(80), nullable=False),  # opaque; "" where a cap was set
    Column("release", String(80), nullable=False),
    Column("nanorho", BigInteger, nullable=False),
    Column("spent_nanorho", BigInteger, nullable=False),  # with this line
    Column("cap_nanorho", BigInteger, nullable=False),
    Column("by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("dataset", "seq", name="uq_deidentify_budget_line_dataset_seq"),
)

noisy_releases = table(
    "deidentify_noisy_release",
    Column("dataset", String(80), nullable=False),
    Column("asked_digest", String(80), nullable=False),  # of the data, the unit and the question
    Column("build", String(80), nullable=False),
    Column("build_digest", String(80), nullable=False),
    Column("unit", String(200), nullable=False),
    Column("query", JSON, nullable=False),  # canonical
    Column("nanorho", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),  # debited | answered | failed
    Column("figures", JSON, nullable=True),  # {part: [one whole number a group]}, with their noise; null until answered
    Column("at", Instant, nullable=False),
    Column("answered_at", Instant, nullable=True),
    Index("ix_deidentify_noisy_release_asked", "dataset", "asked_digest"),
)


def locked(tx: Tx, dataset: str) -> dict[str, Any] | None:
    """The budget of a dataset, held for this transaction (SQLite has one writer anyway); None when there is none."""
    return tx.row(select(budgets).where(budgets.c.id == dataset).with_for_update())


def lines_of(tx: Tx, dataset: str) -> list[dict[str, Any]]:
    """The ledger of a dataset in the order of writing."""
    return tx.rows(select(ledger).where(ledger.c.dataset == dataset).order_by(ledger.c.seq))


def newest_lines(tx: Tx, dataset: str | None, window: Window) -> list[dict[str, Any]]:
    """The ledgers of one dataset or all, each with its newest line first."""
    query = select(ledger).order_by(ledger.c.dataset, ledger.c.seq.desc())
    if dataset is not None:
        query = query.where(ledger.c.dataset == dataset)
    return tx.rows(window.of(query, ledger.c.id))


def add_line(
    tx: Tx, before: list[dict[str, Any]], *, dataset: str, kind: Line, cap: int, consumer: str = "", release: str = "",
    nanorho: int = 0,
) -> str:  # fmt: skip
    """Add the next line after those `before`; its id."""
    line = new_id("spent")
    spent = int(before[-1]["spent_nanorho"]) if before else 0
    tx.add(
        ledger,
        {
            "id": line, "dataset": dataset, "seq": len(before) + 1, "kind": kind.value, "consumer": consumer,
            "release": release, "nanorho": nanorho, "spent_nanorho": spent + nanorho, "cap_nanorho": cap,
            "by": tx.actor.person, "at": tx.now,
        },
    )  # fmt: skip
    return line


def all_budgets(tx: Tx) -> list[dict[str, Any]]:
    return tx.rows(select(budgets).order_by(budgets.c.id))


def all_releases(tx: Tx) -> list[dict[str, Any]]:
    """Every noisy answer, oldest first, without its figures, which are many."""
    columns = [column for column in noisy_releases.c if column.name != "figures"]
    return tx.rows(select(*columns).order_by(noisy_releases.c.at, noisy_releases.c.id))


def owed_or_given(tx: Tx, dataset: str) -> int:
    """Nano-rho of all answers of a dataset, whatever became of them: no ledger that is whole has spent less."""
    cost = select(func.coalesce(func.sum(noisy_releases.c.nanorho), 0)).where(noisy_releases.c.dataset == dataset)
    return int(tx.execute(cost).scalar() or 0)


def kept_answer(tx: Tx, dataset: str, asked_digest: str) -> dict[str, Any] | None:
    """What was released, or is owed, for the same question over the same data; never one that failed."""
    return tx.row(
        select(noisy_releases)
        .where(
            noisy_releases.c.dataset == dataset,
            noisy_releases.c.asked_digest == asked_digest,
            noisy_releases.c.state != ReleaseState.failed.value,
        )
        .order_by(noisy_releases.c.at, noisy_releases.c.id)
        .limit(1)
    )


def settle(tx: Tx, release: str, state: ReleaseState, figures: dict[str, list[int]] | None) -> bool:
    """Give an owed answer its one final state; False when it has one already."""
    changed = tx.execute(
        update(noisy_releases)
        .where(noisy_releases.c.id == release, noisy_releases.c.state == ReleaseState.debited.value)
        .values(state=state.value, figures=figures, answered_at=tx.now)
    ).rowcount
    return changed == 1

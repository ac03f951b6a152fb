"""Tables of classifications: each version that was proposed, and every word people said of it; words are only added.

Must never know: rules. Contract: tests/deidentify/finding/test_finding_classification.py.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Text, UniqueConstraint, exists, func, or_, select

from datong.deidentify.model.classification import About, Said
from datong.ground.db import EVERY, Instant, Tx, Window, new_id, table

classifications = table(
    "deidentify_classification",
    Column("dataset", String(80), nullable=False),
    Column("version", Integer, nullable=False),
    Column("source", String(200), nullable=False),  # the build, or the name of the file
    Column("source_digest", String(80), nullable=False),
    Column("rows", Integer, nullable=False),  # of the whole where it was read to its end, else those looked at
    Column("whole", Boolean, nullable=False),
    Column("findings", JSON, nullable=False),  # evidence by column, never a value
    Column("carried", JSON, nullable=False),  # {column: {kind, level, by, at}} of the version before
    Column("proposed_by", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("dataset", "version", name="uq_deidentify_classification_dataset_version"),
)

words = table(
    "deidentify_classification_word",
    Column("classification", String(80), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("about", String(10), nullable=False),  # column | impact
    Column("subject", String(200), nullable=False),
    Column("said", String(20), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("level", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", String(80), nullable=False),
    Column("let_in_by", String(80), nullable=False),
    Column("answers", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("classification", "seq", name="uq_deidentify_classification_word_classification_seq"),
    Index("ix_deidentify_classification_word_answers", "answers"),
)


def newest(tx: Tx, dataset: str, *, locked: bool = False) -> dict[str, Any] | None:
    """The newest version of a dataset's classification; `locked`: held for this transaction."""
    of = classifications.c.dataset == dataset
    asked = select(classifications).where(of).order_by(classifications.c.version.desc()).limit(1)
    return tx.row(asked.with_for_update() if locked else asked)


def versions(tx: Tx, dataset: str) -> list[dict[str, Any]]:
    of = classifications.c.dataset == dataset
    return tx.rows(select(classifications).where(of).order_by(classifications.c.version))


def datasets(tx: Tx, window: Window = EVERY) -> list[str]:
    """The datasets that were classified, by name: each has one first version."""
    of = classifications.c
    query = select(of.dataset).where(of.version == 1).order_by(of.dataset)
    return [str(row.dataset) for row in tx.all(window.of(query, of.id, of.dataset))]


def open_datasets(tx: Tx, most: int) -> list[str]:
    """The datasets of whose newest version some column is nobody's word yet, or a lowering is asked for that nobody
    answered; those proposed first come first."""
    of, newer, answer = classifications.c, classifications.alias().c, words.alias().c
    carried = func.json_each(of.carried).table_valued("key")  # of this name on SQLite and PostgreSQL
    kept = select(func.count()).select_from(carried).scalar_subquery()
    on_it = words.c.classification == of.id
    said = (
        select(func.count(words.c.subject.distinct()))
        .where(on_it, words.c.about == About.column, words.c.said != Said.lowering_refused)
        .where(words.c.subject.not_in(select(carried.c.key)))
        .scalar_subquery()
    )
    asked = exists().where(
        on_it, words.c.said == Said.lowering_asked, ~exists().where(answer.answers == words.c.id).correlate(words)
    )
    newest_one = ~exists().where(newer.dataset == of.dataset, newer.version > of.version)
    is_open = or_(func.json_array_length(of.findings) > kept + said, asked)
    query = select(of.dataset).where(newest_one, is_open).order_by(of.at, of.dataset).limit(most)
    return [row.dataset for row in tx.all(query)]


def words_of(tx: Tx, classification: str) -> list[dict[str, Any]]:
    """The words on one version, in the order in which they were said."""
    return tx.rows(select(words).where(words.c.classification == classification).order_by(words.c.seq))


def add_version(tx: Tx, row: dict[str, Any]) -> str:
    key = new_id("cls")
    tx.add(classifications, {**row, "id": key, "proposed_by": tx.actor.person, "at": tx.now})
    return key


def add_word(tx: Tx, classification: str, seq: int, row: dict[str, Any]) -> dict[str, Any]:
    whole = {
        **row, "id": new_id("word"), "classification": classification, "seq": seq, "by": tx.actor.person,
        "let_in_by": tx.actor.issued_by, "at": tx.now,
    }  # fmt: skip
    tx.add(words, whole)
    return whole

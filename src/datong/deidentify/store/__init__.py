"""Tables of the room: assessment records, this provider's side of partitions, what was released to whom.

Must never know: rules. Contract: tests/deidentify/.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Float, Index, Integer, String, select

from datong.ground.db import EVERY, Instant, Tx, Window, table

assessments = table(
    "deidentify_assessment",
    Column("subject", String(80), nullable=False),
    Column("recipient_group", String(80), nullable=False),
    Column("serial", Integer, nullable=False),
    Column("cr", Float, nullable=False),
    Column("assessed_at", Instant, nullable=False),
    Column("expires", String(10), nullable=False),
    Column("record", JSON, nullable=False),  # the signed value, as it travels
    Column("sent_to", JSON, nullable=False),  # nodes the assessor's node sent it to; empty at the others
    Column("withdrawal", JSON, nullable=True),  # the signed notice; null while the record stands
    Index("ix_deidentify_assessment_of", "subject", "recipient_group"),
)

parts = table(
    "deidentify_partition_part",
    Column("partition", String(80), nullable=False),
    Column("resource", String(80), nullable=False),
    Column("agreement", String(80), nullable=False),
    Column("recipient_group", String(80), nullable=False),
    Column("since", String(10), nullable=False),
    Column("until", String(10), nullable=False),
    Column("recipe", JSON, nullable=False),
    Column("recipe_digest", String(80), nullable=False),
    Column("data_digest", String(80), nullable=False),
    Column("state", String(10), nullable=False),
    Column("groups_digest", String(80), nullable=False),
    Column("account", JSON, nullable=True),  # exact account of every event; stays at this node
    Column("at", Instant, nullable=False),
    Index("ix_deidentify_partition_part_of", "resource", "recipient_group"),
    Index("ix_deidentify_partition_part_partition", "partition", "resource", unique=True),
)

answers = table(
    "deidentify_partition_answer",
    Column("part", String(80), nullable=False, index=True),
    Column("level", Integer, nullable=False),
    Column("held", JSON, nullable=False),  # node ids this provider told
    Column("passed", JSON, nullable=True),  # node ids that every provider told; null until the next ask brings them
)

releases = table(
    "deidentify_release",
    Column("dataset", String(80), nullable=False),
    Column("sources", JSON, nullable=False),
    Column("recipient_group", String(80), nullable=False, index=True),
    Column("agreement", String(80), nullable=False),
    Column("form", String(20), nullable=False),
    Column("since", String(10), nullable=False),
    Column("until", String(10), nullable=False),
    Column("recipe", JSON, nullable=False),
    Column("geometry", String(80), nullable=False),
    Column("groups_digest", String(80), nullable=False),
    Column("figures", JSON, nullable=False),
    Column("file_digest", String(80), nullable=False),
    Column("providers", JSON, nullable=False),  # parties an assessor must be independent of
    Column("risk", JSON, nullable=False),
    Column("assessment", String(80), nullable=False),  # id of the record behind CR; "" = none, CR = 1
    Column("at", Instant, nullable=False),
)


def assessments_of(tx: Tx, subject: str, recipient_group: str) -> list[dict[str, Any]]:
    """The rows of the records on this subject and recipient group, withdrawn ones too."""
    of = (assessments.c.subject == subject) & (assessments.c.recipient_group == recipient_group)
    return tx.rows(select(assessments).where(of).order_by(assessments.c.id))


def all_assessments(tx: Tx, window: Window = EVERY) -> list[dict[str, Any]]:
    query = window.of(select(assessments).order_by(assessments.c.assessed_at, assessments.c.id), assessments.c.id)
    return tx.rows(query)


def part_of(tx: Tx, partition: str, resource: str) -> dict[str, Any] | None:
    return tx.row(select(parts).where(parts.c.partition == partition, parts.c.resource == resource))


def parts_where(tx: Tx, **values: str) -> list[dict[str, Any]]:
    """Parts with these column values, oldest first."""
    conditions = [parts.c[name] == value for name, value in values.items()]
    return tx.rows(select(parts).where(*conditions).order_by(parts.c.at, parts.c.id))


def answers_of(tx: Tx, part: str) -> list[dict[str, Any]]:
    """The answered rounds of a part, finest level first."""
    return tx.rows(select(answers).where(answers.c.part == part).order_by(answers.c.level))


def release_facts(tx: Tx, release: str) -> dict[str, Any] | None:
    """What the gate needs to look at a release again; its figures, which are many, stay where they are."""
    names = ("dataset", "recipient_group", "form", "providers", "risk", "sources", "recipe")
    return tx.row(select(*(releases.c[name] for name in names)).where(releases.c.id == release))


def releases_of_file(tx: Tx, recipient_group: str, file_digest: str) -> list[dict[str, Any]]:
    """What this node released to a recipient group of one file, oldest first."""
    of = (releases.c.recipient_group == recipient_group, releases.c.file_digest == file_digest)
    return tx.rows(select(releases).where(*of).order_by(releases.c.at, releases.c.id))


def releases_to(tx: Tx, recipient_group: str) -> list[dict[str, Any]]:
    """{id, sources, recipe, geometry} of what this node released to a recipient group, oldest first; the figures of
    one, which are many, by `figures`."""
    told = [releases.c[name] for name in ("id", "sources", "recipe", "geometry")]
    of = releases.c.recipient_group == recipient_group
    return tx.rows(select(*told).where(of).order_by(releases.c.at, releases.c.id))


def figures(tx: Tx, release: str) -> Any:
    """The figures of one release."""
    return tx.execute(select(releases.c.figures).where(releases.c.id == release)).scalar_one()


def releases_beside(tx: Tx, recipient_group: str, since: str, until: str) -> list[dict[str, Any]]:
    """What this node released to others of days from `since` to `until` (ISO dates), oldest first, without figures."""
    told = (column for column in releases.columns if column.name != "figures")
    of = (releases.c.recipient_group != recipient_group) & (releases.c.since <= until) & (releases.c.until >= since)
    return tx.rows(select(*told).where(of).order_by(releases.c.at, releases.c.id))


def all_releases(tx: Tx, window: Window = EVERY) -> list[dict[str, Any]]:
    """Releases, oldest first, without their figures, which are many."""
    told = (column for column in releases.columns if column.name != "figures")
    query = window.of(select(*told).order_by(releases.c.at, releases.c.id), releases.c.id)
    return tx.rows(query)

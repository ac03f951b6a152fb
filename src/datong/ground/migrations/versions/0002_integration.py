"""integration: learned synonyms, marks of incremental loads, repairs of quarantined rows"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _matching()
    _sources()
    _contracts()


def _matching() -> None:
    """Synonyms that people confirmed."""
    op.create_table(
        "synonym",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("column", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("element", sa.String(length=80), nullable=False),
        sa.Column("standard", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("said", sa.String(length=10), nullable=False),
        sa.Column("told_by", sa.String(length=10), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=80), nullable=False),
        sa.Column("withdrawn_at", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_synonym")),
        sa.UniqueConstraint("seq", name=op.f("uq_synonym_seq")),
    )
    with op.batch_alter_table("synonym", schema=None) as batch_op:
        batch_op.create_index("ix_synonym_key", ["key", "withdrawn_at"], unique=False)


def _sources() -> None:
    """How far incremental loads came, and the schema each source had."""
    op.create_table(
        "load_mark",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("by", sa.String(length=10), nullable=False),
        sa.Column("key_columns", sa.JSON(), nullable=False),
        sa.Column("column", sa.String(length=200), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("next_row", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(length=80), nullable=False),
        sa.Column("build", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_load_mark")),
    )
    op.create_table(
        "source_schema",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_schema")),
    )


def _contracts() -> None:
    """Repairs of quarantined rows, quality over time."""
    op.create_table(
        "build_account",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=True),
        sa.Column("contract", sa.JSON(), nullable=False),
        sa.Column("lineage", sa.JSON(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("repaired", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_build_account")),
    )
    op.create_table(
        "harmonise_run",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("resource", sa.String(length=80), nullable=False),
        sa.Column("mapping", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("build", sa.String(length=80), nullable=False),
        sa.Column("read_whole", sa.Boolean(), nullable=True),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("zh", sa.String(length=1000), nullable=False),
        sa.Column("en", sa.String(length=1000), nullable=False),
        sa.Column("began_at", sa.String(length=32), nullable=False),
        sa.Column("ended_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_harmonise_run")),
        sa.UniqueConstraint("seq", name=op.f("uq_harmonise_run_seq")),
    )
    op.create_index("ix_harmonise_run_resource", "harmonise_run", ["resource"])
    op.create_table(
        "harmonise_repair",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("resource", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("column", sa.String(length=500), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("record_digest", sa.String(length=80), nullable=False),
        sa.Column("original", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("build", sa.String(length=80), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=80), nullable=False),
        sa.Column("withdrawn_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_harmonise_repair")),
        sa.UniqueConstraint("seq", name=op.f("uq_harmonise_repair_seq")),
    )
    op.create_index("ix_harmonise_repair_resource", "harmonise_repair", ["resource", "state"])


def downgrade() -> None:
    """What the three sections made, dropped in the opposite order."""
    op.drop_table("harmonise_repair")
    op.drop_table("harmonise_run")
    op.drop_table("build_account")
    op.drop_table("source_schema")
    op.drop_table("load_mark")
    _no_matching()


def _no_matching() -> None:
    with op.batch_alter_table("synonym", schema=None) as batch_op:
        batch_op.drop_index("ix_synonym_key")
    op.drop_table("synonym")

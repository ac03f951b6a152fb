"""classification: what was proposed of a dataset's columns, and every word people said of it"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Versions of classifications, and the words on them."""
    op.create_table(
        "deidentify_classification",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("dataset", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("source_digest", sa.String(length=80), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("carried", sa.JSON(), nullable=False),
        sa.Column("proposed_by", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deidentify_classification")),
        sa.UniqueConstraint("dataset", "version", name="uq_deidentify_classification_dataset_version"),
    )
    op.create_table(
        "deidentify_classification_word",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("classification", sa.String(length=80), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("about", sa.String(length=10), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("said", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("let_in_by", sa.String(length=80), nullable=False),
        sa.Column("answers", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deidentify_classification_word")),
        sa.UniqueConstraint("classification", "seq", name="uq_deidentify_classification_word_classification_seq"),
    )
    op.create_index("ix_deidentify_classification_word_answers", "deidentify_classification_word", ["answers"])


def downgrade() -> None:
    """What upgrade made, dropped in the opposite order."""
    op.drop_index("ix_deidentify_classification_word_answers", "deidentify_classification_word")
    op.drop_table("deidentify_classification_word")
    op.drop_table("deidentify_classification")

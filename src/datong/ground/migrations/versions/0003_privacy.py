"""privacy: the cap of each dataset, the ledger of its budget, answers with noise"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """The cap of each dataset, the ledger of its budget, answers with noise."""
    op.create_table(
        "deidentify_budget",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("unit", sa.String(length=200), nullable=False),
        sa.Column("cap_nanorho", sa.BigInteger(), nullable=False),
        sa.Column("delta", sa.String(length=30), nullable=False),
        sa.Column("given", sa.JSON(), nullable=False),
        sa.Column("set_by", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deidentify_budget")),
    )
    op.create_table(
        "deidentify_budget_line",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("dataset", sa.String(length=80), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("consumer", sa.String(length=80), nullable=False),
        sa.Column("release", sa.String(length=80), nullable=False),
        sa.Column("nanorho", sa.BigInteger(), nullable=False),
        sa.Column("spent_nanorho", sa.BigInteger(), nullable=False),
        sa.Column("cap_nanorho", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deidentify_budget_line")),
        sa.UniqueConstraint("dataset", "seq", name="uq_deidentify_budget_line_dataset_seq"),
    )
    op.create_table(
        "deidentify_noisy_release",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("dataset", sa.String(length=80), nullable=False),
        sa.Column("asked_digest", sa.String(length=80), nullable=False),
        sa.Column("build", sa.String(length=80), nullable=False),
        sa.Column("build_digest", sa.String(length=80), nullable=False),
        sa.Column("unit", sa.String(length=200), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("nanorho", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=True),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("answered_at", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deidentify_noisy_release")),
    )
    op.create_index("ix_deidentify_noisy_release_asked", "deidentify_noisy_release", ["dataset", "asked_digest"])


def downgrade() -> None:
    """What upgrade made, dropped in the opposite order."""
    op.drop_index("ix_deidentify_noisy_release_asked", "deidentify_noisy_release")
    op.drop_table("deidentify_noisy_release")
    op.drop_table("deidentify_budget_line")
    op.drop_table("deidentify_budget")

"""ndi: the national rail: contracts and filings, performance, identities, connectors, logical spaces"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0003"


def upgrade() -> None:
    """The digital contract on the national rail, what is told of its performance, identities, connectors and logical spaces."""
    op.create_table(
        "national_contract",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("issuer", sa.String(length=80), nullable=False),
        sa.Column("sign_mode", sa.String(length=2), nullable=False),
        sa.Column("activation", sa.String(length=32), nullable=False),
        sa.Column("ends", sa.String(length=32), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("request_digest", sa.String(length=80), nullable=False),
        sa.Column("platform", sa.String(length=80), nullable=False),
        sa.Column("agreement", sa.String(length=200), nullable=False),
        sa.Column("filing", sa.String(length=8), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("why_not", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_national_contract")),
        sa.UniqueConstraint("request_digest", name=op.f("uq_national_contract_request_digest")),
    )
    op.create_index(op.f("ix_national_contract_agreement"), "national_contract", ["agreement"])
    op.create_table(
        "national_issued",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("request_digest", sa.String(length=80), nullable=False),
        sa.Column("issuer", sa.String(length=80), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_national_issued")),
        sa.UniqueConstraint("request_digest", name=op.f("uq_national_issued_request_digest")),
    )
    op.create_table(
        "national_filing",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("contract", sa.String(length=47), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("filer", sa.String(length=80), nullable=False),
        sa.Column("provider", sa.String(length=80), nullable=False),
        sa.Column("consumer", sa.String(length=80), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=4), nullable=False),
        sa.Column("filed_at", sa.String(length=32), nullable=False),
        sa.Column("ended_at", sa.String(length=32), nullable=True),
        sa.Column("ending", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_national_filing")),
        sa.UniqueConstraint("contract", "version", name=op.f("uq_national_filing_contract")),
    )
    op.create_index(op.f("ix_national_filing_contract"), "national_filing", ["contract"])
    op.create_table(
        "national_round",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("contract", sa.String(length=47), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("signatures", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_national_round")),
        sa.UniqueConstraint("contract", "number", name=op.f("uq_national_round_contract")),
    )
    op.create_index(op.f("ix_national_round_digest"), "national_round", ["contract", "digest"])
    op.create_table(
        "control_message",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("interface", sa.String(length=30), nullable=False),
        sa.Column("contract", sa.String(length=47), nullable=False),
        sa.Column("agreement", sa.String(length=120), nullable=False),
        sa.Column("peer", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_message")),
    )
    op.create_index(op.f("ix_control_message_contract"), "control_message", ["contract"])
    op.create_index(op.f("ix_control_message_digest"), "control_message", ["contract", "digest"])


def downgrade() -> None:
    """What upgrade made, dropped in the opposite order."""
    op.drop_index(op.f("ix_control_message_contract"), "control_message")
    op.drop_index(op.f("ix_control_message_digest"), "control_message")
    op.drop_table("control_message")
    op.drop_index(op.f("ix_national_round_digest"), "national_round")
    op.drop_table("national_round")
    op.drop_index(op.f("ix_national_filing_contract"), "national_filing")
    op.drop_table("national_filing")
    op.drop_table("national_issued")
    op.drop_index(op.f("ix_national_contract_agreement"), "national_contract")
    op.drop_table("national_contract")

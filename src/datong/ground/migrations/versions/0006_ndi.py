"""ndi: the national rail: contracts and filings, performance, identities, connectors, logical spaces"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


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
        sa.Column("negotiation", sa.String(length=80), nullable=False),
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
    op.create_table(
        "register_identity",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("act", sa.String(length=10), nullable=False),
        sa.Column("identity_code", sa.String(length=64), nullable=False),
        sa.Column("subject_key", sa.String(length=80), nullable=False),
        sa.Column("organisation", sa.String(length=18), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("pending", sa.String(length=10), nullable=False),
        sa.Column("proxy", sa.String(length=32), nullable=False),
        sa.Column("decider", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_identity")),
    )
    op.create_index(op.f("ix_register_identity_identity_code"), "register_identity", ["identity_code"])
    op.create_index(op.f("ix_register_identity_subject_key"), "register_identity", ["subject_key"])
    op.create_table(
        "register_identity_access",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("identity", sa.String(length=80), nullable=False),
        sa.Column("node", sa.String(length=32), nullable=False),
        sa.Column("until", sa.String(length=32), nullable=False),
        sa.Column("used_at", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_identity_access")),
    )
    op.create_table(
        "register_connector_state",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("beat_at", sa.String(length=32), nullable=False),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_connector_state")),
    )
    op.create_table(
        "register_connector_report",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("node", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_connector_report")),
    )
    op.create_index(op.f("ix_register_connector_report_node"), "register_connector_report", ["node"])
    op.create_table(
        "logical_space",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logical_space")),
    )
    op.create_table(
        "logical_space_member",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("space", sa.String(length=80), nullable=False),
        sa.Column("node", sa.String(length=32), nullable=False),
        sa.Column("party", sa.String(length=18), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logical_space_member")),
        sa.UniqueConstraint("space", "node", name=op.f("uq_logical_space_member_space")),
    )
    op.create_index(op.f("ix_logical_space_member_space"), "logical_space_member", ["space"])
    op.create_table(
        "catalogue_report",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("node", sa.String(length=80), nullable=False),
        sa.Column("dataset", sa.String(length=80), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("delivery_form", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_report")),
    )
    op.create_index(op.f("ix_catalogue_report_node"), "catalogue_report", ["node"])


def downgrade() -> None:
    """What upgrade made, dropped in the opposite order."""
    op.drop_index(op.f("ix_catalogue_report_node"), "catalogue_report")
    op.drop_table("catalogue_report")
    op.drop_index(op.f("ix_logical_space_member_space"), "logical_space_member")
    op.drop_table("logical_space_member")
    op.drop_table("logical_space")
    op.drop_index(op.f("ix_register_connector_report_node"), "register_connector_report")
    op.drop_table("register_connector_report")
    op.drop_table("register_connector_state")
    op.drop_table("register_identity_access")
    op.drop_index(op.f("ix_register_identity_identity_code"), "register_identity")
    op.drop_index(op.f("ix_register_identity_subject_key"), "register_identity")
    op.drop_table("register_identity")
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

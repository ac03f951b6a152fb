"""risk reports: the report of each release, and who signed it"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """One report a release, and its signatures."""
    op.create_table(
        "deidentify_risk_report",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("report_digest", sa.String(length=80), nullable=False),
        sa.Column("askers", sa.JSON(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deidentify_risk_report")),
    )
    op.create_table(
        "deidentify_report_signature",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("release", sa.String(length=80), nullable=False),
        sa.Column("report_digest", sa.String(length=80), nullable=False),
        sa.Column("person", sa.String(length=80), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deidentify_report_signature")),
    )
    op.create_index(
        op.f("ix_deidentify_report_signature_release"), "deidentify_report_signature", ["release"], unique=False
    )


def downgrade() -> None:
    """What upgrade made, dropped in the opposite order."""
    op.drop_index(op.f("ix_deidentify_report_signature_release"), table_name="deidentify_report_signature")
    op.drop_table("deidentify_report_signature")
    op.drop_table("deidentify_risk_report")

"""credentials: membership credentials a function node gave out, and those a node holds"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Membership credentials a function node gave out, and those a node holds."""
    op.create_table(
        "register_issued_credential",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("node", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("issued_at", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_issued_credential")),
        sa.UniqueConstraint("place", name=op.f("uq_register_issued_credential_place")),
    )
    op.create_index(op.f("ix_register_issued_credential_node"), "register_issued_credential", ["node"])
    op.create_table(
        "register_held_credential",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("received_at", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_held_credential")),
    )


def downgrade() -> None:
    """What upgrade made, dropped in the opposite order."""
    op.drop_table("register_held_credential")
    op.drop_index(op.f("ix_register_issued_credential_node"), "register_issued_credential")
    op.drop_table("register_issued_credential")

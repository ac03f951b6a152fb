"""heartbeats: the newest beat of every connector, apart from its state, of which evidence is kept"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """The newest beat of every connector."""
    op.create_table(
        "register_heartbeat",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_heartbeat")),
    )


def downgrade() -> None:
    """What upgrade made, dropped."""
    op.drop_table("register_heartbeat")

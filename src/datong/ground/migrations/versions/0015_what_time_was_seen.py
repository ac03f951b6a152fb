"""what time a node saw last, and what it could not end at its last look"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Both change with every look, so that they stand apart from the settings, of which each has its evidence."""
    op.create_table(
        "node_mark",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node_mark")),
    )


def downgrade() -> None:
    """What upgrade made, dropped."""
    op.drop_table("node_mark")

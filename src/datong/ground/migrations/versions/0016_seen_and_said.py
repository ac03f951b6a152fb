"""what is kept: the time a node saw last and what it could not end; what either side said of an invoice, as signed"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """The marks change with every look, so that they stand apart from the settings, of which each has its evidence."""
    op.create_table(
        "node_mark",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node_mark")),
    )
    with op.batch_alter_table("invoice") as table:
        table.add_column(sa.Column("words", sa.JSON(), nullable=True))


def downgrade() -> None:
    """What upgrade made, dropped in the opposite order."""
    with op.batch_alter_table("invoice") as table:
        table.drop_column("words")
    op.drop_table("node_mark")

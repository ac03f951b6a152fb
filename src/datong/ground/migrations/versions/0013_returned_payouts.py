"""returned payouts: what the payer of a statement said of money that came back to it"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """What the payer of a statement said of money that came back to it."""
    with op.batch_alter_table("statement") as table:
        table.add_column(sa.Column("reason", sa.String(length=500), nullable=True))


def downgrade() -> None:
    """What upgrade made, dropped in the opposite order."""
    with op.batch_alter_table("statement") as table:
        table.drop_column("reason")

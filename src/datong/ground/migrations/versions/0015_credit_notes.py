"""credit notes: what of an invoice, and of the statements made of it, was taken back by both its sides"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """What of an invoice, and of the statements made of it, was taken back by both its sides: of older ones nothing."""
    with op.batch_alter_table("invoice") as table:
        table.add_column(sa.Column("credited_fen", sa.BigInteger(), server_default="0", nullable=False))
    with op.batch_alter_table("statement") as table:
        table.add_column(sa.Column("credited_fen", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    """What upgrade made, dropped in the opposite order."""
    for name in ("statement", "invoice"):
        with op.batch_alter_table(name) as table:
            table.drop_column("credited_fen")

"""filed once: a platform knows a contract by what both sides signed"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """A platform knows a contract by what both sides signed."""
    with op.batch_alter_table("national_filing") as table:
        table.add_column(sa.Column("signed", sa.String(length=80), nullable=False, server_default=""))
        table.create_index(op.f("ix_national_filing_signed"), ["signed"])


def downgrade() -> None:
    """What upgrade made, dropped in the opposite order."""
    with op.batch_alter_table("national_filing") as table:
        table.drop_index(op.f("ix_national_filing_signed"))
        table.drop_column("signed")

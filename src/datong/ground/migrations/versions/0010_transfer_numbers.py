"""transfer numbers: in which order the two sides of a transfer spoke about it"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """In which order the two sides of a transfer spoke about it."""
    op.create_table(
        "transfer_number",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("said", sa.Integer(), nullable=False),
        sa.Column("heard", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_number")),
    )


def downgrade() -> None:
    """What upgrade made, dropped in the opposite order."""
    op.drop_table("transfer_number")

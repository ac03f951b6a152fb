"""spaces: rosters of logical spaces, and the listings that only their members see"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Rosters of logical spaces, and the listings that only their members see."""
    op.create_table(
        "listing_space",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("dataset", sa.String(length=80), nullable=False),
        sa.Column("space", sa.String(length=80), nullable=False),
        sa.Column("added_by", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_space")),
    )
    op.create_index(op.f("ix_listing_space_dataset"), "listing_space", ["dataset"])
    op.create_index(op.f("ix_listing_space_space"), "listing_space", ["space"])
    op.create_table(
        "logical_space_roster",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logical_space_roster")),
    )


def downgrade() -> None:
    """What upgrade made, dropped in the opposite order."""
    op.drop_table("logical_space_roster")
    op.drop_index(op.f("ix_listing_space_space"), "listing_space")
    op.drop_index(op.f("ix_listing_space_dataset"), "listing_space")
    op.drop_table("listing_space")

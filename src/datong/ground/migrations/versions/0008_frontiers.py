"""frontiers: what was measured of a product's releases, by whom and when"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """What was measured of a product's releases, by whom and when."""
    op.create_table(
        "compose_product_frontier",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("product", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("frontier", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compose_product_frontier")),
    )
    op.create_index(op.f("ix_compose_product_frontier_product"), "compose_product_frontier", ["product"])


def downgrade() -> None:
    """What upgrade made, dropped in the opposite order."""
    op.drop_index(op.f("ix_compose_product_frontier_product"), "compose_product_frontier")
    op.drop_table("compose_product_frontier")

"""integration: learned synonyms, marks of incremental loads, repairs of quarantined rows"""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _matching()
    _sources()
    _contracts()


def _matching() -> None:
    """Synonyms that people confirmed."""


def _sources() -> None:
    """How far incremental loads came, and the schema each source had."""


def _contracts() -> None:
    """Repairs of quarantined rows, quality over time."""


def downgrade() -> None:
    """What the three sections made, dropped in the opposite order."""

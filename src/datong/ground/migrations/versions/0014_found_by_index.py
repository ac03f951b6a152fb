"""found by index: contracts by code, counterparty and term, file sets by their use, the newest of what grows most"""

from alembic import op

revision = "0014"
down_revision = "0013"

INDEXES = (
    ("ix_agreement_agreed_at", "agreement", ["agreed_at", "id"]),
    ("ix_agreement_code", "agreement", ["code"]),
    ("ix_agreement_consumer", "agreement", ["consumer", "provider"]),
    ("ix_agreement_state", "agreement", ["state", "until", "id"]),
    ("ix_decision_since", "decision", ["agreement", "wall_at"]),
    ("ix_decision_wall_at", "decision", ["wall_at", "id"]),
    ("ix_file_set_event", "file_set", ["event"]),
    ("ix_job_lane", "job", ["lane", "added_at"]),
    ("ix_national_contract_issuer", "national_contract", ["issuer", "at"]),
    ("ix_national_issued_issuer", "national_issued", ["issuer", "at"]),
    ("ix_usage_event_at", "usage_event", ["at", "number", "id"]),
)


def upgrade() -> None:
    """What is asked for with every message, every hour or every file is found without reading all there is."""
    for name, table, columns in INDEXES:
        op.create_index(op.f(name), table, columns)


def downgrade() -> None:
    """What upgrade made, dropped in the opposite order."""
    for name, table, _ in reversed(INDEXES):
        op.drop_index(op.f(name), table_name=table)

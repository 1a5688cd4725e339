"""A capture knows the day on which it was posted, and what else moves a provider's money is found by its day.

Revision: 0080, after 0079.
"""

import sqlalchemy as sa
from alembic import op

from migrations import sums

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None

_MOVES = "source_kind IN ('REFUND', 'DISPUTE', 'MANUAL')"
_READ = ("ledger_entry", "ledger_posting", "capture")


def upgrade() -> None:
    op.add_column("capture", sa.Column("captured_on", sa.Date(), nullable=True))
    # The owner is under row level security too, and names no organisation here.
    for table in _READ:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        UPDATE capture c SET captured_on = x.day
        FROM (SELECT p.organisation_id, e.source_id, min(p.posted_on) AS day FROM ledger_posting p
              JOIN ledger_entry e ON e.organisation_id = p.organisation_id AND e.id = p.entry_id
              WHERE p.ledger_account = 'GATEWAY_CLEARING' AND e.source_kind = 'PAYMENT' GROUP BY 1, 2) x
        WHERE x.organisation_id = c.organisation_id AND x.source_id = c.id
    """)
    for table in _READ:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    sums.date_captures()
    op.create_index("ix_capture_day", "capture",
                    ["organisation_id", "captured_on", "id", "posted_minor", "captured_minor"])  # fmt: skip
    op.create_index("ix_ledger_entry_moves", "ledger_entry", ["organisation_id", "posted_on"],
                    postgresql_where=sa.text(_MOVES))  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_ledger_entry_moves", "ledger_entry")
    op.drop_index("ix_capture_day", "capture")
    sums.forget_days_of_captures()
    op.drop_column("capture", "captured_on")

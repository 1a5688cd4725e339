"""A posting knows the day of its entry: what an account was posted in a period is found by an index.

Revision: 0074, after 0073.
"""

import sqlalchemy as sa
from alembic import op

from migrations import guards

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ledger_posting", sa.Column("posted_on", sa.Date(), nullable=True))
    # The owner is under row level security too, and names no organisation here.
    op.execute("ALTER TABLE ledger_entry NO FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE ledger_posting DISABLE TRIGGER append_only, NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        UPDATE ledger_posting p SET posted_on = e.posted_on FROM ledger_entry e
        WHERE e.organisation_id = p.organisation_id AND e.id = p.entry_id
    """)
    op.execute("ALTER TABLE ledger_posting ENABLE TRIGGER append_only, FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE ledger_entry FORCE ROW LEVEL SECURITY")
    op.alter_column("ledger_posting", "posted_on", nullable=False)
    op.create_index("ix_ledger_posting_day", "ledger_posting", ["organisation_id", "ledger_account", "posted_on"])
    guards.date_postings()


def downgrade() -> None:
    guards.forget_days_of_postings()
    op.drop_index("ix_ledger_posting_day", "ledger_posting")
    op.drop_column("ledger_posting", "posted_on")

"""Bookings with something owed, and debits that failed, are found at once, however many there were.

Revision: 0049, after 0048.
"""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_term_booking_owed", "term_booking", ["organisation_id", "id"],
                    postgresql_where=sa.text("payment_state IN ('OPEN', 'PENDING_PAYMENT')"))  # fmt: skip
    op.create_index("ix_payment_failed_debit", "payment", ["organisation_id", "updated_at"],
                    postgresql_where=sa.text("status = 'FAILED' AND mandate_id IS NOT NULL"))  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_payment_failed_debit", table_name="payment")
    op.drop_index("ix_term_booking_owed", table_name="term_booking")

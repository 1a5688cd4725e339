"""The orders of a booking and of a subscription are found by an index: their payments, what is free of them, what changed.

Revision: 0071, after 0070.
"""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

_TABLE = "term_booking_order"
_COLUMNS = {"ix_term_booking_order_booking": "booking_id", "ix_term_booking_order_subscription": "subscription_id"}


def upgrade() -> None:
    for name, column in _COLUMNS.items():
        op.create_index(name, _TABLE, ["organisation_id", column], postgresql_where=sa.text(f"{column} IS NOT NULL"))


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_index(name, _TABLE)

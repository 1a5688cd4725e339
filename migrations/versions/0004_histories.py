"""Histories of every kind of record: a status is a code of the chart that its event belongs to.

Revision: 0004, after 0003.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_COLUMNS = ("from_status", "to_status")
# The statuses of orders and bookings, the only ones that had a history until here.
_CODES = "(0, 100, 200, 300, 350, 400, 450, 475, 485, 500, 600, 700, 800, 900)"


def upgrade() -> None:
    for column in _COLUMNS:
        op.drop_constraint(op.f(f"ck_status_event_{column}_is_known"), "status_event")


def downgrade() -> None:
    # Histories of other records have no place in the older schema.
    op.execute("ALTER TABLE status_event DISABLE TRIGGER append_only, NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM status_event WHERE chart NOT IN ('term_booking_order', 'term_booking')")
    op.execute("ALTER TABLE status_event ENABLE TRIGGER append_only, FORCE ROW LEVEL SECURITY")
    for column in _COLUMNS:
        op.create_check_constraint(op.f(f"ck_status_event_{column}_is_known"), "status_event", f"{column} IN {_CODES}")

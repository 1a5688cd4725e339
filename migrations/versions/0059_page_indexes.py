"""Pages that list and look up by index what they read row by row: offerings by name, companions, rare orders, codes.

Revision: 0059, after 0050.
"""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0050"
branch_labels = None
depends_on = None

_INDEXES = (
    ("ix_term_program_set_name", "term_program_set", ("name", "id"), None),
    ("ix_term_booking_order_cause", "term_booking_order", ("cause_order_id",), "cause_order_id IS NOT NULL"),
    ("ix_term_booking_order_rare", "term_booking_order", ("order_type", "id"), "order_type <> 0"),
    ("ix_promo_redemption_code", "promo_redemption", ("code", "used_at", "id"), None),
)


def upgrade() -> None:
    for name, table, columns, where in _INDEXES:
        op.create_index(name, table, ["organisation_id", *columns], postgresql_where=where and sa.text(where))


def downgrade() -> None:
    for name, table, _, _ in _INDEXES:
        op.drop_index(name, table)

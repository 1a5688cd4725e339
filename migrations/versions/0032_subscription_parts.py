"""A subscription's term may be booked in parts, one after the other; nobody asks for the same subscription twice.

Revision: 0032, after 0031.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_ORDER, _TERM = "term_booking_order", "uq_term_booking_order_subscription_term"
_WHERE = sa.text("subscription_id IS NOT NULL AND status IN (100, 200, 300, 450, 475, 485, 500)")
_ASKED, _REQUEST = "subscription", "uq_subscription_request"


def upgrade() -> None:
    op.add_column(_ORDER, sa.Column("subscription_part", sa.Integer(), nullable=False, server_default="1"))
    op.drop_index(_TERM, _ORDER)
    columns = ["organisation_id", "subscription_id", "term_id", "subscription_part"]
    op.create_index(_TERM, _ORDER, columns, unique=True, postgresql_where=_WHERE)
    # Of those that were asked for twice, the first stands as it is; the later ones are declined by hand.
    columns = ["organisation_id", "attendee_id", "offering_id", "weekdays"]
    op.create_index(_REQUEST, _ASKED, columns, unique=True, postgresql_where=sa.text("status = 10"))


def downgrade() -> None:
    op.drop_index(_REQUEST, _ASKED)
    op.drop_index(_TERM, _ORDER)
    columns = ["organisation_id", "subscription_id", "term_id"]
    op.create_index(_TERM, _ORDER, columns, unique=True, postgresql_where=_WHERE)
    op.drop_column(_ORDER, "subscription_part")

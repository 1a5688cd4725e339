"""A payment is found by what its provider calls it, and a booking by the group that it is invoiced with, by an index.

Revision: 0072, after 0071.
"""

import sqlalchemy as sa
from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_payment_external", "payment", ["organisation_id", "external_id"],
                    postgresql_where=sa.text("external_id IS NOT NULL"))  # fmt: skip
    op.create_index("ix_term_booking_group", "term_booking", ["organisation_id", "group_id"])


def downgrade() -> None:
    op.drop_index("ix_term_booking_group", "term_booking")
    op.drop_index("ix_payment_external", "payment")

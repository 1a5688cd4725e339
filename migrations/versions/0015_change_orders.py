"""Change orders: one open per booking group, what each asks to be paid, and invoice lines over a difference.

Revision: 0015, after 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("term_booking_order", sa.Column("change_due_minor", sa.BigInteger(), nullable=True))
    op.add_column("invoice_line", sa.Column("is_difference", sa.Boolean(), nullable=False, server_default="false"))
    op.alter_column("invoice_line", "is_difference", server_default=None)
    op.create_index(
        "uq_term_booking_order_open_change", "term_booking_order", ["organisation_id", "group_id"], unique=True,
        postgresql_where=sa.text(
            "original_booking_id IS NOT NULL AND cause_order_id IS NULL AND status IN (100, 200, 300, 475, 485)"
        ),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("uq_term_booking_order_open_change", "term_booking_order")
    op.drop_column("invoice_line", "is_difference")
    op.drop_column("term_booking_order", "change_due_minor")

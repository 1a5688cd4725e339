"""Lines tell which mode was asked for, and why they got another one.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("term_booking_order_line", sa.Column("asked_mode", sa.Text(), nullable=True))
    op.add_column("term_booking_order_line", sa.Column("mode_reason", sa.String(), nullable=True))
    op.create_check_constraint(
        op.f("ck_term_booking_order_line_asked_mode_is_known"), "term_booking_order_line",
        "asked_mode IN ('CASUAL', 'FULL_WEEK', 'FULL_TERM')",
    )  # fmt: skip


def downgrade() -> None:
    op.drop_column("term_booking_order_line", "mode_reason")
    op.drop_column("term_booking_order_line", "asked_mode")

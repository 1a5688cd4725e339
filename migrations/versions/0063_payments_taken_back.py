"""Payments that were recorded by hand can be taken back, and say who did it.

Revision: 0063, after 0062.
"""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

_OLDER = "ck_payment_only_through_the_bank_is_returned"
_RETURNED = "ck_payment_only_by_bank_or_hand_is_returned"
_BY = "ck_payment_returned_by_somebody_then"


def upgrade() -> None:
    op.add_column("payment", sa.Column("returned_by", sa.Uuid(), nullable=True))
    op.drop_constraint(_OLDER, "payment")
    op.create_check_constraint(
        op.f(_RETURNED), "payment",
        "returned_at IS NULL OR (status = 'FAILED' AND (mandate_id IS NOT NULL "
        "OR provider IN ('bank', 'cash', 'manual')))",
    )  # fmt: skip
    op.create_check_constraint(op.f(_BY), "payment", "returned_by IS NULL OR returned_at IS NOT NULL")


def downgrade() -> None:
    """Refused by the older check where cash was taken back."""
    op.drop_constraint(_BY, "payment")
    op.drop_constraint(_RETURNED, "payment")
    op.create_check_constraint(
        op.f(_OLDER), "payment",
        "returned_at IS NULL OR (status = 'FAILED' AND (mandate_id IS NOT NULL OR provider = 'bank'))",
    )  # fmt: skip
    op.drop_column("payment", "returned_by")

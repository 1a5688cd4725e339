"""Money may be asked back that lies in a wallet and is of no booking: one request for each account beside those.
No more of a payment is sent back than came into the wallet.

Revision: 0069, after 0068.
"""

import sqlalchemy as sa
from alembic import op

from migrations import guards

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None

_TABLE = "refund_request"
_WAY = "ck_refund_request_from_the_wallet_the_way_it_was_paid"
_ONCE = "uq_refund_request_of_wallet"


def upgrade() -> None:
    op.alter_column(_TABLE, "booking_id", nullable=True)
    op.create_check_constraint(op.f(_WAY), _TABLE, "booking_id IS NOT NULL OR destination = 'ORIGINAL'")
    op.create_index(_ONCE, _TABLE, ["organisation_id", "account_id"], unique=True,
                    postgresql_where=sa.text("booking_id IS NULL"))  # fmt: skip
    guards.hold_refunds()


def downgrade() -> None:
    """Refused where somebody asked for money out of a wallet."""
    guards.drop_refunds()
    op.drop_index(_ONCE, _TABLE)
    op.drop_constraint(_WAY, _TABLE)
    op.alter_column(_TABLE, "booking_id", nullable=False)

"""The payments that are for one invoice are found by an index: its mail asks whether one collects it.

Revision: 0073, after 0072.
"""

import sqlalchemy as sa
from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_payment_invoice", "payment", ["organisation_id", "invoice_id"],
                    postgresql_where=sa.text("invoice_id IS NOT NULL"))  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_payment_invoice", "payment")

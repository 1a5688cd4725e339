"""One checkout for the payments of several orders.

Revision: 0018, after 0017.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_ONCE = "uq_payment_organisation_id_provider_external_id"


def upgrade() -> None:
    op.add_column("payment", sa.Column("checkout_id", sa.Uuid(), nullable=True))
    op.drop_constraint(_ONCE, "payment")
    op.create_index(
        "uq_payment_external", "payment", ["organisation_id", "provider", "external_id"], unique=True,
        postgresql_where=sa.text("checkout_id IS NULL"),
    )  # fmt: skip
    op.create_index(
        "uq_payment_of_checkout", "payment", ["organisation_id", "checkout_id", "order_id"], unique=True,
        postgresql_where=sa.text("checkout_id IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    """Refused by the older constraint where several orders were paid at once."""
    op.drop_index("uq_payment_of_checkout", "payment")
    op.drop_index("uq_payment_external", "payment")
    op.create_unique_constraint(_ONCE, "payment", ["organisation_id", "provider", "external_id"])
    op.drop_column("payment", "checkout_id")

"""Pay as you go: a planned invoice may be of one session, and that session is invoiced and debited once.

Revision: 0054, after 0059.
"""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0059"
branch_labels = None
depends_on = None

_SCHEDULE, _INVOICE = "invoice_schedule", "invoice"
_ONCE = "uq_invoice_schedule_planned_once"
_PERIOD = ["organisation_id", "booking_id", "period_from", "period_until", "issue_on"]
_SESSION = ["organisation_id", "booking_id", "term_product_id"]


def upgrade() -> None:
    for table in (_SCHEDULE, _INVOICE):
        op.add_column(table, sa.Column("term_product_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_organisation_id_term_product_id"), table, "term_product",
            ["organisation_id", "term_product_id"], ["organisation_id", "id"],
        )  # fmt: skip
    op.drop_index(_ONCE, _SCHEDULE)
    op.create_index(_ONCE, _SCHEDULE, _PERIOD, unique=True,
                    postgresql_where=sa.text("status = 'SCHEDULED' AND term_product_id IS NULL"))  # fmt: skip
    of_session = sa.text("term_product_id IS NOT NULL")
    op.create_index("uq_invoice_schedule_session", _SCHEDULE, _SESSION, unique=True, postgresql_where=of_session)
    op.create_index("uq_invoice_of_session", _INVOICE, _SESSION, unique=True, postgresql_where=of_session)
    op.create_index("uq_payment_session_debit", "payment", ["organisation_id", "invoice_id"], unique=True,
                    postgresql_where=sa.text("provider = 'wallet' AND invoice_id IS NOT NULL"))  # fmt: skip


def downgrade() -> None:
    """Refused by the older schema where two sessions of one day are planned."""
    op.drop_index("uq_payment_session_debit", "payment")
    op.drop_index("uq_invoice_of_session", _INVOICE)
    op.drop_index("uq_invoice_schedule_session", _SCHEDULE)
    op.drop_index(_ONCE, _SCHEDULE)
    op.create_index(_ONCE, _SCHEDULE, _PERIOD, unique=True, postgresql_where=sa.text("status = 'SCHEDULED'"))
    for table in (_INVOICE, _SCHEDULE):
        op.drop_constraint(f"fk_{table}_organisation_id_term_product_id", table)
        op.drop_column(table, "term_product_id")

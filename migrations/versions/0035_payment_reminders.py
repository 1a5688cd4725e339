"""Which reminders of payments were sent.

Revision: 0035, after 0034.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_TABLE = "payment_reminder"
_REFERS = {"order_id": "term_booking_order", "invoice_id": "invoice", "instalment_id": "instalment"}
_CHECKS = {
    "kind_is_known": "kind IN ('DUE', 'OVERDUE')",
    "of_an_invoice_or_a_part": "num_nonnulls(invoice_id, instalment_id) = 1",
    "is_of_something": "days >= 0 AND amount_minor > 0",
}


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.create_table(
        _TABLE,
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("organisation_id", "id")),
        *(sa.Column(name, sa.Uuid(), nullable=name != "order_id") for name in _REFERS),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{_TABLE}")),
        *(sa.ForeignKeyConstraint(["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
                                  name=op.f(f"fk_{_TABLE}_organisation_id_{column}"))
          for column, to in _REFERS.items()),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{_TABLE}_{name}")) for name, rule in _CHECKS.items()),
    )  # fmt: skip
    for what in ("invoice", "instalment"):
        op.create_index(f"uq_{_TABLE}_{what}", _TABLE, ["organisation_id", f"{what}_id", "kind", "days"], unique=True,
                        postgresql_where=sa.text(f"{what}_id IS NOT NULL"))  # fmt: skip
    op.create_index(f"ix_{_TABLE}_order", _TABLE, ["organisation_id", "order_id", "sent_at"])
    guards.keep_tenants_apart(_TABLE, role)


def downgrade() -> None:
    op.drop_table(_TABLE)

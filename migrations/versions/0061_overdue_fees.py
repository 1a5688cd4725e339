"""The fee of what is not paid in time, and the invoice line that charges it: one at most.

Revision: 0061, after 0060.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

_TABLE, _LINE = "overdue_fee", "invoice_line"
_REFERS = {
    "account_id": "account", "booking_id": "term_booking", "invoice_id": "invoice", "instalment_id": "instalment",
}  # fmt: skip
_OF = ("invoice_id", "instalment_id")
_CHECKS = {
    "of_an_invoice_or_a_part": "num_nonnulls(invoice_id, instalment_id) = 1",
    "within_what_is_overdue": "amount_minor > 0 AND amount_minor <= overdue_minor",
    "is_late": "charged_on > due_on",
    "waived_with_a_reason": "num_nonnulls(waived_at, waive_reason) IN (0, 2)",
    "has_a_reason": "char_length(waive_reason) BETWEEN 1 AND 4000",
}
_ONE = "uq_invoice_line_organisation_id_overdue_fee_id"


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.create_table(
        _TABLE,
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("organisation_id", "id")),
        sa.Column("reference", sa.String(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=name in _OF) for name in _REFERS),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("overdue_minor", sa.BigInteger(), nullable=False),
        sa.Column("charged_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waived_by", sa.Uuid(), nullable=True),
        sa.Column("waived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waive_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{_TABLE}")),
        sa.UniqueConstraint("organisation_id", "reference", name=op.f(f"uq_{_TABLE}_organisation_id_reference")),
        *(sa.ForeignKeyConstraint(["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
                                  name=op.f(f"fk_{_TABLE}_organisation_id_{column}"))
          for column, to in _REFERS.items()),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{_TABLE}_{name}")) for name, rule in _CHECKS.items()),
    )  # fmt: skip
    for column in _OF:
        op.create_index(f"uq_{_TABLE}_{column.removesuffix('_id')}", _TABLE, ["organisation_id", column], unique=True,
                        postgresql_where=sa.text(f"{column} IS NOT NULL"))  # fmt: skip
    for column in ("account_id", "booking_id"):
        op.create_index(f"ix_{_TABLE}_{column.removesuffix('_id')}", _TABLE, ["organisation_id", column])
    guards.keep_tenants_apart(_TABLE, role)
    op.add_column(_LINE, sa.Column("overdue_fee_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f(f"fk_{_LINE}_organisation_id_overdue_fee_id"), _LINE, _TABLE,
                          ["organisation_id", "overdue_fee_id"], ["organisation_id", "id"])  # fmt: skip
    op.create_unique_constraint(op.f(_ONE), _LINE, ["organisation_id", "overdue_fee_id"])


def downgrade() -> None:
    op.drop_constraint(_ONE, _LINE)
    op.drop_constraint(f"fk_{_LINE}_organisation_id_overdue_fee_id", _LINE)
    op.drop_column(_LINE, "overdue_fee_id")
    op.drop_table(_TABLE)

"""Direct debit mandates, and the debits that are collected by them.

Revision: 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_MANDATE, _PAYMENT = "direct_debit_mandate", "payment"
_REFERS = {"mandate_id": _MANDATE, "invoice_id": "invoice"}
_CHECKS = {
    "debit_has_its_day": "(mandate_id IS NULL) = (collect_on IS NULL)",
    "only_a_debit_is_returned": "returned_at IS NULL OR (mandate_id IS NOT NULL AND status = 'FAILED')",
}


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    _make_mandates()
    guards.keep_tenants_apart(_MANDATE, role)
    op.add_column(_PAYMENT, sa.Column("mandate_id", sa.Uuid(), nullable=True))
    op.add_column(_PAYMENT, sa.Column("collect_on", sa.Date(), nullable=True))
    op.add_column(_PAYMENT, sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(_PAYMENT, sa.Column("invoice_id", sa.Uuid(), nullable=True))
    for column, to in _REFERS.items():
        op.create_foreign_key(
            op.f(f"fk_{_PAYMENT}_organisation_id_{column}"), _PAYMENT, to, ["organisation_id", column],
            ["organisation_id", "id"],
        )  # fmt: skip
    for name, rule in _CHECKS.items():
        op.create_check_constraint(op.f(f"ck_{_PAYMENT}_{name}"), _PAYMENT, rule)
    op.create_index(
        "uq_payment_debit_under_way", _PAYMENT, ["organisation_id", "invoice_id"], unique=True,
        postgresql_where=sa.text("mandate_id IS NOT NULL AND status IN ('PENDING', 'PROCESSING')"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("uq_payment_debit_under_way", _PAYMENT)
    for name in _CHECKS:
        op.drop_constraint(f"ck_{_PAYMENT}_{name}", _PAYMENT)
    for column in ("mandate_id", "collect_on", "returned_at", "invoice_id"):
        op.drop_column(_PAYMENT, column)
    op.drop_table(_MANDATE)


def _make_mandates() -> None:
    op.create_table(
        _MANDATE,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("iban", "bank_code", "account_number")),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=True),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("created_at", "updated_at")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{_MANDATE}")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "account_id"], ["account.organisation_id", "account.id"],
            name=op.f(f"fk_{_MANDATE}_organisation_id_account_id"),
        ),
        sa.CheckConstraint("status IN (100, 200, 900)", name=op.f(f"ck_{_MANDATE}_status_is_known")),
        sa.CheckConstraint(
            "num_nonnulls(iban, account_number) = 1", name=op.f(f"ck_{_MANDATE}_names_one_bank_account")
        ),
        sa.CheckConstraint(
            "(account_number IS NULL) = (bank_code IS NULL)", name=op.f(f"ck_{_MANDATE}_account_number_has_its_bank")
        ),
        sa.CheckConstraint("status <> 200 OR signed_on IS NOT NULL", name=op.f(f"ck_{_MANDATE}_active_is_signed")),
        sa.UniqueConstraint("organisation_id", "reference", name=op.f(f"uq_{_MANDATE}_organisation_id_reference")),
    )  # fmt: skip
    op.create_index(
        "uq_direct_debit_mandate_in_force", _MANDATE, ["organisation_id", "account_id", "status"], unique=True,
        postgresql_where=sa.text("status <> 900"),
    )  # fmt: skip
    op.create_index("ix_direct_debit_mandate_account", _MANDATE, ["organisation_id", "account_id", "created_at"])

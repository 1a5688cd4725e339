"""Credit notes, lines that are given up, and a booking's last day.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from migrations import guards

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# What each widened check says from here on, and said before.
_CHECKS = (
    ("timer", "kind_is_known", "kind IN ('AUTO_CANCEL', 'QUOTE_EXPIRY', 'BOOKING_CLOSE')",
     "kind IN ('AUTO_CANCEL', 'QUOTE_EXPIRY')"),
    ("payment_review", "kind_is_known",
     "kind IN ('WRONG_AMOUNT', 'WRONG_CURRENCY', 'CONTRADICTION', 'UNKNOWN_PAYMENT', 'PRICE_CHANGED', 'NOT_REVIVED', "
     "'PART_PAYMENT')",
     "kind IN ('WRONG_AMOUNT', 'WRONG_CURRENCY', 'CONTRADICTION', 'UNKNOWN_PAYMENT', 'PRICE_CHANGED', "
     "'PART_PAYMENT')"),
    ("invoice", "series_is_of_invoices", "series = 'INV'", "series IN ('INV', 'CN')"),
)  # fmt: skip


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    for table, name, now, _ in _CHECKS:
        _replace_check(table, name, now)
    op.drop_constraint("ck_payment_allocation_amount_is_positive", "payment_allocation")
    op.create_check_constraint(
        op.f("ck_payment_allocation_amount_is_not_zero"), "payment_allocation", "amount_minor <> 0"
    )
    op.add_column("term_booking", sa.Column("closes_on", sa.Date(), nullable=True))
    op.add_column("term_booking_line", sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True))
    _make_credit_notes()
    guards.hold_credits()
    for table in guards.CREDIT_NOTES:
        guards.keep_tenants_apart(table, role)
        guards.refuse_changes(table)


def downgrade() -> None:
    """Refused by the older checks where credit notes have freed money or a timer of the new kind is kept."""
    for table in reversed(guards.CREDIT_NOTES):
        op.drop_table(table)
    guards.drop_credits()
    op.drop_column("term_booking_line", "cancelled_at")
    op.drop_column("term_booking", "closes_on")
    op.drop_constraint("ck_payment_allocation_amount_is_not_zero", "payment_allocation")
    op.create_check_constraint(
        op.f("ck_payment_allocation_amount_is_positive"), "payment_allocation", "amount_minor > 0"
    )
    for table, name, _, before in _CHECKS:
        _replace_check(table, name, before)


def _replace_check(table: str, name: str, rule: str) -> None:
    op.drop_constraint(f"ck_{table}_{name}", table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule)


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
        name=op.f(f"fk_{table}_organisation_id_{column}"),
    )  # fmt: skip


def _check(table: str, rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _money(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _key(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{table}")),
    )


def _make_credit_notes() -> None:
    op.create_table(
        "credit_note",
        *_key("credit_note"),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        *(_money(name) for name in ("net_minor", "tax_minor", "total_minor")),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("printed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        _check("credit_note", "series IN ('INV', 'CN', 'Q')", "series_is_known"),
        _check("credit_note", "series = 'CN'", "series_is_of_credit_notes"),
        _check("credit_note", "total_minor = net_minor + tax_minor", "net_and_tax_make_the_total"),
        _check("credit_note", "total_minor > 0", "total_is_positive"),
        _check("credit_note", "number > 0", "number_is_positive"),
        _refers("credit_note", "account_id", "account"),
        _refers("credit_note", "booking_id", "term_booking"),
        sa.UniqueConstraint(
            "organisation_id",
            "series",
            "year",
            "number",
            name=op.f("uq_credit_note_organisation_id_series_year_number"),
        ),
    )
    op.create_index("ix_credit_note_account", "credit_note", ["organisation_id", "account_id", "issued_at"])
    op.create_index("ix_credit_note_booking", "credit_note", ["organisation_id", "booking_id"])
    op.create_table(
        "credit_note_line",
        *_key("credit_note_line"),
        sa.Column("credit_note_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_line_id", sa.Uuid(), nullable=False),
        sa.Column("booking_line_id", sa.Uuid(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("session_date", sa.Date(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        *(_money(name) for name in ("net_minor", "tax_minor", "gross_minor")),
        sa.Column("tax_name", sa.String(), nullable=False),
        sa.Column("tax_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        _check("credit_note_line", "gross_minor = net_minor + tax_minor", "net_and_tax_make_the_gross"),
        _refers("credit_note_line", "credit_note_id", "credit_note"),
        _refers("credit_note_line", "invoice_line_id", "invoice_line"),
        _refers("credit_note_line", "booking_line_id", "term_booking_line"),
        sa.UniqueConstraint(
            "organisation_id", "credit_note_id", "invoice_line_id",
            name=op.f("uq_credit_note_line_organisation_id_credit_note_id_invoice_line_id"),
        ),
    )  # fmt: skip
    op.create_index("ix_credit_note_line_invoice_line", "credit_note_line", ["organisation_id", "invoice_line_id"])
    op.create_table(
        "credit_allocation",
        *_key("credit_allocation"),
        sa.Column("credit_note_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        _money("amount_minor"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _check("credit_allocation", "amount_minor > 0", "amount_is_positive"),
        _refers("credit_allocation", "credit_note_id", "credit_note"),
        _refers("credit_allocation", "invoice_id", "invoice"),
        sa.UniqueConstraint(
            "organisation_id", "credit_note_id", "invoice_id",
            name=op.f("uq_credit_allocation_organisation_id_credit_note_id_invoice_id"),
        ),
    )  # fmt: skip
    op.create_index("ix_credit_allocation_invoice", "credit_allocation", ["organisation_id", "invoice_id"])

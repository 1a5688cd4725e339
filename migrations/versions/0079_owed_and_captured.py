"""What of an invoice is asked, paid and credited is kept, and what of a payment a provider captured beside what the books
say of it, of what there is too; what may be owed without an invoice is found among the few entries that can be.

Revision: 0079, after 0078.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards, sums

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None

_READ = ("invoice", "payment_allocation", "credit_allocation", "payment", "ledger_entry", "ledger_posting")
_APART = "ix_ledger_entry_apart"
_MAY_BE_OWED = (
    "source_kind = 'PAYMENT' AND purpose <> 'CAPTURED' OR source_kind = 'DISPUTE' "
    "OR source_kind = 'WALLET_ENTRY' AND purpose = 'SET_OFF'"
)
_WERE_APART = (
    "source_kind NOT IN ('INVOICE', 'CREDIT_NOTE', 'PAYMENT_ALLOCATION', 'WRITE_OFF', 'RECOGNITION') "
    "AND (source_kind <> 'PAYMENT' OR purpose <> 'CAPTURED')"
)


def upgrade() -> None:
    ids, amounts = ("account_id", "billing_id"), ("total_minor", "paid_minor", "credited_minor")
    op.create_table(
        "receivable",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ids),
        *(sa.Column(name, sa.Date(), nullable=False) for name in ("issued_on", "due_on")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in amounts),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "capture",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("captured_minor", "posted_minor")),
    )
    # The owner is under row level security too, and names no organisation here.
    for table in _READ:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    _fill()
    for table in _READ:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    _close_table("receivable", "invoice", still="total_minor <> paid_minor + credited_minor", by="issued_on")
    _close_table("capture", "payment", still="captured_minor <> posted_minor", by="id")
    op.create_index("ix_receivable_moved", "receivable", ["organisation_id", "moved_at"])
    sums.keep_receivables()
    sums.keep_captures()
    op.drop_index(_APART, "ledger_entry")
    op.create_index(_APART, "ledger_entry", ["organisation_id", "posted_on"], postgresql_where=sa.text(_MAY_BE_OWED))


def _fill() -> None:
    op.execute("""
        INSERT INTO receivable (organisation_id, id, account_id, billing_id, issued_on, due_on, total_minor,
                                paid_minor, credited_minor, moved_at)
        SELECT v.organisation_id, v.id, v.account_id, v.billing_id, v.issued_on, v.due_on, v.total_minor,
               coalesce(p.minor, 0), coalesce(c.minor, 0), greatest(p.moved_at, c.moved_at)
        FROM invoice v
        LEFT JOIN (SELECT organisation_id, invoice_id, sum(amount_minor) AS minor, max(created_at) AS moved_at
                   FROM payment_allocation GROUP BY 1, 2) p ON p.organisation_id = v.organisation_id AND p.invoice_id = v.id
        LEFT JOIN (SELECT organisation_id, invoice_id, sum(amount_minor) AS minor, max(created_at) AS moved_at
                   FROM credit_allocation GROUP BY 1, 2) c ON c.organisation_id = v.organisation_id AND c.invoice_id = v.id
    """)
    op.execute("""
        INSERT INTO capture (organisation_id, id, captured_minor, posted_minor)
        SELECT organisation_id, id, sum(captured), sum(posted)
        FROM (SELECT organisation_id, id, amount_minor AS captured, 0 AS posted FROM payment
              WHERE status = 'SUCCESS' AND provider NOT IN ('manual', 'bank', 'cash', 'direct_debit', 'wallet')
              UNION ALL
              SELECT e.organisation_id, e.source_id, 0, p.amount_minor
              FROM ledger_posting p
              JOIN ledger_entry e ON e.organisation_id = p.organisation_id AND e.id = p.entry_id
              WHERE p.ledger_account = 'GATEWAY_CLEARING' AND e.source_kind = 'PAYMENT') each
        GROUP BY organisation_id, id
    """)


def _close_table(table: str, of: str, *, still: str, by: str) -> None:
    """Keys and indexes are made once, after the rows."""
    op.create_primary_key(op.f(f"pk_{table}"), table, ["organisation_id", "id"])
    op.create_foreign_key(op.f(f"fk_{table}_organisation_id_id"), table, of, ["organisation_id", "id"],
                          ["organisation_id", "id"])  # fmt: skip
    op.create_index(f"ix_{table}_open", table, ["organisation_id", by], postgresql_where=sa.text(still))
    guards.keep_tenants_apart(table, context.config.attributes.get("app_role", "termbook_app"))


def downgrade() -> None:
    op.drop_index(_APART, "ledger_entry")
    op.create_index(_APART, "ledger_entry", ["organisation_id", "posted_on"], postgresql_where=sa.text(_WERE_APART))
    sums.drop_captures()
    sums.drop_receivables()
    op.drop_table("capture")
    op.drop_table("receivable")

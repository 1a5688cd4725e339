"""What of an invoice line is invoiced, credited and earned is kept, of what there is too; documents, sessions and lines
that were given up are found by their days.

Revision: 0076, after 0075.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards, sums

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None

_TABLE = "deferral"
_READ = ("invoice_line", "credit_note_line", "revenue_recognition", "term_booking_line")
_DAYS = (
    ("ix_invoice_issued", "invoice", "issued_on", None), ("ix_credit_note_issued", "credit_note", "issued_on", None),
    ("ix_term_product_day", "term_product", "local_date", None),
    ("ix_term_booking_line_given_up", "term_booking_line", "cancelled_at", "cancelled_at IS NOT NULL"),
)  # fmt: skip


def upgrade() -> None:
    columns = ("booking_line_id", "term_product_id")
    amounts = ("invoiced_minor", "credited_minor", "earned_minor")
    op.create_table(
        _TABLE,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in columns),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in amounts),
    )
    # The owner is under row level security too, and names no organisation here.
    for table in _READ:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        INSERT INTO deferral (organisation_id, id, booking_line_id, term_product_id, invoiced_minor, credited_minor,
                              earned_minor)
        SELECT l.organisation_id, l.id, l.booking_line_id, b.term_product_id, l.net_minor, coalesce(k.minor, 0),
               coalesce(e.minor, 0)
        FROM invoice_line l
        JOIN term_booking_line b ON b.organisation_id = l.organisation_id AND b.id = l.booking_line_id
        LEFT JOIN (SELECT organisation_id, invoice_line_id, sum(net_minor) AS minor FROM credit_note_line
                   GROUP BY 1, 2) k ON k.organisation_id = l.organisation_id AND k.invoice_line_id = l.id
        LEFT JOIN (SELECT organisation_id, invoice_line_id, sum(amount_minor) AS minor FROM revenue_recognition
                   GROUP BY 1, 2) e ON e.organisation_id = l.organisation_id AND e.invoice_line_id = l.id
    """)
    for table in _READ:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    _close_table()
    guards.keep_tenants_apart(_TABLE, context.config.attributes.get("app_role", "termbook_app"))
    sums.keep_deferrals()
    for name, table, column, where in _DAYS:
        op.create_index(name, table, ["organisation_id", column], postgresql_where=where and sa.text(where))


def _close_table() -> None:
    """Keys and indexes are made once, after the rows."""
    op.create_primary_key(op.f(f"pk_{_TABLE}"), _TABLE, ["organisation_id", "id"])
    op.create_foreign_key(op.f(f"fk_{_TABLE}_organisation_id_id"), _TABLE, "invoice_line", ["organisation_id", "id"],
                          ["organisation_id", "id"])  # fmt: skip
    op.create_index("ix_deferral_session", _TABLE, ["organisation_id", "term_product_id"])
    op.create_index("ix_deferral_open", _TABLE, ["organisation_id", "term_product_id"],
                    postgresql_where=sa.text("invoiced_minor <> credited_minor + earned_minor"))  # fmt: skip


def downgrade() -> None:
    for name, table, _, _ in _DAYS:
        op.drop_index(name, table)
    sums.drop_deferrals()
    op.drop_table(_TABLE)

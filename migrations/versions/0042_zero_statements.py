"""Zero statements: a series of their own, whose numbers an invoice and a credit note have in common.

Revision: 0042, after 0049.
"""

from alembic import op

revision = "0042"
down_revision = "0049"
branch_labels = None
depends_on = None

# What each widened check says from here on, and said before.
_CHECKS = (
    *((table, "series_is_known", "series IN ('INV', 'CN', 'Q', 'ZS')", "series IN ('INV', 'CN', 'Q')")
      for table in ("document_counter", "invoice", "credit_note")),
    ("invoice", "series_is_of_invoices", "series IN ('INV', 'ZS')", "series = 'INV'"),
    ("credit_note", "series_is_of_credit_notes", "series IN ('CN', 'ZS')", "series = 'CN'"),
)  # fmt: skip


def upgrade() -> None:
    for table, name, now, _ in _CHECKS:
        _replace_check(table, name, now)


def downgrade() -> None:
    """Refused by the older checks where a zero statement was issued."""
    for table, name, _, before in _CHECKS:
        _replace_check(table, name, before)


def _replace_check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(f"ck_{table}_{name}", table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)

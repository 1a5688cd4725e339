"""What is taken back: matches of bank lines, spent money of a returned debit, credited parts of a write-off.

Revision: 0043, after 0042.
"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

_AMOUNTS = (("payment", "returned_owed_minor"), ("write_off", "restored_minor"))
_CHECKS = (
    ("payment", "owed_of_what_was_returned",
     "returned_owed_minor = 0 OR (returned_owed_minor BETWEEN 0 AND amount_minor AND status = 'FAILED')"),
    ("write_off", "restored_within_the_amount", "restored_minor BETWEEN 0 AND amount_minor"),
    ("bank_match", "undone_with_a_reason", "(undone_at IS NULL) = (undo_reason IS NULL)"),
)  # fmt: skip


_RETURNED = "ck_payment_only_a_debit_is_returned"


def upgrade() -> None:
    op.drop_constraint(_RETURNED, "payment")
    op.create_check_constraint(
        op.f("ck_payment_only_through_the_bank_is_returned"), "payment",
        "returned_at IS NULL OR (status = 'FAILED' AND (mandate_id IS NOT NULL OR provider = 'bank'))",
    )  # fmt: skip
    for table, column in _AMOUNTS:
        op.add_column(table, sa.Column(column, sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.add_column("bank_match", sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("bank_match", sa.Column("undone_by", sa.Uuid(), nullable=True))
    op.add_column("bank_match", sa.Column("undo_reason", sa.String(), nullable=True))
    for table, name, rule in _CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule)


def downgrade() -> None:
    """Refused by the older check where a transfer was taken back."""
    op.drop_constraint("ck_payment_only_through_the_bank_is_returned", "payment")
    op.create_check_constraint(
        op.f(_RETURNED), "payment", "returned_at IS NULL OR (mandate_id IS NOT NULL AND status = 'FAILED')"
    )
    for table, name, _ in _CHECKS:
        op.drop_constraint(f"ck_{table}_{name}", table)
    for column in ("undo_reason", "undone_by", "undone_at"):
        op.drop_column("bank_match", column)
    for table, column in _AMOUNTS:
        op.drop_column(table, column)

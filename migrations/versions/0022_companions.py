"""Companions of an order: each has a cause, says what its booking cost before, and is the only one of the two.

Revision: 0022, after 0021.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_TABLE = "term_booking_order"
_CHECKS = {
    "companion_says_what_was": "(cause_order_id IS NULL) = (was_minor IS NULL)",
    "companion_is_of_a_booking": "cause_order_id IS NULL OR (original_booking_id IS NOT NULL AND status IN (0, 350, 500))",
    "submitted_change_has_a_cause": "status <> 350 OR cause_order_id IS NOT NULL",
}


_KINDS = (
    "WRONG_AMOUNT", "WRONG_CURRENCY", "CONTRADICTION", "UNKNOWN_PAYMENT", "PRICE_CHANGED", "NOT_REVIVED", "PART_PAYMENT",
)  # fmt: skip


def _know_reviews(*kinds: str) -> None:
    name = op.f("ck_payment_review_kind_is_known")
    op.drop_constraint(name, "payment_review", type_="check")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(name, "payment_review", f"kind IN ({listed})")


def upgrade() -> None:
    _know_reviews(*_KINDS, "COMPANION_NOT_MADE")
    op.add_column(_TABLE, sa.Column("was_minor", sa.BigInteger(), nullable=True))
    for name, rule in _CHECKS.items():
        op.create_check_constraint(op.f(f"ck_{_TABLE}_{name}"), _TABLE, rule)
    op.create_foreign_key(
        op.f("fk_term_booking_order_organisation_id_cause_order_id"), _TABLE, _TABLE,
        ["organisation_id", "cause_order_id"], ["organisation_id", "id"],
    )  # fmt: skip
    op.create_index(
        "uq_term_booking_order_companion", _TABLE, ["organisation_id", "cause_order_id", "original_booking_id"],
        unique=True, postgresql_where=sa.text("cause_order_id IS NOT NULL AND status IN (350, 500)"),
    )  # fmt: skip


def downgrade() -> None:
    """Refused by the older check where a review of the new kind is kept."""
    op.drop_index("uq_term_booking_order_companion", _TABLE)
    op.drop_constraint(op.f("fk_term_booking_order_organisation_id_cause_order_id"), _TABLE, type_="foreignkey")
    for name in reversed(_CHECKS):
        op.drop_constraint(op.f(f"ck_{_TABLE}_{name}"), _TABLE, type_="check")
    op.drop_column(_TABLE, "was_minor")
    _know_reviews(*_KINDS)

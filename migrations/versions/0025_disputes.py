"""Disputed payments, and the reviews that tell finance of them.

Revision: 0025, after 0024.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_TABLE, _PAYMENT = "payment_dispute", "payment"
_CHECKS = {
    "status_is_known": "status IN ('OPEN', 'LOST', 'WON')",
    "amount_is_positive": "amount_minor > 0",
    "takes_no_more_than_is_disputed": "taken_minor BETWEEN 0 AND amount_minor",
    "owes_no_more_than_is_taken": "receivable_minor BETWEEN 0 AND taken_minor",
    "what_is_won_is_ours": "status <> 'WON' OR taken_minor = 0",
}
_WITHIN = "ck_payment_disputes_within_payment"
_KINDS = ("WRONG_AMOUNT", "WRONG_CURRENCY", "CONTRADICTION", "UNKNOWN_PAYMENT", "PRICE_CHANGED", "NOT_REVIVED",
          "PART_PAYMENT", "COMPANION_NOT_MADE")  # fmt: skip


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.create_table(
        _TABLE,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("provider", "external_id", "reason")),
        sa.Column("status", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False)
          for name in ("amount_minor", "taken_minor", "receivable_minor")),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("created_at", "updated_at")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{_TABLE}")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "payment_id"], ["payment.organisation_id", "payment.id"],
            name=op.f(f"fk_{_TABLE}_organisation_id_payment_id"),
        ),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{_TABLE}_{name}")) for name, rule in _CHECKS.items()),
        sa.UniqueConstraint("organisation_id", "provider", "external_id", "payment_id",
                            name=op.f(f"uq_{_TABLE}_organisation_id_provider_external_id_payment_id")),
    )  # fmt: skip
    op.create_index(f"ix_{_TABLE}_payment", _TABLE, ["organisation_id", "payment_id"])
    guards.keep_tenants_apart(_TABLE, role)
    op.add_column(_PAYMENT, sa.Column("disputed_minor", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.create_check_constraint(op.f(_WITHIN), _PAYMENT, "disputed_minor BETWEEN 0 AND amount_minor")
    _know_reviews(*_KINDS, "CHARGEBACK", "UNKNOWN_REFUND")


def downgrade() -> None:
    _know_reviews(*_KINDS)
    op.drop_constraint(op.f(_WITHIN), _PAYMENT)
    op.drop_column(_PAYMENT, "disputed_minor")
    op.drop_table(_TABLE)


def _know_reviews(*kinds: str) -> None:
    name = op.f("ck_payment_review_kind_is_known")
    op.drop_constraint(name, "payment_review", type_="check")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(name, "payment_review", f"kind IN ({listed})")

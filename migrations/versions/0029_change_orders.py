"""Change orders of quoted orders, and what admins adjust of a price with a change.

Revision: 0029, after 0028.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_ORDER, _TABLE = "term_booking_order", "term_booking_order_adjustment"
_OPEN_CHANGE = "uq_term_booking_order_open_change"
_OPEN = "cause_order_id IS NULL AND status IN (100, 200, 300, 475, 485)"
_OF_A_QUOTE = "fk_term_booking_order_organisation_id_original_order_id"
_HAS_A_BOOKING, _CHANGES_ONE = "approved_has_a_booking", "changes_a_booking_or_a_quote"
_CHECKS = {"amount_is_not_zero": "amount_minor <> 0", "reason_is_given": "reason <> ''"}


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.create_table(
        _TABLE,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("term_product_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{_TABLE}")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "order_id"], [f"{_ORDER}.organisation_id", f"{_ORDER}.id"], ondelete="CASCADE",
            name=op.f(f"fk_{_TABLE}_organisation_id_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "term_product_id"], ["term_product.organisation_id", "term_product.id"],
            name=op.f(f"fk_{_TABLE}_organisation_id_term_product_id"),
        ),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{_TABLE}_{name}")) for name, rule in _CHECKS.items()),
        sa.UniqueConstraint("organisation_id", "order_id", "term_product_id",
                            name=op.f(f"uq_{_TABLE}_organisation_id_order_id_term_product_id")),
    )  # fmt: skip
    guards.keep_tenants_apart(_TABLE, role)
    op.add_column(_ORDER, sa.Column("original_order_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f(_OF_A_QUOTE), _ORDER, _ORDER, ["organisation_id", "original_order_id"], ["organisation_id", "id"]
    )
    op.drop_constraint(op.f(f"ck_{_ORDER}_{_HAS_A_BOOKING}"), _ORDER)
    op.create_check_constraint(
        op.f(f"ck_{_ORDER}_{_HAS_A_BOOKING}"), _ORDER,
        "status NOT IN (450, 500) OR booking_id IS NOT NULL OR original_order_id IS NOT NULL",
    )  # fmt: skip
    op.create_check_constraint(
        op.f(f"ck_{_ORDER}_{_CHANGES_ONE}"), _ORDER, "original_booking_id IS NULL OR original_order_id IS NULL"
    )
    _one_open_change(f"(original_booking_id IS NOT NULL OR original_order_id IS NOT NULL) AND {_OPEN}")


def downgrade() -> None:
    op.execute(f"ALTER TABLE {_ORDER} NO FORCE ROW LEVEL SECURITY")
    op.drop_constraint(op.f(f"ck_{_ORDER}_{_CHANGES_ONE}"), _ORDER)
    op.drop_constraint(op.f(f"ck_{_ORDER}_{_HAS_A_BOOKING}"), _ORDER)
    # What changed a quote has no place in the older schema but as what was removed.
    op.execute(f"UPDATE {_ORDER} SET status = 0 WHERE original_order_id IS NOT NULL")
    op.create_check_constraint(
        op.f(f"ck_{_ORDER}_{_HAS_A_BOOKING}"), _ORDER, "status NOT IN (450, 500) OR booking_id IS NOT NULL"
    )
    _one_open_change(f"original_booking_id IS NOT NULL AND {_OPEN}")
    op.drop_constraint(op.f(_OF_A_QUOTE), _ORDER)
    op.drop_column(_ORDER, "original_order_id")
    op.execute(f"ALTER TABLE {_ORDER} FORCE ROW LEVEL SECURITY")
    op.drop_table(_TABLE)


def _one_open_change(where: str) -> None:
    op.drop_index(_OPEN_CHANGE, _ORDER)
    op.create_index(_OPEN_CHANGE, _ORDER, ["organisation_id", "group_id"], unique=True, postgresql_where=sa.text(where))

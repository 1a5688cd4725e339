"""Activities of holiday days: of a day and no time slot, with or without places of their own, chosen by order lines.

Revision: 0020, after 0019.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_DATED = "(starts_at IS NULL) = (ends_at IS NULL) AND (starts_at IS NULL) = (local_date IS NULL)"
_DATED_BY_TYPE = (
    "(starts_at IS NULL) = (ends_at IS NULL) AND CASE product_type WHEN 'ACTIVITY' "
    "THEN starts_at IS NULL AND local_date IS NOT NULL ELSE (starts_at IS NULL) = (local_date IS NULL) END"
)
_TABLE = "term_booking_order_activity"


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.drop_constraint(op.f("ck_term_product_dated_whole"), "term_product")
    op.create_check_constraint(op.f("ck_term_product_dated_whole"), "term_product", _DATED_BY_TYPE)
    op.alter_column("term_product", "capacity", nullable=True)
    op.create_check_constraint(
        op.f("ck_term_product_session_has_a_capacity"), "term_product",
        "product_type = 'ACTIVITY' OR capacity IS NOT NULL",
    )  # fmt: skip
    op.create_table(
        _TABLE,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("term_product_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{_TABLE}")),
        _refers("order_id", "term_booking_order", ondelete="CASCADE"),
        _refers("order_line_id", "term_booking_order_line", ondelete="CASCADE"),
        _refers("term_product_id", "term_product"),
        sa.UniqueConstraint(
            "organisation_id", "order_id", "term_product_id",
            name=op.f(f"uq_{_TABLE}_organisation_id_order_id_term_product_id"),
        ),
    )  # fmt: skip
    op.create_index("ix_term_booking_order_activity_line", _TABLE, ["organisation_id", "order_line_id"])
    op.create_index("ix_term_booking_order_activity_activity", _TABLE, ["organisation_id", "term_product_id"])
    guards.keep_tenants_apart(_TABLE, role)


def downgrade() -> None:
    """Activities have no place in the older schema, nor have the claims on them."""
    op.drop_table(_TABLE)
    for table in ("place_claim", "term_product"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM place_claim USING term_product s WHERE s.organisation_id = place_claim.organisation_id "
               "AND s.id = place_claim.term_product_id AND s.product_type = 'ACTIVITY'")  # fmt: skip
    op.execute("DELETE FROM term_product WHERE product_type = 'ACTIVITY'")
    for table in ("place_claim", "term_product"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.drop_constraint(op.f("ck_term_product_session_has_a_capacity"), "term_product")
    op.alter_column("term_product", "capacity", nullable=False)
    op.drop_constraint(op.f("ck_term_product_dated_whole"), "term_product")
    op.create_check_constraint(op.f("ck_term_product_dated_whole"), "term_product", _DATED)


def _refers(column: str, to: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"], ondelete=ondelete,
        name=op.f(f"fk_{_TABLE}_organisation_id_{column}"),
    )  # fmt: skip

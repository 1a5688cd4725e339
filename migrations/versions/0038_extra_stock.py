"""Extras with a stock: what is held of them with each place, and how many are taken at each session.

Revision: 0038, after 0037.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_READ = (
    "place_claim", "extra", "term_booking_order", "term_booking_order_line", "term_booking_order_extra",
    "term_booking_line", "term_booking_extra", "term_product",
)  # fmt: skip
# What is held when the tables are made: of the booking where there is one, else of the order.
_HELD = """
    INSERT INTO extra_claim (organisation_id, id, place_claim_id, extra_id, term_product_id, quantity)
    SELECT c.organisation_id, gen_random_uuid(), c.id, e.extra_id, c.term_product_id, sum(e.quantity)
    FROM place_claim c
    JOIN term_booking_order o ON o.organisation_id = c.organisation_id AND o.id = c.order_id
    CROSS JOIN LATERAL (
        SELECT x.extra_id, x.quantity FROM term_booking_line l
        JOIN term_booking_extra x ON x.organisation_id = l.organisation_id AND x.booking_line_id = l.id
        WHERE l.organisation_id = o.organisation_id AND l.booking_id = o.booking_id
          AND l.term_product_id = c.term_product_id AND l.cancelled_at IS NULL
        UNION ALL
        SELECT x.extra_id, x.quantity FROM term_booking_order_line l
        JOIN term_booking_order_extra x ON x.organisation_id = l.organisation_id AND x.order_line_id = l.id
        WHERE o.booking_id IS NULL AND l.organisation_id = o.organisation_id AND l.order_id = o.id
          AND l.term_product_id = c.term_product_id) e
    WHERE c.takes_place
    GROUP BY c.organisation_id, c.id, e.extra_id, c.term_product_id
"""


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.add_column("extra", sa.Column("stock", sa.Integer(), nullable=True))
    op.create_check_constraint(op.f("ck_extra_stock_is_not_negative"), "extra", "stock >= 0")
    _table(
        "extra_stock", ("extra_id", "extra", "CASCADE"), ("term_product_id", "term_product", "CASCADE"),
        columns=[sa.Column("stock", sa.Integer(), nullable=True), sa.Column("taken", sa.Integer(), nullable=False)],
        checks={"taken_within_stock": "taken >= 0 AND taken <= coalesce(stock, 2147483647)"},
    )  # fmt: skip
    op.create_unique_constraint(
        op.f("uq_extra_stock_organisation_id_extra_id_term_product_id"), "extra_stock",
        ["organisation_id", "extra_id", "term_product_id"],
    )  # fmt: skip
    _table(
        "extra_claim", ("place_claim_id", "place_claim", "CASCADE"), ("extra_id", "extra", None),
        ("term_product_id", "term_product", None), ("change_order_id", "term_booking_order", None),
        columns=[sa.Column("quantity", sa.Integer(), nullable=False)],
        checks={"quantity_is_sane": "quantity BETWEEN 1 AND 1000"},
    )  # fmt: skip
    for name, table, columns, where in (
        ("extra_stock_session", "extra_stock", ("term_product_id",), None),
        ("extra_claim_place", "extra_claim", ("place_claim_id",), None),
        ("extra_claim_extra", "extra_claim", ("extra_id", "term_product_id"), None),
        ("extra_claim_change", "extra_claim", ("change_order_id",), "change_order_id IS NOT NULL"),
    ):
        op.create_index(f"ix_{name}", table, ["organisation_id", *columns],
                        postgresql_where=sa.text(where) if where else None)  # fmt: skip
    guards.count_extras()
    for table in _READ:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(_HELD)
    for table in _READ:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table in ("extra_stock", "extra_claim"):
        guards.keep_tenants_apart(table, role)


def downgrade() -> None:
    guards.drop_extras()
    op.drop_table("extra_claim")
    op.drop_table("extra_stock")
    op.drop_constraint(op.f("ck_extra_stock_is_not_negative"), "extra")
    op.drop_column("extra", "stock")


def _table(
    table: str, *refers: tuple[str, str, str | None], columns: list[sa.Column[int]], checks: dict[str, str]
) -> None:
    op.create_table(
        table,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=name == "change_order_id") for name, _, _ in refers),
        *columns,
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{table}")),
        *(sa.ForeignKeyConstraint(["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
                                  name=op.f(f"fk_{table}_organisation_id_{column}"), ondelete=ondelete)
          for column, to, ondelete in refers),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in checks.items()),
    )  # fmt: skip

"""Venues, seats and their prices; a claim, a line and a ticket for a seat; tickets that were scanned.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLES = ("venue", "seat", "seat_price", "ticket_check_in")
_TYPES = "seat_type IN ('VIP', 'REGULAR', 'ECONOMY')"
# Columns that name a venue or a seat, with the table it is looked up in.
_COLUMNS = (
    ("term_program_set", "venue_id", "venue"), ("term_product", "venue_id", "venue"),
    ("term_booking_order_line", "seat_id", "seat"), ("term_booking_line", "seat_id", "seat"),
)  # fmt: skip
_A_SEAT = (
    "CASE WHEN is_seated AND takes_place THEN venue_id IS NOT NULL AND seat_id IS NOT NULL "
    "ELSE venue_id IS NULL AND seat_id IS NULL END"
)


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    _make_tables()
    for table, column, to in _COLUMNS:
        op.add_column(table, sa.Column(column, sa.Uuid(), nullable=True))
        _refer(table, (column,), to, ("id",))
    _add_flag("term_product")
    op.create_check_constraint(
        op.f("ck_term_product_seated_in_a_venue"), "term_product", "is_seated = (venue_id IS NOT NULL)"
    )
    _unique("term_product", "id", "is_seated")
    _unique("term_product", "id", "venue_id")
    _seat_claims()
    op.drop_column("term_booking", "ticket_reference")
    op.add_column("term_booking_line", sa.Column("ticket_reference", sa.String(), nullable=True))
    op.create_check_constraint(
        op.f("ck_term_booking_line_seat_has_a_ticket"), "term_booking_line",
        "(seat_id IS NULL) = (ticket_reference IS NULL)",
    )  # fmt: skip
    _unique("term_booking_line", "ticket_reference")
    for table in _TABLES:
        guards.keep_tenants_apart(table, role)


def downgrade() -> None:
    op.drop_table("ticket_check_in")
    op.drop_column("term_booking_line", "ticket_reference")
    op.add_column("term_booking", sa.Column("ticket_reference", sa.String(), nullable=True))
    op.drop_index("uq_place_claim_seat", "place_claim")
    for columns in ("term_product_id_is_seated", "term_product_id_venue_id", "venue_id_seat_id"):
        op.drop_constraint(f"fk_place_claim_organisation_id_{columns}", "place_claim")
    for column in ("seat_id", "venue_id", "is_seated"):
        op.drop_column("place_claim", column)
    _refer("place_claim", ("term_product_id",), "term_product", ("id",))
    op.drop_column("term_product", "is_seated")
    op.drop_table("seat_price")
    for table, column, _ in reversed(_COLUMNS):
        op.drop_column(table, column)
    op.drop_table("seat")
    op.drop_table("venue")


def _seat_claims() -> None:
    _add_flag("place_claim")
    op.add_column("place_claim", sa.Column("venue_id", sa.Uuid(), nullable=True))
    op.add_column("place_claim", sa.Column("seat_id", sa.Uuid(), nullable=True))
    op.drop_constraint("fk_place_claim_organisation_id_term_product_id", "place_claim")
    _refer("place_claim", ("term_product_id", "is_seated"), "term_product", ("id", "is_seated"))
    _refer("place_claim", ("term_product_id", "venue_id"), "term_product", ("id", "venue_id"))
    _refer("place_claim", ("venue_id", "seat_id"), "seat", ("venue_id", "id"))
    op.create_check_constraint(op.f("ck_place_claim_place_in_a_seated_session_is_a_seat"), "place_claim", _A_SEAT)
    op.create_index(
        "uq_place_claim_seat", "place_claim", ["organisation_id", "term_product_id", "seat_id"], unique=True,
        postgresql_where=sa.text("seat_id IS NOT NULL"),
    )  # fmt: skip


def _make_tables() -> None:
    op.create_table(
        "venue",
        *_key("venue"),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        _check("venue", "char_length(name) BETWEEN 1 AND 200", "name_has_a_sane_length"),
        _refers("venue", "site_id", "site"),
        _is_unique("venue", "site_id", "name"),
    )
    op.create_table(
        "seat",
        *_key("seat"),
        sa.Column("venue_id", sa.Uuid(), nullable=False),
        sa.Column("row_name", sa.String(), nullable=False),
        sa.Column("row_position", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("seat_type", sa.Text(), nullable=False),
        _check("seat", _TYPES, "seat_type_is_known"),
        _check("seat", "number BETWEEN 1 AND 1000 AND row_position >= 0", "position_is_sane"),
        _refers("seat", "venue_id", "venue"),
        _is_unique("seat", "venue_id", "row_name", "number"),
        _is_unique("seat", "venue_id", "id"),
    )
    op.create_table(
        "seat_price",
        *_key("seat_price"),
        sa.Column("term_program_set_id", sa.Uuid(), nullable=False),
        sa.Column("term_product_id", sa.Uuid(), nullable=True),
        sa.Column("seat_type", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        _check("seat_price", _TYPES, "seat_type_is_known"),
        _check("seat_price", "price_minor >= 0", "price_is_not_negative"),
        _refers("seat_price", "term_program_set_id", "term_program_set"),
        _refers("seat_price", "term_product_id", "term_product", ondelete="CASCADE"),
        _is_unique("seat_price", "term_program_set_id", "term_product_id", "seat_type", nulls_not_distinct=True),
    )
    op.create_index("ix_seat_price_session", "seat_price", ["organisation_id", "term_product_id"])
    op.create_table(
        "ticket_check_in",
        *_key("ticket_check_in"),
        sa.Column("booking_line_id", sa.Uuid(), nullable=False),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scanned_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        _refers("ticket_check_in", "booking_line_id", "term_booking_line", ondelete="CASCADE"),
        _is_unique("ticket_check_in", "booking_line_id"),
    )


def _key(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{table}")),
    )


def _check(table: str, rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _refers(table: str, column: str, to: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"], ondelete=ondelete,
        name=op.f(f"fk_{table}_organisation_id_{column}"),
    )  # fmt: skip


def _is_unique(table: str, *columns: str, nulls_not_distinct: bool = False) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(
        "organisation_id", *columns, name=op.f(f"uq_{table}_organisation_id_{'_'.join(columns)}"),
        postgresql_nulls_not_distinct=nulls_not_distinct,
    )  # fmt: skip


def _add_flag(table: str) -> None:
    op.add_column(table, sa.Column("is_seated", sa.Boolean(), server_default=sa.text("false"), nullable=False))


def _unique(table: str, *columns: str) -> None:
    op.create_unique_constraint(
        op.f(f"uq_{table}_organisation_id_{'_'.join(columns)}"), table, ["organisation_id", *columns]
    )


def _refer(table: str, columns: tuple[str, ...], to: str, keys: tuple[str, ...]) -> None:
    op.create_foreign_key(
        op.f(f"fk_{table}_organisation_id_{'_'.join(columns)}"), table, to,
        ["organisation_id", *columns], ["organisation_id", *keys],
    )  # fmt: skip

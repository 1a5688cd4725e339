"""Waiting lists: entries, all-or-nothing groups, offers with their timers, and how many wait for a session.

Revision: 0016, after 0015.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_KINDS = "('AUTO_CANCEL', 'QUOTE_EXPIRY', 'BOOKING_CLOSE')"
_ALL_KINDS = "('AUTO_CANCEL', 'QUOTE_EXPIRY', 'BOOKING_CLOSE', 'WAITING_OFFER', 'WAITING_SAVED')"
_TABLES = ("waiting_group", "waiting_entry")


_GIVE_BACK = """
    UPDATE term_product s SET taken = s.taken - c.places FROM (
        SELECT organisation_id, term_product_id, count(*) AS places FROM place_claim
        WHERE order_type = 1 AND takes_place GROUP BY organisation_id, term_product_id) c
    WHERE c.organisation_id = s.organisation_id AND c.term_product_id = s.id
"""


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.add_column("term_product", sa.Column("waiting_count", sa.Integer(), nullable=False, server_default="0"))
    op.create_check_constraint(
        op.f("ck_term_product_waiting_count_is_not_negative"), "term_product", "waiting_count >= 0"
    )
    op.create_index(
        "ix_term_product_awaited", "term_product", ["organisation_id", "id"],
        postgresql_where=sa.text("waiting_count > 0"),
    )  # fmt: skip
    op.add_column("timer", sa.Column("detail_id", sa.Uuid(), nullable=True))
    _know_kinds(_ALL_KINDS)
    op.drop_index("uq_timer_armed", "timer")
    _index("uq_timer_armed", "timer", "subject_id", "kind", where="status = 'ARMED' AND detail_id IS NULL", unique=True)
    _index("uq_timer_armed_detail", "timer", "detail_id", "kind", where="status = 'ARMED'", unique=True)
    _make_tables()
    for table in _TABLES:
        guards.keep_tenants_apart(table, role)


def downgrade() -> None:
    """Who waits is forgotten, with every timer about it and every place that was offered or saved."""
    for table in ("place_claim", "term_product", "timer"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(_GIVE_BACK)
    op.execute("DELETE FROM place_claim WHERE order_type = 1")
    op.execute("DELETE FROM timer WHERE kind IN ('WAITING_OFFER', 'WAITING_SAVED')")
    for table in ("place_claim", "term_product", "timer"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.drop_index("uq_timer_armed_detail", "timer")
    op.drop_index("uq_timer_armed", "timer")
    _index("uq_timer_armed", "timer", "subject_id", "kind", where="status = 'ARMED'", unique=True)
    _know_kinds(_KINDS)
    op.drop_column("timer", "detail_id")
    op.drop_index("ix_term_product_awaited", "term_product")
    op.drop_constraint(op.f("ck_term_product_waiting_count_is_not_negative"), "term_product")
    op.drop_column("term_product", "waiting_count")


def _know_kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_timer_kind_is_known"), "timer")
    op.create_check_constraint(op.f("ck_timer_kind_is_known"), "timer", f"kind IN {kinds}")


def _index(name: str, table: str, *columns: str, where: str | None = None, unique: bool = False) -> None:
    op.create_index(
        name, table, ["organisation_id", *columns], unique=unique, postgresql_where=sa.text(where) if where else None
    )


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[sa.DateTime]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{table}")),
    )


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
        name=op.f(f"fk_{table}_organisation_id_{column}"),
    )  # fmt: skip


def _check(rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_waiting_entry_{name}"))


def _make_tables() -> None:
    op.create_table(
        "waiting_group",
        *_key("waiting_group"),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        _moment("changed_at"),
        _moment("created_at"),
        _refers("waiting_group", "account_id", "account"),
    )
    op.create_table(
        "waiting_entry",
        *_key("waiting_entry"),
        sa.Column("reference", sa.String(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("order_id", "attendee_id", "term_product_id")),
        sa.Column("group_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _moment("since"),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        _moment("offer_expires_at", nullable=True),
        _moment("passed_over_at", nullable=True),
        sa.Column("passed_over_for", sa.String(), nullable=False),
        sa.Column("accepted_order_id", sa.Uuid(), nullable=True),
        _moment("created_at"),
        _moment("updated_at"),
        _check("status IN (10, 20, 30, 40, 50, 60, 70)", "status_is_known"),
        _check("status <> 30 OR (offer_id IS NOT NULL AND offer_expires_at IS NOT NULL)", "offer_has_its_end"),
        _check("status <> 20 OR group_id IS NOT NULL", "saved_for_a_group"),
        _check("(status = 40) = (accepted_order_id IS NOT NULL)", "accepted_into_an_order"),
        _refers("waiting_entry", "order_id", "term_booking_order"),
        _refers("waiting_entry", "attendee_id", "attendee"),
        _refers("waiting_entry", "term_product_id", "term_product"),
        _refers("waiting_entry", "group_id", "waiting_group"),
        _refers("waiting_entry", "accepted_order_id", "term_booking_order"),
        sa.UniqueConstraint("organisation_id", "reference", name=op.f("uq_waiting_entry_organisation_id_reference")),
    )
    live = "status IN (10, 20, 30)"
    _index("uq_waiting_entry_live", "waiting_entry", "attendee_id", "term_product_id", where=live, unique=True)
    _index("ix_waiting_entry_queue", "waiting_entry", "term_product_id", "since", "id", where=live)
    _index("ix_waiting_entry_order", "waiting_entry", "order_id")
    _index("ix_waiting_entry_offer", "waiting_entry", "offer_id", where="offer_id IS NOT NULL")
    _index("ix_waiting_entry_group", "waiting_entry", "group_id", where="group_id IS NOT NULL")

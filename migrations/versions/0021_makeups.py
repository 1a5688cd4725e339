"""Makeup credits, the lines that are booked with them, and when a roll was closed.

Revision: 0021, after 0020.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_TABLE, _LINE = "makeup_credit", "term_booking_order_line"
_REFERS = {
    "account_id": "account", "attendee_id": "attendee", "attendance_id": "term_attendance", "program_id": "program",
    "term_id": "term", "order_id": "term_booking_order", "session_id": "term_product",
}  # fmt: skip
_OPTIONAL = ("order_id", "session_id")
_CHECKS = {
    "status_is_known": "status IN (100, 200, 300, 800, 900)",
    "validity_is_positive": "validity_days > 0",
    "booked_whole": "(order_id IS NULL) = (session_id IS NULL)",
    "booked_by_an_order": "status NOT IN (200, 300) OR order_id IS NOT NULL",
    "free_of_orders": "status IN (200, 300) OR order_id IS NULL",
}


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.create_table(
        _TABLE,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=name in _OPTIONAL) for name in _REFERS),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("validity_days", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False)
          for name in ("expires_at", "created_at", "updated_at")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{_TABLE}")),
        *(_refers(_TABLE, column, to) for column, to in _REFERS.items()),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{_TABLE}_{name}")) for name, rule in _CHECKS.items()),
        *(sa.UniqueConstraint("organisation_id", column, name=op.f(f"uq_{_TABLE}_organisation_id_{column}"))
          for column in ("reference", "attendance_id")),
    )  # fmt: skip
    for name, columns in (("account", ("account_id", "created_at")), ("attendee", ("attendee_id", "term_id")),
                          ("order", ("order_id",))):  # fmt: skip
        op.create_index(f"ix_{_TABLE}_{name}", _TABLE, ["organisation_id", *columns])
    op.create_index(f"ix_{_TABLE}_expiry", _TABLE, ["organisation_id", "expires_at"],
                    postgresql_where=sa.text("status = 100"))  # fmt: skip
    guards.keep_tenants_apart(_TABLE, role)
    op.add_column(_LINE, sa.Column("makeup_credit_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f(f"fk_{_LINE}_organisation_id_makeup_credit_id"), _LINE, _TABLE, ["organisation_id", "makeup_credit_id"],
        ["organisation_id", "id"],
    )  # fmt: skip
    op.create_check_constraint(
        op.f(f"ck_{_LINE}_makeup_has_its_credit"), _LINE, "kind <> 'MAKEUP_SESSION' OR makeup_credit_id IS NOT NULL"
    )
    op.create_index(f"ix_{_LINE}_makeup", _LINE, ["organisation_id", "makeup_credit_id"],
                    postgresql_where=sa.text("makeup_credit_id IS NOT NULL"))  # fmt: skip
    op.add_column("term_product", sa.Column("roll_closed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("term_product", "roll_closed_at")
    op.drop_constraint(f"ck_{_LINE}_makeup_has_its_credit", _LINE)
    op.drop_column(_LINE, "makeup_credit_id")
    op.drop_table(_TABLE)
    # Their histories have no place in the older schema.
    op.execute("ALTER TABLE status_event DISABLE TRIGGER append_only, NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM status_event WHERE chart = 'makeup_credit'")
    op.execute("ALTER TABLE status_event ENABLE TRIGGER append_only, FORCE ROW LEVEL SECURITY")


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
        name=op.f(f"fk_{table}_organisation_id_{column}"),
    )  # fmt: skip

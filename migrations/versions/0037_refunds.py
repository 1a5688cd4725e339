"""Refund requests, one for each booking, and the money that is sent back by them.

Revision: 0037, after 0036.
"""

from typing import Any

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    _table(
        "refund_request", _text("reference"), _id("account_id"), _id("booking_id"),
        sa.Column("status", sa.SmallInteger(), nullable=False), _count("version"), _count("attempt"),
        _money("amount_minor"), sa.Column("destination", sa.Text(), nullable=False), _text("reason"), _text("note"),
        _id("resolved_by", nullable=True), _moment("resolved_at", nullable=True), _moment("created_at"),
        _moment("updated_at"), refers={"account_id": "account", "booking_id": "term_booking"},
        checks={
            "status_is_known": "status IN (100, 200, 900)",
            "destination_is_known": "destination IN ('WALLET', 'ORIGINAL')",
            "amount_is_positive": "amount_minor > 0",
            "attempts_are_counted": "attempt > 0",
            "resolved_with_its_time": "(status = 100) = (resolved_at IS NULL)",
        },
        once=("booking_id", "reference"),
    )  # fmt: skip
    _table(
        "refund", _id("request_id"), _id("account_id"), _id("payment_id"), _id("wallet_entry_id"),
        _money("amount_minor"), _text("currency"), _text("provider"), _text("external_id", nullable=True),
        sa.Column("status", sa.Text(), nullable=False), _text("failure_reason", nullable=True),
        _moment("asked_at", nullable=True), _moment("created_at"), _moment("updated_at"),
        refers={"request_id": "refund_request", "account_id": "account", "payment_id": "payment",
                "wallet_entry_id": "wallet_entry"},
        checks={"status_is_known": "status IN ('PENDING', 'SUCCEEDED', 'FAILED')",
                "amount_is_positive": "amount_minor > 0"},
        once=("wallet_entry_id",),
    )  # fmt: skip
    for name, table, columns, where in (
        ("refund_request_account", "refund_request", ("account_id",), None),
        ("refund_request_status", "refund_request", ("status", "created_at"), None),
        ("refund_request", "refund", ("request_id",), None),
        ("refund_payment", "refund", ("payment_id",), None),
        ("refund_open", "refund", ("asked_at",), "status = 'PENDING'"),
    ):
        op.create_index(f"ix_{name}", table, ["organisation_id", *columns],
                        postgresql_where=sa.text(where) if where else None)  # fmt: skip
    for table in ("refund_request", "refund"):
        guards.keep_tenants_apart(table, role)


def downgrade() -> None:
    op.drop_table("refund")
    op.drop_table("refund_request")
    # Their histories have no place in the older schema.
    op.execute("ALTER TABLE status_event DISABLE TRIGGER append_only, NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM status_event WHERE chart = 'refund_request'")
    op.execute("ALTER TABLE status_event ENABLE TRIGGER append_only, FORCE ROW LEVEL SECURITY")


def _id(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _count(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _money(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _table(
    table: str, *columns: sa.Column[Any], refers: dict[str, str], checks: dict[str, str], once: tuple[str, ...]
) -> None:
    op.create_table(
        table,
        _id("organisation_id"),
        _id("id"),
        *columns,
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{table}")),
        *(sa.ForeignKeyConstraint(["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
                                  name=op.f(f"fk_{table}_organisation_id_{column}")) for column, to in refers.items()),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in checks.items()),
        *(sa.UniqueConstraint("organisation_id", column, name=op.f(f"uq_{table}_organisation_id_{column}"))
          for column in once),
    )  # fmt: skip

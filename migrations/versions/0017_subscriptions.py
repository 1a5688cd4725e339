"""Subscriptions, the invoices that are planned for them, and those that an admin is to look at.

Revision: 0017, after 0016.
"""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from migrations import guards

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TABLES = ("subscription", "subscription_review", "invoice_schedule", "scheduled_line")
_DAYS = "'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'"


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    _make_subscriptions()
    _make_schedules()
    for table in _TABLES:
        guards.keep_tenants_apart(table, role)
    op.add_column("term_booking_order", sa.Column("subscription_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_term_booking_order_organisation_id_subscription_id"), "term_booking_order", "subscription",
        ["organisation_id", "subscription_id"], ["organisation_id", "id"],
    )  # fmt: skip
    op.create_check_constraint(
        op.f("ck_term_booking_order_subscription_has_its_order_type"), "term_booking_order",
        "(order_type = 4) = (subscription_id IS NOT NULL)",
    )  # fmt: skip
    op.create_index(
        "uq_term_booking_order_subscription_term", "term_booking_order",
        ["organisation_id", "subscription_id", "term_id"], unique=True,
        postgresql_where=sa.text("subscription_id IS NOT NULL AND status IN (100, 200, 300, 450, 475, 485, 500)"),
    )  # fmt: skip
    op.alter_column("billing_group", "term_id", nullable=True)
    op.add_column("billing_group", sa.Column("subscription_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_billing_group_organisation_id_subscription_id"), "billing_group", "subscription",
        ["organisation_id", "subscription_id"], ["organisation_id", "id"],
    )  # fmt: skip
    op.create_unique_constraint(
        op.f("uq_billing_group_organisation_id_subscription_id"), "billing_group",
        ["organisation_id", "subscription_id"],
    )  # fmt: skip
    op.create_check_constraint(
        op.f("ck_billing_group_of_a_term_or_a_subscription"), "billing_group",
        "(term_id IS NULL) <> (subscription_id IS NULL)",
    )  # fmt: skip


def downgrade() -> None:
    """Refused by the older schema where there are subscriptions."""
    op.drop_constraint(op.f("ck_billing_group_of_a_term_or_a_subscription"), "billing_group")
    op.drop_column("billing_group", "subscription_id")
    op.alter_column("billing_group", "term_id", nullable=False)
    op.drop_index("uq_term_booking_order_subscription_term", "term_booking_order")
    op.drop_constraint(op.f("ck_term_booking_order_subscription_has_its_order_type"), "term_booking_order")
    op.drop_column("term_booking_order", "subscription_id")
    for table in reversed(_TABLES):
        op.drop_table(table)


def _table(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *parts,
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{name}")),
    )


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
        name=op.f(f"fk_{table}_organisation_id_{column}"),
    )  # fmt: skip


def _check(table: str, rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(
        "organisation_id", *columns, name=op.f(f"uq_{table}_organisation_id_{'_'.join(columns)}")
    )


def _ids(*names: str) -> list["sa.Column[object]"]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in names]


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _make_subscriptions() -> None:
    name = "subscription"
    _table(
        name,
        sa.Column("reference", sa.String(), nullable=False),
        *_ids("account_id", "attendee_id", "program_id", "offering_id"),
        sa.Column("weekdays", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("notice_days", sa.Integer(), nullable=False),
        sa.Column("advance_days", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        *(_refers(name, f"{one}_id", to) for one, to in (
            ("account", "account"), ("attendee", "attendee"), ("program", "program"), ("offering", "term_program_set"),
        )),
        _check(name, "status IN (10, 20, 30, 40, 50)", "status_is_known"),
        _check(name, "period IN ('WEEKLY', 'FORTNIGHTLY', 'MONTHLY')", "period_is_known"),
        _check(name, "cardinality(weekdays) BETWEEN 1 AND 7", "has_weekdays"),
        _check(name, f"weekdays <@ ARRAY[{_DAYS}]", "weekdays_are_known"),
        _check(name, "notice_days >= 0 AND advance_days >= 0", "days_are_not_negative"),
        _check(name, "(status IN (30, 40)) = (ends_on IS NOT NULL)", "notice_has_a_last_day"),
        _unique(name, "reference"),
    )  # fmt: skip
    op.create_index("ix_subscription_account", name, ["organisation_id", "account_id", "created_at"])
    op.create_index("ix_subscription_attendee", name, ["organisation_id", "attendee_id"])
    op.create_index("ix_subscription_running", name, ["organisation_id", "offering_id"],
                    postgresql_where=sa.text("status IN (20, 30)"))  # fmt: skip
    name = "subscription_review"
    _table(
        name,
        *_ids("subscription_id", "offering_id"),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _moment("created_at"),
        _moment("resolved_at", nullable=True),
        sa.Column("resolution", sa.String(), nullable=False),
        _refers(name, "subscription_id", "subscription"),
        _refers(name, "offering_id", "term_program_set"),
        _unique(name, "subscription_id", "offering_id"),
    )
    op.create_index("ix_subscription_review_open", name, ["organisation_id", "created_at"],
                    postgresql_where=sa.text("resolved_at IS NULL"))  # fmt: skip


def _make_schedules() -> None:
    name = "invoice_schedule"
    _table(
        name,
        *_ids("booking_id"),
        *(sa.Column(day, sa.Date(), nullable=False) for day in ("period_from", "period_until", "issue_on")),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        _refers(name, "booking_id", "term_booking"),
        _refers(name, "invoice_id", "invoice"),
        _check(name, "status IN ('SCHEDULED', 'ISSUED', 'DROPPED')", "status_is_known"),
        _check(name, "(status = 'ISSUED') = (invoice_id IS NOT NULL)", "issued_has_an_invoice"),
        _check(name, "period_from <= period_until", "period_is_a_range"),
        _unique(name, "booking_id", "period_from"),
        _unique(name, "invoice_id"),
    )
    op.create_index("ix_invoice_schedule_due", name, ["organisation_id", "issue_on"],
                    postgresql_where=sa.text("status = 'SCHEDULED'"))  # fmt: skip
    name = "scheduled_line"
    _table(
        name,
        *_ids("schedule_id", "booking_line_id"),
        sa.Column("status", sa.Text(), nullable=False),
        _refers(name, "schedule_id", "invoice_schedule"),
        _refers(name, "booking_line_id", "term_booking_line"),
        _check(name, "status IN ('SCHEDULED', 'INVOICED', 'WAIVED', 'DROPPED')", "status_is_known"),
        _unique(name, "booking_line_id"),
    )
    op.create_index("ix_scheduled_line_schedule", name, ["organisation_id", "schedule_id"])

"""Invoices per period for every booking: what is planned twice, and the runs that issue what is due.

Revision: 0027, after 0026.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_SCHEDULE, _RUN, _LINE = "invoice_schedule", "invoice_run", "scheduled_line"
_ONCE_A_PERIOD = f"uq_{_SCHEDULE}_organisation_id_booking_id_period_from"
_OF_A_RUN = "fk_invoice_organisation_id_run_id"
_ACTORS = "'ADMIN', 'FINANCE', 'STAFF', 'FAMILY', 'GUEST', 'SYSTEM'"


def upgrade() -> None:
    op.create_table(
        _RUN,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("through", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("previewed_invoices", sa.Integer(), nullable=False),
        sa.Column("previewed_minor", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{_RUN}")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f(f"fk_{_RUN}_organisation_id")),
        sa.CheckConstraint("status IN ('RUNNING', 'DONE')", name=op.f(f"ck_{_RUN}_status_is_known")),
        sa.CheckConstraint(f"made_by IN ({_ACTORS})", name=op.f(f"ck_{_RUN}_made_by_is_known")),
        sa.CheckConstraint(
            "(status = 'DONE') = (finished_at IS NOT NULL)", name=op.f(f"ck_{_RUN}_done_has_its_moment")
        ),
        sa.CheckConstraint("previewed_invoices >= 0", name=op.f(f"ck_{_RUN}_counts_are_not_negative")),
    )
    op.create_index("uq_invoice_run_one_at_a_time", _RUN, ["organisation_id"], unique=True,
                    postgresql_where=sa.text("status = 'RUNNING'"))  # fmt: skip
    op.create_index("ix_invoice_run_started", _RUN, ["organisation_id", "started_at"])
    guards.keep_tenants_apart(_RUN, context.config.attributes.get("app_role", "termbook_app"))
    op.add_column("invoice", sa.Column("run_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f(_OF_A_RUN), "invoice", _RUN, ["organisation_id", "run_id"], ["organisation_id", "id"])
    op.create_index("ix_invoice_run", "invoice", ["organisation_id", "run_id"],
                    postgresql_where=sa.text("run_id IS NOT NULL"))  # fmt: skip
    op.drop_constraint(op.f(_ONCE_A_PERIOD), _SCHEDULE)
    op.create_index(
        "uq_invoice_schedule_planned_once", _SCHEDULE,
        ["organisation_id", "booking_id", "period_from", "period_until", "issue_on"], unique=True,
        postgresql_where=sa.text("status = 'SCHEDULED'"),
    )  # fmt: skip
    op.create_index("ix_invoice_schedule_booking", _SCHEDULE, ["organisation_id", "booking_id"])
    op.create_index("ix_scheduled_line_waived", _LINE, ["organisation_id", "booking_line_id"],
                    postgresql_where=sa.text("status = 'WAIVED'"))  # fmt: skip


def downgrade() -> None:
    """Refused by the older schema where a booking has two invoices of one period."""
    op.drop_index("ix_scheduled_line_waived", _LINE)
    op.drop_index("ix_invoice_schedule_booking", _SCHEDULE)
    op.drop_index("uq_invoice_schedule_planned_once", _SCHEDULE)
    op.create_unique_constraint(op.f(_ONCE_A_PERIOD), _SCHEDULE, ["organisation_id", "booking_id", "period_from"])
    op.drop_index("ix_invoice_run", "invoice")
    op.drop_constraint(op.f(_OF_A_RUN), "invoice")
    op.drop_column("invoice", "run_id")
    op.drop_table(_RUN)

"""Payment schedules: what a family agreed to pay when, and the debits that collect it.

Revision: 0019, after 0018.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_SCHEDULE, _INSTALMENT, _PAYMENT = "payment_schedule", "instalment", "payment"
_UNDER_WAY = "mandate_id IS NOT NULL AND status IN ('PENDING', 'PROCESSING')"


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    _make_schedules()
    guards.hold_schedules()
    for table in guards.SCHEDULES:
        guards.keep_tenants_apart(table, role)
        guards.refuse_changes(table)
    op.add_column(_PAYMENT, sa.Column("instalment_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f(f"fk_{_PAYMENT}_organisation_id_instalment_id"), _PAYMENT, _INSTALMENT,
        ["organisation_id", "instalment_id"], ["organisation_id", "id"],
    )  # fmt: skip
    op.create_index(
        "uq_payment_instalment", _PAYMENT, ["organisation_id", "instalment_id"], unique=True,
        postgresql_where=sa.text("instalment_id IS NOT NULL"),
    )  # fmt: skip
    _limit_debits(_UNDER_WAY.replace("AND", "AND instalment_id IS NULL AND", 1))


def downgrade() -> None:
    _limit_debits(_UNDER_WAY)
    op.drop_index("uq_payment_instalment", _PAYMENT)
    op.drop_column(_PAYMENT, "instalment_id")
    op.drop_table(_INSTALMENT)
    op.drop_table(_SCHEDULE)
    guards.drop_schedules()


def _limit_debits(where: str) -> None:
    op.drop_index("uq_payment_debit_under_way", _PAYMENT)
    op.create_index(
        "uq_payment_debit_under_way", _PAYMENT, ["organisation_id", "invoice_id"], unique=True,
        postgresql_where=sa.text(where),
    )  # fmt: skip


def _make_schedules() -> None:
    op.create_table(
        _SCHEDULE,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("billing_id", sa.Uuid(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{_SCHEDULE}")),
        sa.CheckConstraint("total_minor > 0", name=op.f(f"ck_{_SCHEDULE}_total_is_positive")),
        _refers(_SCHEDULE, "order_id", "term_booking_order"),
        _refers(_SCHEDULE, "billing_id", "billing"),
        sa.UniqueConstraint("organisation_id", "billing_id", name=op.f(f"uq_{_SCHEDULE}_organisation_id_billing_id")),
    )
    op.create_index("ix_payment_schedule_order", _SCHEDULE, ["organisation_id", "order_id", "agreed_at"])
    op.create_table(
        _INSTALMENT,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{_INSTALMENT}")),
        sa.CheckConstraint(
            "kind IN ('DEPOSIT', 'REST', 'INSTALMENT')", name=op.f(f"ck_{_INSTALMENT}_kind_is_known")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f(f"ck_{_INSTALMENT}_amount_is_positive")),
        _refers(_INSTALMENT, "schedule_id", _SCHEDULE),
        sa.UniqueConstraint(
            "organisation_id", "schedule_id", "position",
            name=op.f(f"uq_{_INSTALMENT}_organisation_id_schedule_id_position"),
        ),
    )  # fmt: skip
    op.create_index("ix_instalment_due", _INSTALMENT, ["organisation_id", "due_on"])


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
        name=op.f(f"fk_{table}_organisation_id_{column}"),
    )  # fmt: skip

"""What an expression of interest wishes for, and what became of it or of a trial.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ORDER, _BOOKING, _WISH = "term_booking_order", "term_booking", "term_booking_order_wish"


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    for table, column in (
        (_ORDER, "converts_order_id"),
        (_ORDER, "converted_into_id"),
        (_BOOKING, "converted_into_id"),
    ):
        op.add_column(table, sa.Column(column, sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_organisation_id_{column}"), table, _ORDER, ["organisation_id", column],
            ["organisation_id", "id"],
        )  # fmt: skip
    for table, name, rule in (
        (_ORDER, "only_a_booking_converts", "converts_order_id IS NULL OR order_type = 0"),
        (_ORDER, "converted_is_removed", "converted_into_id IS NULL OR (order_type IN (2, 5) AND status = 0)"),
        (_BOOKING, "only_a_trial_is_converted", "converted_into_id IS NULL OR order_type = 2"),
    ):
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule)
    op.create_index(
        "uq_term_booking_order_converts", _ORDER, ["organisation_id", "converts_order_id"], unique=True,
        postgresql_where=sa.text("converts_order_id IS NOT NULL AND status IN (300, 450, 475, 485, 500)"),
    )  # fmt: skip
    _make_wishes(role)


def downgrade() -> None:
    op.drop_table(_WISH)
    op.drop_index("uq_term_booking_order_converts", _ORDER)
    op.drop_column(_BOOKING, "converted_into_id")
    op.drop_column(_ORDER, "converted_into_id")
    op.drop_column(_ORDER, "converts_order_id")


def _make_wishes(role: str) -> None:
    op.create_table(
        _WISH,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("term_program_set_id", sa.Uuid(), nullable=True),
        sa.Column("program_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{_WISH}")),
        sa.CheckConstraint(
            "num_nonnulls(term_program_set_id, program_id) = 1", name=op.f(f"ck_{_WISH}_wishes_for_one_thing")
        ),
        _refers("order_id", _ORDER, ondelete="CASCADE"),
        _refers("term_program_set_id", "term_program_set"),
        _refers("program_id", "program"),
        sa.UniqueConstraint(
            "organisation_id", "order_id", "term_program_set_id", "program_id",
            name=op.f(f"uq_{_WISH}_organisation_id_order_id_term_program_set_id_program_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )  # fmt: skip
    op.create_index("ix_term_booking_order_wish_offering", _WISH, ["organisation_id", "term_program_set_id"])
    op.create_index("ix_term_booking_order_wish_program", _WISH, ["organisation_id", "program_id"])
    guards.keep_tenants_apart(_WISH, role)


def _refers(column: str, to: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
        name=op.f(f"fk_{_WISH}_organisation_id_{column}"), ondelete=ondelete,
    )  # fmt: skip

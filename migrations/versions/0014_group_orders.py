"""Group orders: orders of one account that are submitted together.

Revision: 0014, after 0013.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TABLES = ("group_order", "group_order_member")


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.create_table(
        "group_order",
        *_key("group_order"),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("term_id", sa.Uuid(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        _check("group_order", "policy IN ('ALL_OR_NOTHING', 'BEST_EFFORT')", "policy_is_known"),
        _check(
            "group_order", "made_by IN ('ADMIN', 'FINANCE', 'STAFF', 'FAMILY', 'GUEST', 'SYSTEM')", "made_by_is_known"
        ),
        _refers("group_order", "account_id", "account"),
        _refers("group_order", "term_id", "term"),
        _unique("group_order", "reference"),
    )
    op.create_index("ix_group_order_account", "group_order", ["organisation_id", "account_id", "created_at"])
    op.create_table(
        "group_order_member",
        *_key("group_order_member"),
        sa.Column("group_order_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        _check("group_order_member", "position >= 0", "position_is_not_negative"),
        _refers("group_order_member", "group_order_id", "group_order"),
        _refers("group_order_member", "order_id", "term_booking_order"),
        _unique("group_order_member", "order_id"),
        _unique("group_order_member", "group_order_id", "position"),
    )
    for table in _TABLES:
        guards.keep_tenants_apart(table, role)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _key(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{table}")),
    )


def _check(table: str, rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
        name=op.f(f"fk_{table}_organisation_id_{column}"),
    )  # fmt: skip


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    name = op.f(f"uq_{table}_organisation_id_{'_'.join(columns)}")
    return sa.UniqueConstraint("organisation_id", *columns, name=name)

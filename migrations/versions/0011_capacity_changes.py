"""Who changed how many places a session has, when and why.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "capacity_change",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("term_product_id", sa.Uuid(), nullable=False),
        sa.Column("from_capacity", sa.Integer(), nullable=False),
        sa.Column("to_capacity", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("from_capacity <> to_capacity", name=op.f("ck_capacity_change_is_a_change")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "term_product_id"], ["term_product.organisation_id", "term_product.id"],
            name=op.f("fk_capacity_change_organisation_id_term_product_id"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_capacity_change")),
    )  # fmt: skip
    op.create_index("ix_capacity_change_session", "capacity_change", ["organisation_id", "term_product_id", "at"])
    guards.keep_tenants_apart("capacity_change", context.config.attributes.get("app_role", "termbook_app"))


def downgrade() -> None:
    op.drop_table("capacity_change")

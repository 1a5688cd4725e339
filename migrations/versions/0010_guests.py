"""A guest account is found again by its e-mail address; two records of one child are brought together.

Revision: 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from migrations import guards

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.create_index(
        "uq_account_guest_email", "account", ["organisation_id", "email"], unique=True,
        postgresql_where=sa.text("kind = 'GUEST'"),
    )  # fmt: skip
    op.create_check_constraint(
        op.f("ck_account_guest_has_an_email"), "account", "kind <> 'GUEST' OR (email <> '' AND email = lower(email))"
    )
    op.create_table(
        "attendee_merge",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("keep_id", sa.Uuid(), nullable=False),
        sa.Column("merged_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("moved", postgresql.JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("keep_id <> merged_id", name=op.f("ck_attendee_merge_of_two")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "keep_id"], ["attendee.organisation_id", "attendee.id"],
            name=op.f("fk_attendee_merge_organisation_id_keep_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "merged_id"], ["attendee.organisation_id", "attendee.id"],
            name=op.f("fk_attendee_merge_organisation_id_merged_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_attendee_merge")),
    )  # fmt: skip
    guards.keep_tenants_apart("attendee_merge", role)
    guards.refuse_changes("attendee_merge")


def downgrade() -> None:
    op.drop_table("attendee_merge")
    op.drop_constraint(op.f("ck_account_guest_has_an_email"), "account")
    op.drop_index("uq_account_guest_email", "account")

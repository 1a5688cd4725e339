"""Passkeys of users, and the challenges that were answered.

Revision: 0048, after 0038.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0048"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.create_table(
        "passkey",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("sign_count >= 0", name=op.f("ck_passkey_sign_count_is_not_negative")),
        sa.CheckConstraint("label <> ''", name=op.f("ck_passkey_has_a_label")),
        sa.ForeignKeyConstraint(["organisation_id", "user_id"], ["user.organisation_id", "user.id"],
                                name=op.f("fk_passkey_organisation_id_user_id")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("organisation_id", "key_id", name=op.f("uq_passkey_organisation_id_key_id")),
    )  # fmt: skip
    op.create_index("ix_passkey_user", "passkey", ["organisation_id", "user_id"])
    op.create_table(
        "spent_challenge",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("challenge_hash", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"],
                                name=op.f("fk_spent_challenge_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_spent_challenge")),
        sa.UniqueConstraint("organisation_id", "challenge_hash",
                            name=op.f("uq_spent_challenge_organisation_id_challenge_hash")),
    )  # fmt: skip
    op.create_index("ix_spent_challenge_expires_at", "spent_challenge", ["organisation_id", "expires_at"])
    for table in ("passkey", "spent_challenge"):
        guards.keep_tenants_apart(table, role)


def downgrade() -> None:
    op.drop_table("spent_challenge")
    op.drop_table("passkey")

"""Discounts: promo codes with their redemptions, staff accounts, and the version of the terms behind each discount row.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ROWS = ("term_booking_order_discount", "term_booking_discount")
_TABLES = ("promo_code", "promo_redemption")


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.add_column("account", sa.Column("is_staff", sa.Boolean(), nullable=False, server_default="false"))
    op.alter_column("account", "is_staff", server_default=None)
    op.add_column("term_booking_order", sa.Column("promo_code", sa.String(), nullable=True))
    for table in _ROWS:
        op.alter_column(table, "rule_version", type_=sa.String(), postgresql_using="rule_version::text")
    _make_promo_codes()
    for table in _TABLES:
        guards.keep_tenants_apart(table, role)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
    for table in _ROWS:
        op.alter_column(table, "rule_version", type_=sa.Integer(), postgresql_using="1")
    op.drop_column("term_booking_order", "promo_code")
    op.drop_column("account", "is_staff")


def _make_promo_codes() -> None:
    op.create_table(
        "promo_code",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("used >= 0 AND used <= most", name=op.f("ck_promo_code_used_within_its_limit")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_promo_code_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_promo_code")),
        sa.UniqueConstraint("organisation_id", "code", name=op.f("uq_promo_code_organisation_id_code")),
    )  # fmt: skip
    op.create_table(
        "promo_redemption",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("is_once", sa.Boolean(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "account_id"], ["account.organisation_id", "account.id"],
            name=op.f("fk_promo_redemption_organisation_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "order_id"], ["term_booking_order.organisation_id", "term_booking_order.id"],
            name=op.f("fk_promo_redemption_organisation_id_order_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_promo_redemption")),
        sa.UniqueConstraint(
            "organisation_id", "order_id", name=op.f("uq_promo_redemption_organisation_id_order_id")
        ),
    )  # fmt: skip
    op.create_index(
        "uq_promo_redemption_once", "promo_redemption", ["organisation_id", "code", "account_id"], unique=True,
        postgresql_where=sa.text("is_once"),
    )  # fmt: skip

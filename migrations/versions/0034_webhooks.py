"""Webhooks for integrators: endpoints and the log of what was sent to them.

Revision: 0034, after 0033.
"""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from migrations import guards

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_ENDPOINT, _DELIVERY = "webhook_endpoint", "webhook_delivery"


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _table(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *parts,
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{name}")),
    )


def _check(table: str, rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    _table(
        _ENDPOINT,
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("topics", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("secret_version", sa.Integer(), nullable=False),
        _moment("created_at"),
        _moment("disabled_at", nullable=True),
        sa.Column("disabled_because", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f(f"fk_{_ENDPOINT}_organisation_id")),
        _check(_ENDPOINT, "url ~ '^https?://'", "url_is_of_the_web"),
        _check(_ENDPOINT, "secret_version > 0", "secret_version_is_positive"),
    )
    op.create_index("ix_webhook_endpoint_active", _ENDPOINT, ["organisation_id", "created_at"],
                    postgresql_where=sa.text("disabled_at IS NULL"))  # fmt: skip
    _table(
        _DELIVERY,
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _moment("happened_at"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _moment("next_attempt_at", nullable=True),
        sa.Column("answered", sa.Integer(), nullable=True),
        sa.Column("failure", sa.String(), nullable=False),
        _moment("created_at"),
        _moment("delivered_at", nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id", "endpoint_id"], [f"{_ENDPOINT}.organisation_id", f"{_ENDPOINT}.id"],
            name=op.f(f"fk_{_DELIVERY}_organisation_id_endpoint_id"),
        ),
        _check(_DELIVERY, "status IN ('WAITING', 'DELIVERED', 'GIVEN_UP')", "status_is_known"),
        _check(_DELIVERY, "(status = 'DELIVERED') = (delivered_at IS NOT NULL)", "delivered_has_its_moment"),
        _check(_DELIVERY, "(status = 'WAITING') = (next_attempt_at IS NOT NULL)", "waiting_has_its_next_attempt"),
        _check(_DELIVERY, "attempts >= 0", "attempts_are_not_negative"),
        sa.UniqueConstraint("organisation_id", "endpoint_id", "message_id",
                            name=op.f(f"uq_{_DELIVERY}_organisation_id_endpoint_id_message_id")),
    )  # fmt: skip
    op.create_index("ix_webhook_delivery_due", _DELIVERY, ["organisation_id", "next_attempt_at"],
                    postgresql_where=sa.text("status = 'WAITING'"))  # fmt: skip
    op.create_index("ix_webhook_delivery_created", _DELIVERY, ["organisation_id", "created_at"])
    role = context.config.attributes.get("app_role", "termbook_app")
    for table in (_ENDPOINT, _DELIVERY):
        guards.keep_tenants_apart(table, role)


def downgrade() -> None:
    op.drop_table(_DELIVERY)
    op.drop_table(_ENDPOINT)

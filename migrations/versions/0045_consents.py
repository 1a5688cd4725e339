"""Consents with the versions of their texts, and photos of children.

Revision: 0045, after 0044.
"""

from typing import Any

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    _table(
        "consent_text", _text("code"), sa.Column("version", sa.Integer(), nullable=False), _text("title"),
        _text("body"), sa.Column("is_retired", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        _id("written_by", nullable=True), _moment("created_at"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"],
                                name=op.f("fk_consent_text_organisation_id")),
        checks={
            "code_is_a_word": "code ~ '^[A-Z][A-Z0-9_]{1,39}$'",
            "versions_are_counted": "version > 0",
            "has_words": "char_length(title) BETWEEN 1 AND 200 AND char_length(body) BETWEEN 1 AND 8000",
        },
        once=("code", "version"),
    )  # fmt: skip
    _table(
        "consent", _id("attendee_id"), _id("text_id"), sa.Column("answer", sa.Text(), nullable=False),
        _text("actor_kind"),
        _id("actor_id", nullable=True), _moment("at"), refers={"attendee_id": "attendee", "text_id": "consent_text"},
        checks={"answer_is_known": "answer IN ('GIVEN', 'REFUSED', 'WITHDRAWN')"},
    )  # fmt: skip
    _table(
        "attendee_photo", _id("attendee_id"), sa.Column("content", sa.LargeBinary(), nullable=False), _text("mark"),
        _id("uploaded_by", nullable=True), _moment("created_at"), refers={"attendee_id": "attendee"},
        checks={"is_small": "octet_length(content) BETWEEN 100 AND 200000"}, once=("attendee_id",),
    )  # fmt: skip
    op.create_index("ix_consent_attendee", "consent", ["organisation_id", "attendee_id", "at"])
    for table in ("consent_text", "consent", "attendee_photo"):
        guards.keep_tenants_apart(table, role)
    for table in guards.CONSENTS:
        guards.refuse_changes(table)


def downgrade() -> None:
    for table in ("attendee_photo", "consent", "consent_text"):
        op.drop_table(table)


def _id(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=False)


def _moment(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _table(
    table: str, *columns: Any, refers: dict[str, str] | None = None, checks: dict[str, str], once: tuple[str, ...] = ()
) -> None:
    op.create_table(
        table,
        _id("organisation_id"),
        _id("id"),
        *columns,
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{table}")),
        *(sa.ForeignKeyConstraint(["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
                                  name=op.f(f"fk_{table}_organisation_id_{column}"))
          for column, to in (refers or {}).items()),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in checks.items()),
    )  # fmt: skip
    if once:
        op.create_unique_constraint(op.f(f"uq_{table}_organisation_id_{'_'.join(once)}"), table,
                                    ["organisation_id", *once])  # fmt: skip

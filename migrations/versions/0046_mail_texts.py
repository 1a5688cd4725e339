"""Texts of mails in an organisation's own words, the language of a family, and the mails that it stopped.

Revision: 0046, after 0043.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0046"
down_revision = "0043"
branch_labels = None
depends_on = None

_TEXT, _STOP = "mail_text", "mail_stop"


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.add_column("account", sa.Column("language", sa.String(), nullable=True))
    op.create_check_constraint(op.f("ck_account_language_is_known"), "account", "language IN ('en', 'fr')")
    op.create_table(
        _TEXT,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("body", sa.String(), nullable=True),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{_TEXT}")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f(f"fk_{_TEXT}_organisation_id")),
        _check("(subject IS NULL) = (body IS NULL)", "says_all_or_nothing"),
        _check("char_length(subject) BETWEEN 1 AND 300", "subject_has_a_sane_length"),
        _check("char_length(body) BETWEEN 1 AND 10000", "body_has_a_sane_length"),
        _check("subject !~ E'[\\\\r\\\\n]'", "subject_is_one_line"),
        _check("language IN ('en', 'fr')", "language_is_known"),
        _check("version > 0", "versions_are_counted"),
        sa.UniqueConstraint("organisation_id", "kind", "language", "version",
                            name=op.f(f"uq_{_TEXT}_organisation_id_kind_language_version")),
    )  # fmt: skip
    op.create_table(
        _STOP,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{_STOP}")),
        sa.ForeignKeyConstraint(["organisation_id", "account_id"], ["account.organisation_id", "account.id"],
                                name=op.f(f"fk_{_STOP}_organisation_id_account_id")),
        sa.UniqueConstraint("organisation_id", "account_id", "kind",
                            name=op.f(f"uq_{_STOP}_organisation_id_account_id_kind")),
    )  # fmt: skip
    for table in (_TEXT, _STOP):
        guards.keep_tenants_apart(table, role)
    guards.refuse_changes(_TEXT)


def _check(rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{_TEXT}_{name}"))


def downgrade() -> None:
    op.drop_table(_STOP)
    op.drop_table(_TEXT)
    op.drop_column("account", "language")

"""Names are found by an index: what they read like from each of their words is kept beside them.

Revision: 0052, after 0045.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0052"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.create_table(
        "search_text",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("attendee_id", sa.Uuid(), nullable=True),
        sa.Column("words", sa.Text(collation="C"), nullable=False),
        sa.CheckConstraint("num_nonnulls(account_id, attendee_id) = 1", name=op.f("ck_search_text_is_of_one")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_search_text")),
    )
    guards.keep_search_texts()
    for table, texts in (
        ("account", "account_texts(x.name, x.email, x.phone)"),
        ("attendee", "attendee_texts(x.name)"),
    ):
        # The owner too is bound by the policies, and is to see every organisation here.
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"""
            INSERT INTO search_text (organisation_id, id, {table}_id, words)
            SELECT x.organisation_id, gen_random_uuid(), x.id, t FROM {table} x CROSS JOIN LATERAL {texts} t
        """)
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table in ("account", "attendee"):
        of_it = sa.text(f"{table}_id IS NOT NULL")
        op.create_index(f"ix_search_text_of_{table}s", "search_text", ["organisation_id", "words", f"{table}_id"],
                        postgresql_where=of_it)  # fmt: skip
        op.create_index(f"ix_search_text_{table}", "search_text", ["organisation_id", f"{table}_id"],
                        postgresql_where=of_it)  # fmt: skip
        op.create_foreign_key(
            op.f(f"fk_search_text_organisation_id_{table}_id"), "search_text", table,
            ["organisation_id", f"{table}_id"], ["organisation_id", "id"], ondelete="CASCADE",
        )  # fmt: skip
    guards.keep_tenants_apart("search_text", role)


def downgrade() -> None:
    guards.drop_search_texts()
    op.drop_table("search_text")

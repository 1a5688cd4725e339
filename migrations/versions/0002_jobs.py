"""The job queue in a schema of its own, and which organisations have work waiting.

Revision: 0002, after 0001.

The queue's tables are procrastinate's, as the installed release declares them. The release is kept as the schema's
comment: a later migration that brings the queue forward reads it there to know which of procrastinate's own steps are
still missing. Its names are unqualified, so whoever uses the queue has the schema on the search path.
"""

from importlib.metadata import version

import sqlalchemy as sa
from alembic import context, op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    op.execute("CREATE SCHEMA procrastinate")
    _run_inside("procrastinate", SchemaManager.get_schema())
    op.execute(f"COMMENT ON SCHEMA procrastinate IS 'procrastinate {version('procrastinate')}'")
    op.execute(f"GRANT USAGE ON SCHEMA procrastinate TO {role}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA procrastinate TO {role}")
    op.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA procrastinate TO {role}")
    op.execute(_ORGANISATIONS_WITH_MESSAGES)
    op.execute(_ORGANISATIONS_WITH_DUE_TIMERS)


def downgrade() -> None:
    op.execute("DROP FUNCTION organisations_with_due_timers(timestamptz)")
    op.execute("DROP FUNCTION organisations_with_messages(text[])")
    op.execute("DROP SCHEMA procrastinate CASCADE")


def _run_inside(schema: str, script: str) -> None:
    """Run a script of many statements with that schema alone on the search path, and put the path back."""
    connection = op.get_bind()
    before = connection.execute(sa.text("SELECT current_setting('search_path')")).scalar_one()
    put = sa.text("SELECT set_config('search_path', :path, true)")
    connection.execute(put, {"path": schema})
    connection.exec_driver_sql(script, execution_options={"no_parameters": True})
    connection.execute(put, {"path": before})


# Workers walk all organisations twice a second, and row level security lets a query see one at a time. These look into
# each under its own policy, with one index probe, in a single round trip. They run as the caller and bypass nothing;
# the setting ends with the transaction.
_ORGANISATIONS_WITH_MESSAGES = """
    CREATE FUNCTION organisations_with_messages(topics text[]) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
    DECLARE
        one uuid;
    BEGIN
        FOR one IN SELECT id FROM public.tenant LOOP
            PERFORM set_config('app.organisation_id', one::text, true);
            IF EXISTS (
                SELECT FROM public.outbox_message
                WHERE organisation_id = one AND handed_over_at IS NULL AND topic = ANY (topics)
            ) THEN
                RETURN NEXT one;
            END IF;
        END LOOP;
    END $$
"""
_ORGANISATIONS_WITH_DUE_TIMERS = """
    CREATE FUNCTION organisations_with_due_timers(at timestamptz) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
    DECLARE
        one uuid;
    BEGIN
        FOR one IN SELECT id FROM public.tenant LOOP
            PERFORM set_config('app.organisation_id', one::text, true);
            IF EXISTS (
                SELECT FROM public.timer WHERE organisation_id = one AND status = 'ARMED' AND due_at <= at
            ) THEN
                RETURN NEXT one;
            END IF;
        END LOOP;
    END $$
"""

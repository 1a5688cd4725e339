"""Brings a database to the current schema, by the same migrations everywhere."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import migrations

# One migration at a time, whichever process starts first.
_MIGRATION_LOCK = 7_310_001


def sqlalchemy_url(url: str) -> str:
    """The same address, naming the psycopg 3 driver."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    return config


def migrate(owner_url: str, *, to: str = "head", app_role: str = "termbook_app") -> None:
    """Upgrade (or, with an older revision or `base`, downgrade) the schema; safe to call from several processes."""
    config = alembic_config()
    engine = sa.create_engine(sqlalchemy_url(owner_url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
        connection.commit()
        try:
            config.attributes.update(connection=connection, app_role=app_role)
            if _is_behind(config, connection, to):
                command.upgrade(config, to)
            elif to != "head":
                command.downgrade(config, to)
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})
            connection.commit()
    engine.dispose()


def _is_behind(config: Config, connection: sa.Connection, to: str) -> bool:
    """Whether `to` lies ahead of where the database is."""
    current = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    script = ScriptDirectory.from_config(config)
    target = script.get_current_head() if to == "head" else to
    if target == "base":
        return False
    ahead = {revision.revision for revision in script.iterate_revisions("head", current or "base")}
    return target in ahead

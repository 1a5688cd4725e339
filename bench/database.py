"""A database of the benchmark's own, on the server of DATABASE_URL or on the embedded one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa

from engine.schema import migrate
from engine.server import ensure_server
from engine.settings import Settings

DATABASE = "termbook_bench"


@contextmanager
def own_database(chosen: Settings) -> Iterator[str]:
    """A migrated database of the benchmark's own; dropped at the end, whatever happens."""
    with _server(chosen) as given:
        url = _in(given, DATABASE)
        _run(given, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", f"CREATE DATABASE {DATABASE}")
        try:
            migrate(url, app_role=chosen.app_role)
            yield url
        finally:
            _run(given, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


@contextmanager
def kept_database(
    chosen: Settings, name: str, build: Callable[[str], None], *, anew: bool = False
) -> Iterator[str]:  # fmt: skip
    """A database that is dear to build: built once, kept, and brought to the newest schema when it is used again."""
    with _server(chosen) as given:
        url, unfinished = _in(given, name), f"{name}_unfinished"
        if anew:
            _run(given, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        if not _is_there(given, name):
            _run(given, f"DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)", f"CREATE DATABASE {unfinished}")
            build(_in(given, unfinished))
            _run(given, f"ALTER DATABASE {unfinished} RENAME TO {name}")
        migrate(url, app_role=chosen.app_role)
        yield url


@contextmanager
def _server(chosen: Settings) -> Iterator[str]:
    """The address of a server's database that is ours to connect to."""
    server = None if chosen.database_url else ensure_server(chosen.data_directory)
    try:
        yield sa.make_url(server.url if server else chosen.database_url).render_as_string(hide_password=False)
    finally:
        if server is not None:
            server.stop()


def _in(given: str, name: str) -> str:
    return sa.make_url(given).set(database=name).render_as_string(hide_password=False)


def _is_there(given: str, name: str) -> bool:
    with psycopg.connect(given) as connection:
        return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def _run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)

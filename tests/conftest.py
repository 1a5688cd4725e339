"""One PostgreSQL for the whole run: `DATABASE_URL` if it is set, else the embedded server."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from engine.database import Database
from engine.schema import migrate

TEST_DATABASE = "termbook_test"


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that tests may make databases on, as a superuser."""
    given = os.environ.get("DATABASE_URL", "")
    if given:
        yield given
        return
    from engine.server import ensure_server

    server = ensure_server(Path(os.environ.get("TERMBOOK_TEST_DATA") or tmp_path_factory.mktemp("server")))
    yield server.url
    server.stop()


def fresh_database(server_url: str, name: str) -> str:
    """An empty database of that name on the server, migrated; returns its address."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    url = server_url.rsplit("/", 1)[0] + "/" + name
    migrate(url)
    return url


@pytest.fixture(scope="module")
def database_url(server_url: str, request: pytest.FixtureRequest) -> str:
    """A migrated database of this test module's own."""
    return fresh_database(server_url, f"{TEST_DATABASE}_{request.module.__name__.replace('.', '_')}"[:60])


@pytest.fixture(scope="module")
def database(database_url: str) -> Iterator[Database]:
    """The application's way into that database: as its role, under row level security."""
    database = Database(database_url)
    yield database
    database.close()

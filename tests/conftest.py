"""One PostgreSQL for the whole run: `DATABASE_URL` if it is set, else the embedded server."""

import gc
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import psycopg
import pytest
from argon2 import PasswordHasher

from api import passwords
from engine.check import check, report
from engine.database import Database
from engine.schema import migrate
from samples import sample
from tests.seed import same_examples
from workflows.charts import edges

TEST_DATABASE = "termbook_test"
# What takes longest, the longest first: at the end of the run no worker waits for another's long file.
LONG = (
    "api/test_openapi.py", "acceptance/test_run.py", "workflows/test_double_booking_matrix.py",
    "api/test_authorisation.py", "workflows/test_subscriptions.py", "acceptance/test_crash.py", "engine/test_check.py",
    "acceptance/test_race.py", "workflows/test_races_for_waiting.py", "engine/test_server.py",
    "engine/test_migrations.py", "workflows/test_chargebacks.py", "api/test_sign_in.py",
)  # fmt: skip
same_examples()
# A password costs a tenth of a second by design; hundreds of sign-ins are not to, nor the sample's people.
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
sample.PasswordHasher = lambda: passwords._hasher  # type: ignore[misc, assignment]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported for the tests stays: nobody looks through it for what does not, now or at every later look."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The pages before all else, so that each worker starts its browser once; then the long files, then the rest."""
    tests = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        file = item.path.relative_to(tests).as_posix()
        if file.startswith("web/"):
            return -1
        return LONG.index(file) if file in LONG else len(LONG)

    items.sort(key=place)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The address of a server that tests may make databases on, as a superuser."""
    given = os.environ.get("DATABASE_URL", "")
    if given:
        yield given
        return
    from engine.server import ensure_server

    folder = Path(tempfile.mkdtemp(prefix="termbook-tests-"))
    folder.chmod(0o755)  # ours; as root the server runs as another user
    with ensure_server(folder) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            # Nothing here is to outlive the run; what survives a crash is tested on servers of its own.
            for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
                connection.execute(f"ALTER SYSTEM SET {setting}")
            connection.execute("SELECT pg_reload_conf()")
        yield server.url
    shutil.rmtree(folder)


def database_named(server_url: str, name: str) -> str:
    """The address of a database of the server."""
    return server_url.rsplit("/", 1)[0] + "/" + name


def fresh_database(server_url: str, name: str, *, template: str = "template1") -> str:
    """A new database of that name on the server, a copy of the template; returns its address."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        # Nothing here is to outlive the run.
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    return database_named(server_url, name)


def drop_database(server_url: str, name: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def migrated_template(server_url: str) -> Iterator[str]:
    """The name of a database that `alembic upgrade head` made; modules work on copies of it."""
    name = f"{TEST_DATABASE}_{os.getpid()}"
    migrate(fresh_database(server_url, name))
    yield name
    drop_database(server_url, name)


@pytest.fixture(scope="module")
def database_url(server_url: str, migrated_template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database of this test module's own."""
    name = f"{migrated_template}_{request.module.__name__.rpartition('.')[2]}"[:60]
    yield fresh_database(server_url, name, template=migrated_template)
    drop_database(server_url, name)


@pytest.fixture(scope="module")
def database(database_url: str) -> Iterator[Database]:
    """The application's way into that database: as its role, under row level security."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture(scope="module")
def checked_database(database: Database) -> Iterator[Database]:
    """The same; whatever the tests of the module did, every invariant holds over all of it when they are through."""
    yield database
    breaches = check(database, edges=edges())
    assert not breaches, report(breaches)

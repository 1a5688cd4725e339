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
    "acceptance/test_run.py", "acceptance/test_crash.py", "api/test_openapi.py", "engine/test_check.py",
    "workflows/test_races_for_waiting.py", "acceptance/test_race.py", "workflows/test_double_booking_matrix.py",
    "workflows/test_chargebacks.py", "workflows/test_races_with_timeouts.py", "engine/test_server.py",
    "workflows/test_races_for_time.py", "billing/test_gateway_contract.py", "workflows/test_payment_events.py",
    "workflows/test_subscriptions.py", "engine/test_worker.py", "workflows/test_races_with_bookings.py",
    "workflows/test_races_for_groups.py", "workflows/test_invoice_runs.py",
    "workflows/test_races_for_passes_unguarded.py", "workflows/test_trial_conversion.py", "acceptance/test_demo.py",
    "billing/test_gateway_sandbox.py", "workflows/test_payment_story.py", "acceptance/test_pay_now.py",
    "workflows/test_random_steps.py",
)  # fmt: skip
# Nothing here is to outlive the run; what survives a crash is tested on servers of its own.
HASTY = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_wal_size = '128MB'")
# What the servers of several workers may take at most, with room to spare.
ROOM_BYTES = 4 * 1024**3
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


@pytest.hookimpl(optionalhook=True)  # also where tests run without it
def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: a quarter of the time a worker waits, for its browser or for the clock."""
    cores = len(os.sched_getaffinity(0))
    return cores + cores // 2


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

    folder = Path(tempfile.mkdtemp(prefix="termbook-tests-", dir=_memory()))
    folder.chmod(0o755)  # ours; as root the server runs as another user
    with ensure_server(folder) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            for setting in HASTY:
                connection.execute(f"ALTER SYSTEM SET {setting}")
            connection.execute("SELECT pg_reload_conf()")
        yield server.url
    shutil.rmtree(folder)


def _memory() -> str | None:
    """Where files are kept in memory, if there is plenty: every module makes a thousand files and removes them."""
    shared = Path("/dev/shm")
    has_room = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > ROOM_BYTES
    return str(shared) if has_room else None


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

"""A centre of the door, who works there, and tablets at hand."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from api.app import create_app
from engine.clock import SetClock
from engine.database import Database
from engine.settings import Settings
from samples.sample import make_sample
from tests.api.conftest import serving
from tests.builders import NOW
from tests.ports import free_port
from tests.web.conftest import SLUG, Centre
from tests.web.staff.tablets import Server, Tablet


@pytest.fixture(scope="module")
def centre(database_url: str, checked_database: Database) -> Iterator[Centre]:
    """A sample centre of this module's own, without a payment provider: nobody pays at the door."""
    sample, clock = make_sample(database_url, checked_database, slug=SLUG, name="Centre 7", now=NOW), SetClock(NOW)
    port = free_port()
    settings = Settings(cookie_secure=False, secret="for tests", base_url=f"http://127.0.0.1:{port}")
    app = create_app(settings, database=checked_database, clock=clock, gateways={})
    with serving(app, port=port) as url:
        yield Centre(url, sample, checked_database, clock, None, settings)  # type: ignore[arg-type]


@pytest.fixture
def server(centre: Centre) -> Iterator[Server]:
    server = Server(centre)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def tablet(browser: Browser, server: Server, tmp_path: Path) -> Iterator[Callable[[str], Tablet]]:
    with ExitStack() as stack:

        def make(name: str) -> Tablet:
            made = Tablet(browser, tmp_path / name, server)
            stack.callback(made.stop)
            return made

        yield make

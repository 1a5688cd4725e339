"""The sample centre behind a real server, its sandbox payments, and people with browsers."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Browser

from api.app import create_app
from engine.clock import Clock
from engine.database import Database
from engine.logs import configure_logs
from engine.settings import Settings
from models import Role
from samples.sample import PASSWORD, Sample, make_sample
from tests.api.conftest import serving
from tests.billing.sandbox import Sandbox, sandbox_at_hand
from tests.builders import NOW
from tests.ports import free_port
from tests.web.browsing import Person, person, running_browser, signed_in_as

configure_logs("error")

SLUG = "centre7"
PEOPLE = {Role.FAMILY: "rossi@family.example", Role.STAFF: "staff@centre7.example",
          Role.ADMIN: "admin@centre7.example", Role.FINANCE: "finance@centre7.example"}  # fmt: skip
CHEN = "chen@family.example"
FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@dataclass
class Centre:
    """The sample centre, served."""

    url: str
    sample: Sample
    database: Database
    clock: Clock
    sandbox: Sandbox
    settings: Settings

    @property
    def organisation_id(self) -> UUID:
        return self.sample.organisation_id

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        with self.database.transaction(self.organisation_id) as tx:
            return tx.rows(sql, **parameters)

    def edit(self, work: Callable[..., Any], *given: Any, **more: Any) -> Any:
        return self.database.run(self.organisation_id, lambda tx: work(tx, *given, **more))


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox_at_hand(tmp_path_factory.mktemp("sandbox") / "own.sqlite3") as sandbox:
        yield sandbox


@contextmanager
def served_centre(
    database_url: str, database: Database, sandbox: Sandbox, *, host: str = "127.0.0.1"
) -> Iterator[Centre]:  # fmt: skip
    """The sample centre of a module, as browsers reach it under that name."""
    sample = make_sample(database_url, database, slug=SLUG, name="Centre 7", now=NOW)
    port = free_port()
    settings = Settings(
        cookie_secure=False, secret="for tests", base_url=f"http://{host}:{port}", sandbox_gateway_url=sandbox.url
    )
    gateways = {"sandbox": sandbox.gateway}
    app = create_app(settings, database=database, clock=sandbox.clock, gateways=gateways)
    with serving(app, port=port) as url:
        # The first page compiles its templates: nobody's browser is to wait for that on a busy machine.
        httpx.get(f"{url}/at/{SLUG}/sign-in", timeout=120).raise_for_status()
        yield Centre(settings.base_url, sample, database, sandbox.clock, sandbox, settings)


@pytest.fixture(scope="module")
def centre(database_url: str, checked_database: Database, sandbox: Sandbox) -> Iterator[Centre]:
    """A sample centre of this module's own; every invariant holds over it when the module is through."""
    with served_centre(database_url, checked_database, sandbox) as found:
        yield found


@contextmanager
def enter(centre: Centre, email: str = "rossi@family.example", *, slug: str = SLUG) -> Iterator[httpx.Client]:
    """A browser that is signed in."""
    with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
        token = dict(FIELD.findall(client.get(f"/at/{slug}/sign-in").text))["form_token"]
        given = {"form_token": token, "email": email, "password": PASSWORD}
        assert client.post(f"/at/{slug}/sign-in", data=given).status_code == 303
        yield client


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all of these tests: everybody has a profile of their own in it."""
    with running_browser() as browser:
        yield browser


Somebody = Callable[..., Person]


@pytest.fixture
def somebody(browser: Browser, centre: Centre) -> Iterator[Somebody]:
    """Opens a browser for somebody: `somebody(size="phone", scripts=False)`; all are closed when the test is over."""
    with ExitStack() as stack:
        yield lambda **wanted: stack.enter_context(person(browser, centre.url, **wanted))


@pytest.fixture
def signed_in(centre: Centre, somebody: Somebody) -> Somebody:
    """The same, signed in by e-mail address before they come: `signed_in("rossi@family.example", size="phone")`.

    The form of the sign-in is filled in where it is meant: in the flows, with scripts and without, in each size.
    """

    def come(email: str, **wanted: Any) -> Person:
        with enter(centre, email) as client:
            return signed_in_as(somebody(**wanted), client)

    return come

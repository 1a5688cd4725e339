"""Everybody at a browser of each size, with scripts and without; they are signed in before they come."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import httpx
import pytest
from playwright.sync_api import Browser

from tests.web.browsing import Person, person, signed_in_as
from tests.web.conftest import CHEN, PEOPLE, Centre
from tests.web.flows.ways import WAYS, Way
from tests.web.test_family_forms import enter

Door = Callable[..., Person]


@pytest.fixture(scope="module", params=WAYS, ids=lambda each: f"{each[0]}-{'scripts' if each[1] else 'plain'}")
def way(request: pytest.FixtureRequest) -> Way:
    """Of the module, so that all flows of one way come after one another and share their browsers."""
    return Way(*request.param)


@pytest.fixture(scope="module")
def clients(centre: Centre) -> Iterator[dict[str, httpx.Client]]:
    """Everybody, signed in."""
    with ExitStack() as stack:
        emails = (*PEOPLE.values(), CHEN)
        yield {email: stack.enter_context(enter(centre, email)) for email in emails}


@pytest.fixture(scope="module")
def people(browser: Browser, centre: Centre, clients: dict[str, httpx.Client], way: Way) -> Iterator[Door]:
    """A browser profile is dear: each person has one for all flows of a way."""
    with ExitStack() as stack:

        @cache
        def come(email: str) -> Person:
            found = stack.enter_context(person(browser, centre.url, size=way.size, scripts=way.scripts))
            return signed_in_as(found, clients[email]) if email else found

        yield come


@pytest.fixture
def door(people: Door) -> Door:
    """A browser of this size for somebody: `door(PEOPLE[Role.FAMILY])`; nobody's is a guest's, whom nobody knows."""

    def come(email: str = "") -> Person:
        found = people(email)
        found.errors.clear()
        if not email:
            found.page.context.clear_cookies()
        return found

    return come

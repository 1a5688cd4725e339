"""Whatever changes something refuses what no page of ours sent: every route of the application is tried, none is named.

A new route is tried with the rest from the day on which it is added.
"""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from api.app import create_app
from models import Role
from tests.web.conftest import PEOPLE, SLUG, Centre
from tests.web.test_family_forms import FIELD, enter
from web.portals import PORTALS, is_page
from workflows.guests import guest_link

SAFE = {"GET", "HEAD", "OPTIONS"}
NOBODY = UUID(int=7)
WORDS = {"centre": SLUG, "day": "2026-04-12", "link": "a-link", "name": "terms", "kind": "confirmed",
         "language": "en", "code": "SUN10"}  # fmt: skip
GATE = ("cross_site", "unsupported_media_type")
# Whose it is, is said by the signed address alone, whoever is signed in; a mail program that stops mails by one click
# (RFC 8058) has no token.
BY_ITS_ADDRESS = {"/mail/stop/a-link"}
ELSEWHERE = "https://evil.example"


@pytest.fixture(scope="module")
def app(centre: Centre) -> FastAPI:
    return create_app(centre.settings, database=centre.database, clock=centre.clock, gateways={})


def changing(app: FastAPI, *, pages: bool) -> list[tuple[str, str]]:
    """Method and address of each route that may change something."""
    found = {
        (method, address_of(route.path))
        for route in iter_route_contexts(app.routes)
        if route.path is not None and is_page(route.path) is pages
        for method in (route.methods or set()) - SAFE
    }
    return sorted(found)


def address_of(path: str) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda part: WORDS.get(part[1], str(NOBODY)), path)


def role_of(address: str) -> Role:
    return next((role for role, portal in PORTALS.items() if address.startswith(portal.home)), Role.FAMILY)


@pytest.fixture(scope="module")
def people(centre: Centre) -> Iterator[dict[Role, httpx.Client]]:
    """Each signed in, as the pages of their role expect them."""
    entered = {role: enter(centre, email) for role, email in PEOPLE.items()}
    clients = {role: way.__enter__() for role, way in entered.items()}
    yield clients
    for way in entered.values():
        way.__exit__(None, None, None)


def token_of(client: httpx.Client, role: Role) -> str:
    return dict(FIELD.findall(client.get(PORTALS[role].home).text))["form_token"]


def everything(centre: Centre) -> dict[str, Any]:
    """What is kept of this centre, table by table, as one number each."""
    tables = centre.rows(
        "SELECT table_name AS name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND column_name = 'organisation_id' ORDER BY 1"
    )
    assert len(tables) > 50
    each = " UNION ALL ".join(
        f"SELECT '{table['name']}' AS name, count(*) AS n, sum(hashtext(t::text)) AS content "
        f'FROM "{table["name"]}" t WHERE organisation_id = %(org)s' for table in tables
    )  # fmt: skip
    return {row["name"]: (row["n"], row["content"]) for row in centre.rows(each)}


class TestFormsOfPages:
    def test_without_the_token_of_the_visit_nothing_is_done(
        self, centre: Centre, app: FastAPI, people: dict[Role, httpx.Client]
    ) -> None:
        link = guest_link(centre.settings.secret, centre.organisation_id, NOBODY, now=centre.clock.now())
        routes = [(method, address.replace("/order/a-link/", f"/order/{link}/"))
                  for method, address in changing(app, pages=True) if address not in BY_ITS_ADDRESS]  # fmt: skip
        strangers = {}
        for role, email in PEOPLE.items():  # the same person, in another sign-in
            with enter(centre, email) as other:
                strangers[role] = token_of(other, role)
        before = everything(centre)

        done = []
        for method, address in routes:
            role = role_of(address)
            for token in ({}, {"form_token": ""}, {"form_token": strangers[role]}):
                answer = people[role].request(method, address, data={**token, "form_key": "one"})
                if answer.status_code != 403 or "This form is out of date" not in answer.text:
                    done.append((method, address, token, answer.status_code))

        assert len(routes) > 100
        assert done == []
        assert everything(centre) == before

    def test_with_it_each_is_looked_at(self, app: FastAPI, people: dict[Role, httpx.Client]) -> None:
        """The control: it is the token alone for which they are refused above."""
        routes = [route for route in changing(app, pages=True) if route[1] not in ("/sign-out", f"/at/{SLUG}/sign-in")]
        tokens = {role: token_of(client, role) for role, client in people.items()}

        refused = []
        for method, address in routes:
            role = role_of(address)
            answer = people[role].request(method, address, data={"form_token": tokens[role]})
            if "This form is out of date" in answer.text or answer.status_code in (401, 405, 415, 500):
                refused.append((method, address, answer.status_code))

        assert refused == []


class TestFormsOfOtherSites:
    @pytest.mark.parametrize("type_", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
    def test_reach_no_page(self, app: FastAPI, people: dict[Role, httpx.Client], type_: str) -> None:
        tokens = {role: token_of(client, role) for role, client in people.items()}

        reached = []
        for method, address in changing(app, pages=True):
            role = role_of(address)
            headers = {"Content-Type": type_, "Origin": ELSEWHERE}
            answer = people[role].request(method, address, content=f"form_token={tokens[role]}", headers=headers)
            if answer.status_code not in (403, 415):
                reached.append((method, address, answer.status_code))

        assert reached == []

    @pytest.mark.parametrize("content", ["a=b", ""], ids=["filled", "empty"])
    @pytest.mark.parametrize("origin", [{"Origin": ELSEWHERE}, {}], ids=["named", "unnamed"])
    def test_reach_nothing_of_the_api(
        self, app: FastAPI, people: dict[Role, httpx.Client], content: str, origin: dict[str, str]
    ) -> None:
        """The cookie of a sign-in goes with them; what the providers of payments send is known by its signature."""
        routes = [one for one in changing(app, pages=False) if not one[1].startswith("/webhooks/")]
        headers = {"Content-Type": "application/x-www-form-urlencoded", **origin}

        reached = []
        for method, address in routes:
            if method != "POST":
                continue  # no form sends anything else
            answer = people[Role.ADMIN].request(method, address, content=content, headers=headers)
            if answer.status_code not in (403, 415) or answer.json()["code"] not in GATE:
                reached.append((method, address, answer.status_code))

        assert len(routes) > 100
        assert reached == []

"""People sign in with a password and a cookie, programs with a token."""

from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest

from api.app import create_app
from api.attempts import Limit
from api.credentials import hash_of
from engine.clock import FrozenClock
from engine.database import Database
from engine.settings import Settings
from tests.api.conftest import PASSWORD, Person, World, login, serving

SLUG = "riverside-centre"


def sign_in(client: httpx.Client, person: Person, *, password: str = PASSWORD, slug: str = SLUG) -> httpx.Response:
    body = {"organisation": slug, "email": person.email, "password": password}
    return client.post("/sign-ins", json=body)


@pytest.fixture
def browser(client: httpx.Client) -> Any:
    """A browser of its own, with cookies of its own."""
    with httpx.Client(base_url=client.base_url) as browser:
        yield browser


@pytest.fixture
def person(world: World) -> Person:
    """Somebody fresh, whose attempts nobody has counted yet."""
    found: Person = world.edit(lambda tx: login(tx, world.client, f"P{world.count('user')}", "family"))
    return found


class TestPassword:
    def test_opens_a_session(self, world: World, browser: httpx.Client, person: Person) -> None:
        answer = sign_in(browser, person)

        assert answer.status_code == 201
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/" in cookie
        assert browser.get("/sign-ins/current").json()["email"] == person.email

    def test_of_an_installation_with_https_gives_a_host_cookie(
        self, database: Database, clock: FrozenClock, world: World, person: Person
    ) -> None:
        with serving(create_app(Settings(), database=database, clock=clock, gateways={})) as address:
            answer = httpx.post(f"{address}/sign-ins", json={
                "organisation": SLUG, "email": person.email, "password": PASSWORD})  # fmt: skip

        assert answer.headers["set-cookie"].startswith("__Host-termbook=")
        assert "Secure" in answer.headers["set-cookie"]

    def test_neither_password_nor_secret_is_kept(self, world: World, browser: httpx.Client, person: Person) -> None:
        sign_in(browser, person)

        secret = browser.cookies["termbook"].partition("_")[2]
        kept = world.rows("SELECT secret_hash FROM credential WHERE organisation_id = %(org)s AND user_id = %(id)s "
                          "AND kind = 'SIGN_IN'", id=person.user_id)  # fmt: skip
        assert [row["secret_hash"] for row in kept] == [hash_of(secret)]

    def test_wrong_in_any_way_gets_the_same_answer(self, world: World, browser: httpx.Client, person: Person) -> None:
        nobody = Person(person.user_id, "nobody@nowhere.example", "", world.client)
        inactive = world.edit(lambda tx: login(tx, world.client, f"I{world.count('user')}", "family"))
        world.admin.patch(f"/users/{inactive.user_id}", {"is_active": False})

        answers = [
            sign_in(browser, person, password="wrong"), sign_in(browser, nobody), sign_in(browser, person, slug="no"),
            sign_in(browser, inactive),
        ]  # fmt: skip

        bodies = [answer.json() | {"request_id": ""} for answer in answers]
        assert {answer.status_code for answer in answers} == {401}
        assert bodies.count(bodies[0]) == len(bodies)
        assert "set-cookie" not in answers[0].headers

    def test_cannot_be_guessed(self, world: World, browser: httpx.Client, person: Person, clock: FrozenClock) -> None:
        tries = [sign_in(browser, person, password=f"guess {n}").status_code for n in range(10)]
        blocked = sign_in(browser, person)
        retry_after = int(blocked.headers["retry-after"])
        clock.move(timedelta(seconds=retry_after))
        later = sign_in(browser, person)

        assert set(tries) == {401}
        assert (blocked.status_code, blocked.json()["code"]) == (429, "too_many_attempts")
        assert 0 < retry_after <= 15 * 60
        assert later.status_code == 201

    def test_a_success_forgets_the_attempts_before(self, world: World, browser: httpx.Client, person: Person) -> None:
        for _ in range(2):
            for _ in range(6):
                sign_in(browser, person, password="wrong")
            assert sign_in(browser, person).status_code == 201

    def test_one_password_is_not_tried_with_everybody(
        self, world: World, browser: httpx.Client, person: Person, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock.move(timedelta(minutes=15))
        monkeypatch.setattr("api.sign_in._LIMIT_FROM_ONE_ADDRESS", Limit("sign in", 4, timedelta(minutes=15)))
        others = [Person(person.user_id, f"{n}@nowhere.example", "", world.client) for n in range(5)]

        known = [sign_in(browser, person).status_code for _ in range(6)]
        tries = [sign_in(browser, other).status_code for other in others]

        assert known == [201] * 6
        assert tries == [401] * 4 + [429]


class TestCookie:
    def test_ends_with_signing_out(self, world: World, browser: httpx.Client, person: Person) -> None:
        sign_in(browser, person)
        stolen = browser.cookies["termbook"]

        assert browser.delete("/sign-ins/current", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 204

        assert browser.get("/sign-ins/current").status_code == 401
        answer = world.client.get("/sign-ins/current", headers={"Cookie": f"termbook={stolen}"})
        assert answer.status_code == 401

    def test_ends_after_two_weeks(
        self, world: World, browser: httpx.Client, person: Person, clock: FrozenClock
    ) -> None:
        sign_in(browser, person)

        clock.move(timedelta(days=14))

        assert browser.get("/sign-ins/current").status_code == 401

    def test_ends_with_a_new_password(self, world: World, browser: httpx.Client, person: Person) -> None:
        sign_in(browser, person)

        world.admin.patch(f"/users/{person.user_id}", {"password": "another long password"})

        assert browser.get("/sign-ins/current").status_code == 401
        assert sign_in(browser, person).status_code == 401
        assert sign_in(browser, person, password="another long password").status_code == 201

    @pytest.mark.parametrize(
        ("headers", "passes"),
        [
            ({"Sec-Fetch-Site": "same-origin"}, True),
            ({"Sec-Fetch-Site": "cross-site"}, False),
            ({"Sec-Fetch-Site": "same-site"}, False),
            ({"Origin": "https://evil.example"}, False),
            ({"Origin": "null"}, False),
            ({}, True),
        ],
    )
    def test_is_of_no_use_to_other_sites(
        self, world: World, browser: httpx.Client, person: Person, headers: dict[str, str], passes: bool
    ) -> None:
        sign_in(browser, person)

        answer = browser.post("/attendees", json={"name": "A", "date_of_birth": "2018-01-01"}, headers=headers)

        if passes:
            assert answer.status_code == 422, answer.text  # this family has no account yet
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")

    def test_a_form_of_another_site_gets_nowhere(self, world: World, browser: httpx.Client, person: Person) -> None:
        sign_in(browser, person)

        for media_type in ("text/plain", "application/x-www-form-urlencoded"):
            answer = browser.post("/orders/x/quote", content="a=b", headers={"Content-Type": media_type})
            assert answer.status_code == 415
        assert browser.post("/orders/x/quote").status_code == 403

    def test_is_no_bearer_token_and_the_other_way_round(
        self, world: World, browser: httpx.Client, person: Person
    ) -> None:
        sign_in(browser, person)
        cookie = browser.cookies["termbook"]

        as_token = world.client.get("/orders", headers={"Authorization": f"Bearer tb_{cookie}"})
        as_cookie = world.client.get("/orders", headers={"Cookie": f"termbook={person.token.removeprefix('tb_')}"})

        assert (as_token.status_code, as_cookie.status_code) == (401, 401)


class TestTokens:
    def test_work_until_they_are_revoked(self, world: World) -> None:
        made = world.admin.post("/tokens", {"label": "kiosk", "user_id": str(world.staff.user_id)}).json()
        kiosk = Person(world.staff.user_id, "", made["token"], world.client)
        before = kiosk.get("/sign-ins/current")

        world.admin.delete(f"/tokens/{made['id']}")

        assert before.json()["acts_as"] == "staff"
        assert kiosk.get("/sign-ins/current").status_code == 401
        listed = world.admin.get("/tokens").json()["items"]
        assert all("secret" not in field for field in listed[0])

    def test_stop_with_their_user(self, world: World) -> None:
        person = world.edit(lambda tx: login(tx, world.client, "Leaver", "admin"))
        world.admin.patch(f"/users/{person.user_id}", {"is_active": False})

        assert person.get("/orders").status_code == 401

    def test_expire(self, world: World) -> None:
        soon = (world.clock.now() + timedelta(hours=1)).isoformat()
        made = world.admin.post("/tokens", {"label": "short", "expires_at": soon}).json()
        program = Person(world.admin.user_id, "", made["token"], world.client)

        assert program.get("/orders").status_code == 200
        world.clock.move(timedelta(hours=1))
        assert program.get("/orders").status_code == 401


def test_only_hashes_are_in_the_database(world: World, database_url: str, browser: httpx.Client) -> None:
    """Neither a password, nor a token, nor a cookie's secret stands anywhere in it."""
    made = world.admin.post("/tokens", {"label": "x"}).json()["token"]
    with psycopg.connect(database_url) as owner:
        owner.execute("SELECT set_config('app.organisation_id', %s, false)", [str(world.organisation_id)])
        for (table,) in owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            for secret in (PASSWORD, made.rpartition("_")[2], world.admin.token.split("_", 2)[2]):
                found = owner.execute(f'SELECT count(*) FROM "{table}" t WHERE position(%s IN t::text) > 0', [secret])
                assert found.fetchone() == (0,), table

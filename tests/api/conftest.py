"""Two organisations on one database, people of every role with tokens, and a client for each."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from api.app import create_app
from api.credentials import hash_of, new_secret, token_text
from api.passwords import hash_password
from billing.gateways.sandbox import SandboxGateway
from engine.clock import FrozenClock
from engine.database import Database, Transaction
from engine.logs import configure_logs
from engine.settings import Settings
from models import AccountUser, Credential, RuleSetting, User, UserSite
from tests.billing.sandbox import SECRET
from tests.builders import (
    NOW,
    TORONTO,
    Row,
    account,
    add,
    attendee,
    offering,
    organisation,
    program,
    sessions,
    site,
    term,
)
from tests.serving import serving

configure_logs("error")

PASSWORD = "a long enough password"
HASH = hash_password(PASSWORD)
FIRST = datetime(2026, 4, 5, 9, 30, tzinfo=TORONTO)
SUNDAYS = [FIRST + timedelta(days=7 * week) for week in range(10)]


@dataclass
class Person:
    """A login, with a token and a client that sends it."""

    user_id: UUID
    email: str
    token: str
    client: httpx.Client

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, **self._with_token(more))

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.client.post(path, json=body, **self._with_token(more))

    def put(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.client.put(path, json=body, **self._with_token(more))

    def patch(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.client.patch(path, json=body, **self._with_token(more))

    def delete(self, path: str, **more: Any) -> Any:
        return self.client.delete(path, **self._with_token(more))

    def _with_token(self, more: dict[str, Any]) -> dict[str, Any]:
        return {**more, "headers": {"Authorization": f"Bearer {self.token}", **more.get("headers", {})}}


@dataclass
class World:
    """Riverside with its people and programme."""

    database: Database
    organisation_id: UUID
    client: httpx.Client
    clock: FrozenClock
    admin: Person
    finance: Person
    staff: Person
    rossi: Person
    chen: Person
    site: Row
    term: Row
    offering: Row
    sessions: list[Row]
    rossi_account: Row
    chen_account: Row
    mia: Row
    lin: Row

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        with self.database.transaction(self.organisation_id) as tx:
            return tx.rows(sql, **parameters)

    def count(self, table: str) -> int:
        found: int = self.rows(f'SELECT count(*) AS n FROM "{table}" WHERE organisation_id = %(org)s')[0]["n"]
        return found

    def edit(self, work: Any) -> Any:
        return self.database.run(self.organisation_id, work)

    def new_child(self, name: str = "Ben", **columns: Any) -> Row:
        """Another child of the Rossi family, with all their time free."""
        found: Row = self.edit(lambda tx: attendee(tx, self.rossi_account, name=name, **columns))
        return found

    def new_sessions(self, capacity: int = 10, count: int = 10, **columns: Any) -> list[Row]:
        """The dated sessions of an offering of its own."""

        def make(tx: Transaction) -> list[Row]:
            of = tx.row("SELECT * FROM program WHERE organisation_id = %(org)s AND id = %(id)s",
                        id=self.offering["program_id"])  # fmt: skip
            assert of is not None
            course = offering(tx, self.term, of, capacity=capacity, **columns)
            return sessions(tx, course, *SUNDAYS[:count])

        found: list[Row] = self.edit(make)
        return found

    def draft(self, person: Person, child: Row, by: Row | None = None) -> dict[str, Any]:
        """A draft of that person for a child."""
        body = {"attendee_id": str(child["id"]), "term_id": str(self.term["id"])}
        answer = person.post("/orders", body | ({"account_id": str(by["id"])} if by else {}))
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def cart(self, person: Person, child: Row, wanted: list[Row], by: Row | None = None) -> dict[str, Any]:
        """A saved cart with these sessions."""
        order = self.draft(person, child, by)
        lines = [{"session_id": str(session["id"])} for session in wanted]
        answer = person.put(f"/orders/{order['id']}/lines", {"lines": lines})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def submission(self, cart: dict[str, Any], how: str = "ADMIN_CONFIRM") -> dict[str, Any]:
        return {"confirmation_type": how, "price_fingerprint": cart["price_fingerprint"]}

    def submitted(self, child: Row, wanted: list[Row], how: str = "ADMIN_CONFIRM") -> dict[str, Any]:
        """An order for a Rossi child that an admin submitted."""
        cart = self.cart(self.admin, child, wanted, self.rossi_account)
        answer = self.admin.post(f"/orders/{cart['id']}/submission", self.submission(cart, how))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def group_order(self, *children_then_sessions: Any, policy: str = "ALL_OR_NOTHING") -> dict[str, Any]:
        """A group order of the Rossi family: each child wants these sessions."""
        *children, wanted = children_then_sessions
        lines = [{"session_id": str(session["id"])} for session in wanted]
        answer = self.rossi.post("/group-orders", {
            "term_id": str(self.term["id"]), "policy": policy,
            "orders": [{"attendee_id": str(child["id"]), "lines": lines} for child in children],
        })  # fmt: skip
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def confirmed(self, child: Row, wanted: list[Row]) -> dict[str, Any]:
        """The same, confirmed."""
        order = self.submitted(child, wanted)
        answer = self.admin.post(f"/orders/{order['id']}/confirmation", {"reason": "as agreed"})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def login(tx: Transaction, client: httpx.Client, name: str, *roles: str) -> Person:
    """A user with a password and a token."""
    email = f"{name.lower()}@{tx.organisation_id.hex[-6:]}.example"
    user = add(tx, User, email=email, name=name, roles=list(roles), password_hash=HASH)
    secret = new_secret()
    add(tx, Credential, kind="TOKEN", user_id=user["id"], secret_hash=hash_of(secret),
        expires_at=NOW + timedelta(days=3650))  # fmt: skip
    return Person(user["id"], email, token_text(tx.organisation_id, secret), client)


def make_world(database_url: str, database: Database, client: httpx.Client, clock: FrozenClock, name: str) -> World:
    with psycopg.connect(database_url) as owner:
        organisation_id = organisation(owner, name=name)

    def fill(tx: Transaction) -> World:
        place = site(tx)
        during = term(tx, place)
        course = offering(tx, during, program(tx, place), capacity=10)
        slots = sessions(tx, course, *SUNDAYS)
        add(tx, RuleSetting, scope="ORGANISATION", scope_id=tx.organisation_id, name="pay_later_limit_minor",
            value=1_000_000)  # fmt: skip
        people = {role: login(tx, client, role, role) for role in ("admin", "finance", "staff")}
        add(tx, UserSite, site_id=place["id"], user_id=people["staff"].user_id)
        rossi, chen = login(tx, client, "Rossi", "family"), login(tx, client, "Chen", "family")
        rossi_account, chen_account = account(tx, name="Rossi family"), account(tx, name="Chen family")
        add(tx, AccountUser, account_id=rossi_account["id"], user_id=rossi.user_id)
        add(tx, AccountUser, account_id=chen_account["id"], user_id=chen.user_id)
        mia = attendee(tx, rossi_account, name="Mia Rossi")
        lin = attendee(tx, chen_account, name="Lin Chen")
        return World(
            database, tx.organisation_id, client, clock, people["admin"], people["finance"], people["staff"], rossi,
            chen, place, during, course, slots, rossi_account, chen_account, mia, lin,
        )  # fmt: skip

    return database.run(organisation_id, fill)


@pytest.fixture(scope="module")
def clock() -> FrozenClock:
    return FrozenClock(NOW)


@pytest.fixture(scope="module")
def client(database: Database, clock: FrozenClock) -> Iterator[httpx.Client]:
    """A client of the whole application, as it is composed for real."""
    nowhere = SandboxGateway("http://127.0.0.1:9", api_key="nobody listens there", secret=SECRET)
    app = create_app(
        Settings(cookie_secure=False, secret="for tests"), database=database, clock=clock, gateways={"sandbox": nowhere}
    )
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client
    nowhere.close()


@pytest.fixture(scope="module")
def world(database_url: str, database: Database, client: httpx.Client, clock: FrozenClock) -> World:
    return make_world(database_url, database, client, clock, "Riverside Centre")


@pytest.fixture(scope="module")
def elsewhere(database_url: str, database: Database, client: httpx.Client, clock: FrozenClock) -> World:
    """Another organisation in the same database."""
    return make_world(database_url, database, client, clock, "Hillside Centre")

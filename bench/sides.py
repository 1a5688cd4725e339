"""The sides that are compared. Each books one saved cart: submit in one transaction, confirm in the next."""

from collections.abc import Sequence
from http.client import HTTPConnection
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson
import psycopg

from bench.floor import VERBS, Templates
from bench.world import NOW, Cart
from engine.actor import Actor
from engine.database import Database
from engine.ids import new_id
from models import ActorKind, TermBookingConfirmationType
from workflows import term_booking_order as orders

ADMIN_CONFIRM = TermBookingConfirmationType.ADMIN_CONFIRM
REASON = "paid at the front desk"


class Side(Protocol):
    """One way of booking, in one process, over one connection of its own."""

    def prepare(self, carts: Sequence[Cart]) -> None:
        """Take what is to be booked next; not measured."""

    def book(self, at: int) -> None:
        """Submit and confirm the cart at this place; raises where it is refused."""

    def close(self) -> None: ...


class Floor:
    """Ready-made rows, one PL/pgSQL function per transaction."""

    def __init__(self, url: str, role: str, templates: dict[int, Templates]) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute(f'SET ROLE "{role}"')
        self._templates = templates
        self._work: list[tuple[str, list[str]]] = []

    def prepare(self, carts: Sequence[Cart]) -> None:
        self._work = [
            (f"BEGIN; SET LOCAL app.organisation_id = '{cart.organisation_id}'",
             self._templates[len(cart.offering.session_ids)].fill(cart))
            for cart in carts
        ]  # fmt: skip

    def book(self, at: int) -> None:
        begin, documents = self._work[at]
        for verb, document in zip(VERBS, documents, strict=True):
            self._connection.execute(begin, prepare=False)
            self._connection.execute(f"SELECT floor_{verb}(%s::jsonb)", [document])
            self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


class Engine:
    """The verbs, in process."""

    def __init__(self, url: str, role: str) -> None:
        self._database = Database(url, app_role=role, pool_size=1)
        self._carts: Sequence[Cart] = ()

    def prepare(self, carts: Sequence[Cart]) -> None:
        self._carts = carts

    def book(self, at: int) -> None:
        submit(self._database, self._carts[at])
        confirm(self._database, self._carts[at])

    def close(self) -> None:
        self._database.close()


def submit(database: Database, cart: Cart) -> None:
    database.run(
        cart.organisation_id,
        lambda tx: orders.submit(
            tx, order_id=cart.order_id, confirmation_type=ADMIN_CONFIRM, price_fingerprint=cart.fingerprint,
            actor=Actor(ActorKind.ADMIN, user_id=cart.admin_id), now=NOW,
        ),
    )  # fmt: skip


def confirm(database: Database, cart: Cart) -> None:
    database.run(
        cart.organisation_id,
        lambda tx: orders.confirm(
            tx, order_id=cart.order_id, actor=Actor(ActorKind.ADMIN, user_id=cart.admin_id), now=NOW, reason=REASON
        ),
    )


class Http:
    """Through the API, over one connection that is kept open."""

    def __init__(self, base_url: str) -> None:
        self._connection = HTTPConnection(urlsplit(base_url).netloc, timeout=60)
        self._carts: Sequence[Cart] = ()

    def prepare(self, carts: Sequence[Cart]) -> None:
        """The server closes what is idle for seconds, as it is while the other sides take their turns."""
        self._connection.close()
        self._connection.connect()
        self._carts = carts

    def book(self, at: int) -> None:
        for path, body, headers in requests_of(self._carts[at]):
            self._connection.request("POST", path, body=body, headers=headers)
            response = self._connection.getresponse()
            answer = response.read()
            assert response.status == 200, f"{path}: {response.status} {answer.decode()}"

    def close(self) -> None:
        self._connection.close()


def requests_of(cart: Cart) -> list[tuple[str, bytes, dict[str, str]]]:
    """Path, body and headers of both requests, each with a key of its own."""
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("submission", {"confirmation_type": ADMIN_CONFIRM.name, "price_fingerprint": cart.fingerprint}),
        ("confirmation", {"reason": REASON}),
    ]
    headers = {"Authorization": f"Bearer {cart.token}", "Content-Type": "application/json"}
    return [
        (f"/orders/{cart.order_id}/{noun}", orjson.dumps(body), {**headers, "Idempotency-Key": str(new_id())})
        for noun, body in bodies
    ]

"""Statements per order as the server counts them: it is asked to report each one that it executes to its client.

`log_statement = all` with `client_min_messages = log` sends the server's log lines back over the connection, so no
log file and no extension is needed. One simple query of several commands (`BEGIN; SET LOCAL …`) counts as one: it is
one round trip.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import sqlalchemy as sa

from api.app import create_app
from bench.sides import confirm, requests_of, submit
from bench.world import NOW, Cart
from engine.clock import FrozenClock
from engine.database import Database
from engine.settings import Settings

_REPORTING = "-c log_statement=all -c client_min_messages=log -c log_min_messages=panic"
_EXECUTED = ("statement: ", "execute ")


@dataclass
class Counter:
    """How many statements the server reported so far."""

    statements: int = 0

    def hear(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "LOG" and (notice.message_primary or "").startswith(_EXECUTED):
            self.statements += 1


@contextmanager
def _reporting_database(url: str, role: str) -> Iterator[tuple[Database, Counter]]:
    """A database whose server reports what it executes."""
    counter = Counter()
    reporting = sa.make_url(url).update_query_dict({"options": _REPORTING}).render_as_string(hide_password=False)
    database = Database(reporting, app_role=role, pool_size=1)

    @sa.event.listens_for(database.engine, "connect")
    def listen(connection: psycopg.Connection[Any], record: object) -> None:
        connection.add_notice_handler(counter.hear)

    try:
        yield database, counter
    finally:
        database.close()


def statements_in_process(url: str, role: str, carts: list[Cart]) -> float:
    """Statements per order of the verbs, over all carts but the first, which opens the connection."""
    with _reporting_database(url, role) as (database, counter):

        def book(cart: Cart) -> None:
            submit(database, cart)
            confirm(database, cart)

        return _per_order(counter, book, carts)


def statements_through_http(url: str, role: str, carts: list[Cart]) -> float:
    """Statements per order of the API, over all carts but the first."""
    with _reporting_database(url, role) as (database, counter):
        app = create_app(Settings(), database=database, clock=FrozenClock(NOW), gateways={})

        async def post_both(cart: Cart) -> None:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench") as client:
                for path, body, headers in requests_of(cart):
                    response = await client.post(path, content=body, headers=headers)
                    assert response.status_code == 200, response.text

        return _per_order(counter, lambda cart: asyncio.run(post_both(cart)), carts)


def _per_order(counter: Counter, book: Callable[[Cart], None], carts: list[Cart]) -> float:
    book(carts[0])
    counter.statements = 0
    for cart in carts[1:]:
        book(cart)
    assert counter.statements, "the server reports what it executes"
    return counter.statements / (len(carts) - 1)

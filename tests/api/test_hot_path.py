"""What a submit and a confirmation cost: statements, the same for one session and for many."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.api.conftest import World


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement that goes to the server while this is open."""
    sent: list[str] = []
    of_cursor, of_connection = psycopg.Cursor.execute, psycopg.Connection.execute

    def by_cursor(cursor: Any, query: Any, *more: Any, **named: Any) -> Any:
        sent.append(str(query))
        return of_cursor(cursor, query, *more, **named)

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Cursor, "execute", by_cursor)
        assert psycopg.Connection.execute is of_connection, "a connection executes through a cursor"
        yield sent


def order_of(world: World, sessions: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    cart = world.cart(world.admin, world.new_child(), world.new_sessions(count=sessions), world.rossi_account)
    keys = [{"Idempotency-Key": str(uuid4())} for _ in range(2)]
    with counting(monkeypatch) as sent:
        submitted = world.admin.post(f"/orders/{cart['id']}/submission", world.submission(cart), headers=keys[0])
        confirmed = world.admin.post(f"/orders/{cart['id']}/confirmation", {"reason": "agreed"}, headers=keys[1])
    assert (submitted.status_code, confirmed.status_code) == (200, 200)
    return sent


def test_an_order_takes_at_most_thirteen_statements_at_any_number_of_sessions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, ten = (order_of(world, sessions, monkeypatch) for sessions in (1, 10))

    assert len(one) == len(ten) <= 13, ten


@pytest.mark.parametrize("how", ["PAY_NOW_PAY_ALL", "CONFIRM_WITHOUT_PAYMENT"])
def test_a_refused_submission_asks_little_more(world: World, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    full = world.new_sessions(capacity=1, count=1)
    world.submitted(world.new_child(), full)
    cart = world.cart(world.rossi, world.new_child(), full)

    with counting(monkeypatch) as sent:
        answer = world.rossi.post(f"/orders/{cart['id']}/submission", world.submission(cart, how))

    assert answer.status_code == 409
    # Two of them look for what is free instead.
    assert len(sent) <= 13, sent

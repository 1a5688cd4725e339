"""Many clients at the same moment: real processes, each client with a connection of its own, used for many rounds.

The processes are forked, so what a test has patched in the product is patched in them too.
"""

import multiprocessing
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any
from uuid import UUID

import psycopg
import pytest

from billing import wallet as wallets
from billing.pricing import LineToPrice, price
from engine.actor import Actor
from engine.batch import Guarded
from engine.database import Database
from engine.errors import TermbookError
from engine.timers import sweep
from models import TermBookingConfirmationType as How
from tests.builders import NOW, Ordered
from workflows import term_booking_order, wallet
from workflows.order_facts import read_order
from workflows.timeouts import handlers

_FORK = multiprocessing.get_context("fork")
GOT_IT = "got it"


@dataclass(frozen=True)
class Pull:
    """A verb in a unit of work of its own."""

    verb: Callable[..., Any]
    known: dict[str, Any]

    def __call__(self, database: Database, organisation_id: UUID) -> str:
        database.run(organisation_id, partial(self.verb, **self.known))
        return GOT_IT


@dataclass(frozen=True)
class Sweep:
    """A sweeper's turn; says how many timers fired."""

    now: datetime

    def __call__(self, database: Database, organisation_id: UUID) -> str:
        return f"fired {sweep(database, now=self.now, handlers=handlers())}"


Job = Pull | Sweep


def submission(placed: Ordered, *, actor: Actor, how: How = How.PAY_NOW_PAY_ALL) -> Pull:
    """The submit of a cart that was written as rows, at the price that its family was shown."""
    child = placed.order["attendee_id"]
    lines = [
        LineToPrice(child, s["id"], "SESSION", "", s["price_minor"], 1, "session price", "", Decimal(0))
        for s in placed.sessions
    ]
    return Pull(term_booking_order.submit, {
        "order_id": placed.order["id"], "confirmation_type": how,
        "price_fingerprint": price(lines, prices_include_tax=True).fingerprint, "actor": actor, "now": NOW,
    })  # fmt: skip


class Clients:
    """So many processes with so many clients each."""

    def __init__(self, url: str, processes: int, clients: int, *, jitter_seconds: float) -> None:
        start = _FORK.Barrier(processes * clients)
        self._per_process = clients
        self._lines: list[Connection] = []
        self._processes = []
        for _ in range(processes):
            ours, theirs = _FORK.Pipe()
            args = (url, clients, start, theirs, jitter_seconds)
            self._processes.append(_FORK.Process(target=_serve, args=args, daemon=True))
            self._processes[-1].start()
            self._lines.append(ours)

    def race(self, organisation_id: UUID, rounds: Sequence[Sequence[Job]]) -> list[list[str]]:
        """In each round every client does its job at the same moment; returns how each ended, by round and client."""
        shares = [slice(n * self._per_process, (n + 1) * self._per_process) for n in range(len(self._lines))]
        for line, share in zip(self._lines, shares, strict=True):
            line.send((organisation_id, [jobs[share] for jobs in rounds]))
        answers: list[list[list[str]]] = [line.recv() for line in self._lines]
        return [[outcome for answer in answers for outcome in answer[number]] for number in range(len(rounds))]

    def close(self) -> None:
        for line in self._lines:
            line.send(None)
        for process in self._processes:
            process.join(30)
            assert process.exitcode == 0, "a client ended by itself"


@contextmanager
def clients(url: str, *, processes: int, each: int, jitter_seconds: float = 0.0) -> Iterator[Clients]:
    """Clients that are there for some races, and gone afterwards."""
    racing = Clients(url, processes, each, jitter_seconds=jitter_seconds)
    try:
        yield racing
    finally:
        racing.close()


def _serve(url: str, count: int, start: Barrier, line: Connection, jitter_seconds: float) -> None:
    database = Database(url, pool_size=count)
    while (given := line.recv()) is not None:
        organisation_id, rounds = given
        outcomes = [[""] * count for _ in rounds]
        threads = [
            threading.Thread(target=_run, args=(database, organisation_id, rounds, n, start, outcomes, jitter_seconds))
            for n in range(count)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        line.send(outcomes)
    database.close()


def _run(
    database: Database, organisation_id: UUID, rounds: list[list[Job]], client: int, start: Barrier,
    outcomes: list[list[str]], jitter_seconds: float,
) -> None:  # fmt: skip
    jitter = random.Random(f"{rounds[0][client]}")
    with database.transaction(organisation_id):
        start.wait(120)  # everybody has a connection
    for number, jobs in enumerate(rounds):
        start.wait(120)
        time.sleep(jitter.uniform(0, jitter_seconds))
        outcomes[number][client] = _outcome(jobs[client], database, organisation_id)


def _outcome(job: Job, database: Database, organisation_id: UUID) -> str:
    try:
        return job(database, organisation_id)
    except TermbookError as error:
        return ", ".join(sorted({reason.code for reason in error.reasons})) or error.code
    except Exception as error:
        return f"failed: {error!r}"


def unguard_wallets(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    """Nobody locks a wallet or its order, and neither the guard nor the database keeps it from going below zero."""
    monkeypatch.setattr(wallet, "lock_order", lambda tx, order_id, actor: read_order(tx, order_id))
    monkeypatch.setattr(wallets, "_LOCK", wallets._LOCK.replace("FOR NO KEY UPDATE", ""))
    guard = wallets._MOVE
    unguarded = Guarded(name=guard.name, sql=guard.sql[: guard.sql.index("AND w.balance_minor")] + "RETURNING w.id",
                        takes=guard.takes, is_by_id=True)  # fmt: skip
    monkeypatch.setattr(wallets, "_MOVE", unguarded)
    with psycopg.connect(database_url) as owner:
        owner.execute("ALTER TABLE wallet DROP CONSTRAINT ck_wallet_balance_is_not_negative")

"""Builders for what happens later: an organisation, its outbox messages, subjects with timers, and a line to cut."""

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID, uuid4

import psycopg

T = TypeVar("T")

NOW = datetime(2026, 3, 31, 13, 0, tzinfo=UTC)


def make_organisation(url: str, slug: str = "") -> UUID:
    organisation_id = uuid4()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("INSERT INTO tenant VALUES (%s, %s)", [organisation_id, slug or str(organisation_id)])
        owner.execute(
            "INSERT INTO organisation (id, name, legal_name, currency, prices_include_tax, time_zone, locale,"
            " letterhead, created_at) VALUES (%s, 'Maple Centre', '', 'CAD', true, 'America/Toronto', 'en', '{}', %s)",
            [organisation_id, NOW],
        )
    return organisation_id


def clear(url: str) -> None:
    """An empty database again, in a moment. (A superuser's session passes over row level security.)"""
    tables = ("procrastinate.procrastinate_jobs", "outbox_message", "timer", "processed_event", "idempotency_key")
    with psycopg.connect(url, autocommit=True, options="-c search_path=public,procrastinate") as owner:
        for table in (*tables, "organisation", "tenant"):
            owner.execute(f"DELETE FROM {table}")


def post(
    url: str, organisation_id: UUID, topic: str = "mail", *, count: int = 1, at: datetime = NOW, number: int = 0
) -> list[UUID]:
    """Outbox messages, a millisecond apart."""
    with psycopg.connect(url, autocommit=True) as owner:
        rows = owner.execute(
            "INSERT INTO outbox_message (organisation_id, id, topic, payload, created_at)"
            " SELECT %s, gen_random_uuid(), %s, jsonb_build_object('number', g + %s), %s + g * interval '1 ms'"
            " FROM generate_series(1, %s) g RETURNING id",
            [organisation_id, topic, number, at, count],
        )
        return [row[0] for row in rows]


def make_subjects(url: str) -> None:
    """A table of things that timers are for, as the orders of a workflow would be."""
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(
            "CREATE TABLE subject (organisation_id uuid, id uuid, status text DEFAULT 'SUBMITTED',"
            " cancelled int DEFAULT 0, PRIMARY KEY (organisation_id, id))"
        )
        owner.execute("GRANT ALL ON subject TO termbook_app")


def arm(url: str, organisation_id: UUID, *, due_at: datetime, count: int = 1) -> list[UUID]:
    """Subjects with a timer each, a microsecond apart; returns the subjects."""
    with psycopg.connect(url, autocommit=True) as owner:
        subjects = [row[0] for row in owner.execute("SELECT gen_random_uuid() FROM generate_series(1, %s)", [count])]
        owner.execute(
            "INSERT INTO subject (organisation_id, id) SELECT %s, unnest(%s::uuid[])", [organisation_id, subjects]
        )
        owner.execute(
            "INSERT INTO timer (organisation_id, id, kind, subject_id, due_at, status)"
            " SELECT %s, gen_random_uuid(), 'AUTO_CANCEL', id, %s::timestamptz + n * interval '1 us', 'ARMED'"
            " FROM unnest(%s::uuid[]) WITH ORDINALITY AS made (id, n)",
            [organisation_id, due_at, subjects],
        )
        return subjects


def values(url: str, query: str, *parameters: object) -> list[object]:
    """The first column of a query, as the owner."""
    with psycopg.connect(url, autocommit=True, options="-c search_path=public,procrastinate") as owner:
        return [row[0] for row in owner.execute(query, parameters)]


def together(count: int, work: Callable[[int], T]) -> list[T]:
    """Do it in so many threads that all start at the same moment; raises the first error of any of them."""
    start = threading.Barrier(count)
    results: dict[int, T] = {}
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            start.wait()
            results[number] = work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [results[number] for number in range(count)]


def until(condition: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Wait for something that another process or thread does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Line:
    """A line to the database that can be cut: while it is, connections break and new ones are refused."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._is_cut = False
        self._is_closed = False
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def cut(self) -> None:
        self._is_cut = True

    def mend(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self._is_closed = True
        self._thread.join()

    def _carry(self) -> None:
        while not self._is_closed:
            if self._is_cut:
                self._hang_up()
            ends = [end for pair in self._pairs for end in pair]
            ready, _, _ = select.select([self._listener, *ends], [], [], 0.02)
            for one in ready:
                if one is self._listener:
                    self._accept()
                else:
                    self._pass_on(one)
        self._hang_up()
        self._listener.close()

    def _accept(self) -> None:
        caller, _ = self._listener.accept()
        if self._is_cut:
            caller.close()
        else:
            self._pairs.append((caller, socket.create_connection(self._server)))

    def _pass_on(self, source: socket.socket) -> None:
        pair = next((pair for pair in self._pairs if source in pair), None)
        if pair is None:
            return
        received = b""
        with suppress(OSError):
            received = source.recv(65536)
            (pair[1] if source is pair[0] else pair[0]).sendall(received)
        if not received:
            self._pairs.remove(pair)
            self._close(pair)

    def _hang_up(self) -> None:
        while self._pairs:
            self._close(self._pairs.pop())

    @staticmethod
    def _close(pair: Sequence[socket.socket]) -> None:
        for end in pair:
            end.close()


@contextmanager
def line_to(url: str) -> Iterator[tuple[str, Line]]:
    """A line to the database of `url`, and the address to reach it by."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    line = Line(str(parts["host"]), int(str(parts.get("port") or 5432)))
    try:
        yield url.replace(f"{parts['host']}:{parts['port']}", f"127.0.0.1:{line.port}"), line
    finally:
        line.close()

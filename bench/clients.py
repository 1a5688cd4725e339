"""Clients in processes of their own, told by pipe what to book and for how long, and what that costs the machine."""

import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg

from bench.floor import Templates
from bench.sides import Engine, Floor, Http, Side
from bench.world import Cart

# Time for every client to be told before the first begins.
_HEAD_START_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Told:
    """What one client did: orders booked, the seconds that took, its own CPU seconds; why it stopped, if it failed."""

    orders: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """What all clients did in one stretch of time on one side."""

    side: str
    orders: int
    orders_per_second: float
    client_cpu_seconds: float
    server_cpu_seconds: float

    @property
    def cpu_ms_per_order(self) -> float:
        return 1000 * (self.client_cpu_seconds + self.server_cpu_seconds) / self.orders


@dataclass(frozen=True, slots=True)
class Addresses:
    """What a client needs to reach every side."""

    database_url: str
    role: str
    base_url: str
    templates: dict[int, Templates]

    def open(self, side: str) -> Side:
        if side == "floor":
            return Floor(self.database_url, self.role, self.templates)
        return Engine(self.database_url, self.role) if side == "engine" else Http(self.base_url)


class Clients:
    """A fixed number of client processes; a slice may use the first few of them."""

    def __init__(self, number: int, addresses: Addresses, meter: "Meter") -> None:
        context = multiprocessing.get_context("spawn")
        self._meter = meter
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(number):
            here, there = context.Pipe()
            process = context.Process(target=_client, args=(there, addresses), daemon=True)
            process.start()
            self._pipes.append(here)
            self._processes.append(process)

    def run(self, side: str, shares: Sequence[Sequence[Cart]], seconds: float) -> Slice:
        """Let a client per share book its carts until they are used up or the time is."""
        pipes = self._pipes[: len(shares)]
        for pipe, share in zip(pipes, shares, strict=True):
            pipe.send((side, list(share)))
        self._hear(pipes)
        before = self._meter.server_seconds()
        start_at = time.monotonic() + _HEAD_START_SECONDS
        for pipe in pipes:
            pipe.send((start_at, seconds))
        told = self._hear(pipes)
        server = self._meter.server_seconds() - before
        return Slice(
            side, sum(t.orders for t in told), sum(t.orders / t.seconds for t in told),
            sum(t.cpu_seconds for t in told), server,
        )  # fmt: skip

    @staticmethod
    def _hear(pipes: Sequence[Connection]) -> list[Told]:
        told: list[Told] = [pipe.recv() for pipe in pipes]
        for one in told:
            if one.error:
                raise RuntimeError(f"A client failed: {one.error}")
        return told

    @property
    def sees_server(self) -> bool:
        """Whether the server's CPU is in the figures."""
        return self._meter.sees_server

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.send(None)
        for process in self._processes:
            process.join(10)


def _client(pipe: Connection, addresses: Addresses) -> None:
    """The whole life of a client process."""
    sides: dict[str, Side] = {}
    while (order := pipe.recv()) is not None:
        name, carts = order
        try:
            if name not in sides:
                sides[name] = addresses.open(name)
            sides[name].prepare(carts)
            pipe.send(Told())
            start_at, seconds = pipe.recv()
            pipe.send(_book(sides[name], len(carts), start_at, seconds))
        except Exception as error:
            pipe.send(Told(error=f"{type(error).__name__}: {error}"))
    for side in sides.values():
        side.close()


def _book(side: Side, number: int, start_at: float, seconds: float) -> Told:
    time.sleep(max(0.0, start_at - time.monotonic()))
    cpu, done = time.process_time(), 0
    started = time.monotonic()
    until = started + seconds
    while done < number and time.monotonic() < until:
        side.book(done)
        done += 1
    return Told(done, time.monotonic() - started, time.process_time() - cpu)


class Meter:
    """CPU seconds of everything that serves: PostgreSQL's processes for this database, and the API's processes."""

    def __init__(self, owner: psycopg.Connection[Any], api_pids: Sequence[int]) -> None:
        self._owner = owner
        self._api_pids = api_pids
        self.sees_server = self._sees(owner.info.backend_pid)

    def server_seconds(self) -> float:
        return sum(_cpu_seconds(pid) for pid in [*self._backends(), *self._api_processes()])

    def _backends(self) -> list[int]:
        if not self.sees_server:
            return []
        # Who vacuums comes and goes: its CPU was counted for the side that it came in, and taken from that it left in.
        rows = self._owner.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
        ).fetchall()
        return [row[0] for row in rows]

    def _api_processes(self) -> list[int]:
        parents = [psutil.Process(pid) for pid in self._api_pids]
        return [process.pid for parent in parents for process in [parent, *parent.children(recursive=True)]]

    @staticmethod
    def _sees(pid: int) -> bool:
        """Whether the server runs on this machine, so that its processes can be looked at."""
        return psutil.pid_exists(pid) and "postgres" in psutil.Process(pid).name()


def _cpu_seconds(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:  # it ended between the two looks
        return 0.0
    return float(times.user + times.system)

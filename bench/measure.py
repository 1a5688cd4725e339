"""What is measured, and how: the sides take turns in short slices, and each round's ratio is taken between neighbours.

Two runs on a busy machine differ by 40 %; the median of ratios of the same round does not.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psycopg

from bench import counting
from bench.clients import Addresses, Clients, Meter, Slice
from bench.floor import VERBS, Templates, Written, book_by_floor, create_functions, make_templates, order_row
from bench.floor import rows_written as rows_of
from bench.sides import ADMIN_CONFIRM, REASON
from bench.world import NOW, SIZES, Cart, Organisation, make_carts
from engine.actor import Actor
from engine.database import Database, Transaction
from models import ActorKind
from workflows import term_booking_order as orders

SIDES = ("floor", "engine", "http")
CLIENTS = 8
USUAL_SIZE = 10
# More carts than the last rate asks for, so that a slice ends by time.
_RESERVE = 1.5
# Orders of each size that each client books first: a statement is prepared the sixth time, planned for good five later.
_TO_WARM_UP = 14
# Sizes that only one client is measured with are warmed up by so many: both workers of the API get to know them.
_FEW = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure. Rounds by what is measured, seconds of one slice of one side."""

    rounds_of_many: int = 7
    rounds_of_one: int = 4
    rounds_of_sizes: int = 2
    seconds: float = 2.0
    counted_orders: int = 4
    orders_before: int = 3000

    @property
    def steps(self) -> int:
        """How many slices there will be, for a progress bar."""
        rounds = self.rounds_of_many + self.rounds_of_one + self.rounds_of_sizes * (len(SIZES) - 1)
        return len(SIDES) * rounds


QUICK = Plan(
    rounds_of_many=2, rounds_of_one=1, rounds_of_sizes=1, seconds=0.5, counted_orders=1, orders_before=300
)  # fmt: skip


@dataclass
class Measured:
    """The slices of one setting, by side; the same place in each list is the same round."""

    clients: int
    sessions: int
    slices: dict[str, list[Slice]] = field(default_factory=lambda: {side: [] for side in SIDES})

    def rate(self, side: str) -> float:
        return median(s.orders_per_second for s in self.slices[side])

    def cpu_ms(self, side: str) -> float:
        return median(s.cpu_ms_per_order for s in self.slices[side])

    def client_cpu_ms(self, side: str) -> float:
        return median(1000 * s.client_cpu_seconds / s.orders for s in self.slices[side])

    def rate_ratio(self, side: str) -> float:
        return self._ratio(side, lambda s: s.orders_per_second)

    def cpu_ratio(self, side: str) -> float:
        return self._ratio(side, lambda s: s.cpu_ms_per_order)

    def _ratio(self, side: str, figure: Callable[[Slice], float]) -> float:
        pairs = zip(self.slices[side], self.slices["floor"], strict=True)
        return median(figure(one) / figure(floor) for one, floor in pairs)


@dataclass(frozen=True, slots=True)
class Statements:
    """Statements per order of so many sessions, counted on the server."""

    sessions: int
    in_process: float
    through_http: float


class Workshop:
    """A database that is set up, with what is needed to book in it by every side."""

    def __init__(
        self, owner: psycopg.Connection[Any], *, url: str, role: str, organisations: list[Organisation]
    ) -> None:
        self.owner = owner
        self.url = url
        self.role = role
        self.organisations = organisations
        self._chance = random.Random(2026)  # the same contention in every run
        self._rates: dict[tuple[str, int, int], float] = {}
        self.rows_per_order: dict[int, int] = {}
        self.templates = self._make_templates()

    def carts(self, sessions: int, number: int) -> list[Cart]:
        return make_carts(self.owner, self.organisations, sessions=sessions, number=number, chance=self._chance)

    def _make_templates(self) -> dict[int, Templates]:
        """Let the engine book an order of each size, and prove that the floor leaves as many rows in each table."""
        database = Database(self.url, app_role=self.role, pool_size=1)
        templates: dict[int, Templates] = {}
        for size in SIZES:
            by_engine, by_floor = self.carts(size, 2)
            written = _book_and_read(database, by_engine)
            if not templates:
                create_functions(self.owner, written)
            templates[size] = make_templates(by_engine, written)
            left = book_by_floor(database, templates[size], by_floor)
            for verb in VERBS:
                assert left[verb].counts == written[verb].counts, f"{verb} of {size}: the floor leaves other rows"
            self.rows_per_order[size] = sum(sum(w.counts.values()) for w in written.values())
        database.close()
        return templates

    def count_statements(self, orders_counted: int) -> list[Statements]:
        return [
            Statements(
                size,
                counting.statements_in_process(self.url, self.role, self.carts(size, 1 + orders_counted)),
                counting.statements_through_http(self.url, self.role, self.carts(size, 1 + orders_counted)),
            )
            for size in SIZES
        ]

    def measure(
        self, clients: Clients, *, number: int, sessions: int, rounds: int, seconds: float, tick: Callable[[], None]
    ) -> Measured:  # fmt: skip
        """Let every side take its turn in every round; who begins changes from round to round."""
        measured = Measured(number, sessions)
        for turn in range(rounds):
            first = turn % len(SIDES)
            for side in SIDES[first:] + SIDES[:first]:
                measured.slices[side].append(self.slice(clients, side, number, sessions, seconds))
                tick()
        return measured

    def slice(self, clients: Clients, side: str, number: int, sessions: int, seconds: float) -> Slice:
        """One stretch of time of one side, on carts that are made for it before."""
        rate = self._rates.get((side, number, sessions), 400.0 / sessions**0.5)
        wanted = math.ceil(_RESERVE * rate * seconds / number) + 2
        carts = self.carts(sessions, wanted * number)
        found = clients.run(side, [carts[one::number] for one in range(number)], seconds)
        self._rates[side, number, sessions] = max(found.orders_per_second, 10.0)
        return found

    def live_in(self, clients: Clients, orders_before: int) -> None:
        """Book a past of so many orders, let the planner see the tables, and let every side book until its connections
        have prepared and planned their statements.
        """
        self._book_all(clients, "floor", orders_before, at_once=CLIENTS)
        self.owner.execute("VACUUM ANALYZE")
        for side in SIDES:
            for size in SIZES:
                at_once = CLIENTS if size == USUAL_SIZE else _FEW
                self._book_all(clients, side, at_once * _TO_WARM_UP, at_once=at_once, sessions=size)

    def _book_all(
        self, clients: Clients, side: str, number: int, *, at_once: int, sessions: int = USUAL_SIZE
    ) -> None:  # fmt: skip
        carts = self.carts(sessions, number)
        clients.run(side, [carts[one::at_once] for one in range(at_once)], math.inf)


def _book_and_read(database: Database, cart: Cart) -> dict[str, Written]:
    """Book by the engine's verbs and read back what each transaction wrote, just before it commits."""
    actor = Actor(ActorKind.ADMIN, user_id=cart.admin_id)

    def submit(tx: Transaction) -> None:
        orders.submit(tx, order_id=cart.order_id, confirmation_type=ADMIN_CONFIRM,
                      price_fingerprint=cart.fingerprint, actor=actor, now=NOW)  # fmt: skip

    def confirm(tx: Transaction) -> None:
        orders.confirm(tx, order_id=cart.order_id, actor=actor, now=NOW, reason=REASON)

    written = {}
    for verb, pull in zip(VERBS, (submit, confirm), strict=True):
        with database.transaction(cart.organisation_id) as tx:
            before = order_row(tx, cart)
            pull(tx)
            tx.flush()
            after = order_row(tx, cart)
            changed = tuple(name for name in after if after[name] != before[name])
            written[verb] = Written(rows_of(tx), changed)
    return written


def open_clients(workshop: Workshop, *, base_url: str, api_pid: int) -> Clients:
    meter = Meter(workshop.owner, [api_pid])
    addresses = Addresses(workshop.url, workshop.role, base_url, workshop.templates)
    return Clients(CLIENTS, addresses, meter)

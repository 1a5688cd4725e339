"""What the order's verbs know: the order under lock, and what its guards ask, read in one statement after the lock.

Lock order: account → attendee → order. Whatever reads other rows stands in a later statement than the lock.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache, cached_property, lru_cache
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import SQLModel

from billing.passes import Right
from catalogue.rules import Answer, Rule, answer
from catalogue.selection import OfferedSession
from engine.actor import Actor
from engine.chart import Chart
from engine.database import Row, Transaction
from engine.errors import Conflict, NotFound
from engine.fire import Subject
from models import (
    ActorKind,
    BookingMode,
    LineKind,
    TermBookingConfirmationType,
    TermBookingOrder,
    TermBookingOrderType,
    TermBookingStatus,
)
from workflows.double_booking import Slot
from workflows.interest_facts import Interest, triggers_of
from workflows.makeup_credit import Credit
from workflows.wanted_activities import WantedActivity
from workflows.wanted_seats import WantedSeat


@dataclass(kw_only=True)
class Order(Subject):
    """The order as the verbs see it, with its account, attendee and organisation, all read under lock."""

    table: ClassVar[type[SQLModel]] = TermBookingOrder
    account_id: UUID
    attendee_id: UUID
    term_id: UUID
    order_type: TermBookingOrderType
    confirmation_type: TermBookingConfirmationType | None = None
    group_id: UUID | None = None
    billing_id: UUID | None = None
    booking_id: UUID | None = None
    total_minor: int = 0
    price_fingerprint: str = ""
    note: str = ""
    subscription_id: UUID | None = None
    converts_order_id: UUID | None = None
    original_booking_id: UUID | None = None
    original_order_id: UUID | None = None
    cause_order_id: UUID | None = None  # of a companion: the order that alters its booking's price
    change_due_minor: int | None = None
    cancel_reason: str | None = None
    promo_code: str | None = None
    submitted_at: datetime | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    account: Row = field(default_factory=dict, repr=False)
    attendee: Row = field(default_factory=dict, repr=False)
    organisation: Row = field(default_factory=dict, repr=False)

    @property
    def is_change(self) -> bool:
        """It changes a booking, or a quoted order."""
        return self.original_booking_id is not None or self.original_order_id is not None

    def allowed(self, chart: Chart, kind: ActorKind) -> list[str]:
        """Of the chart's triggers those that are for its type."""
        return triggers_of(chart, self.order_type, self.status, kind)


@dataclass(slots=True)
class Offering:
    """A term program set with its program, category, site and term."""

    id: UUID
    facts: Row
    chain: tuple[UUID, ...]  # scope ids of the rules, nearest first

    @property
    def name(self) -> str:
        return str(self.facts["name"])


@dataclass(slots=True)
class WantedExtra:
    """An extra asked for with a line, at the catalogue's price of now."""

    id: UUID
    order_line_id: UUID
    extra_id: UUID
    name: str
    price_minor: int
    quantity: int
    is_offered: bool  # still sold, and with this program
    left: int | None = None  # at this session; None: as many as are asked for


# The days of a term are asked for again and again.
@lru_cache(maxsize=4096)
def _day(written: str) -> date:
    return date.fromisoformat(written)


@lru_cache(maxsize=4096)
def _day_in_words(written: str) -> str:
    return f"{_day(written):%a %d %b %Y}"


@dataclass(slots=True)
class WantedLine:
    """One session asked for."""

    line_id: UUID
    session_id: UUID
    offering: Offering
    kind: LineKind
    mode: BookingMode
    position: int
    slot: Slot
    facts: Row  # the session's columns
    extras: list[WantedExtra] = field(default_factory=list)
    # `mode` is the one that the line gets; this is the one asked for, and why they differ.
    asked_mode: BookingMode | None = None
    mode_reason: str = ""
    seat: WantedSeat | None = None  # the seat asked for, if there is such a seat
    activities: list[WantedActivity] = field(default_factory=list)  # those asked for that there are
    makeup: Credit | None = None  # the credit of a makeup session, if there is such a credit
    # It takes the time of a session that the same change gives up: it blocks no time before the two are swapped.
    waits_for_swap: bool = False

    @property
    def makeup_credit_id(self) -> UUID | None:
        """What a makeup session is booked with."""
        return UUID(self.facts["makeup_credit_id"]) if self.facts["makeup_credit_id"] else None

    @property
    def activity_ids(self) -> list[UUID]:
        """The activities of the day that are asked for."""
        return [UUID(activity_id) for activity_id in self.facts["activities"] or ()]

    @property
    def seat_id(self) -> UUID | None:
        return UUID(self.facts["seat_id"]) if self.facts["seat_id"] else None

    @property
    def local_date(self) -> date | None:
        value = self.facts["local_date"]
        return _day(value) if value else None

    @property
    def label(self) -> str:
        """How a person would name the session: "Karate, Sun 12 Apr 2026 09:30–10:30"."""
        facts = self.facts
        if not (day := facts["local_date"]):
            return f"{self.offering.name}, undated"
        return f"{self.offering.name}, {_day_in_words(day)} {facts['local_start'][:5]}–{facts['local_end'][:5]}"

    @property
    def printed(self) -> dict[str, str]:
        """The course, site, day and times as a document prints them, today and ever after."""
        shown = {"course": self.offering.name, "site": self.offering.facts["site"]}
        if self.facts["local_date"]:
            shown |= {"date": self.facts["local_date"], "starts": self.facts["local_start"],
                      "ends": self.facts["local_end"]}  # fmt: skip
        return shown | {"seat": self.seat.printed} if self.seat else shown

    @property
    def sold_as(self) -> str:
        """The session as an invoice names it, with the seat."""
        return f"{self.label}, {self.seat.label}" if self.seat else self.label


@dataclass(slots=True)
class Claim:
    """A claim that the attendee holds through another order."""

    order_id: UUID
    order_type: TermBookingOrderType
    slot: Slot
    account_id: UUID
    reference: str
    label: str
    id: UUID
    # The offer that the claim belongs to, of a waiting list, open or just accepted.
    offer_id: UUID | None = None


@dataclass
class Beside:
    """What the orders before this one in the same submission ask for."""

    places: Counter[UUID] = field(default_factory=Counter)  # by session
    seats: set[tuple[UUID, UUID]] = field(default_factory=set)  # (session, seat)
    extras: Counter[tuple[UUID, UUID]] = field(default_factory=Counter)  # (session, extra)
    promo_codes: set[str] = field(default_factory=set)

    def copy(self) -> "Beside":
        return Beside(self.places.copy(), self.seats.copy(), self.extras.copy(), self.promo_codes.copy())

    def add(self, order: Order, facts: "Facts") -> None:
        if order.promo_code is not None:
            self.promo_codes.add(order.promo_code)
        for line in facts.fresh:
            self.places[line.session_id] += 1
            if line.seat_id is not None:
                self.seats.add((line.session_id, line.seat_id))
        for line in facts.lines:
            for extra in line.extras:
                self.extras[line.session_id, extra.extra_id] += extra.quantity


@dataclass
class Facts:
    """Everything the guards of an order ask, as it stood after the lock."""

    lines: list[WantedLine]
    settings: dict[tuple[UUID, str], Any]
    claims: list[Claim]
    siblings: dict[UUID, list[OfferedSession]]
    group: Row | None
    trials_taken: dict[str, int]
    standing: Row | None
    today: date  # the organisation's local day
    # The children of the account with confirmed bookings in the group, first come first, with their programs.
    peers: list[Row] = field(default_factory=list)
    # Its approved bookings, by id, with a discount that counts other bookings and is judged again when they change.
    counting: list[UUID] = field(default_factory=list)
    # What the order alters of them, once that was asked: a change of each.
    companions: list[Any] = field(default_factory=list)
    promo: Row | None = None  # how often the order's code was used, and whether by this account
    # The family's own interest that becomes this order.
    making_way: list[Interest] = field(default_factory=list)
    # Sessions whose places the order has already: those of a trial that it converts.
    kept: frozenset[UUID] = frozenset()
    # The group order that it is still to be submitted with: its id and reference.
    open_group: Row | None = None
    # What the account's passes have left for this order.
    passes: list[Right] = field(default_factory=list)
    # In the submission of a group order only.
    beside: Beside | None = None
    # What the original of a change order holds and keeps; `lines` are then the sessions that it adds.
    staying: list[WantedLine] = field(default_factory=list)
    # Of a change order: how many of which extra its original holds beside a session that stays.
    extras_held: dict[tuple[UUID, UUID], int] = field(default_factory=dict)
    _answers: dict[tuple[Rule, UUID], Answer] = field(default_factory=dict, repr=False)

    def offered(self, line: WantedLine) -> Claim | None:
        """The place in the session that is offered to the attendee as one who waits."""
        return next((c for c in self.claims if c.offer_id and c.slot.session_id == line.session_id), None)

    @cached_property
    def offerings(self) -> dict[UUID, Offering]:
        return {line.offering.id: line.offering for line in self.lines}

    def of(self, lines: Iterable[WantedLine]) -> "Facts":
        """The same facts about these lines only."""
        return replace(self, lines=list(lines))

    @property
    def fresh(self) -> list[WantedLine]:
        """The lines that ask for a place which nobody keeps for the attendee."""
        return [line for line in self.lines if line.session_id not in self.kept and self.offered(line) is None]

    def places_left(self, line: WantedLine) -> int:
        """The places of the session that are left for this order."""
        beside = self.beside.places[line.session_id] if self.beside else 0
        return int(line.facts["capacity"] - line.facts["taken"] - beside)

    def extras_left(self, line: WantedLine, extra: WantedExtra) -> int | None:
        """How many of the extra this order may still add there; None where there are as many as are asked for."""
        beside = self.beside.extras[line.session_id, extra.extra_id] if self.beside else 0
        return None if extra.left is None else extra.left - beside

    def extras_added(self, line: WantedLine, extra: WantedExtra) -> int:
        """How many more of the extra the order asks for than are held for it already."""
        return extra.quantity - self.extras_held.get((line.session_id, extra.extra_id), 0)

    def has_seat_free(self, line: WantedLine) -> bool:
        """Whether the seat that is asked for, one of its session's, is left for this order."""
        assert line.seat is not None
        return not line.seat.is_taken and not (self.beside and (line.session_id, line.seat_id) in self.beside.seats)

    @property
    def whole(self) -> list[WantedLine]:
        """Every session of the order, those that stay included, in the order in which they were chosen."""
        return sorted([*self.lines, *self.staying], key=lambda line: line.position)

    def rule(self, rule: Rule, offering: Offering) -> Answer:
        """Which value the rule has for this offering, and where it comes from."""
        key = (rule, offering.id)
        if key not in self._answers:
            self._answers[key] = answer(rule, self.settings, chain=offering.chain)
        return self._answers[key]

    def rules(self, rule: Rule) -> list[Any]:
        """The rule's value for each offering of the order, those whose sessions stay included."""
        offerings = {line.offering.id: line.offering for line in self.whole}
        return [self.rule(rule, offering).value for offering in offerings.values()]


ORDERS = """
SELECT o.id, o.reference, o.status, o.version, o.account_id, o.attendee_id, o.term_id, o.order_type,
       o.confirmation_type, o.group_id, o.billing_id, o.booking_id, o.total_minor, o.price_fingerprint, o.note,
       o.subscription_id, o.converts_order_id, o.original_booking_id, o.original_order_id, o.cause_order_id,
       o.change_due_minor,
       o.cancel_reason, o.promo_code, o.submitted_at, o.created_at,
       json_build_object('name', a.name, 'reference', a.reference, 'email', a.email, 'address', a.address,
                         'kind', a.kind, 'credit_limit_minor', a.credit_limit_minor, 'is_staff', a.is_staff) AS account,
       json_build_object('name', t.name, 'claim_key', t.claim_key, 'date_of_birth', t.date_of_birth,
                         'school_year', t.school_year, 'height_cm', t.height_cm, 'weight_kg', t.weight_kg,
                         'reference', t.reference) AS attendee,
       json_build_object('name', g.name, 'legal_name', g.legal_name, 'currency', g.currency, 'locale', g.locale,
                         'prices_include_tax', g.prices_include_tax, 'time_zone', g.time_zone,
                         'letterhead', g.letterhead) AS organisation
FROM term_booking_order o
JOIN account a ON a.organisation_id = o.organisation_id AND a.id = o.account_id
JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
JOIN organisation g ON g.id = o.organisation_id
WHERE o.organisation_id = %(org)s AND o.id = ANY(%(order_ids)s)
ORDER BY t.id, o.id
"""
_LOCK = f"{ORDERS} FOR NO KEY UPDATE OF "


def local_day(now: datetime, order: Order) -> date:
    """Today where the organisation is."""
    return now.astimezone(ZoneInfo(order.organisation["time_zone"])).date()


class Changed(Conflict):
    """It was changed after the version that the caller has seen."""

    code = "changed"


def lock_order(
    tx: Transaction, order_id: UUID, *, actor: Actor, version: int | None = None, order_only: bool = False
) -> Order:
    """Lock account, attendee and order, in that order; `order_only` is for a sweeper, which already holds the order.

    Raises NotFound for an order that the actor may not see, Changed when `version` is not its version any more.
    """
    (order,) = _lock(tx, [order_id], actor=actor, order_only=order_only)
    if version is not None and version != order.version:
        raise Changed(f"{order.reference} was changed meanwhile; look at it again.", version=order.version)
    return order


def read_order(tx: Transaction, order_id: UUID) -> Order:
    """An order as it stands, without a lock: for who only asks. It is never moved by what this returns."""
    (order,) = read_orders(tx, [order_id])
    return order


def read_orders(tx: Transaction, order_ids: Sequence[UUID]) -> list[Order]:
    """Orders as they stand, without a lock."""
    return [order_of(row) for row in tx.rows(ORDERS, order_ids=list(order_ids))]


def lock_orders(tx: Transaction, order_ids: Sequence[UUID], *, actor: Actor, order_only: bool = False) -> list[Order]:
    """Lock an account, its attendees by id and their orders in one statement; returns the orders as they were named.
    `order_only` is for a sweeper, which already holds the first of them.

    Raises NotFound where the actor may not see one of them.
    """
    found = {order.id: order for order in _lock(tx, order_ids, actor=actor, order_only=order_only)}
    return [found[order_id] for order_id in order_ids]


def _lock(tx: Transaction, order_ids: Sequence[UUID], *, actor: Actor, order_only: bool = False) -> list[Order]:
    lock = _of_one(_LOCK) if len(order_ids) == 1 else _LOCK
    rows = tx.rows(lock + ("o" if order_only else "a, t, o"), order_ids=list(order_ids),
                   order_id=next(iter(order_ids), None))  # fmt: skip
    if len(rows) < len(order_ids) or not all(actor.may_see_account(row["account_id"]) for row in rows):
        raise NotFound("There is no such order.", what="order")
    return [order_of(row) for row in rows]


@cache
def _of_one(sql: str) -> str:
    """The statement about one order: the planner takes any list for ten, and a plan for all of them for too dear."""
    return sql.replace("= ANY(%(order_ids)s)", "= %(order_id)s")


def order_of(row: Row) -> Order:
    """The order of a row of `ORDERS`."""
    row["status"] = TermBookingStatus(row["status"])
    row["order_type"] = TermBookingOrderType(row["order_type"])
    if row["confirmation_type"] is not None:
        row["confirmation_type"] = TermBookingConfirmationType(row["confirmation_type"])
    row["attendee"]["date_of_birth"] = date.fromisoformat(row["attendee"]["date_of_birth"])
    if row["attendee"]["weight_kg"] is not None:
        row["attendee"]["weight_kg"] = Decimal(str(row["attendee"]["weight_kg"]))
    return Order(**row)

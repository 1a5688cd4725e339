"""What the order's verbs know: the order under lock, and what its guards ask, read in one statement after the lock.

Lock order: account → attendee → order. Whatever reads other rows stands in a later statement than the lock.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from sqlmodel import SQLModel

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
from workflows.double_booking import Slot, converts
from workflows.interest_facts import Interest, read_interests, triggers_of
from workflows.makeup_credit import Credit
from workflows.makeup_use import read_wanted_credits
from workflows.wanted_activities import WantedActivity, read_wanted_activities
from workflows.wanted_seats import WantedSeat, read_wanted_seats


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
        return date.fromisoformat(value) if value else None

    @property
    def label(self) -> str:
        """How a person would name the session: "Karate, Sun 12 Apr 2026 09:30–10:30"."""
        day = self.local_date
        if day is None:
            return f"{self.offering.name}, undated"
        return f"{self.offering.name}, {day:%a %d %b %Y} {self.facts['local_start'][:5]}–{self.facts['local_end'][:5]}"

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
    promo_codes: set[str] = field(default_factory=set)

    def copy(self) -> "Beside":
        return Beside(self.places.copy(), self.seats.copy(), self.promo_codes.copy())

    def add(self, order: Order, lines: Iterable[WantedLine]) -> None:
        if order.promo_code is not None:
            self.promo_codes.add(order.promo_code)
        for line in lines:
            self.places[line.session_id] += 1
            if line.seat_id is not None:
                self.seats.add((line.session_id, line.seat_id))


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
    # In the submission of a group order only.
    beside: Beside | None = None
    # What the original of a change order holds and keeps; `lines` are then the sessions that it adds.
    staying: list[WantedLine] = field(default_factory=list)
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
        """The rule's value for each offering of the order."""
        return [self.rule(rule, offering).value for offering in self.offerings.values()]


ORDERS = """
SELECT o.id, o.reference, o.status, o.version, o.account_id, o.attendee_id, o.term_id, o.order_type,
       o.confirmation_type, o.group_id, o.billing_id, o.booking_id, o.total_minor, o.price_fingerprint, o.note,
       o.subscription_id, o.converts_order_id, o.original_booking_id, o.cause_order_id, o.change_due_minor,
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
    row = tx.row(ORDERS, order_ids=[order_id])
    assert row is not None, "an order is never deleted"
    return order_of(row)


def lock_orders(tx: Transaction, order_ids: Sequence[UUID], *, actor: Actor, order_only: bool = False) -> list[Order]:
    """Lock an account, its attendees by id and their orders in one statement; returns the orders as they were named.
    `order_only` is for a sweeper, which already holds the first of them.

    Raises NotFound where the actor may not see one of them.
    """
    found = {order.id: order for order in _lock(tx, order_ids, actor=actor, order_only=order_only)}
    return [found[order_id] for order_id in order_ids]


def _lock(tx: Transaction, order_ids: Sequence[UUID], *, actor: Actor, order_only: bool = False) -> list[Order]:
    rows = tx.rows(_LOCK + ("o" if order_only else "a, t, o"), order_ids=list(order_ids))
    if len(rows) < len(order_ids) or not all(actor.may_see_account(row["account_id"]) for row in rows):
        raise NotFound("There is no such order.", what="order")
    return [order_of(row) for row in rows]


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


_WANTED_SAVED = """
WITH wanted AS MATERIALIZED (
    SELECT l.order_id, l.id AS line_id, l.term_product_id AS id, l.kind, coalesce(l.asked_mode, l.mode) AS mode,
           l.position, l.seat_id, l.makeup_credit_id,
           (SELECT jsonb_agg(a.term_product_id) FROM term_booking_order_activity a
            WHERE a.organisation_id = l.organisation_id AND a.order_line_id = l.id) AS activities
    FROM term_booking_order_line l
    WHERE l.organisation_id = %(org)s AND l.order_id = ANY(%(order_ids)s) AND l.kind <> 'CLOSURE_DAY'
), extras AS (
    SELECT e.id, e.order_line_id, e.extra_id, e.quantity FROM term_booking_order_extra e
    WHERE e.organisation_id = %(org)s AND e.order_id = ANY(%(order_ids)s)
)"""

_WANTED_GIVEN = """
WITH wanted AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(wanted)s::jsonb)
        AS w(order_id uuid, line_id uuid, id uuid, kind text, mode text, position int, seat_id uuid,
             activities jsonb, makeup_credit_id uuid)
), extras AS (
    SELECT * FROM jsonb_to_recordset(%(extras)s::jsonb)
        AS e(id uuid, order_line_id uuid, extra_id uuid, quantity int)
)"""

# What an account owes: unpaid invoices, open pay-later orders (but for these), overdue invoices.
ACCOUNT_STANDING = """json_build_object(
        'unpaid_minor', (SELECT coalesce(sum(p.amount_minor), 0) FROM ledger_posting p
            WHERE p.organisation_id = %(org)s AND p.account_id = %(account_id)s AND p.ledger_account = 'RECEIVABLE'),
        'open_minor', (SELECT coalesce(sum(coalesce(o.change_due_minor, o.total_minor)), 0)
            FROM term_booking_order o
            WHERE o.organisation_id = %(org)s AND o.account_id = %(account_id)s AND o.confirmation_type = 101
              AND o.status IN (300, 475, 485, 450) AND o.id <> ALL(%(order_ids)s)),
        'overdue', (SELECT json_agg(json_build_object('number', d.number, 'due_on', d.due_on, 'minor', d.minor)
                                    ORDER BY d.due_on, d.number) FROM (
            SELECT concat(v.series, '-', v.year, '-', lpad(v.number::text, 6, '0')) AS number,
                   coalesce(p.due_on, v.due_on) AS due_on,
                   least(coalesce(p.minor, v.total_minor), v.total_minor - (
                       SELECT coalesce(sum(a.amount_minor), 0) FROM credit_allocation a
                       WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id)) - (
                   SELECT coalesce(sum(a.amount_minor), 0) FROM payment_allocation a
                   WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id) AS minor
            FROM invoice v
            CROSS JOIN LATERAL (
                SELECT sum(i.amount_minor) AS minor, max(i.due_on) AS due_on FROM payment_schedule s
                JOIN instalment i ON i.organisation_id = s.organisation_id AND i.schedule_id = s.id
                JOIN term_booking_order o ON o.organisation_id = s.organisation_id AND o.id = s.order_id
                WHERE s.organisation_id = v.organisation_id AND s.billing_id = v.billing_id
                  AND o.confirmation_type IN (202, 301) AND i.due_on < %(today)s) p
            WHERE v.organisation_id = %(org)s AND v.account_id = %(account_id)s
              AND (v.due_on < %(today)s OR p.minor > 0)) d
            WHERE d.minor > 0))"""

_FACTS = (
    """
, sessions AS MATERIALIZED (
    SELECT w.*, s.term_program_set_id, s.product_type, s.component, s.status, s.starts_at, s.ends_at, s.local_date,
           s.local_start, s.local_end, s.price_minor, s.capacity, s.taken, s.venue_id
    FROM wanted w JOIN term_product s ON s.organisation_id = %(org)s AND s.id = w.id
), offerings AS MATERIALIZED (
    SELECT p.id, p.name, p.code, p.status, p.modes, p.session_price_minor, p.full_week_price_minor,
           p.full_term_price_minor, p.age_from_months, p.age_below_months, p.school_year_from, p.school_year_to,
           p.height_from_cm, p.height_to_cm, p.weight_from_kg, p.weight_to_kg, p.bookable_from, p.bookable_until,
           p.priority_from, e.name AS priority_term, CASE WHEN p.priority_from IS NOT NULL THEN ARRAY(
               SELECT DISTINCT b.attendee_id FROM term_booking b
               JOIN term_booking_line l ON l.organisation_id = b.organisation_id AND l.booking_id = b.id
               JOIN term_program_set o ON o.organisation_id = l.organisation_id AND o.id = l.term_program_set_id
               WHERE b.organisation_id = %(org)s AND b.attendee_id = ANY(%(attendee_ids)s) AND b.order_type IN (0, 4)
                 AND b.status IN (450, 500, 600, 700) AND b.term_id = p.priority_term_id AND l.cancelled_at IS NULL
                 AND o.program_id = p.program_id) END AS with_priority,
           p.term_id, t.status AS term_status, t.starts_on AS term_starts_on, t.ends_on AS term_ends_on,
           t.name AS term, p.program_id,
           g.name AS program, g.category_id, c.name AS category, c.program_type, i.name AS site,
           i.time_zone, i.address AS site_address
    FROM term_program_set p
    JOIN term t ON t.organisation_id = p.organisation_id AND t.id = p.term_id
    JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
    JOIN program_category c ON c.organisation_id = g.organisation_id AND c.id = g.category_id
    JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
    LEFT JOIN term e ON e.organisation_id = p.organisation_id AND e.id = p.priority_term_id
    WHERE p.organisation_id = %(org)s AND p.id IN (SELECT term_program_set_id FROM sessions)
)
SELECT
    (SELECT json_agg(s ORDER BY s.position) FROM sessions s) AS sessions,
    (SELECT json_agg(o) FROM offerings o) AS offerings,
    (SELECT json_agg(json_build_object('id', e.id, 'order_line_id', e.order_line_id, 'extra_id', e.extra_id,
                     'quantity', e.quantity, 'name', x.name, 'price_minor', x.price_minor,
                     'is_offered', x.is_active AND coalesce(x.program_id = p.program_id, true)))
     FROM extras e
     JOIN sessions w ON w.line_id = e.order_line_id
     JOIN offerings p ON p.id = w.term_program_set_id
     JOIN extra x ON x.organisation_id = %(org)s AND x.id = e.extra_id) AS extras,
    (SELECT json_agg(json_build_array(r.scope_id, r.name, r.value)) FROM rule_setting r
     WHERE r.organisation_id = %(org)s AND r.scope_id IN (
         SELECT %(org)s UNION ALL SELECT id FROM offerings UNION ALL SELECT program_id FROM offerings
         UNION ALL SELECT category_id FROM offerings)) AS settings,
    (SELECT json_agg(json_build_object('id', s.id, 'offering', s.term_program_set_id, 'date', s.local_date,
                     'starts_at', s.starts_at, 'is_open', s.status = 'OPEN') ORDER BY s.local_date, s.id)
     FROM term_product s
     WHERE s.organisation_id = %(org)s AND s.product_type = 'SESSION' AND s.status IN ('OPEN', 'CLOSED')
       AND s.term_program_set_id IN (
           SELECT term_program_set_id FROM sessions WHERE mode <> 'CASUAL'
           UNION ALL SELECT id FROM offerings WHERE modes && ARRAY['FULL_WEEK', 'FULL_TERM'])) AS siblings,
    (SELECT json_agg(json_build_object('id', c.id, 'attendee_id', c.attendee_id, 'order_id', o.id,
                     'order_type', c.order_type, 'offer_id',
                     CASE WHEN c.order_type = 1 THEN (SELECT e.offer_id FROM waiting_entry e
                         WHERE e.organisation_id = c.organisation_id AND e.order_id = c.order_id
                           AND e.term_product_id = c.term_product_id AND e.status IN (30, 40)) END,
                     'session', s.id, 'starts_at', s.starts_at, 'ends_at', s.ends_at, 'account_id', o.account_id,
                     'reference', coalesce(b.reference, o.reference), 'name', p.name, 'date', s.local_date,
                     'start', s.local_start, 'end', s.local_end))
     FROM place_claim c
     JOIN term_product s ON s.organisation_id = c.organisation_id AND s.id = c.term_product_id
     JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
     JOIN term_booking_order o ON o.organisation_id = c.organisation_id AND o.id = c.order_id
     LEFT JOIN term_booking b ON b.organisation_id = o.organisation_id AND b.id = o.booking_id
     WHERE c.organisation_id = %(org)s AND c.attendee_id = ANY(%(attendee_ids)s)
       AND c.order_id <> ALL(%(order_ids)s)
       AND (s.id IN (SELECT id FROM sessions)
            OR s.starts_at < (SELECT max(ends_at) FROM sessions)
               AND s.ends_at > (SELECT min(starts_at) FROM sessions))) AS claims,
    (SELECT json_build_object('id', g.id, 'last_version', g.last_version) FROM billing_group g
     WHERE g.organisation_id = %(org)s AND CASE WHEN %(subscription_id)s::uuid IS NULL
         THEN g.account_id = %(account_id)s AND g.term_id = %(term_id)s
         ELSE g.subscription_id = %(subscription_id)s END) AS billing_group,
    (SELECT json_agg(json_build_object('attendee_id', j.attendee_id, 'programs', j.programs)
                     ORDER BY j.joined_at, j.attendee_id)
     FROM (SELECT b.attendee_id, min(b.created_at) AS joined_at,
                  array_agg(DISTINCT p.program_id) FILTER (WHERE b.id <> ALL(%(original_ids)s::uuid[]))
                  AS programs
           FROM term_booking b
           JOIN term_booking_line l ON l.organisation_id = b.organisation_id AND l.booking_id = b.id
                AND l.cancelled_at IS NULL
           JOIN term_program_set p ON p.organisation_id = l.organisation_id AND p.id = l.term_program_set_id
           WHERE b.organisation_id = %(org)s AND b.account_id = %(account_id)s AND b.term_id = %(term_id)s
             AND b.order_id <> ALL(%(order_ids)s) AND b.order_type NOT IN (2, 4) AND b.status IN (450, 500, 700)
           GROUP BY b.attendee_id) j) AS peers,
    (SELECT json_agg(b.id ORDER BY b.id) FROM term_booking b
     WHERE b.organisation_id = %(org)s AND b.account_id = %(account_id)s AND b.term_id = %(term_id)s
       AND b.order_type = 0 AND b.status = 500 AND b.id <> ALL(%(original_ids)s::uuid[])
       AND b.order_id <> ALL(%(order_ids)s)
       AND EXISTS (SELECT FROM billing_line x WHERE x.organisation_id = b.organisation_id
                   AND x.billing_id = b.billing_id AND x.trace @? '$[*] ? ((@.rule == "SIBLING" ||
                       @.rule == "COMBINE_BOOKING") && !(@.terms.on_edit == "FREEZE"))')) AS counting,
    (SELECT json_object_agg(w.code, json_build_object(
        'used', (SELECT c.used FROM promo_code c WHERE c.organisation_id = %(org)s AND c.code = w.code),
        'is_used_before', EXISTS (SELECT FROM promo_redemption r WHERE r.organisation_id = %(org)s
            AND r.code = w.code AND r.account_id = %(account_id)s AND r.order_id <> ALL(%(order_ids)s))))
     FROM unnest(%(promo_codes)s::text[]) AS w (code)) AS promos,
    CASE WHEN %(has_trials)s THEN
        (SELECT json_agg(t) FROM (
            SELECT o.attendee_id, p.program_id, count(*) AS trials
            FROM term_booking_order o
            JOIN term_booking_order_line l ON l.organisation_id = o.organisation_id AND l.order_id = o.id
            JOIN term_program_set p ON p.organisation_id = o.organisation_id AND p.id = l.term_program_set_id
            WHERE o.organisation_id = %(org)s AND o.attendee_id = ANY(%(attendee_ids)s) AND o.order_type = 2
              AND o.id <> ALL(%(order_ids)s) AND o.status IN (300, 450, 475, 485, 500)
            GROUP BY o.attendee_id, p.program_id) t)
    END AS trials_taken,
    (SELECT json_object_agg(m.order_id, json_build_object('id', g.id, 'reference', g.reference))
     FROM group_order_member m
     JOIN group_order g ON g.organisation_id = m.organisation_id AND g.id = m.group_order_id
     WHERE m.organisation_id = %(org)s AND m.order_id = ANY(%(order_ids)s) AND g.submitted_at IS NULL) AS open_groups,
    CASE WHEN %(pay_later)s THEN """
    + ACCOUNT_STANDING
    + """ END AS standing
"""
)


def read_facts(
    tx: Transaction, order: Order, *, now: datetime, today: date, pay_later: bool = False,
    wanted: list[Row] | None = None, extras: list[Row] | None = None, uncounted: Sequence[UUID] = (),
) -> Facts:  # fmt: skip
    """Read what the guards ask, in one statement at any number of sessions: of the saved lines, or of lines given. The
    programs of the bookings `uncounted` do not count, as those of an original do not.
    """
    given = None if wanted is None else [{**row, "order_id": order.id} for row in wanted]
    (facts,) = read_facts_together(tx, [order], now=now, today=today, pay_later=pay_later, wanted=given, extras=extras,
                                   uncounted=uncounted)  # fmt: skip
    return facts


def read_facts_together(
    tx: Transaction, orders: Sequence[Order], *, now: datetime, today: date, pay_later: bool = False,
    wanted: list[Row] | None = None, extras: list[Row] | None = None, uncounted: Sequence[UUID] = (),
) -> list[Facts]:  # fmt: skip
    """The same of several orders of one account and term, in one statement at any number of them, in their order.

    Lines that are given name their `order_id`.
    """
    assert len({(order.account_id, order.term_id) for order in orders}) == 1, "of one account and term"
    given = {} if wanted is None else {
        "wanted": orjson.dumps(wanted).decode(), "extras": orjson.dumps(extras or []).decode()
    }  # fmt: skip
    row = tx.row(
        (_WANTED_SAVED if wanted is None else _WANTED_GIVEN) + _FACTS,
        order_ids=[order.id for order in orders], attendee_ids=[order.attendee_id for order in orders],
        account_id=orders[0].account_id, term_id=orders[0].term_id,
        subscription_id=orders[0].subscription_id,
        has_trials=any(order.order_type is TermBookingOrderType.TRIAL_SESSION for order in orders),
        promo_codes=list({order.promo_code for order in orders if order.promo_code}),
        original_ids=[*uncounted, *(order.original_booking_id for order in orders if order.original_booking_id)],
        pay_later=pay_later, now=now, today=today, **given,
    )  # fmt: skip
    assert row is not None
    found = _facts_of_each(row, orders, tx.organisation_id, now=now, today=today)
    _seat(tx, orders, found)
    _name_activities(tx, found)
    _name_credits(tx, found)
    _make_way(tx, orders, found)
    return found


def _facts_of_each(
    row: Row, orders: Sequence[Order], organisation_id: UUID, *, now: datetime, today: date
) -> list[Facts]:
    """What was read, parted by order; offerings, settings and answers are shared."""
    offerings = _offerings(row["offerings"] or (), organisation_id)
    settings = {(UUID(scope), name): value for scope, name, value in row["settings"] or ()}
    lines = _lines(row["sessions"] or (), offerings, row["extras"] or ())
    claims, trials = row["claims"] or (), row["trials_taken"] or ()
    answers: dict[tuple[Rule, UUID], Answer] = {}
    found: list[Facts] = []
    for order in orders:
        order_id, attendee_id = str(order.id), str(order.attendee_id)
        facts = Facts(
            lines=[line for line in lines if line.facts["order_id"] == order_id],
            settings=settings,
            claims=[_claim(c) for c in claims if c["attendee_id"] == attendee_id],
            siblings={},
            group=row["billing_group"],
            trials_taken={t["program_id"]: t["trials"] for t in trials if t["attendee_id"] == attendee_id},
            standing=row["standing"],
            today=today,
            peers=row["peers"] or [],
            counting=[UUID(booking_id) for booking_id in row["counting"] or ()],
            open_group=(row["open_groups"] or {}).get(order_id),
            promo=(row["promos"] or {}).get(order.promo_code),
            _answers=answers,
        )
        facts.siblings = found[0].siblings if found else _siblings(row["siblings"] or (), facts, offerings, now)
        found.append(facts)
    return found


def _seat(tx: Transaction, orders: Sequence[Order], found: Sequence[Facts]) -> None:
    """Give each line the seat that it asks for, where there is such a seat."""
    lines = [line for facts in found for line in facts.lines if line.seat_id is not None]
    seats = read_wanted_seats(tx, [(line.session_id, line.seat_id) for line in lines if line.seat_id],
                              order_ids=[order.id for order in orders])  # fmt: skip
    for line in lines:
        line.seat = seats.get((line.session_id, line.seat_id)) if line.seat_id else None


def _name_activities(tx: Transaction, found: Sequence[Facts]) -> None:
    """Give each line the activities that it chooses."""
    lines = [line for facts in found for line in facts.lines if line.activity_ids]
    known = read_wanted_activities(tx, {i for line in lines for i in line.activity_ids})
    for line in lines:
        line.activities = [known[i] for i in line.activity_ids if i in known]


def _name_credits(tx: Transaction, found: Sequence[Facts]) -> None:
    """Give each makeup session its credit."""
    lines = [line for facts in found for line in facts.lines if line.makeup_credit_id]
    known = read_wanted_credits(tx, {line.makeup_credit_id for line in lines if line.makeup_credit_id})
    for line in lines:
        line.makeup = known.get(line.makeup_credit_id) if line.makeup_credit_id else None


def _make_way(tx: Transaction, orders: Sequence[Order], found: Sequence[Facts]) -> None:
    """Tell each order which of the family's own interests become it."""
    ids = [_making_way(order, facts) for order, facts in zip(orders, found, strict=True)]
    interests = read_interests(tx, set().union(*ids))
    for facts, own in zip(found, ids, strict=True):
        facts.making_way = [interest for interest in interests if interest.id in own]


def _making_way(order: Order, facts: Facts) -> set[UUID]:
    """The orders whose claims become this one's: the account's own interest in the same sessions, and what it is to
    convert.
    """
    found = {
        claim.order_id for claim in facts.claims for line in facts.lines
        if claim.account_id == order.account_id
        and converts(claim.order_type, claim.slot, order.order_type, line.slot)
    }  # fmt: skip
    return found | {order.converts_order_id} if order.converts_order_id else found


def _offerings(rows: Iterable[Row], organisation_id: UUID) -> dict[str, Offering]:
    found = {}
    for row in rows:
        chain = (UUID(row["id"]), UUID(row["program_id"]), UUID(row["category_id"]), organisation_id)
        for name in ("bookable_from", "bookable_until", "priority_from"):
            row[name] = _moment(row[name])
        for name in ("weight_from_kg", "weight_to_kg"):
            row[name] = None if row[name] is None else Decimal(str(row[name]))
        found[row["id"]] = Offering(chain[0], row, chain)
    return found


def _lines(rows: Iterable[Row], offerings: dict[str, Offering], extras: Iterable[Row]) -> list[WantedLine]:
    lines = []
    for row in rows:
        session_id = UUID(row["id"])
        slot = Slot(session_id, _moment(row["starts_at"]), _moment(row["ends_at"]))
        lines.append(
            WantedLine(
                UUID(row["line_id"]), session_id, offerings[row["term_program_set_id"]], LineKind(row["kind"]),
                BookingMode(row["mode"]), row["position"], slot, row,
            )
        )  # fmt: skip
    by_line = {str(line.line_id): line for line in lines}
    for e in extras:
        by_line[e["order_line_id"]].extras.append(
            WantedExtra(
                UUID(e["id"]), UUID(e["order_line_id"]), UUID(e["extra_id"]), e["name"], e["price_minor"],
                e["quantity"], e["is_offered"],
            )
        )  # fmt: skip
    return lines


def _claim(row: Row) -> Claim:
    when = f"{date.fromisoformat(row['date']):%a %d %b %Y} {row['start'][:5]}–{row['end'][:5]}" if row["date"] else ""
    slot = Slot(UUID(row["session"]), _moment(row["starts_at"]), _moment(row["ends_at"]))
    label = f"{row['name']}, {when}" if when else str(row["name"])
    return Claim(
        UUID(row["order_id"]), TermBookingOrderType(row["order_type"]), slot, UUID(row["account_id"]),
        str(row["reference"]), label, UUID(row["id"]), UUID(row["offer_id"]) if row["offer_id"] else None,
    )  # fmt: skip


def _siblings(
    rows: Iterable[Row], facts: Facts, offerings: dict[str, Offering], now: datetime
) -> dict[UUID, list[OfferedSession]]:
    """Every session of the offerings; one past its cut-off, or closed, is not to come: nobody is asked to book it."""
    found: dict[UUID, list[OfferedSession]] = {}
    for row in rows:
        offering = offerings[row["offering"]]
        cut_off = timedelta(minutes=facts.rule(Rule.BOOKING_CUT_OFF, offering).value)
        day = date.fromisoformat(row["date"]) if row["date"] else None
        starts_at = _moment(row["starts_at"])
        is_to_come = row["is_open"] and (starts_at is None or now <= starts_at - cut_off)
        found.setdefault(offering.id, []).append(OfferedSession(UUID(row["id"]), day, is_to_come))
    return found


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

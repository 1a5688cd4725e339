"""Whom closing a day concerns: the sessions, the bookings and orders that hold a place in them, what each gets back."""

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from billing.credits import Credit
from engine.database import Row, Transaction
from engine.errors import NotFound
from engine.fire import MovedMeanwhile
from models import AttendanceStatus, TermBookingStatus
from workflows.booking_facts import BookedLine, Enrolled
from workflows.order_facts import Order
from workflows.order_sets import Carried, lock_with_bookings, read_bookings, read_carried, read_orders

_SIGNED_IN = frozenset({AttendanceStatus.PRESENT, AttendanceStatus.LATE})


@dataclass(frozen=True, slots=True)
class Scope:
    """What is closed: a day at a site, or one session."""

    site_id: UUID | None = None
    day: date | None = None
    session_id: UUID | None = None


@dataclass(slots=True)
class ClosedBooking:
    """A booking, the lines of it that are closed, and what it gets back for them. Who was there stays billed."""

    enrolled: Enrolled
    leaving: list[BookedLine]
    staying: list[BookedLine]
    claims: list[Row]
    credit: Credit

    @property
    def order(self) -> Order:
        assert self.enrolled.order is not None, "a closure holds every order"
        return self.enrolled.order

    @property
    def has_nothing_left_unbilled(self) -> bool:
        """It is approved for attendance only, and none of it takes place: nothing is left to confirm."""
        is_unbilled = self.enrolled.booking.status is TermBookingStatus.ATTENDANCE_APPROVED
        return is_unbilled and len(self.leaving) == len(self.enrolled.kept())


@dataclass(slots=True)
class ClosedOrder:
    """An order that is not confirmed, and the lines of it that are closed. Without another session it is cancelled."""

    order: Order
    carried: Carried
    closed: set[str]  # sessions
    claims: list[Row]

    @property
    def kept(self) -> list[Row]:
        """What of its Billing is left."""
        return [line for line in self.carried.billing_lines if line["term_product_id"] not in self.closed]

    @property
    def is_emptied(self) -> bool:
        return not self.carried.sessions.keys() - self.closed

    @property
    def total_minor(self) -> int:
        return sum(line["gross_minor"] for line in self.kept)


@dataclass(slots=True)
class Closing:
    """Everything that closing comes to. Its fingerprint changes with anything that a person was shown."""

    scope: Scope
    sessions: list[Row]
    bookings: list[ClosedBooking] = field(default_factory=list)
    orders: list[ClosedOrder] = field(default_factory=list)
    carts: int = 0

    @property
    def credited_minor(self) -> int:
        return sum(one.credit.total_minor for one in self.bookings)

    @property
    def freed_minor(self) -> int:
        """How much of it was paid, and is the families' credit."""
        return sum(one.credit.freed_minor for one in self.bookings)

    @property
    def fingerprint(self) -> str:
        figures = [
            sorted(str(session["id"]) for session in self.sessions),
            sorted((str(one.enrolled.booking.id), one.enrolled.booking.version, one.credit.total_minor,
                    one.credit.freed_minor, sorted(str(line.id) for line in one.leaving)) for one in self.bookings),
            sorted((str(one.order.id), one.order.version, one.total_minor) for one in self.orders),
        ]  # fmt: skip
        return hashlib.sha256(repr(figures).encode()).hexdigest()[:32]

    def signed_in(self, now: datetime) -> list[tuple[str, BookedLine]]:
        """Who is there at this moment: signed in to a session that is not over, and not out again."""
        return [
            (one.order.attendee["name"], line) for one in self.bookings for line in one.staying
            if line.attendance and line.attendance["status"] in _SIGNED_IN and now < line.ends_at
        ]  # fmt: skip


_SESSIONS = """
SELECT s.id, p.name, s.product_type, s.title, s.local_date, s.local_start, s.local_end, s.capacity, s.taken, g.site_id,
       i.name AS site
FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
WHERE s.organisation_id = %(org)s AND s.status = 'OPEN' AND {scope}
ORDER BY s.local_date, s.local_start, p.name, s.id
"""
_OF_DAY = _SESSIONS.format(scope="s.local_date = %(day)s AND g.site_id = %(site_id)s")
_ONE = _SESSIONS.format(scope="s.id = %(session_id)s AND s.product_type = 'SESSION'")

_LOCK_SESSIONS = """
SELECT id FROM term_product WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE
"""

# A place that is offered to, or saved for, who waits is given back when the offer is answered or runs out: nobody can
# accept it any more.
_CLAIMS = """
SELECT c.id, c.term_product_id, c.takes_place, c.order_id, o.booking_id, b.order_id AS made_by,
       coalesce(l.term_product_id, c.term_product_id) AS session_id
FROM place_claim c
JOIN term_booking_order o ON o.organisation_id = c.organisation_id AND o.id = c.order_id
LEFT JOIN term_booking b ON b.organisation_id = o.organisation_id AND b.id = o.booking_id
-- An activity is held for the session that it was chosen with.
LEFT JOIN LATERAL (
    SELECT x.term_product_id FROM term_booking_order w
    JOIN term_booking_order_activity y ON y.organisation_id = w.organisation_id AND y.order_id = w.id
         AND y.term_product_id = c.term_product_id
    JOIN term_booking_order_line x ON x.organisation_id = y.organisation_id AND x.id = y.order_line_id
    WHERE w.organisation_id = o.organisation_id AND (w.id = o.id OR w.booking_id = o.booking_id)
    ORDER BY y.id DESC LIMIT 1) l ON true
WHERE c.organisation_id = %(org)s AND c.order_type <> 1 AND c.term_product_id = ANY(ARRAY(
    SELECT unnest(%(ids)s::uuid[]) UNION
    SELECT y.term_product_id FROM term_booking_order_line x
    JOIN term_booking_order_activity y ON y.organisation_id = x.organisation_id AND y.order_line_id = x.id
    WHERE x.organisation_id = %(org)s AND x.term_product_id = ANY(%(ids)s)))
  AND (c.term_product_id = ANY(%(ids)s) OR l.term_product_id = ANY(%(ids)s))
ORDER BY c.id
"""

_CARTS = """
SELECT count(DISTINCT o.id) AS carts FROM term_booking_order_line l
JOIN term_booking_order o ON o.organisation_id = l.organisation_id AND o.id = l.order_id
WHERE l.organisation_id = %(org)s AND l.term_product_id = ANY(%(ids)s) AND o.status IN (100, 200)
"""


def read_closing(tx: Transaction, scope: Scope, *, is_closing: bool) -> Closing:
    """What closing comes to now; `is_closing` locks all of it first and looks again.

    Raises NotFound (no such site, or no such open session), MovedMeanwhile (somebody took a place before the lock).
    """
    sessions = _read_sessions(tx, scope)
    ids = [session["id"] for session in sessions]
    claims = tx.rows(_CLAIMS, ids=ids)
    if is_closing:
        holders = _holders(claims)
        lock_with_bookings(tx, holders)
        tx.rows(_LOCK_SESSIONS, ids=[*ids, *{claim["term_product_id"] for claim in claims}])
        sessions, claims = _read_sessions(tx, scope), tx.rows(_CLAIMS, ids=ids)
        if [session["id"] for session in sessions] != ids or not _holders(claims) <= holders:
            raise MovedMeanwhile("The day was booked meanwhile; look at it again.")
    closing = Closing(scope, sessions)
    closing.carts = tx.rows(_CARTS, ids=ids)[0]["carts"]
    _add_holders(tx, closing, claims)
    return closing


def sessions_in(tx: Transaction, scope: Scope) -> list[UUID]:
    """The sessions that would be closed. Raises NotFound."""
    return [session["id"] for session in _read_sessions(tx, scope)]


def _read_sessions(tx: Transaction, scope: Scope) -> list[Row]:
    if scope.session_id is not None:
        sessions = tx.rows(_ONE, session_id=scope.session_id)
        if not sessions:
            raise NotFound("There is no such session that takes place.", what="session")
        return sessions
    if tx.row("SELECT 1 FROM site WHERE organisation_id = %(org)s AND id = %(id)s", id=scope.site_id) is None:
        raise NotFound("There is no such site.", what="site")
    return tx.rows(_OF_DAY, day=scope.day, site_id=scope.site_id)


def _holders(claims: list[Row]) -> set[UUID]:
    """The orders that hold, and those that made the bookings for which they do."""
    return {claim["order_id"] for claim in claims} | {claim["made_by"] for claim in claims if claim["made_by"]}


def _add_holders(tx: Transaction, closing: Closing, claims: list[Row]) -> None:
    orders = read_orders(tx, _holders(claims))
    closed = {str(session["id"]) for session in closing.sessions}
    by_booking: dict[UUID, list[Row]] = {}
    by_order: dict[UUID, list[Row]] = {}
    for claim in claims:
        by_holder, holder = (by_booking, claim["booking_id"]) if claim["booking_id"] else (by_order, claim["order_id"])
        by_holder.setdefault(holder, []).append(claim)
    for enrolled in read_bookings(tx, by_booking, orders):
        closing.bookings.append(_closed_booking(enrolled, closed, by_booking[enrolled.booking.id]))
    for order_id, carried in read_carried(tx, by_order).items():
        closing.orders.append(ClosedOrder(orders[order_id], carried, closed, by_order[order_id]))


def _closed_booking(enrolled: Enrolled, closed: set[str], claims: list[Row]) -> ClosedBooking:
    concerned = [line for line in enrolled.kept() if str(line.session_id) in closed]
    leaving = [line for line in concerned if not line.was_there]
    staying = [line for line in concerned if line.was_there]
    stays = {line.session_id for line in staying}
    released = [claim for claim in claims if claim["session_id"] not in stays]
    return ClosedBooking(enrolled, leaving, staying, released, enrolled.credit_of(leaving))


def shown(closing: Closing, *, money: Any) -> Row:
    """The closing as a person reads it; `money` writes an amount in words."""
    return {
        "fingerprint": closing.fingerprint,
        "sessions": [{"session_id": s["id"], "name": s["title"] or s["name"], "date": s["local_date"],
                      "start": s["local_start"], "end": s["local_end"], "taken": s["taken"]}
                     for s in closing.sessions],
        "bookings": [_shown_booking(one, money) for one in closing.bookings if one.leaving or one.staying],
        "orders": [_shown_order(one, money) for one in closing.orders],
        "carts": closing.carts,
        "credited_minor": closing.credited_minor, "credited": money(closing.credited_minor),
        "freed_minor": closing.freed_minor, "freed": money(closing.freed_minor),
    }  # fmt: skip


def _shown_booking(one: ClosedBooking, money: Any) -> Row:
    booking, order = one.enrolled.booking, one.order
    return {
        "booking_id": booking.id, "reference": booking.reference, "account": order.account["name"],
        "attendee": order.attendee["name"], "closed": [line.label for line in one.leaving],
        "stays_billed": [line.label for line in one.staying], "credited_minor": one.credit.total_minor,
        "credited": money(one.credit.total_minor), "freed_minor": one.credit.freed_minor,
    }  # fmt: skip


def _shown_order(one: ClosedOrder, money: Any) -> Row:
    return {
        "order_id": one.order.id, "reference": one.order.reference, "status": one.order.status.name,
        "account": one.order.account["name"], "attendee": one.order.attendee["name"],
        "total_before_minor": one.order.total_minor, "total_minor": one.total_minor,
        "total": money(one.total_minor), "is_canceled": one.is_emptied,
    }  # fmt: skip

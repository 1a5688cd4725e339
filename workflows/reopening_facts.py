"""Whom opening a closed day again concerns: the bookings that had a place there, what each pays again, from what."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import NotFound, Reason
from engine.fire import MovedMeanwhile
from models import CreditRule, LineKind, TermBookingStatus
from workflows.booking_facts import BookedLine, Enrolled
from workflows.closure_facts import Scope
from workflows.extras import has_extra
from workflows.invoice_periods import Planned
from workflows.invoice_plan import plan_added
from workflows.order_effects import local_day
from workflows.order_facts import Beside, Facts, Order
from workflows.order_guards import has_no_conflict, has_place
from workflows.order_reads import read_facts
from workflows.order_sets import lock_with_bookings, read_bookings, read_orders
from workflows.seat_guards import has_seat
from workflows.wanted_activities import has_activity_place

# What a booking that comes back must find: a place, its seat, its activities, its extras, and the attendee's time.
_ASKED = (has_place, has_seat, has_activity_place, has_extra)


@dataclass(slots=True)
class Returning:
    """A booking whose sessions were closed: what comes back, what it pays again; `reasons` say why nothing does."""

    enrolled: Enrolled
    lines: list[BookedLine]  # those that were closed
    facts: Facts  # what it asks for again
    billing: list[Row]  # what those sessions cost before, line by line
    entries: list[Row]  # what went to the wallet, and is taken out of it again
    dropped: set[UUID]  # lines without which the invoice of their period was issued
    planned: dict[UUID, Planned]  # the invoices of sessions that were confirmed while they were closed
    reasons: list[Reason] = field(default_factory=list)

    @property
    def order(self) -> Order:
        assert self.enrolled.order is not None, "a reopening holds every order"
        return self.enrolled.order

    @property
    def is_invoiced(self) -> bool:
        """What is approved for attendance only will invoice them with its order."""
        return self.enrolled.booking.status is TermBookingStatus.APPROVED

    @property
    def later(self) -> set[UUID]:
        """The sessions that are charged by a planned invoice, as they were to be before they were closed."""
        waiting = self.enrolled.not_invoiced | self.dropped
        return {line.session_id for line in self.lines if line.id in waiting} | self.planned.keys()

    @property
    def charged_minor(self) -> int:
        """What is invoiced with the reopening."""
        return sum(row["gross_minor"] for row in self.billing if not self._is_later(row)) if self.is_invoiced else 0

    @property
    def later_minor(self) -> int:
        """What planned invoices will ask for."""
        return sum(row["gross_minor"] for row in self.billing if self._is_later(row)) if self.is_invoiced else 0

    def _is_later(self, row: Row) -> bool:
        return UUID(row["term_product_id"]) in self.later

    @property
    def taken_minor(self) -> int:
        """What of it the family's credit pays: as much as the closure gave back."""
        return sum(entry["moved_minor"] for entry in self.entries)


@dataclass(slots=True)
class Reopening:
    """Everything that opening again comes to. Its fingerprint changes with anything that a person was shown."""

    scope: Scope
    sessions: list[Row]
    bookings: list[Returning] = field(default_factory=list)

    @property
    def returning(self) -> list[Returning]:
        return [one for one in self.bookings if not one.reasons]

    @property
    def fingerprint(self) -> str:
        figures = [
            sorted(str(session["id"]) for session in self.sessions),
            sorted((str(one.enrolled.booking.id), one.enrolled.booking.version, one.charged_minor, one.taken_minor,
                    one.later_minor, sorted(str(line.id) for line in one.lines),
                    [reason.code for reason in one.reasons])
                   for one in self.bookings),
        ]  # fmt: skip
        return hashlib.sha256(repr(figures).encode()).hexdigest()[:32]


_SESSIONS = """
SELECT s.id, p.name, s.product_type, s.title, s.local_date, s.local_start, s.local_end, s.starts_at, s.capacity
FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
WHERE s.organisation_id = %(org)s AND s.status = 'CLOSED' AND {scope}
ORDER BY s.local_date, s.local_start, p.name, s.id
"""
_OF_DAY = _SESSIONS.format(scope="s.local_date = %(day)s AND g.site_id = %(site_id)s")
_ONE = _SESSIONS.format(scope="s.id = %(session_id)s AND s.product_type = 'SESSION'")
_LOCK_SESSIONS = """
SELECT id FROM term_product WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE
"""

_CLOSED = """
SELECT DISTINCT b.id, b.order_id FROM term_booking_line l
JOIN term_booking b ON b.organisation_id = l.organisation_id AND b.id = l.booking_id
WHERE l.organisation_id = %(org)s AND l.term_product_id = ANY(%(ids)s) AND l.kind = 'CLOSURE_DAY'
  AND l.cancelled_at IS NULL
"""
# What the lines asked for, and what they cost in the last version that had them.
_WANTED = """
SELECT l.booking_id, l.id AS line_id, l.term_product_id AS id, 'SESSION' AS kind, l.mode, l.position, l.seat_id,
       NULL::uuid AS makeup_credit_id,
       (SELECT jsonb_agg(DISTINCT y.term_product_id) FROM term_booking_order w
        JOIN term_booking_order_activity y ON y.organisation_id = w.organisation_id AND y.order_id = w.id
        JOIN term_booking_order_line x ON x.organisation_id = y.organisation_id AND x.id = y.order_line_id
        WHERE w.organisation_id = l.organisation_id AND w.booking_id = l.booking_id
          AND x.term_product_id = l.term_product_id) AS activities,
       (SELECT json_agg(json_build_object('id', e.id, 'order_line_id', l.id, 'extra_id', e.extra_id,
                                          'quantity', e.quantity))
        FROM term_booking_extra e
        WHERE e.organisation_id = l.organisation_id AND e.booking_line_id = l.id) AS extras,
       (SELECT json_agg(json_build_object('attendee_id', x.attendee_id, 'term_product_id', x.term_product_id,
                        'component', x.component, 'description', x.description, 'printed', x.printed,
                        'quantity', x.quantity, 'base_minor', x.base_minor, 'discount_minor', x.discount_minor,
                        'net_minor', x.net_minor, 'tax_minor', x.tax_minor, 'gross_minor', x.gross_minor,
                        'tax_name', x.tax_name, 'tax_rate', x.tax_rate::text, 'trace', x.trace) ORDER BY x.position)
        FROM billing_line x
        WHERE x.organisation_id = l.organisation_id AND x.term_product_id = l.term_product_id
          AND split_part(x.component, ':', 1) IN ('SESSION', 'EXTRA') AND x.billing_id = (
              SELECT v.id FROM billing v
              JOIN billing_line k ON k.organisation_id = v.organisation_id AND k.billing_id = v.id
                   AND k.term_product_id = l.term_product_id AND k.component = 'SESSION'
              WHERE v.organisation_id = b.organisation_id AND v.order_id = b.order_id
              ORDER BY v.version DESC LIMIT 1)) AS billing
FROM term_booking_line l
JOIN term_booking b ON b.organisation_id = l.organisation_id AND b.id = l.booking_id
WHERE l.organisation_id = %(org)s AND l.booking_id = ANY(%(booking_ids)s) AND l.term_product_id = ANY(%(ids)s)
  AND l.kind = 'CLOSURE_DAY' AND l.cancelled_at IS NULL
ORDER BY l.position
"""
# Lines that were closed when the invoice of their period was issued.
_DROPPED = """
SELECT booking_line_id FROM scheduled_line
WHERE organisation_id = %(org)s AND booking_line_id = ANY(%(line_ids)s) AND status = 'DROPPED'
"""
# The newest credit note of each line that the closing wrote, with all the lines that it credits and where it went.
_NOTES = """
WITH notes AS (
    SELECT DISTINCT ON (i.booking_line_id) i.booking_line_id, n.id, n.booking_id
    FROM credit_note n
    JOIN credit_note_line c ON c.organisation_id = n.organisation_id AND c.credit_note_id = n.id
    JOIN invoice_line i ON i.organisation_id = c.organisation_id AND i.id = c.invoice_line_id
    JOIN status_event e ON e.organisation_id = n.organisation_id AND e.subject_id = n.booking_id
         AND e.trigger = 'close_day' AND e.at = n.issued_at
    WHERE n.organisation_id = %(org)s AND n.booking_id = ANY(%(booking_ids)s) AND i.booking_line_id = ANY(%(line_ids)s)
    ORDER BY i.booking_line_id, n.issued_at DESC, n.number DESC
)
SELECT n.booking_id,
       (SELECT array_agg(DISTINCT i.booking_line_id) FROM credit_note_line c
        JOIN invoice_line i ON i.organisation_id = c.organisation_id AND i.id = c.invoice_line_id
        WHERE c.organisation_id = %(org)s AND c.credit_note_id = n.id) AS line_ids,
       (SELECT json_agg(json_build_object('rule', s.rule, 'amount_minor', s.amount_minor,
                                          'payment_id', s.payment_id, 'entry_id', s.wallet_entry_id))
        FROM credit_step s WHERE s.organisation_id = %(org)s AND s.credit_note_id = n.id) AS steps
FROM (SELECT DISTINCT id, booking_id FROM notes) n
"""
_ENTRIES = """
SELECT e.id, e.account_id, e.payment_id, e.moved_minor, e.balance_minor, w.balance_minor AS in_wallet_minor,
       EXISTS (SELECT FROM wallet_entry c WHERE c.organisation_id = e.organisation_id AND c.corrects_id = e.id)
       OR EXISTS (SELECT FROM bonus_use u
                  JOIN bonus_grant g ON g.organisation_id = u.organisation_id AND g.id = u.grant_id
                  WHERE u.organisation_id = e.organisation_id AND u.entry_id = e.id AND g.left_minor < u.amount_minor)
       AS is_used
FROM wallet_entry e JOIN wallet w ON w.organisation_id = e.organisation_id AND w.id = e.account_id
WHERE e.organisation_id = %(org)s AND e.id = ANY(%(ids)s) ORDER BY e.id
"""


def read_reopening(tx: Transaction, scope: Scope, *, actor: Actor, now: datetime, is_opening: bool) -> Reopening:
    """What opening again comes to now; `is_opening` locks all of it first.

    Raises NotFound (nothing is closed there), MovedMeanwhile (another booking is concerned since).
    """
    sessions = tx.rows(_ONE if scope.session_id else _OF_DAY, session_id=scope.session_id, site_id=scope.site_id,
                       day=scope.day)  # fmt: skip
    if not sessions:
        raise NotFound("Nothing is closed there.", what="closed day")
    ids = [session["id"] for session in sessions]
    made_by = {row["id"]: row["order_id"] for row in tx.rows(_CLOSED, ids=ids)}
    if is_opening:
        lock_with_bookings(tx, made_by.values())
        tx.rows(_LOCK_SESSIONS, ids=ids)
        if made_by != {row["id"]: row["order_id"] for row in tx.rows(_CLOSED, ids=ids)}:
            raise MovedMeanwhile("The day was changed meanwhile; look at it again.")
    reopening = Reopening(scope, sessions)
    orders = read_orders(tx, made_by.values())
    wanted = tx.rows(_WANTED, booking_ids=list(made_by), ids=ids)
    line_ids = [row["line_id"] for row in wanted]
    money = _Money(tx, list(made_by), line_ids)
    dropped = {row["booking_line_id"] for row in tx.rows(_DROPPED, line_ids=line_ids)}
    beside = Beside()
    for enrolled in read_bookings(tx, made_by, orders):
        its = [row for row in wanted if row["booking_id"] == enrolled.booking.id]
        one = _returning(tx, enrolled, its, money, dropped, now)
        one.facts.beside = beside
        one.reasons = [*_failing(one, ids, actor), *money.failing(one)]
        if not one.reasons:
            beside.add(one.order, one.facts)
            money.take(one)
        reopening.bookings.append(one)
    return reopening


def _returning(
    tx: Transaction, enrolled: Enrolled, wanted: list[Row], money: "_Money", dropped: set[UUID], now: datetime
) -> Returning:
    order = enrolled.order
    assert order is not None
    rows = [{name: row[name] for name in ("line_id", "id", "kind", "mode", "position", "seat_id", "activities",
                                          "makeup_credit_id")} for row in wanted]  # fmt: skip
    for row in rows:
        row |= {name: str(row[name]) for name in ("line_id", "id", "seat_id") if row[name]}
    today = local_day(now, order)
    facts = read_facts(tx, order, now=now, today=today, wanted=rows,
                       extras=[extra for row in wanted for extra in row["extras"] or ()])  # fmt: skip
    ids = {row["line_id"] for row in wanted}
    lines = [line for line in enrolled.lines if line.id in ids]
    # Approved for attendance only when they were closed, they were never to be invoiced.
    known = enrolled.invoiced | enrolled.not_invoiced | dropped
    unknown = {line.session_id for line in lines if line.id not in known}
    planned = plan_added(facts, enrolled, today=today) if unknown else {}
    return Returning(
        enrolled, lines, facts, [line for row in wanted for line in row["billing"] or ()],
        money.entries_of(enrolled.booking.id), dropped & ids,
        {session: invoice for session, invoice in planned.items() if session in unknown},
    )  # fmt: skip


def _failing(one: Returning, opened: Collection[UUID], actor: Actor) -> Iterator[Reason]:
    """Why nothing of the booking comes back."""
    booking = one.enrolled.booking
    if booking.status not in (TermBookingStatus.APPROVED, TermBookingStatus.ATTENDANCE_APPROVED):
        status = booking.status.name.lower().replace("_", " ")
        yield Reason("not_changeable", f"{booking.reference} stays as it is: {status}.", rule="reopening")
        return
    yield from (reason for guard in _ASKED for reason in guard(one.order, facts=one.facts))
    yield from has_no_conflict(one.order, facts=one.facts, actor=actor)
    for line in one.facts.lines:
        for activity in line.activities:
            if not activity.is_open and activity.id not in opened:
                yield Reason("activity_closed", f"{activity.title} does not take place.", rule="activities",
                             session=line.label)  # fmt: skip
    made_up = {row.session_id for row in one.lines if row.kind is not LineKind.CLOSURE_DAY}
    assert not made_up, "only closure days come back"


class _Money:
    """Where the credit of the closing went, and whether it is still there: of one family it is taken once."""

    def __init__(self, tx: Transaction, booking_ids: Collection[UUID], line_ids: Iterable[UUID]) -> None:
        self._notes: dict[UUID, list[Row]] = {}
        for note in tx.rows(_NOTES, booking_ids=list(booking_ids), line_ids=list(line_ids)):
            self._notes.setdefault(note["booking_id"], []).append(note)
        ids = {UUID(step["entry_id"]) for notes in self._notes.values() for note in notes
               for step in note["steps"] or () if step["entry_id"]}  # fmt: skip
        self._entries = {row["id"]: row for row in tx.rows(_ENTRIES, ids=list(ids))}
        self._taken: Counter[UUID] = Counter()

    def entries_of(self, booking_id: UUID) -> list[Row]:
        return [self._entries[UUID(step["entry_id"])] for note in self._notes.get(booking_id, ())
                for step in note["steps"] or () if step["entry_id"]]  # fmt: skip

    def failing(self, one: Returning) -> Iterator[Reason]:
        """What was credited is undone whole, and only where the family still has it."""
        booking, ids = one.enrolled.booking, {line.id for line in one.lines}
        for note in self._notes.get(booking.id, ()):
            if not set(note["line_ids"]) <= ids:
                yield Reason("credited_with_others", f"{booking.reference} was credited together with other sessions; "
                             "open those with it.", rule="reopening")  # fmt: skip
            if any(step["rule"] == CreditRule.SAME_GROUP for step in note["steps"] or ()):
                yield _used(one, "has paid another invoice")
        in_wallet = sum(entry["balance_minor"] for entry in one.entries)
        left = [entry["in_wallet_minor"] - self._taken[entry["account_id"]] for entry in one.entries]
        if any(entry["is_used"] for entry in one.entries) or (left and min(left) < in_wallet):
            yield _used(one, "was used")

    def take(self, one: Returning) -> None:
        for entry in one.entries:
            self._taken[entry["account_id"]] += entry["balance_minor"]


def _used(one: Returning, how: str) -> Reason:
    return Reason("credit_used", f"What {one.enrolled.booking.reference} got back {how} meanwhile; book it with a new "
                  "order.", rule="reopening")  # fmt: skip


def shown(reopening: Reopening, *, money: Any) -> Row:
    """The reopening as a person reads it; `money` writes an amount in words."""
    charged = sum(one.charged_minor for one in reopening.returning)
    taken = sum(one.taken_minor for one in reopening.returning)
    later = sum(one.later_minor for one in reopening.returning)
    return {
        "fingerprint": reopening.fingerprint,
        "sessions": [{"session_id": s["id"], "name": s["title"] or s["name"], "date": s["local_date"],
                      "start": s["local_start"], "end": s["local_end"]} for s in reopening.sessions],
        "bookings": [_shown_booking(one, money) for one in reopening.bookings],
        "charged_minor": charged, "charged": money(charged), "from_credit_minor": taken, "from_credit": money(taken),
        "later_minor": later, "later": money(later),
    }  # fmt: skip


def _shown_booking(one: Returning, money: Any) -> Row:
    booking, order, comes_back = one.enrolled.booking, one.order, not one.reasons
    charged, taken, later = (one.charged_minor, one.taken_minor, one.later_minor) if comes_back else (0, 0, 0)
    return {
        "booking_id": booking.id, "reference": booking.reference, "account": order.account["name"],
        "attendee": order.attendee["name"], "sessions": [line.label for line in one.lines], "comes_back": comes_back,
        "charged_minor": charged, "charged": money(charged), "from_credit_minor": taken,
        "later_minor": later, "later": money(later),
        "reasons": [{"code": reason.code, "message": reason.message} for reason in one.reasons],
    }  # fmt: skip

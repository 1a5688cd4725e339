"""What is due: an order that was not confirmed in time, or a quote that ran out, gives back what it held; a booking
whose last day is over is closed.

The worker's sweeper fires them; a submit that meets an overdue hold releases it first, with the same code.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from engine.actor import SYSTEM
from engine.database import Database, Row, Transaction
from engine.fire import NotAllowedNow, Refused, fire
from engine.ids import new_id
from engine.timers import Due, Handler
from models import Timer, TimerKind
from workflows import places, term_booking
from workflows.booking_facts import read_enrolled
from workflows.order_endings import read_endings
from workflows.order_facts import Order, lock_order
from workflows.order_guards import QUOTE_EXPIRED, TIMEOUT
from workflows.order_holdings import Holdings, read_holdings
from workflows.term_booking_order import CHART
from workflows.waiting_offers import expire, expire_overdue
from workflows.waiting_queue import let_go_saved

# A payment in its provider's hands puts the timeout off, a little at a time, a day at most.
_PUT_OFF = timedelta(minutes=10)
_PUT_OFF_AT_MOST = timedelta(hours=24)


def handlers() -> Mapping[TimerKind, Handler]:
    """What the sweeper does with each kind of timer."""
    unpaid, expired = (
        Handler(subject_table="term_booking_order", fire=partial(cancel_overdue, reason=reason))
        for reason in (TIMEOUT, QUOTE_EXPIRED)
    )
    close = Handler(subject_table="term_booking", fire=close_ended_bookings)
    offer = Handler(subject_table="term_booking_order", fire=expire_overdue)
    saved = Handler(subject_table="term_booking_order", fire=let_go_saved)
    return {
        TimerKind.AUTO_CANCEL: unpaid, TimerKind.QUOTE_EXPIRY: expired, TimerKind.BOOKING_CLOSE: close,
        TimerKind.WAITING_OFFER: offer, TimerKind.WAITING_SAVED: saved,
    }  # fmt: skip


def cancel_overdue(tx: Transaction, due: Sequence[Due], now: datetime, *, reason: str = TIMEOUT) -> None:
    """Cancel the orders whose timers have just fired, in a few statements whatever their number; the sweeper has locked
    their rows.
    """
    endings = read_endings(tx, [timer.subject_id for timer in due])
    freed: list[Row] = []
    codes: set[str] = set()
    for timer in due:
        order, holdings = endings[timer.subject_id]
        if order.promo_code in codes:
            # A code is given back once in a statement.
            _write(tx, freed, now=now)
            codes.clear()
        _cancel(tx, order, holdings, due_at=timer.due_at, now=now, reason=reason, together=freed)
        if order.promo_code is not None:
            codes.add(order.promo_code)
    _write(tx, freed, now=now)


def _write(tx: Transaction, freed: list[Row], *, now: datetime) -> None:
    """One write for all; each session is locked once, in id order."""
    places.release(tx.batch, freed, now=now)
    tx.flush()
    freed.clear()


def close_ended_bookings(tx: Transaction, due: Sequence[Due], now: datetime) -> None:
    """Close the bookings whose last day is over; their rows are locked by the sweeper, and their orders are not."""
    for timer in due:
        enrolled = read_enrolled(tx, timer.subject_id)
        booking = enrolled.booking
        # Whatever ended it meanwhile, or postponed its last day, has disarmed this timer.
        assert booking.closes_on is not None, "a close is planned for a day"
        term_booking.close_ended(tx, enrolled, last_day=booking.closes_on, actor=SYSTEM, now=now)
        tx.flush()


_OVERDUE = """
SELECT DISTINCT t.subject_id AS id, false AS is_offer FROM timer t
JOIN place_claim c ON c.organisation_id = t.organisation_id AND c.order_id = t.subject_id
WHERE t.organisation_id = %(org)s AND t.status = 'ARMED' AND t.due_at <= %(now)s AND c.order_type <> 1
  AND (c.term_product_id = ANY(%(sessions)s) OR c.attendee_id = ANY(%(attendees)s))
UNION ALL
SELECT DISTINCT e.offer_id, true FROM waiting_entry e
WHERE e.organisation_id = %(org)s AND e.status = 30 AND e.offer_expires_at <= %(now)s
  AND (e.term_product_id = ANY(%(sessions)s) OR e.attendee_id = ANY(%(attendees)s))
ORDER BY 2, 1
"""


def find_overdue(
    tx: Transaction, *, session_ids: Collection[UUID], attendee_ids: Collection[UUID], now: datetime
) -> list[Row]:  # fmt: skip
    """The orders whose overdue holds are in the way of these sessions or attendees, and the overdue offers."""
    return tx.rows(_OVERDUE, now=now, sessions=list(session_ids), attendees=list(attendee_ids))


def release_overdue(
    database: Database, organisation_id: UUID, *, session_ids: Collection[UUID], attendee_ids: Collection[UUID],
    now: datetime,
) -> int:  # fmt: skip
    """An overdue hold, or offer, is void when it is read: end those in the way of these sessions or attendees.

    Each in a transaction of its own; returns how many ended.
    """
    with database.transaction(organisation_id) as tx:
        found = find_overdue(tx, session_ids=session_ids, attendee_ids=attendee_ids, now=now)
    return sum(
        database.run(
            organisation_id,
            partial(expire, offer_ids=[row["id"]], now=now) if row["is_offer"]
            else partial(_release, order_id=row["id"], now=now),
        ) for row in found
    )  # fmt: skip


def _release(tx: Transaction, *, order_id: UUID, now: datetime) -> int:
    order = lock_order(tx, order_id, actor=SYSTEM)
    holdings = read_holdings(tx, order)
    overdue = [t for t in holdings.timers if datetime.fromisoformat(t["due_at"]) <= now]
    if not overdue:
        return 0
    for timer in overdue:
        timer["fires"] = True
    reason = QUOTE_EXPIRED if overdue[0]["kind"] == TimerKind.QUOTE_EXPIRY else TIMEOUT
    return _cancel(tx, order, holdings, due_at=datetime.fromisoformat(overdue[0]["due_at"]), now=now, reason=reason)


def _cancel(
    tx: Transaction, order: Order, holdings: Holdings, *, due_at: datetime, now: datetime, reason: str,
    together: list[Row] | None = None,
) -> int:  # fmt: skip
    if holdings.has_money_moving and order.submitted_at and now < order.submitted_at + _PUT_OFF_AT_MOST:
        _put_off(tx, order, holdings, now)
        return 0
    try:
        fire(tx.batch, CHART, order, "cancel", actor=SYSTEM, now=now, reason=reason, holdings=holdings,
             together=together, changes={"due_at": due_at.isoformat(), "released": len(holdings.claims)})  # fmt: skip
    except (NotAllowedNow, Refused):
        # It was confirmed, paid or ended meanwhile: the timeout has nothing to do any more.
        return 0
    return 1


def _put_off(tx: Transaction, order: Order, holdings: Holdings, now: datetime) -> None:
    """Arm it again a little later; the timer that fired stays settled."""
    if not holdings.timers:
        tx.batch.add(
            Timer,
            [{"id": new_id(), "kind": TimerKind.AUTO_CANCEL.value, "subject_id": order.id, "due_at": now + _PUT_OFF,
              "status": "ARMED"}],
        )  # fmt: skip

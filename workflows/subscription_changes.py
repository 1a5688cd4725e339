"""What changes of a subscription that runs: its weekdays, or a last day that is put off or withdrawn.

What is booked of a term is closed on the day before, and the rest of the term is booked anew on the weekdays as they
are now, in the same transaction: nobody else gets the places that it keeps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.actor import SYSTEM, Actor
from engine.database import Row, Transaction
from engine.errors import Invalid, Reason
from engine.fire import Refused, fire
from models import TermBookingOrderType
from workflows import term_booking_order as orders
from workflows.subscription import CHART, WEEKDAYS, Begun, close_after, enrol
from workflows.subscription_facts import Subscribed, lock_subscription, read_chosen, read_live_bookings, read_offering

_PERIODS = """
SELECT min(w.period_from) FILTER (WHERE w.status = 'SCHEDULED' AND w.period_from > %(today)s) AS next_from
FROM invoice_schedule w
JOIN term_booking_order o ON o.organisation_id = w.organisation_id AND o.booking_id = w.booking_id
WHERE w.organisation_id = %(org)s AND o.subscription_id = %(id)s
"""


def change_weekdays(
    tx: Transaction, *, subscription_id: UUID, weekdays: Sequence[str], actor: Actor, now: datetime, reason: str = "",
    override_reason: str = "", is_muted: bool = False, version: int | None = None,
) -> Begun:  # fmt: skip
    """Other weekdays from the next period that is not invoiced, in what is booked and ever after; where all of the term
    is invoiced, from the next term on.

    Raises Invalid (weekdays on which it does not meet, or the same) and what a submit raises; nothing is written then.
    """
    subscription = lock_subscription(tx, subscription_id, actor=actor, version=version)
    chosen = sorted(set(weekdays), key=WEEKDAYS.index)
    if chosen == list(subscription.weekdays):
        message = f"{subscription.reference} is on {', '.join(chosen)} already."
        raise Invalid(message, reasons=[Reason("nothing_to_change", message, field="weekdays", rule="weekdays")])
    first = _next_period(tx, subscription, now)
    subscription.change(weekdays=chosen)
    fire(tx.batch, CHART, subscription, "change_weekdays", actor=actor, now=now, reason=reason, is_muted=is_muted,
         changes={"weekdays": chosen, "from": first.isoformat() if first else "the next term"})  # fmt: skip
    tx.flush()
    if first is None:
        return Begun(subscription)
    offerings = _offerings_until(tx, subscription, None, first)
    _require_weekdays(tx, offerings, chosen, first, now)
    return _book_anew(tx, subscription, offerings, _Rest(first, None, reason), actor=actor, now=now,
                      override_reason=override_reason)  # fmt: skip


def go_on(
    tx: Transaction, *, subscription_id: UUID, actor: Actor, now: datetime, last_day: date | None = None,
    reason: str = "", is_muted: bool = False, version: int | None = None,
) -> Begun:  # fmt: skip
    """Put a last day off, or withdraw the notice where no other is named, before it takes effect. What was released
    after it is booked again, as far as there is room in every session; else nothing changes.

    Raises Refused, NotAllowedNow (no notice was given, or its last day is over).
    """
    subscription = lock_subscription(tx, subscription_id, actor=actor, version=version)
    before, trigger = subscription.ends_on, "withdraw_notice" if last_day is None else "put_off_notice"
    offering = read_offering(tx, subscription.offering_id)
    subscription.change(ends_on=last_day)
    fire(tx.batch, CHART, subscription, trigger, actor=actor, now=now, reason=reason, is_muted=is_muted,
         before=before, last_day=last_day, today=_today(offering, now),
         changes={"last_day": last_day and last_day.isoformat(), "was": before and before.isoformat()})  # fmt: skip
    tx.flush()
    assert before is not None, "notice names a last day"
    first = before + timedelta(days=1)
    offerings = _offerings_until(tx, subscription, last_day, first)
    return _book_anew(tx, subscription, offerings, _Rest(first, last_day, reason), actor=actor, now=now)


def _today(offering: Row, now: datetime) -> date:
    return now.astimezone(ZoneInfo(offering["time_zone"])).date()


def _next_period(tx: Transaction, subscription: Subscribed, now: datetime) -> date | None:
    """The first day of the next period of which nothing is invoiced."""
    today = _today(read_offering(tx, subscription.offering_id), now)
    found = tx.row(_PERIODS, id=subscription.id, today=today)
    return found["next_from"] if found else None


# A term that was entered already, and is not over before the change.
_ENROLLED = """
SELECT DISTINCT p.id, p.name, t.id AS term_id, t.name AS term, t.starts_on FROM term_booking_order o
JOIN term_booking_order_line l ON l.organisation_id = o.organisation_id AND l.order_id = o.id
JOIN term_program_set p ON p.organisation_id = l.organisation_id AND p.id = l.term_program_set_id
JOIN term t ON t.organisation_id = p.organisation_id AND t.id = p.term_id
WHERE o.organisation_id = %(org)s AND o.subscription_id = %(id)s AND o.status = 500 AND t.ends_on >= %(first)s
  AND (%(last)s::date IS NULL OR t.starts_on <= %(last)s)
ORDER BY t.starts_on, p.id
"""


def _offerings_until(tx: Transaction, subscription: Subscribed, last: date | None, first: date) -> list[Row]:
    """The offerings that it is, or was, enrolled in from a day on."""
    return tx.rows(_ENROLLED, id=subscription.id, first=first, last=last)


def _require_weekdays(
    tx: Transaction, offerings: Iterable[Row], weekdays: list[str], first: date, now: datetime
) -> None:  # fmt: skip
    """Each weekday has a session to come in one of them."""

    def meets(day: str) -> bool:
        return any(read_chosen(tx, each["id"], weekdays=[day], first=first, last=None, now=now) for each in offerings)

    without = [day for day in weekdays if not meets(day)]
    if without:
        message = f"It has no session on {', '.join(without)} from {first} on."
        raise Invalid(message, reasons=[Reason("no_sessions", message, field="weekdays", rule="weekdays")])


@dataclass(frozen=True, slots=True)
class _Rest:
    """The part of its terms that is booked anew."""

    first: date
    last: date | None
    reason: str


def _book_anew(
    tx: Transaction, subscription: Subscribed, offerings: Iterable[Row], rest: _Rest, *, actor: Actor, now: datetime,
    override_reason: str = "",
) -> Begun:  # fmt: skip
    """Close what it has on the day before, and enrol in the sessions from then on."""
    live = read_live_bookings(tx, subscription.id)
    if suspended := tx.rows(_SUSPENDED, ids=live, first=rest.first):
        message = f"{suspended[0]['reference']} is suspended; resume it first."
        raise Refused(message, reasons=[Reason("suspended", message, rule="suspended")])
    why = rest.reason.strip() or f"{subscription.reference} goes on"
    for booking_id in live:
        close_after(tx, booking_id, last_day=rest.first - timedelta(days=1), now=now, reason=why)
    made = Begun(subscription)
    for offering in offerings:
        lines = read_chosen(tx, offering["id"], weekdays=list(subscription.weekdays),
                            first=max(rest.first, subscription.starts_on), last=rest.last, now=now)  # fmt: skip
        if lines:
            made = _enrol_in(tx, subscription, offering, lines, why, actor=actor, now=now, override=override_reason)
    return made


_SUSPENDED = """
SELECT b.reference FROM term_booking b WHERE b.organisation_id = %(org)s AND b.id = ANY(%(ids)s) AND b.status = 700
  AND EXISTS (SELECT FROM term t WHERE t.organisation_id = b.organisation_id AND t.id = b.term_id
              AND t.ends_on >= %(first)s)
ORDER BY b.reference
"""
_PART = """
SELECT coalesce(max(subscription_part), 0) + 1 AS part FROM term_booking_order
WHERE organisation_id = %(org)s AND subscription_id = %(id)s AND term_id = %(term_id)s
"""


def _enrol_in(
    tx: Transaction, subscription: Subscribed, offering: Row, lines: list[Row], reason: str, *, actor: Actor,
    now: datetime, override: str,
) -> Begun:  # fmt: skip
    """An order of its own for the rest of the term. An admin began the subscription: what a family withdraws asks
    nobody again, as the next term does not.
    """
    by = actor if actor.is_admin else SYSTEM
    part = tx.row(_PART, id=subscription.id, term_id=offering["term_id"])
    assert part is not None
    order = orders.new(
        tx, actor=by, account_id=subscription.account_id, attendee_id=subscription.attendee_id,
        term_id=offering["term_id"], order_type=TermBookingOrderType.SUBSCRIPTION, subscription_id=subscription.id,
        subscription_part=part["part"], now=now,
    ).order  # fmt: skip
    tx.flush()
    orders.save(tx, order_id=order.id, lines=lines, actor=by, now=now)
    return enrol(tx, subscription, order_id=order.id, actor=by, now=now, reason=reason, override_reason=override)

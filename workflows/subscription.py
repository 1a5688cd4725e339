"""The subscription: an attendee comes on the same weekdays, term after term, until notice is given.

The diagram is generated from the chart: `termbook diagram`. Each term is an order of its own that becomes a booking;
`workflows.subscription_terms` rolls it into the next, `workflows.invoice_runs` issues its invoices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from catalogue.rules import Rule, read_rules
from engine.actor import SYSTEM as BY_SYSTEM
from engine.actor import Actor
from engine.chart import Chart, Step
from engine.database import Database, Row, Transaction
from engine.errors import Invalid, Reason
from engine.fire import MovedMeanwhile, Refused, begin, fire
from engine.ids import new_id, new_reference
from models import SubscriptionStatus as S
from models import TermBookingConfirmationType, TermBookingOrderType
from workflows import term_booking as bookings
from workflows import term_booking_order as orders
from workflows.booking_facts import lock_booking
from workflows.order_facts import lock_order
from workflows.period_invoices import issue_due
from workflows.subscription_facts import (
    Subscribed,
    lock_subscription,
    read_chosen,
    read_live_bookings,
    read_offering,
)
from workflows.subscription_reviews import resolve_after
from workflows.subscription_rules import (
    has_explanation,
    is_after_notice,
    is_later,
    is_not_in_effect,
    is_not_over,
)
from workflows.term_booking import ADMIN, OWNER, SYSTEM

_NOTICE = (has_explanation, is_not_over, is_after_notice)
_GO_ON = (has_explanation, is_not_in_effect)
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

CHART = Chart(
    name="subscription",
    states=(S.REQUESTED, S.ACTIVE, S.ENDING, S.ENDED, S.DECLINED),
    initial=(S.REQUESTED,),
    steps=(
        #     trigger        source       target      who             guards              then  tells
        Step("begin",       S.REQUESTED, S.ACTIVE,   ADMIN,          (has_explanation,), (),   "subscription.begun"),
        Step("decline",     S.REQUESTED, S.DECLINED, OWNER,          (has_explanation,)),
        Step("roll",        S.ACTIVE,    S.ACTIVE,   ADMIN | SYSTEM, (),                 (),   "subscription.rolled"),
        Step("roll",        S.ENDING,    S.ENDING,   ADMIN | SYSTEM, (),                 (),   "subscription.rolled"),
        Step("give_notice", S.ACTIVE,    S.ENDING,   OWNER,          _NOTICE,            (),   "subscription.ending"),
        Step("give_notice", S.ENDING,    S.ENDING,   OWNER,          _NOTICE,            (),   "subscription.ending"),
        Step("put_off_notice",  S.ENDING, S.ENDING, OWNER,      (*_GO_ON, is_later), (), "subscription.ending"),
        Step("withdraw_notice", S.ENDING, S.ACTIVE, OWNER,      _GO_ON,              (), "subscription.changed"),
        Step("change_weekdays", S.ACTIVE, S.ACTIVE, ADMIN,      (has_explanation,),  (), "subscription.changed"),
        Step("end",         S.ENDING,    S.ENDED,    SYSTEM),
    ),
)  # fmt: skip


@dataclass
class Begun:
    """A subscription with its newest order, as a verb made them."""

    subscription: Subscribed
    order_id: UUID | None = None
    total_minor: int = 0
    notices: Sequence[Reason] = ()
    invoice_ids: Sequence[UUID] = ()


def request(
    tx: Transaction, *, account_id: UUID | None, attendee_id: UUID, offering_id: UUID, weekdays: Sequence[str],
    starts_on: date, actor: Actor, now: datetime,
) -> Begun:  # fmt: skip
    """Ask for a subscription to an offering on some of its weekdays from a day on; it holds nothing until it is begun.

    Raises Invalid (weekdays on which it does not meet, nothing to come), NotFound, Refused (as an order is).
    """
    offering = read_offering(tx, offering_id)
    rules = read_rules(tx, term_program_set_id=offering_id)
    chosen = sorted(set(weekdays), key=WEEKDAYS.index)
    _refuse_second(tx, offering, attendee_id=attendee_id, weekdays=chosen, starts_on=starts_on, actor=actor)
    lines = _require_sessions(tx, offering, chosen, starts_on, now)
    subscription_id = new_id()
    order = orders.new(
        tx, actor=actor, account_id=account_id, attendee_id=attendee_id, term_id=offering["term_id"],
        order_type=TermBookingOrderType.SUBSCRIPTION, subscription_id=subscription_id, now=now,
    ).order  # fmt: skip
    subscription = Subscribed(
        id=subscription_id, reference=new_reference("TS"), status=S.REQUESTED, version=1, account_id=order.account_id,
        attendee_id=attendee_id, program_id=offering["program_id"], offering_id=offering_id, weekdays=chosen,
        starts_on=starts_on, period=rules[Rule.SUBSCRIPTION_PERIOD].value,
        notice_days=rules[Rule.SUBSCRIPTION_NOTICE].value, advance_days=rules[Rule.SUBSCRIPTION_ADVANCE].value,
    )  # fmt: skip
    columns = ("reference", "account_id", "attendee_id", "program_id", "offering_id", "starts_on", "ends_on",
               "notice_days", "advance_days")  # fmt: skip
    row = {name: getattr(subscription, name) for name in columns} | {
        "period": subscription.period.value, "created_at": now, "updated_at": now,
        "weekdays": chosen,
    }  # fmt: skip
    tx.batch.on_violation("uq_subscription_request", MovedMeanwhile("It was asked for meanwhile; look again."))
    begin(tx.batch, CHART, subscription, row=row, actor=actor, now=now)
    tx.flush()
    saved = orders.save(tx, order_id=order.id, lines=lines, actor=actor, now=now)
    assert saved.priced is not None
    return Begun(subscription, order.id, saved.priced.total_minor, saved.notices or ())


_RUNNING = """
SELECT reference, account_id, weekdays FROM subscription
WHERE organisation_id = %(org)s AND attendee_id = %(attendee_id)s AND offering_id = %(offering_id)s
  AND status IN (10, 20, 30) AND (ends_on IS NULL OR ends_on >= %(starts_on)s) AND weekdays && %(weekdays)s::text[]
ORDER BY created_at LIMIT 1
"""


def _refuse_second(
    tx: Transaction, offering: Row, *, attendee_id: UUID, weekdays: list[str], starts_on: date, actor: Actor
) -> None:  # fmt: skip
    """Nobody asks twice for the same weekday of an offering."""
    found = tx.row(_RUNNING, attendee_id=attendee_id, offering_id=offering["id"], starts_on=starts_on,
                   weekdays=weekdays)  # fmt: skip
    if found is not None:
        twice = ", ".join(day for day in weekdays if day in found["weekdays"])
        is_seen = actor.may_see_account(found["account_id"])
        message = (f"{found['reference']} is a subscription to {offering['name']} on {twice} already." if is_seen
                   else f"{offering['name']} on {twice}: not available.")  # fmt: skip
        raise Refused(message, reasons=[
            Reason("double_booked", message, field="weekdays", rule="double_booking")])  # fmt: skip


def _require_sessions(
    tx: Transaction, offering: Row, weekdays: list[str], starts_on: date, now: datetime
) -> list[dict[str, Any]]:
    """The lines of its first term; each weekday has at least one."""
    lines = read_chosen(tx, offering["id"], weekdays=weekdays, first=starts_on, last=None, now=now)
    without = [day for day in weekdays
               if not read_chosen(tx, offering["id"], weekdays=[day], first=starts_on, last=None, now=now)]  # fmt: skip
    if without or not lines:
        message = f"{offering['name']} has no session on {', '.join(without) or 'no day'} from {starts_on} on."
        raise Invalid(message, reasons=[Reason("no_sessions", message, field="weekdays", rule="weekdays")])
    return lines


def begin_subscription(
    tx: Transaction, *, subscription_id: UUID, actor: Actor, now: datetime, reason: str = "",
    override_reason: str = "", is_muted: bool = False, version: int | None = None,
) -> Begun:  # fmt: skip
    """An admin says so: the first term is enrolled in, and the invoices that are due already are issued.

    Raises what a submit and a confirmation of its order raise; nothing is written then.
    """
    subscription = lock_subscription(tx, subscription_id, actor=actor, version=version)
    found = tx.row(_REQUEST, id=subscription_id)
    fire(tx.batch, CHART, subscription, "begin", actor=actor, now=now, reason=reason, is_muted=is_muted)
    assert found is not None, "a subscription is asked for with an order"
    return enrol(tx, subscription, order_id=found["id"], actor=actor, now=now, reason=reason,
                 override_reason=override_reason)  # fmt: skip


_REQUEST = """
SELECT id FROM term_booking_order WHERE organisation_id = %(org)s AND subscription_id = %(id)s ORDER BY id DESC LIMIT 1
"""


def enrol(
    tx: Transaction, subscription: Subscribed, *, order_id: UUID, actor: Actor, now: datetime, reason: str,
    override_reason: str = "",
) -> Begun:  # fmt: skip
    """Submit and confirm the order of a term, and issue what is due of its schedule; the subscription is locked."""
    tx.flush()
    order = lock_order(tx, order_id, actor=actor)
    submitted = orders.submit(
        tx, order_id=order_id, confirmation_type=TermBookingConfirmationType.ADMIN_CONFIRM,
        price_fingerprint=order.price_fingerprint, actor=actor, now=now, override_reason=override_reason,
        is_muted=True, subscription=subscription,
    )  # fmt: skip
    tx.flush()
    made = orders.confirm_locked(tx, submitted.order, actor=actor, now=now, reason=reason, is_muted=True,
                                 subscription=subscription)  # fmt: skip
    tx.flush()
    assert made.booking is not None
    invoice_ids = issue_due(tx, booking_id=made.booking.id, now=now)
    return Begun(subscription, order_id, made.booking.total_minor, (), invoice_ids)


def decline(
    tx: Transaction, *, subscription_id: UUID, actor: Actor, now: datetime, reason: str = "",
    version: int | None = None,
) -> Begun:  # fmt: skip
    """A request that is not begun: withdrawn by the family, or declined by an admin, who says why."""
    subscription = lock_subscription(tx, subscription_id, actor=actor, version=version)
    fire(tx.batch, CHART, subscription, "decline", actor=actor, now=now, reason=reason)
    found = tx.row(_CART, id=subscription_id)
    if found is not None:
        orders.remove(tx, order_id=found["id"], actor=actor, now=now, reason=reason or "the subscription is withdrawn")
    return Begun(subscription)


_CART = """
SELECT id FROM term_booking_order
WHERE organisation_id = %(org)s AND subscription_id = %(id)s AND status IN (100, 200)
"""


def give_notice(
    tx: Transaction, *, subscription_id: UUID, actor: Actor, now: datetime, last_day: date | None = None,
    reason: str = "", is_muted: bool = False, version: int | None = None,
) -> Begun:  # fmt: skip
    """End a subscription on a last day, by default the first that the notice allows. Later sessions are released now;
    what of them is invoiced is credited, what is not will not be.
    """
    subscription = lock_subscription(tx, subscription_id, actor=actor, version=version)
    offering = read_offering(tx, subscription.offering_id)
    today = now.astimezone(ZoneInfo(offering["time_zone"])).date()
    earliest = today + timedelta(days=subscription.notice_days)
    wanted = last_day or earliest
    before = subscription.ends_on
    if before is not None and wanted > before:
        message = f"{subscription.reference} ends on {before:%a %d %b %Y}; put that off, or withdraw the notice."
        raise Refused(message, reasons=[Reason("ends_already", message, field="last_day", rule="last_day")])
    subscription.change(ends_on=wanted)
    fire(tx.batch, CHART, subscription, "give_notice", actor=actor, now=now, reason=reason, is_muted=is_muted,
         last_day=wanted, earliest=earliest, today=today, changes={"last_day": wanted.isoformat()})  # fmt: skip
    tx.flush()
    for booking_id in read_live_bookings(tx, subscription_id):
        close_after(tx, booking_id, last_day=wanted, now=now, reason=f"{subscription.reference} ends")
    resolve_after(tx, subscription, last_day=wanted, now=now)
    return Begun(subscription)


def close_after(tx: Transaction, booking_id: UUID, *, last_day: date, now: datetime, reason: str) -> None:
    """Give up what a booking has after the last day; nothing where its term ends before that."""
    enrolled = lock_booking(tx, booking_id, actor=BY_SYSTEM)
    if any(line.day > last_day for line in enrolled.to_come(now)):
        bookings.close_locked(tx, enrolled, last_day=last_day, actor=BY_SYSTEM, now=now, reason=reason, is_muted=True)
        tx.flush()


_OVER = """
SELECT s.id FROM subscription s
JOIN program g ON g.organisation_id = s.organisation_id AND g.id = s.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
WHERE s.organisation_id = %(org)s AND s.status = 30 AND s.ends_on < (%(now)s AT TIME ZONE i.time_zone)::date
ORDER BY s.id LIMIT %(limit)s
"""


def end_subscriptions(database: Database, *, now: datetime, batch: int = 100) -> int:
    """Move the status of subscriptions whose last day is over, each in a transaction of its own; returns how many."""
    ended = 0
    for organisation_id in database.organisations():
        with database.transaction(organisation_id) as tx:
            found = tx.rows(_OVER, now=now, limit=batch)
        ended += sum(database.run(organisation_id, partial(_end, subscription_id=row["id"], now=now)) for row in found)
    return ended


def _end(tx: Transaction, *, subscription_id: UUID, now: datetime) -> int:
    subscription = lock_subscription(tx, subscription_id, actor=BY_SYSTEM)
    if subscription.status is not S.ENDING:
        return 0  # another worker was faster
    fire(tx.batch, CHART, subscription, "end", actor=BY_SYSTEM, now=now,
         reason=f"its last day was {subscription.ends_on}")  # fmt: skip
    return 1

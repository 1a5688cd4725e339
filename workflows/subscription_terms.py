"""Rolling subscriptions into the next term once their offering is open there; what does not fit goes to an admin."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from engine.actor import SYSTEM, Actor
from engine.database import Database, Transaction
from engine.errors import Invalid, NotFound, Reason
from engine.fire import Refused, fire
from models import TermBookingOrderType
from workflows import term_booking_order as orders
from workflows.subscription import CHART, Begun, enrol
from workflows.subscription_facts import Subscribed, lock_subscription, read_chosen, read_offering
from workflows.subscription_reviews import put_before_admin, resolve, review_unreached

# The next offering continues the one that it is enrolled in, is published, and its term takes bookings. What an admin
# is to look at is not tried again by itself.
_READY = """
SELECT s.id, n.id AS offering_id FROM subscription s
JOIN term_program_set n ON n.organisation_id = s.organisation_id AND n.rolled_from_id = s.offering_id
JOIN term t ON t.organisation_id = n.organisation_id AND t.id = n.term_id
WHERE s.organisation_id = %(org)s AND s.status IN (20, 30) AND n.status = 'PUBLISHED'
  AND t.status IN ('OPEN', 'RUNNING')
  AND (s.ends_on IS NULL OR s.ends_on >= t.starts_on)
  AND NOT EXISTS (SELECT FROM subscription_review r WHERE r.organisation_id = s.organisation_id
                  AND r.subscription_id = s.id AND r.offering_id = n.id)
ORDER BY s.created_at, s.id LIMIT %(limit)s
"""


def roll_subscriptions(database: Database, *, now: datetime, batch: int = 100) -> int:
    """Roll up to `batch` subscriptions of each organisation into the next term, the oldest first, each in a transaction
    of its own; returns how many were rolled. One that does not fit, or that nothing continues, is put before an admin.
    """
    rolled = 0
    for organisation_id in database.organisations():
        with database.transaction(organisation_id) as tx:
            found = tx.rows(_READY, now=now, limit=batch)
        for row in found:
            known = {"subscription_id": row["id"], "offering_id": row["offering_id"], "now": now}
            try:
                rolled += database.run(organisation_id, partial(_roll_once, **known))
            except (Refused, Invalid, NotFound) as refusal:
                reasons = getattr(refusal, "reasons", ()) or (Reason(refusal.code, refusal.message),)
                database.run(organisation_id, partial(_put_before_admin, reasons=reasons, **known))
        review_unreached(database, organisation_id, now=now, batch=batch)
    return rolled


def _roll_once(tx: Transaction, *, subscription_id: UUID, offering_id: UUID, now: datetime) -> int:
    subscription = lock_subscription(tx, subscription_id, actor=SYSTEM)
    if not _is_continued_by(tx, subscription, offering_id):
        return 0  # another worker was faster
    _roll(tx, subscription, offering_id, actor=SYSTEM, now=now, reason="goes on into the next term")
    resolve(tx, subscription.id, now=now, resolution="went on by itself")
    return 1


def _is_continued_by(tx: Transaction, subscription: Subscribed, offering_id: UUID) -> bool:
    """Whether it is still enrolled in what this offering continues; read under its lock."""
    return bool(read_offering(tx, offering_id)["rolled_from_id"] == subscription.offering_id)


def roll(
    tx: Transaction, *, subscription_id: UUID, offering_id: UUID, actor: Actor, now: datetime, reason: str = "",
    override_reason: str = "", version: int | None = None,
) -> Begun:  # fmt: skip
    """Roll one by hand, into the offering that continues it or, where there is none, into another of its program.

    Resolves what was put before the admin. Raises what a submit raises (nobody overrides capacity), Invalid (an
    offering of another program) and Refused (it is enrolled in that term already).
    """
    subscription = lock_subscription(tx, subscription_id, actor=actor, version=version)
    offering = read_offering(tx, offering_id)
    if offering["program_id"] != subscription.program_id:
        message = f"{offering['name']} is of another program than {subscription.reference}."
        raise Invalid(message, reasons=[Reason("other_program", message, field="offering_id", rule="program")])
    if enrolled := tx.row(_ENROLLED, id=subscription_id, term_id=offering["term_id"]):
        message = f"{subscription.reference} is enrolled in {offering['term']} already ({enrolled['reference']})."
        raise Refused(message, reasons=[Reason("enrolled_already", message, field="offering_id", rule="one_per_term")])
    made = _roll(tx, subscription, offering_id, actor=actor, now=now, reason=reason.strip() or "rolled by hand",
                 override_reason=override_reason)  # fmt: skip
    resolve(tx, subscription_id, now=now, resolution=reason)
    return made


# The statuses of `uq_term_booking_order_subscription_term`: an order that ended before it was approved does not count.
_ENROLLED = """
SELECT reference FROM term_booking_order
WHERE organisation_id = %(org)s AND subscription_id = %(id)s AND term_id = %(term_id)s
  AND status IN (100, 200, 300, 450, 475, 485, 500)
ORDER BY subscription_part LIMIT 1
"""


def _roll(
    tx: Transaction, subscription: Subscribed, offering_id: UUID, *, actor: Actor, now: datetime, reason: str,
    override_reason: str = "",
) -> Begun:  # fmt: skip
    """The term as an order of its own, saved, submitted and confirmed in one transaction."""
    offering = read_offering(tx, offering_id)
    lines = read_chosen(tx, offering_id, weekdays=subscription.weekdays, first=subscription.starts_on,
                        last=subscription.ends_on, now=now)  # fmt: skip
    if not lines:
        message = f"{offering['name']} has no session for {subscription.reference} in {offering['term']}."
        raise Refused(message, reasons=[Reason("no_sessions", message, field="weekdays", rule="weekdays")])
    order = orders.new(
        tx, actor=actor, account_id=subscription.account_id, attendee_id=subscription.attendee_id,
        term_id=offering["term_id"], order_type=TermBookingOrderType.SUBSCRIPTION, subscription_id=subscription.id,
        now=now,
    ).order  # fmt: skip
    subscription.change(offering_id=offering_id)
    fire(tx.batch, CHART, subscription, "roll", actor=actor, now=now, reason=reason,
         changes={"offering_id": str(offering_id), "sessions": len(lines)})  # fmt: skip
    tx.flush()
    orders.save(tx, order_id=order.id, lines=lines, actor=actor, now=now)
    return enrol(tx, subscription, order_id=order.id, actor=actor, now=now, reason=reason,
                 override_reason=override_reason)  # fmt: skip


def _put_before_admin(
    tx: Transaction, *, subscription_id: UUID, offering_id: UUID, reasons: Sequence[Reason], now: datetime
) -> None:
    """What could not be rolled into an offering, with every reason; once."""
    subscription = lock_subscription(tx, subscription_id, actor=SYSTEM)
    term_id = read_offering(tx, offering_id)["term_id"]
    put_before_admin(tx, subscription, offering_id=offering_id, term_id=term_id, reasons=reasons, now=now)

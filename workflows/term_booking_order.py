"""The order: the request in flight, from Draft to Approved.

Its chart stands in `workflows.order_chart`, with the guards and effects of every edge.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from billing.pricing import Priced
from billing.schedules import Schedule
from engine.actor import SYSTEM as BY_SYSTEM
from engine.actor import Actor
from engine.chart import Guard
from engine.database import Row, Transaction
from engine.errors import Invalid, Reason
from engine.fire import MovedMeanwhile, Refused, begin, fire
from engine.ids import new_id, new_reference
from models import TermBookingConfirmationType, TermBookingOrderType
from models import TermBookingStatus as S
from workflows.alternatives import Lost, with_alternatives
from workflows.booking_facts import Enrolled, lock_enrolled
from workflows.booking_rows import Confirmation
from workflows.change_facts import Change
from workflows.companion_facts import (
    Enrolling,
    enrolling,
    fingerprint_with,
    own_price,
    read_companions,
    read_held_companions,
    shown_companions,
)
from workflows.companions import (
    confirm_companions,
)
from workflows.extras import has_extra
from workflows.interest_facts import Wish, Wishes, read_kept_wishes, read_wishes
from workflows.order_cart import asked_promo_code, clear_lines, resolve_account, wanted_rows
from workflows.order_chart import CHART as CHART  # the lifecycle of these verbs
from workflows.order_confirmation import (
    is_condition_met,
    quote_expiry,
)
from workflows.order_discounts import (
    has_good_promo_code,
)
from workflows.order_effects import (
    local_day,
)
from workflows.order_facts import Facts, Order, lock_order
from workflows.order_guards import (
    has_no_conflict,
    has_place,
    has_trial_left,
    is_before_cut_off,
    is_eligible,
    is_in_booking_window,
)
from workflows.order_holdings import Holdings, read_holdings
from workflows.order_pricing import price_order
from workflows.order_reads import read_facts
from workflows.order_schedule import SCHEDULED, has_deposit, plan_schedule
from workflows.seat_guards import has_seat
from workflows.subscription_facts import Subscribed
from workflows.trial_conversion import Handed, hand_over, to_come_over
from workflows.waiting_facts import lock_waiting
from workflows.waiting_guards import (
    has_no_open_offer,
    is_unseated,
)
from workflows.wanted_activities import has_activity_place

_PAY_LATER = TermBookingConfirmationType.CONFIRM_WITHOUT_PAYMENT


@dataclass
class Outcome:
    """What a verb made of an order: the order as it is now, its price, what a submit would be refused for."""

    order: Order
    priced: Priced | None = None
    facts: Facts | None = None
    notices: list[Reason] | None = None
    made: Confirmation | None = None
    document_id: UUID | None = None
    wishes: list[Wish] | None = None
    # What it alters of other bookings; None where nobody asked.
    companions: list[Change] | None = None


def new(
    tx: Transaction, *, actor: Actor, account_id: UUID | None, attendee_id: UUID, term_id: UUID,
    order_type: TermBookingOrderType, now: datetime, converts_order_id: UUID | None = None,
    subscription_id: UUID | None = None, subscription_part: int = 1,
) -> Outcome:  # fmt: skip
    """Begin a draft for an attendee of an account; it holds nothing. See DOMAIN §2 for whose account it is.

    Raises Invalid (an admin selected no account), NotFound (not this actor's account, attendee or term), Refused (the
    term takes no bookings, or offers nothing as this order type).
    """
    if (order_type is TermBookingOrderType.SUBSCRIPTION) != (subscription_id is not None):
        raise Invalid("A subscription begins with its weekdays.", reasons=[Reason(
            "is_subscription", "Begin a subscription (POST /subscriptions); its orders are made for it.",
            field="order_type", rule="order_type")])  # fmt: skip
    account_id = resolve_account(tx, actor, account_id, attendee_id=attendee_id, term_id=term_id,
                                 order_type=order_type, now=now)  # fmt: skip
    order = Order(
        id=new_id(), reference=new_reference("TO"), status=S.DRAFT, version=1, account_id=account_id,
        attendee_id=attendee_id, term_id=term_id, order_type=order_type, created_at=now,
        converts_order_id=converts_order_id, subscription_id=subscription_id,
    )  # fmt: skip
    row = {
        "reference": order.reference, "account_id": account_id, "attendee_id": attendee_id, "term_id": term_id,
        "order_type": int(order_type), "made_by": actor.kind.value, "total_minor": 0, "price_fingerprint": "",
        "note": "", "converts_order_id": converts_order_id, "subscription_id": subscription_id,
        "subscription_part": subscription_part, "created_at": now, "updated_at": now,
    }  # fmt: skip
    begin(tx.batch, CHART, order, row=row, actor=actor, now=now)
    return Outcome(order)


def save(
    tx: Transaction, *, order_id: UUID, lines: list[Row], actor: Actor, now: datetime, version: int | None = None,
    wishes: Wishes | None = None, promo_code: str | None = None, locked: Order | None = None,
) -> Outcome:  # fmt: skip
    """Put sessions with their extras into the cart and price them. Conflicts and full sessions come back as notices.

    `wishes` are what an expression of interest is about besides; like the lines they replace what was saved before.
    """
    order = locked or lock_order(tx, order_id, actor=actor, version=version)
    order.change(promo_code=asked_promo_code(order, promo_code))
    wanted, extras = wanted_rows(lines)
    wishes = wishes or Wishes()
    wished = read_wishes(tx, wishes, term_id=order.term_id)
    facts = read_facts(tx, order, now=now, today=local_day(now, order), wanted=wanted, extras=extras)
    facts.kept = to_come_over(order, facts)
    priced = price_whole(tx, order, facts, now=now)
    outcome = save_locked(tx, order, facts, priced, wanted=wanted, extras=extras, wished=wished, note=wishes.note,
                          actor=actor, now=now)  # fmt: skip
    clear_lines(tx, order)
    return outcome


def price_whole(tx: Transaction, order: Order, facts: Facts, *, now: datetime) -> Priced:
    """What the order costs; its fingerprint stands for what it alters of the family's other bookings too."""
    (priced,) = with_companions(tx, [(order, facts, price_order(order, facts))], now=now)
    return priced


def with_companions(
    tx: Transaction, asked: Sequence[tuple[Order, Facts, Priced]], *, now: datetime
) -> list[Priced]:  # fmt: skip
    """Find what the orders of one submission alter of other bookings, each beside those before it; only bookings count
    for a discount of others. Their `facts.companions` say what, their prices stand for it. The caller holds the
    account's lock.
    """
    causes = [(order, enrolling(order, facts)) for order, facts, _ in asked]
    counting, order_type = asked[0][1].counting, asked[0][0].order_type
    if not counting or order_type is not TermBookingOrderType.BOOKING:
        return [priced for _, _, priced in asked]
    found = []
    for (_, facts, priced), companions in zip(asked, read_companions(tx, causes, counting, now=now), strict=True):
        facts.companions = companions
        found.append(replace(priced, fingerprint=fingerprint_with(priced.fingerprint, companions)))
    return found


def save_locked(
    tx: Transaction, order: Order, facts: Facts, priced: Priced, *, wanted: list[Row], extras: list[Row],
    actor: Actor, now: datetime, wished: Sequence[Wish] = (), note: str = "", **changes: Any,
) -> Outcome:  # fmt: skip
    """Fill the cart of an order whose lock the caller holds; the caller clears what was in it."""
    fire(tx.batch, CHART, order, "save", actor=actor, now=now, wanted=wanted, extras=extras, facts=facts, priced=priced,
         wishes=wished, note=note,
         changes={"lines": len(wanted), "wishes": len(wished), "total_minor": priced.total_minor, **changes})  # fmt: skip
    noticed = notices(order, facts, priced, actor=actor, now=now)
    return Outcome(order, priced, facts, wishes=list(wished), notices=noticed, companions=facts.companions)


def notices(order: Order, facts: Facts, priced: Priced, *, actor: Actor, now: datetime) -> list[Reason]:
    """What a submit would be refused for right now; the cart shows it and keeps no place."""
    known: dict[str, Any] = {"facts": facts, "priced": priced, "actor": actor, "now": now, "override": ""}
    asked: tuple[Guard, ...] = (is_before_cut_off, is_eligible, has_no_conflict)
    if order.order_type is TermBookingOrderType.WAITING_LIST:
        asked = (is_in_booking_window, *asked, is_unseated)
    elif order.order_type is not TermBookingOrderType.EOI:
        asked = (is_in_booking_window, *asked, has_no_open_offer, has_trial_left, has_place, has_seat, has_activity_place,
                 has_extra, has_good_promo_code)  # fmt: skip
    return [reason for guard in asked for reason in guard(order, **known)]


def submit(
    tx: Transaction, *, order_id: UUID, confirmation_type: TermBookingConfirmationType, price_fingerprint: str,
    actor: Actor, now: datetime, override_reason: str = "", is_muted: bool = False, accepts: UUID | None = None,
    subscription: Subscribed | None = None, schedule_fingerprint: str | None = None, locked: Order | None = None,
) -> Outcome:  # fmt: skip
    """Take the places and open the Billing. The fingerprints are of the price, and of the schedule, that were shown;
    `accepts` is the offer to a waiting family whose places the order takes over; `locked` the order, of who has it.

    What asks for nothing first is confirmed in the same transaction: a total or deposit of 0.00, pay-later by the family
    itself, direct debit where a mandate is in force. Raises Refused with every failing reason, those of full and
    overlapping sessions with what is free instead; nothing is written then.
    """
    order = locked or lock_order(tx, order_id, actor=actor)
    order.confirmation_type = confirmation_type
    today = local_day(now, order)
    handed = hand_over(tx, CHART, order, actor=actor, now=now, is_muted=is_muted)
    facts = read_facts(tx, order, now=now, today=today, pay_later=confirmation_type is _PAY_LATER)
    facts.kept = handed.sessions if handed else frozenset()
    priced = price_whole(tx, order, facts, now=now)
    try:
        outcome = submit_locked(
            tx, order, facts, priced, shown_fingerprint=price_fingerprint, actor=actor, now=now,
            override=override_reason.strip() if actor.is_admin else "", is_muted=is_muted, handed=handed,
            accepts=accepts, subscription=subscription,
            shown_schedule=schedule_fingerprint,
        )  # fmt: skip
    except Refused as refusal:
        lost = Lost(order, facts, facts.lines, refusal.reasons)
        (refusal.reasons,) = with_alternatives(tx, [lost], actor=actor, now=now)
        raise
    if is_confirmed_at_once(outcome, actor):
        tx.flush()
        confirm_at_once(tx, outcome, actor=actor, now=now)
    return outcome


def submit_locked(
    tx: Transaction, order: Order, facts: Facts, priced: Priced, *, shown_fingerprint: str, actor: Actor,
    now: datetime, override: str, is_muted: bool, handed: Handed | None = None, group_order_id: UUID | None = None,
    accepts: UUID | None = None,
    subscription: Subscribed | None = None,
    shown_schedule: str | None = None,
) -> Outcome:  # fmt: skip
    """Submit an order whose lock the caller holds, by the confirmation type that it has; `facts` were read after it."""
    assert order.confirmation_type is not None, "it is said how it will be confirmed"
    fire(
        tx.batch, CHART, order, "submit", actor=actor, now=now, reason=override, is_muted=is_muted, facts=facts,
        rules=facts.rules, priced=priced, shown_fingerprint=shown_fingerprint, override=override, handed=handed,
        group_order_id=group_order_id, accepts=accepts, subscription=subscription,
        shown_schedule=shown_schedule,
        companions=facts.companions, shown=shown_companions(facts.companions),
        changes={"total_minor": priced.total_minor, "confirmation_type": order.confirmation_type.name},
    )  # fmt: skip
    return Outcome(order, priced, facts, companions=facts.companions)


def is_confirmed_at_once(outcome: Outcome, actor: Actor) -> bool:
    """Whether it may be: a family's pay-later, what costs nothing and is to be paid now, and what has a schedule."""
    how = outcome.order.confirmation_type
    is_free = how is TermBookingConfirmationType.PAY_NOW_PAY_ALL and outcome.order.total_minor == 0
    return is_free or how in SCHEDULED or (how is _PAY_LATER and actor.is_family)


def confirm_at_once(
    tx: Transaction, outcome: Outcome, *, actor: Actor, now: datetime, holdings: Holdings | None = None
) -> None:  # fmt: skip
    """Confirm what was submitted and written a moment ago in the same transaction, where it asks for nothing more."""
    if outcome.order.confirmation_type is _PAY_LATER:
        outcome.made = confirm_locked(tx, outcome.order, actor=actor, now=now, holdings=holdings)
    else:
        outcome.made = confirm_if_met(tx, outcome.order, now=now, holdings=holdings)


def confirm_if_met(
    tx: Transaction, order: Order, *, now: datetime, reason: str = "", holdings: Holdings | None = None
) -> Confirmation | None:
    """Confirm an order, whose lock the caller holds, where its confirmation type asks for nothing more."""
    if CHART.step("confirm", order.status) is None:
        return None  # it was confirmed or ended before its lock was free
    holdings = holdings or read_holdings(tx, order, with_lines=True)
    if list(is_condition_met(order, holdings=holdings, actor=BY_SYSTEM, reason="")):
        return None
    return confirm_locked(tx, order, actor=BY_SYSTEM, now=now, reason=reason, holdings=holdings)


def payment_schedule(
    tx: Transaction, *, order_id: UUID, confirmation_type: TermBookingConfirmationType, actor: Actor, now: datetime
) -> tuple[Order, Schedule | None, list[Reason]]:
    """What a submit of the cart by this confirmation type would agree to, and why it would not; None where nothing is
    due later. Raises NotFound.
    """
    order = lock_order(tx, order_id, actor=actor)
    order.confirmation_type = confirmation_type
    facts = read_facts(tx, order, now=now, today=local_day(now, order))
    reasons = list(has_deposit(order, facts=facts))
    if reasons or not facts.lines:
        return order, None, reasons
    return order, plan_schedule(order, facts, price_order(order, facts), now=now), []


def express(
    tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime, override_reason: str = "", is_muted: bool = False
) -> Outcome:
    """Register an expression of interest: it blocks the attendee's time in the sessions that it names, takes no place
    and costs nothing. Raises Refused with every failing reason.
    """
    order = lock_order(tx, order_id, actor=actor)
    facts = read_facts(tx, order, now=now, today=local_day(now, order))
    override = override_reason.strip() if actor.is_admin else ""
    fire(tx.batch, CHART, order, "express", actor=actor, now=now, reason=override, is_muted=is_muted, facts=facts,
         wishes=read_kept_wishes(tx, order.id, term_id=order.term_id), override=override,
         changes={"sessions": len(facts.lines)})  # fmt: skip
    return Outcome(order, facts=facts)


def confirm(
    tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime, reason: str = "", is_muted: bool = False,
    confirmation_type: TermBookingConfirmationType | None = None, locked: Order | None = None,
) -> Outcome:  # fmt: skip
    """Make the booking, its invoice and its attendance. An admin may confirm by another confirmation type."""
    order = locked or lock_order(tx, order_id, actor=actor)
    if confirmation_type is not None and actor.is_admin:
        order.confirmation_type = confirmation_type
    made = confirm_locked(tx, order, actor=actor, now=now, reason=reason, is_muted=is_muted)
    return Outcome(order, made=made)


def confirm_locked(
    tx: Transaction, order: Order, *, actor: Actor, now: datetime, reason: str = "", is_muted: bool = False,
    holdings: Holdings | None = None, subscription: Subscribed | None = None,
) -> Confirmation:  # fmt: skip
    """Confirm an order whose lock the caller holds; `holdings` are what the caller has read after it, with lines."""
    if holdings is None:
        pay_later = order.confirmation_type is _PAY_LATER
        holdings = read_holdings(tx, order, with_lines=True, pay_later=pay_later, today=local_day(now, order))
    made = Confirmation()
    enrolled, companions = _its_booking(tx, order), _its_companions(tx, order, holdings, now)
    if enrolled is not None:
        # Its booking may have been changed since the order asked for it.
        holdings = replace(holdings, lines=enrolled.to_invoice(), settings=holdings.settings | enrolled.settings,
                           chains=sorted({line.chain for line in enrolled.lines}))  # fmt: skip
    fire(tx.batch, CHART, order, "confirm", actor=actor, now=now, reason=reason, is_muted=is_muted,
         holdings=holdings, made=made, enrolled=enrolled, subscription=subscription)  # fmt: skip
    made.kept_price = confirm_companions(tx, CHART, order, holdings, companions, now=now)
    return made


def _its_companions(tx: Transaction, order: Order, holdings: Holdings, now: datetime) -> list[Change]:
    """What its open companions come to now; orders that were confirmed before it in this transaction count."""
    if not holdings.companions:
        return []
    tx.flush()
    its = Enrolling(order.attendee_id, frozenset(chain[1] for chain in holdings.chains))
    return read_held_companions(tx, order, its, holdings, now=now)


def _its_booking(tx: Transaction, order: Order) -> Enrolled | None:
    """The booking of an order for attendance, locked after its order; only that one still moves with it."""
    if order.status is not S.ATTENDANCE_APPROVED:
        return None
    assert order.booking_id is not None
    return lock_enrolled(tx, order, order.booking_id)


def approve_attendance(tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime, reason: str = "") -> Outcome:
    """Let the attendee come before the invoice: booking and roll are made, nothing is invoiced, no timeout runs."""
    order = lock_order(tx, order_id, actor=actor)
    made = Confirmation()
    fire(tx.batch, CHART, order, "approve_attendance", actor=actor, now=now, reason=reason,
         holdings=read_holdings(tx, order, with_lines=True), made=made)  # fmt: skip
    return Outcome(order, made=made)


def revive_locked(
    tx: Transaction, order: Order, *, paid_fingerprint: str, now: datetime, reason: str, agreed: Schedule | None = None
) -> bool:
    """Submit an order again that timed out, at the price that was paid; the caller holds its lock and confirms it.

    `agreed` is the schedule that it had: the same amounts, and none due before today.

    Answers whether it alters other bookings as was shown; else they keep their price. Raises Refused with every rule of
    a submit that says no now; nothing of it is written then.
    """
    today = local_day(now, order)
    facts = read_facts(tx, order, now=now, today=today)
    priced = price_whole(tx, order, facts, now=now)
    is_as_shown = True
    if priced.fingerprint != paid_fingerprint:
        # What was paid is its own price; where others were shown with it, they come to something else by now.
        is_as_shown = own_price(paid_fingerprint) == paid_fingerprint
        priced, facts.companions, paid_fingerprint = price_order(order, facts), [], own_price(paid_fingerprint)
    fire(tx.batch, CHART, order, "revive", actor=BY_SYSTEM, now=now, reason=reason, facts=facts, rules=facts.rules,
         priced=priced, companions=facts.companions, agreed=agreed.not_before(today) if agreed else None,
         shown_fingerprint=paid_fingerprint, override="", is_muted=True,
         changes={"total_minor": priced.total_minor})  # fmt: skip
    try:
        tx.flush()
    except Refused as refusal:
        # Somebody took the last place since it was read: the whole unit of work looks again, and is refused in words.
        raise MovedMeanwhile(refusal.message, reasons=refusal.reasons) from refusal
    return is_as_shown


def quote(tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime) -> Outcome:
    """Issue a numbered quote at the frozen price; it holds the places until it expires."""
    order = lock_order(tx, order_id, actor=actor)
    holdings = read_holdings(tx, order, with_lines=True)
    expires_at = quote_expiry(holdings, now)
    fire(tx.batch, CHART, order, "quote", actor=actor, now=now, holdings=holdings, expires_at=expires_at,
         changes={"expires_at": expires_at.isoformat()})  # fmt: skip
    return Outcome(order, document_id=holdings.document_id)


def accept(tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime) -> Outcome:
    """Accept a quote that has not expired; the confirmation type's own timeout runs from now."""
    order = lock_order(tx, order_id, actor=actor)
    holdings = read_holdings(tx, order, with_lines=True)
    fire(tx.batch, CHART, order, "accept", actor=actor, now=now, holdings=holdings, rules=holdings.rules)
    return Outcome(order)


def reopen(tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime) -> Outcome:
    """Back to the cart: places released, billing voided. Refused once money is moving."""
    return _let_go(tx, "reopen", order_id=order_id, actor=actor, now=now, reason="")


def remove(tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime, reason: str = "") -> Outcome:
    """Discard a request for which no money is moving or captured."""
    return _let_go(tx, "remove", order_id=order_id, actor=actor, now=now, reason=reason)


def cancel(tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime, reason: str = "") -> Outcome:
    """Cancel what is not confirmed yet. Captured money stays the family's credit."""
    return _let_go(tx, "cancel", order_id=order_id, actor=actor, now=now, reason=reason)


def _let_go(tx: Transaction, trigger: str, *, order_id: UUID, actor: Actor, now: datetime, reason: str) -> Outcome:
    order = lock_order(tx, order_id, actor=actor)
    return _end(tx, order, trigger, enrolled=_its_booking(tx, order), actor=actor, now=now, reason=reason)


def end_enrolled(
    tx: Transaction, enrolled: Enrolled, ends_by: str, *, actor: Actor, now: datetime, reason: str,
    is_muted: bool = False, last_day: date | None = None, **reviewed: Any,
) -> Outcome:  # fmt: skip
    """Cancel an order for attendance whose lock the caller holds; its booking ends with it, by that trigger of its own."""
    assert enrolled.order is not None, "the booking was locked after its order"
    return _end(tx, enrolled.order, "cancel", enrolled=enrolled, ends_by=ends_by, actor=actor, now=now, reason=reason,
                is_muted=is_muted, last_day=last_day, **reviewed)  # fmt: skip


def _end(
    tx: Transaction, order: Order, trigger: str, *, enrolled: Enrolled | None, actor: Actor, now: datetime,
    reason: str, ends_by: str = "cancel", is_muted: bool = False, last_day: date | None = None, **reviewed: Any,
) -> Outcome:  # fmt: skip
    # What a waiting order holds may change until the queues are locked.
    is_list = order.order_type is TermBookingOrderType.WAITING_LIST
    waiting, staying = lock_waiting(tx, [order.id]) if is_list else ([], [])
    holdings: Holdings = read_holdings(tx, order)
    fire(tx.batch, CHART, order, trigger, actor=actor, now=now, reason=reason, is_muted=is_muted, holdings=holdings,
         waiting=waiting, staying=staying, enrolled=enrolled, ends_by=ends_by, last_day=last_day,
         changes={"released": len(holdings.claims)}, **reviewed)  # fmt: skip
    return Outcome(order)

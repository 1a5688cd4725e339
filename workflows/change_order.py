"""The change order: an edit of a confirmed booking, from its draft to the next revision of its original.

It moves along the chart of every order. What it adds is held from submit on; what it gives up stays the booking's until
the change is confirmed, and the two are swapped then. The one figure that a person accepts is the Billing Difference:
its fingerprint stands for the price of the change.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.adjustments import Adjustment
from engine.actor import SYSTEM, Actor
from engine.database import Row, Transaction
from engine.errors import NotFound, NotPermitted, Reason
from engine.fire import MovedMeanwhile, Refused, begin, fire
from engine.ids import new_id, new_reference
from models import (
    TermBookingConfirmationType,
    TermBookingOrderExtra,
    TermBookingOrderLine,
    TermBookingOrderType,
    TermBookingStatus,
)
from workflows import term_booking_order as orders
from workflows.booking_facts import Enrolled, lock_booking, lock_enrolled
from workflows.booking_rows import Confirmation
from workflows.change_adjustments import failing_adjustments, read_adjustments, replace_adjustments
from workflows.change_effects import forget_repriced
from workflows.change_facts import Change
from workflows.change_guards import can_be_changed, has_changes, is_in_change_window, not_changeable
from workflows.change_pricing import Asked
from workflows.change_review import read_reviewed
from workflows.companion_facts import shown_companions
from workflows.companions import confirm_companions
from workflows.extras import settle_extras
from workflows.order_cart import clear_lines, wanted_rows
from workflows.order_effects import local_day
from workflows.order_facts import Order, lock_order
from workflows.order_holdings import Holdings, read_holdings
from workflows.quote_revision import forget_quoted
from workflows.quoted_facts import read_quoted
from workflows.term_booking_order import CHART, Outcome

_PAY_LATER = TermBookingConfirmationType.CONFIRM_WITHOUT_PAYMENT

_OPEN = """
SELECT o.reference, o.created_at, u.name
FROM term_booking_order o
JOIN status_event e ON e.organisation_id = o.organisation_id AND e.subject_id = o.id AND e.sequence = 1
LEFT JOIN "user" u ON u.organisation_id = e.organisation_id AND u.id = e.actor_id
WHERE o.organisation_id = %(org)s AND o.group_id = %(group_id)s
  AND (o.original_booking_id IS NOT NULL OR o.original_order_id IS NOT NULL)
  AND o.cause_order_id IS NULL AND o.status IN (100, 200, 300, 475, 485)
"""


def begin_change(
    tx: Transaction, *, booking_id: UUID, actor: Actor, now: datetime, version: int | None = None
) -> Outcome:  # fmt: skip
    """Begin a change of a booking, with what is booked in its cart; it holds nothing.

    Raises NotFound, Changed, Refused (the booking is not approved; another change of the group is open).
    """
    return _begin(tx, lock_booking(tx, booking_id, actor=actor, version=version), actor=actor, now=now)


def begin_quote_change(
    tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime, version: int | None = None
) -> Outcome:  # fmt: skip
    """Begin a change of a quoted order, with what is quoted in its cart: made, it is quoted anew and to be accepted.

    Raises NotFound, Changed, Refused (the order is not quoted, or its quote ran out; another change is open).
    """
    original = lock_order(tx, order_id, actor=actor, version=version)
    if original.group_id is None or original.is_change:
        message = f"{original.reference} is {original.status.name.lower()}; an order that is quoted is changed so."
        raise Refused(message, reasons=[Reason("not_changeable", message, rule="change",
                                               facts={"status": original.status.name})])  # fmt: skip
    return _begin(tx, read_quoted(tx, original), actor=actor, now=now)


def _begin(tx: Transaction, enrolled: Enrolled, *, actor: Actor, now: datetime) -> Outcome:
    booking, first = enrolled.booking, enrolled.order
    assert first is not None
    _refuse_unless_open_to_change(tx, enrolled)
    order = replace(_as_change(enrolled), reference=new_reference("TO"), created_at=now,
                    total_minor=booking.total_minor)  # fmt: skip
    row = {
        "reference": order.reference, "account_id": order.account_id, "attendee_id": order.attendee_id,
        "term_id": order.term_id, "order_type": int(order.order_type), "made_by": actor.kind.value,
        "group_id": order.group_id, "original_booking_id": order.original_booking_id,
        "original_order_id": order.original_order_id, "total_minor": booking.total_minor, "price_fingerprint": "",
        "note": "", "created_at": now, "updated_at": now,
    }  # fmt: skip
    begin(tx.batch, CHART, order, row=row, actor=actor, now=now, reason=f"changes {booking.reference}")
    _copy_lines(tx, order, enrolled)
    tx.batch.on_violation(
        "uq_term_booking_order_open_change", MovedMeanwhile("Another change of the group was begun meanwhile.")
    )
    return Outcome(order)


def _refuse_unless_open_to_change(tx: Transaction, enrolled: Enrolled) -> None:
    booking = enrolled.booking
    assert enrolled.order is not None
    if enrolled.order.order_type is not TermBookingOrderType.BOOKING:
        message = f"{booking.reference} is a {enrolled.order.order_type.name.lower().replace('_', ' ')}; only bookings "
        message += "are changed."
        raise Refused(message, reasons=[Reason("not_changeable", message, rule="change")])
    if (reason := not_changeable(booking)) is not None:
        raise Refused(reason.message, reasons=[reason])
    found = tx.row(_OPEN, group_id=booking.group_id)
    if found is not None:
        since = f"{found['created_at'].astimezone(enrolled.zone):%a %d %b %Y %H:%M}"
        message = f"{found['name'] or 'Somebody'} has a change open since {since} ({found['reference']}); confirm or "
        message += "discard it first."
        raise Refused(message, reasons=[
            Reason("change_open", message, rule="one_change",
                   facts={"order": found["reference"], "since": found["created_at"].isoformat()})])  # fmt: skip


_BOOKED_EXTRAS = """
SELECT e.booking_line_id AS line_id, e.extra_id, e.name, e.price_minor, e.quantity, e.price_paid_minor,
       e.covered_by_entitlement_id FROM term_booking_extra e
WHERE e.organisation_id = %(org)s AND e.booking_id = %(of_id)s
"""
_QUOTED_EXTRAS = """
SELECT e.order_line_id AS line_id, e.extra_id, e.name, e.price_minor, e.quantity, e.price_paid_minor,
       e.covered_by_entitlement_id FROM term_booking_order_extra e
WHERE e.organisation_id = %(org)s AND e.order_id = %(of_id)s
"""


def _copy_lines(tx: Transaction, order: Order, enrolled: Enrolled) -> None:
    """The cart begins with what is booked."""
    billed = {row["term_product_id"]: row for row in enrolled.billing_lines if row["component"] == "SESSION"}
    made: dict[UUID, Row] = {}
    for position, line in enumerate(enrolled.kept()):
        made[line.id] = {
            "id": new_id(), "order_id": order.id, "term_product_id": line.session_id,
            "term_program_set_id": line.chain[0], "kind": line.kind.value, "mode": line.mode.value,
            "asked_mode": line.mode.value, "mode_reason": None, "seat_id": line.seat_id, "position": position,
            "price_minor": billed[str(line.session_id)]["gross_minor"], "makeup_credit_id": line.makeup_credit_id,
        }  # fmt: skip
    tx.batch.add(TermBookingOrderLine, made.values())
    tx.batch.add(
        TermBookingOrderExtra,
        [{"id": new_id(), "order_id": order.id, "order_line_id": made[e["line_id"]]["id"],
          "extra_id": e["extra_id"], "name": e["name"], "price_minor": e["price_minor"], "quantity": e["quantity"],
          "price_paid_minor": e["price_paid_minor"], "covered_by_entitlement_id": e["covered_by_entitlement_id"]}
         for e in tx.rows(_QUOTED_EXTRAS if order.original_order_id else _BOOKED_EXTRAS, of_id=enrolled.booking.id)
         if e["line_id"] in made],
    )  # fmt: skip


def save(
    tx: Transaction, *, order_id: UUID, lines: list[Row], actor: Actor, now: datetime, version: int | None = None
) -> Outcome:
    """Put all that the booking is to hold into the cart of its change, priced by the difference; it keeps no place."""
    order, enrolled = _lock(tx, order_id, actor=actor, version=version)
    wanted, extras = wanted_rows(lines)
    change = _read(tx, order, enrolled, now=now, wanted=wanted, extras=extras)
    return _saved(tx, order, change, wanted, extras, actor=actor, now=now, lines=len(wanted))


def _saved(
    tx: Transaction, order: Order, change: Change, wanted: list[Row], extras: list[Row], *, actor: Actor,
    now: datetime, **told: int,
) -> Outcome:  # fmt: skip
    facts, priced = change.facts, change.priced
    fire(tx.batch, CHART, order, "save", actor=actor, now=now, wanted=wanted, extras=extras, facts=facts,
         priced=priced, change=change, wishes=[], note="",
         changes={**told, "delta_minor": change.difference.delta_minor})  # fmt: skip
    clear_lines(tx, order)
    notices = failing(change, actor=actor, now=now)
    return Outcome(order, priced, facts, notices=notices, companions=change.companions)


def failing(change: Change, *, actor: Actor, now: datetime) -> list[Reason]:
    """What a submit of the change would be refused for right now."""
    found = orders.notices(change.order, change.facts, change.priced, actor=actor, now=now)
    for guard in (has_changes, can_be_changed, is_in_change_window):
        found += guard(change.order, change=change, actor=actor)
    return found


def adjust(
    tx: Transaction, *, order_id: UUID, adjustments: Sequence[Adjustment], actor: Actor, now: datetime,
    version: int | None = None,
) -> Outcome:  # fmt: skip
    """Put something on top of the price of sessions of a change, or take something off, in place of what was adjusted
    before; each with its reason. Raises NotPermitted for who is no admin, Refused for what is more than a session
    costs.
    """
    if not actor.is_admin:
        raise NotPermitted("An admin adjusts prices.")
    order, enrolled = _lock(tx, order_id, actor=actor, version=version)
    change = read_reviewed(tx, order, enrolled, now=now, asked=Asked(tuple(adjustments)))
    if reasons := list(failing_adjustments(change)):
        raise Refused(reasons[0].message, reasons=reasons)
    outcome = _saved(tx, order, change, [], [], actor=actor, now=now, adjustments=len(adjustments))
    replace_adjustments(tx, order.id, adjustments, actor=actor, now=now)
    return outcome


def what_if(
    tx: Transaction, *, booking_id: UUID, lines: list[Row], actor: Actor, now: datetime,
    adjustments: Sequence[Adjustment] = (), pay_later: bool = False,
) -> Change:  # fmt: skip
    """What a change to these sessions would come to, by the very computation of a change; nothing is written.
    `pay_later` reads the account's standing as well, for who says how it may be paid. Raises NotPermitted for
    adjustments of who is no admin, Refused for one of more than a session costs.
    """
    if adjustments and not actor.is_admin:
        raise NotPermitted("An admin adjusts prices.")
    enrolled = lock_booking(tx, booking_id, actor=actor)
    assert enrolled.order is not None
    order = _as_change(enrolled)
    wanted, extras = wanted_rows(lines)
    # In the order in which they are kept: the fingerprint stands for them too.
    asked = Asked(tuple(sorted(adjustments, key=lambda each: each.session_id)))
    change = read_reviewed(tx, order, enrolled, now=now, wanted=wanted, extras=extras, asked=asked,
                           pay_later=pay_later)  # fmt: skip
    if reasons := list(failing_adjustments(change)):
        raise Refused(reasons[0].message, reasons=reasons)
    return change


def _as_change(enrolled: Enrolled) -> Order:
    """A change of a booking, or of a quoted order, as a draft that is not written."""
    first, booking = enrolled.order, enrolled.booking
    assert first is not None
    is_quote = booking.id == first.id
    return Order(
        id=new_id(), reference=booking.reference, status=TermBookingStatus.DRAFT, version=1,
        account_id=first.account_id, attendee_id=first.attendee_id, term_id=first.term_id, order_type=first.order_type,
        group_id=booking.group_id, original_booking_id=None if is_quote else booking.id,
        original_order_id=first.id if is_quote else None, account=first.account, attendee=first.attendee,
        organisation=first.organisation,
    )  # fmt: skip


def review(tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime) -> Change:
    """The Billing Difference of a change as it stands now; nothing is written."""
    order, enrolled = _lock(tx, order_id, actor=actor)
    return _read(tx, order, enrolled, now=now)


def submit(
    tx: Transaction, *, order_id: UUID, confirmation_type: TermBookingConfirmationType, price_fingerprint: str,
    actor: Actor, now: datetime, override_reason: str = "",
) -> Outcome:  # fmt: skip
    """Hold what the change adds, muted. `price_fingerprint` is that of the difference which was shown.

    A change that asks for no money, and a family's pay-later, are confirmed in the same transaction.
    """
    order, enrolled = _lock(tx, order_id, actor=actor)
    order.confirmation_type = confirmation_type
    change = _read(tx, order, enrolled, now=now, pay_later=confirmation_type is _PAY_LATER)
    override = override_reason.strip() if actor.is_admin else ""
    required = change.difference.required_minor
    order.change(change_due_minor=required)
    fire(
        tx.batch, CHART, order, "submit", actor=actor, now=now, reason=override, is_muted=True, facts=change.facts,
        rules=change.facts.rules, priced=change.priced, shown_fingerprint=price_fingerprint, override=override,
        change=change, companions=change.companions, shown=shown_companions(change.companions),
        changes={"delta_minor": change.difference.delta_minor, "required_minor": required},
    )  # fmt: skip
    outcome = Outcome(order, change.priced, change.facts, companions=change.companions)
    if actor.is_family and (confirmation_type is _PAY_LATER or not required):
        tx.flush()
        outcome.made = confirm_locked(tx, order, shown_fingerprint=price_fingerprint, actor=actor, now=now)
    return outcome


def confirm(
    tx: Transaction, *, order_id: UUID, difference_fingerprint: str, actor: Actor, now: datetime, reason: str = "",
    is_muted: bool = False, confirmation_type: TermBookingConfirmationType | None = None,
) -> Outcome:  # fmt: skip
    """Make the change, with the difference that was reviewed; refused with the fresh one where it is another."""
    order = lock_order(tx, order_id, actor=actor)
    if confirmation_type is not None and actor.is_admin:
        order.confirmation_type = confirmation_type
    made = confirm_locked(tx, order, shown_fingerprint=difference_fingerprint, actor=actor, now=now, reason=reason,
                          is_muted=is_muted)  # fmt: skip
    return Outcome(order, made=made)


def confirm_locked(
    tx: Transaction, order: Order, *, shown_fingerprint: str, actor: Actor, now: datetime, reason: str = "",
    is_muted: bool = False, holdings: Holdings | None = None,
) -> Confirmation:  # fmt: skip
    """Confirm a change whose lock the caller holds; its booking is locked after it."""
    enrolled = _lock_original(tx, order)
    change = _read(tx, order, enrolled, now=now)
    if holdings is None:
        pay_later = order.confirmation_type is _PAY_LATER
        holdings = read_holdings(tx, order, with_lines=True, pay_later=pay_later, today=local_day(now, order))
    made = Confirmation(booking=None if change.is_quoted else enrolled.booking)
    fire(tx.batch, CHART, order, "confirm_change", actor=actor, now=now, reason=reason, is_muted=is_muted,
         change=change, holdings=holdings, shown_fingerprint=shown_fingerprint,
         changes={"delta_minor": change.difference.delta_minor})  # fmt: skip
    # Only once nothing refuses it: who was paid too late keeps the booking as it is.
    if change.is_quoted:
        forget_quoted(tx, change)
    else:
        forget_repriced(tx, change)
    settle_extras(tx, change)
    confirm_companions(tx, CHART, order, holdings, change.companions, now=now)
    return made


def _read(tx: Transaction, order: Order, enrolled: Enrolled, **known: Any) -> Change:
    """What the change comes to, with what admins adjusted of it."""
    return read_reviewed(tx, order, enrolled, asked=Asked(read_adjustments(tx, order.id)), **known)


def _lock(tx: Transaction, order_id: UUID, *, actor: Actor, version: int | None = None) -> tuple[Order, Enrolled]:
    order = lock_order(tx, order_id, actor=actor, version=version)
    if not order.is_change or order.cause_order_id is not None:
        raise NotFound(f"{order.reference} changes no booking.", what="change order")
    return order, _lock_original(tx, order)


def _lock_original(tx: Transaction, order: Order) -> Enrolled:
    """The booking that is changed, after its first order, or the quoted order; the account's lock keeps everybody else
    out.
    """
    if order.original_order_id is not None:
        return read_quoted(tx, lock_order(tx, order.original_order_id, actor=SYSTEM))
    assert order.original_booking_id is not None
    found: Any = tx.row("SELECT order_id FROM term_booking WHERE organisation_id = %(org)s AND id = %(id)s",
                        id=order.original_booking_id)  # fmt: skip
    return lock_enrolled(tx, lock_order(tx, found["order_id"], actor=SYSTEM), order.original_booking_id)

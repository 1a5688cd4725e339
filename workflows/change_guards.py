"""The rules that may refuse a change of a booking. Each guard yields every reason it finds."""

from collections.abc import Iterator
from typing import Any

from billing.difference import DifferenceLine
from catalogue.rules import Rule
from engine.actor import Actor
from engine.errors import Reason
from engine.money import format_money
from models import TermBookingConfirmationType, TermBookingStatus
from workflows.booking_facts import BookedLine, Booking
from workflows.change_adjustments import failing_adjustments
from workflows.change_credits import shown_credits
from workflows.change_documents import shown_documents
from workflows.change_facts import Change
from workflows.companion_facts import shown_companions
from workflows.order_facts import Order, WantedLine
from workflows.order_guards import failing_standing
from workflows.order_holdings import Holdings
from workflows.pass_review import shown_passes
from workflows.quoted_facts import quote_is_open

_HOW = TermBookingConfirmationType

# The originals that an edit may have.
CHANGEABLE = frozenset({TermBookingStatus.APPROVED, TermBookingStatus.ATTENDANCE_APPROVED, TermBookingStatus.QUOTE})


def is_first_order(order: Order, **_: object) -> Iterator[Reason]:
    """A change is confirmed with the difference that was reviewed, and neither quoted nor let in before it is."""
    if order.is_change:
        yield Reason("is_change", f"{order.reference} changes a booking; confirm it with its Billing Difference.",
                     rule="change")  # fmt: skip


def is_change(order: Order, **_: object) -> Iterator[Reason]:
    """Only a change order is confirmed as one."""
    if not order.is_change:
        yield Reason("not_change", f"{order.reference} changes no booking; confirm it.", rule="change")


def has_changes(order: Order, *, change: Change | None = None, **_: object) -> Iterator[Reason]:
    """A change changes something, and leaves something: a booking of which nothing stays is cancelled."""
    if change is None:
        return
    if not change.facts.lines and not change.leaving and not change.difference.lines:
        yield Reason("nothing_changed", f"{order.reference} changes nothing.", field="lines", rule="change")
    if not change.facts.lines and not change.facts.staying:
        yield Reason("nothing_left", f"Nothing of {change.enrolled.booking.reference} would stay; cancel the booking.",
                     field="lines", rule="change")  # fmt: skip


def can_be_changed(order: Order, *, change: Change | None = None, **_: object) -> Iterator[Reason]:
    """Only what is approved is changed, if for attendance only, and of it nothing that was held or given up."""
    if change is None:
        return
    if (reason := not_changeable(change.enrolled.booking)) is not None:
        yield reason
    elif change.is_quoted and not quote_is_open(change.enrolled, change.now):
        yield Reason("quote_expired", f"The quote of {change.enrolled.booking.reference} has run out.", rule="change")
    for line in change.leaving:
        if line.is_held(change.now):
            yield Reason("session_held", f"{line.label} was held; it stays.", **_named(line))
    gone = {line.session_id: line for line in change.enrolled.lines if line.is_cancelled}
    for wanted in change.facts.lines:
        if wanted.session_id in gone:
            yield Reason("given_up_before", f"{wanted.label} was given up before; book it with a new order.",
                         **_named(gone[wanted.session_id]))  # fmt: skip
    for wanted in change.facts.staying:
        booked = change.booked(wanted.session_id)
        if wanted.seat_id != booked.seat_id:
            yield Reason("seat_stays", f"{booked.label}: the seat of a session that stays is not changed.",
                         **_named(booked))  # fmt: skip
    yield from _failing_extras(change)
    yield from failing_adjustments(change)


def _failing_extras(change: Change) -> Iterator[Reason]:
    """What goes with a session that was held stays; what is added is still sold."""
    for line, was, wanted in _extras_of_staying(change):
        booked = change.booked(line.session_id)
        if was != wanted and booked.is_held(change.now):
            yield Reason("session_held", f"{booked.label} was held; its extras stay.", **_named(booked))
        for extra in line.extras:
            if not extra.is_offered and was.get(f"EXTRA:{extra.extra_id}") != extra.quantity:
                yield Reason("extra_not_offered", f"{extra.name} is not offered with {booked.label}.",
                             **_named(booked))  # fmt: skip


def _extras_of_staying(change: Change) -> Iterator[tuple[WantedLine, dict[str, int], dict[str, int]]]:
    """The sessions that stay, each with the extras that it has and those that it is to have: how many, by component."""
    billed = {(row["term_product_id"], row["component"]): row["quantity"] for row in change.enrolled.billing_lines}
    for line in change.facts.staying:
        was = {component: n for (of, component), n in billed.items()
               if of == str(line.session_id) and component.startswith("EXTRA:")}  # fmt: skip
        yield line, was, {f"EXTRA:{extra.extra_id}": extra.quantity for extra in line.extras}


def not_changeable(booking: Booking) -> Reason | None:
    """Why the status of an original lets nothing be changed, and what to do instead."""
    if booking.status in CHANGEABLE:
        return None
    if booking.status is TermBookingStatus.SUSPENDED:
        message = f"{booking.reference} is suspended: resume it, then change it."
    elif booking.status is TermBookingStatus.ACCEPT:
        message = f"The quote of {booking.reference} is accepted; confirm the order, then change its booking."
    else:
        status = booking.status.name.lower()
        message = f"{booking.reference} is {status}; only what is approved or quoted is changed."
    return Reason("not_changeable", message, rule="change", facts={"status": booking.status.name})


def is_in_change_window(
    order: Order, *, actor: Actor, change: Change | None = None, **_: object
) -> Iterator[Reason]:  # fmt: skip
    """A family gives up sessions, and what goes with them, until their cancellation window closes, and after that where
    a late fee is set; an admin may at any time.
    """
    if change is None or not actor.is_family:
        return
    for line in change.leaving:
        if _is_too_late(change, line):
            when = change.enrolled.until_words(line)
            yield Reason("past_cancellation_window", f"{line.label} could be given up until {when}; ask the "
                         "centre.", **_named(line))  # fmt: skip
    for wanted, had, has in _extras_of_staying(change):
        line = change.booked(wanted.session_id)
        if _is_too_late(change, line) and any(has.get(component, 0) < n for component, n in had.items()):
            when = change.enrolled.until_words(line)
            yield Reason("past_cancellation_window", f"The extras of {line.label} could be given up until {when}; ask "
                         "the centre.", **_named(line))  # fmt: skip


def _is_too_late(change: Change, line: BookedLine) -> bool:
    """Its window has closed without a late fee that opens it; what was held is another matter."""
    is_late = change.now > change.enrolled.cancellable_until(line) and not line.is_held(change.now)
    return is_late and not change.enrolled.has_late_fee(line)


def is_difference_as_shown(
    order: Order, *, change: Change, shown_fingerprint: str, **_: object
) -> Iterator[Reason]:  # fmt: skip
    """Nobody confirms a difference that they did not see; the refusal shows the fresh one."""
    if shown_fingerprint != change.difference.fingerprint:
        yield Reason(
            "difference_is_stale", "This is not the difference that would be made now; look at it and confirm again.",
            field="difference_fingerprint", rule="billing_difference", facts=shown_difference(change),
        )  # fmt: skip


def is_change_paid(
    order: Order, *, change: Change, holdings: Holdings, actor: Actor, reason: str, **_: object
) -> Iterator[Reason]:  # fmt: skip
    """The confirmation type's condition, asked of what the change adds: paid, in good standing, or an admin says so."""
    required = change.difference.required_minor
    money = {"currency": order.organisation["currency"], "locale": order.organisation["locale"]}
    if order.confirmation_type is _HOW.PAY_NOW_PAY_ALL and holdings.paid_minor < required:
        yield Reason(
            "not_paid", f"{order.reference} is confirmed when {format_money(required, **money)} more are paid; "
            f"{format_money(holdings.paid_minor, **money)} are.", rule="confirmation_type",
            facts={"required_minor": required, "paid_minor": holdings.paid_minor},
        )  # fmt: skip
    if order.confirmation_type is _HOW.CONFIRM_WITHOUT_PAYMENT and required:
        yield from failing_standing(order, holdings.standing, holdings.rules(Rule.PAY_LATER_LIMIT), required)
    if order.confirmation_type is _HOW.ADMIN_CONFIRM and not (actor.is_admin and reason.strip()):
        yield Reason("admin_with_reason", "An admin confirms it, with a reason.", field="reason",
                     rule="confirmation_type")  # fmt: skip


def is_ending_as_shown(
    booking: Booking, *, change: Change | None = None, shown_fingerprint: str = "", **_: object
) -> Iterator[Reason]:  # fmt: skip
    """Nobody ends a booking at a price that they did not see; a step of the system has no review."""
    if change is not None and shown_fingerprint != change.difference.fingerprint:
        message = f"Look at what ending {booking.reference} comes to, and present the fingerprint of that review."
        yield Reason("difference_is_stale", message, field="fingerprint", rule="billing_difference",
                     facts=shown_difference(change))  # fmt: skip


def shown_difference(change: Change) -> dict[str, Any]:
    """The difference as plain values: amounts in minor units, `delta` and `due` apart."""
    found = change.difference
    goes, *others = shown_credits(change)
    companions = [{**row, "credit_goes_to": its} for row, its in zip(shown_companions(change.companions), others,
                                                                     strict=True)]  # fmt: skip
    return {
        "fingerprint": found.fingerprint, "old_total_minor": found.old_total_minor,
        "new_total_minor": found.new_total_minor, "delta_minor": found.delta_minor, "paid_minor": found.paid_minor,
        "due_minor": found.due_minor, "credit_minor": found.credit_minor, "required_minor": found.required_minor,
        "old_tax_minor": found.old_tax_minor, "new_tax_minor": found.new_tax_minor,
        **shown_documents(change), "credit_goes_to": goes, "passes": shown_passes(change),
        "lines": [_shown_line(line) for line in found.lines], "companions": companions,
    }  # fmt: skip


def _shown_line(line: DifferenceLine) -> dict[str, Any]:
    return {
        "session_id": str(line.session_id), "component": line.component, "description": line.description,
        "was_minor": line.was_minor, "becomes_minor": line.becomes_minor, "delta_minor": line.delta_minor,
        "tax_delta_minor": line.tax_delta_minor, "causes": [cause.value for cause in line.causes],
        "why": list(line.why), "not_applied": list(line.not_applied), "trace": list(line.trace),
    }  # fmt: skip


def _named(line: BookedLine) -> dict[str, Any]:
    return {"field": "lines", "rule": "change", "session": line.label, "facts": {"session_id": str(line.session_id)}}

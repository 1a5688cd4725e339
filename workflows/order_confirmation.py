"""What confirming an order makes, in one transaction: TermBooking, Invoice with its postings, TermAttendance."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from billing.ledger import invoice_issued, post
from catalogue.rules import Rule, answer
from engine.actor import Actor
from engine.batch import Batch, Values
from engine.errors import Reason
from engine.fire import begin
from engine.ids import new_id, new_reference
from engine.money import format_money
from invoicing.issue import issue_invoice
from models import (
    PaymentState,
    TermAttendance,
    TermBookingConfirmationType,
    TermBookingExtra,
    TermBookingLine,
    TermBookingStatus,
)
from workflows.booking_facts import Booking
from workflows.booking_rows import Confirmation, booking_extra, booking_line, settle_invoice
from workflows.invoice_plan import plan_invoices
from workflows.order_effects import local_day, printed
from workflows.order_facts import Order
from workflows.order_guards import failing_standing
from workflows.order_holdings import Holdings
from workflows.order_schedule import SCHEDULED
from workflows.subscription_facts import Subscribed
from workflows.subscription_rules import is_continued_by_system
from workflows.term_booking import CHART as BOOKING_CHART

_CONFIRMATION = TermBookingConfirmationType


def is_condition_met(order: Order, *, holdings: Holdings, actor: Actor, reason: str, **_: Any) -> Iterator[Reason]:
    """The confirmation type's condition (DOMAIN §3): paid, in good standing, or an admin says so with a reason."""
    if holdings.billing is None:
        return  # an expression of interest costs nothing, and is not confirmed: another guard says so
    total = holdings.billing["total_minor"]
    schedule = holdings.schedule_for(order)
    if total and order.confirmation_type in SCHEDULED and schedule is None:
        yield Reason("schedule_not_agreed", f"No schedule was agreed for {order.reference}; reopen it, and submit it "
                     "so.", field="confirmation_type", rule="confirmation_type")  # fmt: skip
    required = required_minor(order, holdings)
    if holdings.paid_minor < required:
        money = {"currency": order.organisation["currency"], "locale": order.organisation["locale"]}
        what = "its deposit of " if order.confirmation_type is _CONFIRMATION.PAY_NOW_PAY_DEPOSIT else ""
        yield Reason(
            "not_paid", f"{order.reference} is confirmed when {what}{format_money(required, **money)} are paid; "
            f"{format_money(holdings.paid_minor, **money)} are.", rule="confirmation_type",
            facts={"total_minor": total, "required_minor": required, "paid_minor": holdings.paid_minor},
        )  # fmt: skip
    if total and order.confirmation_type is _CONFIRMATION.DIRECT_DEBIT and not holdings.has_mandate:
        yield Reason("no_mandate", f"{order.reference} is confirmed when a direct debit mandate of "
                     f"{order.account['name']} is in force; give one, and the office activates it.",
                     rule="confirmation_type")  # fmt: skip
    if order.confirmation_type is _CONFIRMATION.CONFIRM_WITHOUT_PAYMENT:
        yield from failing_standing(order, holdings.standing, holdings.rules(Rule.PAY_LATER_LIMIT), total)
    if order.confirmation_type is _CONFIRMATION.ADMIN_CONFIRM and not (
        (actor.is_admin or is_continued_by_system(order, actor)) and reason.strip()
    ):
        yield Reason("admin_with_reason", "An admin confirms it, with a reason.", field="reason",
                     rule="confirmation_type")  # fmt: skip


def required_minor(order: Order, holdings: Holdings) -> int:
    """What is to be paid before the confirmation, in minor units: all, its deposit, what a change adds, or nothing."""
    if order.change_due_minor is not None:
        return order.change_due_minor if order.confirmation_type is _CONFIRMATION.PAY_NOW_PAY_ALL else 0
    total: int = holdings.billing["total_minor"] if holdings.billing else 0
    if order.confirmation_type is _CONFIRMATION.PAY_NOW_PAY_ALL:
        return total
    schedule = holdings.schedule_for(order)
    if order.confirmation_type is _CONFIRMATION.PAY_NOW_PAY_DEPOSIT and schedule is not None:
        return min(schedule.deposit_minor, total)
    return 0


def can_confirm_oneself(order: Order, *, actor: Actor, **_: Any) -> Iterator[Reason]:
    """A family confirms by pay-later, and by direct debit once its mandate is in force; a payment or an admin confirms
    the others.
    """
    by_family = actor.is_family
    by_others = (_CONFIRMATION.CONFIRM_WITHOUT_PAYMENT, _CONFIRMATION.ADMIN_CONFIRM, _CONFIRMATION.DIRECT_DEBIT)
    if by_family and order.confirmation_type not in by_others:
        yield Reason("confirmed_by_payment", f"{order.reference} is confirmed by its payment.",
                     field="confirmation_type", rule="confirmation_type")  # fmt: skip


def make_booking(
    order: Order, *, batch: Batch, holdings: Holdings, made: Confirmation, actor: Actor, now: datetime,
    subscription: Subscribed | None = None, **_: Any,
) -> None:  # fmt: skip
    """The official enrolment, with a line per session and a snapshot of each extra."""
    assert holdings.billing is not None
    total = holdings.billing["total_minor"]
    assert order.confirmation_type is not None
    assert order.group_id is not None
    assert order.billing_id is not None
    # An order approved for attendance has a booking that is not invoiced yet.
    status = TermBookingStatus(order.status)
    state = plan_invoices(order, holdings, now=now, subscription=subscription).payment_state(holdings.paid_minor)
    state = PaymentState.NOT_DUE if status is TermBookingStatus.ATTENDANCE_APPROVED else state
    booking = made.booking = Booking(
        id=new_id(), reference=new_reference("TB"), status=status, version=1, account_id=order.account_id,
        attendee_id=order.attendee_id, order_id=order.id, group_id=order.group_id, billing_id=order.billing_id,
        total_minor=total, confirmation_type=order.confirmation_type, payment_state=state,
    )  # fmt: skip
    row = {
        "reference": booking.reference, "account_id": order.account_id, "attendee_id": order.attendee_id,
        "term_id": order.term_id, "group_id": order.group_id, "order_id": order.id,
        "order_type": int(order.order_type), "confirmation_type": order.confirmation_type,
        "payment_state": state.value, "revision": 1, "billing_id": order.billing_id, "total_minor": total,
        "wallet_debited_minor": 0, "bonus_debited_minor": 0, "entitlement_id": _covered_by(holdings),
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    begin(batch, BOOKING_CHART, booking, row=row, actor=actor, now=now, reason=f"made by {order.reference}")
    made.lines = {line["term_product_id"]: booking_line(booking, line) for line in _sessions(holdings)}
    batch.add(TermBookingLine, made.lines.values())
    if holdings.extras:
        batch.add(
            TermBookingExtra,
            [booking_extra(booking, extra, made.lines[extra["term_product_id"]]) for extra in holdings.extras],
        )
    order.change(booking_id=booking.id, confirmation_type=order.confirmation_type)


def _covered_by(holdings: Holdings) -> UUID | None:
    """The pass that covers the first of the lines that one covers."""
    return holdings.uses[0].entitlement_id if holdings.uses else None


def _sessions(holdings: Holdings) -> list[Values]:
    return [line for line in holdings.lines if line["component"] == "SESSION"]


def make_attendance(order: Order, *, batch: Batch, holdings: Holdings, made: Confirmation, **_: Any) -> None:
    """One row on the roll per confirmed line with a date."""
    assert made.lines is not None
    assert made.booking is not None
    batch.add(
        TermAttendance,
        [{
            "id": new_id(), "booking_line_id": made.lines[line["term_product_id"]]["id"],
            "booking_id": made.booking.id, "term_product_id": line["term_product_id"],
            "attendee_id": order.attendee_id, "local_date": line["local_date"], "status": "EXPECTED", "version": 1,
        } for line in _sessions(holdings) if line["local_date"]],
    )  # fmt: skip


def write_invoice(
    order: Order, *, batch: Batch, holdings: Holdings, made: Confirmation, lines: Sequence[Values], now: datetime
) -> None:
    """Invoice these lines of the Billing, post the invoice, and settle it with what is already paid."""
    assert made.booking is not None
    assert made.lines is not None
    assert holdings.billing is not None
    today = local_day(now, order)
    due_days = _due_days(order, holdings, today)
    sums = {name: sum(line[name] for line in lines) for name in ("net_minor", "tax_minor")}
    left = sums["net_minor"] + sums["tax_minor"]
    made.invoice_id = issue_invoice(
        batch, account_id=order.account_id, booking_id=made.booking.id,
        billing={**sums, "id": holdings.billing["id"], "total_minor": left},
        lines=[_invoice_line(line, made.lines) for line in lines],
        printed=printed(order) | {"booking_reference": made.booking.reference},
        issued_on=today, due_days=due_days, now=now,
    )  # fmt: skip
    post(batch, source_kind="INVOICE", source_id=made.invoice_id, purpose="ISSUED", account_id=order.account_id,
         postings=invoice_issued(**sums), posted_on=today, now=now)  # fmt: skip
    for payment in holdings.payments:
        if payment["status"] == "SUCCESS":
            amount = min(left, payment["amount_minor"] - payment["allocated_minor"])
            left -= amount
            settle_invoice(
                batch, order, invoice_id=made.invoice_id, payment_id=payment["id"], amount_minor=amount, now=now
            )


def _due_days(order: Order, holdings: Holdings, today: date) -> int:
    """Until all of the invoice is to be paid: at once, by its schedule, or as the rule says."""
    if order.confirmation_type is _CONFIRMATION.PAY_NOW_PAY_ALL:
        return 0
    schedule = holdings.schedule_for(order)
    if order.confirmation_type in SCHEDULED and schedule is not None:
        return max((schedule.last_due_on - today).days, 0)
    return int(min(holdings.rules(Rule.INVOICE_DUE)))


def _invoice_line(line: Values, booking_lines: dict[str, Values]) -> Values:
    return {
        "billing_line_id": line["id"], "booking_line_id": booking_lines[line["term_product_id"]]["id"],
        "description": line["description"], "session_date": line["local_date"], "quantity": line["quantity"],
        "net_minor": line["net_minor"], "tax_minor": line["tax_minor"], "gross_minor": line["gross_minor"],
        "tax_name": line["tax_name"], "tax_rate": line["tax_rate"], "position": line["position"],
    }  # fmt: skip


def quote_expiry(holdings: Holdings, now: datetime) -> datetime:
    """When a quote made now expires: after its offerings' shortest validity, never later than the next cut-off.

    Where a session's cut-off has passed already (an admin overrode it), its start takes the place of the cut-off. An
    order without a Billing version answers now: the chart refuses to quote it.
    """
    if holdings.billing is None:
        return now
    minutes = {str(chain[0]): answer(Rule.BOOKING_CUT_OFF, holdings.settings, chain=chain).value
               for chain in holdings.chains}  # fmt: skip
    moments = [now + timedelta(days=min(holdings.rules(Rule.QUOTE_VALIDITY)))]
    for line in holdings.lines:
        if line["starts_at"]:
            starts_at = datetime.fromisoformat(line["starts_at"])
            moments += [starts_at - timedelta(minutes=minutes[line["term_program_set_id"]]), starts_at]
    return min(moment for moment in moments if moment > now)

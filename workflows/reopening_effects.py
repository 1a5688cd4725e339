"""What opening a closed day again does to a booking: the way back of each effect that closing it had."""

from datetime import datetime
from typing import Any
from uuid import UUID

from billing.ledger import invoice_issued, post
from billing.versions import next_version, write_kept
from catalogue.rules import Rule
from engine.batch import Batch, Guarded
from engine.fire import MovedMeanwhile, announce
from engine.ids import new_id
from invoicing.issue import issue_invoice
from workflows import places
from workflows.booking_effects import expect_lines, say_how_it_stands
from workflows.booking_facts import Booking
from workflows.booking_rows import settle_invoice
from workflows.extras import hold_extras
from workflows.invoice_periods import Planned
from workflows.invoice_plan import planned_already, schedule_lines
from workflows.order_effects import local_day, printed
from workflows.reopening_facts import Returning


def hold_again(booking: Booking, *, batch: Batch, returning: Returning, now: datetime, **_: Any) -> None:
    """Place, time, seat, activities and extras are the attendee's again, as a submit would take them."""
    order, facts = returning.order, returning.facts
    chosen = [(line, activity) for line in facts.lines for activity in line.activities]
    places.hold(batch, order, facts.lines, now=now, looks_again=True, chosen=chosen)
    hold_extras(order, batch=batch, facts=facts)
    # The booking tells what it took: its order does not move.
    booking.record(**order.recorded)
    order.recorded = {}


_TURN_BACK = Guarded(
    name="open_lines",
    sql="UPDATE term_booking_line t SET kind = 'SESSION', billing_line_id = r.billing_line_id, "
    "gross_minor = r.gross_minor FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.kind = 'CLOSURE_DAY' RETURNING t.id",
    takes="id uuid, billing_line_id uuid, gross_minor bigint",
)


def charge_again(booking: Booking, *, batch: Batch, returning: Returning, now: datetime, **_: Any) -> None:
    """The lines are sessions at the price that they had. What was invoiced is invoiced once more, and what the closing
    gave back pays it; what waited for its invoice waits again.
    """
    enrolled = returning.enrolled
    group_id, version = next_version(
        batch, group=enrolled.group, account_id=booking.account_id, term_id=enrolled.term["id"], now=now
    )
    restored = [{**line, "as_id": new_id()} for line in returning.billing]
    billing_id, total_minor = write_kept(
        batch, [*enrolled.billing_lines, *restored], group_id=group_id, version=version, order_id=booking.order_id,
        now=now,
    )  # fmt: skip
    booking.change(billing_id=billing_id, total_minor=total_minor)
    sessions = {line["term_product_id"]: line for line in restored if line["component"] == "SESSION"}
    batch.guard(
        _TURN_BACK,
        [{"id": line.id, "billing_line_id": sessions[str(line.session_id)]["as_id"],
          "gross_minor": sessions[str(line.session_id)]["gross_minor"]} for line in returning.lines],
        otherwise=lambda _: MovedMeanwhile(f"{booking.reference} was changed meanwhile; look at it again."),
    )  # fmt: skip
    if returning.is_invoiced:
        _leave_to_plans(booking, batch, returning)
    if returning.charged_minor:
        later = {str(session) for session in returning.later}
        charged = [line for line in restored if line["term_product_id"] not in later]
        _invoice(booking, batch, returning, charged, now)


# What the invoice of its period left out is for a supplement to it, as where a suspension is over in time.
_SUPPLEMENT = Guarded(
    name="leave_to_supplement",
    sql="UPDATE scheduled_line t SET status = 'WAIVED' FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.booking_line_id = r.id AND t.status = 'DROPPED' "
    "RETURNING t.booking_line_id AS id",
    takes="id uuid",
)


def _leave_to_plans(booking: Booking, batch: Batch, returning: Returning) -> None:
    """What was planned stands on its planned invoice still, and is asked for by that; what is not yet, is planned."""
    if returning.dropped:
        batch.guard(
            _SUPPLEMENT, [{"id": line_id} for line_id in sorted(returning.dropped)],
            otherwise=lambda _: MovedMeanwhile(f"{booking.reference} was invoiced meanwhile; look at it again."),
        )  # fmt: skip
    ids = {line.session_id: line.id for line in returning.lines}
    later: dict[Planned, list[UUID]] = {}
    for session_id, invoice in returning.planned.items():
        later.setdefault(invoice, []).append(ids[session_id])
    schedule_lines(batch, later, booking_id=booking.id, existing=planned_already(returning.enrolled))


def _invoice(
    booking: Booking, batch: Batch, returning: Returning, charged: list[dict[str, Any]], now: datetime
) -> None:
    order, facts, today = returning.order, returning.facts, local_day(now, returning.order)
    booked = {str(line.session_id): line for line in returning.lines}
    lines = [
        {"billing_line_id": line["as_id"], "booking_line_id": booked[line["term_product_id"]].id,
         "description": line["description"], "session_date": line["printed"].get("date"), "position": position,
         # Of a session that is invoiced already, the credit of the closing and this make up for each other.
         "is_difference": booked[line["term_product_id"]].id in returning.enrolled.invoiced,
         **{name: line[name] for name in ("quantity", "net_minor", "tax_minor", "gross_minor", "tax_name", "tax_rate")}}
        for position, line in enumerate(charged)
    ]  # fmt: skip
    net, tax = (sum(line[name] for line in charged) for name in ("net_minor", "tax_minor"))
    invoice_id = issue_invoice(
        batch, account_id=booking.account_id, booking_id=booking.id,
        billing={"id": booking.billing_id, "net_minor": net, "tax_minor": tax}, lines=lines,
        printed=printed(order) | {"booking_reference": booking.reference}, issued_on=today,
        due_days=min(facts.rules(Rule.INVOICE_DUE)), now=now,
    )  # fmt: skip
    post(batch, source_kind="INVOICE", source_id=invoice_id, purpose="ISSUED", account_id=booking.account_id,
         postings=invoice_issued(net_minor=net, tax_minor=tax), posted_on=today, now=now)  # fmt: skip
    for entry in returning.entries:
        settle_invoice(batch, order, invoice_id=invoice_id, payment_id=entry["payment_id"],
                       amount_minor=entry["moved_minor"], now=now)  # fmt: skip
    open_minor = sum(invoice.open_minor for invoice in returning.enrolled.invoices) + net + tax - returning.taken_minor
    say_how_it_stands(booking, batch, is_open=open_minor > 0, now=now)


def expect_returning(booking: Booking, *, batch: Batch, returning: Returning, **_: Any) -> None:
    """The attendee is expected again."""
    expect_lines(booking, batch, returning.lines)


def tell_reopening(
    booking: Booking, *, batch: Batch, returning: Returning, reason: str, is_muted: bool, now: datetime, **_: Any
) -> None:  # fmt: skip
    """The family is told what takes place after all, and what it costs."""
    if not is_muted:
        session_ids: list[UUID] = [line.session_id for line in returning.lines]
        announce(
            batch, "booking.day_reopened", now=now, subject_id=booking.id, reference=booking.reference, reason=reason,
            session_ids=session_ids, charged_minor=returning.charged_minor, from_credit_minor=returning.taken_minor,
            later_minor=returning.later_minor,
        )  # fmt: skip

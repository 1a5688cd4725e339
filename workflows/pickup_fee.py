"""The fee of a late pick-up in the price of its booking: a line about the session, invoiced by itself.

It stays whatever becomes of the booking afterwards; waived, it is credited and costs nothing any more.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.adjustments import FEE_PICKUP
from billing.credits import plan_credit
from billing.ledger import invoice_issued, post
from billing.pricing import LineToPrice, price
from billing.versions import next_version, write_kept
from catalogue.rules import Rule, answer
from engine.batch import Batch, Values
from engine.database import Row
from engine.fire import MovedMeanwhile
from engine.ids import new_id
from invoicing.issue import issue_invoice
from workflows.booking_effects import say_how_it_stands, write_credit
from workflows.booking_facts import BookedLine, Booking, Enrolled
from workflows.change_facts import is_invoiced
from workflows.order_effects import local_day, printed

_ONE_LINE = "uq_invoice_line_organisation_id_late_pickup_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class PickupFee:
    """What a late pick-up costs, and of which confirmed session."""

    late_pickup_id: UUID
    reference: str
    line: BookedLine
    amount_minor: int
    minutes_late: int

    @property
    def component(self) -> str:
        return f"{FEE_PICKUP}:{self.reference}"

    def session_of(self, enrolled: Enrolled) -> Row | None:
        """The billed session that it is about, where the booking is invoiced; None where nothing can be charged."""
        if not is_invoiced(enrolled):
            return None
        session = str(self.line.session_id), "SESSION"
        return next((row for row in enrolled.billing_lines if (row["term_product_id"], row["component"]) == session),
                    None)  # fmt: skip


def charge_pickup(
    booking: Booking, *, batch: Batch, enrolled: Enrolled, pickup: PickupFee, now: datetime, **_: Any
) -> None:
    """The booking costs the fee besides, and it is invoiced: taxed as its session is, earned with it."""
    assert enrolled.order is not None, "only who holds the order's lock issues an invoice"
    order, today = enrolled.order, local_day(now, enrolled.order)
    fee = _priced(enrolled, pickup, is_taxed_inside=order.organisation["prices_include_tax"])
    _next_version(booking, batch, enrolled, [*enrolled.billing_lines, fee], now)
    line = {
        "billing_line_id": fee["as_id"], "booking_line_id": pickup.line.id, "late_pickup_id": pickup.late_pickup_id,
        "session_date": fee["printed"].get("date"), "position": 0,
        **{name: fee[name] for name in ("description", "quantity", "net_minor", "tax_minor", "gross_minor",
                                        "tax_name", "tax_rate")},
    }  # fmt: skip
    invoice_id = issue_invoice(
        batch, account_id=booking.account_id, booking_id=booking.id,
        billing={"id": booking.billing_id, "net_minor": fee["net_minor"], "tax_minor": fee["tax_minor"]}, lines=[line],
        printed=printed(order) | {"booking_reference": booking.reference}, issued_on=today,
        due_days=answer(Rule.INVOICE_DUE, enrolled.settings, chain=pickup.line.chain).value, now=now,
    )  # fmt: skip
    batch.on_violation(_ONE_LINE, MovedMeanwhile(f"{pickup.reference} was charged meanwhile."))
    postings = invoice_issued(net_minor=fee["net_minor"], tax_minor=fee["tax_minor"])
    post(batch, source_kind="INVOICE", source_id=invoice_id, purpose="ISSUED", account_id=booking.account_id,
         postings=postings, posted_on=today, now=now)  # fmt: skip
    say_how_it_stands(booking, batch, is_open=True, now=now)


def credit_pickup(
    booking: Booking, *, batch: Batch, enrolled: Enrolled, pickup: PickupFee, reason: str, now: datetime, **_: Any
) -> None:  # fmt: skip
    """A credit note takes the fee back; what was paid of it is the family's credit."""
    invoiced = [line for line in enrolled.invoice_lines if line["component"] == pickup.component]
    credit = plan_credit(invoiced, enrolled.invoices, enrolled.payments)
    write_credit(booking, batch=batch, enrolled=enrolled, credit=credit, reason=reason, now=now)
    left = [row for row in enrolled.billing_lines if row["component"] != pickup.component]
    _next_version(booking, batch, enrolled, left, now)


def _priced(enrolled: Enrolled, pickup: PickupFee, *, is_taxed_inside: bool) -> Values:
    """The fee as a line of the next version, under an id that the invoice can name."""
    session = pickup.session_of(enrolled)
    assert session is not None, "the acceptance asked"
    asked = LineToPrice(
        enrolled.booking.attendee_id, pickup.line.session_id, pickup.component,
        f"Late pick-up fee, {session['description']}", pickup.amount_minor, 1,
        f"collected {pickup.minutes_late} minutes late", session["tax_name"], Decimal(session["tax_rate"]),
        session["printed"] | {"extra": "Late pick-up fee"},
    )  # fmt: skip
    (priced,) = price([asked], prices_include_tax=is_taxed_inside).lines
    return {
        "as_id": new_id(), "attendee_id": session["attendee_id"], "term_product_id": session["term_product_id"],
        "component": asked.component, "description": asked.description, "printed": asked.printed, "quantity": 1,
        "base_minor": priced.base_minor, "discount_minor": 0, "net_minor": priced.net_minor,
        "tax_minor": priced.tax_minor, "gross_minor": priced.gross_minor, "tax_name": asked.tax_name,
        "tax_rate": session["tax_rate"], "trace": priced.trace,
    }  # fmt: skip


def _next_version(booking: Booking, batch: Batch, enrolled: Enrolled, lines: list[Values], now: datetime) -> None:
    group_id, version = next_version(
        batch, group=enrolled.group, account_id=booking.account_id, term_id=enrolled.term["id"], now=now
    )
    billing_id, total_minor = write_kept(
        batch, lines, group_id=group_id, version=version, order_id=booking.order_id, now=now
    )
    booking.change(billing_id=billing_id, total_minor=total_minor)

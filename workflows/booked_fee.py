"""A fee in the price of its booking, a late pick-up's or an overdue invoice's: a line about a session, invoiced by
itself.

It stays whatever becomes of the booking afterwards; waived, it is credited and costs nothing any more.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

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


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedFee:
    """What a fee costs, and beside which confirmed session it stands."""

    kind: str  # of its component: FEE_PICKUP, FEE_OVERDUE
    named_by: str  # the column of the invoice line that says which fee it charges; each once, by constraint
    id: UUID
    reference: str
    name: str  # as its line is headed
    about: str  # what it is charged for; empty: its session
    line: BookedLine
    amount_minor: int
    basis: str
    printed: dict[str, str] = field(default_factory=dict)  # what it is charged for, for papers in any language
    invoice_id: UUID = field(default_factory=new_id)  # that will ask for it

    @property
    def component(self) -> str:
        return f"{self.kind}:{self.reference}"

    def session_of(self, enrolled: Enrolled) -> Row | None:
        """The billed session that it is about, where the booking is invoiced; None where nothing can be charged."""
        if not is_invoiced(enrolled):
            return None
        session = str(self.line.session_id), "SESSION"
        return next((row for row in enrolled.billing_lines if (row["term_product_id"], row["component"]) == session),
                    None)  # fmt: skip


def charge_fee(booking: Booking, *, batch: Batch, enrolled: Enrolled, fee: BookedFee, now: datetime, **_: Any) -> None:
    """The booking costs the fee besides, and it is invoiced: taxed as its session is, earned with it."""
    assert enrolled.order is not None, "only who holds the order's lock issues an invoice"
    order, today = enrolled.order, local_day(now, enrolled.order)
    row = _priced(enrolled, fee, is_taxed_inside=order.organisation["prices_include_tax"])
    _next_version(booking, batch, enrolled, [*enrolled.billing_lines, row], now)
    line = {
        "billing_line_id": row["as_id"], "booking_line_id": fee.line.id, fee.named_by: fee.id,
        "session_date": row["printed"].get("date"), "position": 0,
        **{name: row[name] for name in ("description", "quantity", "net_minor", "tax_minor", "gross_minor",
                                        "tax_name", "tax_rate")},
    }  # fmt: skip
    issue_invoice(
        batch, invoice_id=fee.invoice_id, account_id=booking.account_id, booking_id=booking.id,
        billing={"id": booking.billing_id, "net_minor": row["net_minor"], "tax_minor": row["tax_minor"]}, lines=[line],
        printed=printed(order) | {"booking_reference": booking.reference}, issued_on=today,
        due_days=answer(Rule.INVOICE_DUE, enrolled.settings, chain=fee.line.chain).value, now=now,
    )  # fmt: skip
    batch.on_violation(f"uq_invoice_line_organisation_id_{fee.named_by}",
                       MovedMeanwhile(f"{fee.reference} was charged meanwhile."))  # fmt: skip
    postings = invoice_issued(net_minor=row["net_minor"], tax_minor=row["tax_minor"])
    post(batch, source_kind="INVOICE", source_id=fee.invoice_id, purpose="ISSUED", account_id=booking.account_id,
         postings=postings, posted_on=today, now=now)  # fmt: skip
    say_how_it_stands(booking, batch, is_open=True, now=now)


def credit_fee(
    booking: Booking, *, batch: Batch, enrolled: Enrolled, fee: BookedFee, reason: str, now: datetime, **_: Any
) -> None:
    """A credit note takes the fee back; what was paid of it is the family's credit."""
    invoiced = [line for line in enrolled.invoice_lines if line["component"] == fee.component]
    credit = plan_credit(invoiced, enrolled.invoices, enrolled.payments)
    write_credit(booking, batch=batch, enrolled=enrolled, credit=credit, reason=reason, now=now)
    left = [row for row in enrolled.billing_lines if row["component"] != fee.component]
    _next_version(booking, batch, enrolled, left, now)


def _priced(enrolled: Enrolled, fee: BookedFee, *, is_taxed_inside: bool) -> Values:
    """The fee as a line of the next version, under an id that the invoice can name."""
    session = fee.session_of(enrolled)
    assert session is not None, "who charges it asked"
    asked = LineToPrice(
        enrolled.booking.attendee_id, fee.line.session_id, fee.component,
        f"{fee.name}, {fee.about or session['description']}", fee.amount_minor, 1, fee.basis, session["tax_name"],
        Decimal(session["tax_rate"]),
        session["printed"] | {"extra": f"{fee.name}, {fee.about}" if fee.about else fee.name, "fee": fee.kind,
                              **fee.printed},
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

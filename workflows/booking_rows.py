"""The rows that a confirmed booking is made of, whoever makes them: a confirmation, or a change later on."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from billing.ledger import credit_applied, post
from engine.batch import Batch, Values
from engine.ids import new_id, new_ticket
from models import PaymentAllocation
from workflows.booking_facts import Booking
from workflows.order_effects import local_day
from workflows.order_facts import Order


@dataclass
class Confirmation:
    """What a confirmation made, for later effects and for the verb's answer."""

    booking: Booking | None = None
    lines: dict[str, Values] | None = None  # by session
    invoice_id: UUID | None = None
    kept_price: list[str] = field(default_factory=list)  # bookings whose companions were not as shown any more


def booking_line(booking: Booking, line: Values) -> Values:
    return {
        "id": new_id(), "booking_id": booking.id, "term_product_id": line["term_product_id"],
        "term_program_set_id": line["term_program_set_id"], "kind": line["kind"], "mode": line["mode"],
        "billing_line_id": line["id"], "gross_minor": line["gross_minor"], "position": line["line_position"],
        "seat_id": line["seat_id"], "ticket_reference": new_ticket() if line["seat_id"] else None,
    }  # fmt: skip


def booking_extra(booking: Booking, extra: Values, line: Values) -> Values:
    snapshot = {name: extra[name] for name in ("extra_id", "name", "quantity", "price_minor", "price_paid_minor",
                                               "covered_by_entitlement_id")}  # fmt: skip
    return {**snapshot, "id": new_id(), "booking_id": booking.id, "booking_line_id": line["id"]}


def settle_invoice(
    batch: Batch, order: Order, *, invoice_id: UUID, payment_id: UUID, amount_minor: int, now: datetime
) -> None:  # fmt: skip
    """Use (part of) a captured payment for an invoice."""
    if amount_minor <= 0:
        return
    allocation_id = new_id()
    batch.add(
        PaymentAllocation,
        [{"id": allocation_id, "payment_id": payment_id, "invoice_id": invoice_id, "amount_minor": amount_minor,
          "credit_note_id": None, "created_at": now}],
    )  # fmt: skip
    post(batch, source_kind="PAYMENT_ALLOCATION", source_id=allocation_id, purpose="APPLIED",
         account_id=order.account_id, postings=credit_applied(amount_minor=amount_minor),
         posted_on=local_day(now, order), now=now)  # fmt: skip

"""Taking a payment off an invoice that it settled: nothing is taken away, a negative row and its posting undo it."""

from datetime import date, datetime
from uuid import UUID

from billing.ledger import credit_released, post
from engine.batch import Batch
from engine.ids import new_id
from models import PaymentAllocation


def release_allocation(
    batch: Batch, *, account_id: UUID, invoice_id: UUID, payment_id: UUID, amount_minor: int, posted_on: date,
    now: datetime, credit_note_id: UUID | None = None,
) -> None:  # fmt: skip
    """That much of the payment is the family's credit again, and the invoice is owed by as much."""
    freed_id = new_id()
    batch.add(
        PaymentAllocation,
        [{"id": freed_id, "payment_id": payment_id, "invoice_id": invoice_id, "amount_minor": -amount_minor,
          "credit_note_id": credit_note_id, "created_at": now}],
    )  # fmt: skip
    post(batch, source_kind="PAYMENT_ALLOCATION", source_id=freed_id, purpose="RELEASED", account_id=account_id,
         postings=credit_released(amount_minor=amount_minor), posted_on=posted_on, now=now)  # fmt: skip

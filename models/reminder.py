"""Reminders of payments: which was sent for what, so that each is sent once."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from models.base import TenantRow, check, index, moment, money, one_of, refers, word


class ReminderKind(StrEnum):
    """On which side of its due date a payment is."""

    DUE = "DUE"  # it is due in so many days
    OVERDUE = "OVERDUE"  # it was due so many days ago


class PaymentReminder(TenantRow, table=True):
    """What a family was reminded of: an invoice, or one part of its schedule; by each step of the rule once."""

    __tablename__ = "payment_reminder"
    __table_args__ = (
        refers("order_id", "term_booking_order"),
        refers("invoice_id", "invoice"),
        refers("instalment_id", "instalment"),
        one_of("kind", ReminderKind),
        check("num_nonnulls(invoice_id, instalment_id) = 1", "of_an_invoice_or_a_part"),
        check("days >= 0 AND amount_minor > 0", "is_of_something"),
        index("uq_payment_reminder_invoice", "invoice_id", "kind", "days", is_unique=True,
              where="invoice_id IS NOT NULL"),
        index("uq_payment_reminder_instalment", "instalment_id", "kind", "days", is_unique=True,
              where="instalment_id IS NOT NULL"),
        index("ix_payment_reminder_order", "order_id", "sent_at"),
    )  # fmt: skip
    order_id: UUID
    invoice_id: UUID | None = None
    instalment_id: UUID | None = None
    kind: ReminderKind = word(ReminderKind)
    days: int
    due_on: date
    amount_minor: int = money()
    sent_at: datetime = moment()

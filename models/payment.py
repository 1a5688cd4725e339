"""Payments and what they were used for."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from models.base import TenantRow, check, index, moment, money, one_of, refers, unique, word


class PaymentStatus(StrEnum):
    """Where a payment stands with its provider."""

    PENDING = "PENDING"  # started; the payer has not finished
    PROCESSING = "PROCESSING"  # the provider is moving the money
    SUCCESS = "SUCCESS"  # captured
    FAILED = "FAILED"  # declined or abandoned; see failure_reason


class Payment(TenantRow, table=True):
    """Money asked for or received for an order's billing. `fingerprint` pins the price it pays for."""

    __tablename__ = "payment"
    __table_args__ = (
        refers("account_id", "account"),
        refers("order_id", "term_booking_order"),
        refers("billing_id", "billing"),
        one_of("status", PaymentStatus),
        check("amount_minor > 0", "amount_is_positive"),
        unique("reference"),
        unique("provider", "external_id"),
        index("ix_payment_order", "order_id"),
        index("ix_payment_account", "account_id", "created_at"),
    )
    reference: str
    account_id: UUID
    order_id: UUID
    billing_id: UUID
    amount_minor: int = money()
    currency: str
    provider: str
    external_id: str | None = None
    status: PaymentStatus = word(PaymentStatus)
    failure_reason: str | None = None
    fingerprint: str
    checkout_url: str | None = None
    created_at: datetime = moment()
    updated_at: datetime = moment()


class PaymentAllocation(TenantRow, table=True):
    """How much of a payment settles which invoice; the sum never exceeds the payment (checked by a trigger)."""

    __tablename__ = "payment_allocation"
    __table_args__ = (
        refers("payment_id", "payment"),
        refers("invoice_id", "invoice"),
        check("amount_minor > 0", "amount_is_positive"),
        index("ix_payment_allocation_payment", "payment_id"),
        index("ix_payment_allocation_invoice", "invoice_id"),
    )
    payment_id: UUID
    invoice_id: UUID
    amount_minor: int = money()
    created_at: datetime = moment()

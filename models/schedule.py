"""When the parts of what an order costs are due: a deposit and its rest, or instalments."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from models.base import TenantRow, check, index, moment, money, one_of, refers, unique, word


class InstalmentKind(StrEnum):
    """What a part of a schedule is."""

    DEPOSIT = "DEPOSIT"  # paid at once; confirms the order
    REST = "REST"  # what the deposit leaves
    INSTALMENT = "INSTALMENT"  # collected by direct debit


class PaymentSchedule(TenantRow, table=True):
    """What a family agreed to at a submit; its instalments sum to its total, which is that of the Billing version."""

    __tablename__ = "payment_schedule"
    __table_args__ = (
        refers("order_id", "term_booking_order"),
        refers("billing_id", "billing"),
        check("total_minor > 0", "total_is_positive"),
        unique("billing_id"),
        index("ix_payment_schedule_order", "order_id", "agreed_at"),
    )
    order_id: UUID
    billing_id: UUID
    total_minor: int = money()
    fingerprint: str
    agreed_at: datetime = moment()


class Instalment(TenantRow, table=True):
    """One part with its due date, a local day of the organisation."""

    __tablename__ = "instalment"
    __table_args__ = (
        refers("schedule_id", "payment_schedule"),
        one_of("kind", InstalmentKind),
        check("amount_minor > 0", "amount_is_positive"),
        unique("schedule_id", "position"),
        index("ix_instalment_due", "due_on"),
    )
    schedule_id: UUID
    position: int
    kind: InstalmentKind = word(InstalmentKind)
    due_on: date
    amount_minor: int = money()

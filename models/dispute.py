"""Disputed payments: money that a payer's bank took back, and whether it came back to us."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from models.base import TenantRow, check, index, moment, money, one_of, refers, unique, word


class PaymentDisputeStatus(StrEnum):
    """Who has the money."""

    OPEN = "OPEN"  # taken until it is decided
    LOST = "LOST"  # the payer's for good
    WON = "WON"  # ours again


class PaymentDispute(TenantRow, table=True):
    """A dispute as its provider tells it, one row for each payment that it is about; a chargeback, once money is taken.

    `taken_minor` is what it has taken out of the books at present, `receivable_minor` what of that the family owes
    because its credit was spent already.
    """

    __tablename__ = "payment_dispute"
    __table_args__ = (
        refers("payment_id", "payment"),
        one_of("status", PaymentDisputeStatus),
        check("amount_minor > 0", "amount_is_positive"),
        check("taken_minor BETWEEN 0 AND amount_minor", "takes_no_more_than_is_disputed"),
        check("receivable_minor BETWEEN 0 AND taken_minor", "owes_no_more_than_is_taken"),
        check("status <> 'WON' OR taken_minor = 0", "what_is_won_is_ours"),
        unique("provider", "external_id", "payment_id"),
        index("ix_payment_dispute_payment", "payment_id"),
    )
    payment_id: UUID
    provider: str
    external_id: str
    status: PaymentDisputeStatus = word(PaymentDisputeStatus)
    reason: str
    amount_minor: int = money()
    taken_minor: int = money(default=0)
    receivable_minor: int = money(default=0)
    created_at: datetime = moment()
    updated_at: datetime = moment()

"""Refund requests, one for each booking and one for each wallet, and the money that is sent back by them."""

from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID

from models.base import TenantRow, check, code, index, moment, money, one_of, refers, unique, word


class RefundRequestStatus(IntEnum):
    """Where a request stands."""

    PENDING = 100  # asked; somebody of finance or an admin decides
    APPROVED = 200  # what was asked is in the wallet, or on its way back
    REJECTED = 900  # refused, with a note


class RefundDestination(StrEnum):
    """Where the family wants its money."""

    WALLET = "WALLET"  # into its wallet
    ORIGINAL = "ORIGINAL"  # the way it was paid


class RefundRequest(TenantRow, table=True):
    """What a family asks back, for a booking or of what lies in its wallet.

    Asked again it is the same row; each attempt stands in its history.
    """

    __tablename__ = "refund_request"
    __table_args__ = (
        refers("account_id", "account"),
        refers("booking_id", "term_booking"),
        one_of("status", RefundRequestStatus),
        one_of("destination", RefundDestination),
        check("amount_minor > 0", "amount_is_positive"),
        check("attempt > 0", "attempts_are_counted"),
        check("(status = 100) = (resolved_at IS NULL)", "resolved_with_its_time"),
        check("booking_id IS NOT NULL OR destination = 'ORIGINAL'", "from_the_wallet_the_way_it_was_paid"),
        unique("booking_id"),
        unique("reference"),
        index("uq_refund_request_of_wallet", "account_id", is_unique=True, where="booking_id IS NULL"),
        index("ix_refund_request_account", "account_id"),
        index("ix_refund_request_status", "status", "created_at"),
    )
    reference: str
    account_id: UUID
    booking_id: UUID | None = None  # None: of what lies in the wallet
    status: RefundRequestStatus = code(RefundRequestStatus)
    version: int = 1
    attempt: int = 1
    amount_minor: int = money()
    destination: RefundDestination = word(RefundDestination)
    reason: str = ""  # why the family asks
    note: str = ""  # of whoever decided
    resolved_by: UUID | None = None
    resolved_at: datetime | None = moment(default=None, nullable=True)
    created_at: datetime = moment()
    updated_at: datetime = moment()


class RefundStatus(StrEnum):
    """Where money on its way back stands."""

    PENDING = "PENDING"  # taken from the wallet; the provider is asked, or has not finished
    SUCCEEDED = "SUCCEEDED"  # the payer has it
    FAILED = "FAILED"  # it could not be sent; it is in the wallet again


class Refund(TenantRow, table=True):
    """Money of one payment that is sent back the way it came. Its id is the key that the provider knows it by."""

    __tablename__ = "refund"
    __table_args__ = (
        refers("request_id", "refund_request"),
        refers("account_id", "account"),
        refers("payment_id", "payment"),
        refers("wallet_entry_id", "wallet_entry"),
        one_of("status", RefundStatus),
        check("amount_minor > 0", "amount_is_positive"),
        unique("wallet_entry_id"),
        index("ix_refund_request", "request_id"),
        index("ix_refund_payment", "payment_id"),
        index("ix_refund_open", "asked_at", where="status = 'PENDING'"),
    )
    request_id: UUID
    account_id: UUID
    payment_id: UUID
    wallet_entry_id: UUID  # with which it was set aside
    amount_minor: int = money()
    currency: str
    provider: str
    external_id: str | None = None  # the provider's name of it
    status: RefundStatus = word(RefundStatus)
    failure_reason: str | None = None
    asked_at: datetime | None = moment(default=None, nullable=True)  # when the provider was last asked
    created_at: datetime = moment()
    updated_at: datetime = moment()

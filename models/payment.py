"""Payments and what they were used for."""

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, index, moment, money, one_of, refers, root, unique, word


class PaymentStatus(StrEnum):
    """Where a payment stands with its provider."""

    PENDING = "PENDING"  # started; the payer has not finished
    PROCESSING = "PROCESSING"  # the provider is moving the money
    SUCCESS = "SUCCESS"  # captured
    FAILED = "FAILED"  # declined or abandoned; see failure_reason


class Payment(TenantRow, table=True):
    """Money asked for or received for an order's billing, or for a wallet. `fingerprint` pins the price it pays for.

    Once captured, `amount_minor` is what really came in; what was asked, where it differs, stands in its review.
    """

    __tablename__ = "payment"
    __table_args__ = (
        refers("account_id", "account"),
        refers("order_id", "term_booking_order"),
        refers("billing_id", "billing"),
        one_of("status", PaymentStatus),
        refers("mandate_id", "direct_debit_mandate"),
        refers("invoice_id", "invoice"),
        refers("instalment_id", "instalment"),
        check("amount_minor > 0", "amount_is_positive"),
        check("disputed_minor BETWEEN 0 AND amount_minor", "disputes_within_payment"),
        check("(order_id IS NULL) = (billing_id IS NULL)", "for_an_order_or_the_wallet"),
        check("(mandate_id IS NULL) = (collect_on IS NULL)", "debit_has_its_day"),
        check(
            "returned_at IS NULL OR (status = 'FAILED' AND (mandate_id IS NOT NULL "
            "OR provider IN ('bank', 'cash', 'manual')))",
            "only_by_bank_or_hand_is_returned",
        ),
        check("returned_by IS NULL OR returned_at IS NOT NULL", "returned_by_somebody_then"),
        check(
            "returned_owed_minor = 0 OR (returned_owed_minor BETWEEN 0 AND amount_minor AND status = 'FAILED')",
            "owed_of_what_was_returned",
        ),
        check("set_off_minor BETWEEN 0 AND amount_minor", "set_off_within_payment"),
        unique("reference"),
        index("uq_payment_external", "provider", "external_id", is_unique=True, where="checkout_id IS NULL"),
        index("ix_payment_external", "external_id", where="external_id IS NOT NULL"),
        index("uq_payment_of_checkout", "checkout_id", "order_id", is_unique=True, where="checkout_id IS NOT NULL"),
        index(
            "uq_payment_debit_under_way",
            "invoice_id",
            is_unique=True,
            where="mandate_id IS NOT NULL AND instalment_id IS NULL AND status IN ('PENDING', 'PROCESSING')",
        ),
        # A session that is paid as one goes is debited from the wallet once.
        index(
            "uq_payment_session_debit",
            "invoice_id",
            is_unique=True,
            where="provider = 'wallet' AND invoice_id IS NOT NULL",
        ),
        # An instalment is collected once by itself; what the bank refuses or takes back is for people.
        index("uq_payment_instalment", "instalment_id", is_unique=True, where="instalment_id IS NOT NULL"),
        index("ix_payment_order", "order_id"),
        index("ix_payment_invoice", "invoice_id", where="invoice_id IS NOT NULL"),
        index("ix_payment_account", "account_id", "created_at"),
        index("ix_payment_failed_debit", "updated_at", where="status = 'FAILED' AND mandate_id IS NOT NULL"),
        index(
            "ix_payment_owed",
            "account_id",
            where="disputed_minor > 0 OR returned_owed_minor > 0 OR set_off_minor > 0",
        ),
        index("ix_payment_open", "asked_at", where="status IN ('PENDING', 'PROCESSING')"),
    )
    reference: str
    account_id: UUID
    # None: a top-up of the account's wallet.
    order_id: UUID | None = None
    billing_id: UUID | None = None
    amount_minor: int = money()
    currency: str
    provider: str
    external_id: str | None = None
    # The payments of several orders that are paid at once share a checkout, and its external id.
    checkout_id: UUID | None = None
    status: PaymentStatus = word(PaymentStatus)
    failure_reason: str | None = None
    fingerprint: str
    # What the payer's bank has taken back of it at present.
    disputed_minor: int = money(default=0, sa_column_kwargs={"server_default": sa.text("0")})
    # Of money that was taken back: what the family had spent otherwise, and owes.
    returned_owed_minor: int = money(default=0, sa_column_kwargs={"server_default": sa.text("0")})
    # Of what is owed because it was spent before it was taken back, what the wallet has paid since.
    set_off_minor: int = money(default=0, sa_column_kwargs={"server_default": sa.text("0")})
    checkout_url: str | None = None
    started_by: UUID | None = None  # the user who started or recorded it
    note: str = ""  # why it was recorded by hand
    asked_at: datetime | None = moment(default=None, nullable=True)  # when the provider was last asked about it
    # Of a direct debit: by which mandate it is collected on which day.
    mandate_id: UUID | None = None
    collect_on: date | None = None
    returned_at: datetime | None = moment(default=None, nullable=True)  # taken back by the bank, or by the office
    returned_by: UUID | None = None  # who took it back, where that was not the bank
    # The invoice that it is for; else the oldest that is open.
    invoice_id: UUID | None = None
    instalment_id: UUID | None = None
    created_at: datetime = moment()
    updated_at: datetime = moment()


# Money of these no provider holds: it came to us at once, or was the family's already.
NO_GATEWAYS = ("manual", "bank", "cash", "direct_debit", "wallet")
_DIFFERS = "captured_minor <> posted_minor"


class Capture(TenantRow, table=True):
    """What a payment says that its provider captured, and what the books say of it by now: kept by the database as
    either is written, so that a payment whose books differ is found whenever it was. Its key is that of the payment.
    """

    __tablename__ = "capture"
    __table_args__ = (
        refers("id", "payment"),
        index("ix_capture_open", "id", where=_DIFFERS),
        # All that a sum over days reads.
        index("ix_capture_day", "captured_on", "id", "posted_minor", "captured_minor"),
    )
    DIFFERS: ClassVar[str] = _DIFFERS
    captured_minor: int = money()
    posted_minor: int = money()
    captured_on: date | None = None  # the day on which it was first posted


class PaymentAllocation(TenantRow, table=True):
    """How much of a payment settles which invoice; the sum never exceeds the payment (checked by a trigger).

    Nothing is taken away: a row with a negative amount frees what a credit note has made superfluous.
    """

    __tablename__ = "payment_allocation"
    __table_args__ = (
        refers("payment_id", "payment"),
        refers("invoice_id", "invoice"),
        refers("credit_note_id", "credit_note"),
        check("amount_minor <> 0", "amount_is_not_zero"),
        check("credit_note_id IS NULL OR amount_minor < 0", "a_credit_frees"),
        index("ix_payment_allocation_payment", "payment_id"),
        index("ix_payment_allocation_invoice", "invoice_id"),
        index("ix_payment_allocation_credit", "credit_note_id", where="credit_note_id IS NOT NULL"),
        index("ix_payment_allocation_made", "created_at"),
    )
    payment_id: UUID
    invoice_id: UUID
    amount_minor: int = money()
    credit_note_id: UUID | None = None  # that freed it
    created_at: datetime = moment()


class PaymentReviewKind(StrEnum):
    """Why a person of finance must look at money."""

    WRONG_AMOUNT = "WRONG_AMOUNT"  # captured, but not what was asked; it is the family's credit
    WRONG_CURRENCY = "WRONG_CURRENCY"  # captured in another currency; it stands outside the books until resolved
    CONTRADICTION = "CONTRADICTION"  # the provider reported two different captures of one payment
    UNKNOWN_PAYMENT = "UNKNOWN_PAYMENT"  # captured for a payment that is not ours
    PRICE_CHANGED = "PRICE_CHANGED"  # paid for a price that the order no longer has; it is the family's credit
    NOT_REVIVED = "NOT_REVIVED"  # paid after the timeout, and the order could not be revived; the family's credit
    PART_PAYMENT = "PART_PAYMENT"  # less than the order needs; its timeout was disarmed
    # The order is confirmed; another booking that it would have altered was changed meanwhile and keeps its price.
    COMPANION_NOT_MADE = "COMPANION_NOT_MADE"
    CHARGEBACK = "CHARGEBACK"  # its payer's bank took it back; what it settled is open again
    UNKNOWN_REFUND = "UNKNOWN_REFUND"  # given back by the provider, and not at our request


class PaymentReview(TenantRow, table=True):
    """Money that finance must look at, with what was asked and what the provider reported."""

    __tablename__ = "payment_review"
    __table_args__ = (
        root(),
        refers("payment_id", "payment"),
        one_of("kind", PaymentReviewKind),
        index("ix_payment_review_open", "created_at", where="resolved_at IS NULL"),
        index("ix_payment_review_payment", "payment_id"),
    )
    kind: PaymentReviewKind = word(PaymentReviewKind)
    payment_id: UUID | None = None
    provider: str
    external_id: str | None = None
    asked_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    reported_minor: int = money()
    reported_currency: str
    created_at: datetime = moment()
    resolved_at: datetime | None = moment(default=None, nullable=True)
    resolution: str = ""

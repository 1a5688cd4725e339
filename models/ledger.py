"""Double entry: entries whose postings balance. Nothing is updated or deleted, only reversed."""

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from models.base import TenantRow, check, index, moment, money, one_of, refers, root, unique, word


class LedgerAccount(StrEnum):
    """The plan of accounts. A debit is positive, a credit negative."""

    RECEIVABLE = "RECEIVABLE"  # what families owe on issued invoices
    DEFERRED_REVENUE = "DEFERRED_REVENUE"  # invoiced, the session is still to be held
    REVENUE = "REVENUE"  # earned: the session was held
    TAX = "TAX"  # owed to the tax office
    GATEWAY_CLEARING = "GATEWAY_CLEARING"  # captured by a provider, not yet paid out
    BANK = "BANK"  # on our own account: transfers, debits collected, what a provider paid out
    CASH = "CASH"  # taken over the counter
    CUSTOMER_CREDIT = "CUSTOMER_CREDIT"  # received before there is an invoice
    WALLET = "WALLET"  # prepaid balance of families
    BONUS = "BONUS"  # granted balance of families
    BONUS_EXPENSE = "BONUS_EXPENSE"  # what the granted balance costs us
    PASS_LIABILITY = "PASS_LIABILITY"  # noqa: S105 - an account: sold passes whose units are still to be used
    REFUND_PAYABLE = "REFUND_PAYABLE"  # approved to go back, not yet gone
    FEE_REVENUE = "FEE_REVENUE"  # earned by no session: late fees, cancellation fees
    WRITE_OFF = "WRITE_OFF"  # given up


_APART = (
    "source_kind = 'PAYMENT' AND purpose <> 'CAPTURED' OR source_kind = 'DISPUTE' "
    "OR source_kind = 'WALLET_ENTRY' AND purpose = 'SET_OFF'"
)

_MOVES = "source_kind IN ('REFUND', 'DISPUTE', 'MANUAL')"


class LedgerEntry(TenantRow, table=True):
    """One balanced booking in the books, with the document that caused it."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        root(),
        refers("reverses_id", "ledger_entry"),
        check("reverses_id <> id", "reverses_another"),
        check("event_on < posted_on", "late_event_keeps_its_day"),
        unique("reverses_id"),
        unique("source_kind", "source_id", "purpose"),
        index("ix_ledger_entry_posted_on", "posted_on"),
        index("ix_ledger_entry_apart", "posted_on", where=_APART),
        index("ix_ledger_entry_moves", "posted_on", where=_MOVES),
    )
    # What may be owed without an invoice is among these; the many that never are, or follow from one, are not.
    APART: ClassVar[str] = f"({_APART})"
    # What moves money that a provider holds, and is no capture, is among these.
    MOVES: ClassVar[str] = _MOVES
    posted_on: date  # the accounting day, in the organisation's zone; never in a month that is locked
    # The day of the event, where its month was locked when it became known: it is posted on the first open day after.
    event_on: date | None = None
    source_kind: str  # INVOICE, PAYMENT, …
    source_id: UUID
    purpose: str  # ISSUED, CAPTURED, APPLIED, …
    reverses_id: UUID | None = None
    created_at: datetime = moment()


class LedgerPosting(TenantRow, table=True):
    """One side of an entry: debit positive, credit negative, in minor units."""

    __tablename__ = "ledger_posting"
    __table_args__ = (
        refers("entry_id", "ledger_entry"),
        refers("account_id", "account"),
        one_of("ledger_account", LedgerAccount),
        check("amount_minor <> 0", "amount_is_not_zero"),
        index("ix_ledger_posting_entry", "entry_id"),
        index("ix_ledger_posting_account", "account_id", "ledger_account"),
        index("ix_ledger_posting_day", "ledger_account", "posted_on"),
    )
    entry_id: UUID
    posted_on: date  # the day of its entry, so that what an account was posted in a period is found by an index
    ledger_account: LedgerAccount = word(LedgerAccount)
    account_id: UUID | None = None  # the family; None where the house moves its own money
    amount_minor: int = money()


class ManualEntry(TenantRow, table=True):
    """Why somebody of finance posted by hand, or reversed what was posted by hand."""

    __tablename__ = "manual_entry"
    __table_args__ = (
        root(),
        refers("account_id", "account"),
        refers("reverses_id", "manual_entry"),
        check("reverses_id <> id", "reverses_another"),
        check("char_length(reason) BETWEEN 1 AND 4000", "has_a_reason"),
        unique("reverses_id"),
        index("ix_manual_entry_made", "created_at"),
    )
    account_id: UUID | None = None
    reason: str
    reverses_id: UUID | None = None
    made_by: UUID | None = None
    created_at: datetime = moment()


class PeriodLock(TenantRow, table=True):
    """A month that finance has closed: the database lets nothing be posted into it. Unlocked, it says who and why."""

    __tablename__ = "period_lock"
    __table_args__ = (
        root(),
        check("extract(day FROM month) = 1", "is_a_month"),
        check(
            "(unlocked_at IS NULL) = (unlock_reason IS NULL) AND (unlocked_at IS NOT NULL OR unlocked_by IS NULL)",
            "unlocked_with_a_reason",
        ),
        index("uq_period_lock_month", "month", is_unique=True, where="unlocked_at IS NULL"),
        index("ix_period_lock_locked", "locked_at"),
    )
    month: date  # its first day
    note: str = ""
    locked_by: UUID | None = None
    locked_at: datetime = moment()
    unlocked_by: UUID | None = None
    unlocked_at: datetime | None = moment(default=None, nullable=True)
    unlock_reason: str | None = None

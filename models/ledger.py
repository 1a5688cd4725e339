"""Double entry: entries whose postings balance. Nothing is updated or deleted, only reversed."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from models.base import TenantRow, check, index, moment, money, one_of, refers, root, unique, word


class LedgerAccount(StrEnum):
    """The plan of accounts. A debit is positive, a credit negative."""

    RECEIVABLE = "RECEIVABLE"  # what families owe on issued invoices
    DEFERRED_REVENUE = "DEFERRED_REVENUE"  # invoiced, the session is still to be held
    REVENUE = "REVENUE"  # earned: the session was held
    TAX = "TAX"  # owed to the tax office
    GATEWAY_CLEARING = "GATEWAY_CLEARING"  # captured by a provider, not yet paid out
    CUSTOMER_CREDIT = "CUSTOMER_CREDIT"  # received before there is an invoice
    WALLET = "WALLET"  # prepaid balance of families
    BONUS = "BONUS"  # granted balance of families
    WRITE_OFF = "WRITE_OFF"  # given up


class LedgerEntry(TenantRow, table=True):
    """One balanced booking in the books, with the document that caused it."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        root(),
        unique("reverses_id"),
        unique("source_kind", "source_id", "purpose"),
        index("ix_ledger_entry_posted_on", "posted_on"),
    )
    posted_on: date  # the accounting day, in the organisation's zone
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
    )
    entry_id: UUID
    ledger_account: LedgerAccount = word(LedgerAccount)
    account_id: UUID  # the family
    amount_minor: int = money()

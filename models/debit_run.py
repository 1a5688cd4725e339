"""Runs of direct debits: the file that the bank is given, and the files in which it says what it did not pay."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from models.base import TenantRow, check, index, moment, money, one_of, refers, root, unique, word


class DebitScheme(StrEnum):
    """By which rules, and in which file, a bank is told to collect."""

    SEPA = "SEPA"  # euros, IBANs: pain.008
    ABA = "ABA"  # Australian dollars, BSB and account number: the Direct Entry file


class CollectionAccount(TenantRow, table=True):
    """Our own account, to which a scheme collects, with what its bank knows us by."""

    __tablename__ = "collection_account"
    __table_args__ = (
        root(),
        one_of("scheme", DebitScheme),
        check("scheme <> 'SEPA' OR (iban <> '' AND creditor_id <> '')", "sepa_names_its_creditor"),
        check("scheme <> 'ABA' OR (bsb <> '' AND account_number <> '' AND user_id <> '' AND bank <> '')",
              "aba_names_its_user"),
        unique("scheme"),
    )  # fmt: skip
    scheme: DebitScheme = word(DebitScheme)
    name: str  # as payers see it
    iban: str = ""
    bic: str = ""
    creditor_id: str = ""  # SEPA's creditor identifier
    bsb: str = ""
    account_number: str = ""
    bank: str = ""  # ABA's three letters of our bank
    user_id: str = ""  # ABA's number of the one who supplies the file
    updated_at: datetime = moment()


class DebitRun(TenantRow, table=True):
    """A batch of debits that was reviewed and made once; its file never changes."""

    __tablename__ = "debit_run"
    __table_args__ = (
        root(),
        one_of("scheme", DebitScheme),
        check("debits > 0 AND total_minor > 0", "collects_something"),
        unique("reference"),
        index("ix_debit_run_made", "made_at"),
    )
    reference: str
    scheme: DebitScheme = word(DebitScheme)
    collect_on: date
    debits: int
    total_minor: int = money()
    content: str  # of the file
    made_by: UUID | None = None
    made_at: datetime = moment()


class DebitRunEntry(TenantRow, table=True):
    """A debit of a run; it is in no other."""

    __tablename__ = "debit_run_entry"
    __table_args__ = (
        refers("run_id", "debit_run"),
        refers("payment_id", "payment"),
        check("amount_minor > 0", "amount_is_positive"),
        unique("payment_id"),
        index("ix_debit_run_entry_run", "run_id"),
    )
    run_id: UUID
    payment_id: UUID
    amount_minor: int = money()


class ReturnFormat(StrEnum):
    """How a bank tells which debits it did not pay, or took back."""

    PAIN002 = "PAIN002"  # refused before it was collected
    CAMT = "CAMT"  # CAMT.053 or .054: entries that came back
    ABA = "ABA"  # records of type 2
    CSV = "CSV"  # by a mapping of its columns


class DebitReturnFile(TenantRow, table=True):
    """A file of returns; the same content is imported once."""

    __tablename__ = "debit_return_file"
    __table_args__ = (
        root(),
        one_of("format", ReturnFormat),
        unique("content_hash"),
        index("ix_debit_return_file_imported", "imported_at"),
    )
    filename: str
    format: ReturnFormat = word(ReturnFormat)
    content_hash: str
    imported_by: UUID | None = None
    imported_at: datetime = moment()


class ReturnOutcome(StrEnum):
    """What a return changed."""

    REFUSED = "REFUSED"  # the debit was under way: it has failed
    RETURNED = "RETURNED"  # it was paid: the invoice is open again
    ALREADY = "ALREADY"  # it had failed before
    UNKNOWN = "UNKNOWN"  # no debit of ours


class DebitReturn(TenantRow, table=True):
    """One debit that a file says came back, in the order of the file."""

    __tablename__ = "debit_return"
    __table_args__ = (
        refers("file_id", "debit_return_file"),
        refers("payment_id", "payment"),
        one_of("outcome", ReturnOutcome),
        check("(payment_id IS NULL) = (outcome = 'UNKNOWN')", "unknown_has_no_payment"),
        unique("file_id", "position"),
        # A debit comes back once, whichever file says so first.
        index("uq_debit_return_payment", "payment_id", is_unique=True, where="outcome IN ('REFUSED', 'RETURNED')"),
    )
    file_id: UUID
    position: int
    payment_id: UUID | None = None
    reference: str
    code: str
    reason: str
    outcome: ReturnOutcome = word(ReturnOutcome)

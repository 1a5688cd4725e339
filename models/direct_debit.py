"""Direct debit: the mandates by which families let the organisation collect."""

from datetime import date, datetime
from enum import IntEnum
from uuid import UUID

from models.base import TenantRow, check, code, index, moment, one_of, refers, unique


class MandateStatus(IntEnum):
    """Whether debits may be collected by it."""

    PENDING = 100  # given; its signature is not verified yet
    ACTIVE = 200  # debits may be collected
    REVOKED = 900  # withdrawn, or replaced by another


class DirectDebitMandate(TenantRow, table=True):
    """A family's permission to debit its bank account; `reference` is the unique mandate reference (UMR).

    The bank account is an IBAN, or an account number with the code of its bank; it is shown masked.
    """

    __tablename__ = "direct_debit_mandate"
    __table_args__ = (
        refers("account_id", "account"),
        one_of("status", MandateStatus),
        check("num_nonnulls(iban, account_number) = 1", "names_one_bank_account"),
        check("(account_number IS NULL) = (bank_code IS NULL)", "account_number_has_its_bank"),
        check("status <> 200 OR signed_on IS NOT NULL", "active_is_signed"),
        unique("reference"),
        index("uq_direct_debit_mandate_in_force", "account_id", "status", where="status <> 900", is_unique=True),
        index("ix_direct_debit_mandate_account", "account_id", "created_at"),
    )
    reference: str
    account_id: UUID
    holder: str  # whose bank account it is
    iban: str | None = None
    bank_code: str | None = None
    account_number: str | None = None
    status: MandateStatus = code(MandateStatus, default=MandateStatus.PENDING)
    version: int = 1
    signed_on: date | None = None
    created_at: datetime = moment()
    updated_at: datetime = moment()

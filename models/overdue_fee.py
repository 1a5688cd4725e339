"""What is charged because a family pays late."""

from datetime import date, datetime
from uuid import UUID

from models.base import TenantRow, check, index, moment, money, refers, unique


class OverdueFee(TenantRow, table=True):
    """The fee of an invoice, or of one part of a schedule, that was not paid in time: charged once, by constraint."""

    __tablename__ = "overdue_fee"
    __table_args__ = (
        refers("account_id", "account"),
        refers("booking_id", "term_booking"),
        refers("invoice_id", "invoice"),
        refers("instalment_id", "instalment"),
        check("num_nonnulls(invoice_id, instalment_id) = 1", "of_an_invoice_or_a_part"),
        check("amount_minor > 0 AND amount_minor <= overdue_minor", "within_what_is_overdue"),
        check("charged_on > due_on", "is_late"),
        check("num_nonnulls(waived_at, waive_reason) IN (0, 2)", "waived_with_a_reason"),
        check("char_length(waive_reason) BETWEEN 1 AND 4000", "has_a_reason"),
        unique("reference"),
        index("uq_overdue_fee_invoice", "invoice_id", where="invoice_id IS NOT NULL", is_unique=True),
        index("uq_overdue_fee_instalment", "instalment_id", where="instalment_id IS NOT NULL", is_unique=True),
        index("ix_overdue_fee_account", "account_id"),
        index("ix_overdue_fee_booking", "booking_id"),
    )
    reference: str
    account_id: UUID
    booking_id: UUID
    invoice_id: UUID | None = None  # that is overdue; the one that asks for the fee names it in its line
    instalment_id: UUID | None = None
    amount_minor: int = money()
    due_on: date
    overdue_minor: int = money()  # what was open of it
    charged_on: date
    created_at: datetime = moment()
    waived_by: UUID | None = None
    waived_at: datetime | None = moment(default=None, nullable=True)
    waive_reason: str | None = None

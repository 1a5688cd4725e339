"""What finance has given up of an invoice, and why."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa

from models.base import TenantRow, check, index, moment, money, refers


class WriteOff(TenantRow, table=True):
    """A receivable that is given up; it settles its invoice like a credit. Undone, the invoice is owed again."""

    __tablename__ = "write_off"
    __table_args__ = (
        refers("account_id", "account"),
        refers("invoice_id", "invoice"),
        check("amount_minor > 0", "amount_is_positive"),
        check("restored_minor BETWEEN 0 AND amount_minor", "restored_within_the_amount"),
        check("char_length(reason) BETWEEN 1 AND 4000", "has_a_reason"),
        check("(undone_at IS NULL) = (undo_reason IS NULL)", "undone_with_a_reason"),
        index("ix_write_off_account", "account_id"),
        index("ix_write_off_invoice", "invoice_id"),
    )
    account_id: UUID
    invoice_id: UUID
    amount_minor: int = money()
    # What of it was credited since: that part is given up no more.
    restored_minor: int = money(default=0, sa_column_kwargs={"server_default": sa.text("0")})
    reason: str
    written_off_on: date
    made_by: UUID | None = None
    created_at: datetime = moment()
    undone_by: UUID | None = None
    undone_at: datetime | None = moment(default=None, nullable=True)
    undo_reason: str | None = None

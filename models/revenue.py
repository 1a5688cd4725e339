"""What of an invoice line is earned: each step by which revenue is recognised, or taken back after a credit."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from models.base import TenantRow, check, index, moment, money, refers, unique


class RevenueRecognition(TenantRow, table=True):
    """One step, with its entry in the books. The steps of a line sum to what of it is earned by now."""

    __tablename__ = "revenue_recognition"
    __table_args__ = (
        refers("invoice_line_id", "invoice_line"),
        refers("entry_id", "ledger_entry"),
        check("amount_minor <> 0", "amount_is_not_zero"),
        check("sequence > 0", "sequence_is_positive"),
        # Whoever reads the same steps writes the same next one: of two workers only one gets through.
        unique("invoice_line_id", "sequence"),
        unique("entry_id"),
        index("ix_revenue_recognition_earned", "earned_on"),
    )
    invoice_line_id: UUID
    sequence: int
    entry_id: UUID
    amount_minor: int = money()  # earned; negative: taken back
    earned_on: date  # the day of the session, or of the credit
    created_at: datetime = moment()


_OPEN = "invoiced_minor <> credited_minor + earned_minor"


class Deferral(TenantRow, table=True):
    """What of an invoice line is invoiced, credited and earned, net: the database adds up what is written. Its key is
    that of the line; the session and its booking line are there to be found by.
    """

    __tablename__ = "deferral"
    __table_args__ = (
        refers("id", "invoice_line"),
        index("ix_deferral_session", "term_product_id"),
        index("ix_deferral_open", "term_product_id", where=_OPEN),
    )
    # Something of it is still to be earned, or to be taken back.
    OPEN: ClassVar[str] = _OPEN
    booking_line_id: UUID
    term_product_id: UUID
    invoiced_minor: int = money()
    credited_minor: int = money()
    earned_minor: int = money()

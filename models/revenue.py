"""What of an invoice line is earned: each step by which revenue is recognised, or taken back after a credit."""

from datetime import date, datetime
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

"""What an admin puts on top of a session's price with a change of its booking, or takes off it."""

from datetime import datetime
from uuid import UUID

from models.base import TenantRow, check, moment, money, refers, unique


class TermBookingOrderAdjustment(TenantRow, table=True):
    """One adjustment of a change order, signed in minor units; its confirmation makes it part of the price."""

    __tablename__ = "term_booking_order_adjustment"
    __table_args__ = (
        refers("order_id", "term_booking_order", ondelete="CASCADE"),
        refers("term_product_id", "term_product"),
        check("amount_minor <> 0", "amount_is_not_zero"),
        check("reason <> ''", "reason_is_given"),
        unique("order_id", "term_product_id"),
    )
    order_id: UUID
    term_product_id: UUID
    amount_minor: int = money()
    reason: str
    made_by: UUID | None = None  # the admin
    created_at: datetime = moment()

"""What is held right now of the extras that are sold beside sessions."""

from uuid import UUID

from models.base import TenantRow, check, index, refers, unique


class ExtraStock(TenantRow, table=True):
    """How many of an extra are taken at one session. The database counts it from the claims, and copies the stock of
    the extra; None is as many as are asked for.
    """

    __tablename__ = "extra_stock"
    __table_args__ = (
        refers("extra_id", "extra", ondelete="CASCADE"),
        refers("term_product_id", "term_product", ondelete="CASCADE"),
        check("taken >= 0 AND taken <= coalesce(stock, 2147483647)", "taken_within_stock"),
        unique("extra_id", "term_product_id"),
        index("ix_extra_stock_session", "term_product_id"),
    )
    extra_id: UUID
    term_product_id: UUID
    stock: int | None = None
    taken: int = 0


class ExtraClaim(TenantRow, table=True):
    """So many of an extra, held with a place: whatever gives back the place gives back the extras.

    A change order that asks for more beside a session which its booking keeps holds them with that place as its own.
    """

    __tablename__ = "extra_claim"
    __table_args__ = (
        refers("place_claim_id", "place_claim", ondelete="CASCADE"),
        refers("extra_id", "extra"),
        refers("term_product_id", "term_product"),
        refers("change_order_id", "term_booking_order"),
        check("quantity BETWEEN 1 AND 1000", "quantity_is_sane"),
        index("ix_extra_claim_place", "place_claim_id"),
        index("ix_extra_claim_extra", "extra_id", "term_product_id"),
        index("ix_extra_claim_change", "change_order_id", where="change_order_id IS NOT NULL"),
    )
    place_claim_id: UUID
    extra_id: UUID
    term_product_id: UUID
    quantity: int
    change_order_id: UUID | None = None

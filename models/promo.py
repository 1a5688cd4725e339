"""Promo codes that are limited: how often each was used, and by which orders."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, index, moment, refers, root, unique


class PromoCode(TenantRow, table=True):
    """A code that was used. Its terms stand in the rules; `most` is the limit that they had at its last use."""

    __tablename__ = "promo_code"
    __table_args__ = (
        root(),
        check("used >= 0 AND used <= most", "used_within_its_limit"),
        unique("code"),
    )
    code: str
    used: int = 0
    most: int | None = Field(default=None, sa_type=sa.BigInteger)


class PromoRedemption(TenantRow, table=True):
    """That an order uses a code; deleted when the order lets go, kept when it was confirmed."""

    __tablename__ = "promo_redemption"
    __table_args__ = (
        refers("account_id", "account"),
        refers("order_id", "term_booking_order"),
        unique("order_id"),
        index("ix_promo_redemption_code", "code", "used_at", "id"),
        index("uq_promo_redemption_once", "code", "account_id", where="is_once", is_unique=True),
    )
    code: str
    account_id: UUID
    order_id: UUID
    is_once: bool  # once per account
    used_at: datetime = moment()

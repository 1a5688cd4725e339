"""What a line keeps of an extra and of a discount, alike while it is asked for and once it is booked."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, json, money, refers, unique_with_nulls


class ExtraSnapshot(TenantRow):
    """An extra beside a line, with its name and price then."""

    extra_id: UUID
    name: str
    price_minor: int = money()
    quantity: int = 1
    price_paid_minor: int = money()
    covered_by_entitlement_id: UUID | None = None


def extra_rules(line_id: str) -> tuple[Any, ...]:
    """What holds for a snapshot of an extra beside the line of this column."""
    return (
        refers("extra_id", "extra", ondelete="RESTRICT"),
        refers("covered_by_entitlement_id", "entitlement"),
        check("quantity BETWEEN 1 AND 1000", "quantity_is_sane"),
        check("price_minor >= 0 AND price_paid_minor BETWEEN 0 AND price_minor", "price_paid_is_0_or_up_to_price"),
        # A retry of the same request never writes a second row (ref 2), covered or not.
        unique_with_nulls(line_id, "extra_id", "covered_by_entitlement_id"),
    )


class DiscountSnapshot(TenantRow):
    """A discount on a line, with the rule that gave it."""

    rule: str
    rule_version: str  # a short name of the terms; they stand in `facts`
    reason: str = ""
    percent: Decimal | None = Field(default=None, sa_type=sa.Numeric(7, 4))
    amount_minor: int = money()
    facts: dict[str, object] = json(default_factory=dict, nullable=False)


def discount_rules() -> tuple[Any, ...]:
    """What holds for a snapshot of a discount."""
    return (check("amount_minor >= 0", "amount_is_not_negative"),)

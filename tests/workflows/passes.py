"""Passes as tests sell and use them."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from engine.database import Row
from tests.workflows.centre import NOW, Centre, Family
from workflows import passes
from workflows.passes import Offer


def on_sale(centre: Centre, **more: Any) -> UUID:
    """Ten sessions for 100.00, tax of 13 % inside, good for 180 days."""
    offer = Offer(**{"name": "Ten sessions", "price_minor": 100_00, "validity_days": 180, "units": 10,
                     "tax_name": "HST", "tax_percent": Decimal(13), **more})  # fmt: skip
    made: UUID = centre.do(passes.declare, offer=offer, actor=centre.admin, now=NOW)
    return made


def sold(centre: Centre, family: Family, product_id: UUID | None = None, *, now: datetime = NOW, **more: Any) -> UUID:
    """A pass that the family paid for at the desk."""
    made: UUID = centre.do(passes.buy_by_hand, account_id=family.id, product_id=product_id or on_sale(centre, **more),
                           provider="cash", reason="at the desk", actor=centre.admin, now=now)  # fmt: skip
    return made


def of(centre: Centre, pass_id: UUID) -> Row:
    """The pass as it stands."""
    return centre.rows("SELECT * FROM entitlement WHERE id = %(id)s", id=pass_id)[0]


def uses(centre: Centre, pass_id: UUID) -> list[Row]:
    """What uses it or has used it, oldest first."""
    return centre.rows("SELECT * FROM pass_use WHERE entitlement_id = %(id)s ORDER BY id", id=pass_id)

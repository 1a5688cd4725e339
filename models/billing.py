"""What a group of bookings costs: immutable versions, each with lines that explain themselves."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, index, json, moment, money, refers, unique


class BillingGroup(TenantRow, table=True):
    """The bookings of an account in a term, whose prices may depend on each other; or those of one subscription."""

    __tablename__ = "billing_group"
    __table_args__ = (
        refers("account_id", "account"),
        refers("term_id", "term"),
        refers("subscription_id", "subscription"),
        unique("account_id", "term_id"),
        unique("subscription_id"),
        check("(term_id IS NULL) <> (subscription_id IS NULL)", "of_a_term_or_a_subscription"),
    )
    account_id: UUID
    term_id: UUID | None = None
    subscription_id: UUID | None = None
    last_version: int = 0
    created_at: datetime = moment()


class Billing(TenantRow, table=True):
    """One version: what its order costs from now on. Superseded by the order's next; a void one is a zero version."""

    __tablename__ = "billing"
    __table_args__ = (
        refers("group_id", "billing_group"),
        refers("order_id", "term_booking_order"),
        check("total_minor = net_minor + tax_minor", "net_and_tax_make_the_total"),
        check("NOT is_void OR total_minor = 0", "void_is_zero"),
        unique("group_id", "version"),
        index("ix_billing_order", "order_id"),
    )
    group_id: UUID
    version: int
    order_id: UUID
    is_void: bool = False
    net_minor: int = money()
    tax_minor: int = money()
    total_minor: int = money()
    fingerprint: str
    created_at: datetime = moment()


class BillingLine(TenantRow, table=True):
    """One component of a version, keyed by (attendee, session, component), with the trace of its price."""

    __tablename__ = "billing_line"
    __table_args__ = (
        refers("billing_id", "billing"),
        refers("attendee_id", "attendee"),
        refers("term_product_id", "term_product"),
        check("gross_minor = net_minor + tax_minor", "net_and_tax_make_the_gross"),
        unique("billing_id", "attendee_id", "term_product_id", "component"),
    )
    billing_id: UUID
    attendee_id: UUID
    term_product_id: UUID
    component: str  # SESSION, or EXTRA:<id>
    description: str
    # The course, site, day and times as a document prints them: renaming a course changes no document.
    printed: dict[str, str] = json(nullable=False)
    quantity: int = 1
    base_minor: int = money()
    discount_minor: int = money(default=0)
    net_minor: int = money()
    tax_minor: int = money()
    gross_minor: int = money()
    tax_name: str = ""
    tax_rate: Decimal = Field(sa_type=sa.Numeric(9, 6))
    trace: list[dict[str, object]] = json(nullable=False)
    position: int

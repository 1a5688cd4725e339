"""Passes: what is sold, the entitlement that a family bought with one, and which line used how much of it."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, index, moment, money, one_of, refers, root, unique, word
from models.invoice import DocumentSeries


class PassCovers(StrEnum):
    """What a pass pays for."""

    SESSIONS = "SESSIONS"  # sessions, a unit each; their extras are charged
    EXTRAS = "EXTRAS"  # extras, a unit each piece
    SESSIONS_AND_EXTRAS = "SESSIONS_AND_EXTRAS"  # a session with all its extras for one unit


class PassReturns(StrEnum):
    """Whether a session that is given up gives its unit back."""

    ALWAYS = "ALWAYS"  # until it begins
    IN_WINDOW = "IN_WINDOW"  # as long as it could be given up in time
    NEVER = "NEVER"  # once it is booked


class PassProduct(TenantRow, table=True):
    """A pass as it is sold. It never changes: another price is another product, and this one is withdrawn."""

    __tablename__ = "pass_product"
    __table_args__ = (
        root(),
        one_of("covers", PassCovers),
        one_of("returns", PassReturns),
        check("char_length(name) BETWEEN 1 AND 200", "has_a_name"),
        check("units BETWEEN 1 AND 10000", "units_are_sane"),
        check("validity_days BETWEEN 1 AND 3660", "validity_is_sane"),
        check("price_minor > 0", "price_is_positive"),
        check("tax_rate BETWEEN 0 AND 1", "tax_rate_is_a_share"),
        index("ix_pass_product_name", "name"),
    )
    name: str
    units: int | None = None  # None: as many as one likes while it is valid
    validity_days: int  # from its first day on
    covers: PassCovers = word(PassCovers)
    returns: PassReturns = word(PassReturns)
    price_minor: int = money()  # with tax in it or not, as all prices of the organisation
    tax_name: str = ""
    tax_rate: Decimal = Field(sa_type=sa.Numeric(9, 6))
    withdrawn_at: datetime | None = moment(default=None, nullable=True)  # not sold any more
    created_at: datetime = moment()


class PassScope(TenantRow, table=True):
    """A category or program in which a pass is good; without any it is good everywhere."""

    __tablename__ = "pass_scope"
    __table_args__ = (
        refers("product_id", "pass_product"),
        refers("category_id", "program_category"),
        refers("program_id", "program"),
        check("num_nonnulls(category_id, program_id) = 1", "of_a_category_or_a_program"),
        index("ix_pass_scope_product", "product_id"),
    )
    product_id: UUID
    category_id: UUID | None = None
    program_id: UUID | None = None


class PassRequest(TenantRow, table=True):
    """A pass that is paid at a provider: what the top-up buys as soon as it is captured."""

    __tablename__ = "pass_request"
    __table_args__ = (
        refers("product_id", "pass_product"),
        refers("payment_id", "payment"),
        unique("payment_id"),
    )
    product_id: UUID
    payment_id: UUID
    price_minor: int = money()  # what was shown, tax included
    valid_from: date | None = None  # None: the day on which it is paid
    created_at: datetime = moment()


class Entitlement(TenantRow, table=True):
    """A pass that a family has bought: a numbered sale, paid from its wallet, and what of it is used."""

    __tablename__ = "entitlement"
    __table_args__ = (
        refers("account_id", "account"),
        refers("product_id", "pass_product"),
        refers("wallet_entry_id", "wallet_entry"),
        one_of("series", DocumentSeries),
        check("series = 'PASS'", "series_is_of_passes"),
        check("number > 0", "number_is_positive"),
        check("total_minor = net_minor + tax_minor", "net_and_tax_make_the_total"),
        check("valid_until >= valid_from", "is_valid_for_a_day"),
        check("used BETWEEN 0 AND coalesce(granted, used)", "used_within_granted"),
        check("earned_minor BETWEEN 0 AND net_minor - revoked_net_minor", "earned_within_net"),
        check(
            "revoked_net_minor BETWEEN 0 AND net_minor AND revoked_tax_minor BETWEEN 0 AND tax_minor",
            "no_more_is_revoked_than_was_sold",
        ),
        check(
            "num_nonnulls(revoked_at, revoked_on, revoke_reason, revoke_entry_id) IN (0, 4)", "revoked_with_a_reason"
        ),
        check("revoked_at IS NOT NULL OR revoked_net_minor + revoked_tax_minor = 0", "revoked_at_a_moment"),
        refers("revoke_entry_id", "wallet_entry"),
        unique("series", "year", "number"),
        unique("reference"),
        unique("wallet_entry_id"),
        unique("revoke_entry_id"),
        index("ix_entitlement_account", "account_id", "valid_until"),
        index("ix_entitlement_unearned", "valid_until", where="earned_minor < net_minor"),
        index("ix_entitlement_used_up", "valid_until", where="used = granted AND used_up_told_at IS NULL"),
        index("ix_entitlement_ending", "valid_until", where="ending_told_at IS NULL"),
    )
    series: DocumentSeries = word(DocumentSeries)
    year: int
    number: int = Field(sa_type=sa.BigInteger)
    reference: str
    account_id: UUID
    product_id: UUID
    wallet_entry_id: UUID  # that paid it
    name: str  # of the product, as it was sold
    valid_from: date
    valid_until: date  # its last day, judged on the session's local date
    granted: int | None = None  # None: no limit; once it is revoked, what is used of it
    used: int = 0
    net_minor: int = money()
    tax_minor: int = money()
    total_minor: int = money()
    tax_name: str = ""
    tax_rate: Decimal = Field(sa_type=sa.Numeric(9, 6))
    earned_minor: int = money(default=0)  # of the net: revenue by now
    sold_on: date
    sold_by: UUID | None = None
    created_at: datetime = moment()
    # Taken back by the office: what was not used went back to the wallet.
    revoked_net_minor: int = money(default=0, sa_column_kwargs={"server_default": sa.text("0")})
    revoked_tax_minor: int = money(default=0, sa_column_kwargs={"server_default": sa.text("0")})
    revoked_on: date | None = None
    revoked_at: datetime | None = moment(default=None, nullable=True)
    revoked_by: UUID | None = None
    revoke_reason: str | None = None
    revoke_entry_id: UUID | None = None
    # When the family was told, once of each.
    used_up_told_at: datetime | None = moment(default=None, nullable=True)
    ending_told_at: datetime | None = moment(default=None, nullable=True)


class PassUse(TenantRow, table=True):
    """A covered line: how much of which pass it uses. Returned, the row stays and says why."""

    __tablename__ = "pass_use"
    __table_args__ = (
        refers("entitlement_id", "entitlement"),
        refers("order_id", "term_booking_order"),
        refers("term_product_id", "term_product"),
        check("units BETWEEN 0 AND 1000", "units_are_sane"),
        check("(returned_at IS NULL) = (return_reason IS NULL)", "returned_with_a_reason"),
        index(
            "uq_pass_use_line", "order_id", "term_product_id", "component", is_unique=True, where="returned_at IS NULL"
        ),
        index("ix_pass_use_entitlement", "entitlement_id", "id"),
    )
    entitlement_id: UUID
    # The order that holds the line; what a change adds is the original's once the change is made.
    order_id: UUID
    term_product_id: UUID
    component: str  # SESSION, or EXTRA:<id>
    units: int  # 0: an extra that its session brings along
    # Given up too late: the line is gone, the unit is not given back.
    forfeited_at: datetime | None = moment(default=None, nullable=True)
    returned_at: datetime | None = moment(default=None, nullable=True)
    return_reason: str | None = None
    earned_minor: int | None = money(default=None, nullable=True)  # its share of the price, once that is revenue
    created_at: datetime = moment()

"""Passes: what is sold, what families have, and what uses it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, WithJsonSchema

from api.schemas.base import Day, Input, Name, Output, ShortText, Whole, YesNo, shows
from api.schemas.books import Why
from api.schemas.sample_programme import CATEGORY_ID, FIRST_SESSION_ID, sample_id
from api.schemas.wallets import Amount
from models import PassCovers, PassReturns

_PRODUCT = {
    "id": sample_id(70), "name": "Ten sessions of karate", "units": 10, "validity_days": 180, "covers": "SESSIONS",
    "returns": "IN_WINDOW", "price_minor": 10000, "price": "$100.00", "total_minor": 10000, "total": "$100.00",
    "tax_name": "HST", "tax_percent": "13", "category_ids": [CATEGORY_ID], "program_ids": [], "withdrawn_at": None,
    "created_at": "2026-03-31T13:09:00+00:00",
}  # fmt: skip
_PASS = {
    "id": sample_id(71), "reference": "PS-7M2KQ9XD", "number": "PASS-2026-000001", "account_id": sample_id(1),
    "account": "Rossi family",
    "product_id": sample_id(70), "name": "Ten sessions of karate", "covers": "SESSIONS", "returns": "IN_WINDOW",
    "valid_from": "2026-04-01", "valid_until": "2026-09-27", "granted": 10, "used": 3, "left": 7,
    "total_minor": 10000, "total": "$100.00", "net_minor": 8850, "tax_minor": 1150, "tax_name": "HST",
    "sold_on": "2026-04-01", "created_at": "2026-04-01T13:09:00+00:00", "revoked_at": None, "revoked_minor": 0,
    "revoked_tax_minor": 0, "revoked_bonus_minor": 0, "revoke_reason": None,
}  # fmt: skip
_USE = {
    "id": sample_id(72), "order_id": sample_id(2), "order_reference": "TO-5T8WM4ZK", "session_id": FIRST_SESSION_ID,
    "session": "Karate – Beginner", "local_date": "2026-04-12", "component": "SESSION", "units": 1,
    "forfeited_at": None, "returned_at": None, "return_reason": None, "created_at": "2026-04-01T13:10:00+00:00",
}  # fmt: skip

_Percent = Annotated[
    Decimal, Field(ge=0, le=100, max_digits=7, decimal_places=4),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": 100},
                              {"type": "string", "pattern": r"^[0-9]{1,2}(\.[0-9]{1,4})?$"}]}, mode="validation"),
]  # fmt: skip
Ids = Annotated[list[UUID], Field(max_length=50, description="With neither of the two it is good everywhere.")]


class PassProduct(Output):
    """A pass as it is sold."""

    model_config = shows(_PRODUCT)

    id: UUID
    name: str
    units: int | None = Field(description="Null: as many as one likes while it is valid.")
    validity_days: int
    covers: PassCovers
    returns: PassReturns
    price_minor: int
    price: str
    total_minor: int = Field(description="What is paid, tax included.")
    total: str
    tax_name: str
    tax_percent: str
    category_ids: list[UUID] = Field(description="Where it is good; with no category and no program, everywhere.")
    program_ids: list[UUID]
    withdrawn_at: datetime | None
    created_at: datetime


class NewPassProduct(Input):
    """A pass to be put on sale. It never changes: another price is another pass, and this one is withdrawn."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"name": "Ten sessions of karate", "price": "100.00", "validity_days": 180, "units": 10, "tax_name": "HST",
         "tax_percent": "13", "category_ids": [CATEGORY_ID]}]})  # fmt: skip

    name: Name
    price: Amount
    validity_days: Annotated[Whole, Field(ge=1, le=3660, description="From its first day on.")]
    units: Annotated[Whole, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="Left out, it is good for any number of sessions while it is valid."
    )
    covers: PassCovers = PassCovers.SESSIONS
    returns: PassReturns = Field(
        default=PassReturns.IN_WINDOW, description="Whether a session that is given up gives its unit back."
    )
    tax_name: ShortText = ""
    tax_percent: _Percent = Decimal(0)
    category_ids: Ids = Field(default_factory=list)
    program_ids: Ids = Field(default_factory=list)


class Pass(Output):
    """A pass that a family has."""

    model_config = shows(_PASS)

    id: UUID
    reference: str
    number: str = Field(description="Of the sale; without a gap, per organisation and year.")
    account_id: UUID
    account: str
    product_id: UUID
    name: str
    covers: PassCovers
    returns: PassReturns
    valid_from: date
    valid_until: date = Field(description="Its last day, judged on the session's local date.")
    granted: int | None
    used: int
    left: int | None
    total_minor: int
    total: str
    net_minor: int
    tax_minor: int
    tax_name: str
    sold_on: date
    created_at: datetime
    revoked_at: datetime | None = Field(description="When the office took back what was not used.")
    revoked_minor: int = Field(description="What went back into the wallet then, tax included.")
    revoked_tax_minor: int = Field(description="The tax in it.")
    revoked_bonus_minor: int = Field(description="What of it went back as bonus.")
    revoke_reason: str | None


class Revocation(Input):
    """Why a pass is taken back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "They move away"}]})

    reason: Why
    is_muted: YesNo = Field(default=False, description="The family is not notified.")


class PassUse(Output):
    """A line that uses a pass, or has given its units back."""

    model_config = shows(_USE)

    id: UUID
    order_id: UUID
    order_reference: str
    session_id: UUID
    session: str
    local_date: date | None
    component: str = Field(description="SESSION, or EXTRA:<id>.")
    units: int = Field(description="0: an extra that comes along with its session.")
    forfeited_at: datetime | None = Field(description="Given up too late: the units are not given back.")
    returned_at: datetime | None
    return_reason: str | None
    created_at: datetime


class NewPass(Input):
    """A pass that a family buys: from its wallet, or with money that came in by hand (admins and finance)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"product_id": sample_id(70), "provider": "wallet"}]})

    product_id: UUID
    provider: Annotated[str, Field(pattern=r"^(wallet|manual|cash|bank)$")] = "wallet"
    valid_from: Day | None = Field(default=None, description="Its first day; today, if left out.")
    reason: ShortText = Field(default="", description="Of money by hand: cheque number, transfer, …")
    is_muted: YesNo = Field(default=False, description="Of money by hand: the family is not notified.")


class NewPassCheckout(Input):
    """A pass that is paid at a provider."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"product_id": sample_id(70), "provider": "sandbox"}]})

    product_id: UUID
    provider: Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9_-]+$")] = "sandbox"
    valid_from: Day | None = Field(default=None, description="Its first day; the day on which it is paid, if left out.")

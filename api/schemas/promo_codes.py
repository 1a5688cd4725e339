"""Promo codes: their terms, and the orders that use them."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from api.schemas.base import LARGEST_COUNT, Day, Input, Minor, Output, ShortText, Whole, YesNo, shows
from api.schemas.orders import BookingStatus
from api.schemas.sample_programme import sample_id
from catalogue.promo_codes import CodeState
from models import RuleScope

_CODE = {
    "code": "WELCOME", "name": "New families", "scope": "ORGANISATION", "scope_id": sample_id(90), "level": "Centre 7",
    "percent": "10", "amount_minor": None, "gives": "10 %", "cap_minor": None, "stacks": False, "order": 10,
    "starts_on": "2026-04-01", "ends_on": "2026-06-30", "limit": 100, "once_per_account": True, "used": 12,
    "state": "GOOD",
}  # fmt: skip
_USE = {
    "used_at": "2026-04-01T13:09:00+00:00", "account_id": sample_id(1), "account": "Rossi family",
    "attendee_id": sample_id(3), "attendee": "Mia Rossi", "order_id": sample_id(2), "order_reference": "TO-4F7K9QW2",
    "status": "APPROVED", "booking_id": sample_id(4), "booking_reference": "TB-4F7K9QW2",
}  # fmt: skip

Code = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, min_length=3, max_length=30,
                                        pattern=r"^[A-Za-z0-9-]+$")]  # fmt: skip
_Percent = Annotated[str, StringConstraints(max_length=8, pattern=r"^[0-9]{1,3}(\.[0-9]{1,4})?$")]


class PromoCode(Output):
    """A promo code on a level of the catalogue. Its code is used by orders of that level."""

    model_config = shows(_CODE)

    code: str
    name: str
    scope: RuleScope
    scope_id: UUID
    level: str
    percent: str | None
    amount_minor: int | None
    gives: str
    cap_minor: int | None
    stacks: bool
    order: int
    starts_on: date | None
    ends_on: date | None
    limit: int | None
    once_per_account: bool
    used: int = Field(description="Of the code, on whatever level.")
    state: CodeState


class PromoCodes(Output):
    """Every promo code, in alphabetical order."""

    model_config = shows({"items": [_CODE]})

    items: list[PromoCode]


class PromoCodeUse(Output):
    """An order that uses a code, or was booked with it."""

    model_config = shows(_USE)

    used_at: datetime
    account_id: UUID
    account: str
    attendee_id: UUID
    attendee: str
    order_id: UUID
    order_reference: str
    status: BookingStatus
    booking_id: UUID | None
    booking_reference: str | None


class PromoTerms(Input):
    """What a code gives: a percentage or an amount, and when it is good."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"percent": "10", "ends_on": "2026-06-30", "limit": 100, "name": "New families"}]})  # fmt: skip

    name: ShortText = Field(default="", max_length=60, description="On the invoice; empty: “Promo code”.")
    percent: _Percent | None = Field(default=None, description="As a text, so that it is exact. Either this …")
    amount_minor: Minor | None = Field(default=None, description="… or this, once for each booking.")
    cap_minor: Minor | None = Field(default=None, description="The most that it gives to one booking.")
    starts_on: Day | None = None
    ends_on: Day | None = Field(default=None, description="Its last day.")
    limit: Annotated[Whole, Field(ge=1, le=LARGEST_COUNT)] | None = Field(
        default=None, description="So many orders may use it."
    )
    once_per_account: YesNo = True
    stacks: YesNo = Field(default=False, description="Whether it is given beside another discount.")

    def terms(self) -> dict[str, Any]:
        """As a rule declares them, but for the code."""
        of_days = {"from": self.starts_on, "until": self.ends_on}
        given = {"percent": self.percent, "amount_minor": self.amount_minor, "cap_minor": self.cap_minor}
        return {
            **{name: value for name, value in given.items() if value is not None},
            "name": self.name, "stacks": self.stacks,
            "conditions": {
                **{name: day.isoformat() for name, day in of_days.items() if day is not None},
                **({"limit": self.limit} if self.limit is not None else {}),
                "once_per_account": self.once_per_account,
            },
        }  # fmt: skip


class NewPromoCode(PromoTerms):
    """A code, and where it is good. A level that had no discounts of its own keeps those that it inherited."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"code": "WELCOME", "scope": "ORGANISATION", "percent": "10", "limit": 100}]})  # fmt: skip

    code: Code
    scope: RuleScope = RuleScope.ORGANISATION
    scope_id: UUID | None = Field(default=None, description="Of the level; null for the organisation.")

    def terms(self) -> dict[str, Any]:
        found = super().terms()
        return {**found, "conditions": {**found["conditions"], "code": self.code}}


class ChangedPromoCode(PromoTerms):
    """All terms of a code on one level, in place of those before; what was sold keeps its own."""

    scope: RuleScope = RuleScope.ORGANISATION
    scope_id: UUID | None = Field(default=None, description="Of the level; null for the organisation.")

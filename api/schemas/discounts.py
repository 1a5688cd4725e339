"""The terms of a discount, by what it is given for. A rule declares them (`PUT /rules/{scope}/{id}/discounts`)."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from api.schemas.base import LARGEST_COUNT, NO_NUL, Day, Input, Minor, Whole, YesNo
from catalogue.discount_values import DiscountKind, EditPolicy

_Percent = Annotated[str, StringConstraints(max_length=8, pattern=r"^[0-9]{1,3}(\.[0-9]{1,4})?$")]
_Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=60, pattern=NO_NUL)]
_CONDITIONS = ("from_child", "every_child", "sessions", "until", "days_before", "programs")


class DiscountTerms(Input):
    """What every discount has: its place, how much it gives, and what an edit does to it."""

    order: Annotated[Whole, Field(ge=0, le=LARGEST_COUNT)]
    name: _Name = ""
    percent: _Percent | None = None
    amount_minor: Minor | None = None
    cap_minor: Minor | None = None
    stacks: YesNo = False
    on_edit: EditPolicy = EditPolicy.REPRICE_FUTURE

    def declared(self, kind: DiscountKind) -> dict[str, Any]:
        """As a rule declares it."""
        given = self.model_dump(mode="json", exclude_none=True)
        conditions = {name: given.pop(name) for name in _CONDITIONS if name in given}
        return {**given, "kind": kind.value, **({"conditions": conditions} if conditions else {})}


class SiblingTerms(DiscountTerms):
    """For further children of the account in the same term."""

    from_child: Annotated[Whole, Field(ge=2, le=20)]
    every_child: YesNo = False


class MultiSessionTerms(DiscountTerms):
    """For so many sessions in one booking."""

    sessions: Annotated[Whole, Field(ge=2, le=LARGEST_COUNT)]


class EarlyBirdTerms(DiscountTerms):
    """For who books by a day, or so many days before the first session."""

    until: Day | None = None
    days_before: Annotated[Whole, Field(ge=1, le=LARGEST_COUNT)] | None = None


class CombinedTerms(DiscountTerms):
    """For who is in one of these programs too."""

    programs: Annotated[list[UUID], Field(min_length=1, max_length=200)]


TERMS: dict[DiscountKind, type[DiscountTerms]] = {
    DiscountKind.SIBLING: SiblingTerms,
    DiscountKind.MULTI_SESSION: MultiSessionTerms,
    DiscountKind.FULL_WEEK: DiscountTerms,
    DiscountKind.FULL_TERM: DiscountTerms,
    DiscountKind.EARLY_BIRD: EarlyBirdTerms,
    DiscountKind.COMBINE_BOOKING: CombinedTerms,
    DiscountKind.STAFF: DiscountTerms,
}

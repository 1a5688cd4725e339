"""Expressions of interest that become bookings, several at once."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import FailedRule, Input, LongText, Output, ShortText, YesNo, shows
from api.schemas.orders import ConfirmationType, Order, WantedLine
from api.schemas.sample_enrolment import EOI_CONVERTED, INTEREST_ID


class EoiConversion(Input):
    """One expression of interest to convert."""

    order_id: UUID
    lines: Annotated[list[WantedLine], Field(max_length=500)] | None = Field(
        default=None, description="What to book; by default the sessions that it names and that are still to come."
    )
    price_fingerprint: ShortText | None = Field(
        default=None, description="Of the price that was seen; by default the one shown with the interest."
    )


class EoiConversions(Input):
    """Expressions of interest that become bookings at once, served in the order given."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{
            "conversions": [{"order_id": INTEREST_ID}], "confirmation_type": "ADMIN_CONFIRM", "is_best_effort": True,
            "confirmation_reason": "Agreed by phone",
        }]}
    )  # fmt: skip

    conversions: Annotated[list[EoiConversion], Field(min_length=1, max_length=100)]
    confirmation_type: ConfirmationType
    is_best_effort: YesNo = Field(default=False, description="Convert each that can be; else all of them or none.")
    override_reason: LongText = Field(
        default="", description="Why booking window, cut-off and eligibility are set aside."
    )
    confirmation_reason: LongText = Field(default="", description="Confirms each at once, for this reason.")
    is_muted: YesNo = Field(default=False, description="The families are not notified.")


class EoiOutcome(Output):
    """What became of one expression of interest."""

    order_id: UUID
    order: Order | None = Field(description="The order that it has become.")
    reasons: list[FailedRule] = Field(description="Why it was not converted.")


class EoiOutcomes(Output):
    """What became of each, in the order asked."""

    model_config = shows(EOI_CONVERTED)

    converted: int
    refused: int
    items: list[EoiOutcome]

"""Group orders: several attendees of an account, booked in one step."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import FailedRule, Input, LongText, Output, ShortText, YesNo, shows
from api.schemas.orders import ConfirmationType, Order, WantedLine
from api.schemas.sample_enrolment import ATTENDEE_ID, FINGERPRINT
from api.schemas.sample_group import GROUP_ORDER, GROUP_ORDER_SUMMARY, LEO_ID
from api.schemas.sample_programme import FIRST_SESSION_ID, SECOND_SESSION_ID, TERM_ID
from models import GroupOrderPolicy

_LINES: Any = [{"session_id": FIRST_SESSION_ID}, {"session_id": SECOND_SESSION_ID}]
_CARTS: Any = [{"attendee_id": ATTENDEE_ID, "lines": _LINES}, {"attendee_id": LEO_ID, "lines": _LINES}]

_CODE = "For all of them: the first order whose sessions take it has it, and uses it up when it is submitted."


class GroupCart(Input):
    """What one attendee wants."""

    attendee_id: UUID
    lines: Annotated[list[WantedLine], Field(max_length=500)]


class NewGroupCart(GroupCart):
    """What one attendee wants, and as what."""

    order_type: Literal["BOOKING", "TRIAL_SESSION"] = "BOOKING"


class NewGroupOrder(Input):
    """An order with its cart for each attendee, each once. An admin selects the account; a family's own is taken."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"term_id": TERM_ID, "policy": "BEST_EFFORT", "orders": _CARTS}]}
    )

    term_id: UUID
    account_id: UUID | None = None
    policy: GroupOrderPolicy = Field(
        default=GroupOrderPolicy.ALL_OR_NOTHING, description="What becomes of it when something cannot be had."
    )
    orders: Annotated[list[NewGroupCart], Field(min_length=1, max_length=20)]
    promo_code: ShortText | None = Field(default=None, description=_CODE)


class GroupCarts(Input):
    """All that is in the carts from now on; the cart of an attendee who is not named is emptied."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"orders": _CARTS}]})

    orders: Annotated[list[GroupCart], Field(min_length=1, max_length=20)]
    promo_code: ShortText | None = Field(default=None, description=_CODE)


class GroupSubmission(Input):
    """Takes the places of all orders at the price that was shown for all."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"confirmation_type": "PAY_NOW_PAY_ALL", "price_fingerprint": FINGERPRINT}]}
    )

    confirmation_type: ConfirmationType
    price_fingerprint: ShortText = Field(description="Of the price that was shown for all orders together.")
    schedule_fingerprint: ShortText | None = Field(
        default=None,
        description="Of the payment schedules that were shown: needed for direct debit, compared for deposits.",
    )
    override_reason: LongText = Field(
        default="", description="Why an admin sets booking window, cut-off and eligibility aside."
    )
    is_muted: YesNo = Field(default=False, description="The family is not notified.")


class GroupConfirmation(Input):
    """Confirms the orders of a group; an admin may do so by another confirmation type, with a reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Paid by cheque at the front desk"}]})

    reason: LongText = ""
    confirmation_type: ConfirmationType | None = None
    is_muted: YesNo = False


class LeftOut(Output):
    """What of an order was not submitted, and why. Reasons of full and overlapping sessions carry `alternatives`."""

    order_id: UUID
    attendee_id: UUID
    session_ids: list[UUID]
    reasons: list[FailedRule]


class GroupOrder(Output):
    """A group order as it stands, with each of its orders."""

    model_config = shows(GROUP_ORDER)

    id: UUID
    reference: str
    account_id: UUID
    term_id: UUID
    policy: GroupOrderPolicy
    policy_in_words: str
    created_at: datetime
    submitted_at: datetime | None
    currency: str
    total_minor: int = Field(description="Of the orders that are in the cart, or were submitted.")
    total: str
    price_fingerprint: str = Field(description="Of the price of all orders together; the submission names it.")
    orders: list[Order] = Field(description="In the order in which they were named.")
    left_out: list[LeftOut] = Field(description="After a submission by best effort: what could not be had.")


class GroupOrderSummary(Output):
    """A group order in a list."""

    model_config = shows(GROUP_ORDER_SUMMARY)

    id: UUID
    reference: str
    account_id: UUID
    account: str
    term_id: UUID
    policy: GroupOrderPolicy
    attendees: list[str]
    order_count: int
    created_at: datetime
    submitted_at: datetime | None

"""Waiting lists: joining them, where one stands, and the answers to an offer."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import Input, LongText, Output, ShortText, YesNo, shows
from api.schemas.orders import ConfirmationType, Order
from api.schemas.sample_enrolment import FINGERPRINT
from api.schemas.sample_waiting import ANSWERED_OFFER, OFFER, QUEUE, WAITING_ENTRY, WAITING_ORDER_ID

WaitingState = Literal["WAITING", "SAVED", "OFFERED", "ACCEPTED", "DECLINED", "EXPIRED", "LEFT"]


class Joining(Input):
    """Joins the queue of each session of the order."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    override_reason: LongText = Field(
        default="", description="Why an admin sets booking window, cut-off and eligibility aside."
    )
    is_muted: YesNo = Field(default=False, description="The family is not notified.")


class JoiningTogether(Joining):
    """Joins with several orders of one account that want all or nothing: siblings, or one order with many sessions."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"order_ids": [WAITING_ORDER_ID]}]})

    order_ids: Annotated[list[UUID], Field(min_length=1, max_length=20)]


class OfferAcceptance(Input):
    """Takes the offered places at the price that was shown, into an order of each attendee."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"confirmation_type": "PAY_NOW_PAY_ALL", "price_fingerprint": FINGERPRINT}]}
    )

    confirmation_type: ConfirmationType
    price_fingerprint: ShortText = Field(description="Of the offer as it was shown.")
    override_reason: LongText = Field(
        default="", description="Why an admin sets booking window, cut-off and eligibility aside."
    )
    is_muted: YesNo = Field(default=False, description="The family is not notified.")


class OfferDeclination(Input):
    """Why the places are not wanted any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "We found another course"}]})

    reason: LongText = ""


class WaitingEntry(Output):
    """One session that an attendee waits for."""

    model_config = shows(WAITING_ENTRY)

    id: UUID
    reference: str
    status: WaitingState
    order_id: UUID
    order_reference: str
    account_id: UUID
    account: str
    attendee_id: UUID
    attendee: str
    session_id: UUID
    session: str = Field(description="Offering, date and time in words.")
    group_id: UUID | None = Field(description="What of the same group wants all or nothing.")
    since: datetime = Field(description="What the position goes by: when it joined, or when its group last changed.")
    position: int | None = Field(description="Its place in the queue, from 1; null when it does not wait any more.")
    offer_id: UUID | None
    offer_expires_at: datetime | None = Field(description="Until when the offered place is kept.")
    accepted_order_id: UUID | None = Field(description="The order that took the place.")
    passed_over_at: datetime | None = Field(
        default=None, description="For admins: when a place went to somebody behind it."
    )
    why: str | None = Field(default=None, description="For admins: why it stands where it does.")


class Queue(Output):
    """What was joined, and how places are given out."""

    model_config = shows(QUEUE)

    group_id: UUID | None
    entries: list[WaitingEntry]
    policy: str = Field(description="How places are given out, in words for families.")


class WaitingOffer(Output):
    """Places that are offered together, with what they cost now."""

    model_config = shows(OFFER)

    id: UUID
    is_open: bool = Field(description="It can be accepted.")
    expires_at: datetime
    entries: list[WaitingEntry]
    currency: str
    total_minor: int
    total: str = Field(description="The total in words of the organisation's locale.")
    price_fingerprint: str = Field(description="Send it with the acceptance: nobody accepts a price they did not see.")
    policy: str


class AnsweredOffer(Output):
    """What came of an offer."""

    model_config = shows(ANSWERED_OFFER)

    orders: list[Order] = Field(description="The orders that hold the places now; none where they were declined.")
    entries: list[WaitingEntry]

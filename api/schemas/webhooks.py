"""Webhook endpoints of integrators, and the log of what was sent to them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from api.schemas.base import Input, Output, ShortText, shows
from api.schemas.sample_enrolment import BOOKING_ID
from api.schemas.sample_programme import Sample, sample_id

_ENDPOINT: Sample = {
    "id": sample_id(90), "url": "https://hooks.example/termbook", "description": "Data warehouse",
    "topics": ["booking.confirmed", "booking.canceled"], "created_at": "2026-03-31T13:00:00+00:00",
    "disabled_at": None, "disabled_because": "",
}  # fmt: skip
_SECRET: Sample = {"id": sample_id(90), "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw2kMcPqVv0Zc="}
_DELIVERY: Sample = {
    "id": sample_id(91), "endpoint_id": sample_id(90), "url": "https://hooks.example/termbook",
    "message_id": sample_id(92), "topic": "booking.confirmed", "payload": {"subject_id": BOOKING_ID},
    "status": "DELIVERED", "attempts": 1, "next_attempt_at": None, "answered": 204, "failure": "",
    "created_at": "2026-03-31T13:10:00+00:00", "delivered_at": "2026-03-31T13:10:02+00:00",
}  # fmt: skip
_URL = r"^https?://[^\s/?#@]+([/?][^\s#]*)?$"


class NewWebhookEndpoint(Input):
    """Where to send what happens from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "url": "https://hooks.example/termbook", "topics": ["booking.confirmed", "booking.canceled"],
        "description": "Data warehouse",
    }]})  # fmt: skip

    url: Annotated[str, StringConstraints(max_length=500, pattern=_URL)] = Field(
        description="https, without a name or password in it; http only where the installation itself has no https."
    )
    topics: Annotated[list[ShortText], Field(max_length=60)] = Field(default=[], description="None: every topic.")
    description: ShortText = ""


class WebhookSecret(Output):
    """The secret that signs what is sent. It is shown here and never again."""

    model_config = shows(_SECRET)

    id: UUID
    secret: str = Field(description="As the libraries of standardwebhooks.com take it.")


class WebhookEndpoint(Output):
    """An address of an integrator."""

    model_config = shows(_ENDPOINT)

    id: UUID
    url: str
    description: str
    topics: list[str]
    created_at: datetime
    disabled_at: datetime | None
    disabled_because: str


class WebhookDelivery(Output):
    """A message for an endpoint, and how its last attempt ended."""

    model_config = shows(_DELIVERY)

    id: UUID
    endpoint_id: UUID
    url: str
    message_id: UUID
    topic: str
    payload: dict[str, Any]
    status: Literal["WAITING", "DELIVERED", "GIVEN_UP"]
    attempts: int
    next_attempt_at: datetime | None
    answered: int | None = Field(description="The HTTP status of the last attempt; null where nobody answered.")
    failure: str
    created_at: datetime
    delivered_at: datetime | None

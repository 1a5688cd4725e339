"""Webhooks for integrators: where what happened is sent to, and what became of each message."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from models.base import TenantRow, check, index, json, moment, one_of, refers, root, unique, word


class DeliveryStatus(StrEnum):
    """What became of a message for an endpoint."""

    WAITING = "WAITING"  # is sent, or sent again, when its moment has come
    DELIVERED = "DELIVERED"  # the endpoint took it
    GIVEN_UP = "GIVEN_UP"  # it was refused as often as it is tried; an admin may send it again


class WebhookEndpoint(TenantRow, table=True):
    """An address of an integrator. Its secret is derived, not kept; `secret_version` counts how often it changed."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        root(),
        check("url ~ '^https?://'", "url_is_of_the_web"),
        check("secret_version > 0", "secret_version_is_positive"),
        index("ix_webhook_endpoint_active", "created_at", where="disabled_at IS NULL"),
    )
    url: str
    description: str = ""
    topics: list[str] = Field(sa_type=ARRAY(sa.Text))  # none: every topic
    secret_version: int = 1
    created_at: datetime = moment()
    disabled_at: datetime | None = moment(default=None, nullable=True)
    disabled_because: str = ""


class WebhookDelivery(TenantRow, table=True):
    """A message for an endpoint, with how its last attempt ended. The message's id is the same in every attempt."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        refers("endpoint_id", "webhook_endpoint"),
        one_of("status", DeliveryStatus),
        check("(status = 'DELIVERED') = (delivered_at IS NOT NULL)", "delivered_has_its_moment"),
        check("(status = 'WAITING') = (next_attempt_at IS NOT NULL)", "waiting_has_its_next_attempt"),
        check("attempts >= 0", "attempts_are_not_negative"),
        unique("endpoint_id", "message_id"),
        index("ix_webhook_delivery_due", "next_attempt_at", where="status = 'WAITING'"),
        index("ix_webhook_delivery_created", "created_at"),
    )
    endpoint_id: UUID
    message_id: UUID  # of the outbox, which forgets it in time
    topic: str
    payload: dict[str, object] = json(nullable=False)
    happened_at: datetime = moment()
    status: DeliveryStatus = word(DeliveryStatus, default=DeliveryStatus.WAITING)
    attempts: int = 0
    next_attempt_at: datetime | None = moment(default=None, nullable=True)
    answered: int | None = None  # the HTTP status of the last attempt
    failure: str = ""
    created_at: datetime = moment()
    delivered_at: datetime | None = moment(default=None, nullable=True)

"""Webhook endpoints and deliveries as they are shown."""

from uuid import UUID

from api.moves import Answer
from api.reads.paging import Listing
from engine.database import Transaction

_ENDPOINTS = """
SELECT {keys}, e.id, e.url, e.description, e.topics, e.created_at, e.disabled_at, e.disabled_because
FROM webhook_endpoint e WHERE e.organisation_id = %(org)s{where}
"""
_DELIVERIES = """
SELECT {keys}, d.id, d.endpoint_id, e.url, d.message_id, d.topic, d.payload, d.status, d.attempts, d.next_attempt_at,
       d.answered, d.failure, d.created_at, d.delivered_at
FROM webhook_delivery d
JOIN webhook_endpoint e ON e.organisation_id = d.organisation_id AND e.id = d.endpoint_id
WHERE d.organisation_id = %(org)s{where}
"""


def endpoints() -> Listing:
    """Every endpoint, newest first."""
    return Listing(_ENDPOINTS, [("e.created_at", "timestamptz"), ("e.id", "uuid")], is_descending=True)


def deliveries() -> Listing:
    """What was sent, newest first."""
    return Listing(_DELIVERIES, [("d.created_at", "timestamptz"), ("d.id", "uuid")], is_descending=True)


def delivery(tx: Transaction, delivery_id: UUID) -> Answer:
    """One delivery. Raises NotFound."""
    found = deliveries()
    found.where("d.id = %(id)s", id=delivery_id)
    row = found.one(tx, "webhook delivery")
    return Answer(row)

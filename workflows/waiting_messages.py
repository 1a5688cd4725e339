"""What families are told of places from the waiting list: offered, and run out."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from engine.database import Transaction
from notifications.messages import Message, Session, WaitingExpired, WaitingOffered
from workflows.message_facts import order_of, parties

_OFFERED = """
SELECT s.id, p.name AS title, s.starts_at, s.ends_at, i.time_zone, i.name AS place, i.address, t.name AS attendee,
       e.offer_expires_at
FROM waiting_entry e
JOIN attendee t ON t.organisation_id = e.organisation_id AND t.id = e.attendee_id
JOIN term_product s ON s.organisation_id = e.organisation_id AND s.id = e.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
WHERE e.organisation_id = %(org)s AND e.offer_id = %(offer_id)s
ORDER BY s.starts_at, s.id, t.name
"""


def offered(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    facts = _offer(tx, payload, base_url)
    return None if facts is None else WaitingOffered(**facts)


def expired(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    facts = _offer(tx, payload, base_url)
    return None if facts is None else WaitingExpired(**{k: v for k, v in facts.items() if k != "expires_at"})


def _offer(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> dict[str, Any] | None:
    """What is offered together, each session once, with everybody it is for."""
    order = order_of(tx, payload)
    rows = tx.rows(_OFFERED, offer_id=UUID(str(payload["offer_id"]))) if order else []
    if order is None or not rows:
        return None
    names = tuple(dict.fromkeys(row.pop("attendee") for row in rows))
    expires_at = min(row.pop("offer_expires_at") for row in rows)
    sessions = tuple({row["id"]: Session(**row) for row in rows}.values())
    link = f"{base_url}/waiting-offers/{payload['offer_id']}"
    return {**parties(order, link), "order_reference": order["reference"], "attendee_names": names,
            "sessions": sessions, "expires_at": expires_at}  # fmt: skip

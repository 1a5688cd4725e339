"""Mails with signed addresses: to guests, whose orders nothing else opens, and to who registers."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.database import Row, Transaction
from engine.outbox import Message as OutboxEntry
from notifications.messages import (
    GuestLinks,
    GuestOrder,
    Message,
    Organisation,
    Recipient,
    RegistrationAsked,
    SignInAsked,
)
from workflows import sign_in_links
from workflows.guests import guest_link
from workflows.registration import registration_link

_ORGANISATION = "SELECT name AS organisation, locale, time_zone, letterhead FROM organisation WHERE id = %(org)s"

_ORDERS = """
SELECT o.id, o.reference, a.name AS account, a.email, a.language, t.name AS attendee,
       (SELECT min(x.due_at) FROM timer x WHERE x.organisation_id = o.organisation_id AND x.subject_id = o.id
        AND x.status = 'ARMED' AND o.status IN (300, 485)) AS pay_until
FROM term_booking_order o
JOIN account a ON a.organisation_id = o.organisation_id AND a.id = o.account_id
JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
WHERE o.organisation_id = %(org)s AND o.id = ANY(%(ids)s::uuid[]) AND a.kind = 'GUEST'
ORDER BY o.created_at DESC
"""

# The guest's order that an entry is about, by whatever it names.
_ABOUT = """
SELECT o.id FROM term_booking_order o
JOIN account a ON a.organisation_id = o.organisation_id AND a.id = o.account_id AND a.kind = 'GUEST'
WHERE o.organisation_id = %(org)s AND (o.id = %(subject)s OR o.booking_id = %(subject)s OR o.id = (
    SELECT p.order_id FROM payment p WHERE p.organisation_id = %(org)s AND p.id = %(payment)s))
LIMIT 1
"""


def with_guest_link(
    tx: Transaction, message: Message | None, entry: OutboxEntry, *, base_url: str, secret: str
) -> Message | None:
    """The same mail; where its order is a guest's, its address is the signed one."""
    if message is None or message.link is None:
        return message
    named = {
        name: _uuid(entry.payload.get(key)) for name, key in (("subject", "subject_id"), ("payment", "payment_id"))
    }
    about = tx.row(_ABOUT, **named)
    if about is None:
        return message
    link = guest_link(secret, tx.organisation_id, about["id"], now=entry.created_at)
    return replace(message, link=f"{base_url}/guest-orders/{link}")


def _uuid(text: Any) -> UUID | None:
    return UUID(str(text)) if text else None


def _links(tx: Transaction, entry: OutboxEntry, base_url: str, secret: str) -> Message | None:
    rows = tx.rows(_ORDERS, ids=entry.payload["order_ids"])
    if not rows:
        return None
    return GuestLinks(
        organisation=_organisation(tx), recipient=Recipient.of(rows[0]),
        orders=tuple(_guest_order(tx, row, base_url, secret, entry.created_at) for row in rows),
    )  # fmt: skip


def _guest_order(tx: Transaction, row: Row, base_url: str, secret: str, now: datetime) -> GuestOrder:
    link = guest_link(secret, tx.organisation_id, row["id"], now=now)
    return GuestOrder(
        reference=row["reference"], attendee_name=row["attendee"], link=f"{base_url}/guest-orders/{link}",
        pay_until=row["pay_until"],
    )  # fmt: skip


def _registration(tx: Transaction, entry: OutboxEntry, base_url: str, secret: str) -> Message:
    email = str(entry.payload["email"])
    known = tx.row('SELECT 1 FROM "user" WHERE organisation_id = %(org)s AND email = %(email)s', email=email)
    link, expires_at = registration_link(secret, tx.organisation_id, email, now=entry.created_at)
    return RegistrationAsked(
        organisation=_organisation(tx), recipient=Recipient(name=email, email=email),
        link=f"{base_url}/registrations/{link}", is_known=known is not None, expires_at=expires_at,
    )  # fmt: skip


def _sign_in(tx: Transaction, entry: OutboxEntry, base_url: str, secret: str) -> Message | None:
    email = str(entry.payload["email"])
    known = sign_in_links.find(tx, email=email)
    if known is None:
        return None
    link, expires_at = sign_in_links.sign_in_link(secret, tx.organisation_id, known.user_id, now=entry.created_at)
    return SignInAsked(
        organisation=_organisation(tx), recipient=Recipient(name=known.name, email=email),
        link=f"{base_url}/guest/sign-in/{link}", expires_at=expires_at,
    )  # fmt: skip


def _organisation(tx: Transaction) -> Organisation:
    row = tx.row(_ORGANISATION)
    assert row is not None
    return Organisation.of(row)


SIGNED: Mapping[str, Callable[[Transaction, OutboxEntry, str, str], Message | None]] = {
    "guest.links": _links,
    "registration.asked": _registration,
    "sign_in.asked": _sign_in,
}

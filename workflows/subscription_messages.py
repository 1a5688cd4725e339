"""What families are told of their subscriptions, and the office of those that found no room."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from engine.database import Row, Transaction
from invoicing.issue import number_text
from notifications.messages import (
    InvoiceIssued,
    Message,
    Organisation,
    Recipient,
    SubscriptionBooked,
    SubscriptionChanged,
    SubscriptionEnding,
    SubscriptionNotRolled,
)

_SUBSCRIPTION = """
SELECT s.id, s.reference, s.weekdays, s.starts_on, s.ends_on, p.name AS offering, m.name AS term, t.name AS attendee,
       a.name AS account, a.email, a.language, g.name AS organisation, g.currency, g.locale, g.time_zone,
       g.letterhead, (SELECT count(*) FROM term_booking_line l
        JOIN term_booking b ON b.organisation_id = l.organisation_id AND b.id = l.booking_id
        JOIN term_booking_order o ON o.organisation_id = b.organisation_id AND o.id = b.order_id
        WHERE o.organisation_id = s.organisation_id AND o.subscription_id = s.id AND o.term_id = m.id
          AND l.cancelled_at IS NULL) AS sessions
FROM subscription s
JOIN account a ON a.organisation_id = s.organisation_id AND a.id = s.account_id
JOIN attendee t ON t.organisation_id = s.organisation_id AND t.id = s.attendee_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = coalesce(%(offering_id)s, s.offering_id)
JOIN term m ON m.organisation_id = p.organisation_id AND m.id = p.term_id
JOIN organisation g ON g.id = s.organisation_id
WHERE s.organisation_id = %(org)s AND s.id = %(id)s
"""

_INVOICE = """
SELECT v.series, v.year, v.number, v.total_minor, v.due_on, v.currency, v.printed, b.id AS booking_id,
       b.reference AS booking_reference, a.name AS account, a.email, a.language, g.name AS organisation, g.locale,
       g.time_zone, g.letterhead, t.name AS attendee,
       v.total_minor - coalesce((SELECT sum(x.amount_minor) FROM payment_allocation x
           WHERE x.organisation_id = v.organisation_id AND x.invoice_id = v.id), 0)::bigint
       - coalesce((SELECT sum(x.amount_minor) FROM credit_allocation x
           WHERE x.organisation_id = v.organisation_id AND x.invoice_id = v.id), 0)::bigint AS owed_minor,
       EXISTS (SELECT FROM payment p WHERE p.organisation_id = v.organisation_id AND p.invoice_id = v.id
               AND p.mandate_id IS NOT NULL) AS is_debited
FROM invoice v
JOIN term_booking b ON b.organisation_id = v.organisation_id AND b.id = v.booking_id
JOIN attendee t ON t.organisation_id = b.organisation_id AND t.id = b.attendee_id
JOIN account a ON a.organisation_id = v.organisation_id AND a.id = v.account_id
JOIN organisation g ON g.id = v.organisation_id
WHERE v.organisation_id = %(org)s AND v.id = %(id)s
"""

_REASONS = """
SELECT r.reasons, m.name AS term FROM subscription_review r
JOIN term m ON m.organisation_id = r.organisation_id AND m.id = r.term_id
WHERE r.organisation_id = %(org)s AND r.subscription_id = %(id)s AND r.offering_id = %(offering_id)s
  AND r.term_id = %(term_id)s
"""


def booked(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """It was begun, or goes on into another term."""
    row = _read(tx, payload)
    if not row["email"]:
        return None
    return SubscriptionBooked(**_to_family(row, base_url), **_what(row), term=row["term"], sessions=row["sessions"])


def ending(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """Notice was given."""
    row = _read(tx, payload)
    if not row["email"]:
        return None
    return SubscriptionEnding(**_to_family(row, base_url), **_what(row), last_day=row["ends_on"])


# In what was booked last: the first session of the newest order that is still to come.
_NEXT_DAY = """
SELECT min(s.local_date) AS day FROM term_booking_line l
JOIN term_booking b ON b.organisation_id = l.organisation_id AND b.id = l.booking_id
JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
WHERE l.organisation_id = %(org)s AND l.cancelled_at IS NULL AND b.order_id = (
    SELECT o.id FROM term_booking_order o WHERE o.organisation_id = %(org)s AND o.subscription_id = %(id)s
      AND o.subscription_part > 1 AND o.status = 500 ORDER BY o.created_at DESC, o.id DESC LIMIT 1)
"""


def changed(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """Other weekdays, or the notice was withdrawn."""
    row = _read(tx, payload)
    if not row["email"]:
        return None
    found = tx.row(_NEXT_DAY, id=row["id"])
    return SubscriptionChanged(**_to_family(row, base_url), **_what(row), term=row["term"],
                               next_day=found["day"] if found else None)  # fmt: skip


def not_rolled(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """The office is told, where it has an address."""
    row = _read(tx, payload, offering_id=UUID(str(payload["offering_id"])))
    office = row["letterhead"].get("email")
    found = tx.row(_REASONS, id=row["id"], offering_id=UUID(str(payload["offering_id"])),
                   term_id=UUID(str(payload["term_id"])))  # fmt: skip
    if not office or found is None:
        return None
    return SubscriptionNotRolled(
        organisation=Organisation.of(row), recipient=Recipient(name=row["organisation"], email=office),
        link=f"{base_url}/subscriptions/{row['id']}", **_what(row), account_name=row["account"], term=found["term"],
        currency=row["currency"], reasons=tuple(each["message"] for each in found["reasons"]),
    )  # fmt: skip


def invoiced(
    tx: Transaction, payload: Mapping[str, Any], base_url: str, *, is_from_wallet: bool = False
) -> Message | None:
    """The invoice of a period, or of a session that the wallet pays; its PDF goes along."""
    row = tx.row(_INVOICE, id=UUID(str(payload["invoice_id"])))
    if row is None or not row["email"]:
        return None
    period = row["printed"]["period"]
    return InvoiceIssued(
        organisation=Organisation.of(row), recipient=Recipient.of(row),
        link=f"{base_url}/bookings/{row['booking_id']}", attendee_name=row["attendee"],
        invoice_number=number_text(row["series"], row["year"], row["number"]),
        booking_reference=row["booking_reference"], currency=row["currency"], total_minor=row["total_minor"],
        owed_minor=row["owed_minor"], due_on=row["due_on"], period_from=date.fromisoformat(period["from"]),
        period_until=date.fromisoformat(period["until"]), is_debited=row["is_debited"],
        is_from_wallet=is_from_wallet,
    )  # fmt: skip


def _read(tx: Transaction, payload: Mapping[str, Any], *, offering_id: UUID | None = None) -> Row:
    row = tx.row(_SUBSCRIPTION, id=UUID(str(payload["subject_id"])), offering_id=offering_id)
    assert row is not None, "a subscription is never deleted"
    return row


def _to_family(row: Row, base_url: str) -> dict[str, Any]:
    return {"organisation": Organisation.of(row), "recipient": Recipient.of(row),
            "link": f"{base_url}/subscriptions/{row['id']}"}  # fmt: skip


def _what(row: Row) -> dict[str, Any]:
    return {"subscription_reference": row["reference"], "attendee_name": row["attendee"], "offering": row["offering"],
            "weekdays": ", ".join(day.title() for day in row["weekdays"])}  # fmt: skip

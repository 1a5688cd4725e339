"""What the family is told: the facts of each outbox topic, read when the mail is composed."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from engine.database import Row, Transaction
from engine.outbox import Message as OutboxEntry
from invoicing.issue import number_text
from models import TermBookingOrderType, TermBookingStatus
from notifications.messages import (
    BookingCanceled,
    BookingConfirmed,
    Converted,
    DayClosed,
    DayReopened,
    DebitFailed,
    InterestRegistered,
    Message,
    OrderNotRevived,
    OrderTimedOut,
    Organisation,
    OverdueFee,
    PaymentDue,
    PaymentReceived,
    QuoteIssued,
    Recipient,
    RefundNews,
    Session,
    WaitingExpired,
    WaitingOffered,
)
from workflows import makeup_messages, pass_messages, subscription_messages
from workflows.guest_messages import SIGNED, with_guest_link
from workflows.order_guards import QUOTE_EXPIRED, TIMEOUT

_ORDER = """
SELECT o.id, o.reference, o.status, o.booking_id, o.cancel_reason, o.updated_at, o.total_minor, o.attendee_id,
       a.name AS account, a.email, t.name AS attendee,
       a.id AS account_id, a.language, g.name AS organisation, g.currency, g.locale, g.time_zone,
       g.letterhead
FROM term_booking_order o
JOIN account a ON a.organisation_id = o.organisation_id AND a.id = o.account_id
JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
JOIN organisation g ON g.id = o.organisation_id
WHERE o.organisation_id = %(org)s AND o.id = %(order_id)s
"""

_SESSIONS = """
SELECT s.id, p.name AS title, s.starts_at, s.ends_at, i.time_zone, i.name AS place, i.address,
       CASE WHEN x.id IS NULL THEN '' ELSE concat('Row ', x.row_name, ' seat ', x.number) END AS seat
FROM term_booking_order_line l
JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
LEFT JOIN seat x ON x.organisation_id = l.organisation_id AND x.id = l.seat_id
WHERE l.organisation_id = %(org)s AND l.order_id = %(order_id)s
ORDER BY s.starts_at, l.position
"""

_BOOKING = """
SELECT b.reference, b.revision, v.id AS invoice_id, v.series, v.year, v.number, v.due_on, w.next_invoice_on,
       CASE WHEN w.next_invoice_on IS NOT NULL THEN b.total_minor WHEN v.series = 'ZS' THEN 0
            ELSE coalesce(v.total_minor, b.total_minor) END AS total_minor,
       coalesce(v.total_minor, 0) - coalesce((SELECT sum(x.amount_minor) FROM payment_allocation x
           WHERE x.organisation_id = v.organisation_id AND x.invoice_id = v.id), 0)
       - coalesce((SELECT sum(x.amount_minor) FROM credit_allocation x
           WHERE x.organisation_id = v.organisation_id AND x.invoice_id = v.id), 0) AS owed_minor
FROM term_booking b
LEFT JOIN invoice v ON v.organisation_id = b.organisation_id AND v.booking_id = b.id
CROSS JOIN LATERAL (SELECT min(s.issue_on) AS next_invoice_on FROM invoice_schedule s
    WHERE s.organisation_id = b.organisation_id AND s.booking_id = b.id AND s.status = 'SCHEDULED') w
WHERE b.organisation_id = %(org)s AND b.id = %(booking_id)s
ORDER BY v.issued_at DESC, v.number DESC LIMIT 1
"""

_QUOTE = """
SELECT series, year, number, total_minor, expires_at FROM quote
WHERE organisation_id = %(org)s AND order_id = %(order_id)s ORDER BY issued_at DESC, number DESC LIMIT 1
"""

_PAYMENT = """
SELECT p.reference, p.amount_minor, p.updated_at, p.order_id, p.mandate_id, p.failure_reason, p.returned_at
FROM payment p
WHERE p.organisation_id = %(org)s AND p.id = %(payment_id)s
"""


_CANCELED = """
SELECT b.reference, b.order_id, b.updated_at, n.id AS credit_note_id, n.series, n.year, n.number,
       coalesce(n.total_minor, 0) AS credited_minor,
       coalesce(n.total_minor - (SELECT sum((each->>'amount_minor')::bigint)
                                 FROM jsonb_array_elements(n.printed->'applied') each), 0)::bigint AS freed_minor,
       coalesce((SELECT sum(v.total_minor) FROM invoice v
                 WHERE v.organisation_id = b.organisation_id AND v.booking_id = b.id), 0)::bigint
       - coalesce((SELECT sum(x.amount_minor) FROM payment_allocation x
                   JOIN invoice v ON v.organisation_id = x.organisation_id AND v.id = x.invoice_id
                   WHERE x.organisation_id = b.organisation_id AND v.booking_id = b.id), 0)::bigint
       - coalesce((SELECT sum(x.amount_minor) FROM credit_allocation x
                   JOIN invoice v ON v.organisation_id = x.organisation_id AND v.id = x.invoice_id
                   WHERE x.organisation_id = b.organisation_id AND v.booking_id = b.id), 0)::bigint AS owed_minor
FROM term_booking b
LEFT JOIN credit_note n ON n.organisation_id = b.organisation_id AND n.booking_id = b.id AND n.issued_at = b.updated_at
WHERE b.organisation_id = %(org)s AND b.id = %(booking_id)s
"""

# The sessions that the cancellation itself gave up, as its history tells.
_GIVEN_UP = """
SELECT s.id, p.name AS title, s.starts_at, s.ends_at, i.time_zone, i.name AS place, i.address
FROM status_event e
JOIN term_product s ON s.organisation_id = e.organisation_id AND e.changes->'sessions' ? s.id::text
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
JOIN term_booking_line l ON l.organisation_id = s.organisation_id AND l.term_product_id = s.id
     AND l.booking_id = e.subject_id
WHERE e.organisation_id = %(org)s AND e.subject_id = %(booking_id)s AND e.trigger = 'cancel'
ORDER BY s.starts_at, l.position
"""


_INTEREST = """
SELECT o.note, array(SELECT coalesce(p.name, g.name) FROM term_booking_order_wish w
                     LEFT JOIN term_program_set p ON p.organisation_id = w.organisation_id
                               AND p.id = w.term_program_set_id
                     LEFT JOIN program g ON g.organisation_id = w.organisation_id AND g.id = w.program_id
                     WHERE w.organisation_id = o.organisation_id AND w.order_id = o.id ORDER BY w.position) AS wishes
FROM term_booking_order o WHERE o.organisation_id = %(org)s AND o.id = %(order_id)s
"""

# What became of an expression of interest, of a trial on its way, or of a booked one, with the trial's credit.
_CONVERTED = """
SELECT c.reference, c.order_type, c.converted_into_id AS into_id, n.series, n.year, n.number,
       coalesce(n.total_minor, 0) AS credited_minor,
       coalesce(n.total_minor - (SELECT sum((each->>'amount_minor')::bigint)
                                 FROM jsonb_array_elements(n.printed->'applied') each), 0)::bigint AS freed_minor,
       (SELECT min(t.due_at) FROM timer t WHERE t.organisation_id = %(org)s AND t.subject_id = c.converted_into_id
          AND t.status = 'ARMED') AS expires_at
FROM (SELECT id, reference, order_type, converted_into_id FROM term_booking_order WHERE organisation_id = %(org)s
      UNION ALL
      SELECT id, reference, order_type, converted_into_id FROM term_booking WHERE organisation_id = %(org)s) c
LEFT JOIN credit_note n ON n.organisation_id = %(org)s AND n.booking_id = c.id
WHERE c.id = %(subject_id)s AND c.converted_into_id IS NOT NULL
ORDER BY n.issued_at DESC, n.number DESC LIMIT 1
"""


def compose_message(tx: Transaction, entry: OutboxEntry, *, base_url: str, secret: str) -> Message | None:
    """The facts of an outbox entry as a mail tells them; None where there is nothing, or nobody, to tell.

    `secret` is the installation's: it signs the addresses that guests are sent.
    """
    if (signed := SIGNED.get(entry.topic)) is not None:
        return signed(tx, entry, base_url, secret)
    composer = _COMPOSERS.get(entry.topic)
    message = composer(tx, entry.payload, base_url) if composer else None
    return with_guest_link(tx, message, entry, base_url=base_url, secret=secret)


def _parties(order: Row, link: str) -> dict[str, Any]:
    letterhead = order["letterhead"]
    return {
        "organisation": Organisation(
            name=order["organisation"], email=letterhead.get("email"), phone=letterhead.get("phone"),
            locale=order["locale"], time_zone=order["time_zone"],
        ),
        "recipient": Recipient.of(order),
        "link": link,
    }  # fmt: skip


def _order(tx: Transaction, payload: Mapping[str, Any]) -> Row | None:
    """The order with its parties; None for an account that has no address."""
    order = tx.row(_ORDER, order_id=UUID(str(payload["subject_id"])))
    return order if order and order["email"] else None


def _sessions(tx: Transaction, order_id: UUID) -> tuple[Session, ...]:
    return tuple(Session(**row) for row in tx.rows(_SESSIONS, order_id=order_id))


def _confirmed(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    order = _order(tx, payload)
    if order is None:
        return None
    booking = tx.row(_BOOKING, booking_id=order["booking_id"])
    assert booking is not None, "a confirmed order has a booking"
    numbered = number_text(booking["series"], booking["year"], booking["number"]) if booking["invoice_id"] else None
    return BookingConfirmed(
        **_parties(order, f"{base_url}/bookings/{order['booking_id']}"), booking_reference=booking["reference"],
        revision=booking["revision"], attendee_id=order["attendee_id"], attendee_name=order["attendee"],
        sessions=_sessions(tx, order["id"]), currency=order["currency"], total_minor=booking["total_minor"],
        owed_minor=booking["owed_minor"], due_on=booking["due_on"], next_invoice_on=booking["next_invoice_on"],
        invoice_number=numbered,
    )  # fmt: skip


def _quoted(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    order = _order(tx, payload)
    quote = tx.row(_QUOTE, order_id=order["id"]) if order else None
    if order is None or quote is None:
        return None
    return QuoteIssued(
        **_parties(order, f"{base_url}/orders/{order['id']}"),
        quote_number=number_text(quote["series"], quote["year"], quote["number"]), order_reference=order["reference"],
        attendee_name=order["attendee"], sessions=_sessions(tx, order["id"]), currency=order["currency"],
        total_minor=quote["total_minor"], expires_at=quote["expires_at"],
    )  # fmt: skip


def _timed_out(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """A cancellation by its timeout is told; one that the family or an admin asked for is not news to them."""
    order = _order(tx, payload)
    if order is None or order["cancel_reason"] not in (TIMEOUT, QUOTE_EXPIRED):
        return None
    cancelled_at: datetime = order["updated_at"]
    return OrderTimedOut(
        **_parties(order, f"{base_url}/orders/{order['id']}"), order_reference=order["reference"],
        attendee_name=order["attendee"], sessions=_sessions(tx, order["id"]), cancelled_at=cancelled_at,
        currency=order["currency"],
    )  # fmt: skip


def _booking_canceled(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    booking_id = UUID(str(payload["subject_id"]))
    booking = tx.row(_CANCELED, booking_id=booking_id)
    order = _order(tx, {"subject_id": booking["order_id"]}) if booking else None
    if booking is None or order is None:
        return None
    number = number_text(booking["series"], booking["year"], booking["number"]) if booking["credit_note_id"] else None
    return BookingCanceled(
        **_parties(order, f"{base_url}/bookings/{booking_id}"), booking_reference=booking["reference"],
        attendee_name=order["attendee"], cancelled_at=booking["updated_at"], currency=order["currency"],
        sessions=tuple(Session(**row) for row in tx.rows(_GIVEN_UP, booking_id=booking_id)),
        credited_minor=booking["credited_minor"], freed_minor=booking["freed_minor"],
        owed_minor=booking["owed_minor"], credit_note_number=number,
    )  # fmt: skip


_NAMED = """
SELECT s.id, p.name AS title, s.starts_at, s.ends_at, i.time_zone, i.name AS place, i.address
FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
WHERE s.organisation_id = %(org)s AND s.id = ANY(%(ids)s) ORDER BY s.starts_at, s.id
"""

_NOTE = "SELECT series, year, number FROM credit_note WHERE organisation_id = %(org)s AND id = %(id)s"
_MADE_BY = "SELECT order_id FROM term_booking WHERE organisation_id = %(org)s AND id = %(id)s"


def _day_closed(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """Of a booking, with what is credited."""
    made = tx.row(_MADE_BY, id=UUID(str(payload["subject_id"])))
    order = _order(tx, {"subject_id": made["order_id"]}) if made else None
    if order is None:
        return None
    note = tx.row(_NOTE, id=UUID(payload["credit_note_id"])) if payload["credit_note_id"] else None
    return DayClosed(
        **_parties(order, f"{base_url}/bookings/{payload['subject_id']}"), **_closure(tx, order, payload),
        credited_minor=payload["credited_minor"], freed_minor=payload["freed_minor"],
        credit_note_number=number_text(note["series"], note["year"], note["number"]) if note else None,
    )  # fmt: skip


def _day_reopened(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """Of a booking, with what it pays again."""
    made = tx.row(_MADE_BY, id=UUID(str(payload["subject_id"])))
    order = _order(tx, {"subject_id": made["order_id"]}) if made else None
    if order is None:
        return None
    return DayReopened(
        **_parties(order, f"{base_url}/bookings/{payload['subject_id']}"), **_closure(tx, order, payload),
        charged_minor=payload["charged_minor"], from_credit_minor=payload["from_credit_minor"],
        later_minor=payload.get("later_minor", 0),
    )  # fmt: skip


def _order_day_closed(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """Of an order on its way, with what the rest costs."""
    order = _order(tx, payload)
    if order is None:
        return None
    is_canceled = order["status"] == TermBookingStatus.CANCELED
    return DayClosed(
        **_parties(order, f"{base_url}/orders/{order['id']}"), **_closure(tx, order, payload), is_canceled=is_canceled,
        total_minor=None if is_canceled else order["total_minor"],
    )  # fmt: skip


def _closure(tx: Transaction, order: Row, payload: Mapping[str, Any]) -> dict[str, Any]:
    closed = tx.rows(_NAMED, ids=[UUID(session) for session in payload["session_ids"]])
    return {
        "reference": payload["reference"], "attendee_name": order["attendee"], "why": payload["reason"],
        "currency": order["currency"], "sessions": tuple(Session(**row) for row in closed),
    }  # fmt: skip


def _interest(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    order = _order(tx, payload)
    wanted = tx.row(_INTEREST, order_id=order["id"]) if order else None
    if order is None or wanted is None:
        return None
    return InterestRegistered(
        **_parties(order, f"{base_url}/orders/{order['id']}"), order_reference=order["reference"],
        attendee_name=order["attendee"], sessions=_sessions(tx, order["id"]), wishes=tuple(wanted["wishes"]),
        note=wanted["note"],
    )  # fmt: skip


def _converted(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    was = tx.row(_CONVERTED, subject_id=UUID(str(payload["subject_id"])))
    order = _order(tx, {"subject_id": was["into_id"]}) if was else None
    if was is None or order is None:
        return None
    return Converted(
        **_parties(order, f"{base_url}/orders/{order['id']}"), reference=was["reference"],
        is_trial=was["order_type"] == TermBookingOrderType.TRIAL_SESSION, order_reference=order["reference"],
        attendee_name=order["attendee"], sessions=_sessions(tx, order["id"]), currency=order["currency"],
        total_minor=order["total_minor"], expires_at=was["expires_at"], credited_minor=was["credited_minor"],
        freed_minor=was["freed_minor"],
        credit_note_number=number_text(was["series"], was["year"], was["number"]) if was["series"] else None,
    )  # fmt: skip


def _not_revived(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    order = _order(tx, payload)
    payment = tx.row(_PAYMENT, payment_id=UUID(str(payload["payment_id"])))
    if order is None or payment is None:
        return None
    return OrderNotRevived(
        **_parties(order, f"{base_url}/orders/{order['id']}"), order_reference=order["reference"],
        attendee_name=order["attendee"], currency=order["currency"], amount_minor=payload["amount_minor"],
        received_at=payment["updated_at"], reasons=tuple(payload["reasons"]),
    )  # fmt: skip


def _paid(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    payment = tx.row(_PAYMENT, payment_id=UUID(str(payload["payment_id"])))
    order = _order(tx, {"subject_id": payment["order_id"]}) if payment else None
    if payment is None or order is None:
        return None
    return PaymentReceived(
        **_parties(order, f"{base_url}/orders/{order['id']}"), payment_reference=payment["reference"],
        currency=order["currency"], amount_minor=payment["amount_minor"], received_at=payment["updated_at"],
    )  # fmt: skip


def _credited(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """Where a part of it settled something, that mail says what came in."""
    return None if payload.get("settled_minor") else _paid(tx, payload, base_url)


def _debit_failed(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """A card that was declined its payer has seen; a debit fails behind the family's back."""
    payment = tx.row(_PAYMENT, payment_id=UUID(str(payload["payment_id"])))
    if payment is None or payment["mandate_id"] is None:
        return None
    order = _order(tx, {"subject_id": payment["order_id"]})
    if order is None:
        return None
    return DebitFailed(
        **_parties(order, f"{base_url}/orders/{order['id']}"), payment_reference=payment["reference"],
        order_reference=order["reference"], attendee_name=order["attendee"], currency=order["currency"],
        amount_minor=payment["amount_minor"], reason=payment["failure_reason"] or "",
        is_returned=payment["returned_at"] is not None,
    )  # fmt: skip


_IS_PAID = """
SELECT payment_state = 'PAID' AS is_paid FROM term_booking WHERE organisation_id = %(org)s AND order_id = %(order_id)s
"""


def _due(tx: Transaction, payload: Mapping[str, Any], base_url: str, *, is_overdue: bool) -> Message | None:
    """Who has paid since is left alone."""
    order = _order(tx, payload)
    booking = tx.row(_IS_PAID, order_id=UUID(str(payload["subject_id"])))
    if order is None or booking is None or booking["is_paid"]:
        return None
    return PaymentDue(
        **_parties(order, f"{base_url}/orders/{order['id']}"), order_reference=order["reference"],
        attendee_name=order["attendee"], currency=order["currency"], amount_minor=payload["amount_minor"],
        due_on=date.fromisoformat(str(payload["due_on"])), is_overdue=is_overdue,
    )  # fmt: skip


_OVERDUE_FEE = """
SELECT f.overdue_minor, f.due_on, f.booking_id, b.reference AS booking_reference, v.series, v.year, v.number,
       v.total_minor
FROM overdue_fee f
JOIN term_booking b ON b.organisation_id = f.organisation_id AND b.id = f.booking_id
JOIN invoice_line l ON l.organisation_id = f.organisation_id AND l.overdue_fee_id = f.id
JOIN invoice v ON v.organisation_id = l.organisation_id AND v.id = l.invoice_id
WHERE f.organisation_id = %(org)s AND f.id = %(id)s AND f.waived_at IS NULL
"""


def _overdue_fee(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """A fee that was waived since is not told."""
    order = _order(tx, payload)
    fee = tx.row(_OVERDUE_FEE, id=UUID(str(payload["overdue_fee_id"])))
    if order is None or fee is None:
        return None
    return OverdueFee(
        **_parties(order, f"{base_url}/orders/{order['id']}"), booking_reference=fee["booking_reference"],
        invoice_number=number_text(fee["series"], fee["year"], fee["number"]), attendee_name=order["attendee"],
        currency=order["currency"], fee_minor=fee["total_minor"], overdue_minor=fee["overdue_minor"],
        due_on=fee["due_on"],
    )  # fmt: skip


_REFUND = """
SELECT r.reference, r.amount_minor, r.destination, r.note, coalesce(b.reference, '') AS booking_reference, b.order_id,
       coalesce(t.name, '') AS attendee, a.name AS account, a.email, a.id AS account_id, a.language,
       g.name AS organisation, g.currency, g.locale, g.time_zone, g.letterhead
FROM refund_request r
JOIN account a ON a.organisation_id = r.organisation_id AND a.id = r.account_id
JOIN organisation g ON g.id = r.organisation_id
LEFT JOIN term_booking b ON b.organisation_id = r.organisation_id AND b.id = r.booking_id
LEFT JOIN attendee t ON t.organisation_id = b.organisation_id AND t.id = b.attendee_id
WHERE r.organisation_id = %(org)s AND r.id = %(id)s
"""


def _refund(tx: Transaction, payload: Mapping[str, Any], base_url: str, *, news: str) -> Message | None:
    """Asked, decided, sent: the family hears of each, of money that is sent the amount of each payment."""
    found = tx.row(_REFUND, id=UUID(str(payload["subject_id"])))
    if found is None or not found["email"]:
        return None
    of_order, of_wallet = f"{base_url}/orders/{found['order_id']}", f"{base_url}/accounts/{found['account_id']}/wallet"
    return RefundNews(
        **_parties(found, of_order if found["order_id"] else of_wallet), news=news,
        request_reference=found["reference"], booking_reference=found["booking_reference"],
        attendee_name=found["attendee"], currency=found["currency"],
        amount_minor=payload.get("amount_minor", found["amount_minor"]), note=found["note"],
        is_to_wallet=found["destination"] == "WALLET",
    )  # fmt: skip


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


def _offered(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    facts = _offer(tx, payload, base_url)
    return None if facts is None else WaitingOffered(**facts)


def _offer_expired(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    facts = _offer(tx, payload, base_url)
    return None if facts is None else WaitingExpired(**{k: v for k, v in facts.items() if k != "expires_at"})


def _offer(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> dict[str, Any] | None:
    """What is offered together, each session once, with everybody it is for."""
    order = _order(tx, payload)
    rows = tx.rows(_OFFERED, offer_id=UUID(str(payload["offer_id"]))) if order else []
    if order is None or not rows:
        return None
    names = tuple(dict.fromkeys(row.pop("attendee") for row in rows))
    expires_at = min(row.pop("offer_expires_at") for row in rows)
    sessions = tuple({row["id"]: Session(**row) for row in rows}.values())
    link = f"{base_url}/waiting-offers/{payload['offer_id']}"
    return {**_parties(order, link), "order_reference": order["reference"], "attendee_names": names,
            "sessions": sessions, "expires_at": expires_at}  # fmt: skip


_COMPOSERS: Mapping[str, Callable[[Transaction, Mapping[str, Any], str], Message | None]] = {
    "booking.confirmed": _confirmed,
    "booking.invoiced": subscription_messages.invoiced,
    "booking.session_debited": subscription_messages.invoiced,
    "booking.payment_pending": partial(subscription_messages.invoiced, is_from_wallet=True),
    "makeup.granted": makeup_messages.granted,
    "makeup.expiring": makeup_messages.expiring,
    "makeup.expired": makeup_messages.expired,
    "pass.bought": pass_messages.bought,
    "pass.used_up": pass_messages.used_up,
    "pass.ending": pass_messages.ending,
    "pass.revoked": pass_messages.revoked,
    "subscription.begun": subscription_messages.booked,
    "subscription.rolled": subscription_messages.booked,
    "subscription.changed": subscription_messages.changed,
    "subscription.ending": subscription_messages.ending,
    "subscription.not_rolled": subscription_messages.not_rolled,
    "subscription.invoiced": subscription_messages.invoiced,
    "booking.canceled": _booking_canceled,
    "booking.day_closed": _day_closed,
    "booking.day_reopened": _day_reopened,
    "order.day_closed": _order_day_closed,
    "booking.converted": _converted,
    "order.converted": _converted,
    "order.interest": _interest,
    "order.not_revived": _not_revived,
    "order.quoted": _quoted,
    "order.canceled": _timed_out,
    **{
        f"refund.{news}": partial(_refund, news=news)
        for news in ("requested", "approved", "rejected", "paid", "failed")
    },
    "payment.settled": _paid,
    "payment.credited": _credited,
    "payment.failed": _debit_failed,
    "payment.returned": _debit_failed,
    "payment.due": partial(_due, is_overdue=False),
    "payment.overdue": partial(_due, is_overdue=True),
    "booking.overdue_fee": _overdue_fee,
    "waiting.offered": _offered,
    "waiting.expired": _offer_expired,
}

# Every topic that is announced; those without a composer are for integrators and need no mail.
TOPICS = (*SIGNED, "order.interest", "order.converted", "booking.converted",
          "order.submitted", "order.quoted", "order.canceled", "order.not_revived", "booking.confirmed",
          "booking.canceled", "booking.closing", "booking.closed", "booking.suspended", "booking.resumed",
          "booking.day_closed", "booking.day_reopened", "order.day_closed", "makeup.revoked",
          "makeup.granted", "makeup.expiring", "makeup.expired",
          "payment.settled", "payment.credited", "payment.failed", "payment.returned", "payment.due",
          "payment.overdue", "booking.overdue_fee", "payment.dispute_open", "payment.dispute_lost",
          "payment.dispute_won", "payment.review", "order.waiting", "waiting.offered", "waiting.expired",
          "mandate.activated", "mandate.revoked", "wallet.topped_up", "wallet.bonus_given", "pass.bought",
          "pass.used_up", "pass.ending", "pass.revoked", "refund.requested", "refund.approved", "refund.rejected",
          "refund.paid", "refund.failed", "subscription.begun", "subscription.rolled", "subscription.not_rolled",
          "subscription.ending", "subscription.changed", "subscription.invoiced", "booking.invoiced",
          "booking.session_debited", "booking.payment_pending")  # fmt: skip

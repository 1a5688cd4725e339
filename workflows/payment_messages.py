"""What families are told of money: what came in, what failed, what is due, and what is sent back."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from engine.database import Transaction
from invoicing.issue import number_text
from notifications.messages import (
    DebitFailed,
    Message,
    OrderNotRevived,
    OverdueFee,
    PaymentDue,
    PaymentReceived,
    RefundNews,
)
from workflows.message_facts import order_of, parties

_PAYMENT = """
SELECT p.reference, p.amount_minor, p.updated_at, p.order_id, p.mandate_id, p.failure_reason, p.returned_at
FROM payment p
WHERE p.organisation_id = %(org)s AND p.id = %(payment_id)s
"""


def received(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    payment = tx.row(_PAYMENT, payment_id=UUID(str(payload["payment_id"])))
    order = order_of(tx, {"subject_id": payment["order_id"]}) if payment else None
    if payment is None or order is None:
        return None
    return PaymentReceived(
        **parties(order, f"{base_url}/orders/{order['id']}"), payment_reference=payment["reference"],
        currency=order["currency"], amount_minor=payment["amount_minor"], received_at=payment["updated_at"],
    )  # fmt: skip


def credited(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """Where a part of it settled something, that mail says what came in."""
    return None if payload.get("settled_minor") else received(tx, payload, base_url)


def not_revived(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    order = order_of(tx, payload)
    payment = tx.row(_PAYMENT, payment_id=UUID(str(payload["payment_id"])))
    if order is None or payment is None:
        return None
    return OrderNotRevived(
        **parties(order, f"{base_url}/orders/{order['id']}"), order_reference=order["reference"],
        attendee_name=order["attendee"], currency=order["currency"], amount_minor=payload["amount_minor"],
        received_at=payment["updated_at"], reasons=tuple(payload["reasons"]),
    )  # fmt: skip


def debit_failed(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """A card that was declined its payer has seen; a debit fails behind the family's back."""
    payment = tx.row(_PAYMENT, payment_id=UUID(str(payload["payment_id"])))
    if payment is None or payment["mandate_id"] is None:
        return None
    order = order_of(tx, {"subject_id": payment["order_id"]})
    if order is None:
        return None
    return DebitFailed(
        **parties(order, f"{base_url}/orders/{order['id']}"), payment_reference=payment["reference"],
        order_reference=order["reference"], attendee_name=order["attendee"], currency=order["currency"],
        amount_minor=payment["amount_minor"], reason=payment["failure_reason"] or "",
        is_returned=payment["returned_at"] is not None,
    )  # fmt: skip


_IS_PAID = """
SELECT payment_state = 'PAID' AS is_paid FROM term_booking WHERE organisation_id = %(org)s AND order_id = %(order_id)s
"""


def due(tx: Transaction, payload: Mapping[str, Any], base_url: str, *, is_overdue: bool) -> Message | None:
    """Who has paid since is left alone."""
    order = order_of(tx, payload)
    booking = tx.row(_IS_PAID, order_id=UUID(str(payload["subject_id"])))
    if order is None or booking is None or booking["is_paid"]:
        return None
    return PaymentDue(
        **parties(order, f"{base_url}/orders/{order['id']}"), order_reference=order["reference"],
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


def overdue_fee(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """A fee that was waived since is not told."""
    order = order_of(tx, payload)
    fee = tx.row(_OVERDUE_FEE, id=UUID(str(payload["overdue_fee_id"])))
    if order is None or fee is None:
        return None
    return OverdueFee(
        **parties(order, f"{base_url}/orders/{order['id']}"), booking_reference=fee["booking_reference"],
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


def refund(tx: Transaction, payload: Mapping[str, Any], base_url: str, *, news: str) -> Message | None:
    """Asked, decided, sent: the family hears of each, of money that is sent the amount of each payment."""
    found = tx.row(_REFUND, id=UUID(str(payload["subject_id"])))
    if found is None or not found["email"]:
        return None
    of_order, of_wallet = f"{base_url}/orders/{found['order_id']}", f"{base_url}/accounts/{found['account_id']}/wallet"
    return RefundNews(
        **parties(found, of_order if found["order_id"] else of_wallet), news=news,
        request_reference=found["reference"], booking_reference=found["booking_reference"],
        attendee_name=found["attendee"], currency=found["currency"],
        amount_minor=payload.get("amount_minor", found["amount_minor"]), note=found["note"],
        is_to_wallet=found["destination"] == "WALLET",
    )  # fmt: skip

"""Pay as you go: who waits for the wallet says so, and an invoice of a session asks for that session."""

from engine.invariants.form import SETTLED, Invariant, document_name
from models import PaymentState, ScheduleStatus

SESSION_DEBITS = (
    Invariant(
        name="pending_payment_waits_for_the_wallet",
        promise="A booking is PENDING_PAYMENT while a held session of it waits to be debited, and only then.",
        sql=f"""
            WITH waiting AS (
                SELECT i.booking_id, sum(i.total_minor - coalesce(s.settled_minor, 0)) AS waiting_minor
                FROM invoice i LEFT JOIN {SETTLED} s ON s.invoice_id = i.id
                WHERE i.term_product_id IS NOT NULL AND i.total_minor > coalesce(s.settled_minor, 0)
                  AND NOT EXISTS (SELECT FROM payment p WHERE p.invoice_id = i.id AND p.provider = 'wallet')
                GROUP BY i.booking_id
            )
            SELECT b.reference, b.payment_state, coalesce(w.waiting_minor, 0) AS waiting_minor, b.id AS booking_id
            FROM term_booking b LEFT JOIN waiting w ON w.booking_id = b.id
            WHERE (b.payment_state = '{PaymentState.PENDING_PAYMENT}') <> (w.booking_id IS NOT NULL)
        """,
        says="{reference} is {payment_state}; {waiting_minor} waits for the wallet",
    ),
    Invariant(
        name="session_invoice_asks_for_its_session",
        promise="An invoice of a session that is paid as one goes was planned for it, and asks for that session alone.",
        sql=f"""
            SELECT {document_name("v")} AS invoice, b.reference, v.id AS invoice_id
            FROM invoice v
            JOIN term_booking b ON b.id = v.booking_id
            WHERE v.term_product_id IS NOT NULL AND (
                NOT EXISTS (SELECT FROM invoice_schedule w
                            WHERE w.booking_id = v.booking_id AND w.term_product_id = v.term_product_id
                              AND w.status <> '{ScheduleStatus.SCHEDULED}')
                OR NOT EXISTS (SELECT FROM invoice_line l WHERE l.invoice_id = v.id)
                OR EXISTS (SELECT FROM invoice_line l JOIN term_booking_line k ON k.id = l.booking_line_id
                           WHERE l.invoice_id = v.id
                             AND (k.booking_id <> v.booking_id OR k.term_product_id <> v.term_product_id)))
        """,
        says="{invoice} of {reference} is not of the one session that it was planned for",
    ),
)

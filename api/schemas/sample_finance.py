"""What the enrolment of the documentation's examples costs: 37.50 with 13 % tax in it, paid through the sandbox."""

from api.schemas.sample_enrolment import ACCOUNT_ID, BOOKING_ID, INVOICE_ID, ORDER_ID, PAYMENT_ID, QUOTE_ID
from api.schemas.sample_programme import FIRST_SESSION, SECOND_SESSION, Sample, sample_id

INVOICE_SUMMARY: Sample = {
    "id": INVOICE_ID, "number": "INV-2026-000042", "account_id": ACCOUNT_ID, "account": "Rossi family",
    "booking_id": BOOKING_ID, "booking_reference": "TB-6H3N8RXA", "currency": "CAD", "net_minor": 3319,
    "tax_minor": 431, "total_minor": 3750, "paid_minor": 3750, "credited_minor": 0,
    "written_off_minor": 0, "owing_minor": 0,
    "issued_on": "2026-03-31", "due_on": "2026-04-14", "next_due_on": None,
}  # fmt: skip
_TAXED = {"quantity": 1, "tax_name": "HST", "tax_rate": "0.13"}
CREDIT_NOTE_SUMMARY: Sample = {
    "id": sample_id(40), "number": "CN-2026-000007", "account_id": ACCOUNT_ID, "account": "Rossi family",
    "booking_id": BOOKING_ID, "booking_reference": "TB-6H3N8RXA", "currency": "CAD", "net_minor": 1328,
    "tax_minor": 172, "total_minor": 1500, "reason": "The family moves away in June", "issued_on": "2026-04-13",
    "invoice_ids": [INVOICE_ID],
}  # fmt: skip
CREDIT_NOTE: Sample = CREDIT_NOTE_SUMMARY | {
    "total": "$15.00",
    "lines": [
        {
            "description": SECOND_SESSION, "session_date": "2026-04-19", "net_minor": 1328, "tax_minor": 172,
            "gross_minor": 1500, "position": 0, "invoice_line_id": sample_id(41), **_TAXED,
        },
    ],
}  # fmt: skip
INVOICE: Sample = INVOICE_SUMMARY | {
    "total": "$37.50", "owing": "$0.00", "overdue_fee_minor": 0,
    "lines": [
        {
            "description": FIRST_SESSION, "session_date": "2026-04-12", "net_minor": 1327, "tax_minor": 173,
            "gross_minor": 1500, "position": 0, **_TAXED,
        },
        {
            "description": "Lunch", "session_date": "2026-04-12", "net_minor": 664, "tax_minor": 86,
            "gross_minor": 750, "position": 1, **_TAXED,
        },
        {
            "description": SECOND_SESSION, "session_date": "2026-04-19", "net_minor": 1328, "tax_minor": 172,
            "gross_minor": 1500, "position": 2, **_TAXED,
        },
    ],
}  # fmt: skip
ZERO_STATEMENT: Sample = {
    "id": sample_id(42), "number": "ZS-2026-000003", "account_id": ACCOUNT_ID, "account": "Rossi family",
    "booking_id": BOOKING_ID, "booking_reference": "TB-6H3N8RXA", "currency": "CAD", "moved_minor": 1500,
    "reason": "changed by TO-5M8P2VWD", "issued_on": "2026-04-13", "total_minor": 0, "total": "$0.00",
    "lines": [
        {
            "description": FIRST_SESSION, "session_date": "2026-04-12", "net_minor": -1327, "tax_minor": -173,
            "gross_minor": -1500, "position": 0, **_TAXED,
        },
        {
            "description": SECOND_SESSION, "session_date": "2026-04-19", "net_minor": 1327, "tax_minor": 173,
            "gross_minor": 1500, "position": 1, **_TAXED,
        },
    ],
}  # fmt: skip
QUOTE: Sample = {
    "id": QUOTE_ID, "number": "QUO-2026-000007", "order_id": ORDER_ID, "order_reference": "TO-4F7K9QW2",
    "account_id": ACCOUNT_ID, "total_minor": 3750, "issued_on": "2026-03-31",
    "expires_at": "2026-04-12T13:45:00+00:00",
}  # fmt: skip
_PENDING: Sample = {
    "id": PAYMENT_ID, "reference": "PY-5T8WM4ZK", "order_id": ORDER_ID, "order_reference": "TO-4F7K9QW2",
    "account_id": ACCOUNT_ID, "status": "PENDING", "provider": "sandbox", "amount_minor": 3750, "amount": "$37.50",
    "currency": "CAD", "checkout_id": None,
    "checkout_url": "https://pay.example/checkout/5t8wm4zk", "failure_reason": None, "note": "",
    "invoice_id": None, "collect_on": None, "returned_at": None,
    "created_at": "2026-03-31T13:08:00+00:00", "updated_at": "2026-03-31T13:08:00+00:00",
}  # fmt: skip
GROUP_PAYMENT: Sample = {
    "status": "PENDING", "amount_minor": 2 * 3750, "amount": "$75.00", "currency": "CAD",
    "checkout_url": _PENDING["checkout_url"], "payments": [
        _PENDING | {"checkout_id": sample_id(44)},
        _PENDING | {
            "id": sample_id(45), "reference": "PY-9D3KX7RV", "order_id": sample_id(42),
            "order_reference": "TO-7C2MX9DK", "checkout_id": sample_id(44),
        },
    ],
}  # fmt: skip
PAYMENT: Sample = _PENDING | {"status": "SUCCESS", "updated_at": "2026-03-31T13:09:00+00:00"}
# What one schema holds after a step, where that differs from how it is read later.
PAYMENT_AFTER: dict[str, Sample] = {"make_payment": _PENDING}
REVIEW: Sample = {
    "id": sample_id(26), "kind": "WRONG_AMOUNT", "payment_id": PAYMENT_ID, "payment_reference": "PY-5T8WM4ZK",
    "order_id": ORDER_ID, "provider": "sandbox", "external_id": "sb_5t8wm4zk", "asked_minor": 3750,
    "reported_minor": 3700, "reported_currency": "CAD", "created_at": "2026-03-31T13:09:00+00:00",
    "resolved_at": None, "resolution": "",
}  # fmt: skip
PAYMENT_AFTER["reverse_recorded_payment"] = PAYMENT | {
    "provider": "cash", "checkout_url": None, "status": "FAILED", "note": "at the desk",
    "failure_reason": "taken back: it was the Chens' cash", "returned_at": "2026-04-02T09:00:00+00:00",
    "updated_at": "2026-04-02T09:00:00+00:00",
}  # fmt: skip
PAYMENT_AFTER["resolve_payment_review"] = REVIEW | {
    "resolved_at": "2026-04-02T13:09:00+00:00", "resolution": "refunded by transfer on 2 April",
}  # fmt: skip
WEBHOOK_OUTCOME: Sample = {"outcome": "CONFIRMED"}

"""The closure that the documentation's examples show: a burst pipe on the second Sunday of karate."""

from api.schemas.sample_programme import SECOND_SESSION, SECOND_SESSION_ID, Sample, sample_id

CLOSURE_FINGERPRINT = "5f0c9e1ab27d43c88a1d2e7b9c604f13"
CLOSURE: Sample = {
    "fingerprint": CLOSURE_FINGERPRINT,
    "sessions": [{"session_id": SECOND_SESSION_ID, "name": "Karate – Beginner", "date": "2026-04-19",
                  "start": "10:45:00", "end": "11:30:00", "taken": 2}],
    "bookings": [{
        "booking_id": sample_id(2), "reference": "TB-4F7K9QW2", "account": "Rossi family", "attendee": "Mia Rossi",
        "closed": [SECOND_SESSION], "stays_billed": [], "credited_minor": 1500, "credited": "$15.00",
        "freed_minor": 1500,
    }],
    "orders": [{
        "order_id": sample_id(43), "reference": "TO-8H2M4XQ7", "status": "SUBMITTED", "account": "Chen family",
        "attendee": "Lin Chen", "total_before_minor": 3000, "total_minor": 1500, "total": "$15.00",
        "is_canceled": False,
    }],
    "carts": 1, "credited_minor": 1500, "credited": "$15.00", "freed_minor": 1500, "freed": "$15.00",
}  # fmt: skip
REOPENING: Sample = {
    "fingerprint": CLOSURE_FINGERPRINT,
    "sessions": [{"session_id": SECOND_SESSION_ID, "name": "Karate – Beginner", "date": "2026-04-19",
                  "start": "10:45:00", "end": "11:30:00"}],
    "bookings": [{
        "booking_id": sample_id(2), "reference": "TB-4F7K9QW2", "account": "Rossi family", "attendee": "Mia Rossi",
        "sessions": [SECOND_SESSION], "comes_back": True, "charged_minor": 1500, "charged": "$15.00",
        "from_credit_minor": 1500, "later_minor": 0, "later": "$0.00", "reasons": [],
    }],
    "charged_minor": 1500, "charged": "$15.00", "from_credit_minor": 1500, "from_credit": "$15.00",
    "later_minor": 0, "later": "$0.00",
}  # fmt: skip

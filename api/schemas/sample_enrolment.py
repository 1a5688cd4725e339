"""The enrolment that the documentation's examples show: Mia Rossi takes two karate lessons and pays at once."""

from api.schemas.sample_programme import (
    EXTRA_ID,
    FIRST_SESSION,
    FIRST_SESSION_ID,
    KARATE,
    OFFERING_ID,
    ORGANISATION_ID,
    PROGRAM_ID,
    SECOND_SESSION,
    SECOND_SESSION_ID,
    SITE_ID,
    TERM_ID,
    Sample,
    sample_id,
)

ACCOUNT_ID, ATTENDEE_ID, GUARDIAN_ID, STAFF_ID = sample_id(1), sample_id(2), sample_id(14), sample_id(15)
ORDER_ID, BOOKING_ID, INVOICE_ID, QUOTE_ID = sample_id(16), sample_id(17), sample_id(18), sample_id(19)
PAYMENT_ID, ATTENDANCE_ID, INTEREST_ID = sample_id(20), sample_id(8), sample_id(30)
FINGERPRINT = "9f86d081884c7d65"
_MORNING = "2026-03-31T13:00:00+00:00"
_BEGUN, _SUBMITTED, _PAID = "2026-03-31T13:05:00+00:00", "2026-03-31T13:07:00+00:00", "2026-03-31T13:09:00+00:00"
_WHOSE = {"account_id": ACCOUNT_ID, "account": "Rossi family", "attendee_id": ATTENDEE_ID, "attendee": "Mia Rossi"}
_KIND = {"order_type": "BOOKING", "confirmation_type": "PAY_NOW_PAY_ALL"}

ACCOUNT: Sample = {
    "id": ACCOUNT_ID, "reference": "AC-8M2PD6RS", "kind": "FAMILY", "name": "Rossi family",
    "email": "rossi@family.example", "phone": "+1 416 555 0107", "address": ["12 Maple Road", "Toronto"],
    "credit_limit_minor": None, "is_staff": False, "language": None,
    "created_at": _MORNING,
}  # fmt: skip
ACCOUNT_WHOLE: Sample = ACCOUNT | {
    "attendees": [
        {"id": ATTENDEE_ID, "reference": "AT-3J9VXK5C", "name": "Mia Rossi", "date_of_birth": "2018-09-14"}
    ],
    "guardians": [{"user_id": GUARDIAN_ID, "name": "Rosa Rossi", "email": "rossi@family.example"}],
    "owing_minor": 0, "owing": "$0.00", "credit_minor": 0, "credit": "$0.00",
}  # fmt: skip
ATTENDEE: Sample = {
    "id": ATTENDEE_ID, "reference": "AT-3J9VXK5C", "name": "Mia Rossi", "date_of_birth": "2018-09-14",
    "school_year": 2, "height_cm": 124, "weight_kg": "24.5", "medical_notes": "", "allergy_notes": "Peanuts",
    "medical_severity": None, "allergy_severity": "SEVERE",
    "authorised_pick_ups": ["Rosa Rossi"], "must_not_collect": [], "created_at": _MORNING,
}  # fmt: skip
USER: Sample = {
    "id": STAFF_ID, "email": "stella@centre7.example", "name": "Stella Roll", "roles": ["staff"], "is_active": True,
    "has_password": True, "account_ids": [], "site_ids": [SITE_ID], "created_at": _MORNING,
}  # fmt: skip
SIGNED_IN: Sample = {
    "user_id": GUARDIAN_ID, "name": "Rosa Rossi", "email": "rossi@family.example", "roles": ["family"],
    "acts_as": "family", "account_ids": [ACCOUNT_ID], "site_ids": [], "organisation_id": ORGANISATION_ID,
    "organisation": "Centre 7", "currency": "CAD", "time_zone": "America/Toronto",
}  # fmt: skip
TOKEN: Sample = {
    "id": sample_id(21), "kind": "TOKEN", "user_id": STAFF_ID, "user": "Stella Roll", "label": "Front desk kiosk",
    "created_at": _MORNING, "expires_at": "2027-03-31T13:00:00+00:00", "revoked_at": None,
}  # fmt: skip
FRESH_TOKEN: Sample = TOKEN | {"token": f"tb_{ORGANISATION_ID}_shown-this-once"}

_LUNCH = {"extra_id": EXTRA_ID, "name": "Lunch", "quantity": 1, "price_minor": 750}
_LINE = {"kind": "SESSION", "mode": "CASUAL", "asked_mode": "CASUAL", "mode_reason": None, "price_minor": 1500}
_SIBLING = {
    "rule": "SIBLING", "version": "5d8c21aa", "name": "Sibling discount", "amount_minor": 150,
    "why": "child 2 of the family, given from child 2",
}  # fmt: skip
_LINES = [
    {"session_id": FIRST_SESSION_ID, "name": FIRST_SESSION, "position": 0, "extras": [_LUNCH], **_LINE,
     "discounts": []},
    {"session_id": SECOND_SESSION_ID, "name": SECOND_SESSION, "position": 1, "extras": [], **_LINE,
     "discounts": [_SIBLING], "price_minor": 1350},
]  # fmt: skip
_DRAFT: Sample = {
    "id": ORDER_ID, "reference": "TO-4F7K9QW2", "status": "DRAFT", "status_code": 100, "version": 1,
    "allowed": ["save", "remove"], "account_id": ACCOUNT_ID, "attendee_id": ATTENDEE_ID, "term_id": TERM_ID,
    "order_type": "BOOKING", "confirmation_type": None, "currency": "CAD", "total_minor": 0, "total": "$0.00",
    "price_fingerprint": "", "created_at": _BEGUN, "submitted_at": None, "expires_at": None, "cancel_reason": None,
    "promo_code": None, "original_booking_id": None, "booking_id": None,
}  # fmt: skip
_CREATED = _DRAFT | {
    "status": "CREATED", "status_code": 200, "version": 2, "allowed": ["save", "submit", "remove"],
    "total_minor": 3750, "total": "$37.50", "price_fingerprint": FINGERPRINT,
}  # fmt: skip
_NOTICE = {
    "code": "session_full", "message": f"{SECOND_SESSION} is full (12 places).", "field": "lines[1].session_id",
    "rule": "capacity", "session": SECOND_SESSION, "facts": {"session_id": SECOND_SESSION_ID},
}  # fmt: skip
ORDER: Sample = _CREATED | {
    "status": "SUBMITTED", "status_code": 300, "version": 3, "allowed": ["reopen", "confirm", "remove", "cancel"],
    "confirmation_type": "PAY_NOW_PAY_ALL", "submitted_at": _SUBMITTED, "expires_at": "2026-03-31T13:22:00+00:00",
}  # fmt: skip
_QUOTED = ORDER | {
    "status": "QUOTE", "status_code": 475, "version": 4, "allowed": ["quote", "accept", "cancel"],
    "expires_at": "2026-04-12T13:45:00+00:00",
}  # fmt: skip
_OVER = ORDER | {"version": 4, "allowed": [], "expires_at": None}
_CONFIRMED = _OVER | {
    "status": "APPROVED", "status_code": 500, "booking_id": BOOKING_ID, "invoice_id": INVOICE_ID,
    "booking": {"id": BOOKING_ID, "reference": "TB-6H3N8RXA"},
}  # fmt: skip
_INTEREST = _OVER | {
    "id": INTEREST_ID, "reference": "TO-2B7XQ4MK", "order_type": "EOI", "confirmation_type": None,
    "status": "SUBMITTED", "status_code": 300, "version": 3,
    "allowed": ["reopen", "remove", "cancel"], "note": "Any Sunday morning suits us",
}  # fmt: skip
COMPANION: Sample = {
    "order_id": None, "status": None, "booking_id": sample_id(70), "booking_reference": "TB-7K2M9WQX",
    "attendee": "Leo Rossi", "was_minor": 15000, "becomes_minor": 13500, "delta_minor": -1500, "delta": "-$15.00",
    "why": ["Sibling discount: 2 children booked, given from 2"],
    "documents": [{"kind": "CREDIT_NOTE", "total_minor": 1500, "due_on": None}], "due_minor": 0, "credit_minor": 1500,
}  # fmt: skip
# One schema, and what it holds after each step.
ORDER_AFTER: dict[str, Sample] = {
    "begin_order": _DRAFT,
    "save_cart": _CREATED | {"lines": _LINES, "notices": [_NOTICE], "companions": [COMPANION]},
    "submit_order": ORDER | {
        "companions": [COMPANION | {"order_id": sample_id(71), "status": "SUBMITTED_CHANGE"}],
    },
    "express_interest": _INTEREST,
    "convert_order": _CREATED | {
        "lines": _LINES, "notices": [_NOTICE], "converts_order_id": INTEREST_ID,
    },
    "quote_order": _QUOTED | {"quote_id": QUOTE_ID},
    "accept_quote": _QUOTED | {
        "status": "ACCEPT", "status_code": 485, "version": 5, "allowed": ["confirm", "cancel"],
        "expires_at": "2026-04-01T13:15:00+00:00",
    },
    "confirm_order": _CONFIRMED,
    "reopen_order": _CREATED | {"version": 4, "submitted_at": _SUBMITTED, "confirmation_type": "PAY_NOW_PAY_ALL"},
    "remove_order": _OVER | {"status": "REMOVED", "status_code": 0, "cancel_reason": "The family moved away"},
    "cancel_order": _OVER | {"status": "CANCELED", "status_code": 900, "cancel_reason": "The family moved away"},
}  # fmt: skip
ORDER_AFTER["begin_change"] = _DRAFT | {
    "reference": "TO-9C2M7XPD", "total_minor": 3750, "total": "$37.50", "original_booking_id": BOOKING_ID,
}  # fmt: skip
GUEST_ORDER: Sample = _CREATED | {
    "allowed": ["save", "submit", "remove"], "lines": _LINES, "notices": [], "link": "eyJvcmRlciI6IjAxOWRi…",
}  # fmt: skip
REGISTERED: Sample = {
    "user_id": GUARDIAN_ID, "account_id": ACCOUNT_ID, "email": "rosa@rossi.example", "is_new_user": True,
    "has_claimed": True,
}  # fmt: skip
MERGED: Sample = {
    "keep_id": ATTENDEE_ID, "merge_id": sample_id(61), "orders": 2, "bookings": 1, "accounts": 1,
    "merged_at": _MORNING,
}  # fmt: skip
EOI_CONVERTED: Sample = {
    "converted": 1, "refused": 0, "items": [{
        "order_id": INTEREST_ID, "order": _CONFIRMED | {
            "converts_order_id": INTEREST_ID, "confirmation_type": "ADMIN_CONFIRM",
        }, "reasons": [],
    }],
}  # fmt: skip
ORDER_WHOLE: Sample = _CONFIRMED | {
    "account": "Rossi family", "attendee": "Mia Rossi", "term": "Spring 2026", "lines": _LINES, "quote_id": None,
    "quote_number": None, "payments": [{
        "id": PAYMENT_ID, "reference": "PY-5T8WM4ZK", "status": "SUCCESS", "amount_minor": 3750, "provider": "sandbox",
    }],
}  # fmt: skip
ORDER_SUMMARY: Sample = {
    "id": ORDER_ID, "reference": "TO-4F7K9QW2", "status": "APPROVED", "version": 4, **_WHOSE, "term_id": TERM_ID,
    **_KIND, "total_minor": 3750, "session_count": 2, "first_date": "2026-04-12", "booking_id": BOOKING_ID,
    "created_at": _BEGUN,
}  # fmt: skip
_EVENT = {"actor_kind": "FAMILY", "actor_id": GUARDIAN_ID, "actor": "Rosa Rossi", "reason": "", "changes": {}}
HISTORY: Sample = {
    "items": [
        _EVENT | {"sequence": 1, "trigger": "new", "from_status": None, "to_status": "DRAFT", "at": _BEGUN},
        _EVENT | {"sequence": 2, "trigger": "save", "from_status": "DRAFT", "to_status": "CREATED", "at": _BEGUN},
        _EVENT | {
            "sequence": 3, "trigger": "submit", "from_status": "CREATED", "to_status": "SUBMITTED", "at": _SUBMITTED,
            "changes": {"total_minor": 3750, "confirmation_type": "PAY_NOW_PAY_ALL"},
        },
    ]
}  # fmt: skip
BOOKING_HISTORY: Sample = {
    "items": [{
        "sequence": 1, "trigger": "new", "from_status": None, "to_status": "APPROVED", "actor_kind": "SYSTEM",
        "actor_id": None, "actor": None, "reason": "confirmed TO-4F7K9QW2", "changes": {}, "at": _PAID,
    }]
}  # fmt: skip

BOOKING_SUMMARY: Sample = {
    "id": BOOKING_ID, "reference": "TB-6H3N8RXA", "status": "APPROVED", "version": 1, "revision": 1,
    "payment_state": "PAID", **_WHOSE, "term_id": TERM_ID, "term": "Spring 2026", "order_id": ORDER_ID, **_KIND,
    "total_minor": 3750, "closes_on": None, "session_count": 2, "first_date": "2026-04-12", "last_date": "2026-04-19",
    "created_at": _PAID,
}  # fmt: skip
_BOOKED = {
    "site": "Riverside",
    "kind": "SESSION",
    "mode": "CASUAL",
    "gross_minor": 1500,
    "cancelled_at": None,
    "attendance": "EXPECTED",
}
BOOKING: Sample = BOOKING_SUMMARY | {
    "status_code": 500, "allowed": ["cancel"], "currency": "CAD", "total": "$37.50",
    "lines": [
        {
            "id": sample_id(22), "session_id": FIRST_SESSION_ID, "name": FIRST_SESSION, "position": 0,
            "starts_at": "2026-04-12T14:45:00+00:00", "ends_at": "2026-04-12T15:30:00+00:00", "extras": [_LUNCH],
            **_BOOKED,
        },
        {
            "id": sample_id(23), "session_id": SECOND_SESSION_ID, "name": SECOND_SESSION, "position": 1,
            "starts_at": "2026-04-19T14:45:00+00:00", "ends_at": "2026-04-19T15:30:00+00:00", "extras": [], **_BOOKED,
        },
    ],
    "invoices": [{"id": INVOICE_ID, "number": "INV-2026-000042", "total_minor": 3750, "due_on": "2026-04-14"}],
    "credit_notes": [], "zero_statements": [], "payment_schedule": None,
}  # fmt: skip

_HELD = {"status": "APPROVED", "order_type": "BOOKING", "attendee_id": ATTENDEE_ID, "attendee": "Mia Rossi"}
SESSION: Sample = {
    "id": FIRST_SESSION_ID, "name": FIRST_SESSION, "offering_id": OFFERING_ID, "offering": KARATE,
    "offering_status": "PUBLISHED", "code": "KAR-101", "term_id": TERM_ID, "program_id": PROGRAM_ID,
    "program": "Karate", "site_id": SITE_ID, "site": "Riverside", "time_zone": "America/Toronto",
    "product_type": "SESSION", "component": "", "title": "", "status": "OPEN",
    "starts_at": "2026-04-12T14:45:00+00:00", "ends_at": "2026-04-12T15:30:00+00:00", "local_date": "2026-04-12",
    "local_start": "10:45:00", "local_end": "11:30:00", "price_minor": 1500, "price": "$15.00", "capacity": 12,
    "taken": 2, "left": 10, "venue_id": None,
}  # fmt: skip
SESSION_WHOLE: Sample = SESSION | {
    "bookings": [{"id": BOOKING_ID, "reference": "TB-6H3N8RXA", **_HELD}], "active_count": 1,
    "held": [{
        "order_id": sample_id(24), "reference": "TO-9C2XH7PD", "status": "SUBMITTED", "order_type": "TRIAL_SESSION",
        "attendee_id": sample_id(25), "attendee": "Leo Chen",
    }],
    "held_count": 1,
}  # fmt: skip
ROLL: Sample = {
    "session_id": FIRST_SESSION_ID, "name": KARATE, "site": "Riverside", "time_zone": "America/Toronto",
    "local_date": "2026-04-12", "starts_at": "2026-04-12T14:45:00+00:00", "ends_at": "2026-04-12T15:30:00+00:00",
    "site_id": SITE_ID, "capacity": 12, "closed_at": None, "expected": 1, "present": 1,
    "ratio": {"children_per_staff": 8, "needed": 1, "needed_for_expected": 1, "needed_on_site": 1, "on_site": 1,
              "staff": ["Stella Roll"], "is_met": True},
    "headcount": None, "disagreements": [],
    "entries": [{
        "attendance_id": ATTENDANCE_ID, "attendee_id": ATTENDEE_ID, "name": "Mia Rossi", "status": "PRESENT",
        "is_new": True, "is_trial": False, "is_makeup": False, "activities": [], 
        "alerts": [{"what": "Allergy", "words": "Peanuts", "severity": "SEVERE", "is_graded": True}],
        "severity": "SEVERE", "initials": "MR",
        "people": [{"person_id": None, "name": "Rosa Rossi", "relationship": "", "phone": "", "has_pin": False}],
        "has_list": True,
        "authorised_pick_ups": ["Rosa Rossi"], "must_not_collect": [], "version": 2,
        "marked_at": "2026-04-12T14:41:00+00:00", "signed_in_at": "2026-04-12T14:41:00+00:00", "signed_out_at": None,
        "collected_by": None, "reason": None, "seat": None,
    }],
    "conflicts": [],
}  # fmt: skip

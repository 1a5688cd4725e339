"""The seats that the documentation's examples show: a small hall for a show."""

from api.schemas.sample_enrolment import ATTENDEE_ID
from api.schemas.sample_programme import FIRST_SESSION_ID, KARATE, SITE_ID, Sample, sample_id

VENUE_ID, SEAT_ID, NEXT_SEAT_ID = sample_id(40), sample_id(41), sample_id(42)
VENUE: Sample = {"id": VENUE_ID, "site_id": SITE_ID, "name": "Main hall"}
SEAT_PLAN: Sample = {
    "blocks": [
        {"rows": "A-B", "numbers": "1-20", "seat_type": "VIP"},
        {"rows": "C-T", "numbers": "1-10, 13-22", "seat_type": "REGULAR"},
    ]
}
SEAT_CHANGES: Sample = {"created": 400, "changed": 0, "removed": 0, "seats": 400}
VENUE_SEATS: Sample = {
    "venue_id": VENUE_ID, "count": 400,
    "rows": [{"row": "A", "seats": [{"id": SEAT_ID, "number": 11, "seat_type": "VIP"}]}],
}  # fmt: skip
SEATING: Sample = {
    "venue_id": VENUE_ID, "seats": 400,
    "prices": [{"seat_type": "VIP", "price_minor": 4500}, {"seat_type": "REGULAR", "price_minor": 3000}],
    "changed": 3, "kept": [],
}  # fmt: skip
SEAT: Sample = {"id": SEAT_ID, "number": 11, "seat_type": "VIP", "price_minor": 4500, "state": "FREE"}
SEAT_MAP: Sample = {
    "session_id": FIRST_SESSION_ID, "venue_id": VENUE_ID, "venue": "Main hall", "capacity": 400, "free": 399,
    "prices": [{"seat_type": "VIP", "price_minor": 4500, "price": "$45.00"}],
    "rows": [{"row": "A", "seats": [SEAT | {"id": NEXT_SEAT_ID, "number": 10, "state": "TAKEN"}, SEAT]}],
}  # fmt: skip
BEST_SEATS: Sample = {
    "session_id": FIRST_SESSION_ID, "asked": 2, "groups": 1, "total_minor": 9000,
    "seats": [SEAT | {"row": "B", "number": 10, "id": NEXT_SEAT_ID}, SEAT | {"row": "B"}],
}  # fmt: skip
TICKET_REFERENCE = "TK-4F7K9QW2M0XA6RZB"
TICKETS: Sample = {
    "items": [{
        "ticket_reference": TICKET_REFERENCE, "session_id": FIRST_SESSION_ID, "session": KARATE,
        "starts_at": "2026-04-12T14:45:00+00:00", "ends_at": "2026-04-12T15:30:00+00:00", "site": "Riverside",
        "venue": "Main hall", "row": "B", "number": 11, "seat_type": "VIP", "attendee": "Mia Rossi",
        "is_cancelled": False, "used_at": None,
    }],
}  # fmt: skip
CHECK_IN: Sample = {
    "id": sample_id(43), "ticket_reference": TICKET_REFERENCE, "session_id": FIRST_SESSION_ID,
    "session": f"{KARATE}, Sun 12 Apr 2026 10:45", "attendee_id": ATTENDEE_ID, "attendee": "Mia Rossi",
    "seat": "row B seat 11", "seat_type": "VIP", "scanned_at": "2026-04-12T14:40:00+00:00",
    "booking_reference": "TB-4F7K9QW2",
}  # fmt: skip

"""The waiting list that the documentation's examples show: Mia Rossi waits for a lesson and is offered a place."""

from api.schemas.sample_enrolment import ACCOUNT_ID, ATTENDEE_ID, FINGERPRINT, ORDER, ORDER_ID
from api.schemas.sample_programme import FIRST_SESSION, FIRST_SESSION_ID, Sample, sample_id
from workflows.waiting_facts import POLICY

ENTRY_ID, OFFER_ID, GROUP_ID, WAITING_ORDER_ID = sample_id(60), sample_id(61), sample_id(62), sample_id(63)
_SINCE, _EXPIRES = "2026-03-31T13:07:00+00:00", "2026-04-01T13:20:00+00:00"

WAITING_ENTRY: Sample = {
    "id": ENTRY_ID, "reference": "WE-7Q2M4KXA", "status": "WAITING", "order_id": WAITING_ORDER_ID,
    "order_reference": "TO-9D3VH6TB", "account_id": ACCOUNT_ID, "account": "Rossi family",
    "attendee_id": ATTENDEE_ID, "attendee": "Mia Rossi", "session_id": FIRST_SESSION_ID, "session": FIRST_SESSION,
    "group_id": None, "since": _SINCE, "position": 2, "offer_id": None, "offer_expires_at": None,
    "accepted_order_id": None,
}  # fmt: skip
QUEUE: Sample = {"group_id": None, "entries": [WAITING_ENTRY], "policy": POLICY}
_OFFERED = WAITING_ENTRY | {
    "status": "OFFERED", "position": None, "offer_id": OFFER_ID, "offer_expires_at": _EXPIRES,
}  # fmt: skip
OFFER: Sample = {
    "id": OFFER_ID, "is_open": True, "expires_at": _EXPIRES, "entries": [_OFFERED], "currency": "CAD",
    "total_minor": 1500, "total": "$15.00", "price_fingerprint": FINGERPRINT, "policy": POLICY,
}  # fmt: skip
ANSWERED_OFFER: Sample = {
    "orders": [ORDER | {"id": ORDER_ID, "total_minor": 1500, "total": "$15.00"}],
    "entries": [_OFFERED | {"status": "ACCEPTED", "offer_expires_at": None, "accepted_order_id": ORDER_ID}],
}  # fmt: skip
DECLINED_OFFER: Sample = {"orders": [], "entries": [_OFFERED | {"status": "DECLINED", "offer_expires_at": None}]}

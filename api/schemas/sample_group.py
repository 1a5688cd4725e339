"""The group order that the documentation's examples show: Mia and Leo Rossi take karate together."""

from api.schemas.sample_enrolment import ACCOUNT_ID, FINGERPRINT, ORDER, ORDER_AFTER
from api.schemas.sample_programme import FIRST_SESSION, SECOND_SESSION, SECOND_SESSION_ID, TERM_ID, Sample, sample_id
from models import GroupOrderPolicy
from workflows.group_facts import IN_WORDS

GROUP_ORDER_ID, LEO_ID, LEOS_ORDER_ID = sample_id(40), sample_id(41), sample_id(42)
_CREATED = ORDER_AFTER["save_cart"] | {"notices": []}
_LEOS = {"id": LEOS_ORDER_ID, "reference": "TO-7C2MX9DK", "attendee_id": LEO_ID}
_GROUP: Sample = {
    "id": GROUP_ORDER_ID, "reference": "GO-6W8R2TQN", "account_id": ACCOUNT_ID, "term_id": TERM_ID,
    "policy": "BEST_EFFORT", "policy_in_words": IN_WORDS[GroupOrderPolicy.BEST_EFFORT],
    "created_at": "2026-03-31T13:05:00+00:00", "submitted_at": None, "currency": "CAD", "total_minor": 7500,
    "total": "$75.00", "price_fingerprint": FINGERPRINT, "orders": [_CREATED, _CREATED | _LEOS], "left_out": [],
}  # fmt: skip
_FULL = {
    "code": "session_full", "message": f"Leo Rossi: {SECOND_SESSION} is full (12 places).",
    "field": "orders[1].lines[1].session_id", "rule": "capacity", "session": SECOND_SESSION,
    "facts": {
        "session_id": SECOND_SESSION_ID, "order_id": LEOS_ORDER_ID, "attendee_id": LEO_ID, "alternatives": [{
            "kind": "same_program", "session_id": sample_id(43), "session": FIRST_SESSION.replace("12 Apr", "26 Apr"),
            "site": "Riverside", "term_id": TERM_ID, "starts_at": "2026-04-26T14:45:00+00:00", "price_minor": 1500,
            "left": 3,
        }],
    },
}  # fmt: skip
GROUP_ORDER: Sample = _GROUP | {
    "submitted_at": "2026-03-31T13:07:00+00:00", "total_minor": 6000, "total": "$60.00",
    "orders": [ORDER, ORDER | _LEOS | {"total_minor": 2250, "total": "$22.50"}],
    "left_out": [{
        "order_id": LEOS_ORDER_ID, "attendee_id": LEO_ID, "session_ids": [SECOND_SESSION_ID], "reasons": [_FULL],
    }],
}  # fmt: skip
GROUP_ORDER_SUMMARY: Sample = {
    name: GROUP_ORDER[name]
    for name in ("id", "reference", "account_id", "term_id", "policy", "created_at", "submitted_at")
} | {"account": "Rossi family", "attendees": ["Mia Rossi", "Leo Rossi"], "order_count": 2}
_CONFIRMED = ORDER_AFTER["confirm_order"]
GROUP_ORDER_AFTER: dict[str, Sample] = {
    "begin_group_order": _GROUP, "save_group_carts": _GROUP,
    "confirm_group_order": GROUP_ORDER | {
        "left_out": [], "total_minor": 7500, "total": "$75.00", "orders": [_CONFIRMED, _CONFIRMED | _LEOS],
    },
}  # fmt: skip

"""The programme that the documentation's examples show: karate on Sundays at one site of one organisation."""

from typing import Any

Sample = dict[str, Any]


def sample_id(number: int) -> str:
    return f"01998a5e-0000-7000-8000-{number:012}"


ORGANISATION_ID, SITE_ID, TERM_ID, CATEGORY_ID = sample_id(10), sample_id(5), sample_id(3), sample_id(7)
PROGRAM_ID, OFFERING_ID, EXTRA_ID = sample_id(6), sample_id(9), sample_id(11)
FIRST_SESSION_ID, SECOND_SESSION_ID = sample_id(4), sample_id(12)
KARATE = "Karate – Beginner"
FIRST_SESSION, SECOND_SESSION = f"{KARATE}, Sun 12 Apr 2026 10:45–11:30", f"{KARATE}, Sun 19 Apr 2026 10:45–11:30"
SCHEDULE = [{
    "component": "", "title": "", "weekdays": ["SUN"], "dates": [], "starts": "10:45", "ends": "11:30", "from": None,
    "until": None,
}]  # fmt: skip

ORGANISATION: Sample = {
    "id": ORGANISATION_ID, "name": "Centre 7", "legal_name": "Centre 7 Community Services", "currency": "CAD",
    "prices_include_tax": True, "time_zone": "America/Toronto", "locale": "en_CA",
    "letterhead": {
        "address_lines": ["100 Sample Street", "Toronto ON"], "email": "office@centre7.example",
        "tax_registration": "HST 12345 6789 RT0001",
    },
}  # fmt: skip
SITE: Sample = {
    "id": SITE_ID, "name": "Riverside", "address": "100 Sample Street", "time_zone": "America/Toronto",
    "holiday_country": "CA", "holiday_subdivision": "ON",
}  # fmt: skip
CLOSURE_DAY: Sample = {
    "id": sample_id(13), "site_id": SITE_ID, "term_id": None, "date": "2026-05-24", "reason": "Repairs",
}  # fmt: skip
TERM: Sample = {
    "id": TERM_ID, "name": "Spring 2026", "site_id": None, "starts_on": "2026-04-01", "ends_on": "2026-06-30",
    "status": "OPEN",
}  # fmt: skip
CATEGORY: Sample = {"id": CATEGORY_ID, "name": "Sports", "program_type": "CLASS"}
PROGRAM: Sample = {
    "id": PROGRAM_ID, "category_id": CATEGORY_ID, "site_id": SITE_ID, "name": "Karate",
    "description": "Stances, blocks and falls, by age and belt",
}  # fmt: skip
EXTRA: Sample = {
    "id": EXTRA_ID, "name": "Lunch", "price_minor": 750, "program_id": PROGRAM_ID, "is_active": True,
    "stock": 20,
}  # fmt: skip
OFFERING: Sample = {
    "id": OFFERING_ID, "term_id": TERM_ID, "program_id": PROGRAM_ID, "name": KARATE, "code": "KAR-101",
    "status": "PUBLISHED", "schedule": SCHEDULE, "modes": ["CASUAL", "FULL_TERM"], "session_price_minor": 1500,
    "full_week_price_minor": None, "full_term_price_minor": 15000, "capacity": 12, "age_from_months": 72,
    "age_below_months": 108, "school_year_from": None, "school_year_to": None, "height_from_cm": None,
    "height_to_cm": None, "weight_from_kg": None, "weight_to_kg": None,
    "bookable_from": "2026-03-03T12:00:00+00:00", "bookable_until": None, "priority_from": None,
    "priority_term_id": None, "rolled_from_id": None, "venue_id": None,
}  # fmt: skip
OFFERING_SUMMARY: Sample = {
    "id": OFFERING_ID, "name": KARATE, "code": "KAR-101", "status": "PUBLISHED", "program_id": PROGRAM_ID,
    "program": "Karate", "category_id": CATEGORY_ID, "category": "Sports", "site_id": SITE_ID, "site": "Riverside",
    "term_id": TERM_ID, "term": "Spring 2026", "modes": ["CASUAL", "FULL_TERM"], "session_price_minor": 1500,
    "session_price": "$15.00", "age_from_months": 72, "age_below_months": 108,
    "bookable_from": "2026-03-03T12:00:00+00:00", "bookable_until": None, "session_count": 12,
    "first_date": "2026-04-05", "last_date": "2026-06-28", "least_left": 8, "most_left": 11,
}  # fmt: skip
SESSION_CHANGES: Sample = {
    "created": 1, "updated": 9, "removed": 0, "withdrawn": 0, "unchanged": 1,
    "kept": [{
        "session_id": FIRST_SESSION_ID, "term_program_set_id": OFFERING_ID, "component": "",
        "local_date": "2026-04-12", "local_start": "10:45:00", "taken": 1,
        "reason": "is booked, and no longer in the schedule",
    }],
}  # fmt: skip
RULE: Sample = {
    "name": "auto_cancel_minutes", "value": {"PAY_NOW_PAY_ALL": 20}, "scope": "CATEGORY", "scope_id": CATEGORY_ID,
    "origin": "category Sports",
    "meaning": "Minutes from submit to the automatic cancellation, by confirmation type; null: never.",
}  # fmt: skip
RULES: Sample = {
    "items": [
        RULE,
        {
            "name": "trial_limit", "value": 1, "scope": None, "scope_id": None, "origin": "built-in default",
            "meaning": "Trial sessions that one attendee may have in one program.",
        },
    ]
}  # fmt: skip
_NOTHING = {"created": 0, "updated": 0, "unchanged": 0}
IMPORT_REPORT: Sample = {
    "source": "programme.csv", "dry_run": False, "applied": True, "rows_read": 2,
    "offerings": {"created": 1, "updated": 0, "unchanged": 0},
    "sessions": {"created": 12, "updated": 0, "removed": 0, "withdrawn": 0, "unchanged": 0, "kept": []},
    "sites": _NOTHING | {"unchanged": 1}, "terms": _NOTHING | {"unchanged": 1},
    "categories": _NOTHING | {"unchanged": 1}, "programs": _NOTHING | {"created": 1}, "rules": _NOTHING,
    "bad_rows": [{"line": 3, "column": "End Date", "reason": "there is no 31 April"}],
    "changed": [], "vanished": [], "notices": [],
}  # fmt: skip
NEXT_TERM_ID = sample_id(60)
ROLL_OVER: Sample = {
    "from_term_id": TERM_ID, "term_id": NEXT_TERM_ID, "term_name": "Autumn 2026", "starts_on": "2026-09-09",
    "ends_on": "2026-12-15", "weeks": 23, "offerings_to_make": 1, "sessions_to_make": 13,
    "offerings": [{
        "from_offering_id": OFFERING_ID, "offering_id": None, "name": KARATE, "program": "Karate", "fate": "ROLLS",
        "reason": "", "sessions": 13, "first_date": "2026-09-13", "last_date": "2026-12-13",
        "skipped": [{"date": "2026-10-11", "reason": "Thanksgiving weekend"}],
    }],
    "fingerprint": "5f0c8d1be7a94c2d9f3f6a7b8c9d0e1f",
}  # fmt: skip

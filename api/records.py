"""What an admin keeps, as records: accounts, sites, terms, categories, programs, extras, closure days, offerings."""

from typing import Any

from api.editing import Resource
from catalogue.schedule import public_holidays
from models import Account, ClosureDay, Extra, Program, ProgramCategory, ProgramType, Site, Term, TermProgramSet, Venue


def _has_known_holidays(values: dict[str, Any]) -> None:
    """Raises UnknownHolidays; any year will do."""
    public_holidays(values["holiday_country"], values["holiday_subdivision"], 2026)


ACCOUNTS = Resource(
    Account, "account", "/accounts",
    ("reference", "kind", "name", "email", "phone", "address", "credit_limit_minor", "is_staff", "language",
     "created_at"),
)  # fmt: skip
SITES = Resource(
    Site, "site", "/sites", ("name", "address", "time_zone", "holiday_country", "holiday_subdivision"),
    check=_has_known_holidays,
)  # fmt: skip
TERMS = Resource(
    Term, "term", "/terms", ("name", "site_id", "starts_on", "ends_on", "status"), families_see="t.status <> 'DRAFT'"
)
CATEGORIES = Resource(
    ProgramCategory, "category", "/program-categories", ("name", "program_type"), codes=[("program_type", ProgramType)]
)
PROGRAMS = Resource(Program, "program", "/programs", ("category_id", "site_id", "name", "description"))
EXTRAS = Resource(
    Extra, "extra", "/extras", ("name", "price_minor", "program_id", "is_active", "stock"), families_see="t.is_active"
)
CLOSURE_DAYS = Resource(ClosureDay, "closure day", "/closure-days", ("site_id", "term_id", "date", "reason"))
OFFERINGS = Resource(
    TermProgramSet, "offering", "/offerings",
    (
        "term_id", "program_id", "name", "code", "status", "schedule", "modes", "session_price_minor",
        "full_week_price_minor", "full_term_price_minor", "capacity", "age_from_months", "age_below_months",
        "school_year_from", "school_year_to", "height_from_cm", "height_to_cm", "weight_from_kg", "weight_to_kg",
        "bookable_from", "bookable_until", "venue_id", "priority_from", "priority_term_id", "rolled_from_id",
    ),
    families_see="t.status = 'PUBLISHED'",
)  # fmt: skip
VENUES = Resource(Venue, "venue", "/venues", ("site_id", "name"))

"""Who may attend: age, school year, height and weight, each failing rule a reason in words. Pure, no database."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

from engine.errors import Reason

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class AttendeeFacts:
    """What is known of an attendee; None is unknown."""

    name: str
    date_of_birth: date
    school_year: int | None = None
    height_cm: int | None = None
    weight_kg: Decimal | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "AttendeeFacts":
        """From a row of `attendee`, whatever other columns it has."""
        return cls(**{field.name: row[field.name] for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class OfferingFacts:
    """Whom an offering takes: ages in completed months, `age_from_months` ≤ age < `age_below_months`; None is no limit.

    School year, height and weight include both ends.
    """

    name: str
    age_from_months: int | None = None
    age_below_months: int | None = None
    school_year_from: int | None = None
    school_year_to: int | None = None
    height_from_cm: int | None = None
    height_to_cm: int | None = None
    weight_from_kg: Decimal | None = None
    weight_to_kg: Decimal | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "OfferingFacts":
        """From a row of `term_program_set`, whatever other columns it has."""
        return cls(**{field.name: row[field.name] for field in fields(cls)})


def failing(
    attendee: AttendeeFacts,
    offering: OfferingFacts,
    first_session_date: date,
    *,
    field: str | None = None,
    session: str | None = None,
) -> list[Reason]:
    """Every rule of the offering that the attendee does not meet, empty if all are met.

    `first_session_date` is the local date of the attendee's first session in the offering; `field` and `session` are
    copied into each reason. What is asked for and not known of the attendee fails with a reason of its own.
    """
    reasons = _age_fails(attendee, offering, first_session_date)
    reasons += _measure_fails(
        attendee, offering, "school year", attendee.school_year, offering.school_year_from, offering.school_year_to, ""
    )
    reasons += _measure_fails(
        attendee, offering, "height", attendee.height_cm, offering.height_from_cm, offering.height_to_cm, " cm"
    )
    reasons += _measure_fails(
        attendee, offering, "weight", attendee.weight_kg, offering.weight_from_kg, offering.weight_to_kg, " kg"
    )
    return [Reason(code, words, field, rule, session, facts) for code, words, rule, facts in reasons]


def completed_months(born: date, on: date) -> int:
    """Whole months lived on that day; negative before the birth.

    A month is complete on the same day of the month; where a month lacks that day (29 Feb, the 31st), on the first of
    the next. It agrees with PostgreSQL's `age()`.
    """
    return (on.year - born.year) * 12 + on.month - born.month - (on.day < born.day)


def age_below_from_maximum(maximum_months: int) -> int:
    """The first age in months that is too old: a maximum in whole years lasts until the next birthday (96 → 108)."""
    return maximum_months + (12 if maximum_months % 12 == 0 else 1)


def in_words(months: int) -> str:
    """An age as people say it: `5 years 11 months`, `6 years`, `8 months`."""
    years, rest = divmod(months, 12)
    said = [f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in ((years, "year"), (rest, "month")) if n]
    return " ".join(said) or "0 months"


def ages_in_words(age_from_months: int | None, age_below_months: int | None) -> str:
    """A range as people say it: `6 to 8 years`, `60 years and older`, `up to 3 years`, `3 years`, `all ages`."""
    low, below = age_from_months or 0, age_below_months
    if below is None:
        return f"{in_words(low)} and older" if low else "all ages"
    if low % 12 or below % 12:
        return f"{in_words(low)} to under {in_words(below)}" if low else f"under {in_words(below)}"
    last = below // 12 - 1
    if not low:
        return f"up to {in_words(last * 12)}" if last else "under 1 year"
    return in_words(low) if low == last * 12 else f"{low // 12} to {last} years"


_Failure = tuple[str, str, str, dict[str, Any]]


def _age_fails(attendee: AttendeeFacts, offering: OfferingFacts, on: date) -> list[_Failure]:
    low, below = offering.age_from_months, offering.age_below_months
    if low is None and below is None:
        return []
    age = completed_months(attendee.date_of_birth, on)
    if (low or 0) <= age and (below is None or age < below):
        return []
    day = f"{on.day} {_MONTHS[on.month - 1]} {on.year}"
    has = f"is {in_words(age)} on {day}" if age >= 0 else f"is not born yet on {day}"
    facts = {"age_months": age, "age_from_months": low, "age_below_months": below, "on": on.isoformat()}
    return [
        ("age_does_not_fit", f"{attendee.name} {has}; {offering.name} takes {ages_in_words(low, below)}.", "age", facts)
    ]


def _measure_fails(
    attendee: AttendeeFacts,
    offering: OfferingFacts,
    what: str,
    has: int | Decimal | None,
    low: int | Decimal | None,
    high: int | Decimal | None,
    unit: str,
) -> list[_Failure]:
    if low is None and high is None:
        return []
    rule, asked = what.replace(" ", "_"), _range_in_words(low, high, unit)
    facts = {"asked_from": _plain(low), "asked_to": _plain(high), "has": _plain(has)}
    if has is None:
        words = f"{attendee.name}'s {what} is not known; {offering.name} takes {what} {asked}."
        return [(f"{rule}_unknown", words, rule, facts)]
    if (low is None or low <= has) and (high is None or has <= high):
        return []
    words = f"{attendee.name}'s {what} is {has}{unit}; {offering.name} takes {what} {asked}."
    return [(f"{rule}_does_not_fit", words, rule, facts)]


def _range_in_words(low: int | Decimal | None, high: int | Decimal | None, unit: str) -> str:
    if low is None:
        return f"up to {high}{unit}"
    if high is None:
        return f"from {low}{unit}"
    return f"{low}{unit}" if low == high else f"{low} to {high}{unit}"


def _plain(value: int | Decimal | None) -> int | str | None:
    return str(value) if isinstance(value, Decimal) else value

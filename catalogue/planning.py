"""From a draft to an offering that can be written: its term, its price, its sessions, and its fingerprint. Pure."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import orjson

from catalogue import cells
from catalogue.drafts import Draft
from catalogue.mapping import TermMapping
from catalogue.prices import PriceList, Prices, full_week_days
from catalogue.schedule import Calendar, ScheduleIsInvalid, Slot, overlapping, plan
from catalogue.source import BadRow
from models import BookingMode

_ALL_AT_ONCE = {BookingMode.FULL_WEEK, BookingMode.FULL_TERM}


@dataclass(slots=True)
class PlannedOffering:
    """A row that can be written: `values` are columns of `term_program_set`, without its ids."""

    line: int
    key: str
    program: str
    category: str
    site: str
    term: str
    description: str
    status: str
    values: dict[str, Any]
    slots: tuple[Slot, ...]
    fingerprint: str


class NotPlannable(Exception):
    """A draft contradicts its term, its prices or itself."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def choose_term(draft: Draft, terms: Sequence[TermMapping]) -> TermMapping:
    """The term a draft names, or the one that contains all its dates. Raises `NotPlannable`."""
    here = [term for term in terms if term.site in (None, draft.site)]
    if draft.term is not None:
        here = [term for term in here if term.key == draft.term]
        if not here:
            raise NotPlannable(f"the mapping has no term {draft.term!r} at site {draft.site!r}")
    first, last = _span(draft)
    if first is None or last is None:
        if len(here) == 1:
            return here[0]
        raise NotPlannable("has no dates, and the mapping does not say which of its terms it belongs to")
    for term in here:
        if term.starts_on <= first and last <= term.ends_on:
            return term
    days = f"{first} to {last}" if first != last else f"{first}"
    known = ", ".join(f"{term.name} ({term.starts_on} to {term.ends_on})" for term in here) or "none"
    raise NotPlannable(f"no term contains {days}; the mapping's terms are {known}")


def plan_offering(
    draft: Draft, term: TermMapping, calendar: Calendar, prices: Prices, currency: str
) -> PlannedOffering:
    """Price a draft and lay out its sessions. Raises `NotPlannable` in words for the row's report."""
    try:
        made = plan(draft.meetings, calendar)
    except ScheduleIsInvalid as error:
        raise NotPlannable(error.message) from None
    if not made.slots:
        why = "; ".join(f"{each.date}: {each.reason}" for each in made.skipped[:3])
        raise NotPlannable(f"has no session ({why or 'its weekdays do not occur between its dates'})")
    lists = prices.lists_for(draft.category, draft.program)
    modes = draft.modes or next((list(map(str, each.modes)) for each in lists if each.modes), ["CASUAL"])
    clash = overlapping(made.slots) if _ALL_AT_ONCE & set(modes) else None
    if clash:
        raise NotPlannable(f"{_said(clash[0])} and {_said(clash[1])} overlap, and nobody can attend both")
    values = {
        "name": draft.name,
        "code": draft.code,
        "schedule": [meeting.as_json() for meeting in draft.meetings],
        "modes": modes,
        **_capacity_and_prices(draft, lists, made.slots, currency),
        **draft.eligibility,
        "bookable_from": _moment(draft.bookable_from, calendar),
        "bookable_until": _moment(draft.bookable_until, calendar),
        "display": draft.display,
    }
    identity = [draft.program, draft.category, draft.site, term.key, draft.description, values, made.slots]
    return PlannedOffering(
        line=draft.line,
        key=draft.key,
        program=draft.program,
        category=draft.category,
        site=draft.site,
        term=term.key,
        description=draft.description,
        status=str(draft.status),
        values=values,
        slots=made.slots,
        fingerprint=hashlib.sha256(orjson.dumps(identity, default=str)).hexdigest(),
    )


def plan_all(
    drafts: Sequence[tuple[Draft, TermMapping]],
    calendar_of: Callable[[str, str], Calendar],
    prices: Prices,
    currency: str,
) -> tuple[list[PlannedOffering], list[BadRow]]:
    """Plan every draft; `calendar_of` takes the keys of a term and a site."""
    planned, bad = [], []
    for draft, term in drafts:
        try:
            planned.append(plan_offering(draft, term, calendar_of(term.key, draft.site), prices, currency))
        except NotPlannable as error:
            bad.append(BadRow(draft.line, "", error.reason))
    return planned, bad


def _span(draft: Draft) -> tuple[date | None, date | None]:
    firsts = [day for meeting in draft.meetings for day in (meeting.from_date, *meeting.dates) if day is not None]
    lasts = [day for meeting in draft.meetings for day in (meeting.until_date, *meeting.dates) if day is not None]
    return min(firsts + lasts, default=None), max(firsts + lasts, default=None)


def _capacity_and_prices(
    draft: Draft, lists: Sequence[PriceList], slots: Sequence[Slot], currency: str
) -> Mapping[str, int | None]:
    capacity = _nearest(draft.capacity, (each.capacity for each in lists))
    session = _nearest(draft.session_price_minor, (_minor(each.session_price, currency) for each in lists))
    if capacity is None or session is None:
        lacks = "capacity" if capacity is None else "price"
        raise NotPlannable(f"has no {lacks}: neither the row nor the prices file gives one for {draft.category!r}")
    days = full_week_days(slots)
    return {
        "capacity": capacity,
        "session_price_minor": session,
        "full_week_price_minor": _nearest(
            draft.full_week_price_minor, (_full_week(each, days, currency) for each in lists)
        ),
        "full_term_price_minor": _nearest(
            draft.full_term_price_minor, (_minor(each.full_term_price, currency) for each in lists)
        ),
    }


def _nearest(own: int | None, inherited: Any) -> int | None:
    return own if own is not None else next((value for value in inherited if value is not None), None)


def _full_week(prices: PriceList, days: int, currency: str) -> int | None:
    if prices.full_week_price_per_day is not None:
        return cells.amount(prices.full_week_price_per_day, currency) * days
    return _minor(prices.full_week_price, currency)


def _minor(given: str | None, currency: str) -> int | None:
    return None if given is None else cells.amount(given, currency)


def _moment(local: datetime | None, calendar: Calendar) -> datetime | None:
    return None if local is None else local.replace(tzinfo=calendar.zone).astimezone(UTC)


def _said(slot: Slot) -> str:
    return f"{slot.component} {slot.local_date} {slot.local_start:%H:%M}–{slot.local_end:%H:%M}".strip()

"""What is booked: as a list, as a calendar, one by one; and giving it up."""

import calendar
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import bookings as shown
from api.reads import family
from api.reads.changes import difference
from api.reads.orders import summary
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, TermbookError
from models import TermBookingStatus
from web.asked import page_of
from web.family.paying import due_of, in_wallet
from web.family.people import children_of
from web.family.waiting import entries
from web.forms import Posted, day_in
from web.visitor import Family
from web.words import Writing, locale_of
from workflows import enrolment

router = APIRouter()

_PAST = [int(status) for status in (TermBookingStatus.ARCHIVED, TermBookingStatus.CLOSED, TermBookingStatus.CANCELED)]


@router.get("/family/bookings")
def show_bookings(visit: Family) -> Response:
    """The list, or one month of the calendar."""
    if visit.asked("show") == "calendar":
        return _calendar(visit)

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        is_past = visit.asked("show") == "past"
        found = shown.listing(who)
        found.conditions.append(f"{'' if is_past else 'NOT '}b.status = ANY(%(past)s)")
        found.parameters["past"] = _PAST
        page: Any = page_of(visit, tx, found, limit=30, show=summary)
        return {
            "items": _with_programs(tx, page["items"]), "next_cursor": page["next_cursor"],
            "is_past": is_past, "waits": family.waits(tx, who.actor.account_ids, now=visit.now),
            "entries": [] if is_past else entries(tx, who), "children": children_of(tx, who),
        }  # fmt: skip

    return visit.show("family/bookings.html", query)


_PROGRAMS = """
SELECT l.booking_id, string_agg(DISTINCT p.name, ', ') AS programs FROM term_booking_line l
JOIN term_program_set p ON p.organisation_id = l.organisation_id AND p.id = l.term_program_set_id
WHERE l.organisation_id = %(org)s AND l.booking_id = ANY(%(ids)s) GROUP BY l.booking_id
"""


def _with_programs(tx: Transaction, bookings: list[Row]) -> list[Row]:
    found = {row["booking_id"]: row["programs"] for row in tx.rows(_PROGRAMS, ids=[each["id"] for each in bookings])}
    return [{**each, "programs": found.get(each["id"]) or each["reference"]} for each in bookings]


def _calendar(visit: Family) -> Response:
    month = day_in(f"{visit.asked('month')}-01")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        organisation = who.organisation
        writing = Writing(locale_of(visit.language, organisation["locale"]), organisation["time_zone"])
        first = month or writing.today(visit.now).replace(day=1)
        weeks = calendar.Calendar(writing.first_weekday).monthdatescalendar(first.year, first.month)
        days: dict[date, list[Row]] = {}
        for day in family.days(tx, who.actor.account_ids, first=weeks[0][0], last=weeks[-1][-1]):
            days.setdefault(day["local_date"], []).append(day)
        children = children_of(tx, who)
        return {
            "first": first, "weeks": weeks, "days": days, "children": children,
            "tones": {child["id"]: child["tone"] for child in children},
            "before": _shifted(first, -1), "after": _shifted(first, 1),
        }  # fmt: skip

    return visit.show("family/calendar.html", query)


def _shifted(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)


@router.get("/family/bookings/{booking_id}")
def show_booking(visit: Family, booking_id: UUID) -> Response:
    def query(tx: Transaction, who: Principal) -> Row:
        booking = shown.whole(tx, who, booking_id).body
        assert booking is not None
        return {"booking": booking, "due": due_of(visit, tx, who, booking["order_id"]),
                "wallet_minor": in_wallet(visit, tx, who, booking["account_id"])}  # fmt: skip

    return visit.show("family/booking.html", query)


@router.get("/family/bookings/{booking_id}/cancellation")
def show_cancellation(visit: Family, booking_id: UUID) -> Response:
    return _cancellation(visit, booking_id)


def _cancellation(visit: Family, booking_id: UUID, refusal: TermbookError | None = None) -> Response:
    """What giving it up comes to at this moment, before anything happens."""

    def query(tx: Transaction, who: Principal) -> Row:
        booking = shown.whole(tx, who, booking_id).body
        change = enrolment.review_cancellation(tx, booking_id=booking_id, actor=who.actor, now=visit.now)
        return {"booking": booking, "difference": difference(change, who).body}

    return visit.show("family/cancellation.html", query, refusal=refusal)


@router.post("/family/bookings/{booking_id}/cancellation")
def cancel(visit: Family, booking_id: UUID, form: Posted) -> Response:
    """Give it up as it was shown; a difference that is stale by now is shown anew."""
    try:

        def verb(tx: Transaction, who: Principal) -> Answer:
            enrolment.cancel(
                tx, booking_id=booking_id, fingerprint=form.text("difference"), actor=who.actor, now=visit.now,
                reason=form.text("reason")[:500],
            )  # fmt: skip
            return Answer({})

        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _cancellation(visit, booking_id, refusal)
    return visit.go(
        f"/family/bookings/{booking_id}", visit.say("Your booking is cancelled. Any refund or credit is shown below.")
    )

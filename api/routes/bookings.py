"""Bookings: the confirmed enrolments."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import OWNERS_AND_FINANCE, for_roles
from api.reads import bookings as shown
from api.reads.orders import history, statuses, summary
from api.reads.paging import Cursor, Limit
from api.schemas.base import Day, Moment, Page
from api.schemas.bookings import Booking, BookingSummary
from api.schemas.orders import BookingStatus, History
from engine.database import Transaction

router = APIRouter(tags=["bookings"])


@router.get("/bookings", **for_roles(OWNERS_AND_FINANCE, response_model=Page[BookingSummary]))
def list_bookings(
    call: Called, session_id: UUID | None = None, offering_id: UUID | None = None, account_id: UUID | None = None,
    attendee_id: UUID | None = None, term_id: UUID | None = None,
    status: Annotated[list[BookingStatus] | None, Query(max_length=13)] = None,
    date_from: Annotated[Day | None, Query(description="Has a session on or after this date.")] = None,
    date_until: Annotated[Day | None, Query(description="Has a session on or before this date.")] = None,
    created_from: Moment | None = None, created_until: Moment | None = None, cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:  # fmt: skip
    """Bookings, newest first; a family sees its own. With both dates: a session within them."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.listing(who)
        found.where(shown.with_a_session("s.id = %(session)s"), session=session_id)
        found.where(shown.with_a_session("s.term_program_set_id = %(offering)s"), offering=offering_id)
        found.where("b.account_id = %(account)s", account=account_id)
        found.where("b.attendee_id = %(attendee)s", attendee=attendee_id)
        found.where("b.term_id = %(term)s", term=term_id)
        found.where("b.status = ANY(%(status)s)", status=statuses(status))
        found.where(
            shown.with_a_session("s.local_date BETWEEN coalesce(%(day_from)s::date, '-infinity') "
                                 "AND coalesce(%(day_until)s::date, 'infinity')"),
            day_from=date_from, day_until=date_until,
        )  # fmt: skip
        found.where("b.created_at >= %(made_from)s", made_from=created_from)
        found.where("b.created_at < %(made_until)s", made_until=created_until)
        return found.page(tx, cursor=cursor, limit=limit, show=summary)

    return call.read(query)


@router.get("/bookings/{booking_id}", **for_roles(OWNERS_AND_FINANCE, 304, 404, response_model=Booking))
def read_booking(booking_id: UUID, call: Called) -> Response:
    """A booking with its sessions, who came, and its invoices."""
    return call.read(lambda tx, who: shown.whole(tx, who, booking_id))


@router.get("/bookings/{booking_id}/history", **for_roles(OWNERS_AND_FINANCE, 404, response_model=History))
def read_booking_history(booking_id: UUID, call: Called) -> Response:
    """Every change of the booking: who, when, why."""
    return call.read(lambda tx, who: history(tx, who, "booking", booking_id))

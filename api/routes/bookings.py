"""Bookings: the confirmed enrolments."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Call, Principal
from api.operations import ADMIN, OWNERS, OWNERS_AND_FINANCE, creates, for_roles
from api.reads import bookings as shown
from api.reads.changes import difference
from api.reads.orders import history, statuses, summary
from api.reads.paging import Cursor, Limit
from api.schemas.base import Day, Moment, Page
from api.schemas.bookings import Booking, BookingCancellation, BookingClosure, BookingEnding, BookingSummary
from api.schemas.changes import BillingDifference
from api.schemas.orders import BookingStatus, Ending, History
from engine.database import Transaction
from models import PaymentState
from workflows import enrolment
from workflows import term_booking as bookings
from workflows.booking_facts import Enrolled

router = APIRouter(tags=["bookings"])

LastDay = Annotated[Day | None, Query(description="Read where the term runs; without it, today there.")]
WaivesFees = Annotated[bool, Query(description="Without the late fee; an admin decides that.")]


@router.get("/bookings", **for_roles(OWNERS_AND_FINANCE, response_model=Page[BookingSummary]))
def list_bookings(
    call: Called, session_id: UUID | None = None, offering_id: UUID | None = None, account_id: UUID | None = None,
    attendee_id: UUID | None = None, term_id: UUID | None = None,
    status: Annotated[list[BookingStatus] | None, Query(max_length=13)] = None,
    payment_state: Annotated[list[PaymentState] | None, Query(max_length=4)] = None,
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
            "b.payment_state = ANY(%(states)s)", states=payment_state and [each.value for each in payment_state]
        )
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


@router.get(
    "/bookings/{booking_id}/cancellation", **for_roles(OWNERS_AND_FINANCE, 404, response_model=BillingDifference)
)  # fmt: skip
def review_cancellation(booking_id: UUID, call: Called, waives_fees: WaivesFees = False) -> Response:
    """What cancelling would come to at this moment, the family's other bookings included; its fingerprint is what the
    cancellation presents. Nothing is written.
    """
    return call.read(
        lambda tx, who: difference(
            enrolment.review_cancellation(
                tx, booking_id=booking_id, actor=who.actor, now=call.now, waives_fees=waives_fees
            ),
            who,
        )
    )


@router.post(
    "/bookings/{booking_id}/cancellation", **for_roles(OWNERS, *creates(404, 409, 412), response_model=Booking)
)  # fmt: skip
def cancel_booking(booking_id: UUID, call: Called, body: BookingCancellation | None = None) -> Response:
    """Give up every session to come as the review with this fingerprint showed it; what was held stays billed. A family
    within the cancellation window of each session (after it where a late fee is set), an admin at any time with a
    reason. Without the fingerprint, or with one that is stale, it is refused with the fresh review.
    """
    asked = body or BookingCancellation()
    return _move(call, booking_id, enrolment.cancel, **_reviewed(asked), **_asked(asked))


@router.post(
    "/bookings/{booking_id}/suspension", **for_roles(ADMIN, *creates(404, 409, 412), response_model=Booking)
)  # fmt: skip
def suspend_booking(booking_id: UUID, call: Called, body: BookingEnding | None = None) -> Response:
    """Nobody is expected for a while: places and time are kept, no money moves."""
    return _move(call, booking_id, bookings.suspend, **_asked(body))


@router.post(
    "/bookings/{booking_id}/resumption", **for_roles(ADMIN, *creates(404, 409, 412), response_model=Booking)
)  # fmt: skip
def resume_booking(booking_id: UUID, call: Called, body: BookingEnding | None = None) -> Response:
    """End a suspension: the sessions still to come are attended again."""
    return _move(call, booking_id, bookings.resume, **_asked(body))


@router.get("/bookings/{booking_id}/closure", **for_roles(ADMIN, 404, response_model=BillingDifference))
def review_closure(
    booking_id: UUID, call: Called, last_day: LastDay = None, waives_fees: WaivesFees = False
) -> Response:
    """What closing after that day would come to at this moment; its fingerprint is what the closure presents. Nothing
    is written.
    """
    return call.read(
        lambda tx, who: difference(
            enrolment.review_closure(
                tx, booking_id=booking_id, last_day=last_day, actor=who.actor, now=call.now, waives_fees=waives_fees
            ),
            who,
        )
    )


@router.post("/bookings/{booking_id}/closure", **for_roles(ADMIN, *creates(404, 409, 412), response_model=Booking))
def close_booking(booking_id: UUID, body: BookingClosure, call: Called) -> Response:
    """Set the last day, within the term: later sessions are given up now as the review with this fingerprint showed it,
    and the booking is closed when that day is over.
    """
    return _move(call, booking_id, enrolment.close, last_day=body.last_day, **_reviewed(body), **_asked(body))


@router.post("/bookings/{booking_id}/archiving", **for_roles(ADMIN, *creates(404, 409, 412), response_model=Booking))
def archive_booking(booking_id: UUID, call: Called, body: Ending | None = None) -> Response:
    """Put away what has run and of which nothing is owed; it can only be read from then on."""
    return _move(call, booking_id, bookings.archive, reason=body.reason if body else "")


def _reviewed(body: BookingCancellation) -> dict[str, Any]:
    return {"fingerprint": body.fingerprint, "waives_fees": body.waives_fees}


def _asked(body: BookingEnding | None) -> dict[str, Any]:
    asked = body or BookingEnding()
    return {"reason": asked.reason, "is_muted": asked.is_muted}


def _move(call: Call, booking_id: UUID, step: Callable[..., Enrolled], **asked: Any) -> Response:
    """One step of a booking; the answer is the booking as it stands then."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        step(tx, booking_id=booking_id, actor=who.actor, now=call.now, version=call.expected_version, **asked)
        tx.flush()
        return shown.whole(tx, who, booking_id)

    return call.move(verb)


@router.get("/bookings/{booking_id}/history", **for_roles(OWNERS_AND_FINANCE, 404, response_model=History))
def read_booking_history(booking_id: UUID, call: Called) -> Response:
    """Every change of the booking: who, when, why."""
    return call.read(lambda tx, who: history(tx, who, "booking", booking_id))

"""Confirmed bookings as the office works on them; what costs or gives money goes through its Billing Difference."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import bookings as shown
from api.reads import orders as ordered
from api.reads.changes import difference
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, Reason, TermbookError
from models import TermBookingStatus
from web.admin.orders import begin_change
from web.asked import page_of
from web.forms import NOTHING_SENT, Form, Posted, day_in
from web.visitor import Admin
from web.words import N_
from workflows import change_order, enrolment
from workflows import term_booking as bookings
from workflows.booking_facts import Enrolled

router = APIRouter()


@router.get("/admin/bookings")
def list_bookings(visit: Admin) -> Response:
    statuses = [name for name in visit.request.query_params.getlist("status") if name in TermBookingStatus.__members__]

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.listing(who)
        found.where("b.status = ANY(%(status)s)", status=ordered.statuses(statuses))
        return {"page": page_of(visit, tx, found, show=ordered.summary), "chosen": statuses}

    return visit.show("admin/bookings.html", query)


@router.get("/admin/bookings/{booking_id}")
def show_booking(visit: Admin, booking_id: UUID) -> Response:
    return _page(visit, booking_id)


def _page(
    visit: Admin, booking_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return {
            "booking": shown.whole(tx, who, booking_id).body,
            "history": (ordered.history(tx, who, "booking", booking_id).body or {})["items"],
        }

    return visit.show("admin/booking.html", query, form=form, refusal=refusal)


def _step(
    visit: Admin, booking_id: UUID, form: Form, step: Callable[..., Enrolled], **asked: Any
) -> None:  # fmt: skip
    def verb(tx: Transaction, who: Principal) -> Answer:
        step(tx, booking_id=booking_id, actor=who.actor, now=visit.now, **asked)
        tx.flush()
        return Answer({})

    visit.move(form, verb)


def _move(
    visit: Admin, booking_id: UUID, form: Form, said: str, step: Callable[..., Enrolled], **asked: Any
) -> Response:  # fmt: skip
    try:
        _step(visit, booking_id, form, step, **asked)
    except (Conflict, Invalid) as refusal:
        return _page(visit, booking_id, form, refusal)
    return visit.go(f"/admin/bookings/{booking_id}", visit.say(said))


@router.post("/admin/bookings/{booking_id}/suspension")
def suspend(visit: Admin, booking_id: UUID, form: Posted) -> Response:
    return _move(visit, booking_id, form, N_("Booking suspended. Places are held, and no one is expected."),
                 bookings.suspend, reason=form.text("reason"), is_muted=form.is_ticked("is_muted"))  # fmt: skip


@router.post("/admin/bookings/{booking_id}/resumption")
def resume(visit: Admin, booking_id: UUID, form: Posted) -> Response:
    return _move(visit, booking_id, form, N_("Booking resumed."), bookings.resume, reason=form.text("reason"),
                 is_muted=form.is_ticked("is_muted"))  # fmt: skip


@router.post("/admin/bookings/{booking_id}/change")
def change(visit: Admin, booking_id: UUID, form: Posted) -> Response:
    """Begin a change order with what is booked; its account is the booking's and stays it."""
    begin = partial(change_order.begin_change, booking_id=booking_id)
    return begin_change(visit, form, begin, partial(_page, visit, booking_id, form))


@router.get("/admin/bookings/{booking_id}/cancellation")
def review_cancellation(visit: Admin, booking_id: UUID) -> Response:
    return _ending_page(visit, booking_id, waives_fees=bool(visit.asked("waives_fees")))


@router.post("/admin/bookings/{booking_id}/cancellation")
def cancel(visit: Admin, booking_id: UUID, form: Posted) -> Response:
    """Cancel as the page showed it; where something changed since, it is refused with the fresh review."""
    waives_fees = form.is_ticked("waives_fees")
    try:
        _step(visit, booking_id, form, enrolment.cancel, fingerprint=form.text("fingerprint"), waives_fees=waives_fees,
              reason=form.text("reason"), is_muted=form.is_ticked("is_muted"))  # fmt: skip
    except (Conflict, Invalid) as refusal:
        return _ending_page(visit, booking_id, waives_fees=waives_fees, form=form, refusal=refusal)
    return visit.go(f"/admin/bookings/{booking_id}", visit.say("Booking cancelled."))


@router.get("/admin/bookings/{booking_id}/closure")
def review_closure(visit: Admin, booking_id: UUID) -> Response:
    try:
        last_day = _last_day(visit.asked("last_day"))
        return _ending_page(visit, booking_id, last_day=last_day, waives_fees=bool(visit.asked("waives_fees")))
    except (Conflict, Invalid) as refusal:
        return _page(visit, booking_id, NOTHING_SENT, refusal)


@router.post("/admin/bookings/{booking_id}/closure")
def close(visit: Admin, booking_id: UUID, form: Posted) -> Response:
    waives_fees, last_day = form.is_ticked("waives_fees"), _last_day(form.text("last_day"))
    try:
        _step(visit, booking_id, form, enrolment.close, last_day=last_day, fingerprint=form.text("fingerprint"),
              waives_fees=waives_fees, reason=form.text("reason"), is_muted=form.is_ticked("is_muted"))  # fmt: skip
    except (Conflict, Invalid) as refusal:
        return _ending_page(visit, booking_id, last_day=last_day, waives_fees=waives_fees, form=form, refusal=refusal)
    return visit.go(f"/admin/bookings/{booking_id}", visit.say("Last day set."))


def _last_day(text: str) -> date:
    """Raises Invalid."""
    found = day_in(text)
    if found is None:
        message = N_("Please choose a date.")
        raise Invalid(message, reasons=[Reason("required", message, field="last_day")])
    return found


def _ending_page(
    visit: Admin, booking_id: UUID, *, last_day: date | None = None, waives_fees: bool = False,
    form: Form = NOTHING_SENT, refusal: TermbookError | None = None,
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        asked: Row = {"booking_id": booking_id, "actor": who.actor, "now": visit.now, "waives_fees": waives_fees}
        if last_day is None:
            change = enrolment.review_cancellation(tx, **asked)
        else:
            change = enrolment.review_closure(tx, last_day=last_day, **asked)
        return {"booking": shown.whole(tx, who, booking_id).body, "difference": difference(change, who).body}

    return visit.show(
        "admin/ending.html", query, form=form, refusal=refusal, last_day=last_day, waives_fees=waives_fees
    )  # fmt: skip

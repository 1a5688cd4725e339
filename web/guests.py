"""Booking without a login, before there is an order: the programme that everybody may see, and choosing of it."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from api.births import require_born
from api.errors import TooManyAttempts
from api.moves import Principal
from api.reads import programmes
from api.schemas.guests import Guest, GuestAttendee
from api.visits import BOOK_BY_ADDRESS, BOOK_BY_EMAIL
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, TermbookError
from web.asked import is_narrowed, page_of, programs_of
from web.choosing import chosen_lines, clashes_in, live_answer, refuse_unknown, ticked_in
from web.forms import NOTHING_SENT, Form, Posted, checked, fields_are, together
from web.guest_choosing import SOMEBODY, begin, first_outlook, read_first_choice, require_some
from web.offering_choice import read_offering
from web.seat_choice import read_seats, refuse_unseated, seated_lines, sitting_in
from web.visitor import AtCentre

router = APIRouter()

_A_PAGE = 24
Lines = dict[UUID, list[Row]]


@router.get("/at/{centre}/programs")
def show_programs(visit: AtCentre) -> Response:
    """What is offered, to everybody."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        wanted = programs_of(visit)
        found = programmes.offerings()
        programmes.narrow(found, **wanted)
        page = page_of(visit, tx, found, limit=_A_PAGE, now=visit.now)
        return {"items": page["items"], "next_cursor": page["next_cursor"], "wanted": wanted,
                "is_narrowed": is_narrowed(wanted), **programmes.choices(tx, now=visit.now)}  # fmt: skip

    return visit.show("front/programs.html", query)


@router.get("/at/{centre}/programs/{offering_id}")
def show_offering(visit: AtCentre, offering_id: UUID) -> Response:
    return _offering(visit, offering_id)


def _offering(
    visit: AtCentre, offering_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:
    seen = _offered(visit, offering_id, form)
    outlook = first_outlook(visit, form, seen, chosen_lines(form, seen))
    return visit.show(
        "front/offering.html", None, form=form, refusal=refusal, **seen, ticked=ticked_in(form, seen), outlook=outlook,
        clashes=clashes_in(outlook), seats_at=f"/at/{visit.slug}/seats",
    )  # fmt: skip


def _offered(visit: AtCentre, offering_id: UUID, form: Form) -> Row:
    found: Row = visit.fetch(lambda tx, _: read_offering(
        tx, offering_id, now=visit.now, choice=partial(read_first_choice, visit, form, tx)))  # fmt: skip
    return found


@router.post("/at/{centre}/programs/{offering_id}")
def choose(visit: AtCentre, offering_id: UUID, form: Posted) -> Response:
    """A cart without a login, or only what it would come to."""
    if form.text("do") == "look":
        return _offering(visit, offering_id, form)
    seen = _offered(visit, offering_id, form)
    try:
        return _begin(visit, form, seen, lambda: require_some(chosen_lines(form, seen)))
    except (Conflict, Invalid, TooManyAttempts) as refusal:
        return _offering(visit, offering_id, form, refusal)


@router.post("/at/{centre}/programs/{offering_id}/price")
def price(visit: AtCentre, offering_id: UUID, form: Posted) -> Response:
    """What the ticks come to, for the page's script."""
    seen = _offered(visit, offering_id, form)
    refuse_unknown(form, seen)
    return JSONResponse(live_answer(visit, seen, first_outlook(visit, form, seen, chosen_lines(form, seen))))


@router.get("/at/{centre}/seats/{session_id}")
def show_seats(visit: AtCentre, session_id: UUID) -> Response:
    return _seats(visit, session_id)


def _seats(
    visit: AtCentre, session_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None, *,
    find_best: bool = False,
) -> Response:  # fmt: skip
    """The hall, with the best seat that is free chosen already to whoever comes first."""
    seen = _seated(visit, session_id, form)
    seated = sitting_in(visit, form, seen, find_best=find_best, alone=SOMEBODY)
    lines = seated_lines(form, seen, coming=seated["coming"], sitting=seated["sitting"])
    outlook = first_outlook(visit, form, seen, lines)
    return visit.show(
        "front/seats.html", None, form=form, refusal=refusal, **seen, **seated, outlook=outlook,
        ticked=ticked_in(form, seen), clashes=clashes_in(outlook),
    )  # fmt: skip


def _seated(visit: AtCentre, session_id: UUID, form: Form) -> Row:
    found: Row = visit.fetch(lambda tx, who: read_seats(
        tx, who, session_id, now=visit.now, choice=partial(read_first_choice, visit, form, tx)))  # fmt: skip
    return found


@router.post("/at/{centre}/seats/{session_id}")
def choose_seat(visit: AtCentre, session_id: UUID, form: Posted) -> Response:
    """A cart of this seat, the best one, or only what it would come to."""
    do = form.text("do")
    if do in ("look", "best"):
        return _seats(visit, session_id, form, find_best=do == "best")
    seen = _seated(visit, session_id, form)
    try:
        return _begin(visit, form, seen, lambda: _seated_lines(form, seen))
    except (Conflict, Invalid, TooManyAttempts) as refusal:
        return _seats(visit, session_id, form, refusal)


@router.post("/at/{centre}/seats/{session_id}/price")
def price_of_seat(visit: AtCentre, session_id: UUID, form: Posted) -> Response:
    """What the seat comes to, for the page's script."""
    seen = _seated(visit, session_id, form)
    lines = seated_lines(form, seen, coming={str(SOMEBODY)}, sitting=set(form.texts("seat")))
    refuse_unknown(form, seen)
    return JSONResponse(live_answer(visit, seen, first_outlook(visit, form, seen, lines)))


def _seated_lines(form: Form, seen: Row) -> Lines:
    """Raises Invalid where no seat is chosen that can be had."""
    refuse_unseated(form, seen, alone=True)
    return seated_lines(form, seen, coming={str(SOMEBODY)}, sitting=set(form.texts("seat")))


def _begin(visit: AtCentre, form: Form, seen: Row, choice: Callable[[], Lines]) -> Response:
    """A cart of the `choice` without a login; the address that follows is the only way to it."""
    with together() as faults:
        with faults:
            refuse_unknown(form, seen)
            lines = choice()
        with faults, fields_are(name="child_name"):
            child = checked(GuestAttendee, {
                "name": form.text("child_name"), "date_of_birth": form.text("date_of_birth"),
                "allergy_notes": form.text("allergy_notes"), "medical_notes": form.text("medical_notes"),
            })  # fmt: skip
            require_born(child.date_of_birth, now=visit.now)
        with faults:
            guest = checked(Guest, {name: form.text(name) for name in ("name", "email", "phone")})
    visit.count(BOOK_BY_ADDRESS, visit.visit.address)
    visit.count(BOOK_BY_EMAIL, guest.email)
    order_id = begin(visit, form, seen, lines, guest=guest.model_dump(), attendee=child.model_dump())
    return visit.go(f"/guest/order/{visit.visit.link(visit.organisation_id, order_id)}")

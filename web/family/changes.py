"""Changing a booking: what one gives up and takes instead, with extras, what it comes to while one ticks, and making it
so.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from api.moves import Answer, Principal
from api.reads import bookings as shown
from api.reads import programmes
from api.reads import seats as seating
from api.reads.changes import difference
from api.reads.extras import extras_of_sessions
from api.reads.orders import moved
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, TermbookError
from models import TermBookingConfirmationType
from web.choosing import left_of
from web.forms import NOTHING_SENT, Form, Posted, id_in
from web.offering_choice import activities_of
from web.visitor import Family
from workflows import change_order, order_requests
from workflows.payment_ways import ways_of_change

router = APIRouter()

_NOTHING_SEEN: Row = {"difference": None, "ways": [], "in_the_way": [], "seated": []}


@router.get("/family/bookings/{booking_id}/change")
def show_change(visit: Family, booking_id: UUID) -> Response:
    return _page(visit, booking_id)


def _page(
    visit: Family, booking_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    """The sessions that are booked and those that could be, and what the ticks come to."""
    seen = visit.fetch(lambda tx, who: _seen(visit, tx, who, booking_id))
    outlook, refused = _outlook(visit, seen, form) if form.fields else (_NOTHING_SEEN, None)
    return visit.show("family/change.html", None, form=form, refusal=refusal or refused, **outlook, **seen,
                      chosen=_chosen(seen, form), with_it=_ticked_extras(seen, form))  # fmt: skip


@router.post("/family/bookings/{booking_id}/change/price")
def price(visit: Family, booking_id: UUID, form: Posted) -> Response:
    """What the ticks come to, for the page's script."""
    seen = visit.fetch(lambda tx, who: _seen(visit, tx, who, booking_id))
    outlook, refused = _outlook(visit, seen, form)
    html = visit.show("family/_change.html", None, form=form, refused=refused, **outlook, **seen)
    said = visit.show("family/_comes_to.html", None, **outlook)
    left = [{"session": str(one["id"]), **left_of(visit, one["left"])} for one in seen["sessions"]
            if one["id"] not in seen["own"]]  # fmt: skip
    return JSONResponse({"html": bytes(html.body).decode(), "said": " ".join(bytes(said.body).decode().split()),
                         "clashes": [], "left": left})  # fmt: skip


# The activities that were chosen with the sessions of a booking, by its orders.
_ACTIVITIES = """
SELECT l.term_product_id AS session_id, array_agg(DISTINCT a.title ORDER BY a.title) AS titles
FROM term_booking_order o
JOIN term_booking_order_activity a ON a.organisation_id = o.organisation_id AND a.order_id = o.id
JOIN term_booking_order_line l ON l.organisation_id = a.organisation_id AND l.id = a.order_line_id
WHERE o.organisation_id = %(org)s AND o.account_id = %(account_id)s AND o.booking_id = %(id)s
GROUP BY l.term_product_id
"""


def _seen(visit: Family, tx: Transaction, who: Principal, booking_id: UUID) -> Row:
    """The booking with its sessions by their ids, and all that could be in it: what was held is `fixed`, and what was
    given up is `gone`, to be booked anew only.
    """
    booking = shown.whole(tx, who, booking_id).body
    assert booking is not None
    own = {line["session_id"]: {**line, "extras": _by_id(line["extras"])} for line in booking["lines"]
           if line["cancelled_at"] is None}  # fmt: skip
    sessions: list[Row] = []
    activities: dict[UUID, dict[date, list[Row]]] = {}
    for offering_id in _offerings_of(tx, booking_id):
        sessions += programmes.sessions_to_come(tx, offering_id, now=visit.now)
        activities[offering_id] = activities_of(tx, offering_id)
    ahead = {one["id"] for one in sessions}
    taken = tx.rows(_ACTIVITIES, id=booking_id, account_id=booking["account_id"])
    extras = extras_of_sessions(tx, ahead)
    every = {extra["extra_id"]: extra for sold in extras.values() for extra in sold}
    return {
        "booking": booking, "own": own, "sessions": sessions, "activities": activities,
        "fixed": [line for line in own.values() if line["session_id"] not in ahead],
        "taken": {row["session_id"]: row["titles"] for row in taken},
        "extras": extras, "every_extra": list(every.values()),
        "gone": {line["session_id"] for line in booking["lines"]} - own.keys(),
    }  # fmt: skip


def _by_id(extras: Iterable[Row]) -> dict[UUID, int]:
    """How many of each extra."""
    return {UUID(str(extra["extra_id"])): extra["quantity"] for extra in extras}


_OFFERINGS = """
SELECT DISTINCT l.term_program_set_id AS id FROM term_booking_line l
WHERE l.organisation_id = %(org)s AND l.booking_id = %(id)s AND l.cancelled_at IS NULL
"""


def _offerings_of(tx: Transaction, booking_id: UUID) -> list[UUID]:
    return [row["id"] for row in tx.rows(_OFFERINGS, id=booking_id)]


def _chosen(seen: Row, form: Form) -> set[UUID]:
    """The sessions that are ticked."""
    return set(form.ids("keep")) if form.fields else set(seen["own"])


def _ticked_extras(seen: Row, form: Form) -> set[str]:
    """The boxes of extras that are ticked, by session and extra."""
    if form.fields:
        return set(form.texts("extra"))
    return {f"{session_id}.{extra_id}" for session_id, line in seen["own"].items() for extra_id in line["extras"]}


def _outlook(visit: Family, seen: Row, form: Form) -> tuple[Row, TermbookError | None]:
    """What the booking would cost with these ticks, line by line, how that may be paid, and what stands in its way."""

    def work(tx: Transaction, who: Principal) -> Row:
        seated = _seated(visit, tx, who, seen, form)
        seats = {one["session"]["id"]: one["seat_id"] for one in seated}
        known: dict[str, Any] = {"actor": who.actor, "now": visit.now}
        change = change_order.what_if(
            tx, booking_id=seen["booking"]["id"], lines=_lines(seen, form, seats), pay_later=True, **known
        )
        in_the_way = [] if _is_as_booked(seen, form) else change_order.failing(change, **known)
        return {"difference": difference(change, who).body, "ways": ways_of_change(change, actor=who.actor),
                "in_the_way": in_the_way, "seated": seated}  # fmt: skip

    try:
        return visit.foresee(work), None
    except (Conflict, Invalid) as refused:
        return _NOTHING_SEEN, refused


def _is_as_booked(seen: Row, form: Form) -> bool:
    wanted = {line["session_id"]: line["extras"] for line in _lines(seen, form, {})}
    return wanted == {session_id: _asked(line["extras"]) for session_id, line in seen["own"].items()}


def _seated(visit: Family, tx: Transaction, who: Principal, seen: Row, form: Form) -> list[Row]:
    """The seat of each session that is added: the one asked for while it is free, else the best there is."""
    found = []
    for session in seen["sessions"]:
        if not session["is_seated"] or session["id"] in seen["own"] or session["id"] not in _chosen(seen, form):
            continue
        plan = seating.seat_map(tx, who, session["id"], now=visit.now).body
        best = seating.best_seats(tx, who, session["id"], count=1, seat_type=None, now=visit.now).body
        assert plan is not None
        assert best is not None
        free = [{**seat, "row": row["row"]} for row in plan["rows"] for seat in row["seats"] if seat["state"] == "FREE"]
        asked = form.id(f"seat.{session['id']}")
        if asked not in {seat["id"] for seat in free}:
            asked = next((seat["id"] for seat in best["seats"]), None)
        found.append({"session": session, "free": free, "seat_id": asked})
    return found


def _lines(seen: Row, form: Form, seats: dict[UUID, UUID | None]) -> list[Row]:
    """All that the booking is to hold: what was held stays, of what is to come what is ticked."""
    own: dict[UUID, Row] = seen["own"]
    kept = _chosen(seen, form) | {line["session_id"] for line in seen["fixed"]}
    lines = [{"session_id": session_id, "mode": line["mode"], "extras": _extras_wanted(seen, form, session_id),
              "seat_id": line["seat"] and UUID(str(line["seat"]["id"]))}
             for session_id, line in own.items() if session_id in kept]  # fmt: skip
    for session in seen["sessions"]:
        if session["id"] in kept and session["id"] not in own:
            lines.append({"session_id": session["id"], "mode": "CASUAL",
                          "extras": _extras_wanted(seen, form, session["id"]), "seat_id": seats.get(session["id"]),
                          "activity_ids": _activities_asked(form, session["id"])})  # fmt: skip
    return lines


def _extras_wanted(seen: Row, form: Form, session_id: UUID) -> list[Row]:
    """What is ticked to come with the session, as many as it has; what is not offered there any more stays with it."""
    had = seen["own"][session_id]["extras"] if session_id in seen["own"] else {}
    sold = {extra["extra_id"] for extra in seen["extras"].get(session_id, ())}
    ticked, each = _ticked_extras(seen, form), set(form.ids("each"))
    wanted = (had.keys() - sold) | {one for one in sold if one in each or f"{session_id}.{one}" in ticked}
    return _asked({extra_id: had.get(extra_id, 1) for extra_id in wanted})


def _asked(extras: Mapping[UUID, int]) -> list[Row]:
    return [{"extra_id": extra_id, "quantity": extras[extra_id]} for extra_id in sorted(extras)]


def _activities_asked(form: Form, session_id: UUID) -> Collection[UUID]:
    start = f"{session_id}."
    return [id_in(text.removeprefix(start), "activity") for text in form.texts("activity") if text.startswith(start)]


@router.post("/family/bookings/{booking_id}/change")
def make_change(visit: Family, booking_id: UUID, form: Posted) -> Response:
    """Show what the ticks come to, or make the change as it was shown."""
    if form.text("do") != "make":
        return _page(visit, booking_id, form)
    way = TermBookingConfirmationType.__members__.get(form.text("way"))
    try:
        if way is None:
            raise Invalid(visit.say("Choose how you'd like to pay."))

        def verb(tx: Transaction, who: Principal) -> Answer:
            known: dict[str, Any] = {"actor": who.actor, "now": visit.now}
            seen = _seen(visit, tx, who, booking_id)
            seats = {one["id"]: form.id(f"seat.{one['id']}") for one in seen["sessions"]}
            order = change_order.begin_change(tx, booking_id=booking_id, **known).order
            tx.flush()
            change_order.save(tx, order_id=order.id, lines=_lines(seen, form, seats), **known)
            tx.flush()
            outcome = order_requests.submit(
                tx, order_id=order.id, confirmation_type=way, price_fingerprint=form.text("difference"), **known
            )
            return moved(outcome, who)

        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, booking_id, form, refusal)
    if made["status"] == "APPROVED":
        return visit.go(f"/family/bookings/{booking_id}", visit.say("Your booking has been changed."))
    return visit.go(f"/family/orders/{made['id']}", visit.say("Your change is being held. Pay to confirm it."))

"""Numbered seats of one session as whoever books chooses them: who comes, where they sit, and what comes with it."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from api.moves import Principal
from api.reads import programmes
from api.reads import seats as shown
from engine.database import Row, Transaction
from engine.errors import Invalid, NotFound, Reason
from web.choosing import CASUAL, extras_with, unknown
from web.forms import Form
from web.offering_choice import Choice
from web.visitor import Reader
from web.words import N_


def read_seats(tx: Transaction, who: Principal, session_id: UUID, *, choice: Choice, now: datetime) -> Row:
    """All that a page of the session's seats shows. Raises NotFound."""
    plan = shown.seat_map(tx, who, session_id, now=now).body
    session = programmes.session_to_come(tx, session_id, now=now)
    offering = programmes.one(tx, session["offering_id"], now=now) if session else None
    if plan is None or session is None or offering is None:
        raise NotFound("This session cannot be booked any more.", what="session")
    return {**choice(offering, [session]), "plan": plan, "session": session, "offering": offering}


def sitting_in(visit: Reader, form: Form, seen: Row, *, find_best: bool, alone: UUID | None = None) -> Row:
    """Who comes (`coming`), the seats that are chosen (`sitting`), and in how many `groups` the best are. Who books for
    one person comes `alone`, need not say so, and has the best seat from the first.
    """
    own = [line for line in seen["in_cart"] if line["session_id"] == seen["session"]["id"]]
    if form.fields:
        coming, sitting = set(form.texts("child")), set(form.texts("seat"))
    else:
        coming = {str(line["attendee_id"]) for line in own}
        sitting = {str(line["seat_id"]) for line in own}
    if alone:
        coming = {str(alone)}
        find_best = find_best or not (form.fields or own)
    groups = 0
    if find_best and coming:
        best = visit.fetch(lambda tx, who: shown.best_seats(
            tx, who, seen["session"]["id"], count=len(coming), seat_type=None, now=visit.now).body)  # fmt: skip
        sitting, groups = {str(seat["id"]) for seat in best["seats"]}, best["groups"]
    return {"coming": coming, "sitting": sitting, "groups": groups}


def refuse_unseated(form: Form, seen: Row, *, alone: bool = False) -> None:
    """Everybody who comes sits somewhere, in a seat of this hall that nobody else has. Raises Invalid."""
    seats = form.ids("seat")
    coming = 1 if alone else len(form.ids("child"))
    if not coming:
        message = N_("Select who is coming.")
        raise Invalid(message, reasons=[Reason("missing", message, field="child", rule="seated")])
    if coming != len(seats):
        message = N_("Choose one seat for each person.")
        raise Invalid(message, reasons=[Reason("seats_do_not_match", message, field="seat", rule="seated")])
    states = {seat["id"]: seat["state"] for row in seen["plan"]["rows"] for seat in row["seats"]}
    if not set(seats) <= states.keys():
        raise unknown("seat")
    if any(states[seat] != "FREE" for seat in seats):
        message = N_("Someone else just took that seat. Please choose another. Nothing else has changed.")
        raise Invalid(message, reasons=[Reason("seat_taken", message, field="seat", rule="seat_free")])


def seated_lines(form: Form, seen: Row, coming: Collection[str], sitting: Collection[str]) -> dict[UUID, list[Row]]:
    """Who comes, each at the next of the seats, from the front and from the left."""
    seats = [seat["id"] for row in seen["plan"]["rows"] for seat in row["seats"] if str(seat["id"]) in sitting]
    session_id = seen["session"]["id"]
    children = [
        child for child in seen["children"]
        if str(child["id"]) in coming and not seen["why_not"][child["id"], seen["offering"]["id"]]
        and f"{child['id']}.{session_id}" not in seen["held"]
    ]  # fmt: skip
    return {child["id"]: [{
        "session_id": session_id, "mode": CASUAL, "seat_id": seat_id,
        "extras": extras_with(form, seen, child["id"], session_id), "activity_ids": [],
    }] for child, seat_id in zip(children, seats, strict=False)}  # fmt: skip

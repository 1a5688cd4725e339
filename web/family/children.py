"""The family's children: who they are, what staff must know, and who may collect them."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.births import require_born
from api.editing import edit
from api.families import ATTENDEES, add_attendee
from api.moves import Answer, Principal
from api.reads import family, people
from api.schemas.people import AttendeeChange, NewAttendee
from attendance.consents import consents_of
from attendance.photos import photo_marks
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid
from web.children import child_values
from web.family.people import account_chosen, children_of
from web.forms import Posted, checked
from web.pick_ups import change_pick_ups, pick_ups_page
from web.visitor import Family

router = APIRouter()


@router.get("/family/children")
def show_children(visit: Family) -> Response:
    def query(tx: Transaction, who: Principal) -> Row:
        children = children_of(tx, who)
        ids = [child["id"] for child in children]
        return {"children": children, "photos": photo_marks(tx, ids), "consents": consents_of(tx, ids)}

    return visit.show("family/children.html", query)


@router.get("/family/children/new")
def show_new_child(visit: Family) -> Response:
    return visit.show("family/child.html", _whose, child=None)


def _whose(tx: Transaction, who: Principal) -> Row:
    """The accounts that a new child may belong to: who else is of the chosen one reads about it, and pays for it."""
    return {"accounts": family.names_of(tx, who.actor.account_ids)}


@router.post("/family/children/new")
def add_child(visit: Family, form: Posted) -> Response:
    try:
        asked = checked(NewAttendee, child_values(form))
        require_born(asked.date_of_birth, now=visit.now)

        def verb(tx: Transaction, who: Principal) -> Answer:
            given = asked.model_dump()
            given.pop("account_id")
            return add_attendee(tx, who, account_chosen(who, form.text("account")), given, now=visit.now)

        visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return visit.show("family/child.html", _whose, child=None, form=form, refusal=refusal)
    if form.text("do") == "another":
        return visit.go(
            "/family/children/new", visit.say("%(name)s has been added. Who else is coming?", name=asked.name)
        )
    return visit.go(
        "/family/programs", visit.say("%(name)s has been added. Here are the programs that suit.", name=asked.name)
    )


@router.get("/family/children/{child_id}")
def show_child(visit: Family, child_id: UUID) -> Response:
    return visit.show("family/child.html", lambda tx, who: {"child": people.visible_attendee(tx, who, child_id)})


@router.post("/family/children/{child_id}")
def change_child(visit: Family, child_id: UUID, form: Posted) -> Response:
    try:
        asked = checked(AttendeeChange, child_values(form))
        require_born(asked.date_of_birth, now=visit.now)

        def verb(tx: Transaction, who: Principal) -> Answer:
            people.visible_attendee(tx, who, child_id)
            return edit(tx, ATTENDEES, child_id, asked.changes(), call=visit.call)

        visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return visit.show(
            "family/child.html", lambda tx, who: {"child": people.visible_attendee(tx, who, child_id)}, form=form,
            refusal=refusal,
        )  # fmt: skip
    return visit.go("/family/children", visit.say("Saved."))


@router.get("/family/children/{child_id}/pick-ups")
def show_pick_ups(visit: Family, child_id: UUID) -> Response:
    return pick_ups_page(visit, "family/pick_ups.html", child_id)


@router.post("/family/children/{child_id}/pick-ups")
def change_who_collects(visit: Family, child_id: UUID, form: Posted) -> Response:
    return change_pick_ups(visit, "family/pick_ups.html", child_id, form, f"/family/children/{child_id}/pick-ups")

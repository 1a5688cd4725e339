"""A family's children as the office keeps them: the same form as the family's own."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.births import require_born
from api.editing import edit
from api.families import ATTENDEES, add_attendee
from api.moves import Answer, Principal
from api.reads import people
from api.schemas.people import AttendeeChange, NewAttendee
from attendance.consents import consents_of
from attendance.photos import photo_marks, photo_of
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, Reason, TermbookError
from web.asked import id_of
from web.children import child_values
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.photos import as_picture
from web.pick_ups import change_pick_ups, pick_ups_page
from web.visitor import Admin
from web.words import N_
from workflows.attendee_merge import merge_attendees

router = APIRouter()


@router.get("/admin/families/{account_id}/children/new")
def show_new_child(visit: Admin, account_id: UUID) -> Response:
    def query(tx: Transaction, who: Principal) -> Row:
        return {"account": people.visible_account(tx, who, account_id)}

    return visit.show("admin/child.html", query, child=None, back=f"/admin/families/{account_id}")


@router.post("/admin/families/{account_id}/children/new")
def add_child(visit: Admin, account_id: UUID, form: Posted) -> Response:
    back = f"/admin/families/{account_id}"
    try:
        asked = checked(NewAttendee, child_values(form))
        require_born(asked.date_of_birth, now=visit.now)

        def verb(tx: Transaction, who: Principal) -> Answer:
            given = asked.model_dump()
            given.pop("account_id")
            return add_attendee(tx, who, account_id, given, now=visit.now)

        visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return visit.show("admin/child.html", child=None, back=back, form=form, refusal=refusal)
    return visit.go(back, visit.say("%(name)s added.", name=asked.name))


@router.get("/admin/children/{child_id}")
def show_child(visit: Admin, child_id: UUID) -> Response:
    return _page(visit, child_id)


def _page(
    visit: Admin, child_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> Row:
        return {
            "child": people.visible_attendee(tx, who, child_id), "mark": photo_marks(tx, [child_id]).get(child_id),
            "consents": consents_of(tx, [child_id]).get(child_id, []),
        }  # fmt: skip

    return visit.show("admin/child.html", query, form=form, refusal=refusal, back=_back(visit))


@router.get("/admin/children/{child_id}/pick-ups")
def show_pick_ups(visit: Admin, child_id: UUID) -> Response:
    return pick_ups_page(visit, "admin/pick_ups.html", child_id)


@router.post("/admin/children/{child_id}/pick-ups")
def change_who_collects(visit: Admin, child_id: UUID, form: Posted) -> Response:
    return change_pick_ups(visit, "admin/pick_ups.html", child_id, form, f"/admin/children/{child_id}/pick-ups")


@router.get("/admin/children/{child_id}/photo")
def read_photo(visit: Admin, child_id: UUID) -> Response:
    return as_picture(visit.fetch(lambda tx, _: photo_of(tx, child_id)), visit.state.settings)


def _back(visit: Admin) -> str:
    family = id_of(visit, "family")
    return f"/admin/families/{family}" if family else "/admin/families"


@router.post("/admin/children/{child_id}/merge")
def merge(visit: Admin, child_id: UUID, form: Posted) -> Response:
    """Bring another record of the same child together with this one, which stays."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        merge_attendees(tx, keep_id=child_id, merge_id=_other(tx, form), reason=form.text("reason")[:4000],
                        actor=who.actor, now=visit.now)  # fmt: skip
        return Answer({})

    try:
        visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return _page(visit, child_id, form, refusal)
    back = id_of(visit, "family")
    return visit.go(f"/admin/children/{child_id}{f'?family={back}' if back else ''}",
                    visit.say("The two records have been merged."))  # fmt: skip


def _other(tx: Transaction, form: Form) -> UUID:
    """The record of that reference, once it was said that it is the same child. Raises Invalid."""
    if not form.is_ticked("is_sure"):
        message = N_("Confirm that this is the same child. This can't be undone.")
        raise Invalid(message, reasons=[Reason("required", message, field="is_sure")])
    found = tx.row("SELECT id FROM attendee WHERE organisation_id = %(org)s AND reference = %(reference)s",
                   reference=form.text("reference").upper())  # fmt: skip
    if found is None:
        message = N_("There is no child with this reference.")
        raise Invalid(message, reasons=[Reason("unknown", message, field="reference")])
    other_id: UUID = found["id"]
    return other_id


@router.post("/admin/children/{child_id}")
def change_child(visit: Admin, child_id: UUID, form: Posted) -> Response:
    try:
        asked = checked(AttendeeChange, child_values(form))
        require_born(asked.date_of_birth, now=visit.now)
        visit.move(form, lambda tx, _: edit(tx, ATTENDEES, child_id, asked.changes(), call=visit.call))
    except (Invalid, Conflict) as refusal:
        return _page(visit, child_id, form, refusal)
    return visit.go(_back(visit), visit.say("Changes saved."))

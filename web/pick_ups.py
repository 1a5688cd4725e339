"""Who may collect a child, with a phone number and a PIN for the door: the same page for the family and the office."""

from uuid import UUID

from starlette.responses import Response

from api.moves import Answer, Principal
from api.passwords import hash_password
from api.reads import people as shown
from api.schemas.rolls import AuthorisedPersonChange, NewAuthorisedPerson
from attendance import people
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from web.forms import NOTHING_SENT, Form, checked, fields_are
from web.visitor import SignedIn
from web.words import N_


def pick_ups_page(
    visit: SignedIn, template: str, child_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> Row:
        return {"child": shown.visible_attendee(tx, who, child_id), "people": people.people_of(tx, child_id)}

    return visit.show(template, query, form=form, refusal=refusal)


def change_pick_ups(visit: SignedIn, template: str, child_id: UUID, form: Form, back: str) -> Response:
    """Add somebody, give them another PIN, or take them off the list."""
    steps = {"add": _add, "pin": _set_pin, "remove": _remove}
    try:
        said = steps.get(form.text("do"), _add)(visit, child_id, form)
    except (Conflict, Invalid) as refusal:
        return pick_ups_page(visit, template, child_id, form, refusal)
    return visit.go(back, visit.say(said))


def _add(visit: SignedIn, child_id: UUID, form: Form) -> str:
    given = {name: form.text(name) for name in ("name", "relationship", "phone")}
    asked = checked(NewAuthorisedPerson, {**given, "pin": form.text("pin") or None})
    pin_hash = hash_password(asked.pin) if asked.pin else None

    def verb(tx: Transaction, who: Principal) -> Answer:
        shown.visible_attendee(tx, who, child_id)
        people.add_person(tx, attendee_id=child_id, **asked.model_dump(exclude={"pin"}), pin_hash=pin_hash,
                          now=visit.now)  # fmt: skip
        return Answer({})

    visit.move(form, verb)
    return N_("This person may now collect.")


def _set_pin(visit: SignedIn, child_id: UUID, form: Form) -> str:
    with fields_are(pin=f"pin-{form.text('person')}"):  # each person has a field of their own
        asked = checked(AuthorisedPersonChange, {"pin": form.text("new_pin")})
    assert asked.pin is not None, "an empty text is no PIN"
    pin_hash = hash_password(asked.pin)

    def verb(tx: Transaction, who: Principal) -> Answer:
        people.change_person(tx, person_id=_own(tx, who, child_id, form), changes={"pin_hash": pin_hash})
        return Answer({})

    visit.move(form, verb)
    return N_("PIN saved.")


def _remove(visit: SignedIn, child_id: UUID, form: Form) -> str:
    def verb(tx: Transaction, who: Principal) -> Answer:
        people.remove_person(tx, person_id=_own(tx, who, child_id, form), now=visit.now)
        return Answer({})

    visit.move(form, verb)
    return N_("This person may no longer collect.")


def _own(tx: Transaction, who: Principal, child_id: UUID, form: Form) -> UUID:
    """The person of this child that the form is about. Raises NotFound."""
    shown.visible_attendee(tx, who, child_id)
    person_id = form.id("person")
    if person_id is None or person_id not in {row["id"] for row in people.people_of(tx, child_id)}:
        raise NotFound("There is no such authorised person.", what="authorised person")
    return person_id

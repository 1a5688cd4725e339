"""Who may collect an attendee: records of the family, with a phone number and a PIN."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import OWNERS, creates, for_roles
from api.passwords import hash_password
from api.reads import people as shown
from api.schemas.base import Page
from api.schemas.rolls import AuthorisedPerson, AuthorisedPersonChange, NewAuthorisedPerson
from attendance import people
from engine.database import Transaction
from engine.errors import NotFound

router = APIRouter(tags=["people"])


@router.get(
    "/attendees/{attendee_id}/authorised-people", **for_roles(OWNERS, 404, response_model=Page[AuthorisedPerson])
)  # fmt: skip
def list_authorised_people(attendee_id: UUID, call: Called) -> Response:
    """Who may collect the attendee, by name."""

    def query(tx: Transaction, who: Principal) -> Answer:
        shown.visible_attendee(tx, who, attendee_id)
        return Answer({"items": people.people_of(tx, attendee_id), "next_cursor": None})

    return call.read(query)


@router.post(
    "/attendees/{attendee_id}/authorised-people",
    **for_roles(OWNERS, *creates(404), status_code=201, response_model=AuthorisedPerson),
)  # fmt: skip
def authorise_person(attendee_id: UUID, body: NewAuthorisedPerson, call: Called) -> Response:
    """Authorise a person to collect the attendee; nobody who must not collect can be."""
    pin_hash = hash_password(body.pin) if body.pin else None

    def verb(tx: Transaction, who: Principal) -> Answer:
        shown.visible_attendee(tx, who, attendee_id)
        given = body.model_dump(exclude={"pin"})
        made = people.add_person(tx, attendee_id=attendee_id, **given, pin_hash=pin_hash, now=call.now)
        return Answer(made, 201)

    return call.move(verb)


@router.patch(
    "/authorised-people/{person_id}", **for_roles(OWNERS, *creates(404), response_model=AuthorisedPerson)
)  # fmt: skip
def change_authorised_person(person_id: UUID, body: AuthorisedPersonChange, call: Called) -> Response:
    """Change phone, relationship or PIN; what is left out stays as it is."""
    changes = body.changes()
    if "pin" in changes:
        changes["pin_hash"] = hash_password(changes["pin"]) if changes["pin"] else None

    def verb(tx: Transaction, who: Principal) -> Answer:
        _require_own(tx, who, person_id)
        return Answer(people.change_person(tx, person_id=person_id, changes=changes))

    return call.move(verb)


@router.delete("/authorised-people/{person_id}", **for_roles(OWNERS, 404, status_code=204))
def remove_authorised_person(person_id: UUID, call: Called) -> Response:
    """From now on this person does not collect any more."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        _require_own(tx, who, person_id)
        people.remove_person(tx, person_id=person_id, now=call.now)
        return Answer(status=204)

    return call.move(verb)


def _require_own(tx: Transaction, who: Principal, person_id: UUID) -> None:
    """Raises NotFound where the person is none of an attendee of this caller."""
    row = tx.row("SELECT attendee_id FROM authorised_person WHERE organisation_id = %(org)s AND id = %(id)s "
                 "AND removed_at IS NULL", id=person_id)  # fmt: skip
    missing = NotFound("There is no such authorised person.", what="authorised person")
    if row is None:
        raise missing
    try:
        shown.visible_attendee(tx, who, row["attendee_id"])
    except NotFound:
        raise missing from None

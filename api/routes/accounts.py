"""Families: accounts, the children they book for, and the guardians who act for them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.births import require_born
from api.dependencies import Called, NoInput
from api.editing import as_refusals, create, edit
from api.families import ATTENDEES, LINK, add_attendee
from api.moves import Answer, Call, Principal, etag
from api.operations import ADMIN, OWNERS, OWNERS_AND_FINANCE, creates, for_roles
from api.reads import people as shown
from api.reads.paging import Cursor, Limit
from api.records import ACCOUNTS
from api.schemas import people as schemas
from api.schemas.base import Page, ShortText
from engine.database import Transaction
from engine.errors import Invalid, NotFound, Reason
from engine.ids import new_id, new_reference

router = APIRouter(tags=["people"])

Search = Annotated[
    ShortText | None, Query(description="How a word of a name, number or e-mail address begins, or a reference.")
]


@router.get("/accounts", **for_roles(OWNERS_AND_FINANCE, response_model=Page[schemas.Account]))
def list_accounts(call: Called, q: Search = None, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Accounts; a family sees its own."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.accounts(who, named=q or "")
        return found.page(tx, cursor=cursor, limit=limit, show=dict)

    return call.read(query)


@router.post("/accounts", **for_roles(ADMIN, *creates(409), status_code=201, response_model=schemas.Account))
def make_account(body: schemas.NewAccount, call: Called) -> Response:
    """Make an account for a family or payer."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        given = {"reference": new_reference("AC"), "created_at": call.now}
        return create(tx, ACCOUNTS, body.model_dump() | given)

    return call.move(verb)


@router.get(
    "/accounts/{account_id}", **for_roles(OWNERS_AND_FINANCE, 304, 404, response_model=schemas.AccountWhole)
)  # fmt: skip
def read_account(account_id: UUID, call: Called) -> Response:
    """An account with its attendees, its guardians, what it owes and what it has left."""
    return call.read(lambda tx, who: shown.account(tx, who, account_id))


@router.patch("/accounts/{account_id}", **for_roles(ADMIN, *creates(404, 409, 412), response_model=schemas.Account))
def change_account(account_id: UUID, body: schemas.AccountChange, call: Called) -> Response:
    """Change an account; what is left out stays as it is. `If-Match` is honoured."""
    return call.move(lambda tx, _: edit(tx, ACCOUNTS, account_id, body.changes(), call=call))


_UNLINK = {
    "attendee": "DELETE FROM account_attendee WHERE organisation_id = %(org)s AND account_id = %(account_id)s "
    "AND attendee_id = %(other_id)s",
    "guardian": "DELETE FROM account_user WHERE organisation_id = %(org)s AND account_id = %(account_id)s "
    "AND user_id = %(other_id)s",
}


@router.put(
    "/accounts/{account_id}/attendees/{attendee_id}", **for_roles(ADMIN, *creates(404), status_code=204)
)  # fmt: skip
def link_attendee(account_id: UUID, attendee_id: UUID, call: Called, _: NoInput = None) -> Response:
    """The account may book for this attendee from now on, beside others (separated parents)."""
    return _link(call, "attendee", account_id, attendee_id)


@router.delete(
    "/accounts/{account_id}/attendees/{attendee_id}", **for_roles(ADMIN, 404, status_code=204)
)  # fmt: skip
def unlink_attendee(account_id: UUID, attendee_id: UUID, call: Called) -> Response:
    """The account may no longer book for this attendee; what it booked stays."""
    return _unlink(call, "attendee", account_id, attendee_id)


@router.put("/accounts/{account_id}/guardians/{user_id}", **for_roles(ADMIN, *creates(404), status_code=204))
def link_guardian(account_id: UUID, user_id: UUID, call: Called, _: NoInput = None) -> Response:
    """This user acts for the account from now on."""
    return _link(call, "guardian", account_id, user_id)


@router.delete("/accounts/{account_id}/guardians/{user_id}", **for_roles(ADMIN, 404, status_code=204))
def unlink_guardian(account_id: UUID, user_id: UUID, call: Called) -> Response:
    """This user no longer acts for the account."""
    return _unlink(call, "guardian", account_id, user_id)


def _link(call: Call, what: str, account_id: UUID, other_id: UUID) -> Response:
    def verb(tx: Transaction, who: Principal) -> Answer:
        try:
            with as_refusals("account"):
                tx.run(LINK[what], id=new_id(), account_id=account_id, other_id=other_id)
        except Invalid as unknown:
            raise NotFound(unknown.message, what=what) from unknown
        return Answer(status=204)

    return call.move(verb)


def _unlink(call: Call, what: str, account_id: UUID, other_id: UUID) -> Response:
    def verb(tx: Transaction, who: Principal) -> Answer:
        if not tx.run(_UNLINK[what], account_id=account_id, other_id=other_id):
            raise NotFound(f"The account has no such {what}.", what=what)
        return Answer(status=204)

    return call.move(verb)


@router.get("/attendees", **for_roles(OWNERS, response_model=Page[schemas.Attendee]))
def list_attendees(
    call: Called, account_id: UUID | None = None, q: Search = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Attendees; a family sees its own."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.attendees(who, named=q or "")
        shown.of_account(found, account_id)
        return found.page(tx, cursor=cursor, limit=limit, show=dict)

    return call.read(query)


@router.post("/attendees", **for_roles(OWNERS, *creates(404, 409), status_code=201, response_model=schemas.Attendee))
def make_attendee(body: schemas.NewAttendee, call: Called) -> Response:
    """Make an attendee of an account."""
    given = body.model_dump()
    account_id = given.pop("account_id")
    require_born(body.date_of_birth, now=call.now)

    def verb(tx: Transaction, who: Principal) -> Answer:
        return add_attendee(tx, who, _account_of(who, account_id), given, now=call.now)

    return call.move(verb)


def _account_of(who: Principal, account_id: UUID | None) -> UUID:
    """Selected by hand by an admin, a family's own otherwise."""
    if account_id is None and len(who.actor.account_ids) == 1:
        return next(iter(who.actor.account_ids))
    if account_id is None:
        message = "Select the account that the attendee belongs to."
        raise Invalid(message, reasons=[Reason("required", message, field="account_id")])
    return account_id


@router.get("/attendees/{attendee_id}", **for_roles(OWNERS, 304, 404, response_model=schemas.Attendee))
def read_attendee(attendee_id: UUID, call: Called) -> Response:
    """An attendee with medical and pick-up notes."""

    def query(tx: Transaction, who: Principal) -> Answer:
        row = shown.visible_attendee(tx, who, attendee_id)
        return Answer(row, version=etag(row))

    return call.read(query)


@router.patch(
    "/attendees/{attendee_id}", **for_roles(OWNERS, *creates(404, 412), response_model=schemas.Attendee)
)  # fmt: skip
def change_attendee(attendee_id: UUID, body: schemas.AttendeeChange, call: Called) -> Response:
    """Change an attendee; what is left out stays as it is. `If-Match` is honoured."""
    changes = body.changes()
    if "date_of_birth" in changes:
        require_born(body.date_of_birth, now=call.now)

    def verb(tx: Transaction, who: Principal) -> Answer:
        shown.visible_attendee(tx, who, attendee_id)
        return edit(tx, ATTENDEES, attendee_id, changes, call=call)

    return call.move(verb)

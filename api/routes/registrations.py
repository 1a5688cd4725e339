"""Registering with a proved e-mail address, and bringing two records of one child together."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import ADMIN, creates, for_anyone, for_roles
from api.passwords import hash_password
from api.schemas.guests import AskedByEmail, AttendeeMerge, NewAttendeeMerge, Registered, Registration
from api.visits import REGISTER_BY_EMAIL, Visited
from engine.database import Transaction
from engine.links import LinkInvalid, open_link
from workflows import registration
from workflows.attendee_merge import merge_attendees

router = APIRouter(tags=["people"])


@router.post("/registrations", **for_anyone(*creates(404, 422, 429), status_code=204))
def ask_registration(body: AskedByEmail, visit: Visited) -> Response:
    """Mail an address that finishes the registration. The answer is the same for every e-mail address."""
    organisation_id = visit.centre(body.organisation)
    visit.count(organisation_id, REGISTER_BY_EMAIL, body.email)

    def verb(tx: Transaction, who: Principal) -> Answer:
        registration.ask(tx, email=body.email, now=visit.now)
        return Answer(status=204)

    return visit.run(organisation_id, verb)


@router.post("/registrations/{link}", **for_anyone(*creates(403, 422), response_model=Registered))
def finish_registration(link: str, visit: Visited, body: Registration | None = None) -> Response:
    """Make the login, or find the one that there is; the bookings made with the address without a login become its
    own. Doing it again changes nothing.
    """
    asked = body or Registration()
    facts = open_link(visit.state.settings.secret, registration.PURPOSE, link, now=visit.now)
    try:
        organisation_id, email = UUID(hex=facts["organisation"]), facts["email"]
    except (KeyError, ValueError) as fault:
        raise LinkInvalid("This link is not valid; ask for a new one.") from fault
    # Outside of the transaction: it takes a while, as it should.
    password_hash = hash_password(asked.password) if asked.password else None

    def verb(tx: Transaction, who: Principal) -> Answer:
        made = registration.finish(tx, email=email, name=asked.name, password_hash=password_hash, now=visit.now)
        return Answer({"user_id": made.user_id, "account_id": made.account_id, "email": email,
                       "is_new_user": made.is_new_user, "has_claimed": made.has_claimed})  # fmt: skip

    return visit.run(organisation_id, verb)


@router.post("/attendee-merges", **for_roles(ADMIN, *creates(404, 409), status_code=201, response_model=AttendeeMerge))
def make_attendee_merge(body: NewAttendeeMerge, call: Called) -> Response:
    """Bring two records of one child together: orders, bookings, rolls and accounts of the second become the first's.
    Refused where both are held at the same time.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        merged = merge_attendees(
            tx, keep_id=body.keep_id, merge_id=body.merge_id, reason=body.reason, actor=who.actor, now=call.now
        )
        return Answer({"keep_id": body.keep_id, "merge_id": body.merge_id, **merged, "merged_at": call.now}, 201)

    return call.move(verb)

"""Calendar feeds: a signed address for each attendee, and what it gives to a calendar program."""

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import OWNERS, creates, for_anyone, for_roles
from api.schemas.documents import CalendarLink
from api.visits import Visited
from engine.database import Transaction
from engine.links import LinkInvalid, open_link
from workflows.calendar_feeds import PURPOSE, feed_link, read_feed, renew_feed

router = APIRouter(tags=["people"])

_CALENDAR = {
    200: {
        "description": "The calendar.",
        "content": {"text/calendar": {"schema": {"type": "string"}, "example": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n…"}},
    }
}


@router.get("/attendees/{attendee_id}/calendar", **for_roles(OWNERS, 404, response_model=CalendarLink))
def read_calendar_link(attendee_id: UUID, call: Called, request: Request, account_id: UUID | None = None) -> Response:
    """The address of the attendee's calendar: give it to a calendar program, and to nobody else. It shows what the
    account booked.
    """
    settings = request.app.state.termbook.settings

    def query(tx: Transaction, who: Principal) -> Answer:
        link, until = feed_link(tx, attendee_id=attendee_id, account_id=account_id, actor=who.actor,
                                secret=settings.secret, now=call.now)  # fmt: skip
        return Answer({"url": f"{settings.base_url}/calendars/{link}.ics", "valid_until": until})

    return call.read(query)


@router.post(
    "/attendees/{attendee_id}/calendar",
    **for_roles(OWNERS, *creates(404), status_code=201, response_model=CalendarLink),
)  # fmt: skip
def renew_calendar_link(attendee_id: UUID, call: Called, request: Request, account_id: UUID | None = None) -> Response:
    """A new address of the attendee's calendar: those that were given before open nothing any more."""
    settings = request.app.state.termbook.settings

    def verb(tx: Transaction, who: Principal) -> Answer:
        link, until = renew_feed(tx, attendee_id=attendee_id, account_id=account_id, actor=who.actor,
                                 secret=settings.secret, now=call.now)  # fmt: skip
        return Answer({"url": f"{settings.base_url}/calendars/{link}.ics", "valid_until": until}, 201)

    return call.move(verb)


@router.get(
    "/calendars/{link}.ics", **for_anyone(403, 404, 422, responses=_CALENDAR, response_class=Response)
)  # fmt: skip
def read_calendar(link: str, visit: Visited) -> Response:
    """The calendar that the address names, as it stands now."""
    facts = open_link(visit.state.settings.secret, PURPOSE, link, now=visit.now)
    try:
        organisation, account, attendee = (UUID(hex=facts[name]) for name in ("organisation", "account", "attendee"))
        serial = int(facts.get("serial", "1"))  # an address from before they were counted is the first
    except (KeyError, ValueError) as fault:
        raise LinkInvalid("This link is not valid; ask for a new one.") from fault
    content = visit.fetch(
        organisation,
        lambda tx, _: read_feed(tx, account_id=account, attendee_id=attendee, serial=serial, now=visit.now),
    )
    return Response(content, media_type="text/calendar", headers={"Cache-Control": "private, max-age=900"})

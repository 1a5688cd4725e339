"""Sessions with their places, and the roll that staff take."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Called
from api.editing import require_match
from api.moves import Answer, Principal
from api.operations import ADMIN, EVERYBODY, STAFF, creates, for_roles
from api.reads import sessions as shown
from api.reads.extras import session_extras as shown_extras
from api.reads.paging import Cursor, Limit
from api.reads.rolls import show_roll
from api.schemas.base import Day, Page
from api.schemas.sessions import Marks, Roll, Session, SessionChange, SessionExtras, SessionWhole
from attendance import roll as rolls
from engine.database import Transaction
from engine.errors import NotFound
from workflows.capacity import set_capacity

router = APIRouter(tags=["sessions"])


@router.get("/sessions", **for_roles(EVERYBODY, response_model=Page[Session]))
def list_sessions(
    call: Called, offering_id: UUID | None = None, term_id: UUID | None = None, site_id: UUID | None = None,
    date_from: Annotated[Day | None, Query(description="The site's local date, included.")] = None,
    date_until: Annotated[Day | None, Query(description="The site's local date, included.")] = None,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Sessions in order of time, with their places; families see those of published offerings."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.sessions(who)
        found.where("s.term_program_set_id = %(offering)s", offering=offering_id)
        found.where("p.term_id = %(term)s", term=term_id)
        found.where("g.site_id = %(site)s", site=site_id)
        found.where("s.local_date >= %(date_from)s", date_from=date_from)
        found.where("s.local_date <= %(date_until)s", date_until=date_until)
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show_session(who, row), now=call.now)

    return call.read(query)


@router.get("/sessions/{session_id}", **for_roles(EVERYBODY, 304, 404, response_model=SessionWhole))
def read_session(session_id: UUID, call: Called) -> Response:
    """A session with its places; for admins and the site's staff also its bookings and how many are active."""
    return call.read(lambda tx, who: shown.one_session(tx, who, session_id, now=call.now))


@router.get("/sessions/{session_id}/extras", **for_roles(EVERYBODY, 404, response_model=SessionExtras))
def list_session_extras(session_id: UUID, call: Called) -> Response:
    """What is sold beside the session, with what it costs and how many are left there."""
    return call.read(lambda tx, who: shown_extras(tx, who, session_id))


_LOCK = "SELECT 1 FROM term_product WHERE organisation_id = %(org)s AND id = %(id)s FOR NO KEY UPDATE"


@router.patch("/sessions/{session_id}", **for_roles(ADMIN, *creates(404, 412), response_model=SessionWhole))
def change_session(session_id: UUID, body: SessionChange, call: Called) -> Response:
    """Give a session more or fewer places, never fewer than are taken; new ones are offered to who waits. `If-Match` is
    honoured; a place that was taken meanwhile is another version too.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        if tx.row(_LOCK, id=session_id) is None:
            raise NotFound("There is no such session.", what="session")
        require_match(call, str(shown.one_session(tx, who, session_id, now=call.now).version), "session")
        set_capacity(
            tx, session_id=session_id, capacity=body.capacity, reason=body.reason, actor=who.actor, now=call.now
        )
        tx.finish()
        return shown.one_session(tx, who, session_id, now=call.now)

    return call.move(verb)


@router.get("/sessions/{session_id}/roll", **for_roles(STAFF, 404, response_model=Roll))
def read_roll(session_id: UUID, call: Called) -> Response:
    """Who is expected, what staff must know of them, who came."""
    return call.read(
        lambda tx, who: Answer(show_roll(rolls.read_roll(tx, session_id=session_id, actor=who.actor)))
    )  # fmt: skip


@router.put("/sessions/{session_id}/roll/marks", **for_roles(STAFF, *creates(404, 409), response_model=Roll))
def mark_roll(session_id: UUID, body: Marks, call: Called) -> Response:
    """Mark who is present, absent or gone. A mark that contradicts a newer one comes back in `conflicts`."""
    marks = [rolls.Mark(**mark.model_dump(), device=body.device) for mark in body.marks]

    def verb(tx: Transaction, who: Principal) -> Answer:
        roll = rolls.mark_roll(tx, session_id=session_id, marks=marks, actor=who.actor, now=call.now)
        return Answer(show_roll(roll))

    return call.move(verb)

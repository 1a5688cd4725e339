"""Opening a closed day at a site, or one closed session, again: first look, then open what was shown."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Call, Principal
from api.operations import ADMIN, creates, for_roles
from api.schemas.base import Day
from api.schemas.closures import NewReopening, Reopening
from engine.database import Transaction
from workflows import closure_reopening
from workflows.closure_facts import Scope

router = APIRouter(tags=["closures"])


@router.get("/sites/{site_id}/days/{day}/reopening-preview", **for_roles(ADMIN, 404, response_model=Reopening))
def preview_day_reopening(site_id: UUID, day: Day, call: Called) -> Response:
    """What opening the closed day again would do: whose sessions come back, what they pay, who stays out and why."""
    return _preview(call, Scope(site_id=site_id, day=day))


@router.post("/sites/{site_id}/days/{day}/reopening", **for_roles(ADMIN, *creates(404), response_model=Reopening))
def reopen_day(site_id: UUID, day: Day, body: NewReopening, call: Called) -> Response:
    """Open a closed day as its preview showed: sessions are booked and invoiced again, the credit of the closing pays
    for them. Refused with the fresh preview where anything changed since, and once a session would have begun.
    """
    return _reopen(call, Scope(site_id=site_id, day=day), body)


@router.get("/sessions/{session_id}/reopening-preview", **for_roles(ADMIN, 404, response_model=Reopening))
def preview_session_reopening(session_id: UUID, call: Called) -> Response:
    """What opening this one session again would do. Nothing is changed."""
    return _preview(call, Scope(session_id=session_id))


@router.post("/sessions/{session_id}/reopening", **for_roles(ADMIN, *creates(404), response_model=Reopening))
def reopen_session(session_id: UUID, body: NewReopening, call: Called) -> Response:
    """Open one closed session as its preview showed; the site's other sessions of the day stay as they are."""
    return _reopen(call, Scope(session_id=session_id), body)


def _preview(call: Call, scope: Scope) -> Response:
    return call.read(
        lambda tx, who: Answer(closure_reopening.preview(tx, scope, actor=who.actor, now=call.now))
    )  # fmt: skip


def _reopen(call: Call, scope: Scope, asked: NewReopening) -> Response:
    def verb(tx: Transaction, who: Principal) -> Answer:
        done = closure_reopening.reopen_day(
            tx, scope, fingerprint=asked.fingerprint, reason=asked.reason, actor=who.actor, now=call.now,
            is_muted=asked.is_muted,
        )  # fmt: skip
        return Answer(done)

    return call.move(verb)

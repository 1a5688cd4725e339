"""Closing a day at a site, or one session: first look, then close what was shown."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Call, Principal
from api.operations import ADMIN, creates, for_roles
from api.schemas.base import Day
from api.schemas.closures import Closure, NewClosure
from engine.database import Transaction
from workflows import closure_days
from workflows.closure_facts import Scope

router = APIRouter(tags=["closures"])


@router.get("/sites/{site_id}/days/{day}/closure-preview", **for_roles(ADMIN, 404, response_model=Closure))
def preview_day_closure(site_id: UUID, day: Day, call: Called) -> Response:
    """What closing the day at the site would do: whose sessions, how much is credited. Nothing is changed."""
    return _preview(call, Scope(site_id=site_id, day=day))


@router.post("/sites/{site_id}/days/{day}/closure", **for_roles(ADMIN, *creates(404), response_model=Closure))
def close_day(site_id: UUID, day: Day, body: NewClosure, call: Called) -> Response:
    """Close a day at the site as its preview showed: every session but those that somebody came to is credited, the
    families are told. Refused with the fresh preview where anything changed since, and while anyone is signed in.
    """
    return _close(call, Scope(site_id=site_id, day=day), body)


@router.get("/sessions/{session_id}/closure-preview", **for_roles(ADMIN, 404, response_model=Closure))
def preview_session_closure(session_id: UUID, call: Called) -> Response:
    """What closing this one session would do. Nothing is changed."""
    return _preview(call, Scope(session_id=session_id))


@router.post("/sessions/{session_id}/closure", **for_roles(ADMIN, *creates(404), response_model=Closure))
def close_session(session_id: UUID, body: NewClosure, call: Called) -> Response:
    """Close one session as its preview showed; the site's other sessions of the day take place."""
    return _close(call, Scope(session_id=session_id), body)


def _preview(call: Call, scope: Scope) -> Response:
    return call.read(lambda tx, _: Answer(closure_days.preview(tx, scope)))


def _close(call: Call, scope: Scope, asked: NewClosure) -> Response:
    def verb(tx: Transaction, who: Principal) -> Answer:
        done = closure_days.close_day(
            tx, scope, fingerprint=asked.fingerprint, reason=asked.reason, actor=who.actor, now=call.now,
            is_muted=asked.is_muted,
        )  # fmt: skip
        return Answer(done)

    return call.move(verb)

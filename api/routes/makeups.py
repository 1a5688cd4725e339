"""Absences, makeup credits, and the sessions that one can be booked for."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import ADMIN, OWNERS, OWNERS_AND_FINANCE, STAFF, creates, for_roles
from api.reads import makeups as shown
from api.reads import sessions
from api.reads.paging import Cursor, Limit
from api.schemas.base import Page
from api.schemas.makeups import (
    Absence,
    AbsenceWithdrawal,
    Expected,
    MakeupCredit,
    NewAbsence,
    Revocation,
    RollClosing,
    SettledRoll,
)  # fmt: skip
from api.schemas.sessions import Session
from engine.database import Transaction
from models import MakeupReach
from workflows import absences, makeup_credit, roll_closing
from workflows.absence_withdrawal import withdraw_absence as withdraw

router = APIRouter(tags=["makeup sessions"])


@router.post("/bookings/{booking_id}/absences", **for_roles(OWNERS, *creates(404), response_model=Absence))
def notify_absence(booking_id: UUID, body: NewAbsence, call: Called) -> Response:
    """Tell before a session that the attendee will not come. The place is kept; told in time, and where the program's
    rule says so, it gives a makeup credit.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        told = absences.notify_absence(
            tx, booking_id=booking_id, session_id=body.session_id, actor=who.actor, now=call.now, reason=body.reason
        )
        return Answer(_absence(told))

    return call.move(verb)


@router.post(
    "/bookings/{booking_id}/absences/withdrawal", **for_roles(OWNERS, *creates(404), response_model=Expected)
)  # fmt: skip
def withdraw_absence(booking_id: UUID, body: AbsenceWithdrawal, call: Called) -> Response:
    """Take an absence back before its session begins: the attendee is expected, and the credit that it gave goes."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        withdraw(tx, booking_id=booking_id, session_id=body.session_id, actor=who.actor, now=call.now)
        return Answer({"session_id": body.session_id, "status": "EXPECTED"})

    return call.move(verb)


def _absence(told: absences.Absence) -> dict[str, Any]:
    credit = told.credit
    return {
        "session_id": told.session_id, "status": "ABSENT_NOTIFIED", "makeup_credit_id": credit and credit.id,
        "makeup_credit": credit and credit.reference, "expires_at": credit and credit.expires_at,
        "why_none": told.why_none,
    }  # fmt: skip


@router.get("/makeup-credits", **for_roles(OWNERS_AND_FINANCE, response_model=Page[MakeupCredit]))
def list_makeup_credits(
    call: Called, attendee_id: UUID | None = None, account_id: UUID | None = None, cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:  # fmt: skip
    """Makeup credits, newest first; a family sees its own."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.listing(who)
        found.where("m.attendee_id = %(attendee)s", attendee=attendee_id)
        found.where("m.account_id = %(account)s", account=account_id)
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show(row, call.now))

    return call.read(query)


@router.get(
    "/makeup-credits/{makeup_credit_id}/sessions", **for_roles(OWNERS_AND_FINANCE, 404, response_model=Page[Session])
)  # fmt: skip
def list_makeup_sessions(
    makeup_credit_id: UUID, call: Called, cursor: Cursor = None, limit: Limit = 50
) -> Response:  # fmt: skip
    """The sessions that the credit can be booked for now: where it reaches, with a place left, before it expires."""

    def query(tx: Transaction, who: Principal) -> Answer:
        credit = shown.one(tx, who, makeup_credit_id, call.now).body
        assert credit is not None
        found = sessions.sessions(who)
        if credit["reach"] == MakeupReach.PROGRAM:
            found.where("g.id = %(program)s", program=credit["program_id"])
        elif credit["reach"] == MakeupReach.CATEGORY:
            found.where("g.category_id = %(category)s", category=credit["category_id"])
        found.where("s.starts_at <= %(until)s", until=credit["expires_at"])
        found.where("s.starts_at > %(since)s", since=call.now)
        found.conditions.append("s.status = 'OPEN' AND p.status = 'PUBLISHED' AND s.taken < s.capacity")
        return found.page(
            tx, cursor=cursor, limit=limit, show=lambda row: sessions.show_session(who, row), now=call.now
        )

    return call.read(query)


@router.post(
    "/makeup-credits/{makeup_credit_id}/revocation", **for_roles(ADMIN, *creates(404), response_model=MakeupCredit)
)  # fmt: skip
def revoke_makeup_credit(makeup_credit_id: UUID, body: Revocation, call: Called) -> Response:
    """Take a credit back that nobody has booked yet."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        makeup_credit.revoke(tx, credit_id=makeup_credit_id, actor=who.actor, now=call.now, reason=body.reason)
        tx.flush()
        return shown.one(tx, who, makeup_credit_id, call.now)

    return call.move(verb)


@router.post("/sessions/{session_id}/roll/closing", **for_roles(STAFF, *creates(404), response_model=SettledRoll))
def close_roll(session_id: UUID, call: Called, body: RollClosing | None = None) -> Response:
    """Settle the roll of a session that is over: who was expected and did not come is absent, absences that were told
    in time give their makeup credit, makeup sessions have used theirs. Who is not marked yet has to be named; the
    refusal (`not_marked`) says who that is.
    """
    absent = body.absent if body else []

    def verb(tx: Transaction, who: Principal) -> Answer:
        settled = roll_closing.close_roll(tx, session_id=session_id, absent=absent, actor=who.actor, now=call.now)
        return Answer({name: getattr(settled, name) for name in SettledRoll.model_fields})

    return call.move(verb)

"""The roll of a session as the office sees it: what closing it settled, and opening it again with a reason."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import rolls as shown
from api.schemas.rolls import Reopening
from attendance.roll import read_roll
from engine.database import Transaction
from engine.errors import Conflict, Invalid, TermbookError
from models import AttendanceStatus, Role
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.visitor import Admin
from workflows import roll_closing

router = APIRouter()


@router.get("/admin/rolls/{session_id}")
def show_roll(visit: Admin, session_id: UUID) -> Response:
    return _page(visit, session_id)


def _page(
    visit: Admin, session_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        roll = read_roll(tx, session_id=session_id, actor=who.actor)
        late = shown.late_pickups()
        late.where("x.term_product_id = %(session)s", session=session_id)
        fees = late.page(tx, cursor=None, limit=200, show=lambda row: shown.show_late(who, row)).body or {}
        counts = [(status.value, roll.count(status)) for status in AttendanceStatus if roll.count(status)]
        return {"roll": roll, "counts": counts, "events": shown.events(tx, session_id), "fees": fees["items"],
                "is_staff_too": Role.STAFF in who.roles}  # fmt: skip

    return visit.show("admin/roll.html", query, form=form, refusal=refusal)


@router.post("/admin/rolls/{session_id}")
def reopen_roll(visit: Admin, session_id: UUID, form: Posted) -> Response:
    """Open a closed roll again, to correct it; closing it once more settles what is new."""
    try:
        asked = checked(Reopening, {"reason": form.text("reason")})

        def verb(tx: Transaction, who: Principal) -> Answer:
            roll_closing.reopen_roll(tx, session_id=session_id, reason=asked.reason, actor=who.actor, now=visit.now)
            return Answer({})

        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, session_id, form, refusal)
    return visit.go(f"/admin/rolls/{session_id}", visit.say("Roll reopened. Staff will close it again "
                    "at the door."))  # fmt: skip

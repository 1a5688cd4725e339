"""Late pick-ups that a closed roll proposed a fee for: invoiced, or waived with a reason, also after that."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import rolls as shown
from api.schemas.rolls import Waiver
from engine.database import Transaction
from engine.errors import Conflict, Invalid, TermbookError
from models import LatePickupStatus
from web.asked import id_of, page_of
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.visitor import Admin
from workflows import late_pickup

router = APIRouter()


@router.get("/admin/late-pickups")
def list_late(visit: Admin) -> Response:
    return _page(visit)


def _page(visit: Admin, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    is_all = visit.asked("show") == "all"

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.late_pickups()
        found.where("x.id = %(late)s", late=id_of(visit, "of"))
        if not is_all:
            found.where("x.status = %(status)s", status=int(LatePickupStatus.PROPOSED))
        return {"page": page_of(visit, tx, found, show=lambda row: shown.show_late(who, row))}

    return visit.show("admin/late.html", query, form=form, refusal=refusal, is_all=is_all)


@router.post("/admin/late-pickups/{late_id}")
def decide(visit: Admin, late_id: UUID, form: Posted) -> Response:
    is_waived = form.text("do") == "waive"

    def verb(tx: Transaction, who: Principal) -> Answer:
        if is_waived:
            asked = checked(Waiver, {"reason": form.text("reason")})
            late_pickup.waive(tx, late_pickup_id=late_id, reason=asked.reason, actor=who.actor, now=visit.now)
        else:
            late_pickup.accept(tx, late_pickup_id=late_id, actor=who.actor, now=visit.now)
        return Answer({})

    try:
        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, form, refusal)
    said = visit.say("Fee waived.") if is_waived else visit.say("Fee invoiced.")
    return visit.go("/admin/late-pickups", said)

"""The day at the sites of who works there, and who of staff is on site."""

from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from attendance import ratio
from attendance.signatures import missing_signatures
from attendance.today import roll_calls
from engine.database import Transaction
from engine.errors import Conflict, NotFound
from web.forms import Posted
from web.staff.writing import written_for
from web.visitor import Staff

router = APIRouter()


@router.get("/staff")
def show_today(visit: Staff) -> Response:
    day = _day(visit.asked("day"))

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = roll_calls(tx, actor=who.actor, now=visit.now, day=day)
        sites = tx.rows("SELECT id, name FROM site WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) ORDER BY name",
                        ids=list(who.actor.site_ids))  # fmt: skip
        return {
            "sites": [{**site, "ratio": ratio.read_ratio(tx, site["id"])} for site in sites], "day": day,
            "groups": [(name, list(calls)) for name, calls in groupby(found, key=lambda call: call.site)],
            "at": written_for(visit, who), "unsigned": len(missing_signatures(tx, actor=who.actor)),
        }  # fmt: skip

    return visit.show("staff/today.html", query)


def _day(text: str) -> date | None:
    """The day that is asked for; today where none is, or where it is no day."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


@router.post("/staff/sites/{site_id}/presence")
def change_presence(site_id: UUID, visit: Staff, form: Posted) -> Response:
    is_arriving = form.text("move") == "arrive"
    verb = ratio.arrive if is_arriving else ratio.leave
    said = visit.say("You're on site.") if is_arriving else visit.say("You've left the site.")

    def move(tx: Transaction, who: Principal) -> Answer:
        verb(tx, site_id=site_id, user_id=who.user_id, actor=who.actor, now=visit.now)
        return Answer()

    try:
        visit.move(form, move)
    except (Conflict, NotFound) as refusal:
        return visit.go("/staff", visit.told(refusal.message), kind="warn")
    return visit.go("/staff", said)

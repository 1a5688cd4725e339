"""Rolling the offerings of a term over into the next: looked at first, then made."""

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import desk
from catalogue import roll_over as rolling
from engine.database import Transaction
from engine.errors import Conflict, Invalid, Reason, TermbookError
from web.asked import id_of
from web.forms import NOTHING_SENT, Form, Posted, day_in
from web.visitor import Admin
from web.words import N_

router = APIRouter()


@router.get("/admin/roll-over")
def show_roll_over(visit: Admin) -> Response:
    return _page(visit, id_of(visit, "from"), id_of(visit, "to"), visit.asked("opens"), visit.asked("priority"))


def _page(
    visit: Admin, from_id: UUID | None, to_id: UUID | None, opens: str, priority: str, form: Form = NOTHING_SENT,
    refusal: TermbookError | None = None,
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        planned, problem = None, None
        if from_id and to_id:
            try:
                window = _window(who, opens, priority)
                planned = rolling.preview(
                    tx, from_term_id=from_id, term_id=to_id, window=window, language=visit.language
                )  # fmt: skip
            except (Invalid, Conflict) as error:
                problem = error
        return {
            "terms": desk.choices(tx, "term"), "drafts": desk.choices(tx, "term", where="AND status = 'DRAFT'"),
            "planned": planned, "problem": problem,
        }  # fmt: skip

    return visit.show(
        "admin/roll_over.html", query, form=form, refusal=refusal, from_id=from_id and str(from_id),
        to_id=to_id and str(to_id), opens=opens, priority=priority,
    )  # fmt: skip


def _window(who: Principal, opens: str, priority: str) -> rolling.Window:
    return rolling.Window(_moment(who, opens, "opens"), _moment(who, priority, "priority"))


def _moment(who: Principal, text: str, field: str) -> datetime | None:
    """A local time of the organisation. Raises Invalid."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text) if day_in(text[:10]) else None
    except ValueError:
        found = None
    if found is None:
        message = N_("Enter a date and time.")
        raise Invalid(message, reasons=[Reason("malformed", message, field=field)])
    return found.replace(tzinfo=ZoneInfo(who.organisation["time_zone"]))


@router.post("/admin/roll-over")
def make_roll_over(visit: Admin, form: Posted) -> Response:
    from_id, to_id, opens, priority = form.id("from"), form.id("to"), form.text("opens"), form.text("priority")

    def verb(tx: Transaction, who: Principal) -> Answer:
        if from_id is None or to_id is None:
            raise Invalid(N_("Choose both terms."))
        made = rolling.roll_over(
            tx, from_term_id=from_id, term_id=to_id, window=_window(who, opens, priority),
            fingerprint=form.text("fingerprint"),
        )  # fmt: skip
        return Answer({"offerings": len(made.of(rolling.Fate.ROLLS)), "sessions": made.sessions})

    try:
        done = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, from_id, to_id, opens, priority, form, refusal)
    return visit.go(f"/admin/offerings?term={to_id}", visit.say(
        "%(offerings)s offerings with %(sessions)s sessions created.", **done))  # fmt: skip

"""Expressions of interest: ticked and converted into bookings, several at once."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import orders as shown
from engine.database import Transaction
from engine.errors import Conflict, Invalid, Reason, TermbookError
from models import TermBookingConfirmationType, TermBookingOrderType, TermBookingStatus
from web.admin.orders import confirmation_type
from web.asked import page_of
from web.forms import NOTHING_SENT, Form, Posted
from web.labels import CONFIRMATION
from web.visitor import Admin
from web.words import N_
from workflows import eoi_conversions

router = APIRouter()


@router.get("/admin/interests")
def list_interests(visit: Admin) -> Response:
    return _page(visit)


def _page(
    visit: Admin, form: Form = NOTHING_SENT, refusal: TermbookError | None = None, outcome: Any = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.listing(who)
        # Places are given in the order of the list: who said it first is served first.
        found.is_descending = False
        found.key = [("coalesce(o.submitted_at, o.created_at)", "timestamptz"), *found.key]
        found.where("o.order_type = %(kind)s AND o.status = %(status)s", kind=int(TermBookingOrderType.EOI),
                    status=int(TermBookingStatus.SUBMITTED))  # fmt: skip
        page = page_of(visit, tx, found, limit=100, show=shown.summary)
        rows: Any = page["items"]
        ids = [row["id"] for row in rows]
        return {"page": page, "about": {row["order_id"]: row["names"] for row in tx.rows(_ABOUT, ids=ids)}}

    return visit.show(
        "admin/interests.html", query, form=form, refusal=refusal, outcome=outcome, ways=list(CONFIRMATION.items()),
        why=_reasons_by_order(refusal, outcome),
    )  # fmt: skip


# What each is about: the offerings of its sessions, and what it wishes for besides.
_ABOUT = """
SELECT order_id, array_agg(DISTINCT name ORDER BY name) AS names FROM (
    SELECT l.order_id, p.name FROM term_booking_order_line l
    JOIN term_program_set p ON p.organisation_id = l.organisation_id AND p.id = l.term_program_set_id
    WHERE l.organisation_id = %(org)s AND l.order_id = ANY(%(ids)s)
    UNION ALL
    SELECT w.order_id, coalesce(p.name, g.name) FROM term_booking_order_wish w
    LEFT JOIN term_program_set p ON p.organisation_id = w.organisation_id AND p.id = w.term_program_set_id
    LEFT JOIN program g ON g.organisation_id = w.organisation_id AND g.id = w.program_id
    WHERE w.organisation_id = %(org)s AND w.order_id = ANY(%(ids)s)) named
GROUP BY order_id
"""


def _reasons_by_order(refusal: TermbookError | None, outcome: Any) -> dict[str, list[tuple[str, Any]]]:
    """Why each was not converted, to stand beside it."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for reason in refusal.reasons if refusal else ():
        if reason.facts and "order_id" in reason.facts:
            found.setdefault(str(reason.facts["order_id"]), []).append((reason.message, reason.facts))
    for item in outcome["items"] if outcome else ():
        for one in item["reasons"]:
            found.setdefault(str(item["order_id"]), []).append((one["message"], one.get("facts")))
    return found


@router.post("/admin/interests")
def convert(visit: Admin, form: Posted) -> Response:
    """Convert what is ticked: all or none, or each that can be."""
    asked = [eoi_conversions.Asked(order_id) for order_id in form.ids("order")]
    how = confirmation_type(form) or TermBookingConfirmationType.ADMIN_CONFIRM

    def verb(tx: Transaction, who: Principal) -> Answer:
        terms = eoi_conversions.Terms(
            how, who.actor, visit.now, form.text("override_reason"), form.text("confirmation_reason"),
            form.is_ticked("is_muted"),
        )  # fmt: skip
        ended = eoi_conversions.convert_several(tx, asked, terms=terms, is_best_effort=form.is_ticked("best_effort"))
        return shown.converted(ended, who)

    try:
        if not asked:
            message = N_("Select at least one.")
            raise Invalid(message, reasons=[Reason("required", message, field="order")])
        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, form, refusal)
    if made["refused"]:
        return _page(visit, outcome=made)
    return visit.go("/admin/interests", visit.say("%(count)s converted.", count=made["converted"]))

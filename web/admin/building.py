"""Building a booking for a family: nobody is chosen beforehand, then the child, the term, and the sessions."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import carts, desk, people
from api.reads import orders as shown
from api.reads import sessions as offered
from api.reads.extras import extras_of_sessions
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, Reason, TermbookError
from models import TermBookingOrderType
from web.admin.wanted import mode_of, seats_to_choose, wanted_lines, weeks_of
from web.asked import id_of
from web.forms import NOTHING_SENT, Form, Posted
from web.labels import ORDER_TYPE
from web.visitor import Admin
from web.words import N_
from workflows import order_requests
from workflows import term_booking_order as orders

router = APIRouter()

# What an admin begins here; subscriptions begin with their weekdays.
_KINDS = ("BOOKING", "TRIAL_SESSION", "EOI", "WAITING_LIST")
_MOST_SESSIONS = 200
_MOST_CLASHES = 3  # that are said of a cart one by one


@router.get("/admin/bookings/new")
def choose_family(visit: Admin) -> Response:
    return _begin_page(visit)


def _begin_page(visit: Admin, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    asked, account_id = visit.asked("q")[:200], id_of(visit, "account") or form.id("account")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found: list[Row] = desk.families(tx, asked) if account_id is None else []
        account = people.account(tx, who, account_id).body if account_id else None
        terms = desk.choices(tx, "term", where="AND status IN ('OPEN', 'RUNNING')")
        return {"asked": asked, "accounts": found, "account": account, "terms": terms}

    kinds = [(kind, visit.say(ORDER_TYPE[kind])) for kind in _KINDS]
    return visit.show("admin/building.html", query, form=form, refusal=refusal, kinds=kinds)


@router.post("/admin/bookings/new")
def begin(visit: Admin, form: Posted) -> Response:
    try:
        account_id, attendee_id, term_id = (
            _chosen(form, "account", N_("Choose the family.")), _chosen(form, "attendee", N_("Choose the child.")),
            _chosen(form, "term", N_("Choose the term.")),
        )  # fmt: skip
        kind = form.text("kind") if form.text("kind") in _KINDS else "BOOKING"

        def verb(tx: Transaction, who: Principal) -> Answer:
            outcome = orders.new(
                tx, actor=who.actor, account_id=account_id, attendee_id=attendee_id, term_id=term_id,
                order_type=TermBookingOrderType[kind], now=visit.now,
            )  # fmt: skip
            return shown.moved(outcome, who, status=201)

        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _begin_page(visit, form, refusal)
    return visit.go(f"/admin/orders/{made['id']}/sessions")


def _chosen(form: Form, name: str, message: str) -> UUID:
    """Raises Invalid where nothing is chosen: an admin selects by hand (DOMAIN §2)."""
    found = form.id(name)
    if found is None:
        raise Invalid(message, reasons=[Reason("required", message, field=name)])
    return found


@router.get("/admin/orders/{order_id}/sessions")
def choose_sessions(visit: Admin, order_id: UUID) -> Response:
    return _sessions_page(visit, order_id)


def _sessions_page(
    visit: Admin, order_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    asked, named = visit.asked("q")[:200], id_of(visit, "offering")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        order = shown.whole(tx, who, order_id).body
        assert order is not None
        held = carts.held_lines(tx, order_id)
        in_cart = [row["id"] for row in tx.rows(_IN_CART, sessions=list(held))]
        # What is changed is looked at first; somebody who looks for another offering has not chosen one.
        offering_id = named or (in_cart[0] if in_cart and not asked else None)
        programmes = offered.offerings(who)
        programmes.where("p.term_id = %(term)s AND p.status = 'PUBLISHED'", term=order["term_id"])
        programmes.where("position(unaccented(%(q)s) IN unaccented(p.name || ' ' || p.code)) > 0", q=asked or None)
        found = programmes.page(tx, cursor=None, limit=200, show=lambda row: offered.show_offering(who, row),
                                now=visit.now).body  # fmt: skip
        chosen = _sessions_of(tx, who, visit, offering_id) if offering_id else []
        offering = next((row for row in (found or {})["items"] if row["id"] == offering_id), None)
        if offering_id and offering is None:
            one = offered.offerings(who)
            one.where("p.id = %(id)s", id=offering_id)
            items = (one.page(tx, cursor=None, limit=1, show=dict, now=visit.now).body or {})["items"]
            offering = items[0] if items else None
        beside = extras_of_sessions(tx, [session["id"] for session in chosen])
        extras = {extra["extra_id"]: extra for sold in beside.values() for extra in sold}
        offerings = (found or {})["items"]
        return {
            "order": order, "asked": asked, "offerings": offerings, "offering": offering, "in_cart": in_cart,
            "times": {row["id"]: row for row in tx.rows(_TIMES, ids=[row["id"] for row in offerings], now=visit.now)},
            "sessions": chosen, "weeks": weeks_of(chosen, offering["modes"] if offering else ()),
            "extras": list(extras.values()), "beside": beside, "with_it": _with_it(form, held),
            "held": {str(one) for one in held},
            "mode_before": mode_of(chosen, held), "lines": {line["session_id"]: line for line in order["lines"]},
            "seats": seats_to_choose(tx, who, chosen, held, now=visit.now),
        }  # fmt: skip

    return visit.show("admin/sessions.html", query, form=form, refusal=refusal)


# The offerings of these sessions, as the term begins with them.
_IN_CART = """
SELECT term_program_set_id AS id FROM term_product WHERE organisation_id = %(org)s AND id = ANY(%(sessions)s)
GROUP BY term_program_set_id ORDER BY min(starts_at), 1
"""
# Two classes of one name are told apart by their hours.
_TIMES = """
SELECT DISTINCT ON (term_program_set_id) term_program_set_id AS id, local_start, local_end FROM term_product
WHERE organisation_id = %(org)s AND term_program_set_id = ANY(%(ids)s) AND status = 'OPEN' AND starts_at > %(now)s
ORDER BY term_program_set_id, starts_at
"""


def _with_it(form: Form, held: dict[UUID, Row]) -> dict[str, int]:
    """The boxes of extras that are ticked, by session and extra, with how many the cart holds."""
    kept = {f"{session_id}.{one['extra_id']}": one["quantity"] for session_id, line in held.items()
            for one in line["extras"]}  # fmt: skip
    return {box: kept.get(box, 1) for box in form.texts("extra_with")} if form.fields else kept


def _sessions_of(tx: Transaction, who: Principal, visit: Admin, offering_id: UUID) -> list[Row]:
    found = offered.sessions(who)
    found.where("s.term_program_set_id = %(offering)s", offering=offering_id)
    found.conditions.append("s.status = 'OPEN' AND coalesce(s.starts_at > %(now)s, true)")
    page = found.page(tx, cursor=None, limit=_MOST_SESSIONS, show=lambda row: offered.show_session(who, row),
                      now=visit.now)  # fmt: skip
    rows: list[Row] = (page.body or {})["items"]
    return rows


@router.post("/admin/orders/{order_id}/sessions")
def save_sessions(visit: Admin, order_id: UUID, form: Posted) -> Response:
    """Put what is ticked of one offering into the cart; what the cart holds of others stays."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        order = shown.whole(tx, who, order_id).body
        assert order is not None
        is_change = order["original_booking_id"] is not None or order["original_order_id"] is not None
        lines = wanted_lines(tx, who, form, carts.held_lines(tx, order_id), is_change=is_change, now=visit.now)
        code = form.text("promo_code") or None
        outcome = order_requests.save(
            tx, order_id=order_id, lines=lines, actor=who.actor, now=visit.now, promo_code=code
        )
        return shown.saved(outcome, who)

    try:
        saved = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _sessions_page(visit, order_id, form, refusal)
    if clashes := [visit.told(notice["message"]) for notice in saved.get("notices", ())]:
        visit.notices.append(("warn", " ".join([*clashes[:_MOST_CLASHES], *_and_more(visit, clashes)])))
    return visit.go(f"/admin/orders/{order_id}", visit.say("Cart saved. No places are held yet."))


def _and_more(visit: Admin, clashes: list[str]) -> list[str]:
    left = len(clashes) - _MOST_CLASHES
    return [visit.say_many("%(num)s more conflict.", "%(num)s more conflicts.", left)] if left > 0 else []

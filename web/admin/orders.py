"""Orders as the office works on them: found in a list, read whole with their history, and moved on step by step."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.overdue import release_in_the_way
from api.reads import orders as shown
from api.reads import schedules, waiting
from api.reads.changes import difference
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, TermbookError
from engine.fire import Refused
from models import TermBookingConfirmationType, TermBookingOrderType, TermBookingStatus
from web import by_hand
from web.asked import page_of
from web.by_hand import takes_money
from web.forms import NOTHING_SENT, Form, Posted
from web.labels import CONFIRMATION
from web.visitor import Admin
from web.words import N_
from workflows import change_order, conversion, order_requests
from workflows import term_booking_order as orders
from workflows.payments import BY_HAND

router = APIRouter()

_WHO_WAITS = TermBookingOrderType.WAITING_LIST.name


@router.get("/admin/orders")
def list_orders(visit: Admin) -> Response:
    statuses = [name for name in visit.request.query_params.getlist("status") if name in TermBookingStatus.__members__]
    kind = visit.asked("type")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.listing(who)
        found.where("o.status = ANY(%(status)s)", status=shown.statuses(statuses))
        if kind in TermBookingOrderType.__members__:
            shown.of_type(found, TermBookingOrderType[kind])
        return {"page": page_of(visit, tx, found, show=shown.summary), "chosen": statuses, "kind": kind}

    return visit.show("admin/orders.html", query)


@router.get("/admin/orders/{order_id}")
def show_order(visit: Admin, order_id: UUID) -> Response:
    return order_page(visit, order_id)


def order_page(
    visit: Admin, order_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    """The order with all that may be done with it now; of a change, with its Billing Difference."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        order = shown.whole(tx, who, order_id).body
        assert order is not None
        return {
            "order": order, "history": (shown.history(tx, who, "order", order_id).body or {})["items"],
            "schedule": _schedule(tx, who, order), "difference": _difference(tx, visit, who, order),
            "takes_money": takes_money(tx, order_id),
            "entries": waiting.of_orders(tx, who, [order_id]) if order["order_type"] == _WHO_WAITS else [],
        }  # fmt: skip

    return visit.show("admin/order.html", query, form=form, refusal=refusal, ways=list(CONFIRMATION.items()),
                      by_hand=sorted(BY_HAND))  # fmt: skip


def _schedule(tx: Transaction, who: Principal, order: Row) -> Row | None:
    if order["status"] in ("DRAFT", "CREATED") or order["total_minor"] is None:
        return None
    return schedules.agreed(tx, who, order["id"])


def _difference(tx: Transaction, visit: Admin, who: Principal, order: Row) -> Row | None:
    """What a change that waits for its confirmation comes to."""
    is_change = order["original_booking_id"] is not None or order["original_order_id"] is not None
    if not is_change or order["status"] != "SUBMITTED":
        return None
    change = change_order.review(tx, order_id=order["id"], actor=who.actor, now=visit.now)
    return difference(change, who).body


def _step(
    visit: Admin, order_id: UUID, form: Form, said: str, step: Callable[..., orders.Outcome], **asked: Any
) -> Response:
    """One move of an order; what refuses it is said on its page."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        return shown.moved(step(tx, order_id=order_id, actor=who.actor, now=visit.now, **asked), who)

    try:
        visit.move(form, verb, make_way=lambda refusal: make_way(visit, order_id, refusal))
    except (Conflict, Invalid) as refusal:
        return order_page(visit, order_id, form, refusal)
    return visit.go(f"/admin/orders/{order_id}", visit.say(said))


def make_way(visit: Admin, order_id: UUID, refusal: Refused) -> bool:
    return release_in_the_way(
        visit.state.database, visit.call.organisation_id, order_id=order_id, refusal=refusal, now=visit.now
    )  # fmt: skip


def confirmation_type(form: Form, name: str = "confirmation_type") -> TermBookingConfirmationType | None:
    return TermBookingConfirmationType.__members__.get(form.text(name))


@router.post("/admin/orders/{order_id}/submission")
def submit(visit: Admin, order_id: UUID, form: Posted) -> Response:
    how = confirmation_type(form) or TermBookingConfirmationType.ADMIN_CONFIRM
    return _step(
        visit, order_id, form, N_("Order submitted. Its places are held."), order_requests.submit,
        confirmation_type=how, price_fingerprint=form.text("price"), override_reason=form.text("override_reason"),
        is_muted=form.is_ticked("is_muted"),
        schedule_fingerprint=_shown_schedule(visit, order_id, how),
    )  # fmt: skip


def _shown_schedule(visit: Admin, order_id: UUID, how: TermBookingConfirmationType) -> str | None:
    """The office agrees to the schedule that the rules make; its parts are shown on the order's page then."""
    if how not in (TermBookingConfirmationType.DIRECT_DEBIT, TermBookingConfirmationType.PAY_NOW_PAY_DEPOSIT):
        return None

    def query(tx: Transaction, who: Principal) -> str | None:
        planned = schedules.planned(tx, who, order_id, how, now=visit.now).body or {}
        return planned.get("fingerprint")

    found: str | None = visit.fetch(query)
    return found


@router.post("/admin/orders/{order_id}/interest")
def express(visit: Admin, order_id: UUID, form: Posted) -> Response:
    return _step(visit, order_id, form, N_("Interest registered."), orders.express,
                 override_reason=form.text("override_reason"), is_muted=form.is_ticked("is_muted"))  # fmt: skip


@router.post("/admin/orders/{order_id}/quote")
def quote(visit: Admin, order_id: UUID, form: Posted) -> Response:
    return _step(visit, order_id, form, N_("Quote issued and sent to the family."), orders.quote)


@router.post("/admin/orders/{order_id}/change")
def change_quote(visit: Admin, order_id: UUID, form: Posted) -> Response:
    """Begin a change of a quoted order with what is quoted; its account is the quote's and stays it."""
    begin = partial(change_order.begin_quote_change, order_id=order_id)
    return begin_change(visit, form, begin, partial(order_page, visit, order_id, form))


def begin_change(
    visit: Admin, form: Form, begin: Callable[..., orders.Outcome], page: Callable[[TermbookError], Response]
) -> Response:
    """Lead to the sessions of the change that begins; what refuses it is said on the page it was asked on."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        return shown.moved(begin(tx, actor=who.actor, now=visit.now), who, status=201)

    try:
        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return page(refusal)
    return visit.go(f"/admin/orders/{made['id']}/sessions")


@router.post("/admin/orders/{order_id}/acceptance")
def accept(visit: Admin, order_id: UUID, form: Posted) -> Response:
    return _step(visit, order_id, form, N_("Quote accepted for the family."), orders.accept)


@router.post("/admin/orders/{order_id}/attendance-approval")
def approve_attendance(visit: Admin, order_id: UUID, form: Posted) -> Response:
    return _step(visit, order_id, form, N_("The child may attend. The invoice follows when the booking is confirmed."),
                 orders.approve_attendance, reason=form.text("reason"))  # fmt: skip


@router.post("/admin/orders/{order_id}/confirmation")
def confirm(visit: Admin, order_id: UUID, form: Posted) -> Response:
    """Confirm it; a change with the difference that this page showed, muted or not as was chosen."""
    said = N_("Booking changed as shown.") if form.text("difference") else N_("Booking confirmed.")
    if form.is_ticked("of_quote"):
        said = N_("Quote changed as shown and issued again. The family is to accept it anew.")
    return _step(
        visit, order_id, form, said, order_requests.confirm, reason=form.text("reason"),
        is_muted=form.is_ticked("is_muted"), confirmation_type=confirmation_type(form),
        difference_fingerprint=form.text("difference"),
    )  # fmt: skip


@router.post("/admin/orders/{order_id}/payment")
def record_payment(visit: Admin, order_id: UUID, form: Posted) -> Response:
    """Cash at the desk or a transfer: it confirms or settles the order where it suffices."""
    try:
        visit.move(form, lambda tx, who: by_hand.record(tx, who, visit, form, order_id))
    except (Conflict, Invalid) as refusal:
        return order_page(visit, order_id, form, refusal)
    return visit.go(f"/admin/orders/{order_id}", visit.say("Payment recorded."))


@router.post("/admin/orders/{order_id}/reopening")
def reopen(visit: Admin, order_id: UUID, form: Posted) -> Response:
    return _step(
        visit, order_id, form, N_("The order is back in the cart, and its places were released."), orders.reopen
    )


@router.post("/admin/orders/{order_id}/removal")
def remove(visit: Admin, order_id: UUID, form: Posted) -> Response:
    return _step(visit, order_id, form, N_("Order discarded."), orders.remove, reason=form.text("reason"))


@router.post("/admin/orders/{order_id}/cancellation")
def cancel(visit: Admin, order_id: UUID, form: Posted) -> Response:
    return _step(visit, order_id, form, N_("Order cancelled."), orders.cancel, reason=form.text("reason"))


@router.post("/admin/orders/{order_id}/conversion")
def convert(visit: Admin, order_id: UUID, form: Posted) -> Response:
    """An interest or a trial becomes a booking: its order is looked at before it is submitted."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        return shown.saved(conversion.begin(tx, order_id=order_id, actor=who.actor, now=visit.now), who, status=201)

    try:
        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return order_page(visit, order_id, form, refusal)
    return visit.go(f"/admin/orders/{made['id']}", visit.say("Check the order, then submit it to convert."))

"""From the hold to the booking: how long the places are kept, paying what is required, and what became of it."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import group_orders
from api.reads import orders as shown
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from web.family.paying import due_of, in_wallet, provider_page
from web.forms import NOTHING_SENT, Form, Posted
from web.orders import card, standing_of
from web.visitor import Family
from workflows import order_requests
from workflows import term_booking_order as orders
from workflows.group_payments import open_group_checkout, pay_group_from_wallet
from workflows.payment_due import read_due
from workflows.payments import open_checkout
from workflows.wallet import pay_order as pay_order_from_wallet

router = APIRouter()


@router.get("/family/checkout/{group_id}")
def show_checkout(visit: Family, group_id: UUID) -> Response:
    return _page(visit, group_id)


def _page(visit: Family, group_id: UUID, refusal: TermbookError | None = None) -> Response:
    def query(tx: Transaction, who: Principal) -> Row:
        group = group_orders.whole(tx, who, group_id).body
        assert group is not None
        dues = read_due(tx, [order["id"] for order in group["orders"]], actor=who.actor, now=visit.now)
        return {"group": group, "cards": [card(visit, order) for order in group["orders"]],
                "standing": standing_of(visit, group["orders"]),
                "dues": dues, "due_minor": sum(due.amount_minor for due in dues.values()),
                "later_minor": sum(due.open_minor - due.amount_minor for due in dues.values()),
                "paid_minor": sum(payment["amount_minor"] for order in group["orders"] for payment in order["payments"]
                                  if payment["status"] == "SUCCESS"),
                "wallet_minor": in_wallet(visit, tx, who, group["account_id"])}  # fmt: skip

    return visit.show("family/checkout.html", query, refusal=refusal)


@router.post("/family/checkout/{group_id}/payment")
def pay_together(visit: Family, group_id: UUID, form: Posted) -> Response:
    """On to the provider's page, over exactly what all orders require; asking again leads to the same page."""
    try:
        address = provider_page(
            visit, open_group_checkout, {"group_order_id": group_id}, f"/family/checkout/{group_id}"
        )
    except (Conflict, Invalid, NotFound) as refusal:
        return _page(visit, group_id, refusal)
    return visit.go(address)


@router.post("/family/checkout/{group_id}/wallet-payment")
def pay_together_from_wallet(visit: Family, group_id: UUID, form: Posted) -> Response:
    """Out of the wallet, as far as it goes; what is left is paid another way, before the same end of the hold."""
    try:

        def verb(tx: Transaction, who: Principal) -> Answer:
            pay_group_from_wallet(
                tx, group_order_id=group_id, actor=who.actor, now=visit.now, as_far_as_it_goes=True
            )  # fmt: skip
            return Answer({})

        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, group_id, refusal)
    return visit.go(f"/family/checkout/{group_id}", visit.say("Paid from your wallet."))


def _is_paid_in_part(order: Row) -> bool:
    """It is cancelled then, not removed: what was paid goes back to where the family can spend it."""
    return any(payment["status"] == "SUCCESS" for payment in order["payments"])


@router.post("/family/checkout/{group_id}/reopening")
def reopen_together(visit: Family, group_id: UUID, form: Posted) -> Response:
    """Give the places back and go on choosing."""
    try:

        def verb(tx: Transaction, who: Principal) -> Answer:
            group = group_orders.whole(tx, who, group_id).body
            assert group is not None
            for order in group["orders"]:
                if "remove" in order["allowed"]:
                    end = orders.cancel if _is_paid_in_part(order) else orders.remove
                    end(tx, order_id=order["id"], actor=who.actor, now=visit.now, reason="not wanted")
                    tx.flush()
            return Answer({})

        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, group_id, refusal)
    return visit.go("/family/programs", visit.say("Your places have been released. There is nothing to pay."))


@router.get("/family/orders/{order_id}")
def show_order(visit: Family, order_id: UUID) -> Response:
    return _order(visit, order_id)


_GROUP_OF = """
SELECT m.group_order_id AS id FROM group_order_member m
JOIN group_order g ON g.organisation_id = m.organisation_id AND g.id = m.group_order_id
WHERE m.organisation_id = %(org)s AND m.order_id = %(order_id)s AND g.submitted_at IS NOT NULL
  AND EXISTS (SELECT FROM group_order_member o WHERE o.organisation_id = m.organisation_id
              AND o.group_order_id = m.group_order_id AND o.order_id <> m.order_id)
"""


def _order(
    visit: Family, order_id: UUID, refusal: TermbookError | None = None, form: Form = NOTHING_SENT
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        order = shown.whole(tx, who, order_id).body
        assert order is not None
        return {"order": card(visit, order), "standing": standing_of(visit, [order]),
                "group": tx.row(_GROUP_OF, order_id=order_id), "due": due_of(visit, tx, who, order_id),
                "wallet_minor": in_wallet(visit, tx, who, order["account_id"])}  # fmt: skip

    return visit.show("family/order.html", query, refusal=refusal, form=form)


@router.post("/family/orders/{order_id}/payment")
def pay_order(visit: Family, order_id: UUID, form: Posted) -> Response:
    try:
        address = provider_page(visit, open_checkout, {"order_id": order_id}, f"/family/orders/{order_id}")
    except (Conflict, Invalid, NotFound) as refusal:
        return _order(visit, order_id, refusal)
    return visit.go(address)


@router.post("/family/orders/{order_id}/wallet-payment")
def pay_from_wallet(visit: Family, order_id: UUID, form: Posted) -> Response:
    """Out of the wallet, as far as it goes; what is left is paid another way."""
    try:

        def verb(tx: Transaction, who: Principal) -> Answer:
            pay_order_from_wallet(tx, order_id=order_id, actor=who.actor, now=visit.now)
            return Answer({})

        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _order(visit, order_id, refusal)
    return visit.go(f"/family/orders/{order_id}", visit.say("Paid from your wallet."))


@router.post("/family/orders/{order_id}/acceptance")
def accept_quote(visit: Family, order_id: UUID, form: Posted) -> Response:
    """Accept what the centre quoted."""
    try:
        visit.move(form, lambda tx, who: shown.moved(
            orders.accept(tx, order_id=order_id, actor=who.actor, now=visit.now), who))  # fmt: skip
    except (Conflict, Invalid) as refusal:
        return _order(visit, order_id, refusal)
    return visit.go(f"/family/orders/{order_id}", visit.say("Quote accepted."))


@router.post("/family/orders/{order_id}/ending")
def end_order(visit: Family, order_id: UUID, form: Posted) -> Response:
    """Give up what is not booked yet: a hold, a quote, a place in a queue."""
    try:

        def verb(tx: Transaction, who: Principal) -> Answer:
            order = shown.whole(tx, who, order_id).body
            assert order is not None
            is_removed = "remove" in order["allowed"] and not _is_paid_in_part(order)
            end = orders.remove if is_removed else orders.cancel
            return shown.moved(end(tx, order_id=order_id, actor=who.actor, now=visit.now), who)

        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _order(visit, order_id, refusal)
    return visit.go("/family/bookings", visit.say("The order is cancelled. There is nothing to pay."))


@router.post("/family/orders/{order_id}/confirmation")
def confirm_order(visit: Family, order_id: UUID, form: Posted) -> Response:
    """Make what waits for the family's own word."""
    try:
        visit.move(form, lambda tx, who: shown.moved(
            order_requests.confirm(tx, order_id=order_id, actor=who.actor, now=visit.now), who))  # fmt: skip
    except (Conflict, Invalid) as refusal:
        return _order(visit, order_id, refusal)
    return visit.go(f"/family/orders/{order_id}", visit.say("You're booked."))

"""What stories of waiting lists need: a family that waits, and its answers to an offer."""

from typing import Any
from uuid import UUID

from engine.database import Row
from models import TermBookingOrderType, WaitingStatus
from tests.builders import NOW
from tests.workflows.centre import PAY_NOW, Cart, Centre, Family
from workflows import waiting_offers, waiting_orders

WAITING_LIST = TermBookingOrderType.WAITING_LIST


def wanting(centre: Centre, by: Family, child: Row, lines: list[Row], **known: Any) -> Cart:
    """The cart of a family that is about to wait."""
    return centre.cart(by, child, lines, order_type=WAITING_LIST, **known)


def waiting(centre: Centre, by: Family, child: Row, lines: list[Row], **known: Any) -> Cart:
    """An order that stands in the queue of each of its sessions."""
    cart = wanting(centre, by, child, lines, **known)
    centre.do(waiting_orders.wait, order_id=cart.id, **{"actor": by.actor, **known})
    return cart


def together(centre: Centre, by: Family, *carts: Cart, **known: Any) -> list[Cart]:
    """Orders that want all or nothing."""
    centre.do(waiting_orders.wait_together, order_ids=[cart.id for cart in carts], **{"actor": by.actor, **known})
    return list(carts)


def entries(centre: Centre, cart: Cart) -> list[Row]:
    """The entries of an order, in the order of its lines."""
    return centre.rows(
        "SELECT e.* FROM waiting_entry e JOIN term_booking_order_line l ON l.order_id = e.order_id "
        "AND l.term_product_id = e.term_product_id WHERE e.order_id = %(id)s ORDER BY l.position, e.created_at",
        id=cart.id,
    )  # fmt: skip


def states(centre: Centre, cart: Cart) -> list[WaitingStatus]:
    return [WaitingStatus(entry["status"]) for entry in entries(centre, cart)]


def offer_of(centre: Centre, cart: Cart) -> UUID:
    """The one offer that the order has, or had."""
    (found,) = {entry["offer_id"] for entry in entries(centre, cart) if entry["offer_id"] is not None}
    return UUID(str(found))


def accept(centre: Centre, by: Family, cart: Cart, **known: Any) -> list[Cart]:
    """The offer of an order accepted at the price that it shows; the orders that come of it."""
    offer_id, now = offer_of(centre, cart), known.get("now", NOW)
    shown = centre.do(waiting_offers.show_offer, offer_id=offer_id, actor=by.actor, now=now)
    made = centre.do(
        waiting_offers.accept, offer_id=offer_id,
        **{"actor": by.actor, "confirmation_type": PAY_NOW, "price_fingerprint": shown.fingerprint, **known},
    )  # fmt: skip
    return [Cart(outcome.order.id, outcome.order.reference) for outcome in made]


def decline(centre: Centre, by: Family, cart: Cart, **known: Any) -> None:
    centre.do(waiting_offers.decline, offer_id=offer_of(centre, cart), **{"actor": by.actor, **known})

"""The answers to an offer: accepted it becomes orders of the family's own, declined or expired it goes to the next."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from billing.pricing import Priced
from engine.actor import SYSTEM, Actor
from engine.database import Row, Transaction
from engine.errors import NotFound, Reason
from engine.fire import MovedMeanwhile, Refused, announce, fire
from engine.money import format_money
from engine.timers import Due
from models import TermBookingConfirmationType, TermBookingOrderType, WaitingStatus
from workflows import places
from workflows import term_booking_order as orders
from workflows.order_cart import wanted_rows
from workflows.order_effects import DISARM
from workflows.order_facts import Facts, Order, local_day, lock_order, lock_orders
from workflows.order_holdings import read_holdings
from workflows.order_reads import read_facts
from workflows.term_booking_order import Outcome
from workflows.waiting_facts import Entry, lock_waiting, read_entries_of
from workflows.waiting_list import CHART


@dataclass
class Offer:
    """Places that are offered together, with the orders that wait for them, by id."""

    id: UUID
    orders: list[Order]
    entries: list[Entry]  # every entry of these orders

    @property
    def offered(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.offer_id == self.id]

    def of(self, order: Order) -> list[Entry]:
        return [entry for entry in self.offered if entry.order_id == order.id]


_FIND = """
SELECT DISTINCT e.offer_id, e.order_id, o.account_id FROM waiting_entry e
JOIN term_booking_order o ON o.organisation_id = e.organisation_id AND o.id = e.order_id
WHERE e.organisation_id = %(org)s AND e.offer_id = ANY(%(offers)s) ORDER BY e.order_id
"""


def lock_offers(tx: Transaction, offer_ids: Collection[UUID], *, actor: Actor, order_only: bool = False) -> list[Offer]:
    """Lock the orders of offers by id, then their sessions and groups; `order_only` is for a sweeper, which locks no
    account. Raises NotFound for an offer that the actor may not see.
    """
    found = tx.rows(_FIND, offers=list(offer_ids))
    if not found or not all(actor.may_see_account(row["account_id"]) for row in found):
        raise NotFound("There is no such offer.", what="offer")
    order_ids = sorted({row["order_id"] for row in found})
    locked = {order.id: order for order in lock_orders(tx, order_ids, actor=actor, order_only=order_only)}
    entries, _ = lock_waiting(tx, order_ids)
    made = []
    for offer_id in dict.fromkeys(row["offer_id"] for row in found):
        own = [row["order_id"] for row in found if row["offer_id"] == offer_id]
        made.append(Offer(offer_id, [locked[i] for i in own], [e for e in entries if e.order_id in own]))
    return made


def accept(
    tx: Transaction, *, offer_id: UUID, confirmation_type: TermBookingConfirmationType, price_fingerprint: str,
    actor: Actor, now: datetime, override_reason: str = "", is_muted: bool = False,
) -> list[Outcome]:  # fmt: skip
    """Take the offered places over into an order of each attendee, submitted like any other: every rule of a submit is
    asked again. `price_fingerprint` is that of the offer as it was shown.

    Raises NotFound, NotAllowedNow (it is answered or ran out), Refused (with every reason); nothing is written then.
    """
    (offer,) = lock_offers(tx, [offer_id], actor=actor)
    made = [_begin(tx, offer, order, actor=actor, now=now) for order in offer.orders]
    _disarm(tx, offer, now=now)
    tx.flush()
    carts = []
    for order, (new_id, lines) in zip(offer.orders, made, strict=True):
        carts.append(
            orders.save(tx, order_id=new_id, lines=lines, actor=actor, now=now, promo_code=order.promo_code)
        )  # fmt: skip
        tx.flush()
    _require_price(offer, [cart.priced for cart in carts if cart.priced], price_fingerprint)
    override = override_reason.strip() if actor.is_admin else ""
    outcomes = [
        _submit(tx, cart, confirmation_type, accepts=offer_id, actor=actor, now=now, override=override,
                is_muted=is_muted) for cart in carts
    ]  # fmt: skip
    for outcome in outcomes:
        if orders.is_confirmed_at_once(outcome, actor):
            orders.confirm_at_once(tx, outcome, actor=actor, now=now)
            tx.flush()
    taken_by = {order.id: cart.order.reference for order, cart in zip(offer.orders, carts, strict=True)}
    _end_orders(tx, offer, now=now, reasons={i: f"accepted as {reference}" for i, reference in taken_by.items()})
    return outcomes


def _submit(
    tx: Transaction, cart: Outcome, confirmation_type: TermBookingConfirmationType, *, accepts: UUID, actor: Actor,
    now: datetime, override: str, is_muted: bool,
) -> Outcome:  # fmt: skip
    """Submit a saved order at the price that it was saved with. Nothing is confirmed yet: a booking of one sibling may
    change what the next one costs.
    """
    assert cart.priced is not None, "a saved cart is priced"
    order = lock_order(tx, cart.order.id, actor=actor)
    order.confirmation_type = confirmation_type
    pay_later = confirmation_type is TermBookingConfirmationType.CONFIRM_WITHOUT_PAYMENT
    facts = read_facts(tx, order, now=now, today=local_day(now, order), pay_later=pay_later)
    outcome = orders.submit_locked(
        tx, order, facts, orders.price_whole(tx, order, facts, now=now), shown_fingerprint=cart.priced.fingerprint,
        actor=actor, now=now, override=override, is_muted=is_muted, accepts=accepts,
    )  # fmt: skip
    tx.flush()
    return outcome


def _begin(tx: Transaction, offer: Offer, order: Order, *, actor: Actor, now: datetime) -> tuple[UUID, list[Row]]:
    """The new order with its lines as they are waited for; the entries are accepted into it."""
    new = orders.new(
        tx, actor=actor, account_id=order.account_id, attendee_id=order.attendee_id, term_id=order.term_id,
        order_type=TermBookingOrderType.BOOKING, now=now,
    ).order  # fmt: skip
    for entry in offer.of(order):
        entry.change(accepted_order_id=new.id)
        entry.record(places_released=[entry.session_id])
        fire(tx.batch, CHART, entry, "accept", actor=actor, now=now, reason=f"accepted as {new.reference}",
             changes={"order_id": str(new.id)})  # fmt: skip
    return new.id, _lines(tx, order, offer.of(order))


_LINES = """
SELECT l.term_product_id AS session_id, coalesce(l.asked_mode, l.mode) AS mode,
       (SELECT json_agg(json_build_object('extra_id', e.extra_id, 'quantity', e.quantity) ORDER BY e.id)
        FROM term_booking_order_extra e
        WHERE e.organisation_id = l.organisation_id AND e.order_line_id = l.id) AS extras
FROM term_booking_order_line l
WHERE l.organisation_id = %(org)s AND l.order_id = %(order_id)s AND l.term_product_id = ANY(%(sessions)s)
ORDER BY l.position
"""


def _lines(tx: Transaction, order: Order, entries: Iterable[Entry]) -> list[Row]:
    """What the order asks for in these sessions, as a cart is saved."""
    rows = tx.rows(_LINES, order_id=order.id, sessions=[entry.session_id for entry in entries])
    return [{**row, "extras": [{**e, "extra_id": UUID(e["extra_id"])} for e in row["extras"] or ()]} for row in rows]


def fingerprint_of(prices: Sequence[Priced]) -> str:
    """One fingerprint over the prices of an offer: that of its only order, or of all of them."""
    if len(prices) == 1:
        return prices[0].fingerprint
    return hashlib.sha256("\n".join(priced.fingerprint for priced in prices).encode()).hexdigest()[:16]


def _require_price(offer: Offer, prices: list[Priced], shown: str) -> None:
    """Nobody accepts a price they did not see."""
    if shown == fingerprint_of(prices):
        return
    organisation, total = offer.orders[0].organisation, sum(priced.total_minor for priced in prices)
    words = format_money(total, organisation["currency"], organisation["locale"])
    message = f"The price is {words} now; look at it and accept again."
    raise Refused(message, reasons=[
        Reason("price_changed", message, field="price_fingerprint", rule="price_as_shown",
               facts={"total_minor": total, "price_fingerprint": fingerprint_of(prices)})
    ])  # fmt: skip


@dataclass
class PricedOffer:
    """An offer as it is shown: for each order what was read of it, and what its sessions cost now."""

    offer: Offer
    expires_at: datetime
    asked: list[tuple[Order, Facts, Priced]]

    @property
    def prices(self) -> list[Priced]:
        return [priced for _, _, priced in self.asked]

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.prices)


def show_offer(tx: Transaction, *, offer_id: UUID, actor: Actor, now: datetime) -> PricedOffer:
    """An offer with the price that an acceptance would have now. Raises NotFound."""
    found = tx.rows(_FIND, offers=[offer_id])
    if not found or not all(actor.may_see_account(row["account_id"]) for row in found):
        raise NotFound("There is no such offer.", what="offer")
    # What it would alter of other bookings is read under the lock of the account, as everywhere.
    waiting = lock_orders(tx, [row["order_id"] for row in found], actor=actor)
    offer = Offer(offer_id, waiting, read_entries_of(tx, [order.id for order in waiting]))
    asked = []
    for order in waiting:
        wanted, extras = wanted_rows(_lines(tx, order, offer.of(order)))
        today = local_day(now, order)
        facts = read_facts(tx, order, now=now, today=today, wanted=wanted, extras=extras, pay_later=True)
        booking = replace(order, order_type=TermBookingOrderType.BOOKING)
        asked.append((booking, facts, orders.price_whole(tx, booking, facts, now=now)))
    ends = {entry.offer_expires_at for entry in offer.offered if entry.offer_expires_at is not None}
    return PricedOffer(offer, max(ends), asked)


def decline(tx: Transaction, *, offer_id: UUID, actor: Actor, now: datetime, reason: str = "") -> Offer:
    """The family does not want the places any more: they go to the next who waits, in this transaction.

    Raises NotFound, NotAllowedNow (it is answered or ran out).
    """
    (offer,) = lock_offers(tx, [offer_id], actor=actor)
    _end(tx, offer, "decline", actor=actor, now=now, reason=reason, why="declined the offered place")
    return offer


def expire_overdue(tx: Transaction, due: Sequence[Due], now: datetime) -> None:
    """End the offers whose timers have just fired; the order that stands for each is locked by the sweeper."""
    rows = tx.rows("SELECT detail_id FROM timer WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)",
                   ids=[timer.id for timer in due])  # fmt: skip
    expire(tx, offer_ids=[row["detail_id"] for row in rows], now=now)


def expire(tx: Transaction, *, offer_ids: Collection[UUID], now: datetime) -> int:
    """End those of the offers that are still open; the places go to the next who wait. Returns how many ended."""
    open_offers = [offer for offer in lock_offers(tx, offer_ids, actor=SYSTEM, order_only=True)
                   if any(entry.status is WaitingStatus.OFFERED for entry in offer.offered)]  # fmt: skip
    for offer in open_offers:
        _end(tx, offer, "expire", actor=SYSTEM, now=now, reason="", why="the offer ran out")
        announce(tx.batch, "waiting.expired", now=now, subject_id=offer.orders[0].id, offer_id=offer.id,
                 reference=offer.orders[0].reference)  # fmt: skip
        tx.flush()
    return len(open_offers)


def _end(
    tx: Transaction, offer: Offer, trigger: str, *, actor: Actor, now: datetime, reason: str, why: str
) -> None:  # fmt: skip
    for entry in offer.offered:
        claims = [entry.claim] if entry.status is WaitingStatus.OFFERED else []
        entry.record(places_released=[claim["term_product_id"] for claim in claims])
        fire(tx.batch, CHART, entry, trigger, actor=actor, now=now, reason=reason)
    places.release(tx.batch, [entry.claim for entry in offer.offered], now=now)
    _disarm(tx, offer, now=now, is_fired=trigger == "expire")
    tx.flush()
    _end_orders(tx, offer, now=now, reasons={order.id: why for order in offer.orders})


def _disarm(tx: Transaction, offer: Offer, *, now: datetime, is_fired: bool = False) -> None:
    disarm_offers(tx, [offer.id], now=now, is_fired=is_fired)


def disarm_offers(tx: Transaction, offer_ids: Collection[UUID], *, now: datetime, is_fired: bool = False) -> None:
    """Offers are answered, or over: their timers have nothing to do any more."""
    rows = tx.rows(
        "SELECT id FROM timer WHERE organisation_id = %(org)s AND detail_id = ANY(%(offers)s) AND status = 'ARMED'",
        offers=list(offer_ids),
    )  # fmt: skip
    if rows:
        status = "FIRED" if is_fired else "DISARMED"
        tx.batch.guard(
            DISARM, [{"id": row["id"], "status": status, "settled_at": now} for row in rows],
            otherwise=lambda _: MovedMeanwhile("The offer ran out meanwhile; look again."),
        )  # fmt: skip


def _end_orders(tx: Transaction, offer: Offer, *, now: datetime, reasons: dict[UUID, str]) -> None:
    """An order of which nothing waits any more has ended, and says what came of it."""
    for order in offer.orders:
        if any(entry.is_live for entry in offer.entries if entry.order_id == order.id):
            continue
        fire(tx.batch, orders.CHART, order, "end_wait", actor=SYSTEM, now=now, reason=reasons[order.id],
             holdings=read_holdings(tx, order))  # fmt: skip
        tx.flush()

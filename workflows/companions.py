"""The companions of an order: they are made by its submission, confirmed with it, and go when it ends otherwise.

A companion is an order in Submitted_Change. It is not listed, holds nothing and is moved by its cause alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.actor import SYSTEM, Actor
from engine.batch import Batch
from engine.chart import Chart
from engine.database import Transaction
from engine.errors import Reason
from engine.fire import begin, fire
from engine.ids import new_id
from models import ActorKind, TermBookingOrderLine, TermBookingStatus
from workflows.change_effects import forget_repriced
from workflows.change_facts import Change
from workflows.companion_facts import shown_price, why
from workflows.order_facts import Order
from workflows.order_holdings import NOTHING_HELD, Holdings


def is_as_its_cause_showed(order: Order, *, change: Change, **_: object) -> Iterator[Reason]:
    """Nobody's booking gets a price that nobody was shown."""
    if shown_price(change) != order.price_fingerprint:
        booking = change.enrolled.booking.reference
        yield Reason("companion_is_stale", f"{booking} comes to something else than was shown.", rule="companion")


def is_let_go_by_its_cause(order: Order, *, actor: Actor, **_: object) -> Iterator[Reason]:
    """A companion ends with its cause and not before."""
    if actor.kind is not ActorKind.SYSTEM:
        yield Reason("is_companion", f"{order.reference} goes with the order that it belongs to.", rule="companion",
                     facts={"cause_order_id": str(order.cause_order_id)})  # fmt: skip


def begin_companions(
    order: Order, *, batch: Batch, chart: Chart, now: datetime, companions: Sequence[Change] = (), **_: Any
) -> None:
    """Make what was shown of other bookings part of the order."""
    for change in companions:
        its = change.order
        row = {
            "reference": its.reference, "account_id": its.account_id, "attendee_id": its.attendee_id,
            "term_id": its.term_id, "order_type": int(its.order_type), "made_by": SYSTEM.kind.value,
            "group_id": its.group_id, "original_booking_id": its.original_booking_id, "cause_order_id": order.id,
            "confirmation_type": its.confirmation_type, "was_minor": change.difference.old_total_minor,
            "total_minor": change.difference.new_total_minor, "price_fingerprint": shown_price(change),
            "note": "\n".join(why(change)), "created_at": now, "updated_at": now, "submitted_at": now,
        }  # fmt: skip
        begin(batch, chart, its, row=row, actor=SYSTEM, now=now, reason=f"with {order.reference}")
        prices = {p.line.term_product_id: p.gross_minor for p in change.priced.lines if p.line.component == "SESSION"}
        batch.add(
            TermBookingOrderLine,
            [{
                "id": new_id(), "order_id": its.id, "term_product_id": line.session_id,
                "term_program_set_id": line.offering.id, "kind": line.kind.value, "mode": line.mode.value,
                "asked_mode": line.mode.value, "mode_reason": None, "price_minor": prices[line.session_id],
                "position": line.position, "seat_id": line.seat_id, "makeup_credit_id": line.makeup_credit_id,
            } for line in change.facts.whole],
        )  # fmt: skip


def discard_companions(
    order: Order, *, batch: Batch, chart: Chart, holdings: Holdings, now: datetime, **_: Any
) -> None:  # fmt: skip
    """The order does not come about: the other bookings keep their price."""
    for row in holdings.companions:
        _discard(batch, chart, order, row, f"{order.reference} was not confirmed", now)


def _discard(batch: Batch, chart: Chart, cause: Order, row: dict[str, Any], reason: str, now: datetime) -> None:
    companion = replace(
        cause, id=UUID(row["id"]), reference=row["reference"], version=row["version"], cause_order_id=cause.id,
        status=TermBookingStatus.SUBMITTED_CHANGE, changed={}, recorded={},
    )  # fmt: skip
    fire(batch, chart, companion, "remove", actor=SYSTEM, now=now, reason=reason)


def confirm_companions(
    tx: Transaction, chart: Chart, cause: Order, holdings: Holdings, found: Sequence[Change], *, now: datetime
) -> list[str]:  # fmt: skip
    """Confirm with their cause what is as it was shown; returns the ids of the bookings that keep their price because
    something else was changed meanwhile. `found` is what they come to now.
    """
    changes = {str(change.enrolled.booking.id): change for change in found}
    kept = []
    for row in holdings.companions:
        change = changes.get(row["original_booking_id"])
        is_approved = change is not None and change.enrolled.booking.status is TermBookingStatus.APPROVED
        if change is not None and is_approved and shown_price(change) == row["price_fingerprint"]:
            _confirm(tx, chart, cause, row, change, now)
        elif change is not None and is_approved and change.enrolled.booking.total_minor == row["total_minor"]:
            _discard(tx.batch, chart, cause, row, "its booking costs that already", now)
        else:
            _discard(tx.batch, chart, cause, row, "its booking was changed meanwhile; it keeps its price", now)
            kept.append(row["original_booking_id"])
    return kept


def _confirm(
    tx: Transaction, chart: Chart, cause: Order, row: dict[str, Any], change: Change, now: datetime
) -> None:  # fmt: skip
    order = change.order
    order.id, order.reference, order.version = UUID(row["id"]), row["reference"], row["version"]
    order.price_fingerprint = row["price_fingerprint"]
    chains = {line.offering.chain for line in change.facts.whole}
    fire(
        tx.batch, chart, order, "confirm", actor=SYSTEM, now=now, reason=f"with {cause.reference}", change=change,
        holdings=replace(NOTHING_HELD, chains=sorted(chains), settings=change.facts.settings),
        changes={"delta_minor": change.difference.delta_minor},
    )  # fmt: skip
    forget_repriced(tx, change)

"""What a trial does for the booking that it becomes: its places go over without being free for a moment.

The claims change hands, so that no counter moves. What was invoiced for sessions still to come is credited, and what
was paid for them is the family's credit. Of a trial that was held nothing moves; the new order refers to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.actor import SYSTEM, Actor
from engine.batch import Guarded
from engine.chart import Chart
from engine.database import Row, Transaction
from engine.errors import Reason
from engine.fire import MovedMeanwhile, Subject, fire
from models import TermBookingOrderType, TermBookingStatus
from workflows import places
from workflows.booking_facts import BookedLine, Enrolled, lock_enrolled
from workflows.interest_facts import Interest
from workflows.order_facts import Facts, Order, lock_order
from workflows.order_guards import has_no_money
from workflows.order_holdings import Holdings, read_holdings
from workflows.term_booking import CHART as BOOKING_CHART

# How the roll calls a session that is attended with another booking now.
CONVERTED = "CONVERTED"


@dataclass(frozen=True, slots=True)
class Handed:
    """A trial that has let go, in this transaction; `holdings` are those of an order that is not booked."""

    order: Order
    sessions: frozenset[UUID]  # whose places the new order has now
    holdings: Holdings | None
    seats: dict[UUID, UUID | None]  # of those sessions
    claims: dict[UUID, UUID] = field(default_factory=dict)  # on their places, by session


def to_come_over(order: Order, facts: Facts) -> frozenset[UUID]:
    """The sessions whose places the order will have from the trial that it is to convert; a cart needs none there."""
    return frozenset(
        claim.slot.session_id for claim in facts.claims
        if claim.order_id == order.converts_order_id and claim.order_type is TermBookingOrderType.TRIAL_SESSION
    )  # fmt: skip


_TRANSFER = Guarded(
    name="hand_over_claims",
    sql="UPDATE place_claim c SET order_id = r.order_id, order_type = r.order_type FROM {rows} "
    "WHERE c.organisation_id = {org} AND c.id = r.id AND c.order_id = r.from_id RETURNING c.id",
    takes="id uuid, from_id uuid, order_id uuid, order_type smallint",
)


def hand_over(
    tx: Transaction, chart: Chart, order: Order, *, actor: Actor, now: datetime, is_muted: bool
) -> Handed | None:
    """Convert the trial that the order refers to, and write that; the caller holds the order's lock, and submits it.

    Whatever a guard of the submit says against it undoes this too. None where there is no trial to convert.
    """
    if order.converts_order_id is None:
        return None
    source = lock_order(tx, order.converts_order_id, actor=SYSTEM)
    if source.order_type is not TermBookingOrderType.TRIAL_SESSION:
        return None
    if source.status is TermBookingStatus.SUBMITTED:
        return _convert_order(tx, chart, source, order, actor=actor, now=now, is_muted=is_muted)
    if source.status is TermBookingStatus.APPROVED:
        assert source.booking_id is not None, "an approved order has its booking"
        enrolled = lock_enrolled(tx, source, source.booking_id)
        if enrolled.booking.status is TermBookingStatus.APPROVED:
            return _convert_booking(tx, source, enrolled, order, actor=actor, now=now, is_muted=is_muted)
    return None


def _convert_order(
    tx: Transaction, chart: Chart, source: Order, order: Order, *, actor: Actor, now: datetime, is_muted: bool
) -> Handed:  # fmt: skip
    holdings = read_holdings(tx, source)
    seats = _seats(tx, source)
    placed = [c for c in holdings.claims if not c["chosen_with"]]
    kept = _transfer(tx, placed, source, source, order)
    # Its activities are chosen anew.
    places.give_back(tx.batch, source, [c for c in holdings.claims if c["chosen_with"]], now=now)
    source.change(converted_into_id=order.id)
    fire(tx.batch, chart, source, "convert", actor=SYSTEM, now=now, reason=_why(order), is_muted=is_muted,
         holdings=holdings, changes=_told(order, actor, kept))  # fmt: skip
    tx.flush()
    return Handed(source, frozenset(kept), holdings, seats, _by_session(placed))


def _convert_booking(
    tx: Transaction, source: Order, enrolled: Enrolled, order: Order, *, actor: Actor, now: datetime, is_muted: bool
) -> Handed:
    """The sessions still to come go over with a credit; a trial that was held stays, and says what followed it."""
    leaving = enrolled.to_come(now)
    enrolled.booking.change(converted_into_id=order.id)
    if not leaving:
        fire(tx.batch, BOOKING_CHART, enrolled.booking, "follow", actor=SYSTEM, now=now, reason=f"{order.reference} "
             "followed the trial", changes=_told(order, actor, []))  # fmt: skip
        tx.flush()
        return Handed(source, frozenset(), None, {})
    seats = _seats(tx, source)
    placed = _claims_of(enrolled, leaving)
    kept = _transfer(tx, placed, enrolled.booking, source, order)
    # What was held is not held any more when the booking ends.
    enrolled.claims = [claim for claim in enrolled.claims if UUID(claim["term_product_id"]) not in kept]
    credit = enrolled.credit_of(leaving)
    fire(tx.batch, BOOKING_CHART, enrolled.booking, "convert", actor=SYSTEM, now=now, reason=_why(order),
         is_muted=is_muted, enrolled=enrolled, leaving=leaving, credit=credit, why=CONVERTED,
         changes={**_told(order, actor, kept), "credited_minor": credit.total_minor,
                  "freed_minor": credit.freed_minor})  # fmt: skip
    tx.flush()
    return Handed(source, frozenset(kept), None, seats, _by_session(placed))


def _seats(tx: Transaction, source: Order) -> dict[UUID, UUID | None]:
    found = tx.rows("SELECT term_product_id, seat_id FROM place_claim WHERE organisation_id = %(org)s "
                    "AND order_id = %(order_id)s", order_id=source.id)  # fmt: skip
    return {row["term_product_id"]: row["seat_id"] for row in found}


def _by_session(claims: list[Row]) -> dict[UUID, UUID]:
    return {UUID(claim["term_product_id"]): UUID(claim["id"]) for claim in claims}


def _claims_of(enrolled: Enrolled, leaving: list[BookedLine]) -> list[Row]:
    sessions = {str(line.session_id) for line in leaving}
    return [claim for claim in enrolled.claims if claim["term_product_id"] in sessions]


def _transfer(tx: Transaction, claims: list[Row], subject: Subject, source: Order, order: Order) -> list[UUID]:
    """The claims change hands; both histories tell it, so that they add up to the places taken. Extras stay behind:
    the new order holds those that it asks for.
    """
    sessions = [UUID(claim["term_product_id"]) for claim in claims]
    tx.run("DELETE FROM extra_claim WHERE organisation_id = %(org)s AND place_claim_id = ANY(%(ids)s)",
           ids=[UUID(claim["id"]) for claim in claims])  # fmt: skip
    tx.batch.guard(
        _TRANSFER, [{"id": claim["id"], "from_id": source.id, "order_id": order.id, "order_type": int(order.order_type)}
                    for claim in claims],
        otherwise=lambda _: MovedMeanwhile(f"{source.reference} was changed meanwhile; look at it again."),
    )  # fmt: skip
    subject.record(places_released=sessions)
    order.record(places_taken=sessions)
    return sessions


def _why(order: Order) -> str:
    return f"converted into {order.reference}"


def _told(order: Order, actor: Actor, sessions: list[UUID]) -> dict[str, Any]:
    return {"into": order.reference, "into_order_id": str(order.id), "sessions": [str(s) for s in sessions],
            "by": str(actor.user_id) if actor.user_id else actor.kind.value}  # fmt: skip


def can_convert(
    order: Order, *, facts: Facts, actor: Actor, handed: Handed | None = None, **_: object
) -> Iterator[Reason]:  # fmt: skip
    """What it is to convert still stands, or was converted into this very order before it was reopened. A trial keeps
    its places, and no money of it is on its way.
    """
    for source in facts.making_way:
        if source.id == order.converts_order_id:
            yield from _failing_source(order, source, is_handed=handed is not None)
    if handed is None:
        return
    yield from _failing_seats(facts, handed)
    if handed.holdings is not None:
        yield from has_no_money(handed.order, holdings=handed.holdings, actor=actor)
    left = handed.sessions - {line.session_id for line in facts.lines}
    if left:
        yield Reason("trial_left_out", f"{handed.order.reference} is converted with every session of it that is still "
                     f"to come; {len(left)} missing.", field="lines", rule="conversion",
                     facts={"session_ids": sorted(str(session) for session in left)})  # fmt: skip


def _failing_seats(facts: Facts, handed: Handed) -> Iterator[Reason]:
    """A place that goes over is the same seat."""
    for line in facts.lines:
        if line.session_id in handed.sessions and handed.seats[line.session_id] != line.seat_id:
            yield Reason("other_seat", f"{line.label} keeps the seat of {handed.order.reference}.",
                         field=f"lines[{line.position}].seat_id", rule="conversion", session=line.label)  # fmt: skip


def _failing_source(order: Order, source: Interest, *, is_handed: bool) -> Iterator[Reason]:
    is_interest = source.order_type is TermBookingOrderType.EOI
    stands = source.status is TermBookingStatus.SUBMITTED if is_interest else is_handed
    if source.converted_by_id not in (None, order.id):
        yield Reason("nothing_to_convert", f"{source.reference} was converted into {source.converted_by} before.",
                     rule="conversion")  # fmt: skip
    elif not stands and source.converted_into_id != order.id:
        yield Reason("nothing_to_convert", f"{source.reference} is {source.status.name.lower()}: there is nothing "
                     "to convert; begin a new order.", rule="conversion")  # fmt: skip

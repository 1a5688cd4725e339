"""The rules of the waiting list: of the order that waits, of an entry, and of who takes the place oneself."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from engine.errors import Reason
from models import TermBookingOrderType, WaitingStatus
from workflows.double_booking import clashing_pairs
from workflows.order_facts import Facts, Order, WantedLine
from workflows.waiting_facts import Entry

_WAITING_LIST = TermBookingOrderType.WAITING_LIST


def is_waiting(order: Order, **_: object) -> Iterator[Reason]:
    """Only a waiting-list order joins a queue."""
    if order.order_type is not _WAITING_LIST:
        yield Reason("not_waiting", f"{order.reference} is no waiting-list order; submit it.", field="order_type",
                     rule="order_type")  # fmt: skip


def is_unseated(order: Order, *, facts: Facts, **_: object) -> Iterator[Reason]:
    """Nobody waits for a seat: which one becomes free is not known, and each has its price."""
    for line in facts.lines:
        if line.facts["venue_id"] is not None:
            yield _about(
                line, "seated_session", f"{line.label} is seated; there is no waiting list for seats.", "seats"
            )


def is_not_in_queue(order: Order, *, facts: Facts, waits: list[Entry], **_: object) -> Iterator[Reason]:
    """Nobody waits for the same session twice (DOMAIN §3, the double-booking guard)."""
    found = {entry.session_id: entry for entry in waits}
    for line in facts.lines:
        if line.session_id in found:
            yield _about(line, "double_booked", f"{order.attendee['name']} waits for {line.label} already.",
                         "double_booking")  # fmt: skip


def is_possible_as_one(order: Order, *, facts: Facts, group_id: UUID | None, **_: object) -> Iterator[Reason]:
    """What is wanted all or nothing can be attended all."""
    labels = {line.session_id: line for line in facts.lines}
    pairs = clashing_pairs(TermBookingOrderType.BOOKING, (line.slot for line in facts.lines)) if group_id else ()
    for one, other in pairs:
        line = labels[other.session_id]
        yield _about(line, "double_booked", f"{line.label} overlaps {labels[one.session_id].label} of this order.",
                     "double_booking")  # fmt: skip


def has_no_group_offer(order: Order, *, waiting: list[Entry] | None = None, **_: object) -> Iterator[Reason]:
    """One of a group does not leave while the places of all of it are offered: the offer is answered as a whole."""
    offered = [entry for entry in waiting or () if entry.group_id and entry.status is WaitingStatus.OFFERED]
    if offered:
        yield Reason("offered_as_a_group", f"The places of {order.reference}'s group are offered together; accept or "
                     "decline that offer.", rule="all_or_nothing", 
                     facts={"offer_id": str(offered[0].offer_id)})  # fmt: skip


def has_no_open_offer(order: Order, *, facts: Facts, accepts: UUID | None = None, **_: object) -> Iterator[Reason]:
    """A place that is kept for the attendee is taken by accepting its offer, not beside it."""
    kept = {claim.slot.session_id: claim for claim in facts.claims if claim.order_type is _WAITING_LIST}
    for line in facts.lines:
        claim = kept.get(line.session_id)
        if claim is None or (accepts is not None and claim.offer_id == accepts):
            continue
        if claim.account_id != order.account_id:
            yield _about(line, "double_booked", f"{line.label}: not available at this time.", "double_booking")
        elif claim.offer_id is not None:
            yield _about(line, "place_offered", f"A place of {line.label} is offered to {order.attendee['name']} "
                         f"({claim.reference}): accept that offer.", "waiting_list",
                         offer_id=str(claim.offer_id))  # fmt: skip
        else:
            yield _about(line, "place_saved", f"A place of {line.label} is saved for {order.attendee['name']}, who "
                         f"waits for all or nothing ({claim.reference}); leave that list first.",
                         "waiting_list")  # fmt: skip


def has_open_offer(entry: Entry, *, now: datetime, **_: object) -> Iterator[Reason]:
    """An offer is accepted before it runs out."""
    if entry.offer_expires_at is not None and entry.offer_expires_at <= now:
        yield Reason("offer_expired", f"The offer of {entry.reference} ran out; the place goes to the next who waits.",
                     rule="waiting_offer_hours", facts={"expired_at": entry.offer_expires_at.isoformat()})  # fmt: skip


def _about(line: WantedLine, code: str, message: str, rule: str, **facts: object) -> Reason:
    return Reason(code, message, field=f"lines[{line.position}].session_id", rule=rule, session=line.label,
                  facts={"session_id": str(line.session_id), **facts})  # fmt: skip

"""What an edit of a booking knows: the booking, what it keeps, adds and gives up, and what that comes to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.difference import Difference, compare
from billing.pricing import Priced
from engine.database import Row, Transaction
from models import TermBookingStatus
from workflows.booking_facts import BookedLine, Enrolled
from workflows.change_pricing import Asked, price_change, why_no_fee
from workflows.credit_facts import NOTHING_BEHIND, Behind
from workflows.double_booking import Slot
from workflows.order_effects import local_day
from workflows.order_facts import Facts, Order
from workflows.order_reads import read_facts
from workflows.pass_facts import with_freed
from workflows.pass_use import parted, uncovered


@dataclass
class Change:
    """An edit of a booking as it stands after the lock. `facts.lines` are the sessions that it adds."""

    order: Order
    enrolled: Enrolled
    facts: Facts
    leaving: list[BookedLine]
    now: datetime
    priced: Priced
    difference: Difference
    asked: Asked = field(default_factory=Asked)
    # What it alters of the prices of the family's other bookings, by their ids.
    companions: list["Change"] = field(default_factory=list)
    # What the review is of besides its figures: a cancellation, a closure with its last day.
    ending: str = ""
    is_ending: bool = False  # the booking counts no more, once it is made
    # What stands behind the credits of a review, and what came in for the change by then.
    behind: Behind = NOTHING_BEHIND
    captured_minor: int = 0

    @property
    def is_invoiced(self) -> bool:
        """Whether documents are issued for it: what is approved for attendance only, or quoted, is not invoiced yet."""
        return is_invoiced(self.enrolled)

    @property
    def is_quoted(self) -> bool:
        """What it changes is a quoted order, not a booking."""
        return self.order.original_order_id is not None

    def booked(self, session_id: UUID) -> BookedLine:
        """The confirmed line of a session that it keeps."""
        return next(line for line in self.enrolled.kept() if line.session_id == session_id)


def is_invoiced(enrolled: Enrolled) -> bool:
    """A booking in these statuses has no invoice of its own yet."""
    return enrolled.booking.status not in (TermBookingStatus.ATTENDANCE_APPROVED, TermBookingStatus.QUOTE)


def read_change(
    tx: Transaction, order: Order, enrolled: Enrolled, *, now: datetime, wanted: list[Row] | None = None,
    extras: list[Row] | None = None, pay_later: bool = False, uncounted: Sequence[UUID] = (),
    asked: Asked | None = None, ending: str = "",
) -> Change:  # fmt: skip
    """Read what the guards ask and compute what the change comes to; the caller holds the locks of both."""
    live = {line.session_id: line for line in enrolled.kept()}
    if wanted is not None:
        wanted = [_as_booked(row, live) for row in wanted]
    read = read_facts(tx, order, now=now, today=local_day(now, order), wanted=wanted, extras=extras,
                      pay_later=pay_later, uncounted=uncounted, edited_id=enrolled.booking.order_id)  # fmt: skip
    kept = [line for line in read.lines if line.session_id in live]
    added = [line for line in read.lines if line.session_id not in live]
    staying = {line.session_id for line in kept}
    leaving = [line for line in live.values() if line.session_id not in staying]
    freed = [*parted(enrolled, leaving, now)[0], *uncovered(enrolled, kept)]
    facts = replace(read, lines=added, staying=kept, claims=_others(read, enrolled, leaving),
                    extras_held=_extras_held(enrolled, staying), passes=with_freed(read.passes, freed))  # fmt: skip
    for line in kept:
        booked = live[line.session_id]
        line.mode = line.asked_mode = booked.mode
        if booked.seat_id is not None and line.seat_id is None:
            line.facts["seat_id"] = str(booked.seat_id)
    given_up = [Slot(line.session_id, line.starts_at, line.ends_at) for line in leaving]
    for line in added:
        line.waits_for_swap = any(slot.overlaps(line.slot) for slot in given_up)
    return compute(order, enrolled, facts, leaving, now, asked or Asked(), ending)


def _as_booked(row: Row, live: dict[UUID, BookedLine]) -> Row:
    """A makeup session that stays is one still, whoever does not say so."""
    line = live.get(row["id"])
    if line is None or line.makeup_credit_id is None:
        return row
    return {**row, "kind": line.kind.value, "makeup_credit_id": line.makeup_credit_id}


def _extras_held(enrolled: Enrolled, staying: set[UUID]) -> dict[tuple[UUID, UUID], int]:
    """What is billed beside the sessions that stay is held beside them."""
    held: dict[tuple[UUID, UUID], int] = {}
    for row in enrolled.billing_lines:
        session_id, (kind, _, extra_id) = UUID(row["term_product_id"]), row["component"].partition(":")
        if kind == "EXTRA" and session_id in staying:
            held[session_id, UUID(extra_id)] = held.get((session_id, UUID(extra_id)), 0) + row["quantity"]
    return held


def judged_among(change: Change, peers: list[Row]) -> Change:
    """The same change where the family's other confirmed bookings are these."""
    return compute(change.order, change.enrolled, replace(change.facts, peers=peers), change.leaving, change.now,
                     change.asked, change.ending)  # fmt: skip


def compute(
    order: Order, enrolled: Enrolled, facts: Facts, leaving: list[BookedLine], now: datetime, asked: Asked, ending: str
) -> Change:  # fmt: skip
    """What the edit comes to, of facts that were read: `facts.lines` are added, `facts.staying` stay."""
    priced = price_change(order, enrolled, facts, leaving, asked, now)
    difference = compare(
        enrolled.billing_lines, priced.lines, is_invoiced=is_invoiced(enrolled),
        paid_minor=enrolled.paid_minor if is_invoiced(enrolled) else enrolled.captured_minor,
        not_applied={line.session_id: why for line in leaving if (why := why_no_fee(enrolled, line, asked, now))},
        computed_from=(enrolled.booking.id, enrolled.booking.version, enrolled.booking.billing_id, ending, asked,
                       *(use.id for use in parted(enrolled, leaving, now)[1])),
    )  # fmt: skip
    # The one figure that a person accepts is the difference: it stands for the price of a change.
    priced = replace(priced, fingerprint=difference.fingerprint)
    return Change(order, enrolled, facts, leaving, now, priced, difference, asked, ending=ending)


def _others(facts: Facts, enrolled: Enrolled, leaving: list[BookedLine]) -> list[Any]:
    """The claims that stand in the way: of the original only what it keeps."""
    gone = {line.session_id for line in leaving}
    return [claim for claim in facts.claims
            if claim.order_id != enrolled.booking.order_id or claim.slot.session_id not in gone]  # fmt: skip

"""Which bookings of the family cost something else once an order is confirmed: its companions, each a change of one of
them in which every session stays.

Asked only where a booking has a discount that counts other bookings and that is judged again when they change.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.actor import SYSTEM
from engine.database import Row, Transaction
from engine.ids import new_id, new_reference
from models import LineKind, TermBookingConfirmationType, TermBookingStatus
from workflows.booking_facts import Enrolled, lock_enrolled
from workflows.change_documents import shown_documents
from workflows.change_facts import Change, judged_among, read_change
from workflows.change_pricing import OF_ITSELF
from workflows.order_facts import Facts, Order, lock_order
from workflows.order_holdings import Holdings


@dataclass(frozen=True)
class Enrolling:
    """What an order makes of its attendee's programs: those of `booking_id`, which it changes, `before` and `after`."""

    attendee_id: UUID
    after: frozenset[UUID]
    before: frozenset[UUID] = frozenset()
    booking_id: UUID | None = None
    # The booking ends: its attendee does not count any more where no other booking makes it.
    is_ending: bool = False

    def among(self, peers: Sequence[Row], programs: frozenset[UUID]) -> list[Row]:
        """The family's confirmed bookings where the attendee has these programs besides."""
        if not programs:
            return list(peers)
        attendee_id, more = str(self.attendee_id), [str(each) for each in programs]
        found = {peer["attendee_id"]: peer["programs"] or [] for peer in peers}
        found[attendee_id] = [*found.get(attendee_id, ()), *more]
        return [{"attendee_id": each, "programs": its} for each, its in found.items()]

    def after_it(self, peers: Sequence[Row]) -> list[Row]:
        """The family's confirmed bookings once the order is confirmed, or the booking has ended."""
        found = self.among(peers, self.after)
        gone = str(self.attendee_id) if self.is_ending else None
        return [peer for peer in found if peer["attendee_id"] != gone or peer["programs"]]


def enrolling(order: Order, facts: Facts) -> Enrolling:
    """Of a new order, by what it asks for."""
    return Enrolling(order.attendee_id, frozenset(UUID(o.facts["program_id"]) for o in facts.offerings.values()))


def enrolling_by_change(change: Change) -> Enrolling:
    """Of a change of a booking; days that were closed still count."""
    enrolled = change.enrolled
    closed = {line.chain[1] for line in enrolled.lines
              if line.kind is LineKind.CLOSURE_DAY and not line.is_cancelled}  # fmt: skip
    if change.is_ending:
        return Enrolling(change.order.attendee_id, frozenset(), frozenset({line.chain[1] for line in enrolled.kept()}
                         | closed), enrolled.booking.id, is_ending=True)  # fmt: skip
    after = {UUID(line.offering.facts["program_id"]) for line in change.facts.whole}
    before = {line.chain[1] for line in enrolled.kept()}
    return Enrolling(change.order.attendee_id, frozenset(after | closed), frozenset(before | closed),
                     enrolled.booking.id)  # fmt: skip


def read_companions(
    tx: Transaction, causes: Sequence[tuple[Order, Enrolling]], booking_ids: Iterable[UUID], *, now: datetime
) -> list[list[Change]]:
    """The bookings of these that cost something else by what each order does, by their ids; of several orders of one
    submission each counts those before it. The caller holds the lock of the account; each booking is locked, and judged
    as an edit of it would be.
    """
    first, its = causes[0]
    read = [_read_kept(tx, first, its, booking_id, now) for booking_id in sorted(booking_ids)]
    return [altered(read, cause, own, [earlier for _, earlier in causes[:n]], now)
            for n, (cause, own) in enumerate(causes)]  # fmt: skip


def altered(
    read: Iterable[Change], cause: Order, its: Enrolling, earlier: Sequence[Enrolling], now: datetime
) -> list[Change]:  # fmt: skip
    """Where it is the order that makes the difference, not what the booking would come to anyway."""
    found = []
    for change in read:
        peers = change.facts.peers
        for each in earlier:
            peers = each.among(peers, each.after)
        was, becomes = (judged_among(change, among) for among in (its.among(peers, its.before), its.after_it(peers)))
        is_altered = [p.gross_minor for p in was.priced.lines] != [p.gross_minor for p in becomes.priced.lines]
        if is_altered and becomes.difference.lines and becomes.enrolled.booking.status is TermBookingStatus.APPROVED:
            found.append(replace(becomes, order=companion_of(cause, becomes.enrolled, now)))
    return found


def _read_kept(tx: Transaction, cause: Order, its: Enrolling, booking_id: UUID, now: datetime) -> Change:
    """The booking with all that it holds, as a change of nothing. Neither its place nor its time is asked for, so its
    attendee stays unlocked.
    """
    row: Any = tx.row("SELECT order_id FROM term_booking WHERE organisation_id = %(org)s AND id = %(id)s",
                      id=booking_id)  # fmt: skip
    enrolled = lock_enrolled(tx, lock_order(tx, row["order_id"], actor=SYSTEM, order_only=True), booking_id)
    wanted, extras = kept_rows(enrolled)
    uncounted = [its.booking_id] if its.booking_id else []
    return read_change(tx, companion_of(cause, enrolled, now), enrolled, now=now, wanted=wanted, extras=extras,
                       uncounted=uncounted, asked=OF_ITSELF)  # fmt: skip


def companion_of(cause: Order | None, enrolled: Enrolled, now: datetime) -> Order:
    """A change of a booking that nobody asks for by itself; without a cause it is never written."""
    first, booking = enrolled.order, enrolled.booking
    assert first is not None
    return Order(
        id=new_id(), reference=new_reference("TO"), status=TermBookingStatus.SUBMITTED_CHANGE, version=1,
        account_id=booking.account_id, attendee_id=booking.attendee_id, term_id=first.term_id,
        order_type=first.order_type, group_id=booking.group_id, original_booking_id=booking.id,
        cause_order_id=cause.id if cause else None, total_minor=booking.total_minor, created_at=now, submitted_at=now,
        # What it adds is invoiced, and due by the offering's rule.
        confirmation_type=TermBookingConfirmationType.CONFIRM_WITHOUT_PAYMENT,
        account=first.account, attendee=first.attendee, organisation=first.organisation,
    )  # fmt: skip


def kept_rows(enrolled: Enrolled, *, without: frozenset[UUID] = frozenset()) -> tuple[list[Row], list[Row]]:
    """Lines and extras as a cart would ask for them: what is booked, but for some sessions."""
    wanted: list[Row] = []
    extras: list[Row] = []
    for position, line in enumerate(line for line in enrolled.kept() if line.session_id not in without):
        line_id = new_id()
        wanted.append({"line_id": line_id, "id": line.session_id, "kind": line.kind.value, "mode": line.mode.value,
                       "position": position, "seat_id": None, "makeup_credit_id": line.makeup_credit_id})  # fmt: skip
        extras += [
            {"id": new_id(), "order_line_id": line_id, "extra_id": row["component"].removeprefix("EXTRA:"),
             "quantity": row["quantity"]}
            for row in enrolled.billing_lines
            if row["term_product_id"] == str(line.session_id) and row["component"].startswith("EXTRA:")
        ]  # fmt: skip
    return wanted, extras


def read_held_companions(
    tx: Transaction, cause: Order, its: Enrolling, holdings: Holdings, *, now: datetime
) -> list[Change]:
    """What the open companions of an order come to now."""
    held = sorted(UUID(row["original_booking_id"]) for row in holdings.companions)
    read = [_read_kept(tx, cause, its, booking_id, now) for booking_id in held]
    return [judged_among(change, its.among(change.facts.peers, its.after)) for change in read]


def shown_price(companion: Change) -> str:
    """A fingerprint of what was shown of a companion: what each session that costs something else was and becomes."""
    figures = sorted((line.session_id.hex, line.component, line.was_minor, line.becomes_minor)
                     for line in companion.difference.lines)  # fmt: skip
    return hashlib.sha256(repr((companion.enrolled.booking.id.hex, figures)).encode()).hexdigest()[:32]


def fingerprint_with(own: str, companions: Iterable[Change]) -> str:
    """What a family accepts: an order's own price, and that of each companion behind it."""
    prices = [shown_price(companion) for companion in companions]
    return f"{own}-{hashlib.sha256(repr(prices).encode()).hexdigest()[:16]}" if prices else own


def own_price(fingerprint: str) -> str:
    """The order's own part of what was accepted."""
    return fingerprint.partition("-")[0]


def why(companion: Change) -> list[str]:
    """Which discounts are given differently, in words."""
    return sorted({words for line in companion.difference.lines for words in line.why})


def shown_companions(companions: Iterable[Change]) -> list[Row]:
    """Each as plain values: which booking, was, becomes, why; what is issued for it, and what is owed of it then."""
    return [
        {
            "order_id": None, "status": None, "booking_id": str(companion.enrolled.booking.id),
            "booking_reference": companion.enrolled.booking.reference, "attendee": companion.order.attendee["name"],
            "was_minor": companion.difference.old_total_minor,
            "becomes_minor": companion.difference.new_total_minor, "delta_minor": companion.difference.delta_minor,
            "why": why(companion), "documents": shown_documents(companion)["documents"],
            "due_minor": companion.difference.due_minor, "credit_minor": companion.difference.credit_minor,
        } for companion in companions
    ]  # fmt: skip

"""What a change order knows: the booking it changes, what it keeps, adds and gives up, and what that comes to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.difference import Difference, compare, kept_tax
from billing.discounts import Candidate, Given, Kept, Offered, discount_lines
from billing.pricing import LineToPrice, Priced, price
from catalogue.discount_values import discount
from engine.database import Row, Transaction
from models import BookingMode, LineKind
from workflows.booking_facts import BookedLine, Enrolled
from workflows.double_booking import Slot
from workflows.order_discounts import candidates_of, surroundings
from workflows.order_effects import local_day
from workflows.order_facts import Facts, Order, WantedLine
from workflows.order_pricing import added_lines, extra_line, unit_prices_in
from workflows.order_reads import read_facts


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
    # What it alters of the prices of the family's other bookings, by their ids.
    companions: list["Change"] = field(default_factory=list)

    def booked(self, session_id: UUID) -> BookedLine:
        """The confirmed line of a session that it keeps."""
        return next(line for line in self.enrolled.kept() if line.session_id == session_id)


def read_change(
    tx: Transaction, order: Order, enrolled: Enrolled, *, now: datetime, wanted: list[Row] | None = None,
    extras: list[Row] | None = None, pay_later: bool = False, uncounted: Sequence[UUID] = (),
) -> Change:  # fmt: skip
    """Read what the guards ask and compute what the change comes to; the caller holds the locks of both."""
    read = read_facts(tx, order, now=now, today=local_day(now, order), wanted=wanted, extras=extras,
                      pay_later=pay_later, uncounted=uncounted)  # fmt: skip
    live = {line.session_id: line for line in enrolled.kept()}
    kept = [line for line in read.lines if line.session_id in live]
    added = [line for line in read.lines if line.session_id not in live]
    staying = {line.session_id for line in kept}
    leaving = [line for line in live.values() if line.session_id not in staying]
    facts = replace(read, lines=added, staying=kept, claims=_others(read, enrolled, leaving))
    for line in kept:
        line.mode = line.asked_mode = live[line.session_id].mode
    given_up = [Slot(line.session_id, line.starts_at, line.ends_at) for line in leaving]
    for line in added:
        line.waits_for_swap = any(slot.overlaps(line.slot) for slot in given_up)
    return _computed(order, enrolled, facts, leaving, now)


def judged_among(change: Change, peers: list[Row]) -> Change:
    """The same change where the family's other confirmed bookings are these."""
    return _computed(change.order, change.enrolled, replace(change.facts, peers=peers), change.leaving, change.now)


def _computed(order: Order, enrolled: Enrolled, facts: Facts, leaving: list[BookedLine], now: datetime) -> Change:
    live = {line.session_id: line for line in enrolled.kept()}
    priced = _price(order, enrolled, facts, live, now)
    difference = compare(
        enrolled.billing_lines, priced.lines, paid_minor=sum(invoice.paid_minor for invoice in enrolled.invoices),
        computed_from=(enrolled.booking.id, enrolled.booking.version, enrolled.booking.billing_id),
    )  # fmt: skip
    # The one figure that a person accepts is the difference: it stands for the price of a change.
    return Change(order, enrolled, facts, leaving, now, replace(priced, fingerprint=difference.fingerprint), difference)


def _others(facts: Facts, enrolled: Enrolled, leaving: list[BookedLine]) -> list[Any]:
    """The claims that stand in the way: of the original only what it keeps."""
    gone = {line.session_id for line in leaving}
    return [claim for claim in facts.claims
            if claim.order_id != enrolled.booking.order_id or claim.slot.session_id not in gone]  # fmt: skip


def _price(order: Order, enrolled: Enrolled, facts: Facts, live: dict[UUID, BookedLine], now: datetime) -> Priced:
    """All that the booking costs after the change: what it keeps by its own terms, what it adds by those of today."""
    booking_id = enrolled.booking.id
    units = unit_prices_in(order, facts)
    billed = {(UUID(row["term_product_id"]), row["component"]): row for row in enrolled.billing_lines}
    asked = replace(order, id=booking_id)
    candidates = [
        *(_kept_candidate(order, booking_id, live[line.session_id], billed[line.session_id, "SESSION"], now)
          for line in facts.staying),
        *candidates_of(asked, facts, {session_id: unit for session_id, (unit, _) in units.items()}),
    ]  # fmt: skip
    assert enrolled.order is not None
    codes = {booking_id: enrolled.order.promo_code} if enrolled.order.promo_code else {}
    closed = [line for line in enrolled.lines if line.kind is LineKind.CLOSURE_DAY and not line.is_cancelled]
    around = replace(surroundings(order, facts, codes), also_booked={booking_id: len(closed)})
    given = discount_lines(candidates, around)
    included = order.organisation["prices_include_tax"]
    by_session: dict[UUID, list[LineToPrice]] = {}
    for line in facts.staying:
        by_session[line.session_id] = _kept_lines(order, booking_id, line, facts, billed, given, included)
    for priced in added_lines(asked, facts, units, given):
        by_session.setdefault(priced.term_product_id, []).append(priced)
    return price([each for line in facts.whole for each in by_session[line.session_id]], prices_include_tax=included)


def _kept_candidate(order: Order, booking_id: UUID, line: BookedLine, row: Row, now: datetime) -> Candidate:
    """A session that stays, under the terms and the day that it was sold under."""
    steps = [step for step in row["trace"] if step["step"] == "discount"]
    offered = tuple(Offered(discount(step["terms"]), UUID(step["scope_id"])) for step in steps)
    gave = {each.key: -step["amount_minor"] for each, step in zip(offered, steps, strict=True)}
    sold_on = [date.fromisoformat(step["booked_on"]) for step in steps] or [line.day]
    starts_on = [date.fromisoformat(step["starts_on"]) for step in steps] or [line.day]
    return Candidate(
        booking_id, order.attendee_id, line.session_id, line.chain[1], BookingMode(line.mode), row["base_minor"],
        line.day, starts_on[0], sold_on[0], offered, Kept(line.is_held(now), gave),
    )  # fmt: skip


def _kept_lines(
    order: Order, booking_id: UUID, line: WantedLine, facts: Facts, billed: dict[tuple[UUID, str], Row], given: Given,
    included: bool,
) -> list[LineToPrice]:  # fmt: skip
    """The session at its own price, each extra at its own where as many are taken, else at the catalogue's of today."""
    row = billed[line.session_id, "SESSION"]
    kept = [_kept_line(order, row, included, given.get((booking_id, line.session_id), ()))]
    for extra in line.extras:
        was = billed.get((line.session_id, f"EXTRA:{extra.extra_id}"))
        if was and was["quantity"] == extra.quantity:
            kept.append(_kept_line(order, was, included, ()))
        else:
            tax_name, tax_rate = row["tax_name"], Decimal(row["tax_rate"])
            kept.append(extra_line(order.attendee_id, line, extra, tax_name, tax_rate))
    return kept


def _kept_line(order: Order, row: Row, included: bool, reductions: Any) -> LineToPrice:
    line = LineToPrice(
        order.attendee_id, UUID(row["term_product_id"]), row["component"], row["description"],
        row["base_minor"] // row["quantity"], row["quantity"], row["trace"][0]["basis"] if row["trace"] else "",
        row["tax_name"], Decimal(row["tax_rate"]), row["printed"], tuple(reductions),
    )  # fmt: skip
    tax = kept_tax(row, line.base_minor - line.discount_minor, included=included)
    return replace(line, kept_tax_minor=tax)

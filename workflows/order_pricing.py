"""From the facts of orders to their price: the catalogue's prices and rules meet the pure arithmetic of billing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from billing.discounts import Given
from billing.passes import Coverage
from billing.pricing import LineToPrice, Priced, price
from catalogue.rules import Rule
from models import LineKind, TermBookingOrderType
from workflows.order_discounts import UnitPrices, discount_orders
from workflows.order_facts import Facts, Order, WantedExtra, WantedLine
from workflows.order_modes import settle_modes, unit_prices_of
from workflows.pass_facts import coverage

_SUBSCRIPTION = TermBookingOrderType.SUBSCRIPTION
Units = dict[UUID, tuple[int, str]]


def price_order(order: Order, facts: Facts) -> Priced:
    """Price every session and extra of the order, in the order of its lines, in the modes that the selection makes."""
    (priced,) = price_together([(order, facts)])
    return priced


def price_together(asked: Sequence[tuple[Order, Facts]]) -> list[Priced]:
    """Price the orders of one submission, which are of one account and term: their discounts count each other."""
    units = [unit_prices_in(order, facts) for order, facts in asked]
    alone = [
        (order, facts, {session_id: unit for session_id, (unit, _) in its.items()})
        for (order, facts), its in zip(asked, units, strict=True) if order.order_type is not _SUBSCRIPTION
    ]  # fmt: skip
    covered = coverage(alone)
    given = with_entitlements(
        covered, discount_orders([(order, facts, left_after(covered, order, its)) for order, facts, its in alone])
    )
    return [
        price(added_lines(order, facts, its, given), prices_include_tax=order.organisation["prices_include_tax"])
        for (order, facts), its in zip(asked, units, strict=True)
    ]


def left_after(covered: Coverage, order: Order, units: UnitPrices) -> UnitPrices:
    """What of each session's price is left for discounts: nothing where a pass covers it."""
    return {session_id: 0 if (order.id, session_id) in covered else unit for session_id, unit in units.items()}


def with_entitlements(covered: Coverage, given: Given) -> Given:
    """What each line gets, the entitlement before the discounts."""
    return {**given, **{key: (entitlement, *given.get(key, ())) for key, entitlement in covered.items()}}


def unit_prices_in(order: Order, facts: Facts, settle: Callable[[Facts], None] = settle_modes) -> Units:
    """What each session costs in the mode that the selection makes, and where that comes from. A subscription is billed
    by its sessions: no price of a week or a term, and no discount that other bookings give.
    """
    if order.order_type is _SUBSCRIPTION:
        for line in facts.lines:
            line.asked_mode = line.mode
    else:
        settle(facts)
    found: Units = {}
    for offering in facts.offerings.values():
        found.update(unit_prices_of(facts, offering))
    found |= {line.session_id: (0, "makeup credit") for line in facts.lines if line.kind is LineKind.MAKEUP_SESSION}
    return found | {line.session_id: seat for line in facts.lines if (seat := _seat_price(line))}


def added_lines(order: Order, facts: Facts, units: Units, given: Given) -> list[LineToPrice]:
    """The sessions that are asked for anew, with their extras, at the catalogue's prices of today."""
    lines: list[LineToPrice] = []
    for offering in facts.offerings.values():
        own = [line for line in facts.lines if line.offering is offering]
        tax = facts.rule(Rule.TAX, offering).value
        tax_name, tax_rate = (tax.name, tax.rate_percent / 100) if tax else ("", Decimal(0))
        for line in own:
            unit_minor, basis = units[line.session_id]
            lines.append(
                LineToPrice(
                    order.attendee_id, line.session_id, "SESSION", line.sold_as, unit_minor, 1, basis,
                    tax_name, tax_rate, line.printed, given.get((order.id, line.session_id), ()),
                )
            )  # fmt: skip
            lines.extend(
                replace(extra_line(order.attendee_id, line, extra, tax_name, tax_rate),
                        reductions=given.get((order.id, extra.id), ()))
                for extra in line.extras
            )  # fmt: skip
    return lines


def extra_line(
    attendee_id: UUID, line: WantedLine, extra: WantedExtra, tax_name: str, tax_rate: Decimal
) -> LineToPrice:
    """An extra beside a session at the catalogue's price, taxed as the session is."""
    return LineToPrice(
        attendee_id, line.session_id, f"EXTRA:{extra.extra_id}", f"{extra.name}, {line.label}", extra.price_minor,
        extra.quantity, "extra", tax_name, tax_rate, line.printed | {"extra": extra.name},
    )  # fmt: skip


def _seat_price(line: WantedLine) -> tuple[int, str] | None:
    """What the seat costs, in any mode, where its type has a price."""
    if line.seat is None or line.seat.price_minor is None:
        return None
    return line.seat.price_minor, f"seat price, {line.seat.position.seat_type.value}"

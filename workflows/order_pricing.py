"""From the facts of an order to its price: the catalogue's prices and rules meet the pure arithmetic of billing."""

from decimal import Decimal

from billing.pricing import LineToPrice, Priced, price
from catalogue.rules import Rule
from workflows.order_facts import Facts, Order, WantedLine
from workflows.order_modes import settle_modes, unit_prices_of


def price_order(order: Order, facts: Facts) -> Priced:
    """Price every session and extra of the order, in the order of its lines, in the modes that the selection makes."""
    settle_modes(facts)
    lines: list[LineToPrice] = []
    for offering in facts.offerings.values():
        own = [line for line in facts.lines if line.offering is offering]
        tax = facts.rule(Rule.TAX, offering).value
        tax_name, tax_rate = (tax.name, tax.rate_percent / 100) if tax else ("", Decimal(0))
        units = unit_prices_of(facts, offering)
        for line in own:
            unit_minor, basis = _seat_price(line) or units[line.session_id]
            lines.append(
                LineToPrice(
                    order.attendee_id, line.session_id, "SESSION", line.sold_as, unit_minor, 1, basis,
                    tax_name, tax_rate, line.printed,
                )
            )  # fmt: skip
            lines.extend(
                LineToPrice(
                    order.attendee_id, line.session_id, f"EXTRA:{extra.extra_id}", f"{extra.name}, {line.label}",
                    extra.price_minor, extra.quantity, "extra", tax_name, tax_rate,
                    line.printed | {"extra": extra.name},
                )
                for extra in line.extras
            )  # fmt: skip
    return price(lines, prices_include_tax=order.organisation["prices_include_tax"])


def _seat_price(line: WantedLine) -> tuple[int, str] | None:
    """What the seat costs, in any mode, where its type has a price."""
    if line.seat is None or line.seat.price_minor is None:
        return None
    return line.seat.price_minor, f"seat price, {line.seat.position.seat_type.value}"

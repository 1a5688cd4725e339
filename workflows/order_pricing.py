"""From the facts of an order to its price: the catalogue's prices and rules meet the pure arithmetic of billing."""

from decimal import Decimal
from uuid import UUID

from billing.pricing import LineToPrice, Priced, price
from catalogue.rules import Rule
from catalogue.selection import ModePrices, OfferedSession, unit_prices
from workflows.order_facts import Facts, Offering, Order, WantedLine


def price_order(order: Order, facts: Facts) -> Priced:
    """Price every session and extra of the order, in the order of its lines."""
    lines: list[LineToPrice] = []
    for offering in facts.offerings.values():
        own = [line for line in facts.lines if line.offering is offering]
        tax = facts.rule(Rule.TAX, offering).value
        tax_name, tax_rate = (tax.name, tax.rate_percent / 100) if tax else ("", Decimal(0))
        units, basis = _units(offering, own, facts.siblings.get(offering.id))
        for line in own:
            lines.append(
                LineToPrice(
                    order.attendee_id, line.session_id, "SESSION", line.label, units[line.session_id], 1, basis,
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


def _units(
    offering: Offering, lines: list[WantedLine], siblings: list[OfferedSession] | None
) -> tuple[dict[UUID, int], str]:
    chosen = {line.session_id for line in lines}
    prices = ModePrices(
        offering.facts["session_price_minor"], offering.facts["full_week_price_minor"],
        offering.facts["full_term_price_minor"],
    )  # fmt: skip
    sessions = siblings if siblings and chosen <= {s.id for s in siblings} else _own(lines)
    return unit_prices(
        mode=lines[0].mode, prices=prices, own={line.session_id: line.facts["price_minor"] for line in lines},
        sessions=sessions, chosen=chosen,
    )  # fmt: skip


def _own(lines: list[WantedLine]) -> list[OfferedSession]:
    """Where some chosen session is not offered (and will be refused), price what was asked for."""
    return [OfferedSession(line.session_id, line.local_date, True) for line in lines]

"""What a booking costs after an edit: all that it keeps, adds and gives up is applied first, then priced once.

What stays is priced by the terms and the day that it was sold under, what is added by those of today, fees by the rules
of today; the order in which sessions were chosen never changes a cent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.adjustments import FEE_CHANGE, FEE_CUTOFF, MANUAL, Adjustment, adjusted, beside, is_beside, late_fee_minor
from billing.difference import kept_tax
from billing.discounts import Candidate, Given, Kept, Offered, discount_lines
from billing.passes import kept_entitlement
from billing.pricing import LineToPrice, Priced, price
from catalogue.discount_values import discount
from catalogue.rules import Rule, answer
from engine.database import Row
from engine.money import format_money
from models import LineKind
from workflows.booking_facts import BookedLine, Enrolled
from workflows.change_modes import repriced_by_mode, settle_changed_modes
from workflows.order_discounts import candidates_of, surroundings
from workflows.order_facts import Facts, Order, WantedLine
from workflows.order_pricing import added_lines, extra_line, left_after, unit_prices_in, with_entitlements
from workflows.pass_facts import coverage

_Billed = dict[tuple[UUID, str], Row]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of an edit besides its sessions, and which fees it is charged."""

    adjustments: tuple[Adjustment, ...] = ()
    has_late_fees: bool = True
    has_change_fee: bool = True


# Nobody asked for it: another order alters its price.
OF_ITSELF = Asked(has_late_fees=False, has_change_fee=False)


def price_change(
    order: Order, enrolled: Enrolled, facts: Facts, leaving: Sequence[BookedLine], asked: Asked, now: datetime
) -> Priced:
    """All that the booking costs after the edit; `facts.lines` are added, `facts.staying` stay."""
    live = {line.session_id: line for line in enrolled.kept()}
    billed = {(UUID(row["term_product_id"]), row["component"]): row for row in enrolled.billing_lines}
    whole = _whole(order, enrolled, facts, leaving, live, billed, asked, now)
    carried = [_kept_line(order, row, ()) for row in enrolled.billing_lines if is_beside(row["component"])]
    fees = _fees(order, enrolled, facts, leaving, billed, whole, asked, now)
    return price([*whole, *carried, *fees], prices_include_tax=order.organisation["prices_include_tax"])


def _whole(
    order: Order, enrolled: Enrolled, facts: Facts, leaving: Sequence[BookedLine], live: dict[UUID, BookedLine],
    billed: _Billed, asked: Asked, now: datetime,
) -> list[LineToPrice]:  # fmt: skip
    """Every session that the booking has then, with its extras, by date: not as they were chosen."""
    as_booked = replace(order, id=enrolled.booking.id)
    sold = {session_id: row for (session_id, component), row in billed.items() if component == "SESSION"}
    units = unit_prices_in(order, facts, lambda its: settle_changed_modes(its, live, leaving, sold, now))
    billed = billed | _in_another_mode(facts, live, sold)
    alone = {session_id: unit for session_id, (unit, _) in units.items()}
    covered = coverage([(as_booked, facts, alone)])
    alone = left_after(covered, as_booked, alone)
    given = with_entitlements(covered, _discounts(as_booked, enrolled, facts, live, billed, alone, now))
    by_session: dict[UUID, list[LineToPrice]] = {}
    for line in facts.staying:
        by_session[line.session_id] = _kept_lines(as_booked, line, facts, billed, given)
    for added in added_lines(as_booked, facts, units, given):
        by_session.setdefault(added.term_product_id, []).append(added)
    for adjustment in asked.adjustments:
        session = next(iter(by_session.get(adjustment.session_id, ())), None)
        if session is not None and adjustment.amount_minor < 0:
            row, session = billed.get((adjustment.session_id, "SESSION")), adjusted(session, (), [adjustment])
            by_session[adjustment.session_id][0] = _taxed_as_before(order, row, session) if row else session
    in_order = sorted(facts.whole, key=lambda line: (line.local_date or date.max, line.session_id))
    return [each for line in in_order for each in by_session[line.session_id]]


def _in_another_mode(facts: Facts, live: dict[UUID, BookedLine], sold: dict[UUID, Row]) -> _Billed:
    """What is billed of sessions that stay in another mode, at the price of that mode."""
    found: _Billed = {}
    for session_id, (unit_minor, basis) in repriced_by_mode(facts, live, sold).items():
        first, *others = sold[session_id]["trace"]
        row = {**sold[session_id], "asks_minor": unit_minor, "trace": [{**first, "basis": basis}, *others]}
        found[session_id, "SESSION"] = row
    return found


def _discounts(
    order: Order, enrolled: Enrolled, facts: Facts, live: dict[UUID, BookedLine], billed: _Billed,
    units: dict[UUID, int], now: datetime,
) -> Given:  # fmt: skip
    candidates = [
        *(_kept_candidate(order, line, live[line.session_id], billed[line.session_id, "SESSION"], now)
          for line in facts.staying),
        *candidates_of(order, facts, units),
    ]  # fmt: skip
    assert enrolled.order is not None
    codes = {order.id: enrolled.order.promo_code} if enrolled.order.promo_code else {}
    closed = [line for line in enrolled.lines if line.kind is LineKind.CLOSURE_DAY and not line.is_cancelled]
    around = replace(surroundings(order, facts, codes), also_booked={order.id: len(closed)})
    return discount_lines(candidates, around)


def _kept_candidate(order: Order, wanted: WantedLine, line: BookedLine, row: Row, now: datetime) -> Candidate:
    """A session that stays, under the terms and the day that it was sold under."""
    steps = [step for step in row["trace"] if step["step"] == "discount"]
    offered = tuple(Offered(discount(step["terms"]), UUID(step["scope_id"])) for step in steps)
    gave = {each.key: -step["amount_minor"] for each, step in zip(offered, steps, strict=True)}
    sold_on = [date.fromisoformat(step["booked_on"]) for step in steps] or [line.day]
    starts_on = [date.fromisoformat(step["starts_on"]) for step in steps] or [line.day]
    amount = _base_minor(row) - sum(each.amount_minor for each in kept_entitlement(row["trace"]))
    return Candidate(
        order.id, order.attendee_id, line.session_id, line.chain[1], wanted.mode, amount,
        line.day, starts_on[0], sold_on[0], offered, Kept(line.is_held(now), gave),
    )  # fmt: skip


def _kept_lines(order: Order, line: WantedLine, facts: Facts, billed: _Billed, given: Given) -> list[LineToPrice]:
    """The session at its own price, each extra at its own where as many are taken, else at the catalogue's of today."""
    row = billed[line.session_id, "SESSION"]
    kept = [_kept_line(order, row, given.get((order.id, line.session_id), ()))]
    for extra in line.extras:
        was = billed.get((line.session_id, f"EXTRA:{extra.extra_id}"))
        if was and was["quantity"] == extra.quantity:
            kept.append(_kept_line(order, was, ()))
        else:
            priced = extra_line(order.attendee_id, line, extra, row["tax_name"], Decimal(row["tax_rate"]))
            kept.append(_taxed_as_before(order, was, priced) if was else priced)
    return kept


def _kept_line(order: Order, row: Row, reductions: Any) -> LineToPrice:
    """A billed component as it was sold, with what admins took off it."""
    line = LineToPrice(
        order.attendee_id, UUID(row["term_product_id"]), row["component"], row["description"],
        _base_minor(row) // row["quantity"], row["quantity"], row["trace"][0]["basis"] if row["trace"] else "",
        row["tax_name"], Decimal(row["tax_rate"]), row["printed"], (*kept_entitlement(row["trace"]), *reductions),
    )  # fmt: skip
    return _taxed_as_before(order, row, adjusted(line, row["trace"], ()))


def _base_minor(row: Row) -> int:
    """What it was sold at, or costs in the mode that it has from now on."""
    return int(row["asks_minor"] if "asks_minor" in row else row["base_minor"])


def _taxed_as_before(order: Order, row: Row, line: LineToPrice) -> LineToPrice:
    """Its tax moves only as its amount does: neither part of what is charged or credited is negative."""
    included = order.organisation["prices_include_tax"]
    return replace(line, kept_tax_minor=kept_tax(row, line.base_minor - line.discount_minor, included=included))


def _fees(
    order: Order, enrolled: Enrolled, facts: Facts, leaving: Sequence[BookedLine], billed: _Billed,
    whole: Sequence[LineToPrice], asked: Asked, now: datetime,
) -> list[LineToPrice]:  # fmt: skip
    """What the edit itself costs: sessions given up late, the change, and what an admin charges."""
    gone = {line.session_id: _kept_line(order, billed[line.session_id, "SESSION"], ()) for line in leaving}
    fees = _late_fees(order, enrolled, leaving, gone, billed, now) if asked.has_late_fees else []
    revision = enrolled.booking.revision + 1
    sessions = [line for line in whole if line.component == "SESSION"]
    changed = [line for line in sessions if line.term_product_id in {added.session_id for added in facts.lines}]
    about = next(iter([*changed, *gone.values()]), None)
    if asked.has_change_fee and about is not None and (fee := change_fee_minor(enrolled, facts, leaving)):
        fees.append(beside(about, f"{FEE_CHANGE}:{revision}", "Change fee", fee, "change fee"))
    charged = [each for each in asked.adjustments if each.amount_minor > 0]
    fees += [beside(line, f"{MANUAL}:{revision}", each.reason, each.amount_minor, each.reason)
             for each in charged for line in sessions if line.term_product_id == each.session_id]  # fmt: skip
    return fees


def change_fee_minor(enrolled: Enrolled, facts: Facts, leaving: Iterable[BookedLine]) -> int:
    """The highest fee that the offerings ask for of which a session is added or given up."""
    asked = [facts.rule(Rule.CHANGE_FEE, line.offering).value for line in facts.lines]
    asked += [answer(Rule.CHANGE_FEE, enrolled.settings, chain=line.chain).value for line in leaving]
    return max(asked, default=0)


def _late_fees(
    order: Order, enrolled: Enrolled, leaving: Iterable[BookedLine], gone: dict[UUID, LineToPrice], billed: _Billed,
    now: datetime,
) -> list[LineToPrice]:  # fmt: skip
    """What is kept of the sessions that are given up inside their cancellation window."""
    money = {"currency": order.organisation["currency"], "locale": order.organisation["locale"]}
    fees = []
    for line in leaving:
        rule = answer(Rule.LATE_FEE, enrolled.settings, chain=line.chain).value
        if rule is None or now <= enrolled.cancellable_until(line):
            continue
        row = billed[line.session_id, "SESSION"]
        cost = row["base_minor"] - row["discount_minor"]
        fee = late_fee_minor(rule, cost)
        if fee:
            kept = f"{rule.percent.normalize():f} %" if rule.percent is not None else format_money(fee, **money)
            basis = f"{kept} of {format_money(cost, **money)} kept, given up after {enrolled.until_words(line)}"
            about = gone[line.session_id]
            fees.append(beside(about, FEE_CUTOFF, "Late cancellation fee", fee, basis))
    return fees


def why_no_fee(enrolled: Enrolled, line: BookedLine, asked: Asked, now: datetime) -> str | None:
    """Why a session that is given up costs no late fee; None where it does."""
    rule = answer(Rule.LATE_FEE, enrolled.settings, chain=line.chain).value
    if rule is None:
        return "no late fee is set here"
    if now <= enrolled.cancellable_until(line):
        return f"it could be given up until {enrolled.until_words(line)}"
    return None if asked.has_late_fees else "the late fee is waived"

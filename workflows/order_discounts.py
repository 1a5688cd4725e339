"""What discounts ask of an order and leave behind: its sessions as candidates, its promo code, and their rows."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.discounts import Candidate, Given, Offered, Surroundings, discount_lines
from billing.pricing import Priced
from catalogue.discount_values import Discount, DiscountKind
from catalogue.rules import Rule
from engine.batch import Batch, Guarded, Values
from engine.errors import Reason
from engine.fire import MovedMeanwhile
from engine.ids import new_id
from models import PromoRedemption, TermBookingDiscount, TermBookingOrderDiscount
from workflows.booking_rows import Confirmation
from workflows.order_facts import Facts, Offering, Order
from workflows.order_holdings import Holdings

# The price of each session before discounts.
UnitPrices = dict[UUID, int]


def discount_orders(asked: Sequence[tuple[Order, Facts, UnitPrices]]) -> Given:
    """What the sessions of the orders of one submission get; they are of one account and term."""
    candidates = [c for order, facts, units in asked for c in candidates_of(order, facts, units)]
    if not any(c.offered for c in candidates):
        return {}
    first, facts, _ = asked[0]
    codes = {order.id: order.promo_code for order, its, _ in asked
             if order.promo_code and not list(failing_promo_code(order, its))}  # fmt: skip
    return discount_lines(candidates, surroundings(first, facts, codes))


def surroundings(order: Order, facts: Facts, promo_codes: dict[UUID, str]) -> Surroundings:
    """What discounts count besides the sessions that are priced."""
    return Surroundings(
        children=tuple(UUID(peer["attendee_id"]) for peer in facts.peers),
        programs={UUID(p["attendee_id"]): frozenset(UUID(i) for i in p["programs"] or ()) for p in facts.peers},
        promo_codes=promo_codes, is_staff=order.account["is_staff"],
    )  # fmt: skip


def candidates_of(order: Order, facts: Facts, units: UnitPrices) -> Iterator[Candidate]:
    """The sessions that an order asks for, as discounts see them."""
    for offering in facts.offerings.values():
        own = [line for line in facts.lines if line.offering is offering]
        offered = _offered(facts, offering)
        days = [line.local_date for line in own]
        starts_on = min((day for day in days if day), default=date.fromisoformat(offering.facts["term_starts_on"]))
        program_id = UUID(offering.facts["program_id"])
        for line, day in zip(own, days, strict=True):
            yield Candidate(
                order.id, order.attendee_id, line.session_id, program_id, line.mode, units[line.session_id], day,
                starts_on, facts.today, offered,
            )  # fmt: skip


def _offered(facts: Facts, offering: Offering) -> tuple[Offered, ...]:
    found = facts.rule(Rule.DISCOUNTS, offering)
    return tuple(Offered(each, found.scope_id) for each in found.value) if found.scope_id else ()


def give_code_to_one(asked: Sequence[tuple[Order, Facts]]) -> None:
    """A code that was given for several orders is used by one: the first whose sessions take it, else the first."""
    with_code = [(order, facts) for order, facts in asked if order.promo_code]
    takes = [order for order, facts in with_code if _promos(order.promo_code or "", facts)]
    keeps = next(iter([*takes, *(order for order, _ in with_code)]), None)
    for order, _ in with_code:
        if order is not keeps:
            order.change(promo_code=None)


def has_good_promo_code(order: Order, *, facts: Facts, **_: object) -> Iterator[Reason]:
    """A code that was given is one that the programme takes today, and that is not used up."""
    yield from failing_promo_code(order, facts)


def failing_promo_code(order: Order, facts: Facts) -> Iterator[Reason]:
    """Why the order's promo code gives nothing."""
    code = order.promo_code
    if code is None:
        return
    found = _promos(code, facts)
    asked: dict[str, Any] = {"field": "promo_code", "rule": "discounts"}
    if not found:
        yield Reason("promo_code_unknown", f"Nothing of this order takes the promo code {code}.", **asked)
        return
    if facts.beside and code in facts.beside.promo_codes:
        yield Reason("promo_code_used_before", f"The promo code {code} is used by another order of the group.", **asked)
    starts = max((d.conditions["from"] for d in found if d.conditions["from"]), default=None)
    ends = min((d.conditions["until"] for d in found if d.conditions["until"]), default=None)
    if (starts and facts.today < starts) or (ends and facts.today > ends):
        when = " ".join(filter(None, (f"from {starts}" if starts else "", f"until {ends}" if ends else "")))
        yield Reason("promo_code_not_valid_today", f"The promo code {code} is good {when}.", **asked)
    assert facts.promo is not None, "the facts of an order with a code know how often it was used"
    limit = _limit(found)
    if limit is not None and (facts.promo["used"] or 0) >= limit:
        yield Reason("promo_code_used_up", f"The promo code {code} is used up.", **asked)
    if _is_once(found) and facts.promo["is_used_before"]:
        yield Reason("promo_code_used_before", f"The account has used the promo code {code} before.", **asked)


def _promos(code: str, facts: Facts) -> list[Discount]:
    """The discounts of the order's offerings that the code is for."""
    return [
        each for offering in facts.offerings.values() for each in facts.rule(Rule.DISCOUNTS, offering).value
        if each.kind is DiscountKind.PROMO_CODE and each.conditions["code"] == code
    ]  # fmt: skip


def _limit(found: Iterable[Discount]) -> int | None:
    return min((d.conditions["limit"] for d in found if d.conditions["limit"] is not None), default=None)


def _is_once(found: Iterable[Discount]) -> bool:
    return any(d.conditions["once_per_account"] for d in found)


# One row per code, made at its first use: whoever takes the last use holds it until the commit.
_USE = Guarded(
    name="use_promo_code",
    sql="INSERT INTO promo_code AS c (organisation_id, id, code, used, most) SELECT {org}, r.id, r.code, 1, r.most "
    "FROM {rows} ON CONFLICT (organisation_id, code) DO UPDATE SET used = c.used + 1, most = excluded.most "
    "WHERE c.used < coalesce(excluded.most, c.used + 1) RETURNING c.id",
    takes="id uuid, code text, most bigint",
)

_RETURN = Guarded(
    name="return_promo_code",
    sql="UPDATE promo_code c SET used = c.used - 1 FROM {rows} WHERE c.organisation_id = {org} AND c.code = r.code "
    "AND c.used > 0 RETURNING c.id",
    takes="code text",
)

_FORGET = Guarded(
    name="forget_redemption",
    sql="DELETE FROM promo_redemption p USING {rows} WHERE p.organisation_id = {org} AND p.order_id = r.order_id "
    "RETURNING p.id",
    takes="order_id uuid",
)


def use_promo_code(order: Order, *, batch: Batch, facts: Facts, now: datetime, **_: Any) -> None:
    """The order uses its code from submit on, also before it is paid: the last use is given once."""
    if order.promo_code is None:
        return
    found = _promos(order.promo_code, facts)
    meanwhile = MovedMeanwhile(f"The promo code {order.promo_code} was used meanwhile; look at the order again.")
    batch.guard(
        _USE, [{"id": new_id(), "code": order.promo_code, "most": _limit(found)}], otherwise=lambda _: meanwhile
    )
    batch.on_violation("uq_promo_redemption_once", meanwhile)
    batch.add(
        PromoRedemption,
        [{"id": new_id(), "code": order.promo_code, "account_id": order.account_id, "order_id": order.id,
          "is_once": _is_once(found), "used_at": now}],
    )  # fmt: skip


def return_promo_code(order: Order, *, batch: Batch, **_: Any) -> None:
    """An order that ends without a booking gives its code back."""
    if order.promo_code is None:
        return
    meanwhile = MovedMeanwhile(f"{order.reference} was changed meanwhile; look at it again.")
    batch.guard(_FORGET, [{"order_id": order.id}], otherwise=lambda _: meanwhile)
    batch.guard(_RETURN, [{"code": order.promo_code}], otherwise=lambda _: meanwhile)


def note_discounts(order: Order, *, batch: Batch, facts: Facts, priced: Priced, **_: Any) -> None:
    """The cart says which discount took what off which session."""
    lines = {line.session_id: line.line_id for line in facts.whole}
    batch.add(
        TermBookingOrderDiscount,
        [{**row, "order_id": order.id, "order_line_id": lines[p.line.term_product_id]}
         for p in priced.lines if p.line.component == "SESSION" for row in discount_rows(p.trace)],
    )  # fmt: skip


def copy_discounts(order: Order, *, batch: Batch, holdings: Holdings, made: Confirmation, **_: Any) -> None:
    """The booking keeps the discounts that its sessions were confirmed with."""
    assert made.booking is not None
    assert made.lines is not None
    batch.add(
        TermBookingDiscount,
        [{**row, "booking_id": made.booking.id, "booking_line_id": made.lines[line["term_product_id"]]["id"]}
         for line in holdings.lines if line["component"] == "SESSION" for row in discount_rows(line["trace"])],
    )  # fmt: skip


def discount_rows(trace: Iterable[Values]) -> Iterator[Values]:
    """What took something off a priced line, passes, discounts and what admins adjusted, as rows."""
    for step in trace:
        if step["step"] in ("entitlement", "discount", "adjustment") and step["amount_minor"]:
            percent = step.get("terms", {}).get("percent")
            yield {
                "id": new_id(), "rule": step["rule"], "rule_version": step.get("version", ""), "reason": step["why"],
                "percent": Decimal(percent) if percent is not None else None, "amount_minor": -step["amount_minor"],
                "facts": {name: step[name] for name in ("name", "scope_id", "terms", "pass_id") if name in step},
            }  # fmt: skip

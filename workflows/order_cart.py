"""The cart: whose account it is, and what is put into it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from billing.passes import paid_of
from billing.pricing import Priced
from catalogue.discount_values import promo_code
from catalogue.rules import DEFINITIONS, Rule
from engine.actor import Actor
from engine.batch import Batch
from engine.database import Row, Transaction
from engine.errors import Invalid, NotFound, Reason
from engine.fire import MovedMeanwhile, Refused
from engine.ids import new_id
from models import (
    BookingMode,
    LineKind,
    TermBookingOrderActivity,
    TermBookingOrderExtra,
    TermBookingOrderLine,
    TermBookingOrderType,
)
from workflows.order_facts import Facts, Order
from workflows.order_guards import in_words

MOST_LINES = 500
MOST_EXTRAS = 20
MOST_QUANTITY = 1000

_RESOLVE = """
SELECT a.id AS account_id, t.id AS term_id, t.status, t.name, t.ends_on,
       coalesce(s.time_zone, g.time_zone) AS time_zone,
       EXISTS (SELECT FROM account_attendee x WHERE x.organisation_id = a.organisation_id AND x.account_id = a.id
               AND x.attendee_id = %(attendee_id)s) AS is_theirs,
       EXISTS (
           SELECT FROM term_program_set p
           JOIN program r ON r.organisation_id = p.organisation_id AND r.id = p.program_id
           WHERE p.organisation_id = g.id AND p.term_id = t.id AND p.status = 'PUBLISHED' AND coalesce(
               (SELECT x.value FROM rule_setting x
                WHERE x.organisation_id = g.id AND x.name = 'order_types'
                  AND x.scope_id IN (p.id, r.id, r.category_id, g.id)
                ORDER BY array_position(ARRAY[p.id, r.id, r.category_id, g.id], x.scope_id) LIMIT 1),
               %(usual)s::jsonb) ? %(order_type)s)
       OR NOT EXISTS (
           SELECT FROM term_program_set p
           WHERE p.organisation_id = g.id AND p.term_id = t.id AND p.status = 'PUBLISHED') AS is_offered
FROM organisation g
LEFT JOIN account a ON a.organisation_id = g.id AND a.id = %(account_id)s
LEFT JOIN term t ON t.organisation_id = g.id AND t.id = %(term_id)s
LEFT JOIN site s ON s.organisation_id = t.organisation_id AND s.id = t.site_id
WHERE g.id = %(org)s
"""


def resolve_account(
    tx: Transaction, actor: Actor, account_id: UUID | None, *, attendee_id: UUID, term_id: UUID,
    order_type: TermBookingOrderType, now: datetime,
) -> UUID:  # fmt: skip
    """Whose account an order is for (DOMAIN §2): selected by hand by an admin, the family's own otherwise.

    Raises Invalid, NotFound or Refused (the term takes no bookings, or nothing in it is offered as this order type);
    what belongs to another family answers like what does not exist.
    """
    if account_id is None and not actor.is_admin and len(actor.account_ids) == 1:
        account_id = next(iter(actor.account_ids))
    if account_id is None:
        raise Invalid("Select the account that the order is for.", reasons=[
            Reason("required", "Select the account that the order is for.", field="account_id")])  # fmt: skip
    usual = orjson.dumps(DEFINITIONS[Rule.ORDER_TYPES].default).decode()
    found = tx.row(_RESOLVE, account_id=account_id, attendee_id=attendee_id, term_id=term_id, usual=usual,
                   order_type=order_type.name)  # fmt: skip
    if found is None or found["account_id"] is None or not actor.may_see_account(account_id):
        raise NotFound("There is no such account.", what="account")
    if found["term_id"] is None:
        raise NotFound("There is no such term.", what="term")
    if not found["is_theirs"]:
        raise NotFound("The account has no such attendee.", what="attendee")
    today = now.astimezone(ZoneInfo(found["time_zone"])).date()
    if found["status"] not in ("OPEN", "RUNNING") or found["ends_on"] < today:
        message = f"{found['name']} takes no bookings."
        raise Refused(message, reasons=[Reason("term_closed", message, field="term_id", rule="term_status")])
    _refuse_type(order_type, found["name"], is_offered=found["is_offered"])
    return account_id


def _refuse_type(order_type: TermBookingOrderType, term: str, *, is_offered: bool) -> None:
    """Nobody fills a cart that no offering of the term would take. Where none is published yet, nothing is known."""
    about: dict[str, Any] = {"field": "order_type", "rule": "order_types"}
    if not is_offered:
        message = f"Nothing in {term} is offered as {in_words(order_type)}."
        raise Refused(message, reasons=[Reason("order_type_not_offered", message, **about)])


def wanted_rows(lines: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The input as rows to write: `lines` are `{session_id, mode, seat_id, activity_ids, extras: [{extra_id,
    quantity}]}`.

    Raises Invalid naming each field: too many lines, the same session or extra twice, a quantity out of range.
    """
    reasons = list(_failing_lines(lines))
    if reasons:
        raise Invalid("The lines of the order are not valid.", reasons=reasons)
    wanted: list[Row] = []
    extras: list[Row] = []
    for position, line in enumerate(lines):
        line_id = new_id()
        wanted.append({
            "line_id": line_id, "id": line["session_id"], "kind": _kind(line).value,
            "mode": BookingMode(line.get("mode") or BookingMode.CASUAL).value, "position": position,
            "seat_id": line.get("seat_id"), "activities": line.get("activity_ids") or [],
            "makeup_credit_id": line.get("makeup_credit_id"),
        })  # fmt: skip
        extras.extend(
            {"id": new_id(), "order_line_id": line_id, "extra_id": e["extra_id"], "quantity": e["quantity"]}
            for e in line.get("extras") or ()
        )
    return wanted, extras


def _kind(line: Row) -> LineKind:
    return LineKind.MAKEUP_SESSION if line.get("makeup_credit_id") else LineKind.SESSION


def _failing_lines(lines: Sequence[Row]) -> Iterable[Reason]:
    if len(lines) > MOST_LINES:
        yield Reason("too_many", f"An order has at most {MOST_LINES} lines, not {len(lines)}.", field="lines")
        return
    seen: dict[UUID, int] = {}
    chosen: set[UUID] = set()
    for position, line in enumerate(lines):
        first = seen.setdefault(line["session_id"], position)
        if first != position:
            yield Reason("twice", f"The same session as in lines[{first}].", field=f"lines[{position}].session_id")
        if not chosen.isdisjoint(line.get("activity_ids") or ()):
            yield Reason("twice", "Each activity once in an order.", field=f"lines[{position}].activity_ids")
        chosen.update(line.get("activity_ids") or ())
        if line.get("makeup_credit_id") and line["makeup_credit_id"] in chosen:
            yield Reason("twice", "Each makeup credit once.", field=f"lines[{position}].makeup_credit_id")
        chosen.update([line["makeup_credit_id"]] if line.get("makeup_credit_id") else ())
        yield from _failing_extras(position, line.get("extras") or ())


def _failing_extras(position: int, extras: Sequence[Row]) -> Iterable[Reason]:
    if len({e["extra_id"] for e in extras}) < len(extras) or len(extras) > MOST_EXTRAS:
        yield Reason("twice", f"Each extra once, at most {MOST_EXTRAS}.", field=f"lines[{position}].extras")
    for n, extra in enumerate(extras):
        if not 1 <= extra["quantity"] <= MOST_QUANTITY:
            yield Reason("out_of_range", f"A quantity is between 1 and {MOST_QUANTITY}.",
                         field=f"lines[{position}].extras[{n}].quantity")  # fmt: skip


def asked_promo_code(order: Order, given: str | None) -> str | None:
    """The code as it is kept, in capitals; nothing for an empty one. Raises Invalid for what cannot be a code, or with
    an interest, which has no price.
    """
    if given is None or not given.strip():
        return None
    if order.order_type is TermBookingOrderType.EOI:
        message = "An expression of interest costs nothing; give the promo code with the booking."
        raise Invalid(message, reasons=[Reason("invalid", message, field="promo_code")])
    try:
        return promo_code(given)
    except ValueError as error:
        raise Invalid(f"{error}.", reasons=[Reason("invalid", f"{error}.", field="promo_code")]) from None


def clear_lines(tx: Transaction, order: Order) -> None:
    """Take everything out of the cart; what is wanted now is written in its place."""
    clear_lines_of(tx, [order.id])
    if order.order_type is TermBookingOrderType.EOI:
        _clear(tx, "term_booking_order_wish", [order.id])


def clear_lines_of(tx: Transaction, order_ids: Sequence[UUID]) -> None:
    """Take the lines out of several carts in one statement."""
    _clear(tx, "term_booking_order_line", order_ids)


def _clear(tx: Transaction, table: str, order_ids: Sequence[UUID]) -> None:
    tx.run(f"DELETE FROM {table} WHERE organisation_id = %(org)s AND order_id = ANY(%(ids)s)", ids=list(order_ids))


def replace_lines(
    order: Order, *, batch: Batch, wanted: list[Row], extras: list[Row], facts: Facts, priced: Priced, now: datetime,
    **_: Any,
) -> None:  # fmt: skip
    """What was in the cart is replaced by what is wanted now, with the prices that are shown."""
    _refuse_unknown(wanted, extras, facts)
    prices = {p.line.term_product_id: p.gross_minor for p in priced.lines if p.line.component == "SESSION"}
    batch.add(
        TermBookingOrderLine,
        [{
            "id": line.line_id, "order_id": order.id, "term_product_id": line.session_id,
            "term_program_set_id": line.offering.id, "kind": line.kind.value, "mode": line.mode.value,
            "asked_mode": line.asked_mode, "mode_reason": line.mode_reason or None,
            "price_minor": prices[line.session_id], "position": line.position, "seat_id": line.seat_id,
            "makeup_credit_id": line.makeup_credit_id,
        } for line in facts.whole],
    )  # fmt: skip
    gone = MovedMeanwhile("A seat was taken out of its venue meanwhile; look again.")
    batch.on_violation("fk_term_booking_order_line_organisation_id_seat_id", gone)
    batch.add(
        TermBookingOrderActivity,
        [{"id": new_id(), "order_id": order.id, "order_line_id": line.line_id, "term_product_id": activity.id,
          "title": activity.title} for line in facts.lines for activity in line.activities],
    )  # fmt: skip
    chosen = [(line.session_id, extra) for line in facts.whole for extra in line.extras]
    if chosen:
        paid = {(p.line.term_product_id, p.line.component): paid_of(p) for p in priced.lines}
        batch.add(
            TermBookingOrderExtra,
            [{
                "id": e.id, "order_id": order.id, "order_line_id": e.order_line_id, "extra_id": e.extra_id,
                "name": e.name, "quantity": e.quantity, **paid[session_id, f"EXTRA:{e.extra_id}"],
            } for session_id, e in chosen],
        )  # fmt: skip
    order.change(total_minor=priced.total_minor, price_fingerprint=priced.fingerprint)


def _refuse_unknown(wanted: list[Row], extras: list[Row], facts: Facts) -> None:
    """An id that is not of this organisation's catalogue answers like one that does not exist."""
    known = {line.session_id for line in facts.whole}
    reasons = [
        Reason("unknown", "There is no such session.", field=f"lines[{w['position']}].session_id")
        for w in wanted if w["id"] not in known
    ]  # fmt: skip
    found = {extra.id for line in facts.whole for extra in line.extras}
    positions = {w["line_id"]: w["position"] for w in wanted if w["id"] in known}
    reasons += [
        Reason("unknown", "There is no such extra.", field=f"lines[{positions[e['order_line_id']]}].extras")
        for e in extras if e["id"] not in found and e["order_line_id"] in positions
    ]  # fmt: skip
    if reasons:
        raise Invalid("The cart names something that does not exist.", reasons=reasons)

"""The passes of an account as orders see them, and what an order or booking uses of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from billing.passes import Coverage, Right, Uncovered, cover
from models import LineKind, PassCovers, PassReturns, TermBookingOrderType

if TYPE_CHECKING:
    from workflows.order_facts import Facts, Order

# Passes with something left for these orders: what they use already counts as left to them. Those that the edited order
# uses may get something back.
PASSES = """(SELECT json_agg(json_build_object('id', e.id, 'reference', e.reference, 'name', e.name,
            'valid_from', e.valid_from, 'valid_until', e.valid_until, 'covers', c.covers,
            'left', e.granted - e.used + w.units, 'kept', w.kept, 'scopes', (
                SELECT json_agg(coalesce(s.program_id, s.category_id)) FROM pass_scope s
                WHERE s.organisation_id = e.organisation_id AND s.product_id = e.product_id)))
     FROM entitlement e
     JOIN pass_product c ON c.organisation_id = e.organisation_id AND c.id = e.product_id
     CROSS JOIN LATERAL (
         SELECT coalesce(sum(u.units), 0) AS units,
                json_agg(json_build_object('session', u.term_product_id, 'component', u.component, 'units', u.units))
                FILTER (WHERE u.id IS NOT NULL) AS kept
         FROM pass_use u WHERE u.organisation_id = e.organisation_id AND u.entitlement_id = e.id
           AND u.order_id = ANY(%(order_ids)s) AND u.returned_at IS NULL) w
     WHERE e.organisation_id = %(org)s AND e.account_id = %(account_id)s
       AND (e.granted IS NULL OR e.used - w.units < e.granted OR EXISTS (
           SELECT FROM pass_use u WHERE u.organisation_id = e.organisation_id AND u.entitlement_id = e.id
             AND u.order_id = %(edited_id)s AND u.returned_at IS NULL))) AS passes"""

# What an order uses, or the order behind a booking.
USES = """(SELECT json_agg(json_build_object('id', u.id, 'entitlement_id', u.entitlement_id, 'units', u.units,
                     'session', u.term_product_id, 'component', u.component, 'reference', e.reference,
                     'returns', c.returns))
     FROM pass_use u
     JOIN entitlement e ON e.organisation_id = u.organisation_id AND e.id = u.entitlement_id
     JOIN pass_product c ON c.organisation_id = e.organisation_id AND c.id = e.product_id
     WHERE u.organisation_id = %(org)s AND u.order_id = {order_id} AND u.returned_at IS NULL
       AND u.forfeited_at IS NULL) AS uses"""


@dataclass(frozen=True, slots=True)
class Use:
    """What of a pass a line uses."""

    id: UUID
    entitlement_id: UUID
    reference: str
    units: int
    session_id: UUID
    component: str
    returns: PassReturns


def uses_of(rows: Iterable[Mapping[str, Any]] | None) -> list[Use]:
    """The uses that `USES` read."""
    return [Use(UUID(row["id"]), UUID(row["entitlement_id"]), row["reference"], row["units"], UUID(row["session"]),
                row["component"], PassReturns(row["returns"])) for row in rows or ()]  # fmt: skip


def rights_of(rows: Iterable[Mapping[str, Any]] | None) -> list[Right]:
    """The passes that `PASSES` read."""
    return [
        Right(
            UUID(row["id"]), row["reference"], row["name"], date.fromisoformat(row["valid_from"]),
            date.fromisoformat(row["valid_until"]), row["left"], PassCovers(row["covers"]),
            frozenset(UUID(scope) for scope in row["scopes"] or ()),
            {(UUID(use["session"]), use["component"]): use["units"] for use in row["kept"] or ()},
        ) for row in rows or ()
    ]  # fmt: skip


def with_freed(rights: Iterable[Right], uses: Iterable[Use]) -> list[Right]:
    """The same passes where an edit gives these units back: what it adds may have them."""
    freed: dict[UUID, int] = {}
    for use in uses:
        freed[use.entitlement_id] = freed.get(use.entitlement_id, 0) + use.units
    return [replace(right, left=right.left if right.left is None else right.left + freed.get(right.id, 0),
                    freed=freed.get(right.id, 0)) for right in rights]  # fmt: skip


def coverage(asked: Sequence[tuple["Order", "Facts", Mapping[UUID, int]]]) -> Coverage:
    """Which sessions and extras of the orders of one submission the account's passes cover, given the price of each
    session; only bookings use passes.
    """
    rights = asked[0][1].passes if asked else []
    if not rights:
        return {}
    return cover((line for order, facts, units in asked if order.order_type is TermBookingOrderType.BOOKING
                  for line in _uncovered(order, facts, units)), rights)  # fmt: skip


def _uncovered(order: "Order", facts: "Facts", units: Mapping[UUID, int]) -> Iterable[Uncovered]:
    for line in facts.lines:
        if line.kind is not LineKind.SESSION:
            continue
        scopes = frozenset(line.offering.chain[1:3])
        yield Uncovered((order.id, line.session_id), order.id, line.session_id, "SESSION", line.local_date, scopes,
                        units[line.session_id])  # fmt: skip
        for extra in line.extras:
            yield Uncovered((order.id, extra.id), order.id, line.session_id, f"EXTRA:{extra.extra_id}",
                            line.local_date, scopes, extra.price_minor * extra.quantity, extra.quantity)  # fmt: skip

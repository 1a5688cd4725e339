"""What is read of expressions of interest: what one wishes for, and those that make way for another order.

Whoever moves one holds its account's lock, as every verb of an order does, so it is read without a lock of its own.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, ClassVar
from uuid import UUID

import orjson
from sqlmodel import SQLModel

from catalogue.rules import Rule, answer
from engine.chart import Chart
from engine.database import Row, Transaction
from engine.errors import Invalid, Reason
from engine.fire import Subject
from models import ActorKind, TermBookingOrder, TermBookingOrderType, TermBookingStatus

MOST_WISHES = 50

# What the chart has for some types only; its guards say so to whoever asks all the same.
_OF_ENROLMENT = frozenset({"submit", "quote", "approve_attendance", "confirm"})
_NOT_FOR = {
    TermBookingOrderType.EOI: _OF_ENROLMENT | {"wait"},
    TermBookingOrderType.WAITING_LIST: _OF_ENROLMENT | {"express"},
}


def triggers_of(chart: Chart, order_type: TermBookingOrderType, status: IntEnum, kind: ActorKind) -> list[str]:
    """What a status leaves open to this kind of actor in an order of this type, in the order of the chart."""
    others = _NOT_FOR.get(order_type, {"express", "wait"})
    # A change is confirmed by the same request as any order.
    left = [trigger for trigger in chart.triggers_from(status, kind) if trigger not in others]
    return [trigger for trigger in left if trigger != "confirm_change"]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an expression of interest is about besides the sessions that it names."""

    offering_ids: Sequence[UUID] = ()
    program_ids: Sequence[UUID] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """An offering, or any offering of a program, that is wished for; `field` is where the input names it."""

    field: str
    position: int
    offering_id: UUID | None
    program_id: UUID | None
    name: str
    term: str | None  # of an offering
    is_of_term: bool
    is_published: bool
    offers_interest: bool


@dataclass(kw_only=True)
class Interest(Subject):
    """An expression of interest that makes way, wholly or for some of its sessions."""

    table: ClassVar[type[SQLModel]] = TermBookingOrder
    account_id: UUID
    order_type: TermBookingOrderType
    total_minor: int
    booking_id: UUID | None = None
    billing_id: UUID | None = None  # it has none, and no promo code
    promo_code: str | None = None
    # The order that converts it and holds places.
    converted_by_id: UUID | None = None
    converted_by: str | None = None
    converted_into_id: UUID | None = None
    price_fingerprint: str = ""
    cancel_reason: str | None = None
    claims: list[Row] = field(default_factory=list)
    prices: dict[str, int] = field(default_factory=dict)  # what was shown for each of its sessions, in minor units
    wishes: list[Row] = field(default_factory=list)

    def wishes_besides(self, offerings: Collection[UUID], programs: Collection[str]) -> bool:
        """Whether it wishes for something else than these offerings and programs."""
        return any(str(wish["offering_id"]) not in map(str, offerings) and wish["program_id"] not in programs
                   for wish in self.wishes)  # fmt: skip


_WISHES = """
WITH wished AS (
    SELECT * FROM jsonb_to_recordset(%(wishes)s::jsonb)
        AS w(field text, position int, offering_id uuid, program_id uuid)
)
SELECT w.field, w.position, w.offering_id, w.program_id, coalesce(p.name, g.name) AS name, t.name AS term,
       coalesce(p.term_id = %(term_id)s, true) AS is_of_term, coalesce(p.status = 'PUBLISHED', true) AS is_published,
       g.id AS its_program_id, g.category_id,
       (SELECT json_agg(json_build_array(r.scope_id, r.name, r.value)) FROM rule_setting r
        WHERE r.organisation_id = %(org)s AND r.name = 'order_types'
          AND r.scope_id IN (%(org)s, p.id, g.id, g.category_id)) AS settings
FROM wished w
LEFT JOIN term_program_set p ON p.organisation_id = %(org)s AND p.id = w.offering_id
LEFT JOIN term t ON t.organisation_id = %(org)s AND t.id = p.term_id
LEFT JOIN program g ON g.organisation_id = %(org)s AND g.id = coalesce(p.program_id, w.program_id)
ORDER BY w.position
"""

_KEPT = """
SELECT position, term_program_set_id AS offering_id, program_id FROM term_booking_order_wish
WHERE organisation_id = %(org)s AND order_id = %(order_id)s ORDER BY position
"""


def read_wishes(tx: Transaction, wishes: Wishes, *, term_id: UUID) -> list[Wish]:
    """The catalogue's side of what is wished for.

    Raises Invalid naming each field: too many, the same twice, or what there is not.
    """
    rows: list[Row] = [{"field": f"wishes.{name}[{n}]", "offering_id": None, "program_id": None, column: each}
                       for name, column, ids in (("offering_ids", "offering_id", wishes.offering_ids),
                                                 ("program_ids", "program_id", wishes.program_ids))
                       for n, each in enumerate(ids)]  # fmt: skip
    if reasons := list(_failing_wishes(rows)):
        raise Invalid("What is wished for is not valid.", reasons=reasons)
    return _read(tx, [{**row, "position": position} for position, row in enumerate(rows)], term_id)


def read_kept_wishes(tx: Transaction, order_id: UUID, *, term_id: UUID) -> list[Wish]:
    """What an expression of interest wished for when it was saved last."""
    return _read(tx, [{"field": "wishes", **row} for row in tx.rows(_KEPT, order_id=order_id)], term_id)


def _failing_wishes(rows: Sequence[Row]) -> Iterator[Reason]:
    if len(rows) > MOST_WISHES:
        yield Reason("too_many", f"At most {MOST_WISHES} offerings and programs, not {len(rows)}.", field="wishes")
    seen: set[UUID] = set()
    for row in rows:
        each = row["offering_id"] or row["program_id"]
        if each in seen:
            yield Reason("twice", "The same is named before.", field=row["field"])
        seen.add(each)


def _read(tx: Transaction, rows: list[Row], term_id: UUID) -> list[Wish]:
    if not rows:
        return []
    found = tx.rows(_WISHES, wishes=orjson.dumps(rows, default=str).decode(), term_id=term_id)
    unknown = [Reason("unknown", f"There is no such {_what(row)}.", field=row["field"]) for row in found
               if row["name"] is None]  # fmt: skip
    if unknown:
        raise Invalid("It wishes for something that does not exist.", reasons=unknown)
    return [_wish(row, tx.organisation_id) for row in found]


def _what(row: Row) -> str:
    return "offering" if row["offering_id"] else "program"


def _wish(row: Row, organisation_id: UUID) -> Wish:
    own = () if row["offering_id"] is None else (row["offering_id"],)
    settings = {(UUID(scope), name): value for scope, name, value in row.pop("settings") or ()}
    chain = (*own, row.pop("its_program_id"), row.pop("category_id"), organisation_id)
    offered = answer(Rule.ORDER_TYPES, settings, chain=chain).value
    return Wish(**row, offers_interest=TermBookingOrderType.EOI in offered)


_INTERESTS = """
SELECT o.id, o.reference, o.status, o.version, o.account_id, o.order_type, o.total_minor, o.booking_id,
       o.price_fingerprint, coalesce(b.converted_into_id, o.converted_into_id) AS converted_into_id,
       n.id AS converted_by_id, n.reference AS converted_by,
       coalesce((SELECT json_agg(json_build_object('id', c.id, 'term_product_id', c.term_product_id,
                                                   'takes_place', c.takes_place) ORDER BY c.term_product_id)
                 FROM place_claim c WHERE c.organisation_id = o.organisation_id AND c.order_id = o.id),
                '[]'::json) AS claims,
       coalesce((SELECT json_object_agg(l.term_product_id, l.price_minor) FROM term_booking_order_line l
                 WHERE l.organisation_id = o.organisation_id AND l.order_id = o.id), '{}'::json) AS prices,
       coalesce((SELECT json_agg(json_build_object('offering_id', w.term_program_set_id,
                                                   'program_id', w.program_id))
                 FROM term_booking_order_wish w WHERE w.organisation_id = o.organisation_id AND w.order_id = o.id),
                '[]'::json) AS wishes
FROM term_booking_order o
LEFT JOIN term_booking b ON b.organisation_id = o.organisation_id AND b.id = o.booking_id
LEFT JOIN term_booking_order n ON n.organisation_id = o.organisation_id AND n.converts_order_id = o.id
          AND n.status IN (300, 450, 475, 485, 500)
WHERE o.organisation_id = %(org)s AND o.id = ANY(%(ids)s) ORDER BY o.id
"""


def read_interests(tx: Transaction, order_ids: Collection[UUID]) -> list[Interest]:
    """These orders with what they hold; no statement where there are none."""
    found = tx.rows(_INTERESTS, ids=list(order_ids)) if order_ids else []
    return [_interest(row) for row in found]


def _interest(row: dict[str, Any]) -> Interest:
    typed = {"status": TermBookingStatus(row["status"]), "order_type": TermBookingOrderType(row["order_type"])}
    return Interest(**{**row, **typed})

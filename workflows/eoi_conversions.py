"""Several expressions of interest become bookings at once, for an admin: all of them or none, or each that can."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.actor import Actor
from engine.database import Overtaken, Row, Transaction
from engine.errors import Invalid, Reason, TermbookError
from engine.fire import Refused
from models import TermBookingConfirmationType, TermBookingOrderType
from workflows import conversion
from workflows import term_booking_order as orders
from workflows.order_sets import lock_with_bookings
from workflows.term_booking_order import Outcome

MOST_CONVERSIONS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """One to convert: into these lines, or into what it names; at this price, or at the one shown with it."""

    order_id: UUID
    lines: Sequence[Row] | None = None
    price_fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How all of them are submitted; `confirmation_reason` confirms each at once."""

    confirmation_type: TermBookingConfirmationType
    actor: Actor
    now: datetime
    override_reason: str = ""
    confirmation_reason: str = ""
    is_muted: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one: its order, or why there is none."""

    order_id: UUID
    outcome: Outcome | None = None
    refusal: TermbookError | None = None
    reasons: Sequence[Reason] = ()


def convert_several(tx: Transaction, asked: Sequence[Asked], *, terms: Terms, is_best_effort: bool) -> list[Ended]:
    """Convert each as by itself, in the order given; places are given in that order too.

    Raises Invalid (too many, one named twice, or what is no expression of interest), and without `is_best_effort`
    Refused with the reasons of all that cannot be converted, each naming its position: nothing is written then.
    """
    _check(tx, asked)
    lock_with_bookings(tx, [each.order_id for each in asked])
    tx.rows(_LOCK_SESSIONS, order_ids=[each.order_id for each in asked], sessions=list(_sessions(asked)))
    ended = [_convert(tx, each, position, terms) for position, each in enumerate(asked)]
    failed = [one for one in ended if one.outcome is None]
    if failed and not is_best_effort:
        raise Refused(f"{len(failed)} of {len(asked)} cannot be converted; nothing was.",
                      reasons=[reason for one in failed for reason in one.reasons])  # fmt: skip
    return ended


# All of them before any place is taken: each conversion takes its own in the order in which they are asked for.
_LOCK_SESSIONS = """
SELECT s.id FROM term_product s WHERE s.organisation_id = %(org)s AND s.id IN (
    SELECT l.term_product_id FROM term_booking_order_line l
    WHERE l.organisation_id = %(org)s AND l.order_id = ANY(%(order_ids)s)
    UNION ALL SELECT unnest(%(sessions)s::uuid[]))
ORDER BY s.id FOR NO KEY UPDATE
"""

_TYPES = "SELECT id, order_type FROM term_booking_order WHERE organisation_id = %(org)s AND id = ANY(%(order_ids)s)"


def _sessions(asked: Iterable[Asked]) -> Iterable[UUID]:
    return {line["session_id"] for each in asked for line in each.lines or ()}


def _check(tx: Transaction, asked: Sequence[Asked]) -> None:
    reasons: list[Reason] = []
    if not 0 < len(asked) <= MOST_CONVERSIONS:
        reasons.append(Reason("too_many", f"Between 1 and {MOST_CONVERSIONS} at once, not {len(asked)}.",
                              field="conversions"))  # fmt: skip
    types = {row["id"]: row["order_type"] for row in tx.rows(_TYPES, order_ids=[each.order_id for each in asked])}
    seen: set[UUID] = set()
    for position, each in enumerate(asked):
        field = f"conversions[{position}].order_id"
        if types.get(each.order_id) != TermBookingOrderType.EOI:
            reasons.append(Reason("unknown", "There is no such expression of interest.", field=field))
        if each.order_id in seen:
            reasons.append(Reason("twice", "It is named before.", field=field))
        seen.add(each.order_id)
    if reasons:
        raise Invalid("The conversions are not valid.", reasons=reasons)


def _convert(tx: Transaction, asked: Asked, position: int, terms: Terms) -> Ended:
    try:
        with tx.part():
            return Ended(asked.order_id, outcome=_submit(tx, asked, terms))
    except Overtaken:
        raise
    except TermbookError as refusal:
        reasons = refusal.reasons or [Reason(refusal.code, refusal.message)]
        return Ended(asked.order_id, refusal=refusal, reasons=[_placed(each, position, asked) for each in reasons])


def _placed(reason: Reason, position: int, asked: Asked) -> Reason:
    """The reason under the name of the conversion that it is about."""
    field = f"conversions[{position}]{f'.{reason.field}' if reason.field else ''}"
    return replace(reason, field=field, facts={**(reason.facts or {}), "order_id": str(asked.order_id)})


def _submit(tx: Transaction, asked: Asked, terms: Terms) -> Outcome:
    known: dict[str, Any] = {"actor": terms.actor, "now": terms.now}
    cart, shown = conversion.begin_shown(tx, order_id=asked.order_id, lines=asked.lines, **known)
    tx.flush()
    outcome = orders.submit(
        tx, order_id=cart.order.id, confirmation_type=terms.confirmation_type,
        price_fingerprint=asked.price_fingerprint or shown, override_reason=terms.override_reason,
        is_muted=terms.is_muted, **known,
    )  # fmt: skip
    if terms.confirmation_reason and outcome.made is None:
        tx.flush()
        outcome.made = orders.confirm_locked(
            tx, outcome.order, reason=terms.confirmation_reason, is_muted=terms.is_muted, **known
        )  # fmt: skip
    return outcome

"""Late pick-ups: the closed roll proposes a fee by the program's rule, the office accepts or waives it.

new → PROPOSED ─accept→ ACCEPTED ─waive→ WAIVED
          └────waive→ WAIVED

Accepted, it is invoiced with its booking's next Billing version; waived after that, a credit note takes it back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import SQLModel

from billing.adjustments import FEE_PICKUP
from catalogue.rule_values import LatePickupFee
from engine.actor import SYSTEM, Actor
from engine.batch import Batch
from engine.chart import Chart, Step
from engine.database import Row, Transaction
from engine.errors import NotFound, NotPermitted, Reason
from engine.fire import Subject, begin, fire
from engine.ids import new_id, new_reference
from models import ActorKind, LatePickup
from models import LatePickupStatus as L
from workflows import term_booking
from workflows.booked_fee import BookedFee
from workflows.booking_facts import Enrolled, lock_booking

_OFFICE = frozenset({ActorKind.ADMIN, ActorKind.FINANCE})


def has_waiver_reason(late: "Late", *, reason: str, **_: Any) -> Iterator[Reason]:
    """A fee is waived for a reason that can be read later."""
    if not reason.strip():
        yield Reason("reason_missing", f"Say why {late.reference} is waived.", field="reason", rule="late_pickup")


def is_of_invoiced_session(late: "Late", *, enrolled: Enrolled, fee: BookedFee, **_: Any) -> Iterator[Reason]:
    """A fee is charged beside its session: what is approved for attendance only is confirmed first."""
    if fee.session_of(enrolled) is None:
        message = f"{fee.line.label} of {enrolled.booking.reference} is not invoiced; the order is confirmed first."
        yield Reason("not_invoiced", message, rule="late_pickup", session=fee.line.label)


CHART = Chart(
    name="late_pickup",
    states=(L.PROPOSED, L.ACCEPTED, L.WAIVED),
    initial=(L.PROPOSED,),
    steps=(
        #     trigger   source      target      who      guards                     effects
        Step("accept", L.PROPOSED, L.ACCEPTED, _OFFICE, (is_of_invoiced_session,), ()),
        Step("waive",  L.PROPOSED, L.WAIVED,   _OFFICE, (has_waiver_reason,),      ()),
        Step("waive",  L.ACCEPTED, L.WAIVED,   _OFFICE, (has_waiver_reason,),      ()),
    ),
)  # fmt: skip


@dataclass(kw_only=True)
class Late(Subject):
    """A late pick-up as the verbs see it."""

    table: ClassVar[type[SQLModel]] = LatePickup
    amount_minor: int
    minutes_late: int
    is_only_recorded: bool = False


def propose(batch: Batch, fee: LatePickupFee, *, row: Row, session_id: UUID, ends_at: datetime, now: datetime) -> bool:
    """Propose the fee of a row of the roll, if it is late at all: whole minutes after the end count."""
    minutes_late = int((row["signed_out_at"] - ends_at).total_seconds() // 60)
    amount_minor = fee.for_minutes(minutes_late)
    if amount_minor == 0:
        return False
    late = Late(id=new_id(), reference=new_reference("LP"), status=L.PROPOSED, version=1, amount_minor=amount_minor,
                minutes_late=minutes_late)  # fmt: skip
    proposed = {
        "reference": late.reference, "account_id": row["account_id"], "attendee_id": row["attendee_id"],
        "attendance_id": row["id"], "term_product_id": session_id, "minutes_late": minutes_late,
        "amount_minor": amount_minor, "is_only_recorded": False, "created_at": now, "updated_at": now,
    }  # fmt: skip
    begin(batch, CHART, late, row=proposed, actor=SYSTEM, now=now)
    return True


def accept(tx: Transaction, *, late_pickup_id: UUID, actor: Actor, now: datetime) -> None:
    """The fee is charged: its booking costs it besides, and an invoice asks for it. Raises NotFound, NotAllowedNow
    (decided before, or the booking is archived), NotPermitted, Refused (the booking is not invoiced).
    """
    late, enrolled, fee = _lock(tx, late_pickup_id, actor)
    fire(tx.batch, CHART, late, "accept", actor=actor, now=now, enrolled=enrolled, fee=fee)
    _bill(tx, "charge_pickup", enrolled, fee, actor=actor, now=now, reason="")


def waive(tx: Transaction, *, late_pickup_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """The fee is not charged; where it was, a credit note takes it back. Raises NotFound, NotAllowedNow (waived before,
    or charged and the booking is archived), NotPermitted, Refused (no reason).
    """
    late, enrolled, fee = _lock(tx, late_pickup_id, actor)
    is_charged = late.status is L.ACCEPTED and not late.is_only_recorded
    fire(tx.batch, CHART, late, "waive", actor=actor, now=now, reason=reason)
    if is_charged:
        _bill(tx, "credit_pickup", enrolled, fee, actor=actor, now=now, reason=reason)


def _bill(
    tx: Transaction, trigger: str, enrolled: Enrolled, fee: BookedFee, *, actor: Actor, now: datetime, reason: str
) -> None:  # fmt: skip
    """The booking's own step: a decision on its late pick-up moves its price and nothing else of it."""
    fire(tx.batch, term_booking.CHART, enrolled.booking, trigger, actor=replace(SYSTEM, user_id=actor.user_id), now=now,
         reason=reason, enrolled=enrolled, fee=fee, changes={"late_pickup": fee.reference})  # fmt: skip


_OF_BOOKING = """
SELECT a.booking_id, a.booking_line_id FROM late_pickup x
JOIN term_attendance a ON a.organisation_id = x.organisation_id AND a.id = x.attendance_id
WHERE x.organisation_id = %(org)s AND x.id = %(id)s
"""
_LOCK = """
SELECT id, reference, status, version, amount_minor, minutes_late, is_only_recorded FROM late_pickup
WHERE organisation_id = %(org)s AND id = %(id)s FOR NO KEY UPDATE
"""


def _lock(tx: Transaction, late_pickup_id: UUID, actor: Actor) -> tuple[Late, Enrolled, BookedFee]:
    """The booking first, as everybody locks it, then the late pick-up."""
    if actor.kind not in _OFFICE:
        raise NotPermitted("Late pick-ups are decided by admins and finance.")
    found = tx.row(_OF_BOOKING, id=late_pickup_id)
    if found is None:
        raise NotFound("There is no such late pick-up.", what="late pick-up")
    enrolled = lock_booking(tx, found["booking_id"], actor=actor)
    row = tx.row(_LOCK, id=late_pickup_id)
    assert row is not None, "none is ever deleted"
    late = Late(**{**row, "status": L(row["status"])})
    line = next(each for each in enrolled.lines if each.id == found["booking_line_id"])
    return late, enrolled, BookedFee(
        kind=FEE_PICKUP, named_by="late_pickup_id", id=late.id, reference=late.reference, name="Late pick-up fee",
        about="", line=line, amount_minor=late.amount_minor, basis=f"collected {late.minutes_late} minutes late",
    )  # fmt: skip

"""Makeup credits in orders and bookings: which line may have one, and what becomes of it when the line ends."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engine.batch import Batch
from engine.database import Transaction
from engine.errors import Reason
from models import LineKind, MakeupReach, MakeupStatus, TermBookingOrderType
from workflows import makeup_credit
from workflows.makeup_credit import COLUMNS, Credit

if TYPE_CHECKING:
    from workflows.booking_facts import BookedLine, Booking, Enrolled
    from workflows.change_facts import Change
    from workflows.order_facts import Facts, Order, WantedLine
    from workflows.order_holdings import Holdings
    from workflows.order_sets import Carried


_WANTED = f"""
SELECT {COLUMNS}, g.category_id FROM makeup_credit m
JOIN program g ON g.organisation_id = m.organisation_id AND g.id = m.program_id
WHERE m.organisation_id = %(org)s AND m.id = ANY(%(ids)s)
"""


def read_wanted_credits(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, Credit]:
    """The credits that lines ask for; nothing is read where there are none."""
    if not ids:
        return {}
    rows = tx.rows(_WANTED, ids=list(ids))
    return {row["id"]: Credit.of(row) for row in rows}


def has_makeup_credit(
    order: "Order", *, facts: "Facts", now: datetime, change: "Change | None" = None, **_: object
) -> Iterator[Reason]:  # fmt: skip
    """A makeup session is booked with a credit of this attendee and account, where it reaches, before it expires."""
    for line in facts.lines:
        if line.kind is LineKind.MAKEUP_SESSION:
            yield from _failing(order, line, now)
    for booked in change.leaving if change else ():
        if booked.kind is LineKind.MAKEUP_SESSION:
            yield Reason("makeup_stays", f"{booked.label} is a makeup session: a change leaves it as it is; cancel its "
                         "booking to have the credit back.", field="lines", rule="makeup",
                         session=booked.label)  # fmt: skip


def _failing(order: "Order", line: "WantedLine", now: datetime) -> Iterator[Reason]:
    credit = line.makeup
    if order.order_type is not TermBookingOrderType.BOOKING or order.is_change:
        yield _about(line, "makeup_needs_booking", "A makeup session is asked for in a new order of type Booking.")
    if credit is None or (credit.account_id, credit.attendee_id) != (order.account_id, order.attendee_id):
        yield _about(line, "makeup_unknown", f"{order.attendee['name']} has no such makeup credit.")
        return
    if credit.status is not MakeupStatus.AVAILABLE:
        yield _about(line, "makeup_not_available", f"{credit.reference} is {credit.status.name.lower()}.")
    starts_at = line.slot.starts_at
    if credit.expires_at <= now or (starts_at is not None and starts_at > credit.expires_at):
        yield _about(line, "makeup_expired", f"{credit.reference} is for sessions until "
                     f"{credit.expires_at:%a %d %b %Y}.")  # fmt: skip
    _, program_id, category_id, _ = line.offering.chain
    if credit.reach is MakeupReach.PROGRAM and credit.program_id != program_id:
        yield _about(line, "makeup_elsewhere", f"{credit.reference} is for another program than "
                     f"{line.offering.facts['program']}.")  # fmt: skip
    elif credit.reach is MakeupReach.CATEGORY and credit.category_id != category_id:
        yield _about(line, "makeup_elsewhere", f"{credit.reference} is for programs of another category than "
                     f"{line.offering.facts['program']}.")  # fmt: skip


def _about(line: "WantedLine", code: str, message: str) -> Reason:
    return Reason(code, message, field=f"lines[{line.position}].makeup_credit_id", rule="makeup", session=line.label,
                  facts={"session_id": str(line.session_id)})  # fmt: skip


def book_credits(order: "Order", *, batch: Batch, facts: "Facts", now: datetime, **_: Any) -> None:
    """The credits of the makeup lines are booked with the places."""
    for line in facts.lines:
        if line.kind is LineKind.MAKEUP_SESSION:
            assert line.makeup is not None, "the guard has asked for it"
            makeup_credit.book(batch, line.makeup, order_id=order.id, session_id=line.session_id, now=now)


def return_credits(order: "Order", *, batch: Batch, holdings: "Holdings", now: datetime, **_: Any) -> None:
    """The order ends before it was confirmed: its credits can be booked again."""
    makeup_credit.give_back(batch, holdings.makeups, now=now, reason=f"{order.reference} ended")


def return_left_credits(
    booking: "Booking", *, batch: Batch, enrolled: "Enrolled", leaving: list["BookedLine"], now: datetime, **_: Any
) -> None:  # fmt: skip
    """A makeup session that is given up in its cancellation window gives its credit back; a later one has used it."""
    left = {line.session_id: line for line in leaving}
    given_up = [credit for credit in enrolled.makeups if credit.session_id in left]
    in_time = [c for c in given_up if c.session_id and now <= enrolled.cancellable_until(left[c.session_id])]
    makeup_credit.give_back(batch, in_time, now=now, reason=f"given up with {booking.reference}")
    late = [credit for credit in given_up if credit not in in_time]
    makeup_credit.use(batch, late, now=now, reason=f"given up too late with {booking.reference}")


def return_closed_credits(
    booking: "Booking", *, batch: Batch, enrolled: "Enrolled", leaving: list["BookedLine"], now: datetime, **_: Any
) -> None:  # fmt: skip
    """A makeup session that does not take place gives its credit back, and a full term of validity with it."""
    left = {line.session_id for line in leaving}
    makeup_credit.give_back(batch, [c for c in enrolled.makeups if c.session_id in left], now=now,
                            reason="the day was closed", is_renewed=True)  # fmt: skip


def return_carried_credits(
    order: "Order", *, batch: Batch, carried: "Carried", closed: set[str], now: datetime, **_: Any
) -> None:  # fmt: skip
    """The same of an order on its way."""
    makeup_credit.give_back(batch, [c for c in carried.makeups if str(c.session_id) in closed], now=now,
                            reason="the day was closed", is_renewed=True)  # fmt: skip

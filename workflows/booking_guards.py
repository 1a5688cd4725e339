"""The rules that may refuse a step of a booking. Each guard yields every reason it finds."""

from collections.abc import Iterator
from datetime import date, datetime

from engine.actor import Actor
from engine.errors import Reason
from engine.money import format_money
from engine.words import are, so_many
from models import ScheduleStatus
from workflows.booking_facts import BookedLine, Booking, Enrolled


def has_reason(booking: Booking, *, actor: Actor, reason: str, **_: object) -> Iterator[Reason]:
    """What an admin does to a family's booking is explained."""
    if actor.is_admin and not reason.strip():
        yield Reason("reason_required", f"Say why {booking.reference} is changed.", field="reason",
                     rule="admin_with_reason")  # fmt: skip


def is_in_cancellation_window(
    booking: Booking, *, enrolled: Enrolled, actor: Actor, now: datetime, **_: object
) -> Iterator[Reason]:
    """A family cancels while every session to come can still be cancelled, or at a late fee where one is set; an
    admin may at any time, with a reason.
    """
    if not actor.is_family:
        return
    to_come = enrolled.to_come(now)
    if not to_come:
        yield Reason("nothing_to_cancel", f"{booking.reference} has no session to come.", rule="cancellation_window")
    for line in to_come:
        until = enrolled.cancellable_until(line)
        if now > until and not enrolled.has_late_fee(line):
            when = enrolled.until_words(line)
            yield Reason("past_cancellation_window", f"{line.label} could be cancelled until {when}; ask the centre.",
                         rule="cancellation_window", session=line.label,
                         facts={"session_id": str(line.session_id), "until": until.isoformat()})  # fmt: skip


def has_nothing_held_unbilled(
    booking: Booking, *, enrolled: Enrolled, actor: Actor, now: datetime, **_: object
) -> Iterator[Reason]:
    """What was held before it was invoiced is not given away by the family itself."""
    held = [line for line in enrolled.kept() if line.is_held(now)]
    if held and actor.is_family:
        yield _unbilled(booking, held)


def has_nothing_left_unbilled(
    booking: Booking, *, enrolled: Enrolled, leaving: list[BookedLine], **_: object
) -> Iterator[Reason]:
    """Sessions that stay are invoiced before the booking is closed: confirm it first."""
    left = [line for line in enrolled.kept() if line not in leaving]
    if left:
        yield _unbilled(booking, left)


def _unbilled(booking: Booking, lines: list[BookedLine]) -> Reason:
    named = f"{lines[0].label}{f' and {len(lines) - 1} more' if len(lines) > 1 else ''}"
    return Reason("not_invoiced", f"{named} of {booking.reference} are not invoiced; the order is confirmed first.",
                  rule="invoiced_first", facts={"session_ids": [str(line.session_id) for line in lines]})  # fmt: skip


def is_within_term(booking: Booking, *, enrolled: Enrolled, last_day: date, **_: object) -> Iterator[Reason]:
    """A last day lies within the term: a mistyped year closes nothing."""
    starts_on, ends_on = enrolled.term["starts_on"], enrolled.term["ends_on"]
    if last_day.isoformat() < starts_on:
        yield Reason("before_term", f"{enrolled.term['name']} starts on {starts_on}; cancel the booking "
                     "if it is not to begin.", field="last_day", rule="last_day")  # fmt: skip
    if last_day.isoformat() > ends_on:
        yield Reason("after_term", f"{enrolled.term['name']} ends on {ends_on}.", field="last_day", rule="last_day")


def has_run(booking: Booking, *, enrolled: Enrolled, now: datetime, **_: object) -> Iterator[Reason]:
    """Nothing is archived that is still to be held."""
    ahead = [line for line in enrolled.kept() if line.ends_at > now]
    if ahead:
        last = max(ahead, key=lambda line: line.ends_at)
        yield Reason("still_running", f"{last.label} of {booking.reference} is not over.", rule="has_run",
                     session=last.label)  # fmt: skip


def has_nothing_due(booking: Booking, *, enrolled: Enrolled, **_: object) -> Iterator[Reason]:
    """Nothing is archived that is still owed, or still to be invoiced."""
    waiting = {str(line.id) for line in enrolled.kept()} & {row["booking_line_id"] for row in enrolled.scheduled
                                                            if row["status"] == ScheduleStatus.SCHEDULED}  # fmt: skip
    if waiting:
        what = f"{so_many(len(waiting), 'session')} of {booking.reference} {are(len(waiting))}"
        yield Reason("still_to_invoice", f"{what} still to be invoiced.",
                     rule="nothing_due", facts={"sessions": len(waiting)})  # fmt: skip
    owing = sum(invoice.open_minor for invoice in enrolled.invoices)
    if owing:
        assert enrolled.order is not None, "only who holds the order archives"
        money = {name: enrolled.order.organisation[name] for name in ("currency", "locale")}
        yield Reason("owing", f"{format_money(owing, **money)} of {booking.reference} is still owed.",
                     rule="nothing_due", facts={"owing_minor": owing})  # fmt: skip

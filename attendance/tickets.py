"""Tickets at the door: each lets its holder in once, on the day and for the session that it is for.

A scan carries the device's own time, so that a scanner that was offline can send it later; the same scan sent again
changes nothing. Whoever is let in is signed in on the roll.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from attendance.marks import ARRIVAL
from catalogue.seat_choice import seat_label
from engine.actor import Actor
from engine.batch import Guarded
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason
from engine.ids import new_id
from models import ActorKind, AttendanceStatus, SignMethod, TermBookingStatus, TicketCheckIn

_HERE = frozenset({AttendanceStatus.PRESENT, AttendanceStatus.LATE, AttendanceStatus.LEFT})


class TicketRefused(Conflict):
    """The ticket does not let in, here and now."""

    code = "ticket_refused"


class TicketUsedMeanwhile(Conflict):
    """Somebody else scanned the same ticket at the same moment."""

    code = "ticket_used_meanwhile"


@dataclass(frozen=True, slots=True)
class CheckIn:
    """Who was let in, and where they sit. `scanned_at` is the device's own time."""

    id: UUID
    ticket_reference: str
    session_id: UUID
    session: str
    attendee_id: UUID
    attendee: str
    seat: str
    seat_type: str
    scanned_at: datetime
    booking_reference: str


_LOCK = """
SELECT a.id FROM term_booking_line l
JOIN term_attendance a ON a.organisation_id = l.organisation_id AND a.booking_line_id = l.id
WHERE l.organisation_id = %(org)s AND l.ticket_reference = %(ticket_reference)s FOR NO KEY UPDATE OF a
"""

_TICKET = """
SELECT l.id, l.cancelled_at, l.ticket_reference, l.term_product_id AS session_id, b.reference AS booking_reference,
       b.status AS booking_status, b.attendee_id, t.name AS attendee, x.row_name, x.number, x.seat_type,
       p.name AS session, s.starts_at, s.ends_at, s.local_date, i.id AS site_id, i.time_zone, s.roll_closed_at,
       a.id AS attendance_id, a.status, a.version, a.marked_at, a.reason, k.id AS check_in_id, k.scanned_at,
       k.scanned_by
FROM term_booking_line l
JOIN term_booking b ON b.organisation_id = l.organisation_id AND b.id = l.booking_id
JOIN attendee t ON t.organisation_id = b.organisation_id AND t.id = b.attendee_id
JOIN seat x ON x.organisation_id = l.organisation_id AND x.id = l.seat_id
JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
LEFT JOIN term_attendance a ON a.organisation_id = l.organisation_id AND a.booking_line_id = l.id
LEFT JOIN ticket_check_in k ON k.organisation_id = l.organisation_id AND k.booking_line_id = l.id
WHERE l.organisation_id = %(org)s AND l.ticket_reference = %(ticket_reference)s
"""

_SIGN_IN = Guarded(
    name="sign_in_by_ticket",
    sql="UPDATE term_attendance t SET status = 'PRESENT', version = t.version + 1, marked_at = r.scanned_at, "
    "marked_by = r.scanned_by, signed_in_at = r.scanned_at, signed_out_at = NULL, collected_by = NULL, "
    f"method = '{SignMethod.SCAN.value}', reason = NULL FROM {{rows}} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.version = r.version RETURNING t.id",
    takes="id uuid, version int, scanned_at timestamptz, scanned_by uuid",
)


def check_in(
    tx: Transaction, *, ticket_reference: str, scanned_at: datetime, actor: Actor, now: datetime,
    session_id: UUID | None = None,
) -> CheckIn:  # fmt: skip
    """Let in the holder of a ticket, once. `session_id` is the session of the door, where that is known.

    Raises NotFound (no such ticket at a site of this actor), Invalid (a scan in the future), TicketRefused with every
    reason: it was used, it is cancelled, it is for another session, day or hour.
    """
    if actor.kind not in (ActorKind.ADMIN, ActorKind.STAFF):
        raise NotPermitted("Tickets are checked by staff and admins.")
    reference = ticket_reference.strip().upper()
    tx.rows(_LOCK, ticket_reference=reference)
    ticket = tx.row(_TICKET, ticket_reference=reference)
    if ticket is None or (actor.kind is ActorKind.STAFF and ticket["site_id"] not in actor.site_ids):
        raise NotFound("There is no such ticket.", what="ticket")
    if scanned_at > now:
        message = "A ticket is not scanned in the future; check the device's clock."
        raise Invalid(message, reasons=[Reason("in_the_future", message, field="scanned_at")])
    if (ticket["scanned_at"], ticket["scanned_by"]) == (scanned_at, actor.user_id):
        return _shown(ticket, ticket["check_in_id"], scanned_at)
    reasons = list(_failing(ticket, scanned_at, session_id))
    if reasons:
        raise TicketRefused(f"{reference} does not let in: {reasons[0].message}", reasons=reasons)
    check_in_id = new_id()
    tx.batch.add(TicketCheckIn, [{"id": check_in_id, "booking_line_id": ticket["id"], "scanned_at": scanned_at,
                                  "scanned_by": actor.user_id, "recorded_at": now}])  # fmt: skip
    meanwhile = TicketUsedMeanwhile("The ticket was scanned at the same moment elsewhere; scan it again.")
    tx.batch.on_violation("uq_ticket_check_in_organisation_id_booking_line_id", meanwhile)
    if ticket["attendance_id"] is not None and ticket["status"] not in _HERE:
        row = {"id": ticket["attendance_id"], "version": ticket["version"], "scanned_at": scanned_at,
               "scanned_by": actor.user_id}  # fmt: skip
        tx.batch.guard(_SIGN_IN, [row], otherwise=lambda _: meanwhile)
    return _shown(ticket, check_in_id, scanned_at)


def _failing(ticket: Row, scanned_at: datetime, session_id: UUID | None) -> Iterator[Reason]:
    """Why the ticket does not let in; one that is no ticket any more has no other reason."""
    if ticket["scanned_at"] is not None:
        at = _local(ticket, ticket["scanned_at"])
        yield _about(ticket, "ticket_used", f"It was used on {at}.", used_at=ticket["scanned_at"].isoformat())
        return
    if ticket["cancelled_at"] is not None or ticket["status"] == AttendanceStatus.CANCELLED:
        is_suspended = ticket["booking_status"] == TermBookingStatus.SUSPENDED
        words = "suspended" if is_suspended else "cancelled"
        yield _about(ticket, "ticket_cancelled", f"Booking {ticket['booking_reference']} is {words} for this session.")
        return
    if session_id is not None and session_id != ticket["session_id"]:
        yield _about(ticket, "wrong_session", f"It is for {_what(ticket)}.", session_id=str(ticket["session_id"]))
    if ticket["roll_closed_at"] is not None:
        yield _about(ticket, "roll_is_closed", "The roll of its session is closed.")
    yield from _wrong_time(ticket, scanned_at)
    yield from _contradicting(ticket, scanned_at)


def _wrong_time(ticket: Row, scanned_at: datetime) -> Iterator[Reason]:
    if ticket["starts_at"] is None:
        return
    if ticket["starts_at"] - ARRIVAL <= scanned_at <= ticket["ends_at"]:
        return
    if scanned_at.astimezone(ZoneInfo(ticket["time_zone"])).date() != ticket["local_date"]:
        yield _about(ticket, "wrong_day", f"It is for {_what(ticket)}.", date=ticket["local_date"].isoformat())
    elif scanned_at < ticket["starts_at"]:
        yield _about(ticket, "too_early", f"{_what(ticket)}: the door is not open yet.")
    else:
        yield _about(ticket, "session_over", f"{_what(ticket)} is over.")


def _contradicting(ticket: Row, scanned_at: datetime) -> Iterator[Reason]:
    """A newer mark that says something else is shown to a person, as on the roll."""
    marked_at, status = ticket["marked_at"], ticket["status"]
    if status == AttendanceStatus.LEFT and scanned_at > marked_at:
        yield _about(
            ticket, "left_already", f"{ticket['attendee']} left at {_local(ticket, marked_at)}; mark the roll by hand."
        )
    elif marked_at is not None and marked_at > scanned_at and status not in _HERE:
        words = status.lower().replace("_", " ")
        yield _about(
            ticket, "newer_mark", f"{ticket['attendee']} was marked {words} after this scan; mark the roll by hand."
        )


def _about(ticket: Row, code: str, message: str, **facts: Any) -> Reason:
    facts["booking"] = ticket["booking_reference"]
    return Reason(code, message, field="ticket_reference", rule="tickets", facts=facts)


def _what(ticket: Row) -> str:
    return f"{ticket['session']}, {_local(ticket, ticket['starts_at'])}" if ticket["starts_at"] else ticket["session"]


def _local(ticket: Row, moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo(ticket['time_zone'])):%a %d %b %Y %H:%M}"


def _shown(ticket: Row, check_in_id: UUID, scanned_at: datetime) -> CheckIn:
    return CheckIn(
        check_in_id, ticket["ticket_reference"], ticket["session_id"], _what(ticket), ticket["attendee_id"],
        ticket["attendee"], seat_label(ticket["row_name"], ticket["number"]), ticket["seat_type"], scanned_at,
        ticket["booking_reference"],
    )  # fmt: skip

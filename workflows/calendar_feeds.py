"""The calendar of an attendee by a signed address: a calendar program asks for it again and again and sees what stands.

The address names an account and an attendee. It shows what that account booked for the attendee, nothing of another
account's, and it shows nothing once the two no longer belong together, or once the account has asked for a new address.
"""

from datetime import datetime, timedelta
from uuid import UUID

from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import NotFound
from engine.links import sign_link
from notifications.calendar import make_calendar
from notifications.messages import Session

PURPOSE = "calendar"
# A school year and its holidays; whoever may see the attendee gets a new address at any time.
VALID_FOR = timedelta(days=400)
# What is longer ago is nobody's plan any more.
_LOOKS_BACK = timedelta(days=60)

_BELONGS = """
SELECT t.name AS attendee, g.name AS organisation, l.account_id, l.id, l.calendar_serial
FROM account_attendee l
JOIN attendee t ON t.organisation_id = l.organisation_id AND t.id = l.attendee_id
JOIN organisation g ON g.id = l.organisation_id
WHERE l.organisation_id = %(org)s AND l.attendee_id = %(attendee_id)s
  AND (%(account_id)s::uuid IS NULL OR l.account_id = %(account_id)s)
ORDER BY l.id
"""

# Confirmed, and attended: what is given up, closed or suspended is nobody's appointment.
_SESSIONS = """
SELECT s.id, p.name AS title, s.starts_at, s.ends_at, i.time_zone, i.name AS place, i.address,
       CASE WHEN x.id IS NULL THEN '' ELSE concat('Row ', x.row_name, ' seat ', x.number) END AS seat, b.revision
FROM term_booking b
JOIN term_booking_line l ON l.organisation_id = b.organisation_id AND l.booking_id = b.id
JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
JOIN term_attendance a ON a.organisation_id = l.organisation_id AND a.booking_line_id = l.id
LEFT JOIN seat x ON x.organisation_id = l.organisation_id AND x.id = l.seat_id
WHERE b.organisation_id = %(org)s AND b.account_id = %(account_id)s AND b.attendee_id = %(attendee_id)s
  AND b.status IN (450, 500, 600, 700, 800) AND l.cancelled_at IS NULL AND l.kind <> 'CLOSURE_DAY'
  AND a.status <> 'CANCELLED' AND s.starts_at >= %(since)s
ORDER BY s.starts_at, s.id
"""


def feed_link(
    tx: Transaction, *, attendee_id: UUID, account_id: UUID | None, actor: Actor, secret: str, now: datetime
) -> tuple[str, datetime]:
    """The part of an address that gives the calendar, and until when it does.

    Without an account, the first of those that the actor may act for. Raises NotFound.
    """
    return _signed(tx, _own(tx, attendee_id, account_id, actor), attendee_id=attendee_id, secret=secret, now=now)


_RENEW = """
UPDATE account_attendee SET calendar_serial = calendar_serial + 1
WHERE organisation_id = %(org)s AND id = %(id)s RETURNING account_id, calendar_serial
"""


def renew_feed(
    tx: Transaction, *, attendee_id: UUID, account_id: UUID | None, actor: Actor, secret: str, now: datetime
) -> tuple[str, datetime]:  # fmt: skip
    """A new address, for who gave the old one to somebody who is not to see it any more: all before it open nothing.

    Raises NotFound.
    """
    row = tx.row(_RENEW, id=_own(tx, attendee_id, account_id, actor)["id"])
    assert row is not None, "it was just read"
    return _signed(tx, row, attendee_id=attendee_id, secret=secret, now=now)


def _own(tx: Transaction, attendee_id: UUID, account_id: UUID | None, actor: Actor) -> Row:
    found = tx.rows(_BELONGS, attendee_id=attendee_id, account_id=account_id)
    own = next((row for row in found if actor.may_see_account(row["account_id"])), None)
    if own is None:
        raise NotFound("There is no such attendee.", what="attendee")
    return own


def _signed(tx: Transaction, of: Row, *, attendee_id: UUID, secret: str, now: datetime) -> tuple[str, datetime]:
    until = now + VALID_FOR
    link = sign_link(
        secret, PURPOSE, expires_at=until, organisation=tx.organisation_id.hex, account=of["account_id"].hex,
        attendee=attendee_id.hex, serial=str(of["calendar_serial"]),
    )  # fmt: skip
    return link, until


def read_feed(tx: Transaction, *, account_id: UUID, attendee_id: UUID, serial: int, now: datetime) -> bytes:
    """The calendar as it stands now. Raises NotFound once the account may no longer book for the attendee, or has
    asked for another address.
    """
    found = tx.rows(_BELONGS, attendee_id=attendee_id, account_id=account_id)
    if not found or found[0]["calendar_serial"] != serial:
        raise NotFound("There is no such calendar any more.", what="calendar")
    rows = tx.rows(_SESSIONS, account_id=account_id, attendee_id=attendee_id, since=now - _LOOKS_BACK)
    revision = max((row.pop("revision") for row in rows), default=1)
    return make_calendar(
        (Session(**row) for row in rows), organisation_name=found[0]["organisation"], attendee_id=attendee_id,
        attendee_name=found[0]["attendee"], revision=revision, now=now,
        feed_name=f"{found[0]['attendee']}, {found[0]['organisation']}",
    )  # fmt: skip

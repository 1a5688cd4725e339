"""Tickets as PDF: one page each, with the QR code that is scanned at the door; same tickets, same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import segno
from babel.dates import format_date, format_time

from engine.money import parse_locale
from invoicing.document import Letterhead
from invoicing.pdf import paper, render_page, words_of

# Pixels a module of the code; the style sheet sets its size on paper.
_SCALE = 8
# A code that was folded or smudged up to a quarter is still read.
_ERROR_CORRECTION = "q"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What one ticket shows. Moments are aware and shown in `time_zone`, the site's; None in an undated session."""

    reference: str
    booking_reference: str
    attendee: str
    session: str
    venue: str
    site: str
    address: str
    row: str
    seat: int
    seat_type: str
    starts_at: datetime | None
    ends_at: datetime | None
    time_zone: str
    issued_at: datetime


def render_tickets(tickets: Sequence[Ticket], *, letterhead: Letterhead, locale: str) -> bytes:
    """The tickets as one PDF, a page each, on the paper of the locale. Raises `PdfLibraryMissing`."""
    assert tickets, "there is something to print"
    facts = {
        "tickets": [_shown(ticket, locale) for ticket in tickets], "words": words_of(locale),
        "letterhead": letterhead, "issued_at": tickets[0].issued_at,
    }  # fmt: skip
    images = {_code_url(ticket): qr_code(ticket.reference) for ticket in tickets}
    return render_page("ticket.html", facts, paper=paper(locale), images=images)


def qr_code(reference: str) -> bytes:
    """The QR code of a ticket's reference as SVG."""
    drawn = BytesIO()
    segno.make(reference, error=_ERROR_CORRECTION, micro=False).save(drawn, kind="svg", scale=_SCALE, border=4)
    return drawn.getvalue()


def _code_url(ticket: Ticket) -> str:
    return f"termbook:code/{ticket.reference}"


def _shown(ticket: Ticket, locale: str) -> dict[str, Any]:
    known = parse_locale(locale)
    day = hours = None
    if ticket.starts_at is not None and ticket.ends_at is not None:
        zone = ZoneInfo(ticket.time_zone)
        starts, ends = ticket.starts_at.astimezone(zone), ticket.ends_at.astimezone(zone)
        day = format_date(starts, "full", locale=known)
        hours = "–".join(format_time(at, "short", locale=known) for at in (starts, ends))
    return {"ticket": ticket, "day": day, "hours": hours, "code_url": _code_url(ticket)}

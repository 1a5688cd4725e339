"""A seated show of the sample centre, which the city's file does not have: two afternoons in its auditorium."""

from datetime import date, datetime, time
from typing import Any

from catalogue.schedule import Meeting
from catalogue.seat_plan import Block
from catalogue.sessions import generate_sessions
from catalogue.venues import keep_seats, seat_offering
from engine.database import Transaction
from models import OfferingStatus, Program, ProgramCategory, ProgramType, SeatType, TermProgramSet, Venue

SHOW = "SHOW-1"
_AFTERNOONS = (date(2026, 4, 25), date(2026, 4, 26))
_BLOCKS = (
    Block("A-B", "1-16", SeatType.VIP),
    Block("C-G", "1-8, 10-17", SeatType.REGULAR),  # an aisle between 8 and 10
    Block("H-J", "1-8, 10-17", SeatType.ECONOMY),
)
_PRICES = {SeatType.VIP: 2500, SeatType.REGULAR: 1800, SeatType.ECONOMY: 1200}


def add_show(tx: Transaction, *, now: datetime) -> None:
    """Add the auditorium with its seats and the show, in the term of the day."""
    term = tx.row("SELECT id FROM term WHERE organisation_id = %(org)s AND %(day)s BETWEEN starts_on AND ends_on",
                  day=_AFTERNOONS[0])  # fmt: skip
    site = tx.row("SELECT id FROM site WHERE organisation_id = %(org)s ORDER BY id LIMIT 1")
    assert term is not None, "the centre's programme has a term in April"
    assert site is not None, "the centre's programme has a site"
    owned: dict[str, Any] = {"organisation_id": tx.organisation_id}
    session = tx.session
    category = ProgramCategory(**owned, name="Shows", program_type=ProgramType.CLASS)
    venue = Venue(**owned, site_id=site["id"], name="Auditorium")
    session.add_all([category, venue])
    session.flush()
    program = Program(**owned, category_id=category.id, site_id=site["id"], name="Spring show")
    session.add(program)
    session.flush()
    schedule = [Meeting(dates=_AFTERNOONS, starts=time(15), ends=time(16, 30)).as_json()]
    offering = TermProgramSet(
        **owned, term_id=term["id"], program_id=program.id, name="Spring show", code=SHOW, schedule=schedule,
        status=OfferingStatus.PUBLISHED, session_price_minor=1200, capacity=200, bookable_from=now,
    )  # fmt: skip
    session.add(offering)
    session.flush()
    keep_seats(tx, venue.id, _BLOCKS)
    seat_offering(tx, offering.id, venue_id=venue.id, prices=_PRICES)
    generate_sessions(tx, [offering.id])

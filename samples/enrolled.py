"""Bookings at the sample centre, by the verbs: made-up children of the right age, in some courses or a whole term."""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

from attendance.consents import answer, texts_asked
from engine.actor import Actor
from engine.database import Database, Row, Transaction
from models import BookingMode, ConsentAnswer, TermBookingConfirmationType, TermBookingOrderType
from samples.sample import Child, Family, add_family
from workflows import term_booking_order as orders
from workflows.payments import record_manual_payment

_GIVEN = ("Mia", "Leo", "Zoë", "Noah", "Ivy", "Omar", "Ana", "Kai", "Lin", "Sam", "Ella", "Jun", "Aya", "Tom", "Eva")
_FAMILY = ("Rossi", "Chen", "Novak", "Silva", "Tremblay", "Okafor", "Singh", "Müller", "Haddad", "Kim", "Ortiz", "Roy")
# The weekend on which a roll call is tried.
BUSY_DAYS = (date(2026, 4, 11), date(2026, 4, 12))
_ALLERGIES = {4: "Peanuts", 8: "Bee stings"}
_REFUSES = 6  # of ten families
_SESSIONS = (1, 2, 2, 3)  # of a term, as families book them
_BOOKED = 0.85  # of the places of each offering
_ADULT = 20 * 12
_MONTH_DAYS = 30.4
_BY_ADMIN = TermBookingConfirmationType.ADMIN_CONFIRM

_OFFERINGS = """
SELECT o.id, o.term_id, o.age_from_months, o.age_below_months, min(s.starts_at) AS starts_at,
       array_agg(s.id ORDER BY s.starts_at) AS session_ids, min(s.capacity - s.taken) AS places
FROM term_program_set o JOIN term_product s ON s.organisation_id = o.organisation_id AND s.term_program_set_id = o.id
WHERE o.organisation_id = %(org)s AND s.starts_at > %(now)s AND s.status = 'OPEN' AND NOT s.is_seated
  AND 'CASUAL' = ANY(o.modes) AND coalesce(o.bookable_from, %(now)s) <= %(now)s
GROUP BY o.id, o.term_id, o.age_from_months, o.age_below_months ORDER BY o.id
"""


@dataclass(frozen=True, slots=True)
class Place:
    """What one child books of an offering, and whether its family is told nothing."""

    term_id: UUID
    born: date
    session_ids: list[UUID]
    mode: BookingMode = BookingMode.CASUAL
    is_muted: bool = False


def enrol(
    database: Database, organisation_id: UUID, *, days: Collection[date], admin: Actor, now: datetime
) -> int:  # fmt: skip
    """Book most places of the courses that begin on these days, for their whole term; a third is paid, the rest owed.
    The families are told nothing. Returns the bookings.
    """
    with database.transaction(organisation_id) as tx:
        rows = [row for row in tx.rows(_OFFERINGS, now=now) if row["starts_at"].astimezone(now.tzinfo).date() in days]
    wanted = [
        Place(row["term_id"], _middle_of_ages(row), row["session_ids"], BookingMode.FULL_TERM, is_muted=True)
        for row in rows for _ in range(int(row["places"] * _BOOKED))
    ]  # fmt: skip
    for at in range(0, len(wanted), 2):
        pair = wanted[at : at + 2]
        database.run(
            organisation_id, partial(_family, number=at, places=pair, is_paid=at % 6 == 0, admin=admin, now=now)
        )
    return len(wanted)


def fill(
    database: Database, organisation_id: UUID, *, admin: Actor, now: datetime, most: int,
    progress: Callable[[int], None],
) -> int:  # fmt: skip
    """Book up to `most` places for families of two children; some are paid, some are owed. Returns the bookings."""
    chance = random.Random(5)  # noqa: S311 - the same bookings each time
    with database.transaction(organisation_id) as tx:
        wanted = [place for row in tx.rows(_OFFERINGS, now=now) for place in _places(row, chance)]
    chance.shuffle(wanted)
    wanted = wanted[:most]
    for at in range(0, len(wanted), 2):
        pair = wanted[at : at + 2]
        is_paid = at % 100 > 0
        database.run(organisation_id, partial(_family, number=at, places=pair, is_paid=is_paid, admin=admin, now=now))
        progress(at + len(pair))
    return len(wanted)


def _places(row: Row, chance: random.Random) -> list[Place]:
    """Bookings of an offering whose sessions end up nearly full; each is of some sessions in a row."""
    born = _middle_of_ages(row)
    free = dict.fromkeys(row["session_ids"], int(row["places"] * _BOOKED))
    found = []
    while left := [session_id for session_id, places in free.items() if places > 0]:
        wanted = left[: chance.choice(_SESSIONS)]
        free |= {session_id: free[session_id] - 1 for session_id in wanted}
        found.append(Place(row["term_id"], born, wanted))
    return found


def _middle_of_ages(row: Row) -> date:
    """The day of birth of a child that is as old as the offering's ages are on average."""
    youngest = row["age_from_months"] or 0
    oldest = row["age_below_months"] or youngest + _ADULT
    born: date = row["starts_at"].date() - timedelta(days=(youngest + oldest) // 2 * _MONTH_DAYS)
    return born


def _family(
    tx: Transaction, *, number: int, places: list[Place], is_paid: bool, admin: Actor, now: datetime
) -> None:  # fmt: skip
    name = _FAMILY[number // 2 % len(_FAMILY)]
    children = tuple(
        Child(
            f"{_GIVEN[(number + n) % len(_GIVEN)]} {name}", place.born, allergies=_ALLERGIES.get(number % 10, ""),
            pick_ups=(f"Robin {name}", f"Grandma {name}"),
        ) for n, place in enumerate(places)
    )  # fmt: skip
    family = add_family(tx, name=f"{name} family", email=f"family-{number}@example.org", children=children, now=now)
    for child, place in zip(family.attendee_ids, places, strict=True):
        for text in texts_asked(tx):
            said = ConsentAnswer.REFUSED if number % 10 == _REFUSES else ConsentAnswer.GIVEN
            answer(tx, attendee_id=child, text_id=text["id"], said=said, actor=admin, now=now)
        book(tx, family, child, place, is_paid=is_paid, admin=admin, now=now)


def book(
    tx: Transaction, family: Family, attendee_id: UUID, place: Place, *, is_paid: bool, admin: Actor, now: datetime
) -> None:  # fmt: skip
    """A booking that the office confirms; paid at the desk, or owed by its invoice."""
    made = orders.new(
        tx, actor=admin, account_id=family.account_id, attendee_id=attendee_id, term_id=place.term_id,
        order_type=TermBookingOrderType.BOOKING, now=now,
    )  # fmt: skip
    tx.flush()
    lines = [{"session_id": session_id, "mode": place.mode.value} for session_id in place.session_ids]
    saved = orders.save(tx, order_id=made.order.id, lines=lines, actor=admin, now=now)
    assert saved.priced is not None
    tx.flush()
    orders.submit(
        tx, order_id=made.order.id, confirmation_type=_BY_ADMIN, price_fingerprint=saved.priced.fingerprint,
        actor=admin, now=now, is_muted=place.is_muted,
    )  # fmt: skip
    tx.flush()
    total = saved.priced.total_minor
    if is_paid and total:
        record_manual_payment(
            tx, order_id=made.order.id, amount_minor=total, reason="at the desk", actor=admin, now=now
        )  # fmt: skip
        tx.flush()
    orders.confirm(tx, order_id=made.order.id, actor=admin, now=now, reason="as agreed", is_muted=place.is_muted)

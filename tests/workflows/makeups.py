"""Mia in Karate, who can make up for what she misses: what stories of makeup credits and sessions have in common."""

from typing import Any
from uuid import UUID

from engine.database import Row
from engine.fire import Refused
from tests.builders import TORONTO
from tests.workflows import endings
from tests.workflows.centre import (
    FIRST,
    HOUR,
    PAY_NOW,
    WEEK,
    Cart,
    Centre,
    Course,
    Family,
    sundays,
)
from workflows.absences import Absence, notify_absence
from workflows.roll_closing import Settled, close_roll

START = FIRST.replace(tzinfo=TORONTO)
RULE = {"notice_hours": 24, "validity_days": 60, "per_term": 2}


class Karate:
    """Mia in four Sundays of Karate, 11.30 each; absences that are told a day before give a credit for 60 days."""

    def __init__(self, centre: Centre, **rule: Any) -> None:
        self.centre = centre
        self.rossi: Family = centre.family()
        self.mia = self.rossi.child()
        rules = {"makeup": {**RULE, **rule}}
        self.course: Course = centre.course(*sundays(4), rules=rules)
        self.cart: Cart = centre.confirmed(self.rossi, self.mia, self.course.lines())
        # The same program at another time, where she may make up.
        program = {"id": self.course.offering["program_id"], "name": "Karate"}
        later = [start + HOUR * 4 for start in sundays(12)]
        self.other: Course = centre.course(*later, name="Karate, later", program=program, capacity=2)

    @property
    def booking(self) -> UUID:
        found: UUID = self.centre.booking(self.cart)["id"]
        return found

    def absent(self, session: int = 1, **known: Any) -> Absence:
        given = {"actor": self.rossi.actor, "reason": "A cold", **known}
        told: Absence = self.centre.do(
            notify_absence, booking_id=self.booking, session_id=self.course.ids[session], **given
        )
        return told

    def credit(self, session: int = 1) -> UUID:
        told = self.absent(session)
        assert told.credit is not None
        return told.credit.id

    def shown(self, credit: UUID) -> Row:
        return self.centre.one("SELECT * FROM makeup_credit WHERE id = %(id)s", id=credit)

    def lines(self, credit: UUID, session: int = 1, **more: Any) -> list[Row]:
        return self.other.lines(session, makeup_credit_id=credit, **more)

    def made_up(self, credit: UUID, session: int = 1) -> Cart:
        """The makeup session, submitted by the family: 0.00 confirms at once."""
        return self.centre.submitted(self.rossi, self.mia, self.lines(credit, session), how=PAY_NOW)

    def settle(self, course: Course, session: int, **known: Any) -> Settled:
        now = START + WEEK * session + HOUR * 10
        waited_for = self.centre.rows("SELECT id FROM term_attendance WHERE term_product_id = %(id)s AND status = "
                                      "'EXPECTED'", id=course.ids[session])  # fmt: skip
        settled: Settled = self.centre.do(
            close_roll,
            session_id=course.ids[session],
            absent=[row["id"] for row in waited_for],
            **{"actor": self.centre.admin, "now": now, **known},
        )
        return settled


def refused_to(centre: Centre, karate: Karate, lines: list[Row]) -> list[str]:
    """Why these cannot be booked; nothing where they can, and then they are given up again."""
    try:
        cart = centre.submitted(karate.rossi, karate.mia, lines, how=PAY_NOW)
    except Refused as refusal:
        return [reason.code for reason in refusal.reasons]
    centre.do(endings.cancel, booking_id=centre.booking(cart)["id"], actor=centre.admin, reason="only asked")
    return []

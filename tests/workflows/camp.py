"""A day of a camp that can be closed: what the stories of closed days have in common."""

from datetime import date, datetime
from itertools import count
from typing import Any

from engine.database import Row
from tests import builders as build
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    DAY,
    FIRST,
    Cart,
    Centre,
    Course,
    Family,
    orders,
)
from workflows.closure_days import close_day, preview
from workflows.closure_facts import Scope

TAX = {"tax": {"name": "HST", "rate_percent": "13"}}
# Each story has a site of its own, so that no other's day is closed.
_NUMBERS = count()


class Camp:
    """Three days of camp at Riverside, 11.30 a day; the second is closed."""

    def __init__(self, centre: Centre, **columns: Any) -> None:
        self.centre = centre
        monday = FIRST + DAY
        starts = [monday + DAY * n for n in range(3)]
        self.site = centre.edit(build.site, name=f"Hall {next(_NUMBERS)}")
        self.course: Course = self._course(starts, **columns)
        self.day: date = (monday + DAY).date()
        self.scope = Scope(site_id=self.site["id"], day=self.day)

    def _course(self, starts: list[datetime], **columns: Any) -> Course:
        of = self.centre.edit(
            lambda tx: build.program(
                tx, self.site, name="Camp",
                category=build.add(tx, build.ProgramCategory, name=f"Camp {next(_NUMBERS)}", program_type=12),
            )
        )  # fmt: skip
        return self.centre.course(*starts, name="Camp", program=of, **{"rules": TAX, "capacity": 400, **columns})

    def booked(
        self, name: str = "Mia Rossi", *days: int, paid: bool = False, of: Family | None = None, **line: Any
    ) -> tuple[Family, Cart]:  # fmt: skip
        family = of or self.centre.family()
        cart = self.centre.submitted(family, family.child(name), self.course.lines(*days, **line), how=ADMIN_CONFIRM)
        if paid:
            self.centre.pay(cart, cart.total_minor)
        self.centre.pull(orders.confirm, cart, reason="as agreed")
        return family, cart

    def preview(self, **known: Any) -> Row:
        found: Row = self.centre.do(lambda tx, now: preview(tx, self.scope), **known)
        return found

    def close(self, **known: Any) -> Row:
        given = {"reason": "Burst pipe", "actor": self.centre.admin, **known}
        if "fingerprint" not in given:
            given["fingerprint"] = self.preview()["fingerprint"]
        done: Row = self.centre.do(close_day, scope=self.scope, **given)
        return done

    def mark(self, cart: Cart, status: str, **columns: Any) -> None:
        self.centre.run(
            "UPDATE term_attendance SET status = %(status)s, signed_in_at = %(at)s WHERE booking_id = %(id)s "
            "AND local_date = %(day)s", status=status, at=columns.get("at"), day=self.day,
            id=self.centre.booking(cart)["id"],
        )  # fmt: skip

    def lines(self, cart: Cart) -> list[tuple[str, str, str | None]]:
        """(kind, mark on the roll, its reason) of each line."""
        rows = self.centre.rows(
            "SELECT l.kind, a.status, a.reason FROM term_booking_line l JOIN term_attendance a "
            "ON a.booking_line_id = l.id WHERE l.booking_id = %(id)s ORDER BY a.local_date",
            id=self.centre.booking(cart)["id"],
        )  # fmt: skip
        return [(row["kind"], row["status"], row["reason"]) for row in rows]

    def notes(self, cart: Cart) -> list[Row]:
        return self.centre.rows("SELECT * FROM credit_note WHERE booking_id = %(id)s",
                                id=self.centre.booking(cart)["id"])  # fmt: skip

    def statuses(self) -> list[str]:
        rows = self.centre.rows("SELECT id, status FROM term_product WHERE id = ANY(%(ids)s)", ids=self.course.ids)
        found = {row["id"]: row["status"] for row in rows}
        return [found[i] for i in self.course.ids]

"""Riverside's after-school club on weekdays, and the Rossis who subscribe to it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from catalogue.roll_over import Window, roll_over
from catalogue.sessions import generate_sessions
from engine.actor import Actor
from models import RuleScope
from tests import builders as build
from tests.builders import NOW, Row
from tests.workflows.centre import Centre, Family
from workflows import subscription as subscriptions
from workflows.invoice_runs import issue_due_invoices
from workflows.subscription import Begun, end_subscriptions
from workflows.subscription_terms import roll_subscriptions
from workflows.term_end import end_terms

CLUB = [{"weekdays": ["MON", "TUE", "WED", "THU", "FRI"], "starts": "15:30", "ends": "17:30"}]


@dataclass
class Club:
    """The offering of the spring, 11.30 a session, places for ten."""

    centre: Centre
    offering: Row

    def subscribe(
        self, by: Family, child: Row, *weekdays: str, starts_on: date = date(2026, 4, 6), begins: bool = True,
        actor: Actor | None = None, now: datetime = NOW, offering: Row | None = None,
    ) -> UUID:  # fmt: skip
        """Asked for by the family; begun by an admin, unless not."""
        asked = self.centre.do(
            subscriptions.request, account_id=by.id, attendee_id=child["id"], weekdays=weekdays or ("MON", "WED"),
            offering_id=(offering or self.offering)["id"], starts_on=starts_on, actor=actor or by.actor, now=now,
        )  # fmt: skip
        found: UUID = asked.subscription.id
        if begins:
            self.begin(found, now=now)
        return found

    def begin(self, subscription_id: UUID, *, now: datetime = NOW) -> Begun:
        """An admin begins it."""
        begun: Begun = self.centre.do(subscriptions.begin_subscription, subscription_id=subscription_id,
                                      actor=self.centre.admin, reason="as agreed", now=now)  # fmt: skip
        return begun

    def subscription(self, subscription_id: UUID) -> Row:
        return self.centre.one("SELECT * FROM subscription WHERE id = %(id)s", id=subscription_id)

    def bookings(self, subscription_id: UUID) -> list[Row]:
        return self.centre.rows(
            "SELECT b.* FROM term_booking b JOIN term_booking_order o ON o.id = b.order_id "
            "WHERE o.subscription_id = %(id)s ORDER BY b.created_at", id=subscription_id)  # fmt: skip

    def invoices(self, subscription_id: UUID) -> list[tuple[date, int, int]]:
        """Each with its day, how many sessions it bills, and its total."""
        rows = self.centre.rows(
            "SELECT i.issued_on, (SELECT count(*) FROM invoice_line l WHERE l.invoice_id = i.id) AS lines, "
            "i.total_minor FROM invoice i JOIN term_booking b ON b.id = i.booking_id "
            "JOIN term_booking_order o ON o.id = b.order_id WHERE o.subscription_id = %(id)s ORDER BY i.number",
            id=subscription_id)  # fmt: skip
        return [(row["issued_on"], row["lines"], row["total_minor"]) for row in rows]

    def days(self, booking: Row) -> list[date]:
        """The days that are kept."""
        rows = self.centre.rows(
            "SELECT s.local_date FROM term_booking_line l JOIN term_product s ON s.id = l.term_product_id "
            "WHERE l.booking_id = %(id)s AND l.cancelled_at IS NULL ORDER BY 1", id=booking["id"])  # fmt: skip
        return [row["local_date"] for row in rows]

    def taken(self, offering_id: UUID) -> int:
        found: int = self.centre.one("SELECT sum(taken)::int AS n FROM term_product WHERE term_program_set_id = %(id)s",
                                     id=offering_id)["n"]  # fmt: skip
        return found

    def next_term(self, name: str, starts_on: date, ends_on: date, *, after: Row, opens: bool = True) -> Row:
        """The next term, rolled over and open."""
        term: Row = self.centre.edit(build.term, self.centre.site, name=name, starts_on=starts_on, ends_on=ends_on,
                                     status="DRAFT")  # fmt: skip
        self.centre.edit(roll_over, from_term_id=after["id"], term_id=term["id"], window=Window())
        if opens:
            self.open(term)
        return term

    def open(self, term: Row) -> None:
        self.centre.run("UPDATE term SET status = 'OPEN' WHERE id = %(id)s", id=term["id"])

    def works(self, now: datetime) -> dict[str, int]:
        """Every job of the worker that subscriptions need, once."""
        jobs = {"rolled": roll_subscriptions, "issued": issue_due_invoices, "ended": end_subscriptions,
                "terms": end_terms}  # fmt: skip
        self.centre.sweep(now)
        return {name: job(self.centre.database, now=now) for name, job in jobs.items()}

    def lives(self, first: datetime, last: datetime) -> None:
        """The jobs run every day."""
        while first <= last:
            self.works(first)
            first += timedelta(days=1)


def make_club(centre: Centre, *, capacity: int = 10, **columns: Any) -> Club:
    program = centre.program("Club")
    offering = centre.edit(
        build.offering, centre.term, program, name="Club", schedule=CLUB, capacity=capacity, **columns
    )
    centre.edit(generate_sessions, [offering["id"]])
    centre.rule("order_types", ["BOOKING", "SUBSCRIPTION"], program["id"], scope=RuleScope.PROGRAM)
    return Club(centre, offering)

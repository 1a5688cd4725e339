"""Six ways to use a flow, and what the flows of all doors begin with: courses, carts, and what stands booked."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from engine.actor import Actor
from engine.database import Transaction
from models import ActorKind, ProgramCategory, Role, TermBookingConfirmationType, TermBookingOrderType
from samples.sample import Family
from tests import builders as build
from tests.builders import TORONTO
from tests.web.conftest import Centre
from tests.web.test_family_forms import WAY, Tab, fill, submission
from workflows import order_requests
from workflows import term_booking_order as orders

MONDAY = datetime(2026, 6, 1, tzinfo=TORONTO)
WAYS = [(size, scripts) for size in ("phone", "tablet", "desktop") for scripts in (True, False)]
LATER = {"way": "CONFIRM_WITHOUT_PAYMENT"}


@dataclass
class Way:
    """A size of screen, with scripts or without; each has hours of its own, so that no child is in two places."""

    size: str
    scripts: bool

    @property
    def name(self) -> str:
        return f"{self.size}-{'scripts' if self.scripts else 'plain'}"

    @property
    def number(self) -> int:
        return WAYS.index((self.size, self.scripts))

    def at(self, day: int, week: int = 0) -> datetime:
        """An hour of this way on a day of a week, 0 is Monday."""
        return MONDAY + timedelta(weeks=week, days=day, hours=6 + 2 * self.number)


def course(centre: Centre, name: str, *starts: datetime, capacity: int = 12, **columns: Any) -> str:
    """The address of a program for both Rossi children."""

    def make(tx: Transaction) -> str:
        place = tx.row("SELECT * FROM site WHERE organisation_id = %(org)s AND name <> 'Lakeside' LIMIT 1")
        assert place is not None
        during = tx.row("SELECT * FROM term WHERE organisation_id = %(org)s AND site_id IS NULL "
                        "AND %(day)s BETWEEN starts_on AND ends_on LIMIT 1", day=starts[0].date())  # fmt: skip
        assert during is not None
        kind = build.add(tx, ProgramCategory, name=f"{name}, a kind", program_type=12 if "Camp" in name else 11)
        made = build.offering(
            tx, during, build.program(tx, place, name=name, category=kind), name=name, capacity=capacity,
            **{"modes": ["FULL_TERM", "CASUAL"], "session_price_minor": 1050, **columns},
        )  # fmt: skip
        build.sessions(tx, made, *starts, price_minor=1050, capacity=capacity)
        return f"/family/programs/{made['id']}"

    found: str = centre.edit(make)
    return found


def weekly(first: datetime, count: int) -> list[datetime]:
    return [first + timedelta(weeks=n) for n in range(count)]


def tab_of(clients: dict[str, httpx.Client], email: str) -> Tab:
    """A tab of somebody who is signed in, for what comes before a flow."""
    return Tab(clients[email], clients[email].get("/family"))


def booked_later(family: Tab, centre: Centre, address: str) -> str:
    """The address of a booking of the first session for Mia, paid later."""
    fill(family, centre, address)
    action = submission(family)
    said = family.client.post(action, data={**family.hidden(action), **LATER}, follow_redirects=True).text
    found = re.search(r'href="(/family/bookings/[0-9a-f-]+)"', said)
    assert found, said
    return found[1]


def held(family: Tab, centre: Centre, address: str) -> tuple[str, UUID]:
    """The first session for Mia, kept until it is paid: the address of the checkout, and the order."""
    fill(family, centre, address)
    action = submission(family)
    where = family.client.post(action, data={**family.hidden(action), **WAY}).headers["location"]
    (order,) = centre.rows("SELECT order_id FROM group_order_member WHERE organisation_id = %(org)s "
                           "AND group_order_id = %(id)s", id=where.rpartition("/")[2])  # fmt: skip
    return where, order["order_id"]


def booked_of(centre: Centre, address: str) -> list[dict[str, Any]]:
    """Each booking of the program: how many sessions stand, whether they are paid, and what was invoiced for them."""
    return centre.rows(
        "SELECT t.name, count(*) AS sessions, b.payment_state AS paid, (SELECT sum(i.total_minor) FROM invoice i WHERE "
        "i.organisation_id = b.organisation_id AND i.booking_id = b.id)::bigint AS total_minor FROM term_booking b "
        "JOIN term_booking_line l ON l.organisation_id = b.organisation_id AND l.booking_id = b.id "
        "JOIN attendee t ON t.organisation_id = b.organisation_id AND t.id = b.attendee_id "
        "WHERE b.organisation_id = %(org)s AND l.term_program_set_id = %(id)s AND l.cancelled_at IS NULL "
        "GROUP BY b.organisation_id, b.id, b.payment_state, t.name ORDER BY t.name", id=address.rpartition("/")[2],
    )  # fmt: skip


def built(
    centre: Centre, address: str, *, first: int = 1, child: int = 0, to: str = "confirm", family: Family | None = None,
    order_type: TermBookingOrderType = TermBookingOrderType.BOOKING,
) -> UUID:  # fmt: skip
    """An order of the office for a child's first sessions (Mia Rossi's), moved as far as that; its id."""
    office, family = Actor(ActorKind.ADMIN, centre.sample.users[Role.ADMIN]), family or centre.sample.rossi
    known: dict[str, Any] = {"actor": office, "now": centre.clock.now()}

    def make(tx: Transaction) -> UUID:
        wanted = tx.rows("SELECT s.id, p.term_id FROM term_product s JOIN term_program_set p ON p.organisation_id = "
                         "s.organisation_id AND p.id = s.term_program_set_id WHERE s.organisation_id = %(org)s "
                         "AND p.id = %(id)s ORDER BY s.starts_at LIMIT %(most)s",
                         id=address.rpartition("/")[2], most=first)  # fmt: skip
        order = orders.new(tx, account_id=family.account_id, attendee_id=family.attendee_ids[child],
                           term_id=wanted[0]["term_id"], order_type=order_type, **known).order  # fmt: skip
        tx.flush()
        lines = [{"session_id": row["id"], "mode": "CASUAL", "seat_id": None, "makeup_credit_id": None,
                  "activity_ids": [], "extras": []} for row in wanted]  # fmt: skip
        saved = order_requests.save(tx, order_id=order.id, lines=lines, **known)
        tx.flush()
        if to == "express":
            orders.express(tx, order_id=order.id, **known)
            return order.id
        order_requests.submit(
            tx, order_id=order.id, confirmation_type=TermBookingConfirmationType.ADMIN_CONFIRM,
            price_fingerprint=saved.order.price_fingerprint or "", **known,
        )  # fmt: skip
        tx.flush()
        if to == "confirm":
            order_requests.confirm(tx, order_id=order.id, reason="pays by transfer", **known)
        return order.id

    found: UUID = centre.edit(make)
    return found


def booking_of(centre: Centre, order_id: UUID) -> UUID:
    (row,) = centre.rows("SELECT id FROM term_booking WHERE organisation_id = %(org)s AND order_id = %(id)s",
                         id=order_id)  # fmt: skip
    found: UUID = row["id"]
    return found

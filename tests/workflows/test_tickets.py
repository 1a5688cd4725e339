"""Tickets at the door: each lets its holder in once, on its day, for its session."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from attendance import tickets
from attendance.roll import Mark, mark_roll
from attendance.tickets import CheckIn, TicketRefused, TicketUsedMeanwhile, check_in
from engine.actor import Actor
from engine.errors import Invalid, NotFound, NotPermitted
from engine.ids import new_id
from models import ActorKind, AttendanceStatus
from tests.builders import TORONTO
from tests.engine.later import together
from tests.workflows import endings
from tests.workflows.centre import DAY, FIRST, HOUR, MINUTE, Cart, Centre, sundays
from tests.workflows.hall import Show, show
from workflows import term_booking as bookings
from workflows.tickets import read_tickets, tickets_to_print

START = FIRST.replace(tzinfo=TORONTO)
EVENING = START + 10 * HOUR


@pytest.fixture(scope="module")
def stella(riverside: Centre) -> Actor:
    """Staff of the site."""
    return Actor(ActorKind.STAFF, user_id=new_id(), site_ids=frozenset({riverside.site["id"]}))


class Door:
    """A show for which Mia Rossi has a ticket, and who scans there."""

    def __init__(self, centre: Centre, staff: Actor, *, weeks: int = 1) -> None:
        self.centre, self.staff = centre, staff
        self.show: Show = show(centre, *sundays(weeks))
        self.rossi = centre.family()
        self.cart: Cart = centre.confirmed(self.rossi, self.rossi.child(), self.show.asking(*["A3"] * weeks))
        self.booking_id: UUID = centre.booking(self.cart)["id"]

    @property
    def tickets(self) -> list[str]:
        with self.centre.database.transaction(self.centre.organisation_id) as tx:
            return [row["ticket_reference"] for row in read_tickets(tx, self.booking_id)]

    def scan(self, minutes: float = -10, *, ticket: str = "", **known: Any) -> CheckIn:
        """A scan of Mia's ticket, so many minutes after the start."""
        known = {"actor": self.staff, "now": EVENING, "scanned_at": START + minutes * MINUTE, **known}
        made: CheckIn = self.centre.do(check_in, ticket_reference=ticket or self.tickets[0], **known)
        return made

    def refusal(self, *given: Any, **known: Any) -> Any:
        """The one reason why a scan is refused."""
        with pytest.raises(TicketRefused) as refused:
            self.scan(*given, **known)
        (reason,) = refused.value.reasons
        return reason

    def roll(self, n: int = 0) -> tuple[str, str | None, datetime | None]:
        row = self.centre.one("SELECT status, method, signed_in_at FROM term_attendance WHERE term_product_id = %(id)s",
                              id=self.show.ids[n])  # fmt: skip
        return row["status"], row["method"], row["signed_in_at"]

    def mark(self, status: AttendanceStatus, minutes: float) -> None:
        row = self.centre.one("SELECT id FROM term_attendance WHERE booking_id = %(id)s", id=self.booking_id)
        self.centre.do(mark_roll, session_id=self.show.ids[0], actor=self.staff, now=EVENING,
                       marks=[Mark(row["id"], status, START + minutes * MINUTE,
                                   "Rosa Rossi" if status is AttendanceStatus.LEFT else None)])  # fmt: skip


@pytest.fixture
def door(riverside: Centre, stella: Actor) -> Door:
    return Door(riverside, stella)


class TestScan:
    def test_lets_in_and_signs_in_on_the_roll(self, door: Door) -> None:
        made = door.scan(-10)

        assert (made.attendee, made.seat, made.session) == (
            "Mia Rossi", "row A seat 3", "Magic show, Sun 12 Apr 2026 09:30"
        )  # fmt: skip
        assert door.roll() == ("PRESENT", "SCAN", START - 10 * MINUTE)

    def test_reads_what_a_person_types(self, door: Door) -> None:
        assert door.scan(ticket=f" {door.tickets[0].lower()} ").attendee == "Mia Rossi"

    def test_a_second_scan_is_refused_naming_when_it_was_used(self, door: Door) -> None:
        door.scan(-10)

        reason = door.refusal(-5)

        assert reason.code == "ticket_used"
        assert reason.message == "It was used on Sun 12 Apr 2026 09:20."
        assert datetime.fromisoformat(reason.facts["used_at"]) == START - 10 * MINUTE

    def test_the_same_scan_sent_again_changes_nothing(self, door: Door) -> None:
        first = door.scan(-10)

        assert door.scan(-10) == first
        assert door.refusal(-10, actor=door.centre.admin).code == "ticket_used"

    def test_that_comes_late_from_a_device_counts_from_when_it_was_made(self, door: Door) -> None:
        door.scan(-30, now=START + 3 * DAY)

        assert door.roll() == ("PRESENT", "SCAN", START - 30 * MINUTE)

    def test_of_somebody_signed_in_by_hand_uses_the_ticket(self, door: Door) -> None:
        door.mark(AttendanceStatus.PRESENT, -20)
        door.scan(-10)

        assert door.roll() == ("PRESENT", "ROLL", START - 20 * MINUTE)
        assert door.refusal(-5).code == "ticket_used"

    def test_at_many_doors_at_once_lets_in_once(self, door: Door) -> None:
        outcomes = _at_many_doors(door)

        assert sorted(outcomes) == ["in", *["ticket_used"] * 7]

    @pytest.mark.usefixtures("time_to_meet")
    def test_without_the_lock_the_constraint_still_lets_in_once(
        self, riverside: Centre, stella: Actor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: some scans meet only at the constraint, so the race above is real."""
        monkeypatch.setattr(tickets, "_LOCK", "SELECT 1 WHERE %(ticket_reference)s::text IS NOT NULL")
        met: set[str] = set()
        for _ in range(20):
            outcomes = _at_many_doors(Door(riverside, stella))
            assert outcomes.count("in") == 1
            met |= set(outcomes)
            if "ticket_used_meanwhile" in met:
                break

        assert "ticket_used_meanwhile" in met


def _at_many_doors(door: Door) -> list[str]:
    """How eight scans of one ticket end that are made at the same moment."""
    ticket = door.tickets[0]

    def scan(n: int) -> str:
        try:
            door.scan(-10 + n, ticket=ticket)
        except TicketRefused as refused:
            return refused.reasons[0].code
        except TicketUsedMeanwhile as refused:
            return refused.code
        return "in"

    return together(8, scan)


class TestRefused:
    def test_on_another_day_too_early_and_after_the_end(self, door: Door) -> None:
        wrong = {-24 * 60: "wrong_day", 24 * 60: "wrong_day", -121: "too_early", 61: "session_over"}

        assert {minutes: door.refusal(minutes, now=EVENING + 2 * DAY).code for minutes in wrong} == wrong
        assert door.roll()[0] == "EXPECTED"

    def test_at_the_door_of_another_session(self, door: Door) -> None:
        other = show(door.centre)

        reason = door.refusal(session_id=other.ids[0])

        assert reason.code == "wrong_session"
        assert "Magic show, Sun 12 Apr 2026 09:30" in reason.message
        assert door.scan(session_id=door.show.ids[0]).session_id == door.show.ids[0]

    def test_of_a_cancelled_booking(self, door: Door) -> None:
        door.centre.do(endings.cancel, booking_id=door.booking_id, actor=door.centre.admin, reason="moved away")

        assert door.refusal().code == "ticket_cancelled"
        with door.centre.database.transaction(door.centre.organisation_id) as tx:
            assert tickets_to_print(tx, door.booking_id) is None
            assert [row["is_cancelled"] for row in read_tickets(tx, door.booking_id)] == [True]

    def test_of_a_suspended_booking(self, door: Door) -> None:
        door.centre.do(bookings.suspend, booking_id=door.booking_id, actor=door.centre.admin, reason="ill")

        reason = door.refusal()

        assert (reason.code, "is suspended" in reason.message) == ("ticket_cancelled", True)

    def test_once_marked_absent_after_the_scan(self, door: Door) -> None:
        door.mark(AttendanceStatus.ABSENT, 20)

        assert door.refusal(10).code == "newer_mark"
        assert door.scan(30).attendee == "Mia Rossi"

    def test_once_they_left(self, door: Door) -> None:
        door.mark(AttendanceStatus.PRESENT, 0)
        door.mark(AttendanceStatus.LEFT, 30)

        assert door.refusal(40).code == "left_already"
        assert door.scan(-1).attendee == "Mia Rossi"
        assert door.roll()[0] == "LEFT"

    def test_in_the_future(self, door: Door) -> None:
        with pytest.raises(Invalid):
            door.scan(0, now=START - MINUTE)

    def test_of_nobody_and_by_strangers(self, door: Door) -> None:
        elsewhere = Actor(ActorKind.STAFF, user_id=new_id(), site_ids=frozenset({new_id()}))

        with pytest.raises(NotFound):
            door.scan(ticket="TK-0000000000000000")
        with pytest.raises(NotFound):
            door.scan(actor=elsewhere)
        with pytest.raises(NotPermitted):
            door.scan(actor=door.rossi.actor)
        assert door.roll()[0] == "EXPECTED"


def test_each_session_has_a_ticket_of_its_own(riverside: Centre, stella: Actor) -> None:
    door = Door(riverside, stella, weeks=2)
    first, second = door.tickets

    door.scan(ticket=first)

    assert door.refusal(ticket=second).code == "wrong_day"
    assert [door.roll(n)[0] for n in (0, 1)] == ["PRESENT", "EXPECTED"]

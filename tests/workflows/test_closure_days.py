"""A day is closed: a preview, then one step that credits every family and tells it."""

import time
from datetime import date, datetime
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from engine.database import Row, Transaction
from engine.errors import NotFound
from engine.fire import Refused
from engine.outbox import read_message
from models import TermBookingStatus as S
from models import WaitingStatus as W
from notifications.email import compose
from notifications.messages import Message
from tests import builders as build
from tests.builders import NOW, TORONTO
from tests.workflows import endings
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    DAY,
    FIRST,
    HOUR,
    PAY_NOW,
    TRIAL,
    Cart,
    Centre,
    Course,
    Family,
    orders,
    refused,
)
from tests.workflows.waiting import states, waiting
from workflows import term_booking as bookings
from workflows.closure_days import ClosureIsStale, close_day, preview
from workflows.closure_facts import Scope
from workflows.messages import compose_message

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


@pytest.fixture
def camp(riverside: Centre) -> Camp:
    return Camp(riverside)


class TestBookings:
    def test_the_day_becomes_a_closure_day_and_is_credited(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked()

        done = camp.close()

        assert camp.lines(cart) == [
            ("SESSION", "EXPECTED", None), ("CLOSURE_DAY", "CANCELLED", "CLOSURE"), ("SESSION", "EXPECTED", None)
        ]  # fmt: skip
        (note,) = camp.notes(cart)
        assert (note["net_minor"], note["tax_minor"], note["reason"]) == (1000, 130, "Burst pipe")
        assert camp.statuses() == ["OPEN", "CLOSED", "OPEN"]
        assert riverside.taken(camp.course) == [1, 0, 1]
        booking = riverside.booking(cart)
        assert (booking["status"], booking["total_minor"]) == (S.APPROVED, 2260)
        assert (done["credited_minor"], done["freed_minor"]) == (1130, 0)

    def test_extras_are_credited_with_their_day(self, riverside: Centre, camp: Camp) -> None:
        lunch = [{"extra_id": riverside.extra(), "quantity": 2}]
        family = riverside.family()
        lines = [*camp.course.lines(0), *camp.course.lines(1, extras=lunch)]
        cart = riverside.confirmed(family, family.child(), lines)

        camp.close()

        (note,) = camp.notes(cart)
        assert note["total_minor"] == 1130 + 1600

    def test_what_was_paid_is_the_familys_credit(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked(paid=True)

        done = camp.close()

        assert (done["credited_minor"], done["freed_minor"]) == (1130, 1130)
        assert riverside.booking(cart)["payment_state"] == "PAID"

    def test_who_was_there_stays_billed(self, riverside: Centre, camp: Camp) -> None:
        _, left = camp.booked("Mia Rossi")
        _, home = camp.booked("Leo Rossi")
        camp.mark(left, "LEFT", at=NOW)

        done = camp.close()

        assert camp.lines(left)[1] == ("SESSION", "LEFT", None)
        assert camp.lines(home)[1] == ("CLOSURE_DAY", "CANCELLED", "CLOSURE")
        assert camp.notes(left) == []
        assert riverside.taken(camp.course)[1] == 1
        stays = {one["attendee"]: one["stays_billed"] for one in done["bookings"]}
        assert stays["Leo Rossi"] == []
        assert stays["Mia Rossi"][0].startswith("Camp, ")

    @pytest.mark.parametrize("mark", ["ABSENT", "ABSENT_NOTIFIED"])
    def test_who_would_not_have_come_is_credited_too(self, riverside: Centre, camp: Camp, mark: str) -> None:
        _, cart = camp.booked()
        camp.mark(cart, mark)

        camp.close()

        assert camp.lines(cart)[1] == ("CLOSURE_DAY", "CANCELLED", "CLOSURE")

    def test_is_refused_while_anybody_is_signed_in(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked()
        camp.mark(cart, "PRESENT", at=NOW)
        before = riverside.snapshot()

        (reason,) = refused(camp.close)

        assert (reason.code, reason.rule) == ("signed_in", "nobody_is_there")
        assert "Mia Rossi is signed in to Camp, " in reason.message
        assert riverside.snapshot() == before

    def test_after_the_day_nobody_is_there_any_more(self, riverside: Centre, camp: Camp) -> None:
        """Someone who was not signed out that evening was there, and stays billed."""
        _, cart = camp.booked()
        _, home = camp.booked("Leo Rossi")
        camp.mark(cart, "PRESENT", at=NOW)
        evening = datetime.combine(camp.day, datetime.min.time(), TORONTO) + HOUR * 20

        camp.close(now=evening)

        assert camp.lines(cart)[1] == ("SESSION", "PRESENT", None)
        assert camp.lines(home)[1][0] == "CLOSURE_DAY"

    def test_a_suspended_one_is_credited_as_well(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked()
        riverside.do(bookings.suspend, booking_id=riverside.booking(cart)["id"], actor=riverside.admin, reason="ill")

        camp.close()

        assert riverside.booking(cart)["status"] == S.SUSPENDED
        assert len(camp.notes(cart)) == 1

    def test_one_for_attendance_invoices_what_is_left(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.submitted(family, family.child(), camp.course.lines(), how=ADMIN_CONFIRM)
        riverside.pull(orders.approve_attendance, cart)

        camp.close()
        riverside.pull(orders.confirm, cart, reason="papers came in")

        (invoice,) = riverside.rows("SELECT total_minor FROM invoice WHERE booking_id = %(id)s",
                                    id=riverside.booking(cart)["id"])  # fmt: skip
        assert invoice["total_minor"] == 2260

    def test_one_for_attendance_with_nothing_left_ends(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.submitted(family, family.child(), camp.course.lines(1), how=ADMIN_CONFIRM)
        riverside.pull(orders.approve_attendance, cart)

        camp.close()

        assert (riverside.status(cart), riverside.booking(cart)["status"]) == (S.CANCELED, S.CANCELED)

    def test_a_trial_too(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.confirmed(family, family.child(), camp.course.lines(1), order_type=TRIAL)

        camp.close()

        assert camp.lines(cart) == [("CLOSURE_DAY", "CANCELLED", "CLOSURE")]
        assert riverside.booking(cart)["total_minor"] == 0

    def test_siblings_of_one_family_take_one_version_after_the_other(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        carts = [riverside.confirmed(family, family.child(name), camp.course.lines()) for name in ("Mia", "Leo", "Zoe")]

        camp.close()

        assert sorted(version for cart in carts for version, _, _ in riverside.billings(cart)) == [1, 2, 3, 4, 5, 6]
        numbers = [camp.notes(cart)[0]["number"] for cart in carts]
        assert sorted(numbers) == list(range(min(numbers), min(numbers) + 3))

    def test_can_still_be_cancelled_for_the_rest(self, riverside: Centre, camp: Camp) -> None:
        family, cart = camp.booked()
        camp.close()

        riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], actor=family.actor)

        assert sorted(note["total_minor"] for note in camp.notes(cart)) == [1130, 2260]


class TestOrders:
    def test_one_on_its_way_goes_on_with_the_other_days(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.submitted(family, family.child(), camp.course.lines(), how=PAY_NOW)

        done = camp.close()

        order = riverside.order(cart)
        assert (order["status"], order["total_minor"]) == (S.SUBMITTED, 2260)
        assert riverside.taken(camp.course) == [1, 0, 1]
        (told,) = done["orders"]
        assert (told["total_before_minor"], told["total_minor"], told["is_canceled"]) == (3390, 2260, False)

    def test_and_is_confirmed_without_the_day(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.submitted(family, family.child(), camp.course.lines(), how=ADMIN_CONFIRM)
        camp.close()

        riverside.pull(orders.confirm, cart, reason="as agreed")

        assert [kind for kind, _, _ in camp.lines(cart)] == ["SESSION", "SESSION"]

    def test_one_with_nothing_left_is_cancelled(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.submitted(family, family.child(), camp.course.lines(1), how=PAY_NOW)

        done = camp.close()

        assert (riverside.status(cart), riverside.order(cart)["cancel_reason"]) == (S.CANCELED, "Burst pipe")
        assert done["orders"][0]["is_canceled"]
        assert riverside.taken(camp.course) == [0, 0, 0]

    def test_one_with_nothing_left_ends_beside_a_siblings_that_goes_on(self, riverside: Centre, camp: Camp) -> None:
        """All of a family's Billing in a term has one row of versions."""
        rossi = riverside.family()
        mia = riverside.submitted(rossi, rossi.child("Mia Rossi"), camp.course.lines(1))
        leo = riverside.confirmed(rossi, rossi.child("Leo Rossi"), camp.course.lines())
        ana = riverside.submitted(rossi, rossi.child("Ana Rossi"), camp.course.lines(0, 1))

        camp.close()

        assert [riverside.status(cart) for cart in (mia, leo, ana)] == [S.CANCELED, S.APPROVED, S.SUBMITTED]
        assert (riverside.booking(leo)["total_minor"], riverside.order(ana)["total_minor"]) == (2260, 1130)
        assert riverside.taken(camp.course) == [2, 0, 1]

    def test_a_quote_is_issued_anew(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.quoted(family, family.child(), camp.course.lines(), how=ADMIN_CONFIRM)

        camp.close()
        riverside.pull(orders.accept, cart, actor=family.actor)

        quotes = riverside.rows("SELECT total_minor FROM quote WHERE order_id = %(id)s ORDER BY number", id=cart.id)
        assert [quote["total_minor"] for quote in quotes] == [3390, 2260]
        assert riverside.status(cart) == S.ACCEPT

    def test_a_cart_shows_it_and_cannot_be_submitted(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.cart(family, family.child(), camp.course.lines())

        done = camp.close()

        assert done["carts"] == 1
        assert [r.code for r in refused(lambda: riverside.submit(cart, actor=family.actor))] == ["session_closed"]

    def test_one_that_is_reopened_asks_for_the_other_days(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.submitted(family, family.child(), camp.course.lines(), how=PAY_NOW)
        camp.close()

        riverside.pull(orders.reopen, cart, actor=family.actor)
        shown = riverside.order(cart)["price_fingerprint"]
        (reason,) = refused(lambda: riverside.submit(cart, actor=family.actor, price_fingerprint=shown))

        assert (reason.code, reason.facts["total_minor"]) == ("price_changed", 2260)


class TestWhoWaits:
    def test_is_offered_nothing_of_a_closed_day(self, riverside: Centre) -> None:
        camp = Camp(riverside, capacity=1)
        camp.booked("Mia Rossi", 1)
        chen, okafor = riverside.family("Chen"), riverside.family("Okafor")
        second_day = waiting(riverside, chen, chen.child("Lin Chen"), camp.course.lines(1))
        free = waiting(riverside, okafor, okafor.child("Ben Okafor"), camp.course.lines(0, 1))

        camp.close()

        assert states(riverside, second_day) == [W.LEFT]
        assert states(riverside, free) == [W.OFFERED, W.LEFT]
        assert riverside.status(second_day) == S.REMOVED
        assert riverside.taken(camp.course) == [1, 0, 0]

    def test_keeps_the_offer_of_another_day(self, riverside: Centre) -> None:
        camp = Camp(riverside, capacity=1)
        chen = riverside.family("Chen")
        waits = waiting(riverside, chen, chen.child("Lin Chen"), camp.course.lines(1, 2))
        assert states(riverside, waits) == [W.OFFERED, W.OFFERED]

        camp.close()

        assert states(riverside, waits) == [W.LEFT, W.OFFERED]
        assert sorted(status for _, status, _ in riverside.timers(waits)) == ["ARMED", "DISARMED"]

    def test_an_open_offer_ends_with_the_day(self, riverside: Centre) -> None:
        camp = Camp(riverside, capacity=1)
        chen = riverside.family("Chen")
        waits = waiting(riverside, chen, chen.child("Lin Chen"), camp.course.lines(1))
        assert states(riverside, waits) == [W.OFFERED]

        camp.close()

        assert (states(riverside, waits), riverside.taken(camp.course)) == ([W.LEFT], [0, 0, 0])


class TestTelling:
    def mail(self, camp: Camp, topic: str, subject_id: UUID) -> str:
        """The text of the mail that the family gets, subject first."""
        entry = camp.centre.one(
            "SELECT id FROM outbox_message WHERE topic = %(topic)s AND payload->>'subject_id' = %(id)s", topic=topic,
            id=str(subject_id),
        )  # fmt: skip

        def read(tx: Transaction) -> Message | None:
            return compose_message(tx, read_message(tx, entry["id"]), base_url="https://riverside.example", secret="s")

        message = camp.centre.database.run(camp.centre.organisation_id, read)
        assert message is not None
        email = compose(message, message_id=entry["id"], from_address="centre@riverside.example", now=NOW)
        body = email.get_body(("plain",))
        assert body is not None
        return f"{email['Subject']}\n{body.get_content()}"

    def family(self, camp: Camp, *days: int, how: Any = ADMIN_CONFIRM) -> Cart:
        family = camp.centre.family(email="anna@rossi.example")
        return camp.centre.submitted(family, family.child(), camp.course.lines(*days), how=how)

    def test_of_a_booking_names_the_day_and_the_credit(self, riverside: Centre, camp: Camp) -> None:
        cart = self.family(camp)
        riverside.pay(cart, 3390)
        riverside.pull(orders.confirm, cart, reason="as agreed")

        camp.close()

        text = self.mail(camp, "booking.day_closed", riverside.booking(cart)["id"])
        assert "Mia Rossi's sessions on a closed day are cancelled" in text
        assert "(Burst pipe)" in text
        assert "Tue 14 Apr 2026" in text
        assert "Wed 15 Apr 2026" not in text
        assert "Credited: $11.30 (credit note CN-2026-" in text
        assert "The $11.30 you had already paid is now a credit on your account." in text

    def test_of_an_order_says_what_the_rest_costs(self, riverside: Centre, camp: Camp) -> None:
        cart = self.family(camp, how=PAY_NOW)

        camp.close()

        assert "go ahead as planned. The new total is $22.60." in self.mail(camp, "order.day_closed", cart.id)

    def test_of_an_order_with_nothing_else_says_that_it_is_cancelled(self, riverside: Centre, camp: Camp) -> None:
        cart = self.family(camp, 1, how=PAY_NOW)

        camp.close()

        assert "so it has been cancelled." in self.mail(camp, "order.day_closed", cart.id)

    def test_of_a_muted_closure_there_is_none(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked()

        camp.close(is_muted=True)

        told = riverside.rows("SELECT 1 FROM outbox_message WHERE topic = 'booking.day_closed' "
                              "AND payload->>'subject_id' = %(id)s", id=str(riverside.booking(cart)["id"]))  # fmt: skip
        assert told == []


class TestPreview:
    def test_changes_nothing_and_says_who_and_how_much(self, riverside: Centre, camp: Camp) -> None:
        camp.booked()
        before = riverside.snapshot()

        shown = camp.preview()

        assert riverside.snapshot() == before
        (one,) = shown["bookings"]
        assert (one["attendee"], one["credited_minor"], len(one["closed"])) == ("Mia Rossi", 1130, 1)
        assert shown["credited"] == "$11.30"

    def test_one_that_is_out_of_date_is_refused_with_the_fresh_one(self, riverside: Centre, camp: Camp) -> None:
        camp.booked()
        seen = camp.preview()
        camp.booked("Leo Rossi")
        before = riverside.snapshot()

        with pytest.raises(ClosureIsStale) as stale:
            camp.close(fingerprint=seen["fingerprint"])

        assert riverside.snapshot() == before
        assert stale.value.facts["fingerprint"] == camp.preview()["fingerprint"]
        assert stale.value.facts["credited_minor"] == 2260

    def test_a_mark_on_the_roll_makes_it_out_of_date(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked()
        seen = camp.preview()
        camp.mark(cart, "LEFT", at=NOW)

        with pytest.raises(ClosureIsStale):
            camp.close(fingerprint=seen["fingerprint"])

    def test_closing_twice_finds_nothing_to_do(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked()
        camp.close()

        again = camp.close()

        assert (again["sessions"], again["bookings"]) == ([], [])
        assert len(camp.notes(cart)) == 1

    def test_of_no_site_is_refused(self, riverside: Centre, camp: Camp) -> None:
        camp.scope = Scope(site_id=riverside.term["id"], day=camp.day)

        with pytest.raises(NotFound):
            camp.preview()


class TestOneSession:
    def test_closes_that_one_and_no_day(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked()
        camp.scope = Scope(session_id=camp.course.ids[2])

        camp.close()

        assert camp.statuses() == ["OPEN", "OPEN", "CLOSED"]
        assert camp.lines(cart)[2][0] == "CLOSURE_DAY"
        days = riverside.rows("SELECT 1 FROM closure_day WHERE site_id = %(id)s", id=camp.site["id"])
        assert days == []

    def test_that_is_closed_already_is_none(self, riverside: Centre, camp: Camp) -> None:
        camp.scope = Scope(session_id=camp.course.ids[2])
        camp.close()

        with pytest.raises(NotFound):
            camp.preview()


class TestTheDayStaysClosed:
    def test_is_kept_for_sessions_that_are_generated_later(self, riverside: Centre, camp: Camp) -> None:
        camp.close()
        camp.close()

        (day,) = riverside.rows("SELECT date, reason FROM closure_day WHERE site_id = %(id)s", id=camp.site["id"])
        assert (day["date"], day["reason"]) == (camp.day, "Burst pipe")

    def test_nobody_takes_a_place_in_it_who_looked_before(
        self, riverside: Centre, camp: Camp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A submit that read its facts before the closure, and writes after it."""
        family = riverside.family()
        cart = riverside.cart(family, family.child(), camp.course.lines(1))
        read = orders.read_facts
        looked: list[int] = []

        def look_and_wait(*given: Any, **known: Any) -> Any:
            facts = read(*given, **known)
            if not looked:
                looked.append(1)
                camp.close()
            return facts

        monkeypatch.setattr(orders, "read_facts", look_and_wait)

        with pytest.raises(Refused):
            riverside.submit(cart, actor=family.actor)

        assert looked
        assert riverside.taken(camp.course) == [0, 0, 0]


def test_the_history_says_who_closed_it_and_why(riverside: Centre, camp: Camp) -> None:
    _, cart = camp.booked()

    camp.close()

    event = riverside.one(
        "SELECT * FROM status_event WHERE subject_id = %(id)s AND trigger = 'close_day'",
        id=riverside.booking(cart)["id"],
    )  # fmt: skip
    assert (event["actor_id"], event["reason"]) == (riverside.admin.user_id, "Burst pipe")
    assert event["changes"]["credited_minor"] == 1130


def test_a_day_of_three_hundred_takes_a_few_statements(riverside: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many statements for three hundred children as for three."""
    counted: list[str] = []
    execute = Transaction._execute
    monkeypatch.setattr(Transaction, "_execute", lambda tx, sql, p: counted.append(sql) or execute(tx, sql, p))
    taken = {}
    for children in (3, 300):
        camp = Camp(riverside)
        family = riverside.family()

        def enrol(tx: Transaction, camp: Camp = camp, family: Family = family, children: int = children) -> None:
            for n in range(children):
                child = build.attendee(tx, family.account, name=f"Child {n}")
                build.confirmed(tx, family.account, child, riverside.term, camp.course.sessions)

        riverside.edit(enrol)
        seen = camp.preview()["fingerprint"]
        counted.clear()
        began = time.monotonic()
        camp.close(fingerprint=seen)
        taken[children] = len(counted), time.monotonic() - began
        assert len(riverside.rows("SELECT 1 FROM credit_note n JOIN term_booking b ON b.id = n.booking_id "
                                  "WHERE b.account_id = %(id)s", id=family.id)) == children  # fmt: skip

    print(f"closing a day: {taken[3][0]} statements for 3 children, {taken[300][0]} for 300 in {taken[300][1]:.2f} s")
    assert taken[3][0] == taken[300][0] < 30

"""A day is closed: a preview, then one step that tells every family; and it stays closed."""

import time
from typing import Any
from uuid import UUID

import pytest

from engine.database import Transaction
from engine.errors import NotFound
from engine.fire import Refused
from engine.outbox import read_message
from notifications.email import compose
from notifications.messages import Message
from tests import builders as build
from tests.builders import NOW
from tests.workflows.camp import Camp
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    PAY_NOW,
    Cart,
    Centre,
    Family,
    orders,
)
from workflows.closure_days import ClosureIsStale
from workflows.closure_facts import Scope
from workflows.messages import compose_message


@pytest.fixture
def camp(riverside: Centre) -> Camp:
    return Camp(riverside)


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

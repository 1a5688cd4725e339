"""Reminders: before a payment is due and after, by the rule, each step once, and none for what is paid."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from catalogue.rule_values import ReminderDays, reminder_days
from engine.database import Database
from engine.outbox import read_message
from models import ReminderKind, RuleSetting, TermBookingConfirmationType
from notifications.email import compose
from notifications.messages import PaymentDue
from tests import builders as build
from tests.builders import NOW
from tests.engine.later import together
from tests.workflows.centre import Centre
from tests.workflows.payment_world import PayWorld, Placed, make_world
from tests.workflows.test_direct_debit import FINANCE, activate, give
from tests.workflows.test_schedules import DEBIT, DEPOSIT, course, submit
from tests.workflows.test_schedules import pay as pay_as_asked
from workflows import direct_debit as debits
from workflows import payments, term_booking_order
from workflows.debit_run import collect_due
from workflows.messages import compose_message
from workflows.payment_reminders import remind, remind_of_payments, step_of

DUE, OVERDUE = ReminderKind.DUE, ReminderKind.OVERDUE
DAY = timedelta(days=1)
FALLS_DUE = NOW + 14 * DAY  # by the built-in rule of invoices


@pytest.fixture
def world(database: Database, database_url: str) -> Iterator[PayWorld]:
    made = make_world(database, database_url, name=f"Centre {datetime.now().timestamp()}")  # noqa: DTZ005 - a name
    yield made
    assert made.own_breaches() == []


def invoiced(world: PayWorld) -> Placed:
    placed = world.place(confirmation_type=TermBookingConfirmationType.ADMIN_CONFIRM)
    world.run(term_booking_order.confirm, order_id=placed.id, actor=world.admin, now=NOW, reason="known")
    return placed


def pay(world: PayWorld, placed: Placed, amount_minor: int) -> None:
    world.run(payments.record_manual_payment, order_id=placed.id, amount_minor=amount_minor, reason="cash",
              actor=world.admin, now=NOW)  # fmt: skip


def at(world: PayWorld, moment: datetime) -> list[tuple[str, int]]:
    """What the worker has reminded of by then, that it had not before."""
    before = len(reminders(world))
    world.run(remind, now=moment)
    return reminders(world)[before:]


def reminders(world: PayWorld) -> list[tuple[str, int]]:
    rows = world.rows("SELECT kind, amount_minor FROM payment_reminder ORDER BY id")
    return [(row["kind"], row["amount_minor"]) for row in rows]


def mails(world: PayWorld, topic: str) -> list[Any]:
    """What the family is written, composed as the worker does."""
    with world.database.transaction(world.organisation_id) as tx:
        ids = [row["id"] for row in tx.rows("SELECT id FROM outbox_message WHERE topic = %(topic)s ORDER BY id",
                                            topic=topic)]  # fmt: skip
        found = [compose_message(tx, read_message(tx, one), base_url="https://x", secret="s" * 32) for one in ids]
    return [one for one in found if one is not None]


def test_come_before_and_after_the_day_by_the_rule_each_once(world: PayWorld) -> None:
    invoiced(world)

    found = {days: at(world, FALLS_DUE + days * DAY) for days in (-5, -3, -1, 0, 1, 3, 4, 14, 15, 60)}

    assert {days: told for days, told in found.items() if told} == {
        -3: [(DUE, 2260)], 3: [(OVERDUE, 2260)], 14: [(OVERDUE, 2260)],
    }  # fmt: skip


def test_ask_for_what_is_left_and_not_for_what_is_paid(world: PayWorld) -> None:
    part, whole = invoiced(world), invoiced(world)
    pay(world, part, 1000)
    pay(world, whole, 2260)

    assert at(world, FALLS_DUE + 3 * DAY) == [(OVERDUE, 1260)]


def test_of_a_worker_that_was_away_are_the_last_step_only(world: PayWorld) -> None:
    invoiced(world)

    assert at(world, FALLS_DUE + 20 * DAY) == [(OVERDUE, 2260)]


def test_of_several_workers_are_sent_once(world: PayWorld) -> None:
    invoiced(world)

    together(4, lambda _: remind_of_payments(world.database, now=FALLS_DUE + 3 * DAY))

    assert len(reminders(world)) == 1


def test_are_as_the_organisation_says(world: PayWorld) -> None:
    invoiced(world)
    with world.database.transaction(world.organisation_id) as tx:
        build.add(tx, RuleSetting, scope="ORGANISATION", scope_id=world.organisation_id, name="payment_reminders",
                  value={"before_days": [], "after_days": [1]})  # fmt: skip

    assert at(world, FALLS_DUE - 3 * DAY) == []
    assert at(world, FALLS_DUE + DAY) == [(OVERDUE, 2260)]


def test_are_written_to_the_family_unless_it_has_paid_since(world: PayWorld) -> None:
    one, other = invoiced(world), invoiced(world)
    at(world, FALLS_DUE + 3 * DAY)
    pay(world, other, 2260)
    with world.database.transaction(world.organisation_id) as tx:
        tx.run("UPDATE account SET email = 'rossi@example.org' WHERE organisation_id = %(org)s")

    [mail] = mails(world, "payment.overdue")

    assert isinstance(mail, PaymentDue)
    assert (mail.order_reference, mail.amount_minor, mail.is_overdue) == (world.order(one.id)["reference"], 2260, True)
    text = compose(mail, message_id=one.id, from_address="a@example.org", now=NOW).as_string()
    assert "was due on" in text
    assert "22.60" in text


def test_of_a_schedule_ask_for_each_part_on_its_day(riverside: Centre) -> None:
    rossi = riverside.family()
    cart = submit(riverside, rossi, course(riverside), DEPOSIT)
    assert pay_as_asked(riverside, rossi, cart) == 848
    rest_due = datetime(2026, 4, 5, 12, tzinfo=NOW.tzinfo)
    sql = "SELECT kind, due_on, amount_minor FROM payment_reminder WHERE order_id = %(id)s ORDER BY id"

    for days in (-4, -3, 0, 3):
        riverside.do(remind, now=rest_due + days * DAY)

    assert [tuple(row.values()) for row in riverside.rows(sql, id=cart.id)] == [
        ("DUE", date(2026, 4, 5), 2542), ("OVERDUE", date(2026, 4, 5), 2542),
    ]  # fmt: skip


def test_of_instalments_wait_until_the_bank_has_said_no(riverside: Centre) -> None:
    rossi = riverside.family()
    activate(riverside, give(riverside, rossi))
    cart = submit(riverside, rossi, course(riverside), DEBIT)
    first_due = NOW + 14 * DAY
    sql = "SELECT kind, amount_minor FROM payment_reminder WHERE order_id = %(id)s ORDER BY id"

    riverside.do(remind, now=first_due + 3 * DAY)
    assert riverside.rows(sql, id=cart.id) == []
    collect_due(riverside.database, now=first_due)
    [debit] = riverside.rows("SELECT id FROM payment WHERE order_id = %(id)s", id=cart.id)
    riverside.do(debits.refuse, payment_id=debit["id"], reason="insufficient funds", actor=FINANCE)
    riverside.do(remind, now=first_due + 3 * DAY)

    assert [tuple(row.values()) for row in riverside.rows(sql, id=cart.id)] == [("OVERDUE", 1130)]


@pytest.mark.parametrize(
    ("today", "step"),
    [
        (date(2026, 4, 1), None), (date(2026, 4, 3), (DUE, 7)), (date(2026, 4, 9), (DUE, 1)),
        (date(2026, 4, 10), (DUE, 1)), (date(2026, 4, 11), None), (date(2026, 4, 13), (OVERDUE, 3)),
    ],
)  # fmt: skip
def test_step(today: date, step: tuple[ReminderKind, int] | None) -> None:
    assert step_of(ReminderDays((7, 1), (3,)), due_on=date(2026, 4, 10), today=today) == step


@pytest.mark.parametrize(
    "value",
    [3, {"before_days": 3}, {"before_days": [61]}, {"after_days": [0]}, {"after_days": [1, 1]}, {"days": [1]},
     {"before_days": [True]}, {"before_days": [1, 2, 3, 4, 5, 6]}],
)  # fmt: skip
def test_rule_refuses(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        reminder_days(value)

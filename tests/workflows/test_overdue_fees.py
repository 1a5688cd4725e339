"""What is not paid in time costs a fee by the rule: once, whoever is at work, and never on a fee."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from catalogue.rule_values import OverdueFee as Terms
from catalogue.rule_values import overdue_fee
from engine.database import Database, Row
from engine.errors import Invalid, NotPermitted
from engine.ids import new_id
from engine.outbox import read_message
from models import OverdueFee, PaymentState, PaymentStatus, RuleSetting
from notifications.email import compose
from notifications.messages import OverdueFee as Told
from tests import builders as build
from tests.builders import NOW
from tests.engine.later import together
from tests.workflows.centre import Centre
from tests.workflows.payment_world import PayWorld, make_world
from tests.workflows.test_payment_reminders import DAY, FALLS_DUE, invoiced, pay
from tests.workflows.test_schedules import DEPOSIT, course, submit
from tests.workflows.test_schedules import pay as pay_as_asked
from workflows import overdue_fees, payments
from workflows.documents import invoice_document
from workflows.messages import compose_message
from workflows.overdue_fees import WaivedAlready, charge_overdue
from workflows.payment_reminders import DUE
from workflows.write_off import write_off

RULE = {"after_days": 10, "amount_minor": 1500}
LATE = FALLS_DUE + 10 * DAY


def ruled(world: PayWorld, value: Any = RULE) -> None:
    with world.database.transaction(world.organisation_id) as tx:
        build.add(tx, RuleSetting, scope="ORGANISATION", scope_id=world.organisation_id, name="overdue_fee",
                  value=value)  # fmt: skip


@pytest.fixture
def world(database: Database, database_url: str) -> Iterator[PayWorld]:
    made = make_world(database, database_url, name=f"Centre {datetime.now().timestamp()}")  # noqa: DTZ005 - a name
    ruled(made)
    yield made
    assert made.own_breaches() == []


def at(world: PayWorld, moment: datetime) -> list[int]:
    """The fees that the worker has charged by then, that it had not before."""
    before = len(fees(world))
    charge_overdue(world.database, now=moment)
    return [row["amount_minor"] for row in fees(world)[before:]]


def fees(world: PayWorld) -> list[Row]:
    return world.rows("SELECT * FROM overdue_fee ORDER BY id")


def lines(world: PayWorld) -> list[Row]:
    return world.rows("SELECT * FROM invoice_line WHERE overdue_fee_id IS NOT NULL ORDER BY id")


def waive(world: PayWorld, *, fee: UUID | None = None, reason: str = "The bank was late", now: datetime = LATE) -> None:
    world.run(overdue_fees.waive, overdue_fee_id=fee or fees(world)[0]["id"], reason=reason, actor=world.admin, now=now)


class TestCharged:
    def test_once_so_many_days_after_it_was_due(self, world: PayWorld) -> None:
        placed = invoiced(world)

        found = {days: at(world, FALLS_DUE + days * DAY) for days in (0, 9, 10, 11, 40)}

        assert {days: charged for days, charged in found.items() if charged} == {10: [1500]}
        assert (fees(world)[0]["overdue_minor"], fees(world)[0]["charged_on"]) == (2260, LATE.date())
        assert world.booking(placed)["total_minor"] == 2260 + 1500

    def test_is_an_invoice_of_its_own_taxed_as_the_session_and_in_the_books(self, world: PayWorld) -> None:
        placed = invoiced(world)
        owed = world.balance(placed, "RECEIVABLE")
        at(world, LATE)

        (line,) = lines(world)
        with world.database.transaction(world.organisation_id) as tx:
            paper = invoice_document(tx, line["invoice_id"])
        assert (line["gross_minor"], line["net_minor"] + line["tax_minor"]) == (1500, 1500)
        assert (paper.gross_minor, len(paper.lines)) == (1500, 1)
        assert "Late payment fee, INV-" in paper.lines[0].description
        assert owed - world.balance(placed, "RECEIVABLE") == 1500

    def test_is_called_by_its_french_name_on_a_french_paper(self, world: PayWorld) -> None:
        with world.database.transaction(world.organisation_id) as tx:
            tx.run("UPDATE organisation SET locale = 'fr_CA' WHERE id = %(org)s")
        invoiced(world)
        at(world, LATE)

        (line,) = lines(world)
        with world.database.transaction(world.organisation_id) as tx:
            paper = invoice_document(tx, line["invoice_id"])
        assert str(paper.lines[0].description).startswith("Frais de retard de paiement, INV-")

    def test_is_not_charged_on_the_fee_itself(self, world: PayWorld) -> None:
        placed = invoiced(world)
        at(world, LATE)
        pay(world, placed, 2260)

        assert at(world, LATE + 60 * DAY) == []
        assert world.booking(placed)["payment_state"] == PaymentState.OPEN

    def test_is_never_more_than_what_is_open(self, world: PayWorld) -> None:
        pay(world, invoiced(world), 2000)

        assert at(world, LATE) == [260]

    def test_is_not_charged_for_what_is_paid_or_given_up(self, world: PayWorld) -> None:
        pay(world, invoiced(world), 2260)
        invoice_id = world.rows("SELECT id FROM invoice WHERE booking_id = %(id)s",
                                id=world.booking(invoiced(world))["id"])[0]["id"]  # fmt: skip
        world.run(write_off, invoice_id=invoice_id, amount_minor=None, reason="moved", actor=world.admin, now=NOW)

        assert at(world, LATE) == []

    def test_is_not_charged_while_a_payment_is_on_its_way(self, world: PayWorld) -> None:
        placed = invoiced(world)
        started = world.start(placed, now=LATE)
        world.tell(started, PaymentStatus.PROCESSING, now=LATE)

        assert at(world, LATE) == []
        world.tell(started, PaymentStatus.FAILED, now=LATE)
        assert at(world, LATE) == [1500]

    def test_is_not_charged_where_no_rule_asks(self, database: Database, database_url: str) -> None:
        plain = make_world(database, database_url, name="No fees")
        invoiced(plain)

        assert at(plain, LATE) == []

    def test_several_workers_charge_it_once(self, world: PayWorld) -> None:
        invoiced(world)

        charged = together(4, lambda _: charge_overdue(world.database, now=LATE))

        assert (sum(charged), len(fees(world)), len(lines(world))) == (1, 1, 1)

    def test_the_database_takes_no_second_fee_of_it(self, world: PayWorld) -> None:
        invoiced(world)
        at(world, LATE)
        again: Row = {**fees(world)[0], "id": new_id(), "reference": "OF-AGAIN"}
        del again["organisation_id"]

        with (
            pytest.raises(psycopg.errors.UniqueViolation, match="uq_overdue_fee_invoice"),
            world.database.transaction(world.organisation_id) as tx,
        ):
            build.add(tx, OverdueFee, **again)

    def test_is_told_with_its_invoice(self, world: PayWorld) -> None:
        invoiced(world)
        with world.database.transaction(world.organisation_id) as tx:
            tx.run("UPDATE account SET email = 'rossi@example.org' WHERE organisation_id = %(org)s")
        at(world, LATE)

        mail = told(world)
        assert isinstance(mail, Told)
        assert (mail.fee_minor, mail.overdue_minor, mail.due_on) == (1500, 2260, FALLS_DUE.date())
        assert "$15.00" in compose(mail, message_id=new_id(), from_address="a@x.org", now=LATE).as_string()

        waive(world)
        assert told(world) is None


def told(world: PayWorld) -> object:
    with world.database.transaction(world.organisation_id) as tx:
        (row,) = tx.rows("SELECT id FROM outbox_message WHERE topic = 'booking.overdue_fee'")
        return compose_message(tx, read_message(tx, row["id"]), base_url="https://x", secret="s" * 32)


class TestWaived:
    def test_a_credit_note_takes_it_back_and_it_is_not_charged_again(self, world: PayWorld) -> None:
        placed = invoiced(world)
        at(world, LATE)
        waive(world)

        (note,) = world.rows("SELECT total_minor, reason FROM credit_note")
        assert (note["total_minor"], note["reason"]) == (1500, "The bank was late")
        assert (world.booking(placed)["total_minor"], world.balance(placed, "RECEIVABLE")) == (2260, -2260)
        assert at(world, LATE + 20 * DAY) == []

    def test_what_was_paid_of_it_is_the_familys_credit(self, world: PayWorld) -> None:
        placed = invoiced(world)
        at(world, LATE)
        pay(world, placed, 3760)
        waive(world)

        assert (world.balance(placed), world.balance(placed, "RECEIVABLE")) == (1500, 0)
        assert world.booking(placed)["payment_state"] == PaymentState.PAID

    def test_is_refused_twice_without_a_reason_and_to_families(self, world: PayWorld) -> None:
        placed = invoiced(world)
        at(world, LATE)
        fee = fees(world)[0]["id"]

        with pytest.raises(Invalid):
            waive(world, reason=" ")
        with pytest.raises(NotPermitted):
            world.run(overdue_fees.waive, overdue_fee_id=fee, reason="please", actor=placed.family, now=LATE)
        waive(world)
        with pytest.raises(WaivedAlready):
            waive(world)
        assert len(world.rows("SELECT FROM credit_note")) == 1


class TestOfASchedule:
    def test_is_of_each_part_once(self, riverside: Centre) -> None:
        rossi = riverside.family()
        cart = submit(riverside, rossi, course(riverside), DEPOSIT)
        pay_as_asked(riverside, rossi, cart)
        riverside.rule("overdue_fee", RULE, riverside.organisation_id, scope="ORGANISATION")
        rest_due = riverside.one("SELECT i.* FROM instalment i JOIN payment_schedule s ON s.id = i.schedule_id "
                                 "WHERE s.order_id = %(id)s AND i.kind = 'REST'", id=cart.id)  # fmt: skip

        for days in (20, 40):
            charge_overdue(riverside.database, now=NOW + days * DAY)

        (fee,) = riverside.rows("SELECT * FROM overdue_fee WHERE account_id = %(id)s", id=rossi.id)
        assert (fee["instalment_id"], fee["invoice_id"], fee["amount_minor"]) == (rest_due["id"], None, 1500)
        (line,) = riverside.rows("SELECT invoice_id FROM invoice_line WHERE overdue_fee_id = %(id)s", id=fee["id"])
        with riverside.database.transaction(riverside.organisation_id) as tx:
            paper = invoice_document(tx, line["invoice_id"])
        due = rest_due["due_on"]
        assert paper.lines[0].description == f"Late payment fee, payment due on {due:%b} {due.day}, {due.year}"

    def test_is_due_by_itself_beside_the_parts(self, riverside: Centre) -> None:
        rossi = riverside.family()
        cart = submit(riverside, rossi, course(riverside), DEPOSIT)
        pay_as_asked(riverside, rossi, cart)
        riverside.rule("overdue_fee", RULE, riverside.organisation_id, scope="ORGANISATION")
        rest_minor = due(riverside, cart.id)[0]["amount_minor"]
        charge_overdue(riverside.database, now=NOW + 20 * DAY)

        part, fee = due(riverside, cart.id)
        assert (part["invoice_id"], part["amount_minor"]) == (None, rest_minor)
        assert (fee["instalment_id"], fee["amount_minor"]) == (None, 1500)

        riverside.pull(payments.record_manual_payment, cart, amount_minor=rest_minor, reason="at the desk")
        assert [row["amount_minor"] for row in due(riverside, cart.id)] == [1500]
        riverside.pull(payments.record_manual_payment, cart, amount_minor=1500, reason="at the desk")
        assert due(riverside, cart.id) == []


def due(centre: Centre, order_id: UUID) -> list[Row]:
    """What the family of an order is reminded of, part by part."""
    return centre.rows(
        DUE.format(of="AND b.order_id = %(order_id)s"), now=NOW + 20 * DAY, around=120, order_id=order_id
    )


def test_the_rule_is_checked() -> None:
    assert overdue_fee(RULE) == Terms(10, 1500)
    assert overdue_fee(None) is overdue_fee("none") is None
    for wrong in (5, {}, {**RULE, "after_days": 0}, {**RULE, "after_days": 91}, {**RULE, "amount_minor": 0},
                  {**RULE, "amount_minor": 1.5}, {**RULE, "x": 1}):  # fmt: skip
        with pytest.raises(ValueError, match=r"is not|none of"):
            overdue_fee(wrong)

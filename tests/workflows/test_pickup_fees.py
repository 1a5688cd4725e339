"""A late pick-up that is accepted is invoiced once, by itself; waived after that, a credit note takes it back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from engine.actor import Actor
from engine.check import check
from engine.database import Row
from engine.fire import NotAllowedNow, fire
from engine.ids import new_id
from models import InvoiceLine, LatePickupStatus
from tests import builders as build
from tests.engine.later import together
from tests.workflows.books import balance, recognise
from tests.workflows.centre import DAY, HOUR, Centre, codes
from tests.workflows.endings import cancel
from tests.workflows.test_door import EVENING, Door
from tests.workflows.test_door import stella as stella
from workflows import late_pickup
from workflows.account_papers import statement_of
from workflows.charts import edges
from workflows.documents import credit_note_document, invoice_document
from workflows.invoice_runs import issue_due_invoices

FEE = {"grace_minutes": 10, "per_minutes": 15, "fee_minor": 1130}
TAX = {"tax": {"name": "HST", "rate_percent": "13"}}
NEXT_DAY = EVENING + DAY
NEXT_MONTH = EVENING + 25 * DAY
BOOKS = ("RECEIVABLE", "DEFERRED_REVENUE", "TAX", "REVENUE", "FEE_REVENUE", "CUSTOMER_CREDIT", "WALLET")


class Late:
    """Mia was collected ten minutes past the grace; the session costs 11.30 with 13 % in it, and so does the fee."""

    def __init__(self, centre: Centre, staff: Actor, **rules: Any) -> None:
        self.centre, self.door = centre, Door(centre, staff, rules={**TAX, **rules})
        centre.rule("late_pickup", FEE, self.door.course.offering["id"])
        self.door.came_and_left(at=72)
        self.door.count(1)
        self.door.close()

    @property
    def row(self) -> Row:
        return self.centre.one("SELECT * FROM late_pickup WHERE term_product_id = %(id)s", id=self.door.session_id)

    @property
    def booking(self) -> Row:
        return self.centre.one("SELECT * FROM term_booking WHERE account_id = %(id)s", id=self.door.rossi.id)

    @property
    def account_id(self) -> UUID:
        return self.door.rossi.id

    def accept(self, *, now: datetime = EVENING) -> None:
        self.centre.do(late_pickup.accept, late_pickup_id=self.row["id"], actor=self.centre.admin, now=now)

    def waive(self, *, now: datetime = NEXT_DAY) -> None:
        self.centre.do(late_pickup.waive, late_pickup_id=self.row["id"], reason="The bus was late",
                       actor=self.centre.admin, now=now)  # fmt: skip

    def lines(self) -> list[Row]:
        return self.centre.rows("SELECT * FROM invoice_line WHERE late_pickup_id = %(id)s", id=self.row["id"])

    def books(self) -> list[int]:
        return balance(self.centre, self.account_id, *BOOKS)


@pytest.fixture
def late(riverside: Centre, stella: Actor) -> Iterator[Late]:
    yield Late(riverside, stella)
    recognise(riverside, NEXT_DAY + DAY)


class TestAccepted:
    def test_it_is_an_invoice_of_its_own_and_in_the_books(self, late: Late) -> None:
        before = late.books()
        late.accept()

        (line,) = late.lines()
        assert (line["net_minor"], line["tax_minor"], line["gross_minor"]) == (1000, 130, 1130)
        assert "Late pick-up fee, Karate" in line["description"]
        assert [now - was for now, was in zip(late.books(), before, strict=True)] == [1130, 1000, 130, 0, 0, 0, 0]
        assert (late.booking["total_minor"], late.booking["payment_state"]) == (2260, "OPEN")

        recognise(late.centre, EVENING)
        assert late.books() == [2260, 0, 260, 1000, 1000, 0, 0]

    def test_the_family_reads_it_in_its_papers(self, late: Late) -> None:
        late.accept()

        (line,) = late.lines()
        with late.centre.database.transaction(late.centre.organisation_id) as tx:
            invoice = invoice_document(tx, line["invoice_id"])
            papers = statement_of(tx, late.account_id, first=EVENING.date(), last=NEXT_DAY.date())
        assert (invoice.gross_minor, invoice.owing_minor, len(invoice.lines)) == (1130, 1130, 1)
        assert "Late pick-up fee" in str(invoice.lines[0])
        assert invoice.number in str(papers)

    def test_it_is_not_accepted_twice(self, late: Late) -> None:
        late.accept()

        with pytest.raises(NotAllowedNow):
            late.accept()
        assert len(late.lines()) == 1

    def test_two_who_accept_it_at_once_make_one_invoice(self, late: Late) -> None:
        def attempt(_: int) -> str:
            try:
                late.accept()
            except NotAllowedNow:
                return "refused"
            return "charged"

        assert sorted(together(2, attempt)) == ["charged", "refused"]
        assert len(late.lines()) == 1

    def test_the_database_takes_no_second_line_of_it(self, late: Late) -> None:
        late.accept()
        (line,) = late.lines()
        other = late.centre.one("SELECT * FROM billing_line WHERE term_product_id = %(id)s AND component = 'SESSION' "
                                "ORDER BY id DESC LIMIT 1", id=late.door.session_id)  # fmt: skip
        again: dict[str, Any] = {**line, "id": new_id(), "billing_line_id": other["id"]}
        del again["organisation_id"]

        with pytest.raises(psycopg.errors.UniqueViolation, match="uq_invoice_line_organisation_id_late_pickup_id"):
            late.centre.edit(build.add, InvoiceLine, **again)

    def test_what_is_approved_for_attendance_only_is_confirmed_first(self, late: Late) -> None:
        late.centre.run("UPDATE term_booking SET status = 450 WHERE id = %(id)s", id=late.booking["id"])
        refused = codes(late.accept)
        late.centre.run("UPDATE term_booking SET status = 500 WHERE id = %(id)s", id=late.booking["id"])

        assert refused == ["not_invoiced"]
        assert late.lines() == []


class TestBeforeItsSessionIsInvoiced:
    def test_is_invoiced_by_itself_and_the_period_asks_for_the_session_alone(
        self, riverside: Centre, stella: Actor
    ) -> None:
        late = Late(riverside, stella, invoicing="PERIOD_IN_ARREARS")
        late.accept()
        assert (late.books()[0], breaches(riverside)) == (1130, [])

        issue_due_invoices(riverside.database, now=NEXT_MONTH)

        assert len(late.lines()) == 1
        asked = riverside.rows("SELECT total_minor FROM invoice WHERE account_id = %(id)s ORDER BY number",
                               id=late.account_id)  # fmt: skip
        assert [row["total_minor"] for row in asked] == [1130, 1130]
        late.waive(now=NEXT_MONTH)
        assert (late.books()[0], breaches(riverside)) == (1130, [])

    def test_waived_before_that_only_the_session_is_asked_for(self, riverside: Centre, stella: Actor) -> None:
        late = Late(riverside, stella, invoicing="PERIOD_IN_ARREARS")
        late.accept()
        late.waive()
        assert (late.books()[0], breaches(riverside)) == (0, [])

        issue_due_invoices(riverside.database, now=NEXT_MONTH)
        assert late.books()[0] == 1130


def breaches(centre: Centre) -> list[Any]:
    recognise(centre, NEXT_MONTH)
    return check(centre.database, edges=edges(), organisation_id=centre.organisation_id)


class TestWaivedAfterThat:
    def test_a_credit_note_takes_it_back(self, late: Late) -> None:
        late.accept()
        recognise(late.centre, EVENING)
        late.waive()

        recognise(late.centre, NEXT_DAY + HOUR)
        assert late.row["status"] == LatePickupStatus.WAIVED
        assert late.books() == [1130, 0, 130, 1000, 0, 0, 0]
        assert late.booking["total_minor"] == 1130
        note = late.centre.one("SELECT * FROM credit_note WHERE account_id = %(id)s", id=late.account_id)
        with late.centre.database.transaction(late.centre.organisation_id) as tx:
            document = credit_note_document(tx, note["id"])
        assert (document.gross_minor, note["reason"]) == (1130, "The bus was late")

    def test_it_is_taken_back_once(self, late: Late) -> None:
        late.accept()
        late.waive()

        with pytest.raises(NotAllowedNow):
            late.waive()
        with pytest.raises(NotAllowedNow):
            late.accept(now=NEXT_DAY)
        assert late.books()[0] == 1130

    def test_of_a_booking_that_was_cancelled_meanwhile_too(self, late: Late) -> None:
        late.accept()
        late.centre.do(cancel, booking_id=late.booking["id"], reason="They move", actor=late.centre.admin, now=NEXT_DAY)
        assert (late.booking["status"], late.booking["total_minor"], late.books()[0]) == (900, 2260, 2260)

        late.waive(now=NEXT_DAY + HOUR)
        assert (late.booking["status"], late.booking["total_minor"], late.books()[0]) == (900, 1130, 1130)

    def test_what_was_only_recorded_once_is_waived_without_a_note(self, late: Late) -> None:
        def record(tx: Any, *, actor: Actor, now: datetime) -> None:
            row = tx.row("SELECT id, reference, version, amount_minor, minutes_late FROM late_pickup "
                         "WHERE id = %(id)s", id=late.row["id"])  # fmt: skip
            one = late_pickup.Late(**row, status=LatePickupStatus.PROPOSED)
            one.change(is_only_recorded=True)
            fire(tx.batch, _UNGUARDED, one, "accept", actor=actor, now=now)

        late.centre.do(record, actor=late.centre.admin, now=EVENING)
        late.waive()

        assert (late.row["status"], late.lines(), late.books()[0]) == (LatePickupStatus.WAIVED, [], 1130)


# As it was before accepted fees were invoiced.
_UNGUARDED = replace(late_pickup.CHART, steps=tuple(replace(step, when=()) for step in late_pickup.CHART.steps))

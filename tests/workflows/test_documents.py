"""Issued documents read back as they were issued, whatever is renamed since."""

from datetime import date
from uuid import UUID

from invoicing.document import Instalment
from invoicing.pdf import render_pdf
from tests.workflows.centre import Centre, How, orders, sundays
from workflows.documents import _left_of, invoice_document, quote_document


class TestRenaming:
    def test_changes_no_invoice_and_no_quote(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2))
        quoted = riverside.quoted(rossi, rossi.child(), karate.lines())
        booked = riverside.confirmed(rossi, rossi.child("Leo Rossi"), karate.lines())
        quote = riverside.one("SELECT id FROM quote WHERE order_id = %(id)s", id=quoted.id)["id"]
        invoice = riverside.one(
            "SELECT id FROM invoice WHERE booking_id = %(id)s", id=riverside.booking(booked)["id"]
        )["id"]  # fmt: skip
        before = _printed(riverside, invoice, quote)

        for table in ("term_program_set", "program", "site", "attendee", "account"):
            riverside.run(f"UPDATE {table} SET name = name || ' (renamed)'")

        assert _printed(riverside, invoice, quote) == before


class TestInstalments:
    def test_an_invoice_says_what_is_due_when(self, riverside: Centre) -> None:
        rules = {"confirmation_types": ["PAY_NOW_PAY_DEPOSIT"], "deposit": {"percent": "25"},
                 "rest_due": {"days_before_start": 7}}  # fmt: skip
        rossi, karate = riverside.family(), riverside.course(*sundays(3), rules=rules)
        cart = riverside.submitted(rossi, rossi.child(), karate.lines(), how=How.PAY_NOW_PAY_DEPOSIT)
        riverside.pay(cart, 848)
        riverside.pull(orders.confirm, cart)
        invoice = riverside.one("SELECT id FROM invoice WHERE booking_id = %(id)s", id=riverside.booking(cart)["id"])

        with riverside.database.transaction(riverside.organisation_id) as tx:
            document = invoice_document(tx, invoice["id"])

        assert [(part.due_on, part.amount_minor) for part in document.instalments] == [(date(2026, 4, 5), 2542)]
        assert document.owing_minor == 2542

    def test_money_comes_off_the_first_part_and_credit_off_the_last(self) -> None:
        agreed = [Instalment(due_on=date(2026, month, 1), amount_minor=1000) for month in (4, 5, 6)]

        left = _left_of(agreed, paid_minor=1200, credited_minor=300)

        assert [part.amount_minor for part in left] == [800, 700]


def _printed(centre: Centre, invoice: UUID, quote: UUID) -> list[bytes]:
    with centre.database.transaction(centre.organisation_id) as tx:
        documents = [invoice_document(tx, invoice), quote_document(tx, quote)]
    return [render_pdf(document) for document in documents]

"""Issued documents read back as they were issued, whatever is renamed since."""

from uuid import UUID

from invoicing.pdf import render_pdf
from tests.workflows.centre import Centre, sundays
from workflows.documents import invoice_document, quote_document


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


def _printed(centre: Centre, invoice: UUID, quote: UUID) -> list[bytes]:
    with centre.database.transaction(centre.organisation_id) as tx:
        documents = [invoice_document(tx, invoice), quote_document(tx, quote)]
    return [render_pdf(document) for document in documents]

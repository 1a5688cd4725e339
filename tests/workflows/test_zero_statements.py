"""Stories of sessions that are moved at no difference: one document that comes to nothing, revenue on its right day."""

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from engine.database import Database
from invoicing.document import DocumentKind
from invoicing.pdf import render_pdf
from tests.workflows.books import balance, entries, recognise
from tests.workflows.centre import FIRST, NOW, WEEK, Centre, make_centre
from tests.workflows.test_change_orders import Story, story
from workflows import change_order
from workflows.change_guards import shown_difference
from workflows.document_sets import Chosen, find_documents
from workflows.documents import credit_note_document, invoice_document, newest_document, zero_statement_document

_NUMBERS = count()
LATER = NOW + timedelta(hours=1)
TAX = {"tax": {"name": "HST", "rate_percent": "13"}}


@pytest.fixture
def centre(checked_database: Database, database_url: str) -> Centre:
    return make_centre(checked_database, database_url, name=f"Moving {next(_NUMBERS)}")


def halves(mias: Story) -> tuple[UUID, UUID]:
    """The half that charges, and the one that credits."""
    rows = mias.centre.rows(
        "SELECT id, 1 AS half FROM invoice WHERE booking_id = %(id)s AND series = 'ZS' UNION ALL "
        "SELECT id, 2 FROM credit_note WHERE booking_id = %(id)s AND series = 'ZS' ORDER BY half",
        id=mias.booking["id"],
    )  # fmt: skip
    charge, credit = (row["id"] for row in rows)
    return charge, credit


def moved(centre: Centre) -> Story:
    """Mia's first Sunday was moved to the third."""
    mias = story(centre, booked=(0, 1))
    mias.changed(mias.karate.lines(1, 2), now=LATER)
    return mias


class TestMoving:
    def test_makes_one_numbered_document_that_comes_to_nothing(self, centre: Centre) -> None:
        mias = moved(centre)
        charge, credit = halves(mias)

        with centre.database.transaction(centre.organisation_id) as tx:
            papers = [zero_statement_document(tx, charge), invoice_document(tx, charge),
                      credit_note_document(tx, credit)]  # fmt: skip
            newest = newest_document(tx, order_id=mias.first.id, kind=DocumentKind.INVOICE)
            listed = find_documents(tx, Chosen(kind=DocumentKind.ZERO_STATEMENT))
            invoices = find_documents(tx, Chosen(kind=DocumentKind.INVOICE))

        paper = papers[0]
        assert papers == [paper] * 3
        assert newest == paper
        assert (listed, len(invoices)) == ([charge], 1)
        assert (paper.kind, paper.number, paper.gross_minor) == (DocumentKind.ZERO_STATEMENT, "ZS-2026-000001", 0)
        assert [(line.session_on, line.gross_minor) for line in paper.lines] == [
            (FIRST.date(), -30_00), ((FIRST + 2 * WEEK).date(), 30_00)]  # fmt: skip
        assert paper.corrects_number == "INV-2026-000001"
        assert render_pdf(paper) == render_pdf(paper)

    def test_leaves_the_numbers_of_invoices_and_credit_notes_alone(self, centre: Centre) -> None:
        mias = moved(centre)
        mias.changed(mias.karate.lines(1, 2, 3))
        mias.changed(mias.karate.lines(1, 3, 4))

        rows = centre.rows("SELECT series, last_number FROM document_counter ORDER BY series")
        assert {row["series"]: row["last_number"] for row in rows} == {"INV": 2, "ZS": 2}

    def test_moves_nothing_between_family_and_centre(self, centre: Centre) -> None:
        mias = story(centre, booked=(0, 1))
        mias.pay(mias.first, 60_00)
        mias.changed(mias.karate.lines(1, 2))

        assert balance(centre, mias.rossi.id, "RECEIVABLE", "CUSTOMER_CREDIT", "WALLET") == [0, 0, 0]
        assert mias.booking["payment_state"] == "PAID"

    def test_puts_the_revenue_on_the_day_of_the_new_session(self, centre: Centre) -> None:
        mias = moved(centre)

        recognise(centre, NOW + timedelta(days=60))

        earned = entries(centre, mias.rossi.id, "RECOGNITION")
        assert [(entry["posted_on"], entry["minor"]) for entry in earned] == [
            ((FIRST + WEEK).date(), 30_00), ((FIRST + 2 * WEEK).date(), 30_00)]  # fmt: skip
        assert balance(centre, mias.rossi.id, "REVENUE", "DEFERRED_REVENUE") == [60_00, 0]

    def test_takes_its_tax_along(self, centre: Centre) -> None:
        rossi = centre.family(credit_limit_minor=100_000)
        karate = centre.course(*[FIRST + n * WEEK for n in range(3)], rules=TAX)
        mia = rossi.child()
        mias = Story(centre, rossi, mia, karate, centre.confirmed(rossi, mia, karate.lines(0, 1)))
        mias.changed(karate.lines(1, 2))

        with centre.database.transaction(centre.organisation_id) as tx:
            paper = zero_statement_document(tx, halves(mias)[0])
        assert [line.taxes[0].amount_minor for line in paper.lines] == [-1_30, 1_30]
        assert [(tax.base_minor, tax.tax_minor) for tax in paper.taxes] == [(0, 0)]

    def test_back_again_and_given_up_in_the_end_frees_what_was_paid(self, centre: Centre) -> None:
        mias = story(centre, booked=(0, 1))
        mias.pay(mias.first, 60_00)
        mias.changed(mias.karate.lines(1, 2))
        mias.changed(mias.karate.lines(1, 3))
        mias.changed(mias.karate.lines(1))

        assert mias.documents()[-1] == ("CN", 30_00)
        assert balance(centre, mias.rossi.id, "RECEIVABLE", "WALLET") == [0, 30_00]


class TestTheReview:
    def test_says_that_a_zero_statement_will_be_issued(self, centre: Centre) -> None:
        mias = story(centre, booked=(0, 1))
        change = mias.save(mias.begin(), mias.karate.lines(1, 2))

        shown = shown_review(mias, change)

        assert shown["documents"] == [{"kind": "ZERO_STATEMENT", "total_minor": 0, "due_on": None}]
        assert (shown["invoice_minor"], shown["credit_note_minor"], shown["credit_goes_to"]) == (0, 0, [])

    def test_says_invoice_and_credit_note_where_it_costs_a_cent_more(self, centre: Centre) -> None:
        mias = story(centre, booked=(0, 1))
        dear = centre.course(FIRST + 2 * WEEK, name="Swimming", session_price_minor=30_01)
        change = mias.save(mias.begin(), [*mias.karate.lines(1), *dear.lines()])

        kinds = [each["kind"] for each in shown_review(mias, change)["documents"]]

        assert kinds == ["INVOICE", "CREDIT_NOTE"]


def shown_review(mias: Story, change: Any) -> dict[str, Any]:
    return shown_difference(mias.centre.do(change_order.review, order_id=change.id, actor=mias.rossi.actor))

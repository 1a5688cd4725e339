"""Finance's flows on a phone, a tablet and a desktop, each with and without scripts: six ways.

Every page on the way fits its screen, and what was done stands in the database.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from api.passwords import hash_password
from engine.actor import Actor
from engine.database import Database
from models import ActorKind, PaymentReview, PaymentReviewKind, RefundDestination, Role, User
from samples.sample import PASSWORD
from tests import builders as build
from tests.web.browsing import Person
from tests.web.conftest import PEOPLE, Centre
from tests.web.flows.conftest import Door
from tests.web.flows.ways import Way, booking_of, built, course, held, tab_of
from tests.web.test_family_forms import FIELD, enter
from tests.workflows import endings
from tests.workflows.centre import Centre as Berlin
from tests.workflows.centre import make_centre, sundays
from tests.workflows.test_debit_runs import ready, waiting
from tests.workflows.test_invoice_runs import MAY, THROUGH
from workflows import payments, refund_request
from workflows.invoice_runs import finish

ROSSI, FINANCE = PEOPLE[Role.FAMILY], PEOPLE[Role.FINANCE]
FINN = "finn@berlin.example"


@pytest.fixture(scope="module")
def berlin(checked_database: Database, database_url: str, centre: Centre) -> Berlin:
    """A centre that collects euros, beside the sample on the same server, with a finance officer of its own."""
    made = ready(make_centre(checked_database, database_url, name="Berlin", currency="EUR"))
    made.edit(build.add, User, email=FINN, name="Finn Anse", roles=[Role.FINANCE.value],
              password_hash=hash_password(PASSWORD), created_at=build.NOW)  # fmt: skip
    return made


@pytest.fixture(scope="module")
def clients(centre: Centre, berlin: Berlin) -> Iterator[dict[str, httpx.Client]]:
    """The Rossis and finance of both centres, signed in."""
    with (
        enter(centre, ROSSI) as rossi,
        enter(centre, FINANCE) as finance,
        httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as finn,
    ):
        door = "/at/berlin/sign-in"
        token = dict(FIELD.findall(finn.get(door).text))["form_token"]
        given = {"form_token": token, "email": FINN, "password": PASSWORD}
        assert finn.post(door, data=given).status_code == 303
        yield {ROSSI: rossi, FINANCE: finance, FINN: finn}


@pytest.fixture
def finance(door: Door) -> Person:
    return door(FINANCE)


def officer(centre: Centre) -> dict[str, Any]:
    return {"actor": Actor(ActorKind.FINANCE, centre.sample.users[Role.FINANCE]), "now": centre.clock.now()}


def invoice_of(centre: Centre, order_id: UUID) -> dict[str, Any]:
    (row,) = centre.rows("SELECT id, total_minor FROM invoice WHERE organisation_id = %(org)s AND booking_id = %(id)s",
                         id=booking_of(centre, order_id))  # fmt: skip
    return row


class TestBooks:
    def test_what_needs_attention_is_settled(self, centre: Centre, finance: Person, way: Way) -> None:
        sign = f"pay_{way.number}"
        centre.edit(build.add, PaymentReview, kind=PaymentReviewKind.UNKNOWN_PAYMENT, provider="sandbox",
                    external_id=sign, reported_minor=1000, reported_currency="CAD",
                    created_at=centre.clock.now())  # fmt: skip
        assert finance.open("/finance").fits().reads("Needs attention first")
        finance.click(finance.page.locator('a[href="/finance/reviews"]').first).fits()
        row = finance.page.locator("tr", has_text=sign)
        row.get_by_label("Action taken").fill("told the provider")
        row.get_by_role("button", name="Done").click()

        assert finance.fits().reads("Removed from the list.")
        kept = centre.rows("SELECT resolution FROM payment_review WHERE organisation_id = %(org)s "
                           "AND external_id = %(sign)s", sign=sign)  # fmt: skip
        assert kept == [{"resolution": "told the provider"}]

    def test_an_invoice_is_given_up_and_owed_again(self, centre: Centre, finance: Person, way: Way) -> None:
        invoice = invoice_of(centre, built(centre, course(centre, f"Given up {way.name}", way.at(0))))

        def owed() -> int:
            (row,) = centre.rows("SELECT sum(amount_minor)::bigint AS n FROM write_off WHERE organisation_id = %(org)s "
                                 "AND invoice_id = %(id)s AND undone_at IS NULL", id=invoice["id"])  # fmt: skip
            return int(invoice["total_minor"]) - int(row["n"] or 0)

        finance.open("/finance/invoices").fits()
        finance.click(finance.page.locator(f'a[href="/finance/invoices/{invoice["id"]}"]'))
        form = finance.fits().page.locator("form", has=finance.page.get_by_role("button", name="Write off"))
        form.get_by_label("Reason").fill("a goodwill gesture")
        finance.click("Write off")
        assert finance.fits().reads("Amount written off.")
        assert owed() == 0
        finance.page.get_by_placeholder("Reason").fill("they paid after all")
        finance.click("Undo")

        assert finance.fits().reads("Write-off reversed.")
        assert owed() == invoice["total_minor"]

    def test_an_account_is_read_line_by_line_with_its_credit_notes(
        self, centre: Centre, finance: Person, way: Way
    ) -> None:
        booking_id = booking_of(centre, built(centre, course(centre, f"Credited {way.name}", way.at(1))))
        known = {"actor": Actor(ActorKind.ADMIN, centre.sample.users[Role.ADMIN]), "now": centre.clock.now()}
        centre.edit(endings.cancel, booking_id=booking_id, reason=f"moved from {way.name}", **known)
        (note,) = centre.rows("SELECT id FROM credit_note WHERE organisation_id = %(org)s AND booking_id = %(id)s",
                              id=booking_id)  # fmt: skip

        finance.open("/finance/credit-notes").fits()
        row = finance.page.locator("tr", has=finance.page.locator(f'a[href="/credit-notes/{note["id"]}/document"]'))
        assert "10.50" in row.inner_text()
        finance.open("/finance/families?q=Rossi").fits().click("Rossi family")

        assert finance.fits().reads("Ledger entries")
        assert "$10.50" in finance.text

    def test_a_payment_by_hand_is_taken_back(self, centre: Centre, finance: Person, way: Way) -> None:
        order_id = built(centre, course(centre, f"In cash {way.name}", way.at(2)))
        payment_id, _ = centre.edit(payments.record_manual_payment, order_id=order_id, amount_minor=1050,
                                    reason="cash", provider=payments.CASH, **officer(centre))  # fmt: skip
        (paid,) = centre.rows("SELECT reference FROM payment WHERE organisation_id = %(org)s AND id = %(id)s",
                              id=payment_id)  # fmt: skip

        row = finance.open("/finance/payments").fits().page.locator("tr", has_text=paid["reference"])
        row.get_by_text("Undo").first.click()
        row.get_by_label("Reason").fill("the Chens' cash")
        row.get_by_role("button", name="Undo").click()

        assert finance.fits().reads("Payment reversed.")
        (booking,) = centre.rows("SELECT payment_state FROM term_booking WHERE organisation_id = %(org)s "
                                 "AND order_id = %(id)s", id=order_id)  # fmt: skip
        assert booking["payment_state"] == "OPEN"

    def test_a_month_is_locked_and_opened(self, centre: Centre, finance: Person, way: Way) -> None:
        month = f"2025-{way.number + 1:02}"

        def is_locked() -> list[bool]:
            rows = centre.rows("SELECT unlocked_at FROM period_lock WHERE organisation_id = %(org)s "
                               "AND note = %(note)s", note=way.name)  # fmt: skip
            return [row["unlocked_at"] is None for row in rows]

        finance.open("/finance/periods").fits().fill("Month", month).fill("Note", way.name).click("Lock month")
        assert finance.fits().reads("Month locked.")
        assert is_locked() == [True]
        row = finance.page.locator("li", has_text=way.name)
        row.get_by_placeholder("Reason").fill("a late bill")
        row.get_by_role("button", name="Unlock").click()

        assert finance.fits().reads("Month unlocked.")
        assert is_locked() == [False]


class TestReports:
    def test_each_agrees_with_the_books_as_picture_table_and_file(
        self, centre: Centre, finance: Person, way: Way
    ) -> None:
        built(centre, course(centre, f"Reported {way.name}", way.at(3)))
        for name in ("aged-receivables", "deferred-revenue"):
            finance.open("/finance/reports").fits()
            finance.click(finance.page.locator(f'a[href="/finance/reports/{name}"]'))
            assert finance.fits().reads("Agrees with the books to the cent")
            assert finance.page.locator("figure.chart .bar-row").count() > 0
            assert finance.page.locator("tbody tr").count() > 0

        finance.open("/finance/reports/aged-receivables")
        with finance.page.expect_download() as waited:
            finance.click("CSV")
        rows = list(csv.reader(io.StringIO(waited.value.path().read_text("utf-8-sig"))))
        assert any("Rossi family" in row for row in rows)
        finance.open("/finance/reports")
        with finance.page.expect_download() as waited:
            finance.click("Download")
        journal = list(csv.reader(io.StringIO(waited.value.path().read_text("utf-8-sig"))))
        assert len(journal) > 1


class TestMoney:
    def test_a_bank_line_is_matched(
        self, centre: Centre, finance: Person, way: Way, clients: dict[str, httpx.Client]
    ) -> None:  # fmt: skip
        _, order_id = held(tab_of(clients, ROSSI), centre, course(centre, f"By transfer {way.name}", way.at(4)))
        (order,) = centre.rows("SELECT reference, total_minor FROM term_booking_order WHERE organisation_id = %(org)s "
                               "AND id = %(id)s", id=order_id)  # fmt: skip
        amount = f"{order['total_minor'] / 100:.2f}"
        content = f"Date,Amount,Description\n2026-03-31,{amount},thank you {way.name}\n".encode()

        finance.open("/finance/bank").fits().page.locator("summary", has_text="Import a file").click()
        finance.page.locator("#file").set_input_files({"name": "march.csv", "mimeType": "text/csv", "buffer": content})
        finance.fill("For which bank account", "Operating account").click("Import")
        assert finance.fits().reads("1 of 1 lines are new")
        finance.click(finance.page.locator("tr", has_text=f"thank you {way.name}").get_by_role("link"))
        finance.fits().fill("Order", order["reference"])
        finance.page.get_by_role("button", name="Match", exact=True).click()

        assert finance.fits().reads("Line matched.")
        (paid,) = centre.rows("SELECT status, amount_minor FROM payment WHERE organisation_id = %(org)s AND order_id = "
                              "%(id)s", id=order_id)  # fmt: skip
        assert (paid["status"], paid["amount_minor"]) == ("SUCCESS", order["total_minor"])

    def test_a_refund_is_approved_and_paid_out(self, centre: Centre, finance: Person, way: Way) -> None:
        # Of a family that owes nothing: what it gives up is not used for something else.
        order_id = built(centre, course(centre, f"Asked back {way.name}", way.at(5)), family=centre.sample.chen)
        known, booking_id = officer(centre), booking_of(centre, order_id)
        centre.edit(payments.record_manual_payment, order_id=order_id, amount_minor=1050, reason="at the desk",
                    provider=payments.CASH, **known)  # fmt: skip
        office = {**known, "actor": Actor(ActorKind.ADMIN, centre.sample.users[Role.ADMIN])}
        centre.edit(endings.cancel, booking_id=booking_id, reason="we moved", **office)
        centre.edit(refund_request.ask, booking_id=booking_id, amount="10.50", reason="we moved",
                    destination=RefundDestination.ORIGINAL, **office)  # fmt: skip
        (request,) = centre.rows("SELECT id FROM refund_request WHERE organisation_id = %(org)s "
                                 "AND booking_id = %(id)s", id=booking_id)  # fmt: skip

        finance.open("/finance/refunds").fits()
        finance.click(finance.page.locator(f'a[href="/finance/refunds/{request["id"]}"]').first).fits()
        finance.fill("Note to the family", "as agreed")
        finance.page.get_by_role("button", name="Approve").click()
        assert finance.fits().reads("Processing")
        finance.click("Mark as paid out")

        assert finance.fits().reads("Refunded")
        sent = centre.rows("SELECT status, amount_minor FROM refund WHERE organisation_id = %(org)s "
                           "AND request_id = %(id)s", id=request["id"])  # fmt: skip
        assert sent == [{"status": "SUCCEEDED", "amount_minor": 1050}]

    def test_debits_are_looked_at_and_handed_to_the_bank(self, berlin: Berlin, door: Door) -> None:
        _, debit = waiting(berlin)
        finn = door(FINN).open("/finance/debits")

        assert finn.fits().reads(debit.reference)
        finn.click("Create run")
        assert finn.fits().reads("Download its file and send it to the bank")
        with finn.page.expect_download() as file:
            finn.click("File for the bank")
        assert f"<EndToEndId>{debit.reference}</EndToEndId>" in file.value.path().read_text()
        finn.click("Mark as paid by the bank")

        assert finn.fits().reads("debits settled")
        assert berlin.one("SELECT status FROM payment WHERE id = %(id)s", id=debit.payment_id)["status"] == "SUCCESS"

    def test_a_run_of_invoices_is_looked_at_begun_and_followed(self, berlin: Berlin, door: Door, way: Way) -> None:
        family = berlin.family(f"Bauer {way.name}", credit_limit_minor=100_000)
        course_ = berlin.course(*sundays(7), rules=MAY, capacity=9)
        cart = berlin.confirmed(family, family.child("Ida Bauer"), course_.lines(3, 4))
        finn = door(FINN).open("/finance/runs")

        finn.fits().fill("Planned invoices up to", THROUGH.isoformat()).click("Preview")
        assert finn.fits().reads("Issue invoices")
        finn.click("Issue invoices")
        assert finn.fits().reads("0 of 1 invoices issued")
        (run,) = berlin.rows("SELECT id FROM invoice_run WHERE status = 'RUNNING'")
        finish(berlin.database, berlin.organisation_id, run_id=run["id"], now=build.NOW)
        finn.click("Refresh")

        assert finn.fits().reads("1 of 1 invoices issued")
        issued = berlin.rows("SELECT run_id FROM invoice WHERE booking_id = %(id)s", id=berlin.booking(cart)["id"])
        assert issued == [{"run_id": run["id"]}]

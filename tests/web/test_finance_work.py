"""Finance's work on its pages: refunds decided, debits collected, invoices issued, wallets and books put right."""

from datetime import date
from typing import Any

import pytest
from argon2 import PasswordHasher

from engine.actor import Actor
from engine.database import Database
from models import ActorKind, RefundDestination, Role, User
from samples.sample import PASSWORD
from tests import builders as build
from tests.web.browsing import Person, signed_in_as
from tests.web.conftest import Centre as Served
from tests.web.conftest import Somebody, enter
from tests.workflows import endings
from tests.workflows.centre import Cart, Centre, make_centre, sundays
from tests.workflows.test_debit_runs import ready, waiting
from tests.workflows.test_invoice_runs import MAY, THROUGH
from workflows import payments, refund_request
from workflows.invoice_runs import finish

FINN = "finn@berlin.example"


@pytest.fixture(scope="module")
def berlin(checked_database: Database, database_url: str, centre: Served) -> Centre:
    """A centre that collects euros, beside the sample on the same server, with a finance officer of its own."""
    made = ready(make_centre(checked_database, database_url, name="Berlin", currency="EUR"))
    made.edit(build.add, User, email=FINN, name="Finn Anse", roles=[Role.FINANCE.value],
              password_hash=PasswordHasher().hash(PASSWORD), created_at=build.NOW)  # fmt: skip
    return made


@pytest.fixture
def finn(somebody: Somebody, centre: Served, berlin: Centre) -> Any:
    def come(**wanted: Any) -> Person:
        with enter(centre, FINN, slug="berlin") as client:
            return signed_in_as(somebody(**wanted), client)

    return come


@pytest.fixture
def asked(berlin: Centre) -> tuple[Cart, Any]:
    """A booking paid in cash and cancelled in time, whose family asks its 11.30 back the way they were paid."""
    family = berlin.family()
    cart = berlin.submitted(family, family.child(), berlin.course().lines())
    office = Actor(ActorKind.FINANCE, user_id=berlin.admin.user_id)
    berlin.do(payments.record_manual_payment, order_id=cart.id, amount_minor=11_30, reason="at the desk",
              actor=office, provider="cash")  # fmt: skip
    berlin.do(endings.cancel, booking_id=berlin.booking(cart)["id"], actor=family.actor, reason="we moved")
    ask = {"booking_id": berlin.booking(cart)["id"], "amount": "11.30", "reason": "we moved", "actor": family.actor,
           "destination": RefundDestination.ORIGINAL}  # fmt: skip
    berlin.do(refund_request.ask, **ask)
    return cart, ask


class TestRefunds:
    @pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
    def test_one_is_rejected_asked_again_approved_and_paid_out(
        self, finn: Any, berlin: Centre, asked: tuple[Cart, Any], scripts: bool
    ) -> None:  # fmt: skip
        cart, ask = asked
        finance = finn(scripts=scripts, size="desktop" if scripts else "phone").open("/finance")
        assert finance.reads("refund request to decide")
        finance.open("/finance/refunds").picture(f"finance-refunds-{scripts}").fits()
        finance.page.get_by_role("row").filter(has_text=berlin.booking(cart)["reference"]).get_by_role(
            "link"
        ).first.click()
        finance.fill("Reason (shown to the family)", "bring the receipt").click("Reject")
        assert finance.reads("Request rejected")

        berlin.do(refund_request.ask, **ask)
        finance.open(finance.path).reads("Awaiting decision")
        finance.page.get_by_label("Note to the family").fill("as agreed")
        finance.picture(f"finance-refund-{scripts}").is_sound()
        finance.page.get_by_role("button", name="Approve").click()
        assert finance.reads("Processing")
        finance.click("Mark as paid out")

        assert finance.reads("Refunded")
        assert finance.reads("bring the receipt")  # every attempt and decision stays

    def test_more_than_can_go_back_is_not_approved(
        self, finn: Any, berlin: Centre, asked: tuple[Cart, Any]
    ) -> None:  # fmt: skip
        booking = berlin.booking(asked[0])
        request = berlin.one("SELECT id FROM refund_request WHERE booking_id = %(id)s", id=booking["id"])
        finance = finn().open(f"/finance/refunds/{request['id']}")
        berlin.do(refund_request.approve, request_id=request["id"], actor=berlin.admin, note="in another window")
        finance.page.get_by_role("button", name="Approve").click()

        finance.page.get_by_role("alert").wait_for()
        assert len(berlin.rows("SELECT id FROM refund WHERE request_id = %(id)s", id=request["id"])) == 1


class TestDirectDebits:
    def test_a_run_is_looked_at_made_and_heard_of_again(self, finn: Any, berlin: Centre) -> None:
        _, debit = waiting(berlin)
        finance = finn().open("/finance/debits")
        assert finance.reads(debit.reference)
        finance.picture("finance-debits").is_sound()
        finance.click("Create run")
        assert finance.reads("Download its file and send it to the bank")
        with finance.page.expect_download() as file:
            finance.click("File for the bank")
        assert f"<EndToEndId>{debit.reference}</EndToEndId>" in file.value.path().read_text()
        finance.click("Mark as paid by the bank").reads("debits settled")
        finance.picture("finance-debit-run").fits()

        finance.open("/finance/debits/returns").picture("finance-debit-returns").fits()
        finance.page.get_by_label("File type").select_option("CSV")
        text = f"Date,Reference,Amount,Code\n2026-03-31,{debit.reference},22.60,AM04\n"
        finance.page.get_by_label("File", exact=True).set_input_files(
            {"name": "returns.csv", "mimeType": "text/csv", "buffer": text.encode()}
        )
        finance.click("Import")

        assert finance.reads("Invoice reopened")
        finance.picture("finance-debit-return").fits()

    def test_what_waits_meanwhile_is_looked_at_again(self, finn: Any, berlin: Centre) -> None:
        waiting(berlin)
        finance = finn(scripts=False, size="phone").open("/finance/debits")
        _, late = waiting(berlin)
        finance.click("Create run")

        finance.page.get_by_role("alert").wait_for()
        assert finance.reads(late.reference)
        finance.picture("finance-debits-phone").is_sound()


class TestInvoiceRuns:
    def test_one_is_looked_at_begun_and_followed(self, finn: Any, berlin: Centre) -> None:
        course = berlin.course(*sundays(7), rules=MAY, capacity=9)
        family = berlin.family("Bauer family", credit_limit_minor=100_000)
        berlin.confirmed(family, family.child("Ida Bauer"), course.lines(3, 4))
        finance = finn().open("/finance/runs")
        assert finance.reads("Nothing to invoice by this day")
        finance.page.get_by_label("Planned invoices up to").fill(THROUGH.isoformat())
        finance.click("Preview").reads("Issue invoices")
        finance.picture("finance-runs").is_sound()
        finance.click("Issue invoices").reads("0 of 1 invoices issued")
        (run,) = berlin.rows("SELECT id FROM invoice_run WHERE status = 'RUNNING'")
        finish(berlin.database, berlin.organisation_id, run_id=run["id"], now=build.NOW)
        finance.click("Refresh")

        assert finance.reads("1 of 1 invoices issued")
        assert finance.reads("Bauer family")
        finance.picture("finance-run").fits()

    def test_nobody_invoices_a_season_ahead_by_a_slip(self, finn: Any) -> None:
        finance = finn(size="phone").open("/finance/runs?through=2028-01-01")

        assert finance.reads("A run reaches at most 100 days ahead.")
        finance.picture("finance-runs-phone").is_sound()


class TestWallet:
    def test_is_topped_up_given_bonus_and_put_right(self, finn: Any, berlin: Centre) -> None:
        family = berlin.family("Vogel family")
        finance = finn(scripts=False, size="phone").open(f"/finance/families/{family.id}").click("View wallet")
        finance.page.get_by_label("Amount", exact=True).fill("12,345")
        finance.page.get_by_label("Reason", exact=True).first.fill("at the desk")
        finance.click("Top up")
        finance.page.get_by_role("alert").wait_for()  # more decimals than the currency has
        finance.page.get_by_label("Amount", exact=True).fill("12,50")
        finance.click("Top up").reads("Wallet topped up.")
        finance.fill("Bonus amount", "5").fill("Payment for", "welcome").fill("Last day", "2026-06-30")
        finance.click("Add bonus").reads("Bonus added.")
        assert finance.page.locator(".figure").inner_text() == "€17.50"
        finance.picture("finance-wallet").fits()

        row = finance.page.get_by_role("row").filter(has_text="Topped up")
        row.get_by_text("Undo").first.click()
        row.get_by_placeholder("Reason").fill("typed twice")
        row.get_by_role("button", name="Undo").click()
        assert finance.reads("Transaction reversed.")
        assert finance.page.locator(".figure").inner_text() == "€5.00"


class TestEntries:
    def test_one_is_posted_by_hand_and_reversed(self, finn: Any, berlin: Centre) -> None:
        finance = finn().open("/finance/entries")
        finance.page.get_by_label("Account of line 1").select_option("BANK")
        finance.page.get_by_label("Debit of line 1").fill("20.00")
        finance.page.get_by_label("Account of line 2").select_option("GATEWAY_CLEARING")
        finance.page.get_by_label("Credit of line 2").fill("19.00")
        finance.fill("Reason", "pay-out").click("Post entry")
        finance.page.get_by_role("alert").wait_for()  # the two sides do not balance
        finance.page.get_by_label("Credit of line 2").fill("20.00")
        finance.click("Post entry").reads("Entry posted.")
        finance.picture("finance-entries").is_sound()
        finance.page.get_by_text("Reverse entry").click()
        finance.page.locator("details[open]").get_by_placeholder("Reason").fill("the wrong month")
        finance.click("Reverse")

        assert finance.reads("Entry reversed.")
        entries = berlin.rows("SELECT posted_on FROM ledger_entry WHERE source_kind = 'MANUAL'")
        assert [entry["posted_on"] for entry in entries] == [date(2026, 3, 31)] * 2

"""Finance's pages: what needs attention, invoices given up, the books line by line, reports, months, the bank."""

from datetime import date, timedelta
from typing import Any

import pytest

from api.moves import KIND_OF_ROLE
from billing.reports.catalogue import ReportName
from billing.reports.form import Column, Kind, Period, Report, money
from billing.reports.parts import ALL, part_of
from catalogue.rules import Rule, clear_rule, set_rule
from engine.actor import Actor
from engine.database import Row
from models import Role, RuleScope, TermBookingConfirmationType, TermBookingOrderType
from tests.builders import NOW
from tests.web.conftest import Centre, Somebody
from tests.web.test_admin import offering_with_sessions
from tests.web.test_family_passes import on_sale
from web.finance.reports import bars_of, period_choices
from workflows import order_requests
from workflows import term_booking_order as orders
from workflows.overdue_fees import charge_overdue
from workflows.passes import buy_by_hand

FINANCE = "finance@centre7.example"


@pytest.fixture(scope="module")
def invoice(centre: Centre) -> dict[str, Any]:
    """Two sessions for Mia, confirmed by the office and not paid: an invoice that is open."""
    offering = offering_with_sessions(centre)
    sessions = centre.rows(
        "SELECT id FROM term_product WHERE organisation_id = %(org)s AND term_program_set_id = %(offering)s "
        "AND status = 'OPEN' ORDER BY starts_at LIMIT 2", offering=offering["id"],
    )  # fmt: skip
    office = Actor(KIND_OF_ROLE[Role.ADMIN], centre.sample.users[Role.ADMIN])
    family = centre.sample.rossi

    def book(tx: Any) -> Any:
        made = orders.new(
            tx, actor=office, account_id=family.account_id, attendee_id=family.attendee_ids[0],
            term_id=offering["term_id"], order_type=TermBookingOrderType.BOOKING, now=NOW,
        )  # fmt: skip
        tx.flush()
        order_id = made.order.id
        lines = [{"session_id": row["id"], "mode": "CASUAL", "seat_id": None, "makeup_credit_id": None,
                  "activity_ids": [], "extras": []} for row in sessions]  # fmt: skip
        saved = order_requests.save(tx, order_id=order_id, lines=lines, actor=office, now=NOW)
        tx.flush()
        order_requests.submit(
            tx, order_id=order_id, confirmation_type=TermBookingConfirmationType.ADMIN_CONFIRM,
            price_fingerprint=saved.order.price_fingerprint or "", actor=office, now=NOW,
            override_reason="asked by telephone",
        )  # fmt: skip
        tx.flush()
        order_requests.confirm(tx, order_id=order_id, actor=office, now=NOW, reason="pays by transfer")
        return made.order.reference

    reference = centre.edit(book)
    (found,) = centre.rows("SELECT id, number, total_minor FROM invoice WHERE organisation_id = %(org)s")
    return {**found, "order": reference}


class TestBooks:
    def test_what_needs_attention_stands_first(self, signed_in: Somebody, invoice: dict[str, Any]) -> None:
        finance = signed_in(FINANCE).open("/finance")

        assert finance.reads("Needs attention first")
        assert finance.reads("unpaid invoice")
        finance.picture("finance-desk").fits()

    def test_an_invoice_is_given_up_and_owed_again(self, signed_in: Somebody, invoice: dict[str, Any]) -> None:
        finance = signed_in(FINANCE).open(f"/finance/invoices/{invoice['id']}")
        giving_up = finance.page.locator("form", has=finance.page.get_by_role("button", name="Write off"))
        giving_up.get_by_label("Amount").fill("0.005")
        giving_up.get_by_label("Reason").fill("a cent less")
        finance.click("Write off")
        assert finance.page.get_by_role("alert").count() == 1  # more decimals than the currency has

        finance.open(f"/finance/invoices/{invoice['id']}")
        giving_up.get_by_label("Reason").fill("a goodwill gesture")
        finance.click("Write off")
        assert finance.reads("Amount written off.")
        finance.picture("finance-invoice").is_sound()
        finance.page.get_by_placeholder("Reason").fill("they paid after all")
        finance.click("Undo")

        assert finance.reads("Write-off reversed.")

    def test_a_familys_account_line_by_line(
        self, signed_in: Somebody, centre: Centre, invoice: dict[str, Any]
    ) -> None:  # fmt: skip
        finance = signed_in(FINANCE, size="tablet").open("/finance/families?q=Rossi").click("Rossi family")

        assert finance.reads("Ledger entries")
        finance.page.get_by_role("link", name=f"INV-2026-{invoice['number']:06}").first.wait_for()
        finance.picture("finance-family").fits()

    def test_a_month_is_locked_and_opened(self, signed_in: Somebody, centre: Centre) -> None:
        finance = signed_in(FINANCE).open("/finance/periods")
        finance.fill("Month", "2026-02").fill("Note", "reported").click("Lock month")
        assert finance.reads("Month locked.")
        finance.picture("finance-periods").fits()
        finance.page.get_by_placeholder("Reason").fill("a late bill")
        finance.click("Unlock")

        assert finance.reads("Month unlocked.")


class TestFinding:
    @pytest.mark.parametrize(("size", "scripts"), [("tablet", True), ("desktop", False)])
    def test_anything_leads_to_a_page_of_finances_own(
        self, signed_in: Somebody, centre: Centre, invoice: dict[str, Any], size: str, scripts: bool
    ) -> None:  # fmt: skip
        finance = signed_in(FINANCE, size=size, scripts=scripts).open("/finance")
        finance.fill("Search everything", "mia").click("Search")
        assert finance.reads("Mia Rossi")
        finance.picture(f"finance-search-{size}").is_sound()
        finance.page.get_by_role("link", name="Rossi family").first.click()
        assert finance.reads("Ledger entries")

        number = f"INV-2026-{invoice['number']:06}"
        finance.open(f"/finance/search?q={number.lower()}").click(number)
        assert finance.path == f"/finance/invoices/{invoice['id']}"

        finance.open(f"/finance/search?q={invoice['order']}").click(invoice["order"])
        assert finance.title == "Rossi family"

        finance.open("/finance/search?q=karate")
        assert finance.reads("No results")  # what is offered is the office's


class TestLists:
    def test_passes_and_subscriptions_of_every_family(self, signed_in: Somebody, centre: Centre) -> None:
        office = Actor(KIND_OF_ROLE[Role.ADMIN], centre.sample.users[Role.ADMIN])
        product = on_sale(centre, "Ten visits")
        centre.edit(buy_by_hand, account_id=centre.sample.rossi.account_id, product_id=product, provider="cash",
                    reason="at the desk", actor=office, now=centre.clock.now())  # fmt: skip

        finance = signed_in(FINANCE, size="tablet", scripts=False).open("/finance").click("Passes")
        assert finance.reads("Ten visits")
        assert finance.page.get_by_role("link", name="Rossi family").count() == 1
        finance.picture("finance-passes-tablet").is_sound()
        finance.click("No longer valid")
        assert finance.reads("No passes yet")

        desk = signed_in("admin@centre7.example", size="phone").open("/admin/passes")
        assert desk.reads("Held by families")
        desk.picture("admin-passes-phone").is_sound()
        assert desk.click("Rossi family").title == "Rossi family"

        finance.open("/finance").click("Subscriptions")
        assert finance.reads("No matching subscriptions")
        finance.is_sound()


class TestBank:
    def test_a_transfer_is_matched_with_its_order(
        self, signed_in: Somebody, centre: Centre, invoice: dict[str, Any]
    ) -> None:  # fmt: skip
        day = date(2026, 3, 31).isoformat()
        text = f"Date,Amount,Description\n{day},10.00,{invoice['order']} karate\n{day},7.00,rent\n"
        finance = signed_in(FINANCE, scripts=False).open("/finance/bank")
        finance.page.get_by_text("Import a file", exact=True).click()
        finance.page.get_by_label("File: CAMT.053, or CSV").set_input_files(
            {"name": "march.csv", "mimeType": "text/csv", "buffer": text.encode()}
        )
        finance.fill("For which bank account", "Operating account").click("Import")
        assert finance.reads("2 of 2 lines are new")
        finance.picture("finance-bank")

        finance.page.get_by_role("row").filter(has_text="karate").get_by_role("link").click()
        finance.page.get_by_role("button", name=f"Match with {invoice['order']}").click()

        assert finance.reads("Line matched.")
        (payment,) = centre.rows("SELECT amount_minor, status FROM payment WHERE organisation_id = %(org)s "
                                 "AND amount_minor = 1000")  # fmt: skip
        assert payment["status"] == "SUCCESS"

    def test_a_file_of_nothing_is_refused(self, signed_in: Somebody, centre: Centre) -> None:
        finance = signed_in(FINANCE).open("/finance/bank")
        finance.page.get_by_text("Import a file", exact=True).click()
        finance.page.get_by_label("File: CAMT.053, or CSV").set_input_files(
            {"name": "empty.csv", "mimeType": "text/csv", "buffer": b"nonsense"}
        )
        finance.click("Import")

        assert finance.page.get_by_role("alert").count() == 1


class TestLatePaymentFee:
    """Charged on a day to come, and waived before it by the page's clock: reports of today are read before this."""

    def test_a_late_payment_fee_is_shown_and_waived(
        self, signed_in: Somebody, centre: Centre, invoice: dict[str, Any]
    ) -> None:  # fmt: skip
        rule = RuleScope.ORGANISATION, centre.organisation_id, Rule.OVERDUE_FEE
        centre.edit(lambda tx: set_rule(tx, *rule, {"after_days": 7, "amount_minor": 900}))
        charge_overdue(centre.database, now=NOW + timedelta(days=30))
        centre.edit(lambda tx: clear_rule(tx, *rule))
        finance = signed_in(FINANCE).open(f"/finance/invoices/{invoice['id']}")
        assert finance.reads("Late payment fee: $9.00")

        finance.page.get_by_placeholder("Reason for waiving").fill("the bank was late")
        finance.click("Waive fee")

        assert finance.reads("Fee waived.")
        finance.picture("finance-invoice-fee").is_sound()


class TestPeriods:
    """What finance asks of reports again and again, by one tap."""

    @pytest.mark.parametrize(
        ("today", "expected"),
        [
            (date(2026, 3, 31), ["2026-03-01 2026-03-31", "2026-02-01 2026-02-28", "2025-10-01 2025-12-31",
                                 "2026-01-01 2026-03-31", "2025-01-01 2025-12-31"]),
            (date(2026, 1, 1), ["2026-01-01 2026-01-01", "2025-12-01 2025-12-31", "2025-10-01 2025-12-31",
                                "2026-01-01 2026-01-01", "2025-01-01 2025-12-31"]),
            (date(2024, 8, 15), ["2024-08-01 2024-08-15", "2024-07-01 2024-07-31", "2024-04-01 2024-06-30",
                                 "2024-01-01 2024-08-15", "2023-01-01 2023-12-31"]),
        ],
    )  # fmt: skip
    def test_end_where_they_should(self, today: date, expected: list[str]) -> None:
        found = period_choices(ReportName.TAX, Period(today, today), today)

        assert [f"{one['since']} {one['until']}" for one in found] == expected

    def test_one_tap_shows_a_quarter_and_says_so(self, signed_in: Somebody) -> None:
        finance = signed_in(FINANCE, size="phone", scripts=False)
        finance.open("/finance/reports/tax").click("Last quarter").fits()

        chosen = finance.page.locator(".chip[aria-current]")
        assert chosen.all_inner_texts() == ["Last quarter"]
        since, until = (finance.page.get_by_label(name).input_value() for name in ("From", "Until"))
        assert (since[8:], until[5:]) in {("01", "03-31"), ("01", "06-30"), ("01", "09-30"), ("01", "12-31")}

    def test_what_stands_at_the_end_of_a_day_asks_for_that_day_alone(self, signed_in: Somebody) -> None:
        finance = signed_in(FINANCE)
        finance.open("/finance/reports/deferred-revenue").click("End of last month").fits()

        assert finance.page.get_by_label("From").count() == 0
        assert finance.page.get_by_label("At the end of the day").input_value()[8:] in {"28", "29", "30", "31"}
        assert finance.page.locator(".chip[aria-current]").all_inner_texts() == ["End of last month"]
        finance.picture("finance-report-desktop").is_sound()


class TestPictures:
    @staticmethod
    def bars(name: ReportName, columns: list[Column], rows: list[Row]) -> list[tuple[Any, int, float]]:
        made = Report(name, "", Period(NOW.date(), NOW.date()), columns, rows)
        return [(bar["value"], bar["amount_minor"], bar["share"]) for bar in bars_of(part_of(made, ALL))]

    def test_programs_are_called_by_their_names_the_largest_first(self) -> None:
        columns = [Column("category", "Category"), Column("program", "Program"), money("total_minor", "Total")]
        rows = [
            {"category": "Arts", "program": "Drama", "total_minor": 500},
            {"category": "Arts", "program": "Writing", "total_minor": -2000},
            {"category": "Sports", "program": "Karate", "total_minor": 1000},
        ]

        assert self.bars(ReportName.REVENUE_BY_PROGRAM, columns, rows) == [
            ("Writing", -2000, 100.0), ("Karate", 1000, 50.0), ("Drama", 500, 25.0),
        ]  # fmt: skip

    def test_days_stand_in_their_order_each_once(self) -> None:
        columns = [Column("day", "Day", Kind.DAY), Column("provider", "Provider"), money("total_minor", "Total")]
        rows = [
            {"day": date(2026, 3, 30), "provider": "manual", "total_minor": 100},
            {"day": date(2026, 3, 30), "provider": "stripe", "total_minor": 300},
            {"day": date(2026, 3, 31), "provider": "stripe", "total_minor": 800},
        ]

        assert self.bars(ReportName.TAKINGS, columns, rows) == [
            (date(2026, 3, 30), 400, 50.0), (date(2026, 3, 31), 800, 100.0),
        ]  # fmt: skip

    def test_who_owes_is_one_tap_from_the_account(self, signed_in: Somebody, invoice: dict[str, Any]) -> None:
        finance = signed_in(FINANCE, size="phone", scripts=False)
        finance.open("/finance/reports/aged-receivables")
        owes = finance.page.locator("tbody tr", has_text="Rossi family").locator("td").last.inner_text()

        finance.click(finance.page.locator("tbody tr", has_text="Rossi family").get_by_role("link")).fits()

        assert finance.title == "Rossi family"
        assert owes in finance.text

    def test_revenue_is_no_negative_number_and_a_month_is_written_out(
        self, signed_in: Somebody, invoice: dict[str, Any]
    ) -> None:
        finance = signed_in(FINANCE)
        finance.open("/finance/reports/deferred-revenue")

        assert finance.page.locator("tbody td").first.inner_text() == "April 2026"
        agrees = finance.page.get_by_text("Agrees with the books to the cent").inner_text()
        assert agrees.endswith(finance.page.locator("tfoot td").last.inner_text() + ".")


def test_finance_s_pages_are_for_finance(signed_in: Somebody, centre: Centre) -> None:
    assert signed_in("staff@centre7.example").open("/finance").reads("You don't have access to this page")

"""What comes over finance's desk: money to look at, which somebody settles, and money that is recorded by hand."""

import re
from collections.abc import Iterator

import pytest

from invoicing.issue import number_text
from models import PaymentReview, PaymentReviewKind
from tests import builders as build
from tests.builders import NOW
from tests.web.conftest import Centre, Somebody
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import WAY, Tab, booked, enter, fill, submission, tab
from web.labels import REVIEW

__all__ = ["tab"]


@pytest.fixture
def finance(centre: Centre) -> Iterator[Tab]:
    with enter(centre, "finance@centre7.example") as client:
        yield Tab(client, client.get("/finance"))


def submitted(centre: Centre, tab: Tab, name: str) -> str:
    """An order whose places are kept until it is paid."""
    fill(tab, centre, family_class(centre, name, hour=11))
    action = submission(tab)
    tab.client.post(action, data={**tab.hidden(action), **WAY})
    (order,) = centre.rows("SELECT id FROM term_booking_order WHERE organisation_id = %(org)s AND status = 300 "
                           "ORDER BY id DESC LIMIT 1")  # fmt: skip
    return str(order["id"])


def test_each_kind_has_words() -> None:
    assert set(REVIEW) == {kind.value for kind in PaymentReviewKind}


class TestReviews:
    def test_one_is_settled_with_what_was_done(self, centre: Centre, tab: Tab, finance: Tab) -> None:
        order_id = submitted(centre, tab, "Part of it")
        with enter(centre, "admin@centre7.example") as client:
            office = Tab(client, client.get(f"/admin/orders/{order_id}"))
            path = f"/admin/orders/{order_id}/payment"
            given = {"amount_minor": "3,00", "provider": "cash", "came_for": "at the desk"}
            assert "Say how the money came in." in office.text(
                office.send(path, {**given, "came_for": ""}, action=path))  # fmt: skip
            assert "Payment recorded." in office.text(office.send(path, given, action=path))
        read = finance.text(finance.client.get("/finance"))
        assert re.search(r"1 review payment to review", read)

        read = finance.text(finance.client.get("/finance/reviews"))
        assert "Partial payment" in read
        (action,) = re.findall(r'action="(/finance/reviews/[0-9a-f-]+)"', finance.page.text)
        family = re.findall(r'href="(/finance/families/[0-9a-f-]+)"', finance.page.text)
        assert finance.client.get(family[0]).status_code == 200
        form = finance.hidden(action)
        assert "Say what was done" in finance.text(finance.client.post(action, data={**form, "resolution": " "}))
        said = finance.text(finance.client.post(action, data={**form, "resolution": "the rest comes on Friday"}))

        assert "Removed from the list." in said
        assert "No payments to review" in said
        (kept,) = centre.rows("SELECT resolution FROM payment_review WHERE organisation_id = %(org)s")
        assert kept["resolution"] == "the rest comes on Friday"

    def test_what_is_nobodys_is_listed_and_the_page_is_sound(self, centre: Centre, signed_in: Somebody) -> None:
        centre.edit(build.add, PaymentReview, kind=PaymentReviewKind.UNKNOWN_PAYMENT, provider="sandbox",
                    external_id="pay_77", reported_minor=1000, reported_currency="CAD", created_at=NOW)  # fmt: skip
        desk = signed_in("finance@centre7.example", size="phone").open("/finance/reviews")

        assert desk.reads("Unknown payment")
        desk.picture("finance-reviews").fits()
        desk.page.get_by_label(re.compile("Action taken")).fill("not of our account, told the provider")
        desk.click("Done").reads("Removed from the list.")


class TestMoneyByHand:
    def test_cash_settles_an_invoice(self, centre: Centre, tab: Tab, finance: Tab) -> None:
        booking_id = booked(tab, centre, "Paid in cash", hour=12).rpartition("/")[2]
        (invoice,) = centre.rows("SELECT id FROM invoice WHERE organisation_id = %(org)s AND booking_id = %(id)s",
                                 id=booking_id)  # fmt: skip
        page = f"/finance/invoices/{invoice['id']}"
        path = f"{page}/payment"
        form = finance.open(page).hidden(path)
        given = {**form, "amount_minor": "900.00", "provider": "cash", "came_for": "at the desk"}

        assert "at most $" in finance.text(finance.client.post(path, data=given))
        owed = finance.open(page).page.text.partition("Balance due")[2]
        amount = re.findall(r"\$([0-9.]+)", owed)[0]
        said = finance.text(finance.client.post(path, data={**given, "amount_minor": amount}))

        assert "Payment recorded." in said
        assert f'action="{path}"' not in finance.page.text
        (paid,) = centre.rows("SELECT payment_state FROM term_booking WHERE organisation_id = %(org)s AND id = %(id)s",
                              id=booking_id)  # fmt: skip
        assert paid["payment_state"] == "PAID"

    def test_an_invoice_is_found_by_all_of_its_number(self, centre: Centre, tab: Tab, finance: Tab) -> None:
        booking_id = booked(tab, centre, "Looked for", hour=16).rpartition("/")[2]
        (invoice,) = centre.rows("SELECT id, series, year, number FROM invoice WHERE organisation_id = %(org)s "
                                 "AND booking_id = %(id)s", id=booking_id)  # fmt: skip
        number = number_text(invoice["series"], invoice["year"], invoice["number"])

        found = finance.open(f"/finance/invoices?number={number.lower()}").page.text

        assert set(re.findall(r'href="/finance/invoices/([0-9a-f-]{36})"', found)) == {str(invoice["id"])}
        assert "Enter the full number" in finance.open("/finance/invoices?number=INV-1").page.text

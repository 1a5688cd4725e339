"""A transfer matched with the wrong order, on finance's pages: undone, and the order is listed until it is paid."""

import re
from collections.abc import Iterator

import pytest

from tests.web.conftest import Centre
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import WAY, Tab, enter, fill, submission, tab

__all__ = ["tab"]


@pytest.fixture
def finance(centre: Centre) -> Iterator[Tab]:
    with enter(centre, "finance@centre7.example") as client:
        yield Tab(client, client.get("/finance"))


def submitted(centre: Centre, tab: Tab, *, hour: int) -> str:
    """The reference of an order whose places are kept until it is paid."""
    fill(tab, centre, family_class(centre, f"By transfer at {hour}", hour=hour))
    action = submission(tab)
    tab.client.post(action, data={**tab.hidden(action), **WAY})
    (order,) = centre.rows("SELECT reference FROM term_booking_order WHERE organisation_id = %(org)s AND status = 300 "
                           "ORDER BY id DESC LIMIT 1")  # fmt: skip
    return str(order["reference"])


def came_in(finance: Tab, text: str) -> str:
    """The page of a line of the statement."""
    form = finance.open("/finance/bank").hidden()
    csv = f"Date,Amount,Description\n2026-03-31,3.00,{text}\n"
    sent = finance.client.post(
        "/finance/bank", files={"file": ("march.csv", csv.encode(), "text/csv")},
        data={**form, "bank_account": "Operating account", "booked_on": "Date", "amount": "Amount",
              "text": "Description", "date_form": "YYYY-MM-DD"},
    )  # fmt: skip
    assert "1 of 1 lines are new" in finance.text(sent)
    return re.findall(r'href="(/finance/bank/[0-9a-f-]+)"', finance.page.text)[-1]


def test_a_csv_file_of_no_account_is_refused_at_that_field(finance: Tab) -> None:
    form = finance.open("/finance/bank").hidden()
    refused = finance.text(finance.client.post(
        "/finance/bank", files={"file": ("march.csv", b"Date,Amount\n2026-03-31,3.00\n", "text/csv")},
        data={**form, "booked_on": "Date", "amount": "Amount", "text": "", "date_form": "YYYY-MM-DD"},
    ))  # fmt: skip

    assert refused.count("Name the bank account that the CSV file is from.") == 2  # above the form, and at the field
    assert 'id="bank_account-fault"' in finance.page.text


def test_a_match_is_undone_and_the_order_stays_on_the_list(centre: Centre, tab: Tab, finance: Tab) -> None:
    assert "No partly paid orders" in finance.text(finance.client.get("/finance/stuck-orders"))
    reference = submitted(centre, tab, hour=10)
    line = came_in(finance, "karate thank you")
    finance.text(finance.open(line).send(line, {"reference": reference, "do": "match"}))
    assert reference in finance.text(finance.client.get("/finance/stuck-orders"))

    form = finance.open(line).hidden()
    payment = re.findall(r'name="payment" value="([^"]+)"', finance.page.text)[0]
    undone = {**form, "payment": payment, "do": "undo"}
    assert "Say what was wrong with the match." in finance.text(finance.client.post(line, data=undone))
    said = finance.text(finance.client.post(line, data={**undone, "reason": "it was the Chens'"}))
    assert "Match removed" in said
    assert "it was the Chens" in said

    read = finance.text(finance.client.get("/finance/stuck-orders"))
    assert reference in read
    assert "$3.00" in read.partition(reference)[2]
    assert "1 review order holding places" in finance.text(finance.client.get("/finance"))


@pytest.mark.parametrize(("language", "said"), [
    ("en", "$3.00 of the line is left to match."), ("fr", "Il reste 3,00 $ à rapprocher sur la ligne."),
])  # fmt: skip
def test_more_than_came_in_is_refused_as_the_reader_writes_money(
    centre: Centre, tab: Tab, finance: Tab, language: str, said: str
) -> None:
    reference = submitted(centre, tab, hour=11 if language == "en" else 12)
    line = came_in(finance, f"too much in {language}")
    finance.client.headers["Accept-Language"] = language

    given = {"reference": reference, "amount": "4", "do": "match"}
    text = finance.text(finance.open(line).send(line, given)).replace("\xa0", " ")

    assert said in text


def test_an_order_with_its_timeout_is_on_no_list(centre: Centre, tab: Tab, finance: Tab) -> None:
    assert submitted(centre, tab, hour=14) not in finance.text(finance.client.get("/finance/stuck-orders"))

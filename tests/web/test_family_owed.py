"""What a family owes for what is booked: from the mail's link to paid, and nothing to press where nothing is due."""

import re
import time
from collections.abc import Iterator

import pytest

from engine.ids import new_id
from engine.outbox import Message as OutboxEntry
from models import OutboxMessage
from tests import builders as build
from tests.web.conftest import Centre, Somebody
from tests.web.test_family_booking import ROSSI, family_class, pay_at_sandbox
from tests.web.test_family_forms import Tab, booked, enter, fill, submission
from workflows.messages import compose_message

PAY_NOW = re.compile(r'action="(/family/orders/[0-9a-f-]+/payment)"')


@pytest.fixture
def tab(centre: Centre) -> Iterator[Tab]:
    with enter(centre) as client:
        yield Tab(client, client.get("/family"))


def order_of(centre: Centre, booking: str) -> str:
    (row,) = centre.rows("SELECT order_id FROM term_booking WHERE organisation_id = %(org)s AND id = %(id)s",
                         id=booking.rpartition("/")[2])  # fmt: skip
    return str(row["order_id"])


def link_in_the_mail(centre: Centre, order_id: str) -> str:
    """Where "Pay" of the reminder leads."""
    payload = {"subject_id": order_id, "amount_minor": 1050, "due_on": "2026-04-14"}
    entry = centre.edit(build.add, OutboxMessage, id=new_id(), topic="payment.due", payload=payload,
                        created_at=centre.clock.now())  # fmt: skip
    message = centre.edit(
        compose_message,
        OutboxEntry(entry["id"], entry["topic"], entry["payload"], entry["created_at"]),
        base_url=centre.url,
        secret=centre.settings.secret,
    )
    assert message is not None
    assert message.link is not None
    return str(message.link).removeprefix(centre.url)


def pay(centre: Centre, tab: Tab, page: str) -> None:
    """Press "Pay now", pay at the provider, and come back."""
    order = tab.open(page).page
    (action,) = set(PAY_NOW.findall(order.text))
    at_provider = tab.send(action, {}, action=action).headers["location"]
    centre.sandbox.visit(at_provider)
    for _ in range(240):
        shown = tab.text(tab.open(page).page)
        if not PAY_NOW.search(tab.page.text) and "payment processing" not in shown:
            return
        time.sleep(0.25)
    raise AssertionError(tab.text(tab.page))


def booked_by_deposit(tab: Tab, centre: Centre, name: str, *, hour: int, first: int) -> str:
    """A class of the family whose deposit is paid: the address of the checkout, which says so and is `tab.page`."""
    fill(tab, centre, family_class(centre, name, hour=hour), first=first)
    action = submission(tab)
    where = tab.client.post(
        action, data={**tab.hidden(action), "way": "PAY_NOW_PAY_DEPOSIT"}
    ).headers["location"]  # fmt: skip
    begin = f"{where}/payment"
    centre.sandbox.visit(tab.open(where).send(begin, {}, action=begin).headers["location"])
    for _ in range(240):
        if "You're booked" in tab.text(tab.open(where).page):
            return str(where)
        time.sleep(0.25)
    raise AssertionError(tab.text(tab.page))


class TestPayingWhatIsOwed:
    def test_from_the_link_of_the_mail_until_it_is_paid(self, centre: Centre, tab: Tab) -> None:
        booking = booked(tab, centre, "Owed", hour=8)
        link = link_in_the_mail(centre, order_of(centre, booking))
        where = tab.client.get(link).headers["location"]
        asked = tab.text(tab.client.get(where))

        pay(centre, tab, where)

        assert "Balance due $10.50 , due by" in asked
        assert "Balance due" not in tab.text(tab.client.get(where))
        (state,) = centre.rows("SELECT payment_state FROM term_booking WHERE organisation_id = %(org)s AND id = %(id)s",
                               id=booking.rpartition("/")[2])  # fmt: skip
        assert state["payment_state"] == "PAID"

    def test_the_booking_and_the_documents_lead_there_as_well(self, centre: Centre, tab: Tab) -> None:
        booking = booked(tab, centre, "Owed elsewhere", hour=9)
        action = f"/family/orders/{order_of(centre, booking)}/payment"

        for page in (booking, "/family/documents"):
            assert action in PAY_NOW.findall(tab.open(page).page.text), page
        pay(centre, tab, booking)

        for page in (booking, "/family/documents"):
            assert action not in PAY_NOW.findall(tab.open(page).page.text), page

    def test_the_rest_of_a_deposit_is_paid_on_its_day_or_before(self, centre: Centre, tab: Tab) -> None:
        booked_by_deposit(tab, centre, "By deposit", hour=10, first=6)
        (booking,) = set(re.findall(r'href="(/family/bookings/[0-9a-f-]+)"', tab.page.text))
        asked = tab.text(tab.client.get(booking))

        pay(centre, tab, f"/family/orders/{order_of(centre, booking)}")

        assert "Balance due $7.87 , due by Sat, May 9, 2026" in asked
        assert "Balance due" not in tab.text(tab.client.get(booking))

    def test_the_rest_of_a_deposit_waits_for_the_family_from_the_start(self, centre: Centre, tab: Tab) -> None:
        where = booked_by_deposit(tab, centre, "Rest in days", hour=13, first=1)
        done = tab.text(tab.page)
        (order,) = set(re.findall(r'href="(/family/orders/[0-9a-f-]+)"', tab.page.text))
        home = tab.text(tab.client.get("/family"))

        pay(centre, tab, order)

        assert re.search(r"Still to pay Rest in days Mia Rossi · due by Sat, Apr 4, 2026 \$7\.87", done), done
        assert re.search(
            r"Waiting for you Balance due due by Sat, Apr 4, 2026 Mia Rossi · Rest in days · \$7\.87", home
        )
        assert "Still to pay" not in tab.text(tab.client.get(where))
        assert "Rest in days · $7.87" not in tab.text(tab.client.get("/family"))

    def test_nothing_is_offered_where_nothing_is_due(self, centre: Centre, tab: Tab) -> None:
        booking = booked(tab, centre, "Given up and owed no more", hour=11)
        path = f"{booking}/cancellation"
        tab.text(tab.open(path).send(path, {"reason": "moved away"}))
        order = f"/family/orders/{order_of(centre, booking)}"

        for page in (booking, order):
            assert "Balance due" not in tab.text(tab.client.get(page)), page
        said = tab.text(tab.client.post(f"{order}/payment", data=tab.open("/family/wallet").any_token()))
        assert "Everything that" in said

    def test_another_family_is_not_asked(self, centre: Centre, tab: Tab) -> None:
        order = order_of(centre, booked(tab, centre, "Not theirs", hour=12))
        with enter(centre, "chen@family.example") as client:
            chen = Tab(client, client.get("/family/documents"))

            assert order not in chen.page.text
            assert client.post(f"/family/orders/{order}/payment", data=chen.any_token()).status_code == 404

    @pytest.mark.parametrize(("size", "scripts"), [("phone", False), ("desktop", True)])
    def test_is_read_and_pressed(self, centre: Centre, signed_in: Somebody, size: str, scripts: bool) -> None:
        with enter(centre) as client:
            booking = booked(Tab(client, client.get("/family")), centre, f"Owed {size}", hour=14 + scripts)
        rosa = signed_in(ROSSI, size=size, scripts=scripts)

        rosa.open(booking).picture(f"booking-owed-{size}").fits()
        rosa.open("/family/documents").picture(f"documents-owed-{size}").fits()
        rosa.open(f"/family/orders/{order_of(centre, booking)}").picture(f"order-owed-{size}").fits()
        rosa.click("Pay now")
        pay_at_sandbox(rosa)
        rosa.page.wait_for_url(lambda url: url.startswith(rosa.base))
        for _ in range(240):
            if "Balance due" not in rosa.text:
                break
            time.sleep(0.25)
            rosa.page.reload()

        assert "Balance due" not in rosa.text

"""What the centre quoted is accepted, paid and kept on paper; what was quoted and is not wanted is given up."""

import re
from collections.abc import Iterator

import pytest

from engine.actor import Actor
from models import ActorKind, TermBookingConfirmationType, TermBookingStatus
from tests.engine.later import until
from tests.web.conftest import Centre
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import WAY, Tab, enter, fill, submission
from workflows import term_booking_order as orders

OFFICE = Actor(ActorKind.ADMIN)


def quoted(tab: Tab, centre: Centre, name: str, *, hour: int) -> str:
    """The address of an order of one session that the centre quoted."""
    fill(tab, centre, family_class(centre, name, hour=hour))
    action = submission(tab)
    where = tab.client.post(action, data={**tab.hidden(action), **WAY}).headers["location"]
    (order,) = centre.rows("SELECT order_id AS id FROM group_order_member WHERE organisation_id = %(org)s "
                           "AND group_order_id = %(id)s", id=where.rpartition("/")[2])  # fmt: skip
    centre.edit(lambda tx: orders.quote(tx, order_id=order["id"], actor=OFFICE, now=centre.clock.now()))
    return f"/family/orders/{order['id']}"


@pytest.fixture
def tab(centre: Centre) -> Iterator[Tab]:
    with enter(centre) as client:
        yield Tab(client, client.get("/family"))


def test_a_quote_is_accepted_and_paid_and_its_receipt_is_a_paper(centre: Centre, tab: Tab) -> None:
    order = quoted(tab, centre, "Quoted", hour=8)
    seen = tab.text(tab.open(order).page)
    paper = re.search(r'href="(/family/documents/quotes/[0-9a-f-]+)"', tab.page.text)
    assert paper
    acceptance, payment = f"{order}/acceptance", f"{order}/payment"

    given = tab.hidden(acceptance)
    accepted = tab.text(tab.client.post(acceptance, data=given))
    again = tab.text(tab.client.post(acceptance, data={**given, "form_key": "another"}))
    checkout = tab.open(order).send(payment, {}, action=payment).headers["location"]
    centre.sandbox.visit(checkout)
    until(lambda: "View booking" in tab.client.get(order).text)
    receipts = re.findall(r'href="(/family/documents/receipts/[0-9a-f-]+)"', tab.open("/family/documents").page.text)

    assert re.search(r"Quote Q-\d", seen)
    assert re.search(r"Accept by .*20\d\d", seen)
    assert tab.client.get(paper[1]).content.startswith(b"%PDF")
    assert "Quote accepted." in accepted
    assert "Pay now" in accepted
    assert "accept" in again
    assert tab.client.get(receipts[0]).content.startswith(b"%PDF")
    with enter(centre, "chen@family.example") as other:
        assert other.get(receipts[0]).status_code == 404


def test_a_quote_is_declined(centre: Centre, tab: Tab) -> None:
    order = quoted(tab, centre, "Not wanted", hour=9)
    ending = f"{order}/ending"

    said = tab.text(tab.open(order).send(ending, {}, action=ending))

    assert "The order is cancelled" in said
    (row,) = centre.rows("SELECT status FROM term_booking_order WHERE organisation_id = %(org)s AND id = %(id)s",
                         id=order.rpartition("/")[2])  # fmt: skip
    assert row["status"] == TermBookingStatus.CANCELED


def test_after_the_acceptance_one_reads_that_the_centre_has_the_next_step(centre: Centre, tab: Tab) -> None:
    order = quoted(tab, centre, "Confirmed by the centre", hour=10)
    centre.edit(lambda tx: tx.run(
        "UPDATE term_booking_order SET confirmation_type = %(how)s WHERE organisation_id = %(org)s AND id = %(id)s",
        how=TermBookingConfirmationType.ADMIN_CONFIRM, id=order.rpartition("/")[2]))  # fmt: skip
    acceptance = f"{order}/acceptance"

    accepted = tab.text(tab.open(order).send(acceptance, {}, action=acceptance))

    assert "Waiting for the centre" in accepted
    assert "e-mail you as soon as the centre decides." in accepted

"""How families pay for offered places and changes, and guests for orders: by what is open; the rest says why not."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from models import RuleSetting, TermBookingConfirmationType, TermBookingStatus
from tests import builders as build
from tests.web.conftest import SLUG, Centre
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import WAY, Tab, booked, enter, fill, pick_of, sessions_of, submission

NOW, DEPOSIT, LATER, DEBIT = "PAY_NOW_PAY_ALL", "PAY_NOW_PAY_DEPOSIT", "CONFIRM_WITHOUT_PAYMENT", "DIRECT_DEBIT"
CHOICE = re.compile(r'type="radio" name="way" value="(\w+)"')


def allow(centre: Centre, program_id: str, *ways: str) -> None:
    centre.edit(build.add, RuleSetting, scope="TPS", scope_id=UUID(program_id), name="confirmation_types",
                value=list(ways))  # fmt: skip


@contextmanager
def offered(centre: Centre, name: str, *ways: str, hour: int) -> Iterator[tuple[Tab, str]]:
    """The Chens with an offer of a place in a class that takes these ways; its page is open."""
    address = family_class(centre, name, capacity=1, count=8, hour=hour)
    session = sessions_of(centre, address)[6]
    queue = f"/family/queue/{session['id']}/{centre.sample.chen.attendee_ids[0]}"
    with enter(centre) as one, enter(centre, "chen@family.example") as other:
        rossi, chen = Tab(one, one.get("/family")), Tab(other, other.get(queue))
        fill(rossi, centre, address, first=6)
        action = submission(rossi)
        where = one.post(action, data={**rossi.hidden(action), **WAY}).headers["location"]
        chen.send(queue, {})
        rossi.open(where).send(f"{where}/reopening", {}, action=f"{where}/reopening")
        rossi.open("/family/cart")
        for cart in set(re.findall(r'action="(/family/cart/[0-9a-f-]+)"', rossi.page.text)):
            for out in re.findall(r'name="out" value="([^"]+)"', rossi.page.text):
                rossi.send(cart, {"out": out}, action=cart)
        allow(centre, address.rpartition("/")[2], *ways)
        rows = centre.rows("SELECT offer_id FROM waiting_entry WHERE organisation_id = %(org)s "
                           "AND term_product_id = %(id)s AND offer_id IS NOT NULL", id=session["id"])  # fmt: skip
        offer = f"/family/offers/{rows[0]['offer_id']}"
        yield chen.open(offer), offer


def in_french(tab: Tab, answer: httpx.Response) -> str:
    return tab.text(tab.client.get(str(answer.url), headers={"Accept-Language": "fr"}))


def orders_for(centre: Centre, name: str, *, whose: UUID) -> list[dict[str, Any]]:
    """What the account has ordered there and not only waited for."""
    return centre.rows(
        "SELECT DISTINCT o.id, o.status, o.confirmation_type::text AS way, o.total_minor FROM term_booking_order o "
        "JOIN term_booking_order_line l ON l.organisation_id = o.organisation_id AND l.order_id = o.id "
        "JOIN term_program_set p ON p.organisation_id = l.organisation_id AND p.id = l.term_program_set_id "
        "WHERE o.organisation_id = %(org)s AND o.account_id = %(account)s AND p.name = %(name)s "
        "AND o.confirmation_type IS NOT NULL", name=name, account=whose)  # fmt: skip


class TestOffer:
    def test_where_one_only_pays_later(self, centre: Centre) -> None:
        with offered(centre, "Queue later", LATER, hour=8) as (chen, offer):
            page = chen.page
            french = in_french(chen, page)
            taken = chen.text(chen.open(offer).send(offer, {"way": LATER, "do": "accept"}))

        assert CHOICE.findall(page.text) == [LATER]
        assert "Queue later is not confirmed by paying now (offered: paying later)." in page.text
        assert "Queue later ne se confirme pas ainsi : paiement immédiat (offert : paiement plus tard)." in french
        assert "The place is yours." in taken
        (order,) = orders_for(centre, "Queue later", whose=centre.sample.chen.account_id)
        assert order["status"] == TermBookingStatus.APPROVED

    def test_the_office_reads_until_when_it_stands(self, centre: Centre) -> None:
        with offered(centre, "Queue watched", LATER, hour=14) as (_, offer):
            (entry,) = centre.rows(
                "SELECT term_product_id AS session_id, offer_expires_at FROM waiting_entry "
                "WHERE organisation_id = %(org)s AND offer_id = %(id)s", id=offer.rpartition("/")[2],
            )  # fmt: skip
            with enter(centre, "admin@centre7.example") as office:
                desk = Tab(office, office.get(f"/admin/queues/{entry['session_id']}"))
                said = desk.text(desk.page)

        assert "Offered until" in said
        assert f'datetime="{entry["offer_expires_at"].isoformat()}"' in desk.page.text

    def test_where_one_only_pays_now(self, centre: Centre) -> None:
        with offered(centre, "Queue now", NOW, hour=9) as (chen, offer):
            page = chen.page
            refused = chen.text(chen.send(offer, {"way": LATER, "do": "accept"}))
            nothing = orders_for(centre, "Queue now", whose=centre.sample.chen.account_id)
            taken = chen.text(chen.open(offer).send(offer, {"way": NOW, "do": "accept"}))

        assert CHOICE.findall(page.text) == [NOW]
        assert "Queue now is not confirmed by paying later (offered: paying now)." in page.text
        assert "Queue now is not confirmed by paying later" in refused
        assert nothing == []
        assert "The place is yours." in taken
        (order,) = orders_for(centre, "Queue now", whose=centre.sample.chen.account_id)
        assert order["status"] == TermBookingStatus.SUBMITTED

    def test_a_deposit_is_paid_as_shown_and_a_direct_debit_says_why_not(self, centre: Centre) -> None:
        with offered(centre, "Queue deposit", DEPOSIT, DEBIT, hour=10) as (chen, offer):
            page = chen.page
            shown = chen.text(page)
            french = in_french(chen, page)
            chen.open(offer).send(offer, {"way": DEPOSIT, "do": "accept"})

        assert CHOICE.findall(page.text) == [DEPOSIT]
        assert re.search(r"\$2\.63 now ?, \$7\.87 on Sat, May 9", shown), shown
        assert "A place from the waiting list is not confirmed by direct debit" in shown
        assert "ne se paie pas par prélèvement" in french
        (order,) = orders_for(centre, "Queue deposit", whose=centre.sample.chen.account_id)
        parts = centre.rows("SELECT i.amount_minor FROM instalment i JOIN payment_schedule s ON s.organisation_id = "
                            "i.organisation_id AND s.id = i.schedule_id WHERE i.organisation_id = %(org)s "
                            "AND s.order_id = %(id)s ORDER BY i.position", id=order["id"])  # fmt: skip
        assert [part["amount_minor"] for part in parts] == [263, 787]


@pytest.fixture
def tab(centre: Centre) -> Iterator[Tab]:
    with enter(centre) as client:
        yield Tab(client, client.get("/family"))


class TestChange:
    def prepare(self, centre: Centre, tab: Tab, name: str, *ways: str, hour: int) -> tuple[str, str, str]:
        """The page of a change, its session that is booked, and one that is not; the program takes these ways now."""
        booking = booked(tab, centre, name, hour=hour)
        (program,) = centre.rows("SELECT id FROM term_program_set WHERE organisation_id = %(org)s AND name = %(name)s",
                                 name=name)  # fmt: skip
        allow(centre, str(program["id"]), *ways)
        old, new, *_ = sessions_of(centre, f"/{program['id']}")
        return f"{booking}/change", str(old["id"]), str(new["id"])

    def look(self, tab: Tab, path: str, *keep: str, language: str = "en") -> httpx.Response:
        tab.open(path)
        tab.page = tab.client.post(path, data={**tab.hidden(), "keep": list(keep), "do": "look"},
                                   headers={"Accept-Language": language})  # fmt: skip
        return tab.page

    def held(self, centre: Centre, path: str) -> set[str]:
        """The sessions that are booked by now."""
        rows = centre.rows("SELECT term_product_id AS id FROM term_booking_line WHERE organisation_id = %(org)s "
                           "AND booking_id = %(id)s AND cancelled_at IS NULL", id=path.split("/")[3])  # fmt: skip
        return {str(row["id"]) for row in rows}

    def test_where_one_only_pays_later(self, centre: Centre, tab: Tab) -> None:
        path, old, new = self.prepare(centre, tab, "Change later", LATER, hour=11)

        french = self.look(tab, path, old, new, language="fr")
        seen = self.look(tab, path, old, new)
        made = tab.text(tab.send(path, {"keep": [old, new], "way": LATER, "do": "make"}))

        assert CHOICE.findall(seen.text) == [LATER]
        assert "Change later is not confirmed by paying now (offered: paying later)." in seen.text
        assert "A change is not confirmed by direct debit; pay it now or later, or ask the centre." in seen.text
        said = french.text.replace("\xa0", " ")
        assert "Change later ne se confirme pas ainsi : paiement immédiat (offert : paiement plus tard)." in said
        assert "Your booking has been changed." in made
        assert self.held(centre, path) == {old, new}

    def test_where_one_only_pays_now(self, centre: Centre, tab: Tab) -> None:
        path, old, new = self.prepare(centre, tab, "Change now", NOW, hour=13)

        seen = self.look(tab, path, old, new)
        nothing = tab.text(tab.send(path, {"keep": [old, new], "do": "make"}))
        self.look(tab, path, old, new)
        kept = tab.text(tab.send(path, {"keep": [old, new], "way": NOW, "do": "make"}))
        ending = f"{tab.page.url.path}/ending"
        tab.send(ending, {}, action=ending)

        assert CHOICE.findall(seen.text) == [NOW]
        assert "Change now is not confirmed by paying later (offered: paying now)." in seen.text
        assert "Choose how you'd like to pay." in nothing
        assert "Your change is being held. Pay to confirm it." in kept
        assert self.held(centre, path) == {old}

    def test_what_costs_nothing_more_asks_for_no_way(self, centre: Centre, tab: Tab) -> None:
        """It goes by one that is open, also where nothing is paid at once."""
        path, _, new = self.prepare(centre, tab, "Change for nothing", LATER, hour=14)

        seen = self.look(tab, path, new)
        made = tab.text(tab.send(path, {"keep": new, "do": "make"}))

        assert CHOICE.findall(seen.text) == []
        assert "Your booking has been changed." in made
        assert self.held(centre, path) == {new}


class TestGuest:
    def begin(self, centre: Centre, client: httpx.Client, name: str, *ways: str, hour: int) -> tuple[Tab, str]:
        """A guest before the order of one session, which is not sent yet."""
        address = family_class(centre, name, hour=hour).replace("/family/", f"/at/{SLUG}/")
        allow(centre, address.rpartition("/")[2], *ways)
        guest = Tab(client, client.get(address))
        given = {"pick": pick_of(sessions_of(centre, address)[6]), "child_name": name, "date_of_birth": "2017-05-05",
                 "name": "Gus Guest", "email": f"gus{hour}@guest.example"}  # fmt: skip
        order = guest.send(address, given).headers["location"]
        return guest.open(order), order

    @pytest.mark.parametrize(("way", "hour"), [(NOW, 8), (DEPOSIT, 9)])
    def test_pays_by_what_is_open(self, centre: Centre, way: str, hour: int) -> None:
        name = f"Guests by {way}"
        with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
            guest, order = self.begin(centre, client, name, way, LATER, hour=hour)
            page = guest.page
            held = guest.text(guest.send(f"{order}/submission", {"way": way}, action=f"{order}/submission"))
            paying = guest.open(order).send(f"{order}/payment", {}, action=f"{order}/payment")
            centre.sandbox.visit(paying.headers["location"])
            for _ in range(240):
                if "You're booked" in guest.text(client.get(order)):
                    break
                time.sleep(0.25)
            booked_page = guest.text(client.get(order))

        assert CHOICE.findall(page.text) == [way]
        assert "Your places are held" in held
        assert "You're booked" in booked_page
        assert ("Balance due $7.87" in booked_page) == (way == DEPOSIT)
        (row,) = centre.rows("SELECT o.confirmation_type FROM term_booking_order o JOIN attendee t "
                             "ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id "
                             "WHERE o.organisation_id = %(org)s AND t.name = %(name)s", name=name)  # fmt: skip
        assert row["confirmation_type"] == TermBookingConfirmationType[way]

    def test_is_told_before_sending_it_that_the_program_takes_no_payment_at_once(self, centre: Centre) -> None:
        with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
            guest, order = self.begin(centre, client, "No guests", LATER, hour=10)
            page = guest.page
            french = in_french(guest, page)
            refused = guest.open(order).send(f"{order}/submission", {}, action=f"{order}/submission")
            by_hand = guest.open(order).send(f"{order}/submission", {"way": LATER}, action=f"{order}/submission")
            still = guest.open(order).page.text

        assert CHOICE.findall(page.text) == []
        assert "No guests is not confirmed by paying now (offered: paying later)." in page.text
        assert "No guests ne se confirme pas ainsi : paiement immédiat (offert : paiement plus tard)." in french
        assert "Without a login one pays now: in full, or the deposit where there is one." in page.text
        assert "No guests is not confirmed by paying now" in refused.text
        assert (refused.status_code, by_hand.status_code) == (409, 403)
        assert "Adding to the cart doesn't hold a place." in still

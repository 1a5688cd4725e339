"""The family's forms, sent without a browser: from a booking to its end, and what goes wrong on the way.

Each time the page says what happened and what to do next.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID

import httpx
import pytest

from models import AccountUser, Role
from tests import builders as build
from tests.builders import NOW
from tests.web.conftest import FIELD, SLUG, Centre, enter
from tests.web.test_family_booking import family_class
from web.guest_choosing import SOMEBODY

WAY = {"way": "PAY_NOW_PAY_ALL"}


@dataclass
class Tab:
    """A browser's tab as far as forms go: what it shows, and what it sends of that."""

    client: httpx.Client
    page: httpx.Response

    def open(self, path: str) -> "Tab":
        self.page = self.client.get(path)
        return self

    def hidden(self, action: str | None = None) -> dict[str, str]:
        """The hidden fields of the form that goes there, else of the last form of the page."""
        forms = re.findall(r"<form[^>]*>.*?</form>", self.page.text, re.S)
        mine = [form for form in forms if (f'action="{action}"' in form.partition(">")[0] if action else
                                           "action=" not in form.partition(">")[0])]  # fmt: skip
        assert mine, f"{self.page.url} has no form to {action}"
        return dict(FIELD.findall(mine[-1]))

    def send(self, path: str, given: dict[str, Any], *, action: str | None = None) -> httpx.Response:
        return self.client.post(path, data={**self.hidden(action), **given})

    def any_token(self) -> dict[str, str]:
        """What a form of this browser sends besides its fields, whatever form the page has."""
        return dict(FIELD.findall(self.page.text))

    def text(self, answer: httpx.Response) -> str:
        """What a person reads where the answer leads."""
        if answer.has_redirect_location:
            answer = self.client.get(answer.headers["location"])
        self.page = answer
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2])))


@contextmanager
def second_account(centre: Centre) -> Iterator[UUID]:
    """Rosa acts for another account beside the Rossis' own, for as long as this lasts."""
    account_id: UUID = centre.edit(build.account, name="Rossi-Vogel")["id"]
    link = centre.edit(build.add, AccountUser, account_id=account_id, user_id=centre.sample.users[Role.FAMILY])
    try:
        yield account_id
    finally:
        centre.edit(lambda tx: tx.run("DELETE FROM account_user WHERE id = %(id)s", id=link["id"]))


@pytest.fixture
def tab(centre: Centre) -> Iterator[Tab]:
    with enter(centre) as client:
        yield Tab(client, client.get("/family"))
        empty_cart(Tab(client, client.get("/family")))


def pick_of(session: dict[str, Any]) -> str:
    """What a guest ticks of a session, before anybody knows who comes."""
    return f"{SOMEBODY}.{session['id']}"


def empty_cart(family: Tab) -> None:
    """What was given back lies in the cart again; the next flow begins with an empty one."""
    shown = family.open("/family/cart").page.text
    for action in sorted(set(re.findall(r'action="(/family/cart/[0-9a-f-]+)"', shown))):
        for out in re.findall(r'name="out" value="([^"]+)"', shown):
            family.send(action, {"out": out}, action=action)


def sessions_of(centre: Centre, address: str) -> list[dict[str, Any]]:
    return centre.rows(
        "SELECT * FROM term_product WHERE organisation_id = %(org)s AND term_program_set_id = %(id)s "
        "ORDER BY starts_at", id=address.rpartition("/")[2],
    )  # fmt: skip


def fill(tab: Tab, centre: Centre, address: str, *, first: int = 0, child: int = 0) -> httpx.Response:
    session = sessions_of(centre, address)[first]
    box = f"{centre.sample.rossi.attendee_ids[child]}.{session['id']}"
    return tab.open(address).send(address, {"pick": box, "do": "keep"})


def submission(tab: Tab) -> str:
    found = re.search(r'action="(/family/cart/[0-9a-f-]+/submission)"', tab.open("/family/cart").page.text)
    assert found, tab.page.text
    return found[1]


class TestSentTwice:
    def test_a_cart_is_submitted_once(self, centre: Centre, tab: Tab) -> None:
        fill(tab, centre, family_class(centre, "Twice", hour=8))
        action = submission(tab)
        given = {**tab.hidden(action), **WAY}

        first, second = tab.client.post(action, data=given), tab.client.post(action, data=given)

        assert first.headers["location"] == second.headers["location"]
        assert "Your places are held" in tab.text(second)

    def test_going_back_after_it_is_sent_says_where_it_is(self, centre: Centre, tab: Tab) -> None:
        fill(tab, centre, family_class(centre, "Back", hour=9))
        action = submission(tab)
        given = {**tab.hidden(action), **WAY}
        tab.client.post(action, data=given)

        text = tab.text(tab.client.post(action, data={**given, "form_key": "another"}))

        assert "is submitted" in text or "Your cart is empty" in text
        assert "Look under Bookings" in text


class TestMeanwhile:
    def test_two_tabs_with_different_carts(self, centre: Centre, tab: Tab) -> None:
        address = family_class(centre, "Tabs", hour=13)
        fill(tab, centre, address)
        action = submission(tab)
        old = {**tab.hidden(action), **WAY}
        with enter(centre) as client:
            both = [f"{centre.sample.rossi.attendee_ids[0]}.{one['id']}" for one in sessions_of(centre, address)[:2]]
            Tab(client, client.get(address)).send(address, {"pick": both, "do": "keep"})

        text = tab.text(tab.client.post(action, data=old))
        held = [session["taken"] for session in sessions_of(centre, address)[:2]]
        sent = tab.text(tab.client.post(action, data={**tab.hidden(action), **WAY}))

        assert "Your order was not placed" in text
        assert "price" in text.lower()  # it is another than that tab had shown
        assert held == [0, 0]
        assert "Your places are held" in sent
        assert [session["taken"] for session in sessions_of(centre, address)[:2]] == [1, 1]

    def test_a_session_that_was_closed_is_named(self, centre: Centre, tab: Tab) -> None:
        address = family_class(centre, "Closed meanwhile", hour=15)
        fill(tab, centre, address)
        action = submission(tab)
        given = {**tab.hidden(action), **WAY}
        centre.edit(lambda tx: tx.run("UPDATE term_product SET status = 'CLOSED' WHERE organisation_id = %(org)s "
                                      "AND id = %(id)s", id=sessions_of(centre, address)[0]["id"]))  # fmt: skip

        text = tab.text(tab.client.post(action, data=given))

        assert "does not take place" in text
        assert "Your order was not placed" in text

    def test_the_last_place_was_taken(self, centre: Centre, tab: Tab) -> None:
        address = family_class(centre, "Last place", capacity=1, hour=16)
        fill(tab, centre, address)
        action = submission(tab)
        mine = {**tab.hidden(action), **WAY}
        tab.client.post(action, data=mine)
        with enter(centre, "chen@family.example") as client:
            other = Tab(client, client.get(address))

            assert "join waiting list" in other.text(other.page)

    def test_who_was_slower_is_told_what_is_free_instead(self, centre: Centre, tab: Tab) -> None:
        address = family_class(centre, "Slower", capacity=1, hour=6)
        fill(tab, centre, address)
        action = submission(tab)
        mine = {**tab.hidden(action), **WAY}
        session = sessions_of(centre, address)[0]
        with enter(centre, "chen@family.example") as client:
            chen = Tab(client, client.get(address))
            chen.send(address, {"pick": f"{centre.sample.chen.attendee_ids[0]}.{session['id']}", "do": "keep"})
            theirs = submission(chen)
            chen.client.post(theirs, data={**chen.hidden(theirs), **WAY})

        text = tab.text(tab.client.post(action, data=mine))
        instead = re.findall(r'href="(/family/sessions/[0-9a-f-]+)"', tab.page.text)

        assert "is full" in text
        assert "Still available:" in text
        assert f'href="/family/queue/{session["id"]}/{centre.sample.rossi.attendee_ids[0]}"' in tab.page.text
        assert tab.client.get(instead[0]).headers["location"].startswith("/family/programs/")

    def test_a_hold_that_ran_out_says_so(self, centre: Centre, tab: Tab) -> None:
        fill(tab, centre, family_class(centre, "Expired", hour=17))
        action = submission(tab)
        where = tab.client.post(action, data={**tab.hidden(action), **WAY}).headers["location"]
        past = centre.clock.now() - timedelta(minutes=1)
        centre.edit(lambda tx: tx.run(
            "UPDATE timer SET due_at = %(past)s WHERE organisation_id = %(org)s AND status = 'ARMED' AND subject_id IN "
            "(SELECT order_id FROM group_order_member WHERE organisation_id = %(org)s AND group_order_id = %(id)s)",
            past=past, id=where.rpartition("/")[2]))  # fmt: skip

        text = tab.text(tab.client.get(where))

        assert "Your time to pay has run out" in text
        assert "Your places were released" in text


class TestLookingForAProgram:
    @pytest.mark.parametrize("path", ["/family/programs", "/family/week"])
    def test_a_term_that_is_over_is_no_choice_even_where_nobody_has_ended_it(
        self, centre: Centre, tab: Tab, path: str
    ) -> None:
        over = {"starts_on": NOW.date() - timedelta(days=90), "ends_on": NOW.date() - timedelta(days=2)}
        (site,) = centre.rows("SELECT id FROM site WHERE organisation_id = %(org)s LIMIT 1")
        centre.edit(build.term, site, name="Long over", **over)
        centre.edit(build.term, site, name="Still on", **over | {"ends_on": NOW.date()})

        text = tab.text(tab.client.get(path))

        assert "Still on" in text
        assert "Long over" not in text


class TestOddInput:
    @pytest.mark.parametrize(
        "path",
        [
            "/family/programs?day=99&site=x&term=y&q=%00&child=z",
            "/family/programs?cursor=no",
            "/family/bookings?show=calendar&month=0000-99",
            "/family/bookings?show=calendar&month=9999-12",
        ],
    )
    def test_an_address_that_was_typed_gets_a_page(self, tab: Tab, path: str) -> None:
        assert tab.client.get(path).status_code == 200

    def test_a_name_that_is_too_long_is_refused_at_its_field(self, tab: Tab) -> None:
        path = "/family/children/new"

        answer = tab.open(path).send(path, {"name": "x" * 900_000, "date_of_birth": "2018-01-01"})

        assert answer.status_code == 422
        assert "Use at most 200 characters." in answer.text

    def test_two_children_are_added_one_after_the_other(self, centre: Centre) -> None:
        path = "/family/children/new"
        with enter(centre, "chen@family.example") as client:
            chen = Tab(client, client.get(path))
            first = chen.send(path, {"name": "Ada Chen", "date_of_birth": "2018-01-01", "do": "another"})
            said = chen.text(first)
            second = chen.send(path, {"name": "Bea Chen", "date_of_birth": "2019-01-01"})
            children = client.get("/family/children").text

        assert (first.headers["location"], second.headers["location"]) == (path, "/family/programs")
        assert "Ada Chen has been added. Who else is coming?" in said
        assert "Ada Chen" in children
        assert "Bea Chen" in children

    def test_who_acts_for_two_accounts_says_whose_child_it_is(self, centre: Centre, tab: Tab) -> None:
        """Whoever else belongs to an account reads the notes on its children, and pays for them."""
        path, of_account = "/family/children/new", (
            "SELECT account_id FROM account_attendee y JOIN attendee a ON a.id = y.attendee_id WHERE a.name = %(name)s"
        )  # fmt: skip
        chen = centre.sample.chen.account_id

        with second_account(centre) as other:
            asked = tab.open(path).page.text
            tab.send(path, {"name": "Ugo Rossi", "date_of_birth": "2018-01-01", "account": str(other)})
            refused = tab.send(path, {"name": "Ida Rossi", "date_of_birth": "2018-01-01", "account": str(chen)})
        owners = centre.edit(lambda tx: tx.rows(of_account, name="Ugo Rossi"))

        assert f'<option value="{other}"' in asked
        assert [row["account_id"] for row in owners] == [other]
        assert refused.status_code == 404
        assert 'name="account"' not in tab.open(path).page.text

    def test_another_familys_things_are_not_found(self, centre: Centre, tab: Tab) -> None:
        lin = centre.sample.chen.attendee_ids[0]

        assert tab.client.get(f"/family/children/{lin}").status_code == 404


def booked(tab: Tab, centre: Centre, name: str, **columns: Any) -> str:
    """The address of a booking of one session that is paid later."""
    fill(tab, centre, family_class(centre, name, **columns))
    action = submission(tab)
    tab.text(tab.client.post(action, data={**tab.hidden(action), "way": "CONFIRM_WITHOUT_PAYMENT"}))
    found = re.search(r'href="(/family/bookings/[0-9a-f-]+)"', tab.page.text)
    assert found, tab.page.text
    return found[1]


class TestBookings:
    def test_pay_later_is_booked_at_once_and_stands_everywhere(self, centre: Centre, tab: Tab) -> None:
        booking = booked(tab, centre, "Everywhere", hour=11)

        for path in ("/family", "/family/bookings", "/family/bookings?show=calendar&month=2026-04", booking):
            assert "Everywhere" in tab.client.get(path).text, path
        papers = tab.open("/family/documents").page.text
        invoices = re.findall(r'href="(/family/documents/invoices/[0-9a-f-]+)"', papers)
        assert tab.client.get(invoices[0]).content.startswith(b"%PDF")
        assert tab.client.get("/family/documents/statement").content.startswith(b"%PDF")

    def test_who_acts_for_two_accounts_has_a_statement_of_each(self, centre: Centre, tab: Tab) -> None:
        with second_account(centre) as other:
            of_other = f"/family/documents/statement?account={other}"
            papers, wallet = (
                tab.client.get(path).text for path in ("/family/documents", f"/family/wallet?account={other}")
            )
            named = {tab.client.get(address).headers["content-disposition"] for address in (
                of_other, f"/family/documents/statement?account={centre.sample.rossi.account_id}")}  # fmt: skip

        assert papers.count("/family/documents/statement?account=") == len(named) == 2
        assert of_other in wallet
        assert tab.client.get(of_other).status_code == 404

    def test_what_is_months_ahead_comes_up_and_what_is_over_is_nothing_yet(self, centre: Centre) -> None:
        address = family_class(centre, "In early summer", hour=6, count=11)
        box = f"{centre.sample.chen.attendee_ids[0]}.{sessions_of(centre, address)[10]['id']}"
        with enter(centre, "chen@family.example") as client:
            chen = Tab(client, client.get(address))
            chen.send(address, {"pick": box, "do": "keep"})
            action = submission(chen)
            chen.client.post(action, data={**chen.hidden(action), "way": "CONFIRM_WITHOUT_PAYMENT"})
            home, past = chen.text(client.get("/family")), chen.text(client.get("/family/bookings?show=past"))

        assert "In early summer" in home
        assert "No bookings yet" not in home
        assert "No past bookings yet" in past

    def test_a_change_is_seen_before_it_is_made(self, centre: Centre, tab: Tab) -> None:
        booking = booked(tab, centre, "Changed", hour=18)
        address = centre.rows("SELECT id FROM term_program_set WHERE organisation_id = %(org)s AND name = 'Changed'")
        old, new, *_ = sessions_of(centre, f"/{address[0]['id']}")
        path = f"{booking}/change"

        seen = tab.open(path).send(path, {"keep": str(new["id"]), "do": "look"})
        tab.page = seen
        made = tab.text(tab.send(path, {"keep": str(new["id"]), "do": "make"}))

        assert "Nothing to pay now." in seen.text
        assert "Your booking has been changed." in made
        lines = centre.rows(
            "SELECT term_product_id, cancelled_at FROM term_booking_line WHERE organisation_id = %(org)s "
            "AND booking_id = %(id)s", id=booking.rpartition("/")[2],
        )  # fmt: skip
        assert {line["term_product_id"]: line["cancelled_at"] is None for line in lines} == {
            old["id"]: False, new["id"]: True}  # fmt: skip

    def test_a_booking_is_given_up_as_it_was_shown(self, centre: Centre, tab: Tab) -> None:
        booking = booked(tab, centre, "Given up", hour=19)
        path = f"{booking}/cancellation"

        stale = tab.text(tab.open(path).send(path, {"difference": "another"}))
        done = tab.text(tab.open(path).send(path, {"reason": "moved away"}))

        assert "Cancel this booking?" in stale
        assert "Your booking is cancelled." in done
        assert "Cancelled" in done

    def test_a_calendar_feed_gives_the_sessions(self, centre: Centre, tab: Tab) -> None:
        booked(tab, centre, "Fed", hour=7)

        feeds = re.findall(r'href="(http[^"]+/calendars/[^"]+)"', tab.open("/family/calendar-feeds").page.text)

        assert any("Fed" in tab.client.get(feed).text for feed in feeds)
        assert {feed.replace("http://", "webcal://") for feed in feeds} == set(
            re.findall(r'href="(webcal://[^"]+)"', tab.page.text)
        )


class TestQueue:
    def test_a_full_session_is_waited_for_and_its_offer_taken(self, centre: Centre, tab: Tab) -> None:
        address = family_class(centre, "Wanted", capacity=1, count=1, hour=20)
        (session,) = sessions_of(centre, address)
        fill(tab, centre, address)
        action = submission(tab)
        where = tab.client.post(action, data={**tab.hidden(action), **WAY}).headers["location"]
        queue = f"/family/queue/{session['id']}/{centre.sample.chen.attendee_ids[0]}"
        with enter(centre, "chen@family.example") as client:
            chen = Tab(client, client.get(queue))
            joined = chen.text(chen.send(queue, {}))
            tab.open(where)
            tab.send(f"{where}/reopening", {}, action=f"{where}/reopening")
            offers = re.findall(r'href="(/family/offers/[0-9a-f-]+)"', chen.open("/family").page.text)
            taken = chen.text(chen.open(offers[0]).send(offers[0], {**WAY, "do": "accept"}))

        assert "You're number 1 on the waiting list." in joined
        assert "The place is yours." in taken


class TestGuests:
    def test_a_child_whom_the_program_does_not_take_is_told_at_the_form(self, centre: Centre) -> None:
        own = family_class(centre, "For small ones", hour=22)
        centre.edit(lambda tx: tx.run(
            "UPDATE term_program_set SET age_from_months = 36, age_below_months = 72 WHERE organisation_id = %(org)s "
            "AND id = %(id)s", id=own.rpartition("/")[2]))  # fmt: skip
        address = own.replace("/family/", f"/at/{SLUG}/")
        given = {"pick": pick_of(sessions_of(centre, own)[0]), "child_name": "Old Enough",
                 "date_of_birth": "2012-05-05", "name": "Gus Guest", "email": "gus@guest.example"}  # fmt: skip
        with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
            guest = Tab(client, client.get(f"/at/{SLUG}/programs?q=For small ones"))
            listed = guest.text(guest.page)
            of_age = {
                age: "For small ones" in guest.text(client.get(f"/at/{SLUG}/programs?q=For small ones&age={age}"))
                for age in ("2", "3", "5", "6", "-1", "x", "", "5000")
            }
            page = guest.text(guest.open(address).page)
            refused = guest.send(address, given)
            french = client.get(address, headers={"Accept-Language": "fr-CA"})

        assert "3 to 5 years" in listed
        assert of_age == {"2": False, "3": True, "5": True, "6": False, "-1": True, "x": True, "": True, "5000": True}
        assert "3 to 5 years" in page
        assert refused.status_code == 409
        assert "For small ones takes 3 to 5 years." in refused.text
        assert 'value="Old Enough"' in refused.text
        assert "3 à 5 ans" in french.text
        assert not centre.rows("SELECT 1 FROM attendee WHERE organisation_id = %(org)s AND name = 'Old Enough'")

    def test_a_guest_books_by_the_address_of_the_order(self, centre: Centre) -> None:
        address = family_class(centre, "For guests", hour=21).replace("/family/", f"/at/{SLUG}/")
        (first, *_) = sessions_of(centre, address)
        given = {"pick": pick_of(first), "child_name": "Gil Guest", "date_of_birth": "2017-05-05",
                 "name": "Gus Guest", "email": "gus@guest.example"}  # fmt: skip
        with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
            guest = Tab(client, client.get(address))
            nothing = guest.send(address, {**given, "pick": ""})
            order = guest.open(address).send(address, given).headers["location"]
            seen = guest.text(guest.open(order).page)
            held = guest.text(guest.send(f"{order}/submission", {}, action=f"{order}/submission"))
            back = guest.text(guest.open(f"{order}?back=9").page)

        assert nothing.status_code == 422
        assert "Adding to the cart doesn't hold a place." in seen
        assert "Your places are held" in held
        assert "Your places are held" in back

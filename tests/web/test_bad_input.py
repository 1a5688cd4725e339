"""What goes wrong for guests, the office, staff and finance: each is told what happened and what to do next.

The family's own stories stand in `test_family_forms.py` and `test_family_proofs.py`.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from engine.database import Transaction
from engine.timers import sweep
from models import Role
from tests.engine.later import until
from tests.web.conftest import PEOPLE, SLUG, Centre
from tests.web.everything import riverside_of, stella_of
from tests.web.staff.rolls import make_roll
from tests.web.test_every_form import everything
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import WAY, Tab, enter, fill, pick_of, sessions_of, submission, tab
from tests.web.test_office_carts import Office, office
from tests.workflows.test_door import Door
from workflows.timeouts import handlers

__all__ = ["office", "tab"]

PICK = re.compile(r'(<input type="checkbox" name="pick" value="([^"]+)"[^>]*>)')


@pytest.fixture
def guest(centre: Centre) -> Iterator[Tab]:
    """Somebody without a login."""
    with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
        yield Tab(client, client.get(f"/at/{SLUG}/programs"))


@pytest.fixture
def door(centre: Centre) -> Iterator[Tab]:
    with enter(centre, PEOPLE[Role.STAFF]) as client:
        yield Tab(client, client.get("/staff"))


def cart_of(guest: Tab, centre: Centre, address: str, *, child: str, days: int = 1) -> str:
    """The address of a guest's order of the first days, which is not submitted yet."""
    public = address.replace("/family/", f"/at/{SLUG}/")
    picks = [pick_of(one) for one in sessions_of(centre, address)[:days]]
    given = {"pick": picks, "child_name": child, "date_of_birth": "2017-05-05", "name": "Gus Guest",
             "email": f"{child.lower().replace(' ', '.')}@guest.example"}  # fmt: skip
    return str(guest.open(public).send(public, given).headers["location"])


def submit(guest: Tab, order: str) -> httpx.Response:
    """The form of its page as it was loaded."""
    action = f"{order}/submission"
    return guest.client.post(action, data={**guest.hidden(action), **WAY})


def fill_up(tx: Transaction, session_id: str) -> None:
    """Others have every place that there is."""
    tx.run("UPDATE term_product SET capacity = 0 WHERE organisation_id = %(org)s AND id = %(id)s", id=session_id)


def taken(centre: Centre, address: str) -> int:
    return sum(int(session["taken"]) for session in sessions_of(centre, address))


def close(tx: Transaction, session_id: UUID) -> None:
    tx.run("UPDATE term_product SET status = 'CLOSED' WHERE organisation_id = %(org)s AND id = %(id)s", id=session_id)


def run_out(centre: Centre) -> None:
    """The time of every hold is over."""
    past = centre.clock.now() - timedelta(minutes=1)
    centre.edit(lambda tx: tx.run("UPDATE timer SET due_at = %(past)s WHERE organisation_id = %(org)s "
                                  "AND status = 'ARMED' AND kind = 'AUTO_CANCEL'", past=past))  # fmt: skip


class TestGuests:
    def test_a_form_that_is_sent_twice_takes_its_places_once(self, centre: Centre, guest: Tab) -> None:
        address = family_class(centre, "Twice by a guest", hour=7)
        order = cart_of(guest, centre, address, child="Tom Twice")
        action = f"{order}/submission"
        given = {**guest.open(order).hidden(action), **WAY}

        same = [guest.text(guest.client.post(action, data=given)) for _ in range(2)]
        other = guest.text(guest.client.post(action, data={**given, "form_key": "another"}))

        assert all("Your places are held" in text for text in same)
        assert "is submitted" in other
        assert "Your places are held" in other  # and how to go on stands below it
        assert taken(centre, address) == 1

    def test_a_session_that_was_closed_meanwhile_is_named_with_a_way_on(self, centre: Centre, guest: Tab) -> None:
        address = family_class(centre, "Closed for a guest", hour=8)
        order = cart_of(guest, centre, address, child="Cleo Closed")
        guest.open(order)
        centre.edit(close, sessions_of(centre, address)[0]["id"])

        text = guest.text(submit(guest, order))

        assert "does not take place" in text
        assert f'href="/at/{SLUG}/programs"' in guest.page.text
        assert "Adding to the cart doesn't hold a place." in text

    def test_who_was_slower_is_told_so_with_a_way_on(self, centre: Centre, guest: Tab, tab: Tab) -> None:
        address = family_class(centre, "One place for two", capacity=1, hour=9)
        order = cart_of(guest, centre, address, child="Sue Slower")
        guest.open(order)
        fill(tab, centre, address)
        action = submission(tab)
        tab.client.post(action, data={**tab.hidden(action), **WAY})

        text = guest.text(submit(guest, order))

        assert "is full" in text
        assert f'href="/at/{SLUG}/programs"' in guest.page.text
        assert taken(centre, address) == 1

    def test_what_is_in_the_way_is_changed_and_nothing_typed_is_lost(self, centre: Centre, guest: Tab) -> None:
        address = family_class(centre, "Two days for a guest", count=3, hour=12)
        other = family_class(centre, "Another for a guest", count=1, hour=13)
        order = cart_of(guest, centre, address, child="Ada Again", days=2)
        guest.open(order)
        one, two, later = (str(session["id"]) for session in sessions_of(centre, address))
        (third,) = (str(session["id"]) for session in sessions_of(centre, other))
        centre.edit(fill_up, one)

        refused = guest.text(submit(guest, order))
        free = re.findall(rf'href="({order}/sessions/[0-9a-f-]+)"', guest.page.text)
        leads = guest.client.get(free[0]).headers["location"]
        (again,) = set(re.findall(rf'href="({order}/programs/[0-9a-f-]+)"', guest.page.text))
        boxes = {box.rpartition(".")[2]: "checked" in tag for tag, box in PICK.findall(guest.open(again).page.text)}
        none = guest.send(again, {"do": "keep"})
        kept = [box for tag, box in PICK.findall(guest.page.text) if "checked" in tag]
        changed = guest.text(guest.open(again).send(again, {"pick": kept, "do": "keep"}))
        more = guest.client.get(order, params={"add": other.rpartition("/")[2]}).headers["location"]
        child = kept[0].partition(".")[0]
        added = guest.text(guest.open(more).send(more, {"pick": f"{child}.{third}", "do": "keep"}))
        held = guest.text(submit(guest, order))

        assert "is full" in refused
        assert leads.startswith(f"{order}/programs/")  # to what is still free instead
        assert boxes == {two: True, later: False}
        assert "Select at least one session." in none.text
        assert "Your order has been updated." in changed
        assert "Your order has been updated." in added
        assert "Your places are held" in held
        assert [taken(centre, each) for each in (address, other)] == [1, 1]
        (known,) = centre.rows("SELECT count(*) AS n FROM attendee WHERE organisation_id = %(org)s "
                               "AND name = 'Ada Again'")  # fmt: skip
        assert known["n"] == 1

    def test_a_hold_that_ran_out_says_so_before_and_after_the_worker_has_seen_it(
        self, centre: Centre, guest: Tab
    ) -> None:  # fmt: skip
        address = family_class(centre, "Run out for a guest", hour=10)
        order = cart_of(guest, centre, address, child="Lou Late")
        guest.open(order)
        assert "Your places are held" in guest.text(submit(guest, order))
        pay = guest.hidden(f"{order}/payment")
        run_out(centre)

        seen = guest.text(guest.client.get(order))
        sweep(centre.database, now=centre.clock.now(), handlers=handlers())
        swept = guest.text(guest.client.get(order))
        paying = guest.client.post(f"{order}/payment", data=pay)
        refused = guest.text(paying)

        assert paying.status_code == 409
        for text in (seen, refused, swept):
            assert "Your time to pay has run out" in text
            assert "Your places were released." in text
        assert f'href="/at/{SLUG}/programs"' in guest.page.text
        assert "timeout" not in swept
        assert taken(centre, address) == 0

    def test_the_way_back_after_paying_pays_nothing_again(self, centre: Centre, guest: Tab) -> None:
        address = family_class(centre, "Paid by a guest", hour=11)
        order = cart_of(guest, centre, address, child="Pia Paid")
        guest.open(order)
        guest.text(submit(guest, order))
        pay = guest.hidden(f"{order}/payment")
        checkout = guest.client.post(f"{order}/payment", data=pay).headers["location"]
        centre.sandbox.visit(checkout)
        until_says(guest, order, "You're booked")

        again = guest.client.post(f"{order}/payment", data=pay)
        text = guest.text(again)

        assert again.status_code == 409
        assert "You're booked" in text
        assert re.search(r"\bpaid\b|nothing is owed", text.lower()), text
        (found,) = centre.rows("SELECT count(*) AS n FROM payment p JOIN term_booking_order o ON o.id = p.order_id "
                               "JOIN attendee t ON t.id = o.attendee_id WHERE t.name = 'Pia Paid'")  # fmt: skip
        assert found["n"] == 1


def until_says(guest: Tab, path: str, text: str) -> None:
    """The provider's word comes by itself."""
    until(lambda: text in guest.client.get(path).text)


class TestTheFamily:
    def test_a_hold_that_the_worker_ended_is_not_called_given_up(self, centre: Centre, tab: Tab) -> None:
        fill(tab, centre, family_class(centre, "Run out and swept", hour=12))
        action = submission(tab)
        where = tab.client.post(action, data={**tab.hidden(action), **WAY}).headers["location"]
        pay = tab.open(where).hidden(f"{where}/payment")
        run_out(centre)
        sweep(centre.database, now=centre.clock.now(), handlers=handlers())

        text = tab.text(tab.client.get(where))
        late = tab.text(tab.client.post(f"{where}/payment", data=pay))

        for read in (text, late):
            assert "Your time to pay has run out" in read
            assert "Order cancelled" not in read
            assert "timeout" not in read
            assert "Find a program" in read

    def test_a_booking_that_is_paid_is_not_paid_again_from_an_old_page(
        self, centre: Centre, tab: Tab
    ) -> None:  # fmt: skip
        fill(tab, centre, family_class(centre, "Paid once", hour=13))
        action = submission(tab)
        where = tab.client.post(action, data={**tab.hidden(action), **WAY}).headers["location"]
        pay = tab.open(where).hidden(f"{where}/payment")
        centre.sandbox.visit(tab.client.post(f"{where}/payment", data=pay).headers["location"])
        until_says(tab, where, "You're booked")

        again = tab.client.post(f"{where}/payment", data=pay)

        assert again.status_code == 409
        assert "You're booked" in tab.text(again)


class TestTheOffice:
    def test_a_session_that_was_closed_meanwhile_is_named(self, centre: Centre, office: Office) -> None:
        address = family_class(centre, "Closed for the office", hour=15)
        session = sessions_of(centre, address)[0]
        office.begin(centre, address.rpartition("/")[2]).choose(session)
        sending = f"{office.order}/submission"
        given = office.open(office.order).hidden(sending)
        centre.edit(close, session["id"])

        answer = office.client.post(sending, data={**given, "way": "ADMIN_CONFIRM"})

        assert answer.status_code == 409
        assert "does not take place" in office.text(answer)

    def test_a_form_that_is_sent_twice_and_one_of_an_old_page_confirm_once(
        self, centre: Centre, office: Office
    ) -> None:  # fmt: skip
        address = family_class(centre, "Twice by the office", hour=16)
        office.begin(centre, address.rpartition("/")[2]).choose(sessions_of(centre, address)[0])
        order, sending = office.order, f"{office.order}/submission"
        office.client.post(sending, data={**office.open(order).hidden(sending), "way": "ADMIN_CONFIRM"})
        action = f"{order}/confirmation"
        given = {**office.open(order).hidden(action), "reason": "paid at the desk"}

        same = [office.text(office.client.post(action, data=given)) for _ in range(2)]
        old = office.client.post(action, data={**given, "form_key": "another"})

        assert all("Booking confirmed" in text for text in same)
        assert old.status_code == 409
        assert "is approved" in office.text(old)
        (found,) = centre.rows("SELECT count(*) AS n FROM term_booking WHERE organisation_id = %(org)s "
                               "AND order_id = %(id)s", id=order.rpartition("/")[2])  # fmt: skip
        assert found["n"] == 1


class TestStaff:
    def test_a_mark_that_is_sent_twice_is_one(self, centre: Centre, door: Tab) -> None:
        roll = make_roll(centre, 1, name="Marked twice")
        (row,) = roll.rows().values()
        given = {**door.open(roll.address).any_token(), "attendance_id": str(row["id"]), "status": "PRESENT"}

        same = [door.text(door.client.post(f"{roll.address}/marks", data=given)) for _ in range(2)]

        assert same[0] == same[1]
        assert roll.statuses() == {"Child 01": "PRESENT"}

    def test_a_roll_that_was_closed_meanwhile_says_so(self, centre: Centre, door: Tab, database_url: str) -> None:
        at = riverside_of(centre, database_url)
        closed = Door(at, stella_of(centre, at))
        closed.came_and_left()
        closed.count(1)
        closed.close()
        roll = f"/staff/rolls/{closed.session_id}"
        given = {"attendance_id": str(closed.row().attendance_id), "status": "ABSENT:Ill"}

        late = door.client.post(f"{roll}/marks", data={**door.open(roll).any_token(), **given})

        assert late.status_code == 409
        assert "closed" in door.text(late)
        assert closed.row().status == "LEFT"


class TestMuchTooLong:
    @pytest.mark.parametrize("email", [*PEOPLE.values(), ""], ids=lambda each: each or "guest")
    def test_a_name_of_five_megabytes_gets_a_page_at_every_door(self, centre: Centre, email: str) -> None:
        address = family_class(centre, f"Long for {email}", hour=14).replace("/family/", f"/at/{SLUG}/")
        forms = {PEOPLE[Role.FAMILY]: "/family/children/new", PEOPLE[Role.ADMIN]: "/admin/families/new",
                 PEOPLE[Role.STAFF]: "/staff/passkeys", PEOPLE[Role.FINANCE]: "/finance/periods",
                 "": address}  # fmt: skip
        with enter(centre, email) if email else httpx.Client(base_url=centre.url, timeout=60) as client:
            client.headers["Accept"] = "text/html"
            page = Tab(client, client.get(forms[email]))
            before = everything(centre)
            given = dict.fromkeys(("name", "child_name", "label", "note"), "x" * 5000000)
            answer = client.post(forms[email], data={**page.any_token(), **given})

        assert answer.status_code == 413
        assert "Shorten the text or choose a smaller file." in page.text(answer)
        assert everything(centre) == before

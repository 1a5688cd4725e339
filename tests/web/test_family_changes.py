"""A booking is changed: what is lost and gained stands there while one ticks, and seats and activities come along."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from catalogue.activities import add_activity
from engine.check import check
from models import RuleSetting
from tests import builders as build
from tests.web.conftest import Centre, Somebody
from tests.web.flows.ways import MONDAY, course, weekly
from tests.web.test_family_booking import ROSSI
from tests.web.test_family_choosing import add_extra
from tests.web.test_family_forms import Tab, booked, enter, fill, sessions_of, submission
from workflows.charts import edges

LATER = {"way": "CONFIRM_WITHOUT_PAYMENT"}


@pytest.fixture
def tab(centre: Centre) -> Iterator[Tab]:
    with enter(centre) as client:
        yield Tab(client, client.get("/family"))


def offering_named(centre: Centre, name: str) -> UUID:
    (row,) = centre.rows("SELECT id FROM term_program_set WHERE organisation_id = %(org)s AND name = %(name)s",
                         name=name)  # fmt: skip
    found: UUID = row["id"]
    return found


def book(tab: Tab) -> str:
    """What lies in the cart, to be paid later; the address of its booking."""
    action = submission(tab)
    said = tab.client.post(action, data={**tab.hidden(action), **LATER}, follow_redirects=True).text
    found = re.search(r'href="(/family/bookings/[0-9a-f-]+)"', said)
    assert found, said
    return found[1]


def look(tab: Tab, path: str, **given: Any) -> str:
    """Tick these on the page of a change; what it says they come to."""
    shown = tab.open(path).send(path, {**given, "do": "look"})
    return tab.text(shown)


def fingerprint(tab: Tab, path: str, **given: Any) -> str:
    """What the page says of this change, to be accepted."""
    look(tab, path, **given)
    return tab.hidden()["difference"]


def make(tab: Tab, path: str, **given: Any) -> str:
    return tab.text(tab.send(path, {**given, **LATER, "do": "make"}))


class TestSeats:
    def seated(self, centre: Centre, tab: Tab) -> tuple[str, list[dict[str, Any]]]:
        """Mia in row A seat 1 of the sample's show, and its afternoons."""
        sessions = sessions_of(centre, f"/{offering_named(centre, 'Spring show')}")
        page = f"/family/seats/{sessions[0]['id']}"
        seat = re.findall(r'name="seat" value="([0-9a-f-]+)"', tab.open(page).page.text)[0]
        tab.send(page, {"child": str(centre.sample.rossi.attendee_ids[0]), "seat": seat, "do": "keep"})
        return book(tab), sessions

    def test_the_best_is_offered_for_what_is_added_and_another_may_be_taken(self, centre: Centre, tab: Tab) -> None:
        booking, (first, second, *_) = self.seated(centre, tab)
        path = f"{booking}/change"
        both = {"keep": [str(first["id"]), str(second["id"])]}
        name = f"seat.{second['id']}"

        text = look(tab, path, **both)
        options = re.findall(r'<option value="([0-9a-f-]+)" (selected)?', tab.page.text)
        other = next(seat for seat, is_best in options if not is_best)
        dearer = look(tab, path, **both, **{name: other})
        made = make(tab, path, **both, **{name: other})

        assert "Row A seat 1" in text
        assert [seat for seat, is_best in options if is_best]
        assert "Your booking has been changed." in made
        assert "You're adding" in dearer
        lines = centre.rows("SELECT term_product_id AS id, seat_id FROM term_booking_line WHERE organisation_id = "
                            "%(org)s AND booking_id = %(booking)s ORDER BY position",
                            booking=booking.rpartition("/")[2])  # fmt: skip
        assert [line["id"] for line in lines] == [first["id"], second["id"]]
        assert str(lines[1]["seat_id"]) == other
        assert lines[0]["seat_id"] is not None


class TestActivities:
    def test_are_chosen_with_a_day_that_is_added_and_those_of_a_day_that_stays_are_named(
        self, centre: Centre, tab: Tab
    ) -> None:
        address = course(centre, "Camp of themes", *weekly(MONDAY.replace(hour=9), 2))
        first, second = sessions_of(centre, address)
        pirates, volcanoes = (
            centre.edit(add_activity, one["term_program_set_id"], day=one["local_date"], title=title, capacity=2)
            for one, title in ((first, "Pirates"), (second, "Volcanoes"))
        )
        mia = centre.sample.rossi.attendee_ids[0]
        calendar = tab.text(tab.client.get(address))
        tab.open(address).send(address, {"pick": f"{mia}.{first['id']}", "do": "keep",
                                         "activity": f"{mia}.{first['id']}.{pirates}"})  # fmt: skip
        path = f"{book(tab)}/change"
        both = {"keep": [str(first["id"]), str(second["id"])], "activity": f"{second['id']}.{volcanoes}"}

        text = look(tab, path, **both)
        made = make(tab, path, **both)

        assert re.search(r"Pirates \(2 places left\).*Volcanoes", calendar)
        assert re.search(r"booked Pirates", text)
        assert re.search(r"Volcanoes \(2 places left\)", text)
        assert "Your booking has been changed." in made
        taken = centre.rows("SELECT title, taken FROM term_product WHERE organisation_id = %(org)s "
                            "AND id = ANY(%(ids)s) ORDER BY title", ids=[pirates, volcanoes])  # fmt: skip
        assert [(one["title"], one["taken"]) for one in taken] == [("Pirates", 1), ("Volcanoes", 1)]


class TestExtras:
    def beside(self, centre: Centre, booking: str) -> dict[UUID, list[str]]:
        """What the booking has with each session that it keeps."""
        rows = centre.rows(
            "SELECT l.term_product_id AS id, ARRAY(SELECT e.name || ' ' || e.quantity FROM term_booking_extra e WHERE "
            "e.organisation_id = l.organisation_id AND e.booking_line_id = l.id ORDER BY 1) AS extras "
            "FROM term_booking_line l WHERE l.organisation_id = %(org)s AND l.booking_id = %(id)s "
            "AND l.cancelled_at IS NULL", id=booking.rpartition("/")[2],
        )  # fmt: skip
        return {row["id"]: row["extras"] for row in rows}

    def test_come_with_a_day_that_is_added_and_with_one_that_stays(self, centre: Centre, tab: Tab) -> None:
        booking = booked(tab, centre, "Lunch comes along", hour=12)
        address = f"/{offering_named(centre, 'Lunch comes along')}"
        lunch, bus = (add_extra(centre, address, name=name, price_minor=450, stock=3) for name in ("Lunch", "Bus"))
        first, second, *_ = (one["id"] for one in sessions_of(centre, address))
        path = f"{booking}/change"
        asked = {"keep": [str(first), str(second)], "extra": [f"{first}.{bus}", f"{second}.{lunch}"]}

        nothing = look(tab, path, keep=str(first))
        seen = look(tab, path, **asked)
        made = make(tab, path, **asked)

        assert "Nothing would change." in nothing
        assert re.search(r"Lunch \$4\.50 3 left", seen)
        assert re.search(
            r"You're adding .*Bus, Lunch comes along.*\+\$4\.50.*Lunch, Lunch comes along.*\+\$4\.50", seen
        )
        assert "Due for this change: $19.50" in seen
        assert "Your booking has been changed." in made
        assert self.beside(centre, booking) == {first: ["Bus 1"], second: ["Lunch 1"]}
        again = tab.open(path).page.text
        assert len(re.findall(r'name="extra" value="[^"]+" checked', again)) == 2

        each = make(tab, path, keep=[str(first), str(second)], each=str(lunch),
                    difference=fingerprint(tab, path, keep=[str(first), str(second)], each=str(lunch)))  # fmt: skip

        assert "Your booking has been changed." in each
        assert check(centre.database, edges=edges(), organisation_id=centre.organisation_id) == []
        assert self.beside(centre, booking) == {first: ["Lunch 1"], second: ["Lunch 1"]}

    def test_what_is_taken_with_a_day_stays_as_many_and_goes_with_the_day(self, centre: Centre, tab: Tab) -> None:
        booking = booked(tab, centre, "Two lunches", hour=13)
        address = f"/{offering_named(centre, 'Two lunches')}"
        lunch = add_extra(centre, address, name="Lunch", price_minor=400)
        first, second, third, *_ = (one["id"] for one in sessions_of(centre, address))
        path = f"{booking}/change"
        both = {"keep": [str(first), str(second)], "extra": [f"{first}.{lunch}", f"{second}.{lunch}"]}
        look(tab, path, **both)
        make(tab, path, **both)
        centre.edit(lambda tx: tx.run("UPDATE extra SET is_active = false WHERE organisation_id = %(org)s AND id = "
                                      "%(id)s", id=lunch))  # fmt: skip
        other = {"keep": [str(first), str(third)]}

        look(tab, path, **other)
        made = make(tab, path, **other)

        assert "Your booking has been changed." in made
        assert self.beside(centre, booking) == {first: ["Lunch 1"], third: []}

    def test_one_is_given_up_only_while_its_day_can_be(self, centre: Centre, tab: Tab) -> None:
        booking = booked(tab, centre, "Late lunch", hour=20)
        offering = offering_named(centre, "Late lunch")
        lunch = add_extra(centre, f"/{offering}", name="Lunch", price_minor=400)
        first, *_ = (one["id"] for one in sessions_of(centre, f"/{offering}"))
        path = f"{booking}/change"
        with_it = {"keep": str(first), "extra": f"{first}.{lunch}"}
        look(tab, path, **with_it)
        make(tab, path, **with_it)
        centre.edit(build.add, RuleSetting, scope="TPS", scope_id=offering, name="cancellation_window_hours",
                    value=10_000)  # fmt: skip

        seen = look(tab, path, keep=str(first))
        made = make(tab, path, keep=str(first))

        for text in (seen, made):
            assert "The extras of Late lunch, Sat, Apr 11, 2026" in text
            assert "could be given up until" in text
        assert self.beside(centre, booking) == {first: ["Lunch 1"]}

    def test_of_which_none_is_left_is_refused_and_says_so(self, centre: Centre, tab: Tab) -> None:
        booking = booked(tab, centre, "The last cake", hour=14)
        address = f"/{offering_named(centre, 'The last cake')}"
        cake = add_extra(centre, address, name="Cake", price_minor=400, stock=1)
        first, second, *_ = (one["id"] for one in sessions_of(centre, address))
        path = f"{booking}/change"
        asked = {"keep": [str(first), str(second)], "extra": f"{second}.{cake}"}
        look(tab, path, **asked)
        sent = {**tab.hidden(), **asked, **LATER, "do": "make"}
        centre.edit(lambda tx: tx.run("UPDATE extra SET stock = 0 WHERE organisation_id = %(org)s AND id = %(id)s",
                                      id=cake))  # fmt: skip

        refused = tab.text(tab.client.post(path, data=sent))
        looked = look(tab, path, **asked)
        shown = tab.open(path).page.text

        assert "Cake with The last cake" in refused
        assert "sold out" in refused
        assert re.search(r"This isn't possible yet .*Cake with The last cake.*: sold out\.", looked)
        assert re.search(rf'value="{second}\.{cake}" disabled', shown)
        assert self.beside(centre, booking) == {first: []}

    @pytest.mark.parametrize(("size", "scripts"), [("phone", True), ("desktop", False)])
    def test_are_offered_under_a_day_once_it_is_ticked(
        self, centre: Centre, tab: Tab, signed_in: Somebody, size: str, scripts: bool
    ) -> None:
        name = f"Extras on {size}"
        booking = booked(tab, centre, name, hour=15 if scripts else 16)
        address = f"/{offering_named(centre, name)}"
        add_extra(centre, address, name="Soup", price_minor=450, stock=2)
        first, second, *_ = sessions_of(centre, address)
        rosa = signed_in(ROSSI, size=size, scripts=scripts).open(f"{booking}/change")
        day = rosa.page.locator("li", has=rosa.page.locator(f'input[name="keep"][value="{second["id"]}"]'))
        assert not day.get_by_text("Extras").is_visible()

        rosa.tick(day.locator('input[name="keep"]'))
        rosa.click(day.locator("summary"))
        rosa.tick(day.get_by_role("checkbox", name=re.compile("Soup")))
        if not scripts:
            rosa.click("See the cost")
        rosa.page.locator("[data-summary]").get_by_text("Soup,").wait_for()
        rosa.picture(f"change-extras-{size}").is_sound()
        rosa.tick(rosa.page.get_by_role("radio", name=re.compile("Pay later")))
        rosa.click("Confirm change")

        assert rosa.reads("Your booking has been changed.")
        assert self.beside(centre, booking) == {first["id"]: [], second["id"]: ["Soup 1"]}


class TestWhatStandsInTheWay:
    def test_is_said_before_it_is_sent(self, centre: Centre, tab: Tab) -> None:
        booking = booked(tab, centre, "At the same time", hour=8)
        taken = sessions_of(centre, course(centre, "Taken already", MONDAY.replace(hour=7)))
        fill(tab, centre, f"/family/programs/{taken[0]['term_program_set_id']}")
        book(tab)
        own = sessions_of(centre, f"/{offering_named(centre, 'At the same time')}")
        centre.edit(lambda tx: tx.run(
            "UPDATE term_product SET starts_at = %(starts)s, ends_at = %(ends)s WHERE organisation_id = %(org)s "
            "AND id = %(id)s", starts=taken[0]["starts_at"], ends=taken[0]["ends_at"], id=own[1]["id"]))  # fmt: skip

        fine = look(tab, f"{booking}/change", keep=str(own[2]["id"]))
        clash = look(tab, f"{booking}/change", keep=str(own[1]["id"]))

        assert "This isn't possible yet" not in fine
        assert "This isn't possible yet" in clash
        assert "Mia Rossi is already booked for Taken already" in clash

    def test_what_was_given_up_before_is_booked_anew_and_not_offered(self, centre: Centre, tab: Tab) -> None:
        address = course(centre, "Given up", *weekly(MONDAY, 2))
        first, second = sessions_of(centre, address)
        child = centre.sample.rossi.attendee_ids[0]
        both = [f"{child}.{one['id']}" for one in (first, second)]
        tab.open(address).send(address, {"pick": both, "do": "keep"})
        booking = book(tab)
        path = f"{booking}/change"
        given = {"keep": [str(first["id"])]}
        make(tab, path, **given, difference=fingerprint(tab, path, **given))

        detail = tab.open(booking).page.text
        shown = tab.text(tab.open(path).page)

        (box,) = re.findall(rf'<input type="checkbox" name="keep" value="{second["id"]}"([^>]*)>', tab.page.text)
        assert "disabled" in box
        assert "cancelled Book it again" in shown
        assert f'href="{address}"' in tab.page.text
        assert re.findall(r'class="number ?(gone)? ?">\$10\.50', detail) == ["", "gone", ""]  # the last is the total

    def test_a_booking_of_which_nothing_is_left_is_not_changed(self, centre: Centre, tab: Tab) -> None:
        booking = booked(tab, centre, "Nothing left", hour=9)

        text = look(tab, f"{booking}/change")

        assert "Nothing of" in text


class TestLive:
    @pytest.mark.parametrize("size", ["phone", "desktop"])
    def test_what_it_comes_to_follows_the_ticks(self, centre: Centre, tab: Tab, signed_in: Somebody, size: str) -> None:
        name = f"Live on {size}"
        booking = booked(tab, centre, name, hour=10 if size == "phone" else 11)
        first, second, *_ = sessions_of(centre, f"/{offering_named(centre, name)}")
        rosa = signed_in(ROSSI, size=size, dark=size == "phone").open(f"{booking}/change")
        box = 'input[name="keep"][value="{}"]'

        rosa.tick(rosa.page.locator(box.format(second["id"])))
        rosa.page.get_by_role("heading", name="You're adding").wait_for()
        owed = rosa.page.locator("[data-summary]").inner_text()
        said = rosa.page.locator("p[role=status]").inner_text()
        rosa.page.locator(box.format(first["id"])).uncheck()
        rosa.page.get_by_role("heading", name="You're cancelling").wait_for()
        rosa.picture(f"change-live-{size}").is_sound()
        assert not rosa.page.get_by_role("button", name="See the cost").is_visible()
        rosa.click("Confirm change")

        assert "Due for this change: $10.50" in owed
        assert said == "Due for this change: $10.50"
        assert rosa.reads("Your booking has been changed.")

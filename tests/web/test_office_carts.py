"""The office fills a cart by its forms: what a session had stays with it, and a seated show is booked as any other."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from catalogue.activities import add_activity
from models import Extra, ProgramType
from samples.show import SHOW
from tests import builders as build
from tests.web.conftest import Centre, Somebody
from tests.web.flows.ways import MONDAY, course
from tests.web.test_admin import OFFICE
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import FIELD, Tab, booked, enter, sessions_of, submission

_LINES = """
SELECT l.term_product_id AS session_id, l.asked_mode, x.row_name || x.number AS seat,
       ARRAY(SELECT e.name || ' ' || e.quantity FROM term_booking_order_extra e
             WHERE e.organisation_id = l.organisation_id AND e.order_line_id = l.id ORDER BY 1) AS extras,
       ARRAY(SELECT a.title FROM term_booking_order_activity a
             WHERE a.organisation_id = l.organisation_id AND a.order_line_id = l.id) AS activities
FROM term_booking_order_line l
LEFT JOIN seat x ON x.organisation_id = l.organisation_id AND x.id = l.seat_id
WHERE l.organisation_id = %(org)s AND l.order_id = %(order_id)s
"""


class Office(Tab):
    """The office's tab on the cart of one offering."""

    order: str
    offering: str

    def hidden(self, action: str | None = None) -> dict[str, str]:
        """The hidden fields of the form of the cart; beside it stands one to search."""
        return super().hidden(action) if action else dict(FIELD.findall(self.page.text))

    def choose(self, *sessions: Any, **more: Any) -> str:
        """Tick these and no others of the offering, and put them into the cart; what the next page says."""
        self.open(f"{self.order}/sessions?offering={self.offering}")
        shown = re.findall(r'name="shown" value="([^"]+)"', self.page.text)
        beside = {"extra_shown": re.findall(r'name="extra_shown" value="([^"]+)"', self.page.text),
                  "extra_with": re.findall(r'name="extra_with" value="([^"]+)" checked', self.page.text)}  # fmt: skip
        given = {"shown": shown, "session": [str(one["id"]) for one in sessions], **beside, **more}
        return self.text(self.send(f"{self.order}/sessions", given))

    def lines(self, centre: Centre) -> dict[Any, dict[str, Any]]:
        rows = centre.rows(_LINES, order_id=self.order.rpartition("/")[2])
        return {row["session_id"]: row for row in rows}

    def begin(self, centre: Centre, offering: str) -> "Office":
        """An empty cart for Mia Rossi in the term of this offering."""
        (found,) = centre.rows("SELECT term_id FROM term_program_set WHERE organisation_id = %(org)s AND id = %(id)s",
                               id=offering)  # fmt: skip
        rossi = centre.sample.rossi
        self.open(f"/admin/bookings/new?account={rossi.account_id}")
        answer = self.send("/admin/bookings/new", {
            "account": str(rossi.account_id), "attendee": str(rossi.attendee_ids[0]), "term": str(found["term_id"]),
            "kind": "BOOKING"}, action="/admin/bookings/new")  # fmt: skip
        self.order, self.offering = answer.headers["location"].removesuffix("/sessions"), offering
        return self


@pytest.fixture
def office(centre: Centre) -> Iterator[Office]:
    with enter(centre, OFFICE) as client:
        yield Office(client, client.get("/admin"))


class TestConflicts:
    def test_are_told_as_the_page_speaks_and_not_each_of_many(self, centre: Centre, office: Office) -> None:
        address = family_class(centre, "Twice at once", hour=15)
        offering = address.rpartition("/")[2]
        sessions = sessions_of(centre, address)
        with enter(centre) as client:
            rosa = Tab(client, client.get(address))
            rosa.send(address, {"pick": [f"{centre.sample.rossi.attendee_ids[0]}.{one['id']}" for one in sessions],
                                "do": "keep"})  # fmt: skip
            action = submission(rosa)
            client.post(action, data={**rosa.hidden(action), "way": "CONFIRM_WITHOUT_PAYMENT"})

        said = office.begin(centre, offering).choose(*sessions)
        office.client.headers["Accept-Language"] = "fr"
        french = office.choose(*sessions)

        assert said.count("is already booked for Twice at once") == 3
        assert "Sat, Apr 11, 2026, 3:00 p.m.–4:00 p.m." in said.replace("\N{NARROW NO-BREAK SPACE}", " ")
        assert f"{len(sessions) - 3} more conflicts." in said
        assert french.count("déjà") == 3


class TestWhatASessionHas:
    def lunch(self, centre: Centre, name: str = "Lunch") -> str:
        """An extra that is offered with everything; its name is its own."""
        return str(centre.edit(build.add, Extra, name=name, price_minor=500)["id"])

    def test_a_day_more_leaves_the_others_their_lunch(self, centre: Centre, office: Office) -> None:
        address = family_class(centre, "Lunches", hour=8)
        lunch, bus = self.lunch(centre), self.lunch(centre, "Bus")
        office.begin(centre, address.rpartition("/")[2])
        first, second, third, *_ = sessions_of(centre, address)

        office.choose(first, second, extra=lunch)
        office.choose(first, second, third, extra=bus)

        lines = office.lines(centre)
        assert {key: line["extras"] for key, line in lines.items()} == {
            first["id"]: ["Lunch 1"], second["id"]: ["Lunch 1"], third["id"]: ["Bus 1"]}  # fmt: skip

        office.choose(first, third, extra=bus, extras_for_all="yes")

        assert {key: line["extras"] for key, line in office.lines(centre).items()} == {
            first["id"]: ["Bus 1"], third["id"]: ["Bus 1"]}  # fmt: skip

    def test_each_session_is_asked_for_its_own(self, centre: Centre, office: Office) -> None:
        address = family_class(centre, "Each its own", hour=10)
        lunch, bus = self.lunch(centre), self.lunch(centre, "Bus")
        office.begin(centre, address.rpartition("/")[2])
        first, second, *_ = sessions_of(centre, address)

        office.choose(first, second, extra_with=[f"{first['id']}.{lunch}", f"{second['id']}.{bus}"])
        office.choose(first, second, extra_with=f"{second['id']}.{bus}")

        lines = office.lines(centre)
        assert {key: line["extras"] for key, line in lines.items()} == {first["id"]: [], second["id"]: ["Bus 1"]}

    def test_a_day_that_a_change_adds_comes_with_its_lunch(self, centre: Centre, office: Office) -> None:
        cake = str(centre.edit(build.add, Extra, name="Cake of the office", price_minor=500, stock=1)["id"])
        with enter(centre) as client:
            booking = booked(Tab(client, client.get("/family")), centre, "Changed with lunch", hour=11)
        (offering,) = centre.rows("SELECT id FROM term_program_set WHERE organisation_id = %(org)s "
                                  "AND name = 'Changed with lunch'")  # fmt: skip
        first, second, *_ = sessions_of(centre, f"/{offering['id']}")
        change = booking.replace("/family/", "/admin/") + "/change"
        begun = office.open(change.removesuffix("/change")).send(change, {}, action=change)
        office.order = begun.headers["location"].partition("/sessions")[0]
        office.offering = str(offering["id"])

        said = office.choose(first, second, extra_with=f"{second['id']}.{cake}")
        page = office.text(office.client.get(f"{office.order}/sessions?offering={office.offering}"))

        assert "Cake of the office" in said
        assert "1 left" in page
        lines = office.lines(centre)
        assert {key: line["extras"] for key, line in lines.items()} == {
            first["id"]: [], second["id"]: ["Cake of the office 1"]}  # fmt: skip

    def test_a_way_of_pricing_counts_for_all_only_where_it_is_chosen(self, centre: Centre, office: Office) -> None:
        address = family_class(centre, "Pricing", hour=9, count=3)
        office.begin(centre, address.rpartition("/")[2])
        first, second, third = sessions_of(centre, address)
        office.choose(first, mode="FULL_TERM")
        centre.edit(lambda tx: tx.run(
            "UPDATE term_booking_order_line SET asked_mode = 'FULL_WEEK' WHERE organisation_id = %(org)s "
            "AND order_id = %(id)s", id=office.order.rpartition("/")[2]))  # fmt: skip

        office.choose(first, second, mode="FULL_WEEK")
        office.choose(first, second, third, mode="FULL_WEEK")
        assert {line["asked_mode"] for line in office.lines(centre).values()} == {"FULL_WEEK"}

        office.choose(first, second, third, mode="FULL_TERM")
        assert {line["asked_mode"] for line in office.lines(centre).values()} == {"FULL_TERM"}

    def test_a_chosen_activity_stays_when_another_offering_is_added(self, centre: Centre, office: Office) -> None:
        camp, other = family_class(centre, "Day camp", hour=13), family_class(centre, "Beside it", hour=16)
        (day, *_), (beside, *_) = sessions_of(centre, camp), sessions_of(centre, other)
        offering_id = camp.rpartition("/")[2]
        centre.edit(lambda tx: tx.run(
            "UPDATE program g SET category_id = (SELECT id FROM program_category WHERE organisation_id = %(org)s AND "
            "program_type = %(holiday)s LIMIT 1) WHERE organisation_id = %(org)s AND name = 'Day camp'",
            holiday=int(ProgramType.HOLIDAY)))  # fmt: skip
        pirates = centre.edit(add_activity, day["term_program_set_id"], day=day["local_date"], title="Pirates",
                              capacity=5)  # fmt: skip
        office.begin(centre, offering_id).choose(day)
        order_id = office.order.rpartition("/")[2]
        centre.edit(lambda tx: tx.run(
            "INSERT INTO term_booking_order_activity (id, organisation_id, order_id, order_line_id, term_product_id, "
            "title) SELECT gen_random_uuid(), organisation_id, order_id, id, %(activity)s, 'Pirates' "
            "FROM term_booking_order_line WHERE organisation_id = %(org)s AND order_id = %(order)s",
            activity=pirates, order=order_id))  # fmt: skip

        office.offering = other.rpartition("/")[2]
        office.choose(beside)
        office.offering = offering_id
        office.choose(day)

        assert office.lines(centre)[day["id"]]["activities"] == ["Pirates"]
        assert set(office.lines(centre)) == {day["id"], beside["id"]}


class TestWholes:
    """One tick for the whole term or for a week, instead of one for every session."""

    def mode_of(self, office: Office, centre: Centre) -> dict[Any, str]:
        return {key: line["asked_mode"] for key, line in office.lines(centre).items()}

    def test_one_tick_is_the_whole_term(self, centre: Centre, office: Office) -> None:
        address = family_class(centre, "Whole term", hour=8)
        office.begin(centre, address.rpartition("/")[2])
        sessions = sessions_of(centre, address)

        assert "Cart saved." in office.choose(term="yes")
        assert self.mode_of(office, centre) == {one["id"]: "FULL_TERM" for one in sessions}

        office.choose(*sessions[:2])  # no longer ticked: single days, as before
        assert set(office.lines(centre)) == {one["id"] for one in sessions[:2]}

    def test_where_no_full_term_is_offered_it_is_all_sessions_at_their_price(
        self, centre: Centre, office: Office
    ) -> None:
        address = family_class(centre, "All of them", hour=14)
        offering = address.rpartition("/")[2]
        centre.edit(lambda tx: tx.run("UPDATE term_program_set SET modes = '{CASUAL}' "
                                      "WHERE organisation_id = %(org)s AND id = %(id)s", id=offering))  # fmt: skip
        office.begin(centre, offering)

        assert "Each at its own price" in office.text(office.open(f"{office.order}/sessions?offering={offering}").page)
        office.choose(term="yes")

        assert self.mode_of(office, centre) == {one["id"]: "CASUAL" for one in sessions_of(centre, address)}

    @pytest.mark.parametrize(("size", "scripts"), [("phone", False), ("desktop", True)])
    def test_a_week_is_ticked_as_one(
        self, centre: Centre, office: Office, signed_in: Somebody, size: str, scripts: bool
    ) -> None:
        monday = MONDAY + timedelta(hours=9)
        days = [monday + timedelta(weeks=week, days=day) for week in range(2) for day in range(3)]
        address = course(centre, f"Weeks, {size}", *days, modes=["CASUAL", "FULL_WEEK"], full_week_price_minor=2500)
        office.begin(centre, address.rpartition("/")[2])
        first, second = sessions_of(centre, address)[:3], sessions_of(centre, address)[3:]
        desk = signed_in(OFFICE, size=size, scripts=scripts).open(f"{office.order}/sessions?offering={office.offering}")
        box = desk.page.locator("input[name=session]")

        desk.page.get_by_label(re.compile("^Full week")).last.check()
        box.first.check()
        assert box.last.is_checked() is scripts
        desk.picture(f"admin-weeks-{size}").is_sound()
        desk.click("Add to cart").reads("Cart saved.")

        assert self.mode_of(office, centre) == {
            first[0]["id"]: "CASUAL", **{one["id"]: "FULL_WEEK" for one in second}}  # fmt: skip

    def test_with_scripts_what_is_taken_out_ends_the_whole(
        self, centre: Centre, office: Office, signed_in: Somebody
    ) -> None:
        address = family_class(centre, "Taken out", hour=16)
        office.begin(centre, address.rpartition("/")[2])
        desk = signed_in(OFFICE).open(f"{office.order}/sessions?offering={office.offering}")
        term, box = desk.page.get_by_label("The whole term"), desk.page.locator("input[name=session]")

        term.check()
        assert all(one.is_checked() for one in box.all())
        box.first.uncheck()

        assert not term.is_checked()
        desk.click("Add to cart").reads("Cart saved.")
        assert set(office.lines(centre)) == {one["id"] for one in sessions_of(centre, address)[1:]}


class TestSeats:
    def show(self, centre: Centre) -> str:
        (row,) = centre.rows("SELECT id FROM term_program_set WHERE organisation_id = %(org)s AND code = %(code)s",
                             code=SHOW)  # fmt: skip
        return str(row["id"])

    def test_the_best_seat_or_the_one_that_is_chosen(self, centre: Centre, office: Office) -> None:
        show = self.show(centre)
        first, second = sessions_of(centre, f"/{show}")
        office.begin(centre, show)
        seats = {row["label"]: str(row["id"]) for row in centre.rows(
            "SELECT id, row_name || number AS label FROM seat WHERE organisation_id = %(org)s")}  # fmt: skip

        office.choose(first, second, **{f"seat.{second['id']}": seats["D3"]})

        lines = office.lines(centre)
        assert (lines[first["id"]]["seat"], lines[second["id"]]["seat"]) == ("A8", "D3")
        assert "Row D, seat 3" in office.page.text

        text = office.choose(first, second, **{f"seat.{first['id']}": seats["A8"], f"seat.{second['id']}": seats["E4"]})

        lines = office.lines(centre)
        assert (lines[first["id"]]["seat"], lines[second["id"]]["seat"]) == ("A8", "E4")
        assert "Cart saved." in text

    def test_the_page_is_sound(self, centre: Centre, office: Office, signed_in: Somebody) -> None:
        office.begin(centre, self.show(centre))
        page = signed_in(OFFICE).open(f"{office.order}/sessions?offering={office.offering}")

        page.picture("admin-seated").is_sound()

        assert page.page.get_by_label(re.compile("^Seat on")).count() == 2


class TestAClosure:
    def test_that_was_refused_is_shown_afresh_with_what_was_typed(self, centre: Centre, office: Office) -> None:
        """Somebody booked meanwhile: the reason is not typed again."""
        address = family_class(centre, "Closing", hour=12)
        (first, *_) = sessions_of(centre, address)
        (found,) = centre.rows("SELECT s.local_date AS day, g.site_id FROM term_product s "
                               "JOIN term_program_set p ON p.organisation_id = s.organisation_id "
                               "AND p.id = s.term_program_set_id "
                               "JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id "
                               "WHERE s.organisation_id = %(org)s AND s.id = %(id)s", id=first["id"])  # fmt: skip
        office.open(f"/admin/closures?site={found['site_id']}&day={found['day']}")
        action = f"/admin/closures/{found['site_id']}/{found['day']}"

        answer = office.send(action, {"reason": "Burst pipe", "fingerprint": "another"}, action=action)

        assert answer.status_code == 409
        assert 'value="Burst pipe"' in answer.text
        assert "The day has changed since; look at it again." in office.text(answer)

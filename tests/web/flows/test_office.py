"""The office's flows on a phone, a tablet and a desktop, each with and without scripts: six ways.

Every page on the way fits its screen, and what was done stands in the database.
"""

import re
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from catalogue.sessions import generate_sessions
from engine.database import Transaction
from models import Role, TermBookingOrderType, TermBookingStatus
from tests import builders as build
from tests.web.browsing import Person
from tests.web.conftest import CHEN, PEOPLE, Centre
from tests.web.flows.conftest import Door
from tests.web.flows.ways import Way, booking_of, built, course, tab_of, weekly
from tests.web.test_admin import SAMPLES
from tests.web.test_admin import build as build_by_hand
from tests.web.test_family_forms import sessions_of

ADMIN = PEOPLE[Role.ADMIN]
PROGRAMME = "toronto_registered_programs_centre7_2026.csv"


@pytest.fixture
def office(door: Door) -> Person:
    return door(ADMIN)


def status_of(centre: Centre, table: str, record_id: UUID) -> int:
    (row,) = centre.rows(f"SELECT status FROM {table} WHERE organisation_id = %(org)s AND id = %(id)s", id=record_id)
    return int(row["status"])


def offering_named(centre: Centre, name: str) -> list[dict[str, Any]]:
    return centre.rows("SELECT * FROM term_program_set WHERE organisation_id = %(org)s AND name = %(name)s", name=name)


def sessions_at(centre: Centre, offering_id: UUID) -> list[dict[str, Any]]:
    return sessions_of(centre, f"/{offering_id}")


def test_anything_is_found_by_name_and_by_reference(centre: Centre, office: Person) -> None:
    (account,) = centre.rows("SELECT id, reference FROM account WHERE organisation_id = %(org)s AND id = %(id)s",
                             id=centre.sample.rossi.account_id)  # fmt: skip
    found = f"/admin/families/{account['id']}"

    for asked in ("rossi", account["reference"].lower()):
        office.open("/admin").fits().fill("Search everything", asked)
        office.page.get_by_role("search").get_by_role("button", name="Search").click()
        office.fits().click(office.page.locator(f'main a[href="{found}"]').first)
        assert office.fits().path == found
        assert office.reads("Mia Rossi")


def waiting(office: Person, what: str) -> int:
    """How many of these the office's first page says that wait."""
    found = re.search(rf"(\d+)\s+{what}", office.open("/admin").text)
    assert found, office.text
    return int(found[1])


class TestOrders:
    def test_one_is_built_and_confirmed_and_says_its_whole_history(self, centre: Centre, office: Person) -> None:
        address = build_by_hand(office, centre, family="Chen", child="Lin Chen", sessions=1)
        assert office.fits().reads("No places are held yet")
        office.fill("Override booking window, cut-off and eligibility because", "asked by telephone")
        office.page.get_by_role("button", name=re.compile("^Submit")).click()
        form = office.fits().page.locator(f"form[action='{address}/confirmation']")
        form.get_by_label(re.compile("^Reason")).fill("paid at the desk")
        form.get_by_role("button").click()

        assert office.fits().reads("Booking confirmed")
        assert office.page.locator("section", has_text="History").get_by_text("paid at the desk").count() == 1
        order_id = UUID(address.rpartition("/")[2])
        assert status_of(centre, "term_booking_order", order_id) == TermBookingStatus.APPROVED

    def test_one_is_quoted_and_accepted(self, centre: Centre, office: Person, way: Way) -> None:
        order_id = built(centre, course(centre, f"Quoted {way.name}", way.at(0)), to="submit")

        office.open(f"/admin/orders/{order_id}").fits().click("Issue quote")
        assert office.fits().reads("Quote Q-")
        to_confirm, quotes = waiting(office, "orders? to confirm"), waiting(office, "quotes? awaiting an answer")
        office.open(f"/admin/orders/{order_id}").click("Accept quote for the family")

        assert office.fits().reads("Quote accepted for the family")
        assert status_of(centre, "term_booking_order", order_id) == TermBookingStatus.ACCEPT
        assert waiting(office, "orders? to confirm") == to_confirm + 1  # it waits for the office now
        assert waiting(office, "quotes? awaiting an answer") == quotes - 1

    def test_a_quote_is_changed_through_its_difference_and_issued_again(
        self, centre: Centre, office: Person, way: Way
    ) -> None:
        address = course(centre, f"Quoted and changed {way.name}", *weekly(way.at(4, 1), 2))
        first, second = sessions_of(centre, address)
        order_id = built(centre, address, to="submit")
        office.open(f"/admin/orders/{order_id}").click("Issue quote").click("Change quote")
        change = office.fits().path.partition("/sessions")[0]
        office.open(f"{change}/sessions?offering={address.rpartition('/')[2]}")
        office.page.locator(f"input[name=session][value='{second['id']}']").check()
        office.click("Add to cart").reads("This order changes a quote.")
        office.click("Submit and see the Billing Difference").fits().reads("Billing Difference")
        office.fill("Reason", "another day as well").click("Confirm change as shown")

        assert office.fits().reads("Quote changed as shown and issued again.")
        office.click("View quote")
        assert status_of(centre, "term_booking_order", order_id) == TermBookingStatus.QUOTE
        for session in (first, second):
            assert office.reads(str(session["local_date"].day))
        quotes = centre.rows("SELECT total_minor FROM quote WHERE order_id = %(id)s ORDER BY number", id=order_id)
        assert [quote["total_minor"] for quote in quotes] == [1050, 2 * 1050]


class TestBookings:
    def test_a_session_is_moved_through_its_difference_and_nobody_is_told(
        self, centre: Centre, office: Person, way: Way
    ) -> None:
        address = course(centre, f"Moved {way.name}", *weekly(way.at(1), 3))
        first, second, third = sessions_of(centre, address)
        first_order = built(centre, address, first=2)
        booking_id = booking_of(centre, first_order)

        office.open(f"/admin/bookings/{booking_id}").fits().click("Change sessions")
        order = office.fits().path.partition("/sessions")[0]
        office.open(f"{order}/sessions?offering={address.rpartition('/')[2]}").fits()
        office.page.locator(f"input[name=session][value='{first['id']}']").uncheck()
        office.page.locator(f"input[name=session][value='{third['id']}']").check()
        office.click("Add to cart")
        office.page.get_by_role("button", name=re.compile("^Submit")).click()
        assert office.fits().reads("Billing Difference")
        form = office.page.locator(f"form[action='{order}/confirmation']")
        form.get_by_label("Do not notify the family").check()
        form.get_by_label(re.compile("^Reason")).fill("moved by a fortnight")
        form.get_by_role("button").click()

        assert office.fits().reads("Booking changed as shown.")
        standing = centre.rows("SELECT term_product_id AS id FROM term_booking_line WHERE organisation_id = %(org)s "
                               "AND booking_id = %(id)s AND cancelled_at IS NULL", id=booking_id)  # fmt: skip
        assert {row["id"] for row in standing} == {second["id"], third["id"]}
        told = centre.rows("SELECT payload->>'subject_id' AS id FROM outbox_message WHERE organisation_id = %(org)s "
                           "AND payload->>'subject_id' = ANY(%(ids)s)",
                           ids=[str(first_order), order.rpartition("/")[2]])  # fmt: skip
        assert {row["id"] for row in told} == {str(first_order)}

    def test_one_is_suspended_resumed_and_cancelled_as_shown(self, centre: Centre, office: Person, way: Way) -> None:
        booking_id = booking_of(centre, built(centre, course(centre, f"Ended {way.name}", way.at(2))))

        form = office.open(f"/admin/bookings/{booking_id}").fits().page.locator("form[action$='/suspension']")
        form.get_by_label(re.compile("^Reason")).fill("broken arm")
        form.get_by_role("button").click()
        assert office.fits().reads("Places are held")
        assert status_of(centre, "term_booking", booking_id) == TermBookingStatus.SUSPENDED
        office.click("Resume")
        assert office.fits().reads("Booking resumed")
        office.click("Preview cancellation")
        assert office.fits().reads("Changes, line by line")
        office.fill("Reason", "the family moved").click("Cancel booking as shown")

        assert office.fits().reads("Booking cancelled")
        assert status_of(centre, "term_booking", booking_id) == TermBookingStatus.CANCELED


class TestWaiting:
    def test_a_queue_says_why_it_stands_in_this_order(
        self, centre: Centre, office: Person, way: Way, clients: dict[str, httpx.Client]
    ) -> None:
        address = course(centre, f"Wanted {way.name}", way.at(3), capacity=1)
        (session,) = sessions_of(centre, address)
        built(centre, address, to="submit")
        chen, queue = tab_of(clients, CHEN), f"/family/queue/{session['id']}/{centre.sample.chen.attendee_ids[0]}"
        chen.open(queue).send(queue, {})

        office.open("/admin/queues").fits().click(office.page.locator(f'a[href="/admin/queues/{session["id"]}"]'))

        waits = office.fits().page.locator("ol li", has_text="Lin Chen")
        assert waits.locator(".figure").inner_text() == "1"
        assert waits.locator(".quiet").first.inner_text().strip()
        (entry,) = centre.rows("SELECT attendee_id FROM waiting_entry WHERE organisation_id = %(org)s "
                               "AND term_product_id = %(id)s", id=session["id"])  # fmt: skip
        assert entry["attendee_id"] == centre.sample.chen.attendee_ids[0]

    def test_interests_are_converted_together(self, centre: Centre, office: Person, way: Way) -> None:
        address = course(centre, f"Interesting {way.name}", way.at(4))
        interests = [built(centre, address, child=child, to="express", order_type=TermBookingOrderType.EOI)
                     for child in (0, 1)]  # fmt: skip

        office.open("/admin/interests").fits()
        for interest in interests:
            office.tick(office.page.locator(f'input[name="order"][value="{interest}"]'))
        office.fill("Confirm each right away because", "they asked early").click("Convert selected")

        office.fits()
        booked = centre.rows(
            "SELECT DISTINCT b.attendee_id AS id FROM term_booking b JOIN term_booking_line l ON l.organisation_id = "
            "b.organisation_id AND l.booking_id = b.id WHERE b.organisation_id = %(org)s "
            "AND l.term_program_set_id = %(id)s", id=address.rpartition("/")[2],
        )  # fmt: skip
        assert {row["id"] for row in booked} == set(centre.sample.rossi.attendee_ids)


class TestSetUp:
    def test_a_term_a_program_and_its_sessions_seen_before_they_are_made(
        self, centre: Centre, office: Person, way: Way
    ) -> None:
        year, name = 2027 + way.number, f"Drama {way.name}"
        office.open("/admin/programme/terms/new").fits().fill("Name", f"Winter {year}")
        office.fill("First day", f"{year}-01-04").fill("Last day", f"{year}-02-28").choose("Status", "Draft")
        office.click("Save").fits().open("/admin/programme/programs/new").fits().fill("Name", name)
        office.page.get_by_label("Category").select_option(label="Sports")
        office.click("Save").fits().open("/admin/offerings/new").fits().fill("Name", name)
        office.page.get_by_label("Program", exact=True).select_option(label=name)
        office.page.get_by_label("Term", exact=True).select_option(label=f"Winter {year}")
        office.tick("Sat").fill("Starts", "10:00").fill("Ends", "11:00").fill("Places", "8")
        office.fill("Price per session", "12,50").click("Save")

        assert office.fits().reads("to create")
        (offering,) = offering_named(centre, name)
        assert sessions_at(centre, offering["id"]) == []  # looking made nothing
        office.click("Create sessions")
        assert office.fits().reads("sessions created")
        made = sessions_at(centre, offering["id"])
        assert len(made) == 8
        assert {one["price_minor"] for one in made} == {1250}

    def test_a_rule_is_set_where_it_comes_from_is_said(self, centre: Centre, office: Person, way: Way) -> None:
        offering_id = course(centre, f"Ruled {way.name}", way.at(5)).rpartition("/")[2]
        rules = f"/admin/rules?scope=TPS&of={offering_id}"

        row = office.open(rules).fits().page.locator("#invoice_due_days")
        assert row.locator(".badge.accent").count() == 0  # it is not its own
        row.get_by_role("link").click()
        assert office.fits().reads("Not set here. Inherited:")
        office.fill("Days", "7").click("Set here")

        assert office.fits().reads("Rule saved")
        assert office.open(rules).fits().page.locator("#invoice_due_days .badge.accent").count() == 1
        kept = centre.rows("SELECT value FROM rule_setting WHERE organisation_id = %(org)s AND name = "
                           "'invoice_due_days' AND scope_id = %(id)s", id=offering_id)  # fmt: skip
        assert kept == [{"value": 7}]

    def test_a_discount_is_declared(self, centre: Centre, office: Person, way: Way) -> None:
        offering_id = course(centre, f"Cheaper {way.name}", way.at(5)).rpartition("/")[2]
        office.open(f"/admin/discounts?scope=TPS&of={offering_id}").fits()
        office.click(office.page.get_by_role("link", name="Early bird"))
        office.fits().fill("Percentage off", "10").fill("Or days before the first session", "14").click("Save")

        assert office.fits().reads("Early bird discount added.")
        (kept,) = centre.rows("SELECT value FROM rule_setting WHERE organisation_id = %(org)s AND name = 'discounts' "
                              "AND scope_id = %(id)s", id=offering_id)  # fmt: skip
        assert [one["conditions"] for one in kept["value"] if one["kind"] == "EARLY_BIRD"] == [{"days_before": 14}]

    def test_an_extra_has_a_price_and_a_stock(self, centre: Centre, office: Person, way: Way) -> None:
        name = f"Ice skates {way.name}"
        office.open("/admin/programme/extras/new").fits()
        office.fill("Name", name).fill("Price", "4.50").fill("Stock", "20").click("Save")

        assert office.fits().reads("Created")
        kept = centre.rows("SELECT price_minor, stock FROM extra WHERE organisation_id = %(org)s AND name = %(name)s",
                           name=name)  # fmt: skip
        assert kept == [{"price_minor": 450, "stock": 20}]

    def test_a_venue_gets_seats_and_a_show_their_prices(self, centre: Centre, office: Person, way: Way) -> None:
        name = f"Hall {way.name}"
        offering_id = course(centre, f"Show {way.name}", way.at(6)).rpartition("/")[2]
        office.open("/admin/programme/venues/new").fits().fill("Name", name).click("Save")
        office.fits().click(name).fits().click("View seats")
        office.fits().fill("Seats", "A-B: 1-4, 6-9: VIP\nC: 1-9").click("Save seat map")
        assert office.fits().reads("25 seats in total")
        office.open(f"/admin/offerings/{offering_id}/seating").fits()
        office.page.get_by_label("Venue").select_option(label=name)
        office.fill("Best", "15,50").click("Save")

        assert office.fits().reads("Seating set for")
        assert [one["is_seated"] for one in sessions_of(centre, f"/{offering_id}")] == [True]
        prices = centre.rows("SELECT seat_type, price_minor FROM seat_price WHERE organisation_id = %(org)s "
                             "AND term_program_set_id = %(id)s", id=offering_id)  # fmt: skip
        assert prices == [{"seat_type": "VIP", "price_minor": 1550}]

    def test_a_programme_is_looked_at_and_imported(self, centre: Centre, office: Person, way: Way) -> None:
        head, row, *_ = (SAMPLES / PROGRAMME).read_text().splitlines()
        course_id, name = str(990_001 + way.number), f"Pottery {way.name}"
        columns = row.split(",")
        columns[1], columns[6] = course_id, name
        file = {"name": "one.csv", "mimeType": "text/csv", "buffer": f"{head}\n{','.join(columns)}\n".encode()}

        def send(button: str) -> None:
            office.page.get_by_label("The file").set_input_files(file)  # type: ignore[arg-type]
            office.page.get_by_label("The mapping (TOML)").set_input_files(SAMPLES / "toronto_centre7.toml")
            office.page.get_by_label(re.compile("^Prices and places")).set_input_files(SAMPLES / "toronto_prices.toml")
            office.click(button)

        office.open("/admin/import").fits()
        send("Preview")
        assert office.fits().reads("Preview of the import")
        assert offering_named(centre, name) == []
        send("Import now")

        assert office.fits().reads("Programme imported.")
        assert [one["code"] for one in offering_named(centre, name)] == [course_id]

    def test_a_term_is_rolled_over_as_shown(self, centre: Centre, office: Person, way: Way) -> None:
        year, name = 2037 + way.number, f"Rolling {way.name}"

        def make(tx: Transaction) -> None:
            (site,) = tx.rows("SELECT * FROM site WHERE organisation_id = %(org)s")
            spring = build.term(tx, site, name=f"Spring {year}", starts_on=date(year, 4, 1), ends_on=date(year, 5, 31))
            build.term(tx, site, name=f"Summer {year}", starts_on=date(year, 7, 1), ends_on=date(year, 7, 31),
                       status="DRAFT")  # fmt: skip
            made = build.offering(tx, spring, build.program(tx, site, name=name),
                                  schedule=[{"weekdays": ["SUN"], "starts": "09:30", "ends": "10:30"}])  # fmt: skip
            generate_sessions(tx, [made["id"]])

        centre.edit(make)
        office.open("/admin/roll-over").fits().choose("From", f"Spring {year}")
        office.choose("To draft term", f"Summer {year}").click("Preview")
        assert office.fits().reads("Result")
        assert len(offering_named(centre, name)) == 1
        office.click("Create these offerings").fits()

        until = {row["name"] for row in centre.rows(
            "SELECT t.name FROM term t JOIN term_program_set p ON p.organisation_id = t.organisation_id "
            "AND p.term_id = t.id WHERE t.organisation_id = %(org)s AND p.name = %(name)s", name=name)}  # fmt: skip
        assert until == {f"Spring {year}", f"Summer {year}"}


class TestDays:
    def test_one_is_closed_and_opened_again_as_shown(self, centre: Centre, office: Person, way: Way) -> None:
        address = course(centre, f"Closed {way.name}", way.at(way.number, 3))
        built(centre, address)
        (session,) = sessions_of(centre, address)
        (site,) = centre.rows("SELECT id FROM site WHERE organisation_id = %(org)s")
        asked = f"?site={site['id']}&day={session['local_date']}"

        office.open(f"/admin/closures{asked}").fits().fill("Reason (families will see this)", "Burst pipe")
        assert "Mia Rossi" in office.text
        office.click("Close day")
        assert office.fits().reads("Day closed")
        assert sessions_of(centre, address)[0]["status"] == "CLOSED"
        office.click("Reopen a closed day").fits().open(f"/admin/reopenings{asked}").fits()
        office.fill("Reason (families will see this)", "The pipe is mended").click("Reopen day")

        assert office.fits().reads("Day reopened")
        assert office.reads("That day isn't closed")
        (session,) = sessions_of(centre, address)
        assert (session["status"], session["taken"]) == ("OPEN", 1)

    def test_how_full_sessions_are_is_a_picture(self, centre: Centre, office: Person, way: Way) -> None:
        name = f"Pictured {way.name}"
        address = course(centre, name, way.at(6, 1), capacity=2)
        built(centre, address, to="submit")
        (session,) = sessions_of(centre, address)
        office.open("/admin").click(office.page.get_by_role("link", name=re.compile("Occupancy board"))).fits()
        office.fill("From", str(session["local_date"] - timedelta(days=2))).click("Show")

        cell = office.fits().page.locator(f'.board a.cell[href="/admin/queues/{session["id"]}"]')
        assert cell.locator("svg .used").get_attribute("width") == "32.0"
        assert "1/2" in cell.inner_text()
        office.click(cell)
        assert office.fits().reads(name)


def test_a_mail_is_written_looked_at_and_put_in_force(centre: Centre, office: Person, way: Way) -> None:
    office.open("/admin/mails").fits().click("Quote, English")
    frame = office.page.frame_locator("iframe[name=preview]")

    office.fits().fill("Text", f"Welcome {{{{ attendee_name }}}} by {way.name}!").click("Preview")
    frame.get_by_text(f"Welcome Mia Rossi by {way.name}!").first.wait_for()
    office.click("Use this version")
    assert office.fits().reads("is now in use.")
    (kept,) = centre.rows("SELECT body FROM mail_text WHERE organisation_id = %(org)s ORDER BY version DESC LIMIT 1")
    office.click("Restore the standard text")

    assert kept["body"] == f"Welcome {{{{ attendee_name }}}} by {way.name}!"
    assert office.fits().reads("is now in use.")
    frame.get_by_text("Dear Carla Rossi,").first.wait_for()


def test_a_login_is_made_for_a_site_and_barred(centre: Centre, office: Person, way: Way) -> None:
    name, email = f"Stella {way.name}", f"{way.name}@staff.example"
    office.open("/admin/users").fits().click("Add")

    office.fits().fill("Name", name).fill("E-mail address", email).fill("Password", "a long enough password")
    office.page.get_by_label("Staff", exact=True).check()
    office.tick(office.page.locator('input[name="site"]').first).click("Save")
    assert office.fits().reads(f"{name} added.")
    made = """SELECT roles, is_active FROM "user" WHERE organisation_id = %(org)s AND email = %(email)s"""
    before = centre.rows(made, email=email)
    office.click(name).fits().page.get_by_label("Can sign in").uncheck()
    office.click("Save")

    assert office.fits().reads("Changes saved.")
    assert before == [{"roles": ["staff"], "is_active": True}]
    assert centre.rows(made, email=email) == [{"roles": ["staff"], "is_active": False}]

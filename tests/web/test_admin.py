"""The office's pages: finding anything, building a booking by hand, changing and ending it, and what is set up."""

import re
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from engine.database import Transaction
from tests import builders
from tests.web.browsing import Person
from tests.web.conftest import Centre, Somebody
from tests.web.test_family_forms import Tab, enter

OFFICE = "admin@centre7.example"
_LAST_SESSION = """
SELECT s.local_date, g.site_id FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
WHERE s.organisation_id = %(org)s AND s.local_date IS NOT NULL AND s.status = 'OPEN' AND s.product_type = 'SESSION'
ORDER BY s.local_date DESC LIMIT 1
"""
SAMPLES = Path(__file__).parents[2] / "samples"


_OFFERING = """
SELECT p.id, p.name, p.code, p.term_id, count(*) AS sessions FROM term_program_set p
JOIN term_product s ON s.organisation_id = p.organisation_id AND s.term_program_set_id = p.id
WHERE p.organisation_id = %(org)s AND p.status = 'PUBLISHED' AND s.status = 'OPEN' AND NOT s.is_seated
  AND s.product_type = 'SESSION' AND to_jsonb(p.modes) ? 'CASUAL'
  AND coalesce(p.age_from_months, 0) <= 100 AND coalesce(p.age_below_months, 999) > 120
GROUP BY p.organisation_id, p.id ORDER BY count(*) DESC, p.name, p.id LIMIT 1
"""
_NOT_BOOKED = """
SELECT s.id FROM term_product s
WHERE s.organisation_id = %(org)s AND s.term_program_set_id = %(offering)s AND s.status = 'OPEN'
  AND NOT EXISTS (SELECT FROM place_claim c
                  JOIN term_booking_order o ON o.organisation_id = c.organisation_id AND o.id = c.order_id
                  JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
                  WHERE c.organisation_id = s.organisation_id AND c.term_product_id = s.id AND t.name = %(child)s)
ORDER BY s.starts_at, s.id LIMIT %(most)s
"""


def offering_with_sessions(centre: Centre) -> dict[str, Any]:
    """The offering with the most sessions to come that takes children of the sample's age."""
    (found,) = centre.rows(_OFFERING)
    return found


def build(office: Person, centre: Centre, *, family: str = "Rossi", child: str = "Mia Rossi", sessions: int = 2) -> str:
    """A cart for a child, built by hand from nothing; answers the address of its order."""
    offering = offering_with_sessions(centre)
    office.open("/admin/bookings/new")
    assert office.page.locator("input[name=attendee]").count() == 0  # nobody is chosen beforehand
    office.fill("For which family?", family).click("Search")
    office.page.get_by_role("link", name=re.compile(f"Choose {family}")).first.click()
    office.tick(child)
    office.page.get_by_label("Term", exact=True).select_option(value=str(offering["term_id"]))
    office.click("Continue to sessions")
    office.page.wait_for_url(re.compile("/sessions"))
    address = office.path.removesuffix("/sessions")
    office.open(f"{address}/sessions?offering={offering['id']}")
    for row in centre.rows(_NOT_BOOKED, offering=offering["id"], child=child, most=sessions):
        office.page.locator(f"input[name=session][value='{row['id']}']").check()
    office.click("Add to cart")
    return address


class TestBuilding:
    def test_what_is_missing_is_said_at_its_field(self, signed_in: Somebody, centre: Centre) -> None:
        office = signed_in(OFFICE)
        office.open("/admin/bookings/new").fill("For which family?", "Rossi").click("Search")
        office.page.get_by_role("link", name=re.compile("Choose Rossi")).first.click()
        office.page.get_by_label("Term", exact=True).select_option(index=1)
        office.click("Continue to sessions")

        assert office.reads("Choose the child.")
        office.is_sound()


class TestChangesAndEndings:
    @pytest.fixture
    def booking(self, signed_in: Somebody, centre: Centre) -> Person:
        """The office, looking at a fresh booking of two sessions."""
        office = signed_in(OFFICE)
        address = build(office, centre, family="Rossi", child="Mia Rossi")
        office.fill("Override booking window, cut-off and eligibility because", "asked by telephone")
        office.page.get_by_role("button", name=re.compile("^Submit")).click()
        form = office.page.locator(f"form[action='{address}/confirmation']")
        form.get_by_label(re.compile("^Reason")).fill("paid at the desk")
        form.get_by_role("button").click()
        office.page.get_by_role("link", name=re.compile("^Booking TB-")).click()
        return office

    def test_a_change_is_confirmed_on_its_difference(self, booking: Person, centre: Centre) -> None:
        offering = offering_with_sessions(centre)
        booking.click("Change sessions")
        order = booking.path.partition("/sessions")[0]
        assert booking.page.locator("form h2").first.inner_text() == offering["name"]  # what is booked, first of all
        booking.page.locator("input[name=session]:checked").first.uncheck()
        booking.click("Add to cart")
        booking.page.get_by_role("button", name=re.compile("^Submit")).click()

        assert booking.reads("Billing Difference")
        booking.picture("admin-difference").is_sound()
        form = booking.page.locator(f"form[action='{order}/confirmation']")
        form.get_by_label("Do not notify the family").check()
        form.get_by_label(re.compile("^Reason")).fill("moved away on Sundays")
        form.get_by_role("button").click()

        assert booking.reads("Booking changed as shown.")

    def test_a_last_day_without_a_date_is_refused_in_words(self, booking: Person) -> None:
        booking.open(f"{booking.path}/closure?last_day=soon")

        assert booking.reads("Please choose a date.")


class TestFinding:
    def test_anything_by_name_and_reference(self, signed_in: Somebody, centre: Centre) -> None:
        office = signed_in(OFFICE)
        (account,) = centre.rows(
            "SELECT reference FROM account WHERE organisation_id = %(org)s AND name = 'Rossi family'"
        )

        office.open("/admin").fill("Search everything", "rossi").click("Search")
        assert office.reads("Rossi family")
        assert office.reads("Mia Rossi")
        office.picture("admin-search").fits()
        assert office.click("Mia Rossi").title == "Mia Rossi"

        office.open(f"/admin/search?q={account['reference'].lower()}")
        assert office.reads("Rossi family")

    def test_nothing_found_says_what_to_do(self, signed_in: Somebody, centre: Centre) -> None:
        assert signed_in(OFFICE).open("/admin/search?q=zzzzz").reads("No results")


class TestSetUp:
    def test_an_offering_s_sessions_are_seen_before_they_are_made(self, signed_in: Somebody, centre: Centre) -> None:
        office = signed_in(OFFICE)
        office.open("/admin/offerings/new").fill("Name", "Chess for beginners")
        office.page.get_by_label("Program", exact=True).select_option(index=1)
        office.page.get_by_label("Term", exact=True).select_option(index=1)
        office.tick("Sat").fill("Starts", "10:00").fill("Ends", "11:00").fill("Places", "8")
        office.fill("Price per session", "12,50").click("Save")

        assert office.reads("to create")
        days = office.page.locator("details", has_text="To create").get_by_role("listitem")
        assert days.count() >= 8
        assert re.match(r"Sat, .* 10:00\sa\.m\.–11:00\sa\.m\.", days.first.inner_text())
        made = centre.rows("SELECT s.id FROM term_product s JOIN term_program_set p ON p.organisation_id = "
                           "s.organisation_id AND p.id = s.term_program_set_id WHERE s.organisation_id = %(org)s "
                           "AND p.name = 'Chess for beginners'")  # fmt: skip
        assert made == []  # looking made nothing
        office.picture("admin-sessions-preview").is_sound()
        office.click("Create sessions").reads("sessions created")
        prices = centre.rows("SELECT DISTINCT s.price_minor FROM term_product s JOIN term_program_set p ON "
                             "p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id "
                             "WHERE s.organisation_id = %(org)s AND p.name = 'Chess for beginners'")  # fmt: skip
        assert [row["price_minor"] for row in prices] == [1250]

    @pytest.mark.parametrize(
        ("youngest", "oldest", "months", "said"),
        [("6", "8", (72, 108), ("6", "8")), ("18 months", "30 Months", (18, 31), ("18 months", "30 months")),
         ("24 m", "", (24, None), ("2", "")), ("", "0", (None, 12), ("", "0"))],
    )  # fmt: skip
    def test_ages_are_written_in_years(
        self, signed_in: Somebody, centre: Centre, youngest: str, oldest: str, months: Any, said: Any
    ) -> None:
        offering = offering_with_sessions(centre)["id"]
        office = signed_in(OFFICE, scripts=False).open(f"/admin/offerings/{offering}/form")
        fields = [office.page.get_by_label(each) for each in ("Minimum age", "Maximum age")]
        before = [each.input_value() for each in fields]

        office.fill("Minimum age", youngest).fill("Maximum age", oldest).click("Save").reads("Changes saved.")

        (kept,) = centre.rows("SELECT age_from_months, age_below_months FROM term_program_set "
                              "WHERE organisation_id = %(org)s AND id = %(id)s", id=offering)  # fmt: skip
        assert tuple(kept.values()) == months
        office.open(f"/admin/offerings/{offering}/form")
        assert tuple(each.input_value() for each in fields) == said
        office.fill("Minimum age", before[0]).fill("Maximum age", before[1]).click("Save").reads("Changes saved.")

    def test_a_price_with_too_many_decimals_is_refused(self, signed_in: Somebody, centre: Centre) -> None:
        office = signed_in(OFFICE).open("/admin/programme/extras/new")
        office.fill("Name", "Lunch").fill("Price", "7.505").click("Save")

        assert office.page.get_by_role("alert").count() == 1
        assert centre.rows("SELECT 1 FROM extra WHERE organisation_id = %(org)s AND name = 'Lunch'") == []

    def test_an_import_is_looked_at_first(self, signed_in: Somebody, centre: Centre) -> None:
        office = signed_in(OFFICE).open("/admin/import")
        office.page.get_by_label("The file").set_input_files(SAMPLES / "toronto_registered_programs_centre7_2026.csv")
        office.page.get_by_label("The mapping (TOML)").set_input_files(SAMPLES / "toronto_centre7.toml")
        office.page.get_by_label(re.compile("^Prices and places")).set_input_files(SAMPLES / "toronto_prices.toml")
        office.click("Preview")

        assert office.reads("Preview of the import")
        office.is_sound()

    def test_a_day_is_closed_as_it_was_shown(self, signed_in: Somebody, centre: Centre) -> None:
        office = signed_in(OFFICE)
        (session,) = centre.rows(_LAST_SESSION)
        office.open(f"/admin/closures?site={session['site_id']}&day={session['local_date']}")
        office.picture("admin-closure").fits()
        office.fill("Reason (families will see this)", "Burst pipe").click("Close day")

        assert office.reads("Day closed")

        office.click("Reopen a closed day")
        office.open(f"/admin/reopenings?site={session['site_id']}&day={session['local_date']}")
        office.picture("admin-reopening").is_sound()
        office.fill("Reason (families will see this)", "The pipe is mended").click("Reopen day")

        assert office.reads("Day reopened")
        assert office.reads("That day isn't closed")

    def test_an_extra_has_a_stock_or_none(self, signed_in: Somebody, centre: Centre) -> None:
        office = signed_in(OFFICE, scripts=False).open("/admin/programme/extras/new")
        office.fill("Name", "Ice skates").fill("Price", "4.50").fill("Stock", "many").click("Save")
        assert office.page.get_by_label("Stock").get_attribute("aria-invalid") == "true"
        office.fill("Stock", "20").click("Save")
        assert office.reads("Created")

        office.click("Ice skates").fill("Stock", "").is_sound().click("Save")

        assert office.reads("Changes saved")
        kept = centre.rows("SELECT stock FROM extra WHERE organisation_id = %(org)s AND name = 'Ice skates'")
        assert kept == [{"stock": None}]

    def test_a_term_is_rolled_over_into_a_draft(self, signed_in: Somebody, centre: Centre) -> None:
        office = signed_in(OFFICE).open("/admin/programme/terms/new")
        office.fill("Name", "Spring 2027").fill("First day", "2027-04-01").fill("Last day", "2027-06-30")
        office.choose("Status", "Draft").click("Save")
        assert office.reads("Created")

        office.open("/admin/roll-over")
        office.page.get_by_label("From", exact=True).select_option(index=1)
        office.choose("To draft term", "Spring 2027").click("Preview")

        assert office.reads("Result")
        office.picture("admin-roll-over").is_sound()

    def test_a_roll_over_is_said_in_french_and_makes_nothing_twice(self, centre: Centre) -> None:
        def make(tx: Transaction) -> tuple[UUID, UUID]:
            site = tx.row("SELECT * FROM site WHERE organisation_id = %(org)s AND holiday_country = 'CA' LIMIT 1")
            assert site is not None
            spring = builders.term(tx, site, name="Spring 2040", starts_on=date(2040, 4, 1), ends_on=date(2040, 6, 30))
            autumn = builders.term(tx, site, name="Autumn 2040", starts_on=date(2040, 9, 3), ends_on=date(2040, 12, 2),
                                status="DRAFT")  # fmt: skip
            schedule = [{"weekdays": ["MON"], "starts": "09:30", "ends": "10:30"}]
            for name, columns in (("Piano", {"schedule": schedule}), ("Odd", {}), ("Gone", {"status": "CANCELLED"})):
                builders.offering(tx, spring, builders.program(tx, site, name=name), name=name, **columns)
            return spring["id"], autumn["id"]

        spring, autumn = centre.edit(make)
        address = f"/admin/roll-over?from={spring}&to={autumn}"
        with enter(centre, OFFICE) as client:
            client.headers["Accept-Language"] = "fr"
            tab = Tab(client, client.get(address))
            before = tab.text(tab.page)
            tab.open(address).send("/admin/roll-over", {})
            after = tab.text(tab.open(address).page)

        for words in ("est recréée", "elle a été annulée", "aucune de ses dates ne tombe dans la session",
                      "(Action de grâce)"):  # fmt: skip
            assert words in before
        assert "Créer ce qui est affiché" in before
        assert "existe déjà" in after
        assert "Il ne reste rien à créer." in after
        assert "Créer ce qui est affiché" not in after


class TestOnlyForTheOffice:
    def test_a_family_is_not_let_in(self, signed_in: Somebody, centre: Centre) -> None:
        family = signed_in("rossi@family.example").open("/admin")

        assert family.reads("You don't have access to this page")

    def test_who_is_not_signed_in_is_led_to_the_sign_in_and_back(self, somebody: Somebody, centre: Centre) -> None:
        visitor = somebody().open("/admin/families")

        assert "sign-in" in visitor.path
        assert "next=%2Fadmin%2Ffamilies" in visitor.path

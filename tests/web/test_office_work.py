"""The office's daily work on its pages: subscriptions, late pick-ups, logins, and the seats of a venue."""

from typing import Any

import pytest
from argon2 import PasswordHasher

from engine.actor import Actor
from engine.database import Database
from models import ActorKind, Role, User
from samples.sample import PASSWORD
from tests import builders as build
from tests.web.browsing import Person, signed_in_as
from tests.web.conftest import Centre as Served
from tests.web.conftest import Somebody, enter
from tests.workflows import test_door
from tests.workflows.after_school import Club, make_club
from tests.workflows.centre import Centre, make_centre

ADA = "ada@riverside.example"


@pytest.fixture(scope="module")
def riverside(checked_database: Database, database_url: str, centre: Served) -> Centre:
    """A centre beside the sample on the same server, with an admin of its own."""
    made = make_centre(checked_database, database_url, name="Riverside")
    made.edit(build.add, User, email=ADA, name="Ada Min", roles=[Role.ADMIN.value],
              password_hash=PasswordHasher().hash(PASSWORD), created_at=build.NOW)  # fmt: skip
    return made


@pytest.fixture(scope="module")
def club(riverside: Centre) -> Club:
    return make_club(riverside)


@pytest.fixture
def ada(somebody: Somebody, centre: Served, riverside: Centre) -> Any:
    def come(**wanted: Any) -> Person:
        with enter(centre, ADA, slug="riverside") as client:
            return signed_in_as(somebody(**wanted), client)

    return come


class TestSubscriptions:
    @pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
    def test_one_is_begun_changed_and_ended(self, ada: Any, club: Club, scripts: bool) -> None:
        family = club.centre.family()
        asked = club.subscribe(family, family.child("Mia Rossi" if scripts else "Leo Rossi"), "MON", begins=False)
        office = ada(scripts=scripts, size="desktop" if scripts else "phone")
        office.open("/admin/subscriptions?status=REQUESTED").picture(f"admin-subscriptions-{scripts}").fits()
        reference = club.subscription(asked)["reference"]
        office.click(reference).page.locator("#begin-why").fill("as agreed")
        office.click("Start subscription").reads("Subscription started.")
        office.picture(f"admin-subscription-{scripts}").fits()
        office.page.get_by_label("Wednesday").check()
        office.page.locator("#days-why").fill("one day more")
        office.click("Change weekdays").reads("Weekdays updated.")
        office.page.locator("#notice-why").fill("they move")
        office.click("Give notice").reads("Notice recorded.")
        assert club.subscription(asked)["status"] == 30
        office.page.locator("#on-why").fill("they stay")
        office.click("Cancel notice").reads("Subscription continues.")

        assert club.subscription(asked)["status"] == 20

    def test_what_cannot_be_is_said_and_nothing_is_changed(self, ada: Any, club: Club) -> None:
        family = club.centre.family()
        begun = club.subscribe(family, family.child("Ida Rossi"), "MON")
        office = ada().open(f"/admin/subscriptions/{begun}")
        office.page.get_by_label("Last day").first.fill("2026-03-01")
        office.page.locator("#notice-why").fill("weeks ago")
        office.click("Give notice")

        office.page.get_by_role("alert").wait_for()
        assert club.subscription(begun)["status"] == 20


class TestLatePickups:
    def test_one_is_charged_and_one_waived_with_a_reason(self, ada: Any, riverside: Centre) -> None:
        stella = Actor(ActorKind.STAFF, user_id=riverside.admin.user_id,
                       site_ids=frozenset({riverside.site["id"]}))  # fmt: skip
        for _ in range(2):
            test_door.TestLatePickup().late(riverside, stella, 20).close()
        office = ada(size="phone", scripts=False).open("/admin/late-pickups")
        assert office.reads("20 minutes late")
        office.picture("admin-late").fits()
        office.click(office.page.get_by_role("button", name="Charge fee").first).reads("Fee invoiced.")
        office.page.get_by_placeholder("Reason for waiving").fill("The bus was late")
        office.click("Waive fee").reads("Fee waived.")

        statuses = riverside.rows("SELECT status FROM late_pickup ORDER BY status")
        assert [row["status"] for row in statuses] == [200, 900]
        assert office.reads("No fees to decide")


class TestLogins:
    def test_somebody_is_added_for_a_site_and_barred(
        self, somebody: Somebody, ada: Any, riverside: Centre
    ) -> None:  # fmt: skip
        office = ada().open("/admin/users").picture("admin-users").fits()
        office.click("Add").fill("Name", "Stella Roll").fill("E-mail address", "stella@riverside.example")
        office.fill("Password", "short").click("Save")
        assert office.reads("Choose at least 1.")
        office.page.get_by_label("Staff", exact=True).check()
        office.page.get_by_label("Riverside", exact=True).check()
        office.fill("Password", "a long enough password")
        office.picture("admin-user").is_sound()
        office.click("Save").reads("Stella Roll added.")
        stella = somebody(size="phone").open("/at/riverside/sign-in")
        stella.fill("E-mail address", "stella@riverside.example").fill("Password", "a long enough password")
        stella.click(stella.page.get_by_role("main").get_by_role("button", name="Sign in", exact=True))
        assert stella.path.startswith("/staff")

        office.click("Stella Roll").page.get_by_label("Can sign in").uncheck()
        office.click("Save").reads("Changes saved.")
        assert office.reads("blocked")


class TestVenues:
    def test_seats_are_written_as_blocks_and_seen_as_a_picture(
        self, ada: Any, riverside: Centre, club: Club
    ) -> None:  # fmt: skip
        office = ada().open("/admin/programme/venues/new")
        office.fill("Name", "Main hall")
        office.page.get_by_label("Site").select_option(label="Riverside")
        office.click("Save").click("Main hall").click("View seats")
        office.fill("Seats", "A-B: 1-4, 6-9: VIP\nnonsense").click("Save seat map")
        assert office.reads("a block of seats")
        office.fill("Seats", "A-B: 1-4, 6-9: VIP\nC-E: 1-9").click("Save seat map")
        assert office.reads("43 seats in total: 43 created, 0 removed.")
        office.picture("admin-seats").fits()

        office.open(f"/admin/offerings/{club.offering['id']}/seating")
        office.page.get_by_label("Venue").select_option(label="Main hall")
        office.fill("Best", "15,50").click("Save")
        assert office.reads("Seating set for")
        office.picture("admin-seating").is_sound()
        prices = riverside.rows("SELECT seat_type, price_minor FROM seat_price")
        assert [(row["seat_type"], row["price_minor"]) for row in prices] == [("VIP", 1550)]


def test_the_account_that_debits_collect_to_is_checked_and_kept(ada: Any, riverside: Centre) -> None:
    office = ada(size="phone", scripts=False).open("/admin/collection").picture("admin-collection").fits()
    office.fill("Account holder", "Riverside e.V.").fill("IBAN", "DE89 3704 0044 0532 0130 00")
    office.fill("Creditor identifier", "DE98_ZZZ!").click("Save")
    office.page.get_by_role("alert").wait_for()  # no such sign is in one
    office.fill("Creditor identifier", "DE98ZZZ09999999999").click("Save")

    assert office.reads("Changes saved.")
    assert riverside.rows("SELECT iban FROM collection_account") == [{"iban": "DE89370400440532013000"}]

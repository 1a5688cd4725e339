"""The flows of the door on a phone, a tablet and a desktop, each with and without scripts: six ways.

Every page on the way fits its screen, and what was done stands in the database. Without a network one needs scripts:
that flow goes three ways here, and on tablets that restart in `tests/web/staff/`.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import expect

from catalogue.rules import Rule, clear_rule, set_rule
from models import LatePickupStatus, Role, RuleScope
from tests.engine.later import until
from tests.web.browsing import Person
from tests.web.conftest import PEOPLE, Centre
from tests.web.flows.conftest import Door
from tests.web.flows.ways import WAYS, Way
from tests.web.staff.rolls import PIN, Roll, draw, make_roll, row_of, tap, wait_until_sent
from tests.web.staff.tablets import is_kept

LATE = {"grace_minutes": 10, "per_minutes": 15, "fee_minor": 1000}
EARLIER = datetime(2026, 3, 31, 8)  # noqa: DTZ001 - local; an hour before it is now


@pytest.fixture
def stella(door: Door) -> Person:
    return door(PEOPLE[Role.STAFF])


def settled(stella: Person, way: Way) -> Person:
    """With scripts a mark is on its way for a moment."""
    if way.scripts:
        wait_until_sent(stella.page)
    return stella.fits()


def says(stella: Person, text: str) -> bool:
    """With scripts a form is sent once the server has answered a word: its answer is waited for first."""
    return stella.reads(text) and stella.fits() is stella


def sign_out(stella: Person) -> None:
    row_of(stella.page, "Child 01").get_by_role("link", name="Sign out").click()


def rule(centre: Centre, roll: Roll, name: Rule, value: object) -> None:
    """Of this roll's session; None takes it away."""
    (session,) = centre.rows("SELECT term_program_set_id AS id FROM term_product WHERE organisation_id = %(org)s "
                             "AND id = %(id)s", id=roll.session_id)  # fmt: skip
    level = RuleScope.TPS, session["id"], name
    centre.edit(*((clear_rule, *level) if value is None else (set_rule, *level, value)))


class TestTheRoll:
    def test_is_opened_from_today_and_taken(self, centre: Centre, stella: Person, way: Way) -> None:
        roll = make_roll(centre, 3, name=f"Roll {way.name}")

        stella.open("/staff").fits().click(stella.page.locator(f'a[href="{roll.address}"]'))
        stella.fits()
        tap(stella.page, "Child 01", "Present")
        tap(stella.page, "Child 02", "Present")
        tap(stella.page, "Child 03", "Absent")
        row_of(stella.page, "Child 03").get_by_role("button", name="Ill Child 03", exact=True).click()
        settled(stella, way)

        assert roll.statuses() == {"Child 01": "PRESENT", "Child 02": "PRESENT", "Child 03": "ABSENT"}
        assert roll.rows()["Child 03"]["reason"] == "Ill"

    def test_says_whether_staff_are_enough(self, centre: Centre, stella: Person, way: Way) -> None:
        roll = make_roll(centre, 1, name=f"Ratio {way.name}")
        rule(centre, roll, Rule.CHILDREN_PER_STAFF, 8)
        stella.open(roll.address)
        tap(stella.page, "Child 01", "Present")
        settled(stella, way).open(roll.address)
        assert says(stella, "Not enough staff on site.")

        stella.open("/staff").fits().click("I'm here")
        assert says(stella, "You're on site.")
        stella.open(roll.address).fits()
        assert "Not enough staff on site." not in stella.text
        rule(centre, roll, Rule.CHILDREN_PER_STAFF, None)  # other ways have ratios of their own
        stella.open("/staff").click("I'm leaving")

        assert says(stella, "You've left the site.")
        (last,) = centre.rows("SELECT left_at FROM staff_presence WHERE organisation_id = %(org)s "
                              "ORDER BY arrived_at DESC, id DESC LIMIT 1")  # fmt: skip
        assert last["left_at"] is not None


class TestSignOut:
    def test_to_somebody_named_with_a_pin_and_never_to_who_must_not(
        self, centre: Centre, stella: Person, way: Way
    ) -> None:
        roll = make_roll(centre, 1, name=f"Out {way.name}")
        stella.open(roll.address)
        tap(stella.page, "Child 01", "Present")
        settled(stella, way)
        sign_out(stella)

        if way.scripts:
            expect(stella.page.locator("#out-must")).to_contain_text("Max Mustermann must not collect Child 01")
            people = stella.page.locator("#out-people")
        else:
            assert says(stella, "Max Mustermann")
            people = stella.page.locator("#who")
        assert "Max Mustermann" not in people.inner_text()
        for pin in ("0000", PIN):
            people.get_by_label("Rosa Rossi").check()
            stella.page.locator("#out-pin" if way.scripts else "#pin").fill(pin)
            stella.page.locator("#out-done" if way.scripts else "main form .primary").click()
            if pin != PIN:
                assert says(stella, "This is not the PIN")
                assert roll.statuses() == {"Child 01": "PRESENT"}
        expect(row_of(stella.page, "Child 01")).to_have_attribute("data-status", "LEFT")
        settled(stella, way)

        left = roll.rows()["Child 01"]
        assert (left["status"], left["collected_by"]) == ("LEFT", "Rosa Rossi")
        (out,) = centre.rows("SELECT is_pin_proven FROM sign_out WHERE id = %(id)s", id=left["mark_id"])
        assert out["is_pin_proven"]

    def test_what_was_not_signed_waits_in_the_queue(self, centre: Centre, stella: Person, way: Way) -> None:
        """A finger needs scripts; without them the page says so, and the signature is still missing."""
        roll = make_roll(centre, 1, name=f"Unsigned {way.name}")
        stella.open(roll.address)
        tap(stella.page, "Child 01", "Present")
        settled(stella, way)
        sign_out(stella)
        stella.page.get_by_label("Uncle Bob").check()
        if way.scripts:
            stella.page.get_by_label("Sign later").check()
            stella.page.locator("#out-done").click()
        else:
            stella.page.locator("main form .primary").click()
        expect(row_of(stella.page, "Child 01")).to_have_attribute("data-status", "LEFT")
        settled(stella, way)
        waits = f"/staff/signatures/{roll.rows()['Child 01']['mark_id']}"
        stella.open("/staff/signatures").fits().click(stella.page.locator(f'a[href="{waits}"]'))
        assert says(stella, "collected Child 01")

        if way.scripts:
            draw(stella.page, stella.page.locator("canvas"))
            stella.click("Save signature")
            assert says(stella, "Signature saved.")
        else:
            assert "Signing on screen needs JavaScript." in stella.text
            assert not stella.page.get_by_text("Save signature").is_visible()
        signed = centre.rows("SELECT 1 FROM signature WHERE sign_out_id = %(id)s", id=UUID(waits.rpartition("/")[2]))
        assert len(signed) == way.scripts


class TestTheEnd:
    def test_heads_are_counted_reconciled_and_the_roll_closed_and_a_late_pick_up_decided(
        self, centre: Centre, stella: Person, door: Door, way: Way
    ) -> None:
        """The session was over half an hour ago, and a child is still there."""
        roll = make_roll(centre, 1, name=f"Late {way.name}", starts=EARLIER, minutes=30)
        rule(centre, roll, Rule.LATE_PICKUP, LATE)
        stella.open(roll.address)
        tap(stella.page, "Child 01", "Present")
        settled(stella, way)
        stella.fill("Children counted in the room", "2").click("Save headcount")
        assert says(stella, "2 counted")
        stella.fill("Why they differ", "A visiting sister").click("Save explanation")
        assert says(stella, "A visiting sister")
        sign_out(stella)
        stella.page.get_by_label("Rosa Rossi").check()
        stella.page.locator("#out-pin" if way.scripts else "#pin").fill(PIN)
        stella.page.locator("#out-done" if way.scripts else "main form .primary").click()
        expect(row_of(stella.page, "Child 01")).to_have_attribute("data-status", "LEFT")
        settled(stella, way).click("Close the roll")
        assert says(stella, "Roll closed.")

        def late() -> dict[str, Any]:
            (row,) = centre.rows("SELECT status, minutes_late FROM late_pickup WHERE organisation_id = %(org)s "
                                 "AND term_product_id = %(id)s", id=roll.session_id)  # fmt: skip
            return row

        assert late()["status"] == LatePickupStatus.PROPOSED
        assert late()["minutes_late"] >= 30
        office = door(PEOPLE[Role.ADMIN]).open("/admin/late-pickups").fits()
        card = office.page.locator("li", has_text=f"Late {way.name}")
        card.get_by_placeholder("Reason for waiving").fill("The bus was late")
        card.get_by_role("button", name="Waive fee").click()

        assert office.fits().reads("Fee waived.")
        assert late()["status"] == LatePickupStatus.WAIVED


@pytest.mark.parametrize("way", [each for each in WAYS if each[1]], ids=lambda each: each[0], indirect=True)
def test_without_a_network_marks_are_kept_and_sent_later(centre: Centre, stella: Person, way: Way) -> None:
    roll = make_roll(centre, 2, name=f"Offline {way.name}")
    page, context = stella.page, stella.page.context
    stella.open("/staff").open(roll.address)
    until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
    until(lambda: is_kept(page, stella.base + roll.address))

    context.set_offline(True)
    tap(page, "Child 01", "Present")
    expect(page.locator("#sending")).to_contain_text("1 not sent")
    page.reload()
    tap(page, "Child 02", "Present")
    expect(page.locator("#sending")).to_contain_text("2 not sent")
    stella.fits()
    assert set(roll.statuses().values()) == {"EXPECTED"}
    context.set_offline(False)
    settled(stella, way)

    assert roll.statuses() == {"Child 01": "PRESENT", "Child 02": "PRESENT"}

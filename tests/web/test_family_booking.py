"""A family finds a program, books it for two children, and pays: with and without scripts, in every size."""

import re
import time
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Locator

from engine.database import Transaction
from tests import builders as build
from tests.builders import TORONTO
from tests.web.browsing import Person
from tests.web.conftest import Centre, Somebody

ROSSI = "rossi@family.example"


FIRST = datetime(2026, 4, 11, 10, tzinfo=TORONTO)


def family_class(centre: Centre, name: str, *, capacity: int = 12, count: int = 8, hour: int = 10) -> str:
    """The address of a class on Saturdays that is for both Rossi children."""

    def make(tx: Transaction) -> str:
        place = tx.row("SELECT * FROM site WHERE organisation_id = %(org)s LIMIT 1")
        during = tx.row("SELECT * FROM term WHERE organisation_id = %(org)s AND %(day)s BETWEEN starts_on AND ends_on "
                        "LIMIT 1", day=FIRST.date())  # fmt: skip
        kind = tx.row("SELECT * FROM program_category WHERE organisation_id = %(org)s AND name = 'Sports'")
        assert place is not None, "the sample has a site"
        assert during is not None, "the sample has a spring term"
        assert kind is not None, "the sample has sports"
        course = build.offering(
            tx, during, build.program(tx, place, name=name, category=kind), name=name, capacity=capacity,
            modes=["FULL_TERM", "CASUAL"], session_price_minor=1050,
        )  # fmt: skip
        build.sessions(tx, course, *[FIRST.replace(hour=hour) + timedelta(weeks=n) for n in range(count)],
                       price_minor=1050, capacity=capacity)  # fmt: skip
        return f"/family/programs/{course['id']}"

    found: str = centre.edit(make)
    return found


def all_of(person: Person, child: str) -> Locator:
    return person.page.get_by_role("checkbox", name=re.compile(f"{child}.*all sessions"))


def pay_at_sandbox(person: Person) -> Person:
    person.page.wait_for_url(lambda url: "/checkout/" in url and person.base not in url)
    return person.click("Pay")


def until_booked(person: Person) -> None:
    """The provider's word comes by itself; the page looks again."""
    person.page.wait_for_url(lambda url: url.startswith(person.base))
    for _ in range(240):
        if "You're booked" in person.text:
            return
        time.sleep(0.25)
        person.page.reload()
    raise AssertionError(person.text)


class TestBookingATerm:
    def test_two_children_in_at_most_twelve_interactions_and_ninety_seconds(
        self, centre: Centre, somebody: Somebody
    ) -> None:
        address = family_class(centre, "Aikido for siblings")
        rosa = somebody(size="phone").open("/at/centre7/sign-in")
        began = time.monotonic()

        rosa.fill("E-mail address", ROSSI).fill("Password", "termbook-sample")
        rosa.click(rosa.page.get_by_role("main").get_by_role("button", name="Sign in"))
        rosa.click("Find a program")
        rosa.click(rosa.page.locator(f'a[href="{address}"]'))
        rosa.tick(all_of(rosa, "Mia"))
        rosa.tick(all_of(rosa, "Leo"))
        rosa.click("Add to cart")
        rosa.click("Hold my places and continue")
        rosa.click("Pay now")
        pay_at_sandbox(rosa)
        until_booked(rosa)

        took = time.monotonic() - began
        # Who has never seen the pages looks for some seconds before each thing that they do.
        looked = took + 4 * rosa.interactions
        print(f"{rosa.interactions} interactions, {took:.1f} s by script, {looked:.0f} s with 4 s of looking at each")
        assert rosa.interactions <= 12, rosa.interactions
        assert took <= 90
        rosa.picture("booked-phone").is_sound()
        booked = centre.rows(
            "SELECT count(*) AS n FROM term_booking WHERE organisation_id = %(org)s AND account_id = %(id)s",
            id=centre.sample.rossi.account_id,
        )
        assert booked[0]["n"] == 2

    @pytest.mark.parametrize("size", ["tablet", "desktop"])
    def test_without_scripts_the_price_comes_by_a_button(self, centre: Centre, signed_in: Somebody, size: str) -> None:
        rosa = signed_in(ROSSI, size=size, scripts=False).open(family_class(centre, f"Judo {size}", hour=12))

        rosa.tick(rosa.page.locator('input[name="pick"]').first).click("Update price")

        assert "Total" in rosa.text
        rosa.picture(f"offering-{size}-plain").fits()
        rosa.click("Add to cart")
        assert rosa.title == "Cart"
        rosa.picture(f"cart-{size}").fits()
        rosa.click("Hold my places and continue")
        assert rosa.title == "Your places are held"
        rosa.picture(f"hold-{size}").fits()
        rosa.click("Release my places")
        assert "There is nothing to pay" in rosa.text

    def test_the_price_and_clashes_follow_the_ticks(self, centre: Centre, signed_in: Somebody) -> None:
        rosa = signed_in(ROSSI).open(family_class(centre, "Kendo", hour=14))

        rosa.tick(all_of(rosa, "Mia"))
        rosa.page.locator("[data-summary] .total").wait_for()
        alone = rosa.page.locator("[data-summary] .total .number").inner_text()
        rosa.tick(all_of(rosa, "Leo"))
        rosa.page.wait_for_function(
            "was => document.querySelector('[data-summary] .total .number')?.innerText !== was", arg=alone
        )

        assert rosa.page.locator("[data-summary]").inner_text().count("×") == 2
        rosa.picture("offering-desktop").is_sound()


class TestFindingAProgram:
    def test_age_and_words_narrow_by_themselves(self, signed_in: Somebody) -> None:
        rosa = signed_in(ROSSI, scripts=False).open("/family/programs")
        shown = rosa.page.locator(".program h2").all_inner_texts()

        rosa.fill("Search", "zzz nothing").click("Search")

        assert shown
        assert not [name for name in shown if "Older Adult" in name]
        assert "No programs match" in rosa.text
        rosa.picture("nothing-found").is_sound()


class TestChildren:
    def test_a_child_is_added_and_changed(self, centre: Centre, signed_in: Somebody) -> None:
        rosa = signed_in("chen@family.example", size="phone", scripts=False).open("/family/children/new")
        name = "<script>alert(1)</script> \u202eאבג"

        rosa.fill("Name", name).fill("Date of birth", "2018-03-04").click("Save")

        assert rosa.reads("has been added")
        rosa.open("/family/children")
        assert "<script>alert(1)" in rosa.text
        rosa.picture("children-odd-name-phone").fits()

    def test_what_is_wrong_is_said_at_its_field(self, signed_in: Somebody) -> None:
        rosa = signed_in(ROSSI, scripts=False).open("/family/children/new")
        rosa.page.evaluate("document.querySelectorAll('form').forEach(one => one.noValidate = true)")

        rosa.fill("Date of birth", "2031-01-01").click("Save")

        assert rosa.reads("Please fill this in.")
        assert rosa.page.get_by_label("Name").get_attribute("aria-invalid") == "true"
        rosa.picture("child-faults").is_sound()

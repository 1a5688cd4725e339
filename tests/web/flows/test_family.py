"""A family's flows on a phone, a tablet and a desktop, each with and without scripts: six ways.

Every page on the way fits its screen, and what was done stands in the database. Each flow of the front door is a test
here, but for what needs scripts by nature: passkeys are in `tests/web/test_passkeys.py`, in every size.
"""

import re
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import expect

from api.passwords import hash_password
from attendance import consents
from catalogue.activities import add_activity
from engine.actor import Actor
from engine.database import Transaction
from models import ActorKind, Role, TermBookingStatus, User
from samples.sample import PASSWORD
from tests import builders as build
from tests.engine.later import until
from tests.web.browsing import Person
from tests.web.conftest import CHEN, PEOPLE, SLUG, Centre
from tests.web.flows.conftest import Door
from tests.web.flows.ways import (
    Way,
    booked_later,
    booked_of,
    booking_of,
    built,
    course,
    held,
    tab_of,
    weekly,
)
from tests.web.test_family_booking import all_of, pay_at_sandbox, until_booked
from tests.web.test_family_forms import Tab, empty_cart, sessions_of
from tests.web.test_family_passes import on_sale
from tests.web.test_family_wallet import OFFICE, top_up
from tests.workflows import endings
from workflows import payments, refund_request
from workflows import term_booking_order as orders
from workflows.registration import registration_link
from workflows.sign_in_links import sign_in_link

ROSSI = PEOPLE[Role.FAMILY]
ADMIN = Actor(ActorKind.ADMIN, None)
Clients = dict[str, httpx.Client]


@pytest.fixture(scope="module", autouse=True)
def trusted(centre: Centre) -> None:
    """Six ways owe more than a family may owe; the centre asks for one consent."""
    centre.edit(lambda tx: tx.run("UPDATE account SET credit_limit_minor = 500000 WHERE organisation_id = %(org)s"))
    centre.edit(consents.write_text, code="PHOTOS", title="Photos", body="We may.", is_retired=False, actor=ADMIN,
                now=centre.clock.now())  # fmt: skip


@pytest.fixture(scope="module")
def lakeside(centre: Centre) -> UUID:
    """A second place; of what it has, one program is for Mia's age, on Thursdays, and is called rowing."""

    def make(tx: Transaction) -> UUID:
        place = build.site(tx, name="Lakeside")
        during = build.term(tx, place, name="Spring at the lake")
        for name, day, age in (("Rowing", 4, {}), ("Rowing for adults", 4, {"age_from_months": 216}),
                               ("Rowing on Fridays", 5, {}), ("Sailing", 4, {})):  # fmt: skip
            made = build.offering(tx, during, build.program(tx, place, name=name), modes=["CASUAL"], **age)
            build.sessions(tx, made, *(Way("phone", scripts=True).at(day - 1, week) for week in (0, 1)))
        found: UUID = place["id"]
        return found

    found: UUID = centre.edit(make)
    return found


@pytest.fixture
def rossi(clients: Clients) -> Iterator[Tab]:
    """The Rossis' tab, for what comes before a flow; what a flow leaves in the cart is taken out."""
    tab = tab_of(clients, ROSSI)
    yield tab
    empty_cart(tab)


def main_button(person: Person, name: str) -> Person:
    person.page.get_by_role("main").get_by_role("button", name=name, exact=True).click()
    return person


class TestComingIn:
    def test_somebody_new_signs_up(self, centre: Centre, door: Door, way: Way) -> None:
        email = f"{way.name}@new.example"
        rina = door().open(f"/at/{SLUG}/sign-up")

        rina.fits().fill("E-mail address", email).click("Send me the link")
        assert rina.fits().reads("Check your e-mail")
        link, _ = registration_link(centre.settings.secret, centre.organisation_id, email, now=centre.clock.now())
        rina.open(f"/guest/registration/{link}").fits()
        rina.fill("Your name", "Rina New").fill("Password", PASSWORD).click("Continue")

        assert rina.fits().title == "Add a child"
        (asked,) = centre.rows("SELECT count(*) AS n FROM outbox_message WHERE organisation_id = %(org)s AND topic = "
                               "'registration.asked' AND payload->>'email' = %(email)s", email=email)  # fmt: skip
        (login,) = centre.rows("""SELECT name FROM "user" WHERE organisation_id = %(org)s AND email = %(email)s""",
                               email=email)  # fmt: skip
        assert (asked["n"], login["name"]) == (1, "Rina New")

    def test_a_password_or_a_mail_opens_the_door(self, centre: Centre, door: Door, way: Way) -> None:
        email = f"{way.name}@known.example"
        ines = centre.edit(build.add, User, email=email, name="Ines Known", roles=[Role.FAMILY.value],
                           password_hash=hash_password(PASSWORD), created_at=build.NOW)  # fmt: skip
        visitor = door().open("/family?from=mail")

        visitor.fits().fill("E-mail address", email).fill("Password", PASSWORD)
        assert main_button(visitor, "Sign in").fits().path == "/family?from=mail"
        visitor.page.locator("summary").first.click()
        assert visitor.click("Sign out").fits().reads("You've signed out.")
        visitor.open(f"/at/{SLUG}/sign-in").page.locator("summary", has_text="Forgot your password?").click()
        visitor.fill("Your account e-mail address", email).click("E-mail me a link")
        assert visitor.fits().reads("Check your e-mail")
        link, _ = sign_in_link(centre.settings.secret, centre.organisation_id, ines["id"], now=centre.clock.now())
        main_button(visitor.open(f"/guest/sign-in/{link}").fits(), "Sign in")

        assert visitor.fits().title == "Hello, Ines"
        (asked,) = centre.rows("SELECT count(*) AS n FROM outbox_message WHERE organisation_id = %(org)s AND topic = "
                               "'sign_in.asked' AND payload->>'email' = %(email)s", email=email)  # fmt: skip
        assert asked["n"] == 1


def test_a_child_is_described_agreed_for_and_may_be_collected(centre: Centre, door: Door, way: Way) -> None:
    name = f"Nia {way.name}"
    bo = door(CHEN).open("/family/children/new")

    bo.fits().fill("Name", name).fill("Date of birth", "2018-03-04").fill("Allergies", "Nuts")
    bo.page.locator("summary", has_text="School year").click()
    bo.fill("School year", "2").click("Save")
    assert bo.fits().reads("has been added")
    (child,) = centre.rows("SELECT id FROM attendee WHERE organisation_id = %(org)s AND name = %(name)s", name=name)
    bo.open(f"/family/children/{child['id']}").fits().click("Consents")
    card = bo.fits().page.get_by_role("region", name="Photos")
    card.get_by_role("button", name="Yes, I agree").click()
    expect(card.get_by_text("Yes", exact=True)).to_be_visible()
    bo.open(bo.path.replace("/consents", "/pick-ups")).fits()
    bo.fill("Name", "Rosa Blum").fill("PIN", "4711").click("Add")

    assert bo.fits().reads("Has a PIN")
    (child,) = centre.rows(
        "SELECT t.allergy_notes, t.school_year, c.answer, p.name, p.pin_hash IS NOT NULL AS has_pin FROM attendee t "
        "JOIN consent c ON c.organisation_id = t.organisation_id AND c.attendee_id = t.id "
        "JOIN authorised_person p ON p.organisation_id = t.organisation_id AND p.attendee_id = t.id "
        "WHERE t.organisation_id = %(org)s AND t.name = %(name)s", name=name,
    )  # fmt: skip
    assert child == {
        "allergy_notes": "Nuts", "school_year": 2, "answer": "GIVEN", "name": "Rosa Blum", "has_pin": True
    }  # fmt: skip


class TestChoosing:
    def test_by_child_weekday_place_and_words(self, door: Door, way: Way, lakeside: UUID) -> None:
        rosa = door(ROSSI).open("/family/programs").fits()

        def looked_for(what: str) -> None:
            if way.scripts:  # what one chooses is looked for at once
                rosa.page.wait_for_url(re.compile(rf"{what}=[^&]"))

        rosa.tick(rosa.page.locator("label.chip", has_text="Mia").locator("input"))
        looked_for("child")
        rosa.choose("Day", "Thursday")
        looked_for("day")
        rosa.choose("Location", "Lakeside")
        looked_for("site")
        rosa.fill("Search", "rowing")
        rosa.page.get_by_role("button", name="Search").first.click()

        rosa.fits().page.wait_for_url("**q=rowing**")
        assert rosa.page.locator(".program h2").all_inner_texts() == ["Rowing"]

    def test_a_week_for_two_children_with_its_clashes_and_its_price(
        self, centre: Centre, door: Door, way: Way, rossi: Tab
    ) -> None:
        fencing, guitar = (course(centre, f"{name} {way.name}", way.at(5)) for name in ("Fencing", "Guitar"))
        (one,), (two,) = sessions_of(centre, fencing), sessions_of(centre, guitar)
        (site,) = centre.rows("SELECT site_id AS id FROM program g JOIN term_program_set s ON s.organisation_id = "
                              "g.organisation_id AND s.program_id = g.id WHERE g.organisation_id = %(org)s "
                              "AND s.id = %(id)s", id=one["term_program_set_id"])  # fmt: skip
        mia, leo = centre.sample.rossi.attendee_ids
        rosa = door(ROSSI).open(f"/family/week?site={site['id']}&week={one['local_date']}").fits()

        def look() -> None:
            if not way.scripts:
                rosa.click("Update price").fits()

        for child, session in ((mia, one), (leo, two), (mia, two)):
            rosa.tick(rosa.page.locator(f'input[name="pick"][value="{child}.{session["id"]}"]'))
        look()
        rosa.page.locator(f'[data-clash^="{mia}."]:visible').first.wait_for()
        rosa.page.locator(f'input[name="pick"][value="{mia}.{two["id"]}"]').uncheck()
        look()
        expect(rosa.page.locator("[data-summary] .total .number")).to_have_text("$21.00")
        rosa.click("Add to cart")

        assert rosa.fits().reads("Your week has been added to the cart.")
        kept = centre.rows(
            "SELECT o.attendee_id AS child, l.term_product_id AS session FROM term_booking_order o "
            "JOIN term_booking_order_line l ON l.organisation_id = o.organisation_id AND l.order_id = o.id "
            "WHERE o.organisation_id = %(org)s AND l.term_product_id = ANY(%(ids)s)", ids=[one["id"], two["id"]],
        )  # fmt: skip
        assert {(row["child"], row["session"]) for row in kept} == {(mia, one["id"]), (leo, two["id"])}


class TestBooking:
    def test_a_term_is_found_booked_for_two_children_and_paid(self, centre: Centre, door: Door, way: Way) -> None:
        name = f"Aikido {way.name}"
        address = course(centre, name, *weekly(way.at(0), 2))
        rosa = door(ROSSI).open("/family/programs")

        rosa.fits().fill("Search", name)
        rosa.page.get_by_role("button", name="Search").first.click()
        rosa.page.locator(f'a[href="{address}"]').click()
        rosa.fits().tick(all_of(rosa, "Mia")).tick(all_of(rosa, "Leo")).click("Add to cart")
        assert rosa.fits().reads("Adding to the cart doesn't hold a place.")
        rosa.click("Hold my places and continue")
        assert rosa.fits().reads("Pay by")
        if way.scripts:
            expect(rosa.page.locator("[data-counts]")).to_have_text(re.compile("left"))
        rosa.click("Pay now")
        pay_at_sandbox(rosa)
        until_booked(rosa)
        rosa.fits()

        assert booked_of(centre, address) == [
            {"name": name, "sessions": 2, "paid": "PAID", "total_minor": 2100} for name in ("Leo Rossi", "Mia Rossi")
        ]  # fmt: skip

    def test_a_holiday_week_is_booked_whole_and_a_day_with_its_activity(
        self, centre: Centre, door: Door, way: Way
    ) -> None:
        days = [way.at(day, 2) for day in range(5)]
        address = course(centre, f"Camp {way.name}", *days, modes=["CASUAL", "FULL_WEEK"], full_week_price_minor=4000)
        friday = sessions_of(centre, address)[-1]
        pirates = centre.edit(add_activity, friday["term_program_set_id"], day=friday["local_date"], title="Pirates",
                              capacity=2)  # fmt: skip
        mia = centre.sample.rossi.attendee_ids[0]
        rosa = door(ROSSI).open(address)

        rosa.fits().tick(rosa.page.get_by_role("checkbox", name=re.compile("Leo.*full week")).first)
        rosa.tick(rosa.page.locator(f'input[name="pick"][value="{mia}.{friday["id"]}"]'))
        rosa.tick(rosa.page.locator(f'input[name="activity"][value="{mia}.{friday["id"]}.{pirates}"]'))
        rosa.click("Add to cart").fits()
        assert (
            "which lets us collect from your bank account"
            in rosa.page.locator(".choice-card.off").all_inner_texts()[-1]
        )
        rosa.tick(rosa.page.locator('input[value="CONFIRM_WITHOUT_PAYMENT"]').first)
        rosa.click(rosa.page.locator('form[action$="/submission"] button.primary').first)

        assert rosa.fits().reads("booked")
        assert booked_of(centre, address) == [
            {"name": "Leo Rossi", "sessions": 5, "paid": "OPEN", "total_minor": 4000},
            {"name": "Mia Rossi", "sessions": 1, "paid": "OPEN", "total_minor": 1050},
        ]
        assert centre.rows("SELECT taken FROM term_product WHERE organisation_id = %(org)s AND id = %(id)s",
                           id=pirates) == [{"taken": 1}]  # fmt: skip

    def test_a_guest_books_and_pays_without_a_login(self, centre: Centre, door: Door, way: Way) -> None:
        address = course(centre, f"For guests {way.name}", way.at(3))
        gus = door().open(address.replace("/family/", f"/at/{SLUG}/"))

        gus.fits().tick(gus.page.locator('input[name="pick"]').first)
        gus.fill("Child's name", "Gil Guest").fill("Date of birth", "2017-05-05")
        gus.fill("Your name", "Gus Guest").fill("E-mail address", f"{way.name}@guest.example").click("Continue")
        gus.fits().click("Hold my places and continue")
        gus.fits().click("Pay now")
        pay_at_sandbox(gus)
        until_booked(gus)
        gus.fits()

        (booked,) = booked_of(centre, address)
        assert booked == {"name": "Gil Guest", "sessions": 1, "paid": "PAID", "total_minor": 1050}

    def test_a_quote_is_accepted(self, centre: Centre, door: Door, way: Way, rossi: Tab) -> None:
        _, order_id = held(rossi, centre, course(centre, f"Quoted {way.name}", way.at(0, -1)))
        centre.edit(orders.quote, order_id=order_id, actor=ADMIN, now=centre.clock.now())
        rosa = door(ROSSI).open("/family")

        rosa.fits().click(rosa.page.locator(f'a[href="/family/orders/{order_id}"]'))
        rosa.fits().click("Accept quote")

        assert rosa.fits().reads("Quote accepted.")
        (order,) = centre.rows("SELECT status FROM term_booking_order WHERE organisation_id = %(org)s AND id = %(id)s",
                               id=order_id)  # fmt: skip
        assert order["status"] == TermBookingStatus.ACCEPT


class TestFull:
    def test_the_queue_is_joined_and_its_offer_taken(
        self, centre: Centre, door: Door, way: Way, rossi: Tab
    ) -> None:  # fmt: skip
        address = course(centre, f"Wanted {way.name}", way.at(2), capacity=1)
        where, _ = held(rossi, centre, address)
        bo = door(CHEN).open(address)

        lin = centre.sample.chen.attendee_ids[0]
        bo.fits().click(bo.page.locator(f'a[href^="/family/queue/"][href$="/{lin}"]'))
        main_button(bo.fits(), "Join the waiting list")
        assert bo.fits().reads("You're number 1 on the waiting list.")
        rossi.open(where).send(f"{where}/reopening", {}, action=f"{where}/reopening")
        bo.open("/family").fits().click(bo.page.locator('a[href^="/family/offers/"]').first)
        bo.fits().tick(bo.page.locator('input[value="CONFIRM_WITHOUT_PAYMENT"]')).click("Accept the place")

        assert bo.fits().reads("The place is yours.")
        (place,) = booked_of(centre, address)
        assert place == {"name": "Lin Chen", "sessions": 1, "paid": "OPEN", "total_minor": 1050}

    def test_of_two_families_one_gets_the_last_place_and_the_other_the_queue(
        self, centre: Centre, door: Door, way: Way, clients: Clients, rossi: Tab
    ) -> None:
        address = course(centre, f"One place {way.name}", way.at(3, -1), capacity=1)
        (session,) = sessions_of(centre, address)
        chen = tab_of(clients, CHEN)
        for tab, child in ((rossi, centre.sample.rossi.attendee_ids[0]), (chen, centre.sample.chen.attendee_ids[0])):
            tab.open(address).send(address, {"pick": f"{child}.{session['id']}", "do": "keep"})
        both = [door(email).open("/family/cart").fits() for email in (ROSSI, CHEN)]

        for person in both:  # neither waits for the other's answer
            person.page.get_by_role("button", name="Hold my places and continue").click(no_wait_after=True)
        for person in both:
            said = person.page.locator("h1, [role=alert] .strong")
            expect(said.filter(has_text=re.compile("places are held|Something changed"))).to_be_visible()
            person.fits()
        loser = next(person for person in both if person.title == "Cart")
        loser.reads("is full (1 place)")
        if way.size == "phone":
            loser.picture(f"somebody-was-faster-{way.name}").is_sound()
        loser.click(loser.page.locator(f'a[href^="/family/queue/{session["id"]}"]'))
        main_button(loser.fits(), "Join the waiting list")

        assert loser.fits().reads("You're number 1 on the waiting list.")
        assert sessions_of(centre, address)[0]["taken"] == 1
        empty_cart(chen)


class TestBookings:
    def test_one_is_changed_through_its_difference(self, centre: Centre, door: Door, way: Way, rossi: Tab) -> None:
        address = course(centre, f"Judo {way.name}", *weekly(way.at(1), 3))
        rosa = door(ROSSI).open(booked_later(rossi, centre, address))
        _, second, _ = sessions_of(centre, address)

        rosa.fits().click(rosa.page.locator('a[href$="/change"]').first)
        rosa.fits().tick(rosa.page.locator(f'input[name="keep"][value="{second["id"]}"]'))
        if not way.scripts:
            rosa.click("See the cost")
        assert rosa.fits().reads("Pay later, by invoice")
        rosa.tick(rosa.page.locator('input[name="way"][value="CONFIRM_WITHOUT_PAYMENT"]')).click("Confirm change")

        assert rosa.fits().reads("Your booking has been changed.")
        (booked,) = booked_of(centre, address)
        assert booked == {"name": "Mia Rossi", "sessions": 2, "paid": "OPEN", "total_minor": 2100}

    def test_one_is_seen_in_list_and_calendar_and_given_up(
        self, centre: Centre, door: Door, way: Way, rossi: Tab
    ) -> None:
        booking = booked_later(rossi, centre, course(centre, f"Chess {way.name}", way.at(6)))
        rosa = door(ROSSI).open("/family/bookings")

        expect(rosa.fits().page.locator(f'a[href="{booking}"]')).to_contain_text(f"Chess {way.name}")
        rosa.click("Calendar").fits().open("/family/bookings?show=calendar&month=2026-06").fits()
        rosa.click(rosa.page.locator(f'a.event[href="{booking}"]')).fits().click("Cancel booking")
        assert rosa.fits().reads("Cancel this booking?")
        rosa.fill("Why?", "we moved").click("Cancel booking")

        assert rosa.fits().reads("Your booking is cancelled.")
        (row,) = centre.rows("SELECT status FROM term_booking WHERE organisation_id = %(org)s AND id = %(id)s",
                             id=booking.rpartition("/")[2])  # fmt: skip
        assert row["status"] == TermBookingStatus.CANCELED

    def test_the_sessions_stand_in_ones_own_calendar(self, centre: Centre, door: Door) -> None:
        bo = door(CHEN).open("/family/bookings")
        bo.fits().click("Add to my calendar")
        old = bo.fits().page.get_by_label("Calendar link").first.input_value()
        assert "BEGIN:VCALENDAR" in bo.page.request.get(old).text()

        bo.click(bo.page.get_by_role("button", name="Create a new link").first)

        assert bo.fits().reads("The old link no longer works.")
        new = bo.page.get_by_label("Calendar link").first.input_value()
        assert [bo.page.request.get(one).status for one in (old, new)] == [404, 200]


class TestMoney:
    def test_the_wallet_is_topped_up(self, centre: Centre, door: Door) -> None:
        def moved() -> list[int]:
            rows = centre.rows("SELECT balance_minor FROM wallet_entry WHERE organisation_id = %(org)s "
                               "AND account_id = %(id)s AND kind = 'TOPPED_UP' ORDER BY id",
                               id=centre.sample.chen.account_id)  # fmt: skip
            return [row["balance_minor"] for row in rows]

        before = moved()
        bo = door(CHEN).open("/family/wallet")

        bo.fits().fill("Amount", "12,50").click("Continue to payment")
        pay_at_sandbox(bo)
        bo.page.wait_for_url(lambda url: url.startswith(bo.base))
        until(lambda: len(moved()) > len(before))

        assert bo.open("/family/wallet").fits().reads("Topped up")
        assert moved() == [*before, 1250]

    def test_a_pass_is_bought_from_the_wallet(self, centre: Centre, door: Door, way: Way) -> None:
        product = on_sale(centre, f"Ten times, {way.name}")
        top_up(centre, "90.00")
        rosa = door(ROSSI).open("/family/wallet")

        rosa.click("Passes").fits().click(rosa.page.locator(f'a[href^="/family/passes/on-sale/{product}"]'))
        # It covers nothing that is booked here: what flows cost is to stay what it is.
        rosa.fits().fill("First day", "2027-01-04").click("Pay from wallet")

        assert rosa.fits().reads("The pass is yours.")
        (bought,) = centre.rows("SELECT granted, total_minor FROM entitlement WHERE organisation_id = %(org)s "
                                "AND product_id = %(id)s", id=product)  # fmt: skip
        assert bought == {"granted": 10, "total_minor": 9000}

    def test_invoices_receipts_and_statements_are_papers(
        self, centre: Centre, door: Door, way: Way, rossi: Tab
    ) -> None:  # fmt: skip
        booked_later(rossi, centre, course(centre, f"Papers {way.name}", way.at(1, -1)))
        top_up(centre, "10.00")
        rosa = door(ROSSI).open("/family/documents").fits()

        for papers in ("invoices", "receipts", "statement"):
            address = rosa.page.locator(f'main a[href*="/documents/{papers}"]').first.get_attribute("href")
            assert rosa.page.request.get(f"{rosa.base}{address}").body().startswith(b"%PDF"), papers

    def test_money_is_asked_back(self, centre: Centre, door: Door) -> None:
        top_up(centre, "20.00")
        rosa = door(ROSSI).open("/family/wallet")

        rosa.fits().click("Request a wallet refund").fits().fill("Amount", "20").fill("Why", "We move away")
        rosa.click("Request refund")

        assert rosa.fits().reads("Awaiting decision")
        (asked,) = centre.rows("SELECT id, amount_minor, reason FROM refund_request WHERE organisation_id = %(org)s "
                               "AND account_id = %(id)s ORDER BY created_at DESC, id DESC LIMIT 1",
                               id=centre.sample.rossi.account_id)  # fmt: skip
        assert (asked["amount_minor"], asked["reason"]) == (2000, "We move away")
        centre.edit(refund_request.reject, request_id=asked["id"], actor=OFFICE, now=centre.clock.now(), note="not yet")

    def test_money_is_asked_back_for_a_booking(self, centre: Centre, door: Door, way: Way) -> None:
        # Of a family that owes nothing: what it gives up is not used for what another flow left open.
        known = {"actor": ADMIN, "now": centre.clock.now()}
        owed = centre.rows("SELECT id FROM term_booking WHERE organisation_id = %(org)s AND account_id = %(id)s "
                           "AND payment_state = 'OPEN'", id=centre.sample.chen.account_id)  # fmt: skip
        for row in owed:
            centre.edit(endings.cancel, booking_id=row["id"], reason="of another flow", **known)
        order_id = built(centre, course(centre, f"Asked back {way.name}", way.at(6)), family=centre.sample.chen)
        booking_id = booking_of(centre, order_id)
        centre.edit(payments.record_manual_payment, order_id=order_id, amount_minor=1050, reason="at the desk",
                    provider=payments.CASH, **known)  # fmt: skip
        centre.edit(endings.cancel, booking_id=booking_id, reason="we moved", **known)
        bo = door(CHEN).open(f"/family/bookings/{booking_id}").fits()

        bo.click("Request a refund").fits().fill("Amount", "4.50").fill("Why", "We move away").click("Request refund")

        assert bo.fits().reads("Awaiting decision")
        (asked,) = centre.rows("SELECT amount_minor, reason FROM refund_request WHERE organisation_id = %(org)s "
                               "AND booking_id = %(id)s", id=booking_id)  # fmt: skip
        assert asked == {"amount_minor": 450, "reason": "We move away"}

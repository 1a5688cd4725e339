"""Tablets at the door without a network: what they keep, say, and send later."""

from collections.abc import Callable

from playwright.sync_api import expect

from attendance.photos import keep_photo, small_jpeg
from engine.actor import Actor
from models import ActorKind, Role
from tests.engine.later import until
from tests.web.conftest import Centre
from tests.web.staff.rolls import PIN, draw, make_roll, picture_file, row_of, tap, wait_until_sent
from tests.web.staff.tablets import Server, Tablet, has_drawing, is_kept
from tests.web.test_family_consents import picture

# The roll is laid in again; the first answer to that is a page that stands in for it.
KEPT_AFTER_A_STAND_IN = """async (address) => {
    const store = await caches.open("termbook-staff"), really = window.fetch;
    await store.delete(address);
    let isFirst = true;
    window.fetch = (asked, ...more) => {
        if (asked !== address || !isFirst) return really(asked, ...more);
        isFirst = false;
        const headers = { "Content-Type": "text/html", "X-From-Store": "yes" };
        return Promise.resolve(new Response("Today", { headers }));
    };
    const module = document.querySelector("link[rel=modulepreload][href*=offline]").href;
    await (await import(module)).prepare([address]);
    return (await store.match(address))?.text() ?? "";
}"""


# The database of this page answers nothing any more: the device is slow, and its person quick.
NOTHING_IS_STORED_YET = "() => { IDBFactory.prototype.open = () => ({}); }"

NOTHING_FITS = "() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }; }"


class TestWithoutANetwork:
    def test_who_taps_and_leaves_at_once_loses_no_mark(self, centre: Centre, tablet: Callable[[str], Tablet]) -> None:
        """What the page says that it has stands on the device before it says so."""
        roll = make_roll(centre, 2, name="Left at once")
        one = tablet("one")
        page = one.at_roll(roll)

        one.has_network(False)
        page.evaluate(NOTHING_IS_STORED_YET)
        tap(page, "Child 01", "Present")
        expect(page.locator("#sending")).to_contain_text("1 not sent")
        page.reload()
        expect(page.locator("#sending")).to_contain_text("1 not sent")
        expect(row_of(page, "Child 01")).to_have_attribute("data-status", "PRESENT")
        page.evaluate(NOTHING_IS_STORED_YET)
        page.get_by_label("Children counted in the room").fill("1")
        page.get_by_role("button", name="Save headcount", exact=True).click()
        page.goto(page.url.partition("/staff")[0] + "/staff")
        expect(page.locator("#sending")).to_contain_text("2 not sent")
        one.has_network(True)
        wait_until_sent(page)

        assert roll.statuses() == {"Child 01": "PRESENT", "Child 02": "EXPECTED"}
        assert centre.rows("SELECT counted FROM headcount WHERE term_product_id = %(id)s", id=roll.session_id) == [
            {"counted": 1}
        ]

    def test_the_server_is_killed_two_tablets_disagree_one_restarts_and_nothing_is_lost(
        self, centre: Centre, server: Server, tablet: Callable[[str], Tablet]
    ) -> None:
        roll = make_roll(centre, 3, name="Offline")
        left, right = tablet("left"), tablet("right")
        on_left, on_right = left.at_roll(roll), right.at_roll(roll)

        server.kill()
        tap(on_left, "Child 02", "Present")
        tap(on_left, "Child 03", "Present")
        tap(on_right, "Child 02", "Absent")
        expect(on_left.locator("#sending")).to_contain_text("2 not sent")
        expect(on_left.locator("#sending")).to_contain_text("Offline")
        expect(on_right.locator("#sending")).to_contain_text("1 not sent")

        left.stop()
        on_left = left.start()
        on_left.goto(server.url + roll.address)
        expect(on_left.locator("#sending")).to_contain_text("2 not sent")
        expect(row_of(on_left, "Child 03")).to_have_attribute("data-status", "PRESENT")
        tap(on_left, "Child 01", "Present")
        expect(on_left.locator("#sending")).to_contain_text("3 not sent")
        on_left.screenshot(path=picture_file("staff-offline"), full_page=True)
        assert set(roll.statuses().values()) == {"EXPECTED"}

        # Of two who disagree the first that arrives is taken: here the left one, whatever the machine's pace.
        right.has_network(False)
        server.start()
        wait_until_sent(on_left)
        right.has_network(True)
        wait_until_sent(on_right)

        assert roll.statuses() == {"Child 01": "PRESENT", "Child 02": "PRESENT", "Child 03": "PRESENT"}
        expect(on_right.locator("#told")).to_contain_text("Choose what is right above the roll.")
        assert on_right.locator("#told").inner_text().count("Child 02") == 1
        on_right.reload()
        expect(on_right.locator("#disagreements")).to_contain_text("Child 02")
        on_right.screenshot(path=picture_file("staff-disagreement"), full_page=True)
        on_right.get_by_role("button", name="Change to “Absent” Child 02").click()
        on_right.get_by_text("The roll now says what was sent.").wait_for()
        assert roll.statuses()["Child 02"] == "ABSENT"

    def test_a_device_that_is_full_shows_no_mark_that_it_does_not_have(
        self, centre: Centre, tablet: Callable[[str], Tablet]
    ) -> None:
        page = tablet("one").at_roll(make_roll(centre, 1, name="Full"))

        page.evaluate(NOTHING_FITS)
        tap(page, "Child 01", "Present")

        expect(page.locator("#told")).to_contain_text("its storage is full")
        expect(row_of(page, "Child 01")).to_have_attribute("data-status", "EXPECTED")

    def test_the_network_is_lost_in_the_middle_of_a_signature(
        self, centre: Centre, tablet: Callable[[str], Tablet]
    ) -> None:
        roll = make_roll(centre, 1, name="Signing")
        one = tablet("one")
        page = one.at_roll(roll)
        tap(page, "Child 01", "Present")
        wait_until_sent(page)
        row_of(page, "Child 01").get_by_role("link", name="Sign out").click()
        page.get_by_label("Rosa Rossi").check()
        draw(page, page.locator("#out-pad"))

        one.has_network(False)
        page.locator("#out-pin").fill(PIN)
        page.locator("#out-done").click()
        expect(page.locator("#out-fault")).to_contain_text("the PIN can't be checked")
        page.locator("#out-pin").fill("")
        draw(page, page.locator("#out-pad"), start=0.5)
        page.locator("#out-done").click()
        expect(page.locator("#sending")).to_contain_text("2 not sent")
        page.reload()
        expect(page.locator("#sending")).to_contain_text("2 not sent")
        expect(row_of(page, "Child 01")).to_have_attribute("data-status", "LEFT")
        page.goto(page.url.partition("/staff")[0] + "/staff")
        expect(page.locator("#sending")).to_contain_text("2 not sent")

        one.has_network(True)
        wait_until_sent(page)

        (signed,) = centre.rows("SELECT x.strokes, o.collected_by FROM signature x JOIN sign_out o ON o.id = "
                                "x.sign_out_id WHERE o.id = %(id)s", id=roll.rows()["Child 01"]["mark_id"])  # fmt: skip
        assert (len(signed["strokes"]), signed["collected_by"]) == (2, "Rosa Rossi")

    def test_a_signature_of_the_queue_stays_on_the_device_until_it_is_sent(
        self, centre: Centre, tablet: Callable[[str], Tablet]
    ) -> None:
        roll = make_roll(centre, 1, name="Signs later")
        one = tablet("one")
        page = one.at_roll(roll)
        tap(page, "Child 01", "Present")
        row_of(page, "Child 01").get_by_role("link", name="Sign out").click()
        page.get_by_label("Rosa Rossi").check()
        page.get_by_label("Sign later").check()
        page.locator("#out-done").click()
        wait_until_sent(page)
        sign_out = roll.rows()["Child 01"]["mark_id"]
        one.open(page, f"/staff/signatures/{sign_out}")
        draw(page, page.locator("canvas"))
        until(lambda: has_drawing(page, sign_out))

        one.has_network(False)
        page.reload()
        expect(page.locator("[data-strokes]")).not_to_have_value("")  # what was drawn is still there
        page.get_by_role("button", name="Save signature").click()
        expect(page.locator("#told")).to_contain_text("Saved on this device")
        expect(page.locator("#sending")).to_contain_text("1 not sent")
        one.has_network(True)
        wait_until_sent(page)

        assert centre.rows("SELECT 1 FROM signature WHERE sign_out_id = %(id)s", id=sign_out)

    def test_what_is_said_is_in_view_and_what_needs_a_network_waits_for_one(
        self, centre: Centre, tablet: Callable[[str], Tablet]
    ) -> None:
        """At the end of a long roll a count is kept and a closing answered; signing out does not lose the pages."""
        roll = make_roll(centre, 20, name="Waits")
        one = tablet("one")
        page = one.at_roll(roll)

        one.has_network(False)
        page.get_by_label("Children counted in the room").fill("3")
        page.get_by_role("button", name="Save headcount", exact=True).click()
        expect(page.locator(".closing")).to_contain_text("3 counted at")
        page.reload()
        expect(page.locator(".closing")).to_contain_text("3 counted at")
        page.get_by_role("button", name="Close the roll").click()
        expect(page.get_by_text("Some marks haven't been sent yet")).to_be_in_viewport()
        page.evaluate("document.querySelector('form[action=\"/sign-out\"]').requestSubmit()")
        expect(page.get_by_text("so nothing was sent")).to_be_in_viewport()
        page.goto(page.url.partition("/staff")[0] + "/staff")
        page.get_by_role("button", name="I'm here").click()
        expect(page.get_by_text("so nothing was sent")).to_be_in_viewport()

        one.has_network(True)
        wait_until_sent(page)
        page.get_by_role("button", name="I'm here").click()
        present = "SELECT id FROM staff_presence WHERE left_at IS NULL"
        until(lambda: centre.rows(present), seconds=60)
        assert centre.rows("SELECT counted FROM headcount WHERE term_product_id = %(id)s", id=roll.session_id) == [
            {"counted": 3}
        ]

    def test_a_roll_that_was_never_opened_opens(
        self, centre: Centre, server: Server, tablet: Callable[[str], Tablet]
    ) -> None:
        roll = make_roll(centre, 1, name="Unopened")
        one = tablet("one")
        page = one.sign_in()
        one.open(page, "/staff")
        until(lambda: is_kept(page, server.url + roll.address, modules=7), seconds=60)
        server.kill()

        page.goto(server.url + roll.address)
        tap(page, "Child 01", "Present")
        expect(page.locator("#sending")).to_contain_text("1 not sent")
        server.start()
        wait_until_sent(page)

        assert roll.statuses() == {"Child 01": "PRESENT"}

    def test_who_signs_out_from_whatever_page_leaves_no_roll_behind_and_loses_nothing(
        self, centre: Centre, server: Server, tablet: Callable[[str], Tablet]
    ) -> None:
        """The tablet is everybody's: the next one reads no child's name on it, and what was not sent is sent later."""
        roll = make_roll(centre, 1, name="Shared tablet")
        one = tablet("one")
        page = one.open(one.sign_in(), roll.address)
        assert one.context is not None
        one.context.route("**/roll-bundles", lambda route: route.abort())
        tap(page, "Child 01", "Present")
        expect(page.locator("#sending")).to_contain_text("1 not sent")
        page.goto(f"{server.url}/staff/signatures")
        page.get_by_text("Account menu").locator("..").click()
        page.locator('form[action="/sign-out"] button').click()
        page.get_by_text("You've signed out.").wait_for()

        until(lambda: page.evaluate("caches.has('termbook-staff')") is False)
        assert roll.statuses() == {"Child 01": "EXPECTED"}
        one.context.unroute("**/roll-bundles")
        wait_until_sent(one.sign_in_again(page))
        assert roll.statuses() == {"Child 01": "PRESENT"}

    def test_a_page_that_stands_in_for_a_roll_is_not_kept_in_its_place(
        self, server: Server, centre: Centre, tablet: Callable[[str], Tablet]
    ) -> None:
        """The network failed for a moment, so that today's page stood in: the roll is asked for again."""
        roll = make_roll(centre, 1, name="Stood in for")
        one = tablet("one")
        page = one.sign_in()
        one.open(page, "/staff")
        until(lambda: is_kept(page, server.url + roll.address, modules=7), seconds=60)

        kept = page.evaluate(KEPT_AFTER_A_STAND_IN, roll.address)

        assert "Child 01" in kept

    def test_faces_are_there_and_letters_where_a_face_is_not(
        self, centre: Centre, server: Server, tablet: Callable[[str], Tablet]
    ) -> None:
        roll = make_roll(centre, 2, name="Faces")
        admin, made = Actor(ActorKind.ADMIN, centre.sample.users[Role.ADMIN]), roll.rows()
        for name in made:
            centre.edit(keep_photo, attendee_id=made[name]["attendee_id"], jpeg=small_jpeg(picture()), actor=admin,
                        now=centre.clock.now())  # fmt: skip
        one = tablet("one")
        page = one.sign_in()
        one.open(page, "/staff")  # the roll is never opened with a network
        until(lambda: page.evaluate(KEPT_PHOTOS) == 2, seconds=60)
        page.evaluate(FORGET_PHOTO, str(made["Child 02"]["attendee_id"]))
        page.context.new_cdp_session(page).send("Network.clearBrowserCache")
        server.kill()

        page.goto(server.url + roll.address)
        faces = {name: row_of(page, name).locator(".avatar") for name in made}
        page.wait_for_function("[...document.querySelectorAll('.roll-who img')].every(one => one.complete)")

        wide = {name: face.locator("img").evaluate("one => one.naturalWidth") for name, face in faces.items()}
        assert wide["Child 01"] > 0
        assert wide["Child 02"] == 0
        assert faces["Child 02"].inner_text() == "C0"
        page.screenshot(path=picture_file("staff-faces"), full_page=True)


KEPT_PHOTOS = """async () => (await (await caches.open("termbook-staff")).keys())
    .filter(one => one.url.includes("/photos/")).length"""
FORGET_PHOTO = """async child => {
    const store = await caches.open("termbook-staff");
    for (const one of await store.keys()) if (one.url.includes(`/photos/${child}`)) await store.delete(one);
}"""

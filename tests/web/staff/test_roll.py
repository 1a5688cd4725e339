"""The roll at a browser: thirty children in thirty-odd taps, under a thumb, and without a mouse."""

import re
from datetime import datetime

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Centre, Somebody
from tests.web.staff.rolls import STAFF, draw, make_roll, row_of, tap, wait_until_sent
from tests.web.test_family_forms import Tab, enter

EARLIER = datetime(2026, 3, 31, 8)  # noqa: DTZ001 - local; an hour before it is now
# What a thumb presses on a roll and in its dialog, and what of it is smaller than a thumb.
TOO_SMALL = """() => [...document.querySelectorAll(
    ".back, .roll-acts button, .roll-acts a, .closing button, "
    + "#out button, #out-other, #out-pin, #out label:has(input)")]
    .map(one => [one, one.getBoundingClientRect()])
    .filter(([one, box]) => one.offsetParent && Math.min(box.width, box.height) < 43.5)
    .map(([one]) => one.textContent.trim())"""


class TestTheRoll:
    @pytest.mark.parametrize("size", ["phone", "tablet", "desktop"])
    def test_is_sound_in_every_size(self, centre: Centre, signed_in: Somebody, size: str) -> None:
        roll = make_roll(centre, 4, name=f"Club {size}")
        stella = signed_in(STAFF, size=size, dark=size == "tablet")

        stella.open("/staff").picture(f"staff-today-{size}").fits()
        stella.open(roll.address)
        tap(stella.page, "Child 02", "Present")
        tap(stella.page, "Child 03", "Absent")
        wait_until_sent(stella.page)
        stella.picture(f"staff-roll-{size}").fits()
        expect(row_of(stella.page, "Child 01").locator(".alert.severe").first).to_contain_text("Peanuts")
        row_of(stella.page, "Child 02").get_by_role("link", name="Sign out").click()
        stella.picture(f"staff-dialog-{size}").is_sound()

    @pytest.mark.parametrize("dark", [False, True], ids=["by day", "by night"])
    def test_shows_a_danger_to_life_in_red(self, centre: Centre, signed_in: Somebody, dark: bool) -> None:
        roll = make_roll(centre, 1, name=f"Red {dark}")
        stella = signed_in(STAFF, size="phone", dark=dark).open(roll.address)

        ground = (
            row_of(stella.page, "Child 01")
            .locator(".alert.severe")
            .first.evaluate("alert => getComputedStyle(alert).backgroundColor")
        )
        red, green, blue = map(int, re.findall(r"\d+", ground))

        assert red > 3 * max(green, blue)
        stella.is_sound()

    def test_of_thirty_children_takes_at_most_thirty_five_taps(self, centre: Centre, signed_in: Somebody) -> None:
        roll = make_roll(centre, 30, name="Thirty")
        stella = signed_in(STAFF, size="phone").open("/staff")

        stella.click(stella.page.locator(f'a[href="{roll.address}"]'))
        for number in range(1, 31):
            name, what = f"Child {number:02}", "Absent" if number == 7 else "Present"
            stella.click(row_of(stella.page, name).get_by_role("button", name=f"{what} {name}", exact=True))
        stella.click(row_of(stella.page, "Child 07").get_by_role("button", name="Ill Child 07", exact=True))
        wait_until_sent(stella.page)

        assert stella.interactions <= 35
        found = roll.statuses()
        assert [name for name, status in found.items() if status != "PRESENT"] == ["Child 07"]
        assert roll.rows()["Child 07"]["reason"] == "Ill"

    def test_a_tap_that_bounces_is_one_tap(self, centre: Centre, signed_in: Somebody) -> None:
        """Where a button was there is another at once: the reason of an absence, the undo, the row under a dialog."""
        roll = make_roll(centre, 4, name="Bounces")
        stella = signed_in(STAFF, size="phone").open(roll.address)
        page = stella.page

        row_of(page, "Child 02").get_by_role("button", name="Late Child 02", exact=True).dblclick()
        absent = row_of(page, "Child 03").get_by_role("button", name="Absent Child 03", exact=True)
        absent.dblclick(position={"x": absent.bounding_box()["width"] - 8, "y": 20})
        tap(page, "Child 04", "Present")
        row_of(page, "Child 04").get_by_role("link", name="Sign out").click()
        page.get_by_label("Name of person collecting").fill("Aunt Ada")
        page.get_by_label("Sign later").check()
        page.locator("#out-done").dblclick()
        expect(row_of(page, "Child 04")).to_have_attribute("data-status", "LEFT")
        wait_until_sent(page)

        assert roll.statuses() == {"Child 01": "EXPECTED", "Child 02": "LATE", "Child 03": "ABSENT", "Child 04": "LEFT"}
        assert roll.rows()["Child 03"]["reason"] is None

    @pytest.mark.parametrize("size", ["small phone", "tablet"])
    def test_a_thumb_finds_every_button_and_a_name_keeps_its_room(
        self, centre: Centre, signed_in: Somebody, size: str
    ) -> None:
        roll = make_roll(centre, 4, name=f"Thumbs {size}")
        stella = signed_in(STAFF, size=size).open(roll.address)
        page = stella.page

        tap(page, "Child 02", "Absent")
        tap(page, "Child 03", "Late")
        wait_until_sent(page)
        assert page.evaluate(TOO_SMALL) == []
        assert row_of(page, "Child 02").locator(".roll-who").bounding_box()["width"] >= 250

        tap(page, "Child 01", "Present")
        row_of(page, "Child 01").get_by_role("link", name="Sign out").click()
        page.get_by_label("Rosa Rossi").check()
        assert page.evaluate(TOO_SMALL) == []
        page.locator("#out-pin").fill("0000")
        page.locator("#out-done").click()
        expect(page.locator("#out-fault")).to_contain_text("not the PIN")
        for what in ("fault", "done", "cancel"):
            expect(page.locator(f"#out-{what}")).to_be_in_viewport(ratio=1)

    def test_with_the_keyboard_alone(self, centre: Centre, signed_in: Somebody) -> None:
        roll = make_roll(centre, 2, name="Keys")
        stella = signed_in(STAFF).open(roll.address)
        page = stella.page

        def to(name: str) -> None:
            for _ in range(60):
                page.keyboard.press("Tab")
                if page.evaluate("document.activeElement.textContent.trim().replace(/\\s+/g, ' ')") == name:
                    return
            raise AssertionError(f"{name} is not reached by Tab")

        to("Present Child 01")
        page.keyboard.press("Enter")
        expect(row_of(page, "Child 01")).to_have_attribute("data-status", "PRESENT")
        to("Absent Child 02")
        page.keyboard.press("Enter")
        wait_until_sent(page)
        page.reload()
        to("Sign out Child 01")
        page.keyboard.press("Enter")
        page.locator("#out[open]").wait_for()
        page.keyboard.press("Space")  # the first who may collect has the focus
        while page.evaluate("document.activeElement.id") != "out-later":
            page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(row_of(page, "Child 01")).to_have_attribute("data-status", "LEFT")
        wait_until_sent(page)

        assert roll.statuses() == {"Child 01": "LEFT", "Child 02": "ABSENT"}
        stella.open("/staff/signatures").reads("collected Child 01")
        stella.picture("staff-signatures").fits()

    def test_what_the_server_says_is_said_as_the_reader_does(self, centre: Centre, signed_in: Somebody) -> None:
        roll = make_roll(centre, 1, name="En français")
        stella = signed_in(STAFF, size="phone").open("/staff").click("Français")
        assert stella.reads("Aujourd’hui")
        stella.open(roll.address)
        seen = row_of(stella.page, "Child 01").get_attribute("data-version")
        with enter(centre, STAFF) as client:
            other = Tab(client, client.get(roll.address))
            given = {"attendance_id": str(roll.rows()["Child 01"]["id"]), "status": "ABSENT", "seen_version": seen}
            client.post(f"{roll.address}/marks", data={**other.any_token(), **given})
        assert roll.statuses() == {"Child 01": "ABSENT"}

        row_of(stella.page, "Child 01").evaluate("(row, seen) => { row.dataset.version = seen; }", seen)
        tap(stella.page, "Child 01", "Présent")

        told = stella.page.locator("#told")
        expect(told).to_contain_text(re.compile("Un autre appareil a noté Child 01|Child 01 a reçu la marque"))
        assert "marked" not in told.inner_text()
        stella.picture("staff-disagreement-in-french")

    def test_a_signature_of_the_queue(self, centre: Centre, signed_in: Somebody) -> None:
        roll = make_roll(centre, 1, name="Queue")
        stella = signed_in(STAFF, size="tablet").open(roll.address)
        tap(stella.page, "Child 01", "Present")
        row_of(stella.page, "Child 01").get_by_role("link", name="Sign out").click()
        stella.page.get_by_label("Uncle Bob").check()
        stella.page.get_by_role("button", name="Sign out", exact=True).click()
        expect(stella.page.locator("#out-fault")).to_contain_text("sign")
        stella.page.get_by_label("Sign later").check()
        stella.page.locator("#out-done").click()
        wait_until_sent(stella.page)

        sign_out = roll.rows()["Child 01"]["mark_id"]
        stella.open(f"/staff/signatures/{sign_out}")
        draw(stella.page, stella.page.locator("canvas"))
        stella.picture("staff-signature").fits()
        stella.click("Save signature").reads("Signature saved.")

        assert centre.rows("SELECT 1 FROM signature WHERE sign_out_id = %(id)s", id=sign_out)


class TestClosing:
    @pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
    def test_names_who_is_not_marked_before_it_makes_them_absent(
        self, centre: Centre, signed_in: Somebody, scripts: bool
    ) -> None:
        name = f"Closing {'with' if scripts else 'without'} scripts"
        roll = make_roll(centre, 3, name=name, starts=EARLIER, minutes=30)
        stella = signed_in(STAFF, size="phone", scripts=scripts, dark=scripts).open(roll.address)
        tap(stella.page, "Child 02", "Absent")
        if scripts:
            wait_until_sent(stella.page)

        stella.click("Close the roll").reads("2 children aren't marked yet")
        assert "Child 01" in stella.text
        assert "Child 02" not in stella.text
        assert roll.statuses() == {"Child 01": "EXPECTED", "Child 02": "ABSENT", "Child 03": "EXPECTED"}
        stella.picture(f"staff-closing-{'dark' if scripts else 'light'}").is_sound()
        stella.click("Back to the roll")
        tap(stella.page, "Child 03", "Absent")
        if scripts:
            wait_until_sent(stella.page)
        stella.click("Close the roll").reads("1 child isn't marked yet")
        stella.click("Mark absent and close the roll").reads("Roll closed.")

        assert set(roll.statuses().values()) == {"ABSENT"}
        stella.picture("staff-closed").is_sound()

    def test_asks_nothing_where_everybody_is_marked(self, centre: Centre, signed_in: Somebody) -> None:
        roll = make_roll(centre, 1, name="All marked", starts=EARLIER, minutes=30)
        stella = signed_in(STAFF, size="phone").open(roll.address)
        tap(stella.page, "Child 01", "Absent")
        wait_until_sent(stella.page)

        stella.click("Close the roll").reads("Roll closed.")

"""Passes on the office's pages: put on sale by a form, seen by families, and taken off sale again."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.conftest import Centre, Somebody
from tests.web.test_family_booking import ROSSI
from tests.web.test_family_forms import Tab, enter
from tests.web.test_family_passes import ADMIN as ADMINISTRATOR
from tests.web.test_family_passes import on_sale
from workflows import passes

NEW = "/admin/passes/new"
ADMIN = "admin@centre7.example"
_TERMS = {"name": "Refused", "price": "90", "units": "10", "validity_days": "180", "covers": "SESSIONS",
          "returns": "IN_WINDOW"}  # fmt: skip


@pytest.fixture
def office(centre: Centre) -> Iterator[Tab]:
    with enter(centre, ADMIN) as client:
        yield Tab(client, client.get("/admin/programme"))


def kept(centre: Centre, name: str) -> list[dict[str, Any]]:
    return centre.rows(
        "SELECT p.*, array(SELECT coalesce(c.name, g.name) FROM pass_scope s "
        "LEFT JOIN program_category c ON c.organisation_id = s.organisation_id AND c.id = s.category_id "
        "LEFT JOIN program g ON g.organisation_id = s.organisation_id AND g.id = s.program_id "
        "WHERE s.organisation_id = p.organisation_id AND s.product_id = p.id ORDER BY 1) AS places "
        "FROM pass_product p WHERE p.organisation_id = %(org)s AND p.name = %(name)s", name=name,
    )  # fmt: skip


class TestPutOnSale:
    @pytest.mark.parametrize(("size", "scripts"), [("phone", False), ("desktop", True)])
    def test_one_is_sold_as_the_form_says_and_later_no_more(
        self, centre: Centre, signed_in: Somebody, size: str, scripts: bool
    ) -> None:
        name = f"Ten of the arts, {size}"
        (category,) = centre.rows("SELECT name FROM program_category WHERE organisation_id = %(org)s AND name = 'Arts'")
        office = signed_in(ADMIN, size=size, scripts=scripts).open("/admin/passes").click("New pass")
        office.fill("Name", name).fill("Price", "90,50").fill("Valid for so many days", "180")
        office.fill("How often it is good", "10").choose(
            "When a session is cancelled", "Cancelled sessions do not go back on the pass"
        )
        office.page.locator("summary", has_text="Categories").click()
        office.tick(category["name"]).fill("Tax", "HST").fill("Tax rate in percent", "13")
        office.picture(f"pass-form-{size}").is_sound()

        assert office.click("Put it on sale").reads(f"{name} is on sale.")
        (made,) = kept(centre, name)
        assert (made["price_minor"], made["units"], made["validity_days"]) == (9050, 10, 180)
        assert (made["covers"], made["returns"], made["places"]) == ("SESSIONS", "NEVER", ["Arts"])
        assert (made["tax_name"], float(made["tax_rate"])) == ("HST", 0.13)
        office.picture(f"passes-on-sale-{size}").is_sound()
        rosa = signed_in(ROSSI, size=size, scripts=scripts)
        assert name in rosa.open("/family/passes").text

        office.page.locator(f"a[href='/admin/passes/{made['id']}/withdrawal']").click()
        assert office.reads("This cannot be undone")
        assert kept(centre, name)[0]["withdrawn_at"] is None  # looking withdraws nothing
        office.picture(f"pass-withdrawal-{size}").is_sound()
        assert office.click("Take it off sale").reads(f"{name} is not sold any more.")
        assert name not in rosa.open("/family/passes").text

    def test_one_without_limit_is_ticked_so(self, centre: Centre, office: Tab) -> None:
        terms = {**_TERMS, "name": "All month", "units": "", "is_unlimited": "yes", "validity_days": "31"}

        assert "All month is on sale." in office.text(office.open(NEW).send(NEW, terms))

        assert kept(centre, "All month")[0]["units"] is None


class TestRefusals:
    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"units": ""}, "tick that it has no limit"),
            ({"is_unlimited": "yes"}, "tick that it has no limit"),
            ({"units": "many"}, "Enter a whole number."),
            ({"units": "0"}, "At least 1."),
            ({"name": " "}, "Please fill this in."),
            ({"price": "7.505"}, "7.505"),
            ({"price": "0"}, "Let it cost more than 0."),
            ({"validity_days": ""}, "Please fill this in."),
            ({"tax_percent": "130"}, "At most 100."),
            ({"covers": "SNACKS"}, "Choose one from the list."),
            ({"category_ids": "00000000-0000-0000-0000-000000000000"}, "There is no such category."),
        ],
    )
    def test_what_cannot_be_is_said_and_nothing_is_sold(
        self, centre: Centre, office: Tab, wrong: dict[str, str], said: str
    ) -> None:
        answer = office.open(NEW).send(NEW, {**_TERMS, **wrong})

        assert answer.status_code == 422
        assert said in office.text(answer)
        assert kept(centre, _TERMS["name"]) == []

    def test_one_that_is_off_sale_has_no_button_and_says_since_when(self, centre: Centre, office: Tab) -> None:
        address = f"/admin/passes/{on_sale(centre, 'Of last year')}/withdrawal"
        assert "Keep as is" in office.text(office.open(address).page)
        office.text(office.send(address, {}))
        (withdrawn,) = kept(centre, "Of last year")

        shown = office.text(office.open(address).page)

        assert withdrawn["withdrawn_at"] is not None
        assert "It is off sale since" in shown
        assert "Keep as is" not in shown

    def test_what_was_sold_of_it_is_counted(self, centre: Centre, office: Tab) -> None:
        product = on_sale(centre, "Sold once")
        centre.edit(passes.buy_by_hand, account_id=centre.sample.rossi.account_id, product_id=product,
                    provider="cash", reason="at the desk", actor=ADMINISTRATOR, now=centre.clock.now())  # fmt: skip

        shown = office.text(office.open(f"/admin/passes/{product}/withdrawal").page)

        assert "It was sold 1 time. 1 of them is still good, and stays so." in shown

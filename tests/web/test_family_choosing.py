"""What a family ticks beside sessions: a promo code, extras, numbered seats, and a week of several programs at once."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from engine.database import Transaction
from models import Extra, RuleSetting, SeatPrice
from tests import builders as build
from tests.web.conftest import Centre, Somebody
from tests.web.test_family_booking import FIRST, ROSSI, family_class
from tests.web.test_family_forms import Tab, enter, fill, sessions_of, tab  # noqa: F401 - a fixture


def add_extra(centre: Centre, address: str, **columns: Any) -> UUID:
    """Lunch beside the sessions of this class."""

    def make(tx: Transaction) -> UUID:
        course = tx.row("SELECT program_id FROM term_program_set WHERE organisation_id = %(org)s AND id = %(id)s",
                        id=address.rpartition("/")[2])  # fmt: skip
        assert course is not None
        found: UUID = build.add(tx, Extra, program_id=course["program_id"], **columns)["id"]
        return found

    found: UUID = centre.edit(make)
    return found


def add_code(centre: Centre, address: str, code: str) -> None:
    """Ten percent off the class for who knows the code, once for each family."""

    discount = {
        "kind": "PROMO_CODE", "order": 1, "name": "Friends", "percent": "10",
        "conditions": {"code": code, "once_per_account": True},
    }  # fmt: skip
    centre.edit(build.add, RuleSetting, scope="TPS", scope_id=UUID(address.rpartition("/")[2]), name="discounts",
                value=[discount])  # fmt: skip


def seated_show(centre: Centre) -> UUID:
    """A session in a hall of two rows."""
    address = family_class(centre, "A show", count=1, hour=18, capacity=12)

    def seat(tx: Transaction) -> None:
        place = tx.row("SELECT * FROM site WHERE organisation_id = %(org)s LIMIT 1")
        assert place is not None
        hall, _ = build.venue(tx, place, 1, 2, 3, 5, 6, name="Hall of the show")
        tx.run("UPDATE term_program_set SET venue_id = %(hall)s WHERE organisation_id = %(org)s AND id = %(id)s",
               hall=hall["id"], id=address.rpartition("/")[2])  # fmt: skip
        tx.run(
            "UPDATE term_product SET venue_id = %(hall)s, is_seated = true, capacity = 5 "
            "WHERE organisation_id = %(org)s AND term_program_set_id = %(id)s",
            hall=hall["id"], id=address.rpartition("/")[2],
        )  # fmt: skip
        build.add(tx, SeatPrice, term_program_set_id=UUID(address.rpartition("/")[2]), seat_type="VIP",
                  price_minor=3000)  # fmt: skip

    centre.edit(seat)
    found: UUID = sessions_of(centre, address)[0]["id"]
    return found


class TestPromoCode:
    def test_is_used_by_one_of_two_children_and_says_why(self, centre: Centre, tab: Tab) -> None:  # noqa: F811
        address = family_class(centre, "With a code", hour=8)
        add_code(centre, address, "FRIENDS10")
        first = sessions_of(centre, address)[0]["id"]
        boxes = [f"{child}.{first}" for child in centre.sample.rossi.attendee_ids]

        seen = tab.text(tab.open(address).send(address, {"pick": boxes, "promo_code": "friends10", "do": "keep"}))

        assert seen.count("Friends") == 1
        codes = centre.rows(
            "SELECT o.promo_code FROM term_booking_order o JOIN term_booking_order_line l ON l.organisation_id = "
            "o.organisation_id AND l.order_id = o.id WHERE o.organisation_id = %(org)s AND l.term_product_id = %(id)s "
            "AND o.status = 200", id=first,
        )  # fmt: skip
        assert sorted(str(row["promo_code"]) for row in codes) == ["FRIENDS10", "None"]

    def test_one_that_nothing_takes_is_said_and_taken_off_again(self, centre: Centre, tab: Tab) -> None:  # noqa: F811
        address = family_class(centre, "Without a code", hour=6)
        fill(tab, centre, address)
        (action,) = set(re.findall(r'action="(/family/cart/[0-9a-f-]+)"', tab.open("/family/cart").page.text))

        wrong = tab.text(tab.send(action, {"promo_code": "NOSUCH"}, action=action))
        right = tab.text(tab.send(action, {"promo_code": ""}, action=action))

        assert "Nothing of this order takes the promo code NOSUCH." in wrong
        assert "NOSUCH" not in right


class TestExtras:
    def test_come_with_every_day_or_with_one(self, centre: Centre, tab: Tab) -> None:  # noqa: F811
        address = family_class(centre, "With lunch", hour=9)
        lunch, bus = (add_extra(centre, address, name=name, price_minor=400) for name in ("Lunch", "Bus"))
        mia = centre.sample.rossi.attendee_ids[0]
        one, two, *_ = (session["id"] for session in sessions_of(centre, address))

        tab.open(address).send(address, {
            "pick": [f"{mia}.{one}", f"{mia}.{two}"], "each": f"{mia}.{lunch}", "extra": f"{mia}.{one}.{bus}",
            "do": "keep",
        })  # fmt: skip

        kept = centre.rows(
            "SELECT l.term_product_id AS id, e.name FROM term_booking_order_extra e JOIN term_booking_order_line l "
            "ON l.organisation_id = e.organisation_id AND l.id = e.order_line_id WHERE e.organisation_id = %(org)s "
            "AND l.term_product_id = ANY(%(ids)s)", ids=[one, two],
        )  # fmt: skip
        assert {(row["id"], row["name"]) for row in kept} == {(one, "Lunch"), (one, "Bus"), (two, "Lunch")}
        assert "Lunch" in tab.open("/family/cart").page.text
        again = tab.open(address).page.text
        assert len(re.findall(r'name="extra" value="[^"]+" checked', again)) == 3

    def test_one_that_is_gone_cannot_be_ticked(self, centre: Centre, tab: Tab) -> None:  # noqa: F811
        address = family_class(centre, "No more cake", hour=7, count=1)
        add_extra(centre, address, name="Cake", price_minor=400, stock=0)

        text = tab.text(tab.open(address).page)

        assert "sold out" in text
        assert 'name="extra"' not in tab.page.text


class TestSeats:
    def test_best_together_then_into_the_cart(self, centre: Centre, tab: Tab) -> None:  # noqa: F811
        session = seated_show(centre)
        address = f"/family/seats/{session}"
        children = [str(one) for one in centre.sample.rossi.attendee_ids[:2]]

        tab.page = tab.open(address).send(address, {"child": children, "do": "best"})
        seats = re.findall(r'name="seat" value="([^"]+)" checked', tab.page.text)
        short = tab.send(address, {"child": children, "seat": seats[:1], "do": "keep"})
        kept = tab.text(tab.send(address, {"child": children, "seat": seats, "do": "keep"}))

        assert len(seats) == 2
        assert short.status_code == 422
        assert "Choose one seat for each person." in short.text
        assert "A show has been added to your cart." in kept
        assert "60.00" in kept
        with enter(centre, "chen@family.example") as client:
            assert client.get(address).status_code == 200


class TestInTheBrowser:
    @pytest.mark.parametrize(("size", "scripts"), [("phone", False), ("desktop", True)])
    def test_every_page_of_choosing_is_sound(
        self, centre: Centre, signed_in: Somebody, size: str, scripts: bool
    ) -> None:
        address = family_class(centre, f"Looked at {size}", hour=10, count=3)
        add_extra(centre, address, name="Lunch", price_minor=400)
        (show,) = centre.rows("SELECT s.id FROM term_product s JOIN term_program_set p ON p.organisation_id = "
                              "s.organisation_id AND p.id = s.term_program_set_id WHERE s.organisation_id = %(org)s "
                              "AND p.name = 'A show'")  # fmt: skip
        rosa = signed_in(ROSSI, size=size, scripts=scripts)

        rosa.open(address).picture(f"extras-{size}").is_sound()
        rosa.open(f"/family/seats/{show['id']}")
        rosa.page.locator('input[name="child"]').first.check()
        if scripts:
            rosa.page.locator('input[name="seat"]:not(:checked)').first.focus()
            rosa.page.keyboard.press("Space")
            rosa.page.locator("[data-summary] .total").wait_for()
        else:
            rosa.click("Pick the best seats together")
        rosa.picture(f"seats-{size}").fits()
        week = (FIRST + timedelta(days=0)).date()
        rosa.open(f"/family/week?week={week}").picture(f"week-{size}").fits()
        rosa.tick(rosa.page.get_by_role("checkbox", name=re.compile(f"Looked at {size}")).first)
        rosa.click("Add to cart")
        assert rosa.reads("Your week has been added to the cart.")
        rosa.picture(f"cart-with-code-{size}").is_sound()

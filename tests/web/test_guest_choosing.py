"""What a guest chooses besides days: extras, activities, a seat; each step keeps it, whatever stands in the way."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from playwright.sync_api import Locator, expect

from catalogue.activities import add_activity
from engine.database import Transaction
from engine.links import open_link
from models import ProgramCategory
from tests import builders as build
from tests.web.conftest import SLUG, Centre, Somebody
from tests.web.test_every_form import everything
from tests.web.test_family_booking import FIRST, family_class, pay_at_sandbox, until_booked
from tests.web.test_family_choosing import add_extra, seated_show
from tests.web.test_family_forms import WAY, Tab, pick_of, sessions_of, tab  # noqa: F401 - a fixture
from web.guest_choosing import SOMEBODY
from workflows.guests import LINK_PURPOSE

GUS = {"child_name": "Gil Guest", "date_of_birth": "2017-05-05", "name": "Gus Guest"}
ELSEWHERE = UUID(int=7)
_MONDAY = FIRST + timedelta(days=2)
TICKED = re.compile(r'<input type="(?:checkbox|radio)" name="(\w+)" value="([^"]+)"[^>]*\schecked')


@pytest.fixture
def guest(centre: Centre) -> Iterator[Tab]:
    """Somebody without a login."""
    with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
        yield Tab(client, client.get(f"/at/{SLUG}/programs"))


def public(address: str) -> str:
    return address.replace("/family/", f"/at/{SLUG}/")


def begin(guest: Tab, address: str, given: dict[str, Any]) -> str:
    """The address of the guest's cart."""
    answer = guest.open(address).send(address, {**GUS, "email": f"{uuid4().hex}@guest.example", "do": "keep", **given})
    assert answer.status_code == 303, guest.text(answer)
    return str(answer.headers["location"])


def submit(guest: Tab, order: str) -> httpx.Response:
    action = f"{order}/submission"
    return guest.client.post(action, data={**guest.open(order).hidden(action), **WAY})


def change_of(guest: Tab, order: str) -> str:
    """Where the one program of the cart is chosen anew."""
    (found,) = set(re.findall(rf'href="({re.escape(order)}/programs/[0-9a-f-]+)"', guest.open(order).page.text))
    return str(found)


def ticked(page: str) -> set[tuple[str, str]]:
    return set(TICKED.findall(page))


def run_out_of(centre: Centre, extra_id: UUID) -> None:
    centre.edit(lambda tx: tx.run("UPDATE extra SET stock = 0 WHERE organisation_id = %(org)s AND id = %(id)s",
                                  id=extra_id))  # fmt: skip


def camp(centre: Centre, name: str, *, hour: int) -> tuple[str, dict[str, UUID]]:
    """Three days of a week, also sold by the week, with two themes on the first: of pirates there is one."""

    def make(tx: Transaction) -> str:
        place = tx.row("SELECT * FROM site WHERE organisation_id = %(org)s LIMIT 1")
        during = tx.row("SELECT * FROM term WHERE organisation_id = %(org)s AND %(day)s BETWEEN starts_on AND ends_on "
                        "LIMIT 1", day=FIRST.date())  # fmt: skip
        assert place is not None
        assert during is not None
        kind = build.add(tx, ProgramCategory, name=f"Kind of {name}", program_type=12)
        course = build.offering(
            tx, during, build.program(tx, place, name=name, category=kind), name=name, capacity=12,
            modes=["FULL_WEEK", "CASUAL"], session_price_minor=4000, full_week_price_minor=9000,
        )  # fmt: skip
        build.sessions(tx, course, *[_MONDAY.replace(hour=hour) + timedelta(days=n) for n in range(3)],
                       price_minor=4000, capacity=12)  # fmt: skip
        return str(course["id"])

    course = centre.edit(make)
    themes = {title: centre.edit(add_activity, UUID(course), day=_MONDAY.date(), title=title, capacity=capacity)
              for title, capacity in (("Pirates", 1), ("Kites", None))}  # fmt: skip
    return f"/family/programs/{course}", themes


def lines_of(centre: Centre, order: str) -> list[dict[str, Any]]:
    """What the order of this address holds, day by day."""
    with_it = """
        SELECT l.mode, l.asked_mode, array_remove(array_agg(DISTINCT e.name), NULL) AS extras,
               array_remove(array_agg(DISTINCT a.title), NULL) AS activities
        FROM term_booking_order_line l
        LEFT JOIN term_booking_order_extra e ON e.organisation_id = l.organisation_id AND e.order_line_id = l.id
        LEFT JOIN term_booking_order_activity a ON a.organisation_id = l.organisation_id AND a.order_line_id = l.id
        WHERE l.organisation_id = %(org)s AND l.order_id = %(id)s
        GROUP BY l.id, l.mode, l.asked_mode, l.position ORDER BY l.position
    """
    facts = open_link(centre.settings.secret, LINK_PURPOSE, order.rpartition("/")[2], now=centre.clock.now())
    return centre.rows(with_it, id=UUID(hex=facts["order"]))


class TestExtras:
    def test_come_with_every_day_or_with_one_and_are_paid(self, centre: Centre, guest: Tab) -> None:
        address = family_class(centre, "Guests with lunch", hour=9, count=3)
        lunch, bus = (add_extra(centre, address, name=name, price_minor=400) for name in ("Lunch", "Bus"))
        one, two, _ = sessions_of(centre, address)

        order = begin(guest, public(address), {
            "pick": [pick_of(one), pick_of(two)], "each": f"{SOMEBODY}.{lunch}", "extra": f"{pick_of(one)}.{bus}",
        })  # fmt: skip
        cart = guest.text(guest.open(order).page)
        held = guest.text(submit(guest, order))

        assert [line["extras"] for line in lines_of(centre, order)] == [["Bus", "Lunch"], ["Lunch"]]
        assert "2 × Guests with lunch $21.00" in cart
        assert "2 × Lunch $8.00" in cart
        assert "1 × Bus $4.00" in cart
        assert "Total $33.00" in cart
        assert "Your places are held" in held
        assert "Bus $4.00" in held

    def test_the_price_follows_the_ticks_before_anybody_is_known(self, centre: Centre, guest: Tab) -> None:
        address = public(family_class(centre, "Guests look first", hour=10, count=2))
        lunch = add_extra(centre, address, name="Lunch", price_minor=400)
        one, _ = sessions_of(centre, address)
        before = everything(centre)

        looked = guest.text(guest.open(address).send(address, {
            "pick": pick_of(one), "each": f"{SOMEBODY}.{lunch}", "name": "Gus Guest", "do": "look"}))  # fmt: skip
        live = guest.client.post(f"{address}/price", data={**guest.any_token(), "pick": pick_of(one)}).json()

        assert "1 × Lunch $4.00" in looked
        assert "Total $14.50" in looked
        assert 'value="Gus Guest"' in guest.page.text
        assert ("pick", pick_of(one)) in ticked(guest.page.text)
        assert live["total_minor"] == 1050
        assert everything(centre) == before  # nobody was made for it

    def test_whom_the_program_does_not_take_is_told_with_the_price(self, centre: Centre, guest: Tab) -> None:
        own = family_class(centre, "For grown guests", hour=11, count=1)
        centre.edit(lambda tx: tx.run(
            "UPDATE term_program_set SET age_from_months = 216 WHERE organisation_id = %(org)s AND id = %(id)s",
            id=own.rpartition("/")[2]))  # fmt: skip
        address = public(own)
        given = {"pick": pick_of(sessions_of(centre, own)[0]), "do": "look"}

        unknown = guest.text(guest.open(address).send(address, given))
        young = guest.text(guest.open(address).send(address, {**given, "date_of_birth": "2017-05-05"}))

        assert "This isn't possible yet" not in unknown
        assert "For grown guests takes 18 years" in young

    def test_one_that_is_gone_meanwhile_is_said_and_nothing_is_lost(self, centre: Centre, guest: Tab) -> None:
        address = family_class(centre, "Guests without cake", hour=12, count=2)
        lunch, cake = (add_extra(centre, address, name=name, price_minor=400, stock=1) for name in ("Lunch", "Cake"))
        one, two = sessions_of(centre, address)
        order = begin(guest, public(address), {
            "pick": [pick_of(one), pick_of(two)], "extra": [f"{pick_of(one)}.{lunch}", f"{pick_of(two)}.{cake}"],
        })  # fmt: skip
        run_out_of(centre, cake)

        refused = submit(guest, order)
        told = guest.text(refused)
        again = change_of(guest, order)
        shown = ticked(guest.open(again).page.text)
        sold_out = guest.text(guest.page)
        kept = [value for name, value in shown if name == "extra" and not value.endswith(str(cake))]
        picks = [value for name, value in shown if name == "pick"]
        guest.text(guest.send(again, {"pick": picks, "extra": kept, "do": "keep"}))
        held = guest.text(submit(guest, order))

        assert refused.status_code == 409
        assert "Cake" in told
        assert len(picks) == 2
        assert {value.rpartition(".")[2] for name, value in shown if name == "extra"} == {str(lunch), str(cake)}
        assert "sold out" in sold_out
        assert "Your places are held" in held
        assert [line["extras"] for line in lines_of(centre, order)] == [["Lunch"], []]


class TestActivities:
    def test_are_chosen_with_their_day(self, centre: Centre, guest: Tab) -> None:
        address, themes = camp(centre, "Guests at camp", hour=8)
        monday, tuesday, *_ = sessions_of(centre, address)

        order = begin(guest, public(address), {
            "pick": [pick_of(monday), pick_of(tuesday)], "activity": f"{pick_of(monday)}.{themes['Kites']}",
        })  # fmt: skip
        cart = guest.text(guest.open(order).page)
        again = ticked(guest.open(change_of(guest, order)).page.text)

        assert [line["activities"] for line in lines_of(centre, order)] == [["Kites"], []]
        assert "Kites" in cart
        assert {value.rpartition(".")[2] for name, value in again if name == "activity"} == {str(themes["Kites"])}

    def test_one_that_filled_up_is_said_and_another_can_be_had(self, centre: Centre, guest: Tab) -> None:
        address, themes = camp(centre, "Guests and pirates", hour=10)
        monday = sessions_of(centre, address)[0]
        chosen = {"pick": pick_of(monday), "activity": f"{pick_of(monday)}.{themes['Pirates']}"}
        first, second = (begin(guest, public(address), chosen) for _ in range(2))
        assert "Your places are held" in guest.text(submit(guest, first))

        refused = guest.text(submit(guest, second))
        again = change_of(guest, second)
        (pick,) = (value for name, value in ticked(guest.open(again).page.text) if name == "pick")
        guest.text(guest.send(again, {"pick": pick, "activity": f"{pick}.{themes['Kites']}", "do": "keep"}))
        held = guest.text(submit(guest, second))

        assert "Pirates" in refused
        assert "Your places are held" in held
        assert lines_of(centre, second)[0]["activities"] == ["Kites"]


class TestWeeks:
    def test_a_week_costs_what_the_catalogue_says_and_the_rest_of_it_day_by_day(
        self, centre: Centre, guest: Tab
    ) -> None:  # fmt: skip
        address, _ = camp(centre, "Guests by the week", hour=12)
        days = sessions_of(centre, address)[:3]
        order = begin(guest, public(address), {"week": f"{SOMEBODY}.{_MONDAY.date()}"})
        whole = guest.text(guest.open(order).page)
        centre.edit(lambda tx: tx.run("UPDATE term_product SET capacity = 0 WHERE organisation_id = %(org)s "
                                      "AND id = %(id)s", id=days[0]["id"]))  # fmt: skip

        refused = guest.text(submit(guest, order))
        again = change_of(guest, order)
        shown = ticked(guest.open(again).page.text)
        picks = [value for name, value in shown if name == "pick"]
        broken = guest.text(guest.send(again, {"pick": picks, "do": "keep"}))

        assert "Total $90.00" in whole
        assert "is full" in refused
        assert {name for name, _ in shown} == {"pick"}
        assert {value.rpartition(".")[2] for value in picks} == {str(day["id"]) for day in days[1:]}
        assert "Total $80.00" in broken
        assert [line["asked_mode"] for line in lines_of(centre, order)] == ["CASUAL", "CASUAL"]

    def test_of_a_week_that_lost_a_day_the_others_are_kept_by_one_button(
        self, centre: Centre, guest: Tab, tab: Tab  # noqa: F811
    ) -> None:  # fmt: skip
        address, _ = camp(centre, "A week that breaks", hour=20)
        days = sessions_of(centre, address)[:3]
        mia = centre.sample.rossi.attendee_ids[0]
        order = begin(guest, public(address), {"week": f"{SOMEBODY}.{_MONDAY.date()}"})
        tab.open(address).send(address, {"week": f"{mia}.{_MONDAY.date()}", "do": "keep"})
        centre.edit(lambda tx: tx.run("UPDATE term_product SET capacity = 0 WHERE organisation_id = %(org)s "
                                      "AND id = %(id)s", id=days[1]["id"]))  # fmt: skip

        assert "Remove the session that isn't available" in guest.text(submit(guest, order))
        action = f"{order}/sessions"
        rest = guest.text(guest.send(action, guest.hidden(action) | {"out": str(days[1]["id"])}, action=action))
        (cart,) = set(re.findall(r'action="(/family/cart/[0-9a-f-]+)"', tab.open("/family/cart").page.text))
        of_family = tab.text(tab.send(cart, {"out": f"{mia}.{days[1]['id']}"}, action=cart))

        assert "Total $80.00" in rest
        assert "This isn't possible yet" not in rest
        assert "2 × A week that breaks $80.00" in of_family
        assert "This isn't possible yet" not in of_family
        assert "Your places are held" in guest.text(submit(guest, order))


@pytest.fixture(scope="module")
def show(centre: Centre) -> UUID:
    """A session in a hall, which others are held in too."""
    return seated_show(centre)


def held_beside(centre: Centre, show: UUID, name: str, *, hour: int) -> str:
    """The address of one more show in that hall."""
    address = family_class(centre, name, count=1, hour=hour, capacity=12)

    def seat(tx: Transaction) -> None:
        hall = tx.row(
            "SELECT venue_id AS id FROM term_product WHERE organisation_id = %(org)s AND id = %(id)s", id=show
        )
        assert hall is not None
        named = {"hall": hall["id"], "id": UUID(address.rpartition("/")[2])}
        tx.run("UPDATE term_program_set SET venue_id = %(hall)s WHERE organisation_id = %(org)s AND id = %(id)s",
               **named)  # fmt: skip
        tx.run("UPDATE term_product SET is_seated = true, capacity = 5, venue_id = %(hall)s "
               "WHERE organisation_id = %(org)s AND term_program_set_id = %(id)s", **named)  # fmt: skip

    centre.edit(seat)
    return address


class TestDaysThatAreGone:
    def close(self, centre: Centre, session_id: UUID) -> None:
        centre.edit(lambda tx: tx.run("UPDATE term_product SET status = 'CLOSED' WHERE organisation_id = %(org)s "
                                      "AND id = %(id)s", id=session_id))  # fmt: skip

    def test_are_named_where_the_program_is_chosen_anew_and_leave_the_cart(self, centre: Centre, guest: Tab) -> None:
        address = family_class(centre, "Guests and a closed day", hour=14, count=2)
        one, two = sessions_of(centre, address)
        order = begin(guest, public(address), {"pick": [pick_of(one), pick_of(two)]})
        self.close(centre, one["id"])

        refused = guest.text(submit(guest, order))
        again = change_of(guest, order)
        named = guest.text(guest.open(again).page)
        (pick,) = (value for name, value in ticked(guest.page.text) if name == "pick")
        guest.text(guest.open(again).send(again, {"pick": pick, "do": "keep"}))
        held = guest.text(submit(guest, order))

        assert "does not take place" in refused
        assert "No longer available Sat, Apr 11, 2026" in named
        assert pick.endswith(str(two["id"]))
        assert "Your places are held" in held

    def test_leave_a_family_s_cart_too(self, centre: Centre, tab: Tab) -> None:  # noqa: F811
        address = family_class(centre, "Families and a closed day", hour=15, count=2)
        one, two = sessions_of(centre, address)
        mia = centre.sample.rossi.attendee_ids[0]
        boxes = [f"{mia}.{session['id']}" for session in (one, two)]
        tab.open(address).send(address, {"pick": boxes, "do": "keep"})
        form = tab.open(address).any_token()
        self.close(centre, one["id"])

        late = tab.client.post(address, data={**form, "pick": boxes, "do": "keep"})
        kept = tab.text(tab.client.post(address, data={**form, "pick": boxes[1:], "do": "keep"}))

        assert late.status_code == 422
        assert "Something you selected is no longer offered." in late.text
        assert "No longer available" in late.text
        assert {value for name, value in ticked(late.text) if name == "pick"} == {boxes[1]}
        assert "1 × Families and a closed day" in kept


class TestSeats:
    def test_one_is_chosen_changed_and_chosen_anew_when_somebody_was_faster(
        self, guest: Tab, show: UUID
    ) -> None:  # fmt: skip
        page = f"/at/{SLUG}/seats/{show}"
        seats = re.findall(r'name="seat" value="([^"]+)"', guest.open(page).page.text)
        best = dict(ticked(guest.page.text))["seat"]
        other = next(seat for seat in seats if seat != best)

        first, second = (begin(guest, page, {"seat": seat}) for seat in (other, best))
        change = f"{first}/seats/{show}"
        assert dict(ticked(guest.open(change).page.text))["seat"] == other
        changed = guest.text(guest.open(change).send(change, {"seat": best, "do": "keep"}))
        assert "Your places are held" in guest.text(submit(guest, second))
        refused = guest.text(submit(guest, first))
        late = guest.open(change).send(change, {"seat": best, "do": "keep"})
        told = guest.text(late)
        moved = guest.text(guest.open(change).send(change, {"seat": other, "do": "keep"}))
        held = guest.text(submit(guest, first))

        assert "Row A seat" in changed
        assert "is taken" in refused
        assert late.status_code == 422
        assert "Someone else just took that seat." in told
        assert "Your order has been updated." in moved
        assert "Your places are held" in held

    def test_one_that_went_while_the_form_was_filled_in_loses_nothing(
        self, centre: Centre, guest: Tab, show: UUID
    ) -> None:  # fmt: skip
        (session,) = sessions_of(centre, held_beside(centre, show, "A second show", hour=20))
        page = f"/at/{SLUG}/seats/{session['id']}"
        best = dict(ticked(guest.open(page).page.text))["seat"]
        guest.text(submit(guest, begin(guest, page, {"seat": best})))

        late = guest.open(page).send(page, {**GUS, "email": "late@guest.example", "seat": best, "do": "keep"})

        assert late.status_code == 422
        assert "Someone else just took that seat." in late.text
        assert 'value="Gil Guest"' in late.text
        assert 'value="late@guest.example"' in late.text

    def test_its_extras_stay_with_another_seat(self, centre: Centre, guest: Tab, show: UUID) -> None:
        address = held_beside(centre, show, "A show with popcorn", hour=21)
        popcorn = add_extra(centre, address, name="Popcorn", price_minor=300)
        (session,) = sessions_of(centre, address)
        page = f"/at/{SLUG}/seats/{session['id']}"
        best = dict(ticked(guest.open(page).page.text))["seat"]

        order = begin(guest, page, {"seat": best, "extra": f"{pick_of(session)}.{popcorn}"})
        change = f"{order}/seats/{session['id']}"
        shown = dict(ticked(guest.open(change).page.text))
        best_again = guest.text(guest.send(change, {**shown, "do": "best"}))
        kept = guest.text(guest.send(change, {**shown, "do": "keep"}))

        assert shown["seat"] == best
        assert shown["extra"].endswith(str(popcorn))
        assert "1 × Popcorn $3.00" in best_again
        assert "1 × Popcorn $3.00" in kept


class TestOddInput:
    @pytest.mark.parametrize(("field", "value"), [
        ("pick", f"{SOMEBODY}.{ELSEWHERE}"), ("pick", "nothing"), ("pick", f"{ELSEWHERE}.{{session}}"),
        ("extra", f"{SOMEBODY}.{{session}}.{ELSEWHERE}"), ("extra", "\x00x"), ("each", f"{SOMEBODY}.{ELSEWHERE}"),
        ("extra", f"{SOMEBODY}.{{session}}.{{lunch}}.-1"), ("activity", f"{SOMEBODY}.{{session}}.{ELSEWHERE}"),
        ("week", f"{SOMEBODY}.yesterday"), ("term", "everything"),
    ])  # fmt: skip
    def test_what_is_not_on_the_page_is_refused_with_its_field(
        self, centre: Centre, guest: Tab, odd: tuple[str, UUID], field: str, value: str
    ) -> None:
        address, lunch = odd
        session = sessions_of(centre, address)[0]
        before = everything(centre)

        given = {**GUS, "email": "odd@guest.example", "pick": pick_of(session), "do": "keep"}
        wrong = value.format(session=session["id"], lunch=lunch)
        given[field] = [given["pick"], wrong] if field == "pick" else wrong
        answer = guest.open(public(address)).send(public(address), given)

        assert answer.status_code == 422
        assert "Something you selected is no longer offered." in answer.text
        assert f'href="#{field}"' in answer.text or field in ("week", "term", "each")
        assert 'value="Gil Guest"' in answer.text
        assert ("pick", pick_of(session)) in ticked(answer.text)
        assert everything(centre) == before

    @pytest.mark.parametrize("seat", [str(ELSEWHERE), "3", "\x00"])
    def test_a_seat_of_nowhere_is_refused_with_its_field(
        self, guest: Tab, show: UUID, seat: str
    ) -> None:  # fmt: skip
        page = f"/at/{SLUG}/seats/{show}"

        answer = guest.open(page).send(page, {**GUS, "email": "odd@guest.example", "seat": seat, "do": "keep"})

        assert answer.status_code == 422
        assert 'href="#seat"' in answer.text
        assert 'value="Gil Guest"' in answer.text

    def test_a_program_of_another_term_is_refused_and_the_cart_kept(
        self, centre: Centre, guest: Tab, odd: tuple[str, UUID]
    ) -> None:  # fmt: skip
        address, _ = odd
        order = begin(guest, public(address), {"pick": pick_of(sessions_of(centre, address)[0])})
        offering_id = _next_year(centre)
        (session,) = sessions_of(centre, f"/{offering_id}")
        other = f"{order}/programs/{offering_id}"
        (child, _) = next(value for name, value in ticked(guest.open(change_of(guest, order)).page.text)).split(".")

        answer = guest.open(other).send(other, {"pick": f"{child}.{session['id']}", "do": "keep"})
        nowhere = guest.client.get(f"{order}/programs/{ELSEWHERE}")

        assert answer.status_code == 409, guest.text(answer)
        assert len(lines_of(centre, order)) == 1
        assert nowhere.status_code == 404

    def test_what_is_held_is_not_chosen_anew_and_nothing_foreign_is_taken_out(
        self, centre: Centre, guest: Tab, odd: tuple[str, UUID]
    ) -> None:
        address, _ = odd
        one = sessions_of(centre, address)[0]
        order = begin(guest, public(address), {"pick": pick_of(one)})
        again = change_of(guest, order)
        form = guest.open(again).any_token()

        foreign = guest.client.post(f"{order}/sessions", data={**form, "out": str(uuid4())})
        alone = guest.client.post(f"{order}/sessions", data={**form, "out": str(one["id"])})
        guest.text(submit(guest, order))
        late = guest.text(guest.client.post(again, data={**form, "pick": pick_of(one)}))

        assert "Something you selected is no longer offered." in foreign.text
        assert "Select at least one session." in alone.text
        assert "This order can't be changed here any more." in late
        assert "Your places are held" in late


def _next_year(centre: Centre) -> UUID:
    """A class of a term that comes later."""

    def make(tx: Transaction) -> UUID:
        place = tx.row("SELECT * FROM site WHERE organisation_id = %(org)s LIMIT 1")
        assert place is not None
        later = build.term(tx, place, name="Next year", starts_on=date(2027, 4, 1), ends_on=date(2027, 6, 30))
        course = build.offering(tx, later, build.program(tx, place, name="Of next year"), name="Of next year",
                                modes=["CASUAL"], session_price_minor=1000)  # fmt: skip
        build.sessions(tx, course, FIRST.replace(year=2027), price_minor=1000, capacity=12)
        found: UUID = course["id"]
        return found

    found: UUID = centre.edit(make)
    return found


@pytest.fixture(scope="module")
def odd(centre: Centre) -> tuple[str, UUID]:
    """A class with lunch."""
    address = family_class(centre, "For odd guests", hour=13, count=2)
    return address, add_extra(centre, address, name="Lunch", price_minor=400)


class TestInTheBrowser:
    @pytest.mark.parametrize(("size", "scripts"), [("phone", True), ("desktop", False)])
    def test_a_day_with_its_theme_and_lunch_is_chosen_and_paid(
        self, centre: Centre, somebody: Somebody, size: str, scripts: bool
    ) -> None:
        name = f"Guests on a {size}"
        address, _ = camp(centre, name, hour=14 if scripts else 16)
        add_extra(centre, address, name="Lunch", price_minor=850)
        gus = somebody(size=size, scripts=scripts).open(public(address)).is_sound()

        monday = gus.page.locator("li.day").first
        gus.tick(monday.locator('input[name="pick"]')).tick(monday.get_by_label("Kites"))
        gus.tick(gus.page.get_by_label("Lunch, every day"))
        if not scripts:
            gus.click("Update price")
        assert gus.reads("$48.50")
        gus.is_sound().picture(f"guest-choosing-{size}")
        gus.fill("Child's name", "Gil Guest").fill("Date of birth", "2017-05-05")
        gus.fill("Your name", "Gus Guest").fill("E-mail address", f"{size}@guest.example").click("Continue")
        assert gus.reads("Kites")
        gus.is_sound().picture(f"guest-order-{size}")
        gus.click(gus.page.get_by_role("link", name=re.compile(f"Change.*{name}"))).is_sound()
        gus.click("Update order")
        assert gus.reads("Your order has been updated.")
        gus.click("Hold my places and continue").click("Pay now")
        pay_at_sandbox(gus)
        until_booked(gus)
        gus.is_sound()

        (booked,) = centre.rows(
            "SELECT b.total_minor FROM term_booking b JOIN term_booking_line l ON l.booking_id = b.id "
            "WHERE b.organisation_id = %(org)s AND l.term_program_set_id = %(id)s", id=address.rpartition("/")[2],
        )  # fmt: skip
        assert booked["total_minor"] == 4850

    def test_a_week_ticks_its_days_along_and_the_price_says_why(self, centre: Centre, somebody: Somebody) -> None:
        address, _ = camp(centre, "Guests by the tick", hour=18)
        gus = somebody(size="phone").open(public(address))
        days = gus.page.locator('input[name="pick"]')

        gus.tick(gus.page.get_by_role("checkbox", name="full week from"))
        for n in range(3):
            expect(days.nth(n)).to_be_checked()
        summary = gus.page.locator("[data-summary]")
        expect(summary).to_contain_text("$90.00")
        days.first.uncheck()
        expect(gus.page.locator('input[name="week"]')).not_to_be_checked()
        expect(summary).to_contain_text("$80.00")
        days.first.check()
        expect(summary).to_contain_text("All 3 days of the week")
        expect(summary).to_contain_text("$90.00")
        gus.is_sound()

    def test_a_seat_by_the_keyboard_alone(self, centre: Centre, somebody: Somebody, show: UUID) -> None:
        address = held_beside(centre, show, "A show by keyboard", hour=15)
        gus = somebody(size="desktop").open(public(address)).is_sound()
        keys = gus.page.keyboard

        def tab_to(what: Locator) -> None:
            for _ in range(60):
                keys.press("Tab")
                if what.evaluate("one => one === document.activeElement"):
                    return
            raise AssertionError(f"{what} is not reached")

        tab_to(gus.page.get_by_role("link", name="Choose a seat"))
        keys.press("Enter")
        gus.page.wait_for_url("**/seats/*")
        gus.is_sound()
        best = gus.page.locator('input[name="seat"]:checked').get_attribute("value")
        tab_to(gus.page.locator(f'input[value="{best}"]'))
        keys.press("ArrowLeft")
        chosen = gus.page.locator('input[name="seat"]:checked').get_attribute("value")
        for label, text in (("Child's name", "Kim Keys"), ("Date of birth", "05052017"), ("Your name", "Kay Keys"),
                            ("E-mail address", "keys@guest.example")):  # fmt: skip
            tab_to(gus.page.get_by_label(label))
            keys.type(text)
        tab_to(gus.page.get_by_role("button", name="Continue"))
        keys.press("Enter")
        assert gus.reads("Row A seat")
        assert chosen != best

        (line,) = centre.rows("SELECT l.seat_id FROM term_booking_order_line l WHERE l.organisation_id = %(org)s "
                              "AND l.term_program_set_id = %(id)s", id=address.rpartition("/")[2])  # fmt: skip
        assert str(line["seat_id"]) == chosen

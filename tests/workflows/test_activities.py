"""Activities of holiday days: chosen with a day, held with it, given back with it."""

from itertools import count

import pytest

from attendance.roll import read_roll
from catalogue.activities import (
    ActivityExists,
    ActivityIsChosen,
    add_activity,
    change_activity,
    read_activities,
    remove_activity,
)
from engine.errors import Invalid, NotFound
from models import TermBookingStatus as S
from tests import builders as build
from tests.workflows import endings
from tests.workflows.centre import DAY, FIRST, HOUR, PAY_LATER, PAY_NOW, Cart, Centre, Course, Family, orders, refused
from tests.workflows.race import GOT_IT, Pull, clients
from workflows import change_order, places
from workflows.closure_days import close_day, preview
from workflows.closure_facts import Scope

_NUMBERS = count()


class Camp:
    """Two days of camp at Riverside; on the first there are pirates, two of them."""

    def __init__(self, centre: Centre) -> None:
        self.centre = centre
        category = centre.edit(build.add, build.ProgramCategory, name=f"Day camp {next(_NUMBERS)}", program_type=12)
        of = centre.edit(build.program, centre.site, name="Camp", category=category)
        self.course: Course = centre.course(FIRST, FIRST + DAY, name="Camp", program=of, capacity=50)
        self.pirates = self.add("Pirates", capacity=2)

    def add(self, title: str, *, day: int = 0, capacity: int | None = None):  # type: ignore[no-untyped-def]
        when = (FIRST + DAY * day).date()
        return self.centre.do(
            lambda tx, now: add_activity(
                tx, self.course.offering["id"], day=when, title=title, capacity=capacity
            )
        )  # fmt: skip

    def cart(self, *chosen: object, day: int = 0) -> tuple[Family, Cart]:
        family = self.centre.family()
        cart = self.centre.cart(family, family.child(), self.course.lines(day, activity_ids=list(chosen)))
        return family, cart

    def booked(self, *chosen: object) -> tuple[Family, Cart]:
        family = self.centre.family()
        lines = [*self.course.lines(0, activity_ids=list(chosen)), *self.course.lines(1)]
        return family, self.centre.confirmed(family, family.child(), lines)

    def taken(self, activity: object = None) -> int:
        row = self.centre.one("SELECT taken FROM term_product WHERE id = %(id)s", id=activity or self.pirates)
        found: int = row["taken"]
        return found


@pytest.fixture
def camp(riverside: Centre) -> Camp:
    return Camp(riverside)


class TestChoosing:
    def test_takes_a_place_with_the_day_and_costs_nothing(self, riverside: Centre, camp: Camp) -> None:
        family, cart = camp.cart(camp.pirates)
        assert (cart.total_minor, camp.taken()) == (1130, 0)

        riverside.submit(cart, actor=family.actor)

        assert camp.taken() == 1
        assert len(riverside.claims(cart)) == 2

    @pytest.mark.parametrize(("end", "status"), [("cancel", S.CANCELED), ("reopen", S.CREATED), ("remove", S.REMOVED)])
    def test_gives_it_back_when_the_order_ends(self, riverside: Centre, camp: Camp, end: str, status: S) -> None:
        family, cart = camp.cart(camp.pirates)
        riverside.submit(cart, actor=family.actor, how=PAY_NOW)

        riverside.pull(getattr(orders, end), cart, actor=family.actor)

        assert (camp.taken(), riverside.status(cart)) == (0, status)

    def test_a_booking_that_is_cancelled_gives_it_back_too(self, riverside: Centre, camp: Camp) -> None:
        family, cart = camp.booked(camp.pirates)
        assert camp.taken() == 1

        riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], actor=family.actor)

        assert camp.taken() == 0

    def test_a_last_day_gives_back_what_comes_later(self, riverside: Centre, camp: Camp) -> None:
        later = camp.add("Space", day=1)
        family = riverside.family()
        lines = [
            *camp.course.lines(0, activity_ids=[camp.pirates]), *camp.course.lines(1, activity_ids=[later])
        ]  # fmt: skip
        cart = riverside.confirmed(family, family.child(), lines)

        riverside.do(endings.close, booking_id=riverside.booking(cart)["id"], last_day=FIRST.date(),
                     actor=riverside.admin, reason="moves")  # fmt: skip

        assert (camp.taken(), camp.taken(later)) == (1, 0)

    def test_a_full_one_is_shown_and_refused(self, riverside: Centre, camp: Camp) -> None:
        camp.booked(camp.pirates)
        camp.booked(camp.pirates)
        family, cart = camp.cart(camp.pirates)

        (reason,) = refused(lambda: riverside.submit(cart, actor=family.actor))

        assert cart.notices == ["activity_full"]
        assert (reason.code, reason.field) == ("activity_full", "lines[0].activity_ids")
        assert reason.message == "Pirates on Sun 12 Apr 2026 is full (2 places)."
        assert riverside.taken(camp.course)[0] == 2

    def test_one_without_a_capacity_takes_everybody(self, riverside: Centre, camp: Camp) -> None:
        cooking = camp.add("Cooking")

        for _ in range(4):
            camp.booked(cooking)

        assert camp.taken(cooking) == 4

    def test_several_of_one_day(self, riverside: Centre, camp: Camp) -> None:
        cooking = camp.add("Cooking")

        camp.booked(camp.pirates, cooking)

        assert (camp.taken(), camp.taken(cooking)) == (1, 1)

    def test_the_roll_shows_it(self, riverside: Centre, camp: Camp) -> None:
        camp.booked(camp.pirates)
        camp.booked()

        roll = riverside.do(lambda tx, now: read_roll(tx, session_id=camp.course.ids[0], actor=riverside.admin))

        assert sorted(entry.activities for entry in roll.entries) == [[], ["Pirates"]]


class TestRefused:
    def refusal(self, camp: Camp, *chosen: object, day: int = 0, of: Course | None = None) -> tuple[str, str]:
        family = camp.centre.family()
        cart = camp.centre.draft(family, family.child())
        lines = (of or camp.course).lines(day, activity_ids=list(chosen))
        (reason,) = refused(lambda: camp.centre.save(cart, lines, actor=family.actor))
        return reason.code, reason.message

    def test_on_another_day(self, riverside: Centre, camp: Camp) -> None:
        assert self.refusal(camp, camp.pirates, day=1) == (
            "activity_of_another_day",
            "Pirates is on Sun 12 Apr 2026, not on the day of Camp, Mon 13 Apr 2026 09:30–10:30.",
        )

    def test_of_another_offering(self, riverside: Centre, camp: Camp) -> None:
        other = Camp(riverside)

        assert self.refusal(camp, other.pirates)[0] == "activity_elsewhere"

    def test_that_does_not_exist_or_is_a_session(self, riverside: Centre, camp: Camp) -> None:
        assert self.refusal(camp, riverside.term["id"])[0] == "activity_elsewhere"
        assert self.refusal(camp, camp.course.ids[1])[0] == "activity_elsewhere"

    def test_on_a_class(self, riverside: Centre, camp: Camp) -> None:
        karate = riverside.course()

        code, message = self.refusal(camp, camp.pirates, of=karate)

        assert code == "no_activities"
        assert message.endswith("has no activities; only holiday programmes do.")

    def test_that_does_not_take_place(self, riverside: Centre, camp: Camp) -> None:
        riverside.run("UPDATE term_product SET status = 'CANCELLED' WHERE id = %(id)s", id=camp.pirates)

        assert self.refusal(camp, camp.pirates) == ("activity_closed", "Pirates does not take place.")

    def test_twice_in_one_order(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.draft(family, family.child())
        lines = camp.course.lines(activity_ids=[camp.pirates])

        with pytest.raises(Invalid) as refusal:
            riverside.save(cart, lines, actor=family.actor)

        assert [(r.code, r.field) for r in refusal.value.reasons] == [("twice", "lines[1].activity_ids")]


class TestMaking:
    def test_a_class_has_none(self, riverside: Centre) -> None:
        karate = riverside.course()

        with pytest.raises(Invalid, match="only holiday programmes do"):
            riverside.do(lambda tx, now: add_activity(
                tx, karate.offering["id"], day=FIRST.date(), title="Pirates", capacity=None))  # fmt: skip

    def test_a_day_without_a_session_has_none(self, camp: Camp) -> None:
        with pytest.raises(Invalid, match=r"has no session on Sat 02 May 2026\."):
            camp.add("Pirates", day=20)

    def test_once_a_day(self, camp: Camp) -> None:
        with pytest.raises(ActivityExists):
            camp.add("Pirates")

        camp.add("Pirates", day=1)

    def test_never_fewer_places_than_are_taken(self, riverside: Centre, camp: Camp) -> None:
        camp.booked(camp.pirates)
        camp.booked(camp.pirates)

        with pytest.raises(ActivityIsChosen):
            riverside.do(lambda tx, now: change_activity(tx, camp.pirates, {"capacity": 1}))
        riverside.do(lambda tx, now: change_activity(tx, camp.pirates, {"capacity": None}))

        camp.booked(camp.pirates)
        assert camp.taken() == 3

    def test_a_session_is_no_activity_to_change(self, riverside: Centre, camp: Camp) -> None:
        with pytest.raises(NotFound):
            riverside.do(lambda tx, now: change_activity(tx, camp.course.ids[0], {"capacity": 1}))


class TestRemoving:
    def remove(self, camp: Camp, activity: object = None) -> None:
        camp.centre.do(lambda tx, now: remove_activity(tx, activity or camp.pirates))

    def rows(self, camp: Camp) -> list[dict[str, object]]:
        found: list[dict[str, object]] = camp.centre.rows(
            "SELECT status FROM term_product WHERE id = %(id)s", id=camp.pirates
        )
        return found

    def test_one_that_nobody_ever_chose_is_gone(self, camp: Camp) -> None:
        self.remove(camp)

        assert self.rows(camp) == []
        with pytest.raises(NotFound):
            self.remove(camp)

    def test_who_holds_a_place_is_named_and_it_stays(self, riverside: Centre, camp: Camp) -> None:
        _, first = camp.booked(camp.pirates)
        family, second = camp.cart(camp.pirates)
        riverside.submit(second, actor=family.actor)

        with pytest.raises(ActivityIsChosen, match="Pirates is chosen by 2 and stays: ") as refusal:
            self.remove(camp)

        for cart in (first, second):
            child = riverside.one(
                "SELECT t.name, o.reference FROM term_booking_order o JOIN attendee t ON t.id = o.attendee_id "
                "WHERE o.id = %(id)s", id=cart.id,
            )  # fmt: skip
            assert f"{child['name']} ({child['reference']})" in refusal.value.message
        assert camp.taken() == 2

    def test_of_many_the_first_are_named(self, camp: Camp) -> None:
        cooking = camp.add("Cooking")
        for _ in range(6):
            camp.booked(cooking)

        with pytest.raises(ActivityIsChosen, match=r"is chosen by 6 and stays: .*, …\.") as refusal:
            self.remove(camp, cooking)

        assert refusal.value.message.count("(TO-") == 5

    def test_a_cart_that_names_it_is_told_at_its_submission(self, riverside: Centre, camp: Camp) -> None:
        family, cart = camp.cart(camp.pirates)

        self.remove(camp)

        (reason,) = refused(lambda: riverside.submit(cart, actor=family.actor))
        assert (reason.code, reason.message) == ("activity_closed", "Pirates does not take place.")
        assert riverside.do(lambda tx, now: read_activities(
            tx, camp.course.offering["id"], published_only=False)) == []  # fmt: skip

    def test_its_title_is_free_for_another(self, riverside: Centre, camp: Camp) -> None:
        camp.cart(camp.pirates)
        self.remove(camp)

        camp.booked(camp.add("Pirates", capacity=1))

        with pytest.raises(NotFound):
            riverside.do(lambda tx, now: change_activity(tx, camp.pirates, {"title": "Parrots"}))

    def test_what_was_given_back_is_no_hindrance(self, riverside: Centre, camp: Camp) -> None:
        family, cart = camp.booked(camp.pirates)
        riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], actor=family.actor)

        self.remove(camp)

        assert self.rows(camp) == [{"status": "CANCELLED"}]


class TestClosing:
    def test_a_closed_day_closes_its_activities(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked(camp.pirates)
        site = riverside.edit(build.site, name=f"Lake {next(_NUMBERS)}")
        riverside.run("UPDATE program SET site_id = %(site)s WHERE id = %(id)s", site=site["id"],
                      id=camp.course.offering["program_id"])  # fmt: skip

        self.close(camp, Scope(site_id=site["id"], day=FIRST.date()))

        row = riverside.one("SELECT status, taken FROM term_product WHERE id = %(id)s", id=camp.pirates)
        assert (row["status"], row["taken"]) == ("CLOSED", 0)
        assert len(riverside.claims(cart)) == 1

    def test_a_session_that_is_closed_by_itself_frees_its_own(self, riverside: Centre, camp: Camp) -> None:
        afternoon = riverside.edit(build.sessions, camp.course.offering, FIRST + HOUR * 4)[0]
        camp.booked(camp.pirates)
        family = riverside.family()
        line = {"session_id": afternoon["id"], "activity_ids": [camp.pirates]}
        riverside.confirmed(family, family.child(), [line])

        self.close(camp, Scope(session_id=camp.course.ids[0]))

        row = riverside.one("SELECT status, taken FROM term_product WHERE id = %(id)s", id=camp.pirates)
        assert (row["status"], row["taken"]) == ("OPEN", 1)

    def close(self, camp: Camp, scope: Scope) -> None:
        seen = camp.centre.do(lambda tx, now: preview(tx, scope))
        camp.centre.do(close_day, scope=scope, fingerprint=seen["fingerprint"], reason="Storm",
                       actor=camp.centre.admin)  # fmt: skip


class TestRaces:
    RACERS = 8

    def race(self, camp: Camp) -> list[str]:
        """So many families submit at the same moment for the two pirates."""
        carts = [camp.cart(camp.pirates) for _ in range(self.RACERS)]
        pulls = [
            Pull(orders.submit, {"order_id": cart.id, "confirmation_type": PAY_NOW, "actor": family.actor,
                                 "price_fingerprint": cart.fingerprint, "now": build.NOW})
            for family, cart in carts
        ]  # fmt: skip
        with clients(camp.centre.url, processes=2, each=self.RACERS // 2) as racing:
            (outcomes,) = racing.race(camp.centre.organisation_id, [pulls])
        return outcomes

    def test_the_last_place_is_taken_once(self, camp: Camp) -> None:
        outcomes = self.race(camp)

        assert sorted(outcomes) == sorted([GOT_IT] * 2 + ["activity_full"] * (self.RACERS - 2))
        assert camp.taken() == 2

    def test_without_the_guard_more_would_get_it(self, riverside: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
        """The control: with the counter's guard off the constraint of the database refuses what is too much."""
        sql = places.TAKE.sql.replace("AND s.taken + locked.places <= coalesce(s.capacity, 2147483647) ", "")
        assert sql != places.TAKE.sql
        monkeypatch.setattr(places, "TAKE", places.Guarded(places.TAKE.name, sql, places.TAKE.takes, True))

        for camp in (Camp(riverside) for _ in range(5)):
            outcomes = self.race(camp)
            assert camp.taken() == 2
            if any("ck_term_product_taken_within_capacity" in outcome for outcome in outcomes):
                return
        pytest.fail("nobody was ever too late: this is no race")


class TestChange:
    def test_keeps_what_was_chosen_for_a_day_that_stays_and_takes_what_is_chosen_with_one_that_is_added(
        self, riverside: Centre, camp: Camp
    ) -> None:
        later = camp.add("Volcanoes", day=1, capacity=1)
        family = riverside.family(credit_limit_minor=100_000)
        first = riverside.confirmed(family, family.child(), camp.course.lines(0, activity_ids=[camp.pirates]))
        booking = riverside.booking(first)["id"]
        lines = [*camp.course.lines(0), *camp.course.lines(1, activity_ids=[later])]

        change = riverside.do(change_order.begin_change, booking_id=booking, actor=family.actor).order.id
        saved = riverside.do(change_order.save, order_id=change, lines=lines, actor=family.actor)
        riverside.do(change_order.submit, order_id=change, confirmation_type=PAY_LATER, actor=family.actor,
                     price_fingerprint=saved.priced.fingerprint)  # fmt: skip

        assert (camp.taken(), camp.taken(later)) == (1, 1)

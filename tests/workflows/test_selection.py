"""Which sets of sessions a mode allows and what they cost: pure, and through the cart."""

from datetime import date, timedelta

import pytest

from catalogue.mode_choice import choose_modes
from catalogue.selection import ModePrices, OfferedSession, failing_selection, unit_prices
from engine.ids import new_id
from models import BookingMode
from models import TermBookingStatus as S
from tests import builders as build
from tests.builders import TORONTO
from tests.workflows.centre import DAY, FIRST, HOUR, WEEK, Centre, Course, refused

MODES = ["CASUAL", "FULL_WEEK", "FULL_TERM"]
MONDAY = date(2026, 7, 6)


def week(number: int, *, is_to_come: bool = True) -> list[OfferedSession]:
    """Monday to Friday."""
    first = MONDAY + timedelta(weeks=number)
    return [OfferedSession(new_id(), first + timedelta(days=n), is_to_come) for n in range(5)]


def failing(mode: BookingMode, chosen: list[OfferedSession], sessions: list[OfferedSession]) -> list[str]:
    reasons = failing_selection(
        offering="Camp", mode=mode, modes=MODES, chosen={s.id for s in chosen}, sessions=sessions
    )
    return [reason.message for reason in reasons]


class TestSets:
    def test_casual_takes_any(self) -> None:
        camp = week(0)

        assert failing(BookingMode.CASUAL, camp[1:3], camp) == []

    def test_a_full_week_takes_every_day_of_each_week_it_touches(self) -> None:
        first, second = week(0), week(1)

        assert failing(BookingMode.FULL_WEEK, first, first + second) == []
        assert failing(BookingMode.FULL_WEEK, first[:4] + second[1:], first + second) == [
            "Camp as full week takes every session of the week; missing: Fri 10 Jul 2026, Mon 13 Jul 2026."
        ]

    def test_a_week_that_has_begun_takes_the_days_still_to_come(self) -> None:
        camp = week(0)
        begun = [OfferedSession(s.id, s.local_date, n > 1) for n, s in enumerate(camp)]

        assert failing(BookingMode.FULL_WEEK, begun[2:], begun) == []

    def test_a_full_term_takes_everything_still_to_come(self) -> None:
        past, first, second = week(-1, is_to_come=False), week(0), week(1)

        assert failing(BookingMode.FULL_TERM, first + second, past + first + second) == []
        assert failing(BookingMode.FULL_TERM, first, past + first + second[:1]) == [
            "Camp as full term takes every session that is still to come; missing: Mon 13 Jul 2026."
        ]

    def test_a_full_term_takes_undated_sessions_too(self) -> None:
        lab = OfferedSession(new_id(), None, True)

        assert failing(BookingMode.FULL_TERM, week(0), [lab])[0].endswith("missing: an undated session.")

    def test_a_mode_that_is_not_offered(self) -> None:
        (reason,) = failing_selection(
            offering="Camp", mode=BookingMode.FULL_TERM, modes=["CASUAL"], chosen=set(), sessions=[]
        )

        assert (reason.code, reason.message) == (
            "mode_not_offered", "Camp is not offered as full term (offered: casual)."
        )  # fmt: skip


class TestPrices:
    PRICES = ModePrices(session_minor=1000, full_week_minor=4001, full_term_minor=9000)

    def price(self, mode: BookingMode, chosen: list[OfferedSession], sessions: list[OfferedSession]) -> list[int]:
        units, _ = unit_prices(
            mode=mode, prices=self.PRICES, own=dict.fromkeys((s.id for s in chosen), 1000), sessions=sessions,
            chosen={s.id for s in chosen},
        )  # fmt: skip
        return [units[s.id] for s in chosen]

    def test_casual_is_each_sessions_own(self) -> None:
        camp = week(0)

        assert self.price(BookingMode.CASUAL, camp[:2], camp) == [1000, 1000]

    def test_a_full_weeks_price_is_shared_to_the_cent_earlier_days_take_the_rest(self) -> None:
        first, second = week(0), week(1)

        shares = self.price(BookingMode.FULL_WEEK, first + second, first + second)

        assert shares == [801, 800, 800, 800, 800] * 2

    def test_a_full_term_that_has_begun_costs_what_is_left(self) -> None:
        past, rest = week(-1, is_to_come=False), week(0)

        assert sum(self.price(BookingMode.FULL_TERM, rest, past + rest)) == 4500

    def test_without_a_price_of_the_whole_each_session_costs_its_own(self) -> None:
        camp = week(0)
        units, basis = unit_prices(
            mode=BookingMode.FULL_TERM, prices=ModePrices(1000, None, None), sessions=camp,
            own=dict.fromkeys((s.id for s in camp), 900), chosen={s.id for s in camp},
        )  # fmt: skip

        assert (sum(units.values()), basis) == (4500, "session price")


@pytest.fixture
def camp(riverside: Centre) -> Course:
    """Two weeks of camp, Monday to Friday, in every mode."""
    monday = FIRST + DAY
    days = [monday + WEEK * n + DAY * day for n in range(2) for day in range(5)]
    return riverside.course(
        *days, name="Camp", modes=MODES, full_week_price_minor=5001, full_term_price_minor=9000,
        session_price_minor=1200,
    )  # fmt: skip


class TestSwitching:
    PRICES = ModePrices(session_minor=1000, full_week_minor=4001, full_term_minor=9000)

    def modes(
        self, chosen: list[OfferedSession], sessions: list[OfferedSession], *, asked: str = "CASUAL",
        offered: list[str] = MODES, prices: ModePrices = PRICES,
    ) -> list[tuple[str, str]]:  # fmt: skip
        """The mode that each chosen session gets, and why."""
        own = {s.id: prices.session_minor for s in chosen}
        found = choose_modes(
            {s.id: BookingMode(asked) for s in chosen}, modes=offered, prices=prices, own=own, sessions=sessions
        )
        return [(found[s.id].mode.value, found[s.id].why) for s in chosen]

    def test_all_days_of_a_week_get_its_price(self) -> None:
        first, second = week(0), week(1)
        why = "All 5 days of the week of Mon 06 Jul 2026 are chosen: full week price."

        assert self.modes([*first, second[0]], first + second) == [("FULL_WEEK", why)] * 5 + [("CASUAL", "")]

    def test_a_missing_day_keeps_them_casual(self) -> None:
        first, second = week(0), week(1)

        assert self.modes(first[:4], first + second) == [("CASUAL", "")] * 4

    def test_days_that_cannot_be_booked_are_not_missing(self) -> None:
        camp = week(0)
        begun = [OfferedSession(s.id, s.local_date, n > 1) for n, s in enumerate(camp)]
        why = "All 3 days that can be booked of the week of Wed 08 Jul 2026 are chosen: full week price."

        assert self.modes(begun[2:], begun + week(1)) == [("FULL_WEEK", why)] * 3

    def test_a_week_that_is_not_cheaper_stays_casual(self) -> None:
        first, second = week(0), week(1)
        dear = ModePrices(session_minor=800, full_week_minor=4001, full_term_minor=None)

        assert self.modes(first, first + second, prices=dear) == [("CASUAL", "")] * 5

    def test_nor_is_one_that_is_not_offered(self) -> None:
        first, second = week(0), week(1)

        assert self.modes(first, first + second, offered=["CASUAL"]) == [("CASUAL", "")] * 5

    def test_where_single_days_are_not_offered_a_whole_week_is_one(self) -> None:
        first, second = week(0), week(1)
        only = ModePrices(session_minor=0, full_week_minor=4001, full_term_minor=None)

        assert {mode for mode, _ in self.modes(first, first + second, offered=["FULL_WEEK"], prices=only)} == {
            "FULL_WEEK"
        }

    @pytest.mark.parametrize("asked", ["CASUAL", "FULL_WEEK"])
    def test_everything_there_is_gets_the_price_of_the_term(self, asked: str) -> None:
        # Ten days at 10.00, or two weeks at 40.01, are more than 75.00.
        first, second = week(0), week(1)
        prices = ModePrices(session_minor=1000, full_week_minor=4001, full_term_minor=7500)
        why = "All 10 sessions of the term that can be booked are chosen: full term price."

        assert self.modes(first + second, first + second, asked=asked, prices=prices) == [("FULL_TERM", why)] * 10

    def test_a_term_that_costs_more_than_its_weeks_is_not_forced_on_anybody(self) -> None:
        first, second = week(0), week(1)

        assert {mode for mode, _ in self.modes(first + second, first + second)} == {"FULL_WEEK"}

    def test_a_shorter_week_costs_its_part_of_the_fullest(self) -> None:
        first, second = week(0), week(1)[:4]

        units, _ = unit_prices(
            mode=BookingMode.FULL_WEEK, prices=self.PRICES, own={}, sessions=first + second,
            chosen={s.id for s in second},
        )  # fmt: skip

        assert sorted(units.values()) == [800, 800, 800, 801]


class TestInTheCart:
    def test_five_single_days_become_the_week(self, riverside: Centre, camp: Course) -> None:
        rossi = riverside.family()

        cart = riverside.submitted(rossi, rossi.child(), camp.lines(*range(5)))

        assert cart.total_minor == 5001
        lines = riverside.rows("SELECT mode, asked_mode, mode_reason FROM term_booking_order_line "
                               "WHERE order_id = %(id)s", id=cart.id)  # fmt: skip
        assert {(line["mode"], line["asked_mode"]) for line in lines} == {("FULL_WEEK", "CASUAL")}
        assert lines[0]["mode_reason"] == "All 5 days of the week of Mon 13 Apr 2026 are chosen: full week price."

    def test_a_week_that_grew_since_is_days_again_and_the_price_is_shown_anew(
        self, riverside: Centre, camp: Course
    ) -> None:
        rossi = riverside.family()
        cart = riverside.cart(rossi, rossi.child(), camp.lines(*range(5)))
        riverside.edit(build.sessions, camp.offering, FIRST + DAY * 6)

        (reason,) = refused(lambda: riverside.submit(cart, actor=rossi.actor))

        assert (reason.code, reason.facts["total_minor"]) == ("price_changed", 6000)

    def test_without_the_last_day_each_costs_its_own(self, riverside: Centre, camp: Course) -> None:
        rossi = riverside.family()

        assert riverside.cart(rossi, rossi.child(), camp.lines(*range(4))).total_minor == 4800

    def test_a_full_week_costs_its_price(self, riverside: Centre, camp: Course) -> None:
        rossi = riverside.family()

        cart = riverside.submitted(rossi, rossi.child(), camp.lines(*range(5), mode="FULL_WEEK"))

        assert cart.total_minor == 5001
        assert riverside.taken(camp) == [1] * 5 + [0] * 5

    def test_a_full_term_costs_its_price(self, riverside: Centre, camp: Course) -> None:
        rossi = riverside.family()

        assert riverside.cart(rossi, rossi.child(), camp.lines(mode="FULL_TERM")).total_minor == 9000

    def test_a_week_with_a_missing_day_is_refused_naming_it(self, riverside: Centre, camp: Course) -> None:
        rossi = riverside.family()
        cart = riverside.draft(rossi, rossi.child())

        (reason,) = refused(lambda: riverside.save(cart, camp.lines(0, 1, 3, 4, mode="FULL_WEEK"), actor=rossi.actor))

        assert (reason.code, reason.rule) == ("selection_incomplete", "modes")
        assert reason.message == "Camp as full week takes every session of the week; missing: Wed 15 Apr 2026."

    def test_a_closed_day_is_not_missing_and_not_paid(self, riverside: Centre, camp: Course) -> None:
        rossi = riverside.family()
        riverside.run("UPDATE term_product SET status = 'CLOSED' WHERE id = %(id)s", id=camp.ids[2])

        cart = riverside.submitted(rossi, rossi.child(), camp.lines(0, 1, 3, 4, mode="FULL_WEEK"))

        assert cart.total_minor == 4001

    def test_a_term_with_a_missing_session_is_refused(self, riverside: Centre, camp: Course) -> None:
        rossi = riverside.family()
        cart = riverside.draft(rossi, rossi.child())

        (reason,) = refused(lambda: riverside.save(cart, camp.lines(*range(9), mode="FULL_TERM"), actor=rossi.actor))

        assert reason.message.endswith("missing: Fri 24 Apr 2026.")

    def test_a_session_added_since_is_missing_at_submit(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(FIRST, modes=MODES)
        cart = riverside.cart(rossi, rossi.child(), karate.lines(mode="FULL_TERM"))
        riverside.edit(build.sessions, karate.offering, FIRST + WEEK)

        (reason,) = refused(lambda: riverside.submit(cart, actor=rossi.actor))

        assert reason.code == "selection_incomplete"
        assert riverside.status(cart) == S.CREATED

    def test_a_session_past_its_cut_off_is_not_asked_for(self, riverside: Centre) -> None:
        """What can no longer be booked cannot be missing: the rest of the term stays open to families."""
        rossi = riverside.family()
        karate = riverside.course(FIRST, FIRST + WEEK, modes=MODES, rules={"booking_cut_off_minutes": 120})
        late = FIRST.replace(tzinfo=TORONTO) - HOUR

        cart = riverside.cart(rossi, rossi.child(), karate.lines(1, mode="FULL_TERM"), now=late)
        riverside.submit(cart, actor=rossi.actor, now=late)

        assert riverside.taken(karate) == [0, 1]

    def test_a_mode_that_is_not_offered(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.draft(rossi, rossi.child())

        (reason,) = refused(lambda: riverside.save(cart, karate.lines(mode="FULL_TERM"), actor=rossi.actor))

        assert reason.code == "mode_not_offered"

    def test_a_full_week_and_single_days_of_another_week(self, riverside: Centre, camp: Course) -> None:
        rossi = riverside.family()

        cart = riverside.cart(rossi, rossi.child(), [*camp.lines(*range(5), mode="FULL_WEEK"), *camp.lines(5)])

        assert cart.total_minor == 5001 + 1200

    @pytest.mark.parametrize(("whole", "days"), [(("FULL_WEEK", range(4)), 4), (("FULL_TERM", range(9)), 9)])
    def test_a_whole_is_not_mixed_with_single_days_of_it(
        self, riverside: Centre, camp: Course, whole: tuple[str, range], days: int
    ) -> None:
        rossi = riverside.family()
        cart = riverside.draft(rossi, rossi.child())
        mixed = [*camp.lines(*whole[1], mode=whole[0]), *camp.lines(days)]

        (reason,) = refused(lambda: riverside.save(cart, mixed, actor=rossi.actor))

        assert reason.code == "modes_mixed"
        assert reason.message == "Camp: one week is booked in one mode, and a full term as a whole."

    def test_two_courses_each_in_its_own_mode(self, riverside: Centre, camp: Course) -> None:
        rossi, karate = riverside.family(), riverside.course()

        cart = riverside.cart(rossi, rossi.child(), [*camp.lines(mode="FULL_TERM"), *karate.lines()])

        assert cart.total_minor == 9000 + 1130

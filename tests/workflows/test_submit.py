"""What refuses a submit: every failing rule at once, naming the session and the rule; and what nobody overrides."""

from datetime import date, timedelta
from typing import Any

import pytest

from engine.fire import Refused
from engine.ids import new_id
from models import TermBookingStatus as S
from tests import builders as build
from tests.workflows.centre import (
    FIRST,
    HOUR,
    MINUTE,
    NOW,
    WEEK,
    Centre,
    codes,
    refused,
    refused_cart,
    sundays,
)

FIRST_START = FIRST.replace(tzinfo=build.TORONTO)


class TestEveryReasonAtOnce:
    def test_in_one_refusal_each_naming_session_and_rule(self, riverside: Centre) -> None:
        rossi, chen = riverside.family(), riverside.family("Chen family")
        mia = rossi.child(date_of_birth=date(2021, 5, 1))
        held = riverside.submitted(rossi, mia, riverside.course(name="Soccer").lines())
        karate = riverside.course(
            FIRST, FIRST + WEEK, capacity=1, age_from_months=72, bookable_until=NOW - MINUTE,
            rules={"booking_cut_off_minutes": 30 * 24 * 60},
        )  # fmt: skip
        others = riverside.cart(chen, chen.child("Lin Chen"), karate.lines(), actor=riverside.admin)
        riverside.submit(others, actor=riverside.admin, override_reason="promised in March")
        cart = riverside.cart(rossi, mia, karate.lines())
        before = riverside.snapshot()

        with pytest.raises(Refused) as refusal:
            riverside.submit(cart, actor=rossi.actor, price_fingerprint="as I remember it")

        found = [(reason.code, reason.rule, reason.session) for reason in refusal.value.reasons]
        one, other = "Karate, Sun 12 Apr 2026 09:30–10:30", "Karate, Sun 19 Apr 2026 09:30–10:30"
        assert sorted(found, key=str) == sorted([
            ("price_changed", "price_as_shown", None), ("window_closed", "booking_window", None),
            ("past_cut_off", "booking_cut_off", one), ("past_cut_off", "booking_cut_off", other),
            ("age_does_not_fit", "age", None), ("session_full", "capacity", one), ("session_full", "capacity", other),
            ("double_booked", "double_booking", one),
        ], key=str)  # fmt: skip
        assert refusal.value.message.startswith(f"submit of {cart.reference} is refused: The price is ")
        assert refusal.value.message.endswith(" (and 7 more reasons)")
        assert held.reference in str([reason.message for reason in refusal.value.reasons])
        assert riverside.snapshot() == before
        assert riverside.status(cart) == S.CREATED


class TestPriceShown:
    def test_that_went_stale_is_refused_and_nothing_is_written(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2))
        cart = riverside.cart(rossi, rossi.child(), karate.lines())
        riverside.run("UPDATE term_product SET price_minor = 1500 WHERE id = %(id)s", id=karate.ids[1])
        before = riverside.snapshot()

        (reason,) = refused(lambda: riverside.submit(cart, actor=rossi.actor))

        assert (reason.code, reason.field) == ("price_changed", "price_fingerprint")
        assert reason.message == "The price is $26.30 now; look at it and submit again."
        assert reason.facts["total_minor"] == 2630
        assert riverside.snapshot() == before
        assert riverside.taken(karate) == [0, 0]
        riverside.submit(cart, actor=rossi.actor, price_fingerprint=reason.facts["price_fingerprint"])
        assert riverside.order(cart)["total_minor"] == 2630

    def test_binds_admins_too(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.cart(rossi, rossi.child(), karate.lines(), actor=riverside.admin)

        attempt = lambda: riverside.submit(cart, actor=riverside.admin, price_fingerprint="", override_reason="hurry")  # noqa: E731

        assert codes(attempt) == ["price_changed"]

    def test_of_two_carts_with_the_same_lines_is_the_same(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2))
        mia = rossi.child()

        one, other = (riverside.cart(rossi, mia, lines) for lines in (karate.lines(), karate.lines()[::-1]))

        assert one.fingerprint == other.fingerprint


class TestEligibility:
    @pytest.mark.parametrize(
        ("limits", "child", "rule"),
        [
            ({"age_from_months": 110}, {}, "age"), ({"age_below_months": 110}, {}, "age"),
            ({"school_year_from": 3}, {"school_year": 2}, "school_year"),
            ({"height_from_cm": 120}, {"height_cm": 119}, "height"),
            ({"weight_to_kg": 40}, {"weight_kg": "40.1"}, "weight"),
        ],
    )  # fmt: skip
    def test_is_refused_and_overridden_by_an_admin_with_a_reason(
        self, riverside: Centre, limits: dict[str, Any], child: dict[str, Any], rule: str
    ) -> None:
        rossi, karate = riverside.family(), riverside.course(**limits)
        # 110 completed months on the day of the first session.
        born = date(2017, 2, 12) if "age_below_months" in limits else date(2017, 2, 13)
        cart = riverside.cart(rossi, rossi.child(date_of_birth=born, **child), karate.lines())

        (reason,) = refused(lambda: riverside.submit(cart, actor=rossi.actor))
        riverside.submit(cart, actor=riverside.admin, override_reason="knows the coach")

        assert reason.rule == rule
        assert riverside.status(cart) == S.SUBMITTED
        event = riverside.rows("SELECT reason FROM status_event WHERE subject_id = %(id)s ORDER BY sequence",
                               id=cart.id)[-1]  # fmt: skip
        assert event["reason"] == "knows the coach"

    def test_asks_for_the_age_on_the_day_of_the_first_session(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2), age_from_months=110)
        mia = rossi.child(date_of_birth=date(2017, 2, 13))

        late = riverside.submitted(rossi, mia, karate.lines(1))

        assert riverside.status(late) == S.SUBMITTED

    def test_is_not_overridden_without_a_reason_or_by_a_family(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(age_from_months=200)
        cart = riverside.cart(rossi, rossi.child(), karate.lines())

        by_admin = codes(lambda: riverside.submit(cart, actor=riverside.admin, override_reason="  "))
        by_family = codes(lambda: riverside.submit(cart, actor=rossi.actor, override_reason="please"))

        assert by_admin == by_family == ["age_does_not_fit"]


class TestBookingWindow:
    def test_before_it_opens(self, riverside: Centre) -> None:
        (reason,) = refused_cart(riverside, bookable_from=NOW + MINUTE)

        assert (reason.code, reason.rule) == ("not_open_yet", "booking_window")
        assert reason.message == "Registration for Karate opens on Tue 31 Mar 2026 09:01."

    def test_opens_on_the_minute(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(bookable_from=NOW)

        assert riverside.status(riverside.submitted(rossi, rossi.child(), karate.lines())) == S.SUBMITTED

    def test_after_it_closed(self, riverside: Centre) -> None:
        (reason,) = refused_cart(riverside, bookable_until=NOW)

        assert reason.message == "Registration for Karate closed on Tue 31 Mar 2026 09:00."

    def test_is_overridden_by_an_admin_with_a_reason(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(bookable_until=NOW)
        cart = riverside.cart(rossi, rossi.child(), karate.lines(), actor=riverside.admin)

        riverside.submit(cart, actor=riverside.admin, override_reason="sibling of a member")

        assert riverside.status(cart) == S.SUBMITTED


TWO_HOURS = {"booking_cut_off_minutes": 120}


class TestCutOff:
    def test_is_per_session(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2), rules=TWO_HOURS)
        cart = riverside.cart(rossi, rossi.child(), karate.lines())

        (reason,) = refused(
            lambda: riverside.submit(cart, actor=rossi.actor, now=FIRST_START - 120 * MINUTE + timedelta(seconds=1))
        )

        assert (reason.code, reason.field) == ("past_cut_off", "lines[0].session_id")
        assert reason.message == "Karate, Sun 12 Apr 2026 09:30–10:30 is booked at least 120 minutes before it starts."

    def test_allows_its_last_moment(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(rules=TWO_HOURS)
        cart = riverside.cart(rossi, rossi.child(), karate.lines())

        riverside.submit(cart, actor=rossi.actor, now=FIRST_START - 120 * MINUTE)

        assert riverside.status(cart) == S.SUBMITTED

    def test_is_overridden_by_an_admin_until_the_session_is_over(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(rules=TWO_HOURS)
        cart = riverside.cart(rossi, rossi.child(), karate.lines(), actor=riverside.admin)
        late = lambda now: riverside.submit(cart, actor=riverside.admin, override_reason="walk-in", now=now)  # noqa: E731

        over = codes(lambda: late(FIRST_START + HOUR))
        late(FIRST_START + HOUR - MINUTE)

        assert over == ["session_over"]
        assert riverside.status(cart) == S.SUBMITTED


class TestCapacityIsNobodysToOverride:
    def test_a_full_session(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(capacity=1)
        riverside.submitted(rossi, rossi.child(), karate.lines())
        cart = riverside.cart(rossi, rossi.child("Leo Rossi"), karate.lines(), actor=riverside.admin)

        (reason,) = refused(lambda: riverside.submit(cart, actor=riverside.admin, override_reason="please"))

        assert (reason.code, reason.rule) == ("session_full", "capacity")
        assert reason.message == "Karate, Sun 12 Apr 2026 09:30–10:30 is full (1 place)."

    def test_all_or_nothing(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(3))
        riverside.run("UPDATE term_product SET capacity = 0 WHERE id = %(id)s", id=karate.ids[1])
        cart = riverside.cart(rossi, rossi.child(), karate.lines())

        (reason,) = refused(lambda: riverside.submit(cart, actor=rossi.actor))

        assert reason.field == "lines[1].session_id"
        assert riverside.taken(karate) == [0, 0, 0]

    def test_the_sessions_own_capacity_counts(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(capacity=0, session={"capacity": 1})

        assert riverside.status(riverside.submitted(rossi, rossi.child(), karate.lines())) == S.SUBMITTED


class TestWhatTakesNoBookings:
    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ("UPDATE term_program_set SET status = 'DRAFT' WHERE id = %(offering)s", "offering_not_published"),
            ("UPDATE term_program_set SET status = 'CANCELLED' WHERE id = %(offering)s", "offering_not_published"),
            ("UPDATE term_product SET status = 'CLOSED' WHERE id = %(session)s", "session_closed"),
            ("UPDATE term_product SET status = 'CANCELLED' WHERE id = %(session)s", "session_closed"),
            ("UPDATE term SET status = 'ENDED' WHERE id = %(term)s", "term_closed"),
            ("UPDATE term SET status = 'DRAFT' WHERE id = %(term)s", "term_closed"),
            ("UPDATE term_product SET product_type = 'ACTIVITY', price_minor = 0, starts_at = NULL, ends_at = NULL "
             "WHERE id = %(session)s",
             "not_a_session"),
        ],
    )  # fmt: skip
    def test_since_it_was_put_into_the_cart(self, riverside: Centre, change: str, code: str) -> None:
        rossi = riverside.family()
        spring = riverside.edit(build.term, riverside.site, name=f"Spring {new_id()}")
        karate = riverside.course(term=spring, session_price_minor=0)
        cart = riverside.cart(rossi, rossi.child(), karate.lines(), term=spring, actor=riverside.admin)
        riverside.run(change, offering=karate.offering["id"], session=karate.ids[0], term=spring["id"])

        found = codes(lambda: riverside.submit(cart, actor=riverside.admin, override_reason="but I am the admin"))

        assert found == [code]

    def test_a_session_that_is_over_is_not_put_into_the_cart(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.draft(rossi, rossi.child())

        (reason,) = refused(lambda: riverside.save(cart, karate.lines(), actor=rossi.actor, now=FIRST_START + HOUR))

        assert (reason.code, reason.rule) == ("session_over", "session_to_come")

    def test_a_term_that_has_ended(self, riverside: Centre) -> None:
        rossi = riverside.family()
        winter = riverside.edit(
            build.term, riverside.site, name="Winter", starts_on=date(2026, 1, 5), ends_on=date(2026, 3, 30)
        )

        (reason,) = refused(lambda: riverside.draft(rossi, rossi.child(), term=winter))

        assert (reason.code, reason.message) == ("term_closed", "Winter takes no bookings.")

    def test_a_term_takes_bookings_on_its_last_day_where_it_is(self, riverside: Centre) -> None:
        rossi = riverside.family()
        winter = riverside.edit(
            build.term, riverside.site, name="Winter", starts_on=date(2026, 1, 5), ends_on=date(2026, 3, 31)
        )
        # 23:30 in Toronto; in UTC it is April.
        evening = NOW.replace(month=4, day=1, hour=3, minute=30)

        assert riverside.draft(rossi, rossi.child(), term=winter, now=evening).reference.startswith("TO-")

    def test_sessions_of_two_terms(self, riverside: Centre) -> None:
        rossi = riverside.family()
        summer = riverside.edit(
            build.term, riverside.site, name="Summer 2026", starts_on=date(2026, 7, 1), ends_on=date(2026, 8, 30)
        )
        karate, camp = riverside.course(), riverside.course(FIRST + 13 * WEEK, name="Camp", term=summer)
        cart = riverside.draft(rossi, rossi.child())

        (reason,) = refused(lambda: riverside.save(cart, [*karate.lines(), *camp.lines()], actor=rossi.actor))

        assert (reason.code, reason.field) == ("other_term", "lines[1].session_id")
        assert "belongs to another term (Summer 2026)" in reason.message

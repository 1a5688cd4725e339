"""Stories of a week or term of which a change gives something up, and of one that it completes."""

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import sessions
from tests.workflows.centre import ADMIN_CONFIRM, FIRST, NOW, Cart, Centre
from tests.workflows.test_change_orders import Story
from workflows import change_order

TERM = {"kind": "FULL_TERM", "order": 1, "percent": "20"}
WEEK = {"kind": "FULL_WEEK", "order": 2, "percent": "10"}
# After the first Sunday's session, before the second's.
MIDWEEK = NOW + timedelta(days=14)


def weekly(centre: Centre, *discounts: dict[str, Any], policy: str | None = None, **columns: Any) -> Story:
    """Mia's whole term of five Sundays at 30.00."""
    declared = [{**each, **({"on_edit": policy} if policy else {})} for each in discounts]
    rossi = centre.family(credit_limit_minor=1_000_000)
    course = centre.course(*(FIRST + timedelta(days=7 * n) for n in range(5)), rules={"discounts": declared},
                           **{"session_price_minor": 3000, "modes": ["CASUAL", "FULL_TERM"], **columns})  # fmt: skip
    mia = rossi.child()
    return Story(centre, rossi, mia, course, centre.confirmed(rossi, mia, course.lines(mode="FULL_TERM")))


def camp(centre: Centre, *days: int, **columns: Any) -> Story:
    """Some days of a camp of five, Monday to Friday: 48.00 a day, 200.00 the week."""
    rossi, monday = centre.family(credit_limit_minor=1_000_000), FIRST + timedelta(days=1)
    course = centre.course(
        *(monday + timedelta(days=n) for n in range(5)),
        **{"session_price_minor": 4800, "full_week_price_minor": 20000, "modes": ["CASUAL", "FULL_WEEK"], **columns},
    )
    mia = rossi.child()
    return Story(centre, rossi, mia, course, centre.confirmed(rossi, mia, course.lines(*days)))


def costs(its: Story) -> list[tuple[int, int, str]]:
    """What each session that the booking has costs before and after discounts, and its mode."""
    rows = its.centre.rows(
        "SELECT x.base_minor, x.base_minor - x.discount_minor AS left_minor, l.mode FROM term_booking_line l "
        "JOIN billing_line x ON x.id = l.billing_line_id JOIN term_product s ON s.id = l.term_product_id "
        "WHERE l.booking_id = %(id)s AND l.cancelled_at IS NULL ORDER BY s.starts_at",
        id=its.booking["id"])  # fmt: skip
    return [tuple(row.values()) for row in rows]  # type: ignore[misc]


class TestATermOfWhichSomethingIsGivenUp:
    @pytest.mark.parametrize(
        ("policy", "left"),
        [
            ("FREEZE", [(30_00, 24_00, "FULL_TERM"), (30_00, 24_00, "FULL_TERM")]),
            ("REPRICE_FUTURE", [(30_00, 24_00, "FULL_TERM"), (30_00, 30_00, "CASUAL")]),
            ("REPRICE_ALL", [(30_00, 30_00, "CASUAL"), (30_00, 30_00, "CASUAL")]),
        ],
    )
    def test_keeps_its_discount_as_the_policy_says(
        self, riverside: Centre, policy: str, left: list[tuple[int, int, str]]
    ) -> None:
        mias = weekly(riverside, TERM, policy=policy)
        assert [each[1] for each in costs(mias)] == [24_00] * 5

        mias.changed(mias.karate.lines(0, 1, mode="FULL_TERM"), now=MIDWEEK)

        assert costs(mias) == left

    @pytest.mark.parametrize(
        ("policy", "left"),
        [
            ("FREEZE", [(20_00, 16_00, "FULL_TERM"), (20_00, 16_00, "FULL_TERM")]),
            ("REPRICE_FUTURE", [(20_00, 16_00, "FULL_TERM"), (30_00, 30_00, "CASUAL")]),
            ("REPRICE_ALL", [(30_00, 30_00, "CASUAL"), (30_00, 30_00, "CASUAL")]),
        ],
    )
    def test_keeps_its_price_as_the_policy_says(
        self, riverside: Centre, policy: str, left: list[tuple[int, int, str]]
    ) -> None:
        mias = weekly(riverside, TERM, policy=policy, full_term_price_minor=100_00)

        mias.changed(mias.karate.lines(0, 1, mode="FULL_TERM"), now=MIDWEEK)

        assert costs(mias) == left

    def test_without_a_discount_of_its_own_what_was_held_keeps_its_price(self, riverside: Centre) -> None:
        mias = weekly(riverside, full_term_price_minor=100_00)

        mias.changed(mias.karate.lines(0, 1, mode="FULL_TERM"), now=MIDWEEK)

        assert costs(mias) == [(20_00, 20_00, "FULL_TERM"), (30_00, 30_00, "CASUAL")]

    def test_says_that_the_discount_is_lost_and_why(self, riverside: Centre) -> None:
        mias = weekly(riverside, TERM, full_term_price_minor=100_00)
        change = mias.save(mias.begin(), mias.karate.lines(0, mode="FULL_TERM"))

        (first, *_) = mias.review(change).lines

        assert [cause.value for cause in first.causes] == ["DISCOUNT_LOST"]
        assert first.why == ("session price, was full term", "Full term discount: booked as casual")

    def test_that_is_not_sold_by_the_session_keeps_its_price_and_loses_the_discount(self, riverside: Centre) -> None:
        mias = weekly(riverside, TERM, modes=["FULL_TERM"], full_term_price_minor=100_00, session_price_minor=0)

        mias.changed(mias.karate.lines(0, 1, mode="FULL_TERM"))

        assert costs(mias) == [(20_00, 20_00, "CASUAL")] * 2

    def test_only_an_extra_changes_nothing_else(self, riverside: Centre) -> None:
        mias = weekly(riverside, TERM, full_term_price_minor=100_00)
        before = costs(mias)
        lunch = [{"extra_id": str(riverside.extra()), "quantity": 1}]
        lines = [{**mias.karate.lines(0, mode="FULL_TERM")[0], "extras": lunch}]

        mias.changed([*lines, *mias.karate.lines(1, 2, 3, 4, mode="FULL_TERM")])

        assert costs(mias) == before

    def test_once_lost_it_stays_so(self, riverside: Centre) -> None:
        mias = weekly(riverside, TERM, full_term_price_minor=100_00)
        mias.changed(mias.karate.lines(0, 1, 2, mode="FULL_TERM"))

        mias.changed(mias.karate.lines(0, 1))

        assert costs(mias) == [(30_00, 30_00, "CASUAL")] * 2


class TestAWeek:
    def test_that_a_change_completes_costs_what_a_new_order_would(self, riverside: Centre) -> None:
        mias = camp(riverside, 0, 1, 2, 3, rules={"discounts": [WEEK]})
        assert costs(mias) == [(48_00, 48_00, "CASUAL")] * 4
        change = mias.save(mias.begin(), mias.karate.lines())

        shown = mias.review(change)

        assert shown.new_total_minor == 180_00
        assert {cause.value for line in shown.lines for cause in line.causes} == {"ADDED", "DISCOUNT_GAINED"}
        mias.submit(change, how=ADMIN_CONFIRM, actor=riverside.admin)
        mias.confirm(change)
        assert costs(mias) == [(40_00, 36_00, "FULL_WEEK")] * 5

    def test_asked_for_with_the_day_that_completes_it_is_whole(self, riverside: Centre) -> None:
        mias = camp(riverside, 0, 1, 2, 3)

        mias.changed([*mias.karate.lines(0, 1, 2, 3), *mias.karate.lines(4, mode="FULL_WEEK")])

        assert costs(mias) == [(40_00, 40_00, "FULL_WEEK")] * 5

    def test_of_which_a_day_is_given_up_is_single_days(self, riverside: Centre) -> None:
        mias = camp(riverside, 0, 1, 2, 3, 4, rules={"discounts": [WEEK]})
        assert costs(mias) == [(40_00, 36_00, "FULL_WEEK")] * 5

        mias.changed(mias.karate.lines(0, 1, 2, mode="FULL_WEEK"))

        assert costs(mias) == [(48_00, 48_00, "CASUAL")] * 3

    def test_is_judged_by_itself(self, riverside: Centre) -> None:
        rossi, monday = riverside.family(credit_limit_minor=1_000_000), FIRST + timedelta(days=1)
        course = riverside.course(
            *(monday + timedelta(days=7 * week + day) for week in range(2) for day in range(5)),
            session_price_minor=4800, full_week_price_minor=20000, modes=["CASUAL", "FULL_WEEK"],
        )  # fmt: skip
        mia = rossi.child()
        mias = Story(riverside, rossi, mia, course, riverside.confirmed(rossi, mia, course.lines()))

        mias.changed(course.lines(0, 1, 2, 3, 4, 5))

        assert costs(mias) == [(40_00, 40_00, "FULL_WEEK")] * 5 + [(48_00, 48_00, "CASUAL")]

    def test_what_if_says_the_same(self, riverside: Centre) -> None:
        mias = camp(riverside, 0, 1, 2, 3)

        asked = riverside.do(
            change_order.what_if, booking_id=mias.booking["id"], lines=mias.karate.lines(), actor=mias.rossi.actor
        )

        assert asked.difference.new_total_minor == 200_00

    def test_of_a_quote_too(self, riverside: Centre) -> None:
        mias = camp(riverside, 0)
        quoted = riverside.quoted(mias.rossi, mias.rossi.child("Leo Rossi"), mias.karate.lines())
        assert riverside.order(quoted)["total_minor"] == 200_00
        mias.first = quoted
        made = riverside.do(change_order.begin_quote_change, order_id=quoted.id, actor=mias.rossi.actor)
        change = mias.save(Cart(made.order.id, made.order.reference), mias.karate.lines(0, 1, mode="FULL_WEEK"))

        mias.submit(change, how=ADMIN_CONFIRM, actor=riverside.admin)
        mias.confirm(change)

        lines = riverside.rows("SELECT mode, price_minor FROM term_booking_order_line WHERE order_id = %(id)s",
                               id=quoted.id)  # fmt: skip
        assert [(line["mode"], line["price_minor"]) for line in lines] == [("CASUAL", 48_00)] * 2

    def test_of_a_day_that_the_centre_adds_later_is_no_loss(self, riverside: Centre) -> None:
        mias = camp(riverside, 0, 1, 2, 3, 4)
        before = costs(mias)
        saturday = FIRST + timedelta(days=6)
        riverside.edit(sessions, mias.karate.offering, saturday)
        lunch = [{"extra_id": str(riverside.extra()), "quantity": 1}]

        mias.changed([{**mias.karate.lines(0)[0], "extras": lunch}, *mias.karate.lines(1, 2, 3, 4)])

        assert costs(mias) == before

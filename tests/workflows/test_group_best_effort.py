"""A family that asked for best effort gets what can be had, and hears of the rest with what is free instead."""

from typing import Any

from models import TermBookingStatus as S
from tests.workflows.centre import DAY, FIRST, HOUR, PAY_NOW, Cart, Centre, Course, refused, sundays
from tests.workflows.groups import BEST_EFFORT, begin, fill, order_ids, statuses, submit


class TestLines:
    def test_what_can_be_had_is_submitted_and_the_rest_comes_back(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(4), capacity=2)
        fill(riverside, karate, 1, places=1)
        mia, leo = rossi.child("Mia Rossi"), rossi.child("Leo Rossi")
        wanted = [(mia, karate.lines(0, 1, 2)), (leo, karate.lines(0, 1, 2))]
        group = begin(riverside, rossi, wanted, policy=BEST_EFFORT)

        submitted = submit(riverside, group, actor=rossi.actor)

        (left,) = submitted.left_out
        assert statuses(riverside, group) == [S.SUBMITTED] * 2
        assert riverside.taken(karate) == [2, 2, 2, 0]
        assert [outcome.order.total_minor for outcome in submitted.outcomes] == [3390, 2260]
        assert (left.order.attendee["name"], left.session_ids) == ("Leo Rossi", [karate.ids[1]])
        assert [(r.code, r.field) for r in left.reasons] == [("session_full", "orders[1].lines[1].session_id")]
        assert [each["session_id"] for each in left.reasons[0].facts["alternatives"]] == [str(karate.ids[3])]

    def test_the_history_says_what_was_left_out(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2), capacity=1)
        fill(riverside, karate, 1)
        group = begin(riverside, rossi, [(rossi.child(), karate.lines())], policy=BEST_EFFORT)

        submit(riverside, group, actor=rossi.actor)

        events = riverside.rows("SELECT trigger, changes FROM status_event WHERE subject_id = %(id)s ORDER BY sequence",
                                id=order_ids(group)[0])  # fmt: skip
        assert [event["trigger"] for event in events] == ["new", "save", "save", "submit"]
        assert events[2]["changes"]["left_out"] == ["Karate, Sun 19 Apr 2026 09:30–10:30"]
        lines = riverside.rows("SELECT term_product_id FROM term_booking_order_line WHERE order_id = %(id)s",
                               id=order_ids(group)[0])  # fmt: skip
        assert [line["term_product_id"] for line in lines] == karate.ids[:1]

    def test_two_that_overlap_in_one_cart_are_one(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        swim = riverside.course(FIRST + HOUR / 2, name="Swimming")
        group = begin(riverside, rossi, [(rossi.child(), karate.lines() + swim.lines())], policy=BEST_EFFORT)

        submitted = submit(riverside, group, actor=rossi.actor)

        assert [left.session_ids for left in submitted.left_out] == [swim.ids]
        assert (riverside.taken(karate), riverside.taken(swim)) == ([1], [0])

    def test_of_a_week_nothing_is_left_out_by_itself(self, riverside: Centre) -> None:
        rossi, week, karate = riverside.family(), camp(riverside), riverside.course()
        wanted = [(rossi.child(), week.lines(mode="FULL_WEEK") + karate.lines())]
        group = begin(riverside, rossi, wanted, policy=BEST_EFFORT)

        submitted = submit(riverside, group, actor=rossi.actor)

        assert submitted.left_out[0].session_ids == week.ids
        assert (riverside.taken(week), riverside.taken(karate)) == ([0, 0, 1, 0, 0], [1])


class TestOrders:
    def test_a_child_for_whom_nothing_can_be_had_keeps_the_cart(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2), capacity=1)
        swim = riverside.course(FIRST + 2 * HOUR, name="Swimming", age_from_months=12 * 12)
        mia, leo = rossi.child("Mia Rossi"), rossi.child("Leo Rossi")
        group = begin(riverside, rossi, [(mia, karate.lines()), (leo, swim.lines())], policy=BEST_EFFORT)

        submitted = submit(riverside, group, actor=rossi.actor)

        assert statuses(riverside, group) == [S.SUBMITTED, S.CREATED]
        assert [left.reasons[0].code for left in submitted.left_out] == ["age_does_not_fit"]

    def test_and_submits_it_alone_when_it_can_be_had(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2), capacity=1)
        mia, leo = rossi.child("Mia Rossi"), rossi.child("Leo Rossi")
        group = begin(riverside, rossi, [(mia, karate.lines(0)), (leo, karate.lines(0))], policy=BEST_EFFORT)
        leos = group.outcomes[1].order
        submit(riverside, group, actor=rossi.actor)
        riverside.run("UPDATE term_product SET capacity = 2 WHERE id = %(id)s", id=karate.ids[0])

        riverside.submit(Cart(leos.id, leos.reference, leos.price_fingerprint), actor=rossi.actor)

        assert statuses(riverside, group) == [S.SUBMITTED] * 2

    def test_nothing_at_all_is_a_refusal_and_the_group_stays_open(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(capacity=1)
        fill(riverside, karate)
        group = begin(riverside, rossi, [(rossi.child(), karate.lines())], policy=BEST_EFFORT)

        reasons = refused(lambda: submit(riverside, group, actor=rossi.actor))

        assert [reason.code for reason in reasons] == ["session_full"]
        riverside.run("UPDATE term_product SET capacity = 2 WHERE id = %(id)s", id=karate.ids[0])
        submit(riverside, group, actor=rossi.actor)
        assert statuses(riverside, group) == [S.SUBMITTED]

    def test_all_of_it_is_submitted_as_it_is(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2))
        children = [rossi.child(name) for name in ("Mia", "Leo")]
        group = begin(riverside, rossi, [(child, karate.lines()) for child in children], policy=BEST_EFFORT)

        submitted = submit(riverside, group, actor=rossi.actor, how=PAY_NOW)

        assert submitted.left_out == []
        assert [outcome.order.version for outcome in submitted.outcomes] == [3, 3]


def camp(centre: Centre, **columns: Any) -> Course:
    """Five days that make a week, with one place each, the third of which is taken."""
    days = [FIRST + DAY * n for n in range(1, 6)]
    made = centre.course(*days, name="Camp", capacity=1, modes=["CASUAL", "FULL_WEEK"], **columns)
    fill(centre, made, 2)
    return made


class TestPrice:
    def test_costs_never_more_than_what_was_shown_for_all(self, riverside: Centre) -> None:
        # Four single days cost more than the week of which they are left.
        rossi = riverside.family()
        week = camp(riverside, session_price_minor=5000, full_week_price_minor=15000)
        group = begin(riverside, rossi, [(rossi.child(), week.lines())], policy=BEST_EFFORT)
        assert group.total_minor == 15000
        before = riverside.snapshot()

        reasons = refused(lambda: submit(riverside, group, actor=rossi.actor))

        assert [reason.code for reason in reasons] == ["session_full", "price_changed"]
        assert (
            reasons[1].message
            == "What can be had costs $200.00, more than the $150.00 that was shown for all; choose again."
        )
        assert riverside.snapshot() == before

    def test_the_cart_that_is_submitted_shows_the_price_of_what_is_left(self, riverside: Centre) -> None:
        rossi = riverside.family()
        week = camp(riverside, session_price_minor=5000, full_week_price_minor=22500)
        group = begin(riverside, rossi, [(rossi.child(), week.lines())], policy=BEST_EFFORT)

        submitted = submit(riverside, group, actor=rossi.actor)

        lines = riverside.rows("SELECT mode, price_minor FROM term_booking_order_line WHERE order_id = %(id)s",
                               id=order_ids(group)[0])  # fmt: skip
        assert submitted.total_minor == 20000
        assert [(line["mode"], line["price_minor"]) for line in lines] == [("CASUAL", 5000)] * 4

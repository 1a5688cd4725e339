"""Subscriptions: begun on weekdays, billed for each period in advance, rolled into the next term, ended with notice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from engine.actor import SYSTEM
from engine.database import Database
from engine.errors import Invalid, NotPermitted
from engine.fire import Refused
from engine.ids import new_id
from tests import builders as build
from tests.builders import NOW, Row
from tests.workflows.after_school import Club, make_club
from tests.workflows.centre import Cart, Centre, Family, codes, make_centre, orders, refused
from tests.workflows.endings import cancel
from workflows import subscription as subscriptions
from workflows import subscription_terms
from workflows import term_booking as bookings
from workflows.invoice_runs import issue_due_invoices
from workflows.subscription_changes import change_weekdays, go_on
from workflows.subscription_facts import lock_subscription
from workflows.subscription_terms import roll, roll_subscriptions

DAY = timedelta(days=1)


def at(*day: int) -> datetime:
    """Ten in the morning in Toronto, by summer time."""
    return datetime(*day, 14, tzinfo=UTC)  # type: ignore[misc]


@pytest.fixture
def centre(checked_database: Database, database_url: str) -> Centre:
    """An organisation of its own: the spring runs from 1 April to 30 June."""
    return make_centre(checked_database, database_url, name=f"Riverside {new_id()}")


@pytest.fixture
def club(centre: Centre) -> Club:
    return make_club(centre)


@pytest.fixture
def rossi(centre: Centre) -> Family:
    return centre.family()


@pytest.fixture
def mia(rossi: Family) -> Row:
    return rossi.child()


class TestBegin:
    def test_makes_a_booking_of_the_weekdays_to_the_end_of_the_term(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "WED", "MON", starts_on=date(2026, 4, 8))

        (booking,) = club.bookings(mondays)
        days = club.days(booking)
        assert (days[0], days[-1], len(days)) == (date(2026, 4, 8), date(2026, 6, 29), 24)
        assert {day.weekday() for day in days} == {0, 2}
        assert (booking["status"], booking["order_type"], booking["payment_state"]) == (500, 4, "OPEN")
        assert club.subscription(mondays)["status"] == 20
        assert club.taken(club.offering["id"]) == 24

    def test_takes_places_and_does_not_block_the_time(self, club: Club, rossi: Family, mia: Row) -> None:
        club.subscribe(rossi, mia, "MON")
        karate = club.centre.course(datetime(2026, 4, 13, 16, 0))  # noqa: DTZ001 - local

        cart = club.centre.confirmed(rossi, mia, karate.lines())

        assert club.centre.status(cart) == 500

    def test_bills_only_the_periods_that_are_due_each_by_its_sessions(
        self, club: Club, rossi: Family, mia: Row
    ) -> None:
        mondays = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))

        assert club.invoices(mondays) == [(date(2026, 3, 31), 3, 3 * 1130)]
        club.works(at(2026, 4, 23))
        assert len(club.invoices(mondays)) == 1
        club.works(at(2026, 4, 24))
        club.works(at(2026, 4, 24))
        assert club.invoices(mondays)[1:] == [(date(2026, 4, 24), 4, 4 * 1130)]

    @pytest.mark.parametrize(("period", "sessions"), [("WEEKLY", [1] * 12), ("FORTNIGHTLY", [2] * 6)])
    def test_by_the_period_of_the_rule(
        self, club: Club, rossi: Family, mia: Row, period: str, sessions: list[int]
    ) -> None:
        club.centre.rule("subscription_period", period, club.offering["id"])
        mondays = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))

        club.lives(at(2026, 4, 1), at(2026, 6, 29))

        assert [lines for _, lines, _ in club.invoices(mondays)] == sessions

    def test_a_family_asks_and_an_admin_begins(self, club: Club, rossi: Family, mia: Row) -> None:
        asked = club.subscribe(rossi, mia, begins=False)

        assert club.subscription(asked)["status"] == 10
        assert club.taken(club.offering["id"]) == 0
        with pytest.raises(NotPermitted):
            club.centre.do(subscriptions.begin_subscription, subscription_id=asked, actor=rossi.actor, reason="please")

    def test_its_order_is_confirmed_with_it_alone(self, club: Club, rossi: Family, mia: Row) -> None:
        asked = club.subscribe(rossi, mia, begins=False)
        row = club.centre.one("SELECT * FROM term_booking_order WHERE subscription_id = %(id)s", id=asked)
        cart = Cart(row["id"], row["reference"], row["price_fingerprint"])

        assert "is_subscription" in codes(lambda: club.centre.submit(cart, actor=club.centre.admin))
        with pytest.raises(Invalid):
            club.centre.draft(rossi, mia, order_type=orders.TermBookingOrderType.SUBSCRIPTION)

    def test_weekdays_on_which_nothing_meets(self, club: Club, rossi: Family, mia: Row) -> None:
        with pytest.raises(Invalid) as refusal:
            club.subscribe(rossi, mia, "MON", "SUN")

        assert (refusal.value.reasons[0].code, refusal.value.reasons[0].field) == ("no_sessions", "weekdays")

    def test_a_full_session_refuses_it_whole(self, club: Club, rossi: Family, mia: Row) -> None:
        asked = club.subscribe(rossi, mia, "MON", begins=False)
        club.centre.run("UPDATE term_product SET capacity = 0 WHERE local_date = '2026-04-20'")

        (reason,) = refused(lambda: club.begin(asked))

        assert (reason.code, "20 Apr" in reason.message) == ("session_full", True)
        assert club.subscription(asked)["status"] == 10
        assert not club.bookings(asked)

    def test_a_request_is_withdrawn(self, club: Club, rossi: Family, mia: Row) -> None:
        asked = club.subscribe(rossi, mia, begins=False)

        club.centre.do(subscriptions.decline, subscription_id=asked, actor=rossi.actor)

        assert club.subscription(asked)["status"] == 50
        assert club.centre.one("SELECT status FROM term_booking_order WHERE subscription_id = %(id)s",
                               id=asked)["status"] == 0  # fmt: skip


class TestBilling:
    def test_a_price_change_applies_from_the_next_uninvoiced_period(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))
        club.centre.run("UPDATE term_program_set SET session_price_minor = 1200 WHERE id = %(id)s",
                        id=club.offering["id"])  # fmt: skip

        club.works(at(2026, 4, 24))

        assert [total for _, _, total in club.invoices(mondays)] == [3 * 1130, 4 * 1200]

    def test_what_is_suspended_when_its_period_is_due_is_not_billed(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))
        (booking,) = club.bookings(mondays)
        club.centre.do(bookings.suspend, booking_id=booking["id"], actor=club.centre.admin, reason="a broken arm",
                       now=at(2026, 4, 20))  # fmt: skip

        club.works(at(2026, 4, 24))
        club.works(at(2026, 5, 25))

        assert len(club.invoices(mondays)) == 1
        assert club.taken(club.offering["id"]) == 12

        club.centre.do(bookings.resume, booking_id=booking["id"], actor=club.centre.admin, now=at(2026, 6, 2))
        club.works(at(2026, 6, 2))
        club.works(at(2026, 6, 2))

        # 8, 15, 22 and 29 June are attended after all; 1 June and May are not billed.
        assert club.invoices(mondays)[1:] == [(date(2026, 6, 2), 4, 4 * 1130)]

    def test_a_cancelled_booking_is_invoiced_no_more(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))
        (booking,) = club.bookings(mondays)
        club.centre.do(cancel, booking_id=booking["id"], actor=club.centre.admin, reason="moved away")  # fmt: skip

        club.works(at(2026, 6, 1))

        assert len(club.invoices(mondays)) == 1
        left = club.centre.rows("SELECT DISTINCT s.status FROM invoice_schedule s WHERE booking_id = %(id)s",
                                id=booking["id"])  # fmt: skip
        assert {row["status"] for row in left} == {"ISSUED", "DROPPED"}


class TestNotice:
    def test_takes_effect_after_the_notice_and_gives_back_the_rest(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))

        club.centre.do(subscriptions.give_notice, subscription_id=mondays, actor=rossi.actor, now=at(2026, 4, 14))

        assert (club.subscription(mondays)["status"], club.subscription(mondays)["ends_on"]) == (30, date(2026, 4, 28))
        (booking,) = club.bookings(mondays)
        assert club.days(booking) == [date(2026, 4, 13), date(2026, 4, 20), date(2026, 4, 27)]
        assert club.taken(club.offering["id"]) == 3
        club.lives(at(2026, 4, 15), at(2026, 5, 1))
        assert club.invoices(mondays) == [(date(2026, 3, 31), 3, 3390)]
        assert (club.subscription(mondays)["status"], club.bookings(mondays)[0]["status"]) == (40, 800)

    def test_credits_what_was_invoiced_beyond_the_last_day(self, club: Club, rossi: Family, mia: Row) -> None:
        club.centre.rule("subscription_notice_days", 0, club.offering["id"])
        mondays = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))

        club.centre.do(subscriptions.give_notice, subscription_id=mondays, actor=rossi.actor, now=at(2026, 4, 14))

        credited = club.centre.rows("SELECT n.total_minor FROM credit_note n WHERE n.account_id = %(id)s", id=rossi.id)
        assert [row["total_minor"] for row in credited] == [2 * 1130]

    def test_a_day_before_the_notice_is_refused_to_a_family(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON")

        (reason,) = refused(lambda: club.centre.do(
            subscriptions.give_notice, subscription_id=mondays, actor=rossi.actor, last_day=date(2026, 4, 13),
            now=at(2026, 4, 1)))  # fmt: skip

        assert (reason.code, reason.facts) == ("notice_too_short", {"earliest": "2026-04-15"})

    def test_a_day_that_is_past_or_after_the_one_it_ends_on_is_refused(
        self, club: Club, rossi: Family, mia: Row
    ) -> None:
        mondays = club.subscribe(rossi, mia, "MON")
        office: dict[str, Any] = {"subscription_id": mondays, "actor": club.centre.admin, "reason": "moved"}

        (past,) = refused(lambda: club.centre.do(
            subscriptions.give_notice, last_day=date(2026, 4, 12), now=at(2026, 4, 14), **office))  # fmt: skip
        club.centre.do(subscriptions.give_notice, last_day=date(2026, 4, 28), now=at(2026, 4, 14), **office)
        before = club.centre.snapshot()
        (later,) = refused(lambda: club.centre.do(
            subscriptions.give_notice, last_day=date(2026, 4, 29), now=at(2026, 4, 14), **office))  # fmt: skip

        assert (past.code, past.field) == ("in_the_past", "last_day")
        assert (later.code, later.field) == ("ends_already", "last_day")
        assert "ends on Tue 28 Apr 2026; put that off, or withdraw the notice." in later.message
        assert club.centre.snapshot() == before

    def test_is_withdrawn_and_what_was_released_is_booked_again(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))
        whole = club.days(club.bookings(mondays)[0])
        club.centre.do(subscriptions.give_notice, subscription_id=mondays, actor=rossi.actor, now=NOW,
                       last_day=date(2026, 4, 20))  # fmt: skip
        assert club.taken(club.offering["id"]) == 2

        club.centre.do(go_on, subscription_id=mondays, actor=rossi.actor, now=NOW + DAY)

        (before, after) = club.bookings(mondays)
        assert club.days(before) + club.days(after) == whole
        subscription = club.subscription(mondays)
        assert (subscription["status"], subscription["ends_on"]) == (20, None)
        # The Monday of April that was credited is invoiced again.
        assert club.invoices(mondays) == [(date(2026, 3, 31), 3, 3 * 1130), (date(2026, 4, 1), 1, 1130)]

    def test_is_put_off_to_a_later_day(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))
        club.centre.do(subscriptions.give_notice, subscription_id=mondays, actor=rossi.actor, now=NOW,
                       last_day=date(2026, 4, 20))  # fmt: skip

        (reason,) = refused(lambda: club.centre.do(
            go_on, subscription_id=mondays, actor=rossi.actor, now=NOW, last_day=date(2026, 4, 19)))  # fmt: skip
        club.centre.do(go_on, subscription_id=mondays, actor=rossi.actor, now=NOW, last_day=date(2026, 5, 4))

        assert reason.code == "not_later"
        assert [day for booking in club.bookings(mondays) for day in club.days(booking)] == [
            date(2026, 4, 13), date(2026, 4, 20), date(2026, 4, 27), date(2026, 5, 4)]  # fmt: skip
        assert club.subscription(mondays)["status"] == 30

    def test_in_effect_is_not_withdrawn_any_more(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))
        club.centre.do(subscriptions.give_notice, subscription_id=mondays, actor=rossi.actor, now=NOW,
                       last_day=date(2026, 4, 20))  # fmt: skip

        (reason,) = refused(lambda: club.centre.do(
            go_on, subscription_id=mondays, actor=rossi.actor, now=at(2026, 4, 21)))  # fmt: skip

        assert reason.code == "notice_in_effect"

    def test_is_not_withdrawn_where_a_place_went_to_others(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))
        club.centre.do(subscriptions.give_notice, subscription_id=mondays, actor=rossi.actor, now=NOW,
                       last_day=date(2026, 4, 20))  # fmt: skip
        club.centre.run("UPDATE term_product SET capacity = 0 WHERE local_date = '2026-05-04' AND "
                        "term_program_set_id = %(id)s", id=club.offering["id"])  # fmt: skip

        (reason,) = refused(lambda: club.centre.do(
            go_on, subscription_id=mondays, actor=rossi.actor, now=NOW + DAY))  # fmt: skip

        assert (reason.code, "4 May" in reason.message) == ("session_full", True)
        assert (club.subscription(mondays)["status"], club.taken(club.offering["id"])) == (30, 2)


class TestOtherWeekdays:
    def change(self, club: Club, subscription_id: UUID, *weekdays: str, now: datetime = NOW, **known: Any) -> None:
        asked = {"actor": club.centre.admin, "reason": "new timetable", **known}
        club.centre.do(change_weekdays, subscription_id=subscription_id, weekdays=weekdays, now=now, **asked)

    def test_begin_with_the_next_period_that_is_not_invoiced(self, club: Club, rossi: Family, mia: Row) -> None:
        club_days = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))

        self.change(club, club_days, "TUE", "WED")

        (before, after) = club.bookings(club_days)
        assert club.days(before) == [date(2026, 4, 13), date(2026, 4, 20), date(2026, 4, 27)]
        days = club.days(after)
        assert (days[0], days[-1], {day.weekday() for day in days}) == (date(2026, 5, 5), date(2026, 6, 30), {1, 2})
        assert club.taken(club.offering["id"]) == 3 + len(days)
        assert club.subscription(club_days)["weekdays"] == ["TUE", "WED"]
        assert club.invoices(club_days) == [(date(2026, 3, 31), 3, 3 * 1130)]
        club.lives(at(2026, 4, 1), at(2026, 5, 26))
        assert [lines for _, lines, _ in club.invoices(club_days)] == [3, 8, 9]

    def test_hold_in_the_next_term_where_all_of_this_one_is_invoiced(self, club: Club, rossi: Family, mia: Row) -> None:
        club_days = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))
        club.lives(at(2026, 5, 24), at(2026, 5, 26))

        self.change(club, club_days, "FRI", now=at(2026, 6, 1))

        assert len(club.bookings(club_days)) == 1
        assert club.subscription(club_days)["weekdays"] == ["FRI"]
        club.next_term("Summer", date(2026, 7, 1), date(2026, 7, 31), after=club.centre.term)
        club.centre.run("UPDATE term_program_set SET status = 'PUBLISHED' WHERE status = 'DRAFT'")
        club.works(at(2026, 6, 2))
        assert {day.weekday() for day in club.days(club.bookings(club_days)[1])} == {4}

    def test_are_refused_whole_where_one_is_full(self, club: Club, rossi: Family, mia: Row) -> None:
        club_days = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))
        club.centre.run("UPDATE term_product SET capacity = 0 WHERE local_date = '2026-05-12' AND "
                        "term_program_set_id = %(id)s", id=club.offering["id"])  # fmt: skip

        assert codes(lambda: self.change(club, club_days, "TUE")) == ["session_full"]

        (booking,) = club.bookings(club_days)
        assert (len(club.days(booking)), club.subscription(club_days)["weekdays"]) == (12, ["MON"])

    @pytest.mark.parametrize(("weekdays", "code"), [(["MON"], "nothing_to_change"), (["SUN"], "no_sessions")])
    def test_that_are_none(self, club: Club, rossi: Family, mia: Row, weekdays: list[str], code: str) -> None:
        club_days = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))

        with pytest.raises(Invalid) as refusal:
            self.change(club, club_days, *weekdays)

        assert refusal.value.reasons[0].code == code

    def test_are_agreed_with_an_admin_and_not_while_it_is_suspended(self, club: Club, rossi: Family, mia: Row) -> None:
        club_days = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))

        with pytest.raises(NotPermitted):
            self.change(club, club_days, "TUE", actor=rossi.actor)
        club.centre.do(bookings.suspend, booking_id=club.bookings(club_days)[0]["id"], actor=club.centre.admin,
                       reason="broken arm", now=NOW)  # fmt: skip
        assert codes(lambda: self.change(club, club_days, "TUE")) == ["suspended"]


class TestAskedTwice:
    def test_for_the_same_weekday_is_refused(self, club: Club, rossi: Family, mia: Row) -> None:
        club.subscribe(rossi, mia, "MON", "WED", begins=False)

        assert codes(lambda: club.subscribe(rossi, mia, "MON", "WED", begins=False)) == ["double_booked"]
        assert codes(lambda: club.subscribe(rossi, mia, "WED", "FRI", begins=False)) == ["double_booked"]
        assert club.subscribe(rossi, mia, "FRI", begins=False)

    def test_after_the_first_was_withdrawn(self, club: Club, rossi: Family, mia: Row) -> None:
        asked = club.subscribe(rossi, mia, begins=False)
        club.centre.do(subscriptions.decline, subscription_id=asked, actor=rossi.actor)

        assert club.subscribe(rossi, mia)

    def test_at_the_same_moment_one_is_refused(self, club: Club, rossi: Family, mia: Row) -> None:
        def ask(_: int) -> str:
            try:
                club.subscribe(rossi, mia, begins=False)
            except Refused as refusal:
                return refusal.reasons[0].code
            return "asked"

        with ThreadPoolExecutor(4) as at_once:
            assert sorted(at_once.map(ask, range(4))) == ["asked"] + ["double_booked"] * 3


class TestRoll:
    def summer(self, club: Club, **known: bool) -> Row:
        return club.next_term("Summer", date(2026, 7, 1), date(2026, 8, 28), after=club.centre.term, **known)

    def test_into_the_next_term_once_it_is_open(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON")
        summer = self.summer(club, opens=False)
        assert club.works(at(2026, 6, 1))["rolled"] == 0
        club.open(summer)

        assert club.works(at(2026, 6, 2))["rolled"] == 1
        assert club.works(at(2026, 6, 2))["rolled"] == 0

        _, booking = club.bookings(mondays)
        days = club.days(booking)
        assert (days[0], days[-1], len(days)) == (date(2026, 7, 6), date(2026, 8, 24), 8)
        assert booking["group_id"] == club.bookings(mondays)[0]["group_id"]
        assert club.taken(club.subscription(mondays)["offering_id"]) == 8

    def test_before_booking_opens_to_others(self, club: Club, rossi: Family, mia: Row) -> None:
        club.centre.run("UPDATE term_program_set SET bookable_from = '2026-03-31' WHERE id = %(id)s",
                        id=club.offering["id"])  # fmt: skip
        club.subscribe(rossi, mia, "MON")
        self.summer(club)

        assert club.works(at(2026, 5, 1))["rolled"] == 1

    def test_no_room_goes_to_an_admin_and_never_oversells(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON")
        self.summer(club)
        club.centre.run("UPDATE term_product SET capacity = 0 WHERE local_date = '2026-07-13'")

        assert club.works(at(2026, 6, 2))["rolled"] == 0
        assert club.works(at(2026, 6, 3))["rolled"] == 0

        review = club.centre.one("SELECT * FROM subscription_review WHERE subscription_id = %(id)s", id=mondays)
        assert [reason["code"] for reason in review["reasons"]] == ["session_full"]
        assert len(club.bookings(mondays)) == 1
        told = club.centre.rows("SELECT payload FROM outbox_message WHERE topic = 'subscription.not_rolled'")
        assert [row["payload"]["subject_id"] for row in told] == [str(mondays)]

        club.centre.run("UPDATE term_product SET capacity = 10 WHERE local_date = '2026-07-13'")
        club.centre.do(roll, subscription_id=mondays, offering_id=review["offering_id"], actor=club.centre.admin,
                       reason="a place was made", now=at(2026, 6, 4))  # fmt: skip

        assert len(club.bookings(mondays)) == 2
        assert club.centre.one("SELECT resolved_at FROM subscription_review")["resolved_at"] == at(2026, 6, 4)

    def test_one_that_ends_before_it_is_left_where_it_is(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON")
        club.centre.do(subscriptions.give_notice, subscription_id=mondays, actor=rossi.actor, now=at(2026, 5, 1))
        self.summer(club)

        club.works(at(2026, 6, 2))

        assert len(club.bookings(mondays)) == 1
        assert not club.centre.rows("SELECT id FROM subscription_review")

    def test_the_last_place_goes_to_the_one_who_was_first(self, club: Club, rossi: Family, mia: Row) -> None:
        club.subscribe(rossi, mia, "MON")
        chen = club.centre.family("Chen family")
        later = club.subscribe(chen, chen.child("Lin Chen"), "MON", now=NOW + DAY)
        self.summer(club)
        club.centre.run("UPDATE term_product SET capacity = 1 WHERE local_date > '2026-07-01'")

        assert club.works(at(2026, 6, 2))["rolled"] == 1

        (review,) = club.centre.rows("SELECT subscription_id FROM subscription_review")
        assert review["subscription_id"] == later

    def test_workers_at_once_roll_once_and_invoice_once(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))
        self.summer(club)
        now = at(2026, 6, 24)

        at_once(club, mondays, roll_subscriptions, now=now)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: issue_due_invoices(club.centre.database, now=now), range(4)))
        issue_due_invoices(club.centre.database, now=now)  # what all of them left to each other

        assert len(club.bookings(mondays)) == 2
        # April at its beginning, July when it was rolled; May and June are due.
        assert [lines for _, lines, _ in club.invoices(mondays)] == [3, 4, 4, 5]
        assert not club.centre.rows("SELECT id FROM subscription_review")

    def test_without_its_guard_the_race_is_lost(
        self, club: Club, rossi: Family, mia: Row, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: who does not look again under the lock rolls what is rolled; only the database refuses it."""
        mondays = club.subscribe(rossi, mia, "MON", starts_on=date(2026, 4, 13))
        self.summer(club)
        monkeypatch.setattr(subscription_terms, "_is_continued_by", lambda tx, subscription, offering_id: True)

        with pytest.raises(errors.UniqueViolation, match="uq_term_booking_order_subscription_term"):
            at_once(club, mondays, roll_subscriptions, now=at(2026, 6, 24))

        assert len(club.bookings(mondays)) == 2


def at_once(club: Club, subscription_id: UUID, job: Callable[..., int], *, now: datetime) -> None:
    """Four workers do a job and have all found it due: each waits for the subscription when it is let go."""
    centre = club.centre
    with ThreadPoolExecutor(4) as pool:
        with (
            psycopg.connect(centre.url, autocommit=True) as owner,
            centre.database.transaction(centre.organisation_id) as tx,
        ):
            lock_subscription(tx, subscription_id, actor=SYSTEM)
            workers = [pool.submit(job, centre.database, now=now) for _ in range(4)]
            until = monotonic() + 20
            while owner.execute(_BLOCKED).fetchone() != (4,):
                assert monotonic() < until, "a worker does not wait for the subscription"
                sleep(0.01)
        for worker in workers:
            worker.result()


_BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class TestNothingContinuesIt:
    """The next term takes bookings, and the offering was not copied into it."""

    def summer(self, club: Club, **columns: Any) -> Row:
        known = {"name": "Summer", "starts_on": date(2026, 7, 1), "ends_on": date(2026, 8, 28), **columns}
        term: Row = club.centre.edit(build.term, club.centre.site, **known)
        return term

    def reviews(self, club: Club) -> list[Row]:
        return club.centre.rows("SELECT * FROM subscription_review ORDER BY id")

    def test_goes_to_an_admin_once(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON")
        summer = self.summer(club)

        club.works(at(2026, 6, 2))
        club.works(at(2026, 6, 3))

        (review,) = self.reviews(club)
        assert (review["subscription_id"], review["term_id"]) == (mondays, summer["id"])
        assert [(reason["code"], reason["message"]) for reason in review["reasons"]] == [
            ("no_continuation", "Club of Spring 2026 is not continued in Summer.")
        ]
        told = club.centre.rows("SELECT payload FROM outbox_message WHERE topic = 'subscription.not_rolled'")
        assert [row["payload"]["term_id"] for row in told] == [str(summer["id"])]
        assert len(club.bookings(mondays)) == 1

    def test_is_solved_by_itself_when_it_is_continued_after_all(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON")
        club.next_term("Summer", date(2026, 7, 1), date(2026, 8, 28), after=club.centre.term)
        publish = "UPDATE term_program_set SET status = %(status)s WHERE rolled_from_id = %(id)s"
        club.centre.run(publish, id=club.offering["id"], status="CANCELLED")
        club.works(at(2026, 6, 2))
        assert [review["resolved_at"] for review in self.reviews(club)] == [None]

        club.centre.run(publish, id=club.offering["id"], status="PUBLISHED")
        club.works(at(2026, 6, 3))

        assert len(club.bookings(mondays)) == 2
        (review,) = self.reviews(club)
        assert (review["resolved_at"], review["resolution"]) == (at(2026, 6, 3), "went on by itself")

    @pytest.mark.parametrize(
        "columns",
        [{"status": "DRAFT"}, {"starts_on": date(2026, 2, 1), "ends_on": date(2026, 3, 1)}],
        ids=["not open yet", "an earlier term"],
    )
    def test_only_an_open_later_term_counts(self, club: Club, rossi: Family, mia: Row, columns: dict[str, Any]) -> None:
        club.subscribe(rossi, mia, "MON")
        self.summer(club, **columns)

        club.works(at(2026, 6, 2))

        assert not self.reviews(club)

    def test_is_solved_by_notice_before_that_term(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON")
        self.summer(club)
        club.works(at(2026, 6, 2))

        club.centre.do(subscriptions.give_notice, subscription_id=mondays, actor=rossi.actor, now=at(2026, 6, 3))

        assert [(review["resolved_at"], review["resolution"]) for review in self.reviews(club)] == [
            (at(2026, 6, 3), "ends on 2026-06-17")
        ]

    def test_one_that_ends_before_is_no_ones_concern(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON")
        club.centre.do(subscriptions.give_notice, subscription_id=mondays, actor=rossi.actor, now=at(2026, 5, 1))
        self.summer(club)

        club.works(at(2026, 6, 2))

        assert not self.reviews(club)

    def test_workers_at_once_tell_of_it_once(self, club: Club, rossi: Family, mia: Row) -> None:
        mondays = club.subscribe(rossi, mia, "MON")
        self.summer(club)

        at_once(club, mondays, roll_subscriptions, now=at(2026, 6, 2))

        assert len(self.reviews(club)) == 1

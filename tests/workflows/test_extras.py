"""Stories of lunches of which there are so many at each session: held with the place, given back with it, sold once."""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from engine.check import check
from engine.database import Database
from models import TermBookingStatus as S
from tests.conftest import drop_database, fresh_database
from tests.workflows import endings
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    HOUR,
    NOW,
    PAY_NOW,
    TRIAL,
    Cart,
    Centre,
    Course,
    codes,
    make_centre,
    orders,
    refused,
    sundays,
)
from tests.workflows.race import GOT_IT, Pull, clients
from tests.workflows.test_change_orders import Story
from tests.workflows.test_quote_changes import begin as begin_quote_change
from tests.workflows.test_trial_conversion import begin as begin_conversion
from workflows.charts import edges


def with_lunch(course: Course, lunch: UUID, *wanted: int, quantity: int = 1) -> list[dict[str, Any]]:
    return course.lines(*wanted, extras=[{"extra_id": lunch, "quantity": quantity}])


def taken(centre: Centre, lunch: UUID, course: Course) -> list[int]:
    """How many are taken at each session."""
    rows = centre.rows("SELECT term_product_id, taken FROM extra_stock WHERE extra_id = %(id)s", id=lunch)
    counted = {row["term_product_id"]: row["taken"] for row in rows}
    return [counted.get(session_id, 0) for session_id in course.ids]


class TestAStock:
    def test_is_counted_at_each_session_by_itself(self, riverside: Centre) -> None:
        rossi, chen, karate = riverside.family(), riverside.family("Chen family"), riverside.course(*sundays(2))
        lunch = riverside.extra(stock=2)
        riverside.submitted(rossi, rossi.child(), with_lunch(karate, lunch, 0, quantity=2))
        anas = riverside.cart(chen, chen.child("Ana Chen"), with_lunch(karate, lunch, 0, 1))

        reason, *_ = refused(lambda: riverside.submit(anas, actor=chen.actor))

        assert anas.notices == ["extra_sold_out"]
        assert (reason.code, reason.field, reason.facts["left"]) == ("extra_sold_out", "lines[0].extras", 0)
        assert "Lunch with Karate" in reason.message
        assert taken(riverside, lunch, karate) == [2, 0]
        assert riverside.taken(karate) == [1, 0]

    def test_says_how_many_are_left(self, riverside: Centre) -> None:
        rossi, karate, lunch = riverside.family(), riverside.course(), riverside.extra(stock=2)
        cart = riverside.cart(rossi, rossi.child(), with_lunch(karate, lunch, 0, quantity=3))

        (reason,) = refused(lambda: riverside.submit(cart, actor=rossi.actor))

        assert reason.message.endswith("only 2 left.")

    def test_goes_back_with_the_place(self, riverside: Centre) -> None:
        rossi, karate, lunch = riverside.family(), riverside.course(*sundays(2)), riverside.extra(stock=1)
        cart = riverside.submitted(rossi, rossi.child(), with_lunch(karate, lunch, 0, 1))
        assert taken(riverside, lunch, karate) == [1, 1]

        riverside.pull(orders.cancel, cart)

        assert taken(riverside, lunch, karate) == [0, 0]
        assert riverside.rows("SELECT 1 FROM extra_claim WHERE extra_id = %(id)s", id=lunch) == []

    def test_goes_back_when_the_order_times_out(self, riverside: Centre) -> None:
        rossi, karate, lunch = riverside.family(), riverside.course(), riverside.extra(stock=1)
        cart = riverside.submitted(rossi, rossi.child(), with_lunch(karate, lunch))

        riverside.sweep(NOW.replace(year=NOW.year + 1))

        assert riverside.status(cart) == S.CANCELED
        assert taken(riverside, lunch, karate) == [0]

    def test_stays_taken_when_the_order_is_confirmed_and_goes_back_with_the_booking(self, riverside: Centre) -> None:
        rossi, karate, lunch = riverside.family(), riverside.course(), riverside.extra(stock=1)
        cart = riverside.confirmed(rossi, rossi.child(), with_lunch(karate, lunch), actor=riverside.admin)
        assert taken(riverside, lunch, karate) == [1]
        booking = riverside.booking(cart)

        riverside.do(endings.cancel, booking_id=booking["id"], reason="moved away", actor=riverside.admin)

        assert taken(riverside, lunch, karate) == [0]

    def test_counts_what_was_sold_before_there_was_one(self, riverside: Centre) -> None:
        rossi, chen, karate = riverside.family(), riverside.family("Chen family"), riverside.course()
        lunch = riverside.extra()
        riverside.submitted(rossi, rossi.child(), with_lunch(karate, lunch, quantity=2))
        riverside.run("UPDATE extra SET stock = 2 WHERE id = %(id)s", id=lunch)

        cart = riverside.cart(chen, chen.child("Ana Chen"), with_lunch(karate, lunch))

        assert codes(lambda: riverside.submit(cart, actor=chen.actor)) == ["extra_sold_out"]
        with pytest.raises(psycopg.errors.CheckViolation):
            riverside.run("UPDATE extra SET stock = 1 WHERE id = %(id)s", id=lunch)

    def test_goes_over_with_a_trial_that_becomes_a_booking(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(3), capacity=1, rules={"trial_limit": 3})
        lunch = riverside.extra(stock=1)
        trial = riverside.submitted(rossi, rossi.child(), with_lunch(karate, lunch, 0), order_type=TRIAL)
        made = begin_conversion(riverside, trial, rossi, [*with_lunch(karate, lunch, 0), *karate.lines(1, 2)])

        riverside.submit(made, actor=rossi.actor)

        assert riverside.status(made) == S.SUBMITTED
        assert taken(riverside, lunch, karate) == [1, 0, 0]


class TestAChange:
    @pytest.fixture
    def story(self, riverside: Centre) -> tuple[Story, UUID]:
        """Mia's two Sundays of karate, lunch with the first of them; there are two lunches."""
        rossi, karate, lunch = (
            riverside.family(credit_limit_minor=100_000),
            riverside.course(*sundays(3)),
            riverside.extra(stock=2),
        )
        mia = rossi.child()
        lines = [*with_lunch(karate, lunch, 0), *karate.lines(1)]
        return Story(riverside, rossi, mia, karate, riverside.confirmed(rossi, mia, lines)), lunch

    def test_holds_what_it_adds_from_its_submit_on(self, story: tuple[Story, UUID]) -> None:
        mias, lunch = story
        change = mias.save(
            mias.begin(), [*with_lunch(mias.karate, lunch, 0, quantity=2), *with_lunch(mias.karate, lunch, 1)]
        )
        mias.submit(change, how=ADMIN_CONFIRM, actor=mias.centre.admin)
        assert taken(mias.centre, lunch, mias.karate) == [2, 1, 0]

        mias.confirm(change)

        assert taken(mias.centre, lunch, mias.karate) == [2, 1, 0]

    def test_gives_back_what_it_held_when_it_is_discarded(self, story: tuple[Story, UUID]) -> None:
        mias, lunch = story
        change = mias.save(mias.begin(), [*with_lunch(mias.karate, lunch, 0, quantity=2), *mias.karate.lines(1, 2)])
        mias.submit(change, how=ADMIN_CONFIRM, actor=mias.centre.admin)
        assert taken(mias.centre, lunch, mias.karate) == [2, 0, 0]

        mias.centre.pull(orders.remove, change)

        assert taken(mias.centre, lunch, mias.karate) == [1, 0, 0]

    def test_gives_back_what_it_takes_off_when_it_is_made(self, story: tuple[Story, UUID]) -> None:
        mias, lunch = story
        change = mias.save(mias.begin(), [*mias.karate.lines(0), *with_lunch(mias.karate, lunch, 2)])
        mias.submit(change, how=ADMIN_CONFIRM, actor=mias.centre.admin)
        assert taken(mias.centre, lunch, mias.karate) == [1, 0, 1]

        mias.confirm(change)

        assert taken(mias.centre, lunch, mias.karate) == [0, 0, 1]

    def test_is_refused_for_more_than_there_are(self, story: tuple[Story, UUID]) -> None:
        mias, lunch = story
        change = mias.save(mias.begin(), [*with_lunch(mias.karate, lunch, 0, quantity=3), *mias.karate.lines(1)])

        assert change.notices == ["extra_sold_out"]
        assert codes(lambda: mias.submit(change, how=ADMIN_CONFIRM, actor=mias.centre.admin)) == ["extra_sold_out"]

    def test_is_refused_where_the_last_beside_a_session_that_it_adds_went_meanwhile(
        self, story: tuple[Story, UUID]
    ) -> None:
        mias, lunch = story
        centre, chen = mias.centre, mias.centre.family("Chen family")
        change = mias.save(mias.begin(), [*mias.karate.lines(0, 1), *with_lunch(mias.karate, lunch, 2)])
        assert change.notices == []
        centre.submitted(chen, chen.child("Ana Chen"), with_lunch(mias.karate, lunch, 2, quantity=2))

        reasons = refused(lambda: mias.submit(change, how=ADMIN_CONFIRM, actor=centre.admin))

        assert [(reason.code, reason.facts["left"]) for reason in reasons] == [("extra_sold_out", 0)]
        assert taken(centre, lunch, mias.karate) == [1, 0, 2]

    def test_of_a_quoted_order_holds_alike(self, riverside: Centre) -> None:
        rossi, karate, lunch = riverside.family(), riverside.course(*sundays(2)), riverside.extra(stock=2)
        mia = rossi.child()
        mias = Story(riverside, rossi, mia, karate, riverside.quoted(rossi, mia, with_lunch(karate, lunch, 0)))
        change = mias.save(begin_quote_change(mias), with_lunch(karate, lunch, 0, 1, quantity=2))

        mias.submit(change, how=PAY_NOW)

        assert riverside.status(change) == S.APPROVED
        assert taken(riverside, lunch, karate) == [2, 2]

    def test_of_a_quoted_order_that_times_out_gives_back(self, riverside: Centre) -> None:
        rossi, karate, lunch = riverside.family(), riverside.course(*sundays(2)), riverside.extra(stock=2)
        mia = rossi.child()
        mias = Story(riverside, rossi, mia, karate, riverside.quoted(rossi, mia, with_lunch(karate, lunch, 0)))
        change = mias.save(begin_quote_change(mias), with_lunch(karate, lunch, 0, quantity=2))
        mias.submit(change, how=PAY_NOW, actor=riverside.admin)
        assert taken(riverside, lunch, karate) == [2, 0]

        riverside.sweep(NOW + HOUR)

        assert (riverside.status(change), riverside.status(mias.first)) == (S.CANCELED, S.QUOTE)
        assert taken(riverside, lunch, karate) == [1, 0]


class TestRace:
    """Twenty-four families want the last three lunches, in a session that has room for all."""

    def race(self, centre: Centre, url: str) -> tuple[list[str], list[int]]:
        karate, lunch = centre.course(capacity=100), centre.extra(stock=3)
        jobs: list[Pull] = []
        for n in range(24):
            chen = centre.family(f"Chen family {n}")
            cart: Cart = centre.cart(chen, chen.child(f"Ana Chen {n}"), with_lunch(karate, lunch))
            jobs.append(Pull(orders.submit, {
                "order_id": cart.id, "confirmation_type": PAY_NOW, "price_fingerprint": cart.fingerprint,
                "actor": chen.actor, "now": NOW,
            }))  # fmt: skip
        with clients(url, processes=4, each=6) as racing:
            (outcomes,) = racing.race(centre.organisation_id, [jobs])
        return outcomes, taken(centre, lunch, karate)

    def test_the_last_are_sold_once(self, riverside: Centre, database_url: str) -> None:
        outcomes, sold = self.race(riverside, database_url)

        assert Counter(outcomes) == {GOT_IT: 3, "extra_sold_out": 21}
        assert sold == [3]

    @pytest.fixture
    def unguarded(self, server_url: str, migrated_template: str) -> Iterator[tuple[Centre, str]]:
        name = f"{migrated_template}_unstocked"
        url = fresh_database(server_url, name, template=migrated_template)
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("ALTER TABLE extra_stock DROP CONSTRAINT ck_extra_stock_taken_within_stock")
        database = Database(url)
        yield make_centre(database, url), url
        database.close()
        drop_database(server_url, name)

    @pytest.mark.usefixtures("time_to_meet")
    def test_without_the_constraint_more_are_sold_than_there_were(self, unguarded: tuple[Centre, str]) -> None:
        centre, url = unguarded

        outcomes, (sold,) = self.race(centre, url)

        assert outcomes.count(GOT_IT) == sold > 3
        breaches = check(centre.database, edges=edges(), organisation_id=centre.organisation_id)
        assert {breach.invariant for breach in breaches} == {"extras_within_stock"}

"""Two hands on one booking at the same moment: one of them moves it, the books agree, nothing is credited twice."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

import pytest

from attendance.roll import Mark, mark_roll
from engine import database
from engine.actor import Actor
from engine.database import Database
from engine.ids import new_id
from models import ActorKind, AttendanceStatus
from models import TermBookingStatus as S
from tests.builders import NOW, TORONTO
from tests.workflows import endings
from tests.workflows.centre import ADMIN_CONFIRM, DAY, FIRST, MINUTE, Cart, Centre, make_centre, orders, sundays
from tests.workflows.race import GOT_IT, Clients, Pull, clients
from workflows import booking_facts, change_order, enrolment, order_facts

ROUNDS, FEW = 25, 10
# Of those who certainly meet.
MEETINGS = 4


@pytest.fixture(scope="module")
def centre(checked_database: Database, database_url: str) -> Centre:
    return make_centre(checked_database, database_url, name="Racing Centre")


@pytest.fixture(scope="module")
def racers(database_url: str) -> Iterator[Clients]:
    with clients(database_url, processes=2, each=1) as racing:
        yield racing


def enrolled(centre: Centre, *, attends: bool = False) -> Cart:
    rossi = centre.family()
    lines = centre.course(*sundays(3)).lines()
    if not attends:
        return centre.confirmed(rossi, rossi.child(), lines)
    cart = centre.submitted(rossi, rossi.child(), lines, how=ADMIN_CONFIRM)
    centre.pull(orders.approve_attendance, cart)
    return cart


def cancelling(centre: Centre, cart: Cart) -> Pull:
    known = {"booking_id": centre.booking(cart)["id"], "actor": centre.admin, "reason": "moved", "now": NOW}
    return Pull(endings.cancel, known)


def confirming(centre: Centre, cart: Cart) -> Pull:
    return Pull(orders.confirm, {"order_id": cart.id, "actor": centre.admin, "reason": "papers", "now": NOW})


def test_of_two_cancels_at_once_one_issues_the_credit_note(centre: Centre, racers: Clients) -> None:
    carts = [enrolled(centre) for _ in range(ROUNDS)]

    outcomes = racers.race(centre.organisation_id, [[cancelling(centre, cart)] * 2 for cart in carts])

    assert all(Counter(pair) == {GOT_IT: 1, "not_allowed_now": 1} for pair in outcomes), outcomes
    for cart in carts:
        notes = centre.rows("SELECT id FROM credit_note WHERE booking_id = %(id)s", id=centre.booking(cart)["id"])
        assert len(notes) == 1


def test_a_child_marked_present_is_billed_and_one_cancelled_is_not_marked(centre: Centre, racers: Clients) -> None:
    staff = Actor(ActorKind.STAFF, user_id=new_id(), site_ids=frozenset({centre.site["id"]}))
    early = FIRST.replace(tzinfo=TORONTO) - 30 * MINUTE
    carts = [enrolled(centre) for _ in range(ROUNDS)]

    def marking(cart: Cart) -> Pull:
        row = centre.rows("SELECT id, term_product_id FROM term_attendance WHERE booking_id = %(id)s "
                          "ORDER BY local_date", id=centre.booking(cart)["id"])[0]  # fmt: skip
        mark = Mark(row["id"], AttendanceStatus.PRESENT, early)
        return Pull(mark_roll, {"session_id": row["term_product_id"], "marks": [mark], "actor": staff, "now": early})

    def cancel(cart: Cart) -> Pull:
        return Pull(endings.cancel, {**cancelling(centre, cart).known, "now": early})

    outcomes = racers.race(centre.organisation_id, [[cancel(cart), marking(cart)] for cart in carts])

    for cart, (canceled, marked) in zip(carts, outcomes, strict=True):
        assert canceled == GOT_IT, outcomes
        status, costs_minor = first_session(centre, centre.booking(cart)["id"])
        # Whoever was first, roll and bill agree.
        assert (status, costs_minor) == (("PRESENT", 1130) if marked == GOT_IT else ("CANCELLED", 0)), outcomes


def first_session(centre: Centre, booking_id: UUID) -> tuple[str, int]:
    """How the first session stands on the roll, and what the booking still costs."""
    row = centre.rows("SELECT a.status, b.total_minor FROM term_attendance a "
                      "JOIN term_booking b ON b.id = a.booking_id WHERE b.id = %(id)s ORDER BY a.local_date",
                      id=booking_id)[0]  # fmt: skip
    return row["status"], row["total_minor"]


def test_an_order_for_attendance_is_confirmed_or_cancelled(centre: Centre, racers: Clients) -> None:
    carts = [enrolled(centre, attends=True) for _ in range(ROUNDS)]

    outcomes = racers.race(
        centre.organisation_id, [[confirming(centre, cart), cancelling(centre, cart)] for cart in carts]
    )  # fmt: skip

    assert not [outcome for pair in outcomes for outcome in pair if outcome.startswith("failed")], outcomes
    for cart, (confirmed, canceled) in zip(carts, outcomes, strict=True):
        # A confirmed booking may be cancelled right after; a cancelled one cannot be confirmed.
        assert canceled == GOT_IT, outcomes
        ends = (centre.status(cart), centre.booking(cart)["status"])
        assert ends == ((S.APPROVED, S.CANCELED) if confirmed == GOT_IT else (S.CANCELED, S.CANCELED))


def change_against_cancellation(centre: Centre) -> list[Pull]:
    """The confirmation of a change, and the cancellation of its booking, each with the review that somebody saw."""
    cart, karate = enrolled(centre), centre.course(FIRST + DAY)
    booking = centre.booking(cart)
    known = {"actor": centre.admin, "now": NOW}
    change = centre.do(change_order.begin_change, booking_id=booking["id"], **known)
    kept = centre.rows("SELECT term_product_id AS session_id FROM term_booking_line WHERE booking_id = %(id)s",
                       id=booking["id"])  # fmt: skip
    lines = [{"session_id": row["session_id"], "mode": "CASUAL"} for row in kept] + karate.lines()
    saved = centre.do(change_order.save, order_id=change.order.id, lines=lines, **known)
    seen = saved.priced.fingerprint
    centre.do(change_order.submit, order_id=change.order.id, confirmation_type=ADMIN_CONFIRM, price_fingerprint=seen,
              **known)  # fmt: skip
    review = centre.do(enrolment.review_cancellation, booking_id=booking["id"], **known)
    return [
        Pull(change_order.confirm, {"order_id": change.order.id, "difference_fingerprint": seen, "reason": "agreed",
                                    **known}),
        Pull(enrolment.cancel, {"booking_id": booking["id"], "fingerprint": review.difference.fingerprint,
                                "reason": "moved", **known}),
    ]  # fmt: skip


def test_a_change_is_confirmed_or_its_booking_cancelled(centre: Centre, racers: Clients) -> None:
    pairs = [change_against_cancellation(centre) for _ in range(FEW)]

    outcomes = racers.race(centre.organisation_id, pairs)

    # Who comes second finds another difference than it was shown, or nothing to change.
    assert all(sorted(outcome == GOT_IT for outcome in pair) == [False, True] for pair in outcomes), outcomes
    assert all("difference_is_stale" in outcome for pair in outcomes for outcome in pair if outcome != GOT_IT), outcomes


def overtaken(outcomes: list[list[str]]) -> list[str]:
    """Those that read what another was about to change, and that the database itself had to stop."""
    stopped = ("moved_meanwhile", "failed: UniqueViolation")
    return [outcome for pair in outcomes for outcome in pair if outcome.startswith(stopped)]


class TestControl:
    """Without the locks nobody waits for the other: the races are real, and the guard behind them holds."""

    @pytest.fixture
    def unlocked(self, database_url: str, time_to_meet: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
        monkeypatch.setattr(order_facts, "_LOCK", f"{order_facts.ORDERS} -- ")
        monkeypatch.setattr(booking_facts, "_LOCK", booking_facts.BOOKINGS)
        # Who waits for a roll that is being marked waits for another who gives its sessions up, too.
        monkeypatch.setattr(booking_facts, "LOCK_ROLL", booking_facts.LOCK_ROLL.replace("FOR NO KEY UPDATE", ""))
        monkeypatch.setattr(database, "LOOKS", 1)
        with clients(database_url, processes=2, each=1) as racing:
            yield racing

    def test_two_cancels_overtake_each_other(self, centre: Centre, unlocked: Clients) -> None:
        carts = [enrolled(centre) for _ in range(MEETINGS)]

        outcomes = unlocked.race(centre.organisation_id, [[cancelling(centre, cart)] * 2 for cart in carts])

        assert overtaken(outcomes), outcomes
        for cart in carts:
            notes = centre.rows("SELECT id FROM credit_note WHERE booking_id = %(id)s", id=centre.booking(cart)["id"])
            assert len(notes) == 1

    def test_a_confirm_and_a_cancel_overtake_each_other(self, centre: Centre, unlocked: Clients) -> None:
        carts = [enrolled(centre, attends=True) for _ in range(MEETINGS)]

        outcomes = unlocked.race(
            centre.organisation_id, [[confirming(centre, cart), cancelling(centre, cart)] for cart in carts]
        )  # fmt: skip

        assert overtaken(outcomes), outcomes

    def test_a_change_and_a_cancellation_overtake_each_other(self, centre: Centre, unlocked: Clients) -> None:
        pairs = [change_against_cancellation(centre) for _ in range(MEETINGS)]

        outcomes = unlocked.race(centre.organisation_id, pairs)

        # One of them reads the halves of two moments, or is stopped by the guard behind the locks.
        failed = ("failed", "moved_meanwhile")
        assert [outcome for pair in outcomes for outcome in pair if outcome.startswith(failed)], outcomes

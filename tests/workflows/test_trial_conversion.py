"""A trial becomes a booking: its place goes over without being free for a moment, its money is the family's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from engine.database import Database
from engine.fire import Refused
from engine.ids import new_id
from engine.outbox import read_message
from models import TermBookingStatus as S
from notifications.email import compose
from tests import builders as build
from tests.builders import TORONTO
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    FIRST,
    HOUR,
    TRIAL,
    Cart,
    Centre,
    Course,
    Family,
    codes,
    orders,
    refused,
    sundays,
)
from tests.workflows.hall import show
from tests.workflows.race import GOT_IT, Pull, clients, submission
from workflows import conversion
from workflows.messages import compose_message

# In the middle of the first lesson.
AFTER_THE_FIRST = FIRST.replace(tzinfo=TORONTO) + HOUR / 2


def begin(centre: Centre, trial: Cart, by: Family, lines: Any = None, **known: Any) -> Cart:
    """The order that is to convert a trial."""
    begun = centre.do(conversion.begin, order_id=trial.id, actor=by.actor, lines=lines, **known)
    return Cart(begun.order.id, begun.order.reference, begun.priced.fingerprint, begun.priced.total_minor,
                [reason.code for reason in begun.notices])  # fmt: skip


def tried(centre: Centre, *, sessions: int = 1, paid: bool = True, capacity: int = 1) -> tuple[Family, Course, Cart]:
    """Mia Rossi with a confirmed trial of a course of three lessons, 11.30 each."""
    rossi, karate = centre.family(), centre.course(*sundays(3), capacity=capacity, rules={"trial_limit": 3})
    trial = centre.submitted(rossi, rossi.child(), karate.lines(*range(sessions)), order_type=TRIAL, how=ADMIN_CONFIRM)
    if paid:
        centre.pay(trial, 1130 * sessions)
    centre.pull(orders.confirm, trial, reason="as agreed")
    return rossi, karate, trial


class TestTrialOnItsWay:
    def test_hands_its_place_over_in_a_full_session(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(3), capacity=1)
        trial = riverside.submitted(rossi, rossi.child(), karate.lines(0), order_type=TRIAL)
        (claim,) = riverside.claims(trial)
        made = begin(riverside, trial, rossi, karate.lines())

        riverside.submit(made, actor=rossi.actor)

        assert made.notices == []
        assert riverside.taken(karate) == [1, 1, 1]
        claims = {c["term_product_id"]: c for c in riverside.claims(made)}
        assert set(claims) == set(karate.ids)
        assert {c["order_type"] for c in claims.values()} == {0}
        assert claims[karate.ids[0]]["id"] == claim["id"]  # the very claim
        ended = riverside.order(trial)
        assert (ended["status"], ended["converted_into_id"]) == (S.REMOVED, made.id)
        assert ended["cancel_reason"] == f"converted into {made.reference}"
        # One group: the trial, its void version, the booking.
        assert [riverside.billings(trial), riverside.billings(made)] == [
            [(1, False, 1130), (2, True, 0)], [(3, False, 3390)]
        ]  # fmt: skip

    def test_its_timeout_is_not_needed_any_more(self, riverside: Centre) -> None:
        rossi = riverside.family()
        karate = riverside.course(rules={"auto_cancel_minutes": {"PAY_NOW_PAY_ALL": 15}})
        trial = riverside.submitted(rossi, rossi.child(), karate.lines(), order_type=TRIAL)
        made = begin(riverside, trial, rossi)

        riverside.submit(made, actor=rossi.actor)

        assert [status for _, status, _ in riverside.timers(trial)] == ["DISARMED"]
        assert [status for _, status, _ in riverside.timers(made)] == ["ARMED"]

    def test_money_that_has_come_for_it_is_settled_first(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        trial = riverside.submitted(rossi, rossi.child(), karate.lines(), order_type=TRIAL)
        made = begin(riverside, trial, rossi)
        riverside.pay(trial, 500)

        assert codes(lambda: riverside.submit(made, actor=rossi.actor)) == ["money_captured"]
        assert riverside.status(trial) == S.SUBMITTED
        assert len(riverside.claims(trial)) == 1


class TestBookedTrial:
    def test_hands_its_place_over_and_what_was_paid_is_credit(self, riverside: Centre) -> None:
        rossi, karate, trial = tried(riverside)
        made = begin(riverside, trial, rossi, karate.lines())

        riverside.submit(made, actor=rossi.actor)

        booking = riverside.booking(trial)
        assert (booking["status"], booking["converted_into_id"]) == (S.CANCELED, made.id)
        assert riverside.taken(karate) == [1, 1, 1]
        assert len(riverside.claims(made)) == 3
        assert riverside.billings(made)[-1][1:] == (False, 3390)
        (note,) = riverside.rows("SELECT * FROM credit_note WHERE booking_id = %(id)s", id=booking["id"])
        assert (note["total_minor"], note["reason"]) == (1130, f"converted into {made.reference}")
        credit = riverside.one("SELECT -sum(amount_minor) AS n FROM ledger_posting WHERE account_id = %(id)s "
                               "AND ledger_account = 'WALLET'", id=rossi.id)  # fmt: skip
        assert credit["n"] == 1130
        (row,) = riverside.rows("SELECT * FROM term_attendance WHERE booking_id = %(id)s", id=booking["id"])
        assert (row["status"], row["reason"]) == ("CANCELLED", "CONVERTED")
        (event,) = riverside.rows("SELECT * FROM status_event WHERE subject_id = %(id)s AND trigger = 'convert'",
                                  id=booking["id"])  # fmt: skip
        assert (event["actor_kind"], event["changes"]["into"]) == ("SYSTEM", made.reference)
        assert event["changes"]["by"] == str(rossi.actor.user_id)

    def test_is_confirmed_as_any_booking_is(self, riverside: Centre) -> None:
        rossi, karate, trial = tried(riverside)
        made = begin(riverside, trial, rossi, karate.lines())
        riverside.submit(made, actor=riverside.admin, how=ADMIN_CONFIRM)

        riverside.pull(orders.confirm, made, reason="as agreed")

        booking = riverside.booking(made)
        assert (booking["status"], booking["order_type"], booking["total_minor"]) == (S.APPROVED, 0, 3390)
        roll = riverside.rows("SELECT status FROM term_attendance WHERE term_product_id = %(id)s ORDER BY id",
                              id=karate.ids[0])  # fmt: skip
        assert [row["status"] for row in roll] == ["CANCELLED", "EXPECTED"]

    def test_is_converted_with_all_that_is_still_to_come(self, riverside: Centre) -> None:
        rossi, karate, trial = tried(riverside, sessions=2)
        made = begin(riverside, trial, rossi, karate.lines(1, 2))

        (reason,) = refused(lambda: riverside.submit(made, actor=rossi.actor))

        assert reason.code == "trial_left_out"
        assert reason.facts == {"session_ids": [str(karate.ids[0])]}
        assert riverside.booking(trial)["status"] == S.APPROVED
        assert riverside.taken(karate) == [1, 1, 0]

    def test_a_session_that_was_held_stays_with_it(self, riverside: Centre) -> None:
        rossi, karate, trial = tried(riverside, sessions=2)
        made = begin(riverside, trial, rossi, now=AFTER_THE_FIRST)
        assert made.total_minor == 1130  # the second lesson

        riverside.submit(made, actor=rossi.actor, now=AFTER_THE_FIRST)

        booking = riverside.booking(trial)
        assert (booking["status"], booking["total_minor"]) == (S.CANCELED, 1130)
        assert riverside.taken(karate) == [0, 1, 0]
        rows = riverside.rows("SELECT status FROM term_attendance WHERE booking_id = %(id)s ORDER BY local_date",
                              id=booking["id"])  # fmt: skip
        assert [row["status"] for row in rows] == ["EXPECTED", "CANCELLED"]

    def test_one_that_was_held_is_followed_and_nothing_moves(self, riverside: Centre) -> None:
        rossi, karate, trial = tried(riverside)
        made = begin(riverside, trial, rossi, karate.lines(1, 2), now=AFTER_THE_FIRST)

        riverside.submit(made, actor=rossi.actor, now=AFTER_THE_FIRST)

        booking = riverside.booking(trial)
        assert (booking["status"], booking["converted_into_id"]) == (S.APPROVED, made.id)
        assert riverside.order(made)["converts_order_id"] == trial.id
        assert riverside.taken(karate) == [1, 1, 1]
        assert riverside.rows("SELECT id FROM credit_note WHERE booking_id = %(id)s", id=booking["id"]) == []
        (event,) = riverside.rows("SELECT * FROM status_event WHERE subject_id = %(id)s AND trigger = 'follow'",
                                  id=booking["id"])  # fmt: skip
        assert event["changes"]["into"] == made.reference

    def test_once(self, riverside: Centre) -> None:
        rossi, karate, trial = tried(riverside)
        first, second = (begin(riverside, trial, rossi, karate.lines(n), now=AFTER_THE_FIRST) for n in (1, 2))
        riverside.submit(first, actor=rossi.actor, now=AFTER_THE_FIRST)

        (reason,) = refused(lambda: riverside.submit(second, actor=rossi.actor, now=AFTER_THE_FIRST))
        again = codes(lambda: begin(riverside, trial, rossi, now=AFTER_THE_FIRST))

        assert (reason.code, first.reference in reason.message) == ("nothing_to_convert", True)
        assert again == ["not_convertible"]

    def test_follows_an_order_that_came_to_nothing(self, riverside: Centre) -> None:
        rossi, karate, trial = tried(riverside)
        first = begin(riverside, trial, rossi, karate.lines(1), now=AFTER_THE_FIRST)
        riverside.submit(first, actor=rossi.actor, now=AFTER_THE_FIRST)
        riverside.pull(orders.cancel, first, now=AFTER_THE_FIRST)
        second = begin(riverside, trial, rossi, karate.lines(2), now=AFTER_THE_FIRST)

        riverside.submit(second, actor=rossi.actor, now=AFTER_THE_FIRST)

        assert riverside.booking(trial)["converted_into_id"] == second.id

    def test_of_a_seat_keeps_that_seat(self, riverside: Centre) -> None:
        magic = show(riverside, rules={"order_types": ["BOOKING", "TRIAL_SESSION"]})
        rossi = riverside.family()
        trial = riverside.submitted(rossi, rossi.child(), magic.asking("C1"), order_type=TRIAL, how=ADMIN_CONFIRM)
        riverside.pull(orders.confirm, trial, reason="as agreed")
        elsewhere = begin(riverside, trial, rossi, magic.asking("C2"))

        reasons = refused(lambda: riverside.submit(elsewhere, actor=rossi.actor))

        assert [(reason.code, reason.field) for reason in reasons] == [("other_seat", "lines[0].seat_id")]
        assert magic.holders() == {"C1": trial.id}

    def test_a_refused_conversion_changes_nothing(self, riverside: Centre) -> None:
        rossi, karate, trial = tried(riverside)
        made = begin(riverside, trial, rossi, karate.lines())
        before = riverside.snapshot()

        with pytest.raises(Refused):
            riverside.submit(made, actor=rossi.actor, price_fingerprint="not what was shown")

        assert riverside.snapshot() == before
        assert riverside.booking(trial)["status"] == S.APPROVED
        assert [len(riverside.claims(cart)) for cart in (trial, made)] == [1, 0]

    def test_reopened_and_submitted_again(self, riverside: Centre) -> None:
        rossi, karate, trial = tried(riverside)
        made = begin(riverside, trial, rossi, karate.lines())
        riverside.submit(made, actor=rossi.actor)

        riverside.pull(orders.reopen, made, actor=rossi.actor)
        riverside.submit(made, actor=rossi.actor)

        assert riverside.taken(karate) == [1, 1, 1]

    @pytest.mark.parametrize("ends", ["cancel", "reopen"])
    def test_the_new_order_is_on_its_own_from_then_on(self, riverside: Centre, ends: str) -> None:
        rossi, karate, trial = tried(riverside)
        made = begin(riverside, trial, rossi, karate.lines())
        riverside.submit(made, actor=rossi.actor)

        riverside.pull(getattr(orders, ends), made, actor=rossi.actor)

        assert riverside.taken(karate) == [0, 0, 0]
        assert riverside.booking(trial)["status"] == S.CANCELED


@dataclass(frozen=True)
class LetGoThenTake:
    """What a conversion must not be: the trial is cancelled, and the place is booked a moment later."""

    cancel: Pull
    book: Callable[..., str]

    def __call__(self, database: Database, organisation_id: UUID) -> str:
        self.cancel(database, organisation_id)
        return self.book(database, organisation_id)


class TestRace:
    """The Chens want the only place, which Mia Rossi's trial holds, at the moment in which it is converted."""

    ROUNDS = 30

    @pytest.mark.parametrize("is_guarded", [True, False])
    def test_the_place_is_never_free(self, riverside: Centre, database_url: str, is_guarded: bool) -> None:
        rounds = [self.round(riverside, is_guarded) for _ in range(self.ROUNDS)]
        with clients(database_url, processes=8, each=1) as racing:
            outcomes = racing.race(riverside.organisation_id, rounds)

        assert not [each for outcome in outcomes for each in outcome if each.startswith("failed")]
        lost = [outcome for outcome in outcomes if outcome[0] != GOT_IT]
        if is_guarded:
            assert lost == []
            assert {each for outcome in outcomes for each in outcome[1:]} == {"session_full"}
        else:
            assert lost, "the control shows that the race is real"

    def round(self, centre: Centre, is_guarded: bool) -> list[Any]:
        rossi, karate = centre.family(), centre.course(capacity=1)
        mia = rossi.child()
        trial = centre.submitted(rossi, mia, karate.lines(), order_type=TRIAL)
        made = begin(centre, trial, rossi) if is_guarded else centre.cart(rossi, mia, karate.lines())
        book = Pull(orders.submit, {
            "order_id": made.id, "confirmation_type": ADMIN_CONFIRM, "price_fingerprint": made.fingerprint,
            "actor": centre.admin, "now": build.NOW,
        })  # fmt: skip
        cancel = Pull(orders.cancel, {"order_id": trial.id, "actor": centre.admin, "now": build.NOW})
        return [book if is_guarded else LetGoThenTake(cancel, book), *(self.rival(centre, karate) for _ in range(7))]

    def rival(self, centre: Centre, karate: Course) -> Pull:
        chen = centre.family("Chen family")
        made = centre.edit(build.cart, chen.account, chen.child("Lin Chen"), centre.term, karate.sessions)
        return submission(made, actor=centre.admin)


def mails(centre: Centre, reference: str) -> list[Any]:
    """What the family is told of a record, oldest first."""
    found = centre.rows("SELECT id FROM outbox_message WHERE payload->>'reference' = %(reference)s ORDER BY id",
                        reference=reference)  # fmt: skip

    def read(tx: Any, now: Any) -> list[Any]:
        messages = (
            compose_message(tx, read_message(tx, row["id"]), base_url="https://example.org", secret="for tests")
            for row in found
        )
        return [message for message in messages if message is not None]

    told: list[Any] = centre.do(read)
    return told


class TestMail:
    def test_says_what_became_of_the_trial_and_its_money(self, riverside: Centre) -> None:
        rossi, karate, trial = tried(riverside)
        riverside.run("UPDATE account SET email = 'rossi@family.example' WHERE id = %(id)s", id=rossi.id)
        made = begin(riverside, trial, rossi, karate.lines())
        riverside.submit(made, actor=rossi.actor)

        (message,) = mails(riverside, riverside.booking(trial)["reference"])
        mail = compose(message, message_id=new_id(), from_address="office@example.org", now=build.NOW)

        reference = riverside.booking(trial)["reference"]
        assert mail["Subject"] == f"Mia Rossi's trial {reference} is now order {made.reference}"
        text = mail.get_body(("plain",)).get_content()
        for fact in ("Total: $33.90", "Credited: $11.30 (credit note CN-2026-", "Sun 26 Apr 2026",
                     "The $11.30 you had already paid is now a credit on your account."):  # fmt: skip
            assert fact in text

    def test_is_not_sent_of_a_muted_conversion(self, riverside: Centre) -> None:
        rossi, karate, trial = tried(riverside)
        riverside.run("UPDATE account SET email = 'rossi@family.example' WHERE id = %(id)s", id=rossi.id)
        made = begin(riverside, trial, rossi, karate.lines())

        riverside.submit(made, actor=riverside.admin, how=ADMIN_CONFIRM, is_muted=True)

        assert mails(riverside, riverside.booking(trial)["reference"]) == []

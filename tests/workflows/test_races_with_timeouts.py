"""A confirmation and the timeout at the same moment: exactly one wins; sweepers and families do not trip each other."""

from collections import Counter
from datetime import datetime

import pytest

from engine import database
from engine.database import Transaction
from models import TermBookingStatus as S
from tests import builders as build
from tests.workflows.centre import ADMIN_CONFIRM, FIRST, MINUTE, NOW, Centre, Course, orders
from tests.workflows.race import GOT_IT, Job, Pull, Sweep, clients, submission

ROUNDS = 200


def due(number: int) -> datetime:
    """When the order of that round times out: each a minute after the one before."""
    return NOW + (number + 1) * MINUTE


def submitted(tx: Transaction, centre: Centre, karate: Course, number: int) -> build.Ordered:
    by = build.account(tx)
    child = build.attendee(tx, by)
    placed = build.submitted(tx, by, child, centre.term, karate.sessions)
    build.arm(tx, placed, minutes=number + 1)
    return placed


class TestConfirmAgainstTheTimeout:
    def test_exactly_one_wins_two_hundred_times(self, riverside: Centre, database_url: str) -> None:
        karate = riverside.course(capacity=10_000)
        placed = riverside.edit(lambda tx: [submitted(tx, riverside, karate, n) for n in range(ROUNDS)])
        rounds: list[list[Job]] = [
            [
                Pull(orders.confirm, {
                    "order_id": one.order["id"], "actor": riverside.admin, "now": due(number),
                    "reason": "paid in cash", "confirmation_type": ADMIN_CONFIRM,
                }),
                Sweep(due(number)), Sweep(due(number)),
            ]
            for number, one in enumerate(placed)
        ]  # fmt: skip

        with clients(database_url, processes=3, each=1, jitter_seconds=0.006) as racing:
            outcomes = racing.race(riverside.organisation_id, rounds)

        won: Counter[str] = Counter()
        for (confirmed, *swept), one in zip(outcomes, placed, strict=True):
            order = riverside.one("SELECT status, booking_id FROM term_booking_order WHERE id = %(id)s",
                                  id=one.order["id"])  # fmt: skip
            timers = riverside.rows("SELECT status FROM timer WHERE subject_id = %(id)s", id=one.order["id"])
            if confirmed == GOT_IT:
                assert order["status"] == S.APPROVED
                assert order["booking_id"] is not None
                assert (swept, timers) == (["fired 0"] * 2, [{"status": "DISARMED"}])
            else:
                assert (confirmed, order) == ("not_allowed_now", {"status": S.CANCELED, "booking_id": None})
                assert (sorted(swept), timers) == (["fired 0", "fired 1"], [{"status": "FIRED"}])
            won[confirmed] += 1
        assert riverside.taken(karate) == [won[GOT_IT]]
        assert set(won) == {GOT_IT, "not_allowed_now"}, "each wins sometimes"


def families(centre: Centre, count: int, *, first: int) -> list[list[Job]]:
    """In each round a family submits soccer at the moment when its karate times out."""
    karate, soccer = centre.course(capacity=10_000), centre.course(FIRST + 60 * MINUTE, capacity=10_000)

    def make(tx: Transaction) -> list[list[Job]]:
        rounds: list[list[Job]] = []
        for number in range(first, first + count):
            held = submitted(tx, centre, karate, number)
            by, child = {"id": held.order["account_id"]}, {"id": held.order["attendee_id"]}
            wanted = build.cart(tx, by, child, centre.term, soccer.sessions)
            rounds.append([submission(wanted, actor=centre.admin, how=ADMIN_CONFIRM), Sweep(due(number))])
        return rounds

    rounds: list[list[Job]] = centre.edit(make)
    return rounds


@pytest.mark.usefixtures("time_to_meet")
class TestSubmitAgainstTheTimeout:
    """Both write the next version of one billing group."""

    def test_of_another_order_of_the_family_is_no_reason_to_refuse(self, riverside: Centre, database_url: str) -> None:
        rounds = families(riverside, 60, first=ROUNDS)

        with clients(database_url, processes=2, each=1, jitter_seconds=0.01) as racing:
            outcomes = racing.race(riverside.organisation_id, rounds)

        assert outcomes == [[GOT_IT, "fired 1"]] * 60

    def test_control_without_a_second_look_it_is(
        self, riverside: Centre, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database, "LOOKS", 1)
        rounds = families(riverside, 8, first=ROUNDS + 100)

        with clients(database_url, processes=2, each=1, jitter_seconds=0.01) as racing:
            outcomes = racing.race(riverside.organisation_id, rounds)
        riverside.sweep(due(ROUNDS + 1000))

        assert any(found != [GOT_IT, "fired 1"] for found in outcomes)

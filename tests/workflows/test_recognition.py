"""Stories of revenue: earned when the session was held, on its day, once; taken back with a credit."""

from datetime import date, datetime, timedelta
from itertools import count
from threading import Barrier, Thread
from typing import Any

import pytest

from billing import recognition
from engine.database import Database
from tests.workflows.books import balance, entries, recognise
from tests.workflows.centre import FIRST, HOUR, NOW, WEEK, Centre, make_centre, sundays
from workflows.closure_days import close_day, preview
from workflows.closure_facts import Scope

# Sessions are from 09:30 to 10:30 in Toronto; the last one named here is over then.
AFTER_FIRST = NOW + timedelta(days=14)
ALL_HELD = AFTER_FIRST + WEEK
_NUMBERS = count()
TAX = {"tax": {"name": "HST", "rate_percent": "13"}}


@pytest.fixture
def centre(checked_database: Database, database_url: str) -> Centre:
    """A centre of its own: the worker comes by for all families at once."""
    return make_centre(checked_database, database_url, name=f"Centre {next(_NUMBERS)}")


def enrolled(centre: Centre, *wanted: Any, **course: Any) -> Any:
    """The Rossis with Mia in two Sundays of karate, 11.30 each with 1.30 tax in it."""
    rossi = centre.family()
    karate = centre.course(*(wanted or sundays(2)), rules=TAX, **course)
    return rossi, centre.confirmed(rossi, rossi.child(), karate.lines()), karate


class TestRecognition:
    def test_nothing_is_earned_before_the_session(self, centre: Centre) -> None:
        rossi, _, _ = enrolled(centre)

        assert recognise(centre, NOW) == 0
        assert balance(centre, rossi.id, "DEFERRED_REVENUE", "REVENUE", "TAX", "RECEIVABLE") == [2000, 0, 260, 2260]

    def test_a_session_that_was_held_is_revenue_on_its_day(self, centre: Centre) -> None:
        rossi, _, karate = enrolled(centre)

        assert recognise(centre, AFTER_FIRST) == 1

        assert balance(centre, rossi.id, "DEFERRED_REVENUE", "REVENUE") == [1000, 1000]
        (entry,) = entries(centre, rossi.id, "RECOGNITION")
        assert (entry["purpose"], entry["posted_on"], entry["event_on"]) == ("EARNED", FIRST.date(), None)
        assert entry["posted_on"] == karate.sessions[0]["local_date"]

    def test_a_second_run_has_nothing_to_add(self, centre: Centre) -> None:
        enrolled(centre)

        assert [recognise(centre, ALL_HELD), recognise(centre, ALL_HELD)] == [2, 0]

    def test_an_undated_session_is_held_when_its_term_is_over(self, centre: Centre) -> None:
        rossi, _, _ = enrolled(centre, None)
        ends_on = centre.term["ends_on"]
        over = NOW + timedelta(days=(ends_on - NOW.date()).days + 1)

        assert [recognise(centre, over - timedelta(days=2)), recognise(centre, over)] == [0, 1]
        assert entries(centre, rossi.id, "RECOGNITION")[0]["posted_on"] == ends_on

    def test_what_is_credited_before_it_was_held_is_never_earned(self, centre: Centre) -> None:
        rossi, _, _ = enrolled(centre)
        _close(centre, FIRST.date(), NOW)

        assert recognise(centre, AFTER_FIRST) == 0
        assert balance(centre, rossi.id, "DEFERRED_REVENUE", "REVENUE", "RECEIVABLE") == [1000, 0, 1130]

    def test_what_is_credited_afterwards_is_taken_back_and_the_entry_reversed(self, centre: Centre) -> None:
        rossi, _, _ = enrolled(centre)
        recognise(centre, AFTER_FIRST)
        (earned,) = entries(centre, rossi.id, "RECOGNITION")
        _close(centre, FIRST.date(), AFTER_FIRST)

        assert recognise(centre, AFTER_FIRST + HOUR) == 1

        back = entries(centre, rossi.id, "RECOGNITION")[-1]
        assert (back["purpose"], back["reverses_id"], back["minor"]) == ("TAKEN_BACK", earned["id"], 1000)
        assert back["posted_on"] == AFTER_FIRST.date()
        assert balance(centre, rossi.id, "DEFERRED_REVENUE", "REVENUE") == [1000, 0]

    def test_a_session_that_is_put_off_is_not_earned_any_more(self, centre: Centre) -> None:
        rossi, _, karate = enrolled(centre)
        recognise(centre, AFTER_FIRST)
        centre.run("UPDATE place_claim SET during = tstzrange(lower(during) + interval '28 days', "
                   "upper(during) + interval '28 days') WHERE term_product_id = %(id)s", id=karate.ids[0])  # fmt: skip
        centre.run("UPDATE term_product SET starts_at = starts_at + interval '28 days', local_date = local_date + 28, "
                   "ends_at = ends_at + interval '28 days' WHERE id = %(id)s", id=karate.ids[0])  # fmt: skip
        centre.run("UPDATE term_attendance SET local_date = local_date + 28 WHERE term_product_id = %(id)s",
                   id=karate.ids[0])  # fmt: skip

        recognise(centre, AFTER_FIRST + HOUR)
        assert balance(centre, rossi.id, "DEFERRED_REVENUE", "REVENUE") == [2000, 0]
        recognise(centre, AFTER_FIRST + timedelta(days=28))
        assert balance(centre, rossi.id, "DEFERRED_REVENUE", "REVENUE") == [0, 2000]
        days = {entry["posted_on"] for entry in entries(centre, rossi.id, "RECOGNITION")}
        assert days == {FIRST.date(), AFTER_FIRST.date(), FIRST.date() + WEEK, date(2026, 5, 10)}


class TestManyWorkers:
    def test_eight_workers_post_each_step_once(self, centre: Centre) -> None:
        families = [enrolled(centre)[0] for _ in range(6)]

        posted = _together(centre, 8)

        assert sum(posted) == 12
        assert all(balance(centre, rossi.id, "REVENUE") == [2000] for rossi in families)

    def test_without_the_lock_the_constraint_lets_one_through(
        self, centre: Centre, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rossi, _, _ = enrolled(centre)
        monkeypatch.setattr(recognition, "_LOCK", recognition._LOCK.split("FOR NO KEY")[0])

        assert sum(_together(centre, 8)) == 2
        assert balance(centre, rossi.id, "REVENUE") == [2000]


def _together(centre: Centre, workers: int) -> list[int]:
    """What each of so many workers posted, all of them at the same moment."""
    start, posted = Barrier(workers), []

    def turn() -> None:
        start.wait()
        posted.append(recognise(centre, ALL_HELD))

    threads = [Thread(target=turn) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(posted) == workers, "no worker failed"
    return posted


def _close(centre: Centre, day: date, now: datetime) -> None:
    """The day is closed: whoever was not there gets a credit note."""
    scope = Scope(site_id=centre.site["id"], day=day)
    seen = centre.do(lambda tx, now: preview(tx, scope), now=now)
    centre.do(close_day, scope=scope, reason="Burst pipe", fingerprint=seen["fingerprint"], actor=centre.admin, now=now)

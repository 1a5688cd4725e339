"""Stories of days that are over and kept: what takes them away again, and who waits for whom."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import count
from threading import Thread
from typing import Any
from uuid import UUID

import psycopg
import pytest

from billing.reports import keeping
from billing.reports.catalogue import ReportName, make_report
from billing.reports.form import Period
from billing.reports.keeping import keep_days_of
from engine.check import check
from engine.database import Database, Row
from engine.ids import new_id
from models import KeptKind
from tests.builders import TORONTO
from tests.workflows.books import post_on, recognise
from tests.workflows.centre import FIRST, Centre, make_centre, sundays
from tests.workflows.slow_reports import agree
from workflows.charts import edges

APRIL, MAY = date(2026, 4, 1), date(2026, 5, 1)
IN_MAY = FIRST.replace(month=5, day=4, hour=12).astimezone()  # a Monday

_NUMBERS = count()
_DAYS = "SELECT day FROM kept_day WHERE kind = %(kind)s AND is_summed ORDER BY day"


@pytest.fixture
def centre(checked_database: Database, database_url: str) -> Iterator[Centre]:
    """A centre of its own: its days are kept. Sessions are moved without their rolls, and at the end moved back."""
    centre = make_centre(checked_database, database_url, name=f"Days {next(_NUMBERS)}")
    yield centre
    centre.run("UPDATE term_product SET local_date = (starts_at AT TIME ZONE %(zone)s)::date", zone=str(TORONTO))


def keep(centre: Centre, now: datetime = IN_MAY) -> int:
    """The worker comes by until there is nothing left to do; how many days that were."""
    days = 0
    while found := keep_days_of(centre.database, centre.organisation_id, now=now):
        days += found
    return days


def kept(centre: Centre, kind: KeptKind = KeptKind.JOURNAL) -> list[date]:
    return [row["day"] for row in centre.rows(_DAYS, kind=kind)]


def posted_on(centre: Centre, day: date) -> None:
    centre.do(post_on, day=day, now=IN_MAY, source_id=new_id())


def shown(centre: Centre, name: ReportName, since: date, until: date) -> list[Row]:
    with centre.database.transaction(centre.organisation_id) as tx:
        return list(make_report(tx, name, Period(since, until)).rows)


def in_bank(centre: Centre, since: date, until: date) -> tuple[int, int]:
    """What stood in the bank before, and what came in, by the trial balance."""
    rows = {row["account"]: row for row in shown(centre, ReportName.TRIAL_BALANCE, since, until)}
    return rows["BANK"]["opening_minor"], rows["BANK"]["debit_minor"]


def breaches(centre: Centre) -> set[str]:
    found = check(centre.database, edges=edges(), organisation_id=centre.organisation_id)
    return {breach.invariant for breach in found}


@contextmanager
def without(centre: Centre, off: str, on: str) -> Iterator[None]:
    """The schema without one of its guards, for a while."""
    with psycopg.connect(centre.url) as owner:
        owner.execute(off)
    try:
        yield
    finally:
        with psycopg.connect(centre.url) as owner:
            owner.execute(on)


def held(centre: Centre, starts: list[datetime | None], *, now: datetime = IN_MAY, **more: Any) -> list[UUID]:
    """Sessions of a course that a family has confirmed, as earned by now."""
    rossi, karate = centre.family(), centre.course(*starts, **more)
    centre.confirmed(rossi, rossi.child(), karate.lines())
    recognise(centre, now)
    return list(karate.ids)


class TestKeep:
    def test_each_day_from_the_first_that_was_posted_to_yesterday(self, centre: Centre) -> None:
        posted_on(centre, APRIL)

        assert keep(centre) == 2 * 33
        for kind in KeptKind:
            assert kept(centre, kind) == [APRIL + timedelta(days=n) for n in range(33)]
        assert keep(centre) == 0

    def test_a_day_is_over_for_an_hour_first(self, centre: Centre) -> None:
        posted_on(centre, MAY)
        midnight = datetime(2026, 5, 4, tzinfo=TORONTO)

        keep(centre, midnight + timedelta(minutes=59))
        before = kept(centre)
        keep(centre, midnight + timedelta(minutes=61))

        assert (before[-1], kept(centre)[-1]) == (date(2026, 5, 2), date(2026, 5, 3))

    def test_nothing_was_posted_yet(self, centre: Centre) -> None:
        assert keep(centre) == 0

    @pytest.mark.parametrize(
        ("since", "until"),
        [(date(2026, 1, 1), date(2026, 6, 30)), (APRIL, date(2026, 4, 30)), (date(2026, 4, 2), date(2026, 4, 29)),
         (date(2026, 4, 15), date(2026, 5, 15)), (MAY, MAY), (date(2026, 3, 31), APRIL),
         (date(2026, 6, 1), date(2026, 6, 2))],
    )  # fmt: skip
    def test_reports_say_the_same_before_and_after(self, centre: Centre, since: date, until: date) -> None:
        tax = {"tax": {"name": "HST", "rate_percent": "13"}}
        held(centre, list(sundays(3)), rules=tax)
        for day in (date(2026, 2, 28), date(2026, 3, 31), APRIL, date(2026, 4, 15), date(2026, 4, 30), MAY):
            posted_on(centre, day)
        before = {name: shown(centre, name, since, until) for name in ReportName}

        keep(centre)

        assert {name: shown(centre, name, since, until) for name in ReportName} == before
        assert before[ReportName.TRIAL_BALANCE]

    def test_a_report_reads_what_is_kept_instead_of_the_journal(self, centre: Centre) -> None:
        """The control: what is kept wrongly is in it, and `termbook check` says so."""
        posted_on(centre, APRIL)
        keep(centre)
        more = "UPDATE kept_balance SET debit_minor = debit_minor + %(by)s WHERE debit_minor > 0"
        centre.run(more, by=7)

        assert in_bank(centre, APRIL, MAY) == (0, 17)
        assert breaches(centre) == {"kept_balances_are_the_journal"}
        centre.run(more, by=-7)


class TestTakenAway:
    def test_by_what_is_posted_into_the_day_and_then_kept_again(self, centre: Centre) -> None:
        posted_on(centre, APRIL)
        keep(centre)

        posted_on(centre, date(2026, 4, 7))

        assert date(2026, 4, 7) not in kept(centre) + kept(centre, KeptKind.DEFERRAL)
        assert len(kept(centre)) == 32
        assert in_bank(centre, APRIL, MAY) == (0, 20)
        assert keep(centre) == 2
        assert in_bank(centre, APRIL, MAY) == (0, 20)

    def test_without_the_trigger_the_report_would_be_wrong(self, centre: Centre) -> None:
        """The control."""
        posted_on(centre, APRIL)
        keep(centre)
        trigger = "ALTER TABLE ledger_entry {} TRIGGER in_open_months"
        with without(centre, trigger.format("DISABLE"), trigger.format("ENABLE")):
            posted_on(centre, date(2026, 4, 7))

        assert in_bank(centre, APRIL, MAY) == (0, 10)
        assert breaches(centre) == {"kept_balances_are_the_journal", "kept_takings_are_the_journal"}
        centre.run("DELETE FROM kept_day")

    def test_by_a_session_that_goes_to_another_month_since_it_was_invoiced(self, centre: Centre) -> None:
        posted_on(centre, date(2026, 2, 1))
        first, *_ = held(centre, list(sundays(2)))
        keep(centre)
        invoiced_on = centre.one("SELECT issued_on FROM invoice")["issued_on"]

        centre.run("UPDATE term_product SET local_date = local_date + 35 WHERE id = %(id)s", id=first)

        assert kept(centre, KeptKind.DEFERRAL)[-1] == invoiced_on - timedelta(days=1)
        assert kept(centre)[-1] == date(2026, 5, 3), "what was posted is the same"
        with centre.database.transaction(centre.organisation_id) as tx:
            agree(tx, Period(APRIL, date(2026, 4, 10)))

    def test_but_not_within_a_month_and_not_by_what_nobody_booked(self, centre: Centre) -> None:
        first, *_ = held(centre, list(sundays(2)))
        (other,) = centre.course(FIRST, name="Judo").ids
        keep(centre)
        days = len(kept(centre, KeptKind.DEFERRAL))

        centre.run("UPDATE term_product SET local_date = local_date + 1 WHERE id = %(id)s", id=first)
        centre.run("UPDATE term_product SET local_date = local_date + 35 WHERE id = %(id)s", id=other)

        assert len(kept(centre, KeptKind.DEFERRAL)) == days > 0

    def test_by_a_term_that_ends_in_another_month_if_it_has_sessions_without_a_day(self, centre: Centre) -> None:
        held(centre, [None])
        keep(centre)

        centre.run("UPDATE term SET ends_on = ends_on + 31")

        invoiced_on = centre.one("SELECT issued_on FROM invoice")["issued_on"]
        assert [day for day in kept(centre, KeptKind.DEFERRAL) if day >= invoiced_on] == []
        with centre.database.transaction(centre.organisation_id) as tx:
            agree(tx, Period(APRIL, date(2026, 4, 30)))


class TestRace:
    """Who keeps days, who posts into one and who moves a session, all at once."""

    def test_nothing_is_marked_while_somebody_writes_and_nobody_waits(self, centre: Centre) -> None:
        posted_on(centre, APRIL)
        with centre.database.transaction(centre.organisation_id) as tx:
            post_on(tx, day=APRIL, now=IN_MAY, source_id=new_id())
            tx.flush()
            assert keep(centre) == 0, "an entry is under way"

        assert keep(centre) == 2 * 33
        assert in_bank(centre, APRIL, MAY) == (0, 20)

    def test_without_the_row_it_overtakes(self, centre: Centre) -> None:
        """The control: without the share that the foreign key holds, the day is kept without the entry under way."""
        posted_on(centre, APRIL)
        key = "fk_ledger_entry_organisation_id"
        with (
            without(centre, f"ALTER TABLE ledger_entry DROP CONSTRAINT {key}",
                    f"ALTER TABLE ledger_entry ADD CONSTRAINT {key} "
                    "FOREIGN KEY (organisation_id) REFERENCES organisation (id)"),
            centre.database.transaction(centre.organisation_id) as tx,
        ):  # fmt: skip
            post_on(tx, day=APRIL, now=IN_MAY, source_id=new_id())
            tx.flush()
            keep(centre)

        assert in_bank(centre, APRIL, MAY) == (0, 10)
        centre.run("DELETE FROM kept_day")

    def test_what_is_posted_between_the_mark_and_the_sums_takes_the_mark_away(
        self, centre: Centre, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        posted_on(centre, APRIL)
        sum_up = keeping._sum_up

        def after_somebody_posted(tx: Any, kind: KeptKind) -> int:
            posted_on(centre, date(2026, 4, 7))
            return sum_up(tx, kind)

        monkeypatch.setattr(keeping, "_sum_up", after_somebody_posted)
        keep_days_of(centre.database, centre.organisation_id, now=IN_MAY)

        assert date(2026, 4, 7) not in kept(centre)
        assert date(2026, 4, 8) in kept(centre)

    def test_who_posts_waits_for_the_sums_and_takes_them_away(self, centre: Centre) -> None:
        posted_on(centre, APRIL)
        with centre.database.transaction(centre.organisation_id) as tx:
            keeping._mark(tx, KeptKind.JOURNAL, IN_MAY)
        with centre.database.transaction(centre.organisation_id) as tx:
            keeping._sum_up(tx, KeptKind.JOURNAL)
            poster = Thread(target=posted_on, args=(centre, MAY))
            poster.start()
            poster.join(timeout=0.3)
            assert poster.is_alive(), "the sums are under way"
        poster.join()

        assert MAY not in kept(centre)
        assert in_bank(centre, APRIL, MAY) == (0, 20)

    def test_nothing_is_marked_while_a_session_is_being_moved(self, centre: Centre) -> None:
        assert self._kept_during_a_move(centre) == 0

        keep(centre)
        with centre.database.transaction(centre.organisation_id) as tx:
            agree(tx, Period(APRIL, date(2026, 4, 10)))

    def test_without_a_share_of_the_row_the_old_month_is_kept(self, centre: Centre) -> None:
        """The control."""
        with psycopg.connect(centre.url) as owner:
            (whole,) = owner.execute("SELECT pg_get_functiondef('forget_deferral'::regproc)").fetchone() or ("",)
        share = "PERFORM FROM organisation o WHERE o.id = owner FOR KEY SHARE;"
        assert share in whole
        with without(centre, whole.replace(share, ""), whole):
            assert self._kept_during_a_move(centre) > 0

        assert "kept_deferral_is_what_was_written" in breaches(centre)
        centre.run("DELETE FROM kept_day")

    def _kept_during_a_move(self, centre: Centre) -> int:
        first, *_ = held(centre, list(sundays(2)))
        with centre.database.transaction(centre.organisation_id) as tx:
            tx.run("UPDATE term_product SET local_date = local_date + 35 WHERE id = %(id)s", id=first)
            return keep(centre)

    def test_two_workers_keep_each_day_once(self, centre: Centre) -> None:
        posted_on(centre, date(2025, 1, 1))
        found: list[int] = []
        workers = [Thread(target=lambda: found.append(keep(centre))) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

        assert sum(found) == len(kept(centre)) + len(kept(centre, KeptKind.DEFERRAL)) == 2 * 488

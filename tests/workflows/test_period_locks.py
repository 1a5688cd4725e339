"""Stories of locked months: nothing is posted into them, whoever asks; what comes late goes to the first open day."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import count
from threading import Barrier, Thread
from typing import Any

import psycopg
import pytest

from billing.journal import NotReversible, ReversedAlready, post_by_hand, reverse_by_hand
from billing.ledger import PeriodLocked, first_open_day, post
from billing.periods import AlreadyLocked, NotLocked, RevenueOutstanding, lock_period, unlock_period
from engine.database import Database
from engine.errors import Invalid, NotFound
from engine.ids import new_id
from models import LedgerAccount as Books
from tests.workflows.books import entries, post_on, recognise
from tests.workflows.centre import FIRST, Centre, make_centre, sundays

APRIL, MAY = date(2026, 4, 1), date(2026, 5, 1)
IN_MAY = FIRST.replace(month=5, day=4, hour=12).astimezone()
IN_JUNE = IN_MAY + timedelta(days=31)
_NUMBERS = count()
PAY_OUT = [(Books.BANK, 500), (Books.GATEWAY_CLEARING, -500)]


@pytest.fixture
def centre(checked_database: Database, database_url: str) -> Centre:
    """A centre of its own: months are locked for all of it."""
    return make_centre(checked_database, database_url, name=f"Books {next(_NUMBERS)}")


def lock(centre: Centre, month: date = APRIL, **known: Any) -> Any:
    return centre.do(lock_period, month=month, note="closed", actor=centre.admin, **{"now": IN_MAY, **known})


def by_hand(centre: Centre, **known: Any) -> Any:
    facts = {"postings": PAY_OUT, "reason": "pay-out", "posted_on": None, "actor": centre.admin, "now": IN_MAY}
    return centre.do(post_by_hand, **{**facts, **known})


class TestLock:
    def test_nothing_is_posted_into_it_and_the_refusal_names_the_month(self, centre: Centre) -> None:
        lock(centre)
        before = centre.snapshot()

        with pytest.raises(PeriodLocked, match="April 2026 is locked") as refusal:
            centre.do(post_on, day=date(2026, 4, 30), now=IN_MAY, source_id=new_id())

        assert refusal.value.facts == {"month": "2026-04"}
        assert centre.snapshot() == before

    def test_the_database_itself_refuses(self, centre: Centre) -> None:
        lock(centre)

        with pytest.raises(psycopg.errors.CheckViolation, match="April 2026 is locked"):
            centre.run("INSERT INTO ledger_entry (organisation_id, id, posted_on, source_kind, source_id, purpose, "
                       "created_at) VALUES (%(org)s, %(id)s, '2026-04-03', 'X', %(id)s, 'X', now())",
                       id=new_id())  # fmt: skip

    def test_nor_a_balanced_pair_to_an_entry_that_the_month_has(self, centre: Centre) -> None:
        centre.do(post_on, day=APRIL, now=IN_MAY, source_id=new_id())
        lock(centre)
        before = centre.snapshot()

        with pytest.raises(psycopg.errors.CheckViolation, match="ledger_entry that was written before"):
            centre.run("INSERT INTO ledger_posting (organisation_id, id, entry_id, posted_on, ledger_account, "
                       "amount_minor) SELECT organisation_id, gen_random_uuid(), id, posted_on, x.account, x.minor "
                       "FROM ledger_entry, "
                       "(VALUES ('BANK', 500), ('CASH', -500)) x (account, minor) "
                       "WHERE organisation_id = %(org)s AND posted_on = %(day)s", day=APRIL)  # fmt: skip

        assert centre.snapshot() == before

    def test_other_months_and_other_organisations_stay_open(
        self, centre: Centre, checked_database: Database, database_url: str
    ) -> None:
        lock(centre)
        hill = make_centre(checked_database, database_url, name=f"Hill {next(_NUMBERS)}")

        centre.do(post_on, day=MAY, now=IN_MAY, source_id=new_id())
        hill.do(post_on, day=APRIL, now=IN_MAY, source_id=new_id())

    def test_a_month_that_is_not_over_cannot_be_locked(self, centre: Centre) -> None:
        with pytest.raises(Invalid, match="May 2026 is not over"):
            lock(centre, MAY)
        with pytest.raises(Invalid, match="first day"):
            lock(centre, date(2026, 4, 2))

    def test_it_is_locked_once(self, centre: Centre) -> None:
        lock(centre)

        with pytest.raises(AlreadyLocked):
            lock(centre)

    def test_unlocked_it_says_who_and_why_and_can_be_locked_again(self, centre: Centre) -> None:
        lock_id = lock(centre)

        centre.do(unlock_period, lock_id=lock_id, reason="a bill came late", actor=centre.admin, now=IN_MAY)

        centre.do(post_on, day=APRIL, now=IN_MAY, source_id=new_id())
        kept = centre.one("SELECT * FROM period_lock")
        assert (kept["unlocked_by"], kept["unlock_reason"]) == (centre.admin.user_id, "a bill came late")
        with pytest.raises(NotLocked):
            centre.do(unlock_period, lock_id=lock_id, reason="again", actor=centre.admin, now=IN_MAY)
        lock(centre, now=IN_MAY + timedelta(minutes=1))
        with pytest.raises(NotFound):
            centre.do(unlock_period, lock_id=new_id(), reason="?", actor=centre.admin, now=IN_MAY)

    def test_revenue_comes_first(self, centre: Centre) -> None:
        rossi, karate = centre.family(), centre.course(*sundays(2))
        centre.confirmed(rossi, rossi.child(), karate.lines())

        with pytest.raises(RevenueOutstanding, match="2 invoiced sessions up to the end of April 2026"):
            lock(centre)
        recognise(centre, IN_MAY)
        lock(centre)

    def test_what_becomes_known_late_goes_to_the_first_open_day_and_keeps_its_own(self, centre: Centre) -> None:
        rossi, karate = centre.family(), centre.course(FIRST, session={"status": "OPEN"})
        lock(centre)
        lock(centre, MAY, now=IN_JUNE)
        centre.confirmed(rossi, rossi.child(), karate.lines())  # the books of April were locked in a hurry

        recognise(centre, IN_JUNE)

        (entry,) = entries(centre, rossi.id, "RECOGNITION")
        assert (entry["posted_on"], entry["event_on"]) == (date(2026, 6, 1), FIRST.date())

    def test_the_first_open_day(self) -> None:
        locked = {APRIL, MAY, date(2026, 12, 1)}

        days = [first_open_day(day, locked) for day in (date(2026, 3, 9), date(2026, 4, 30), date(2026, 12, 24))]

        assert days == [date(2026, 3, 9), date(2026, 6, 1), date(2027, 1, 1)]


class TestRace:
    def test_an_entry_under_way_is_waited_for(self, centre: Centre) -> None:
        assert _race(centre) == ["locked"] * 10

    def test_without_the_row_both_get_through(self, centre: Centre) -> None:
        """The control: without the share that the foreign key holds, the lock overtakes an entry that is under way."""
        with psycopg.connect(centre.url) as owner:
            owner.execute("ALTER TABLE ledger_entry DROP CONSTRAINT fk_ledger_entry_organisation_id")
        try:
            with centre.database.transaction(centre.organisation_id) as tx:
                post_on(tx, day=APRIL, now=IN_MAY, source_id=new_id())
                tx.flush()
                lock_id = lock(centre)
        finally:
            with psycopg.connect(centre.url) as owner:
                owner.execute("ALTER TABLE ledger_entry ADD CONSTRAINT fk_ledger_entry_organisation_id "
                              "FOREIGN KEY (organisation_id) REFERENCES organisation (id)")  # fmt: skip
        late = centre.rows("SELECT id FROM ledger_entry")
        assert len(late) == 1, "posted by a transaction that the lock did not wait for"
        centre.do(unlock_period, lock_id=lock_id, reason="it was overtaken", actor=centre.admin, now=IN_MAY)


def _race(centre: Centre) -> list[str]:
    """What a poster into the month sees that begins with a lock, round after round; the lock is lifted between."""
    seen = []
    for _ in range(10):
        start, locked = Barrier(2), []

        def close(start: Barrier = start, locked: list[Any] = locked) -> None:
            start.wait()
            locked.append(lock(centre))

        thread = Thread(target=close)
        with centre.database.transaction(centre.organisation_id) as tx:
            post_on(tx, day=APRIL, now=IN_MAY, source_id=new_id())
            tx.flush()
            thread.start()
            start.wait()
            thread.join(timeout=0.2)
            assert thread.is_alive(), "the lock waits for the entry under way"
        thread.join()
        seen.append("locked" if locked else "open")
        with pytest.raises(PeriodLocked):
            centre.do(post_on, day=APRIL, now=IN_MAY, source_id=new_id())
        centre.do(unlock_period, lock_id=locked[0], reason="next round", actor=centre.admin, now=IN_MAY)
    return seen


class TestByHand:
    def test_posts_and_reverses_once(self, centre: Centre) -> None:
        entry_id = by_hand(centre)

        undo: Callable[[], Any] = lambda: centre.do(  # noqa: E731 - asked twice
            reverse_by_hand, entry_id=entry_id, reason="a typing error", actor=centre.admin, now=IN_MAY
        )
        reversal_id = undo()

        rows = centre.rows("SELECT ledger_account, sum(amount_minor)::bigint AS minor FROM ledger_posting "
                           "GROUP BY ledger_account")  # fmt: skip
        assert {row["minor"] for row in rows} == {0}
        assert centre.one("SELECT reverses_id FROM ledger_entry WHERE id = %(id)s", id=reversal_id) == {
            "reverses_id": entry_id
        }
        with pytest.raises(ReversedAlready):
            undo()

    @pytest.mark.parametrize(
        ("postings", "code", "field"),
        [
            ([(Books.BANK, 500), (Books.CASH, -400)], "not_balanced", "postings"),
            ([(Books.RECEIVABLE, 500), (Books.BANK, -500)], "held_by_documents", "postings[0].ledger_account"),
            ([(Books.BANK, 500), (Books.WALLET, -500)], "held_by_documents", "postings[1].ledger_account"),
        ],
    )
    def test_a_wrong_entry_is_refused_and_nothing_is_written(
        self, centre: Centre, postings: Any, code: str, field: str
    ) -> None:
        before = centre.snapshot()

        with pytest.raises(Invalid) as refusal:
            by_hand(centre, postings=postings)

        assert [(reason.code, reason.field) for reason in refusal.value.reasons] == [(code, field)]
        assert centre.snapshot() == before

    def test_not_into_the_future_and_not_into_a_locked_month(self, centre: Centre) -> None:
        lock(centre)

        with pytest.raises(Invalid, match="cannot be posted"):
            by_hand(centre, posted_on=date(2026, 5, 5))
        with pytest.raises(PeriodLocked):
            by_hand(centre, posted_on=date(2026, 4, 5))

    def test_what_a_document_posted_is_not_reversed_by_hand(self, centre: Centre) -> None:
        rossi, karate = centre.family(), centre.course(*sundays(2))
        centre.confirmed(rossi, rossi.child(), karate.lines())
        (issued,) = entries(centre, rossi.id, "INVOICE")

        with pytest.raises(NotReversible):
            centre.do(reverse_by_hand, entry_id=issued["id"], reason="?", actor=centre.admin, now=IN_MAY)

    def test_a_reversal_that_is_none_is_refused_by_the_database(self, centre: Centre) -> None:
        entry_id = by_hand(centre)

        def half(tx: Any, now: Any) -> None:
            post(tx.batch, source_kind="X", source_id=new_id(), purpose="HALF", account_id=None, now=now,
                 postings=[(Books.BANK, -250), (Books.GATEWAY_CLEARING, 250)], posted_on=MAY,
                 reverses_id=entry_id)  # fmt: skip

        with pytest.raises(psycopg.errors.CheckViolation, match="does not mirror"):
            centre.do(half)

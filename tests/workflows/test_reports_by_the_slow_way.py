"""Reports read what is kept and what is found by an index: over random months of a centre they say what documents and
journal say read from end to end, on every day, whatever is locked and whatever days are kept.

`TERMBOOK_SEED=…` draws other months; in the suite they are always the same.
"""

import random
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest

from billing.journal import post_by_hand
from billing.ledger import month_of, next_month
from billing.periods import lock_period, unlock_period
from billing.reports.catalogue import ReportName, make_report
from billing.reports.form import Period
from billing.reports.keeping import keep_days_of
from engine.check import check, report
from engine.database import Database, Row
from engine.errors import TermbookError
from engine.invariants.kept import KEPT
from models import LedgerAccount, RefundDestination, TermBookingStatus
from tests import builders as build
from tests.seed import SEED
from tests.workflows import endings
from tests.workflows.books import recognise
from tests.workflows.centre import MINUTE, NOW, Centre, Family, make_centre, sundays
from tests.workflows.slow_reports import agree, slowly
from tests.workflows.test_refund_requests import Provider, capture_by_card
from workflows import refund_request, refunds
from workflows.charts import edges
from workflows.payments import record_manual_payment
from workflows.write_off import undo_write_off, write_off

_STEPS = 130
_NUMBERS = count()
# What counts, once all months are over: a month in which nothing of it happened would prove nothing.
_HAPPENED = """
SELECT (SELECT count(*) FROM ledger_entry WHERE event_on IS NOT NULL) AS late,
       (SELECT count(*) FROM period_lock WHERE unlocked_at IS NULL) AS locked,
       (SELECT count(*) FROM period_lock WHERE unlocked_at IS NOT NULL) AS unlocked,
       (SELECT count(*) FROM credit_note) AS credited, (SELECT count(*) FROM write_off) AS given_up,
       (SELECT count(*) FROM write_off WHERE undone_at IS NOT NULL) AS taken_up_again,
       (SELECT count(*) FROM refund WHERE status = 'SUCCEEDED') AS sent_back,
       (SELECT count(*) FROM revenue_recognition WHERE amount_minor < 0) AS taken_back,
       (SELECT count(*) FROM kept_day WHERE kind = 'JOURNAL') AS kept,
       (SELECT count(*) FROM kept_day WHERE kind = 'DEFERRAL') AS kept_deferrals,
       (SELECT count(*) FROM ledger_entry WHERE source_kind = 'MANUAL') AS paid_out,
       (SELECT count(*) FROM capture WHERE captured_minor <> posted_minor) AS differing
"""
_BY_CARD = """
SELECT b.id, b.status FROM term_booking b
WHERE EXISTS (SELECT FROM payment p WHERE p.order_id = b.order_id AND p.provider = 'sandbox')
"""
# Unless another is held there.
_MOVE = """
UPDATE term_product s SET starts_at = s.starts_at + %(by)s, ends_at = s.ends_at + %(by)s,
       local_date = s.local_date + %(days)s::int
WHERE s.id = %(id)s AND NOT EXISTS (SELECT FROM term_product x WHERE x.local_date = s.local_date + %(days)s::int)
"""
# Sessions are moved without their claims and rolls; what is kept for reports is as it must be.
_KEPT = {"deferral_is_what_was_written", "receivable_is_what_was_written", "capture_is_what_was_written",
         "posting_is_of_the_day_of_its_entry", *(each.name for each in KEPT)}  # fmt: skip


class Months:
    """A spring of three families, of sessions that are put off and brought forward, and of an office at work."""

    def __init__(self, centre: Centre, seed: int) -> None:
        self.centre, self.draw, self.now = centre, random.Random(seed), NOW
        self.kept = 0  # so many days, those that were kept again counted again
        self.families = [centre.family("Rossi family"), centre.family("Chen family")]
        self.paying = centre.family("Okafor family")  # what it is owed back is not used up by what it owes
        tax = {"tax": {"name": "HST", "rate_percent": "13"}}
        self.courses = [
            centre.course(*sundays(16), name="Karate", rules=tax, session={"capacity": 90}),
            centre.course(None, name="Reading", session={"capacity": 90}),
        ]
        steps = {self.books: 6, self.books_by_card: 6, self.pays: 3, self.gives_up_the_booking: 4, self.goes_by: 5,
                 self.comes_by: 5, self.keeps: 4, self.locks: 5, self.unlocks: 1, self.puts_off: 3,
                 self.brings_forward: 4, self.asks_it_back: 3, self.is_given_up: 2,
                 self.is_taken_up_again: 1, self.is_paid_out: 3, self.says_otherwise: 1}  # fmt: skip
        self.steps = [step for step, often in steps.items() for _ in range(often)]

    def pass_by(self) -> None:
        """Refused steps write nothing, as in life."""
        for _ in range(4):
            self.books()
        for _ in range(_STEPS):
            step: Callable[[], Any] = self.draw.choice(self.steps)
            try:
                step()
            except TermbookError:
                continue

    # --- families ---

    def _ordered(self, family: Family) -> tuple[Family, Row, list[Row]]:
        course = self.draw.choice(self.courses)
        rows = self.centre.rows("SELECT id FROM term_product WHERE id = ANY(%(ids)s) "
                                "AND (starts_at IS NULL OR starts_at > %(now)s) ORDER BY id",
                                ids=course.ids, now=self.now)  # fmt: skip
        wanted = self.draw.sample(rows, k=min(len(rows), self.draw.randint(1, 4)))
        return family, family.child(f"Child {next(_NUMBERS)}"), [{"session_id": row["id"]} for row in wanted]

    def books(self) -> None:
        self.centre.confirmed(*self._ordered(self.draw.choice(self.families)), now=self.now)

    def books_by_card(self) -> None:
        cart = self.centre.submitted(*self._ordered(self.paying), now=self.now)
        order = self.centre.order(cart)
        paid = self.centre.edit(build.payment, build.Ordered(order, []), status="PENDING",
                                fingerprint=order["price_fingerprint"])  # fmt: skip
        self.centre.do(capture_by_card, payment=paid, now=self.now)

    def pays(self) -> None:
        order = self._one("SELECT id, total_minor FROM term_booking_order WHERE booking_id IS NOT NULL")
        amount = self.draw.choice([order["total_minor"], order["total_minor"] // 2])
        self._do(record_manual_payment, order_id=order["id"], amount_minor=amount, reason="cash")

    def gives_up_the_booking(self) -> None:
        self._do(endings.cancel, booking_id=self._one("SELECT id FROM term_booking")["id"], reason="we moved")

    def asks_it_back(self) -> None:
        """Of a booking that was paid by card, given up now if it was not before."""
        booking = self._one(_BY_CARD)
        if booking["status"] != TermBookingStatus.CANCELED:
            self._do(endings.cancel, booking_id=booking["id"], reason="we moved")
        asked = self._do(refund_request.ask, booking_id=booking["id"], amount="5.00", reason="we moved",
                         destination=RefundDestination.ORIGINAL)  # fmt: skip
        self._do(refund_request.approve, request_id=asked.id, note="fine")
        self.now += MINUTE
        refunds.pay_refunds(self.centre.database, {"sandbox": Provider()}, now=self.now)

    # --- the office ---

    def goes_by(self) -> None:
        self.now += timedelta(days=self.draw.choice([1, 4, 9]))

    def comes_by(self) -> None:
        recognise(self.centre, self.now)

    def keeps(self) -> None:
        """Days that are over; what follows takes some of that away again."""
        self.kept += keep_days_of(self.centre.database, self.centre.organisation_id, now=self.now)

    def locks(self) -> None:
        """The first open month; the worker has just come by, or what is outstanding refuses it."""
        locked = {row["month"] for row in self.centre.rows("SELECT month FROM period_lock WHERE unlocked_at IS NULL")}
        month = month_of(NOW.date())
        while month in locked:
            month = next_month(month)
        recognise(self.centre, self.now)
        self._do(lock_period, month=month, note="closed")

    def unlocks(self) -> None:
        lock = self._one("SELECT id FROM period_lock WHERE unlocked_at IS NULL")
        self._do(unlock_period, lock_id=lock["id"], reason="a bill came late")

    def puts_off(self) -> None:
        """A session that was held; what was earned of it is taken back."""
        self._move("s.ends_at <= %(now)s", days=41)

    def brings_forward(self) -> None:
        """A session to come, into a month that is locked too: what it earns is known too late."""
        self._move("s.ends_at > %(now)s", days=self.draw.choice([-20, -41]))

    def _move(self, which: str, days: int) -> None:
        session = self._one("SELECT s.id FROM term_product s WHERE EXISTS (SELECT FROM term_booking_line l "
                            f"WHERE l.term_product_id = s.id AND l.cancelled_at IS NULL) AND {which}")  # fmt: skip
        self.centre.run(_MOVE, id=session["id"], by=timedelta(days=days), days=days)
        self.comes_by()

    def is_given_up(self) -> None:
        amount = self.draw.choice([None, 300])
        self._do(write_off, invoice_id=self._one("SELECT id FROM invoice")["id"], amount_minor=amount, reason="gone")

    def is_taken_up_again(self) -> None:
        given_up = self._one("SELECT id FROM write_off WHERE undone_at IS NULL")
        self._do(undo_write_off, write_off_id=given_up["id"], reason="they paid after all")

    def is_paid_out(self) -> None:
        """What the provider captured, less its fee, on an open day of this month or the one before."""
        day = self.now.date() - timedelta(days=self.draw.choice([0, 2, 20]))
        amount = self.draw.choice([700, 1130])
        self._do(post_by_hand, postings=[(LedgerAccount.BANK, amount), (LedgerAccount.GATEWAY_CLEARING, -amount)],
                 reason="pay-out", posted_on=day)  # fmt: skip

    def says_otherwise(self) -> None:
        """A payment is not what the books say of it: somebody changed it past the product."""
        payment = self._one("SELECT id FROM payment WHERE provider = 'sandbox' AND status = 'SUCCESS'")
        self.centre.run("UPDATE payment SET amount_minor = amount_minor + 1 WHERE id = %(id)s", id=payment["id"])

    # --- how ---

    def _do(self, verb: Callable[..., Any], **known: Any) -> Any:
        return self.centre.do(verb, actor=self.centre.admin, now=self.now, **known)

    def _one(self, sql: str) -> Row:
        """Any of these; a step that finds nothing is none."""
        rows = self.centre.rows(f"{sql} ORDER BY id", now=self.now)
        if not rows:
            raise TermbookError("nothing of the kind")
        return self.draw.choice(rows)


def all_days(centre: Centre) -> list[date]:
    """On which something was posted, the days around them, and the ends of months."""
    rows = centre.rows("SELECT DISTINCT posted_on + n AS day FROM ledger_entry, generate_series(-1, 1) n "
                       "UNION SELECT (month - interval '1 day')::date FROM period_lock ORDER BY 1")  # fmt: skip
    return [row["day"] for row in rows]


def test_reports_say_the_same_on_every_day_of_random_months(
    database: Database, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    happened: Counter[str] = Counter()
    for seed in range(SEED, SEED + 3):
        centre = make_centre(database, database_url, name=f"Months of {seed}")
        months = Months(centre, seed)
        months.pass_by()
        for day in all_days(centre):
            with centre.database.transaction(centre.organisation_id) as tx:
                agree(tx, Period(date(2026, 1, 1), day))
                agree(tx, Period(day - timedelta(days=7), day))
        happened.update(centre.one(_HAPPENED))
        happened["kept_again"] += months.kept - centre.one("SELECT count(*) AS days FROM kept_day")["days"]
        breaches = check(database, edges=edges(), organisation_id=centre.organisation_id)
        assert not {breach.invariant for breach in breaches} & _KEPT, report(breaches)

    with capsys.disabled():
        print(f"\n{dict(happened)}")
    assert all(happened.values()), happened


def test_what_is_owed_of_an_invoice_that_is_kept_wrongly_is_another_report(
    database: Database, database_url: str
) -> None:  # fmt: skip
    centre = make_centre(database, database_url, name="Owed wrongly")
    rossi, karate = centre.family(), centre.course(*sundays(2))
    centre.confirmed(rossi, rossi.child(), karate.lines())
    period = Period(NOW.date(), NOW.date())
    centre.run("UPDATE receivable SET paid_minor = paid_minor + 7")

    with centre.database.transaction(centre.organisation_id) as tx:
        fast = make_report(tx, ReportName.AGED_RECEIVABLES, period)
        slow = slowly(tx, ReportName.AGED_RECEIVABLES, period)

    assert fast.tie is not None
    assert not fast.tie.holds
    assert fast.totals["total_minor"] == sum(row["total_minor"] for row in slow) - 7


def test_what_is_kept_wrongly_is_another_report(database: Database, database_url: str) -> None:
    """The control: the fast way reads what is kept, and the slow way does not."""
    centre = make_centre(database, database_url, name="Kept wrongly")
    rossi, karate = centre.family(), centre.course(*sundays(2))
    centre.confirmed(rossi, rossi.child(), karate.lines())
    period, wrongly = Period(NOW.date(), NOW.date()), "UPDATE deferral SET earned_minor = earned_minor + %(by)s"
    centre.run(wrongly, by=7)

    with centre.database.transaction(centre.organisation_id) as tx:
        fast = make_report(tx, ReportName.DEFERRED_REVENUE, period)
        slow = slowly(tx, ReportName.DEFERRED_REVENUE, period)

    assert fast.tie is not None
    assert not fast.tie.holds
    assert fast.totals["deferred_minor"] == sum(row["deferred_minor"] for row in slow) - 14

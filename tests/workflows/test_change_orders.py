"""Stories of changing a booking: what the difference says is what is made, to the cent, and nothing else."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from engine.actor import Actor
from engine.errors import NotFound
from engine.replay import replay, report
from models import TermBookingStatus as S
from tests.workflows import endings
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    DAY,
    FIRST,
    HOUR,
    NOW,
    PAY_LATER,
    PAY_NOW,
    Cart,
    Centre,
    Course,
    Family,
    codes,
    orders,
    refused,
    sundays,
)
from workflows import change_order, payments
from workflows.charts import edges
from workflows.documents import credit_note_document, invoice_document

FIVE = {"kind": "MULTI_SESSION", "order": 1, "percent": "10", "conditions": {"sessions": 5}}
# After the first Sunday's session, before the second's.
MIDWEEK = NOW + timedelta(days=14)


@dataclass
class Story:
    """Mia's booking of a weekly course of 30.00 a session, and its changes."""

    centre: Centre
    rossi: Family
    mia: dict[str, Any]
    karate: Course
    first: Cart

    @property
    def booking(self) -> dict[str, Any]:
        return self.centre.booking(self.first)

    def begin(self, *, actor: Actor | None = None, now: Any = NOW) -> Cart:
        made = self.centre.do(
            change_order.begin_change, booking_id=self.booking["id"], actor=actor or self.rossi.actor, now=now
        )
        return Cart(made.order.id, made.order.reference)

    def save(self, change: Cart, lines: list[dict[str, Any]], **known: Any) -> Cart:
        saved = self.centre.do(change_order.save, order_id=change.id, lines=lines, **self._by(known))
        change.fingerprint, change.total_minor = saved.priced.fingerprint, saved.priced.total_minor
        change.notices = [reason.code for reason in saved.notices]
        return change

    def review(self, change: Cart, **known: Any) -> Any:
        return self.centre.do(change_order.review, order_id=change.id, **self._by(known)).difference

    def submit(self, change: Cart, *, how: Any = PAY_NOW, **known: Any) -> Any:
        known.setdefault("price_fingerprint", change.fingerprint)
        return self.centre.do(change_order.submit, order_id=change.id, confirmation_type=how, **self._by(known))

    def confirm(self, change: Cart, **known: Any) -> Any:
        known = {
            "actor": self.centre.admin,
            "difference_fingerprint": change.fingerprint,
            "reason": "as agreed",
            **known,
        }
        return self.centre.do(change_order.confirm, order_id=change.id, **known)

    def changed(self, lines: list[dict[str, Any]], *, now: Any = NOW) -> Cart:
        """A change that an admin made from end to end."""
        change = self.save(self.begin(now=now), lines, now=now)
        self.submit(change, how=ADMIN_CONFIRM, actor=self.centre.admin, now=now)
        self.confirm(change, now=now)
        return change

    def pay(self, cart: Cart, amount_minor: int) -> None:
        self.centre.do(payments.record_manual_payment, order_id=cart.id, amount_minor=amount_minor, reason="cash",
                       actor=self.centre.admin)  # fmt: skip

    def _by(self, known: dict[str, Any]) -> dict[str, Any]:
        return {"actor": self.rossi.actor, **known}

    # --- looking ---

    def documents(self) -> list[tuple[str, int]]:
        """Each invoice and credit note of the booking with its total."""
        rows = self.centre.rows(
            "SELECT series, total_minor, issued_at, number FROM invoice WHERE booking_id = %(id)s UNION ALL "
            "SELECT series, total_minor, issued_at, number FROM credit_note WHERE booking_id = %(id)s "
            "ORDER BY issued_at, series DESC, number", id=self.booking["id"])  # fmt: skip
        return [(row["series"], row["total_minor"]) for row in rows]

    def open_minor(self) -> int:
        """What the books say that the family owes for it."""
        row = self.centre.one(
            "SELECT coalesce(sum(amount_minor), 0)::int AS owed FROM ledger_posting WHERE account_id = %(id)s "
            "AND ledger_account = 'RECEIVABLE'", id=self.rossi.id)  # fmt: skip
        owed: int = row["owed"]
        return owed

    def roll(self) -> list[str]:
        """Whether Mia is expected, by session of her booking in their order."""
        rows = self.centre.rows(
            "SELECT a.status FROM term_attendance a JOIN term_product s ON s.id = a.term_product_id "
            "WHERE a.booking_id = %(id)s ORDER BY s.starts_at", id=self.booking["id"])  # fmt: skip
        return [row["status"] for row in rows]

    def held(self) -> set[UUID]:
        return {row["term_product_id"] for row in self.centre.claims(self.first)}


def story(
    centre: Centre,
    *discounts: dict[str, Any],
    booked: tuple[int, ...] = (0, 1, 2, 3, 4),
    weeks: int = 6,
    **columns: Any,
) -> Story:
    """Confirmed by an admin, so that nothing is paid yet."""
    rossi = centre.family(credit_limit_minor=100_000)
    karate = centre.course(*sundays(weeks), session_price_minor=3000, rules={"discounts": list(discounts)}, **columns)
    mia = rossi.child()
    return Story(centre, rossi, mia, karate, centre.confirmed(rossi, mia, karate.lines(*booked)))


class TestTheWorkedExample:
    """Five sessions of 30.00 with 10 % off at five cost 135.00; one is held, one of the others is given up."""

    @pytest.mark.parametrize(
        ("policy", "total", "credited", "invoiced"),
        [("FREEZE", 108_00, 27_00, 0), ("REPRICE_FUTURE", 117_00, 27_00, 9_00), ("REPRICE_ALL", 120_00, 27_00, 12_00)],
    )
    def test_is_what_the_review_says_and_what_is_made(
        self, riverside: Centre, policy: str, total: int, credited: int, invoiced: int
    ) -> None:
        mias = story(riverside, {**FIVE, "on_edit": policy})
        assert mias.booking["total_minor"] == 135_00
        change = mias.save(mias.begin(now=MIDWEEK), mias.karate.lines(0, 1, 2, 3), now=MIDWEEK)

        found = mias.review(change, now=MIDWEEK)

        assert (found.new_total_minor, found.delta_minor) == (total, total - 135_00)
        assert (found.credited_minor, found.invoiced_minor) == (credited, invoiced)
        mias.submit(change, now=MIDWEEK)
        assert (mias.booking["total_minor"], mias.booking["revision"]) == (total, 2)
        assert mias.documents() == [("INV", 135_00), *([("INV", invoiced)] if invoiced else []), ("CN", credited)]
        assert mias.open_minor() == total

    def test_what_was_paid_offsets_what_is_open(self, riverside: Centre) -> None:
        mias = story(riverside, FIVE)
        mias.pay(mias.first, 100_00)
        change = mias.save(mias.begin(now=MIDWEEK), mias.karate.lines(0, 1, 2, 3), now=MIDWEEK)

        found = mias.review(change, now=MIDWEEK)

        assert (found.delta_minor, found.due_minor, found.credit_minor) == (-18_00, 17_00, 0)
        mias.submit(change, now=MIDWEEK)
        assert mias.open_minor() == 17_00
        assert mias.booking["payment_state"] == "OPEN"

    def test_each_line_says_why(self, riverside: Centre) -> None:
        mias = story(riverside, FIVE)
        change = mias.save(mias.begin(now=MIDWEEK), mias.karate.lines(0, 1, 2, 3), now=MIDWEEK)

        lines = {line.session_id: line for line in mias.review(change, now=MIDWEEK).lines}

        assert set(lines) == set(mias.karate.ids[1:5])
        assert [cause.value for cause in lines[mias.karate.ids[4]].causes] == ["CANCELLED"]
        lost = lines[mias.karate.ids[1]]
        assert ([cause.value for cause in lost.causes], lost.was_minor, lost.becomes_minor) == (
            ["DISCOUNT_LOST"], 27_00, 30_00)  # fmt: skip
        assert lost.why == ("Multi-session discount: 4 sessions booked, given from 5",)


class TestAChange:
    def test_adds_and_gives_up_sessions_with_one_document_of_each_kind(self, riverside: Centre) -> None:
        mias = story(riverside, booked=(0, 1, 2))
        change = mias.save(mias.begin(), mias.karate.lines(0, 1, 4, 5))
        mias.submit(change, how=PAY_LATER)

        assert (riverside.status(change), riverside.order(change)["booking_id"]) == (S.APPROVED, mias.booking["id"])
        assert mias.booking["status"] == S.APPROVED
        assert mias.documents() == [("INV", 90_00), ("INV", 60_00), ("CN", 30_00)]
        assert mias.open_minor() == mias.booking["total_minor"] == 120_00
        assert mias.roll() == ["EXPECTED", "EXPECTED", "CANCELLED", "EXPECTED", "EXPECTED"]
        assert mias.held() == {mias.karate.ids[n] for n in (0, 1, 4, 5)}
        assert riverside.taken(mias.karate) == [1, 1, 0, 0, 1, 1]

    def test_holds_what_it_adds_from_submit_on_and_gives_up_nothing_before_it_is_confirmed(
        self, riverside: Centre
    ) -> None:
        mias = story(riverside, booked=(0, 1))
        change = mias.save(mias.begin(), mias.karate.lines(1, 2))
        mias.submit(change, how=ADMIN_CONFIRM, actor=riverside.admin)

        assert riverside.taken(mias.karate)[:3] == [1, 1, 1]
        assert mias.roll() == ["EXPECTED", "EXPECTED"]
        assert mias.booking["revision"] == 1

        mias.confirm(change)
        assert riverside.taken(mias.karate)[:3] == [0, 1, 1]

    def test_moves_to_a_time_that_overlaps_what_it_gives_up(self, riverside: Centre) -> None:
        rossi = riverside.family()
        early = riverside.course(FIRST, name="Karate at 9:30", session_price_minor=3000)
        late = riverside.course(FIRST + HOUR / 2, name="Karate at 10", session_price_minor=3000)
        mia = rossi.child()
        mias = Story(riverside, rossi, mia, early, riverside.confirmed(rossi, mia, early.lines()))

        change = mias.save(mias.begin(), late.lines())
        assert change.notices == []
        mias.submit(change, how=ADMIN_CONFIRM, actor=riverside.admin)
        mias.confirm(change)

        assert (riverside.taken(early), riverside.taken(late)) == ([0], [1])
        (claim,) = riverside.claims(mias.first)
        assert (claim["term_product_id"], claim["blocks_time"]) == (late.ids[0], True)
        assert sorted(mias.documents()) == [("INV", 30_00), ("ZS", 30_00), ("ZS", 30_00)]
        assert mias.open_minor() == 30_00

    def test_overlapping_what_it_keeps_is_refused(self, riverside: Centre) -> None:
        mias = story(riverside, booked=(0,))
        late = riverside.course(FIRST + HOUR / 2, name="Karate at 10")
        change = mias.save(mias.begin(), [*mias.karate.lines(0), *late.lines()])

        assert codes(lambda: mias.submit(change)) == ["double_booked"]

    def test_with_money_waits_for_exactly_what_it_adds(self, riverside: Centre) -> None:
        mias = story(riverside, booked=(0,))
        mias.pay(mias.first, 30_00)
        change = mias.save(mias.begin(), mias.karate.lines(0, 1, 2))
        mias.submit(change)
        assert riverside.status(change) == S.SUBMITTED
        assert riverside.order(change)["change_due_minor"] == 60_00

        mias.pay(change, 60_00)

        assert riverside.status(change) == S.APPROVED
        assert (mias.booking["payment_state"], mias.open_minor()) == ("PAID", 0)
        assert mias.documents() == [("INV", 30_00), ("INV", 60_00)]

    def test_that_nobody_pays_times_out_and_leaves_the_booking_as_it_was(self, riverside: Centre) -> None:
        mias = story(riverside, booked=(0,))
        change = mias.save(mias.begin(), mias.karate.lines(0, 1))
        mias.submit(change)

        riverside.sweep(NOW + timedelta(minutes=16))

        assert riverside.status(change) == S.CANCELED
        assert (mias.booking["total_minor"], mias.booking["revision"]) == (30_00, 1)
        assert riverside.taken(mias.karate)[:2] == [1, 0]

    def test_takes_extras_on_and_off(self, riverside: Centre) -> None:
        mias = story(riverside, booked=(0, 1))
        lunch = riverside.extra(program_id=mias.karate.offering["program_id"])
        mias.changed([*mias.karate.lines(0, extras=[{"extra_id": lunch, "quantity": 2}]), *mias.karate.lines(1)])
        assert mias.booking["total_minor"] == 76_00

        mias.changed([*mias.karate.lines(0, extras=[{"extra_id": lunch, "quantity": 1}]), *mias.karate.lines(1)])

        assert mias.booking["total_minor"] == mias.open_minor() == 68_00
        rows = riverside.rows(
            "SELECT quantity FROM term_booking_extra WHERE booking_id = %(id)s", id=mias.booking["id"]
        )
        assert [row["quantity"] for row in rows] == [1]

    def test_can_be_changed_again_and_cancelled_in_the_end(self, riverside: Centre) -> None:
        mias = story(riverside, FIVE, booked=(0, 1, 2, 3))
        mias.changed(mias.karate.lines(0, 1, 2, 3, 4))
        assert mias.booking["total_minor"] == 135_00
        mias.changed(mias.karate.lines(0, 1, 2))
        assert (mias.booking["total_minor"], mias.open_minor()) == (90_00, 90_00)

        riverside.do(endings.cancel, booking_id=mias.booking["id"], actor=riverside.admin, reason="moved away")

        assert (mias.booking["total_minor"], mias.open_minor()) == (0, 0)
        assert riverside.taken(mias.karate) == [0] * 6

    def test_what_was_paid_beyond_is_the_familys_credit(self, riverside: Centre) -> None:
        mias = story(riverside, booked=(0, 1))
        mias.pay(mias.first, 60_00)
        change = mias.save(mias.begin(), mias.karate.lines(0))

        assert mias.review(change).credit_minor == 30_00
        mias.submit(change)

        credit = riverside.one(
            "SELECT -sum(amount_minor)::int AS credit FROM ledger_posting WHERE account_id = %(id)s "
            "AND ledger_account = 'WALLET'", id=mias.rossi.id)  # fmt: skip
        assert (credit["credit"], mias.booking["payment_state"]) == (30_00, "PAID")

    def test_its_documents_can_be_printed(self, riverside: Centre) -> None:
        mias = story(riverside, FIVE)
        mias.changed(mias.karate.lines(0, 1, 2, 3), now=MIDWEEK)

        with riverside.database.transaction(riverside.organisation_id) as tx:
            ids = tx.rows("SELECT id FROM invoice WHERE booking_id = %(id)s ORDER BY number", id=mias.booking["id"])
            (note,) = tx.rows("SELECT id FROM credit_note WHERE booking_id = %(id)s", id=mias.booking["id"])
            supplement, credit = invoice_document(tx, ids[1]["id"]), credit_note_document(tx, note["id"])
        assert (supplement.gross_minor, supplement.paid_minor) == (9_00, 9_00)
        assert [line.unit_amount_minor for line in supplement.lines] == [3_00] * 3
        assert credit.gross_minor == 27_00

    def test_keeps_the_terms_that_it_was_sold_under(self, riverside: Centre) -> None:
        mias = story(riverside, FIVE)
        riverside.rule("discounts", [{**FIVE, "percent": "50"}], mias.karate.offering["id"])

        change = mias.save(mias.begin(), mias.karate.lines(0, 1, 2, 3, 4, 5))

        # Five keep 10 % off; the sixth is sold under today's rule.
        assert change.total_minor == 5 * 27_00 + 15_00


class TestNobodyConfirmsWhatTheyDidNotSee:
    def test_a_stale_review_is_refused_with_the_fresh_one(self, riverside: Centre) -> None:
        mias = story(riverside, booked=(0, 1))
        change = mias.save(mias.begin(), mias.karate.lines(0))
        mias.submit(change, how=ADMIN_CONFIRM, actor=riverside.admin)
        mias.pay(mias.first, 60_00)
        before = riverside.snapshot()

        (reason,) = refused(lambda: mias.confirm(change))

        fresh = mias.review(change)
        assert (reason.code, reason.facts["fingerprint"]) == ("difference_is_stale", fresh.fingerprint)
        assert (reason.facts["due_minor"], reason.facts["credit_minor"]) == (0, 30_00)
        assert riverside.snapshot() == before
        mias.confirm(change, difference_fingerprint=fresh.fingerprint)
        assert mias.booking["total_minor"] == 30_00

    def test_a_review_that_was_never_shown_is_not_submitted(self, riverside: Centre) -> None:
        mias = story(riverside, booked=(0, 1))
        change = mias.save(mias.begin(), mias.karate.lines(0))

        assert codes(lambda: mias.submit(change, price_fingerprint="guessed")) == ["price_changed"]

    def test_the_order_of_clicks_changes_nothing(self, riverside: Centre) -> None:
        mias = story(riverside, FIVE)
        change = mias.begin()
        shown = mias.save(change, mias.karate.lines(0, 1, 2, 3, 5)).fingerprint
        mias.save(change, mias.karate.lines(0))

        assert mias.save(change, mias.karate.lines(5, 3, 0, 2, 1)).fingerprint == shown

    def test_what_if_is_what_confirm_would_do_and_writes_nothing(self, riverside: Centre) -> None:
        mias = story(riverside, FIVE)
        before = riverside.snapshot()
        asked = riverside.do(change_order.what_if, booking_id=mias.booking["id"], lines=mias.karate.lines(0, 1, 2),
                             actor=mias.rossi.actor)  # fmt: skip
        assert riverside.snapshot() == before

        change = mias.save(mias.begin(), mias.karate.lines(0, 1, 2))

        assert mias.review(change) == asked.difference

    def test_money_for_a_review_that_is_stale_confirms_nothing_and_finance_is_told(self, riverside: Centre) -> None:
        mias = story(riverside, {**FIVE, "on_edit": "REPRICE_ALL"}, booked=(0, 1, 2, 3, 4))
        swimming = riverside.course(FIRST + DAY, session_price_minor=9000)
        change = mias.save(mias.begin(), [*mias.karate.lines(0, 1, 2), *swimming.lines()])
        mias.submit(change)
        required = riverside.order(change)["change_due_minor"]
        assert required == 45_00
        mias.pay(mias.first, 10_00)

        mias.pay(change, required)

        assert riverside.status(change) == S.SUBMITTED
        assert (mias.booking["total_minor"], mias.booking["revision"]) == (135_00, 1)
        reviews = riverside.rows("SELECT r.kind FROM payment_review r JOIN payment p ON p.id = r.payment_id "
                                 "WHERE p.order_id = %(id)s", id=change.id)  # fmt: skip
        assert [row["kind"] for row in reviews] == ["PRICE_CHANGED"]
        mias.confirm(change, difference_fingerprint=mias.review(change).fingerprint)
        assert (mias.booking["total_minor"], mias.open_minor()) == (180_00, 125_00)


class TestWhatIsRefused:
    def test_a_second_change_of_the_family_while_one_is_open_names_who_has_it(self, riverside: Centre) -> None:
        mias = story(riverside, booked=(0,))
        first = mias.begin()

        (reason,) = refused(lambda: mias.begin(actor=riverside.admin))

        assert reason.code == "change_open"
        assert first.reference in reason.message
        assert "Tue 31 Mar 2026 09:00" in reason.message
        riverside.pull(orders.remove, first)
        mias.begin()

    def test_a_held_session_stays(self, riverside: Centre) -> None:
        mias = story(riverside, booked=(0, 1))
        change = mias.save(mias.begin(now=MIDWEEK), mias.karate.lines(1), now=MIDWEEK)

        assert "session_held" in change.notices
        assert codes(lambda: mias.submit(change, now=MIDWEEK)) == ["session_held"]

    def test_a_family_is_bound_by_the_cancellation_window_and_an_admin_is_not(self, riverside: Centre) -> None:
        mias, late = story(riverside, booked=(0, 1)), NOW + 12 * DAY - HOUR
        change = mias.save(mias.begin(now=late), mias.karate.lines(1), now=late)

        assert codes(lambda: mias.submit(change, now=late)) == ["past_cancellation_window"]
        mias.submit(change, now=late, how=ADMIN_CONFIRM, actor=riverside.admin)
        mias.confirm(change, now=late)
        assert mias.booking["total_minor"] == 30_00

    def test_an_extra_is_given_up_until_the_window_of_its_session_closes(self, riverside: Centre) -> None:
        mias, late = story(riverside, booked=(0, 1)), NOW + 12 * DAY - HOUR
        lunch = riverside.extra(program_id=mias.karate.offering["program_id"])

        def lunches(*of_each: int) -> list[dict[str, Any]]:
            asked = [[{"extra_id": lunch, "quantity": n}] if n else [] for n in of_each]
            return [line for nth, extras in enumerate(asked) for line in mias.karate.lines(nth, extras=extras)]

        mias.changed(lunches(2, 1))
        fewer = mias.save(mias.begin(now=late), lunches(1, 1), now=late)
        (reason,) = refused(lambda: mias.submit(fewer, now=late))
        riverside.pull(orders.remove, fewer)

        assert (reason.code, reason.rule) == ("past_cancellation_window", "change")
        assert reason.message.startswith("The extras of Karate, Sun 12 Apr 2026")
        later = mias.save(mias.begin(now=late), lunches(1, 3), now=late)
        mias.submit(later, now=late, how=ADMIN_CONFIRM, actor=riverside.admin)
        mias.confirm(later, now=late)

    def test_with_a_late_fee_an_extra_goes_as_its_session_does(self, riverside: Centre) -> None:
        mias, late = story(riverside, booked=(0, 1)), NOW + 12 * DAY - HOUR
        riverside.rule("late_fee", {"percent": "50"}, mias.karate.offering["id"])
        lunch = riverside.extra(program_id=mias.karate.offering["program_id"])
        mias.changed([*mias.karate.lines(0, extras=[{"extra_id": lunch, "quantity": 1}]), *mias.karate.lines(1)])

        mias.submit(mias.save(mias.begin(now=late), mias.karate.lines(0, 1), now=late), now=late)

        assert mias.booking["total_minor"] == 60_00

    def test_a_full_session_is_not_added(self, riverside: Centre) -> None:
        mias = story(riverside, booked=(0,), session={"capacity": 1})
        chen = riverside.family("Chen family")
        riverside.confirmed(chen, chen.child("Ana Chen"), mias.karate.lines(1))
        change = mias.save(mias.begin(), mias.karate.lines(0, 1))

        assert codes(lambda: mias.submit(change)) == ["session_full"]

    @pytest.mark.parametrize(
        ("sessions", "why"), [((0, 1), "nothing_changed"), ((), "nothing_left")], ids=["the same", "nothing"]
    )
    def test_a_change_changes_something_and_leaves_something(
        self, riverside: Centre, sessions: tuple[int, ...], why: str
    ) -> None:
        mias = story(riverside, booked=(0, 1))
        change = mias.save(mias.begin(), mias.karate.lines(*sessions) if sessions else [])

        assert codes(lambda: mias.submit(change)) == [why]

    def test_only_an_approved_booking_is_changed(self, riverside: Centre) -> None:
        mias = story(riverside, booked=(0,))
        riverside.do(endings.cancel, booking_id=mias.booking["id"], actor=riverside.admin, reason="moved away")

        assert codes(mias.begin) == ["not_changeable"]

    def test_what_was_given_up_is_booked_anew_by_a_new_order(self, riverside: Centre) -> None:
        mias = story(riverside, booked=(0, 1))
        mias.changed(mias.karate.lines(0))
        change = mias.save(mias.begin(), mias.karate.lines(0, 1))

        assert codes(lambda: mias.submit(change)) == ["given_up_before"]
        riverside.confirmed(mias.rossi, mias.mia, mias.karate.lines(1))

    def test_a_change_is_not_confirmed_as_an_order_nor_quoted(self, riverside: Centre) -> None:
        mias = story(riverside, booked=(0,))
        change = mias.save(mias.begin(), mias.karate.lines(0, 1))
        mias.submit(change)

        assert "is_change" in codes(lambda: riverside.pull(orders.confirm, change, reason="as agreed"))
        assert codes(lambda: riverside.pull(orders.quote, change)) == ["is_change"]
        assert codes(lambda: riverside.pull(orders.approve_attendance, change)) == ["is_change"]

    def test_another_family_sees_no_change(self, riverside: Centre) -> None:
        mias, chen = story(riverside, booked=(0,)), riverside.family("Chen family")
        change = mias.begin()

        with pytest.raises(NotFound):
            mias.review(change, actor=chen.actor)
        with pytest.raises(NotFound):
            mias.begin(actor=chen.actor)


def test_the_history_alone_tells_where_all_of_it_stands(riverside: Centre) -> None:
    mias = story(riverside, booked=(0, 1))
    mias.changed(mias.karate.lines(1, 2))

    compared = replay(riverside.database, edges=edges(), organisation_id=riverside.organisation_id)

    assert not compared.breaches, report(compared)

"""The ways of random steps that go beyond one order: extras with a stock, makeups, subscriptions from term to term."""

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from catalogue.roll_over import Window, roll_over
from engine.database import Row
from models import TermBookingOrderType, TermStatus
from tests import builders as build
from tests.workflows.centre import WEEK, sundays
from tests.workflows.random_steps import CONFIRMED_BY, NOBODY_ASKS, PICK
from tests.workflows.random_walks import RandomWalks
from workflows import closure_reopening, group_order, subscription, subscription_changes
from workflows import term_booking_order as orders
from workflows.absence_withdrawal import withdraw_absence
from workflows.absences import notify_absence
from workflows.closure_facts import Scope
from workflows.makeup_credit import expire_credits, revoke
from workflows.roll_closing import close_roll
from workflows.subscription_terms import roll_subscriptions

_WEEKDAYS = st.lists(st.sampled_from(["SUN", "WED"]), min_size=1, max_size=2, unique=True)
_AUTUMN = ("Summer 2026", date(2026, 7, 1), date(2026, 9, 30))


class RandomTerms(RandomWalks):
    """Everything that random walks do, with a lunch and a bus that run out, and a club on two weekdays."""

    def __init__(self) -> None:
        super().__init__()
        self.extras = [self.centre.extra("Lunch", stock=2), self.centre.extra("Bus", stock=1), self.centre.extra("Cap")]
        makeup = {"notice_hours": 1, "validity_days": 60, "per_term": 3}
        for course in self.courses:
            self.centre.rule("makeup", makeup, course.offering["id"])
        days = [start for sunday in sundays(4) for start in (sunday, sunday + timedelta(days=3))]
        schedule = [{"weekdays": ["SUN", "WED"], "starts": "09:30", "ends": "10:30"}]
        self.club = self.centre.course(*days, name="Club", schedule=schedule, session={"capacity": 3})
        self.centre.rule("order_types", ["BOOKING", "SUBSCRIPTION"], self.club.offering["id"])
        self.next_term: Row | None = None

    def _lines(self, picks: list[int]) -> list[Row]:
        """Some of them with one of an extra, or two."""
        lines = super()._lines(picks)
        for line, pick in zip(lines, picks, strict=False):
            if pick % 3 == 0:
                extra = self.extras[pick % len(self.extras)]
                line["extras"] = [{"extra_id": extra, "quantity": 1 + pick % 2}]
        return lines

    @rule(pick=PICK, stock=st.one_of(st.none(), st.integers(min_value=0, max_value=4)))
    def an_admin_changes_a_stock(self, pick: int, stock: int | None) -> None:
        """Never below what is taken at a session: the database refuses that."""
        taken = self.centre.one("SELECT coalesce(max(taken), 0) AS n FROM extra_stock WHERE extra_id = %(id)s",
                                id=self.extras[pick % 3])["n"]  # fmt: skip
        self.centre.run("UPDATE extra SET stock = %(stock)s WHERE id = %(id)s", id=self.extras[pick % 3],
                        stock=None if stock is None else max(stock, taken))  # fmt: skip

    # --- absences ---

    @rule(pick=PICK, is_back=st.booleans())
    def an_absence_is_told(self, pick: int, is_back: bool) -> None:
        line = self._pick("SELECT booking_id, term_product_id AS session_id, id FROM term_attendance "
                          "WHERE status IN ('EXPECTED', 'ABSENT_NOTIFIED')", pick)  # fmt: skip
        if line:
            known = {"booking_id": line["booking_id"], "session_id": line["session_id"], "actor": self.centre.admin}
            self._try("absence", notify_absence, reason="a cold", **known)
            if is_back:
                self._try("absence withdrawn", withdraw_absence, **known)

    @rule(pick=PICK, session=PICK, how=CONFIRMED_BY)
    def a_makeup_is_booked(self, pick: int, session: int, how: Any) -> None:
        credit = self._pick(
            "SELECT id, account_id, attendee_id, program_id FROM makeup_credit WHERE status = 100", pick
        )
        if credit is None:
            return
        course = next((each for each in self.courses if each.offering["program_id"] == credit["program_id"]), None)
        ids = course.ids if course else self.sessions
        admin: dict[str, Any] = {"actor": self.centre.admin}
        begun = self._try("new", orders.new, account_id=credit["account_id"], attendee_id=credit["attendee_id"],
                          term_id=self.centre.term["id"], order_type=TermBookingOrderType.BOOKING, **admin)  # fmt: skip
        lines = [{"session_id": ids[session % len(ids)], "makeup_credit_id": credit["id"]}]
        saved = begun and self._try("makeup", orders.save, order_id=begun.order.id, lines=lines, **admin)
        if saved:
            self._hand_in(TermBookingOrderType.BOOKING, saved, self.centre.admin, how)

    @rule(pick=PICK, step=st.sampled_from(["roll", "revoke", "expire"]))
    def makeups_are_settled(self, pick: int, step: str) -> None:
        if step == "expire":
            self._counted("makeups expire", lambda: expire_credits(self.database, now=self.now))
        elif step == "roll":
            session = self.sessions[pick % len(self.sessions)]
            with self.database.transaction(self.centre.organisation_id) as tx:
                roll = tx.rows("SELECT id FROM term_attendance WHERE organisation_id = %(org)s "
                               "AND term_product_id = %(id)s", id=session)  # fmt: skip
            self._try("roll closed", close_roll, session_id=session, absent=[row["id"] for row in roll],
                      actor=self.centre.admin)  # fmt: skip
        elif credit := self._pick("SELECT id FROM makeup_credit", pick):
            self._try("makeup revoked", revoke, credit_id=credit["id"], reason="by mistake", actor=self.centre.admin)

    # --- closed sessions ---

    @rule(pick=PICK)
    def a_closed_session_is_opened_again(self, pick: int) -> None:
        if pick % 3:
            return
        closed = self._pick("SELECT id FROM term_product WHERE status = 'CLOSED'", pick)
        if closed is None:
            return
        scope, admin = Scope(session_id=closed["id"]), {"actor": self.centre.admin}
        shown = self._try("reopening preview", closure_reopening.preview, scope=scope, **admin)
        if shown is not None:
            self._try("reopening", closure_reopening.reopen_day, scope=scope, reason="mended",
                      fingerprint=shown["fingerprint"], **admin)  # fmt: skip

    # --- groups ---

    @rule(pick=PICK)
    def a_group_is_confirmed(self, pick: int) -> None:
        found = self._pick("SELECT id FROM group_order WHERE submitted_at IS NOT NULL", pick)
        if found:
            self._try("group confirm", group_order.confirm, group_order_id=found["id"], actor=self.centre.admin,
                      reason="as agreed", confirmation_type=NOBODY_ASKS)  # fmt: skip

    # --- subscriptions ---

    @rule(child=PICK, weekdays=_WEEKDAYS)
    def somebody_subscribes_to_the_club(self, child: int, weekdays: list[str]) -> None:
        family, attendee = self.children[child % len(self.children)]
        asked = self._try("subscribe", subscription.request, account_id=family.id, attendee_id=attendee["id"],
                          offering_id=self.club.offering["id"], weekdays=weekdays, starts_on=self.now.date(),
                          actor=self.centre.admin)  # fmt: skip
        if asked is not None:
            self._try("begin subscription", subscription.begin_subscription, subscription_id=asked.subscription.id,
                      reason="welcome", actor=self.centre.admin)  # fmt: skip

    @rule(pick=PICK, weekdays=_WEEKDAYS)
    def a_subscription_changes_its_weekdays(self, pick: int, weekdays: list[str]) -> None:
        found = self._pick("SELECT id FROM subscription", pick)
        if found:
            self._try("weekdays", subscription_changes.change_weekdays, subscription_id=found["id"], weekdays=weekdays,
                      reason="swimming", actor=self.centre.admin)  # fmt: skip

    @rule(pick=PICK, weeks=st.integers(min_value=0, max_value=4), is_withdrawn=st.booleans())
    def a_subscription_goes_on(self, pick: int, weeks: int, is_withdrawn: bool) -> None:
        found = self._pick("SELECT id FROM subscription", pick)
        if found:
            last_day = None if is_withdrawn else (self.now + WEEK * weeks).date()
            self._try("goes on", subscription_changes.go_on, subscription_id=found["id"], last_day=last_day,
                      reason="they stay", actor=self.centre.admin)  # fmt: skip

    @rule(pick=PICK)
    def a_request_is_declined(self, pick: int) -> None:
        found = self._pick("SELECT id FROM subscription", pick)
        if found:
            self._try("decline request", subscription.decline, subscription_id=found["id"], reason="no room",
                      actor=self.centre.admin)  # fmt: skip

    @rule(pick=PICK)
    def the_next_term_opens(self, pick: int) -> None:
        """Rarely, once in a world: the club goes on in it, and who subscribes with it."""
        if self.next_term is None and pick % 5 == 0:
            name, starts_on, ends_on = _AUTUMN
            self.next_term = self.centre.edit(build.term, self.centre.site, name=name, starts_on=starts_on,
                                              ends_on=ends_on, status=TermStatus.DRAFT)  # fmt: skip
            assert self.next_term is not None
            term_id = self.next_term["id"]
            self.centre.edit(roll_over, from_term_id=self.centre.term["id"], term_id=term_id, window=Window())
            self.centre.run("UPDATE term SET status = 'OPEN' WHERE id = %(id)s", id=term_id)
        if self.next_term is not None:
            self._counted("roll subscriptions", lambda: roll_subscriptions(self.database, now=self.now))

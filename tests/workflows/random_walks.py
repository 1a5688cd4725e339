"""The longer ways of random steps: groups, changes, conversions, subscriptions, days that are closed."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from billing.bank_accounts import BankAccount
from billing.ledger import month_of
from billing.periods import lock_period, unlock_period
from billing.recognition import recognise_of
from billing.reports.form import Period
from engine.actor import Actor
from models import ActorKind, GroupOrderPolicy, TermBookingConfirmationType, TermBookingOrderType
from tests.workflows import credits
from tests.workflows.random_steps import CONFIRMED_BY, PICK, RandomSteps
from tests.workflows.slow_reports import agree
from workflows import change_order, closure_days, conversion, direct_debit, group_order, mandate, subscription
from workflows import term_booking_order as orders
from workflows import write_off as write_offs
from workflows.closure_facts import Scope
from workflows.invoice_runs import issue_due_invoices
from workflows.subscription_terms import roll_subscriptions


class RandomWalks(RandomSteps):
    """Everything that random steps do, and what takes several steps of its own."""

    @rule(child=PICK, picks=st.lists(PICK, min_size=1, max_size=3), is_best=st.booleans(), how=CONFIRMED_BY)
    def siblings_are_booked_together(
        self, child: int, picks: list[int], is_best: bool, how: TermBookingConfirmationType
    ) -> None:
        family = self.families[child % 2]
        children = [each for owner, each in self.children if owner is family][:2]
        asked = [{"attendee_id": each["id"], "lines": self._lines(picks)} for each in children]
        policy = GroupOrderPolicy.BEST_EFFORT if is_best else GroupOrderPolicy.ALL_OR_NOTHING
        admin: dict[str, Any] = {"actor": self.centre.admin}
        begun = self._try("group new", group_order.new, account_id=family.id, term_id=self.centre.term["id"],
                          policy=policy, asked=asked, **admin)  # fmt: skip
        if begun is not None:
            self._try("group submit", group_order.submit, group_order_id=begun.id, confirmation_type=how,
                      price_fingerprint=begun.price_fingerprint, **admin)  # fmt: skip

    @rule(pick=PICK, picks=st.lists(PICK, max_size=4), how=CONFIRMED_BY, is_finished=st.booleans())
    def a_booking_is_changed(
        self, pick: int, picks: list[int], how: TermBookingConfirmationType, is_finished: bool
    ) -> None:
        booking = self._pick("SELECT id FROM term_booking WHERE status IN (450, 500)", pick)
        begun = booking and self._try("change", change_order.begin_change, booking_id=booking["id"],
                                      actor=self.centre.admin)  # fmt: skip
        if begun:
            self._change(begun.order.id, picks, how, is_finished)

    @rule(pick=PICK, picks=st.lists(PICK, max_size=4), is_finished=st.booleans())
    def a_quote_is_changed(self, pick: int, picks: list[int], is_finished: bool) -> None:
        order = self._pick("SELECT id FROM term_booking_order WHERE status = 475", pick)
        begun = order and self._try("quote change", change_order.begin_quote_change, order_id=order["id"],
                                    actor=self.centre.admin)  # fmt: skip
        if begun:
            self._change(begun.order.id, picks, TermBookingConfirmationType.ADMIN_CONFIRM, is_finished)

    def _change(
        self, order_id: UUID, picks: list[int], how: TermBookingConfirmationType, is_finished: bool
    ) -> None:  # fmt: skip
        admin: dict[str, Any] = {"actor": self.centre.admin, "order_id": order_id}
        saved = self._try("change save", change_order.save, lines=self._lines(picks), **admin)
        if saved is None or saved.priced is None:
            return
        review = self.centre.do(change_order.review, now=self.now, **admin)
        self._try("change submit", change_order.submit, confirmation_type=how,
                  price_fingerprint=review.difference.fingerprint, **admin)  # fmt: skip
        if is_finished:
            review = self.centre.do(change_order.review, now=self.now, **admin)
            known = credits.notes(self.centre, review.order.account_id)
            made = self._try("change confirm", change_order.confirm, reason="as agreed",
                             difference_fingerprint=review.difference.fingerprint, **admin)  # fmt: skip
            if made is not None:
                assert credits.posted(self.centre, review.order.account_id, known) == credits.shown(review)

    @rule(pick=PICK, how=CONFIRMED_BY)
    def an_interest_or_a_trial_is_converted(self, pick: int, how: TermBookingConfirmationType) -> None:
        order = self._pick("SELECT id FROM term_booking_order WHERE status >= 300 AND order_type IN (2, 5)", pick)
        admin: dict[str, Any] = {"actor": self.centre.admin}
        begun = order and self._try("convert", conversion.begin, order_id=order["id"], **admin)
        if begun and begun.priced is not None:
            self._try("conversion", orders.submit, order_id=begun.order.id, confirmation_type=how,
                      price_fingerprint=begun.priced.fingerprint, **admin)  # fmt: skip

    @rule(child=PICK, pick=PICK, is_begun=st.booleans())
    def somebody_subscribes(self, child: int, pick: int, is_begun: bool) -> None:
        family, attendee = self.children[child % len(self.children)]
        course = self.courses[pick % (len(self.courses) - 1)]
        admin: dict[str, Any] = {"actor": self.centre.admin}
        asked = self._try("subscribe", subscription.request, account_id=family.id, attendee_id=attendee["id"],
                          offering_id=course.offering["id"], weekdays=["SUN"], starts_on=self.now.date(),
                          **admin)  # fmt: skip
        if asked is not None and is_begun:
            self._try("begin subscription", subscription.begin_subscription,
                      subscription_id=asked.subscription.id, reason="welcome", **admin)  # fmt: skip

    # --- direct debit ---

    @rule(pick=PICK, step=st.sampled_from([mandate.activate, mandate.revoke]))
    def a_mandate_moves(self, pick: int, step: Any) -> None:
        if pick % 2:
            family = self.families[pick % 4 // 2]
            self._try("mandate given", mandate.give, account_id=family.id, holder="R. Rossi", signed_on=None,
                      bank_account=BankAccount(iban="DE89370400440532013000"), actor=self.centre.admin)  # fmt: skip
        found = self._pick("SELECT id FROM direct_debit_mandate", pick)
        if found:
            more = {"signed_on": self.now.date()} if step is mandate.activate else {}
            self._try(f"mandate {step.__name__}", step, mandate_id=found["id"], actor=self.centre.admin, **more)

    @rule(pick=PICK, child=PICK, picks=st.lists(PICK, min_size=1, max_size=3))
    def somebody_agrees_to_a_schedule(self, pick: int, child: int, picks: list[int]) -> None:
        how = (TermBookingConfirmationType.DIRECT_DEBIT, TermBookingConfirmationType.PAY_NOW_PAY_DEPOSIT)[pick % 2]
        family, attendee = self.children[child % len(self.children)]
        admin: dict[str, Any] = {"actor": self.centre.admin}
        begun = self._try("new", orders.new, account_id=family.id, attendee_id=attendee["id"],
                          term_id=self.centre.term["id"], order_type=TermBookingOrderType.BOOKING, **admin)  # fmt: skip
        order_id = begun and begun.order.id
        saved = begun and self._try("save", orders.save, order_id=order_id, lines=self._lines(picks), **admin)
        if not saved:
            return
        _, schedule, _ = self.centre.do(
            orders.payment_schedule, now=self.now, order_id=order_id, confirmation_type=how, **admin
        )
        self._try("submit by schedule", orders.submit, order_id=order_id, confirmation_type=how,
                  price_fingerprint=saved.priced.fingerprint,
                  schedule_fingerprint=schedule.fingerprint if schedule else None, **admin)  # fmt: skip

    @rule(pick=PICK, step=st.sampled_from(["settle", "refuse", "return_debit", "present", "collect"]))
    def a_debit_moves(self, pick: int, step: str) -> None:
        finance: dict[str, Any] = {"actor": Actor(ActorKind.FINANCE, user_id=self.centre.admin.user_id)}
        if step == "collect":
            invoice = self._pick("SELECT id FROM invoice", pick)
            if invoice:
                self._try("collect", direct_debit.collect, invoice_id=invoice["id"], **finance)
            return
        debit = self._pick("SELECT id FROM payment WHERE provider = 'direct_debit'", pick)
        if debit:
            more = {"reason": "no funds"} if step in ("refuse", "return_debit") else {}
            self._try(f"debit {step}", getattr(direct_debit, step), payment_id=debit["id"], **more, **finance)

    # --- the books ---

    @rule(pick=PICK)
    def finance_is_at_work(self, pick: int) -> None:
        """Revenue is recognised; a receivable is given up and owed again at once, since what is given up cannot be
        credited; the month before is locked, and a locked one opened again.
        """
        finance: dict[str, Any] = {"actor": self.centre.admin, "reason": "no reply"}
        self._counted("recognise", lambda: recognise_of(self.database, self.centre.organisation_id, now=self.now))
        invoice = self._pick("SELECT id FROM invoice", pick)
        if invoice and pick % 5 == 0:
            self._try("write off", write_offs.write_off, invoice_id=invoice["id"], amount_minor=None, **finance)
        given_up = self._pick("SELECT id FROM write_off WHERE undone_at IS NULL", pick)
        if given_up:
            self._try("take up again", write_offs.undo_write_off, write_off_id=given_up["id"], **finance)
        if pick % 7 == 0:
            last_month = month_of(month_of(self.now.date()) - timedelta(days=1))
            self._try("lock", lock_period, month=last_month, note="", actor=self.centre.admin)
        lock = self._pick("SELECT id FROM period_lock WHERE unlocked_at IS NULL", pick)
        if lock and pick % 11 == 0:
            self._try("unlock", unlock_period, lock_id=lock["id"], reason="a bill came late", actor=self.centre.admin)

    def teardown(self) -> None:
        """Whatever happened, every report ties to the books on every day that anything was posted, and says what it
        would say without anything kept.
        """
        super().teardown()
        days = self.centre.rows("SELECT DISTINCT posted_on + n AS day FROM ledger_entry, generate_series(-1, 0) n "
                                "UNION SELECT %(today)s ORDER BY 1", today=self.now.date())  # fmt: skip
        with self.database.transaction(self.centre.organisation_id) as tx:
            for row in days:
                for since in (date(2026, 1, 1), row["day"]):
                    agree(tx, Period(since, row["day"]))

    # --- subscriptions and closed sessions ---

    @rule(pick=PICK, days=st.integers(min_value=0, max_value=30))
    def notice_is_given(self, pick: int, days: int) -> None:
        found = self._pick("SELECT id FROM subscription", pick)
        if found:
            self._try("notice", subscription.give_notice, subscription_id=found["id"], reason="moving",
                      last_day=self.now.date() + timedelta(days=days), actor=self.centre.admin)  # fmt: skip

    @rule(job=st.sampled_from([issue_due_invoices, roll_subscriptions, subscription.end_subscriptions]), pick=PICK)
    def a_job_of_subscriptions_runs(self, job: Any, pick: int) -> None:
        if pick % 3 == 0:
            self._counted(job.__name__, lambda: job(self.database, now=self.now))

    @rule(pick=PICK)
    def a_session_is_closed(self, pick: int) -> None:
        """Rarely, and it is opened again more rarely still."""
        if pick % 10:
            return
        scope = Scope(session_id=self.sessions[pick % len(self.sessions)])
        shown = self._try("preview", lambda tx, now: closure_days.preview(tx, scope))
        if shown is None:
            return
        self._try("close session", closure_days.close_day, scope=scope, fingerprint=shown["fingerprint"],
                  reason="flooded", actor=self.centre.admin)  # fmt: skip

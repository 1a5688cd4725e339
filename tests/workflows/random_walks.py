"""The longer ways of random steps: groups, changes, conversions, subscriptions, days that are closed."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from billing.bank_accounts import BankAccount
from engine.actor import Actor
from models import ActorKind, GroupOrderPolicy, TermBookingConfirmationType, TermBookingOrderType
from tests.workflows.random_steps import CONFIRMED_BY, PICK, RandomSteps
from workflows import change_order, closure_days, conversion, direct_debit, group_order, mandate, subscription
from workflows import term_booking_order as orders
from workflows.closure_facts import Scope
from workflows.subscription_billing import issue_due_invoices
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
        booking = self._pick("SELECT id FROM term_booking WHERE status = 500", pick)
        admin: dict[str, Any] = {"actor": self.centre.admin}
        begun = booking and self._try("change", change_order.begin_change, booking_id=booking["id"], **admin)
        if not begun:
            return
        saved = self._try("change save", change_order.save, order_id=begun.order.id, lines=self._lines(picks), **admin)
        if saved is None or saved.priced is None:
            return
        review = self.centre.do(change_order.review, now=self.now, order_id=begun.order.id, **admin)
        self._try("change submit", change_order.submit, order_id=begun.order.id, confirmation_type=how,
                  price_fingerprint=review.difference.fingerprint, **admin)  # fmt: skip
        if is_finished:
            review = self.centre.do(change_order.review, now=self.now, order_id=begun.order.id, **admin)
            self._try("change confirm", change_order.confirm, order_id=begun.order.id, reason="as agreed",
                      difference_fingerprint=review.difference.fingerprint, **admin)  # fmt: skip

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
        """Rarely: what is closed stays closed."""
        if pick % 40:
            return
        scope = Scope(session_id=self.sessions[pick % len(self.sessions)])
        shown = self._try("preview", lambda tx, now: closure_days.preview(tx, scope))
        if shown is None:
            return
        self._try("close session", closure_days.close_day, scope=scope, fingerprint=shown["fingerprint"],
                  reason="flooded", actor=self.centre.admin)  # fmt: skip

"""Random steps of a group that is paid as a whole: by hand, from the wallet, or at a provider whose news come in any
order, and after everything else.
"""

from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from billing.gateways.protocol import GatewayEvent
from engine.actor import Actor
from engine.database import Transaction
from engine.errors import Invalid
from models import PaymentStatus
from tests.workflows.random_steps import PICK
from tests.workflows.random_terms import RandomTerms
from workflows.group_payments import pay_group_from_wallet, record_group_payment, start_group_payment
from workflows.payment_events import deliver_event
from workflows.payments import attach_checkout
from workflows.wallet import record_top_up

_GROUP = "SELECT id, account_id FROM group_order WHERE submitted_at IS NOT NULL"
_CHECKOUT = """
SELECT checkout_id AS id, min(external_id) AS external_id, sum(amount_minor)::bigint AS amount_minor FROM payment
WHERE checkout_id IS NOT NULL AND external_id IS NOT NULL GROUP BY checkout_id
"""
_NEWS = st.sampled_from([PaymentStatus.PROCESSING, PaymentStatus.SUCCESS, PaymentStatus.SUCCESS, PaymentStatus.FAILED])


class RandomPayments(RandomTerms):
    """Everything that random terms do, and the payments of whole groups."""

    @rule(pick=PICK)
    def a_group_is_paid_by_hand(self, pick: int) -> None:
        if group := self._pick(_GROUP, pick):
            self._try("group pay", _pay_by_hand, group_order_id=group["id"], actor=self.centre.admin)

    @rule(pick=PICK, amount=st.sampled_from([None, "5.00", "60.00"]))
    def a_group_is_paid_from_the_wallet(self, pick: int, amount: str | None) -> None:
        group = self._pick(_GROUP, pick)
        if group is None:
            return
        if amount is not None:
            self._try("top up", record_top_up, account_id=group["account_id"], amount=amount, reason="cash",
                      actor=self.centre.admin)  # fmt: skip
        self._try("group pay from wallet", pay_group_from_wallet, group_order_id=group["id"],
                  actor=self._actor(group, by_admin=False))  # fmt: skip

    @rule(pick=PICK, news=_NEWS)
    def a_group_goes_to_the_provider(self, pick: int, news: PaymentStatus) -> None:
        group = self._pick(_GROUP, pick)
        started = group and self._try(
            "group pay online", start_group_payment, group_order_id=group["id"], provider="sandbox",
            actor=self._actor(group, by_admin=False),
        )  # fmt: skip
        if started:
            external_id = f"sb_{started.key}"
            self._try("group checkout", attach_checkout, payment_id=started.payment_id, external_id=external_id,
                      checkout_url="https://pay")  # fmt: skip
            self._tell(started.key, external_id, started.amount_minor, news)

    @rule(pick=PICK, news=_NEWS, is_short=st.booleans())
    def a_provider_has_news_of_a_group(self, pick: int, news: PaymentStatus, is_short: bool) -> None:
        """Of any checkout, whatever became of its orders meanwhile; now and then of less than was asked."""
        if checkout := self._pick(_CHECKOUT, pick):
            amount = checkout["amount_minor"] - (is_short and pick % 5 == 0)
            self._tell(str(checkout["id"]), checkout["external_id"], amount, news)

    def _tell(self, key: str, external_id: str, amount_minor: int, news: PaymentStatus) -> None:
        event = GatewayEvent(
            event_id=f"{key}:{news}", type="payment", external_id=external_id, key=key, status=news,
            amount_minor=amount_minor, currency="CAD", at=self.now,
        )  # fmt: skip
        centre = self.centre
        self._counted(
            f"group {news.lower()}",
            lambda: deliver_event(centre.database, centre.organisation_id, provider="sandbox", event=event,
                                  now=self.now),
        )  # fmt: skip


def _pay_by_hand(tx: Transaction, *, group_order_id: UUID, actor: Actor, now: Any) -> list[UUID]:
    """The office is told by its refusal what all of it comes to, and records just that."""
    known: dict[str, Any] = {"group_order_id": group_order_id, "reason": "cash", "actor": actor, "now": now}
    try:
        return record_group_payment(tx, amount_minor=1, **known)
    except Invalid as refusal:
        return record_group_payment(tx, amount_minor=refusal.reasons[0].facts["due_minor"], **known)

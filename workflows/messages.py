"""What the family is told: which facts each outbox topic is composed of, read when the mail is."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from engine.database import Transaction
from engine.outbox import Message as OutboxEntry
from notifications.messages import Message
from workflows import (
    closure_messages,
    makeup_messages,
    order_messages,
    pass_messages,
    payment_messages,
    subscription_messages,
    waiting_messages,
)
from workflows.guest_messages import SIGNED, with_guest_link


def compose_message(tx: Transaction, entry: OutboxEntry, *, base_url: str, secret: str) -> Message | None:
    """The facts of an outbox entry as a mail tells them; None where there is nothing, or nobody, to tell.

    `secret` is the installation's: it signs the addresses that guests are sent.
    """
    if (signed := SIGNED.get(entry.topic)) is not None:
        return signed(tx, entry, base_url, secret)
    composer = _COMPOSERS.get(entry.topic)
    message = composer(tx, entry.payload, base_url) if composer else None
    return with_guest_link(tx, message, entry, base_url=base_url, secret=secret)


_COMPOSERS: Mapping[str, Callable[[Transaction, Mapping[str, Any], str], Message | None]] = {
    "booking.confirmed": order_messages.confirmed,
    "booking.invoiced": subscription_messages.invoiced,
    "booking.session_debited": subscription_messages.invoiced,
    "booking.payment_pending": partial(subscription_messages.invoiced, is_from_wallet=True),
    "makeup.granted": makeup_messages.granted,
    "makeup.expiring": makeup_messages.expiring,
    "makeup.expired": makeup_messages.expired,
    "pass.bought": pass_messages.bought,
    "pass.used_up": pass_messages.used_up,
    "pass.ending": pass_messages.ending,
    "pass.revoked": pass_messages.revoked,
    "subscription.begun": subscription_messages.booked,
    "subscription.rolled": subscription_messages.booked,
    "subscription.changed": subscription_messages.changed,
    "subscription.ending": subscription_messages.ending,
    "subscription.not_rolled": subscription_messages.not_rolled,
    "subscription.invoiced": subscription_messages.invoiced,
    "booking.canceled": order_messages.canceled,
    "booking.day_closed": closure_messages.closed,
    "booking.day_reopened": closure_messages.reopened,
    "order.day_closed": closure_messages.order_closed,
    "booking.converted": order_messages.converted,
    "order.converted": order_messages.converted,
    "order.interest": order_messages.interest,
    "order.not_revived": payment_messages.not_revived,
    "order.quoted": order_messages.quoted,
    "order.canceled": order_messages.timed_out,
    **{
        f"refund.{news}": partial(payment_messages.refund, news=news)
        for news in ("requested", "approved", "rejected", "paid", "failed")
    },
    "payment.settled": payment_messages.received,
    "payment.credited": payment_messages.credited,
    "payment.failed": payment_messages.debit_failed,
    "payment.returned": payment_messages.debit_failed,
    "payment.due": partial(payment_messages.due, is_overdue=False),
    "payment.overdue": partial(payment_messages.due, is_overdue=True),
    "booking.overdue_fee": payment_messages.overdue_fee,
    "waiting.offered": waiting_messages.offered,
    "waiting.expired": waiting_messages.expired,
}

# Every topic that is announced; those without a composer are for integrators and need no mail.
TOPICS = (*SIGNED, "order.interest", "order.converted", "booking.converted",
          "order.submitted", "order.quoted", "order.canceled", "order.not_revived", "booking.confirmed",
          "booking.canceled", "booking.closing", "booking.closed", "booking.suspended", "booking.resumed",
          "booking.day_closed", "booking.day_reopened", "order.day_closed", "makeup.revoked",
          "makeup.granted", "makeup.expiring", "makeup.expired",
          "payment.settled", "payment.credited", "payment.failed", "payment.returned", "payment.due",
          "payment.overdue", "booking.overdue_fee", "payment.dispute_open", "payment.dispute_lost",
          "payment.dispute_won", "payment.review", "order.waiting", "waiting.offered", "waiting.expired",
          "mandate.activated", "mandate.revoked", "wallet.topped_up", "wallet.bonus_given", "pass.bought",
          "pass.used_up", "pass.ending", "pass.revoked", "refund.requested", "refund.approved", "refund.rejected",
          "refund.paid", "refund.failed", "subscription.begun", "subscription.rolled", "subscription.not_rolled",
          "subscription.ending", "subscription.changed", "subscription.invoiced", "booking.invoiced",
          "booking.session_debited", "booking.payment_pending")  # fmt: skip

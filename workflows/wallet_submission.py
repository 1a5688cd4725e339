"""Submitting an order and paying what it requires from the family's wallet, in one step: both, or nothing."""

from datetime import datetime
from typing import Any
from uuid import UUID

from engine.actor import Actor
from engine.database import Transaction
from engine.errors import Invalid, Reason
from models import TermBookingConfirmationType, TermBookingStatus
from workflows import order_requests
from workflows.order_facts import lock_order
from workflows.payment_use import CONFIRMED_BY_PAYMENT
from workflows.term_booking_order import Outcome
from workflows.wallet import pay_order


def submit_from_wallet(
    tx: Transaction, *, order_id: UUID, confirmation_type: TermBookingConfirmationType, actor: Actor, now: datetime,
    **asked: Any,
) -> Outcome:  # fmt: skip
    """Take the places, and pay from the wallet all that is required, which confirms the order; or as much as there is,
    which is kept for it while the rest is paid another way before its timeout.

    Raises what `submit` raises, and Invalid (not a confirmation type that a payment meets), NothingInWallet.
    """
    if confirmation_type not in CONFIRMED_BY_PAYMENT:
        message = "Only an order that is paid now, all or its deposit, is paid from the wallet with its submission."
        raise Invalid(message, reasons=[Reason("not_paid_now", message, field="from_wallet", rule="confirmation_type")])
    outcome = order_requests.submit(
        tx, order_id=order_id, confirmation_type=confirmation_type, actor=actor, now=now, **asked
    )
    if outcome.order.status is not TermBookingStatus.SUBMITTED:
        return outcome  # nothing is to be paid
    tx.flush()
    pay_order(tx, order_id=order_id, actor=actor, now=now)
    tx.flush()
    outcome.order = lock_order(tx, order_id, actor=actor)
    return outcome

"""A payment that was recorded by hand and was wrong, for another family or never there: undone by compensating entries.

What it settled is open again, as after a returned debit. A top-up goes out of the wallet again, as long as that holds
it. What the payment confirmed stays confirmed, and is owed.
"""

from datetime import datetime
from uuid import UUID

from billing.ledger import payment_returned, post
from billing.wallet import WalletTooLow, lock_wallets
from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason
from engine.money import format_money
from models import ActorKind, PaymentStatus
from workflows.order_facts import lock_order
from workflows.payments import BY_HAND
from workflows.taking_back import CAPTURED, fail_taken_back, take_back
from workflows.wallet import correct
from workflows.wallet_facts import lock_account


class NotReversible(Conflict):
    """The payment is not one that the office takes back by itself."""

    code = "payment_not_reversible"


_PAYMENT = """
SELECT p.id, p.reference, p.account_id, p.order_id, p.provider, p.status, p.amount_minor,
       EXISTS (SELECT FROM bank_match m WHERE m.organisation_id = p.organisation_id
               AND m.payment_id = p.id) AS is_matched,
       EXISTS (SELECT FROM refund r WHERE r.organisation_id = p.organisation_id AND r.payment_id = p.id
               AND r.status <> 'FAILED') AS is_refunded
FROM payment p WHERE p.organisation_id = %(org)s AND p.id = %(id)s
"""
_TOP_UP = """
SELECT e.id FROM wallet_entry e
WHERE e.organisation_id = %(org)s AND e.payment_id = %(id)s AND e.kind = 'TOPPED_UP' AND NOT EXISTS (
    SELECT FROM wallet_entry c WHERE c.organisation_id = e.organisation_id AND c.corrects_id = e.id)
"""


def reverse_payment(tx: Transaction, *, payment_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """Take back what was recorded by hand. Raises NotPermitted, Invalid (no reason), NotFound, NotReversible (another
    way of payment, a matched transfer, money that went back, one that was taken back), WalletTooLow (a top-up that was
    spent).
    """
    if actor.kind not in (ActorKind.ADMIN, ActorKind.FINANCE):
        raise NotPermitted("Payments are taken back by admins and finance.")
    if not reason.strip():
        message = "Say what was wrong with the payment."
        raise Invalid(message, reasons=[Reason("reason_missing", message, field="reason")])
    payment = _read(tx, payment_id)
    if payment["order_id"] is None:
        owed_minor = _take_top_up(tx, payment, reason, actor, now)
    else:
        order = lock_order(tx, payment["order_id"], actor=actor)
        payment = _reversible(_read(tx, payment_id))
        owed_minor = take_back(tx, order, payment, now=now)
    fail_taken_back(tx.batch, payment_id, reason=f"taken back: {reason.strip()}", owed_minor=owed_minor,
                    actor_id=actor.user_id, now=now, otherwise=_taken_back(payment))  # fmt: skip


def _read(tx: Transaction, payment_id: UUID) -> Row:
    found = tx.row(_PAYMENT, id=payment_id)
    if found is None:
        raise NotFound("There is no such payment.", what="payment")
    return found


def _reversible(payment: Row) -> Row:
    reference = payment["reference"]
    if payment["provider"] not in BY_HAND:
        raise NotReversible(f"{reference} was not recorded by hand: how it stands is for {payment['provider']} to say.")
    if payment["status"] != PaymentStatus.SUCCESS:
        raise _taken_back(payment)
    if payment["is_matched"]:
        raise NotReversible(f"{reference} was matched with a line of a bank statement: undo the match there.")
    if payment["is_refunded"]:
        raise NotReversible(f"Money of {reference} was sent back to the family, or is on its way.")
    return payment


def _taken_back(payment: Row) -> NotReversible:
    return NotReversible(f"{payment['reference']} was taken back before.")


def _take_top_up(tx: Transaction, payment: Row, reason: str, actor: Actor, now: datetime) -> int:
    """Out of the wallet, and out of where it was received. Nothing of it is owed: what was spent is not taken."""
    account = lock_account(tx, payment["account_id"], actor=actor)
    payment = _reversible(_read(tx, payment["id"]))
    wallet = lock_wallets(tx, [account.id], now=now)[account.id]
    entry = tx.row(_TOP_UP, id=payment["id"])
    if entry is not None:
        if wallet.balance_minor < payment["amount_minor"]:
            held = format_money(wallet.balance_minor, account.currency, account.locale)
            asked = format_money(payment["amount_minor"], account.currency, account.locale)
            raise WalletTooLow(
                f"The wallet of {account.name} holds {held}; {asked} came in by {payment['reference']}, and is spent.",
                available_minor=wallet.balance_minor, asked_minor=payment["amount_minor"],
            )  # fmt: skip
        correct(tx, entry_id=entry["id"], reason=reason, actor=actor, now=now)
    captured = tx.row(CAPTURED, payment_id=payment["id"])
    assert captured is not None, "what was captured is in the books"
    post(tx.batch, source_kind="PAYMENT", source_id=payment["id"], purpose="RETURNED", account_id=account.id,
         postings=payment_returned(amount_minor=payment["amount_minor"], provider=payment["provider"]),
         reverses_id=captured["id"], posted_on=account.today(now), now=now)  # fmt: skip
    return 0

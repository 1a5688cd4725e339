"""Sending approved refunds back the way they came: the key stored first, then the provider asked, then what it said.

No network call stands inside a transaction. A refund's id is the provider's key for it. Providers forget keys, so a
refund is asked for once: what is known of it by its own id is queried, and what was asked for without an answer is
looked for first. One whose provider we do not speak with is paid by hand.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from billing.gateways.protocol import (
    Gateway,
    GatewayOutcomeUnknown,
    GatewayRefund,
    GatewayRefundStatus,
    GatewayRefused,
    GatewayUnreachable,
)
from billing.ledger import Posting, post, refund_paid, withdrawn
from billing.wallet import Parts, lock_wallets, write_entry
from engine.actor import SYSTEM, Actor
from engine.database import Database, Row, Transaction
from engine.errors import Conflict, NotFound, NotPermitted
from engine.fire import announce
from models import ActorKind, WalletEntryKind
from workflows.direct_debit import PROVIDER as DIRECT_DEBIT
from workflows.payments import BY_HAND
from workflows.wallet_debits import debit_when_filled
from workflows.wallet_facts import AccountInLock, lock_account

_log = structlog.get_logger("termbook.refunds")
_ASK_AGAIN = timedelta(minutes=1)


# What the office sends itself: over the desk, or by transfer. A gateway is the only one to know of what it sends.
PAID_BY_HAND = BY_HAND | {DIRECT_DEBIT}


class RefundIsSettled(Conflict):
    """The refund was paid, or has failed, before."""

    code = "refund_is_settled"


class SentByProvider(Conflict):
    """The refund goes back through the provider that captured the payment."""

    code = "refund_sent_by_provider"


# Several workers may ask at the same time; each takes what the others have not. What is taken is committed before the
# provider is asked.
_TAKE = """
WITH due AS MATERIALIZED (
    SELECT r.id, r.asked_at FROM refund r
    WHERE r.organisation_id = %(org)s AND r.status = 'PENDING' AND r.provider = ANY (%(providers)s)
      AND coalesce(r.asked_at, '-infinity') <= %(lately)s
    ORDER BY r.asked_at NULLS FIRST, r.id LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED)
UPDATE refund t SET asked_at = %(now)s FROM due WHERE t.organisation_id = %(org)s AND t.id = due.id
RETURNING t.id, t.provider, t.external_id, t.amount_minor, t.currency, due.asked_at IS NOT NULL AS was_asked,
    (SELECT p.external_id FROM payment p WHERE p.organisation_id = t.organisation_id AND p.id = t.payment_id)
    AS payment_external_id
"""


def pay_refunds(
    database: Database, gateways: Mapping[str, Gateway], *, now: datetime, batch: int = 100
) -> int:  # fmt: skip
    """Ask the providers to send what was approved, and about what they have not finished; apply what they say. Returns
    how many came to an end; a provider that cannot be reached is logged and asked again later.
    """
    ended = 0
    for organisation_id in database.organisations():
        taken = database.run(
            organisation_id,
            lambda tx: tx.rows(_TAKE, providers=list(gateways), now=now, lately=now - _ASK_AGAIN, batch=batch),
        )
        for row in taken:
            said = _ask(gateways[row["provider"]], row)
            if said is not None:
                ended += database.run(organisation_id, partial(apply_refund, refund_id=row["id"], said=said, now=now))
    return ended


def _ask(gateway: Gateway, row: Row) -> GatewayRefund | None:
    try:
        return _known(gateway, row) or _send(gateway, row)
    except (GatewayOutcomeUnknown, GatewayUnreachable, GatewayRefused) as error:
        _log.warning("refunds.not_answered", provider=gateway.name, refund=str(row["id"]), error=error.message)
        return None


def _known(gateway: Gateway, row: Row) -> GatewayRefund | None:
    """What the provider has of it already. It may refuse to say; that is no answer about the money."""
    if row["external_id"] is not None:
        return gateway.query_refund(row["external_id"])
    if row["was_asked"]:
        return gateway.find_refund(key=str(row["id"]), external_id=row["payment_external_id"])
    return None


def _send(gateway: Gateway, row: Row) -> GatewayRefund:
    try:
        return gateway.refund(
            key=str(row["id"]), external_id=row["payment_external_id"], amount_minor=row["amount_minor"],
            currency=row["currency"],
        )  # fmt: skip
    except GatewayRefused as refusal:
        return GatewayRefund("", GatewayRefundStatus.FAILED, refusal.message)


_REFUND = """
SELECT r.id, r.account_id, r.payment_id, r.amount_minor, r.status, r.provider, q.id AS request_id, q.reference
FROM refund r JOIN refund_request q ON q.organisation_id = r.organisation_id AND q.id = r.request_id
WHERE r.organisation_id = %(org)s AND r.id = %(id)s
"""
# A payer's bank may send back what the provider had sent; what has failed is never sent after all.
_RANK = {GatewayRefundStatus.PENDING: 0, GatewayRefundStatus.SUCCEEDED: 1, GatewayRefundStatus.FAILED: 2}
_END = """
UPDATE refund SET status = %(status)s, external_id = coalesce(%(external_id)s, external_id),
    failure_reason = %(failure)s, updated_at = %(now)s
WHERE organisation_id = %(org)s AND id = %(id)s AND status = %(was)s
"""
_PAID = """
SELECT id FROM ledger_entry
WHERE organisation_id = %(org)s AND source_kind = 'REFUND' AND source_id = %(id)s AND purpose = 'PAID'
"""


_UNDER_WAY = """
UPDATE refund SET external_id = %(external_id)s, updated_at = %(now)s
WHERE organisation_id = %(org)s AND id = %(id)s AND status = 'PENDING' AND external_id IS NULL
"""


def apply_refund(tx: Transaction, *, refund_id: UUID, said: GatewayRefund, now: datetime) -> bool:
    """Keep how a refund stands: under way by the provider's own id, paid, or back in the wallet, also where it was paid
    before. Answers whether it came to an end by that.
    """
    if said.status is GatewayRefundStatus.PENDING:
        tx.run(_UNDER_WAY, id=refund_id, external_id=said.external_id, now=now)
        return False
    account = lock_account(tx, _read(tx, refund_id)["account_id"], actor=SYSTEM)
    found = _read(tx, refund_id)
    was = GatewayRefundStatus(found["status"])
    if _RANK[said.status] <= _RANK[was]:
        return False
    ended = tx.run(_END, id=refund_id, status=said.status.value, was=was.value, external_id=said.external_id or None,
                   failure=said.failure_reason, now=now)  # fmt: skip
    assert ended, "a refund ends under the lock of its account"
    is_paid = said.status is GatewayRefundStatus.SUCCEEDED
    if is_paid:
        post(tx.batch, source_kind="REFUND", source_id=refund_id, purpose="PAID", account_id=account.id,
             postings=_paid(found), posted_on=account.today(now), now=now)  # fmt: skip
    else:
        if was is GatewayRefundStatus.SUCCEEDED:
            _take_back(tx, account, found, now=now)
        _restore(tx, account, found, said.failure_reason or "not sent", now=now)
    announce(tx.batch, "refund.paid" if is_paid else "refund.failed", now=now, subject_id=found["request_id"],
             reference=found["reference"], amount_minor=found["amount_minor"])  # fmt: skip
    return True


def _read(tx: Transaction, refund_id: UUID) -> Row:
    found = tx.row(_REFUND, id=refund_id)
    assert found is not None, "refunds stay"
    return found


def _paid(refund: Row) -> list[Posting]:
    return refund_paid(amount_minor=refund["amount_minor"], provider=refund["provider"])


def _take_back(tx: Transaction, account: AccountInLock, refund: Row, *, now: datetime) -> None:
    """The money is with the provider again: what said that it was sent is reversed."""
    paid = tx.row(_PAID, id=refund["id"])
    assert paid is not None, "what was sent is in the books"
    post(tx.batch, source_kind="REFUND", source_id=refund["id"], purpose="RETURNED", account_id=account.id,
         postings=[(name, -minor) for name, minor in _paid(refund)], reverses_id=paid["id"],
         posted_on=account.today(now), now=now)  # fmt: skip


def _restore(tx: Transaction, account: AccountInLock, refund: Row, why: str, *, now: datetime) -> None:
    """What could not be sent is in the wallet again."""
    amount = refund["amount_minor"]
    lock_wallets(tx, [account.id], now=now)
    entry_id = write_entry(
        tx.batch, account_id=account.id, kind=WalletEntryKind.RESTORED, parts=Parts(amount),
        payment_id=refund["payment_id"], now=now, reason=f"{refund['reference']}: {why}",
    )  # fmt: skip
    post(tx.batch, source_kind="WALLET_ENTRY", source_id=entry_id, purpose=WalletEntryKind.RESTORED.value,
         account_id=account.id, postings=withdrawn(amount_minor=-amount), posted_on=account.today(now),
         now=now)  # fmt: skip
    debit_when_filled(tx.batch, [account.id], now=now)


def pay_by_hand(tx: Transaction, *, refund_id: UUID, actor: Actor, now: datetime) -> UUID:
    """The office has sent it: cash over the counter, or a transfer. Returns the request. Raises NotPermitted, NotFound,
    SentByProvider, RefundIsSettled.
    """
    if actor.kind not in (ActorKind.ADMIN, ActorKind.FINANCE):
        raise NotPermitted("Refunds are paid by admins and finance.")
    found = tx.row(_REFUND, id=refund_id)
    if found is None:
        raise NotFound("There is no such refund.", what="refund")
    if found["provider"] not in PAID_BY_HAND:
        raise SentByProvider(
            f"The refund goes back through {found['provider']}, which says itself when it was sent; only what came by "
            "cash, transfer or direct debit is paid by hand.",
            provider=found["provider"],
        )
    said = GatewayRefund(f"by hand {refund_id}", GatewayRefundStatus.SUCCEEDED)
    if not apply_refund(tx, refund_id=refund_id, said=said, now=now):
        raise RefundIsSettled("The refund was paid, or has failed, before.")
    request_id: UUID = found["request_id"]
    return request_id

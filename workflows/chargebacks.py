"""Chargebacks: a payer's bank takes a payment back, and gives it again where the dispute is won.

What a dispute takes comes first out of the money that nothing was paid with, then off the invoices that it settled, the
newest first: they are open again, and the booking says so. No status of an order or booking moves (DOMAIN §3). What is
won settles them once more. Of a top-up it takes what is still in the wallet, and what was spent is owed: the next money
that comes into the wallet pays it (`set_off`). What is won is in the wallet again, with what was paid of it. A dispute
only climbs, OPEN → LOST → WON, and takes money that is captured, whichever of the two was told first; so every order of
the same events ends alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from billing.gateways.protocol import DisputeStatus, GatewayDisputeEvent
from billing.ledger import credit_taken_back, post
from billing.wallet import Parts, lock_wallets
from engine.actor import SYSTEM
from engine.batch import Batch, Guarded
from engine.database import Row, Transaction
from engine.fire import MovedMeanwhile, announce
from engine.ids import new_id
from models import PaymentDispute, PaymentReviewKind, PaymentStatus
from workflows.allocation import release_allocation
from workflows.free_money import move_to_wallet, take_from_wallet
from workflows.order_effects import local_day
from workflows.order_facts import Order, lock_order
from workflows.order_holdings import read_holdings
from workflows.payment_use import Captured, review, settle_open
from workflows.wallet_debits import debit_when_filled, state_follows
from workflows.wallet_facts import AccountInLock, lock_account

_RANK = {DisputeStatus.OPEN: 0, DisputeStatus.LOST: 1, DisputeStatus.WON: 2}


@dataclass(frozen=True, slots=True)
class _Payer:
    """The family under lock, and what the payment was for: an order, or a top-up of its account."""

    account_id: UUID
    reference: str
    today: date


def _of_order(order: Order, now: datetime) -> _Payer:
    return _Payer(order.account_id, order.reference, local_day(now, order))


def _of_account(account: AccountInLock, now: datetime) -> _Payer:
    return _Payer(account.id, account.reference, account.today(now))


def apply_dispute(
    tx: Transaction, payment: Row, event: GatewayDisputeEvent, *, share_minor: int, now: datetime
) -> bool:
    """Do what a dispute means for one payment, `share_minor` of it; False where it was known to be so far already.

    The payment changes only under its order's lock, a top-up under its account's. Of another currency than the
    payment's, it is only put on finance's list.
    """
    order = lock_order(tx, payment["order_id"], actor=SYSTEM) if payment["order_id"] else None
    payer = (_of_account(lock_account(tx, payment["account_id"], actor=SYSTEM), now) if order is None
             else _of_order(order, now))  # fmt: skip
    if event.currency != payment["currency"]:
        review(tx.batch, PaymentReviewKind.WRONG_CURRENCY, _about(payment, event, share_minor), now=now)
        return True
    known = tx.row(_KNOWN, payment_id=payment["id"], provider=payment["provider"], external_id=event.dispute_id)
    if known is not None and _RANK[event.status] <= _RANK[DisputeStatus(known["status"])]:
        return False
    if known is None:
        known = _remember(tx, payment, event, share_minor, now)
        review(tx.batch, PaymentReviewKind.CHARGEBACK, _about(payment, event, share_minor), now=now)
        tx.flush()
    else:
        tx.batch.guard(_MOVE, [{"id": known["id"], "from_status": known["status"], "status": event.status.value,
                                "updated_at": now}], otherwise=_moved)  # fmt: skip
    if event.status is not DisputeStatus.WON:
        _take_each(tx, payer, payment["id"], now=now)
    elif known["taken_minor"]:
        _give_back(tx, payer, payment["id"], known, now=now)
        if order is None:
            _fill_again(tx, payer, payment, known, now=now)
        else:
            settle_open(tx, order, read_holdings(tx, order), now=now)
        # What of it was paid meanwhile comes back.
        debit_when_filled(tx.batch, [payer.account_id], now=now)
    announce(tx.batch, f"payment.dispute_{event.status.value.lower()}", now=now, payment_id=payment["id"],
             reference=payment["reference"], account_id=payer.account_id, order_id=order and order.id,
             order_reference=order and order.reference, amount_minor=share_minor, currency=payment["currency"],
             reason=event.reason)  # fmt: skip
    return True


_KNOWN = """
SELECT id, status, taken_minor, receivable_minor FROM payment_dispute
WHERE organisation_id = %(org)s AND payment_id = %(payment_id)s AND provider = %(provider)s
  AND external_id = %(external_id)s
"""
_MOVE = Guarded(
    name="move_dispute",
    sql="UPDATE payment_dispute t SET status = r.status, taken_minor = CASE r.status WHEN 'WON' THEN 0 "
    "ELSE t.taken_minor END, receivable_minor = CASE r.status WHEN 'WON' THEN 0 ELSE t.receivable_minor END, "
    "updated_at = r.updated_at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.status = r.from_status RETURNING t.id",
    takes="id uuid, from_status text, status text, updated_at timestamptz",
)


def _moved(_: object) -> MovedMeanwhile:
    return MovedMeanwhile("The dispute was moved meanwhile.")


def _remember(tx: Transaction, payment: Row, event: GatewayDisputeEvent, share_minor: int, now: datetime) -> Row:
    row = {
        "id": new_id(), "payment_id": payment["id"], "provider": payment["provider"],
        "external_id": event.dispute_id, "status": event.status.value, "reason": event.reason,
        "amount_minor": share_minor, "taken_minor": 0, "receivable_minor": 0, "created_at": now, "updated_at": now,
    }  # fmt: skip
    tx.batch.add(PaymentDispute, [row])
    return row


def _about(payment: Row, event: GatewayDisputeEvent, share_minor: int) -> Captured:
    return Captured(
        payment_id=payment["id"], reference=payment["reference"], provider=payment["provider"],
        external_id=event.dispute_id, asked_minor=share_minor, amount_minor=share_minor, currency=event.currency,
        fingerprint=payment["fingerprint"],
    )  # fmt: skip


_UNTAKEN = """
SELECT d.id, d.amount_minor FROM payment_dispute d
WHERE d.organisation_id = %(org)s AND d.payment_id = %(payment_id)s AND d.status <> 'WON' AND d.taken_minor = 0
ORDER BY d.id
"""
# The invoices that a payment settles, the newest first, with the booking whose state they hold.
_SETTLED = """
SELECT a.invoice_id, v.booking_id, b.payment_state, sum(a.amount_minor)::bigint AS amount_minor
FROM payment_allocation a
JOIN invoice v ON v.organisation_id = a.organisation_id AND v.id = a.invoice_id
JOIN term_booking b ON b.organisation_id = v.organisation_id AND b.id = v.booking_id
WHERE a.organisation_id = %(org)s AND a.payment_id = %(payment_id)s
GROUP BY a.invoice_id, v.issued_at, v.number, v.booking_id, b.payment_state HAVING sum(a.amount_minor) > 0
ORDER BY v.issued_at DESC, v.number DESC
"""


_HELD = """
SELECT p.status, p.amount_minor, p.disputed_minor, w.moved_minor, (w.moved_minor + a.minor)::bigint AS allocated_minor
FROM payment p
CROSS JOIN LATERAL (SELECT coalesce(sum(x.moved_minor), 0)::bigint AS moved_minor FROM wallet_entry x
                    WHERE x.organisation_id = p.organisation_id AND x.payment_id = p.id) w
CROSS JOIN LATERAL (SELECT coalesce(sum(x.amount_minor), 0) AS minor FROM payment_allocation x
                    WHERE x.organisation_id = p.organisation_id AND x.payment_id = p.id) a
WHERE p.organisation_id = %(org)s AND p.id = %(payment_id)s
"""


def take_disputed(tx: Transaction, order: Order, payment_id: UUID, *, now: datetime) -> None:
    """Take what is disputed of an order's payment out of the books; called once it is captured."""
    _take_each(tx, _of_order(order, now), payment_id, now=now)


_TOP_UPS = "SELECT id, account_id FROM payment WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) ORDER BY id"


def take_disputed_top_ups(tx: Transaction, payment_ids: Sequence[UUID], now: datetime) -> None:
    """The same of top-ups that were captured. It follows what the money was captured for, the pass that it buys and the
    sessions that waited for it, so that it matters nothing whether the dispute was told before.
    """
    for payment in tx.rows(_TOP_UPS, ids=list(payment_ids)):
        account = lock_account(tx, payment["account_id"], actor=SYSTEM)
        _take_each(tx, _of_account(account, now), payment["id"], now=now)


def _take_each(tx: Transaction, payer: _Payer, payment_id: UUID, *, now: datetime) -> None:
    """It reads what the payment was used for, so what went before must be written."""
    tx.flush()
    for dispute in tx.rows(_UNTAKEN, payment_id=payment_id):
        held = tx.row(_HELD, payment_id=payment_id)
        assert held is not None, "payments stay"
        if held["status"] != PaymentStatus.SUCCESS:
            return
        taken_minor = min(dispute["amount_minor"], held["amount_minor"] - held["disputed_minor"])
        if taken_minor:
            _take(tx, payer, payment_id, dispute["id"], held, taken_minor=taken_minor, now=now)
            tx.flush()


def _take(
    tx: Transaction, payer: _Payer, payment_id: UUID, dispute_id: UUID, held: Row, *, taken_minor: int, now: datetime
) -> None:
    free_minor = held["amount_minor"] - held["disputed_minor"] - held["allocated_minor"]
    wanted, reopened = max(taken_minor - free_minor, 0), set()
    # What of it is still in the wallet is taken from there first.
    payment = {"id": payment_id, "account_id": payer.account_id, "today": payer.today}
    wanted -= take_from_wallet(tx, payment, min(wanted, held["moved_minor"]), now=now)
    for use in tx.rows(_SETTLED, payment_id=payment_id):
        amount = min(wanted, use["amount_minor"])
        if amount:
            release_allocation(tx.batch, account_id=payer.account_id, invoice_id=use["invoice_id"],
                               payment_id=payment_id, amount_minor=amount, posted_on=payer.today, now=now)  # fmt: skip
            wanted -= amount
            if use["payment_state"] == "PAID":
                reopened.add(use["booking_id"])
    # `wanted` is what is neither free nor settles anything: the family spent it otherwise, and owes it.
    post(tx.batch, source_kind="DISPUTE", source_id=dispute_id, purpose="TAKEN", account_id=payer.account_id,
         postings=credit_taken_back(amount_minor=taken_minor, owed_minor=wanted), posted_on=payer.today,
         now=now)  # fmt: skip
    tx.batch.guard(
        _TAKEN, [{"id": dispute_id, "taken_minor": taken_minor, "receivable_minor": wanted, "updated_at": now}],
        otherwise=_moved,
    )  # fmt: skip
    _note_disputed(tx.batch, payment_id, taken_minor, now)
    if reopened:
        tx.batch.guard(_REOPEN, [{"id": booking_id, "updated_at": now} for booking_id in sorted(reopened)],
                       otherwise=lambda _: MovedMeanwhile(f"The booking of {payer.reference} was changed meanwhile."),
                       )  # fmt: skip
        state_follows(tx.batch, reopened, now=now)


_TAKEN = Guarded(
    name="take_disputed",
    sql="UPDATE payment_dispute t SET taken_minor = r.taken_minor, receivable_minor = r.receivable_minor, "
    "updated_at = r.updated_at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.taken_minor = 0 AND t.status <> 'WON' RETURNING t.id",
    takes="id uuid, taken_minor bigint, receivable_minor bigint, updated_at timestamptz",
)
_DISPUTED = Guarded(
    name="note_disputed",
    sql="UPDATE payment t SET disputed_minor = t.disputed_minor + r.change_minor, updated_at = r.updated_at "
    "FROM {rows} WHERE t.organisation_id = {org} AND t.id = r.id RETURNING t.id",
    takes="id uuid, change_minor bigint, updated_at timestamptz",
)
_REOPEN = Guarded(
    name="booking_is_open_after_chargeback",
    sql="UPDATE term_booking t SET payment_state = 'OPEN', updated_at = r.updated_at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.payment_state = 'PAID' RETURNING t.id",
    takes="id uuid, updated_at timestamptz",
)


def _note_disputed(batch: Batch, payment_id: UUID, change_minor: int, now: datetime) -> None:
    batch.guard(_DISPUTED, [{"id": payment_id, "change_minor": change_minor, "updated_at": now}], otherwise=_moved)


_TAKEN_BY = """
SELECT id FROM ledger_entry
WHERE organisation_id = %(org)s AND source_kind = 'DISPUTE' AND source_id = %(id)s AND purpose = 'TAKEN'
"""


def _give_back(tx: Transaction, payer: _Payer, payment_id: UUID, dispute: Row, *, now: datetime) -> None:
    """A dispute is won: what it took is ours again, by reversing entries, and free of the payment."""
    taken = tx.row(_TAKEN_BY, id=dispute["id"])
    assert taken is not None, "what was taken is in the books"
    back = [(account, -amount) for account, amount in credit_taken_back(
        amount_minor=dispute["taken_minor"], owed_minor=dispute["receivable_minor"])]  # fmt: skip
    post(tx.batch, source_kind="DISPUTE", source_id=dispute["id"], purpose="GIVEN_BACK", account_id=payer.account_id,
         postings=back, reverses_id=taken["id"], posted_on=payer.today, now=now)  # fmt: skip
    _note_disputed(tx.batch, payment_id, -dispute["taken_minor"], now)
    tx.flush()


# What disputes took of a top-up out of the wallet and have not put there again; nothing else credits a top-up.
_OUT_OF_WALLET = """
SELECT coalesce(-sum(moved_minor), 0)::bigint AS minor FROM wallet_entry
WHERE organisation_id = %(org)s AND payment_id = %(payment_id)s AND kind IN ('TAKEN_BACK', 'CREDITED')
"""


def _fill_again(tx: Transaction, payer: _Payer, payment: Row, dispute: Row, *, now: datetime) -> None:
    """What a dispute that is won took out of the wallet is there again; what had been spent is owed no more."""
    out = tx.row(_OUT_OF_WALLET, payment_id=payment["id"])
    assert out is not None
    back_minor = min(dispute["taken_minor"] - dispute["receivable_minor"], out["minor"])
    if back_minor:
        lock_wallets(tx, [payer.account_id], now=now)
        move_to_wallet(tx.batch, {**payment, "today": payer.today}, Parts(back_minor), now=now)

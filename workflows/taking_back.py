"""A payment that came in and is taken back: by the family's bank, or because it was recorded for the wrong order.

Reversing entries: what it settled is open again. What of it had gone to the wallet is taken from there, as far as it is
still there; the rest was spent otherwise, and the family owes it.
"""

from datetime import datetime
from uuid import UUID

from billing.ledger import payment_returned, post, spent_credit_owed
from engine.batch import Batch, Guarded
from engine.database import Row, Transaction
from engine.errors import TermbookError
from engine.fire import MovedMeanwhile
from workflows.allocation import release_allocation
from workflows.free_money import take_from_wallet
from workflows.order_facts import Order, local_day
from workflows.wallet_debits import state_follows

_SETTLED = """
SELECT a.invoice_id, v.booking_id, b.payment_state, sum(a.amount_minor)::bigint AS amount_minor
FROM payment_allocation a
JOIN invoice v ON v.organisation_id = a.organisation_id AND v.id = a.invoice_id
JOIN term_booking b ON b.organisation_id = v.organisation_id AND b.id = v.booking_id
WHERE a.organisation_id = %(org)s AND a.payment_id = %(payment_id)s
GROUP BY a.invoice_id, v.booking_id, b.payment_state HAVING sum(a.amount_minor) > 0 ORDER BY a.invoice_id
"""
CAPTURED = """
SELECT id FROM ledger_entry
WHERE organisation_id = %(org)s AND source_kind = 'PAYMENT' AND source_id = %(payment_id)s AND purpose = 'CAPTURED'
"""
_IN_WALLET = """
SELECT coalesce(sum(moved_minor), 0)::bigint AS minor FROM wallet_entry
WHERE organisation_id = %(org)s AND payment_id = %(payment_id)s
"""
_REOPEN = Guarded(
    name="booking_is_open_again",
    sql="UPDATE term_booking t SET payment_state = 'OPEN', updated_at = r.updated_at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.payment_state = 'PAID' RETURNING t.id",
    takes="id uuid, updated_at timestamptz",
)

_FAIL = Guarded(
    name="fail_taken_back",
    sql="UPDATE payment t SET status = 'FAILED', failure_reason = r.reason, returned_owed_minor = r.owed_minor, "
    "returned_at = r.at, returned_by = r.user_id, updated_at = r.at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.status = 'SUCCESS' RETURNING t.id",
    takes="id uuid, reason text, owed_minor bigint, user_id uuid, at timestamptz",
)


def fail_taken_back(
    batch: Batch, payment_id: UUID, *, reason: str, owed_minor: int, actor_id: UUID | None, now: datetime,
    otherwise: TermbookError,
) -> None:  # fmt: skip
    """The payment says that the office took it back; once, else it is refused with `otherwise`."""
    batch.guard(_FAIL, [{"id": payment_id, "reason": reason, "owed_minor": owed_minor, "user_id": actor_id, "at": now}],
                otherwise=lambda _: otherwise)  # fmt: skip


def take_back(tx: Transaction, order: Order, payment: Row, *, now: datetime) -> int:
    """Undo in the books what came in by a payment (its id, provider and amount), under the lock of its order. Returns
    what the family owes of it because it was spent otherwise; the caller moves the payment.
    """
    today, payment_id = local_day(now, order), payment["id"]
    settled = tx.rows(_SETTLED, payment_id=payment_id)
    for use in settled:
        release_allocation(tx.batch, account_id=order.account_id, invoice_id=use["invoice_id"], payment_id=payment_id,
                           amount_minor=use["amount_minor"], posted_on=today, now=now)  # fmt: skip
    owed_minor = _claim(tx, order, payment_id, now=now)
    captured = tx.row(CAPTURED, payment_id=payment_id)
    assert captured is not None, "what was captured is in the books"
    post(tx.batch, source_kind="PAYMENT", source_id=payment_id, purpose="RETURNED", account_id=order.account_id,
         postings=payment_returned(amount_minor=payment["amount_minor"], provider=payment["provider"]),
         reverses_id=captured["id"], posted_on=today, now=now)  # fmt: skip
    reopened = {use["booking_id"] for use in settled if use["payment_state"] == "PAID"}
    if reopened:
        tx.batch.guard(
            _REOPEN, [{"id": booking_id, "updated_at": now} for booking_id in sorted(reopened)],
            otherwise=lambda _: MovedMeanwhile(f"The booking of {order.reference} was changed meanwhile."),
        )  # fmt: skip
        state_follows(tx.batch, reopened, now=now)
    return owed_minor


def _claim(tx: Transaction, order: Order, payment_id: UUID, *, now: datetime) -> int:
    """What went to the wallet comes back from it; what is not there any more becomes a receivable."""
    today, found = local_day(now, order), tx.row(_IN_WALLET, payment_id=payment_id)
    assert found is not None
    payment = {"id": payment_id, "account_id": order.account_id, "today": today}
    owed_minor = int(found["minor"]) - take_from_wallet(tx, payment, found["minor"], now=now)
    if owed_minor:
        post(tx.batch, source_kind="PAYMENT", source_id=payment_id, purpose="OWED", account_id=order.account_id,
             postings=spent_credit_owed(amount_minor=owed_minor), posted_on=today, now=now)  # fmt: skip
    return owed_minor

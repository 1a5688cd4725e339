"""What held sessions take from the wallet: each once, whole, the oldest first, as far as the wallet goes.

A session that is paid as one goes is debited when its invoice is issued, or as soon as money comes into the wallet. One
that waits holds back those after it, so that a wallet always pays in the order of the sessions. Its booking is
PENDING_PAYMENT until it is debited, paid another way, credited or written off.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.ledger import credit_applied, post, wallet_moved
from billing.wallet import Parts, Wallet, lock_wallets, split_debit, write_entry
from engine.batch import Batch, FollowUp
from engine.database import Row, Transaction
from engine.fire import MovedMeanwhile, announce
from engine.ids import new_id, new_reference
from invoicing.issue import number_text
from models import Payment, PaymentAllocation, PaymentStatus, WalletEntryKind
from workflows.set_off import set_off

# The "provider" of what is paid from the family's wallet.
WALLET = "wallet"


@dataclass(frozen=True, slots=True)
class Debit:
    """What was taken for the invoice of one session."""

    invoice_id: UUID
    payment_id: UUID
    parts: Parts


# What is open of an invoice `v`.
OPEN_MINOR = """
(v.total_minor
    - coalesce((SELECT sum(a.amount_minor) FROM payment_allocation a
                WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id), 0)
    - coalesce((SELECT sum(c.amount_minor) FROM credit_allocation c
                WHERE c.organisation_id = v.organisation_id AND c.invoice_id = v.id), 0))::bigint
"""
# Whether an invoice `v`, while it is open, waits for the wallet: it is of a session, which has not been debited before.
# A card payment that is taken back after the debit is owed like any other.
WAITS = """
v.term_product_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM payment d WHERE d.organisation_id = v.organisation_id AND d.invoice_id = v.id AND d.provider = 'wallet')
"""
# Whoever settles these invoices holds their account. An account that somebody else holds is passed over: they may wait
# for what is locked here already, and the worker comes back to it.
_ACCOUNTS = """
SELECT a.id, (%(now)s::timestamptz AT TIME ZONE g.time_zone)::date AS today
FROM account a JOIN organisation g ON g.id = a.organisation_id
WHERE a.organisation_id = %(org)s AND a.id = ANY(%(ids)s) AND EXISTS (
    SELECT FROM term_booking b WHERE b.organisation_id = a.organisation_id AND b.account_id = a.id
      AND b.payment_state IN ('OPEN', 'PENDING_PAYMENT'))
ORDER BY a.id FOR NO KEY UPDATE OF a SKIP LOCKED
"""
# What a direct debit is on its way for is not taken a second time.
_WAITING = f"""
SELECT v.id, v.account_id, v.booking_id, v.currency, v.series, v.year, v.number, b.order_id, b.billing_id, b.reference,
       o.open_minor
FROM term_booking b
JOIN invoice v ON v.organisation_id = b.organisation_id AND v.booking_id = b.id
JOIN term_product s ON s.organisation_id = v.organisation_id AND s.id = v.term_product_id
CROSS JOIN LATERAL (SELECT {OPEN_MINOR} AS open_minor) o
WHERE b.organisation_id = %(org)s AND b.account_id = ANY(%(ids)s) AND b.payment_state IN ('OPEN', 'PENDING_PAYMENT')
  AND {WAITS} AND o.open_minor > 0 AND NOT EXISTS (
      SELECT FROM payment p WHERE p.organisation_id = v.organisation_id AND p.invoice_id = v.id
        AND p.status IN ('PENDING', 'PROCESSING'))
ORDER BY v.account_id, s.ends_at, v.issued_at, v.number
"""


def debit_when_filled(batch: Batch, account_ids: Iterable[UUID], *, now: datetime) -> None:
    """Money comes into these wallets: before the commit it pays what is owed of money that a bank took back, then the
    sessions that wait for it, the oldest first.
    """
    batch.follow_up(FollowUp(_debit_after, now), account_ids)


def _debit_after(tx: Transaction, account_ids: Sequence[UUID], now: datetime) -> None:
    set_off(tx, account_ids, now=now)
    debit_waiting(tx, account_ids, now=now)


def debit_waiting(tx: Transaction, account_ids: Sequence[UUID], *, now: datetime) -> list[Debit]:
    """Debit the sessions that wait, of each account the oldest first, until its wallet does not hold the next one; and
    write it. Their bookings say what they owe then.
    """
    days = {row["id"]: row["today"] for row in tx.rows(_ACCOUNTS, ids=list(account_ids), now=now)}
    waiting = tx.rows(_WAITING, ids=list(days)) if days else []
    if not waiting:
        return []
    wallets = lock_wallets(tx, [row["account_id"] for row in waiting], now=now)
    debits, is_short = [], set()
    for row in waiting:
        wallet = wallets[row["account_id"]]
        if row["account_id"] in is_short or wallet.available_minor(now) < row["open_minor"]:
            is_short.add(row["account_id"])
            continue
        debits.append(_debit(tx.batch, wallet, row, today=days[row["account_id"]], now=now))
    tx.flush()
    bookings = {row["booking_id"] for row in waiting}
    note_payment_states(tx, sorted(bookings), now)
    if debits:
        note_debits(tx, bookings)
    return debits


def _debit(batch: Batch, wallet: Wallet, row: Row, *, today: Any, now: datetime) -> Debit:
    """A payment from the wallet over what is open of the invoice, and all of it settles that."""
    amount, account_id = row["open_minor"], row["account_id"]
    parts = split_debit(wallet, amount, now=now)
    wallet.take(parts)
    payment_id, allocation_id, reference = new_id(), new_id(), new_reference("PM")
    number = number_text(row["series"], row["year"], row["number"])
    batch.add(
        Payment,
        [{"id": payment_id, "reference": reference, "account_id": account_id, "order_id": row["order_id"],
          "billing_id": row["billing_id"], "amount_minor": amount, "currency": row["currency"], "provider": WALLET,
          "status": PaymentStatus.SUCCESS.value, "fingerprint": WALLET, "started_by": None, "note": number,
          "invoice_id": row["id"], "created_at": now, "updated_at": now}],
    )  # fmt: skip
    batch.on_violation("uq_payment_session_debit", MovedMeanwhile(f"{number} was debited meanwhile."))
    write_entry(batch, account_id=account_id, kind=WalletEntryKind.DEBITED, parts=parts.negated(),
                payment_id=payment_id, reason=number, now=now)  # fmt: skip
    batch.add(
        PaymentAllocation,
        [{"id": allocation_id, "payment_id": payment_id, "invoice_id": row["id"], "amount_minor": amount,
          "credit_note_id": None, "created_at": now}],
    )  # fmt: skip
    known: dict[str, Any] = {"account_id": account_id, "posted_on": today, "now": now}
    post(batch, source_kind="PAYMENT", source_id=payment_id, purpose="CAPTURED",
         postings=wallet_moved(balance_minor=-parts.balance_minor, bonus_minor=-parts.bonus_minor),
         **known)  # fmt: skip
    post(batch, source_kind="PAYMENT_ALLOCATION", source_id=allocation_id, purpose="APPLIED",
         postings=credit_applied(amount_minor=amount), **known)  # fmt: skip
    announce(batch, "booking.session_debited", now=now, subject_id=row["order_id"], invoice_id=row["id"],
             booking_id=row["booking_id"], reference=row["reference"], payment_id=payment_id, amount_minor=amount,
             bonus_minor=parts.bonus_minor)  # fmt: skip
    return Debit(row["id"], payment_id, parts)


_STATES = f"""
UPDATE term_booking b SET payment_state = i.state, updated_at = %(now)s
FROM (SELECT v.booking_id, CASE WHEN bool_or(o.open_minor > 0 AND {WAITS}) THEN 'PENDING_PAYMENT'
                                WHEN bool_or(o.open_minor > 0) THEN 'OPEN' ELSE 'PAID' END AS state
      FROM invoice v CROSS JOIN LATERAL (SELECT {OPEN_MINOR} AS open_minor) o
      WHERE v.organisation_id = %(org)s AND v.booking_id = ANY(%(booking_ids)s) GROUP BY v.booking_id) i
WHERE b.organisation_id = %(org)s AND b.id = i.booking_id AND b.payment_state <> i.state
"""


def note_payment_states(tx: Transaction, booking_ids: Sequence[UUID], now: datetime) -> None:
    """These bookings, which are invoiced, say whether they are paid, open, or wait for the wallet."""
    tx.run(_STATES, booking_ids=list(booking_ids), now=now)


def state_follows(batch: Batch, booking_ids: Iterable[UUID], *, now: datetime) -> None:
    """What is owed of these bookings moves: before the commit they say how they stand then."""
    batch.follow_up(FollowUp(note_payment_states, now), booking_ids)


# What was debited for a booking: by the payments from the wallet of the order that made it and of its changes.
_NOTE = """
UPDATE term_booking b SET wallet_debited_minor = d.balance_minor, bonus_debited_minor = d.bonus_minor
FROM (SELECT o.booking_id, -sum(e.balance_minor)::bigint AS balance_minor, -sum(e.bonus_minor)::bigint AS bonus_minor
      FROM term_booking_order o
      JOIN payment p ON p.organisation_id = o.organisation_id AND p.order_id = o.id AND p.provider = 'wallet'
      JOIN wallet_entry e ON e.organisation_id = p.organisation_id AND e.payment_id = p.id
      WHERE o.organisation_id = %(org)s AND o.booking_id = ANY(%(booking_ids)s) GROUP BY o.booking_id) d
WHERE b.organisation_id = %(org)s AND b.id = d.booking_id
  AND (b.wallet_debited_minor, b.bonus_debited_minor) IS DISTINCT FROM (d.balance_minor, d.bonus_minor)
"""


def note_debits(tx: Transaction, booking_ids: Iterable[UUID]) -> None:
    """The bookings say how much was debited from wallet and bonus for them (ref 1)."""
    if ids := list(booking_ids):
        tx.run(_NOTE, booking_ids=ids)

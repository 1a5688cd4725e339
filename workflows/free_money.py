"""Money that nothing waits for any more: it goes where the credit waterfall says, in the end into the family's wallet.

What was captured for an order in flight is the family's credit beside its invoices. As soon as the order has ended, or
is confirmed and settled, what is left of it is in the wallet. What a credit note frees takes the steps of
`billing.waterfall`, which are kept. All of it happens before the commit of whatever freed the money, in later
statements.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from billing.ledger import credit_applied, post, wallet_moved
from billing.wallet import Parts, lock_wallets, read_debits, split_return, write_entry
from billing.waterfall import Credited, Freed, Settled, Step
from engine.batch import Batch
from engine.database import Row, Transaction
from engine.ids import new_id
from engine.money import format_money
from invoicing.issue import number_text
from models import CreditRule, CreditStep, PaymentAllocation, WalletEntryKind
from workflows.credit_facts import NOTHING_BEHIND, Behind, read_behind
from workflows.wallet_debits import WALLET, debit_when_filled, note_debits, note_payment_states

# Orders that still ask for money, or will by planned invoices, keep what was captured for them.
_UNUSED = """
SELECT p.id, p.account_id, p.provider, p.reference,
       (p.amount_minor - p.disputed_minor - a.minor - w.minor)::bigint AS free_minor,
       (%(now)s::timestamptz AT TIME ZONE g.time_zone)::date AS today
FROM payment p
JOIN term_booking_order o ON o.organisation_id = p.organisation_id AND o.id = p.order_id
JOIN organisation g ON g.id = p.organisation_id
CROSS JOIN LATERAL (SELECT coalesce(sum(x.amount_minor), 0) AS minor FROM payment_allocation x
                    WHERE x.organisation_id = p.organisation_id AND x.payment_id = p.id) a
CROSS JOIN LATERAL (SELECT coalesce(sum(x.moved_minor), 0) AS minor FROM wallet_entry x
                    WHERE x.organisation_id = p.organisation_id AND x.payment_id = p.id) w
WHERE p.organisation_id = %(org)s AND p.order_id = ANY(%(order_ids)s) AND p.status = 'SUCCESS'
  AND o.status IN (0, 500, 900) AND NOT EXISTS (
      SELECT FROM invoice_schedule s WHERE s.organisation_id = o.organisation_id AND s.booking_id = o.booking_id
        AND s.status = 'SCHEDULED')
  AND p.amount_minor - p.disputed_minor > a.minor + w.minor
ORDER BY p.account_id, p.created_at DESC, p.id DESC
"""
_BOOKINGS = """
SELECT DISTINCT b.id FROM term_booking b
JOIN term_booking_order o ON o.organisation_id = b.organisation_id AND o.booking_id = b.id
WHERE o.organisation_id = %(org)s AND o.id = ANY(%(order_ids)s)
"""


def return_unused(tx: Transaction, order_ids: Sequence[UUID], now: datetime) -> None:
    """Put what is left of the money of orders that wait for none into the wallets it belongs to; their bookings say
    what was debited for them.
    """
    unused = tx.rows(_UNUSED, order_ids=list(order_ids), now=now)
    if unused:
        lock_wallets(tx, [row["account_id"] for row in unused], now=now)
        debits = read_debits(tx, [row["id"] for row in unused if row["provider"] == WALLET])
        for row in unused:
            parts = _parts(debits, row["id"], row["free_minor"])
            move_to_wallet(tx.batch, row, parts, now=now)
        tx.flush()
    note_debits(tx, [row["id"] for row in tx.rows(_BOOKINGS, order_ids=list(order_ids))])


def _parts(debits: dict[UUID, Parts], payment_id: UUID, amount_minor: int) -> Parts:
    return split_return(debits[payment_id], amount_minor) if payment_id in debits else Parts(amount_minor)


def move_to_wallet(batch: Batch, payment: Row, parts: Parts, *, now: datetime, reason: str = "") -> UUID:
    """What is free of a payment goes into the wallet, which the caller has locked. Returns the entry."""
    kind = WalletEntryKind.RETURNED if payment["provider"] == WALLET else WalletEntryKind.CREDITED
    entry_id = write_entry(
        batch, account_id=payment["account_id"], kind=kind, parts=parts, payment_id=payment["id"],
        moved_minor=parts.total_minor, reason=reason or payment["reference"], now=now,
    )  # fmt: skip
    post(batch, source_kind="WALLET_ENTRY", source_id=entry_id, purpose=kind.value,
         account_id=payment["account_id"],
         postings=wallet_moved(balance_minor=parts.balance_minor, bonus_minor=parts.bonus_minor),
         posted_on=payment["today"], now=now)  # fmt: skip
    debit_when_filled(batch, [payment["account_id"]], now=now)
    return entry_id


def take_from_wallet(tx: Transaction, payment: Row, amount_minor: int, *, now: datetime) -> int:
    """Money of a payment that its payer's bank takes back leaves the wallet, as far as it is still there. Returns how
    much that was; it is free of the payment again.
    """
    if not amount_minor:
        return 0
    wallet = lock_wallets(tx, [payment["account_id"]], now=now)[payment["account_id"]]
    taken = min(amount_minor, wallet.balance_minor)
    if taken:
        entry_id = write_entry(
            tx.batch, account_id=payment["account_id"], kind=WalletEntryKind.TAKEN_BACK, parts=Parts(-taken),
            payment_id=payment["id"], moved_minor=-taken, now=now,
        )  # fmt: skip
        post(tx.batch, source_kind="WALLET_ENTRY", source_id=entry_id, purpose=WalletEntryKind.TAKEN_BACK.value,
             account_id=payment["account_id"], postings=wallet_moved(balance_minor=-taken, bonus_minor=0),
             posted_on=payment["today"], now=now)  # fmt: skip
    return taken


_NOTE_TO_POUR = """
SELECT n.id, n.account_id, n.booking_id, b.group_id, g.currency, g.locale,
       (%(now)s::timestamptz AT TIME ZONE g.time_zone)::date AS today,
       (SELECT json_agg(json_build_object('invoice_id', v.id, 'series', v.series, 'year', v.year, 'number', v.number,
               'minor', c.amount_minor + coalesce((SELECT sum(f.amount_minor) FROM payment_allocation f
                        WHERE f.organisation_id = n.organisation_id AND f.credit_note_id = n.id
                          AND f.invoice_id = v.id), 0),
               'given_up_minor', coalesce((SELECT sum(p.amount_minor) FROM write_off w
                        JOIN ledger_entry e ON e.organisation_id = w.organisation_id AND e.source_kind = 'WRITE_OFF'
                             AND e.source_id = w.id AND e.purpose = concat('CREDITED ', n.id)
                        JOIN ledger_posting p ON p.organisation_id = e.organisation_id AND p.entry_id = e.id
                             AND p.ledger_account = 'RECEIVABLE'
                        WHERE w.organisation_id = n.organisation_id AND w.invoice_id = v.id), 0)::bigint,
               'is_of_change', NOT EXISTS (SELECT FROM credit_note_line l
                        JOIN invoice_line i ON i.organisation_id = l.organisation_id AND i.id = l.invoice_line_id
                        WHERE l.organisation_id = n.organisation_id AND l.credit_note_id = n.id
                          AND i.invoice_id = v.id) AND v.issued_at = n.issued_at,
               'is_corrected', EXISTS (SELECT FROM credit_note_line l
                        JOIN invoice_line i ON i.organisation_id = l.organisation_id AND i.id = l.invoice_line_id
                        WHERE l.organisation_id = n.organisation_id AND l.credit_note_id = n.id
                          AND i.invoice_id = v.id)) ORDER BY c.id)
        FROM credit_allocation c JOIN invoice v ON v.organisation_id = c.organisation_id AND v.id = c.invoice_id
        WHERE c.organisation_id = n.organisation_id AND c.credit_note_id = n.id) AS settled,
       (SELECT json_agg(json_build_object('id', f.payment_id, 'minor', f.minor) ORDER BY f.first_id)
        FROM (SELECT x.payment_id, -sum(x.amount_minor) AS minor, min(x.id::text) AS first_id FROM payment_allocation x
              WHERE x.organisation_id = n.organisation_id AND x.credit_note_id = n.id GROUP BY x.payment_id) f) AS freed
FROM credit_note n
JOIN organisation g ON g.id = n.organisation_id
JOIN term_booking b ON b.organisation_id = n.organisation_id AND b.id = n.booking_id
WHERE n.organisation_id = %(org)s AND n.id = ANY(%(note_ids)s)
ORDER BY n.id
"""


def pour_credits(tx: Transaction, note_ids: Sequence[UUID], now: datetime) -> None:
    """Take each credit note through the waterfall, one after the other: what it settled is told, what it freed pays
    what else is open in the group, and the rest goes to the wallet. The caller holds the lock of the account; the
    statements are as many for one note as for three hundred.
    """
    notes = tx.rows(_NOTE_TO_POUR, note_ids=list(note_ids), now=now)
    freeing = [note for note in notes if note["freed"]]
    behind = NOTHING_BEHIND
    if freeing:
        lock_wallets(tx, [note["account_id"] for note in freeing], now=now)
        behind = read_behind(tx, (note["group_id"] for note in freeing),
                             (UUID(each["id"]) for note in freeing for each in note["freed"]))  # fmt: skip
    credits = [_credited(note, behind) for note in notes]
    for note, steps in zip(notes, behind.pour(credits, money=_written_in(notes)), strict=True):
        _take(tx, note, steps, behind, now)
    if freeing:
        tx.flush()
        _note_paid(tx, [note["group_id"] for note in freeing], now)
        note_debits(tx, [note["booking_id"] for note in freeing])


def _written_in(notes: Sequence[Row]) -> Callable[[int], str]:
    """How the organisation writes an amount."""
    of = notes[0] if notes else {"currency": "", "locale": ""}
    return partial(format_money, currency=of["currency"], locale=of["locale"])


def _credited(note: Row, behind: Behind) -> Credited:
    freed = [(UUID(each["id"]), each["minor"]) for each in note["freed"] or ()]
    return Credited(note["group_id"], tuple(_settled(each) for each in note["settled"] or ()),
                    tuple(Freed(i, behind.payments[i].reference, minor) for i, minor in freed))  # fmt: skip


def _settled(row: Row) -> Settled:
    rule = CreditRule.SAME_INVOICE if row["is_corrected"] else CreditRule.SAME_BOOKING
    rule = CreditRule.SAME_CHANGE if row["is_of_change"] else rule
    number = number_text(row["series"], row["year"], row["number"])
    return Settled(UUID(row["invoice_id"]), number, int(row["minor"]), rule, row["given_up_minor"])


def _take(tx: Transaction, note: Row, steps: Sequence[Step], behind: Behind, now: datetime) -> None:
    known: dict[str, Any] = {"account_id": note["account_id"], "posted_on": note["today"], "now": now}
    rows = []
    for position, step in enumerate(steps):
        entry_id = None
        if step.rule is CreditRule.SAME_GROUP:
            allocation_id = new_id()
            tx.batch.add(PaymentAllocation, [{
                "id": allocation_id, "payment_id": step.payment_id, "invoice_id": step.invoice_id,
                "amount_minor": step.amount_minor, "credit_note_id": None, "created_at": now,
            }])  # fmt: skip
            post(tx.batch, source_kind="PAYMENT_ALLOCATION", source_id=allocation_id, purpose="APPLIED",
                 postings=credit_applied(amount_minor=step.amount_minor), **known)  # fmt: skip
        elif step.parts is not None and step.payment_id is not None:
            its = behind.payments[step.payment_id]
            payment = {"id": step.payment_id, "reference": its.reference, "provider": its.provider,
                       "account_id": note["account_id"], "today": note["today"]}  # fmt: skip
            entry_id = move_to_wallet(tx.batch, payment, step.parts, now=now, reason=step.words)
        rows.append({
            "id": new_id(), "credit_note_id": note["id"], "position": position, "rule": step.rule.value,
            "amount_minor": step.amount_minor, "invoice_id": step.invoice_id, "payment_id": step.payment_id,
            "wallet_entry_id": entry_id, "words": step.words, "created_at": now,
        })  # fmt: skip
    tx.batch.add(CreditStep, rows)


_OWING = """
SELECT id FROM term_booking WHERE organisation_id = %(org)s AND group_id = ANY(%(group_ids)s)
  AND payment_state IN ('OPEN', 'PENDING_PAYMENT')
"""


def _note_paid(tx: Transaction, group_ids: Iterable[UUID], now: datetime) -> None:
    """Bookings whose invoices the freed money has paid say so."""
    note_payment_states(tx, [row["id"] for row in tx.rows(_OWING, group_ids=list(group_ids))], now)

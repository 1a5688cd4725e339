"""What the credit waterfall asks of what stands behind a credit: what else is open in its group, whose money is freed.

A review reads it before, the commit after its documents are written.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from billing.wallet import Parts, read_debits
from billing.waterfall import Credited, Open, Step, pour_in_turn
from engine.database import Transaction
from invoicing.issue import number_text
from workflows.wallet_debits import WALLET


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment as a credit names it."""

    reference: str
    provider: str


@dataclass(frozen=True, slots=True)
class Behind:
    """The open invoices by billing group, payments by their ids, and what those of them that came from a wallet still
    have of it.
    """

    others: Mapping[UUID, list[Open]] = field(default_factory=dict)
    payments: Mapping[UUID, Paid] = field(default_factory=dict)
    debited: Mapping[UUID, Parts] = field(default_factory=dict)

    def pour(self, credits: Iterable[Credited], *, money: Callable[[int], str]) -> list[list[Step]]:
        """The steps of each of these credits, one after the other."""
        return pour_in_turn(credits, self.others, self.debited, money=money)


NOTHING_BEHIND = Behind()

# What a debit is on its way for is not paid a second time.
_OTHERS = """
SELECT b.group_id, v.id, v.series, v.year, v.number, v.due_on, o.open_minor
FROM term_booking b
JOIN invoice v ON v.organisation_id = b.organisation_id AND v.booking_id = b.id
CROSS JOIN LATERAL (SELECT (v.total_minor
    - coalesce((SELECT sum(a.amount_minor) FROM payment_allocation a
                WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id), 0)
    - coalesce((SELECT sum(c.amount_minor) FROM credit_allocation c
                WHERE c.organisation_id = v.organisation_id AND c.invoice_id = v.id), 0)
    - coalesce((SELECT sum(p.amount_minor) FROM payment p
                WHERE p.organisation_id = v.organisation_id AND p.invoice_id = v.id
                  AND p.status IN ('PENDING', 'PROCESSING')), 0))::bigint AS open_minor) o
WHERE b.organisation_id = %(org)s AND b.group_id = ANY(%(group_ids)s) AND o.open_minor > 0
  AND NOT EXISTS (SELECT FROM write_off w WHERE w.organisation_id = v.organisation_id AND w.invoice_id = v.id
                  AND w.undone_at IS NULL)
"""
_PAYMENTS = """
SELECT id, reference, provider FROM payment WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)
"""


def read_behind(tx: Transaction, group_ids: Iterable[UUID], payment_ids: Iterable[UUID]) -> Behind:
    """What stands behind credits of these groups that free money of these payments; the caller holds the lock of the
    account.
    """
    others: dict[UUID, list[Open]] = {}
    for row in tx.rows(_OTHERS, group_ids=sorted(set(group_ids))):
        number = number_text(row["series"], row["year"], row["number"])
        others.setdefault(row["group_id"], []).append(Open(row["id"], number, row["due_on"], row["open_minor"]))
    rows: list[Any] = tx.rows(_PAYMENTS, ids=sorted(set(payment_ids)))
    payments = {row["id"]: Paid(row["reference"], row["provider"]) for row in rows}
    from_wallet = [payment_id for payment_id, paid in payments.items() if paid.provider == WALLET]
    return Behind(others, payments, read_debits(tx, from_wallet) if from_wallet else {})

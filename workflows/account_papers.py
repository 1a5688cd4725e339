"""Receipts and statements: what an account paid, and what it owed over a period, read from the books."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason
from invoicing.account_papers import Movement, OpenItem, Receipt, ReceiptUse, Statement
from invoicing.document import Letterhead, Recipient
from invoicing.issue import number_text
from invoicing.pdf import words_of
from models import DocumentSeries, WalletEntryKind
from workflows.documents import letterhead_of

# What stands between the office and a family: a debit is owed by the family, a credit is its money. A bonus is a gift,
# it counts when it is used.
_BETWEEN_US = "('RECEIVABLE', 'CUSTOMER_CREDIT', 'WALLET', 'REFUND_PAYABLE')"
_LONGEST_DAYS = 3 * 366


class NotReceived(Conflict):
    """A receipt is for money that came in."""

    code = "not_received"


_PARTIES = """
SELECT a.name, a.reference, a.address, g.name AS organisation, g.legal_name, g.letterhead, g.currency, g.locale,
       g.time_zone
FROM account a JOIN organisation g ON g.id = a.organisation_id
WHERE a.organisation_id = %(org)s AND a.id = %(id)s
"""

_PAYMENT = """
SELECT y.id, y.reference, y.account_id, y.provider, y.status, y.amount_minor, y.note, y.returned_at,
       o.reference AS order_reference, e.posted_on
FROM payment y
LEFT JOIN term_booking_order o ON o.organisation_id = y.organisation_id AND o.id = y.order_id
LEFT JOIN ledger_entry e ON e.organisation_id = y.organisation_id AND e.source_kind = 'PAYMENT'
     AND e.source_id = y.id AND e.purpose = 'CAPTURED'
WHERE y.organisation_id = %(org)s AND y.id = %(id)s
"""

_USES = """
SELECT v.series, v.year, v.number, sum(a.amount_minor)::bigint AS amount_minor, max(a.created_at) AS used_at
FROM payment_allocation a
JOIN invoice v ON v.organisation_id = a.organisation_id AND v.id = a.invoice_id
WHERE a.organisation_id = %(org)s AND a.payment_id = %(id)s
GROUP BY v.series, v.year, v.number HAVING sum(a.amount_minor) <> 0 ORDER BY v.year, v.number
"""


def receipt_of(tx: Transaction, payment_id: UUID) -> Receipt:
    """The receipt of a payment, with what it was used for by now. Raises NotFound, NotReceived."""
    paid = tx.row(_PAYMENT, id=payment_id)
    if paid is None:
        raise NotFound("There is no such payment.", what="payment")
    if paid["status"] != "SUCCESS" or paid["posted_on"] is None:
        raise NotReceived(f"{paid['reference']} is {paid['status'].lower()}: there is no receipt for it.")
    parties = tx.row(_PARTIES, id=paid["account_id"])
    assert parties is not None, "an account is never deleted"
    zone, words = ZoneInfo(parties["time_zone"]), words_of(parties["locale"])
    uses = tuple(
        ReceiptUse(
            used_on=row["used_at"].astimezone(zone).date(), amount_minor=row["amount_minor"],
            label=f"{words['invoice']} {number_text(row['series'], row['year'], row['number'])}",
        ) for row in tx.rows(_USES, id=payment_id)
    )  # fmt: skip
    if paid["order_reference"] is None:  # it was paid for no order: the wallet was topped up
        uses = (ReceiptUse(used_on=paid["posted_on"], amount_minor=paid["amount_minor"],
                           label=words["put_into_wallet"]),)  # fmt: skip
    return Receipt(
        number=paid["reference"], reference=paid["order_reference"] or "", issued_on=paid["posted_on"],
        method=_method(paid), amount_minor=paid["amount_minor"], uses=uses,
        kept_minor=paid["amount_minor"] - sum(use.amount_minor for use in uses), **_both(parties),
    )  # fmt: skip


def _method(paid: Row) -> str:
    words: str = paid["provider"].replace("_", " ")
    return words[:1].upper() + words[1:]


_OPENING = f"""
SELECT coalesce(sum(p.amount_minor), 0)::bigint AS balance_minor FROM ledger_posting p
JOIN ledger_entry e ON e.organisation_id = p.organisation_id AND e.id = p.entry_id
WHERE p.organisation_id = %(org)s AND p.account_id = %(id)s AND p.ledger_account IN {_BETWEEN_US}
  AND e.posted_on < %(first)s
"""

# One row for each event that moved what stands between us; what only moves credit onto an invoice moves nothing.
_MOVEMENTS = f"""
SELECT e.posted_on, e.source_kind, e.purpose, e.source_id, e.reverses_id IS NOT NULL AS is_reversal, m.amount_minor,
       v.series, v.year, v.number, b.reference AS booking, y.reference AS payment, y.provider, w.reason AS moved_for
FROM (SELECT p.entry_id, sum(p.amount_minor)::bigint AS amount_minor FROM ledger_posting p
      WHERE p.organisation_id = %(org)s AND p.account_id = %(id)s AND p.ledger_account IN {_BETWEEN_US}
      GROUP BY p.entry_id HAVING sum(p.amount_minor) <> 0) m
JOIN ledger_entry e ON e.organisation_id = %(org)s AND e.id = m.entry_id
LEFT JOIN (SELECT id, series, year, number, booking_id FROM invoice WHERE organisation_id = %(org)s
           UNION ALL SELECT id, series, year, number, booking_id FROM credit_note WHERE organisation_id = %(org)s) v
     ON v.id = e.source_id
LEFT JOIN term_booking b ON b.organisation_id = %(org)s AND b.id = v.booking_id
LEFT JOIN payment y ON y.organisation_id = %(org)s AND y.id = e.source_id
LEFT JOIN wallet_entry w ON w.organisation_id = %(org)s AND w.id = e.source_id
WHERE e.posted_on BETWEEN %(first)s AND %(last)s
ORDER BY e.posted_on, e.created_at, e.id
"""

# As they stood on that day: issued by then, less what settled them by then.
_OPEN = """
SELECT v.series, v.year, v.number, v.due_on, v.total_minor, (v.total_minor
    - coalesce((SELECT sum(a.amount_minor) FROM payment_allocation a WHERE a.organisation_id = v.organisation_id
                AND a.invoice_id = v.id AND (a.created_at AT TIME ZONE g.time_zone)::date <= %(last)s), 0)
    - coalesce((SELECT sum(a.amount_minor) FROM credit_allocation a WHERE a.organisation_id = v.organisation_id
                AND a.invoice_id = v.id AND (a.created_at AT TIME ZONE g.time_zone)::date <= %(last)s), 0)
    )::bigint AS open_minor
FROM invoice v JOIN organisation g ON g.id = v.organisation_id
WHERE v.organisation_id = %(org)s AND v.account_id = %(id)s AND v.issued_on <= %(last)s
ORDER BY v.due_on, v.year, v.number
"""


def statement_of(tx: Transaction, account_id: UUID, *, first: date, last: date) -> Statement:
    """What the account owed, was charged and paid from the first to the last day. Raises NotFound, Invalid."""
    if not 0 <= (last - first).days <= _LONGEST_DAYS:
        message = "A statement runs from a first day to a last one, over at most three years."
        raise Invalid(message, reasons=[Reason("out_of_range", message, field="until")])
    parties = tx.row(_PARTIES, id=account_id)
    if parties is None:
        raise NotFound("There is no such account.", what="account")
    words, period = words_of(parties["locale"]), {"id": account_id, "first": first, "last": last}
    opening = tx.row(_OPENING, id=account_id, first=first)
    assert opening is not None
    movements = tuple(_movement(row, words) for row in tx.rows(_MOVEMENTS, **period))
    open_items = tuple(
        OpenItem(
            label=f"{words['invoice']} {number_text(row['series'], row['year'], row['number'])}",
            due_on=row["due_on"], total_minor=row["total_minor"], open_minor=row["open_minor"],
        ) for row in tx.rows(_OPEN, id=account_id, last=last) if row["open_minor"] > 0
    )  # fmt: skip
    return Statement(
        number=parties["reference"], period_from=first, issued_on=last, opening_minor=opening["balance_minor"],
        closing_minor=opening["balance_minor"] + sum(movement.amount_minor for movement in movements),
        movements=movements, open_items=open_items,
        payment_instructions=tuple(parties["letterhead"].get("payment_instructions", ())), **_both(parties),
    )  # fmt: skip


def _movement(row: Row, words: Mapping[str, str]) -> Movement:
    """What happened, in the words of the family's language."""
    kind = row["source_kind"]
    if kind in ("INVOICE", "CREDIT_NOTE") and row["number"] is not None:
        word = "move_zero_statement" if row["series"] == DocumentSeries.ZERO_STATEMENT else f"move_{kind.lower()}"
        label = f"{words[word]} {number_text(row['series'], row['year'], row['number'])}"
        return Movement(on=row["posted_on"], label=label, detail=row["booking"] or "", amount_minor=row["amount_minor"])
    if kind == "PAYMENT":
        word = words["move_payment_returned" if row["is_reversal"] or row["amount_minor"] > 0 else "move_payment"]
        return Movement(on=row["posted_on"], label=f"{word} {row['payment'] or ''}".strip(),
                        detail=_method(row) if row["provider"] else "", amount_minor=row["amount_minor"])  # fmt: skip
    if kind == "WALLET_ENTRY" and row["purpose"] in _PASSES:
        return Movement(on=row["posted_on"], label=words[f"move_{row['purpose'].lower()}"], detail=row["moved_for"],
                        amount_minor=row["amount_minor"])  # fmt: skip
    found = next((words[f"move_{name}"] for name in _WORDS if name in kind.lower()), words["move_other"])
    return Movement(on=row["posted_on"], label=found, detail="", amount_minor=row["amount_minor"])


# What is said of a pass, with its reference and why it was taken back.
_PASSES = (WalletEntryKind.PASS_BOUGHT, WalletEntryKind.PASS_REVOKED)
# What other entries are called, by a part of the kind of their source.
_WORDS = ("refund", "write_off", "late_fee", "bonus", "wallet")


def _both(parties: Row) -> dict[str, Any]:
    """Letterhead and recipient as they are today: a receipt or a statement is no issued document."""
    letterhead: Letterhead = letterhead_of(parties)
    return {
        "currency": parties["currency"], "locale": parties["locale"], "time_zone": parties["time_zone"],
        "letterhead": letterhead,
        "recipient": Recipient(name=parties["name"], address_lines=tuple(parties["address"]),
                               account_reference=parties["reference"]),
    }  # fmt: skip

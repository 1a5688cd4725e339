"""Which orders a line of a bank statement may pay: by a reference in its text, by its amount, by its payer's name."""

import re
from dataclasses import dataclass
from uuid import UUID

from engine.database import Row, Transaction
from engine.errors import NotFound

MOST = 5
_REFERENCE = re.compile(r"\b(?:TO|TB|PM|GO)[- ]?[0-9A-HJKMNP-TV-Z]{8}\b")
_INVOICE = re.compile(r"\bINV[- ]?(\d{4})[- ]?(\d{1,9})\b")
_WORD = re.compile(r"\w{3,}")
_NOBODYS = frozenset({"family", "famille"})  # of many accounts' names: it tells nobody apart


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An order that still asks for money, and why this line may be it; the best comes first."""

    order_id: UUID
    order_reference: str
    account_id: UUID
    account: str
    open_minor: int
    score: int
    because: tuple[str, ...]


# What an order still asks for: its booking's open invoices, or before the confirmation what it costs.
_CANDIDATES = """
WITH invoiced AS (
    SELECT b.id AS booking_id, sum(v.total_minor
        - coalesce((SELECT sum(a.amount_minor) FROM payment_allocation a
                    WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id), 0)
        - coalesce((SELECT sum(c.amount_minor) FROM credit_allocation c
                    WHERE c.organisation_id = v.organisation_id AND c.invoice_id = v.id), 0))::bigint AS open_minor,
        array_agg(concat(v.series, '-', v.year, '-', v.number)) AS numbers
    FROM term_booking b
    JOIN invoice v ON v.organisation_id = b.organisation_id AND v.booking_id = b.id AND v.series = 'INV'
    WHERE b.organisation_id = %(org)s AND b.payment_state IN ('OPEN', 'PENDING_PAYMENT')
    GROUP BY b.id
), open_order AS (
    SELECT o.id, o.reference, o.account_id, b.reference AS booking_reference, i.open_minor, i.numbers
    FROM invoiced i
    JOIN term_booking b ON b.organisation_id = %(org)s AND b.id = i.booking_id
    JOIN term_booking_order o ON o.organisation_id = %(org)s AND o.id = b.order_id
    WHERE o.status = 500 AND i.open_minor > 0
    UNION ALL
    SELECT o.id, o.reference, o.account_id, NULL, o.total_minor - coalesce((
        SELECT sum(p.amount_minor) FROM payment p
        WHERE p.organisation_id = o.organisation_id AND p.order_id = o.id AND p.status = 'SUCCESS'), 0)::bigint, '{}'
    FROM term_booking_order o
    WHERE o.organisation_id = %(org)s AND o.status IN (300, 450, 485) AND o.total_minor > 0
)
SELECT o.id, o.reference, o.account_id, a.name AS account, o.open_minor,
       coalesce(o.reference = ANY(%(references)s) OR o.booking_reference = ANY(%(references)s)
        OR o.numbers && %(invoices)s::text[]
        OR EXISTS (SELECT FROM payment p WHERE p.organisation_id = %(org)s AND p.order_id = o.id
                   AND p.reference = ANY(%(references)s))
        OR EXISTS (SELECT FROM group_order_member m
                   JOIN group_order g ON g.organisation_id = m.organisation_id AND g.id = m.group_order_id
                   WHERE m.organisation_id = %(org)s AND m.order_id = o.id
                     AND g.reference = ANY(%(references)s)), false) AS is_named,
       o.open_minor = %(left)s AS is_exact,
       EXISTS (SELECT FROM unnest(%(words)s::text[]) w
               WHERE position(unaccented(w) IN unaccented(a.name)) > 0) AS is_alike
FROM open_order o JOIN account a ON a.organisation_id = %(org)s AND a.id = o.account_id
WHERE o.open_minor > 0
"""


def suggest(tx: Transaction, line_id: UUID) -> list[Suggestion]:
    """The orders that a line may pay, the likeliest first; none for one that is matched. Raises NotFound."""
    line = tx.row(
        "SELECT amount_minor - matched_minor AS left_minor, payer_name, text FROM bank_line "
        "WHERE organisation_id = %(org)s AND id = %(id)s", id=line_id,
    )  # fmt: skip
    if line is None:
        raise NotFound("There is no such line.", what="line")
    if line["left_minor"] <= 0:
        return []
    references, invoices = references_in(line["text"])
    words = [word for word in _WORD.findall(line["payer_name"]) if word.lower() not in _NOBODYS]
    rows = tx.rows(f"SELECT * FROM ({_CANDIDATES}) c WHERE is_named OR is_exact OR is_alike "
                   "ORDER BY is_named DESC, is_exact DESC, reference LIMIT 200",
                   references=references, invoices=invoices, left=line["left_minor"], words=words)  # fmt: skip
    return sorted(map(_suggestion, rows), key=lambda one: (-one.score, one.order_reference))[:MOST]


def references_in(text: str) -> tuple[list[str], list[str]]:
    """The references of ours and the invoice numbers that people wrote, as we write them."""
    upper = text.upper()
    found = [re.sub(r"^(..)[- ]?", r"\1-", reference) for reference in _REFERENCE.findall(upper)]
    return found, [f"INV-{year}-{int(number)}" for year, number in _INVOICE.findall(upper)]


def _suggestion(row: Row) -> Suggestion:
    weights = {"reference": 100 * row["is_named"], "amount": 30 * row["is_exact"], "name": 20 * row["is_alike"]}
    return Suggestion(
        row["id"], row["reference"], row["account_id"], row["account"], row["open_minor"], sum(weights.values()),
        tuple(reason for reason, weight in weights.items() if weight),
    )  # fmt: skip

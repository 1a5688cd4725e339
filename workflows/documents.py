"""Issued invoices, credit notes and quotes as documents: read back exactly as they were issued, an invoice with what
is paid now."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_date

from engine.database import Row, Transaction
from engine.errors import NotFound
from invoicing.document import (
    DiscountLine,
    Document,
    DocumentKind,
    DocumentLine,
    Instalment,
    Letterhead,
    LineTax,
    PaymentLine,
    Recipient,
    TaxLine,
)
from invoicing.issue import number_text
from invoicing.pdf import words_of
from models import DocumentSeries

D = TypeVar("D", date, time)

_INVOICE = """
SELECT v.series, v.year, v.number, v.net_minor, v.total_minor, v.issued_on, v.due_on, v.printed
FROM invoice v WHERE v.organisation_id = %(org)s AND v.id = %(id)s
"""

_INVOICE_LINES = """
SELECT l.quantity, l.net_minor, l.tax_minor, l.gross_minor, l.tax_name, l.tax_rate, b.printed, b.base_minor, b.trace
FROM invoice_line l
JOIN billing_line b ON b.organisation_id = l.organisation_id AND b.id = l.billing_line_id
WHERE l.organisation_id = %(org)s AND l.invoice_id = %(id)s ORDER BY l.position
"""

_PAYMENTS = """
SELECT a.amount_minor, a.created_at, a.id, p.provider, p.reference FROM payment_allocation a
JOIN payment p ON p.organisation_id = a.organisation_id AND p.id = a.payment_id
WHERE a.organisation_id = %(org)s AND a.invoice_id = %(id)s
UNION ALL
SELECT a.amount_minor, a.created_at, a.id, NULL,
       CASE WHEN a.write_off_id IS NULL THEN concat(n.series, '-', n.year, '-', lpad(n.number::text, 6, '0')) END
FROM credit_allocation a
LEFT JOIN credit_note n ON n.organisation_id = a.organisation_id AND n.id = a.credit_note_id
WHERE a.organisation_id = %(org)s AND a.invoice_id = %(id)s
ORDER BY created_at, id
"""

# The parts that the family agreed to pay it in, where it did.
_AGREED = """
SELECT i.due_on, i.amount_minor FROM instalment i
WHERE i.organisation_id = %(org)s AND i.schedule_id = (
    SELECT s.id FROM payment_schedule s
    JOIN invoice v ON v.organisation_id = s.organisation_id AND v.billing_id = s.billing_id
    WHERE s.organisation_id = %(org)s AND v.id = %(id)s AND s.total_minor = v.total_minor
    ORDER BY s.agreed_at DESC, s.id DESC LIMIT 1)
ORDER BY i.position
"""

_QUOTE = """
SELECT q.series, q.year, q.number, b.net_minor, q.total_minor, q.issued_on, q.expires_at, q.printed, q.billing_id
FROM quote q JOIN billing b ON b.organisation_id = q.organisation_id AND b.id = q.billing_id
WHERE q.organisation_id = %(org)s AND q.id = %(id)s
"""

_QUOTE_LINES = """
SELECT b.quantity, b.net_minor, b.tax_minor, b.gross_minor, b.tax_name, b.tax_rate, b.printed, b.base_minor, b.trace
FROM billing_line b WHERE b.organisation_id = %(org)s AND b.billing_id = %(id)s ORDER BY b.position
"""


def invoice_document(tx: Transaction, invoice_id: UUID) -> Document:
    """An invoice as it was issued, with the payments and credits allocated to it so far; of half a zero statement that
    statement. Raises NotFound.
    """
    invoice = tx.row(_INVOICE, id=invoice_id)
    if invoice is None:
        raise NotFound("There is no such invoice.", what="invoice")
    if invoice["series"] == DocumentSeries.ZERO_STATEMENT:
        return zero_statement_document(tx, invoice_id)
    zone, settled = ZoneInfo(invoice["printed"]["time_zone"]), tx.rows(_PAYMENTS, id=invoice_id)
    payments = tuple(
        PaymentLine(
            paid_on=row["created_at"].astimezone(zone).date(),
            label=_paid_by(row, invoice["printed"]["locale"]),
            amount_minor=row["amount_minor"],
        )
        for row in settled
    )
    paid = sum(payment.amount_minor for payment in payments)
    credited = sum(row["amount_minor"] for row in settled if row["provider"] is None)
    agreed = [Instalment(due_on=row["due_on"], amount_minor=row["amount_minor"])
              for row in tx.rows(_AGREED, id=invoice_id)]  # fmt: skip
    return Document(
        kind=DocumentKind.INVOICE, **_common(invoice, tx.rows(_INVOICE_LINES, id=invoice_id)),
        reference=invoice["printed"]["booking_reference"], due_on=invoice["due_on"],
        period=_period(invoice["printed"]), payments=payments,
        instalments=_left_of(agreed, paid_minor=paid - credited, credited_minor=credited),
        paid_minor=paid, owing_minor=invoice["total_minor"] - paid,
        payment_instructions=tuple(invoice["printed"]["letterhead"].get("payment_instructions", ())),
    )  # fmt: skip


def _left_of(agreed: Sequence[Instalment], *, paid_minor: int, credited_minor: int) -> tuple[Instalment, ...]:
    """The parts that are still to be paid: money comes off the first ones, what was credited off the last."""
    left = [part.amount_minor for part in agreed]
    for places, settled in ((range(len(left)), paid_minor), (reversed(range(len(left))), credited_minor)):
        for place in places:
            share = min(left[place], settled)
            left[place] -= share
            settled -= share
    return tuple(Instalment(due_on=part.due_on, amount_minor=amount)
                 for part, amount in zip(agreed, left, strict=True) if amount)  # fmt: skip


_ZERO_STATEMENT = """
SELECT v.series, v.year, v.number, 0::bigint AS net_minor, 0::bigint AS total_minor, v.issued_on, v.printed,
       n.id AS credit_note_id, n.printed->'applied' AS applied
FROM invoice v
JOIN credit_note n ON n.organisation_id = v.organisation_id AND n.series = v.series AND n.year = v.year
     AND n.number = v.number
WHERE v.organisation_id = %(org)s AND v.id = %(id)s AND v.series = 'ZS'
"""


def zero_statement_document(tx: Transaction, statement_id: UUID) -> Document:
    """A zero statement, named by the half that charges: what is taken back, then what it became. Raises NotFound."""
    statement = tx.row(_ZERO_STATEMENT, id=statement_id)
    if statement is None:
        raise NotFound("There is no such zero statement.", what="zero statement")
    gone = tx.rows(_CREDIT_NOTE_LINES, id=statement["credit_note_id"])
    become = tx.rows(_INVOICE_LINES, id=statement_id)
    common = _common(statement, [*gone, *become])
    lines = (*(_taken_back(line) for line in common["lines"][: len(gone)]), *common["lines"][len(gone) :])
    turned = [{**row, "net_minor": -row["net_minor"], "tax_minor": -row["tax_minor"]} for row in gone]
    common |= {"lines": lines, "taxes": _taxes([*turned, *become])}
    return Document(
        kind=DocumentKind.ZERO_STATEMENT, **common, reference=statement["printed"]["booking_reference"], paid_minor=0,
        owing_minor=0, corrects_number=", ".join(x["invoice"] for x in statement["applied"] if x["is_corrected"]),
    )  # fmt: skip


def _taken_back(line: DocumentLine) -> DocumentLine:
    """The line of a credit note where it stands beside what is charged."""
    return replace(
        line, unit_amount_minor=-line.unit_amount_minor, net_minor=-line.net_minor, gross_minor=-line.gross_minor,
        discounts=tuple(replace(each, amount_minor=-each.amount_minor) for each in line.discounts),
        taxes=tuple(replace(each, amount_minor=-each.amount_minor) for each in line.taxes),
    )  # fmt: skip


def quote_document(tx: Transaction, quote_id: UUID) -> Document:
    """A quote as it was issued. Raises NotFound."""
    quote = tx.row(_QUOTE, id=quote_id)
    if quote is None:
        raise NotFound("There is no such quote.", what="quote")
    return Document(
        kind=DocumentKind.QUOTE, **_common(quote, tx.rows(_QUOTE_LINES, id=quote["billing_id"])),
        reference=quote["printed"]["order_reference"], valid_until=quote["expires_at"], paid_minor=0,
        owing_minor=quote["total_minor"],
    )  # fmt: skip


_CREDIT_NOTE = """
SELECT n.series, n.year, n.number, n.net_minor, n.total_minor, n.issued_on, n.printed, v.id AS statement_id
FROM credit_note n
LEFT JOIN invoice v ON v.organisation_id = n.organisation_id AND v.series = n.series AND v.year = n.year
     AND v.number = n.number
WHERE n.organisation_id = %(org)s AND n.id = %(id)s
"""

_CREDIT_NOTE_LINES = """
SELECT n.quantity, n.net_minor, n.tax_minor, n.gross_minor, n.tax_name, n.tax_rate, b.printed, b.base_minor, b.trace
FROM credit_note_line n
JOIN invoice_line l ON l.organisation_id = n.organisation_id AND l.id = n.invoice_line_id
JOIN billing_line b ON b.organisation_id = l.organisation_id AND b.id = l.billing_line_id
WHERE n.organisation_id = %(org)s AND n.credit_note_id = %(id)s ORDER BY n.position
"""


def credit_note_document(tx: Transaction, credit_note_id: UUID) -> Document:
    """A credit note as it was issued: what it took off its invoices, and what it left as credit; of half a zero
    statement that statement. Raises NotFound.
    """
    note = tx.row(_CREDIT_NOTE, id=credit_note_id)
    if note is None:
        raise NotFound("There is no such credit note.", what="credit note")
    if note["statement_id"] is not None:
        return zero_statement_document(tx, note["statement_id"])
    applied = note["printed"]["applied"]
    taken = tuple(
        PaymentLine(paid_on=note["issued_on"], label=each["invoice"], amount_minor=each["amount_minor"])
        for each in applied if each["amount_minor"]
    )  # fmt: skip
    applied_minor = sum(each["amount_minor"] for each in applied)
    return Document(
        kind=DocumentKind.CREDIT_NOTE, **_common(note, tx.rows(_CREDIT_NOTE_LINES, id=credit_note_id)),
        reference=note["printed"]["booking_reference"], payments=taken, paid_minor=applied_minor,
        owing_minor=note["total_minor"] - applied_minor,
        corrects_number=", ".join(each["invoice"] for each in applied if each.get("is_corrected", True)),
    )  # fmt: skip


def newest_credit_note(tx: Transaction, *, booking_id: UUID, number: str | None) -> Document | None:
    """The newest credit note of a booking, where a number says that there is one."""
    found = tx.row("SELECT id FROM credit_note WHERE organisation_id = %(org)s AND booking_id = %(booking_id)s "
                   "ORDER BY issued_at DESC, number DESC LIMIT 1", booking_id=booking_id)  # fmt: skip
    return credit_note_document(tx, found["id"]) if found and number else None


def newest_document(tx: Transaction, *, order_id: UUID, kind: DocumentKind) -> Document | None:
    """The newest invoice or quote of an order, if it has one."""
    assert kind is not DocumentKind.CREDIT_NOTE, "a credit note is named by its id"
    if kind is DocumentKind.QUOTE:
        found = tx.row("SELECT id FROM quote WHERE organisation_id = %(org)s AND order_id = %(order_id)s "
                       "ORDER BY issued_at DESC, number DESC LIMIT 1", order_id=order_id)  # fmt: skip
        return quote_document(tx, found["id"]) if found else None
    found = tx.row("SELECT v.id FROM invoice v JOIN term_booking b ON b.organisation_id = v.organisation_id "
                   "AND b.id = v.booking_id WHERE v.organisation_id = %(org)s AND b.order_id = %(order_id)s "
                   "ORDER BY v.issued_at DESC, v.number DESC LIMIT 1", order_id=order_id)  # fmt: skip
    return invoice_document(tx, found["id"]) if found else None


def _common(issued: Row, rows: list[Row]) -> dict[str, Any]:
    printed = issued["printed"]
    included = printed["prices_include_tax"]
    return {
        "number": number_text(issued["series"], issued["year"], issued["number"]), "issued_on": issued["issued_on"],
        "currency": printed["currency"], "locale": printed["locale"], "time_zone": printed["time_zone"],
        "prices_include_tax": included, "letterhead": letterhead_of(printed), "recipient": _recipient(printed),
        "lines": tuple(_line(row, printed["attendee"], included, printed["locale"]) for row in rows),
        "taxes": _taxes(rows),
        "net_minor": issued["net_minor"], "gross_minor": issued["total_minor"],
    }  # fmt: skip


def _period(printed: Mapping[str, Any]) -> tuple[date, date] | None:
    period = printed.get("period")
    return (date.fromisoformat(period["from"]), date.fromisoformat(period["until"])) if period else None


def letterhead_of(printed: Mapping[str, Any]) -> Letterhead:
    """Who issues, as a document prints it."""
    given = printed["letterhead"]
    return Letterhead(
        name=printed["organisation"], legal_name=printed["legal_name"] or printed["organisation"],
        address_lines=tuple(given.get("address_lines", ())), phone=given.get("phone") or None,
        email=given.get("email") or None, tax_registration=given.get("tax_registration") or None,
    )  # fmt: skip


def _recipient(printed: Mapping[str, Any]) -> Recipient:
    to = printed["recipient"]
    return Recipient(name=to["name"], address_lines=tuple(to["address"]), account_reference=to["reference"])


def _line(row: Row, attendee: str, included: bool, locale: str) -> DocumentLine:
    shown = row["printed"]
    quantity, unit_minor, discounts = _price(row, row["gross_minor"] if included else row["net_minor"])
    return DocumentLine(
        attendee=attendee, course=shown["course"], session_on=_parsed(date, shown.get("date")),
        starts_at=_parsed(time, shown.get("starts")), ends_at=_parsed(time, shown.get("ends")), site=shown.get("site"),
        quantity=quantity, description=_fee(shown, locale) or shown.get("extra") or shown.get("seat", ""),
        unit_amount_minor=unit_minor,
        discounts=discounts,
        net_minor=row["net_minor"], gross_minor=row["gross_minor"], taxes=_line_taxes(row),
    )  # fmt: skip


def _fee(shown: Mapping[str, Any], locale: str) -> str | None:
    """What a fee is called in the language of the paper, and what it is for; None of what is no fee."""
    if "fee" not in shown:
        return None
    words = words_of(locale)
    name = words[shown["fee"].lower()]
    if due_on := _parsed(date, shown.get("fee_due_on")):
        return f"{name}, {words['fee_of_part'] % {'date': format_date(due_on, 'medium', locale=locale)}}"
    return ", ".join(filter(None, (name, shown.get("fee_invoice"))))


def _price(row: Row, amount_minor: int) -> tuple[int, int, tuple[DiscountLine, ...]]:
    """Quantity, price of one, and the discounts that make the amount; a part of a line is shown as what it is."""
    discounts = tuple(
        DiscountLine(label=f"{step['name']} ({step['why']})", amount_minor=step["amount_minor"])
        for step in row["trace"] if step["step"] in ("discount", "adjustment") and step["amount_minor"]
    )  # fmt: skip
    if row["base_minor"] + sum(discount.amount_minor for discount in discounts) != amount_minor:
        return 1, amount_minor, ()
    return row["quantity"], row["base_minor"] // row["quantity"], discounts


def _parsed(kind: type[D], text: str | None) -> D | None:
    return kind.fromisoformat(text) if text else None


def _line_taxes(row: Row) -> tuple[LineTax, ...]:
    if not row["tax_rate"]:
        return ()
    return (LineTax(name=row["tax_name"], rate_percent=_percent(row["tax_rate"]), amount_minor=row["tax_minor"]),)


def _taxes(rows: Iterable[Row]) -> tuple[TaxLine, ...]:
    sums: dict[tuple[str, Decimal], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        if row["tax_rate"]:
            both = sums[row["tax_name"], _percent(row["tax_rate"])]
            both[0] += row["net_minor"]
            both[1] += row["tax_minor"]
    return tuple(
        TaxLine(name=name, rate_percent=rate, base_minor=base, tax_minor=tax)
        for (name, rate), (base, tax) in sorted(sums.items())
    )


def _percent(rate: Decimal) -> Decimal:
    """13 for 0.130000."""
    return (rate * 100).normalize()


def _paid_by(row: Row, locale: str) -> str:
    """The payment, the credit note, or that it was given up."""
    if row["provider"]:
        return f"{row['provider'].capitalize()} {row['reference']}"
    return str(row["reference"] or words_of(locale)["move_write_off"])

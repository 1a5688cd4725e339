"""What a document shows: plain facts, already priced and rounded, that add up or are refused as our own bug.

All amounts are integer minor units of the document's one currency, signed; all taxes are stored line taxes, never
computed here (DOMAIN §4: documents only add up stored line tax).
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from engine.money import minor_digits, parse_locale

_LOGO_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


class DocumentKind(StrEnum):
    """Which document it is; the kind decides the title, the facts it must have and the words around its amounts."""

    QUOTE = "QUOTE"  # an offer: what it would cost, until when it is held
    INVOICE = "INVOICE"  # a numbered claim, with a due date
    CREDIT_NOTE = "CREDIT_NOTE"  # takes back all or part of an invoice; its amounts are positive
    ZERO_STATEMENT = "ZERO_STATEMENT"  # what was moved, taken back and charged anew; its total is 0.00


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """Who issues: shown at the top (name, address, contact) and in the footer (legal name, tax registration)."""

    name: str
    legal_name: str
    address_lines: tuple[str, ...]
    phone: str | None = None
    email: str | None = None
    website: str | None = None
    tax_registration: str | None = None  # as the law wants it printed: "HST 12345 6789 RT0001"
    logo: bytes | None = None  # PNG or JPEG

    def __post_init__(self) -> None:
        assert self.logo is None or self.logo.startswith(_LOGO_MAGIC), "a logo is a PNG or a JPEG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who it is for: the payer, as the envelope's window shows it."""

    name: str
    address_lines: tuple[str, ...] = ()
    account_reference: str | None = None
    tax_registration: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscountLine:
    """A change of a line's price that names its rule and reason; negative when it reduces the line."""

    label: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTax:
    """One tax on one line, as stored with the line; two where two apply (GST and QST)."""

    name: str
    rate_percent: Decimal
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """One session, or one extra or fee of it (then `description` says which).

    `session_on`, `starts_at` and `ends_at` are the site's local date and times; an end at or before the start is on
    the next day. All three are None for an undated session. `unit_amount_minor` and the discounts count tax in when
    the document's prices include tax, else they are before tax.
    """

    attendee: str
    course: str  # program and course
    session_on: date | None
    starts_at: time | None
    ends_at: time | None
    site: str | None
    unit_amount_minor: int
    net_minor: int
    gross_minor: int
    quantity: int = 1
    description: str | None = None
    discounts: tuple[DiscountLine, ...] = ()
    taxes: tuple[LineTax, ...] = ()

    def __post_init__(self) -> None:
        assert self.quantity > 0, "a line counts at least one"
        assert (self.starts_at is None) == (self.ends_at is None), "a session has both times or neither"
        assert self.starts_at is None or self.session_on is not None, "a time needs its date"
        tax_minor = sum(tax.amount_minor for tax in self.taxes)
        assert self.net_minor + tax_minor == self.gross_minor, "net and tax make the gross of a line"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxLine:
    """One tax of the document: the sum of the lines that bear it. The base is before tax."""

    name: str
    rate_percent: Decimal
    base_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentLine:
    """Money or credit that counts against the document; negative when it went back. `paid_on` is a local date."""

    paid_on: date
    label: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    """A part of what is owing with a due date of its own."""

    due_on: date
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole quote, invoice or credit note. Making one that does not add up raises AssertionError.

    `issued_on` and `due_on` are dates in `time_zone` (IANA), in which `valid_until` is shown too. `locale` (`en_CA`)
    chooses language, number and date forms, and paper. `notes` and `payment_instructions` are plain text paragraphs.
    """

    kind: DocumentKind
    number: str
    reference: str  # of the order or booking
    issued_on: date
    currency: str
    locale: str
    time_zone: str
    prices_include_tax: bool
    letterhead: Letterhead
    recipient: Recipient
    lines: tuple[DocumentLine, ...]
    taxes: tuple[TaxLine, ...]
    net_minor: int
    gross_minor: int
    paid_minor: int
    owing_minor: int
    payments: tuple[PaymentLine, ...] = ()
    due_on: date | None = None  # invoices
    period: tuple[date, date] | None = None  # of an invoice that asks for a period: its first and last day
    valid_until: datetime | None = None  # quotes
    corrects_number: str | None = None  # credit notes and zero statements: the invoice
    instalments: tuple[Instalment, ...] = ()
    payment_instructions: tuple[str, ...] = ()
    payment_url: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        minor_digits(self.currency)
        parse_locale(self.locale)
        ZoneInfo(self.time_zone)
        _check_kind(self)
        _check_lines(self)
        _check_taxes(self)
        _check_payments(self)

    @property
    def is_paid(self) -> bool:
        """Nothing is owing: always so for a total of 0.00."""
        return self.owing_minor <= 0

    def shown_minor(self, line: DocumentLine) -> int:
        """What the line's own column says: with tax when prices include it, else before tax."""
        return line.gross_minor if self.prices_include_tax else line.net_minor


def _check_kind(document: Document) -> None:
    kind = document.kind
    assert (document.due_on is not None) == (kind is DocumentKind.INVOICE), "an invoice, and nothing else, is due"
    assert (document.valid_until is not None) == (kind is DocumentKind.QUOTE), "a quote, and nothing else, expires"
    assert document.valid_until is None or document.valid_until.tzinfo is not None, "an expiry is a moment with a zone"
    corrects = kind in (DocumentKind.CREDIT_NOTE, DocumentKind.ZERO_STATEMENT)
    assert (document.corrects_number is not None) == corrects, "a credit note corrects one"
    assert kind is not DocumentKind.ZERO_STATEMENT or document.gross_minor == 0, "a zero statement comes to nothing"
    assert kind is not DocumentKind.QUOTE or not document.payments, "a quote takes no payments"
    assert document.payment_url is None or document.payment_url.startswith(("https://", "http://")), "a web address"


def _check_lines(document: Document) -> None:
    for line in document.lines:
        priced = line.quantity * line.unit_amount_minor + sum(d.amount_minor for d in line.discounts)
        assert priced == document.shown_minor(line), f"price and discounts make {line.course} {line.session_on}"
    assert sum(line.net_minor for line in document.lines) == document.net_minor, "lines sum to the net"
    assert sum(line.gross_minor for line in document.lines) == document.gross_minor, "lines sum to the gross"


def _check_taxes(document: Document) -> None:
    base: dict[tuple[str, Decimal], int] = defaultdict(int)
    tax: dict[tuple[str, Decimal], int] = defaultdict(int)
    for line in document.lines:
        for line_tax in line.taxes:
            base[line_tax.name, line_tax.rate_percent] += line.net_minor
            tax[line_tax.name, line_tax.rate_percent] += line_tax.amount_minor
    stated = {(t.name, t.rate_percent): (t.base_minor, t.tax_minor) for t in document.taxes}
    assert len(stated) == len(document.taxes), "each tax and rate is stated once"
    assert stated == {key: (base[key], tax[key]) for key in base}, "line taxes sum to the tax lines"
    tax_minor = sum(t.tax_minor for t in document.taxes)
    assert document.net_minor + tax_minor == document.gross_minor, "net and tax make the gross"


def _check_payments(document: Document) -> None:
    assert sum(p.amount_minor for p in document.payments) == document.paid_minor, "payments sum to what is paid"
    assert document.gross_minor - document.paid_minor == document.owing_minor, "gross less paid is owing"
    instalments_minor = sum(i.amount_minor for i in document.instalments)
    assert not document.instalments or instalments_minor == document.owing_minor, "instalments sum to what is owing"

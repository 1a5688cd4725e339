"""What a credit takes back of invoices that were issued, and which money that frees: pure arithmetic.

Amounts are minor units. A credit takes whole lines, capped at what of each is still creditable; it settles the invoice
that it corrects first, and what was paid beyond what that still asks becomes the family's credit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Owed:
    """An invoice with what settles it so far."""

    invoice_id: UUID
    number: str
    total_minor: int
    paid_minor: int
    credited_minor: int

    @property
    def open_minor(self) -> int:
        return self.total_minor - self.paid_minor - self.credited_minor


@dataclass(frozen=True, slots=True)
class Used:
    """How much of a payment settles an invoice, net of what was freed."""

    invoice_id: UUID
    payment_id: UUID
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit before it is issued: its lines, what it settles, and which payments it frees."""

    lines: list[Values]
    settles: dict[UUID, int]  # by invoice
    frees: list[Used]
    open_minor: int  # what all the invoices still ask when it is applied
    numbers: dict[UUID, str] = field(default_factory=dict)

    @property
    def net_minor(self) -> int:
        return sum(line["net_minor"] for line in self.lines)

    @property
    def tax_minor(self) -> int:
        return sum(line["tax_minor"] for line in self.lines)

    @property
    def total_minor(self) -> int:
        return self.net_minor + self.tax_minor

    @property
    def freed_minor(self) -> int:
        return sum(used.amount_minor for used in self.frees)

    def applied_minor(self, invoice_id: UUID) -> int:
        """How much less the family owes on that invoice."""
        freed = sum(used.amount_minor for used in self.frees if used.invoice_id == invoice_id)
        return self.settles[invoice_id] - freed


def plan_credit(lines: Iterable[Values], invoices: Sequence[Owed], payments: Sequence[Used]) -> Credit:
    """What crediting these invoice lines comes to.

    A line carries its invoice, net and tax, and what of both was credited before; `payments` are asked for their money
    in the order given, the latest first.
    """
    credited = [_remaining(line) for line in lines]
    credited = [line for line in credited if line["gross_minor"] > 0]
    settles: dict[UUID, int] = {}
    for line in credited:
        settles[line["invoice_id"]] = settles.get(line["invoice_id"], 0) + line["gross_minor"]
    owed = {invoice.invoice_id: invoice for invoice in invoices}
    frees: list[Used] = []
    for invoice_id, amount in settles.items():
        frees += _freed(invoice_id, amount - owed[invoice_id].open_minor, payments)
    still_open = sum(invoice.open_minor for invoice in invoices) - sum(settles.values())
    still_open += sum(used.amount_minor for used in frees)
    return Credit(credited, settles, frees, still_open, {i: owed[i].number for i in settles})


def _remaining(line: Values) -> Values:
    net = line["net_minor"] - line["credited_net_minor"]
    tax = line["tax_minor"] - line["credited_tax_minor"]
    return {**line, "net_minor": net, "tax_minor": tax, "gross_minor": net + tax}


def _freed(invoice_id: UUID, amount_minor: int, payments: Sequence[Used]) -> list[Used]:
    freed = []
    for used in payments:
        if used.invoice_id == invoice_id and amount_minor > 0:
            share = min(used.amount_minor, amount_minor)
            freed.append(Used(invoice_id, used.payment_id, share))
            amount_minor -= share
    assert amount_minor <= 0, "what is not open was paid"
    return freed

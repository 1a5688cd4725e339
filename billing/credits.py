"""What a credit takes back of invoices that were issued, and which money that frees: pure arithmetic.

Amounts are minor units. A credit takes lines, capped at what of each is still creditable; it settles what is open of
the invoices that it corrects, then of the booking's others. What was given up of a corrected invoice goes before what
was paid of it: the write-off is undone by that much. What was paid beyond becomes the family's credit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
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
    due_on: date = field(default=date.max, kw_only=True)
    # What of `credited_minor` was written off, by write-off.
    given_up: tuple[tuple[UUID, int], ...] = field(default=(), kw_only=True)

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
class Restored:
    """A part of a write-off that is credited: it is given up no more, so that nothing is taken back twice."""

    invoice_id: UUID
    write_off_id: UUID
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit before it is issued: its lines, what it settles, and which payments it frees."""

    lines: list[Values]
    settles: dict[UUID, int]  # by invoice
    frees: list[Used]
    open_minor: int  # what all the invoices still ask when it is applied
    numbers: dict[UUID, str] = field(default_factory=dict)
    to_charge_minor: int = 0  # what of it settles the invoice of the same edit
    corrected: frozenset[UUID] = frozenset()
    restores: tuple[Restored, ...] = ()

    @property
    def net_minor(self) -> int:
        return sum(line["net_minor"] for line in self.lines)

    @property
    def tax_minor(self) -> int:
        return sum(line["tax_minor"] for line in self.lines)

    @property
    def total_minor(self) -> int:
        return self.net_minor + self.tax_minor

    def restored_minor(self, invoice_id: UUID) -> int:
        """How much of what was given up of that invoice is credited."""
        return sum(each.amount_minor for each in self.restores if each.invoice_id == invoice_id)

    @property
    def freed_minor(self) -> int:
        return sum(used.amount_minor for used in self.frees)

    def applied_minor(self, invoice_id: UUID) -> int:
        """How much less the family owes on that invoice."""
        freed = sum(used.amount_minor for used in self.frees if used.invoice_id == invoice_id)
        return self.settles.get(invoice_id, 0) - freed


def plan_credit(
    lines: Iterable[Values], invoices: Sequence[Owed], payments: Sequence[Used], *, charged_minor: int = 0
) -> Credit:
    """What crediting these invoice lines comes to.

    A line carries its invoice, net and tax, and what of both was credited before; `payments` are asked for their money
    in the order given, the latest first. `charged_minor` is what the invoice of the same edit asks: the credit settles
    that first, and the invoices that it corrects with the rest.
    """
    credited = [_remaining(line) for line in lines]
    credited = [line for line in credited if line["gross_minor"] > 0]
    whole = sum(line["gross_minor"] for line in credited)
    to_charge = min(charged_minor, whole)
    corrected = list(dict.fromkeys(line["invoice_id"] for line in credited))
    settles, left = _settled(corrected, invoices, whole - to_charge)
    still_open = sum(invoice.open_minor for invoice in invoices) - sum(settles.values())
    first, left = _restored([each for each in invoices if each.invoice_id in corrected], left)
    frees, left = _freed(corrected, left, payments)
    others, left = _restored([each for each in invoices if each.invoice_id not in corrected], left)
    assert left == 0, "what was invoiced is open, paid, credited or given up"
    restores = (*first, *others)
    beyond = [(used.invoice_id, used.amount_minor) for used in frees]
    beyond += [(each.invoice_id, each.amount_minor) for each in restores]
    for invoice_id, amount_minor in beyond:
        settles[invoice_id] = settles.get(invoice_id, 0) + amount_minor
    numbers = {invoice.invoice_id: invoice.number for invoice in invoices}
    return Credit(
        credited, settles, frees, still_open + charged_minor - to_charge,
        {i: numbers[i] for i in dict.fromkeys([*corrected, *settles])}, to_charge, frozenset(corrected),
        restores,
    )  # fmt: skip


def _settled(corrected: list[UUID], invoices: Sequence[Owed], left_minor: int) -> tuple[dict[UUID, int], int]:
    """What is open of the corrected invoices, then of the others, the latest due first, of one day the newest; and what
    is left after that.
    """
    owed = {invoice.invoice_id: invoice for invoice in invoices}
    issued = {invoice_id: position for position, invoice_id in enumerate(owed)}
    latest_first = sorted(owed, key=lambda invoice_id: (owed[invoice_id].due_on, issued[invoice_id]), reverse=True)
    settles: dict[UUID, int] = {}
    for invoice_id in dict.fromkeys([*corrected, *latest_first]):
        share = min(left_minor, owed[invoice_id].open_minor)
        if share > 0:
            settles[invoice_id] = share
            left_minor -= share
    return settles, left_minor


def _remaining(line: Values) -> Values:
    net = line["net_minor"] - line["credited_net_minor"]
    tax = line["tax_minor"] - line["credited_tax_minor"]
    return {**line, "net_minor": net, "tax_minor": tax, "gross_minor": net + tax}


def _restored(invoices: Iterable[Owed], left_minor: int) -> tuple[list[Restored], int]:
    """What was given up of these invoices, as far as the credit goes; and what is left of that."""
    restored = []
    for invoice in invoices:
        for write_off_id, given_up_minor in invoice.given_up:
            share = min(given_up_minor, left_minor)
            if share > 0:
                restored.append(Restored(invoice.invoice_id, write_off_id, share))
                left_minor -= share
    return restored, left_minor


def _freed(corrected: list[UUID], left_minor: int, payments: Sequence[Used]) -> tuple[list[Used], int]:
    """The money that nothing is owed for any more: of the corrected invoices first."""
    freed = []
    for used in sorted(payments, key=lambda used: used.invoice_id not in corrected):
        share = min(used.amount_minor, left_minor)
        if share > 0:
            freed.append(Used(used.invoice_id, used.payment_id, share))
            left_minor -= share
    return freed, left_minor


def part_of_lines(lines: Sequence[Values], *, net_minor: int, tax_minor: int) -> list[Values]:
    """The invoice lines of one component, cut to what is taken back of them: the newest first, each as far as it goes.

    A cut line says with `credited_…_minor` what of it stays, so that a credit takes the rest.
    """
    cut = []
    for line in reversed(lines):
        net = min(net_minor, line["net_minor"] - line["credited_net_minor"])
        tax = min(tax_minor, line["tax_minor"] - line["credited_tax_minor"])
        net_minor, tax_minor = net_minor - net, tax_minor - tax
        if net or tax:
            cut.append({**line, "credited_net_minor": line["net_minor"] - net,
                        "credited_tax_minor": line["tax_minor"] - tax})  # fmt: skip
    assert net_minor == tax_minor == 0, "what is taken back was invoiced"
    return cut

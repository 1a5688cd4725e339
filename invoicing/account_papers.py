"""Papers about an account's money: the receipt of a payment, and the statement of a period. Same facts, same bytes.

All amounts are integer minor units of the one currency; days are local days of the organisation.
"""

from dataclasses import dataclass
from datetime import date

from invoicing.document import Letterhead, Recipient
from invoicing.pdf import render_paper


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptUse:
    """What a payment was used for; negative where it was freed again."""

    used_on: date
    label: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Money that came in. What is not used is the family's credit (`kept_minor`)."""

    number: str  # of the payment
    reference: str  # of the order it was paid for; none where the wallet was topped up
    issued_on: date  # when it was received
    method: str
    amount_minor: int
    kept_minor: int
    uses: tuple[ReceiptUse, ...]
    currency: str
    locale: str
    time_zone: str
    letterhead: Letterhead
    recipient: Recipient
    note: str = ""

    def __post_init__(self) -> None:
        used = sum(use.amount_minor for use in self.uses)
        assert used + self.kept_minor == self.amount_minor, "what it was used for and what is kept make the amount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One row of a statement: positive is charged, negative is paid or credited."""

    on: date
    label: str
    detail: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancedMovement(Movement):
    """The same with the balance after it."""

    balance_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """An invoice that is not settled on the statement's last day."""

    label: str
    due_on: date
    total_minor: int
    open_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """An account over a period: what it owed, what was charged and paid, what it owes then.

    `issued_on` is the period's last day: a statement says nothing of what came after it.
    """

    number: str  # of the account
    period_from: date
    issued_on: date
    opening_minor: int
    closing_minor: int
    movements: tuple[Movement, ...]
    open_items: tuple[OpenItem, ...]
    currency: str
    locale: str
    time_zone: str
    letterhead: Letterhead
    recipient: Recipient
    payment_instructions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        moved = sum(movement.amount_minor for movement in self.movements)
        assert self.opening_minor + moved == self.closing_minor, "the movements lead from the opening to the closing"
        assert all(self.period_from <= movement.on <= self.issued_on for movement in self.movements), "of the period"

    @property
    def charged_minor(self) -> int:
        return sum(movement.amount_minor for movement in self.movements if movement.amount_minor > 0)

    @property
    def credited_minor(self) -> int:
        return -sum(movement.amount_minor for movement in self.movements if movement.amount_minor < 0)

    @property
    def owing_minor(self) -> int:
        """What the open invoices ask together."""
        return sum(item.open_minor for item in self.open_items)

    @property
    def balanced(self) -> list[BalancedMovement]:
        """The movements, each with the balance after it."""
        balance, found = self.opening_minor, []
        for row in self.movements:
            balance += row.amount_minor
            found.append(BalancedMovement(on=row.on, label=row.label, detail=row.detail,
                                          amount_minor=row.amount_minor, balance_minor=balance))  # fmt: skip
        return found


def render_receipt(receipt: Receipt) -> bytes:
    """The receipt as PDF. Raises `PdfLibraryMissing`."""
    return render_paper(receipt, template="receipt.html", title="receipt")


def render_statement(statement: Statement) -> bytes:
    """The statement as PDF. Raises `PdfLibraryMissing`."""
    return render_paper(statement, template="statement.html", title="statement")

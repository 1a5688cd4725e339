"""Which documents an edit issues, and where its credit goes: what the review shows is what the commit writes."""

from dataclasses import dataclass
from typing import Any

from billing.adjustments import is_beside
from billing.credits import Credit, part_of_lines, plan_credit
from billing.difference import DifferenceLine
from engine.batch import Values
from engine.money import format_money
from workflows.change_facts import Change
from workflows.change_invoicing import waiting_sessions


@dataclass(frozen=True)
class Documents:
    """The lines of the supplementary invoice, and the credit note's credit with what it settles and frees; or both
    halves of one zero statement.
    """

    charges: list[DifferenceLine]
    credit: Credit

    @property
    def charged_minor(self) -> int:
        return sum(line.delta_minor for line in self.charges)

    @property
    def is_zero(self) -> bool:
        """What is moved asks for just what is given up, before tax and in tax: nothing is owed and nothing is freed,
        only the days on which it is earned are others.
        """
        net = sum(line.net_delta_minor for line in self.charges)
        tax = sum(line.tax_delta_minor for line in self.charges)
        return self.charged_minor > 0 and (net, tax) == (self.credit.net_minor, self.credit.tax_minor)


def plan_documents(change: Change) -> Documents:
    """More owed is a supplementary invoice, less a credit note; the credit settles that invoice first. What is not
    invoiced yet makes neither: its invoice will be over what is left.
    """
    if not change.is_invoiced:
        return Documents([], plan_credit((), (), ()))
    charges = [line for line in _billed_now(change) if line.delta_minor > 0 or line.is_new]
    charged = sum(line.delta_minor for line in charges)
    enrolled = change.enrolled
    return Documents(charges, plan_credit(_cut(change), enrolled.invoices, enrolled.payments, charged_minor=charged))


def _billed_now(change: Change) -> list[DifferenceLine]:
    """What waits for the invoice of its period is charged with it, at what it costs then; a fee waits for none."""
    waiting = waiting_sessions(change)
    return [line for line in change.difference.lines if line.session_id not in waiting or is_beside(line.component)]


def _cut(change: Change) -> list[Values]:
    """The invoice lines that are taken back: all of a session that is given up, as far as it is invoiced; of one that
    stays what it costs less.
    """
    enrolled = change.enrolled
    booked = {line.session_id: str(line.id) for line in enrolled.kept()}
    gone = {str(line.id) for line in change.leaving}
    cut = [x for x in enrolled.invoice_lines if x["booking_line_id"] in gone and not is_beside(x["component"])]
    for line in _billed_now(change):
        key = booked.get(line.session_id), line.component
        if line.delta_minor < 0 and key[0] not in gone:
            of = [x for x in enrolled.invoice_lines if (x["booking_line_id"], x["component"]) == key]
            cut += part_of_lines(of, net_minor=-line.net_delta_minor, tax_minor=-line.tax_delta_minor)
    return cut


def shown_documents(change: Change) -> dict[str, Any]:
    """What will be issued, and where the credit goes, step by step and in words."""
    documents = plan_documents(change)
    credit, order = documents.credit, change.order
    money = {"currency": order.organisation["currency"], "locale": order.organisation["locale"]}
    issued: list[dict[str, Any]] = []
    if documents.is_zero:
        return {"documents": [{"kind": "ZERO_STATEMENT", "total_minor": 0}], "credit_goes_to": [], "invoice_minor": 0,
                "credit_note_minor": 0, "later_minor": _later_minor(change)}  # fmt: skip
    if documents.charges:
        issued.append({"kind": "INVOICE", "total_minor": documents.charged_minor})
    if credit.total_minor:
        issued.append({"kind": "CREDIT_NOTE", "total_minor": credit.total_minor})
    goes = []
    if credit.to_charge_minor:
        words = f"{format_money(credit.to_charge_minor, **money)} settles the invoice of this change."
        goes.append(_step("SETTLES_THIS_INVOICE", None, credit.to_charge_minor, words))
    for invoice_id, number in credit.numbers.items():
        if restored := credit.restored_minor(invoice_id):
            words = f"{format_money(restored, **money)} that was given up of {number} is credited."
            goes.append(_step("TAKES_BACK_WRITE_OFF", number, restored, words))
        if (amount := credit.applied_minor(invoice_id) - restored) > 0:
            words = f"{format_money(amount, **money)} less is owed on {number}."
            goes.append(_step("SETTLES_INVOICE", number, amount, words))
    for used in credit.frees:
        number = credit.numbers[used.invoice_id]
        freed = format_money(used.amount_minor, **money)
        words = f"{freed} that was paid for {number} becomes the family's credit."
        goes.append(_step("FREES_PAYMENT", number, used.amount_minor, words))
    return {"documents": issued, "credit_goes_to": goes, "invoice_minor": documents.charged_minor,
            "credit_note_minor": credit.total_minor, "later_minor": _later_minor(change)}  # fmt: skip


def _later_minor(change: Change) -> int:
    """What of the difference waits for planned invoices."""
    billed_now = sum(line.delta_minor for line in _billed_now(change))
    return change.difference.delta_minor - billed_now if change.is_invoiced else 0


def _step(kind: str, invoice: str | None, amount_minor: int, words: str) -> dict[str, Any]:
    return {"kind": kind, "invoice": invoice, "amount_minor": amount_minor, "words": words}

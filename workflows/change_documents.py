"""Which documents an edit issues: what the review shows is what the commit writes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from billing.adjustments import is_beside
from billing.credits import Credit, part_of_lines, plan_credit
from billing.difference import DifferenceLine
from catalogue.rules import Rule
from engine.batch import Values
from models import TermBookingConfirmationType
from workflows.change_facts import Change
from workflows.change_invoicing import waiting_sessions
from workflows.order_effects import local_day


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


def charge_due_on(change: Change) -> date:
    """By when the invoice of a change is to be paid: at once where that confirms it, else by the rule of what stays; of
    what ends, of what goes.
    """
    today = local_day(change.now, change.order)
    if change.order.confirmation_type is TermBookingConfirmationType.PAY_NOW_PAY_ALL:
        return today
    days = change.facts.rules(Rule.INVOICE_DUE) or change.enrolled.rules(Rule.INVOICE_DUE)
    return today + timedelta(days=min(days))


def settled_at_once(
    change: Change, documents: Documents, captured: Iterable[tuple[UUID, int]]
) -> list[tuple[UUID, int]]:  # fmt: skip
    """Which money that is there settles the invoice of a change, by payment: `captured` is what came in for it. Then
    what was paid ahead beyond all that it costs: what planned invoices will ask is left for them.
    """
    left = documents.charged_minor - documents.credit.to_charge_minor
    settled = []
    for payment_id, free_minor in captured if documents.charges else ():
        if (amount := min(left, free_minor)) > 0:
            left -= amount
            settled.append((payment_id, amount))
    beyond = max(0, left - change.difference.due_minor)
    for payment_id, free_minor in change.enrolled.free if documents.charges else ():
        if (amount := min(beyond, free_minor)) > 0:
            beyond -= amount
            settled.append((payment_id, amount))
    return settled


def shown_documents(change: Change) -> dict[str, Any]:
    """What will be issued of it, and by when it is to be paid."""
    documents = plan_documents(change)
    credit = documents.credit
    issued: list[dict[str, Any]] = []
    if documents.is_zero:
        return {"documents": [{"kind": "ZERO_STATEMENT", "total_minor": 0, "due_on": None}], "invoice_minor": 0,
                "credit_note_minor": 0, "later_minor": _later_minor(change)}  # fmt: skip
    if documents.charges:
        issued.append({"kind": "INVOICE", "total_minor": documents.charged_minor,
                       "due_on": charge_due_on(change).isoformat()})  # fmt: skip
    if credit.total_minor:
        issued.append({"kind": "CREDIT_NOTE", "total_minor": credit.total_minor, "due_on": None})
    return {"documents": issued, "invoice_minor": documents.charged_minor, "credit_note_minor": credit.total_minor,
            "later_minor": _later_minor(change)}  # fmt: skip


def _later_minor(change: Change) -> int:
    """What of the difference waits for planned invoices."""
    billed_now = sum(line.delta_minor for line in _billed_now(change))
    return change.difference.delta_minor - billed_now if change.is_invoiced else 0

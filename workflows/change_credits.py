"""Where the credits of a change go: its own and its companions', one after the other, by the waterfall that takes them
once it is made. The review shows it; whom it pays is decided by what is open at the commit.
"""

from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from billing.credits import Credit
from billing.waterfall import Credited, Freed, Open, Settled, Step
from engine.database import Transaction
from engine.money import format_money
from models import CreditRule, TermBookingConfirmationType
from workflows.change_documents import Documents, charge_due_on, plan_documents, settled_at_once
from workflows.change_facts import Change
from workflows.credit_facts import Behind, read_behind

_Planned = tuple[Change, Documents]

_CAPTURED = """
SELECT p.amount_minor - coalesce((SELECT sum(a.amount_minor) FROM payment_allocation a
           WHERE a.organisation_id = p.organisation_id AND a.payment_id = p.id), 0)
       - coalesce((SELECT sum(w.moved_minor) FROM wallet_entry w
           WHERE w.organisation_id = p.organisation_id AND w.payment_id = p.id), 0) AS free_minor
FROM payment p WHERE p.organisation_id = %(org)s AND p.order_id = %(order_id)s AND p.status = 'SUCCESS'
"""


def with_credits(tx: Transaction, change: Change) -> Change:
    """The same with what stands behind its credits, where any of them frees money."""
    planned = _planned(change)
    frees = [(each.enrolled.booking.group_id, used) for each, its in planned for used in its.credit.frees]
    if not frees:
        return change
    behind = read_behind(tx, (group_id for group_id, _ in frees), (used.payment_id for _, used in frees))
    captured = tx.rows(_CAPTURED, order_id=change.order.id)
    return replace(change, behind=behind, captured_minor=sum(row["free_minor"] for row in captured))


def _planned(change: Change) -> list[_Planned]:
    return [(each, plan_documents(each)) for each in (change, *change.companions)]


def credit_steps(change: Change) -> list[list[Step]]:
    """The steps of its credit, and of that of each companion; none where both halves make a zero statement."""
    return _poured(change, _planned(change))


def _poured(change: Change, planned: list[_Planned]) -> list[list[Step]]:
    others = {group_id: list(its) for group_id, its in change.behind.others.items()}
    for nth, (each, documents) in enumerate(planned, start=1):
        group_id = each.enrolled.booking.group_id
        left = [_less(other, documents.credit) for other in others.get(group_id, ())]
        others[group_id] = [other for other in left if other.open_minor > 0]
        if (open_minor := _left_open(each, documents, change)) > 0:
            due_on, number = charge_due_on(each), _invoice_of(each, change)
            others[group_id].append(Open(each.order.id, number, due_on, open_minor, nth))
    behind = replace(change.behind, others=others)
    credits = [_credited(each, documents, behind) for each, documents in planned]
    organisation = change.order.organisation
    return behind.pour(credits, money=partial(format_money, currency=organisation["currency"],
                                              locale=organisation["locale"]))  # fmt: skip


def _less(other: Open, credit: Credit) -> Open:
    """What the documents leave open of an invoice; what of a credit undoes a write-off settles none of it."""
    settled = credit.applied_minor(other.invoice_id) - credit.restored_minor(other.invoice_id)
    return replace(other, open_minor=other.open_minor - settled)


def _left_open(each: Change, documents: Documents, change: Change) -> int:
    """What the invoice of a change still asks when its credits look for what is open. What is to be paid before it is
    confirmed is paid then.
    """
    captured = 0
    if each is change:
        pays_now = each.order.confirmation_type in (None, TermBookingConfirmationType.PAY_NOW_PAY_ALL)
        captured = max(change.captured_minor, each.difference.required_minor if pays_now else 0)
    settled = settled_at_once(each, documents, [(each.order.id, captured)])
    return documents.charged_minor - documents.credit.to_charge_minor - sum(minor for _, minor in settled)


def _invoice_of(each: Change, change: Change) -> str:
    return "the invoice of this change" if each is change else f"the new invoice of {each.enrolled.booking.reference}"


def _credited(each: Change, documents: Documents, behind: Behind) -> Credited:
    """What the credit note will settle and free, in the order in which it is written."""
    credit, group_id = documents.credit, each.enrolled.booking.group_id
    if documents.is_zero:
        return Credited(group_id, (), ())
    settled = [_settled(credit, invoice_id) for invoice_id in credit.settles]
    if credit.to_charge_minor:
        settled.insert(0, Settled(each.order.id, "", credit.to_charge_minor, CreditRule.SAME_CHANGE))
    freed: dict[UUID, int] = {}
    for used in credit.frees:
        freed[used.payment_id] = freed.get(used.payment_id, 0) + used.amount_minor
    paid = behind.payments
    return Credited(group_id, tuple(settled), tuple(Freed(i, paid[i].reference, minor) for i, minor in freed.items()))


def _settled(credit: Credit, invoice_id: UUID) -> Settled:
    rule = CreditRule.SAME_INVOICE if invoice_id in credit.corrected else CreditRule.SAME_BOOKING
    return Settled(invoice_id, credit.numbers[invoice_id], credit.applied_minor(invoice_id), rule,
                   credit.restored_minor(invoice_id))  # fmt: skip


def shown_credits(change: Change) -> list[list[dict[str, Any]]]:
    """The same as plain values: of the change, then of each companion."""
    planned = _planned(change)
    numbers = {other.invoice_id: other.number for its in change.behind.others.values() for other in its}
    for _, documents in planned:
        numbers |= documents.credit.numbers
    return [[_shown(step, numbers, change.behind) for step in steps] for steps in _poured(change, planned)]


def _shown(step: Step, numbers: dict[UUID, str], behind: Behind) -> dict[str, Any]:
    """One step; an invoice that the change itself will issue has no number yet."""
    paid = behind.payments[step.payment_id].reference if step.payment_id else None
    return {
        "rule": step.rule.value, "invoice": numbers.get(step.invoice_id) if step.invoice_id else None, "payment": paid,
        "amount_minor": step.amount_minor, "balance_minor": step.parts.balance_minor if step.parts else 0,
        "bonus_minor": step.parts.bonus_minor if step.parts else 0, "words": step.words,
    }  # fmt: skip

"""What an edit leaves behind: lines, uses of passes, documents, money that moves on; as the confirmation does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from bench.edits.edit import behind
from bench.edits.family import Bill, Booked, Family, Pass
from billing.credits import Used
from billing.ledger import (
    bonus_given,
    credit_applied,
    credit_note_issued,
    credit_released,
    invoice_issued,
    wallet_moved,
)
from billing.passes import entitlement_of
from billing.pricing import PricedLine
from billing.wallet import Grant, Parts, split_debit
from billing.waterfall import Credited, Freed, Settled, Step
from engine.money import format_money
from models import CreditRule, LedgerAccount
from workflows.booking_facts import BookedLine
from workflows.change_documents import Documents, charge_due_on, plan_documents
from workflows.change_facts import Change
from workflows.credit_facts import Paid
from workflows.pass_facts import Use
from workflows.pass_use import parted, uncovered
from workflows.wallet_debits import WALLET


@dataclass
class Made:
    """One booking's next revision, with what its documents settled and freed."""

    its: Booked
    change: Change
    documents: Documents
    invoice_id: UUID | None


def make(its: Booked, reviewed: Change) -> list[Made]:
    """The change and what it alters, in the order in which they are written."""
    by_id = {other.booking.id: other for other in its.family.bookings}
    return [_revise(by_id[each.enrolled.booking.id], each) for each in (reviewed, *reviewed.companions)]


def _revise(its: Booked, change: Change) -> Made:
    documents = plan_documents(change)
    _swap_uses(its, change)
    for line in change.leaving:
        line.is_cancelled = True
    for wanted in change.facts.lines:
        starts, ends = wanted.slot.starts_at, wanted.slot.ends_at
        assert starts is not None
        assert ends is not None
        its.lines.append(BookedLine(
            wanted.session_id, wanted.session_id, wanted.label, starts.date(), starts, ends, len(its.lines), False,
            wanted.offering.chain, None, mode=wanted.mode,
        ))  # fmt: skip
    modes = {line.session_id: line.mode for line in change.facts.whole}
    for kept in its.kept():
        kept.mode = modes[kept.session_id]
    its.billed = [_row(priced) for priced in change.priced.lines]
    its.booking.total_minor = change.priced.total_minor
    its.booking.revision += 1
    its.booking.version += 1
    invoice_id = _invoice(its, change, documents) if documents.charges else None
    _credit(its, documents, invoice_id)
    return Made(its, change, documents, invoice_id)


def _swap_uses(its: Booked, change: Change) -> None:
    """Units come back by rule, or are lost with their session; what is added uses its own."""
    passes = {each.right.id: each for each in its.family.passes}
    back, lost = parted(change.enrolled, change.leaving, change.now)
    back = [*back, *uncovered(change.enrolled, change.facts.staying)]
    for use in back:
        passes[use.entitlement_id].used -= use.units
    gone = {use.id for use in (*back, *lost)}
    its.uses = [use for use in its.uses if use.id not in gone]
    added = {line.session_id for line in change.facts.lines}
    for priced in change.priced.lines:
        step = entitlement_of(priced.trace)
        if step is not None and priced.line.term_product_id in added:
            used = passes[UUID(step["pass_id"])]
            used.used += step["units"]
            its.uses.append(_use(its, used, priced, step["units"]))


def _use(its: Booked, used: Pass, priced: PricedLine, units: int) -> Use:
    return Use(its.family.id(), used.right.id, used.right.reference, units, priced.line.term_product_id,
               priced.line.component, used.returns)  # fmt: skip


def _row(priced: PricedLine) -> dict[str, Any]:
    line = priced.line
    return {
        "attendee_id": str(line.attendee_id), "term_product_id": str(line.term_product_id), "component": line.component,
        "description": line.description, "printed": line.printed, "quantity": line.quantity,
        "base_minor": priced.base_minor, "discount_minor": priced.discount_minor, "net_minor": priced.net_minor,
        "tax_minor": priced.tax_minor, "gross_minor": priced.gross_minor, "tax_name": line.tax_name,
        "tax_rate": str(line.tax_rate), "trace": priced.trace,
    }  # fmt: skip


def _invoice(its: Booked, change: Change, documents: Documents) -> UUID:
    family = its.family
    invoice_id = family.id()
    for line in documents.charges:
        its.invoiced.append({
            "id": str(family.id()), "invoice_id": invoice_id, "booking_line_id": str(line.session_id),
            "component": line.component, "description": line.description, "net_minor": line.net_delta_minor,
            "tax_minor": line.tax_delta_minor, "credited_net_minor": 0, "credited_tax_minor": 0,
        })  # fmt: skip
    number = f"INV-{len(family.bills) + 1:06}"
    family.bills[invoice_id] = Bill(number, charge_due_on(change), documents.charged_minor)
    its.invoices.append(invoice_id)
    net, tax = (
        sum(getattr(line, name) for line in documents.charges) for name in ("net_delta_minor", "tax_delta_minor")
    )
    family.post(invoice_issued(net_minor=net, tax_minor=tax))
    return invoice_id


def _credit(its: Booked, documents: Documents, invoice_id: UUID | None) -> None:
    family, credit = its.family, documents.credit
    rows = {row["id"]: row for row in its.invoiced}
    for line in credit.lines:
        rows[line["id"]]["credited_net_minor"] += line["net_minor"]
        rows[line["id"]]["credited_tax_minor"] += line["tax_minor"]
    settled = dict(credit.settles)
    if credit.to_charge_minor:
        assert invoice_id is not None
        settled[invoice_id] = credit.to_charge_minor
    for settled_id, amount in settled.items():
        family.bills[settled_id].credited_minor += amount
    if credit.total_minor:
        family.post(credit_note_issued(net_minor=credit.net_minor, tax_minor=credit.tax_minor))
    for freed in credit.frees:
        family.bills[freed.invoice_id].paid_minor -= freed.amount_minor
        _free(family, freed)
        family.post(credit_released(amount_minor=freed.amount_minor))


def _free(family: Family, freed: Used) -> None:
    """That much of the payment settles the invoice no more."""
    left, kept = freed.amount_minor, []
    for used in family.used:
        is_it = (used.invoice_id, used.payment_id) == (freed.invoice_id, freed.payment_id)
        share = min(left, used.amount_minor) if is_it else 0
        left -= share
        if used.amount_minor > share:
            kept.append(replace(used, amount_minor=used.amount_minor - share))
    family.used = kept


def pour(made: Sequence[Made]) -> list[list[Step]]:
    """The credits take the waterfall, one after the other; what it says is done."""
    family = made[0].its.family
    steps = behind(made[0].its).pour((_credited(each) for each in made), money=_money(made[0].change))
    for step in (step for its in steps for step in its):
        if step.rule is CreditRule.SAME_GROUP:
            assert step.invoice_id is not None
            assert step.payment_id is not None
            _apply(family, step.invoice_id, step.payment_id, step.amount_minor)
        elif step.parts is not None and step.payment_id is not None:
            _fill(family, step.payment_id, step.parts)
    return steps


def _money(change: Change) -> Any:
    its = change.order.organisation
    return partial(format_money, currency=its["currency"], locale=its["locale"])


def _credited(made: Made) -> Credited:
    """As the credit note says it: what it settled, and whose money it freed."""
    family, credit = made.its.family, made.documents.credit
    group_id = family.group_id
    if made.documents.is_zero:
        return Credited(group_id, (), ())
    settled = (
        []
        if made.invoice_id is None or not credit.to_charge_minor
        else [
            Settled(
                made.invoice_id, family.bills[made.invoice_id].number, credit.to_charge_minor, CreditRule.SAME_CHANGE
            )
        ]
    )
    for invoice_id, amount in credit.settles.items():
        freed = sum(used.amount_minor for used in credit.frees if used.invoice_id == invoice_id)
        rule = CreditRule.SAME_INVOICE if invoice_id in credit.corrected else CreditRule.SAME_BOOKING
        settled.append(Settled(invoice_id, family.bills[invoice_id].number, amount - freed, rule))
    by_payment: dict[UUID, int] = {}
    for used in credit.frees:
        by_payment[used.payment_id] = by_payment.get(used.payment_id, 0) + used.amount_minor
    freed_of = (Freed(i, family.payments[i].reference, minor) for i, minor in by_payment.items())
    return Credited(group_id, tuple(settled), tuple(freed_of))


def _apply(family: Family, invoice_id: UUID, payment_id: UUID, amount_minor: int) -> None:
    family.bills[invoice_id].paid_minor += amount_minor
    family.used.append(Used(invoice_id, payment_id, amount_minor))
    family.post(credit_applied(amount_minor=amount_minor))


def _fill(family: Family, payment_id: UUID, parts: Parts) -> None:
    """What comes back into the wallet, each part to where it came from."""
    _move(family, parts)
    if payment_id in family.debited:
        family.debited[payment_id] = family.debited[payment_id].less(parts)
    family.post(wallet_moved(balance_minor=parts.balance_minor, bonus_minor=parts.bonus_minor))


def _move(family: Family, parts: Parts) -> None:
    wallet = family.wallet
    wallet.balance_minor += parts.balance_minor
    wallet.bonus_minor += parts.bonus_minor
    grants = {grant.grant_id: grant for grant in wallet.grants}
    for grant in parts.grants:
        has = grants.get(grant.grant_id, replace(grant, amount_minor=0))
        grants[grant.grant_id] = replace(has, amount_minor=has.amount_minor + grant.amount_minor)
    wallet.grants = sorted((grant for grant in grants.values() if grant.amount_minor), key=lambda each: each.grant_id)


def fill_wallet(family: Family) -> None:
    """Somebody tops up, or the office gives bonus."""
    amount = family.dice.randint(1, 20_000)
    if family.dice.random() < 0.5:
        family.wallet.balance_minor += amount
        family.post([(LedgerAccount.CASH, amount), (LedgerAccount.WALLET, -amount)])
        return
    _move(family, Parts(0, (Grant(family.id(), amount),)))
    family.post(bonus_given(amount_minor=amount))


def pay(family: Family) -> None:
    """The family pays something of what is open, at the desk or from its wallet."""
    for invoice_id, bill in family.bills.items():
        if bill.open_minor <= 0 or family.dice.random() > 0.4:
            continue
        amount, payment_id = family.dice.randint(1, bill.open_minor), family.id()
        in_wallet = family.wallet.available_minor(family.now)
        if in_wallet and family.dice.random() < 0.5:
            amount = min(amount, in_wallet)
            parts = split_debit(family.wallet, amount, now=family.now)
            family.wallet.take(parts)
            family.debited[payment_id] = parts
            family.post(wallet_moved(balance_minor=-parts.balance_minor, bonus_minor=-parts.bonus_minor))
        else:
            family.post([(LedgerAccount.CASH, amount), (LedgerAccount.CUSTOMER_CREDIT, -amount)])
        provider = WALLET if payment_id in family.debited else "cash"
        family.payments[payment_id] = Paid(f"PY-{len(family.payments) + 1}", provider)
        _apply(family, invoice_id, payment_id, amount)

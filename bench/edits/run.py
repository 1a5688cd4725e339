"""One edit after the other, and what must agree after each."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from bench.edits.books import Made, fill_wallet, make, pay, pour
from bench.edits.edit import Edit, pick
from bench.edits.family import Booked, Family, agree
from billing.passes import entitlement_of
from billing.waterfall import Step
from models import LedgerAccount
from workflows.change_credits import credit_steps
from workflows.change_facts import Change
from workflows.companion_facts import own_price

# What edits of a run were about: a run in which something never came is no proof of it.
seen: Counter[str] = Counter()


def edit_once(its: Booked, *, first: bool = False) -> None:
    """One edit, judged twice in different orders of clicks, made, and compared with the books."""
    edit = pick(its, first=first)
    review, again = edit.reviewed(shuffled=True), edit.judged(shuffled=True)
    _same_whatever_the_order(review, again)
    if review.companions:
        _same_of_all(review, edit.reviewed(shuffled=True))
    shown = credit_steps(review)
    for change in (review, *review.companions):
        _explained(change)
    made = make(its, review)
    for each in made:
        _documented(each)
    _poured(shown, pour(made))
    _settled(its.family)
    _tally(its, review, made, shown)
    if edit.wanted and its.family.dice.random() < 0.1:
        fresh = Edit(its, set(sorted(edit.wanted)[1:]), edit.extras, edit.asked).judged()
        agree("another edit has another fingerprint", fresh.difference.fingerprint != review.difference.fingerprint,
              True)  # fmt: skip


def _same_whatever_the_order(review: Change, again: Change) -> None:
    found, other = review.difference, again.difference
    agree("the total, whatever the order of clicks", found.new_total_minor, other.new_total_minor)
    agree("the fingerprint, whatever the order of clicks", own_price(found.fingerprint), other.fingerprint)
    agree("the modes, whatever the order of clicks",
          *({line.session_id: line.mode for line in each.facts.whole} for each in (review, again)))  # fmt: skip


def _same_of_all(review: Change, again: Change) -> None:
    agree("the fingerprint of all", review.difference.fingerprint, again.difference.fingerprint)
    agree("the companions", *([(each.enrolled.booking.id, each.difference.lines) for each in change.companions]
                              for change in (review, again)))  # fmt: skip
    agree("where all credits go", *([[_said(step) for step in its] for its in credit_steps(change)]
                                    for change in (review, again)))  # fmt: skip


def _explained(change: Change) -> None:
    """The steps of each trace make its line, and the lines the total."""
    for p in change.priced.lines:
        taken = sum(step["amount_minor"] for step in p.trace
                    if step["step"] in ("entitlement", "discount", "adjustment"))  # fmt: skip
        agree("a trace", p.trace[0]["amount_minor"] + taken, p.base_minor - p.discount_minor)
        agree("net and tax", p.net_minor + p.tax_minor, p.gross_minor)
        agree("no line is negative", p.gross_minor >= 0, True)
        if not Decimal(p.line.tax_rate):
            agree("a line without tax", p.tax_minor, 0)
        if entitlement_of(p.trace) is not None:
            agree("what a pass covers costs nothing", p.gross_minor, 0)
    agree("the lines", sum(p.gross_minor for p in change.priced.lines), change.priced.total_minor)
    for line in change.difference.lines:
        parts = (line.net_delta_minor, line.tax_delta_minor)
        agree("a line's parts go one way", all(x >= 0 for x in parts) or all(x <= 0 for x in parts), True)
        agree("each line says why", bool(line.causes), True)


def _documented(made: Made) -> None:
    """Delta, due and credit are what the documents say, before freed money pays anything else."""
    found, documents, its = made.change.difference, made.documents, made.its
    agree("delta", found.delta_minor, sum(line.delta_minor for line in found.lines),
          documents.charged_minor - documents.credit.total_minor)  # fmt: skip
    agree("due and credit", found.due_minor - found.credit_minor, found.new_total_minor - found.paid_minor)
    agree("what is freed", documents.credit.freed_minor, found.credit_minor)
    bills = [its.family.bills[invoice_id] for invoice_id in its.invoices]
    agree("due", found.due_minor, sum(bill.open_minor for bill in bills))
    total = sum(bill.total_minor - bill.credited_minor for bill in bills)
    agree("invoiced less credited", total, its.booking.total_minor, found.new_total_minor)


def _poured(shown: Sequence[Sequence[Step]], done: Sequence[Sequence[Step]]) -> None:
    """What the review said of its credits is what became of them, and all of each."""
    for said, did in zip(shown, done, strict=True):
        agree("where a credit goes", [_said(step) for step in said], [_said(step) for step in did])


def _said(step: Step) -> tuple[Any, ...]:
    """A step but for the invoices that the edit itself issues, which have no number before."""
    return step.rule, step.amount_minor, step.payment_id, step.parts


def _settled(family: Family) -> None:
    """Documents, allocations, passes and ledger say the same of what is owed."""
    books, bills = family.books, family.bills.values()
    agree("receivable", books[LedgerAccount.RECEIVABLE], sum(bill.open_minor for bill in bills))
    agree("customer credit: all that is free went on", books[LedgerAccount.CUSTOMER_CREDIT], 0)
    agree("wallet", -books[LedgerAccount.WALLET], family.wallet.balance_minor)
    agree("bonus", -books[LedgerAccount.BONUS], family.wallet.bonus_minor,
          sum(grant.amount_minor for grant in family.wallet.grants))  # fmt: skip
    billed = [row for its in family.bookings for row in its.billed]
    agree("deferred revenue", -books[LedgerAccount.DEFERRED_REVENUE], sum(row["net_minor"] for row in billed))
    agree("tax", -books[LedgerAccount.TAX], sum(row["tax_minor"] for row in billed))
    agree("an invoice within its total", all(b.open_minor >= 0 and b.paid_minor >= 0 for b in bills), True)
    agree("payments", sum(used.amount_minor for used in family.used), sum(bill.paid_minor for bill in bills))
    for its in family.bookings:
        for row in its.invoiced:
            agree("credits within a line", row["credited_net_minor"] <= row["net_minor"]
                  and row["credited_tax_minor"] <= row["tax_minor"], True)  # fmt: skip
    _covered(family)


def _covered(family: Family) -> None:
    """A line that says that a pass covers it uses that pass, no other does; nothing is used that was not granted."""
    for its in family.bookings:
        priced = {(UUID(row["term_product_id"]), row["component"]): (step["pass_id"], step["units"])
                  for row in its.billed if (step := entitlement_of(row["trace"])) is not None}  # fmt: skip
        uses = {(use.session_id, use.component): (str(use.entitlement_id), use.units) for use in its.uses}
        agree("uses of passes", uses, priced)
    for each in family.passes:
        agree("units of a pass", each.used >= 0 and (each.granted is None or each.used <= each.granted), True)


def _tally(its: Booked, review: Change, made: Sequence[Made], shown: Sequence[Sequence[Step]]) -> None:
    """What this edit was about."""
    seen["edits"] += 1
    seen["with companions"] += bool(review.companions)
    rules = {step.rule for steps in shown for step in steps}
    seen.update(f"credit {rule.value}" for rule in rules)
    seen["bonus returned"] += any(step.parts and step.parts.bonus_minor for steps in shown for step in steps)
    seen.update({f"mode {line.mode.value}" for line in review.facts.whole})
    seen.update({f"discount {step['rule']}" for p in review.priced.lines for step in p.trace
                 if step["step"] == "discount" and step["amount_minor"]})  # fmt: skip
    seen["covered by a pass"] += bool(its.uses)
    seen["covered by what it gave back"] += _is_covered_by_freed(its, review)
    seen["zero statement"] += any(each.documents.is_zero for each in made)


def _is_covered_by_freed(its: Booked, review: Change) -> bool:
    """More units of a pass are used by what is added than were left besides."""
    added = {line.session_id for line in review.facts.lines}
    units: Counter[UUID] = Counter()
    for p in review.priced.lines:
        if p.line.term_product_id in added and (step := entitlement_of(p.trace)) is not None:
            units[UUID(step["pass_id"])] += step["units"]
    there = {right.id: right.left - right.freed for right in review.facts.passes if right.left is not None}
    return any(count > there.get(pass_id, count) for pass_id, count in units.items())


def run(seed: int, edits: int) -> Counter[str]:
    """So many edits of as many families as they take; returns how many there were by currency."""
    dice = random.Random(seed)
    made: Counter[str] = Counter()
    while made.total() < edits:
        made += edited(random.Random(dice.getrandbits(64)))
    return made


def edited(dice: random.Random) -> Counter[str]:
    """One family, its bookings, their edits and payments."""
    family, made = Family(dice), 0
    for its in family.bookings:
        edit_once(its, first=True)
    for _ in range(dice.randint(2, 12)):
        if dice.random() < 0.4:
            fill_wallet(family)
        pay(family)
        family.now += timedelta(days=dice.choice((0, 0, 1, 6, 7, 9)))
        if dice.random() < 0.1:
            family.elsewhere = [] if family.elsewhere else [{"attendee_id": str(family.id()), "programs": []}]
        edit_once(dice.choice(family.bookings))
        made += 1
    return Counter({family.currency: made})

"""Where a credit goes, step by step and in words: pure arithmetic, the same for the same facts.

1. The unpaid part of the invoice that the credited line stands on. 2. Other open invoices, first of the same booking
and then of the same billing group, the latest due first. 3. What is left by the source that it was paid from: what
came from the wallet goes back there, balance as balance and bonus as bonus; any other money is wallet balance, and may
be asked back the way it came, up to what was captured and not refunded.

The review of an edit and its commit ask the same functions, so that the one shows what the other does.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from billing.wallet import Parts, split_return
from models import CreditRule


@dataclass(frozen=True, slots=True)
class Settled:
    """What the credit note itself settles of an invoice that was still open, or given up."""

    invoice_id: UUID
    number: str
    amount_minor: int
    rule: CreditRule  # the edit's own invoice, the one that the credited line stands on, another of the booking
    given_up_minor: int = 0  # what of the amount was written off, and is credited in place of that


@dataclass(frozen=True, slots=True)
class Freed:
    """Money of a payment that was used for what is credited; `debited` is what of a wallet it still has."""

    payment_id: UUID
    reference: str
    amount_minor: int
    debited: Parts | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """Another open invoice of the billing group."""

    invoice_id: UUID
    number: str
    due_on: date
    open_minor: int
    nth: int = 0  # of those that the edit itself issues, which have no number before: they are the newest


@dataclass(frozen=True, slots=True)
class Credited:
    """One credit note with what it settles and frees, for those that go through the waterfall one after the other."""

    group_id: UUID
    settled: tuple[Settled, ...]
    freed: tuple[Freed, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a credit: how much of it goes where, by which rule, as a person would say it."""

    rule: CreditRule
    amount_minor: int
    words: str
    invoice_id: UUID | None = None
    payment_id: UUID | None = None
    parts: Parts | None = None  # what of it is balance and what bonus


def pour_in_turn(
    credits: Iterable[Credited], others: Mapping[UUID, Sequence[Open]], debited: Mapping[UUID, Parts], *,
    money: Callable[[int], str],
) -> list[list[Step]]:  # fmt: skip
    """The steps of each of several credits: what one has paid is not open for the next, what one has given back to the
    wallet is not given back again. `others` are the open invoices by group, `debited` what payments took from a wallet.
    """
    still_open, still_debited = dict(others), dict(debited)
    poured = []
    for credit in credits:
        freed = [replace(each, debited=still_debited.get(each.payment_id)) for each in credit.freed]
        open_now = still_open.get(credit.group_id, ())
        steps = pour(credit.settled, freed, open_now, money=money)
        still_open[credit.group_id] = [_less(each, steps) for each in open_now]
        still_debited |= {step.payment_id: still_debited[step.payment_id].less(step.parts) for step in steps
                          if step.payment_id in still_debited and step.parts is not None}  # fmt: skip
        poured.append(steps)
    return poured


def _less(each: Open, steps: Sequence[Step]) -> Open:
    """What is open of an invoice after these steps, of which some pay it."""
    paid = sum(step.amount_minor for step in steps
               if step.rule is CreditRule.SAME_GROUP and step.invoice_id == each.invoice_id)  # fmt: skip
    return replace(each, open_minor=each.open_minor - paid)


def pour(
    settled: Iterable[Settled], freed: Sequence[Freed], others: Sequence[Open], *, money: Callable[[int], str]
) -> list[Step]:  # fmt: skip
    """The steps of one credit, in their order; they sum to it. `freed` is asked in the order given."""
    steps = [step for each in settled for step in _settles(each, money)]
    still_open = {each.invoice_id: each.open_minor for each in others}
    latest_first = sorted(others, key=lambda each: (each.due_on, each.nth, each.number), reverse=True)
    for each in freed:
        left = each.amount_minor
        for other in latest_first:
            if share := min(left, still_open[other.invoice_id]):
                still_open[other.invoice_id] -= share
                left -= share
                steps.append(_moves_on(each, other, share, money))
        if left:
            steps.append(_returns(each, left, money))
    return steps


def _settles(each: Settled, money: Callable[[int], str]) -> Iterable[Step]:
    if owed := each.amount_minor - each.given_up_minor:
        # Before it is issued the invoice of the same change has no number.
        what = f"{_SETTLES[each.rule]} {each.number}" if each.number else "the invoice of the same change"
        yield Step(each.rule, owed, f"{money(owed)} settles {what}.", each.invoice_id)
    if each.given_up_minor:
        words = f"{money(each.given_up_minor)} that was given up of {each.number} is credited."
        yield Step(CreditRule.GIVEN_UP, each.given_up_minor, words, each.invoice_id)


_SETTLES = {
    CreditRule.SAME_CHANGE: "the invoice of the same change,",
    CreditRule.SAME_INVOICE: "the unpaid part of",
    CreditRule.SAME_BOOKING: "what is open of the same booking's",
}


def _moves_on(each: Freed, other: Open, share: int, money: Callable[[int], str]) -> Step:
    words = (
        f"{money(share)} of {each.reference} pays {other.number}, due {other.due_on:%d %b %Y}, which was open in the "
        "same group."
    )
    return Step(CreditRule.SAME_GROUP, share, words, other.invoice_id, each.payment_id)


def _returns(each: Freed, left: int, money: Callable[[int], str]) -> Step:
    if each.debited is None:
        words = (
            f"{money(left)} of {each.reference} goes to the wallet, and may be asked back the way it was paid, as far "
            "as it is still there."
        )
        return Step(CreditRule.TO_WALLET, left, words, payment_id=each.payment_id, parts=Parts(left))
    parts = split_return(each.debited, left)
    each_part = ((parts.balance_minor, "of balance"), (parts.bonus_minor, "of bonus"))
    told = [f"{money(minor)} {what}" for minor, what in each_part if minor]
    goes = "go" if len(told) > 1 else "goes"
    words = f"{' and '.join(told)} that {each.reference} took from the wallet {goes} back there."
    return Step(CreditRule.TO_SOURCE, left, words, payment_id=each.payment_id, parts=parts)

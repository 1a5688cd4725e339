"""Payment schedules as pure arithmetic: a deposit and its rest, or instalments, that sum to the total to the cent.

Amounts are minor units, days are local days of the organisation.
"""

import hashlib
from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from billing.pricing import half_up, spread
from catalogue.rule_values import Deposit, Every, InstalmentPlan
from models import InstalmentKind


@dataclass(frozen=True, slots=True)
class Part:
    """What is due on a day."""

    kind: InstalmentKind
    due_on: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """The parts of a total, in the order of their days; never none."""

    parts: tuple[Part, ...]

    @property
    def total_minor(self) -> int:
        return sum(part.amount_minor for part in self.parts)

    @property
    def deposit_minor(self) -> int:
        """What is to be paid before the confirmation."""
        return sum(part.amount_minor for part in self.parts if part.kind is InstalmentKind.DEPOSIT)

    @property
    def last_due_on(self) -> date:
        return max(part.due_on for part in self.parts)

    @property
    def fingerprint(self) -> str:
        """Of every amount and day: nobody agrees to what they did not see."""
        figures = [(part.kind.value, part.due_on.isoformat(), part.amount_minor) for part in self.parts]
        return hashlib.sha256(repr(figures).encode()).hexdigest()[:32]

    def due_minor(self, day: date) -> int:
        """What is to be paid by the end of that day."""
        return sum(part.amount_minor for part in self.parts if part.due_on <= day)

    def not_before(self, day: date) -> "Schedule":
        """The same amounts, none of them due before that day."""
        return Schedule(tuple(replace(part, due_on=max(part.due_on, day)) for part in self.parts))


def deposit_of(shares: Iterable[tuple[int, Deposit]]) -> int:
    """The deposit over what each offering costs: a percentage of it, or an amount but no more than it costs.

    Percentages are added exactly and rounded once, half-up.
    """
    fixed, exact = 0, Decimal(0)
    for gross_minor, deposit in shares:
        if deposit.percent is not None:
            exact += gross_minor * deposit.percent / 100
        else:
            assert deposit.amount_minor is not None, "a deposit is a percentage or an amount"
            fixed += min(deposit.amount_minor, gross_minor)
    numerator, denominator = exact.as_integer_ratio()
    return fixed + half_up(numerator, denominator)


def deposit_and_rest(*, total_minor: int, deposit_minor: int, today: date, rest_due_on: date) -> Schedule:
    """The deposit today and the rest on its day, or today where that is past; a part of nothing is left out."""
    deposit_minor = min(deposit_minor, total_minor)
    parts = (
        Part(InstalmentKind.DEPOSIT, today, deposit_minor),
        Part(InstalmentKind.REST, max(rest_due_on, today), total_minor - deposit_minor),
    )
    return Schedule(tuple(part for part in parts if part.amount_minor))


def instalments(*, total_minor: int, plan: InstalmentPlan, today: date) -> Schedule:
    """As many equal parts as the plan has; the cents that are left over go one each to the first ones."""
    count = min(plan.count, total_minor)
    first = today + timedelta(days=plan.first_after_days)
    amounts = spread(total_minor, [1] * count)
    return Schedule(tuple(
        Part(InstalmentKind.INSTALMENT, _later(first, plan.every, n), amount) for n, amount in enumerate(amounts)
    ))  # fmt: skip


def strictest(plans: Sequence[InstalmentPlan]) -> InstalmentPlan:
    """Of several offerings' plans the one that is paid off soonest."""
    return min(plans, key=lambda plan: (_later(date(2000, 1, 1), plan.every, plan.count - 1), plan.first_after_days))


def _later(day: date, every: Every, times: int) -> date:
    """So many periods later; a month later is the same day of the month, or its last."""
    if every is not Every.MONTH:
        return day + timedelta(weeks=times * (2 if every is Every.FORTNIGHT else 1))
    year, month = divmod(day.year * 12 + day.month - 1 + times, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))

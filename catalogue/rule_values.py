"""What the value of a rule may be: typed values, and the parsers that make them from the JSON that is stored.

A parser takes JSON and returns the typed value, or raises `ValueError` with the reason in words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import IntEnum, StrEnum
from typing import Any, TypeVar
from uuid import UUID

from models import BillingPeriod, MakeupReach, TermBookingConfirmationType

Parser = Callable[[object], Any]
E = TypeVar("E", bound=IntEnum)

# More than a century of minutes, or of anything else we count, is a mistake.
LARGEST_COUNT = 60_000_000
LARGEST_MINOR = 2**63 - 1


class InvoicingRule(StrEnum):
    """When a confirmed line is invoiced."""

    ON_CONFIRM = "ON_CONFIRM"  # one invoice with the confirmation
    PERIOD_IN_ADVANCE = "PERIOD_IN_ADVANCE"  # per period, before it begins
    PERIOD_IN_ARREARS = "PERIOD_IN_ARREARS"  # per period, after it ended
    SESSION_FROM_WALLET = "SESSION_FROM_WALLET"  # each session after it was held, from the wallet (pay as you go)


@dataclass(frozen=True, slots=True)
class Tax:
    """A tax by its name on documents and its rate in percent (`Decimal("13")` is 13 %)."""

    name: str
    rate_percent: Decimal


@dataclass(frozen=True, slots=True)
class Deposit:
    """What is due at once: a percentage of the billing, or an amount in minor units; exactly one of them is set."""

    percent: Decimal | None = None
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class RestDue:
    """When what a deposit leaves is due: so many days before the first session, or after the order; one of them."""

    days_before_start: int | None = None
    days_after_order: int | None = None


class Every(StrEnum):
    """How far apart instalments are."""

    WEEK = "WEEK"  # seven days
    FORTNIGHT = "FORTNIGHT"  # fourteen days
    MONTH = "MONTH"  # the same day of the next month, or its last


@dataclass(frozen=True, slots=True)
class InstalmentPlan:
    """The instalments that are offered: how many, how far apart, and the first so many days after the order."""

    count: int
    every: Every
    first_after_days: int


@dataclass(frozen=True, slots=True)
class Makeup:
    """An absence that is told `notice_hours` before its session gives a credit that is valid `validity_days`; an
    attendee is given at most `per_term` of them in a term. It is booked where `reach` says.
    """

    notice_hours: int
    validity_days: int
    per_term: int
    reach: MakeupReach


@dataclass(frozen=True, slots=True)
class LatePickupFee:
    """Who is collected more than `grace_minutes` after the end is asked `fee_minor` for each `per_minutes` begun since
    the end, at most `most_minor`.
    """

    grace_minutes: int
    per_minutes: int
    fee_minor: int
    most_minor: int | None

    def for_minutes(self, minutes_late: int) -> int:
        """In minor units; 0 within the grace."""
        if minutes_late <= self.grace_minutes:
            return 0
        asked = -(-minutes_late // self.per_minutes) * self.fee_minor
        return asked if self.most_minor is None else min(asked, self.most_minor)


@dataclass(frozen=True, slots=True)
class OverdueFee:
    """What is charged once for what is not paid `after_days` after it was due."""

    after_days: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class LateFee:
    """What is kept of each session that is given up inside its cancellation window: a percentage of its price, or an
    amount in minor units; exactly one of them is set.
    """

    percent: Decimal | None = None
    amount_minor: int | None = None


AutoCancelMinutes = Mapping[TermBookingConfirmationType, int | None]

# Where a timeout may exist at all (DOMAIN §3), and how long it is unless a rule says otherwise.
AUTO_CANCEL_MINUTES: AutoCancelMinutes = {
    TermBookingConfirmationType.PAY_NOW_PAY_ALL: 15,
    TermBookingConfirmationType.PAY_NOW_PAY_DEPOSIT: 15,
    TermBookingConfirmationType.DIRECT_DEBIT: 72 * 60,
}


def count(*, least: int = 0, most: int = LARGEST_COUNT) -> Parser:
    """A whole number within bounds."""

    def parse(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"{value!r} is not a whole number")
        if not least <= value <= most:
            raise ValueError(f"{value} is not between {least} and {most}")
        return value

    return parse


def some_of(enum: type[E]) -> Parser:
    """A list of an enum's names; the answer is a frozenset of its members."""

    def parse(value: object) -> frozenset[E]:
        if not isinstance(value, list | tuple) or not value:
            raise ValueError(f"{value!r} is not a list of at least one of {', '.join(enum.__members__)}")
        unknown = [name for name in value if not isinstance(name, str) or name not in enum.__members__]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is none of {', '.join(enum.__members__)}")
        return frozenset(enum[name] for name in value)

    return parse


def invoicing(value: object) -> InvoicingRule:
    """The name of an invoicing rule."""
    if not isinstance(value, str) or value not in InvoicingRule.__members__:
        raise ValueError(f"{value!r} is none of {', '.join(InvoicingRule.__members__)}")
    return InvoicingRule[value]


def billing_period(value: object) -> BillingPeriod:
    """The name of a subscription's billing period."""
    if not isinstance(value, str) or value not in BillingPeriod.__members__:
        raise ValueError(f"{value!r} is none of {', '.join(BillingPeriod.__members__)}")
    return BillingPeriod[value]


def auto_cancel(value: object) -> AutoCancelMinutes:
    """Minutes by confirmation type, null or "never" for none; a type that is not named keeps its built-in default."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a table of confirmation type and minutes")
    minutes: dict[TermBookingConfirmationType, int | None] = dict.fromkeys(TermBookingConfirmationType)
    minutes.update(AUTO_CANCEL_MINUTES)
    for name, given in value.items():
        if name not in TermBookingConfirmationType.__members__:
            raise ValueError(f"{name!r} is none of {', '.join(TermBookingConfirmationType.__members__)}")
        kind = TermBookingConfirmationType[name]
        given = None if given == "never" else given
        if given is not None and kind not in AUTO_CANCEL_MINUTES:
            raise ValueError(f"{name} has no timeout")
        minutes[kind] = None if given is None else count(least=1)(given)
    return minutes


def tax(value: object) -> Tax | None:
    """Null or "exempt" for no tax, else `{"name": "HST", "rate_percent": "13"}`."""
    if value is None or value == "exempt":
        return None
    fields = fields_of(value, {"name", "rate_percent"})
    name = fields.get("name")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 40:
        raise ValueError("a tax needs a name of at most 40 characters")
    return Tax(name=name.strip(), rate_percent=percentage(fields.get("rate_percent")))


def deposit(value: object) -> Deposit | None:
    """Null or "none", else `{"percent": "25"}` or `{"amount_minor": 5000}`."""
    if value is None or value == "none":
        return None
    fields = fields_of(value, {"percent", "amount_minor"})
    percent, amount_minor = percent_or_amount(fields)
    return Deposit(percent=percent, amount_minor=amount_minor)


def rest_due(value: object) -> RestDue:
    """`{"days_before_start": 14}` or `{"days_after_order": 30}`."""
    fields = fields_of(value, {"days_before_start", "days_after_order"})
    if len(fields) != 1:
        raise ValueError("give either `days_before_start` or `days_after_order`")
    ((name, days),) = fields.items()
    return RestDue(**{name: count(most=_LONGEST_DAYS)(days)})


def instalment_plan(value: object) -> InstalmentPlan:
    """`{"count": 4, "every": "MONTH", "first_after_days": 7}`; a plan of one names no period."""
    fields = fields_of(value, {"count", "every", "first_after_days"})
    every = fields.get("every", Every.MONTH.value)
    if not isinstance(every, str) or every not in Every.__members__:
        raise ValueError(f"{every!r} is none of {', '.join(Every.__members__)}")
    return InstalmentPlan(
        count=count(least=1, most=_MOST_INSTALMENTS)(fields.get("count")), every=Every[every],
        first_after_days=count(most=_LONGEST_DAYS)(fields.get("first_after_days", 7)),
    )  # fmt: skip


# Two years: whoever pays over longer is given a loan.
_LONGEST_DAYS, _MOST_INSTALMENTS = 730, 104


def makeup(value: object) -> Makeup | None:
    """Null or "none", else `{"notice_hours": 24, "validity_days": 60, "per_term": 3, "reach": "PROGRAM"}`; what is left
    out is as here.
    """
    if value is None or value == "none":
        return None
    given = fields_of(value, {"notice_hours", "validity_days", "per_term", "reach"})
    reach = given.get("reach", MakeupReach.PROGRAM.value)
    if not isinstance(reach, str) or reach not in MakeupReach.__members__:
        raise ValueError(f"{reach!r} is none of {', '.join(MakeupReach.__members__)}")
    return Makeup(
        notice_hours=count()(given.get("notice_hours", 24)),
        validity_days=count(least=1, most=3660)(given.get("validity_days", 60)),
        per_term=count(least=1)(given.get("per_term", 3)),
        reach=MakeupReach(reach),
    )


def late_pickup(value: object) -> LatePickupFee | None:
    """Null or "none", else `{"grace_minutes": 10, "per_minutes": 15, "fee_minor": 1000, "most_minor": 6000}`."""
    if value is None or value == "none":
        return None
    given = fields_of(value, {"grace_minutes", "per_minutes", "fee_minor", "most_minor"})
    most = given.get("most_minor")
    return LatePickupFee(
        grace_minutes=count(most=_A_DAY)(given.get("grace_minutes", 10)),
        per_minutes=count(least=1, most=_A_DAY)(given.get("per_minutes", 15)),
        fee_minor=count(least=1, most=LARGEST_MINOR)(given.get("fee_minor")),
        most_minor=None if most is None else count(least=1, most=LARGEST_MINOR)(most),
    )


_A_DAY = 24 * 60


def overdue_fee(value: object) -> OverdueFee | None:
    """Null or "none", else `{"after_days": 14, "amount_minor": 1500}`; what is due today is not late."""
    if value is None or value == "none":
        return None
    given = fields_of(value, {"after_days", "amount_minor"})
    return OverdueFee(
        after_days=count(least=1, most=_MOST_DAYS_LATE)(given.get("after_days")),
        amount_minor=count(least=1, most=LARGEST_MINOR)(given.get("amount_minor")),
    )


# As long as debts are reminded of: an older one is for people.
_MOST_DAYS_LATE = 90


def per_staff(value: object) -> int | None:
    """Null or "none", else a whole number of children."""
    return None if value in (None, "none") else count(least=1, most=1000)(value)


def hours_or_none(value: object) -> int | None:
    """Null or "none", else whole hours."""
    return None if value in (None, "none") else count()(value)


def yes_or_no(value: object) -> bool:
    """True or false, nothing that stands for them."""
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def combine_booking(value: object) -> frozenset[UUID] | None:
    """Null or "any" where any programs may be booked together, else the ids of those this one may be booked with."""
    if value is None or value == "any":
        return None
    if not isinstance(value, list | tuple):
        raise ValueError(f"{value!r} is not a list of program ids")
    try:
        return frozenset(UUID(str(program)) for program in value)
    except ValueError as error:
        raise ValueError(f"{value!r} holds something that is not a program id") from error


def percentage(value: object) -> Decimal:
    """A percentage from 0 to 100 with at most 4 decimals, written as a string so that it is exact."""
    if not isinstance(value, str):
        raise ValueError(f'{value!r} is not a percentage; write it as a string such as "13"')
    try:
        rate = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a percentage") from None
    exponent = rate.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -4 or not 0 <= rate <= 100:
        raise ValueError(f"{value!r} is not a percentage from 0 to 100 with at most 4 decimals")
    return rate


@dataclass(frozen=True, slots=True)
class ReminderDays:
    """On which days around its due date a payment is reminded of."""

    before_days: tuple[int, ...]
    after_days: tuple[int, ...]


def reminder_days(value: object) -> ReminderDays:
    """At most five days on each side, up to 60 before and 90 after; empty lists: none."""
    fields = fields_of(value, {"before_days", "after_days"})
    return ReminderDays(_days(fields, "before_days", 0, 60), _days(fields, "after_days", 1, 90))


def _days(fields: Mapping[str, object], name: str, least: int, most: int) -> tuple[int, ...]:
    found = fields.get(name, [])
    if not isinstance(found, list) or len(found) > 5 or len(set(map(repr, found))) < len(found):
        raise ValueError(f"`{name}` is a list of at most five different days")
    for day in found:
        if not isinstance(day, int) or isinstance(day, bool) or not least <= day <= most:
            raise ValueError(f"`{name}` holds whole numbers from {least} to {most}")
    return tuple(found)


def late_fee(value: object) -> LateFee | None:
    """Exactly one of `percent` and `amount_minor`; null: none."""
    if value is None:
        return None
    percent, amount_minor = percent_or_amount(fields_of(value, {"percent", "amount_minor"}))
    return LateFee(percent, amount_minor)


def percent_or_amount(fields: Mapping[str, object]) -> tuple[Decimal | None, int | None]:
    """Exactly one of the two. Raises ValueError."""
    if ("percent" in fields) == ("amount_minor" in fields):
        raise ValueError("give either `percent` or `amount_minor`")
    if "percent" in fields:
        return percentage(fields["percent"]), None
    return None, count(most=LARGEST_MINOR)(fields["amount_minor"])


def fields_of(value: object, known: set[str]) -> Mapping[str, object]:
    """A table with none but known fields. Raises ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a table with {', '.join(sorted(known))}")
    unknown = sorted(str(name) for name in value if name not in known)
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(sorted(known))}")
    return value

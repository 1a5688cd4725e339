"""Which period a session is invoiced with, and when that invoice is issued. Pure; days are those of the site.

A session that is paid as one goes has an invoice of its own, issued by the clock once it was held.
"""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from catalogue.rule_values import InvoicingRule
from catalogue.rules import Rule
from models import BillingPeriod

PER_PERIOD = frozenset({InvoicingRule.PERIOD_IN_ADVANCE, InvoicingRule.PERIOD_IN_ARREARS})
# What decides it, of an offering.
TIMING_RULES = (Rule.INVOICING, Rule.INVOICING_PERIOD, Rule.INVOICING_ADVANCE)


@dataclass(frozen=True, slots=True, order=True)
class Planned:
    """An invoice to come: its period, first and last day, and the day on which it is issued; or the session that it is
    of, which it asks for after it was held.
    """

    period_from: date
    period_until: date
    issue_on: date
    session_id: UUID | None = None

    def is_later(self, today: date) -> bool:
        """Whether it would not be issued by now; what is debited from the wallet never is with the confirmation."""
        return self.session_id is not None or self.issue_on > today


def planned_for(day: date, rules: Mapping[Rule, Any], *, session_id: UUID, starts_on: date) -> Planned | None:
    """The invoice that a session of that day stands on by the rules of its offering; None where it is invoiced with the
    confirmation.

    Fortnights are counted from the week of `starts_on`, the first day of the term.
    """
    if rules[Rule.INVOICING] is InvoicingRule.SESSION_FROM_WALLET:
        return Planned(day, day, day, session_id)
    if rules[Rule.INVOICING] not in PER_PERIOD:
        return None
    first, last = period_of(day, rules[Rule.INVOICING_PERIOD], starts_on=starts_on)
    if rules[Rule.INVOICING] is InvoicingRule.PERIOD_IN_ARREARS:
        return Planned(first, last, last + timedelta(days=1))
    return in_advance((first, last), days=rules[Rule.INVOICING_ADVANCE])


def in_advance(period: tuple[date, date], *, days: int) -> Planned:
    """The invoice of a period that is issued so many days before it begins."""
    first, last = period
    return Planned(first, last, first - timedelta(days=days))


def period_of(day: date, period: BillingPeriod, *, starts_on: date) -> tuple[date, date]:
    """The first and last day of the period that `day` falls into. Weeks begin on Mondays; fortnights are counted from
    the week of `starts_on`.
    """
    if period is BillingPeriod.MONTHLY:
        return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
    monday = day - timedelta(days=day.weekday())
    if period is BillingPeriod.WEEKLY:
        return monday, monday + timedelta(days=6)
    first_monday = starts_on - timedelta(days=starts_on.weekday())
    monday -= timedelta(weeks=(monday - first_monday).days // 7 % 2)
    return monday, monday + timedelta(days=13)

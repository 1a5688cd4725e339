"""The reports by their names."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import StrEnum

from billing.journal import local_today
from billing.ledger import month_of
from billing.reports import deferred, gateways, receivables, revenue, takings
from billing.reports.form import Period, Report
from billing.reports.parts import ALL, Part, ReportPart, part_of
from billing.reports.tax import tax_summary
from billing.reports.trial_balance import trial_balance
from engine.database import Transaction
from engine.errors import Invalid, Reason


class ReportName(StrEnum):
    """What finance can ask for."""

    AGED_RECEIVABLES = "aged-receivables"
    DEFERRED_REVENUE = "deferred-revenue"
    REVENUE_BY_PROGRAM = "revenue-by-program"
    REVENUE_BY_EXTRA = "revenue-by-extra"
    REVENUE_BY_PERIOD = "revenue-by-period"
    TAKINGS = "takings"
    GATEWAY_RECONCILIATION = "gateway-reconciliation"
    TAX = "tax"
    TRIAL_BALANCE = "trial-balance"


REPORTS: Mapping[ReportName, Callable[[Transaction, Period], Report]] = {
    ReportName.AGED_RECEIVABLES: receivables.aged_receivables,
    ReportName.DEFERRED_REVENUE: deferred.deferred_revenue,
    ReportName.REVENUE_BY_PROGRAM: revenue.revenue_by_program,
    ReportName.REVENUE_BY_EXTRA: revenue.revenue_by_extra,
    ReportName.REVENUE_BY_PERIOD: revenue.revenue_by_period,
    ReportName.TAKINGS: takings.daily_takings,
    ReportName.GATEWAY_RECONCILIATION: gateways.gateway_reconciliation,
    ReportName.TAX: tax_summary,
    ReportName.TRIAL_BALANCE: trial_balance,
}
# These say what stands at the end of the period; its first day is nothing to them.
AS_OF = frozenset({ReportName.AGED_RECEIVABLES, ReportName.DEFERRED_REVENUE})
# A period is bounded, so that a mistyped year is no report over everything.
_MOST_DAYS = 3 * 366


def period_of(tx: Transaction, *, since: date | None, until: date | None, now: datetime) -> Period:
    """The days asked for: this month so far, unless told otherwise. Raises Invalid."""
    last = until or local_today(tx, now)
    period = Period(since or month_of(last), last)
    if not 0 <= (period.until - period.since).days < _MOST_DAYS:
        message = f"A period ends on or after its first day, and has at most {_MOST_DAYS} days."
        raise Invalid(message, reasons=[Reason("not_a_period", message, field="since")])
    return period


# Those that may be long, with as many rows as are asked for; the others are made whole.
IN_PARTS: Mapping[ReportName, Callable[[Transaction, Period, Part], ReportPart]] = {
    ReportName.AGED_RECEIVABLES: receivables.aged_receivables,
    ReportName.GATEWAY_RECONCILIATION: gateways.gateway_reconciliation,
}


def make_report(tx: Transaction, name: ReportName, period: Period, part: Part = ALL) -> ReportPart:
    """The report over the organisation's own days: some of its rows, and what all of them come to."""
    if name in IN_PARTS:
        return IN_PARTS[name](tx, period, part)
    return part_of(REPORTS[name](tx, period), part)

"""The billing periods of a subscription: which one a day falls into. Pure; days are those of the site."""

from calendar import monthrange
from datetime import date, timedelta

from models import BillingPeriod


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

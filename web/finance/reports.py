"""Reports as tables and pictures, with what they tie to in the books, and as files."""

from collections import Counter
from datetime import date, timedelta
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Principal
from billing.ledger import month_of
from billing.reports.catalogue import AS_OF, IN_PARTS, ReportName, make_report, period_of
from billing.reports.form import Kind, Period
from billing.reports.parts import ALL, Part, ReportPart
from engine.database import Row, Transaction
from engine.errors import Invalid, NotFound
from web import labels
from web.asked import day_of, today_of
from web.visitor import Finance
from web.words import N_

router = APIRouter()

MOST_ROWS = 300
_ONE_DAY = timedelta(days=1)
_MOST_BARS = 24
TITLES = {
    ReportName.AGED_RECEIVABLES: (N_("Aged receivables"), N_("Who owes what, and for how long")),
    ReportName.REVENUE_BY_PROGRAM: (N_("Revenue by program"), N_("Earned from sessions held")),
    ReportName.REVENUE_BY_EXTRA: (N_("Revenue by extra"), N_("Lunch, bus and other add-ons")),
    ReportName.REVENUE_BY_PERIOD: (N_("Revenue by month"), N_("Earned, month by month")),
    ReportName.DEFERRED_REVENUE: (N_("Deferred revenue"), N_("Invoiced for sessions still to come")),
    ReportName.TAKINGS: (N_("Daily takings"), N_("Payments received, by day and method")),
    ReportName.GATEWAY_RECONCILIATION: (N_("Provider reconciliation"), N_("What the provider holds for us")),
    ReportName.TAX: (N_("Tax summary"), N_("Tax by rate")),
    ReportName.TRIAL_BALANCE: (N_("Trial balance"), N_("Every ledger account")),
}
# The columns of reports, as pages head them; files keep the English of the report itself.
HEADINGS = (
    N_("Account"), N_("Balance"), N_("Captured"), N_("Category"), N_("Credit"), N_("Credited"), N_("Credited net"),
    N_("Credited tax"), N_("Day"), N_("Debit"), N_("Deferred"), N_("Earned"), N_("Extra"), N_("Extras"), N_("Fees"),
    N_("Given back"), N_("Held at the end"), N_("Held before"), N_("In"), N_("Invoiced"), N_("Invoiced net"),
    N_("Invoiced tax"), N_("Lines"), N_("Month"), N_("Month of the sessions"), N_("Name"), N_("Net"), N_("Not due"),
    N_("1–30 days"), N_("31–60 days"), N_("61–90 days"), N_("Over 90 days"), N_("Opening"), N_("Out"), N_("Paid out"),
    N_("Payment"), N_("Postings"), N_("Program"), N_("Provider"), N_("Provider's id"), N_("Rate, %"), N_("Remark"),
    N_("Revenue"), N_("Sessions"), N_("Status"), N_("Tax"), N_("Total"),
)  # fmt: skip

# What stands in a column as a word of ours; anything else is a name, or told as it is recognised.
_WORDS = {"account": labels.LEDGER, "provider": labels.PROVIDER,
          "status": {name: words for name, (words, _) in labels.PAYMENT.items()}}  # fmt: skip
# How rows that are no program's, no extra's and no provider's are called.
_POSTED_AS = "posted as "
_REST = (N_("(sessions)"), N_("(fees and adjustments)"), N_("differs from the payment"), N_("held before"))


@router.get("/finance/reports")
def list_reports(visit: Finance) -> Response:
    return visit.show("finance/reports.html", titles={name.value: words for name, words in TITLES.items()})


@router.get("/finance/reports/{name}")
def show_report(visit: Finance, name: str) -> Response:
    if name not in set(ReportName):
        raise NotFound("There is no such report.", what="report")
    report = ReportName(name)

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        try:
            period = period_of(tx, since=day_of(visit, "since"), until=day_of(visit, "until"), now=visit.now)
        except Invalid as refusal:
            visit.notices.append(("bad", visit.told(refusal.message)))
            period = period_of(tx, since=None, until=None, now=visit.now)
        made = make_report(tx, report, period, Part(limit=MOST_ROWS) if report in IN_PARTS else ALL)
        return {
            "report": made,
            "rows": list(made.rows[:MOST_ROWS]),
            "bars": bars_of(made),
            "title": TITLES[report][0],
            "links": _links(tx, report, made),
            "is_as_of": report in AS_OF,
            "choices": period_choices(report, period, today_of(visit, who)),
        }

    return visit.show("finance/report.html", query, cell=partial(_cell, visit))


def _links(tx: Transaction, report: ReportName, made: ReportPart) -> dict[str, str]:
    """Where the rows lead: each family of the receivables to its account, by the reference that stands in its row."""
    if report is not ReportName.AGED_RECEIVABLES:
        return {}
    rows = tx.rows("SELECT id, reference FROM account WHERE organisation_id = %(org)s AND reference = ANY(%(asked)s)",
                   asked=[row["reference"] for row in made.rows])  # fmt: skip
    return {row["reference"]: f"/finance/families/{row['id']}" for row in rows}


def period_choices(report: ReportName, shown: Period, today: date) -> list[Row]:
    """What finance asks for again and again, and which of it is shown."""
    month, year = month_of(today), today.replace(month=1, day=1)
    last_month, last_year = month_of(month - _ONE_DAY), year.replace(year=year.year - 1)
    quarter = month.replace(month=month.month - (month.month - 1) % 3)
    last_quarter = month_of(month_of(month_of(quarter - _ONE_DAY) - _ONE_DAY) - _ONE_DAY)
    found = (
        [(N_("Today"), month, today), (N_("End of last month"), last_month, month - _ONE_DAY),
         (N_("End of last year"), last_year, year - _ONE_DAY)]
        if report in AS_OF else
        [(N_("This month"), month, today), (N_("Last month"), last_month, month - _ONE_DAY),
         (N_("Last quarter"), last_quarter, quarter - _ONE_DAY), (N_("This year"), year, today),
         (N_("Last year"), last_year, year - _ONE_DAY)]
    )  # fmt: skip
    return [
        {"words": words, "since": since, "until": until,
         "is_shown": until == shown.until and (report in AS_OF or since == shown.since)}
        for words, since, until in found
    ]  # fmt: skip


def _cell(visit: Finance, column: str, value: str) -> str:
    """What stands in a column, in the reader's language."""
    plain = value.strip("()")
    if plain.startswith(_POSTED_AS):
        kind = labels.POSTED_FOR.get(plain.removeprefix(_POSTED_AS).upper(), plain.removeprefix(_POSTED_AS))
        return visit.say("posted as %(what)s", what=visit.say(kind))
    words = _WORDS.get(column, {}).get(value)
    return visit.say(words or value) if words or value in _REST else value


def bars_of(made: ReportPart) -> list[Row]:
    """The report as a picture: its sums where it is read in part, else what stands in its last sum by program, month,
    day or whatever it is about, the largest first, and what has a date in its order.
    """
    sums = [column for column in made.columns if column.kind is Kind.MONEY]
    texts = {column.name: column for column in made.columns if column.kind is not Kind.MONEY}
    by = texts.get("program") or next(iter(texts.values()), None)
    if by is None or not sums:
        return []
    if made.name in IN_PARTS:
        found: list[Row] = [
            {"heading": column.heading, "amount_minor": made.totals[column.name]}
            for column in sums if column.name != "total_minor"
        ]  # fmt: skip
    else:
        added: Counter[Any] = Counter()
        for row in made.rows:
            added[row[by.name]] += row[sums[-1].name] or 0
        dated = by.kind is Kind.DAY or by.name == "month"
        largest = sorted(added.items(), key=lambda bar: -abs(bar[1]))[:_MOST_BARS]
        shown = list(added.items())[-_MOST_BARS:] if dated else largest
        found = [{"column": by, "value": value, "amount_minor": amount} for value, amount in shown]
    longest = max((abs(bar["amount_minor"]) for bar in found), default=0)
    return [
        {**bar, "share": round(100 * abs(bar["amount_minor"]) / longest, 1)} for bar in found if bar["amount_minor"]
    ]

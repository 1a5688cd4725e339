"""`python -m bench.pages`: what the pages of all four front doors cost the server, at a centre with 500,000 bookings.

A page is asked for again and again in one process: routing, reads, template and answer; of the pages on which one
chooses, what they ask after each tick as well. Counted is the CPU time of the application and of the database together,
because a busy machine makes every request wait; the time that went by stands beside it. Exits 1 where the 95th
percentile of a page is above the limit.
"""

import asyncio
import re
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx
import psycopg
import typer
from psycopg import sql
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from api.app import create_app
from bench.database import kept_database
from bench.grown import DAY, SLUG, grow
from bench.owing import make_owing
from bench.world import NOW
from billing.reports.catalogue import ReportName
from billing.reports.keeping import keep_days
from engine.clock import FrozenClock
from engine.database import Database, Row
from engine.settings import Settings, settings
from samples.sample import PASSWORD
from web.admin.programme import SORTS

_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
_BOX = re.compile(r'<input[^>]* name="(pick|keep)"[^>]* value="([^"]+)"')
_TICKED = 10
_LIMIT_MS = 200
_DEMO_LIMIT_MS = 100
_DEMO = 1_000  # up to so many bookings it is the centre of the demo
_WARM_UP = 12  # until every statement is prepared on every connection


def main(
    bookings: Annotated[int, typer.Option(min=1, help="The centre has grown to so many.")] = 500_000,
    requests: Annotated[int, typer.Option(min=20, help="So many requests of each page.")] = 60,
    only: Annotated[str, typer.Option(help="Pages whose address has this in it.")] = "",
    reports: Annotated[bool, typer.Option("--reports", help="Finance's reports instead: seconds each.")] = False,
    owing: Annotated[bool, typer.Option("--owing", help="Where families owe, and pay through a provider.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Build the centre again; else the one kept serves.")] = False,
) -> None:
    console = Console()
    limit = _LIMIT_MS if bookings > _DEMO else _DEMO_LIMIT_MS
    chosen = settings()

    def build(url: str) -> None:
        grow(console, url, chosen, bookings)
        if owing:
            with console.status("What families owe"), psycopg.connect(url, autocommit=True) as owner:
                make_owing(owner, today=NOW.date())

    name = f"termbook_bench_{'owing' if owing else 'pages'}_{bookings}"
    with kept_database(chosen, name, build, anew=anew) as url:
        found, made = _look(console, url, chosen, requests, only, _REPORTS if reports else _PATHS)
    console.print(_table(found, f"Pages of a centre with {made:,} bookings (limit {limit} ms)", limit))
    raise typer.Exit(1 if any(_p95(one.cpu_ms) > limit for one in found) else 0)


def _look(
    console: Console, url: str, chosen: Settings, requests: int, only: str, paths: Mapping[str, Sequence[str]]
) -> "tuple[list[Measured], int]":  # fmt: skip
    """Every page measured, and the bookings that there are."""
    database = Database(url, app_role=chosen.app_role, pool_size=2)
    with closing(database), psycopg.connect(url, autocommit=True, row_factory=dict_row) as owner:
        # All work of a request is done by processes that are counted.
        name = owner.info.dbname
        owner.execute(sql.SQL("ALTER DATABASE {} SET max_parallel_workers_per_gather = 0").format(sql.Identifier(name)))
        if paths is _REPORTS:
            close_past(database, owner)
        made = owner.execute("SELECT count(*) AS n FROM term_booking").fetchone()
        assert made is not None
        return asyncio.run(_measure_all(console, database, owner, _pages(owner, paths), requests, only)), made["n"]


@dataclass(frozen=True, slots=True)
class Page:
    """A page and whose it is."""

    role: str
    path: str


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds of each request."""

    page: Page
    cpu_ms: list[float]
    wall_ms: list[float]
    size_kb: float


_FOUND = """
WITH session AS (
    SELECT p.*, o.term_id FROM term_product p JOIN term_program_set o ON o.id = p.term_program_set_id
    JOIN program g ON g.id = o.program_id
    WHERE g.site_id = (SELECT site_id FROM user_site LIMIT 1) AND p.local_date >= %(day)s AND p.taken > 3
    ORDER BY p.local_date, p.taken DESC LIMIT 1
), booking AS (
    SELECT b.* FROM term_booking b JOIN session ON session.term_id = b.term_id ORDER BY b.created_at DESC, b.id LIMIT 1
)
SELECT session.id AS session, session.term_program_set_id AS offering, session.local_date AS day,
       booking.id AS booking,
       booking.order_id AS "order", booking.account_id AS account, booking.attendee_id AS child,
       (SELECT reference FROM term_booking WHERE id = booking.id) AS reference,
       own.id AS own_booking, own.order_id AS own_order, own.attendee_id AS own_child, own.offering_id AS own_offering,
       own.week AS own_week,
       (SELECT id FROM invoice WHERE account_id IN (SELECT id FROM account ORDER BY id LIMIT 200) LIMIT 1) AS invoice
FROM session, booking, (
    SELECT b.*, l.term_program_set_id AS offering_id,
           format('term=%%s&site=%%s&week=%%s', b.term_id, g.site_id, s.local_date) AS week
    FROM account a JOIN term_booking b ON b.account_id = a.id JOIN term_booking_line l ON l.booking_id = b.id
    JOIN term_product s ON s.id = l.term_product_id JOIN term_program_set o ON o.id = l.term_program_set_id
    JOIN program g ON g.id = o.program_id
    WHERE a.email = 'rossi@family.example' LIMIT 1
) own
"""


def _pages(owner: psycopg.Connection[Row], by_role: Mapping[str, Sequence[str]]) -> list[Page]:
    """These pages, with records of the centre in their addresses."""
    found = owner.execute(_FOUND, {"day": DAY}).fetchone()
    assert found is not None, "the centre has sessions to come, bookings and invoices"
    return [Page(role, path.format(**found)) for role, paths in by_role.items() for path in paths]


_PATHS = {
    "guest": ("/at/bench", "/at/bench/programs", "/at/bench/programs/{offering}"),
    "family": (
        "/family", "/family/programs", "/family/programs/{own_offering}", "/family/cart", "/family/bookings",
        "/family/bookings?show=calendar", "/family/bookings/{own_booking}", "/family/children", "/family/documents",
        "/family/week?{own_week}", "/family/week/price?{own_week}", "/family/bookings/{own_booking}/change",
        "/family/bookings/{own_booking}/change/price", "/family/bookings/{own_booking}/cancellation",
        "/family/orders/{own_order}", "/family/children/{own_child}", "/family/wallet", "/family/passes",
        "/family/programs/{own_offering}/price",
    ),
    "staff": ("/staff", "/staff?day={day}", "/staff/rolls/{session}", "/staff/signatures"),
    "admin": (
        "/admin", "/admin/search?q=Rossi", "/admin/search?q={reference}", "/admin/search?q=zzz", "/admin/families",
        "/admin/families?q=Rossi", "/admin/families/{account}", "/admin/children/{child}", "/admin/orders",
        "/admin/orders/{order}", "/admin/bookings", "/admin/bookings/{booking}", "/admin/queues", "/admin/offerings",
        "/admin/offerings/{offering}", "/admin/occupancy", "/admin/interests", "/admin/programme",
        "/admin/programme/terms", "/admin/rules", "/admin/roll-over", "/admin/closures", "/admin/import",
        "/admin/families?q=zzz", "/admin/orders?status=QUOTE&status=ACCEPT", "/admin/orders?type=SUBSCRIPTION",
        "/admin/bookings?status=ATTENDANCE_APPROVED", "/admin/offerings?q=zzz", "/admin/subscriptions",
        "/admin/late-pickups", "/admin/users", "/admin/promo-codes", "/admin/bookings/new?account={account}",
        "/admin/bookings/{booking}/cancellation", "/admin/offerings/{offering}/activities", "/admin/queues/{session}",
        "/admin/rolls/{session}", "/admin/reopenings", "/admin/discounts", "/admin/consents", "/admin/mails",
        "/admin/collection", "/admin/rules/order_types?scope=ORGANISATION",
        *(f"/admin/programme/{name}" for name in SORTS),
    ),
    "finance": (
        "/finance", "/finance/invoices", "/finance/invoices/{invoice}", "/finance/credit-notes", "/finance/payments",
        "/finance/families", "/finance/families/{account}", "/finance/bank", "/finance/reviews", "/finance/periods",
        "/finance/reports", "/finance/invoices?show=overdue", "/finance/payments?status=PROCESSING",
        "/finance/payments?debits=yes&status=FAILED", "/finance/families?q=Rossi", "/finance/refunds",
        "/finance/debits", "/finance/runs", "/finance/entries", "/finance/stuck-orders", "/finance/waiting-wallets",
        "/finance/families/{account}/wallet", "/finance/families/{account}/passes", "/finance/debits/returns",
    ),
}  # fmt: skip
# The months before the present one are closed, as finance closes them.
_LOCK = """
INSERT INTO period_lock (organisation_id, id, month, note, locked_at)
SELECT organisation_id, gen_random_uuid(), month, '', %(now)s FROM (
    SELECT DISTINCT organisation_id, date_trunc('month', posted_on)::date AS month FROM ledger_entry) m
WHERE month < date_trunc('month', %(now)s) ON CONFLICT DO NOTHING
"""


def close_past(database: Database, owner: psycopg.Connection[Row]) -> None:
    """Months that are over are locked and days that are over are kept; what is so already stays as it is."""
    owner.execute(_LOCK, {"now": NOW})
    while keep_days(database, now=NOW):
        pass
    owner.execute("ANALYZE period_lock, kept_day, kept_balance, kept_revenue, kept_takings, kept_tax, kept_deferral")


# Each adds up the books: as it opens (this month so far), of three years, and of a year that ended half a year ago.
_TODAY = NOW.date()
_PERIODS = (
    "", f"?since={_TODAY - timedelta(days=3 * 365)}&until={_TODAY}",
    f"?since={_TODAY - timedelta(days=545)}&until={_TODAY - timedelta(days=180)}",
)  # fmt: skip
_REPORTS = {"finance": [f"/finance/reports/{name.value}{period}" for name in ReportName for period in _PERIODS]}
_PEOPLE = {
    "family": "rossi@family.example", "staff": "staff@centre7.example", "admin": "admin@centre7.example",
    "finance": "finance@centre7.example",
}  # fmt: skip


async def _measure_all(
    console: Console, database: Database, owner: psycopg.Connection[Row], pages: list[Page], requests: int, only: str
) -> list[Measured]:  # fmt: skip
    app = create_app(Settings(), database=database, clock=FrozenClock(NOW), gateways={})
    base = "https://bench.example"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base, timeout=120) as client:
        cookies = {role: await _sign_in(client, email) for role, email in _PEOPLE.items()} | {"guest": ""}
        found = []
        for page in pages:
            if only not in page.path:
                continue
            found.append(await _measure(client, page, cookies[page.role], _Meter(owner), requests))
            console.print(f"{page.path}: {_p95(found[-1].cpu_ms):.1f} ms", style="dim", highlight=False)
        return found


async def _sign_in(client: httpx.AsyncClient, email: str) -> str:
    """The cookie of somebody who is signed in."""
    client.cookies.clear()
    page = await client.get(f"/at/{SLUG}/sign-in")
    token = _TOKEN.search(page.text)
    assert token is not None, "every form has its token"
    visitor = page.headers["set-cookie"].partition(";")[0]
    given = {"form_token": token[1], "email": email, "password": PASSWORD}
    answer = await client.post(f"/at/{SLUG}/sign-in", data=given, headers={"Cookie": visitor})
    assert answer.status_code == 303, answer.text
    client.cookies.clear()
    return str(answer.headers["set-cookie"].partition(";")[0])


async def _measure(client: httpx.AsyncClient, page: Page, cookie: str, meter: "_Meter", requests: int) -> Measured:
    headers = {"Accept": "text/html", "Cookie": cookie}
    cpu_ms, wall_ms, size = [], [], 0
    ticks = await _ticks(client, page, headers) if "/price" in page.path else None
    for n in range(requests + _WARM_UP):
        began, before = time.perf_counter(), meter.seconds()
        answer = await client.request("GET" if ticks is None else "POST", page.path, data=ticks, headers=headers)
        took, used = time.perf_counter() - began, meter.seconds() - before
        assert answer.status_code == 200, f"{page.path}: {answer.status_code}"
        size = len(answer.content)
        if n >= _WARM_UP:
            cpu_ms.append(used * 1000)
            wall_ms.append(took * 1000)
    return Measured(page, cpu_ms, wall_ms, size / 1000)


async def _ticks(client: httpx.AsyncClient, page: Page, headers: Mapping[str, str]) -> dict[str, Any]:
    """What the page's script sends after each tick: its form with the first boxes ticked."""
    shown = await client.get(page.path.replace("/price", ""), headers=headers)
    token, boxes = _TOKEN.search(shown.text), _BOX.findall(shown.text)
    assert token is not None, "every form has its token"
    assert boxes, f"{page.path}: nothing to be ticked"
    ticked: dict[str, Any] = {"form_token": token[1]}
    for name, value in boxes[:_TICKED]:
        ticked.setdefault(name, []).append(value)
    return ticked


class _Meter:
    """CPU of this process and of the database's processes that serve it, to the microsecond."""

    def __init__(self, owner: psycopg.Connection[Row]) -> None:
        rows = owner.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        ).fetchall()
        self._files = [Path(f"/proc/{row['pid']}/schedstat") for row in rows]

    def seconds(self) -> float:
        return time.process_time() + sum(int(one.read_text().split()[0]) for one in self._files) / 1e9


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def _table(found: list[Measured], title: str, limit: int) -> Table:
    table = Table("whose", "page", "CPU median ms", "CPU p95 ms", "went by, p95 ms", "kB", title=title)
    for one in found:
        cpu = _p95(one.cpu_ms)
        table.add_row(
            one.page.role, re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", one.page.path),
            f"{statistics.median(one.cpu_ms):.1f}", f"[bold red]{cpu:.1f}[/]" if cpu > limit else f"{cpu:.1f}",
            f"{_p95(one.wall_ms):.0f}", f"{one.size_kb:.0f}",
        )  # fmt: skip
    return table


if __name__ == "__main__":
    typer.run(main)

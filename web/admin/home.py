"""The office's first page: what waits for somebody, one search over everything, and how full the sessions are."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Principal
from api.reads import desk
from engine.database import Transaction
from models import Role
from web import found
from web.asked import day_of, id_of, today_of
from web.found import Pages
from web.visitor import Admin

router = APIRouter()

_BOARD_DAYS = 7
# With more of them, one looks at one site after the other: a picture of all of them is too large to see anything in.
_SITES_AT_ONCE = 6
# The pages that say more of what a search finds.
_PAGES = Pages(
    "/admin/search",
    own={
        "term_booking_order": "/admin/orders/{}", "term_booking": "/admin/bookings/{}",
        "subscription": "/admin/subscriptions/{}", "late_pickup": "/admin/late-pickups?show=all&of={}",
    },
    of={"booking": "/admin/bookings/{}", "order": "/admin/orders/{}", "child": "/admin/children/{}",
        "family": "/admin/families/{}"},
    programme="/admin",
)  # fmt: skip
# Who is of finance too opens a debit run, which the office has no page of.
_PAGES_OF_BOTH = replace(_PAGES, own={**_PAGES.own, "debit_run": "/finance/debits/{}"})


@router.get("/admin")
def show_home(visit: Admin) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return {"attention": desk.attention(tx)}

    return visit.show("admin/home.html", query)


@router.get("/admin/search")
def search(visit: Admin) -> Response:
    return found.show(visit, "admin/search.html", lambda who: _PAGES_OF_BOTH if Role.FINANCE in who.roles else _PAGES)


@router.get("/admin/occupancy")
def show_occupancy(visit: Admin) -> Response:
    """A week of sessions and their places, as a picture and in figures."""
    site_id, chosen = id_of(visit, "site"), day_of(visit, "from")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        first = chosen or _first_day(tx, today_of(visit, who))
        days = [first + timedelta(days=n) for n in range(_BOARD_DAYS)]
        sites = desk.choices(tx, "site")
        is_many = len(sites) > _SITES_AT_ONCE
        shown = site_id or (UUID(sites[0][0]) if is_many else None)
        return {
            "days": days, "board": desk.board(tx, first=days[0], last=days[-1], site_id=shown),
            "sites": sites, "site_id": shown and str(shown), "is_many": is_many,
            "before": first - timedelta(days=_BOARD_DAYS), "after": first + timedelta(days=_BOARD_DAYS),
        }  # fmt: skip

    return visit.show("admin/occupancy.html", query)


# By the index of starts: a day of a site begins within a day of the same day's beginning in Greenwich.
_NEXT_DAY = """
SELECT local_date AS day FROM term_product
WHERE organisation_id = %(org)s AND starts_at >= %(today)s::date - interval '1 day' AND local_date >= %(today)s
  AND status = 'OPEN' AND product_type = 'SESSION'
ORDER BY starts_at LIMIT 1
"""


def _first_day(tx: Transaction, today: date) -> date:
    """Today, or where nothing runs in the next days the first day on which something does."""
    found = tx.row(_NEXT_DAY, today=today)
    next_day: date | None = found["day"] if found else None
    return next_day if next_day and next_day > today + timedelta(days=_BOARD_DAYS) else today

"""Passes as the office looks at them: what is on sale, and what families bought and still have."""

from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Principal
from api.reads import passes as shown
from engine.database import Transaction
from web.asked import page_of, today_of
from web.visitor import Admin

router = APIRouter()

_MOST_ON_SALE = 100


@router.get("/admin/passes")
def list_passes(visit: Admin) -> Response:
    """Those of every family, newest first; finance takes one back, with what goes into the wallet."""
    show = visit.asked("show")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found, today = shown.passes(who), today_of(visit, who)
        shown.narrow(found, is_good={"good": True, "over": False}.get(show), today=today)
        products = shown.products()
        products.where("p.withdrawn_at IS NULL")
        on_sale = products.page(tx, cursor=None, limit=_MOST_ON_SALE, show=partial(shown.show_product, who)).body or {}
        return {
            "today": today, "chosen": show, "on_sale": on_sale["items"],
            "places": shown.places_of(tx, on_sale["items"]),
            "page": page_of(visit, tx, found, limit=30, show=partial(shown.show_pass, who)),
        }  # fmt: skip

    return visit.show("admin/passes.html", query)

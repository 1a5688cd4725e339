"""The finance officer's first page: what needs attention first."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Principal
from api.reads import finance as shown
from api.reads import finance_desk
from engine.database import Row, Transaction
from models import TermBookingStatus
from web.asked import page_of, today_of
from web.visitor import Finance

router = APIRouter()


@router.get("/finance")
def show_home(visit: Finance) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return {"attention": finance_desk.attention(tx, today=today_of(visit, who))}

    return visit.show("finance/home.html", query)


def _named(row: Row) -> Row:
    return {**row, "status": TermBookingStatus(row["status"]).name}


@router.get("/finance/stuck-orders")
def list_stuck(visit: Finance) -> Response:
    """Orders that keep their places though too little came in, or what came was taken back."""
    return visit.show(
        "finance/stuck_orders.html", lambda tx, _: {"page": page_of(visit, tx, finance_desk.stuck_orders(),
                                                                    show=_named)},
    )  # fmt: skip


@router.get("/finance/waiting-wallets")
def list_waiting_wallets(visit: Finance) -> Response:
    """Families who pay as they go and whose wallets are short, with how much."""
    return visit.show(
        "finance/waiting_wallets.html", lambda tx, _: {"page": page_of(visit, tx, finance_desk.waiting_wallets())}
    )


@router.get("/finance/reviews")
def list_reviews(visit: Finance) -> Response:
    """Money that was not what was asked, oldest first."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.reviews()
        found.conditions.append("r.resolved_at IS NULL")
        return {"page": page_of(visit, tx, found)}

    return visit.show("finance/reviews.html", query)

"""Subscriptions as finance looks at them: whose, for what, and when the next invoice is issued."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Principal
from api.reads import subscriptions as shown
from engine.database import Transaction
from models import SubscriptionStatus
from web.asked import page_of
from web.visitor import Finance

router = APIRouter()


@router.get("/finance/subscriptions")
def list_subscriptions(visit: Finance) -> Response:
    """All of them, newest first, or those in one state; the office begins and ends them."""
    status = visit.asked("status")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.subscriptions(who)
        named = SubscriptionStatus.__members__.get(status)
        found.where("s.status = %(status)s", status=int(named) if named is not None else None)
        return {"page": page_of(visit, tx, found, show=lambda row: shown.show_subscription(who, row)), "chosen": status}

    return visit.show("finance/subscriptions.html", query)

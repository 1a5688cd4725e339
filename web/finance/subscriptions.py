"""Subscriptions as finance looks at them: whose, for what, and when the next invoice is issued."""

from functools import partial

from fastapi import APIRouter
from starlette.responses import Response

from web.listed import every_subscription
from web.visitor import Finance

router = APIRouter()


@router.get("/finance/subscriptions")
def list_subscriptions(visit: Finance) -> Response:
    """The office begins and ends them."""
    return visit.show("finance/subscriptions.html", partial(every_subscription, visit))

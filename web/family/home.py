"""The family's first page: what waits for an answer, what comes next, and where to go."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Principal
from api.reads import carts, family
from engine.database import Transaction
from web.family.people import children_of
from web.visitor import Family

router = APIRouter()

# A camp of the summer is booked in winter: it is what comes next, however far away.
_AHEAD = timedelta(days=400)


@router.get("/family")
def show_home(visit: Family) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        accounts = who.actor.account_ids
        # A site may be a day behind, and what began the evening before may go on: what is over is left out anyway.
        day = visit.now.date() - timedelta(days=1)
        return {
            "children": children_of(tx, who), "waits": family.waits(tx, accounts, now=visit.now),
            "in_cart": len(carts.lines(tx, accounts)),
            "coming": family.days(tx, accounts, first=day, last=day + _AHEAD, now=visit.now, limit=6),
            "owing": family.owing(tx, accounts, now=visit.now),
        }  # fmt: skip

    return visit.show("family/home.html", query)

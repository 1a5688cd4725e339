"""The family's first page: what waits for an answer, what comes next, and where to go."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Principal
from api.reads import carts, family
from attendance.consents import consents_of
from engine.database import Row, Transaction
from web.family.people import children_of
from web.visitor import Family
from workflows.payment_due import Due, read_due

router = APIRouter()

# A camp of the summer is booked in winter: it is what comes next, however far away.
_AHEAD = timedelta(days=400)
# What is owed is among what waits for the family a week before its day; until then it stands with the balance.
_SOON = timedelta(days=7)


@router.get("/family")
def show_home(visit: Family) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        accounts = who.actor.account_ids
        # A site may be a day behind, and what began the evening before may go on: what is over is left out anyway.
        day = visit.now.date() - timedelta(days=1)
        children = children_of(tx, who)
        return {
            "children": children, "consents": consents_of(tx, [child["id"] for child in children]),
            "waits": family.waits(tx, accounts, now=visit.now), "dues": _due_soon(visit, tx, who),
            "in_cart": len(carts.lines(tx, accounts)),
            "coming": family.days(tx, accounts, first=day, last=day + _AHEAD, now=visit.now, limit=6),
            "owing": family.owing(tx, accounts, now=visit.now),
        }  # fmt: skip

    return visit.show("family/home.html", query)


def _due_soon(visit: Family, tx: Transaction, who: Principal) -> list[tuple[Row, Due]]:
    """What the family has to pay by itself within days or should have paid, with its booking; the oldest day first."""
    owed = {booking["order_id"]: booking for booking in family.owed_bookings(tx, who.actor.account_ids)}
    last = who.today(visit.now) + _SOON
    dues = read_due(tx, list(owed), actor=who.actor, now=visit.now).values()
    near = [due for due in dues if due.is_payable and due.by is not None and due.by <= last]
    return [(owed[due.order_id], due) for due in sorted(near, key=lambda due: (due.by, due.order_id))]

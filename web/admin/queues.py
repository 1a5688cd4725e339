"""Who waits for which session, in which order and why, and the offers that are out."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Principal
from api.reads import desk
from api.reads import sessions as offered
from api.reads import waiting as shown
from engine.database import Transaction
from models import WaitingStatus
from models.waiting import LIVE
from web.asked import page_of
from web.visitor import Admin
from workflows.waiting_facts import POLICY

router = APIRouter()


@router.get("/admin/queues")
def list_queues(visit: Admin) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return {"queues": desk.queues(tx, now=visit.now), "policy": POLICY}

    return visit.show("admin/queues.html", query)


@router.get("/admin/queues/{session_id}")
def show_queue(visit: Admin, session_id: UUID) -> Response:
    """The queue of a session; what has ended stands below what is live."""
    status = [int(one) for one in (LIVE if not visit.asked("all") else WaitingStatus)]

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.entries(who)
        found.where("e.term_product_id = %(session)s", session=session_id)
        found.where("e.status = ANY(%(status)s)", status=status)
        return {
            "session": offered.one_session(tx, who, session_id, now=visit.now).body, "policy": POLICY,
            "page": page_of(visit, tx, found, show=lambda row: shown.show_entry(who, row)),
            "is_all": bool(visit.asked("all")),
        }  # fmt: skip

    return visit.show("admin/queue.html", query)

"""Finding a program: for these children, on these days, at this place, by this word."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Principal
from api.reads import programmes
from catalogue.eligibility import AttendeeFacts, OfferingFacts, failing
from engine.database import Row, Transaction
from web.asked import is_narrowed, page_of, programs_of
from web.family.people import children_of
from web.visitor import Family

router = APIRouter()

_A_PAGE = 24


@router.get("/family/programs")
def show_programs(visit: Family) -> Response:
    """What fits at least one of the children that are ticked; without a tick, any child of the family."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        children = children_of(tx, who)
        asked = set(visit.request.query_params.getlist("child"))
        chosen = [child for child in children if str(child["id"]) in asked] or children
        found = programmes.offerings()
        wanted = programs_of(visit)
        programmes.narrow(found, children=[child["id"] for child in chosen], **wanted)
        page: Any = page_of(visit, tx, found, limit=_A_PAGE, now=visit.now)
        return {
            "children": children, "chosen": {str(child["id"]) for child in chosen} if asked else set(),
            "items": [_with_children(row, chosen) for row in page["items"]], "next_cursor": page["next_cursor"],
            "wanted": wanted, "is_narrowed": bool(asked) or is_narrowed(wanted),
            **programmes.choices(tx, now=visit.now),
        }  # fmt: skip

    return visit.show("family/programs.html", query)


def _with_children(row: Row, children: list[Row]) -> Row:
    """Who of them may come, and why the others may not."""
    return {**row, "fits": [child for child in children if not why_not(row, child)]}


def why_not(offering: Row, child: Row) -> list[Any]:
    """Every rule of the offering that the child does not meet."""
    return failing(AttendeeFacts.of(child), OfferingFacts.of(offering), offering["first_date"])

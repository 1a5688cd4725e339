"""One search over everything, for the office and for finance."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import OFFICE, for_roles
from api.reads import desk
from api.schemas.search import Found
from engine.database import Row, Transaction

router = APIRouter(tags=["people"])

_IDS = {"booking": "booking_id", "order": "order_id", "child": "attendee_id", "family": "account_id"}


@router.get("/search", **for_roles(OFFICE, response_model=Found))
def search(
    call: Called, q: Annotated[str, Query(max_length=200, description="A name, address or number as it begins, part of "
                                          "a course, or all of a reference or number; two letters at least.")] = "",
) -> Response:  # fmt: skip
    """Families, children, what is offered, and whatever has a reference or a number of its own."""

    def query(tx: Transaction, _: Principal) -> Answer:
        found = desk.search(tx, q)
        return Answer({**found, "references": [_with_ids(row) for row in found["references"]]})

    return call.read(query)


def _with_ids(row: Row) -> Row:
    return {_IDS.get(name, name): value for name, value in row.items()}

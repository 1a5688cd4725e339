"""Tickets of seats: read by the family, printed, scanned at the door."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import OWNERS_AND_FINANCE, STAFF, creates, for_roles
from api.reads import bookings as shown
from api.schemas.tickets import NewTicketCheckIn, TicketCheckIn, Tickets
from attendance.tickets import check_in
from engine.database import Row, Transaction
from engine.errors import NotFound
from invoicing.ticket import render_tickets
from workflows.tickets import read_tickets, tickets_to_print

router = APIRouter(tags=["seats"])

_PDF: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The tickets, a page each.",
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get("/bookings/{booking_id}/tickets", **for_roles(OWNERS_AND_FINANCE, 404, response_model=Tickets))
def list_tickets(booking_id: UUID, call: Called) -> Response:
    """The tickets of a booking: one for each seat, also those that were used or are cancelled."""

    def query(tx: Transaction, who: Principal) -> Answer:
        shown.whole(tx, who, booking_id)
        return Answer({"items": [_show(row) for row in read_tickets(tx, booking_id)]})

    return call.read(query)


@router.get(
    "/bookings/{booking_id}/tickets/document",
    **for_roles(OWNERS_AND_FINANCE, 404, responses=_PDF, response_class=Response),
)  # fmt: skip
def read_tickets_document(booking_id: UUID, call: Called) -> Response:
    """The tickets that let in as PDF, each with its QR code on a page of its own."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        shown.whole(tx, who, booking_id)
        found = tickets_to_print(tx, booking_id)
        if found is None:
            raise NotFound("The booking has no tickets.", what="ticket")
        return found

    to_print = call.fetch(query)
    name = f'inline; filename="{to_print["tickets"][0].booking_reference}-tickets.pdf"'
    return Response(
        render_tickets(**to_print), media_type="application/pdf", headers={"Content-Disposition": name}
    )  # fmt: skip


@router.post("/ticket-check-ins", **for_roles(STAFF, *creates(404, 409), status_code=201, response_model=TicketCheckIn))
def check_in_ticket(body: NewTicketCheckIn, call: Called) -> Response:
    """Let in the holder of a ticket, once: signed in on the roll from then on. The same scan sent again changes
    nothing; another one is refused, naming when the ticket was used.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        made = check_in(
            tx, ticket_reference=body.ticket_reference, session_id=body.session_id,
            scanned_at=body.scanned_at or call.now, actor=who.actor, now=call.now,
        )  # fmt: skip
        return Answer(asdict(made), 201)

    return call.move(verb)


def _show(row: Row) -> Row:
    return {
        **{name: row[name] for name in ("ticket_reference", "session_id", "session", "starts_at", "ends_at", "site",
                                        "venue", "number", "seat_type", "attendee", "is_cancelled", "used_at")},
        "row": row["row_name"],
    }  # fmt: skip

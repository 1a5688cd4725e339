"""Tickets over the API: read, printed, mailed with the confirmation, scanned at the door."""

from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdf
import pytest

from api.runtime import Runtime
from api.worker import TellFamily
from engine.settings import Settings
from models import Venue
from tests.api.conftest import World
from tests.builders import add

START = datetime.fromisoformat("2026-04-05T09:30:00-04:00")


@pytest.fixture(scope="module")
def seated(world: World) -> dict[str, Any]:
    """A confirmed booking of Mia's with a seat in row A, and what is needed to see it."""
    hall = world.edit(lambda tx: add(tx, Venue, site_id=world.site["id"], name="Main hall"))
    world.admin.put(f"/venues/{hall['id']}/seats", {"blocks": [{"rows": "A", "numbers": "1-4", "seat_type": "VIP"}]})
    (session,) = world.new_sessions(count=1, capacity=10)
    seating = {"venue_id": str(hall["id"]), "prices": [{"seat_type": "VIP", "price_minor": 4520}]}
    world.admin.put(f"/offerings/{session['term_program_set_id']}/seating", seating)
    best = world.rossi.get(f"/sessions/{session['id']}/best-seats").json()["seats"][0]
    order = world.draft(world.admin, world.mia, world.rossi_account)
    line = {"session_id": str(session["id"]), "seat_id": best["id"]}
    cart = world.admin.put(f"/orders/{order['id']}/lines", {"lines": [line]}).json()
    world.admin.post(f"/orders/{order['id']}/submission", world.submission(cart))
    made = world.admin.post(f"/orders/{order['id']}/confirmation", {"reason": "as agreed"}).json()
    return {"booking": made["booking"], "session": str(session["id"]), "seat": best}


def test_a_family_reads_and_prints_its_tickets(world: World, seated: dict[str, Any]) -> None:
    path = f"/bookings/{seated['booking']['id']}"

    (ticket,) = world.rossi.get(f"{path}/tickets").json()["items"]
    printed = world.rossi.get(f"{path}/tickets/document")

    assert (ticket["row"], ticket["number"], ticket["used_at"]) == ("A", 2, None)
    text = pypdf.PdfReader(BytesIO(printed.content)).pages[0].extract_text()
    for shown in ("Mia Rossi", "Main hall", "Sunday, April 5, 2026", ticket["ticket_reference"], "VIP"):
        assert shown in text
    line = world.rossi.get(path).json()["lines"][0]
    assert (line["ticket_reference"], line["seat"]["number"]) == (ticket["ticket_reference"], 2)
    assert world.chen.get(f"{path}/tickets").status_code == 404
    assert world.chen.get(f"{path}/tickets/document").status_code == 404


def test_a_booking_without_seats_has_no_tickets(world: World) -> None:
    booking = world.confirmed(world.new_child("Zoe"), world.sessions[3:4])["booking"]

    assert world.rossi.get(f"/bookings/{booking['id']}/tickets").json() == {"items": []}
    assert world.rossi.get(f"/bookings/{booking['id']}/tickets/document").status_code == 404


def test_the_confirmation_brings_the_tickets(
    world: World, seated: dict[str, Any], database_url: str, tmp_path: Path
) -> None:
    world.admin.patch(f"/accounts/{world.rossi_account['id']}", {"email": "rossi@example.org"})
    tell = TellFamily(
        Runtime(Settings(data_directory=tmp_path, smtp_host=""), database_url, world.database, world.clock)
    )
    (message,) = world.rows(
        "SELECT id FROM outbox_message WHERE topic = 'booking.confirmed' AND payload->>'subject_id' = "
        "(SELECT order_id::text FROM term_booking WHERE id = %(id)s)", id=seated["booking"]["id"],
    )  # fmt: skip

    tell(organisation_id=world.organisation_id, message_id=message["id"])

    (kept,) = (tmp_path / "inbox").iterdir()
    mail = message_from_bytes(kept.read_bytes(), policy=default)
    names = [part.get_filename() for part in mail.iter_attachments()]
    assert f"{seated['booking']['reference']}-tickets.pdf" in names
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Row A seat 2" in body.get_content()
    assert "Your tickets are attached" in body.get_content()


def test_staff_let_in_once(world: World, seated: dict[str, Any]) -> None:
    (ticket,) = world.rossi.get(f"/bookings/{seated['booking']['id']}/tickets").json()["items"]
    scan = {"ticket_reference": ticket["ticket_reference"], "session_id": seated["session"]}
    assert world.rossi.post("/ticket-check-ins", scan).status_code == 403
    early = world.staff.post("/ticket-check-ins", scan)
    assert [reason["code"] for reason in early.json()["reasons"]] == ["wrong_day"]
    world.clock.move(START - timedelta(minutes=10) - world.clock.now())

    made = world.staff.post("/ticket-check-ins", scan)
    again = world.staff.post("/ticket-check-ins", scan | {"scanned_at": (START - timedelta(minutes=11)).isoformat()})

    assert made.status_code == 201, made.text
    assert (made.json()["attendee"], made.json()["seat"]) == ("Mia Rossi", "row A seat 2")
    assert again.status_code == 409
    assert again.json()["code"] == "ticket_refused"
    assert again.json()["reasons"][0]["message"] == "It was used on Sun 05 Apr 2026 09:20."
    (used,) = world.rossi.get(f"/bookings/{seated['booking']['id']}/tickets").json()["items"]
    assert used["used_at"] is not None
    roll = world.staff.get(f"/sessions/{seated['session']}/roll").json()
    (entry,) = roll["entries"]
    assert (entry["name"], entry["status"], entry["seat"]) == ("Mia Rossi", "PRESENT", "row A seat 2")
